//! What was sent: kept in memory, and as JSON lines in a file when there is one.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::error::LocalError;

/// How a message goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Channel {
    /// A text message.
    Sms,
    /// A mail.
    Email,
}

/// A message as its recipient has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// How it went.
    pub channel: Channel,
    /// The number or the address.
    pub to: String,
    /// The text, of a mail its plain part.
    pub text: String,
    /// A mail's HTML part.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub html: Option<String>,
    /// A mail's subject.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub subject: Option<String>,
    /// A mail's sender, as its header has it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub from: Option<String>,
    /// The sender's own id of the message, where a provider is told of it: by a tag of SES, or to a gateway.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub id: Option<String>,
    /// When it was sent, by the local cloud's clock.
    pub at: Timestamp,
}

impl Message {
    /// The first six digits in a row in the text: the code, where the message carries one.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        self.text.split(|character: char| !character.is_ascii_digit()).find(|digits| digits.len() == 6)
    }
}

/// The messages of one local cloud. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Messages {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    kept: Vec<Message>,
    file: Option<File>,
}

impl Messages {
    /// With what `file` holds from earlier runs.
    ///
    /// # Errors
    /// When the file can neither be read nor made.
    pub fn open(file: &Path) -> Result<Self, LocalError> {
        let failed = || format!("cannot open {}", file.display());
        let opened = OpenOptions::new().create(true).append(true).open(file);
        let opened = opened.map_err(LocalError::io(failed()))?;
        let text = fs::read_to_string(file).map_err(LocalError::io(failed()))?;
        // A line that was cut off by a crash is no message.
        let kept = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        Ok(Self { state: Arc::new(Mutex::new(State { kept, file: Some(opened) })) })
    }

    /// Newest first; only those to `to`, when given.
    #[must_use]
    pub fn list(&self, to: Option<&str>) -> Vec<Message> {
        let wanted = |message: &&Message| to.is_none_or(|to| message.to.eq_ignore_ascii_case(to));
        self.state().kept.iter().rev().filter(wanted).cloned().collect()
    }

    /// The newest message to `to`.
    #[must_use]
    pub fn last(&self, to: &str) -> Option<Message> {
        self.list(Some(to)).into_iter().next()
    }

    /// Keeps a message.
    pub(crate) fn keep(&self, message: Message) {
        let mut state = self.state();
        if let Some(file) = &mut state.file {
            let mut line = serde_json::to_vec(&message).unwrap_or_default();
            line.push(b'\n');
            if let Err(error) = file.write_all(&line) {
                tracing::warn!(%error, "a message is not persisted");
            }
        }
        state.kept.push(message);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
