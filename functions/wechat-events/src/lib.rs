//! `GET, POST /v1/wechat/events/{account}`: what WeChat pushes of a service account (F17, S63).
//!
//! WeChat wants an answer within five seconds and repeats a push three times. Whatever is wrong with a push, its sender learns nothing
//! of it: a push of an account that is not there is refused like one with a bad signature.

use std::sync::Arc;

use axum::{
    extract::{Query, Request, State, rejection::QueryRejection},
    response::{IntoResponse, Response},
};
use http::{HeaderValue, Method, header};
use http_body_util::{BodyExt, Limited};
use portico_access::wechat::{ServiceAccount, ServiceAccounts, ServiceError};
use portico_domain::{
    ids::WeChatAccountId,
    wechat::{Identity, OpenId, Scene},
};
use portico_http::{Access, Api, Kind, PathId, Problem, Problems, Reader, refusal};
use portico_runtime::{Clock, Deployment, MissingVariable};
use portico_store::{Store, StoreError, Table};
use portico_wechat::{Event, Push, PushQuery, Refused, TemplateOutcome};
use utoipa::OpenApi;

/// The part of the OpenAPI document that this function answers for.
#[derive(OpenApi)]
#[openapi(paths(handshake, push))]
pub struct Docs;

/// The largest push that is read, in bytes.
const MAX_BYTES: usize = 64 * 1024;
/// What WeChat wants to hear.
const SUCCESS: &str = "success";

struct Events {
    accounts: ServiceAccounts,
    store: Store,
    clock: Clock,
}

/// The routes of this function.
pub fn api(deployment: &Deployment) -> Result<Api, MissingVariable> {
    let store = Store::open(deployment, &[Table::Portals, Table::Users, Table::Codes, Table::Messages])?;
    let events = Events { accounts: ServiceAccounts::open(deployment, &store)?, store, clock: deployment.clock().clone() };
    let path = "/v1/wechat/events/{account}";
    Ok(Api::anonymous(deployment)
        .route(Method::GET, path, Access::Anonymous, handshake)
        .route(Method::POST, path, Access::Anonymous, push)
        .with_state(Arc::new(events)))
}

type Signed = Result<Query<PushQuery>, QueryRejection>;

/// Answer WeChat's first call
///
/// By which it sees that the address is that of the account's owner.
#[utoipa::path(get, path = "/v1/wechat/events/{account}", operation_id = "wechatHandshake", tag = "wechat",
    params(("account" = WeChatAccountId, Path), ("signature" = String, Query), ("timestamp" = String, Query), ("nonce" = String, Query), ("echostr" = String, Query)),
    responses((status = 200, description = "The `echostr`", body = String, content_type = "text/plain"), Problems))]
async fn handshake(
    State(events): State<Arc<Events>>,
    PathId(account): PathId<WeChatAccountId>,
    query: Signed,
) -> Result<Response, Problem> {
    let Query(query) = query.map_err(|_| Problem::from(Kind::Forbidden))?;
    let account = events.account(account).await?;
    let echo = account.receiver().handshake(&query, events.clock.now()).map_err(|_| Problem::from(Kind::Forbidden))?;
    Ok(text(echo.to_owned()))
}

/// Take a push of WeChat
///
/// Plain or encrypted XML, at most 64 KiB, signed with the account's token less than five minutes ago. A repetition changes nothing.
#[utoipa::path(post, path = "/v1/wechat/events/{account}", operation_id = "wechatPush", tag = "wechat",
    params(("account" = WeChatAccountId, Path), ("signature" = Option<String>, Query), ("timestamp" = String, Query), ("nonce" = String, Query), ("msg_signature" = Option<String>, Query)),
    request_body(content = String, content_type = "text/xml"),
    responses((status = 200, description = "`success`", body = String, content_type = "text/plain"), Problems))]
async fn push(
    State(events): State<Arc<Events>>,
    PathId(account): PathId<WeChatAccountId>,
    reader: Reader,
    query: Signed,
    request: Request,
) -> Result<Response, Problem> {
    let Query(query) = query.map_err(|_| Problem::from(Kind::Forbidden))?;
    let account = events.account(account).await?;
    let body = Limited::new(request.into_body(), MAX_BYTES).collect().await.map_err(|_| Problem::from(Kind::TooLarge))?.to_bytes();
    let body = std::str::from_utf8(&body).map_err(|_| Problem::from(Kind::Forbidden))?;
    let push = account.receiver().open(&query, body, events.clock.now()).map_err(|refused| refuse(refused, &account, &reader))?;
    events.take(&account, push).await?;
    Ok(text(SUCCESS.to_owned()))
}

/// The log tells the owner what is wrong with a push; the sender learns nothing.
fn refuse(refused: Refused, account: &ServiceAccount, reader: &Reader) -> Problem {
    tracing::warn!(request = reader.request_id, account = %account.stored.id, %refused, "a push was refused");
    Kind::Forbidden.into()
}

/// As text, and nothing else: a browser that is led here draws no page of it.
fn text(body: String) -> Response {
    let mut response = body.into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

impl Events {
    /// The account of an address, if its secrets can be opened.
    async fn account(&self, account: WeChatAccountId) -> Result<ServiceAccount, Problem> {
        match self.accounts.of_pushes(account).await {
            Ok(Some(account)) => Ok(account),
            Ok(None) | Err(ServiceError::SecretsLost) => Err(Kind::Forbidden.into()),
            Err(error) => Err(refusal(error.into(), self.clock.now())),
        }
    }

    /// Deals with a push, once (S63). What fails is forgotten, so that the next repetition is dealt with.
    async fn take(&self, account: &ServiceAccount, push: Push) -> Result<(), StoreError> {
        let (id, name) = (account.stored.id, push.replay_key());
        if !self.store.take_push(id, name, self.clock.now()).await? {
            return Ok(());
        }
        let dealt = self.deal(account, &push).await;
        if dealt.is_err() {
            self.store.forget_push(id, name).await?;
        }
        dealt
    }

    async fn deal(&self, account: &ServiceAccount, push: &Push) -> Result<(), StoreError> {
        match &push.event {
            Event::Subscribe { scene: Some(scene) } | Event::Scan { scene } => self.follows(account, &push.from, scene).await,
            Event::Unsubscribe => self.unbind(account, &push.from).await,
            Event::TemplateSent { message, outcome } => self.ended(account, message.0, outcome).await,
            Event::Subscribe { scene: None } | Event::Other => Ok(()),
        }
    }

    /// The ledger learns how it ended with a message (F74). One whose number it does not know yet is pushed again: WeChat was faster.
    async fn ended(&self, account: &ServiceAccount, number: u64, outcome: &TemplateOutcome) -> Result<(), StoreError> {
        let failure = match outcome {
            TemplateOutcome::Delivered => None,
            TemplateOutcome::Refused => Some("the person takes no messages of the service account"),
            TemplateOutcome::Failed(words) => Some(words.as_str()),
        };
        if !self.store.pushed(&account.stored.app, number, failure, self.clock.now()).await? {
            return Err(StoreError::Unavailable("no message has this number at WeChat yet".into()));
        }
        Ok(())
    }

    /// The sign-in for which the QR code was made goes on, if it is the same person's (F17).
    async fn follows(&self, account: &ServiceAccount, person: &OpenId, scene: &Scene) -> Result<(), StoreError> {
        self.store.follow(scene, &identity(account, person), self.clock.now()).await?;
        Ok(())
    }

    /// Who stops following is forgotten in all portals of the organisation, as WeChat's documents ask for.
    async fn unbind(&self, account: &ServiceAccount, person: &OpenId) -> Result<(), StoreError> {
        let (organisation, identity) = (account.stored.organisation, identity(account, person));
        for bound in self.store.identified_anywhere(organisation, &identity).await? {
            self.store.unbind(organisation, bound, &identity).await?;
        }
        Ok(())
    }
}

fn identity(account: &ServiceAccount, person: &OpenId) -> Identity {
    Identity { app: account.stored.app.clone(), openid: person.clone() }
}
