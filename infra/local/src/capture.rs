//! SNS, SES and Secrets Manager: what the functions use of them, on one port. Messages are kept instead of sent.

mod secrets;
mod ses;
mod sns;

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::post;
use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

use crate::error::LocalError;
use crate::messages::Messages;
use crate::net;
use crate::rights::{self, Rights};
use crate::template::Secret;
use secrets::Secrets;

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
}

/// The stand-ins of one local cloud. Clones share their state.
#[derive(Clone)]
pub struct Capture {
    endpoint: String,
    messages: Messages,
    secrets: Secrets,
    failing: Arc<Mutex<Option<Sender>>>,
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
        let capture = Self {
            endpoint: net::url(&listener)?,
            messages,
            secrets: Secrets::open(folder, secrets)?,
            failing: Arc::default(),
            rights,
            now,
        };
        let router =
            Router::new().route("/", post(by_header)).route("/v2/email/outbound-emails", post(ses::send_email)).with_state(capture.clone());
        tasks.spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                tracing::error!(%error, "the senders' port is closed");
            }
        });
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
        *self.failing.lock().unwrap_or_else(PoisonError::into_inner) = sender;
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

    fn fails(&self, sender: Sender) -> bool {
        *self.failing.lock().unwrap_or_else(PoisonError::into_inner) == Some(sender)
    }
}

/// SNS and Secrets Manager share the path: the JSON protocol names its operation in a header, the query protocol in its
/// body.
async fn by_header(State(capture): State<Capture>, headers: HeaderMap, body: Bytes) -> Response {
    match headers.get("x-amz-target").and_then(|target| target.to_str().ok()) {
        Some(target) => secrets::answer(&capture, target, &headers, &body),
        None => sns::answer(&capture, &headers, &body),
    }
}

#[cfg(test)]
mod tests;
