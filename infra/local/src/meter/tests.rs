use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use aws_sdk_dynamodb::types::{AttributeValue, Put, TransactWriteItem};
use serde_json::json;
use tokio::task::JoinSet;

use super::{Call, Fault, Meter, Rule, round_trips};
use crate::database::Database;
use crate::sdk;
use crate::template::{Key, Table};

/// A database with one table and a meter before it.
async fn metered() -> (Meter, Database, aws_sdk_dynamodb::Client, JoinSet<()>) {
    let key = |name: &str, kind: &str| Key { name: name.to_owned(), attribute_type: "S".to_owned(), kind: kind.to_owned() };
    let table = Table {
        resource: "Items".to_owned(),
        name: "Items".to_owned(),
        keys: vec![key("pk", "HASH"), key("sk", "RANGE")],
        ttl_attribute: Some("ttl".to_owned()),
        indexes: Vec::new(),
        stream: None,
    };
    let mut tasks = JoinSet::new();
    let database = Database::start(None, None, &[table], &mut tasks).await.unwrap();
    let meter = Meter::start(database.endpoint(), Arc::default(), &mut tasks).await.unwrap();
    let client = sdk::dynamodb(meter.endpoint());
    (meter, database, client, tasks)
}

fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

fn put(client: &aws_sdk_dynamodb::Client, pk: &str) -> aws_sdk_dynamodb::operation::put_item::builders::PutItemFluentBuilder {
    client.put_item().table_name("Items").item("pk", text(pk)).item("sk", text("s"))
}

#[tokio::test]
async fn calls_are_counted_with_their_capacity() {
    let (meter, _database, client, _tasks) = metered().await;
    put(&client, "a").item("long", text(&"x".repeat(3_000))).send().await.unwrap();
    let get = client.get_item().table_name("Items").key("pk", text("a")).key("sk", text("s"));
    get.send().await.unwrap();

    let calls = meter.calls();
    let summary: Vec<_> =
        calls.iter().map(|call| (call.operation.as_str(), call.tables.join(","), call.read_units, call.write_units)).collect();
    assert_eq!(summary, [("PutItem", "Items".to_owned(), 0.0, 3.0), ("GetItem", "Items".to_owned(), 0.5, 0.0)]);
    assert_eq!(meter.round_trips(), 2);
    assert_eq!(meter.units(), (0.5, 3.0));
    meter.reset();
    assert!(meter.calls().is_empty());
}

#[tokio::test]
async fn transactions_and_refused_conditions_are_paid_for() {
    let (meter, _database, client, _tasks) = metered().await;
    let action = |pk: &str| {
        let put = Put::builder().table_name("Items").item("pk", text(pk)).item("sk", text("s"));
        let put = put.condition_expression("attribute_not_exists(pk)").build().unwrap();
        TransactWriteItem::builder().put(put).build()
    };
    let write = client.transact_write_items().transact_items(action("a")).transact_items(action("b"));
    write.clone().send().await.unwrap();
    assert_eq!(meter.units(), (0.0, 4.0));
    assert_eq!(meter.calls()[0].rights, [("dynamodb:PutItem".to_owned(), "Items".to_owned())].into());
    write.send().await.unwrap_err();
    assert_eq!(meter.units(), (0.0, 8.0));
    assert_eq!(meter.calls()[1].error.as_deref(), Some("TransactionCanceledException"));
}

#[tokio::test]
async fn the_nth_call_fails_as_told() {
    let (meter, database, client, _tasks) = metered().await;
    meter.fail(Rule::nth(2, "PutItem", Fault::Throttled));
    put(&client, "a").send().await.unwrap();
    let error = put(&client, "b").send().await.unwrap_err();
    assert_eq!(error.code(), Some("ProvisionedThroughputExceededException"));
    put(&client, "c").send().await.unwrap();
    assert_eq!(database.items("Items").unwrap().len(), 2);
}

#[tokio::test]
async fn cancelled_transactions_name_their_reasons() {
    let (meter, _database, client, _tasks) = metered().await;
    meter.fail(Rule::next("TransactWriteItems", Fault::Cancelled(vec!["None", "TransactionConflict"])));
    let put = Put::builder().table_name("Items").item("pk", text("a")).item("sk", text("s"));
    let action = TransactWriteItem::builder().put(put.build().unwrap()).build();
    let error = client.transact_write_items().transact_items(action).send().await.unwrap_err();
    let error = error.into_service_error();
    assert!(error.is_transaction_canceled_exception());
    let aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError::TransactionCanceledException(error) = error else {
        panic!()
    };
    let codes: Vec<_> = error.cancellation_reasons().iter().filter_map(|reason| reason.code()).collect();
    assert_eq!(codes, ["None", "TransactionConflict"]);
}

#[tokio::test]
async fn a_dropped_call_is_not_done_and_a_lost_answer_is() {
    let (meter, database, client, _tasks) = metered().await;
    meter.fail(Rule::next("PutItem", Fault::Dropped).containing("first"));
    meter.fail(Rule::next("PutItem", Fault::AnswerLost).on("Items"));
    assert!(put(&client, "first").send().await.unwrap_err().as_service_error().is_none());
    assert!(database.items("Items").unwrap().is_empty());
    assert!(put(&client, "second").send().await.unwrap_err().as_service_error().is_none());
    assert_eq!(database.items("Items").unwrap(), [json!({"pk": "second", "sk": "s"})]);
    assert_eq!(meter.calls().iter().filter(|call| call.status == 0).count(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_calls_at_once_are_all_counted() {
    let (meter, database, client, _tasks) = metered().await;
    let mut calls = JoinSet::new();
    for number in 0..200 {
        let call = put(&client, &number.to_string());
        calls.spawn(async move { call.send().await.unwrap() });
    }
    calls.join_all().await;
    assert_eq!(meter.units(), (0.0, 200.0));
    assert!(meter.round_trips() < 200);
    assert_eq!(database.items("Items").unwrap().len(), 200);
}

#[tokio::test]
async fn the_sweep_removes_what_has_expired() {
    let (_meter, database, client, _tasks) = metered().await;
    let second = |second: &str| AttributeValue::N(second.to_owned());
    put(&client, "old").item("ttl", second("1000")).send().await.unwrap();
    put(&client, "new").item("ttl", second("2000")).send().await.unwrap();
    put(&client, "always").send().await.unwrap();
    let now = jiff::Timestamp::from_second(1_500).unwrap();
    assert_eq!(database.sweep(now).unwrap(), 1);
    assert_eq!(database.items("Items").unwrap().len(), 2);
}

#[test]
fn calls_at_the_same_time_are_one_round_trip() {
    let origin = Instant::now();
    let call = |from: u64, to: u64| Call {
        caller: String::new(),
        operation: String::new(),
        tables: Vec::new(),
        rights: BTreeSet::new(),
        read_units: 0.0,
        write_units: 0.0,
        started: origin + Duration::from_millis(from),
        ended: origin + Duration::from_millis(to),
        status: 200,
        error: None,
    };
    assert_eq!(round_trips(&[]), 0);
    assert_eq!(round_trips(&[call(0, 10), call(1, 9)]), 1);
    assert_eq!(round_trips(&[call(0, 10), call(10, 20)]), 2);
    assert_eq!(round_trips(&[call(0, 10), call(5, 15), call(11, 20)]), 2);
}
