//! Schedule: ends sign-ins that are over (F25).
//!
//! Every request judges its own session; this only removes what nobody will use again, before the table's clean-up gets to it (R25,
//! R28).

use portico_runtime::{Deployment, MissingVariable};
use portico_store::{Store, StoreError, Table};
use serde::Serialize;

/// The most pages of the table that one run reads, so that it ends within its time; the next one begins again.
const MOST_PAGES: usize = 2_000;

/// What a run did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Sessions that were over and are gone.
    pub ended: usize,
    /// Whether the whole table was read.
    pub complete: bool,
}

/// Why a run ended early. The next one begins again.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The function was not given what it needs.
    #[error(transparent)]
    Deployment(#[from] MissingVariable),
    /// The tables gave no answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Removes all sessions that are over.
pub async fn run(deployment: &Deployment) -> Result<Summary, Failure> {
    let store = Store::open(deployment, &[Table::Users])?;
    let now = deployment.clock().now();
    let (mut summary, mut cursor) = (Summary::default(), None);
    for _ in 0..MOST_PAGES {
        let (ended, next) = store.sweep_sessions(now, cursor).await?;
        summary.ended += ended;
        cursor = next;
        if cursor.is_none() {
            summary.complete = true;
            break;
        }
    }
    Ok(summary)
}
