//! The ways in: each turns what a person brings into a proof, and hands it to [`Gate::admit`].

use std::{collections::BTreeMap, sync::Arc};

use jiff::Timestamp;
use portico_domain::{
    address::Address,
    admission::{Evidence, Proof, Refusal, Step},
    code::{Code, Flow, Purpose},
    fields::{AnswerError, Answers, check_answers},
    ids::{FlowId, PortalId, UserId},
    portal::Portal,
    spend::Block,
    user::{Status, User},
};
use portico_runtime::{Deployment, entropy};
use portico_store::{CodeFacts, Guess, Store, StoreError, Then};
use serde_json::Value;

use crate::{
    AccessError, Keyring, Outcome,
    admit::{Arrival, Attendance, Visitor},
    flow,
    keys::Keys,
    ticket::{self, Facts, Open, Shown},
};

/// What a form may be refused for besides [`AccessError`].
#[derive(Debug, thiserror::Error)]
pub enum RegistrationError {
    /// Answers do not fit the fields; each with the identifier that it was given under.
    #[error("answers do not fit")]
    Answers(Vec<(String, AnswerError)>),
    /// The agreements were to be accepted, and were not.
    #[error("the agreements were not accepted")]
    NoConsent,
    /// Any other reason.
    #[error(transparent)]
    Access(#[from] AccessError),
}

/// What a person sends with a form.
#[derive(Debug, Clone, Copy)]
pub struct Submission<'a> {
    /// Answers by the identifier of the field.
    pub fields: &'a BTreeMap<String, Value>,
    /// The version of the agreements that they accepted (F10).
    pub consent: Option<u32>,
}

/// A code that somebody brings, and what belongs to it.
pub(crate) struct Brought {
    portal: PortalId,
    purpose: Purpose,
    /// The flow that they were given for it, and the keys of that time.
    flow: Flow,
    keys: Arc<Keys>,
    code: Code,
    now: Timestamp,
}

impl Brought {
    /// The address that the code went to. Nothing is proven yet.
    pub(crate) fn address(&self) -> &Address {
        self.flow.address()
    }

    fn hash(&self) -> [u8; 32] {
        self.keys.code_hash(self.portal, self.purpose, &self.flow, self.code)
    }
}

/// What a right code proves.
pub(crate) struct Proven {
    /// Who brings it reads messages at this address.
    pub(crate) address: Address,
    /// The sign-in that it is a later step of.
    pub(crate) joined: Option<FlowId>,
}

/// The way in.
#[derive(Debug)]
pub struct Gate {
    pub(crate) store: Store,
    pub(crate) keyring: Keyring,
    pub(crate) deployment: Deployment,
}

impl Gate {
    /// A gate over these tables.
    pub fn new(store: Store, deployment: &Deployment) -> Self {
        Self { store, keyring: Keyring::new(deployment), deployment: deployment.clone() }
    }

    /// Takes a code that a person read, and goes on from there.
    ///
    /// Three sequential round trips for a known user: the code is guessed and used up while portal and owner are read; the user is read;
    /// the session is written.
    pub async fn prove_by_code(&self, portal: PortalId, flow: &str, code: Code, arrival: Arrival<'_>) -> Result<Outcome, AccessError> {
        let now = self.deployment.clock().now();
        let brought = self.bring(portal, Purpose::SignIn, flow, code, now).await?;
        let (guessed, read) =
            tokio::join!(self.guess(&brought, Then::UseUp), self.store.portal_and_owner(portal, brought.address().key(portal)));
        let (found_portal, owner) = read?;
        let found_portal = found_portal.ok_or(AccessError::NoPortal)?;
        let facts = guessed?;
        let user = async {
            match owner {
                Some(owner) => self.store.recent_user(portal, owner).await,
                None => Ok(None),
            }
        };
        let (counted, user) = tokio::join!(self.came_back(&brought, &facts), user);
        counted?;
        let user = user?;
        let id = user.as_ref().map_or_else(|| entropy::wide().map(|random| UserId::new(now, random)), |user| Ok(user.id))?;
        let proof = Proof { evidence: Evidence::Code(brought.address().clone()), follows: false, second_step: false, at: now };
        let attendance = Attendance {
            user,
            id,
            proof: &proof,
            bound: None,
            answers: None,
            link: facts.link.as_ref(),
            flow: FlowId::new(now, entropy::wide()?),
            visit: None,
            arrival,
        };
        self.admit(found_portal, attendance, now).await
    }

    /// Takes the code of a later step of a sign-in: its second step (F19), a further address, which thereby belongs to the account
    /// (F21), or the address of somebody whom WeChat named (S34). Of the `arrival`, only that one looks at the agreements.
    pub async fn later_step(
        &self,
        portal: PortalId,
        ticket: &str,
        flow: &str,
        code: Code,
        arrival: Arrival<'_>,
    ) -> Result<Outcome, AccessError> {
        let now = self.deployment.clock().now();
        let facts = ticket::read(&self.keyring, portal, ticket, now).await?;
        let visitor = arrival.visitor;
        let purpose = match facts.open {
            Open::SecondStep => Purpose::SecondStep,
            Open::Bind(_) => Purpose::Bind,
            Open::FirstBind => return self.first_bind(portal, facts, flow, code, arrival, now).await,
            Open::Follow | Open::Consent | Open::Collect | Open::Wait => return Err(AccessError::TicketExpired),
        };
        let proven = self.prove(self.bring(portal, purpose, flow, code, now).await?).await?;
        let (found_portal, user) = self.account(portal, facts.user).await?;
        let owned = user.address_of(proven.address.kind());
        match facts.open {
            Open::Bind(_) if owned.is_some() => return Err(AccessError::TicketSpent),
            // Asked for in this very sign-in, and sent to an address of this account (S2, S38).
            _ if proven.joined != Some(facts.flow) => return Err(AccessError::CodeExpired),
            Open::SecondStep if owned != Some(&proven.address) => return Err(AccessError::CodeExpired),
            _ => {}
        }
        if purpose == Purpose::SecondStep {
            return self.finish_second_step(found_portal, user, facts, visitor, now).await;
        }
        let proof = proof_of(&facts, &user)?;
        let attendance = Attendance { bound: Some(&proven.address), ..attendance(user, &facts, &proof, visitor) };
        self.admit(found_portal, attendance, now).await
    }

    /// Goes on after the second step, once per ticket.
    pub(crate) async fn finish_second_step(
        &self,
        portal: Portal,
        user: User,
        facts: Facts,
        visitor: &Visitor,
        now: Timestamp,
    ) -> Result<Outcome, AccessError> {
        self.spend(portal.id, &facts, now).await?;
        let proof = Proof { second_step: true, ..proof_of(&facts, &user)? };
        // What waits after this sign-in is spent apart from the second step.
        let facts = Facts { flow: FlowId::new(now, entropy::wide()?), ..facts };
        self.admit(portal, attendance(user, &facts, &proof, visitor), now).await
    }

    /// Takes a form: what a person filled in, or that they accept the agreements.
    ///
    /// The ticket can be presented again as long as the step is open; once it is done it is spent.
    pub async fn register(
        &self,
        portal: PortalId,
        ticket: &str,
        submission: Submission<'_>,
        visitor: &Visitor,
    ) -> Result<Outcome, RegistrationError> {
        let now = self.deployment.clock().now();
        let facts = ticket::read(&self.keyring, portal, ticket, now).await?;
        let (portal, user) = self.account(portal, facts.user).await?;
        let answers = match facts.open {
            Open::Collect if user.status != Status::Inactive => return Err(AccessError::TicketSpent.into()),
            Open::Collect => Some(answers(&portal, submission)?),
            Open::Consent if user.consent.as_ref().map(|consent| consent.version) == portal.agreement_version() => {
                return Err(AccessError::TicketSpent.into());
            }
            Open::Consent if submission.consent.is_none() => return Err(RegistrationError::NoConsent),
            Open::Consent => None,
            Open::Follow | Open::FirstBind | Open::SecondStep | Open::Bind(_) | Open::Wait => return Err(AccessError::TicketExpired.into()),
        };
        let proof = proof_of(&facts, &user)?;
        let mut attendance = Attendance { answers: answers.as_ref(), ..attendance(user, &facts, &proof, visitor) };
        attendance.arrival.consent = submission.consent;
        Ok(self.admit(portal, attendance, now).await?)
    }

    /// Says where a sign-in stands that a ticket carries, whatever its step. Only what somebody else does moves it: an administrator who
    /// decides, WeChat that says that they follow now. The first to ask then goes on.
    pub async fn status(&self, portal: PortalId, ticket: &str, visitor: &Visitor) -> Result<Outcome, AccessError> {
        let now = self.deployment.clock().now();
        let facts = ticket::read(&self.keyring, portal, ticket, now).await?;
        if matches!(facts.open, Open::Follow | Open::FirstBind) {
            return self.wechat_status(portal, facts, visitor, now).await;
        }
        let (portal, user) = self.account(portal, facts.user).await?;
        let proof = proof_of(&facts, &user)?;
        let attendance = attendance(user.clone(), &facts, &proof, visitor);
        let step = match facts.open {
            Open::Wait | Open::Collect => {
                if user.status == Status::Active {
                    self.spend(portal.id, &facts, now).await?;
                }
                return self.admit(portal, attendance, now).await;
            }
            Open::SecondStep => Some(Step::SecondStep),
            Open::Bind(kind) => user.address_of(kind).is_none().then_some(Step::Bind(kind)),
            Open::Consent => {
                let accepted = user.consent.as_ref().map(|consent| consent.version);
                portal.agreement_version().filter(|version| accepted != Some(*version)).map(Step::Consent)
            }
            Open::Follow | Open::FirstBind => None,
        };
        if !portal.settings.enabled {
            return Err(Refusal::PortalOff.into());
        }
        self.next(step.ok_or(AccessError::TicketSpent)?, portal, user, &attendance, now).await
    }

    /// Reads the flow that belongs to a code.
    pub(crate) async fn bring(
        &self,
        portal: PortalId,
        purpose: Purpose,
        flow: &str,
        code: Code,
        now: Timestamp,
    ) -> Result<Brought, AccessError> {
        let (flow, keys) = flow::read(&self.keyring, portal, flow).await?;
        Ok(Brought { portal, purpose, flow, keys, code, now })
    }

    /// Guesses at a code: counted and compared at once, and used up if it is right and not held (S4, S5, S6).
    pub(crate) async fn guess(&self, brought: &Brought, then: Then) -> Result<CodeFacts, AccessError> {
        let Brought { portal, purpose, flow, now, .. } = brought;
        match self.store.guess(*portal, flow, *purpose, &brought.hash(), then, *now).await? {
            Guess::Right(facts) => Ok(facts),
            Guess::Wrong { left } => Err(AccessError::CodeWrong { attempts_left: left }),
            Guess::Gone => Err(AccessError::CodeExpired),
        }
    }

    /// Counts that a code came back, where that is watched (S13).
    async fn came_back(&self, brought: &Brought, facts: &CodeFacts) -> Result<(), StoreError> {
        match facts.watched.zip(Block::of(brought.address())) {
            Some((hour, block)) => self.store.count_verified(brought.portal, block, hour, brought.now).await,
            None => Ok(()),
        }
    }

    /// Uses up a code that was held, for exactly one caller (S6).
    pub(crate) async fn use_up(&self, brought: &Brought, facts: &CodeFacts) -> Result<(), AccessError> {
        if !self.store.use_up_code(brought.portal, &brought.flow, &brought.hash()).await? {
            return Err(AccessError::CodeExpired);
        }
        Ok(self.came_back(brought, facts).await?)
    }

    /// Takes a code that proves an address, for exactly one caller (S6).
    pub(crate) async fn prove(&self, brought: Brought) -> Result<Proven, AccessError> {
        let facts = self.guess(&brought, Then::UseUp).await?;
        self.came_back(&brought, &facts).await?;
        Ok(Proven { address: brought.flow.address().clone(), joined: facts.joined })
    }

    /// Proves an address by its code, outside of a sign-in: for a new password, or a new address (S30).
    pub async fn prove_address(&self, portal: PortalId, flow: &str, purpose: Purpose, code: Code) -> Result<Address, AccessError> {
        let brought = self.bring(portal, purpose, flow, code, self.deployment.clock().now()).await?;
        Ok(self.prove(brought).await?.address)
    }

    pub(crate) async fn account(&self, portal: PortalId, user: UserId) -> Result<(Portal, User), AccessError> {
        match self.store.portal_and_user(portal, user).await? {
            (Some(portal), Some(user)) => Ok((portal, user)),
            _ => Err(AccessError::TicketExpired),
        }
    }

    /// Of any number who present the ticket of a step that can be done once, one goes on.
    pub(crate) async fn spend(&self, portal: PortalId, facts: &Facts, now: Timestamp) -> Result<(), AccessError> {
        let until = facts.proven_at().saturating_add(ticket::LONGEST).unwrap_or(now);
        if self.store.spend_ticket(portal, facts.flow, until).await? { Ok(()) } else { Err(AccessError::TicketSpent) }
    }
}

fn answers(portal: &Portal, submission: Submission<'_>) -> Result<Answers, RegistrationError> {
    let settings = &portal.settings;
    check_answers(&settings.fields, submission.fields, &settings.sign_in.countries).map_err(RegistrationError::Answers)
}

fn attendance<'a>(user: User, facts: &'a Facts, proof: &'a Proof, visitor: &'a Visitor) -> Attendance<'a> {
    Attendance {
        id: user.id,
        user: Some(user),
        proof,
        bound: None,
        answers: None,
        link: facts.link.as_ref(),
        flow: facts.flow,
        visit: None,
        arrival: Arrival { remember: facts.remember, consent: facts.consent, visitor },
    }
}

/// What a ticket says was proven, if the account still has that address or identity.
fn proof_of(facts: &Facts, user: &User) -> Result<Proof, AccessError> {
    let address = |kind| user.address_of(kind).cloned();
    let evidence = match facts.shown {
        Shown::Code(kind) => address(kind).map(Evidence::Code),
        Shown::Password(kind) => address(kind).map(Evidence::Password),
        Shown::WeChat => user.wechat.clone().map(Evidence::WeChat),
    };
    let evidence = evidence.ok_or(AccessError::TicketExpired)?;
    Ok(Proof { evidence, follows: facts.follows, second_step: facts.second_step, at: facts.proven_at() })
}

impl From<Refusal> for RegistrationError {
    fn from(refusal: Refusal) -> Self {
        Self::Access(refusal.into())
    }
}
