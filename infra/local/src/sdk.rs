//! SDK clients for this crate's tests: the real ones, so that what they accept is what AWS would answer.

use portico_runtime::{Clock, Deployment};

macro_rules! client {
    ($name:ident, $service:ident) => {
        pub(crate) fn $name(endpoint: &str) -> $service::Client {
            let variable = |name: &str| match name {
                "AWS_REGION" => Some("us-east-1".to_owned()),
                "AWS_ENDPOINT_URL" => Some(endpoint.to_owned()),
                "AWS_ACCESS_KEY_ID" | "AWS_SECRET_ACCESS_KEY" => Some("local".to_owned()),
                _ => None,
            };
            let settings = Deployment::new(variable, Clock::system()).aws("LOCAL");
            let configuration =
                $service::config::Builder::from(&settings).retry_config($service::config::retry::RetryConfig::disabled()).build();
            $service::Client::from_conf(configuration)
        }
    };
}

client!(dynamodb, aws_sdk_dynamodb);
client!(secrets, aws_sdk_secretsmanager);
client!(ses, aws_sdk_sesv2);
client!(sns, aws_sdk_sns);
