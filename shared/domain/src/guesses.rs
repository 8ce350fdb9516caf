//! Lock-out after wrong guesses (F23, S7, S8, S39): how long somebody waits after a row of failures.
//!
//! Codes, passwords and second steps each count their own row, by the address or account that is guessed at, never by who guesses.
//! A right guess ends the row; a new code, a new sign-in or another browser does not.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// From so many failures in a row on, each further guess waits so long after the last one.
type Steps = [(u32, SignedDuration)];

/// Guesses of codes: five belong to each code, and the next code comes a minute later anyway.
const CODES: &Steps = &[
    (10, SignedDuration::from_mins(5)),
    (20, SignedDuration::from_mins(15)),
    (50, SignedDuration::from_hours(1)),
    (100, SignedDuration::from_hours(24)),
];
/// Guesses of passwords, and of the second step by an authenticator.
const PASSWORDS: &Steps = &[
    (5, SignedDuration::from_mins(1)),
    (10, SignedDuration::from_mins(5)),
    (20, SignedDuration::from_mins(15)),
    (50, SignedDuration::from_hours(1)),
    (100, SignedDuration::from_hours(24)),
];

/// A row of failures was too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("locked")]
pub struct Locked {
    /// When the next guess is taken.
    pub until: Timestamp,
}

/// A row of failures.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Guesses {
    /// Failures since the last right guess.
    pub failures: u32,
    /// When the last one was counted (UTC).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed_at: Option<Timestamp>,
}

impl Guesses {
    /// Whether another code may be guessed at now.
    pub fn admit_code(self, now: Timestamp) -> Result<(), Locked> {
        self.admit(CODES, now)
    }

    /// The row with one more guess at a password, if it may be made now. It counts as a failure until it turns out right: so
    /// guesses that are made at once are counted before any is compared.
    pub fn admit_password(self, now: Timestamp) -> Result<Self, Locked> {
        self.admit(PASSWORDS, now)?;
        Ok(Self { failures: self.failures.saturating_add(1), failed_at: Some(now) })
    }

    fn admit(self, steps: &Steps, now: Timestamp) -> Result<(), Locked> {
        let wait = steps.iter().rev().find(|(from, _)| self.failures >= *from).map(|(_, wait)| *wait);
        let until = wait.zip(self.failed_at).map(|(wait, at)| at.saturating_add(wait).unwrap_or(Timestamp::MAX));
        match until {
            Some(until) if until > now => Err(Locked { until }),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    fn row(failures: u32) -> Guesses {
        Guesses { failures, failed_at: Some(at(0)) }
    }

    #[test]
    fn the_sixth_password_waits_a_minute_and_the_hundred_and_first_a_day() {
        let mut guesses = Guesses::default();
        for _ in 0..5 {
            guesses = guesses.admit_password(at(0)).unwrap();
        }
        assert_eq!(guesses.admit_password(at(59)), Err(Locked { until: at(60) }));
        assert_eq!(guesses.admit_password(at(60)).unwrap().failures, 6);
        assert_eq!(row(100).admit_password(at(60)), Err(Locked { until: at(86_400) }));
    }

    #[test]
    fn a_hundred_wrong_codes_lock_for_a_day_with_backoff_before() {
        // S8
        assert_eq!(row(9).admit_code(at(0)), Ok(()));
        assert_eq!(row(10).admit_code(at(0)), Err(Locked { until: at(300) }));
        assert_eq!(row(99).admit_code(at(0)), Err(Locked { until: at(3_600) }));
        assert_eq!(row(100).admit_code(at(0)), Err(Locked { until: at(86_400) }));
    }

    proptest! {
        #[test]
        fn more_failures_never_shorten_the_wait(fewer in 0_u32..150, more in 0_u32..150, second in 0_i64..90_000) {
            let (fewer, more) = (fewer.min(more), fewer.max(more));
            prop_assert!(row(fewer).admit_code(at(second)).is_ok() || row(more).admit_code(at(second)).is_err());
            prop_assert!(row(fewer).admit_password(at(second)).is_ok() || row(more).admit_password(at(second)).is_err());
        }

        #[test]
        fn every_lock_ends(failures in 0_u32..1_000) {
            prop_assert!(row(failures).admit_code(at(86_400)).is_ok());
            prop_assert!(row(failures).admit_password(at(86_400)).is_ok());
        }
    }
}
