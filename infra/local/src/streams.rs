//! Streams of tables: hands their records to functions, as Lambda does.
//!
//! A record is handed over at least once, in the order of the table's changes. A function says which records it could not take; it
//! gets them again, from the first of them on, as often as the template allows. In tests nothing happens by itself.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value, json};
use tokio::sync::Mutex as Turn;

use crate::database::{Database, Position};
use crate::error::LocalError;
use crate::functions::Handle;
use crate::rights::Rights;
use crate::template::{self, Template};

/// What Lambda does to a stream with the rights of the function that gets its records.
pub const ACTIONS: [&str; 4] = ["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:ListStreams"];

/// The streams of one local cloud. Clones share their state.
#[derive(Clone)]
pub(crate) struct Streams {
    sources: Arc<[Source]>,
}

impl Streams {
    /// The streams of `template`, from their beginnings, for functions by crate that may read them.
    pub(crate) fn new(
        template: &Template,
        database: &Database,
        functions: &HashMap<String, Handle>,
        rights: &Rights,
    ) -> Result<Self, LocalError> {
        let mut sources = Vec::new();
        for stream in &template.streams {
            let unusable = |problem: String| LocalError::Stream { stream: stream.resource.clone(), problem };
            let refused = ACTIONS.iter().find(|action| !rights.allow(&stream.function, action, &stream.arn));
            if let Some(action) = refused {
                return Err(unusable(format!("{} lacks the right {action}", stream.function)));
            }
            if let Some(queue) = stream.undeliverable.as_ref().filter(|queue| !rights.allow(&stream.function, "sqs:SendMessage", queue)) {
                return Err(unusable(format!("{} lacks the right sqs:SendMessage on {queue}", stream.function)));
            }
            let function = functions.get(&stream.function).cloned();
            let function = function.ok_or_else(|| unusable(format!("{} takes no events", stream.function)))?;
            sources.push(Source {
                stream: stream.clone(),
                function,
                start: database.stream(stream.table())?,
                database: database.clone(),
                position: Turn::default(),
                undeliverable: Mutex::default(),
            });
        }
        Ok(Self { sources: sources.into() })
    }

    /// Hands over what there is until there is nothing more; answers how many records that were.
    pub(crate) async fn settle(&self) -> usize {
        let mut handed = 0;
        for source in self.sources.iter() {
            match source.pump().await {
                Ok(records) => handed += records,
                Err(error) => tracing::error!(%error, stream = source.stream.resource, "the stream cannot be read"),
            }
        }
        handed
    }

    /// All records so far for the function, as its events have them.
    pub(crate) fn records(&self) -> Result<Vec<Value>, LocalError> {
        let mut records = Vec::new();
        for source in self.sources.iter() {
            let mut position = source.start.clone();
            loop {
                let (read, next) = source.read(&position)?;
                if next == position {
                    break;
                }
                records.extend(read);
                position = next;
            }
        }
        Ok(records)
    }

    /// Records that were handed over in vain as often as may be.
    pub(crate) fn undeliverable(&self) -> Vec<Value> {
        self.sources.iter().flat_map(|source| source.given_up().clone()).collect()
    }
}

/// A stream with its function.
struct Source {
    stream: template::Stream,
    function: Handle,
    start: Position,
    database: Database,
    /// After the records that were handed over; whoever holds it hands over.
    position: Turn<Option<Position>>,
    undeliverable: Mutex<Vec<Value>>,
}

impl Source {
    async fn pump(&self) -> Result<usize, LocalError> {
        let mut reached = self.position.lock().await;
        let mut handed = 0;
        loop {
            let position = reached.as_ref().unwrap_or(&self.start);
            let (records, next) = self.read(position)?;
            if next == *position {
                return Ok(handed);
            }
            for batch in records.chunks(self.stream.batch_size.max(1)) {
                self.hand_over(batch).await;
            }
            handed += records.len();
            *reached = Some(next);
        }
    }

    /// The records after `position` that the function wants, and the position after all that were read.
    fn read(&self, position: &Position) -> Result<(Vec<Value>, Position), LocalError> {
        let (mut records, next) = self.database.records(position)?;
        for record in &mut records {
            record["awsRegion"] = Value::from("us-east-1");
            record["eventSourceARN"] = Value::from(self.stream.arn.as_str());
        }
        let filters = &self.stream.filters;
        records.retain(|record| filters.is_empty() || filters.iter().any(|filter| matches(filter, Some(record))));
        Ok((records, next))
    }

    /// Calls the function until every record is taken or given up. A call that fails altogether is made again with half as many
    /// records, so that one bad record does not take others with it.
    async fn hand_over(&self, batch: &[Value]) {
        let (mut rest, mut size, mut failures) = (batch, batch.len(), 0);
        while !rest.is_empty() {
            let part = &rest[..size.min(rest.len())];
            let taken = match (self.function)(json!({"Records": part})).await {
                Ok(answer) => taken(part, &answer),
                Err(error) => {
                    tracing::warn!(error, records = part.len(), function = self.stream.function, "event");
                    size = part.len().div_ceil(2);
                    if part.len() > 1 {
                        continue;
                    }
                    0
                }
            };
            rest = &rest[taken..];
            if taken == part.len() {
                (size, failures) = (batch.len(), 0);
                continue;
            }
            failures = if taken > 0 { 1 } else { failures + 1 };
            if failures > self.stream.retries {
                self.given_up().push(rest[0].clone());
                (rest, size, failures) = (&rest[1..], batch.len(), 0);
            }
        }
    }

    fn given_up(&self) -> std::sync::MutexGuard<'_, Vec<Value>> {
        self.undeliverable.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How many records of `part` a function took, by its answer: all before the first that failed.
fn taken(part: &[Value], answer: &Value) -> usize {
    let failures = answer["batchItemFailures"].as_array();
    let place = |failure: &Value| {
        let number = &failure["itemIdentifier"];
        // A name that is none of the batch fails all of it.
        part.iter().position(|record| record["dynamodb"]["SequenceNumber"] == *number).unwrap_or(0)
    };
    failures.into_iter().flatten().map(place).min().unwrap_or(part.len())
}

/// Whether a value is like a pattern of a filter: the members that it names are there and have one of the values in a list, or
/// exist, or do not.
fn matches(pattern: &Value, value: Option<&Value>) -> bool {
    match pattern {
        Value::Object(members) => members.iter().all(|(name, member)| matches(member, value.and_then(|value| value.get(name)))),
        Value::Array(choices) => choices.iter().any(|choice| match &choice["exists"] {
            Value::Bool(exists) => *exists == value.is_some(),
            _ => Some(choice) == value,
        }),
        _ => false,
    }
}

#[cfg(test)]
mod tests;
