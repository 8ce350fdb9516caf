//! Passwords and the guesses at them.
//!
//! | table | pk | sk | attributes |
//! |---|---|---|---|
//! | Users | `PORTAL#<portal>#USER#<user>` | `PASSWORD` | `hash`: Argon2id in PHC form, `secretVersion`, `setAt` |
//! | Codes | `PORTAL#<portal>#RECIPIENT#<key>` | `PASSWORD` | `failures`, `failedAt`, `revision`; `ttl` |
//! | Codes | `PORTAL#<portal>#USER#<user>` | `AUTHENTICATOR` | the same |
//!
//! Guesses of passwords are counted by the address that is guessed at, whether somebody has it or not (S40); those of the second step
//! by the account, in a row of their own (S39).

use jiff::Timestamp;
use portico_domain::{
    address::AddressKey,
    guesses::Guesses,
    ids::{PortalId, UserId},
    limits::DAY,
    message::Message,
    portal::Portal,
    user::User,
};
use serde::{Deserialize, Serialize};

use crate::{
    Store, StoreError,
    calls::Call,
    codes::put_is_condition,
    items::{Key, Wanted, from_item, number, stored, time_to_live, to_item},
    portals::portal_key,
    sessions::of_user,
    transaction::{Cancelled, check, put},
    users::{Claim, claim_key, user_key},
};

/// A password as stored.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StoredPassword {
    /// Salt, parameters and hash, in PHC form.
    pub hash: String,
    /// The version of the deployment's secret that the hash is keyed with.
    pub secret_version: String,
    /// When it was set (UTC).
    pub set_at: Timestamp,
}

stored!(StoredPassword);

/// The row of guesses at one address, as it was read.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub struct GuessRow {
    /// The guesses.
    #[serde(flatten)]
    pub guesses: Guesses,
    revision: u64,
}

stored!(GuessRow);

/// What a sign-in by password begins with.
#[derive(Debug, Clone)]
pub struct PasswordCase {
    /// The portal.
    pub portal: Option<Portal>,
    /// Who has the address.
    pub owner: Option<UserId>,
    /// The guesses so far.
    pub row: GuessRow,
}

pub(crate) fn password_key(portal: PortalId, user: UserId) -> Key {
    Key::new(of_user(portal, user), "PASSWORD")
}

/// What is guessed at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guessed {
    /// The password of whoever has this address.
    Password(AddressKey),
    /// The authenticator or a recovery code of this account.
    Authenticator(UserId),
}

fn row_key(portal: PortalId, guessed: Guessed) -> Key {
    match guessed {
        Guessed::Password(address) => Key::new(format!("PORTAL#{portal}#RECIPIENT#{address}"), "PASSWORD"),
        Guessed::Authenticator(user) => Key::new(of_user(portal, user), "AUTHENTICATOR"),
    }
}

impl Store {
    /// Reads a portal, who has an address in it, and the guesses at that address, in one round trip.
    pub async fn password_case(&self, portal: PortalId, address: AddressKey) -> Result<PasswordCase, StoreError> {
        let (portal_key, claim_key, row_key) =
            (portal_key(portal), claim_key(portal, address), row_key(portal, Guessed::Password(address)));
        let mut found = self
            .read_many(&[
                Wanted { table: &self.tables.portals, keys: vec![&portal_key], consistent: false },
                Wanted { table: &self.tables.users, keys: vec![&claim_key], consistent: false },
                Wanted { table: &self.tables.codes, keys: vec![&row_key], consistent: true },
            ])
            .await?;
        let owner = found.take_as::<Claim>("a claim", &claim_key)?.map(|claim| claim.user);
        let row = found.take_as("guesses", &row_key)?.unwrap_or_default();
        Ok(PasswordCase { portal: found.take_as("a portal", &portal_key)?, owner, row })
    }

    /// The guesses so far, in their newest state.
    pub async fn guesses(&self, portal: PortalId, guessed: Guessed) -> Result<GuessRow, StoreError> {
        let item = self.read(&self.tables.codes, &row_key(portal, guessed)).await?;
        Ok(item.map(|item| from_item("guesses", &item)).transpose()?.unwrap_or_default())
    }

    /// Writes the guesses, if they are still as they were read: guesses that are made at once are counted one after
    /// the other, each before it is compared. False if they are not.
    pub async fn put_guesses(
        &self,
        portal: PortalId,
        guessed: Guessed,
        known: &GuessRow,
        guesses: Guesses,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut item = to_item(&row_key(portal, guessed), &GuessRow { guesses, revision: known.revision + 1 })?;
        item.insert("ttl".into(), time_to_live(now.saturating_add(DAY).unwrap_or(now)));
        let write = self.client.put_item().table_name(&self.tables.codes).set_item(Some(item));
        let write = match known.revision {
            0 => write.condition_expression("attribute_not_exists(pk)"),
            revision => write.condition_expression("revision = :revision").expression_attribute_values(":revision", number(revision)),
        };
        match write.call().await {
            Ok(_) => Ok(true),
            Err(error) if put_is_condition(&error) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Ends the row of guesses, after a right one.
    pub async fn clear_guesses(&self, portal: PortalId, guessed: Guessed) -> Result<(), StoreError> {
        let key = row_key(portal, guessed).attributes();
        self.client.delete_item().table_name(&self.tables.codes).set_key(Some(key)).call().await?;
        Ok(())
    }

    /// A user and their password, in one round trip, in their newest state.
    pub async fn user_and_password(&self, portal: PortalId, user: UserId) -> Result<(Option<User>, Option<StoredPassword>), StoreError> {
        let (user_key, password_key) = (user_key(portal, user), password_key(portal, user));
        let wanted = Wanted { table: &self.tables.users, keys: vec![&user_key, &password_key], consistent: true };
        let mut found = self.read_many(&[wanted]).await?;
        Ok((found.take_as("a user", &user_key)?, found.take_as("a password", &password_key)?))
    }

    /// Sets the password of a user, and writes the message that tells them (S18). False if there is no such user any more.
    pub async fn set_password(
        &self,
        portal: PortalId,
        user: UserId,
        password: &StoredPassword,
        message: Option<&Message>,
    ) -> Result<bool, StoreError> {
        let item = to_item(&password_key(portal, user), password)?;
        let exists = aws_sdk_dynamodb::types::ConditionCheck::builder()
            .table_name(&self.tables.users)
            .set_key(Some(user_key(portal, user).attributes()))
            .condition_expression("attribute_exists(pk)");
        let write = aws_sdk_dynamodb::types::Put::builder().table_name(&self.tables.users).set_item(Some(item));
        match self.write_posting(vec![check(exists.build()?), put(write.build()?)], message).await {
            Ok(_) => Ok(true),
            Err(Cancelled::Condition(..)) => Ok(false),
            Err(Cancelled::Store(error)) => Err(error),
        }
    }
}
