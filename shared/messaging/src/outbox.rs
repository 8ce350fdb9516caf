//! From what happened to a message that can be stored and sent: by which ways it can go, in which words, and what each way costs.

use std::collections::BTreeMap;

use jiff::Timestamp;
use portico_domain::{
    address::{Address, AddressKind},
    code::Code,
    ids::MessageId,
    invitation::{self, Invitation},
    locale::Locale,
    member::Member,
    message::{
        Channel, Kind, Message, MessageSettings, Money, Person, Place, Prices, Route, RuleSet, SentTemplate, State, Target, Template, parts,
    },
    portal::Portal,
    user::User,
    wechat::Identity,
};
use portico_runtime::{Deployment, MissingVariable};

use crate::texts::{self, Words};

/// What a message says.
#[derive(Debug, Clone, Copy)]
pub enum About<'a> {
    /// Somebody is invited; what their link is.
    Invited(&'a str),
    /// They may come in, at this link.
    Approved(&'a str),
    /// They were refused, with the reason if there is one.
    Rejected(Option<&'a str>),
    /// More is needed of them: what, and the link where they go on.
    MoreNeeded(&'a str, &'a str),
    /// They have another password.
    PasswordChanged,
    /// They have an authenticator app.
    AuthenticatorSet,
    /// They have none any more.
    AuthenticatorRemoved,
    /// One of their recovery codes was used.
    RecoveryCodeUsed,
    /// They have another phone number or mailbox.
    AddressChanged,
    /// Somebody signed up: their name, and whether a decision is due.
    SignedUp(Option<&'a str>, bool),
    /// A registration window ended then, in the portal's own time.
    RegistrationClosed(&'a str),
    /// What the application behind the portal has to say: subject, text, and the page where it goes on (F72, F74).
    Notification(&'a str, &'a str, Option<&'a str>),
}

impl About<'_> {
    /// The kind of message.
    pub fn kind(self) -> Kind {
        match self {
            Self::Invited(_) => Kind::Invitation,
            Self::Approved(_) => Kind::Approved,
            Self::Rejected(_) => Kind::Rejected,
            Self::MoreNeeded(..) => Kind::MoreNeeded,
            Self::PasswordChanged => Kind::PasswordChanged,
            Self::AuthenticatorSet => Kind::AuthenticatorSet,
            Self::AuthenticatorRemoved => Kind::AuthenticatorRemoved,
            Self::RecoveryCodeUsed => Kind::RecoveryCodeUsed,
            Self::AddressChanged => Kind::AddressChanged,
            Self::SignedUp(..) => Kind::SignedUp,
            Self::RegistrationClosed(_) => Kind::RegistrationClosed,
            Self::Notification(..) => Kind::Notification,
        }
    }

    fn words(self, portal: &str, to: &Recipient<'_>, kind: AddressKind) -> Words {
        let locale = to.locale;
        match self {
            Self::Invited(link) => texts::invited(portal, to.name, link, kind, locale),
            Self::Approved(link) => texts::approved(portal, link, locale),
            Self::Rejected(reason) => texts::rejected(portal, reason, locale),
            Self::MoreNeeded(reason, link) => texts::asked(portal, reason, link, locale),
            Self::PasswordChanged => texts::password_changed(portal, locale),
            Self::AuthenticatorSet => texts::authenticator_set(portal, locale),
            Self::AuthenticatorRemoved => texts::authenticator_removed(portal, locale),
            Self::RecoveryCodeUsed => texts::recovery_code_used(portal, locale),
            Self::AddressChanged => texts::address_changed(portal, locale),
            Self::SignedUp(who, pending) => texts::signed_up(portal, who, pending, locale),
            Self::RegistrationClosed(at) => texts::registration_closed(portal, at, locale),
            Self::Notification(subject, text, link) => {
                let text = link.map_or_else(|| text.to_owned(), |link| format!("{text} {link}"));
                Words { subject: subject.to_owned(), text }
            }
        }
    }

    fn link(self) -> Option<String> {
        match self {
            Self::Invited(link) | Self::Approved(link) | Self::MoreNeeded(_, link) | Self::Notification(_, _, Some(link)) => {
                Some(link.to_owned())
            }
            _ => None,
        }
    }

    fn values(self, portal: &str, to: &Recipient<'_>) -> BTreeMap<Place, String> {
        let reason = match self {
            Self::Rejected(reason) => reason,
            Self::MoreNeeded(reason, _) => Some(reason),
            Self::Notification(subject, _, _) => Some(subject),
            _ => None,
        };
        let values = [
            (Place::Portal, Some(portal.to_owned())),
            (Place::Name, to.name.map(str::to_owned)),
            (Place::Link, self.link()),
            (Place::Reason, reason.map(str::to_owned)),
        ];
        values.into_iter().filter_map(|(place, value)| Some((place, value?))).collect()
    }
}

/// Whom a message is for, and how they can be reached.
#[derive(Debug, Clone)]
pub struct Recipient<'a> {
    /// Whose message it is.
    pub person: Person,
    /// Their name.
    pub name: Option<&'a str>,
    /// Their phone.
    pub phone: Option<&'a Address>,
    /// Their mailbox.
    pub email: Option<&'a Address>,
    /// Who they are at WeChat.
    pub wechat: Option<&'a Identity>,
    /// The language that they read.
    pub locale: Locale,
}

impl<'a> Recipient<'a> {
    /// A user, by all that leads to them.
    pub fn user(user: &'a User) -> Self {
        Self {
            person: Person::User(user.id),
            name: user.name(),
            phone: user.phone.as_ref(),
            email: user.email.as_ref(),
            wechat: user.wechat.as_ref(),
            locale: user.locale,
        }
    }

    /// A user, where they were reached before a change of an address of this kind (S30): at that address, else at the other.
    pub fn before_change(user: &'a User, changed: AddressKind) -> Self {
        let only = user.address_of(changed).or(user.address());
        let of = |kind| only.filter(|address| address.kind() == kind);
        Self { phone: of(AddressKind::Phone), email: of(AddressKind::Email), wechat: None, ..Self::user(user) }
    }

    /// Who is invited. SMS go to mainland numbers only (F41).
    pub fn invited(invitation: &'a Invitation, locale: Locale) -> Self {
        let address = Some(&invitation.address).filter(|address| invitation::is_reachable(address));
        let of = |kind| address.filter(|address| address.kind() == kind);
        Self {
            person: Person::Address(invitation.address.key(invitation.portal)),
            name: invitation.name.as_ref().map(|name| name.as_str()),
            phone: of(AddressKind::Phone),
            email: of(AddressKind::Email),
            wechat: None,
            locale,
        }
    }

    /// An administrator.
    pub fn member(member: &'a Member) -> Self {
        let email = Some(&member.email).filter(|email| email.kind() == AddressKind::Email);
        Self { person: Person::Member(member.id), name: Some(member.name.as_str()), phone: None, email, wechat: None, locale: Locale::En }
    }

    fn by(&self, channel: Channel) -> Option<Target> {
        match channel {
            Channel::Sms => self.phone.cloned().map(Target::Address),
            Channel::Email => self.email.cloned().map(Target::Address),
            Channel::Wechat => self.wechat.map(|identity| Target::Wechat { app: identity.app.clone(), openid: identity.openid.clone() }),
        }
    }

    fn hint(&self) -> String {
        self.phone.or(self.email).map(Address::hint).unwrap_or_default()
    }
}

/// When a message is made, and what makes its identifier unlike others.
#[derive(Debug, Clone, Copy)]
pub struct Birth {
    /// When (UTC).
    pub at: Timestamp,
    /// Its identifier.
    pub id: MessageId,
}

impl Birth {
    /// A new message at `at`, with 80 of these random bits.
    pub fn new(at: Timestamp, random: u128) -> Self {
        Self { at, id: MessageId::new(at, random) }
    }
}

/// Makes messages.
#[derive(Debug, Clone)]
pub struct Outbox {
    default_signature: String,
    prices: Prices,
}

impl Outbox {
    /// With the deployment's signature and prices.
    pub fn open(deployment: &Deployment) -> Result<Self, MissingVariable> {
        Ok(Self { default_signature: deployment.default_signature()?, prices: deployment.prices()? })
    }

    /// What the deployment takes for messages.
    pub fn prices(&self) -> Prices {
        self.prices
    }

    /// The signature that leads the SMS of a portal (F36).
    pub fn signature<'a>(&'a self, portal: &'a Portal) -> &'a str {
        portal.settings.signature.as_ref().map_or(self.default_signature.as_str(), |signature| signature.as_str())
    }

    /// A message; `None` if nothing leads to its recipient, or the portal does not want it (F47).
    pub fn message(
        &self,
        birth: Birth,
        portal: &Portal,
        to: &Recipient<'_>,
        about: About<'_>,
        settings: &MessageSettings,
    ) -> Option<Message> {
        if about.kind().is_answer() && !settings.tell_applicants {
            return None;
        }
        // Whom none of the portal's ways reaches is reached by what there is.
        let others = [Channel::Sms, Channel::Email].into_iter().filter(|channel| !settings.order.contains(channel));
        let channels = settings.order.iter().copied().chain(others);
        let routes: Vec<Route> = channels.filter_map(|channel| self.route(channel, portal, to, about, settings)).collect();
        let first = routes.first()?;
        let (channel, parts, cost) = (first.channel, first.parts, first.cost);
        let signature = routes.iter().find(|route| route.channel == Channel::Sms).map(|_| self.signature(portal).to_owned());
        let entry = self.entry(birth, portal, to.person, about.kind(), channel, to.hint(), to.locale, parts, cost, settings);
        Some(Message { signature: signature.unwrap_or_default(), routes, ..entry })
    }

    /// The entry of a code in the ledger: without its words.
    pub fn code(&self, birth: Birth, portal: &Portal, to: &Address, locale: Locale) -> Message {
        let channel = to.kind().channel().into();
        // Every code is as long as any other.
        let parts = match Code::parse("000000") {
            Ok(any) if channel == Channel::Sms => {
                parts(&texts::code(any, self.signature(portal), portal.settings.name.as_str(), locale).sms, RuleSet::of(to))
            }
            _ => 1,
        };
        let (person, cost) = (Person::Address(to.key(portal.id)), self.prices.cost(channel, parts));
        let settings = MessageSettings::default();
        let entry = self.entry(birth, portal, person, Kind::Code, channel, to.hint(), locale, parts, cost, &settings);
        Message { state: State::Sent, ..entry }
    }

    #[expect(clippy::too_many_arguments, reason = "the attributes of one item")]
    fn entry(
        &self,
        birth: Birth,
        portal: &Portal,
        person: Person,
        kind: Kind,
        channel: Channel,
        hint: String,
        locale: Locale,
        parts: u32,
        cost: Money,
        settings: &MessageSettings,
    ) -> Message {
        Message {
            id: birth.id,
            portal: portal.id,
            organisation: portal.organisation,
            kind,
            person: person.to_string(),
            hint,
            portal_name: portal.settings.name.as_str().to_owned(),
            sender_name: settings.sender_name.as_ref().map(|name| name.as_str().to_owned()),
            signature: if channel == Channel::Email { String::new() } else { self.signature(portal).to_owned() },
            locale,
            routes: Vec::new(),
            route: 0,
            channel,
            parts,
            paid: self.prices.debit(cost),
            cost,
            state: State::Queued,
            attempts: 0,
            provider_id: None,
            error: None,
            repeats: None,
            sealed: None,
            created_at: birth.at,
            changed_at: birth.at,
        }
    }

    fn route(&self, channel: Channel, portal: &Portal, to: &Recipient<'_>, about: About<'_>, settings: &MessageSettings) -> Option<Route> {
        let target = to.by(channel)?;
        let name = portal.settings.name.as_str();
        let (own, values) = (settings.words(about.kind(), to.locale), about.values(name, to));
        let usual = |kind| about.words(name, to, kind);
        let (text, subject, template, parts) = match (channel, &target) {
            (Channel::Sms, Target::Address(number)) => {
                let own = own.and_then(|own| own.sms.as_ref()).map(|text| text.fill(&values));
                let text = texts::signed(self.signature(portal), &own.unwrap_or_else(|| usual(AddressKind::Phone).text));
                let parts = parts(&text, RuleSet::of(number));
                let id = settings.gateway.get(&about.kind()).and_then(|ids| ids.in_language(to.locale)).map(|id| id.as_str().to_owned());
                let values = values.into_iter().map(|(place, value)| (place.as_str().to_owned(), value)).collect();
                (text, None, Some(SentTemplate { id, subscription: false, values, url: None }), parts)
            }
            (Channel::Email, _) => {
                let words = usual(AddressKind::Email);
                let fill = |text: Option<String>, usual: String| text.unwrap_or(usual);
                let subject = fill(own.and_then(|own| own.subject.as_ref()).map(|text| text.fill(&values)), words.subject);
                let text = fill(own.and_then(|own| own.body.as_ref()).map(|text| text.fill(&values)), words.text);
                // A subject is one line, whatever was filled in.
                (text, Some(subject.replace(['\r', '\n'], " ")), None, 1)
            }
            (Channel::Wechat, _) => {
                let template = settings.wechat.get(&about.kind())?.in_language(to.locale)?;
                let fill = |text: &Template<200>| text.fill(&values);
                let fields = template.fields.iter().map(|(field, text)| (field.as_str().to_owned(), fill(text))).collect();
                let id = Some(template.id.as_str().to_owned());
                let sent = SentTemplate { id, subscription: template.subscription, values: fields, url: about.link() };
                (String::new(), None, Some(sent), 1)
            }
            (Channel::Sms, Target::Wechat { .. }) => return None,
        };
        Some(Route { channel, to: target, text, subject, template, parts, cost: self.prices.cost(channel, parts) })
    }
}

#[cfg(test)]
mod tests;
