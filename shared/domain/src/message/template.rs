//! Texts that administrators write, with places that are filled in for each recipient (F37, S59).
//!
//! A place is a name from a fixed list in double braces: `{{name}}`. There is nothing else: no conditions, no loops, no code. What is
//! filled in is never read as a template again.

use std::{collections::BTreeMap, fmt};

use linkify::{LinkFinder, LinkKind};
use serde::{Deserialize, Serialize};

use crate::text::{Multiline, TextError};

/// What can be filled in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// The name of the portal.
    Portal,
    /// The recipient's name, as far as it is known; else nothing.
    Name,
    /// The page to go to.
    Link,
    /// The reason that the administrator gave; else nothing.
    Reason,
}

impl Place {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Portal, Self::Name, Self::Link, Self::Reason];

    /// What stands between the braces.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Portal => "portal",
            Self::Name => "name",
            Self::Link => "link",
            Self::Reason => "reason",
        }
    }

    fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|place| place.as_str() == name)
    }
}

/// Why a template was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// Not a text that can be sent.
    #[error(transparent)]
    Text(#[from] TextError),
    /// `{{` without `}}`.
    #[error("a place is not closed: {{{{ needs }}}}")]
    Open,
    /// A name that is none of ours.
    #[error("there is no place called {{{{{0}}}}}; places are {{{{portal}}}}, {{{{name}}}}, {{{{link}}}} and {{{{reason}}}}")]
    Unknown(String),
}

enum Piece<'a> {
    Text(&'a str),
    Place(Place),
}

/// A text with places, of at most `MAX` characters, lines allowed.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Template<const MAX: usize>(String);

impl<const MAX: usize> Template<MAX> {
    /// Reads what was written.
    pub fn parse(written: &str) -> Result<Self, TemplateError> {
        let text = Multiline::<MAX>::parse(written)?.as_str().to_owned();
        pieces(&text)?;
        Ok(Self(text))
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The places that it has.
    pub fn places(&self) -> impl Iterator<Item = Place> {
        let place = |piece| match piece {
            Piece::Place(place) => Some(place),
            Piece::Text(_) => None,
        };
        pieces(&self.0).unwrap_or_default().into_iter().filter_map(place)
    }

    /// With everything filled in. What has no value becomes nothing.
    pub fn fill(&self, values: &BTreeMap<Place, String>) -> String {
        let piece = |piece| match piece {
            Piece::Text(text) => text,
            Piece::Place(place) => values.get(&place).map(String::as_str).unwrap_or_default(),
        };
        pieces(&self.0).unwrap_or_default().into_iter().map(piece).collect()
    }

    /// Whether it leads anywhere: has an address of a page, or a place for one. Carriers intercept SMS with links (F39).
    pub fn has_link(&self) -> bool {
        let mut finder = LinkFinder::new();
        finder.kinds(&[LinkKind::Url]).url_must_have_scheme(false);
        finder.links(&self.0).next().is_some() || self.places().any(|place| place == Place::Link)
    }
}

fn pieces(text: &str) -> Result<Vec<Piece<'_>>, TemplateError> {
    let (mut pieces, mut rest) = (Vec::new(), text);
    while let Some((before, after)) = rest.split_once("{{") {
        let (name, after) = after.split_once("}}").ok_or(TemplateError::Open)?;
        let name = name.trim();
        let place = Place::parse(name).ok_or_else(|| TemplateError::Unknown(name.chars().take(40).collect()))?;
        pieces.extend([Piece::Text(before), Piece::Place(place)]);
        rest = after;
    }
    pieces.push(Piece::Text(rest));
    Ok(pieces)
}

impl<const MAX: usize> TryFrom<String> for Template<MAX> {
    type Error = TemplateError;

    fn try_from(written: String) -> Result<Self, TemplateError> {
        Self::parse(&written)
    }
}

impl<const MAX: usize> From<Template<MAX>> for String {
    fn from(template: Template<MAX>) -> String {
        template.0
    }
}

impl<const MAX: usize> fmt::Debug for Template<MAX> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
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

    use super::Template;

    impl<const MAX: usize> PartialSchema for Template<MAX> {
        fn schema() -> RefOr<Schema> {
            let text = ObjectBuilder::new().schema_type(Type::String).min_length(Some(1)).max_length(Some(MAX));
            text.description(Some("Places: {{portal}}, {{name}}, {{link}}, {{reason}}")).into()
        }
    }

    impl<const MAX: usize> ToSchema for Template<MAX> {
        fn name() -> std::borrow::Cow<'static, str> {
            format!("Template{MAX}").into()
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn values() -> BTreeMap<Place, String> {
        [
            (Place::Portal, "Customer Service".to_owned()),
            (Place::Name, "{{link}}".to_owned()),
            (Place::Link, "https://a.example".to_owned()),
        ]
        .into()
    }

    #[test]
    fn places_are_filled_in_once() {
        let template = Template::<100>::parse("{{ name }} at {{portal}}: {{link}}{{reason}} {x} }}").unwrap();
        assert_eq!(template.fill(&values()), "{{link}} at Customer Service: https://a.example {x} }}", "S59: a value is no template");
    }

    #[test]
    fn what_is_no_place_of_ours_is_refused() {
        for (written, error) in [
            ("{{phone}}", TemplateError::Unknown("phone".into())),
            ("{{}}", TemplateError::Unknown(String::new())),
            ("{{name", TemplateError::Open),
            ("{{{name}}}", TemplateError::Unknown("{name".into())),
            ("", TemplateError::Text(TextError::Empty)),
            ("a\u{1A}b", TemplateError::Text(TextError::Control)),
        ] {
            assert_eq!(Template::<100>::parse(written).map(|_| ()), Err(error), "{written}");
        }
        assert_eq!(Template::<5>::parse("123456").map(|_| ()), Err(TemplateError::Text(TextError::TooLong(5))));
    }

    #[test]
    fn links_are_found_however_they_are_written() {
        for (text, link) in [
            ("Welcome to us", false),
            ("see https://a.example/x", true),
            ("see www.example.com", true),
            ("见 example.cn/登录", true),
            ("{{link}}", true),
            ("version 2.0, at 9.30", false),
            ("write to a@example.com", false),
        ] {
            assert_eq!(Template::<100>::parse(text).unwrap().has_link(), link, "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_template_that_is_taken_can_be_filled_in(written in "[a-z{} ]{1,40}") {
            if let Ok(template) = Template::<100>::parse(&written) {
                let filled = template.fill(&BTreeMap::new());
                prop_assert!(!filled.contains("{{") || template.places().next().is_none() || filled.len() <= written.len());
                prop_assert_eq!(&Template::<100>::parse(template.as_str()).unwrap(), &template);
            }
        }
    }
}
