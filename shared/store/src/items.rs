//! Items: keys, attributes, and their way into our types and back.

use std::collections::HashMap;

use aws_sdk_dynamodb::{
    primitives::Blob,
    types::{AttributeValue, DeleteRequest, KeysAndAttributes, WriteRequest},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::Timestamp;
use portico_domain::ids::MessageId;
use serde::Serialize;

use crate::{Store, StoreError, attributes, calls::Call};

pub(crate) type Item = HashMap<String, AttributeValue>;

/// A partition key and a sort key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Key {
    pub(crate) pk: String,
    pub(crate) sk: String,
}

impl Key {
    pub(crate) fn new(pk: impl Into<String>, sk: impl Into<String>) -> Self {
        Self { pk: pk.into(), sk: sk.into() }
    }

    pub(crate) fn attributes(&self) -> Item {
        HashMap::from([("pk".into(), text(&self.pk)), ("sk".into(), text(&self.sk))])
    }

    fn is_of(&self, item: &Item) -> bool {
        let is = |name: &str, part: &str| item.get(name).is_some_and(|value| matches!(value, AttributeValue::S(text) if text == part));
        is("pk", &self.pk) && is("sk", &self.sk)
    }

    /// The key of an item.
    pub(crate) fn of(item: &Item) -> Option<Self> {
        let part = |name: &str| item.get(name).and_then(|part| part.as_s().ok()).cloned();
        Some(Self { pk: part("pk")?, sk: part("sk")? })
    }
}

pub(crate) fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

pub(crate) fn number(value: impl ToString) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

pub(crate) fn binary(value: &[u8]) -> AttributeValue {
    AttributeValue::B(Blob::new(value))
}

/// Identifiers in a row, sixteen bytes each: as text they would be twice as long, and items are paid for by the kilobyte.
pub(crate) fn row_of(ids: &[MessageId]) -> AttributeValue {
    AttributeValue::B(Blob::new(ids.iter().flat_map(MessageId::to_bytes).collect::<Vec<u8>>()))
}

/// What [`row_of`] wrote.
pub(crate) fn read_row(item: &Item, name: &str) -> Vec<MessageId> {
    let bytes = item.get(name).and_then(|value| value.as_b().ok()).map(Blob::as_ref).unwrap_or_default();
    bytes.as_chunks().0.iter().copied().map(MessageId::from_bytes).collect()
}

/// Instants are stored as milliseconds since 1970, so that conditions can compare them.
pub(crate) fn instant(at: Timestamp) -> AttributeValue {
    number(at.as_millisecond())
}

/// The table's clean-up wants whole seconds; it comes a while after the end, which is judged on read.
pub(crate) fn time_to_live(end: Timestamp) -> AttributeValue {
    number(end.as_second() + 3_600)
}

/// Bytes as they stand in keys and tokens.
pub(crate) fn base64url(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The attributes of a value, with its keys.
pub(crate) fn to_item<T: Serialize>(key: &Key, value: &T) -> Result<Item, StoreError> {
    let mut item = attributes::write_members(value).map_err(|error| StoreError::Malformed("a write", error.to_string()))?;
    item.extend(key.attributes());
    Ok(item)
}

/// One attribute of a value that is stored whole.
pub(crate) fn to_attribute<T: Serialize>(value: &T) -> Result<AttributeValue, StoreError> {
    attributes::write(value).map_err(|error| StoreError::Malformed("a write", error.to_string()))
}

pub(crate) fn from_item<T: Stored>(what: &'static str, item: &Item) -> Result<T, StoreError> {
    T::from_attributes(item).map_err(|error| StoreError::Malformed(what, error.to_string()))
}

/// What is read from the attributes of an item. [`stored`] implements it, where the way there is compiled once: generic code would be
/// compiled again in every function that reads such an item.
pub(crate) trait Stored: Sized {
    fn from_attributes(item: &Item) -> Result<Self, attributes::Error>;
}

macro_rules! stored {
    ($($name:ty),* $(,)?) => {$(
        impl $crate::items::Stored for $name {
            fn from_attributes(item: &$crate::items::Item) -> Result<Self, $crate::attributes::Error> {
                $crate::attributes::read_members(item)
            }
        }
    )*};
}
pub(crate) use stored;

stored!(
    portico_domain::agreements::Agreements,
    portico_domain::invitation::Invitation,
    portico_domain::member::Member,
    portico_domain::message::Message,
    portico_domain::message::News,
    portico_domain::portal::Portal,
    portico_domain::seats::Seats,
    portico_domain::spend::Spend,
    portico_domain::user::User,
);

pub(crate) fn read_instant(what: &'static str, item: &Item, name: &str) -> Result<Option<Timestamp>, StoreError> {
    let malformed = || StoreError::Malformed(what, format!("{name} is no instant"));
    let Some(value) = item.get(name) else { return Ok(None) };
    let milliseconds = value.as_n().ok().and_then(|digits| digits.parse().ok()).ok_or_else(malformed)?;
    Timestamp::from_millisecond(milliseconds).map(Some).map_err(|_| malformed())
}

/// One table's part of a read of many items.
pub(crate) struct Wanted<'a> {
    pub(crate) table: &'a str,
    pub(crate) keys: Vec<&'a Key>,
    /// Whether the newest state is needed: costs twice as much.
    pub(crate) consistent: bool,
}

impl Store {
    /// Reads items of several tables in one round trip; the answer finds them by key.
    ///
    /// Keys that DynamoDB leaves unprocessed are asked for again, at most three times.
    pub(crate) async fn read_many(&self, wanted: &[Wanted<'_>]) -> Result<Found, StoreError> {
        let mut request = HashMap::new();
        for part in wanted {
            let keys = part.keys.iter().map(|key| key.attributes()).collect();
            let keys = KeysAndAttributes::builder().set_keys(Some(keys)).consistent_read(part.consistent).build()?;
            request.insert(part.table.to_owned(), keys);
        }
        let mut found = Vec::new();
        for _ in 0..3 {
            let answer = self.client.batch_get_item().set_request_items(Some(request)).call().await?;
            found.extend(answer.responses.into_iter().flatten().flat_map(|(_, items)| items));
            request = answer.unprocessed_keys.unwrap_or_default();
            if request.is_empty() {
                return Ok(Found(found));
            }
        }
        Err(StoreError::Unavailable("keys stay unprocessed".into()))
    }

    /// Reads one item in its newest state.
    pub(crate) async fn read(&self, table: &str, key: &Key) -> Result<Option<Item>, StoreError> {
        let answer = self.client.get_item().table_name(table).set_key(Some(key.attributes())).consistent_read(true).call().await?;
        Ok(answer.item)
    }

    /// All items of a partition whose sort key begins like this, in their newest state.
    pub(crate) async fn items_below(&self, table: &str, partition: &str, prefix: &str) -> Result<Vec<Item>, StoreError> {
        let mut items = self
            .client
            .query()
            .table_name(table)
            .consistent_read(true)
            .key_condition_expression("pk = :pk AND begins_with(sk, :prefix)")
            .expression_attribute_values(":pk", text(partition))
            .expression_attribute_values(":prefix", text(prefix))
            .into_paginator()
            .items()
            .send();
        let mut found = Vec::new();
        while let Some(item) = items.try_next().await? {
            found.push(item);
        }
        Ok(found)
    }

    /// Deletes the items with these keys, one by one as far as others can see.
    pub(crate) async fn delete_many(&self, table: &str, keys: &[Item]) -> Result<(), StoreError> {
        for batch in keys.chunks(25) {
            let mut requests = Vec::new();
            for key in batch {
                requests.push(WriteRequest::builder().delete_request(DeleteRequest::builder().set_key(Some(key.clone())).build()?).build());
            }
            let mut rest = Some(HashMap::from([(table.to_owned(), requests)]));
            while let Some(requests) = rest.take().filter(|requests| !requests.is_empty()) {
                rest = self.client.batch_write_item().set_request_items(Some(requests)).call().await?.unprocessed_items;
            }
        }
        Ok(())
    }
}

/// Items found by [`Store::read_many`].
pub(crate) struct Found(Vec<Item>);

impl Found {
    /// Takes out the item with this key.
    pub(crate) fn take(&mut self, key: &Key) -> Option<Item> {
        let at = self.0.iter().position(|item| key.is_of(item))?;
        Some(self.0.swap_remove(at))
    }

    /// Takes out the item with this key as a value.
    pub(crate) fn take_as<T: Stored>(&mut self, what: &'static str, key: &Key) -> Result<Option<T>, StoreError> {
        self.take(key).map(|item| from_item(what, &item)).transpose()
    }
}
