//! Values as attributes of items, and back.
//!
//! What is simple (text, number, truth value) is stored in DynamoDB's own types, so that conditions, updates and indexes can name it. What
//! is made of parts, such as a portal's settings or a user's answers, is ONE text of JSON: no condition names a part of it, and it is
//! written whole. In DynamoDB's notation each part is wrapped in its type, and the SDK makes a map entry of each.

use std::{collections::HashMap, fmt::Display};

use aws_sdk_dynamodb::types::AttributeValue;
use serde::{
    Deserialize, Serialize,
    de::{
        Deserializer, Expected, Unexpected, Visitor,
        value::{BorrowedStrDeserializer, MapDeserializer},
    },
    forward_to_deserialize_any,
};
use serde_json::{Value, de::StrRead};

/// Why a value cannot be written or read. It goes to the log, so it says what was expected and where, never what was met (S10).
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Error(String);

impl serde::de::Error for Error {
    /// Messages of this kind quote what they refuse.
    fn custom<T: Display>(_: T) -> Self {
        Self("a value is refused".into())
    }

    fn invalid_type(_: Unexpected, expected: &dyn Expected) -> Self {
        Self(format!("not {expected}"))
    }

    fn invalid_value(_: Unexpected, expected: &dyn Expected) -> Self {
        Self(format!("not {expected}"))
    }

    fn invalid_length(length: usize, expected: &dyn Expected) -> Self {
        Self(format!("length {length} is not {expected}"))
    }

    fn unknown_variant(_: &str, expected: &'static [&'static str]) -> Self {
        Self(format!("none of {expected:?}"))
    }

    fn unknown_field(_: &str, expected: &'static [&'static str]) -> Self {
        Self(format!("a member that is none of {expected:?}"))
    }

    fn missing_field(name: &'static str) -> Self {
        Self(format!("{name} is missing"))
    }
}

impl From<serde_json::Error> for Error {
    fn from(error: serde_json::Error) -> Self {
        Self(format!("{:?} error at line {} column {}", error.classify(), error.line(), error.column()))
    }
}

/// The attribute that holds `value`.
pub(crate) fn write<T: Serialize>(value: &T) -> Result<AttributeValue, Error> {
    Ok(attribute(serde_json::to_value(value)?))
}

/// The attributes that hold the members of `value`, which is a structure.
pub(crate) fn write_members<T: Serialize>(value: &T) -> Result<HashMap<String, AttributeValue>, Error> {
    match serde_json::to_value(value)? {
        Value::Object(members) => Ok(members.into_iter().map(|(name, member)| (name, attribute(member))).collect()),
        _ => Err(Error("not a structure".into())),
    }
}

fn attribute(value: Value) -> AttributeValue {
    match value {
        Value::Null => AttributeValue::Null(true),
        Value::Bool(value) => AttributeValue::Bool(value),
        Value::Number(value) => AttributeValue::N(value.to_string()),
        Value::String(value) => AttributeValue::S(value),
        parts @ (Value::Array(_) | Value::Object(_)) => AttributeValue::S(parts.to_string()),
    }
}

/// The value that an attribute holds.
pub(crate) fn read<'a, T: Deserialize<'a>>(attribute: &'a AttributeValue) -> Result<T, Error> {
    T::deserialize(Attribute(attribute))
}

/// The value whose members are these attributes. Attributes that it has no member for are passed over.
pub(crate) fn read_members<'a, T: Deserialize<'a>>(attributes: &'a HashMap<String, AttributeValue>) -> Result<T, Error> {
    let members = attributes.iter().map(|(name, attribute)| (name.as_str(), Attribute(attribute)));
    T::deserialize(MapDeserializer::new(members))
}

/// One attribute. What is asked for decides whether a text is a text or JSON. Where nothing is asked for (`deserialize_any`: within
/// `flatten`, for `tag` and `untagged`, as a [`Value`]), a text is a text.
#[derive(Clone, Copy)]
struct Attribute<'de>(&'de AttributeValue);

impl<'de> serde::de::IntoDeserializer<'de, Error> for Attribute<'de> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

/// All of a text, as JSON.
fn whole<'de, T>(text: &'de str, read: impl FnOnce(&mut Json<'de>) -> serde_json::Result<T>) -> Result<T, Error> {
    let mut json = Json::from_str(text);
    let value = read(&mut json)?;
    json.end()?;
    Ok(value)
}

type Json<'de> = serde_json::Deserializer<StrRead<'de>>;

/// Reads JSON from the text of an attribute, as the kind of thing that is asked for.
macro_rules! of_parts {
    ($($method:ident($($argument:ident: $type:ty),*))*) => {$(
        fn $method<V: Visitor<'de>>(self, $($argument: $type,)* visitor: V) -> Result<V::Value, Error> {
            let AttributeValue::S(text) = self.0 else { return self.deserialize_any(visitor) };
            whole(text, |json| json.$method($($argument,)* visitor))
        }
    )*};
}

impl<'de> Deserializer<'de> for Attribute<'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            AttributeValue::S(text) => visitor.visit_borrowed_str(text),
            AttributeValue::N(digits) => {
                let number: serde_json::Number = digits.parse()?;
                Ok(number.deserialize_any(visitor)?)
            }
            AttributeValue::Bool(value) => visitor.visit_bool(*value),
            AttributeValue::B(bytes) => visitor.visit_borrowed_bytes(bytes.as_ref()),
            AttributeValue::Null(_) => visitor.visit_unit(),
            _ => Err(Error("an attribute of a type that is not used".into())),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if matches!(self.0, AttributeValue::Null(_)) { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _name: &'static str, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let AttributeValue::S(text) = self.0 else { return self.deserialize_any(visitor) };
        if text.starts_with('{') {
            return whole(text, |json| json.deserialize_enum(name, variants, visitor));
        }
        BorrowedStrDeserializer::new(text).deserialize_enum(name, variants, visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }

    of_parts! {
        deserialize_seq()
        deserialize_tuple(len: usize)
        deserialize_tuple_struct(name: &'static str, len: usize)
        deserialize_map()
        deserialize_struct(name: &'static str, fields: &'static [&'static str])
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct identifier
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use aws_sdk_dynamodb::primitives::Blob;
    use proptest::prelude::*;

    use super::*;

    #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
    #[serde(rename_all = "camelCase")]
    enum Kind {
        Plain,
        Sized { bytes: u32 },
    }

    #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
    struct Wrapped(String);

    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    struct Whole {
        text: String,
        wrapped: Wrapped,
        number: i64,
        large: u64,
        share: f64,
        flag: bool,
        kind: Kind,
        none: Option<String>,
        some: Option<BTreeMap<String, Vec<u8>>>,
        pair: (u8, String),
        parts: Vec<Kind>,
    }

    fn any_whole() -> impl Strategy<Value = Whole> {
        let kind = || prop_oneof![Just(Kind::Plain), any::<u32>().prop_map(|bytes| Kind::Sized { bytes })];
        let share = any::<f64>().prop_filter("JSON has no other numbers", |number| number.is_finite());
        let maps = proptest::option::of(proptest::collection::btree_map(".*", proptest::collection::vec(any::<u8>(), 0..4), 0..4));
        let (texts, numbers) = ((".*", ".*", proptest::option::of(".*")), (any::<i64>(), any::<u64>(), share));
        let parts = (kind(), maps, (any::<u8>(), ".*"), proptest::collection::vec(kind(), 0..4));
        (texts, numbers, any::<bool>(), parts).prop_map(
            |((text, wrapped, none), (number, large, share), flag, (kind, some, pair, parts))| Whole {
                text,
                wrapped: Wrapped(wrapped),
                number,
                large,
                share,
                flag,
                kind,
                none,
                some,
                pair,
                parts,
            },
        )
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(whole in any_whole()) {
            let attributes = write_members(&whole).unwrap();
            let read_again: Whole = read_members(&attributes).unwrap();
            prop_assert_eq!(&read_again, &whole);
            prop_assert_eq!(&write_members(&read_again).unwrap(), &attributes, "conditions compare what was read with what is there");
            for (name, simple) in [("text", true), ("number", false)] {
                prop_assert_eq!(attributes[name].is_s(), simple);
            }
            prop_assert_eq!(read::<Option<BTreeMap<String, Vec<u8>>>>(&write(&whole.some).unwrap()).unwrap(), whole.some);
        }
    }

    #[test]
    fn a_text_that_looks_like_json_stays_a_text() {
        for text in ["{}", "[1]", "{\"bytes\":1}", "null", "1"] {
            let attribute = write(&text).unwrap();
            assert_eq!(attribute, AttributeValue::S(text.to_owned()));
            assert_eq!(read::<String>(&attribute).unwrap(), text);
        }
    }

    #[test]
    fn attributes_without_a_member_are_passed_over_whatever_they_are() {
        #[derive(Debug, PartialEq, Deserialize)]
        struct One {
            id: String,
            gone: Option<u8>,
        }
        let attributes = HashMap::from([
            ("id".to_owned(), AttributeValue::S("a".into())),
            ("routes".to_owned(), AttributeValue::Ss(vec!["b".into()])),
            ("row".to_owned(), AttributeValue::B(Blob::new([1]))),
        ]);
        assert_eq!(read_members::<One>(&attributes).unwrap(), One { id: "a".into(), gone: None });
    }

    #[test]
    fn a_number_with_many_digits_is_the_same_text_when_it_is_written_again() {
        let typed: f64 = "92.017985332133250".parse().unwrap();
        let stored = write(&BTreeMap::from([("n", typed)])).unwrap();
        assert_eq!(write(&read::<BTreeMap<String, Value>>(&stored).unwrap()).unwrap(), stored);
    }

    #[test]
    fn members_are_in_alphabetical_order() {
        #[derive(Serialize)]
        struct Pair {
            second: u8,
            first: u8,
        }
        assert_eq!(write(&Pair { second: 2, first: 1 }).unwrap(), AttributeValue::S(r#"{"first":1,"second":2}"#.into()));
    }

    #[test]
    fn what_cannot_be_read_is_not_quoted() {
        // S10
        let secret = "218594";
        let text = |text: String| AttributeValue::S(text);
        let errors = [
            read::<BTreeMap<String, u8>>(&text(format!("{{\"bytes\":\"{secret}\"}}"))).unwrap_err(),
            read::<BTreeMap<String, u8>>(&text(format!("{{{secret}"))).unwrap_err(),
            read::<u8>(&text(secret.into())).unwrap_err(),
            read::<Kind>(&text(secret.into())).unwrap_err(),
            read::<Kind>(&text(format!("{{\"{secret}\":1}}"))).unwrap_err(),
            read::<u8>(&AttributeValue::N(secret.into())).unwrap_err(),
            read::<std::net::IpAddr>(&text(secret.into())).unwrap_err(),
        ];
        for error in errors {
            assert!(!format!("{error} {error:?}").contains(secret), "{error}");
        }
        assert_eq!(read::<u8>(&text(secret.into())).unwrap_err().to_string(), "not u8");
        assert!(read::<Kind>(&text("{\"sized\":{\"bytes\":1}} x".into())).is_err());
        assert!(read::<Vec<u8>>(&AttributeValue::S("[1] 2".into())).is_err());
        assert!(read::<u8>(&AttributeValue::N("1e".into())).is_err());
        assert!(write_members(&1).is_err());
    }
}
