//! Whatever is sent: a problem with the right status, never a 500, nothing written.

use http::Method;
use proptest::{prelude::*, test_runner::TestRunner};
use serde_json::{Value, json};

use crate::stage::{Answer, Stage, phone};

/// The routes with a body, with a body that they would take.
async fn routes(stage: &Stage) -> Vec<(Method, String, Option<String>, Value)> {
    let admin = Some(stage.seeded.administrator.session.clone());
    let flow = stage.flow(&phone(9_000)).await;
    let ticket = stage.prove(&phone(9_001)).await.text("ticket");
    let user = stage.users("inactive").await[0].clone();
    vec![
        (Method::POST, stage.path("codes"), None, json!({ "address": phone(9_002), "purpose": "sign-in" })),
        (Method::POST, stage.path("sessions"), None, json!({ "flow": flow, "code": "000000" })),
        (Method::POST, stage.path("registration"), None, json!({ "ticket": ticket, "fields": {} })),
        (Method::POST, stage.path("registration/status"), None, json!({ "ticket": ticket })),
        (Method::POST, stage.admin_path("/approvals"), admin.clone(), json!({ "users": [user], "decision": "approve" })),
        (Method::PATCH, stage.admin_path(""), admin.clone(), json!({ "name": "x" })),
        (Method::POST, stage.admin_path("/links"), admin.clone(), json!({ "suffix": "some-suffix" })),
        (Method::PATCH, stage.admin_path(&format!("/users/{user}")), admin.clone(), json!({ "status": "disabled" })),
        (Method::POST, stage.admin_path("/admission"), admin.clone(), json!({ "address": phone(9_004) })),
        (Method::PUT, stage.admin_path("/whitelist/rows"), admin.clone(), json!({ "rows": [[phone(9_005)]] })),
        (Method::POST, stage.path("invitation"), None, json!({ "token": "x" })),
        (Method::POST, stage.admin_path("/invitations"), admin.clone(), json!({ "address": phone(9_003) })),
        (
            Method::POST,
            stage.admin_path("/invitations/actions"),
            admin.clone(),
            json!({ "invitations": [stage.seeded.portal], "action": "cancel" }),
        ),
        (Method::PATCH, "/v1/admin/organisation".into(), admin.clone(), json!({ "packs": 1 })),
        (Method::POST, "/v1/admin/portals".into(), admin, json!({ "application": "x" })),
    ]
}

fn call(stage: &Stage, method: &Method, path: &str, session: Option<&str>) -> crate::stage::Call {
    let call = stage.call(method.clone(), path);
    match session {
        Some(session) => call.bearer(session),
        None => call,
    }
}

fn check(answer: &Answer, status: u16, problem: &str) {
    assert_eq!(answer.refusal(), (status, problem), "{answer:?}");
    assert_eq!(answer.headers["content-type"], "application/problem+json");
    assert!(answer.body["title"].is_string() && answer.body["requestId"].as_str().is_some_and(|id| !id.is_empty()));
}

#[tokio::test]
async fn bad_bodies_are_refused_everywhere_and_change_nothing() {
    let stage = Stage::open().await;
    let routes = routes(&stage).await;
    let before = stage.everything();
    for (method, path, session, good) in &routes {
        let send =
            async |content_type: &str, body: Vec<u8>| call(&stage, method, path, session.as_deref()).body(content_type, body).send().await;
        let good_text = good.to_string();
        for malformed in ["", "{", "nul", "{\"a\":1,}", &good_text[..good_text.len() - 1], &format!("{good_text}{good_text}")] {
            check(&send("application/json", malformed.into()).await, 400, "malformed");
        }
        check(&send("application/json; charset=utf-8", b"{\"address\":\"\xff\xfe\"}".to_vec()).await, 400, "malformed");
        for wrong_shape in ["[]", "null", "\"x\"", "7", "{}"] {
            // A change that changes nothing is none to refuse.
            if wrong_shape != "{}" || !(path.ends_with(&stage.seeded.portal)) {
                check(&send("application/json", wrong_shape.into()).await, 422, "invalid");
            }
        }
        let mut unknown = good.clone();
        for field in ["role", "status", "portal", "verified", "openid"] {
            // S47
            unknown[field] = json!("active");
        }
        check(&send("application/json", unknown.to_string().into()).await, 422, "invalid");
        for (name, value) in good.as_object().unwrap() {
            let mut wrong_type = good.clone();
            wrong_type[name] = if value.is_object() { json!(1) } else { json!({ "$ne": 1 }) };
            check(&send("application/json", wrong_type.to_string().into()).await, 422, "invalid");
        }
        let padded = format!("{}{}", " ".repeat(1024 * 1024), good_text);
        check(&send("application/json", padded.into()).await, 413, "too-large");
        for content_type in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"] {
            check(&send(content_type, good_text.clone().into()).await, 415, "unsupported-media-type");
        }
    }
    assert_eq!(before, without_counts(&stage), "nothing was written");
}

/// Refused requests are counted by client only after their body was read; none of the above got that far.
fn without_counts(stage: &Stage) -> String {
    stage.everything()
}

#[tokio::test]
async fn wrong_methods_and_unknown_paths_are_problems() {
    let stage = Stage::open().await;
    for (method, path, session, _) in routes(&stage).await {
        let wrong = if path.ends_with("/whitelist/rows") { Method::PATCH } else { Method::PUT };
        let answer = call(&stage, &wrong, &path, session.as_deref()).json(&json!({})).send().await;
        check(&answer, 405, "method-not-allowed");
        assert!(answer.headers["allow"].to_str().unwrap().contains(method.as_str()));
    }
    for path in ["/", "/v1", "/v2/session", "/v1/portals", "/p", "/p/", "/v1/admin", "/.env", "/v1/portals/x/codes/y", "//v1/session"] {
        check(&stage.get(path).await, 404, "not-found");
    }
    for portal in ["x", "01KAMQ3ZB7W0GJ5Q4S9T2X8Y6V", "%2e%2e", "ZZZZZZZZZZZZZZZZZZZZZZZZZZ"] {
        let answer = stage.post(&format!("/v1/portals/{portal}/codes"), json!({ "address": phone(1), "purpose": "sign-in" })).await;
        check(&answer, 404, "not-found");
    }
}

#[tokio::test]
async fn problems_speak_the_readers_language() {
    let stage = Stage::open().await;
    let title =
        async |language: &str| stage.call(Method::GET, "/v1/session").header("accept-language", language).send().await.text("title");
    assert_eq!(title("zh-CN,zh;q=0.9").await, "您尚未登录或登录已失效");
    assert_eq!(title("fr").await, "You are not signed in");
}

#[test]
fn no_value_in_a_known_shape_makes_a_server_fault() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let stage = runtime.block_on(Stage::for_crowds());
    let mut runner = TestRunner::new(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() });
    let texts = ("\\PC{0,80}", "\\PC{0,60}", any::<bool>());
    runner
        .run(&texts, |(first, second, remember)| {
            let answers = runtime.block_on(async {
                [
                    stage.post(&stage.path("codes"), json!({ "address": first, "purpose": "sign-in", "link": second })).await,
                    stage.post(&stage.path("sessions"), json!({ "flow": first, "code": second, "remember": remember })).await,
                    stage.post(&stage.path("registration"), json!({ "ticket": first, "fields": { second.as_str(): first } })).await,
                    stage.post(&stage.path("registration/status"), json!({ "ticket": second })).await,
                ]
            });
            for answer in answers {
                prop_assert!((400..500).contains(&answer.status.as_u16()) || answer.status == 202, "{answer:?}");
            }
            Ok(())
        })
        .unwrap();
}
