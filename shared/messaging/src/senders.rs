//! How messages leave the house: SMS by SNS or by the deployment's gateway, mail by SES. One try each; what a failed try means for
//! the message is said by the kind of the error.

use std::{
    collections::BTreeMap,
    sync::{Arc, OnceLock},
};

use aws_sdk_sesv2::error::{ProvideErrorMetadata, SdkError};
use hyper_util::client::legacy::Error as ClientError;
use portico_domain::{
    address::{Address, AddressKind},
    ids::PortalId,
    locale::Locale,
};
use portico_runtime::{Clock, Deployment, MissingVariable, describe};

use crate::{email::EmailSender, gateway::Gateway, sms::SmsSender};

/// The mailbox simulator of SES: takes everything, delivers nothing, and does not count for the sender's reputation.
const SIMULATOR: &str = "success@simulator.amazonses.com";

/// What the provider said. `Display` never contains an address or a text (S10).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// It never will send this.
    #[error("refused: {0}")]
    Refused(String),
    /// Not sent; later perhaps.
    #[error("not now: {0}")]
    Again(String),
    /// No answer: sent or not (R15).
    #[error("no answer: {0}")]
    Unknown(String),
}

/// The provider's name for a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderId(pub String);

/// A text message.
pub struct Sms<'a> {
    /// Our id: a gateway drops what it had under the same.
    pub id: &'a str,
    /// A phone number.
    pub to: &'a Address,
    /// The whole text, with its signature.
    pub text: &'a str,
    /// What the message is about, as gateways know templates by it.
    pub kind: &'a str,
    /// Language of the text.
    pub locale: Locale,
    /// Who signs it (F36).
    pub signature: &'a str,
    /// The name under which the text is registered with carriers.
    pub template: Option<&'a str>,
    /// What stands for the variables of the template.
    pub variables: &'a BTreeMap<String, String>,
}

/// A mail.
pub struct Mail<'a> {
    /// Our id, which comes back with what SES tells of the mail.
    pub id: &'a str,
    /// The portal, likewise.
    pub portal: PortalId,
    /// A mailbox.
    pub to: &'a Address,
    /// Whose name stands before the deployment's sender address.
    pub sender_name: Option<&'a str>,
    /// Subject line.
    pub subject: &'a str,
    /// The plain part.
    pub text: &'a str,
    /// The HTML part.
    pub html: &'a str,
}

/// The deployment's senders. Cheap to clone; each client is made when it is first needed.
#[derive(Clone)]
pub struct Senders {
    deployment: Deployment,
    from: String,
    configuration: Option<String>,
    gateway: Option<Arc<Gateway>>,
    sms: Arc<OnceLock<SmsSender>>,
    email: Arc<OnceLock<EmailSender>>,
}

impl Senders {
    /// Over the deployment's SNS, SES and gateway, if it has one.
    pub fn open(deployment: &Deployment) -> Result<Self, MissingVariable> {
        let gateway = deployment.sms_gateway().map(|(url, prefixes)| Gateway::new(url, prefixes)).transpose();
        Ok(Self {
            deployment: deployment.clone(),
            from: deployment.sender_address()?,
            configuration: deployment.mail_configuration().map(str::to_owned),
            gateway: gateway.map_err(|_| MissingVariable("SMS_GATEWAY_URL".into()))?.map(Arc::new),
            sms: Arc::default(),
            email: Arc::default(),
        })
    }

    /// Whether text messages to this number go by the gateway.
    pub fn uses_gateway(&self, to: &Address) -> bool {
        self.gateway_for(to).is_some()
    }

    /// Sends a text message, once. The keys sign what goes to a gateway, the current one first.
    pub async fn sms(&self, sms: &Sms<'_>, gateway_keys: &[[u8; 32]]) -> Result<Option<ProviderId>, SendError> {
        match self.gateway_for(sms.to) {
            Some(gateway) => gateway.send(sms, gateway_keys, self.clock().now()).await,
            None => self.sns().publish(sms.to.as_str(), sms.text).await,
        }
    }

    /// Sends a mail, once.
    pub async fn mail(&self, mail: &Mail<'_>) -> Result<Option<ProviderId>, SendError> {
        self.ses().mail(mail, self.configuration.as_deref()).await
    }

    /// Goes through all that sending takes, to nobody: whoever times the answer does not learn whether a message went out (S40, S41).
    ///
    /// Providers have addresses for this: SNS refuses a number that cannot exist, SES takes mail for its simulator and delivers none.
    pub async fn to_nobody(&self, kind: AddressKind, text: &str, subject: &str, html: &str) {
        // What comes of it is nobody's business.
        match kind {
            AddressKind::Phone => drop(self.sns().publish("+0", text).await),
            AddressKind::Email => drop(self.ses().simple(SIMULATOR, subject, text, html).await),
        }
    }

    fn gateway_for(&self, to: &Address) -> Option<&Gateway> {
        self.gateway.as_deref().filter(|gateway| gateway.serves(to.as_str()))
    }

    fn clock(&self) -> &Clock {
        self.deployment.clock()
    }

    fn sns(&self) -> &SmsSender {
        self.sms.get_or_init(|| SmsSender::new(&self.deployment.aws("SNS")))
    }

    fn ses(&self) -> &EmailSender {
        self.email.get_or_init(|| EmailSender::new(&self.deployment.aws("SESV2"), self.from.clone()))
    }
}

impl std::fmt::Debug for Senders {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Senders")
    }
}

/// What AWS says of the account, its rights or its speed, and not of the message: another time it may be taken.
const PASSING: [&str; 16] = [
    "AccessDenied",
    "AccessDeniedException",
    "AccountSuspendedException",
    "AuthorizationError",
    "ConfigurationSetSendingPausedException",
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidClientTokenId",
    "LimitExceededException",
    "MailFromDomainNotVerifiedException",
    "RequestLimitExceeded",
    "SendingPausedException",
    "Throttled",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
];

/// What a failed call to SNS or SES, made once, means for the message.
pub(crate) fn of_aws<E: ProvideErrorMetadata>(error: &SdkError<E>) -> SendError {
    let said = describe(error);
    let passing = |code: &str| PASSING.contains(&code);
    match error {
        SdkError::ServiceError(answer) if answer.raw().status().is_server_error() => SendError::Again(said),
        SdkError::ServiceError(answer) if answer.raw().status().as_u16() == 429 => SendError::Again(said),
        SdkError::ServiceError(answer) if answer.err().code().is_some_and(passing) => SendError::Again(said),
        SdkError::ServiceError(answer) if answer.raw().status().is_client_error() => SendError::Refused(said),
        SdkError::ConstructionFailure(_) => SendError::Refused(said),
        SdkError::ResponseError(answer) if answer.raw().status().is_server_error() => SendError::Again(said),
        // The only time limit within a call is that for the connection.
        SdkError::DispatchFailure(failure) if failure.is_timeout() || failure.is_user() => SendError::Again(said),
        SdkError::DispatchFailure(failure) if failure.as_connector_error().is_some_and(|error| not_connected(error)) => {
            SendError::Again(said)
        }
        _ => SendError::Unknown(said),
    }
}

/// Whether a request was never sent, because there was no connection to send it on.
fn not_connected(error: &(dyn std::error::Error + 'static)) -> bool {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.filter_map(|error| error.downcast_ref::<ClientError>()).any(ClientError::is_connect)
}

#[cfg(test)]
pub(crate) mod tests;
