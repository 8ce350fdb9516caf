//! Running sessions, as their owner and administrators see them (B8, S29).

use jiff::Timestamp;
use portico_domain::admission::Method;
use portico_store::SessionRecord;
use serde::Serialize;
use utoipa::ToSchema;

/// A session that is not over.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RunningSession {
    /// Its name, by which it can be ended. It opens nothing.
    id: String,
    /// Whether it is the one that asks; not said to administrators.
    #[serde(skip_serializing_if = "Option::is_none")]
    current: Option<bool>,
    /// When the user proved who they are (UTC).
    #[schema(value_type = String, format = DateTime)]
    authenticated_at: Timestamp,
    /// When it ends if they do nothing more (UTC).
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
    /// When it was last used, to ten minutes (UTC); not noted for sessions of seven days.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    seen_at: Option<Timestamp>,
    /// By what they proved it.
    method: Method,
    /// What the client calls itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    agent: Option<String>,
    /// The client address that it was opened from.
    client: String,
}

/// The running sessions of a user.
#[derive(Debug, Serialize, ToSchema)]
pub struct RunningSessions {
    /// Newest first.
    sessions: Vec<RunningSession>,
}

impl RunningSessions {
    /// Sessions as listed; `current` is the name of the one that asks, if a user does.
    pub fn new(sessions: Vec<SessionRecord>, current: Option<&str>) -> Self {
        let view = |session: SessionRecord| RunningSession {
            current: current.map(|current| session.id == current),
            id: session.id,
            authenticated_at: session.authenticated_at,
            expires_at: session.term.ends_at(),
            seen_at: session.term.seen_at,
            method: session.method,
            agent: session.device.agent,
            client: session.device.client,
        };
        Self { sessions: sessions.into_iter().map(view).collect() }
    }
}
