//! The ledger of messages: what was said to whom and how far it came; and the same words once more (F38, B4).

use axum::{
    Json,
    extract::{Path, Query, State, rejection::QueryRejection},
};
use http::StatusCode;
use jiff::{civil::Date, tz::TimeZone};
use portico_domain::{
    address::Address,
    ids::{MessageId, PortalId, UserId},
    message::{self, Channel, Kind as MessageKind, Message, NotRepeated, Person},
    portal::Portal,
};
use portico_http::{Body, CurrentMember, Kind, Problem, Problems, address_refusal, page_limit};
use portico_messaging::Birth;
use portico_runtime::entropy;
use portico_store::{LedgerFilter, Posted};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{Messages, view::EntryView};

/// So many messages of a person, the newest ones, are looked at.
const OF_A_PERSON: i32 = 200;

/// One page of the ledger, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MessagePage {
    /// The messages. With a filter there may be fewer than `limit`, even none, before the last page.
    messages: Vec<EntryView>,
    /// Asks for the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    cursor: Option<String>,
}

/// Which messages, and how many at a time.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListQuery {
    /// Messages of this day (UTC); today if absent. Not beside `user`.
    #[param(value_type = Option<String>, format = Date)]
    day: Option<Date>,
    /// Only messages of this kind.
    kind: Option<MessageKind>,
    /// Only messages in this state.
    state: Option<message::State>,
    /// Only messages by this channel.
    channel: Option<Channel>,
    /// Messages to this user, of all days: among their 200 newest.
    #[param(value_type = Option<String>)]
    user: Option<UserId>,
    /// From the page before, of the same day.
    #[param(value_type = Option<String>)]
    cursor: Option<MessageId>,
    /// Messages on the page.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<usize>,
}

impl ListQuery {
    fn filter(&self) -> LedgerFilter {
        LedgerFilter { kind: self.kind, state: self.state, channel: self.channel }
    }

    /// Whose messages are asked for, if somebody's.
    fn person(&self) -> Result<Option<UserId>, Problem> {
        if self.user.is_some() && (self.day.is_some() || self.cursor.is_some()) {
            return Err(Problem::invalid("", "invalid", "messages of a person come without day and cursor"));
        }
        Ok(self.user)
    }
}

/// Messages to an address. In a body, because addresses do not stand in URLs (S10).
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MessageSearch {
    /// A phone number or an email address, as typed.
    #[schema(example = "138 0013 8000", max_length = 320)]
    address: String,
    /// Only messages of this kind.
    kind: Option<MessageKind>,
    /// Only messages in this state.
    state: Option<message::State>,
    /// Only messages by this channel.
    channel: Option<Channel>,
    /// So many at most; 50 if absent, 200 at most.
    limit: Option<usize>,
}

/// List messages
///
/// Of one day, or of one person. What they say is not shown, nor to which address they go.
#[utoipa::path(get, path = "/v1/admin/portals/{portal}/messages", operation_id = "listMessages", tag = "administration", security(("administrator" = [])), params(("portal" = PortalId, Path), ListQuery),
    responses((status = 200, description = "One page, newest first", body = MessagePage), Problems))]
pub(crate) async fn list(
    State(messages): State<Messages>,
    member: CurrentMember,
    query: Result<Query<ListQuery>, QueryRejection>,
) -> Result<Json<MessagePage>, Problem> {
    let portal = member.portal()?;
    let Query(query) = query.map_err(|rejection| Problem::invalid("", "invalid", rejection.body_text()))?;
    let limit = page_limit(query.limit)?;
    let Some(user) = query.person()? else { return of_day(&messages, &portal, &query, limit).await };
    let user = messages.store.user(portal.id, user).await?.ok_or(Kind::NotFound)?;
    let addresses = user.phone.iter().chain(&user.email).map(|address| Person::Address(address.key(portal.id)));
    let persons: Vec<Person> = [Person::User(user.id)].into_iter().chain(addresses).collect();
    of_persons(&messages, &portal, &persons, &query.filter(), limit).await
}

/// Search messages by address
///
/// Among the 200 newest to a phone number or an email address, of all days: codes and invitations, which go to people who may have no
/// account.
#[utoipa::path(post, path = "/v1/admin/portals/{portal}/messages/search", operation_id = "searchMessages", tag = "administration", security(("administrator" = [])), params(("portal" = PortalId, Path)), request_body = MessageSearch,
    responses((status = 200, description = "Those that fit, newest first", body = MessagePage), Problems))]
pub(crate) async fn search(
    State(messages): State<Messages>,
    member: CurrentMember,
    Body(search): Body<MessageSearch>,
) -> Result<Json<MessagePage>, Problem> {
    let portal = member.portal()?;
    let limit = page_limit(search.limit)?;
    let address = Address::parse(&search.address, &portal.settings.sign_in.countries).map_err(address_refusal)?;
    let filter = LedgerFilter { kind: search.kind, state: search.state, channel: search.channel };
    of_persons(&messages, &portal, &[Person::Address(address.key(portal.id))], &filter, limit).await
}

async fn of_day(messages: &Messages, portal: &Portal, query: &ListQuery, limit: usize) -> Result<Json<MessagePage>, Problem> {
    let today = || messages.clock.now().to_zoned(TimeZone::UTC).date();
    let day = query.day.or(query.cursor.map(Message::day_of)).unwrap_or_else(today);
    if query.cursor.is_some_and(|cursor| Message::day_of(cursor) != day) {
        return Err(Problem::invalid("", "invalid", "the cursor is of another day"));
    }
    let page = messages.store.messages_of_day(portal.id, day, &query.filter(), query.cursor, limit).await?;
    let cursor = page.next.map(|id| id.to_string());
    Ok(Json(MessagePage { messages: page.messages.into_iter().map(EntryView::from).collect(), cursor }))
}

async fn of_persons(
    messages: &Messages,
    portal: &Portal,
    persons: &[Person],
    filter: &LedgerFilter,
    limit: usize,
) -> Result<Json<MessagePage>, Problem> {
    let newest = messages.store.messages_of_persons(portal.id, persons, OF_A_PERSON).await?;
    let fitting = newest.into_iter().filter(|message| filter.takes(message)).take(limit);
    Ok(Json(MessagePage { messages: fitting.map(EntryView::from).collect(), cursor: None }))
}

/// See a message
#[utoipa::path(get, path = "/v1/admin/portals/{portal}/messages/{message}", operation_id = "readMessage", tag = "administration", security(("administrator" = [])), params(("portal" = PortalId, Path), ("message" = MessageId, Path)),
    responses((status = 200, description = "The message's entry", body = EntryView), Problems))]
pub(crate) async fn read(
    State(messages): State<Messages>,
    member: CurrentMember,
    Path((_, message)): Path<(String, String)>,
) -> Result<Json<EntryView>, Problem> {
    let portal = member.portal()?;
    Ok(Json(find(&messages, &portal, &message).await?.into()))
}

async fn find(messages: &Messages, portal: &Portal, message: &str) -> Result<Message, Problem> {
    let id: MessageId = message.parse().map_err(|_| Problem::from(Kind::NotFound))?;
    messages.store.message(portal.id, id).await?.ok_or_else(|| Kind::NotFound.into())
}

/// How a message goes once more.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Resend {
    /// One of the entry's `resendable` channels; the one that it went if absent.
    channel: Option<Channel>,
}

/// Send a message again
///
/// The same words to the same person, as a message of its own that is paid for anew. Should the channel refuse, the others follow as
/// the portal's settings say. Codes and invitations are not repeated here (`not-repeatable`): their secrets are good once.
#[utoipa::path(post, path = "/v1/admin/portals/{portal}/messages/{message}/resend", operation_id = "resendMessage", tag = "administration", security(("administrator" = [])), params(("portal" = PortalId, Path), ("message" = MessageId, Path)), request_body = Resend,
    responses((status = 201, description = "The entry of the new message", body = EntryView), Problems))]
pub(crate) async fn resend(
    State(messages): State<Messages>,
    member: CurrentMember,
    Path((_, message)): Path<(String, String)>,
    Body(resend): Body<Resend>,
) -> Result<(StatusCode, Json<EntryView>), Problem> {
    let portal = member.portal()?;
    let before = find(&messages, &portal, &message).await?;
    let Birth { at, id } = Birth::new(messages.clock.now(), entropy::wide().map_err(Problem::internal)?);
    let again = before.repeated(id, at, resend.channel, &messages.outbox.prices()).map_err(|reason| match reason {
        NotRepeated::Kind => Kind::NotRepeatable,
        NotRepeated::Route => Kind::NoRoute,
    })?;
    match messages.store.post_if_paid(&again).await? {
        Posted::Queued => Ok((StatusCode::CREATED, Json(again.into()))),
        Posted::Unpaid => Err(Kind::NoBalance.into()),
    }
}
