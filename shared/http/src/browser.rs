//! The cookies by which a browser is known again during a sign-in by WeChat (S31, S34, S36).

use http::{HeaderMap, HeaderValue};
use portico_store::BrowserSecret;

use crate::{Problem, current::cookie};

/// What a browser does in a sign-in by WeChat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Browser {
    /// It goes to WeChat and comes back: a page within WeChat.
    Phone,
    /// It shows the QR code.
    Desktop,
}

/// How long such a cookie lives, in seconds: to WeChat and back, then as long as a ticket.
const LIFETIME_S: u32 = 1_200;

impl Browser {
    pub(crate) const ALL: [Self; 2] = [Self::Phone, Self::Desktop];

    /// This host only, `https` only, out of reach of scripts; sent along when WeChat leads back.
    fn name(self) -> &'static str {
        match self {
            Self::Phone => "__Host-portico-wechat",
            Self::Desktop => "__Host-portico-scan",
        }
    }

    /// What a browser presents.
    pub fn secret(self, headers: &HeaderMap) -> Option<BrowserSecret> {
        cookie(headers, self.name()).and_then(BrowserSecret::parse)
    }

    /// The header that gives a browser its secret.
    pub fn set_cookie(self, secret: &BrowserSecret) -> Result<HeaderValue, Problem> {
        let cookie = format!("{}={}; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age={LIFETIME_S}", self.name(), secret.reveal());
        HeaderValue::try_from(cookie).map_err(Problem::internal)
    }
}
