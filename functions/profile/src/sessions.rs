//! One's own sessions (B8, S29).

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
    response::{IntoResponse, Response},
};
use http::StatusCode;
use portico_http::{CurrentUser, Kind, Problem, Problems, RunningSessions, clear_cookie};

use crate::Profiles;

/// List one's own sessions
#[utoipa::path(get, path = "/v1/me/sessions", operation_id = "listMySessions", tag = "me", security(("session" = [])),
    responses((status = 200, description = "Those that are not over, newest first", body = RunningSessions), Problems))]
pub(crate) async fn list(State(profiles): State<Arc<Profiles>>, current: CurrentUser) -> Result<Json<RunningSessions>, Problem> {
    let signed = &current.signed;
    let sessions = profiles.store.sessions_of(signed.portal.id, signed.user.id, profiles.clock.now()).await?;
    Ok(Json(RunningSessions::new(sessions, Some(&signed.session.id))))
}

/// End one of one's own sessions
#[utoipa::path(delete, path = "/v1/me/sessions/{session}", operation_id = "endMySession", tag = "me", security(("session" = [])), params(("session" = String, Path)),
    responses((status = 204, description = "It has ended"), Problems))]
pub(crate) async fn end(
    State(profiles): State<Arc<Profiles>>,
    current: CurrentUser,
    Path(session): Path<String>,
) -> Result<Response, Problem> {
    let signed = &current.signed;
    // Only among their own: the name of somebody else's session is none here (S42).
    if !profiles.store.end_session_named(signed.portal.id, signed.user.id, &session).await? {
        return Err(Kind::NotFound.into());
    }
    let mut response = StatusCode::NO_CONTENT.into_response();
    if session == signed.session.id {
        clear_cookie(&mut response);
    }
    Ok(response)
}
