//! The interface of WeChat: `sns` and `cgi-bin`. Everything answers 200; what went wrong is a return code.

use axum::Json;
use axum::extract::{Query, State as Shared};
use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use portico_domain::wechat::AppId;
use serde::Deserialize;
use serde_json::{Value, json};

use super::people::Person;
use super::push::{self, credentials};
use super::state::{QrCode, Sent, State};
use super::{WeChat, push::Push};
use crate::random;

/// A template that no account has.
const NO_TEMPLATE: &str = "missing";
/// The longest value that fits a template.
const LONGEST_VALUE: usize = 200;

/// What the documents say to a return code.
fn words(code: i64) -> String {
    let words = match code {
        -1 => "system error",
        40001 => "invalid credential, access_token is invalid or not latest",
        40003 => "invalid openid",
        40013 => "invalid appid",
        40029 => "invalid code",
        40037 => "invalid template_id",
        40125 => "invalid appsecret",
        40163 => "code been used",
        40164 => "invalid ip 203.0.113.7 ipv6 ::ffff:203.0.113.7, not in whitelist",
        42001 => "access_token expired",
        42003 => "code expired",
        43004 => "require subscribe",
        43101 => "user refuse to accept the msg",
        45009 => "reach max api daily quota limit",
        47003 => "argument invalid! data.thing1.value is invalid",
        48001 => "api unauthorized",
        _ => "error of the stand-in",
    };
    format!("{words} rid: {}", random::alphanumeric(8))
}

type Answer = Json<Value>;

fn refused(code: i64) -> Answer {
    Json(json!({"errcode": code, "errmsg": words(code)}))
}

/// Runs a call below the lock: what it answers, or a return code.
fn call(wechat: &WeChat, api: &str, run: impl FnOnce(&mut State, Timestamp) -> Result<Value, i64>) -> Answer {
    let now = (wechat.now)();
    let mut state = wechat.state();
    match state.arrive(api).map_or_else(|| run(&mut state, now), Err) {
        Ok(answer) => Json(answer),
        Err(code) => refused(code),
    }
}

fn known(app: &str, secret: &str) -> Result<AppId, i64> {
    let app = AppId::try_from(app.to_owned()).map_err(|_| 40013)?;
    if credentials(&app).app_secret == secret { Ok(app) } else { Err(40125) }
}

#[derive(Deserialize)]
pub(super) struct Exchange {
    appid: String,
    secret: String,
    code: String,
}

pub(super) async fn exchange(Shared(wechat): Shared<WeChat>, Query(query): Query<Exchange>) -> Answer {
    call(&wechat, "sns/oauth2/access_token", |state, now| {
        let app = known(&query.appid, &query.secret)?;
        let person = state.use_code(&app, &query.code, now)?;
        let mut answer = json!({
            "access_token": random::alphanumeric(110),
            "expires_in": 7_200,
            "refresh_token": random::alphanumeric(110),
            "openid": person.openid(&app),
            "scope": "snsapi_base",
        });
        if person.snapshot {
            answer["is_snapshotuser"] = 1.into();
        }
        Ok(answer)
    })
}

#[derive(Deserialize)]
struct StableToken {
    grant_type: String,
    appid: String,
    secret: String,
}

pub(super) async fn stable_token(Shared(wechat): Shared<WeChat>, body: Bytes) -> Answer {
    call(&wechat, "cgi-bin/stable_token", |state, now| {
        let asked: StableToken = serde_json::from_slice(&body).map_err(|_| 47001)?;
        let app = known(&asked.appid, &asked.secret)?;
        if asked.grant_type != "client_credential" {
            return Err(40002);
        }
        let (token, left) = state.stable_token(&app, now);
        Ok(json!({"access_token": token, "expires_in": left.as_secs()}))
    })
}

#[derive(Deserialize)]
pub(super) struct UserInfo {
    access_token: String,
    openid: String,
}

pub(super) async fn user_info(Shared(wechat): Shared<WeChat>, Query(query): Query<UserInfo>) -> Answer {
    call(&wechat, "cgi-bin/user/info", |state, now| {
        let app = state.owner_of(&query.access_token, now)?;
        let person = Person::of_openid(&app, &query.openid).ok_or(40003)?;
        let subscribed = state.follows(&app, person);
        let mut answer = json!({"subscribe": u8::from(subscribed), "openid": query.openid});
        if subscribed {
            let more = json!({"language": "zh_CN", "subscribe_time": now.as_second() - 86_400, "remark": "", "groupid": 0,
                "tagid_list": [], "subscribe_scene": "ADD_SCENE_QR_CODE", "qr_scene": 0, "qr_scene_str": ""});
            if let (Value::Object(answer), Value::Object(more)) = (&mut answer, more) {
                answer.extend(more);
            }
        }
        if let Some(unionid) = person.unionid() {
            answer["unionid"] = unionid.into();
        }
        Ok(answer)
    })
}

#[derive(Deserialize)]
pub(super) struct Token {
    access_token: String,
}

pub(super) async fn qr_code(Shared(wechat): Shared<WeChat>, Query(query): Query<Token>, body: Bytes) -> Answer {
    call(&wechat, "cgi-bin/qrcode/create", |state, now| {
        let app = state.owner_of(&query.access_token, now)?;
        let asked: Value = serde_json::from_slice(&body).map_err(|_| 47001)?;
        let scene = asked["action_info"]["scene"]["scene_str"].as_str().filter(|scene| (1..=64).contains(&scene.len())).ok_or(40053)?;
        if asked["action_name"] != "QR_STR_SCENE" {
            return Err(40052);
        }
        let seconds = asked["expire_seconds"].as_i64().unwrap_or(60).clamp(1, 2_592_000);
        let expires_at = now.saturating_add(SignedDuration::from_secs(seconds)).unwrap_or(now);
        let ticket = format!("gQ{}", random::alphanumeric(90));
        let url = format!("http://weixin.qq.com/q/{}", random::alphanumeric(22));
        let answer = json!({"ticket": ticket, "expire_seconds": seconds, "url": url});
        state.qr_codes.push(QrCode { app, scene: scene.to_owned(), ticket, url, expires_at });
        Ok(answer)
    })
}

#[derive(Deserialize)]
struct Message {
    touser: String,
    template_id: String,
    #[serde(default)]
    url: Option<String>,
    #[serde(default)]
    page: Option<String>,
    data: Value,
    #[serde(default)]
    client_msg_id: Option<String>,
}

/// What both kinds of messages have to fulfil.
fn checked(state: &State, token: &str, body: &[u8], now: Timestamp) -> Result<(AppId, &'static Person, Message), i64> {
    let app = state.owner_of(token, now)?;
    let message: Message = serde_json::from_slice(body).map_err(|_| 47001)?;
    let person = Person::of_openid(&app, &message.touser).ok_or(40003)?;
    if message.template_id == NO_TEMPLATE {
        return Err(40037);
    }
    let values = message.data.as_object().ok_or(47003)?.values();
    let fits = |value: &Value| value["value"].as_str().is_some_and(|text| text.chars().count() <= LONGEST_VALUE);
    if values.clone().all(fits) { Ok((app, person, message)) } else { Err(47003) }
}

fn keep(state: &mut State, kind: &'static str, app: &AppId, person: &'static Person, message: Message, now: Timestamp) -> u64 {
    let id = state.next_number();
    let (template, url) = (message.template_id, message.url.or(message.page));
    let (data, once) = (message.data, message.client_msg_id);
    state.messages.push(Sent { id, kind, app: app.clone(), person: person.key, template, url, data, once, at: now });
    id
}

pub(super) async fn send_template(Shared(wechat): Shared<WeChat>, Query(query): Query<Token>, body: Bytes) -> Answer {
    let mut pushed = None;
    let answer = call(&wechat, "cgi-bin/message/template/send", |state, now| {
        let (app, person, message) = checked(state, &query.access_token, &body, now)?;
        if !state.follows(&app, person) {
            return Err(43004);
        }
        let before = message.client_msg_id.as_deref().and_then(|once| state.sent_once(person, once, now));
        let id = before.unwrap_or_else(|| keep(state, "template", &app, person, message, now));
        if before.is_none() {
            pushed = Some(Push::template_sent(&app, person, id));
        }
        Ok(json!({"errcode": 0, "errmsg": "ok", "msgid": id}))
    });
    if let Some(push) = pushed {
        tokio::spawn(async move { push::deliver(&wechat, &push, 1).await });
    }
    answer
}

pub(super) async fn send_subscription(Shared(wechat): Shared<WeChat>, Query(query): Query<Token>, body: Bytes) -> Answer {
    call(&wechat, "cgi-bin/message/subscribe/bizsend", |state, now| {
        let (app, person, message) = checked(state, &query.access_token, &body, now)?;
        if !state.use_grant(&app, person, &message.template_id) {
            return Err(43101);
        }
        keep(state, "subscription", &app, person, message, now);
        Ok(json!({"errcode": 0, "errmsg": "ok"}))
    })
}
