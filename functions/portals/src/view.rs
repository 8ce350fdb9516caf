//! A portal, as administrators see it.

use axum::http::request::Parts;
use jiff::Timestamp;
use portico_domain::{
    ids::PortalId,
    portal::{Application, Link, Portal, Settings},
};
use portico_http::Origins;
use serde::Serialize;
use utoipa::ToSchema;

/// A portal with its settings and links.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Portal)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PortalView {
    id: PortalId,
    application: Application,
    /// The link to pass on (F5).
    url: Option<String>,
    settings: Settings,
    links: Vec<LinkView>,
    /// Counts changes; also the `ETag`.
    version: u64,
    /// When it was opened (UTC).
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
}

/// A link with its address.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LinkView {
    #[serde(flatten)]
    link: Link,
    /// The address to pass on (F5).
    url: String,
}

impl PortalView {
    pub(crate) fn new(portal: &Portal, origins: &Origins, parts: &Parts) -> Self {
        Self {
            id: portal.id,
            application: portal.application.clone(),
            url: origins.portal_url(parts, portal),
            settings: portal.settings.clone(),
            links: portal.links.iter().map(|link| LinkView::new(link, origins, parts)).collect(),
            version: portal.version,
            created_at: portal.created_at,
        }
    }
}

impl LinkView {
    pub(crate) fn new(link: &Link, origins: &Origins, parts: &Parts) -> Self {
        Self { url: address(link, origins, parts), link: link.clone() }
    }
}

/// The address of a link. The domain is ours, whatever the client called us by (S59).
pub(crate) fn address(link: &Link, origins: &Origins, parts: &Parts) -> String {
    format!("{}/p/{}", origins.canonical(parts), link.suffix)
}
