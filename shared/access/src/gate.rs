//! From a proof to a session: the only place that acts on what `admission::decide` says.

use jiff::Timestamp;
use portico_domain::{
    address::{Address, AddressKind, Channel},
    admission::{Case, Entry, Proof, Refusal, Step, decide},
    code::{Code, Flow, Purpose},
    fields::{AnswerError, Answers, Field, check_answers},
    ids::{FlowId, PortalId, UserId},
    locale::Locale,
    portal::Portal,
    session::NewSession,
    suffix::Suffix,
    user::{Status, User},
};
use portico_runtime::{Deployment, entropy};
use portico_store::{Enrolment, SessionToken, Store, Transition};
use serde_json::Value;

use crate::{
    AccessError, Keyring,
    ticket::{self, Facts},
};

/// How often a case is decided again because the portal changed under it.
const DECISIONS: usize = 4;

/// Where a sign-in stands after a step.
#[derive(Debug)]
pub enum Outcome {
    /// In.
    SignedIn(Box<SignIn>),
    /// The portal's fields are to be filled in (F32).
    Collect {
        /// Carries what was proven to the next step.
        ticket: String,
        /// What to ask for.
        fields: Vec<Field>,
    },
    /// An administrator is to decide (F30).
    AwaitingApproval {
        /// Carries what was proven to the page that waits.
        ticket: String,
        /// How the answer will come.
        channel: Channel,
    },
}

/// A session that was just made.
#[derive(Debug)]
pub struct SignIn {
    /// What the client has to carry.
    pub token: SessionToken,
    /// The user.
    pub user: User,
    /// The portal.
    pub portal: Portal,
    /// When the session ends at the latest (UTC).
    pub expires_at: Timestamp,
    /// Whether it outlives the browser (F25).
    pub remembered: bool,
}

/// What a registration may be refused for besides [`AccessError`].
#[derive(Debug, thiserror::Error)]
pub enum RegistrationError {
    /// Answers do not fit the fields; each with the identifier that it was given under.
    #[error("answers do not fit")]
    Answers(Vec<(String, AnswerError)>),
    /// Any other reason.
    #[error(transparent)]
    Access(#[from] AccessError),
}

/// The way in.
#[derive(Debug)]
pub struct Gate {
    store: Store,
    keyring: Keyring,
    deployment: Deployment,
}

/// What a step knows before the decision.
struct Attendance<'a> {
    user: Option<User>,
    id: UserId,
    proof: &'a Proof,
    answers: Option<&'a Answers>,
    link: Option<&'a Suffix>,
    remember: bool,
    /// The language of a new account.
    locale: Locale,
    flow: FlowId,
}

impl Gate {
    /// A gate over these tables.
    pub fn new(store: Store, deployment: &Deployment) -> Self {
        Self { store, keyring: Keyring::new(deployment), deployment: deployment.clone() }
    }

    /// Takes a code that a person read, and goes on from there.
    ///
    /// Three sequential round trips for a known user: the guess is counted while portal and owner are read; the code is used up while
    /// the user is read; the session is written.
    pub async fn prove_by_code(
        &self,
        portal: PortalId,
        flow: &Flow,
        code: Code,
        remember: bool,
        locale: Locale,
    ) -> Result<Outcome, AccessError> {
        let now = self.deployment.clock().now();
        let purpose = Purpose::SignIn;
        let (attempt, read, warm_keys) = tokio::join!(
            self.store.take_attempt(portal, flow, purpose, now),
            self.store.portal_and_owner(portal, flow.recipient()),
            self.keyring.current()
        );
        warm_keys?;
        let (found_portal, owner) = read?;
        let found_portal = found_portal.ok_or(AccessError::NoPortal)?;
        let attempt = attempt?.ok_or(AccessError::CodeExpired)?;
        let keys = self.keyring.version(&attempt.code.secret_version).await?.ok_or(AccessError::CodeExpired)?;
        if !keys.code_matches(&attempt.code.hash, portal, &attempt.code.address, purpose, flow, code) {
            return Err(AccessError::CodeWrong { attempts_left: attempt.left });
        }
        let user = async {
            match owner {
                Some(owner) => self.store.user(portal, owner).await,
                None => Ok(None),
            }
        };
        let (consumed, user) = tokio::join!(self.store.consume_code(portal, flow), user);
        if !consumed? {
            return Err(AccessError::CodeExpired);
        }
        let user = user?;
        let proof = Proof { address: attempt.code.address, at: now };
        let id = match &user {
            Some(user) => user.id,
            None => UserId::new(now, entropy::wide()?),
        };
        let attendance = Attendance {
            user,
            id,
            proof: &proof,
            answers: None,
            link: attempt.code.link.as_ref(),
            remember,
            locale,
            flow: FlowId::new(now, entropy::wide()?),
        };
        self.admit(found_portal, attendance, now).await
    }

    /// Takes what a person filled in, and goes on from there.
    ///
    /// The ticket can be presented again as long as the step is open; once it is done it is spent.
    pub async fn register(
        &self,
        portal: PortalId,
        ticket: &str,
        typed: &std::collections::BTreeMap<String, Value>,
    ) -> Result<Outcome, RegistrationError> {
        let now = self.deployment.clock().now();
        let (facts, portal, user) = self.present(portal, ticket, now).await?;
        if user.status != Status::Inactive {
            return Err(AccessError::TicketSpent.into());
        }
        let answers =
            check_answers(&portal.settings.fields, typed, &portal.settings.sign_in.countries).map_err(RegistrationError::Answers)?;
        let proof = proof_of(&facts, &user)?;
        Ok(self.admit(portal, attendance(user, &facts, &proof, Some(&answers)), now).await?)
    }

    /// Tells the page that waits where the application stands. Once it is approved, the first to ask is in.
    pub async fn status(&self, portal: PortalId, ticket: &str) -> Result<Outcome, AccessError> {
        let now = self.deployment.clock().now();
        let (facts, portal, user) = self.present(portal, ticket, now).await?;
        if user.status == Status::Active
            && !self.store.spend_ticket(portal.id, facts.flow, facts.proven_at().saturating_add(ticket::LONGEST).unwrap_or(now)).await?
        {
            return Err(AccessError::TicketSpent);
        }
        let proof = proof_of(&facts, &user)?;
        self.admit(portal, attendance(user, &facts, &proof, None), now).await
    }

    async fn present(&self, portal: PortalId, ticket: &str, now: Timestamp) -> Result<(Facts, Portal, User), AccessError> {
        let facts = ticket::read(&self.keyring, portal, ticket, now).await?;
        match self.store.portal_and_user(portal, facts.user).await? {
            (Some(portal), Some(user)) => Ok((facts, portal, user)),
            _ => Err(AccessError::TicketExpired),
        }
    }

    /// Decides, writes what the decision asks for in one transaction, and decides again if portal or account changed meanwhile.
    async fn admit(&self, mut portal: Portal, mut attendance: Attendance<'_>, now: Timestamp) -> Result<Outcome, AccessError> {
        for _ in 0..DECISIONS {
            let link = attendance.link.and_then(|suffix| portal.link(suffix));
            let decision = decide(&Case {
                portal: &portal,
                link,
                user: attendance.user.as_ref(),
                id: attendance.id,
                proof: attendance.proof,
                answers: attendance.answers,
                now,
            })?;
            let before = attendance.user.as_ref().map(|user| user.status);
            let mut user = match &attendance.user {
                Some(user) => user.clone(),
                None => User::new(attendance.id, portal.id, attendance.proof.address.clone(), portal.role_at(link), attendance.locale, now),
            };
            user.status = decision.status;
            if let Some(answers) = attendance.answers {
                user.answers = answers.clone();
            }
            let session = match decision.entry {
                Entry::Granted(grant) => {
                    Ok((NewSession::begin(grant, attendance.remember, now), SessionToken::new(portal.id, user.id, entropy::bytes()?)))
                }
                Entry::Next(step) => Err(step),
            };
            let written = session.as_ref().ok().map(|(session, token)| (session, token));
            match self.write(&portal, before, &user, attendance.proof, written).await? {
                Written::Done => return self.outcome(portal, user, session, &attendance, now).await,
                Written::PortalChanged => portal = self.store.portal(portal.id).await?.ok_or(AccessError::NoPortal)?,
                // Who filled in the same form twice at once is through once; the other window asks how it stands (R8).
                Written::AccountChanged if attendance.answers.is_some() => return Err(AccessError::TicketSpent),
                Written::AccountChanged => {
                    // Twice the same person at once (R8), or an administrator in between: the account as it is now decides.
                    let owner = self.store.owner(portal.id, attendance.proof.address.key(portal.id)).await?.ok_or(AccessError::Busy)?;
                    attendance.user = self.store.user(portal.id, owner).await?;
                    attendance.id = owner;
                }
            }
        }
        Err(AccessError::Busy)
    }

    async fn write(
        &self,
        portal: &Portal,
        before: Option<Status>,
        user: &User,
        proof: &Proof,
        session: Option<(&NewSession, &SessionToken)>,
    ) -> Result<Written, AccessError> {
        match before {
            None => match self.store.enrol(portal, user, proof.address.key(portal.id), session).await? {
                Enrolment::Done => Ok(Written::Done),
                Enrolment::AlreadyThere => Ok(Written::AccountChanged),
                Enrolment::PortalChanged => Ok(Written::PortalChanged),
                Enrolment::NoSeats => Err(AccessError::NoSeats),
            },
            Some(before) if before != user.status => match self.store.advance(portal, before, user, session).await? {
                Transition::Done => Ok(Written::Done),
                Transition::Moved => Ok(Written::AccountChanged),
                Transition::PortalChanged => Ok(Written::PortalChanged),
                Transition::NoSeats => Err(AccessError::NoSeats),
            },
            Some(_) => {
                if let Some((session, token)) = session {
                    self.store.open_session(session, token).await?;
                }
                Ok(Written::Done)
            }
        }
    }

    async fn outcome(
        &self,
        portal: Portal,
        user: User,
        session: Result<(NewSession, SessionToken), Step>,
        attendance: &Attendance<'_>,
        now: Timestamp,
    ) -> Result<Outcome, AccessError> {
        let step = match session {
            Ok((session, token)) => {
                let term = session.term();
                let remembered = term.seen_at.is_none();
                return Ok(Outcome::SignedIn(Box::new(SignIn { token, user, portal, expires_at: term.expires_at, remembered })));
            }
            Err(step) => step,
        };
        let facts = Facts {
            flow: attendance.flow,
            user: user.id,
            proven: attendance.proof.address.kind(),
            proven_at_s: attendance.proof.at.as_second(),
            remember: attendance.remember,
            link: attendance.link.cloned(),
        };
        let ticket = ticket::issue(&self.keyring, portal.id, &facts, now).await?;
        Ok(match step {
            Step::Collect => Outcome::Collect { ticket, fields: portal.collected_fields().cloned().collect() },
            Step::AwaitApproval => Outcome::AwaitingApproval { ticket, channel: user.channel() },
        })
    }
}

enum Written {
    Done,
    PortalChanged,
    AccountChanged,
}

fn attendance<'a>(user: User, facts: &'a Facts, proof: &'a Proof, answers: Option<&'a Answers>) -> Attendance<'a> {
    Attendance {
        id: user.id,
        locale: user.locale,
        user: Some(user),
        proof,
        answers,
        link: facts.link.as_ref(),
        remember: facts.remember,
        flow: facts.flow,
    }
}

/// What a ticket says was proven, if the account still has that address.
fn proof_of(facts: &Facts, user: &User) -> Result<Proof, AccessError> {
    let address: Option<&Address> = match facts.proven {
        AddressKind::Phone => user.phone.as_ref(),
        AddressKind::Email => user.email.as_ref(),
    };
    let address = address.cloned().ok_or(AccessError::TicketExpired)?;
    Ok(Proof { address, at: facts.proven_at() })
}

impl From<Refusal> for RegistrationError {
    fn from(refusal: Refusal) -> Self {
        Self::Access(refusal.into())
    }
}
