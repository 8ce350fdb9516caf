//! An account, as its owner sees it.

use jiff::Timestamp;
use portico_domain::{
    fields::{Answers, Field},
    locale::Locale,
    password::min_length,
    portal::{Portal, Profile},
    user::{Status, User},
};
use portico_store::Credentials;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{PortalView, UserView};

/// An account, as its owner sees it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Me {
    user: OwnUser,
    portal: PortalView,
    /// What the portal asks for.
    fields: Vec<Field>,
    /// What they filled in, by field.
    #[schema(value_type = std::collections::HashMap<String, Object>)]
    answers: Answers,
    /// The language in which news reach them.
    locale: Locale,
    /// Where their picture is: an address below that of the API. Another picture has another address.
    #[schema(example = "/v1/portals/01KAMQ3ZB7W0GJ5Q4S9T2X8Y6V/pictures/01KAMQ3ZB7W0GJ5Q4S9T2X8Y6V")]
    picture: Option<String>,
    /// Whether they have a password.
    password: bool,
    /// Whether they have an authenticator app for the second step.
    totp: bool,
    /// How many recovery codes are left for the second step.
    recovery_codes_left: usize,
    /// Whether WeChat opens this account.
    wechat: bool,
    /// What the portal lets them change (F81).
    may_change: Profile,
    /// The agreements that they accepted last.
    #[serde(skip_serializing_if = "Option::is_none")]
    consent: Option<OwnConsent>,
    /// When the account was made (UTC).
    #[schema(value_type = String, format = DateTime)]
    registered_at: Timestamp,
    /// The least characters of a password (S15).
    password_min_length: usize,
}

/// Who they are.
#[derive(Debug, Serialize, ToSchema)]
struct OwnUser {
    #[serde(flatten)]
    user: UserView,
    /// Where they stand.
    status: Status,
}

/// That they accepted the agreements.
#[derive(Debug, Serialize, ToSchema)]
struct OwnConsent {
    /// The version that was shown to them.
    version: u32,
    /// When (UTC).
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
}

impl Me {
    /// An account for the eyes of its owner.
    pub fn new(portal: &Portal, user: User, credentials: &Credentials) -> Self {
        Self {
            picture: picture_url(&user),
            user: OwnUser { user: UserView::new(&user, portal), status: user.status },
            portal: PortalView::new(portal),
            fields: portal.collected_fields().cloned().collect(),
            answers: user.answers,
            locale: user.locale,
            password: credentials.password.is_some(),
            totp: credentials.authenticator.is_some(),
            recovery_codes_left: credentials.authenticator.as_ref().map_or(0, |authenticator| authenticator.recovery.len()),
            wechat: user.wechat.is_some(),
            may_change: portal.settings.profile,
            consent: user.consent.map(|consent| OwnConsent { version: consent.version, at: consent.at }),
            registered_at: user.registered_at,
            password_min_length: min_length(portal.settings.sign_in.second_step),
        }
    }
}

/// Where the picture of a user is, if they have one.
pub fn picture_url(user: &User) -> Option<String> {
    user.picture.map(|picture| format!("/v1/portals/{}/pictures/{picture}", user.portal))
}
