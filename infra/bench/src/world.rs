//! What the functions are measured against: a local cloud behind TLS, with a portal and people in it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use portico_local::seed::Seeded;
use portico_local::{Cloud, Options};
use portico_store::{Store, Table};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::Failure;
use crate::tls::Tls;

/// The deployment's address, as its template's `Domain` gives it.
pub(crate) const ORIGIN: &str = "https://portal.example.com";

/// A security token as long as Lambda's: it is sent, and hashed, with every request to AWS.
const SECURITY_TOKEN_BYTES: usize = 800;

/// Seats of the organisation.
const SEATS: u32 = 10_000;

/// Services that functions call, by their name in `AWS_ENDPOINT_URL_*`.
const SERVICES: [&str; 4] = ["DYNAMODB", "SECRETS_MANAGER", "SESV2", "SNS"];

/// The cloud, and what is in it.
pub(crate) struct World {
    pub(crate) cloud: Cloud,
    pub(crate) organisation: Seeded,
    tls: Tls,
    endpoints: BTreeMap<String, String>,
    client: Client<HttpConnector, Full<Bytes>>,
    people: AtomicU32,
    /// What serves the endpoints.
    _tasks: JoinSet<()>,
}

impl World {
    pub(crate) async fn start(folder: &Path) -> Result<Self, Failure> {
        // All calls come from one client within a minute; the counters are kept, their limits out of the way.
        let caps = [
            ("RECIPIENT_INTERVAL_SECONDS", "0"),
            ("CLIENT_MINUTELY", "1000000"),
            ("CLIENT_HOURLY", "1000000"),
            ("PORTAL_HOURLY", "1000000"),
        ];
        let caps = caps.map(|(name, value)| (format!("CAP_{name}"), value.to_owned()));
        let cloud = Cloud::start(Options { environment: caps.into(), ..Options::default() }).await?;
        let tls = Tls::new(folder)?;
        let (mut tasks, mut endpoints) = (JoinSet::new(), BTreeMap::new());
        let local = cloud.environment_of("send-code");
        for service in SERVICES {
            let name = format!("AWS_ENDPOINT_URL_{service}");
            let upstream = local.get(&name).ok_or_else(|| format!("the local cloud has no {name}"))?;
            // A port for each: AWS's services share no connections.
            endpoints.insert(name, tls.before(upstream, &mut tasks).await?);
        }
        let organisation = cloud.organisation().await?;
        let client = Client::builder(TokioExecutor::new()).build_http();
        let world = Self { cloud, organisation, tls, endpoints, client, people: AtomicU32::new(0), _tasks: tasks };
        world.add_seats().await?;
        Ok(world)
    }

    /// More seats than the people who are made need.
    async fn add_seats(&self) -> Result<(), Failure> {
        let store = Store::open(&self.cloud.deployment("portals"), &[Table::Users])?;
        store.set_total_seats(self.organisation.organisation.parse()?, SEATS).await??;
        Ok(())
    }

    /// The environment of a function, as Lambda gives it.
    pub(crate) fn environment(&self, function: &str) -> BTreeMap<String, String> {
        let mut environment = self.cloud.environment_of(function);
        environment.extend(self.endpoints.clone());
        let given = [
            ("PUBLIC_URL", ORIGIN),
            ("PORTICO_TRUST_STORE", &*self.tls.root().to_string_lossy()),
            // The local cloud holds a caller of this name to the function's rights.
            ("AWS_ACCESS_KEY_ID", function),
            ("AWS_SESSION_TOKEN", &"IQoJb3JpZ2luX2VjE".repeat(SECURITY_TOKEN_BYTES / 17)),
            ("AWS_LAMBDA_FUNCTION_NAME", function),
            ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
            ("AWS_LAMBDA_LOG_GROUP_NAME", function),
            ("AWS_LAMBDA_LOG_STREAM_NAME", "bench"),
            ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand"),
            ("AWS_EXECUTION_ENV", "AWS_Lambda_provided.al2023"),
            ("LANG", "en_US.UTF-8"),
            ("TZ", ":UTC"),
        ];
        environment.extend(given.map(|(name, value)| (name.to_owned(), value.to_owned())));
        environment
    }

    /// The memory that the template gives a function, in megabytes.
    pub(crate) fn memory_mb(&self, function: &str) -> f64 {
        let found = self.cloud.template().functions.iter().find(|found| found.crate_name == function);
        found.and_then(|found| u32::try_from(found.memory_megabytes).ok()).map_or(f64::INFINITY, f64::from)
    }

    /// Where the portal's own routes begin.
    pub(crate) fn portal_path(&self) -> String {
        format!("/v1/portals/{}", self.organisation.portal)
    }

    /// Where its administration begins.
    pub(crate) fn admin_path(&self) -> String {
        format!("/v1/admin/portals/{}", self.organisation.portal)
    }

    /// A phone number that nobody had before, far from the one before it: codes to neighbours are watched (S13), which costs more.
    pub(crate) fn phone(&self) -> String {
        let number = u64::from(self.people.fetch_add(1, Ordering::Relaxed));
        format!("+86138{:08}", number * 38_196_601 % 100_000_000)
    }

    /// A mailbox that nobody had before.
    pub(crate) fn mailbox(&self) -> String {
        format!("li.na.{}@example.com", self.people.fetch_add(1, Ordering::Relaxed))
    }

    /// Sends a code to a phone; the body that brings it back.
    pub(crate) async fn proof(&self, phone: &str) -> Result<Value, Failure> {
        let sent =
            self.ask("POST", &format!("{}/codes", self.portal_path()), Some(json!({"address": phone, "purpose": "sign-in"}))).await?;
        let message = self.cloud.messages().last(phone).ok_or("no message came")?;
        Ok(json!({"flow": sent["flow"], "code": message.code().ok_or("no code in the message")?}))
    }

    /// Signs up; the body that goes on from there.
    pub(crate) async fn stranger(&self, phone: &str) -> Result<Value, Failure> {
        let proof = self.proof(phone).await?;
        let outcome = self.ask("POST", &format!("{}/sessions", self.portal_path()), Some(proof)).await?;
        Ok(json!({"ticket": outcome["ticket"], "fields": {"name": "Li Na", "company": "Acme Trading Co., Ltd", "position": "Buyer"}}))
    }

    /// Signs up and registers; the user's id and the ticket of the page that waits.
    pub(crate) async fn applicant(&self, phone: &str) -> Result<(String, String), Failure> {
        let registration = self.stranger(phone).await?;
        let outcome = self.ask("POST", &format!("{}/registration", self.portal_path()), Some(registration)).await?;
        let page = self.ask("GET", &format!("{}/users?status=pending&limit=1", self.admin_path()), None).await?;
        let text = |value: &Value| value.as_str().map(str::to_owned).ok_or_else(|| format!("no text: {value}"));
        Ok((text(&page["users"][0]["id"])?, text(&outcome["ticket"])?))
    }

    /// A user who is let in; the session that they open.
    pub(crate) async fn user(&self, phone: &str) -> Result<String, Failure> {
        let (user, ticket) = self.applicant(phone).await?;
        self.ask("POST", &format!("{}/approvals", self.admin_path()), Some(json!({"users": [user], "decision": "approve"}))).await?;
        let outcome = self.ask("POST", &format!("{}/registration/status", self.portal_path()), Some(json!({"ticket": ticket}))).await?;
        outcome["session"].as_str().map(str::to_owned).ok_or_else(|| format!("not signed in: {outcome}").into())
    }

    /// Calls the gateway, as the administrator where it matters.
    async fn ask(&self, method: &str, path: &str, body: Option<Value>) -> Result<Value, Failure> {
        let request = http::Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.cloud.base_url()))
            .header("accept", "application/json")
            .header("content-type", "application/json");
        let request = if path.starts_with("/v1/admin") {
            request.header("authorization", format!("Bearer {}", self.organisation.administrator.session))
        } else {
            request
        };
        let body = body.map(|body| body.to_string()).unwrap_or_default();
        let response = self.client.request(request.body(Full::from(body))?).await?;
        let status = response.status();
        let body = response.into_body().collect().await?.to_bytes();
        if !status.is_success() {
            return Err(format!("{method} {path}: {status} {}", String::from_utf8_lossy(&body)).into());
        }
        Ok(serde_json::from_slice(&body).unwrap_or_default())
    }
}
