//! SES, version 2: `SendEmail` with simple content.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::json;

use super::events::Taken;
use super::{Capture, Mode, Sender, silence};
use crate::messages::{Channel, Message};
use crate::random;

/// What the ARNs of identities begin with: a verified address or its domain.
const IDENTITIES: &str = "arn:aws:ses:us-east-1:000000000000:identity/";
/// The same for configuration sets.
const CONFIGURATIONS: &str = "arn:aws:ses:us-east-1:000000000000:configuration-set/";
/// The mailbox simulator of SES: what goes there is in no mailbox.
const SIMULATOR: &str = "@simulator.amazonses.com";

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SendEmail {
    from_email_address: Option<String>,
    destination: Option<Destination>,
    content: Content,
    configuration_set_name: Option<String>,
    #[serde(default)]
    email_tags: Vec<Tag>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Tag {
    name: String,
    value: String,
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
    let mail: SendEmail = match serde_json::from_slice(&body) {
        Ok(mail) => mail,
        Err(reason) => return refused(&reason.to_string()),
    };
    let Some(source) = mail.from_email_address.as_deref().filter(|from| is_address(from)) else {
        return refused("FromEmailAddress: Missing final '@domain'");
    };
    let from = bare(source);
    let identities = [from, from.rsplit('@').next().unwrap_or_default()].map(|identity| format!("{IDENTITIES}{identity}"));
    if let Some(message) = capture.refused(&headers, "ses:SendEmail", &identities) {
        return error(StatusCode::FORBIDDEN, "AccessDeniedException", &message);
    }
    let configuration = mail.configuration_set_name.as_ref();
    if let Some(set) = configuration.map(|name| format!("{CONFIGURATIONS}{name}"))
        && let Some(message) = capture.refused(&headers, "ses:SendEmail", &[set])
    {
        return error(StatusCode::FORBIDDEN, "AccessDeniedException", &message);
    }
    if let Some(tag) = mail.email_tags.iter().find(|tag| !is_tag(&tag.name) || !is_tag(&tag.value)) {
        return refused(&format!("Invalid email tag <{}>", tag.name));
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
    // Mail for nobody does not use up what a test has told.
    let to_somebody = recipients.iter().any(|to| bare(to) != "success@simulator.amazonses.com");
    let mode = if to_somebody { capture.told(Sender::Ses) } else { None };
    match mode {
        Some(Mode::Refuse) => return error(StatusCode::BAD_REQUEST, "MessageRejected", "told to refuse"),
        Some(Mode::Busy) => return error(StatusCode::INTERNAL_SERVER_ERROR, "InternalFailure", "told to fail"),
        _ => {}
    }
    let id = random::uuid();
    let tags: Vec<_> = mail.email_tags.into_iter().map(|tag| (tag.name, tag.value)).collect();
    for to in &recipients {
        if let Some(configuration) = configuration {
            capture.tell(&Taken { id: &id, from: source, to: bare(to), tags: &tags, configuration });
        }
        if bare(to).ends_with(SIMULATOR) {
            continue;
        }
        capture.messages.keep(Message {
            channel: Channel::Email,
            to: bare(to).to_owned(),
            text: content.body.text.as_ref().map(|part| part.data.clone()).unwrap_or_default(),
            html: content.body.html.as_ref().map(|part| part.data.clone()),
            subject: Some(content.subject.data.clone()),
            from: Some(source.to_owned()),
            id: tags.iter().find(|(name, _)| name == "message").map(|(_, value)| value.clone()),
            at: (capture.now)(),
        });
    }
    if mode == Some(Mode::Silent) { silence() } else { Json(json!({"MessageId": id})).into_response() }
}

/// The address of `Name <address>`.
fn bare(address: &str) -> &str {
    let inner = address.rsplit_once('<').and_then(|(_, rest)| rest.strip_suffix('>'));
    inner.unwrap_or(address).trim()
}

fn is_address(address: &str) -> bool {
    bare(address).rsplit_once('@').is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty())
}

/// Letters, digits, hyphens and underscores, at most 256 of them.
fn is_tag(text: &str) -> bool {
    (1..=256).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}

fn refused(message: &str) -> Response {
    error(StatusCode::BAD_REQUEST, "BadRequestException", message)
}

fn error(status: StatusCode, name: &str, message: &str) -> Response {
    (status, [("x-amzn-errortype", name)], Json(json!({"message": message}))).into_response()
}
