//! What is read from a request besides its body.

use std::str::FromStr;

use axum::{
    extract::{FromRequestParts, Path},
    http::request::Parts,
};
use http::header;
use lambda_http::request::RequestContext;
use portico_access::Visitor;
use portico_domain::{locale::Locale, portal::Portal};
use portico_runtime::Deployment;
use portico_store::Device;

use crate::{Browser, Kind, Problem};

/// The context that API Gateway gave.
fn gateway(parts: &Parts) -> Option<&lambda_http::aws_lambda_events::apigw::ApiGatewayV2httpRequestContext> {
    match parts.extensions.get::<RequestContext>() {
        Some(RequestContext::ApiGatewayV2(context)) => Some(context),
        _ => None,
    }
}

/// The address of the client as API Gateway saw it. Headers that a client can write do not count (S62).
#[derive(Debug, Clone)]
pub struct ClientAddress(pub String);

impl<S: Sync> FromRequestParts<S> for ClientAddress {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let address = gateway(parts).and_then(|context| context.http.source_ip.clone()).filter(|address| !address.is_empty());
        address.map(Self).ok_or_else(|| Problem::internal("the request context has no source address"))
    }
}

/// Who reads the answer: their language, and the name of the request in the logs.
#[derive(Debug, Clone)]
pub struct Reader {
    /// From `Accept-Language`.
    pub locale: Locale,
    /// From API Gateway.
    pub request_id: String,
    /// Whether the client wants JSON and nothing else, as programs do and pages do not.
    pub wants_json: bool,
}

impl Reader {
    pub(crate) fn of(parts: &Parts) -> Self {
        let text = |name| parts.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        Self {
            locale: Locale::negotiate(text(header::ACCEPT_LANGUAGE)),
            request_id: gateway(parts).and_then(|context| context.request_id.clone()).unwrap_or_default(),
            wants_json: text(header::ACCEPT) == "application/json",
        }
    }
}

impl<S: Sync> FromRequestParts<S> for Reader {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Ok(Self::of(parts))
    }
}

/// Who is at the other end of the line, as far as the request tells: address, what the client calls itself, language.
#[derive(Debug, Clone)]
pub struct Client(pub Visitor);

/// The most that is kept of what a client calls itself, in bytes.
const MAX_AGENT: usize = 200;

impl<S: Sync> FromRequestParts<S> for Client {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let ClientAddress(client) = ClientAddress::from_request_parts(parts, state).await?;
        let agent = parts.headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok());
        let agent = agent.map(|agent| agent.chars().take(MAX_AGENT).collect());
        let browsers = Browser::ALL.iter().filter_map(|browser| browser.secret(&parts.headers)).map(|secret| secret.hash());
        Ok(Self(Visitor { device: Device { client, agent }, locale: Reader::of(parts).locale, browsers: browsers.collect() }))
    }
}

/// Entries on a page of a list, unless the caller asks for another number.
const PAGE: usize = 50;
/// The most entries on a page.
const LONGEST_PAGE: usize = 200;

/// How many entries the page of a list has, by the `limit` that the caller asks for.
pub fn page_limit(asked: Option<usize>) -> Result<usize, Problem> {
    let limit = asked.unwrap_or(PAGE);
    let fits = (1..=LONGEST_PAGE).contains(&limit);
    if fits { Ok(limit) } else { Err(Problem::invalid("", "invalid", format!("limit must be 1 to {LONGEST_PAGE}"))) }
}

/// The most users or invitations that one call acts on.
const LONGEST_BATCH: usize = 100;

/// What one call acts on (S45): each once, in their order. `member` of the body names them.
pub fn batch<T: PartialEq>(member: &str, named: Vec<T>) -> Result<Vec<T>, Problem> {
    if named.is_empty() || named.len() > LONGEST_BATCH {
        return Err(Problem::invalid(format!("/{member}"), "invalid", format!("must name 1 to {LONGEST_BATCH} {member}")));
    }
    let mut distinct = Vec::with_capacity(named.len());
    for one in named {
        if !distinct.contains(&one) {
            distinct.push(one);
        }
    }
    Ok(distinct)
}

/// A version as an entity tag (RFC 9110 8.8.3).
pub fn entity_tag(version: u64) -> String {
    format!("\"{version}\"")
}

/// Refuses a change that was made from another version than this one (RFC 9110 13.1.1). No condition, no refusal.
pub fn check_version(parts: &Parts, version: u64) -> Result<(), Problem> {
    let Some(condition) = parts.headers.get(header::IF_MATCH) else { return Ok(()) };
    let condition = condition.to_str().unwrap_or_default();
    let matches = condition.trim() == "*" || condition.split(',').any(|tag| tag.trim() == entity_tag(version));
    if matches { Ok(()) } else { Err(Kind::Stale.into()) }
}

/// The one identifier in a path. One that is none of ours leads nowhere: 404.
#[derive(Debug, Clone, Copy)]
pub struct PathId<T>(pub T);

impl<S: Send + Sync, T: FromStr + Send> FromRequestParts<S> for PathId<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Path(text) = Path::<String>::from_request_parts(parts, state).await.map_err(|_| Problem::from(Kind::NotFound))?;
        text.parse().map(Self).map_err(|_| Kind::NotFound.into())
    }
}

/// Where the deployment is reached: the origins that its own pages have.
#[derive(Debug, Clone)]
pub struct Origins(Vec<String>);

impl Origins {
    /// Those that the deployment was configured with.
    pub fn new(deployment: &Deployment) -> Self {
        Self(deployment.public_urls())
    }

    /// The address under which a request should be answered with links: the configured one, else the one that API Gateway routed by.
    /// Never the `Host` header (S59).
    pub fn canonical(&self, parts: &Parts) -> String {
        self.0.first().cloned().unwrap_or_else(|| gateway_origin(parts))
    }

    /// The address of a portal's page (F5).
    pub fn portal_url(&self, parts: &Parts, portal: &Portal) -> Option<String> {
        portal.main_link().map(|link| format!("{}/p/{}", self.canonical(parts), link.suffix))
    }

    /// Whether a link leads to a page of ours (S59).
    pub fn own(&self, link: &str, parts: &Parts) -> bool {
        let Ok(uri) = link.parse::<http::Uri>() else { return false };
        let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else { return false };
        self.include(&format!("{scheme}://{authority}"), parts)
    }

    /// Whether a page with this origin is ours (S61).
    pub(crate) fn include(&self, origin: &str, parts: &Parts) -> bool {
        if self.0.is_empty() { origin == gateway_origin(parts) } else { self.0.iter().any(|own| own == origin) }
    }
}

fn gateway_origin(parts: &Parts) -> String {
    let name = gateway(parts).and_then(|context| context.domain_name.as_deref()).unwrap_or_default();
    format!("https://{name}")
}
