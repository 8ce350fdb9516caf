//! Every way to a session, and every rule at each of them (S37).

use http::Method;
use portico_local::meter::{Fault, Rule};
use serde_json::{Value, json};

use crate::{
    authenticators::App,
    passwords::PASSWORD,
    stage::{Answer, Stage},
    wechat::Browser,
    wechat_scan::Scan,
};

const PHONE: &str = "+8613800138000";

/// The ways by which somebody who has an account comes in.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Way {
    Code,
    Password,
    PasswordThenCode,
    PasswordThenApp,
    PasswordThenRecoveryCode,
    WeChat,
    WeChatThenCode,
    WeChatScan,
}

const WAYS: [Way; 8] = [
    Way::Code,
    Way::Password,
    Way::PasswordThenCode,
    Way::PasswordThenApp,
    Way::PasswordThenRecoveryCode,
    Way::WeChat,
    Way::WeChatThenCode,
    Way::WeChatScan,
];
/// The ways of somebody who was never in: nobody else sets an app up.
const FIRST_WAYS: [Way; 6] = [Way::Code, Way::Password, Way::PasswordThenCode, Way::WeChat, Way::WeChatThenCode, Way::WeChatScan];

impl Way {
    fn has_second_step(self) -> bool {
        !matches!(self, Self::Code | Self::Password | Self::WeChat | Self::WeChatScan)
    }

    fn by_app(self) -> bool {
        matches!(self, Self::PasswordThenApp | Self::PasswordThenRecoveryCode)
    }

    fn by_wechat(self) -> bool {
        matches!(self, Self::WeChat | Self::WeChatThenCode | Self::WeChatScan)
    }

    /// The settings of signing in that this way needs, with some of them changed.
    fn settings(self, change: Value) -> Value {
        let mut settings = json!({
            "secondStep": self.has_second_step(), "wechat": { "enabled": true }
        });
        settings.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        settings
    }
}

/// What comes of going this way to its end, whatever stands in it.
async fn go(stage: &Stage, way: Way, app: Option<&App>) -> Answer {
    stage.cloud.clock().advance(61);
    match way {
        Way::Code => {
            let asked = stage.ask_for_code(PHONE).await;
            if asked.status != 202 { asked } else { stage.verify(&asked.text("flow"), &stage.code_of(PHONE)).await }
        }
        Way::Password => stage.sign_in(PHONE, PASSWORD).await,
        Way::PasswordThenCode => second_step(stage, stage.sign_in(PHONE, PASSWORD).await).await,
        Way::PasswordThenApp | Way::PasswordThenRecoveryCode => {
            let half = stage.sign_in(PHONE, PASSWORD).await;
            if half.step() != "secondStep" {
                return half;
            }
            let (ticket, app) = (half.text("ticket"), app.unwrap());
            match way {
                Way::PasswordThenApp => stage.step_by(&ticket, "totp", &stage.shown(app)).await,
                _ => stage.step_by(&ticket, "recoveryCode", &app.recovery[0]).await,
            }
        }
        Way::WeChat | Way::WeChatThenCode => {
            let browser = Browser::new(stage);
            let left = browser.leave("?remember=true").await;
            if left.status != 302 {
                return left;
            }
            let back = browser.at_wechat(&left, "hong").await;
            second_step(stage, browser.get(&back).await).await
        }
        Way::WeChatScan => Scan::whole(stage, "hong").await,
    }
}

async fn second_step(stage: &Stage, half: Answer) -> Answer {
    if half.step() == "secondStep" { stage.second_step(PHONE, &half.text("ticket")).await } else { half }
}

/// A portal with somebody in it who can go this way.
async fn prepared(way: Way) -> (Stage, String, Option<App>) {
    let stage = Stage::with_password().await;
    let app = if way.by_app() {
        let session = stage.sign_in(PHONE, PASSWORD).await.text("session");
        Some(stage.set_up_app(&session).await)
    } else {
        None
    };
    bound(&stage, way).await;
    stage.set_sign_in(way.settings(json!({}))).await;
    let user = stage.users("active").await.remove(0);
    stage.forget_sessions().await;
    (stage, user, app)
}

/// Makes the one who has the number known at WeChat, where the way needs it: as somebody who does not follow.
async fn bound(stage: &Stage, way: Way) {
    if way.by_wechat() {
        stage.set_sign_in(json!({ "wechat": { "enabled": true } })).await;
        stage.bind_wechat("plain").await;
        stage.cloud.clock().advance(61);
        stage.known_at_wechat("hong", PHONE).await;
    }
}

impl Stage {
    /// Signs everybody out.
    async fn forget_sessions(&self) {
        for user in self.users("active").await {
            let path = self.admin_path(&format!("/users/{user}/sessions"));
            assert_eq!(self.admin(Method::DELETE, &path).send().await.status, 204);
        }
    }
}

#[tokio::test]
async fn every_way_leads_in_when_nothing_stands_against_it() {
    for way in WAYS {
        let (stage, _, app) = prepared(way).await;
        let answer = go(&stage, way, app.as_ref()).await;
        assert_eq!(answer.step(), "signedIn", "{way:?}");
        assert_eq!(stage.who_am_i(&answer.text("session")).await.status, 200, "{way:?}");
    }
}

#[tokio::test]
async fn a_portal_that_is_off_stops_every_way() {
    for way in WAYS {
        let (stage, _, app) = prepared(way).await;
        stage.set(json!({ "enabled": false })).await;
        assert_eq!(go(&stage, way, app.as_ref()).await.refusal(), (403, "portal-off"), "{way:?}");
        assert_eq!(stage.sessions(), 0, "{way:?}");
    }
}

#[tokio::test]
async fn a_disabled_user_is_stopped_on_every_way() {
    for way in WAYS {
        let (stage, user, app) = prepared(way).await;
        stage.admin(Method::PATCH, &stage.admin_path(&format!("/users/{user}"))).json(&json!({ "status": "disabled" })).send().await;
        assert_eq!(go(&stage, way, app.as_ref()).await.refusal(), (403, "disabled"), "{way:?}");
        assert_eq!(stage.sessions(), 0, "{way:?}");
    }
}

#[tokio::test]
async fn a_kind_of_account_that_is_off_stops_every_way() {
    // F11
    for way in WAYS {
        let (stage, _, app) = prepared(way).await;
        // WeChat is a kind of account of its own.
        let change = json!({ "accounts": { "phone": false, "email": true }, "wechat": { "enabled": false } });
        stage.set_sign_in(way.settings(change)).await;
        assert_eq!(go(&stage, way, app.as_ref()).await.refusal(), (403, "method-off"), "{way:?}");
        assert_eq!(stage.sessions(), 0, "{way:?}");
    }
}

#[tokio::test]
async fn the_second_address_is_wanted_on_every_way() {
    // F21
    for way in WAYS {
        let (stage, _, app) = prepared(way).await;
        stage.set_sign_in(way.settings(json!({ "bindBoth": true }))).await;
        assert_eq!(go(&stage, way, app.as_ref()).await.step(), "bind", "{way:?}");
        assert_eq!(stage.sessions(), 0, "{way:?}");
    }
}

#[tokio::test]
async fn who_waits_or_was_rejected_is_stopped_on_every_way() {
    // F30
    for (decision, expected) in [(None, (200, "awaitingApproval")), (Some("reject"), (403, "rejected"))] {
        for way in FIRST_WAYS {
            let stage = Stage::open().await;
            stage.applicant(PHONE).await;
            stage.cloud.clock().advance(61);
            assert_eq!(stage.reset(PHONE, PASSWORD).await.status, 204);
            bound(&stage, way).await;
            stage.set_sign_in(way.settings(json!({}))).await;
            if let Some(decision) = decision {
                stage.decide(&stage.users("pending").await, decision).await;
            }
            let answer = go(&stage, way, None).await;
            let name = if answer.status == 200 { answer.step() } else { answer.problem() };
            assert_eq!((answer.status.as_u16(), name), expected, "{way:?}");
            assert_eq!(stage.sessions(), 0, "{way:?}");
        }
    }
}

#[tokio::test]
async fn a_full_organisation_stops_who_would_take_a_seat_on_every_way() {
    // F77, R6
    for way in FIRST_WAYS {
        let stage = Stage::open().await;
        assert_eq!(stage.prove(PHONE).await.step(), "collect", "inactive, with no seat");
        stage.cloud.clock().advance(61);
        assert_eq!(stage.reset(PHONE, PASSWORD).await.status, 204);
        bound(&stage, way).await;
        stage.open_to_anyone().await;
        stage.set_sign_in(way.settings(json!({}))).await;
        // Account, portal, seat, session.
        let full = Fault::Cancelled(vec!["None", "None", "ConditionalCheckFailed", "None"]);
        stage.cloud.meter().fail(Rule::next("TransactWriteItems", full));
        assert_eq!(go(&stage, way, None).await.refusal(), (409, "no-seats"), "{way:?}");
        assert_eq!(stage.sessions(), 0, "{way:?}");
    }
}

#[tokio::test]
async fn seven_days_and_twelve_hours_are_the_same_on_every_way() {
    // F25, S24
    for way in WAYS {
        let (stage, _, app) = prepared(way).await;
        stage.cloud.clock().advance(61);
        let session = go(&stage, way, app.as_ref()).await.text("session");
        stage.cloud.clock().advance(7 * 86_400 - 60);
        assert_eq!(stage.who_am_i(&session).await.status, 200, "{way:?}");
        stage.cloud.clock().advance(120);
        assert_eq!(stage.who_am_i(&session).await.refusal(), (401, "signed-out"), "{way:?}");
    }
}

#[tokio::test]
async fn who_must_follow_is_stopped_on_every_way_by_wechat_and_no_other() {
    // F17
    for way in WAYS {
        let (stage, _, app) = prepared(way).await;
        stage.set_sign_in(way.settings(json!({ "wechat": { "enabled": true, "follow": true } }))).await;
        let step = go(&stage, way, app.as_ref()).await.step().to_owned();
        assert_eq!(step, if way.by_wechat() { "follow" } else { "signedIn" }, "{way:?}");
    }
}

#[tokio::test]
async fn passwords_survive_a_rotation_of_the_secret_and_are_hashed_anew() {
    // S17
    let stage = Stage::with_password().await;
    let version = |stage: &Stage| {
        let passwords = stage.cloud.database().items("UsersTable").unwrap().into_iter().filter(|row| row["sk"] == "PASSWORD");
        passwords.map(|row| row["secretVersion"].clone()).collect::<Vec<Value>>()
    };
    let first = version(&stage);
    for _ in 0..2 {
        stage.cloud.rotate_secret().unwrap();
        stage.cloud.clock().advance(700);
        assert_eq!(stage.sign_in(PHONE, PASSWORD).await.step(), "signedIn");
    }
    assert_ne!(version(&stage), first);
}

#[tokio::test]
async fn strangers_of_a_portal_for_invited_people_cost_as_much_work() {
    // S40, S41
    let stage = Stage::open().await;
    stage.open_to_anyone().await;
    for address in [PHONE, "li@example.com"] {
        stage.signed_in(address).await;
    }
    stage.set(json!({ "access": "invited" })).await;
    stage.cloud.clock().advance(61);
    for (known, stranger) in [(PHONE, "+8613900139000"), ("li@example.com", "wang@example.com")] {
        let mut calls = Vec::new();
        for address in [known, stranger] {
            stage.cloud.meter().reset();
            let answer = stage.ask_for_code(address).await;
            assert_eq!(answer.status, 202, "{answer:?}");
            let of_sending = stage.cloud.meter().calls().into_iter().filter(|call| call.caller == "send-code");
            let mut made: Vec<_> = of_sending.map(|call| (call.operation.clone(), call.tables.clone())).collect();
            made.sort();
            calls.push(made);
        }
        assert_eq!(calls[0], calls[1]);
        assert_eq!(stage.cloud.messages().list(Some(stranger)).len(), 0);
    }
    assert!(stage.cloud.messages().list(Some("success@simulator.amazonses.com")).is_empty());
}
