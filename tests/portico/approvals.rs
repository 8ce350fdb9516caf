//! Decisions on applications (F43).

use http::Method;
use serde_json::json;

use crate::stage::{Stage, phone};

#[tokio::test]
async fn many_are_decided_at_once_each_with_a_result() {
    // S45
    let stage = Stage::open().await;
    for index in 1..=3 {
        stage.applicant(&phone(index)).await;
    }
    let pending = stage.users("pending").await;
    stage.decide(&pending[..1], "reject").await;
    let neighbour = stage.neighbour().await;
    let users = [pending[0].clone(), pending[1].clone(), pending[2].clone(), pending[1].clone(), neighbour.portal.clone()];
    let body = json!({ "users": users, "decision": "approve", "role": "partner" });
    let answer = stage.admin(Method::POST, &stage.admin_path("/approvals")).json(&body).send().await;
    let results: Vec<_> = answer.body["results"].as_array().unwrap().iter().map(|result| result["result"].as_str().unwrap()).collect();
    assert_eq!(results, ["conflict", "approved", "approved", "unknown"], "one that is given twice counts once");
    assert_eq!(stage.seats_used().await, 2);
    let user = stage.admin(Method::GET, &stage.admin_path(&format!("/users/{}", pending[1]))).send().await;
    assert_eq!((user.body["role"].as_str(), user.body["status"].as_str()), (Some("partner"), Some("active")));
    assert!(user.body["decided"]["by"].is_string() && user.body["decided"]["at"].is_string());
}

#[tokio::test]
async fn applicants_hear_the_decision_once_in_their_language() {
    // F30, R9
    let stage = Stage::open().await;
    stage.applicant(&phone(1)).await;
    stage.applicant("li@example.com").await;
    let pending = stage.users("pending").await;
    stage.decide(&pending[1..], "approve").await;
    let body = json!({ "users": pending, "decision": "reject", "reason": "No such company" });
    stage.admin(Method::POST, &stage.admin_path("/approvals")).json(&body).send().await;
    let news = |to: &str| {
        stage
            .cloud
            .messages()
            .list(Some(to))
            .into_iter()
            .filter(|message| message.code().is_none())
            .map(|message| message.text)
            .collect::<Vec<_>>()
    };
    let (phone_news, mail_news) = (news(&phone(1)), news("li@example.com"));
    assert_eq!((phone_news.len(), mail_news.len()), (1, 1));
    assert!(phone_news[0].contains("was approved") && phone_news[0].contains(&format!("/p/{}", stage.seeded.suffix)), "{phone_news:?}");
    assert!(mail_news[0].contains("was not approved: No such company"), "{mail_news:?}");
}

#[tokio::test]
async fn a_decision_stands_when_the_news_cannot_be_sent() {
    let stage = Stage::open().await;
    stage.applicant(&phone(1)).await;
    stage.cloud.fail_sender(Some(portico_local::capture::Sender::Sns));
    assert_eq!(stage.decide(&stage.users("pending").await, "approve").await.body["results"][0]["result"], "approved");
    assert_eq!(stage.seats_used().await, 1);
}

#[tokio::test]
async fn without_a_seat_an_applicant_keeps_waiting() {
    let stage = Stage::for_crowds().await;
    let now = stage.applicant(&phone(0)).await;
    stage.set(json!({ "access": "anyone", "fields": [{ "id": "name", "type": "text", "label": { "zh": "姓名", "en": "Name" }, "collect": false, "required": false }] })).await;
    for index in 1..=100 {
        stage.prove(&phone(index)).await;
    }
    let pending = stage.users("pending").await;
    assert_eq!(stage.decide(&pending, "approve").await.body["results"][0]["result"], "noSeats");
    assert_eq!(stage.status(&now).await.step(), "awaitingApproval");
    stage.admin(Method::PATCH, "/v1/admin/organisation").json(&json!({ "packs": 1 })).send().await;
    assert_eq!(stage.decide(&pending, "approve").await.body["results"][0]["result"], "approved");
    assert_eq!(stage.seats_used().await, 101);
    let fewer = stage.admin(Method::PATCH, "/v1/admin/organisation").json(&json!({ "packs": 0 })).send().await;
    assert_eq!(fewer.refusal(), (409, "seats-in-use"));
}

#[tokio::test]
async fn decisions_are_checked_before_anything_is_written() {
    let stage = Stage::open().await;
    stage.applicant(&phone(1)).await;
    let users = stage.users("pending").await;
    for (body, pointer) in [
        (json!({ "users": [], "decision": "approve" }), "/users"),
        (json!({ "users": vec![&users[0]; 101], "decision": "approve" }), "/users"),
        (json!({ "users": ["x"], "decision": "approve" }), "/users/0"),
        (json!({ "users": users, "decision": "maybe" }), "/decision"),
        (json!({ "users": users, "decision": "approve", "role": "owner" }), "/role"),
        (json!({ "users": users, "decision": "reject", "reason": "x".repeat(501) }), "/reason"),
        (json!({ "users": users, "decision": "approve", "status": "active" }), "/status"),
    ] {
        let answer = stage.admin(Method::POST, &stage.admin_path("/approvals")).json(&body).send().await;
        assert_eq!((answer.refusal(), answer.body["errors"][0]["pointer"].as_str()), ((422, "invalid"), Some(pointer)), "{answer:?}");
    }
    assert_eq!(stage.users("pending").await.len(), 1);
}
