//! The spend guard (B3, S9, S13, S14): what a portal sends in an hour and a day, and when SMS pause because hardly anybody reads them.
//!
//! People who sign up read their codes. Somebody who makes a portal send to numbers that earn them money does not: those numbers lie
//! side by side, and almost no code comes back. So numbers are counted in blocks, and from a number of codes on that no crowd of
//! newcomers from one block reaches in an hour, the codes that come back are counted, too. Codes by email never pause.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::address::{Address, AddressKind};

/// From so many SMS of a block in an hour on, it is watched which codes come back.
const WATCH_BLOCK: u32 = 40;
/// The same for a whole portal.
const WATCH_PORTAL: u32 = 200;
/// So many watched codes of a block are enough to judge.
const JUDGE_BLOCK: u32 = 160;
/// The same for a whole portal.
const JUDGE_PORTAL: u32 = 400;
/// Of so many codes one at least must come back (S13: 5%).
const ONE_OF: u32 = 20;
/// Numbers that differ in their last digits lie in one block.
const LAST_DIGITS: usize = 4;
/// Blocks are told apart by so many remainders.
const BLOCKS: u32 = 64;

/// A block of neighbouring phone numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Block(u32);

impl Block {
    /// The block of an address; mailboxes have none.
    pub fn of(address: &Address) -> Option<Self> {
        if address.kind() == AddressKind::Email {
            return None;
        }
        let digits = &address.as_str()[..address.as_str().len().saturating_sub(LAST_DIGITS)];
        Some(Self(digits.bytes().fold(0, |sum: u32, digit| sum.wrapping_mul(31).wrapping_add(digit.into())) % BLOCKS))
    }

    fn counter(self, letter: char) -> String {
        format!("{letter}{:02}", self.0)
    }

    /// The names of its counters: sent, watched, come back.
    pub fn counters(self) -> [String; 3] {
        ['s', 'w', 'v'].map(|letter| self.counter(letter))
    }
}

/// What a portal may send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// Codes in a clock hour, SMS and email alike (S9).
    pub hourly: u32,
    /// SMS in a day, UTC (S14).
    pub daily_sms: u32,
}

/// What a portal has sent: on a day (UTC), and in one clock hour of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Spend {
    /// The clock hour, counted from 1970.
    pub hour: i64,
    /// Codes in the hour.
    pub codes: u32,
    /// SMS in the day.
    pub sms: u32,
    /// Watched SMS in the hour.
    pub watched: u32,
    /// Those of them that came back.
    pub verified: u32,
    /// The counters of the blocks in the hour.
    #[serde(flatten)]
    pub blocks: BTreeMap<String, u32>,
}

/// Why a portal sends no more for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pause {
    /// The hour's codes are sent (S9).
    Hour,
    /// The day's SMS are sent (S14).
    Day,
    /// Almost no code of these numbers came back (S13).
    Block,
    /// Almost no code of the portal came back (S13).
    Portal,
    /// The organisation's balance does not suffice (F42).
    Balance,
}

impl Pause {
    /// The stable name that callers see.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hour => "hourly-cap",
            Self::Day => "daily-budget",
            Self::Block | Self::Portal => "unverified",
            Self::Balance => "no-balance",
        }
    }
}

/// A code that may be sent, as far as the portal's spending goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Admitted {
    /// Whether it is counted when it comes back.
    pub watched: bool,
}

/// The clock hour of an instant, counted from 1970.
pub fn hour_of(now: Timestamp) -> i64 {
    now.as_second().div_euclid(3_600)
}

/// The day of an instant (UTC), counted from 1970.
pub fn day_of(now: Timestamp) -> i64 {
    now.as_second().div_euclid(86_400)
}

impl Spend {
    /// Whether one more code may go to `block` (a mailbox has none) at `now`.
    pub fn admit(&self, budget: &Budget, block: Option<Block>, now: Timestamp) -> Result<Admitted, Pause> {
        let fresh = Self { sms: self.sms, ..Self::default() };
        let this = if self.hour == hour_of(now) { self } else { &fresh };
        if this.codes >= budget.hourly {
            return Err(Pause::Hour);
        }
        let Some(block) = block else { return Ok(Admitted { watched: false }) };
        if this.sms >= budget.daily_sms {
            return Err(Pause::Day);
        }
        let [sent, watched, verified] = block.counters().map(|name| this.blocks.get(&name).copied().unwrap_or(0));
        if is_unread(watched, verified, JUDGE_BLOCK) {
            return Err(Pause::Block);
        }
        if is_unread(this.watched, this.verified, JUDGE_PORTAL) {
            return Err(Pause::Portal);
        }
        Ok(Admitted { watched: sent >= WATCH_BLOCK || this.codes >= WATCH_PORTAL })
    }

    /// The blocks that pause in the hour of `now`, and whether the whole portal does.
    pub fn pauses(&self, now: Timestamp) -> (usize, bool) {
        if self.hour != hour_of(now) {
            return (0, false);
        }
        let of = |block: Block| block.counters().map(|name| self.blocks.get(&name).copied().unwrap_or(0));
        let paused =
            (0..BLOCKS).map(|number| of(Block(number))).filter(|[_, watched, verified]| is_unread(*watched, *verified, JUDGE_BLOCK));
        (paused.count(), is_unread(self.watched, self.verified, JUDGE_PORTAL))
    }
}

impl Pause {
    /// When it ends: with the clock hour or the day. Nobody knows when a balance is topped up: it is worth trying in an hour.
    pub fn until(self, now: Timestamp) -> Timestamp {
        let window = if self == Self::Day { 86_400 } else { 3_600 };
        let left = window - now.as_second().rem_euclid(window);
        now.saturating_add(SignedDuration::from_secs(left)).unwrap_or(now)
    }
}

fn is_unread(watched: u32, verified: u32, enough: u32) -> bool {
    watched >= enough && verified.saturating_mul(ONE_OF) < watched
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BUDGET: Budget = Budget { hourly: 3_000, daily_sms: 5_000 };

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    fn phone(number: &str) -> Address {
        Address::try_from(number.to_owned()).unwrap()
    }

    /// Sends to neighbouring numbers, of whose codes one in `read` comes back; how many went out.
    fn attack(numbers: u32, read: u32) -> u32 {
        let (mut spend, now, mut sent) = (Spend { hour: hour_of(at(0)), ..Spend::default() }, at(0), 0);
        for index in 0..numbers {
            let block = Block::of(&phone(&format!("+86138001{index:05}"))).unwrap();
            let [s, w, v] = block.counters();
            let Ok(admitted) = spend.admit(&BUDGET, Some(block), now) else { continue };
            sent += 1;
            (spend.codes, spend.sms) = (spend.codes + 1, spend.sms + 1);
            *spend.blocks.entry(s).or_default() += 1;
            if admitted.watched {
                spend.watched += 1;
                *spend.blocks.entry(w).or_default() += 1;
                if index % read == 0 {
                    spend.verified += 1;
                    *spend.blocks.entry(v).or_default() += 1;
                }
            }
        }
        sent
    }

    #[test]
    fn two_hundred_neighbours_whose_codes_nobody_reads_open_the_breaker() {
        // S13
        assert_eq!(attack(1_000, 10_000), 200);
        assert_eq!(attack(1_000, 30), 200, "3%");
        assert_eq!(attack(1_000, 10), 1_000, "10%");
    }

    #[test]
    fn the_day_has_a_budget_that_mailboxes_do_not_share() {
        // S14
        let spend = Spend { hour: hour_of(at(0)), sms: 5_000, ..Spend::default() };
        let block = Block::of(&phone("+8613800138000"));
        assert_eq!(spend.admit(&BUDGET, block, at(0)), Err(Pause::Day));
        assert_eq!(spend.admit(&BUDGET, Block::of(&phone("li@example.com")), at(0)), Ok(Admitted { watched: false }));
        assert_eq!(spend.admit(&BUDGET, block, at(3_600)), Err(Pause::Day), "the hour changes, the day does not");
    }

    #[test]
    fn neighbours_share_a_block_and_a_new_hour_forgets() {
        assert_eq!(Block::of(&phone("+8613800138000")), Block::of(&phone("+8613800139999")));
        let spend = Spend { hour: hour_of(at(0)), codes: 3_000, ..Spend::default() };
        assert_eq!(spend.admit(&BUDGET, None, at(0)), Err(Pause::Hour));
        assert!(spend.admit(&BUDGET, None, at(3_600)).is_ok());
    }

    proptest! {
        #[test]
        fn a_pause_ends_later_but_not_much(second in 0_i64..200_000) {
            for pause in [Pause::Hour, Pause::Day, Pause::Block, Pause::Portal, Pause::Balance] {
                let wait = pause.until(at(second)).duration_since(at(second)).as_secs();
                prop_assert!((1..=86_400).contains(&wait));
            }
        }
    }
}
