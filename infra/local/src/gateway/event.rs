//! The event that API Gateway makes of a request (payload format 2.0), and the request that `lambda_http` makes of it.

use std::net::IpAddr;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_TYPE, COOKIE, HOST, HeaderMap, HeaderName, HeaderValue, TRANSFER_ENCODING, USER_AGENT};
use http::request::Parts;
use jiff::Timestamp;
use lambda_http::aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use lambda_http::request::LambdaRequest;

use super::routes::Match;

/// The request as the function has it in Lambda: context and path parameters in the extensions.
pub(super) fn request(
    parts: &Parts,
    body: &Bytes,
    client: IpAddr,
    route: Match<'_>,
    request_id: &str,
    now: Timestamp,
) -> http::Request<lambda_http::Body> {
    let text = |name: HeaderName| parts.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let path = parts.uri.path().to_owned();

    let mut event = ApiGatewayV2httpRequest::default();
    event.version = Some("2.0".to_owned());
    event.route_key = Some(route.key.clone());
    event.raw_path = Some(path.clone());
    event.raw_query_string = Some(parts.uri.query().unwrap_or_default().to_owned());
    event.cookies = cookies(&parts.headers);
    event.headers = headers(&parts.headers, client);
    event.path_parameters = route.parameters;
    (event.body, event.is_base64_encoded) = encoded(body, &parts.headers);

    let host = text(HOST).filter(|host| !host.is_empty()).unwrap_or_else(|| "localhost".to_owned());
    let domain = host.rsplit_once(':').map_or(host.as_str(), |(name, _)| name);
    let context = &mut event.request_context;
    context.route_key = Some(route.key);
    context.account_id = Some("000000000000".to_owned());
    context.apiid = Some("local".to_owned());
    context.stage = Some("$default".to_owned());
    context.request_id = Some(request_id.to_owned());
    context.domain_name = Some(domain.to_owned());
    context.domain_prefix = domain.split('.').next().map(str::to_owned);
    context.time = Some(now.strftime("%d/%b/%Y:%H:%M:%S +0000").to_string());
    context.time_epoch = now.as_millisecond();
    context.http.method = parts.method.clone();
    context.http.path = Some(path);
    context.http.protocol = Some("HTTP/1.1".to_owned());
    context.http.source_ip = Some(client.to_string());
    context.http.user_agent = text(USER_AGENT);
    LambdaRequest::ApiGatewayV2(event).into()
}

/// Cookies of all headers, one by one; `lambda_http` joins them again.
fn cookies(headers: &HeaderMap) -> Option<Vec<String>> {
    let lines = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let cookies: Vec<_> = lines.flat_map(|line| line.split(';')).map(|cookie| cookie.trim().to_owned()).collect();
    (!cookies.is_empty()).then_some(cookies)
}

/// "Duplicate headers are combined with commas"; cookies have their own place.
pub(super) fn combined(headers: &HeaderMap) -> HeaderMap {
    let mut combined = HeaderMap::with_capacity(headers.keys_len());
    for name in headers.keys() {
        if [COOKIE, CONNECTION, TRANSFER_ENCODING].contains(name) {
            continue;
        }
        let values: Vec<_> = headers.get_all(name).iter().map(HeaderValue::as_bytes).collect();
        if let Ok(value) = HeaderValue::from_bytes(&values.join(&b","[..])) {
            combined.insert(name, value);
        }
    }
    combined
}

fn headers(given: &HeaderMap, client: IpAddr) -> HeaderMap {
    let mut headers = combined(given);
    let forwarded = HeaderName::from_static("x-forwarded-for");
    let chain = match headers.get(&forwarded).and_then(|chain| chain.to_str().ok()) {
        Some(chain) => format!("{chain}, {client}"),
        None => client.to_string(),
    };
    if let Ok(chain) = HeaderValue::from_str(&chain) {
        headers.insert(forwarded, chain);
    }
    headers.insert("x-forwarded-proto", HeaderValue::from_static("http"));
    headers
}

/// Text types go as they are, the rest in base64.
fn encoded(body: &Bytes, headers: &HeaderMap) -> (Option<String>, bool) {
    if body.is_empty() {
        return (None, false);
    }
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let is_text = ["text/", "application/json", "application/javascript", "application/xml"].iter().any(|text| kind.starts_with(text));
    match std::str::from_utf8(body) {
        Ok(text) if is_text => (Some(text.to_owned()), false),
        _ => (Some(BASE64_STANDARD.encode(body)), true),
    }
}
