//! The spend guard (B3, S9, S12 to S14).

use http::Method;
use serde_json::{Value, json};

use crate::{
    passwords::PASSWORD,
    stage::{Stage, phone},
};

impl Stage {
    async fn spend(&self) -> Value {
        let answer = self.admin(Method::GET, &self.admin_path("/spend")).send().await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.body
    }
}

#[tokio::test]
async fn two_hundred_neighbours_whose_codes_nobody_reads_pause_their_block() {
    // S13
    let stage = Stage::for_crowds().await;
    let mut sent = 0;
    let pause = loop {
        let answer = stage.ask_for_code(&phone(1_000 + sent)).await;
        if answer.status != 202 {
            break answer;
        }
        sent += 1;
        assert!(sent <= 250, "no breaker");
    };
    assert_eq!((sent, pause.refusal(), pause.body["pause"].as_str()), (200, (429, "too-many-requests"), Some("unverified")));
    let spend = stage.spend().await;
    assert_eq!((spend["smsToday"].as_u64(), spend["pausedBlocks"].as_u64(), spend["paused"].as_bool()), (Some(200), Some(1), Some(false)));
    assert_eq!(stage.ask_for_code("+8613911112222").await.status, 202, "other numbers are not shut out");
    assert_eq!(stage.ask_for_code("li@example.com").await.status, 202, "nor mailboxes");
    stage.cloud.clock().advance(pause.body["retryAfter"].as_i64().unwrap());
    assert_eq!(stage.ask_for_code(&phone(1_000 + sent)).await.status, 202, "the next hour is a new one");
}

#[tokio::test]
async fn a_crowd_that_reads_its_codes_is_let_through() {
    // S13
    let stage = Stage::for_crowds().await;
    stage.open_to_anyone().await;
    for index in 0..230 {
        let flow = stage.flow(&phone(index)).await;
        if index % 8 == 0 {
            assert_eq!(stage.verify(&flow, &stage.code_of(&phone(index))).await.step(), "signedIn");
        }
    }
    assert_eq!(stage.spend().await["pausedBlocks"], 0);
}

#[tokio::test]
async fn at_the_days_budget_email_and_passwords_still_work() {
    // S14
    let stage = Stage::with_password().await;
    let used = stage.spend().await["smsToday"].as_u64().unwrap();
    stage.set(json!({ "dailySms": used + 1 })).await;
    assert_eq!(stage.ask_for_code(&phone(1)).await.status, 202);
    let messages = stage.everything();
    let paused = stage.ask_for_code(&phone(2)).await;
    assert_eq!((paused.refusal(), paused.body["pause"].as_str()), ((429, "too-many-requests"), Some("daily-budget")));
    let client = |text: &str| text.lines().last().unwrap().matches("RECIPIENT").count();
    assert_eq!(client(&stage.everything()), client(&messages), "a refused send leaves nothing behind");
    assert_eq!(stage.prove("li@example.com").await.step(), "signedIn");
    assert_eq!(stage.sign_in("13800138000", PASSWORD).await.step(), "signedIn");
    stage.cloud.clock().advance(paused.body["retryAfter"].as_i64().unwrap());
    assert_eq!(stage.ask_for_code(&phone(2)).await.status, 202, "the next day is a new one");
}

#[tokio::test]
async fn many_at_once_do_not_pass_the_budget() {
    // S14, R29
    let stage = std::sync::Arc::new(Stage::for_crowds().await);
    stage.set(json!({ "dailySms": 10 })).await;
    let mut asking = tokio::task::JoinSet::new();
    for index in 0..30 {
        let stage = stage.clone();
        asking.spawn(async move { stage.ask_for_code(&phone(index)).await.status.as_u16() });
    }
    let sent = asking.join_all().await.into_iter().filter(|status| *status == 202).count();
    assert_eq!(sent, 10);
    assert_eq!(stage.spend().await["smsToday"], 10);
}

#[tokio::test]
async fn invitations_by_sms_are_within_the_days_budget() {
    // S14
    let stage = Stage::open().await;
    stage.set(json!({ "dailySms": 1 })).await;
    assert_eq!(stage.invited(json!({ "address": phone(1) })).await.text("delivery"), "queued");
    assert_eq!(stage.spend().await["smsToday"], 1);
    let second = stage.invited(json!({ "address": phone(2) })).await;
    assert_eq!((second.text("delivery").as_str(), stage.cloud.messages().list(Some(&phone(2))).len()), ("paused", 0));
    assert!(second.text("url").contains("#invitation="), "the link can be passed on");
    assert_eq!(stage.ask_for_code(&phone(3)).await.refusal(), (429, "too-many-requests"), "codes share the budget");
    assert_eq!(stage.invited(json!({ "address": "li@example.com" })).await.text("delivery"), "queued", "mail has none");
}

#[tokio::test]
async fn an_address_gets_five_invitations_a_day() {
    // S9
    let stage = Stage::open().await;
    for address in [&*phone(1), "li@example.com"] {
        let id = stage.invited(json!({ "address": address })).await.text("id");
        let path = stage.admin_path(&format!("/invitations/{id}/resend"));
        let mut seen = Vec::new();
        for _ in 0..6 {
            seen.push(stage.admin(Method::POST, &path).send().await.text("delivery"));
        }
        assert_eq!(seen, ["queued", "queued", "queued", "queued", "tooOften", "tooOften"], "{address}");
        assert_eq!(stage.cloud.messages().list(Some(address)).len(), 5);
        assert_eq!(stage.admin(Method::DELETE, path.trim_end_matches("/resend")).send().await.status, 204);
        assert_eq!(stage.invited(json!({ "address": address })).await.text("delivery"), "tooOften", "another invitation, the same address");
    }
    assert_eq!(stage.spend().await["smsToday"], 5, "what is not sent is not counted");
}

#[tokio::test]
async fn links_of_invitations_are_tried_no_more_often_than_codes_are_asked_for() {
    // S9, S48
    let stage = Stage::with(&[("CAP_CLIENT_MINUTELY", "3")]).await;
    let follow =
        async |client: &str| stage.call_from(client, Method::POST, &stage.path("invitation")).json(&json!({ "token": "x" })).send().await;
    for _ in 0..3 {
        assert_eq!(follow("127.0.0.5").await.refusal(), (404, "not-found"));
    }
    let refused = follow("127.0.0.5").await;
    assert_eq!(refused.refusal(), (429, "too-many-requests"));
    assert!((1..=60).contains(&refused.body["retryAfter"].as_i64().unwrap()));
    assert_eq!(follow("127.0.0.6").await.refusal(), (404, "not-found"), "another client");
}
