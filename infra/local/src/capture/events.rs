//! What SES tells of mails that were sent under a configuration set: events on a topic, of which Lambda makes events of its own.

use serde_json::{Value, json};

use crate::capture::Capture;
use crate::functions::Handle;
use crate::random;

/// How often Lambda calls a function with a notice of a topic, the first time included.
const TRIES: usize = 3;

/// A mail that SES took, as its events have it.
pub(super) struct Taken<'a> {
    pub(super) id: &'a str,
    pub(super) from: &'a str,
    pub(super) to: &'a str,
    /// Name and value.
    pub(super) tags: &'a [(String, String)],
    pub(super) configuration: &'a str,
}

/// What becomes of a mail: addresses of SES's simulator bounce and complain, and so do all below two domains that cannot exist.
pub(super) fn fate(to: &str) -> &'static [&'static str] {
    match to.split_once('@').unwrap_or_default() {
        ("bounce", "simulator.amazonses.com") | (_, "bounce.test") => &["Send", "Bounce"],
        ("complaint", "simulator.amazonses.com") | (_, "complaint.test") => &["Send", "Delivery", "Complaint"],
        _ => &["Send", "Delivery"],
    }
}

impl Capture {
    /// Lets SES tell what becomes of a mail.
    pub(super) fn tell(&self, mail: &Taken<'_>) {
        let events = fate(mail.to).iter().map(|kind| self.notice(&event(kind, mail, &(self.now)().to_string())));
        self.state().events.extend(events);
    }

    /// The notice of an event, as Lambda gives it to a function.
    fn notice(&self, event: &Value) -> Value {
        let topic = "arn:aws:sns:us-east-1:000000000000:MailEventsTopic";
        json!({"Records": [{
            "EventSource": "aws:sns",
            "EventVersion": "1.0",
            "EventSubscriptionArn": format!("{topic}:{}", random::uuid()),
            "Sns": {
                "Type": "Notification",
                "MessageId": random::uuid(),
                "TopicArn": topic,
                "Subject": "Amazon SES Email Event Notification",
                "Message": event.to_string(),
                "Timestamp": (self.now)(),
                "SignatureVersion": "1",
                "Signature": "",
                "SigningCertUrl": "",
                "UnsubscribeUrl": "",
                "MessageAttributes": {},
            },
        }]})
    }

    /// Hands what SES has told to the function for it; answers whether there was something.
    pub(crate) async fn settle(&self, function: &Handle) -> bool {
        let events = std::mem::take(&mut self.state().events);
        for event in &events {
            for _ in 0..TRIES {
                match function(event.clone()).await {
                    Ok(_) => break,
                    Err(error) => tracing::warn!(error, "mail event"),
                }
            }
        }
        !events.is_empty()
    }
}

/// An event as SES publishes it.
fn event(kind: &str, mail: &Taken<'_>, now: &str) -> Value {
    let recipients = json!([{"emailAddress": mail.to}]);
    let (member, detail) = match kind {
        "Bounce" => (
            "bounce",
            json!({"bounceType": "Permanent", "bounceSubType": "General", "bouncedRecipients": recipients, "timestamp": now, "feedbackId": mail.id}),
        ),
        "Complaint" => (
            "complaint",
            json!({"complainedRecipients": recipients, "timestamp": now, "feedbackId": mail.id, "complaintFeedbackType": "abuse"}),
        ),
        "Delivery" => {
            ("delivery", json!({"timestamp": now, "processingTimeMillis": 500, "recipients": [mail.to], "smtpResponse": "250 ok"}))
        }
        _ => ("send", json!({})),
    };
    let mut tags = json!({"ses:configuration-set": [mail.configuration]});
    for (name, value) in mail.tags {
        tags[name] = json!([value]);
    }
    let mut event = json!({
        "eventType": kind,
        "mail": {
            "timestamp": now,
            "source": mail.from,
            "sendingAccountId": "000000000000",
            "messageId": mail.id,
            "destination": [mail.to],
            "headersTruncated": false,
            "tags": tags,
        },
    });
    event[member] = detail;
    event
}
