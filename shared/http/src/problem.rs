//! Problems (RFC 9457): what callers are told when something is refused. Types are stable; titles come in the reader's language.

use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use http::{HeaderValue, StatusCode, header};
use portico_domain::locale::Locale;
use portico_store::StoreError;
use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::{IntoResponses, ToSchema};

/// Where the types of problems are described.
pub const TYPE_BASE: &str = "https://portico.dev/problems/";

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident = $name:literal, $status:ident, $en:literal, $zh:literal;)*) => {
        /// The kinds of problems.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Kind {
            $($(#[$doc])* $kind,)*
        }

        impl Kind {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$kind,)*];

            /// The stable name, with which the type ends.
            pub fn name(self) -> &'static str {
                match self { $(Self::$kind => $name,)* }
            }

            /// The status of the answer.
            pub fn status(self) -> StatusCode {
                match self { $(Self::$kind => StatusCode::$status,)* }
            }

            /// What people read.
            pub fn title(self, locale: Locale) -> &'static str {
                match (self, locale) {
                    $((Self::$kind, Locale::En) => $en, (Self::$kind, Locale::Zh) => $zh,)*
                }
            }
        }
    };
}

kinds! {
    /// The body is not JSON, or not UTF-8.
    Malformed = "malformed", BAD_REQUEST, "The request is malformed", "请求格式有误";
    /// The body has the wrong shape or bad values; `errors` says where.
    Invalid = "invalid", UNPROCESSABLE_ENTITY, "The request has invalid values", "请求中有无效的内容";
    /// The body is too large.
    TooLarge = "too-large", PAYLOAD_TOO_LARGE, "The request is too large", "请求内容过大";
    /// The body is not declared as JSON.
    UnsupportedMedia = "unsupported-media-type", UNSUPPORTED_MEDIA_TYPE, "The body must be application/json", "请求内容必须为 application/json";
    /// Nothing is here, or nothing that the caller may know of.
    NotFound = "not-found", NOT_FOUND, "There is nothing here", "未找到相关内容";
    /// The path exists, the method does not.
    MethodNotAllowed = "method-not-allowed", METHOD_NOT_ALLOWED, "This method is not allowed here", "不支持该请求方法";
    /// No session, or one that ended.
    SignedOut = "signed-out", UNAUTHORIZED, "You are not signed in", "您尚未登录或登录已失效";
    /// The caller lacks the right.
    Forbidden = "forbidden", FORBIDDEN, "You may not do this", "您没有执行此操作的权限";
    /// The request comes from another site.
    ForeignOrigin = "foreign-origin", FORBIDDEN, "The request comes from another site", "请求来自其他站点";
    /// The code is wrong; `attemptsLeft` says how many guesses remain.
    CodeWrong = "code-wrong", UNPROCESSABLE_ENTITY, "The code is wrong", "验证码不正确";
    /// The code can no longer be used.
    CodeExpired = "code-expired", UNPROCESSABLE_ENTITY, "The code is no longer valid", "验证码已失效，请重新获取";
    /// The password is wrong, or there is none, or nobody has this address: callers learn no more (S40).
    PasswordWrong = "password-wrong", UNPROCESSABLE_ENTITY, "The address or the password is wrong", "账号或密码不正确";
    /// Neither a fresh code of the authenticator app nor an unused recovery code.
    TotpWrong = "totp-wrong", UNPROCESSABLE_ENTITY, "The code of the app is wrong, or was used before", "验证器中的数字不正确或已被使用";
    /// An authenticator app is set up already.
    TotpOn = "totp-on", CONFLICT, "An authenticator app is set up already", "已启用身份验证器";
    /// Too many wrong guesses in a row; `retryAfter` says when the next one is taken (F23).
    Locked = "locked", TOO_MANY_REQUESTS, "Too many wrong tries; wait a while", "错误次数过多，请稍后再试";
    /// The address belongs to another account of the portal, or the service account to another organisation.
    AlreadyBound = "already-bound", CONFLICT, "This already belongs to another account", "已被其他账号绑定";
    /// Not the browser in which the sign-in by WeChat began, or one that is used up or took too long (S31, S36).
    WechatState = "wechat-state", FORBIDDEN, "This sign-in did not begin here, or took too long; start again", "该微信登录并非由此处发起或已超时，请重新开始";
    /// A virtual person, whom WeChat shows to pages before somebody agreed (S36).
    WechatSnapshot = "wechat-snapshot", FORBIDDEN, "WeChat did not say who you are; open the page fully in WeChat", "微信未提供您的身份，请点击“使用完整服务”后重试";
    /// WeChat did not take the code of this sign-in, or gave no answer.
    WechatAgain = "wechat-again", CONFLICT, "WeChat did not say who you are; try again", "未能通过微信确认您的身份，请重试";
    /// The organisation has no service account bound (F82).
    WechatUnbound = "wechat-unbound", CONFLICT, "WeChat is not set up here", "此处尚未绑定微信服务号";
    /// Nobody has the address that was proven.
    NoAccount = "no-account", CONFLICT, "There is no account with this address yet", "该手机号或邮箱尚未注册";
    /// A cap was reached; `retryAfter` says when to come back.
    TooManyRequests = "too-many-requests", TOO_MANY_REQUESTS, "Too many requests", "请求过于频繁，请稍后再试";
    /// The provider did not take the message.
    SendFailed = "send-failed", SERVICE_UNAVAILABLE, "The message could not be sent", "消息发送失败，请稍后再试";
    /// Mail to the address came back for good.
    Undeliverable = "undeliverable", UNPROCESSABLE_ENTITY, "Mail to this address comes back; use another one", "发往该邮箱的邮件被退回，请换一个地址";
    /// The message carries what is good once: a code is asked for anew, an invitation is repeated as such.
    NotRepeatable = "not-repeatable", CONFLICT, "This message cannot be sent again", "此消息不能重新发送";
    /// No such way leads to the recipient.
    NoRoute = "no-route", CONFLICT, "The recipient cannot be reached this way", "无法通过该方式联系收件人";
    /// The organisation's balance does not suffice.
    NoBalance = "no-balance", CONFLICT, "The balance does not suffice", "余额不足";
    /// The signature was asked for already.
    SignatureTaken = "signature-taken", CONFLICT, "This signature was requested already", "该签名已提交过申请";
    /// The portal is disabled.
    PortalOff = "portal-off", FORBIDDEN, "This portal is closed", "该门户已停用";
    /// This kind of account is not offered here.
    MethodOff = "method-off", FORBIDDEN, "This way to sign in is not offered here", "此处不支持该登录方式";
    /// Nobody new gets in now; `opensAt`, `closesAt` and `zone` say when.
    RegistrationClosed = "registration-closed", FORBIDDEN, "Registration is closed", "当前不在注册时间内";
    /// Only invited people get in.
    NotInvited = "not-invited", FORBIDDEN, "This portal is for invited people", "该门户仅限受邀用户";
    /// The application was rejected; `reason` says why, if a reason was given.
    Rejected = "rejected", FORBIDDEN, "Your application was rejected", "您的申请未通过审核";
    /// The account is disabled.
    Disabled = "disabled", FORBIDDEN, "Your account is disabled", "您的账号已被停用";
    /// All seats are taken.
    NoSeats = "no-seats", CONFLICT, "No seats are left", "名额已满";
    /// Who is invited is a user of the portal.
    AlreadyRegistered = "already-registered", CONFLICT, "Somebody with this address is already a user of this portal", "该手机号或邮箱已是本门户用户";
    /// Who is invited has an open invitation, which can be repeated.
    AlreadyInvited = "already-invited", CONFLICT, "This address is already invited", "该手机号或邮箱已被邀请";
    /// The invitation was accepted or withdrawn.
    InvitationClosed = "invitation-closed", CONFLICT, "The invitation was already accepted or withdrawn", "该邀请已被接受或撤销";
    /// The ticket is no longer good.
    TicketExpired = "ticket-expired", UNAUTHORIZED, "This sign-in took too long; start again", "登录流程已超时，请重新开始";
    /// The step of the ticket is done.
    TicketSpent = "ticket-spent", CONFLICT, "This step is already done", "该步骤已完成";
    /// The suffix of a link is taken.
    SuffixTaken = "suffix-taken", CONFLICT, "This link is taken", "该链接后缀已被占用";
    /// The default link cannot be removed or changed.
    DefaultLink = "default-link", CONFLICT, "The default link always stays", "默认链接不可删除或修改";
    /// There are as many links as there may be.
    TooManyLinks = "too-many-links", CONFLICT, "The portal has as many links as it may have", "门户链接数量已达上限";
    /// WeChat takes no calls from this address; `detail` says what to do (40164).
    WechatAddress = "wechat-address", CONFLICT, "WeChat does not take calls from this address", "微信不接受来自此 IP 地址的调用";
    /// There would be fewer seats than are used.
    SeatsInUse = "seats-in-use", CONFLICT, "More seats are in use", "已使用的名额多于该数量";
    /// The status cannot change that way, or changed meanwhile.
    StatusConflict = "status-conflict", CONFLICT, "The user's status does not allow this", "用户当前状态不允许此操作";
    /// The precondition names another version.
    Stale = "stale", PRECONDITION_FAILED, "It was changed meanwhile; read it again", "内容已被他人修改，请刷新后重试";
    /// `Idempotency-Key` is not one string of 1 to 255 printable characters.
    KeyMalformed = "idempotency-key-malformed", BAD_REQUEST, "The Idempotency-Key is malformed", "Idempotency-Key 格式有误";
    /// A call with the same `Idempotency-Key` is not answered yet; `retryAfter` says when to come back.
    InProgress = "in-progress", CONFLICT, "The same call is still running", "相同的请求正在处理中，请稍后再试";
    /// The `Idempotency-Key` was used for a call that asked for something else.
    KeyMismatch = "idempotency-mismatch", UNPROCESSABLE_ENTITY, "The Idempotency-Key belongs to another request", "该 Idempotency-Key 已用于其他请求";
    /// Something that we need is not there at the moment.
    Unavailable = "unavailable", SERVICE_UNAVAILABLE, "Portico is busy; try again", "服务繁忙，请稍后再试";
    /// Our fault.
    Internal = "internal", INTERNAL_SERVER_ERROR, "Something went wrong on our side", "服务器出现错误";
}

/// What is wrong with one part of a body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldProblem {
    /// Where (JSON pointer, RFC 6901).
    #[schema(example = "/address")]
    pub pointer: String,
    /// The stable name of the reason.
    #[schema(example = "address-invalid")]
    pub code: String,
    /// What developers read.
    pub detail: String,
}

/// A problem on its way to the caller. The edge fills in language and request id.
#[derive(Debug, Clone)]
pub struct Problem {
    pub(crate) kind: Kind,
    pub(crate) errors: Vec<FieldProblem>,
    pub(crate) members: Map<String, Value>,
    pub(crate) retry_after_s: Option<i64>,
    pub(crate) status: Option<StatusCode>,
    /// For the log, never for the caller.
    pub(crate) cause: Option<String>,
}

/// The body of a problem, as documented.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProblemBody {
    /// Identifies the kind; ends in its stable name.
    #[schema(example = "https://portico.dev/problems/code-wrong")]
    pub r#type: String,
    /// What people read, in the language of `Accept-Language`.
    pub title: String,
    /// The status of the answer.
    #[schema(example = 422)]
    pub status: u16,
    /// What is wrong where.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub errors: Option<Vec<FieldProblem>>,
    /// Seconds until it is worth trying again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<i64>,
    /// Names this request in our logs.
    pub request_id: String,
}

/// What any operation may answer besides its own outcome.
#[derive(Debug, IntoResponses)]
pub enum Problems {
    /// Refused: `type` says why (RFC 9457)
    #[response(status = "4XX", content_type = "application/problem+json")]
    Refused(ProblemBody),
    /// Not possible at the moment, or our fault
    #[response(status = "5XX", content_type = "application/problem+json")]
    Failed(ProblemBody),
}

impl From<Kind> for Problem {
    fn from(kind: Kind) -> Self {
        Self { kind, errors: Vec::new(), members: Map::new(), retry_after_s: None, status: None, cause: None }
    }
}

impl Problem {
    /// An invalid part of the body.
    pub fn invalid(pointer: impl Into<String>, code: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { errors: vec![FieldProblem { pointer: pointer.into(), code: code.into(), detail: detail.into() }], ..Kind::Invalid.into() }
    }

    /// Several invalid parts of the body.
    pub fn invalid_fields(errors: Vec<FieldProblem>) -> Self {
        Self { errors, ..Kind::Invalid.into() }
    }

    /// Its kind.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Adds a member that this kind of problem has.
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.members.insert(name.into(), value.into());
        self
    }

    /// Says in how many seconds it is worth trying again.
    pub fn retry_after(mut self, seconds: i64) -> Self {
        self.retry_after_s = Some(seconds);
        self
    }

    /// Answers with another status than the kind's own.
    pub fn with_status(mut self, status: StatusCode) -> Self {
        self.status = Some(status);
        self
    }

    /// Something failed that the caller cannot help; the cause goes to the log.
    pub fn internal(cause: impl ToString) -> Self {
        Self { cause: Some(cause.to_string()), ..Kind::Internal.into() }
    }

    /// Something that we need is not there now; the cause goes to the log.
    pub fn unavailable(cause: impl ToString) -> Self {
        Self { cause: Some(cause.to_string()), ..Self::from(Kind::Unavailable).retry_after(1) }
    }

    /// The answer, in this language, for this request.
    pub(crate) fn render(self, locale: Locale, request_id: &str) -> Response {
        let status = self.status.unwrap_or(self.kind.status());
        let mut body = self.members;
        body.insert("type".into(), format!("{TYPE_BASE}{}", self.kind.name()).into());
        body.insert("title".into(), self.kind.title(locale).into());
        body.insert("status".into(), status.as_u16().into());
        body.insert("requestId".into(), request_id.into());
        if !self.errors.is_empty() {
            body.insert("errors".into(), json!(self.errors));
        }
        let mut response = Response::new(Body::default());
        if let Some(seconds) = self.retry_after_s {
            body.insert("retryAfter".into(), seconds.into());
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        }
        *response.status_mut() = status;
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        *response.body_mut() = Body::from(Value::Object(body).to_string());
        response
    }
}

impl IntoResponse for Problem {
    /// The edge finds the problem in the extensions and writes it out.
    fn into_response(self) -> Response {
        let mut response = self.status.unwrap_or(self.kind.status()).into_response();
        response.extensions_mut().insert(self);
        response
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(_) => Self::unavailable(error),
            StoreError::Malformed(..) => Self::internal(error),
        }
    }
}
