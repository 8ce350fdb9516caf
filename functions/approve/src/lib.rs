//! `POST /v1/admin/portals/{portal}/approvals`: decides on applications, one or many (F43, R9).

use axum::{Json, extract::State, http::request::Parts};
use http::Method;
use portico_domain::{
    ids::UserId,
    member::Right,
    portal::{Portal, RoleId},
    user::{Decided, Reason, Status, Verdict},
};
use portico_http::{Access, Api, Body, CurrentMember, Origins, Problem, Problems};
use portico_messaging::{Messenger, texts};
use portico_runtime::{Clock, Deployment, MissingVariable};
use portico_store::{Decision, Store, StoreError, Table};
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;
use utoipa::{OpenApi, ToSchema};

/// The part of the OpenAPI document that this function answers for.
#[derive(OpenApi)]
#[openapi(paths(approve))]
pub struct Docs;

/// How many applications one request may decide on.
const MOST: usize = 100;

/// What deciding takes.
#[derive(Clone)]
struct Approver {
    store: Store,
    messenger: Messenger,
    default_signature: String,
    clock: Clock,
    origins: Origins,
}

impl Approver {
    /// Tells applicants how it was decided (F30). Only who made the decision tells, so each hears once (R9).
    ///
    /// The decision stands whether or not the message goes out.
    async fn tell(&self, portal: &Portal, users: Vec<UserId>, link: &str) {
        let mut sending = JoinSet::new();
        let settings = &portal.settings;
        let signature = settings.signature.as_ref().map_or(self.default_signature.as_str(), |signature| signature.as_str());
        let name = settings.name.as_str();
        for user in self.store.some_users(portal.id, &users).await.unwrap_or_default() {
            let Some(address) = user.address().cloned() else { continue };
            let message = match user.status {
                Status::Active => texts::approved(signature, name, link, user.locale),
                Status::Rejected => {
                    let reason = user.decided.as_ref().and_then(|decided| decided.reason.as_ref());
                    texts::rejected(signature, name, reason.map(|reason| reason.as_str()), user.locale)
                }
                Status::Inactive => match user.asked() {
                    Some(reason) => texts::asked(signature, name, reason.as_str(), link, user.locale),
                    None => continue,
                },
                Status::Pending | Status::Disabled => continue,
            };
            let messenger = self.messenger.clone();
            sending.spawn(async move {
                if let Err(error) = messenger.send(&address, &message).await {
                    tracing::error!(user = %user.id, %error, "an applicant was not told of the decision");
                }
            });
        }
        while sending.join_next().await.is_some() {}
    }
}

/// The routes of this function.
pub fn api(deployment: &Deployment) -> Result<Api, MissingVariable> {
    let store = Store::open(deployment, &[Table::Portals, Table::Users, Table::Codes])?;
    let approver = Approver {
        store: store.clone(),
        messenger: Messenger::open(deployment)?,
        default_signature: deployment.default_signature()?,
        clock: deployment.clock().clone(),
        origins: Origins::new(deployment),
    };
    Ok(Api::guarded(deployment, &store)
        .route(Method::POST, "/v1/admin/portals/{portal}/approvals", Access::Member(Right::DecideApplications), approve)
        .with_state(approver))
}

/// What an administrator decides.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Approvals {
    /// The applicants, at most 100; one that is given twice counts once.
    #[schema(min_items = 1, max_items = 100)]
    users: Vec<UserId>,
    /// Yes, no, or more is needed.
    decision: Answer,
    /// The role of those who are approved; the one that they signed up with if absent.
    role: Option<RoleId>,
    /// Told to those who are rejected, or asked for more; who asks has to say for what.
    #[schema(value_type = Option<String>, max_length = 500)]
    reason: Option<Reason>,
}

/// Yes, no, or more is needed (B5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
enum Answer {
    Approve,
    Reject,
    Ask,
}

/// What came of each.
#[derive(Debug, Serialize, ToSchema)]
struct ApprovalResults {
    /// In the order of the request.
    results: Vec<ApprovalResult>,
}

/// What came of one.
#[derive(Debug, Serialize, ToSchema)]
struct ApprovalResult {
    /// The applicant.
    user: UserId,
    /// What happened.
    result: Happened,
}

/// What happened to an application.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
enum Happened {
    /// The applicant is in.
    Approved,
    /// The applicant was refused.
    Rejected,
    /// The applicant was asked for more; their form is open again.
    Asked,
    /// They were not waiting for a decision, or no longer: somebody else decided first.
    Conflict,
    /// There is no such user in the portal.
    Unknown,
    /// All seats are taken; they still wait.
    NoSeats,
    /// The tables did not answer; they may be decided on again.
    Unavailable,
}

/// Decide on applications
#[utoipa::path(post, path = "/v1/admin/portals/{portal}/approvals", operation_id = "decideApplications", tag = "administration", security(("administrator" = [])),
    params(("portal" = portico_domain::ids::PortalId, Path)), request_body = Approvals,
    responses((status = 200, description = "A result for each applicant", body = ApprovalResults), Problems))]
async fn approve(
    State(approver): State<Approver>,
    member: CurrentMember,
    parts: Parts,
    Body(approvals): Body<Approvals>,
) -> Result<Json<ApprovalResults>, Problem> {
    if approvals.users.is_empty() || approvals.users.len() > MOST {
        return Err(Problem::invalid("/users", "invalid", format!("must name 1 to {MOST} users")));
    }
    let by = member.member.id;
    let portal = member.portal()?;
    if approvals.role.as_ref().is_some_and(|role| !portal.settings.has_role(role)) {
        return Err(Problem::invalid("/role", "unknown-role", "is not a role of this portal"));
    }
    let reason = approvals.reason.filter(|_| approvals.decision != Answer::Approve);
    let decided = Decided { by, at: approver.clock.now(), reason: reason.clone() };
    let verdict = match approvals.decision {
        Answer::Approve => Verdict::Approve(approvals.role),
        Answer::Reject => Verdict::Reject(reason),
        Answer::Ask => Verdict::Ask(reason.ok_or_else(|| Problem::invalid("/reason", "required", "say what is needed"))?),
    };
    let mut results: Vec<ApprovalResult> = Vec::with_capacity(approvals.users.len());
    for user in approvals.users {
        if results.iter().any(|known| known.user == user) {
            continue;
        }
        // What was decided stays decided: an outage on the way is told for those whom it met, not instead of the others.
        let result = match (approver.store.decide(&portal, user, &verdict, &decided).await, approvals.decision) {
            (Ok(Decision::Made), Answer::Approve) => Happened::Approved,
            (Ok(Decision::Made), Answer::Reject) => Happened::Rejected,
            (Ok(Decision::Made), Answer::Ask) => Happened::Asked,
            (Ok(Decision::NotPending), _) => Happened::Conflict,
            (Ok(Decision::Unknown), _) => Happened::Unknown,
            (Ok(Decision::NoSeats), _) => Happened::NoSeats,
            (Err(StoreError::Unavailable(_)), _) if !results.is_empty() => Happened::Unavailable,
            (Err(error), _) => return Err(error.into()),
        };
        results.push(ApprovalResult { user, result });
    }
    let made: Vec<UserId> = results
        .iter()
        .filter(|result| matches!(result.result, Happened::Approved | Happened::Rejected | Happened::Asked))
        .map(|result| result.user)
        .collect();
    let link = approver.origins.portal_url(&parts, &portal).unwrap_or_default();
    approver.tell(&portal, made, &link).await;
    Ok(Json(ApprovalResults { results }))
}
