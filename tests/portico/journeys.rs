//! Codes, admission and sessions as a state machine: a model of the rules foretells every answer of the real system (S3, S5 to S7, S24,
//! S26, S38, S50, F20, F23, F30, F31, F34).
//!
//! Time moves in steps of seventy seconds, so that no end of anything falls into the moments that a case itself takes.

mod model;

use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use http::Method;
use proptest::test_runner::Config;
use proptest_state_machine::{StateMachineTest, prop_state_machine};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use self::model::{Account, Act, LONG, Model, PEOPLE, Rules};
use crate::stage::{Answer, Stage, phone};

/// One cloud for all cases, each of which has an organisation of its own.
struct World {
    runtime: Runtime,
    stage: Mutex<Stage>,
}

fn world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    WORLD.get_or_init(|| {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let crowds = ["CAP_CLIENT_MINUTELY", "CAP_CLIENT_HOURLY", "CAP_PORTAL_HOURLY", "CAP_RECIPIENT_HOURLY", "CAP_RECIPIENT_DAILY"];
        let stage = runtime.block_on(Stage::with(&crowds.map(|cap| (cap, "60000"))));
        World { runtime, stage: Mutex::new(stage) }
    })
}

fn stage() -> MutexGuard<'static, Stage> {
    world().stage.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What people hold in their hands.
#[derive(Default)]
struct Hands {
    flow: String,
    code: String,
    ticket: String,
    sessions: Vec<String>,
    /// As administrators know them.
    user: String,
}

#[derive(Default)]
struct Portal {
    people: [Hands; PEOPLE],
}

fn told(answer: &Answer) -> String {
    let word = if answer.status == 200 { answer.step() } else { answer.problem() };
    format!("{} {word}", answer.status.as_u16()).trim().to_owned()
}

impl Hands {
    /// Keeps what an answer gives.
    fn keep(&mut self, answer: &Answer) -> String {
        if let Some(ticket) = answer.body["ticket"].as_str() {
            self.ticket = ticket.to_owned();
        }
        if let Some(session) = answer.body["session"].as_str() {
            self.sessions.push(session.to_owned());
        }
        told(answer)
    }
}

/// The account of somebody, for administrators.
async fn user(stage: &Stage, portal: &mut Portal, who: usize) -> String {
    if portal.people[who].user.is_empty() {
        let answer = stage.admin(Method::GET, &stage.admin_path("/users")).send().await;
        let users = answer.body["users"].as_array().unwrap_or_else(|| panic!("{answer:?}"));
        let found = users.iter().find(|user| user["phone"] == phone(who)).unwrap_or_else(|| panic!("{users:?}"));
        portal.people[who].user = found["id"].as_str().unwrap().to_owned();
    }
    portal.people[who].user.clone()
}

async fn perform(stage: &mut Stage, portal: &mut Portal, act: &Act) -> String {
    match *act {
        Act::Ask(who) => {
            let before = stage.cloud.messages().list(Some(&phone(who))).len();
            let answer = stage.ask_for_code(&phone(who)).await;
            if answer.status != 202 {
                return told(&answer);
            }
            portal.people[who].flow = answer.text("flow");
            let is_told = stage.cloud.messages().list(Some(&phone(who))).len() > before;
            portal.people[who].code = if is_told { stage.code_of(&phone(who)) } else { String::new() };
            if is_told { "202 told".into() } else { "202 nothing".into() }
        }
        Act::GuessRight(who) => {
            let hands = &mut portal.people[who];
            let answer = stage.verify(&hands.flow, &hands.code).await;
            hands.keep(&answer)
        }
        Act::GuessWrong(who) => {
            let hands = &portal.people[who];
            let wrong = if hands.code == "000000" { "000001" } else { "000000" };
            let answer = stage.verify(&hands.flow, wrong).await;
            match answer.body["attemptsLeft"].as_u64() {
                Some(left) => format!("{} {left}", told(&answer)),
                None => told(&answer),
            }
        }
        Act::Register(who) => {
            let answer = stage.register(&portal.people[who].ticket, json!({ "name": "Li Na" })).await;
            portal.people[who].keep(&answer)
        }
        Act::Poll(who) => {
            let answer = stage.status(&portal.people[who].ticket).await;
            portal.people[who].keep(&answer)
        }
        Act::Read(who) => {
            let mut all = Vec::new();
            for session in &portal.people[who].sessions {
                all.push(told(&stage.who_am_i(session).await));
            }
            all.join(", ")
        }
        Act::SignOut(who) => {
            let session = portal.people[who].sessions.last().unwrap();
            told(&stage.call(Method::DELETE, "/v1/session").bearer(session).send().await)
        }
        Act::Decide(who, yes) => {
            let answer = stage.decide(&[user(stage, portal, who).await], if yes { "approve" } else { "reject" }).await;
            answer.body["results"][0]["result"].as_str().unwrap_or_else(|| panic!("{answer:?}")).to_owned()
        }
        Act::Disable(who, off) => {
            let path = stage.admin_path(&format!("/users/{}", user(stage, portal, who).await));
            let status = if off { "disabled" } else { "active" };
            told(&stage.admin(Method::PATCH, &path).json(&json!({ "status": status })).send().await)
        }
        Act::Pass(seconds) => {
            stage.cloud.clock().advance(seconds);
            if seconds == LONG {
                stage.administrator_again().await;
            }
            String::new()
        }
        Act::Enable(on) => set(stage, json!({ "enabled": on })).await,
        Act::Open(access) => {
            let access = format!("{access:?}").to_lowercase();
            set(stage, json!({ "access": access })).await
        }
        Act::Window(open) => {
            let over = json!({ "window": { "closesAt": "2020-01-01T00:00:00", "zone": "UTC" } });
            set(stage, json!({ "registration": if open { json!({}) } else { over } })).await
        }
    }
}

async fn set(stage: &Stage, settings: Value) -> String {
    stage.set(settings).await.status.as_u16().to_string()
}

impl StateMachineTest for Portal {
    type SystemUnderTest = Self;
    type Reference = Rules;

    fn init_test(_: &Model) -> Self {
        let mut stage = stage();
        stage.seeded = world().runtime.block_on(stage.cloud.organisation()).unwrap();
        world().runtime.block_on(set(&stage, json!({ "access": "anyone" })));
        Self::default()
    }

    fn apply(mut portal: Self, model: &Model, act: Act) -> Self {
        let mut stage = stage();
        let happened = world().runtime.block_on(perform(&mut stage, &mut portal, &act));
        assert_eq!(happened, model.foretold, "{act:?} after which the model is {model:#?}");
        portal
    }

    fn teardown(_: Self, model: Model) {
        let active = model.people.iter().filter(|person| person.account == Some(Account::Active)).count();
        assert_eq!(world().runtime.block_on(stage().seats_used()), active as u64);
    }
}

prop_state_machine! {
    #![proptest_config(Config { cases: 64, failure_persistence: None, max_shrink_iters: 200, ..Config::default() })]

    #[test]
    fn whatever_people_and_administrators_do_the_rules_foretell_the_answer(sequential 10..16 => Portal);
}
