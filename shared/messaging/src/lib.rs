//! What Portico says to people, and how it reaches them: texts, the signature, SMS through SNS, email through SES.

mod email;
mod gateway;
mod notices;
mod senders;
mod sms;
pub mod texts;

use std::sync::{Arc, OnceLock};

use portico_domain::address::{Address, AddressKind};
use portico_runtime::{Deployment, MissingVariable};

pub use gateway::signature as gateway_signature;
pub use notices::{Notice, Notices};
pub use senders::{Mail, ProviderId, SendError, Senders, Sms};

use crate::{email::EmailSender, sms::SmsSender, texts::Message};

/// The provider did not take the message. Whether it was sent is not known, so it is not sent again blindly (R15).
#[derive(Debug, thiserror::Error)]
#[error("the provider did not take the message: {0}")]
pub struct SendFailed(String);

/// The mailbox simulator of SES: takes everything, delivers nothing, and does not count for the sender's reputation.
const SIMULATOR: &str = "success@simulator.amazonses.com";

/// Sends messages to phones and mailboxes. Cheap to clone.
///
/// Each sender is made when it is first needed: an instance that sends text messages does not pay for a client of SES.
#[derive(Debug, Clone)]
pub struct Messenger {
    deployment: Deployment,
    from: String,
    sms: Arc<OnceLock<SmsSender>>,
    email: Arc<OnceLock<EmailSender>>,
}

impl Messenger {
    /// A messenger over the deployment's SNS and SES, from its sender address.
    pub fn open(deployment: &Deployment) -> Result<Self, MissingVariable> {
        let from = deployment.sender_address()?;
        Ok(Self { deployment: deployment.clone(), from, sms: Arc::default(), email: Arc::default() })
    }

    /// Sends a message by the channel of its recipient.
    pub async fn send(&self, to: &Address, message: &Message) -> Result<(), SendFailed> {
        match to.kind() {
            AddressKind::Phone => self.sms().send(to.as_str(), &message.sms).await,
            AddressKind::Email => self.email().send(to.as_str(), message).await,
        }
    }

    /// Goes through all that sending takes, to nobody: whoever times the answer does not learn whether a message went out (S40, S41).
    ///
    /// Providers have addresses for this: SNS refuses a number that cannot exist, SES takes mail for its simulator and delivers none.
    pub async fn send_to_nobody(&self, kind: AddressKind, message: &Message) {
        // What comes of it is nobody's business.
        match kind {
            AddressKind::Phone => drop(self.sms().send("+0", &message.sms).await),
            AddressKind::Email => drop(self.email().send(SIMULATOR, message).await),
        }
    }

    fn sms(&self) -> &SmsSender {
        self.sms.get_or_init(|| SmsSender::new(&self.deployment.aws("SNS")))
    }

    fn email(&self) -> &EmailSender {
        self.email.get_or_init(|| EmailSender::new(&self.deployment.aws("SESV2"), self.from.clone()))
    }
}
