//! `/v1/portals/{portal}/registration...` and `/v1/portals/{portal}/agreements`: what a new user reads, accepts and fills in, and how
//! their application stands (F10, F30, F32 to F34).

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    Json,
    extract::{Query, State, rejection::QueryRejection},
    response::{IntoResponse, Response},
};
use http::{Method, header};
use portico_access::{Gate, RegistrationError, Submission};
use portico_domain::{agreements::Agreements, ids::PortalId};
use portico_http::{Access, Api, Body, Client, FieldProblem, Kind, PathId, Problem, Problems, Reader, SignInOutcome, signed_in_response};
use portico_runtime::{Clock, Deployment, MissingVariable};
use portico_store::{Store, Table};
use serde::Deserialize;
use serde_json::Value;
use utoipa::{IntoParams, OpenApi, ToSchema};

/// The part of the OpenAPI document that this function answers for.
#[derive(OpenApi)]
#[openapi(paths(register, status, agreements))]
pub struct Docs;

type Shared = Arc<Registrations>;

struct Registrations {
    gate: Gate,
    store: Store,
    clock: Clock,
}

/// A text of a version that was asked for by its number does not change; a day is soon enough for a stricter clean-up of what it says.
const KEEP: &str = "public, max-age=86400";

/// The routes of this function.
pub fn api(deployment: &Deployment) -> Result<Api, MissingVariable> {
    let store = Store::open(deployment, &[Table::Portals, Table::Users, Table::Codes, Table::Messages])?;
    let state = Arc::new(Registrations { gate: Gate::new(store.clone(), deployment), store, clock: deployment.clock().clone() });
    Ok(Api::anonymous(deployment)
        .route(Method::POST, "/v1/portals/{portal}/registration", Access::Anonymous, register)
        .route(Method::POST, "/v1/portals/{portal}/registration/status", Access::Anonymous, status)
        .route(Method::GET, "/v1/portals/{portal}/agreements", Access::Anonymous, agreements)
        .with_state(state))
}

/// What a new user filled in, or that they accept the agreements.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RegistrationForm {
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
#[utoipa::path(post, path = "/v1/portals/{portal}/registration", operation_id = "register", tag = "sign-in", params(("portal" = PortalId, Path)), request_body = RegistrationForm,
    responses((status = 200, description = "In, or what comes next", body = SignInOutcome), Problems))]
async fn register(
    State(state): State<Shared>,
    PathId(portal): PathId<PortalId>,
    reader: Reader,
    Client(visitor): Client,
    Body(registration): Body<RegistrationForm>,
) -> Result<Response, Problem> {
    let submission = Submission { fields: &registration.fields, consent: registration.consent };
    let outcome = match state.gate.register(portal, &registration.ticket, submission, &visitor).await {
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
    signed_in_response(outcome, &reader, state.clock.now())
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
    let outcome = state.gate.status(portal, &request.ticket, &visitor).await;
    signed_in_response(outcome, &reader, state.clock.now())
}

/// Which version of the agreements.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct AgreementsQuery {
    /// The version, as the `consent` step names it; the one that holds if absent. With it the answer may be kept for a day.
    version: Option<u32>,
}

/// Read the agreements of a portal
#[utoipa::path(get, path = "/v1/portals/{portal}/agreements", operation_id = "portalAgreements", tag = "sign-in", params(("portal" = PortalId, Path), AgreementsQuery),
    responses((status = 200, description = "The texts, as HTML of a few plain elements", body = Agreements), Problems))]
async fn agreements(
    State(state): State<Shared>,
    PathId(portal): PathId<PortalId>,
    query: Result<Query<AgreementsQuery>, QueryRejection>,
) -> Result<Response, Problem> {
    let Query(query) = query.map_err(|rejection| Problem::invalid("", "invalid", rejection.body_text()))?;
    let version = match query.version {
        Some(version) => Some(version),
        None => state.store.portal(portal).await?.and_then(|portal| portal.agreement_version()),
    };
    let mut found = state.store.agreements(portal, version.ok_or(Kind::NotFound)?).await?.ok_or(Kind::NotFound)?;
    for text in [&mut found.terms, &mut found.privacy].into_iter().flatten() {
        // Again (S57): what was kept before a stricter rule is shown by the stricter one.
        text.html = portico_richtext::sanitise(&text.html);
    }
    let cache = if query.version.is_some() { KEEP } else { "no-cache" };
    Ok(([(header::CACHE_CONTROL, cache)], Json(found)).into_response())
}
