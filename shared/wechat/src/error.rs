//! What WeChat answers instead, typed by its return codes.

/// A call to WeChat did not do what it should.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// 40029, 40163, 42003, 41008: the code of a sign-in is wrong, used or too old. The sign-in starts anew.
    #[error("WeChat does not take this code of a sign-in ({0})")]
    CodeSpent(i64),
    /// 40001, 40014, 42001: the token is not good any more; a fresh one is to be fetched.
    #[error("WeChat does not take this token any more")]
    TokenStale,
    /// 40013, 40125 and, where a token is asked for, 40001: the AppID or its secret is wrong.
    #[error("WeChat does not know this AppID with this secret ({0})")]
    BadCredentials(i64),
    /// 40164: calls come from an address that is not in the account's list.
    #[error(
        "WeChat takes calls only from the addresses in the service account's IP allowlist, and this one came from {}: \
         deploy with a fixed address (parameter WeChatEgress) and put that into the allowlist",
        .address.as_deref().unwrap_or("another one")
    )]
    FixedAddressNeeded {
        /// The address, as WeChat saw it.
        address: Option<String>,
    },
    /// 40003: nobody has this openid at this account.
    #[error("WeChat knows nobody with this openid at this account")]
    UnknownPerson,
    /// 43004: the person does not follow the account.
    #[error("the person does not follow the service account")]
    NotFollowing,
    /// 43101: the person has not agreed to this message, or the agreement is used up.
    #[error("the person did not agree to this message, or the one time is used up")]
    NoGrant,
    /// 40037: there is no such template at the account.
    #[error("the service account has no such template")]
    UnknownTemplate,
    /// 47003: a value of a message does not fit its template.
    #[error("a value does not fit the template")]
    BadValue,
    /// 45009: the day's calls are used up.
    #[error("the calls that WeChat grants for a day are used up")]
    Quota,
    /// 48001: the account was not granted this interface.
    #[error("the service account may not call this interface")]
    NotGranted,
    /// -1: WeChat is busy.
    #[error("WeChat is busy")]
    Busy,
    /// Another return code.
    #[error("WeChat answered {code}: {message}")]
    Other {
        /// The code.
        code: i64,
        /// What WeChat says to it.
        message: String,
    },
    /// No answer within the time, or no connection. Whether the call was done is not known (R15).
    #[error("WeChat was not reached: {0}")]
    Unreachable(String),
    /// The answer is none that the documents describe.
    #[error("WeChat's answer cannot be read: {0}")]
    Unreadable(String),
}

/// How much of WeChat's words goes into an error.
const MESSAGE_CHARACTERS: usize = 200;

impl Error {
    /// The error behind a return code that is not 0.
    pub(crate) fn of_code(code: i64, message: &str) -> Self {
        match code {
            -1 => Self::Busy,
            40001 | 40014 | 42001 => Self::TokenStale,
            40003 => Self::UnknownPerson,
            40013 | 40125 => Self::BadCredentials(code),
            40029 | 40163 | 41008 | 42003 => Self::CodeSpent(code),
            40037 => Self::UnknownTemplate,
            40164 => Self::FixedAddressNeeded { address: address_in(message) },
            43004 => Self::NotFollowing,
            43101 => Self::NoGrant,
            45009 => Self::Quota,
            47003 => Self::BadValue,
            48001 => Self::NotGranted,
            _ => Self::Other { code, message: message.chars().take(MESSAGE_CHARACTERS).collect() },
        }
    }

    /// The same where a token was asked for: there, a stale credential is a wrong secret.
    pub(crate) fn of_credentials(self) -> Self {
        match self {
            Self::TokenStale => Self::BadCredentials(40001),
            other => other,
        }
    }
}

/// The address in `invalid ip 203.0.113.7 ipv6 ::ffff:203.0.113.7, not in whitelist`.
fn address_in(message: &str) -> Option<String> {
    let words = message.split(|c: char| c.is_whitespace() || c == ',');
    words.filter_map(|word| word.parse::<std::net::IpAddr>().ok()).map(|address| address.to_string()).next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_that_matter_have_names() {
        for (code, error) in [
            (-1, Error::Busy),
            (40029, Error::CodeSpent(40029)),
            (40163, Error::CodeSpent(40163)),
            (42003, Error::CodeSpent(42003)),
            (40001, Error::TokenStale),
            (40014, Error::TokenStale),
            (42001, Error::TokenStale),
            (43004, Error::NotFollowing),
            (43101, Error::NoGrant),
            (40037, Error::UnknownTemplate),
            (47003, Error::BadValue),
            (45009, Error::Quota),
            (48001, Error::NotGranted),
            (40125, Error::BadCredentials(40125)),
        ] {
            assert_eq!(Error::of_code(code, "words"), error, "{code}");
        }
        assert_eq!(Error::of_code(50002, "limited"), Error::Other { code: 50002, message: "limited".into() });
    }

    #[test]
    fn a_missing_fixed_address_says_what_to_do() {
        let error = Error::of_code(40164, "invalid ip 203.0.113.7 ipv6 ::ffff:203.0.113.7, not in whitelist rid: 1-2-3");
        assert_eq!(error, Error::FixedAddressNeeded { address: Some("203.0.113.7".into()) });
        assert!(error.to_string().contains("203.0.113.7") && error.to_string().contains("WeChatEgress"), "{error}");
    }
}
