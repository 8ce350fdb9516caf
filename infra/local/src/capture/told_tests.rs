//! Tests of what senders are told to do instead of their work, of the gateway, and of what SES tells.

use std::sync::{Arc, Mutex};

use aws_sdk_sesv2::types::{Body, Content, Destination, EmailContent, Message as Mail, MessageTag};
use aws_sdk_sns::error::ProvideErrorMetadata;
use bytes::Bytes;
use http_body_util::Full;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use portico_messaging::gateway_signature;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::tests::{NOW, capture};
use super::{Capture, Mode, Sender};
use crate::functions::Handle;
use crate::sdk;

const KEY: [u8; 32] = [7; 32];

/// Hands a message with this id to the gateway, signed by `key` at `second`: the status, or none if there was no answer.
async fn hand(capture: &Capture, id: &str, key: &[u8; 32], second: i64) -> Option<u16> {
    let body = json!({"id": id, "to": "+8613800138000", "text": "hello", "kind": "approved"}).to_string();
    let timestamp = second.to_string();
    let request = http::Request::post(capture.gateway())
        .header("webhook-id", id)
        .header("webhook-timestamp", &timestamp)
        .header("webhook-signature", format!("v1,other {}", gateway_signature(key, id, &timestamp, body.as_bytes()).unwrap()))
        .body(Full::new(Bytes::from(body)))
        .unwrap();
    let answer = Client::builder(TokioExecutor::new()).build_http().request(request).await;
    answer.ok().map(|answer| answer.status().as_u16())
}

async fn mail(capture: &Capture, to: &str) -> Result<(), String> {
    let text = |data: &str| Content::builder().data(data).build().unwrap();
    let mail = Mail::builder().subject(text("s")).body(Body::builder().text(text("t")).build()).build();
    let tag = MessageTag::builder().name("message").value("m-1").build().unwrap();
    let send = sdk::ses(capture.endpoint())
        .send_email()
        .from_email_address("\"Example Ltd\" <no-reply@portico.test>")
        .destination(Destination::builder().to_addresses(to).build())
        .content(EmailContent::builder().simple(mail).build())
        .configuration_set_name("Mail")
        .email_tags(tag);
    send.send().await.map(drop).map_err(|error| error.code().unwrap_or("no answer").to_owned())
}

#[tokio::test]
async fn the_gateway_takes_each_message_once_and_only_from_whoever_has_a_key() {
    let mut tasks = JoinSet::new();
    let capture = capture(&mut tasks).await;
    assert_eq!(hand(&capture, "a", &[1; 32], NOW).await, Some(200), "without keys it takes everything");
    capture.set_gateway_keys(&[[9; 32], KEY]);
    assert_eq!(hand(&capture, "b", &[1; 32], NOW).await, Some(401));
    assert_eq!(hand(&capture, "b", &KEY, NOW - 301).await, Some(401));
    for _ in 0..2 {
        assert_eq!(hand(&capture, "b", &KEY, NOW).await, Some(200));
    }
    let ids: Vec<_> = capture.messages().list(None).into_iter().map(|message| message.id.unwrap()).collect();
    assert_eq!(ids, ["b", "a"]);
}

#[tokio::test]
async fn senders_refuse_are_busy_or_silent_as_often_as_they_are_told() {
    // R15: who is silent has sent.
    let mut tasks = JoinSet::new();
    let capture = capture(&mut tasks).await;
    let kept = || capture.messages().list(None).len();
    let publish = sdk::sns(capture.endpoint()).publish().phone_number("+8613800138000").message("x");
    let sms = async || publish.clone().send().await.map(drop).map_err(|error| error.code().unwrap_or("no answer").to_owned());
    for sender in [Sender::Sns, Sender::Ses, Sender::Gateway] {
        for mode in [Mode::Refuse, Mode::Busy, Mode::Silent] {
            capture.fail_with(sender, mode, 1);
        }
    }
    for (expected, now_kept) in [(Err("OptedOut"), 0), (Err("InternalError"), 0), (Err("no answer"), 1), (Ok(()), 2)] {
        assert_eq!((sms().await, kept()), (expected.map_err(str::to_owned), now_kept));
    }
    for (expected, now_kept) in [(Err("MessageRejected"), 2), (Err("InternalFailure"), 2), (Err("no answer"), 3), (Ok(()), 4)] {
        assert_eq!((mail(&capture, "li@example.test").await, kept()), (expected.map_err(str::to_owned), now_kept));
    }
    for (expected, now_kept) in [(Some(422), 4), (Some(503), 4), (None, 5), (Some(200), 5)] {
        assert_eq!((hand(&capture, "a", &KEY, NOW).await, kept()), (expected, now_kept));
    }
}

#[tokio::test]
async fn ses_tells_what_becomes_of_a_mail_and_tells_it_again_when_nobody_took_it() {
    let mut tasks = JoinSet::new();
    let capture = capture(&mut tasks).await;
    for to in ["li@example.test", "wu@bounce.test", "complaint@simulator.amazonses.com"] {
        mail(&capture, to).await.unwrap();
    }
    let addresses: Vec<_> = capture.messages().list(None).into_iter().map(|message| message.to).collect();
    assert_eq!(addresses, ["wu@bounce.test", "li@example.test"], "what goes to the simulator is in no mailbox");
    assert_eq!(capture.messages().list(None)[0].from.as_deref(), Some("\"Example Ltd\" <no-reply@portico.test>"));

    let heard = Arc::new(Mutex::new(Vec::new()));
    let hearing = heard.clone();
    let function: Handle = Arc::new(move |event: Value| {
        let event: Value = serde_json::from_str(event["Records"][0]["Sns"]["Message"].as_str().unwrap()).unwrap();
        let mut heard = hearing.lock().unwrap();
        heard.push(event);
        let answer = if heard.len() == 1 { Err("not now".to_owned()) } else { Ok(Value::Null) };
        Box::pin(async move { answer })
    });
    assert!(capture.settle(&function).await);
    assert!(!capture.settle(&function).await);
    let heard = heard.lock().unwrap();
    let kinds: Vec<_> = heard.iter().map(|event| event["eventType"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["Send", "Send", "Delivery", "Send", "Bounce", "Send", "Delivery", "Complaint"]);
    assert_eq!(heard[4]["mail"]["tags"]["message"], json!(["m-1"]));
    assert_eq!(
        (heard[4]["bounce"]["bounceType"].as_str(), heard[4]["mail"]["destination"][0].as_str()),
        (Some("Permanent"), Some("wu@bounce.test"))
    );
}
