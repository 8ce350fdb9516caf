//! The deployment's one secret, from which all keys derive.

use std::pin::Pin;

use aws_sdk_secretsmanager::{
    Client,
    error::SdkError,
    operation::get_secret_value::{GetSecretValueError, GetSecretValueOutput, builders::GetSecretValueFluentBuilder},
};

use crate::{Deployment, describe};

/// One version of the secret.
#[derive(Clone)]
pub struct SecretVersion {
    /// The name that Secrets Manager gave to this version.
    pub id: String,
    /// The secret text.
    pub text: String,
}

impl std::fmt::Debug for SecretVersion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SecretVersion({}, redacted)", self.id)
    }
}

/// The secret could not be read.
#[derive(Debug, thiserror::Error)]
#[error("the deployment's secret could not be read: {0}")]
pub struct SecretUnavailable(String);

impl SecretUnavailable {
    /// The secret has no version in use.
    pub fn missing() -> Self {
        Self("it has no current version".into())
    }
}

/// Which version to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// The one in use.
    Current,
    /// The one before the last rotation.
    Previous,
}

type Asked = Pin<Box<dyn Future<Output = Result<GetSecretValueOutput, SdkError<GetSecretValueError>>> + Send>>;

/// Behind a pointer, what is generic in the SDK is compiled in this crate and not again in every function.
fn ask(call: GetSecretValueFluentBuilder) -> Asked {
    Box::pin(call.send())
}

/// Reads a version of the secret; `None` if there is no such version (before the first rotation there is no previous one).
pub async fn read(deployment: &Deployment, stage: Stage) -> Result<Option<SecretVersion>, SecretUnavailable> {
    let client = Client::new(&deployment.aws("SECRETS_MANAGER"));
    let label = match stage {
        Stage::Current => "AWSCURRENT",
        Stage::Previous => "AWSPREVIOUS",
    };
    let arn = deployment.secret_arn().map_err(|missing| SecretUnavailable(missing.to_string()))?;
    match ask(client.get_secret_value().secret_id(arn).version_stage(label)).await {
        Ok(answer) => match (answer.version_id, answer.secret_string) {
            (Some(id), Some(text)) if !text.is_empty() => Ok(Some(SecretVersion { id, text })),
            _ => Err(SecretUnavailable("it has no text".into())),
        },
        Err(error)
            if stage == Stage::Previous && error.as_service_error().is_some_and(GetSecretValueError::is_resource_not_found_exception) =>
        {
            Ok(None)
        }
        Err(error) => Err(SecretUnavailable(describe(&error))),
    }
}
