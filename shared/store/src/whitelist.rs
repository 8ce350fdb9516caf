//! The rows of whitelists (table Portals).
//!
//! | pk | sk | attributes |
//! |---|---|---|
//! | `PORTAL#<portal>#WHITELIST#<0..f>` | `ROW#<key>` | `cells`: the values in normal form, by column |
//!
//! The key is a digest of portal and values, so that an applicant is looked for by one read, and a row that is added twice is there
//! once. It begins with the digit of its partition: the sixteen partitions one after the other are one sorted list, and writes of many
//! rows spread over them.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use aws_sdk_dynamodb::types::{DeleteRequest, PutRequest, WriteRequest};
use portico_domain::{
    ids::PortalId,
    whitelist::{Row, RowKey},
};
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

use crate::{
    Store, StoreError,
    calls::Call,
    items::{Item, Key, from_item, stored, text, to_item},
};

const PARTITIONS: u8 = 16;
/// The most writes in one request to DynamoDB.
const BATCH: usize = 25;
/// How often what DynamoDB left undone is asked for again.
const TRIES: u32 = 8;

/// One page of rows, in the order of their keys.
#[derive(Debug, Clone)]
pub struct RowPage {
    /// The rows.
    pub rows: Vec<Row>,
    /// The last of them, from which the next page goes on, if there may be more.
    pub next: Option<RowKey>,
}

#[derive(Serialize, Deserialize)]
struct Cells {
    cells: BTreeMap<String, String>,
}

stored!(Cells);

fn partition(portal: PortalId, number: u8) -> String {
    format!("PORTAL#{portal}#WHITELIST#{number:x}")
}

fn row_key(portal: PortalId, row: RowKey) -> Key {
    Key::new(partition(portal, row.spread()), format!("ROW#{row}"))
}

fn key_of(item: &Item) -> Option<RowKey> {
    Key::of(item)?.sk.strip_prefix("ROW#")?.parse().ok()
}

impl Store {
    /// Whether a whitelist has a row, in its newest state.
    pub async fn has_row(&self, portal: PortalId, row: RowKey) -> Result<bool, StoreError> {
        Ok(self.read(&self.tables.portals, &row_key(portal, row)).await?.is_some())
    }

    /// Adds rows; those that are there stay. Not atomic: who fails halfway adds the same rows again.
    pub async fn add_rows(&self, portal: PortalId, rows: &[Row]) -> Result<(), StoreError> {
        let mut requests = Vec::with_capacity(rows.len());
        for row in rows {
            let item = to_item(&row_key(portal, row.key), &Cells { cells: row.values.clone() })?;
            requests.push(WriteRequest::builder().put_request(PutRequest::builder().set_item(Some(item)).build()?).build());
        }
        let mut writes = JoinSet::new();
        for batch in requests.chunks(BATCH) {
            let (store, batch) = (self.clone(), batch.to_vec());
            writes.spawn(async move { store.write_rows(batch).await });
        }
        while let Some(written) = writes.join_next().await {
            written.map_err(|error| StoreError::Unavailable(error.to_string()))??;
        }
        Ok(())
    }

    /// Removes a row. False if it was not there.
    pub async fn remove_row(&self, portal: PortalId, row: RowKey) -> Result<bool, StoreError> {
        let delete = self.client.delete_item().table_name(&self.tables.portals).set_key(Some(row_key(portal, row).attributes()));
        let removed = delete.return_values(aws_sdk_dynamodb::types::ReturnValue::AllOld).call().await?;
        Ok(removed.attributes.is_some())
    }

    /// Removes all rows but these; answers how many. Not atomic: who fails halfway removes the rest the next time.
    pub async fn remove_other_rows(&self, portal: PortalId, kept: &BTreeSet<RowKey>) -> Result<usize, StoreError> {
        let mut sweeps = JoinSet::new();
        for number in 0..PARTITIONS {
            let (store, kept) = (self.clone(), kept.clone());
            sweeps.spawn(async move { store.sweep_rows(partition(portal, number), &kept).await });
        }
        let mut removed = 0;
        while let Some(sweep) = sweeps.join_next().await {
            removed += sweep.map_err(|error| StoreError::Unavailable(error.to_string()))??;
        }
        Ok(removed)
    }

    async fn sweep_rows(&self, pk: String, kept: &BTreeSet<RowKey>) -> Result<usize, StoreError> {
        let mut items = self
            .client
            .query()
            .table_name(&self.tables.portals)
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(":pk", text(&pk))
            .projection_expression("pk, sk")
            .into_paginator()
            .items()
            .send();
        let mut requests = Vec::new();
        while let Some(key) = items.try_next().await? {
            if key_of(&key).is_none_or(|row| !kept.contains(&row)) {
                requests.push(WriteRequest::builder().delete_request(DeleteRequest::builder().set_key(Some(key)).build()?).build());
            }
        }
        for batch in requests.chunks(BATCH) {
            self.write_rows(batch.to_vec()).await?;
        }
        Ok(requests.len())
    }

    /// Writes up to twenty-five rows; what DynamoDB leaves undone is asked for again after growing pauses.
    async fn write_rows(&self, requests: Vec<WriteRequest>) -> Result<(), StoreError> {
        let mut rest = HashMap::from([(self.tables.portals.clone(), requests)]);
        for attempt in 0..TRIES {
            rest = self.client.batch_write_item().set_request_items(Some(rest)).call().await?.unprocessed_items.unwrap_or_default();
            if rest.is_empty() {
                return Ok(());
            }
            tokio::time::sleep(std::time::Duration::from_millis(10 << attempt)).await;
        }
        Err(StoreError::Unavailable("rows stay unwritten".into()))
    }

    /// A page of a whitelist's rows after `after`, in the order of their keys.
    pub async fn rows(&self, portal: PortalId, after: Option<RowKey>, limit: usize) -> Result<RowPage, StoreError> {
        let (mut rows, first) = (Vec::with_capacity(limit), after.map_or(0, RowKey::spread));
        for number in first..PARTITIONS {
            let start = after.filter(|after| after.spread() == number).map(|after| row_key(portal, after).attributes());
            let mut items = self
                .client
                .query()
                .table_name(&self.tables.portals)
                .consistent_read(true)
                .limit(i32::try_from(limit - rows.len() + 1).unwrap_or(i32::MAX))
                .key_condition_expression("pk = :pk")
                .expression_attribute_values(":pk", text(partition(portal, number)))
                .set_exclusive_start_key(start)
                .into_paginator()
                .items()
                .send();
            while let Some(item) = items.try_next().await? {
                let Some(key) = key_of(&item) else { continue };
                if rows.len() == limit {
                    return Ok(RowPage { next: rows.last().map(|row: &Row| row.key), rows });
                }
                let Cells { cells } = from_item("a row", &item)?;
                rows.push(Row { key, values: cells });
            }
        }
        Ok(RowPage { rows, next: None })
    }
}
