//! Keys: all of them derive from the deployment's one secret by HKDF (RFC 5869), told apart by label.

use std::{
    fmt,
    sync::{Arc, OnceLock},
};

use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac};
use jiff::{SignedDuration, Timestamp};
use p256::SecretKey;
use portico_domain::{
    code::{Code, Flow, Purpose},
    ids::PortalId,
};
use portico_runtime::{
    Deployment,
    secret::{SecretUnavailable, SecretVersion, Stage, read},
};
use sha2::Sha256;
use tokio::sync::Mutex;

use crate::{AccessError, token::TokenKey};

/// How old the keys in use may get before they are read again: no older than what they sign, so that none outlives its key.
const READ_AGAIN: SignedDuration = SignedDuration::from_mins(10);
/// How long it takes before an unknown version is looked for again.
const LOOK_AGAIN: SignedDuration = SignedDuration::from_mins(1);

/// The keys of one version of the secret.
pub struct Keys {
    version: String,
    pepper: [u8; 64],
    ticket: [u8; 32],
    secret: Vec<u8>,
    token: OnceLock<TokenKey>,
}

impl Keys {
    /// Derives the keys of a version.
    pub fn derive(secret: &SecretVersion) -> Self {
        let text = secret.text.as_bytes();
        Self {
            version: secret.id.clone(),
            pepper: derive(text, "portico code pepper v1"),
            ticket: derive(text, "portico flow ticket v1"),
            secret: text.to_vec(),
            token: OnceLock::new(),
        }
    }

    /// The version of the secret, by which stored hashes and tokens name their keys.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The key that signs flow tickets.
    pub(crate) fn ticket(&self) -> &[u8; 32] {
        &self.ticket
    }

    /// The key that passwords are hashed with (S17). Derived when asked for: few functions need it.
    pub(crate) fn password_pepper(&self) -> [u8; 32] {
        derive(&self.secret, "portico password pepper v1")
    }

    /// The key that the secrets of authenticators are encrypted with. Derived when asked for: few functions need it.
    pub(crate) fn authenticator(&self) -> [u8; 32] {
        derive(&self.secret, "portico authenticator key v1")
    }

    /// The key that recovery codes are hashed with.
    pub(crate) fn recovery_pepper(&self) -> [u8; 32] {
        derive(&self.secret, "portico recovery code pepper v1")
    }

    /// What goes into the keys that kept answers are sealed with.
    pub(crate) fn answer_pepper(&self) -> [u8; 32] {
        derive(&self.secret, "portico kept answer pepper v1")
    }

    /// The key that the secrets and tokens of service accounts are encrypted with (S66). Derived when asked for.
    pub(crate) fn wechat(&self) -> [u8; 32] {
        derive(&self.secret, "portico wechat key v1")
    }

    /// The key that hides what must not be readable in stored messages (S48).
    pub(crate) fn message(&self) -> [u8; 32] {
        derive(&self.secret, "portico message key v1")
    }

    /// The key that signs requests to the SMS gateway.
    pub fn gateway(&self) -> [u8; 32] {
        derive(&self.secret, "portico sms gateway v1")
    }

    /// The key that signs tokens for the application behind the portal (ES256). Derived when first asked for: few functions need it.
    pub(crate) fn token(&self) -> Result<&TokenKey, AccessError> {
        if let Some(key) = self.token.get() {
            return Ok(key);
        }
        // One candidate in 2^32 is no scalar of the curve; then the next label is taken.
        let mut candidates = (1_u8..).map(|number| derive::<32>(&self.secret, &format!("portico application token v1 {number}")));
        let secret = candidates.find_map(|bytes| SecretKey::from_slice(&bytes).ok());
        let key = TokenKey::new(&secret.ok_or(AccessError::Crypto("no token key derives from the secret"))?)?;
        Ok(self.token.get_or_init(|| key))
    }

    /// The key that hides flows from those who carry them.
    pub(crate) fn flow(&self) -> [u8; 32] {
        derive(&self.secret, "portico code flow v1")
    }

    /// The form in which a code is stored: an HMAC over the code and all that it is bound to (S2, S4).
    pub fn code_hash(&self, portal: PortalId, purpose: Purpose, flow: &Flow, code: Code) -> [u8; 32] {
        let mut mac = Hmac::<Sha256>::new(&self.pepper.into());
        // Parts of fixed length first; the address, whose length varies, comes last: no two inputs look the same.
        mac.update(&portal.to_bytes());
        mac.update(&flow.secret());
        mac.update(code.digits().as_bytes());
        mac.update(purpose.label().as_bytes());
        mac.update(b"\0");
        mac.update(flow.address().as_str().as_bytes());
        mac.finalize().into_bytes().into()
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keys({}, redacted)", self.version)
    }
}

fn derive<const N: usize>(secret: &[u8], label: &str) -> [u8; N] {
    let mut key = [0; N];
    let expanded = Hkdf::<Sha256>::new(None, secret).expand(label.as_bytes(), &mut key);
    debug_assert!(expanded.is_ok(), "so few bytes are within what SHA-256 expands to (RFC 5869 2.3)");
    key
}

/// The keys of the versions of the secret that are good: the one in use and, during a rotation, the one before.
///
/// Read at first use and again when they are ten minutes old, so that a rotation reaches running instances. A version that is not
/// known is looked for at most once a minute, so that forged names cost nothing.
#[derive(Debug)]
pub struct Keyring {
    deployment: Deployment,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    /// The one in use first.
    keys: Vec<Arc<Keys>>,
    read_at: Option<Timestamp>,
    /// Whether the version before was looked for, too.
    complete: bool,
}

impl Known {
    fn is_younger_than(&self, age: SignedDuration, now: Timestamp) -> bool {
        self.read_at.is_some_and(|at| now.duration_since(at) < age)
    }

    fn find(&self, version: &str) -> Option<Arc<Keys>> {
        self.keys.iter().find(|keys| keys.version == version).cloned()
    }
}

impl Keyring {
    /// An empty ring; nothing is read yet.
    pub fn new(deployment: &Deployment) -> Self {
        Self { deployment: deployment.clone(), known: Mutex::default() }
    }

    /// The keys in use.
    pub async fn current(&self) -> Result<Arc<Keys>, SecretUnavailable> {
        let now = self.deployment.clock().now();
        let mut known = self.known.lock().await;
        match known.keys.first() {
            Some(keys) if known.is_younger_than(READ_AGAIN, now) => Ok(keys.clone()),
            _ => {
                let keys = self.read(Stage::Current).await?.ok_or_else(SecretUnavailable::missing)?;
                if known.keys.first().is_some_and(|first| first.version == keys.version) {
                    known.read_at = Some(now);
                } else {
                    *known = Known { keys: vec![keys.clone()], read_at: Some(now), complete: false };
                }
                Ok(keys)
            }
        }
    }

    /// The keys of a version, if it is good.
    pub async fn version(&self, version: &str) -> Result<Option<Arc<Keys>>, SecretUnavailable> {
        let now = self.deployment.clock().now();
        let mut known = self.known.lock().await;
        let found = known.find(version);
        if found.is_some() || (known.complete && known.is_younger_than(LOOK_AGAIN, now)) {
            return Ok(found);
        }
        if known.read_at.is_none() {
            // A new instance: mostly it is the one in use, and one read is enough.
            let current = self.read(Stage::Current).await?.ok_or_else(SecretUnavailable::missing)?;
            *known = Known { keys: vec![current], read_at: Some(now), complete: false };
            if let Some(found) = known.find(version) {
                return Ok(Some(found));
            }
        }
        *known = self.read_both(now).await?;
        Ok(known.find(version))
    }

    /// The keys of all good versions, the one in use first.
    pub async fn all(&self) -> Result<Vec<Arc<Keys>>, SecretUnavailable> {
        let now = self.deployment.clock().now();
        let mut known = self.known.lock().await;
        if !known.complete || !known.is_younger_than(LOOK_AGAIN, now) {
            *known = self.read_both(now).await?;
        }
        Ok(known.keys.clone())
    }

    /// The keys that sign requests to the SMS gateway, the one in use first: the gateway may know either.
    pub async fn gateway_keys(&self) -> Result<Vec<[u8; 32]>, SecretUnavailable> {
        Ok(self.all().await?.iter().map(|keys| keys.gateway()).collect())
    }

    async fn read_both(&self, now: Timestamp) -> Result<Known, SecretUnavailable> {
        let current = self.read(Stage::Current).await?.ok_or_else(SecretUnavailable::missing)?;
        let previous = self.read(Stage::Previous).await?;
        Ok(Known { keys: std::iter::once(current).chain(previous).collect(), read_at: Some(now), complete: true })
    }

    async fn read(&self, stage: Stage) -> Result<Option<Arc<Keys>>, SecretUnavailable> {
        Ok(read(&self.deployment, stage).await?.map(|secret| Arc::new(Keys::derive(&secret))))
    }
}

#[cfg(test)]
mod tests {
    use portico_domain::address::Address;

    use super::*;

    fn keys(text: &str) -> Keys {
        Keys::derive(&SecretVersion { id: "v1".into(), text: text.into() })
    }

    #[test]
    fn a_code_is_bound_to_portal_recipient_flow_purpose_and_secret() {
        let portal = |random| PortalId::new(Timestamp::UNIX_EPOCH, random);
        let flow = |byte, mailbox| Flow::new([byte; 16], Address::parse(mailbox, &[]).unwrap());
        let code = |digits| Code::parse(digits).unwrap();
        let ours = flow(1, "li@example.com");
        let hash = keys("secret").code_hash(portal(1), Purpose::SignIn, &ours, code("218594"));
        assert_eq!(keys("secret").code_hash(portal(1), Purpose::SignIn, &ours, code("218594")), hash);
        for (other, what) in [
            (keys("other").code_hash(portal(1), Purpose::SignIn, &ours, code("218594")), "secret"),
            (keys("secret").code_hash(portal(2), Purpose::SignIn, &ours, code("218594")), "portal"),
            (keys("secret").code_hash(portal(1), Purpose::Bind, &ours, code("218594")), "purpose"),
            (keys("secret").code_hash(portal(1), Purpose::SignIn, &flow(2, "li@example.com"), code("218594")), "flow"),
            (keys("secret").code_hash(portal(1), Purpose::SignIn, &flow(1, "wang@example.com"), code("218594")), "recipient"),
            (keys("secret").code_hash(portal(1), Purpose::SignIn, &ours, code("218595")), "code"),
        ] {
            assert_ne!(other, hash, "{what}");
        }
    }

    #[test]
    fn keys_for_different_uses_differ_and_hide_in_debug() {
        let keys = keys("secret");
        assert_ne!(keys.pepper[..32], keys.ticket);
        assert_eq!(format!("{keys:?}"), "Keys(v1, redacted)");
    }
}
