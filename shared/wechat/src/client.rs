//! What is asked of WeChat.

use std::{fmt, sync::Arc};

use bytes::Bytes;
use form_urlencoded::Serializer;
use jiff::SignedDuration;
use portico_domain::wechat::{AppId, AppSecret, Identity, OpenId, Scene, UnionId};
use portico_runtime::{Deployment, MissingVariable};
use serde::Serialize;
use serde_json::json;

use crate::{
    Error, answers,
    messages::{MessageId, Notice, TemplateMessage},
    transport::Transport,
};

/// Where people are sent to WeChat.
const OPEN: &str = "https://open.weixin.qq.com";

/// The global token of an account, which opens its interface. Up to 512 characters; `Debug` hides it (S66).
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    /// The token.
    pub value: String,
    /// How long WeChat takes it.
    pub expires_in: SignedDuration,
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token(redacted, {})", self.expires_in)
    }
}

/// Who came with the code of a sign-in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exchanged {
    /// The person at this account (S33).
    pub identity: Identity,
    /// A virtual person, whom WeChat shows to pages before somebody agreed. Never an account (S36).
    pub snapshot: bool,
    /// What the person agreed to, `snsapi_base` here.
    pub scope: String,
    /// The person at all accounts of the owner, where WeChat says it.
    pub unionid: Option<UnionId>,
}

/// Whether a person follows the account (F17).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Follower {
    /// They do.
    pub subscribed: bool,
    /// The person at all accounts of the owner, where WeChat says it.
    pub unionid: Option<UnionId>,
}

/// A QR code with parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Qr {
    /// What the picture holds; we draw it ourselves.
    pub url: String,
    /// WeChat's name for it.
    pub ticket: String,
    /// How long it can be scanned.
    pub expires_in: SignedDuration,
}

/// A client of WeChat. Cheap to clone; nothing is connected before the first call.
#[derive(Clone)]
pub struct WeChat {
    transport: Arc<Transport>,
    open: Arc<str>,
}

impl fmt::Debug for WeChat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WeChat")
    }
}

impl WeChat {
    /// WeChat itself, or what the environment puts into its place (S64).
    pub fn open(deployment: &Deployment) -> Result<Self, MissingVariable> {
        let transport = Transport::new(deployment.wechat_api()).map_err(|_| MissingVariable("WECHAT_API_URL".into()))?;
        Ok(Self { transport: Arc::new(transport), open: deployment.wechat_open().unwrap_or(OPEN).into() })
    }

    /// Where a browser within WeChat is sent to be told who its person is, silently. The documents want this order and this end.
    pub fn authorize_url(&self, app: &AppId, redirect: &str, state: &str) -> String {
        let query = Serializer::new(String::new())
            .append_pair("appid", app.as_str())
            .append_pair("redirect_uri", redirect)
            .append_pair("response_type", "code")
            .append_pair("scope", "snsapi_base")
            .append_pair("state", state)
            .finish();
        format!("{}/connect/oauth2/authorize?{query}#wechat_redirect", self.open)
    }

    /// Exchanges the code of a sign-in. A code serves once, so a call that failed is never made again: the sign-in starts anew.
    pub async fn exchange(&self, app: &AppId, secret: &AppSecret, code: &str) -> Result<Exchanged, Error> {
        let query = [("appid", app.as_str()), ("secret", secret.as_str()), ("code", code), ("grant_type", "authorization_code")];
        let body = self.transport.get(&path("/sns/oauth2/access_token", &query)).await?;
        let answer: answers::Exchanged = answers::read(&body).map_err(Error::of_credentials)?;
        let identity = Identity { app: app.clone(), openid: answer.openid };
        Ok(Exchanged { identity, snapshot: answer.is_snapshotuser == 1, scope: answer.scope, unionid: answer.unionid })
    }

    /// The account's global token. Repeated calls get the same one until five minutes before its end.
    pub async fn stable_token(&self, app: &AppId, secret: &AppSecret) -> Result<Token, Error> {
        let body = json!({ "grant_type": "client_credential", "appid": app.as_str(), "secret": secret.as_str() });
        let body = self.transport.post("/cgi-bin/stable_token", body.to_string().into_bytes()).await?;
        let answer: answers::Token = answers::read(&body).map_err(Error::of_credentials)?;
        Ok(Token { value: answer.access_token, expires_in: SignedDuration::from_secs(answer.expires_in.into()) })
    }

    /// Whether a person follows the account (F17).
    pub async fn user_info(&self, token: &str, person: &OpenId) -> Result<Follower, Error> {
        let query = [("access_token", token), ("openid", person.as_str()), ("lang", "zh_CN")];
        let body = self.transport.get(&path("/cgi-bin/user/info", &query)).await?;
        let answer: answers::Follower = answers::read(&body)?;
        Ok(Follower { subscribed: answer.subscribe == 1, unionid: answer.unionid })
    }

    /// Makes a QR code with parameters that lives `expires`, at most 30 days (F17).
    pub async fn qr(&self, token: &str, scene: &Scene, expires: SignedDuration) -> Result<Qr, Error> {
        let body = json!({
            "expire_seconds": expires.as_secs(),
            "action_name": "QR_STR_SCENE",
            "action_info": { "scene": { "scene_str": scene.as_str() } },
        });
        let body = self.post(token, "/cgi-bin/qrcode/create", &body).await?;
        let answer: answers::Qr = answers::read(&body)?;
        let expires_in = SignedDuration::from_secs(answer.expire_seconds.into());
        Ok(Qr { url: answer.url, ticket: answer.ticket, expires_in })
    }

    /// Sends a template message. How it ended is pushed later.
    pub async fn send_template(&self, token: &str, message: &TemplateMessage) -> Result<MessageId, Error> {
        let body = self.post(token, "/cgi-bin/message/template/send", message).await?;
        answers::read(&body).map(|answer: answers::Sent| MessageId(answer.msgid))
    }

    /// Sends a notice that the person subscribed to once.
    pub async fn send_subscription(&self, token: &str, notice: &Notice) -> Result<(), Error> {
        let body = self.post(token, "/cgi-bin/message/subscribe/bizsend", notice).await?;
        answers::read(&body).map(|answers::Done {}| ())
    }

    async fn post(&self, token: &str, to: &str, body: &impl Serialize) -> Result<Bytes, Error> {
        let body = serde_json::to_vec(body).map_err(|error| Error::Unreadable(error.to_string()))?;
        self.transport.post(&path(to, &[("access_token", token)]), body).await
    }
}

fn path(path: &str, query: &[(&str, &str)]) -> String {
    let query = Serializer::new(String::new()).extend_pairs(query).finish();
    format!("{path}?{query}")
}

#[cfg(test)]
mod tests {
    use portico_runtime::Clock;

    use super::*;

    #[test]
    fn people_are_sent_to_wechat_in_the_order_it_wants() {
        let wechat = WeChat::open(&Deployment::new(|_| None, Clock::system())).unwrap();
        let app = "wx1234567890abcdef".to_owned().try_into().unwrap();
        let url = wechat.authorize_url(&app, "https://portal.example.com/v1/wechat/callback", "abc123");
        assert_eq!(
            url,
            "https://open.weixin.qq.com/connect/oauth2/authorize?appid=wx1234567890abcdef\
             &redirect_uri=https%3A%2F%2Fportal.example.com%2Fv1%2Fwechat%2Fcallback\
             &response_type=code&scope=snsapi_base&state=abc123#wechat_redirect"
        );
    }

    #[test]
    fn a_token_hides_in_debug() {
        let token = Token { value: "68_secret".into(), expires_in: SignedDuration::from_secs(7200) };
        assert_eq!(format!("{token:?}"), "Token(redacted, PT2H)");
    }
}
