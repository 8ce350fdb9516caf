//! Bodies: JSON, small, exactly of the expected shape (S11, S47).

use axum::extract::{FromRequest, MatchedPath, Request};
use http::header;
use http_body_util::{BodyExt, Limited};
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_path_to_error::Segment;

use crate::{Kind, Problem};

/// The largest body that an endpoint reads, in bytes.
const MAX_BYTES: usize = 64 * 1024;
/// The same for two agreements of 100 KB each, in JSON.
const MAX_TEXTS_BYTES: usize = 256 * 1024;
/// The one route that takes more than the others (F10).
const AGREEMENTS: &str = "/v1/admin/portals/{portal}/agreements";

/// The largest body that a route reads, in bytes.
pub(crate) fn max_bytes(path: &str) -> usize {
    if path == AGREEMENTS { MAX_TEXTS_BYTES } else { MAX_BYTES }
}

/// A body of JSON. Types that are read with it refuse fields that they do not know.
#[derive(Debug, Clone)]
pub struct Body<T>(pub T);

impl<S: Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let media = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let essence = media.split(';').next().unwrap_or_default().trim();
        if !essence.eq_ignore_ascii_case("application/json") {
            return Err(Kind::UnsupportedMedia.into());
        }
        let limit = request.extensions().get::<MatchedPath>().map_or(MAX_BYTES, |path| max_bytes(path.as_str()));
        let bytes = Limited::new(request.into_body(), limit).collect().await.map_err(|_| Problem::from(Kind::TooLarge))?.to_bytes();
        parse(&bytes).map(Self)
    }
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let text = std::str::from_utf8(bytes).map_err(|_| Problem::from(Kind::Malformed))?;
    let mut json = serde_json::Deserializer::from_str(text);
    match serde_path_to_error::deserialize(&mut json) {
        Ok(value) => match json.end() {
            Ok(()) => Ok(value),
            Err(_) => Err(Kind::Malformed.into()),
        },
        // A wrong shape is pointed at only if the rest is JSON at all.
        Err(error) if error.inner().is_data() && serde_json::from_str::<IgnoredAny>(text).is_ok() => {
            let pointer = error.path().iter().map(segment).collect::<String>();
            let detail = error.inner().to_string();
            // Where in the text it is helps nobody who has a pointer.
            let detail = detail.split(" at line ").next().unwrap_or_default().to_owned();
            Err(Problem::invalid(pointer, code_of(&detail), detail))
        }
        Err(_) => Err(Kind::Malformed.into()),
    }
}

fn segment(segment: &Segment) -> String {
    match segment {
        Segment::Seq { index } => format!("/{index}"),
        Segment::Map { key } => format!("/{}", key.replace('~', "~0").replace('/', "~1")),
        Segment::Enum { variant } => format!("/{variant}"),
        Segment::Unknown => String::new(),
    }
}

fn code_of(detail: &str) -> &'static str {
    match detail {
        detail if detail.starts_with("unknown field") => "unknown-field",
        detail if detail.starts_with("missing field") => "required",
        _ => "invalid",
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only its shape matters")]
    struct Shape {
        name: String,
        list: Vec<u8>,
    }

    fn refused(bytes: &[u8]) -> (Kind, Vec<(String, String)>) {
        let problem = parse::<Shape>(bytes).unwrap_err();
        (problem.kind, problem.errors.into_iter().map(|error| (error.pointer, error.code)).collect())
    }

    #[test]
    fn what_is_no_json_is_malformed() {
        for bytes in [
            &b""[..],
            b"{",
            b"\xff\xfe",
            b"{\"name\":\"a\",\"list\":[]} x",
            b"{\"x\":1,}",
            b"{\"name\":\"\xff\",\"list\":[]}",
            &[b'['; 100_000],
        ] {
            assert_eq!(refused(bytes), (Kind::Malformed, vec![]), "{bytes:?}");
        }
    }

    #[test]
    fn wrong_shapes_are_pointed_at() {
        for (text, pointer, code) in [
            (r#"{"name":1,"list":[]}"#, "/name", "invalid"),
            (r#"{"name":"a","list":[1,256]}"#, "/list/1", "invalid"),
            (r#"{"name":"a"}"#, "", "required"),
            (r#"{"name":"a","list":[],"role":"admin"}"#, "/role", "unknown-field"),
            ("[]", "", "invalid"),
        ] {
            assert_eq!(refused(text.as_bytes()), (Kind::Invalid, vec![(pointer.into(), code.into())]), "{text}");
        }
    }
}
