//! Every way to a session, and every rule at each of them (S37).

use http::Method;
use portico_local::meter::{Fault, Rule};
use serde_json::{Value, json};

use crate::{
    authenticators::App,
    passwords::PASSWORD,
    stage::{Answer, Stage},
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
}

impl Way {
    fn has_second_step(self) -> bool {
        !matches!(self, Self::Code | Self::Password)
    }
}

const WAYS: [Way; 5] = [Way::Code, Way::Password, Way::PasswordThenCode, Way::PasswordThenApp, Way::PasswordThenRecoveryCode];
/// The ways of somebody who was never in: nobody else sets an app up.
const FIRST_WAYS: [Way; 3] = [Way::Code, Way::Password, Way::PasswordThenCode];

/// What comes of going this way to its end, whatever stands in it.
async fn go(stage: &Stage, way: Way, app: Option<&App>) -> Answer {
    stage.cloud.clock().advance(61);
    match way {
        Way::Code => {
            let asked = stage.ask_for_code(PHONE).await;
            if asked.status != 202 { asked } else { stage.verify(&asked.text("flow"), &stage.code_of(PHONE)).await }
        }
        Way::Password => stage.sign_in(PHONE, PASSWORD).await,
        Way::PasswordThenCode | Way::PasswordThenApp | Way::PasswordThenRecoveryCode => {
            let half = stage.sign_in(PHONE, PASSWORD).await;
            if half.step() != "secondStep" {
                return half;
            }
            let ticket = half.text("ticket");
            match (way, app) {
                (Way::PasswordThenApp, Some(app)) => stage.step_by(&ticket, "totp", &stage.shown(app)).await,
                (Way::PasswordThenRecoveryCode, Some(app)) => stage.step_by(&ticket, "recoveryCode", &app.recovery[0]).await,
                _ => stage.second_step(PHONE, &ticket).await,
            }
        }
    }
}

/// A portal with somebody in it who can go this way.
async fn prepared(way: Way) -> (Stage, String, Option<App>) {
    let stage = Stage::with_password().await;
    let app = if matches!(way, Way::PasswordThenApp | Way::PasswordThenRecoveryCode) {
        let session = stage.sign_in(PHONE, PASSWORD).await.text("session");
        let app = stage.set_up_app(&session).await;
        stage.call(Method::DELETE, "/v1/sessions").bearer(&session).send().await;
        Some(app)
    } else {
        None
    };
    if way.has_second_step() {
        stage.set_sign_in(json!({ "secondStep": true })).await;
    }
    assert_eq!(stage.sessions(), 0);
    let user = stage.users("active").await.remove(0);
    (stage, user, app)
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
        stage.set_sign_in(json!({ "accounts": { "phone": false, "email": true }, "secondStep": way.has_second_step() })).await;
        assert_eq!(go(&stage, way, app.as_ref()).await.refusal(), (403, "method-off"), "{way:?}");
        assert_eq!(stage.sessions(), 0, "{way:?}");
    }
}

#[tokio::test]
async fn the_second_address_is_wanted_on_every_way() {
    // F21
    for way in WAYS {
        let (stage, _, app) = prepared(way).await;
        stage.set_sign_in(json!({ "bindBoth": true, "secondStep": way.has_second_step() })).await;
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
            stage.set_sign_in(json!({ "secondStep": way.has_second_step() })).await;
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
        stage.open_to_anyone().await;
        stage.set_sign_in(json!({ "secondStep": way.has_second_step() })).await;
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
            let mut made: Vec<_> = stage.cloud.meter().calls().iter().map(|call| (call.operation.clone(), call.tables.clone())).collect();
            made.sort();
            calls.push(made);
        }
        assert_eq!(calls[0], calls[1]);
        assert_eq!(stage.cloud.messages().list(Some(stranger)).len(), 0);
    }
    assert!(stage.cloud.messages().list(Some("success@simulator.amazonses.com")).is_empty());
}
