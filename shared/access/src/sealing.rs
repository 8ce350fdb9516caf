//! Secrets that are stored to be read again: encrypted with keys that derive from the deployment's secret, tied to their owner.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chacha20poly1305::{
    XChaCha20Poly1305, XNonce,
    aead::{Aead, KeyInit, Payload},
};
use portico_runtime::entropy;
use portico_store::Sealed;

use crate::{AccessError, keys::Keys};

/// Bytes of a nonce: so many that drawing them is enough.
const NONCE: usize = 24;

/// Which key: one for each kind of secret, so that none can be put into the place of another.
pub(crate) type Which = fn(&Keys) -> [u8; 32];

/// Seals a secret of `owner`: one that is moved to another owner does not open there.
pub(crate) fn seal(keys: &Keys, which: Which, owner: &[u8], secret: &[u8]) -> Result<Sealed, AccessError> {
    let nonce: [u8; NONCE] = entropy::bytes()?;
    let sealed = XChaCha20Poly1305::new(&which(keys).into()).encrypt(&XNonce::from(nonce), Payload { msg: secret, aad: owner });
    let sealed = sealed.map_err(|_| AccessError::Crypto("a secret could not be encrypted"))?;
    Ok(Sealed { text: URL_SAFE_NO_PAD.encode([&nonce[..], &sealed].concat()), secret_version: keys.version().to_owned() })
}

/// Opens what was sealed with these keys for this owner.
pub(crate) fn open(keys: &Keys, which: Which, owner: &[u8], sealed: &Sealed) -> Result<Vec<u8>, AccessError> {
    let broken = AccessError::Crypto("a stored secret could not be decrypted");
    let Some((nonce, text)) = URL_SAFE_NO_PAD.decode(&sealed.text).ok().and_then(split_nonce) else { return Err(broken) };
    let secret = XChaCha20Poly1305::new(&which(keys).into()).decrypt(&XNonce::from(nonce), Payload { msg: &text, aad: owner });
    secret.map_err(|_| broken)
}

fn split_nonce(bytes: Vec<u8>) -> Option<([u8; NONCE], Vec<u8>)> {
    let (nonce, text) = bytes.split_first_chunk()?;
    Some((*nonce, text.to_vec()))
}

#[cfg(test)]
mod tests {
    use portico_runtime::secret::SecretVersion;

    use super::*;

    #[test]
    fn a_sealed_secret_opens_for_its_owner_with_its_key_alone() {
        let keys = |text: &str| Keys::derive(&SecretVersion { id: "v1".into(), text: text.into() });
        let (ours, theirs) = (keys("ours"), keys("theirs"));
        let sealed = seal(&ours, Keys::wechat, b"owner", b"secret").unwrap();
        assert!(!sealed.text.contains("secret") && sealed.secret_version == "v1");
        assert_eq!(open(&ours, Keys::wechat, b"owner", &sealed).unwrap(), b"secret");
        assert!(open(&theirs, Keys::wechat, b"owner", &sealed).is_err());
        assert!(open(&ours, Keys::authenticator, b"owner", &sealed).is_err());
        assert!(open(&ours, Keys::wechat, b"other", &sealed).is_err());
    }
}
