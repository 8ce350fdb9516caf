//! How people sign in at a portal.

use serde::{Deserialize, Serialize};

use crate::address::{AddressKind, Country};

/// Which addresses people sign in with (F11).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Accounts {
    /// Phone numbers.
    pub phone: bool,
    /// Email addresses.
    pub email: bool,
}

impl Accounts {
    /// Whether this kind of address is among them.
    pub fn allow(self, kind: AddressKind) -> bool {
        match kind {
            AddressKind::Phone => self.phone,
            AddressKind::Email => self.email,
        }
    }

    /// Those that are in both.
    pub fn both(self, other: Self) -> Self {
        Self { phone: self.phone && other.phone, email: self.email && other.email }
    }
}

/// Signing in with WeChat (F15 to F17).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = WeChatSignIn))]
#[serde(deny_unknown_fields)]
pub struct WeChat {
    /// Whether it is offered. It works once the organisation has a service account bound.
    #[serde(default)]
    pub enabled: bool,
    /// Whether who comes by it must follow the service account (F17).
    #[serde(default)]
    pub follow: bool,
}

/// How people sign in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SignIn {
    /// Phone numbers, email addresses or both (F11).
    pub accounts: Accounts,
    /// Whether people may sign in with a password that they set (F14).
    #[serde(default = "yes")]
    pub password: bool,
    /// Whether people may sign in with WeChat, by the organisation's service account (F15 to F17).
    #[serde(default)]
    pub wechat: WeChat,
    /// Whether a code is asked for after a password or WeChat (F19).
    #[serde(default)]
    pub second_step: bool,
    /// Whether both a phone and a mailbox must be proven before access (F21).
    #[serde(default)]
    pub bind_both: bool,
    /// Whether the page offers to stay signed in for seven days (F25).
    pub seven_days: bool,
    /// Countries whose numbers receive codes; numbers without a country code belong to the first (S12).
    pub countries: Vec<Country>,
}

fn yes() -> bool {
    true
}
