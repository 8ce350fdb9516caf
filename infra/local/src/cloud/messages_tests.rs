//! A message from what causes it to its provider, and what the provider reports.

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use portico_access::Keyring;
use serde_json::{Value, json};

use super::{Cloud, Options};
use crate::capture::{Mode, Sender};

/// A cloud whose gateway serves +86 and takes only what the deployment has signed.
async fn cloud() -> Cloud {
    let environment = [("SMS_GATEWAY_PREFIXES".to_owned(), "+86".to_owned())].into();
    let cloud = Cloud::start(Options { environment, ..Options::default() }).await.unwrap();
    let keys = Keyring::new(&cloud.deployment("deliver-messages")).gateway_keys().await.unwrap();
    cloud.capture().set_gateway_keys(&keys);
    cloud
}

/// Invites somebody to the demo portal: what is answered.
async fn invite(cloud: &Cloud, address: &str) -> Value {
    let demo = cloud.demo().await.unwrap();
    let request = http::Request::post(format!("{}/v1/admin/portals/{}/invitations", cloud.base_url(), demo.portal))
        .header("content-type", "application/json")
        .header("authorization", format!("Bearer {}", demo.administrator.session))
        .body(Full::new(Bytes::from(json!({"address": address}).to_string())))
        .unwrap();
    let answer = Client::builder(TokioExecutor::new()).build_http().request(request).await.unwrap();
    serde_json::from_slice(&answer.into_body().collect().await.unwrap().to_bytes()).unwrap()
}

/// The states of all messages in the ledger.
fn states(cloud: &Cloud) -> Vec<String> {
    let items = cloud.database().items("MessagesTable").unwrap();
    items.iter().filter_map(|item| item["state"].as_str().map(str::to_owned)).collect()
}

#[tokio::test]
async fn mail_goes_out_by_the_stream_and_what_ses_reports_is_noted() {
    let cloud = cloud().await;
    assert_eq!(invite(&cloud, "li@example.com").await["delivery"], "queued");
    assert!(cloud.messages().list(None).is_empty(), "nothing happens by itself");
    assert_eq!(cloud.settle().await, 1);
    let mail = cloud.messages().last("li@example.com").unwrap();
    assert_eq!(mail.from.as_deref(), Some("\"Customer Service\" <no-reply@portico.example>"));
    assert!(mail.id.is_some());
    assert_eq!(states(&cloud), ["delivered"]);
    assert_eq!(cloud.stream_records().unwrap().len(), 1);
    assert!(cloud.undeliverable().is_empty());
}

#[tokio::test]
async fn a_mailbox_that_does_not_exist_gets_no_second_mail() {
    let cloud = cloud().await;
    invite(&cloud, "wu@bounce.test").await;
    cloud.settle().await;
    assert_eq!(states(&cloud), ["bounced"]);
    let again = cloud.stream_records().unwrap();
    assert_eq!(cloud.deliver(json!({"Records": again})).await.unwrap()["batchItemFailures"], json!([]));
    assert_eq!(cloud.messages().list(Some("wu@bounce.test")).len(), 1, "R14: a record that comes twice sends once");
}

#[tokio::test]
async fn a_gateway_that_took_a_message_without_a_word_gets_it_again_and_drops_it() {
    // R15
    let cloud = cloud().await;
    cloud.capture().fail_with(Sender::Gateway, Mode::Silent, 1);
    invite(&cloud, "+8613800138000").await;
    cloud.settle().await;
    assert_eq!(states(&cloud), ["queued"]);
    cloud.clock().advance(120);
    let summary = cloud.run_schedule("sweep-messages").await.unwrap().unwrap();
    assert_eq!(summary["sent"], 1, "{summary}");
    assert_eq!(states(&cloud), ["sent"]);
    let kept = cloud.messages().list(Some("+8613800138000"));
    assert_eq!((kept.len(), kept[0].id.is_some()), (1, true));
}
