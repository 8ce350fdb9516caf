//! SMS through SNS.

use aws_sdk_sns::{Client, types::MessageAttributeValue};
use aws_types::SdkConfig;

use portico_runtime::describe;

use crate::SendFailed;

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

    pub(crate) async fn send(&self, phone: &str, text: &str) -> Result<(), SendFailed> {
        let transactional = MessageAttributeValue::builder().data_type("String").string_value("Transactional").build();
        let transactional = transactional.map_err(|error| SendFailed(error.to_string()))?;
        let publish = self.client.publish().phone_number(phone).message(text).message_attributes("AWS.SNS.SMS.SMSType", transactional);
        publish.send().await.map(drop).map_err(|error| SendFailed(describe(&error)))
    }
}
