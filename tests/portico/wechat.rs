//! In by WeChat, in a browser within WeChat (F15, S31, S32, S36): against the stand-in, over HTTP.

use std::{collections::BTreeMap, sync::Mutex};

use http::{Method, header};
use serde_json::{Value, json};

use crate::{
    stage::{Answer, Stage, phone},
    wechat_account::Account,
};

/// The interface of WeChat by which a code becomes a person.
pub(crate) const EXCHANGE: &str = "sns/oauth2/access_token";

/// A browser with cookies of its own.
pub(crate) struct Browser<'a> {
    stage: &'a Stage,
    cookies: Mutex<BTreeMap<String, String>>,
}

impl<'a> Browser<'a> {
    pub(crate) fn new(stage: &'a Stage) -> Self {
        Self { stage, cookies: Mutex::default() }
    }

    /// A call with its cookies, as a program or as a page.
    pub(crate) async fn call(&self, method: Method, path: &str, body: Option<Value>, accept: &str) -> Answer {
        let cookies: Vec<String> = self.cookies.lock().unwrap().iter().map(|(name, value)| format!("{name}={value}")).collect();
        let call = self.stage.call(method, path).header("accept", accept).header("cookie", &cookies.join("; "));
        let answer = match &body {
            Some(body) => call.json(body).send().await,
            None => call.send().await,
        };
        for cookie in answer.headers.get_all(header::SET_COOKIE) {
            let cookie = cookie.to_str().unwrap();
            assert!(cookie.contains("; Path=/; Secure; HttpOnly; SameSite=Lax"), "{cookie}");
            let (name, value) = cookie.split(';').next().unwrap().split_once('=').unwrap();
            self.cookies.lock().unwrap().insert(name.to_owned(), value.to_owned());
        }
        answer
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.call(Method::GET, path, None, "application/json").await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.call(Method::POST, path, Some(body), "application/json").await
    }

    /// Leaves for WeChat.
    pub(crate) async fn leave(&self, query: &str) -> Answer {
        self.get(&self.stage.path(&format!("wechat{query}"))).await
    }

    /// Where WeChat leads somebody who left for it.
    pub(crate) async fn at_wechat(&self, left: &Answer, person: &str) -> String {
        assert_eq!(left.status, 302, "{left:?}");
        let address = left.headers[header::LOCATION].to_str().unwrap().strip_suffix("#wechat_redirect").unwrap();
        let place = format!("{address}&person={person}");
        let back = self.stage.get(self.local(&place)).await;
        assert_eq!(back.status, 303, "{back:?}");
        self.local(back.headers[header::LOCATION].to_str().unwrap()).to_owned()
    }

    fn local<'t>(&self, address: &'t str) -> &'t str {
        address.strip_prefix(self.stage.cloud.base_url()).unwrap_or_else(|| panic!("{address} leads elsewhere"))
    }

    /// Leaves for WeChat as somebody, and is on the way back: the path of the callback.
    pub(crate) async fn returning(&self, person: &str) -> String {
        let left = self.leave("").await;
        self.at_wechat(&left, person).await
    }

    /// To WeChat and back.
    pub(crate) async fn enter(&self, person: &str) -> Answer {
        let back = self.returning(person).await;
        self.get(&back).await
    }

    /// The same, for somebody new at WeChat: the ticket that asks for an address.
    pub(crate) async fn stranger(&self, person: &str) -> String {
        let answer = self.enter(person).await;
        assert_eq!((answer.step(), &answer.body["wechat"]), ("bind", &json!(true)), "{answer:?}");
        answer.text("ticket")
    }

    /// Asks for a code that proves an address after WeChat.
    pub(crate) async fn code_for(&self, ticket: &str, address: &str) -> Answer {
        let body = json!({ "purpose": "bind", "ticket": ticket, "address": address, "locale": "en" });
        self.post(&self.stage.path("codes"), body).await
    }

    /// Proves an address after WeChat.
    pub(crate) async fn bind(&self, ticket: &str, address: &str) -> Answer {
        let sent = self.code_for(ticket, address).await;
        assert_eq!(sent.status, 202, "{sent:?}");
        let proof = json!({ "flow": sent.text("flow"), "code": self.stage.code_of(address), "ticket": ticket });
        self.post(&self.stage.path("sessions"), proof).await
    }

    pub(crate) async fn status(&self, ticket: &str) -> Answer {
        self.post(&self.stage.path("registration/status"), json!({ "ticket": ticket })).await
    }
}

impl Stage {
    /// A portal open to anyone, with WeChat.
    pub(crate) async fn with_wechat() -> (Self, Account) {
        let stage = Self::open().await;
        stage.open_to_anyone().await;
        stage.set_sign_in(json!({ "wechat": { "enabled": true } })).await;
        let account = stage.bind_wechat("plain").await;
        (stage, account)
    }

    /// Somebody whom WeChat opens their account.
    pub(crate) async fn known_at_wechat(&self, person: &str, address: &str) -> Answer {
        let browser = Browser::new(self);
        let ticket = browser.stranger(person).await;
        let answer = browser.bind(&ticket, address).await;
        self.cloud.clock().advance(61);
        answer
    }

    /// How often WeChat was asked who somebody is.
    pub(crate) fn exchanges(&self) -> u64 {
        self.cloud.wechat().calls(EXCHANGE)
    }

    /// How many identities are bound in all portals.
    pub(crate) fn identities(&self) -> usize {
        self.rows("UsersTable", |row| row["pk"].as_str().is_some_and(|pk| pk.contains("#WECHAT#")))
    }

    /// How many accounts there are.
    pub(crate) fn accounts(&self) -> usize {
        self.rows("UsersTable", |row| row["sk"].as_str().is_some_and(|sk| sk.starts_with("USER#")) && row.get("status").is_some())
    }
}

#[tokio::test]
async fn somebody_new_proves_an_address_once_and_comes_in_silently_ever_after() {
    // F15, S33, S34
    let (stage, account) = Stage::with_wechat().await;
    let browser = Browser::new(&stage);
    let asked = browser.enter("xiaoming").await;
    assert_eq!((asked.step(), &asked.body["missing"], &asked.body["wechat"]), ("bind", &json!("any"), &json!(true)));
    assert_eq!((stage.accounts(), stage.identities(), stage.sessions()), (0, 0, 0), "WeChat alone makes nothing");
    let first = browser.bind(&asked.text("ticket"), &phone(1)).await;
    assert_eq!((first.step(), first.body["user"]["phone"].as_str()), ("signedIn", Some(phone(1).as_str())));
    let second = Browser::new(&stage).enter("xiaoming").await;
    assert_eq!((second.step(), &second.body["user"]["id"]), ("signedIn", &first.body["user"]["id"]));
    assert_eq!((stage.accounts(), stage.identities(), stage.sessions()), (1, 1, 2));
    let session = second.text("session");
    let me = stage.call(Method::GET, "/v1/me").bearer(&session).send().await;
    assert_eq!(me.body["wechat"], true);
    // F60
    let users = stage.admin(Method::GET, &stage.admin_path("/users")).send().await;
    assert_eq!(users.body["users"][0]["openId"], account.openid("xiaoming").as_str());
}

#[tokio::test]
async fn who_never_came_by_wechat_has_no_openid() {
    // F60
    let (stage, _) = Stage::with_wechat().await;
    let session = stage.signed_in(&phone(1)).await;
    let users = stage.admin(Method::GET, &stage.admin_path("/users")).send().await;
    assert_eq!(users.body["users"][0].get("openId"), Some(&Value::Null));
    assert_eq!(stage.call(Method::GET, "/v1/me").bearer(&session).send().await.body["wechat"], false);
}

#[tokio::test]
async fn an_account_that_is_there_is_found_by_its_address() {
    let (stage, _) = Stage::with_wechat().await;
    let before = stage.prove(&phone(1)).await;
    stage.cloud.clock().advance(61);
    let bound = stage.known_at_wechat("xiaoming", &phone(1)).await;
    assert_eq!((bound.step(), &bound.body["user"]["id"]), ("signedIn", &before.body["user"]["id"]));
    assert_eq!(Browser::new(&stage).enter("xiaoming").await.body["user"]["id"], before.body["user"]["id"]);
    assert_eq!(stage.accounts(), 1);
}

#[tokio::test]
async fn a_second_step_comes_after_wechat_as_after_a_password() {
    // F19, S38: not after the first time, at which a code was read.
    let (stage, _) = Stage::with_wechat().await;
    stage.set_sign_in(json!({ "wechat": { "enabled": true }, "secondStep": true })).await;
    assert_eq!(stage.known_at_wechat("xiaoming", &phone(1)).await.step(), "signedIn");
    let half = Browser::new(&stage).enter("xiaoming").await;
    assert_eq!((half.step(), &half.body["channels"][0]["channel"]), ("secondStep", &json!("sms")));
    assert_eq!(stage.sessions(), 1);
    assert_eq!(stage.second_step(&phone(1), &half.text("ticket")).await.step(), "signedIn");
}

#[tokio::test]
async fn a_browser_is_led_to_the_page_of_its_link() {
    // S32
    let (stage, _) = Stage::with_wechat().await;
    stage.admin(Method::POST, &stage.admin_path("/links")).json(&json!({ "suffix": "harbour-team" })).send().await;
    let html = "text/html,application/xhtml+xml";
    let browser = Browser::new(&stage);
    let lands = async |query: &str, person: &str| {
        let left = browser.leave(query).await;
        let back = browser.at_wechat(&left, person).await;
        let landed = browser.call(Method::GET, &back, None, html).await;
        assert_eq!((landed.status.as_u16(), &landed.body), (303, &json!("")), "{landed:?}");
        (landed.headers[header::LOCATION].to_str().unwrap().to_owned(), landed.headers.get(header::SET_COOKIE).is_some())
    };
    let (place, cookie) = lands("?link=harbour-team", "xiaoming").await;
    let ticket = place.strip_prefix("/p/harbour-team#ticket=").unwrap();
    assert!(!cookie);
    assert_eq!(browser.bind(ticket, &phone(1)).await.step(), "signedIn");
    let (place, cookie) = lands("?link=harbour-team&remember=true", "xiaoming").await;
    assert_eq!((place.as_str(), cookie), ("/p/harbour-team", true));
    let (place, cookie) = lands("", "anon").await;
    assert_eq!((place, cookie), (format!("/p/{}#problem=wechat-snapshot", stage.seeded.suffix), false));
    for evil in ["https://evil.example", "//evil.example", "..%2F..%2Fevil", "%2F%2Fevil.example", "javascript:alert(1)"] {
        let refused = browser.leave(&format!("?link={evil}")).await;
        assert!(matches!(refused.refusal(), (422, "invalid") | (403, "method-off")), "{evil}: {refused:?}");
    }
    assert_eq!(browser.leave("?redirect=https://evil.example").await.refusal(), (422, "invalid"));
    // A link that is gone meanwhile leads to the portal's own.
    let left = browser.leave("?link=harbour-team").await;
    let back = browser.at_wechat(&left, "xiaoming").await;
    stage.admin(Method::DELETE, &stage.admin_path("/links/harbour-team")).send().await;
    let landed = browser.call(Method::GET, &back, None, html).await;
    assert_eq!(landed.headers[header::LOCATION], format!("/p/{}#problem=method-off", stage.seeded.suffix).as_str());
}

#[tokio::test]
async fn a_state_is_good_once_in_its_browser_for_ten_minutes() {
    // S31
    let (stage, _) = Stage::with_wechat().await;
    let browser = Browser::new(&stage);
    let back = browser.returning("xiaoming").await;
    let state = back.split_once("state=").unwrap().1.to_owned();
    let without = |state: &str| format!("/v1/wechat/callback?code=any&state={state}");
    let neighbour = stage.neighbour().await;
    let elsewhere = format!("{}{}{}", &state[..26], neighbour.portal, &state[52..]);
    let others = format!("{}{}{}", neighbour.organisation, &state[26..52], &state[52..]);
    for foreign in ["", "x", &elsewhere, &others, &format!("{}{:032x}", &state[..52], 7)] {
        assert_eq!(browser.get(&without(foreign)).await.refusal(), (403, "wechat-state"), "{foreign}");
    }
    assert_eq!(browser.get("/v1/wechat/callback").await.refusal(), (403, "wechat-state"));
    assert_eq!(Browser::new(&stage).get(&back).await.refusal(), (403, "wechat-state"), "no cookie");
    let other = Browser::new(&stage);
    other.leave("").await;
    assert_eq!(other.get(&back).await.refusal(), (403, "wechat-state"), "another browser's cookie");
    assert_eq!(stage.exchanges(), 0);
    assert_eq!(browser.get(&back).await.step(), "bind", "and it is still good in its own");
    assert_eq!(browser.get(&back).await.refusal(), (403, "wechat-state"), "replayed");
    let late = browser.returning("xiaoming").await;
    stage.cloud.clock().advance(601);
    assert_eq!(browser.get(&late).await.refusal(), (403, "wechat-state"));
    assert_eq!(stage.exchanges(), 1);
    assert!(!stage.everything().contains(&state[52..]), "stored as a hash");
}

#[tokio::test]
async fn of_two_who_come_back_with_one_state_one_is_exchanged() {
    // S31
    let (stage, _) = Stage::with_wechat().await;
    stage.known_at_wechat("xiaoming", &phone(1)).await;
    let before = stage.exchanges();
    let browser = Browser::new(&stage);
    let back = browser.returning("xiaoming").await;
    let (first, second) = tokio::join!(browser.get(&back), browser.get(&back));
    let steps = [first.step(), second.step()];
    assert_eq!(steps.iter().filter(|step| **step == "signedIn").count(), 1, "{steps:?}");
    assert_eq!((stage.exchanges() - before, stage.sessions()), (1, 2));
}

#[tokio::test]
async fn a_virtual_person_becomes_nobody() {
    // S36
    let (stage, _) = Stage::with_wechat().await;
    assert_eq!(Browser::new(&stage).enter("anon").await.refusal(), (403, "wechat-snapshot"));
    assert_eq!((stage.accounts(), stage.identities()), (0, 0));
}

#[tokio::test]
async fn what_wechat_does_not_say_is_asked_anew_and_never_again() {
    let (stage, _) = Stage::with_wechat().await;
    for code in [40029, 40163, 42003, -1, 40164, 48001] {
        let before = stage.exchanges();
        stage.wechat("faults", json!({ "api": EXCHANGE, "code": code })).await;
        assert_eq!(Browser::new(&stage).enter("xiaoming").await.refusal(), (409, "wechat-again"), "{code}");
        assert_eq!(stage.exchanges() - before, 1, "{code}");
    }
    let browser = Browser::new(&stage);
    let back = browser.returning("xiaoming").await.replace("code=", "code=x");
    assert_eq!(browser.get(&back).await.refusal(), (409, "wechat-again"));
    assert!(!browser.stranger("xiaoming").await.is_empty());
}

#[tokio::test]
async fn where_wechat_is_not_offered_nobody_leaves_for_it() {
    // F1, F6, F15, F82
    let stage = Stage::open().await;
    let browser = Browser::new(&stage);
    assert_eq!(browser.leave("").await.refusal(), (403, "method-off"), "off to begin with");
    stage.set_sign_in(json!({ "wechat": { "enabled": true } })).await;
    assert_eq!(browser.leave("").await.refusal(), (409, "wechat-unbound"));
    assert_eq!(browser.post(&stage.path("wechat/scans"), json!({})).await.refusal(), (409, "wechat-unbound"));
    stage.bind_wechat("plain").await;
    let link = json!({ "suffix": "codes-only", "wechat": false });
    stage.admin(Method::POST, &stage.admin_path("/links")).json(&link).send().await;
    assert_eq!(browser.leave("?link=codes-only").await.refusal(), (403, "method-off"));
    // A person is led back to a page with words for it.
    let left = browser.call(Method::GET, &stage.path("wechat?link=codes-only"), None, "text/html").await;
    assert_eq!(left.status, 303, "{left:?}");
    assert_eq!(left.headers[header::LOCATION], "/p/codes-only#problem=method-off");
    let unreadable = stage.path("wechat?link=codes-only&scan=AAAAAAAAAAAAAAAAAAAAAA");
    let left = browser.call(Method::GET, &unreadable, None, "text/html").await;
    assert_eq!(left.headers[header::LOCATION], "/p/codes-only#problem=wechat-state");
    assert_eq!(browser.post(&stage.path("wechat/scans"), json!({ "link": "codes-only" })).await.refusal(), (403, "method-off"));
    assert_eq!(browser.leave("").await.status, 302);
    let back = browser.returning("xiaoming").await;
    stage.set(json!({ "enabled": false })).await;
    assert_eq!(browser.leave("").await.refusal(), (403, "portal-off"));
    assert_eq!(browser.get(&back).await.refusal(), (403, "portal-off"));
    assert_eq!(stage.exchanges(), 0);
    let nowhere = browser.get("/v1/portals/01KAMQ3ZB7W0GJ5Q4S9T2X8Y6V/wechat").await;
    assert_eq!(nowhere.refusal(), (404, "not-found"));
}

#[tokio::test]
async fn the_page_knows_whether_wechat_works_here() {
    let stage = Stage::open().await;
    let shown = async || {
        let page = stage.get(&format!("/p/{}", stage.seeded.suffix)).await;
        let page = page.body.as_str().unwrap().to_owned();
        let json = page.split_once("type=\"application/json\"").unwrap().1;
        let json = json.split_once('>').unwrap().1.split_once("</script>").unwrap().0;
        serde_json::from_str::<Value>(json).unwrap()["wechat"].clone()
    };
    assert_eq!(shown().await, Value::Null);
    stage.set_sign_in(json!({ "wechat": { "enabled": true, "follow": true } })).await;
    assert_eq!(shown().await, Value::Null, "the organisation has no service account");
    stage.bind_wechat("plain").await;
    assert_eq!(shown().await, json!({ "follow": true }));
}

#[tokio::test]
async fn a_client_address_leaves_for_wechat_only_so_often() {
    // S9
    let stage = Stage::with(&[("CAP_CLIENT_MINUTELY", "3")]).await;
    stage.set_sign_in(json!({ "wechat": { "enabled": true } })).await;
    stage.bind_wechat("plain").await;
    let browser = Browser::new(&stage);
    for _ in 0..2 {
        assert_eq!(browser.leave("").await.status, 302);
    }
    assert_eq!(browser.post(&stage.path("wechat/scans"), json!({})).await.status, 201);
    assert_eq!(browser.leave("").await.refusal(), (429, "too-many-requests"));
    assert_eq!(browser.post(&stage.path("wechat/scans"), json!({})).await.refusal(), (429, "too-many-requests"));
}
