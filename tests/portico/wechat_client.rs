//! The client of WeChat against the stand-in: sign-in codes, followers, QR codes, messages; and against hosts that misbehave (S64).

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use http::Method;
use jiff::SignedDuration;
use portico_domain::wechat::{AppSecret, Scene};
use portico_runtime::{Clock, Deployment};
use portico_wechat::{Error, Notice, TemplateMessage, WeChat};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use crate::{stage::Stage, wechat_account::Account};

/// A service account, its secret, and a client that knows nothing but the stand-in.
struct Scenery {
    stage: Stage,
    account: Account,
    secret: AppSecret,
    wechat: WeChat,
}

impl Scenery {
    async fn set() -> Self {
        let (stage, account) = (Stage::open().await, Account::any());
        let secret = account.credentials.app_secret.clone().try_into().unwrap();
        let wechat = WeChat::open(&stage.cloud.deployment("wechat-account")).unwrap();
        Self { stage, account, secret, wechat }
    }

    /// A code of a sign-in: somebody goes to WeChat and comes back.
    async fn code(&self, person: &str) -> String {
        let url = self.wechat.authorize_url(&self.account.app, "http://127.0.0.1:9/back", "state123");
        let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy().build().unwrap();
        let answer = http.get(url.replace('#', &format!("&person={person}#"))).send().await.unwrap();
        let back = answer.headers()["location"].to_str().unwrap().to_owned();
        let (code, state) = back.strip_prefix("http://127.0.0.1:9/back?code=").unwrap().split_once("&state=").unwrap();
        assert_eq!(state, "state123");
        code.to_owned()
    }

    async fn token(&self) -> String {
        self.wechat.stable_token(&self.account.app, &self.secret).await.unwrap().value
    }

    fn template(&self, person: &str, template: &str) -> TemplateMessage {
        TemplateMessage {
            to: self.account.openid(person),
            template: template.into(),
            url: Some("https://portal.example.com/p/customer-service".into()),
            data: BTreeMap::from([("thing1".into(), "Ticket 7 was answered".into())]),
            once: None,
        }
    }
}

#[tokio::test]
async fn a_code_names_a_person_once() {
    let scenery = Scenery::set().await;
    let (app, secret) = (&scenery.account.app, &scenery.secret);
    let code = scenery.code("wei").await;
    let found = scenery.wechat.exchange(app, secret, &code).await.unwrap();
    assert_eq!((found.identity.openid, &found.identity.app, found.snapshot), (scenery.account.openid("wei"), app, false));
    assert_eq!(found.scope, "snsapi_base");
    assert_eq!(scenery.wechat.exchange(app, secret, &code).await, Err(Error::CodeSpent(40163)));
    assert_eq!(scenery.wechat.exchange(app, secret, "made-up").await, Err(Error::CodeSpent(40029)));
    let late = scenery.code("wei").await;
    scenery.stage.cloud.clock().advance(301);
    assert_eq!(scenery.wechat.exchange(app, secret, &late).await, Err(Error::CodeSpent(42003)));
    let virtual_person = scenery.wechat.exchange(app, secret, &scenery.code("anon").await).await.unwrap();
    assert!(virtual_person.snapshot);
    let wrong = "0".repeat(32).try_into().unwrap();
    let refused = scenery.wechat.exchange(app, &wrong, &scenery.code("wei").await).await;
    assert_eq!(refused, Err(Error::BadCredentials(40125)));
}

/// The code may be used up although no answer came: asking again would only say so (40163).
#[tokio::test]
async fn an_exchange_is_never_made_again() {
    let scenery = Scenery::set().await;
    scenery.stage.wechat("faults", json!({ "api": "sns/oauth2/access_token", "code": -1 })).await;
    let code = scenery.code("wei").await;
    assert_eq!(scenery.wechat.exchange(&scenery.account.app, &scenery.secret, &code).await, Err(Error::Busy));
    assert_eq!(scenery.stage.cloud.wechat().calls("sns/oauth2/access_token"), 1);
}

#[tokio::test]
async fn the_second_sign_in_of_a_browser_is_silent_and_the_first_one_asks() {
    let scenery = Scenery::set().await;
    let url = scenery.wechat.authorize_url(&scenery.account.app, "http://127.0.0.1:9/back", "s");
    let path = url.strip_prefix(scenery.stage.cloud.base_url()).unwrap();
    let page = scenery.stage.get(path).await;
    assert!(page.status == 200 && page.body.as_str().unwrap().contains("stand-in for WeChat"), "{page:?}");
    assert!(page.body.as_str().unwrap().contains("person=xiaoming"));
    let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy().build().unwrap();
    let silent = http.get(&url).header("cookie", "wechat-stand-in=hong").send().await.unwrap();
    assert_eq!(silent.status(), 303);
}

#[tokio::test]
async fn followers_are_told_from_others() {
    let scenery = Scenery::set().await;
    let token = scenery.token().await;
    let info = async |person: &str| scenery.wechat.user_info(&token, &scenery.account.openid(person)).await.unwrap();
    assert!(info("xiaoming").await.subscribed && !info("hong").await.subscribed);
    assert!(info("wei").await.unionid.is_some() && info("xiaoming").await.unionid.is_none());
    let stranger = "o".repeat(28).try_into().unwrap();
    assert_eq!(scenery.wechat.user_info(&token, &stranger).await, Err(Error::UnknownPerson));
    scenery.stage.wechat("follow", json!({ "person": "hong", "app": scenery.account.app })).await;
    scenery.stage.wechat("unfollow", json!({ "person": "xiaoming", "app": scenery.account.app })).await;
    assert!(info("hong").await.subscribed && !info("xiaoming").await.subscribed);
}

#[tokio::test]
async fn tokens_end_by_the_clock() {
    let scenery = Scenery::set().await;
    let (token, person) = (scenery.token().await, scenery.account.openid("wei"));
    assert_eq!(scenery.token().await, token, "asked again, the same one is answered");
    scenery.stage.cloud.clock().advance(7_200);
    assert_eq!(scenery.wechat.user_info(&token, &person).await, Err(Error::TokenStale));
    assert_eq!(scenery.wechat.user_info("made up", &person).await, Err(Error::TokenStale));
}

#[tokio::test]
async fn a_qr_code_can_be_scanned_until_its_end() {
    let scenery = Scenery::set().await;
    let token = scenery.token().await;
    let qr = scenery.wechat.qr(&token, &Scene::new(7), SignedDuration::from_secs(120)).await.unwrap();
    assert!(qr.url.starts_with("http://weixin.qq.com/q/") && qr.expires_in == SignedDuration::from_secs(120));
    let scan = json!({ "url": qr.url, "person": "hong" });
    assert_eq!(scenery.stage.wechat("scan", scan.clone()).await.body, json!({ "pushed": [] }), "no address is set up");
    let follows = scenery.wechat.user_info(&token, &scenery.account.openid("hong")).await.unwrap();
    assert!(follows.subscribed, "who scans follows");
    scenery.stage.cloud.clock().advance(121);
    assert_eq!(scenery.stage.post("/_local/wechat/scan", scan).await.status, 410);
}

#[tokio::test]
async fn template_messages_reach_followers() {
    let scenery = Scenery::set().await;
    let token = scenery.token().await;
    let send = async |message: TemplateMessage| scenery.wechat.send_template(&token, &message).await;
    let message = scenery.template("xiaoming", "answered");
    let id = send(message.clone()).await.unwrap();
    let sent = scenery.stage.get("/_local/wechat/messages").await.body;
    assert_eq!((&sent[0]["id"], &sent[0]["person"], &sent[0]["template"]), (&json!(id), &json!("xiaoming"), &json!("answered")));
    assert_eq!(sent[0]["data"]["thing1"]["value"], "Ticket 7 was answered");

    assert_eq!(send(scenery.template("hong", "answered")).await, Err(Error::NotFollowing));
    assert_eq!(send(scenery.template("xiaoming", "missing")).await, Err(Error::UnknownTemplate));
    let long = "x".repeat(201);
    let data = BTreeMap::from([("thing1".into(), long.as_str().into())]);
    assert_eq!(send(TemplateMessage { data, ..message.clone() }).await, Err(Error::BadValue));
    for (code, error) in [(45009, Error::Quota), (48001, Error::NotGranted), (-1, Error::Busy)] {
        scenery.stage.wechat("faults", json!({ "api": "cgi-bin/message/template/send", "code": code })).await;
        assert_eq!(send(message.clone()).await, Err(error));
    }
    assert_eq!(scenery.stage.get("/_local/wechat/messages").await.body.as_array().unwrap().len(), 1);
    // R13: the same number twice is one message.
    let once = TemplateMessage { once: Some("01KAMQ3ZB7W0GJ5Q4S9T2X8Y6V".into()), ..message };
    assert_eq!(send(once.clone()).await.unwrap(), send(once).await.unwrap());
    assert_eq!(scenery.stage.get("/_local/wechat/messages").await.body.as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn one_agreement_is_one_notice() {
    let scenery = Scenery::set().await;
    let token = scenery.token().await;
    let TemplateMessage { to, template, url, data, .. } = scenery.template("hong", "approved");
    let notice = Notice { to, template, url, data };
    assert_eq!(scenery.wechat.send_subscription(&token, &notice).await, Err(Error::NoGrant));
    scenery.stage.wechat("grants", json!({ "person": "hong", "template": "approved", "app": scenery.account.app })).await;
    assert_eq!(scenery.wechat.send_subscription(&token, &notice).await, Ok(()));
    assert_eq!(scenery.wechat.send_subscription(&token, &notice).await, Err(Error::NoGrant));
}

/// A host that answers every connection with `answer`, once it has read something, and counts them.
async fn host(answer: String) -> (WeChat, String, Arc<AtomicU32>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let count = Arc::new(AtomicU32::new(0));
    let counted = count.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::SeqCst);
            let answer = answer.clone();
            tokio::spawn(async move {
                assert!(stream.read(&mut [0; 1024]).await.unwrap() > 0);
                if answer.is_empty() {
                    tokio::time::sleep(Duration::from_secs(60)).await;
                }
                stream.write_all(answer.as_bytes()).await.ok();
            });
        }
    });
    let deployment = Deployment::new(|name| (name == "WECHAT_API_URL").then(|| url.clone()), Clock::system());
    (WeChat::open(&deployment).unwrap(), url, count)
}

async fn ask(wechat: &WeChat) -> Error {
    let (app, secret) = (portico_local::wechat::WeChat::any_app(), "0".repeat(32).try_into().unwrap());
    wechat.stable_token(&app, &secret).await.unwrap_err()
}

/// S64: a redirect is an answer that cannot be read, wherever it leads.
#[tokio::test]
async fn redirects_are_not_followed() {
    let (_, elsewhere, visits) = host("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}".into()).await;
    let (wechat, ..) = host(format!("HTTP/1.1 302 Found\r\nlocation: {elsewhere}/\r\ncontent-length: 0\r\n\r\n")).await;
    assert_eq!(ask(&wechat).await, Error::Unreadable("status 302".into()));
    assert_eq!(visits.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn answers_that_never_end_are_cut_off() {
    let body = "x".repeat(70 * 1024);
    let (wechat, ..) = host(format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len())).await;
    assert!(matches!(ask(&wechat).await, Error::Unreadable(_)));
    let (wechat, _, calls) = host(String::new()).await;
    let started = std::time::Instant::now();
    assert!(matches!(ask(&wechat).await, Error::Unreachable(_)));
    assert!(started.elapsed() < Duration::from_secs(5), "a push is to be answered within five seconds");
    assert_eq!(calls.load(Ordering::SeqCst), 1, "what may have been done is not done again");
}

#[tokio::test]
async fn secrets_are_in_no_error() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let deployment = Deployment::new(|name| (name == "WECHAT_API_URL").then(|| url.clone()), Clock::system());
    let wechat = WeChat::open(&deployment).unwrap();
    let secret = "sesameopensesameopensesameopen12";
    let error = wechat.exchange(&portico_local::wechat::WeChat::any_app(), &secret.to_owned().try_into().unwrap(), "code123").await;
    let shown = format!("{error:?} {}", error.clone().unwrap_err());
    assert!(!shown.contains("sesame") && !shown.contains("code123"), "{shown}");
}

/// The page of the stand-in says that it is one.
#[tokio::test]
async fn the_stand_in_says_that_it_is_one() {
    let stage = Stage::open().await;
    let page = stage.call(Method::GET, "/_local/wechat/").send().await;
    assert!(page.status == 200 && page.body.as_str().unwrap().contains("Nothing here reaches WeChat"));
    assert_eq!(stage.get("/_local/wechat/state").await.body["accounts"], json!([]));
}
