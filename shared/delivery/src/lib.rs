//! Delivery: takes messages out of the outbox and hands them to their providers, each once as far as the provider allows (R13 to R16).
//!
//! Whoever delivers claims a message first, by a conditional write; what came of it is another. Between the two lies the one step that
//! nobody can undo, the call of the provider. Who dies before it leaves a claim that ends, and the message is claimed again. Who dies
//! after it leaves the same: then the provider tells the two calls apart by the message's identifier, where it can. The SMS gateway and
//! WeChat do. SES does not, but reports what it took before the claim ends. SNS does neither: there a message may come twice.

mod news;
mod send;

use jiff::Timestamp;
use portico_access::{AccessError, Keyring, wechat::ServiceAccounts};
use portico_domain::message::{Channel, Message, TRIES, Target, pause_after};
use portico_messaging::{Outbox, SendError, Senders};
use portico_runtime::{Deployment, MissingVariable, entropy};
use portico_store::{Claimed, Place, Store, StoreError};
use serde::Serialize;

/// So often a message is handed to a provider that does not answer and cannot tell a repetition: it may come twice, and no more.
const BLIND_TRIES: u32 = 2;

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Delivered {
    /// It was handed over.
    Sent,
    /// It is tried again later.
    Waits,
    /// It was given up.
    Parked,
    /// There was nothing to do: it is done, or somebody else sends it.
    Nothing,
}

/// Delivers messages. `Debug` shows nothing.
pub struct Delivery {
    deployment: Deployment,
    store: Store,
    senders: Senders,
    keyring: Keyring,
    wechat: ServiceAccounts,
    outbox: Outbox,
    not_before: Option<Timestamp>,
}

impl std::fmt::Debug for Delivery {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Delivery")
    }
}

/// What became of one try.
enum Try {
    Sent(Option<String>),
    Failed(SendError),
}

impl Delivery {
    /// Over these tables.
    pub fn open(deployment: &Deployment, store: &Store) -> Result<Self, MissingVariable> {
        Ok(Self {
            deployment: deployment.clone(),
            store: store.clone(),
            senders: Senders::open(deployment)?,
            keyring: Keyring::new(deployment),
            wechat: ServiceAccounts::open(deployment, store)?,
            outbox: Outbox::open(deployment)?,
            not_before: deployment.ignore_messages_before()?,
        })
    }

    /// Sends a message, if it is due and nobody else does; by its next route where one refuses (F72).
    ///
    /// An error is the tables': the message is due again when the claim ends.
    pub async fn deliver(&self, place: &Place) -> Result<Delivered, StoreError> {
        loop {
            let now = self.deployment.clock().now();
            let claim = entropy::wide().map_err(|error| StoreError::Unavailable(error.to_string()))?;
            let claimed = match self.store.claim_message(place, &format!("{claim:032x}"), now).await {
                Ok(Some(claimed)) => claimed,
                Ok(None) => return Ok(Delivered::Nothing),
                Err(StoreError::Malformed(what, _)) => {
                    self.store.park_unreadable(place, what, now).await?;
                    return Ok(parked(place, "it cannot be read"));
                }
                Err(error) => return Err(error),
            };
            if let Some(reason) = self.hopeless(&claimed.message, now) {
                return self.park(&claimed, reason, now).await;
            }
            let tried = self.send(claimed.message.clone()).await;
            if let Some(end) = self.conclude(&claimed, tried).await? {
                return Ok(end);
            }
        }
    }

    /// Why it is not even tried.
    fn hopeless(&self, message: &Message, now: Timestamp) -> Option<&'static str> {
        if message.is_stale(now, self.not_before) {
            return Some("it became too old before it could be sent");
        }
        if message.attempts > TRIES {
            return Some("it was tried too often");
        }
        message.current().is_none().then_some("its recipient was erased")
    }

    /// Writes what came of a try; `None` if the message goes by another route at once.
    async fn conclude(&self, claimed: &Claimed, tried: Try) -> Result<Option<Delivered>, StoreError> {
        let (now, message) = (self.deployment.clock().now(), &claimed.message);
        let (error, again) = match tried {
            Try::Sent(provider_id) => {
                self.store.message_sent(claimed, provider_id.as_deref(), now).await?;
                return Ok(Some(Delivered::Sent));
            }
            Try::Failed(SendError::Refused(error)) => (error, false),
            Try::Failed(SendError::Again(error)) => (error, true),
            Try::Failed(SendError::Unknown(error)) if message.attempts >= self.tries_without_answer(message) => {
                // It may have arrived: by another route it might come twice, and nothing is given back.
                self.store.message_unknown(claimed, &error, now).await?;
                return Ok(Some(parked(&place(message), &error)));
            }
            Try::Failed(SendError::Unknown(error)) => (error, true),
        };
        if again && message.attempts < TRIES {
            let random = entropy::word().map_or(0, u64::from);
            let due = now.saturating_add(pause_after(message.attempts, random)).unwrap_or(now);
            self.store.message_waits(claimed, &error, due, now).await?;
            return Ok(Some(Delivered::Waits));
        }
        if message.route + 1 < message.routes.len() {
            let rerouted = self.store.message_reroutes(claimed, message.route + 1, self.outbox.prices().prepaid, &error, now).await?;
            if rerouted.is_some() {
                return Ok(None);
            }
            return self.park(claimed, &format!("{error}; the balance does not suffice for another way"), now).await.map(Some);
        }
        self.park(claimed, &error, now).await.map(Some)
    }

    /// How often a message is tried while nobody knows whether it arrived.
    fn tries_without_answer(&self, message: &Message) -> u32 {
        match message.current().map(|route| &route.to) {
            Some(Target::Address(to)) if message.channel == Channel::Sms && !self.senders.uses_gateway(to) => BLIND_TRIES,
            _ => TRIES,
        }
    }

    async fn park(&self, claimed: &Claimed, error: &str, now: Timestamp) -> Result<Delivered, StoreError> {
        self.store.message_parked(claimed, error, now).await?;
        Ok(parked(&place(&claimed.message), error))
    }

    /// One try, by the route that it goes at the moment.
    async fn send(&self, mut message: Message) -> Try {
        let sent = match self.reveal(&mut message).await {
            Ok(()) => match message.channel {
                Channel::Sms => self.send_sms(&message).await,
                Channel::Email => self.send_mail(&message).await,
                Channel::Wechat => self.send_wechat(&message).await,
            },
            Err(AccessError::Crypto(_)) => Err(SendError::Refused("what is hidden in it was encrypted with a key that is gone".into())),
            Err(error) => Err(SendError::Again(error.to_string())),
        };
        match sent {
            Ok(id) => Try::Sent(id),
            Err(error) => Try::Failed(error),
        }
    }
}

fn place(message: &Message) -> Place {
    Place { portal: message.portal, message: message.id }
}

/// The template makes a metric and an alarm of this line.
fn parked(place: &Place, error: &str) -> Delivered {
    tracing::error!(event = "message-parked", portal = %place.portal, message = %place.message, error, "a message was given up");
    Delivered::Parked
}
