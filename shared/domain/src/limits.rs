//! How often codes are sent (S9, F22).

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// The caps of a deployment (S9). SMS and email count alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caps {
    /// The least time between two codes to one recipient of a portal.
    pub recipient_interval: SignedDuration,
    /// Codes to one recipient of a portal in any hour.
    pub recipient_hourly: u16,
    /// Codes to one recipient of a portal in any day.
    pub recipient_daily: u16,
    /// Requests for codes from one client address in a clock minute.
    pub client_minutely: u32,
    /// Requests for codes from one client address in a clock hour.
    pub client_hourly: u32,
    /// Codes sent by one portal in a clock hour.
    pub portal_hourly: u32,
    /// SMS with codes sent by one portal on a day, UTC (S14); portals choose within it.
    pub portal_daily_sms: u32,
}

impl Default for Caps {
    fn default() -> Self {
        Self {
            recipient_interval: SignedDuration::from_secs(60),
            recipient_hourly: 10,
            recipient_daily: 20,
            client_minutely: 30,
            client_hourly: 300,
            portal_hourly: 3_000,
            portal_daily_sms: 5_000,
        }
    }
}

const HOUR: SignedDuration = SignedDuration::from_hours(1);
/// The time after which a send no longer counts for anything.
pub const DAY: SignedDuration = SignedDuration::from_hours(24);

/// Invitations to one recipient of a portal in any day.
const INVITATIONS_DAILY: usize = 5;

/// A cap was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many requests")]
pub struct TooMany {
    /// The earliest instant at which the same request would pass.
    pub retry_at: Timestamp,
}

/// When codes went to one recipient within the last day, oldest first, in Unix seconds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Sends(Vec<i64>);

impl Sends {
    /// The history with one more send at `now`, if the recipient's caps allow it.
    ///
    /// The windows slide: no boundary lets twice the cap through. Instants after `now` (a clock that was ahead) count as sends
    /// of the future and therefore delay, never permit (R26).
    pub fn admit(&self, caps: &Caps, now: Timestamp) -> Result<Self, TooMany> {
        let now_s = now.as_second();
        let mut recent: Vec<i64> = self.0.iter().copied().filter(|at| now_s - at < DAY.as_secs()).collect();
        let rules = [(1, caps.recipient_interval), (usize::from(caps.recipient_hourly), HOUR), (usize::from(caps.recipient_daily), DAY)];
        let free_at = rules.iter().filter_map(|(count, span)| {
            let oldest_that_counts = recent.len().checked_sub(*count).map(|index| recent.get(index).copied().unwrap_or(now_s))?;
            Some(oldest_that_counts.saturating_add(span.as_secs()))
        });
        match free_at.max() {
            Some(second) if second > now_s => Err(TooMany { retry_at: Timestamp::from_second(second).unwrap_or(Timestamp::MAX) }),
            _ => {
                recent.push(now_s);
                Ok(Self(recent))
            }
        }
    }

    /// The history with one more invitation at `now`, if the recipient has not got as many today as anybody gets.
    pub fn admit_invitation(&self, now: Timestamp) -> Result<Self, TooMany> {
        let now_s = now.as_second();
        let mut recent: Vec<i64> = self.0.iter().copied().filter(|at| now_s - at < DAY.as_secs()).collect();
        match recent.len().checked_sub(INVITATIONS_DAILY).and_then(|oldest| recent.get(oldest)) {
            Some(oldest) => {
                Err(TooMany { retry_at: Timestamp::from_second(oldest.saturating_add(DAY.as_secs())).unwrap_or(Timestamp::MAX) })
            }
            None => {
                recent.push(now_s);
                Ok(Self(recent))
            }
        }
    }
}

/// Whole seconds from `now` until `at`, at least 1: the value of `Retry-After` (RFC 9110 10.2.3).
pub fn retry_after_seconds(at: Timestamp, now: Timestamp) -> i64 {
    (at.as_second() - now.as_second()).max(1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    fn after(sends: &[i64]) -> Sends {
        Sends(sends.iter().map(|second| at(*second).as_second()).collect())
    }

    #[test]
    fn a_recipient_waits_a_minute() {
        let caps = Caps::default();
        let once = Sends::default().admit(&caps, at(0)).unwrap();
        assert_eq!(once.admit(&caps, at(59)), Err(TooMany { retry_at: at(60) }));
        assert!(once.admit(&caps, at(60)).is_ok());
    }

    #[test]
    fn five_invitations_a_day_reach_a_recipient() {
        let mut sends = Sends::default();
        for second in 0..5 {
            sends = sends.admit_invitation(at(second)).unwrap();
        }
        assert_eq!(sends.admit_invitation(at(86_399)), Err(TooMany { retry_at: at(86_400) }));
        assert!(sends.admit_invitation(at(86_400)).is_ok());
    }

    #[test]
    fn the_eleventh_in_an_hour_waits_for_the_first_to_age() {
        let ten: Vec<i64> = (0..10).map(|n| n * 100).collect();
        assert_eq!(after(&ten).admit(&Caps::default(), at(1_500)), Err(TooMany { retry_at: at(3_600) }));
        assert!(after(&ten).admit(&Caps::default(), at(3_600)).is_ok());
    }

    #[test]
    fn the_twenty_first_in_a_day_waits_for_the_first_to_age() {
        let twenty: Vec<i64> = (0..20).map(|n| n * 4_000).collect();
        assert_eq!(after(&twenty).admit(&Caps::default(), at(80_000)), Err(TooMany { retry_at: at(86_400) }));
    }

    #[test]
    fn a_cap_of_nothing_lets_nothing_through() {
        let caps = Caps { recipient_hourly: 0, ..Caps::default() };
        assert!(Sends::default().admit(&caps, at(0)).is_err());
    }

    #[test]
    fn sends_of_the_future_delay() {
        assert_eq!(after(&[120]).admit(&Caps::default(), at(0)), Err(TooMany { retry_at: at(180) }));
    }

    proptest! {
        #[test]
        fn no_window_ever_holds_more_than_its_cap(gaps in prop::collection::vec(0i64..2_000, 1..200)) {
            let caps = Caps::default();
            let (mut sends, mut admitted, mut now) = (Sends::default(), Vec::new(), 0);
            for gap in gaps {
                now += gap;
                if let Ok(next) = sends.admit(&caps, at(now)) {
                    sends = next;
                    admitted.push(now);
                }
            }
            for (span, cap) in [(60, 1), (3_600, 10), (86_400, 20)] {
                for start in &admitted {
                    let within = admitted.iter().filter(|at| (*start..start + span).contains(at)).count();
                    prop_assert!(within <= cap, "{within} in {span} s");
                }
            }
        }

        #[test]
        fn the_promised_instant_is_admitted(seconds in prop::collection::vec(0i64..90_000, 0..20)) {
            let mut seconds = seconds;
            seconds.sort_unstable();
            let caps = Caps::default();
            let last = seconds.last().copied().unwrap_or(0);
            if let Err(refused) = after(&seconds).admit(&caps, at(last)) {
                prop_assert!(after(&seconds).admit(&caps, refused.retry_at).is_ok());
            }
        }
    }
}
