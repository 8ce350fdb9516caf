//! SMS through SNS.

use aws_sdk_sns::{Client, types::MessageAttributeValue};
use aws_types::SdkConfig;

use crate::senders::{ProviderId, SendError, of_aws};

#[derive(Debug, Clone)]
pub(crate) struct SmsSender {
    client: Client,
}

impl SmsSender {
    /// One try only: a provider that timed out may have sent (R15).
    pub(crate) fn new(settings: &SdkConfig) -> Self {
        let config = aws_sdk_sns::config::Builder::from(settings).retry_config(aws_sdk_sns::config::retry::RetryConfig::disabled());
        Self { client: Client::from_conf(config.build()) }
    }

    pub(crate) async fn publish(&self, phone: &str, text: &str) -> Result<Option<ProviderId>, SendError> {
        let transactional = MessageAttributeValue::builder().data_type("String").string_value("Transactional").build();
        let transactional = transactional.map_err(|error| SendError::Refused(error.to_string()))?;
        let publish = self.client.publish().phone_number(phone).message(text).message_attributes("AWS.SNS.SMS.SMSType", transactional);
        let sent = publish.send().await.map_err(|error| of_aws(&error))?;
        Ok(sent.message_id.map(ProviderId))
    }
}
