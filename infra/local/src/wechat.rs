//! A stand-in for WeChat under `/_local/wechat`: its interface, the page that people are sent to, its pushes, and switches.
//!
//! Answers, codes and signatures are those of WeChat's public documents. It keeps everything in memory and follows the local
//! clock. Every AppID exists here; its secrets follow from it ([`Credentials`]), so that an account outlives the process.

mod api;
mod drive;
mod open;
mod people;
mod push;
mod state;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::response::Html;
use axum::routing::{delete, get, post, put};
use portico_domain::wechat::AppId;

use crate::capture::Now;
use crate::random;
pub use people::{PEOPLE, Person};
use push::Http;
pub use push::{Credentials, Delivery, credentials};
use state::State;

/// Where it is mounted.
const ROOT: &str = "/_local/wechat";
/// The AppID of the demo organisation's account.
pub const DEMO_APP: &str = "wxdemo000000000000";

/// The stand-in of one local cloud. Clones share their state.
#[derive(Clone)]
pub struct WeChat {
    state: Arc<Mutex<State>>,
    now: Now,
    http: Http,
}

impl WeChat {
    pub(crate) fn new(now: Now) -> Self {
        Self { state: Arc::default(), now, http: push::http() }
    }

    /// An AppID that nobody has.
    #[must_use]
    #[expect(clippy::missing_panics_doc, reason = "sixteen letters and digits make an AppID")]
    #[expect(clippy::expect_used, reason = "sixteen letters and digits make an AppID")]
    pub fn any_app() -> AppId {
        format!("wx{}", random::alphanumeric(16).to_lowercase()).try_into().expect("an AppID")
    }

    /// How often a path of the interface was called, such as `cgi-bin/stable_token`.
    #[must_use]
    pub fn calls(&self, path: &str) -> u64 {
        self.state().calls.get(path).copied().unwrap_or(0)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(crate) fn router(wechat: WeChat) -> Router {
    let routes = Router::new()
        .route("/connect/oauth2/authorize", get(open::authorize))
        .route("/sns/oauth2/access_token", get(api::exchange))
        .route("/cgi-bin/stable_token", post(api::stable_token))
        .route("/cgi-bin/user/info", get(api::user_info))
        .route("/cgi-bin/qrcode/create", post(api::qr_code))
        .route("/cgi-bin/message/template/send", post(api::send_template))
        .route("/cgi-bin/message/subscribe/bizsend", post(api::send_subscription))
        .route("/state", get(drive::state))
        .route("/calls", get(drive::calls))
        .route("/messages", get(drive::messages))
        .route("/forget", post(open::forget))
        .route("/faults", post(drive::fault))
        .route("/tokens", delete(drive::end_tokens))
        .route("/scan", post(drive::scan))
        .route("/follow", post(drive::follow))
        .route("/unfollow", post(drive::unfollow))
        .route("/grants", post(drive::grant))
        .route("/accounts/{app}", put(drive::set_up).get(drive::account))
        .with_state(wechat);
    Router::new().nest(ROOT, routes).route(&format!("{ROOT}/"), get(|| async { Html(include_str!("wechat/page.html")) }))
}
