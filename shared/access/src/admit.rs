//! From what was proven to what comes of it: the only place that acts on what `admission::decide` says (S37).

use jiff::Timestamp;
use portico_domain::{
    address::{Address, AddressKind, Channel},
    admission::{Case, Entry, Evidence, Proof, Step, decide},
    fields::{Answers, Field},
    ids::{FlowId, PortalId, UserId},
    invitation::Invitation,
    locale::Locale,
    portal::{Accounts, Portal},
    session::NewSession,
    suffix::Suffix,
    user::{Consent, Reason, Status, User},
    whitelist,
};
use portico_runtime::entropy;
use portico_store::{Advance, BrowserHash, Device, Enrol, Opening, Pending, ScanId, SessionToken, Written};

use crate::{
    AccessError, Gate,
    ticket::{self, Facts, Open},
};

/// How often a case is decided again because portal or account changed under it.
const DECISIONS: usize = 4;

/// Where a sign-in stands after a step.
#[derive(Debug)]
pub enum Outcome {
    /// In.
    SignedIn(Box<SignIn>),
    /// They are to follow the service account (F17).
    Follow {
        /// Carries what was proven to the page that waits.
        ticket: String,
        /// What the QR code says by which they follow.
        qr: String,
        /// Until when it can be scanned (UTC).
        expires_at: Timestamp,
    },
    /// The phone of a scan is to confirm (F16, S36).
    Scanned(ScanId),
    /// WeChat named somebody new: an address is to be proven, too (S34).
    FirstBind {
        /// Carries what was proven to the next step.
        ticket: String,
        /// The kinds of address that serve.
        accounts: Accounts,
    },
    /// A code is to come after the password or WeChat (F19).
    SecondStep {
        /// Carries what was proven to the next step.
        ticket: String,
        /// Where a code can go.
        channels: Channels,
        /// Whether they have an authenticator.
        authenticator: bool,
        /// Whether they have recovery codes left.
        recovery_codes: bool,
    },
    /// The agreements are to be accepted (F10).
    Consent {
        /// Carries what was proven to the next step.
        ticket: String,
        /// The version to be shown.
        version: u32,
    },
    /// A second address is to be proven (F21).
    Bind {
        /// Carries what was proven to the next step.
        ticket: String,
        /// The kind that is missing.
        missing: AddressKind,
    },
    /// The portal's fields are to be filled in (F32).
    Collect {
        /// Carries what was proven to the next step.
        ticket: String,
        /// What to ask for.
        fields: Vec<Field>,
        /// What an administrator asked for (B5).
        reason: Option<Reason>,
        /// What they filled in before.
        answers: Answers,
    },
    /// An administrator is to decide (F30).
    AwaitingApproval {
        /// Carries what was proven to the page that waits.
        ticket: String,
        /// How the answer will come.
        channel: Channel,
    },
}

/// The addresses to which the code of a second step can go.
#[derive(Debug, Clone)]
pub struct Channels(pub Vec<Address>);

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

/// Who is at the other end of the line, as far as the request tells.
#[derive(Debug, Clone)]
pub struct Visitor {
    /// Their device.
    pub device: Device,
    /// The language that they read.
    pub locale: Locale,
    /// The cookies by which their browser is known again during a sign-in by WeChat (S31, S34, S36).
    pub browsers: Vec<BrowserHash>,
}

/// How somebody comes in: what they chose on the page beside the proof itself.
#[derive(Debug, Clone)]
pub struct Arrival<'a> {
    /// Whether they ticked the box (F25).
    pub remember: bool,
    /// The version of the agreements that they accepted (F10).
    pub consent: Option<u32>,
    /// Who they are.
    pub visitor: &'a Visitor,
}

/// What stands behind somebody whom WeChat named until there is an account.
pub(crate) struct Visit {
    /// Their browser.
    pub(crate) browser: BrowserHash,
    /// What the QR code says by which they follow, if they do not.
    pub(crate) qr: Option<String>,
}

/// What a step knows before the decision.
pub(crate) struct Attendance<'a> {
    /// The account, if there is one.
    pub(crate) user: Option<User>,
    /// Its identifier, or that of the one to be made.
    pub(crate) id: UserId,
    pub(crate) proof: &'a Proof,
    /// The further address that was proven in this step.
    pub(crate) bound: Option<&'a Address>,
    pub(crate) answers: Option<&'a Answers>,
    pub(crate) link: Option<&'a Suffix>,
    pub(crate) flow: FlowId,
    /// There for who has just come from WeChat.
    pub(crate) visit: Option<Visit>,
    pub(crate) arrival: Arrival<'a>,
}

impl Attendance<'_> {
    /// The account as this step would leave it: made, if there is none, with what was proven, accepted and filled in. `None` if there
    /// is none and no address to make one of.
    fn candidate(&self, portal: &Portal, now: Timestamp) -> Option<User> {
        let mut user = self.user.clone().or_else(|| self.new_user(portal, now))?;
        if let Some(address) = self.bound {
            user.set_address(address.clone());
        }
        if let Evidence::FirstBind { identity, .. } = &self.proof.evidence {
            user.bind_wechat(identity);
        }
        let accepted = self.arrival.consent.filter(|version| portal.agreement_version() == Some(*version));
        if let Some(version) = accepted.filter(|version| user.consent.as_ref().is_none_or(|consent| consent.version != *version)) {
            user.consent = Some(Consent { version, at: now, client: self.arrival.visitor.device.client.clone() });
        }
        Some(user)
    }

    fn new_user(&self, portal: &Portal, now: Timestamp) -> Option<User> {
        let link = self.link.and_then(|suffix| portal.link(suffix));
        let address = self.proof.evidence.address()?.clone();
        Some(User::new(self.id, portal.id, address, portal.role_at(link), self.arrival.visitor.locale, now))
    }

    /// The addresses that somebody may have been invited by: the proven one, else those of the account.
    fn invitable(&self) -> impl Iterator<Item = &Address> {
        let proven = self.proof.evidence.address();
        let own = self.user.iter().filter(move |_| proven.is_none()).flat_map(|user| user.phone.iter().chain(&user.email));
        proven.into_iter().chain(own)
    }

    /// Whether an invitation can matter: to who is not through yet and came by none. Where anyone may come in, it brings the role.
    fn asks_for_invitation(&self) -> bool {
        self.user.as_ref().is_none_or(|user| user.status == Status::Inactive && user.invitation.is_none())
    }
}

impl Gate {
    /// Decides, writes what the decision asks for in one transaction, and decides again if portal or account changed meanwhile.
    pub(crate) async fn admit(&self, mut portal: Portal, mut attendance: Attendance<'_>, now: Timestamp) -> Result<Outcome, AccessError> {
        for _ in 0..DECISIONS {
            let invitation = self.open_invitation(portal.id, &attendance, now).await?;
            let candidate = attendance.candidate(&portal, now);
            let whitelisted = match candidate.as_ref().and_then(|user| whitelist::wanted(&portal, user, attendance.answers)) {
                Some(row) => self.store.has_row(portal.id, row.key).await?,
                None => false,
            };
            let decision = decide(&Case {
                portal: &portal,
                link: attendance.link.and_then(|suffix| portal.link(suffix)),
                user: candidate.as_ref().filter(|_| attendance.user.is_some()),
                id: attendance.id,
                proof: attendance.proof,
                answers: attendance.answers,
                consent: candidate.as_ref().and_then(|user| user.consent.as_ref()).map(|consent| consent.version),
                invitation: invitation.as_ref(),
                whitelisted,
                now,
            })?;
            let grant = match decision.entry {
                // No account is written for half a proof.
                Entry::Next(step @ (Step::Follow | Step::FirstBind(_))) => return self.wait_for(step, &portal, attendance, now).await,
                Entry::Next(step) => Err(step),
                Entry::Granted(grant) => Ok(grant),
            };
            // Whoever has no account has proven an address, or was stopped above.
            let mut user = candidate.ok_or(AccessError::NoAccount)?;
            if let Err(Step::SecondStep) = grant {
                return self.next(Step::SecondStep, portal, user, &attendance, now).await;
            }
            user.status = decision.status;
            if let Some(answers) = attendance.answers {
                user.answers = answers.clone();
                user.decided = None;
            }
            if let Some(invitation) = &invitation {
                user.invitation = Some(invitation.id);
                user.role = invitation.role.clone().unwrap_or(user.role);
            }
            let session = match grant {
                Ok(grant) => Ok((
                    NewSession::begin(grant, attendance.arrival.remember, now),
                    SessionToken::new(portal.id, user.id, entropy::bytes()?),
                )),
                Err(step) => Err(step),
            };
            let device = &attendance.arrival.visitor.device;
            let opening = session.as_ref().ok().map(|(session, token)| Opening { session, token, device });
            match self.write(&portal, &user, &attendance, invitation.as_ref(), opening).await? {
                Written::Done => {
                    return match session {
                        Ok((session, token)) => Ok(signed_in(portal, user, &session, token)),
                        Err(step) => self.next(step, portal, user, &attendance, now).await,
                    };
                }
                Written::AlreadyBound => return Err(AccessError::AlreadyBound),
                Written::NoSeats => return Err(AccessError::NoSeats),
                Written::PortalChanged => portal = self.store.portal(portal.id).await?.ok_or(AccessError::NoPortal)?,
                Written::InvitationChanged => {}
                // Who sent the same form twice at once is through once; the other window asks how it stands (R8).
                Written::AccountChanged if attendance.answers.is_some() || attendance.bound.is_some() => {
                    return Err(AccessError::TicketSpent);
                }
                Written::AccountChanged => {
                    // Twice the same person at once (R8), or an administrator in between: the account as it is now decides.
                    let owner = self.shown(&portal, &attendance.proof.evidence).await?.ok_or(AccessError::Busy)?;
                    attendance.user = self.store.user(portal.id, owner).await?;
                    attendance.id = owner;
                }
            }
        }
        Err(AccessError::Busy)
    }

    /// The account that the evidence leads to, in its newest state.
    async fn shown(&self, portal: &Portal, evidence: &Evidence) -> Result<Option<UserId>, AccessError> {
        Ok(match evidence {
            Evidence::Code(address) | Evidence::Password(address) | Evidence::FirstBind { address, .. } => {
                self.store.owner(portal.id, address.key(portal.id)).await?
            }
            Evidence::WeChat(identity) => self.store.identified(portal, identity).await?,
        })
    }

    /// The open invitation that they come by, if it can matter.
    async fn open_invitation(
        &self,
        portal: PortalId,
        attendance: &Attendance<'_>,
        now: Timestamp,
    ) -> Result<Option<Invitation>, AccessError> {
        if attendance.asks_for_invitation() {
            for address in attendance.invitable() {
                let invitation = self.store.invitation(portal, address.key(portal)).await?;
                if let Some(open) = invitation.filter(|invitation| invitation.is_open(now)) {
                    return Ok(Some(open));
                }
            }
        }
        Ok(None)
    }

    /// Keeps whom WeChat named, apart from the ticket, until they follow or have proven an address (S34, S47).
    async fn wait_for(&self, step: Step, portal: &Portal, attendance: Attendance<'_>, now: Timestamp) -> Result<Outcome, AccessError> {
        let facts = facts(step, attendance.id, &attendance);
        // Later steps find neither browser nor QR code: a rule that came to hold meanwhile asks them to start again.
        let (visit, identity) = (attendance.visit.ok_or(AccessError::TicketExpired)?, attendance.proof.evidence.identity());
        if step == Step::Follow && visit.qr.is_none() {
            return Err(AccessError::TicketExpired);
        }
        let pending = Pending {
            identity: identity.ok_or(AccessError::TicketExpired)?.clone(),
            browser: visit.browser,
            follows: attendance.proof.follows,
            qr: visit.qr.filter(|_| step == Step::Follow),
            scan: None,
            expires_at: now.saturating_add(ticket::LIFETIME).unwrap_or(now),
        };
        self.store.put_pending(portal.id, facts.flow, &pending).await?;
        self.waiting(portal, &facts, pending, now).await
    }

    /// Says what somebody whom WeChat named has to do.
    pub(crate) async fn waiting(&self, portal: &Portal, facts: &Facts, pending: Pending, now: Timestamp) -> Result<Outcome, AccessError> {
        let ticket = ticket::issue(&self.keyring, portal.id, facts, now).await?;
        Ok(match (facts.open, pending.qr) {
            (Open::Follow, Some(qr)) => Outcome::Follow { ticket, qr, expires_at: pending.expires_at },
            _ => {
                let link = facts.link.as_ref().and_then(|suffix| portal.link(suffix));
                Outcome::FirstBind { ticket, accounts: portal.accounts_at(link) }
            }
        })
    }

    async fn write(
        &self,
        portal: &Portal,
        user: &User,
        attendance: &Attendance<'_>,
        invitation: Option<&Invitation>,
        session: Option<Opening<'_>>,
    ) -> Result<Written, AccessError> {
        let news = self.news_of(portal, attendance.user.as_ref(), user)?;
        let news = news.as_ref();
        let Some(before) = &attendance.user else {
            let address = attendance.proof.evidence.address().ok_or(AccessError::NoAccount)?.key(portal.id);
            return Ok(self.store.enrol(Enrol { portal, user, address, invitation, session, news }).await?);
        };
        if before != user {
            let bound = attendance.bound.map(|address| address.key(portal.id));
            return Ok(self.store.advance(Advance { portal, before, after: user, bound, invitation, session, news }).await?);
        }
        if let Some(opening) = session {
            self.store.open_session(opening).await?;
        }
        Ok(Written::Done)
    }

    pub(crate) async fn next(
        &self,
        step: Step,
        portal: Portal,
        user: User,
        attendance: &Attendance<'_>,
        now: Timestamp,
    ) -> Result<Outcome, AccessError> {
        let facts = facts(step, user.id, attendance);
        let ticket = ticket::issue(&self.keyring, portal.id, &facts, now).await?;
        Ok(match step {
            Step::Follow | Step::FirstBind(_) => return Err(AccessError::TicketExpired),
            Step::SecondStep => {
                let authenticator = self.store.authenticator(portal.id, user.id).await?.filter(|authenticator| authenticator.confirmed);
                Outcome::SecondStep {
                    ticket,
                    channels: Channels(user.phone.into_iter().chain(user.email).collect()),
                    recovery_codes: authenticator.as_ref().is_some_and(|authenticator| !authenticator.recovery.is_empty()),
                    authenticator: authenticator.is_some(),
                }
            }
            Step::Consent(version) => Outcome::Consent { ticket, version },
            Step::Bind(missing) => Outcome::Bind { ticket, missing },
            Step::Collect => Outcome::Collect {
                ticket,
                fields: portal.collected_fields().cloned().collect(),
                reason: user.asked().cloned(),
                answers: user.answers,
            },
            Step::AwaitApproval => Outcome::AwaitingApproval { ticket, channel: user.channel() },
        })
    }
}

/// What the ticket of a step says.
fn facts(step: Step, user: UserId, attendance: &Attendance<'_>) -> Facts {
    Facts {
        flow: attendance.flow,
        user,
        open: step.into(),
        shown: (&attendance.proof.evidence).into(),
        follows: attendance.proof.follows,
        second_step: attendance.proof.second_step,
        consent: attendance.arrival.consent.filter(|_| matches!(step, Step::SecondStep | Step::FirstBind(_) | Step::Follow)),
        proven_at_s: attendance.proof.at.as_second(),
        remember: attendance.arrival.remember,
        link: attendance.link.cloned(),
    }
}

fn signed_in(portal: Portal, user: User, session: &NewSession, token: SessionToken) -> Outcome {
    let term = session.term();
    let remembered = term.seen_at.is_none();
    Outcome::SignedIn(Box::new(SignIn { token, user, portal, expires_at: term.expires_at, remembered }))
}
