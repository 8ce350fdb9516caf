//! `GET /p/{suffix}`: the sign-in page of a link, with the portal's face and public settings inlined (F4, F5, F8, F9).
//!
//! One request before the first paint. Also answers `GET /v1/links/{suffix}`, and all paths that lead nowhere.

mod page;
mod view;

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
    response::Response,
};
use http::{HeaderMap, Method};
use jiff::Timestamp;
use portico_domain::{
    ids::PortalId,
    portal::{Link, Portal},
    session::standing,
    suffix::Suffix,
};
use portico_http::{Access, Api, Kind, Problem, Problems, Reader, SessionView, presented_session};
use portico_runtime::{Clock, Deployment, MissingVariable};
use portico_store::{Store, Table};
use serde::Serialize;
use utoipa::{OpenApi, ToSchema};

use crate::view::PageView;

/// The part of the OpenAPI document that this function answers for.
#[derive(OpenApi)]
#[openapi(paths(portal_page, resolve_link))]
pub struct Docs;

struct Pages {
    store: Store,
    clock: Clock,
    /// Where the page sends files.
    uploads: String,
}

/// The routes of this function.
pub fn api(deployment: &Deployment) -> Result<Api, MissingVariable> {
    let store = Store::open(deployment, &[Table::Portals, Table::Users])?;
    let pages = Pages { store, clock: deployment.clock().clone(), uploads: origin(&deployment.uploads_url()?).to_owned() };
    Ok(Api::anonymous(deployment)
        .route(Method::GET, "/p/{suffix}", Access::Anonymous, portal_page)
        .route(Method::GET, "/v1/links/{suffix}", Access::Anonymous, resolve_link)
        .with_state(Arc::new(pages)))
}

/// Open the sign-in page
#[utoipa::path(get, path = "/p/{suffix}", operation_id = "portalPage", tag = "sign-in", params(("suffix" = Suffix, Path)),
    responses((status = 200, description = "The page", body = String, content_type = "text/html"), (status = 404, description = "A page that says that nothing is here", body = String, content_type = "text/html"), Problems))]
async fn portal_page(
    State(pages): State<Arc<Pages>>,
    Path(suffix): Path<String>,
    reader: Reader,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let now = pages.clock.now();
    let (found, session) = tokio::join!(find(&pages.store, &suffix), session(&pages.store, &headers, now));
    let gzip = accepts_gzip(&headers);
    let Some((portal, link)) = found? else { return page::not_found(reader.locale, gzip) };
    // A session of another portal is none here (F27).
    let session = session?.filter(|(owner, _)| *owner == portal.id).map(|(_, view)| view);
    let wechat = offers_wechat(&pages.store, &portal, &link).await?;
    page::answer(&portal, &PageView::new(&portal, &link, reader.locale, session, wechat, now), reader.locale, &pages.uploads, gzip)
}

/// Whether WeChat works at a link: it is offered, and the organisation has a service account (F15, F82). Asked only where it is offered.
async fn offers_wechat(store: &Store, portal: &Portal, link: &Link) -> Result<bool, Problem> {
    Ok(portal.wechat_at(Some(link)) && store.wechat_account(portal.organisation).await?.is_some())
}

/// Where a link leads.
#[derive(Debug, Serialize, ToSchema)]
struct LinkTarget {
    /// The portal.
    portal: PortalId,
    /// The name that outside people see (F2).
    name: String,
    /// The suffix as its owner writes it.
    link: Suffix,
}

/// Resolve a link
#[utoipa::path(get, path = "/v1/links/{suffix}", operation_id = "resolveLink", tag = "sign-in", params(("suffix" = Suffix, Path)),
    responses((status = 200, description = "Where it leads", body = LinkTarget), Problems))]
async fn resolve_link(State(pages): State<Arc<Pages>>, Path(suffix): Path<String>) -> Result<Json<LinkTarget>, Problem> {
    let (portal, link) = find(&pages.store, &suffix).await?.ok_or(Kind::NotFound)?;
    Ok(Json(LinkTarget { portal: portal.id, name: portal.settings.name.as_str().to_owned(), link: link.suffix }))
}

/// The origin of an address.
fn origin(url: &str) -> &str {
    let authority = url.find("://").map_or(0, |at| at + 3);
    url[authority..].find('/').map_or(url, |end| &url[..authority + end])
}

async fn find(store: &Store, suffix: &str) -> Result<Option<(Portal, Link)>, Problem> {
    let Ok(suffix) = Suffix::parse(suffix) else { return Ok(None) };
    let Some(portal) = store.portal_of_suffix(&suffix).await? else { return Ok(None) };
    let Some(portal) = store.portal(portal).await? else { return Ok(None) };
    // The link may have been removed between the two reads.
    let link = portal.link(&suffix).cloned();
    Ok(link.map(|link| (portal, link)))
}

/// Who is signed in in this browser, if anybody is: spares the page its second request.
async fn session(store: &Store, headers: &HeaderMap, now: Timestamp) -> Result<Option<(PortalId, SessionView)>, Problem> {
    let Some(token) = presented_session(headers) else { return Ok(None) };
    let signed = store.signed(&token).await?;
    let live = signed.filter(|signed| standing(&signed.portal, &signed.user, signed.session.term, now).is_ok());
    Ok(live.map(|signed| (signed.portal.id, SessionView::new(&signed.user, &signed.portal, signed.session.term.ends_at()))))
}

fn accepts_gzip(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(http::header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    accepted.flat_map(|value| value.split(',')).any(|coding| {
        let mut parts = coding.split(';').map(str::trim);
        parts.next() == Some("gzip") && parts.all(|weight| !matches!(weight, "q=0" | "q=0.0" | "q=0.00" | "q=0.000"))
    })
}
