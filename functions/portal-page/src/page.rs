//! The built page, filled in for one portal and one request.

use axum::{body::Body, response::Response};
use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
use flate2::Crc;
use http::{HeaderValue, StatusCode, header};
use portico_domain::{locale::Locale, portal::Portal};
use portico_http::Problem;
use portico_runtime::entropy;
use serde_json::json;

use crate::view::{PageView, title};

/// A place in the page that is filled in for each request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Slot {
    Nonce,
    Lang,
    Title,
    Style,
    Portal,
}

/// A piece of the page as `web/portal` built it, script and styles inlined, and the slot that follows it. What fills a slot is never
/// searched for slots.
#[derive(Debug)]
struct Piece {
    text: &'static str,
    /// The text as deflated blocks, made by `build.rs`: compressing the page at each request would take eleven million instructions.
    deflated: &'static [u8],
    slot: Option<Slot>,
}

const PIECES: &[Piece] = &include!(concat!(env!("OUT_DIR"), "/pieces.rs"));

struct Filling<'a> {
    lang: &'a str,
    title: String,
    style: String,
    portal: String,
    pictures: Vec<&'a str>,
    /// The origin that the page sends files to, if its users may.
    uploads: &'a str,
}

/// The page of a portal.
pub(crate) fn answer(portal: &Portal, view: &PageView<'_>, locale: Locale, uploads: &str, gzip: bool) -> Result<Response, Problem> {
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
    let uploads = if portal.settings.profile.name { uploads } else { "" };
    respond(StatusCode::OK, &Filling { lang: locale.tag(), title: escape(title(portal)), style, portal: json, pictures, uploads }, gzip)
}

/// The page that says that nothing is here.
pub(crate) fn not_found(locale: Locale, gzip: bool) -> Result<Response, Problem> {
    let portal = script_safe(&json!({ "error": "not-found", "locale": locale }).to_string());
    let filling = Filling { lang: locale.tag(), title: "Portico".into(), style: String::new(), portal, pictures: Vec::new(), uploads: "" };
    respond(StatusCode::NOT_FOUND, &filling, gzip)
}

fn respond(status: StatusCode, filling: &Filling<'_>, gzip: bool) -> Result<Response, Problem> {
    let nonce = STANDARD_NO_PAD.encode(entropy::bytes::<16>().map_err(Problem::internal)?);
    let mut response = Response::new(Body::from(if gzip { gzipped(filling, &nonce) } else { plain(filling, &nonce).into_bytes() }));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::try_from(policy(&nonce, filling)).map_err(Problem::internal)?);
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding, accept-language, cookie"));
    if gzip {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    Ok(response)
}

impl Filling<'_> {
    fn of<'a>(&'a self, slot: Option<Slot>, nonce: &'a str) -> &'a str {
        match slot {
            Some(Slot::Nonce) => nonce,
            Some(Slot::Lang) => self.lang,
            Some(Slot::Title) => &self.title,
            Some(Slot::Style) => &self.style,
            Some(Slot::Portal) => &self.portal,
            None => "",
        }
    }
}

fn plain(filling: &Filling<'_>, nonce: &str) -> String {
    PIECES.iter().flat_map(|piece| [piece.text, filling.of(piece.slot, nonce)]).collect()
}

/// The page as one gzip member (RFC 1952): the pieces as they were deflated at build time, what fills the slots in stored blocks.
fn gzipped(filling: &Filling<'_>, nonce: &str) -> Vec<u8> {
    // No name, no time, no flags; the operating system is unknown (RFC 1952 2.3).
    let mut member = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    let mut check = Crc::new();
    for piece in PIECES {
        member.extend_from_slice(piece.deflated);
        check.update(piece.text.as_bytes());
        let filled = filling.of(piece.slot, nonce).as_bytes();
        check.update(filled);
        for block in filled.chunks(usize::from(u16::MAX)) {
            store(&mut member, block, false);
        }
    }
    store(&mut member, &[], true);
    member.extend_from_slice(&check.sum().to_le_bytes());
    member.extend_from_slice(&check.amount().to_le_bytes());
    member
}

/// A stored block (RFC 1951 3.2.4). Whatever comes before ends on a byte.
fn store(member: &mut Vec<u8>, block: &[u8], last: bool) {
    let length = u16::try_from(block.len()).unwrap_or(u16::MAX);
    member.push(u8::from(last));
    member.extend_from_slice(&length.to_le_bytes());
    member.extend_from_slice(&(!length).to_le_bytes());
    member.extend_from_slice(block);
}

/// The page's policy (S60): its own inline script and styles by nonce, pictures of the portal, calls to ourselves, files to where the
/// picture of a user goes; nothing else.
fn policy(nonce: &str, filling: &Filling<'_>) -> String {
    let (pictures, uploads) = (filling.pictures.join(" "), filling.uploads);
    format!(
        "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; img-src 'self' data: {pictures}; connect-src 'self' {uploads}; \
         form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
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
    use std::io::Read;

    use super::*;

    #[test]
    fn the_built_page_has_every_slot() {
        for slot in [Slot::Nonce, Slot::Lang, Slot::Title, Slot::Style, Slot::Portal] {
            assert!(PIECES.iter().any(|piece| piece.slot == Some(slot)), "{slot:?}");
        }
        assert_eq!(PIECES.iter().filter(|piece| piece.slot == Some(Slot::Portal)).count(), 1);
    }

    #[test]
    fn the_zipped_page_is_the_plain_page() {
        let portal = format!("{{\"name\":\"__TITLE__\",\"long\":\"{}\"}}", "长".repeat(70_000));
        let filling = Filling { lang: "en", title: "__PORTAL__".into(), style: String::new(), portal, pictures: Vec::new(), uploads: "" };
        let mut unzipped = String::new();
        flate2::read::GzDecoder::new(&gzipped(&filling, "nonce")[..]).read_to_string(&mut unzipped).unwrap();
        assert_eq!(unzipped, plain(&filling, "nonce"));
        assert!(unzipped.contains("<title>__PORTAL__</title>"), "what fills a slot is not searched for slots");
    }

    #[test]
    fn a_name_cannot_leave_its_element() {
        assert_eq!(script_safe(r#"{"name":"</script><script>"}"#), r#"{"name":"\u003c/script>\u003cscript>"}"#);
        assert_eq!(escape("</title>&"), "&lt;/title&gt;&amp;");
    }
}
