//! The suffix of a portal's link (F3, F4).

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::ids::ApplicationId;

/// Words that name paths and hosts of ours.
const RESERVED: [&str; 15] = [
    "admin",
    "api",
    "app",
    "assets",
    "auth",
    "console",
    "health",
    "help",
    "local",
    "login",
    "portal",
    "static",
    "wechat",
    "well-known",
    "www",
];

/// Why a suffix was refused (F3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SuffixError {
    /// Shorter than 4 or longer than 64 characters, or fewer than 4 letters and digits.
    #[error("must have 4 to 64 characters, at least 4 of them letters or digits")]
    Length,
    /// A character other than `A-Z a-z 0-9 -`.
    #[error("may contain letters, digits and hyphens only")]
    Character,
    /// A hyphen at either end.
    #[error("must not begin or end with a hyphen")]
    Edge,
    /// A word that names a path of ours.
    #[error("is reserved")]
    Reserved,
}

/// The part of a portal's link after `/p/`. Keeps the case it was written in; two that differ only in case are the same.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(value_type = String, example = "customer-service", min_length = 4, max_length = 64))]
#[serde(try_from = "String", into = "String")]
pub struct Suffix(String);

impl Suffix {
    /// Checks a suffix that somebody chose.
    pub fn parse(text: &str) -> Result<Self, SuffixError> {
        if !text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
            return Err(SuffixError::Character);
        }
        let significant = text.bytes().filter(u8::is_ascii_alphanumeric).count();
        if text.len() > 64 || significant < 4 {
            return Err(SuffixError::Length);
        }
        if text.starts_with('-') || text.ends_with('-') {
            return Err(SuffixError::Edge);
        }
        if RESERVED.contains(&text.to_ascii_lowercase().as_str()) {
            return Err(SuffixError::Reserved);
        }
        Ok(Self(text.to_owned()))
    }

    /// The suffix of the default link: the application's identifier (F4).
    pub fn of_application(application: ApplicationId) -> Self {
        Self(application.to_string())
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The form in which suffixes are compared and claimed.
    pub fn key(&self) -> String {
        self.0.to_ascii_lowercase()
    }
}

impl PartialEq for Suffix {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl Eq for Suffix {}

impl fmt::Display for Suffix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Suffix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Suffix({})", self.0)
    }
}

impl TryFrom<String> for Suffix {
    type Error = SuffixError;

    fn try_from(text: String) -> Result<Self, SuffixError> {
        Self::parse(&text)
    }
}

impl From<Suffix> for String {
    fn from(suffix: Suffix) -> String {
        suffix.0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn suffixes_follow_the_rule() {
        for good in ["abcd", "customer-service", "A1-b2", "a-b-c-d", "1234", &"x".repeat(64)] {
            assert!(Suffix::parse(good).is_ok(), "{good}");
        }
        for (bad, reason) in [
            ("", SuffixError::Length),
            ("abc", SuffixError::Length),
            ("a--b", SuffixError::Length),
            ("-abcd", SuffixError::Edge),
            ("abcd-", SuffixError::Edge),
            ("ab_cd", SuffixError::Character),
            ("ab/cd", SuffixError::Character),
            ("ａｂｃｄ", SuffixError::Character),
            ("Admin", SuffixError::Reserved),
            ("well-known", SuffixError::Reserved),
        ] {
            assert_eq!(Suffix::parse(bad), Err(reason), "{bad}");
        }
        assert_eq!(Suffix::parse(&"x".repeat(65)), Err(SuffixError::Length));
    }

    #[test]
    fn case_is_kept_and_does_not_count() {
        let (upper, lower) = (Suffix::parse("Acme").unwrap(), Suffix::parse("aCME").unwrap());
        assert_eq!(upper, lower);
        assert_eq!(upper.key(), lower.key());
        assert_eq!(upper.as_str(), "Acme");
    }

    #[test]
    fn an_application_is_its_own_default_suffix() {
        let application = ApplicationId::new(jiff::Timestamp::UNIX_EPOCH, 1);
        assert!(Suffix::parse(Suffix::of_application(application).as_str()).is_ok());
    }

    proptest! {
        #[test]
        fn accepted_suffixes_are_safe_in_a_path(text in "[A-Za-z0-9_./%-]{0,70}") {
            if let Ok(suffix) = Suffix::parse(&text) {
                prop_assert!(suffix.as_str().bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'));
                prop_assert!((4..=64).contains(&suffix.as_str().len()));
            }
        }
    }
}
