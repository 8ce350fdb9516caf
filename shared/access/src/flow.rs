//! Flows as callers carry them: encrypted, so that neither they nor the tables hold the address (S2, S10).

use std::sync::Arc;

use portico_domain::{code::Flow, ids::PortalId};
use portico_store::Sealed;

use crate::{AccessError, Keyring, keys::Keys, sealing};

/// What a flow looks like at most: the version of the secret, and an address of 254 bytes.
const LONGEST: usize = 600;

/// A flow for its caller.
pub(crate) fn write(keys: &Keys, portal: PortalId, flow: &Flow) -> Result<String, AccessError> {
    let sealed = sealing::seal(keys, Keys::flow, &portal.to_bytes(), &flow.to_bytes())?;
    Ok(format!("{}.{}", sealed.text, sealed.secret_version))
}

/// What a caller brings back, and the keys that it was given out with. Whatever is wrong with it, it leads to no code.
pub(crate) async fn read(keyring: &Keyring, portal: PortalId, text: &str) -> Result<(Flow, Arc<Keys>), AccessError> {
    let parts = text.split_once('.').filter(|_| text.len() <= LONGEST);
    let (sealed, version) = parts.ok_or(AccessError::CodeExpired)?;
    let keys = keyring.version(version).await?.ok_or(AccessError::CodeExpired)?;
    let sealed = Sealed { text: sealed.to_owned(), secret_version: version.to_owned() };
    let bytes = sealing::open(&keys, Keys::flow, &portal.to_bytes(), &sealed).map_err(|_| AccessError::CodeExpired)?;
    Ok((Flow::from_bytes(&bytes).ok_or(AccessError::CodeExpired)?, keys))
}
