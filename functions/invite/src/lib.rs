//! `/v1/admin/portals/{portal}/invitations...`: people who may come in, one by one (F31, F49, F50, F53, F54), and
//! `POST /v1/portals/{portal}/invitation`: what the link of an invitation leads to (S48).

mod admin;
mod link;
mod many;

use std::sync::Arc;

use axum::http::request::Parts;
use http::Method;
use portico_access::{Keyring, hide};
use portico_domain::{
    address::Address,
    invitation::{Invitation, is_reachable},
    limits::Caps,
    locale::Locale,
    member::Right,
    message::Message,
    portal::Portal,
    spend::Block,
};
use portico_http::{Access, Api, Origins, Problem, refusal};
use portico_messaging::{About, Birth, Outbox, Recipient};
use portico_runtime::{Clock, Deployment, MissingVariable, entropy};
use portico_store::{InvitationToken, Posted, Sending, Store, StoreError, Table};
use serde::Serialize;
use utoipa::{OpenApi, ToSchema};

/// The part of the OpenAPI document that this function answers for.
#[derive(OpenApi)]
#[openapi(paths(admin::invite, admin::list, admin::resend, admin::cancel, many::act, link::resolve))]
pub struct Docs;

/// How often a message is counted again because others were counted first.
const TRIES: usize = 4;

/// What inviting takes.
#[derive(Clone)]
struct Inviter {
    store: Store,
    outbox: Outbox,
    keyring: Arc<Keyring>,
    caps: Caps,
    clock: Clock,
    origins: Origins,
}

/// The routes of this function.
pub fn api(deployment: &Deployment) -> Result<Api, MissingVariable> {
    let store = Store::open(deployment, &[Table::Portals, Table::Users, Table::Codes, Table::Messages])?;
    let inviter = Inviter {
        store: store.clone(),
        outbox: Outbox::open(deployment)?,
        keyring: Arc::new(Keyring::new(deployment)),
        caps: deployment.caps()?,
        clock: deployment.clock().clone(),
        origins: Origins::new(deployment),
    };
    let manage = Access::Member(Right::ManageUsers);
    Ok(Api::guarded(deployment, &store)
        .route(Method::POST, "/v1/admin/portals/{portal}/invitations", manage, admin::invite)
        .route(Method::GET, "/v1/admin/portals/{portal}/invitations", Access::Member(Right::ReadUsers), admin::list)
        .route(Method::POST, "/v1/admin/portals/{portal}/invitations/actions", manage, many::act)
        .route(Method::DELETE, "/v1/admin/portals/{portal}/invitations/{invitation}", manage, admin::cancel)
        .route(Method::POST, "/v1/admin/portals/{portal}/invitations/{invitation}/resend", manage, admin::resend)
        .route(Method::POST, "/v1/portals/{portal}/invitation", Access::Anonymous, link::resolve)
        .with_state(inviter))
}

/// What became of the message (F50).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
enum Delivery {
    /// It is on its way; the ledger of messages says how far.
    Queued,
    /// None was wanted: the link is to be passed on.
    NotAsked,
    /// Phones outside +86 get no invitations by SMS (F41): the link is to be passed on.
    NoSms,
    /// The portal sends no SMS for a while (S14): the link is to be passed on.
    Paused,
    /// The address got five invitations within a day: the link is to be passed on.
    TooOften,
    /// The organisation's balance does not suffice (F42): the link is to be passed on.
    NoBalance,
}

impl Inviter {
    /// The address of the page with the token behind the `#`: browsers send that part to no server, so it stands in no log (S10).
    fn url(&self, parts: &Parts, portal: &Portal, invitation: &Invitation, token: &InvitationToken) -> String {
        let suffix = portal.link_for(invitation.address.kind()).map(|link| link.suffix.as_str()).unwrap_or_default();
        format!("{}/p/{suffix}#invitation={}", self.origins.canonical(parts), token.reveal())
    }

    /// What goes along with an invitation: its link and, where it is to be told and the caps allow it, the message that carries the link.
    async fn letter(&self, envelope: Envelope<'_>, invitation: &Invitation, token: &InvitationToken) -> Result<Letter, Problem> {
        let Envelope { parts, portal, locale, notify } = envelope;
        let url = self.url(parts, portal, invitation, token);
        let unsent = |delivery| Ok(Letter { url: url.clone(), message: None, delivery });
        if !notify {
            return unsent(Delivery::NotAsked);
        }
        if !is_reachable(&invitation.address) {
            return unsent(Delivery::NoSms);
        }
        if let Some(refused) = self.count(portal, &invitation.address).await? {
            return unsent(refused);
        }
        let settings = self.store.message_settings(portal.id).await?.settings;
        let birth = Birth::new(self.clock.now(), entropy::wide().map_err(Problem::internal)?);
        let to = Recipient::invited(invitation, locale);
        let Some(mut message) = self.outbox.message(birth, portal, &to, About::Invited(&url), &settings) else {
            return unsent(Delivery::NoSms);
        };
        let hidden = hide(&self.keyring, &mut message, &token.reveal()).await;
        hidden.map_err(|error| refusal(error, self.clock.now()))?;
        Ok(Letter { url, message: Some(message), delivery: Delivery::Queued })
    }

    /// Counts an SMS of the portal, within the caps of recipient and portal; or why none goes out. The recipient's is counted once the
    /// message is written: of several who invite one person at once, one does.
    async fn count(&self, portal: &Portal, address: &Address) -> Result<Option<Delivery>, StoreError> {
        let now = self.clock.now();
        if self.store.may_get_invitation(portal.id, address.key(portal.id), now).await?.is_err() {
            return Ok(Some(Delivery::TooOften));
        }
        let Some(block) = Block::of(address) else { return Ok(None) };
        let budget = portal.settings.budget(&self.caps);
        let mut known = self.store.spend(portal.id, now).await?;
        for _ in 0..TRIES {
            if let Err(pause) = known.admit(&budget, Some(block), now) {
                tracing::warn!(event = "sms-paused", pause = pause.as_str(), portal = %portal.id, "a portal sends no more for a while");
                return Ok(Some(Delivery::Paused));
            }
            // Nobody brings an invitation back as a code is brought back: it is not watched (S13).
            let sending = Sending { block: Some(block), watched: false, budget: &budget, known: &known };
            match self.store.count_sent(portal.id, sending, now).await? {
                Ok(()) => return Ok(None),
                Err(newer) => known = newer,
            }
        }
        Err(StoreError::Unavailable("the count of SMS kept changing".into()))
    }

    /// Counts a message that was written, and gives back what was counted for one that was not (S9).
    async fn counted(&self, portal: &Portal, address: &Address, letter: &Letter, posted: Option<Posted>) -> Result<(), StoreError> {
        let (now, block) = (self.clock.now(), Block::of(address));
        match (&letter.message, posted) {
            (None, _) => Ok(()),
            // A cap that was reached just now counts from the next one on.
            (Some(_), Some(Posted::Queued)) => self.store.count_invitation(portal.id, address.key(portal.id), now).await.map(drop),
            (Some(_), _) if block.is_some() => self.store.uncount_sent(portal.id, block, false, now).await,
            (Some(_), _) => Ok(()),
        }
    }
}

/// What a letter is made from, beside the invitation.
#[derive(Clone, Copy)]
struct Envelope<'a> {
    parts: &'a Parts,
    portal: &'a Portal,
    locale: Locale,
    /// Whether a message goes out (F50).
    notify: bool,
}

/// What goes along with an invitation.
struct Letter {
    url: String,
    message: Option<Message>,
    delivery: Delivery,
}

impl Letter {
    /// What became of the message, once it was written with its invitation.
    fn delivery(&self, posted: Option<Posted>) -> Delivery {
        match posted {
            Some(Posted::Unpaid) => Delivery::NoBalance,
            Some(Posted::Queued) | None => self.delivery,
        }
    }
}
