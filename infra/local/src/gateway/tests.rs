use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{HeaderMap, Request, StatusCode};
use axum::response::{AppendHeaders, IntoResponse};
use axum::routing::{get, post};
use axum::{Extension, Router};
use http_body_util::BodyExt;
use jiff::Timestamp;
use lambda_http::request::RequestContext;
use serde_json::{Value, json};
use tower::ServiceExt;

use super::Gateway;
use crate::template::Template;

const TEMPLATE: &str = "
Resources:
  CodesFunction:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: target/lambda/codes/
      Events:
        A: {Type: HttpApi, Properties: {Path: '/v1/{portal}/codes', Method: ANY}}
        B: {Type: HttpApi, Properties: {Path: /panic, Method: ANY}}
        C: {Type: HttpApi, Properties: {Path: /slow, Method: ANY}}
        D: {Type: HttpApi, Properties: {Path: /big, Method: ANY}}
  UnknownFunction:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: target/lambda/unknown/
      Events:
        A: {Type: HttpApi}
";

/// What a function sees of its request.
async fn seen(Extension(context): Extension<RequestContext>, headers: HeaderMap, body: String) -> impl IntoResponse {
    let RequestContext::ApiGatewayV2(context) = context else { panic!() };
    let header = |name: &str| headers.get(name).map(|value| value.to_str().unwrap().to_owned());
    let seen = json!({
        "client": context.http.source_ip, "domain": context.domain_name, "key": context.route_key, "path": context.http.path,
        "method": context.http.method.as_str(), "time": context.time, "cookie": header("cookie"), "accept": header("accept"),
        "forwarded": header("x-forwarded-for"), "body": body,
    });
    (AppendHeaders([("set-cookie", "a=1"), ("set-cookie", "b=2")]), seen.to_string())
}

async fn broken() -> StatusCode {
    panic!("a bug")
}

fn gateway() -> Router {
    let codes = Router::new()
        .route("/v1/{portal}/codes", post(seen))
        .route("/panic", get(broken))
        .route("/slow", get(|| tokio::time::sleep(Duration::from_secs(60))))
        .route("/big", get(|| async { "x".repeat(7 * 1024 * 1024) }));
    let unknown = Router::new().fallback(|| async { (StatusCode::NOT_FOUND, "mine") });
    let functions = HashMap::from([("codes".to_owned(), codes), ("unknown".to_owned(), unknown)]);
    let template = Template::read(TEMPLATE, &BTreeMap::new()).unwrap();
    let now = Arc::new(|| Timestamp::from_second(1_800_000_000).unwrap());
    Gateway::new(&template, functions, now).into_router()
}

async fn call(request: Request<Body>) -> (StatusCode, HeaderMap, String) {
    let mut request = request;
    request.extensions_mut().insert(ConnectInfo(SocketAddr::from(([127, 0, 0, 9], 5))));
    let response = gateway().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    (parts.status, parts.headers, String::from_utf8(body.to_vec()).unwrap())
}

fn message(text: &str) -> String {
    format!("{{\"message\":\"{text}\"}}")
}

#[tokio::test]
async fn functions_see_what_api_gateway_tells() {
    let request = Request::post("/v1/p%201/codes?x=1")
        .header("host", "portal.test:8787")
        .header("cookie", "a=1; b=2")
        .header("cookie", "c=3")
        .header("accept", "text/html")
        .header("accept", "application/json")
        .header("content-type", "application/json")
        .body(Body::from("{}"))
        .unwrap();
    let (status, headers, body) = call(request).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(
        serde_json::from_str::<Value>(&body).unwrap(),
        json!({
            "client": "127.0.0.9", "domain": "portal.test", "key": "ANY /v1/{portal}/codes", "path": "/v1/p%201/codes",
            "method": "POST", "time": "15/Jan/2027:08:00:00 +0000", "cookie": "a=1; b=2; c=3", "accept": "text/html,application/json",
            "forwarded": "127.0.0.9", "body": "{}",
        })
    );
    let cookies: Vec<_> = headers.get_all("set-cookie").iter().map(|cookie| cookie.to_str().unwrap()).collect();
    assert_eq!(cookies, ["a=1", "b=2"]);
    assert_eq!(headers["apigw-requestid"].len(), 16);
}

#[tokio::test]
async fn binary_bodies_arrive_unchanged() {
    let request = Request::post("/v1/p/codes").header("content-type", "image/png").body(Body::from("äö")).unwrap();
    let (_, _, body) = call(request).await;
    assert_eq!(serde_json::from_str::<Value>(&body).unwrap()["body"], "äö");
}

#[tokio::test]
async fn functions_answer_wrong_methods_and_unknown_paths_themselves() {
    assert_eq!(call(Request::get("/v1/p/codes").body(Body::empty()).unwrap()).await.0, StatusCode::METHOD_NOT_ALLOWED);
    let (status, _, body) = call(Request::get("/nowhere").body(Body::empty()).unwrap()).await;
    assert_eq!((status, body.as_str()), (StatusCode::NOT_FOUND, "mine"));
}

#[tokio::test]
async fn the_gateways_limits_hold() {
    let long = Request::post("/v1/p/codes").body(Body::from(vec![b'x'; 6 * 1024 * 1024 + 1])).unwrap();
    let (status, _, body) = call(long).await;
    assert_eq!((status, body), (StatusCode::PAYLOAD_TOO_LARGE, message("Request Entity Too Large")));
    let wide = Request::get("/v1/p/codes").header("x-wide", "x".repeat(11_000)).body(Body::empty()).unwrap();
    assert_eq!(call(wide).await.0, StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
    let strange = Request::get("/v1/p/codes").header("host", "a b").body(Body::empty()).unwrap();
    assert_eq!(call(strange).await.0, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_panic_and_an_overlong_answer_are_the_functions_failure() {
    for path in ["/panic", "/big"] {
        let (status, _, body) = call(Request::get(path).body(Body::empty()).unwrap()).await;
        assert_eq!((status, body), (StatusCode::INTERNAL_SERVER_ERROR, message("Internal Server Error")));
    }
}

#[tokio::test(start_paused = true)]
async fn a_function_that_takes_too_long_is_unavailable() {
    let (status, _, body) = call(Request::get("/slow").body(Body::empty()).unwrap()).await;
    assert_eq!((status, body), (StatusCode::SERVICE_UNAVAILABLE, message("Service Unavailable")));
}
