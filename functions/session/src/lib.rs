//! `/v1/session...`: who is signed in, signing out, and tokens for the application behind the portal (S26 to S28, S65).

use std::sync::Arc;

use axum::{
    Json,
    extract::{FromRequestParts, Request, State},
    response::{IntoResponse, Response},
};
use http::{HeaderValue, Method, StatusCode, header};
use portico_access::{
    Keyring,
    token::{self, Jwk, LIFETIME},
};
use portico_http::{Access, Api, CurrentUser, Origins, Problem, Problems, SessionView, clear_cookie, presented_session, refusal};
use portico_runtime::{Clock, Deployment, MissingVariable};
use portico_store::{Store, Table};
use serde::Serialize;
use utoipa::{OpenApi, ToSchema};

/// The part of the OpenAPI document that this function answers for.
#[derive(OpenApi)]
#[openapi(paths(who_am_i, sign_out, sign_out_everywhere, application_token, public_keys))]
pub struct Docs;

struct Sessions {
    store: Store,
    keyring: Keyring,
    clock: Clock,
    origins: Origins,
}

/// The routes of this function.
pub fn api(deployment: &Deployment) -> Result<Api, MissingVariable> {
    let store = Store::open(deployment, &[Table::Portals, Table::Users])?;
    let sessions = Sessions {
        store: store.clone(),
        keyring: Keyring::new(deployment),
        clock: deployment.clock().clone(),
        origins: Origins::new(deployment),
    };
    Ok(Api::guarded(deployment, &store)
        .route(Method::GET, "/v1/session", Access::User, who_am_i)
        .route(Method::DELETE, "/v1/session", Access::Anonymous, sign_out)
        .route(Method::DELETE, "/v1/sessions", Access::User, sign_out_everywhere)
        .route(Method::POST, "/v1/session/token", Access::User, application_token)
        .route(Method::GET, "/.well-known/jwks.json", Access::Anonymous, public_keys)
        .with_state(Arc::new(sessions)))
}

/// See who is signed in
#[utoipa::path(get, path = "/v1/session", operation_id = "whoAmI", tag = "session", security(("session" = [])),
    responses((status = 200, description = "Who, where, until when", body = SessionView), Problems))]
async fn who_am_i(current: CurrentUser) -> Json<SessionView> {
    let signed = current.signed;
    Json(SessionView::new(&signed.user, &signed.portal, signed.session.term.ends_at()))
}

/// Sign out
///
/// Always works: who presents no session, or one that ended, is signed out already.
#[utoipa::path(delete, path = "/v1/session", operation_id = "signOut", tag = "session", security((), ("session" = [])),
    responses((status = 204, description = "Signed out"), Problems))]
async fn sign_out(State(sessions): State<Arc<Sessions>>, request: Request) -> Result<Response, Problem> {
    if let Some(token) = presented_session(request.headers()) {
        sessions.store.end_session(&token).await?;
    }
    Ok(signed_out())
}

/// Sign out everywhere
#[utoipa::path(delete, path = "/v1/sessions", operation_id = "signOutEverywhere", tag = "session", security(("session" = [])),
    responses((status = 204, description = "All sessions of the user have ended"), Problems))]
async fn sign_out_everywhere(State(sessions): State<Arc<Sessions>>, current: CurrentUser) -> Result<Response, Problem> {
    sessions.store.end_all_sessions(current.signed.portal.id, current.signed.user.id, None).await?;
    Ok(signed_out())
}

fn signed_out() -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    clear_cookie(&mut response);
    response
}

/// A token for the application behind the portal.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ApplicationToken {
    /// JWT, ES256; `aud` is the portal, `sub` the user, `role` their role.
    token: String,
    /// Seconds until it is no longer good.
    #[schema(example = 600)]
    expires_in: i64,
}

/// Get a token for the application
#[utoipa::path(post, path = "/v1/session/token", operation_id = "applicationToken", tag = "session", security(("session" = [])),
    responses((status = 200, description = "A fresh token", body = ApplicationToken), Problems))]
async fn application_token(State(sessions): State<Arc<Sessions>>, request: Request) -> Result<Json<ApplicationToken>, Problem> {
    let mut parts = request.into_parts().0;
    let signed = CurrentUser::from_request_parts(&mut parts, &()).await?.signed;
    let role = signed.portal.effective_role(&signed.user.role);
    let now = sessions.clock.now();
    let issued = token::issue(&sessions.keyring, &sessions.origins.canonical(&parts), &signed.user, &role, now).await;
    Ok(Json(ApplicationToken { token: issued.map_err(|error| refusal(error, now))?, expires_in: LIFETIME.as_secs() }))
}

#[derive(Serialize, ToSchema)]
struct Jwks {
    /// Public keys (RFC 7517).
    #[schema(value_type = Vec<Object>)]
    keys: Vec<Jwk>,
}

/// Get the keys that check tokens
#[utoipa::path(get, path = "/.well-known/jwks.json", operation_id = "publicKeys", tag = "session",
    responses((status = 200, description = "The public keys (RFC 7517)", body = Jwks), Problems))]
async fn public_keys(State(sessions): State<Arc<Sessions>>) -> Result<Response, Problem> {
    let keys = token::public_keys(&sessions.keyring).await.map_err(|error| refusal(error, sessions.clock.now()))?;
    let mut response = Json(Jwks { keys }).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=300"));
    Ok(response)
}
