//! Tables in a foreign emulator that replaces the built-in database.

use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};

use super::description;
use crate::template::Table;

const PATIENCE: Duration = Duration::from_secs(5);

/// Makes the `tables` that are missing at `endpoint`. What is there already stays; an endpoint that cannot make tables
/// (a proxy, for one) is only reported.
pub(crate) async fn create(endpoint: &str, tables: &[Table]) {
    for table in tables {
        if let Err(problem) = call(endpoint, "CreateTable", &description(table)).await {
            if !problem.contains("ResourceInUse") {
                tracing::warn!(table = table.name, problem, "the table is not made");
            }
            continue;
        }
        if let Some(attribute) = &table.ttl_attribute {
            let ttl = json!({"AttributeName": attribute, "Enabled": true});
            let body = json!({"TableName": table.name, "TimeToLiveSpecification": ttl});
            if let Err(problem) = call(endpoint, "UpdateTimeToLive", &body).await {
                tracing::warn!(table = table.name, problem, "the table keeps what has expired");
            }
        }
    }
}

async fn call(endpoint: &str, operation: &str, body: &Value) -> Result<(), String> {
    // Emulators look for the parts of a signature, not for its truth.
    let signature = "AWS4-HMAC-SHA256 Credential=local/20260101/us-east-1/dynamodb/aws4_request, \
                     SignedHeaders=host;x-amz-date;x-amz-target, Signature=0000";
    let request = Request::post(format!("{}/", endpoint.trim_end_matches('/')))
        .header(CONTENT_TYPE, "application/x-amz-json-1.0")
        .header("x-amz-target", format!("DynamoDB_20120810.{operation}"))
        .header("x-amz-date", "20260101T000000Z")
        .header(AUTHORIZATION, signature)
        .body(Full::new(Bytes::from(body.to_string())))
        .map_err(|error| error.to_string())?;
    let client = Client::builder(TokioExecutor::new()).build_http();
    let answer = async {
        let response = client.request(request).await.map_err(|error| error.to_string())?;
        let status = response.status();
        let body = response.into_body().collect().await.map_err(|error| error.to_string())?.to_bytes();
        if status.is_success() { Ok(()) } else { Err(String::from_utf8_lossy(&body).into_owned()) }
    };
    tokio::time::timeout(PATIENCE, answer).await.unwrap_or_else(|_| Err("no answer".to_owned()))
}

#[cfg(test)]
mod tests {
    use tokio::task::JoinSet;

    use crate::database::Database;
    use crate::template::{Key, Table};

    #[tokio::test]
    async fn missing_tables_are_made_once() {
        let mut tasks = JoinSet::new();
        let foreign = Database::start(None, None, &[], &mut tasks).await.unwrap();
        let key = Key { name: "pk".to_owned(), attribute_type: "S".to_owned(), kind: "HASH".to_owned() };
        let table = Table {
            resource: "Items".to_owned(),
            name: "Items".to_owned(),
            keys: vec![key],
            ttl_attribute: Some("ttl".to_owned()),
            indexes: Vec::new(),
            stream: None,
        };
        foreign.items("Items").unwrap_err();
        super::create(foreign.endpoint(), std::slice::from_ref(&table)).await;
        super::create(foreign.endpoint(), &[table]).await;
        assert!(foreign.items("Items").unwrap().is_empty());
    }
}
