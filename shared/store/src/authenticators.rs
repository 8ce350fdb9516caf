//! Authenticator apps for the second step, and their recovery codes (table Users).
//!
//! | pk | sk | attributes |
//! |---|---|---|
//! | `PORTAL#<portal>#USER#<user>` | `AUTHENTICATOR` | `sealed`: the encrypted secret; `startedAt`, `confirmed`, `lastStep`, `recovery`: hashes of the unused codes; `revision` |

use aws_sdk_dynamodb::types::{ConditionCheck, Delete, Put};
use jiff::Timestamp;
use portico_domain::{
    ids::{PortalId, UserId},
    message::Message,
};
use serde::{Deserialize, Serialize};

use crate::{
    Store, StoreError, StoredPassword,
    calls::Call,
    codes::put_is_condition,
    items::{Key, Wanted, from_item, number, stored, to_item},
    passwords::password_key,
    sessions::of_user,
    transaction::{Cancelled, check, delete, put},
    users::user_key,
};

/// A secret as stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Sealed {
    /// Nonce and encrypted text, in base64url.
    pub text: String,
    /// The version of the deployment's secret whose key it is encrypted with.
    pub secret_version: String,
}

/// An authenticator as stored.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StoredAuthenticator {
    /// What it shares with us.
    pub sealed: Sealed,
    /// When its setting up began (UTC).
    pub started_at: Timestamp,
    /// Whether a code of it was brought back: only then it counts.
    pub confirmed: bool,
    /// The step of the last code that was taken: none up to it is taken again.
    #[serde(default)]
    pub last_step: u64,
    /// The version of the deployment's secret that the recovery codes are hashed with.
    #[serde(default)]
    pub recovery_version: String,
    /// The hashes of the recovery codes that are left, in base64url.
    #[serde(default)]
    pub recovery: Vec<String>,
    /// Changes with each write.
    pub revision: u64,
}

stored!(StoredAuthenticator);

impl StoredAuthenticator {
    /// One that is not confirmed yet. `random` tells it from the one that it takes the place of.
    pub fn starting(sealed: Sealed, started_at: Timestamp, random: u32) -> Self {
        let (recovery_version, recovery) = (String::new(), Vec::new());
        Self { sealed, started_at, confirmed: false, last_step: 0, recovery_version, recovery, revision: u64::from(random) }
    }
}

/// What somebody can show beside their addresses.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// Their password.
    pub password: Option<StoredPassword>,
    /// Their authenticator, if it counts.
    pub authenticator: Option<StoredAuthenticator>,
}

pub(crate) fn authenticator_key(portal: PortalId, user: UserId) -> Key {
    Key::new(of_user(portal, user), "AUTHENTICATOR")
}

impl Store {
    /// What a user can show beside their addresses, in one round trip.
    pub async fn credentials(&self, portal: PortalId, user: UserId) -> Result<Credentials, StoreError> {
        let (password, authenticator) = (password_key(portal, user), authenticator_key(portal, user));
        let wanted = Wanted { table: &self.tables.users, keys: vec![&password, &authenticator], consistent: true };
        let mut found = self.read_many(&[wanted]).await?;
        let authenticator: Option<StoredAuthenticator> = found.take_as("an authenticator", &authenticator)?;
        Ok(Credentials {
            password: found.take_as("a password", &password)?,
            authenticator: authenticator.filter(|authenticator| authenticator.confirmed),
        })
    }

    /// The authenticator of a user, confirmed or not, in its newest state.
    pub async fn authenticator(&self, portal: PortalId, user: UserId) -> Result<Option<StoredAuthenticator>, StoreError> {
        let item = self.read(&self.tables.users, &authenticator_key(portal, user)).await?;
        item.map(|item| from_item("an authenticator", &item)).transpose()
    }

    /// Writes an authenticator that is to be confirmed, in the place of one that never was. False if there is one that counts, or no
    /// such user any more.
    pub async fn start_authenticator(&self, portal: PortalId, user: UserId, new: &StoredAuthenticator) -> Result<bool, StoreError> {
        let exists = ConditionCheck::builder()
            .table_name(&self.tables.users)
            .set_key(Some(user_key(portal, user).attributes()))
            .condition_expression("attribute_exists(pk)");
        let write = Put::builder()
            .table_name(&self.tables.users)
            .set_item(Some(to_item(&authenticator_key(portal, user), new)?))
            .condition_expression("attribute_not_exists(pk) OR confirmed = :no")
            .expression_attribute_values(":no", aws_sdk_dynamodb::types::AttributeValue::Bool(false));
        match self.write_all(vec![check(exists.build()?), put(write.build()?)]).await {
            Ok(()) => Ok(true),
            Err(Cancelled::Condition(..)) => Ok(false),
            Err(Cancelled::Store(error)) => Err(error),
        }
    }

    /// Writes an authenticator over the one that was read: confirmed, a step further, or with a recovery code less. False if it changed
    /// meanwhile: of any number who bring one code, one has it taken. With the message that tells them of it, if there is one (F19).
    pub async fn advance_authenticator(
        &self,
        portal: PortalId,
        user: UserId,
        after: &StoredAuthenticator,
        message: Option<&Message>,
    ) -> Result<bool, StoreError> {
        let item = to_item(&authenticator_key(portal, user), &StoredAuthenticator { revision: after.revision + 1, ..after.clone() })?;
        if message.is_some() {
            let write = Put::builder()
                .table_name(&self.tables.users)
                .set_item(Some(item))
                .condition_expression("revision = :known")
                .expression_attribute_values(":known", number(after.revision));
            return match self.write_posting(vec![put(write.build()?)], message).await {
                Ok(_) => Ok(true),
                Err(Cancelled::Condition(..)) => Ok(false),
                Err(Cancelled::Store(error)) => Err(error),
            };
        }
        let write = self
            .client
            .put_item()
            .table_name(&self.tables.users)
            .set_item(Some(item))
            .condition_expression("revision = :known")
            .expression_attribute_values(":known", number(after.revision));
        match write.call().await {
            Ok(_) => Ok(true),
            Err(error) if put_is_condition(&error) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Takes an authenticator away, with its recovery codes, and writes the message that tells them of it (F19).
    pub async fn remove_authenticator(&self, portal: PortalId, user: UserId, message: Option<&Message>) -> Result<(), StoreError> {
        let key = authenticator_key(portal, user).attributes();
        let gone = Delete::builder().table_name(&self.tables.users).set_key(Some(key)).build()?;
        match self.write_posting(vec![delete(gone)], message).await {
            Ok(_) | Err(Cancelled::Condition(..)) => Ok(()),
            Err(Cancelled::Store(error)) => Err(error),
        }
    }
}
