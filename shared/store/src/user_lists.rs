//! Lists of a portal's users, merged from the partitions over which `users.rs` spreads them (table Users).

use portico_domain::{
    ids::{PortalId, UserId},
    user::{Status, User},
};

use crate::{
    Store, StoreError,
    calls::Call,
    items::{Item, Key, from_item, text},
    users::{PARTITIONS, partition},
};

/// One page of users, newest first.
#[derive(Debug, Clone)]
pub struct Page {
    /// The users.
    pub users: Vec<User>,
    /// The last of them, from which the next page goes on, if there may be more.
    pub next: Option<UserId>,
}

impl Store {
    /// A page of a portal's users, newest first: those registered before `after`, with this status if one is given.
    ///
    /// Users are spread evenly over the partitions, so of each a quarter of the page is read, and some; where that turns out too few,
    /// more. Two lanes of partitions, one after the other in each: four at once would open four connections, of which each costs a new
    /// instance more than its query.
    pub async fn users(&self, portal: PortalId, status: Option<Status>, after: Option<UserId>, limit: usize) -> Result<Page, StoreError> {
        // One more than asked tells whether there are more.
        let wanted = Listed { status, after, enough: limit + 1 };
        let mut readers: Vec<Reader> = (0..PARTITIONS).map(|number| Reader::of(portal, number, &wanted)).collect();
        loop {
            let mut users: Vec<&User> = readers.iter().flat_map(|reader| &reader.users).collect();
            users.sort_unstable_by_key(|user| std::cmp::Reverse(user.id));
            let last = users.get(wanted.enough - 1).map(|user| user.id);
            if readers.iter().all(|reader| reader.is_complete(last)) {
                let next = last.and_then(|_| users.get(limit.saturating_sub(1))).map(|user| user.id);
                return Ok(Page { users: users.into_iter().take(limit).cloned().collect(), next });
            }
            let (mut even, mut odd): (Vec<_>, Vec<_>) =
                readers.iter_mut().filter(|reader| !reader.is_complete(last)).partition(|reader| reader.number % 2 == 0);
            tokio::try_join!(self.read_on(&mut even, &wanted, last), self.read_on(&mut odd, &wanted, last))?;
        }
    }

    /// Reads on in the partitions of a lane: users who are newer than `last`, the oldest that may be needed.
    async fn read_on(&self, lane: &mut [&mut Reader], wanted: &Listed, mut last: Option<UserId>) -> Result<(), StoreError> {
        for reader in lane {
            // The one before it may have found enough; to read on from below `last` would be refused.
            if reader.is_complete(last) {
                continue;
            }
            let lower = last.map_or_else(|| "USER#".to_owned(), |user| format!("USER#{user}"));
            let upper = wanted.after.map_or_else(|| "USER#~".to_owned(), |user| format!("USER#{user}"));
            let page = self
                .client
                .query()
                .table_name(&self.tables.users)
                .consistent_read(true)
                .scan_index_forward(false)
                .limit(i32::try_from(reader.at_once).unwrap_or(i32::MAX))
                .key_condition_expression("pk = :pk AND sk BETWEEN :lower AND :upper")
                .expression_attribute_values(":pk", text(&reader.pk))
                .expression_attribute_values(":lower", text(lower))
                .expression_attribute_values(":upper", text(upper))
                .set_filter_expression(wanted.status.map(|_| "#status = :status".into()))
                .set_expression_attribute_names(wanted.status.map(|_| [("#status".to_owned(), "status".to_owned())].into()))
                .set_exclusive_start_key(reader.start.take());
            let page = match wanted.status {
                Some(status) => page.expression_attribute_values(":status", text(status.as_str())),
                None => page,
            };
            let page = page.call().await?;
            reader.take(page.items.unwrap_or_default(), page.last_evaluated_key, wanted.after)?;
            // Once there are enough, only newer ones matter.
            last = last.max(reader.users.get(wanted.enough - 1).map(|user| user.id));
        }
        Ok(())
    }
}

/// Reads the users of one partition, the newest first.
struct Reader {
    number: u8,
    pk: String,
    users: Vec<User>,
    /// Where it goes on, unless everything was read.
    start: Option<Item>,
    /// The oldest that it looked at, once it began.
    looked_at: Option<UserId>,
    began: bool,
    /// How many items are read next.
    at_once: usize,
}

impl Reader {
    fn of(portal: PortalId, number: u8, wanted: &Listed) -> Self {
        // What falls to one of the partitions, and twice what that deviates by; how many of those have a status nobody knows.
        let share = wanted.enough / usize::from(PARTITIONS) + wanted.enough.isqrt() + 2;
        let at_once = if wanted.status.is_some() { wanted.enough + 1 } else { share };
        Self { number, pk: partition(portal, number), users: Vec::new(), start: None, looked_at: None, began: false, at_once }
    }

    /// Whether all that is newer than `last`, the oldest that is needed, has been read; without one, everything.
    fn is_complete(&self, last: Option<UserId>) -> bool {
        let ended = self.began && self.start.is_none();
        ended || last.zip(self.looked_at).is_some_and(|(last, oldest)| oldest <= last)
    }

    fn take(&mut self, items: Vec<Item>, next: Option<Item>, after: Option<UserId>) -> Result<(), StoreError> {
        for item in items {
            let user: User = from_item("a user", &item)?;
            // The bounds are inclusive: `after` may come once more.
            self.users.extend(Some(user).filter(|user| Some(user.id) != after));
        }
        self.looked_at = next.as_ref().and_then(Key::of).and_then(|key| key.sk.strip_prefix("USER#")?.parse().ok());
        // A filter is applied to what was read: read more at each turn.
        (self.start, self.began, self.at_once) = (next, true, self.at_once.saturating_mul(4));
        Ok(())
    }
}

/// What a page asks of each partition.
struct Listed {
    status: Option<Status>,
    after: Option<UserId>,
    /// At least one.
    enough: usize,
}
