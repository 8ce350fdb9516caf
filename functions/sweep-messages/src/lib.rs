//! Schedule: sends messages that are due, put off or overlooked by the stream.

use portico_runtime::{Deployment, MissingVariable};
use serde::Serialize;

/// What a run did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Summary {}

/// Why a run ended early.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The function was not given what it needs.
    #[error(transparent)]
    Deployment(#[from] MissingVariable),
}

/// Sends what is due.
pub async fn run(_deployment: &Deployment) -> Result<Summary, Failure> {
    Ok(Summary::default())
}
