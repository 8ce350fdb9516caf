//! Follow first (F17), and what WeChat pushes (S63).

use portico_domain::wechat::AesKey;
use portico_local::meter::{Fault, Rule};
use portico_wechat::{Envelope, signature};
use serde_json::{Value, json};

use crate::{
    stage::{Answer, Stage, phone},
    wechat::Browser,
    wechat_account::Account,
};

impl Stage {
    /// A portal open to anyone whose people follow the service account.
    async fn with_follow(mode: &str) -> (Self, Account) {
        let stage = Self::open().await;
        stage.open_to_anyone().await;
        stage.set_sign_in(json!({ "wechat": { "enabled": true, "follow": true } })).await;
        let account = stage.bind_wechat(mode).await;
        (stage, account)
    }

    /// The address of the organisation's pushes.
    async fn events(&self) -> String {
        let read = self.admin(http::Method::GET, "/v1/admin/organisation/wechat").send().await;
        read.text("events").strip_prefix(self.cloud.base_url()).unwrap().to_owned()
    }

    async fn push(&self, path: &str, query: &str, body: impl Into<reqwest::Body>) -> Answer {
        self.call(http::Method::POST, &format!("{path}?{query}")).body("text/xml", body).send().await
    }
}

/// All deliveries of a push were answered as WeChat wants it.
fn delivered(answer: &Answer, times: usize) {
    assert_eq!(answer.body["pushed"], Value::from(vec![json!({ "status": 200, "text": "success" }); times]), "{answer:?}");
}

fn event(openid: &str, seconds: i64, event: &str, key: &str) -> String {
    format!(
        "<xml><ToUserName><![CDATA[gh_x]]></ToUserName><FromUserName><![CDATA[{openid}]]></FromUserName><CreateTime>{seconds}</CreateTime>\
         <MsgType><![CDATA[event]]></MsgType><Event><![CDATA[{event}]]></Event><EventKey><![CDATA[{key}]]></EventKey></xml>"
    )
}

fn signed(account: &Account, seconds: i64) -> String {
    let timestamp = seconds.to_string();
    let signature = signature(&[&account.credentials.token, &timestamp, "nonce"]);
    format!("signature={signature}&timestamp={timestamp}&nonce=nonce")
}

/// The query and the body of a push that is encrypted with a key, for an account.
fn sealed(account: &Account, whose: &Account, key: &str, seconds: i64, xml: &str) -> (String, String) {
    let key = AesKey::try_from(key.to_owned()).unwrap();
    let sealed = Envelope::new(&whose.app, &key).unwrap().seal(xml, [7; 16]).unwrap();
    let timestamp = seconds.to_string();
    let msg_signature = signature(&[&account.credentials.token, &timestamp, "nonce", &sealed]);
    let query = format!("{}&encrypt_type=aes&msg_signature={msg_signature}", signed(account, seconds));
    (query, format!("<xml><ToUserName><![CDATA[gh_x]]></ToUserName><Encrypt><![CDATA[{sealed}]]></Encrypt></xml>"))
}

#[tokio::test]
async fn who_does_not_follow_follows_first() {
    // F17: in both modes; a newcomer's push says subscribe and `qrscene_`, a follower's says SCAN.
    for mode in ["plain", "safe"] {
        let (stage, _) = Stage::with_follow(mode).await;
        let browser = Browser::new(&stage);
        let asked = browser.enter("hong").await;
        assert_eq!(asked.step(), "follow", "{asked:?}");
        assert!(asked.body["expiresIn"].as_i64().is_some_and(|left| (540..=600).contains(&left)), "{asked:?}");
        assert_eq!((stage.accounts(), stage.identities(), stage.sessions()), (0, 0, 0));
        let (ticket, qr) = (asked.text("ticket"), asked.text("qr"));
        let still = browser.status(&ticket).await;
        assert_eq!((still.step(), still.text("qr")), ("follow", qr.clone()));
        delivered(&stage.wechat("scan", json!({ "url": qr, "person": "hong" })).await, 1);
        let bind = browser.status(&ticket).await;
        assert_eq!((bind.step(), &bind.body["wechat"]), ("bind", &json!(true)));
        assert_eq!(browser.status(&ticket).await.refusal(), (409, "ticket-spent"), "once");
        assert_eq!(browser.bind(&bind.text("ticket"), &phone(1)).await.step(), "signedIn");
        assert_eq!(Browser::new(&stage).enter("hong").await.step(), "signedIn", "who follows passes silently");
        assert_eq!(Browser::new(&stage).enter("xiaoming").await.step(), "bind", "as who always did");
    }
}

#[tokio::test]
async fn who_followed_meanwhile_scans_and_goes_on() {
    let (stage, account) = Stage::with_follow("plain").await;
    stage.set_sign_in(json!({ "wechat": { "enabled": true } })).await;
    stage.known_at_wechat("hong", &phone(1)).await;
    stage.set_sign_in(json!({ "wechat": { "enabled": true, "follow": true } })).await;
    let browser = Browser::new(&stage);
    let asked = browser.enter("hong").await;
    assert_eq!(asked.step(), "follow", "known, and does not follow");
    assert_eq!(stage.sessions(), 1);
    delivered(&stage.wechat("follow", json!({ "person": "hong", "app": account.app })).await, 1);
    let ticket = asked.text("ticket");
    assert_eq!(browser.status(&ticket).await.step(), "follow", "that says nothing of this sign-in");
    delivered(&stage.wechat("scan", json!({ "url": asked.text("qr"), "person": "hong", "times": 3 })).await, 3);
    let (first, second) = tokio::join!(browser.status(&ticket), browser.status(&ticket));
    let steps = [first.step(), second.step()];
    assert_eq!(steps.iter().filter(|step| **step == "signedIn").count(), 1, "{first:?} {second:?}");
    assert_eq!(stage.sessions(), 2);
}

#[tokio::test]
async fn only_the_very_person_in_the_very_browser_goes_on() {
    // S34, S38
    let (stage, _) = Stage::with_follow("plain").await;
    let browser = Browser::new(&stage);
    let asked = browser.enter("hong").await;
    let (ticket, qr) = (asked.text("ticket"), asked.text("qr"));
    delivered(&stage.wechat("scan", json!({ "url": qr, "person": "wei" })).await, 1);
    assert_eq!(browser.status(&ticket).await.step(), "follow", "somebody else scanned it");
    delivered(&stage.wechat("scan", json!({ "url": qr, "person": "hong" })).await, 1);
    assert_eq!(stage.status(&ticket).await.refusal(), (403, "wechat-state"), "no cookie");
    assert_eq!(stage.register(&ticket, json!({})).await.refusal(), (401, "ticket-expired"));
    assert_eq!(browser.code_for(&ticket, &phone(1)).await.refusal(), (401, "ticket-expired"));
    stage.cloud.clock().advance(601);
    assert_eq!(browser.status(&ticket).await.refusal(), (401, "ticket-expired"));
}

#[tokio::test]
async fn a_token_that_wechat_no_longer_takes_is_fetched_once_more() {
    let (stage, _) = Stage::with_follow("plain").await;
    assert_eq!(Browser::new(&stage).enter("hong").await.step(), "follow");
    stage.wechat("faults", json!({ "api": "tokens", "code": 40001 })).await;
    assert_eq!(Browser::new(&stage).enter("hong").await.step(), "follow");
    for api in ["cgi-bin/user/info", "cgi-bin/qrcode/create"] {
        stage.wechat("faults", json!({ "api": api, "code": 45009 })).await;
        assert_eq!(Browser::new(&stage).enter("hong").await.refusal(), (409, "wechat-again"), "{api}");
    }
}

#[tokio::test]
async fn who_stops_following_is_forgotten_in_all_portals() {
    let (stage, account) = Stage::with_wechat().await;
    stage.known_at_wechat("xiaoming", &phone(1)).await;
    let session = stage.known_at_wechat("wei", &phone(2)).await.text("session");
    let second = stage.admin(http::Method::POST, "/v1/admin/portals").json(&json!({ "application": "Second" })).send().await.text("id");
    let sign_in =
        json!({ "accounts": { "phone": true, "email": true }, "sevenDays": true, "countries": ["CN"], "wechat": { "enabled": true } });
    let settings = json!({ "access": "anyone", "signIn": sign_in });
    stage.admin(http::Method::PATCH, &format!("/v1/admin/portals/{second}")).json(&settings).send().await;
    let browser = Browser::new(&stage);
    let left = browser.get(&format!("/v1/portals/{second}/wechat")).await;
    let back = browser.at_wechat(&left, "xiaoming").await;
    let ticket = browser.get(&back).await.text("ticket");
    let body = json!({ "purpose": "bind", "ticket": ticket, "address": phone(1) });
    let flow = browser.post(&format!("/v1/portals/{second}/codes"), body).await.text("flow");
    let proof = json!({ "flow": flow, "code": stage.code_of(&phone(1)), "ticket": ticket });
    assert_eq!(browser.post(&format!("/v1/portals/{second}/sessions"), proof).await.step(), "signedIn");
    assert_eq!(stage.identities(), 3);
    delivered(&stage.wechat("unfollow", json!({ "person": "xiaoming", "app": account.app, "times": 3 })).await, 3);
    assert_eq!(stage.identities(), 1);
    assert!(!stage.everything().contains(account.openid("xiaoming").as_str()));
    assert_eq!(Browser::new(&stage).enter("xiaoming").await.step(), "bind");
    assert_eq!(Browser::new(&stage).enter("wei").await.step(), "signedIn", "the others stay");
    assert_eq!(stage.who_am_i(&session).await.status, 200);
}

#[tokio::test]
async fn a_push_that_is_sent_again_does_nothing() {
    // S63
    let (stage, account) = Stage::with_wechat().await;
    stage.known_at_wechat("xiaoming", &phone(1)).await;
    let now = stage.cloud.clock().now().as_second();
    let path = stage.events().await;
    let away = event(account.openid("xiaoming").as_str(), now, "unsubscribe", "");
    let first = stage.push(&path, &signed(&account, now), away.clone()).await;
    assert_eq!((first.status.as_u16(), &first.body), (200, &json!("success")));
    assert_eq!(first.headers["content-type"], "text/plain; charset=utf-8");
    assert_eq!(stage.identities(), 0);
    stage.known_at_wechat("xiaoming", &phone(1)).await;
    let again = stage.push(&path, &signed(&account, now), away).await;
    assert_eq!((again.status.as_u16(), &again.body, stage.identities()), (200, &json!("success"), 1));
}

#[tokio::test]
async fn a_push_that_could_not_be_dealt_with_is_dealt_with_when_it_comes_again() {
    let (stage, account) = Stage::with_wechat().await;
    stage.known_at_wechat("xiaoming", &phone(1)).await;
    let now = stage.cloud.clock().now().as_second();
    let (path, away) = (stage.events().await, event(account.openid("xiaoming").as_str(), now, "unsubscribe", ""));
    stage.cloud.meter().fail(Rule::next("TransactWriteItems", Fault::Missing));
    assert_eq!(stage.push(&path, &signed(&account, now), away.clone()).await.status, 503);
    assert_eq!(stage.identities(), 1);
    assert_eq!(stage.push(&path, &signed(&account, now), away).await.status, 200);
    assert_eq!(stage.identities(), 0);
}

#[tokio::test]
async fn pushes_that_are_not_wechats_are_refused_alike() {
    // S63
    let (stage, account) = Stage::with_wechat().await;
    stage.known_at_wechat("xiaoming", &phone(1)).await;
    let now = stage.cloud.clock().now().as_second();
    let path = stage.events().await;
    let openid = account.openid("xiaoming");
    let away = event(openid.as_str(), now, "unsubscribe", "");
    let before = stage.everything();
    let bad = signed(&Account::any(), now);
    let doctype = away.replace("<xml>", "<!DOCTYPE x [<!ENTITY e SYSTEM \"file:///etc/passwd\">]><xml>");
    let entity = away.replace("<![CDATA[unsubscribe]]>", "&e;");
    let nobody = "/v1/wechat/events/01KAMQ3ZB7W0GJ5Q4S9T2X8Y6V";
    for (what, path, query, body) in [
        ("a bad signature", path.as_str(), bad.as_str(), away.as_str()),
        ("no signature", &path, "", &away),
        ("an old time", &path, &signed(&account, now - 301), &away),
        // Further away than the window by more than the test may take.
        ("a time to come", &path, &signed(&account, now + 360), &away),
        ("a DOCTYPE", &path, &signed(&account, now), &doctype),
        ("an entity", &path, &signed(&account, now), &entity),
        ("no XML", &path, &signed(&account, now), "{}"),
        ("an account that is not there", nobody, &signed(&account, now), &away),
    ] {
        assert_eq!(stage.push(path, query, body.to_owned()).await.refusal(), (403, "forbidden"), "{what}");
    }
    let long = format!("{away}{}", " ".repeat(70_000));
    assert_eq!(stage.push(&path, &signed(&account, now), long).await.refusal(), (413, "too-large"));
    for query in [bad.clone() + "&echostr=word", "echostr=word".into(), signed(&account, now - 301) + "&echostr=word"] {
        assert_eq!(stage.get(&format!("{path}?{query}")).await.refusal(), (403, "forbidden"));
    }
    assert_eq!(stage.get(&format!("{nobody}?{}&echostr=word", signed(&account, now))).await.refusal(), (403, "forbidden"));
    assert_eq!(stage.everything(), before);
    let shake = stage.get(&format!("{path}?{}&echostr=%3Cb%3Eword", signed(&account, now))).await;
    assert_eq!((shake.body, shake.headers["content-type"].to_str().unwrap()), (json!("<b>word"), "text/plain; charset=utf-8"));
}

#[tokio::test]
async fn an_encrypted_push_opens_with_this_key_and_the_one_before() {
    // S63
    let (stage, account) = Stage::with_wechat().await;
    let mut binding = account.binding("safe");
    assert_eq!(stage.put_wechat(&binding).await.status, 200);
    let new_key = format!("{}new", &account.credentials.aes_key[..40]);
    binding["aesKey"] = json!(new_key);
    assert_eq!(stage.put_wechat(&binding).await.status, 200);
    let path = stage.events().await;
    let openid = account.openid("xiaoming");
    let now = || stage.cloud.clock().now().as_second();
    let away = |seconds| event(openid.as_str(), seconds, "unsubscribe", "");
    for key in [account.credentials.aes_key.as_str(), &new_key] {
        stage.known_at_wechat("xiaoming", &phone(1)).await;
        let (query, body) = sealed(&account, &account, key, now(), &away(now()));
        assert_eq!(stage.push(&path, &query, body).await.status, 200, "{key}");
        assert_eq!(stage.identities(), 0, "{key}");
        stage.cloud.clock().advance(61);
    }
    stage.known_at_wechat("xiaoming", &phone(1)).await;
    let at = now();
    let other_key = format!("{}old", &new_key[..40]);
    let (foreign_query, foreign) = sealed(&account, &Account::any(), &new_key, at, &away(at));
    let (wrong_query, wrong) = sealed(&account, &account, &other_key, at, &away(at));
    let (good_query, good) = sealed(&account, &account, &new_key, at, &away(at));
    let forged = good_query.replace("msg_signature=", "msg_signature=0");
    for (what, query, body) in [
        ("another account's", &foreign_query, &foreign),
        ("a key that is neither", &wrong_query, &wrong),
        ("a forged signature", &forged, &good),
        ("not encrypted", &signed(&account, at), &away(at)),
    ] {
        assert_eq!(stage.push(&path, query, body.clone()).await.refusal(), (403, "forbidden"), "{what}");
    }
    assert_eq!(stage.identities(), 1);
}

#[tokio::test]
async fn a_scene_of_another_organisation_moves_nothing() {
    // S42
    let (stage, _) = Stage::with_follow("plain").await;
    let browser = Browser::new(&stage);
    let asked = browser.enter("hong").await;
    let state = stage.get("/_local/wechat/state").await;
    let scene = state.body["codes"][0]["scene"].as_str().unwrap().to_owned();
    let (other, theirs) = Stage::with_wechat().await;
    let now = other.cloud.clock().now().as_second();
    let scan = event(theirs.openid("hong").as_str(), now, "SCAN", &scene);
    assert_eq!(other.push(&other.events().await, &signed(&theirs, now), scan).await.status, 200);
    // The same over the neighbour's account in one cloud: another service account knows nobody's openid of this one.
    let neighbour = stage.neighbour().await;
    let account = Account::any();
    let bound = stage
        .call(http::Method::PUT, "/v1/admin/organisation/wechat")
        .bearer(&neighbour.administrator.session)
        .json(&account.binding("plain"))
        .send()
        .await;
    let path = bound.text("events").strip_prefix(stage.cloud.base_url()).unwrap().to_owned();
    let now = stage.cloud.clock().now().as_second();
    let scan = event(account.openid("hong").as_str(), now, "SCAN", &scene);
    assert_eq!(stage.push(&path, &signed(&account, now), scan).await.status, 200);
    assert_eq!(browser.status(&asked.text("ticket")).await.step(), "follow");
}
