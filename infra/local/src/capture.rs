//! SNS, SES and Secrets Manager, and a gateway for text messages: what the functions use of them, on one port. Messages are kept
//! instead of sent.

mod events;
mod gateway;
mod secrets;
mod ses;
mod sns;

use std::collections::HashSet;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::Body;
use axum::extract;
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::post;
use bytes::Bytes;
use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tower::ServiceExt;

use crate::error::LocalError;
use crate::messages::Messages;
use crate::net;
use crate::rights::{self, Rights};
use crate::template::Secret;
use secrets::Secrets;

/// Where the gateway for text messages is.
const GATEWAY: &str = "/_local/gateway";

/// What tells the time.
pub type Now = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// A sender that can be made to fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Sender {
    /// Text messages.
    Sns,
    /// Mail.
    Ses,
    /// The deployment's own gateway for text messages.
    Gateway,
}

/// What a sender does instead of its work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// It says that it will never send this message.
    Refuse,
    /// It says that it cannot send now, and does not send.
    Busy,
    /// It sends, and breaks the connection without a word.
    Silent,
}

/// What is told to the stand-ins, and what they remember beside messages and secrets.
#[derive(Default)]
struct State {
    /// Busy until further notice.
    failing: Option<Sender>,
    /// What a sender does the next times.
    told: Vec<(Sender, Mode, u32)>,
    /// By which the gateway knows who calls.
    gateway_keys: Vec<[u8; 32]>,
    /// Ids that the gateway had.
    gateway_ids: HashSet<String>,
    /// What SES has told of mails and nobody has heard yet.
    events: Vec<Value>,
}

/// The stand-ins of one local cloud. Clones share their state.
#[derive(Clone)]
pub struct Capture {
    endpoint: String,
    messages: Messages,
    secrets: Secrets,
    state: Arc<Mutex<State>>,
    rights: Arc<Rights>,
    now: Now,
}

impl Capture {
    /// Serves on any free port, as one of `tasks`. Callers are held to `rights`. With a `folder` messages and secrets outlive the process.
    ///
    /// # Errors
    /// When no port is free or the folder cannot be used.
    pub async fn start(
        folder: Option<&Path>,
        secrets: &[Secret],
        rights: Arc<Rights>,
        now: Now,
        tasks: &mut JoinSet<()>,
    ) -> Result<Self, LocalError> {
        let listener = net::listen(None, "PORT").await?;
        let messages = match folder {
            Some(folder) => Messages::open(&folder.join("messages.jsonl"))?,
            None => Messages::default(),
        };
        let capture =
            Self { endpoint: net::url(&listener)?, messages, secrets: Secrets::open(folder, secrets)?, state: Arc::default(), rights, now };
        let router = Router::new()
            .route("/", post(by_header))
            .route("/v2/email/outbound-emails", post(ses::send_email))
            .route(GATEWAY, post(gateway::take))
            .with_state(capture.clone());
        tasks.spawn(serve(listener, router));
        Ok(capture)
    }

    /// The address for `AWS_ENDPOINT_URL_SNS`, `_SESV2` and `_SECRETS_MANAGER`.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// What was sent.
    #[must_use]
    pub fn messages(&self) -> &Messages {
        &self.messages
    }

    /// Makes a sender fail from now on, or none.
    pub fn fail(&self, sender: Option<Sender>) {
        self.state().failing = sender;
    }

    /// Makes a sender fail the next times.
    pub fn fail_with(&self, sender: Sender, mode: Mode, times: u32) {
        self.state().told.push((sender, mode, times));
    }

    /// The address of the gateway for text messages.
    #[must_use]
    pub fn gateway(&self) -> String {
        format!("{}{GATEWAY}", self.endpoint)
    }

    /// Lets the gateway take only what one of these keys has signed. Without keys it takes everything.
    pub fn set_gateway_keys(&self, keys: &[[u8; 32]]) {
        self.state().gateway_keys = keys.to_vec();
    }

    /// Gives every secret a new version; the one before stays readable as `AWSPREVIOUS`.
    ///
    /// # Errors
    /// When the new version cannot be persisted.
    pub fn rotate_secrets(&self) -> Result<(), LocalError> {
        self.secrets.rotate()
    }

    /// The refusal of a call, when its signer may do `action` on none of `resources`.
    fn refused(&self, headers: &HeaderMap, action: &str, resources: &[String]) -> Option<String> {
        let caller = rights::caller(headers);
        let allowed = resources.iter().any(|resource| self.rights.allow(&caller, action, resource));
        let resource = resources.first().map_or("*", String::as_str);
        (!allowed).then(|| rights::refusal(&caller, action, resource))
    }

    /// What a sender is to do instead of its work, this time.
    fn told(&self, sender: Sender) -> Option<Mode> {
        let mut state = self.state();
        if state.failing == Some(sender) {
            return Some(Mode::Busy);
        }
        let (_, mode, times) = state.told.iter_mut().find(|(told, _, times)| *told == sender && *times > 0)?;
        *times -= 1;
        Some(*mode)
    }

    fn gateway_keys(&self) -> Vec<[u8; 32]> {
        self.state().gateway_keys.clone()
    }

    /// Whether the gateway has not had this id before.
    fn first_time(&self, id: &str) -> bool {
        self.state().gateway_ids.insert(id.to_owned())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Marks an answer that is not to be given.
#[derive(Clone)]
struct Silence;

/// The connection breaks in place of an answer.
fn silence() -> Response {
    let mut response = Response::default();
    response.extensions_mut().insert(Silence);
    response
}

/// Serves with hyper and not with axum, because only a service that fails can close a connection without an answer.
async fn serve(listener: TcpListener, router: Router) {
    let mut connections = JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        // A connection that cannot be set up this way works all the same, only slower.
        stream.set_nodelay(true).ok();
        while connections.try_join_next().is_some() {}
        let router = router.clone();
        let service = service_fn(move |request: Request<Incoming>| answer(router.clone(), request));
        let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
        connections.spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "senders' connection closed");
            }
        });
    }
}

async fn answer(router: Router, request: Request<Incoming>) -> Result<Response, &'static str> {
    let Ok(response) = router.oneshot(request.map(Body::new)).await;
    if response.extensions().get::<Silence>().is_some() { Err("told to be silent") } else { Ok(response) }
}

/// SNS and Secrets Manager share the path: the JSON protocol names its operation in a header, the query protocol in its
/// body.
async fn by_header(extract::State(capture): extract::State<Capture>, headers: HeaderMap, body: Bytes) -> Response {
    match headers.get("x-amz-target").and_then(|target| target.to_str().ok()) {
        Some(target) => secrets::answer(&capture, target, &headers, &body),
        None => sns::answer(&capture, &headers, &body),
    }
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod told_tests;
