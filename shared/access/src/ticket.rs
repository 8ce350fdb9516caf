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

use crate::{AccessError, Keyring};

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
    if header.typ.as_deref() != Some(TYPE) {
        return Err(AccessError::TicketExpired);
    }
    let version = header.kid.ok_or(AccessError::TicketExpired)?;
    let keys = keyring.version(&version).await?.ok_or(AccessError::TicketExpired)?;
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
