//! How portals speak, and the signatures that organisations may use (table Portals; F36, F37).
//!
//! | pk | sk | attributes |
//! |---|---|---|
//! | `PORTAL#<portal>` | `MESSAGES` | `settings`, `version` |
//! | `ORG#<organisation>#SIGNATURES` | `SIGNATURE#<text>` | `state`, `requestedBy`, `requestedAt`, `decidedAt`, `remark` |
//!
//! It is an item of its own, because a sign-in reads the portal and none of this.

use aws_sdk_dynamodb::types::ReturnValue;
use jiff::Timestamp;
use portico_domain::{
    ids::{MemberId, OrganisationId, PortalId},
    message::MessageSettings,
    text::Text,
};
use serde::{Deserialize, Serialize};

use crate::{
    Store, StoreError,
    calls::Call,
    codes::put_is_condition,
    items::{Key, from_item, number, stored, text, to_attribute, to_item},
    portals::is_condition,
};

/// How a portal speaks, in a version.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredMessageSettings {
    /// The settings.
    pub settings: MessageSettings,
    /// Counts the changes; 0 before the first.
    pub version: u64,
}

stored!(StoredMessageSettings);

/// Where the approval of a signature stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum SignatureState {
    /// Asked for.
    Requested,
    /// May be used.
    Approved,
    /// May not.
    Rejected,
}

impl SignatureState {
    fn as_str(self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
        }
    }
}

/// A signature of an organisation (F36).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Signature {
    /// The words.
    pub text: Text<20>,
    /// Where its approval stands.
    pub state: SignatureState,
    /// Who asked for it.
    pub requested_by: MemberId,
    /// When (UTC).
    pub requested_at: Timestamp,
    /// When it was decided (UTC).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided_at: Option<Timestamp>,
    /// What was said to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remark: Option<Text<200>>,
}

stored!(Signature);

fn settings_key(portal: PortalId) -> Key {
    Key::new(format!("PORTAL#{portal}"), "MESSAGES")
}

fn signature_key(organisation: OrganisationId, signature: &str) -> Key {
    Key::new(format!("ORG#{organisation}#SIGNATURES"), format!("SIGNATURE#{signature}"))
}

impl Store {
    /// How a portal speaks.
    pub async fn message_settings(&self, portal: PortalId) -> Result<StoredMessageSettings, StoreError> {
        let item = self.read(&self.tables.portals, &settings_key(portal)).await?;
        Ok(item.map(|item| from_item("message settings", &item)).transpose()?.unwrap_or_default())
    }

    /// Writes how a portal speaks, if nobody wrote it since `known`. False if somebody did.
    pub async fn put_message_settings(&self, portal: PortalId, settings: &MessageSettings, known: u64) -> Result<bool, StoreError> {
        let stored = StoredMessageSettings { settings: settings.clone(), version: known + 1 };
        let write = self.client.put_item().table_name(&self.tables.portals).set_item(Some(to_item(&settings_key(portal), &stored)?));
        let write = match known {
            0 => write.condition_expression("attribute_not_exists(pk)"),
            known => write
                .condition_expression("#version = :known")
                .expression_attribute_names("#version", "version")
                .expression_attribute_values(":known", number(known)),
        };
        match write.call().await {
            Ok(_) => Ok(true),
            Err(error) if put_is_condition(&error) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// The signatures of an organisation.
    pub async fn signatures(&self, organisation: OrganisationId) -> Result<Vec<Signature>, StoreError> {
        let items = self.items_below(&self.tables.portals, &format!("ORG#{organisation}#SIGNATURES"), "SIGNATURE#").await?;
        items.into_iter().map(|item| from_item("a signature", &item)).collect()
    }

    /// Whether an organisation may use a signature.
    pub async fn is_approved(&self, organisation: OrganisationId, signature: &str) -> Result<bool, StoreError> {
        let item = self.read(&self.tables.portals, &signature_key(organisation, signature)).await?;
        let known: Option<Signature> = item.map(|item| from_item("a signature", &item)).transpose()?;
        Ok(known.is_some_and(|known| known.state == SignatureState::Approved))
    }

    /// Asks for a signature, unless it was asked for before; one that was rejected may be asked for again. False if it stands already.
    pub async fn request_signature(&self, organisation: OrganisationId, signature: &Signature) -> Result<bool, StoreError> {
        let item = to_item(&signature_key(organisation, signature.text.as_str()), signature)?;
        let write = self.client.put_item().table_name(&self.tables.portals).set_item(Some(item));
        let write = write
            .condition_expression("attribute_not_exists(pk) OR #state = :rejected")
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":rejected", text(SignatureState::Rejected.as_str()));
        match write.call().await {
            Ok(_) => Ok(true),
            Err(error) if put_is_condition(&error) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Approves a signature, or rejects it. `None` if nobody asked for it.
    pub async fn decide_signature(
        &self,
        organisation: OrganisationId,
        signature: &str,
        state: SignatureState,
        remark: Option<&Text<200>>,
        now: Timestamp,
    ) -> Result<Option<Signature>, StoreError> {
        let update = self
            .client
            .update_item()
            .table_name(&self.tables.portals)
            .set_key(Some(signature_key(organisation, signature).attributes()))
            .condition_expression("attribute_exists(pk)")
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":state", text(state.as_str()))
            .expression_attribute_values(":at", to_attribute(&now)?)
            .return_values(ReturnValue::AllNew);
        let update = match remark {
            Some(remark) => update
                .update_expression("SET #state = :state, decidedAt = :at, remark = :remark")
                .expression_attribute_values(":remark", text(remark.as_str())),
            None => update.update_expression("SET #state = :state, decidedAt = :at REMOVE remark"),
        };
        match update.call().await {
            Ok(answer) => answer.attributes.map(|item| from_item("a signature", &item)).transpose(),
            Err(error) if is_condition(&error) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}
