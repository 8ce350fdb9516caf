//! What may be said of an AWS service's error.

use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

/// The kind of an error and the service's code for it. The service's own words stay out: they may quote a phone number, an address or
/// an item (S10).
pub fn describe<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> String {
    let kind = match error {
        SdkError::ConstructionFailure(_) => "the request could not be built",
        SdkError::TimeoutError(_) => "no answer in time",
        SdkError::DispatchFailure(failure) if failure.is_timeout() => "no connection in time",
        SdkError::DispatchFailure(failure) if failure.is_io() => "the connection broke",
        SdkError::DispatchFailure(_) => "no connection",
        SdkError::ResponseError(_) => "the answer was not understood",
        SdkError::ServiceError(_) => "refused",
        _ => "failed",
    };
    format!("{kind}: {}", error.as_service_error().and_then(ProvideErrorMetadata::code).unwrap_or("no code"))
}
