//! Calls that may be sent twice, and the answers that their repetitions get (table Codes).
//!
//! | pk | sk | attributes |
//! |---|---|---|
//! | `ORG#<organisation>#CALL#<hash>`, `PORTAL#<portal>#CALL#<hash>` | `ANSWER` | `request`, `hold`, `expires`, `ttl`; while the call runs `heldUntil`, then `status`, `headers`, `body`: sealed, `secretVersion` |
//! | `PORTAL#<portal>#USER#<user>` | `CALL#<hash>` | the same, for a user: erased with the account (S69) |
//!
//! The hash is that of caller, route and key, so none of them stands in the table. `request` is the hash of key and request (R2): the
//! key, which only the caller knows, keeps passwords and addresses in a request from being guessed by it. A call is held before it
//! runs, by one conditional write, so that of two twins one runs (R1). The hold is short: a call that died blocks its key for the time
//! of a hold, not for the life of the key.

use aws_sdk_dynamodb::{error::SdkError, operation::put_item::PutItemError, types::ReturnValuesOnConditionCheckFailure};
use jiff::{SignedDuration, Timestamp};
use portico_domain::ids::{OrganisationId, PortalId, UserId};
use sha2::{Digest, Sha256};

use crate::{
    Store, StoreError, attributes,
    calls::Call,
    items::{Item, Key, base64url, binary, instant, number, text, time_to_live, to_attribute},
    portals::is_condition,
    sessions::of_user,
};

/// How long a key means one call.
const LIFETIME: SignedDuration = SignedDuration::from_hours(24);
/// How long a call may run: longer than any function of the API, which API Gateway gives 30 seconds at most.
const HOLD: SignedDuration = SignedDuration::from_secs(35);
/// The longest body that is kept, in bytes; an item may have 400 KB.
pub const LONGEST_KEPT_BODY: usize = 300 * 1024;

/// To whom a call belongs: no key of one means anything to another (S42, S43).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tenant {
    /// A member's call.
    Organisation(OrganisationId),
    /// The call of an external user who is signed in.
    User(PortalId, UserId),
    /// The call of somebody who is not.
    Portal(PortalId),
}

/// A call that its caller gave a key.
#[derive(Clone, Copy)]
pub struct KeyedCall<'a> {
    /// To whom it belongs.
    pub tenant: Tenant,
    /// Who calls, within the tenant.
    pub caller: &'a str,
    /// Method and path of the route, as the template writes it.
    pub route: &'a str,
    /// The key.
    pub key: &'a str,
    /// All that says what the call asks for.
    pub request: &'a [&'a [u8]],
}

/// Whose turn it is when a call with a key arrives.
#[derive(Debug)]
pub enum Turn {
    /// The call is to be run, and its answer to be kept.
    Run(Hold),
    /// Its twin runs.
    Running,
    /// It was answered, by a call with this hold.
    Answered(KeptAnswer, [u8; 16]),
    /// The key belongs to a call that asked for something else (R2).
    Other,
}

/// The right to run a call and to say its answer, until it is over or taken over.
#[derive(Debug)]
pub struct Hold {
    key: Key,
    hold: [u8; 16],
    expires_at: Timestamp,
}

/// An answer as it is kept for repetitions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptAnswer {
    /// The status.
    pub status: u16,
    /// Names and values of the headers that are part of the answer.
    pub headers: Vec<(String, String)>,
    /// The body, sealed.
    pub body: Vec<u8>,
    /// The version of the deployment's secret that it was sealed with; empty if with none.
    pub secret_version: String,
}

impl Hold {
    /// The random bytes that tell this call from all others.
    pub fn random(&self) -> &[u8; 16] {
        &self.hold
    }
}

impl KeyedCall<'_> {
    fn item_key(&self) -> Key {
        let hash = base64url(digest(&[self.caller.as_bytes(), self.route.as_bytes(), self.key.as_bytes()]));
        match self.tenant {
            Tenant::Organisation(id) => Key::new(format!("ORG#{id}#CALL#{hash}"), "ANSWER"),
            Tenant::User(portal, user) => Key::new(of_user(portal, user), format!("CALL#{hash}")),
            Tenant::Portal(id) => Key::new(format!("PORTAL#{id}#CALL#{hash}"), "ANSWER"),
        }
    }

    fn fingerprint(&self) -> [u8; 32] {
        digest(&[&[self.key.as_bytes()], self.request].concat())
    }
}

impl Store {
    /// Asks for the turn of a call. `hold` is 16 random bytes that tell this asking from all others.
    pub async fn take_turn(&self, call: &KeyedCall<'_>, hold: [u8; 16], now: Timestamp) -> Result<Turn, StoreError> {
        let (key, request) = (call.item_key(), call.fingerprint());
        let expires_at = later(now, LIFETIME);
        let mut item = key.attributes();
        item.extend(
            [
                ("request", binary(&request)),
                ("hold", binary(&hold)),
                ("heldUntil", instant(later(now, HOLD))),
                ("expires", instant(expires_at)),
                ("ttl", time_to_live(expires_at)),
            ]
            .map(|(name, value)| (name.to_owned(), value)),
        );
        let result = self
            .client
            .put_item()
            .table_name(&self.tables.codes)
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(pk) OR expires <= :now OR (heldUntil <= :now AND #request = :request)")
            .expression_attribute_names("#request", "request")
            .expression_attribute_values(":now", instant(now))
            .expression_attribute_values(":request", binary(&request))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .call()
            .await;
        match result.map_err(found) {
            Ok(_) => Ok(Turn::Run(Hold { key, hold, expires_at })),
            // Our own write, whose answer was lost on its way to the SDK, which asked again.
            Err(Ok(item)) if has(&item, "hold", &hold) => Ok(Turn::Run(Hold { key, hold, expires_at })),
            Err(Ok(item)) if !has(&item, "request", &request) => Ok(Turn::Other),
            Err(Ok(item)) if item.contains_key("status") => read_answer(&item).map(|(answer, hold)| Turn::Answered(answer, hold)),
            Err(Ok(_)) => Ok(Turn::Running),
            Err(Err(error)) => Err(error),
        }
    }

    /// Keeps the answer of a call for its repetitions: until `until` if that is given, else for the life of the key. If the call was
    /// taken over meanwhile, the answer of the other one stands.
    pub async fn keep_answer(&self, hold: &Hold, answer: &KeptAnswer, until: Option<Timestamp>) -> Result<(), StoreError> {
        let until = until.map_or(hold.expires_at, |until| until.min(hold.expires_at));
        let result = self
            .client
            .update_item()
            .table_name(&self.tables.codes)
            .set_key(Some(hold.key.attributes()))
            .update_expression("SET #status = :status, #headers = :headers, #body = :body, secretVersion = :secretVersion, expires = :until, #ttl = :ttl REMOVE heldUntil")
            .condition_expression("#hold = :hold")
            .expression_attribute_names("#status", "status")
            .expression_attribute_names("#headers", "headers")
            .expression_attribute_names("#body", "body")
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_names("#hold", "hold")
            .expression_attribute_values(":status", number(answer.status))
            .expression_attribute_values(":headers", to_attribute(&answer.headers)?)
            .expression_attribute_values(":body", binary(&answer.body))
            .expression_attribute_values(":secretVersion", text(&answer.secret_version))
            .expression_attribute_values(":until", instant(until))
            .expression_attribute_values(":ttl", time_to_live(until))
            .expression_attribute_values(":hold", binary(&hold.hold))
            .call()
            .await;
        match result {
            Err(error) if !is_condition(&error) => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// Lets a call whose answer is not kept be sent again at once. The key stays with what was asked for.
    pub async fn let_go(&self, hold: &Hold) -> Result<(), StoreError> {
        let result = self
            .client
            .update_item()
            .table_name(&self.tables.codes)
            .set_key(Some(hold.key.attributes()))
            .update_expression("SET heldUntil = :never")
            .condition_expression("#hold = :hold")
            .expression_attribute_names("#hold", "hold")
            .expression_attribute_values(":never", number(0))
            .expression_attribute_values(":hold", binary(&hold.hold))
            .call()
            .await;
        match result {
            Err(error) if !is_condition(&error) => Err(error.into()),
            _ => Ok(()),
        }
    }
}

/// SHA-256 of parts that cannot run into each other.
fn digest(parts: &[&[u8]]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

fn later(now: Timestamp, by: SignedDuration) -> Timestamp {
    now.saturating_add(by).unwrap_or(now)
}

/// The item that stood in the way, or what else went wrong.
fn found(error: SdkError<PutItemError>) -> Result<Item, StoreError> {
    match error.as_service_error() {
        Some(PutItemError::ConditionalCheckFailedException(failed)) => Ok(failed.item().cloned().unwrap_or_default()),
        _ => Err(error.into()),
    }
}

fn has(item: &Item, name: &str, bytes: &[u8]) -> bool {
    item.get(name).and_then(|value| value.as_b().ok()).is_some_and(|found| found.as_ref() == bytes)
}

fn read_answer(item: &Item) -> Result<(KeptAnswer, [u8; 16]), StoreError> {
    let malformed = || StoreError::Malformed("a call", "its answer cannot be read".into());
    let value = |name: &str| item.get(name).ok_or_else(malformed);
    let bytes = |name: &str| value(name)?.as_b().map(|bytes| bytes.as_ref().to_vec()).map_err(|_| malformed());
    let answer = KeptAnswer {
        status: value("status")?.as_n().ok().and_then(|digits| digits.parse().ok()).ok_or_else(malformed)?,
        headers: attributes::read(value("headers")?).map_err(|_| malformed())?,
        body: bytes("body")?,
        secret_version: value("secretVersion")?.as_s().cloned().map_err(|_| malformed())?,
    };
    Ok((answer, bytes("hold")?.try_into().map_err(|_| malformed())?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call<'a>(tenant: Tenant, caller: &'a str, route: &'a str, key: &'a str) -> KeyedCall<'a> {
        KeyedCall { tenant, caller, route, key, request: &[] }
    }

    #[test]
    fn a_key_is_one_of_its_tenant_caller_and_route() {
        // S42, S43
        let (organisation, portal) =
            (Tenant::Organisation(OrganisationId::from_bytes([1; 16])), Tenant::Portal(PortalId::from_bytes([1; 16])));
        let calls = [
            call(organisation, "a", "b", "c"),
            call(portal, "a", "b", "c"),
            call(Tenant::User(PortalId::from_bytes([1; 16]), UserId::from_bytes([1; 16])), "a", "b", "c"),
            call(Tenant::User(PortalId::from_bytes([1; 16]), UserId::from_bytes([2; 16])), "a", "b", "c"),
            call(organisation, "ab", "", "c"),
            call(organisation, "a", "bc", ""),
            call(organisation, "a", "b", "d"),
        ];
        let keys: std::collections::BTreeSet<_> = calls.iter().map(|call| call.item_key()).map(|key| (key.pk, key.sk)).collect();
        assert_eq!(keys.len(), calls.len());
        assert!(keys.iter().all(|(pk, _)| pk.starts_with("ORG#") || pk.starts_with("PORTAL#")));
    }

    #[test]
    fn an_empty_body_is_an_answer_too() {
        let answer =
            KeptAnswer { status: 204, headers: vec![("etag".into(), "\"3\"".into())], body: Vec::new(), secret_version: "v1".into() };
        let item = Item::from([
            ("status".to_owned(), number(answer.status)),
            ("headers".to_owned(), to_attribute(&answer.headers).unwrap()),
            ("body".to_owned(), binary(&answer.body)),
            ("secretVersion".to_owned(), text("v1")),
            ("hold".to_owned(), binary(&[7; 16])),
        ]);
        assert_eq!(read_answer(&item).unwrap(), (answer, [7; 16]));
        assert!(read_answer(&Item::from([("status".to_owned(), number(204))])).is_err());
    }
}
