//! What a portal has sent, and whether its SMS pause (B3, S13, S14).

use axum::{Json, extract::State};
use portico_domain::{ids::PortalId, spend::hour_of};
use portico_http::{CurrentMember, Problem, Problems};
use serde::Serialize;
use utoipa::ToSchema;

use crate::Portals;

/// What a portal has sent, and what it may send.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SpendView {
    /// Codes by SMS on this day (UTC).
    sms_today: u32,
    /// The most on a day; then SMS pause until midnight (UTC), and email and passwords still work.
    daily_sms: u32,
    /// Codes in this clock hour, SMS and email alike.
    codes_this_hour: u32,
    /// The most in a clock hour.
    hourly_codes: u32,
    /// Whether SMS of the whole portal pause in this clock hour, because almost no code comes back.
    paused: bool,
    /// Blocks of neighbouring numbers whose SMS pause in this clock hour, for the same reason.
    paused_blocks: usize,
}

/// See what a portal has sent
#[utoipa::path(get, path = "/v1/admin/portals/{portal}/spend", operation_id = "readSpend", tag = "administration", security(("administrator" = [])), params(("portal" = PortalId, Path)),
    responses((status = 200, description = "Codes of this hour and this day, their caps, and what pauses", body = SpendView), Problems))]
pub(crate) async fn read(State(portals): State<Portals>, member: CurrentMember) -> Result<Json<SpendView>, Problem> {
    let portal = member.portal()?;
    let now = portals.clock.now();
    let spend = portals.store.spend(portal.id, now).await?;
    let budget = portal.settings.budget(&portals.caps);
    let (paused_blocks, paused) = spend.pauses(now);
    let codes_this_hour = if spend.hour == hour_of(now) { spend.codes } else { 0 };
    Ok(Json(SpendView {
        sms_today: spend.sms,
        daily_sms: budget.daily_sms,
        codes_this_hour,
        hourly_codes: budget.hourly,
        paused,
        paused_blocks,
    }))
}
