//! DynamoDB: dynoxide behind a real port, with the template's tables.
//!
//! Expired items stay until [`Database::sweep`], as they may for days in the cloud: a lifetime that is not checked on
//! read is noticed.

pub(crate) mod remote;

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use dynoxide::actions::create_table::CreateTableRequest;
use dynoxide::actions::delete_item::DeleteItemRequest;
use dynoxide::actions::describe_stream::DescribeStreamRequest;
use dynoxide::actions::get_records::GetRecordsRequest;
use dynoxide::actions::get_shard_iterator::GetShardIteratorRequest;
use dynoxide::actions::list_streams::ListStreamsRequest;
use dynoxide::actions::scan::ScanRequest;
use dynoxide::actions::update_time_to_live::{TimeToLiveSpecification, UpdateTimeToLiveRequest};
use dynoxide::{AttributeValue, DynoxideError, Item};
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::error::LocalError;
use crate::net;
use crate::template::{Index, Key, Table};

/// The embedded database.
#[derive(Clone)]
pub struct Database {
    engine: dynoxide::Database,
    endpoint: String,
    tables: Vec<Table>,
}

impl Database {
    /// Opens `file` (or memory), makes the tables that are missing and serves on `port` (or any free one) as one of
    /// `tasks`.
    ///
    /// # Errors
    /// When the port is taken, the file cannot be opened, or a table's description is refused.
    pub async fn start(file: Option<&Path>, port: Option<u16>, tables: &[Table], tasks: &mut JoinSet<()>) -> Result<Self, LocalError> {
        let engine = match file {
            Some(path) => dynoxide::Database::new(&path.to_string_lossy()),
            None => dynoxide::Database::memory(),
        }
        .map_err(refused)?;
        for table in tables {
            create(&engine, table)?;
        }
        let listener = net::listen(port, "DYNAMODB_PORT").await?;
        let endpoint = net::url(&listener)?;
        tasks.spawn(dynoxide::server::serve_on(listener, engine.clone()));
        Ok(Self { engine, endpoint, tables: tables.to_vec() })
    }

    /// The address for `AWS_ENDPOINT_URL_DYNAMODB`.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Removes items whose time to live has passed at `now`; answers how many.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn sweep(&self, now: Timestamp) -> Result<usize, LocalError> {
        let mut removed = 0;
        for table in &self.tables {
            let Some(attribute) = &table.ttl_attribute else { continue };
            let expired = Expired::at(now, attribute);
            for item in self.scan(&table.name, Some(&expired))? {
                let key = |name: &String| item.get(name).map(|value| (name.clone(), value.clone()));
                let outcome = self.engine.delete_item(DeleteItemRequest {
                    table_name: table.name.clone(),
                    key: table.keys.iter().filter_map(|part| key(&part.name)).collect(),
                    condition_expression: Some(Expired::CONDITION.to_owned()),
                    expression_attribute_names: Some(expired.names.clone()),
                    expression_attribute_values: Some(expired.values.clone()),
                    ..DeleteItemRequest::default()
                });
                match outcome {
                    Ok(_) => removed += 1,
                    // Renewed since it was read.
                    Err(DynoxideError::ConditionalCheckFailedException(..)) => {}
                    Err(error) => return Err(refused(error)),
                }
            }
        }
        Ok(removed)
    }

    /// Everything in a table as plain JSON (numbers as numbers, sets as lists), for assertions over the final state.
    ///
    /// # Errors
    /// When there is no such table.
    pub fn items(&self, table: &str) -> Result<Vec<Value>, LocalError> {
        let items = self.scan(table, None)?;
        let object = |item: &Item| item.iter().map(|(name, value)| (name.clone(), plain(value))).collect();
        Ok(items.iter().map(object).map(Value::Object).collect())
    }

    /// Where a table's stream begins.
    pub(crate) fn stream(&self, table: &str) -> Result<Position, LocalError> {
        let none = || LocalError::Database(format!("{table} has no stream"));
        let streams = self.engine.list_streams(ListStreamsRequest { table_name: Some(table.to_owned()), ..ListStreamsRequest::default() });
        let stream_arn = streams.map_err(refused)?.streams.into_iter().next().ok_or_else(none)?.stream_arn;
        let described = DescribeStreamRequest { stream_arn: stream_arn.clone(), ..DescribeStreamRequest::default() };
        let described = self.engine.describe_stream(described).map_err(refused)?.stream_description;
        // Here a table has one shard for ever.
        let shard_id = described.shards.into_iter().next().ok_or_else(none)?.shard_id;
        let from = "TRIM_HORIZON".to_owned();
        let asked = GetShardIteratorRequest { stream_arn, shard_id, shard_iterator_type: from, sequence_number: None };
        self.engine.get_shard_iterator(asked).map_err(refused)?.shard_iterator.map(Position).ok_or_else(none)
    }

    /// The records of a stream from a position, at most a thousand, and the position after them.
    pub(crate) fn records(&self, position: &Position) -> Result<(Vec<Value>, Position), LocalError> {
        let asked = GetRecordsRequest { shard_iterator: position.0.clone(), limit: None };
        let answer = self.engine.get_records(asked).map_err(refused)?;
        let unreadable = |error: serde_json::Error| LocalError::Database(error.to_string());
        let records = answer.records.into_iter().map(serde_json::to_value).collect::<Result<_, _>>().map_err(unreadable)?;
        Ok((records, answer.next_shard_iterator.map_or_else(|| position.clone(), Position)))
    }

    fn scan(&self, table: &str, expired: Option<&Expired>) -> Result<Vec<Item>, LocalError> {
        let mut items = Vec::new();
        let mut from = None;
        loop {
            let page = self
                .engine
                .scan(ScanRequest {
                    table_name: table.to_owned(),
                    filter_expression: expired.map(|_| Expired::CONDITION.to_owned()),
                    expression_attribute_names: expired.map(|expired| expired.names.clone()),
                    expression_attribute_values: expired.map(|expired| expired.values.clone()),
                    exclusive_start_key: from,
                    ..ScanRequest::default()
                })
                .map_err(refused)?;
            items.extend(page.items.unwrap_or_default());
            from = page.last_evaluated_key;
            if from.is_none() {
                return Ok(items);
            }
        }
    }
}

/// A place in the stream of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Position(String);

/// The condition that an item's time to live has passed.
struct Expired {
    names: HashMap<String, String>,
    values: HashMap<String, AttributeValue>,
}

impl Expired {
    const CONDITION: &str = "#ttl <= :now";

    fn at(now: Timestamp, attribute: &str) -> Self {
        Self {
            names: HashMap::from([("#ttl".to_owned(), attribute.to_owned())]),
            values: HashMap::from([(":now".to_owned(), AttributeValue::N(now.as_second().to_string()))]),
        }
    }
}

/// The body of `CreateTable` for a table of the template.
fn description(table: &Table) -> Value {
    let mut body = json!({
        "TableName": table.name,
        "BillingMode": "PAY_PER_REQUEST",
        "KeySchema": schema(&table.keys),
        "AttributeDefinitions": attributes(table),
    });
    if !table.indexes.is_empty() {
        body["GlobalSecondaryIndexes"] = table.indexes.iter().map(index).collect();
    }
    if let Some(view) = &table.stream {
        body["StreamSpecification"] = json!({"StreamEnabled": true, "StreamViewType": view});
    }
    body
}

fn index(index: &Index) -> Value {
    json!({"IndexName": index.name, "KeySchema": schema(&index.keys), "Projection": {"ProjectionType": index.projection}})
}

fn schema(keys: &[Key]) -> Value {
    keys.iter().map(|key| json!({"AttributeName": key.name, "KeyType": key.kind})).collect()
}

/// The attributes of all keys, each once.
fn attributes(table: &Table) -> Value {
    let keys = table.keys.iter().chain(table.indexes.iter().flat_map(|index| &index.keys));
    let types: BTreeMap<_, _> = keys.map(|key| (&key.name, &key.attribute_type)).collect();
    types.iter().map(|(name, kind)| json!({"AttributeName": name, "AttributeType": kind})).collect()
}

fn create(engine: &dynoxide::Database, table: &Table) -> Result<(), LocalError> {
    let request: CreateTableRequest =
        serde_json::from_value(description(table)).map_err(|error| LocalError::Database(error.to_string()))?;
    match engine.create_table(request) {
        Ok(_) => {}
        Err(DynoxideError::ResourceInUseException(_)) => return Ok(()),
        Err(error) => return Err(refused(error)),
    }
    if let Some(attribute) = &table.ttl_attribute {
        engine
            .update_time_to_live(UpdateTimeToLiveRequest {
                table_name: table.name.clone(),
                time_to_live_specification: TimeToLiveSpecification { attribute_name: attribute.clone(), enabled: true },
            })
            .map_err(refused)?;
    }
    Ok(())
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn refused(error: DynoxideError) -> LocalError {
    LocalError::Database(error.to_string())
}

fn plain(value: &AttributeValue) -> Value {
    let number = |text: &String| text.parse().map_or_else(|_| Value::from(text.as_str()), Value::Number);
    match value {
        AttributeValue::S(text) => Value::from(text.as_str()),
        AttributeValue::N(text) => number(text),
        AttributeValue::BOOL(flag) => Value::Bool(*flag),
        AttributeValue::NULL(_) => Value::Null,
        AttributeValue::SS(texts) => texts.iter().map(String::as_str).collect(),
        AttributeValue::NS(texts) => texts.iter().map(number).collect(),
        AttributeValue::L(items) => items.iter().map(plain).collect(),
        AttributeValue::M(members) => members.iter().map(|(name, member)| (name.clone(), plain(member))).collect(),
        // Binaries stay in the notation of the protocol.
        binary => serde_json::to_value(binary).unwrap_or_default(),
    }
}
