//! One call to the database: what it was, when, and what it cost.

use std::collections::BTreeSet;
use std::time::Instant;

use serde::Deserialize;
use serde_json::Value;

/// A call that went through the meter.
#[derive(Debug, Clone)]
pub struct Call {
    /// Who signed it: the function's crate, or `local`.
    pub caller: String,
    /// Such as `BatchGetItem`.
    pub operation: String,
    /// The tables it names.
    pub tables: Vec<String>,
    /// The rights it takes: action (`dynamodb:PutItem`) and table, or `Table/index/Index`. A transaction takes those of its parts.
    pub rights: BTreeSet<(String, String)>,
    /// Read request units.
    pub read_units: f64,
    /// Write request units.
    pub write_units: f64,
    /// When the request was there.
    pub started: Instant,
    /// When the answer was there.
    pub ended: Instant,
    /// The answer's status; 0 when there was none.
    pub status: u16,
    /// The error's name, such as `ConditionalCheckFailedException`.
    pub error: Option<String>,
}

/// How many of the calls had to wait for one another: the longest row of calls of which each began after the one before
/// it had ended. Calls at the same time count once.
#[must_use]
pub fn round_trips(calls: &[Call]) -> usize {
    let mut by_end: Vec<_> = calls.iter().collect();
    by_end.sort_by_key(|call| call.ended);
    let mut trips = 0;
    let mut free = None;
    for call in by_end {
        if free.is_none_or(|free| call.started >= free) {
            trips += 1;
            free = Some(call.ended);
        }
    }
    trips
}

/// The rights that a request takes: action and table.
pub(super) fn rights(operation: &str, body: &Value) -> BTreeSet<(String, String)> {
    let right = |action: &str, table: &str| (format!("dynamodb:{action}"), table.to_owned());
    let mut rights = BTreeSet::new();
    rights.extend(body["TableName"].as_str().map(|table| match body["IndexName"].as_str() {
        Some(index) => right(operation, &format!("{table}/index/{index}")),
        None => right(operation, table),
    }));
    rights.extend(body["RequestItems"].as_object().into_iter().flatten().map(|(table, _)| right(operation, table)));
    for action in body["TransactItems"].as_array().into_iter().flatten() {
        for (kind, part) in action.as_object().into_iter().flatten() {
            let action = if kind == "ConditionCheck" { "ConditionCheckItem".to_owned() } else { format!("{kind}Item") };
            rights.extend(part["TableName"].as_str().map(|table| right(&action, table)));
        }
    }
    rights
}

/// The tables among rights.
pub(super) fn tables(rights: &BTreeSet<(String, String)>) -> Vec<String> {
    let tables: BTreeSet<_> = rights.iter().filter_map(|(_, on)| on.split('/').next()).map(str::to_owned).collect();
    tables.into_iter().collect()
}

/// The parts of an answer that the meter reads.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Answer {
    #[serde(rename = "ConsumedCapacity")]
    consumed: Option<Consumed>,
    #[serde(rename = "__type")]
    error: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Consumed {
    Many(Vec<Capacity>),
    One(Capacity),
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Capacity {
    capacity_units: f64,
    read_capacity_units: Option<f64>,
    write_capacity_units: Option<f64>,
}

impl Answer {
    /// The error's name without its namespace.
    pub(super) fn error(&self) -> Option<String> {
        let error = self.error.as_deref()?;
        Some(error.rsplit('#').next().unwrap_or(error).to_owned())
    }

    /// Read and write units. A write whose condition failed names no capacity in its answer, but is billed for the item
    /// it looked at: a unit each, two in a transaction.
    pub(super) fn units(&self, operation: &str, request: &Value) -> (f64, f64) {
        let writes = matches!(operation, "PutItem" | "UpdateItem" | "DeleteItem" | "BatchWriteItem" | "TransactWriteItems");
        let capacities = match &self.consumed {
            Some(Consumed::Many(many)) => many.as_slice(),
            Some(Consumed::One(one)) => std::slice::from_ref(one),
            None => &[],
        };
        let refused = match self.error().as_deref() {
            Some("ConditionalCheckFailedException") => 1.0,
            Some("TransactionCanceledException") => {
                let actions = request["TransactItems"].as_array().map_or(0, Vec::len);
                2.0 * u32::try_from(actions).map_or(0.0, f64::from)
            }
            _ => 0.0,
        };
        let total = capacities.iter().fold((0.0, refused), |(reads, writes_so_far), capacity| {
            match (capacity.read_capacity_units, capacity.write_capacity_units) {
                (None, None) if writes => (reads, writes_so_far + capacity.capacity_units),
                (None, None) => (reads + capacity.capacity_units, writes_so_far),
                (read, write) => (reads + read.unwrap_or(0.0), writes_so_far + write.unwrap_or(0.0)),
            }
        });
        if writes { total } else { (total.0 + total.1, 0.0) }
    }
}
