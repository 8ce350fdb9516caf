//! What the link of an invitation leads to (S48).

use axum::{Json, extract::State};
use portico_domain::{address::AddressKind, ids::PortalId, limits::retry_after_seconds, text::Name};
use portico_http::{Body, ClientAddress, Kind, PathId, Problem, Problems};
use portico_store::InvitationToken;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Inviter;

/// What stands behind the `#` of the link.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct InvitationLink {
    /// The token.
    token: String,
}

/// Who is invited, as far as who opens the link may know.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct InvitedPerson {
    /// As much of the address as its owner recognises.
    #[schema(example = "+86138****8000")]
    hint: String,
    /// Whether a code comes by SMS or by email.
    kind: AddressKind,
    /// The name that the administrator knows them by.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    name: Option<Name>,
}

/// See whom a link invites
///
/// Uses nothing up: the invitation is accepted by a code to its address. A token that is unknown, used, withdrawn, replaced or too old
/// leads nowhere (404), and does not tell which. Counted by client address together with requests for codes (S9).
#[utoipa::path(post, path = "/v1/portals/{portal}/invitation", operation_id = "resolveInvitation", tag = "sign-in", params(("portal" = PortalId, Path)), request_body = InvitationLink,
    responses((status = 200, description = "Who is invited", body = InvitedPerson), Problems))]
pub(crate) async fn resolve(
    State(inviter): State<Inviter>,
    PathId(portal): PathId<PortalId>,
    ClientAddress(client): ClientAddress,
    Body(link): Body<InvitationLink>,
) -> Result<Json<InvitedPerson>, Problem> {
    let now = inviter.clock.now();
    let counted = inviter.store.count_client(&client, &inviter.caps, now).await?;
    counted.map_err(|too_many| Problem::from(Kind::TooManyRequests).retry_after(retry_after_seconds(too_many.retry_at, now)))?;
    let token = InvitationToken::parse(&link.token).ok_or(Kind::NotFound)?;
    let found = inviter.store.invitation_of_token(portal, &token).await?;
    let invitation = found.filter(|invitation| invitation.is_open(now)).ok_or(Kind::NotFound)?;
    Ok(Json(InvitedPerson { hint: invitation.address.hint(), kind: invitation.address.kind(), name: invitation.name }))
}
