//! Schedule: tells administrators that a registration window is over (F20).
//!
//! The window itself is computed from the clock at every sign-up; a schedule that runs late, twice or never changes nothing but the
//! notice (R28).

use portico_domain::{address::AddressKind, locale::Locale, member::Right, portal::Portal};
use portico_messaging::{Messenger, texts};
use portico_runtime::{Deployment, MissingVariable};
use portico_store::{Store, StoreError, Table};
use serde::Serialize;

/// What a run did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Windows that were marked as over.
    pub closed: usize,
    /// Administrators who were told.
    pub told: usize,
    /// Notices that could not be sent.
    pub failed: usize,
}

/// Why a run ended early. The next one goes on.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The function was not given what it needs.
    #[error(transparent)]
    Deployment(#[from] MissingVariable),
    /// The tables gave no answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Marks all windows that are over, each exactly once, and tells those who manage the portal.
pub async fn run(deployment: &Deployment) -> Result<Summary, Failure> {
    let store = Store::open(deployment, &[Table::Portals, Table::Users])?;
    let messenger = Messenger::open(deployment)?;
    let mut summary = Summary::default();
    for portal in store.portals_to_close(deployment.clock().now()).await? {
        let Some(end) = portal.settings.registration.window.as_ref().and_then(|window| window.closes_at()) else { continue };
        if store.mark_closed(portal.id, end).await? {
            summary.closed += 1;
            tell(&store, &messenger, &portal, &mut summary).await?;
        }
    }
    Ok(summary)
}

async fn tell(store: &Store, messenger: &Messenger, portal: &Portal, summary: &mut Summary) -> Result<(), StoreError> {
    let Some(window) = &portal.settings.registration.window else { return Ok(()) };
    let Some(end) = window.closes_at_local() else { return Ok(()) };
    let message = texts::registration_closed(portal.settings.name.as_str(), &end, Locale::En);
    for member in store.members(portal.organisation).await? {
        if member.email.kind() != AddressKind::Email || !member.may(Right::ManagePortals) {
            continue;
        }
        match messenger.send(&member.email, &message).await {
            Ok(()) => summary.told += 1,
            Err(error) => {
                tracing::error!(portal = %portal.id, %error, "an administrator was not told that registration closed");
                summary.failed += 1;
            }
        }
    }
    Ok(())
}
