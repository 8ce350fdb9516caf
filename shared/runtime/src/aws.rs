//! Settings shared by all AWS clients, as small as they can be.
//!
//! `aws-config` is not used: its set-up costs more processor time than a whole request. Credentials and region come from the
//! environment, as Lambda provides them; one HTTP client serves all SDKs; its trust store is the five roots that sign AWS's
//! endpoints, because reading the system's takes ten million instructions.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use aws_smithy_http_client::{
    Builder,
    tls::{Provider, TlsContext, TrustStore, rustls_provider::CryptoMode},
};
use aws_smithy_runtime_api::client::{
    behavior_version::BehaviorVersion,
    connector_metadata::ConnectorMetadata,
    http::{HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector},
    orchestrator::HttpRequest,
    result::ConnectorError,
    runtime_components::RuntimeComponents,
};
use aws_smithy_types::{body::SdkBody, byte_stream::ByteStream, retry::RetryConfig, timeout::TimeoutConfig};
use aws_types::{SdkConfig, region::Region, sdk_config::SharedHttpClient};
use tokio::sync::Semaphore;

/// Amazon Root CA 1 to 4 and Starfield Services Root G2, as published by Amazon Trust Services.
const AMAZON_ROOTS: &[u8] = include_bytes!("amazon-roots.pem");

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
        .http_client(http_client(present("PORTICO_TRUST_STORE").and_then(|path| std::fs::read(path).ok()), connections))
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

/// One HTTP client; `extra` is a PEM file of further roots, for gateways and emulators with certificates of their own.
fn http_client(extra: Option<Vec<u8>>, connections: Arc<Connections>) -> SharedHttpClient {
    let mut roots = TrustStore::empty().with_pem_certificate(AMAZON_ROOTS);
    if let Some(pem) = extra {
        roots = roots.with_pem_certificate(pem);
    }
    let builder = Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring));
    let client = match TlsContext::builder().with_trust_store(roots).build() {
        Ok(context) => builder.tls_context(context).build_https(),
        // Our own roots do not fail to parse; if they ever did, the system's serve.
        Err(_) => builder.build_https(),
    };
    SharedHttpClient::new(OnDemand { client, connections })
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

/// An HTTP client that prepares TLS when it is first used, and keeps to the number of connections.
///
/// By itself it also does so for each SDK client that is made, to load the system's roots early, and throws the result away: a
/// quarter of a million instructions each time, for roots that are loaded already.
#[derive(Debug)]
struct OnDemand {
    client: SharedHttpClient,
    connections: Arc<Connections>,
}

impl HttpClient for OnDemand {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        let connector = self.client.http_connector(settings, components);
        SharedHttpConnector::new(InTurn { connector, connections: self.connections.clone() })
    }

    fn connector_metadata(&self) -> Option<ConnectorMetadata> {
        self.client.connector_metadata()
    }
}

/// Lets requests through one after the other as long as there is to be one connection.
#[derive(Debug)]
struct InTurn {
    connector: SharedHttpConnector,
    connections: Arc<Connections>,
}

impl HttpConnector for InTurn {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        if !self.connections.one.load(Ordering::Relaxed) || !is_database(&request) {
            return self.connector.call(request);
        }
        let (connector, turn) = (self.connector.clone(), self.connections.turn.clone());
        HttpConnectorFuture::new(async move {
            let turn = turn.acquire_owned().await;
            let mut response = connector.call(request).await?;
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
