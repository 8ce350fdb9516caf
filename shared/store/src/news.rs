//! What administrators are told of: their inbox (table Messages; F48).
//!
//! | pk | sk | attributes |
//! |---|---|---|
//! | `ORG#<organisation>#NEWS` | `NEWS#<news>` | what happened; until its mails are written: `queue`, `dueAt`; `ttl` |
//! | `ORG#<organisation>#READ` | `MEMBER#<member>` | `upTo`: the newest that a member has seen |
//!
//! News are written in the transaction of what happened; the mails to the administrators follow from them, each with an identifier that
//! follows from news and member: made twice, it is written once (R13, R14).

use aws_sdk_dynamodb::types::{Put, TransactWriteItem};
use jiff::{SignedDuration, Timestamp};
use portico_domain::{
    ids::{MemberId, NewsId, OrganisationId},
    message::News,
};

use crate::{
    Store, StoreError,
    calls::Call,
    items::{Key, from_item, instant, text, time_to_live, to_item},
    messages::QUEUES,
    portals::is_condition,
    transaction::put,
};

/// How long news stay in the inbox.
const KEPT: SignedDuration = SignedDuration::from_hours(90 * 24);

/// Where news lie whose mails are not written yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewsPlace {
    /// The organisation.
    pub organisation: OrganisationId,
    /// The news.
    pub news: NewsId,
}

fn partition(organisation: OrganisationId) -> String {
    format!("ORG#{organisation}#NEWS")
}

fn news_key(organisation: OrganisationId, news: NewsId) -> Key {
    Key::new(partition(organisation), format!("NEWS#{news}"))
}

fn read_key(organisation: OrganisationId, member: MemberId) -> Key {
    Key::new(format!("ORG#{organisation}#READ"), format!("MEMBER#{member}"))
}

pub(crate) fn news_place_of(key: &Key) -> Option<NewsPlace> {
    let organisation = key.pk.strip_prefix("ORG#")?.strip_suffix("#NEWS")?.parse().ok()?;
    Some(NewsPlace { organisation, news: key.sk.strip_prefix("NEWS#")?.parse().ok()? })
}

impl Store {
    /// The part of a transaction that writes news.
    pub(crate) fn news_part(&self, news: &News) -> Result<TransactWriteItem, StoreError> {
        let mut item = to_item(&news_key(news.organisation, news.id), news)?;
        item.extend([
            ("queue".to_owned(), text(format!("NEWS#{}", news.id.spread() % QUEUES))),
            ("dueAt".to_owned(), instant(news.at)),
            ("ttl".to_owned(), time_to_live(news.at.saturating_add(KEPT).unwrap_or(news.at))),
        ]);
        Ok(put(Put::builder().table_name(&self.tables.messages).set_item(Some(item)).build()?))
    }

    /// News whose mails are not written yet; `None` if they are.
    pub async fn open_news(&self, place: NewsPlace) -> Result<Option<News>, StoreError> {
        let item = self.read(&self.tables.messages, &news_key(place.organisation, place.news)).await?;
        item.filter(|item| item.contains_key("queue")).map(|item| from_item("news", &item)).transpose()
    }

    /// Notes that the mails of news are written.
    pub async fn news_told(&self, place: NewsPlace) -> Result<(), StoreError> {
        let result = self
            .client
            .update_item()
            .table_name(&self.tables.messages)
            .set_key(Some(news_key(place.organisation, place.news).attributes()))
            .update_expression("REMOVE queue, dueAt")
            .condition_expression("attribute_exists(queue)")
            .call()
            .await;
        match result {
            Ok(_) => Ok(()),
            Err(error) if is_condition(&error) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// News whose mails should have been written at `now`: at most `limit` of each queue.
    pub async fn due_news(&self, now: Timestamp, limit: i32) -> Result<Vec<NewsPlace>, StoreError> {
        let mut places = Vec::new();
        for queue in 0..QUEUES {
            places.extend(self.due_keys(&format!("NEWS#{queue}"), now, limit).await?.iter().filter_map(news_place_of));
        }
        Ok(places)
    }

    /// News of an organisation, the newest first: those before `before` if given, after `after` if given; at most `limit`.
    pub async fn news(
        &self,
        organisation: OrganisationId,
        before: Option<NewsId>,
        after: Option<NewsId>,
        limit: i32,
    ) -> Result<Vec<News>, StoreError> {
        let lower = after.map_or_else(|| "NEWS#".to_owned(), |after| format!("NEWS#{after}~"));
        let upper = before.map_or_else(|| "NEWS#~".to_owned(), |before| format!("NEWS#{before}"));
        if lower >= upper {
            return Ok(Vec::new());
        }
        let page = self
            .client
            .query()
            .table_name(&self.tables.messages)
            .consistent_read(true)
            .scan_index_forward(false)
            // The upper bound is inclusive: `before` may come once more.
            .limit(limit.saturating_add(1))
            .key_condition_expression("pk = :pk AND sk BETWEEN :lower AND :upper")
            .expression_attribute_values(":pk", text(partition(organisation)))
            .expression_attribute_values(":lower", text(lower))
            .expression_attribute_values(":upper", text(upper))
            .call()
            .await?;
        let news: Result<Vec<News>, _> = page.items.unwrap_or_default().into_iter().map(|item| from_item("news", &item)).collect();
        let mut news: Vec<News> = news?.into_iter().filter(|news| Some(news.id) != before).collect();
        news.truncate(usize::try_from(limit).unwrap_or(0));
        Ok(news)
    }

    /// The newest of the news that a member has seen.
    pub async fn news_read(&self, organisation: OrganisationId, member: MemberId) -> Result<Option<NewsId>, StoreError> {
        let item = self.read(&self.tables.messages, &read_key(organisation, member)).await?;
        Ok(item.and_then(|item| item.get("upTo")?.as_s().ok()?.parse().ok()))
    }

    /// Notes that a member has seen all news up to this one. What was seen stays seen.
    pub async fn read_news(&self, organisation: OrganisationId, member: MemberId, up_to: NewsId) -> Result<(), StoreError> {
        let result = self
            .client
            .update_item()
            .table_name(&self.tables.messages)
            .set_key(Some(read_key(organisation, member).attributes()))
            .update_expression("SET upTo = :upTo")
            .condition_expression("attribute_not_exists(upTo) OR upTo < :upTo")
            .expression_attribute_values(":upTo", text(up_to))
            .call()
            .await;
        match result {
            Ok(_) => Ok(()),
            Err(error) if is_condition(&error) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}
