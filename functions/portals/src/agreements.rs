//! Reading and writing the agreements of a portal (F10, S57).

use axum::{
    Json,
    extract::State,
    http::request::Parts,
    response::{IntoResponse, Response},
};
use http::header;
use portico_domain::{
    agreements::{Agreement, Agreements, MAX_HTML},
    ids::PortalId,
    portal::Portal,
};
use portico_http::{Body, CurrentMember, Kind, Problem, Problems, check_version, entity_tag};
use portico_store::Saved;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::Portals;

/// The texts that are to hold. What is absent or null is removed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AgreementsChange {
    /// The user agreement.
    terms: Option<Agreement>,
    /// The privacy policy.
    privacy: Option<Agreement>,
}

/// See the agreements of a portal
#[utoipa::path(get, path = "/v1/admin/portals/{portal}/agreements", operation_id = "readAgreements", tag = "administration", security(("administrator" = [])), params(("portal" = PortalId, Path)),
    responses((status = 200, description = "The texts that hold; the portal's version is the `ETag`", body = Agreements), Problems))]
pub(crate) async fn read(State(portals): State<Portals>, member: CurrentMember) -> Result<Response, Problem> {
    let portal = member.portal()?;
    let agreements = current(&portals, &portal).await?;
    Ok(answer(&portal, agreements))
}

/// Replace the agreements of a portal
///
/// What differs from what holds is a new version: everybody is asked to accept it at their next sign-in. Markup that could do
/// something is taken out, pictures too; the answer shows what was kept. With `If-Match` only if nobody changed the portal since.
#[utoipa::path(put, path = "/v1/admin/portals/{portal}/agreements", operation_id = "changeAgreements", tag = "administration", security(("administrator" = [])), params(("portal" = PortalId, Path)), request_body = AgreementsChange,
    responses((status = 200, description = "The texts as they were kept", body = Agreements), Problems))]
pub(crate) async fn change(
    State(portals): State<Portals>,
    member: CurrentMember,
    parts: Parts,
    Body(change): Body<AgreementsChange>,
) -> Result<Response, Problem> {
    let mut portal = member.portal()?;
    check_version(&parts, portal.version)?;
    let (terms, privacy) = (kept(change.terms, "/terms/html")?, kept(change.privacy, "/privacy/html")?);
    let known = current(&portals, &portal).await?;
    let new = Agreements { version: portal.agreement_versions + 1, terms, privacy };
    if new.says_what(&known) {
        return Ok(answer(&portal, known));
    }
    match portals.store.save_agreements(&portal, &new).await? {
        Saved::Yes => {
            portal.version += 1;
            Ok(answer(&portal, new))
        }
        Saved::Stale => Err(Kind::Stale.into()),
    }
}

/// A text as it is kept (S57).
fn kept(agreement: Option<Agreement>, pointer: &str) -> Result<Option<Agreement>, Problem> {
    let Some(mut agreement) = agreement else { return Ok(None) };
    // What is cut out may be long; what takes long to read is refused before.
    if agreement.html.len() <= 2 * MAX_HTML {
        agreement.html = portico_richtext::sanitise(&agreement.html);
    }
    match agreement.html.len() {
        length if length > MAX_HTML => Err(Problem::invalid(pointer, "too-long", format!("must be at most {MAX_HTML} bytes"))),
        0 => Err(Problem::invalid(pointer, "required", "nothing is left of it that can be shown")),
        _ => Ok(Some(agreement)),
    }
}

async fn current(portals: &Portals, portal: &Portal) -> Result<Agreements, Problem> {
    let none = Agreements { version: portal.agreement_versions, terms: None, privacy: None };
    let Some(version) = portal.agreement_version() else { return Ok(none) };
    portals.store.agreements(portal.id, version).await?.ok_or_else(|| Problem::internal("the agreements of a portal are missing"))
}

fn answer(portal: &Portal, agreements: Agreements) -> Response {
    ([(header::ETAG, entity_tag(portal.version))], Json(agreements)).into_response()
}
