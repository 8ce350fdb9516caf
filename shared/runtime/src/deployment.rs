//! The environment of a function, typed and read once.

use std::{collections::HashMap, str::FromStr, sync::Arc};

use aws_types::SdkConfig;
use jiff::{SignedDuration, Timestamp};
use portico_domain::{limits::Caps, message::Prices};

use crate::{
    Clock,
    aws::{self, Connections},
};

/// A variable that the function needs is not set. The template sets what each function declares.
#[derive(Debug, Clone, thiserror::Error)]
#[error("environment variable {0} is missing or malformed")]
pub struct MissingVariable(pub String);

/// What a function is given by its deployment. Cheap to clone.
#[derive(Clone)]
pub struct Deployment {
    inner: Arc<Inner>,
}

struct Inner {
    variables: HashMap<&'static str, String>,
    aws: SdkConfig,
    connections: Arc<Connections>,
    clock: Clock,
}

/// All variables that any function reads. A test compares this list with the template.
pub const VARIABLES: [&str; 26] = [
    "PORTALS_TABLE",
    "USERS_TABLE",
    "CODES_TABLE",
    "MESSAGES_TABLE",
    "SECRET_ARN",
    "PUBLIC_URL",
    "FILES_BUCKET",
    "UPLOADS_URL",
    "SENDER_ADDRESS",
    "DEFAULT_SIGNATURE",
    "SMS_GATEWAY_URL",
    "SMS_GATEWAY_PREFIXES",
    "MAIL_CONFIGURATION",
    "SMS_PART_PRICE",
    "EMAIL_PRICE",
    "CURRENCY",
    "MESSAGE_BALANCE",
    "IGNORE_MESSAGES_BEFORE",
    "CAP_RECIPIENT_INTERVAL_SECONDS",
    "CAP_RECIPIENT_HOURLY",
    "CAP_RECIPIENT_DAILY",
    "CAP_CLIENT_MINUTELY",
    "CAP_CLIENT_HOURLY",
    "CAP_PORTAL_HOURLY",
    "CAP_PORTAL_DAILY_SMS",
    "RUST_LOG",
];

/// Services whose endpoints can be replaced from outside.
pub const SERVICES: [&str; 7] = [
    "AWS_ENDPOINT_URL_DYNAMODB",
    "AWS_ENDPOINT_URL_S3",
    "AWS_ENDPOINT_URL_SECRETS_MANAGER",
    "AWS_ENDPOINT_URL_SESV2",
    "AWS_ENDPOINT_URL_SNS",
    "WECHAT_API_URL",
    "WECHAT_OPEN_URL",
];

impl Deployment {
    /// Reads the environment through `variable`: the process's in Lambda, a map locally and in tests.
    pub fn new(variable: impl Fn(&str) -> Option<String>, clock: Clock) -> Self {
        Self::with(variable, clock, Connections::new(false))
    }

    fn with(variable: impl Fn(&str) -> Option<String>, clock: Clock, connections: Connections) -> Self {
        let variables = VARIABLES.iter().chain(&SERVICES).filter_map(|name| Some((*name, variable(name)?))).collect();
        let connections = Arc::new(connections);
        Self { inner: Arc::new(Inner { variables, aws: aws::settings(&variable, connections.clone()), connections, clock }) }
    }

    /// The process's environment and the system's clock.
    #[expect(clippy::disallowed_methods, reason = "this is where the environment is read")]
    pub fn from_process() -> Self {
        Self::with(|name| std::env::var(name).ok(), Clock::system(), Connections::new(true))
    }

    /// The function has answered for the first time: what only its start needs is over.
    pub(crate) fn answered(&self) {
        self.inner.connections.any();
    }

    /// The clock.
    pub fn clock(&self) -> &Clock {
        &self.inner.clock
    }

    /// Settings for the client of an AWS service, by its name in `AWS_ENDPOINT_URL_*`.
    pub fn aws(&self, service: &str) -> SdkConfig {
        let name = format!("AWS_ENDPOINT_URL_{service}");
        match self.inner.variables.get(name.as_str()).filter(|url| !url.is_empty()) {
            Some(url) => self.inner.aws.to_builder().endpoint_url(url).build(),
            None => self.inner.aws.clone(),
        }
    }

    /// Where WeChat's interface is reached instead of at api.weixin.qq.com; `None` in every deployment.
    pub fn wechat_api(&self) -> Option<&str> {
        self.replaced("WECHAT_API_URL")
    }

    /// Where people are sent to WeChat instead of to open.weixin.qq.com; `None` in every deployment.
    pub fn wechat_open(&self) -> Option<&str> {
        self.replaced("WECHAT_OPEN_URL")
    }

    /// The name of a table, by its variable.
    pub fn table(&self, variable: &'static str) -> Result<String, MissingVariable> {
        self.required(variable)
    }

    /// The ARN of the deployment's secret.
    pub fn secret_arn(&self) -> Result<String, MissingVariable> {
        self.required("SECRET_ARN")
    }

    /// The address that emails come from.
    pub fn sender_address(&self) -> Result<String, MissingVariable> {
        self.required("SENDER_ADDRESS")
    }

    /// What leads an SMS of a portal that has no signature of its own (F36).
    pub fn default_signature(&self) -> Result<String, MissingVariable> {
        self.required("DEFAULT_SIGNATURE")
    }

    /// What the deployment takes for messages, and whether organisations pay from a balance (F38, F42).
    pub fn prices(&self) -> Result<Prices, MissingVariable> {
        let default = Prices::default();
        Ok(Prices {
            sms_part: self.optional("SMS_PART_PRICE", default.sms_part)?,
            email: self.optional("EMAIL_PRICE", default.email)?,
            prepaid: self.inner.variables.get("MESSAGE_BALANCE").is_some_and(|balance| balance == "on"),
        })
    }

    /// The currency of prices and balances, as callers see it.
    pub fn currency(&self) -> Result<String, MissingVariable> {
        self.required("CURRENCY")
    }

    /// Messages made before are not sent: they come from a table that was restored (R30).
    pub fn ignore_messages_before(&self) -> Result<Option<Timestamp>, MissingVariable> {
        let given = self.inner.variables.get("IGNORE_MESSAGES_BEFORE").filter(|text| !text.is_empty());
        given.map(|text| text.parse().map_err(|_| MissingVariable("IGNORE_MESSAGES_BEFORE".into()))).transpose()
    }

    /// The gateway for text messages, and the beginnings of the phone numbers that it serves, with spaces between them; `None` where
    /// SNS sends all.
    pub fn sms_gateway(&self) -> Option<(&str, &str)> {
        Some((self.replaced("SMS_GATEWAY_URL")?, self.inner.variables.get("SMS_GATEWAY_PREFIXES").map_or("", String::as_str)))
    }

    /// The configuration set under which SES sends what it shall tell of; `None` where nobody hears.
    pub fn mail_configuration(&self) -> Option<&str> {
        self.inner.variables.get("MAIL_CONFIGURATION").map(String::as_str).filter(|name| !name.is_empty())
    }

    /// The origins under which the deployment is reached, the canonical one first; empty where only API Gateway's own name is
    /// used, which each request carries.
    pub fn public_urls(&self) -> Vec<String> {
        let urls = self.inner.variables.get("PUBLIC_URL").map(String::as_str).unwrap_or_default();
        urls.split_whitespace().map(|url| url.trim_end_matches('/').to_owned()).collect()
    }

    /// The bucket of files.
    pub fn files_bucket(&self) -> Result<String, MissingVariable> {
        self.required("FILES_BUCKET")
    }

    /// Where browsers send files: the address of the bucket.
    pub fn uploads_url(&self) -> Result<String, MissingVariable> {
        self.required("UPLOADS_URL")
    }

    /// The caps on sending codes (S9).
    pub fn caps(&self) -> Result<Caps, MissingVariable> {
        let default = Caps::default();
        let interval = self.optional("CAP_RECIPIENT_INTERVAL_SECONDS", default.recipient_interval.as_secs())?;
        Ok(Caps {
            recipient_interval: SignedDuration::from_secs(interval),
            recipient_hourly: self.optional("CAP_RECIPIENT_HOURLY", default.recipient_hourly)?,
            recipient_daily: self.optional("CAP_RECIPIENT_DAILY", default.recipient_daily)?,
            client_minutely: self.optional("CAP_CLIENT_MINUTELY", default.client_minutely)?,
            client_hourly: self.optional("CAP_CLIENT_HOURLY", default.client_hourly)?,
            portal_hourly: self.optional("CAP_PORTAL_HOURLY", default.portal_hourly)?,
            portal_daily_sms: self.optional("CAP_PORTAL_DAILY_SMS", default.portal_daily_sms)?,
        })
    }

    fn replaced(&self, name: &str) -> Option<&str> {
        self.inner.variables.get(name).map(|url| url.trim_end_matches('/')).filter(|url| !url.is_empty())
    }

    fn required(&self, name: &'static str) -> Result<String, MissingVariable> {
        self.inner.variables.get(name).filter(|value| !value.is_empty()).cloned().ok_or_else(|| MissingVariable(name.into()))
    }

    fn optional<T: FromStr>(&self, name: &'static str, default: T) -> Result<T, MissingVariable> {
        match self.inner.variables.get(name).filter(|value| !value.is_empty()) {
            Some(value) => value.parse().map_err(|_| MissingVariable(name.into())),
            None => Ok(default),
        }
    }
}

impl std::fmt::Debug for Deployment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Deployment")
    }
}
