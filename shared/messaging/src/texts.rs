//! The built-in words of messages, in the languages of the interface.

use portico_domain::{address::AddressKind, code::Code, locale::Locale};

/// What is said, whatever the channel.
#[derive(Clone, PartialEq, Eq)]
pub struct Words {
    /// The subject of a mail.
    pub subject: String,
    /// The text.
    pub text: String,
}

impl Words {
    fn new(subject: impl Into<String>, text: impl Into<String>) -> Self {
        Self { subject: subject.into(), text: text.into() }
    }
}

/// A code, in the forms that its channels need.
#[derive(Clone, PartialEq, Eq)]
pub struct CodeMessage {
    /// The whole SMS, signature first (F36).
    pub sms: String,
    /// The subject of the email.
    pub subject: String,
    /// The plain text of the email.
    pub text: String,
    /// The same as HTML.
    pub html: String,
}

/// The message that carries a verification code. Its wording cannot be edited (F37).
///
/// `signature` leads the SMS (F36), `portal` is the name that outside people know the portal by (F2).
pub fn code(code: Code, signature: &str, portal: &str, locale: Locale) -> CodeMessage {
    let digits = code.digits();
    let (sentence, advice, subject) = match locale {
        Locale::En => (
            format!("Your login verification code is: {digits}."),
            "It is valid for 5 minutes. Do not share it with anyone.",
            format!("{portal}: your verification code is {digits}"),
        ),
        Locale::Zh => (format!("您的登录验证码是：{digits}。"), "5 分钟内有效，请勿告诉他人。", format!("{portal}：您的验证码是 {digits}")),
    };
    let gap = if locale == Locale::En { " " } else { "" };
    let html = page(portal, &format!("<p>{}</p><p class=\"code\">{digits}</p><p>{advice}</p>", escape(&sentence)), locale);
    CodeMessage {
        sms: signed(signature, &format!("{sentence}{gap}{advice}")),
        subject,
        text: format!("{sentence}\n{advice}\n\n{portal}\n"),
        html,
    }
}

/// A text with the signature that leads every SMS (F36).
pub fn signed(signature: &str, text: &str) -> String {
    format!("【{signature}】{text}")
}

/// Tells applicants that they may come in (F30), and where: `link` is the address of the portal's page.
pub(crate) fn approved(portal: &str, link: &str, locale: Locale) -> Words {
    match locale {
        Locale::En => Words::new(format!("{portal}: you are in"), format!("Your application to {portal} was approved. Sign in: {link}")),
        Locale::Zh => Words::new(format!("{portal}：审核已通过"), format!("您在“{portal}”的申请已通过审核，请登录：{link}")),
    }
}

/// Invites somebody (F49), by the name that the administrator knows them by: `link` is the invitation's, `kind` what they sign in with.
pub(crate) fn invited(portal: &str, name: Option<&str>, link: &str, kind: AddressKind, locale: Locale) -> Words {
    match locale {
        Locale::En => {
            let greeting = name.map_or_else(|| "You".to_owned(), |name| format!("{name}, you"));
            let by = match kind {
                AddressKind::Phone => "phone number",
                AddressKind::Email => "email address",
            };
            let text = format!("{greeting} are invited to {portal}. Open this link and sign in with this {by}: {link}");
            Words::new(format!("{portal}: you are invited"), text)
        }
        Locale::Zh => {
            let greeting = name.map_or_else(String::new, |name| format!("{name}，"));
            let by = match kind {
                AddressKind::Phone => "本手机号",
                AddressKind::Email => "本邮箱",
            };
            let text = format!("{greeting}您已受邀加入“{portal}”，请打开链接并使用{by}登录：{link}");
            Words::new(format!("{portal}：邀请您加入"), text)
        }
    }
}

/// Tells applicants that they were refused (F30), with the reason if one was given.
pub(crate) fn rejected(portal: &str, reason: Option<&str>, locale: Locale) -> Words {
    match (locale, reason) {
        (Locale::En, None) => Words::new(format!("{portal}: your application"), format!("Your application to {portal} was not approved.")),
        (Locale::En, Some(reason)) => {
            Words::new(format!("{portal}: your application"), format!("Your application to {portal} was not approved: {reason}"))
        }
        (Locale::Zh, None) => Words::new(format!("{portal}：审核结果"), format!("您在“{portal}”的申请未通过审核。")),
        (Locale::Zh, Some(reason)) => Words::new(format!("{portal}：审核结果"), format!("您在“{portal}”的申请未通过审核：{reason}")),
    }
}

/// Tells applicants that more is needed before a decision (B5): what, and where they go on.
pub(crate) fn asked(portal: &str, reason: &str, link: &str, locale: Locale) -> Words {
    match locale {
        Locale::En => Words::new(
            format!("{portal}: more is needed"),
            format!("Before your application to {portal} can be decided, more is needed: {reason} Go on here: {link}"),
        ),
        Locale::Zh => {
            Words::new(format!("{portal}：需要补充资料"), format!("您在“{portal}”的申请需要补充资料：{reason} 请继续填写：{link}"))
        }
    }
}

/// Tells users that their password was set or changed (S18).
pub(crate) fn password_changed(portal: &str, locale: Locale) -> Words {
    match locale {
        Locale::En => Words::new(
            format!("{portal}: your password was changed"),
            format!("Your password for {portal} was changed. If it was not you, set a new one now and tell the administrators."),
        ),
        Locale::Zh => Words::new(
            format!("{portal}：密码已修改"),
            format!("您在“{portal}”的登录密码已修改。如非本人操作，请立即重置密码并联系管理员。"),
        ),
    }
}

/// Tells users that an authenticator app counts for their second step from now on (F19).
pub(crate) fn authenticator_set(portal: &str, locale: Locale) -> Words {
    match locale {
        Locale::En => Words::new(
            format!("{portal}: an authenticator app was set up"),
            format!(
                "An authenticator app was set up for your account at {portal}. If it was not you, change your password now and tell the administrators."
            ),
        ),
        Locale::Zh => Words::new(
            format!("{portal}：已启用身份验证器"),
            format!("您在“{portal}”的账号已启用身份验证器。如非本人操作，请立即修改密码并联系管理员。"),
        ),
    }
}

/// Tells users that their authenticator app was taken away, with its recovery codes (F19).
pub(crate) fn authenticator_removed(portal: &str, locale: Locale) -> Words {
    match locale {
        Locale::En => Words::new(
            format!("{portal}: your authenticator app was removed"),
            format!(
                "The authenticator app of your account at {portal} was removed. If it was not you, change your password now and tell the administrators."
            ),
        ),
        Locale::Zh => Words::new(
            format!("{portal}：身份验证器已移除"),
            format!("您在“{portal}”的账号已移除身份验证器。如非本人操作，请立即修改密码并联系管理员。"),
        ),
    }
}

/// Tells users that one of their recovery codes was used to sign in (F19).
pub(crate) fn recovery_code_used(portal: &str, locale: Locale) -> Words {
    match locale {
        Locale::En => Words::new(
            format!("{portal}: a recovery code was used"),
            format!(
                "A recovery code was used to sign in to your account at {portal}. If it was not you, change your password now and tell the administrators."
            ),
        ),
        Locale::Zh => Words::new(
            format!("{portal}：恢复码已被使用"),
            format!("您在“{portal}”的账号刚刚使用恢复码登录。如非本人操作，请立即修改密码并联系管理员。"),
        ),
    }
}

/// Tells users, where they were reached until then, that they have another phone number or mailbox now (S30).
pub(crate) fn address_changed(portal: &str, locale: Locale) -> Words {
    match locale {
        Locale::En => Words::new(
            format!("{portal}: your phone number or email address was changed"),
            format!(
                "You changed the phone number or email address of your account at {portal}. If it was not you, tell the administrators now."
            ),
        ),
        Locale::Zh => Words::new(
            format!("{portal}：手机号或邮箱已修改"),
            format!("您在“{portal}”的账号已修改手机号或邮箱。如非本人操作，请立即联系管理员。"),
        ),
    }
}

/// Tells administrators that a portal's registration window is over (F20).
pub(crate) fn registration_closed(portal: &str, closed_at: &str, locale: Locale) -> Words {
    match locale {
        Locale::En => Words::new(
            format!("{portal}: registration has closed"),
            format!(
                "The registration window of \"{portal}\" ended at {closed_at}. New people can no longer sign up; existing users sign in as before."
            ),
        ),
        Locale::Zh => Words::new(
            format!("{portal}：注册已关闭"),
            format!("“{portal}”的注册时段已于 {closed_at} 结束。新用户无法再注册，已有用户照常登录。"),
        ),
    }
}

/// Tells administrators that somebody signed up (F48): who, as far as their name is known, and whether a decision is due.
pub(crate) fn signed_up(portal: &str, who: Option<&str>, pending: bool, locale: Locale) -> Words {
    let who = who.unwrap_or(if locale == Locale::En { "Somebody" } else { "有人" });
    match (locale, pending) {
        (Locale::En, true) => Words::new(
            format!("{portal}: an application waits for a decision"),
            format!("{who} signed up at \"{portal}\" and waits for a decision."),
        ),
        (Locale::En, false) => Words::new(format!("{portal}: a new user"), format!("{who} signed up at \"{portal}\" and is in.")),
        (Locale::Zh, true) => Words::new(format!("{portal}：有新的申请待审核"), format!("{who}在“{portal}”提交了注册申请，请审核。")),
        (Locale::Zh, false) => Words::new(format!("{portal}：有新用户加入"), format!("{who}已在“{portal}”注册成功。")),
    }
}

/// The text of a mail as HTML: each line a paragraph, everything that anybody wrote as text (S58, S59).
pub fn html(portal: &str, text: &str, locale: Locale) -> String {
    let paragraphs: String = text.lines().filter(|line| !line.trim().is_empty()).map(|line| format!("<p>{}</p>", escape(line))).collect();
    page(portal, &paragraphs, locale)
}

fn page(portal: &str, body: &str, locale: Locale) -> String {
    format!(
        "<!doctype html><html lang=\"{}\"><head><meta charset=\"utf-8\"><style>body{{font:16px/1.6 system-ui,sans-serif;color:#1f2328;padding:24px}}\
         .code{{font-size:32px;font-weight:600;letter-spacing:8px;margin:16px 0}}footer{{color:#59636e;font-size:14px}}</style></head>\
         <body>{body}<footer>{}</footer></body></html>",
        locale.tag(),
        escape(portal)
    )
}

/// What administrators wrote stands in HTML as text (S59).
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            _ => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_leads_the_sms() {
        let code = super::code(Code::parse("218594").unwrap(), "Acme", "Customer Service", Locale::En);
        assert_eq!(code.sms, "【Acme】Your login verification code is: 218594. It is valid for 5 minutes. Do not share it with anyone.");
        let code = super::code(Code::parse("008594").unwrap(), "艾克米", "客户服务", Locale::Zh);
        assert_eq!(code.sms, "【艾克米】您的登录验证码是：008594。5 分钟内有效，请勿告诉他人。");
    }

    #[test]
    fn the_code_sms_in_chinese_counts_as_one_part() {
        let code = super::code(Code::parse("218594").unwrap(), &"签".repeat(20), "x", Locale::Zh);
        assert!(code.sms.encode_utf16().count() <= 70, "F38");
    }

    #[test]
    fn a_name_cannot_bring_markup_into_an_email() {
        let code = super::code(Code::parse("218594").unwrap(), "A", "<img src=x onerror=\"x\">&", Locale::En);
        assert!(!code.html.contains("<img"));
        assert!(code.html.contains("&lt;img src=x onerror=&quot;x&quot;&gt;&amp;"));
        assert!(html("p", "one <b>\n\ntwo", Locale::En).contains("<p>one &lt;b&gt;</p><p>two</p>"), "S58");
    }
}
