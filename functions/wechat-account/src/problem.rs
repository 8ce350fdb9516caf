//! Why a service account is not bound, as callers are told.

use http::StatusCode;
use portico_access::wechat::{BindingError, ServiceError};
use portico_domain::wechat::MissingSecret;
use portico_http::{Kind, Problem};
use portico_store::BindError;
use portico_wechat::Error;

/// WeChat's code for an AppID that it does not know.
const UNKNOWN_APP: i64 = 40013;

pub(crate) fn refusal(error: BindingError) -> Problem {
    match error {
        BindingError::Missing(missing) => {
            let pointer = match missing {
                MissingSecret::AppSecret => "/appSecret",
                MissingSecret::Token => "/token",
                MissingSecret::AesKey => "/aesKey",
            };
            Problem::invalid(pointer, "required", missing.to_string())
        }
        BindingError::Refused(BindError::AppTaken) => Kind::AlreadyBound.into(),
        BindingError::Refused(BindError::FileTaken) => Problem::invalid("/verification/name", "taken", "belongs to another organisation"),
        BindingError::Refused(BindError::Stale) => changed(),
        BindingError::Refused(BindError::Store(error)) => error.into(),
        BindingError::Service(error) => of_service(error),
    }
}

/// Somebody else was faster; there is no version to name, so it is no failed precondition.
pub(crate) fn changed() -> Problem {
    Problem::from(Kind::Stale).with_status(StatusCode::CONFLICT)
}

pub(crate) fn of_service(error: ServiceError) -> Problem {
    match error {
        ServiceError::WeChat(Error::BadCredentials(UNKNOWN_APP)) => Problem::invalid("/appId", "unknown", "WeChat knows no such AppID"),
        ServiceError::WeChat(Error::BadCredentials(_)) => {
            Problem::invalid("/appSecret", "wrong", "WeChat does not take this secret for the AppID")
        }
        ServiceError::WeChat(error @ Error::FixedAddressNeeded { .. }) => {
            Problem::from(Kind::WechatAddress).with("detail", error.to_string())
        }
        // The codes of a sign-in and of messages do not come here; whatever else WeChat says, trying again later is all that helps.
        ServiceError::WeChat(_) | ServiceError::Busy => Problem::unavailable(error),
        ServiceError::SecretsLost | ServiceError::Access(_) => Problem::internal(error),
    }
}
