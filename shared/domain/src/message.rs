//! Messages: what is said to whom, by which ways, and how far each one came (F38, F72, B4).
//!
//! A message is written in the transaction of what causes it and delivered afterwards: it is the outbox and the ledger at once.

use std::{collections::BTreeMap, fmt};

use jiff::{SignedDuration, Timestamp, civil::Date, tz::TimeZone};
use serde::{Deserialize, Serialize};

use crate::{
    address::{Address, AddressKey},
    ids::{MemberId, MessageId, OrganisationId, PortalId, UserId},
    locale::Locale,
    wechat::{AppId, OpenId},
};

mod kind;
mod news;
mod parts;
mod price;
mod repeat;
mod settings;
mod template;

pub use kind::{Channel, Kind, MailEvent, State};
pub use news::{News, NewsEvent};
pub use parts::{RuleSet, parts};
pub use price::{InvalidMoney, Money, Prices};
pub use repeat::NotRepeated;
pub use settings::{Editable, FixedWords, MessageSettings, SettingsError, TextSet, Warning, WeChatTemplate, WordsOf};
pub use template::{Place, Template, TemplateError};

/// A message is tried so often before it is parked.
pub const TRIES: u32 = 6;
/// How long a claim holds: longer than a function may take to send.
pub const CLAIM: SignedDuration = SignedDuration::from_secs(90);
/// A message that could not be sent for so long is not sent any more: news have an age.
pub const SENDABLE: SignedDuration = SignedDuration::from_hours(24);
/// How long the ledger keeps an entry.
pub const KEPT: SignedDuration = SignedDuration::from_hours(400 * 24);
/// The first pause between two tries; each further one is twice as long.
const FIRST_PAUSE: SignedDuration = SignedDuration::from_secs(30);
/// The longest pause between two tries.
const LONGEST_PAUSE: SignedDuration = SignedDuration::from_hours(1);

/// Whose message it is: by this the ledger finds all messages of a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Person {
    /// A user of the portal.
    User(UserId),
    /// Whoever has an address: codes and invitations go to people who may have no account.
    Address(AddressKey),
    /// An administrator.
    Member(MemberId),
}

impl fmt::Display for Person {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(user) => write!(f, "USER#{user}"),
            Self::Address(key) => write!(f, "ADDRESS#{key}"),
            Self::Member(member) => write!(f, "MEMBER#{member}"),
        }
    }
}

/// Where a route leads. `Debug` shows none of it (S10).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Target {
    /// A phone number or a mailbox.
    Address(Address),
    /// A person, as the service account knows them.
    Wechat {
        /// The account.
        app: AppId,
        /// The person.
        openid: OpenId,
    },
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Target(redacted)")
    }
}

/// One way that a message can go, with all that sending it takes. `Debug` shows none of the words (S10).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Route {
    /// The channel.
    pub channel: Channel,
    /// To whom.
    pub to: Target,
    /// The words: the whole SMS with its signature, or the text of the mail.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub text: String,
    /// The subject of the mail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// The template, where provider or WeChat want one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<SentTemplate>,
    /// Parts that are paid for (F38).
    pub parts: u32,
    /// What it costs.
    pub cost: Money,
}

impl fmt::Debug for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Route({}, {} parts)", self.channel.as_str(), self.parts)
    }
}

/// A template at a provider, with its values.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SentTemplate {
    /// Its name at the provider; none where the provider takes the words as they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Whether it is a notice that the person subscribed to once (WeChat).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub subscription: bool,
    /// The values, by the names of its places.
    pub values: BTreeMap<String, String>,
    /// The page that opens at a touch (WeChat).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

/// Stands in stored words for what must not be stored readable, such as the secret of an invitation's link (S48). No text of anybody
/// contains it: control characters are refused where texts come in.
const HIDDEN: char = '\u{1A}';

/// A message: outbox and ledger in one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Message {
    /// Identifier, ordered by time; its day is where it lies.
    pub id: MessageId,
    /// The portal that sends it.
    pub portal: PortalId,
    /// The organisation that pays for it.
    pub organisation: OrganisationId,
    /// What it is about.
    pub kind: Kind,
    /// Whose it is: see [`Person`].
    #[serde(rename = "owner")]
    pub person: String,
    /// As much of the recipient as administrators see: `+86138****8000`.
    pub hint: String,
    /// The name of the portal, as outside people know it.
    pub portal_name: String,
    /// The name that mail comes from (F40).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sender_name: Option<String>,
    /// The signature of SMS.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub signature: String,
    /// Its language.
    pub locale: Locale,
    /// The ways that it can go, the best first. Empty in codes, whose words are never stored, and in what was erased (S69).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub routes: Vec<Route>,
    /// Which of the routes it goes.
    #[serde(default)]
    pub route: usize,
    /// The channel of that route.
    pub channel: Channel,
    /// Parts of that route (F38).
    pub parts: u32,
    /// What was taken from the balance for it; 0 once it was given back, and where nothing is taken.
    pub paid: Money,
    /// What it costs, whether or not anything is taken from a balance.
    pub cost: Money,
    /// How far it came.
    pub state: State,
    /// How often it was tried.
    #[serde(default)]
    pub attempts: u32,
    /// What the provider calls it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider_id: Option<String>,
    /// What went wrong last, in words for administrators.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The message that this one repeats (B4).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repeats: Option<MessageId>,
    /// What is hidden in its words, encrypted; with the version of the secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sealed: Option<(String, String)>,
    /// When it was written (UTC).
    pub created_at: Timestamp,
    /// When its state changed last (UTC).
    pub changed_at: Timestamp,
}

impl Message {
    /// The day (UTC) on whose page of the ledger a message stands.
    pub fn day_of(id: MessageId) -> Date {
        let milliseconds = u64::from_be_bytes([
            0,
            0,
            id.to_bytes()[0],
            id.to_bytes()[1],
            id.to_bytes()[2],
            id.to_bytes()[3],
            id.to_bytes()[4],
            id.to_bytes()[5],
        ]);
        let at = Timestamp::from_millisecond(i64::try_from(milliseconds).unwrap_or(0)).unwrap_or(Timestamp::UNIX_EPOCH);
        at.to_zoned(TimeZone::UTC).date()
    }

    /// The route that it goes at the moment.
    pub fn current(&self) -> Option<&Route> {
        self.routes.get(self.route)
    }

    /// Goes by another of its routes.
    pub fn take_route(&mut self, route: usize) -> Option<&Route> {
        let (channel, parts, cost) = self.routes.get(route).map(|route| (route.channel, route.parts, route.cost))?;
        (self.route, self.channel, self.parts, self.cost) = (route, channel, parts, cost);
        self.routes.get(route)
    }

    /// Takes a secret out of the words, before they are stored.
    pub fn hide(&mut self, secret: &str) {
        self.replace(secret, &HIDDEN.to_string());
    }

    /// Puts the secret back, before they are sent.
    pub fn reveal(&mut self, secret: &str) {
        self.replace(&HIDDEN.to_string(), secret);
    }

    fn replace(&mut self, from: &str, to: &str) {
        for route in &mut self.routes {
            route.text = route.text.replace(from, to);
            if let Some(template) = &mut route.template {
                template.values.values_mut().chain(&mut template.url).for_each(|value| *value = value.replace(from, to));
            }
        }
    }

    /// Whether it is too old to be sent at `now`: made too long ago, or before `not_before`, from which on a restored table counts (R30).
    pub fn is_stale(&self, now: Timestamp, not_before: Option<Timestamp>) -> bool {
        is_stale(self.created_at, now, not_before)
    }
}

fn is_stale(made: Timestamp, now: Timestamp, not_before: Option<Timestamp>) -> bool {
    now.duration_since(made) > SENDABLE || not_before.is_some_and(|not_before| made < not_before)
}

/// The pause before a message is tried again after `attempts` tries: it doubles, up to an hour, and is scattered by `random`, so that
/// those that failed together are not tried together.
pub fn pause_after(attempts: u32, random: u64) -> SignedDuration {
    let doubled = FIRST_PAUSE.as_secs().saturating_mul(1_i64 << attempts.saturating_sub(1).min(20));
    let ceiling = doubled.min(LONGEST_PAUSE.as_secs());
    // Never less than half: a provider that asks for patience gets it.
    let half = u64::try_from(ceiling / 2).unwrap_or(0);
    let scattered = half + random % (half + 1);
    SignedDuration::from_secs(i64::try_from(scattered).unwrap_or(ceiling))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_message_lies_on_the_day_of_its_identifier() {
        let at: Timestamp = "2026-11-22T23:59:59.999Z".parse().unwrap();
        assert_eq!(Message::day_of(MessageId::new(at, u128::MAX)).to_string(), "2026-11-22");
        let at: Timestamp = "2026-11-23T00:00:00Z".parse().unwrap();
        assert_eq!(Message::day_of(MessageId::new(at, 0)).to_string(), "2026-11-23");
    }

    proptest! {
        #[test]
        fn pauses_grow_to_an_hour_and_are_scattered(attempts in 1_u32..100, random: u64) {
            let pause = pause_after(attempts, random).as_secs();
            let ceiling = 30_i64.saturating_mul(1_i64 << (attempts - 1).min(20)).min(3_600);
            prop_assert!((ceiling / 2..=ceiling).contains(&pause), "{pause} after {attempts}");
        }
    }
}
