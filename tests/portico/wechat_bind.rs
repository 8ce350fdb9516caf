//! Who WeChat names and who an account is become one, once, by a fresh proof in the same browser (S33 to S35); and part again.

use http::Method;
use portico_local::meter::{Fault, Rule};
use serde_json::json;

use crate::{
    stage::{Stage, phone},
    wechat::Browser,
};

#[tokio::test]
async fn an_identity_never_moves_to_another_account() {
    // S34
    let (stage, _) = Stage::with_wechat().await;
    let (first, second) = (Browser::new(&stage), Browser::new(&stage));
    let (here, there) = (first.stranger("xiaoming").await, second.stranger("xiaoming").await);
    assert_eq!(first.bind(&here, &phone(1)).await.step(), "signedIn");
    assert_eq!(second.bind(&there, &phone(2)).await.refusal(), (409, "already-bound"));
    assert_eq!((stage.accounts(), stage.identities(), stage.sessions()), (1, 1, 1), "nothing is half made");
    assert_eq!(Browser::new(&stage).enter("xiaoming").await.body["user"]["phone"], phone(1));
}

#[tokio::test]
async fn an_account_is_nobody_else_at_wechat() {
    // S34
    let (stage, _) = Stage::with_wechat().await;
    stage.known_at_wechat("xiaoming", &phone(1)).await;
    assert_eq!(stage.known_at_wechat("wei", &phone(1)).await.refusal(), (409, "already-bound"));
    assert_eq!((stage.identities(), stage.sessions()), (1, 1));
    assert_eq!(Browser::new(&stage).enter("wei").await.step(), "bind");
    assert_eq!(Browser::new(&stage).enter("xiaoming").await.step(), "signedIn");
}

#[tokio::test]
async fn of_two_who_bind_one_identity_at_once_one_does() {
    // S34
    for round in 0..3 {
        let (stage, _) = Stage::with_wechat().await;
        let (first, second) = (Browser::new(&stage), Browser::new(&stage));
        let (here, there) = (first.stranger("xiaoming").await, second.stranger("xiaoming").await);
        let numbers = [phone(1), phone(2)];
        let (one, other) = tokio::join!(first.bind(&here, &numbers[0]), second.bind(&there, &numbers[1]));
        let mut ends = [one.step().to_owned() + one.problem(), other.step().to_owned() + other.problem()];
        ends.sort();
        assert_eq!(ends, ["already-bound", "signedIn"], "{round}");
        assert_eq!((stage.accounts(), stage.identities(), stage.sessions(), stage.seats_used().await), (1, 1, 1, 1));
    }
}

#[tokio::test]
async fn the_address_is_proven_in_the_browser_that_came_from_wechat() {
    // S34, S35: a ticket that somebody passes on binds nobody else's account.
    let (stage, account) = Stage::with_wechat().await;
    stage.signed_in(&phone(1)).await;
    stage.cloud.clock().advance(61);
    let thief = Browser::new(&stage);
    let ticket = thief.stranger("xiaoming").await;
    let victim = Browser::new(&stage);
    assert_eq!(victim.status(&ticket).await.refusal(), (403, "wechat-state"));
    assert_eq!(victim.bind(&ticket, &phone(1)).await.refusal(), (403, "wechat-state"), "no cookie");
    stage.cloud.clock().advance(61);
    victim.leave("").await;
    assert_eq!(victim.bind(&ticket, &phone(1)).await.refusal(), (403, "wechat-state"), "another one's cookie");
    // And what waits gives nothing to who set it, once the victim signs up or in.
    stage.cloud.clock().advance(61);
    stage.signed_in(&phone(1)).await;
    assert_eq!(thief.enter("xiaoming").await.step(), "bind");
    let users = stage.rows("UsersTable", |row| row.to_string().contains(account.openid("xiaoming").as_str()));
    assert_eq!((users, stage.identities()), (0, 0));
}

#[tokio::test]
async fn only_a_code_of_this_very_sign_in_binds() {
    // S2, S34
    let (stage, _) = Stage::with_wechat().await;
    let browser = Browser::new(&stage);
    let ticket = browser.stranger("xiaoming").await;
    let prove = async |flow: &str, number: &str| {
        let proof = json!({ "flow": flow, "code": stage.code_of(number), "ticket": ticket });
        browser.post(&stage.path("sessions"), proof).await
    };
    let flow = stage.flow(&phone(1)).await;
    assert_eq!(prove(&flow, &phone(1)).await.refusal(), (422, "code-expired"), "a code to sign in");
    let other = Browser::new(&stage);
    let theirs = other.stranger("wei").await;
    let sent = other.code_for(&theirs, &phone(2)).await;
    assert_eq!(prove(&sent.text("flow"), &phone(2)).await.refusal(), (422, "code-expired"), "a code of another sign-in");
    let sent = browser.code_for(&ticket, &phone(3)).await;
    let wrong = json!({ "flow": sent.text("flow"), "code": "000000", "ticket": ticket });
    assert_eq!(browser.post(&stage.path("sessions"), wrong).await.problem(), "code-wrong");
    assert_eq!(prove(&sent.text("flow"), &phone(3)).await.step(), "signedIn");
    stage.cloud.clock().advance(61);
    assert_eq!(browser.code_for(&ticket, &phone(3)).await.status, 202);
    assert_eq!(browser.bind(&ticket, &phone(4)).await.refusal(), (409, "ticket-spent"), "one sign-in, one account");
    assert_eq!(browser.status(&ticket).await.refusal(), (409, "ticket-spent"));
}

#[tokio::test]
async fn half_a_sign_in_opens_the_proof_of_an_address_only() {
    // S38, S47
    let (stage, account) = Stage::with_wechat().await;
    let browser = Browser::new(&stage);
    let ticket = browser.stranger("xiaoming").await;
    assert_eq!(stage.register(&ticket, json!({})).await.refusal(), (401, "ticket-expired"));
    assert_eq!(stage.who_am_i(&ticket).await.refusal(), (401, "signed-out"));
    let second = json!({ "purpose": "second-step", "ticket": ticket, "channel": "sms" });
    assert_eq!(browser.post(&stage.path("codes"), second).await.refusal(), (401, "ticket-expired"));
    let again = browser.status(&ticket).await;
    assert_eq!((again.step(), &again.body["wechat"]), ("bind", &json!(true)), "asking changes nothing");
    let body = json!({ "flow": "x", "code": "123456", "ticket": ticket, "openid": account.openid("xiaoming") });
    assert_eq!(browser.post(&stage.path("sessions"), body).await.refusal(), (422, "invalid"));
    let payload = ticket.split('.').nth(1).unwrap();
    let facts = base64::Engine::decode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, payload).unwrap();
    assert!(!String::from_utf8(facts).unwrap().contains(account.openid("xiaoming").as_str()), "S10");
    stage.cloud.clock().advance(601);
    assert_eq!(browser.code_for(&ticket, &phone(1)).await.refusal(), (401, "ticket-expired"));
}

#[tokio::test]
async fn the_link_says_which_addresses_serve() {
    // F6, F11
    let (stage, _) = Stage::with_wechat().await;
    let link = json!({ "suffix": "mail-only", "accounts": { "phone": false, "email": true } });
    stage.admin(Method::POST, &stage.admin_path("/links")).json(&link).send().await;
    let browser = Browser::new(&stage);
    let left = browser.leave("?link=mail-only").await;
    let back = browser.at_wechat(&left, "xiaoming").await;
    let asked = browser.get(&back).await;
    assert_eq!((asked.step(), &asked.body["missing"]), ("bind", &json!("email")));
    assert_eq!(browser.code_for(&asked.text("ticket"), &phone(1)).await.refusal(), (403, "method-off"));
    assert_eq!(browser.bind(&asked.text("ticket"), "li@example.com").await.step(), "signedIn");
}

#[tokio::test]
async fn agreements_fields_and_approval_come_after_the_address() {
    // F10, F30, F32
    let (stage, _) = Stage::with_wechat().await;
    let agreements = json!({ "terms": { "title": "Terms", "html": "<p>x</p>" } });
    stage.admin(Method::PUT, &stage.admin_path("/agreements")).json(&agreements).send().await;
    let fields = json!([{ "id": "name", "type": "text", "label": { "zh": "姓名", "en": "Name" }, "collect": true, "required": true }]);
    stage.set(json!({ "access": "approved", "fields": fields })).await;
    let consent = stage.known_at_wechat("xiaoming", &phone(1)).await;
    assert_eq!(consent.step(), "consent");
    assert_eq!((stage.accounts(), stage.identities(), stage.sessions()), (1, 1, 0));
    let body = json!({ "ticket": consent.text("ticket"), "consent": consent.body["version"] });
    let collect = stage.post(&stage.path("registration"), body).await;
    assert_eq!(collect.step(), "collect");
    assert_eq!(Browser::new(&stage).enter("xiaoming").await.step(), "collect", "who comes back goes on where they were");
    let waiting = stage.register(&collect.text("ticket"), json!({ "name": "Li Na" })).await;
    assert_eq!(waiting.step(), "awaitingApproval");
    assert_eq!(Browser::new(&stage).enter("xiaoming").await.step(), "awaitingApproval");
    stage.decide(&stage.users("pending").await, "approve").await;
    assert_eq!(stage.status(&waiting.text("ticket")).await.step(), "signedIn");
    assert_eq!(Browser::new(&stage).enter("xiaoming").await.step(), "signedIn");
    // The version can be accepted together with the address.
    let browser = Browser::new(&stage);
    let ticket = browser.stranger("wei").await;
    let sent = browser.code_for(&ticket, &phone(2)).await;
    let proof =
        json!({ "flow": sent.text("flow"), "code": stage.code_of(&phone(2)), "ticket": ticket, "consent": consent.body["version"] });
    assert_eq!(browser.post(&stage.path("sessions"), proof).await.step(), "collect");
}

#[tokio::test]
async fn both_addresses_are_wanted_after_wechat_where_the_portal_wants_both() {
    // F21
    let (stage, _) = Stage::with_wechat().await;
    stage.set_sign_in(json!({ "wechat": { "enabled": true }, "bindBoth": true })).await;
    let browser = Browser::new(&stage);
    let ticket = browser.stranger("xiaoming").await;
    let second = browser.bind(&ticket, &phone(1)).await;
    assert_eq!((second.step(), &second.body["missing"], second.body.get("wechat")), ("bind", &json!("email"), None));
    assert_eq!(browser.bind(&second.text("ticket"), "li@example.com").await.step(), "signedIn");
    let stays = stage.status(&second.text("ticket")).await;
    assert_eq!(stays.refusal(), (409, "ticket-spent"));
}

#[tokio::test]
async fn a_closed_window_keeps_newcomers_out_and_nobody_else() {
    // F20
    let (stage, _) = Stage::with_wechat().await;
    stage.signed_in(&phone(1)).await;
    stage.cloud.clock().advance(61);
    stage.set(json!({ "registration": { "window": { "closesAt": "2020-01-01T00:00:00", "zone": "UTC" } } })).await;
    assert_eq!(stage.known_at_wechat("wei", &phone(2)).await.refusal(), (403, "registration-closed"));
    assert_eq!((stage.accounts(), stage.identities()), (1, 0));
    assert_eq!(stage.known_at_wechat("xiaoming", &phone(1)).await.step(), "signedIn");
    assert_eq!(Browser::new(&stage).enter("xiaoming").await.step(), "signedIn");
}

#[tokio::test]
async fn a_portal_for_invited_people_sends_nothing_to_strangers_from_wechat() {
    // F31, S41
    let (stage, _) = Stage::with_wechat().await;
    stage.set(json!({ "access": "invited" })).await;
    stage.invited(json!({ "address": phone(1), "notify": false })).await;
    let sent = stage.cloud.messages().list(None).len();
    let browser = Browser::new(&stage);
    let ticket = browser.stranger("wei").await;
    let answer = browser.code_for(&ticket, &phone(2)).await;
    assert_eq!(answer.status, 202);
    assert_eq!(stage.cloud.messages().list(Some(&phone(2))).len(), 0);
    assert!(stage.cloud.messages().list(None).len() <= sent + 1);
    assert_eq!(stage.known_at_wechat("xiaoming", &phone(1)).await.step(), "signedIn");
    assert_eq!(Browser::new(&stage).enter("xiaoming").await.step(), "signedIn");
}

#[tokio::test]
async fn a_full_organisation_binds_nobody() {
    // F77, R6
    let (stage, _) = Stage::with_wechat().await;
    let browser = Browser::new(&stage);
    let ticket = browser.stranger("xiaoming").await;
    // Address, account, identity, portal, seat, session.
    let full = Fault::Cancelled(vec!["None", "None", "None", "None", "ConditionalCheckFailed", "None"]);
    stage.cloud.meter().fail(Rule::next("TransactWriteItems", full));
    assert_eq!(browser.bind(&ticket, &phone(1)).await.refusal(), (409, "no-seats"));
    assert_eq!((stage.accounts(), stage.identities(), stage.sessions()), (0, 0, 0));
}

#[tokio::test]
async fn administrators_and_users_take_wechat_away() {
    let (stage, _) = Stage::with_wechat().await;
    let first = stage.known_at_wechat("xiaoming", &phone(1)).await;
    let session = first.text("session");
    let path = stage.admin_path(&format!("/users/{}/wechat", first.body["user"]["id"].as_str().unwrap()));
    for _ in 0..2 {
        assert_eq!(stage.admin(Method::DELETE, &path).send().await.status, 204, "twice is once");
    }
    assert_eq!(stage.identities(), 0);
    assert_eq!(stage.who_am_i(&session).await.status, 200, "sessions stay");
    assert_eq!(stage.known_at_wechat("xiaoming", &phone(1)).await.body["user"]["id"], first.body["user"]["id"]);
    assert_eq!(stage.call(Method::DELETE, "/v1/me/wechat").bearer(&session).send().await.status, 204);
    assert_eq!((stage.identities(), Browser::new(&stage).enter("xiaoming").await.step().to_owned()), (0, "bind".into()));
    let nobody = stage.admin_path("/users/01KAMQ3ZB7W0GJ5Q4S9T2X8Y6V/wechat");
    assert_eq!(stage.admin(Method::DELETE, &nobody).send().await.refusal(), (404, "not-found"));
}

#[tokio::test]
async fn an_account_that_ends_takes_its_identity_along() {
    // S69
    let (stage, account) = Stage::with_wechat().await;
    let session = stage.known_at_wechat("xiaoming", &phone(1)).await.text("session");
    assert_eq!(stage.call(Method::DELETE, "/v1/me").bearer(&session).send().await.status, 204);
    assert!(!stage.everything().contains(account.openid("xiaoming").as_str()));
    assert_eq!(stage.known_at_wechat("xiaoming", &phone(1)).await.step(), "signedIn", "a new account");
    assert_eq!(stage.accounts(), 1);
}

#[tokio::test]
async fn one_person_is_a_user_of_each_portal_apart() {
    // F78, S33
    let (stage, _) = Stage::with_wechat().await;
    stage.known_at_wechat("xiaoming", &phone(1)).await;
    let second = stage.admin(Method::POST, "/v1/admin/portals").json(&json!({ "application": "Second" })).send().await.text("id");
    let sign_in =
        json!({ "accounts": { "phone": true, "email": true }, "sevenDays": true, "countries": ["CN"], "wechat": { "enabled": true } });
    let path = format!("/v1/admin/portals/{second}");
    stage.admin(Method::PATCH, &path).json(&json!({ "access": "anyone", "signIn": sign_in })).send().await;
    let browser = Browser::new(&stage);
    let left = browser.get(&format!("/v1/portals/{second}/wechat")).await;
    let back = browser.at_wechat(&left, "xiaoming").await;
    let asked = browser.get(&back).await;
    assert_eq!(asked.step(), "bind");
    let crossed = browser.code_for(&asked.text("ticket"), &phone(1)).await;
    assert_eq!(crossed.refusal(), (401, "ticket-expired"), "S42");
}

#[tokio::test]
async fn another_service_account_knows_people_anew() {
    // S33, F82
    let (stage, _) = Stage::with_wechat().await;
    let first = stage.known_at_wechat("xiaoming", &phone(1)).await;
    let other = stage.bind_wechat("plain").await;
    let again = stage.known_at_wechat("xiaoming", &phone(1)).await;
    assert_eq!((again.step(), &again.body["user"]["id"]), ("signedIn", &first.body["user"]["id"]));
    assert_eq!(stage.identities(), 1, "what the account before called them is free");
    assert!(stage.everything().contains(other.openid("xiaoming").as_str()));
    assert_eq!(Browser::new(&stage).enter("xiaoming").await.step(), "signedIn");
}
