//! Sessions of external users (table Users).
//!
//! | pk | sk | attributes |
//! |---|---|---|
//! | `PORTAL#<portal>#USER#<user>` | `SESSION#<SHA-256 of the secret>` | `authenticated`, `method`, `expires`, `seen` (only without the tick), `client`, `agent`, `ttl` |
//!
//! A token names portal and user, so that portal, user and session come in one read; its secret half is stored as a hash (S22).

use std::fmt;

use aws_sdk_dynamodb::types::{Put, ReturnValue};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::Timestamp;
use portico_domain::{
    admission::Method,
    ids::{PortalId, UserId},
    portal::Portal,
    session::{NewSession, Term},
    user::User,
};
use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::{
    Store, StoreError,
    calls::Call,
    items::{Item, Key, Wanted, base64url, from_item, instant, read_instant, stored, text, time_to_live, to_attribute},
    portals::{is_condition, portal_key},
    users::user_key,
};

/// What an external user's client carries: portal, user and 32 random bytes (S22). `Debug` shows none of it.
#[derive(Clone)]
pub struct SessionToken {
    portal: PortalId,
    user: UserId,
    secret: [u8; 32],
}

const PREFIX: &str = "pxs_";

impl SessionToken {
    /// A token with a fresh secret.
    pub fn new(portal: PortalId, user: UserId, secret: [u8; 32]) -> Self {
        Self { portal, user, secret }
    }

    /// Reads what a client sent.
    pub fn parse(text: &str) -> Option<Self> {
        let (portal, user, secret) = decode(text.strip_prefix(PREFIX)?)?;
        Some(Self { portal: PortalId::from_bytes(portal), user: UserId::from_bytes(user), secret })
    }

    /// The text that the client carries.
    pub fn reveal(&self) -> String {
        let bytes = [&self.portal.to_bytes()[..], &self.user.to_bytes(), &self.secret].concat();
        format!("{PREFIX}{}", base64url(bytes))
    }

    fn key(&self) -> Key {
        session_key(self.portal, self.user, &hash(&self.secret))
    }
}

impl fmt::Debug for SessionToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionToken(redacted)")
    }
}

/// Two identifiers and a secret out of 64 bytes in base64url.
pub(crate) fn decode(text: &str) -> Option<([u8; 16], [u8; 16], [u8; 32])> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok().filter(|bytes| bytes.len() == 64)?;
    Some((bytes[..16].try_into().ok()?, bytes[16..32].try_into().ok()?, bytes[32..].try_into().ok()?))
}

/// The form in which a secret is stored. It has 256 random bits: a plain hash cannot be searched.
pub(crate) fn hash(secret: &[u8; 32]) -> String {
    base64url(Sha256::digest(secret))
}

fn session_key(portal: PortalId, user: UserId, hash: &str) -> Key {
    Key::new(of_user(portal, user), format!("SESSION#{hash}"))
}

/// The partition of what belongs to one user and is not read with them.
pub(crate) fn of_user(portal: PortalId, user: UserId) -> String {
    format!("PORTAL#{portal}#USER#{user}")
}

/// The device that a session was opened from, for its owner to recognise (B8).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Device {
    /// The client address.
    pub client: String,
    /// What the client calls itself.
    pub agent: Option<String>,
}

/// A session as stored.
#[derive(Debug, Clone)]
pub struct SessionRecord {
    /// Its name, which opens nothing: the stored half of the token.
    pub id: String,
    /// When the user proved who they are (UTC).
    pub authenticated_at: Timestamp,
    /// By what.
    pub method: Method,
    /// When it ends.
    pub term: Term,
    /// Where it was opened.
    pub device: Device,
}

/// A session about to be written: what was granted, under which token, to which device.
#[derive(Debug, Clone, Copy)]
pub struct Opening<'a> {
    /// What was granted.
    pub session: &'a NewSession,
    /// What the client will carry.
    pub token: &'a SessionToken,
    /// The client.
    pub device: &'a Device,
}

/// Portal, user and session as the tables have them now; `session::standing` in domain judges them.
#[derive(Debug, Clone)]
pub struct Signed {
    /// The portal.
    pub portal: Portal,
    /// The user.
    pub user: User,
    /// The session.
    pub session: SessionRecord,
}

impl Store {
    /// Writes a session under its token.
    pub async fn open_session(&self, opening: Opening<'_>) -> Result<(), StoreError> {
        self.client.put_item().table_name(&self.tables.users).set_item(Some(session_item(opening)?)).call().await?;
        Ok(())
    }

    /// The part of a transaction that writes a session.
    pub(crate) fn session_part(&self, opening: Opening<'_>) -> Result<Put, StoreError> {
        Ok(Put::builder().table_name(&self.tables.users).set_item(Some(session_item(opening)?)).build()?)
    }

    /// Reads portal, user and session of a token in one round trip, in their newest state (S26).
    pub async fn signed(&self, token: &SessionToken) -> Result<Option<Signed>, StoreError> {
        let (portal_key, user_key, session_key) = (portal_key(token.portal), user_key(token.portal, token.user), token.key());
        let mut found = self
            .read_many(&[
                Wanted { table: &self.tables.portals, keys: vec![&portal_key], consistent: true },
                Wanted { table: &self.tables.users, keys: vec![&user_key, &session_key], consistent: true },
            ])
            .await?;
        let portal = found.take_as("a portal", &portal_key)?;
        let user = found.take_as("a user", &user_key)?;
        let session = found.take(&session_key).map(read_session).transpose()?;
        match (portal, user, session) {
            (Some(portal), Some(user), Some(session)) => Ok(Some(Signed { portal, user, session })),
            _ => Ok(None),
        }
    }

    /// Notes the time of a request. Does nothing if the session was ended meanwhile: a note never revives one.
    pub async fn touch_session(&self, token: &SessionToken, seen_at: Timestamp) -> Result<(), StoreError> {
        let result = self
            .client
            .update_item()
            .table_name(&self.tables.users)
            .set_key(Some(token.key().attributes()))
            .update_expression("SET seen = :seen")
            .condition_expression("attribute_exists(pk)")
            .expression_attribute_values(":seen", instant(seen_at))
            .call()
            .await;
        match result {
            Ok(_) => Ok(()),
            Err(error) if is_condition(&error) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Ends the session of a token (S28).
    pub async fn end_session(&self, token: &SessionToken) -> Result<(), StoreError> {
        self.client.delete_item().table_name(&self.tables.users).set_key(Some(token.key().attributes())).call().await?;
        Ok(())
    }

    /// The sessions of a user that are not over, newest first (S29).
    pub async fn sessions_of(&self, portal: PortalId, user: UserId, now: Timestamp) -> Result<Vec<SessionRecord>, StoreError> {
        let items = self.session_items(portal, user).await?;
        let mut sessions: Vec<SessionRecord> = items.into_iter().map(read_session).collect::<Result<_, _>>()?;
        sessions.retain(|session| !session.term.is_over(now));
        sessions.sort_unstable_by_key(|session| std::cmp::Reverse(session.authenticated_at));
        Ok(sessions)
    }

    /// Ends one session of a user by its name (S29). False if there is none.
    pub async fn end_session_named(&self, portal: PortalId, user: UserId, id: &str) -> Result<bool, StoreError> {
        let key = session_key(portal, user, id).attributes();
        let delete = self.client.delete_item().table_name(&self.tables.users).set_key(Some(key)).return_values(ReturnValue::AllOld);
        Ok(delete.call().await?.attributes.is_some_and(|item| !item.is_empty()))
    }

    /// Ends all sessions of a user (S27), except the one of this token; says how many there were.
    pub async fn end_all_sessions(&self, portal: PortalId, user: UserId, except: Option<&SessionToken>) -> Result<usize, StoreError> {
        let kept = except.map(SessionToken::key);
        let items = self.session_items(portal, user).await?;
        let keys: Vec<Item> =
            items.iter().filter_map(Key::of).filter(|key| Some(key) != kept.as_ref()).map(|key| key.attributes()).collect();
        self.delete_many(&self.tables.users, &keys).await?;
        Ok(keys.len())
    }

    async fn session_items(&self, portal: PortalId, user: UserId) -> Result<Vec<Item>, StoreError> {
        self.items_below(&self.tables.users, &of_user(portal, user), "SESSION#").await
    }

    /// Deletes one page of sessions that are over (F25), members' among them; `cursor` goes on where the last page ended.
    ///
    /// Reads the whole table: for schedules only.
    pub async fn sweep_sessions(&self, now: Timestamp, cursor: Option<SweepCursor>) -> Result<(usize, Option<SweepCursor>), StoreError> {
        let idle_since = now.saturating_sub(portico_domain::session::IDLE).unwrap_or(now);
        let page = self
            .client
            .scan()
            .table_name(&self.tables.users)
            .set_exclusive_start_key(cursor.map(|cursor| cursor.0))
            .filter_expression("begins_with(sk, :prefix) AND (expires <= :now OR seen <= :idleSince)")
            .expression_attribute_values(":prefix", text("SESSION#"))
            .expression_attribute_values(":now", instant(now))
            .expression_attribute_values(":idleSince", instant(idle_since))
            .projection_expression("pk, sk")
            .call()
            .await?;
        let keys = page.items.unwrap_or_default();
        self.delete_many(&self.tables.users, &keys).await?;
        Ok((keys.len(), page.last_evaluated_key.map(SweepCursor)))
    }
}

/// Where a sweep goes on.
#[derive(Debug, Clone)]
pub struct SweepCursor(Item);

fn session_item(Opening { session, token, device }: Opening<'_>) -> Result<Item, StoreError> {
    let term = session.term();
    let mut item = token.key().attributes();
    item.extend([
        ("authenticated".into(), instant(session.authenticated_at())),
        ("method".into(), to_attribute(&session.method())?),
        ("expires".into(), instant(term.expires_at)),
        ("client".into(), text(&device.client)),
        ("ttl".into(), time_to_live(term.expires_at)),
    ]);
    item.extend(term.seen_at.map(|seen| ("seen".to_owned(), instant(seen))));
    item.extend(device.agent.as_ref().map(|agent| ("agent".to_owned(), text(agent))));
    Ok(item)
}

#[derive(Deserialize)]
struct Description {
    sk: String,
    method: Method,
    client: String,
    agent: Option<String>,
}

stored!(Description);

fn read_session(item: Item) -> Result<SessionRecord, StoreError> {
    let instant = |name: &str| read_instant("a session", &item, name);
    let needed = |name: &str| instant(name)?.ok_or_else(|| StoreError::Malformed("a session", format!("{name} is missing")));
    let (authenticated_at, expires_at, seen_at) = (needed("authenticated")?, needed("expires")?, instant("seen")?);
    let described: Description = from_item("a session", &item)?;
    Ok(SessionRecord {
        id: described.sk.trim_start_matches("SESSION#").to_owned(),
        authenticated_at,
        method: described.method,
        term: Term { expires_at, seen_at },
        device: Device { client: described.client, agent: described.agent },
    })
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::types::AttributeValue;

    use super::*;

    #[test]
    fn a_token_survives_its_text_and_hides_in_debug() {
        let token = SessionToken::new(PortalId::new(Timestamp::UNIX_EPOCH, 1), UserId::new(Timestamp::UNIX_EPOCH, 2), [7; 32]);
        let read = SessionToken::parse(&token.reveal()).unwrap();
        assert_eq!(read.key(), token.key());
        assert_eq!(format!("{token:?}"), "SessionToken(redacted)");
        for bad in ["", "pxs_", "pxm_AAAA", &token.reveal()[..80], &format!("{}AA", token.reveal())] {
            assert!(SessionToken::parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn the_secret_is_not_in_the_key() {
        let token = SessionToken::new(PortalId::new(Timestamp::UNIX_EPOCH, 1), UserId::new(Timestamp::UNIX_EPOCH, 2), [7; 32]);
        let AttributeValue::S(sk) = &token.key().attributes()["sk"] else { panic!("the sort key is text") };
        assert!(!sk.contains(&base64url([7; 32])));
    }
}
