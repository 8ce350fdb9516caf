//! The whitelist of a portal (F44, F46, S49): applicants whose data stand in it need no approval.
//!
//! A row is known by the digest of what it says, so that the question is one read. Both sides, rows and applicants, go through
//! `normal`; a row that was written under other columns matches nobody and harms nobody.

use std::{collections::BTreeMap, fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::{
    address::{Address, AddressKind, Country},
    fields::{Answers, Field, FieldId, FieldType},
    ids::PortalId,
    portal::{Access, Portal},
    text::{clean, half_width},
    user::{Status, User},
};

/// The most columns that a whitelist may have.
pub const MAX_COLUMNS: usize = 10;
/// The longest value in a row, in characters.
const MAX_VALUE: usize = 1_000;

/// What a column is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = WhitelistSource))]
#[serde(rename_all = "camelCase")]
pub enum Source {
    /// The phone number that the applicant proved.
    Phone,
    /// The email address that the applicant proved.
    Email,
    /// What the applicant filled in.
    Field,
}

/// A column of the whitelist.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = WhitelistColumn))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Column {
    /// What it is compared with.
    pub source: Source,
    /// The collected field, where it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<FieldId>,
}

impl Column {
    /// The stable name of the column in rows: `phone`, `email`, `field:<id>`.
    pub fn name(&self) -> String {
        match (self.source, &self.field) {
            (Source::Phone, _) => "phone".into(),
            (Source::Email, _) => "email".into(),
            (Source::Field, field) => format!("field:{}", field.as_ref().map_or("", |field| field.as_str())),
        }
    }
}

/// Whether there is a whitelist, and what it compares (F46). The rows are kept apart.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Whitelist {
    /// Whether it is asked.
    pub enabled: bool,
    /// All of them must match; at least one is an address, which applicants have proven.
    pub columns: Vec<Column>,
}

/// Why a whitelist does not go with the portal's fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WhitelistError {
    /// None of the columns is proven.
    #[error("at least one column must be a phone or an email address")]
    NoAddress,
    /// More than [`MAX_COLUMNS`].
    #[error("at most {MAX_COLUMNS} columns")]
    TooMany,
    /// A column that is there twice, or that names no collected field of a kind that can be compared.
    #[error("column {0}: must be phone, email, or a collected field (text, phone, email, date, single, region), each once")]
    Column(usize),
}

impl Whitelist {
    /// Checks the columns against the fields of the portal. While the whitelist is off, the fields may be others.
    pub fn check(&self, fields: &[Field]) -> Result<(), WhitelistError> {
        if !self.enabled && self.columns.is_empty() {
            return Ok(());
        }
        if self.columns.len() > MAX_COLUMNS {
            return Err(WhitelistError::TooMany);
        }
        for (index, column) in self.columns.iter().enumerate() {
            let fits = match (column.source, &column.field) {
                (Source::Phone | Source::Email, field) => field.is_none(),
                (Source::Field, None) => false,
                (Source::Field, Some(id)) => !self.enabled || fields.iter().any(|field| field.id == *id && is_comparable(field)),
            };
            if !fits || self.columns[..index].contains(column) {
                return Err(WhitelistError::Column(index));
            }
        }
        let proven = self.columns.iter().any(|column| column.source != Source::Field);
        if proven { Ok(()) } else { Err(WhitelistError::NoAddress) }
    }
}

fn is_comparable(field: &Field) -> bool {
    let kind = !matches!(field.kind, FieldType::Number | FieldType::Multiple | FieldType::Switch);
    field.collect && kind
}

/// By what a row is found: the first half of a SHA-256 over the portal and the values by column.
///
/// Like [`crate::address::AddressKey`] it shows no address, and is no secret: who has the key can try out values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(value_type = String, pattern = "^[0-9a-f]{32}$"))]
#[serde(try_from = "String", into = "String")]
pub struct RowKey(u128);

/// Not the key of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a row")]
pub struct InvalidRowKey;

impl RowKey {
    fn new(portal: PortalId, values: &BTreeMap<String, String>) -> Self {
        let mut digest = Sha256::new().chain_update(portal.to_bytes());
        // Each part after its length: no two rows look the same.
        for part in values.iter().flat_map(|(name, value)| [name, value]) {
            digest.update((part.len() as u64).to_be_bytes());
            digest.update(part.as_bytes());
        }
        let mut key = [0; 16];
        key.copy_from_slice(&digest.finalize()[..16]);
        Self(u128::from_be_bytes(key))
    }

    /// The first four bits, for spreading rows over partitions that are sorted like the keys.
    pub fn spread(self) -> u8 {
        (self.0 >> 124) as u8
    }
}

impl fmt::Display for RowKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl FromStr for RowKey {
    type Err = InvalidRowKey;

    fn from_str(text: &str) -> Result<Self, InvalidRowKey> {
        let shape = text.len() == 32 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        let number = shape.then(|| u128::from_str_radix(text, 16).ok()).flatten();
        number.map(Self).ok_or(InvalidRowKey)
    }
}

impl TryFrom<String> for RowKey {
    type Error = InvalidRowKey;

    fn try_from(text: String) -> Result<Self, InvalidRowKey> {
        text.parse()
    }
}

impl From<RowKey> for String {
    fn from(key: RowKey) -> String {
        key.to_string()
    }
}

/// A row in normal form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// By what it is found.
    pub key: RowKey,
    /// The values by the name of their column.
    pub values: BTreeMap<String, String>,
}

impl Row {
    fn new(portal: PortalId, values: BTreeMap<String, String>) -> Self {
        Self { key: RowKey::new(portal, &values), values }
    }

    /// Whether it was written under the columns that the portal has now; one that was not matches nobody.
    pub fn is_current(&self, whitelist: &Whitelist) -> bool {
        let names = whitelist.columns.iter().map(Column::name);
        self.values.len() == whitelist.columns.len() && names.into_iter().all(|name| self.values.contains_key(&name))
    }
}

/// Why a row was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RowError {
    /// More or fewer values than columns.
    #[error("must have one value for each column")]
    Length,
    /// The value of this column is none that the column can have.
    #[error("is no value of the column")]
    Cell(usize),
}

/// Reads a row as an administrator writes it: one text for each column, in their order.
pub fn row(portal: &Portal, cells: &[String]) -> Result<Row, RowError> {
    let settings = &portal.settings;
    let columns = &settings.whitelist.columns;
    if cells.len() != columns.len() {
        return Err(RowError::Length);
    }
    let mut values = BTreeMap::new();
    for (index, (column, cell)) in columns.iter().zip(cells).enumerate() {
        let value = normal(column, cell, &settings.fields, &settings.sign_in.countries).ok_or(RowError::Cell(index))?;
        values.insert(column.name(), value);
    }
    Ok(Row::new(portal.id, values))
}

/// The row that would let an applicant in, if it is time to look for it: applicants are approved, the whitelist is on, nothing is left
/// to be filled in, and they have a value for every column. `answers` are those of this step, where there are any.
pub fn wanted(portal: &Portal, user: &User, answers: Option<&Answers>) -> Option<Row> {
    let settings = &portal.settings;
    let complete = answers.is_some() || (user.asked().is_none() && portal.collected_fields().next().is_none());
    if settings.access != Access::Approved || !settings.whitelist.enabled || user.status != Status::Inactive || !complete {
        return None;
    }
    let answers = answers.unwrap_or(&user.answers);
    let columns = settings.whitelist.columns.iter();
    let values = columns.map(|column| Some((column.name(), value_of(portal, column, user, answers)?))).collect::<Option<_>>()?;
    Some(Row::new(portal.id, values))
}

/// What an applicant has for a column, in normal form. Addresses are those that the account has proven, nothing that was filled in.
pub fn value_of(portal: &Portal, column: &Column, user: &User, answers: &Answers) -> Option<String> {
    match column.source {
        Source::Phone => user.phone.as_ref().map(|phone| phone.as_str().to_owned()),
        Source::Email => user.email.as_ref().map(|email| email.as_str().to_owned()),
        Source::Field => {
            let answer = answers.get(column.field.as_ref()?).and_then(Value::as_str)?;
            normal(column, answer, &portal.settings.fields, &portal.settings.sign_in.countries)
        }
    }
}

/// The one normal form of a value (S49): addresses as everywhere, choices by their identifier, days in ISO 8601, other texts without
/// width, case and surplus spaces.
fn normal(column: &Column, text: &str, fields: &[Field], countries: &[Country]) -> Option<String> {
    let text = clean(text, MAX_VALUE).ok()?;
    let address = |kind| Address::parse(&text, countries).ok().filter(|address| address.kind() == kind).map(String::from);
    let field = match column.source {
        Source::Phone => return address(AddressKind::Phone),
        Source::Email => return address(AddressKind::Email),
        Source::Field => fields.iter().find(|field| Some(&field.id) == column.field.as_ref() && is_comparable(field))?,
    };
    match field.kind {
        FieldType::Phone => address(AddressKind::Phone),
        FieldType::Email => address(AddressKind::Email),
        FieldType::Date => Some(half_width(&text).parse::<jiff::civil::Date>().ok()?.to_string()),
        FieldType::Single => {
            let folded = fold(&text);
            let names = |label: &crate::fields::Label| [fold(label.zh.as_str()), fold(label.en.as_str())].contains(&folded);
            let option = field.options.iter().find(|option| option.id.as_str() == text || names(&option.label))?;
            Some(option.id.as_str().to_owned())
        }
        FieldType::Text | FieldType::Region | FieldType::Number | FieldType::Multiple | FieldType::Switch => {
            Some(fold(&text)).filter(|text| !text.is_empty())
        }
    }
}

/// Half-width forms, lower case, one space between words.
fn fold(text: &str) -> String {
    let words = half_width(text).to_lowercase();
    half_width(&words.split_whitespace().collect::<Vec<_>>().join(" "))
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::{
        ids::{ApplicationId, OrganisationId, UserId},
        locale::Locale,
        portal::{Application, Settings},
        text::Name,
    };

    /// A portal that compares the phone and, where it is given, a field of this type called `company`.
    fn portal(field: Option<Value>) -> Portal {
        let (at, name) = (Timestamp::UNIX_EPOCH, Name::parse("x").unwrap());
        let mut settings = Settings::starting(name.clone());
        settings.whitelist = Whitelist { enabled: true, columns: vec![Column { source: Source::Phone, field: None }] };
        if let Some(mut field) = field {
            for (key, value) in [
                ("id", json!("company")),
                ("label", json!({ "zh": "公司", "en": "Company" })),
                ("collect", json!(true)),
                ("required", json!(true)),
            ] {
                field[key] = value;
            }
            let field: Field = serde_json::from_value(field).unwrap();
            settings.whitelist.columns.push(Column { source: Source::Field, field: Some(field.id.clone()) });
            settings.fields.push(field);
        }
        settings.check().unwrap();
        let application = Application { id: ApplicationId::new(at, 1), name };
        Portal::new(PortalId::new(at, 1), OrganisationId::new(at, 1), application, settings, at)
    }

    fn applicant(portal: &Portal) -> User {
        let phone = Address::parse("13800138000", &[Country::CHINA]).unwrap();
        User::new(
            UserId::new(Timestamp::UNIX_EPOCH, 1),
            portal.id,
            phone,
            portal.settings.default_role.clone(),
            Locale::Zh,
            Timestamp::UNIX_EPOCH,
        )
    }

    fn matches(portal: &Portal, cells: &[&str], company: Option<&str>) -> bool {
        let cells: Vec<String> = cells.iter().map(|cell| (*cell).to_owned()).collect();
        let answers: Answers =
            company.map(|company| (FieldId::try_from("company".to_owned()).unwrap(), json!(company))).into_iter().collect();
        let wanted = wanted(portal, &applicant(portal), Some(&answers));
        row(portal, &cells).is_ok_and(|row| wanted.is_some_and(|wanted| wanted == row))
    }

    #[test]
    fn one_phone_matches_however_it_is_written() {
        let portal = portal(None);
        for cell in ["13800138000", "+86 138-0013-8000", "008613800138000", "１３８００１３８０００", " 138 0013 8000 "] {
            assert!(matches(&portal, &[cell], None), "{cell}");
        }
        assert!(!matches(&portal, &["13800138001"], None));
    }

    #[test]
    fn texts_match_without_width_case_and_surplus_spaces() {
        let portal = portal(Some(json!({ "type": "text" })));
        for (cell, typed) in
            [("Acme Ltd", "ＡＣＭＥ　ｌｔｄ"), ("  acme   LTD ", "Acme Ltd"), ("艾克米（上海）", "艾克米(上海)"), ("Straße 1", "STRAßE １")]
        {
            assert!(matches(&portal, &["13800138000", cell], Some(typed)), "{cell} {typed}");
        }
        assert!(!matches(&portal, &["13800138000", "Acme Ltd"], Some("Acme Inc")));
        assert!(!matches(&portal, &["13800138001", "Acme Ltd"], Some("Acme Ltd")), "all columns must match");
        assert!(!matches(&portal, &["13800138000", "Acme Ltd"], None), "nothing was filled in");
    }

    #[test]
    fn other_fields_match_by_what_they_mean() {
        let options =
            json!([{ "id": "east", "label": { "zh": "东部", "en": "East" } }, { "id": "west", "label": { "zh": "西部", "en": "West" } }]);
        for (field, cell, answer, expected) in [
            (json!({ "type": "single", "options": options }), "东部", "east", true),
            (json!({ "type": "single", "options": options }), "EAST", "east", true),
            (json!({ "type": "single", "options": options }), "east", "west", false),
            (json!({ "type": "email" }), "Li@Example.com", "li@example.com", true),
            (json!({ "type": "date" }), "２０２６-11-22", "2026-11-22", true),
        ] {
            assert_eq!(matches(&portal(Some(field)), &["13800138000", cell], Some(answer)), expected, "{cell}");
        }
    }

    #[test]
    fn a_field_never_stands_for_a_proven_address() {
        // S49: what was filled in as an email address is not the proven one.
        let mut portal = portal(Some(json!({ "type": "email" })));
        portal.settings.whitelist.columns = vec![Column { source: Source::Email, field: None }];
        assert!(!matches(&portal, &["li@example.com"], Some("li@example.com")));
    }

    #[test]
    fn rows_that_fit_no_column_are_refused() {
        let portal = portal(Some(json!({ "type": "date" })));
        let read = |cells: &[&str]| row(&portal, &cells.iter().map(|cell| (*cell).to_owned()).collect::<Vec<_>>()).map(drop);
        assert_eq!(read(&["13800138000"]), Err(RowError::Length));
        assert_eq!(read(&["li@example.com", "2026-11-22"]), Err(RowError::Cell(0)));
        assert_eq!(read(&["13800138000", "tomorrow"]), Err(RowError::Cell(1)));
        assert_eq!(read(&["13800138000", " "]), Err(RowError::Cell(1)));
    }

    #[test]
    fn columns_need_an_address_and_fields_that_are_there() {
        let fields = portal(Some(json!({ "type": "text" }))).settings.fields;
        let check = |enabled: bool, columns: Value| Whitelist { enabled, columns: serde_json::from_value(columns).unwrap() }.check(&fields);
        let company = json!({ "source": "field", "field": "company" });
        assert_eq!(check(false, json!([])), Ok(()));
        assert_eq!(check(true, json!([])), Err(WhitelistError::NoAddress));
        assert_eq!(check(true, json!([company])), Err(WhitelistError::NoAddress));
        assert_eq!(check(true, json!([{ "source": "phone" }, company])), Ok(()));
        assert_eq!(check(true, json!([{ "source": "phone" }, { "source": "phone" }])), Err(WhitelistError::Column(1)));
        assert_eq!(check(true, json!([{ "source": "phone", "field": "company" }])), Err(WhitelistError::Column(0)));
        assert_eq!(check(true, json!([{ "source": "email" }, { "source": "field" }])), Err(WhitelistError::Column(1)));
        let gone = json!([{ "source": "email" }, { "source": "field", "field": "gone" }]);
        assert_eq!((check(true, gone.clone()), check(false, gone)), (Err(WhitelistError::Column(1)), Ok(())));
    }

    #[test]
    fn a_row_of_other_columns_is_another_row() {
        let (narrow, wide) = (portal(None), portal(Some(json!({ "type": "text" }))));
        let narrow_row = row(&narrow, &["13800138000".to_owned()]).unwrap();
        assert!(narrow_row.is_current(&narrow.settings.whitelist) && !narrow_row.is_current(&wide.settings.whitelist));
        let mut other = narrow.clone();
        other.id = PortalId::new(Timestamp::UNIX_EPOCH, 2);
        assert_ne!(row(&other, &["13800138000".to_owned()]).unwrap().key, narrow_row.key, "another portal");
    }

    #[test]
    fn a_key_survives_text() {
        let key = row(&portal(None), &["13800138000".to_owned()]).unwrap().key;
        assert_eq!(key.to_string().parse(), Ok(key));
        assert_eq!(format!("{:x}", key.spread()), key.to_string()[..1]);
        for text in ["", "x", "+1234567890123456789012345678901", "ABCDEF00000000000000000000000000"] {
            assert_eq!(text.parse::<RowKey>(), Err(InvalidRowKey), "{text}");
        }
    }

    proptest! {
        #[test]
        fn folding_twice_changes_nothing(text in "\\PC{0,40}") {
            let once = fold(&text);
            prop_assert_eq!(fold(&once), once.clone());
        }
    }
}
