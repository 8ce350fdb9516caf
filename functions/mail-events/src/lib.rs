//! Topic: notes what became of mails, as SES tells it.
//!
//! SES tells in any order, and more than once; what an event says of a message is judged where it is written. Mails carry the ids of
//! their portal and message as tags, and what has none is not ours to note.

mod event;

use portico_runtime::{Deployment, MissingVariable};
use portico_store::{Store, StoreError, Table};
use serde::Deserialize;
use serde_json::Value;

use event::{Told, Unread};

/// Why an event was not taken. It comes again.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The function was not given what it needs.
    #[error(transparent)]
    Deployment(#[from] MissingVariable),
    /// The tables gave no answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

#[derive(Deserialize)]
struct Notices {
    #[serde(rename = "Records")]
    records: Vec<Value>,
}

/// Notes what the notices of a topic say. What cannot be read is dropped, and only that it was is logged: it may name addresses (S10).
pub async fn receive(deployment: &Deployment, event: Value) -> Result<Value, Failure> {
    let store = Store::open(deployment, &[Table::Messages])?;
    let notices = serde_json::from_value::<Notices>(event).map_or_else(|_| vec![Value::Null], |notices| notices.records);
    for notice in &notices {
        match event::read(&notice["Sns"]["Message"]) {
            Ok(Told { portal, message, event }) => store.mail_event(portal, message, event, deployment.clock().now()).await?,
            Err(Unread::NotOurs) => {}
            Err(Unread::Unknown(reason)) => tracing::warn!(reason, "an event of mail was not understood"),
        }
    }
    Ok(Value::Null)
}
