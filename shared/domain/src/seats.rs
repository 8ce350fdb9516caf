//! Seats (F77): active external users of an organisation, against what it has.

use serde::{Deserialize, Serialize};

use crate::user::Status;

/// Seats that every organisation has.
pub const FREE: u32 = 100;
/// Seats in one pack that an organisation can add.
pub const PACK: u32 = 100;

/// The seats of an organisation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Seats {
    /// Active users of all its portals.
    pub used: u32,
    /// How many there may be.
    pub total: u32,
}

impl Seats {
    /// The seats of an organisation that bought nothing yet.
    pub const NONE_USED: Self = Self { used: 0, total: FREE };

    /// Whether somebody can still become active.
    pub fn has_room(self) -> bool {
        self.used < self.total
    }
}

/// What a change of status does to the count of used seats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SeatChange {
    /// One more, if there is room.
    Take,
    /// One less.
    Free,
    /// Nothing.
    Keep,
}

/// Only active users take a seat: from the moment they become active until they stop being it (F77).
pub fn change(before: Option<Status>, after: Option<Status>) -> SeatChange {
    let takes = |status| status == Some(Status::Active);
    match (takes(before), takes(after)) {
        (false, true) => SeatChange::Take,
        (true, false) => SeatChange::Free,
        _ => SeatChange::Keep,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_status() -> impl Strategy<Value = Option<Status>> {
        prop::option::of(prop::sample::select(Status::ALL.to_vec()))
    }

    proptest! {
        #[test]
        fn any_history_uses_as_many_seats_as_it_ends_with(history in prop::collection::vec(any_status(), 0..30)) {
            let (mut before, mut used) = (None, 0);
            for after in history {
                used += match change(before, after) {
                    SeatChange::Take => 1,
                    SeatChange::Free => -1,
                    SeatChange::Keep => 0,
                };
                before = after;
            }
            prop_assert_eq!(used, i32::from(before == Some(Status::Active)));
        }
    }
}
