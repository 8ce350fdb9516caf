//! The WeChat service account of an organisation (F82): bound, shown, changed, unbound; its secrets, its file, its global token.

use http::Method;
use portico_access::wechat::{ServiceAccount, ServiceAccounts};
use portico_domain::wechat::{AppId, OpenId};
use portico_local::{
    seed::Seeded,
    wechat::{Credentials, Person, WeChat, credentials},
};
use portico_store::{Store, Table};
use portico_wechat::Error;
use serde_json::{Value, json};

use crate::stage::{Answer, Stage};

const PATH: &str = "/v1/admin/organisation/wechat";
const STABLE_TOKEN: &str = "cgi-bin/stable_token";

/// A service account at the stand-in, with what an administrator finds there.
pub(crate) struct Account {
    pub(crate) app: AppId,
    pub(crate) credentials: Credentials,
}

impl Account {
    pub(crate) fn any() -> Self {
        let app = WeChat::any_app();
        Self { credentials: credentials(&app), app }
    }

    /// What is sent to bind it.
    pub(crate) fn binding(&self, mode: &str) -> Value {
        let Credentials { app_secret, token, aes_key } = &self.credentials;
        json!({ "appId": self.app, "appSecret": app_secret, "token": token, "aesKey": aes_key, "mode": mode })
    }

    /// How the account knows somebody of the stand-in.
    pub(crate) fn openid(&self, person: &str) -> OpenId {
        Person::find(person).unwrap().openid(&self.app).try_into().unwrap()
    }
}

impl Stage {
    pub(crate) async fn put_wechat(&self, binding: &Value) -> Answer {
        self.admin(Method::PUT, PATH).json(binding).send().await
    }

    /// Binds an account to the stage's organisation, and tells the stand-in where its pushes go.
    pub(crate) async fn bind_wechat(&self, mode: &str) -> Account {
        let account = Account::any();
        let answer = self.put_wechat(&account.binding(mode)).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let set_up = json!({ "events": answer.text("events"), "mode": mode });
        self.call(Method::PUT, &format!("/_local/wechat/accounts/{}", account.app.as_str())).json(&set_up).send().await;
        account
    }

    /// Moves a switch of the stand-in.
    pub(crate) async fn wechat(&self, switch: &str, body: Value) -> Answer {
        let answer = self.post(&format!("/_local/wechat/{switch}"), body).await;
        assert!(answer.status.is_success(), "{answer:?}");
        answer
    }

    async fn read_wechat(&self) -> Answer {
        self.admin(Method::GET, PATH).send().await
    }

    /// As a function that calls WeChat has them.
    fn service_accounts(&self) -> ServiceAccounts {
        let deployment = self.cloud.deployment("wechat-account");
        let store = Store::open(&deployment, &[Table::Portals, Table::Users, Table::Codes]).unwrap();
        ServiceAccounts::open(&deployment, &store).unwrap()
    }

    async fn service_account(&self, accounts: &ServiceAccounts) -> ServiceAccount {
        accounts.of_organisation(self.seeded.organisation.parse().unwrap()).await.unwrap().unwrap()
    }

    fn tokens_fetched(&self) -> u64 {
        self.cloud.wechat().calls(STABLE_TOKEN)
    }
}

#[tokio::test]
async fn an_account_is_bound_shown_and_unbound() {
    let stage = Stage::open().await;
    assert_eq!(stage.read_wechat().await.refusal(), (404, "not-found"));
    let account = Account::any();
    let answer = stage.put_wechat(&account.binding("safe")).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let id = answer.text("account");
    assert_eq!(answer.text("events"), format!("{}/v1/wechat/events/{id}", stage.cloud.base_url()));
    assert_eq!(answer.body["appId"], json!(account.app));
    assert_eq!(answer.body["mode"], "safe");
    assert_eq!(answer.body["secrets"], json!({ "appSecret": true, "token": true, "aesKey": true }));
    assert_eq!(stage.read_wechat().await.body, answer.body);

    assert_eq!(stage.admin(Method::DELETE, PATH).send().await.status, 204);
    assert_eq!(stage.read_wechat().await.status, 404);
    assert_eq!(stage.admin(Method::DELETE, PATH).send().await.status, 404);
    assert_eq!(stage.rows("PortalsTable", |row| row.to_string().contains("WECHAT")), 0);
    assert_eq!(stage.rows("CodesTable", |row| row.to_string().contains("WECHATTOKEN")), 0);
}

/// S66: not in an answer, and in the tables only encrypted.
#[tokio::test]
async fn secrets_are_never_answered_and_never_stored_in_clear() {
    let stage = Stage::open().await;
    let account = stage.bind_wechat("safe").await;
    let accounts = stage.service_accounts();
    let service = stage.service_account(&accounts).await;
    let token = accounts.with_token(&service, |token| async move { Ok(token) }).await.unwrap();
    let shown = format!("{:?} {:?} {}", stage.read_wechat().await, service, stage.everything());
    let Credentials { app_secret, token: push_token, aes_key } = account.credentials;
    for secret in [app_secret, push_token, aes_key, token] {
        assert!(!shown.contains(&secret), "{secret}");
    }
}

#[tokio::test]
async fn what_is_omitted_stays_as_it_is() {
    let stage = Stage::open().await;
    let account = stage.bind_wechat("plain").await;
    let before = stage.read_wechat().await;
    stage.cloud.clock().advance(60);
    let answer = stage.put_wechat(&json!({ "appId": account.app, "mode": "safe" })).await;
    assert_eq!((answer.status.as_u16(), answer.body["mode"].as_str()), (200, Some("safe")));
    assert_eq!((&answer.body["account"], &answer.body["boundAt"]), (&before.body["account"], &before.body["boundAt"]));
    let service = stage.service_account(&stage.service_accounts()).await;
    assert_eq!(service.secrets.app_secret.as_str(), account.credentials.app_secret);
    // A new key keeps the one before, with which WeChat still encrypts for a while (S63).
    let key = "k".repeat(43);
    stage.put_wechat(&json!({ "appId": account.app, "mode": "safe", "aesKey": key })).await;
    let secrets = stage.service_account(&stage.service_accounts()).await.secrets;
    assert_eq!(secrets.aes_key.unwrap().as_str(), key);
    assert_eq!(secrets.previous_aes_key.unwrap().as_str(), account.credentials.aes_key);
}

#[tokio::test]
async fn another_account_needs_its_own_secrets() {
    let stage = Stage::open().await;
    let first = stage.bind_wechat("plain").await;
    let second = Account::any();
    let answer = stage.put_wechat(&json!({ "appId": second.app, "mode": "plain" })).await;
    assert_eq!(answer.refusal(), (422, "invalid"));
    assert_eq!(answer.body["errors"][0]["pointer"], "/appSecret");
    assert_eq!(stage.put_wechat(&second.binding("plain")).await.status, 200);
    // The first one is free again.
    let neighbour = stage.neighbour().await;
    let answer = as_neighbour(&stage, &neighbour, &first.binding("plain")).await;
    assert_eq!(answer.status, 200, "{answer:?}");
}

async fn as_neighbour(stage: &Stage, neighbour: &Seeded, binding: &Value) -> Answer {
    stage.call(Method::PUT, PATH).bearer(&neighbour.administrator.session).json(binding).send().await
}

/// F82: one service account belongs to one organisation, also when two ask at once.
#[tokio::test]
async fn an_account_belongs_to_one_organisation() {
    let stage = Stage::open().await;
    let neighbour = stage.neighbour().await;
    let account = Account::any();
    let binding = account.binding("plain");
    let (ours, theirs) = tokio::join!(stage.put_wechat(&binding), as_neighbour(&stage, &neighbour, &binding));
    let mut statuses = [ours.status.as_u16(), theirs.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409], "{ours:?} {theirs:?}");
    assert_eq!(if ours.status == 409 { ours.problem() } else { theirs.problem() }, "already-bound");
    assert_eq!(stage.rows("PortalsTable", |row| row["sk"] == "WECHATAPP"), 1);
    assert_eq!(stage.rows("PortalsTable", |row| row["sk"] == "WECHAT" && row["pk"].as_str().unwrap().starts_with("ORG#")), 1);
}

#[tokio::test]
async fn what_wechat_says_to_the_credentials_is_told() {
    let stage = Stage::open().await;
    let account = Account::any();
    let mut wrong = account.binding("plain");
    wrong["appSecret"] = "0".repeat(32).into();
    let answer = stage.put_wechat(&wrong).await;
    assert_eq!((answer.refusal(), &answer.body["errors"][0]["pointer"]), ((422, "invalid"), &json!("/appSecret")));

    let fail = async |code: i64| {
        stage.wechat("faults", json!({ "api": STABLE_TOKEN, "code": code })).await;
        stage.put_wechat(&account.binding("plain")).await
    };
    let answer = fail(40013).await;
    assert_eq!((answer.refusal(), &answer.body["errors"][0]["pointer"]), ((422, "invalid"), &json!("/appId")));
    let answer = fail(40164).await;
    assert_eq!(answer.refusal(), (409, "wechat-address"));
    let detail = answer.text("detail");
    assert!(detail.contains("203.0.113.7") && detail.contains("WeChatEgress"), "{detail}");
    assert_eq!(fail(-1).await.refusal(), (503, "unavailable"));
    assert_eq!(stage.read_wechat().await.status, 404, "nothing was bound");
}

#[tokio::test]
async fn malformed_settings_are_pointed_at() {
    let stage = Stage::open().await;
    let account = Account::any();
    for (change, pointer) in [
        (json!({ "appId": "gh_1234" }), "/appId"),
        (json!({ "appSecret": "short" }), "/appSecret"),
        (json!({ "token": "no spaces" }), "/token"),
        (json!({ "aesKey": "short" }), "/aesKey"),
        (json!({ "mode": "compatible" }), "/mode"),
        (json!({ "verification": { "name": "../index.html", "content": "x" } }), "/verification/name"),
        (json!({ "verification": { "name": "MP_verify_a.txt", "content": "<script>" } }), "/verification/content"),
        (json!({ "openid": "x" }), "/openid"),
    ] {
        let mut binding = account.binding("plain");
        binding.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let answer = stage.put_wechat(&binding).await;
        assert_eq!((answer.status.as_u16(), answer.body["errors"][0]["pointer"].as_str()), (422, Some(pointer)), "{answer:?}");
    }
    let mut binding = account.binding("safe");
    binding.as_object_mut().unwrap().remove("aesKey");
    let answer = stage.put_wechat(&binding).await;
    assert_eq!((answer.refusal(), &answer.body["errors"][0]["pointer"]), ((422, "invalid"), &json!("/aesKey")));
    assert_eq!(stage.tokens_fetched(), 0, "WeChat is asked only about what can be right");
}

#[tokio::test]
async fn the_verification_file_is_served_under_its_exact_name() {
    let stage = Stage::open().await;
    let account = Account::any();
    let with = |name: &str, content: &str| {
        let mut binding = account.binding("plain");
        binding["verification"] = json!({ "name": name, "content": content });
        binding
    };
    assert_eq!(stage.put_wechat(&with("MP_verify_Ab12.txt", "Ab12")).await.status, 200);
    let file = stage.get("/MP_verify_Ab12.txt").await;
    assert_eq!((file.status.as_u16(), file.body.as_str()), (200, Some("Ab12")));
    assert_eq!(file.headers["content-type"], "text/plain; charset=utf-8");
    assert_eq!(file.headers["x-content-type-options"], "nosniff");
    for other in ["/MP_verify_ab12.txt", "/MP_verify_Ab12.txt.txt", "/MP_verify_.txt", "/robots.txt", "/MP_verify_%2e%2e.txt"] {
        assert_eq!(stage.get(other).await.refusal(), (404, "not-found"), "{other}");
    }
    // Another organisation does not get the name.
    let neighbour = stage.neighbour().await;
    let mut theirs = Account::any().binding("plain");
    theirs["verification"] = json!({ "name": "MP_verify_Ab12.txt", "content": "theirs" });
    let answer = as_neighbour(&stage, &neighbour, &theirs).await;
    assert_eq!((answer.refusal(), &answer.body["errors"][0]["pointer"]), ((422, "invalid"), &json!("/verification/name")));
    // A new file takes the place of the old one; none takes it away.
    assert_eq!(stage.put_wechat(&with("MP_verify_Cd34.txt", "Cd34")).await.status, 200);
    assert_eq!(stage.get("/MP_verify_Ab12.txt").await.status, 404);
    assert_eq!(stage.put_wechat(&account.binding("plain")).await.status, 200);
    assert_eq!(stage.get("/MP_verify_Cd34.txt").await.status, 404);
}

#[tokio::test]
async fn secrets_outlive_a_rotation_when_they_are_used_and_are_given_anew_when_not() {
    let stage = Stage::open().await;
    let account = stage.bind_wechat("safe").await;
    let rotate = || {
        stage.cloud.rotate_secret().unwrap();
        stage.cloud.clock().advance(700);
    };
    for _ in 0..3 {
        rotate();
        let service = stage.service_account(&stage.service_accounts()).await;
        assert_eq!(service.secrets.app_secret.as_str(), account.credentials.app_secret);
    }
    rotate();
    rotate();
    let answer = stage.read_wechat().await;
    assert_eq!(answer.body["secrets"], json!({ "appSecret": false, "token": false, "aesKey": false }), "{answer:?}");
    let answer = stage.put_wechat(&json!({ "appId": account.app, "mode": "safe" })).await;
    assert_eq!((answer.refusal(), &answer.body["errors"][0]["pointer"]), ((422, "invalid"), &json!("/appSecret")));
    assert_eq!(stage.put_wechat(&account.binding("safe")).await.status, 200);
}

#[tokio::test]
async fn twenty_callers_at_once_fetch_one_token() {
    let stage = Stage::open().await;
    stage.bind_wechat("plain").await;
    let before = stage.tokens_fetched();
    // Twenty instances: none shares anything with another one but the tables.
    let callers = (0..20).map(|_| async {
        let accounts = stage.service_accounts();
        let service = stage.service_account(&accounts).await;
        accounts.with_token(&service, |token| async move { Ok(token) }).await.unwrap()
    });
    let tokens = futures_util::future::join_all(callers).await;
    assert!(tokens.iter().all(|token| *token == tokens[0]));
    assert_eq!(stage.tokens_fetched() - before, 1);
}

#[tokio::test]
async fn a_token_is_renewed_five_minutes_before_its_end() {
    let stage = Stage::open().await;
    stage.bind_wechat("plain").await;
    let accounts = stage.service_accounts();
    let service = stage.service_account(&accounts).await;
    let token = async || accounts.with_token(&service, |token| async move { Ok(token) }).await.unwrap();
    let (first, before) = (token().await, stage.tokens_fetched());
    stage.cloud.clock().advance(7_200 - 320);
    assert_eq!(token().await, first);
    assert_eq!(stage.tokens_fetched(), before);
    stage.cloud.clock().advance(30);
    assert_ne!(token().await, first);
    assert_eq!(stage.tokens_fetched(), before + 1);
}

#[tokio::test]
async fn a_token_that_wechat_no_longer_takes_is_fetched_again_once() {
    let stage = Stage::open().await;
    let account = stage.bind_wechat("plain").await;
    let accounts = stage.service_accounts();
    let service = stage.service_account(&accounts).await;
    let (wechat, person) = (accounts.wechat(), account.openid("xiaoming"));
    let follows = async || {
        let person = &person;
        accounts.with_token(&service, |token| async move { wechat.user_info(&token, person).await }).await
    };
    assert!(follows().await.unwrap().subscribed);
    let before = stage.tokens_fetched();
    // All tokens end at WeChat, as when the secret is changed there.
    stage.call(Method::DELETE, "/_local/wechat/tokens").send().await;
    assert!(follows().await.unwrap().subscribed);
    assert_eq!(stage.tokens_fetched(), before + 1);
    for code in [40001, 40014, 42001] {
        let (calls, before) = (stage.cloud.wechat().calls("cgi-bin/user/info"), stage.tokens_fetched());
        stage.wechat("faults", json!({ "api": "cgi-bin/user/info", "code": code, "times": 2 })).await;
        let refused = follows().await.unwrap_err();
        assert!(matches!(refused, portico_access::wechat::ServiceError::WeChat(Error::TokenStale)), "{code}: {refused}");
        assert_eq!(stage.cloud.wechat().calls("cgi-bin/user/info") - calls, 2, "{code}: once more, and no more");
        assert_eq!(stage.tokens_fetched() - before, 1, "{code}");
    }
}

#[tokio::test]
async fn a_fetch_that_failed_leaves_the_turn_to_the_next() {
    let stage = Stage::open().await;
    stage.bind_wechat("plain").await;
    let accounts = stage.service_accounts();
    let service = stage.service_account(&accounts).await;
    stage.wechat("faults", json!({ "api": STABLE_TOKEN, "code": 40164 })).await;
    let token = async || accounts.with_token(&service, |token| async move { Ok(token) }).await;
    let refused = token().await.unwrap_err();
    assert!(refused.to_string().contains("WeChatEgress"), "{refused}");
    assert!(token().await.is_ok(), "the turn was given back");
}
