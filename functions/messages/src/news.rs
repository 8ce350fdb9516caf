//! What administrators are told of: their inbox (F20, F48).

use axum::{
    Json,
    extract::{Query, State, rejection::QueryRejection},
};
use http::StatusCode;
use jiff::Timestamp;
use portico_domain::{
    ids::{NewsId, PortalId, UserId},
    member::Member,
    message::{Kind as MessageKind, News, NewsEvent},
};
use portico_http::{Body, CurrentMember, Problem, Problems, page_limit};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::Messages;

/// Unread news are counted so far.
const COUNTED: usize = 99;
/// So many news are read at once to count them, and so often.
const AT_ONCE: i32 = 200;
const TIMES: usize = 5;

/// One page of news, newest first.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct NewsPage {
    /// The news that the member's rights are about. There may be fewer than `limit`, even none, before the last page.
    news: Vec<NewsView>,
    /// How many of all are unread, counted to 99.
    unread: usize,
    /// Whether there are more unread ones than were counted.
    more_unread: bool,
    /// Asks for the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    cursor: Option<String>,
}

/// Something that happened.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = News)]
#[serde(rename_all = "camelCase")]
pub(crate) struct NewsView {
    id: NewsId,
    /// What: `signedUp` or `registrationClosed`.
    kind: MessageKind,
    /// Where.
    portal: PortalId,
    /// Who signed up.
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<UserId>,
    /// Whether they wait for a decision.
    #[serde(skip_serializing_if = "Option::is_none")]
    pending: Option<bool>,
    /// When the registration window ended, in the portal's own time.
    #[serde(skip_serializing_if = "Option::is_none")]
    closed_at: Option<String>,
    /// When (UTC).
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// Whether the member has not seen it yet.
    unread: bool,
}

impl NewsView {
    fn new(news: News, seen: Option<NewsId>) -> Self {
        let kind = news.event.kind();
        let (user, pending, closed_at) = match news.event {
            NewsEvent::SignedUp { user, pending } => (Some(user), Some(pending), None),
            NewsEvent::RegistrationClosed { closed_at } => (None, None, Some(closed_at)),
        };
        Self { id: news.id, kind, portal: news.portal, user, pending, closed_at, at: news.at, unread: Some(news.id) > seen }
    }
}

/// How many news at a time.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct NewsQuery {
    /// From the page before.
    #[param(value_type = Option<String>)]
    cursor: Option<NewsId>,
    /// News on the page.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<usize>,
}

/// List news
///
/// Who signed up, and which registration windows are over, as far as the member has the rights to do something about it. They stay for
/// ninety days.
#[utoipa::path(get, path = "/v1/admin/news", operation_id = "listNews", tag = "administration", security(("administrator" = [])), params(NewsQuery),
    responses((status = 200, description = "One page, newest first", body = NewsPage), Problems))]
pub(crate) async fn list(
    State(messages): State<Messages>,
    member: CurrentMember,
    query: Result<Query<NewsQuery>, QueryRejection>,
) -> Result<Json<NewsPage>, Problem> {
    let Query(query) = query.map_err(|rejection| Problem::invalid("", "invalid", rejection.body_text()))?;
    let limit = page_limit(query.limit)?;
    let (member, store) = (member.member, &messages.store);
    let seen = store.news_read(member.organisation, member.id).await?;
    // One more than asked for tells whether there are more.
    let wanted = i32::try_from(limit + 1).map_err(Problem::internal)?;
    let mut page = store.news(member.organisation, query.cursor, None, wanted).await?;
    let more = page.len() > limit;
    page.truncate(limit);
    let cursor = page.last().filter(|_| more).map(|last| last.id.to_string());
    let unread = unread(&messages, &member, seen).await?;
    let news = page.into_iter().filter(|news| member.may(news.event.concerns())).map(|news| NewsView::new(news, seen)).collect();
    Ok(Json(NewsPage { news, unread: unread.min(COUNTED), more_unread: unread > COUNTED, cursor }))
}

/// How many news the member has not seen: one more than is counted says that there are more.
async fn unread(messages: &Messages, member: &Member, seen: Option<NewsId>) -> Result<usize, Problem> {
    let (mut unread, mut before) = (0, None);
    for _ in 0..TIMES {
        let news = messages.store.news(member.organisation, before, seen, AT_ONCE).await?;
        unread += news.iter().filter(|news| member.may(news.event.concerns())).count();
        before = news.last().map(|last| last.id);
        if unread > COUNTED || before.is_none() {
            break;
        }
    }
    Ok(unread)
}

/// Up to where news were read.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ReadNews {
    /// The newest that was seen.
    up_to: NewsId,
}

/// Mark news as read
///
/// All up to this one, for the member alone.
#[utoipa::path(post, path = "/v1/admin/news/read", operation_id = "readNews", tag = "administration", security(("administrator" = [])), request_body = ReadNews,
    responses((status = 204, description = "They are read"), Problems))]
pub(crate) async fn mark_read(
    State(messages): State<Messages>,
    member: CurrentMember,
    Body(read): Body<ReadNews>,
) -> Result<StatusCode, Problem> {
    messages.store.read_news(member.member.organisation, member.member.id, read.up_to).await?;
    Ok(StatusCode::NO_CONTENT)
}
