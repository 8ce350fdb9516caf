//! Email through SES.

use aws_sdk_sesv2::{
    Client,
    types::{Body, Content, Destination, EmailContent, Message as SesMessage},
};
use aws_types::SdkConfig;

use portico_runtime::describe;

use crate::{SendFailed, texts::Message};

#[derive(Debug, Clone)]
pub(crate) struct EmailSender {
    client: Client,
    from: String,
}

impl EmailSender {
    /// One try only: a provider that timed out may have sent (R15).
    pub(crate) fn new(settings: &SdkConfig, from: String) -> Self {
        let config = aws_sdk_sesv2::config::Builder::from(settings).retry_config(aws_sdk_sesv2::config::retry::RetryConfig::disabled());
        Self { client: Client::from_conf(config.build()), from }
    }

    pub(crate) async fn send(&self, mailbox: &str, message: &Message) -> Result<(), SendFailed> {
        let content = |text: &str| Content::builder().data(text).charset("UTF-8").build().map_err(|error| SendFailed(error.to_string()));
        let body = Body::builder().text(content(&message.text)?).html(content(&message.html)?).build();
        let simple = SesMessage::builder().subject(content(&message.subject)?).body(body).build();
        let send = self
            .client
            .send_email()
            .from_email_address(&self.from)
            .destination(Destination::builder().to_addresses(mailbox).build())
            .content(EmailContent::builder().simple(simple).build());
        send.send().await.map(drop).map_err(|error| SendFailed(describe(&error)))
    }
}
