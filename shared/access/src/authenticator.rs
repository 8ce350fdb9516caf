//! Authenticator apps: one-time passwords by time (RFC 6238) and recovery codes, as the second step (F19).
//!
//! SHA-1, six digits, steps of thirty seconds, one step of tolerance each way: what every app can do. A code is taken once.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use jiff::{SignedDuration, Timestamp};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use portico_domain::{address::Address, code::Code, ids::PortalId, portal::Portal, user::User};
use portico_messaging::{About, Recipient};
use portico_runtime::entropy;
use portico_store::{Guessed, Sealed, StoredAuthenticator};
use sha2::Sha256;
use subtle::{Choice, ConstantTimeEq};
use totp_rs::{Algorithm, Builder, Secret, Totp};

use crate::{
    AccessError, Gate, Outcome,
    admit::Visitor,
    keys::Keys,
    sealing,
    ticket::{self, Open},
};

/// Bytes of a secret: as many as SHA-1 gives (RFC 4226, section 4).
const SECRET: usize = 20;
/// How long setting up may take.
const SET_UP: SignedDuration = SignedDuration::from_mins(10);
/// How many recovery codes there are.
const RECOVERY_CODES: usize = 10;
/// The letters of recovery codes: none of them is taken for another one.
const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
/// Letters of a recovery code: sixty bits.
const LENGTH: usize = 12;
/// How often a code is judged again because the authenticator changed meanwhile.
const TRIES: usize = 3;

/// What is brought as the second step in the place of a code that was sent.
#[derive(Debug, Clone, Copy)]
pub enum Factor<'a> {
    /// What the app shows.
    Code(Code),
    /// A recovery code, as typed.
    Recovery(&'a str),
}

/// A second step that was taken: what was brought is used up, whatever comes of the sign-in.
#[derive(Debug)]
pub struct Passed {
    /// The portal.
    pub portal: Portal,
    /// Whose second step it was.
    pub user: User,
    /// Where the sign-in stands.
    pub outcome: Result<Outcome, AccessError>,
}

/// What an app is set up with.
#[derive(Debug)]
pub struct SetUp {
    /// The secret in base32.
    pub secret: String,
    /// The same as an address that apps understand (`otpauth://`).
    pub uri: String,
}

/// Why an authenticator was not set up.
#[derive(Debug, thiserror::Error)]
pub enum SetUpError {
    /// There is one already.
    #[error("an authenticator is set up already")]
    IsOn,
    /// Nothing was begun, or too long ago.
    #[error("no authenticator is being set up")]
    NotBegun,
    /// Any other reason.
    #[error(transparent)]
    Access(#[from] AccessError),
}

impl Gate {
    /// Takes the second step of a sign-in by an app or a recovery code, and goes on from there (F19).
    pub async fn second_step_by(
        &self,
        portal: PortalId,
        ticket: &str,
        factor: Factor<'_>,
        visitor: &Visitor,
    ) -> Result<Passed, AccessError> {
        let now = self.deployment.clock().now();
        let facts = ticket::read(&self.keyring, portal, ticket, now).await?;
        if facts.open != Open::SecondStep {
            return Err(AccessError::TicketExpired);
        }
        let (portal, user) = self.account(portal, facts.user).await?;
        self.check_factor(&portal, &user, factor, now, true).await?;
        let outcome = self.finish_second_step(portal.clone(), user.clone(), facts, visitor, now).await;
        Ok(Passed { portal, user, outcome })
    }

    /// Begins to set an app up, in the place of one that was never finished.
    pub async fn begin_authenticator(&self, portal: &Portal, user: &User) -> Result<SetUp, SetUpError> {
        let now = self.deployment.clock().now();
        let keys = self.keyring.current().await.map_err(AccessError::from)?;
        let secret: [u8; SECRET] = entropy::bytes().map_err(AccessError::from)?;
        let new = StoredAuthenticator::starting(seal(&keys, user, &secret)?, now, entropy::word().map_err(AccessError::from)?);
        if !self.store.start_authenticator(portal.id, user.id, &new).await.map_err(AccessError::from)? {
            return Err(SetUpError::IsOn);
        }
        let secret = Secret::from(secret).to_base32();
        let uri = uri(portal.settings.name.as_str(), user.address(), &secret);
        Ok(SetUp { secret, uri })
    }

    /// Finishes to set an app up, by the first code that it shows; gives the recovery codes, once.
    pub async fn confirm_authenticator(&self, portal: &Portal, user: &User, code: Code) -> Result<Vec<String>, SetUpError> {
        let now = self.deployment.clock().now();
        self.count_factor(user, now).await?;
        let stored = self.store.authenticator(user.portal, user.id).await.map_err(AccessError::from)?.ok_or(SetUpError::NotBegun)?;
        if stored.confirmed {
            return Err(SetUpError::IsOn);
        }
        if now.duration_since(stored.started_at) > SET_UP {
            return Err(SetUpError::NotBegun);
        }
        let mut after = self.with_code(user, &stored, code, now).await?.ok_or(AccessError::AuthenticatorWrong)?;
        let keys = self.keyring.current().await.map_err(AccessError::from)?;
        let codes: Vec<String> = (0..RECOVERY_CODES).map(|_| draw_recovery_code()).collect::<Result<_, _>>()?;
        after.confirmed = true;
        after.recovery = codes.iter().map(|code| URL_SAFE_NO_PAD.encode(recovery_hash(&keys, user, code))).collect();
        after.recovery_version = keys.version().to_owned();
        let message = self.notice(portal, &Recipient::user(user), About::AuthenticatorSet).await?;
        if !self.store.advance_authenticator(user.portal, user.id, &after, message.as_ref()).await.map_err(AccessError::from)? {
            return Err(SetUpError::IsOn);
        }
        self.store.clear_guesses(user.portal, Guessed::Authenticator(user.id)).await.map_err(AccessError::from)?;
        Ok(codes)
    }

    /// Takes the app of somebody who is signed in away, after one more code of it.
    pub async fn remove_authenticator(&self, portal: &Portal, user: &User, factor: Factor<'_>) -> Result<(), AccessError> {
        self.check_factor(portal, user, factor, self.deployment.clock().now(), false).await?;
        let message = self.notice(portal, &Recipient::user(user), About::AuthenticatorRemoved).await?;
        Ok(self.store.remove_authenticator(user.portal, user.id, message.as_ref()).await?)
    }

    /// Whether this is a fresh code of the account's authenticator, or one of its recovery codes; uses it up. Counted before it is
    /// compared, in a row of its own (S39). Where `tell`, the owner hears of a recovery code: there is one less (F19).
    async fn check_factor(&self, portal: &Portal, user: &User, factor: Factor<'_>, now: Timestamp, tell: bool) -> Result<(), AccessError> {
        self.count_factor(user, now).await?;
        for _ in 0..TRIES {
            let stored = self.store.authenticator(user.portal, user.id).await?.filter(|stored| stored.confirmed);
            let stored = stored.ok_or(AccessError::AuthenticatorWrong)?;
            let after = match factor {
                Factor::Code(code) => self.with_code(user, &stored, code, now).await?,
                Factor::Recovery(typed) => self.without_recovery_code(user, &stored, typed).await?,
            };
            let after = after.ok_or(AccessError::AuthenticatorWrong)?;
            let message = match factor {
                Factor::Recovery(_) if tell => self.notice(portal, &Recipient::user(user), About::RecoveryCodeUsed).await?,
                Factor::Code(_) | Factor::Recovery(_) => None,
            };
            if self.store.advance_authenticator(user.portal, user.id, &after, message.as_ref()).await? {
                return Ok(self.store.clear_guesses(user.portal, Guessed::Authenticator(user.id)).await?);
            }
        }
        Err(AccessError::Busy)
    }

    async fn count_factor(&self, user: &User, now: Timestamp) -> Result<(), AccessError> {
        let guessed = Guessed::Authenticator(user.id);
        let row = self.store.guesses(user.portal, guessed).await?;
        self.count_guess(user.portal, guessed, row, now).await
    }

    /// The authenticator after this code, if it is right and none as new was taken before; its secret under the newest key.
    async fn with_code(
        &self,
        user: &User,
        stored: &StoredAuthenticator,
        code: Code,
        now: Timestamp,
    ) -> Result<Option<StoredAuthenticator>, AccessError> {
        let Some(keys) = self.keyring.version(&stored.sealed.secret_version).await? else { return Ok(None) };
        let secret = open(&keys, user, &stored.sealed)?;
        let second = u64::try_from(now.as_second()).unwrap_or(0);
        let Some(step) = totp(secret)?.check(&code.digits(), second).filter(|step| *step > stored.last_step) else { return Ok(None) };
        let current = self.keyring.current().await?;
        let sealed = if current.version() == keys.version() { stored.sealed.clone() } else { seal(&current, user, &secret)? };
        Ok(Some(StoredAuthenticator { last_step: step, sealed, ..stored.clone() }))
    }

    /// The authenticator without this recovery code, if it is one of those left.
    async fn without_recovery_code(
        &self,
        user: &User,
        stored: &StoredAuthenticator,
        typed: &str,
    ) -> Result<Option<StoredAuthenticator>, AccessError> {
        let Some(keys) = self.keyring.version(&stored.recovery_version).await? else { return Ok(None) };
        let hash = URL_SAFE_NO_PAD.encode(recovery_hash(&keys, user, typed));
        let is_it = |kept: &String| Choice::from(u8::from(kept.len() == hash.len())) & kept.as_bytes().ct_eq(hash.as_bytes());
        let left: Vec<String> = stored.recovery.iter().filter(|kept| !bool::from(is_it(kept))).cloned().collect();
        Ok((left.len() < stored.recovery.len()).then(|| StoredAuthenticator { recovery: left, ..stored.clone() }))
    }
}

fn totp(secret: [u8; SECRET]) -> Result<Totp, AccessError> {
    let builder = Builder::new().with_algorithm(Algorithm::SHA1).with_digits(6).with_skew(1).with_step_duration(30);
    builder.with_secret(secret).build().map_err(|_| AccessError::Crypto("an authenticator could not be computed"))
}

/// Whose secret it is: one that is moved to another account does not open there.
fn owner(user: &User) -> [u8; 32] {
    let mut owner = [0; 32];
    owner[..16].copy_from_slice(&user.portal.to_bytes());
    owner[16..].copy_from_slice(&user.id.to_bytes());
    owner
}

fn seal(keys: &Keys, user: &User, secret: &[u8; SECRET]) -> Result<Sealed, AccessError> {
    sealing::seal(keys, Keys::authenticator, &owner(user), secret)
}

fn open(keys: &Keys, user: &User, sealed: &Sealed) -> Result<[u8; SECRET], AccessError> {
    let secret = sealing::open(keys, Keys::authenticator, &owner(user), sealed)?;
    secret.try_into().map_err(|_| AccessError::Crypto("a stored secret has another length"))
}

/// Draws a code such as `abcd-efgh-2345`.
fn draw_recovery_code() -> Result<String, AccessError> {
    let bytes: [u8; LENGTH] = entropy::bytes()?;
    // 256 is a multiple of 32: no letter is likelier than another.
    let letters: Vec<char> = bytes.iter().map(|byte| char::from(LETTERS[usize::from(byte % 32)])).collect();
    Ok(letters.chunks(4).map(String::from_iter).collect::<Vec<_>>().join("-"))
}

/// The form in which a recovery code is stored; case, spaces and hyphens do not matter.
fn recovery_hash(keys: &Keys, user: &User, typed: &str) -> [u8; 32] {
    let letters = typed.chars().filter(char::is_ascii_alphanumeric).take(LENGTH + 1);
    let letters: String = letters.map(|letter| letter.to_ascii_lowercase()).collect();
    let mut mac = Hmac::<Sha256>::new(&hmac_key(keys));
    mac.update(&owner(user));
    mac.update(letters.as_bytes());
    mac.finalize().into_bytes().into()
}

fn hmac_key(keys: &Keys) -> hmac::digest::Key<Hmac<Sha256>> {
    let mut key = [0; 64];
    key[..32].copy_from_slice(&keys.recovery_pepper());
    key.into()
}

/// The address by which apps take the secret over, as most of them read it.
fn uri(portal: &str, address: Option<&Address>, secret: &str) -> String {
    let encode = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let (issuer, account) = (encode(portal), encode(address.map_or("", Address::as_str)));
    format!("otpauth://totp/{issuer}:{account}?secret={secret}&issuer={issuer}&algorithm=SHA1&digits=6&period=30")
}

#[cfg(test)]
mod tests {
    use portico_domain::{ids::UserId, locale::Locale, portal::RoleId};
    use portico_runtime::secret::SecretVersion;

    use super::*;

    fn keys(text: &str) -> Keys {
        Keys::derive(&SecretVersion { id: "v1".into(), text: text.into() })
    }

    fn user(random: u128) -> User {
        let at = Timestamp::UNIX_EPOCH;
        let mail = Address::parse("li@example.com", &[]).unwrap();
        let role = RoleId::try_from("user".to_owned()).unwrap();
        User::new(UserId::new(at, random), PortalId::new(at, 1), mail, role, Locale::En, at)
    }

    #[test]
    fn codes_are_those_of_the_standard() {
        // RFC 6238, appendix B, for SHA-1: the last six of its eight digits.
        let totp = totp(*b"12345678901234567890").unwrap();
        for (second, digits) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(totp.check(digits, second), Some(second / 30), "{second}");
        }
        let at = 1_111_111_111;
        assert!([at - 30, at + 30].iter().all(|second| totp.check("050471", *second) == Some(at / 30)), "one step each way");
        assert!([at - 61, at + 90].iter().all(|second| totp.check("050471", *second).is_none()), "no more");
    }

    #[test]
    fn a_secret_opens_for_its_owner_under_its_key_only() {
        let sealed = seal(&keys("secret"), &user(1), &[7; SECRET]).unwrap();
        assert_eq!(open(&keys("secret"), &user(1), &sealed).unwrap(), [7; SECRET]);
        assert!(open(&keys("other"), &user(1), &sealed).is_err());
        assert!(open(&keys("secret"), &user(2), &sealed).is_err());
        let cut = Sealed { text: sealed.text[..20].into(), ..sealed.clone() };
        assert!(open(&keys("secret"), &user(1), &cut).is_err());
        assert_ne!(seal(&keys("secret"), &user(1), &[7; SECRET]).unwrap().text, sealed.text);
    }

    #[test]
    fn recovery_codes_are_read_as_people_type_them() {
        let code = draw_recovery_code().unwrap();
        assert_eq!((code.len(), code.matches('-').count()), (14, 2), "{code}");
        let hash = |user: &User, code: &str| recovery_hash(&keys("secret"), user, code);
        assert_eq!(hash(&user(1), &code), hash(&user(1), &format!(" {} ", code.to_uppercase().replace('-', " "))));
        assert_ne!(hash(&user(1), &code), hash(&user(2), &code));
        assert_ne!(hash(&user(1), &code), hash(&user(1), &format!("{code}a")));
        assert_ne!(hash(&user(1), &code), recovery_hash(&keys("other"), &user(1), &code));
    }

    #[test]
    fn the_address_for_apps_holds_any_name() {
        let uri = uri("A&B: 艾克米", user(1).address(), "ABCD");
        assert!(uri.starts_with("otpauth://totp/A%26B%3A%20%E8%89%BE") && uri.contains(":li%40example%2Ecom?secret=ABCD&issuer=A%26B"));
    }
}
