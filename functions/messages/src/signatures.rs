//! The signatures that an organisation may use (F36): asked for by who manages portals, approved by who answers for the organisation.

use axum::{
    Json,
    extract::{Path, State},
};
use http::StatusCode;
use jiff::Timestamp;
use portico_domain::{ids::MemberId, text::Text};
use portico_http::{Body, CurrentMember, Kind, Problem, Problems};
use portico_store::{Signature, SignatureState};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Messages;

/// The signatures of the organisation.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SignatureList {
    /// In the order of their texts.
    signatures: Vec<SignatureView>,
}

/// A signature of the organisation.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Signature)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SignatureView {
    /// The words.
    #[schema(value_type = String)]
    text: Text<20>,
    state: Standing,
    /// Who asked for it.
    requested_by: MemberId,
    /// When (UTC).
    #[schema(value_type = String, format = DateTime)]
    requested_at: Timestamp,
    /// When it was decided (UTC).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    decided_at: Option<Timestamp>,
    /// What was said to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    remark: Option<Text<200>>,
}

/// Where the approval of a signature stands.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[schema(as = SignatureState)]
#[serde(rename_all = "camelCase")]
enum Standing {
    Requested,
    Approved,
    Rejected,
}

impl From<Signature> for SignatureView {
    fn from(signature: Signature) -> Self {
        let Signature { text, state, requested_by, requested_at, decided_at, remark } = signature;
        let state = match state {
            SignatureState::Requested => Standing::Requested,
            SignatureState::Approved => Standing::Approved,
            SignatureState::Rejected => Standing::Rejected,
        };
        Self { text, state, requested_by, requested_at, decided_at, remark }
    }
}

/// A signature that somebody wants to use.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewSignature {
    /// The words, without brackets.
    #[schema(value_type = String, max_length = 20)]
    text: Text<20>,
}

/// The decision on a signature.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SignatureDecision {
    state: Decided,
    /// What is said to it.
    #[schema(value_type = Option<String>, max_length = 200)]
    remark: Option<Text<200>>,
}

/// What can be decided.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[schema(as = SignatureVerdict)]
#[serde(rename_all = "camelCase")]
enum Decided {
    Approved,
    Rejected,
}

/// List signatures
#[utoipa::path(get, path = "/v1/admin/signatures", operation_id = "listSignatures", tag = "administration", security(("administrator" = [])),
    responses((status = 200, description = "The signatures of the organisation", body = SignatureList), Problems))]
pub(crate) async fn list(State(messages): State<Messages>, member: CurrentMember) -> Result<Json<SignatureList>, Problem> {
    let signatures = messages.store.signatures(member.member.organisation).await?;
    Ok(Json(SignatureList { signatures: signatures.into_iter().map(SignatureView::from).collect() }))
}

/// Ask for a signature
///
/// One that was rejected can be asked for again.
#[utoipa::path(post, path = "/v1/admin/signatures", operation_id = "requestSignature", tag = "administration", security(("administrator" = [])), request_body = NewSignature,
    responses((status = 201, description = "It is asked for", body = SignatureView), Problems))]
pub(crate) async fn request(
    State(messages): State<Messages>,
    member: CurrentMember,
    Body(new): Body<NewSignature>,
) -> Result<(StatusCode, Json<SignatureView>), Problem> {
    let signature = Signature {
        text: new.text,
        state: SignatureState::Requested,
        requested_by: member.member.id,
        requested_at: messages.clock.now(),
        decided_at: None,
        remark: None,
    };
    if !messages.store.request_signature(member.member.organisation, &signature).await? {
        return Err(Kind::SignatureTaken.into());
    }
    Ok((StatusCode::CREATED, Json(signature.into())))
}

/// Decide on a signature
///
/// A portal that uses one that is rejected afterwards keeps it until its settings name another.
#[utoipa::path(patch, path = "/v1/admin/signatures/{signature}", operation_id = "decideSignature", tag = "administration", security(("administrator" = [])), params(("signature" = String, Path)), request_body = SignatureDecision,
    responses((status = 200, description = "The signature as it is now", body = SignatureView), Problems))]
pub(crate) async fn decide(
    State(messages): State<Messages>,
    member: CurrentMember,
    Path(signature): Path<String>,
    Body(decision): Body<SignatureDecision>,
) -> Result<Json<SignatureView>, Problem> {
    let text = Text::<20>::parse(&signature).map_err(|_| Problem::from(Kind::NotFound))?;
    let state = match decision.state {
        Decided::Approved => SignatureState::Approved,
        Decided::Rejected => SignatureState::Rejected,
    };
    let (organisation, remark, now) = (member.member.organisation, decision.remark.as_ref(), messages.clock.now());
    let decided = messages.store.decide_signature(organisation, text.as_str(), state, remark, now).await?;
    decided.map(|signature| Json(signature.into())).ok_or_else(|| Kind::NotFound.into())
}
