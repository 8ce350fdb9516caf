//! `POST /v1/admin/portals/{portal}/admission`: why somebody does not get in (B2).
//!
//! Each rule in turn, for one phone number or email address as if its owner had just typed a code. Nothing is written, nothing sent.
//! The address stands in the body, so that it is in no log (S10).

mod view;

use axum::{Json, extract::State};
use http::Method as HttpMethod;
use portico_domain::{
    address::Address,
    admission::{Case, Evidence, Proof, explain},
    ids::{PortalId, UserId},
    limits::Caps,
    locale::Locale,
    member::Right,
    portal::Portal,
    suffix::Suffix,
    user::User,
    whitelist,
};
use portico_http::{Access, Api, Body, CurrentMember, Problem, Problems, address_refusal};
use portico_runtime::{Clock, Deployment, MissingVariable};
use portico_store::{Guessed, Store, StoreError, Table};
use serde::Deserialize;
use utoipa::{OpenApi, ToSchema};

use crate::view::{Explanation, Known};

/// The part of the OpenAPI document that this function answers for.
#[derive(OpenApi)]
#[openapi(paths(explain_admission))]
pub struct Docs;

/// What the answer takes.
#[derive(Clone)]
struct Desk {
    store: Store,
    caps: Caps,
    clock: Clock,
}

/// The routes of this function.
pub fn api(deployment: &Deployment) -> Result<Api, MissingVariable> {
    let store = Store::open(deployment, &[Table::Portals, Table::Users, Table::Codes])?;
    let desk = Desk { store: store.clone(), caps: deployment.caps()?, clock: deployment.clock().clone() };
    let read = Access::Member(Right::ReadUsers);
    Ok(Api::guarded(deployment, &store)
        .route(HttpMethod::POST, "/v1/admin/portals/{portal}/admission", read, explain_admission)
        .with_state(desk))
}

/// Who does not get in.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct AdmissionQuestion {
    /// A phone number or an email address, as typed.
    #[schema(example = "138 0013 8000", max_length = 320)]
    address: String,
    /// The suffix of the link by which they come; the portal as a whole if absent.
    link: Option<Suffix>,
}

/// Ask why somebody does not get in
///
/// Nothing is changed or sent.
#[utoipa::path(post, path = "/v1/admin/portals/{portal}/admission", operation_id = "explainAdmission", tag = "administration", security(("administrator" = [])), params(("portal" = PortalId, Path)), request_body = AdmissionQuestion,
    responses((status = 200, description = "What each rule says, in the order in which a person learns of them", body = Explanation), Problems))]
async fn explain_admission(
    State(desk): State<Desk>,
    member: CurrentMember,
    Body(question): Body<AdmissionQuestion>,
) -> Result<Json<Explanation>, Problem> {
    let now = desk.clock.now();
    let portal = member.portal()?;
    let address = Address::parse(&question.address, &portal.settings.sign_in.countries).map_err(address_refusal)?;
    let link = question
        .link
        .as_ref()
        .map(|suffix| portal.link(suffix).ok_or_else(|| Problem::invalid("/link", "unknown-link", "is not a link of this portal")));
    let link = link.transpose()?;
    let known = desk.read(&portal, &address).await?;
    // What a newcomer would be once they proved the address.
    let role = portal.role_at(link);
    let newcomer = User::new(UserId::from_bytes([0; 16]), portal.id, address.clone(), role, Locale::En, now);
    let candidate = known.user.as_ref().unwrap_or(&newcomer);
    let whitelisted = match whitelist::wanted(&portal, candidate, None) {
        Some(row) => desk.store.has_row(portal.id, row.key).await?,
        None => false,
    };
    let proof = Proof { evidence: Evidence::Code(address), follows: false, second_step: false, at: now };
    let findings = explain(&Case {
        portal: &portal,
        link,
        user: known.user.as_ref(),
        id: candidate.id,
        proof: &proof,
        answers: None,
        consent: candidate.consent.as_ref().map(|consent| consent.version),
        invitation: known.invitation.as_ref(),
        whitelisted,
        now,
    });
    Ok(Json(Explanation::new(&portal, link, candidate, &known, whitelisted, findings, &desk.caps, now)))
}

impl Desk {
    /// All that is known of an address in a portal.
    async fn read(&self, portal: &Portal, address: &Address) -> Result<Known, StoreError> {
        let key = address.key(portal.id);
        let (found, recipient, passwords, seats) = tokio::join!(
            self.store.owner_and_invitation(portal.id, key),
            self.store.recipient(portal.id, key),
            self.store.guesses(portal.id, Guessed::Password(key)),
            self.store.seats(portal.organisation)
        );
        let (owner, invitation) = found?;
        let user = match owner {
            Some(owner) => self.store.user(portal.id, owner).await?,
            None => None,
        };
        Ok(Known { user, invitation, recipient: recipient?, passwords: passwords?.guesses, seats: seats? })
    }
}
