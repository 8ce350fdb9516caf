//! Secrets Manager: `GetSecretValue` of the template's generated secrets.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Capture;
use crate::error::LocalError;
use crate::random;
use crate::template::Secret;

const CURRENT: &str = "AWSCURRENT";
const PREVIOUS: &str = "AWSPREVIOUS";

/// Generated secrets with their versions.
#[derive(Clone)]
pub(super) struct Secrets {
    file: Option<PathBuf>,
    described: Arc<[Secret]>,
    kept: Arc<Mutex<Kept>>,
}

/// Versions by resource name.
type Kept = BTreeMap<String, Versions>;

#[derive(Clone, Serialize, Deserialize)]
struct Versions {
    current: Version,
    previous: Option<Version>,
}

#[derive(Clone, Serialize, Deserialize)]
struct Version {
    id: String,
    value: String,
}

impl Secrets {
    /// Reads `folder`/secret and generates what is missing there.
    pub(super) fn open(folder: Option<&Path>, described: &[Secret]) -> Result<Self, LocalError> {
        let file = folder.map(|folder| folder.join("secret"));
        let text = file.as_ref().and_then(|file| fs::read_to_string(file).ok());
        let mut kept: Kept = text.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
        for secret in described {
            kept.entry(secret.resource.clone()).or_insert_with(|| Versions { current: generate(secret), previous: None });
        }
        let secrets = Self { file, described: described.into(), kept: Arc::default() };
        secrets.persist(&kept)?;
        *secrets.kept() = kept;
        Ok(secrets)
    }

    pub(super) fn rotate(&self) -> Result<(), LocalError> {
        let mut kept = self.kept();
        for secret in self.described.iter() {
            if let Some(versions) = kept.get_mut(&secret.resource) {
                versions.previous = Some(std::mem::replace(&mut versions.current, generate(secret)));
            }
        }
        self.persist(&kept)
    }

    fn persist(&self, kept: &Kept) -> Result<(), LocalError> {
        let Some(file) = &self.file else { return Ok(()) };
        let text = serde_json::to_vec_pretty(kept).unwrap_or_default();
        OpenOptions::new()
            .create(true)
            .truncate(true)
            .write(true)
            .mode(0o600)
            .open(file)
            .and_then(|mut open| open.write_all(&text))
            .map_err(LocalError::io(format!("cannot write {}", file.display())))
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn generate(secret: &Secret) -> Version {
    let password = random::alphanumeric(secret.length);
    let value = match &secret.object {
        Some((template, key)) => {
            let mut object: Value = serde_json::from_str(template).unwrap_or_else(|_| json!({}));
            object[key] = Value::from(password);
            object.to_string()
        }
        None => password,
    };
    Version { id: random::uuid(), value }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GetSecretValue {
    secret_id: String,
    version_id: Option<String>,
    version_stage: Option<String>,
}

pub(super) fn answer(capture: &Capture, target: &str, headers: &HeaderMap, body: &[u8]) -> Response {
    if target != "secretsmanager.GetSecretValue" {
        return error("UnknownOperationException", &format!("{target} is not kept locally"));
    }
    let request: GetSecretValue = match serde_json::from_slice(body) {
        Ok(request) => request,
        Err(reason) => return error("InvalidRequestException", &reason.to_string()),
    };
    let named = |secret: &&Secret| [&secret.arn, &secret.resource].contains(&&request.secret_id);
    let secret = capture.secrets.described.iter().find(named);
    let versions = secret.and_then(|secret| capture.secrets.kept().get(&secret.resource).cloned());
    let (Some(secret), Some(versions)) = (secret, versions) else {
        return error("ResourceNotFoundException", "Secrets Manager can't find the specified secret.");
    };
    if let Some(message) = capture.refused(headers, "secretsmanager:GetSecretValue", std::slice::from_ref(&secret.arn)) {
        return error("AccessDeniedException", &message);
    }
    let mut stages = vec![(CURRENT, &versions.current)];
    stages.extend(versions.previous.as_ref().map(|version| (PREVIOUS, version)));
    let wanted = request.version_stage.as_deref();
    let asked = |(stage, version): &&(&str, &Version)| match (&request.version_id, wanted) {
        (Some(id), stage_too) => *id == version.id && stage_too.is_none_or(|wanted| wanted == *stage),
        (None, wanted) => *stage == wanted.unwrap_or(CURRENT),
    };
    let Some((stage, version)) = stages.iter().find(asked) else {
        let label = wanted.unwrap_or(CURRENT);
        let message = format!("Secrets Manager can't find the specified secret value for staging label: {label}");
        return error("ResourceNotFoundException", &message);
    };
    json_answer(
        StatusCode::OK,
        &json!({
            "ARN": secret.arn,
            "Name": secret.resource,
            "VersionId": version.id,
            "SecretString": version.value,
            "VersionStages": [stage],
        }),
    )
}

fn error(name: &str, message: &str) -> Response {
    json_answer(StatusCode::BAD_REQUEST, &json!({"__type": name, "Message": message}))
}

fn json_answer(status: StatusCode, body: &Value) -> Response {
    (status, [(CONTENT_TYPE, "application/x-amz-json-1.1")], body.to_string()).into_response()
}
