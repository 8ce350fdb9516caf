//! Files, in S3: browsers send them there by themselves, with a form that allows exactly one of them; what became of it is read here.

mod form;

use std::sync::{Arc, OnceLock};

use aws_credential_types::provider::ProvideCredentials;
use aws_sdk_s3::{
    Client, config,
    error::{ProvideErrorMetadata, SdkError},
    operation::get_object::GetObjectOutput,
};
use jiff::SignedDuration;
use portico_runtime::{Clock, Deployment, MissingVariable, describe};

pub use form::{Form, Upload};

/// How long a form can be used.
const LIFETIME: SignedDuration = SignedDuration::from_mins(10);

/// Why a file was not had.
#[derive(Debug, thiserror::Error)]
pub enum FilesError {
    /// The file is longer than the caller takes.
    #[error("the file is too long")]
    TooLong,
    /// S3 could not be reached or refused, or the function has no credentials.
    #[error("the files are unavailable: {0}")]
    Unavailable(String),
}

/// The bucket of the deployment. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Files {
    deployment: Deployment,
    bucket: String,
    url: String,
    client: Arc<OnceLock<Client>>,
}

impl Files {
    /// The bucket that the function is given.
    pub fn open(deployment: &Deployment) -> Result<Self, MissingVariable> {
        let (bucket, url) = (deployment.files_bucket()?, deployment.uploads_url()?);
        Ok(Self { deployment: deployment.clone(), bucket, url, client: Arc::default() })
    }

    /// A form with which whoever has it may write one file, once or again, for ten minutes: this key, this type, no more than so many
    /// bytes (S55). Signed here: it costs no call.
    pub async fn form(&self, upload: &Upload<'_>) -> Result<Form, FilesError> {
        let unavailable = |what: &str| FilesError::Unavailable(what.into());
        let settings = self.deployment.aws("S3");
        let region = settings.region().map(ToString::to_string).ok_or_else(|| unavailable("no region"))?;
        let credentials = settings.credentials_provider().ok_or_else(|| unavailable("no credentials"))?;
        let credentials = credentials.provide_credentials().await.map_err(|_| unavailable("no credentials"))?;
        // S3 compares with its own clock, as for all that is signed.
        let now = Clock::system().now();
        let end = now.saturating_add(LIFETIME).unwrap_or(now);
        let signer =
            form::Signer { id: credentials.access_key_id(), secret: credentials.secret_access_key(), token: credentials.session_token() };
        let fields = form::sign(upload, &self.bucket, &region, &signer, now, end);
        Ok(Form { url: self.url.clone(), fields })
    }

    /// The whole of a file, if it is there and not longer than so many bytes.
    pub async fn read(&self, key: &str, most_bytes: usize) -> Result<Option<Vec<u8>>, FilesError> {
        match self.client().get_object().bucket(&self.bucket).key(key).send().await {
            Ok(answer) => collect(answer, most_bytes).await.map(Some),
            // S3 does not say that a file is missing to those who may not list what is there.
            Err(error) if matches!(error.code(), Some("NoSuchKey" | "AccessDenied")) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Removes a file. It need not be there.
    pub async fn remove(&self, key: &str) -> Result<(), FilesError> {
        self.client().delete_object().bucket(&self.bucket).key(key).send().await?;
        Ok(())
    }

    /// Made at its first use. A stand-in for S3 is reached by its one address, without a name for each bucket.
    fn client(&self) -> &Client {
        self.client.get_or_init(|| {
            let settings = self.deployment.aws("S3");
            let by_path = settings.endpoint_url().is_some();
            Client::from_conf(config::Builder::from(&settings).force_path_style(by_path).build())
        })
    }
}

/// Reads no more than what is taken, whatever the head says.
async fn collect(mut answer: GetObjectOutput, most_bytes: usize) -> Result<Vec<u8>, FilesError> {
    let mut bytes = Vec::new();
    while let Some(chunk) = answer.body.next().await {
        let chunk = chunk.map_err(|_| FilesError::Unavailable("the file broke off".into()))?;
        if bytes.len() + chunk.len() > most_bytes {
            return Err(FilesError::TooLong);
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

impl<E: ProvideErrorMetadata, R> From<SdkError<E, R>> for FilesError {
    fn from(error: SdkError<E, R>) -> Self {
        Self::Unavailable(describe(&error))
    }
}
