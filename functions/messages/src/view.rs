//! A message, as administrators see it: never its words, never the whole address (S10).

use jiff::Timestamp;
use portico_domain::{
    ids::MessageId,
    locale::Locale,
    message::{Channel, Kind, Message, State},
};
use serde::Serialize;
use utoipa::ToSchema;

/// An entry of the ledger.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = MessageEntry)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EntryView {
    id: MessageId,
    /// What it is about.
    kind: Kind,
    /// The way that it goes, or went last.
    channel: Channel,
    /// How far it came.
    state: State,
    /// As much of the recipient as is shown; nothing of who was erased.
    #[schema(example = "+86138****8000")]
    recipient: String,
    /// Its language.
    locale: Locale,
    /// Parts of an SMS that are paid for (F38).
    parts: u32,
    /// What it costs, in the deployment's currency.
    #[schema(example = "0.05")]
    cost: String,
    /// What was taken from the balance for it; 0 once that was given back.
    #[schema(example = "0.05")]
    paid: String,
    /// How often it was tried by this channel.
    attempts: u32,
    /// What the provider calls it.
    #[serde(skip_serializing_if = "Option::is_none")]
    provider_id: Option<String>,
    /// What went wrong last.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    /// The message that it repeats (B4).
    #[serde(skip_serializing_if = "Option::is_none")]
    repeats: Option<MessageId>,
    /// The ways by which it can be sent again; none of what is good once.
    resendable: Vec<Channel>,
    /// When it was written (UTC).
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When its state changed last (UTC).
    #[schema(value_type = String, format = DateTime)]
    changed_at: Timestamp,
}

impl From<Message> for EntryView {
    fn from(message: Message) -> Self {
        Self {
            id: message.id,
            kind: message.kind,
            channel: message.channel,
            state: message.state,
            resendable: message.repeatable_by(),
            recipient: message.hint,
            locale: message.locale,
            parts: message.parts,
            cost: message.cost.to_string(),
            paid: message.paid.to_string(),
            attempts: message.attempts,
            provider_id: message.provider_id,
            error: message.error.filter(|error| !error.is_empty()),
            repeats: message.repeats,
            created_at: message.created_at,
            changed_at: message.changed_at,
        }
    }
}
