//! The answer, rule by rule.

use jiff::Timestamp;
use portico_domain::{
    admission::{Finding, RULES, Rule, Step},
    guesses::Guesses,
    invitation::{Invitation, Standing},
    limits::Caps,
    portal::{Access, Accounts, Link, Portal},
    seats::Seats,
    user::{Reason, Status, User},
    whitelist::{Column, value_of},
};
use portico_store::Recipient;
use serde::Serialize;
use utoipa::ToSchema;

/// All that is known of an address.
pub(crate) struct Known {
    pub(crate) user: Option<User>,
    pub(crate) invitation: Option<Invitation>,
    pub(crate) recipient: Recipient,
    pub(crate) passwords: Guesses,
    pub(crate) seats: Option<Seats>,
}

/// Why somebody does not get in (B2).
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Explanation {
    /// What happens when they come now: what the first rule says that does not let them pass.
    verdict: Verdict,
    /// The rules, in the order in which a person learns of them.
    rules: Vec<RuleView>,
}

/// What happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = AdmissionVerdict)]
#[serde(rename_all = "camelCase")]
enum Verdict {
    /// They get in with a code.
    Enters,
    /// They have something to do: accept, prove, fill in.
    HasToAct,
    /// They wait for an administrator.
    Waits,
    /// They are refused.
    Refused,
}

/// What a rule makes of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = AdmissionState)]
#[serde(rename_all = "camelCase")]
enum State {
    /// It lets them pass.
    Passed,
    /// It keeps them out.
    Refused,
    /// They, or an administrator, have something to do.
    Open,
    /// A rule before it decides.
    NotReached,
}

/// A rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = AdmissionRule)]
#[serde(rename_all = "camelCase")]
enum Name {
    /// They may guess at codes (F23).
    Guesses,
    /// Their caps let a code go out (F22). The verdict leaves it out: it delays the next code only.
    Sending,
    /// The portal is on (F1).
    Enabled,
    /// The link offers this kind of account (F6, F11).
    Method,
    /// They follow the service account (F17); a code needs none.
    Follow,
    /// Who comes by WeChat is known (S34); who reads a code need not be.
    Identity,
    /// The second step is done (F19); a code needs none.
    SecondStep,
    /// Nobody rejected or disabled the account, and it does not wait for approval (F57).
    Status,
    /// Who has no account comes within the window (F20).
    Window,
    /// They are invited, where only invited people get in (F31).
    Invitation,
    /// The agreements are accepted (F10).
    Consent,
    /// Both addresses are proven, where the portal wants both (F21).
    Bind,
    /// The fields are filled in (F32).
    Collect,
    /// An administrator, the whitelist or an invitation lets them in (F30, F46).
    Approval,
    /// A seat is free for who has none yet (F77).
    Seats,
}

impl From<Rule> for Name {
    fn from(rule: Rule) -> Self {
        match rule {
            Rule::Enabled => Self::Enabled,
            Rule::Method => Self::Method,
            Rule::Follow => Self::Follow,
            Rule::Identity => Self::Identity,
            Rule::SecondStep => Self::SecondStep,
            Rule::Status => Self::Status,
            Rule::Window => Self::Window,
            Rule::Invitation => Self::Invitation,
            Rule::Consent => Self::Consent,
            Rule::Bind => Self::Bind,
            Rule::Collect => Self::Collect,
            Rule::Approval => Self::Approval,
        }
    }
}

/// A rule, what it makes of them, and what it goes by.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AdmissionFinding)]
#[serde(rename_all = "camelCase")]
struct RuleView {
    rule: Name,
    state: State,
    #[serde(flatten)]
    details: Details,
}

/// What a rule goes by; each has its own.
#[derive(Debug, Default, Serialize, ToSchema)]
#[schema(as = AdmissionDetails)]
#[serde(rename_all = "camelCase")]
struct Details {
    /// Until when a lock or a cap holds (UTC).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    until: Option<Timestamp>,
    /// Until when no password is taken (UTC); a code is.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    passwords_until: Option<Timestamp>,
    /// The kinds of account that the link offers.
    #[serde(skip_serializing_if = "Option::is_none")]
    accounts: Option<Accounts>,
    /// Where the account stands; absent if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<Status>,
    /// What the administrator wrote who rejected them, or asked for more.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    reason: Option<Reason>,
    /// When the window opens (UTC).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    opens_at: Option<Timestamp>,
    /// When the window closes (UTC).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    closes_at: Option<Timestamp>,
    /// The zone of the window.
    #[serde(skip_serializing_if = "Option::is_none")]
    zone: Option<String>,
    /// Who may come in.
    #[serde(skip_serializing_if = "Option::is_none")]
    access: Option<Access>,
    /// Where the invitation of the address stands; absent if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    invitation: Option<Standing>,
    /// The version of the agreements that is to be accepted.
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<u32>,
    /// Whether a row of the whitelist matches; absent while the whitelist is off.
    #[serde(skip_serializing_if = "Option::is_none")]
    whitelisted: Option<bool>,
    /// The columns of the whitelist, while it is on.
    #[serde(skip_serializing_if = "Option::is_none")]
    columns: Option<Vec<ColumnView>>,
    /// The seats of the organisation.
    #[serde(skip_serializing_if = "Option::is_none")]
    seats: Option<Seats>,
}

/// A column of the whitelist. Rows are compared as a whole: which value differs is not known.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AdmissionColumn)]
struct ColumnView {
    #[serde(flatten)]
    column: Column,
    /// Whether there is a value to compare, proven or filled in.
    given: bool,
}

impl Explanation {
    #[expect(clippy::too_many_arguments, reason = "one caller, which has read each of them")]
    pub(crate) fn new(
        portal: &Portal,
        link: Option<&Link>,
        candidate: &User,
        known: &Known,
        whitelisted: bool,
        findings: [(Rule, Finding); RULES],
        caps: &Caps,
        now: Timestamp,
    ) -> Self {
        let stopped = findings.iter().any(|(_, finding)| matches!(finding, Finding::Refused(_) | Finding::Open(Step::AwaitApproval)));
        let mut rules = vec![guesses(known, now), sending(known, caps, now)];
        rules.extend(findings.into_iter().map(|(rule, finding)| {
            let mut details = details(rule, portal, link, candidate, known, whitelisted, now);
            if let Finding::Open(Step::Consent(version)) = finding {
                details.version = Some(version);
            }
            RuleView { rule: rule.into(), state: State::of(&finding), details }
        }));
        rules.push(seats(known, stopped));
        Self { verdict: verdict(&rules), rules }
    }
}

/// The first rule that does not let them pass decides. A cap does not: it delays the next code, and they may have one.
fn verdict(rules: &[RuleView]) -> Verdict {
    match rules.iter().find(|rule| rule.state != State::Passed && rule.rule != Name::Sending) {
        None => Verdict::Enters,
        Some(rule) if rule.state == State::Refused => Verdict::Refused,
        Some(RuleView { rule: Name::Status | Name::Approval, .. }) => Verdict::Waits,
        Some(_) => Verdict::HasToAct,
    }
}

impl State {
    fn of(finding: &Finding) -> Self {
        match finding {
            Finding::Passed => Self::Passed,
            Finding::Refused(_) => Self::Refused,
            Finding::Open(_) => Self::Open,
            Finding::NotReached => Self::NotReached,
        }
    }

    fn passed_if(passed: bool) -> Self {
        if passed { Self::Passed } else { Self::Refused }
    }
}

fn guesses(known: &Known, now: Timestamp) -> RuleView {
    let until = known.recipient.guesses.admit_code(now).err().map(|locked| locked.until);
    let passwords_until = known.passwords.admit_password(now).err().map(|locked| locked.until);
    let details = Details { until, passwords_until, ..Details::default() };
    RuleView { rule: Name::Guesses, state: State::passed_if(until.is_none()), details }
}

fn sending(known: &Known, caps: &Caps, now: Timestamp) -> RuleView {
    let until = known.recipient.sends.admit(caps, now).err().map(|too_many| too_many.retry_at);
    RuleView { rule: Name::Sending, state: State::passed_if(until.is_none()), details: Details { until, ..Details::default() } }
}

fn seats(known: &Known, stopped: bool) -> RuleView {
    let has_seat = known.user.as_ref().is_some_and(|user| user.status == Status::Active);
    let room = has_seat || known.seats.is_some_and(Seats::has_room);
    let state = if stopped { State::NotReached } else { State::passed_if(room) };
    RuleView { rule: Name::Seats, state, details: Details { seats: known.seats, ..Details::default() } }
}

/// What a rule of admission goes by.
fn details(
    rule: Rule,
    portal: &Portal,
    link: Option<&Link>,
    candidate: &User,
    known: &Known,
    whitelisted: bool,
    now: Timestamp,
) -> Details {
    let settings = &portal.settings;
    let none = Details::default();
    match rule {
        Rule::Method => Details { accounts: Some(portal.accounts_at(link)), ..none },
        Rule::Status => Details {
            status: known.user.as_ref().map(|user| user.status),
            reason: known.user.as_ref().and_then(|user| user.decided.as_ref()?.reason.clone()),
            ..none
        },
        Rule::Window => match &settings.registration.window {
            Some(window) => {
                Details { opens_at: window.opens_at(), closes_at: window.closes_at(), zone: Some(window.zone().to_owned()), ..none }
            }
            None => none,
        },
        Rule::Invitation => Details {
            access: Some(settings.access),
            invitation: known.invitation.as_ref().map(|invitation| invitation.standing(now)),
            ..none
        },
        Rule::Approval => {
            let given = |column: &Column| value_of(portal, column, candidate, &candidate.answers).is_some();
            let view = |column: &Column| ColumnView { given: given(column), column: column.clone() };
            let columns = settings.whitelist.enabled.then(|| settings.whitelist.columns.iter().map(view).collect());
            Details { access: Some(settings.access), whitelisted: columns.is_some().then_some(whitelisted), columns, ..none }
        }
        Rule::Enabled | Rule::Follow | Rule::Identity | Rule::SecondStep | Rule::Consent | Rule::Bind | Rule::Collect => none,
    }
}
