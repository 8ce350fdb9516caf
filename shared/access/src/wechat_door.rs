//! To WeChat and back: who is sent there, who comes back, and the QR code by which a phone signs a desktop in (F15 to F17, S31, S36).

use jiff::{SignedDuration, Timestamp};
use portico_domain::{
    admission::Refusal,
    ids::{FlowId, PortalId, UserId},
    limits::Caps,
    portal::Portal,
    suffix::Suffix,
    wechat::OpenId,
};
use portico_runtime::{Deployment, MissingVariable, entropy};
use portico_store::{BrowserHash, BrowserSecret, Departure, Pending, Scan, ScanId, ScanState, Store, WeChatState, scene};
use portico_wechat::{Error, WeChat};

use crate::{
    AccessError, Gate, Outcome,
    admit::{Arrival, Visitor},
    ticket::{self, Facts, Open, Shown},
    wechat::{ServiceAccount, ServiceAccounts},
    wechat_entry::{Following, WeChatEntry},
};

/// How long somebody may stay at WeChat (S31).
const AWAY: SignedDuration = SignedDuration::from_mins(10);
/// How long a scan is good (S36).
pub const SCAN: SignedDuration = SignedDuration::from_mins(2);

/// Somebody who wants to come in by WeChat.
#[derive(Debug)]
pub struct Wish<'a> {
    /// The suffix of the link by which they came.
    pub link: Option<Suffix>,
    /// Whether they ticked the box (F25).
    pub remember: bool,
    /// Their client address (S62).
    pub client: &'a str,
}

/// Sends people to WeChat.
#[derive(Debug)]
pub struct WeChatDoor {
    gate: Gate,
    store: Store,
    wechat: WeChat,
    deployment: Deployment,
    caps: Caps,
}

/// A scan that began.
#[derive(Debug)]
pub struct NewScan {
    /// Its name, for the QR code.
    pub id: ScanId,
    /// What the desktop carries.
    pub secret: BrowserSecret,
}

impl WeChatDoor {
    /// A door over these tables.
    pub fn open(deployment: &Deployment, store: &Store) -> Result<Self, MissingVariable> {
        Ok(Self {
            gate: Gate::new(store.clone(), deployment),
            store: store.clone(),
            wechat: WeChat::open(deployment)?,
            deployment: deployment.clone(),
            caps: deployment.caps()?,
        })
    }

    /// Sends somebody to WeChat: where to, and what their browser carries until they are back. `redirect` is where WeChat leads back.
    pub async fn depart(&self, portal: PortalId, wish: Wish<'_>, redirect: &str) -> Result<(String, BrowserSecret), AccessError> {
        let portal = self.offered(portal, wish.link.as_ref(), wish.client).await?;
        self.send(&portal, wish.link, wish.remember, None, redirect).await
    }

    /// Sends the phone of a scan to WeChat.
    pub async fn depart_for(
        &self,
        portal: PortalId,
        scan: ScanId,
        client: &str,
        redirect: &str,
    ) -> Result<(String, BrowserSecret), AccessError> {
        let now = self.deployment.clock().now();
        let found = self.store.scan(portal, scan).await?.filter(|found| found.state == ScanState::Waiting && now < found.expires_at);
        let found = found.ok_or(AccessError::ForeignBrowser)?;
        let portal = self.offered(portal, found.link.as_ref(), client).await?;
        self.send(&portal, found.link, false, Some(scan), redirect).await
    }

    /// Begins a scan.
    pub async fn start_scan(&self, portal: PortalId, wish: Wish<'_>) -> Result<NewScan, AccessError> {
        let now = self.deployment.clock().now();
        let portal = self.offered(portal, wish.link.as_ref(), wish.client).await?;
        self.store.wechat_account(portal.organisation).await?.ok_or(AccessError::Unbound)?;
        let (id, secret) = (ScanId::new(entropy::bytes()?), BrowserSecret::new(entropy::bytes()?));
        let scan = Scan {
            state: ScanState::Waiting,
            desktop: secret.hash(),
            link: wish.link,
            remember: wish.remember,
            identity: None,
            phone: None,
            follows: false,
            expires_at: now.saturating_add(SCAN).unwrap_or(now),
        };
        self.store.start_scan(portal.id, id, &scan).await?;
        Ok(NewScan { id, secret })
    }

    /// How a scan stands, for its desktop alone. `None` for everybody else.
    pub async fn scan(&self, portal: PortalId, id: ScanId, desktop: &BrowserHash) -> Result<Option<Scan>, AccessError> {
        Ok(self.store.scan(portal, id).await?.filter(|scan| scan.desktop == *desktop))
    }

    /// Writes what the owner of the phone decided.
    pub async fn answer_scan(&self, portal: PortalId, id: ScanId, phone: &BrowserHash, confirmed: bool) -> Result<(), AccessError> {
        let after = if confirmed { ScanState::Confirmed } else { ScanState::Declined };
        let answered = self.store.answer_scan(portal, id, phone, after, self.deployment.clock().now()).await?;
        if answered { Ok(()) } else { Err(AccessError::ForeignBrowser) }
    }

    /// Lets the desktop in whose scan was confirmed, once.
    pub async fn enter_by_scan(
        &self,
        portal: PortalId,
        id: ScanId,
        desktop: &BrowserHash,
        consent: Option<u32>,
        visitor: &Visitor,
    ) -> Result<Outcome, AccessError> {
        let now = self.deployment.clock().now();
        let found = self.store.portal(portal).await?.ok_or(AccessError::NoPortal)?;
        let scan = self.store.take_scan(portal, id, desktop, now).await?.ok_or(AccessError::ForeignBrowser)?;
        let entry = WeChatEntry {
            flow: FlowId::new(now, entropy::wide()?),
            identity: scan.identity.ok_or(AccessError::ForeignBrowser)?,
            following: if scan.follows { Following::Yes } else { Following::NotAsked },
            browser: scan.desktop,
            link: scan.link.as_ref(),
            arrival: Arrival { remember: scan.remember, consent, visitor },
        };
        self.gate.prove_by_wechat(found, entry).await
    }

    /// The portal, if it offers WeChat at this link to one more caller from this address (S9).
    async fn offered(&self, portal: PortalId, link: Option<&Suffix>, client: &str) -> Result<Portal, AccessError> {
        let now = self.deployment.clock().now();
        let (counted, found) = tokio::join!(self.store.count_client(client, &self.caps, now), self.store.portal(portal));
        counted??;
        let found = found?.ok_or(AccessError::NoPortal)?;
        check(&found, link)?;
        Ok(found)
    }

    async fn send(
        &self,
        portal: &Portal,
        link: Option<Suffix>,
        remember: bool,
        scan: Option<ScanId>,
        redirect: &str,
    ) -> Result<(String, BrowserSecret), AccessError> {
        let account = self.store.wechat_account(portal.organisation).await?.ok_or(AccessError::Unbound)?;
        let now = self.deployment.clock().now();
        let (state, secret) = (WeChatState::new(portal.organisation, portal.id, entropy::bytes()?), BrowserSecret::new(entropy::bytes()?));
        let expires_at = now.saturating_add(AWAY).unwrap_or(now);
        self.store.depart(&state, &Departure { browser: secret.hash(), link, remember, scan, expires_at }).await?;
        Ok((self.wechat.authorize_url(&account.app, redirect, &state.reveal()), secret))
    }
}

/// Refuses at once what the gate would refuse of anybody (F1, F6, F15).
fn check(portal: &Portal, link: Option<&Suffix>) -> Result<(), AccessError> {
    let link = link.map(|suffix| portal.link(suffix).ok_or(Refusal::MethodOff)).transpose()?;
    if !portal.settings.enabled {
        return Err(Refusal::PortalOff.into());
    }
    if portal.wechat_at(link) { Ok(()) } else { Err(Refusal::MethodOff.into()) }
}

/// Somebody who came back from WeChat.
#[derive(Debug)]
pub struct Landing {
    /// The link whose page they came from, or the portal's own: nothing that came back decides it (S32).
    pub link: Option<Suffix>,
    /// What came of it.
    pub outcome: Result<Outcome, AccessError>,
}

/// Receives who comes back from WeChat.
#[derive(Debug)]
pub struct WeChatReturn {
    gate: Gate,
    store: Store,
    accounts: ServiceAccounts,
    deployment: Deployment,
}

impl WeChatReturn {
    /// Over these tables.
    pub fn open(deployment: &Deployment, store: &Store) -> Result<Self, MissingVariable> {
        let gate = Gate::new(store.clone(), deployment);
        Ok(Self { gate, store: store.clone(), accounts: ServiceAccounts::open(deployment, store)?, deployment: deployment.clone() })
    }

    /// Takes what WeChat sent along. The state is used up before WeChat is asked anything (S31): a state that is not there, not of this
    /// browser, used or too old leads to no exchange, and to an error instead of a landing.
    ///
    /// Four sequential round trips for a known person: the state is used up while portal and service account are read; after WeChat's
    /// answer come whom it names, the user and the session.
    pub async fn arrive(&self, state: &str, code: &str, phone: &BrowserSecret, visitor: &Visitor) -> Result<Landing, AccessError> {
        let now = self.deployment.clock().now();
        let state = WeChatState::parse(state).ok_or(AccessError::ForeignBrowser)?;
        let browser = phone.hash();
        let (departure, portal, account) = tokio::join!(
            self.store.arrive(&state, &browser, now),
            self.store.portal(state.portal()),
            self.accounts.of_organisation(state.organisation())
        );
        let departure = departure?.ok_or(AccessError::ForeignBrowser)?;
        let portal = portal?.filter(|portal| portal.organisation == state.organisation()).ok_or(AccessError::ForeignBrowser)?;
        let link = departure.link.as_ref().filter(|suffix| portal.link(suffix).is_some());
        let link = link.or(portal.main_link().map(|link| &link.suffix)).cloned();
        let outcome = match account {
            Ok(Some(account)) => self.named(portal, &account, code, departure, visitor, now).await,
            Ok(None) => Err(AccessError::Unbound),
            Err(error) => Err(error.into()),
        };
        Ok(Landing { link, outcome })
    }

    /// Goes on with whom WeChat names.
    async fn named(
        &self,
        portal: Portal,
        account: &ServiceAccount,
        code: &str,
        departure: Departure,
        visitor: &Visitor,
        now: Timestamp,
    ) -> Result<Outcome, AccessError> {
        check(&portal, departure.link.as_ref())?;
        let wechat = self.accounts.wechat();
        let exchanged = wechat.exchange(&account.stored.app, &account.secrets.app_secret, code).await?;
        if exchanged.snapshot {
            return Err(AccessError::Snapshot);
        }
        let flow = FlowId::new(now, entropy::wide()?);
        let following = self.following(&portal, account, flow, &exchanged.identity.openid).await?;
        let entry = WeChatEntry {
            flow,
            identity: exchanged.identity,
            following,
            browser: departure.browser,
            link: departure.link.as_ref(),
            arrival: Arrival { remember: departure.remember, consent: None, visitor },
        };
        match departure.scan {
            None => self.gate.prove_by_wechat(portal, entry).await,
            Some(scan) => self.scanned(&portal, scan, entry, now).await,
        }
    }

    /// Asks WeChat whether somebody follows the account, where the portal wants that; makes a QR code for who does not (F17).
    async fn following(&self, portal: &Portal, account: &ServiceAccount, flow: FlowId, openid: &OpenId) -> Result<Following, AccessError> {
        if !portal.settings.sign_in.wechat.follow {
            return Ok(Following::NotAsked);
        }
        let wechat = self.accounts.wechat();
        let follower = self.accounts.with_token(account, async |token| wechat.user_info(&token, openid).await).await?;
        if follower.subscribed {
            return Ok(Following::Yes);
        }
        let scene = scene(portal.id, flow).ok_or(AccessError::Crypto("a scene could not be written"))?;
        let qr = self.accounts.with_token(account, async |token| wechat.qr(&token, &scene, ticket::LIFETIME).await).await?;
        Ok(Following::No(qr.url))
    }

    /// Notes on a scan whom WeChat named on its phone. The desktop goes on once they follow and confirm.
    async fn scanned(&self, portal: &Portal, scan: ScanId, entry: WeChatEntry<'_>, now: Timestamp) -> Result<Outcome, AccessError> {
        let (named, qr) = match entry.following {
            Following::No(qr) => ((ScanState::MustFollow, false), Some(qr)),
            Following::Yes => ((ScanState::Scanned, true), None),
            Following::NotAsked => ((ScanState::Scanned, false), None),
        };
        if !self.store.name_scan(portal.id, scan, &entry.identity, &entry.browser, named, now).await? {
            return Err(AccessError::ForeignBrowser);
        }
        if qr.is_none() {
            return Ok(Outcome::Scanned(scan));
        }
        let facts = Facts {
            flow: entry.flow,
            user: UserId::new(now, entropy::wide()?),
            open: Open::Follow,
            shown: Shown::WeChat,
            follows: false,
            second_step: false,
            consent: None,
            proven_at_s: now.as_second(),
            remember: false,
            link: entry.link.cloned(),
        };
        let expires_at = now.saturating_add(ticket::LIFETIME).unwrap_or(now);
        let pending = Pending { identity: entry.identity, browser: entry.browser, follows: false, qr, scan: Some(scan), expires_at };
        self.store.put_pending(portal.id, entry.flow, &pending).await?;
        self.gate.waiting(portal, &facts, pending, now).await
    }
}

impl From<Error> for AccessError {
    fn from(error: Error) -> Self {
        Self::WeChat(error)
    }
}
