//! Later steps of a sign-in: the second step (F19), both addresses (F21), asking for more (B5).

use http::Method;
use serde_json::{Value, json};

use crate::{
    passwords::PASSWORD,
    stage::{Answer, Stage},
};

const PHONE: &str = "+8613800138000";
const MAIL: &str = "li@example.com";

impl Stage {
    async fn code_with(&self, body: Value) -> Answer {
        self.call(Method::POST, &self.path("codes")).json(&body).send().await
    }

    async fn prove_with_ticket(&self, flow: &str, code: &str, ticket: &str) -> Answer {
        let body = json!({ "flow": flow, "code": code, "ticket": ticket });
        self.call(Method::POST, &self.path("sessions")).header("accept", "application/json").json(&body).send().await
    }

    /// Takes the second step by SMS.
    pub(crate) async fn second_step(&self, phone: &str, ticket: &str) -> Answer {
        let sent = self.code_with(json!({ "purpose": "second-step", "ticket": ticket, "channel": "sms" })).await;
        self.prove_with_ticket(&sent.text("flow"), &self.code_of(phone), ticket).await
    }

    /// Somebody with a password, at a portal that wants a second step: the ticket for it.
    async fn half_signed_in(&self) -> String {
        let half = self.sign_in(PHONE, PASSWORD).await;
        assert_eq!(half.step(), "secondStep", "{half:?}");
        half.text("ticket")
    }
}

async fn two_steps() -> Stage {
    let stage = Stage::with_password().await;
    stage.set_sign_in(json!({ "secondStep": true })).await;
    stage.cloud.clock().advance(61);
    stage
}

#[tokio::test]
async fn after_the_password_comes_a_code() {
    // F19, S23, S38
    let stage = two_steps().await;
    let half = stage.sign_in(PHONE, PASSWORD).await;
    assert_eq!(half.body["channels"], json!([{ "channel": "sms", "hint": "+86138****8000" }]));
    assert!(half.headers.get("set-cookie").is_none() && half.body.get("user").is_none());
    let ticket = half.text("ticket");
    let sent = stage.code_with(json!({ "purpose": "second-step", "ticket": ticket, "channel": "sms" })).await;
    assert_eq!((sent.status.as_u16(), sent.body["channel"].as_str()), (202, Some("sms")));
    let (flow, code) = (sent.text("flow"), stage.code_of(PHONE));
    assert_eq!(stage.prove_with_ticket(&flow, &code, &ticket).await.step(), "signedIn");
    assert_eq!(stage.prove_with_ticket(&flow, &code, &ticket).await.refusal(), (422, "code-expired"));
    stage.cloud.clock().advance(61);
    let again = stage.code_with(json!({ "purpose": "second-step", "ticket": ticket, "channel": "sms" })).await;
    let spent = stage.prove_with_ticket(&again.text("flow"), &stage.code_of(PHONE), &ticket).await;
    assert_eq!(spent.refusal(), (409, "ticket-spent"), "one sign-in, one session");
}

#[tokio::test]
async fn a_code_alone_needs_no_second_step() {
    let stage = two_steps().await;
    assert_eq!(stage.prove(PHONE).await.step(), "signedIn");
}

#[tokio::test]
async fn half_a_sign_in_opens_the_next_step_only() {
    // S38
    let stage = two_steps().await;
    let ticket = stage.half_signed_in().await;
    assert_eq!(stage.register(&ticket, json!({})).await.refusal(), (401, "ticket-expired"));
    assert_eq!(stage.status(&ticket).await.step(), "secondStep", "it says where it stands, and does nothing");
    assert_eq!(stage.who_am_i(&ticket).await.refusal(), (401, "signed-out"));
    let bind = stage.code_with(json!({ "purpose": "bind", "ticket": ticket, "address": MAIL })).await;
    assert_eq!(bind.refusal(), (401, "ticket-expired"));
    // A code to sign in, or of another sign-in, is no second step.
    let flow = stage.flow(PHONE).await;
    assert_eq!(stage.prove_with_ticket(&flow, &stage.code_of(PHONE), &ticket).await.refusal(), (422, "code-expired"));
    stage.cloud.clock().advance(61);
    let other = stage.half_signed_in().await;
    let sent = stage.code_with(json!({ "purpose": "second-step", "ticket": other, "channel": "sms" })).await;
    let crossed = stage.prove_with_ticket(&sent.text("flow"), &stage.code_of(PHONE), &ticket).await;
    assert_eq!(crossed.refusal(), (422, "code-expired"), "S2");
}

#[tokio::test]
async fn who_knows_the_password_alone_learns_nothing_of_the_account() {
    // S38
    let stage = two_steps().await;
    let user = stage.users("active").await.remove(0);
    stage.admin(Method::PATCH, &stage.admin_path(&format!("/users/{user}"))).json(&json!({ "status": "disabled" })).send().await;
    let ticket = stage.half_signed_in().await;
    let sent = stage.code_with(json!({ "purpose": "second-step", "ticket": ticket, "channel": "sms" })).await;
    assert_eq!(stage.prove_with_ticket(&sent.text("flow"), &stage.code_of(PHONE), &ticket).await.refusal(), (403, "disabled"));
}

#[tokio::test]
async fn what_a_purpose_needs_is_asked_for() {
    let stage = two_steps().await;
    for (body, pointer) in [
        (json!({ "purpose": "sign-in" }), "/address"),
        (json!({ "purpose": "bind", "address": MAIL }), "/ticket"),
        (json!({ "purpose": "second-step", "ticket": "x" }), "/channel"),
    ] {
        let answer = stage.code_with(body).await;
        assert_eq!((answer.refusal(), answer.body["errors"][0]["pointer"].as_str()), ((422, "invalid"), Some(pointer)));
    }
    let ticket = stage.half_signed_in().await;
    let none = stage.code_with(json!({ "purpose": "second-step", "ticket": ticket, "channel": "email" })).await;
    assert_eq!(none.refusal(), (403, "method-off"), "they have no mailbox");
}

#[tokio::test]
async fn both_addresses_are_proven_where_the_portal_wants_both() {
    // F21
    let stage = Stage::open().await;
    stage.open_to_anyone().await;
    stage.set_sign_in(json!({ "bindBoth": true })).await;
    let bind = stage.prove(PHONE).await;
    assert_eq!((bind.step(), bind.body["missing"].as_str()), ("bind", Some("email")));
    assert_eq!((stage.sessions(), stage.seats_used().await), (0, 0), "nobody is in with one of two");
    let ticket = bind.text("ticket");
    let other_kind = stage.code_with(json!({ "purpose": "bind", "ticket": ticket, "address": "13900139000" })).await;
    assert_eq!(other_kind.refusal(), (403, "method-off"));
    let flow = stage.code_with(json!({ "purpose": "bind", "ticket": ticket, "address": MAIL })).await.text("flow");
    let signed_in = stage.prove_with_ticket(&flow, &stage.code_of(MAIL), &ticket).await;
    assert_eq!(
        (signed_in.step(), signed_in.body["user"]["phone"].as_str(), signed_in.body["user"]["email"].as_str()),
        ("signedIn", Some(PHONE), Some(MAIL))
    );
    assert_eq!(stage.seats_used().await, 1);
    stage.cloud.clock().advance(61);
    let by_mail = stage.prove(MAIL).await;
    assert_eq!((by_mail.step(), &by_mail.body["user"]["id"]), ("signedIn", &signed_in.body["user"]["id"]));
}

#[tokio::test]
async fn an_address_of_another_account_is_not_bound() {
    // S34, S35
    let stage = Stage::open().await;
    stage.open_to_anyone().await;
    stage.signed_in(MAIL).await;
    stage.set_sign_in(json!({ "bindBoth": true })).await;
    stage.cloud.clock().advance(61);
    let ticket = stage.prove(PHONE).await.text("ticket");
    let flow = stage.code_with(json!({ "purpose": "bind", "ticket": ticket, "address": MAIL })).await.text("flow");
    assert_eq!(stage.prove_with_ticket(&flow, &stage.code_of(MAIL), &ticket).await.refusal(), (409, "already-bound"));
    assert_eq!(stage.users("inactive").await.len(), 1);
}

#[tokio::test]
async fn existing_users_are_asked_when_the_portal_begins_to_want_both() {
    let stage = Stage::open().await;
    stage.open_to_anyone().await;
    stage.signed_in(PHONE).await;
    stage.set_sign_in(json!({ "bindBoth": true })).await;
    stage.cloud.clock().advance(61);
    let bind = stage.prove(PHONE).await;
    assert_eq!(bind.step(), "bind");
    let ticket = bind.text("ticket");
    let flow = stage.code_with(json!({ "purpose": "bind", "ticket": ticket, "address": MAIL })).await.text("flow");
    let code = stage.code_of(MAIL);
    let (one, two) = tokio::join!(stage.prove_with_ticket(&flow, &code, &ticket), stage.prove_with_ticket(&flow, &code, &ticket));
    let steps = [one.step(), two.step()];
    assert_eq!(steps.iter().filter(|step| **step == "signedIn").count(), 1, "{one:?} {two:?}");
}

#[tokio::test]
async fn an_applicant_is_asked_for_more_and_sends_it() {
    // B5
    let stage = Stage::open().await;
    let ticket = stage.applicant(PHONE).await;
    let users = stage.users("pending").await;
    let stage = &stage;
    let ask = |body: Value| async move { stage.admin(Method::POST, &stage.admin_path("/approvals")).json(&body).send().await };
    let silent = ask(json!({ "users": users, "decision": "ask" })).await;
    assert_eq!((silent.refusal(), silent.body["errors"][0]["pointer"].as_str()), ((422, "invalid"), Some("/reason")));
    let asked = ask(json!({ "users": users, "decision": "ask", "reason": "Which company?" })).await;
    assert_eq!(asked.body["results"][0]["result"], "asked");
    assert!(stage.cloud.messages().last(PHONE).unwrap().text.contains("Which company?"));
    let open = stage.status(&ticket).await;
    assert_eq!(
        (open.step(), open.body["reason"].as_str(), open.body["answers"]["name"].as_str()),
        ("collect", Some("Which company?"), Some("Li Na"))
    );
    let waiting = stage.register(&open.text("ticket"), json!({ "name": "Li Na", "company": "Acme" })).await;
    assert_eq!(waiting.step(), "awaitingApproval");
    stage.decide(&users, "approve").await;
    assert_eq!(stage.status(&waiting.text("ticket")).await.step(), "signedIn");
}

#[tokio::test]
async fn wrong_codes_in_a_row_lock_the_recipient_with_backoff_before() {
    // S7, S8, F23
    let stage = Stage::with(&[("CAP_RECIPIENT_HOURLY", "1000"), ("CAP_RECIPIENT_DAILY", "1000")]).await;
    let mut failures = 0;
    let mut locks = Vec::new();
    while failures < 100 {
        let answer = stage.ask_for_code(PHONE).await;
        if answer.problem() == "locked" {
            locks.push((failures, answer.body["retryAfter"].as_i64().unwrap()));
            stage.cloud.clock().advance(*answer.body["retryAfter"].as_i64().as_ref().unwrap());
            continue;
        }
        let (flow, code) = (answer.text("flow"), stage.code_of(PHONE));
        for _ in 0..5 {
            let wrong = if code == "000000" { "000001" } else { "000000" };
            assert_eq!(stage.verify(&flow, wrong).await.problem(), "code-wrong");
            failures += 1;
        }
        stage.cloud.clock().advance(61);
    }
    assert_eq!(locks[0].0, 10, "{locks:?}");
    let day = stage.ask_for_code(PHONE).await;
    assert_eq!(day.refusal(), (429, "locked"));
    assert!(day.body["retryAfter"].as_i64().unwrap() > 80_000, "{day:?}");
    stage.cloud.clock().advance(86_400);
    assert_eq!(stage.prove(PHONE).await.step(), "collect", "a right one ends the row");
    stage.cloud.clock().advance(61);
    assert_eq!(stage.ask_for_code(PHONE).await.status, 202);
}
