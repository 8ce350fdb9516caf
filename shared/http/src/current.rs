//! Who is calling: external users by cookie or bearer token, members by bearer token.

use std::{pin::Pin, sync::Arc};

use axum::{
    extract::{FromRequestParts, RawPathParams, Request, State},
    http::request::Parts,
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, StatusCode, header};
use portico_access::AnswerSeal;
use portico_domain::{
    ids::PortalId,
    member::{Member, Right},
    portal::Portal,
    session::{Ended, standing},
};
use portico_runtime::Clock;
use portico_store::{MemberToken, SessionToken, Signed, Store};

use crate::{Kind, Problem, outcome::COOKIE};

/// What the guards of routes need.
#[derive(Debug, Clone)]
pub(crate) struct Guard {
    pub(crate) store: Store,
    pub(crate) clock: Clock,
    /// Seals answers that are kept for repetitions.
    pub(crate) seal: Arc<AnswerSeal>,
}

/// An external user who is signed in, as the tables have them now (S26).
#[derive(Debug, Clone)]
pub struct CurrentUser {
    /// Portal, user, session.
    pub signed: Signed,
    /// What the client carries.
    pub token: SessionToken,
}

/// A member who is signed in and has the right that the route asks for.
#[derive(Debug, Clone)]
pub struct CurrentMember {
    /// The member.
    pub member: Member,
    /// The portal that the path names, which belongs to the member's organisation.
    portal: Option<Portal>,
}

impl CurrentMember {
    /// The portal that the path names.
    pub fn portal(self) -> Result<Portal, Problem> {
        self.portal.ok_or_else(|| Kind::NotFound.into())
    }
}

impl<S: Sync> FromRequestParts<S> for CurrentUser {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        // Taken, not copied: a portal has a kilobyte of settings.
        parts.extensions.remove().ok_or_else(|| Problem::internal("the route does not ask for a user"))
    }
}

impl<S: Sync> FromRequestParts<S> for CurrentMember {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        parts.extensions.remove().ok_or_else(|| Problem::internal("the route does not ask for a member"))
    }
}

/// An answer on its way. Behind a pointer, what leads to it is compiled in this crate and not again in every function.
pub(crate) type Answering = Pin<Box<dyn Future<Output = Response> + Send>>;

/// Lets only signed-in external users through.
pub(crate) fn require_user(State(guard): State<Guard>, mut request: Request, next: Next) -> Answering {
    Box::pin(async move {
        match user(&guard, request.headers()).await {
            Ok(user) => {
                request.extensions_mut().insert(user);
                next.run(request).await
            }
            Err(problem) => problem.into_response(),
        }
    })
}

async fn user(guard: &Guard, headers: &HeaderMap) -> Result<CurrentUser, Problem> {
    let token = presented_session(headers).ok_or(Kind::SignedOut)?;
    let signed = guard.store.signed(&token).await?.ok_or(Kind::SignedOut)?;
    let now = guard.clock.now();
    standing(&signed.portal, &signed.user, signed.session.term, now).map_err(|ended| match ended {
        Ended::SignedOut => Problem::from(Kind::SignedOut),
        Ended::Disabled => Problem::from(Kind::Disabled).with_status(StatusCode::UNAUTHORIZED),
        Ended::PortalOff => Problem::from(Kind::PortalOff).with_status(StatusCode::UNAUTHORIZED),
    })?;
    if signed.session.term.wants_touch(now) {
        guard.store.touch_session(&token, now).await?;
    }
    Ok(CurrentUser { signed, token })
}

/// Lets only members with a right through, and only to portals of their own organisation (S42, S44).
pub(crate) fn require_member(State((guard, right)): State<(Guard, Right)>, request: Request, next: Next) -> Answering {
    Box::pin(async move {
        let (mut parts, body) = request.into_parts();
        match member(&guard, right, &mut parts).await {
            Ok(member) => {
                parts.extensions.insert(member);
                next.run(Request::from_parts(parts, body)).await
            }
            Err(problem) => problem.into_response(),
        }
    })
}

async fn member(guard: &Guard, right: Right, parts: &mut Parts) -> Result<CurrentMember, Problem> {
    let token = bearer(&parts.headers).and_then(MemberToken::parse).ok_or(Kind::SignedOut)?;
    let params = RawPathParams::from_request_parts(parts, &()).await.map_err(|_| Problem::from(Kind::NotFound))?;
    let named = params.iter().find(|(name, _)| *name == "portal").map(|(_, value)| value.parse::<PortalId>());
    // A portal that cannot exist is looked for all the same: who has no session learns nothing from a path.
    let wanted = named.as_ref().and_then(|named| named.as_ref().ok()).copied();
    let session = guard.store.member_session(&token, wanted).await?.filter(|session| guard.clock.now() < session.expires_at);
    let session = session.ok_or(Kind::SignedOut)?;
    if !session.member.may(right) {
        return Err(Kind::Forbidden.into());
    }
    let portal = session.portal.filter(|portal| portal.organisation == session.member.organisation);
    if named.is_some() && portal.is_none() {
        return Err(Kind::NotFound.into());
    }
    Ok(CurrentMember { member: session.member, portal })
}

/// The session that an external user's client presents: a bearer token, else the cookie.
pub fn presented_session(headers: &HeaderMap) -> Option<SessionToken> {
    bearer(headers).or_else(|| cookie(headers, COOKIE)).and_then(SessionToken::parse)
}

/// The first cookie of a name.
pub(crate) fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(';'));
    cookies.filter_map(|pair| pair.trim().split_once('=')).find(|(named, _)| *named == name).map(|(_, value)| value)
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}
