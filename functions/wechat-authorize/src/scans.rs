//! A QR code on a desktop, by which a phone signs it in (F16, S36).

use axum::{
    Json,
    extract::{Path, State},
    http::request::Parts,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, StatusCode, header};
use jiff::Timestamp;
use portico_access::{SCAN, Wish};
use portico_domain::{ids::PortalId, suffix::Suffix};
use portico_http::{Body, Browser, Client, ClientAddress, Kind, PathId, Problem, Problems, Reader, SignInOutcome, signed_in_response};
use portico_store::{BrowserHash, Scan, ScanId, ScanState};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Shared;

/// How the desktop came.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ScanRequest {
    /// The suffix of the link by which they came.
    link: Option<Suffix>,
    /// The tick: stay signed in for seven days, where the portal offers it (F25).
    #[serde(default)]
    remember: bool,
}

/// A scan that began. What the desktop needs to go on is in its cookie.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ScanStarted {
    /// Its name.
    id: String,
    /// What the QR code to be drawn says.
    #[schema(example = "https://portal.example.com/v1/portals/01KAMQ3ZB7W0GJ5Q4S9T2X8Y6V/wechat?scan=dq1Yg3FKbpTbVYnDTwDNcQ")]
    url: String,
    /// Seconds until it is no longer good.
    #[schema(example = 120)]
    expires_in: i64,
}

/// Where a scan stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = ScanState)]
#[serde(rename_all = "camelCase")]
enum Standing {
    /// No phone has come yet.
    Waiting,
    /// The owner of the phone is to follow the service account first (F17).
    MustFollow,
    /// The owner of the phone is to confirm.
    Scanned,
    /// `session` lets the desktop in.
    Confirmed,
    /// The owner of the phone declined.
    Declined,
    /// Too old, or used.
    Expired,
}

/// How a scan stands.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ScanView {
    state: Standing,
    /// Seconds until it is no longer good.
    expires_in: i64,
}

impl ScanView {
    fn new(scan: &Scan, now: Timestamp) -> Self {
        let left = scan.expires_at.duration_since(now).as_secs().max(0);
        let state = match scan.state {
            _ if now >= scan.expires_at => Standing::Expired,
            ScanState::Waiting => Standing::Waiting,
            ScanState::MustFollow => Standing::MustFollow,
            ScanState::Scanned => Standing::Scanned,
            ScanState::Confirmed => Standing::Confirmed,
            ScanState::Declined => Standing::Declined,
            ScanState::Used => Standing::Expired,
        };
        Self { state, expires_in: left }
    }
}

/// That the owner of the phone wants it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Confirmation {}

/// What goes with the desktop's entry.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ScanEntry {
    /// The version of the agreements that were shown and accepted (F10).
    consent: Option<u32>,
}

/// Show a QR code that a phone scans to sign this browser in
///
/// Good for two minutes, for one phone, for this browser.
#[utoipa::path(post, path = "/v1/portals/{portal}/wechat/scans", operation_id = "startScan", tag = "sign-in", params(("portal" = PortalId, Path)), request_body = ScanRequest,
    responses((status = 201, description = "The scan", body = ScanStarted), Problems))]
pub(crate) async fn start(
    State(doors): State<Shared>,
    PathId(portal): PathId<PortalId>,
    ClientAddress(client): ClientAddress,
    parts: Parts,
    Body(request): Body<ScanRequest>,
) -> Result<Response, Problem> {
    let link = request.link.as_ref().map(|link| format!("&link={link}")).unwrap_or_default();
    let wish = Wish { link: request.link, remember: request.remember, client: &client };
    let scan = doors.door.start_scan(portal, wish).await.map_err(|error| doors.refuse(error))?;
    let url = format!("{}/v1/portals/{portal}/wechat?scan={}{link}", doors.origins.canonical(&parts), scan.id);
    let started = ScanStarted { id: scan.id.to_string(), url, expires_in: SCAN.as_secs() };
    let mut response = (StatusCode::CREATED, Json(started)).into_response();
    response.headers_mut().insert(header::SET_COOKIE, Browser::Desktop.set_cookie(&scan.secret)?);
    Ok(response)
}

/// Ask how a scan stands
///
/// For the browser that shows it; for every other one there is nothing here.
#[utoipa::path(get, path = "/v1/portals/{portal}/wechat/scans/{scan}", operation_id = "readScan", tag = "sign-in", params(("portal" = PortalId, Path), ("scan" = String, Path)),
    responses((status = 200, description = "How it stands", body = ScanView), Problems))]
pub(crate) async fn read(
    State(doors): State<Shared>,
    Path(named): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Json<ScanView>, Problem> {
    let (portal, scan) = names(&named)?;
    let desktop = browser(Browser::Desktop, &headers).ok_or(Kind::NotFound)?;
    let found = doors.door.scan(portal, scan, &desktop).await.map_err(|error| doors.refuse(error))?.ok_or(Kind::NotFound)?;
    Ok(Json(ScanView::new(&found, doors.clock.now())))
}

/// Confirm on the phone that the desktop is signed in
///
/// For the browser that came back from WeChat with this scan.
#[utoipa::path(post, path = "/v1/portals/{portal}/wechat/scans/{scan}/confirmation", operation_id = "confirmScan", tag = "sign-in", params(("portal" = PortalId, Path), ("scan" = String, Path)), request_body = Confirmation,
    responses((status = 204, description = "The desktop goes on"), Problems))]
pub(crate) async fn confirm(
    State(doors): State<Shared>,
    Path(named): Path<(String, String)>,
    headers: HeaderMap,
    Body(Confirmation {}): Body<Confirmation>,
) -> Result<StatusCode, Problem> {
    answer(&doors, &named, &headers, true).await
}

/// Decline on the phone that the desktop is signed in
///
/// For the browser that came back from WeChat with this scan.
#[utoipa::path(delete, path = "/v1/portals/{portal}/wechat/scans/{scan}/confirmation", operation_id = "declineScan", tag = "sign-in", params(("portal" = PortalId, Path), ("scan" = String, Path)),
    responses((status = 204, description = "The desktop is told"), Problems))]
pub(crate) async fn decline(
    State(doors): State<Shared>,
    Path(named): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<StatusCode, Problem> {
    answer(&doors, &named, &headers, false).await
}

async fn answer(doors: &Shared, named: &(String, String), headers: &HeaderMap, confirmed: bool) -> Result<StatusCode, Problem> {
    let (portal, scan) = names(named)?;
    let phone = browser(Browser::Phone, headers).ok_or(Kind::WechatState)?;
    doors.door.answer_scan(portal, scan, &phone, confirmed).await.map_err(|error| doors.refuse(error))?;
    Ok(StatusCode::NO_CONTENT)
}

/// Enter by a scan that was confirmed
///
/// For the browser that shows it, once.
#[utoipa::path(post, path = "/v1/portals/{portal}/wechat/scans/{scan}/session", operation_id = "enterByScan", tag = "sign-in", params(("portal" = PortalId, Path), ("scan" = String, Path)), request_body = ScanEntry,
    responses((status = 200, description = "In, or what comes next", body = SignInOutcome), Problems))]
pub(crate) async fn enter(
    State(doors): State<Shared>,
    Path(named): Path<(String, String)>,
    reader: Reader,
    Client(visitor): Client,
    headers: HeaderMap,
    Body(entry): Body<ScanEntry>,
) -> Result<Response, Problem> {
    let (portal, scan) = names(&named)?;
    let desktop = browser(Browser::Desktop, &headers).ok_or(Kind::WechatState)?;
    let outcome = doors.door.enter_by_scan(portal, scan, &desktop, entry.consent, &visitor).await;
    signed_in_response(outcome, &reader, doors.clock.now())
}

fn browser(browser: Browser, headers: &HeaderMap) -> Option<BrowserHash> {
    browser.secret(headers).map(|secret| secret.hash())
}

fn names((portal, scan): &(String, String)) -> Result<(PortalId, ScanId), Problem> {
    let portal = portal.parse().map_err(|_| Problem::from(Kind::NotFound))?;
    Ok((portal, ScanId::parse(scan).ok_or(Kind::NotFound)?))
}
