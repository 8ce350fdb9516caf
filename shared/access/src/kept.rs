//! Answers that are kept for repetitions, sealed: what an answer shows (the link of an invitation) is not to be read in the tables
//! (S48).
//!
//! The key of the seal derives from the `Idempotency-Key`, which the tables do not have, and from the deployment's secret where the
//! function is given it: then not even a key that is easily guessed opens an answer.

use chacha20poly1305::{
    ChaCha20Poly1305, Nonce,
    aead::{Aead, KeyInit},
};
use hkdf::Hkdf;
use portico_runtime::Deployment;
use sha2::Sha256;

use crate::{AccessError, Keyring, keys::Keys};

/// What seals and opens kept answers.
#[derive(Debug)]
pub struct AnswerSeal {
    keyring: Option<Keyring>,
}

/// A sealed text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedAnswer {
    /// The encrypted text.
    pub text: Vec<u8>,
    /// The version of the deployment's secret that went into its key; empty if none did.
    pub secret_version: String,
}

impl AnswerSeal {
    /// With the deployment's secret, if the function is given it.
    pub fn new(deployment: &Deployment) -> Self {
        Self { keyring: deployment.secret_arn().is_ok().then(|| Keyring::new(deployment)) }
    }

    /// Seals a text for whoever brings this key again. `hold` is random and seals one text only.
    pub async fn seal(&self, key: &str, hold: &[u8; 16], text: &[u8]) -> Result<SealedAnswer, AccessError> {
        let keys = match &self.keyring {
            Some(keyring) => Some(keyring.current().await?),
            None => None,
        };
        let text = cipher(keys.as_deref(), key, hold).encrypt(&Nonce::default(), text);
        let text = text.map_err(|_| AccessError::Crypto("an answer could not be encrypted"))?;
        Ok(SealedAnswer { text, secret_version: keys.map_or_else(String::new, |keys| keys.version().to_owned()) })
    }

    /// Opens what was sealed with the same key and hold.
    pub async fn open(&self, key: &str, hold: &[u8; 16], sealed: &SealedAnswer) -> Result<Vec<u8>, AccessError> {
        let broken = AccessError::Crypto("a kept answer could not be decrypted");
        let keys = match &self.keyring {
            Some(keyring) if !sealed.secret_version.is_empty() => keyring.version(&sealed.secret_version).await?,
            _ => None,
        };
        if keys.is_none() != sealed.secret_version.is_empty() {
            return Err(broken);
        }
        cipher(keys.as_deref(), key, hold).decrypt(&Nonce::default(), &*sealed.text).map_err(|_| broken)
    }
}

/// A cipher for one text: its key is as unique as the hold, so the nonce need not be.
fn cipher(keys: Option<&Keys>, key: &str, hold: &[u8; 16]) -> ChaCha20Poly1305 {
    let mut derived = [0; 32];
    let pepper = keys.map(Keys::answer_pepper).unwrap_or_default();
    let expanded = Hkdf::<Sha256>::new(Some(hold), &[&pepper[..], key.as_bytes()].concat()).expand(b"portico kept answer v1", &mut derived);
    debug_assert!(expanded.is_ok(), "so few bytes are within what SHA-256 expands to (RFC 5869 2.3)");
    ChaCha20Poly1305::new(&derived.into())
}

#[cfg(test)]
mod tests {
    use portico_runtime::secret::SecretVersion;

    use super::*;

    fn keys(text: &str) -> Keys {
        Keys::derive(&SecretVersion { id: "v1".into(), text: text.into() })
    }

    #[test]
    fn an_answer_opens_with_its_key_hold_and_secret_only() {
        let (secret, other) = (keys("secret"), keys("other"));
        let sealed = cipher(Some(&secret), "a key", &[1; 16]).encrypt(&Nonce::default(), &b"a link"[..]).unwrap();
        assert!(!sealed.windows(6).any(|part| part == b"a link"));
        let opened = |keys: Option<&Keys>, key: &str, hold: u8| cipher(keys, key, &[hold; 16]).decrypt(&Nonce::default(), &*sealed).ok();
        assert_eq!(opened(Some(&secret), "a key", 1).as_deref(), Some(&b"a link"[..]));
        for wrong in [
            opened(Some(&other), "a key", 1),
            opened(None, "a key", 1),
            opened(Some(&secret), "akey", 1),
            opened(Some(&secret), "a key", 2),
        ] {
            assert_eq!(wrong, None);
        }
    }
}
