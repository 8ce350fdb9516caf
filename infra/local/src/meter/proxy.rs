//! The proxy itself. It speaks HTTP with hyper and not with axum, because only a service that fails can close a
//! connection without an answer.

use std::time::Instant;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HOST};
use http::{HeaderValue, Request, Response, Uri};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::call::{self, Answer};
use super::{Call, Fault, Meter};
use crate::rights;

type Failure = Box<dyn std::error::Error + Send + Sync>;
type Upstream = Client<HttpConnector, Full<Bytes>>;

/// Serves `listener` for ever.
pub(super) async fn serve(listener: TcpListener, upstream: String, meter: Meter) {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    let client = Client::builder(TokioExecutor::new()).build(connector);
    let mut connections = JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        // A connection that cannot be set up this way works all the same, only slower.
        stream.set_nodelay(true).ok();
        while connections.try_join_next().is_some() {}
        let (client, upstream, meter) = (client.clone(), upstream.clone(), meter.clone());
        let service = service_fn(move |request| pass(request, client.clone(), upstream.clone(), meter.clone()));
        let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
        connections.spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "database connection closed");
            }
        });
    }
}

async fn pass(request: Request<Incoming>, client: Upstream, upstream: String, meter: Meter) -> Result<Response<Full<Bytes>>, Failure> {
    let started = Instant::now();
    let (mut parts, body) = request.into_parts();
    let body = body.collect().await?.to_bytes();
    let target = parts.headers.get("x-amz-target").and_then(|target| target.to_str().ok());
    let operation = target.and_then(|target| target.rsplit('.').next()).unwrap_or_default().to_owned();

    let mut json: Value = serde_json::from_slice(&body).unwrap_or_default();
    let rights = call::rights(&operation, &json);
    let tables = call::tables(&rights);
    let caller = rights::caller(&parts.headers);
    let fault = meter.refusal(&caller, &rights).or_else(|| meter.fault(&operation, &tables, &body));
    let mut call =
        Call { caller, operation, tables, rights, read_units: 0.0, write_units: 0.0, started, ended: started, status: 0, error: None };
    match &fault {
        Some(Fault::Dropped) => {
            call.ended = Instant::now();
            meter.record(call);
            return Err("dropped".into());
        }
        Some(Fault::Delayed(time)) => tokio::time::sleep(*time).await,
        _ => {}
    }

    let response = if let Some((status, answer)) = fault.as_ref().and_then(Fault::answer) {
        let mut response = Response::new(Bytes::from(answer.to_string()));
        *response.status_mut() = status.try_into()?;
        let json = HeaderValue::from_static("application/x-amz-json-1.0");
        response.headers_mut().insert(CONTENT_TYPE, json);
        response
    } else {
        let body = match json.as_object_mut() {
            Some(object) if is_metered(&call.operation) => {
                object.entry("ReturnConsumedCapacity").or_insert("TOTAL".into());
                Bytes::from(json.to_string())
            }
            _ => body,
        };
        let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
        parts.uri = format!("{upstream}{path}").parse::<Uri>()?;
        parts.headers.remove(HOST);
        parts.headers.remove(CONTENT_LENGTH);
        let response = client.request(Request::from_parts(parts, Full::new(body))).await?;
        let (parts, body) = response.into_parts();
        Response::from_parts(parts, body.collect().await?.to_bytes())
    };

    let answer: Answer = serde_json::from_slice(response.body()).unwrap_or_default();
    let injected = fault.as_ref().is_some_and(|fault| fault.answer().is_some());
    if !injected {
        (call.read_units, call.write_units) = answer.units(&call.operation, &json);
    }
    call.error = answer.error();
    call.status = if fault == Some(Fault::AnswerLost) { 0 } else { response.status().as_u16() };
    call.ended = Instant::now();
    meter.record(call);
    if fault == Some(Fault::AnswerLost) {
        return Err("the answer is lost".into());
    }
    Ok(response.map(Full::new))
}

/// Operations that answer what they consumed when they are asked to.
fn is_metered(operation: &str) -> bool {
    matches!(
        operation,
        "GetItem"
            | "PutItem"
            | "UpdateItem"
            | "DeleteItem"
            | "Query"
            | "Scan"
            | "BatchGetItem"
            | "BatchWriteItem"
            | "TransactGetItems"
            | "TransactWriteItems"
    )
}
