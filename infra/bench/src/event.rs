//! Events as API Gateway makes them of requests (HTTP API, payload format 2.0).

use portico_runtime::Clock;
use serde_json::{Value, json};

use crate::world::ORIGIN;

/// What a browser sends.
const USER_AGENT: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1";

/// A request.
pub(crate) struct Request<'a> {
    pub(crate) method: &'a str,
    /// As the template has it, with parameters in braces.
    pub(crate) route: &'a str,
    pub(crate) path: &'a str,
    pub(crate) query: &'a str,
    /// Who asks.
    pub(crate) credentials: Credentials<'a>,
    pub(crate) body: Option<Value>,
}

/// What proves who asks.
pub(crate) enum Credentials<'a> {
    Nobody,
    /// An external user's cookie.
    Cookie(&'a str),
    /// An administrator's token.
    Bearer(&'a str),
}

impl Request<'_> {
    /// The event.
    pub(crate) fn event(&self) -> Value {
        let now = Clock::system().now();
        let name = ORIGIN.trim_start_matches("https://");
        let mut headers = json!({
            "accept": if self.path.starts_with("/p/") { "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8" } else { "*/*" },
            "accept-encoding": "gzip, deflate, br",
            "accept-language": "en-GB,en;q=0.9",
            "content-length": self.body.as_ref().map_or(0, |body| body.to_string().len()).to_string(),
            "host": name,
            "user-agent": USER_AGENT,
            "sec-fetch-dest": "empty",
            "sec-fetch-mode": "cors",
            "sec-fetch-site": "same-origin",
            "x-amzn-trace-id": "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700",
            "x-forwarded-for": "192.0.2.17",
            "x-forwarded-port": "443",
            "x-forwarded-proto": "https",
        });
        if self.method != "GET" {
            headers["origin"] = ORIGIN.into();
            headers["content-type"] = "application/json".into();
        }
        let mut event = json!({
            "version": "2.0",
            "routeKey": format!("ANY {}", self.route),
            "rawPath": self.path,
            "rawQueryString": self.query,
            "pathParameters": parameters(self.route, self.path),
            "requestContext": {
                "accountId": "123456789012",
                "apiId": "a1b2c3d4e5",
                "domainName": name,
                "domainPrefix": "portal",
                "http": {"method": self.method, "path": self.path, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.17", "userAgent": USER_AGENT},
                "requestId": "JKJaXmPLvHcESHA=",
                "routeKey": format!("ANY {}", self.route),
                "stage": "$default",
                "time": now.strftime("%d/%b/%Y:%H:%M:%S +0000").to_string(),
                "timeEpoch": now.as_millisecond(),
            },
            "isBase64Encoded": false,
        });
        match self.credentials {
            Credentials::Nobody => {}
            Credentials::Cookie(session) => event["cookies"] = json!([format!("__Host-portico={session}")]),
            Credentials::Bearer(token) => headers["authorization"] = format!("Bearer {token}").into(),
        }
        event["headers"] = headers;
        if let Some(body) = &self.body {
            event["body"] = body.to_string().into();
        }
        event
    }
}

/// What stands in the path where the route has braces.
fn parameters(route: &str, path: &str) -> Value {
    let pairs = route.split('/').zip(path.split('/'));
    let named = pairs.filter_map(|(part, value)| Some((part.strip_prefix('{')?.strip_suffix('}')?, value)));
    named.map(|(name, value)| (name.to_owned(), Value::from(value))).collect::<serde_json::Map<_, _>>().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_has_what_functions_read() {
        let request = Request {
            method: "POST",
            route: "/v1/portals/{portal}/codes",
            path: "/v1/portals/p1/codes",
            query: "",
            credentials: Credentials::Cookie("s1"),
            body: Some(json!({"address": "1"})),
        };
        let event = request.event();
        assert_eq!(event["pathParameters"], json!({"portal": "p1"}));
        assert_eq!(event["cookies"], json!(["__Host-portico=s1"]));
        assert_eq!(event["body"], r#"{"address":"1"}"#);
        assert_eq!(event["requestContext"]["http"]["sourceIp"], "192.0.2.17");
        assert_eq!(event["headers"]["origin"], ORIGIN);
    }
}
