//! What the application behind the portal has to say to its users: a mention, a reply, a changed record (F72, F74).

use axum::{Json, extract::State, http::request::Parts};
use portico_domain::{
    ids::{PortalId, UserId},
    message::Message,
    text::Text,
    user::{Status, User},
};
use portico_http::{Body, CurrentMember, Problem, Problems, batch};
use portico_messaging::{About, Birth, Recipient};
use portico_runtime::entropy;
use portico_store::{Posted, StoreError};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Messages;

/// What is said, to whom.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Notifications {
    /// The users, at most 100; one that is given twice counts once.
    #[schema(min_items = 1, max_items = 100)]
    users: Vec<UserId>,
    /// The subject of the mail, and what a template of WeChat calls the reason.
    #[schema(value_type = String, max_length = 100)]
    subject: Text<100>,
    /// The text.
    #[schema(value_type = String, max_length = 500)]
    text: Text<500>,
    /// Where it goes on: a page under the address of the portal.
    link: Option<String>,
}

/// What came of each.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct NotificationResults {
    /// In the order of the request.
    results: Vec<NotificationResult>,
}

/// What came of one.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct NotificationResult {
    user: UserId,
    result: Happened,
}

/// What happened to a notification.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = NotificationHappened)]
#[serde(rename_all = "camelCase")]
enum Happened {
    /// It is on its way; the ledger of messages says how far.
    Queued,
    /// The balance does not suffice (F42). It stands in the ledger and is not sent.
    Unpaid,
    /// Nothing leads to this user.
    NoRoute,
    /// They are not in: applicants and disabled users hear nothing of the application.
    NotActive,
    /// There is no such user in the portal.
    Unknown,
    /// The tables did not answer; it can be tried again.
    Unavailable,
}

/// Notify users
///
/// By the ways that the portal's settings name, in their order: the first that a user has, the next where that refuses. WeChat needs a
/// template for notifications in the settings.
#[utoipa::path(post, path = "/v1/admin/portals/{portal}/notifications", operation_id = "notifyUsers", tag = "administration", security(("administrator" = [])), params(("portal" = PortalId, Path)), request_body = Notifications,
    responses((status = 200, description = "A result for each user", body = NotificationResults), Problems))]
pub(crate) async fn notify(
    State(messages): State<Messages>,
    member: CurrentMember,
    parts: Parts,
    Body(wanted): Body<Notifications>,
) -> Result<Json<NotificationResults>, Problem> {
    let users = batch("users", wanted.users)?;
    // Nobody is led away from the portal in its name (S59).
    if wanted.link.as_ref().is_some_and(|link| !messages.origins.own(link, &parts)) {
        return Err(Problem::invalid("/link", "foreign-origin", "must lead to a page under the address of the portal"));
    }
    let portal = member.portal()?;
    let known = messages.store.some_users(portal.id, &users).await?;
    let settings = messages.store.message_settings(portal.id).await?.settings;
    let about = About::Notification(wanted.subject.as_str(), wanted.text.as_str(), wanted.link.as_deref());
    let message = |user: &User| -> Result<Option<Message>, Problem> {
        let birth = Birth::new(messages.clock.now(), entropy::wide().map_err(Problem::internal)?);
        Ok(messages.outbox.message(birth, &portal, &Recipient::user(user), about, &settings))
    };
    let mut results: Vec<NotificationResult> = Vec::with_capacity(users.len());
    for user in users {
        let found = known.iter().find(|known| known.id == user);
        if found.is_some_and(|found| found.status != Status::Active) {
            results.push(NotificationResult { user, result: Happened::NotActive });
            continue;
        }
        let result = match found.map(&message).transpose()? {
            None => Happened::Unknown,
            Some(None) => Happened::NoRoute,
            // What is on its way stays so: an outage is told for those whom it met, not instead of the others.
            Some(Some(message)) => match messages.store.post(&message).await {
                Ok(Posted::Queued) => Happened::Queued,
                Ok(Posted::Unpaid) => Happened::Unpaid,
                Err(StoreError::Unavailable(_)) if !results.is_empty() => Happened::Unavailable,
                Err(error) => return Err(error.into()),
            },
        };
        results.push(NotificationResult { user, result });
    }
    Ok(Json(NotificationResults { results }))
}
