//! HTTP to WeChat: one host, no redirects, little time, small bodies (S64).

use std::{sync::OnceLock, time::Duration};

use bytes::Bytes;
use http::{Method, Request, StatusCode, Uri, header, uri::Scheme};
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use rustls::{ClientConfig, RootCertStore, crypto::ring};

use crate::Error;

/// The one host outside of AWS that functions call, unless the environment names another (S64).
pub(crate) const API: &str = "https://api.weixin.qq.com";
/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(2);
/// How long a call may take in all. WeChat itself waits five seconds for an answer to a push.
const TOTAL: Duration = Duration::from_secs(4);
/// How long a connection is kept: an instance may be frozen between two requests, and WeChat gone meanwhile.
const IDLE: Duration = Duration::from_secs(5);
/// How much of an answer is read, in bytes.
const BODY: usize = 64 * 1024;

/// The address in the environment is not that of a host.
#[derive(Debug)]
pub(crate) struct BadEndpoint;

/// The way to one host. TLS is prepared at the first call.
pub(crate) struct Transport {
    base: String,
    secure: bool,
    client: OnceLock<Client<HttpsConnector<HttpConnector>, Full<Bytes>>>,
}

impl Transport {
    /// To WeChat, or to where the environment says: there, and only there, without TLS as well.
    pub(crate) fn new(instead: Option<&str>) -> Result<Self, BadEndpoint> {
        let base = instead.unwrap_or(API);
        let uri: Uri = base.parse().map_err(|_| BadEndpoint)?;
        let known = uri.scheme().is_some_and(|scheme| *scheme == Scheme::HTTP || *scheme == Scheme::HTTPS);
        if !known || uri.host().is_none() || uri.query().is_some() {
            return Err(BadEndpoint);
        }
        Ok(Self { base: base.to_owned(), secure: instead.is_none(), client: OnceLock::new() })
    }

    pub(crate) async fn get(&self, path_and_query: &str) -> Result<Bytes, Error> {
        self.call(Method::GET, path_and_query, Bytes::new()).await
    }

    pub(crate) async fn post(&self, path_and_query: &str, body: Vec<u8>) -> Result<Bytes, Error> {
        self.call(Method::POST, path_and_query, body.into()).await
    }

    async fn call(&self, method: Method, path_and_query: &str, body: Bytes) -> Result<Bytes, Error> {
        let request = Request::builder().method(method).uri(format!("{}{path_and_query}", self.base));
        let request = request.header(header::CONTENT_TYPE, "application/json").body(Full::new(body));
        let request = request.map_err(|error| Error::Unreachable(error.to_string()))?;
        match tokio::time::timeout(TOTAL, self.answer(request)).await {
            Ok(answer) => answer,
            Err(_) => Err(Error::Unreachable(format!("no answer within {} seconds", TOTAL.as_secs()))),
        }
    }

    /// The body of an answer. The client follows no redirects: what is not 200 is no answer.
    async fn answer(&self, request: Request<Full<Bytes>>) -> Result<Bytes, Error> {
        let response = self.client().request(request).await.map_err(|error| Error::Unreachable(chain(&error)))?;
        if response.status() != StatusCode::OK {
            return Err(Error::Unreadable(format!("status {}", response.status().as_u16())));
        }
        let body = Limited::new(response.into_body(), BODY).collect().await;
        body.map(|body| body.to_bytes()).map_err(|_| Error::Unreadable("its body breaks off or is too long".into()))
    }

    fn client(&self) -> &Client<HttpsConnector<HttpConnector>, Full<Bytes>> {
        self.client.get_or_init(|| {
            let mut tcp = HttpConnector::new();
            tcp.enforce_http(false);
            tcp.set_connect_timeout(Some(CONNECT));
            let https = HttpsConnectorBuilder::new().with_tls_config(tls());
            let https = if self.secure { https.https_only() } else { https.https_or_http() };
            Client::builder(TokioExecutor::new()).pool_idle_timeout(IDLE).build(https.enable_http1().wrap_connector(tcp))
        })
    }
}

/// The roots of the public web; reading the system's costs more than a whole call.
fn tls() -> ClientConfig {
    let roots = RootCertStore::from_iter(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    let builder = ClientConfig::builder_with_provider(ring::default_provider().into());
    #[expect(clippy::expect_used, reason = "ring has the suites of TLS 1.2 and 1.3")]
    let builder = builder.with_safe_default_protocol_versions().expect("ring speaks TLS 1.2 and 1.3");
    builder.with_root_certificates(roots).with_no_client_auth()
}

/// An error with its causes. None of them carries the address that was called, whose query is secret.
fn chain(error: &dyn std::error::Error) -> String {
    std::iter::successors(Some(error), |error| error.source()).map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_of_hosts_are_taken() {
        assert!(Transport::new(None).is_ok_and(|transport| transport.secure && transport.base == API));
        assert!(Transport::new(Some("http://127.0.0.1:1/_local/wechat")).is_ok_and(|transport| !transport.secure));
        for bad in ["", "/path", "ftp://example.com", "http://example.com/?a=b", "not an address"] {
            assert!(Transport::new(Some(bad)).is_err(), "{bad}");
        }
    }
}
