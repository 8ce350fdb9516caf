//! SNS, query protocol: `Publish` to a phone number.

use std::collections::HashMap;

use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};

use super::{Capture, Mode, Sender, silence};
use crate::messages::{Channel, Message};
use crate::random;

/// SNS refuses longer texts.
const LONGEST_CHARACTERS: usize = 1_600;

pub(super) fn answer(capture: &Capture, headers: &HeaderMap, body: &[u8]) -> Response {
    let form: HashMap<_, _> = form_urlencoded::parse(body).into_owned().collect();
    let field = |name: &str| form.get(name).map(String::as_str).filter(|text| !text.is_empty());
    if field("Action") != Some("Publish") {
        let message = format!("{:?} is not kept locally", field("Action").unwrap_or_default());
        return error(StatusCode::BAD_REQUEST, "InvalidAction", &message);
    }
    let Some(to) = field("PhoneNumber") else {
        return invalid("PhoneNumber", "only publishing to a phone number is kept locally");
    };
    if !is_e164(to) {
        let reason = format!("PhoneNumber Reason: {to} is not valid to publish to");
        return error(StatusCode::BAD_REQUEST, "InvalidParameter", &format!("Invalid parameter: {reason}"));
    }
    // A phone number has no ARN: it is the resource itself.
    if let Some(message) = capture.refused(headers, "sns:Publish", &[to.to_owned()]) {
        return error(StatusCode::FORBIDDEN, "AuthorizationError", &message);
    }
    let mode = capture.told(Sender::Sns);
    match mode {
        Some(Mode::Refuse) => return error(StatusCode::BAD_REQUEST, "OptedOut", "told to refuse"),
        Some(Mode::Busy) => return error(StatusCode::INTERNAL_SERVER_ERROR, "InternalError", "told to fail"),
        _ => {}
    }
    let Some(text) = field("Message") else {
        return invalid("Message", "Empty message");
    };
    if text.chars().count() > LONGEST_CHARACTERS {
        return invalid("Message", "Message too long");
    }
    capture.messages.keep(Message {
        channel: Channel::Sms,
        to: to.to_owned(),
        text: text.to_owned(),
        html: None,
        subject: None,
        from: None,
        id: None,
        at: (capture.now)(),
    });
    if mode == Some(Mode::Silent) {
        return silence();
    }
    let result = format!("<PublishResult><MessageId>{}</MessageId></PublishResult>", random::uuid());
    xml(StatusCode::OK, "PublishResponse", &format!("{result}<ResponseMetadata>{}</ResponseMetadata>", request_id()))
}

/// E.164: a plus and up to 15 digits, the first not a zero.
fn is_e164(number: &str) -> bool {
    let digits = number.strip_prefix('+').unwrap_or_default();
    (2..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.starts_with('0')
}

fn invalid(parameter: &str, reason: &str) -> Response {
    let message = format!("Invalid parameter: {parameter} Reason: {reason}");
    error(StatusCode::BAD_REQUEST, "InvalidParameter", &message)
}

fn error(status: StatusCode, code: &str, message: &str) -> Response {
    let side = if status.is_server_error() { "Receiver" } else { "Sender" };
    let message = message.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let body = format!("<Error><Type>{side}</Type><Code>{code}</Code><Message>{message}</Message></Error>");
    xml(status, "ErrorResponse", &format!("{body}{}", request_id()))
}

fn request_id() -> String {
    format!("<RequestId>{}</RequestId>", random::uuid())
}

fn xml(status: StatusCode, element: &str, inner: &str) -> Response {
    let namespace = "http://sns.amazonaws.com/doc/2010-03-31/";
    let body = format!("<{element} xmlns=\"{namespace}\">{inner}</{element}>");
    (status, [(CONTENT_TYPE, "text/xml")], body).into_response()
}
