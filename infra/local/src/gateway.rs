//! API Gateway: an HTTP API in front of the functions' routers, with the limits that AWS sets.

mod event;
mod routes;

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use axum::response::Response;
use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HOST, HeaderValue, SET_COOKIE};
use http::request::Parts;
use http::{Method, StatusCode};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use tower::ServiceExt;

use crate::capture::Now;
use crate::random;
use crate::template::Template;
use routes::Routes;

/// What a function may be handed and may answer: the limit of a synchronous Lambda invocation.
const LONGEST_BODY_BYTES: usize = 6 * 1024 * 1024;
/// Beyond this even a refused body is not read to its end.
const LONGEST_REFUSED_BYTES: usize = 64 * 1024 * 1024;
/// "Total combined size of request line and header values" of HTTP APIs.
const LONGEST_HEAD_BYTES: usize = 10_240;
/// "Maximum integration timeout" of HTTP APIs.
pub(crate) const LONGEST_TIME: Duration = Duration::from_secs(30);

/// The API of one local cloud.
#[derive(Clone)]
pub struct Gateway {
    inner: Arc<Inner>,
}

struct Inner {
    routes: Routes,
    functions: HashMap<String, Router>,
    now: Now,
    longest_time: Duration,
}

impl Gateway {
    /// The routes of `template`, answered by `functions` (by crate).
    #[must_use]
    pub fn new(template: &Template, functions: HashMap<String, Router>, now: Now) -> Self {
        let routes = Routes::of(template);
        Self { inner: Arc::new(Inner { routes, functions, now, longest_time: LONGEST_TIME }) }
    }

    /// A router that takes whatever no other route takes. It needs the peer's address
    /// (`into_make_service_with_connect_info::<SocketAddr>`).
    pub fn into_router(self) -> Router {
        Router::new().fallback(move |ConnectInfo(peer): ConnectInfo<SocketAddr>, request: Request| async move {
            self.answer(peer.ip(), request).await
        })
    }

    async fn answer(&self, client: IpAddr, request: Request) -> Response {
        let (parts, body) = request.into_parts();
        let request_id = format!("{}=", random::alphanumeric(15));
        let mut response = match self.invoke(client, parts, body, &request_id).await {
            Ok(response) => response,
            Err(status) => refusal(status),
        };
        if let Ok(id) = HeaderValue::from_str(&request_id) {
            response.headers_mut().insert("apigw-requestid", id);
        }
        response
    }

    async fn invoke(&self, client: IpAddr, parts: Parts, body: Body, request_id: &str) -> Result<Response, StatusCode> {
        if head_bytes(&parts) > LONGEST_HEAD_BYTES {
            return Err(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
        }
        if !parts.headers.get(HOST).is_none_or(is_host) {
            return Err(StatusCode::BAD_REQUEST);
        }
        let body = read(body).await?;
        let inner = &self.inner;
        let route = inner.routes.find(parts.method.as_str(), parts.uri.path()).ok_or(StatusCode::NOT_FOUND)?;
        let router = inner.functions.get(route.function).cloned().ok_or(StatusCode::INTERNAL_SERVER_ERROR)?;
        let event = event::request(&parts, &body, client, route, request_id, (inner.now)());

        // A task of its own: like an invocation it goes on when the client or the gateway has given up, and its panic is
        // not the gateway's.
        let invocation = tokio::spawn(async move {
            let Ok(response) = router.oneshot(event).await;
            let (parts, body) = response.into_parts();
            Limited::new(body, LONGEST_BODY_BYTES).collect().await.map(|body| (parts, body.to_bytes()))
        });
        match tokio::time::timeout(inner.longest_time, invocation).await {
            Ok(Ok(Ok((head, body)))) => Ok(returned(head, body, &parts.method)),
            Ok(Ok(Err(_)) | Err(_)) => Err(StatusCode::INTERNAL_SERVER_ERROR),
            Err(_) => Err(StatusCode::SERVICE_UNAVAILABLE),
        }
    }
}

/// The function's answer as API Gateway passes it on.
fn returned(head: http::response::Parts, body: Bytes, method: &Method) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = head.status;
    let mut cookies = head.headers.clone();
    let mut headers = head.headers;
    headers.remove(SET_COOKIE);
    *response.headers_mut() = event::combined(&headers);
    if method != Method::HEAD {
        response.headers_mut().remove(CONTENT_LENGTH);
    }
    if let http::header::Entry::Occupied(cookies) = cookies.entry(SET_COOKIE) {
        for cookie in cookies.iter() {
            response.headers_mut().append(SET_COOKIE, cookie.clone());
        }
    }
    response
}

/// The gateway's own answers.
fn refusal(status: StatusCode) -> Response {
    let message = match status {
        StatusCode::PAYLOAD_TOO_LARGE => "Request Entity Too Large",
        _ => status.canonical_reason().unwrap_or_default(),
    };
    let mut response = Response::new(Body::from(format!("{{\"message\":\"{message}\"}}")));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// The body, read to its end even when it is too long: a client that is cut off while it sends does not see the answer.
async fn read(body: Body) -> Result<Bytes, StatusCode> {
    let mut kept = Vec::new();
    let mut body = Limited::new(body, LONGEST_REFUSED_BYTES);
    let mut length = 0;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| match error.downcast::<LengthLimitError>() {
            Ok(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Err(_) => StatusCode::BAD_REQUEST,
        })?;
        if let Some(data) = frame.data_ref() {
            length += data.len();
            if length <= LONGEST_BODY_BYTES {
                kept.extend_from_slice(data);
            }
        }
    }
    if length > LONGEST_BODY_BYTES { Err(StatusCode::PAYLOAD_TOO_LARGE) } else { Ok(kept.into()) }
}

fn head_bytes(parts: &Parts) -> usize {
    let headers: usize = parts.headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    parts.method.as_str().len() + parts.uri.path_and_query().map_or(0, |path| path.as_str().len()) + headers
}

fn is_host(host: &HeaderValue) -> bool {
    host.as_bytes().iter().all(|byte| byte.is_ascii_alphanumeric() || b".-:[]".contains(byte))
}

#[cfg(test)]
mod tests;
