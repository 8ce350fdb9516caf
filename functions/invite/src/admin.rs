//! Invitations one at a time: made, listed, repeated, withdrawn.

use axum::{
    Json,
    extract::{Path, Query, State, rejection::QueryRejection},
    http::request::Parts,
};
use http::StatusCode;
use jiff::Timestamp;
use portico_domain::{
    address::Address,
    ids::{InvitationId, MemberId, PortalId},
    invitation::{Invitation, NotInvitable, Standing, end, may_invite},
    portal::{Portal, RoleId},
    text::Name,
};
use portico_http::{Body, CurrentMember, Kind, Problem, Problems, Reader, address_refusal, page_limit};
use portico_runtime::entropy;
use portico_store::{self as store, InvitationMoved, InvitationToken, Invited};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{Delivery, Envelope, Inviter};

/// How often an invitation is read again because it changed meanwhile.
const TRIES: usize = 4;

/// An invitation, as administrators see it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Invitation)]
#[serde(rename_all = "camelCase")]
pub(crate) struct InvitationView {
    id: InvitationId,
    /// Who is invited: a phone number (E.164) or an email address.
    #[schema(value_type = String)]
    address: Address,
    /// The name that the administrator knows them by.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    name: Option<Name>,
    /// The role that they get; the portal's default if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<RoleId>,
    /// Where it stands.
    status: Standing,
    /// Who invited them.
    invited_by: MemberId,
    /// When (UTC).
    #[schema(value_type = String, format = DateTime)]
    invited_at: Timestamp,
    /// Until when it can be accepted (UTC).
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
    /// The link to pass on. Only now: its token is stored as a hash (S48).
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    /// What became of the message; only where one was due.
    #[serde(skip_serializing_if = "Option::is_none")]
    delivery: Option<Delivery>,
}

impl InvitationView {
    fn new(invitation: Invitation, now: Timestamp) -> Self {
        Self {
            id: invitation.id,
            status: invitation.standing(now),
            address: invitation.address,
            name: invitation.name,
            role: invitation.role,
            invited_by: invitation.invited_by,
            invited_at: invitation.invited_at,
            expires_at: invitation.expires_at,
            url: None,
            delivery: None,
        }
    }
}

/// Whom to invite.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewInvitation {
    /// A phone number or an email address, as typed, of a kind and country that the portal takes.
    #[schema(example = "138 0013 8000", max_length = 320)]
    address: String,
    /// The name that the administrator knows them by; stands in the message.
    #[schema(value_type = Option<String>, max_length = 100)]
    name: Option<Name>,
    /// The role that they get; the portal's default if absent.
    role: Option<RoleId>,
    /// Whether a message goes out; else the link is to be passed on (F50).
    #[serde(default = "yes")]
    notify: bool,
    /// Whether to invite even though all seats are taken or promised to open invitations (F54).
    #[serde(default)]
    overbook: bool,
}

fn yes() -> bool {
    true
}

/// Invite somebody
///
/// Refused while all seats of the organisation are taken or promised to open invitations, unless `overbook` is true (F54). The message
/// is in the language of `Accept-Language`.
#[utoipa::path(post, path = "/v1/admin/portals/{portal}/invitations", operation_id = "invite", tag = "administration", security(("administrator" = [])), params(("portal" = PortalId, Path)), request_body = NewInvitation,
    responses((status = 201, description = "The invitation, with its link and what became of the message", body = InvitationView), Problems))]
pub(crate) async fn invite(
    State(inviter): State<Inviter>,
    member: CurrentMember,
    parts: Parts,
    reader: Reader,
    Body(new): Body<NewInvitation>,
) -> Result<(StatusCode, Json<InvitationView>), Problem> {
    let now = inviter.clock.now();
    let by = member.member.id;
    let portal = member.portal()?;
    let address = invitee(&portal, &new)?;
    let (owner, before) = inviter.store.owner_and_invitation(portal.id, address.key(portal.id)).await?;
    let user = match owner {
        Some(owner) => inviter.store.user(portal.id, owner).await?,
        None => None,
    };
    may_invite(user.as_ref(), before.as_ref(), now).map_err(not_invitable)?;
    inviter.store.end_promises(portal.organisation, now).await?;
    let invitation = Invitation {
        id: InvitationId::new(now, entropy::wide().map_err(Problem::internal)?),
        portal: portal.id,
        address,
        name: new.name,
        role: new.role,
        invited_by: by,
        invited_at: now,
        expires_at: end(now),
        cancelled: false,
        accepted_by: None,
    };
    let token = InvitationToken::new(invitation.id, entropy::bytes().map_err(Problem::internal)?);
    let envelope = Envelope { parts: &parts, portal: &portal, locale: reader.locale, notify: new.notify };
    let letter = inviter.letter(envelope, &invitation, &token).await?;
    let (organisation, overbook, message) = (portal.organisation, new.overbook, letter.message.as_ref());
    let wanted = store::NewInvitation { organisation, overbook, invitation: &invitation, token: &token, message };
    let invited = inviter.store.invite(wanted, before.as_ref(), user.as_ref()).await?;
    let posted = if let Invited::Done(posted) = invited { posted } else { None };
    inviter.counted(&portal, &invitation.address, &letter, posted).await?;
    match invited {
        Invited::Done(_) => {}
        Invited::AlreadyInvited => return Err(Kind::AlreadyInvited.into()),
        Invited::AlreadyRegistered => return Err(Kind::AlreadyRegistered.into()),
        Invited::NoSeats => return Err(Kind::NoSeats.into()),
    }
    let delivery = Some(letter.delivery(posted));
    let view = InvitationView { url: Some(letter.url), delivery, ..InvitationView::new(invitation, now) };
    Ok((StatusCode::CREATED, Json(view)))
}

/// The address to invite, if the portal takes it and has the role.
fn invitee(portal: &Portal, new: &NewInvitation) -> Result<Address, Problem> {
    let address = Address::parse(&new.address, &portal.settings.sign_in.countries).map_err(address_refusal)?;
    if !portal.settings.sign_in.accounts.allow(address.kind()) {
        return Err(Problem::invalid("/address", "method-off", "the portal does not take this kind of account"));
    }
    if new.role.as_ref().is_some_and(|role| !portal.settings.has_role(role)) {
        return Err(Problem::invalid("/role", "unknown-role", "is not a role of this portal"));
    }
    Ok(address)
}

fn not_invitable(reason: NotInvitable) -> Problem {
    match reason {
        NotInvitable::Registered => Kind::AlreadyRegistered.into(),
        NotInvitable::Invited => Kind::AlreadyInvited.into(),
    }
}

/// One page of invitations, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct InvitationPage {
    /// The invitations. With a `status` there may be fewer than `limit`, even none, before the last page.
    invitations: Vec<InvitationView>,
    /// Asks for the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    cursor: Option<String>,
}

/// Which invitations, and how many at a time.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListQuery {
    /// Only invitations that stand like this.
    status: Option<Standing>,
    /// From the page before.
    #[param(value_type = Option<String>)]
    cursor: Option<InvitationId>,
    /// Invitations on the page.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<usize>,
}

/// List invitations
///
/// Those that ended more than thirty days ago are gone.
#[utoipa::path(get, path = "/v1/admin/portals/{portal}/invitations", operation_id = "listInvitations", tag = "administration", security(("administrator" = [])), params(("portal" = PortalId, Path), ListQuery),
    responses((status = 200, description = "One page, newest first", body = InvitationPage), Problems))]
pub(crate) async fn list(
    State(inviter): State<Inviter>,
    member: CurrentMember,
    query: Result<Query<ListQuery>, QueryRejection>,
) -> Result<Json<InvitationPage>, Problem> {
    let now = inviter.clock.now();
    let portal = member.portal()?;
    let Query(query) = query.map_err(|rejection| Problem::invalid("", "invalid", rejection.body_text()))?;
    let limit = page_limit(query.limit)?;
    let page = inviter.store.invitations(portal.id, query.status, query.cursor, limit, now).await?;
    let invitations = page.invitations.into_iter().map(|invitation| InvitationView::new(invitation, now)).collect();
    Ok(Json(InvitationPage { invitations, cursor: page.next.map(|id| id.to_string()) }))
}

/// Repeat an invitation
///
/// A new end, a new link in the place of the old, and a new message (F53). One that expired is open again, if a seat is free (F54).
#[utoipa::path(post, path = "/v1/admin/portals/{portal}/invitations/{invitation}/resend", operation_id = "resendInvitation", tag = "administration", security(("administrator" = [])), params(("portal" = PortalId, Path), ("invitation" = InvitationId, Path)),
    responses((status = 200, description = "The invitation, with its new link and what became of the message", body = InvitationView), Problems))]
pub(crate) async fn resend(
    State(inviter): State<Inviter>,
    member: CurrentMember,
    Path((_, invitation)): Path<(String, String)>,
    parts: Parts,
    reader: Reader,
) -> Result<Json<InvitationView>, Problem> {
    let portal = member.portal()?;
    let id: InvitationId = invitation.parse().map_err(|_| Problem::from(Kind::NotFound))?;
    let envelope = Envelope { parts: &parts, portal: &portal, locale: reader.locale, notify: true };
    let Renewed { invitation, url, delivery } = renew(&inviter, envelope, id, false).await?;
    let view = InvitationView::new(invitation, inviter.clock.now());
    Ok(Json(InvitationView { url: Some(url), delivery: Some(delivery), ..view }))
}

/// An invitation that is open for another while, its new link, and what became of its message.
pub(crate) struct Renewed {
    pub(crate) invitation: Invitation,
    pub(crate) url: String,
    pub(crate) delivery: Delivery,
}

/// Opens an invitation for another while, and writes the message that says so.
pub(crate) async fn renew(inviter: &Inviter, envelope: Envelope<'_>, id: InvitationId, overbook: bool) -> Result<Renewed, Problem> {
    let (now, portal) = (inviter.clock.now(), envelope.portal);
    for _ in 0..TRIES {
        let before = inviter.store.invitation_by_id(portal.id, id).await?.ok_or(Kind::NotFound)?;
        if !before.is_repeatable(now) {
            return Err(Kind::InvitationClosed.into());
        }
        if !before.is_open(now) {
            inviter.store.end_promises(portal.organisation, now).await?;
        }
        let invitation = Invitation { expires_at: end(now), ..before.clone() };
        let token = InvitationToken::new(id, entropy::bytes().map_err(Problem::internal)?);
        let letter = inviter.letter(envelope, &invitation, &token).await?;
        let (organisation, message) = (portal.organisation, letter.message.as_ref());
        let wanted = store::NewInvitation { organisation, overbook, invitation: &invitation, token: &token, message };
        let moved = inviter.store.renew_invitation(wanted, &before).await?;
        let posted = if let InvitationMoved::Done(posted) = moved { posted } else { None };
        inviter.counted(portal, &invitation.address, &letter, posted).await?;
        match moved {
            InvitationMoved::Done(posted) => {
                let delivery = letter.delivery(posted);
                return Ok(Renewed { invitation, url: letter.url, delivery });
            }
            InvitationMoved::NoSeats => return Err(Kind::NoSeats.into()),
            InvitationMoved::Meanwhile => {}
        }
    }
    Err(Problem::unavailable("the invitation kept changing"))
}

/// Withdraw an invitation
///
/// Its link is dead at once. One that was accepted cannot be withdrawn; the user it made can be disabled.
#[utoipa::path(delete, path = "/v1/admin/portals/{portal}/invitations/{invitation}", operation_id = "cancelInvitation", tag = "administration", security(("administrator" = [])), params(("portal" = PortalId, Path), ("invitation" = InvitationId, Path)),
    responses((status = 204, description = "It is withdrawn"), Problems))]
pub(crate) async fn cancel(
    State(inviter): State<Inviter>,
    member: CurrentMember,
    Path((_, invitation)): Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    let portal = member.portal()?;
    let id: InvitationId = invitation.parse().map_err(|_| Problem::from(Kind::NotFound))?;
    withdraw(&inviter, &portal, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Withdraws an invitation, unless it was accepted.
pub(crate) async fn withdraw(inviter: &Inviter, portal: &Portal, id: InvitationId) -> Result<(), Problem> {
    for _ in 0..TRIES {
        let invitation = inviter.store.invitation_by_id(portal.id, id).await?.ok_or(Kind::NotFound)?;
        if invitation.accepted_by.is_some() {
            return Err(Kind::InvitationClosed.into());
        }
        if invitation.cancelled || inviter.store.cancel_invitation(portal.organisation, &invitation).await? == InvitationMoved::Done(None) {
            return Ok(());
        }
    }
    Err(Problem::unavailable("the invitation kept changing"))
}
