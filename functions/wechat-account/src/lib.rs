//! `/v1/admin/organisation/wechat`: the organisation's WeChat service account (F82). `GET /{file}`: the file by which WeChat sees that
//! the host is ours.

mod problem;
mod view;

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
    http::request::Parts,
};
use http::{Method, StatusCode};
use portico_access::wechat::{Binding, ServiceAccounts};
use portico_domain::{
    member::Right,
    wechat::{AesKey, AppId, AppSecret, GivenSecrets, Mode, PushToken, Verification, VerificationName},
};
use portico_http::{Access, Api, Body, CurrentMember, Kind, Origins, Problem, Problems};
use portico_runtime::{Deployment, MissingVariable};
use portico_store::{Store, Table};
use serde::Deserialize;
use utoipa::{OpenApi, ToSchema};

use crate::{problem::refusal, view::AccountView};

/// The part of the OpenAPI document that this function answers for.
#[derive(OpenApi)]
#[openapi(paths(read, bind, unbind, verification_file))]
pub struct Docs;

/// What the handlers share.
struct Accounts {
    store: Store,
    accounts: ServiceAccounts,
    origins: Origins,
}

/// The routes of this function.
pub fn api(deployment: &Deployment) -> Result<Api, MissingVariable> {
    let store = Store::open(deployment, &[Table::Portals, Table::Users, Table::Codes])?;
    let accounts = ServiceAccounts::open(deployment, &store)?;
    let state = Accounts { store: store.clone(), accounts, origins: Origins::new(deployment) };
    let own = Access::Member(Right::ManageOrganisation);
    Ok(Api::guarded(deployment, &store)
        .route(Method::GET, "/v1/admin/organisation/wechat", own, read)
        .route(Method::PUT, "/v1/admin/organisation/wechat", own, bind)
        .route(Method::DELETE, "/v1/admin/organisation/wechat", own, unbind)
        .route(Method::GET, "/{file}", Access::Anonymous, verification_file)
        .with_state(Arc::new(state)))
}

/// A service account to be bound, or what is to change about the one that is.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct WeChatBinding {
    /// The AppID of the service account.
    app_id: AppId,
    /// Its AppSecret. Left out: it stays as it is.
    app_secret: Option<AppSecret>,
    /// The token that signs its pushes. Left out: it stays as it is.
    token: Option<PushToken>,
    /// The EncodingAESKey of the safe mode. Left out: it stays as it is. After a change the one before still opens pushes.
    aes_key: Option<AesKey>,
    /// How pushes arrive. The safe mode is the one to take: its signature covers what is pushed.
    mode: Mode,
    /// The file that WeChat asks for before it takes the host as a domain of the account. Left out: there is none.
    verification: Option<Verification>,
}

/// See the WeChat service account
#[utoipa::path(get, path = "/v1/admin/organisation/wechat", operation_id = "readWeChatAccount", tag = "administration",
    security(("administrator" = [])),
    responses((status = 200, description = "The account that is bound; its secrets are never shown", body = AccountView), Problems))]
async fn read(State(state): State<Arc<Accounts>>, member: CurrentMember, parts: Parts) -> Result<Json<AccountView>, Problem> {
    let found = state.accounts.kept_for(member.member.organisation).await.map_err(problem::of_service)?;
    let (account, secrets) = found.ok_or(Kind::NotFound)?;
    Ok(Json(AccountView::new(&account, secrets.as_ref(), &state.origins.canonical(&parts))))
}

/// Bind the WeChat service account, or change it
///
/// WeChat is asked whether it knows the AppID with this secret. An account belongs to one organisation.
#[utoipa::path(put, path = "/v1/admin/organisation/wechat", operation_id = "bindWeChatAccount", tag = "administration",
    security(("administrator" = [])), request_body = WeChatBinding,
    responses((status = 200, description = "The account as it is bound now", body = AccountView), Problems))]
async fn bind(
    State(state): State<Arc<Accounts>>,
    member: CurrentMember,
    parts: Parts,
    Body(change): Body<WeChatBinding>,
) -> Result<Json<AccountView>, Problem> {
    let given = GivenSecrets { app_secret: change.app_secret, token: change.token, aes_key: change.aes_key };
    let binding = Binding { app: change.app_id, given, mode: change.mode, verification: change.verification };
    let (account, secrets) = state.accounts.bind(member.member.organisation, binding).await.map_err(refusal)?;
    Ok(Json(AccountView::new(&account, Some(&secrets), &state.origins.canonical(&parts))))
}

/// Unbind the WeChat service account
///
/// Nobody signs in by WeChat from now on. Who was known by it is known again when the same account is bound again.
#[utoipa::path(delete, path = "/v1/admin/organisation/wechat", operation_id = "unbindWeChatAccount", tag = "administration",
    security(("administrator" = [])), responses((status = 204, description = "No account is bound"), Problems))]
async fn unbind(State(state): State<Arc<Accounts>>, member: CurrentMember) -> Result<StatusCode, Problem> {
    let account = state.store.wechat_account(member.member.organisation).await?.ok_or(Kind::NotFound)?;
    if !state.store.unbind_wechat(&account).await? {
        return Err(problem::changed());
    }
    Ok(StatusCode::NO_CONTENT)
}

/// Read the file by which WeChat sees that the host is ours
#[utoipa::path(get, path = "/{file}", operation_id = "weChatVerificationFile", tag = "sign-in",
    params(("file" = VerificationName, Path)),
    responses((status = 200, description = "What an administrator gave for this name", body = String, content_type = "text/plain"), Problems))]
async fn verification_file(State(state): State<Arc<Accounts>>, Path(file): Path<String>) -> Result<String, Problem> {
    let name = VerificationName::try_from(file).map_err(|_| Problem::from(Kind::NotFound))?;
    let content = state.store.wechat_file(&name).await?.ok_or(Kind::NotFound)?;
    Ok(content.as_str().to_owned())
}
