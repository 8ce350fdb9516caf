//! One's own authenticator app, and its recovery codes (F19).

use std::sync::Arc;

use axum::{Json, extract::State};
use http::StatusCode;
use portico_access::authenticator::{Factor, SetUpError};
use portico_domain::code::Code;
use portico_http::{Body, CurrentUser, Kind, Problem, Problems, refusal};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Profiles;

/// What an app is set up with; shown once.
#[derive(Serialize, ToSchema)]
pub(crate) struct AuthenticatorSecret {
    /// To be typed into the app, in base32.
    #[schema(example = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP")]
    secret: String,
    /// The same for a QR code.
    #[schema(example = "otpauth://totp/Acme:li%40example%2Ecom?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=Acme")]
    uri: String,
}

/// What the app shows.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AuthenticatorCode {
    /// Six digits, as typed; to take the app away, a recovery code serves as well.
    #[schema(example = "081804")]
    code: String,
}

/// The recovery codes; shown once.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RecoveryCodes {
    /// Ten, each good for one second step.
    #[schema(example = json!(["abcd-efgh-2345"]))]
    recovery_codes: Vec<String>,
}

/// Begin to set up an authenticator app
///
/// It counts once a code of it was brought back, within ten minutes.
#[utoipa::path(post, path = "/v1/me/totp", operation_id = "beginAuthenticator", tag = "me", security(("session" = [])),
    responses((status = 200, description = "The secret that the app needs", body = AuthenticatorSecret), Problems))]
pub(crate) async fn begin(State(profiles): State<Arc<Profiles>>, current: CurrentUser) -> Result<Json<AuthenticatorSecret>, Problem> {
    let begun = profiles.gate.begin_authenticator(&current.signed.portal, &current.signed.user).await;
    let set_up = begun.map_err(|error| profiles.not_set_up(error))?;
    Ok(Json(AuthenticatorSecret { secret: set_up.secret, uri: set_up.uri }))
}

/// Finish to set up an authenticator app
#[utoipa::path(put, path = "/v1/me/totp", operation_id = "confirmAuthenticator", tag = "me", security(("session" = [])), request_body = AuthenticatorCode,
    responses((status = 200, description = "It counts from now on; the recovery codes for when it is lost", body = RecoveryCodes), Problems))]
pub(crate) async fn confirm(
    State(profiles): State<Arc<Profiles>>,
    current: CurrentUser,
    Body(request): Body<AuthenticatorCode>,
) -> Result<Json<RecoveryCodes>, Problem> {
    let code = Code::parse(&request.code).map_err(|error| Problem::invalid("/code", "invalid", error.to_string()))?;
    let confirmed = profiles.gate.confirm_authenticator(&current.signed.portal, &current.signed.user, code).await;
    let recovery_codes = confirmed.map_err(|error| profiles.not_set_up(error))?;
    Ok(Json(RecoveryCodes { recovery_codes }))
}

/// Take an authenticator app away
///
/// Its recovery codes go with it.
#[utoipa::path(delete, path = "/v1/me/totp", operation_id = "removeAuthenticator", tag = "me", security(("session" = [])), request_body = AuthenticatorCode,
    responses((status = 204, description = "It is gone"), Problems))]
pub(crate) async fn remove(
    State(profiles): State<Arc<Profiles>>,
    current: CurrentUser,
    Body(request): Body<AuthenticatorCode>,
) -> Result<StatusCode, Problem> {
    let factor = Code::parse(&request.code).map_or(Factor::Recovery(&request.code), Factor::Code);
    let removed = profiles.gate.remove_authenticator(&current.signed.portal, &current.signed.user, factor).await;
    removed.map_err(|error| refusal(error, profiles.clock.now()))?;
    Ok(StatusCode::NO_CONTENT)
}

impl Profiles {
    fn not_set_up(&self, error: SetUpError) -> Problem {
        match error {
            SetUpError::IsOn => Kind::TotpOn.into(),
            SetUpError::NotBegun => Kind::NotFound.into(),
            SetUpError::Access(error) => refusal(error, self.clock.now()),
        }
    }
}
