//! Invitations (F31, F49, F53, F54, S48): an address that may come in, with the role that waits for it.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{
    address::Address,
    ids::{InvitationId, MemberId, PortalId, UserId},
    portal::RoleId,
    text::Name,
};

/// How long an invitation can be accepted.
pub const LIFETIME: SignedDuration = SignedDuration::from_hours(30 * 24);

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
    /// Whether it can still be accepted. The table's clean-up may be days late (R25).
    pub fn is_open(&self, now: Timestamp) -> bool {
        !self.cancelled && self.accepted_by.is_none() && now < self.expires_at
    }
}
