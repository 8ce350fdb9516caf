//! Text that people type: one normal form, a length in characters, nothing invisible that could mislead.

use std::fmt;

use serde::{Deserialize, Serialize};
use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

/// Why a text was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// Nothing is left after trimming.
    #[error("must not be empty")]
    Empty,
    /// More characters than allowed.
    #[error("must have at most {0} characters")]
    TooLong(usize),
    /// A control or direction-changing character.
    #[error("must not contain control characters")]
    Control,
}

/// A text in NFC, trimmed, of 1 to `MAX` characters, without control or bidirectional override characters.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Text<const MAX: usize>(String);

/// Names of portals, people, companies.
pub type Name = Text<100>;
/// Titles of pages.
pub type Title = Text<60>;

impl<const MAX: usize> Text<MAX> {
    /// Normalises and checks what was typed.
    pub fn parse(typed: &str) -> Result<Self, TextError> {
        clean(typed, MAX).map(Self)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A text of several lines, in NFC, trimmed, of 1 to `MAX` characters. Line ends are `\n`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Multiline<const MAX: usize>(String);

impl<const MAX: usize> Multiline<MAX> {
    /// Normalises and checks what was typed.
    pub fn parse(typed: &str) -> Result<Self, TextError> {
        let text: String = typed.trim().replace("\r\n", "\n").nfc().collect();
        if text.is_empty() {
            return Err(TextError::Empty);
        }
        if text.chars().any(|c| c != '\n' && is_unwelcome(c)) {
            return Err(TextError::Control);
        }
        if text.chars().count() > MAX { Err(TextError::TooLong(MAX)) } else { Ok(Self(text)) }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The normal form of `typed`, if it is 1 to `max` characters long and has no control characters.
pub fn clean(typed: &str, max: usize) -> Result<String, TextError> {
    let typed = typed.trim();
    // Most texts are in that form already: whatever is read from the tables is.
    let text = if is_nfc_quick(typed.chars()) == IsNormalized::Yes { typed.to_owned() } else { typed.nfc().collect() };
    if text.is_empty() {
        return Err(TextError::Empty);
    }
    if text.chars().any(is_unwelcome) {
        return Err(TextError::Control);
    }
    if text.chars().count() > max {
        return Err(TextError::TooLong(max));
    }
    Ok(text)
}

/// Control characters, and the marks that reorder what is displayed (Unicode UAX 9, 2.2 to 2.6).
fn is_unwelcome(c: char) -> bool {
    c.is_control() || matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}' | '\u{FEFF}')
}

impl<const MAX: usize> fmt::Debug for Text<MAX> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl<const MAX: usize> fmt::Display for Text<MAX> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<const MAX: usize> TryFrom<String> for Text<MAX> {
    type Error = TextError;

    fn try_from(typed: String) -> Result<Self, TextError> {
        Self::parse(&typed)
    }
}

impl<const MAX: usize> From<Text<MAX>> for String {
    fn from(text: Text<MAX>) -> String {
        text.0
    }
}

#[cfg(feature = "openapi")]
mod openapi {
    use utoipa::{
        PartialSchema, ToSchema,
        openapi::{
            RefOr,
            schema::{ObjectBuilder, Schema, Type},
        },
    };

    use super::Text;

    impl<const MAX: usize> PartialSchema for Text<MAX> {
        fn schema() -> RefOr<Schema> {
            ObjectBuilder::new().schema_type(Type::String).min_length(Some(1)).max_length(Some(MAX)).into()
        }
    }

    impl<const MAX: usize> ToSchema for Text<MAX> {
        fn name() -> std::borrow::Cow<'static, str> {
            format!("Text{MAX}").into()
        }
    }
}

/// Replaces full-width forms by the characters they widen (`１` by `1`, `＠` by `@`), as phones and keyboards in China write them.
pub(crate) fn half_width(typed: &str) -> String {
    typed.nfkc().collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn texts_are_trimmed_and_composed() {
        assert_eq!(Text::<10>::parse("  Cafe\u{301} ").unwrap().as_str(), "Café");
        assert_eq!(Text::<2>::parse("王明").unwrap().as_str(), "王明");
    }

    #[test]
    fn bad_texts_are_refused_with_their_reason() {
        assert_eq!(Text::<5>::parse(" \t "), Err(TextError::Empty));
        assert_eq!(Text::<5>::parse("a\u{0}b"), Err(TextError::Control));
        assert_eq!(Text::<5>::parse("a\u{202E}b"), Err(TextError::Control));
        assert_eq!(Text::<5>::parse("123456"), Err(TextError::TooLong(5)));
    }

    proptest! {
        #[test]
        fn cleaning_twice_changes_nothing(typed in "\\PC{0,40}") {
            if let Ok(once) = clean(&typed, 60) {
                prop_assert_eq!(clean(&once, 60), Ok(once.clone()));
            }
        }
    }
}
