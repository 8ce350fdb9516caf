//! Answers of HTTP functions as API Gateway takes them (payload format 2.0 of HTTP APIs).
//!
//! `lambda_http`, which reads the requests, could write them, too. It would decode bodies from every character encoding that the web
//! ever had, whose tables are a quarter of a megabyte in each function, and it looks for characters to escape in what it just wrote as
//! Base64: writing the compressed sign-in page took as long as both calls to the database before it.

use std::collections::BTreeMap;

use axum::{
    body::{Bytes, to_bytes},
    response::Response,
};
use base64_simd::STANDARD;
use hyper::header::{HeaderMap, HeaderValue, SET_COOKIE};
use lambda_http::Error;
use serde::Serialize;
use serde_json::value::RawValue;

/// An answer that API Gateway turns into HTTP again.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Answer {
    status_code: u16,
    headers: BTreeMap<String, String>,
    /// One `Set-Cookie` each: those cannot be put together in one header.
    cookies: Vec<String>,
    body: Content,
    is_base64_encoded: bool,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Content {
    Text(String),
    /// Base64 between quotes.
    Binary(Box<RawValue>),
}

impl Answer {
    /// Reads the answer of a router to its end.
    pub(crate) async fn of(response: Response) -> Result<Self, Error> {
        let (parts, body) = response.into_parts();
        let (is_base64_encoded, body) = content(to_bytes(body, usize::MAX).await?)?;
        let cookies = parts.headers.get_all(SET_COOKIE).iter().map(|cookie| text(cookie).map(str::to_owned));
        Ok(Self {
            status_code: parts.status.as_u16(),
            headers: joined(&parts.headers)?,
            cookies: cookies.collect::<Result<_, _>>()?,
            body,
            is_base64_encoded,
        })
    }
}

/// The body, and whether it is in Base64. What is UTF-8 arrives as the same bytes without it.
fn content(bytes: Bytes) -> Result<(bool, Content), Error> {
    Ok(match String::from_utf8(bytes.into()) {
        Ok(text) => (false, Content::Text(text)),
        Err(error) => {
            let bytes = error.as_bytes();
            let mut quoted = String::with_capacity(STANDARD.encoded_length(bytes.len()) + 2);
            quoted.push('"');
            STANDARD.encode_append(bytes, &mut quoted);
            quoted.push('"');
            (true, Content::Binary(RawValue::from_string(quoted)?))
        }
    })
}

/// A header's value. One that JSON cannot carry fails the answer: without it the page might be served without its policy.
fn text(value: &HeaderValue) -> Result<&str, Error> {
    Ok(std::str::from_utf8(value.as_bytes())?)
}

/// Headers but cookies. Several of one name are one list (RFC 9110 5.3).
fn joined(headers: &HeaderMap) -> Result<BTreeMap<String, String>, Error> {
    let mut joined = BTreeMap::<_, String>::new();
    for (name, value) in headers.iter().filter(|(name, _)| *name != SET_COOKIE) {
        let list = joined.entry(name.as_str().to_owned()).or_default();
        if !list.is_empty() {
            list.push_str(", ");
        }
        list.push_str(text(value)?);
    }
    Ok(joined)
}

#[cfg(test)]
mod tests {
    use axum::{body::Body, http::header::HeaderName};
    use serde_json::{Value, json};

    use super::*;

    async fn written(body: &[u8], headers: &[(&'static str, &'static str)]) -> Value {
        let mut response = Response::new(Body::from(body.to_vec()));
        *response.status_mut() = axum::http::StatusCode::CREATED;
        for (name, value) in headers {
            response.headers_mut().append(HeaderName::from_static(name), value.parse().unwrap());
        }
        serde_json::to_value(Answer::of(response).await.unwrap()).unwrap()
    }

    #[tokio::test]
    async fn text_stays_text_and_cookies_stay_apart() {
        let headers = [("set-cookie", "a=1; Path=/"), ("vary", "cookie"), ("set-cookie", "b=2"), ("vary", "accept")];
        assert_eq!(
            written("{\"name\":\"李\"}".as_bytes(), &headers).await,
            json!({
                "statusCode": 201,
                "headers": { "vary": "cookie, accept" },
                "cookies": ["a=1; Path=/", "b=2"],
                "body": "{\"name\":\"李\"}",
                "isBase64Encoded": false,
            })
        );
        assert_eq!(written(b"", &[]).await["body"], "");
    }

    #[tokio::test]
    async fn no_header_is_lost() {
        let answer = |value: &[u8]| {
            let mut response = Response::new(Body::empty());
            response.headers_mut().insert("content-security-policy", HeaderValue::from_bytes(value).unwrap());
            Answer::of(response)
        };
        assert_eq!(
            answer("img-src https://例.example".as_bytes()).await.unwrap().headers["content-security-policy"],
            "img-src https://例.example"
        );
        assert!(answer(b"img-src \xff").await.is_err());
    }

    #[tokio::test]
    async fn other_bytes_arrive_as_they_were() {
        for length in [2, 3, 4, 100, 70_000] {
            // The beginning of a gzip member is no UTF-8.
            let bytes: Vec<u8> = [0x1f, 0x8b].into_iter().chain(0..=255).cycle().take(length).collect();
            let answer = written(&bytes, &[("content-encoding", "gzip")]).await;
            assert_eq!(answer["isBase64Encoded"], true);
            assert_eq!(STANDARD.decode_to_vec(answer["body"].as_str().unwrap()).unwrap(), bytes);
            assert_eq!(answer["headers"]["content-encoding"], "gzip");
        }
    }
}
