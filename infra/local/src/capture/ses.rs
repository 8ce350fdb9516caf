//! SES, version 2: `SendEmail` with simple content.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::json;

use super::{Capture, Sender};
use crate::messages::{Channel, Message};
use crate::random;

/// What the ARNs of identities begin with: a verified address or its domain.
const IDENTITIES: &str = "arn:aws:ses:us-east-1:000000000000:identity/";

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SendEmail {
    from_email_address: Option<String>,
    destination: Option<Destination>,
    content: Content,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Destination {
    to_addresses: Vec<String>,
    cc_addresses: Vec<String>,
    bcc_addresses: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Content {
    simple: Option<Simple>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Simple {
    subject: Data,
    body: Body,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Body {
    text: Option<Data>,
    html: Option<Data>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Data {
    data: String,
}

pub(super) async fn send_email(State(capture): State<Capture>, headers: HeaderMap, body: Bytes) -> Response {
    if capture.fails(Sender::Ses) {
        return error(StatusCode::INTERNAL_SERVER_ERROR, "InternalFailure", "told to fail");
    }
    let mail: SendEmail = match serde_json::from_slice(&body) {
        Ok(mail) => mail,
        Err(reason) => return refused(&reason.to_string()),
    };
    let Some(from) = mail.from_email_address.as_deref().filter(|from| is_address(from)).map(bare) else {
        return refused("FromEmailAddress: Missing final '@domain'");
    };
    let identities = [from, from.rsplit('@').next().unwrap_or_default()].map(|identity| format!("{IDENTITIES}{identity}"));
    if let Some(message) = capture.refused(&headers, "ses:SendEmail", &identities) {
        return error(StatusCode::FORBIDDEN, "AccessDeniedException", &message);
    }
    let destination = mail.destination.unwrap_or_default();
    let mut recipients = destination.to_addresses;
    recipients.extend(destination.cc_addresses);
    recipients.extend(destination.bcc_addresses);
    if recipients.is_empty() || !recipients.iter().all(|recipient| is_address(recipient)) {
        return refused("Destination: Missing final '@domain'");
    }
    let Some(content) = mail.content.simple else {
        return refused("only simple content is kept locally");
    };
    for to in recipients.into_iter().filter(|to| !bare(to).ends_with("@simulator.amazonses.com")) {
        capture.messages.keep(Message {
            channel: Channel::Email,
            to: bare(&to).to_owned(),
            text: content.body.text.as_ref().map(|part| part.data.clone()).unwrap_or_default(),
            html: content.body.html.as_ref().map(|part| part.data.clone()),
            subject: Some(content.subject.data.clone()),
            at: (capture.now)(),
        });
    }
    Json(json!({"MessageId": random::uuid()})).into_response()
}

/// The address of `Name <address>`.
fn bare(address: &str) -> &str {
    let inner = address.rsplit_once('<').and_then(|(_, rest)| rest.strip_suffix('>'));
    inner.unwrap_or(address).trim()
}

fn is_address(address: &str) -> bool {
    bare(address).rsplit_once('@').is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty())
}

fn refused(message: &str) -> Response {
    error(StatusCode::BAD_REQUEST, "BadRequestException", message)
}

fn error(status: StatusCode, name: &str, message: &str) -> Response {
    (status, [("x-amzn-errortype", name)], Json(json!({"message": message}))).into_response()
}
