//! What Portico says to people: the words of messages, by which ways they can go and what that costs; and the senders that hand them to
//! SNS, SES and the SMS gateway.

mod email;
mod gateway;
mod outbox;
mod senders;
mod sms;
pub mod texts;

pub use gateway::signature as gateway_signature;
pub use outbox::{About, Birth, Outbox, Recipient};
pub use senders::{Mail, ProviderId, SendError, Senders, Sms};
