use std::collections::BTreeMap;

use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};

use super::{Cloud, Options};
use crate::messages::Channel;
use crate::sdk;

/// A call of the gateway over its real port: status and JSON.
async fn call(cloud: &Cloud, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
    let body = body.map(|body| body.to_string()).unwrap_or_default();
    let request = http::Request::builder().method(method).uri(format!("{}{path}", cloud.base_url()));
    let request = request.header("content-type", "application/json");
    let request = request.body(Full::new(bytes::Bytes::from(body))).unwrap();
    let response = Client::builder(TokioExecutor::new()).build_http().request(request).await.unwrap();
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&body).unwrap_or_default())
}

#[tokio::test]
async fn clouds_live_side_by_side() {
    let (one, other) = (Cloud::start(Options::default()).await.unwrap(), Cloud::start(Options::default()).await.unwrap());
    assert_ne!(one.base_url(), other.base_url());
    assert_eq!(call(&one, "GET", "/_local/health", None).await, (200, json!({"status": "ok"})));

    let clock = call(&one, "POST", "/_local/clock", Some(json!({"advanceSeconds": 86_400}))).await;
    assert_eq!(clock.0, 200);
    assert_eq!(one.clock().ahead_seconds(), 86_400);
    assert_eq!(other.clock().ahead_seconds(), 0);

    let environment = one.environment_of("send-code");
    let sns = sdk::sns(&environment["AWS_ENDPOINT_URL_SNS"]);
    sns.publish().phone_number("+8613800138000").message("123456").send().await.unwrap();
    assert_eq!(one.messages().last("+8613800138000").unwrap().channel, Channel::Sms);
    let (status, messages) = call(&one, "GET", "/_local/messages?to=+8613800138000", None).await;
    assert_eq!((status, messages[0]["text"].as_str()), (200, Some("123456")));
    assert_eq!(call(&other, "GET", "/_local/messages", None).await, (200, json!([])));
}

#[tokio::test]
async fn control_routes_refuse_what_they_do_not_know() {
    let cloud = Cloud::start(Options::default()).await.unwrap();
    assert_eq!(call(&cloud, "POST", "/_local/clock", Some(json!({"advance": 1}))).await.0, 400);
    assert_eq!(call(&cloud, "POST", "/_local/senders", Some(json!({"fail": "wechat"}))).await.0, 400);
    assert_eq!(call(&cloud, "POST", "/_local/senders", Some(json!({"fail": "sns"}))).await, (200, json!({"fail": "sns"})));
    assert_eq!(call(&cloud, "POST", "/_local/senders", Some(json!({"fail": "gateway"}))).await, (200, json!({"fail": "gateway"})));
    assert_eq!(call(&cloud, "POST", "/_local/senders", Some(json!({"fail": null}))).await, (200, json!({"fail": null})));
    assert_eq!(call(&cloud, "POST", "/_local/schedules/nothing", None).await.0, 404);
}

#[tokio::test]
async fn functions_get_what_lambda_would_give_them() {
    let given = [("CAP_CLIENT_MINUTELY", "9"), ("HOME", "/nowhere"), ("AWS_ENDPOINT_URL_SNS", "http://elsewhere.test")];
    let environment = given.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let cloud = Cloud::start(Options { environment, ..Options::default() }).await.unwrap();
    let environment = cloud.environment_of("send-code");
    assert_eq!(environment["CAP_CLIENT_MINUTELY"], "9");
    assert_eq!(environment["AWS_ENDPOINT_URL_SNS"], "http://elsewhere.test");
    assert_eq!(environment["AWS_ENDPOINT_URL_DYNAMODB"], cloud.meter().endpoint());
    assert!(environment["PUBLIC_URL"].starts_with(cloud.base_url()));
    assert!(!environment.contains_key("HOME"));
    let tables: Vec<_> = cloud.template().tables.iter().map(|table| table.name.as_str()).collect();
    for (name, table) in environment.iter().filter(|(name, _)| name.ends_with("_TABLE")) {
        assert!(tables.contains(&table.as_str()), "{name}");
        assert!(cloud.database().items(table).unwrap().is_empty());
    }
}

#[tokio::test]
async fn data_outlive_the_process() {
    let folder = tempfile::tempdir().unwrap();
    let options = || Options { data_dir: Some(folder.path().to_path_buf()), ..Options::default() };
    let arn = |environment: &BTreeMap<String, String>| environment["SECRET_ARN"].clone();

    let cloud = Cloud::start(options()).await.unwrap();
    let environment = cloud.environment_of("send-code");
    let secrets = sdk::secrets(&environment["AWS_ENDPOINT_URL_SECRETS_MANAGER"]);
    let secret = secrets.get_secret_value().secret_id(arn(&environment)).send().await.unwrap();
    let sns = sdk::sns(&environment["AWS_ENDPOINT_URL_SNS"]);
    sns.publish().phone_number("+8613800138000").message("kept").send().await.unwrap();
    let text = |text: &str| aws_sdk_dynamodb::types::AttributeValue::S(text.to_owned());
    let put = sdk::dynamodb(&environment["AWS_ENDPOINT_URL_DYNAMODB"]).put_item().table_name(&environment["USERS_TABLE"]);
    put.item("pk", text("p")).item("sk", text("s")).send().await.unwrap();
    cloud.stop().await;

    let cloud = Cloud::start(options()).await.unwrap();
    let environment = cloud.environment_of("send-code");
    let secrets = sdk::secrets(&environment["AWS_ENDPOINT_URL_SECRETS_MANAGER"]);
    let again = secrets.get_secret_value().secret_id(arn(&environment)).send().await.unwrap();
    assert_eq!(again.secret_string(), secret.secret_string());
    assert_eq!(cloud.messages().last("+8613800138000").unwrap().text, "kept");
    assert_eq!(cloud.database().items(&environment["USERS_TABLE"]).unwrap(), [json!({"pk": "p", "sk": "s"})]);
}

#[tokio::test]
async fn a_port_in_use_is_said_clearly() {
    let first = Cloud::start(Options::default()).await.unwrap();
    let port = first.base_url().rsplit(':').next().and_then(|port| port.parse().ok());
    let error = Cloud::start(Options { port, ..Options::default() }).await.err().unwrap();
    assert!(error.to_string().contains("choose another port with PORT="), "{error}");
}

#[tokio::test]
async fn objects_need_a_signature_and_allow_pages() {
    let cloud = Cloud::start(Options::default()).await.unwrap();
    let endpoint = cloud.environment_of("portals")["AWS_ENDPOINT_URL_S3"].clone();
    let bucket = &cloud.template().buckets[0].name;
    let request = |method: &str| http::Request::builder().method(method).uri(format!("{endpoint}/{bucket}/x"));
    let client = Client::builder(TokioExecutor::new()).build_http::<Full<bytes::Bytes>>();
    let unsigned = client.request(request("GET").body(Full::default()).unwrap()).await.unwrap();
    assert_eq!(unsigned.status().as_u16(), 403);
    let preflight = client.request(request("OPTIONS").body(Full::default()).unwrap()).await.unwrap();
    assert_eq!(preflight.status().as_u16(), 204);
    assert_eq!(preflight.headers()["access-control-allow-origin"], "*");
}

#[tokio::test]
async fn a_function_may_do_only_what_the_template_allows() {
    let cloud = Cloud::start(Options::default()).await.unwrap();
    let environment = cloud.environment_of("portal-page");
    let client = sdk::dynamodb(&environment["AWS_ENDPOINT_URL_DYNAMODB"]);
    let signed_by = |caller: &str| {
        let keys = aws_credential_types::Credentials::from_keys(caller, "local", None);
        aws_sdk_dynamodb::Config::builder().credentials_provider(keys)
    };
    let text = |text: &str| aws_sdk_dynamodb::types::AttributeValue::S(text.to_owned());
    let put = client.put_item().table_name(&environment["PORTALS_TABLE"]).item("pk", text("p")).item("sk", text("s"));
    let error = put.clone().customize().config_override(signed_by("portal-page")).send().await.unwrap_err();
    assert_eq!(aws_sdk_dynamodb::error::ProvideErrorMetadata::code(&error), Some("AccessDeniedException"));
    put.customize().config_override(signed_by("portals")).send().await.unwrap();
    let calls = cloud.meter().calls();
    assert_eq!(calls.iter().map(|call| call.caller.as_str()).collect::<Vec<_>>(), ["portal-page", "portals"]);
}

#[tokio::test]
async fn the_demo_is_made_once_and_always_has_a_fresh_session() {
    let cloud = Cloud::start(Options::default()).await.unwrap();
    let (status, first) = call(&cloud, "GET", "/_local/demo", None).await;
    assert_eq!(status, 200, "{first}");
    let (_, again) = call(&cloud, "GET", "/_local/demo", None).await;
    assert_eq!(first["portal"], again["portal"]);
    assert_ne!(first["administrator"], again["administrator"]);
    assert_eq!(first["link"], format!("{}/p/customer-service", cloud.base_url()));
    let (status, other) = call(&cloud, "POST", "/_local/organisations", None).await;
    assert_eq!(status, 201, "{other}");
    assert_ne!(other["organisation"], first["organisation"]);
    let (_, chosen) = call(&cloud, "POST", "/_local/organisations", Some(json!({"name": "Two", "suffix": "second"}))).await;
    assert_eq!(chosen["suffix"], "second");
}

#[tokio::test]
async fn a_code_is_sent_to_the_inbox() {
    let cloud = Cloud::start(Options::default()).await.unwrap();
    let portal = cloud.demo().await.unwrap().portal;
    cloud.meter().reset();
    let wish = json!({"address": "138 0013 8000", "purpose": "sign-in"});
    let (status, answer) = call(&cloud, "POST", &format!("/v1/portals/{portal}/codes"), Some(wish)).await;
    assert_eq!(status, 202, "{answer}");
    let code = cloud.messages().last("+8613800138000").unwrap().code().unwrap().to_owned();
    let wish = json!({"flow": answer["flow"], "code": code});
    let (status, answer) = call(&cloud, "POST", &format!("/v1/portals/{portal}/sessions"), Some(wish)).await;
    assert_eq!((status, answer["step"].as_str()), (200, Some("collect")), "{answer}");
}

#[tokio::test]
async fn the_demo_organisation_has_a_service_account_at_the_stand_in() {
    let cloud = Cloud::start(Options::default()).await.unwrap();
    for _ in 0..2 {
        let demo = cloud.demo().await.unwrap();
        let (status, state) = call(&cloud, "GET", "/_local/wechat/state", None).await;
        assert_eq!((status, state["accounts"][0]["app"].as_str()), (200, Some("wxdemo000000000000")));
        let (status, other) = call(&cloud, "GET", "/_local/wechat/accounts/wxdemo000000000000", None).await;
        assert_eq!((status, other["address"]["mode"].as_str()), (200, Some("safe")));
        assert_eq!(demo.suffix, "customer-service");
    }
    assert_eq!(cloud.wechat().calls("cgi-bin/stable_token"), 1, "bound once");
}

#[tokio::test]
async fn another_wechat_takes_the_place_of_the_stand_in() {
    let environment = [("WECHAT_API_URL".to_owned(), "http://127.0.0.1:1".to_owned())].into();
    let cloud = Cloud::start(Options { environment, ..Options::default() }).await.unwrap();
    let environment = cloud.environment_of("wechat-account");
    assert_eq!(environment["WECHAT_API_URL"], "http://127.0.0.1:1");
    assert_eq!(environment["WECHAT_OPEN_URL"], format!("{}/_local/wechat", cloud.base_url()));
    // It does not know the demo account: the demo is made without one.
    assert!(cloud.demo().await.is_ok());
}
