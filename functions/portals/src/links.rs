//! The links of a portal (F3 to F6).

use axum::{
    Json,
    extract::{Path, State},
    http::request::Parts,
    response::{IntoResponse, Response},
};
use fast_qr::{
    QRBuilder,
    convert::{Builder, Shape, svg::SvgBuilder},
};
use http::{StatusCode, header};
use portico_domain::{
    ids::PortalId,
    portal::{Accounts, Link, LinkKind, MAX_LINKS, Portal, RoleId},
    suffix::Suffix,
};
use portico_http::{Body, CurrentMember, Kind, Problem, Problems, check_version};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    Portals, link_problem,
    view::{LinkView, address},
};

/// The links of a portal, the default one first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LinkList {
    links: Vec<LinkView>,
}

/// A link to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewLink {
    /// What stands after `/p/`; unique in the deployment, whatever its case.
    suffix: Suffix,
    /// The kinds of account that it offers; all of the portal's if absent (F6).
    accounts: Option<Accounts>,
    /// Whether it offers passwords, where the portal does; as the portal has it if absent (F6).
    password: Option<bool>,
    /// Whether it offers WeChat, where the portal does; as the portal has it if absent (F6, F15).
    wechat: Option<bool>,
    /// The role of those who sign up by it; the portal's default if absent (F6).
    role: Option<RoleId>,
}

/// What a link allows.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LinkChange {
    /// The kinds of account that it offers; all of the portal's if absent.
    accounts: Option<Accounts>,
    /// Whether it offers passwords, where the portal does; as the portal has it if absent.
    password: Option<bool>,
    /// Whether it offers WeChat, where the portal does; as the portal has it if absent.
    wechat: Option<bool>,
    /// The role of those who sign up by it; the portal's default if absent.
    role: Option<RoleId>,
}

/// List links
#[utoipa::path(get, path = "/v1/admin/portals/{portal}/links", operation_id = "listLinks", tag = "administration", security(("administrator" = [])), params(("portal" = PortalId, Path)),
    responses((status = 200, description = "The links, the default one first", body = LinkList), Problems))]
pub(crate) async fn list(State(portals): State<Portals>, member: CurrentMember, parts: Parts) -> Result<Json<LinkList>, Problem> {
    let portal = member.portal()?;
    Ok(Json(LinkList { links: portal.links.iter().map(|link| LinkView::new(link, &portals.origins, &parts)).collect() }))
}

/// Add a link
#[utoipa::path(post, path = "/v1/admin/portals/{portal}/links", operation_id = "addLink", tag = "administration", security(("administrator" = [])), params(("portal" = PortalId, Path)), request_body = NewLink,
    responses((status = 201, description = "The link", body = LinkView), Problems))]
pub(crate) async fn add(
    State(portals): State<Portals>,
    member: CurrentMember,
    parts: Parts,
    Body(new): Body<NewLink>,
) -> Result<Response, Problem> {
    let portal = member.portal()?;
    check_version(&parts, portal.version)?;
    if portal.links.len() >= MAX_LINKS {
        return Err(Kind::TooManyLinks.into());
    }
    let (accounts, password, wechat, role) = (new.accounts, new.password, new.wechat, new.role);
    let link = Link { suffix: new.suffix, kind: LinkKind::Custom, accounts, password, wechat, role };
    check(&portal, &link)?;
    portals.store.add_link(&portal, link.clone()).await.map_err(link_problem)?;
    Ok((StatusCode::CREATED, Json(LinkView::new(&link, &portals.origins, &parts))).into_response())
}

/// Change what a link allows
#[utoipa::path(put, path = "/v1/admin/portals/{portal}/links/{link}", operation_id = "changeLink", tag = "administration", security(("administrator" = [])), params(("portal" = PortalId, Path), ("link" = Suffix, Path)), request_body = LinkChange,
    responses((status = 200, description = "The link as it is now", body = LinkView), Problems))]
pub(crate) async fn change(
    State(portals): State<Portals>,
    member: CurrentMember,
    Path((_, suffix)): Path<(String, String)>,
    parts: Parts,
    Body(change): Body<LinkChange>,
) -> Result<Json<LinkView>, Problem> {
    let portal = member.portal()?;
    check_version(&parts, portal.version)?;
    let LinkChange { accounts, password, wechat, role } = change;
    let link = Link { accounts, password, wechat, role, ..chosen(&portal, &suffix)? };
    check(&portal, &link)?;
    portals.store.change_link(&portal, link.clone()).await.map_err(link_problem)?;
    Ok(Json(LinkView::new(&link, &portals.origins, &parts)))
}

/// Remove a link
///
/// Frees the suffix (F4). People who signed up by it keep their role.
#[utoipa::path(delete, path = "/v1/admin/portals/{portal}/links/{link}", operation_id = "removeLink", tag = "administration", security(("administrator" = [])), params(("portal" = PortalId, Path), ("link" = Suffix, Path)),
    responses((status = 204, description = "The suffix is free"), Problems))]
pub(crate) async fn remove(
    State(portals): State<Portals>,
    member: CurrentMember,
    Path((_, suffix)): Path<(String, String)>,
    parts: Parts,
) -> Result<StatusCode, Problem> {
    let portal = member.portal()?;
    check_version(&parts, portal.version)?;
    let link = chosen(&portal, &suffix)?;
    portals.store.remove_link(&portal, &link.suffix).await.map_err(link_problem)?;
    Ok(StatusCode::NO_CONTENT)
}

/// Get the QR code of a link
#[utoipa::path(get, path = "/v1/admin/portals/{portal}/links/{link}/qr", operation_id = "linkQrCode", tag = "administration", security(("administrator" = [])), params(("portal" = PortalId, Path), ("link" = Suffix, Path)),
    responses((status = 200, description = "The address of the link as a QR code", body = String, content_type = "image/svg+xml"), Problems))]
pub(crate) async fn qr_code(
    State(portals): State<Portals>,
    member: CurrentMember,
    Path((_, suffix)): Path<(String, String)>,
    parts: Parts,
) -> Result<Response, Problem> {
    let portal = member.portal()?;
    let link = known(&portal, &suffix)?;
    let code = QRBuilder::new(address(link, &portals.origins, &parts)).build().map_err(|error| Problem::internal(format!("{error:?}")))?;
    let picture = SvgBuilder::default().shape(Shape::Square).to_str(&code);
    Ok(([(header::CONTENT_TYPE, "image/svg+xml")], picture).into_response())
}

fn known<'a>(portal: &'a Portal, suffix: &str) -> Result<&'a Link, Problem> {
    let suffix = Suffix::parse(suffix).map_err(|_| Problem::from(Kind::NotFound))?;
    portal.link(&suffix).ok_or_else(|| Kind::NotFound.into())
}

/// A link that an administrator made; the default one stays as it is (F4).
fn chosen(portal: &Portal, suffix: &str) -> Result<Link, Problem> {
    let link = known(portal, suffix)?;
    match link.kind {
        LinkKind::Custom => Ok(link.clone()),
        LinkKind::Default => Err(Kind::DefaultLink.into()),
    }
}

fn check(portal: &Portal, link: &Link) -> Result<(), Problem> {
    let own = portal.settings.sign_in.accounts;
    let wanted = link.accounts.unwrap_or(own);
    if own.both(wanted) != wanted || !(wanted.phone || wanted.email) {
        return Err(Problem::invalid("/accounts", "method-off", "must be some of the kinds of account that the portal has"));
    }
    if link.role.as_ref().is_some_and(|role| !portal.settings.has_role(role)) {
        return Err(Problem::invalid("/role", "unknown-role", "is not a role of this portal"));
    }
    Ok(())
}
