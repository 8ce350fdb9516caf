//! Addresses to which no mail goes any more, because it came back or was called spam.

use axum::extract::State;
use http::StatusCode;
use portico_domain::{address::Address, ids::PortalId};
use portico_http::{Body, CurrentMember, Kind, Problem, Problems, address_refusal};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::Messages;

/// To whom mail goes again.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Suppression {
    /// The email address, as typed.
    #[schema(example = "li@example.com", max_length = 320)]
    address: String,
}

/// Let mail go to an address again
///
/// After it came back for good, or was called spam by its owner. `not-found` if nothing stood in the way.
#[utoipa::path(delete, path = "/v1/admin/portals/{portal}/suppressions", operation_id = "endSuppression", tag = "administration", security(("administrator" = [])), params(("portal" = PortalId, Path)), request_body = Suppression,
    responses((status = 204, description = "Mail goes there again"), Problems))]
pub(crate) async fn end(
    State(messages): State<Messages>,
    member: CurrentMember,
    Body(suppression): Body<Suppression>,
) -> Result<StatusCode, Problem> {
    let portal = member.portal()?;
    let address = Address::parse(&suppression.address, &portal.settings.sign_in.countries).map_err(address_refusal)?;
    let ended = messages.store.end_suppression(portal.id, address.key(portal.id)).await?;
    if ended { Ok(StatusCode::NO_CONTENT) } else { Err(Kind::NotFound.into()) }
}
