//! `/v1/admin/portals...` and `/v1/admin/organisation`: portals, their settings, links and agreements, seats (F1 to F10, F77).

mod agreements;
mod links;
mod organisation;
mod settings;
mod spend;
mod view;

use axum::{Json, extract::State, http::request::Parts, response::IntoResponse};
use http::{Method, StatusCode, header};
use portico_domain::{
    ids::{ApplicationId, PortalId},
    limits::Caps,
    member::Right,
    portal::{Application, Link, LinkKind, Portal, Settings},
    suffix::Suffix,
    text::Name,
};
use portico_http::{Access, Api, Body, CurrentMember, Kind, Origins, Problem, Problems, entity_tag};
use portico_runtime::{Clock, Deployment, MissingVariable, entropy};
use portico_store::{LinkError, Store, Table};
use serde::{Deserialize, Serialize};
use utoipa::{OpenApi, ToSchema};

use crate::view::PortalView;

/// The part of the OpenAPI document that this function answers for.
#[derive(OpenApi)]
#[openapi(paths(
    list,
    create,
    settings::read,
    settings::change,
    links::list,
    links::add,
    links::change,
    links::remove,
    links::qr_code,
    spend::read,
    organisation::read,
    organisation::change,
    agreements::read,
    agreements::change
))]
pub struct Docs;

/// What the handlers share.
#[derive(Clone)]
struct Portals {
    store: Store,
    caps: Caps,
    clock: Clock,
    origins: Origins,
}

/// The routes of this function.
pub fn api(deployment: &Deployment) -> Result<Api, MissingVariable> {
    let store = Store::open(deployment, &[Table::Portals, Table::Users, Table::Codes])?;
    let portals =
        Portals { store: store.clone(), caps: deployment.caps()?, clock: deployment.clock().clone(), origins: Origins::new(deployment) };
    let manage = Access::Member(Right::ManagePortals);
    let own = Access::Member(Right::ManageOrganisation);
    Ok(Api::guarded(deployment, &store)
        .route(Method::GET, "/v1/admin/organisation", own, organisation::read)
        .route(Method::PATCH, "/v1/admin/organisation", own, organisation::change)
        .route(Method::GET, "/v1/admin/portals", manage, list)
        .route(Method::POST, "/v1/admin/portals", manage, create)
        .route(Method::GET, "/v1/admin/portals/{portal}", manage, settings::read)
        .route(Method::PATCH, "/v1/admin/portals/{portal}", manage, settings::change)
        .route(Method::GET, "/v1/admin/portals/{portal}/links", manage, links::list)
        .route(Method::POST, "/v1/admin/portals/{portal}/links", manage, links::add)
        .route(Method::PUT, "/v1/admin/portals/{portal}/links/{link}", manage, links::change)
        .route(Method::DELETE, "/v1/admin/portals/{portal}/links/{link}", manage, links::remove)
        .route(Method::GET, "/v1/admin/portals/{portal}/links/{link}/qr", manage, links::qr_code)
        .route(Method::GET, "/v1/admin/portals/{portal}/spend", manage, spend::read)
        .route(Method::GET, "/v1/admin/portals/{portal}/agreements", manage, agreements::read)
        .route(Method::PUT, "/v1/admin/portals/{portal}/agreements", manage, agreements::change)
        .with_state(portals))
}

/// The portals of the organisation.
#[derive(Debug, Serialize, ToSchema)]
struct PortalList {
    /// Oldest first.
    portals: Vec<PortalView>,
}

/// List portals
#[utoipa::path(get, path = "/v1/admin/portals", operation_id = "listPortals", tag = "administration", security(("administrator" = [])),
    responses((status = 200, description = "All portals of the organisation, oldest first", body = PortalList), Problems))]
async fn list(State(portals): State<Portals>, member: CurrentMember, parts: Parts) -> Result<Json<PortalList>, Problem> {
    let found = portals.store.portals_of(member.member.organisation).await?;
    Ok(Json(PortalList { portals: found.iter().map(|portal| PortalView::new(portal, &portals.origins, &parts)).collect() }))
}

/// A portal to be opened.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewPortal {
    /// The name of the application inside the organisation; outside people see it too until the portal gets a name of its own (F2).
    #[schema(value_type = String, max_length = 100, example = "Customer Service")]
    application: Name,
    /// A suffix for the link, beside the default one (F3).
    suffix: Option<Suffix>,
}

/// Open a portal
///
/// It starts enabled, for approved users, with accounts by phone and email; the settings say so.
#[utoipa::path(post, path = "/v1/admin/portals", operation_id = "openPortal", tag = "administration", security(("administrator" = [])), request_body = NewPortal,
    responses((status = 201, description = "The portal", body = PortalView), Problems))]
async fn create(
    State(portals): State<Portals>,
    member: CurrentMember,
    parts: Parts,
    Body(new): Body<NewPortal>,
) -> Result<impl IntoResponse, Problem> {
    let now = portals.clock.now();
    let random = || entropy::wide().map_err(Problem::internal);
    let application = Application { id: ApplicationId::new(now, random()?), name: new.application.clone() };
    let mut portal =
        Portal::new(PortalId::new(now, random()?), member.member.organisation, application, Settings::starting(new.application), now);
    portal.links.extend(new.suffix.map(|suffix| Link {
        suffix,
        kind: LinkKind::Custom,
        accounts: None,
        password: None,
        wechat: None,
        role: None,
    }));
    portals.store.create_portal(&portal).await.map_err(link_problem)?;
    let headers = [(header::ETAG, entity_tag(portal.version)), (header::LOCATION, format!("/v1/admin/portals/{}", portal.id))];
    Ok((StatusCode::CREATED, headers, Json(PortalView::new(&portal, &portals.origins, &parts))))
}

fn link_problem(error: LinkError) -> Problem {
    match error {
        LinkError::Taken => Kind::SuffixTaken.into(),
        LinkError::Stale => Kind::Stale.into(),
        LinkError::Store(error) => error.into(),
    }
}
