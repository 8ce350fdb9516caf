//! Settings shared by all AWS clients, as small as they can be.
//!
//! `aws-config` is not used: its set-up costs more processor time than a whole request. Credentials and region come from the
//! environment, as Lambda provides them; one HTTP client serves all SDKs; its trust store is the five roots that sign AWS's
//! endpoints, because reading the system's takes ten million instructions.

use std::{
    error::Error,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use aws_smithy_runtime_api::client::{
    behavior_version::BehaviorVersion,
    http::{HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector},
    orchestrator::{HttpRequest, HttpResponse},
    result::ConnectorError,
    runtime_components::RuntimeComponents,
    stalled_stream_protection::StalledStreamProtectionConfig,
};
use aws_smithy_types::{
    body::SdkBody,
    byte_stream::ByteStream,
    retry::{ErrorKind, RetryConfig},
    timeout::TimeoutConfig,
};
use aws_types::{SdkConfig, region::Region};
use portico_outbound::https::{self, Https, Schemes};
use rustls::{
    RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};
use tokio::sync::Semaphore;

/// Amazon Root CA 1 to 4 and Starfield Services Root G2, as published by Amazon Trust Services.
const AMAZON_ROOTS: [&[u8]; 5] = [
    include_bytes!("roots/amazon-1.der"),
    include_bytes!("roots/amazon-2.der"),
    include_bytes!("roots/amazon-3.der"),
    include_bytes!("roots/amazon-4.der"),
    include_bytes!("roots/starfield-g2.der"),
];
/// How long a connection is kept that nobody uses.
const IDLE: Duration = Duration::from_secs(90);

/// Reads credentials and region through `variable` and prepares the client that all SDKs share.
pub(crate) fn settings(variable: &impl Fn(&str) -> Option<String>, connections: Arc<Connections>) -> SdkConfig {
    let present = |name: &str| variable(name).filter(|value| !value.is_empty());
    let credentials = match (present("AWS_ACCESS_KEY_ID"), present("AWS_SECRET_ACCESS_KEY")) {
        (Some(id), Some(secret)) => Some(Credentials::new(id, secret, present("AWS_SESSION_TOKEN"), None, "environment")),
        _ => None,
    };
    let mut builder = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(present("AWS_REGION").map(Region::new))
        .http_client(OnDemand::new(present("PORTICO_TRUST_STORE"), connections))
        // Each attempt has four seconds; nobody needs to watch its throughput besides.
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .retry_config(RetryConfig::standard().with_max_attempts(3))
        .timeout_config(
            TimeoutConfig::builder()
                .connect_timeout(std::time::Duration::from_secs(2))
                .operation_attempt_timeout(std::time::Duration::from_secs(4))
                .operation_timeout(std::time::Duration::from_secs(8))
                .build(),
        );
    builder.set_credentials_provider(credentials.map(SharedCredentialsProvider::new));
    builder.set_endpoint_url(present("AWS_ENDPOINT_URL"));
    builder.build()
}

/// How many connections a function may open.
///
/// The first call of an instance waits for the handshakes of TLS more than for anything else: three million instructions each, on the
/// seventh of a processor. Until it is answered, requests to the database follow one another on one connection; from then on they go
/// side by side.
#[derive(Debug)]
pub(crate) struct Connections {
    one: AtomicBool,
    turn: Arc<Semaphore>,
}

impl Connections {
    /// One connection until [`Connections::any`], if `one`; any number, if not.
    pub(crate) fn new(one: bool) -> Self {
        Self { one: AtomicBool::new(one), turn: Arc::new(Semaphore::new(1)) }
    }

    /// From now on, any number.
    pub(crate) fn any(&self) {
        self.one.store(false, Ordering::Relaxed);
    }
}

/// The HTTP client of all SDKs. It prepares TLS when it is first used, and keeps to the number of connections.
#[derive(Debug)]
struct OnDemand {
    /// A PEM file of further roots, for gateways and emulators with certificates of their own.
    trust_store: Option<String>,
    connections: Arc<Connections>,
    connector: OnceLock<SharedHttpConnector>,
}

impl OnDemand {
    fn new(trust_store: Option<String>, connections: Arc<Connections>) -> Self {
        Self { trust_store, connections, connector: OnceLock::new() }
    }

    fn roots(&self) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        let extra = self.trust_store.iter().flat_map(CertificateDer::pem_file_iter).flatten().flatten();
        roots.add_parsable_certificates(AMAZON_ROOTS.map(CertificateDer::from).into_iter().chain(extra));
        roots
    }
}

impl HttpClient for OnDemand {
    fn http_connector(&self, _settings: &HttpConnectorSettings, _components: &RuntimeComponents) -> SharedHttpConnector {
        let connector = self.connector.get_or_init(|| {
            let https = https::client(self.roots(), Schemes::HttpToo, IDLE);
            SharedHttpConnector::new(InTurn { https, connections: self.connections.clone() })
        });
        connector.clone()
    }
}

/// Lets requests through one after the other as long as there is to be one connection.
#[derive(Debug)]
struct InTurn {
    https: Https<SdkBody>,
    connections: Arc<Connections>,
}

impl HttpConnector for InTurn {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        if !self.connections.one.load(Ordering::Relaxed) || !is_database(&request) {
            let answer = ask(&self.https, request);
            return HttpConnectorFuture::new(answer);
        }
        let (answer, turn) = (ask(&self.https, request), self.connections.turn.clone());
        HttpConnectorFuture::new(async move {
            let turn = turn.acquire_owned().await;
            let mut response = answer.await?;
            // The connection is free for the next request when the answer has been read.
            let body = ByteStream::new(response.take_body()).collect().await;
            *response.body_mut() = SdkBody::from(body.map_err(|error| ConnectorError::io(error.into()))?.into_bytes());
            tokio::task::yield_now().await;
            drop(turn);
            Ok(response)
        })
    }
}

fn is_database(request: &HttpRequest) -> bool {
    request.headers().get("x-amz-target").is_some_and(|target| target.starts_with("DynamoDB"))
}

/// Asks once. The SDK knows by the kind of an error whether it may ask again.
fn ask(https: &Https<SdkBody>, request: HttpRequest) -> impl Future<Output = Result<HttpResponse, ConnectorError>> + use<> {
    let answer = request.try_into_http1x().map(|request| https.request(request));
    async move {
        let answer = answer.map_err(|error| ConnectorError::user(error.into()))?.await.map_err(refused)?;
        HttpResponse::try_from(answer.map(SdkBody::from_body_1_x)).map_err(|error| ConnectorError::other(error.into(), None))
    }
}

fn refused(error: hyper_util::client::legacy::Error) -> ConnectorError {
    let http = find::<hyper::Error>(&error);
    let is = |kind: fn(&hyper::Error) -> bool| http.is_some_and(kind);
    if error.is_connect() || is(hyper::Error::is_closed) || is(hyper::Error::is_canceled) || find::<std::io::Error>(&error).is_some() {
        ConnectorError::io(error.into())
    } else if is(hyper::Error::is_user) {
        ConnectorError::user(error.into())
    } else {
        // The connection broke within an answer.
        let kind = is(hyper::Error::is_incomplete_message).then_some(ErrorKind::TransientError);
        ConnectorError::other(error.into(), kind)
    }
}

/// The first cause of an error that is of this type.
fn find<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    std::iter::successors(Some(error), |&error| error.source()).find_map(|error| error.downcast_ref())
}
