//! Email through SES.

use aws_sdk_sesv2::{
    Client,
    operation::send_email::builders::SendEmailFluentBuilder,
    types::{Body, Content, Destination, EmailContent, Message as SesMessage, MessageTag},
};
use aws_types::SdkConfig;
use email_encoding::headers::{quoted_string, writer::EmailWriter};

use crate::senders::{Mail, ProviderId, SendError, of_aws};

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

    /// A mail of which nobody wants to hear again.
    pub(crate) async fn simple(&self, mailbox: &str, subject: &str, text: &str, html: &str) -> Result<Option<ProviderId>, SendError> {
        answered(self.call(mailbox, subject, text, html)?.from_email_address(&self.from)).await
    }

    /// A mail of a portal. Under a configuration set, SES tells what becomes of it, with the tags.
    pub(crate) async fn mail(&self, mail: &Mail<'_>, configuration: Option<&str>) -> Result<Option<ProviderId>, SendError> {
        let tag = |name: &str, value: &str| MessageTag::builder().name(name).value(value).build().map_err(unbuilt);
        let call = self
            .call(mail.to.as_str(), mail.subject, mail.text, mail.html)?
            .from_email_address(from(mail.sender_name, &self.from))
            .set_configuration_set_name(configuration.map(str::to_owned))
            .email_tags(tag("portal", &mail.portal.to_string())?)
            .email_tags(tag("message", mail.id)?);
        answered(call).await
    }

    fn call(&self, mailbox: &str, subject: &str, text: &str, html: &str) -> Result<SendEmailFluentBuilder, SendError> {
        let content = |text: &str| Content::builder().data(text).charset("UTF-8").build().map_err(unbuilt);
        let body = Body::builder().text(content(text)?).html(content(html)?).build();
        let simple = SesMessage::builder().subject(content(subject)?).body(body).build();
        let to = Destination::builder().to_addresses(mailbox).build();
        Ok(self.client.send_email().destination(to).content(EmailContent::builder().simple(simple).build()))
    }
}

async fn answered(call: SendEmailFluentBuilder) -> Result<Option<ProviderId>, SendError> {
    let sent = call.send().await.map_err(|error| of_aws(&error))?;
    Ok(sent.message_id.map(ProviderId))
}

fn unbuilt(error: aws_sdk_sesv2::error::BuildError) -> SendError {
    SendError::Refused(error.to_string())
}

/// The sender with a name before its address (RFC 5322 3.4). What the name has beyond letters, digits, spaces and quotes is encoded
/// (RFC 2047), so that a name never ends the address or the header.
fn from(name: Option<&str>, address: &str) -> String {
    let Some(name) = name.filter(|name| !name.is_empty()) else { return address.to_owned() };
    let mut encoded = String::new();
    let outcome = quoted_string::encode(name, &mut EmailWriter::new(&mut encoded, 0, 0, false));
    match outcome {
        // SES folds the header itself.
        Ok(()) => format!("{} <{address}>", encoded.replace("\r\n", "")),
        Err(_) => address.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::from;

    #[test]
    fn names_stand_before_the_address_and_are_encoded_where_they_must_be() {
        for (name, expected) in [
            (None, "a@b.test"),
            (Some(""), "a@b.test"),
            (Some("Example"), "Example <a@b.test>"),
            (Some("Example Ltd"), "\"Example Ltd\" <a@b.test>"),
            (Some("The \"Best\""), "\"The \\\"Best\\\"\" <a@b.test>"),
            (Some("示例公司"), "=?utf-8?b?56S65L6L5YWs5Y+4?= <a@b.test>"),
            (Some("x\r\nBcc: c@d.test"), "=?utf-8?b?eA0KQmNjOiBjQGQudGVzdA==?= <a@b.test>"),
        ] {
            assert_eq!(from(name, "a@b.test"), expected);
        }
        let long = from(Some(&"示例".repeat(30)), "a@b.test");
        assert!(long.matches("=?utf-8?b?").count() > 1 && long.split(' ').all(|word| word.len() <= 75), "{long}");
    }

    proptest! {
        #[test]
        fn no_name_ends_the_address_or_the_header(name in "\\PC*|[\\x00-\\x7f]{0,40}") {
            let shown = from(Some(&name), "a@b.test");
            prop_assert!(shown.ends_with("a@b.test>") || name.is_empty());
            prop_assert!(shown.bytes().all(|byte| (0x20..0x7f).contains(&byte)), "{}", shown);
            let before = shown.strip_suffix("<a@b.test>").unwrap_or_default();
            let quoted = before.starts_with('"');
            prop_assert!(quoted || !before.contains(['<', '>', ',', '@', '"']), "{}", shown);
        }
    }
}
