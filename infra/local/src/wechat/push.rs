//! What the stand-in pushes, signed and sealed as WeChat does.

use std::time::Duration;

use bytes::Bytes;
use form_urlencoded::Serializer;
use http::{Method, Request};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;
use portico_domain::wechat::{AppId, Mode};
use portico_runtime::entropy;
use portico_wechat::{Envelope, signature};
use serde::Serialize;

use super::WeChat;
use super::people::Person;
use crate::random;

/// How long WeChat waits for an answer.
const PATIENCE: Duration = Duration::from_secs(5);

pub(super) type Http = Client<HttpConnector, Full<Bytes>>;

pub(super) fn http() -> Http {
    Client::builder(TokioExecutor::new()).build_http()
}

/// What an account has at WeChat. It follows from the AppID.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Credentials {
    /// The account's secret.
    pub app_secret: String,
    /// What signs its pushes.
    pub token: String,
    /// What encrypts its pushes in the safe mode.
    pub aes_key: String,
}

/// The credentials of an account.
#[must_use]
pub fn credentials(app: &AppId) -> Credentials {
    let drawn = |what: &str| signature(&[what, app.as_str()]);
    Credentials {
        app_secret: drawn("secret")[..32].to_owned(),
        token: drawn("token")[..16].to_owned(),
        aes_key: format!("{}KEY", drawn("key")),
    }
}

/// One push.
#[derive(Debug, Clone)]
pub(super) struct Push {
    app: AppId,
    openid: String,
    event: &'static str,
    rest: String,
}

/// What came of a push.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Delivery {
    /// The status of the answer; none if there was no address or no answer.
    pub status: Option<u16>,
    /// The answer's text.
    pub text: String,
}

impl Push {
    pub(super) fn event(app: &AppId, person: &Person, event: &'static str, key: &str) -> Self {
        Self { app: app.clone(), openid: person.openid(app), event, rest: format!("<EventKey><![CDATA[{key}]]></EventKey>") }
    }

    pub(super) fn template_sent(app: &AppId, person: &Person, id: u64) -> Self {
        let rest = format!("<MsgID>{id}</MsgID><Status><![CDATA[success]]></Status>");
        Self { app: app.clone(), openid: person.openid(app), event: "TEMPLATESENDJOBFINISH", rest }
    }

    fn xml(&self, seconds: i64) -> String {
        format!(
            "<xml><ToUserName><![CDATA[gh_standin]]></ToUserName><FromUserName><![CDATA[{}]]></FromUserName>\
             <CreateTime>{seconds}</CreateTime><MsgType><![CDATA[event]]></MsgType><Event><![CDATA[{}]]></Event>{}</xml>",
            self.openid, self.event, self.rest
        )
    }
}

/// Delivers a push `times` times, as WeChat does when it hears nothing; answers what came of each.
pub(super) async fn deliver(wechat: &WeChat, push: &Push, times: u32) -> Vec<Delivery> {
    let seconds = (wechat.now)().as_second();
    let address = wechat.state().addresses.get(&push.app).cloned();
    let Some(address) = address else { return Vec::new() };
    let mut deliveries = Vec::new();
    for _ in 0..times {
        let (query, body) = signed(&push.app, address.mode, seconds, &push.xml(seconds));
        deliveries.push(send(&wechat.http, Method::POST, &format!("{}?{query}", address.events), body).await);
    }
    deliveries
}

/// The first call, by which WeChat sees that an address belongs to the account: true if it hears its word again.
pub(super) async fn shake_hands(wechat: &WeChat, app: &AppId, events: &str) -> bool {
    let word = random::alphanumeric(20);
    let (query, _) = signed(app, Mode::Plain, (wechat.now)().as_second(), "");
    let delivery = send(&wechat.http, Method::GET, &format!("{events}?{query}&echostr={word}"), String::new()).await;
    delivery.status == Some(200) && delivery.text == word
}

/// The query and the body of a push.
fn signed(app: &AppId, mode: Mode, seconds: i64, xml: &str) -> (String, String) {
    let credentials = credentials(app);
    let (timestamp, nonce) = (seconds.to_string(), random::alphanumeric(10));
    let mut query = Serializer::new(String::new());
    query.append_pair("signature", &signature(&[&credentials.token, &timestamp, &nonce]));
    query.append_pair("timestamp", &timestamp).append_pair("nonce", &nonce);
    let sealed = (mode == Mode::Safe).then(|| seal(app, credentials.aes_key, xml));
    let Some(sealed) = sealed.flatten() else { return (query.finish(), xml.to_owned()) };
    query.append_pair("encrypt_type", "aes");
    query.append_pair("msg_signature", &signature(&[&credentials.token, &timestamp, &nonce, &sealed]));
    let body = format!("<xml><ToUserName><![CDATA[gh_standin]]></ToUserName><Encrypt><![CDATA[{sealed}]]></Encrypt></xml>");
    (query.finish(), body)
}

fn seal(app: &AppId, key: String, xml: &str) -> Option<String> {
    let key = key.try_into().ok()?;
    Envelope::new(app, &key).ok()?.seal(xml, entropy::bytes().ok()?).ok()
}

async fn send(http: &Http, method: Method, url: &str, body: String) -> Delivery {
    let request = Request::builder().method(method).uri(url).header("content-type", "text/xml").body(Full::new(body.into()));
    let answer = async {
        let response = http.request(request.ok()?).await.ok()?;
        let status = response.status().as_u16();
        let text = response.into_body().collect().await.ok()?.to_bytes();
        Some(Delivery { status: Some(status), text: String::from_utf8_lossy(&text).into_owned() })
    };
    let answer = tokio::time::timeout(PATIENCE, answer).await.ok().flatten();
    answer.unwrap_or(Delivery { status: None, text: String::new() })
}
