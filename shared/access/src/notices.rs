//! What people are told of what happens to them, written together with it.

use portico_domain::{
    ids::NewsId,
    message::{Message, News, NewsEvent},
    portal::Portal,
    user::{Status, User},
};
use portico_messaging::{About, Birth, Outbox, Recipient};
use portico_runtime::entropy;
use portico_store::Sealed;

use crate::{
    AccessError, Gate, Keyring,
    keys::Keys,
    sealing::{open, seal},
};

/// Takes a secret out of the words of a message, such as that of an invitation's link: stored it is encrypted (S48).
pub async fn hide(keyring: &Keyring, message: &mut Message, secret: &str) -> Result<(), AccessError> {
    let keys = keyring.current().await?;
    let sealed = seal(&keys, Keys::message, &message.id.to_bytes(), secret.as_bytes())?;
    message.hide(secret);
    message.sealed = Some((sealed.text, sealed.secret_version));
    Ok(())
}

/// Puts it back, before the message is sent.
pub async fn reveal(keyring: &Keyring, message: &mut Message) -> Result<(), AccessError> {
    let Some((text, secret_version)) = message.sealed.clone() else { return Ok(()) };
    let keys = keyring
        .version(&secret_version)
        .await?
        .ok_or(AccessError::Crypto("the secret of a message was encrypted with a key that is gone"))?;
    let secret = open(&keys, Keys::message, &message.id.to_bytes(), &Sealed { text, secret_version })?;
    message.reveal(&String::from_utf8_lossy(&secret));
    Ok(())
}

impl Gate {
    /// The message by which the owner of an account hears of what happens to it, to be written with it (S18, S30). `None` if nothing
    /// leads to them.
    pub async fn notice(&self, portal: &Portal, to: &Recipient<'_>, about: About<'_>) -> Result<Option<Message>, AccessError> {
        let settings = self.store.message_settings(portal.id).await?.settings;
        let birth = Birth::new(self.deployment.clock().now(), entropy::wide()?);
        Ok(Outbox::open(&self.deployment)?.message(birth, portal, to, about, &settings))
    }

    /// What administrators are told when an account becomes what `after` is (F48): somebody new waits for them, or is in.
    pub(crate) fn news_of(&self, portal: &Portal, before: Option<&User>, after: &User) -> Result<Option<News>, AccessError> {
        let was = before.map(|user| user.status);
        if !matches!(after.status, Status::Pending | Status::Active) || matches!(was, Some(Status::Pending | Status::Active)) {
            return Ok(None);
        }
        let at = self.deployment.clock().now();
        let event = NewsEvent::SignedUp { user: after.id, pending: after.status == Status::Pending };
        let id = NewsId::new(at, entropy::wide()?);
        Ok(Some(News { id, organisation: portal.organisation, portal: portal.id, event, at }))
    }
}
