//! The WeChat service account of an organisation (F82): what it is known by, whom it knows, and how its settings change.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A text that WeChat gave out does not look like one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidText(&'static str);

/// A checked text: its check, what is said where the check fails, an example, and whether `Debug` shows it.
macro_rules! text {
    ($(#[$doc:meta])* $name:ident, $check:expr, $message:literal, $example:literal, $shown:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        #[cfg_attr(feature = "openapi", schema(value_type = String, example = $example))]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// As WeChat writes it.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidText;

            fn try_from(text: String) -> Result<Self, InvalidText> {
                let check: fn(&str) -> bool = $check;
                if check(&text) { Ok(Self(text)) } else { Err(InvalidText($message)) }
            }
        }

        impl From<$name> for String {
            fn from(text: $name) -> String {
                text.0
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let shown = if $shown { self.0.as_str() } else { "redacted" };
                write!(f, "{}({shown})", stringify!($name))
            }
        }
    };
}

text!(
    /// The identifier of a service account. Not a secret: it stands in every address that leads to WeChat.
    AppId,
    |text| text.strip_prefix("wx").is_some_and(|rest| rest.len() == 16 && rest.bytes().all(lower_alphanumeric)),
    "must be an AppID of a WeChat service account: wx and 16 lower-case letters or digits",
    "wx1234567890abcdef",
    true
);
text!(
    /// A person, as one service account knows them. Personal: `Debug` hides it (S10).
    OpenId,
    |text| (16..=64).contains(&text.len()) && text.bytes().all(url_safe),
    "must be an OpenID",
    "oLVPpjqs9BhvzwPj5A-vTYAX3GLc",
    false
);
text!(
    /// A person, as all accounts of one owner at WeChat know them. Kept beside an identity, never in its place (S33).
    UnionId,
    |text| (16..=64).contains(&text.len()) && text.bytes().all(url_safe),
    "must be a UnionID",
    "o6_bmasdasdsad6_2sgVt7hMZOPfL",
    false
);
text!(
    /// The secret of a service account, with which its global token is asked for.
    AppSecret,
    |text| text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_alphanumeric()),
    "must be an AppSecret: 32 letters or digits",
    "0123456789abcdef0123456789abcdef",
    false
);
text!(
    /// The secret that signs pushes (S63).
    PushToken,
    |text| (3..=32).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric()),
    "must be a token: 3 to 32 letters or digits",
    "portico2026",
    false
);
text!(
    /// The key that pushes are encrypted with in the safe mode (S63).
    AesKey,
    |text| text.len() == 43 && text.bytes().all(|byte| byte.is_ascii_alphanumeric()),
    "must be an EncodingAESKey: 43 letters or digits",
    "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG",
    false
);
text!(
    /// What a QR code with parameters carries; the push of whoever scans it says it again (F17).
    Scene,
    |text| (1..=64).contains(&text.len()) && text.bytes().all(url_safe),
    "must be a scene: 1 to 64 letters, digits, - or _",
    "9f86d081884c7d659a2feaa0c55ad015",
    false
);
text!(
    /// The name of the file by which WeChat sees that a host is ours.
    VerificationName,
    |text| {
        let middle = text.strip_prefix("MP_verify_").and_then(|rest| rest.strip_suffix(".txt"));
        middle.is_some_and(|word| (1..=64).contains(&word.len()) && word.bytes().all(|byte| byte.is_ascii_alphanumeric()))
    },
    "must be the name of a file such as MP_verify_Ab12Cd34Ef56Gh78.txt",
    "MP_verify_Ab12Cd34Ef56Gh78.txt",
    true
);
text!(
    /// What that file holds: one word.
    VerificationContent,
    |text| (1..=128).contains(&text.len()) && text.bytes().all(url_safe),
    "must be the word in the file: 1 to 128 letters, digits, - or _",
    "Ab12Cd34Ef56Gh78",
    true
);

fn lower_alphanumeric(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit()
}

fn url_safe(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

impl Scene {
    /// A scene of 128 random bits.
    pub fn new(random: u128) -> Self {
        Self(format!("{random:032x}"))
    }
}

/// Who somebody is at WeChat: an openid means nothing without its service account (S33).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Identity {
    /// The service account.
    pub app: AppId,
    /// The person, as that account knows them.
    pub openid: OpenId,
}

/// How pushes arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub enum Mode {
    /// Signed.
    Plain,
    /// Signed and encrypted.
    Safe,
}

/// The file by which WeChat sees that a host is ours. It lies at the root of the host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Verification {
    /// Its name.
    pub name: VerificationName,
    /// What it holds.
    pub content: VerificationContent,
}

/// The secrets of a service account. Stored sealed, never answered (S66).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Secrets {
    /// Asks for the global token.
    pub app_secret: AppSecret,
    /// Signs pushes.
    pub token: PushToken,
    /// Encrypts pushes in the safe mode.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aes_key: Option<AesKey>,
    /// The key before that: WeChat goes on using it for a while after a change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous_aes_key: Option<AesKey>,
}

/// A secret that the settings need was not given and is not kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MissingSecret {
    /// The account's own secret.
    #[error("is needed: nothing is kept for this account")]
    AppSecret,
    /// The secret that signs pushes.
    #[error("is needed: nothing is kept for this account")]
    Token,
    /// The key of the safe mode.
    #[error("is needed in the safe mode")]
    AesKey,
}

/// Secrets as an administrator gives them: what is omitted stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GivenSecrets {
    /// The account's own secret.
    pub app_secret: Option<AppSecret>,
    /// The secret that signs pushes.
    pub token: Option<PushToken>,
    /// The key of the safe mode.
    pub aes_key: Option<AesKey>,
}

impl GivenSecrets {
    /// The secrets after a change, over those that are `kept` for the same service account. Those of another one are of no use:
    /// pass `None` then.
    pub fn over(self, kept: Option<Secrets>, mode: Mode) -> Result<Secrets, MissingSecret> {
        let (app_secret, token, kept_key, kept_previous) = match kept {
            Some(kept) => (Some(kept.app_secret), Some(kept.token), kept.aes_key, kept.previous_aes_key),
            None => (None, None, None, None),
        };
        let replaced = self.aes_key.is_some() && self.aes_key != kept_key;
        let secrets = Secrets {
            app_secret: self.app_secret.or(app_secret).ok_or(MissingSecret::AppSecret)?,
            token: self.token.or(token).ok_or(MissingSecret::Token)?,
            previous_aes_key: if replaced { kept_key.clone() } else { kept_previous },
            aes_key: self.aes_key.or(kept_key),
        };
        if mode == Mode::Safe && secrets.aes_key.is_none() {
            return Err(MissingSecret::AesKey);
        }
        Ok(secrets)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read<T: TryFrom<String>>(text: &str) -> Option<T> {
        T::try_from(text.to_owned()).ok()
    }

    fn key(letter: char) -> AesKey {
        read(&letter.to_string().repeat(43)).unwrap()
    }

    fn kept() -> Secrets {
        Secrets {
            app_secret: read(&"a".repeat(32)).unwrap(),
            token: read("portico").unwrap(),
            aes_key: Some(key('a')),
            previous_aes_key: Some(key('z')),
        }
    }

    #[test]
    fn texts_of_wechat_are_checked() {
        for (good, text) in [
            (true, "wx1234567890abcdef"),
            (false, "wx1234567890ABCDEF"),
            (false, "wx1234567890abcde"),
            (false, "ab1234567890abcdef"),
            (false, ""),
        ] {
            assert_eq!(read::<AppId>(text).is_some(), good, "{text}");
        }
        for (good, text) in [
            (true, "MP_verify_Ab12.txt"),
            (false, "MP_verify_.txt"),
            (false, "MP_verify_../a.txt"),
            (false, "MP_verify_a.html"),
            (false, "index.html"),
        ] {
            assert_eq!(read::<VerificationName>(text).is_some(), good, "{text}");
        }
        assert!(read::<VerificationContent>("<script>").is_none());
        assert!(read::<AesKey>(&"a".repeat(42)).is_none());
        assert!(read::<OpenId>("o/../../../../../etc").is_none());
        assert_eq!(Scene::new(7).as_str().len(), 32);
    }

    #[test]
    fn secrets_and_people_hide_in_debug() {
        let shown = format!("{:?} {:?}", kept(), read::<OpenId>("oLVPpjqs9BhvzwPj5A-vTYAX3GLc"));
        for hidden in ["aaaa", "portico", "zzzz", "oLVP"] {
            assert!(!shown.contains(hidden), "{shown}");
        }
    }

    #[test]
    fn what_is_omitted_is_kept() {
        assert_eq!(GivenSecrets::default().over(Some(kept()), Mode::Safe), Ok(kept()));
    }

    #[test]
    fn what_is_nowhere_is_missed() {
        let app_secret = Some(kept().app_secret);
        let token = Some(kept().token);
        let none = GivenSecrets::default();
        assert_eq!(none.clone().over(None, Mode::Plain), Err(MissingSecret::AppSecret));
        assert_eq!(GivenSecrets { app_secret: app_secret.clone(), ..none.clone() }.over(None, Mode::Plain), Err(MissingSecret::Token));
        let given = GivenSecrets { app_secret, token, ..none };
        assert_eq!(given.clone().over(None, Mode::Safe), Err(MissingSecret::AesKey));
        assert!(given.over(None, Mode::Plain).is_ok());
    }

    #[test]
    fn a_new_key_keeps_the_one_before() {
        let change = |key| GivenSecrets { aes_key: Some(key), ..GivenSecrets::default() };
        let changed = change(key('b')).over(Some(kept()), Mode::Safe).unwrap();
        assert_eq!((changed.aes_key.clone(), changed.previous_aes_key.clone()), (Some(key('b')), Some(key('a'))));
        // The same key once more is no change.
        assert_eq!(change(key('b')).over(Some(changed.clone()), Mode::Safe), Ok(changed));
    }
}
