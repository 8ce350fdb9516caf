//! What people change of their own account, and its end (tables Users and Codes).
//!
//! | table | pk | sk | attributes |
//! |---|---|---|---|
//! | Users | `PORTAL#<portal>#DELETED` | `USER#<user>` | `user`, `deletedAt`, `by`: the member who did it, absent if it was the owner (S69) |

use aws_sdk_dynamodb::types::{Delete, Put, TransactWriteItem, Update, builders::UpdateBuilder};
use jiff::Timestamp;
use portico_domain::{
    address::{Address, AddressKey, AddressKind},
    ids::{MemberId, PortalId, UserId},
    message::{Message, Person},
    portal::Portal,
    user::User,
};
use serde::Serialize;

use crate::{
    Guessed, Store, StoreError, Written,
    authenticators::authenticator_key,
    calls::Call,
    codes::recipient_key,
    invitations::{invitation_key, listing_key},
    items::{Item, Key, text, to_attribute, to_item},
    passwords::password_key,
    portals::is_condition,
    sessions::of_user,
    transaction::{Cancelled, delete, put, update},
    users::{claim_key, user_key},
};

/// How often an account is read and deleted again because it changed in between.
const TRIES: usize = 5;

/// What is left of an account: that it was there, and who ended it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Trail {
    user: UserId,
    deleted_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<MemberId>,
}

fn attribute_of(kind: AddressKind) -> &'static str {
    match kind {
        AddressKind::Phone => "phone",
        AddressKind::Email => "email",
    }
}

impl Store {
    /// Writes what a user changed of their answers and language, if account and answers are as they were read. False if they are not.
    pub async fn change_profile(&self, before: &User, after: &User) -> Result<bool, StoreError> {
        let result = self
            .client
            .update_item()
            .table_name(&self.tables.users)
            .set_key(Some(user_key(before.portal, before.id).attributes()))
            .update_expression("SET answers = :answers, #locale = :locale")
            .condition_expression("#status = :status AND answers = :knownAnswers AND #locale = :knownLocale")
            .expression_attribute_names("#status", "status")
            .expression_attribute_names("#locale", "locale")
            .expression_attribute_values(":status", text(before.status.as_str()))
            .expression_attribute_values(":answers", to_attribute(&after.answers)?)
            .expression_attribute_values(":knownAnswers", to_attribute(&before.answers)?)
            .expression_attribute_values(":locale", to_attribute(&after.locale)?)
            .expression_attribute_values(":knownLocale", to_attribute(&before.locale)?)
            .call()
            .await;
        match result {
            Ok(_) => Ok(true),
            Err(error) if is_condition(&error) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Puts a proven address into the place of the one of its kind: the account, the claim of the new and the release of the old one
    /// change together, with the message that tells the old one (S30). The old one is free for others from then on.
    pub async fn change_address(&self, before: &User, address: &Address, message: Option<&Message>) -> Result<Written, StoreError> {
        let (portal, name) = (before.portal, attribute_of(address.kind()));
        let old = before.address_of(address.kind());
        let known = if old.is_some() { format!("{name} = :old") } else { format!("attribute_not_exists({name})") };
        let change = self
            .account_update(before)
            .update_expression(format!("SET {name} = :new"))
            .condition_expression(format!("#status = :status AND {known}"))
            .expression_attribute_values(":new", text(address.as_str()));
        let change = match old {
            Some(old) => change.expression_attribute_values(":old", text(old.as_str())),
            None => change,
        };
        let mut parts = vec![update(change.build()?), self.claim_part(portal, address.key(portal), before.id)?];
        if let Some(old) = old {
            parts.extend(self.release_parts(portal, old.key(portal), before.id).await?);
        }
        match self.write_posting(parts, message).await {
            Ok(_) => Ok(Written::Done),
            Err(Cancelled::Condition(1, _)) => Ok(Written::AlreadyBound),
            Err(Cancelled::Condition(..)) => Ok(Written::AccountChanged),
            Err(Cancelled::Store(error)) => Err(error),
        }
    }

    /// Ends an account (S69). The user, the claims of their addresses and of who they are at WeChat, their password, picture and seat go in
    /// one transaction, which fails and is tried again if anybody changed the account meanwhile (R7); then their sessions and what else is
    /// kept of them. What is left is a trail without personal data. False if there is no such user.
    ///
    /// The counters of codes sent to their addresses stay for their day, under a hash: else an account that is made and deleted again
    /// and again would get any number of messages (S9).
    pub async fn delete_user(&self, portal: &Portal, user: UserId, by: Option<MemberId>, now: Timestamp) -> Result<bool, StoreError> {
        for _ in 0..TRIES {
            let Some(found) = self.user(portal.id, user).await? else { return Ok(false) };
            match self.write_all(self.deletion(portal, &found, by, now).await?).await {
                Ok(()) => {
                    self.erase(&found).await?;
                    return Ok(true);
                }
                Err(Cancelled::Condition(..)) => {}
                Err(Cancelled::Store(error)) => return Err(error),
            }
        }
        Err(StoreError::Unavailable("the account kept changing".into()))
    }

    async fn deletion(
        &self,
        portal: &Portal,
        user: &User,
        by: Option<MemberId>,
        now: Timestamp,
    ) -> Result<Vec<TransactWriteItem>, StoreError> {
        let mut parts = vec![delete(self.user_part(user)?)];
        for address in user.phone.iter().chain(&user.email) {
            parts.extend(self.release_parts(portal.id, address.key(portal.id), user.id).await?);
        }
        parts.extend(self.free_identity_of(portal, user)?);
        for key in [password_key(portal.id, user.id), authenticator_key(portal.id, user.id)] {
            parts.push(delete(Delete::builder().table_name(&self.tables.users).set_key(Some(key.attributes())).build()?));
        }
        if let Some(picture) = user.picture {
            parts.push(delete(self.picture_gone(portal.id, picture)?));
        }
        parts.extend(self.seat_part(portal.organisation, Some(user.status), None)?);
        let trail = Key::new(format!("PORTAL#{}#DELETED", portal.id), format!("USER#{}", user.id));
        let trail = to_item(&trail, &Trail { user: user.id, deleted_at: now, by })?;
        parts.push(put(Put::builder().table_name(&self.tables.users).set_item(Some(trail)).build()?));
        Ok(parts)
    }

    /// The part that deletes a user who still has the status, the addresses, the identity and the picture that decide what else goes.
    fn user_part(&self, user: &User) -> Result<Delete, StoreError> {
        let mut condition = "#status = :status".to_owned();
        let mut part = Delete::builder()
            .table_name(&self.tables.users)
            .set_key(Some(user_key(user.portal, user.id).attributes()))
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":status", text(user.status.as_str()));
        for kind in [AddressKind::Phone, AddressKind::Email] {
            let name = attribute_of(kind);
            match user.address_of(kind) {
                Some(address) => {
                    condition.push_str(&format!(" AND {name} = :{name}"));
                    part = part.expression_attribute_values(format!(":{name}"), text(address.as_str()));
                }
                None => condition.push_str(&format!(" AND attribute_not_exists({name})")),
            }
        }
        match user.picture {
            Some(picture) => {
                condition.push_str(" AND picture = :picture");
                part = part.expression_attribute_values(":picture", text(picture));
            }
            None => condition.push_str(" AND attribute_not_exists(picture)"),
        }
        match &user.wechat {
            Some(identity) => {
                condition.push_str(" AND wechat = :wechat");
                part = part.expression_attribute_values(":wechat", to_attribute(identity)?);
            }
            None => condition.push_str(" AND attribute_not_exists(wechat)"),
        }
        Ok(part.condition_expression(condition).build()?)
    }

    /// The parts that free an address of a user, and take away the invitation that they accepted with it.
    async fn release_parts(&self, portal: PortalId, address: AddressKey, user: UserId) -> Result<Vec<TransactWriteItem>, StoreError> {
        let part = |key: Key, owner: &str| {
            let part = Delete::builder().table_name(&self.tables.users).set_key(Some(key.attributes()));
            let part = part.condition_expression("#owner = :owner").expression_attribute_names("#owner", owner);
            part.expression_attribute_values(":owner", text(user)).build()
        };
        let mut parts = vec![delete(part(claim_key(portal, address), "user")?)];
        let invitation = self.invitation(portal, address).await?;
        if let Some(invitation) = invitation.filter(|invitation| invitation.accepted_by == Some(user)) {
            parts.push(delete(part(invitation_key(portal, address), "acceptedBy")?));
            let listing = listing_key(portal, invitation.id).attributes();
            parts.push(delete(Delete::builder().table_name(&self.tables.users).set_key(Some(listing)).build()?));
        }
        Ok(parts)
    }

    /// Erases what is kept beside an account that is gone. Each of it opens nothing any more, and ends by itself if this fails.
    async fn erase(&self, user: &User) -> Result<(), StoreError> {
        self.end_all_sessions(user.portal, user.id, None).await?;
        let addresses = user.phone.iter().chain(&user.email).map(|address| address.key(user.portal));
        let persons: Vec<Person> = std::iter::once(Person::User(user.id)).chain(addresses.clone().map(Person::Address)).collect();
        self.erase_messages(user.portal, &persons).await?;
        for address in addresses {
            self.forget_code(user.portal, address).await?;
            self.clear_guesses(user.portal, Guessed::Password(address)).await?;
        }
        let kept = self.items_below(&self.tables.codes, &of_user(user.portal, user.id), "").await?;
        let keys: Vec<Item> = kept.iter().filter_map(Key::of).map(|key| key.attributes()).collect();
        self.delete_many(&self.tables.codes, &keys).await
    }

    /// Takes the code that is on its way to an address, and those that went there before, out of what is known of the recipient.
    async fn forget_code(&self, portal: PortalId, address: AddressKey) -> Result<(), StoreError> {
        let result = self
            .client
            .update_item()
            .table_name(&self.tables.codes)
            .set_key(Some(recipient_key(portal, address).attributes()))
            .update_expression("SET revision = revision + :one REMOVE flow, link, joined, entries")
            .condition_expression("attribute_exists(pk)")
            .expression_attribute_values(":one", crate::items::number(1))
            .call()
            .await;
        match result {
            Ok(_) => Ok(()),
            Err(error) if is_condition(&error) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    fn account_update(&self, user: &User) -> UpdateBuilder {
        Update::builder()
            .table_name(&self.tables.users)
            .set_key(Some(user_key(user.portal, user.id).attributes()))
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":status", text(user.status.as_str()))
    }
}
