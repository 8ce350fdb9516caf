//! HTTPS to a host outside of AWS: one address that is fixed when a function starts, no redirects, little time, small bodies (S64).
//!
//! [`https`] is the client behind it, and behind the AWS SDKs.

pub mod https;

use std::{sync::OnceLock, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode, Uri, uri::Scheme};
use http_body_util::{BodyExt, Full, Limited};
use rustls::RootCertStore;

use crate::https::{Https, Schemes};

/// How long a connection is kept: an instance may be frozen between two requests, and the host gone meanwhile.
const IDLE: Duration = Duration::from_secs(5);
/// How much of an answer is read, in bytes.
const BODY: usize = 64 * 1024;

/// The address is none that may be called: `https`, or `http` on this machine, with a host and without a query.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not the https address of a host")]
pub struct BadAddress;

/// There is no answer. What is said of it never carries the address, whose path or query may be secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoAnswer {
    /// There was no connection: nothing was sent.
    #[error("{0}")]
    NotSent(String),
    /// The connection broke, or the time was over. Whether the host did what it was asked is not known (R15).
    #[error("{0}")]
    Unknown(String),
}

/// What the host answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Its status. Redirects are not followed: they come as they are.
    pub status: StatusCode,
    /// Its body; none if that broke off or was too long.
    pub body: Option<Bytes>,
}

/// The way to one host. TLS is prepared at the first call.
pub struct Outbound {
    base: String,
    secure: bool,
    total: Duration,
    client: OnceLock<Https<Full<Bytes>>>,
}

impl Outbound {
    /// To the host of `base`, each call within `total`.
    pub fn new(base: &str, total: Duration) -> Result<Self, BadAddress> {
        let uri: Uri = base.parse().map_err(|_| BadAddress)?;
        let host = uri.host().filter(|host| !host.is_empty()).ok_or(BadAddress)?;
        let secure = uri.scheme() == Some(&Scheme::HTTPS);
        if !(secure || uri.scheme() == Some(&Scheme::HTTP) && is_loopback(host)) || uri.query().is_some() || base.contains(['@', '#']) {
            return Err(BadAddress);
        }
        Ok(Self { base: base.to_owned(), secure, total, client: OnceLock::new() })
    }

    /// Asks the host, below the address, once.
    pub async fn call(&self, method: Method, path_and_query: &str, headers: HeaderMap, body: Bytes) -> Result<Answer, NoAnswer> {
        let request = Request::builder().method(method).uri(format!("{}{path_and_query}", self.base)).body(Full::new(body));
        let mut request = request.map_err(|error| NoAnswer::NotSent(error.to_string()))?;
        request.headers_mut().extend(headers);
        match tokio::time::timeout(self.total, self.answer(request)).await {
            Ok(answer) => answer,
            Err(_) => Err(NoAnswer::Unknown(format!("no answer within {} seconds", self.total.as_secs()))),
        }
    }

    async fn answer(&self, request: Request<Full<Bytes>>) -> Result<Answer, NoAnswer> {
        let response = self.client().request(request).await.map_err(|error| match error.is_connect() {
            true => NoAnswer::NotSent(chain(&error)),
            false => NoAnswer::Unknown(chain(&error)),
        })?;
        let status = response.status();
        let body = Limited::new(response.into_body(), BODY).collect().await;
        Ok(Answer { status, body: body.ok().map(|body| body.to_bytes()) })
    }

    fn client(&self) -> &Https<Full<Bytes>> {
        self.client.get_or_init(|| {
            // The roots of the public web; reading the system's costs more than a whole call.
            let roots = RootCertStore::from_iter(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
            https::client(roots, if self.secure { Schemes::Https } else { Schemes::HttpToo }, IDLE)
        })
    }
}

/// This machine, which only the local cloud and tests have something to call on.
fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

/// An error with its causes. None of them carries the address that was called.
fn chain(error: &dyn std::error::Error) -> String {
    std::iter::successors(Some(error), |error| error.source()).map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

#[cfg(test)]
mod tests;
