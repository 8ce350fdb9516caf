//! Messages to people who follow or agreed: template messages, and notices that were subscribed to once.

use std::{collections::BTreeMap, fmt};

use portico_domain::wechat::OpenId;
use serde::{Deserialize, Serialize};

/// The number that WeChat gives to a template message; the push about its end names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MessageId(pub u64);

/// One value of a message. Personal: `Debug` hides it.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct Value {
    value: String,
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self { value: text.to_owned() }
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Value(redacted)")
    }
}

/// A template message, for people who follow the account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TemplateMessage {
    /// To whom.
    #[serde(rename = "touser")]
    pub to: OpenId,
    /// The template, by the name that it has at the account.
    #[serde(rename = "template_id")]
    pub template: String,
    /// The page that opens at a touch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The values, by the names of the template's fields.
    pub data: BTreeMap<String, Value>,
    /// Ours: the same number twice sends one message (R13), where WeChat keeps to it.
    #[serde(rename = "client_msg_id", skip_serializing_if = "Option::is_none")]
    pub once: Option<String>,
}

/// A notice that a person subscribed to: one agreement, one notice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Notice {
    /// To whom.
    #[serde(rename = "touser")]
    pub to: OpenId,
    /// The template, by the name that it has at the account.
    #[serde(rename = "template_id")]
    pub template: String,
    /// The page that opens at a touch.
    #[serde(rename = "page", skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The values, by the names of the template's fields.
    pub data: BTreeMap<String, Value>,
}
