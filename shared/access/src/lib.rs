//! The one way in: from a proof, through admission, to a session.
//!
//! Every path by which somebody signs in ends in [`Gate`], and [`Gate`] asks `admission::decide`. There is no other maker of sessions
//! (S37).

mod admit;
pub mod authenticator;
pub mod codes;
mod gate;
mod kept;
pub mod keys;
pub mod passwords;
pub mod ticket;
pub mod token;

pub use admit::{Arrival, Channels, Outcome, SignIn, Visitor};
pub use gate::{Gate, RegistrationError, Submission};
pub use kept::{AnswerSeal, SealedAnswer};
pub use keys::Keyring;

use jiff::Timestamp;
use portico_domain::{address::AddressError, admission::Refusal, guesses::Locked, limits::TooMany, spend::Pause};
use portico_runtime::{entropy::NoEntropy, secret::SecretUnavailable};
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
    /// The address belongs to another account of the portal.
    #[error("the address belongs to another account")]
    AlreadyBound,
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
