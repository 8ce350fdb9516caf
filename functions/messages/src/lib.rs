//! `/v1/admin/portals/{portal}/messages...` and what belongs to them: the ledger, how a portal speaks, notifications; signatures,
//! balance and news of the organisation (F36 to F42, F47, F48, F72, F74, B4).

mod balance;
mod figures;
mod ledger;
mod news;
mod notifications;
mod preview;
mod settings;
mod signatures;
mod suppressions;
mod view;

use http::Method;
use portico_domain::member::Right;
use portico_http::{Access, Api, Origins};
use portico_messaging::Outbox;
use portico_runtime::{Clock, Deployment, MissingVariable};
use portico_store::{Store, Table};
use utoipa::OpenApi;

/// The part of the OpenAPI document that this function answers for.
#[derive(OpenApi)]
#[openapi(paths(
    ledger::list,
    ledger::search,
    ledger::read,
    ledger::resend,
    figures::read,
    settings::read,
    settings::change,
    preview::show,
    notifications::notify,
    suppressions::end,
    signatures::list,
    signatures::request,
    signatures::decide,
    balance::read,
    balance::top_up,
    news::list,
    news::mark_read
))]
pub struct Docs;

/// What the handlers share.
#[derive(Clone)]
struct Messages {
    store: Store,
    outbox: Outbox,
    currency: String,
    clock: Clock,
    origins: Origins,
}

/// The routes of this function.
pub fn api(deployment: &Deployment) -> Result<Api, MissingVariable> {
    let store = Store::open(deployment, &[Table::Portals, Table::Users, Table::Codes, Table::Messages])?;
    let messages = Messages {
        store: store.clone(),
        outbox: Outbox::open(deployment)?,
        currency: deployment.currency()?,
        clock: deployment.clock().clone(),
        origins: Origins::new(deployment),
    };
    let (see, manage) = (Access::Member(Right::ReadUsers), Access::Member(Right::ManageUsers));
    let (portals, own) = (Access::Member(Right::ManagePortals), Access::Member(Right::ManageOrganisation));
    Ok(Api::guarded(deployment, &store)
        .route(Method::GET, "/v1/admin/portals/{portal}/messages", see, ledger::list)
        .route(Method::POST, "/v1/admin/portals/{portal}/messages/search", see, ledger::search)
        .route(Method::GET, "/v1/admin/portals/{portal}/messages/{message}", see, ledger::read)
        .route(Method::POST, "/v1/admin/portals/{portal}/messages/{message}/resend", manage, ledger::resend)
        .route(Method::GET, "/v1/admin/portals/{portal}/message-figures", see, figures::read)
        .route(Method::GET, "/v1/admin/portals/{portal}/message-settings", portals, settings::read)
        .route(Method::PUT, "/v1/admin/portals/{portal}/message-settings", portals, settings::change)
        .route(Method::POST, "/v1/admin/portals/{portal}/message-settings/preview", portals, preview::show)
        .route(Method::POST, "/v1/admin/portals/{portal}/notifications", manage, notifications::notify)
        .route(Method::DELETE, "/v1/admin/portals/{portal}/suppressions", manage, suppressions::end)
        .route(Method::GET, "/v1/admin/signatures", portals, signatures::list)
        .route(Method::POST, "/v1/admin/signatures", portals, signatures::request)
        .route(Method::PATCH, "/v1/admin/signatures/{signature}", own, signatures::decide)
        .route(Method::GET, "/v1/admin/organisation/balance", own, balance::read)
        .route(Method::POST, "/v1/admin/organisation/top-ups", own, balance::top_up)
        .route(Method::GET, "/v1/admin/news", see, news::list)
        .route(Method::POST, "/v1/admin/news/read", see, news::mark_read)
        .with_state(messages))
}
