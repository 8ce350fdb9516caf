//! `/v1/admin/portals/{portal}/users...`: the external users of a portal, for administrators (F55 to F58),
//! their running sessions (B8, S29), and who they are at WeChat (F60).

use axum::{
    Json,
    extract::{Path, Query, State, rejection::QueryRejection},
};
use http::{Method, StatusCode};
use jiff::Timestamp;
use portico_domain::{
    address::Address,
    fields::FieldId,
    ids::{PortalId, UserId},
    member::Right,
    portal::{Portal, RoleId},
    user::{Decided, Status, User},
    wechat::OpenId,
};
use portico_http::{Access, Api, Body, CurrentMember, Kind, Problem, Problems, RunningSessions, page_limit, picture_url};
use portico_runtime::{Clock, Deployment, MissingVariable};
use portico_store::{Change, Store, Table};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, OpenApi, ToSchema};

/// The part of the OpenAPI document that this function answers for.
#[derive(OpenApi)]
#[openapi(paths(list, read, change, delete, sessions, end_sessions, end_session, unbind))]
pub struct Docs;

#[derive(Clone)]
struct Users {
    store: Store,
    clock: Clock,
}

/// The routes of this function.
pub fn api(deployment: &Deployment) -> Result<Api, MissingVariable> {
    let store = Store::open(deployment, &[Table::Portals, Table::Users, Table::Codes, Table::Messages])?;
    let (read_users, manage) = (Access::Member(Right::ReadUsers), Access::Member(Right::ManageUsers));
    Ok(Api::guarded(deployment, &store)
        .route(Method::GET, "/v1/admin/portals/{portal}/users", read_users, list)
        .route(Method::GET, "/v1/admin/portals/{portal}/users/{user}", read_users, read)
        .route(Method::PATCH, "/v1/admin/portals/{portal}/users/{user}", manage, change)
        .route(Method::DELETE, "/v1/admin/portals/{portal}/users/{user}", manage, delete)
        .route(Method::GET, "/v1/admin/portals/{portal}/users/{user}/sessions", read_users, sessions)
        .route(Method::DELETE, "/v1/admin/portals/{portal}/users/{user}/sessions", manage, end_sessions)
        .route(Method::DELETE, "/v1/admin/portals/{portal}/users/{user}/sessions/{session}", manage, end_session)
        .route(Method::DELETE, "/v1/admin/portals/{portal}/users/{user}/wechat", manage, unbind)
        .with_state(Users { store, clock: deployment.clock().clone() }))
}

/// A user, as administrators see them.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ManagedUser {
    /// Identifier.
    id: UserId,
    /// Where they stand.
    status: Status,
    /// The name that they gave.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    /// Their proven phone number (E.164).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    phone: Option<Address>,
    /// Their proven email address.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    email: Option<Address>,
    /// Who they are to the organisation's WeChat service account (F60); null if that was never bound.
    #[schema(value_type = Option<String>, example = "oLVPpjqs9BhvzwPj5A-vTYAX3GLc")]
    open_id: Option<OpenId>,
    /// Their role.
    role: RoleId,
    /// Where their picture is: an address below that of the API.
    #[serde(skip_serializing_if = "Option::is_none")]
    picture: Option<String>,
    /// What they filled in, by field.
    #[schema(value_type = std::collections::HashMap<String, Object>)]
    fields: std::collections::BTreeMap<FieldId, Value>,
    /// When they signed up (UTC).
    #[schema(value_type = String, format = DateTime)]
    registered_at: Timestamp,
    /// The decision on their application.
    #[serde(skip_serializing_if = "Option::is_none")]
    decided: Option<Decided>,
}

impl ManagedUser {
    fn new(user: User, portal: &Portal) -> Self {
        Self {
            id: user.id,
            status: user.status,
            name: user.name().map(str::to_owned),
            role: portal.effective_role(&user.role),
            picture: picture_url(&user),
            phone: user.phone,
            email: user.email,
            open_id: user.wechat.map(|identity| identity.openid),
            fields: user.answers,
            registered_at: user.registered_at,
            decided: user.decided,
        }
    }
}

/// One page of users, newest first.
#[derive(Debug, Serialize, ToSchema)]
struct UserPage {
    /// The users.
    users: Vec<ManagedUser>,
    /// Asks for the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    cursor: Option<String>,
}

/// Which users, and how many at a time.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListQuery {
    /// Only users with this status.
    status: Option<Status>,
    /// From the page before.
    #[param(value_type = Option<String>)]
    cursor: Option<UserId>,
    /// Users on the page.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<usize>,
}

/// List users
#[utoipa::path(get, path = "/v1/admin/portals/{portal}/users", operation_id = "listUsers", tag = "administration", security(("administrator" = [])), params(("portal" = PortalId, Path), ListQuery),
    responses((status = 200, description = "One page, newest first", body = UserPage), Problems))]
async fn list(
    State(users): State<Users>,
    member: CurrentMember,
    query: Result<Query<ListQuery>, QueryRejection>,
) -> Result<Json<UserPage>, Problem> {
    let portal = member.portal()?;
    let Query(query) = query.map_err(|rejection| Problem::invalid("", "invalid", rejection.body_text()))?;
    let limit = page_limit(query.limit)?;
    let page = users.store.users(portal.id, query.status, query.cursor, limit).await?;
    let cursor = page.next.map(|user| user.to_string());
    let views = page.users.into_iter().map(|user| ManagedUser::new(user, &portal)).collect();
    Ok(Json(UserPage { users: views, cursor }))
}

/// See a user
#[utoipa::path(get, path = "/v1/admin/portals/{portal}/users/{user}", operation_id = "readUser", tag = "administration", security(("administrator" = [])), params(("portal" = PortalId, Path), ("user" = UserId, Path)),
    responses((status = 200, description = "The user", body = ManagedUser), Problems))]
async fn read(
    State(users): State<Users>,
    member: CurrentMember,
    Path((_, user)): Path<(String, String)>,
) -> Result<Json<ManagedUser>, Problem> {
    let portal = member.portal()?;
    let user = find(&users.store, &portal, &user).await?;
    Ok(Json(ManagedUser::new(user, &portal)))
}

/// What an administrator changes on a user.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct UserChange {
    /// `disabled` shuts an active user out on their next request (F28); `active` lets them in again, if a seat is left.
    status: Wanted,
}

/// The statuses that administrators give.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
enum Wanted {
    Active,
    Disabled,
}

/// Enable or disable a user
#[utoipa::path(patch, path = "/v1/admin/portals/{portal}/users/{user}", operation_id = "changeUser", tag = "administration", security(("administrator" = [])), params(("portal" = PortalId, Path), ("user" = UserId, Path)), request_body = UserChange,
    responses((status = 200, description = "The user as they are now", body = ManagedUser), Problems))]
async fn change(
    State(users): State<Users>,
    member: CurrentMember,
    Path((_, user)): Path<(String, String)>,
    Body(change): Body<UserChange>,
) -> Result<Json<ManagedUser>, Problem> {
    let portal = member.portal()?;
    let mut user = find(&users.store, &portal, &user).await?;
    let (before, after) = match change.status {
        Wanted::Disabled => (Status::Active, Status::Disabled),
        Wanted::Active => (Status::Disabled, Status::Active),
    };
    if user.status == after {
        return Ok(Json(ManagedUser::new(user, &portal)));
    }
    match users.store.change_status(&portal, user.id, before, after).await? {
        Change::Done => user.status = after,
        Change::NoSeats => return Err(Kind::NoSeats.into()),
        Change::Moved => {
            return Err(Problem::from(Kind::StatusConflict).with("userStatus", user.status.as_str()));
        }
    }
    Ok(Json(ManagedUser::new(user, &portal)))
}

/// Delete a user
///
/// The account is gone at once, with all that it held. Who signs up again has a new one.
#[utoipa::path(delete, path = "/v1/admin/portals/{portal}/users/{user}", operation_id = "deleteUser", tag = "administration", security(("administrator" = [])), params(("portal" = PortalId, Path), ("user" = UserId, Path)),
    responses((status = 204, description = "The account is gone"), Problems))]
async fn delete(State(users): State<Users>, member: CurrentMember, Path((_, user)): Path<(String, String)>) -> Result<StatusCode, Problem> {
    let (by, portal) = (member.member.id, member.portal()?);
    let user: UserId = user.parse().map_err(|_| Problem::from(Kind::NotFound))?;
    let found = users.store.delete_user(&portal, user, Some(by), users.clock.now()).await?;
    found.then_some(StatusCode::NO_CONTENT).ok_or_else(|| Kind::NotFound.into())
}

/// List the sessions of a user
#[utoipa::path(get, path = "/v1/admin/portals/{portal}/users/{user}/sessions", operation_id = "listSessions", tag = "administration", security(("administrator" = [])), params(("portal" = PortalId, Path), ("user" = UserId, Path)),
    responses((status = 200, description = "Those that are not over, newest first", body = RunningSessions), Problems))]
async fn sessions(
    State(users): State<Users>,
    member: CurrentMember,
    Path((_, user)): Path<(String, String)>,
) -> Result<Json<RunningSessions>, Problem> {
    let portal = member.portal()?;
    let user = find(&users.store, &portal, &user).await?;
    let sessions = users.store.sessions_of(portal.id, user.id, users.clock.now()).await?;
    Ok(Json(RunningSessions::new(sessions, None)))
}

/// Sign a user out everywhere
#[utoipa::path(delete, path = "/v1/admin/portals/{portal}/users/{user}/sessions", operation_id = "endSessions", tag = "administration", security(("administrator" = [])), params(("portal" = PortalId, Path), ("user" = UserId, Path)),
    responses((status = 204, description = "No session of the user is left"), Problems))]
async fn end_sessions(
    State(users): State<Users>,
    member: CurrentMember,
    Path((_, user)): Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    let portal = member.portal()?;
    let user = find(&users.store, &portal, &user).await?;
    users.store.end_all_sessions(portal.id, user.id, None).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// End a session of a user
#[utoipa::path(delete, path = "/v1/admin/portals/{portal}/users/{user}/sessions/{session}", operation_id = "endSession", tag = "administration", security(("administrator" = [])),
    params(("portal" = PortalId, Path), ("user" = UserId, Path), ("session" = String, Path)),
    responses((status = 204, description = "It has ended"), Problems))]
async fn end_session(
    State(users): State<Users>,
    member: CurrentMember,
    Path((_, user, session)): Path<(String, String, String)>,
) -> Result<StatusCode, Problem> {
    let portal = member.portal()?;
    let user: UserId = user.parse().map_err(|_| Problem::from(Kind::NotFound))?;
    let ended = users.store.end_session_named(portal.id, user, &session).await?;
    ended.then_some(StatusCode::NO_CONTENT).ok_or_else(|| Kind::NotFound.into())
}

/// Take WeChat away from a user
///
/// They come in by their other ways, and may bind WeChat again. Their sessions stay.
#[utoipa::path(delete, path = "/v1/admin/portals/{portal}/users/{user}/wechat", operation_id = "unbindWechat", tag = "administration", security(("administrator" = [])), params(("portal" = PortalId, Path), ("user" = UserId, Path)),
    responses((status = 204, description = "WeChat opens this account no more"), Problems))]
async fn unbind(State(users): State<Users>, member: CurrentMember, Path((_, user)): Path<(String, String)>) -> Result<StatusCode, Problem> {
    let portal = member.portal()?;
    let user: UserId = user.parse().map_err(|_| Problem::from(Kind::NotFound))?;
    let found = users.store.unbind_user(&portal, user).await?;
    found.then_some(StatusCode::NO_CONTENT).ok_or_else(|| Kind::NotFound.into())
}

async fn find(store: &Store, portal: &Portal, user: &str) -> Result<User, Problem> {
    let id: UserId = user.parse().map_err(|_| Problem::from(Kind::NotFound))?;
    store.user(portal.id, id).await?.ok_or_else(|| Kind::NotFound.into())
}
