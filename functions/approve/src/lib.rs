//! `POST /v1/admin/portals/{portal}/approvals`: decides on applications, one or many (F43, R9).

use axum::{Json, extract::State, http::request::Parts};
use http::Method;
use jiff::Timestamp;
use portico_domain::{
    ids::UserId,
    member::Right,
    message::{Message, MessageSettings},
    portal::{Portal, RoleId},
    user::{Decided, Reason, User, Verdict},
};
use portico_http::{Access, Api, Body, CurrentMember, Origins, Problem, Problems, batch};
use portico_messaging::{About, Birth, Outbox, Recipient};
use portico_runtime::{Clock, Deployment, MissingVariable, entropy};
use portico_store::{Decision, Store, StoreError, Table};
use serde::{Deserialize, Serialize};
use utoipa::{OpenApi, ToSchema};

/// The part of the OpenAPI document that this function answers for.
#[derive(OpenApi)]
#[openapi(paths(approve))]
pub struct Docs;

/// What deciding takes.
#[derive(Clone)]
struct Approver {
    store: Store,
    outbox: Outbox,
    clock: Clock,
    origins: Origins,
}

/// What an applicant hears.
struct Answerer<'a> {
    outbox: &'a Outbox,
    portal: &'a Portal,
    settings: MessageSettings,
    verdict: &'a Verdict,
    link: String,
    now: Timestamp,
}

impl Answerer<'_> {
    /// The message that tells an applicant how it was decided (F30, F47), to be written with the decision (R9, R13).
    fn message(&self, user: &User) -> Result<Option<Message>, Problem> {
        let about = match self.verdict {
            Verdict::Approve(_) => About::Approved(&self.link),
            Verdict::Reject(reason) => About::Rejected(reason.as_ref().map(|reason| reason.as_str())),
            Verdict::Ask(reason) => About::MoreNeeded(reason.as_str(), &self.link),
        };
        let birth = Birth::new(self.now, entropy::wide().map_err(Problem::internal)?);
        Ok(self.outbox.message(birth, self.portal, &Recipient::user(user), about, &self.settings))
    }
}

/// The routes of this function.
pub fn api(deployment: &Deployment) -> Result<Api, MissingVariable> {
    let store = Store::open(deployment, &[Table::Portals, Table::Users, Table::Codes, Table::Messages])?;
    let approver = Approver {
        store: store.clone(),
        outbox: Outbox::open(deployment)?,
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
    let users = batch("users", approvals.users)?;
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
    let link = approver.origins.portal_url(&parts, &portal).unwrap_or_default();
    let (applicants, settings) = tokio::join!(approver.store.some_users(portal.id, &users), approver.store.message_settings(portal.id));
    let (applicants, settings) = (applicants?, settings?.settings);
    let answerer = Answerer { outbox: &approver.outbox, portal: &portal, settings, verdict: &verdict, link, now: approver.clock.now() };
    let mut results: Vec<ApprovalResult> = Vec::with_capacity(users.len());
    for user in users {
        let Some(applicant) = applicants.iter().find(|applicant| applicant.id == user) else {
            results.push(ApprovalResult { user, result: Happened::Unknown });
            continue;
        };
        let message = answerer.message(applicant)?;
        // What was decided stays decided: an outage on the way is told for those whom it met, not instead of the others.
        let result = match (approver.store.decide(&portal, user, &verdict, &decided, message.as_ref()).await, approvals.decision) {
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
    Ok(Json(ApprovalResults { results }))
}
