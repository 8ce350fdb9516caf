use std::{collections::BTreeMap, time::Duration};

use portico_domain::{
    address::{Address, AddressKind},
    ids::PortalId,
    locale::Locale,
};
use portico_runtime::{Clock, Deployment};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    task::JoinHandle,
};

use crate::{Mail, ProviderId, SendError, Senders, Sms};

pub(crate) const SMS_ID: &str = "01KAMQ3ZB7W0GJ5Q4S9T2X8Y6V";
const PORTAL: &str = "01KAMQ3ZB7W0GJ5Q4S9T2X8Y6W";

/// A provider that hears one request on a real port, and answers these bytes or never.
pub(crate) struct Provider {
    pub(crate) url: String,
    hearing: JoinHandle<String>,
}

impl Provider {
    pub(crate) async fn answering(answer: Option<&'static str>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let hearing = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let (mut heard, mut part) = (Vec::new(), [0; 4096]);
            while !is_whole(&heard) {
                match stream.read(&mut part).await {
                    Ok(length) if length > 0 => heard.extend_from_slice(&part[..length]),
                    _ => break,
                }
            }
            match answer {
                Some(answer) => stream.write_all(answer.as_bytes()).await.unwrap(),
                None => tokio::time::sleep(Duration::from_secs(20)).await,
            }
            String::from_utf8(heard).unwrap()
        });
        Self { url, hearing }
    }

    pub(crate) async fn heard(self) -> String {
        self.hearing.await.unwrap()
    }
}

/// Whether a request is there with its body.
fn is_whole(heard: &[u8]) -> bool {
    let text = String::from_utf8_lossy(heard).to_lowercase();
    let Some((head, _)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.trim().parse::<usize>().ok());
    heard.len() >= head.len() + 4 + length.unwrap_or(0)
}

pub(crate) fn texts() -> (Address, BTreeMap<String, String>) {
    let phone = "+8613800138000".to_owned().try_into().unwrap();
    (phone, BTreeMap::from([("portal".to_owned(), "Example".to_owned())]))
}

pub(crate) fn sms<'a>(to: &'a Address, variables: &'a BTreeMap<String, String>) -> Sms<'a> {
    Sms {
        id: SMS_ID,
        to,
        text: "【示例】你好",
        kind: "approved",
        locale: Locale::Zh,
        signature: "示例",
        template: Some("SMS_1"),
        variables,
    }
}

pub(crate) fn kind(error: &SendError) -> &'static str {
    match error {
        SendError::Refused(_) => "refused",
        SendError::Again(_) => "again",
        SendError::Unknown(_) => "unknown",
    }
}

fn senders(url: &str, more: &[(&str, &str)]) -> Senders {
    let mut variables = BTreeMap::from([
        ("SENDER_ADDRESS", "no-reply@portico.test"),
        ("MAIL_CONFIGURATION", "Mail"),
        ("AWS_ENDPOINT_URL_SNS", url),
        ("AWS_ENDPOINT_URL_SESV2", url),
        ("AWS_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", "local"),
        ("AWS_SECRET_ACCESS_KEY", "local"),
    ]);
    variables.extend(more.iter().copied());
    let deployment = Deployment::new(|name| variables.get(name).map(|value| (*value).to_owned()), Clock::system());
    Senders::open(&deployment).unwrap()
}

async fn mail(senders: &Senders) -> Result<Option<ProviderId>, SendError> {
    let to = "li@example.com".to_owned().try_into().unwrap();
    let portal: PortalId = PORTAL.parse().unwrap();
    let mail = Mail { id: SMS_ID, portal, to: &to, sender_name: Some("示例"), subject: "s", text: "t", html: "<p>h</p>" };
    senders.mail(&mail).await
}

#[tokio::test]
async fn a_mail_carries_its_ids_the_configuration_set_and_the_senders_name() {
    let provider = Provider::answering(Some("HTTP/1.1 200 OK\r\ncontent-length: 19\r\n\r\n{\"MessageId\":\"m-1\"}")).await;
    assert_eq!(mail(&senders(&provider.url, &[])).await, Ok(Some(ProviderId("m-1".into()))));
    let heard = provider.heard().await;
    let body: serde_json::Value = serde_json::from_str(heard.split_once("\r\n\r\n").unwrap().1).unwrap();
    assert_eq!(body["FromEmailAddress"], "=?utf-8?b?56S65L6L?= <no-reply@portico.test>");
    assert_eq!(body["ConfigurationSetName"], "Mail");
    assert_eq!(body["EmailTags"], serde_json::json!([{ "Name": "portal", "Value": PORTAL }, { "Name": "message", "Value": SMS_ID }]));
}

#[tokio::test]
async fn what_ses_says_decides_what_becomes_of_the_message() {
    // R15, S10
    for (answer, expected) in [
        ("HTTP/1.1 400 X\r\nx-amzn-errortype: MessageRejected\r\ncontent-length: 28\r\n\r\n{\"message\":\"li@example.com\"}", "refused"),
        ("HTTP/1.1 400 X\r\nx-amzn-errortype: BadRequestException\r\ncontent-length: 2\r\n\r\n{}", "refused"),
        ("HTTP/1.1 429 X\r\nx-amzn-errortype: TooManyRequestsException\r\ncontent-length: 2\r\n\r\n{}", "again"),
        ("HTTP/1.1 400 X\r\nx-amzn-errortype: SendingPausedException\r\ncontent-length: 2\r\n\r\n{}", "again"),
        ("HTTP/1.1 403 X\r\nx-amzn-errortype: AccessDeniedException\r\ncontent-length: 2\r\n\r\n{}", "again"),
        ("HTTP/1.1 500 X\r\nx-amzn-errortype: InternalFailure\r\ncontent-length: 2\r\n\r\n{}", "again"),
        ("HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nx", "unknown"),
        ("HTTP/1.1 200 OK\r\ncontent-length: 40\r\n\r\n{", "unknown"),
        ("", "unknown"),
    ] {
        let provider = Provider::answering(Some(answer)).await;
        let error = mail(&senders(&provider.url, &[])).await.unwrap_err();
        assert_eq!(kind(&error), expected, "{answer}: {error}");
        assert!(!error.to_string().contains("li@example.com"), "{error}");
    }
}

#[tokio::test]
async fn what_sns_says_decides_what_becomes_of_the_message() {
    // R15, S10
    let (phone, variables) = texts();
    let error = |status: &str, code: &str| -> &'static str {
        let body = format!(
            "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>+8613800138000</Message></Error></ErrorResponse>"
        );
        format!("HTTP/1.1 {status} X\r\ncontent-type: text/xml\r\ncontent-length: {}\r\n\r\n{body}", body.len()).leak()
    };
    for (answer, expected) in [
        (error("400", "InvalidParameter"), "refused"),
        (error("400", "OptedOut"), "refused"),
        (error("400", "Throttled"), "again"),
        (error("400", "Throttling"), "again"),
        (error("403", "AuthorizationError"), "again"),
        (error("500", "InternalError"), "again"),
        (error("503", "ServiceUnavailable"), "again"),
        ("", "unknown"),
    ] {
        let provider = Provider::answering(Some(answer)).await;
        let failed = senders(&provider.url, &[]).sms(&sms(&phone, &variables), &[]).await.unwrap_err();
        assert_eq!(kind(&failed), expected, "{answer}: {failed}");
        assert!(!failed.to_string().contains("138"), "{failed}");
    }
}

#[tokio::test]
async fn without_a_connection_nothing_was_sent_and_without_an_answer_nobody_knows() {
    // R15
    let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let nobody = mail(&senders(&format!("http://127.0.0.1:{port}"), &[])).await;
    assert_eq!(kind(&nobody.unwrap_err()), "again");
    let silent = Provider::answering(None).await;
    let unanswered = mail(&senders(&silent.url, &[])).await;
    assert_eq!(kind(&unanswered.unwrap_err()), "unknown");
}

#[tokio::test]
async fn the_gateway_takes_the_numbers_of_its_prefixes_and_sns_the_others() {
    let (phone, variables) = texts();
    let (sns, gateway) =
        (Provider::answering(Some("")).await, Provider::answering(Some("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")).await);
    let senders = senders(&sns.url, &[("SMS_GATEWAY_URL", &gateway.url), ("SMS_GATEWAY_PREFIXES", "+86")]);
    let elsewhere = "+33612345678".to_owned().try_into().unwrap();
    assert!(senders.uses_gateway(&phone) && !senders.uses_gateway(&elsewhere));
    assert_eq!(senders.sms(&sms(&phone, &variables), &[[1; 32]]).await, Ok(None));
    assert!(gateway.heard().await.contains("webhook-signature: v1,"));
    senders.sms(&sms(&elsewhere, &variables), &[]).await.unwrap_err();
    assert!(sns.heard().await.contains("PhoneNumber=%2B33612345678"));
}

#[tokio::test]
async fn sending_to_nobody_reaches_nobody() {
    // S40, S41
    for (kind, expected) in [(AddressKind::Phone, "PhoneNumber=%2B0&"), (AddressKind::Email, "success@simulator.amazonses.com")] {
        let provider = Provider::answering(Some("")).await;
        senders(&provider.url, &[]).to_nobody(kind, "text", "subject", "<p>html</p>").await;
        assert!(provider.heard().await.contains(expected), "{kind:?}");
    }
}

#[test]
fn a_gateway_without_tls_is_not_taken() {
    // S64
    let variables = BTreeMap::from([("SENDER_ADDRESS", "a@b.test"), ("SMS_GATEWAY_URL", "http://sms.example.com")]);
    let deployment = Deployment::new(|name| variables.get(name).map(|value| (*value).to_owned()), Clock::system());
    assert_eq!(Senders::open(&deployment).unwrap_err().0, "SMS_GATEWAY_URL");
}
