//! How a portal speaks: by which ways, in which words, and to whom (F36, F37, F39, F40, F47, F48, F74).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Channel, Kind, Place, Template};
use crate::{locale::Locale, text::Text};

/// A message whose words a portal may choose (F37).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = EditableMessage))]
#[serde(rename_all = "camelCase", try_from = "Kind")]
pub enum Editable {
    /// An invitation.
    Invitation,
    /// An application was approved.
    Approved,
    /// An application was rejected.
    Rejected,
    /// More is needed before a decision.
    MoreNeeded,
}

impl Editable {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Invitation, Self::Approved, Self::Rejected, Self::MoreNeeded];

    /// The message.
    pub fn kind(self) -> Kind {
        match self {
            Self::Invitation => Kind::Invitation,
            Self::Approved => Kind::Approved,
            Self::Rejected => Kind::Rejected,
            Self::MoreNeeded => Kind::MoreNeeded,
        }
    }

    /// Of a message, if its words can be chosen.
    pub fn of(kind: Kind) -> Option<Self> {
        Self::ALL.into_iter().find(|editable| editable.kind() == kind)
    }

    /// The places that have a value in this message.
    pub fn places(self) -> &'static [Place] {
        match self {
            Self::Invitation | Self::Approved => &[Place::Portal, Place::Name, Place::Link],
            Self::Rejected => &[Place::Portal, Place::Name, Place::Reason],
            Self::MoreNeeded => &Place::ALL,
        }
    }
}

/// The words of a message are fixed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the words of {} cannot be chosen", .0.as_str())]
pub struct FixedWords(Kind);

impl TryFrom<Kind> for Editable {
    type Error = FixedWords;

    fn try_from(kind: Kind) -> Result<Self, FixedWords> {
        Self::of(kind).ok_or(FixedWords(kind))
    }
}

/// The portal's own words for one message in one language; the built-in ones where absent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TextSet {
    /// The SMS, without its signature, which always leads (F36).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sms: Option<Template<500>>,
    /// The subject of the mail (F40).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<Template<200>>,
    /// The text of the mail (F40).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Template<5000>>,
}

/// Something for each language.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct WordsOf<T> {
    /// Chinese.
    #[serde(default = "none", skip_serializing_if = "Option::is_none")]
    pub zh: Option<T>,
    /// English.
    #[serde(default = "none", skip_serializing_if = "Option::is_none")]
    pub en: Option<T>,
}

fn none<T>() -> Option<T> {
    None
}

impl<T> WordsOf<T> {
    /// What there is in a language.
    pub fn in_language(&self, locale: Locale) -> Option<&T> {
        match locale {
            Locale::Zh => self.zh.as_ref(),
            Locale::En => self.en.as_ref(),
        }
    }

    fn each(&self) -> impl Iterator<Item = (&'static str, &T)> {
        self.zh.iter().map(|words| ("zh", words)).chain(self.en.iter().map(|words| ("en", words)))
    }
}

/// A template at the organisation's WeChat service account (F74).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WeChatTemplate {
    /// Its name at the account.
    #[cfg_attr(feature = "openapi", schema(value_type = String, max_length = 100))]
    pub id: Text<100>,
    /// Whether it is a notice that people subscribe to, once for each; else a template message.
    #[serde(default)]
    pub subscription: bool,
    /// What stands in its fields, such as `thing1`.
    #[cfg_attr(feature = "openapi", schema(value_type = BTreeMap<String, String>))]
    pub fields: BTreeMap<Text<40>, Template<200>>,
}

/// How a portal speaks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MessageSettings {
    /// By which ways news reach people: the first that a person has, the next where that refuses.
    #[serde(default = "usual_order")]
    pub order: Vec<Channel>,
    /// Whether applicants hear how it was decided (F47).
    #[serde(default = "yes")]
    pub tell_applicants: bool,
    /// Whether administrators get mail about sign-ups, beside their inbox (F48).
    #[serde(default = "yes")]
    pub tell_administrators: bool,
    /// The name that mail comes from (F40); the portal's if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, max_length = 60))]
    pub sender_name: Option<Text<60>>,
    /// The portal's own words (F37).
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = BTreeMap<String, WordsOf<TextSet>>))]
    pub texts: BTreeMap<Editable, WordsOf<TextSet>>,
    /// Templates at WeChat; a message without one does not go there.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = BTreeMap<String, WordsOf<WeChatTemplate>>))]
    pub wechat: BTreeMap<Kind, WordsOf<WeChatTemplate>>,
    /// The names of templates at the SMS gateway, where it wants such.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = BTreeMap<String, WordsOf<String>>))]
    pub gateway: BTreeMap<Kind, WordsOf<Text<100>>>,
}

fn yes() -> bool {
    true
}

fn usual_order() -> Vec<Channel> {
    vec![Channel::Wechat, Channel::Sms, Channel::Email]
}

impl Default for MessageSettings {
    fn default() -> Self {
        Self {
            order: usual_order(),
            tell_applicants: true,
            tell_administrators: true,
            sender_name: None,
            texts: BTreeMap::new(),
            wechat: BTreeMap::new(),
            gateway: BTreeMap::new(),
        }
    }
}

/// Why settings do not go together, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// No channel, or one twice.
    #[error("must name each channel once at most, and one at least")]
    Order,
    /// A place that has no value in this message.
    #[error("{{{{{place}}}}} has no value in this message", place = .place.as_str())]
    Place {
        /// A JSON pointer to the text (RFC 6901).
        pointer: String,
        /// The place.
        place: Place,
    },
    /// The code's words are fixed, and WeChat carries none (F37).
    #[error("codes do not go by WeChat")]
    Code,
}

impl SettingsError {
    /// Where it is, as a JSON pointer.
    pub fn pointer(&self) -> String {
        match self {
            Self::Order => "/order".into(),
            Self::Place { pointer, .. } => pointer.clone(),
            Self::Code => "/wechat/code".into(),
        }
    }
}

/// What an administrator should know before it is saved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = MessageWarning))]
pub struct Warning {
    /// Where (RFC 6901).
    pub pointer: String,
    /// What: `link`, carriers intercept SMS that have one (F39).
    pub code: &'static str,
}

impl MessageSettings {
    /// Checks what no single setting can know of the others.
    pub fn check(&self) -> Result<(), SettingsError> {
        let distinct = self.order.iter().enumerate().all(|(at, channel)| !self.order[..at].contains(channel));
        if self.order.is_empty() || !distinct {
            return Err(SettingsError::Order);
        }
        if self.wechat.contains_key(&Kind::Code) {
            return Err(SettingsError::Code);
        }
        for (editable, words) in &self.texts {
            for (language, set) in words.each() {
                let at = |name: &str| format!("/texts/{}/{language}/{name}", editable.kind().as_str());
                let fits = |name: &str, mut places: Box<dyn Iterator<Item = Place> + '_>| match places
                    .find(|place| !editable.places().contains(place))
                {
                    Some(place) => Err(SettingsError::Place { pointer: at(name), place }),
                    None => Ok(()),
                };
                set.sms.iter().try_for_each(|text| fits("sms", Box::new(text.places())))?;
                set.subject.iter().try_for_each(|text| fits("subject", Box::new(text.places())))?;
                set.body.iter().try_for_each(|text| fits("body", Box::new(text.places())))?;
            }
        }
        Ok(())
    }

    /// The SMS that carriers may intercept (F39).
    pub fn warnings(&self) -> Vec<Warning> {
        let with_link = |(editable, words): (&Editable, &WordsOf<TextSet>)| {
            let kind = editable.kind().as_str();
            let linked = words.each().filter(|(_, set)| set.sms.as_ref().is_some_and(Template::has_link));
            linked.map(|(language, _)| Warning { pointer: format!("/texts/{kind}/{language}/sms"), code: "link" }).collect::<Vec<_>>()
        };
        self.texts.iter().flat_map(with_link).collect()
    }

    /// The portal's own words for a message.
    pub fn words(&self, kind: Kind, locale: Locale) -> Option<&TextSet> {
        self.texts.get(&Editable::of(kind)?)?.in_language(locale)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(settings: serde_json::Value) -> Result<MessageSettings, String> {
        let settings: MessageSettings = serde_json::from_value(settings).map_err(|error| error.to_string())?;
        settings.check().map_err(|error| format!("{}: {error}", error.pointer()))?;
        Ok(settings)
    }

    #[test]
    fn nothing_said_is_the_usual() {
        let settings = read(json!({})).unwrap();
        assert_eq!(settings, MessageSettings::default());
        assert!(settings.tell_applicants && settings.tell_administrators);
    }

    #[test]
    fn a_place_without_a_value_is_refused_where_it_stands() {
        let error = read(json!({ "texts": { "rejected": { "en": { "sms": "Go to {{link}}" } } } })).unwrap_err();
        assert_eq!(error, "/texts/rejected/en/sms: {{link}} has no value in this message");
        assert!(read(json!({ "texts": { "code": {} } })).unwrap_err().contains("code"), "F37: its words are fixed");
        assert!(read(json!({ "order": [] })).unwrap_err().starts_with("/order"));
        assert!(read(json!({ "order": ["sms", "sms"] })).unwrap_err().starts_with("/order"));
        assert!(read(json!({ "wechat": { "code": { "zh": { "id": "x", "fields": {} } } } })).unwrap_err().starts_with("/wechat/code"));
    }

    #[test]
    fn links_in_sms_are_reported_and_in_mails_are_not() {
        let settings = read(json!({ "texts": { "approved": {
            "zh": { "sms": "已通过：{{link}}", "body": "{{link}}" },
            "en": { "sms": "You are in", "subject": "www.example.com" }
        } } }));
        let warnings = settings.unwrap().warnings();
        assert_eq!(warnings, [Warning { pointer: "/texts/approved/zh/sms".into(), code: "link" }], "F39");
    }
}
