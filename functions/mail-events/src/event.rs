//! Events of SES as they are published to a topic.

use std::collections::BTreeMap;

use portico_domain::{
    ids::{MessageId, PortalId},
    message::MailEvent,
};
use serde::Deserialize;
use serde_json::Value;

/// What an event tells of one of our messages.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) portal: PortalId,
    pub(crate) message: MessageId,
    pub(crate) event: MailEvent,
}

/// Why an event tells nothing.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Unread {
    /// It is about a mail that has no tags of ours.
    NotOurs,
    /// It is none that SES documents, or of a kind that nobody asked for.
    Unknown(&'static str),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    event_type: String,
    mail: Mail,
    bounce: Option<Bounce>,
}

#[derive(Deserialize)]
struct Mail {
    #[serde(default)]
    tags: BTreeMap<String, Vec<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Bounce {
    bounce_type: String,
}

/// Reads the text of a notice.
pub(crate) fn read(text: &Value) -> Result<Told, Unread> {
    let text = text.as_str().ok_or(Unread::Unknown("no text"))?;
    let event: Event = serde_json::from_str(text).map_err(|_| Unread::Unknown("no event of SES"))?;
    let tag = |name: &str| event.mail.tags.get(name).and_then(|values| values.first());
    let (Some(portal), Some(message)) = (tag("portal"), tag("message")) else { return Err(Unread::NotOurs) };
    Ok(Told {
        portal: portal.parse().map_err(|_| Unread::Unknown("the tag portal is no id"))?,
        message: message.parse().map_err(|_| Unread::Unknown("the tag message is no id"))?,
        event: kind(&event).ok_or(Unread::Unknown("another kind"))?,
    })
}

fn kind(event: &Event) -> Option<MailEvent> {
    Some(match event.event_type.as_str() {
        "Send" => MailEvent::Sent,
        "Delivery" => MailEvent::Delivered,
        // `Transient` and `Undetermined` are the other types.
        "Bounce" => MailEvent::Bounced { permanent: event.bounce.as_ref()?.bounce_type == "Permanent" },
        "Complaint" => MailEvent::Complained,
        "Reject" => MailEvent::Rejected,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use portico_domain::message::MailEvent;
    use serde_json::{Value, json};

    use super::{Unread, read};

    const PORTAL: &str = "01KAMQ3ZB7W0GJ5Q4S9T2X8Y6V";
    const MESSAGE: &str = "01KAMQ3ZB7W0GJ5Q4S9T2X8Y6W";

    /// An event as SES publishes it, shortened.
    fn text(kind: &str, tags: Value, detail: Value) -> Value {
        let mail = json!({"timestamp": "2027-01-15T08:00:00.000Z", "messageId": "m", "destination": ["li@example.com"], "tags": tags});
        let mut event = json!({"eventType": kind, "mail": mail});
        event[kind.to_lowercase()] = detail;
        Value::from(event.to_string())
    }

    fn ours() -> Value {
        json!({"ses:configuration-set": ["Mail"], "portal": [PORTAL], "message": [MESSAGE]})
    }

    #[test]
    fn events_name_the_message_and_what_became_of_it() {
        for (kind, detail, expected) in [
            ("Send", json!({}), MailEvent::Sent),
            ("Delivery", json!({"recipients": ["li@example.com"]}), MailEvent::Delivered),
            ("Bounce", json!({"bounceType": "Permanent", "bounceSubType": "General"}), MailEvent::Bounced { permanent: true }),
            ("Bounce", json!({"bounceType": "Transient"}), MailEvent::Bounced { permanent: false }),
            ("Bounce", json!({"bounceType": "Undetermined"}), MailEvent::Bounced { permanent: false }),
            ("Complaint", json!({"complaintFeedbackType": "abuse"}), MailEvent::Complained),
            ("Reject", json!({"reason": "Bad content"}), MailEvent::Rejected),
        ] {
            let told = read(&text(kind, ours(), detail)).unwrap();
            assert_eq!((told.portal.to_string().as_str(), told.message.to_string().as_str(), told.event), (PORTAL, MESSAGE, expected));
        }
    }

    #[test]
    fn what_is_not_ours_or_not_known_tells_nothing() {
        assert_eq!(read(&text("Send", json!({"ses:configuration-set": ["Mail"]}), json!({}))), Err(Unread::NotOurs));
        for unknown in [
            Value::Null,
            Value::from("Successfully validated SNS topic for Amazon SES event publishing."),
            Value::from("{}"),
            text("Open", ours(), json!({})),
            text("Bounce", ours(), Value::Null),
            text("Send", json!({"portal": ["x"], "message": [MESSAGE]}), json!({})),
            text("Send", json!({"portal": [PORTAL], "message": ["x"]}), json!({})),
        ] {
            assert!(matches!(read(&unknown), Err(Unread::Unknown(_))), "{unknown}");
        }
    }
}
