//! `POST /v1/portals/{portal}/registration` and `.../registration/status`: what a new user fills in and accepts, and how
//! their application stands (F10, F30, F32 to F34).

use std::{collections::BTreeMap, sync::Arc};

use axum::{extract::State, response::Response};
use http::Method;
use portico_access::{Gate, RegistrationError, Submission};
use portico_domain::ids::PortalId;
use portico_http::{Access, Api, Body, Client, FieldProblem, PathId, Problem, Problems, Reader, SignInOutcome, signed_in_response};
use portico_runtime::{Clock, Deployment, MissingVariable};
use portico_store::{Store, Table};
use serde::Deserialize;
use serde_json::Value;
use utoipa::{OpenApi, ToSchema};

/// The part of the OpenAPI document that this function answers for.
#[derive(OpenApi)]
#[openapi(paths(register, status))]
pub struct Docs;

type Shared = Arc<(Gate, Clock)>;

/// The routes of this function.
pub fn api(deployment: &Deployment) -> Result<Api, MissingVariable> {
    let store = Store::open(deployment, &[Table::Portals, Table::Users, Table::Codes])?;
    let state = Arc::new((Gate::new(store, deployment), deployment.clock().clone()));
    Ok(Api::anonymous(deployment)
        .route(Method::POST, "/v1/portals/{portal}/registration", Access::Anonymous, register)
        .route(Method::POST, "/v1/portals/{portal}/registration/status", Access::Anonymous, status)
        .with_state(state))
}

/// What a new user filled in, or that they accept the agreements.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Registration {
    /// From the `collect` or `consent` step.
    ticket: String,
    /// The version of the agreements that were shown and accepted (F10).
    consent: Option<u32>,
    /// Answers by the identifier of the field.
    #[serde(default)]
    #[schema(value_type = std::collections::HashMap<String, Object>, example = json!({"name": "Li Na", "company": "Acme"}))]
    fields: BTreeMap<String, Value>,
}

/// Whose application it is.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct StatusRequest {
    /// From the `awaitingApproval` step.
    ticket: String,
}

/// Fill in the portal's fields
#[utoipa::path(post, path = "/v1/portals/{portal}/registration", operation_id = "register", tag = "sign-in", params(("portal" = PortalId, Path)), request_body = Registration,
    responses((status = 200, description = "In, or what comes next", body = SignInOutcome), Problems))]
async fn register(
    State(state): State<Shared>,
    PathId(portal): PathId<PortalId>,
    reader: Reader,
    Client(visitor): Client,
    Body(registration): Body<Registration>,
) -> Result<Response, Problem> {
    let (gate, clock) = &*state;
    let submission = Submission { fields: &registration.fields, consent: registration.consent };
    let outcome = match gate.register(portal, &registration.ticket, submission, &visitor).await {
        Ok(outcome) => Ok(outcome),
        Err(RegistrationError::NoConsent) => return Err(Problem::invalid("/consent", "required", "the agreements were not accepted")),
        Err(RegistrationError::Access(error)) => Err(error),
        Err(RegistrationError::Answers(errors)) => {
            let errors = errors.into_iter().map(|(id, error)| FieldProblem {
                pointer: format!("/fields/{}", id.replace('~', "~0").replace('/', "~1")),
                code: error.code().into(),
                detail: error.to_string(),
            });
            return Err(Problem::invalid_fields(errors.collect()));
        }
    };
    signed_in_response(outcome, &reader, clock.now())
}

/// Ask how an application stands
#[utoipa::path(post, path = "/v1/portals/{portal}/registration/status", operation_id = "applicationStatus", tag = "sign-in", params(("portal" = PortalId, Path)), request_body = StatusRequest,
    responses((status = 200, description = "In, or what comes next", body = SignInOutcome), Problems))]
async fn status(
    State(state): State<Shared>,
    PathId(portal): PathId<PortalId>,
    reader: Reader,
    Client(visitor): Client,
    Body(request): Body<StatusRequest>,
) -> Result<Response, Problem> {
    let (gate, clock) = &*state;
    let outcome = gate.status(portal, &request.ticket, &visitor).await;
    signed_in_response(outcome, &reader, clock.now())
}
