//! Portals and their links (table Portals).
//!
//! | pk | sk | attributes |
//! |---|---|---|
//! | `PORTAL#<portal>` | `PORTAL` | the portal: `organisation`, `application`, `settings`, `links`, `version`, `createdAt`; `closedFor` |
//! | `ORG#<organisation>` | `PORTAL#<portal>` | the portal's `version` once more: lists the portals of an organisation, and is small enough to be checked by every newcomer |
//! | `LINK#<suffix in lower case>` | `LINK` | `portal`: the claim of a suffix, made and freed with the link (F3, F4) |

use aws_sdk_dynamodb::{
    error::SdkError,
    operation::update_item::UpdateItemError,
    types::{ConditionCheck, Delete, Put, TransactWriteItem, Update, builders::UpdateBuilder},
};
use jiff::Timestamp;
use portico_domain::{
    ids::{OrganisationId, PortalId},
    message::News,
    portal::{Link, Portal},
    suffix::Suffix,
    window::WindowState,
};
use serde::{Deserialize, Serialize};

use crate::{
    Store, StoreError,
    items::{Item, Key, Wanted, from_item, number, stored, text, to_attribute, to_item},
    transaction::{Cancelled, delete, put, update},
};

pub(crate) fn portal_key(portal: PortalId) -> Key {
    Key::new(format!("PORTAL#{portal}"), "PORTAL")
}

fn listing_key(organisation: OrganisationId, portal: PortalId) -> Key {
    Key::new(format!("ORG#{organisation}"), format!("PORTAL#{portal}"))
}

fn link_key(suffix: &Suffix) -> Key {
    Key::new(format!("LINK#{}", suffix.key()), "LINK")
}

#[derive(Serialize, Deserialize)]
struct Claim {
    portal: PortalId,
}

stored!(Claim);

/// The outcome of a write that names the version it was made from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Saved {
    /// Written.
    Yes,
    /// Somebody else wrote in between; nothing was changed.
    Stale,
}

/// Why a link was not made.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// Another portal of the deployment has the suffix.
    #[error("the suffix is taken")]
    Taken,
    /// Somebody else changed the portal in between.
    #[error("the portal was changed meanwhile")]
    Stale,
    /// The tables gave no answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Store {
    /// Writes a new portal with the claims of all its links. Refused if a suffix is taken.
    pub async fn create_portal(&self, portal: &Portal) -> Result<(), LinkError> {
        let table = &self.tables.portals;
        let fresh =
            |item: Item| Put::builder().table_name(table).set_item(Some(item)).condition_expression("attribute_not_exists(pk)").build();
        let mut parts = Vec::new();
        for link in &portal.links {
            let claim = to_item(&link_key(&link.suffix), &Claim { portal: portal.id })?;
            parts.push(put(fresh(claim).map_err(StoreError::from)?));
        }
        parts.push(put(fresh(to_item(&portal_key(portal.id), portal)?).map_err(StoreError::from)?));
        let mut listed = listing_key(portal.organisation, portal.id).attributes();
        listed.insert("version".into(), number(portal.version));
        parts.push(put(fresh(listed).map_err(StoreError::from)?));
        self.write_all(parts).await.map_err(|cancelled| match cancelled {
            Cancelled::Condition(..) => LinkError::Taken,
            Cancelled::Store(error) => LinkError::Store(error),
        })
    }

    /// A portal in its newest state.
    pub async fn portal(&self, portal: PortalId) -> Result<Option<Portal>, StoreError> {
        let item = self.read(&self.tables.portals, &portal_key(portal)).await?;
        item.map(|item| from_item("a portal", &item)).transpose()
    }

    /// The portal that a suffix leads to.
    pub async fn portal_of_suffix(&self, suffix: &Suffix) -> Result<Option<PortalId>, StoreError> {
        let item = self.read(&self.tables.portals, &link_key(suffix)).await?;
        Ok(item.map(|item| from_item::<Claim>("a link", &item)).transpose()?.map(|claim| claim.portal))
    }

    /// The portals of an organisation, oldest first.
    pub async fn portals_of(&self, organisation: OrganisationId) -> Result<Vec<Portal>, StoreError> {
        let mut listed = self
            .client
            .query()
            .table_name(&self.tables.portals)
            .key_condition_expression("pk = :pk AND begins_with(sk, :prefix)")
            .expression_attribute_values(":pk", text(format!("ORG#{organisation}")))
            .expression_attribute_values(":prefix", text("PORTAL#"))
            .into_paginator()
            .items()
            .send();
        let mut keys = Vec::new();
        while let Some(item) = listed.try_next().await? {
            let sk = item.get("sk").and_then(|sk| sk.as_s().ok()).cloned().unwrap_or_default();
            keys.push(Key::new(sk, "PORTAL"));
        }
        let mut portals: Vec<Portal> = Vec::with_capacity(keys.len());
        for hundred in keys.chunks(100) {
            let mut found =
                self.read_many(&[Wanted { table: &self.tables.portals, keys: hundred.iter().collect(), consistent: true }]).await?;
            for key in hundred {
                portals.extend(found.take_as::<Portal>("a portal", key)?);
            }
        }
        Ok(portals)
    }

    /// Writes the settings, if the portal still has the version that it was read with.
    pub async fn save_settings(&self, portal: &Portal) -> Result<Saved, StoreError> {
        let settings = to_attribute(&portal.settings)?;
        let change = self.change_of(portal, "settings = :settings").expression_attribute_values(":settings", settings);
        self.save(self.new_version(portal, change)?).await
    }

    /// A change of the portal for [`Store::new_version`]; `assignments` as in an update expression after `SET`.
    pub(crate) fn change_of(&self, portal: &Portal, assignments: &str) -> UpdateBuilder {
        self.versioned(portal_key(portal.id), portal, &format!("SET version = :next, {assignments}"))
    }

    fn versioned(&self, key: Key, portal: &Portal, expression: &str) -> UpdateBuilder {
        Update::builder()
            .table_name(&self.tables.portals)
            .set_key(Some(key.attributes()))
            .update_expression(expression)
            .condition_expression("version = :version")
            .expression_attribute_values(":next", number(portal.version + 1))
            .expression_attribute_values(":version", number(portal.version))
    }

    /// The two parts of a transaction that give a portal its next version: `change`, and the version in the list of portals.
    pub(crate) fn new_version(&self, portal: &Portal, change: UpdateBuilder) -> Result<Vec<TransactWriteItem>, StoreError> {
        let listed = self.versioned(listing_key(portal.organisation, portal.id), portal, "SET version = :next");
        Ok(vec![update(change.build()?), update(listed.build()?)])
    }

    /// Writes a next version with what belongs to it, unless somebody else was faster.
    pub(crate) async fn save(&self, parts: Vec<TransactWriteItem>) -> Result<Saved, StoreError> {
        match self.write_all(parts).await {
            Ok(()) => Ok(Saved::Yes),
            Err(Cancelled::Condition(..)) => Ok(Saved::Stale),
            Err(Cancelled::Store(error)) => Err(error),
        }
    }

    /// Adds a link and claims its suffix, if the portal still has this version (F3, F6).
    pub async fn add_link(&self, portal: &Portal, link: Link) -> Result<(), LinkError> {
        let claim = to_item(&link_key(&link.suffix), &Claim { portal: portal.id })?;
        let claim = Put::builder().table_name(&self.tables.portals).set_item(Some(claim)).condition_expression("attribute_not_exists(pk)");
        let mut links = portal.links.clone();
        links.push(link);
        self.write_links(portal, &links, Some(put(claim.build().map_err(StoreError::from)?))).await
    }

    /// Replaces what a link allows, if the portal still has this version. The suffix stays.
    pub async fn change_link(&self, portal: &Portal, link: Link) -> Result<(), LinkError> {
        let links: Vec<Link> =
            portal.links.iter().map(|known| if known.suffix == link.suffix { link.clone() } else { known.clone() }).collect();
        self.write_links(portal, &links, None).await
    }

    /// Removes a link and frees its suffix, if the portal still has this version (F4).
    pub async fn remove_link(&self, portal: &Portal, suffix: &Suffix) -> Result<(), LinkError> {
        let links: Vec<Link> = portal.links.iter().filter(|link| link.suffix != *suffix).cloned().collect();
        let claim = Delete::builder()
            .table_name(&self.tables.portals)
            .set_key(Some(link_key(suffix).attributes()))
            .condition_expression("portal = :portal")
            .expression_attribute_values(":portal", text(portal.id))
            .build()
            .map_err(StoreError::from)?;
        self.write_links(portal, &links, Some(delete(claim))).await
    }

    async fn write_links(&self, portal: &Portal, links: &[Link], claim: Option<TransactWriteItem>) -> Result<(), LinkError> {
        let change = self.change_of(portal, "links = :links").expression_attribute_values(":links", to_attribute(&links)?);
        let mut parts = self.new_version(portal, change)?;
        let versions = parts.len();
        parts.extend(claim);
        self.write_all(parts).await.map_err(|cancelled| match cancelled {
            Cancelled::Condition(index, _) if index < versions => LinkError::Stale,
            Cancelled::Condition(..) => LinkError::Taken,
            Cancelled::Store(error) => LinkError::Store(error),
        })
    }

    /// The part of a transaction that fails if the portal was changed since it was read: window, access type and fields are
    /// thereby checked again by the write itself (S50).
    pub(crate) fn portal_unchanged(&self, portal: &Portal) -> Result<ConditionCheck, StoreError> {
        Ok(ConditionCheck::builder()
            .table_name(&self.tables.portals)
            .set_key(Some(listing_key(portal.organisation, portal.id).attributes()))
            .condition_expression("version = :portalVersion")
            .expression_attribute_values(":portalVersion", number(portal.version))
            .build()?)
    }

    /// Portals whose registration window is over and which nobody was told of (F20). Reads the whole table: for schedules only.
    pub async fn portals_to_close(&self, now: Timestamp) -> Result<Vec<Portal>, StoreError> {
        let mut items = self
            .client
            .scan()
            .table_name(&self.tables.portals)
            // Settings are JSON: this leaves out those that cannot close, the rest is judged below.
            .filter_expression("sk = :portal AND contains(settings, :end)")
            .expression_attribute_values(":portal", text("PORTAL"))
            .expression_attribute_values(":end", text(r#""closesAt":""#))
            .into_paginator()
            .items()
            .send();
        let mut closed = Vec::new();
        while let Some(item) = items.try_next().await? {
            let told = item.get("closedFor").and_then(|at| at.as_s().ok()).cloned();
            let portal: Portal = from_item("a portal", &item)?;
            let end = portal.settings.registration.window.as_ref().and_then(|window| window.closes_at());
            if portal.registration(now) == WindowState::Closed && end.map(|end| end.to_string()) != told {
                closed.push(portal);
            }
        }
        Ok(closed)
    }

    /// Writes the news that this window is over. True for exactly one caller per window (R28).
    pub async fn tell_closed(&self, portal: PortalId, end: Timestamp, news: &News) -> Result<bool, StoreError> {
        let told = Update::builder()
            .table_name(&self.tables.portals)
            .set_key(Some(portal_key(portal).attributes()))
            .update_expression("SET closedFor = :end")
            .condition_expression("attribute_exists(pk) AND (attribute_not_exists(closedFor) OR closedFor <> :end)")
            .expression_attribute_values(":end", text(end.to_string()));
        match self.write_all(vec![update(told.build()?), self.news_part(news)?]).await {
            Ok(()) => Ok(true),
            Err(Cancelled::Condition(..)) => Ok(false),
            Err(Cancelled::Store(error)) => Err(error),
        }
    }
}

/// Whether an update was refused by its own condition.
pub(crate) fn is_condition(error: &SdkError<UpdateItemError>) -> bool {
    error.as_service_error().is_some_and(UpdateItemError::is_conditional_check_failed_exception)
}
