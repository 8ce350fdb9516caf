//! `/_local`: what drives the local cloud from outside. Nothing of it exists in a deployment.

use std::collections::HashMap;

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use bytes::Bytes;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::capture::{Capture, Sender};
use crate::cloud::Seeds;
use crate::error::LocalError;
use crate::messages::Message;
use crate::schedules::Schedules;
use crate::seed::Seeded;

/// What the control routes act on.
#[derive(Clone)]
pub(crate) struct Control {
    pub(crate) capture: Capture,
    pub(crate) schedules: Schedules,
    pub(crate) seeds: Seeds,
}

pub(crate) fn router(control: Control) -> Router {
    Router::new()
        .route("/_local/health", get(|| async { Json(json!({"status": "ok"})) }))
        .route("/_local/inbox", get(|| async { Html(include_str!("inbox.html")) }))
        .route("/_local/messages", get(messages))
        .route("/_local/senders", post(senders))
        .route("/_local/clock", get(clock).post(advance))
        .route("/_local/schedules/{function}", post(schedule))
        .route("/_local/demo", get(demo))
        .route("/_local/organisations", post(organisation))
        .with_state(control)
}

async fn messages(State(control): State<Control>, Query(query): Query<HashMap<String, String>>) -> Json<Vec<Message>> {
    // A plus that was not escaped arrives as a space.
    let to = query.get("to").map(|to| if to.starts_with(' ') { to.replacen(' ', "+", 1) } else { to.clone() });
    Json(control.capture.messages().list(to.as_deref()))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Failing {
    fail: Option<Sender>,
}

async fn senders(State(control): State<Control>, body: Bytes) -> Result<Json<Value>, Refusal> {
    let Failing { fail } = parsed(&body)?;
    control.capture.fail(fail);
    Ok(Json(json!({"fail": fail})))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Advance {
    advance_seconds: i64,
}

async fn clock(State(control): State<Control>) -> Json<Value> {
    Json(json!({"now": control.seeds.clock.now()}))
}

async fn advance(State(control): State<Control>, body: Bytes) -> Result<Json<Value>, Refusal> {
    let Advance { advance_seconds } = parsed(&body)?;
    control.seeds.clock.advance(advance_seconds);
    Ok(clock(State(control)).await)
}

async fn schedule(State(control): State<Control>, Path(function): Path<String>) -> Result<Json<Value>, Refusal> {
    match control.schedules.run(&function).await {
        Some(Ok(summary)) => Ok(Json(summary)),
        Some(Err(error)) => Err(Refusal(StatusCode::INTERNAL_SERVER_ERROR, error)),
        None => Err(Refusal(StatusCode::NOT_FOUND, format!("no schedule runs {function}"))),
    }
}

async fn demo(State(control): State<Control>) -> Result<Json<Seeded>, Refusal> {
    control.seeds.demo().await.map(Json).map_err(unseeded)
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Organisation {
    name: Option<String>,
    suffix: Option<String>,
}

async fn organisation(State(control): State<Control>, body: Bytes) -> Result<(StatusCode, Json<Seeded>), Refusal> {
    let Organisation { name, suffix } = if body.is_empty() { Organisation::default() } else { parsed(&body)? };
    let seeded = control.seeds.organisation(name, suffix).await.map_err(unseeded)?;
    Ok((StatusCode::CREATED, Json(seeded)))
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn unseeded(error: LocalError) -> Refusal {
    Refusal(StatusCode::INTERNAL_SERVER_ERROR, error.chain())
}

pub(crate) fn parsed<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refusal> {
    serde_json::from_slice(body).map_err(|error| Refusal(StatusCode::BAD_REQUEST, error.to_string()))
}

/// A status and why.
pub(crate) struct Refusal(pub(crate) StatusCode, pub(crate) String);

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.0, Json(json!({"detail": self.1}))).into_response()
    }
}
