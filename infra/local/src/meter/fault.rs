//! Faults: which call fails, and how.

use std::time::Duration;

use serde_json::{Value, json};

/// What happens to a call.
#[derive(Debug, Clone, PartialEq)]
pub enum Fault {
    /// `ProvisionedThroughputExceededException`; nothing is done.
    Throttled,
    /// `TransactionConflictException`: another transaction holds the item; nothing is done.
    Conflict,
    /// `TransactionCanceledException` with one reason per action (`TransactionConflict`, `ConditionalCheckFailed`,
    /// `None`); nothing is done.
    Cancelled(Vec<&'static str>),
    /// `ResourceNotFoundException`: the table is not there.
    Missing,
    /// `AccessDeniedException` with this message; nothing is done.
    Denied(String),
    /// `InternalServerError` with status 500; nothing is done.
    Internal,
    /// The connection closes before the database sees the call.
    Dropped,
    /// The database does what was asked, and the connection closes before the answer.
    AnswerLost,
    /// The call waits, and is then done.
    Delayed(Duration),
}

impl Fault {
    /// The status and the body of an answer that the database did not give.
    pub(super) fn answer(&self) -> Option<(u16, Value)> {
        let named = |name: &str, message: &str| {
            let namespace = "com.amazonaws.dynamodb.v20120810";
            json!({"__type": format!("{namespace}#{name}"), "message": message})
        };
        Some(match self {
            Self::Throttled => (
                400,
                named(
                    "ProvisionedThroughputExceededException",
                    "The level of configured provisioned throughput for the table was exceeded.",
                ),
            ),
            Self::Conflict => (400, named("TransactionConflictException", "Transaction is ongoing for the item")),
            Self::Cancelled(reasons) => {
                let message =
                    format!("Transaction cancelled, please refer cancellation reasons for specific reasons [{}]", reasons.join(", "));
                let mut body = named("TransactionCanceledException", "");
                body["Message"] = Value::from(message);
                body["CancellationReasons"] = reasons.iter().map(|code| json!({"Code": code})).collect();
                (400, body)
            }
            Self::Missing => (400, named("ResourceNotFoundException", "Requested resource not found")),
            Self::Denied(message) => (400, named("AccessDeniedException", message)),
            Self::Internal => (500, named("InternalServerError", "Internal server error")),
            Self::Dropped | Self::AnswerLost | Self::Delayed(_) => return None,
        })
    }
}

/// Which calls a fault happens to. Calls are counted from the moment the rule is given.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// Only calls of this operation, such as `TransactWriteItems`.
    pub operation: Option<String>,
    /// Only calls on this table (also when it is one of several).
    pub table: Option<String>,
    /// Only calls whose body contains this text, such as the prefix of a key.
    pub containing: Option<String>,
    /// How many matching calls pass first.
    pub skip: usize,
    /// How many then fail; the rule is used up after them.
    pub times: usize,
    /// What happens to them.
    pub fault: Fault,
}

impl Rule {
    /// The next call of `operation`.
    #[must_use]
    pub fn next(operation: &str, fault: Fault) -> Self {
        Self::nth(1, operation, fault)
    }

    /// The `nth` call of `operation`, counted from 1.
    #[must_use]
    pub fn nth(nth: usize, operation: &str, fault: Fault) -> Self {
        let operation = Some(operation.to_owned());
        Self { operation, table: None, containing: None, skip: nth.saturating_sub(1), times: 1, fault }
    }

    /// Every call from now on.
    #[must_use]
    pub fn always(fault: Fault) -> Self {
        Self { operation: None, table: None, containing: None, skip: 0, times: usize::MAX, fault }
    }

    /// The same for `times` calls.
    #[must_use]
    pub fn times(self, times: usize) -> Self {
        Self { times, ..self }
    }

    /// The same for calls on `table` only.
    #[must_use]
    pub fn on(self, table: &str) -> Self {
        Self { table: Some(table.to_owned()), ..self }
    }

    /// The same for calls whose body contains `text` only.
    #[must_use]
    pub fn containing(self, text: &str) -> Self {
        Self { containing: Some(text.to_owned()), ..self }
    }

    /// Counts a call; the fault if it is hit.
    pub(super) fn hit(&mut self, operation: &str, tables: &[String], body: &[u8]) -> Option<Fault> {
        let other = |wanted: &Option<String>, is: &dyn Fn(&String) -> bool| wanted.as_ref().is_some_and(|wanted| !is(wanted));
        if other(&self.operation, &|wanted| wanted == operation)
            || other(&self.table, &|wanted| tables.contains(wanted))
            || other(&self.containing, &|wanted| body.windows(wanted.len()).any(|window| window == wanted.as_bytes()))
        {
            return None;
        }
        if self.skip > 0 {
            self.skip -= 1;
            return None;
        }
        self.times = self.times.checked_sub(1)?;
        Some(self.fault.clone())
    }
}
