//! SDK clients for this crate's tests: the real ones, so that what they accept is what AWS would answer.

use aws_credential_types::Credentials;

macro_rules! client {
    ($name:ident, $service:ident) => {
        pub(crate) fn $name(endpoint: &str) -> $service::Client {
            let http = aws_smithy_http_client::Builder::new().build_http();
            let configuration = $service::Config::builder()
                .behavior_version($service::config::BehaviorVersion::latest())
                .region($service::config::Region::new("us-east-1"))
                .credentials_provider(Credentials::from_keys("local", "local", None))
                .retry_config($service::config::retry::RetryConfig::disabled())
                .endpoint_url(endpoint)
                .http_client(http)
                .build();
            $service::Client::from_conf(configuration)
        }
    };
}

client!(dynamodb, aws_sdk_dynamodb);
client!(secrets, aws_sdk_secretsmanager);
client!(ses, aws_sdk_sesv2);
client!(sns, aws_sdk_sns);
