//! Invitations (F31, F49, F53, F54, S48): an address that may come in, with the role that waits for it.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{
    address::{Address, AddressKind},
    ids::{InvitationId, MemberId, PortalId, UserId},
    portal::RoleId,
    text::Name,
    user::{Status, User},
};

/// How long an invitation can be accepted.
pub const LIFETIME: SignedDuration = SignedDuration::from_hours(30 * 24);
/// What the only numbers begin with that get invitations by SMS (F41).
const SMS_PREFIX: &str = "+86";

/// Where an invitation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = InvitationStatus))]
#[serde(rename_all = "camelCase")]
pub enum Standing {
    /// It can be accepted.
    Open,
    /// An account came of it.
    Accepted,
    /// It was withdrawn.
    Cancelled,
    /// Nobody accepted it in time.
    Expired,
}

/// Why somebody is not invited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotInvitable {
    /// They are a user of the portal.
    #[error("already a user of the portal")]
    Registered,
    /// Their invitation is open; it can be repeated (F53).
    #[error("already invited")]
    Invited,
}

/// An invitation of one address to one portal. An address has one at most; inviting again replaces it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Invitation {
    /// Identifier, ordered by time.
    pub id: InvitationId,
    /// The portal.
    pub portal: PortalId,
    /// Who is invited.
    pub address: Address,
    /// The name that the administrator knows them by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Name>,
    /// The role that they get; the portal's default if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<RoleId>,
    /// Who invited them.
    pub invited_by: MemberId,
    /// When (UTC).
    pub invited_at: Timestamp,
    /// Until when it can be accepted (UTC).
    pub expires_at: Timestamp,
    /// Whether it was withdrawn.
    #[serde(default)]
    pub cancelled: bool,
    /// The account that came of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accepted_by: Option<UserId>,
}

impl Invitation {
    /// Where it stands. The table's clean-up may be days late (R25).
    pub fn standing(&self, now: Timestamp) -> Standing {
        if self.accepted_by.is_some() {
            Standing::Accepted
        } else if self.cancelled {
            Standing::Cancelled
        } else if now < self.expires_at {
            Standing::Open
        } else {
            Standing::Expired
        }
    }

    /// Whether it can still be accepted.
    pub fn is_open(&self, now: Timestamp) -> bool {
        self.standing(now) == Standing::Open
    }

    /// Whether it can be repeated: nobody accepted it, nobody withdrew it (F53). One that expired is open again thereby.
    pub fn is_repeatable(&self, now: Timestamp) -> bool {
        matches!(self.standing(now), Standing::Open | Standing::Expired)
    }
}

/// When an invitation made or repeated now ends.
pub fn end(now: Timestamp) -> Timestamp {
    now.saturating_add(LIFETIME).unwrap_or(Timestamp::MAX)
}

/// Whether an address may be invited, with the account and the invitation that it has.
///
/// Who began to sign up and did not finish may be invited: that is how they get in where only invited people do.
pub fn may_invite(user: Option<&User>, invitation: Option<&Invitation>, now: Timestamp) -> Result<(), NotInvitable> {
    if user.is_some_and(|user| user.status != Status::Inactive || user.invitation.is_some()) {
        return Err(NotInvitable::Registered);
    }
    if invitation.is_some_and(|invitation| invitation.is_open(now)) { Err(NotInvitable::Invited) } else { Ok(()) }
}

/// Whether an invitation goes out to this address as a message: to mailboxes, and to phones in +86 (F41).
pub fn is_reachable(address: &Address) -> bool {
    address.kind() == AddressKind::Email || address.as_str().starts_with(SMS_PREFIX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{address::Country, locale::Locale};

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    fn invitation() -> Invitation {
        Invitation {
            id: InvitationId::new(at(0), 1),
            portal: PortalId::new(at(0), 1),
            address: Address::parse("li@example.com", &[]).unwrap(),
            name: None,
            role: None,
            invited_by: MemberId::new(at(0), 1),
            invited_at: at(0),
            expires_at: at(100),
            cancelled: false,
            accepted_by: None,
        }
    }

    #[test]
    fn an_invitation_ends_by_acceptance_withdrawal_or_time() {
        let user = Some(UserId::new(at(0), 1));
        for (cancelled, accepted_by, second, standing, repeatable) in [
            (false, None, 99, Standing::Open, true),
            (false, None, 100, Standing::Expired, true),
            (true, None, 99, Standing::Cancelled, false),
            (true, None, 100, Standing::Cancelled, false),
            (false, user, 100, Standing::Accepted, false),
        ] {
            let invitation = Invitation { cancelled, accepted_by, ..invitation() };
            assert_eq!((invitation.standing(at(second)), invitation.is_repeatable(at(second))), (standing, repeatable));
            assert_eq!(invitation.is_open(at(second)), standing == Standing::Open);
        }
    }

    #[test]
    fn users_and_invited_people_are_not_invited_again() {
        let role = RoleId::try_from("user".to_owned()).unwrap();
        let user = |status, invitation| User {
            status,
            invitation,
            ..User::new(UserId::new(at(0), 1), PortalId::new(at(0), 1), self::invitation().address, role.clone(), Locale::En, at(0))
        };
        for status in Status::ALL {
            let expected = if status == Status::Inactive { Ok(()) } else { Err(NotInvitable::Registered) };
            assert_eq!(may_invite(Some(&user(status, None)), None, at(0)), expected);
        }
        let invited_before = user(Status::Inactive, Some(invitation().id));
        assert_eq!(may_invite(Some(&invited_before), None, at(0)), Err(NotInvitable::Registered));
        assert_eq!(may_invite(None, Some(&invitation()), at(99)), Err(NotInvitable::Invited));
        assert_eq!(may_invite(None, Some(&invitation()), at(100)), Ok(()));
    }

    #[test]
    fn invitations_by_sms_go_to_mainland_numbers_only() {
        let countries = [Country::CHINA, Country::try_from("FR".to_owned()).unwrap()];
        for (typed, reachable) in [("13800138000", true), ("+33612345678", false), ("li@example.com", true)] {
            assert_eq!(is_reachable(&Address::parse(typed, &countries).unwrap()), reachable, "{typed}");
        }
    }
}
