//! What organisations can spend on messages (table Messages; F42).
//!
//! | pk | sk | attributes |
//! |---|---|---|
//! | `ORG#<organisation>` | `BALANCE` | `balance`: thousandths of the currency |
//! | `ORG#<organisation>#TOPUPS` | `TOPUP#<id>` | a payment: `amount`, `remark`, `by`, `at` |
//!
//! A message's cost is taken in the transaction that writes it, on the condition that it is there: of two at the last cent, one goes.

use aws_sdk_dynamodb::types::{Put, TransactWriteItem, Update};
use jiff::Timestamp;
use portico_domain::{
    ids::{MemberId, OrganisationId},
    message::Money,
    text::Text,
};
use serde::{Deserialize, Serialize};

use crate::{
    Store, StoreError,
    calls::Call,
    items::{Key, from_item, number, stored, text, to_item},
    transaction::{Cancelled, put, update},
};

/// A payment into a balance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TopUp {
    /// Names it: the same one twice counts once.
    pub id: String,
    /// How much; less than nothing takes away.
    pub amount: Money,
    /// What for, such as the number of an invoice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remark: Option<Text<200>>,
    /// The member who entered it; none where the operator did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<MemberId>,
    /// When (UTC).
    pub at: Timestamp,
}

stored!(TopUp);

pub(crate) fn balance_key(organisation: OrganisationId) -> Key {
    Key::new(format!("ORG#{organisation}"), "BALANCE")
}

impl Store {
    /// What an organisation has left.
    pub async fn balance(&self, organisation: OrganisationId) -> Result<Money, StoreError> {
        let item = self.read(&self.tables.messages, &balance_key(organisation)).await?;
        let digits = item.and_then(|item| item.get("balance").and_then(|balance| balance.as_n().ok()).cloned());
        let thousandths = digits.map(|digits| digits.parse().map_err(|_| StoreError::Malformed("a balance", digits))).transpose()?;
        Ok(Money::thousandths(thousandths.unwrap_or(0)))
    }

    /// Adds a payment, once (F42). False if it was added before.
    pub async fn top_up(&self, organisation: OrganisationId, top_up: &TopUp) -> Result<bool, StoreError> {
        let key = Key::new(format!("ORG#{organisation}#TOPUPS"), format!("TOPUP#{}", top_up.id));
        let payment = Put::builder().table_name(&self.tables.messages).set_item(Some(to_item(&key, top_up)?));
        let balance = Update::builder()
            .table_name(&self.tables.messages)
            .set_key(Some(balance_key(organisation).attributes()))
            .update_expression("ADD balance :amount")
            .expression_attribute_values(":amount", number(top_up.amount.to_thousandths()));
        let parts = vec![put(payment.condition_expression("attribute_not_exists(pk)").build()?), update(balance.build()?)];
        match self.write_all(parts).await {
            Ok(()) => Ok(true),
            Err(Cancelled::Condition(..)) => Ok(false),
            Err(Cancelled::Store(error)) => Err(error),
        }
    }

    /// The payments of an organisation, the newest first, at most a hundred.
    pub async fn top_ups(&self, organisation: OrganisationId) -> Result<Vec<TopUp>, StoreError> {
        let page = self
            .client
            .query()
            .table_name(&self.tables.messages)
            .consistent_read(true)
            .scan_index_forward(false)
            .limit(100)
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(":pk", text(format!("ORG#{organisation}#TOPUPS")))
            .call()
            .await?;
        page.items.unwrap_or_default().into_iter().map(|item| from_item("a payment", &item)).collect()
    }

    /// The part of a transaction that takes something from a balance in which so much must be.
    pub(crate) fn debit_part(&self, organisation: OrganisationId, worth: Money, amount: Money) -> Result<TransactWriteItem, StoreError> {
        let part = Update::builder()
            .table_name(&self.tables.messages)
            .set_key(Some(balance_key(organisation).attributes()))
            .update_expression("SET balance = balance - :amount")
            .condition_expression("balance >= :worth")
            .expression_attribute_values(":worth", number(worth.to_thousandths()))
            .expression_attribute_values(":amount", number(amount.to_thousandths()));
        Ok(update(part.build()?))
    }

    pub(crate) fn credit_part(&self, organisation: OrganisationId, amount: Money) -> Result<TransactWriteItem, StoreError> {
        let part = Update::builder()
            .table_name(&self.tables.messages)
            .set_key(Some(balance_key(organisation).attributes()))
            .update_expression("ADD balance :amount")
            .expression_attribute_values(":amount", number(amount.to_thousandths()));
        Ok(update(part.build()?))
    }
}
