//! `POST /v1/portals/{portal}/codes`: sends a verification code to a phone or mailbox (F12, S1 to S12).

use std::sync::Arc;

use axum::{Json, extract::State, response::IntoResponse};
use http::{Method, StatusCode};
use portico_access::{
    AccessError, EntryError,
    codes::{CodeDesk, Issued, Want},
};
use portico_domain::{
    address::{AddressKind, Channel},
    code::{LIFETIME, Purpose},
    ids::PortalId,
    locale::Locale,
    message::State as Stage,
    suffix::Suffix,
};
use portico_http::{Access, Api, Body, ClientAddress, Kind, PathId, Problem, Problems, Reader, entry_refusal};
use portico_messaging::{
    Mail, SendError, Senders, Sms,
    texts::{self, CodeMessage},
};
use portico_runtime::{Clock, Deployment, MissingVariable};
use portico_store::{InvitationToken, Store, Table};
use serde::{Deserialize, Serialize};
use utoipa::{OpenApi, ToSchema};

/// The part of the OpenAPI document that this function answers for.
#[derive(OpenApi)]
#[openapi(paths(send_code))]
pub struct Docs;

struct Sender {
    desk: CodeDesk,
    senders: Senders,
    clock: Clock,
}

/// The routes of this function.
pub fn api(deployment: &Deployment) -> Result<Api, MissingVariable> {
    let store = Store::open(deployment, &[Table::Portals, Table::Users, Table::Codes, Table::Messages])?;
    let sender =
        Sender { desk: CodeDesk::open(store.clone(), deployment)?, senders: Senders::open(deployment)?, clock: deployment.clock().clone() };
    Ok(Api::guarded(deployment, &store)
        .route(Method::POST, "/v1/portals/{portal}/codes", Access::Anonymous, send_code)
        .with_state(Arc::new(sender)))
}

/// What a person typed, and where they came from.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CodeRequest {
    /// A phone number or an email address, as typed; needed for every purpose but `second-step`, unless there is an `invitation`.
    #[schema(example = "138 0013 8000", max_length = 320)]
    address: Option<String>,
    /// The token in the link of an invitation, in the place of `address`: the code goes to who was invited (S48). With `sign-in` only.
    invitation: Option<String>,
    /// What the code is for.
    purpose: Purpose,
    /// The suffix of the link by which they came.
    link: Option<Suffix>,
    /// From the step that asks for the code; needed for `bind` and `second-step`.
    ticket: Option<String>,
    /// Which of their addresses gets it; needed for `second-step`.
    channel: Option<Channel>,
    /// The language of the message; that of `Accept-Language` if absent.
    locale: Option<Locale>,
}

impl CodeRequest {
    /// What is wanted, if all that it takes is there.
    fn want(self) -> Result<Want, Problem> {
        if let Some(token) = self.invitation {
            if self.purpose != Purpose::SignIn || self.address.is_some() {
                return Err(Problem::invalid("/invitation", "invalid", "goes with the purpose sign-in, and without an address"));
            }
            let token = InvitationToken::parse(&token).ok_or(Kind::NotFound)?;
            return Ok(Want::Invited { token, link: self.link });
        }
        let address = self.address.ok_or_else(|| missing("/address"));
        let ticket = self.ticket.ok_or_else(|| missing("/ticket"));
        Ok(match self.purpose {
            Purpose::Bind => Want::Bind { address: address?, ticket: ticket? },
            Purpose::SecondStep => Want::SecondStep { channel: self.channel.ok_or_else(|| missing("/channel"))?, ticket: ticket? },
            purpose @ (Purpose::SignIn | Purpose::ResetPassword | Purpose::ChangeAddress) => {
                Want::Typed { address: address?, purpose, link: self.link }
            }
        })
    }
}

fn missing(pointer: &str) -> Problem {
    Problem::invalid(pointer, "required", "is needed for this purpose")
}

/// A code is on its way. The same answer for known and unknown people (S40).
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct CodeSent {
    /// To be brought back with the code.
    flow: String,
    /// How the code comes.
    channel: Channel,
    /// Seconds until the code is no longer good.
    #[schema(example = 300)]
    expires_in: i64,
    /// Seconds until another one can be asked for.
    #[schema(example = 60)]
    resend_in: i64,
}

/// Send a verification code
#[utoipa::path(post, path = "/v1/portals/{portal}/codes", operation_id = "sendCode", tag = "sign-in", params(("portal" = PortalId, Path)), request_body = CodeRequest,
    responses((status = 202, description = "The code is on its way", body = CodeSent), Problems))]
async fn send_code(
    State(sender): State<Arc<Sender>>,
    PathId(portal): PathId<PortalId>,
    ClientAddress(client): ClientAddress,
    reader: Reader,
    Body(request): Body<CodeRequest>,
) -> Result<impl IntoResponse, Problem> {
    let locale = request.locale.unwrap_or(reader.locale);
    let want = request.want()?;
    let issued = sender.desk.issue(portal, &want, &client, locale).await.map_err(|error| {
        if let EntryError::Access(AccessError::Paused { pause, .. }) = &error {
            // The template makes a metric and an alarm of this line.
            tracing::warn!(event = "sms-paused", pause = pause.as_str(), %portal, "a portal sends no more for a while");
        }
        entry_refusal(error, sender.clock.now())
    })?;
    sender.hand_over(&issued, locale).await.map_err(|error| {
        tracing::error!(request = reader.request_id, %error, "a code was not sent");
        Problem::from(Kind::SendFailed).retry_after(sender.desk.resend_seconds())
    })?;
    let sent = CodeSent {
        flow: issued.flow.clone(),
        channel: issued.address.kind().channel(),
        expires_in: LIFETIME.as_secs(),
        resend_in: sender.desk.resend_seconds(),
    };
    Ok((StatusCode::ACCEPTED, Json(sent)))
}

impl Sender {
    /// Hands a code to its provider, once (R15), and corrects the ledger where it did not go out. To strangers of a portal for invited
    /// people nothing goes, after as much work (S41).
    async fn hand_over(&self, issued: &Issued, locale: Locale) -> Result<(), SendError> {
        let outbox = self.desk.outbox();
        let (portal, signature) = (issued.portal.settings.name.as_str(), outbox.signature(&issued.portal));
        let words = texts::code(issued.code, signature, portal, locale);
        if !issued.send {
            self.senders.to_nobody(issued.address.kind(), &words.sms, &words.subject, &words.html).await;
            return Ok(());
        }
        let sent = match issued.address.kind() {
            AddressKind::Phone => self.text(issued, signature, &words.sms, locale).await,
            AddressKind::Email => self.mail(issued, &words).await,
        };
        let Err(error) = sent else { return Ok(()) };
        let state = if matches!(error, SendError::Unknown(_)) { Stage::Unknown } else { Stage::Parked };
        if let Err(failure) = self.desk.correct(issued, state, &error.to_string()).await {
            tracing::error!(message = %issued.entry.id, error = %failure, "the ledger was not corrected");
        }
        Err(error)
    }

    async fn text(&self, issued: &Issued, signature: &str, text: &str, locale: Locale) -> Result<(), SendError> {
        let keys = if self.senders.uses_gateway(&issued.address) {
            self.desk.keyring().gateway_keys().await.map_err(|error| SendError::Again(error.to_string()))?
        } else {
            Vec::new()
        };
        let template = self.template(issued, locale).await?;
        let variables =
            [("code".to_owned(), issued.code.digits()), ("portal".to_owned(), issued.portal.settings.name.as_str().to_owned())].into();
        let sms = Sms {
            id: &issued.entry.id.to_string(),
            to: &issued.address,
            text,
            kind: issued.entry.kind.as_str(),
            locale,
            signature,
            template: template.as_deref(),
            variables: &variables,
        };
        self.senders.sms(&sms, &keys).await.map(drop)
    }

    /// The name of the code's template at the gateway, which is asked for only where the gateway sends.
    async fn template(&self, issued: &Issued, locale: Locale) -> Result<Option<String>, SendError> {
        if !self.senders.uses_gateway(&issued.address) {
            return Ok(None);
        }
        self.desk.gateway_template(issued, locale).await.map_err(|error| SendError::Again(error.to_string()))
    }

    async fn mail(&self, issued: &Issued, words: &CodeMessage) -> Result<(), SendError> {
        let portal = issued.portal.settings.name.as_str();
        let mail = Mail {
            id: &issued.entry.id.to_string(),
            portal: issued.portal.id,
            to: &issued.address,
            sender_name: Some(portal),
            subject: &words.subject,
            text: &words.text,
            html: &words.html,
        };
        self.senders.mail(&mail).await.map(drop)
    }
}
