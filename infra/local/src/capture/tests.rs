use std::sync::Arc;

use aws_sdk_sesv2::types::{Body, Content, Destination, EmailContent, Message as Mail};
use aws_sdk_sns::error::ProvideErrorMetadata;
use jiff::Timestamp;
use tokio::task::JoinSet;

use super::{Capture, Sender};
use crate::messages::{Channel, Message};
use crate::sdk;
use crate::template::Secret;

pub(super) const NOW: i64 = 1_800_000_000;

pub(super) async fn capture(tasks: &mut JoinSet<()>) -> Capture {
    let secret = Secret {
        resource: "DeploymentSecret".to_owned(),
        arn: "arn:aws:secretsmanager:us-east-1:000000000000:secret:DeploymentSecret".to_owned(),
        length: 64,
        object: None,
    };
    let now = Arc::new(|| Timestamp::from_second(NOW).unwrap());
    Capture::start(None, &[secret], Arc::default(), now, tasks).await.unwrap()
}

fn text(data: &str) -> Content {
    Content::builder().data(data).build().unwrap()
}

#[tokio::test]
async fn text_messages_are_kept_newest_first() {
    let mut tasks = JoinSet::new();
    let capture = capture(&mut tasks).await;
    let sns = sdk::sns(capture.endpoint());
    let first = "【Portico】验证码 123456，5 分钟内有效 & <好>";
    for message in [first, "second"] {
        let sent = sns.publish().phone_number("+8613800138000").message(message).send().await.unwrap();
        assert!(sent.message_id().is_some());
    }
    sns.publish().phone_number("+8613800138001").message("other").send().await.unwrap();
    let kept = capture.messages().list(Some("+8613800138000"));
    let texts: Vec<_> = kept.iter().map(|message| message.text.as_str()).collect();
    assert_eq!(texts, ["second", first]);
    assert_eq!(kept[1].code(), Some("123456"));
    assert_eq!(
        serde_json::to_string(&kept[0]).unwrap(),
        r#"{"channel":"sms","to":"+8613800138000","text":"second","at":"2027-01-15T08:00:00Z"}"#
    );
    assert_eq!(capture.messages().list(None).len(), 3);
}

#[tokio::test]
async fn malformed_text_messages_are_refused_as_sns_refuses_them() {
    let mut tasks = JoinSet::new();
    let capture = capture(&mut tasks).await;
    let sns = sdk::sns(capture.endpoint());
    for (number, message) in [("13800138000", "x"), ("+8613800138000", ""), ("+86138001380001234", "x")] {
        let error = sns.publish().phone_number(number).message(message).send().await.unwrap_err();
        assert!(error.as_service_error().unwrap().is_invalid_parameter_exception(), "{error:?}");
    }
    let long = "x".repeat(1_601);
    let error = sns.publish().phone_number("+8613800138000").message(long).send().await.unwrap_err();
    assert_eq!(error.code(), Some("InvalidParameter"));
    assert!(capture.messages().list(None).is_empty());
}

#[tokio::test]
async fn mails_are_kept_with_subject_and_both_parts() {
    let mut tasks = JoinSet::new();
    let capture = capture(&mut tasks).await;
    let ses = sdk::ses(capture.endpoint());
    let body = Body::builder().text(text("code 654321")).html(text("<b>654321</b>")).build();
    let mail = Mail::builder().subject(text("Your code")).body(body).build();
    let send = ses.send_email().content(EmailContent::builder().simple(mail).build());
    let to = Destination::builder().to_addresses("Anna <anna@example.test>").build();
    let sent = send.clone().from_email_address("no-reply@portico.test").destination(to);
    assert!(sent.send().await.unwrap().message_id().is_some());
    assert_eq!(
        capture.messages().last("Anna@example.test").unwrap(),
        Message {
            channel: Channel::Email,
            to: "anna@example.test".to_owned(),
            text: "code 654321".to_owned(),
            html: Some("<b>654321</b>".to_owned()),
            subject: Some("Your code".to_owned()),
            from: Some("no-reply@portico.test".to_owned()),
            id: None,
            at: Timestamp::from_second(NOW).unwrap(),
        }
    );
    let nobody = Destination::builder().to_addresses("nobody").build();
    let refused = send.from_email_address("no-reply@portico.test").destination(nobody);
    let error = refused.send().await.unwrap_err();
    assert!(error.as_service_error().unwrap().is_bad_request_exception(), "{error:?}");
}

#[tokio::test]
async fn senders_fail_on_demand() {
    let mut tasks = JoinSet::new();
    let capture = capture(&mut tasks).await;
    let sns = sdk::sns(capture.endpoint());
    let publish = sns.publish().phone_number("+8613800138000").message("x");
    capture.fail(Some(Sender::Sns));
    assert_eq!(publish.clone().send().await.unwrap_err().code(), Some("InternalError"));
    capture.fail(Some(Sender::Ses));
    publish.send().await.unwrap();
    assert_eq!(capture.messages().list(None).len(), 1);
}

#[tokio::test]
async fn a_rotated_secret_keeps_its_previous_version() {
    let mut tasks = JoinSet::new();
    let capture = capture(&mut tasks).await;
    let secrets = sdk::secrets(capture.endpoint());
    let arn = "arn:aws:secretsmanager:us-east-1:000000000000:secret:DeploymentSecret";
    let value = secrets.get_secret_value().secret_id(arn);
    let first = value.clone().send().await.unwrap();
    assert_eq!(first.secret_string().unwrap().len(), 64);
    let previous = value.clone().version_stage("AWSPREVIOUS");
    let error = previous.clone().send().await.unwrap_err();
    assert!(error.as_service_error().unwrap().is_resource_not_found_exception());

    capture.rotate_secrets().unwrap();
    let second = value.clone().version_stage("AWSCURRENT").send().await.unwrap();
    assert_ne!(second.secret_string(), first.secret_string());
    let previous = previous.send().await.unwrap();
    assert_eq!(previous.secret_string(), first.secret_string());
    assert_eq!(previous.version_id(), first.version_id());
    let error = secrets.get_secret_value().secret_id("other").send().await.unwrap_err();
    assert!(error.as_service_error().unwrap().is_resource_not_found_exception());
}
