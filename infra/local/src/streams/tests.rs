use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::{Streams, matches};
use crate::database::Database;
use crate::functions::Handle;
use crate::rights::Rights;
use crate::sdk;
use crate::template::Template;

const TEMPLATE: &str = r#"
Resources:
  SendFunction:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: target/lambda/send/
      Policies: [{Statement: [{Effect: Allow, Action: [dynamodb:GetRecords], Resource: !GetAtt Letters.StreamArn}]}]
  SendStream:
    Type: AWS::Lambda::EventSourceMapping
    Properties:
      FunctionName: !Ref SendFunction
      EventSourceArn: !GetAtt Letters.StreamArn
      BatchSize: 4
      MaximumRetryAttempts: 2
      FilterCriteria:
        Filters: [{Pattern: '{"eventName": ["INSERT"], "dynamodb": {"NewImage": {"queue": {"S": [{"exists": true}]}}}}'}]
  Letters:
    Type: AWS::DynamoDB::Table
    Properties:
      AttributeDefinitions: [{AttributeName: pk, AttributeType: S}, {AttributeName: queue, AttributeType: S}, {AttributeName: dueAt, AttributeType: N}]
      KeySchema: [{AttributeName: pk, KeyType: HASH}]
      GlobalSecondaryIndexes:
        - IndexName: due
          KeySchema: [{AttributeName: queue, KeyType: HASH}, {AttributeName: dueAt, KeyType: RANGE}]
          Projection: {ProjectionType: KEYS_ONLY}
      StreamSpecification: {StreamViewType: NEW_IMAGE}
"#;

/// What a function was called with: the keys of the records of each call.
type Calls = Arc<Mutex<Vec<Vec<String>>>>;

/// A table, its stream, and what its function, which answers by `answer`, was called with.
struct Stage {
    database: Database,
    streams: Streams,
    calls: Calls,
    _tasks: JoinSet<()>,
}

async fn stage(answer: impl Fn(&[Value]) -> Result<Value, String> + Send + Sync + 'static) -> Stage {
    let template = Template::read(TEMPLATE, &Default::default()).unwrap();
    let mut tasks = JoinSet::new();
    let database = Database::start(None, None, &template.tables, &mut tasks).await.unwrap();
    let calls = Calls::default();
    let seen = calls.clone();
    let function: Handle = Arc::new(move |event: Value| {
        let records = event["Records"].as_array().unwrap();
        seen.lock().unwrap().push(records.iter().map(key).collect());
        let answer = answer(records);
        Box::pin(async move { answer })
    });
    let streams = Streams::new(&template, &database, &HashMap::from([("send".to_owned(), function)]), &Rights::default()).unwrap();
    Stage { database, streams, calls, _tasks: tasks }
}

impl Stage {
    async fn put(&self, key: &str, queued: bool) {
        let text = |text: &str| AttributeValue::S(text.to_owned());
        let put = sdk::dynamodb(self.database.endpoint()).put_item().table_name("Letters").item("pk", text(key));
        let put = if queued { put.item("queue", text("q")).item("dueAt", AttributeValue::N("1".to_owned())) } else { put };
        put.send().await.unwrap();
    }

    async fn put_all(&self, keys: &[&str]) {
        for key in keys {
            self.put(key, true).await;
        }
    }

    fn calls(&self) -> Vec<String> {
        self.calls.lock().unwrap().iter().map(|keys| keys.join(" ")).collect()
    }
}

fn key(record: &Value) -> String {
    record["dynamodb"]["Keys"]["pk"]["S"].as_str().unwrap().to_owned()
}

fn failure(record: &Value) -> Value {
    json!({"itemIdentifier": record["dynamodb"]["SequenceNumber"]})
}

#[tokio::test]
async fn new_records_are_handed_over_once_in_batches_and_no_others() {
    let stage = stage(|_| Ok(json!({"batchItemFailures": []}))).await;
    stage.put_all(&["a", "b", "c", "d", "e"]).await;
    stage.put("f", false).await;
    stage.put("a", true).await;
    assert_eq!(stage.streams.settle().await, 5);
    assert_eq!(stage.calls(), ["a b c d", "e"]);
    assert_eq!(stage.streams.settle().await, 0);
    stage.put_all(&["g"]).await;
    assert_eq!(stage.streams.settle().await, 1);
    let records = stage.streams.records().unwrap();
    assert_eq!(records.iter().map(key).collect::<String>(), "abcdeg");
    let record = &records[0];
    assert_eq!((record["eventName"].as_str(), record["eventSource"].as_str()), (Some("INSERT"), Some("aws:dynamodb")));
    assert!(record["eventSourceARN"].as_str().unwrap().contains(":table/Letters/stream/"), "{record}");
    assert_eq!(record["dynamodb"]["NewImage"], json!({"pk": {"S": "a"}, "queue": {"S": "q"}, "dueAt": {"N": "1"}}));
    assert_eq!(record["dynamodb"]["StreamViewType"], "NEW_IMAGE");
}

#[tokio::test]
async fn after_a_record_that_failed_its_batch_goes_on_until_the_record_is_given_up() {
    let stage = stage(|records| {
        let failed: Vec<_> = records.iter().filter(|record| key(record) == "b").map(failure).collect();
        Ok(json!({"batchItemFailures": failed}))
    })
    .await;
    stage.put_all(&["a", "b", "c"]).await;
    assert_eq!(stage.streams.settle().await, 3);
    assert_eq!(stage.calls(), ["a b c", "b c", "b c", "c"]);
    assert_eq!(stage.streams.undeliverable().iter().map(key).collect::<String>(), "b");
}

#[tokio::test]
async fn a_function_that_fails_gets_smaller_batches_so_that_one_record_harms_no_other() {
    let stage =
        stage(|records| if records.iter().any(|record| key(record) == "c") { Err("broken".to_owned()) } else { Ok(json!({})) }).await;
    stage.put_all(&["a", "b", "c", "d"]).await;
    stage.streams.settle().await;
    assert_eq!(stage.calls(), ["a b c d", "a b", "c d", "c", "c", "c", "d"]);
    assert_eq!(stage.streams.undeliverable().iter().map(key).collect::<String>(), "c");
}

#[tokio::test]
async fn a_function_without_the_rights_to_its_stream_is_noticed() {
    let template = Template::read(TEMPLATE, &Default::default()).unwrap();
    let mut tasks = JoinSet::new();
    let database = Database::start(None, None, &template.tables, &mut tasks).await.unwrap();
    let function: Handle = Arc::new(|_| Box::pin(async { Ok(Value::Null) }));
    let functions = HashMap::from([("send".to_owned(), function)]);
    let error = Streams::new(&template, &database, &functions, &Rights::of(&template)).err().unwrap();
    assert!(error.to_string().contains("dynamodb:DescribeStream"), "{error}");
}

#[test]
fn filters_ask_for_values_and_for_what_exists() {
    let record = json!({"eventName": "INSERT", "image": {"queue": {"S": "q"}}});
    for (pattern, expected) in [
        (json!({"eventName": ["INSERT"]}), true),
        (json!({"eventName": ["MODIFY", "INSERT"]}), true),
        (json!({"eventName": ["REMOVE"]}), false),
        (json!({"image": {"queue": {"S": [{"exists": true}]}}}), true),
        (json!({"image": {"other": {"S": [{"exists": true}]}}}), false),
        (json!({"image": {"other": {"S": [{"exists": false}]}}}), true),
        (json!({"eventName": ["INSERT"], "image": {"queue": {"S": ["r"]}}}), false),
    ] {
        assert_eq!(matches(&pattern, Some(&record)), expected, "{pattern}");
    }
}
