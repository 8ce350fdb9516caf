//! What the rules say, written down a second time: as a model of a portal, its people and what they are told.

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest_state_machine::ReferenceStateMachine;

/// How many people come.
pub(super) const PEOPLE: usize = 2;
/// Three days and a little.
pub(super) const LONG: i64 = 259_210;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Account {
    Inactive,
    Pending,
    Active,
    Rejected,
    Disabled,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    Anyone,
    Approved,
    Invited,
}

#[derive(Debug, Clone, Copy)]
struct Code {
    at: i64,
    left: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Waits {
    ForForm,
    ForDecision,
}

#[derive(Debug, Clone, Copy)]
struct Ticket {
    waits: Waits,
    at: i64,
    sign_in: usize,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Person {
    pub(super) account: Option<Account>,
    /// The code that can be brought back.
    code: Option<Code>,
    /// Whether they ever asked and got a message.
    knows_code: bool,
    sent_at: Option<i64>,
    failures: u32,
    failed_at: i64,
    ticket: Option<Ticket>,
    /// When each session began; none once it was signed out.
    sessions: Vec<Option<i64>>,
}

/// What the rules say about everybody, and what they foretell of the last call.
#[derive(Debug, Clone)]
pub(super) struct Model {
    now: i64,
    enabled: bool,
    access: Access,
    window_is_open: bool,
    pub(super) people: [Person; PEOPLE],
    sign_ins: usize,
    completed: BTreeSet<usize>,
    pub(super) foretold: String,
}

#[derive(Debug, Clone)]
pub(super) enum Act {
    Ask(usize),
    GuessRight(usize),
    GuessWrong(usize),
    Register(usize),
    Poll(usize),
    Read(usize),
    SignOut(usize),
    Decide(usize, bool),
    Disable(usize, bool),
    Pass(i64),
    Enable(bool),
    Open(Access),
    Window(bool),
}

impl Model {
    fn ask(&mut self, who: usize) -> String {
        let (now, closed_to_strangers) = (self.now, self.access == Access::Invited);
        let person = &mut self.people[who];
        let wait = match person.failures {
            0..10 => 0,
            10..20 => 300,
            _ => 900,
        };
        if !self.enabled {
            return "403 portal-off".into();
        }
        if now < person.failed_at + wait {
            return "429 locked".into();
        }
        if person.sent_at.is_some_and(|at| now - at < 60) {
            return "429 too-many-requests".into();
        }
        person.sent_at = Some(now);
        person.code = Some(Code { at: now, left: 5 });
        person.knows_code = !closed_to_strangers || person.account.is_some();
        if person.knows_code { "202 told".into() } else { "202 nothing".into() }
    }

    /// Counts a guess; whether it is compared.
    fn guess(&mut self, who: usize) -> Option<u32> {
        let now = self.now;
        let person = &mut self.people[who];
        let code = person.code.as_mut().filter(|code| code.left > 0 && now - code.at < 300)?;
        code.left -= 1;
        person.failures += 1;
        person.failed_at = now;
        Some(code.left)
    }

    fn guess_wrong(&mut self, who: usize) -> String {
        match self.guess(who) {
            Some(left) => format!("422 code-wrong {left}"),
            None => "422 code-expired".into(),
        }
    }

    fn guess_right(&mut self, who: usize) -> String {
        if self.guess(who).is_none() {
            return "422 code-expired".into();
        }
        let person = &mut self.people[who];
        (person.code, person.failures) = (None, 0);
        self.sign_ins += 1;
        self.admit(who, self.sign_ins, false)
    }

    /// What comes of somebody who proved that they are who they are.
    fn admit(&mut self, who: usize, sign_in: usize, filled_in: bool) -> String {
        let (now, access, window_is_open) = (self.now, self.access, self.window_is_open);
        let person = &mut self.people[who];
        let is_in = person.account == Some(Account::Active);
        if !self.enabled {
            return "403 portal-off".into();
        }
        match person.account {
            Some(Account::Disabled) => return "403 disabled".into(),
            Some(Account::Rejected) => return "403 rejected".into(),
            Some(Account::Pending) => {
                person.ticket = Some(Ticket { waits: Waits::ForDecision, at: now, sign_in });
                return "200 awaitingApproval".into();
            }
            None if !window_is_open => return "403 registration-closed".into(),
            _ => {}
        }
        if !is_in && access == Access::Invited {
            return "403 not-invited".into();
        }
        if !is_in && !filled_in {
            person.account = Some(Account::Inactive);
            person.ticket = Some(Ticket { waits: Waits::ForForm, at: now, sign_in });
            return "200 collect".into();
        }
        if !is_in && access == Access::Approved {
            person.account = Some(Account::Pending);
            person.ticket = Some(Ticket { waits: Waits::ForDecision, at: now, sign_in });
            return "200 awaitingApproval".into();
        }
        person.account = Some(Account::Active);
        person.sessions.push(Some(now));
        "200 signedIn".into()
    }

    fn register(&mut self, who: usize, ticket: Ticket) -> String {
        if self.now - ticket.at >= 600 {
            return "401 ticket-expired".into();
        }
        if self.people[who].account != Some(Account::Inactive) {
            return "409 ticket-spent".into();
        }
        self.admit(who, ticket.sign_in, true)
    }

    fn poll(&mut self, who: usize, ticket: Ticket) -> String {
        if self.now - ticket.at >= 600 {
            return "401 ticket-expired".into();
        }
        if self.people[who].account == Some(Account::Active) && !self.completed.insert(ticket.sign_in) {
            return "409 ticket-spent".into();
        }
        self.admit(who, ticket.sign_in, false)
    }

    /// What each session of a person is told.
    fn read(&self, who: usize) -> String {
        let person = &self.people[who];
        let told = person.sessions.iter().map(|began| match began {
            Some(at) if self.now - at < 7 * 86_400 => match person.account {
                _ if !self.enabled => "401 portal-off",
                Some(Account::Active) => "200",
                Some(Account::Disabled) => "401 disabled",
                _ => "401 signed-out",
            },
            _ => "401 signed-out",
        });
        told.collect::<Vec<_>>().join(", ")
    }

    fn decide(&mut self, who: usize, yes: bool) -> String {
        let account = &mut self.people[who].account;
        if *account != Some(Account::Pending) {
            return "conflict".into();
        }
        *account = Some(if yes { Account::Active } else { Account::Rejected });
        if yes { "approved".into() } else { "rejected".into() }
    }

    fn disable(&mut self, who: usize, off: bool) -> String {
        let account = &mut self.people[who].account;
        match account {
            Some(Account::Active | Account::Disabled) => {
                *account = Some(if off { Account::Disabled } else { Account::Active });
                "200".into()
            }
            _ => "409 status-conflict".into(),
        }
    }

    /// What somebody, or an administrator with them, may do now, with its weight.
    fn acts_of(&self, who: usize) -> Vec<(u32, Act)> {
        let person = &self.people[who];
        let lives = person.code.is_some() && person.knows_code;
        let mut acts = vec![(if person.sent_at.is_none_or(|at| self.now - at >= 60) && !lives { 5 } else { 1 }, Act::Ask(who))];
        if person.knows_code {
            acts.push((if lives { 10 } else { 1 }, Act::GuessRight(who)));
        }
        if person.sent_at.is_some() {
            acts.push((if lives { 3 } else { 1 }, Act::GuessWrong(who)));
        }
        match person.ticket.map(|ticket| ticket.waits) {
            Some(Waits::ForForm) => acts.extend([(10, Act::Register(who)), (1, Act::Poll(who))]),
            Some(Waits::ForDecision) => acts.push((4, Act::Poll(who))),
            None => {}
        }
        if !person.sessions.is_empty() {
            acts.extend([(8, Act::Read(who)), (1, Act::SignOut(who))]);
        }
        match person.account {
            Some(Account::Pending) => {
                acts.extend([(4, Act::Decide(who, true)), (1, Act::Decide(who, false)), (1, Act::Disable(who, true))])
            }
            Some(Account::Active) => acts.extend([(5, Act::Disable(who, true)), (1, Act::Decide(who, true))]),
            Some(Account::Disabled) => acts.push((3, Act::Disable(who, false))),
            Some(_) => acts.push((1, Act::Disable(who, false))),
            None => {}
        }
        acts
    }

    fn ticket(&self, who: usize) -> Option<Ticket> {
        self.people[who].ticket
    }
}

pub(super) struct Rules;

impl ReferenceStateMachine for Rules {
    type State = Model;
    type Transition = Act;

    fn init_state() -> BoxedStrategy<Model> {
        let model = Model {
            now: 0,
            enabled: true,
            access: Access::Anyone,
            window_is_open: true,
            people: Default::default(),
            sign_ins: 0,
            completed: BTreeSet::new(),
            foretold: String::new(),
        };
        Just(model).boxed()
    }

    /// What can be done leads nowhere most of the time: what goes on gets the weight.
    fn transitions(model: &Model) -> BoxedStrategy<Act> {
        let mut acts: Vec<(u32, Act)> = vec![
            (2, Act::Pass(70)),
            (1, Act::Pass(350)),
            (1, Act::Pass(700)),
            (1, Act::Pass(LONG)),
            (if model.enabled { 1 } else { 5 }, Act::Enable(!model.enabled)),
            (if model.window_is_open { 1 } else { 4 }, Act::Window(!model.window_is_open)),
            (1, Act::Open(Access::Anyone)),
            (2, Act::Open(Access::Approved)),
            (1, Act::Open(Access::Invited)),
        ];
        for who in 0..PEOPLE {
            acts.extend(model.acts_of(who));
        }
        prop::sample::select(acts.into_iter().flat_map(|(weight, act)| vec![act; weight as usize]).collect::<Vec<_>>()).boxed()
    }

    fn preconditions(model: &Model, act: &Act) -> bool {
        match act {
            Act::GuessRight(who) => model.people[*who].knows_code,
            Act::GuessWrong(who) => model.people[*who].sent_at.is_some(),
            Act::Register(who) => model.ticket(*who).is_some_and(|ticket| ticket.waits == Waits::ForForm),
            Act::Poll(who) => model.ticket(*who).is_some(),
            Act::Read(who) | Act::SignOut(who) => !model.people[*who].sessions.is_empty(),
            Act::Decide(who, _) | Act::Disable(who, _) => model.people[*who].account.is_some(),
            Act::Ask(_) | Act::Pass(_) | Act::Enable(_) | Act::Open(_) | Act::Window(_) => true,
        }
    }

    fn apply(mut model: Model, act: &Act) -> Model {
        let ticket = |model: &Model, who: usize| model.ticket(who).unwrap();
        model.foretold = match *act {
            Act::Ask(who) => model.ask(who),
            Act::GuessRight(who) => model.guess_right(who),
            Act::GuessWrong(who) => model.guess_wrong(who),
            Act::Register(who) => model.register(who, ticket(&model, who)),
            Act::Poll(who) => model.poll(who, ticket(&model, who)),
            Act::Read(who) => model.read(who),
            Act::SignOut(who) => {
                if let Some(last) = model.people[who].sessions.last_mut() {
                    *last = None;
                }
                "204".into()
            }
            Act::Decide(who, yes) => model.decide(who, yes),
            Act::Disable(who, off) => model.disable(who, off),
            Act::Pass(seconds) => {
                model.now += seconds;
                String::new()
            }
            Act::Enable(_) | Act::Open(_) | Act::Window(_) => "200".into(),
        };
        match *act {
            Act::Enable(on) => model.enabled = on,
            Act::Open(access) => model.access = access,
            Act::Window(open) => model.window_is_open = open,
            _ => {}
        }
        model
    }
}
