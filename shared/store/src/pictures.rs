//! Pictures of users (table Users).
//!
//! | pk | sk | attributes |
//! |---|---|---|
//! | `PORTAL#<portal>#PICTURE#<picture>` | `PICTURE` | `user`: whose it is; `jpeg`: some 20 KB |
//!
//! They lie beside the accounts and not among the files: a picture appears, is replaced and goes in the transaction that says so in its
//! account, none is left behind (S69), and no function but the one that takes uploads needs a right to the bucket.

use aws_sdk_dynamodb::types::{Delete, Put, Update};
use portico_domain::{
    ids::{PictureId, PortalId},
    user::{Status, User},
};

use crate::{
    Store, StoreError,
    items::{Key, binary, text},
    transaction::{Cancelled, delete, put, update},
    users::user_key,
};

pub(crate) fn picture_key(portal: PortalId, picture: PictureId) -> Key {
    Key::new(format!("PORTAL#{portal}#PICTURE#{picture}"), "PICTURE")
}

impl Store {
    /// Gives an active account another picture, or none; the one before goes. False if account or picture changed meanwhile.
    pub async fn change_picture(&self, before: &User, picture: Option<(PictureId, &[u8])>) -> Result<bool, StoreError> {
        let mut parts = vec![update(self.picture_update(before, picture.map(|(id, _)| id))?)];
        if let Some((id, jpeg)) = picture {
            let mut item = picture_key(before.portal, id).attributes();
            item.extend([("user".into(), text(before.id)), ("jpeg".into(), binary(jpeg))]);
            parts.push(put(Put::builder().table_name(&self.tables.users).set_item(Some(item)).build()?));
        }
        if let Some(old) = before.picture {
            parts.push(delete(self.picture_gone(before.portal, old)?));
        }
        match self.write_all(parts).await {
            Ok(()) => Ok(true),
            Err(Cancelled::Condition(..)) => Ok(false),
            Err(Cancelled::Store(error)) => Err(error),
        }
    }

    /// A picture of a portal, if it is there.
    pub async fn picture(&self, portal: PortalId, picture: PictureId) -> Result<Option<Vec<u8>>, StoreError> {
        let item = self.read(&self.tables.users, &picture_key(portal, picture)).await?;
        let Some(jpeg) = item.and_then(|mut item| item.remove("jpeg")) else { return Ok(None) };
        let malformed = |_| StoreError::Malformed("a picture", "jpeg is no bytes".into());
        jpeg.as_b().map(|jpeg| Some(jpeg.clone().into_inner())).map_err(malformed)
    }

    /// The part of a transaction that takes a picture away.
    pub(crate) fn picture_gone(&self, portal: PortalId, picture: PictureId) -> Result<Delete, StoreError> {
        Ok(Delete::builder().table_name(&self.tables.users).set_key(Some(picture_key(portal, picture).attributes())).build()?)
    }

    fn picture_update(&self, before: &User, after: Option<PictureId>) -> Result<Update, StoreError> {
        let known = if before.picture.is_some() { "picture = :old" } else { "attribute_not_exists(picture)" };
        let part = Update::builder()
            .table_name(&self.tables.users)
            .set_key(Some(user_key(before.portal, before.id).attributes()))
            .condition_expression(format!("#status = :active AND {known}"))
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":active", text(Status::Active.as_str()));
        let part = match before.picture {
            Some(old) => part.expression_attribute_values(":old", text(old)),
            None => part,
        };
        let part = match after {
            Some(new) => part.update_expression("SET picture = :new").expression_attribute_values(":new", text(new)),
            None => part.update_expression("REMOVE picture"),
        };
        Ok(part.build()?)
    }
}
