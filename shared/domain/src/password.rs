//! Passwords: which ones are taken (S15, S16). How they are stored is the business of `access`.

use unicode_normalization::UnicodeNormalization;

/// The least characters where the password alone signs in (S15).
pub const MIN_ALONE: usize = 15;
/// The least characters where a second step follows (S15).
pub const MIN_WITH_SECOND_STEP: usize = 8;
/// The most characters: far above what people type, and little enough to hash.
pub const MAX: usize = 256;

/// The least characters of a password, with or without a second step after it (S15).
pub fn min_length(second_step: bool) -> usize {
    if second_step { MIN_WITH_SECOND_STEP } else { MIN_ALONE }
}

/// Why a password was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// Fewer characters than [`min_length`].
    #[error("must have at least {0} characters")]
    TooShort(usize),
    /// More than [`MAX`] characters.
    #[error("must have at most {MAX} characters")]
    TooLong,
    /// Common, repetitive, or made of what everybody knows of this person and portal (S16).
    #[error("is too easy to guess")]
    TooCommon,
}

impl PasswordError {
    /// The stable name that callers see.
    pub fn code(self) -> &'static str {
        match self {
            Self::TooShort(_) => "too-short",
            Self::TooLong => "too-long",
            Self::TooCommon => "too-common",
        }
    }
}

/// A password as it is compared: in NFC, whole, nothing trimmed (S15). `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(String);

impl Password {
    /// What a person typed to sign in. Nothing is refused here: whether it is right is all that counts.
    ///
    /// What is longer than any password that could have been set is cut to a length that never matches one.
    pub fn typed(text: &str) -> Self {
        Self(text.nfc().take(MAX + 1).collect())
    }

    /// What a person chose as their new password. Length is counted in characters; there are no rules of composition (S15).
    pub fn chosen(text: &str, second_step: bool) -> Result<Self, PasswordError> {
        let password = Self::typed(text);
        let (length, least) = (password.0.chars().count(), min_length(second_step));
        match length {
            _ if length < least => Err(PasswordError::TooShort(least)),
            _ if length > MAX => Err(PasswordError::TooLong),
            _ => Ok(password),
        }
    }

    /// The text, for hashing and for the list of common passwords. Never log it (S10).
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Password(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn length_counts_characters_and_depends_on_the_second_step() {
        // S15
        assert_eq!(Password::chosen("fourteen chars", false), Err(PasswordError::TooShort(15)));
        assert!(Password::chosen("fourteen chars", true).is_ok());
        assert!(Password::chosen("八个汉字就是八位", true).is_ok());
        assert!(Password::chosen(&"x y".repeat(30), false).is_ok());
        assert_eq!(Password::chosen(&"x".repeat(257), false), Err(PasswordError::TooLong));
    }

    #[test]
    fn spaces_count_and_forms_of_one_character_are_the_same() {
        assert_eq!(Password::typed("e\u{301}"), Password::typed("\u{e9}"));
        assert_ne!(Password::typed(" secret"), Password::typed("secret"));
    }

    #[test]
    fn what_is_cut_is_no_password_that_could_have_been_set() {
        let longest = "x".repeat(256);
        assert_ne!(Password::typed(&"x".repeat(1_000)), Password::chosen(&longest, false).unwrap());
    }

    proptest! {
        #[test]
        fn no_text_panics_and_debug_shows_none(text in "\\PC{0,300}") {
            prop_assert_eq!(format!("{:?}", Password::typed(&text)), "Password(redacted)");
            drop(Password::chosen(&text, true));
        }
    }
}
