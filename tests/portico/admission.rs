//! Why somebody does not get in: each rule in turn, nothing written, nothing sent (B2).

use http::Method;
use serde_json::{Value, json};

use crate::stage::{Answer, Stage, phone};

impl Stage {
    pub(crate) async fn explain(&self, address: &str) -> Answer {
        let answer = self.admin(Method::POST, &self.admin_path("/admission")).json(&json!({ "address": address })).send().await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer
    }
}

fn rule<'a>(answer: &'a Answer, name: &str) -> &'a Value {
    answer.body["rules"].as_array().unwrap().iter().find(|rule| rule["rule"] == name).unwrap_or_else(|| panic!("{name} in {answer:?}"))
}

fn state<'a>(answer: &'a Answer, name: &str) -> &'a str {
    rule(answer, name)["state"].as_str().unwrap()
}

/// Verdict, and the first rule that does not let them pass; caps on sending aside.
fn verdict(answer: &Answer) -> (&str, &str) {
    let first = answer.body["rules"].as_array().unwrap().iter().find(|rule| rule["state"] != "passed" && rule["rule"] != "sending");
    (answer.body["verdict"].as_str().unwrap(), first.map_or("", |rule| rule["rule"].as_str().unwrap()))
}

#[tokio::test]
async fn the_first_rule_that_keeps_somebody_out_is_named_with_what_it_goes_by() {
    let stage = Stage::open().await;
    stage.open_to_anyone().await;
    assert_eq!(verdict(&stage.explain(&phone(1)).await), ("enters", ""));
    stage.set(json!({ "access": "invited" })).await;
    let stranger = stage.explain(&phone(1)).await;
    assert_eq!((verdict(&stranger), state(&stranger, "approval")), (("refused", "invitation"), "notReached"));
    assert_eq!((&rule(&stranger, "invitation")["access"], rule(&stranger, "invitation").get("invitation")), (&json!("invited"), None));
    let invitation = stage.invited(json!({ "address": phone(1), "notify": false })).await.text("id");
    let invited = stage.explain("138 0000 0001").await;
    assert_eq!((verdict(&invited), &rule(&invited, "invitation")["invitation"]), (("enters", ""), &json!("open")));
    stage.admin(Method::DELETE, &stage.admin_path(&format!("/invitations/{invitation}"))).send().await;
    assert_eq!(rule(&stage.explain(&phone(1)).await, "invitation")["invitation"], "cancelled");

    stage.set(json!({ "registration": { "window": { "closesAt": "2020-01-01T08:00:00", "zone": "Asia/Shanghai" } } })).await;
    let late = stage.explain(&phone(1)).await;
    let window = rule(&late, "window");
    assert_eq!(
        (verdict(&late), &window["closesAt"], &window["zone"]),
        (("refused", "window"), &json!("2020-01-01T00:00:00Z"), &json!("Asia/Shanghai"))
    );
    stage.set(json!({ "signIn": { "accounts": { "phone": true, "email": false }, "sevenDays": true, "countries": ["CN"] } })).await;
    let mail = stage.explain("li@example.com").await;
    assert_eq!((verdict(&mail), &rule(&mail, "method")["accounts"]), (("refused", "method"), &json!({ "phone": true, "email": false })));
    stage.set(json!({ "enabled": false })).await;
    assert_eq!(verdict(&stage.explain(&phone(1)).await), ("refused", "enabled"));
}

#[tokio::test]
async fn an_account_is_told_of_with_its_reason() {
    let stage = Stage::open().await;
    stage.applicant(&phone(1)).await;
    stage.applicant(&phone(2)).await;
    let pending = stage.users("pending").await;
    let waits = stage.explain(&phone(1)).await;
    assert_eq!(
        (verdict(&waits), &rule(&waits, "status")["status"], state(&waits, "seats")),
        (("waits", "status"), &json!("pending"), "notReached")
    );
    let body = json!({ "users": [pending[0]], "decision": "reject", "reason": "No such company" });
    stage.admin(Method::POST, &stage.admin_path("/approvals")).json(&body).send().await;
    stage.cloud.clock().advance(61);
    let rejected = stage.explain(&phone(2)).await;
    assert_eq!((verdict(&rejected), &rule(&rejected, "status")["reason"]), (("refused", "status"), &json!("No such company")));
    let newcomer = stage.explain(&phone(3)).await;
    assert_eq!((verdict(&newcomer), state(&newcomer, "approval")), (("hasToAct", "collect"), "open"), "approval is told of, too");
    let unknown = stage.admin(Method::POST, &stage.admin_path("/admission"));
    let unknown = unknown.json(&json!({ "address": phone(1), "link": "nowhere-at-all" })).send().await;
    assert_eq!((unknown.refusal(), unknown.body["errors"][0]["pointer"].as_str()), ((422, "invalid"), Some("/link")));
}

#[tokio::test]
async fn locks_caps_whitelist_and_seats_are_told_of() {
    let stage = Stage::open().await;
    stage.open_to_anyone().await;
    let columns = json!([{ "source": "phone" }]);
    stage.set(json!({ "access": "approved", "whitelist": { "enabled": true, "columns": columns } })).await;
    let off_list = stage.explain(&phone(1)).await;
    assert_eq!((verdict(&off_list), &rule(&off_list, "approval")["whitelisted"]), (("waits", "approval"), &json!(false)));
    assert_eq!(rule(&off_list, "approval")["columns"], json!([{ "source": "phone", "given": true }]));
    stage.write_rows(Method::POST, json!([[phone(1)]])).await;
    let listed = stage.explain(&phone(1)).await;
    assert_eq!((verdict(&listed), &rule(&listed, "approval")["whitelisted"]), (("enters", ""), &json!(true)));
    assert_eq!(rule(&listed, "seats")["seats"], json!({ "used": 0, "total": 100 }));

    for _ in 0..2 {
        stage.cloud.clock().advance(61);
        let flow = stage.flow(&phone(1)).await;
        let right: u32 = stage.code_of(&phone(1)).parse().unwrap();
        for off in 1..=5 {
            stage.verify(&flow, &format!("{:06}", (right + off) % 1_000_000)).await;
        }
    }
    let locked = stage.explain(&phone(1)).await;
    assert_eq!((verdict(&locked), state(&locked, "sending")), (("refused", "guesses"), "refused"));
    assert!(rule(&locked, "guesses")["until"].is_string() && rule(&locked, "sending")["until"].is_string());
    stage.cloud.clock().advance(301);
    assert_eq!(verdict(&stage.explain(&phone(1)).await), ("enters", ""));
}

#[tokio::test]
async fn a_question_writes_and_sends_nothing() {
    let stage = Stage::open().await;
    stage.applicant(&phone(1)).await;
    let (before, sent) = (stage.everything(), stage.cloud.messages().list(None).len());
    stage.cloud.meter().reset();
    for address in [phone(1), phone(2), "li@example.com".to_owned()] {
        stage.explain(&address).await;
    }
    let (reads, writes) = stage.cloud.meter().units();
    assert!(reads > 0.0 && writes == 0.0, "{writes} write units");
    assert_eq!((before, sent), (stage.everything(), stage.cloud.messages().list(None).len()));
}
