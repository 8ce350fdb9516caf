//! What a message will look like and cost (F37, F38, F40), made by the same hands as the messages that are sent.

use axum::{Json, extract::State, http::request::Parts};
use portico_domain::{
    address::{Address, Country},
    ids::{InvitationId, PortalId, UserId},
    locale::Locale,
    message::{Channel, Editable, Message, MessageSettings, Person, Route, Template, TextSet, Warning, WordsOf},
    portal::Portal,
    text::Text,
    user::Reason,
};
use portico_http::{Body, CurrentMember, Problem, Problems};
use portico_messaging::{About, Birth, Recipient, texts};
use portico_store::InvitationToken;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Messages;

/// Numbers and a mailbox of nobody.
const MAINLAND: &str = "+8613800138000";
const ABROAD: &str = "+447700900000";
const MAILBOX: &str = "somebody@example.com";
/// Stands for what the administrator will say.
const SOME_REASON: &str = "…";

/// Which message, and words that are not saved yet; what is absent is as the portal has it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Draft {
    kind: Editable,
    locale: Locale,
    /// The name of the recipient.
    #[schema(value_type = Option<String>, max_length = 100)]
    name: Option<Text<100>>,
    /// What the administrator says to it.
    #[schema(value_type = Option<String>)]
    reason: Option<Reason>,
    sms: Option<Template<500>>,
    subject: Option<Template<200>>,
    body: Option<Template<5000>>,
}

/// What a message will look like and cost.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = MessagePreview)]
pub(crate) struct Preview {
    sms: SmsPreview,
    email: EmailPreview,
    /// What to know of the words.
    warnings: Vec<Warning>,
    /// The currency of the costs.
    #[schema(example = "CNY")]
    currency: String,
}

/// The SMS.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SmsPreview {
    /// With its signature (F36).
    text: String,
    /// So many are paid for (F38).
    parts: u32,
    #[schema(example = "0.05")]
    cost: String,
}

/// The mail.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EmailPreview {
    subject: String,
    text: String,
    html: String,
    #[schema(example = "0.03")]
    cost: String,
}

impl Draft {
    /// The settings with the words of the draft in the place of theirs. Whatever is switched off and in whatever order: both are shown.
    fn over(&self, saved: &MessageSettings) -> MessageSettings {
        let own = saved.words(self.kind.kind(), self.locale).cloned().unwrap_or_default();
        let (sms, subject, body) = (self.sms.clone(), self.subject.clone(), self.body.clone());
        let own = TextSet { sms: sms.or(own.sms), subject: subject.or(own.subject), body: body.or(own.body) };
        let words = match self.locale {
            Locale::Zh => WordsOf { zh: Some(own), en: None },
            Locale::En => WordsOf { zh: None, en: Some(own) },
        };
        MessageSettings { texts: [(self.kind, words)].into(), ..MessageSettings::default() }
    }

    /// The message to somebody who is made up.
    fn message(&self, messages: &Messages, portal: &Portal, link: &str, settings: &MessageSettings) -> Result<Message, Problem> {
        let (phone, email) = (number(portal, self.kind)?, made_up(MAILBOX)?);
        let (person, name) = (Person::User(UserId::from_bytes([0; 16])), self.name.as_ref().map(Text::as_str));
        let to = Recipient { person, name, phone: Some(&phone), email: Some(&email), wechat: None, locale: self.locale };
        let invitation = format!("{link}#invitation={}", InvitationToken::new(InvitationId::from_bytes([0; 16]), [0; 16]).reveal());
        let reason = self.reason.as_ref().map(Text::as_str);
        let about = match self.kind {
            Editable::Invitation => About::Invited(&invitation),
            Editable::Approved => About::Approved(link),
            Editable::Rejected => About::Rejected(reason),
            Editable::MoreNeeded => About::MoreNeeded(reason.unwrap_or(SOME_REASON), link),
        };
        let message = messages.outbox.message(Birth::new(messages.clock.now(), 0), portal, &to, about, settings);
        message.ok_or_else(|| Problem::internal("a preview leads nowhere"))
    }
}

/// Preview a message
///
/// For somebody who is made up, with the portal's page as the link; that of an invitation is as long as a real one and leads nowhere.
#[utoipa::path(post, path = "/v1/admin/portals/{portal}/message-settings/preview", operation_id = "previewMessage", tag = "administration", security(("administrator" = [])), params(("portal" = PortalId, Path)), request_body = Draft,
    responses((status = 200, description = "What it will look like and cost", body = Preview), Problems))]
pub(crate) async fn show(
    State(messages): State<Messages>,
    member: CurrentMember,
    parts: Parts,
    Body(draft): Body<Draft>,
) -> Result<Json<Preview>, Problem> {
    let portal = member.portal()?;
    let link = messages.origins.portal_url(&parts, &portal).unwrap_or_default();
    let settings = draft.over(&messages.store.message_settings(portal.id).await?.settings);
    settings.check().map_err(|error| Problem::invalid(in_draft(&error.pointer()), "invalid", error.to_string()))?;
    let warnings = settings.warnings().into_iter().map(|warning| Warning { pointer: in_draft(&warning.pointer), ..warning });
    let message = draft.message(&messages, &portal, &link, &settings)?;
    let (sms, email) = (by(&message, Channel::Sms)?, by(&message, Channel::Email)?);
    Ok(Json(Preview {
        sms: SmsPreview { text: sms.text.clone(), parts: sms.parts, cost: sms.cost.to_string() },
        email: EmailPreview {
            subject: email.subject.clone().unwrap_or_default(),
            text: email.text.clone(),
            html: texts::html(&message.portal_name, &email.text, message.locale),
            cost: email.cost.to_string(),
        },
        warnings: warnings.collect(),
        currency: messages.currency.clone(),
    }))
}

/// Where in the draft it is what lies there in the settings.
fn in_draft(pointer: &str) -> String {
    pointer.rfind('/').map_or_else(String::new, |at| pointer[at..].to_owned())
}

/// A number whose SMS are counted as those of the portal's people are. Invitations go to mainland numbers only (F41).
fn number(portal: &Portal, kind: Editable) -> Result<Address, Problem> {
    let countries = &portal.settings.sign_in.countries;
    let abroad = kind != Editable::Invitation && !countries.is_empty() && !countries.contains(&Country::CHINA);
    made_up(if abroad { ABROAD } else { MAINLAND })
}

fn made_up(address: &str) -> Result<Address, Problem> {
    Address::try_from(address.to_owned()).map_err(Problem::internal)
}

fn by(message: &Message, channel: Channel) -> Result<&Route, Problem> {
    message.routes.iter().find(|route| route.channel == channel).ok_or_else(|| Problem::internal("a preview lacks a channel"))
}
