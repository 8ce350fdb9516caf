//! What a step may cost: round trips and capacity, counted.

use http::Method;
use serde_json::json;

use crate::{
    stage::{Stage, phone},
    wechat::Browser,
};

#[tokio::test]
async fn a_sign_in_by_code_stays_within_its_budget() {
    let stage = Stage::open().await;
    stage.open_to_anyone().await;
    stage.signed_in(&phone(1)).await;
    stage.cloud.clock().advance(61);
    let meter = stage.cloud.meter();

    meter.reset();
    let flow = stage.flow(&phone(1)).await;
    let (sent_rru, sent_wru) = meter.units();
    assert!(meter.round_trips() <= 2, "send-code: {:?}", meter.calls());

    meter.reset();
    let answer = stage.verify(&flow, &stage.code_of(&phone(1))).await;
    assert_eq!(answer.step(), "signedIn");
    let (verified_rru, verified_wru) = meter.units();
    assert!(meter.round_trips() <= 3, "verify-code: {:?}", meter.calls());

    assert!(sent_wru + verified_wru <= 6.0, "{sent_wru} + {verified_wru} WRU, the ledger's with them (F38)");
    assert!(sent_rru + verified_rru <= 3.0, "{sent_rru} + {verified_rru} RRU");
}

#[tokio::test]
async fn a_recipient_of_many_codes_costs_no_more_than_others() {
    let stage = Stage::open().await;
    stage.open_to_anyone().await;
    for _ in 0..18 {
        stage.flow(&phone(1)).await;
        stage.cloud.clock().advance(3_600);
    }
    stage.cloud.meter().reset();
    stage.flow(&phone(1)).await;
    let (_, sent_wru) = stage.cloud.meter().units();
    assert!(sent_wru <= 4.0, "{sent_wru} WRU: {:?}", stage.cloud.meter().calls());
}

#[tokio::test]
async fn newcomers_cost_the_same_at_a_portal_with_long_settings() {
    let stage = Stage::open().await;
    let mut costs = Vec::new();
    for (index, options) in [1, 100].into_iter().enumerate() {
        let options: Vec<_> = (0..options)
            .map(|id| json!({ "id": format!("o{id}"), "label": { "zh": "某物的长名", "en": "A long name of something" } }))
            .collect();
        let fields = json!([
            { "id": "name", "type": "text", "label": { "zh": "姓名", "en": "Name" }, "collect": true, "required": true },
            { "id": "what", "type": "single", "label": { "zh": "什么", "en": "What" }, "collect": true, "required": false, "options": options },
        ]);
        stage.set(json!({ "fields": fields })).await;
        stage.cloud.meter().reset();
        stage.applicant(&phone(index)).await;
        let calls = stage.cloud.meter().calls();
        let units = |caller: &str| calls.iter().filter(|call| call.caller == caller).map(|call| call.write_units).sum::<f64>();
        costs.push((units("verify-code"), units("register")));
    }
    assert_eq!(costs, [(7.0, 7.0); 2]);
}

#[tokio::test]
async fn a_returning_sign_in_by_wechat_stays_within_its_budget() {
    let (stage, _) = Stage::with_wechat().await;
    stage.known_at_wechat("xiaoming", &phone(1)).await;
    Browser::new(&stage).enter("xiaoming").await;
    let (meter, browser) = (stage.cloud.meter(), Browser::new(&stage));

    meter.reset();
    let left = browser.leave("").await;
    let (sent_rru, sent_wru) = meter.units();
    assert!(meter.round_trips() <= 3, "wechat-authorize: {:?}", meter.calls());

    let back = browser.at_wechat(&left, "xiaoming").await;
    meter.reset();
    assert_eq!(browser.get(&back).await.step(), "signedIn");
    let (back_rru, back_wru) = meter.units();
    assert!(meter.round_trips() <= 4, "wechat-callback: {:?}", meter.calls());

    assert!(sent_wru + back_wru <= 5.0, "{sent_wru} + {back_wru} WRU");
    assert!(sent_rru + back_rru <= 6.0, "{sent_rru} + {back_rru} RRU");
}

#[tokio::test]
async fn a_read_by_a_user_or_an_administrator_is_one_round_trip() {
    let stage = Stage::open().await;
    stage.open_to_anyone().await;
    let session = stage.signed_in(&phone(1)).await;
    let meter = stage.cloud.meter();
    meter.reset();
    stage.who_am_i(&session).await;
    assert_eq!(meter.round_trips(), 1, "{:?}", meter.calls());
    meter.reset();
    stage.admin(Method::GET, &stage.admin_path("")).send().await;
    assert_eq!(meter.round_trips(), 1, "{:?}", meter.calls());
}

#[tokio::test]
async fn a_session_without_the_tick_is_noted_every_ten_minutes_only() {
    let stage = Stage::open().await;
    stage.open_to_anyone().await;
    let flow = stage.flow(&phone(1)).await;
    let body = json!({ "flow": flow, "code": stage.code_of(&phone(1)) });
    let session =
        stage.call(Method::POST, &stage.path("sessions")).header("accept", "application/json").json(&body).send().await.text("session");
    let meter = stage.cloud.meter();
    let mut trips = Vec::new();
    for pause in [60, 60, 600, 60] {
        stage.cloud.clock().advance(pause);
        meter.reset();
        stage.who_am_i(&session).await;
        trips.push(meter.round_trips());
    }
    assert_eq!(trips, [1, 1, 2, 1]);
}
