//! `POST /v1/portals/{portal}/sessions`: takes a verification code and signs in, or says what comes next (F12, S2 to S7).

use std::sync::Arc;

use axum::{extract::State, response::Response};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use http::Method;
use portico_access::Gate;
use portico_domain::{
    code::{Code, Flow},
    ids::PortalId,
};
use portico_http::{Access, Api, Body, Kind, PathId, Problem, Problems, Reader, SignInOutcome, signed_in_response};
use portico_runtime::{Clock, Deployment, MissingVariable};
use portico_store::{Store, Table};
use serde::Deserialize;
use utoipa::{OpenApi, ToSchema};

/// The part of the OpenAPI document that this function answers for.
#[derive(OpenApi)]
#[openapi(paths(verify_code))]
pub struct Docs;

/// The routes of this function.
pub fn api(deployment: &Deployment) -> Result<Api, MissingVariable> {
    let store = Store::open(deployment, &[Table::Portals, Table::Users, Table::Codes])?;
    let state = Arc::new((Gate::new(store, deployment), deployment.clock().clone()));
    Ok(Api::anonymous(deployment).route(Method::POST, "/v1/portals/{portal}/sessions", Access::Anonymous, verify_code).with_state(state))
}

/// The code that a person read.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CodeAnswer {
    /// From the answer to the request for the code.
    flow: String,
    /// Six digits, as typed.
    #[schema(example = "218594")]
    code: String,
    /// The tick: stay signed in for seven days, where the portal offers it (F25).
    #[serde(default)]
    remember: bool,
}

/// Sign in with a verification code
#[utoipa::path(post, path = "/v1/portals/{portal}/sessions", operation_id = "verifyCode", tag = "sign-in", params(("portal" = PortalId, Path)), request_body = CodeAnswer,
    responses((status = 200, description = "In, or what comes next", body = SignInOutcome), Problems))]
async fn verify_code(
    State(state): State<Arc<(Gate, Clock)>>,
    PathId(portal): PathId<PortalId>,
    reader: Reader,
    Body(answer): Body<CodeAnswer>,
) -> Result<Response, Problem> {
    let (gate, clock) = &*state;
    let code = Code::parse(&answer.code).map_err(|error| Problem::invalid("/code", "invalid", error.to_string()))?;
    let flow = read_flow(&answer.flow).ok_or(Kind::CodeExpired)?;
    let outcome = gate.prove_by_code(portal, &flow, code, answer.remember, reader.locale).await;
    signed_in_response(outcome, &reader, clock.now())
}

fn read_flow(text: &str) -> Option<Flow> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    Some(Flow::from_bytes(bytes.try_into().ok()?))
}
