//! Verification codes: their shape, life and binding (S1 to S7).

use std::fmt;

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use crate::{address::Address, text::half_width};

/// How long a code can be used (S3).
pub const LIFETIME: SignedDuration = SignedDuration::from_mins(5);
/// How many guesses one code takes (S5).
pub const ATTEMPTS: u8 = 5;

/// What a code is asked for. A code for one purpose opens no other (S2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Purpose {
    /// To sign in, which is also how people sign up (F12).
    SignIn,
    /// To add the address that is still missing to an account, on the way in (F21).
    Bind,
    /// To set a new password (F14).
    ResetPassword,
    /// As the second step of a sign-in (F19).
    SecondStep,
    /// To put a new address into the place of the old (F80).
    ChangeAddress,
}

impl Purpose {
    /// The purpose as it enters the hash of a code.
    pub fn label(self) -> &'static str {
        match self {
            Self::SignIn => "sign-in",
            Self::Bind => "bind",
            Self::ResetPassword => "reset-password",
            Self::SecondStep => "second-step",
            Self::ChangeAddress => "change-address",
        }
    }
}

/// Six digits from a generator, leading zeros kept (S1). `Debug` does not show them (S10).
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Code(u32);

/// Not six digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be six digits")]
pub struct InvalidCode;

impl Code {
    const COUNT: u32 = 1_000_000;

    /// Draws a code uniformly from 32-bit words of the operating system's generator (S1).
    ///
    /// Words above the largest multiple of a million are drawn again, so that no code is likelier than another.
    pub fn draw<E>(mut word: impl FnMut() -> Result<u32, E>) -> Result<Self, E> {
        const LIMIT: u32 = u32::MAX - u32::MAX % Code::COUNT;
        loop {
            let word = word()?;
            if word < LIMIT {
                return Ok(Self(word % Self::COUNT));
            }
        }
    }

    /// Reads what a person typed; full-width digits and spaces around or between are accepted.
    pub fn parse(typed: &str) -> Result<Self, InvalidCode> {
        let digits: String = half_width(typed).chars().filter(|c| !c.is_whitespace()).collect();
        if digits.len() == 6 && digits.bytes().all(|byte| byte.is_ascii_digit()) {
            digits.parse().map(Self).map_err(|_| InvalidCode)
        } else {
            Err(InvalidCode)
        }
    }

    /// The six digits, for the one message that carries them and for the hash.
    pub fn digits(self) -> String {
        format!("{:06}", self.0)
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Code(redacted)")
    }
}

impl TryFrom<String> for Code {
    type Error = InvalidCode;

    fn try_from(typed: String) -> Result<Self, InvalidCode> {
        Self::parse(&typed)
    }
}

/// What ties a code to the browser that asked for it: 128 secret random bits, and the address that the code goes to.
///
/// Callers carry it encrypted: the tables know the address of nobody who has no account.
#[derive(Clone, PartialEq, Eq)]
pub struct Flow {
    secret: [u8; 16],
    address: Address,
}

impl Flow {
    /// A new flow for an address.
    pub fn new(secret: [u8; 16], address: Address) -> Self {
        Self { secret, address }
    }

    /// The address that the code goes to.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// The secret half, which the stored code must match.
    pub fn secret(&self) -> [u8; 16] {
        self.secret
    }

    /// The bytes of all of it.
    pub fn to_bytes(&self) -> Vec<u8> {
        [&self.secret[..], self.address.as_str().as_bytes()].concat()
    }

    /// Reads those bytes back.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (secret, address) = bytes.split_first_chunk()?;
        let address = Address::try_from(std::str::from_utf8(address).ok()?.to_owned()).ok()?;
        Some(Self { secret: *secret, address })
    }
}

impl fmt::Debug for Flow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Flow(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use proptest::prelude::*;

    use super::*;

    fn drawn(words: &[u32]) -> String {
        let mut words = words.iter().copied();
        Code::draw(|| Ok::<_, Infallible>(words.next().unwrap())).unwrap().digits()
    }

    #[test]
    fn leading_zeros_are_kept() {
        assert_eq!(drawn(&[7]), "000007");
        assert_eq!(Code::parse("000007").unwrap().digits(), "000007");
    }

    #[test]
    fn words_beyond_the_last_whole_million_are_drawn_again() {
        assert_eq!(drawn(&[4_294_967_295, 4_294_000_000, 4_293_999_999]), "999999");
    }

    #[test]
    fn codes_are_read_as_people_type_them() {
        for typed in ["218594", " 218594 ", "218 594", "２１８５９４"] {
            assert_eq!(Code::parse(typed).unwrap().digits(), "218594", "{typed}");
        }
        for typed in ["", "21859", "2185940", "21859a", "-21859", "+21859", "٢١٨٥٩٤"] {
            assert_eq!(Code::parse(typed), Err(InvalidCode), "{typed}");
        }
    }

    #[test]
    fn debug_shows_no_digits() {
        assert_eq!(format!("{:?}", Code::parse("218594").unwrap()), "Code(redacted)");
    }

    proptest! {
        #[test]
        fn every_word_gives_six_digits(word in 0..4_294_000_000u32) {
            let digits = drawn(&[word]);
            prop_assert_eq!(digits.len(), 6);
            prop_assert_eq!(digits.parse::<u32>().unwrap(), word % 1_000_000);
        }

        #[test]
        fn flows_survive_their_bytes(secret: [u8; 16], local in "[a-z]{1,20}") {
            let flow = Flow::new(secret, Address::parse(&format!("{local}@example.com"), &[]).unwrap());
            prop_assert_eq!(Flow::from_bytes(&flow.to_bytes()), Some(flow));
        }

        #[test]
        fn other_bytes_are_no_flow(bytes in proptest::collection::vec(any::<u8>(), 0..16)) {
            prop_assert_eq!(Flow::from_bytes(&bytes), None);
        }
    }
}
