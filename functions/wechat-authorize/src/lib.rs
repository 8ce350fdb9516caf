//! `/v1/portals/{portal}/wechat...`: to WeChat from a page within WeChat, and the QR code by which a phone signs a desktop in (F15,
//! F16, S31, S36).

mod scans;

use std::sync::Arc;

use axum::{
    extract::{Query, State, rejection::QueryRejection},
    http::request::Parts,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, Method, StatusCode, header};
use portico_access::{AccessError, WeChatDoor, Wish};
use portico_domain::{ids::PortalId, suffix::Suffix};
use portico_http::{Access, Api, Browser, ClientAddress, Kind, Origins, PathId, Problem, Problems, refusal, sign_in_page};
use portico_runtime::{Clock, Deployment, MissingVariable};
use portico_store::{ScanId, Store, Table};
use serde::Deserialize;
use utoipa::{IntoParams, OpenApi};

/// The part of the OpenAPI document that this function answers for.
#[derive(OpenApi)]
#[openapi(paths(authorize, scans::start, scans::read, scans::confirm, scans::decline, scans::enter))]
pub struct Docs;

type Shared = Arc<Doors>;

struct Doors {
    door: WeChatDoor,
    origins: Origins,
    clock: Clock,
}

/// The routes of this function.
pub fn api(deployment: &Deployment) -> Result<Api, MissingVariable> {
    let store = Store::open(deployment, &[Table::Portals, Table::Users, Table::Codes, Table::Messages])?;
    let doors = Doors { door: WeChatDoor::open(deployment, &store)?, origins: Origins::new(deployment), clock: deployment.clock().clone() };
    Ok(Api::anonymous(deployment)
        .route(Method::GET, "/v1/portals/{portal}/wechat", Access::Anonymous, authorize)
        .route(Method::POST, "/v1/portals/{portal}/wechat/scans", Access::Anonymous, scans::start)
        .route(Method::GET, "/v1/portals/{portal}/wechat/scans/{scan}", Access::Anonymous, scans::read)
        .route(Method::POST, "/v1/portals/{portal}/wechat/scans/{scan}/confirmation", Access::Anonymous, scans::confirm)
        .route(Method::DELETE, "/v1/portals/{portal}/wechat/scans/{scan}/confirmation", Access::Anonymous, scans::decline)
        .route(Method::POST, "/v1/portals/{portal}/wechat/scans/{scan}/session", Access::Anonymous, scans::enter)
        .with_state(Arc::new(doors)))
}

/// How somebody comes, or for which desktop.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct AuthorizeQuery {
    /// The suffix of the link by which they came.
    link: Option<Suffix>,
    /// The tick: stay signed in for seven days, where the portal offers it (F25).
    #[serde(default)]
    remember: bool,
    /// The scan of a desktop, as its QR code names it. The desktop's link and tick hold then; `link` only leads back from a refusal.
    scan: Option<String>,
}

/// Go to WeChat
///
/// For a browser within WeChat, which follows the answer. It comes back to `/v1/wechat/callback` in the same browser within ten
/// minutes, once. A browser that is refused and named its link is led back to it, with `#problem=` and the name of the refusal.
#[utoipa::path(get, path = "/v1/portals/{portal}/wechat", operation_id = "authorizeByWechat", tag = "sign-in", params(("portal" = PortalId, Path), AuthorizeQuery),
    responses((status = 302, description = "WeChat, by way of the organisation's service account"), (status = 303, description = "The portal's page, for a browser that is refused"), Problems))]
async fn authorize(
    State(doors): State<Shared>,
    PathId(portal): PathId<PortalId>,
    ClientAddress(client): ClientAddress,
    query: Result<Query<AuthorizeQuery>, QueryRejection>,
    parts: Parts,
) -> Result<Response, Problem> {
    let Query(query) = query.map_err(|rejection| Problem::invalid("", "invalid", rejection.body_text()))?;
    let redirect = format!("{}/v1/wechat/callback", doors.origins.canonical(&parts));
    let page = query.link.as_ref().filter(|_| wants_page(&parts.headers)).map(|link| format!("/p/{link}"));
    let sent = match query.scan {
        Some(scan) => {
            let scan = ScanId::parse(&scan).ok_or(Kind::WechatState)?;
            doors.door.depart_for(portal, scan, &client, &redirect).await
        }
        None => doors.door.depart(portal, Wish { link: query.link, remember: query.remember, client: &client }, &redirect).await,
    };
    let (address, secret) = match (sent, page) {
        (Ok(sent), _) => sent,
        (Err(error), Some(page)) => return sign_in_page(Err(error), &page, doors.clock.now()),
        (Err(error), None) => return Err(doors.refuse(error)),
    };
    let mut response = (StatusCode::FOUND, [(header::LOCATION, address)]).into_response();
    response.headers_mut().insert(header::SET_COOKIE, Browser::Phone.set_cookie(&secret)?);
    Ok(response)
}

/// Whether a person reads the answer.
fn wants_page(headers: &HeaderMap) -> bool {
    headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).is_some_and(|accept| accept.contains("text/html"))
}

impl Doors {
    fn refuse(&self, error: AccessError) -> Problem {
        refusal(error, self.clock.now())
    }
}
