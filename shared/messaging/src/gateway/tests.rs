use jiff::Timestamp;
use portico_domain::address::Address;
use serde_json::Value;

use super::{Gateway, signature};
use crate::{
    senders::tests::{Provider, SMS_ID, sms, texts},
    senders::{ProviderId, SendError},
};

const KEYS: [[u8; 32]; 2] = [[1; 32], [2; 32]];

/// What a gateway heard, and what its answer means.
async fn send(answer: Option<&'static str>) -> (String, Result<Option<ProviderId>, SendError>) {
    let provider = Provider::answering(answer).await;
    let gateway = Gateway::new(&format!("{}/send", provider.url), "+86").unwrap();
    let (phone, variables) = texts();
    let now = Timestamp::from_second(1_800_000_000).unwrap();
    let sent = gateway.send(&sms(&phone, &variables), &KEYS, now).await;
    (provider.heard().await, sent)
}

#[test]
fn signatures_are_those_of_the_standard_webhooks_specification() {
    // Computed by Python's hmac.
    let expected = "v1,mrw65E1xva+GdBpW4gcbEMFszPcsBAcr6ymRKAHuD5I=";
    assert_eq!(signature(&[7; 32], "01KAMQ3ZB7W0GJ5Q4S9T2X8Y6V", "1800000000", b"{\"a\":1}").as_deref(), Some(expected));
}

#[tokio::test]
async fn the_gateway_gets_everything_about_a_message_and_a_signature_per_key() {
    let (heard, sent) = send(Some("HTTP/1.1 202 Accepted\r\ncontent-length: 14\r\n\r\n{\"id\": \"p-12\"}")).await;
    assert_eq!(sent, Ok(Some(ProviderId("p-12".into()))));
    let (head, body) = heard.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("POST /send HTTP/1.1"), "{head}");
    let header = |name: &str| head.lines().find_map(|line| line.strip_prefix(&format!("{name}: "))).unwrap();
    assert_eq!((header("webhook-id"), header("webhook-timestamp")), (SMS_ID, "1800000000"));
    let both = KEYS.map(|key| signature(&key, SMS_ID, "1800000000", body.as_bytes()).unwrap()).join(" ");
    assert_eq!(header("webhook-signature"), both);
    let expected = serde_json::json!({
        "id": SMS_ID, "to": "+8613800138000", "kind": "approved", "locale": "zh", "signature": "示例", "text": "【示例】你好",
        "template": "SMS_1", "variables": { "portal": "Example" }
    });
    assert_eq!(serde_json::from_str::<Value>(body).unwrap(), expected);
}

#[tokio::test]
async fn what_a_gateway_answers_decides_what_becomes_of_the_message() {
    // R15
    for (answer, expected) in [
        (Some("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"), Ok(None)),
        (Some("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"), Ok(None)),
        (Some("HTTP/1.1 408 X\r\ncontent-length: 0\r\n\r\n"), Err("again")),
        (Some("HTTP/1.1 425 X\r\ncontent-length: 0\r\n\r\n"), Err("again")),
        (Some("HTTP/1.1 429 X\r\ncontent-length: 0\r\n\r\n"), Err("again")),
        (Some("HTTP/1.1 503 X\r\ncontent-length: 0\r\n\r\n"), Err("again")),
        (Some("HTTP/1.1 302 X\r\nlocation: /\r\ncontent-length: 0\r\n\r\n"), Err("refused")),
        (Some("HTTP/1.1 400 X\r\ncontent-length: 0\r\n\r\n"), Err("refused")),
        (Some("HTTP/1.1 401 X\r\ncontent-length: 0\r\n\r\n"), Err("refused")),
        (Some("HTTP/1.1 500 X\r\ncontent-length: 0\r\n\r\n"), Err("unknown")),
        (Some("HTTP/1.1 502 X\r\ncontent-length: 0\r\n\r\n"), Err("unknown")),
        (Some(""), Err("unknown")),
    ] {
        let sent = send(answer).await.1.map_err(|error| {
            let said = error.to_string();
            assert!(!said.contains("138") && !said.contains("你好"), "{said}"); // S10
            crate::senders::tests::kind(&error)
        });
        assert_eq!(sent, expected, "{answer:?}");
    }
}

#[test]
fn a_gateway_serves_the_numbers_of_its_prefixes() {
    let gateway = Gateway::new("https://sms.example.com", "+86 +852").unwrap();
    for (phone, served) in [("+8613800138000", true), ("+85291234567", true), ("+33612345678", false)] {
        assert_eq!(gateway.serves(phone), served, "{phone}");
    }
    assert!(!Gateway::new("https://sms.example.com", "").unwrap().serves("+8613800138000"));
    assert!(Gateway::new("http://sms.example.com", "+86").is_err(), "S64");
    let mailbox: Address = "li@example.com".to_owned().try_into().unwrap();
    assert!(!gateway.serves(mailbox.as_str()));
}
