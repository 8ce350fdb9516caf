//! Values as attributes of items, and back.
//!
//! What is simple (text, number, truth value) is stored in DynamoDB's own types, so that conditions, updates and indexes can name it. What
//! is made of parts, such as a portal's settings or a user's answers, is ONE text of JSON: no condition names a part of it, and it is
//! written whole. In DynamoDB's notation each part is wrapped in its type, and the SDK makes a map entry of each: reading took twice as long.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use serde::{
    Deserialize, Serialize,
    de::{
        Deserializer, Visitor,
        value::{BorrowedStrDeserializer, MapDeserializer},
    },
    forward_to_deserialize_any,
};
use serde_json::Value;

/// Why a value cannot be written or read. Names no content.
pub(crate) type Error = serde::de::value::Error;

fn unreadable(error: &serde_json::Error) -> Error {
    // The text of such an error quotes what it met; its place does not.
    serde::de::Error::custom(format_args!("{:?} error at line {} column {}", error.classify(), error.line(), error.column()))
}

/// The attribute that holds `value`.
pub(crate) fn write<T: Serialize>(value: &T) -> Result<AttributeValue, Error> {
    serde_json::to_value(value).map(attribute).map_err(|error| unreadable(&error))
}

/// The attributes that hold the members of `value`, which is a structure.
pub(crate) fn write_members<T: Serialize>(value: &T) -> Result<HashMap<String, AttributeValue>, Error> {
    match serde_json::to_value(value).map_err(|error| unreadable(&error))? {
        Value::Object(members) => Ok(members.into_iter().map(|(name, member)| (name, attribute(member))).collect()),
        _ => Err(serde::de::Error::custom("not a structure")),
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

/// One attribute. What is asked for decides whether a text is a text or JSON.
#[derive(Clone, Copy)]
struct Attribute<'de>(&'de AttributeValue);

impl<'de> serde::de::IntoDeserializer<'de, Error> for Attribute<'de> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

/// Reads JSON from the text of an attribute, as the kind of thing that is asked for.
macro_rules! of_parts {
    ($($method:ident($($argument:ident: $type:ty),*))*) => {$(
        fn $method<V: Visitor<'de>>(self, $($argument: $type,)* visitor: V) -> Result<V::Value, Error> {
            let AttributeValue::S(text) = self.0 else { return self.deserialize_any(visitor) };
            let mut json = serde_json::Deserializer::from_str(text);
            json.$method($($argument,)* visitor).and_then(|value| json.end().map(|()| value)).map_err(|error| unreadable(&error))
        }
    )*};
}

impl<'de> Deserializer<'de> for Attribute<'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            AttributeValue::S(text) => visitor.visit_borrowed_str(text),
            AttributeValue::N(digits) => {
                let number: serde_json::Number = digits.parse().map_err(|error| unreadable(&error))?;
                number.deserialize_any(visitor).map_err(|error| unreadable(&error))
            }
            AttributeValue::Bool(value) => visitor.visit_bool(*value),
            AttributeValue::B(bytes) => visitor.visit_borrowed_bytes(bytes.as_ref()),
            AttributeValue::Null(_) => visitor.visit_unit(),
            _ => Err(serde::de::Error::custom("an attribute of a type that is not used")),
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
            let mut json = serde_json::Deserializer::from_str(text);
            return json.deserialize_enum(name, variants, visitor).map_err(|error| unreadable(&error));
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
        let share = any::<i32>().prop_map(|number| f64::from(number) / 64.0);
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
            prop_assert_eq!(&read_members::<Whole>(&attributes).unwrap(), &whole);
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
    fn what_cannot_be_read_is_not_quoted() {
        let secret = "218594";
        let attributes = [AttributeValue::S(format!("{{\"bytes\":\"{secret}\"}}")), AttributeValue::S(format!("{{{secret}"))];
        for attribute in &attributes {
            let error = read::<BTreeMap<String, u8>>(attribute).unwrap_err().to_string();
            assert!(!error.contains(secret), "{error}");
        }
        assert!(read::<Vec<u8>>(&AttributeValue::S("[1] 2".into())).is_err());
        assert!(read::<u8>(&AttributeValue::N("1e".into())).is_err());
        assert!(write_members(&1).is_err());
    }
}
