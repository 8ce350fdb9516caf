//! The languages of the interface and of messages.

use serde::{Deserialize, Serialize};

/// A language of the interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Locale {
    /// Simplified Chinese.
    Zh,
    /// English.
    En,
}

impl Locale {
    /// The first language of an `Accept-Language` header that we have (RFC 9110 12.5.4), taken in the order of weight; English if none.
    pub fn negotiate(accept_language: &str) -> Self {
        let weighted = accept_language.split(',').filter_map(|range| {
            let mut parts = range.split(';').map(str::trim);
            let language = match parts.next()?.split('-').next()?.to_ascii_lowercase().as_str() {
                "zh" => Self::Zh,
                "en" => Self::En,
                _ => return None,
            };
            let weight = parts.find_map(|part| part.strip_prefix("q=")).map_or(Some(1.0), |weight| weight.parse::<f32>().ok())?;
            (weight > 0.0).then_some((language, weight))
        });
        // The earlier of two equal weights wins.
        let best = weighted.reduce(|best, next| if next.1 > best.1 { next } else { best });
        best.map_or(Self::En, |(language, _)| language)
    }

    /// The language tag (BCP 47) for the `lang` of a page.
    pub fn tag(self) -> &'static str {
        match self {
            Self::Zh => "zh-CN",
            Self::En => "en",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_heaviest_language_that_we_have_wins() {
        for (header, locale) in [
            ("", Locale::En),
            ("fr", Locale::En),
            ("zh-CN,zh;q=0.9,en;q=0.8", Locale::Zh),
            ("en;q=0.5, zh;q=0.7", Locale::Zh),
            ("ZH-hant", Locale::Zh),
            ("zh;q=0, en;q=0.1", Locale::En),
            ("de, en-GB;q=0.8, zh;q=0.8", Locale::En),
            ("zh;q=x", Locale::En),
        ] {
            assert_eq!(Locale::negotiate(header), locale, "{header}");
        }
    }
}
