//! What tests do again and again: a cloud, a portal in it, people who sign up.

use std::{
    collections::BTreeMap,
    net::IpAddr,
    pin::Pin,
    sync::atomic::{AtomicU8, Ordering},
};

use http::{HeaderMap, Method, StatusCode};
use portico_local::{Cloud, Options, seed::Seeded};
use reqwest::redirect::Policy;
use serde_json::{Value, json};

use crate::logs;

/// A cloud with one organisation and its portal: approved users, name required, company and position asked for.
pub(crate) struct Stage {
    pub(crate) cloud: Cloud,
    pub(crate) seeded: Seeded,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl Answer {
    /// The stable name of a problem.
    pub(crate) fn problem(&self) -> &str {
        let kind = self.body["type"].as_str().unwrap_or_default();
        kind.strip_prefix("https://portico.dev/problems/").unwrap_or_default()
    }

    /// Status and problem, as tests compare them.
    pub(crate) fn refusal(&self) -> (u16, &str) {
        (self.status.as_u16(), self.problem())
    }

    /// The step of an outcome.
    pub(crate) fn step(&self) -> &str {
        self.body["step"].as_str().unwrap_or_default()
    }

    pub(crate) fn text(&self, name: &str) -> String {
        self.body[name].as_str().unwrap_or_else(|| panic!("{name} is missing in {self:?}")).to_owned()
    }
}

/// A request under construction.
pub(crate) struct Call {
    builder: reqwest::RequestBuilder,
    /// Delivers what the call wrote into the outbox, as happens soon after it.
    settled: Pin<Box<dyn Future<Output = usize> + Send>>,
}

impl Call {
    pub(crate) fn header(self, name: &str, value: &str) -> Self {
        Self { builder: self.builder.header(name, value), ..self }
    }

    pub(crate) fn bearer(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    pub(crate) fn json(self, body: &Value) -> Self {
        Self { builder: self.builder.json(body), ..self }
    }

    pub(crate) fn body(self, content_type: &str, body: impl Into<reqwest::Body>) -> Self {
        Self { builder: self.builder.header("content-type", content_type).body(body), ..self }
    }

    /// Sends it, and lets what it caused be delivered.
    pub(crate) async fn send(self) -> Answer {
        let settled = self.settled;
        let answer = Self::answer(self.builder).await;
        settled.await;
        answer
    }

    /// Sends it; what it caused stays in the outbox.
    pub(crate) async fn send_alone(self) -> Answer {
        Self::answer(self.builder).await
    }

    async fn answer(builder: reqwest::RequestBuilder) -> Answer {
        let response = builder.send().await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        let bytes = response.bytes().await.unwrap();
        let body = serde_json::from_slice(&bytes).unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&bytes).into_owned()));
        Answer { status, headers, body }
    }
}

impl Stage {
    pub(crate) async fn open() -> Self {
        Self::with(&[]).await
    }

    /// A cloud whose functions are given other variables, such as caps.
    pub(crate) async fn with(variables: &[(&str, &str)]) -> Self {
        let environment: BTreeMap<String, String> =
            variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        logs::keep();
        let cloud = Cloud::start(Options { environment, ..Options::default() }).await.unwrap();
        let seeded = cloud.organisation().await.unwrap();
        Self { cloud, seeded }
    }

    /// A cloud in which crowds may ask for codes.
    pub(crate) async fn for_crowds() -> Self {
        Self::with(&[("CAP_CLIENT_MINUTELY", "100000"), ("CAP_CLIENT_HOURLY", "100000"), ("CAP_PORTAL_HOURLY", "100000")]).await
    }

    /// The same cloud, as another organisation.
    pub(crate) async fn neighbour(&self) -> Seeded {
        self.cloud.organisation().await.unwrap()
    }

    /// The same cloud, seen from another organisation.
    pub(crate) async fn at_neighbours(mut self) -> Self {
        self.seeded = self.neighbour().await;
        self
    }

    pub(crate) fn call(&self, method: Method, path: &str) -> Call {
        self.call_from("127.0.0.1", method, path)
    }

    /// A call from another client address.
    pub(crate) fn call_from(&self, client: &str, method: Method, path: &str) -> Call {
        let address: IpAddr = client.parse().unwrap();
        let http = reqwest::Client::builder().local_address(address).no_proxy().redirect(Policy::none()).build().unwrap();
        let builder = http.request(method, format!("{}{path}", self.cloud.base_url()));
        Call { builder, settled: Box::pin(self.cloud.settle()) }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.call(Method::GET, path).send().await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.call(Method::POST, path).json(&body).send().await
    }

    /// A path below the portal, for outside people.
    pub(crate) fn path(&self, rest: &str) -> String {
        format!("/v1/portals/{}/{rest}", self.seeded.portal)
    }

    /// A path below the portal, for administrators.
    pub(crate) fn admin_path(&self, rest: &str) -> String {
        format!("/v1/admin/portals/{}{rest}", self.seeded.portal)
    }

    /// A call as the administrator.
    pub(crate) fn admin(&self, method: Method, path: &str) -> Call {
        self.call(method, path).bearer(&self.seeded.administrator.session)
    }

    /// Another session of the administrator, once theirs is over.
    pub(crate) async fn administrator_again(&mut self) {
        let seeded = self.post("/_local/organisations", json!({ "suffix": self.seeded.suffix })).await;
        self.seeded.administrator.session = seeded.body["administrator"]["session"].as_str().unwrap().to_owned();
    }

    /// Changes settings of the portal.
    pub(crate) async fn set(&self, settings: Value) -> Answer {
        let answer = self.admin(Method::PATCH, &self.admin_path("")).json(&settings).send().await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer
    }

    /// Opens the portal for anyone, with nothing collected: the shortest way in.
    pub(crate) async fn open_to_anyone(&self) {
        let fields =
            json!([{ "id": "name", "type": "text", "label": { "zh": "姓名", "en": "Name" }, "collect": false, "required": false }]);
        self.set(json!({ "access": "anyone", "fields": fields })).await;
    }

    pub(crate) async fn ask_for_code(&self, address: &str) -> Answer {
        let body = json!({ "address": address, "purpose": "sign-in", "locale": "en" });
        self.call_from(&any_client(), Method::POST, &self.path("codes")).json(&body).send().await
    }

    /// The flow of a code that was asked for.
    pub(crate) async fn flow(&self, address: &str) -> String {
        let answer = self.ask_for_code(address).await;
        assert_eq!(answer.status, 202, "{answer:?}");
        answer.text("flow")
    }

    /// The newest code that somebody got.
    pub(crate) fn code_of(&self, address: &str) -> String {
        let messages = self.cloud.messages().list(Some(address));
        messages.iter().find_map(|message| message.code()).unwrap_or_else(|| panic!("no code for {address}")).to_owned()
    }

    pub(crate) async fn verify(&self, flow: &str, code: &str) -> Answer {
        self.call(Method::POST, &self.path("sessions"))
            .header("accept", "application/json")
            .json(&json!({ "flow": flow, "code": code, "remember": true }))
            .send()
            .await
    }

    /// Asks for a code and brings it back.
    pub(crate) async fn prove(&self, address: &str) -> Answer {
        let flow = self.flow(address).await;
        self.verify(&flow, &self.code_of(address)).await
    }

    pub(crate) async fn register(&self, ticket: &str, fields: Value) -> Answer {
        self.call(Method::POST, &self.path("registration"))
            .header("accept", "application/json")
            .json(&json!({ "ticket": ticket, "fields": fields }))
            .send()
            .await
    }

    pub(crate) async fn status(&self, ticket: &str) -> Answer {
        self.call(Method::POST, &self.path("registration/status"))
            .header("accept", "application/json")
            .json(&json!({ "ticket": ticket }))
            .send()
            .await
    }

    /// Somebody who has filled in everything and waits: their ticket.
    pub(crate) async fn applicant(&self, address: &str) -> String {
        let collect = self.prove(address).await;
        assert_eq!(collect.step(), "collect", "{collect:?}");
        let waiting = self.register(&collect.text("ticket"), json!({ "name": "Li Na" })).await;
        assert_eq!(waiting.step(), "awaitingApproval", "{waiting:?}");
        waiting.text("ticket")
    }

    /// The identifiers of all users with a status.
    pub(crate) async fn users(&self, status: &str) -> Vec<String> {
        let answer = self.admin(Method::GET, &self.admin_path(&format!("/users?limit=200&status={status}"))).send().await;
        let users = answer.body["users"].as_array().unwrap_or_else(|| panic!("{answer:?}"));
        users.iter().map(|user| user["id"].as_str().unwrap().to_owned()).collect()
    }

    pub(crate) async fn decide(&self, users: &[String], decision: &str) -> Answer {
        let body = json!({ "users": users, "decision": decision });
        self.admin(Method::POST, &self.admin_path("/approvals")).json(&body).send().await
    }

    /// Invites somebody as the administrator.
    pub(crate) async fn invite(&self, invitation: Value) -> Answer {
        self.admin(Method::POST, &self.admin_path("/invitations")).json(&invitation).send().await
    }

    /// An invitation that was made.
    pub(crate) async fn invited(&self, invitation: Value) -> Answer {
        let answer = self.invite(invitation).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        answer
    }

    /// Somebody who is signed in: their session. The portal must be open to anyone.
    pub(crate) async fn signed_in(&self, address: &str) -> String {
        let answer = self.prove(address).await;
        assert_eq!(answer.step(), "signedIn", "{answer:?}");
        answer.text("session")
    }

    pub(crate) async fn who_am_i(&self, session: &str) -> Answer {
        self.call(Method::GET, "/v1/session").bearer(session).send().await
    }

    /// The seats in use, as counted and as the users have it: always the same.
    pub(crate) async fn seats_used(&self) -> u64 {
        let answer = self.admin(Method::GET, "/v1/admin/organisation").send().await;
        let used = answer.body["seats"]["used"].as_u64().unwrap_or_else(|| panic!("{answer:?}"));
        let active = self.rows("UsersTable", |row| row["status"] == "active" && row["portal"] == self.seeded.portal);
        assert_eq!(used, active as u64, "the counter and the active users differ");
        used
    }

    /// The seats that are used or promised to an invitation, as counted and as the promises have it: always the same (F54).
    pub(crate) async fn committed(&self) -> u64 {
        let organisation = format!("ORG#{}", self.seeded.organisation);
        let rows = self.cloud.database().items("UsersTable").unwrap();
        let counted = rows.iter().find(|row| row["pk"] == organisation && row["sk"] == "SEATS").unwrap();
        let promises = format!("{organisation}#PROMISES");
        let held = rows.iter().filter(|row| row["pk"] == promises && row["ended"].is_null()).count() as u64;
        let used = self.seats_used().await;
        let committed = counted["committed"].as_u64().unwrap_or(used);
        assert_eq!(committed, used + held, "the counter and the promises differ");
        committed
    }

    /// How many items of a table are like this.
    pub(crate) fn rows(&self, table: &str, like: impl Fn(&Value) -> bool) -> usize {
        self.cloud.database().items(table).unwrap().iter().filter(|row| like(row)).count()
    }

    /// How many sessions of external users there are.
    pub(crate) fn sessions(&self) -> usize {
        let starts = |row: &Value, key: &str, prefix: &str| row[key].as_str().is_some_and(|text| text.starts_with(prefix));
        self.rows("UsersTable", |row| starts(row, "pk", "PORTAL#") && starts(row, "sk", "SESSION#"))
    }

    /// Everything in all tables, as text.
    pub(crate) fn everything(&self) -> String {
        ["PortalsTable", "UsersTable", "CodesTable", "MessagesTable"]
            .map(|table| json!(self.cloud.database().items(table).unwrap()).to_string())
            .join("\n")
    }
}

impl Drop for Stage {
    /// S10
    fn drop(&mut self) {
        if !std::thread::panicking() {
            logs::are_clean(&self.cloud.messages().list(None), &[&self.seeded.administrator.session]);
        }
    }
}

/// One after another, so that the caps of one client address do not get into the way of tests about something else.
fn any_client() -> String {
    static NEXT: AtomicU8 = AtomicU8::new(1);
    format!("127.0.1.{}", NEXT.fetch_add(1, Ordering::Relaxed).max(1))
}

/// A mainland number for each index.
pub(crate) fn phone(index: usize) -> String {
    format!("+86138{index:08}")
}
