//! Topic: notes what became of mails, as SES tells it.

use portico_runtime::{Deployment, MissingVariable};
use serde_json::Value;

/// Why an event was not taken.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The function was not given what it needs.
    #[error(transparent)]
    Deployment(#[from] MissingVariable),
}

/// Takes the notices of an event.
pub async fn receive(_deployment: &Deployment, _event: Value) -> Result<Value, Failure> {
    Ok(Value::Null)
}
