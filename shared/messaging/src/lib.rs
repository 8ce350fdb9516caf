//! What Portico says to people, and how it reaches them: texts, the signature, SMS through SNS, email through SES.

mod email;
mod sms;
pub mod texts;

use portico_domain::address::{Address, AddressKind};
use portico_runtime::{Deployment, MissingVariable};

use crate::{email::EmailSender, sms::SmsSender, texts::Message};

/// The provider did not take the message. Whether it was sent is not known, so it is not sent again blindly (R15).
#[derive(Debug, thiserror::Error)]
#[error("the provider did not take the message: {0}")]
pub struct SendFailed(String);

/// Sends messages to phones and mailboxes.
#[derive(Debug, Clone)]
pub struct Messenger {
    sms: SmsSender,
    email: EmailSender,
}

impl Messenger {
    /// A messenger over the deployment's SNS and SES, from its sender address.
    pub fn open(deployment: &Deployment) -> Result<Self, MissingVariable> {
        let email = EmailSender::new(&deployment.aws("SESV2"), deployment.sender_address()?);
        Ok(Self { sms: SmsSender::new(&deployment.aws("SNS")), email })
    }

    /// Sends a message by the channel of its recipient.
    pub async fn send(&self, to: &Address, message: &Message) -> Result<(), SendFailed> {
        match to.kind() {
            AddressKind::Phone => self.sms.send(to.as_str(), &message.sms).await,
            AddressKind::Email => self.email.send(to.as_str(), message).await,
        }
    }
}
