//! The organisation and its seats (F77).

use axum::{Json, extract::State};
use portico_domain::{
    ids::OrganisationId,
    seats::{FREE, PACK, Seats},
};
use portico_http::{Body, CurrentMember, Kind, Problem, Problems};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Portals;

/// The most packs that an organisation can have.
const MOST_PACKS: u32 = 10_000;

/// The organisation, with its seats.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Organisation)]
pub(crate) struct OrganisationView {
    id: OrganisationId,
    #[schema(value_type = String)]
    name: String,
    seats: SeatsView,
}

/// Seats of all portals together.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SeatsView {
    #[serde(flatten)]
    seats: Seats,
    /// Packs that were added to the free seats.
    packs: u32,
}

/// What changes on the organisation.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OrganisationChange {
    /// Packs of 100 seats beside the 100 free ones.
    #[schema(maximum = 10_000)]
    packs: u32,
}

/// See the organisation
#[utoipa::path(get, path = "/v1/admin/organisation", operation_id = "readOrganisation", tag = "administration", security(("administrator" = [])),
    responses((status = 200, description = "The organisation", body = OrganisationView), Problems))]
pub(crate) async fn read(State(portals): State<Portals>, member: CurrentMember) -> Result<Json<OrganisationView>, Problem> {
    let id = member.member.organisation;
    let (organisation, seats) = (portals.store.organisation(id).await?, portals.store.seats(id).await?);
    let (Some(organisation), Some(seats)) = (organisation, seats) else { return Err(Kind::NotFound.into()) };
    let packs = seats.total.saturating_sub(FREE) / PACK;
    Ok(Json(OrganisationView { id, name: organisation.name.as_str().to_owned(), seats: SeatsView { seats, packs } }))
}

/// Change the number of seat packs
#[utoipa::path(patch, path = "/v1/admin/organisation", operation_id = "changeOrganisation", tag = "administration", security(("administrator" = [])), request_body = OrganisationChange,
    responses((status = 200, description = "The organisation as it is now", body = OrganisationView), Problems))]
pub(crate) async fn change(
    State(portals): State<Portals>,
    member: CurrentMember,
    Body(change): Body<OrganisationChange>,
) -> Result<Json<OrganisationView>, Problem> {
    if change.packs > MOST_PACKS {
        return Err(Problem::invalid("/packs", "invalid", format!("must be at most {MOST_PACKS}")));
    }
    let set = portals.store.set_total_seats(member.member.organisation, FREE + change.packs * PACK).await?;
    set.map_err(|_| Problem::from(Kind::SeatsInUse))?;
    read(State(portals), member).await
}
