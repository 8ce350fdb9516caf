//! The switches of the stand-in.

use axum::Json;
use axum::extract::{Path, State as Shared};
use axum::http::StatusCode;
use bytes::Bytes;
use portico_domain::wechat::{AppId, Mode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::people::{PEOPLE, Person};
use super::push::{self, Delivery, Push, credentials};
use super::state::{Address, Fault, QrCode, Sent};
use super::{DEMO_APP, WeChat};
use crate::control::{Refusal, parsed};

type Answer = Result<Json<Value>, Refusal>;

fn refused(status: StatusCode, why: &str) -> Refusal {
    Refusal(status, why.to_owned())
}

fn person(key: &str) -> Result<&'static Person, Refusal> {
    Person::find(key).ok_or_else(|| refused(StatusCode::NOT_FOUND, "there is no such person"))
}

fn app(text: Option<String>) -> Result<AppId, Refusal> {
    text.unwrap_or_else(|| DEMO_APP.to_owned()).try_into().map_err(|_| refused(StatusCode::NOT_FOUND, "that is no AppID"))
}

/// All that the page shows.
pub(super) async fn state(Shared(wechat): Shared<WeChat>) -> Json<Value> {
    let now = (wechat.now)();
    let state = wechat.state();
    let mut apps: Vec<AppId> = state.addresses.keys().cloned().collect();
    apps.sort_unstable();
    let accounts: Vec<Value> = apps
        .iter()
        .map(|app| {
            let people = PEOPLE.iter().map(|person| {
                json!({"key": person.key, "name": person.name, "about": person.about, "openid": person.openid(app),
                    "follows": state.follows(app, person)})
            });
            json!({"app": app, "address": state.addresses[app], "people": people.collect::<Vec<_>>()})
        })
        .collect();
    let live: Vec<&QrCode> = state.qr_codes.iter().rev().filter(|code| now < code.expires_at).take(20).collect();
    let messages: Vec<&Sent> = state.messages.iter().rev().take(50).collect();
    Json(json!({"accounts": accounts, "codes": live, "messages": messages}))
}

pub(super) async fn calls(Shared(wechat): Shared<WeChat>) -> Json<Value> {
    Json(json!(wechat.state().calls))
}

/// Newest first.
pub(super) async fn messages(Shared(wechat): Shared<WeChat>) -> Json<Value> {
    Json(json!(wechat.state().messages.iter().rev().collect::<Vec<_>>()))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Failing {
    api: String,
    code: i64,
    #[serde(default = "once")]
    times: u32,
}

fn once() -> u32 {
    1
}

/// Makes the next calls of an interface, such as `cgi-bin/stable_token`, fail.
pub(super) async fn fault(Shared(wechat): Shared<WeChat>, body: Bytes) -> Result<StatusCode, Refusal> {
    let Failing { api, code, times } = parsed(&body)?;
    wechat.state().faults.push(Fault { api, code, times });
    Ok(StatusCode::NO_CONTENT)
}

/// Ends all tokens that are out.
pub(super) async fn end_tokens(Shared(wechat): Shared<WeChat>) -> StatusCode {
    wechat.state().end_tokens();
    StatusCode::NO_CONTENT
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Scan {
    url: Option<String>,
    scene: Option<String>,
    person: String,
    #[serde(default = "once")]
    times: u32,
}

/// Somebody scans a QR code with parameters: who does not follow yet, does now.
pub(super) async fn scan(Shared(wechat): Shared<WeChat>, body: Bytes) -> Answer {
    let scan: Scan = parsed(&body)?;
    let person = person(&scan.person)?;
    let push = {
        let mut state = wechat.state();
        let is_it = |code: &&QrCode| Some(&code.url) == scan.url.as_ref() || Some(&code.scene) == scan.scene.as_ref();
        let code = state.qr_codes.iter().rev().find(is_it).cloned();
        let code = code.ok_or_else(|| refused(StatusCode::NOT_FOUND, "there is no such QR code"))?;
        if (wechat.now)() >= code.expires_at {
            return Err(refused(StatusCode::GONE, "the QR code is too old"));
        }
        if state.follows(&code.app, person) {
            Push::event(&code.app, person, "SCAN", &code.scene)
        } else {
            state.set_follows(&code.app, person, true);
            Push::event(&code.app, person, "subscribe", &format!("qrscene_{}", code.scene))
        }
    };
    Ok(pushed(push::deliver(&wechat, &push, scan.times).await))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Following {
    person: String,
    app: Option<String>,
    #[serde(default = "once")]
    times: u32,
}

pub(super) async fn follow(Shared(wechat): Shared<WeChat>, body: Bytes) -> Answer {
    following(&wechat, &body, true).await
}

pub(super) async fn unfollow(Shared(wechat): Shared<WeChat>, body: Bytes) -> Answer {
    following(&wechat, &body, false).await
}

async fn following(wechat: &WeChat, body: &[u8], follows: bool) -> Answer {
    let asked: Following = parsed(body)?;
    let (person, app) = (person(&asked.person)?, app(asked.app)?);
    wechat.state().set_follows(&app, person, follows);
    let push = Push::event(&app, person, if follows { "subscribe" } else { "unsubscribe" }, "");
    Ok(pushed(push::deliver(wechat, &push, asked.times).await))
}

fn pushed(deliveries: Vec<Delivery>) -> Json<Value> {
    Json(json!({"pushed": deliveries}))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Grant {
    person: String,
    template: String,
    app: Option<String>,
}

/// Somebody agrees to one notice.
pub(super) async fn grant(Shared(wechat): Shared<WeChat>, body: Bytes) -> Result<StatusCode, Refusal> {
    let grant: Grant = parsed(&body)?;
    let (person, app) = (person(&grant.person)?, app(grant.app)?);
    wechat.state().grant(app, person, grant.template);
    Ok(StatusCode::NO_CONTENT)
}

/// What an administrator finds at WeChat.
pub(super) async fn account(Shared(wechat): Shared<WeChat>, Path(text): Path<String>) -> Answer {
    let app = app(Some(text))?;
    let address = wechat.state().addresses.get(&app).cloned();
    Ok(Json(json!({"appId": app, "credentials": credentials(&app), "address": address})))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SetUp {
    events: String,
    mode: Mode,
}

/// What an administrator enters at WeChat, which looks at once whether the address is theirs.
pub(super) async fn set_up(Shared(wechat): Shared<WeChat>, Path(text): Path<String>, body: Bytes) -> Answer {
    let app = app(Some(text))?;
    let SetUp { events, mode } = parsed(&body)?;
    wechat.set_up(&app, &events, mode);
    Ok(Json(json!({"verified": push::shake_hands(&wechat, &app, &events).await})))
}

impl WeChat {
    /// Sends the pushes of an account to this address from now on.
    pub(crate) fn set_up(&self, app: &AppId, events: &str, mode: Mode) {
        self.state().addresses.insert(app.clone(), Address { events: events.to_owned(), mode });
    }
}
