//! QR codes on desktops, by which a phone signs them in by WeChat (table Codes).
//!
//! | pk | sk | attributes |
//! |---|---|---|
//! | `PORTAL#<portal>#WECHAT#SCAN#<scan>` | `SCAN` | `state`, `desktop`, `link`, `remember`, `identity`, `phone`, `follows`, `expires`; `ttl`: a QR code on a desktop (S36) |
//!
//! `desktop` and `phone` are hashes of random cookies. Each step is one write whose condition is the state before it, and its end.

use std::fmt;

use aws_sdk_dynamodb::{operation::update_item::builders::UpdateItemFluentBuilder, types::AttributeValue};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::{Timestamp, fmt::serde::timestamp::millisecond::required as milliseconds};
use portico_domain::{ids::PortalId, suffix::Suffix, wechat::Identity};
use serde::{Deserialize, Serialize};

use crate::{
    BrowserHash, Store, StoreError,
    items::{Key, base64url, from_item, instant, stored, text, to_attribute},
    wechat_flows::updated,
};

/// The name of a scan, as the QR code says it: 128 random bits.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ScanId([u8; 16]);

impl ScanId {
    /// A name of these random bytes.
    pub fn new(random: [u8; 16]) -> Self {
        Self(random)
    }

    /// Reads what a QR code or a path said.
    pub fn parse(text: &str) -> Option<Self> {
        URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok().map(Self)
    }
}

impl fmt::Display for ScanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&base64url(self.0))
    }
}

impl fmt::Debug for ScanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ScanId({self})")
    }
}

impl From<ScanId> for String {
    fn from(id: ScanId) -> Self {
        id.to_string()
    }
}

impl TryFrom<String> for ScanId {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).ok_or("not the name of a scan")
    }
}

/// Where a scan stands (F16).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ScanState {
    /// No phone has come yet.
    Waiting,
    /// A phone came; its owner is to follow the service account first (F17).
    MustFollow,
    /// A phone came; its owner is to confirm.
    Scanned,
    /// The owner of the phone confirmed.
    Confirmed,
    /// The owner of the phone declined.
    Declined,
    /// The desktop took it.
    Used,
}

impl ScanState {
    fn attribute(self) -> AttributeValue {
        text(match self {
            Self::Waiting => "waiting",
            Self::MustFollow => "mustFollow",
            Self::Scanned => "scanned",
            Self::Confirmed => "confirmed",
            Self::Declined => "declined",
            Self::Used => "used",
        })
    }
}

/// A QR code on a desktop, by which a phone signs it in.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Scan {
    /// Where it stands.
    pub state: ScanState,
    /// The desktop: no other browser learns how it stands or enters by it (S36).
    pub desktop: BrowserHash,
    /// The link by which they came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<Suffix>,
    /// Whether they ticked the box (F25).
    pub remember: bool,
    /// Whom WeChat named on the phone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<Identity>,
    /// The phone: no other browser confirms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<BrowserHash>,
    /// Whether WeChat says that they follow the service account (F17).
    #[serde(default)]
    pub follows: bool,
    /// Until when this is good (UTC).
    #[serde(rename = "expires", with = "milliseconds")]
    pub expires_at: Timestamp,
}

stored!(Scan);

fn scan_key(portal: PortalId, scan: ScanId) -> Key {
    Key::new(format!("PORTAL#{portal}#WECHAT#SCAN#{scan}"), "SCAN")
}

impl Store {
    /// Writes a new scan.
    pub async fn start_scan(&self, portal: PortalId, id: ScanId, scan: &Scan) -> Result<(), StoreError> {
        self.put_expiring(&scan_key(portal, id), scan, scan.expires_at).await
    }

    /// A scan, in its newest state.
    pub async fn scan(&self, portal: PortalId, id: ScanId) -> Result<Option<Scan>, StoreError> {
        let item = self.read(&self.tables.codes, &scan_key(portal, id)).await?;
        item.map(|item| from_item("a scan", &item)).transpose()
    }

    /// Notes whom WeChat named on the phone, and whether they follow. Of any number of phones, one; false for the others, and after the end.
    pub async fn name_scan(
        &self,
        portal: PortalId,
        id: ScanId,
        identity: &Identity,
        phone: &BrowserHash,
        (after, follows): (ScanState, bool),
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let expression = "SET #state = :after, #identity = :identity, phone = :phone, follows = :follows";
        let update = self
            .codes_update(&scan_key(portal, id), expression)
            .condition_expression("#state = :before AND expires > :now")
            .expression_attribute_names("#identity", "identity")
            .expression_attribute_values(":identity", to_attribute(identity)?)
            .expression_attribute_values(":phone", text(&phone.0))
            .expression_attribute_values(":follows", AttributeValue::Bool(follows));
        Ok(updated::<Scan>("a scan", between(update, ScanState::Waiting, after, now)).await?.is_some())
    }

    /// Writes what the owner of the phone decided. False if it was not that phone, not its turn, or too late.
    pub async fn answer_scan(
        &self,
        portal: PortalId,
        id: ScanId,
        phone: &BrowserHash,
        after: ScanState,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let update = self
            .codes_update(&scan_key(portal, id), "SET #state = :after")
            .condition_expression("#state = :before AND phone = :phone AND expires > :now")
            .expression_attribute_values(":phone", text(&phone.0));
        Ok(updated::<Scan>("a scan", between(update, ScanState::Scanned, after, now)).await?.is_some())
    }

    /// Gives a scan that was confirmed to its desktop, for exactly one caller (S36).
    pub async fn take_scan(&self, portal: PortalId, id: ScanId, desktop: &BrowserHash, now: Timestamp) -> Result<Option<Scan>, StoreError> {
        let update = self
            .codes_update(&scan_key(portal, id), "SET #state = :after")
            .condition_expression("#state = :before AND desktop = :desktop AND expires > :now")
            .expression_attribute_values(":desktop", text(&desktop.0));
        updated("a scan", between(update, ScanState::Confirmed, ScanState::Used, now)).await
    }

    /// Notes that the owner of the phone follows now.
    pub(crate) async fn scan_followed(
        &self,
        portal: PortalId,
        scan: ScanId,
        identity: &Identity,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let update = self
            .codes_update(&scan_key(portal, scan), "SET #state = :after, follows = :true")
            .condition_expression("#state = :before AND #identity = :identity AND expires > :now")
            .expression_attribute_names("#identity", "identity")
            .expression_attribute_values(":true", AttributeValue::Bool(true))
            .expression_attribute_values(":identity", to_attribute(identity)?);
        updated::<Scan>("a scan", between(update, ScanState::MustFollow, ScanState::Scanned, now)).await?;
        Ok(())
    }
}

/// The values of a change of a scan's state.
fn between(update: UpdateItemFluentBuilder, before: ScanState, after: ScanState, now: Timestamp) -> UpdateItemFluentBuilder {
    update
        .expression_attribute_names("#state", "state")
        .expression_attribute_values(":before", before.attribute())
        .expression_attribute_values(":after", after.attribute())
        .expression_attribute_values(":now", instant(now))
}
