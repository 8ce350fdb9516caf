//! Authenticator apps and recovery codes as the second step (F19, S39).

use futures_util::future::join_all;
use http::Method;
use serde_json::{Value, json};
use totp_rs::{Builder, Secret, Totp};

use crate::{
    passwords::PASSWORD,
    stage::{Answer, Stage},
};

const PHONE: &str = "+8613800138000";

/// An app on somebody's phone, and what they noted down.
pub(crate) struct App {
    totp: Totp,
    secret: String,
    pub(crate) recovery: Vec<String>,
}

impl Stage {
    /// What an app shows now.
    pub(crate) fn shown(&self, app: &App) -> String {
        self.generate(&app.totp)
    }

    fn generate(&self, totp: &Totp) -> String {
        totp.generate(u64::try_from(self.cloud.clock().now().as_second()).unwrap()).to_string()
    }

    async fn totp(&self, session: &str, method: Method, body: Option<Value>) -> Answer {
        self.mine(session, method, "/totp", body).await
    }

    /// Sets an app up; the codes that it shows from now on can be used.
    pub(crate) async fn set_up_app(&self, session: &str) -> App {
        let begun = self.totp(session, Method::POST, None).await;
        let secret = begun.text("secret");
        assert!(begun.text("uri").contains(&format!("secret={secret}&")), "{begun:?}");
        let totp = Builder::new().with_secret(Secret::try_from_base32(&secret).unwrap()).build().unwrap();
        let confirmed = self.totp(session, Method::PUT, Some(json!({ "code": self.generate(&totp) }))).await;
        let codes = confirmed.body["recoveryCodes"].as_array().unwrap_or_else(|| panic!("{confirmed:?}"));
        self.cloud.clock().advance(31);
        App { totp, secret, recovery: codes.iter().map(|code| code.as_str().unwrap().to_owned()).collect() }
    }

    pub(crate) async fn step_by(&self, ticket: &str, name: &str, value: &str) -> Answer {
        let body = json!({ "ticket": ticket, name: value });
        self.call(Method::POST, &self.path("sessions")).header("accept", "application/json").json(&body).send().await
    }

    async fn half_way(&self) -> String {
        let half = self.sign_in(PHONE, PASSWORD).await;
        assert_eq!(half.step(), "secondStep", "{half:?}");
        half.text("ticket")
    }
}

/// Somebody with password and app at a portal that wants a second step.
async fn with_app() -> (Stage, App, String) {
    let stage = Stage::with_password().await;
    let session = stage.sign_in(PHONE, PASSWORD).await.text("session");
    stage.set_sign_in(json!({ "secondStep": true })).await;
    let app = stage.set_up_app(&session).await;
    (stage, app, session)
}

fn wrong(code: &str) -> &'static str {
    if code == "000000" { "000001" } else { "000000" }
}

#[tokio::test]
async fn what_the_app_shows_takes_the_second_step() {
    // F19
    let (stage, app, session) = with_app().await;
    let me = stage.mine(&session, Method::GET, "", None).await.body;
    assert_eq!((&me["totp"], &me["recoveryCodesLeft"]), (&json!(true), &json!(10)));
    let half = stage.sign_in(PHONE, PASSWORD).await;
    assert_eq!((&half.body["totp"], &half.body["recoveryCodes"]), (&json!(true), &json!(true)));
    assert!(half.headers.get("set-cookie").is_none(), "S38");
    let ticket = half.text("ticket");
    let code = stage.shown(&app);
    assert_eq!(stage.step_by(&ticket, "totp", wrong(&code)).await.refusal(), (422, "totp-wrong"));
    let shown = format!("{} {}", &code[..3], &code[3..]);
    let inside = stage.step_by(&ticket, "totp", &shown).await;
    assert_eq!(inside.step(), "signedIn", "{inside:?}");
    assert_eq!(stage.who_am_i(&inside.text("session")).await.status, 200);
    stage.cloud.clock().advance(31);
    let again = stage.step_by(&ticket, "totp", &stage.shown(&app)).await;
    assert_eq!(again.refusal(), (409, "ticket-spent"), "one sign-in, one session");
}

#[tokio::test]
async fn who_has_no_app_takes_the_second_step_by_a_code() {
    let stage = Stage::with_password().await;
    stage.set_sign_in(json!({ "secondStep": true })).await;
    let half = stage.sign_in(PHONE, PASSWORD).await;
    assert_eq!((&half.body["totp"], &half.body["recoveryCodes"]), (&json!(false), &json!(false)));
    for (name, value) in [("totp", "123456"), ("recoveryCode", "abcd-efgh-2345")] {
        assert_eq!(stage.step_by(&half.text("ticket"), name, value).await.refusal(), (422, "totp-wrong"));
    }
    stage.cloud.clock().advance(61);
    assert_eq!(stage.second_step(PHONE, &half.text("ticket")).await.step(), "signedIn");
}

#[tokio::test]
async fn a_code_is_taken_once_and_one_step_early_or_late() {
    let (stage, app, _) = with_app().await;
    let code = stage.shown(&app);
    assert_eq!(stage.step_by(&stage.half_way().await, "totp", &code).await.step(), "signedIn");
    assert_eq!(stage.step_by(&stage.half_way().await, "totp", &code).await.refusal(), (422, "totp-wrong"), "the same code");
    stage.cloud.clock().advance(60);
    let late = stage.shown(&app);
    stage.cloud.clock().advance(30);
    let now = stage.shown(&app);
    assert_eq!(stage.step_by(&stage.half_way().await, "totp", &late).await.step(), "signedIn", "thirty seconds late");
    assert_eq!(stage.step_by(&stage.half_way().await, "totp", &now).await.step(), "signedIn");
    assert_eq!(stage.step_by(&stage.half_way().await, "totp", &late).await.refusal(), (422, "totp-wrong"), "older than the last");
    let later = stage.shown(&app);
    stage.cloud.clock().advance(90);
    assert_eq!(stage.step_by(&stage.half_way().await, "totp", &later).await.refusal(), (422, "totp-wrong"), "too late");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_who_bring_one_code_at_once_one_is_in() {
    let (stage, app, _) = &with_app().await;
    let code = &stage.shown(app);
    let tickets = [stage.half_way().await, stage.half_way().await, stage.half_way().await, stage.half_way().await];
    let before = stage.sessions();
    let answers = join_all(tickets.iter().map(|ticket| stage.step_by(ticket, "totp", code))).await;
    assert_eq!(answers.iter().filter(|answer| answer.step() == "signedIn").count(), 1, "{answers:?}");
    assert_eq!(stage.sessions(), before + 1);
}

#[tokio::test]
async fn wrong_codes_lock_the_second_step_and_nothing_else() {
    // S39, F23
    let (stage, app, _) = with_app().await;
    let ticket = stage.half_way().await;
    for round in 0..5 {
        let (name, value) = if round % 2 == 0 { ("totp", wrong(&stage.shown(&app))) } else { ("recoveryCode", "abcd-efgh-2345") };
        assert_eq!(stage.step_by(&ticket, name, value).await.refusal(), (422, "totp-wrong"));
    }
    let locked = stage.step_by(&ticket, "totp", &stage.shown(&app)).await;
    assert_eq!(locked.refusal(), (429, "locked"));
    assert!((50..=60).contains(&locked.body["retryAfter"].as_i64().unwrap()), "a clock that goes on: {locked:?}");
    assert_eq!(
        stage.step_by(&stage.half_way().await, "recoveryCode", &app.recovery[0]).await.refusal(),
        (429, "locked"),
        "another sign-in"
    );
    assert_eq!(stage.sign_in(PHONE, PASSWORD).await.step(), "secondStep", "the password is not locked");
    stage.cloud.clock().advance(30);
    assert_eq!(stage.second_step(PHONE, &ticket).await.step(), "signedIn", "nor is a code by SMS");
    stage.cloud.clock().advance(31);
    assert_eq!(stage.step_by(&stage.half_way().await, "totp", &stage.shown(&app)).await.step(), "signedIn");
    let fresh = stage.step_by(&stage.half_way().await, "recoveryCode", "abcd-efgh-2345").await;
    assert_eq!(fresh.refusal(), (422, "totp-wrong"), "a right code ends the row");
}

#[tokio::test]
async fn a_recovery_code_is_taken_once() {
    // F19
    let (stage, app, session) = with_app().await;
    assert_eq!(app.recovery.len(), 10);
    let typed = app.recovery[3].to_uppercase().replace('-', " ");
    assert_eq!(stage.step_by(&stage.half_way().await, "recoveryCode", &typed).await.step(), "signedIn");
    assert_eq!(stage.step_by(&stage.half_way().await, "recoveryCode", &app.recovery[3]).await.refusal(), (422, "totp-wrong"));
    assert_eq!(stage.mine(&session, Method::GET, "", None).await.body["recoveryCodesLeft"], 9);
    assert_eq!(stage.step_by(&stage.half_way().await, "recoveryCode", &app.recovery[4]).await.step(), "signedIn");
}

#[tokio::test]
async fn the_owner_is_told_of_an_app_and_of_each_recovery_code() {
    // F19
    let stage = Stage::with_password().await;
    let session = stage.sign_in(PHONE, PASSWORD).await.text("session");
    let told = |count: usize| {
        let sent: Vec<String> = stage.cloud.messages().list(Some(PHONE)).into_iter().map(|message| message.text).collect();
        assert_eq!(sent.len(), count, "{sent:?}");
        sent.into_iter().next().unwrap()
    };
    let before = stage.cloud.messages().list(Some(PHONE)).len();
    let app = stage.set_up_app(&session).await;
    assert!(told(before + 1).contains("An authenticator app was set up"));
    stage.set_sign_in(json!({ "secondStep": true })).await;
    let half = stage.half_way().await;
    assert_eq!(stage.step_by(&half, "recoveryCode", "abcd-efgh-2345").await.refusal(), (422, "totp-wrong"));
    assert_eq!(stage.step_by(&half, "recoveryCode", &app.recovery[0]).await.step(), "signedIn");
    assert!(told(before + 2).contains("A recovery code was used"), "and not of a wrong one");
    stage.cloud.clock().advance(31);
    assert_eq!(stage.step_by(&stage.half_way().await, "totp", &stage.shown(&app)).await.step(), "signedIn");
    told(before + 2);
    assert_eq!(stage.mine(&session, Method::PATCH, "", Some(json!({ "locale": "zh" }))).await.status, 200);
    // A sender that fails changes nothing.
    stage.cloud.fail_sender(Some(portico_local::capture::Sender::Sns));
    assert_eq!(stage.step_by(&stage.half_way().await, "recoveryCode", &app.recovery[1]).await.step(), "signedIn");
    stage.cloud.fail_sender(None);
    assert_eq!(stage.totp(&session, Method::DELETE, Some(json!({ "code": app.recovery[2] }))).await.status, 204);
    assert!(told(before + 3).contains("已移除身份验证器"), "in the language of the owner");
}

#[tokio::test]
async fn an_app_counts_once_confirmed_and_goes_by_its_own_code() {
    let stage = Stage::with_password().await;
    let session = stage.sign_in(PHONE, PASSWORD).await.text("session");
    let put = async |code: &str| stage.totp(&session, Method::PUT, Some(json!({ "code": code }))).await;
    assert_eq!(put("123456").await.refusal(), (404, "not-found"), "nothing was begun");
    let begun = stage.totp(&session, Method::POST, None).await.text("secret");
    let old = Builder::new().with_secret(Secret::try_from_base32(&begun).unwrap()).build().unwrap();
    assert_eq!(stage.mine(&session, Method::GET, "", None).await.body["totp"], false, "it does not count yet");
    stage.cloud.clock().advance(601);
    assert_eq!(put(&stage.generate(&old)).await.refusal(), (404, "not-found"), "ten minutes");
    let app = stage.set_up_app(&session).await;
    assert_ne!(app.secret, begun);
    assert_eq!(stage.totp(&session, Method::POST, None).await.refusal(), (409, "totp-on"));
    assert_eq!(put(&stage.shown(&app)).await.refusal(), (409, "totp-on"));
    let remove = async |code: &str| stage.totp(&session, Method::DELETE, Some(json!({ "code": code }))).await;
    assert_eq!(remove(wrong(&stage.shown(&app))).await.refusal(), (422, "totp-wrong"));
    assert_eq!(remove(&stage.shown(&app)).await.status, 204);
    let me = stage.mine(&session, Method::GET, "", None).await.body;
    assert_eq!((&me["totp"], &me["recoveryCodesLeft"]), (&json!(false), &json!(0)));
    let app = stage.set_up_app(&session).await;
    assert_eq!(remove(&app.recovery[0]).await.status, 204, "who lost the app has a recovery code");
}

#[tokio::test]
async fn secrets_are_stored_encrypted_and_survive_a_rotation() {
    use base64::{
        Engine,
        engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
    };
    let (stage, app, session) = with_app().await;
    let everything = stage.everything();
    let raw = Secret::try_from_base32(&app.secret).unwrap();
    for text in [app.secret.clone(), STANDARD.encode(raw.as_ref()), URL_SAFE_NO_PAD.encode(raw.as_ref()), app.recovery[0].clone()] {
        assert!(!everything.contains(&text), "{text}");
    }
    for _ in 0..3 {
        stage.cloud.rotate_secret().unwrap();
        stage.cloud.clock().advance(660);
        assert_eq!(stage.step_by(&stage.half_way().await, "totp", &stage.shown(&app)).await.step(), "signedIn");
    }
    assert_eq!(stage.mine(&session, Method::DELETE, "", None).await.status, 204);
    assert_eq!(stage.rows("UsersTable", |row| row["sk"] == "AUTHENTICATOR"), 0, "S69");
}

#[tokio::test]
async fn only_the_ticket_of_a_second_step_is_one() {
    // S38
    let (stage, app, _) = with_app().await;
    let label = json!({ "zh": "x", "en": "x" });
    let name = json!({ "id": "name", "type": "text", "label": label, "collect": true, "required": true });
    stage.set(json!({ "fields": [name] })).await;
    let collect = stage.prove("+8613800138001").await;
    assert_eq!(stage.step_by(&collect.text("ticket"), "totp", &stage.shown(&app)).await.refusal(), (401, "ticket-expired"));
    assert_eq!(stage.step_by("x", "totp", "123456").await.refusal(), (401, "ticket-expired"));
    let ticket = stage.half_way().await;
    let stranger = stage.neighbour().await;
    let body = json!({ "ticket": ticket, "totp": stage.shown(&app) });
    let elsewhere = stage.post(&format!("/v1/portals/{}/sessions", stranger.portal), body).await;
    assert_eq!(elsewhere.refusal(), (401, "ticket-expired"), "S42");
    for body in
        [json!({ "ticket": ticket }), json!({ "totp": "123456" }), json!({ "ticket": ticket, "totp": "123456", "recoveryCode": "x" })]
    {
        assert_eq!(stage.post(&stage.path("sessions"), body).await.refusal(), (422, "invalid"));
    }
}
