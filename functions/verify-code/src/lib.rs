//! `POST /v1/portals/{portal}/sessions`: takes a verification code, or one of an authenticator app, and signs in or says
//! what comes next (F12, F19, F21, S2 to S7).

use std::sync::Arc;

use axum::{extract::State, response::Response};
use http::Method;
use portico_access::{AccessError, Arrival, Gate, Outcome, Visitor, authenticator::Factor};
use portico_domain::{code::Code, ids::PortalId};
use portico_http::{Access, Api, Body, Client, PathId, Problem, Problems, Reader, SignInOutcome, signed_in_response};
use portico_runtime::{Clock, Deployment, MissingVariable};
use portico_store::{Store, Table};
use serde::Deserialize;
use utoipa::{OpenApi, ToSchema};

/// The part of the OpenAPI document that this function answers for.
#[derive(OpenApi)]
#[openapi(paths(verify_code))]
pub struct Docs;

struct Door {
    gate: Gate,
    clock: Clock,
}

/// The routes of this function.
pub fn api(deployment: &Deployment) -> Result<Api, MissingVariable> {
    let store = Store::open(deployment, &[Table::Portals, Table::Users, Table::Codes, Table::Messages])?;
    let door = Arc::new(Door { gate: Gate::new(store, deployment), clock: deployment.clock().clone() });
    Ok(Api::anonymous(deployment).route(Method::POST, "/v1/portals/{portal}/sessions", Access::Anonymous, verify_code).with_state(door))
}

/// The code that a person read: `flow` and `code`; or, as a second step, `ticket` and `totp` or `recoveryCode`.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct CodeAnswer {
    /// From the answer to the request for the code.
    flow: Option<String>,
    /// Six digits, as typed.
    #[schema(example = "218594")]
    code: Option<String>,
    /// The tick: stay signed in for seven days, where the portal offers it (F25).
    #[serde(default)]
    remember: bool,
    /// The version of the agreements that were shown and accepted (F10).
    consent: Option<u32>,
    /// From the step that asked for the code: `bind` or `secondStep`.
    ticket: Option<String>,
    /// What the authenticator app shows, in the place of flow and code.
    #[schema(example = "081804")]
    totp: Option<String>,
    /// A recovery code, in the place of flow and code.
    #[schema(example = "abcd-efgh-2345")]
    recovery_code: Option<String>,
}

/// Sign in with a verification code
#[utoipa::path(post, path = "/v1/portals/{portal}/sessions", operation_id = "verifyCode", tag = "sign-in", params(("portal" = PortalId, Path)), request_body = CodeAnswer,
    responses((status = 200, description = "In, or what comes next", body = SignInOutcome), Problems))]
async fn verify_code(
    State(door): State<Arc<Door>>,
    PathId(portal): PathId<PortalId>,
    reader: Reader,
    Client(visitor): Client,
    Body(answer): Body<CodeAnswer>,
) -> Result<Response, Problem> {
    let gate = &door.gate;
    let outcome = match &answer {
        CodeAnswer { flow: Some(flow), code: Some(code), totp: None, recovery_code: None, .. } => {
            let code = read_code(code, "/code")?;
            by_code(gate, portal, flow, code, &answer, &visitor).await?
        }
        CodeAnswer { flow: None, code: None, ticket: Some(ticket), totp: Some(totp), recovery_code: None, .. } => {
            gate.second_step_by(portal, ticket, Factor::Code(read_code(totp, "/totp")?), &visitor).await.and_then(|passed| passed.outcome)
        }
        CodeAnswer { flow: None, code: None, ticket: Some(ticket), totp: None, recovery_code: Some(typed), .. } => {
            gate.second_step_by(portal, ticket, Factor::Recovery(typed), &visitor).await.and_then(|passed| passed.outcome)
        }
        _ => {
            let detail = "either `flow` and `code`, or `ticket` and one of `totp` and `recoveryCode`, are needed";
            return Err(Problem::invalid("", "required", detail));
        }
    };
    signed_in_response(outcome, &reader, door.clock.now())
}

fn read_code(typed: &str, pointer: &str) -> Result<Code, Problem> {
    Code::parse(typed).map_err(|error| Problem::invalid(pointer, "invalid", error.to_string()))
}

async fn by_code(
    gate: &Gate,
    portal: PortalId,
    flow: &str,
    code: Code,
    answer: &CodeAnswer,
    visitor: &Visitor,
) -> Result<Result<Outcome, AccessError>, Problem> {
    let arrival = Arrival { remember: answer.remember, consent: answer.consent, visitor };
    Ok(match &answer.ticket {
        None => gate.prove_by_code(portal, flow, code, arrival).await,
        Some(ticket) => gate.later_step(portal, ticket, flow, code, arrival).await,
    })
}
