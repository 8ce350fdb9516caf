//! User agreement and privacy policy of a portal (F10): texts that people read before they accept them.

use serde::{Deserialize, Serialize};

use crate::{portal::AgreementHead, text::Name};

/// The longest text, in bytes of HTML, as it is kept. Both and their portal fit well into what an item may hold.
pub const MAX_HTML: usize = 100 * 1024;

/// One text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Agreement {
    /// What it is called.
    #[cfg_attr(feature = "openapi", schema(value_type = String, max_length = 100, example = "Terms of use"))]
    pub title: Name,
    /// The text, as HTML of a few plain elements (S57); at most 100 KB.
    #[cfg_attr(feature = "openapi", schema(max_length = 102_400, example = "<p>Be kind.</p>"))]
    pub html: String,
}

/// The texts of one version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Agreements {
    /// Counts the versions of this portal; 0 as long as there was none.
    pub version: u32,
    /// The user agreement.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terms: Option<Agreement>,
    /// The privacy policy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub privacy: Option<Agreement>,
}

impl Agreements {
    /// What the portal remembers of this version; nothing if there is no text in it.
    pub fn head(&self) -> Option<AgreementHead> {
        let head = AgreementHead { version: self.version, terms: self.terms.is_some(), privacy: self.privacy.is_some() };
        (head.terms || head.privacy).then_some(head)
    }

    /// Whether both say the same, whatever their versions.
    pub fn says_what(&self, other: &Self) -> bool {
        self.terms == other.terms && self.privacy == other.privacy
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_without_texts_asks_for_nothing() {
        let none = Agreements { version: 3, terms: None, privacy: None };
        assert_eq!(none.head(), None);
        let text = Agreement { title: Name::parse("Privacy").unwrap(), html: "<p>x</p>".into() };
        let some = Agreements { privacy: Some(text), ..none.clone() };
        assert_eq!(some.head(), Some(AgreementHead { version: 3, terms: false, privacy: true }));
        assert!(!some.says_what(&none) && some.says_what(&Agreements { version: 4, ..some.clone() }));
    }
}
