//! Passwords: how they are hashed, how somebody signs in with one, how a new one is set (F14, S15 to S20).

use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use jiff::Timestamp;
use portico_domain::{
    address::{Address, Country},
    admission::{Evidence, Proof, Refusal},
    code::{Code, Purpose},
    guesses::Guesses,
    ids::{FlowId, PortalId, UserId},
    limits::Caps,
    message::Message,
    password::{Password, PasswordError},
    portal::Portal,
    suffix::Suffix,
    user::User,
};
use portico_messaging::{About, Recipient};
use portico_runtime::entropy;
use portico_store::{GuessRow, Guessed, PasswordCase, StoredPassword, Then};
use zxcvbn::Score;

use crate::{
    AccessError, EntryError, Gate, Outcome,
    admit::{Arrival, Attendance},
    keys::Keys,
};

/// Argon2id with 19 MiB and two passes: the least that OWASP recommends, and what 1,769 MB do in some twenty milliseconds (S17).
const MEMORY_KIB: u32 = 19_456;
const PASSES: u32 = 2;
const LANES: u32 = 1;
/// How often guesses are counted again because others were counted first.
const TRIES: usize = 4;

/// Why a password was not set.
#[derive(Debug, thiserror::Error)]
pub enum NewPasswordError {
    /// The password itself.
    #[error(transparent)]
    Password(#[from] PasswordError),
    /// Any other reason.
    #[error(transparent)]
    Access(#[from] AccessError),
}

/// Somebody at the door with an address and a password.
#[derive(Debug)]
pub struct PasswordEntry<'a> {
    /// The portal.
    pub portal: PortalId,
    /// The address, as typed.
    pub address: &'a str,
    /// The password, as typed.
    pub password: &'a Password,
    /// The suffix of the link by which they came.
    pub link: Option<&'a Suffix>,
    /// What else they chose on the page.
    pub arrival: Arrival<'a>,
}

impl Gate {
    /// Takes an address and a password, and goes on from there.
    ///
    /// Whether somebody has the address, and whether they ever set a password, changes neither answer nor work: there is always one
    /// read of an account, one count of a guess, and one hash (S40).
    pub async fn prove_by_password(&self, entry: PasswordEntry<'_>, caps: &Caps) -> Result<Outcome, EntryError> {
        let now = self.deployment.clock().now();
        let (counted, case) = tokio::join!(
            self.store.count_client(&entry.arrival.visitor.device.client, caps, now),
            self.password_case(entry.portal, entry.address)
        );
        counted.map_err(AccessError::from)?.map_err(AccessError::from)?;
        let (portal, address, case) = case?;
        let link = entry.link.map(|suffix| portal.link(suffix).ok_or(Refusal::MethodOff)).transpose().map_err(AccessError::from)?;
        if !portal.settings.enabled {
            return Err(AccessError::from(Refusal::PortalOff).into());
        }
        if !portal.accounts_at(link).allow(address.kind()) || !portal.password_at(link) {
            return Err(AccessError::from(Refusal::MethodOff).into());
        }
        let user = self.check_password(&portal, &address, case.owner, case.row, entry.password, now).await?;
        let proof = Proof { evidence: Evidence::Password(address), follows: false, second_step: false, at: now };
        let attendance = Attendance {
            id: user.id,
            user: Some(user),
            proof: &proof,
            bound: None,
            answers: None,
            link: entry.link,
            flow: FlowId::new(now, entropy::wide().map_err(AccessError::from)?),
            visit: None,
            arrival: entry.arrival,
        };
        Ok(self.admit(portal, attendance, now).await?)
    }

    /// Sets a new password after a code: signs nobody in, skips no step, and ends all sessions (S19, S27).
    ///
    /// What is wrong with the password is told before the code is used up, so that it can be mended.
    pub async fn reset_password(&self, portal: PortalId, flow: &str, code: Code, text: &str) -> Result<(Portal, User), NewPasswordError> {
        let now = self.deployment.clock().now();
        let found = self.store.portal(portal).await.map_err(AccessError::from)?.ok_or(AccessError::NoPortal)?;
        if !found.settings.enabled {
            return Err(AccessError::from(Refusal::PortalOff).into());
        }
        if !found.settings.sign_in.password {
            return Err(AccessError::from(Refusal::MethodOff).into());
        }
        let password = acceptable(text, &found, None)?;
        let brought = self.bring(portal, Purpose::ResetPassword, flow, code, now).await?;
        let facts = self.guess(&brought, Then::Hold).await?;
        let address = brought.address();
        let owner = self.store.owner(portal, address.key(portal)).await.map_err(AccessError::from)?;
        let user = match owner {
            Some(owner) => self.store.user(portal, owner).await.map_err(AccessError::from)?,
            None => None,
        };
        let user = user.ok_or(AccessError::NoAccount)?;
        acceptable(text, &found, Some(&user))?;
        self.use_up(&brought, &facts).await?;
        self.write_password(&user, &password, self.told(&found, &user).await?.as_ref(), now).await?;
        self.store.end_all_sessions(portal, user.id, None).await.map_err(AccessError::from)?;
        self.store.clear_guesses(portal, Guessed::Password(address.key(portal))).await.map_err(AccessError::from)?;
        Ok((found, user))
    }

    /// Sets or changes the password of somebody who is signed in, after the old one (S18).
    pub async fn change_password(&self, portal: &Portal, user: &User, old: &Password, text: &str) -> Result<(), NewPasswordError> {
        let now = self.deployment.clock().now();
        let password = acceptable(text, portal, Some(user))?;
        let address = user.address().ok_or(AccessError::PasswordWrong)?;
        let row = self.store.guesses(portal.id, Guessed::Password(address.key(portal.id))).await.map_err(AccessError::from)?;
        self.check_password(portal, address, Some(user.id), row, old, now).await?;
        Ok(self.write_password(user, &password, self.told(portal, user).await?.as_ref(), now).await?)
    }

    /// Sets or changes the password of somebody who is signed in, after a fresh code to one of their addresses (S18).
    pub async fn set_password(&self, portal: &Portal, user: &User, flow: &str, code: Code, text: &str) -> Result<(), NewPasswordError> {
        let now = self.deployment.clock().now();
        let password = acceptable(text, portal, Some(user))?;
        let proven = self.prove(self.bring(portal.id, Purpose::ResetPassword, flow, code, now).await?).await?;
        if user.address_of(proven.address.kind()) != Some(&proven.address) {
            return Err(AccessError::CodeExpired.into());
        }
        Ok(self.write_password(user, &password, self.told(portal, user).await?.as_ref(), now).await?)
    }

    /// The message that tells the owner of a new password (S18).
    async fn told(&self, portal: &Portal, user: &User) -> Result<Option<Message>, AccessError> {
        self.notice(portal, &Recipient::user(user), About::PasswordChanged).await
    }

    /// Writes a password, with the message that tells of it. Where the same one is only hashed anew there is nothing to tell.
    async fn write_password(&self, user: &User, password: &Password, message: Option<&Message>, now: Timestamp) -> Result<(), AccessError> {
        let keys = self.keyring.current().await?;
        let stored = StoredPassword { hash: hash(&keys, password)?, secret_version: keys.version().to_owned(), set_at: now };
        if self.store.set_password(user.portal, user.id, &stored, message).await? { Ok(()) } else { Err(AccessError::NoAccount) }
    }

    /// Portal, address and guesses. The usual country is tried first, as for codes.
    async fn password_case(&self, portal: PortalId, typed: &str) -> Result<(Portal, Address, PasswordCase), EntryError> {
        let guess = Address::parse(typed, &[Country::CHINA]).ok();
        let mut case = match &guess {
            Some(address) => self.store.password_case(portal, address.key(portal)).await.map_err(AccessError::from)?,
            None => {
                let portal = self.store.portal(portal).await.map_err(AccessError::from)?;
                PasswordCase { portal, owner: None, row: GuessRow::default() }
            }
        };
        let found = case.portal.take().ok_or(AccessError::NoPortal)?;
        let address = Address::parse(typed, &found.settings.sign_in.countries).map_err(EntryError::Address)?;
        if guess.as_ref() != Some(&address) {
            case = self.store.password_case(portal, address.key(portal)).await.map_err(AccessError::from)?;
        }
        Ok((found, address, case))
    }

    /// The user whose password this is. The guess is counted before it is compared (S5, S39), and the row ends with a right one.
    async fn check_password(
        &self,
        portal: &Portal,
        address: &Address,
        owner: Option<UserId>,
        row: GuessRow,
        password: &Password,
        now: Timestamp,
    ) -> Result<User, AccessError> {
        let key = address.key(portal.id);
        // Nobody's account is read the same way.
        let account = owner.unwrap_or_else(|| UserId::from_bytes(key.to_bytes()));
        let (counted, read, keys) = tokio::join!(
            self.count_guess(portal.id, Guessed::Password(key), row, now),
            self.store.user_and_password(portal.id, account),
            self.keyring.current()
        );
        counted?;
        let (user, stored) = read?;
        let current = keys?;
        let keys = match &stored {
            Some(stored) => self.keyring.version(&stored.secret_version).await?,
            None => None,
        };
        let right = match (&stored, &keys) {
            (Some(stored), Some(keys)) => is_right(keys, &stored.hash, password)?,
            // The same work for who has none (S17).
            _ => hash(&current, password).map(|_| false)?,
        };
        let (Some(user), true) = (user, right) else { return Err(AccessError::PasswordWrong) };
        self.store.clear_guesses(portal.id, Guessed::Password(key)).await?;
        if stored.is_some_and(|stored| stored.secret_version != current.version() || is_weaker(&stored.hash)) {
            self.write_password(&user, password, None, now).await?;
        }
        Ok(user)
    }

    /// Counts a guess as a failure before it is compared, if it may be made now (S5, S39).
    pub(crate) async fn count_guess(
        &self,
        portal: PortalId,
        guessed: Guessed,
        mut row: GuessRow,
        now: Timestamp,
    ) -> Result<(), AccessError> {
        for _ in 0..TRIES {
            let guesses: Guesses = row.guesses.admit_password(now)?;
            if self.store.put_guesses(portal, guessed, &row, guesses, now).await? {
                return Ok(());
            }
            row = self.store.guesses(portal, guessed).await?;
        }
        Err(AccessError::Busy)
    }
}

/// The password, if it is long enough and not easily guessed: neither common nor made of what everybody knows of this person and
/// portal (S15, S16).
fn acceptable(text: &str, portal: &Portal, user: Option<&User>) -> Result<Password, PasswordError> {
    let password = Password::chosen(text, portal.settings.sign_in.second_step)?;
    let mut words = vec![portal.settings.name.as_str(), portal.application.name.as_str(), "portico"];
    words.extend(portal.links.iter().map(|link| link.suffix.as_str()));
    if let Some(user) = user {
        words.extend(user.name());
        words.extend(user.phone.iter().chain(&user.email).map(Address::as_str));
    }
    let parts: Vec<&str> = words.iter().flat_map(|word| word.split(|c: char| !c.is_alphanumeric())).filter(|part| part.len() > 2).collect();
    let known: Vec<&str> = words.into_iter().chain(parts).collect();
    // The estimate of a long text costs its square; what matters shows in the first hundred characters.
    let head: String = password.as_str().chars().take(100).collect();
    if zxcvbn::zxcvbn(&head, &known).score() < Score::Two { Err(PasswordError::TooCommon) } else { Ok(password) }
}

fn argon2(pepper: &[u8; 32]) -> Result<Argon2<'_>, AccessError> {
    let failed = |_| AccessError::Crypto("Argon2 could not be set up");
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(failed)?;
    Argon2::new_with_secret(pepper, Algorithm::Argon2id, Version::V0x13, params).map_err(failed)
}

/// The form in which a password is stored: Argon2id, salted and keyed, with its parameters (PHC string).
fn hash(keys: &Keys, password: &Password) -> Result<String, AccessError> {
    let salt: [u8; 16] = entropy::bytes()?;
    let hash = argon2(&keys.password_pepper())?.hash_password_with_salt(password.as_str().as_bytes(), &salt);
    Ok(hash.map_err(|_| AccessError::Crypto("a password could not be hashed"))?.to_string())
}

fn is_right(keys: &Keys, stored: &str, password: &Password) -> Result<bool, AccessError> {
    let stored = PasswordHash::new(stored).map_err(|_| AccessError::Crypto("a stored password is malformed"))?;
    Ok(argon2(&keys.password_pepper())?.verify_password(password.as_str().as_bytes(), &stored).is_ok())
}

/// Whether a stored password has weaker parameters than new ones get.
fn is_weaker(stored: &str) -> bool {
    !stored.starts_with(&format!("$argon2id$v=19$m={MEMORY_KIB},t={PASSES},p={LANES}$"))
}

#[cfg(test)]
mod tests {
    use portico_domain::{
        ids::{ApplicationId, OrganisationId},
        locale::Locale,
        portal::{Application, Settings},
        text::Name,
    };
    use portico_runtime::secret::SecretVersion;

    use super::*;

    fn keys(text: &str) -> Keys {
        Keys::derive(&SecretVersion { id: "v1".into(), text: text.into() })
    }

    fn portal(second_step: bool) -> Portal {
        let (at, name) = (Timestamp::UNIX_EPOCH, Name::parse("Harbour Supplies").unwrap());
        let application = Application { id: ApplicationId::new(at, 1), name: name.clone() };
        let mut settings = Settings::starting(name);
        settings.sign_in.second_step = second_step;
        Portal::new(PortalId::new(at, 1), OrganisationId::new(at, 1), application, settings, at)
    }

    #[test]
    fn a_hash_is_argon2id_salted_and_keyed() {
        // S17
        let password = Password::typed("correct horse battery");
        let stored = hash(&keys("secret"), &password).unwrap();
        assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{stored}");
        assert!(!is_weaker(&stored));
        assert_ne!(stored, hash(&keys("secret"), &password).unwrap());
        assert!(is_right(&keys("secret"), &stored, &password).unwrap());
        assert!(!is_right(&keys("secret"), &stored, &Password::typed("correct horse batterz")).unwrap());
        assert!(!is_right(&keys("other"), &stored, &password).unwrap());
    }

    #[test]
    fn weaker_parameters_are_seen() {
        assert!(is_weaker("$argon2id$v=19$m=4096,t=3,p=1$c2FsdHNhbHQ$aGFzaA"));
        assert!(is_weaker("$argon2i$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$aGFzaA"));
    }

    #[test]
    fn common_and_own_words_make_no_password() {
        // S16
        let mail = Address::parse("wang.xiaoming@example.com", &[]).unwrap();
        let (at, portal) = (Timestamp::UNIX_EPOCH, portal(true));
        let role = portal.settings.default_role.clone();
        let user = User::new(UserId::new(at, 2), portal.id, mail, role, Locale::En, at);
        let check = |text: &str| acceptable(text, &portal, Some(&user)).map(drop);
        for bad in [
            "password1",
            "12345678",
            "qwertyuiop",
            "iloveyou",
            "aaaaaaaaaaaa",
            "harbour supplies",
            "Harbour1",
            "xiaoming1",
            "wang.xiaoming@example.com",
        ] {
            assert_eq!(check(bad), Err(PasswordError::TooCommon), "{bad}");
        }
        for good in ["correct horse battery", "kX9#qW2z", "夜来风雨声花落知多少", "my boat leaks at noon"] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
        assert_eq!(check("short"), Err(PasswordError::TooShort(8)));
    }
}
