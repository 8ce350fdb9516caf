//! How a portal speaks (F37, F39, F40, F47, F48, F74).

use axum::{
    Json,
    extract::State,
    http::request::Parts,
    response::{IntoResponse, Response},
};
use http::header;
use portico_domain::{
    ids::PortalId,
    message::{MessageSettings, Warning},
};
use portico_http::{Body, CurrentMember, Kind, Problem, Problems, check_version, entity_tag};
use serde::Serialize;
use utoipa::ToSchema;

use crate::Messages;

/// How a portal speaks from now on.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SavedMessageSettings {
    settings: MessageSettings,
    /// What to know of them.
    warnings: Vec<Warning>,
}

/// See how a portal speaks
#[utoipa::path(get, path = "/v1/admin/portals/{portal}/message-settings", operation_id = "readMessageSettings", tag = "administration", security(("administrator" = [])), params(("portal" = PortalId, Path)),
    responses((status = 200, description = "The settings; their version is the `ETag`", body = MessageSettings), Problems))]
pub(crate) async fn read(State(messages): State<Messages>, member: CurrentMember) -> Result<Response, Problem> {
    let stored = messages.store.message_settings(member.portal()?.id).await?;
    Ok(([(header::ETAG, entity_tag(stored.version))], Json(stored.settings)).into_response())
}

/// Change how a portal speaks
///
/// What is absent is as usual from then on. With `If-Match` only if nobody changed it since; without, in the place of what is there.
/// A text with a place that has no value in that message is refused. A text for SMS with a link is taken, with a warning: carriers tend
/// to intercept such messages.
#[utoipa::path(put, path = "/v1/admin/portals/{portal}/message-settings", operation_id = "changeMessageSettings", tag = "administration", security(("administrator" = [])), params(("portal" = PortalId, Path)), request_body = MessageSettings,
    responses((status = 200, description = "The settings as they are now, with what to know of them", body = SavedMessageSettings), Problems))]
pub(crate) async fn change(
    State(messages): State<Messages>,
    member: CurrentMember,
    parts: Parts,
    Body(settings): Body<MessageSettings>,
) -> Result<Response, Problem> {
    let portal = member.portal()?;
    let known = messages.store.message_settings(portal.id).await?.version;
    check_version(&parts, known)?;
    settings.check().map_err(|error| Problem::invalid(error.pointer(), "invalid", error.to_string()))?;
    if !messages.store.put_message_settings(portal.id, &settings, known).await? {
        return Err(Kind::Stale.into());
    }
    let warnings = settings.warnings();
    Ok(([(header::ETAG, entity_tag(known + 1))], Json(SavedMessageSettings { settings, warnings })).into_response())
}
