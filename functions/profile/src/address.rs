//! Another phone number or mailbox (F80, S30).

use std::sync::Arc;

use axum::{Json, extract::State};
use portico_domain::{
    address::Address,
    code::{Code, Purpose},
    portal::Portal,
    user::User,
};
use portico_http::{Body, CurrentUser, Kind, Me, Problem, Problems, Reader, read_flow, refusal};
use portico_messaging::texts;
use portico_store::Written;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{Profiles, TRIES};

/// The code that shows that the new address is theirs.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AddressChange {
    /// From `codes` with the purpose `change-address`, to the new address.
    flow: String,
    /// Six digits, as typed.
    #[schema(example = "218594")]
    code: String,
}

/// Change one's own phone number or email address
///
/// A phone number takes the place of the phone number, a mailbox that of the mailbox. Until the code is brought back, the old one
/// holds; it is told of the change.
#[utoipa::path(put, path = "/v1/me/address", operation_id = "changeAddress", tag = "me", security(("session" = [])), request_body = AddressChange,
    responses((status = 200, description = "The account as it is now", body = Me), Problems))]
pub(crate) async fn change(
    State(profiles): State<Arc<Profiles>>,
    current: CurrentUser,
    reader: Reader,
    Body(request): Body<AddressChange>,
) -> Result<Json<Me>, Problem> {
    let code = Code::parse(&request.code).map_err(|error| Problem::invalid("/code", "invalid", error.to_string()))?;
    let flow = read_flow(&request.flow).ok_or(Kind::CodeExpired)?;
    let (portal, mut before) = (current.signed.portal, current.signed.user);
    let proven = profiles.gate.prove_address(portal.id, &flow, Purpose::ChangeAddress, code).await;
    let address = proven.map_err(|error| refusal(error, profiles.clock.now()))?;
    if !portal.settings.sign_in.accounts.allow(address.kind()) {
        return Err(Kind::MethodOff.into());
    }
    for _ in 0..TRIES {
        if before.address_of(address.kind()) == Some(&address) {
            return profiles.view(&portal, before).await;
        }
        match profiles.store.change_address(&before, &address).await? {
            Written::Done => {
                profiles.tell_old(&portal, &before, &address, &reader).await;
                before.set_address(address);
                return profiles.view(&portal, before).await;
            }
            Written::AlreadyBound => return Err(Kind::AlreadyBound.into()),
            Written::AccountChanged | Written::PortalChanged | Written::InvitationChanged | Written::NoSeats => {
                before = profiles.again(&before).await?;
            }
        }
    }
    Err(Problem::unavailable("the account kept changing"))
}

impl Profiles {
    /// Tells the owner where they were reached until now. The change stands whether or not the message goes out.
    async fn tell_old(&self, portal: &Portal, before: &User, new: &Address, reader: &Reader) {
        let settings = &portal.settings;
        let signature = settings.signature.as_ref().map_or(self.default_signature.as_str(), |signature| signature.as_str());
        let message = texts::address_changed(signature, settings.name.as_str(), before.locale);
        if let Some(address) = before.address_of(new.kind()).or(before.address())
            && let Err(error) = self.messenger.send(address, &message).await
        {
            tracing::error!(request = reader.request_id, user = %before.id, %error, "the owner was not told of a new address");
        }
    }
}
