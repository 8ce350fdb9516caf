//! WeChat's answers, as its documents describe them.

use portico_domain::wechat::{OpenId, UnionId};
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, Error as _},
};

use crate::Error;

/// What every answer may carry in place of its content.
#[derive(Deserialize)]
struct Return {
    #[serde(default)]
    errcode: i64,
    #[serde(default)]
    errmsg: String,
}

/// Reads an answer: the error that it is, or its content.
pub(crate) fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Error> {
    let unreadable = |error: serde_json::Error| Error::Unreadable(format!("{} at column {}", kind(&error), error.column()));
    let answer: Return = serde_json::from_slice(body).map_err(unreadable)?;
    if answer.errcode != 0 {
        return Err(Error::of_code(answer.errcode, &answer.errmsg));
    }
    serde_json::from_slice(body).map_err(unreadable)
}

/// What is wrong, without the value that serde quotes: it may be personal.
fn kind(error: &serde_json::Error) -> &'static str {
    if error.is_data() { "a field is missing or of another kind" } else { "not JSON" }
}

/// A union id, unless it is left out or empty.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<UnionId>, D::Error> {
    let text = String::deserialize(deserializer)?;
    if text.is_empty() { Ok(None) } else { text.try_into().map(Some).map_err(D::Error::custom) }
}

#[derive(Deserialize)]
pub(crate) struct Token {
    pub(crate) access_token: String,
    pub(crate) expires_in: u32,
}

#[derive(Deserialize)]
pub(crate) struct Exchanged {
    pub(crate) openid: OpenId,
    #[serde(default)]
    pub(crate) scope: String,
    #[serde(default)]
    pub(crate) is_snapshotuser: u8,
    #[serde(default, deserialize_with = "present")]
    pub(crate) unionid: Option<UnionId>,
}

#[derive(Deserialize)]
pub(crate) struct Follower {
    pub(crate) subscribe: u8,
    #[serde(default, deserialize_with = "present")]
    pub(crate) unionid: Option<UnionId>,
}

#[derive(Deserialize)]
pub(crate) struct Qr {
    pub(crate) ticket: String,
    pub(crate) expire_seconds: u32,
    pub(crate) url: String,
}

#[derive(Deserialize)]
pub(crate) struct Sent {
    pub(crate) msgid: u64,
}

/// An answer whose return code is all there is to it.
#[derive(Deserialize)]
pub(crate) struct Done {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_return_code_is_an_error_whatever_else_is_there() {
        let body = br#"{"errcode": 42001, "errmsg": "access_token expired", "access_token": "a", "expires_in": 1}"#;
        assert_eq!(read::<Token>(body).err(), Some(Error::TokenStale));
        assert!(read::<Token>(br#"{"errcode": 0, "access_token": "a", "expires_in": 7200}"#).is_ok());
    }

    #[test]
    fn errors_do_not_quote_what_was_answered() {
        for body in [&br#"{"openid": "oLVP not an openid"}"#[..], b"<html>oLVP</html>", b"{\"openid\": [\"oLVP\"]}", b""] {
            let error = read::<Exchanged>(body).err().unwrap().to_string();
            assert!(!error.contains("oLVP"), "{error}");
        }
    }

    /// WeChat leaves a union id out, or sends an empty one.
    #[test]
    fn an_empty_union_id_is_none() {
        let read = read::<Follower>(br#"{"subscribe": 0, "openid": "oLVPpjqs9BhvzwPj5A", "unionid": ""}"#);
        assert!(read.is_ok_and(|follower| follower.unionid.is_none()));
    }
}
