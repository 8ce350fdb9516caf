//! Schedules only nudge (R28): they run late, twice or never, and nothing changes but the notice and the tidiness.

use serde_json::json;

use crate::stage::{Stage, phone};

#[tokio::test]
async fn administrators_hear_once_that_a_window_is_over() {
    // F20
    let stage = Stage::open().await;
    let now = stage.cloud.clock().now();
    let end = now.saturating_add(jiff::SignedDuration::from_hours(1)).unwrap().strftime("%Y-%m-%dT%H:%M:%S").to_string();
    stage.set(json!({ "registration": { "window": { "closesAt": end, "zone": "UTC" } } })).await;
    let run = async || stage.cloud.run_schedule("close-registration").await.unwrap().unwrap();
    assert_eq!(run().await, json!({ "closed": 0 }));
    stage.cloud.clock().advance(3_601);
    assert_eq!(run().await, json!({ "closed": 1 }));
    assert_eq!(run().await, json!({ "closed": 0 }));
    stage.cloud.settle().await;
    let mail = stage.cloud.messages().last("owner@example.com").unwrap();
    assert!(mail.subject.unwrap().contains("registration has closed"));
    let later = now.saturating_add(jiff::SignedDuration::from_hours(2)).unwrap().strftime("%Y-%m-%dT%H:%M:%S").to_string();
    stage.set(json!({ "registration": { "window": { "closesAt": later, "zone": "UTC" } } })).await;
    stage.cloud.clock().advance(3_600);
    assert_eq!(run().await["closed"], 1, "another window is another notice");
}

#[tokio::test]
async fn sign_ins_that_are_over_are_removed_and_others_stay() {
    // F25
    let stage = Stage::open().await;
    stage.open_to_anyone().await;
    let remembered = stage.signed_in(&phone(1)).await;
    let flow = stage.flow(&phone(2)).await;
    stage.post(&stage.path("sessions"), json!({ "flow": flow, "code": stage.code_of(&phone(2)) })).await;
    let run = async || stage.cloud.run_schedule("expire-sign-ins").await.unwrap().unwrap();
    assert_eq!(run().await, json!({ "ended": 0, "complete": true }));
    stage.cloud.clock().advance(2 * 3_600);
    assert_eq!(run().await["ended"], 1, "the idle one");
    assert_eq!((stage.sessions(), stage.who_am_i(&remembered).await.status.as_u16()), (1, 200));
    stage.cloud.clock().advance(7 * 86_400);
    assert!(run().await["ended"].as_u64().unwrap() >= 1);
    assert_eq!(stage.sessions(), 0);
}
