//! A portal: one application of an organisation, opened to people outside it, with all its settings.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

#[cfg(feature = "openapi")]
use crate::window::WindowInput;
use crate::{
    address::{AddressKind, Country},
    design::Design,
    fields::{self, Field, FieldId, FieldType, FieldsError, Label, check_definitions},
    ids::{ApplicationId, OrganisationId, PortalId},
    limits::Caps,
    spend::Budget,
    suffix::Suffix,
    text::{Name, Text},
    whitelist::{Whitelist, WhitelistError},
    window::{Window, WindowState},
};

mod sign_in;

pub use sign_in::{Accounts, SignIn, WeChat};

/// The most links that a portal may have, the default one included.
pub const MAX_LINKS: usize = 20;
const MAX_ROLES: usize = 50;

/// Who may come in (F29 to F31).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub enum Access {
    /// Anyone who proves an address (F29).
    Anyone,
    /// Applicants whom an administrator approves (F30).
    Approved,
    /// Invited people only (F31).
    Invited,
}

/// What users may change of themselves (F81).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// Their name and picture.
    pub name: bool,
    /// The other collected fields.
    pub fields: bool,
}

impl Profile {
    /// Whether users may change this field.
    pub fn may_change(self, field: &str) -> bool {
        if field == fields::NAME { self.name } else { self.fields }
    }
}

impl Default for Profile {
    fn default() -> Self {
        Self { name: true, fields: true }
    }
}

/// When new people may register.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Registration {
    /// The window (F20); always open if absent.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<WindowInput>))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<Window>,
}

/// The identifier of a role within a portal: 1 to 40 of `a-z`, `0-9`, `-`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(value_type = String, example = "customer", pattern = "^[a-z0-9-]{1,40}$"))]
#[serde(try_from = "String", into = "String")]
pub struct RoleId(String);

/// Not 1 to 40 of `a-z`, `0-9`, `-`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to 40 lower-case letters, digits or hyphens")]
pub struct InvalidRoleId;

impl TryFrom<String> for RoleId {
    type Error = InvalidRoleId;

    fn try_from(text: String) -> Result<Self, InvalidRoleId> {
        let shape = text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        if shape && (1..=40).contains(&text.len()) { Ok(Self(text)) } else { Err(InvalidRoleId) }
    }
}

impl From<RoleId> for String {
    fn from(id: RoleId) -> String {
        id.0
    }
}

impl RoleId {
    /// The identifier.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A role that external users of the portal can have (F66).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Role {
    /// Stable identifier.
    pub id: RoleId,
    /// What administrators read.
    pub name: Name,
}

/// All that administrators set on a portal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Settings {
    /// Whether anyone gets in at all (F1).
    pub enabled: bool,
    /// The name that outside people see (F2).
    pub name: Name,
    /// The face of the sign-in page.
    pub design: Design,
    /// How people sign in.
    pub sign_in: SignIn,
    /// When new people may register.
    pub registration: Registration,
    /// Who may come in.
    pub access: Access,
    /// The information that is collected; the name first (F33).
    pub fields: Vec<Field>,
    /// The roles of external users (F66).
    pub roles: Vec<Role>,
    /// The role of those who sign up (F67).
    pub default_role: RoleId,
    /// Whose application needs no administrator (F46).
    #[serde(default)]
    pub whitelist: Whitelist,
    /// What users may change of themselves (F81).
    #[serde(default)]
    pub profile: Profile,
    /// SMS with codes on a day, UTC; at the cap, email and passwords still work (S14). The deployment's cap if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub daily_sms: Option<u32>,
    /// What leads each SMS (F36); the deployment's signature if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<Text<20>>,
}

/// Why settings do not go together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// Neither phones nor email addresses.
    #[error("at least one kind of account is needed")]
    NoAccounts,
    /// Both kinds of account are to be bound, and one of them is not offered.
    #[error("binding both needs both kinds of account")]
    BindBoth,
    /// Phones are accepted, from nowhere.
    #[error("phone accounts need at least one country")]
    NoCountries,
    /// The fields do not go together.
    #[error(transparent)]
    Fields(#[from] FieldsError),
    /// The columns of the whitelist do not go with the fields.
    #[error(transparent)]
    Whitelist(#[from] WhitelistError),
    /// No role, too many, or two with one identifier.
    #[error("1 to {MAX_ROLES} roles with different identifiers are needed")]
    Roles,
    /// The default role is none of the roles.
    #[error("must be one of the roles")]
    DefaultRole,
}

impl SettingsError {
    /// Where in the settings it is, as a JSON pointer (RFC 6901).
    pub fn pointer(&self) -> String {
        match self {
            Self::NoAccounts => "/signIn/accounts".into(),
            Self::BindBoth => "/signIn/bindBoth".into(),
            Self::NoCountries => "/signIn/countries".into(),
            Self::Fields(FieldsError::Duplicate { index } | FieldsError::Options { index }) => format!("/fields/{index}"),
            Self::Fields(_) => "/fields".into(),
            Self::Whitelist(WhitelistError::Column(index)) => format!("/whitelist/columns/{index}"),
            Self::Whitelist(_) => "/whitelist/columns".into(),
            Self::Roles => "/roles".into(),
            Self::DefaultRole => "/defaultRole".into(),
        }
    }
}

impl Settings {
    /// What a new portal starts with: enabled, phone and email, seven days, approval by an administrator, nothing collected.
    pub fn starting(name: Name) -> Self {
        let literal = "what stands here fits its type; a test calls it";
        let label = Label { zh: Text::parse("姓名").expect(literal), en: Text::parse("Name").expect(literal) };
        let name_field = Field {
            id: FieldId::try_from(fields::NAME.to_owned()).expect(literal),
            kind: FieldType::Text,
            label,
            collect: false,
            required: false,
            options: Vec::new(),
            max_length: None,
        };
        let role = Role { id: RoleId("user".into()), name: Text::parse("User").expect(literal) };
        Self {
            enabled: true,
            name,
            design: Design::default(),
            sign_in: SignIn {
                accounts: Accounts { phone: true, email: true },
                password: true,
                wechat: WeChat::default(),
                second_step: false,
                bind_both: false,
                seven_days: true,
                countries: vec![Country::CHINA],
            },
            registration: Registration::default(),
            access: Access::Approved,
            fields: vec![name_field],
            default_role: role.id.clone(),
            roles: vec![role],
            whitelist: Whitelist::default(),
            profile: Profile::default(),
            daily_sms: None,
            signature: None,
        }
    }

    /// Checks what no single setting can know of the others.
    pub fn check(&self) -> Result<(), SettingsError> {
        if !self.sign_in.accounts.phone && !self.sign_in.accounts.email {
            return Err(SettingsError::NoAccounts);
        }
        if self.sign_in.accounts.phone && self.sign_in.countries.is_empty() {
            return Err(SettingsError::NoCountries);
        }
        if self.sign_in.bind_both && !(self.sign_in.accounts.phone && self.sign_in.accounts.email) {
            return Err(SettingsError::BindBoth);
        }
        check_definitions(&self.fields)?;
        self.whitelist.check(&self.fields)?;
        let distinct = self.roles.iter().enumerate().all(|(at, role)| self.roles[..at].iter().all(|earlier| earlier.id != role.id));
        if self.roles.is_empty() || self.roles.len() > MAX_ROLES || !distinct {
            return Err(SettingsError::Roles);
        }
        if !self.has_role(&self.default_role) {
            return Err(SettingsError::DefaultRole);
        }
        Ok(())
    }

    /// What the portal may send: its own wish within the deployment's caps (S9, S14).
    pub fn budget(&self, caps: &Caps) -> Budget {
        let daily_sms = self.daily_sms.map_or(caps.portal_daily_sms, |own| own.min(caps.portal_daily_sms));
        Budget { hourly: caps.portal_hourly, daily_sms }
    }

    /// Whether the portal has this role.
    pub fn has_role(&self, role: &RoleId) -> bool {
        self.roles.iter().any(|known| known.id == *role)
    }
}

/// What a link is (F3, F4, F6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub enum LinkKind {
    /// The application's identifier; always there (F4).
    Default,
    /// A suffix that an administrator chose.
    Custom,
}

/// One way to the portal's sign-in page, possibly narrower than the portal itself (F6).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Link {
    /// What stands after `/p/`.
    pub suffix: Suffix,
    /// Default or chosen.
    pub kind: LinkKind,
    /// The kinds of account that this link offers; all of the portal's if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accounts: Option<Accounts>,
    /// Whether this link offers passwords, where the portal does; as the portal has it if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<bool>,
    /// Whether this link offers WeChat, where the portal does; as the portal has it if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wechat: Option<bool>,
    /// The role of those who sign up here; the portal's default role if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<RoleId>,
}

/// The application behind a portal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Application {
    /// Identifier; also the suffix of the default link (F4).
    pub id: ApplicationId,
    /// The name inside the organisation.
    pub name: Name,
}

/// Which agreements a portal has, and in which version (F10).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AgreementHead {
    /// Counts the versions; who accepted an older one is asked again.
    pub version: u32,
    /// Whether there is a user agreement.
    pub terms: bool,
    /// Whether there is a privacy policy.
    pub privacy: bool,
}

/// A portal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Portal {
    /// Identifier.
    pub id: PortalId,
    /// The organisation that it belongs to.
    pub organisation: OrganisationId,
    /// The application that it opens.
    pub application: Application,
    /// What administrators set.
    pub settings: Settings,
    /// All ways to it; the default link first.
    pub links: Vec<Link>,
    /// The agreements that people accept, if there are any (F10). Their texts are kept apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agreement: Option<AgreementHead>,
    /// How many versions of agreements there were: no number comes twice, so that nobody has accepted a text that they never saw.
    #[serde(default)]
    pub agreement_versions: u32,
    /// Counts the changes of settings and links; the `ETag` of both.
    pub version: u64,
    /// When it was made (UTC).
    pub created_at: Timestamp,
}

impl Portal {
    /// A new portal with its default link.
    pub fn new(id: PortalId, organisation: OrganisationId, application: Application, settings: Settings, created_at: Timestamp) -> Self {
        let suffix = Suffix::of_application(application.id);
        let default_link = Link { suffix, kind: LinkKind::Default, accounts: None, password: None, wechat: None, role: None };
        Self {
            id,
            organisation,
            application,
            settings,
            links: vec![default_link],
            agreement: None,
            agreement_versions: 0,
            version: 1,
            created_at,
        }
    }

    /// The link with this suffix.
    pub fn link(&self, suffix: &Suffix) -> Option<&Link> {
        self.links.iter().find(|link| link.suffix == *suffix)
    }

    /// The link that is shown to people: the first one chosen, else the default.
    pub fn main_link(&self) -> Option<&Link> {
        self.links.iter().find(|link| link.kind == LinkKind::Custom).or(self.links.first())
    }

    /// The link to pass on to somebody with this kind of account: the one that is shown to people, if it offers that.
    pub fn link_for(&self, kind: AddressKind) -> Option<&Link> {
        self.main_link().into_iter().chain(&self.links).find(|link| self.accounts_at(Some(link)).allow(kind))
    }

    /// The kinds of account offered at a link (or at the portal itself): what both allow (F6).
    pub fn accounts_at(&self, link: Option<&Link>) -> Accounts {
        let own = self.settings.sign_in.accounts;
        link.and_then(|link| link.accounts).map_or(own, |narrower| own.both(narrower))
    }

    /// Whether a link (or the portal itself) offers passwords: only if both do (F6, F14).
    pub fn password_at(&self, link: Option<&Link>) -> bool {
        self.settings.sign_in.password && link.and_then(|link| link.password).unwrap_or(true)
    }

    /// Whether a link (or the portal itself) offers WeChat: only if both do (F6, F15).
    pub fn wechat_at(&self, link: Option<&Link>) -> bool {
        self.settings.sign_in.wechat.enabled && link.and_then(|link| link.wechat).unwrap_or(true)
    }

    /// The version of the agreements that people have to accept (F10).
    pub fn agreement_version(&self) -> Option<u32> {
        self.agreement.as_ref().map(|agreement| agreement.version)
    }

    /// The role of somebody who signs up at a link. A role that no longer exists falls back to the default (F67).
    pub fn role_at(&self, link: Option<&Link>) -> RoleId {
        let chosen = link.and_then(|link| link.role.as_ref()).filter(|role| self.settings.has_role(role));
        chosen.unwrap_or(&self.settings.default_role).clone()
    }

    /// The role that counts for a user: theirs, or the default one if theirs was deleted (F67).
    pub fn effective_role(&self, role: &RoleId) -> RoleId {
        if self.settings.has_role(role) { role.clone() } else { self.settings.default_role.clone() }
    }

    /// Whether new people may register now (F20).
    pub fn registration(&self, now: Timestamp) -> WindowState {
        self.settings.registration.window.as_ref().map_or(WindowState::Open, |window| window.state(now))
    }

    /// The fields that the registration form shows, in their order (F32).
    pub fn collected_fields(&self) -> impl Iterator<Item = &Field> {
        self.settings.fields.iter().filter(|field| field.collect)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_starting_settings_go_together() {
        assert_eq!(Settings::starting(Name::parse("Customer Service").unwrap()).check(), Ok(()));
    }

    #[test]
    fn a_link_narrows_and_never_widens() {
        let portal = Accounts { phone: true, email: false };
        let link = Accounts { phone: true, email: true };
        assert_eq!(portal.both(link), portal);
    }
}
