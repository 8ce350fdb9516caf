//! Sign-ins by WeChat that are under way (table Codes).
//!
//! | pk | sk | attributes |
//! |---|---|---|
//! | `PORTAL#<portal>#WECHAT#STATE#<SHA-256 of organisation and secret>` | `STATE` | `browser`, `link`, `remember`, `scan`, `expires`; `ttl`: somebody who was sent to WeChat (S31) |
//! | `PORTAL#<portal>#WECHAT#FLOW#<flow>` | `PENDING` | `identity`, `browser`, `follows`, `qr`, `scan`, `expires`; `ttl`: whom WeChat named, and who is not in yet (S34) |
//! | `WECHAT#<account>#PUSH#<SHA-256 of what names it>` | `SEEN` | nothing: a push that was taken; `ttl` (S63) |
//!
//! `browser` is the hash of a random cookie. Whatever a step may change is the condition of its write, its end too.

use std::fmt;

use aws_sdk_dynamodb::{
    operation::{delete_item::DeleteItemError, update_item::builders::UpdateItemFluentBuilder},
    types::{AttributeValue, ReturnValue},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::{SignedDuration, Timestamp, fmt::serde::timestamp::millisecond::required as milliseconds};
use portico_domain::{
    ids::{FlowId, OrganisationId, PortalId, WeChatAccountId},
    suffix::Suffix,
    wechat::{Identity, Scene},
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{
    ScanId, Store, StoreError,
    calls::Call,
    codes::put_is_condition,
    items::{Key, Stored, base64url, from_item, instant, stored, text, time_to_live, to_attribute, to_item},
    portals::is_condition,
};

/// How long a push is remembered: WeChat repeats one within 15 seconds, and pushes with an older time are refused anyway.
const PUSH_REMEMBERED: SignedDuration = SignedDuration::from_mins(15);

/// A random cookie by which a browser is known again during a sign-in by WeChat: 128 bits. `Debug` shows none of it.
#[derive(Clone, PartialEq, Eq)]
pub struct BrowserSecret([u8; 16]);

impl BrowserSecret {
    /// A secret of these random bytes.
    pub fn new(random: [u8; 16]) -> Self {
        Self(random)
    }

    /// Reads what a browser sent.
    pub fn parse(text: &str) -> Option<Self> {
        URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok().map(Self)
    }

    /// The text that the browser carries.
    pub fn reveal(&self) -> String {
        base64url(self.0)
    }

    /// The form in which it is stored and compared.
    pub fn hash(&self) -> BrowserHash {
        BrowserHash(base64url(Sha256::digest(self.0)))
    }
}

impl fmt::Debug for BrowserSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BrowserSecret(redacted)")
    }
}

/// The hash of a [`BrowserSecret`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BrowserHash(pub(crate) String);

/// What WeChat carries there and back: organisation, portal and 128 random bits (S31). `Debug` shows none of it.
///
/// Letters and digits only, 84 of the 128 that WeChat takes. Organisation and portal lead to what is read; they are trusted as far
/// as the state below them exists.
#[derive(Clone)]
pub struct WeChatState {
    organisation: OrganisationId,
    portal: PortalId,
    secret: [u8; 16],
}

impl WeChatState {
    /// A state with a fresh secret.
    pub fn new(organisation: OrganisationId, portal: PortalId, secret: [u8; 16]) -> Self {
        Self { organisation, portal, secret }
    }

    /// Reads what came back from WeChat.
    pub fn parse(text: &str) -> Option<Self> {
        let (organisation, portal, secret) = (text.get(..26)?, text.get(26..52)?, text.get(52..)?);
        if secret.len() != 32 {
            return None;
        }
        let secret = u128::from_str_radix(secret, 16).ok()?.to_be_bytes();
        Some(Self { organisation: organisation.parse().ok()?, portal: portal.parse().ok()?, secret })
    }

    /// The text that WeChat carries.
    pub fn reveal(&self) -> String {
        format!("{}{}{:032x}", self.organisation, self.portal, u128::from_be_bytes(self.secret))
    }

    /// The organisation whose service account is asked.
    pub fn organisation(&self) -> OrganisationId {
        self.organisation
    }

    /// The portal that somebody is about to enter.
    pub fn portal(&self) -> PortalId {
        self.portal
    }

    fn key(&self) -> Key {
        // The organisation is part of what is hashed: with another one in its place the state is not there.
        let hash = Sha256::new().chain_update(self.organisation.to_bytes()).chain_update(self.secret).finalize();
        Key::new(format!("PORTAL#{}#WECHAT#STATE#{}", self.portal, base64url(hash)), "STATE")
    }
}

impl fmt::Debug for WeChatState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WeChatState(redacted)")
    }
}

/// Somebody who was sent to WeChat.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Departure {
    /// Their browser: no other one may come back (S31).
    pub browser: BrowserHash,
    /// The link by which they came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<Suffix>,
    /// Whether they ticked the box (F25).
    pub remember: bool,
    /// The desktop's scan that they serve, if it is not themselves who enter here (F16).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scan: Option<ScanId>,
    /// Until when they may come back (UTC).
    #[serde(rename = "expires", with = "milliseconds")]
    pub expires_at: Timestamp,
}

stored!(Departure);

/// Whom WeChat named, and who has to follow or to prove an address first.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Pending {
    /// Whom.
    pub identity: Identity,
    /// Their browser: the address is proven in no other one (S34).
    pub browser: BrowserHash,
    /// Whether WeChat says that they follow the service account (F17).
    pub follows: bool,
    /// What the QR code says by which they follow, if they have to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub qr: Option<String>,
    /// The desktop's scan that goes on once they follow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scan: Option<ScanId>,
    /// Until when this is good (UTC).
    #[serde(rename = "expires", with = "milliseconds")]
    pub expires_at: Timestamp,
}

stored!(Pending);

/// The scene of a QR code with parameters: the flow that goes on when it was scanned, and its portal. 52 of the 64 characters that
/// WeChat takes.
pub fn scene(portal: PortalId, flow: FlowId) -> Option<Scene> {
    Scene::try_from(format!("{portal}{flow}")).ok()
}

/// Portal and flow of a scene of ours.
fn read_scene(scene: &Scene) -> Option<(PortalId, FlowId)> {
    let (portal, flow) = scene.as_str().split_at_checked(26)?;
    Some((portal.parse().ok()?, flow.parse().ok()?))
}

fn pending_key(portal: PortalId, flow: FlowId) -> Key {
    Key::new(format!("PORTAL#{portal}#WECHAT#FLOW#{flow}"), "PENDING")
}

impl Store {
    /// Notes that somebody is sent to WeChat with a state.
    pub async fn depart(&self, state: &WeChatState, departure: &Departure) -> Result<(), StoreError> {
        self.put_expiring(&state.key(), departure, departure.expires_at).await
    }

    /// Uses a state up. `None` if it is used, too old, or of another browser: then it stays as it is (S31).
    pub async fn arrive(&self, state: &WeChatState, browser: &BrowserHash, now: Timestamp) -> Result<Option<Departure>, StoreError> {
        let result = self
            .client
            .delete_item()
            .table_name(&self.tables.codes)
            .set_key(Some(state.key().attributes()))
            .condition_expression("browser = :browser AND expires > :now")
            .expression_attribute_values(":browser", text(&browser.0))
            .expression_attribute_values(":now", instant(now))
            .return_values(ReturnValue::AllOld)
            .call()
            .await;
        match result {
            Ok(answer) => answer.attributes.map(|item| from_item("a state", &item)).transpose(),
            Err(error) if error.as_service_error().is_some_and(DeleteItemError::is_conditional_check_failed_exception) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Keeps whom WeChat named until they follow, or have proven an address.
    pub async fn put_pending(&self, portal: PortalId, flow: FlowId, pending: &Pending) -> Result<(), StoreError> {
        self.put_expiring(&pending_key(portal, flow), pending, pending.expires_at).await
    }

    /// Whom WeChat named in a flow that waits. `None` if it waits no longer, or for too long.
    pub async fn pending(&self, portal: PortalId, flow: FlowId, now: Timestamp) -> Result<Option<Pending>, StoreError> {
        let item = self.read(&self.tables.codes, &pending_key(portal, flow)).await?;
        let pending: Option<Pending> = item.map(|item| from_item("a pending identity", &item)).transpose()?;
        Ok(pending.filter(|pending| now < pending.expires_at))
    }

    /// Ends the waiting of a flow. True for exactly one caller.
    pub async fn end_pending(&self, portal: PortalId, flow: FlowId) -> Result<bool, StoreError> {
        let key = pending_key(portal, flow).attributes();
        let delete = self.client.delete_item().table_name(&self.tables.codes).set_key(Some(key)).return_values(ReturnValue::AllOld);
        Ok(delete.call().await?.attributes.is_some_and(|item| !item.is_empty()))
    }

    /// Notes that the very person for whom a QR code was made has scanned it, and so follows; the desktop that waits for them goes on.
    /// False if the scene is none of ours, or of somebody else, or too old.
    pub async fn follow(&self, scene: &Scene, identity: &Identity, now: Timestamp) -> Result<bool, StoreError> {
        let Some((portal, flow)) = read_scene(scene) else { return Ok(false) };
        let update = self
            .codes_update(&pending_key(portal, flow), "SET follows = :true")
            .condition_expression("#identity = :identity AND expires > :now")
            .expression_attribute_names("#identity", "identity")
            .expression_attribute_values(":true", AttributeValue::Bool(true))
            .expression_attribute_values(":identity", to_attribute(identity)?)
            .expression_attribute_values(":now", instant(now));
        let Some(pending) = updated::<Pending>("a pending identity", update).await? else { return Ok(false) };
        if let Some(scan) = pending.scan {
            self.scan_followed(portal, scan, identity, now).await?;
        }
        Ok(true)
    }

    /// Notes that a push is taken. False if it was taken before (S63).
    pub async fn take_push(&self, account: WeChatAccountId, name: &str, now: Timestamp) -> Result<bool, StoreError> {
        let mut item = push_key(account, name).attributes();
        item.insert("ttl".into(), time_to_live(now.saturating_add(PUSH_REMEMBERED).unwrap_or(now)));
        let write =
            self.client.put_item().table_name(&self.tables.codes).set_item(Some(item)).condition_expression("attribute_not_exists(pk)");
        match write.call().await {
            Ok(_) => Ok(true),
            Err(error) if put_is_condition(&error) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Forgets a push that could not be dealt with: WeChat sends it again.
    pub async fn forget_push(&self, account: WeChatAccountId, name: &str) -> Result<(), StoreError> {
        self.client.delete_item().table_name(&self.tables.codes).set_key(Some(push_key(account, name).attributes())).call().await?;
        Ok(())
    }

    pub(crate) async fn put_expiring<T: Serialize>(&self, key: &Key, value: &T, expires_at: Timestamp) -> Result<(), StoreError> {
        let mut item = to_item(key, value)?;
        item.insert("ttl".into(), time_to_live(expires_at));
        self.client.put_item().table_name(&self.tables.codes).set_item(Some(item)).call().await?;
        Ok(())
    }

    pub(crate) fn codes_update(&self, key: &Key, expression: &str) -> UpdateItemFluentBuilder {
        self.client
            .update_item()
            .table_name(&self.tables.codes)
            .set_key(Some(key.attributes()))
            .update_expression(expression)
            .return_values(ReturnValue::AllNew)
    }
}

fn push_key(account: WeChatAccountId, name: &str) -> Key {
    Key::new(format!("WECHAT#{account}#PUSH#{}", base64url(Sha256::digest(name))), "SEEN")
}

/// Carries an update out; what is there after it, or `None` if its condition failed.
pub(crate) async fn updated<T: Stored>(what: &'static str, update: UpdateItemFluentBuilder) -> Result<Option<T>, StoreError> {
    match update.call().await {
        Ok(answer) => answer.attributes.map(|item| from_item(what, &item)).transpose(),
        Err(error) if is_condition(&error) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_survives_its_text_and_hides_in_debug() {
        // S31
        let at = Timestamp::UNIX_EPOCH;
        let state = WeChatState::new(OrganisationId::new(at, 1), PortalId::new(at, 2), [7; 16]);
        let text = state.reveal();
        assert!(text.len() <= 128 && text.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{text}");
        let read = WeChatState::parse(&text).unwrap();
        assert_eq!((read.key(), read.organisation(), read.portal()), (state.key(), state.organisation(), state.portal()));
        assert!(!state.key().pk.contains(&text[52..]));
        assert_eq!(format!("{state:?}"), "WeChatState(redacted)");
        for bad in
            ["", "x", &text[..83], &format!("{text}0"), &text.replace('7', "+"), "长长长长长长长长长长长长长长长长长长长长长长长长长长长长"]
        {
            assert!(WeChatState::parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn a_scene_names_portal_and_flow() {
        let at = Timestamp::UNIX_EPOCH;
        let (portal, flow) = (PortalId::new(at, 2), FlowId::new(at, 3));
        assert_eq!(read_scene(&scene(portal, flow).unwrap()), Some((portal, flow)));
        for foreign in ["1", "9f86d081884c7d659a2feaa0c55ad015", "01KAMQ3ZB7W0GJ5Q4S9T2X8Y6V"] {
            assert_eq!(read_scene(&Scene::try_from(foreign.to_owned()).unwrap()), None, "{foreign}");
        }
    }
}
