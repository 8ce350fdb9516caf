//! Addresses: the phone numbers and email addresses that people sign in with (F11).
//!
//! Parsing happens where an address enters the system; what is stored has been parsed. Both sides of every comparison went
//! through the same normal form (S49).

use std::fmt;

use email_address::{EmailAddress, Options};
use rlibphonenumber::{
    PHONE_NUMBER_UTIL, PhoneNumberFormat,
    enums::{PhoneNumberType, Region},
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{ids::PortalId, text::half_width};

/// The text is neither a phone number nor an email address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Not a number that the numbering plan of its country knows.
    #[error("not a valid phone number")]
    Phone,
    /// A number of a country that the portal does not send codes to (S12).
    #[error("numbers of this country are not accepted")]
    CountryNotAllowed,
    /// Not an email address with a domain.
    #[error("not a valid email address")]
    Email,
}

/// The two kinds of address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub enum AddressKind {
    /// A phone number, reached by SMS.
    Phone,
    /// An email address.
    Email,
}

impl AddressKind {
    /// How messages reach this kind of address.
    pub fn channel(self) -> Channel {
        match self {
            Self::Phone => Channel::Sms,
            Self::Email => Channel::Email,
        }
    }
}

/// A way to send a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub enum Channel {
    /// Text message.
    Sms,
    /// Email.
    Email,
}

/// An address in normal form: a phone number in E.164 (`+8613800138000`) or an email address in lower case.
///
/// `Debug` shows the kind only (S10).
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Address {
    kind: AddressKind,
    text: String,
}

impl Address {
    /// Parses what a person typed. Numbers without a country code are taken as numbers of the first of `countries`, and numbers of
    /// other countries are refused (S12); email addresses belong to no country.
    ///
    /// Full-width digits, spaces, hyphens, `+86` and `0086` are accepted; letters in a number are not.
    pub fn parse(typed: &str, countries: &[Country]) -> Result<Self, AddressError> {
        let typed = half_width(typed.trim());
        if typed.contains('@') { parse_email(&typed) } else { parse_phone(&typed, countries) }
    }

    /// Whether this is a phone number or an email address.
    pub fn kind(&self) -> AddressKind {
        self.kind
    }

    /// The normal form. Never log it (S10).
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// As much of the address as its owner recognises and nobody else learns: `+86138****8000`, `l***@example.com`.
    pub fn hint(&self) -> String {
        match self.text.split_once('@') {
            Some((local, domain)) => format!("{}***@{domain}", local.chars().take(1).collect::<String>()),
            None => {
                let (head, tail) = self.text.split_at(self.text.len().saturating_sub(4));
                format!("{}****{tail}", &head[..head.len().saturating_sub(4)])
            }
        }
    }

    /// The key under which this address is known in one portal: the first half of a SHA-256.
    ///
    /// Keys of items therefore show no address, and the same person has unrelated keys in two portals (S42). It is no secret: who has
    /// the key can try out numbers.
    pub fn key(&self, portal: PortalId) -> AddressKey {
        let digest = Sha256::new().chain_update(portal.to_bytes()).chain_update(self.text.as_bytes()).finalize();
        let mut key = [0; 16];
        key.copy_from_slice(&digest[..16]);
        AddressKey(key)
    }
}

/// The key of an address within one portal; see [`Address::key`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct AddressKey([u8; 16]);

impl AddressKey {
    /// The bytes of the key.
    pub fn to_bytes(self) -> [u8; 16] {
        self.0
    }
}

impl fmt::Display for AddressKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl TryFrom<String> for Address {
    type Error = AddressError;

    /// Reads back a normal form that [`Address::parse`] made; what a person typed goes through `parse`.
    fn try_from(text: String) -> Result<Self, AddressError> {
        let digits = text.strip_prefix('+').is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit()));
        match (digits, text.contains('@')) {
            (true, _) => Ok(Self { kind: AddressKind::Phone, text }),
            (false, true) => Ok(Self { kind: AddressKind::Email, text }),
            (false, false) => Err(AddressError::Phone),
        }
    }
}

impl From<Address> for String {
    fn from(address: Address) -> String {
        address.text
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({:?}, redacted)", self.kind)
    }
}

/// A country whose phone numbers may receive codes (S12), by its ISO 3166 code.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(value_type = String, example = "CN", pattern = "^[A-Z]{2}$"))]
#[serde(try_from = "String", into = "String")]
pub struct Country(Region);

/// Not an ISO 3166 country with phone numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a country (ISO 3166, two capital letters)")]
pub struct InvalidCountry;

impl Country {
    /// Mainland China.
    pub const CHINA: Self = Self(Region::CN);
}

impl TryFrom<String> for Country {
    type Error = InvalidCountry;

    fn try_from(code: String) -> Result<Self, InvalidCountry> {
        let letters = code.len() == 2 && code.bytes().all(|byte| byte.is_ascii_uppercase()) && code != "ZZ";
        if letters { Region::from_code(&code).map(Self).map_err(|_| InvalidCountry) } else { Err(InvalidCountry) }
    }
}

impl From<Country> for String {
    fn from(country: Country) -> String {
        country.0.as_region_str().as_str().to_owned()
    }
}

impl fmt::Debug for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_region_str().as_str())
    }
}

/// The characters that people put between the digits of a number.
fn is_phone_character(c: char) -> bool {
    c.is_ascii_digit() || matches!(c, '+' | ' ' | '-' | '(' | ')' | '.' | '\u{2010}'..='\u{2015}')
}

fn parse_phone(typed: &str, countries: &[Country]) -> Result<Address, AddressError> {
    if typed.len() > 32 || !typed.chars().all(is_phone_character) {
        return Err(AddressError::Phone);
    }
    match mainland_mobile(typed, countries) {
        Some(address) => Ok(address),
        None => parse_any_phone(typed, countries),
    }
}

/// Reads a number of any country by the numbering plans of the library.
fn parse_any_phone(typed: &str, countries: &[Country]) -> Result<Address, AddressError> {
    let home = countries.first().copied().unwrap_or(Country::CHINA);
    let international = typed.strip_prefix("00").map(|rest| format!("+{rest}"));
    let typed = international.as_deref().unwrap_or(typed);
    let number = PHONE_NUMBER_UTIL.parse(typed, Some(home.0)).map_err(|_| AddressError::Phone)?;
    if !number.is_valid() {
        return Err(AddressError::Phone);
    }
    // Premium, shared-cost, toll-free and land lines receive no codes (S12); North America does not tell mobile from fixed.
    if !matches!(number.get_type(), PhoneNumberType::Mobile | PhoneNumberType::FixedLineOrMobile) {
        return Err(AddressError::Phone);
    }
    if !countries.iter().any(|country| number.get_region_code() == Some(country.0)) {
        return Err(AddressError::CountryNotAllowed);
    }
    Ok(Address { kind: AddressKind::Phone, text: number.format_as(PhoneNumberFormat::E164).into_owned() })
}

/// Reads a mobile number of mainland China, where the text leaves no doubt that it is one; `None` says nothing about a number.
///
/// Most numbers are such, and the library's first reading of any costs a cold function 15 million instructions. The prefixes are
/// those that the library's numbering plan has whole; a test compares both readings.
fn mainland_mobile(typed: &str, countries: &[Country]) -> Option<Address> {
    let national = match typed.strip_prefix("+86").or_else(|| typed.strip_prefix("0086")) {
        Some(national) if countries.contains(&Country::CHINA) => national,
        None if countries.first() == Some(&Country::CHINA) => typed,
        _ => return None,
    };
    let digits: String = national.chars().filter(char::is_ascii_digit).collect();
    let [b'1', second, third, ..] = digits.as_bytes() else { return None };
    let mobile = match second {
        b'3' | b'8' => true,
        b'4' => matches!(third, b'5' | b'7'),
        b'5' | b'9' => *third != b'4',
        b'6' => matches!(third, b'2' | b'5'..=b'7'),
        b'7' => !matches!(third, b'4' | b'9'),
        _ => false,
    };
    let sure = mobile && digits.len() == 11 && !national.contains('+');
    sure.then(|| Address { kind: AddressKind::Phone, text: format!("+86{digits}") })
}

fn parse_email(typed: &str) -> Result<Address, AddressError> {
    let options = Options::default().with_required_tld().without_display_text().without_domain_literal();
    let email = EmailAddress::parse_with_options(typed, options).map_err(|_| AddressError::Email)?;
    // A quoted local part is legal (RFC 5322 3.4.1) and in practice an attack on the next program that splits the address.
    if email.local_part().starts_with('"') {
        return Err(AddressError::Email);
    }
    Ok(Address { kind: AddressKind::Email, text: typed.to_lowercase() })
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use proptest::prelude::*;

    use super::*;

    fn china(typed: &str) -> Result<String, AddressError> {
        Address::parse(typed, &[Country::CHINA]).map(String::from)
    }

    #[test]
    fn one_number_has_one_normal_form() {
        for typed in [
            "13800138000",
            " 138 0013 8000 ",
            "+8613800138000",
            "0086 138-0013-8000",
            "１３８００１３８０００",
            "＋８６１３８００１３８０００",
            "+86 (138) 0013.8000",
        ] {
            assert_eq!(china(typed).as_deref(), Ok("+8613800138000"), "{typed}");
        }
    }

    #[test]
    fn what_is_no_mobile_number_is_refused() {
        for typed in [
            "",
            "12345",
            "1380013800",
            "138001380000",
            "010-62345678",
            "4008001234",
            "1800FLOWERS",
            "+3367a829916",
            "tel:13800138000",
            "13800138000;13900139000",
            "13800138000,13900139000",
        ] {
            assert_eq!(china(typed), Err(AddressError::Phone), "{typed}");
        }
    }

    #[test]
    fn numbers_of_other_countries_are_refused_unless_listed() {
        let france = Country::try_from("FR".to_owned()).unwrap();
        assert_eq!(china("+33612345678"), Err(AddressError::CountryNotAllowed));
        assert_eq!(Address::parse("+33612345678", &[Country::CHINA, france]).unwrap().as_str(), "+33612345678");
        assert_eq!(Address::parse("0612345678", &[france]).unwrap().as_str(), "+33612345678");
    }

    #[test]
    fn one_mailbox_has_one_normal_form() {
        for typed in ["li@example.com", " Li@Example.COM ", "ｌｉ＠example．com"] {
            assert_eq!(china(typed).as_deref(), Ok("li@example.com"), "{typed}");
        }
    }

    #[test]
    fn what_is_no_mailbox_is_refused() {
        for typed in [
            "@",
            "a@b",
            "a@@example.com",
            "a b@example.com",
            "\"a b\"@example.com",
            "Li <li@example.com>",
            "li@[127.0.0.1]",
            "li@example.com, wang@example.com",
            "li@example.com\nbcc: x@example.com",
        ] {
            assert_eq!(china(typed), Err(AddressError::Email), "{typed}");
        }
    }

    #[test]
    fn debug_shows_no_address() {
        let address = Address::parse("li@example.com", &[]).unwrap();
        assert_eq!(format!("{address:?}"), "Address(Email, redacted)");
    }

    #[test]
    fn two_portals_know_one_person_under_unrelated_keys() {
        let address = Address::parse("li@example.com", &[]).unwrap();
        let portal = |random| PortalId::new(Timestamp::UNIX_EPOCH, random);
        assert_eq!(address.key(portal(1)), address.key(portal(1)));
        assert_ne!(address.key(portal(1)), address.key(portal(2)));
    }

    #[test]
    fn only_countries_are_countries() {
        for code in ["", "C", "cn", "CHN", "ZZ", "00"] {
            assert_eq!(Country::try_from(code.to_owned()).err(), Some(InvalidCountry), "{code}");
        }
    }

    fn countries(codes: &[&str]) -> Vec<Country> {
        codes.iter().map(|code| Country::try_from((*code).to_owned()).unwrap()).collect()
    }

    #[test]
    fn the_library_agrees_on_every_mainland_prefix() {
        let china = countries(&["CN"]);
        for prefix in 1_000..2_000 {
            for number in [format!("{prefix}0138000"), format!("{prefix}9999999"), format!("{prefix}013800"), format!("{prefix}01380001")] {
                let (short, whole) = (mainland_mobile(&number, &china), parse_any_phone(&number, &china));
                // 1610 and 1740 are mobile only in part; they are left to the library.
                let expected = whole.ok().filter(|_| !matches!(prefix / 10, 161 | 174));
                assert_eq!(short.map(String::from), expected.map(String::from), "{number}");
            }
        }
    }

    #[test]
    fn a_number_without_a_country_code_is_mainland_only_where_that_is_home() {
        for (home, mainland) in [("CN", true), ("FR", false), ("US", false), ("ID", false), ("HK", false)] {
            let allowed = countries(&[home, "CN"]);
            assert_eq!(mainland_mobile("13800138000", &allowed).is_some(), mainland, "{home}");
            for typed in ["+8613800138000", "0086 138 0013 8000"] {
                assert_eq!(Address::parse(typed, &allowed).unwrap().as_str(), "+8613800138000", "{home}");
                assert!(mainland_mobile(typed, &allowed).is_some(), "{home}");
            }
            assert_eq!(mainland_mobile("+8613800138000", &countries(&["FR"])), None);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        /// What is read without the library is what the library reads: other homes, trunk zeros, doubled codes and near misses too.
        #[test]
        fn the_library_agrees_on_what_is_read_without_it(
            typed in prop_oneof![
                "[(]?(|\\+86|0086)[-. ()\u{2010}-\u{2015}]{0,2}1[3-9][0-9][-. ()\u{2013}]{0,3}[0-9]{4}[-. ()]{0,2}[0-9]{4}[-. ()]{0,2}",
                "(|\\+86|0086|\\+|86|\\+1|\\+8686|\\+0086) ?(|0|00|\\+)(1[3-9][0-9]|1?[0-9]{2,3})[- +]?[0-9]{4}[- +]?[0-9]{3,5}[ +]?",
            ],
            codes in proptest::sample::select(vec![
                &["CN"][..], &["CN", "US"], &["US", "CN"], &["FR", "CN"], &["HK", "CN"], &["ID", "CN"], &["FR"], &[],
            ]),
        ) {
            let countries = countries(codes);
            if let Some(address) = mainland_mobile(&typed, &countries) {
                prop_assert_eq!(parse_any_phone(&typed, &countries), Ok(address));
            }
        }

        #[test]
        fn a_normal_form_parses_to_itself(typed in "(\\+86|0086)? ?1[3-9][0-9]( ?[0-9]{4}){2}") {
            if let Ok(address) = Address::parse(&typed, &[Country::CHINA]) {
                prop_assert_eq!(Address::parse(address.as_str(), &[Country::CHINA]).unwrap(), address.clone());
                prop_assert_eq!(Address::try_from(String::from(address.clone())).unwrap(), address);
            }
        }

        #[test]
        fn no_text_makes_the_parser_panic(typed in "\\PC{0,64}") {
            drop(Address::parse(&typed, &[Country::CHINA]));
        }
    }
}
