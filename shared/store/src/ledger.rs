//! Reading the ledger of messages: by day, by person, and the figures of days (table Messages; F38, B4).

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::civil::Date;
use portico_domain::{
    address::AddressKey,
    ids::{MessageId, PortalId},
    message::{Channel, Kind, Message, Money, Person, State},
};
use serde::Deserialize;

use crate::{
    Store, StoreError,
    calls::Call,
    items::{Item, Key, Wanted, from_item, read_row, stored, text},
    messages::{message_key, person_of},
    portals::is_condition,
};

/// How many entries of a day one page looks at, at most, in search of those that were asked for.
const LOOKED_AT: usize = 2_000;

/// Which messages of a day are asked for.
#[derive(Debug, Clone, Copy, Default)]
pub struct LedgerFilter {
    /// Only this kind.
    pub kind: Option<Kind>,
    /// Only in this state.
    pub state: Option<State>,
    /// Only by this channel.
    pub channel: Option<Channel>,
}

impl LedgerFilter {
    /// Whether a message is among them.
    pub fn takes(&self, message: &Message) -> bool {
        self.kind.is_none_or(|kind| message.kind == kind)
            && self.state.is_none_or(|state| message.state == state)
            && self.channel.is_none_or(|channel| message.channel == channel)
    }
}

/// One page of the ledger, the newest first.
#[derive(Debug, Clone)]
pub struct LedgerPage {
    /// The messages.
    pub messages: Vec<Message>,
    /// The last one that was looked at, from which the next page goes on, if there may be more.
    pub next: Option<MessageId>,
}

/// What a portal sent on a day by one channel, in one state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DayFigure {
    /// What about.
    pub kind: Kind,
    /// By which way.
    pub channel: Channel,
    /// How far it came.
    pub state: State,
    /// Messages.
    pub messages: u32,
    /// Parts of them (F38).
    pub parts: u32,
    /// What they cost.
    pub cost: Money,
    /// What was taken from the balance for them.
    pub paid: Money,
}

/// As much of a message as the figures need.
#[derive(Deserialize)]
struct Counted {
    kind: Kind,
    channel: Channel,
    state: State,
    parts: u32,
    cost: Money,
    paid: Money,
}

stored!(Counted);

fn day_partition(portal: PortalId, day: Date) -> String {
    format!("PORTAL#{portal}#MESSAGES#{day}")
}

impl Store {
    /// A page of what a portal sent on a day (UTC). Where few fit the filter, a page may be short, even empty, and still have a next one.
    pub async fn messages_of_day(
        &self,
        portal: PortalId,
        day: Date,
        filter: &LedgerFilter,
        after: Option<MessageId>,
        limit: usize,
    ) -> Result<LedgerPage, StoreError> {
        let mut start = after.map(|after| message_key(portal, after).attributes());
        let (mut messages, mut looked_at) = (Vec::new(), 0);
        loop {
            let page = self.page_of_day(portal, day, start.take()).await?;
            let count = page.0.len();
            for (at, item) in page.0.into_iter().enumerate() {
                let message: Message = from_item("a message", &item)?;
                let id = message.id;
                messages.extend(Some(message).filter(|message| filter.takes(message)));
                if messages.len() == limit {
                    let next = (at + 1 < count || page.1.is_some()).then_some(id);
                    return Ok(LedgerPage { messages, next });
                }
            }
            looked_at += count;
            let Some(last) = page.1 else { return Ok(LedgerPage { messages, next: None }) };
            if looked_at >= LOOKED_AT {
                let next = Key::of(&last).and_then(|key| key.sk.strip_prefix("MESSAGE#")?.parse().ok());
                return Ok(LedgerPage { messages, next });
            }
            start = Some(last);
        }
    }

    async fn page_of_day(&self, portal: PortalId, day: Date, start: Option<Item>) -> Result<(Vec<Item>, Option<Item>), StoreError> {
        let page = self
            .client
            .query()
            .table_name(&self.tables.messages)
            .scan_index_forward(false)
            .limit(500)
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(":pk", text(day_partition(portal, day)))
            .set_exclusive_start_key(start)
            .call()
            .await?;
        Ok((page.items.unwrap_or_default(), page.last_evaluated_key))
    }

    /// The newest messages of people, who may be known by several names: at most `limit` of each, merged, the newest first.
    pub async fn messages_of_persons(&self, portal: PortalId, persons: &[Person], limit: i32) -> Result<Vec<Message>, StoreError> {
        let mut messages = Vec::new();
        for person in persons {
            let (keys, _) = self.keys_of_person(portal, &person.to_string(), None, limit).await?;
            messages.extend(self.messages_at(&keys).await?);
            if let Person::Address(key) = person {
                messages.extend(self.codes_to(portal, *key, usize::try_from(limit).unwrap_or(0)).await?);
            }
        }
        messages.sort_unstable_by_key(|message| std::cmp::Reverse(message.id));
        messages.truncate(usize::try_from(limit).unwrap_or(0));
        Ok(messages)
    }

    /// The newest codes to an address, at most `limit` and a few, the newest first. Each round trip finds eight of them.
    async fn codes_to(&self, portal: PortalId, address: AddressKey, limit: usize) -> Result<Vec<Message>, StoreError> {
        let mut wanted = self.recipient(portal, address).await?.entries;
        let mut codes: Vec<Message> = Vec::new();
        while !wanted.is_empty() && codes.len() < limit {
            let keys: Vec<Key> = wanted.iter().map(|id| message_key(portal, *id)).collect();
            let mut found =
                self.read_many(&[Wanted { table: &self.tables.messages, keys: keys.iter().collect(), consistent: true }]).await?;
            wanted.clear();
            // The oldest that is still there names those before it.
            for item in keys.iter().filter_map(|key| found.take(key)) {
                wanted = read_row(&item, "before");
                codes.push(from_item("a message", &item)?);
            }
        }
        Ok(codes)
    }

    /// What a portal sent on a day (UTC), by kind, channel and state.
    pub async fn figures_of_day(&self, portal: PortalId, day: Date) -> Result<Vec<DayFigure>, StoreError> {
        let mut items = self
            .client
            .query()
            .table_name(&self.tables.messages)
            .key_condition_expression("pk = :pk")
            .projection_expression("kind, channel, #state, parts, cost, paid")
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":pk", AttributeValue::S(day_partition(portal, day)))
            .into_paginator()
            .items()
            .send();
        let mut figures: Vec<DayFigure> = Vec::new();
        while let Some(item) = items.try_next().await? {
            let Counted { kind, channel, state, parts, cost, paid } = from_item("a message", &item)?;
            let same = |figure: &&mut DayFigure| (figure.kind, figure.channel, figure.state) == (kind, channel, state);
            match figures.iter_mut().find(same) {
                Some(figure) => {
                    (figure.messages, figure.parts) = (figure.messages + 1, figure.parts.saturating_add(parts));
                    (figure.cost, figure.paid) = (figure.cost.plus(cost), figure.paid.plus(paid));
                }
                None => figures.push(DayFigure { kind, channel, state, messages: 1, parts, cost, paid }),
            }
        }
        figures.sort_unstable_by_key(|figure| (figure.kind, figure.channel, figure.state));
        Ok(figures)
    }

    /// Keys of a person's messages, the newest first, and from where the next page goes on.
    pub(crate) async fn keys_of_person(
        &self,
        portal: PortalId,
        person: &str,
        start: Option<Item>,
        limit: i32,
    ) -> Result<(Vec<Key>, Option<Item>), StoreError> {
        let page = self
            .client
            .query()
            .table_name(&self.tables.messages)
            .index_name("person")
            .key_condition_expression("person = :person")
            .expression_attribute_values(":person", text(person_of(portal, person)))
            .scan_index_forward(false)
            .limit(limit)
            .set_exclusive_start_key(start)
            .call()
            .await?;
        Ok((page.items.unwrap_or_default().iter().filter_map(Key::of).collect(), page.last_evaluated_key))
    }

    /// The messages behind keys, as far as they are there.
    pub(crate) async fn messages_at(&self, keys: &[Key]) -> Result<Vec<Message>, StoreError> {
        let mut messages = Vec::with_capacity(keys.len());
        for hundred in keys.chunks(100) {
            let wanted = Wanted { table: &self.tables.messages, keys: hundred.iter().collect(), consistent: true };
            let mut found = self.read_many(&[wanted]).await?;
            for key in hundred {
                messages.extend(found.take_as("a message", key)?);
            }
        }
        Ok(messages)
    }

    /// Erases what the ledger knows of people: recipients and words go, parts and costs stay (S69). What was still to be sent has no
    /// route any more, and is parked.
    pub(crate) async fn erase_messages(&self, portal: PortalId, persons: &[Person]) -> Result<(), StoreError> {
        for person in persons {
            let mut start = None;
            loop {
                let (keys, next) = self.keys_of_person(portal, &person.to_string(), start, 100).await?;
                for key in keys {
                    self.erase_message(&key).await?;
                }
                start = next;
                if start.is_none() {
                    break;
                }
            }
            if let Person::Address(address) = person {
                for code in self.codes_to(portal, *address, usize::MAX).await? {
                    self.erase_message(&message_key(portal, code.id)).await?;
                }
            }
        }
        Ok(())
    }

    async fn erase_message(&self, key: &Key) -> Result<(), StoreError> {
        let result = self
            .client
            .update_item()
            .table_name(&self.tables.messages)
            .set_key(Some(key.attributes()))
            .update_expression("SET hint = :none, #owner = :none REMOVE routes, person, sealed")
            .condition_expression("attribute_exists(pk)")
            .expression_attribute_names("#owner", "owner")
            .expression_attribute_values(":none", text(""))
            .call()
            .await;
        match result {
            Ok(_) => Ok(()),
            Err(error) if is_condition(&error) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}
