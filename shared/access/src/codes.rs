//! Making a verification code: caps first, then the code, written before it is sent (S1 to S9).

use portico_domain::{
    address::Address,
    admission::Refusal,
    code::{Code, Flow, LIFETIME, Purpose},
    ids::PortalId,
    limits::{Caps, TooMany},
    portal::{Access, Portal},
    suffix::Suffix,
};
use portico_runtime::{Deployment, entropy};
use portico_store::{LiveCode, Recipient, Store};

use crate::{AccessError, Keyring};

/// A request for a code, as far as it is known before the portal is.
#[derive(Debug, Clone)]
pub struct Wish {
    /// The portal.
    pub portal: PortalId,
    /// What the code is for.
    pub purpose: Purpose,
    /// The link by which the person came.
    pub link: Option<Suffix>,
    /// The address of the client, as API Gateway saw it (S62).
    pub client: String,
}

/// A code that is written and now has to be sent.
#[derive(Debug)]
pub struct Issued {
    /// What the browser has to bring back with the code.
    pub flow: Flow,
    /// The code.
    pub code: Code,
    /// The portal, for the words of the message.
    pub portal: Portal,
    /// Whether the message goes out: not to strangers of a portal for invited people (S41). They are told the same, sooner: the time
    /// that the provider takes is not hidden yet.
    pub send: bool,
}

/// Makes codes.
#[derive(Debug)]
pub struct CodeDesk {
    store: Store,
    keyring: Keyring,
    deployment: Deployment,
    caps: Caps,
}

impl CodeDesk {
    /// A desk over these tables with these caps.
    pub fn new(store: Store, deployment: &Deployment, caps: Caps) -> Self {
        Self { store, keyring: Keyring::new(deployment), deployment: deployment.clone(), caps }
    }

    /// Makes a code for what a person typed as their address, in two sequential round trips to the tables.
    ///
    /// Neither the answer nor the writes before it depend on whether the address is known (S40). A refusal writes nothing but the
    /// client's count. In a portal for invited people the sending itself does depend on it: see [`Issued::send`].
    pub async fn issue(&self, wish: &Wish, typed: &str) -> Result<(Address, Issued), IssueError> {
        let now = self.deployment.clock().now();
        // The keys, at the first request of an instance, come in while the tables are asked.
        let warm_keys = self.keyring.current();
        // A number's country depends on the portal; so its key in the tables is not known until the portal is. The usual country is
        // tried, and its reading used if the portal agrees.
        let guess = Address::parse(typed, &[portico_domain::address::Country::CHINA]).ok();
        let guess_key = guess.as_ref().map(|address| address.key(wish.portal));
        let read = async {
            match guess_key {
                Some(key) => self.store.portal_and_recipient(wish.portal, key).await,
                None => Ok((self.store.portal(wish.portal).await?, Recipient::default())),
            }
        };
        let (counted, read, keys) = tokio::join!(self.store.count_client(&wish.client, &self.caps, now), read, warm_keys);
        counted.map_err(AccessError::from)?.map_err(AccessError::from)?;
        let (portal, mut known) = read.map_err(AccessError::from)?;
        let keys = keys.map_err(AccessError::from)?;
        let portal = portal.ok_or(AccessError::NoPortal)?;
        if !portal.settings.enabled {
            return Err(AccessError::from(Refusal::PortalOff).into());
        }
        let address = Address::parse(typed, &portal.settings.sign_in.countries).map_err(IssueError::Address)?;
        let link = wish.link.as_ref().map(|suffix| portal.link(suffix).ok_or(Refusal::MethodOff)).transpose().map_err(AccessError::from)?;
        if !portal.accounts_at(link).allow(address.kind()) {
            return Err(AccessError::from(Refusal::MethodOff).into());
        }
        let recipient = address.key(wish.portal);
        if guess.as_ref() != Some(&address) {
            known = self.store.recipient(wish.portal, recipient).await.map_err(AccessError::from)?;
        }
        // Strangers to a portal for invited people get the same answer after the same writes, and no message (S41).
        let invited_only = portal.settings.access == Access::Invited;
        let mut tries = 0;
        loop {
            let sends = known.sends.admit(&self.caps, now).map_err(AccessError::from)?;
            let flow = Flow::new(entropy::bytes().map_err(AccessError::from)?, recipient);
            let code = Code::draw(entropy::word).map_err(AccessError::from)?;
            let live = LiveCode {
                flow: flow.secret(),
                hash: keys.code_hash(wish.portal, &address, wish.purpose, &flow, code),
                secret_version: keys.version().to_owned(),
                purpose: wish.purpose,
                expires_at: now.saturating_add(LIFETIME).unwrap_or(now),
                address: address.clone(),
                link: wish.link.clone(),
            };
            let owner =
                async { if invited_only { self.store.owner(wish.portal, recipient).await.map(|owner| owner.is_some()) } else { Ok(true) } };
            let (written, counted, send) = tokio::join!(
                self.store.put_code(wish.portal, recipient, &known, &sends, &live),
                self.store.count_sent(wish.portal, &self.caps, now),
                owner
            );
            match (written.map_err(AccessError::from)?, counted.map_err(AccessError::from)?) {
                (true, Ok(())) => {
                    let send = send.map_err(AccessError::from)?;
                    return Ok((address, Issued { flow, code, portal, send }));
                }
                (true, Err(too_many)) => {
                    self.store.withdraw_code(wish.portal, recipient, &known).await.map_err(AccessError::from)?;
                    return Err(AccessError::from(too_many).into());
                }
                (false, counted) => {
                    // Another request wrote this recipient first. What it wrote decides about this one.
                    if counted.is_ok() {
                        self.store.uncount_sent(wish.portal, now).await.map_err(AccessError::from)?;
                    }
                    tries += 1;
                    if tries == 3 {
                        return Err(AccessError::Busy.into());
                    }
                    known = self.store.recipient(wish.portal, recipient).await.map_err(AccessError::from)?;
                }
            }
        }
    }

    /// How long a person waits before they can ask again, in seconds.
    pub fn resend_seconds(&self) -> i64 {
        self.caps.recipient_interval.as_secs()
    }
}

/// Why no code was made.
#[derive(Debug, thiserror::Error)]
pub enum IssueError {
    /// What was typed is no address that the portal takes.
    #[error(transparent)]
    Address(portico_domain::address::AddressError),
    /// Any other reason.
    #[error(transparent)]
    Access(#[from] AccessError),
}

impl From<TooMany> for IssueError {
    fn from(too_many: TooMany) -> Self {
        Self::Access(too_many.into())
    }
}
