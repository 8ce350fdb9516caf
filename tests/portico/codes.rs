//! Verification codes (S1 to S12) and their caps (S9).

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use http::Method;
use serde_json::json;

use crate::stage::{Stage, phone};

const PHONE: &str = "+8613800138000";

fn wrong(code: &str) -> String {
    format!("{:06}", (code.parse::<u32>().unwrap() + 1) % 1_000_000)
}

#[tokio::test]
async fn a_wrong_code_counts_down_and_the_sixth_guess_is_not_compared() {
    // S5
    let stage = Stage::open().await;
    let flow = stage.flow(PHONE).await;
    let code = stage.code_of(PHONE);
    for left in (0..5).rev() {
        let answer = stage.verify(&flow, &wrong(&code)).await;
        assert_eq!((answer.refusal(), answer.body["attemptsLeft"].as_i64()), ((422, "code-wrong"), Some(left)));
    }
    assert_eq!(stage.verify(&flow, &code).await.refusal(), (422, "code-expired"), "the right code comes too late");
    assert_eq!(stage.sessions(), 0);
}

#[tokio::test]
async fn a_code_lives_five_minutes_whatever_the_clean_up_does() {
    // S3, R25
    let stage = Stage::open().await;
    let flow = stage.flow(PHONE).await;
    stage.cloud.clock().advance(300);
    assert_eq!(stage.verify(&flow, &stage.code_of(PHONE)).await.refusal(), (422, "code-expired"));
    let flow = stage.flow(PHONE).await;
    stage.cloud.clock().advance(298);
    assert_eq!(stage.verify(&flow, &stage.code_of(PHONE)).await.step(), "collect");
}

#[tokio::test]
async fn a_code_is_used_once() {
    // S6
    let stage = Stage::open().await;
    let flow = stage.flow(PHONE).await;
    let code = stage.code_of(PHONE);
    assert_eq!(stage.verify(&flow, &code).await.step(), "collect");
    assert_eq!(stage.verify(&flow, &code).await.refusal(), (422, "code-expired"));
}

#[tokio::test]
async fn a_resend_kills_the_old_code_and_keeps_the_failures() {
    // S7
    let stage = Stage::open().await;
    let old_flow = stage.flow(PHONE).await;
    let old_code = stage.code_of(PHONE);
    stage.verify(&old_flow, &wrong(&old_code)).await;
    stage.cloud.clock().advance(61);
    let flow = stage.flow(PHONE).await;
    assert_eq!(stage.verify(&old_flow, &old_code).await.refusal(), (422, "code-expired"));
    assert_eq!(stage.rows("CodesTable", |row| row["failures"] == 1), 1, "a new code does not forgive");
    assert_eq!(stage.verify(&flow, &stage.code_of(PHONE)).await.step(), "collect");
    assert_eq!(stage.rows("CodesTable", |row| row["failures"] == 0), 1, "the right code does");
}

#[tokio::test]
async fn a_code_is_bound_to_its_portal_and_its_flow() {
    // S2, S42
    let stage = Stage::open().await;
    let flow = stage.flow(PHONE).await;
    let code = stage.code_of(PHONE);
    let other = stage.at_neighbours().await;
    assert_eq!(other.verify(&flow, &code).await.refusal(), (422, "code-expired"), "another portal");
    let other_flow = other.flow(PHONE).await;
    let other_code = other.code_of(PHONE);
    assert_eq!(other.verify(&flow, &other_code).await.refusal(), (422, "code-expired"), "another flow");
    let mut crossed = other_flow.clone();
    crossed.replace_range(..8, &flow[..8]);
    assert_eq!(other.verify(&crossed, &other_code).await.refusal(), (422, "code-expired"), "half of another flow");
    let (sealed, version) = other_flow.split_once('.').unwrap();
    for foreign in [String::new(), ".".into(), sealed.into(), format!("{sealed}.v0"), format!(".{version}"), "a.".repeat(400)] {
        assert_eq!(other.verify(&foreign, &other_code).await.refusal(), (422, "code-expired"), "{foreign}");
    }
    assert_eq!(other.verify(&other_flow, &other_code).await.step(), "collect", "none of that was a guess");
}

#[tokio::test]
async fn the_tables_do_not_know_to_whom_a_code_went() {
    // S10, S69: who never comes back leaves no address behind.
    let stage = Stage::open().await;
    let (mailbox, flows) = ("li.na@example.com", [stage.flow(PHONE).await, stage.flow("li.na@example.com").await]);
    let everything = stage.everything();
    assert!(!everything.contains(PHONE) && !everything.contains(mailbox), "{everything}");
    let bytes = flows.map(|flow| URL_SAFE_NO_PAD.decode(flow.split_once('.').unwrap().0).unwrap());
    assert!(!bytes.iter().any(|bytes| String::from_utf8_lossy(bytes).contains("13800138000")), "nor does what their browsers carry tell");
}

#[tokio::test]
async fn a_right_code_is_compared_counted_and_used_up_by_one_write() {
    // S5, S6: nothing lies between the comparison and its consequence.
    let stage = Stage::open().await;
    let flow = stage.flow(PHONE).await;
    let code = stage.code_of(PHONE);
    for guess in [wrong(&code), code] {
        stage.cloud.meter().reset();
        stage.verify(&flow, &guess).await;
        let updates = stage.cloud.meter().calls().into_iter().filter(|call| call.operation == "UpdateItem").count();
        assert_eq!(updates, 1);
    }
}

#[tokio::test]
async fn known_and_unknown_people_get_the_same_answer() {
    // S40
    let stage = Stage::open().await;
    stage.open_to_anyone().await;
    stage.signed_in(&phone(1)).await;
    stage.signed_in(&phone(2)).await;
    let users = stage.users("active").await;
    stage.admin(Method::PATCH, &stage.admin_path(&format!("/users/{}", users[0]))).json(&json!({ "status": "disabled" })).send().await;
    stage.cloud.clock().advance(61);
    let mut shapes = Vec::new();
    for address in [phone(1), phone(2), phone(3)] {
        stage.cloud.meter().reset();
        let mut answer = stage.ask_for_code(&address).await;
        let flow = answer.text("flow");
        answer.body["flow"] = flow.len().into();
        for changing in ["date", "apigw-requestid"] {
            answer.headers.remove(changing);
        }
        let calls: Vec<_> = stage.cloud.meter().calls().iter().map(|call| (call.operation.clone(), call.tables.clone())).collect();
        let mut calls = calls;
        calls.sort();
        shapes.push((answer.status, answer.headers, answer.body, calls));
    }
    assert_eq!(shapes[0], shapes[2]);
    assert_eq!(shapes[1], shapes[2]);
}

#[tokio::test]
async fn one_recipient_gets_one_code_a_minute_and_ten_an_hour() {
    // S9, F22
    let stage = Stage::open().await;
    stage.flow(PHONE).await;
    let refused = stage.ask_for_code(PHONE).await;
    assert_eq!(refused.refusal(), (429, "too-many-requests"));
    assert_eq!(refused.headers["retry-after"].to_str().unwrap(), refused.body["retryAfter"].to_string());
    assert!((1..=60).contains(&refused.body["retryAfter"].as_i64().unwrap()));
    for _ in 1..10 {
        stage.cloud.clock().advance(61);
        stage.flow(PHONE).await;
    }
    stage.cloud.clock().advance(61);
    assert_eq!(stage.ask_for_code(PHONE).await.refusal(), (429, "too-many-requests"));
    assert_eq!(stage.cloud.messages().list(Some(PHONE)).len(), 10);
    stage.cloud.clock().advance(3_600);
    stage.flow(PHONE).await;
}

#[tokio::test]
async fn one_client_address_asks_thirty_times_a_minute() {
    // S9, S62
    let stage = Stage::open().await;
    let ask = async |client: &str, index: usize| {
        let body = json!({ "address": phone(index), "purpose": "sign-in" });
        stage.call_from(client, Method::POST, &stage.path("codes")).header("x-forwarded-for", "8.8.8.8").json(&body).send().await
    };
    let seconds_into_minute = stage.cloud.clock().now().as_second() % 60;
    stage.cloud.clock().advance(60 - seconds_into_minute);
    for index in 0..30 {
        assert_eq!(ask("127.0.0.2", index).await.status, 202);
    }
    assert_eq!(ask("127.0.0.2", 30).await.refusal(), (429, "too-many-requests"));
    assert_eq!(ask("127.0.0.3", 30).await.status, 202, "another client is not concerned");
    stage.cloud.clock().advance(60);
    assert_eq!(ask("127.0.0.2", 31).await.status, 202);
}

#[tokio::test]
async fn a_portal_at_its_cap_sends_nothing_and_takes_nothing() {
    // S9: a refused send costs nothing
    let stage = Stage::with(&[("CAP_PORTAL_HOURLY", "1")]).await;
    let flow = stage.flow(&phone(1)).await;
    let seconds = stage.cloud.clock().now().as_second() % 3_600;
    if seconds < 3_500 {
        stage.cloud.clock().advance(61);
        assert_eq!(stage.ask_for_code(&phone(1)).await.refusal(), (429, "too-many-requests"));
        assert_eq!(stage.ask_for_code(&phone(2)).await.refusal(), (429, "too-many-requests"));
        assert_eq!(stage.cloud.messages().list(None).len(), 1);
        assert_eq!(stage.verify(&flow, &stage.code_of(&phone(1))).await.step(), "collect", "the old code is still good");
    }
    stage.cloud.clock().advance(3_600);
    stage.flow(&phone(2)).await;
}

#[tokio::test]
async fn a_refused_recipient_does_not_use_up_the_portal() {
    let stage = Stage::with(&[("CAP_PORTAL_HOURLY", "2")]).await;
    stage.flow(&phone(1)).await;
    assert_eq!(stage.ask_for_code(&phone(1)).await.status, 429);
    stage.flow(&phone(2)).await;
}

#[tokio::test]
async fn one_recipient_only_and_of_a_listed_country() {
    // S11, S12
    let stage = Stage::open().await;
    for (address, code) in [
        ("13800138000,13900139000", "address-invalid"),
        ("a@example.com;b@example.com", "address-invalid"),
        ("a@example.com\r\nBcc: b@example.com", "address-invalid"),
        ("12345", "address-invalid"),
        ("4008001234", "address-invalid"),
        ("", "address-invalid"),
        ("+33612345678", "country-not-allowed"),
    ] {
        let answer = stage.ask_for_code(address).await;
        assert_eq!(
            (answer.refusal(), answer.body["errors"][0]["pointer"].as_str(), answer.body["errors"][0]["code"].as_str()),
            ((422, "invalid"), Some("/address"), Some(code)),
            "{address}"
        );
    }
    let list = stage.post(&stage.path("codes"), json!({ "address": ["13800138000"], "purpose": "sign-in" })).await;
    assert_eq!((list.refusal(), list.body["errors"][0]["pointer"].as_str()), ((422, "invalid"), Some("/address")));
    assert_eq!(stage.cloud.messages().list(None).len(), 0);
    let settings = json!({ "signIn": { "accounts": { "phone": true, "email": true }, "sevenDays": true, "countries": ["FR", "CN"] } });
    stage.set(settings).await;
    stage.flow("06 12 34 56 78").await;
    assert_eq!(stage.cloud.messages().list(Some("+33612345678")).len(), 1, "numbers without a country code belong to the first country");
}

#[tokio::test]
async fn a_provider_that_fails_is_told_and_not_asked_again() {
    // R15
    let stage = Stage::open().await;
    stage.cloud.fail_sender(Some(portico_local::capture::Sender::Sns));
    let answer = stage.ask_for_code(PHONE).await;
    assert_eq!(answer.refusal(), (503, "send-failed"));
    assert!(answer.headers.contains_key("retry-after"));
    stage.cloud.fail_sender(None);
    stage.cloud.clock().advance(61);
    stage.flow(PHONE).await;
    assert_eq!(stage.cloud.messages().list(Some(PHONE)).len(), 1);
}

#[tokio::test]
async fn codes_are_good_across_a_rotation_of_the_secret() {
    let stage = Stage::open().await;
    let flow = stage.flow(PHONE).await;
    stage.cloud.rotate_secret().unwrap();
    let collect = stage.verify(&flow, &stage.code_of(PHONE)).await;
    assert_eq!(collect.step(), "collect");
}
