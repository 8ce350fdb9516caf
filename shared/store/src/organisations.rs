//! Organisations and their seats (tables Portals and Users).
//!
//! | table | pk | sk | attributes |
//! |---|---|---|---|
//! | Portals | `ORG#<organisation>` | `ORG` | `name`, `createdAt` |
//! | Users | `ORG#<organisation>` | `SEATS` | `used`, `total`, `committed`: used or promised to an open invitation; one counter, conditional in the transactions that change it (F54, F77, R6) |

use aws_sdk_dynamodb::types::{Put, TransactWriteItem, Update};
use jiff::Timestamp;
use portico_domain::{
    ids::OrganisationId,
    member::Member,
    seats::{SeatChange, Seats},
    text::Name,
};
use serde::{Deserialize, Serialize};

use crate::{
    Store, StoreError,
    calls::Call,
    items::{Key, from_item, number, stored, to_item},
    members::member_key,
    portals::is_condition,
    transaction::{Cancelled, put, update},
};

/// An organisation: one customer of the deployment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Organisation {
    /// Identifier.
    pub id: OrganisationId,
    /// Its name.
    pub name: Name,
    /// When it was made (UTC).
    pub created_at: Timestamp,
}

stored!(Organisation);

/// There would be fewer seats than are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("more seats are used than there would be")]
pub struct SeatsBelowUse;

fn organisation_key(organisation: OrganisationId) -> Key {
    Key::new(format!("ORG#{organisation}"), "ORG")
}

fn seats_key(organisation: OrganisationId) -> Key {
    Key::new(format!("ORG#{organisation}"), "SEATS")
}

impl Store {
    /// Writes a new organisation with its free seats and its owner.
    pub async fn create_organisation(&self, organisation: &Organisation, owner: &Member) -> Result<(), StoreError> {
        let fresh = |table: &str, item| {
            let part = Put::builder().table_name(table).set_item(Some(item)).condition_expression("attribute_not_exists(pk)").build()?;
            Ok::<_, StoreError>(put(part))
        };
        let parts = vec![
            fresh(&self.tables.portals, to_item(&organisation_key(organisation.id), organisation)?)?,
            fresh(&self.tables.users, to_item(&seats_key(organisation.id), &Seats::NONE_USED)?)?,
            fresh(&self.tables.users, to_item(&member_key(organisation.id, owner.id), owner)?)?,
        ];
        self.write_all(parts).await.map_err(|cancelled| match cancelled {
            Cancelled::Condition(..) => StoreError::Unavailable("the new identifiers are taken".into()),
            Cancelled::Store(error) => error,
        })
    }

    /// An organisation.
    pub async fn organisation(&self, organisation: OrganisationId) -> Result<Option<Organisation>, StoreError> {
        let item = self.read(&self.tables.portals, &organisation_key(organisation)).await?;
        item.map(|item| from_item("an organisation", &item)).transpose()
    }

    /// The seats of an organisation.
    pub async fn seats(&self, organisation: OrganisationId) -> Result<Option<Seats>, StoreError> {
        let item = self.read(&self.tables.users, &seats_key(organisation)).await?;
        item.map(|item| from_item("seats", &item)).transpose()
    }

    /// Sets how many seats there are. Not below those in use.
    pub async fn set_total_seats(&self, organisation: OrganisationId, total: u32) -> Result<Result<(), SeatsBelowUse>, StoreError> {
        let result = self
            .client
            .update_item()
            .table_name(&self.tables.users)
            .set_key(Some(seats_key(organisation).attributes()))
            .update_expression("SET #total = :total")
            .condition_expression("used <= :total")
            .expression_attribute_names("#total", "total")
            .expression_attribute_values(":total", number(total))
            .call()
            .await;
        match result {
            Ok(_) => Ok(Ok(())),
            Err(error) if is_condition(&error) => Ok(Err(SeatsBelowUse)),
            Err(error) => Err(error.into()),
        }
    }

    /// The part of a transaction that moves the counter of seats, if anything moves: an item can be changed once in a transaction.
    ///
    /// It fails if a seat is to be taken and none is left (R6), or if one is to be promised and all are taken or promised (F54).
    pub(crate) fn seats_part(
        &self,
        organisation: OrganisationId,
        seat: SeatChange,
        promise: Promise,
    ) -> Result<Option<TransactWriteItem>, StoreError> {
        let used = match seat {
            SeatChange::Take => 1,
            SeatChange::Free => -1,
            SeatChange::Keep => 0,
        };
        let committed = used
            + match promise {
                Promise::Made { .. } => 1,
                Promise::Ends => -1,
                Promise::None => 0,
            };
        let (mut sets, mut conditions) = (Vec::new(), Vec::new());
        let mut part = Update::builder().table_name(&self.tables.users).set_key(Some(seats_key(organisation).attributes()));
        if used != 0 {
            sets.push("used = used + :used");
            part = part.expression_attribute_values(":used", number(used));
        }
        if committed != 0 {
            // Before the first promise nothing but the used seats is committed.
            sets.push("committed = if_not_exists(committed, used) + :committed");
            part = part.expression_attribute_values(":committed", number(committed));
        }
        if sets.is_empty() {
            return Ok(None);
        }
        match seat {
            SeatChange::Take => conditions.push("used < #total"),
            SeatChange::Free => conditions.push("used > :none"),
            SeatChange::Keep => {}
        }
        if promise == (Promise::Made { overbook: false }) {
            conditions.push("(committed < #total OR (attribute_not_exists(committed) AND used < #total))");
        }
        if conditions.iter().any(|condition| condition.contains("#total")) {
            part = part.expression_attribute_names("#total", "total");
        }
        if seat == SeatChange::Free {
            part = part.expression_attribute_values(":none", number(0));
        }
        let part = part.update_expression(format!("SET {}", sets.join(", ")));
        let part = if conditions.is_empty() { part } else { part.condition_expression(conditions.join(" AND ")) };
        Ok(Some(update(part.build()?)))
    }
}

/// What a transaction does to the seats that are promised to open invitations (F54).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Promise {
    /// One is promised; with `overbook` even if all are taken or promised.
    Made {
        /// Whether more may be promised than are free.
        overbook: bool,
    },
    /// One is no longer promised.
    Ends,
    /// Nothing.
    None,
}
