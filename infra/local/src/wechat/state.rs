//! What the stand-in remembers.

use std::collections::{BTreeMap, HashMap};

use jiff::{SignedDuration, Timestamp};
use portico_domain::wechat::{AppId, Mode};
use serde::Serialize;
use serde_json::Value;

use super::people::Person;
use crate::random;

/// How long a token is good.
pub(super) const TOKEN: SignedDuration = SignedDuration::from_secs(7_200);
/// For how long before its end a token is replaced by another one when it is asked for; both are good meanwhile.
const OVERLAP: SignedDuration = SignedDuration::from_mins(5);
/// How long the code of a sign-in is good.
const CODE: SignedDuration = SignedDuration::from_mins(5);
/// For how long the same message is sent once.
const ONCE: SignedDuration = SignedDuration::from_mins(10);

#[derive(Default)]
pub(super) struct State {
    /// Where pushes of an account go, once its address was set up.
    pub(super) addresses: BTreeMap<AppId, Address>,
    /// Who follows, where it is not as it was to begin with.
    followers: HashMap<(AppId, &'static str), bool>,
    codes: HashMap<String, Code>,
    tokens: Vec<Token>,
    pub(super) qr_codes: Vec<QrCode>,
    /// Agreements to one notice: account, person, template.
    grants: Vec<(AppId, &'static str, String)>,
    pub(super) faults: Vec<Fault>,
    pub(super) calls: BTreeMap<String, u64>,
    pub(super) messages: Vec<Sent>,
    /// Counts messages and pushes.
    pub(super) number: u64,
}

/// What an administrator enters at WeChat.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Address {
    pub(super) events: String,
    pub(super) mode: Mode,
}

struct Code {
    app: AppId,
    person: &'static Person,
    made_at: Timestamp,
    used: bool,
}

struct Token {
    app: AppId,
    value: String,
    expires_at: Timestamp,
}

/// A QR code with parameters.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct QrCode {
    pub(super) app: AppId,
    pub(super) scene: String,
    pub(super) ticket: String,
    pub(super) url: String,
    pub(super) expires_at: Timestamp,
}

/// A return code that a call gets in place of its answer.
#[derive(Debug, Clone)]
pub(super) struct Fault {
    pub(super) api: String,
    pub(super) code: i64,
    pub(super) times: u32,
}

/// A message that was sent.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Sent {
    pub(super) id: u64,
    pub(super) kind: &'static str,
    pub(super) app: AppId,
    pub(super) person: &'static str,
    pub(super) template: String,
    pub(super) url: Option<String>,
    pub(super) data: Value,
    #[serde(skip)]
    pub(super) once: Option<String>,
    pub(super) at: Timestamp,
}

impl State {
    /// Whether somebody follows an account.
    pub(super) fn follows(&self, app: &AppId, person: &'static Person) -> bool {
        self.followers.get(&(app.clone(), person.key)).copied().unwrap_or(person.follows)
    }

    pub(super) fn set_follows(&mut self, app: &AppId, person: &'static Person, follows: bool) {
        self.followers.insert((app.clone(), person.key), follows);
    }

    /// A code of a sign-in.
    pub(super) fn issue_code(&mut self, app: &AppId, person: &'static Person, now: Timestamp) -> String {
        let code = random::alphanumeric(32);
        self.codes.insert(code.clone(), Code { app: app.clone(), person, made_at: now, used: false });
        code
    }

    /// Uses a code up: the person, or WeChat's return code.
    pub(super) fn use_code(&mut self, app: &AppId, code: &str, now: Timestamp) -> Result<&'static Person, i64> {
        let known = self.codes.get_mut(code).filter(|known| known.app == *app).ok_or(40029)?;
        if known.used {
            return Err(40163);
        }
        if now.duration_since(known.made_at) > CODE {
            return Err(42003);
        }
        known.used = true;
        Ok(known.person)
    }

    /// The token of an account: the same one until five minutes before its end.
    pub(super) fn stable_token(&mut self, app: &AppId, now: Timestamp) -> (String, SignedDuration) {
        let newest = self.tokens.iter().rev().find(|token| token.app == *app);
        if let Some(token) = newest {
            let left = token.expires_at.duration_since(now);
            if left > OVERLAP {
                return (token.value.clone(), left);
            }
        }
        let value = format!("99_{}", random::alphanumeric(133));
        self.tokens.push(Token { app: app.clone(), value: value.clone(), expires_at: now.saturating_add(TOKEN).unwrap_or(now) });
        (value, TOKEN)
    }

    /// Whose token this is, or WeChat's return code.
    pub(super) fn owner_of(&self, token: &str, now: Timestamp) -> Result<AppId, i64> {
        let known = self.tokens.iter().find(|known| known.value == token).ok_or(40001)?;
        if now < known.expires_at { Ok(known.app.clone()) } else { Err(42001) }
    }

    /// Ends all tokens, as WeChat does when the secret is changed.
    pub(super) fn end_tokens(&mut self) {
        self.tokens.clear();
    }

    pub(super) fn grant(&mut self, app: AppId, person: &'static Person, template: String) {
        self.grants.push((app, person.key, template));
    }

    /// Uses up an agreement to one notice. False if there is none.
    pub(super) fn use_grant(&mut self, app: &AppId, person: &'static Person, template: &str) -> bool {
        let found = self.grants.iter().position(|(of, by, to)| of == app && *by == person.key && to == template);
        found.map(|index| self.grants.remove(index)).is_some()
    }

    /// The message that was sent under this number of the sender's.
    pub(super) fn sent_once(&self, person: &'static Person, once: &str, now: Timestamp) -> Option<u64> {
        let same = |sent: &&Sent| sent.person == person.key && sent.once.as_deref() == Some(once) && now.duration_since(sent.at) < ONCE;
        self.messages.iter().find(same).map(|sent| sent.id)
    }

    /// Counts a call, and says with which return code it fails, if it is to fail.
    pub(super) fn arrive(&mut self, api: &str) -> Option<i64> {
        *self.calls.entry(api.to_owned()).or_default() += 1;
        let fault = self.faults.iter_mut().find(|fault| fault.api == api && fault.times > 0)?;
        fault.times -= 1;
        Some(fault.code)
    }

    pub(super) fn next_number(&mut self) -> u64 {
        self.number += 1;
        200_000_000 + self.number
    }
}
