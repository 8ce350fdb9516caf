//! `Idempotency-Key`: a call that is sent twice has one effect and one answer (R1, R2).
//!
//! The header follows the IETF's draft "The Idempotency-Key HTTP Header Field": a string of RFC 9651 in quotes; a bare one is taken too.
//! A call without it costs nothing. With it, one write takes the turn and another keeps the answer ([`portico_store::Turn`]).
//!
//! Answers below 500 are kept for 24 hours; those that say when to come back only until then, since afterwards they are no longer
//! true. What is never kept: answers of 500 and more, so that a repetition is a new try; answers that set a cookie (S22); answers with a
//! body of more than 300 KiB. Bodies are kept sealed: the tables do not show what was answered (S48, [`portico_access::AnswerSeal`]).

use axum::{
    body::Body,
    extract::{FromRequestParts, RawPathParams, Request, State},
    http::request::Parts,
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header, response};
use http_body_util::{BodyExt, Limited};
use jiff::{SignedDuration, Timestamp};
use portico_access::{AccessError, SealedAnswer};
use portico_domain::ids::PortalId;
use portico_runtime::entropy;
use portico_store::{Hold, KeptAnswer, KeyedCall, LONGEST_KEPT_BODY, StoreError, Table, Tenant, Turn};

use crate::{
    ClientAddress, CurrentMember, CurrentUser, Kind, Problem, Reader,
    body::max_bytes,
    current::{Answering, Guard},
    edge::finish,
};

/// The header.
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// The longest key, in characters.
const LONGEST_KEY: usize = 255;
/// The one route for anybody that takes a key: a send that is tapped twice sends one message.
const SEND_CODE: &str = "/v1/portals/{portal}/codes";
/// Answers with secrets, which are kept nowhere in clear.
const AUTHENTICATOR: &str = "/v1/me/totp";
/// The headers that are part of an answer; the edge adds the others to every one.
const KEPT_HEADERS: [HeaderName; 5] = [header::CONTENT_TYPE, header::ETAG, header::LOCATION, header::RETRY_AFTER, header::WWW_AUTHENTICATE];
/// When it is worth asking again for a call that runs, in seconds.
const SOON: i64 = 1;

/// Whether a route takes the header: all unsafe routes of members, those of signed-in users below `/v1/me` except the
/// one that answers with the secrets of an authenticator, and the sending of codes.
///
/// The other routes answer with sessions, tickets or tokens, which are never stored (S22). There the flow or the ticket makes a
/// repetition harmless, and signing out twice is the same as once.
pub fn takes_key(method: &Method, path: &str) -> bool {
    let mine = |root: &str| path == root || path.strip_prefix(root).is_some_and(|rest| rest.starts_with('/'));
    !method.is_safe() && path != AUTHENTICATOR && (mine("/v1/admin") || mine("/v1/me") || path == SEND_CODE)
}

/// What a route needs to answer a call once.
#[derive(Debug, Clone)]
pub(crate) struct Once {
    guard: Guard,
    path: &'static str,
}

/// Answers a call that has a key: by running it, or as its twin was answered.
pub(crate) fn once(State(once): State<Once>, request: Request, next: Next) -> Answering {
    Box::pin(async move {
        if !request.headers().contains_key(IDEMPOTENCY_KEY) {
            return next.run(request).await;
        }
        once.answer(request, next).await.unwrap_or_else(IntoResponse::into_response)
    })
}

impl Once {
    /// # Panics
    ///
    /// If the function was not given the table that keeps answers.
    pub(crate) fn new(guard: Guard, path: &'static str) -> Self {
        assert!(guard.store.has(Table::Codes), "{path} takes Idempotency-Key: the function needs {}", Table::Codes.variable());
        Self { guard, path }
    }

    async fn answer(&self, request: Request, next: Next) -> Result<Response, Problem> {
        let (mut parts, body) = request.into_parts();
        let key = key(&parts.headers)?;
        let (tenant, caller) = caller(&mut parts).await?;
        let body = Limited::new(body, max_bytes(self.path)).collect().await.map_err(|_| Problem::from(Kind::TooLarge))?.to_bytes();
        let call = KeyedCall {
            tenant,
            caller: &caller,
            route: &format!("{} {}", parts.method, self.path),
            key: &key,
            // The version that a change was made for is part of what it asks for.
            request: &[
                parts.method.as_str().as_bytes(),
                parts.uri.path().as_bytes(),
                parts.uri.query().unwrap_or_default().as_bytes(),
                parts.headers.get(header::IF_MATCH).map(HeaderValue::as_bytes).unwrap_or_default(),
                &body,
            ],
        };
        let hold = entropy::bytes().map_err(Problem::internal)?;
        match self.guard.store.take_turn(&call, hold, self.guard.clock.now()).await? {
            Turn::Run(hold) => {
                let reader = Reader::of(&parts);
                let response = next.run(Request::from_parts(parts, Body::from(body))).await;
                self.keep(&hold, &key, response, &reader).await
            }
            Turn::Running => Err(Problem::from(Kind::InProgress).retry_after(SOON)),
            Turn::Answered(answer, hold) => {
                let sealed = SealedAnswer { text: answer.body, secret_version: answer.secret_version };
                let body = self.guard.seal.open(&key, &hold, &sealed).await.map_err(Problem::internal)?;
                repeated(answer.status, answer.headers, body)
            }
            Turn::Other => Err(Kind::KeyMismatch.into()),
        }
    }

    /// Keeps an answer for repetitions, if it is one to keep. What was done is done: if it cannot be kept, it is given all the same.
    async fn keep(&self, hold: &Hold, key: &str, response: Response, reader: &Reader) -> Result<Response, Problem> {
        let response = if response.status().is_server_error() { response } else { finish(response, reader) };
        let (head, body) = response.into_parts();
        let body = body.collect().await.map_err(Problem::internal)?.to_bytes();
        if let Err(error) = self.write(hold, key, &head, &body).await {
            tracing::error!(request = reader.request_id, %error, "an answer was not kept for its repetition");
        }
        Ok(Response::from_parts(head, Body::from(body)))
    }

    async fn write(&self, hold: &Hold, key: &str, head: &response::Parts, body: &[u8]) -> Result<(), NotKept> {
        let store = &self.guard.store;
        if !is_kept(head, body.len()) {
            return Ok(store.let_go(hold).await?);
        }
        let sealed = self.guard.seal.seal(key, hold.random(), body).await?;
        Ok(store.keep_answer(hold, &kept(head, sealed), come_back(head, self.guard.clock.now())).await?)
    }
}

/// Why an answer was not kept.
#[derive(Debug, thiserror::Error)]
enum NotKept {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Seal(#[from] AccessError),
}

/// Reads the key: `"a-key"` or `a-key`, which are the same one.
fn key(headers: &HeaderMap) -> Result<String, Problem> {
    let mut values = headers.get_all(IDEMPOTENCY_KEY).iter();
    let (value, more) = (values.next(), values.next());
    let text = value.filter(|_| more.is_none()).and_then(|value| value.to_str().ok()).map(str::trim);
    let key = text.and_then(|text| text.strip_prefix('"').map_or_else(|| bare(text), quoted));
    key.filter(|key| (1..=LONGEST_KEY).contains(&key.len())).ok_or_else(|| Kind::KeyMalformed.into())
}

/// The rest of a string of RFC 9651, section 3.3.3, after its first quote.
fn quoted(rest: &str) -> Option<String> {
    let (mut key, mut characters) = (String::new(), rest.chars());
    loop {
        match characters.next()? {
            '"' => return characters.as_str().is_empty().then_some(key),
            '\\' => key.push(characters.next().filter(|next| matches!(next, '"' | '\\'))?),
            printable @ ' '..='~' => key.push(printable),
            _ => return None,
        }
    }
}

/// A key without quotes. A comma would be a second one: that is how gateways join two headers.
fn bare(text: &str) -> Option<String> {
    text.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b',')).then(|| text.to_owned())
}

/// Who calls: a member or a user, whatever session they come with, else a client address at a portal.
async fn caller(parts: &mut Parts) -> Result<(Tenant, String), Problem> {
    if let Some(current) = parts.extensions.get::<CurrentMember>() {
        return Ok((Tenant::Organisation(current.member.organisation), format!("member {}", current.member.id)));
    }
    if let Some(current) = parts.extensions.get::<CurrentUser>() {
        return Ok((Tenant::User(current.signed.portal.id, current.signed.user.id), "user".to_owned()));
    }
    let params = RawPathParams::from_request_parts(parts, &()).await.map_err(|_| Problem::from(Kind::NotFound))?;
    let portal = params.iter().find(|(name, _)| *name == "portal").and_then(|(_, value)| value.parse::<PortalId>().ok());
    let portal = portal.ok_or(Kind::NotFound)?;
    let ClientAddress(client) = ClientAddress::from_request_parts(parts, &()).await?;
    Ok((Tenant::Portal(portal), format!("client {client}")))
}

fn is_kept(head: &response::Parts, body_bytes: usize) -> bool {
    !head.status.is_server_error() && !head.headers.contains_key(header::SET_COOKIE) && body_bytes <= LONGEST_KEPT_BODY
}

fn kept(head: &response::Parts, sealed: SealedAnswer) -> KeptAnswer {
    let value = |name: &HeaderName| Some((name.to_string(), head.headers.get(name)?.to_str().ok()?.to_owned()));
    KeptAnswer {
        status: head.status.as_u16(),
        headers: KEPT_HEADERS.iter().filter_map(value).collect(),
        body: sealed.text,
        secret_version: sealed.secret_version,
    }
}

/// When an answer stops being true, if it says so itself.
fn come_back(head: &response::Parts, now: Timestamp) -> Option<Timestamp> {
    let seconds = head.headers.get(header::RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    now.checked_add(SignedDuration::from_secs(seconds)).ok()
}

fn repeated(status: u16, headers: Vec<(String, String)>, body: Vec<u8>) -> Result<Response, Problem> {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::from_u16(status).map_err(Problem::internal)?;
    for (name, value) in headers {
        let (name, value) = (HeaderName::try_from(name), HeaderValue::try_from(value));
        response.headers_mut().insert(name.map_err(Problem::internal)?, value.map_err(Problem::internal)?);
    }
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(values: &[&str]) -> Option<String> {
        let headers = values.iter().map(|value| (IDEMPOTENCY_KEY, HeaderValue::from_bytes(value.as_bytes()).unwrap())).collect();
        key(&headers).map_err(|problem| assert_eq!(problem.kind, Kind::KeyMalformed)).ok()
    }

    #[test]
    fn quoted_and_bare_keys_are_the_same() {
        for (text, same) in [
            ("8e03978e-40d5-43dd-bc93-6894a57f9324", "8e03978e-40d5-43dd-bc93-6894a57f9324"),
            ("\"8e03978e-40d5-43dd-bc93-6894a57f9324\"", "8e03978e-40d5-43dd-bc93-6894a57f9324"),
            (" \"a b\" ", "a b"),
            (r#""a\"b\\c""#, r#"a"b\c"#),
            ("a;b=c", "a;b=c"),
        ] {
            assert_eq!(read(&[text]).as_deref(), Some(same), "{text}");
        }
        let longest = "x".repeat(LONGEST_KEY);
        assert_eq!(read(&[&longest]), Some(longest.clone()));
        assert_eq!(read(&[&format!("\"{longest}\"")]), Some(longest));
    }

    #[test]
    fn what_is_no_key_is_refused() {
        let long = "x".repeat(LONGEST_KEY + 1);
        for text in [
            "",
            " ",
            "\"\"",
            "\"",
            "\"a",
            "\"a\"b",
            "\"a\", \"b\"",
            "a, b",
            "a,b",
            "a b",
            "a\"b",
            r#""a\b""#,
            "ключ",
            "\"ключ\"",
            "a\tb",
            &long,
        ] {
            assert_eq!(read(&[text]), None, "{text}");
        }
        assert_eq!(read(&["a", "a"]), None, "two headers");
    }

    #[test]
    fn safe_methods_and_routes_with_secrets_take_no_key() {
        for (method, path, takes) in [
            (Method::POST, "/v1/admin/portals", true),
            (Method::GET, "/v1/admin/portals", false),
            (Method::DELETE, "/v1/admin/portals/{portal}/links/{link}", true),
            (Method::PATCH, "/v1/me", true),
            (Method::PUT, "/v1/me/password", true),
            (Method::POST, "/v1/me/totp", false),
            (Method::POST, "/v1/messages", false),
            (Method::POST, SEND_CODE, true),
            (Method::POST, "/v1/portals/{portal}/sessions", false),
            (Method::POST, "/v1/session/token", false),
        ] {
            assert_eq!(takes_key(&method, path), takes, "{method} {path}");
        }
    }

    #[test]
    fn cookies_faults_and_giants_are_not_kept() {
        let answer = |status: u16, cookie: bool| {
            let mut builder = Response::builder().status(status);
            if cookie {
                builder = builder.header(header::SET_COOKIE, "a=b");
            }
            builder.body(()).unwrap().into_parts().0
        };
        assert!(is_kept(&answer(200, false), LONGEST_KEPT_BODY) && is_kept(&answer(422, false), 0));
        assert!(!is_kept(&answer(200, true), 0), "S22");
        assert!(!is_kept(&answer(503, false), 0) && !is_kept(&answer(200, false), LONGEST_KEPT_BODY + 1));
    }
}
