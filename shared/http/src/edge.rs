//! The edge of a function: every answer passes here on its way out.

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::Response,
};
use http::{HeaderName, HeaderValue, Method, StatusCode, header};

use crate::{Kind, Problem, Reader, request::Origins};

/// Headers of every answer (S60). Pages set their own content security policy.
const HEADERS: [(HeaderName, HeaderValue); 6] = [
    (header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=63072000; includeSubDomains")),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'; base-uri 'none'")),
];

/// Refuses what other sites send, turns problems into their bodies, logs faults once, adds the headers.
pub(crate) async fn edge(State(origins): State<Origins>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let reader = Reader::of(&parts);
    let response = if is_foreign(&parts, &origins) {
        axum::response::IntoResponse::into_response(Problem::from(Kind::ForeignOrigin))
    } else {
        next.run(Request::from_parts(parts, body)).await
    };
    let mut response = finish(response, &reader);
    for (name, value) in HEADERS {
        response.headers_mut().entry(name).or_insert(value);
    }
    response
}

/// Whether an unsafe request was made by a page that is not ours (S61). Programs send no `Origin`.
fn is_foreign(parts: &http::request::Parts, origins: &Origins) -> bool {
    let safe = matches!(parts.method, Method::GET | Method::HEAD | Method::OPTIONS);
    let origin = parts.headers.get(header::ORIGIN);
    !safe && origin.is_some_and(|origin| origin.to_str().map_or(true, |origin| !origins.include(origin, parts)))
}

/// Writes a problem out, in the reader's language, and logs what is our fault; leaves other answers alone.
pub(crate) fn finish(mut response: Response, reader: &Reader) -> Response {
    let problem = match response.extensions_mut().remove::<Problem>() {
        Some(problem) => problem,
        // The router's own answer to a known path with another method; it names the allowed ones.
        None if response.status() == StatusCode::METHOD_NOT_ALLOWED => Kind::MethodNotAllowed.into(),
        None => return response,
    };
    if let Some(cause) = &problem.cause {
        tracing::error!(request = reader.request_id, kind = problem.kind.name(), cause, "request failed");
    }
    let mut rendered = problem.render(reader.locale, &reader.request_id);
    let carried = [header::ALLOW, header::SET_COOKIE];
    for name in carried {
        if let Some(value) = response.headers_mut().remove(&name) {
            rendered.headers_mut().insert(name, value);
        }
    }
    rendered
}
