//! Messages: outbox and ledger in one (table Messages).
//!
//! | pk | sk | attributes |
//! |---|---|---|
//! | `PORTAL#<portal>#MESSAGES#<day>` | `MESSAGE#<message>` | the message; `person`: whose it is, with the portal, or in codes `before`: those before it to the same address; while somebody has to do something with it: `queue`, `dueAt`, and `claim` while it is sent; `ttl` |
//!
//! | index | keys | finds |
//! |---|---|---|
//! | `person` | `person`, `sk` | all messages of a person but codes, in their order |
//! | `due` | `queue`, `dueAt` | what is to be sent, or was claimed by somebody who died; holds nothing else |
//!
//! Codes are the most frequent messages and go out within their request: they are in no index, which would cost one write unit more. What
//! is known of their recipient (see `codes.rs`) names the last of them, and each entry those before it.
//!
//! A message is written in the transaction of its cause, with what it costs (F42, R13). The table's stream delivers it; whatever that
//! misses is found by `due`. Who sends it has claimed it by a conditional write (R14), and says by another what came of it.

use aws_sdk_dynamodb::types::{Delete, Put, ReturnValue, TransactWriteItem, Update};
use jiff::Timestamp;
use portico_domain::{
    ids::{MessageId, OrganisationId, PortalId},
    message::{CLAIM, KEPT, Kind, Message, Money, State},
};

use crate::{
    NewsPlace, Store, StoreError,
    calls::Call,
    items::{Item, Key, from_item, instant, number, row_of, text, time_to_live, to_attribute, to_item},
    news::news_place_of,
    portals::is_condition,
    transaction::{Cancelled, delete, put, update},
};

/// Over so many queues what is due is spread: each takes a thousand writes a second.
pub(crate) const QUEUES: u8 = 4;

/// What became of a message that was written with its cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Posted {
    /// It is on its way.
    Queued,
    /// The balance does not suffice: it stands in the ledger and is never sent (F42).
    Unpaid,
}

/// A message that somebody sends at the moment, and nobody else.
#[derive(Debug, Clone)]
pub struct Claimed {
    /// The message.
    pub message: Message,
    /// What the claim is known by.
    pub claim: String,
}

/// Where an open message lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The portal.
    pub portal: PortalId,
    /// The message.
    pub message: MessageId,
}

/// What the stream of the table can speak of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// A message.
    Message(Place),
    /// News for administrators.
    News(NewsPlace),
}

impl Entry {
    /// What lies under these keys, if it is one of them.
    pub fn of(pk: &str, sk: &str) -> Option<Self> {
        let key = Key::new(pk, sk);
        place_of(&key).map(Self::Message).or_else(|| news_place_of(&key).map(Self::News))
    }
}

pub(crate) fn message_key(portal: PortalId, message: MessageId) -> Key {
    Key::new(format!("PORTAL#{portal}#MESSAGES#{}", Message::day_of(message)), format!("MESSAGE#{message}"))
}

/// What the index by person holds.
pub(crate) fn person_of(portal: PortalId, person: &str) -> String {
    format!("PORTAL#{portal}#{person}")
}

/// Where a key of the table leads, if it is that of a message.
pub(crate) fn place_of(key: &Key) -> Option<Place> {
    let portal = key.pk.strip_prefix("PORTAL#")?.split_once("#MESSAGES#")?.0.parse().ok()?;
    Some(Place { portal, message: key.sk.strip_prefix("MESSAGE#")?.parse().ok()? })
}

/// A message as it is stored; while somebody has to do something with it, in a queue.
fn entry_item(message: &Message) -> Result<Item, StoreError> {
    let mut item = to_item(&message_key(message.portal, message.id), message)?;
    if message.kind != Kind::Code {
        item.insert("person".into(), text(person_of(message.portal, &message.person)));
    }
    item.insert("ttl".into(), time_to_live(message.created_at.saturating_add(KEPT).unwrap_or(message.created_at)));
    if message.state == State::Queued {
        item.insert("queue".into(), text(format!("MESSAGES#{}", message.id.spread() % QUEUES)));
        item.insert("dueAt".into(), instant(message.created_at));
    }
    Ok(item)
}

impl Store {
    /// The parts of a transaction that write a message, and take what it costs from the balance.
    fn posting(&self, message: &Message) -> Result<Vec<TransactWriteItem>, StoreError> {
        let mut parts = vec![self.fresh_part(entry_item(message)?)?];
        if message.paid > Money::ZERO {
            parts.push(self.debit_part(message.organisation, message.paid, message.paid)?);
        }
        Ok(parts)
    }

    fn fresh_part(&self, item: Item) -> Result<TransactWriteItem, StoreError> {
        let fresh = Put::builder().table_name(&self.tables.messages).set_item(Some(item));
        Ok(put(fresh.condition_expression("attribute_not_exists(pk)").build()?))
    }

    /// Writes all parts and a message, or nothing. If the balance does not suffice, the cause is written all the same, and the message
    /// as unpaid: nobody's password stays unchanged for want of money.
    pub(crate) async fn write_posting(
        &self,
        parts: Vec<TransactWriteItem>,
        message: Option<&Message>,
    ) -> Result<Option<Posted>, Cancelled> {
        let Some(message) = message else {
            self.write_all(parts).await?;
            return Ok(None);
        };
        let debit = parts.len() + 1;
        let mut all = parts.clone();
        all.extend(self.posting(message)?);
        match self.write_all(all).await {
            Ok(()) => Ok(Some(Posted::Queued)),
            Err(Cancelled::Condition(index, _)) if index == debit => {
                let mut all = parts;
                all.extend(self.posting(&Message { state: State::Unpaid, paid: Money::ZERO, ..message.clone() })?);
                self.write_all(all).await?;
                Ok(Some(Posted::Unpaid))
            }
            Err(cancelled) => Err(cancelled),
        }
    }

    /// Writes a message that has no other cause than somebody's wish, such as a repetition (B4).
    pub async fn post(&self, message: &Message) -> Result<Posted, StoreError> {
        match self.write_posting(Vec::new(), Some(message)).await {
            Ok(posted) => Ok(posted.unwrap_or(Posted::Queued)),
            // It stands there already: the same news told the same person once more (R14).
            Err(Cancelled::Condition(..)) => Ok(Posted::Queued),
            Err(Cancelled::Store(error)) => Err(error),
        }
    }

    /// Writes a message that somebody asked for, unless the balance does not suffice: then nothing is written (B4, F42).
    pub async fn post_if_paid(&self, message: &Message) -> Result<Posted, StoreError> {
        match self.write_all(self.posting(message)?).await {
            Ok(()) | Err(Cancelled::Condition(0, _)) => Ok(Posted::Queued),
            Err(Cancelled::Condition(..)) => Ok(Posted::Unpaid),
            Err(Cancelled::Store(error)) => Err(error),
        }
    }

    /// Enters a code into the ledger and takes what it costs (F38, F42): one write, or a transaction of two where organisations pay from
    /// a balance: `worth` is what must be there, [`Message::paid`] what is taken. [`Posted::Unpaid`], with nothing written, if the balance
    /// does not suffice.
    ///
    /// A code that nobody gets takes nothing, and is written on the same condition: its cost tells nobody that it went nowhere (S41).
    ///
    /// `before` are the entries of the codes that its recipient got before it.
    pub async fn enter_code(&self, message: &Message, before: &[MessageId], worth: Money) -> Result<Posted, StoreError> {
        let mut item = entry_item(message)?;
        if !before.is_empty() {
            item.insert("before".into(), row_of(before));
        }
        if worth > Money::ZERO {
            let parts = vec![self.fresh_part(item)?, self.debit_part(message.organisation, worth, message.paid)?];
            return match self.write_all(parts).await {
                Ok(()) => Ok(Posted::Queued),
                Err(Cancelled::Condition(..)) => Ok(Posted::Unpaid),
                Err(Cancelled::Store(error)) => Err(error),
            };
        }
        self.client.put_item().table_name(&self.tables.messages).set_item(Some(item)).call().await?;
        Ok(Posted::Queued)
    }

    /// Takes back the entry of a code that was not made, and what was taken for it (S9).
    pub async fn withdraw_entry(&self, message: &Message) -> Result<(), StoreError> {
        let key = message_key(message.portal, message.id).attributes();
        let gone = Delete::builder().table_name(&self.tables.messages).set_key(Some(key)).condition_expression("attribute_exists(pk)");
        let mut parts = vec![delete(gone.build()?)];
        if message.paid > Money::ZERO {
            parts.push(self.credit_part(message.organisation, message.paid)?);
        }
        match self.write_all(parts).await {
            Ok(()) | Err(Cancelled::Condition(..)) => Ok(()),
            Err(Cancelled::Store(error)) => Err(error),
        }
    }

    /// Writes what came of a code that did not go out as it should, and gives back what it cost where `state` says that it was not sent.
    pub async fn correct_code(&self, message: &Message, state: State, error: Option<&str>, now: Timestamp) -> Result<(), StoreError> {
        let refund = if state == State::Unknown { Money::ZERO } else { message.paid };
        let change = Update::builder()
            .table_name(&self.tables.messages)
            .set_key(Some(message_key(message.portal, message.id).attributes()))
            .update_expression("SET #state = :state, changedAt = :at, paid = :paid, #error = :error")
            .condition_expression("#state = :sent")
            .expression_attribute_names("#state", "state")
            .expression_attribute_names("#error", "error")
            .expression_attribute_values(":sent", text(State::Sent.as_str()))
            .expression_attribute_values(":state", text(state.as_str()))
            .expression_attribute_values(":at", to_attribute(&now)?)
            .expression_attribute_values(":paid", number(message.paid.to_thousandths() - refund.to_thousandths()))
            .expression_attribute_values(":error", text(error.unwrap_or_default()));
        self.settle(change, message.organisation, refund).await.map(drop)
    }

    /// Writes an update, with a refund if there is one. False if the update's condition failed.
    pub(crate) async fn settle(
        &self,
        change: aws_sdk_dynamodb::types::builders::UpdateBuilder,
        organisation: OrganisationId,
        refund: Money,
    ) -> Result<bool, StoreError> {
        let mut parts = vec![update(change.build()?)];
        if refund != Money::ZERO {
            parts.push(self.credit_part(organisation, refund)?);
        }
        match self.write_all(parts).await {
            Ok(()) => Ok(true),
            Err(Cancelled::Condition(..)) => Ok(false),
            Err(Cancelled::Store(error)) => Err(error),
        }
    }

    /// A message.
    pub async fn message(&self, portal: PortalId, message: MessageId) -> Result<Option<Message>, StoreError> {
        let item = self.read(&self.tables.messages, &message_key(portal, message)).await?;
        item.map(|item| from_item("a message", &item)).transpose()
    }

    /// Claims an open message whose time has come, for as long as sending may take. `None` if there is nothing to do: it is done, somebody
    /// else sends it, or it is to wait (R14).
    ///
    /// The claim is also taken over from somebody who died: the claim's end is when it is due again.
    pub async fn claim_message(&self, place: &Place, claim: &str, now: Timestamp) -> Result<Option<Claimed>, StoreError> {
        let until = now.saturating_add(CLAIM).unwrap_or(now);
        let result = self
            .client
            .update_item()
            .table_name(&self.tables.messages)
            .set_key(Some(message_key(place.portal, place.message).attributes()))
            .update_expression(
                "SET #state = :sending, claim = :claim, dueAt = :until, changedAt = :at, attempts = if_not_exists(attempts, :none) + :one",
            )
            .condition_expression("attribute_exists(queue) AND dueAt <= :now")
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":sending", text(State::Sending.as_str()))
            .expression_attribute_values(":claim", text(claim))
            .expression_attribute_values(":until", instant(until))
            .expression_attribute_values(":now", instant(now))
            .expression_attribute_values(":at", to_attribute(&now)?)
            .expression_attribute_values(":none", number(0))
            .expression_attribute_values(":one", number(1))
            .return_values(ReturnValue::AllNew)
            .call()
            .await;
        match result {
            Ok(answer) => {
                let item = answer.attributes.unwrap_or_default();
                Ok(Some(Claimed { message: from_item("a message", &item)?, claim: claim.to_owned() }))
            }
            Err(error) if is_condition(&error) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Notes that a claimed message was handed over: nobody has to do anything with it any more. False if the claim was lost.
    pub async fn message_sent(&self, claimed: &Claimed, provider_id: Option<&str>, now: Timestamp) -> Result<bool, StoreError> {
        let change = self
            .end_of_claim(claimed, State::Sent, now, "REMOVE queue, dueAt, claim, #error")?
            .expression_attribute_names("#error", "error");
        let change = match provider_id {
            Some(id) => change
                .update_expression("SET #state = :state, changedAt = :at, providerId = :provider REMOVE queue, dueAt, claim, #error")
                .expression_attribute_values(":provider", text(id)),
            None => change,
        };
        self.settle(change, claimed.message.organisation, Money::ZERO).await
    }

    /// Lets a claimed message wait for another try at `due`. False if the claim was lost.
    pub async fn message_waits(&self, claimed: &Claimed, error: &str, due: Timestamp, now: Timestamp) -> Result<bool, StoreError> {
        let change = self
            .end_of_claim(claimed, State::Queued, now, "REMOVE claim")?
            .update_expression("SET #state = :state, changedAt = :at, #error = :error, dueAt = :due REMOVE claim")
            .expression_attribute_names("#error", "error")
            .expression_attribute_values(":error", text(error))
            .expression_attribute_values(":due", instant(due));
        self.settle(change, claimed.message.organisation, Money::ZERO).await
    }

    /// Lets a claimed message go by another of its routes, at once, and takes or gives back what that costs more or less.
    /// `None` if the balance does not suffice.
    pub async fn message_reroutes(
        &self,
        claimed: &Claimed,
        route: usize,
        prepaid: bool,
        error: &str,
        now: Timestamp,
    ) -> Result<Option<bool>, StoreError> {
        let mut after = claimed.message.clone();
        if after.take_route(route).is_none() {
            return Ok(Some(false));
        }
        let paid = if prepaid { after.cost } else { claimed.message.paid.min(after.cost) };
        let more = paid.plus(-claimed.message.paid);
        let change = self
            .end_of_claim(claimed, State::Queued, now, "REMOVE claim")?
            .update_expression(
                "SET #state = :state, changedAt = :at, #error = :error, dueAt = :due, route = :route, channel = :channel, parts = :parts, cost = :cost, paid = :paid, attempts = :none REMOVE claim",
            )
            .expression_attribute_names("#error", "error")
            .expression_attribute_values(":error", text(error))
            .expression_attribute_values(":due", instant(now))
            .expression_attribute_values(":route", number(route))
            .expression_attribute_values(":channel", text(after.channel.as_str()))
            .expression_attribute_values(":parts", number(after.parts))
            .expression_attribute_values(":cost", number(after.cost.to_thousandths()))
            .expression_attribute_values(":paid", number(paid.to_thousandths()))
            .expression_attribute_values(":none", number(0));
        if more <= Money::ZERO {
            return self.settle(change, after.organisation, -more).await.map(Some);
        }
        match self.write_all(vec![update(change.build()?), self.debit_part(after.organisation, more, more)?]).await {
            Ok(()) => Ok(Some(true)),
            Err(Cancelled::Condition(1, _)) => Ok(None),
            Err(Cancelled::Condition(..)) => Ok(Some(false)),
            Err(Cancelled::Store(error)) => Err(error),
        }
    }

    /// Gives a claimed message up, and gives back what it cost. False if the claim was lost.
    pub async fn message_parked(&self, claimed: &Claimed, error: &str, now: Timestamp) -> Result<bool, StoreError> {
        let change = self
            .end_of_claim(claimed, State::Parked, now, "")?
            .update_expression("SET #state = :state, changedAt = :at, #error = :error, paid = :zero REMOVE queue, dueAt, claim")
            .expression_attribute_names("#error", "error")
            .expression_attribute_values(":error", text(error))
            .expression_attribute_values(":zero", number(0));
        self.settle(change, claimed.message.organisation, claimed.message.paid).await
    }

    /// Leaves a claimed message of which nobody knows whether it arrived: it is not tried again, and nothing is given back (R15).
    pub async fn message_unknown(&self, claimed: &Claimed, error: &str, now: Timestamp) -> Result<bool, StoreError> {
        let change = self
            .end_of_claim(claimed, State::Unknown, now, "")?
            .update_expression("SET #state = :state, changedAt = :at, #error = :error REMOVE queue, dueAt, claim")
            .expression_attribute_names("#error", "error")
            .expression_attribute_values(":error", text(error));
        self.settle(change, claimed.message.organisation, Money::ZERO).await
    }

    /// Gives up an item of the queue that cannot be read as a message (R16): it stays as it is, and nobody tries it again.
    pub async fn park_unreadable(&self, place: &Place, error: &str, now: Timestamp) -> Result<(), StoreError> {
        let result = self
            .client
            .update_item()
            .table_name(&self.tables.messages)
            .set_key(Some(message_key(place.portal, place.message).attributes()))
            .update_expression("SET #state = :parked, #error = :error, changedAt = :at REMOVE queue, dueAt, claim")
            .condition_expression("attribute_exists(queue)")
            .expression_attribute_names("#state", "state")
            .expression_attribute_names("#error", "error")
            .expression_attribute_values(":parked", text(State::Parked.as_str()))
            .expression_attribute_values(":error", text(error))
            .expression_attribute_values(":at", to_attribute(&now)?)
            .call()
            .await;
        match result {
            Ok(_) => Ok(()),
            Err(error) if is_condition(&error) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// An update of a claimed message, if the claim still holds.
    fn end_of_claim(
        &self,
        claimed: &Claimed,
        state: State,
        now: Timestamp,
        rest: &str,
    ) -> Result<aws_sdk_dynamodb::types::builders::UpdateBuilder, StoreError> {
        let message = &claimed.message;
        Ok(Update::builder()
            .table_name(&self.tables.messages)
            .set_key(Some(message_key(message.portal, message.id).attributes()))
            .update_expression(format!("SET #state = :state, changedAt = :at {rest}"))
            .condition_expression("claim = :claim")
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":state", text(state.as_str()))
            .expression_attribute_values(":at", to_attribute(&now)?)
            .expression_attribute_values(":claim", text(&claimed.claim)))
    }

    /// Keys in one queue that are due at `now`, the oldest first.
    pub(crate) async fn due_keys(&self, queue: &str, now: Timestamp, limit: i32) -> Result<Vec<Key>, StoreError> {
        let page = self
            .client
            .query()
            .table_name(&self.tables.messages)
            .index_name("due")
            .key_condition_expression("queue = :queue AND dueAt <= :now")
            .expression_attribute_values(":queue", text(queue))
            .expression_attribute_values(":now", instant(now))
            .limit(limit)
            .call()
            .await?;
        Ok(page.items.unwrap_or_default().iter().filter_map(Key::of).collect())
    }

    /// Open messages whose time has come at `now`: at most `limit` of each queue, the oldest first.
    pub async fn due_messages(&self, now: Timestamp, limit: i32) -> Result<Vec<Place>, StoreError> {
        let mut places = Vec::new();
        for queue in 0..QUEUES {
            places.extend(self.due_keys(&format!("MESSAGES#{queue}"), now, limit).await?.iter().filter_map(place_of));
        }
        Ok(places)
    }
}
