//! External users and the claims of their addresses (table Users).
//!
//! | pk | sk | attributes |
//! |---|---|---|
//! | `PORTAL#<portal>#USERS#<0..3>` | `USER#<user>` | the user: `status`, `role`, `phone`, `email`, `wechat`, `answers`, `registeredAt`, `decided`, `consent`, `invitation` |
//! | `PORTAL#<portal>#ADDRESS#<key>` | `CLAIM` | `user`: who has the address; made with its owner (R8) |
//!
//! The users of a portal lie in four partitions, chosen by the random part of their identifier, each sorted by registration time:
//! one portal's load spreads (R29), and a list reads the four side by side, newest first, without an index.

use aws_sdk_dynamodb::types::{AttributeValue, Put, TransactWriteItem, Update, builders::UpdateBuilder};
use portico_domain::{
    address::AddressKey,
    ids::{OrganisationId, PortalId, UserId},
    invitation::Invitation,
    message::{Message, News},
    portal::Portal,
    seats,
    user::{Decided, Status, User, Verdict},
};
use serde::{Deserialize, Serialize};

use crate::{
    Opening, Store, StoreError,
    calls::Call,
    items::{Item, Key, Wanted, from_item, stored, text, to_attribute, to_item},
    organisations::Promise,
    portals::portal_key,
    transaction::{Cancelled, SHOW_OLD, check, put, update},
};

pub(crate) const PARTITIONS: u8 = 4;

pub(crate) fn user_key(portal: PortalId, user: UserId) -> Key {
    Key::new(partition(portal, user.spread() % PARTITIONS), format!("USER#{user}"))
}

pub(crate) fn partition(portal: PortalId, number: u8) -> String {
    format!("PORTAL#{portal}#USERS#{number}")
}

pub(crate) fn address_partition(portal: PortalId, address: AddressKey) -> String {
    format!("PORTAL#{portal}#ADDRESS#{address}")
}

pub(crate) fn claim_key(portal: PortalId, address: AddressKey) -> Key {
    Key::new(address_partition(portal, address), "CLAIM")
}

#[derive(Serialize, Deserialize)]
pub(crate) struct Claim {
    pub(crate) user: UserId,
}

stored!(Claim);

/// What came of making or moving an account on the way in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// It is as was decided.
    Done,
    /// Somebody else made or moved the account in between: read it again (R7, R8, R9).
    AccountChanged,
    /// Somebody changed the portal in between: decide again (S50).
    PortalChanged,
    /// The invitation was accepted or withdrawn in between: decide again (S48).
    InvitationChanged,
    /// The address, or who they are at WeChat, belongs to another account of the portal.
    AlreadyBound,
    /// All seats are taken (R6).
    NoSeats,
}

/// What came of an administrator's change of a status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// The account has the new status now.
    Done,
    /// It no longer had the old status: somebody else moved it (R7, R9).
    Moved,
    /// All seats are taken (R6).
    NoSeats,
}

/// A new account, and what goes with it.
#[derive(Debug, Clone, Copy)]
pub struct Enrol<'a> {
    /// The portal as it was when this was decided.
    pub portal: &'a Portal,
    /// The account.
    pub user: &'a User,
    /// The address that was proven.
    pub address: AddressKey,
    /// The invitation that is accepted.
    pub invitation: Option<&'a Invitation>,
    /// The session that begins.
    pub session: Option<Opening<'a>>,
    /// What administrators are told of it (F48).
    pub news: Option<&'a News>,
}

/// An account that moves on, and what goes with it.
#[derive(Debug, Clone, Copy)]
pub struct Advance<'a> {
    /// The portal as it was when this was decided.
    pub portal: &'a Portal,
    /// The account as it was.
    pub before: &'a User,
    /// The account as it will be.
    pub after: &'a User,
    /// The further address that was proven.
    pub bound: Option<AddressKey>,
    /// The invitation that is accepted.
    pub invitation: Option<&'a Invitation>,
    /// The session that begins.
    pub session: Option<Opening<'a>>,
    /// What administrators are told of it (F48).
    pub news: Option<&'a News>,
}

/// What came of an administrator's decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// It is written.
    Made,
    /// There is no such user in the portal.
    Unknown,
    /// The user was not waiting for a decision, or no longer (R9).
    NotPending,
    /// All seats are taken.
    NoSeats,
}

/// The parts of a transaction, each with what it means when its condition fails.
#[derive(Default)]
struct Plan {
    parts: Vec<TransactWriteItem>,
    refusals: Vec<Written>,
}

impl Plan {
    fn add(&mut self, part: TransactWriteItem, refusal: Written) {
        self.parts.push(part);
        self.refusals.push(refusal);
    }
}

impl Store {
    /// Reads a portal and who has an address in it, in one round trip.
    pub async fn portal_and_owner(&self, portal: PortalId, address: AddressKey) -> Result<(Option<Portal>, Option<UserId>), StoreError> {
        let (portal_key, claim_key) = (portal_key(portal), claim_key(portal, address));
        let mut found = self
            .read_many(&[
                Wanted { table: &self.tables.portals, keys: vec![&portal_key], consistent: false },
                Wanted { table: &self.tables.users, keys: vec![&claim_key], consistent: false },
            ])
            .await?;
        let owner = found.take_as::<Claim>("a claim", &claim_key)?.map(|claim| claim.user);
        Ok((found.take_as("a portal", &portal_key)?, owner))
    }

    /// Whether somebody has an address in a portal, in its newest state.
    pub async fn owner(&self, portal: PortalId, address: AddressKey) -> Result<Option<UserId>, StoreError> {
        let item = self.read(&self.tables.users, &claim_key(portal, address)).await?;
        Ok(item.map(|item| from_item::<Claim>("a claim", &item)).transpose()?.map(|claim| claim.user))
    }

    /// A user of a portal, in its newest state.
    pub async fn user(&self, portal: PortalId, user: UserId) -> Result<Option<User>, StoreError> {
        let item = self.read(&self.tables.users, &user_key(portal, user)).await?;
        item.map(|item| from_item("a user", &item)).transpose()
    }

    /// A user of a portal, perhaps as they were a moment ago: what is decided by it is guarded by the writes that follow, and judged
    /// again at the next request.
    pub async fn recent_user(&self, portal: PortalId, user: UserId) -> Result<Option<User>, StoreError> {
        let key = user_key(portal, user).attributes();
        let answer = self.client.get_item().table_name(&self.tables.users).set_key(Some(key)).call().await?;
        answer.item.map(|item| from_item("a user", &item)).transpose()
    }

    /// Those of a portal's users who exist, at most 100, in one round trip, in their newest state.
    pub async fn some_users(&self, portal: PortalId, users: &[UserId]) -> Result<Vec<User>, StoreError> {
        if users.is_empty() {
            return Ok(Vec::new());
        }
        let keys: Vec<Key> = users.iter().map(|user| user_key(portal, *user)).collect();
        let mut found = self.read_many(&[Wanted { table: &self.tables.users, keys: keys.iter().collect(), consistent: true }]).await?;
        keys.iter().filter_map(|key| found.take_as("a user", key).transpose()).collect()
    }

    /// Reads a portal and one of its users in one round trip, in their newest state.
    pub async fn portal_and_user(&self, portal: PortalId, user: UserId) -> Result<(Option<Portal>, Option<User>), StoreError> {
        let (portal_key, user_key) = (portal_key(portal), user_key(portal, user));
        let mut found = self
            .read_many(&[
                Wanted { table: &self.tables.portals, keys: vec![&portal_key], consistent: true },
                Wanted { table: &self.tables.users, keys: vec![&user_key], consistent: true },
            ])
            .await?;
        Ok((found.take_as("a portal", &portal_key)?, found.take_as("a user", &user_key)?))
    }

    /// Makes an account: the user, the claims of the address and of who they are at WeChat (S34), the acceptance of the invitation, a seat and a session if it is active, and
    /// all of it only if the portal is still as it was when that was decided (S50).
    pub async fn enrol(&self, enrol: Enrol<'_>) -> Result<Written, StoreError> {
        let (portal, user) = (enrol.portal, enrol.user);
        let mut plan = Plan::default();
        plan.add(self.claim_part(portal.id, enrol.address, user.id)?, Written::AccountChanged);
        plan.add(self.fresh(to_item(&user_key(portal.id, user.id), user)?)?, Written::AccountChanged);
        if let Some(identity) = &user.wechat {
            plan.add(self.claim_identity(portal, user.id, identity)?, Written::AlreadyBound);
        }
        self.add_common(&mut plan, portal, None, user, enrol.invitation, enrol.session)?;
        self.add_news(&mut plan, enrol.news)?;
        self.carry_out(plan).await
    }

    /// Moves an account on: its status, what was filled in, proven and accepted in this step, and a seat and a session if it became
    /// active; only if account and portal are still as they were when that was decided (S50).
    pub async fn advance(&self, advance: Advance<'_>) -> Result<Written, StoreError> {
        let (portal, before, after) = (advance.portal, advance.before, advance.after);
        let mut plan = Plan::default();
        plan.add(update(self.user_update(before, after)?.build()?), Written::AccountChanged);
        if let Some(address) = advance.bound {
            plan.add(self.claim_part(portal.id, address, after.id)?, Written::AlreadyBound);
        }
        if let Some(identity) = after.wechat.as_ref().filter(|_| after.wechat != before.wechat) {
            plan.add(self.claim_identity(portal, after.id, identity)?, Written::AlreadyBound);
            if let Some(freed) = self.free_identity_of(portal, before)? {
                plan.add(freed, Written::AccountChanged);
            }
        }
        self.add_common(&mut plan, portal, Some(before.status), after, advance.invitation, advance.session)?;
        self.add_news(&mut plan, advance.news)?;
        self.carry_out(plan).await
    }

    fn add_common(
        &self,
        plan: &mut Plan,
        portal: &Portal,
        before: Option<Status>,
        user: &User,
        invitation: Option<&Invitation>,
        session: Option<Opening<'_>>,
    ) -> Result<(), StoreError> {
        plan.add(check(self.portal_unchanged(portal)?), Written::PortalChanged);
        if let Some(invitation) = invitation {
            plan.add(update(self.accept_part(invitation, user.id)?), Written::InvitationChanged);
            plan.add(self.promise_ends(portal.organisation, invitation)?, Written::InvitationChanged);
        }
        let promise = if invitation.is_some() { Promise::Ends } else { Promise::None };
        if let Some(seat) = self.seats_part(portal.organisation, seats::change(before, Some(user.status)), promise)? {
            plan.add(seat, Written::NoSeats);
        }
        if let Some(opening) = session {
            plan.add(put(self.session_part(opening)?), Written::AccountChanged);
        }
        Ok(())
    }

    fn add_news(&self, plan: &mut Plan, news: Option<&News>) -> Result<(), StoreError> {
        if let Some(news) = news {
            plan.add(self.news_part(news)?, Written::AccountChanged);
        }
        Ok(())
    }

    async fn carry_out(&self, plan: Plan) -> Result<Written, StoreError> {
        match self.write_all(plan.parts).await {
            Ok(()) => Ok(Written::Done),
            Err(Cancelled::Condition(index, _)) => Ok(plan.refusals.get(index).copied().unwrap_or(Written::AccountChanged)),
            Err(Cancelled::Store(error)) => Err(error),
        }
    }

    /// The part of a transaction that writes an item where none may be.
    fn fresh(&self, item: Item) -> Result<TransactWriteItem, StoreError> {
        let part = Put::builder().table_name(&self.tables.users).set_item(Some(item)).condition_expression("attribute_not_exists(pk)");
        Ok(put(part.build()?))
    }

    /// The part of a transaction that claims an address for a user (R8).
    pub(crate) fn claim_part(&self, portal: PortalId, address: AddressKey, user: UserId) -> Result<TransactWriteItem, StoreError> {
        self.fresh(to_item(&claim_key(portal, address), &Claim { user })?)
    }

    /// Writes those attributes of a user that a step of a sign-in may change, if nobody moved the account meanwhile.
    fn user_update(&self, before: &User, after: &User) -> Result<UpdateBuilder, StoreError> {
        let (mut set, mut remove) = ("SET #status = :after, answers = :answers".to_owned(), Vec::new());
        let mut values = vec![(":answers", to_attribute(&after.answers)?)];
        let mut change = |name: &'static str, placeholder: &'static str, value: Option<AttributeValue>| match value {
            Some(value) => {
                set.push_str(&format!(", {name} = {placeholder}"));
                values.push((placeholder, value));
            }
            None => remove.push(name),
        };
        if after.consent != before.consent {
            change("consent", ":consent", after.consent.as_ref().map(to_attribute).transpose()?);
        }
        if after.decided != before.decided {
            change("decided", ":decided", after.decided.as_ref().map(to_attribute).transpose()?);
        }
        if after.invitation != before.invitation {
            change("invitation", ":invitation", after.invitation.map(text));
        }
        if after.phone != before.phone {
            change("phone", ":phone", after.phone.as_ref().map(|phone| text(phone.as_str())));
        }
        if after.email != before.email {
            change("email", ":email", after.email.as_ref().map(|email| text(email.as_str())));
        }
        let identity_changed = after.wechat != before.wechat;
        if identity_changed {
            change("wechat", ":wechat", after.wechat.as_ref().map(to_attribute).transpose()?);
        }
        if after.role != before.role {
            change("#role", ":role", Some(text(after.role.as_str())));
        }
        if !remove.is_empty() {
            set.push_str(&format!(" REMOVE {}", remove.join(", ")));
        }
        let update = self.status_update(after.portal, after.id, before.status, after.status, &set);
        // Of two who add an address at once, or bind an identity, one does.
        let added = [
            ("phone", before.phone.is_none() && after.phone.is_some()),
            ("email", before.email.is_none() && after.email.is_some()),
            ("wechat", before.wechat.is_none() && identity_changed),
        ];
        let absent = added.iter().filter(|(_, added)| *added).map(|(name, _)| format!(" AND attribute_not_exists({name})"));
        let known = before.wechat.as_ref().filter(|_| identity_changed);
        let known_part = known.map_or("", |_| " AND wechat = :knownWechat");
        let update = update.condition_expression(format!("#status = :before{}{known_part}", absent.collect::<String>()));
        if let Some(known) = known {
            values.push((":knownWechat", to_attribute(known)?));
        }
        let update = if after.role == before.role { update } else { update.expression_attribute_names("#role", "role") };
        Ok(values.into_iter().fold(update, |update, (placeholder, value)| update.expression_attribute_values(placeholder, value)))
    }

    /// Writes a decision on a waiting user, with the seat of an approved one and the message that tells them. Of two that meet, one is
    /// made, and one message (R9).
    pub async fn decide(
        &self,
        portal: &Portal,
        user: UserId,
        verdict: &Verdict,
        decided: &Decided,
        message: Option<&Message>,
    ) -> Result<Decision, StoreError> {
        let role = match verdict {
            Verdict::Approve(role) => role.as_ref(),
            Verdict::Reject(_) | Verdict::Ask(_) => None,
        };
        let expression = match role {
            Some(_) => "SET #status = :after, decided = :decided, #role = :role",
            None => "SET #status = :after, decided = :decided",
        };
        let mut change = self
            .status_update(portal.id, user, Status::Pending, verdict.status(), expression)
            .expression_attribute_values(":decided", to_attribute(decided)?)
            .return_values_on_condition_check_failure(SHOW_OLD);
        if let Some(role) = role {
            change = change.expression_attribute_names("#role", "role").expression_attribute_values(":role", text(role.as_str()));
        }
        let mut parts = vec![update(change.build()?)];
        parts.extend(self.seat_part(portal.organisation, Some(Status::Pending), Some(verdict.status()))?);
        match self.write_posting(parts, message).await {
            Ok(_) => Ok(Decision::Made),
            Err(Cancelled::Condition(0, Some(_))) => Ok(Decision::NotPending),
            Err(Cancelled::Condition(0, None)) => Ok(Decision::Unknown),
            Err(Cancelled::Condition(..)) => Ok(Decision::NoSeats),
            Err(Cancelled::Store(error)) => Err(error),
        }
    }

    /// Shuts a user out, or lets them in again, with the seat that goes with it (F58, R7).
    pub async fn change_status(&self, portal: &Portal, user: UserId, before: Status, after: Status) -> Result<Change, StoreError> {
        let change = self.status_update(portal.id, user, before, after, "SET #status = :after");
        let mut parts = vec![update(change.build()?)];
        parts.extend(self.seat_part(portal.organisation, Some(before), Some(after))?);
        match self.write_all(parts).await {
            Ok(()) => Ok(Change::Done),
            Err(Cancelled::Condition(0, _)) => Ok(Change::Moved),
            Err(Cancelled::Condition(..)) => Ok(Change::NoSeats),
            Err(Cancelled::Store(error)) => Err(error),
        }
    }

    fn status_update(&self, portal: PortalId, user: UserId, before: Status, after: Status, expression: &str) -> UpdateBuilder {
        Update::builder()
            .table_name(&self.tables.users)
            .set_key(Some(user_key(portal, user).attributes()))
            .update_expression(expression)
            .condition_expression("#status = :before")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":before", text(before.as_str()))
            .expression_attribute_values(":after", text(after.as_str()))
    }

    pub(crate) fn seat_part(
        &self,
        organisation: OrganisationId,
        before: Option<Status>,
        after: Option<Status>,
    ) -> Result<Option<TransactWriteItem>, StoreError> {
        self.seats_part(organisation, seats::change(before, after), Promise::None)
    }
}
