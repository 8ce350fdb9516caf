//! Invitations (table Users).
//!
//! | pk | sk | attributes |
//! |---|---|---|
//! | `PORTAL#<portal>#ADDRESS#<key>` | `INVITATION` | the invitation: `id`, `address`, `name`, `role`, `expiresAt`, `cancelled`, `acceptedBy`; `token`: SHA-256 of the link's secret; `ttl` |
//! | `PORTAL#<portal>#INVITATIONS` | `INVITATION#<id>` | `address`: the key of the address; `ttl` |
//!
//! It lies beside the claim of the same address: an address has one invitation at most. The second item lists it, and is written and
//! removed with it. The list is one partition per portal, sorted by time: it takes 500 new invitations a second, each a transaction of
//! two write units, which is more than administrators make; its size is not limited. Both items go thirty days after the end.

use std::fmt;

use aws_sdk_dynamodb::types::{AttributeValue, ConditionCheck, Delete, Put, TransactWriteItem, Update, builders::UpdateBuilder};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::{SignedDuration, Timestamp};
use portico_domain::{
    address::AddressKey,
    ids::{InvitationId, OrganisationId, PortalId, UserId},
    invitation::{Invitation, Standing},
    message::Message,
    seats::SeatChange,
    user::{Status, User},
};
use sha2::{Digest, Sha256};

use crate::{
    Posted, Store, StoreError,
    calls::Call,
    items::{Item, Key, Wanted, base64url, from_item, text, time_to_live, to_attribute, to_item},
    organisations::Promise,
    transaction::{Cancelled, check, delete, put, update},
    users::{Claim, address_partition, claim_key, user_key},
};

/// How long an invitation is kept after its end, for administrators to see.
const KEPT: SignedDuration = SignedDuration::from_hours(30 * 24);
/// How many invitations one page looks at, at most, in search of those that were asked for.
const LOOKED_AT: usize = 1_000;

/// What the link of an invitation carries (S48): which invitation, and 128 random bits. `Debug` shows none of it.
///
/// It opens nothing by itself: whoever has it may have a code sent to the invited address.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct InvitationToken {
    invitation: InvitationId,
    secret: [u8; 16],
}

impl InvitationToken {
    /// A token with a fresh secret.
    pub fn new(invitation: InvitationId, secret: [u8; 16]) -> Self {
        Self { invitation, secret }
    }

    /// Reads what a page sent.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok().filter(|bytes| bytes.len() == 32)?;
        Some(Self { invitation: InvitationId::from_bytes(bytes[..16].try_into().ok()?), secret: bytes[16..].try_into().ok()? })
    }

    /// The text in the link.
    pub fn reveal(&self) -> String {
        base64url([self.invitation.to_bytes(), self.secret].concat())
    }

    /// The form in which it is stored: good for this portal and invitation alone.
    fn hash(&self, portal: PortalId) -> String {
        let digest = Sha256::new().chain_update(portal.to_bytes()).chain_update(self.invitation.to_bytes()).chain_update(self.secret);
        base64url(digest.finalize())
    }
}

impl fmt::Debug for InvitationToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InvitationToken(redacted)")
    }
}

/// An invitation as it is to be written, with all that goes with it.
#[derive(Debug, Clone, Copy)]
pub struct NewInvitation<'a> {
    /// The organisation whose seat it promises.
    pub organisation: OrganisationId,
    /// Whether it is written even if no seat is free (F54).
    pub overbook: bool,
    /// The invitation.
    pub invitation: &'a Invitation,
    /// What its link carries.
    pub token: &'a InvitationToken,
    /// The message that carries the link, if one goes out (F50).
    pub message: Option<&'a Message>,
}

/// What came of inviting somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Invited {
    /// The invitation is written; what became of its message, if there is one.
    Done(Option<Posted>),
    /// Somebody else invited the address meanwhile.
    AlreadyInvited,
    /// The address got an account meanwhile, or its account moved on.
    AlreadyRegistered,
    /// All seats are taken, or promised to other invitations (F54).
    NoSeats,
}

/// What came of repeating or withdrawing an invitation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InvitationMoved {
    /// It is written; what became of its message, if there is one.
    Done(Option<Posted>),
    /// It was accepted, withdrawn, repeated or replaced meanwhile: read it again.
    Meanwhile,
    /// It was over, and all seats are taken or promised to others (F54).
    NoSeats,
}

/// One page of invitations, newest first.
#[derive(Debug, Clone)]
pub struct InvitationPage {
    /// The invitations.
    pub invitations: Vec<Invitation>,
    /// The last one that was looked at, from which the next page goes on, if there may be more.
    pub next: Option<InvitationId>,
}

pub(crate) fn invitation_key(portal: PortalId, address: AddressKey) -> Key {
    Key::new(address_partition(portal, address), "INVITATION")
}

fn key_of(invitation: &Invitation) -> Key {
    invitation_key(invitation.portal, invitation.address.key(invitation.portal))
}

fn list(portal: PortalId) -> String {
    format!("PORTAL#{portal}#INVITATIONS")
}

pub(crate) fn listing_key(portal: PortalId, invitation: InvitationId) -> Key {
    Key::new(list(portal), format!("INVITATION#{invitation}"))
}

/// Where the invitation lies that an item of the list names.
fn listed(portal: PortalId, item: &Item) -> Option<(InvitationId, Key)> {
    let id = Key::of(item)?.sk.strip_prefix("INVITATION#")?.parse().ok()?;
    let address = item.get("address")?.as_s().ok()?;
    Some((id, Key::new(format!("PORTAL#{portal}#ADDRESS#{address}"), "INVITATION")))
}

fn clean_up(invitation: &Invitation) -> AttributeValue {
    time_to_live(invitation.expires_at.saturating_add(KEPT).unwrap_or(invitation.expires_at))
}

impl Store {
    /// The invitation of an address, open or not, in its newest state.
    pub async fn invitation(&self, portal: PortalId, address: AddressKey) -> Result<Option<Invitation>, StoreError> {
        let item = self.read(&self.tables.users, &invitation_key(portal, address)).await?;
        item.map(|item| from_item("an invitation", &item)).transpose()
    }

    /// An invitation of a portal, open or not, in its newest state. Two sequential reads.
    pub async fn invitation_by_id(&self, portal: PortalId, id: InvitationId) -> Result<Option<Invitation>, StoreError> {
        Ok(self.find_invitation(portal, id).await?.map(|(invitation, _)| invitation))
    }

    /// The invitation that a link leads to, open or not: `None` if the token is not the one that was sent last (S48).
    pub async fn invitation_of_token(&self, portal: PortalId, token: &InvitationToken) -> Result<Option<Invitation>, StoreError> {
        let found = self.find_invitation(portal, token.invitation).await?;
        Ok(found.filter(|(_, hash)| hash.as_ref() == Some(&token.hash(portal))).map(|(invitation, _)| invitation))
    }

    /// An invitation and the hash of its token.
    async fn find_invitation(&self, portal: PortalId, id: InvitationId) -> Result<Option<(Invitation, Option<String>)>, StoreError> {
        let listing = self.read(&self.tables.users, &listing_key(portal, id)).await?;
        let Some((_, key)) = listing.and_then(|item| listed(portal, &item)) else { return Ok(None) };
        let Some(item) = self.read(&self.tables.users, &key).await? else { return Ok(None) };
        let hash = item.get("token").and_then(|hash| hash.as_s().ok()).cloned();
        let invitation: Invitation = from_item("an invitation", &item)?;
        Ok((invitation.id == id).then_some((invitation, hash)))
    }

    /// Who has an address in a portal, and its invitation, in one round trip.
    pub async fn owner_and_invitation(
        &self,
        portal: PortalId,
        address: AddressKey,
    ) -> Result<(Option<UserId>, Option<Invitation>), StoreError> {
        let (claim, invitation) = (claim_key(portal, address), invitation_key(portal, address));
        let wanted = Wanted { table: &self.tables.users, keys: vec![&claim, &invitation], consistent: false };
        let mut found = self.read_many(&[wanted]).await?;
        let owner = found.take_as::<Claim>("a claim", &claim)?.map(|claim| claim.user);
        Ok((owner, found.take_as("an invitation", &invitation)?))
    }

    /// Writes an invitation with its place in the list and the seat that it promises, in the place of `before`, if the address still has
    /// no other one, and the account that it had; with the message that carries it. With `overbook` even if no seat is free.
    pub async fn invite(&self, new: NewInvitation<'_>, before: Option<&Invitation>, user: Option<&User>) -> Result<Invited, StoreError> {
        let NewInvitation { organisation, overbook, invitation, token, message } = new;
        let (portal, address) = (invitation.portal, invitation.address.key(invitation.portal));
        let ttl = clean_up(invitation);
        let mut item = to_item(&key_of(invitation), invitation)?;
        item.extend([("token".into(), text(token.hash(portal))), ("ttl".into(), ttl.clone())]);
        let fresh = Put::builder().table_name(&self.tables.users).set_item(Some(item));
        let fresh = match before {
            None => fresh.condition_expression("attribute_not_exists(pk)"),
            // Closed when it was read; only repeating it opens it again, and moves its end.
            Some(before) => fresh
                .condition_expression("id = :id AND expiresAt = :end")
                .expression_attribute_values(":id", text(before.id))
                .expression_attribute_values(":end", to_attribute(&before.expires_at)?),
        };
        let mut listing = listing_key(portal, invitation.id).attributes();
        listing.extend([("address".into(), text(address.to_string())), ("ttl".into(), ttl)]);
        let listing = Put::builder().table_name(&self.tables.users).set_item(Some(listing)).build()?;
        let mut parts = vec![put(fresh.build()?), check(self.not_registered(portal, address, user)?), put(listing)];
        if let Some(before) = before {
            let key = listing_key(portal, before.id).attributes();
            parts.push(delete(Delete::builder().table_name(&self.tables.users).set_key(Some(key)).build()?));
        }
        parts.push(self.promise_part(organisation, invitation)?);
        parts.extend(self.seats_part(organisation, SeatChange::Keep, Promise::Made { overbook })?);
        let seats = parts.len() - 1;
        match self.write_posting(parts, message).await {
            Ok(posted) => Ok(Invited::Done(posted)),
            Err(Cancelled::Condition(0, _)) => Ok(Invited::AlreadyInvited),
            Err(Cancelled::Condition(index, _)) if index == seats => Ok(Invited::NoSeats),
            Err(Cancelled::Condition(..)) => Ok(Invited::AlreadyRegistered),
            Err(Cancelled::Store(error)) => Err(error),
        }
    }

    /// The part of a transaction that fails if the address got an account, or if its unfinished account moved on.
    fn not_registered(&self, portal: PortalId, address: AddressKey, user: Option<&User>) -> Result<ConditionCheck, StoreError> {
        let check = ConditionCheck::builder().table_name(&self.tables.users);
        let check = match user {
            None => check.set_key(Some(claim_key(portal, address).attributes())).condition_expression("attribute_not_exists(pk)"),
            Some(user) => check
                .set_key(Some(user_key(portal, user.id).attributes()))
                .condition_expression("#status = :inactive AND attribute_not_exists(invitation)")
                .expression_attribute_names("#status", "status")
                .expression_attribute_values(":inactive", text(Status::Inactive.as_str())),
        };
        Ok(check.build()?)
    }

    /// Gives an invitation a new end and a new token; the old link is dead thereby. The promise of a seat moves along; if it ended, it is
    /// made again, with `overbook` even if no seat is free (F54).
    pub async fn renew_invitation(&self, new: NewInvitation<'_>, before: &Invitation) -> Result<InvitationMoved, StoreError> {
        let NewInvitation { organisation, overbook, invitation: after, token, message } = new;
        let renewal = self.renewal(before, after, token)?;
        let mut parts = renewal.clone();
        if before.expires_at != after.expires_at {
            parts.extend([self.promise_ends(organisation, before)?, self.promise_part(organisation, after)?]);
        }
        match self.write_posting(parts, message).await {
            Ok(posted) => return Ok(InvitationMoved::Done(posted)),
            Err(Cancelled::Condition(2, _)) if before.expires_at != after.expires_at => {}
            Err(Cancelled::Condition(..)) => return Ok(InvitationMoved::Meanwhile),
            Err(Cancelled::Store(error)) => return Err(error),
        }
        let mut parts = renewal;
        parts.push(self.promise_part(organisation, after)?);
        parts.extend(self.seats_part(organisation, SeatChange::Keep, Promise::Made { overbook })?);
        match self.write_posting(parts, message).await {
            Ok(posted) => Ok(InvitationMoved::Done(posted)),
            Err(Cancelled::Condition(3, _)) => Ok(InvitationMoved::NoSeats),
            Err(Cancelled::Condition(..)) => Ok(InvitationMoved::Meanwhile),
            Err(Cancelled::Store(error)) => Err(error),
        }
    }

    /// The parts that write the new end and token, if the invitation is still as it was read.
    fn renewal(&self, before: &Invitation, after: &Invitation, token: &InvitationToken) -> Result<Vec<TransactWriteItem>, StoreError> {
        let ttl = clean_up(after);
        let renewed = self
            .unsettled(before)?
            .update_expression("SET expiresAt = :end, #token = :token, #ttl = :ttl")
            .expression_attribute_names("#token", "token")
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":end", to_attribute(&after.expires_at)?)
            .expression_attribute_values(":token", text(token.hash(after.portal)))
            .expression_attribute_values(":ttl", ttl.clone());
        let mut listing = listing_key(after.portal, after.id).attributes();
        let address = after.address.key(after.portal).to_string();
        listing.extend([("address".into(), text(address)), ("ttl".into(), ttl)]);
        let listing = Put::builder().table_name(&self.tables.users).set_item(Some(listing));
        Ok(vec![update(renewed.build()?), put(listing.build()?)])
    }

    /// An update of an invitation that nobody accepted, withdrew or repeated since it was read.
    fn unsettled(&self, known: &Invitation) -> Result<UpdateBuilder, StoreError> {
        Ok(Update::builder()
            .table_name(&self.tables.users)
            .set_key(Some(key_of(known).attributes()))
            .condition_expression("id = :id AND expiresAt = :known AND attribute_not_exists(acceptedBy) AND cancelled = :no")
            .expression_attribute_values(":id", text(known.id))
            .expression_attribute_values(":known", to_attribute(&known.expires_at)?)
            .expression_attribute_values(":no", AttributeValue::Bool(false)))
    }

    /// Withdraws an invitation that is neither accepted nor withdrawn: of a withdrawal and an acceptance that meet, one is made (S48).
    pub async fn cancel_invitation(&self, organisation: OrganisationId, invitation: &Invitation) -> Result<InvitationMoved, StoreError> {
        let withdrawn = self
            .unsettled(invitation)?
            .update_expression("SET cancelled = :yes")
            .expression_attribute_values(":yes", AttributeValue::Bool(true));
        let withdrawn = update(withdrawn.build()?);
        let mut parts = vec![withdrawn.clone(), self.promise_ends(organisation, invitation)?];
        parts.extend(self.seats_part(organisation, SeatChange::Keep, Promise::Ends)?);
        let result = match self.write_all(parts).await {
            // Time ended the promise before.
            Err(Cancelled::Condition(1, _)) => self.write_all(vec![withdrawn]).await,
            result => result,
        };
        match result {
            Ok(()) => Ok(InvitationMoved::Done(None)),
            Err(Cancelled::Condition(..)) => Ok(InvitationMoved::Meanwhile),
            Err(Cancelled::Store(error)) => Err(error),
        }
    }

    /// A page of a portal's invitations, newest first: those made before `after`, with this standing if one is given.
    ///
    /// Looks at a bounded number of them: where few have the standing, a page may be short, even empty, and still have a next one.
    pub async fn invitations(
        &self,
        portal: PortalId,
        standing: Option<Standing>,
        after: Option<InvitationId>,
        limit: usize,
        now: Timestamp,
    ) -> Result<InvitationPage, StoreError> {
        let (mut invitations, mut after, mut looked_at) = (Vec::new(), after, 0);
        loop {
            let (hundred, more) = self.listed_invitations(portal, after).await?;
            let count = hundred.len();
            for (at, (id, invitation)) in hundred.into_iter().enumerate() {
                invitations.extend(invitation.filter(|invitation| standing.is_none_or(|wanted| invitation.standing(now) == wanted)));
                after = Some(id);
                if invitations.len() == limit {
                    let next = (more || at + 1 < count).then_some(id);
                    return Ok(InvitationPage { invitations, next });
                }
            }
            looked_at += count;
            if !more || looked_at >= LOOKED_AT {
                return Ok(InvitationPage { invitations, next: after.filter(|_| more) });
            }
        }
    }

    /// The next up to a hundred of the list, each with its invitation if it is still there; and whether there may be more.
    async fn listed_invitations(
        &self,
        portal: PortalId,
        after: Option<InvitationId>,
    ) -> Result<(Vec<(InvitationId, Option<Invitation>)>, bool), StoreError> {
        let page = self
            .client
            .query()
            .table_name(&self.tables.users)
            .consistent_read(true)
            .scan_index_forward(false)
            .limit(100)
            .key_condition_expression("pk = :pk AND begins_with(sk, :prefix)")
            .expression_attribute_values(":pk", text(list(portal)))
            .expression_attribute_values(":prefix", text("INVITATION#"))
            .set_exclusive_start_key(after.map(|after| listing_key(portal, after).attributes()))
            .call()
            .await?;
        let more = page.last_evaluated_key.is_some();
        let places: Vec<(InvitationId, Key)> = page.items.unwrap_or_default().iter().filter_map(|item| listed(portal, item)).collect();
        if places.is_empty() {
            return Ok((Vec::new(), more));
        }
        let keys = places.iter().map(|(_, key)| key).collect();
        let mut found = self.read_many(&[Wanted { table: &self.tables.users, keys, consistent: true }]).await?;
        let mut hundred = Vec::with_capacity(places.len());
        for (id, key) in &places {
            let invitation = found.take_as::<Invitation>("an invitation", key)?.filter(|invitation| invitation.id == *id);
            hundred.push((*id, invitation));
        }
        Ok((hundred, more))
    }

    /// The part of a transaction that accepts an invitation, if it is still the one that was read and nobody accepted or withdrew it
    /// meanwhile (S48).
    pub(crate) fn accept_part(&self, invitation: &Invitation, user: UserId) -> Result<Update, StoreError> {
        Ok(Update::builder()
            .table_name(&self.tables.users)
            .set_key(Some(key_of(invitation).attributes()))
            .update_expression("SET acceptedBy = :user")
            .condition_expression("id = :id AND attribute_not_exists(acceptedBy) AND cancelled = :no")
            .expression_attribute_values(":user", text(user))
            .expression_attribute_values(":id", text(invitation.id))
            .expression_attribute_values(":no", AttributeValue::Bool(false))
            .build()?)
    }
}
