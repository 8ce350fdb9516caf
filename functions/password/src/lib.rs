//! Passwords: signing in with one, setting a new one after a code, changing one's own (F14, S15 to S20).
//!
//! The only function that hashes passwords, and therefore the only one with a processor of its own (1,769 MB).

use std::sync::Arc;

use axum::{Json, extract::State, response::Response};
use http::{Method, StatusCode};
use portico_access::{
    Arrival, Gate,
    passwords::{NewPasswordError, PasswordEntry},
};
use portico_domain::{
    code::Code,
    ids::PortalId,
    limits::Caps,
    password::{Password, PasswordError, min_length},
    suffix::Suffix,
};
use portico_http::{
    Access, Api, Body, Client, CurrentUser, Kind, PathId, Problem, Problems, Reader, SignInOutcome, entry_refusal, refusal,
    signed_in_response,
};
use portico_runtime::{Deployment, MissingVariable};
use portico_store::{Store, Table};
use serde::{Deserialize, Serialize};
use utoipa::{OpenApi, ToSchema};

/// The part of the OpenAPI document that this function answers for.
#[derive(OpenApi)]
#[openapi(paths(sign_in, reset, rules, change))]
pub struct Docs;

struct Passwords {
    gate: Gate,
    store: Store,
    caps: Caps,
    deployment: Deployment,
}

/// The routes of this function.
pub fn api(deployment: &Deployment) -> Result<Api, MissingVariable> {
    let store = Store::open(deployment, &[Table::Portals, Table::Users, Table::Codes, Table::Messages])?;
    let passwords = Passwords {
        gate: Gate::new(store.clone(), deployment),
        store: store.clone(),
        caps: deployment.caps()?,
        deployment: deployment.clone(),
    };
    Ok(Api::guarded(deployment, &store)
        .route(Method::POST, "/v1/portals/{portal}/password-sessions", Access::Anonymous, sign_in)
        .route(Method::GET, "/v1/portals/{portal}/password", Access::Anonymous, rules)
        .route(Method::POST, "/v1/portals/{portal}/password", Access::Anonymous, reset)
        .route(Method::PUT, "/v1/me/password", Access::User, change)
        .with_state(Arc::new(passwords)))
}

/// Who signs in, and with what.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PasswordSignIn {
    /// A phone number or an email address, as typed.
    #[schema(example = "138 0013 8000", max_length = 320)]
    address: String,
    /// The password, as typed; nothing is trimmed.
    #[schema(max_length = 1024)]
    password: String,
    /// The tick: stay signed in for seven days, where the portal offers it (F25).
    #[serde(default)]
    remember: bool,
    /// The suffix of the link by which they came.
    link: Option<Suffix>,
    /// The version of the agreements that were shown and accepted (F10).
    consent: Option<u32>,
}

/// Sign in with a password
#[utoipa::path(post, path = "/v1/portals/{portal}/password-sessions", operation_id = "signInByPassword", tag = "sign-in", params(("portal" = PortalId, Path)), request_body = PasswordSignIn,
    responses((status = 200, description = "In, or what comes next", body = SignInOutcome), Problems))]
async fn sign_in(
    State(passwords): State<Arc<Passwords>>,
    PathId(portal): PathId<PortalId>,
    reader: Reader,
    Client(visitor): Client,
    Body(request): Body<PasswordSignIn>,
) -> Result<Response, Problem> {
    let password = Password::typed(&request.password);
    let arrival = Arrival { remember: request.remember, consent: request.consent, visitor: &visitor };
    let entry = PasswordEntry { portal, address: &request.address, password: &password, link: request.link.as_ref(), arrival };
    let now = passwords.deployment.clock().now();
    let outcome = passwords.gate.prove_by_password(entry, &passwords.caps).await.map_err(|error| entry_refusal(error, now))?;
    signed_in_response(Ok(outcome), &reader, now)
}

/// What a new password has to be.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct PasswordRules {
    /// The least characters (S15).
    #[schema(example = 15)]
    min_length: usize,
    /// The most characters.
    #[schema(example = 256)]
    max_length: usize,
}

/// See what a password has to be
#[utoipa::path(get, path = "/v1/portals/{portal}/password", operation_id = "passwordRules", tag = "sign-in", params(("portal" = PortalId, Path)),
    responses((status = 200, description = "Lengths in characters; there are no other rules of composition", body = PasswordRules), Problems))]
async fn rules(State(passwords): State<Arc<Passwords>>, PathId(portal): PathId<PortalId>) -> Result<Json<PasswordRules>, Problem> {
    let portal = passwords.store.portal(portal).await?.ok_or(Kind::NotFound)?;
    let min_length = min_length(portal.settings.sign_in.second_step);
    Ok(Json(PasswordRules { min_length, max_length: portico_domain::password::MAX }))
}

/// A new password, and the code that proves whose it is.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PasswordReset {
    /// From `codes` with the purpose `reset-password`.
    flow: String,
    /// Six digits, as typed.
    #[schema(example = "218594")]
    code: String,
    /// The new password.
    #[schema(max_length = 256)]
    password: String,
}

/// Set a new password after a code
///
/// Signs nobody in, and ends all sessions of the account.
#[utoipa::path(post, path = "/v1/portals/{portal}/password", operation_id = "resetPassword", tag = "sign-in", params(("portal" = PortalId, Path)), request_body = PasswordReset,
    responses((status = 204, description = "The new password is set; the way in is a sign-in"), Problems))]
async fn reset(
    State(passwords): State<Arc<Passwords>>,
    PathId(portal): PathId<PortalId>,
    Body(request): Body<PasswordReset>,
) -> Result<StatusCode, Problem> {
    let code = read_code(&request.code)?;
    let result = passwords.gate.reset_password(portal, &request.flow, code, &request.password).await;
    result.map_err(|error| passwords.refused(error))?;
    Ok(StatusCode::NO_CONTENT)
}

/// A new password for the signed-in user, with the old one or a fresh code.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct PasswordChange {
    /// The old password.
    current: Option<String>,
    /// From `codes` with the purpose `reset-password`, to one's own address; in the place of `current`.
    flow: Option<String>,
    /// Six digits, as typed.
    code: Option<String>,
    /// The new password.
    #[schema(max_length = 256)]
    password: String,
    /// Whether all other sessions of the user end (S18).
    #[serde(default = "yes")]
    end_others: bool,
}

fn yes() -> bool {
    true
}

/// Set or change one's own password
#[utoipa::path(put, path = "/v1/me/password", operation_id = "changePassword", tag = "me", security(("session" = [])), request_body = PasswordChange,
    responses((status = 204, description = "The new password is set"), Problems))]
async fn change(
    State(passwords): State<Arc<Passwords>>,
    current: CurrentUser,
    Body(request): Body<PasswordChange>,
) -> Result<StatusCode, Problem> {
    let (portal, user) = (&current.signed.portal, &current.signed.user);
    if !portal.settings.sign_in.password {
        return Err(Kind::MethodOff.into());
    }
    let result = match (&request.current, &request.flow, &request.code) {
        (Some(old), None, None) => passwords.gate.change_password(portal, user, &Password::typed(old), &request.password).await,
        (None, Some(flow), Some(code)) => passwords.gate.set_password(portal, user, flow, read_code(code)?, &request.password).await,
        _ => return Err(Problem::invalid("/current", "required", "either `current`, or `flow` and `code`, is needed")),
    };
    result.map_err(|error| passwords.refused(error))?;
    if request.end_others {
        passwords.store.end_all_sessions(portal.id, user.id, Some(&current.token)).await?;
    }
    Ok(StatusCode::NO_CONTENT)
}

fn read_code(typed: &str) -> Result<Code, Problem> {
    Code::parse(typed).map_err(|error| Problem::invalid("/code", "invalid", error.to_string()))
}

impl Passwords {
    fn refused(&self, error: NewPasswordError) -> Problem {
        match error {
            NewPasswordError::Password(error) => {
                let problem = Problem::invalid("/password", error.code(), error.to_string());
                match error {
                    PasswordError::TooShort(least) => problem.with("minLength", least),
                    PasswordError::TooLong | PasswordError::TooCommon => problem,
                }
            }
            NewPasswordError::Access(error) => refusal(error, self.deployment.clock().now()),
        }
    }
}
