//! The one way in: from a proof, through admission, to a session.
//!
//! Every path by which somebody signs in ends in [`Gate`], and [`Gate`] asks `admission::decide`. There is no other maker of sessions
//! (S37).

mod admit;
pub mod authenticator;
pub mod codes;
mod flow;
mod gate;
mod global_token;
mod kept;
pub mod keys;
mod notices;
pub mod passwords;
mod sealing;
pub mod ticket;
pub mod token;
pub mod wechat;
mod wechat_door;
mod wechat_entry;

pub use admit::{Arrival, Channels, Outcome, SignIn, Visitor};
pub use gate::{Gate, RegistrationError, Submission};
pub use kept::{AnswerSeal, SealedAnswer};
pub use keys::Keyring;
pub use notices::{hide, reveal};
pub use wechat_door::{Landing, NewScan, SCAN, WeChatDoor, WeChatReturn, Wish};
pub use wechat_entry::{Following, WeChatEntry};

use jiff::Timestamp;
use portico_domain::{address::AddressError, admission::Refusal, guesses::Locked, limits::TooMany, spend::Pause};
use portico_runtime::{MissingVariable, entropy::NoEntropy, secret::SecretUnavailable};
use portico_store::StoreError;

/// Why somebody is not a step further.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// There is no such portal.
    #[error("no such portal")]
    NoPortal,
    /// The code is not the one that was sent.
    #[error("wrong code")]
    CodeWrong {
        /// Guesses left.
        attempts_left: u8,
    },
    /// The code was used, replaced, is too old, or all its guesses are spent.
    #[error("the code is no longer good")]
    CodeExpired,
    /// A cap was reached (S9).
    #[error(transparent)]
    TooMany(#[from] TooMany),
    /// The password is not theirs, or they have none, or there is nobody with this address (S40).
    #[error("wrong password")]
    PasswordWrong,
    /// Neither a fresh code of their authenticator nor one of their recovery codes, or they have none.
    #[error("wrong code of an authenticator")]
    AuthenticatorWrong,
    /// Too many wrong guesses in a row (F23).
    #[error(transparent)]
    Locked(#[from] Locked),
    /// The address, or who they are at WeChat, belongs to another account of the portal.
    #[error("it belongs to another account")]
    AlreadyBound,
    /// Not the browser in which a sign-in by WeChat began, or one that is used up or too old (S31, S34, S36).
    #[error("not the browser of this sign-in")]
    ForeignBrowser,
    /// WeChat does not say who it is: the sign-in starts anew.
    #[error("WeChat did not say who it is")]
    WeChat(#[source] portico_wechat::Error),
    /// The secrets of the service account cannot be opened any more: they are to be given anew (F82).
    #[error("the secrets of the service account are lost")]
    SecretsLost,
    /// A virtual person, whom WeChat shows to pages before somebody agreed (S36).
    #[error("a virtual person of WeChat")]
    Snapshot,
    /// The organisation has no service account bound (F82).
    #[error("no service account is bound")]
    Unbound,
    /// The link of the invitation is not ours, of another portal, used, withdrawn, replaced or too old (S48).
    #[error("the invitation is no longer good")]
    NoInvitation,
    /// Nobody has the address that was proven.
    #[error("no account has this address")]
    NoAccount,
    /// The portal sends no more for a while (S9, S13, S14).
    #[error("sending pauses")]
    Paused {
        /// Why.
        pause: Pause,
        /// Until when.
        until: Timestamp,
    },
    /// Mail to the address came back for good: a code would not arrive.
    #[error("mail to the address comes back")]
    Undeliverable,
    /// The ticket is not ours, is of another portal, or is too old.
    #[error("the ticket is no longer good")]
    TicketExpired,
    /// The step that the ticket asked for is done.
    #[error("the step is done")]
    TicketSpent,
    /// All seats are taken (R6).
    #[error("no seats")]
    NoSeats,
    /// A rule says no.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Two requests kept getting in each other's way (R10).
    #[error("too much contention")]
    Busy,
    /// The function was not given what it needs.
    #[error(transparent)]
    Deployment(#[from] MissingVariable),
    /// The tables gave no answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The deployment's secret could not be read.
    #[error(transparent)]
    Secret(#[from] SecretUnavailable),
    /// No random bits.
    #[error(transparent)]
    Entropy(#[from] NoEntropy),
    /// A key or a token could not be made.
    #[error("cryptography failed: {0}")]
    Crypto(&'static str),
}

/// Why somebody who typed an address is not a step further.
#[derive(Debug, thiserror::Error)]
pub enum EntryError {
    /// What was typed is no address that the portal takes.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// Any other reason.
    #[error(transparent)]
    Access(#[from] AccessError),
}
