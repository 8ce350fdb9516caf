//! What providers report of messages that they took (table Messages).
//!
//! | pk | sk | attributes |
//! |---|---|---|
//! | `PORTAL#<portal>#ADDRESS#<key>` | `SUPPRESSED` | `reason`, `at`: mail to it came back, or was called spam |
//! | `WECHATMESSAGE#<app>#<number>` | `SENT` | `portal`, `message`; `ttl`: which message a push of WeChat speaks of |
//!
//! Reports come in any order, and more than once; what one says is written only where it says more than what is known.

use aws_sdk_dynamodb::types::{ReturnValue, Update};
use jiff::{SignedDuration, Timestamp};
use portico_domain::{
    address::AddressKey,
    ids::{MessageId, PortalId},
    message::{MailEvent, Message, Money, State, Target},
    wechat::AppId,
};
use serde::{Deserialize, Serialize};

use crate::{
    Store, StoreError,
    calls::Call,
    items::{Key, from_item, number, stored, text, time_to_live, to_attribute, to_item},
    messages::message_key,
    portals::is_condition,
};

/// How long it is remembered which message a push of WeChat speaks of.
const PUSHED_WITHIN: SignedDuration = SignedDuration::from_hours(48);

#[derive(Serialize, Deserialize)]
struct Pushed {
    portal: PortalId,
    message: MessageId,
}

stored!(Pushed);

fn suppression_key(portal: PortalId, address: AddressKey) -> Key {
    Key::new(format!("PORTAL#{portal}#ADDRESS#{address}"), "SUPPRESSED")
}

fn pushed_key(app: &AppId, number: u64) -> Key {
    Key::new(format!("WECHATMESSAGE#{}#{number}", app.as_str()), "SENT")
}

impl Store {
    /// Whether mail to an address came back for good, or was called spam by its owner.
    pub async fn is_suppressed(&self, portal: PortalId, address: AddressKey) -> Result<bool, StoreError> {
        let key = suppression_key(portal, address).attributes();
        Ok(self.client.get_item().table_name(&self.tables.messages).set_key(Some(key)).call().await?.item.is_some())
    }

    /// Lets mail go to an address again. False if nothing stood in its way.
    pub async fn end_suppression(&self, portal: PortalId, address: AddressKey) -> Result<bool, StoreError> {
        let key = suppression_key(portal, address).attributes();
        let delete = self.client.delete_item().table_name(&self.tables.messages).set_key(Some(key)).return_values(ReturnValue::AllOld);
        Ok(delete.call().await?.attributes.is_some_and(|before| !before.is_empty()))
    }

    /// Notes what the provider of mail reported, in whatever order the reports come, and however often.
    pub async fn mail_event(&self, portal: PortalId, message: MessageId, event: MailEvent, now: Timestamp) -> Result<(), StoreError> {
        let Some(known) = self.message(portal, message).await? else { return Ok(()) };
        if event.suppresses() {
            self.suppress(&known, event, now).await?;
        }
        let Some(next) = event.leads(known.state) else { return Ok(()) };
        let refund = if next == State::Parked { known.paid } else { Money::ZERO };
        let change = Update::builder()
            .table_name(&self.tables.messages)
            .set_key(Some(message_key(portal, message).attributes()))
            .update_expression("SET #state = :next, changedAt = :at, paid = :paid REMOVE queue, dueAt, claim")
            .condition_expression("#state = :known")
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":next", text(next.as_str()))
            .expression_attribute_values(":known", text(known.state.as_str()))
            .expression_attribute_values(":paid", number(known.paid.plus(-refund).to_thousandths()))
            .expression_attribute_values(":at", to_attribute(&now)?);
        if self.settle(change, known.organisation, refund).await? {
            return Ok(());
        }
        // It moved in between: the provider reports once more.
        Err(StoreError::Unavailable("the message moved while its event was noted".into()))
    }

    async fn suppress(&self, message: &Message, event: MailEvent, now: Timestamp) -> Result<(), StoreError> {
        let address = match message.current().map(|route| &route.to) {
            Some(Target::Address(address)) => Some(address.key(message.portal).to_string()),
            // Codes keep no address, but are named after it.
            _ => message.person.strip_prefix("ADDRESS#").map(str::to_owned),
        };
        let Some(address) = address else { return Ok(()) };
        let mut item = Key::new(format!("PORTAL#{}#ADDRESS#{address}", message.portal), "SUPPRESSED").attributes();
        let reason = if event == MailEvent::Complained { "complaint" } else { "bounce" };
        item.extend([("reason".to_owned(), text(reason)), ("at".to_owned(), to_attribute(&now)?)]);
        self.client.put_item().table_name(&self.tables.messages).set_item(Some(item)).call().await?;
        Ok(())
    }

    /// Remembers which message WeChat gave a number to, before its push comes.
    pub async fn remember_pushed(&self, app: &AppId, number: u64, message: &Message, now: Timestamp) -> Result<(), StoreError> {
        let mut item = to_item(&pushed_key(app, number), &Pushed { portal: message.portal, message: message.id })?;
        item.insert("ttl".into(), time_to_live(now.saturating_add(PUSHED_WITHIN).unwrap_or(now)));
        self.client.put_item().table_name(&self.tables.messages).set_item(Some(item)).call().await?;
        Ok(())
    }

    /// Notes how it ended with a message of WeChat: it arrived, or why not. False if no message has that number, or not yet.
    pub async fn pushed(&self, app: &AppId, number: u64, failure: Option<&str>, now: Timestamp) -> Result<bool, StoreError> {
        let Some(item) = self.read(&self.tables.messages, &pushed_key(app, number)).await? else { return Ok(false) };
        let Pushed { portal, message } = from_item("a number of WeChat's", &item)?;
        let state = if failure.is_none() { State::Delivered } else { State::Bounced };
        let result = self
            .client
            .update_item()
            .table_name(&self.tables.messages)
            .set_key(Some(message_key(portal, message).attributes()))
            .update_expression("SET #state = :state, changedAt = :at, #error = :error")
            .condition_expression("#state = :sent")
            .expression_attribute_names("#state", "state")
            .expression_attribute_names("#error", "error")
            .expression_attribute_values(":state", text(state.as_str()))
            .expression_attribute_values(":sent", text(State::Sent.as_str()))
            .expression_attribute_values(":at", to_attribute(&now)?)
            .expression_attribute_values(":error", text(failure.unwrap_or_default()))
            .call()
            .await;
        match result {
            Ok(_) => Ok(true),
            Err(error) if is_condition(&error) => Ok(true),
            Err(error) => Err(error.into()),
        }
    }
}
