//! S3: s3s-fs behind a real port, with the template's buckets. Signatures and the policies of forms are checked, so that presigned
//! links and forms work and wrong ones do not; callers are held to their rights.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue,
};
use http::{Method, StatusCode};
use s3s::access::{S3Access, S3AccessContext};
use s3s::auth::{Credentials, SimpleAuth};
use s3s::dto::PostObjectInput;
use s3s::path::S3Path;
use s3s::service::S3ServiceBuilder;
use s3s::{S3Request, S3Result, s3_error};
use s3s_fs::FileSystem;
use tempfile::TempDir;
use tokio::task::JoinSet;
use tower::ServiceExt;

use crate::error::LocalError;
use crate::net;
use crate::rights::Rights;
use crate::template::Bucket;

/// The object store.
#[derive(Clone)]
pub struct Objects {
    endpoint: String,
    root: PathBuf,
    guard: Guard,
    /// Removed with the last clone, when the data need not outlive the process.
    _temporary: Option<Arc<TempDir>>,
}

impl Objects {
    /// Makes the buckets that are missing below `folder` (or in a temporary one) and serves on `port` (or any free one) as
    /// one of `tasks`. The `callers` are the access keys that it knows, all with the
    /// secret `local` and held to `rights`.
    ///
    /// # Errors
    /// When the port is taken or the folder cannot be used.
    pub async fn start(
        folder: Option<&Path>,
        port: Option<u16>,
        buckets: &[Bucket],
        callers: &[String],
        rights: Arc<Rights>,
        tasks: &mut JoinSet<()>,
    ) -> Result<Self, LocalError> {
        let temporary = match folder {
            Some(_) => None,
            None => Some(TempDir::with_prefix("portico-").map_err(LocalError::io("no temporary folder"))?),
        };
        let root = match (folder, &temporary) {
            (Some(folder), _) => folder.join("objects"),
            (None, Some(temporary)) => temporary.path().to_path_buf(),
            (None, None) => PathBuf::new(),
        };
        for bucket in buckets {
            let path = root.join(&bucket.name);
            fs::create_dir_all(&path).map_err(LocalError::io(format!("cannot make {}", path.display())))?;
        }
        fs::create_dir_all(&root).map_err(LocalError::io(format!("cannot make {}", root.display())))?;
        let files = FileSystem::new(&root).map_err(|error| LocalError::Objects(format!("{error:?}")))?;
        let mut builder = S3ServiceBuilder::new(files);
        let mut keys = SimpleAuth::new();
        for key in callers {
            keys.register(key.clone(), "local".into());
        }
        builder.set_auth(keys);
        let guard = Guard { rights, used: Arc::default() };
        builder.set_access(guard.clone());
        let service = builder.build();

        let listener = net::listen(port, "S3_PORT").await?;
        let endpoint = net::url(&listener)?;
        let router = Router::new()
            .fallback(move |request: Request| {
                let service = service.clone();
                async move {
                    match service.oneshot(request).await {
                        Ok(response) => response.map(Body::new),
                        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error:?}")).into_response(),
                    }
                }
            })
            .layer(middleware::from_fn(cross_origin));
        tasks.spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                tracing::error!(%error, "the objects' port is closed");
            }
        });
        Ok(Self { endpoint, root, guard, _temporary: temporary.map(Arc::new) })
    }

    /// The address for `AWS_ENDPOINT_URL_S3`.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Whose which rights were used: access keys and actions.
    #[must_use]
    pub fn used(&self) -> BTreeSet<(String, String)> {
        self.guard.used.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The file of an object, there or not.
    #[must_use]
    pub fn file(&self, bucket: &str, key: &str) -> PathBuf {
        self.root.join(bucket).join(key)
    }
}

/// Holds callers to their rights, and notes which of them were used.
#[derive(Clone)]
struct Guard {
    rights: Arc<Rights>,
    used: Arc<Mutex<BTreeSet<(String, String)>>>,
}

impl Guard {
    fn judge(&self, caller: Option<&Credentials>, action: &str, resource: &str) -> S3Result<()> {
        let caller = caller.ok_or_else(|| s3_error!(AccessDenied, "Signature is required"))?;
        let action = format!("s3:{action}");
        if !self.rights.allow(&caller.access_key, &action, &format!("arn:aws:s3:::{resource}")) {
            return Err(s3_error!(AccessDenied));
        }
        self.used.lock().unwrap_or_else(PoisonError::into_inner).insert((caller.access_key.clone(), action));
        Ok(())
    }
}

#[async_trait::async_trait]
impl S3Access for Guard {
    async fn check(&self, context: &mut S3AccessContext<'_>) -> S3Result<()> {
        let resource = match context.s3_path() {
            S3Path::Root => "*".to_owned(),
            // The key of a form is known once its fields are read.
            S3Path::Bucket { .. } if context.s3_op().name() == "PostObject" => return Ok(()),
            S3Path::Bucket { bucket } => bucket.to_string(),
            S3Path::Object { bucket, key } => format!("{bucket}/{key}"),
        };
        self.judge(context.credentials(), context.s3_op().name(), &resource)
    }

    async fn post_object(&self, request: &mut S3Request<PostObjectInput>) -> S3Result<()> {
        let resource = format!("{}/{}", request.input.bucket, request.input.key);
        self.judge(request.credentials.as_ref(), "PutObject", &resource)
    }
}

/// Pages of any origin may use presigned links, as a bucket's CORS rules would allow ours.
async fn cross_origin(request: Request, next: Next) -> Response {
    let preflight = request.method() == Method::OPTIONS;
    let mut response = if preflight { StatusCode::NO_CONTENT.into_response() } else { next.run(request).await };
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("ETag"));
    if preflight {
        headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, HEAD, PUT, POST, DELETE"));
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("*"));
    }
    response
}
