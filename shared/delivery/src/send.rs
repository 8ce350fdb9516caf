//! One try, at one provider.

use portico_access::wechat::ServiceError;
use portico_domain::{
    address::Address,
    message::{Message, Route, Target},
    wechat::{AppId, OpenId},
};
use portico_messaging::{Mail, SendError, Sms, texts};
use portico_wechat::{Notice, TemplateMessage};

use crate::Delivery;

type Sent = Result<Option<String>, SendError>;

impl Delivery {
    /// Puts back what is hidden in the words of a message (S48).
    pub(crate) async fn reveal(&self, message: &mut Message) -> Result<(), portico_access::AccessError> {
        portico_access::reveal(&self.keyring, message).await
    }

    pub(crate) async fn send_sms(&self, message: &Message) -> Sent {
        let (route, to) = addressed(message)?;
        let keys = if self.senders.uses_gateway(to) { self.gateway_keys().await? } else { Vec::new() };
        let template = route.template.as_ref();
        let nothing = std::collections::BTreeMap::new();
        let sms = Sms {
            id: &message.id.to_string(),
            to,
            text: &route.text,
            kind: message.kind.as_str(),
            locale: message.locale,
            signature: &message.signature,
            template: template.and_then(|template| template.id.as_deref()),
            variables: template.map_or(&nothing, |template| &template.values),
        };
        Ok(self.senders.sms(&sms, &keys).await?.map(|id| id.0))
    }

    pub(crate) async fn send_mail(&self, message: &Message) -> Sent {
        let (route, to) = addressed(message)?;
        let suppressed = self.store.is_suppressed(message.portal, to.key(message.portal)).await;
        if suppressed.map_err(|error| SendError::Again(error.to_string()))? {
            return Err(SendError::Refused("mail to this address came back, or was called spam".into()));
        }
        let mail = Mail {
            id: &message.id.to_string(),
            portal: message.portal,
            to,
            sender_name: Some(message.sender_name.as_deref().unwrap_or(&message.portal_name)),
            subject: route.subject.as_deref().unwrap_or(&message.portal_name),
            text: &route.text,
            html: &texts::html(&message.portal_name, &route.text, message.locale),
        };
        Ok(self.senders.mail(&mail).await?.map(|id| id.0))
    }

    pub(crate) async fn send_wechat(&self, message: &Message) -> Sent {
        let Some((route, Target::Wechat { app, openid })) = message.current().map(|route| (route, &route.to)) else {
            return Err(SendError::Refused("it has no recipient at WeChat".into()));
        };
        let account = self.wechat.of_organisation(message.organisation).await.map_err(judge)?;
        let account = account.filter(|account| account.stored.app == *app);
        let account = account.ok_or_else(|| SendError::Refused("the service account is not bound any more".into()))?;
        let Some(template) = template_message(message, route, openid) else {
            return Err(SendError::Refused("it has no template at WeChat".into()));
        };
        if route.template.as_ref().is_some_and(|template| template.subscription) {
            let notice = Notice { to: template.to, template: template.template, url: template.url, data: template.data };
            let sent = self.wechat.with_token(&account, |token| {
                let notice = notice.clone();
                async move { self.wechat.wechat().send_subscription(&token, &notice).await }
            });
            sent.await.map_err(judge)?;
            return Ok(None);
        }
        let sent = self.wechat.with_token(&account, |token| {
            let template = template.clone();
            async move { self.wechat.wechat().send_template(&token, &template).await }
        });
        let number = sent.await.map_err(judge)?.0;
        self.remember(app, number, message).await;
        Ok(Some(number.to_string()))
    }

    /// Remembers the number that WeChat will speak of. Without it the message stays "sent": that it arrived is not learnt.
    async fn remember(&self, app: &AppId, number: u64, message: &Message) {
        if let Err(error) = self.store.remember_pushed(app, number, message, self.deployment.clock().now()).await {
            tracing::warn!(message = %message.id, %error, "the number of a message at WeChat was not kept");
        }
    }

    async fn gateway_keys(&self) -> Result<Vec<[u8; 32]>, SendError> {
        self.keyring.gateway_keys().await.map_err(|error| SendError::Again(error.to_string()))
    }
}

fn addressed(message: &Message) -> Result<(&Route, &Address), SendError> {
    match message.current().map(|route| (route, &route.to)) {
        Some((route, Target::Address(address))) => Ok((route, address)),
        _ => Err(SendError::Refused("it has no address".into())),
    }
}

fn template_message(message: &Message, route: &Route, to: &OpenId) -> Option<TemplateMessage> {
    let template = route.template.as_ref()?;
    Some(TemplateMessage {
        to: to.clone(),
        template: template.id.clone()?,
        url: template.url.clone(),
        data: template.values.iter().map(|(field, value)| (field.clone(), value.as_str().into())).collect(),
        // The same one is sent once, within the ten minutes in which a claim ends and is taken again.
        once: Some(message.id.to_string()),
    })
}

/// What WeChat's refusals mean for a message.
fn judge(error: ServiceError) -> SendError {
    use portico_wechat::Error;
    let words = error.to_string();
    match error {
        ServiceError::WeChat(error) => match error {
            Error::Unreachable(_) | Error::Unreadable(_) => SendError::Unknown(words),
            Error::Busy | Error::TokenStale | Error::Quota | Error::FixedAddressNeeded { .. } => SendError::Again(words),
            _ => SendError::Refused(words),
        },
        ServiceError::SecretsLost => SendError::Refused(words),
        ServiceError::Busy | ServiceError::Access(_) => SendError::Again(words),
    }
}
