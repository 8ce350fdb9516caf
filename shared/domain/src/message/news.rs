//! What administrators are told of (F20, F48).

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{Kind, is_stale};
use crate::{
    ids::{MemberId, MessageId, NewsId, OrganisationId, PortalId, UserId},
    member::Right,
};

/// Something that administrators are told of: in their inbox, and by mail unless that is switched off (F48).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct News {
    /// Identifier, ordered by time.
    pub id: NewsId,
    /// The organisation whose administrators are told.
    pub organisation: OrganisationId,
    /// The portal where it happened.
    pub portal: PortalId,
    /// What happened.
    #[serde(flatten)]
    pub event: NewsEvent,
    /// When (UTC).
    pub at: Timestamp,
}

/// What administrators are told of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum NewsEvent {
    /// Somebody signed up, and waits for a decision if `pending` (F48).
    SignedUp {
        /// Who.
        user: UserId,
        /// Whether an administrator is to decide.
        pending: bool,
    },
    /// A registration window is over (F20).
    RegistrationClosed {
        /// Its end, in the portal's own time.
        closed_at: String,
    },
}

impl NewsEvent {
    /// What its mails are.
    pub fn kind(&self) -> Kind {
        match self {
            Self::SignedUp { .. } => Kind::SignedUp,
            Self::RegistrationClosed { .. } => Kind::RegistrationClosed,
        }
    }

    /// The right of those whom it concerns.
    pub fn concerns(&self) -> Right {
        match self {
            Self::SignedUp { pending: true, .. } => Right::DecideApplications,
            Self::SignedUp { pending: false, .. } => Right::ReadUsers,
            Self::RegistrationClosed { .. } => Right::ManagePortals,
        }
    }
}

impl News {
    /// Whether it is too old to be told; as [`super::Message::is_stale`].
    pub fn is_stale(&self, now: Timestamp, not_before: Option<Timestamp>) -> bool {
        is_stale(self.at, now, not_before)
    }

    /// The message by which one member hears of it: always the same one, however often it is made (R14).
    pub fn message_to(&self, member: MemberId) -> MessageId {
        let digest = Sha256::new().chain_update(self.id.to_bytes()).chain_update(member.to_bytes()).finalize();
        let mut bytes = self.id.to_bytes();
        bytes[6..].copy_from_slice(&digest[..10]);
        MessageId::from_bytes(bytes)
    }
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::*;
    use crate::message::Message;

    #[test]
    fn one_news_makes_one_message_for_each_member() {
        let at = Timestamp::from_second(1_800_000_000).unwrap();
        let news = |random| News {
            id: NewsId::new(at, random),
            organisation: OrganisationId::new(at, 1),
            portal: PortalId::new(at, 2),
            event: NewsEvent::SignedUp { user: UserId::new(at, 3), pending: true },
            at,
        };
        let member = |random| MemberId::new(at, random);
        assert_eq!(news(1).message_to(member(1)), news(1).message_to(member(1)));
        assert_ne!(news(1).message_to(member(1)), news(1).message_to(member(2)));
        assert_ne!(news(1).message_to(member(1)), news(2).message_to(member(1)));
        assert_eq!(Message::day_of(news(1).message_to(member(1))), at.to_zoned(TimeZone::UTC).date());
    }
}
