//! Making a verification code: caps first, then the code, written before it is sent (S1 to S9).

use jiff::Timestamp;
use portico_domain::{
    address::{Address, AddressKind, Channel, Country},
    admission::Refusal,
    code::{Code, Flow, LIFETIME, Purpose},
    ids::{FlowId, PortalId},
    limits::Caps,
    locale::Locale,
    message::{Kind, Message, Money, State},
    portal::{Access, Portal},
    spend::{Block, Pause, Spend, hour_of},
    suffix::Suffix,
};
use portico_messaging::{Birth, Outbox};
use portico_runtime::{Deployment, MissingVariable, entropy};
use portico_store::{CodeFacts, InvitationToken, NewCode, Posted, Recipient, Sending, Store};

use crate::{
    AccessError, EntryError, Keyring, flow,
    keys::Keys,
    ticket::{self, Facts, Open},
};

/// How often a code is written again because another request wrote the same recipient first.
const TRIES: usize = 3;

/// What somebody wants a code for.
#[derive(Debug, Clone)]
pub enum Want {
    /// A code to an address that they typed, for this purpose.
    Typed {
        /// The address, as typed.
        address: String,
        /// What the code is for: anything but a step of a sign-in that is under way.
        purpose: Purpose,
        /// The suffix of the link by which they came.
        link: Option<Suffix>,
    },
    /// A code to an invited address, with the token of the invitation's link (S48). To sign in.
    Invited {
        /// From the link.
        token: InvitationToken,
        /// The suffix of the link by which they came.
        link: Option<Suffix>,
    },
    /// A code to the address that is missing, with the ticket that asks for it (F21, S34).
    Bind {
        /// The address, as typed.
        address: String,
        /// From the `bind` step.
        ticket: String,
    },
    /// A code to an address of their account, with the ticket that asks for a second step (F19).
    SecondStep {
        /// Which of their addresses.
        channel: Channel,
        /// From the `secondStep` step.
        ticket: String,
    },
}

impl Want {
    fn purpose(&self) -> Purpose {
        match self {
            Self::Typed { purpose, .. } => *purpose,
            Self::Invited { .. } => Purpose::SignIn,
            Self::Bind { .. } => Purpose::Bind,
            Self::SecondStep { .. } => Purpose::SecondStep,
        }
    }

    fn ticket(&self) -> Option<&str> {
        match self {
            Self::Typed { .. } | Self::Invited { .. } => None,
            Self::Bind { ticket, .. } | Self::SecondStep { ticket, .. } => Some(ticket),
        }
    }

    fn typed(&self) -> Option<&str> {
        match self {
            Self::Typed { address, .. } | Self::Bind { address, .. } => Some(address),
            Self::Invited { .. } | Self::SecondStep { .. } => None,
        }
    }
}

/// A code that is about to be written.
struct Order<'a> {
    portal: Portal,
    address: Address,
    want: &'a Want,
    /// The sign-in that it is a step of.
    joined: Option<FlowId>,
    /// Whether it is a step of somebody who has an account.
    known: bool,
    /// The language of the message.
    locale: Locale,
    now: Timestamp,
}

impl Order<'_> {
    fn link(&self) -> Option<&Suffix> {
        match self.want {
            Want::Typed { link, .. } | Want::Invited { link, .. } => link.as_ref(),
            Want::Bind { .. } | Want::SecondStep { .. } => None,
        }
    }
}

/// A code that is written and now has to be sent.
#[derive(Debug)]
pub struct Issued {
    /// Where it goes.
    pub address: Address,
    /// What the browser has to bring back with the code: opaque to it.
    pub flow: String,
    /// The code.
    pub code: Code,
    /// The portal, for the words of the message.
    pub portal: Portal,
    /// Its entry in the ledger, which says already that it was sent (F38).
    pub entry: Message,
    /// Whether the message goes out: not to strangers of a portal for invited people, who are told the same after as much work (S41).
    pub send: bool,
}

/// Makes codes.
#[derive(Debug)]
pub struct CodeDesk {
    store: Store,
    keyring: Keyring,
    deployment: Deployment,
    caps: Caps,
    outbox: Outbox,
}

impl CodeDesk {
    /// A desk over these tables with the deployment's caps and prices.
    pub fn open(store: Store, deployment: &Deployment) -> Result<Self, MissingVariable> {
        let (caps, outbox) = (deployment.caps()?, Outbox::open(deployment)?);
        Ok(Self { store, keyring: Keyring::new(deployment), deployment: deployment.clone(), caps, outbox })
    }

    /// The name that the code's template has at the SMS gateway, if the portal gave one.
    pub async fn gateway_template(&self, issued: &Issued, locale: Locale) -> Result<Option<String>, AccessError> {
        let settings = self.store.message_settings(issued.portal.id).await?.settings;
        Ok(settings.gateway.get(&Kind::Code).and_then(|ids| ids.in_language(locale)).map(|id| id.as_str().to_owned()))
    }

    /// What its messages are made by.
    pub fn outbox(&self) -> &Outbox {
        &self.outbox
    }

    /// Its keys.
    pub fn keyring(&self) -> &Keyring {
        &self.keyring
    }

    /// Corrects the ledger for a code that was not sent, or of which that is not known; what it cost is given back where it was not (F42).
    pub async fn correct(&self, issued: &Issued, state: State, error: &str) -> Result<(), AccessError> {
        Ok(self.store.correct_code(&issued.entry, state, Some(error), self.deployment.clock().now()).await?)
    }

    /// Makes a code, in two sequential round trips to the tables for a sign-in, asked for from the client address `client` (S62), for a
    /// message in this language.
    ///
    /// Neither the answer nor the writes before it depend on whether the address is known (S40). A refusal writes nothing but the
    /// client's count.
    pub async fn issue(&self, portal: PortalId, want: &Want, client: &str, locale: Locale) -> Result<Issued, EntryError> {
        let now = self.deployment.clock().now();
        // A number's country depends on the portal; so its key in the tables is not known until the portal is. The usual country is
        // tried, and its reading used if the portal agrees.
        let guess = want.typed().and_then(|typed| Address::parse(typed, &[Country::CHINA]).ok());
        let read = self.store.sending_case(portal, guess.as_ref().map(|address| address.key(portal)), now);
        // The keys, at the first request of an instance, come in while the tables are asked.
        let (counted, read, keys) = tokio::join!(self.store.count_client(client, &self.caps, now), read, self.keyring.current());
        counted.map_err(AccessError::from)?.map_err(AccessError::from)?;
        let (portal, spend, mut known) = read.map_err(AccessError::from)?;
        let keys = keys.map_err(AccessError::from)?;
        let portal = portal.ok_or(AccessError::NoPortal)?;
        if !portal.settings.enabled {
            return Err(AccessError::from(Refusal::PortalOff).into());
        }
        let facts = match want.ticket() {
            Some(ticket) => Some(ticket::read(&self.keyring, portal.id, ticket, now).await?),
            None => None,
        };
        let address = self.recipient(&portal, want, facts.as_ref(), now).await?;
        if guess.as_ref() != Some(&address) {
            known = self.store.recipient(portal.id, address.key(portal.id)).await.map_err(AccessError::from)?;
        }
        let known_person = facts.as_ref().is_some_and(|facts| facts.open != Open::FirstBind);
        let order = Order { portal, address, want, joined: facts.map(|facts| facts.flow), known: known_person, locale, now };
        self.write(order, known, spend, &keys).await
    }

    /// The address that a code goes to, if the portal and the step allow it.
    async fn recipient(&self, portal: &Portal, want: &Want, facts: Option<&Facts>, now: Timestamp) -> Result<Address, EntryError> {
        let parse = |typed: &str| Address::parse(typed, &portal.settings.sign_in.countries).map_err(EntryError::Address);
        match (want, facts.map(|facts| (facts, facts.open))) {
            (Want::Typed { address, link, .. }, _) => {
                let address = parse(address)?;
                offered(portal, link.as_ref(), &address)?;
                Ok(address)
            }
            (Want::Invited { token, link }, _) => {
                let found = self.store.invitation_of_token(portal.id, token).await.map_err(AccessError::from)?;
                let invitation = found.filter(|invitation| invitation.is_open(now)).ok_or(AccessError::NoInvitation)?;
                offered(portal, link.as_ref(), &invitation.address)?;
                Ok(invitation.address)
            }
            (Want::Bind { address, .. }, Some((_, Open::Bind(missing)))) => {
                let address = parse(address)?;
                if address.kind() == missing { Ok(address) } else { Err(AccessError::from(Refusal::MethodOff).into()) }
            }
            (Want::Bind { address, .. }, Some((facts, Open::FirstBind))) => {
                let address = parse(address)?;
                offered(portal, facts.link.as_ref(), &address)?;
                Ok(address)
            }
            (Want::SecondStep { channel, .. }, Some((facts, Open::SecondStep))) => {
                let user = self.store.user(portal.id, facts.user).await.map_err(AccessError::from)?;
                let addresses = user.into_iter().flat_map(|user| user.phone.into_iter().chain(user.email));
                let address = addresses.into_iter().find(|address| address.kind().channel() == *channel);
                address.ok_or(AccessError::from(Refusal::MethodOff).into())
            }
            _ => Err(AccessError::TicketExpired.into()),
        }
    }

    /// Writes the code under the recipient's caps; of two requests at once, the second obeys what the first wrote.
    async fn write(&self, order: Order<'_>, mut known: Recipient, mut spend: Spend, keys: &Keys) -> Result<Issued, EntryError> {
        let (portal, now, recipient) = (&order.portal, order.now, order.address.key(order.portal.id));
        let (purpose, block, budget) = (order.want.purpose(), Block::of(&order.address), portal.settings.budget(&self.caps));
        let send = self.is_expected(&order).await.map_err(EntryError::Access)?;
        for _ in 0..TRIES {
            known.guesses.admit_code(now).map_err(AccessError::from)?;
            let sends = known.sends.admit(&self.caps, now).map_err(AccessError::from)?;
            let watched = spend.admit(&budget, block, now).map_err(|pause| AccessError::Paused { pause, until: pause.until(now) })?.watched;
            let flow = Flow::new(entropy::bytes().map_err(AccessError::from)?, order.address.clone());
            let code = Code::draw(entropy::word).map_err(AccessError::from)?;
            let birth = Birth::new(now, entropy::wide().map_err(AccessError::from)?);
            let entry = self.entry(birth, &order, send);
            let new = NewCode {
                flow: flow.secret(),
                hash: keys.code_hash(portal.id, purpose, &flow, code),
                purpose,
                expires_at: now.saturating_add(LIFETIME).unwrap_or(now),
                facts: CodeFacts { link: order.link().cloned(), joined: order.joined, watched: watched.then(|| hour_of(now)) },
                entry: entry.id,
            };
            let worth = self.outbox.prices().debit(entry.cost);
            let sending = Sending { block, watched, budget: &budget, known: &spend };
            let (written, counted, entered, suppressed) = tokio::join!(
                self.store.put_code(portal.id, recipient, &known, &sends, &new),
                self.store.count_sent(portal.id, sending, now),
                self.store.enter_code(&entry, &known.entries, worth),
                self.is_suppressed(&order)
            );
            let entered = entered.map_err(AccessError::from)?;
            let (written, counted) = (written.map_err(AccessError::from)?, counted.map_err(AccessError::from)?);
            let refused = match (entered, suppressed?) {
                (Posted::Unpaid, _) => Some(AccessError::Paused { pause: Pause::Balance, until: Pause::Balance.until(now) }),
                (Posted::Queued, true) => Some(AccessError::Undeliverable),
                (Posted::Queued, false) => None,
            };
            if entered == Posted::Queued && (refused.is_some() || !written || counted.is_err()) {
                self.store.withdraw_entry(&entry).await.map_err(AccessError::from)?;
            }
            if let Some(refused) = refused {
                // A refused send costs nothing (S9).
                if counted.is_ok() {
                    self.store.uncount_sent(portal.id, block, watched, now).await.map_err(AccessError::from)?;
                }
                if written {
                    self.store.withdraw_code(portal.id, recipient, &known).await.map_err(AccessError::from)?;
                }
                return Err(refused.into());
            }
            match (written, counted) {
                (true, Ok(())) => {
                    let flow = flow::write(keys, portal.id, &flow)?;
                    return Ok(Issued { flow, code, send, entry, address: order.address, portal: order.portal });
                }
                (true, Err(newer)) => {
                    // The portal sent more meanwhile, or a new hour began: what it sent decides again.
                    self.store.withdraw_code(portal.id, recipient, &known).await.map_err(AccessError::from)?;
                    spend = newer;
                    known = self.store.recipient(portal.id, recipient).await.map_err(AccessError::from)?;
                }
                (false, counted) => {
                    match counted {
                        Ok(()) => self.store.uncount_sent(portal.id, block, watched, now).await.map_err(AccessError::from)?,
                        Err(newer) => spend = newer,
                    }
                    known = self.store.recipient(portal.id, recipient).await.map_err(AccessError::from)?;
                }
            }
        }
        Err(AccessError::Busy.into())
    }

    /// The entry of a code in the ledger; one that nobody gets is given up from the first.
    fn entry(&self, birth: Birth, order: &Order<'_>, send: bool) -> Message {
        let entry = self.outbox.code(birth, &order.portal, &order.address, order.locale);
        if send {
            return entry;
        }
        Message { state: State::Parked, paid: Money::ZERO, error: Some("nobody is invited by this address".into()), ..entry }
    }

    /// Whether mail to the address came back for good (only mail does).
    async fn is_suppressed(&self, order: &Order<'_>) -> Result<bool, AccessError> {
        if order.address.kind() == AddressKind::Phone {
            return Ok(false);
        }
        Ok(self.store.is_suppressed(order.portal.id, order.address.key(order.portal.id)).await?)
    }

    /// Whether a code is sent at all: strangers to a portal for invited people get the same answer after the same writes, and no
    /// message (S41). One more round trip there, for both.
    async fn is_expected(&self, order: &Order<'_>) -> Result<bool, AccessError> {
        let portal = &order.portal;
        if portal.settings.access != Access::Invited || order.known {
            return Ok(true);
        }
        let (owner, invitation) = self.store.owner_and_invitation(portal.id, order.address.key(portal.id)).await?;
        Ok(owner.is_some() || invitation.is_some_and(|invitation| invitation.is_open(order.now)))
    }

    /// How long a person waits before they can ask again, in seconds.
    pub fn resend_seconds(&self) -> i64 {
        self.caps.recipient_interval.as_secs()
    }
}

/// Refuses a kind of account that the link does not offer (F6, F11).
fn offered(portal: &Portal, link: Option<&Suffix>, address: &Address) -> Result<(), AccessError> {
    let link = link.map(|suffix| portal.link(suffix).ok_or(Refusal::MethodOff)).transpose()?;
    if portal.accounts_at(link).allow(address.kind()) { Ok(()) } else { Err(Refusal::MethodOff.into()) }
}
