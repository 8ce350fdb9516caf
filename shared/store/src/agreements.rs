//! Agreements of portals (table Portals).
//!
//! | pk | sk | attributes |
//! |---|---|---|
//! | `PORTAL#<portal>` | `AGREEMENT#<version>` | the texts: `version`, `terms`, `privacy`, each with `title` and `html` |
//!
//! Versions stay: they are what people accepted. The portal itself names the one that holds.

use aws_sdk_dynamodb::types::Put;
use portico_domain::{agreements::Agreements, ids::PortalId, portal::Portal};

use crate::{
    Saved, Store, StoreError,
    items::{Key, from_item, number, to_attribute, to_item},
    transaction::put,
};

fn agreements_key(portal: PortalId, version: u32) -> Key {
    Key::new(format!("PORTAL#{portal}"), format!("AGREEMENT#{version}"))
}

impl Store {
    /// The texts of one version.
    pub async fn agreements(&self, portal: PortalId, version: u32) -> Result<Option<Agreements>, StoreError> {
        let item = self.read(&self.tables.portals, &agreements_key(portal, version)).await?;
        item.map(|item| from_item("agreements", &item)).transpose()
    }

    /// Makes this version the one that holds, if the portal still is as it was read. Everybody is asked from then on (F10).
    pub async fn save_agreements(&self, portal: &Portal, agreements: &Agreements) -> Result<Saved, StoreError> {
        let head = agreements.head();
        let change = match head {
            Some(_) => "agreementVersions = :count, agreement = :head",
            None => "agreementVersions = :count REMOVE agreement",
        };
        let change = self.change_of(portal, change).expression_attribute_values(":count", number(agreements.version));
        let change = match head {
            Some(head) => change.expression_attribute_values(":head", to_attribute(&head)?),
            None => change,
        };
        let mut parts = self.new_version(portal, change)?;
        if head.is_some() {
            let item = to_item(&agreements_key(portal.id, agreements.version), agreements)?;
            let fresh =
                Put::builder().table_name(&self.tables.portals).set_item(Some(item)).condition_expression("attribute_not_exists(pk)");
            parts.push(put(fresh.build()?));
        }
        self.save(parts).await
    }
}
