//! Verification codes and the counters that limit them (table Codes).
//!
//! | pk | sk | attributes |
//! |---|---|---|
//! | `PORTAL#<portal>#RECIPIENT#<key>` | `CODE` | `sends`, `failures`, `failedAt`, `revision`, `entries`: the last codes' in the ledger; of the last code: `flow`, `purpose`, `expires`, `left`, `link`, `joined`, `watched` and, until it is used, `hash#<hash>`; `ttl` |
//! | `CLIENT#<address>#<hour>` | `COUNT` | `h`: requests in the hour, `m0`..`m59`: in each of its minutes; `ttl` |
//! | `PORTAL#<portal>#TICKET#<flow>` | `SPENT` | nothing: a sign-in that was completed by waiting; `ttl` |
//!
//! A recipient has one item, hence one live code: a new one overwrites the old (S7) and leaves the failures as they are. Which address it
//! is the item does not tell: the flow does, which callers carry (S2).
//!
//! The hash of a code is the name of an attribute, so that one write compares a guess, counts it and uses the code up: `if_not_exists`
//! finds 0 under the name of the right hash, and what else it is given under any other.

use aws_sdk_dynamodb::{
    error::SdkError,
    operation::put_item::PutItemError,
    types::{ReturnValue, ReturnValuesOnConditionCheckFailure},
};
use jiff::{SignedDuration, Timestamp};
use portico_domain::{
    address::AddressKey,
    code::{ATTEMPTS, Flow, Purpose},
    guesses::Guesses,
    ids::{FlowId, MessageId, PortalId},
    limits::{Caps, Sends, TooMany},
    message::KEPT,
    portal::Portal,
    spend::Spend,
    suffix::Suffix,
};
use serde::{Deserialize, Serialize};

use crate::{
    Store, StoreError, attributes,
    calls::Call,
    items::{
        Item, Key, Wanted, base64url, binary, from_item, instant, number, read_instant, read_row, row_of, stored, text, time_to_live,
        to_attribute,
    },
    portals::{is_condition, portal_key},
    spend::{read_spend, spend_key},
};

/// So many entries of the ledger are named at once: each names as many before it, so all are found.
pub(crate) const ENTRIES: usize = 8;

/// A code that is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewCode {
    /// The secret half of the flow that asked for it (S2).
    pub flow: [u8; 16],
    /// HMAC of the code and all that it is bound to (S4).
    pub hash: [u8; 32],
    /// What it was asked for (S2).
    pub purpose: Purpose,
    /// Its end (S3).
    pub expires_at: Timestamp,
    /// What its owner is told when the code comes back.
    pub facts: CodeFacts,
    /// Its entry in the ledger (F38).
    pub entry: MessageId,
}

/// What is kept with a code for the time when it comes back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeFacts {
    /// The link by which its owner came.
    pub link: Option<Suffix>,
    /// The sign-in that it belongs to, where it is a later step of one: it is good for no other (S2, S38).
    pub joined: Option<FlowId>,
    /// The clock hour in whose count it is watched whether it comes back (S13).
    pub watched: Option<i64>,
}

/// What is known of a recipient in a portal.
#[derive(Debug, Clone, Default)]
pub struct Recipient {
    /// When codes were sent within the last day.
    pub sends: Sends,
    /// Wrong guesses since the last right one (S7, S8).
    pub guesses: Guesses,
    /// The entries of the last codes in the ledger, the newest first.
    pub entries: Vec<MessageId>,
    revision: u64,
    item: Option<Item>,
}

/// What becomes of a code that is guessed right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Then {
    /// It is used up.
    UseUp,
    /// It is held until [`Store::use_up_code`]; the guess counts as if it were wrong.
    Hold,
}

/// What a guess was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Guess {
    /// The code that was sent.
    Right(CodeFacts),
    /// Another one.
    Wrong {
        /// Guesses left after this one.
        left: u8,
    },
    /// At nothing: the code is used, replaced, expired, out of guesses, or of another flow, portal or purpose (S2).
    Gone,
}

#[derive(Deserialize, Serialize)]
struct Counted {
    sends: Sends,
    failures: u32,
    revision: u64,
}

stored!(Counted);

pub(crate) fn recipient_key(portal: PortalId, recipient: AddressKey) -> Key {
    Key::new(format!("PORTAL#{portal}#RECIPIENT#{recipient}"), "CODE")
}

/// The name of the attribute that stands for a hash.
fn hash_name(hash: &[u8; 32]) -> String {
    format!("hash#{}", base64url(hash))
}

fn client_key(client: &str, now: Timestamp) -> Key {
    Key::new(format!("CLIENT#{client}#{}", now.as_second() / 3_600), "COUNT")
}

impl Store {
    /// Reads a portal, what it has sent, and what is known of a recipient in it, in one round trip. What may be stale here is guarded
    /// by the writes that follow.
    pub async fn sending_case(
        &self,
        portal: PortalId,
        recipient: Option<AddressKey>,
        now: Timestamp,
    ) -> Result<(Option<Portal>, Spend, Recipient), StoreError> {
        let (portal_key, spend_key) = (portal_key(portal), spend_key(portal, now));
        let recipient_key = recipient.map(|recipient| recipient_key(portal, recipient));
        let codes = std::iter::once(&spend_key).chain(&recipient_key).collect();
        let mut found = self
            .read_many(&[
                Wanted { table: &self.tables.portals, keys: vec![&portal_key], consistent: false },
                Wanted { table: &self.tables.codes, keys: codes, consistent: false },
            ])
            .await?;
        let recipient = recipient_key.and_then(|key| found.take(&key)).map(read_recipient).transpose()?.unwrap_or_default();
        let spend = found.take(&spend_key).map(read_spend).transpose()?.unwrap_or_default();
        Ok((found.take_as("a portal", &portal_key)?, spend, recipient))
    }

    /// What is known of a recipient, in its newest state.
    pub async fn recipient(&self, portal: PortalId, recipient: AddressKey) -> Result<Recipient, StoreError> {
        let item = self.read(&self.tables.codes, &recipient_key(portal, recipient)).await?;
        Ok(item.map(read_recipient).transpose()?.unwrap_or_default())
    }

    /// Writes a new code over the old one, if the recipient is still as it was read: two requests at once make one code (S9).
    /// False if it was not.
    pub async fn put_code(
        &self,
        portal: PortalId,
        recipient: AddressKey,
        known: &Recipient,
        sends: &Sends,
        code: &NewCode,
    ) -> Result<bool, StoreError> {
        let entries: Vec<MessageId> = std::iter::once(code.entry).chain(known.entries.iter().copied()).take(ENTRIES).collect();
        let mut item = recipient_key(portal, recipient).attributes();
        item.extend(
            [
                ("sends", to_attribute(sends)?),
                ("failures", number(known.guesses.failures)),
                ("revision", number(known.revision + 1)),
                ("entries", row_of(&entries)),
                ("flow", binary(&code.flow)),
                ("purpose", text(code.purpose.label())),
                ("expires", instant(code.expires_at)),
                ("left", number(ATTEMPTS)),
                // As long as the ledger keeps the entry that is found by this.
                ("ttl", time_to_live(code.expires_at.saturating_add(KEPT).unwrap_or(code.expires_at))),
            ]
            .map(|(name, value)| (name.to_owned(), value)),
        );
        let CodeFacts { link, joined, watched } = &code.facts;
        item.insert(hash_name(&code.hash), number(0));
        item.extend(known.guesses.failed_at.map(|at| ("failedAt".to_owned(), instant(at))));
        item.extend(link.as_ref().map(|link| ("link".to_owned(), text(link.as_str()))));
        item.extend(watched.map(|hour| ("watched".to_owned(), number(hour))));
        item.extend(joined.map(|flow| ("joined".to_owned(), text(flow))));
        self.replace_recipient(item, (known.revision > 0).then_some(known.revision)).await
    }

    /// Takes back a code that was written and will not be sent: the recipient is again as it was, unless something happened since.
    pub async fn withdraw_code(&self, portal: PortalId, recipient: AddressKey, known: &Recipient) -> Result<(), StoreError> {
        let written = known.revision + 1;
        match &known.item {
            Some(before) => {
                let mut item = before.clone();
                item.insert("revision".into(), number(written + 1));
                self.replace_recipient(item, Some(written)).await?;
            }
            None => {
                let delete =
                    self.client.delete_item().table_name(&self.tables.codes).set_key(Some(recipient_key(portal, recipient).attributes()));
                let result = delete
                    .condition_expression("revision = :written")
                    .expression_attribute_values(":written", number(written))
                    .call()
                    .await;
                match result {
                    Ok(_) => {}
                    Err(error) if error.as_service_error().is_some_and(|error| error.is_conditional_check_failed_exception()) => {}
                    Err(error) => return Err(error.into()),
                }
            }
        }
        Ok(())
    }

    async fn replace_recipient(&self, item: Item, revision: Option<u64>) -> Result<bool, StoreError> {
        let write = self.client.put_item().table_name(&self.tables.codes).set_item(Some(item));
        let write = match revision {
            Some(revision) => write.condition_expression("revision = :revision").expression_attribute_values(":revision", number(revision)),
            None => write.condition_expression("attribute_not_exists(pk)"),
        };
        match write.call().await {
            Ok(_) => Ok(true),
            Err(error) if put_is_condition(&error) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Guesses at a code: one conditional write counts the guess, compares it and, if it is right, uses the code up and ends the row of
    /// failures. So of any number of simultaneous guesses five are compared (S5), and of any number of right ones one is right (S6).
    ///
    /// The comparison is the table's, and of keyed hashes: how long it takes tells nothing to whoever has no key (S4).
    pub async fn guess(
        &self,
        portal: PortalId,
        flow: &Flow,
        purpose: Purpose,
        hash: &[u8; 32],
        then: Then,
        now: Timestamp,
    ) -> Result<Guess, StoreError> {
        let name = hash_name(hash);
        let update = "SET #left = #left - :one, failedAt = :now, revision = revision + :one, failures = ";
        let update = match then {
            Then::Hold => format!("{update} failures + :one"),
            Then::UseUp => format!(
                "{update} if_not_exists(#hash, failures) + if_not_exists(#hash, :one), flow = if_not_exists(#hash, flow) REMOVE #hash"
            ),
        };
        let mut request = self
            .client
            .update_item()
            .table_name(&self.tables.codes)
            .set_key(Some(recipient_key(portal, flow.address().key(portal)).attributes()))
            .update_expression(update)
            .condition_expression("flow = :flow AND purpose = :purpose AND expires > :now AND #left > :zero")
            .expression_attribute_names("#left", "left");
        if then == Then::UseUp {
            request = request.expression_attribute_names("#hash", &name);
        }
        let result = request
            .expression_attribute_values(":one", number(1))
            .expression_attribute_values(":zero", number(0))
            .expression_attribute_values(":flow", binary(&flow.secret()))
            .expression_attribute_values(":purpose", text(purpose.label()))
            .expression_attribute_values(":now", instant(now))
            .return_values(ReturnValue::AllOld)
            .call()
            .await;
        match result {
            Ok(answer) => {
                let before = answer.attributes.unwrap_or_default();
                if before.contains_key(&name) {
                    return Ok(Guess::Right(read_facts(&before)?));
                }
                Ok(Guess::Wrong { left: u8::try_from(count(&before, "left") - 1).unwrap_or(0) })
            }
            Err(error) if is_condition(&error) => Ok(Guess::Gone),
            Err(error) => Err(error.into()),
        }
    }

    /// Uses up a code that was held, and ends the row of failures. True for exactly one caller (S6).
    pub async fn use_up_code(&self, portal: PortalId, flow: &Flow, hash: &[u8; 32]) -> Result<bool, StoreError> {
        let result = self
            .client
            .update_item()
            .table_name(&self.tables.codes)
            .set_key(Some(recipient_key(portal, flow.address().key(portal)).attributes()))
            .update_expression("SET failures = :zero, flow = :zero, revision = revision + :one REMOVE #hash")
            .condition_expression("flow = :flow AND attribute_exists(#hash)")
            .expression_attribute_names("#hash", hash_name(hash))
            .expression_attribute_values(":zero", number(0))
            .expression_attribute_values(":one", number(1))
            .expression_attribute_values(":flow", binary(&flow.secret()))
            .call()
            .await;
        match result {
            Ok(_) => Ok(true),
            Err(error) if is_condition(&error) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Counts a request for a code by its client address (S9). Windows are clock minutes and hours.
    pub async fn count_client(&self, client: &str, caps: &Caps, now: Timestamp) -> Result<Result<(), TooMany>, StoreError> {
        let minute = format!("m{}", now.as_second() / 60 % 60);
        let result = self
            .client
            .update_item()
            .table_name(&self.tables.codes)
            .set_key(Some(client_key(client, now).attributes()))
            .update_expression("ADD h :one, #minute :one SET #ttl = :ttl")
            .condition_expression("(attribute_not_exists(h) OR h < :hourly) AND (attribute_not_exists(#minute) OR #minute < :minutely)")
            .expression_attribute_names("#minute", &minute)
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":one", number(1))
            .expression_attribute_values(":hourly", number(caps.client_hourly))
            .expression_attribute_values(":minutely", number(caps.client_minutely))
            .expression_attribute_values(":ttl", time_to_live(next(now, 3_600)))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .call()
            .await;
        match result {
            Ok(_) => Ok(Ok(())),
            Err(error) => match condition_item(&error) {
                Some(item) => {
                    let hour_is_full = count(&item, "h") >= i64::from(caps.client_hourly);
                    Ok(Err(TooMany { retry_at: next(now, if hour_is_full { 3_600 } else { 60 }) }))
                }
                None => Err(error.into()),
            },
        }
    }

    /// Notes that a sign-in was completed, so that its ticket opens no second session. True for exactly one caller.
    pub async fn spend_ticket(&self, portal: PortalId, flow: FlowId, until: Timestamp) -> Result<bool, StoreError> {
        let mut item = Key::new(format!("PORTAL#{portal}#TICKET#{flow}"), "SPENT").attributes();
        item.insert("ttl".into(), time_to_live(until));
        let write =
            self.client.put_item().table_name(&self.tables.codes).set_item(Some(item)).condition_expression("attribute_not_exists(pk)");
        match write.call().await {
            Ok(_) => Ok(true),
            Err(error) if put_is_condition(&error) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

pub(crate) fn put_is_condition(error: &SdkError<PutItemError>) -> bool {
    error.as_service_error().is_some_and(PutItemError::is_conditional_check_failed_exception)
}

/// The item that a failed condition showed.
pub(crate) fn condition_item(error: &SdkError<aws_sdk_dynamodb::operation::update_item::UpdateItemError>) -> Option<Item> {
    use aws_sdk_dynamodb::operation::update_item::UpdateItemError::ConditionalCheckFailedException;
    match error.as_service_error() {
        Some(ConditionalCheckFailedException(failed)) => Some(failed.item().cloned().unwrap_or_default()),
        _ => None,
    }
}

fn count(item: &Item, name: &str) -> i64 {
    item.get(name).and_then(|value| value.as_n().ok()).and_then(|digits| digits.parse().ok()).unwrap_or(0)
}

/// The beginning of the next window of this many seconds.
fn next(now: Timestamp, window_seconds: i64) -> Timestamp {
    let into = now.as_second().rem_euclid(window_seconds);
    now.saturating_add(SignedDuration::from_secs(window_seconds - into)).unwrap_or(now)
}

fn read_recipient(item: Item) -> Result<Recipient, StoreError> {
    let counted: Counted = from_item("a recipient", &item)?;
    let guesses = Guesses { failures: counted.failures, failed_at: read_instant("a recipient", &item, "failedAt")? };
    Ok(Recipient { sends: counted.sends, guesses, entries: read_row(&item, "entries"), revision: counted.revision, item: Some(item) })
}

fn read_facts(item: &Item) -> Result<CodeFacts, StoreError> {
    let malformed = |name: &str| StoreError::Malformed("a code", format!("{name} is malformed"));
    let link = item.get("link").map(attributes::read).transpose().map_err(|_| malformed("link"))?;
    let joined = item.get("joined").map(attributes::read).transpose().map_err(|_| malformed("joined"))?;
    Ok(CodeFacts { link, joined, watched: item.get("watched").map(|_| count(item, "watched")) })
}
