//! The built page, filled in for one portal and one request.

use std::io::Write;

use axum::{body::Body, response::Response};
use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
use flate2::{Compression, write::GzEncoder};
use http::{HeaderValue, StatusCode, header};
use portico_domain::{locale::Locale, portal::Portal};
use portico_http::Problem;
use portico_runtime::entropy;
use serde_json::json;

use crate::view::{PageView, title};

/// The page as `web/portal` built it, script and styles inlined.
const BUILT: &str = include_str!(concat!(env!("OUT_DIR"), "/page.html"));

/// A place in the page that is filled in for each request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Slot {
    Nonce,
    Lang,
    Title,
    Style,
    Portal,
}

const SLOTS: [(&str, Slot); 5] = [
    ("__NONCE__", Slot::Nonce),
    ("__LANG__", Slot::Lang),
    ("__TITLE__", Slot::Title),
    ("__STYLE__", Slot::Style),
    ("__PORTAL__", Slot::Portal),
];

/// The page, cut at its slots. What fills a slot is never searched for slots again.
#[derive(Debug)]
pub(crate) struct Template {
    pieces: Vec<(&'static str, Option<Slot>)>,
}

struct Filling<'a> {
    lang: &'a str,
    title: String,
    style: String,
    portal: String,
    pictures: Vec<&'a str>,
}

impl Template {
    pub(crate) fn built() -> Self {
        Self::cut(BUILT)
    }

    fn cut(mut rest: &'static str) -> Self {
        let mut pieces = Vec::new();
        loop {
            let next = SLOTS.iter().filter_map(|(mark, slot)| Some((rest.find(mark)?, *mark, *slot))).min_by_key(|(at, ..)| *at);
            let Some((at, mark, slot)) = next else { break };
            pieces.push((&rest[..at], Some(slot)));
            rest = &rest[at + mark.len()..];
        }
        pieces.push((rest, None));
        Self { pieces }
    }

    /// The page of a portal.
    pub(crate) fn answer(&self, portal: &Portal, view: &PageView<'_>, locale: Locale, gzip: bool) -> Result<Response, Problem> {
        let design = &portal.settings.design;
        let mut style = format!(":root{{--accent:{};", design.accent.as_str());
        if let Some(background) = &design.background {
            style.push_str(&format!("--background:{};", background.as_str()));
        }
        if let Some(picture) = &design.background_image {
            // The address has no character that could end the string or the declaration (S58).
            style.push_str(&format!("--background-image:url(\"{}\");", picture.as_str()));
        }
        style.push('}');
        let pictures = design.logo.iter().chain(&design.background_image).map(|picture| picture.origin()).collect();
        let json = script_safe(&serde_json::to_string(view).map_err(Problem::internal)?);
        let filling = Filling { lang: locale.tag(), title: escape(title(portal)), style, portal: json, pictures };
        self.respond(StatusCode::OK, &filling, gzip)
    }

    /// The page that says that nothing is here.
    pub(crate) fn not_found(&self, locale: Locale, gzip: bool) -> Result<Response, Problem> {
        let portal = script_safe(&json!({ "error": "not-found", "locale": locale }).to_string());
        let filling = Filling { lang: locale.tag(), title: "Portico".into(), style: String::new(), portal, pictures: Vec::new() };
        self.respond(StatusCode::NOT_FOUND, &filling, gzip)
    }

    fn respond(&self, status: StatusCode, filling: &Filling<'_>, gzip: bool) -> Result<Response, Problem> {
        let nonce = STANDARD_NO_PAD.encode(entropy::bytes::<16>().map_err(Problem::internal)?);
        let mut page = String::with_capacity(BUILT.len() + 4_096);
        for (piece, slot) in &self.pieces {
            page.push_str(piece);
            page.push_str(match slot {
                Some(Slot::Nonce) => &nonce,
                Some(Slot::Lang) => filling.lang,
                Some(Slot::Title) => &filling.title,
                Some(Slot::Style) => &filling.style,
                Some(Slot::Portal) => &filling.portal,
                None => "",
            });
        }
        let mut response = Response::new(Body::empty());
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
        headers
            .insert(header::CONTENT_SECURITY_POLICY, HeaderValue::try_from(policy(&nonce, &filling.pictures)).map_err(Problem::internal)?);
        headers.insert(header::VARY, HeaderValue::from_static("accept-encoding, accept-language, cookie"));
        if gzip {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            *response.body_mut() = Body::from(compress(page.as_bytes()).map_err(Problem::internal)?);
        } else {
            *response.body_mut() = Body::from(page);
        }
        Ok(response)
    }
}

/// The page's policy (S60): its own inline script and styles by nonce, pictures of the portal, calls to ourselves; nothing else.
fn policy(nonce: &str, pictures: &[&str]) -> String {
    let pictures = pictures.join(" ");
    format!(
        "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; img-src 'self' data: {pictures}; connect-src 'self'; \
         form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
}

/// Level 4: a page of 73 kB in half the work of the default level, for a twentieth more bytes.
fn compress(page: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(32 * 1024), Compression::new(4));
    encoder.write_all(page)?;
    encoder.finish()
}

/// JSON that cannot end the script element that it stands in.
fn script_safe(json: &str) -> String {
    json.replace('<', "\\u003c")
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_page_has_every_slot() {
        let template = Template::built();
        for (mark, slot) in SLOTS {
            assert!(template.pieces.iter().any(|(_, found)| *found == Some(slot)), "{mark}");
        }
        assert_eq!(template.pieces.iter().filter(|(_, slot)| *slot == Some(Slot::Portal)).count(), 1);
    }

    #[test]
    fn what_fills_a_slot_is_not_searched_for_slots() {
        let template = Template::cut("<title>__TITLE__</title><script>__PORTAL__</script>");
        assert_eq!(template.pieces, [("<title>", Some(Slot::Title)), ("</title><script>", Some(Slot::Portal)), ("</script>", None)]);
    }

    #[test]
    fn a_name_cannot_leave_its_element() {
        assert_eq!(script_safe(r#"{"name":"</script><script>"}"#), r#"{"name":"\u003c/script>\u003cscript>"}"#);
        assert_eq!(escape("</title>&"), "&lt;/title&gt;&amp;");
    }
}
