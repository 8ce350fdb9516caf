//! Many invitations repeated or withdrawn at once (F53, S45).

use axum::{Json, extract::State, http::request::Parts};
use portico_domain::ids::{InvitationId, PortalId};
use portico_http::{Body, CurrentMember, Kind, Problem, Problems, Reader, batch};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    Delivery, Envelope, Inviter,
    admin::{Renewed, renew, withdraw},
};

/// What is to be done, to which invitations.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct InvitationActions {
    /// The invitations, at most 100; one that is given twice counts once.
    #[schema(min_items = 1, max_items = 100)]
    invitations: Vec<InvitationId>,
    /// Repeat or withdraw.
    action: Action,
    /// Whether expired ones are repeated even though all seats are taken or promised to open invitations (F54).
    #[serde(default)]
    overbook: bool,
}

/// What can be done to many.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[schema(as = InvitationAction)]
#[serde(rename_all = "camelCase")]
enum Action {
    Resend,
    Cancel,
}

/// What came of each.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct InvitationResults {
    /// In the order of the request.
    results: Vec<InvitationResult>,
}

/// What came of one.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct InvitationResult {
    invitation: InvitationId,
    /// What happened.
    result: Happened,
    /// The new link, of one that was repeated.
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    /// What became of its message.
    #[serde(skip_serializing_if = "Option::is_none")]
    delivery: Option<Delivery>,
}

/// What happened to an invitation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = InvitationHappened)]
#[serde(rename_all = "camelCase")]
enum Happened {
    /// It is open for another while.
    Resent,
    /// It is withdrawn.
    Cancelled,
    /// It was accepted or withdrawn already.
    Closed,
    /// It had expired, and all seats are taken or promised to open invitations.
    NoSeats,
    /// There is no such invitation in the portal.
    Unknown,
    /// The tables did not answer; it can be tried again.
    Unavailable,
}

/// Repeat or withdraw invitations
#[utoipa::path(post, path = "/v1/admin/portals/{portal}/invitations/actions", operation_id = "actOnInvitations", tag = "administration", security(("administrator" = [])), params(("portal" = PortalId, Path)), request_body = InvitationActions,
    responses((status = 200, description = "A result for each invitation", body = InvitationResults), Problems))]
pub(crate) async fn act(
    State(inviter): State<Inviter>,
    member: CurrentMember,
    parts: Parts,
    reader: Reader,
    Body(actions): Body<InvitationActions>,
) -> Result<Json<InvitationResults>, Problem> {
    let invitations = batch("invitations", actions.invitations)?;
    let portal = member.portal()?;
    let mut results: Vec<InvitationResult> = Vec::with_capacity(invitations.len());
    let envelope = Envelope { parts: &parts, portal: &portal, locale: reader.locale, notify: true };
    for id in invitations {
        let done = match actions.action {
            Action::Resend => renew(&inviter, envelope, id, actions.overbook).await.map(Some),
            Action::Cancel => withdraw(&inviter, &portal, id).await.map(|()| None),
        };
        let (result, renewed) = match done {
            Ok(Some(renewed)) => (Happened::Resent, Some(renewed)),
            Ok(None) => (Happened::Cancelled, None),
            Err(problem) => (happened(problem, !results.is_empty())?, None),
        };
        let (url, delivery) = renewed.map(|Renewed { url, delivery, .. }| (url, delivery)).unzip();
        results.push(InvitationResult { invitation: id, result, url, delivery });
    }
    Ok(Json(InvitationResults { results }))
}

/// What was done stays done: an outage on the way is told for those whom it met, not instead of the others.
fn happened(problem: Problem, some_are_done: bool) -> Result<Happened, Problem> {
    match problem.kind() {
        Kind::NotFound => Ok(Happened::Unknown),
        Kind::InvitationClosed => Ok(Happened::Closed),
        Kind::NoSeats => Ok(Happened::NoSeats),
        Kind::Unavailable if some_are_done => Ok(Happened::Unavailable),
        _ => Err(problem),
    }
}
