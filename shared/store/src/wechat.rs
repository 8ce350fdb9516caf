//! The WeChat service accounts of organisations (F82), and their global tokens.
//!
//! | table | pk | sk | attributes |
//! |---|---|---|---|
//! | Portals | `ORG#<organisation>` | `WECHAT` | the account: `id`, `organisation`, `app`, `mode`, `secrets`, `verification`, `boundAt`, `revision` |
//! | Portals | `WECHAT#<account>` | `WECHAT` | `organisation`: where pushes to this address belong |
//! | Portals | `WECHATAPP#<app>` | `WECHATAPP` | `organisation`: the claim of a service account, of which each belongs to one organisation |
//! | Portals | `WECHATFILE#<name>` | `WECHATFILE` | `organisation`, `content`: the file by which WeChat sees that the host is ours |
//! | Codes | `ORG#<organisation>` | `WECHATTOKEN` | `token`, `revision`; `lease`, `leaseUntil` while somebody fetches another; `ttl` |
//!
//! Secrets and tokens are sealed before they come here (S66).

use aws_sdk_dynamodb::types::{AttributeValue, Delete, Put, TransactWriteItem};
use jiff::{SignedDuration, Timestamp};
use portico_domain::{
    ids::{OrganisationId, WeChatAccountId},
    wechat::{AppId, Mode, Verification, VerificationContent, VerificationName},
};
use serde::{Deserialize, Serialize};

use crate::{
    Sealed, Store, StoreError,
    calls::Call,
    items::{Item, Key, binary, from_item, instant, number, stored, text, time_to_live, to_attribute, to_item},
    portals::is_condition,
    transaction::{Cancelled, delete, put},
};

/// How long one caller may take to fetch a token before another one tries: longer than a call to WeChat may take.
const LEASE: SignedDuration = SignedDuration::from_secs(6);

/// A service account as stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WeChatAccount {
    /// Names it in the address of its pushes.
    pub id: WeChatAccountId,
    /// To whom it is bound.
    pub organisation: OrganisationId,
    /// What it is known by at WeChat.
    pub app: AppId,
    /// How its pushes arrive.
    pub mode: Mode,
    /// Its secrets.
    pub secrets: Sealed,
    /// The file by which WeChat sees that the host is ours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verification: Option<Verification>,
    /// When it was bound (UTC).
    pub bound_at: Timestamp,
    /// Counts changes.
    pub revision: u64,
}

stored!(WeChatAccount);

/// Why a service account was not written.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// The service account belongs to another organisation (F82).
    #[error("the service account is bound to another organisation")]
    AppTaken,
    /// Another organisation has a file with this name.
    #[error("the file belongs to another organisation")]
    FileTaken,
    /// Somebody else changed the settings in between.
    #[error("the settings were changed meanwhile")]
    Stale,
    /// The tables gave no answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A global token as stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StoredToken {
    /// Whose it is.
    pub app: AppId,
    /// The token.
    pub sealed: Sealed,
    /// Until when WeChat takes it (UTC).
    pub expires_at: Timestamp,
}

/// What is known of an organisation's global token.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TokenState {
    /// The token, if there is one.
    pub token: Option<StoredToken>,
    /// Counts what was kept and dropped; a turn to fetch another one is for this state only.
    pub revision: u64,
}

/// The turn to fetch a global token.
#[derive(Debug, Clone)]
pub struct TokenLease {
    lease: [u8; 16],
    revision: u64,
}

#[derive(Deserialize)]
struct TokenItem {
    #[serde(default)]
    token: Option<StoredToken>,
    #[serde(default)]
    revision: u64,
}

stored!(TokenItem);

#[derive(Serialize, Deserialize)]
struct Owner {
    organisation: OrganisationId,
}

stored!(Owner);

#[derive(Serialize, Deserialize)]
struct File {
    organisation: OrganisationId,
    content: VerificationContent,
}

stored!(File);

fn account_key(organisation: OrganisationId) -> Key {
    Key::new(format!("ORG#{organisation}"), "WECHAT")
}

fn pushes_key(account: WeChatAccountId) -> Key {
    Key::new(format!("WECHAT#{account}"), "WECHAT")
}

fn app_key(app: &AppId) -> Key {
    Key::new(format!("WECHATAPP#{}", app.as_str()), "WECHATAPP")
}

fn file_key(name: &VerificationName) -> Key {
    Key::new(format!("WECHATFILE#{}", name.as_str()), "WECHATFILE")
}

fn token_key(organisation: OrganisationId) -> Key {
    Key::new(format!("ORG#{organisation}"), "WECHATTOKEN")
}

impl Store {
    /// The service account of an organisation.
    pub async fn wechat_account(&self, organisation: OrganisationId) -> Result<Option<WeChatAccount>, StoreError> {
        let item = self.read(&self.tables.portals, &account_key(organisation)).await?;
        item.map(|item| from_item("a service account", &item)).transpose()
    }

    /// The service account whose pushes come to this address.
    pub async fn wechat_account_of_pushes(&self, account: WeChatAccountId) -> Result<Option<WeChatAccount>, StoreError> {
        let Some(item) = self.read(&self.tables.portals, &pushes_key(account)).await? else { return Ok(None) };
        let owner: Owner = from_item("a service account's address", &item)?;
        Ok(self.wechat_account(owner.organisation).await?.filter(|found| found.id == account))
    }

    /// What the file with this name holds.
    pub async fn wechat_file(&self, name: &VerificationName) -> Result<Option<VerificationContent>, StoreError> {
        let item = self.read(&self.tables.portals, &file_key(name)).await?;
        Ok(item.map(|item| from_item::<File>("a file of WeChat", &item)).transpose()?.map(|file| file.content))
    }

    /// Binds a service account, or changes the one that is bound (`before`), with its claims.
    pub async fn bind_wechat(&self, account: &WeChatAccount, before: Option<&WeChatAccount>) -> Result<(), BindError> {
        let owner = Owner { organisation: account.organisation };
        let mut parts = vec![
            self.put_account(account, before)?,
            self.put_own(to_item(&app_key(&account.app), &owner)?, account.organisation)?,
            self.put_own(to_item(&pushes_key(account.id), &owner)?, account.organisation)?,
        ];
        if let Some(file) = &account.verification {
            let item = File { organisation: account.organisation, content: file.content.clone() };
            parts.push(self.put_own(to_item(&file_key(&file.name), &item)?, account.organisation)?);
        }
        let stale = |key: Key| self.delete_own(&key, account.organisation);
        if let Some(before) = before.filter(|before| before.app != account.app) {
            parts.push(stale(app_key(&before.app))?);
        }
        let name = |account: &WeChatAccount| account.verification.as_ref().map(|file| file.name.clone());
        if let Some(old) = before.and_then(name).filter(|old| Some(old) != name(account).as_ref()) {
            parts.push(stale(file_key(&old))?);
        }
        self.write_all(parts).await.map_err(|cancelled| match cancelled {
            Cancelled::Condition(1, _) => BindError::AppTaken,
            Cancelled::Condition(3, _) if account.verification.is_some() => BindError::FileTaken,
            Cancelled::Condition(..) => BindError::Stale,
            Cancelled::Store(error) => BindError::Store(error),
        })
    }

    /// Unbinds a service account: nothing of it is left but the identities of users. False if it was changed meanwhile.
    pub async fn unbind_wechat(&self, account: &WeChatAccount) -> Result<bool, StoreError> {
        let of_account = Delete::builder()
            .table_name(&self.tables.portals)
            .set_key(Some(account_key(account.organisation).attributes()))
            .condition_expression("revision = :revision")
            .expression_attribute_values(":revision", number(account.revision))
            .build()?;
        let token = Delete::builder().table_name(&self.tables.codes).set_key(Some(token_key(account.organisation).attributes())).build()?;
        let mut parts = vec![
            delete(of_account),
            delete(token),
            self.delete_own(&app_key(&account.app), account.organisation)?,
            self.delete_own(&pushes_key(account.id), account.organisation)?,
        ];
        if let Some(file) = &account.verification {
            parts.push(self.delete_own(&file_key(&file.name), account.organisation)?);
        }
        match self.write_all(parts).await {
            Ok(()) => Ok(true),
            Err(Cancelled::Condition(..)) => Ok(false),
            Err(Cancelled::Store(error)) => Err(error),
        }
    }

    /// Puts secrets that were sealed anew into the place of the same ones, which is no change. Whoever comes too late does nothing.
    pub async fn reseal_wechat(&self, account: &WeChatAccount, secrets: &Sealed) -> Result<(), StoreError> {
        let result = self
            .client
            .update_item()
            .table_name(&self.tables.portals)
            .set_key(Some(account_key(account.organisation).attributes()))
            .update_expression("SET secrets = :secrets")
            .condition_expression("revision = :revision")
            .expression_attribute_values(":secrets", to_attribute(secrets)?)
            .expression_attribute_values(":revision", number(account.revision))
            .call()
            .await;
        match result {
            Err(error) if !is_condition(&error) => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// The global token of an organisation, as far as one is known.
    pub async fn wechat_token(&self, organisation: OrganisationId) -> Result<TokenState, StoreError> {
        let Some(item) = self.read(&self.tables.codes, &token_key(organisation)).await? else { return Ok(TokenState::default()) };
        let TokenItem { token, revision } = from_item("a global token", &item)?;
        Ok(TokenState { token, revision })
    }

    /// Takes the turn to fetch a global token, if nobody has it and nothing changed since `seen` was read. `lease` is 16 random bytes.
    pub async fn lease_wechat_token(
        &self,
        organisation: OrganisationId,
        seen: &TokenState,
        lease: [u8; 16],
        now: Timestamp,
    ) -> Result<Option<TokenLease>, StoreError> {
        let until = now.saturating_add(LEASE).unwrap_or(now);
        let ends = seen.token.as_ref().map_or(until, |token| token.expires_at.max(until));
        let result = self
            .client
            .update_item()
            .table_name(&self.tables.codes)
            .set_key(Some(token_key(organisation).attributes()))
            .update_expression("SET lease = :lease, leaseUntil = :until, #ttl = :ttl")
            .condition_expression(format!("(attribute_not_exists(leaseUntil) OR leaseUntil <= :now) AND {}", unchanged(seen.revision)))
            .expression_attribute_names("#ttl", "ttl")
            .set_expression_attribute_values(Some(values(seen.revision)))
            .expression_attribute_values(":lease", binary(&lease))
            .expression_attribute_values(":until", instant(until))
            .expression_attribute_values(":ttl", time_to_live(ends))
            .expression_attribute_values(":now", instant(now))
            .call()
            .await;
        match result {
            Ok(_) => Ok(Some(TokenLease { lease, revision: seen.revision })),
            Err(error) if is_condition(&error) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Keeps the token that was fetched, and ends the turn. If the turn was taken over meanwhile, the other one's token stands.
    pub async fn keep_wechat_token(&self, organisation: OrganisationId, lease: &TokenLease, token: &StoredToken) -> Result<(), StoreError> {
        let update = self
            .of_lease(organisation, lease, "SET #token = :token, revision = :next, #ttl = :ttl REMOVE lease, leaseUntil")
            .expression_attribute_names("#token", "token")
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":token", to_attribute(token)?)
            .expression_attribute_values(":next", number(lease.revision + 1))
            .expression_attribute_values(":ttl", time_to_live(token.expires_at));
        match update.call().await {
            Err(error) if !is_condition(&error) => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// Ends a turn in which no token was fetched: the next one may try at once.
    pub async fn release_wechat_token(&self, organisation: OrganisationId, lease: &TokenLease) -> Result<(), StoreError> {
        match self.of_lease(organisation, lease, "REMOVE lease, leaseUntil").call().await {
            Err(error) if !is_condition(&error) => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// Forgets a token that WeChat does not take any more, if it is still the one that was `seen`.
    pub async fn drop_wechat_token(&self, organisation: OrganisationId, seen: &TokenState) -> Result<(), StoreError> {
        let result = self
            .client
            .update_item()
            .table_name(&self.tables.codes)
            .set_key(Some(token_key(organisation).attributes()))
            .update_expression("SET revision = :next REMOVE #token")
            .condition_expression("revision = :revision")
            .expression_attribute_names("#token", "token")
            .expression_attribute_values(":next", number(seen.revision + 1))
            .expression_attribute_values(":revision", number(seen.revision))
            .call()
            .await;
        match result {
            Err(error) if !is_condition(&error) => Err(error.into()),
            _ => Ok(()),
        }
    }

    fn of_lease(
        &self,
        organisation: OrganisationId,
        lease: &TokenLease,
        expression: &str,
    ) -> aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder {
        self.client
            .update_item()
            .table_name(&self.tables.codes)
            .set_key(Some(token_key(organisation).attributes()))
            .update_expression(expression)
            .condition_expression("lease = :lease")
            .expression_attribute_values(":lease", binary(&lease.lease))
    }

    fn put_account(&self, account: &WeChatAccount, before: Option<&WeChatAccount>) -> Result<TransactWriteItem, StoreError> {
        let item = to_item(&account_key(account.organisation), account)?;
        let write = Put::builder().table_name(&self.tables.portals).set_item(Some(item));
        let write = match before {
            Some(before) => {
                write.condition_expression("revision = :before").expression_attribute_values(":before", number(before.revision))
            }
            None => write.condition_expression("attribute_not_exists(pk)"),
        };
        Ok(put(write.build()?))
    }

    /// Writes an item that only one organisation may have.
    fn put_own(&self, item: Item, organisation: OrganisationId) -> Result<TransactWriteItem, StoreError> {
        let write = Put::builder()
            .table_name(&self.tables.portals)
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(pk) OR organisation = :organisation")
            .expression_attribute_values(":organisation", text(organisation));
        Ok(put(write.build()?))
    }

    fn delete_own(&self, key: &Key, organisation: OrganisationId) -> Result<TransactWriteItem, StoreError> {
        let removal = Delete::builder()
            .table_name(&self.tables.portals)
            .set_key(Some(key.attributes()))
            .condition_expression("attribute_not_exists(pk) OR organisation = :organisation")
            .expression_attribute_values(":organisation", text(organisation));
        Ok(delete(removal.build()?))
    }
}

/// Whether the item still has this revision; one that never had a token has none.
fn unchanged(revision: u64) -> &'static str {
    if revision == 0 { "attribute_not_exists(revision)" } else { "revision = :revision" }
}

fn values(revision: u64) -> std::collections::HashMap<String, AttributeValue> {
    let value = (revision > 0).then(|| (":revision".to_owned(), number(revision)));
    value.into_iter().collect()
}
