//! Organisations and their seats (tables Portals and Users).
//!
//! | table | pk | sk | attributes |
//! |---|---|---|---|
//! | Portals | `ORG#<organisation>` | `ORG` | `name`, `createdAt` |
//! | Users | `ORG#<organisation>` | `SEATS` | `used`, `total`: one counter, conditional in the transactions that change it (F77, R6) |

use aws_sdk_dynamodb::types::{Put, Update};
use jiff::Timestamp;
use portico_domain::{ids::OrganisationId, member::Member, seats::Seats, text::Name};
use serde::{Deserialize, Serialize};

use crate::{
    Store, StoreError,
    items::{Key, from_item, number, to_item},
    members::member_key,
    portals::is_condition,
    transaction::{Cancelled, put},
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
        item.map(|item| from_item("an organisation", item)).transpose()
    }

    /// The seats of an organisation.
    pub async fn seats(&self, organisation: OrganisationId) -> Result<Option<Seats>, StoreError> {
        let item = self.read(&self.tables.users, &seats_key(organisation)).await?;
        item.map(|item| from_item("seats", item)).transpose()
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
            .send()
            .await;
        match result {
            Ok(_) => Ok(Ok(())),
            Err(error) if is_condition(&error) => Ok(Err(SeatsBelowUse)),
            Err(error) => Err(error.into()),
        }
    }

    /// The part of a transaction that takes a seat, and fails if none is left.
    pub(crate) fn take_seat(&self, organisation: OrganisationId) -> Result<Update, StoreError> {
        let update = self.seats_update(organisation).update_expression("SET used = used + :one").condition_expression("used < #total");
        Ok(update.expression_attribute_names("#total", "total").build()?)
    }

    /// The part of a transaction that frees a seat.
    pub(crate) fn free_seat(&self, organisation: OrganisationId) -> Result<Update, StoreError> {
        Ok(self.seats_update(organisation).update_expression("SET used = used - :one").condition_expression("used >= :one").build()?)
    }

    fn seats_update(&self, organisation: OrganisationId) -> aws_sdk_dynamodb::types::builders::UpdateBuilder {
        let key = seats_key(organisation).attributes();
        Update::builder().table_name(&self.tables.users).set_key(Some(key)).expression_attribute_values(":one", number(1))
    }
}
