//! `POST /v1/portals/{portal}/sessions`: takes a verification code and signs in, or says what comes next (F12, F19, F21, S2 to S7).

use std::sync::Arc;

use axum::{extract::State, response::Response};
use http::Method;
use portico_access::{Arrival, Gate};
use portico_domain::{code::Code, ids::PortalId};
use portico_http::{Access, Api, Body, Client, Kind, PathId, Problem, Problems, Reader, SignInOutcome, read_flow, signed_in_response};
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
    /// The version of the agreements that were shown and accepted (F10).
    consent: Option<u32>,
    /// From the step that asked for the code: `bind` or `secondStep`.
    ticket: Option<String>,
}

/// Sign in with a verification code
#[utoipa::path(post, path = "/v1/portals/{portal}/sessions", operation_id = "verifyCode", tag = "sign-in", params(("portal" = PortalId, Path)), request_body = CodeAnswer,
    responses((status = 200, description = "In, or what comes next", body = SignInOutcome), Problems))]
async fn verify_code(
    State(state): State<Arc<(Gate, Clock)>>,
    PathId(portal): PathId<PortalId>,
    reader: Reader,
    Client(visitor): Client,
    Body(answer): Body<CodeAnswer>,
) -> Result<Response, Problem> {
    let (gate, clock) = &*state;
    let code = Code::parse(&answer.code).map_err(|error| Problem::invalid("/code", "invalid", error.to_string()))?;
    let flow = read_flow(&answer.flow).ok_or(Kind::CodeExpired)?;
    let outcome = match &answer.ticket {
        None => {
            let arrival = Arrival { remember: answer.remember, consent: answer.consent, visitor: &visitor };
            gate.prove_by_code(portal, &flow, code, arrival).await
        }
        Some(ticket) => gate.later_step(portal, ticket, &flow, code, &visitor).await,
    };
    signed_in_response(outcome, &reader, clock.now())
}
