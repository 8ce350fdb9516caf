//! Another phone number or mailbox (F80, S30).

use std::sync::Arc;

use axum::{Json, extract::State};
use portico_domain::code::{Code, Purpose};
use portico_http::{Body, CurrentUser, Kind, Me, Problem, Problems, refusal};
use portico_messaging::{About, Recipient};
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
    Body(request): Body<AddressChange>,
) -> Result<Json<Me>, Problem> {
    let code = Code::parse(&request.code).map_err(|error| Problem::invalid("/code", "invalid", error.to_string()))?;
    let (portal, mut before) = (current.signed.portal, current.signed.user);
    let proven = profiles.gate.prove_address(portal.id, &request.flow, Purpose::ChangeAddress, code).await;
    let address = proven.map_err(|error| refusal(error, profiles.clock.now()))?;
    if !portal.settings.sign_in.accounts.allow(address.kind()) {
        return Err(Kind::MethodOff.into());
    }
    for _ in 0..TRIES {
        if before.address_of(address.kind()) == Some(&address) {
            return profiles.view(&portal, before).await;
        }
        // The owner hears of it where they were reached until now.
        let told = profiles.gate.notice(&portal, &Recipient::before_change(&before, address.kind()), About::AddressChanged).await;
        let told = told.map_err(|error| refusal(error, profiles.clock.now()))?;
        match profiles.store.change_address(&before, &address, told.as_ref()).await? {
            Written::Done => {
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
