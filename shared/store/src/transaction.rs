//! Writes that happen together or not at all.

use std::time::Duration;

use aws_sdk_dynamodb::{
    error::SdkError,
    operation::transact_write_items::{TransactWriteItemsError, builders::TransactWriteItemsFluentBuilder},
    types::{CancellationReason, ConditionCheck, Delete, Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update},
};

use crate::{Store, StoreError, calls::Call, items::Item};

/// How often a transaction that met another one is tried (R10).
const TRIES: u32 = 6;

/// Why a transaction wrote nothing.
#[derive(Debug)]
pub(crate) enum Cancelled {
    /// The condition of the part with this index failed; with the item as it was, if there was one.
    Condition(usize, Option<Item>),
    /// Nothing that a caller could decide on.
    Store(StoreError),
}

impl From<StoreError> for Cancelled {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<aws_sdk_dynamodb::error::BuildError> for Cancelled {
    fn from(error: aws_sdk_dynamodb::error::BuildError) -> Self {
        Self::Store(error.into())
    }
}

pub(crate) fn put(put: Put) -> TransactWriteItem {
    TransactWriteItem::builder().put(put).build()
}

pub(crate) fn update(update: Update) -> TransactWriteItem {
    TransactWriteItem::builder().update(update).build()
}

pub(crate) fn delete(delete: Delete) -> TransactWriteItem {
    TransactWriteItem::builder().delete(delete).build()
}

pub(crate) fn check(check: ConditionCheck) -> TransactWriteItem {
    TransactWriteItem::builder().condition_check(check).build()
}

/// What a failed condition should show.
pub(crate) const SHOW_OLD: ReturnValuesOnConditionCheckFailure = ReturnValuesOnConditionCheckFailure::AllOld;

impl Store {
    /// Writes all parts or none. Conflicts with other transactions are waited out with growing, scattered pauses.
    ///
    /// The SDK gives each transaction a token, so that its own retries after a lost answer change nothing (R3).
    pub(crate) async fn write_all(&self, parts: Vec<TransactWriteItem>) -> Result<(), Cancelled> {
        let request: TransactWriteItemsFluentBuilder = self.client.transact_write_items().set_transact_items(Some(parts));
        let mut pause = Scatter::new(&request);
        for attempt in 1..=TRIES {
            let error = match request.clone().call().await {
                Ok(_) => return Ok(()),
                Err(error) => error,
            };
            match judge(error) {
                Verdict::Final(cancelled) => return Err(cancelled),
                Verdict::Again if attempt < TRIES => tokio::time::sleep(pause.after(attempt)).await,
                Verdict::Again => {}
            }
        }
        Err(StoreError::Unavailable("transactions kept conflicting".into()).into())
    }
}

enum Verdict {
    Final(Cancelled),
    Again,
}

fn judge(error: SdkError<TransactWriteItemsError>) -> Verdict {
    let reasons: &[CancellationReason] = match error.as_service_error() {
        Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) => cancelled.cancellation_reasons(),
        Some(TransactWriteItemsError::TransactionInProgressException(_)) => return Verdict::Again,
        _ => return Verdict::Final(Cancelled::Store(error.into())),
    };
    let failed = reasons.iter().position(|reason| reason.code() == Some("ConditionalCheckFailed"));
    if let Some(index) = failed {
        return Verdict::Final(Cancelled::Condition(index, reasons[index].item().cloned()));
    }
    let passing = ["TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"];
    if reasons.iter().any(|reason| reason.code().is_some_and(|code| passing.contains(&code))) {
        return Verdict::Again;
    }
    Verdict::Final(Cancelled::Store(error.into()))
}

/// Pauses that differ between requests, so that those who met once do not meet again.
struct Scatter(u64);

impl Scatter {
    /// Seeded by where the request lies in memory: enough to part two requests, and no secret.
    fn new<T>(seed: &T) -> Self {
        Self(std::ptr::from_ref(seed).addr() as u64 | 1)
    }

    fn after(&mut self, attempt: u32) -> Duration {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let ceiling = 10_u64 << attempt;
        Duration::from_millis(5 + (self.0 >> 33) % ceiling)
    }
}
