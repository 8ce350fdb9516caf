//! TLS before the local cloud's ports, as AWS's endpoints have it: what a function pays for handshakes and encryption is
//! part of what it costs.

use std::error::Error;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::server::ServerSessionMemoryCache;

use crate::Failure;

/// A certificate for `localhost` and the root that signed it, both made for this run. ECDSA P-256: verifying its two
/// signatures costs a little more than the three RSA signatures of AWS's chains.
pub(crate) struct Tls {
    config: ServerConfig,
    root: PathBuf,
}

impl Tls {
    /// Writes the root's certificate into `folder`.
    pub(crate) fn new(folder: &Path) -> Result<Self, Failure> {
        let mut root = CertificateParams::new(Vec::new())?;
        root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        // By default both would have the same name, which tells other clients that the leaf signed itself.
        root.distinguished_name.push(DnType::CommonName, "Portico bench root");
        let root = CertifiedIssuer::self_signed(root, KeyPair::generate()?)?;
        let key = KeyPair::generate()?;
        let leaf = CertificateParams::new(vec!["localhost".to_owned()])?.signed_by(&key, &root)?;
        let path = folder.join("root.pem");
        std::fs::write(&path, root.pem())?;
        let key = PrivateKeyDer::try_from(key.serialize_der())?;
        let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![leaf.der().clone()], key)?;
        Ok(Self { config, root: path })
    }

    /// The PEM file that clients have to trust.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Serves TLS on any free port before `upstream` (`http://host:port`), as one of `tasks`; answers the new address.
    pub(crate) async fn before(&self, upstream: &str, tasks: &mut JoinSet<()>) -> Result<String, Failure> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = format!("https://localhost:{}", listener.local_addr()?.port());
        let upstream = upstream.trim_start_matches("http://").to_owned();
        // Each of AWS's endpoints has a name of its own: no session of one is taken up at another.
        let mut config = self.config.clone();
        config.session_storage = ServerSessionMemoryCache::new(256);
        let acceptor = TlsAcceptor::from(Arc::new(config));
        tasks.spawn(async move {
            // Connections end when the functions do; those that a dropped server leaves behind end with the process.
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, upstream) = (acceptor.clone(), upstream.clone());
                tokio::spawn(async move { pass(stream, &acceptor, &upstream).await.ok() });
            }
        });
        Ok(address)
    }
}

/// A function that is killed leaves its connections in the middle; there is nobody to tell.
async fn pass(stream: TcpStream, acceptor: &TlsAcceptor, upstream: &str) -> Result<(), Box<dyn Error + Send + Sync>> {
    stream.set_nodelay(true)?;
    let mut stream = acceptor.accept(stream).await?;
    let mut upstream = TcpStream::connect(upstream).await?;
    upstream.set_nodelay(true)?;
    copy_bidirectional(&mut stream, &mut upstream).await?;
    Ok(())
}
