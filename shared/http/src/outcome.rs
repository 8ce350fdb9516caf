//! The outcome of a step of a sign-in, as callers see it.

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use http::{HeaderValue, StatusCode, header};
use jiff::Timestamp;
use portico_access::{AccessError, Channels, EntryError, Outcome, SignIn};
use portico_domain::{
    address::{Address, AddressError, AddressKind, Channel},
    admission::Refusal,
    fields::{Answers, Field},
    ids::{PortalId, UserId},
    limits::retry_after_seconds,
    portal::{Accounts, Portal, RoleId},
    suffix::Suffix,
    user::{Reason, User},
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{Kind, Problem, Reader};

/// The cookie that carries an external user's session: this host only, `https` only, out of reach of scripts (S22).
pub(crate) const COOKIE: &str = "__Host-portico";

/// Who is signed in.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = User)]
pub struct UserView {
    /// Identifier.
    pub id: UserId,
    /// The name that they gave.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Their role in the portal.
    pub role: RoleId,
    /// Their proven phone number (E.164).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub phone: Option<Address>,
    /// Their proven email address.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub email: Option<Address>,
}

impl UserView {
    /// What a user may see of themselves.
    pub fn new(user: &User, portal: &Portal) -> Self {
        Self {
            id: user.id,
            name: user.name().map(str::to_owned),
            role: portal.effective_role(&user.role),
            phone: user.phone.clone(),
            email: user.email.clone(),
        }
    }
}

/// Where somebody is signed in, and until when.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Session)]
#[serde(rename_all = "camelCase")]
pub struct SessionView {
    /// Who.
    pub user: UserView,
    /// Where.
    pub portal: PortalView,
    /// When it ends if they do nothing more (UTC).
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
}

/// The portal of a session.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = SessionPortal)]
pub struct PortalView {
    /// Identifier.
    pub id: PortalId,
    /// The name that outside people see (F2).
    pub name: String,
    /// The suffix of its link.
    pub link: Option<Suffix>,
}

impl PortalView {
    /// A portal for the eyes of its users.
    pub fn new(portal: &Portal) -> Self {
        let name = portal.settings.name.as_str().to_owned();
        Self { id: portal.id, name, link: portal.main_link().map(|link| link.suffix.clone()) }
    }
}

impl SessionView {
    /// A session for the eyes of its owner.
    pub fn new(user: &User, portal: &Portal, expires_at: Timestamp) -> Self {
        Self { user: UserView::new(user, portal), portal: PortalView::new(portal), expires_at }
    }
}

/// The outcome of a step of a sign-in: in, or what comes next.
#[derive(Debug, Serialize, ToSchema)]
#[serde(tag = "step", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum SignInOutcome {
    /// In. The session is in the cookie, and in `session` for programs (`Accept: application/json`).
    SignedIn {
        /// Who, where, until when.
        #[serde(flatten)]
        view: SessionView,
        /// The session, for programs.
        #[serde(skip_serializing_if = "Option::is_none")]
        session: Option<String>,
    },
    /// They are to follow the organisation's service account (F17). `registration/status` says once they do.
    Follow {
        /// For `registration/status`, in the same browser; good for ten minutes.
        ticket: String,
        /// What the QR code to be drawn says.
        #[schema(example = "http://weixin.qq.com/q/02kAXbJp")]
        qr: String,
        /// Seconds until it can no longer be scanned.
        expires_in: i64,
    },
    /// On a phone: it follows now, and confirms the desktop's sign-in next (F16, S36).
    Scanned {
        /// The scan, for `wechat/scans/{scan}/confirmation`.
        scan: String,
    },
    /// A code is to come after the password or WeChat (F19).
    SecondStep {
        /// For `codes` with the purpose `second-step`, then for `sessions`; good for ten minutes.
        ticket: String,
        /// Where a code can go.
        channels: Vec<ChannelView>,
        /// Whether the code of an authenticator app serves as well.
        totp: bool,
        /// Whether a recovery code serves as well.
        recovery_codes: bool,
    },
    /// The agreements are to be accepted (F10).
    Consent {
        /// For `registration`; good for ten minutes.
        ticket: String,
        /// The version to be shown, and to be sent back as `consent`.
        version: u32,
    },
    /// An address is to be proven, too (F21, S34).
    Bind {
        /// For `codes` with the purpose `bind`, then for `sessions`; good for ten minutes.
        ticket: String,
        /// The kind of address that is missing.
        missing: MissingAddress,
        /// Whether WeChat named somebody new: the address finds or makes their account, in the same browser (S34).
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        wechat: bool,
    },
    /// The portal's fields are to be filled in.
    Collect {
        /// For `registration`; good for ten minutes.
        ticket: String,
        /// What to ask for.
        fields: Vec<Field>,
        /// What an administrator asked for, where one asked for more (B5).
        #[serde(skip_serializing_if = "Option::is_none")]
        #[schema(value_type = Option<String>)]
        reason: Option<Reason>,
        /// What was filled in before.
        #[serde(skip_serializing_if = "Answers::is_empty")]
        #[schema(value_type = std::collections::HashMap<String, Object>)]
        answers: Answers,
    },
    /// An administrator is to decide.
    AwaitingApproval {
        /// For `registration/status`; good for ten minutes, renewed by each request.
        ticket: String,
        /// How the answer will come.
        channel: Channel,
    },
}

/// The kind of address that is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum MissingAddress {
    /// A phone number.
    Phone,
    /// A mailbox.
    Email,
    /// Either.
    Any,
}

impl From<AddressKind> for MissingAddress {
    fn from(kind: AddressKind) -> Self {
        match kind {
            AddressKind::Phone => Self::Phone,
            AddressKind::Email => Self::Email,
        }
    }
}

impl From<Accounts> for MissingAddress {
    fn from(accounts: Accounts) -> Self {
        match (accounts.phone, accounts.email) {
            (true, false) => Self::Phone,
            (false, true) => Self::Email,
            _ => Self::Any,
        }
    }
}

/// Where the code of a second step can go.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SecondStepChannel)]
pub struct ChannelView {
    /// The channel, for `codes`.
    pub channel: Channel,
    /// The address, as far as its owner recognises it.
    #[schema(example = "+86138****8000")]
    pub hint: String,
}

fn channel_views(channels: &Channels) -> Vec<ChannelView> {
    channels.0.iter().map(|address| ChannelView { channel: address.kind().channel(), hint: address.hint() }).collect()
}

/// The answer to a step of a sign-in.
pub fn signed_in_response(outcome: Result<Outcome, AccessError>, reader: &Reader, now: Timestamp) -> Result<Response, Problem> {
    match outcome.map_err(|error| refusal(error, now))? {
        Outcome::SignedIn(sign_in) => Ok(signed_in(*sign_in, reader, now)),
        other => Ok(Json(next(other, now)).into_response()),
    }
}

fn next(outcome: Outcome, now: Timestamp) -> SignInOutcome {
    match outcome {
        Outcome::SignedIn(sign_in) => {
            let view = SessionView::new(&sign_in.user, &sign_in.portal, sign_in.expires_at);
            SignInOutcome::SignedIn { view, session: None }
        }
        Outcome::Follow { ticket, qr, expires_at } => {
            SignInOutcome::Follow { ticket, qr, expires_in: expires_at.duration_since(now).as_secs().max(0) }
        }
        Outcome::Scanned(scan) => SignInOutcome::Scanned { scan: scan.to_string() },
        Outcome::FirstBind { ticket, accounts } => SignInOutcome::Bind { ticket, missing: accounts.into(), wechat: true },
        Outcome::SecondStep { ticket, channels, authenticator, recovery_codes } => {
            SignInOutcome::SecondStep { ticket, channels: channel_views(&channels), totp: authenticator, recovery_codes }
        }
        Outcome::Consent { ticket, version } => SignInOutcome::Consent { ticket, version },
        Outcome::Bind { ticket, missing } => SignInOutcome::Bind { ticket, missing: missing.into(), wechat: false },
        Outcome::Collect { ticket, fields, reason, answers } => SignInOutcome::Collect { ticket, fields, reason, answers },
        Outcome::AwaitingApproval { ticket, channel } => SignInOutcome::AwaitingApproval { ticket, channel },
    }
}

/// The answer to a browser that comes back from WeChat: on to a page of ours, with what comes next behind the `#`, which no server sees
/// (S10). Problems that are our fault stay as they are.
pub fn sign_in_page(outcome: Result<Outcome, AccessError>, page: &str, now: Timestamp) -> Result<Response, Problem> {
    let (place, cookie) = match outcome.map_err(|error| refusal(error, now)) {
        Ok(Outcome::SignedIn(sign_in)) => (page.to_owned(), Some(session_cookie(&sign_in, now))),
        Ok(Outcome::Scanned(scan)) => (format!("{page}#scan={scan}"), None),
        Ok(
            Outcome::Follow { ticket, .. }
            | Outcome::FirstBind { ticket, .. }
            | Outcome::SecondStep { ticket, .. }
            | Outcome::Consent { ticket, .. }
            | Outcome::Bind { ticket, .. }
            | Outcome::Collect { ticket, .. }
            | Outcome::AwaitingApproval { ticket, .. },
        ) => (format!("{page}#ticket={ticket}"), None),
        Err(problem) if problem.kind().status().is_server_error() => return Err(problem),
        Err(problem) => (format!("{page}#problem={}", problem.kind().name()), None),
    };
    let mut response = (StatusCode::SEE_OTHER, [(header::LOCATION, place)]).into_response();
    if let Some(Ok(cookie)) = cookie.map(HeaderValue::try_from) {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    Ok(response)
}

fn signed_in(sign_in: SignIn, reader: &Reader, now: Timestamp) -> Response {
    let (text, cookie) = (sign_in.token.reveal(), session_cookie(&sign_in, now));
    let view = SessionView::new(&sign_in.user, &sign_in.portal, sign_in.expires_at);
    let mut response = Json(SignInOutcome::SignedIn { view, session: reader.wants_json.then_some(text) }).into_response();
    if let Ok(cookie) = HeaderValue::try_from(cookie) {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    response
}

/// Without the tick the cookie ends with the browser; the server ends it anyway (F25).
fn session_cookie(sign_in: &SignIn, now: Timestamp) -> String {
    let lifetime =
        if sign_in.remembered { format!("; Max-Age={}", sign_in.expires_at.as_second() - now.as_second()) } else { String::new() };
    format!("{COOKIE}={}; Path=/; Secure; HttpOnly; SameSite=Lax{lifetime}", sign_in.token.reveal())
}

/// Takes the session's cookie from the browser, and what the browser kept (S28). Other cookies stay: the browser would clear those of
/// the whole registrable domain.
pub fn clear_cookie(response: &mut Response) {
    let cookie = format!("{COOKIE}=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0");
    if let Ok(cookie) = HeaderValue::try_from(cookie) {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    response.headers_mut().insert("clear-site-data", HeaderValue::from_static("\"cache\", \"storage\""));
}

/// The problem with what was typed as `address`.
pub fn address_refusal(error: AddressError) -> Problem {
    let code = match error {
        AddressError::Phone | AddressError::Email => "address-invalid",
        AddressError::CountryNotAllowed => "country-not-allowed",
    };
    Problem::invalid("/address", code, error.to_string())
}

/// The problem that says why somebody who typed an address is not a step further.
pub fn entry_refusal(error: EntryError, now: Timestamp) -> Problem {
    match error {
        EntryError::Address(error) => address_refusal(error),
        EntryError::Access(error) => refusal(error, now),
    }
}

/// The problem that says why somebody is not a step further.
pub fn refusal(error: AccessError, now: Timestamp) -> Problem {
    match error {
        AccessError::NoPortal | AccessError::NoInvitation => Kind::NotFound.into(),
        AccessError::CodeWrong { attempts_left } => Problem::from(Kind::CodeWrong).with("attemptsLeft", attempts_left),
        AccessError::CodeExpired => Kind::CodeExpired.into(),
        AccessError::TooMany(too_many) => Problem::from(Kind::TooManyRequests).retry_after(retry_after_seconds(too_many.retry_at, now)),
        AccessError::PasswordWrong => Kind::PasswordWrong.into(),
        AccessError::AuthenticatorWrong => Kind::TotpWrong.into(),
        AccessError::Locked(locked) => Problem::from(Kind::Locked).retry_after(retry_after_seconds(locked.until, now)),
        AccessError::AlreadyBound => Kind::AlreadyBound.into(),
        AccessError::ForeignBrowser => Kind::WechatState.into(),
        AccessError::WeChat(_) => Kind::WechatAgain.into(),
        AccessError::Snapshot => Kind::WechatSnapshot.into(),
        AccessError::Unbound | AccessError::SecretsLost => Kind::WechatUnbound.into(),
        AccessError::NoAccount => Kind::NoAccount.into(),
        AccessError::Paused { pause, until } => {
            Problem::from(Kind::TooManyRequests).retry_after(retry_after_seconds(until, now)).with("pause", pause.as_str())
        }
        AccessError::Undeliverable => Kind::Undeliverable.into(),
        AccessError::Deployment(error) => Problem::internal(error),
        AccessError::TicketExpired => Kind::TicketExpired.into(),
        AccessError::TicketSpent => Kind::TicketSpent.into(),
        AccessError::NoSeats => Kind::NoSeats.into(),
        AccessError::Refused(refusal) => refused(refusal),
        AccessError::Store(error) => error.into(),
        AccessError::Busy => Problem::unavailable(error),
        AccessError::Secret(error) => Problem::unavailable(error),
        AccessError::Entropy(_) | AccessError::Crypto(_) => Problem::internal(error),
    }
}

fn refused(refusal: Refusal) -> Problem {
    match refusal {
        Refusal::PortalOff => Kind::PortalOff.into(),
        Refusal::MethodOff => Kind::MethodOff.into(),
        Refusal::BoundToAnother => Kind::AlreadyBound.into(),
        Refusal::NotInvited => Kind::NotInvited.into(),
        Refusal::Disabled => Kind::Disabled.into(),
        Refusal::Rejected(None) => Kind::Rejected.into(),
        Refusal::Rejected(Some(reason)) => Problem::from(Kind::Rejected).with("reason", reason.as_str()),
        Refusal::RegistrationClosed(window) => {
            let mut problem = Problem::from(Kind::RegistrationClosed).with("zone", window.zone());
            for (name, instant) in [("opensAt", window.opens_at()), ("closesAt", window.closes_at())] {
                if let Some(instant) = instant {
                    problem = problem.with(name, instant.to_string());
                }
            }
            problem
        }
    }
}
