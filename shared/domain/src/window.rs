//! The registration window (F20): when new people may come in, in the portal's own time zone.

use jiff::{
    Timestamp,
    civil::DateTime,
    tz::{AmbiguousOffset, TimeZone},
};
use serde::{Deserialize, Serialize};

/// A window as an administrator writes it: local times of a zone, either end open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WindowInput {
    /// The local time from which registration is open; from always, if absent.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, example = "2026-12-01T09:00:00"))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opens_at: Option<DateTime>,
    /// The local time at which registration ends; never, if absent.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, example = "2026-12-31T18:00:00"))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closes_at: Option<DateTime>,
    /// The zone of both times, by its IANA name.
    #[cfg_attr(feature = "openapi", schema(example = "Asia/Shanghai"))]
    pub zone: String,
}

/// Why a window was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WindowError {
    /// Not a name of the IANA time zone database.
    #[error("not a time zone (IANA name such as Asia/Shanghai)")]
    Zone,
    /// Clocks skip this local time when daylight saving begins.
    #[error("this local time does not exist in the zone")]
    Skipped,
    /// It ends before it begins.
    #[error("must end after it begins")]
    Order,
    /// Neither a start nor an end.
    #[error("needs a start or an end")]
    Unbounded,
}

/// A checked window. What was written is kept for the administrator; the instants decide.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "WindowInput", into = "WindowInput")]
pub struct Window {
    written: WindowInput,
    opens_at: Option<Timestamp>,
    closes_at: Option<Timestamp>,
}

/// Where an instant lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WindowState {
    /// Before the start.
    NotYet,
    /// Within: the start belongs to the window.
    Open,
    /// The end has come: the end does not belong to the window.
    Closed,
}

impl Window {
    /// The instant of the start, if it has one.
    pub fn opens_at(&self) -> Option<Timestamp> {
        self.opens_at
    }

    /// The instant of the end, if it has one.
    pub fn closes_at(&self) -> Option<Timestamp> {
        self.closes_at
    }

    /// The zone's IANA name.
    pub fn zone(&self) -> &str {
        &self.written.zone
    }

    /// The end as it was written, with its zone, for people.
    pub fn closes_at_local(&self) -> Option<String> {
        self.written.closes_at.map(|local| format!("{} ({})", local.strftime("%Y-%m-%d %H:%M"), self.written.zone))
    }

    /// Where `now` lies.
    pub fn state(&self, now: Timestamp) -> WindowState {
        if self.closes_at.is_some_and(|end| now >= end) {
            WindowState::Closed
        } else if self.opens_at.is_some_and(|start| now < start) {
            WindowState::NotYet
        } else {
            WindowState::Open
        }
    }
}

impl TryFrom<WindowInput> for Window {
    type Error = WindowError;

    fn try_from(written: WindowInput) -> Result<Self, WindowError> {
        let zone = TimeZone::get(&written.zone).map_err(|_| WindowError::Zone)?;
        let opens_at = written.opens_at.map(|local| instant(&zone, local)).transpose()?;
        let closes_at = written.closes_at.map(|local| instant(&zone, local)).transpose()?;
        match (opens_at, closes_at) {
            (None, None) => Err(WindowError::Unbounded),
            (Some(start), Some(end)) if start >= end => Err(WindowError::Order),
            _ => Ok(Self { written, opens_at, closes_at }),
        }
    }
}

impl From<Window> for WindowInput {
    fn from(window: Window) -> WindowInput {
        window.written
    }
}

/// A local time that clocks skip is an error of the administrator; one that they show twice is taken as the earlier.
fn instant(zone: &TimeZone, local: DateTime) -> Result<Timestamp, WindowError> {
    let ambiguous = zone.to_ambiguous_timestamp(local);
    if matches!(ambiguous.offset(), AmbiguousOffset::Gap { .. }) {
        return Err(WindowError::Skipped);
    }
    ambiguous.earlier().map_err(|_| WindowError::Zone)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn window(opens_at: Option<&str>, closes_at: Option<&str>, zone: &str) -> Result<Window, WindowError> {
        let local = |text: &str| text.parse::<DateTime>().unwrap();
        WindowInput { opens_at: opens_at.map(local), closes_at: closes_at.map(local), zone: zone.into() }.try_into()
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn the_start_belongs_to_the_window_and_the_end_does_not() {
        let window = window(Some("2026-12-01T09:00"), Some("2026-12-31T18:00"), "Asia/Shanghai").unwrap();
        assert_eq!(window.state(at("2026-12-01T00:59:59Z")), WindowState::NotYet);
        assert_eq!(window.state(at("2026-12-01T01:00:00Z")), WindowState::Open);
        assert_eq!(window.state(at("2026-12-31T09:59:59.999Z")), WindowState::Open);
        assert_eq!(window.state(at("2026-12-31T10:00:00Z")), WindowState::Closed);
    }

    #[test]
    fn an_end_alone_and_a_start_alone_are_windows() {
        let until = window(None, Some("2026-12-31T18:00"), "UTC").unwrap();
        assert_eq!(until.state(Timestamp::UNIX_EPOCH), WindowState::Open);
        let from = window(Some("2026-12-31T18:00"), None, "UTC").unwrap();
        assert_eq!(from.state(at("2099-01-01T00:00:00Z")), WindowState::Open);
    }

    #[test]
    fn a_skipped_hour_is_refused() {
        // Berlin's clocks go from 02:00 to 03:00 on 29 March 2026.
        assert_eq!(window(Some("2026-03-29T02:30"), None, "Europe/Berlin"), Err(WindowError::Skipped));
    }

    #[test]
    fn an_hour_shown_twice_is_the_earlier() {
        // Berlin's clocks go from 03:00 back to 02:00 on 25 October 2026: 02:30 is 00:30Z and 01:30Z (R26).
        let window = window(None, Some("2026-10-25T02:30"), "Europe/Berlin").unwrap();
        assert_eq!(window.closes_at(), Some(at("2026-10-25T00:30:00Z")));
    }

    #[test]
    fn impossible_windows_are_refused() {
        assert_eq!(window(None, None, "UTC"), Err(WindowError::Unbounded));
        assert_eq!(window(Some("2026-01-02T00:00"), Some("2026-01-01T00:00"), "UTC"), Err(WindowError::Order));
        assert_eq!(window(Some("2026-01-02T00:00"), None, "Mars/Olympus"), Err(WindowError::Zone));
    }

    #[test]
    fn a_window_is_stored_as_it_was_written() {
        let stored = r#"{"opensAt":"2026-12-01T09:00:00","zone":"Asia/Shanghai"}"#;
        let window: Window = serde_json::from_str(stored).unwrap();
        assert_eq!(serde_json::to_string(&window).unwrap(), stored);
    }

    proptest! {
        #[test]
        fn time_passes_through_the_states_in_order(seconds in prop::collection::vec(1_790_000_000i64..1_810_000_000, 2..20)) {
            let window = window(Some("2026-11-01T00:30"), Some("2026-12-31T18:00"), "America/New_York").unwrap();
            let mut seconds = seconds;
            seconds.sort_unstable();
            let order = |second: &i64| match window.state(Timestamp::from_second(*second).unwrap()) {
                WindowState::NotYet => 0,
                WindowState::Open => 1,
                WindowState::Closed => 2,
            };
            prop_assert!(seconds.iter().map(order).is_sorted());
        }
    }
}
