//! SMS through a gateway of the operator's: one request over HTTPS for each message, signed as the Standard Webhooks specification
//! says (v1, symmetric). `docs/operating.md` describes the interface to those who build one.

use std::{collections::BTreeMap, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header::CONTENT_TYPE};
use jiff::Timestamp;
use portico_domain::locale::Locale;
use portico_outbound::{Answer, BadAddress, NoAnswer, Outbound};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use crate::senders::{ProviderId, SendError, Sms};

/// How long a gateway may take in all: whoever asked for a code waits for it.
const TOTAL: Duration = Duration::from_secs(5);

/// The way to the gateway, and the numbers that it serves.
pub(crate) struct Gateway {
    outbound: Outbound,
    prefixes: Vec<String>,
}

/// What the gateway is asked.
#[derive(Serialize)]
struct Request<'a> {
    id: &'a str,
    to: &'a str,
    kind: &'a str,
    locale: Locale,
    signature: &'a str,
    text: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    template: Option<&'a str>,
    variables: &'a BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Taken {
    id: Option<String>,
}

impl Gateway {
    /// At `url`, for numbers that begin with one of the `prefixes`, which have spaces between them.
    pub(crate) fn new(url: &str, prefixes: &str) -> Result<Self, BadAddress> {
        Ok(Self { outbound: Outbound::new(url, TOTAL)?, prefixes: prefixes.split_whitespace().map(str::to_owned).collect() })
    }

    /// Whether it serves a number.
    pub(crate) fn serves(&self, phone: &str) -> bool {
        self.prefixes.iter().any(|prefix| phone.starts_with(prefix))
    }

    /// Hands a message over, once. The gateway drops what it had under the same id.
    pub(crate) async fn send(&self, sms: &Sms<'_>, keys: &[[u8; 32]], now: Timestamp) -> Result<Option<ProviderId>, SendError> {
        let request = Request {
            id: sms.id,
            to: sms.to.as_str(),
            kind: sms.kind,
            locale: sms.locale,
            signature: sms.signature,
            text: sms.text,
            template: sms.template,
            variables: sms.variables,
        };
        let body = serde_json::to_vec(&request).map_err(|error| SendError::Refused(error.to_string()))?;
        let headers = headers(sms.id, now, &body, keys).ok_or_else(|| SendError::Refused("an id that is no header".into()))?;
        meaning(self.outbound.call(Method::POST, "", headers, body.into()).await)
    }
}

/// The headers of the Standard Webhooks specification: with two keys, both sign.
fn headers(id: &str, now: Timestamp, body: &[u8], keys: &[[u8; 32]]) -> Option<HeaderMap> {
    let timestamp = now.as_second().to_string();
    let signatures: Vec<_> = keys.iter().filter_map(|key| signature(key, id, &timestamp, body)).collect();
    let mut headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("application/json"))]);
    headers.insert("webhook-id", id.parse().ok()?);
    headers.insert("webhook-timestamp", timestamp.parse().ok()?);
    headers.insert("webhook-signature", signatures.join(" ").parse().ok()?);
    Some(headers)
}

/// `v1,` and the HMAC-SHA256 of `id.timestamp.body` in Base64.
pub fn signature(key: &[u8], id: &str, timestamp: &str, body: &[u8]) -> Option<String> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
    for part in [id.as_bytes(), b".", timestamp.as_bytes(), b".", body] {
        mac.update(part);
    }
    Some(format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())))
}

/// What the gateway's answer, or the lack of one, means for the message.
fn meaning(answer: Result<Answer, NoAnswer>) -> Result<Option<ProviderId>, SendError> {
    let answer = answer.map_err(|reason| match reason {
        NoAnswer::NotSent(reason) => SendError::Again(reason),
        NoAnswer::Unknown(reason) => SendError::Unknown(reason),
    })?;
    let said = format!("the gateway answered {}", answer.status.as_u16());
    match answer.status {
        status if status.is_success() => Ok(answer.body.and_then(|body| provider_id(&body))),
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY | StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
            Err(SendError::Again(said))
        }
        status if status.is_server_error() => Err(SendError::Unknown(said)),
        _ => Err(SendError::Refused(said)),
    }
}

fn provider_id(body: &[u8]) -> Option<ProviderId> {
    serde_json::from_slice::<Taken>(body).ok()?.id.map(ProviderId)
}

#[cfg(test)]
mod tests;
