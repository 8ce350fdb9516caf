//! `/v1/me/picture` and `/v1/portals/{portal}/pictures/{picture}`: the picture of a person (F80, F81, S55).
//!
//! A browser sends the file to the bucket by itself, by a form for exactly that; here it is read once, drawn anew and kept beside the
//! account. Pictures are shown by this function and not by the bucket: the page needs no other origin for them, nobody gets links into
//! the bucket, and what is shown is always something that we drew.

mod draw;

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    Json,
    extract::{Path, State},
    response::{IntoResponse, Response},
};
use http::{HeaderValue, Method, StatusCode, header};
use portico_domain::{
    ids::{PictureId, PortalId},
    user::{Status, User},
};
use portico_files::{Files, FilesError, Upload};
use portico_http::{Access, Api, Body, CurrentUser, Kind, Me, Problem, Problems};
use portico_runtime::{Clock, Deployment, MissingVariable, entropy};
use portico_store::{Store, Table};
use serde::{Deserialize, Serialize};
use utoipa::{OpenApi, ToSchema};

/// The part of the OpenAPI document that this function answers for.
#[derive(OpenApi)]
#[openapi(paths(begin, put, remove, show), components(schemas(PictureId)))]
pub struct Docs;

/// How long a file may be, in bytes: a photograph of a telephone.
const MOST_BYTES: u64 = 5 * 1024 * 1024;
/// How often a change is made again on top of what somebody else changed first.
const TRIES: usize = 4;
/// What is under an address never changes; after a day a browser asks again whether it is still there.
const CACHED: HeaderValue = HeaderValue::from_static("private, max-age=86400, immutable");

struct Pictures {
    store: Store,
    files: Files,
    clock: Clock,
}

/// The routes of this function.
pub fn api(deployment: &Deployment) -> Result<Api, MissingVariable> {
    let store = Store::open(deployment, &[Table::Portals, Table::Users, Table::Codes])?;
    let pictures = Pictures { store: store.clone(), files: Files::open(deployment)?, clock: deployment.clock().clone() };
    Ok(Api::guarded(deployment, &store)
        .route(Method::POST, "/v1/me/picture", Access::User, begin)
        .route(Method::PUT, "/v1/me/picture", Access::User, put)
        .route(Method::DELETE, "/v1/me/picture", Access::User, remove)
        .route(Method::GET, "/v1/portals/{portal}/pictures/{picture}", Access::Anonymous, show)
        .with_state(Arc::new(pictures)))
}

/// What a picture may be.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
enum PictureType {
    #[serde(rename = "image/jpeg")]
    Jpeg,
    #[serde(rename = "image/png")]
    Png,
    #[serde(rename = "image/webp")]
    WebP,
}

impl PictureType {
    fn name(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::WebP => "image/webp",
        }
    }
}

/// The file that is to be sent.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewPicture {
    /// Its media type.
    r#type: PictureType,
    /// Its length, at most 5 MiB.
    #[schema(minimum = 1, maximum = 5_242_880)]
    bytes: u64,
}

/// Where the file goes: a form of type `multipart/form-data` with these fields first, and the file last, as `file`.
#[derive(Debug, Serialize, ToSchema)]
struct PictureForm {
    /// The address that the form is sent to, by POST.
    url: String,
    /// Fields by name.
    fields: BTreeMap<String, String>,
    /// To be said once the file is there.
    key: String,
}

/// The file that was sent.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SentPicture {
    /// From the form.
    key: String,
}

/// Begin to change one's own picture
///
/// The form is good for ten minutes, and for one file of this type and no greater length. What is sent is not shown to anybody before
/// it is taken by PUT, and is removed then, or after a day.
#[utoipa::path(post, path = "/v1/me/picture", operation_id = "beginPicture", tag = "me", security(("session" = [])), request_body = NewPicture,
    responses((status = 200, description = "Where the file goes", body = PictureForm), Problems))]
async fn begin(
    State(pictures): State<Arc<Pictures>>,
    current: CurrentUser,
    Body(picture): Body<NewPicture>,
) -> Result<Json<PictureForm>, Problem> {
    may_change(&current)?;
    if !(1..=MOST_BYTES).contains(&picture.bytes) {
        return Err(Problem::invalid("/bytes", "too-large", format!("a picture has 1 to {MOST_BYTES} bytes")));
    }
    let key = upload_key(&current.signed.user);
    let upload = Upload { key: &key, media_type: picture.r#type.name(), most_bytes: picture.bytes };
    let form = pictures.files.form(&upload).await.map_err(unavailable)?;
    Ok(Json(PictureForm { url: form.url, fields: form.fields, key }))
}

/// Finish to change one's own picture
///
/// Of the file that was sent only pixels are kept: the middle square, 256 to a side, as a JPEG.
#[utoipa::path(put, path = "/v1/me/picture", operation_id = "changePicture", tag = "me", security(("session" = [])), request_body = SentPicture,
    responses((status = 200, description = "The account as it is now", body = Me), Problems))]
async fn put(State(pictures): State<Arc<Pictures>>, current: CurrentUser, Body(sent): Body<SentPicture>) -> Result<Json<Me>, Problem> {
    may_change(&current)?;
    let signed = current.signed;
    let key = upload_key(&signed.user);
    // Whatever else lies in the bucket is not theirs (S43).
    if sent.key != key {
        return Err(Kind::NotFound.into());
    }
    let file = pictures.take(&key).await?.ok_or(Kind::NotFound)?;
    let jpeg = draw::portrait(&file).map_err(|error| Problem::invalid("/key", "no-picture", error.to_string()))?;
    let id = PictureId::new(pictures.clock.now(), entropy::wide().map_err(Problem::internal)?);
    let user = pictures.change(signed.user, Some((id, &jpeg))).await?;
    let credentials = pictures.store.credentials(signed.portal.id, user.id).await?;
    Ok(Json(Me::new(&signed.portal, user, &credentials)))
}

/// Remove one's own picture
#[utoipa::path(delete, path = "/v1/me/picture", operation_id = "removePicture", tag = "me", security(("session" = [])),
    responses((status = 204, description = "There is none any more"), Problems))]
async fn remove(State(pictures): State<Arc<Pictures>>, current: CurrentUser) -> Result<StatusCode, Problem> {
    may_change(&current)?;
    pictures.change(current.signed.user, None).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// See somebody's picture
///
/// Whoever was told its address sees it, as long as it is somebody's picture: an `img` of a page sends no bearer token.
#[utoipa::path(get, path = "/v1/portals/{portal}/pictures/{picture}", operation_id = "readPicture", tag = "sign-in", params(("portal" = PortalId, Path), ("picture" = PictureId, Path)),
    responses((status = 200, description = "The picture", body = Vec<u8>, content_type = "image/jpeg"), Problems))]
async fn show(State(pictures): State<Arc<Pictures>>, Path((portal, picture)): Path<(String, String)>) -> Result<Response, Problem> {
    let (Ok(portal), Ok(picture)) = (portal.parse::<PortalId>(), picture.parse::<PictureId>()) else { return Err(Kind::NotFound.into()) };
    let jpeg = pictures.store.picture(portal, picture).await?.ok_or(Kind::NotFound)?;
    let jpeg_type = HeaderValue::from_static("image/jpeg");
    Ok(([(header::CONTENT_TYPE, jpeg_type), (header::CACHE_CONTROL, CACHED)], jpeg).into_response())
}

impl Pictures {
    /// Takes a file out of the bucket, whatever it is.
    async fn take(&self, key: &str) -> Result<Option<Vec<u8>>, Problem> {
        let most_bytes = usize::try_from(MOST_BYTES).unwrap_or(usize::MAX);
        let file = self.files.read(key, most_bytes).await;
        if matches!(file, Ok(None)) {
            return Ok(None);
        }
        self.files.remove(key).await.map_err(unavailable)?;
        match file {
            Err(FilesError::TooLong) => Err(Problem::invalid("/key", "too-large", format!("a picture has 1 to {MOST_BYTES} bytes"))),
            file => file.map_err(unavailable),
        }
    }

    /// Changes the picture of an account, on top of what changed meanwhile. As it is then.
    async fn change(&self, mut user: User, picture: Option<(PictureId, &[u8])>) -> Result<User, Problem> {
        for _ in 0..TRIES {
            if user.picture.is_none() && picture.is_none() {
                return Ok(user);
            }
            if self.store.change_picture(&user, picture).await? {
                return Ok(User { picture: picture.map(|(id, _)| id), ..user });
            }
            let again = self.store.user(user.portal, user.id).await?;
            user = again.filter(|user| user.status == Status::Active).ok_or(Kind::SignedOut)?;
        }
        Err(Problem::unavailable("the account kept changing"))
    }
}

/// Where a user's file waits: one place for each, so that nobody fills the bucket.
fn upload_key(user: &User) -> String {
    format!("uploads/{}/{}/picture", user.portal, user.id)
}

/// The portal may forbid it (F81).
fn may_change(current: &CurrentUser) -> Result<(), Problem> {
    current.signed.portal.settings.profile.name.then_some(()).ok_or_else(|| Kind::Forbidden.into())
}

fn unavailable(error: FilesError) -> Problem {
    Problem::unavailable(error)
}
