//! Identifiers: opaque to callers, ordered by the instant they were made.

use std::{fmt, str::FromStr};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use ulid::Ulid;

/// The text is not an identifier of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an identifier")]
pub struct InvalidId;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        #[serde(try_from = "String", into = "String")]
        #[cfg_attr(feature = "openapi", schema(value_type = String, example = "01KAMQ3ZB7W0GJ5Q4S9T2X8Y6V"))]
        pub struct $name(Ulid);

        impl $name {
            /// An identifier made at `at` (milliseconds count) with 80 of the given random bits.
            pub fn new(at: Timestamp, random: u128) -> Self {
                let milliseconds = u64::try_from(at.as_millisecond()).unwrap_or(0);
                Self(Ulid::from_parts(milliseconds, random))
            }

            /// The low byte of the random part, for spreading keys over partitions.
            pub fn spread(&self) -> u8 {
                self.0.to_bytes()[15]
            }

            /// The sixteen bytes of the identifier.
            pub fn to_bytes(&self) -> [u8; 16] {
                self.0.to_bytes()
            }

            /// The identifier with these sixteen bytes.
            pub fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(Ulid::from_bytes(bytes))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let mut buffer = [0; ulid::ULID_LEN];
                f.write_str(self.0.array_to_str(&mut buffer))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({self})", stringify!($name))
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                Ulid::from_string(text).map(Self).map_err(|_| InvalidId)
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;

            fn try_from(text: String) -> Result<Self, InvalidId> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.to_string()
            }
        }
    };
}

id!(
    /// One customer of the deployment: the tenant. All keys start below it or below one of its portals.
    OrganisationId
);
id!(
    /// An application of an organisation; also the suffix of its portal's default link (F4).
    ApplicationId
);
id!(
    /// The opening of one application to the outside.
    PortalId
);
id!(
    /// An external user of one portal. The same person in two portals is two of them (F78).
    UserId
);
id!(
    /// A member of an organisation, who administers it.
    MemberId
);
id!(
    /// An invitation to one portal.
    InvitationId
);
id!(
    /// The picture of a user. Whoever knows it may see the picture: its random bits are not to be guessed.
    PictureId
);
id!(
    /// A message in the ledger, by whatever channel it goes.
    MessageId
);
id!(
    /// Something that administrators are told of.
    NewsId
);
id!(
    /// One sign-in that is under way; every ticket of it carries the same one.
    FlowId
);
id!(
    /// A WeChat service account that is bound to an organisation (F82); the address of its pushes names it.
    WeChatAccountId
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_survives_text_and_bytes() {
        let id = UserId::new(Timestamp::from_second(1_800_000_000).unwrap(), 77);
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!(UserId::from_bytes(id.to_bytes()), id);
        assert_eq!(id.to_string().len(), 26);
    }

    #[test]
    fn later_identifiers_sort_after_earlier_ones() {
        let at = |second| UserId::new(Timestamp::from_second(second).unwrap(), u128::MAX).to_string();
        assert!(at(1_800_000_000) < at(1_800_000_001));
    }

    #[test]
    fn other_texts_are_refused() {
        for text in ["", "1", "01KAMQ3ZB7W0GJ5Q4S9T2X8Y6", "01KAMQ3ZB7W0GJ5Q4S9T2X8Y6U!"] {
            assert_eq!(text.parse::<UserId>(), Err(InvalidId), "{text}");
        }
        assert!("../../etc/passwd".parse::<PortalId>().is_err());
    }
}
