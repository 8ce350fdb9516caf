//! When the tables fail: an honest answer, no half write, and a retry that works (R3, R10).

use portico_local::meter::{Fault, Rule};
use serde_json::json;

use crate::stage::{Stage, phone};

#[tokio::test]
async fn unreachable_tables_are_a_503_and_never_a_401() {
    let stage = Stage::open().await;
    stage.open_to_anyone().await;
    let session = stage.signed_in(&phone(1)).await;
    for fault in [Fault::Throttled, Fault::Internal, Fault::Dropped] {
        stage.cloud.meter().fail(Rule::always(fault.clone()));
        let answer = stage.who_am_i(&session).await;
        assert_eq!(answer.refusal(), (503, "unavailable"), "{fault:?}");
        assert!(answer.headers.contains_key("retry-after"));
        assert!(!answer.body.to_string().contains("DynamoDB") && !answer.body.to_string().contains("Table"), "{answer:?}");
        stage.cloud.meter().reset();
    }
    assert_eq!(stage.who_am_i(&session).await.status, 200);
}

#[tokio::test]
async fn conflicts_between_transactions_are_waited_out() {
    // R10
    let stage = Stage::open().await;
    stage.set(json!({ "access": "anyone" })).await;
    let ticket = stage.prove(&phone(1)).await.text("ticket");
    let conflict = Fault::Cancelled(vec!["TransactionConflict", "None", "None", "None"]);
    stage.cloud.meter().fail(Rule::next("TransactWriteItems", conflict.clone()).times(3));
    assert_eq!(stage.register(&ticket, json!({ "name": "Li Na" })).await.step(), "signedIn");
    assert_eq!((stage.seats_used().await, stage.sessions()), (1, 1));

    let ticket = stage.prove(&phone(2)).await.text("ticket");
    stage.cloud.meter().fail(Rule::next("TransactWriteItems", conflict).times(50));
    assert_eq!(stage.register(&ticket, json!({ "name": "Wang" })).await.refusal(), (503, "unavailable"));
    assert_eq!((stage.seats_used().await, stage.sessions()), (1, 1), "no half write");
    stage.cloud.meter().reset();
    assert_eq!(stage.register(&ticket, json!({ "name": "Wang" })).await.step(), "signedIn", "the same ticket is still good");
}

#[tokio::test]
async fn an_answer_that_was_lost_after_the_commit_does_not_double_anything() {
    // R3
    let stage = Stage::open().await;
    stage.set(json!({ "access": "anyone" })).await;
    let ticket = stage.prove(&phone(1)).await.text("ticket");
    stage.cloud.meter().fail(Rule::next("TransactWriteItems", Fault::AnswerLost));
    assert_eq!(stage.register(&ticket, json!({ "name": "Li Na" })).await.step(), "signedIn");
    assert_eq!((stage.seats_used().await, stage.sessions()), (1, 1));
}

#[tokio::test]
async fn a_page_that_lost_the_answer_to_its_registration_still_gets_in() {
    let stage = Stage::open().await;
    let ticket = stage.prove(&phone(1)).await.text("ticket");
    stage.register(&ticket, json!({ "name": "Li Na" })).await;
    assert_eq!(stage.register(&ticket, json!({ "name": "Li Na" })).await.refusal(), (409, "ticket-spent"));
    assert_eq!(stage.status(&ticket).await.step(), "awaitingApproval");
    stage.decide(&stage.users("pending").await, "approve").await;
    assert_eq!(stage.status(&ticket).await.step(), "signedIn");
}

#[tokio::test]
async fn a_throttled_send_is_tried_again_and_sends_one_code() {
    let stage = Stage::open().await;
    stage.cloud.meter().fail(Rule::next("PutItem", Fault::Throttled));
    stage.cloud.meter().fail(Rule::next("BatchGetItem", Fault::Dropped));
    stage.flow(&phone(1)).await;
    assert_eq!(stage.cloud.messages().list(None).len(), 1);
    assert_eq!(stage.verify(&stage.flow(&phone(2)).await, &stage.code_of(&phone(2))).await.step(), "collect");
}
