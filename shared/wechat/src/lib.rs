//! WeChat service accounts, as WeChat's public documents describe them: what is asked of WeChat, and what it pushes.
//!
//! [`WeChat`] asks. [`Receiver`] checks and opens what is pushed. Neither keeps anything: tokens and accounts are stored
//! elsewhere. Nothing that is personal or secret shows in `Debug` or in an error (S10, S66).

mod answers;
mod client;
mod envelope;
mod error;
mod messages;
mod push;
mod transport;
mod xml;

pub use client::{Exchanged, Follower, Qr, Token, WeChat};
pub use envelope::{BadEnvelope, Envelope};
pub use error::Error;
pub use messages::{MessageId, Notice, TemplateMessage, Value};
pub use push::{Event, Push, PushQuery, Receiver, Refused, TemplateOutcome, WINDOW, signature};
