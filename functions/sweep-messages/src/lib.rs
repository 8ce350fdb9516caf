//! Schedule: sends what is due: messages that were put off, those whose claim ended because somebody died, and what the stream overlooked
//! (R13, R28). A run too many finds nothing to do.

use std::sync::Arc;

use portico_delivery::{Delivered, Delivery};
use portico_runtime::{Deployment, MissingVariable};
use portico_store::{Store, StoreError, Table};
use serde::Serialize;
use tokio::task::{JoinError, JoinSet};

/// So many of each queue are taken in one run; the next one comes in a minute.
const OF_EACH: i32 = 250;
/// So many messages are sent side by side.
const AT_ONCE: usize = 10;

/// What a run did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Messages that were handed over.
    pub sent: usize,
    /// Messages that wait for another try.
    pub waiting: usize,
    /// Messages that were given up.
    pub parked: usize,
    /// News whose mails were written.
    pub told: usize,
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

/// Sends what is due, the news' mails last: they are due at once, and the stream has them.
pub async fn run(deployment: &Deployment) -> Result<Summary, Failure> {
    let store = Store::open(deployment, &[Table::Portals, Table::Users, Table::Codes, Table::Messages])?;
    let delivery = Arc::new(Delivery::open(deployment, &store)?);
    let now = deployment.clock().now();
    let (mut summary, mut running) = (Summary::default(), JoinSet::new());
    for place in store.due_messages(now, OF_EACH).await? {
        if running.len() == AT_ONCE {
            note(running.join_next().await, &mut summary);
        }
        let delivery = delivery.clone();
        running.spawn(async move { delivery.deliver(&place).await });
    }
    while !running.is_empty() {
        note(running.join_next().await, &mut summary);
    }
    for place in store.due_news(now, OF_EACH).await? {
        delivery.tell(place).await?;
        summary.told += 1;
    }
    Ok(summary)
}

fn note(ended: Option<Result<Result<Delivered, StoreError>, JoinError>>, summary: &mut Summary) {
    match ended {
        Some(Ok(Ok(Delivered::Sent))) => summary.sent += 1,
        Some(Ok(Ok(Delivered::Waits))) => summary.waiting += 1,
        Some(Ok(Ok(Delivered::Parked))) => summary.parked += 1,
        Some(Ok(Ok(Delivered::Nothing))) | None => {}
        Some(Ok(Err(error))) => tracing::error!(%error, "a message stays due"),
        Some(Err(error)) => tracing::error!(%error, "a delivery broke off; its claim ends, and the next run takes it"),
    }
}
