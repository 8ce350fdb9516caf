//! What messages are about, by which ways they go, and how far they come.

use serde::{Deserialize, Serialize};

/// What a message is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = MessageKind))]
// By its name as a text, so that what is wrong below a key of settings is pointed at with the key.
#[serde(rename_all = "camelCase", try_from = "String")]
pub enum Kind {
    /// A verification code (F12). Sent within the request, never again.
    Code,
    /// An invitation (F49).
    Invitation,
    /// An application was approved (F47).
    Approved,
    /// An application was rejected (F47).
    Rejected,
    /// More is needed before a decision (B5).
    MoreNeeded,
    /// The password was set or changed (S18).
    PasswordChanged,
    /// An authenticator app was set up (F19).
    AuthenticatorSet,
    /// The authenticator app was taken away (F19).
    AuthenticatorRemoved,
    /// A recovery code was used (F19).
    RecoveryCodeUsed,
    /// The phone number or the email address was changed (S30).
    AddressChanged,
    /// To administrators: somebody signed up (F48).
    SignedUp,
    /// To administrators: a registration window is over (F20).
    RegistrationClosed,
    /// What the application behind the portal has to say: a mention, a reply, a changed record (F72, F74).
    Notification,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::Code,
        Self::Invitation,
        Self::Approved,
        Self::Rejected,
        Self::MoreNeeded,
        Self::PasswordChanged,
        Self::AuthenticatorSet,
        Self::AuthenticatorRemoved,
        Self::RecoveryCodeUsed,
        Self::AddressChanged,
        Self::SignedUp,
        Self::RegistrationClosed,
        Self::Notification,
    ];

    /// The stable name, as stored and as callers see it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Code => "code",
            Self::Invitation => "invitation",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
            Self::MoreNeeded => "moreNeeded",
            Self::PasswordChanged => "passwordChanged",
            Self::AuthenticatorSet => "authenticatorSet",
            Self::AuthenticatorRemoved => "authenticatorRemoved",
            Self::RecoveryCodeUsed => "recoveryCodeUsed",
            Self::AddressChanged => "addressChanged",
            Self::SignedUp => "signedUp",
            Self::RegistrationClosed => "registrationClosed",
            Self::Notification => "notification",
        }
    }

    /// Whether it is the answer to an application, which the portal may switch off (F47).
    pub fn is_answer(self) -> bool {
        matches!(self, Self::Approved | Self::Rejected | Self::MoreNeeded)
    }

    /// Whether the same words may go out again: a code is good once and never stored, an invitation gets a new link instead (F53).
    pub fn is_repeatable(self) -> bool {
        !matches!(self, Self::Code | Self::Invitation)
    }
}

/// Not the name of a kind of message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no such message: {0}")]
pub struct UnknownKind(String);

impl TryFrom<String> for Kind {
    type Error = UnknownKind;

    fn try_from(name: String) -> Result<Self, UnknownKind> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name).ok_or(UnknownKind(name))
    }
}

/// A way to send a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = MessageChannel))]
#[serde(rename_all = "camelCase")]
pub enum Channel {
    /// A message of the service account, to who follows it.
    Wechat,
    /// A text message.
    Sms,
    /// An email.
    Email,
}

impl Channel {
    /// The stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Wechat => "wechat",
            Self::Sms => "sms",
            Self::Email => "email",
        }
    }
}

impl From<crate::address::Channel> for Channel {
    fn from(channel: crate::address::Channel) -> Self {
        match channel {
            crate::address::Channel::Sms => Self::Sms,
            crate::address::Channel::Email => Self::Email,
        }
    }
}

/// How far a message came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = MessageState))]
#[serde(rename_all = "camelCase")]
pub enum State {
    /// It waits to be sent, or to be tried again.
    Queued,
    /// Somebody sends it at the moment.
    Sending,
    /// It was handed to the provider.
    Sent,
    /// The provider says that it arrived.
    Delivered,
    /// It came back (mail).
    Bounced,
    /// Its recipient called it spam (mail).
    Complained,
    /// It was given up, and what it cost was given back.
    Parked,
    /// The balance did not suffice (F42). It was never sent.
    Unpaid,
    /// The provider gave no answer; whether it arrived is not known, and it is not sent again (R15).
    Unknown,
}

impl State {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Queued,
        Self::Sending,
        Self::Sent,
        Self::Delivered,
        Self::Bounced,
        Self::Complained,
        Self::Parked,
        Self::Unpaid,
        Self::Unknown,
    ];

    /// The stable name, as stored and as callers see it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Sending => "sending",
            Self::Sent => "sent",
            Self::Delivered => "delivered",
            Self::Bounced => "bounced",
            Self::Complained => "complained",
            Self::Parked => "parked",
            Self::Unpaid => "unpaid",
            Self::Unknown => "unknown",
        }
    }

    /// Whether somebody still has to do something with it.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Queued | Self::Sending)
    }
}

/// What a provider of mail reported later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailEvent {
    /// It was taken.
    Sent,
    /// The mailbox took it.
    Delivered,
    /// It came back; for good if `permanent`.
    Bounced {
        /// Whether the mailbox does not exist.
        permanent: bool,
    },
    /// Its recipient called it spam.
    Complained,
    /// The provider refused it after all.
    Rejected,
}

impl MailEvent {
    /// The state that it leads to from `state`; `None` if that says more already. Events come in any order, and twice.
    pub fn leads(self, state: State) -> Option<State> {
        let next = match self {
            Self::Sent => State::Sent,
            Self::Delivered => State::Delivered,
            Self::Bounced { permanent: true } => State::Bounced,
            // The provider goes on trying.
            Self::Bounced { permanent: false } => return None,
            Self::Complained => State::Complained,
            Self::Rejected => State::Parked,
        };
        let weight = |state: State| match state {
            State::Queued | State::Sending | State::Unknown => 0,
            State::Sent => 1,
            State::Delivered => 2,
            State::Bounced | State::Parked | State::Unpaid => 3,
            State::Complained => 4,
        };
        (weight(next) > weight(state)).then_some(next)
    }

    /// Whether no mail should go to that address any more.
    pub fn suppresses(self) -> bool {
        matches!(self, Self::Bounced { permanent: true } | Self::Complained)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mail_events_never_lead_back() {
        for (event, from, to) in [
            (MailEvent::Sent, State::Sending, Some(State::Sent)),
            (MailEvent::Sent, State::Queued, Some(State::Sent)),
            (MailEvent::Sent, State::Delivered, None),
            (MailEvent::Delivered, State::Sent, Some(State::Delivered)),
            (MailEvent::Delivered, State::Bounced, None),
            (MailEvent::Bounced { permanent: true }, State::Delivered, Some(State::Bounced)),
            (MailEvent::Bounced { permanent: false }, State::Sent, None),
            (MailEvent::Complained, State::Bounced, Some(State::Complained)),
            (MailEvent::Bounced { permanent: true }, State::Complained, None),
            (MailEvent::Rejected, State::Sent, Some(State::Parked)),
        ] {
            assert_eq!(event.leads(from), to, "{event:?} from {from:?}");
        }
    }
}
