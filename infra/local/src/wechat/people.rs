//! The people of the stand-in.

use portico_domain::wechat::AppId;
use portico_wechat::signature;

/// Somebody who has WeChat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Person {
    /// How the switches call them.
    pub key: &'static str,
    /// Their name.
    pub name: &'static str,
    /// What they are good for.
    pub about: &'static str,
    /// Whether they follow every account to begin with.
    pub follows: bool,
    /// Whether WeChat says who they are at all accounts of one owner.
    pub union: bool,
    /// Whether WeChat shows a virtual person in their place.
    pub snapshot: bool,
}

/// All of them.
pub const PEOPLE: [Person; 4] = [
    Person { key: "xiaoming", name: "Xiaoming 小明", about: "follows · 已关注", follows: true, union: false, snapshot: false },
    Person { key: "hong", name: "Hong 小红", about: "does not follow · 未关注", follows: false, union: false, snapshot: false },
    Person {
        key: "wei",
        name: "Wei 小伟",
        about: "follows, has a UnionID · 已关注，有 UnionID",
        follows: true,
        union: true,
        snapshot: false,
    },
    Person {
        key: "anon",
        name: "Anon 匿名",
        about: "a virtual account · 虚拟账号（快照页）",
        follows: false,
        union: false,
        snapshot: true,
    },
];

impl Person {
    /// The person with this key.
    #[must_use]
    pub fn find(key: &str) -> Option<&'static Self> {
        PEOPLE.iter().find(|person| person.key == key)
    }

    /// The person whom an account knows by this openid.
    #[must_use]
    pub fn of_openid(app: &AppId, openid: &str) -> Option<&'static Self> {
        PEOPLE.iter().find(|person| person.openid(app) == openid)
    }

    /// How an account knows them: another text at every account.
    #[must_use]
    pub fn openid(&self, app: &AppId) -> String {
        format!("o{}", &signature(&[app.as_str(), self.key])[..27])
    }

    /// How all accounts of one owner know them.
    #[must_use]
    pub fn unionid(&self) -> Option<String> {
        self.union.then(|| format!("o6_{}", &signature(&["union", self.key])[..25]))
    }
}
