//! The whole: starts every part, knows every part's address.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use portico_runtime::{Clock, Deployment};
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, JoinSet};

use crate::capture::{Capture, Now, Sender};
use crate::control::{self, Control};
use crate::database::{Database, remote};
use crate::error::LocalError;
use crate::functions::Handle;
use crate::gateway::Gateway;
use crate::messages::Messages;
use crate::meter::Meter;
use crate::objects::Objects;
use crate::rights::Rights;
use crate::schedules::Schedules;
use crate::seed::{self, Seeded};
use crate::streams::Streams;
use crate::template::Template;
use crate::wechat::{self, WeChat};
use crate::{functions, net, random};

/// The access key of callers that may do everything.
const EVERYBODY: &str = "local";
/// Where notices for the administrators of seeded organisations go.
const OWNER: &str = "owner@example.com";
/// How often expired items are swept in the background.
const SWEEP: Duration = Duration::from_secs(60);
/// How often streams and mail events are looked at in the background.
const SETTLE: Duration = Duration::from_millis(200);
/// How long requests under way may take when the cloud stops.
const PATIENCE: Duration = Duration::from_secs(5);

/// How a local cloud is started. The default is for tests: everything in memory, every port free, nothing happens by
/// itself.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Where data outlive the process; `None` keeps everything in memory.
    pub data_dir: Option<PathBuf>,
    /// The gateway's port; `None` for any free one.
    pub port: Option<u16>,
    /// The database's port; `None` for any free one.
    pub database_port: Option<u16>,
    /// The objects' port; `None` for any free one.
    pub objects_port: Option<u16>,
    /// The template's file; `None` for the project's own.
    pub template: Option<PathBuf>,
    /// Set over what the template gives each function, such as `CAP_CLIENT_MINUTELY`; `AWS_ENDPOINT_URL_*` here replaces a
    /// built-in part.
    pub environment: BTreeMap<String, String>,
    /// Runs schedules, streams and sweeps by themselves, and leaves the meter and its rights out.
    pub background: bool,
}

/// A running local cloud. It ends when it is dropped.
pub struct Cloud {
    base_url: String,
    template: Template,
    environment: Arc<Environment>,
    database: Database,
    meter: Meter,
    capture: Capture,
    objects: Objects,
    wechat: WeChat,
    schedules: Schedules,
    streams: Streams,
    deliver: Handle,
    mail_events: Handle,
    seeds: Seeds,
    tasks: JoinSet<()>,
    gateway: JoinHandle<()>,
    stop: Option<oneshot::Sender<()>>,
}

impl Cloud {
    /// Starts every part in the current runtime.
    ///
    /// # Errors
    /// When a port is taken, the template is wrong, or the data cannot be opened.
    pub async fn start(options: Options) -> Result<Self, LocalError> {
        let template = template(options.template.as_deref())?;
        let folder = options.data_dir.as_deref();
        if let Some(folder) = folder {
            fs::create_dir_all(folder).map_err(LocalError::io(format!("cannot make {}", folder.display())))?;
        }
        let mut tasks = JoinSet::new();
        let listener = net::listen(options.port, "PORT").await?;
        let base_url = net::url(&listener)?;

        let clock = Clock::system();
        let now: Now = Arc::new({
            let clock = clock.clone();
            move || clock.now()
        });
        let file = folder.map(|folder| folder.join("database.sqlite"));
        let database = Database::start(file.as_deref(), options.database_port, &template.tables, &mut tasks).await?;
        if let Some(endpoint) = options.environment.get("AWS_ENDPOINT_URL_DYNAMODB").filter(|endpoint| !endpoint.is_empty()) {
            remote::create(endpoint, &template.tables).await;
        }
        let rights = Arc::new(if options.background { Rights::default() } else { Rights::of(&template) });
        let meter = Meter::start(database.endpoint(), rights.clone(), &mut tasks).await?;
        let capture = Capture::start(folder, &template.secrets, rights.clone(), now.clone(), &mut tasks).await?;
        let mut callers: Vec<_> = template.functions.iter().map(|function| function.crate_name.clone()).collect();
        callers.push(EVERYBODY.to_owned());
        let objects = Objects::start(folder, options.objects_port, &template.buckets, &callers, rights.clone(), &mut tasks).await?;

        let wechat = WeChat::new(now.clone());
        let wechat_url = format!("{base_url}/_local/wechat");
        let environment = Arc::new(Environment {
            functions: template.functions.iter().map(|function| (function.crate_name.clone(), function.environment.clone())).collect(),
            shared: [
                ("AWS_ENDPOINT_URL_DYNAMODB", if options.background { database.endpoint() } else { meter.endpoint() }),
                ("AWS_ENDPOINT_URL_S3", objects.endpoint()),
                ("AWS_ENDPOINT_URL_SNS", capture.endpoint()),
                ("AWS_ENDPOINT_URL_SESV2", capture.endpoint()),
                ("AWS_ENDPOINT_URL_SECRETS_MANAGER", capture.endpoint()),
                ("WECHAT_API_URL", &wechat_url),
                ("WECHAT_OPEN_URL", &wechat_url),
                ("AWS_REGION", "us-east-1"),
                ("AWS_ACCESS_KEY_ID", EVERYBODY),
                ("AWS_SECRET_ACCESS_KEY", "local"),
            ]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
            objects: objects.endpoint().to_owned(),
            gateway: capture.gateway(),
            origins: format!("{base_url} {}", base_url.replace("127.0.0.1", "localhost")),
            given: options.environment,
        });
        let started = functions::start(|function| {
            // Some emulators keep data apart by access key: only ours is told who calls.
            let caller = if options.background { EVERYBODY } else { function };
            environment.deployment(function, caller, &clock)
        })?;
        let schedules = Schedules::new(&template, started.schedules);
        let streams = Streams::new(&template, &database, &started.events, &rights)?;
        let (deliver, mail_events) = (started.events["deliver-messages"].clone(), started.events["mail-events"].clone());
        let seeds = Seeds { clock, environment: environment.clone(), base_url: base_url.clone(), wechat: wechat.clone() };
        let control = Control { capture: capture.clone(), schedules: schedules.clone(), seeds: seeds.clone() };
        let gateway = Gateway::new(&template, started.routers, now.clone()).into_router();
        let router = control::router(control)
            .merge(wechat::router(wechat.clone()))
            .merge(gateway)
            .into_make_service_with_connect_info::<SocketAddr>();

        if options.background {
            tasks.spawn(schedules.clone().keep(now.clone()));
            tasks.spawn(keep_settled(streams.clone(), capture.clone(), mail_events.clone()));
            tasks.spawn(keep_swept(database.clone(), now));
        }
        let (stop, stopped) = oneshot::channel();
        let gateway = tokio::spawn(async move {
            let serving = axum::serve(listener, router).with_graceful_shutdown(async { drop(stopped.await) });
            if let Err(error) = serving.await {
                tracing::error!(%error, "the gateway's port is closed");
            }
        });
        Ok(Self {
            base_url,
            template,
            environment,
            database,
            meter,
            capture,
            objects,
            wechat,
            schedules,
            streams,
            deliver,
            mail_events,
            seeds,
            tasks,
            gateway,
            stop: Some(stop),
        })
    }

    /// The gateway's address, such as `http://127.0.0.1:8787`.
    #[must_use]
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// The built-in database itself, past the meter.
    #[must_use]
    pub fn database(&self) -> &Database {
        &self.database
    }

    /// What counts the functions' calls to the database and makes them fail.
    #[must_use]
    pub fn meter(&self) -> &Meter {
        &self.meter
    }

    /// The clock that everything follows.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.seeds.clock
    }

    /// What was sent.
    #[must_use]
    pub fn messages(&self) -> &Messages {
        self.capture.messages()
    }

    /// The buckets, and what was done to them.
    #[must_use]
    pub fn objects(&self) -> &Objects {
        &self.objects
    }

    /// The stand-in for WeChat.
    #[must_use]
    pub fn wechat(&self) -> &WeChat {
        &self.wechat
    }

    /// The template that this cloud was made from.
    #[must_use]
    pub fn template(&self) -> &Template {
        &self.template
    }

    /// Makes a sender fail from now on, or none.
    pub fn fail_sender(&self, sender: Option<Sender>) {
        self.capture.fail(sender);
    }

    /// SNS, SES and the gateway for text messages.
    #[must_use]
    pub fn capture(&self) -> &Capture {
        &self.capture
    }

    /// Gives the deployment's secret a new version.
    ///
    /// # Errors
    /// When it cannot be persisted.
    pub fn rotate_secret(&self) -> Result<(), LocalError> {
        self.capture.rotate_secrets()
    }

    /// Runs a scheduled function now; `None` when there is no such function.
    pub async fn run_schedule(&self, function: &str) -> Option<Result<serde_json::Value, String>> {
        self.schedules.run(function).await
    }

    /// Hands over what was written to tables with a stream and what SES tells of mails, until there is nothing more; answers how many
    /// records of streams that were. What is answered does not hold the cloud.
    pub fn settle(&self) -> impl Future<Output = usize> + Send + use<> {
        let (streams, capture, mail_events) = (self.streams.clone(), self.capture.clone(), self.mail_events.clone());
        async move { settle(&streams, &capture, &mail_events).await }
    }

    /// Hands over what SES tells of mails, and nothing of streams: SES tells within seconds, when a stream may be far behind. Answers
    /// whether there was something.
    pub async fn settle_mail(&self) -> bool {
        self.capture.settle(&self.mail_events).await
    }

    /// Calls the function that delivers messages with an event of the stream.
    ///
    /// # Errors
    /// What the function says.
    pub async fn deliver(&self, event: serde_json::Value) -> Result<serde_json::Value, String> {
        (self.deliver)(event).await
    }

    /// All records so far that the stream of messages has for its function, handed over or not.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn stream_records(&self) -> Result<Vec<serde_json::Value>, LocalError> {
        self.streams.records()
    }

    /// Records that were handed over in vain as often as the template allows.
    #[must_use]
    pub fn undeliverable(&self) -> Vec<serde_json::Value> {
        self.streams.undeliverable()
    }

    /// The environment of a function (by crate), as Lambda would give it.
    #[must_use]
    pub fn environment_of(&self, function: &str) -> BTreeMap<String, String> {
        self.environment.of(function)
    }

    /// A deployment with the environment of a function (by crate) and with all rights, for tests that call the code below it.
    #[must_use]
    pub fn deployment(&self, function: &str) -> Deployment {
        self.environment.deployment(function, EVERYBODY, self.clock())
    }

    /// The demo organisation, made when it is missing, with a fresh administrator's session.
    ///
    /// # Errors
    /// When the store refuses.
    pub async fn demo(&self) -> Result<Seeded, LocalError> {
        self.seeds.demo().await
    }

    /// Another organisation with a portal of its own.
    ///
    /// # Errors
    /// When the store refuses.
    pub async fn organisation(&self) -> Result<Seeded, LocalError> {
        self.seeds.organisation(None, None).await
    }

    /// Lets requests under way finish, then ends everything.
    pub async fn stop(mut self) {
        drop(self.stop.take());
        if tokio::time::timeout(PATIENCE, &mut self.gateway).await.is_err() {
            tracing::warn!("requests under way are given up");
        }
        self.tasks.shutdown().await;
    }
}

impl Drop for Cloud {
    fn drop(&mut self) {
        self.gateway.abort();
    }
}

/// What the functions are given.
struct Environment {
    /// What the template gives, by crate.
    functions: BTreeMap<String, BTreeMap<String, String>>,
    /// What Lambda gives to all.
    shared: BTreeMap<String, String>,
    /// Where buckets are.
    objects: String,
    /// Where the gateway for text messages is.
    gateway: String,
    /// Origins under which the gateway is reached.
    origins: String,
    /// What the local cloud's options set over all that.
    given: BTreeMap<String, String>,
}

impl Environment {
    fn of(&self, function: &str) -> BTreeMap<String, String> {
        let mut environment = self.functions.get(function).cloned().unwrap_or_default();
        // API Gateway's own name is the origin where the template names none; it is always https, which we are not.
        if let Some(origins) = environment.get_mut("PUBLIC_URL").filter(|origins| origins.is_empty()) {
            origins.clone_from(&self.origins);
        }
        // Which numbers go there, if any, is said elsewhere.
        if let Some(gateway) = environment.get_mut("SMS_GATEWAY_URL").filter(|gateway| gateway.is_empty()) {
            gateway.clone_from(&self.gateway);
        }
        // Ours has no name for each bucket.
        if let Some(uploads) = environment.get_mut("UPLOADS_URL") {
            let bucket = uploads.trim_start_matches("https://").split('.').next().unwrap_or_default();
            *uploads = format!("{}/{bucket}", self.objects);
        }
        let is_endpoint = |name: &str| name.starts_with("AWS_ENDPOINT_URL") || matches!(name, "WECHAT_API_URL" | "WECHAT_OPEN_URL");
        for (name, value) in self.given.iter().filter(|(_, value)| !value.is_empty()) {
            if is_endpoint(name) || environment.contains_key(name) {
                environment.insert(name.clone(), value.clone());
            }
        }
        for (name, value) in &self.shared {
            environment.entry(name.clone()).or_insert_with(|| value.clone());
        }
        environment
    }

    /// With the environment of `function` and the rights of `caller`.
    fn deployment(&self, function: &str, caller: &str, clock: &Clock) -> Deployment {
        let mut environment = self.of(function);
        environment.insert("AWS_ACCESS_KEY_ID".to_owned(), caller.to_owned());
        Deployment::new(|name| environment.get(name).cloned(), clock.clone())
    }
}

/// Makes organisations.
#[derive(Clone)]
pub(crate) struct Seeds {
    pub(crate) clock: Clock,
    environment: Arc<Environment>,
    base_url: String,
    wechat: WeChat,
}

impl Seeds {
    pub(crate) async fn demo(&self) -> Result<Seeded, LocalError> {
        let seeded = self.organisation(Some("Customer Service".to_owned()), Some("customer-service".to_owned())).await?;
        let deployment = self.environment.deployment("wechat-account", EVERYBODY, &self.clock);
        match seed::wechat(&deployment, &seeded).await {
            // What an administrator would enter at WeChat; the stand-in forgets it with the process.
            Ok(Some(account)) => {
                let events = format!("{}/v1/wechat/events/{}", self.base_url, account.id);
                self.wechat.set_up(&account.app, &events, account.mode);
            }
            Ok(None) => {}
            // Another WeChat than the stand-in may be in use, which does not know its account.
            Err(error) => tracing::warn!(error, "the demo organisation has no service account"),
        }
        Ok(seeded)
    }

    pub(crate) async fn organisation(&self, name: Option<String>, suffix: Option<String>) -> Result<Seeded, LocalError> {
        let suffix = suffix.unwrap_or_else(|| random::alphanumeric(12).to_lowercase());
        let name = name.unwrap_or_else(|| format!("Organisation {suffix}"));
        // The function that administers organisations has the tables that making one needs.
        let deployment = self.environment.deployment("portals", EVERYBODY, &self.clock);
        let mut seeded = seed::seed(&deployment, &name, &suffix, OWNER).await.map_err(LocalError::Seed)?;
        seeded.link = format!("{}/p/{}", self.base_url, seeded.suffix);
        Ok(seeded)
    }
}

fn template(path: Option<&Path>) -> Result<Template, LocalError> {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../template.yaml");
    let path = path.map_or(own, Path::to_path_buf);
    let text = fs::read_to_string(&path).map_err(LocalError::io(format!("cannot read {}", path.display())))?;
    // The only parameter without a default.
    let parameters = BTreeMap::from([("SenderAddress".to_owned(), "no-reply@portico.example".to_owned())]);
    Template::read(&text, &parameters).map_err(|source| LocalError::Template { path, source })
}

async fn settle(streams: &Streams, capture: &Capture, mail_events: &Handle) -> usize {
    let mut records = 0;
    loop {
        let handed = streams.settle().await;
        records += handed;
        if !capture.settle(mail_events).await && handed == 0 {
            return records;
        }
    }
}

async fn keep_settled(streams: Streams, capture: Capture, mail_events: Handle) {
    loop {
        tokio::time::sleep(SETTLE).await;
        settle(&streams, &capture, &mail_events).await;
    }
}

async fn keep_swept(database: Database, now: Now) {
    loop {
        tokio::time::sleep(SWEEP).await;
        if let Err(error) = database.sweep(now()) {
            tracing::warn!(%error, "the sweep of expired items failed");
        }
    }
}

#[cfg(test)]
mod messages_tests;
#[cfg(test)]
mod tests;
