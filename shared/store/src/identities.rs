//! Who external users are at WeChat (table Users).
//!
//! | pk | sk | attributes |
//! |---|---|---|
//! | `ORG#<organisation>#WECHAT#<app>#<openid>` | `PORTAL#<portal>` | `user`: whom the portal knows by this identity; made and freed with the user's `wechat` |
//!
//! One item is the claim of an identity in a portal (S34), and all items of a partition are the portals in which the organisation knows
//! it: what somebody who stops following is taken out of.

use aws_sdk_dynamodb::types::{Delete, Put, TransactWriteItem, Update};
use portico_domain::{
    ids::{OrganisationId, PortalId, UserId},
    portal::Portal,
    user::User,
    wechat::Identity,
};

use crate::{
    Store, StoreError,
    items::{Key, from_item, text, to_attribute, to_item},
    transaction::{Cancelled, delete, put, update},
    users::{Claim, user_key},
};

/// How often an account is read and changed again because it changed in between.
const TRIES: usize = 4;

/// An account that an organisation knows by an identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bound {
    /// The portal.
    pub portal: PortalId,
    /// The account in it.
    pub user: UserId,
}

fn partition(organisation: OrganisationId, identity: &Identity) -> String {
    format!("ORG#{organisation}#WECHAT#{}#{}", identity.app.as_str(), identity.openid.as_str())
}

fn identity_key(organisation: OrganisationId, portal: PortalId, identity: &Identity) -> Key {
    Key::new(partition(organisation, identity), format!("PORTAL#{portal}"))
}

impl Store {
    /// The account that a portal knows by an identity, in its newest state.
    pub async fn identified(&self, portal: &Portal, identity: &Identity) -> Result<Option<UserId>, StoreError> {
        let item = self.read(&self.tables.users, &identity_key(portal.organisation, portal.id, identity)).await?;
        Ok(item.map(|item| from_item::<Claim>("an identity", &item)).transpose()?.map(|claim| claim.user))
    }

    /// All accounts of an organisation that are known by an identity, one in each portal at most.
    pub async fn identified_anywhere(&self, organisation: OrganisationId, identity: &Identity) -> Result<Vec<Bound>, StoreError> {
        let items = self.items_below(&self.tables.users, &partition(organisation, identity), "PORTAL#").await?;
        let bound = items.into_iter().map(|item| {
            let portal = Key::of(&item).and_then(|key| key.sk.strip_prefix("PORTAL#")?.parse().ok());
            let portal = portal.ok_or_else(|| StoreError::Malformed("an identity", "the portal is missing".into()))?;
            Ok(Bound { portal, user: from_item::<Claim>("an identity", &item)?.user })
        });
        bound.collect()
    }

    /// Takes an identity away from an account that has it. False if it has it no longer.
    pub async fn unbind(&self, organisation: OrganisationId, bound: Bound, identity: &Identity) -> Result<bool, StoreError> {
        let account = Update::builder()
            .table_name(&self.tables.users)
            .set_key(Some(user_key(bound.portal, bound.user).attributes()))
            .update_expression("REMOVE wechat")
            .condition_expression("wechat = :identity")
            .expression_attribute_values(":identity", to_attribute(identity)?)
            .build()?;
        let parts = vec![update(account), self.free_identity(organisation, bound.portal, bound.user, identity)?];
        match self.write_all(parts).await {
            Ok(()) => Ok(true),
            Err(Cancelled::Condition(..)) => Ok(false),
            Err(Cancelled::Store(error)) => Err(error),
        }
    }

    /// Takes who they are at WeChat away from an account, whoever changes it meanwhile. False if there is no such account.
    pub async fn unbind_user(&self, portal: &Portal, user: UserId) -> Result<bool, StoreError> {
        for _ in 0..TRIES {
            let Some(found) = self.user(portal.id, user).await? else { return Ok(false) };
            let Some(identity) = found.wechat else { return Ok(true) };
            if self.unbind(portal.organisation, Bound { portal: portal.id, user }, &identity).await? {
                return Ok(true);
            }
        }
        Err(StoreError::Unavailable("the account kept changing".into()))
    }

    /// The part of a transaction that claims the identity of a user (S34). Of any number who claim it at once, one does.
    pub(crate) fn claim_identity(&self, portal: &Portal, user: UserId, identity: &Identity) -> Result<TransactWriteItem, StoreError> {
        let item = to_item(&identity_key(portal.organisation, portal.id, identity), &Claim { user })?;
        let part = Put::builder().table_name(&self.tables.users).set_item(Some(item)).condition_expression("attribute_not_exists(pk)");
        Ok(put(part.build()?))
    }

    /// The part of a transaction that frees an identity of a user.
    fn free_identity(
        &self,
        organisation: OrganisationId,
        portal: PortalId,
        user: UserId,
        identity: &Identity,
    ) -> Result<TransactWriteItem, StoreError> {
        let part = Delete::builder()
            .table_name(&self.tables.users)
            .set_key(Some(identity_key(organisation, portal, identity).attributes()))
            .condition_expression("#user = :user")
            .expression_attribute_names("#user", "user")
            .expression_attribute_values(":user", text(user));
        Ok(delete(part.build()?))
    }

    /// The part of a transaction that frees the identity that a user has, if they have one.
    pub(crate) fn free_identity_of(&self, portal: &Portal, user: &User) -> Result<Option<TransactWriteItem>, StoreError> {
        let identity = user.wechat.as_ref();
        identity.map(|identity| self.free_identity(portal.organisation, portal.id, user.id, identity)).transpose()
    }
}
