//! Flow tickets: what has been proven between two steps of a sign-in (S38, S65).
//!
//! A JWT (RFC 7519) signed with HMAC-SHA256, good for ten minutes, for one portal, for the next step only.

use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, decode_header, encode};
use portico_domain::{
    address::AddressKind,
    admission::{Evidence, Step},
    ids::{FlowId, PortalId, UserId},
    suffix::Suffix,
};
use serde::{Deserialize, Serialize};

use crate::{AccessError, Keyring, keys::Keys};

/// How long a ticket lives.
pub const LIFETIME: SignedDuration = SignedDuration::from_mins(10);
/// How long the tickets of one sign-in are renewed: a page that waits for approval all day still turns into the application.
pub const LONGEST: SignedDuration = SignedDuration::from_hours(24);
const TYPE: &str = "portico-flow+jwt";

/// The step that a ticket is for: it opens no other (S38).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Open {
    /// Following the service account.
    Follow,
    /// Proving an address for the first time, after WeChat.
    FirstBind,
    /// The second step.
    SecondStep,
    /// Accepting the agreements.
    Consent,
    /// Proving an address of this kind, too.
    Bind(AddressKind),
    /// Filling in the fields.
    Collect,
    /// Waiting for a decision.
    Wait,
}

impl From<Step> for Open {
    fn from(step: Step) -> Self {
        match step {
            Step::Follow => Self::Follow,
            Step::FirstBind(_) => Self::FirstBind,
            Step::SecondStep => Self::SecondStep,
            Step::Consent(_) => Self::Consent,
            Step::Bind(kind) => Self::Bind(kind),
            Step::Collect => Self::Collect,
            Step::AwaitApproval => Self::Wait,
        }
    }
}

/// By what somebody showed who they are. Address and identity themselves stay in the tables (S10, S47).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Shown {
    /// A code to their address of this kind.
    Code(AddressKind),
    /// A password, with their address of this kind.
    Password(AddressKind),
    /// WeChat.
    #[serde(rename = "wechat")]
    WeChat,
}

impl From<&Evidence> for Shown {
    fn from(evidence: &Evidence) -> Self {
        match evidence {
            Evidence::Code(address) => Self::Code(address.kind()),
            Evidence::Password(address) => Self::Password(address.kind()),
            // Once it is bound, the identity shows the account.
            Evidence::WeChat(_) | Evidence::FirstBind { .. } => Self::WeChat,
        }
    }
}

/// What has been proven, by whom, in which sign-in, and what it is good for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// The sign-in; the same in all its tickets.
    #[serde(rename = "fid")]
    pub flow: FlowId,
    /// The account; the one that would be made, where there is none yet.
    #[serde(rename = "sub")]
    pub user: UserId,
    /// The step that comes next.
    #[serde(rename = "opn")]
    pub open: Open,
    /// By what they showed who they are.
    #[serde(rename = "prf")]
    pub shown: Shown,
    /// Whether WeChat said that they follow the service account (F17).
    #[serde(rename = "flw", default, skip_serializing_if = "std::ops::Not::not")]
    pub follows: bool,
    /// Whether the second step is done.
    #[serde(rename = "2nd", default, skip_serializing_if = "std::ops::Not::not")]
    pub second_step: bool,
    /// The version of the agreements that they accepted, where that is not written yet.
    #[serde(rename = "cns", default, skip_serializing_if = "Option::is_none")]
    pub consent: Option<u32>,
    /// When it was proven, in Unix seconds.
    #[serde(rename = "auth_time")]
    pub proven_at_s: i64,
    /// Whether the person ticked the box.
    #[serde(rename = "rem")]
    pub remember: bool,
    /// The link by which they came.
    #[serde(rename = "lnk", default, skip_serializing_if = "Option::is_none")]
    pub link: Option<Suffix>,
}

#[derive(Serialize, Deserialize)]
struct Claims {
    aud: PortalId,
    exp: i64,
    nbf: i64,
    #[serde(flatten)]
    facts: Facts,
}

impl Facts {
    /// When the address was proven.
    pub fn proven_at(&self) -> Timestamp {
        Timestamp::from_second(self.proven_at_s).unwrap_or(Timestamp::UNIX_EPOCH)
    }
}

/// Writes a ticket.
pub async fn issue(keyring: &Keyring, portal: PortalId, facts: &Facts, now: Timestamp) -> Result<String, AccessError> {
    let keys = keyring.current().await?;
    let mut header = Header::new(Algorithm::HS256);
    header.typ = Some(TYPE.into());
    header.kid = Some(keys.version().to_owned());
    let claims = Claims { aud: portal, exp: now.as_second() + LIFETIME.as_secs(), nbf: now.as_second(), facts: facts.clone() };
    encode(&header, &claims, &EncodingKey::from_secret(keys.ticket())).map_err(|_| AccessError::Crypto("a ticket could not be signed"))
}

/// Reads a ticket of this portal. Whatever is wrong with it, the answer is the same.
pub async fn read(keyring: &Keyring, portal: PortalId, ticket: &str, now: Timestamp) -> Result<Facts, AccessError> {
    let header = decode_header(ticket).map_err(|_| AccessError::TicketExpired)?;
    let version = header.kid.filter(|_| header.typ.as_deref() == Some(TYPE)).ok_or(AccessError::TicketExpired)?;
    let keys = keyring.version(&version).await?.ok_or(AccessError::TicketExpired)?;
    check(&keys, portal, ticket, now)
}

/// The facts of a ticket that these keys signed for this portal, while it is good (S65).
fn check(keys: &Keys, portal: PortalId, ticket: &str, now: Timestamp) -> Result<Facts, AccessError> {
    let mut validation = Validation::new(Algorithm::HS256);
    validation.set_audience(&[portal]);
    validation.set_required_spec_claims(&["exp", "nbf", "aud", "sub"]);
    // Judged below, by our clock.
    validation.validate_exp = false;
    let claims =
        decode::<Claims>(ticket, &DecodingKey::from_secret(keys.ticket()), &validation).map_err(|_| AccessError::TicketExpired)?.claims;
    let age = now.duration_since(claims.facts.proven_at());
    // Two minutes of tolerance where another machine's clock made the ticket (R26).
    if now.as_second() >= claims.exp || now.as_second() + 120 < claims.nbf || age > LONGEST {
        return Err(AccessError::TicketExpired);
    }
    Ok(claims.facts)
}

#[cfg(test)]
mod tests {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    use portico_runtime::{Clock, Deployment, secret::SecretVersion};
    use serde_json::{Value, json};

    use super::*;

    fn keys() -> Keys {
        Keys::derive(&SecretVersion { id: "v1".into(), text: "secret".into() })
    }

    fn portal(random: u128) -> PortalId {
        PortalId::new(Timestamp::UNIX_EPOCH, random)
    }

    fn now() -> Timestamp {
        Timestamp::from_second(1_800_000_000).unwrap()
    }

    /// The claims of a ticket that is good, with some of them changed; null takes one away.
    fn claims(changes: &[(&str, Value)]) -> Value {
        let facts = Facts {
            flow: FlowId::new(now(), 1),
            user: UserId::new(now(), 1),
            open: Open::Collect,
            method: Method::Code,
            proven: AddressKind::Email,
            second_step: false,
            consent: None,
            proven_at_s: now().as_second(),
            remember: false,
            link: None,
        };
        let claims = Claims { aud: portal(1), exp: now().as_second() + LIFETIME.as_secs(), nbf: now().as_second(), facts };
        let mut claims = serde_json::to_value(claims).unwrap();
        for (name, value) in changes {
            claims[*name] = value.clone();
            if value.is_null() {
                claims.as_object_mut().unwrap().remove(*name);
            }
        }
        claims
    }

    fn signed(algorithm: Algorithm, key: &[u8], claims: &Value) -> String {
        encode(&Header { typ: Some(TYPE.into()), kid: Some("v1".into()), ..Header::new(algorithm) }, claims, &EncodingKey::from_secret(key))
            .unwrap()
    }

    fn is_good(ticket: &str, now: Timestamp) -> bool {
        check(&keys(), portal(1), ticket, now).is_ok()
    }

    #[test]
    fn a_ticket_is_good_with_every_claim_and_no_other_value() {
        // S65
        let sign = |changes: &[(&str, Value)]| signed(Algorithm::HS256, keys().ticket(), &claims(changes));
        assert!(is_good(&sign(&[]), now()));
        let later = now().as_second();
        for (name, value) in [
            ("aud", json!(portal(2))),
            ("aud", json!("*")),
            ("aud", Value::Null),
            ("exp", json!(later)),
            ("exp", json!(0)),
            ("exp", Value::Null),
            ("nbf", json!(later + 121)),
            ("nbf", Value::Null),
            ("sub", Value::Null),
            ("sub", json!("somebody")),
            ("auth_time", json!(later - 86_401)),
            ("opn", Value::Null),
            ("opn", json!("everything")),
        ] {
            assert!(!is_good(&sign(&[(name, value.clone())]), now()), "{name} {value}");
        }
        let minutes = |minutes| now() + SignedDuration::from_mins(minutes);
        assert!(is_good(&sign(&[]), minutes(9)) && !is_good(&sign(&[]), minutes(10)), "ten minutes");
    }

    #[test]
    fn a_ticket_is_signed_by_one_key_in_one_way() {
        // S65
        let good = signed(Algorithm::HS256, keys().ticket(), &claims(&[]));
        let other = Keys::derive(&SecretVersion { id: "v1".into(), text: "other".into() });
        assert!(!is_good(&signed(Algorithm::HS256, other.ticket(), &claims(&[])), now()), "another secret");
        for algorithm in [Algorithm::HS384, Algorithm::HS512] {
            assert!(!is_good(&signed(algorithm, keys().ticket(), &claims(&[])), now()), "{algorithm:?}");
        }
        let (body, signature) = (good.split('.').nth(1).unwrap(), good.split('.').nth(2).unwrap());
        for algorithm in ["none", "None", "NONE", ""] {
            let header = URL_SAFE_NO_PAD.encode(json!({ "alg": algorithm, "typ": TYPE, "kid": "v1" }).to_string());
            for signature in ["", signature] {
                assert!(!is_good(&format!("{header}.{body}.{signature}"), now()), "{algorithm:?}");
            }
        }
        for cut in [body.to_owned(), format!("{}.{body}", good.split('.').next().unwrap()), format!("{good}x"), String::new()] {
            assert!(!is_good(&cut, now()), "{cut}");
        }
    }

    #[test]
    fn a_token_of_another_type_is_no_ticket() {
        // S65: before any key is asked for
        let keyring = Keyring::new(&Deployment::new(|_| None, Clock::system()));
        for typ in [None, Some("JWT"), Some("at+jwt"), Some("portico-flow+JWT ")] {
            let header = Header { typ: typ.map(str::to_owned), kid: Some("v1".into()), ..Header::new(Algorithm::HS256) };
            let ticket = encode(&header, &claims(&[]), &EncodingKey::from_secret(keys().ticket())).unwrap();
            let read = tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(read(&keyring, portal(1), &ticket, now()));
            assert!(matches!(read, Err(AccessError::TicketExpired)), "{typ:?}: {read:?}");
        }
    }
}
