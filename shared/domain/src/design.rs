//! The face of the sign-in page (F8, F9): colours, pictures, layout. There is no free CSS or HTML (S58).

use serde::{Deserialize, Serialize};

use crate::text::Title;

/// How the sign-in page is laid out on wide screens (F9).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub enum Layout {
    /// The form in the middle.
    Centered,
    /// The form beside the portal's picture; on phones centred all the same.
    SideBySide,
}

/// A colour, `#rrggbb`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(value_type = String, example = "#1f6feb", pattern = "^#[0-9a-f]{6}$"))]
#[serde(try_from = "String", into = "String")]
pub struct Colour(String);

/// Not `#rrggbb`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a colour such as #1f6feb")]
pub struct InvalidColour;

impl TryFrom<String> for Colour {
    type Error = InvalidColour;

    fn try_from(text: String) -> Result<Self, InvalidColour> {
        let digits = text.strip_prefix('#').ok_or(InvalidColour)?;
        let hexadecimal = digits.len() == 6 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        if hexadecimal { Ok(Self(text.to_ascii_lowercase())) } else { Err(InvalidColour) }
    }
}

impl From<Colour> for String {
    fn from(colour: Colour) -> String {
        colour.0
    }
}

impl Colour {
    /// As CSS writes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The address of a picture: `https`, plain characters only, so that it can stand in a style sheet and a policy (S58).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(value_type = String, format = "uri", example = "https://www.example.com/logo.png"))]
#[serde(try_from = "String", into = "String")]
pub struct PictureUrl(String);

/// Not a plain `https` address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be an https address of a picture, at most 500 plain characters")]
pub struct InvalidPictureUrl;

impl TryFrom<String> for PictureUrl {
    type Error = InvalidPictureUrl;

    fn try_from(text: String) -> Result<Self, InvalidPictureUrl> {
        let rest = text.strip_prefix("https://").ok_or(InvalidPictureUrl)?;
        let host = rest.split('/').next().unwrap_or_default();
        let host_is_plain =
            host.contains('.') && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b':'));
        let rest_is_plain = rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~/:?&=%+@!$,".contains(&byte));
        if host_is_plain && rest_is_plain && text.len() <= 500 { Ok(Self(text)) } else { Err(InvalidPictureUrl) }
    }
}

impl From<PictureUrl> for String {
    fn from(url: PictureUrl) -> String {
        url.0
    }
}

impl PictureUrl {
    /// The address.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Scheme and host, for the page's content security policy (S60).
    pub fn origin(&self) -> &str {
        let after_scheme = "https://".len();
        let end = self.0[after_scheme..].find('/').map_or(self.0.len(), |at| at + after_scheme);
        &self.0[..end]
    }
}

/// The face of the sign-in page (F8, F9). There is no free CSS or HTML (S58).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Design {
    /// The title of the page; the portal's name if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<Title>,
    /// The logo.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logo: Option<PictureUrl>,
    /// The colour behind everything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub background: Option<Colour>,
    /// The picture behind everything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub background_image: Option<PictureUrl>,
    /// The colour of buttons and links.
    pub accent: Colour,
    /// The layout on wide screens.
    pub layout: Layout,
}

impl Default for Design {
    /// Blue on white, in the middle.
    fn default() -> Self {
        let accent = Colour("#1f6feb".into());
        Self { title: None, logo: None, background: None, background_image: None, accent, layout: Layout::Centered }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_and_pictures_cannot_break_out_of_a_style() {
        for bad in ["", "red", "#fff", "#12345g", "#123456;", "url(x)"] {
            assert_eq!(Colour::try_from(bad.to_owned()), Err(InvalidColour), "{bad}");
        }
        for bad in [
            "http://a.example/x.png",
            "https://",
            "https://a.example/x.png)",
            "https://a.example/\"",
            "https://a.example/<svg>",
            "https://a.example/a b",
            "javascript:alert(1)",
            "https://user@a.example/x",
            "https://a.example/x;y",
        ] {
            assert_eq!(PictureUrl::try_from(bad.to_owned()), Err(InvalidPictureUrl), "{bad}");
        }
        let url = PictureUrl::try_from("https://cdn.example.com/a/logo.png?v=2".to_owned()).unwrap();
        assert_eq!(url.origin(), "https://cdn.example.com");
        assert_eq!(PictureUrl::try_from("https://cdn.example.com".to_owned()).unwrap().origin(), "https://cdn.example.com");
    }
}
