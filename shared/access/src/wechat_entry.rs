//! In by WeChat: whom it named, and what they have to do until an account does (F15 to F17, S31 to S36).

use jiff::Timestamp;
use portico_domain::{
    admission::{Evidence, Proof},
    code::{Code, Purpose},
    ids::{FlowId, PortalId, UserId},
    portal::Portal,
    suffix::Suffix,
    wechat::Identity,
};
use portico_runtime::entropy;
use portico_store::{BrowserHash, Pending};

use crate::{
    AccessError, Gate, Outcome,
    admit::{Arrival, Attendance, Visit, Visitor},
    ticket::{Facts, Open},
};

/// What WeChat said of whether somebody follows the service account (F17).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Following {
    /// The portal does not want to know.
    NotAsked,
    /// They do.
    Yes,
    /// They do not; this is what the QR code says by which they would.
    No(String),
}

/// Somebody whom WeChat named.
#[derive(Debug)]
pub struct WeChatEntry<'a> {
    /// The sign-in.
    pub flow: FlowId,
    /// Whom it named.
    pub identity: Identity,
    /// Whether they follow the service account.
    pub following: Following,
    /// Their browser, which alone may go on (S34).
    pub browser: BrowserHash,
    /// The link by which they came.
    pub link: Option<&'a Suffix>,
    /// What else they chose.
    pub arrival: Arrival<'a>,
}

impl Gate {
    /// Takes whom WeChat named, and goes on from there.
    pub async fn prove_by_wechat(&self, portal: Portal, entry: WeChatEntry<'_>) -> Result<Outcome, AccessError> {
        let now = self.deployment.clock().now();
        let (follows, qr) = match entry.following {
            Following::NotAsked => (false, None),
            Following::Yes => (true, None),
            Following::No(qr) => (false, Some(qr)),
        };
        let user = match self.store.identified(&portal, &entry.identity).await? {
            Some(owner) => self.store.recent_user(portal.id, owner).await?,
            None => None,
        };
        // Somebody whose identity was taken away at this moment is new.
        let user = user.filter(|user| user.wechat.as_ref() == Some(&entry.identity));
        let id = user.as_ref().map_or_else(|| entropy::wide().map(|random| UserId::new(now, random)), |user| Ok(user.id))?;
        let proof = Proof { evidence: Evidence::WeChat(entry.identity), follows, second_step: false, at: now };
        let attendance = Attendance {
            user,
            id,
            proof: &proof,
            bound: None,
            answers: None,
            link: entry.link,
            flow: entry.flow,
            visit: Some(Visit { browser: entry.browser, qr }),
            arrival: entry.arrival,
        };
        self.admit(portal, attendance, now).await
    }

    /// Takes the code that somebody new at WeChat read, in the browser that they came in: the account of the address, found or made,
    /// is theirs at WeChat from now on. What waited is used up first, so of any number of tries one goes on.
    pub(crate) async fn first_bind(
        &self,
        portal: PortalId,
        facts: Facts,
        flow: &str,
        code: Code,
        arrival: Arrival<'_>,
        now: Timestamp,
    ) -> Result<Outcome, AccessError> {
        let pending = self.pending(portal, &facts, arrival.visitor, now).await?;
        let proven = self.prove(self.bring(portal, Purpose::Bind, flow, code, now).await?).await?;
        if proven.joined != Some(facts.flow) {
            return Err(AccessError::CodeExpired);
        }
        if !self.store.end_pending(portal, facts.flow).await? {
            return Err(AccessError::TicketSpent);
        }
        let (found, owner) = self.store.portal_and_owner(portal, proven.address.key(portal)).await?;
        let found = found.ok_or(AccessError::NoPortal)?;
        let user = match owner {
            Some(owner) => self.store.user(portal, owner).await?,
            None => None,
        };
        let evidence = Evidence::FirstBind { identity: pending.identity, address: proven.address };
        // Both are fresh: a code is what the second step would be.
        let proof = Proof { evidence, follows: pending.follows, second_step: true, at: now };
        let attendance = Attendance {
            id: user.as_ref().map_or(facts.user, |user| user.id),
            user,
            proof: &proof,
            bound: None,
            answers: None,
            link: facts.link.as_ref(),
            flow: FlowId::new(now, entropy::wide()?),
            visit: None,
            arrival: Arrival { remember: facts.remember, consent: arrival.consent.or(facts.consent), visitor: arrival.visitor },
        };
        self.admit(found, attendance, now).await
    }

    /// Where somebody stands whom WeChat named and who is not in yet. Who follows by now goes on, once.
    pub(crate) async fn wechat_status(
        &self,
        portal: PortalId,
        facts: Facts,
        visitor: &Visitor,
        now: Timestamp,
    ) -> Result<Outcome, AccessError> {
        let pending = self.pending(portal, &facts, visitor, now).await?;
        let portal = self.store.portal(portal).await?.ok_or(AccessError::NoPortal)?;
        if facts.open == Open::FirstBind || !pending.follows {
            return self.waiting(&portal, &facts, pending, now).await;
        }
        if let Some(scan) = pending.scan {
            return Ok(Outcome::Scanned(scan));
        }
        if !self.store.end_pending(portal.id, facts.flow).await? {
            return Err(AccessError::TicketSpent);
        }
        let entry = WeChatEntry {
            flow: FlowId::new(now, entropy::wide()?),
            identity: pending.identity,
            following: Following::Yes,
            browser: pending.browser,
            link: facts.link.as_ref(),
            arrival: Arrival { remember: facts.remember, consent: facts.consent, visitor },
        };
        self.prove_by_wechat(portal, entry).await
    }

    /// Whom WeChat named in a flow, for the browser that it began in (S34).
    async fn pending(&self, portal: PortalId, facts: &Facts, visitor: &Visitor, now: Timestamp) -> Result<Pending, AccessError> {
        let pending = self.store.pending(portal, facts.flow, now).await?.ok_or(AccessError::TicketSpent)?;
        if visitor.browsers.contains(&pending.browser) { Ok(pending) } else { Err(AccessError::ForeignBrowser) }
    }
}
