//! A gateway for text messages, as `docs/operating.md` describes it to those who build one: it looks at the signature when it knows a
//! key, drops what it had under the same id, and keeps the rest.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use portico_messaging::gateway_signature;
use serde::Deserialize;
use serde_json::json;

use super::{Capture, Mode, Sender, silence};
use crate::messages::{Channel, Message};

/// How old or early a signature may be, in seconds.
const WINDOW: i64 = 300;

#[derive(Deserialize)]
struct Handed {
    id: String,
    to: String,
    text: String,
}

pub(super) async fn take(State(capture): State<Capture>, headers: HeaderMap, body: Bytes) -> Response {
    if !is_signed(&capture, &headers, &body) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let mode = capture.told(Sender::Gateway);
    match mode {
        Some(Mode::Refuse) => return StatusCode::UNPROCESSABLE_ENTITY.into_response(),
        Some(Mode::Busy) => return StatusCode::SERVICE_UNAVAILABLE.into_response(),
        _ => {}
    }
    let Ok(handed) = serde_json::from_slice::<Handed>(&body) else { return StatusCode::BAD_REQUEST.into_response() };
    if header(&headers, "webhook-id") != handed.id {
        return StatusCode::BAD_REQUEST.into_response();
    }
    let answer = Json(json!({"id": format!("gateway-{}", handed.id)}));
    if capture.first_time(&handed.id) {
        capture.messages.keep(Message {
            channel: Channel::Sms,
            to: handed.to,
            text: handed.text,
            html: None,
            subject: None,
            from: None,
            id: Some(handed.id),
            at: (capture.now)(),
        });
    }
    if mode == Some(Mode::Silent) { silence() } else { answer.into_response() }
}

/// Whether one of the signatures is by one of the keys, and of now; or there are no keys.
fn is_signed(capture: &Capture, headers: &HeaderMap, body: &[u8]) -> bool {
    let keys = capture.gateway_keys();
    let (id, timestamp) = (header(headers, "webhook-id"), header(headers, "webhook-timestamp"));
    let fresh = timestamp.parse::<i64>().is_ok_and(|second| ((capture.now)().as_second() - second).abs() <= WINDOW);
    let given: Vec<_> = header(headers, "webhook-signature").split(' ').map(str::to_owned).collect();
    let by = |key: &[u8; 32]| gateway_signature(key, id, timestamp, body).is_some_and(|expected| given.contains(&expected));
    fresh && (keys.is_empty() || keys.iter().any(by))
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}
