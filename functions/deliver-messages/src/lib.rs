//! Stream: sends messages as soon as they are written, and writes the mails that follow from news (R13, R14, R16, R17).
//!
//! The stream brings a record once or more, in any order as far as this matters, and a claim decides. What a provider does not take now
//! is the sweep's; what the tables do not let us do comes again with the stream, and in the end lies in the queue of the undeliverable.

use std::sync::Arc;

use portico_delivery::{Delivered, Delivery};
use portico_runtime::{Deployment, MissingVariable};
use portico_store::{Entry, Store, StoreError, Table};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::task::{JoinError, JoinSet};

/// So many messages are sent side by side: providers are waited for.
const AT_ONCE: usize = 10;

/// Why a batch was not taken.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The function was not given what it needs.
    #[error(transparent)]
    Deployment(#[from] MissingVariable),
    /// What came is no batch of a stream.
    #[error("no batch of a stream: {0}")]
    Event(#[from] serde_json::Error),
}

/// A batch of a stream, as far as it matters here.
#[derive(Deserialize)]
struct Batch {
    #[serde(rename = "Records")]
    records: Vec<Record>,
}

#[derive(Deserialize)]
struct Record {
    dynamodb: Change,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Change {
    /// The attributes `pk` and `sk`, in the notation of DynamoDB.
    #[serde(default)]
    keys: Value,
    sequence_number: String,
}

/// What is to come again.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    batch_item_failures: Vec<Failed>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Failed {
    item_identifier: String,
}

/// Delivers the records of a batch; answers those that are to come again.
pub async fn deliver(deployment: &Deployment, event: Value) -> Result<Value, Failure> {
    let batch: Batch = serde_json::from_value(event)?;
    let store = Store::open(deployment, &[Table::Portals, Table::Users, Table::Codes, Table::Messages])?;
    let delivery = Arc::new(Delivery::open(deployment, &store)?);
    let (mut running, mut answer) = (JoinSet::new(), Answer::default());
    for record in batch.records {
        if running.len() == AT_ONCE {
            note(running.join_next().await, &mut answer);
        }
        let delivery = delivery.clone();
        running.spawn(async move { (record.dynamodb.sequence_number, take(&delivery, &record.dynamodb.keys).await) });
    }
    while !running.is_empty() {
        note(running.join_next().await, &mut answer);
    }
    Ok(serde_json::to_value(answer)?)
}

/// Deals with one record. What is neither message nor news is none of ours.
async fn take(delivery: &Delivery, keys: &Value) -> Result<(), StoreError> {
    let part = |name: &str| keys[name]["S"].as_str().unwrap_or_default();
    match Entry::of(part("pk"), part("sk")) {
        Some(Entry::Message(place)) => delivery.deliver(&place).await.map(|_: Delivered| ()),
        Some(Entry::News(place)) => delivery.tell(place).await.map(drop),
        None => Ok(()),
    }
}

/// What came of a record, by its number.
type Ended = (String, Result<(), StoreError>);

fn note(ended: Option<Result<Ended, JoinError>>, answer: &mut Answer) {
    match ended {
        Some(Ok((_, Ok(())))) | None => {}
        Some(Ok((sequence_number, Err(error)))) => {
            tracing::error!(sequence = sequence_number, %error, "a record of the stream is to come again");
            answer.batch_item_failures.push(Failed { item_identifier: sequence_number });
        }
        Some(Err(error)) => tracing::error!(%error, "a delivery broke off; its claim ends, and the sweep takes it"),
    }
}
