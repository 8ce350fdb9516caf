//! A demo organisation with a portal and an administrator, and more of them for tests.

use jiff::Timestamp;
use portico_runtime::Deployment;
use serde::Serialize;

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

/// Makes an organisation called `name` with a portal under `suffix` and an owner; when the suffix is already taken (by an
/// earlier run, whose data outlive it) the organisation behind it is answered instead, with a fresh session of its owner.
///
/// # Errors
/// What the store says, as text.
pub async fn seed(deployment: &Deployment, name: &str, suffix: &str) -> Result<Seeded, String> {
    let _ = (deployment, name, suffix);
    Err("there is no store yet".to_owned())
}
