//! Passwords: setting, changing, resetting, signing in (F14, F23, S15 to S20, S39, S40).

use http::Method;
use serde_json::{Value, json};

use crate::stage::{Answer, Stage};

const PHONE: &str = "+8613800138000";
const MAIL: &str = "li@example.com";
pub(crate) const PASSWORD: &str = "my boat leaks at noon";

impl Stage {
    /// Asks for a code for another purpose than to sign in.
    pub(crate) async fn flow_for(&self, purpose: &str, address: &str) -> String {
        let body = json!({ "address": address, "purpose": purpose, "locale": "en" });
        let answer = self.call(Method::POST, &self.path("codes")).json(&body).send().await;
        assert_eq!(answer.status, 202, "{answer:?}");
        answer.text("flow")
    }

    /// Sets a new password by a code.
    pub(crate) async fn reset(&self, address: &str, password: &str) -> Answer {
        let flow = self.flow_for("reset-password", address).await;
        let body = json!({ "flow": flow, "code": self.code_of(address), "password": password });
        self.post(&self.path("password"), body).await
    }

    pub(crate) async fn sign_in(&self, address: &str, password: &str) -> Answer {
        let body = json!({ "address": address, "password": password, "remember": true });
        self.call(Method::POST, &self.path("password-sessions")).header("accept", "application/json").json(&body).send().await
    }

    /// A portal open to anyone, with somebody in it who has a password.
    pub(crate) async fn with_password() -> Self {
        Self::open().await.having_password().await
    }

    /// The same cloud, open to anyone, with somebody in it who has a password.
    pub(crate) async fn having_password(self) -> Self {
        self.open_to_anyone().await;
        self.signed_in(PHONE).await;
        self.cloud.clock().advance(61);
        assert_eq!(self.reset(PHONE, PASSWORD).await.status, 204);
        self
    }

    /// The settings of signing in, with some of them changed.
    pub(crate) async fn set_sign_in(&self, change: Value) {
        let mut settings = json!({ "accounts": { "phone": true, "email": true }, "sevenDays": true, "countries": ["CN"] });
        settings.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        self.set(json!({ "signIn": settings })).await;
    }
}

#[tokio::test]
async fn a_password_is_set_by_a_code_and_signs_in() {
    // F14, S19
    let stage = Stage::with_password().await;
    let told = stage.cloud.messages().last(PHONE).unwrap().text;
    assert!(told.contains("password") && told.contains("was changed"), "S18: {told}");
    let answer = stage.sign_in(" 138 0013 8000 ", PASSWORD).await;
    assert_eq!((answer.step(), answer.body["user"]["phone"].as_str()), ("signedIn", Some(PHONE)));
    assert_eq!(stage.who_am_i(&answer.text("session")).await.status, 200);
    let week = answer.headers["set-cookie"].to_str().unwrap();
    assert!(week.contains("Max-Age=604800"), "F25: {week}");
}

#[tokio::test]
async fn a_reset_signs_nobody_in_and_ends_all_sessions() {
    // S19, S27
    let stage = Stage::open().await;
    stage.open_to_anyone().await;
    let session = stage.signed_in(PHONE).await;
    stage.cloud.clock().advance(61);
    let reset = stage.reset(PHONE, PASSWORD).await;
    assert_eq!((reset.status.as_u16(), reset.headers.get("set-cookie")), (204, None));
    assert_eq!(stage.who_am_i(&session).await.refusal(), (401, "signed-out"));
    assert_eq!(stage.sessions(), 0);
}

#[tokio::test]
async fn wrong_passwords_unknown_people_and_people_without_one_look_the_same() {
    // S40
    let stage = Stage::with_password().await;
    stage.signed_in(MAIL).await;
    for (address, password) in
        [(PHONE, "my boat leaks at nine"), (MAIL, PASSWORD), ("nobody@example.com", PASSWORD), ("13900139000", PASSWORD)]
    {
        stage.cloud.meter().reset();
        let answer = stage.sign_in(address, password).await;
        assert_eq!(answer.refusal(), (422, "password-wrong"), "{address}");
        let calls = stage.cloud.meter().calls().iter().map(|call| call.operation.clone()).collect::<Vec<_>>();
        assert_eq!(calls.len(), 4, "{address}: {calls:?}");
    }
}

#[tokio::test]
async fn five_wrong_passwords_lock_and_the_remaining_time_is_told() {
    // F23, S39
    let stage = Stage::with_password().await;
    for address in [PHONE, "13900139000"] {
        for _ in 0..5 {
            assert_eq!(stage.sign_in(address, "wrong wrong wrong").await.refusal(), (422, "password-wrong"));
        }
        let locked = stage.sign_in(address, PASSWORD).await;
        assert_eq!(locked.refusal(), (429, "locked"), "known or not (S40)");
        assert!((1..=60).contains(&locked.body["retryAfter"].as_i64().unwrap()));
        assert!(locked.headers.contains_key("retry-after"));
    }
    assert_eq!(stage.ask_for_code(PHONE).await.refusal(), (429, "too-many-requests"), "the interval of codes, and no lock of theirs");
    stage.cloud.clock().advance(61);
    assert_eq!(stage.sign_in(PHONE, PASSWORD).await.step(), "signedIn");
    for _ in 0..5 {
        stage.sign_in(PHONE, "wrong wrong wrong").await;
    }
    assert_eq!(stage.sign_in(PHONE, "wrong wrong wrong").await.refusal(), (429, "locked"), "a right one ended the row");
}

#[tokio::test]
async fn of_fifty_wrong_passwords_at_once_five_are_compared() {
    let stage = std::sync::Arc::new(Stage::with_password().await);
    let mut guesses = tokio::task::JoinSet::new();
    for index in 0..25 {
        let stage = stage.clone();
        guesses.spawn(async move {
            let body = json!({ "address": PHONE, "password": "wrong wrong wrong" });
            let from = format!("127.0.2.{}", index + 1);
            stage.call_from(&from, Method::POST, &stage.path("password-sessions")).json(&body).send().await
        });
    }
    let mut compared = 0;
    while let Some(answer) = guesses.join_next().await {
        let answer = answer.unwrap();
        match answer.refusal() {
            (422, "password-wrong") => compared += 1,
            (429, "locked") | (503, "unavailable") => {}
            _ => panic!("{answer:?}"),
        }
    }
    assert!((1..=5).contains(&compared), "{compared}");
}

#[tokio::test]
async fn what_is_wrong_with_a_password_is_told_before_the_code_is_used() {
    // S15, S16
    let stage = Stage::open().await;
    stage.open_to_anyone().await;
    stage.signed_in(PHONE).await;
    stage.cloud.clock().advance(61);
    let flow = stage.flow_for("reset-password", PHONE).await;
    let code = stage.code_of(PHONE);
    let reset = |password: String| {
        let (body, stage) = (json!({ "flow": flow, "code": code, "password": password }), &stage);
        async move { stage.post(&stage.path("password"), body).await }
    };
    let short = reset("fourteen chars".into()).await;
    assert_eq!(
        (short.refusal(), short.body["errors"][0]["code"].as_str(), short.body["minLength"].as_i64()),
        ((422, "invalid"), Some("too-short"), Some(15))
    );
    assert_eq!(reset("x".repeat(257)).await.body["errors"][0]["code"], "too-long");
    assert_eq!(reset("passwordpassword".into()).await.body["errors"][0]["code"], "too-common");
    assert_eq!(reset(format!("{PASSWORD} 夜")).await.status, 204);
    assert_eq!(stage.sign_in(PHONE, &format!("{PASSWORD} 夜")).await.step(), "signedIn");
    assert_eq!(reset(PASSWORD.into()).await.refusal(), (422, "code-expired"), "S6");
}

#[tokio::test]
async fn eight_characters_are_enough_with_a_second_step() {
    // S15
    let stage = Stage::open().await;
    stage.open_to_anyone().await;
    stage.signed_in(PHONE).await;
    stage.set_sign_in(json!({ "secondStep": true })).await;
    stage.cloud.clock().advance(61);
    assert_eq!(stage.get(&stage.path("password")).await.body["minLength"], 8);
    assert_eq!(stage.reset(PHONE, "kX9#qW2z").await.status, 204);
}

#[tokio::test]
async fn a_code_for_one_purpose_serves_no_other() {
    // S2
    let stage = Stage::with_password().await;
    stage.cloud.clock().advance(61);
    let flow = stage.flow_for("reset-password", PHONE).await;
    assert_eq!(stage.verify(&flow, &stage.code_of(PHONE)).await.refusal(), (422, "code-expired"));
    stage.cloud.clock().advance(61);
    let flow = stage.flow(PHONE).await;
    let body = json!({ "flow": flow, "code": stage.code_of(PHONE), "password": PASSWORD });
    assert_eq!(stage.post(&stage.path("password"), body).await.refusal(), (422, "code-expired"));
}

#[tokio::test]
async fn who_has_no_account_learns_it_after_the_proof_only() {
    let stage = Stage::open().await;
    assert_eq!(stage.reset("+8613900139000", PASSWORD).await.refusal(), (409, "no-account"));
}

#[tokio::test]
async fn one_changes_ones_password_with_the_old_one_or_a_fresh_code() {
    // S18
    let stage = Stage::with_password().await;
    let (here, elsewhere) = (stage.sign_in(PHONE, PASSWORD).await.text("session"), stage.sign_in(PHONE, PASSWORD).await.text("session"));
    let (stage, here) = (&stage, &here);
    let change = |body: Value| async move { stage.call(Method::PUT, "/v1/me/password").bearer(here).json(&body).send().await };
    assert_eq!(change(json!({ "password": "another long password" })).await.refusal(), (422, "invalid"));
    let wrong = json!({ "current": "wrong wrong wrong", "password": "another long password" });
    assert_eq!(change(wrong).await.refusal(), (422, "password-wrong"));
    let right = json!({ "current": PASSWORD, "password": "another long password", "endOthers": false });
    assert_eq!(change(right).await.status, 204);
    assert_eq!(stage.who_am_i(&elsewhere).await.status, 200);
    assert_eq!(stage.sign_in(PHONE, PASSWORD).await.refusal(), (422, "password-wrong"));
    stage.cloud.clock().advance(61);
    let flow = stage.flow_for("reset-password", PHONE).await;
    let by_code = json!({ "flow": flow, "code": stage.code_of(PHONE), "password": PASSWORD });
    assert_eq!(change(by_code).await.status, 204);
    assert_eq!(stage.who_am_i(&elsewhere).await.refusal(), (401, "signed-out"), "the others end, unless told not to");
    assert_eq!(stage.who_am_i(here).await.status, 200);
}

#[tokio::test]
async fn a_code_to_somebody_elses_address_changes_nothing() {
    let stage = Stage::with_password().await;
    let other = stage.signed_in(MAIL).await;
    stage.cloud.clock().advance(61);
    let flow = stage.flow_for("reset-password", PHONE).await;
    let body = json!({ "flow": flow, "code": stage.code_of(PHONE), "password": "another long password" });
    let answer = stage.call(Method::PUT, "/v1/me/password").bearer(&other).json(&body).send().await;
    assert_eq!(answer.refusal(), (422, "code-expired"));
}

#[tokio::test]
async fn passwords_are_off_where_portal_or_link_has_them_off() {
    // F6
    let stage = Stage::with_password().await;
    stage.admin(Method::POST, &stage.admin_path("/links")).json(&json!({ "suffix": "codes-only", "password": false })).send().await;
    let body = json!({ "address": PHONE, "password": PASSWORD, "link": "codes-only" });
    assert_eq!(stage.post(&stage.path("password-sessions"), body).await.refusal(), (403, "method-off"));
    assert_eq!(stage.sign_in(PHONE, PASSWORD).await.step(), "signedIn");
    stage.set_sign_in(json!({ "password": false })).await;
    assert_eq!(stage.sign_in(PHONE, PASSWORD).await.refusal(), (403, "method-off"));
}

#[tokio::test]
async fn the_rules_of_the_door_hold_for_passwords_too() {
    // S37
    let stage = Stage::with_password().await;
    let user = stage.users("active").await.remove(0);
    let (path, stage) = (stage.admin_path(&format!("/users/{user}")), &stage);
    let path = path.as_str();
    let status = |status: &'static str| async move { stage.admin(Method::PATCH, path).json(&json!({ "status": status })).send().await };
    status("disabled").await;
    assert_eq!(stage.sign_in(PHONE, "wrong wrong wrong").await.refusal(), (422, "password-wrong"), "told to who knows the password only");
    assert_eq!(stage.sign_in(PHONE, PASSWORD).await.refusal(), (403, "disabled"));
    status("active").await;
    stage.set(json!({ "enabled": false })).await;
    assert_eq!(stage.sign_in(PHONE, PASSWORD).await.refusal(), (403, "portal-off"));
}

#[tokio::test]
async fn hashes_are_keyed_and_nothing_of_a_password_is_stored() {
    // S17
    let stage = Stage::with_password().await;
    let everything = stage.everything();
    assert!(everything.contains("$argon2id$v=19$m=19456,t=2,p=1$"));
    assert!(!everything.contains(PASSWORD));
}
