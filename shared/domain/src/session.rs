//! Sessions: how long a sign-in lasts, and what ends it (S22 to S28, F25 to F28).

use jiff::{SignedDuration, Timestamp};

use crate::{
    admission::{Grant, Method},
    ids::{PortalId, UserId},
    portal::Portal,
    user::{Status, User},
};

/// With the tick: seven days from authentication, whatever happens in between (S24).
pub const REMEMBERED: SignedDuration = SignedDuration::from_hours(7 * 24);
/// Without the tick: the working day.
pub const UNREMEMBERED: SignedDuration = SignedDuration::from_hours(12);
/// Without the tick: the longest pause between two requests.
pub const IDLE: SignedDuration = SignedDuration::from_hours(2);
/// How stale the note of the last request may get before it is written again.
pub const TOUCH_AFTER: SignedDuration = SignedDuration::from_mins(10);

/// When a session ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Term {
    /// The absolute end (UTC).
    pub expires_at: Timestamp,
    /// For sessions that also end by a pause: when the last request was noted.
    pub seen_at: Option<Timestamp>,
}

/// A session to be written. Only a [`Grant`] makes one (S37).
#[derive(Debug)]
pub struct NewSession {
    portal: PortalId,
    user: UserId,
    method: Method,
    authenticated_at: Timestamp,
    term: Term,
}

impl NewSession {
    /// Turns the right to come in into a session, which ends the right.
    ///
    /// The tick counts only where the portal offers it; where it does not, it is ignored (F26). Seven days count from the proof
    /// (S24); the working day of a session without the tick begins `now`, which after a wait for approval is later.
    pub fn begin(grant: Grant, remember: bool, now: Timestamp) -> Self {
        let authenticated_at = grant.authenticated_at();
        let term = if remember && grant.may_be_remembered() {
            Term { expires_at: authenticated_at.saturating_add(REMEMBERED).unwrap_or(now), seen_at: None }
        } else {
            Term { expires_at: now.saturating_add(UNREMEMBERED).unwrap_or(now), seen_at: Some(now) }
        };
        Self { portal: grant.portal(), user: grant.user(), method: grant.method(), authenticated_at, term }
    }

    /// The portal: the session is good for no other (F27).
    pub fn portal(&self) -> PortalId {
        self.portal
    }

    /// The user.
    pub fn user(&self) -> UserId {
        self.user
    }

    /// By what they showed who they are.
    pub fn method(&self) -> Method {
        self.method
    }

    /// When the user proved who they are.
    pub fn authenticated_at(&self) -> Timestamp {
        self.authenticated_at
    }

    /// When it ends.
    pub fn term(&self) -> Term {
        self.term
    }
}

impl Term {
    /// Whether a session with this term is over. The table's clean-up may be days late (R25).
    pub fn is_over(self, now: Timestamp) -> bool {
        now >= self.expires_at || self.seen_at.is_some_and(|seen| now.duration_since(seen) >= IDLE)
    }

    /// Whether the note of the last request should be written again.
    pub fn wants_touch(self, now: Timestamp) -> bool {
        self.seen_at.is_some_and(|seen| now.duration_since(seen) >= TOUCH_AFTER)
    }

    /// The instant until which the user stays signed in if they do nothing more.
    pub fn ends_at(self) -> Timestamp {
        let idle_end = self.seen_at.map(|seen| seen.saturating_add(IDLE).unwrap_or(seen));
        idle_end.map_or(self.expires_at, |end| end.min(self.expires_at))
    }
}

/// Why a request with a session is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Ended {
    /// There is no such session, or it is over.
    #[error("signed out")]
    SignedOut,
    /// An administrator disabled the user meanwhile.
    #[error("disabled")]
    Disabled,
    /// An administrator disabled the portal meanwhile.
    #[error("portal off")]
    PortalOff,
}

/// What an administrator changes holds on the next request (F28, S26): judges a session by what the tables say now.
pub fn standing(portal: &Portal, user: &User, term: Term, now: Timestamp) -> Result<(), Ended> {
    if term.is_over(now) {
        return Err(Ended::SignedOut);
    }
    if !portal.settings.enabled {
        return Err(Ended::PortalOff);
    }
    match user.status {
        Status::Active => Ok(()),
        Status::Disabled => Err(Ended::Disabled),
        Status::Inactive | Status::Pending | Status::Rejected => Err(Ended::SignedOut),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    fn remembered() -> Term {
        Term { expires_at: at(REMEMBERED.as_secs()), seen_at: None }
    }

    fn unremembered(seen: i64) -> Term {
        Term { expires_at: at(UNREMEMBERED.as_secs()), seen_at: Some(at(seen)) }
    }

    #[test]
    fn seven_days_are_absolute() {
        assert!(!remembered().is_over(at(7 * 86_400 - 1)));
        assert!(remembered().is_over(at(7 * 86_400)));
        assert!(!remembered().wants_touch(at(86_400)));
    }

    #[test]
    fn without_the_tick_two_idle_hours_or_twelve_hours_end_it() {
        assert!(!unremembered(0).is_over(at(7_199)));
        assert!(unremembered(0).is_over(at(7_200)));
        assert!(unremembered(43_000).is_over(at(43_200)));
        assert_eq!(unremembered(0).ends_at(), at(7_200));
        assert_eq!(unremembered(43_000).ends_at(), at(43_200));
    }

    proptest! {
        #[test]
        fn what_is_over_stays_over(seen in 0i64..43_200, now in 0i64..700_000, later in 0i64..700_000) {
            for term in [remembered(), unremembered(seen)] {
                prop_assert!(!term.is_over(at(now)) || term.is_over(at(now + later)));
                prop_assert_eq!(term.is_over(at(now)), at(now) >= term.ends_at());
            }
        }
    }
}
