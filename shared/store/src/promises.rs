//! Seats that are promised to open invitations (table Users; F54).
//!
//! | pk | sk | attributes |
//! |---|---|---|
//! | `ORG#<organisation>#PROMISES` | `<end in milliseconds>#<portal>#<invitation>` | nothing while it holds; then `ended`, `ttl` |
//!
//! An invitation promises a seat from when it is made until it is accepted, withdrawn or over. Making and ending a promise moves the
//! counter of the organisation's seats in the same transaction, so that of two invitations for the last seat one is made. That time ends
//! a promise is noticed when the next invitation is made: they lie sorted by their end, no schedule looks for them.

use aws_sdk_dynamodb::types::{AttributeValue, Put, TransactWriteItem, Update};
use jiff::Timestamp;
use portico_domain::{ids::OrganisationId, invitation::Invitation, seats::SeatChange};

use crate::{
    Store, StoreError,
    items::{Item, Key, text, time_to_live},
    organisations::Promise,
    transaction::{Cancelled, put, update},
};

fn partition(organisation: OrganisationId) -> String {
    format!("ORG#{organisation}#PROMISES")
}

/// Thirteen digits sort as their numbers do, for the next 250 years.
fn promise_key(organisation: OrganisationId, invitation: &Invitation) -> Key {
    let end = invitation.expires_at.as_millisecond();
    Key::new(partition(organisation), format!("{end:013}#{}#{}", invitation.portal, invitation.id))
}

impl Store {
    /// The part of a transaction that writes the promise of an invitation.
    pub(crate) fn promise_part(&self, organisation: OrganisationId, invitation: &Invitation) -> Result<TransactWriteItem, StoreError> {
        let item = promise_key(organisation, invitation).attributes();
        Ok(put(Put::builder().table_name(&self.tables.users).set_item(Some(item)).build()?))
    }

    /// The part of a transaction that ends the promise of an invitation, and fails if it does not hold any more.
    pub(crate) fn promise_ends(&self, organisation: OrganisationId, invitation: &Invitation) -> Result<TransactWriteItem, StoreError> {
        self.ends(promise_key(organisation, invitation).attributes(), invitation.expires_at)
    }

    fn ends(&self, key: Item, end: Timestamp) -> Result<TransactWriteItem, StoreError> {
        let part = Update::builder()
            .table_name(&self.tables.users)
            .set_key(Some(key))
            .update_expression("SET ended = :yes, #ttl = :ttl")
            .condition_expression("attribute_exists(pk) AND attribute_not_exists(ended)")
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":yes", AttributeValue::Bool(true))
            .expression_attribute_values(":ttl", time_to_live(end));
        Ok(update(part.build()?))
    }

    /// Ends the promises of an organisation's invitations that are over, each once.
    pub async fn end_promises(&self, organisation: OrganisationId, now: Timestamp) -> Result<(), StoreError> {
        let mut over = self
            .client
            .query()
            .table_name(&self.tables.users)
            .consistent_read(true)
            .key_condition_expression("pk = :pk AND sk <= :now")
            .filter_expression("attribute_not_exists(ended)")
            .expression_attribute_values(":pk", text(partition(organisation)))
            .expression_attribute_values(":now", text(format!("{:013}#~", now.as_millisecond())))
            .into_paginator()
            .items()
            .send();
        while let Some(item) = over.try_next().await? {
            let Some(key) = Key::of(&item) else { continue };
            let mut parts = vec![self.ends(key.attributes(), now)?];
            parts.extend(self.seats_part(organisation, SeatChange::Keep, Promise::Ends)?);
            match self.write_all(parts).await {
                // Somebody else noticed it first, or it was accepted at its last moment.
                Ok(()) | Err(Cancelled::Condition(..)) => {}
                Err(Cancelled::Store(error)) => return Err(error),
            }
        }
        Ok(())
    }
}
