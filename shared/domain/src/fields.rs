//! The information collected at the first sign-in (F32, F33): definitions, and answers checked against them.

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    address::{Address, AddressKind, Country},
    text::{Text, TextError, clean},
};

/// The identifier of the field that is always first and always there: the name.
pub const NAME: &str = "name";
/// The most fields that a portal may define.
pub const MAX_FIELDS: usize = 30;
const MAX_OPTIONS: usize = 100;
const MAX_NAME: usize = 100;
const MAX_TEXT: usize = 1_000;

/// A text in the languages of the interface. One of them is enough; the other falls back to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Label {
    /// Chinese.
    pub zh: Text<60>,
    /// English.
    pub en: Text<60>,
}

/// What kind of answer a field takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub enum FieldType {
    /// One line of text.
    Text,
    /// A finite number.
    Number,
    /// A phone number, stored in E.164.
    Phone,
    /// An email address.
    Email,
    /// A calendar day.
    Date,
    /// One of the options.
    Single,
    /// Any of the options.
    Multiple,
    /// The name of a region.
    Region,
    /// On or off.
    Switch,
}

/// One of the answers that a choice offers. The identifier is stable, the label may change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct FieldOption {
    /// Stable identifier, letters, digits and hyphens.
    pub id: FieldId,
    /// What people read.
    pub label: Label,
}

/// A stable identifier within a portal: 1 to 40 of `a-z`, `0-9`, `-`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(value_type = String, example = "company", pattern = "^[a-z0-9-]{1,40}$"))]
#[serde(try_from = "String", into = "String")]
pub struct FieldId(String);

/// Not 1 to 40 of `a-z`, `0-9`, `-`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to 40 lower-case letters, digits or hyphens")]
pub struct InvalidFieldId;

impl FieldId {
    /// The identifier.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for FieldId {
    type Error = InvalidFieldId;

    fn try_from(text: String) -> Result<Self, InvalidFieldId> {
        let shape = text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        if shape && (1..=40).contains(&text.len()) { Ok(Self(text)) } else { Err(InvalidFieldId) }
    }
}

impl From<FieldId> for String {
    fn from(id: FieldId) -> String {
        id.0
    }
}

/// A field that a portal may ask for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Field {
    /// Stable identifier; `name` is the first field and cannot be removed.
    pub id: FieldId,
    /// The kind of answer.
    #[serde(rename = "type")]
    pub kind: FieldType,
    /// What people read beside it.
    pub label: Label,
    /// Whether the registration form shows it.
    pub collect: bool,
    /// Whether the form can be sent without it.
    pub required: bool,
    /// The choices of `single` and `multiple`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<FieldOption>,
    /// The most characters of a text; 1,000, and 100 for the name, unless it says less.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_length: Option<u16>,
}

/// Why the definitions of a portal's fields do not go together; `index` counts from 0.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FieldsError {
    /// The first field is not the name as F33 has it: a text, required exactly if it is collected.
    #[error("the first field must be the name: a text, required if collected")]
    NameFirst,
    /// More than [`MAX_FIELDS`].
    #[error("at most {MAX_FIELDS} fields")]
    TooMany,
    /// Two fields, or two options of a field, share an identifier.
    #[error("field {index}: identifiers must differ")]
    Duplicate {
        /// The later of the two fields.
        index: usize,
    },
    /// A choice without options, or options on something else.
    #[error("field {index}: choices need 1 to {MAX_OPTIONS} options, other types none")]
    Options {
        /// The field.
        index: usize,
    },
}

/// Checks the definitions of a portal against each other (F33).
pub fn check_definitions(fields: &[Field]) -> Result<(), FieldsError> {
    let name_leads =
        fields.first().is_some_and(|first| first.id.as_str() == NAME && first.kind == FieldType::Text && first.collect == first.required);
    if !name_leads {
        return Err(FieldsError::NameFirst);
    }
    if fields.len() > MAX_FIELDS {
        return Err(FieldsError::TooMany);
    }
    for (index, field) in fields.iter().enumerate() {
        if fields[..index].iter().any(|earlier| earlier.id == field.id) {
            return Err(FieldsError::Duplicate { index });
        }
        let is_choice = matches!(field.kind, FieldType::Single | FieldType::Multiple);
        if is_choice == field.options.is_empty() || field.options.len() > MAX_OPTIONS {
            return Err(FieldsError::Options { index });
        }
        if field.options.iter().enumerate().any(|(at, option)| field.options[..at].iter().any(|earlier| earlier.id == option.id)) {
            return Err(FieldsError::Duplicate { index });
        }
    }
    Ok(())
}

/// Answers in normal form, by the field's identifier. What an answer means does not change when its definition does.
pub type Answers = BTreeMap<FieldId, Value>;

/// What is wrong with one answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AnswerError {
    /// A required field is missing or empty.
    #[error("is required")]
    Required,
    /// Not an answer of the field's type.
    #[error("is not a valid value")]
    Invalid,
    /// More characters than the field takes.
    #[error("is too long")]
    TooLong,
    /// None of the field's options.
    #[error("is not one of the options")]
    UnknownOption,
    /// No collected field of the portal has this identifier.
    #[error("is not a field of this portal")]
    UnknownField,
}

impl AnswerError {
    /// The stable name that callers see.
    pub fn code(self) -> &'static str {
        match self {
            Self::Required => "required",
            Self::Invalid => "invalid",
            Self::TooLong => "too-long",
            Self::UnknownOption => "unknown-option",
            Self::UnknownField => "unknown-field",
        }
    }
}

/// Checks what a person filled in against the collected fields, and brings it to normal form.
///
/// All that is wrong is reported at once, each with the identifier it was given under. An absent, null or blank answer is no answer.
pub fn check_answers(
    fields: &[Field],
    typed: &BTreeMap<String, Value>,
    countries: &[Country],
) -> Result<Answers, Vec<(String, AnswerError)>> {
    let collected = || fields.iter().filter(|field| field.collect);
    let unknown = typed.keys().filter(|id| collected().all(|field| field.id.as_str() != *id));
    let mut errors: Vec<_> = unknown.map(|id| (id.clone(), AnswerError::UnknownField)).collect();
    let mut answers = Answers::new();
    for field in collected() {
        match answer_to(field, typed.get(field.id.as_str()), countries) {
            Ok(answer) => answers.extend(answer.map(|value| (field.id.clone(), value))),
            Err(error) => errors.push((field.id.as_str().to_owned(), error)),
        }
    }
    if errors.is_empty() { Ok(answers) } else { Err(errors) }
}

/// Checks what a person changes of their answers, and gives all of them as they are then (F80). What is not named stays; a blank answer
/// takes the old one away, except from a required field.
pub fn check_changes(
    fields: &[Field],
    known: &Answers,
    typed: &BTreeMap<String, Value>,
    countries: &[Country],
) -> Result<Answers, Vec<(String, AnswerError)>> {
    let (mut answers, mut errors) = (known.clone(), Vec::new());
    for (id, value) in typed {
        let field = fields.iter().find(|field| field.collect && field.id.as_str() == id).ok_or(AnswerError::UnknownField);
        match field.and_then(|field| Ok((field, answer_to(field, Some(value), countries)?))) {
            Ok((field, Some(value))) => drop(answers.insert(field.id.clone(), value)),
            Ok((field, None)) => drop(answers.remove(&field.id)),
            Err(error) => errors.push((id.clone(), error)),
        }
    }
    if errors.is_empty() { Ok(answers) } else { Err(errors) }
}

/// The normal form of what was typed into one field, or `None` if that is nothing and need not be anything.
fn answer_to(field: &Field, typed: Option<&Value>, countries: &[Country]) -> Result<Option<Value>, AnswerError> {
    let answer = match typed {
        None | Some(Value::Null) => None,
        Some(value) => check_answer(field, value, countries)?,
    };
    if answer.is_none() && field.required { Err(AnswerError::Required) } else { Ok(answer) }
}

/// The normal form of one answer, or `None` if it is blank.
fn check_answer(field: &Field, value: &Value, countries: &[Country]) -> Result<Option<Value>, AnswerError> {
    match (field.kind, value) {
        (FieldType::Number, Value::Number(_)) | (FieldType::Switch, Value::Bool(_)) => Ok(Some(value.clone())),
        (FieldType::Multiple, Value::Array(chosen)) => check_choices(field, chosen),
        (FieldType::Number | FieldType::Switch | FieldType::Multiple, _) => Err(AnswerError::Invalid),
        (_, Value::String(text)) if text.trim().is_empty() => Ok(None),
        (FieldType::Text | FieldType::Region, Value::String(text)) => check_text(field, text).map(|text| Some(text.into())),
        (FieldType::Phone, Value::String(text)) => check_address(text, AddressKind::Phone, countries),
        (FieldType::Email, Value::String(text)) => check_address(text, AddressKind::Email, countries),
        (FieldType::Date, Value::String(text)) => {
            let date: Date = text.trim().parse().map_err(|_| AnswerError::Invalid)?;
            Ok(Some(date.to_string().into()))
        }
        (FieldType::Single, Value::String(id)) if has_option(field, id) => Ok(Some(value.clone())),
        (FieldType::Single, Value::String(_)) => Err(AnswerError::UnknownOption),
        _ => Err(AnswerError::Invalid),
    }
}

fn check_text(field: &Field, text: &str) -> Result<String, AnswerError> {
    let most = if field.id.as_str() == NAME { MAX_NAME } else { MAX_TEXT };
    let max = field.max_length.map_or(most, |length| usize::from(length).min(most));
    clean(text, max).map_err(|error| match error {
        TextError::Empty | TextError::Control => AnswerError::Invalid,
        TextError::TooLong(_) => AnswerError::TooLong,
    })
}

fn check_address(text: &str, kind: AddressKind, countries: &[Country]) -> Result<Option<Value>, AnswerError> {
    let address = Address::parse(text, countries).map_err(|_| AnswerError::Invalid)?;
    if address.kind() == kind { Ok(Some(address.as_str().into())) } else { Err(AnswerError::Invalid) }
}

fn check_choices(field: &Field, chosen: &[Value]) -> Result<Option<Value>, AnswerError> {
    let chosen: Vec<&str> = chosen.iter().map(|id| id.as_str().ok_or(AnswerError::Invalid)).collect::<Result<_, _>>()?;
    if chosen.iter().any(|id| !has_option(field, id)) {
        return Err(AnswerError::UnknownOption);
    }
    // In the order of the definition, each once: two people who chose the same have equal answers.
    let normal: Vec<Value> =
        field.options.iter().map(|option| option.id.as_str()).filter(|id| chosen.contains(id)).map(Value::from).collect();
    Ok((!normal.is_empty()).then_some(normal.into()))
}

fn has_option(field: &Field, id: &str) -> bool {
    field.options.iter().any(|option| option.id.as_str() == id)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn fields(definitions: Value) -> Vec<Field> {
        let label = |id: &str| json!({ "zh": id, "en": id });
        let with_labels = definitions.as_array().unwrap().iter().cloned().map(|mut field| {
            field["label"] = label(field["id"].as_str().unwrap());
            for option in field.get_mut("options").and_then(Value::as_array_mut).into_iter().flatten() {
                *option = json!({ "id": option, "label": label(option.as_str().unwrap()) });
            }
            field
        });
        with_labels.map(|field| serde_json::from_value(field).unwrap()).collect()
    }

    fn of_each_type() -> Vec<Field> {
        let field = |id: &str, kind: &str| json!({ "id": id, "type": kind, "collect": true, "required": id == "name" });
        let mut all: Vec<Value> =
            ["text", "number", "phone", "email", "date", "region", "switch"].iter().map(|kind| field(kind, kind)).collect();
        all.insert(0, field("name", "text"));
        all.push(json!({ "id": "single", "type": "single", "collect": true, "required": false, "options": ["a", "b"] }));
        all.push(json!({ "id": "multiple", "type": "multiple", "collect": true, "required": false, "options": ["a", "b", "c"] }));
        fields(all.into())
    }

    fn answer(typed: Value) -> Result<Value, Vec<(String, AnswerError)>> {
        let typed = serde_json::from_value(typed).unwrap();
        check_answers(&of_each_type(), &typed, &[Country::CHINA]).map(|answers| json!(answers))
    }

    #[test]
    fn answers_come_to_their_normal_form() {
        let typed = json!({ "name": " 王明 ", "text": "x", "number": 1.5, "phone": "１３８００１３８０００", "email": "A@B.com", "date": "2026-11-22",
            "region": "四川", "switch": false, "single": "b", "multiple": ["c", "a", "c"] });
        let normal = json!({ "name": "王明", "text": "x", "number": 1.5, "phone": "+8613800138000", "email": "a@b.com", "date": "2026-11-22",
            "region": "四川", "switch": false, "single": "b", "multiple": ["a", "c"] });
        assert_eq!(answer(typed), Ok(normal));
    }

    #[test]
    fn blank_answers_are_no_answers() {
        assert_eq!(answer(json!({ "name": "王明", "text": "  ", "date": null, "multiple": [] })), Ok(json!({ "name": "王明" })));
        assert_eq!(answer(json!({ "name": " " })), Err(vec![("name".into(), AnswerError::Required)]));
    }

    #[test]
    fn each_wrong_answer_is_named() {
        for (id, value, error) in [
            ("text", json!(1), AnswerError::Invalid),
            ("text", json!("a\u{7}b"), AnswerError::Invalid),
            ("text", json!("x".repeat(1_001)), AnswerError::TooLong),
            ("number", json!("1"), AnswerError::Invalid),
            ("phone", json!("12345"), AnswerError::Invalid),
            ("phone", json!("a@b.com"), AnswerError::Invalid),
            ("email", json!("13800138000"), AnswerError::Invalid),
            ("date", json!("2026-02-30"), AnswerError::Invalid),
            ("switch", json!("on"), AnswerError::Invalid),
            ("single", json!("c"), AnswerError::UnknownOption),
            ("single", json!(["a"]), AnswerError::Invalid),
            ("multiple", json!(["a", "z"]), AnswerError::UnknownOption),
            ("multiple", json!("a"), AnswerError::Invalid),
            ("role", json!("admin"), AnswerError::UnknownField),
        ] {
            let mut typed = json!({ "name": "王明" });
            typed[id] = value;
            assert_eq!(answer(typed), Err(vec![(id.to_owned(), error)]), "{id}");
        }
    }

    #[test]
    fn all_that_is_wrong_is_reported_at_once() {
        let errors = answer(json!({ "number": "1", "other": 1 })).unwrap_err();
        assert_eq!(errors.len(), 3, "{errors:?}");
    }

    #[test]
    fn fields_that_are_not_collected_take_no_answers() {
        let mut definitions = of_each_type();
        definitions[1].collect = false;
        let typed = BTreeMap::from([("name".to_owned(), json!("王明")), ("text".to_owned(), json!("x"))]);
        assert_eq!(check_answers(&definitions, &typed, &[]), Err(vec![("text".into(), AnswerError::UnknownField)]));
    }

    #[test]
    fn a_change_touches_only_what_it_names() {
        let known: Answers = serde_json::from_value(json!({ "name": "王明", "text": "x", "number": 1 })).unwrap();
        let change = |typed: Value| {
            let typed = serde_json::from_value(typed).unwrap();
            check_changes(&of_each_type(), &known, &typed, &[Country::CHINA]).map(|answers| json!(answers))
        };
        assert_eq!(change(json!({})), Ok(json!(known)));
        assert_eq!(change(json!({ "text": " y ", "number": null })), Ok(json!({ "name": "王明", "text": "y" })));
        assert_eq!(change(json!({ "name": " " })), Err(vec![("name".into(), AnswerError::Required)]));
        assert_eq!(change(json!({ "number": "1", "role": 1 })).unwrap_err().len(), 2);
    }

    #[test]
    fn definitions_must_go_together() {
        let good = of_each_type();
        assert_eq!(check_definitions(&good), Ok(()));
        assert_eq!(check_definitions(&[]), Err(FieldsError::NameFirst));
        assert_eq!(check_definitions(&good[1..]), Err(FieldsError::NameFirst));
        let with = |change: fn(&mut Vec<Field>)| {
            let mut fields = of_each_type();
            change(&mut fields);
            check_definitions(&fields)
        };
        assert_eq!(with(|fields| fields[0].required = false), Err(FieldsError::NameFirst));
        assert_eq!(with(|fields| fields[0].collect = false), Err(FieldsError::NameFirst));
        assert_eq!(with(|fields| fields[2].id = fields[1].id.clone()), Err(FieldsError::Duplicate { index: 2 }));
        assert_eq!(with(|fields| fields[8].options.clear()), Err(FieldsError::Options { index: 8 }));
        assert_eq!(with(|fields| fields[1].options = fields[8].options.clone()), Err(FieldsError::Options { index: 1 }));
    }

    proptest! {
        #[test]
        fn normal_forms_are_stable(text in "\\PC{0,20}", number in any::<i32>(), picks in prop::collection::vec("[abc]", 0..4)) {
            let typed = json!({ "name": "n", "text": text, "number": number, "multiple": picks });
            if let Ok(once) = answer(typed) {
                prop_assert_eq!(answer(once.clone()), Ok(once));
            }
        }
    }
}
