//! `/v1/me...`: what people see and change of themselves, their sessions, authenticator and WeChat, the end of
//! their account (F19, F64, F80, F81, S29, S30, S69).

mod address;
mod authenticator;
mod change;
mod sessions;

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use http::{Method, StatusCode};
use portico_access::Gate;
use portico_domain::{
    portal::Portal,
    user::{Status, User},
};
use portico_http::{Access, Api, CurrentUser, Kind, Me, Problem, Problems, clear_cookie};
use portico_runtime::{Clock, Deployment, MissingVariable};
use portico_store::{Store, Table};
use utoipa::OpenApi;

/// The part of the OpenAPI document that this function answers for.
#[derive(OpenApi)]
#[openapi(paths(
    read,
    delete,
    unbind_wechat,
    change::change,
    address::change,
    sessions::list,
    sessions::end,
    authenticator::begin,
    authenticator::confirm,
    authenticator::remove
))]
pub struct Docs;

/// How often a change is made again on top of what somebody else changed first.
const TRIES: usize = 4;

struct Profiles {
    gate: Gate,
    store: Store,
    clock: Clock,
}

/// The routes of this function.
pub fn api(deployment: &Deployment) -> Result<Api, MissingVariable> {
    let store = Store::open(deployment, &[Table::Portals, Table::Users, Table::Codes, Table::Messages])?;
    let profiles = Profiles { gate: Gate::new(store.clone(), deployment), store: store.clone(), clock: deployment.clock().clone() };
    Ok(Api::guarded(deployment, &store)
        .route(Method::GET, "/v1/me", Access::User, read)
        .route(Method::PATCH, "/v1/me", Access::User, change::change)
        .route(Method::DELETE, "/v1/me", Access::User, delete)
        .route(Method::PUT, "/v1/me/address", Access::User, address::change)
        .route(Method::GET, "/v1/me/sessions", Access::User, sessions::list)
        .route(Method::DELETE, "/v1/me/sessions/{session}", Access::User, sessions::end)
        .route(Method::POST, "/v1/me/totp", Access::User, authenticator::begin)
        .route(Method::PUT, "/v1/me/totp", Access::User, authenticator::confirm)
        .route(Method::DELETE, "/v1/me/totp", Access::User, authenticator::remove)
        .route(Method::DELETE, "/v1/me/wechat", Access::User, unbind_wechat)
        .with_state(Arc::new(profiles)))
}

/// See one's own account
#[utoipa::path(get, path = "/v1/me", operation_id = "readMe", tag = "me", security(("session" = [])),
    responses((status = 200, description = "All that is known of the account", body = Me), Problems))]
async fn read(State(profiles): State<Arc<Profiles>>, current: CurrentUser) -> Result<Json<Me>, Problem> {
    profiles.view(&current.signed.portal, current.signed.user).await
}

/// Delete one's own account
///
/// It is gone at once, with all that it held. Who signs up again has a new one.
#[utoipa::path(delete, path = "/v1/me", operation_id = "deleteMe", tag = "me", security(("session" = [])),
    responses((status = 204, description = "The account is gone"), Problems))]
async fn delete(State(profiles): State<Arc<Profiles>>, current: CurrentUser) -> Result<Response, Problem> {
    let signed = &current.signed;
    profiles.store.delete_user(&signed.portal, signed.user.id, None, profiles.clock.now()).await?;
    let mut response = StatusCode::NO_CONTENT.into_response();
    clear_cookie(&mut response);
    Ok(response)
}

/// Take WeChat away from one's own account
///
/// One's other ways in stay, and so do one's sessions.
#[utoipa::path(delete, path = "/v1/me/wechat", operation_id = "unbindMyWechat", tag = "me", security(("session" = [])),
    responses((status = 204, description = "WeChat opens this account no more"), Problems))]
async fn unbind_wechat(State(profiles): State<Arc<Profiles>>, current: CurrentUser) -> Result<StatusCode, Problem> {
    profiles.store.unbind_user(&current.signed.portal, current.signed.user.id).await?;
    Ok(StatusCode::NO_CONTENT)
}

impl Profiles {
    async fn view(&self, portal: &Portal, user: User) -> Result<Json<Me>, Problem> {
        let credentials = self.store.credentials(portal.id, user.id).await?;
        Ok(Json(Me::new(portal, user, &credentials)))
    }

    /// The account in its newest state, if it is one that may still change itself.
    async fn again(&self, user: &User) -> Result<User, Problem> {
        let user = self.store.user(user.portal, user.id).await?;
        user.filter(|user| user.status == Status::Active).ok_or_else(|| Kind::SignedOut.into())
    }
}
