//! The main job: somebody signs up by code, fills in what is asked, waits, is let in.

use http::Method;
use serde_json::json;

use crate::stage::{Stage, phone};

const PHONE: &str = "+8613800138000";
const MAIL: &str = "li@example.com";

#[tokio::test]
async fn a_person_signs_up_is_approved_and_stays_signed_in() {
    let stage = Stage::open().await;
    let sent = stage.ask_for_code("１３８ 0013 8000").await;
    assert_eq!(sent.status, 202);
    assert_eq!(
        (sent.body["channel"].as_str(), sent.body["expiresIn"].as_i64(), sent.body["resendIn"].as_i64()),
        (Some("sms"), Some(300), Some(60))
    );

    let collect = stage.verify(&sent.text("flow"), &stage.code_of(PHONE)).await;
    assert_eq!(collect.step(), "collect");
    let fields: Vec<_> = collect.body["fields"].as_array().unwrap().iter().map(|field| field["id"].as_str().unwrap()).collect();
    assert_eq!(fields, ["name", "company", "position"]);

    let waiting = stage.register(&collect.text("ticket"), json!({ "name": " 王明 ", "company": "Acme" })).await;
    assert_eq!((waiting.step(), waiting.body["channel"].as_str()), ("awaitingApproval", Some("sms")));
    let still = stage.status(&waiting.text("ticket")).await;
    assert_eq!(still.step(), "awaitingApproval");
    assert_eq!(stage.seats_used().await, 0, "who waits takes no seat (F77)");

    let pending = stage.users("pending").await;
    assert_eq!(stage.decide(&pending, "approve").await.body["results"][0]["result"], "approved");
    let signed_in = stage.status(&still.text("ticket")).await;
    assert_eq!((signed_in.step(), signed_in.body["user"]["name"].as_str()), ("signedIn", Some("王明")));
    assert_eq!(stage.seats_used().await, 1);

    let session = signed_in.text("session");
    stage.cloud.clock().advance(24 * 3_600);
    let me = stage.who_am_i(&session).await;
    assert_eq!(
        (me.status.as_u16(), me.body["user"]["phone"].as_str(), me.body["portal"]["id"].as_str()),
        (200, Some(PHONE), Some(&*stage.seeded.portal))
    );
}

#[tokio::test]
async fn the_code_comes_by_the_channel_of_the_address_in_the_language_of_the_page() {
    let stage = Stage::open().await;
    stage.flow(PHONE).await;
    let text = stage.cloud.messages().last(PHONE).unwrap().text;
    assert!(text.starts_with("【") && text.contains("Your login verification code is: "), "{text}");
    let body = json!({ "address": "Li@Example.com", "purpose": "sign-in", "locale": "zh" });
    let answer = stage.call_from("127.0.0.9", Method::POST, &stage.path("codes")).json(&body).send().await;
    assert_eq!(answer.body["channel"], "email");
    let mail = stage.cloud.messages().last(MAIL).unwrap();
    assert!(mail.text.contains("验证码") && mail.html.unwrap().contains("验证码") && mail.subject.unwrap().contains("验证码"));
}

#[tokio::test]
async fn who_leaves_before_finishing_is_inactive_and_resumes() {
    // F34
    let stage = Stage::open().await;
    assert_eq!(stage.prove(PHONE).await.step(), "collect");
    assert_eq!(stage.users("inactive").await.len(), 1);
    assert_eq!(stage.users("pending").await.len(), 0);
    stage.cloud.clock().advance(6 * 3_600);
    let again = stage.prove(PHONE).await;
    assert_eq!(again.step(), "collect");
    stage.register(&again.text("ticket"), json!({ "name": "王明" })).await;
    assert_eq!((stage.users("inactive").await.len(), stage.users("pending").await.len()), (0, 1));
}

#[tokio::test]
async fn anyone_is_in_at_once_where_anyone_may_come_in() {
    // F12, F29
    let stage = Stage::open().await;
    stage.open_to_anyone().await;
    let first = stage.prove(MAIL).await;
    assert_eq!((first.step(), first.body["user"]["email"].as_str()), ("signedIn", Some(MAIL)));
    stage.cloud.clock().advance(61);
    let second = stage.prove(MAIL).await;
    assert_eq!(second.body["user"]["id"], first.body["user"]["id"], "the same address is the same user");
    assert_ne!(second.body["session"], first.body["session"], "S23");
    assert_eq!(stage.seats_used().await, 1);
}

#[tokio::test]
async fn anyone_fills_in_what_is_asked_and_is_in() {
    let stage = Stage::open().await;
    stage.set(json!({ "access": "anyone" })).await;
    let collect = stage.prove(MAIL).await;
    let signed_in = stage.register(&collect.text("ticket"), json!({ "name": "王明" })).await;
    assert_eq!(signed_in.step(), "signedIn");
    assert_eq!(stage.register(&collect.text("ticket"), json!({ "name": "王明" })).await.refusal(), (409, "ticket-spent"));
    assert_eq!((stage.seats_used().await, stage.sessions()), (1, 1));
}

#[tokio::test]
async fn wrong_answers_are_pointed_at_and_lose_nothing() {
    // F33
    let stage = Stage::open().await;
    let ticket = stage.prove(PHONE).await.text("ticket");
    let refused = stage.register(&ticket, json!({ "company": 7, "role": "admin" })).await;
    assert_eq!(refused.refusal(), (422, "invalid"));
    let mut errors: Vec<_> = refused.body["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| (error["pointer"].as_str().unwrap(), error["code"].as_str().unwrap()))
        .collect();
    errors.sort_unstable();
    assert_eq!(errors, [("/fields/company", "invalid"), ("/fields/name", "required"), ("/fields/role", "unknown-field")]);
    assert_eq!(stage.register(&ticket, json!({ "name": "王明" })).await.step(), "awaitingApproval");
}

#[tokio::test]
async fn a_ticket_is_good_for_its_portal_its_step_and_ten_minutes() {
    // S38, S42, S65
    let stage = Stage::open().await;
    let ticket = stage.prove(PHONE).await.text("ticket");
    let neighbour = stage.neighbour().await;
    let foreign =
        stage.post(&format!("/v1/portals/{}/registration", neighbour.portal), json!({ "ticket": ticket, "fields": { "name": "x" } })).await;
    assert_eq!(foreign.refusal(), (401, "ticket-expired"));
    let (head, rest) = ticket.split_once('.').unwrap();
    for forged in ["", "x", &format!("{head}.{rest}x"), &format!("eyJhbGciOiJub25lIn0.{rest}"), &ticket[..ticket.len() - 4]] {
        assert_eq!(stage.register(forged, json!({ "name": "x" })).await.refusal(), (401, "ticket-expired"), "{forged}");
    }
    assert_eq!(stage.who_am_i(&ticket).await.refusal(), (401, "signed-out"), "a half sign-in opens nothing else");
    stage.cloud.clock().advance(601);
    assert_eq!(stage.register(&ticket, json!({ "name": "x" })).await.refusal(), (401, "ticket-expired"));
}

#[tokio::test]
async fn a_rejected_applicant_reads_the_reason() {
    let stage = Stage::open().await;
    let ticket = stage.applicant(PHONE).await;
    let users = stage.users("pending").await;
    let body = json!({ "users": users, "decision": "reject", "reason": "Not a customer of ours" });
    let answer = stage.admin(Method::POST, &stage.admin_path("/approvals")).json(&body).send().await;
    assert_eq!(answer.body["results"][0]["result"], "rejected");
    let refused = stage.status(&ticket).await;
    assert_eq!((refused.refusal(), refused.body["reason"].as_str()), ((403, "rejected"), Some("Not a customer of ours")));
    stage.cloud.clock().advance(61);
    assert_eq!(stage.prove(PHONE).await.refusal(), (403, "rejected"));
    assert_eq!((stage.sessions(), stage.seats_used().await), (0, 0));
}

#[tokio::test]
async fn who_waited_for_hours_without_the_tick_is_in_and_stays() {
    // F30: the working day begins when they come in, not when they applied
    let stage = Stage::open().await;
    let flow = stage.flow(PHONE).await;
    let collect = stage.post(&stage.path("sessions"), json!({ "flow": flow, "code": stage.code_of(PHONE) })).await;
    let mut ticket = stage.register(&collect.text("ticket"), json!({ "name": "Li Na" })).await.text("ticket");
    for _ in 0..30 {
        stage.cloud.clock().advance(500);
        ticket = stage.status(&ticket).await.text("ticket");
    }
    stage.decide(&stage.users("pending").await, "approve").await;
    let session = stage.status(&ticket).await.text("session");
    assert_eq!(stage.who_am_i(&session).await.status, 200);
    stage.cloud.clock().advance(2 * 3_600);
    assert_eq!(stage.who_am_i(&session).await.status, 401);
}

#[tokio::test]
async fn an_approved_ticket_opens_one_session_only() {
    let stage = Stage::open().await;
    let ticket = stage.applicant(PHONE).await;
    stage.decide(&stage.users("pending").await, "approve").await;
    let stage = &stage;
    let ticket = &ticket;
    let answers = futures_util::future::join_all((0..20).map(|_| async move { stage.status(ticket).await })).await;
    assert_eq!(answers.iter().filter(|answer| answer.step() == "signedIn").count(), 1);
    assert_eq!(stage.sessions(), 1);
}

#[tokio::test]
async fn nobody_new_gets_in_outside_the_window_and_existing_users_do() {
    // F20
    let stage = Stage::open().await;
    stage.open_to_anyone().await;
    stage.signed_in(&phone(1)).await;
    let now = stage.cloud.clock().now();
    let local = |at: jiff::Timestamp| {
        at.to_zoned(jiff::tz::TimeZone::get("Asia/Shanghai").unwrap()).datetime().strftime("%Y-%m-%dT%H:%M:%S").to_string()
    };
    let in_hours = |hours| local(now.saturating_add(jiff::SignedDuration::from_hours(hours)).unwrap());
    stage.set(json!({ "registration": { "window": { "opensAt": in_hours(1), "closesAt": in_hours(2), "zone": "Asia/Shanghai" } } })).await;
    let early = stage.prove(&phone(2)).await;
    assert_eq!((early.refusal(), early.body["zone"].as_str()), ((403, "registration-closed"), Some("Asia/Shanghai")));
    assert!(early.body["opensAt"].as_str().unwrap().ends_with('Z'));
    stage.cloud.clock().advance(3_600);
    assert_eq!(stage.prove(&phone(3)).await.step(), "signedIn");
    stage.cloud.clock().advance(3_600);
    assert_eq!(stage.prove(&phone(4)).await.refusal(), (403, "registration-closed"));
    assert_eq!(stage.prove(&phone(1)).await.step(), "signedIn", "existing users are not concerned");
    assert_eq!(stage.users("active").await.len(), 2);
}

#[tokio::test]
async fn a_portal_for_invited_people_answers_alike_and_sends_strangers_nothing() {
    // F31, S41
    let stage = Stage::open().await;
    stage.open_to_anyone().await;
    stage.signed_in(&phone(1)).await;
    stage.set(json!({ "access": "invited" })).await;
    stage.cloud.clock().advance(61);
    let (known, stranger) = (stage.ask_for_code(&phone(1)).await, stage.ask_for_code(&phone(2)).await);
    let shape = |answer: &crate::stage::Answer| {
        (
            answer.status,
            answer.body["channel"].clone(),
            answer.body["expiresIn"].clone(),
            answer.body["resendIn"].clone(),
            answer.text("flow").len(),
        )
    };
    assert_eq!(shape(&known), shape(&stranger));
    assert_eq!(stage.cloud.messages().list(Some(&phone(2))).len(), 0);
    assert_eq!(stage.verify(&known.text("flow"), &stage.code_of(&phone(1))).await.step(), "signedIn");
}

#[tokio::test]
async fn a_portal_that_is_off_shuts_everyone_out_at_once() {
    // F1, S26
    let stage = Stage::open().await;
    stage.open_to_anyone().await;
    let session = stage.signed_in(&phone(1)).await;
    let flow = stage.flow(&phone(2)).await;
    stage.set(json!({ "enabled": false })).await;
    assert_eq!(stage.who_am_i(&session).await.refusal(), (401, "portal-off"));
    assert_eq!(stage.ask_for_code(&phone(3)).await.refusal(), (403, "portal-off"));
    assert_eq!(stage.verify(&flow, &stage.code_of(&phone(2))).await.refusal(), (403, "portal-off"));
    stage.set(json!({ "enabled": true })).await;
    assert_eq!(stage.who_am_i(&session).await.status, 200);
}

#[tokio::test]
async fn a_link_offers_what_it_and_the_portal_allow() {
    // F6, F11, F67
    let stage = Stage::open().await;
    stage.open_to_anyone().await;
    let link = json!({ "suffix": "partners-only", "accounts": { "phone": false, "email": true }, "role": "partner" });
    assert_eq!(stage.admin(Method::POST, &stage.admin_path("/links")).json(&link).send().await.status, 201);
    let ask = async |address: &str, client: &str| {
        let body = json!({ "address": address, "purpose": "sign-in", "link": "Partners-Only" });
        stage.call_from(client, Method::POST, &stage.path("codes")).json(&body).send().await
    };
    assert_eq!(ask(PHONE, "127.0.0.7").await.refusal(), (403, "method-off"));
    let flow = ask(MAIL, "127.0.0.8").await.text("flow");
    let answer = stage.verify(&flow, &stage.code_of(MAIL)).await;
    assert_eq!((answer.step(), answer.body["user"]["role"].as_str()), ("signedIn", Some("partner")));
    stage.set(json!({ "roles": [{ "id": "customer", "name": "Customer" }] })).await;
    assert_eq!(stage.who_am_i(&answer.text("session")).await.body["user"]["role"], "customer", "users of a deleted role fall back");
}

#[tokio::test]
async fn one_person_in_two_portals_is_two_users() {
    // F27, F78
    let stage = Stage::open().await;
    stage.open_to_anyone().await;
    let session = stage.signed_in(MAIL).await;
    let other = stage.at_neighbours().await;
    other.open_to_anyone().await;
    let second = other.prove(MAIL).await;
    assert_eq!(second.step(), "signedIn");
    let first = other.who_am_i(&session).await;
    assert_ne!(first.body["user"]["id"], second.body["user"]["id"]);
    assert_ne!(first.body["portal"]["id"], second.body["portal"]["id"]);
}

#[tokio::test]
async fn nothing_in_the_tables_or_keys_gives_codes_or_sessions_away() {
    // S4, S22
    let stage = Stage::open().await;
    stage.open_to_anyone().await;
    let flow = stage.flow(PHONE).await;
    let code = stage.code_of(PHONE);
    let before = stage.everything();
    assert!(!before.contains(&format!("\"{code}\"")), "the code itself is not stored");
    let session = stage.verify(&flow, &code).await.text("session");
    assert!(!stage.everything().contains(&session[60..]), "the secret half of the session is not stored");
}
