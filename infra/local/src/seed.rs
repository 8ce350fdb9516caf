//! A demo organisation with a portal and an administrator, and more of them for tests.

use jiff::{SignedDuration, Timestamp};
use portico_access::wechat::{Binding, ServiceAccounts};
use portico_domain::{
    address::Address,
    fields::{self, Field, FieldId, FieldType, Label},
    ids::{ApplicationId, MemberId, OrganisationId, PortalId},
    member::{Member, Right},
    portal::{Application, Link, LinkKind, Portal, Role, RoleId, Settings},
    suffix::Suffix,
    text::{Name, Text},
    wechat::{AppId, GivenSecrets, Mode},
};
use portico_runtime::{Deployment, entropy};
use portico_store::{LinkError, MemberToken, Organisation, Store, Table, WeChatAccount};
use serde::Serialize;

use crate::wechat::{Credentials, DEMO_APP, credentials};

/// What scripts and tests need to know of an organisation.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Seeded {
    /// The organisation's id.
    pub organisation: String,
    /// The portal's id.
    pub portal: String,
    /// The portal's address in full; put together by the caller of [`seed`], which knows the host.
    pub link: String,
    /// The address's last part.
    pub suffix: String,
    /// Who administers it.
    pub administrator: Administrator,
    /// The present, by the local cloud's clock.
    pub now: Timestamp,
}

/// An administrator of a seeded organisation.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Administrator {
    /// A fresh session, for `Authorization: Bearer`.
    pub session: String,
}

/// How long the administrator's session is good.
const SESSION: SignedDuration = SignedDuration::from_hours(12);

/// Makes an organisation called `name` with a portal under `suffix` and an owner who reads mail at `owner`; when the suffix is already taken (by an
/// earlier run, whose data outlive it) the organisation behind it is answered instead, with a fresh session of its owner.
///
/// # Errors
/// What the store says, as text.
pub async fn seed(deployment: &Deployment, name: &str, suffix: &str, owner: &str) -> Result<Seeded, String> {
    let store = Store::open(deployment, &[Table::Portals, Table::Users]).map_err(text)?;
    let now = deployment.clock().now();
    let suffix = Suffix::parse(suffix).map_err(text)?;
    if let Some(portal) = store.portal_of_suffix(&suffix).await.map_err(text)? {
        return again(&store, portal, suffix, now).await;
    }
    let name = Name::parse(name).map_err(text)?;
    let random = || entropy::wide().map_err(text);
    let organisation = Organisation { id: OrganisationId::new(now, random()?), name: name.clone(), created_at: now };
    let owner = Member {
        id: MemberId::new(now, random()?),
        organisation: organisation.id,
        name: Name::parse("Owner").map_err(text)?,
        email: Address::parse(owner, &[]).map_err(text)?,
        rights: Right::ALL.to_vec(),
    };
    store.create_organisation(&organisation, &owner).await.map_err(text)?;
    let application = Application { id: ApplicationId::new(now, random()?), name: name.clone() };
    let mut portal = Portal::new(PortalId::new(now, random()?), organisation.id, application, settings(name)?, now);
    portal.links.push(Link { suffix: suffix.clone(), kind: LinkKind::Custom, accounts: None, password: None, wechat: None, role: None });
    match store.create_portal(&portal).await {
        Ok(()) => answer(&store, organisation.id, owner.id, portal.id, suffix, now).await,
        Err(LinkError::Taken) => Err(format!("the suffix {suffix} was taken meanwhile")),
        Err(error) => Err(text(error)),
    }
}

/// The service account of the organisation, if it is the stand-in's; bound when there is none, and offered in the portal then.
///
/// # Errors
/// What the store or WeChat say, as text.
pub async fn wechat(deployment: &Deployment, seeded: &Seeded) -> Result<Option<WeChatAccount>, String> {
    let organisation: OrganisationId = seeded.organisation.parse().map_err(text)?;
    let app = AppId::try_from(DEMO_APP.to_owned()).map_err(text)?;
    let store = Store::open(deployment, &[Table::Portals, Table::Codes]).map_err(text)?;
    if let Some(account) = store.wechat_account(organisation).await.map_err(text)? {
        return Ok(Some(account).filter(|account| account.app == app));
    }
    let Credentials { app_secret, token, aes_key } = credentials(&app);
    let given = GivenSecrets {
        app_secret: Some(app_secret.try_into().map_err(text)?),
        token: Some(token.try_into().map_err(text)?),
        aes_key: Some(aes_key.try_into().map_err(text)?),
    };
    let accounts = ServiceAccounts::open(deployment, &store).map_err(text)?;
    let binding = Binding { app, given, mode: Mode::Safe, verification: None };
    let (account, _) = accounts.bind(organisation, binding).await.map_err(text)?;
    let mut portal = store.portal(seeded.portal.parse().map_err(text)?).await.map_err(text)?.ok_or("there is no portal")?;
    portal.settings.sign_in.wechat.enabled = true;
    store.save_settings(&portal).await.map_err(text)?;
    Ok(Some(account))
}

/// The settings of the demo portal: approved users, name required, company and position asked for.
fn settings(name: Name) -> Result<Settings, String> {
    let mut settings = Settings::starting(name);
    let field = |id: &str, zh: &str, en: &str, required| {
        Ok::<_, String>(Field {
            id: FieldId::try_from(id.to_owned()).map_err(text)?,
            kind: FieldType::Text,
            label: Label { zh: Text::parse(zh).map_err(text)?, en: Text::parse(en).map_err(text)? },
            collect: true,
            required,
            options: Vec::new(),
            max_length: None,
        })
    };
    settings.fields = vec![
        field(fields::NAME, "姓名", "Name", true)?,
        field("company", "公司", "Company", false)?,
        field("position", "职位", "Position", false)?,
    ];
    let customer = RoleId::try_from("customer".to_owned()).map_err(text)?;
    let partner = RoleId::try_from("partner".to_owned()).map_err(text)?;
    settings.roles = vec![
        Role { id: customer.clone(), name: Name::parse("Customer").map_err(text)? },
        Role { id: partner, name: Name::parse("Partner").map_err(text)? },
    ];
    settings.default_role = customer;
    settings.check().map_err(text)?;
    Ok(settings)
}

async fn again(store: &Store, portal: PortalId, suffix: Suffix, now: Timestamp) -> Result<Seeded, String> {
    let portal = store.portal(portal).await.map_err(text)?.ok_or("the link leads to no portal")?;
    let owner = store.members(portal.organisation).await.map_err(text)?.into_iter().next().ok_or("the organisation has no member")?;
    answer(store, portal.organisation, owner.id, portal.id, suffix, now).await
}

async fn answer(
    store: &Store,
    organisation: OrganisationId,
    owner: MemberId,
    portal: PortalId,
    suffix: Suffix,
    now: Timestamp,
) -> Result<Seeded, String> {
    let token = MemberToken::new(organisation, owner, entropy::bytes().map_err(text)?);
    let expires_at = now.saturating_add(SESSION).map_err(text)?;
    store.open_member_session(&token, expires_at).await.map_err(text)?;
    Ok(Seeded {
        organisation: organisation.to_string(),
        portal: portal.to_string(),
        link: String::new(),
        suffix: suffix.to_string(),
        administrator: Administrator { session: token.reveal() },
        now,
    })
}

fn text(error: impl ToString) -> String {
    error.to_string()
}
