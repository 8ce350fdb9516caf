//! Who gets in (F20, F27 to F34, S37): the whole truth, as one pure function.
//!
//! Every way to sign in ends here with what was proven. [`decide`] answers with what the account must become and either the next
//! step or a [`Grant`]. Nothing else can make a `Grant`, and only a `Grant` makes a session: no path can forget a rule.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    address::{Address, AddressKind},
    fields::Answers,
    ids::{PortalId, UserId},
    invitation::Invitation,
    portal::{Access, Accounts, Link, Portal},
    user::{Reason, Status, User},
    wechat::Identity,
    window::{Window, WindowState},
};

/// By what a person showed who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub enum Method {
    /// They read a code (F12).
    Code,
    /// They knew the password (F14).
    Password,
    /// WeChat said who they are (F15, F16).
    #[serde(rename = "wechat")]
    WeChat,
}

impl Method {
    /// Whether a portal that wants a second step wants it after this (F19). A code is what the second step would be.
    pub fn wants_second_step(self) -> bool {
        match self {
            Self::Code => false,
            Self::Password | Self::WeChat => true,
        }
    }
}

/// What showed who a person is, and whom it showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Evidence {
    /// A code that was sent to this address came back (F12).
    Code(Address),
    /// The password of who has this address (F14).
    Password(Address),
    /// WeChat named somebody (F15, F16).
    WeChat(Identity),
    /// WeChat named somebody, who then read a code at this address, in the same browser: both belong to one person from now on (S34).
    FirstBind {
        /// Whom WeChat named.
        identity: Identity,
        /// Where the code was read.
        address: Address,
    },
}

impl Evidence {
    /// The way by which they came.
    pub fn method(&self) -> Method {
        match self {
            Self::Code(_) => Method::Code,
            Self::Password(_) => Method::Password,
            Self::WeChat(_) | Self::FirstBind { .. } => Method::WeChat,
        }
    }

    /// The address that they showed to be theirs.
    pub fn address(&self) -> Option<&Address> {
        match self {
            Self::Code(address) | Self::Password(address) | Self::FirstBind { address, .. } => Some(address),
            Self::WeChat(_) => None,
        }
    }

    /// Whom WeChat named.
    pub fn identity(&self) -> Option<&Identity> {
        match self {
            Self::Code(_) | Self::Password(_) => None,
            Self::WeChat(identity) | Self::FirstBind { identity, .. } => Some(identity),
        }
    }
}

/// What a person has proven in the sign-in that is under way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// By what, and whom it showed.
    pub evidence: Evidence,
    /// Whether WeChat said that they follow the service account (F17). False where it was not asked.
    pub follows: bool,
    /// Whether the second step is done.
    pub second_step: bool,
    /// When they did (UTC).
    pub at: Timestamp,
}

/// All that a decision depends on.
#[derive(Debug, Clone, Copy)]
pub struct Case<'a> {
    /// The portal.
    pub portal: &'a Portal,
    /// The link that they came by, if it is still there.
    pub link: Option<&'a Link>,
    /// The account of the proven address or identity, if there is one; with what was proven and accepted in this step.
    pub user: Option<&'a User>,
    /// The identifier of that account, or the one that a new account would get.
    pub id: UserId,
    /// What was proven.
    pub proof: &'a Proof,
    /// What they filled in, checked, if they have just done so.
    pub answers: Option<&'a Answers>,
    /// The version of the agreements that they accepted, now or before (F10).
    pub consent: Option<u32>,
    /// The invitation of the proven address, if it is open.
    pub invitation: Option<&'a Invitation>,
    /// Whether the whitelist has what they proved and filled in (F46).
    pub whitelisted: bool,
    /// The present.
    pub now: Timestamp,
}

/// The right to come in, once. Made by [`decide`] alone.
#[derive(Debug)]
pub struct Grant {
    portal: PortalId,
    user: UserId,
    method: Method,
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

    /// By what they showed who they are.
    pub fn method(&self) -> Method {
        self.method
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
    /// They are to follow the organisation's service account (F17).
    Follow,
    /// WeChat named somebody who is new here: one of these addresses is to be proven, too (S34).
    FirstBind(Accounts),
    /// A code, or that of an authenticator, is to come after the password or WeChat (F19).
    SecondStep,
    /// The agreements are to be accepted in this version (F10).
    Consent(u32),
    /// An address of this kind is to be proven, too (F21).
    Bind(AddressKind),
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
    /// The account of the proven address belongs to somebody else at WeChat (S34).
    #[error("bound to another identity")]
    BoundToAnother,
}

/// How many rules there are.
pub const RULES: usize = 12;

/// The rules, in the order in which a person learns of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// The portal is on (F1).
    Enabled,
    /// The link offers this kind of account and this way to sign in (F6, F11, F14, F15).
    Method,
    /// Who comes by WeChat follows the service account, where the portal wants that (F17).
    Follow,
    /// Who comes by WeChat is known, or has proven an address that is nobody else's at WeChat (S34, S35).
    Identity,
    /// The second step is done (F19).
    SecondStep,
    /// Nobody rejected or disabled the account, and it does not wait for approval (F57).
    Status,
    /// Who has no account comes within the window (F20).
    Window,
    /// Who is not in yet is invited, where only invited people get in (F31).
    Invitation,
    /// The agreements are accepted (F10).
    Consent,
    /// Both addresses are proven, where the portal wants both (F21).
    Bind,
    /// The fields are filled in (F32).
    Collect,
    /// An administrator, the whitelist or an invitation lets in who is not in yet (F30, F46).
    Approval,
}

impl Rule {
    /// All of them, in their order.
    pub const ALL: [Self; RULES] = [
        Self::Enabled,
        Self::Method,
        Self::Follow,
        Self::Identity,
        Self::SecondStep,
        Self::Status,
        Self::Window,
        Self::Invitation,
        Self::Consent,
        Self::Bind,
        Self::Collect,
        Self::Approval,
    ];

    /// What the rule makes of a case that the rules before it let pass; `None` if it lets it pass, too.
    fn judge(self, case: &Case<'_>) -> Option<Result<Decision, Refusal>> {
        let settings = &case.portal.settings;
        let status = case.user.map_or(Status::Inactive, |user| user.status);
        let is_in = status == Status::Active;
        let step = match self {
            Self::Enabled if !settings.enabled => return Some(Err(Refusal::PortalOff)),
            Self::Method if !offers(case) => return Some(Err(Refusal::MethodOff)),
            Self::Follow => wants_to_be_followed(case).then_some(Step::Follow),
            Self::Identity => return judge_identity(case),
            Self::Status => return judge_status(case),
            // The account was made inside the window; its owner may finish signing up later (F34).
            Self::Window if case.user.is_none() => {
                let window = settings.registration.window.as_ref().filter(|window| window.state(case.now) != WindowState::Open)?;
                return Some(Err(Refusal::RegistrationClosed(window.clone())));
            }
            Self::Invitation if !is_in && settings.access == Access::Invited && !invited(case) => return Some(Err(Refusal::NotInvited)),
            // Before anything is told of the account: who knows the password alone, or holds the phone, learns nothing from it (S38).
            Self::SecondStep => wants_second_step(case).then_some(Step::SecondStep),
            Self::Consent => case.portal.agreement_version().filter(|version| case.consent != Some(*version)).map(Step::Consent),
            Self::Bind => missing_address(case).map(Step::Bind),
            Self::Collect if !is_in => wants_answers(case).then_some(Step::Collect),
            Self::Approval if !is_in && settings.access == Access::Approved && !invited(case) && !case.whitelisted => {
                return Some(Ok(next(Status::Pending, Step::AwaitApproval)));
            }
            Self::Enabled | Self::Method | Self::Window | Self::Invitation | Self::Collect | Self::Approval => None,
        };
        step.map(|step| Ok(next(status, step)))
    }
}

/// Decides a case: as the first rule says that does not let it pass, else it enters.
pub fn decide(case: &Case<'_>) -> Result<Decision, Refusal> {
    Rule::ALL.into_iter().find_map(|rule| rule.judge(case)).unwrap_or_else(|| Ok(enter(case)))
}

/// What a rule makes of a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// It lets them pass.
    Passed,
    /// It keeps them out.
    Refused(Refusal),
    /// They have to do or wait for something.
    Open(Step),
    /// A rule before it keeps them out, or makes them wait for somebody else.
    NotReached,
}

/// What each rule makes of a case, in their order (B2): the first that does not let it pass is what [`decide`] says.
///
/// What a person can do by themselves does not hide what comes after it.
pub fn explain(case: &Case<'_>) -> [(Rule, Finding); RULES] {
    let mut stopped = false;
    Rule::ALL.map(|rule| {
        if stopped {
            return (rule, Finding::NotReached);
        }
        let finding = match rule.judge(case) {
            None => Finding::Passed,
            Some(Err(refusal)) => Finding::Refused(refusal),
            Some(Ok(decision)) => match decision.entry {
                Entry::Next(step) => Finding::Open(step),
                Entry::Granted(_) => Finding::Passed,
            },
        };
        stopped = matches!(finding, Finding::Refused(_) | Finding::Open(Step::AwaitApproval));
        (rule, finding)
    })
}

fn wants_to_be_followed(case: &Case<'_>) -> bool {
    case.portal.settings.sign_in.wechat.follow && case.proof.evidence.method() == Method::WeChat && !case.proof.follows
}

/// Who is new at WeChat proves an address before anything else is judged: until then it is not known whose account it is.
fn judge_identity(case: &Case<'_>) -> Option<Result<Decision, Refusal>> {
    let bound = |user: &User| user.wechat.as_ref() == case.proof.evidence.identity();
    match (&case.proof.evidence, case.user) {
        (Evidence::Code(_) | Evidence::Password(_), _) | (Evidence::FirstBind { .. }, None) => None,
        (_, Some(user)) if bound(user) => None,
        (Evidence::FirstBind { .. }, Some(_)) => Some(Err(Refusal::BoundToAnother)),
        (Evidence::WeChat(_), user) => {
            let status = user.map_or(Status::Inactive, |user| user.status);
            Some(Ok(next(status, Step::FirstBind(case.portal.accounts_at(case.link)))))
        }
    }
}

fn judge_status(case: &Case<'_>) -> Option<Result<Decision, Refusal>> {
    let user = case.user?;
    match user.status {
        Status::Active | Status::Inactive => None,
        Status::Pending => Some(Ok(next(Status::Pending, Step::AwaitApproval))),
        Status::Rejected => Some(Err(Refusal::Rejected(user.decided.as_ref().and_then(|decided| decided.reason.clone())))),
        Status::Disabled => Some(Err(Refusal::Disabled)),
    }
}

fn wants_second_step(case: &Case<'_>) -> bool {
    case.portal.settings.sign_in.second_step && case.proof.evidence.method().wants_second_step() && !case.proof.second_step
}

/// Whether there is something to be filled in that was not filled in just now.
fn wants_answers(case: &Case<'_>) -> bool {
    let asked = case.user.is_some_and(|user| user.asked().is_some());
    case.answers.is_none() && (asked || case.portal.collected_fields().next().is_some())
}

/// Whether this link offers this way to sign in (F6, F11, F14, F15).
fn offers(case: &Case<'_>) -> bool {
    let evidence = &case.proof.evidence;
    let kind = evidence.address().is_none_or(|address| case.portal.accounts_at(case.link).allow(address.kind()));
    let method = match evidence.method() {
        Method::Code => true,
        Method::Password => case.portal.password_at(case.link),
        Method::WeChat => case.portal.wechat_at(case.link),
    };
    kind && method
}

/// Whether they come by an invitation: one that is open, or the one that their account was made with (F31).
fn invited(case: &Case<'_>) -> bool {
    let open = case.invitation.is_some_and(|invitation| invitation.is_open(case.now));
    open || case.user.is_some_and(|user| user.invitation.is_some())
}

/// The address that is missing where the portal wants both, whatever the status (F21).
fn missing_address(case: &Case<'_>) -> Option<AddressKind> {
    let proven = |kind| case.proof.evidence.address().is_some_and(|address| address.kind() == kind);
    let has = |kind| proven(kind) || case.user.is_some_and(|user| user.address_of(kind).is_some());
    let both = case.portal.settings.sign_in.bind_both;
    [AddressKind::Phone, AddressKind::Email].into_iter().find(|kind| both && !has(*kind))
}

fn next(status: Status, step: Step) -> Decision {
    Decision { status, entry: Entry::Next(step) }
}

fn enter(case: &Case<'_>) -> Decision {
    let grant = Grant {
        portal: case.portal.id,
        user: case.id,
        method: case.proof.evidence.method(),
        authenticated_at: case.proof.at,
        may_be_remembered: case.portal.settings.sign_in.seven_days,
    };
    Decision { status: Status::Active, entry: Entry::Granted(grant) }
}

#[cfg(test)]
mod tests;
