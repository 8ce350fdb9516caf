//! Schedule: tells administrators that a registration window is over (F20).
//!
//! The window itself is computed from the clock at every sign-up; a schedule that runs late, twice or never changes nothing but the
//! notice (R28).

use portico_domain::{
    ids::NewsId,
    message::{News, NewsEvent},
};
use portico_runtime::{
    Deployment, MissingVariable,
    entropy::{self, NoEntropy},
};
use portico_store::{Store, StoreError, Table};
use serde::Serialize;

/// What a run did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Windows that were found to be over, and of which administrators are told.
    pub closed: usize,
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
    /// No random bits.
    #[error(transparent)]
    Entropy(#[from] NoEntropy),
}

/// Writes the news of all windows that are over, each exactly once, for those who manage the portal.
pub async fn run(deployment: &Deployment) -> Result<Summary, Failure> {
    let store = Store::open(deployment, &[Table::Portals, Table::Messages])?;
    let (mut summary, at) = (Summary::default(), deployment.clock().now());
    for portal in store.portals_to_close(at).await? {
        let window = portal.settings.registration.window.as_ref();
        let Some((end, closed_at)) = window.and_then(|window| window.closes_at().zip(window.closes_at_local())) else { continue };
        let id = NewsId::new(at, entropy::wide()?);
        let event = NewsEvent::RegistrationClosed { closed_at };
        let news = News { id, organisation: portal.organisation, portal: portal.id, event, at };
        summary.closed += usize::from(store.tell_closed(portal.id, end, &news).await?);
    }
    Ok(summary)
}
