//! `/v1/admin/portals/{portal}/invitations...`: people who may come in, one by one (F31, F49, F50, F53, F54), and
//! `POST /v1/portals/{portal}/invitation`: what the link of an invitation leads to (S48).

mod admin;
mod link;
mod many;

use axum::http::request::Parts;
use http::Method;
use portico_domain::{
    address::Address,
    invitation::{Invitation, is_reachable},
    limits::Caps,
    locale::Locale,
    member::Right,
    portal::Portal,
    spend::Block,
};
use portico_http::{Access, Api, Origins};
use portico_messaging::{Messenger, texts};
use portico_runtime::{Clock, Deployment, MissingVariable};
use portico_store::{InvitationToken, Sending, Store, StoreError, Table};
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
    messenger: Messenger,
    caps: Caps,
    default_signature: String,
    clock: Clock,
    origins: Origins,
}

/// The routes of this function.
pub fn api(deployment: &Deployment) -> Result<Api, MissingVariable> {
    let store = Store::open(deployment, &[Table::Portals, Table::Users, Table::Codes])?;
    let inviter = Inviter {
        store: store.clone(),
        messenger: Messenger::open(deployment)?,
        caps: deployment.caps()?,
        default_signature: deployment.default_signature()?,
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
    /// The provider took it.
    Sent,
    /// None was wanted: the link is to be passed on.
    NotAsked,
    /// Phones outside +86 get no invitations by SMS (F41): the link is to be passed on.
    NoSms,
    /// The portal sends no SMS for a while (S14): the link is to be passed on.
    Paused,
    /// The address got five invitations within a day: the link is to be passed on.
    TooOften,
    /// The provider refused: the link can be passed on, or the invitation repeated.
    Failed,
}

impl Inviter {
    /// The address of the page with the token behind the `#`: browsers send that part to no server, so it stands in no log (S10).
    fn url(&self, parts: &Parts, portal: &Portal, invitation: &Invitation, token: &InvitationToken) -> String {
        let suffix = portal.link_for(invitation.address.kind()).map(|link| link.suffix.as_str()).unwrap_or_default();
        format!("{}/p/{suffix}#invitation={}", self.origins.canonical(parts), token.reveal())
    }

    /// Sends the invitation, once, if the caps allow it. It stands whether or not the message goes out.
    async fn deliver(&self, portal: &Portal, invitation: &Invitation, url: &str, locale: Locale) -> Delivery {
        if !is_reachable(&invitation.address) {
            return Delivery::NoSms;
        }
        match self.count(portal, &invitation.address).await {
            Ok(None) => self.send(portal, invitation, url, locale).await,
            Ok(Some(refused)) => refused,
            Err(error) => {
                tracing::error!(invitation = %invitation.id, %error, "an invitation was not sent");
                Delivery::Failed
            }
        }
    }

    /// Counts a message to an address, within the caps of recipient and portal; or why none goes out.
    async fn count(&self, portal: &Portal, address: &Address) -> Result<Option<Delivery>, StoreError> {
        let now = self.clock.now();
        if self.store.count_invitation(portal.id, address.key(portal.id), now).await?.is_err() {
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

    async fn send(&self, portal: &Portal, invitation: &Invitation, url: &str, locale: Locale) -> Delivery {
        let settings = &portal.settings;
        let signature = settings.signature.as_ref().map_or(self.default_signature.as_str(), |signature| signature.as_str());
        let name = invitation.name.as_ref().map(|name| name.as_str());
        let message = texts::invited(signature, settings.name.as_str(), name, url, invitation.address.kind(), locale);
        match self.messenger.send(&invitation.address, &message).await {
            Ok(()) => Delivery::Sent,
            Err(error) => {
                tracing::error!(invitation = %invitation.id, %error, "an invitation was not sent");
                Delivery::Failed
            }
        }
    }
}
