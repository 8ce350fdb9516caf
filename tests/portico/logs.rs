//! What is logged while the tests run, and what must not be in it (S10).
//!
//! Everything that this process logs is kept, from the level on that functions have. When a stage ends, none of it names whom messages
//! went to, the codes in them, or the sessions that were made for administrators.

use std::{
    io,
    sync::{Mutex, MutexGuard, Once, PoisonError},
};

use portico_local::messages::Message;
use tracing_subscriber::{filter::LevelFilter, layer::SubscriberExt, registry, util::SubscriberInitExt};

static LOGGED: Mutex<String> = Mutex::new(String::new());

fn logged() -> MutexGuard<'static, String> {
    LOGGED.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Keeper;

impl io::Write for Keeper {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        logged().push_str(&String::from_utf8_lossy(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Keeps what is logged from now on.
pub(crate) fn keep() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let lines = tracing_subscriber::fmt::layer().json().without_time().with_writer(|| Keeper);
        registry().with(LevelFilter::INFO).with(lines).init();
    });
}

/// The lines so far that contain this text.
pub(crate) fn lines_with(text: &str) -> Vec<String> {
    logged().lines().filter(|line| line.contains(text)).map(str::to_owned).collect()
}

/// The first of these texts that was logged as a word of its own, with its line.
fn found(texts: &[&str]) -> Option<String> {
    let log = logged();
    let stands_alone = |line: &str, text: &str| {
        line.match_indices(text).any(|(at, _)| {
            let (before, after) = (line[..at].chars().next_back(), line[at + text.len()..].chars().next());
            !before.into_iter().chain(after).any(char::is_alphanumeric)
        })
    };
    log.lines().find_map(|line| texts.iter().find(|text| stands_alone(line, text)).map(|text| format!("{text} in {line}")))
}

/// Whether nothing that was sent, and none of these secrets, was logged.
pub(crate) fn are_clean(sent: &[Message], secrets: &[&str]) {
    let mut texts = secrets.to_vec();
    for message in sent {
        texts.push(&message.to);
        texts.extend(message.to.strip_prefix("+86"));
        texts.extend(message.code());
    }
    texts.sort_unstable();
    texts.dedup();
    let found = found(&texts);
    assert!(found.is_none(), "logged: {}", found.unwrap_or_default());
}

#[test]
fn what_is_logged_is_kept_and_searched() {
    keep();
    tracing::error!(address = "somebody@example.org", "this test logs an address");
    let shown = found(&["somebody@example.org"]).unwrap();
    assert!(shown.contains("this test logs an address"), "{shown}");
    assert!(found(&["body@example.org"]).is_none(), "a part of a word is none");
    tracing::debug!("a line that functions do not write");
    assert!(!logged().contains("a line that functions do not write"));
}
