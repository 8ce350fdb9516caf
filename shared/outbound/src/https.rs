//! One way to speak HTTPS: rustls with ring, HTTP/1.1, a few connections that are kept for a while.

use std::{sync::Arc, time::Duration};

use http_body::Body;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use rustls::{
    ClientConfig, RootCertStore,
    crypto::{
        CryptoProvider,
        ring::{self, cipher_suite::TLS13_AES_128_GCM_SHA256},
    },
};

/// A client whose requests have bodies of this type.
pub type Https<B> = Client<HttpsConnector<HttpConnector>, B>;

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(2);

/// Which addresses are called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Schemes {
    /// `https` alone.
    Https,
    /// `http`, too: emulators on this machine.
    HttpToo,
}

/// A client that trusts these roots, and keeps a connection that nobody uses for `idle`.
pub fn client<B>(roots: RootCertStore, schemes: Schemes, idle: Duration) -> Https<B>
where
    B: Body + Send,
    B::Data: Send,
{
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    tcp.set_connect_timeout(Some(CONNECT));
    let https = HttpsConnectorBuilder::new().with_tls_config(tls(roots));
    let https = match schemes {
        Schemes::Https => https.https_only(),
        Schemes::HttpToo => https.https_or_http(),
    };
    Client::builder(TokioExecutor::new()).pool_idle_timeout(idle).build(https.enable_http1().wrap_connector(tcp))
}

fn tls(roots: RootCertStore) -> ClientConfig {
    let builder = ClientConfig::builder_with_provider(Arc::new(provider()));
    #[expect(clippy::expect_used, reason = "ring has the suites of TLS 1.2 and 1.3")]
    let builder = builder.with_safe_default_protocol_versions().expect("ring speaks TLS 1.2 and 1.3");
    builder.with_root_certificates(roots).with_no_client_auth()
}

/// All that ring can do, the cheapest suite first: an instance waits for its handshakes more than for anything else, and SHA-256 takes
/// less of them than SHA-384.
fn provider() -> CryptoProvider {
    let mut provider = ring::default_provider();
    provider.cipher_suites.sort_by_key(|suite| *suite != TLS13_AES_128_GCM_SHA256);
    provider
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cheapest_suite_comes_first_and_none_is_left_out() {
        let (ours, all) = (provider(), ring::default_provider());
        assert_eq!(ours.cipher_suites[0], TLS13_AES_128_GCM_SHA256);
        assert_eq!(ours.cipher_suites.len(), all.cipher_suites.len());
    }
}
