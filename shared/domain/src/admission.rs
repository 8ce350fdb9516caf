//! Who gets in (F20, F27 to F34, S37): the whole truth, as one pure function.
//!
//! Every way to sign in ends here with what was proven. [`decide`] answers with what the account must become and either the next
//! step or a [`Grant`]. Nothing else can make a `Grant`, and only a `Grant` makes a session: no path can forget a rule.

use jiff::Timestamp;

use crate::{
    address::Address,
    fields::Answers,
    ids::{PortalId, UserId},
    portal::{Access, Link, Portal},
    user::{Reason, Status, User},
    window::{Window, WindowState},
};

/// What a person has proven in the sign-in that is under way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// The address whose code they read.
    pub address: Address,
    /// When they did.
    pub at: Timestamp,
}

/// All that a decision depends on.
#[derive(Debug, Clone, Copy)]
pub struct Case<'a> {
    /// The portal.
    pub portal: &'a Portal,
    /// The link that they came by, if it is still there.
    pub link: Option<&'a Link>,
    /// The account of the proven address, if there is one.
    pub user: Option<&'a User>,
    /// The identifier of that account, or the one that a new account would get.
    pub id: UserId,
    /// What was proven.
    pub proof: &'a Proof,
    /// What they filled in, checked, if they have just done so.
    pub answers: Option<&'a Answers>,
    /// The present.
    pub now: Timestamp,
}

/// The right to come in, once. Made by [`decide`] alone.
#[derive(Debug)]
pub struct Grant {
    portal: PortalId,
    user: UserId,
    authenticated_at: Timestamp,
    may_be_remembered: bool,
}

impl Grant {
    /// The portal that it opens.
    pub fn portal(&self) -> PortalId {
        self.portal
    }

    /// For whom.
    pub fn user(&self) -> UserId {
        self.user
    }

    /// When they proved who they are.
    pub fn authenticated_at(&self) -> Timestamp {
        self.authenticated_at
    }

    /// Whether the portal offers the seven-day tick (F25).
    pub fn may_be_remembered(&self) -> bool {
        self.may_be_remembered
    }
}

/// What is missing before a person may come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The portal's fields are to be filled in (F32).
    Collect,
    /// An administrator is to decide (F30).
    AwaitApproval,
}

/// In, or one step nearer.
#[derive(Debug)]
pub enum Entry {
    /// They may come in.
    Granted(Grant),
    /// They have to do or wait for something.
    Next(Step),
}

/// The decision on a case that was not refused.
#[derive(Debug)]
pub struct Decision {
    /// The status that the account has to have, be it made, changed or left as it is.
    pub status: Status,
    /// Whether they are in.
    pub entry: Entry,
}

/// Why a person does not get in. Said only to who has proven the address (S40), except what holds for all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The portal is disabled (F1).
    #[error("the portal is disabled")]
    PortalOff,
    /// This portal or link does not take this kind of address (F6, F11).
    #[error("this kind of account is not offered here")]
    MethodOff,
    /// Nobody new gets in before or after the window (F20).
    #[error("registration is closed")]
    RegistrationClosed(Window),
    /// Only invited people get in, and this one is not (F31).
    #[error("not invited")]
    NotInvited,
    /// An administrator rejected the application.
    #[error("rejected")]
    Rejected(Option<Reason>),
    /// An administrator disabled the user.
    #[error("disabled")]
    Disabled,
}

/// Decides a case. The order of the rules is the order in which a person learns of them.
pub fn decide(case: &Case<'_>) -> Result<Decision, Refusal> {
    let portal = case.portal;
    if !portal.settings.enabled {
        return Err(Refusal::PortalOff);
    }
    if !portal.accounts_at(case.link).allow(case.proof.address.kind()) {
        return Err(Refusal::MethodOff);
    }
    match case.user {
        Some(user) => match user.status {
            Status::Active => return Ok(enter(case)),
            Status::Pending => return Ok(next(Status::Pending, Step::AwaitApproval)),
            Status::Rejected => return Err(Refusal::Rejected(user.decided.as_ref().and_then(|decided| decided.reason.clone()))),
            Status::Disabled => return Err(Refusal::Disabled),
            // The account was made inside the window; its owner may finish signing up later (F34).
            Status::Inactive => {}
        },
        None => match &portal.settings.registration.window {
            Some(window) if window.state(case.now) != WindowState::Open => return Err(Refusal::RegistrationClosed(window.clone())),
            _ => {}
        },
    }
    if portal.settings.access == Access::Invited {
        return Err(Refusal::NotInvited);
    }
    if case.answers.is_none() && portal.collected_fields().next().is_some() {
        return Ok(next(Status::Inactive, Step::Collect));
    }
    match portal.settings.access {
        Access::Anyone => Ok(enter(case)),
        Access::Approved | Access::Invited => Ok(next(Status::Pending, Step::AwaitApproval)),
    }
}

fn next(status: Status, step: Step) -> Decision {
    Decision { status, entry: Entry::Next(step) }
}

fn enter(case: &Case<'_>) -> Decision {
    let grant = Grant {
        portal: case.portal.id,
        user: case.id,
        authenticated_at: case.proof.at,
        may_be_remembered: case.portal.settings.sign_in.seven_days,
    };
    Decision { status: Status::Active, entry: Entry::Granted(grant) }
}
