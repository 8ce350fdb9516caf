//! Sessions (S22 to S28, S65) of people who are in.

use http::Method;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use serde_json::{Value, json};

use crate::stage::{Stage, phone};

/// Signs somebody in as a browser would: the cookie, with or without the tick.
async fn cookie(stage: &Stage, address: &str, remember: bool) -> String {
    let flow = stage.flow(address).await;
    let body = json!({ "flow": flow, "code": stage.code_of(address), "remember": remember });
    let answer = stage.post(&stage.path("sessions"), body).await;
    assert_eq!(answer.step(), "signedIn", "{answer:?}");
    assert!(answer.body.get("session").is_none(), "a page does not see the session");
    answer.headers["set-cookie"].to_str().unwrap().to_owned()
}

fn pair(cookie: &str) -> &str {
    cookie.split(';').next().unwrap()
}

async fn who(stage: &Stage, cookie: &str) -> u16 {
    stage.call(Method::GET, "/v1/session").header("cookie", &format!("other=1; {}", pair(cookie))).send().await.status.as_u16()
}

#[tokio::test]
async fn the_cookie_is_out_of_reach_of_scripts_and_other_hosts() {
    // S22
    let stage = Stage::open().await;
    stage.open_to_anyone().await;
    let with_tick = cookie(&stage, &phone(1), true).await;
    let attributes: Vec<_> = with_tick.split("; ").skip(1).collect();
    assert!(with_tick.starts_with("__Host-portico=pxs_"));
    assert_eq!(attributes[..4], ["Path=/", "Secure", "HttpOnly", "SameSite=Lax"]);
    let max_age: i64 = attributes[4].strip_prefix("Max-Age=").unwrap().parse().unwrap();
    assert!((7 * 86_400 - 5..=7 * 86_400).contains(&max_age));
    let without_tick = cookie(&stage, &phone(2), false).await;
    assert!(!without_tick.contains("Max-Age"), "it ends with the browser");
}

#[tokio::test]
async fn with_the_tick_seven_days_and_not_a_moment_more() {
    // F25, S24, R25
    let stage = Stage::open().await;
    stage.open_to_anyone().await;
    let cookie = cookie(&stage, &phone(1), true).await;
    for _ in 0..6 {
        stage.cloud.clock().advance(86_400);
        assert_eq!(who(&stage, &cookie).await, 200);
    }
    stage.cloud.clock().advance(86_400);
    assert_eq!(who(&stage, &cookie).await, 401);
    assert_eq!(stage.sessions(), 1, "refused though the item is still there");
}

#[tokio::test]
async fn without_the_tick_a_pause_of_two_hours_or_twelve_hours_in_all() {
    let stage = Stage::open().await;
    stage.open_to_anyone().await;
    let idle = cookie(&stage, &phone(1), false).await;
    let busy = cookie(&stage, &phone(2), false).await;
    for _ in 0..6 {
        stage.cloud.clock().advance(7_100);
        assert_eq!(who(&stage, &busy).await, 200);
    }
    assert_eq!(who(&stage, &idle).await, 401, "idle");
    stage.cloud.clock().advance(700);
    assert_eq!(who(&stage, &busy).await, 401, "twelve hours");
}

#[tokio::test]
async fn the_tick_is_ignored_where_it_is_not_offered_and_running_sessions_stay() {
    // F26
    let stage = Stage::open().await;
    stage.open_to_anyone().await;
    let before = cookie(&stage, &phone(1), true).await;
    stage.set(json!({ "signIn": { "accounts": { "phone": true, "email": true }, "sevenDays": false, "countries": ["CN"] } })).await;
    let after = cookie(&stage, &phone(2), true).await;
    assert!(!after.contains("Max-Age"));
    stage.cloud.clock().advance(86_400);
    assert_eq!((who(&stage, &before).await, who(&stage, &after).await), (200, 401));
}

#[tokio::test]
async fn a_disabled_user_is_out_on_the_next_request_and_told_why() {
    // F28, S26
    let stage = Stage::open().await;
    stage.open_to_anyone().await;
    let session = stage.signed_in(&phone(1)).await;
    let user = format!("/users/{}", stage.users("active").await[0]);
    let change = async |status: &str| stage.admin(Method::PATCH, &stage.admin_path(&user)).json(&json!({ "status": status })).send().await;
    assert_eq!(change("disabled").await.body["status"], "disabled");
    assert_eq!(stage.who_am_i(&session).await.refusal(), (401, "disabled"));
    stage.cloud.clock().advance(61);
    assert_eq!(stage.prove(&phone(1)).await.refusal(), (403, "disabled"));
    assert_eq!(stage.seats_used().await, 0);
    change("active").await;
    assert_eq!((stage.who_am_i(&session).await.status.as_u16(), stage.seats_used().await), (200, 1));
}

#[tokio::test]
async fn signing_out_ends_the_session_on_the_server() {
    // S28
    let stage = Stage::open().await;
    stage.open_to_anyone().await;
    let cookie = cookie(&stage, &phone(1), true).await;
    let out = stage.call(Method::DELETE, "/v1/session").header("cookie", pair(&cookie)).send().await;
    assert_eq!(out.status, 204);
    assert!(out.headers["set-cookie"].to_str().unwrap().contains("Max-Age=0"));
    assert!(out.headers["clear-site-data"].to_str().unwrap().contains("storage"));
    assert_eq!((who(&stage, &cookie).await, stage.sessions()), (401, 0));
    assert_eq!(stage.call(Method::DELETE, "/v1/session").send().await.status, 204, "who is signed out stays so");
}

#[tokio::test]
async fn signing_out_everywhere_ends_all_sessions_of_that_user() {
    // S27
    let stage = Stage::open().await;
    stage.open_to_anyone().await;
    let mut own = Vec::new();
    for _ in 0..3 {
        own.push(stage.signed_in(&phone(1)).await);
        stage.cloud.clock().advance(61);
    }
    let other = stage.signed_in(&phone(2)).await;
    assert_eq!(stage.call(Method::DELETE, "/v1/sessions").bearer(&own[0]).send().await.status, 204);
    for session in &own {
        assert_eq!(stage.who_am_i(session).await.status, 401);
    }
    assert_eq!(stage.who_am_i(&other).await.status, 200);
}

#[tokio::test]
async fn made_up_sessions_are_none() {
    let stage = Stage::open().await;
    stage.open_to_anyone().await;
    let session = stage.signed_in(&phone(1)).await;
    let mut changed = session.clone();
    changed.replace_range(80..84, if &session[80..84] == "AAAA" { "BBBB" } else { "AAAA" });
    for made_up in ["", "x", "pxs_", &changed, &session[..session.len() - 4], &stage.seeded.administrator.session] {
        assert_eq!(stage.who_am_i(made_up).await.refusal(), (401, "signed-out"), "{made_up}");
    }
    assert_eq!(stage.admin(Method::GET, "/v1/admin/portals").send().await.status, 200);
    assert_eq!(
        stage.call(Method::GET, "/v1/admin/portals").bearer(&session).send().await.refusal(),
        (401, "signed-out"),
        "no user is an administrator"
    );
}

#[tokio::test]
async fn other_sites_cannot_act_in_a_users_name() {
    // S61
    let stage = Stage::open().await;
    stage.open_to_anyone().await;
    let cookie = cookie(&stage, &phone(1), true).await;
    for origin in ["https://evil.example", "null", "http://127.0.0.1:1"] {
        let answer = stage.call(Method::DELETE, "/v1/session").header("cookie", pair(&cookie)).header("origin", origin).send().await;
        assert_eq!(answer.refusal(), (403, "foreign-origin"), "{origin}");
    }
    let own =
        stage.call(Method::POST, "/v1/session/token").header("cookie", pair(&cookie)).header("origin", stage.cloud.base_url()).send().await;
    assert_eq!(own.status, 200);
}

#[tokio::test]
async fn the_application_can_check_its_token() {
    // S65
    let stage = Stage::open().await;
    stage.open_to_anyone().await;
    let session = stage.signed_in(&phone(1)).await;
    let issue = async || stage.call(Method::POST, "/v1/session/token").bearer(&session).send().await.text("token");
    let token = issue().await;
    stage.cloud.rotate_secret().unwrap();
    let keys = stage.get("/.well-known/jwks.json").await.body;
    let check = |token: &str, audience: &str| {
        let kid = jsonwebtoken::decode_header(token).unwrap().kid.unwrap();
        let key = keys["keys"].as_array().unwrap().iter().find(|key| key["kid"] == kid.as_str()).unwrap();
        let key = DecodingKey::from_ec_components(key["x"].as_str().unwrap(), key["y"].as_str().unwrap()).unwrap();
        let mut validation = Validation::new(Algorithm::ES256);
        validation.set_audience(&[audience]);
        validation.set_required_spec_claims(&["exp", "nbf", "aud", "sub", "iss"]);
        decode::<Value>(token, &key, &validation)
    };
    let checked = check(&token, &stage.seeded.portal).unwrap();
    let me = stage.who_am_i(&session).await.body;
    assert_eq!((&checked.claims["sub"], &checked.claims["role"]), (&me["user"]["id"], &me["user"]["role"]));
    assert_eq!(checked.claims["exp"].as_i64().unwrap() - checked.claims["iat"].as_i64().unwrap(), 600);
    assert_eq!(checked.header.typ.as_deref(), Some("at+jwt"));
    assert!(check(&token, "another portal").is_err());
    assert_eq!(stage.who_am_i(&token).await.status, 401, "a token is no session");
}
