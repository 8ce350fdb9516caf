//! What Portico says to people: the words of messages, by which ways they can go and what that costs; and the senders that hand them to
//! SNS, SES and the SMS gateway.

mod outbox;
pub mod texts;

pub use outbox::{About, Birth, Outbox, Recipient};
