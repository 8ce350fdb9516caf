//! Members of an organisation, as far as they administer portals.

use serde::{Deserialize, Serialize};

use crate::{
    address::Address,
    ids::{MemberId, OrganisationId},
    text::Name,
};

/// What a member may do in the console. Every administrative route declares one (S44).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Right {
    /// Create portals, change their settings and links.
    ManagePortals,
    /// Decide on applications.
    DecideApplications,
    /// See users and invitations, and why somebody does not get in.
    ReadUsers,
    /// Invite people; enable and disable users.
    ManageUsers,
    /// Buy seats; see the organisation's figures.
    ManageOrganisation,
}

impl Right {
    /// All of them: what an owner has.
    pub const ALL: [Self; 5] =
        [Self::ManagePortals, Self::DecideApplications, Self::ReadUsers, Self::ManageUsers, Self::ManageOrganisation];
}

/// A member with rights.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Member {
    /// Identifier.
    pub id: MemberId,
    /// The organisation that they belong to.
    pub organisation: OrganisationId,
    /// Their name.
    pub name: Name,
    /// Where notices for administrators go.
    pub email: Address,
    /// What they may do.
    pub rights: Vec<Right>,
}

impl Member {
    /// Whether they may do this.
    pub fn may(&self, right: Right) -> bool {
        self.rights.contains(&right)
    }
}
