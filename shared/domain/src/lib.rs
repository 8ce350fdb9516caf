//! The rules of Portico: who gets in, when, and with what.
//!
//! Everything here is pure. There is no clock, no randomness, no environment and no I/O: instants and random bits come in as
//! parameters, decisions go out as values. A rule that two functions need lives here, so that neither owns it.

pub mod address;
pub mod admission;
pub mod agreements;
pub mod code;
pub mod design;
pub mod fields;
pub mod guesses;
pub mod ids;
pub mod invitation;
pub mod limits;
pub mod locale;
pub mod member;
pub mod message;
pub mod password;
pub mod portal;
pub mod seats;
pub mod session;
pub mod spend;
pub mod suffix;
pub mod text;
pub mod user;
pub mod wechat;
pub mod whitelist;
pub mod window;
