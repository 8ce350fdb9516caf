//! Logs: one JSON object a line on standard output, without personal data (S10).

use tracing_subscriber::{filter::LevelFilter, layer::SubscriberExt, registry, util::SubscriberInitExt};

/// Starts logging at the level of `RUST_LOG` (`error`, `warn`, `info`, `debug`); `info` if absent.
///
/// A plain level, no directives: their parser would cost more than the rest of the start.
pub(crate) fn start(level: Option<&str>) {
    let level = level.and_then(|level| level.parse().ok()).unwrap_or(LevelFilter::INFO);
    let lines = tracing_subscriber::fmt::layer().json().without_time().with_target(false);
    // A second call, as tests make, finds logging started.
    drop(registry().with(level).with(lines).try_init());
}
