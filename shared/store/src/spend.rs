//! What portals send (table Codes).
//!
//! | pk | sk | attributes |
//! |---|---|---|
//! | `PORTAL#<portal>#SENT#<day>` | `COUNT` | `sms`: SMS of the day; `hour`, and of that clock hour: `codes`, `watched`, `verified`, and for each block of numbers `s00`, `w00`, `v00`; `ttl` |
//! | `PORTAL#<portal>#RECIPIENT#<key>` | `INVITED` | `sends`: when invitations went to an address within a day; `revision`, `ttl` |
//!
//! Counters are added to, not replaced: a portal at high load has no queue here. The first code of an hour begins its counters anew.

use aws_sdk_dynamodb::types::ReturnValuesOnConditionCheckFailure;
use jiff::{SignedDuration, Timestamp};
use portico_domain::{
    address::AddressKey,
    ids::PortalId,
    limits::{DAY, Sends, TooMany},
    spend::{Block, Budget, Spend, day_of, hour_of},
};
use serde::{Deserialize, Serialize};

use crate::{
    Store, StoreError,
    calls::Call,
    codes::{condition_item, put_is_condition},
    items::{Item, Key, from_item, number, stored, time_to_live, to_item},
    portals::is_condition,
};

/// How often an invitation is counted again because another one was counted first.
const TRIES: usize = 4;

/// The invitations that went to one address.
#[derive(Default, Serialize, Deserialize)]
struct InvitationsSent {
    sends: Sends,
    revision: u64,
}

stored!(InvitationsSent);

pub(crate) fn spend_key(portal: PortalId, now: Timestamp) -> Key {
    Key::new(format!("PORTAL#{portal}#SENT#{}", day_of(now)), "COUNT")
}

fn invitations_key(portal: PortalId, recipient: AddressKey) -> Key {
    Key::new(format!("PORTAL#{portal}#RECIPIENT#{recipient}"), "INVITED")
}

pub(crate) fn read_spend(mut item: Item) -> Result<Spend, StoreError> {
    // The counters of the blocks are whatever is left.
    for name in ["pk", "sk", "ttl"] {
        item.remove(name);
    }
    from_item("what a portal sent", &item)
}

/// A code to be counted.
#[derive(Debug, Clone, Copy)]
pub struct Sending<'a> {
    /// The block of its number; none for a mailbox.
    pub block: Option<Block>,
    /// Whether it is watched.
    pub watched: bool,
    /// What the portal may send.
    pub budget: &'a Budget,
    /// What was read before.
    pub known: &'a Spend,
}

/// The names of the counters that a code moves, and whether they belong to the hour.
fn counters(block: Option<Block>, watched: bool) -> Vec<String> {
    let mut names = vec!["codes".to_owned()];
    if let Some(block) = block {
        let [sent, watching, _] = block.counters();
        names.push(sent);
        if watched {
            names.extend(["watched".to_owned(), watching]);
        }
    }
    names
}

impl Store {
    /// What a portal has sent today.
    pub async fn spend(&self, portal: PortalId, now: Timestamp) -> Result<Spend, StoreError> {
        let item = self.read(&self.tables.codes, &spend_key(portal, now)).await?;
        Ok(item.map(read_spend).transpose()?.unwrap_or_default())
    }

    /// Counts a code that a portal sends, within its budget (S9, S14). What the portal has sent, if it is not counted: decide again.
    pub async fn count_sent(&self, portal: PortalId, sending: Sending<'_>, now: Timestamp) -> Result<Result<(), Spend>, StoreError> {
        let names = counters(sending.block, sending.watched);
        let same_hour = sending.known.hour == hour_of(now);
        let adds: Vec<String> = names.iter().map(|name| format!("{name} :one")).collect();
        let sets: Vec<String> = names.iter().map(|name| format!("{name} = :one")).collect();
        let stale: Vec<String> = stale(sending.known).into_iter().filter(|name| !names.contains(name)).collect();
        let sms = if sending.block.is_some() { ", sms :one" } else { "" };
        let (update, condition) = if same_hour {
            (format!("ADD {}{sms} SET #ttl = :ttl", adds.join(", ")), "#hour = :hour AND codes < :hourly")
        } else {
            let remove = if stale.is_empty() { String::new() } else { format!(" REMOVE {}", stale.join(", ")) };
            let add = if sms.is_empty() { "" } else { " ADD sms :one" };
            let update = format!("SET #hour = :hour, {}, #ttl = :ttl{add}{remove}", sets.join(", "));
            (update, "(attribute_not_exists(#hour) OR #hour < :hour) AND :hourly > :zero")
        };
        let within_day = if sending.block.is_some() { " AND (attribute_not_exists(sms) OR sms < :daily) AND :daily > :zero" } else { "" };
        let mut request = self
            .client
            .update_item()
            .table_name(&self.tables.codes)
            .set_key(Some(spend_key(portal, now).attributes()))
            .update_expression(update)
            .condition_expression(format!("{condition}{within_day}"))
            .expression_attribute_names("#hour", "hour")
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":one", number(1))
            .expression_attribute_values(":hour", number(hour_of(now)))
            .expression_attribute_values(":hourly", number(sending.budget.hourly))
            .expression_attribute_values(":ttl", time_to_live(now.saturating_add(SignedDuration::from_hours(24)).unwrap_or(now)))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        if !same_hour || sending.block.is_some() {
            request = request.expression_attribute_values(":zero", number(0));
        }
        if sending.block.is_some() {
            request = request.expression_attribute_values(":daily", number(sending.budget.daily_sms));
        }
        match request.call().await {
            Ok(_) => Ok(Ok(())),
            Err(error) => match condition_item(&error) {
                Some(item) => Ok(Err(read_spend(item)?)),
                None => Err(error.into()),
            },
        }
    }

    /// Takes back the count of a code that was not sent: a refused send costs nothing (S9).
    pub async fn uncount_sent(&self, portal: PortalId, block: Option<Block>, watched: bool, now: Timestamp) -> Result<(), StoreError> {
        let mut names = counters(block, watched);
        names.extend(block.map(|_| "sms".to_owned()));
        self.count_back(portal, &names, -1, hour_of(now), now).await
    }

    /// Counts a watched code that came back, in the hour in which it was sent (S13).
    pub async fn count_verified(&self, portal: PortalId, block: Block, hour: i64, now: Timestamp) -> Result<(), StoreError> {
        let [_, _, verified] = block.counters();
        self.count_back(portal, &["verified".to_owned(), verified], 1, hour, now).await
    }

    /// Whether one more invitation may go to an address.
    pub async fn may_get_invitation(
        &self,
        portal: PortalId,
        recipient: AddressKey,
        now: Timestamp,
    ) -> Result<Result<(), TooMany>, StoreError> {
        let item = self.read(&self.tables.codes, &invitations_key(portal, recipient)).await?;
        let known: InvitationsSent = item.map(|item| from_item("invitations", &item)).transpose()?.unwrap_or_default();
        Ok(known.sends.admit_invitation(now).map(drop))
    }

    /// Counts an invitation that goes to an address, if that did not get too many within a day.
    pub async fn count_invitation(
        &self,
        portal: PortalId,
        recipient: AddressKey,
        now: Timestamp,
    ) -> Result<Result<(), TooMany>, StoreError> {
        let key = invitations_key(portal, recipient);
        for _ in 0..TRIES {
            let item = self.read(&self.tables.codes, &key).await?;
            let known: InvitationsSent = item.map(|item| from_item("invitations", &item)).transpose()?.unwrap_or_default();
            let sends = match known.sends.admit_invitation(now) {
                Ok(sends) => sends,
                Err(too_many) => return Ok(Err(too_many)),
            };
            let mut item = to_item(&key, &InvitationsSent { sends, revision: known.revision + 1 })?;
            item.insert("ttl".into(), time_to_live(now.saturating_add(DAY).unwrap_or(now)));
            let write = self.client.put_item().table_name(&self.tables.codes).set_item(Some(item));
            let write = write.condition_expression("attribute_not_exists(pk) OR revision = :known");
            match write.expression_attribute_values(":known", number(known.revision)).call().await {
                Ok(_) => return Ok(Ok(())),
                Err(error) if put_is_condition(&error) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(StoreError::Unavailable("an address kept getting invitations".into()))
    }

    /// Adds to counters of an hour. If that hour is over, there is nothing to be counted any more.
    async fn count_back(&self, portal: PortalId, names: &[String], by: i64, hour: i64, now: Timestamp) -> Result<(), StoreError> {
        let adds: Vec<String> = names.iter().map(|name| format!("{name} :by")).collect();
        let result = self
            .client
            .update_item()
            .table_name(&self.tables.codes)
            .set_key(Some(spend_key(portal, now).attributes()))
            .update_expression(format!("ADD {}", adds.join(", ")))
            .condition_expression("#hour = :hour")
            .expression_attribute_names("#hour", "hour")
            .expression_attribute_values(":by", number(by))
            .expression_attribute_values(":hour", number(hour))
            .call()
            .await;
        match result {
            Ok(_) => Ok(()),
            Err(error) if is_condition(&error) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

/// The counters of an hour that is over.
fn stale(known: &Spend) -> Vec<String> {
    ["watched", "verified"].map(str::to_owned).into_iter().chain(known.blocks.keys().cloned()).collect()
}
