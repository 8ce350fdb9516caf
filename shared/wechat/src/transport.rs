//! HTTP to WeChat.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header::CONTENT_TYPE};
use portico_outbound::{BadAddress, Outbound};

use crate::Error;

/// WeChat's host, unless the environment names another (S64).
pub(crate) const API: &str = "https://api.weixin.qq.com";
/// How long a call may take in all. WeChat itself waits five seconds for an answer to a push.
const TOTAL: Duration = Duration::from_secs(4);

/// The way to WeChat.
pub(crate) struct Transport {
    outbound: Outbound,
}

impl Transport {
    /// To WeChat, or to where the environment says.
    pub(crate) fn new(instead: Option<&str>) -> Result<Self, BadAddress> {
        Ok(Self { outbound: Outbound::new(instead.unwrap_or(API), TOTAL)? })
    }

    pub(crate) async fn get(&self, path_and_query: &str) -> Result<Bytes, Error> {
        self.call(Method::GET, path_and_query, Bytes::new()).await
    }

    pub(crate) async fn post(&self, path_and_query: &str, body: Vec<u8>) -> Result<Bytes, Error> {
        self.call(Method::POST, path_and_query, body.into()).await
    }

    /// The body of an answer; what is not 200 is no answer.
    async fn call(&self, method: Method, path_and_query: &str, body: Bytes) -> Result<Bytes, Error> {
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("application/json"))]);
        let answer = self.outbound.call(method, path_and_query, headers, body).await;
        let answer = answer.map_err(|reason| Error::Unreachable(reason.to_string()))?;
        if answer.status != StatusCode::OK {
            return Err(Error::Unreadable(format!("status {}", answer.status.as_u16())));
        }
        answer.body.ok_or_else(|| Error::Unreadable("its body breaks off or is too long".into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_of_hosts_are_taken() {
        assert!(Transport::new(None).is_ok());
        assert!(Transport::new(Some("http://127.0.0.1:1/_local/wechat")).is_ok());
        assert_eq!(Transport::new(Some("http://api.weixin.qq.com")).err(), Some(BadAddress));
    }
}
