//! `GET /v1/wechat/callback`: where WeChat leads back, with a code that says who it is (F15 to F17, S31 to S34, S36).
//!
//! One of the functions that call WeChat.

use std::{error::Error, sync::Arc};

use axum::{
    extract::{Query, State, rejection::QueryRejection},
    response::Response,
};
use http::{HeaderMap, Method};
use portico_access::{AccessError, WeChatReturn};
use portico_http::{
    Access, Api, Browser, Client, Kind, Problem, Problems, Reader, SignInOutcome, refusal, sign_in_page, signed_in_response,
};
use portico_runtime::{Clock, Deployment, MissingVariable};
use portico_store::{Store, Table};
use serde::Deserialize;
use utoipa::{IntoParams, OpenApi};

/// The part of the OpenAPI document that this function answers for.
#[derive(OpenApi)]
#[openapi(paths(callback))]
pub struct Docs;

struct Callback {
    back: WeChatReturn,
    clock: Clock,
}

/// The routes of this function.
pub fn api(deployment: &Deployment) -> Result<Api, MissingVariable> {
    let store = Store::open(deployment, &[Table::Portals, Table::Users, Table::Codes, Table::Messages])?;
    let state = Callback { back: WeChatReturn::open(deployment, &store)?, clock: deployment.clock().clone() };
    Ok(Api::anonymous(deployment).route(Method::GET, "/v1/wechat/callback", Access::Anonymous, callback).with_state(Arc::new(state)))
}

/// What WeChat sends along.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct CallbackQuery {
    /// Says who it is, once.
    #[serde(default)]
    code: String,
    /// What it was sent out with.
    #[serde(default)]
    state: String,
}

/// Come back from WeChat
///
/// A browser is led on to the portal's page: in, with `#ticket=` to the next step, with `#scan=` to the confirmation of a desktop's
/// sign-in, or with `#problem=` and the name of a refusal. Programs (`Accept: application/json`) get the outcome itself.
#[utoipa::path(get, path = "/v1/wechat/callback", operation_id = "wechatCallback", tag = "sign-in", params(CallbackQuery),
    responses((status = 200, description = "In, or what comes next, for programs", body = SignInOutcome), (status = 303, description = "The portal's page"), Problems))]
async fn callback(
    State(callback): State<Arc<Callback>>,
    reader: Reader,
    Client(visitor): Client,
    headers: HeaderMap,
    query: Result<Query<CallbackQuery>, QueryRejection>,
) -> Result<Response, Problem> {
    let Query(query) = query.map_err(|_| Problem::from(Kind::WechatState))?;
    let now = callback.clock.now();
    let phone = Browser::Phone.secret(&headers).ok_or(Kind::WechatState)?;
    let landing = callback.back.arrive(&query.state, &query.code, &phone, &visitor).await.map_err(|error| refusal(error, now))?;
    if let Err(AccessError::WeChat(error)) = &landing.outcome {
        let cause = error.source().map(ToString::to_string);
        tracing::error!(request = reader.request_id, %error, cause, "WeChat did not say who it is");
    }
    match landing.link {
        Some(link) if !reader.wants_json => sign_in_page(landing.outcome, &format!("/p/{link}"), now),
        _ => signed_in_response(landing.outcome, &reader, now),
    }
}
