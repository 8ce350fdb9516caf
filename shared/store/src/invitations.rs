//! Invitations (table Users).
//!
//! | pk | sk | attributes |
//! |---|---|---|
//! | `PORTAL#<portal>#ADDRESS#<key>` | `INVITATION` | the invitation: `id`, `address`, `name`, `role`, `expiresAt`, `cancelled`, `acceptedBy` |
//!
//! It lies beside the claim of the same address: an address has one invitation at most.

use aws_sdk_dynamodb::types::Update;
use portico_domain::{
    address::AddressKey,
    ids::{PortalId, UserId},
    invitation::Invitation,
};

use crate::{
    Store, StoreError,
    items::{Key, Wanted, from_item, text},
    users::{Claim, address_partition, claim_key},
};

pub(crate) fn invitation_key(portal: PortalId, address: AddressKey) -> Key {
    Key::new(address_partition(portal, address), "INVITATION")
}

impl Store {
    /// The invitation of an address, open or not, in its newest state.
    pub async fn invitation(&self, portal: PortalId, address: AddressKey) -> Result<Option<Invitation>, StoreError> {
        let item = self.read(&self.tables.users, &invitation_key(portal, address)).await?;
        item.map(|item| from_item("an invitation", item)).transpose()
    }

    /// Who has an address in a portal, and its invitation, in one round trip.
    pub async fn owner_and_invitation(
        &self,
        portal: PortalId,
        address: AddressKey,
    ) -> Result<(Option<UserId>, Option<Invitation>), StoreError> {
        let (claim, invitation) = (claim_key(portal, address), invitation_key(portal, address));
        let wanted = Wanted { table: &self.tables.users, keys: vec![&claim, &invitation], consistent: false };
        let mut found = self.read_many(&[wanted]).await?;
        let owner = found.take_as::<Claim>("a claim", &claim)?.map(|claim| claim.user);
        Ok((owner, found.take_as("an invitation", &invitation)?))
    }

    /// The part of a transaction that accepts an invitation, if it is still the one that was read and nobody accepted or withdrew it
    /// meanwhile (S48).
    pub(crate) fn accept_part(&self, invitation: &Invitation, user: UserId) -> Result<Update, StoreError> {
        Ok(Update::builder()
            .table_name(&self.tables.users)
            .set_key(Some(invitation_key(invitation.portal, invitation.address.key(invitation.portal)).attributes()))
            .update_expression("SET acceptedBy = :user")
            .condition_expression("id = :id AND attribute_not_exists(acceptedBy) AND cancelled = :no")
            .expression_attribute_values(":user", text(user))
            .expression_attribute_values(":id", text(invitation.id))
            .expression_attribute_values(":no", aws_sdk_dynamodb::types::AttributeValue::Bool(false))
            .build()?)
    }
}
