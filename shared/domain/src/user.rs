//! External users and what their status lets them do (F57).

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    address::{Address, AddressKind, Channel},
    fields::{Answers, NAME},
    ids::{InvitationId, MemberId, PictureId, PortalId, UserId},
    locale::Locale,
    portal::RoleId,
    text::Text,
    wechat::Identity,
};

/// Where an external user stands (F57).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub enum Status {
    /// Proved an address, has not finished signing up (F34).
    Inactive,
    /// Waits for an administrator (F30).
    Pending,
    /// May come in; takes a seat.
    Active,
    /// An administrator said no.
    Rejected,
    /// Shut out by an administrator.
    Disabled,
}

impl Status {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Inactive, Self::Pending, Self::Active, Self::Rejected, Self::Disabled];

    /// The stable name, as stored and as callers see it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Inactive => "inactive",
            Self::Pending => "pending",
            Self::Active => "active",
            Self::Rejected => "rejected",
            Self::Disabled => "disabled",
        }
    }
}

/// The reason of a rejection, shown to the applicant.
pub type Reason = Text<500>;

/// An administrator's answer to an application (F43).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Let in, with this role, or with the one that they signed up with.
    Approve(Option<RoleId>),
    /// Refuse, with a reason if one was given.
    Reject(Option<Reason>),
    /// Ask for more, with the reason: the form is open again (B5).
    Ask(Reason),
}

impl Verdict {
    /// The status that the applicant gets.
    pub fn status(&self) -> Status {
        match self {
            Self::Approve(_) => Status::Active,
            Self::Reject(_) => Status::Rejected,
            Self::Ask(_) => Status::Inactive,
        }
    }
}

/// Who decided on an application, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Decided {
    /// The administrator.
    pub by: MemberId,
    /// When (UTC).
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub at: Timestamp,
    /// The reason given to a rejected applicant, or to one who is asked for more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
}

/// That somebody accepted the agreements of a portal (F10).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Consent {
    /// The version that was shown to them.
    pub version: u32,
    /// When (UTC).
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub at: Timestamp,
    /// From which client address.
    pub client: String,
}

/// An external user of one portal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct User {
    /// Identifier, ordered by registration time.
    pub id: UserId,
    /// The portal, which is the only place where this user exists.
    pub portal: PortalId,
    /// Where they stand.
    pub status: Status,
    /// The one role that they have (F66).
    pub role: RoleId,
    /// The phone number that they proved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<Address>,
    /// The email address that they proved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<Address>,
    /// Who they are at WeChat, once that was bound (S33, S34).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wechat: Option<Identity>,
    /// The language in which they signed up, and in which news reach them.
    pub locale: Locale,
    /// What they filled in.
    #[serde(default)]
    pub answers: Answers,
    /// When the account was made (UTC).
    pub registered_at: Timestamp,
    /// The decision on their application.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided: Option<Decided>,
    /// The agreements that they accepted last (F10).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consent: Option<Consent>,
    /// The invitation that they came by (F31).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invitation: Option<InvitationId>,
    /// Their picture (F80).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub picture: Option<PictureId>,
}

impl User {
    /// A new account that has proved one address and nothing else.
    pub fn new(id: UserId, portal: PortalId, address: Address, role: RoleId, locale: Locale, registered_at: Timestamp) -> Self {
        let (phone, email) = match address.kind() {
            AddressKind::Phone => (Some(address), None),
            AddressKind::Email => (None, Some(address)),
        };
        Self {
            id,
            portal,
            status: Status::Inactive,
            role,
            phone,
            email,
            wechat: None,
            locale,
            answers: Answers::new(),
            registered_at,
            decided: None,
            consent: None,
            invitation: None,
            picture: None,
        }
    }

    /// The address of a kind.
    pub fn address_of(&self, kind: AddressKind) -> Option<&Address> {
        match kind {
            AddressKind::Phone => self.phone.as_ref(),
            AddressKind::Email => self.email.as_ref(),
        }
    }

    /// Gives them an address that they proved, in the place of the one of its kind.
    pub fn set_address(&mut self, address: Address) {
        match address.kind() {
            AddressKind::Phone => self.phone = Some(address),
            AddressKind::Email => self.email = Some(address),
        }
    }

    /// Binds who they are at WeChat, unless this service account knows them as somebody else already (S34). What another service
    /// account called them gives way: the organisation has one at a time.
    pub fn bind_wechat(&mut self, identity: &Identity) {
        if self.wechat.as_ref().is_none_or(|known| known.app != identity.app) {
            self.wechat = Some(identity.clone());
        }
    }

    /// What an administrator asked for, where one asked for more and nothing was sent since (B5).
    pub fn asked(&self) -> Option<&Reason> {
        let decided = self.decided.as_ref().filter(|_| self.status == Status::Inactive);
        decided.and_then(|decided| decided.reason.as_ref())
    }

    /// The name that they gave, if the portal asked for it.
    pub fn name(&self) -> Option<&str> {
        self.answers.iter().find(|(id, _)| id.as_str() == NAME).and_then(|(_, value)| value.as_str())
    }

    /// Where news reach them: their phone, else their mailbox (F30).
    pub fn address(&self) -> Option<&Address> {
        self.phone.as_ref().or(self.email.as_ref())
    }

    /// By which channel news reach them (F30).
    pub fn channel(&self) -> Channel {
        self.address().map_or(Channel::Email, |address| address.kind().channel())
    }
}
