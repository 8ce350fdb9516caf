//! `POST /v1/portals/{portal}/codes`: sends a verification code to a phone or mailbox (F12, S1 to S12).

use std::sync::Arc;

use axum::{Json, extract::State, response::IntoResponse};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use http::{Method, StatusCode};
use portico_access::codes::{CodeDesk, IssueError, Wish};
use portico_domain::{
    address::{AddressError, Channel},
    code::{LIFETIME, Purpose},
    ids::PortalId,
    locale::Locale,
    suffix::Suffix,
};
use portico_http::{Access, Api, Body, ClientAddress, Kind, PathId, Problem, Problems, Reader, refusal};
use portico_messaging::{Messenger, texts};
use portico_runtime::{Clock, Deployment, MissingVariable};
use portico_store::{Store, Table};
use serde::{Deserialize, Serialize};
use utoipa::{OpenApi, ToSchema};

/// The part of the OpenAPI document that this function answers for.
#[derive(OpenApi)]
#[openapi(paths(send_code))]
pub struct Docs;

struct Sender {
    desk: CodeDesk,
    messenger: Messenger,
    default_signature: String,
    clock: Clock,
}

/// The routes of this function.
pub fn api(deployment: &Deployment) -> Result<Api, MissingVariable> {
    let store = Store::open(deployment, &[Table::Portals, Table::Users, Table::Codes])?;
    let sender = Sender {
        desk: CodeDesk::new(store.clone(), deployment, deployment.caps()?),
        messenger: Messenger::open(deployment)?,
        default_signature: deployment.default_signature()?,
        clock: deployment.clock().clone(),
    };
    Ok(Api::guarded(deployment, &store)
        .route(Method::POST, "/v1/portals/{portal}/codes", Access::Anonymous, send_code)
        .with_state(Arc::new(sender)))
}

/// What a person typed, and where they came from.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CodeRequest {
    /// A phone number or an email address, as typed.
    #[schema(example = "138 0013 8000", max_length = 320)]
    address: String,
    /// What the code is for.
    purpose: Purpose,
    /// The suffix of the link by which they came.
    link: Option<Suffix>,
    /// The language of the message; that of `Accept-Language` if absent.
    locale: Option<Locale>,
}

/// A code is on its way. The same answer for known and unknown people (S40).
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct CodeSent {
    /// To be brought back with the code.
    flow: String,
    /// How the code comes.
    channel: Channel,
    /// Seconds until the code is no longer good.
    #[schema(example = 300)]
    expires_in: i64,
    /// Seconds until another one can be asked for.
    #[schema(example = 60)]
    resend_in: i64,
}

/// Send a verification code
#[utoipa::path(post, path = "/v1/portals/{portal}/codes", operation_id = "sendCode", tag = "sign-in", params(("portal" = PortalId, Path)), request_body = CodeRequest,
    responses((status = 202, description = "The code is on its way", body = CodeSent), Problems))]
async fn send_code(
    State(sender): State<Arc<Sender>>,
    PathId(portal): PathId<PortalId>,
    ClientAddress(client): ClientAddress,
    reader: Reader,
    Body(request): Body<CodeRequest>,
) -> Result<impl IntoResponse, Problem> {
    let wish = Wish { portal, purpose: request.purpose, link: request.link, client };
    let (address, issued) = sender.desk.issue(&wish, &request.address).await.map_err(|error| match error {
        IssueError::Address(error) => not_an_address(error),
        IssueError::Access(error) => refusal(error, sender.clock.now()),
    })?;
    if issued.send {
        let settings = &issued.portal.settings;
        let signature = settings.signature.as_ref().map_or(sender.default_signature.as_str(), |signature| signature.as_str());
        let message = texts::code(issued.code, signature, settings.name.as_str(), request.locale.unwrap_or(reader.locale));
        sender.messenger.send(&address, &message).await.map_err(|error| {
            tracing::error!(request = reader.request_id, %error, "a code was not sent");
            Problem::from(Kind::SendFailed).retry_after(sender.desk.resend_seconds())
        })?;
    }
    let sent = CodeSent {
        flow: URL_SAFE_NO_PAD.encode(issued.flow.to_bytes()),
        channel: address.kind().channel(),
        expires_in: LIFETIME.as_secs(),
        resend_in: sender.desk.resend_seconds(),
    };
    Ok((StatusCode::ACCEPTED, Json(sent)))
}

fn not_an_address(error: AddressError) -> Problem {
    let code = match error {
        AddressError::Phone | AddressError::Email => "address-invalid",
        AddressError::CountryNotAllowed => "country-not-allowed",
    };
    Problem::invalid("/address", code, error.to_string())
}
