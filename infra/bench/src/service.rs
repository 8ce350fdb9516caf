//! The Lambda service as a function sees it: the Runtime API (version 2018-06-01) on the loopback interface.

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use portico_runtime::Clock;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinHandle;

use crate::Failure;

/// How long a function is told that it may take.
const DEADLINE_MS: i64 = 29_000;

/// What a function answered.
pub(crate) struct Answer {
    /// When the answer was there whole.
    pub(crate) at: Instant,
    /// Status, headers and body, or the error that the function reported.
    pub(crate) outcome: Result<Value, String>,
}

/// The service for one instance of a function.
pub(crate) struct Service {
    address: SocketAddr,
    events: mpsc::UnboundedSender<Bytes>,
    answers: mpsc::UnboundedReceiver<Answer>,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

struct Shared {
    waiting: Mutex<mpsc::UnboundedReceiver<Bytes>>,
    answered: mpsc::UnboundedSender<Answer>,
    is_last: AtomicBool,
    requests: AtomicU64,
}

impl Service {
    pub(crate) async fn start() -> Result<Self, Failure> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let (events, waiting) = mpsc::unbounded_channel();
        let (answered, answers) = mpsc::unbounded_channel();
        let waiting = Mutex::new(waiting);
        let shared = Arc::new(Shared { waiting, answered, is_last: AtomicBool::new(false), requests: AtomicU64::new(0) });
        let task = tokio::spawn(serve(listener, shared.clone()));
        Ok(Self { address, events, answers, shared, task })
    }

    /// For `AWS_LAMBDA_RUNTIME_API`.
    pub(crate) fn address(&self) -> String {
        self.address.to_string()
    }

    /// Hands an event to the function, at once or when it asks for one.
    pub(crate) fn send(&self, event: &Value) -> Result<(), Failure> {
        Ok(self.events.send(Bytes::from(event.to_string()))?)
    }

    /// The next answer.
    pub(crate) async fn answer(&mut self) -> Result<Answer, Failure> {
        self.answers.recv().await.ok_or_else(|| "the service has ended".into())
    }

    /// From now on answers are taken and not acknowledged: the function does nothing after the one that it gives.
    pub(crate) fn make_last(&self) {
        self.shared.is_last.store(true, Ordering::Relaxed);
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((stream, _)) = listener.accept().await {
        // Slower without, but not wrong.
        stream.set_nodelay(true).ok();
        let shared = shared.clone();
        let service = service_fn(move |request| answer(request, shared.clone()));
        // The function's end is the connection's; there is nothing to report.
        tokio::spawn(async move { http1::Builder::new().serve_connection(TokioIo::new(stream), service).await.ok() });
    }
}

async fn answer(request: Request<Incoming>, shared: Arc<Shared>) -> Result<Response<Full<Bytes>>, Infallible> {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path().strip_prefix("/2018-06-01/runtime/").unwrap_or_default();
    if parts.method == Method::GET && path == "invocation/next" {
        return Ok(next(&shared).await);
    }
    let body = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    let at = Instant::now();
    let outcome = if path.ends_with("/response") {
        serde_json::from_slice(&body).map_err(|error| format!("the answer is no JSON: {error}"))
    } else {
        Err(format!("{path}: {}", String::from_utf8_lossy(&body)))
    };
    // Read first: once there is the answer, the next call may be made the last.
    let is_last = shared.is_last.load(Ordering::Relaxed);
    // Nobody waits for an answer after the bench has given up on the function.
    shared.answered.send(Answer { at, outcome }).ok();
    if is_last {
        std::future::pending::<()>().await;
    }
    let mut response = Response::new(Full::from(r#"{"status":"OK"}"#));
    *response.status_mut() = http::StatusCode::ACCEPTED;
    Ok(response)
}

async fn next(shared: &Shared) -> Response<Full<Bytes>> {
    let Some(event) = shared.waiting.lock().await.recv().await else {
        return std::future::pending().await;
    };
    let number = shared.requests.fetch_add(1, Ordering::Relaxed);
    let deadline = Clock::system().now().as_millisecond() + DEADLINE_MS;
    let response = Response::builder()
        .header("content-type", "application/json")
        .header("lambda-runtime-aws-request-id", format!("8476a536-e9f4-11e8-9739-{number:012x}"))
        .header("lambda-runtime-deadline-ms", deadline)
        .header("lambda-runtime-invoked-function-arn", "arn:aws:lambda:us-east-1:123456789012:function:bench")
        .header("lambda-runtime-trace-id", "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=0");
    response.body(Full::from(event)).unwrap_or_default()
}
