//! What WeChat pushes: checked by signature and time, opened, and read into what it means to us (S63).

use std::{collections::BTreeMap, fmt};

use jiff::{SignedDuration, Timestamp};
use portico_domain::wechat::{AppId, Mode, OpenId, Scene, Secrets};
use serde::Deserialize;
use sha1::{Digest, Sha1};
use subtle::ConstantTimeEq;

use crate::{
    envelope::Envelope,
    messages::MessageId,
    xml::{self, BadXml},
};

/// How far the time of a push may be from ours, in either direction. WeChat tries three times within 15 seconds.
pub const WINDOW: SignedDuration = SignedDuration::from_mins(5);
/// What leads the scene where a newcomer scanned.
const NEWCOMER: &str = "qrscene_";

/// The query of a push, and of the first call by which WeChat sees that the address is ours.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct PushQuery {
    /// Signs token, time and nonce.
    pub signature: Option<String>,
    /// Seconds since 1970.
    pub timestamp: Option<String>,
    /// Random, WeChat's.
    pub nonce: Option<String>,
    /// What the first call wants to hear again.
    pub echostr: Option<String>,
    /// Signs the sealed text as well.
    pub msg_signature: Option<String>,
}

/// A push is not taken. The caller learns none of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Not signed with the account's token.
    #[error("the signature is missing or wrong")]
    Signature,
    /// More than [`WINDOW`] away from now.
    #[error("it comes from another time")]
    Time,
    /// Not sealed, though the account's mode is the safe one.
    #[error("it is not sealed")]
    NotSealed,
    /// Sealed with no key of ours, or for another account.
    #[error("the envelope does not open")]
    Envelope,
    /// Not the XML of a push.
    #[error(transparent)]
    Xml(#[from] BadXml),
    /// A field that all pushes have is missing or malformed.
    #[error("a field is missing or malformed")]
    Fields,
}

/// How a template message ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TemplateOutcome {
    /// The person has it.
    Delivered,
    /// The person refuses messages of the account.
    Refused,
    /// Something else, in WeChat's words.
    Failed(String),
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The person follows the account now; with the scene, if a QR code with parameters led them there.
    Subscribe {
        /// The scene of the QR code.
        scene: Option<Scene>,
    },
    /// A follower scanned a QR code with parameters.
    Scan {
        /// The scene of the QR code.
        scene: Scene,
    },
    /// The person does not follow the account any more.
    Unsubscribe,
    /// A template message came to its end.
    TemplateSent {
        /// The message, as its sending was answered.
        message: MessageId,
        /// How it ended.
        outcome: TemplateOutcome,
    },
    /// Anything else: messages, menus, places.
    Other,
}

/// One push.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Push {
    /// Whom it is about.
    pub from: OpenId,
    /// What happened.
    pub event: Event,
    replay_key: String,
}

impl Push {
    /// The same for a push and its repetitions, another for every other push of this account: 40 characters that do not name
    /// the person. Messages are told apart by their number, events by person, time and kind, as the documents say.
    pub fn replay_key(&self) -> &str {
        &self.replay_key
    }
}

/// Takes the pushes of one account.
pub struct Receiver<'a> {
    /// The account.
    pub app: &'a AppId,
    /// How its pushes arrive.
    pub mode: Mode,
    /// Its secrets.
    pub secrets: &'a Secrets,
}

impl fmt::Debug for Receiver<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Receiver({:?})", self.app)
    }
}

impl Receiver<'_> {
    /// What to answer to the first call, at which WeChat wants to hear its `echostr`.
    pub fn handshake<'q>(&self, query: &'q PushQuery, now: Timestamp) -> Result<&'q str, Refused> {
        self.check(query.signature.as_deref(), query, None, now)?;
        query.echostr.as_deref().ok_or(Refused::Fields)
    }

    /// Checks and opens a push.
    ///
    /// A sealed one is opened in either mode, so that the mode can be changed at WeChat first; one that is not sealed is taken
    /// in the plain mode alone.
    pub fn open(&self, query: &PushQuery, body: &str, now: Timestamp) -> Result<Push, Refused> {
        // The signature of a plain push does not cover its body, so it can be checked before anything is read.
        let plain = self.check(query.signature.as_deref(), query, None, now);
        if self.mode == Mode::Plain && query.msg_signature.is_none() {
            plain?;
            return read(&xml::fields(body)?);
        }
        let outer = xml::fields(body)?;
        let sealed = outer.get("Encrypt").ok_or(Refused::NotSealed)?;
        self.check(query.msg_signature.as_deref(), query, Some(sealed), now)?;
        read(&xml::fields(&self.unseal(sealed)?)?)
    }

    fn unseal(&self, sealed: &str) -> Result<String, Refused> {
        let keys = [&self.secrets.aes_key, &self.secrets.previous_aes_key].into_iter().flatten();
        let opened = keys.filter_map(|key| Envelope::new(self.app, key).ok()?.open(sealed).ok()).next();
        opened.ok_or(Refused::Envelope)
    }

    fn check(&self, signed: Option<&str>, query: &PushQuery, sealed: Option<&str>, now: Timestamp) -> Result<(), Refused> {
        let timestamp = query.timestamp.as_deref().ok_or(Refused::Signature)?;
        let nonce = query.nonce.as_deref().ok_or(Refused::Signature)?;
        let token = self.secrets.token.as_str();
        let expected = match sealed {
            Some(sealed) => signature(&[token, timestamp, nonce, sealed]),
            None => signature(&[token, timestamp, nonce]),
        };
        if !bool::from(signed.unwrap_or_default().as_bytes().ct_eq(expected.as_bytes())) {
            return Err(Refused::Signature);
        }
        let at = timestamp.parse().ok().and_then(|seconds| Timestamp::from_second(seconds).ok()).ok_or(Refused::Time)?;
        if now.duration_since(at).abs() > WINDOW { Err(Refused::Time) } else { Ok(()) }
    }
}

/// The signature of a push: SHA-1 of the parts, sorted and joined, in lower-case hexadecimal.
pub fn signature(parts: &[&str]) -> String {
    let mut parts = parts.to_vec();
    parts.sort_unstable();
    hexadecimal(&parts.concat())
}

fn hexadecimal(text: &str) -> String {
    Sha1::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn read(fields: &BTreeMap<String, String>) -> Result<Push, Refused> {
    let field = |name: &str| fields.get(name).map(String::as_str).unwrap_or_default();
    let from = OpenId::try_from(field("FromUserName").to_owned()).map_err(|_| Refused::Fields)?;
    let at: i64 = field("CreateTime").parse().map_err(|_| Refused::Fields)?;
    let kind = if field("MsgType") == "event" { field("Event") } else { "" };
    let key = field("EventKey");
    let event = match kind {
        "subscribe" => Event::Subscribe { scene: key.strip_prefix(NEWCOMER).and_then(scene) },
        "SCAN" => scene(key).map_or(Event::Other, |scene| Event::Scan { scene }),
        "unsubscribe" => Event::Unsubscribe,
        "TEMPLATESENDJOBFINISH" => match field("MsgID").parse() {
            Ok(message) => Event::TemplateSent { message: MessageId(message), outcome: outcome(field("Status")) },
            Err(_) => Event::Other,
        },
        _ => Event::Other,
    };
    let identity = match field("MsgId") {
        "" => format!("event\n{}\n{at}\n{kind}\n{key}\n{}", from.as_str(), field("MsgID")),
        number => format!("message\n{number}"),
    };
    Ok(Push { from, event, replay_key: hexadecimal(&identity) })
}

fn scene(text: &str) -> Option<Scene> {
    Scene::try_from(text.to_owned()).ok()
}

fn outcome(status: &str) -> TemplateOutcome {
    match status {
        "success" => TemplateOutcome::Delivered,
        "failed:user block" => TemplateOutcome::Refused,
        other => TemplateOutcome::Failed(other.chars().take(100).collect()),
    }
}

#[cfg(test)]
#[path = "push/tests.rs"]
mod tests;
