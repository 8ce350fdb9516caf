//! Members of organisations and their console sessions (table Users).
//!
//! | pk | sk | attributes |
//! |---|---|---|
//! | `ORG#<organisation>` | `MEMBER#<member>` | the member: `name`, `email`, `rights` |
//! | `ORG#<organisation>#MEMBER#<member>` | `SESSION#<hash>` | `expires`, `ttl` |

use std::fmt;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use portico_domain::{
    ids::{MemberId, OrganisationId, PortalId},
    member::Member,
    portal::Portal,
};

use crate::{
    Store, StoreError,
    calls::Call,
    items::{Key, Wanted, base64url, from_item, instant, read_instant, text, time_to_live},
    portals::portal_key,
    sessions::{decode, hash},
};

/// What a member's client carries: organisation, member and 32 random bytes.
#[derive(Clone)]
pub struct MemberToken {
    organisation: OrganisationId,
    member: MemberId,
    secret: [u8; 32],
}

const PREFIX: &str = "pxm_";

impl MemberToken {
    /// A token with a fresh secret.
    pub fn new(organisation: OrganisationId, member: MemberId, secret: [u8; 32]) -> Self {
        Self { organisation, member, secret }
    }

    /// Reads what a client sent.
    pub fn parse(text: &str) -> Option<Self> {
        let (organisation, member, secret) = decode(text.strip_prefix(PREFIX)?)?;
        Some(Self { organisation: OrganisationId::from_bytes(organisation), member: MemberId::from_bytes(member), secret })
    }

    /// The text that the client carries.
    pub fn reveal(&self) -> String {
        let bytes = [&self.organisation.to_bytes()[..], &self.member.to_bytes(), &self.secret].concat();
        format!("{PREFIX}{}", base64url(bytes))
    }

    fn key(&self) -> Key {
        Key::new(format!("ORG#{}#MEMBER#{}", self.organisation, self.member), format!("SESSION#{}", hash(&self.secret)))
    }
}

impl fmt::Debug for MemberToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MemberToken(redacted)")
    }
}

/// A member who is signed in to the console, and the portal that the request is about, if it is about one.
#[derive(Debug, Clone)]
pub struct MemberSession {
    /// The member, as the tables have it now.
    pub member: Member,
    /// When the session ends (UTC).
    pub expires_at: Timestamp,
    /// The portal, whoever it belongs to: compare its organisation.
    pub portal: Option<Portal>,
}

pub(crate) fn member_key(organisation: OrganisationId, member: MemberId) -> Key {
    Key::new(format!("ORG#{organisation}"), format!("MEMBER#{member}"))
}

impl Store {
    /// Writes a console session.
    pub async fn open_member_session(&self, token: &MemberToken, expires_at: Timestamp) -> Result<(), StoreError> {
        let mut item = token.key().attributes();
        item.extend([("expires".into(), instant(expires_at)), ("ttl".into(), time_to_live(expires_at))]);
        self.client.put_item().table_name(&self.tables.users).set_item(Some(item)).call().await?;
        Ok(())
    }

    /// Finds member, session and portal in one round trip. `None` if there is no such session.
    pub async fn member_session(&self, token: &MemberToken, portal: Option<PortalId>) -> Result<Option<MemberSession>, StoreError> {
        let member_key = member_key(token.organisation, token.member);
        let session_key = token.key();
        let portal_key = portal.map(portal_key);
        let mut wanted = vec![Wanted { table: &self.tables.users, keys: vec![&member_key, &session_key], consistent: true }];
        wanted.extend(portal_key.as_ref().map(|key| Wanted { table: &self.tables.portals, keys: vec![key], consistent: true }));
        let mut found = self.read_many(&wanted).await?;
        let (Some(session), Some(member)) = (found.take(&session_key), found.take_as("a member", &member_key)?) else {
            return Ok(None);
        };
        let Some(expires_at) = read_instant("a member's session", &session, "expires")? else { return Ok(None) };
        let portal = match &portal_key {
            Some(key) => found.take_as("a portal", key)?,
            None => None,
        };
        Ok(Some(MemberSession { member, expires_at, portal }))
    }

    /// The members of an organisation.
    pub async fn members(&self, organisation: OrganisationId) -> Result<Vec<Member>, StoreError> {
        let mut items = self
            .client
            .query()
            .table_name(&self.tables.users)
            .key_condition_expression("pk = :pk AND begins_with(sk, :prefix)")
            .expression_attribute_values(":pk", text(format!("ORG#{organisation}")))
            .expression_attribute_values(":prefix", AttributeValue::S("MEMBER#".into()))
            .into_paginator()
            .items()
            .send();
        let mut members = Vec::new();
        while let Some(item) = items.try_next().await? {
            members.push(from_item("a member", &item)?);
        }
        Ok(members)
    }
}
