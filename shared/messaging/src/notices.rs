//! What owners of accounts are told of what happened to them.

use portico_domain::{locale::Locale, portal::Portal, user::User};
use portico_runtime::{Deployment, MissingVariable};

use crate::{Messenger, SendFailed, texts::Message};

/// A text about an account: by signature, name of the portal and language.
pub type Notice = fn(&str, &str, Locale) -> Message;

/// Tells owners of accounts. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Notices {
    messenger: Messenger,
    default_signature: String,
}

impl Notices {
    /// Over the deployment's senders.
    pub fn open(deployment: &Deployment) -> Result<Self, MissingVariable> {
        Ok(Self { messenger: Messenger::open(deployment)?, default_signature: deployment.default_signature()? })
    }

    /// Tells the owner of an account by mail where there is a mailbox, else by SMS. What happened stands whether or not the message goes
    /// out.
    pub async fn tell(&self, portal: &Portal, user: &User, notice: Notice) -> Result<(), SendFailed> {
        let Some(address) = user.email.as_ref().or(user.phone.as_ref()) else { return Ok(()) };
        let settings = &portal.settings;
        let signature = settings.signature.as_ref().map_or(self.default_signature.as_str(), |signature| signature.as_str());
        self.messenger.send(address, &notice(signature, settings.name.as_str(), user.locale)).await
    }
}
