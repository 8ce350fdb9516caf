use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use crate::{Answer, NoAnswer, Outbound};

const TOTAL: Duration = Duration::from_millis(300);

/// Asks a host that hears one request and answers these bytes: what it heard, and what came of it. Without bytes it never answers;
/// with empty ones it breaks the connection.
async fn ask(answer: Option<&'static str>) -> (String, Result<Answer, NoAnswer>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let outbound = Outbound::new(&format!("http://{}/base", listener.local_addr().unwrap()), TOTAL).unwrap();
    let hear = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut heard = vec![0; 4096];
        let length = stream.read(&mut heard).await.unwrap();
        match answer {
            Some(answer) => stream.write_all(answer.as_bytes()).await.unwrap(),
            None => tokio::time::sleep(TOTAL * 2).await,
        }
        String::from_utf8_lossy(&heard[..length]).into_owned()
    };
    let headers = HeaderMap::from_iter([(http::header::CONTENT_TYPE, HeaderValue::from_static("text/plain"))]);
    tokio::join!(hear, outbound.call(Method::POST, "/path?query", headers, Bytes::from_static(b"hello")))
}

#[test]
fn only_https_addresses_of_hosts_are_taken_and_http_on_this_machine() {
    // S64
    for good in ["https://sms.example.com", "https://sms.example.com/v1/send", "http://127.0.0.1:1/x", "http://[::1]:1", "http://localhost"]
    {
        assert!(Outbound::new(good, TOTAL).is_ok(), "{good}");
    }
    for bad in [
        "",
        "/path",
        "ftp://example.com",
        "http://example.com",
        "https://a@example.com",
        "https://example.com/?a=b",
        "http://10.0.0.1",
        "no",
    ] {
        assert!(Outbound::new(bad, TOTAL).is_err(), "{bad}");
    }
}

#[tokio::test]
async fn what_is_sent_arrives_and_the_answer_comes_back() {
    let (heard, answer) = ask(Some("HTTP/1.1 201 Created\r\ncontent-length: 2\r\n\r\nok")).await;
    assert!(heard.starts_with("POST /base/path?query HTTP/1.1\r\n") && heard.ends_with("\r\n\r\nhello"), "{heard}");
    assert!(heard.contains("content-type: text/plain\r\n"), "{heard}");
    let answer = answer.unwrap();
    assert_eq!((answer.status.as_u16(), answer.body.as_deref()), (201, Some(&b"ok"[..])));
}

#[tokio::test]
async fn redirects_are_not_followed() {
    // S64
    let (_, answer) = ask(Some("HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n")).await;
    assert_eq!(answer.unwrap().status.as_u16(), 302);
}

#[tokio::test]
async fn a_body_that_breaks_off_is_none() {
    let (_, answer) = ask(Some("HTTP/1.1 200 OK\r\ncontent-length: 20\r\n\r\nshort")).await;
    assert_eq!(answer.unwrap().body, None);
}

#[tokio::test]
async fn without_a_connection_nothing_was_sent_and_without_an_answer_nobody_knows() {
    // R15
    let port = {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap().port()
    };
    let nobody = Outbound::new(&format!("http://127.0.0.1:{port}"), TOTAL).unwrap();
    let answer = nobody.call(Method::GET, "/", HeaderMap::new(), Bytes::new()).await;
    assert!(matches!(&answer, Err(NoAnswer::NotSent(reason)) if !reason.contains("127.0.0.1")), "{answer:?}");
    for silence in [None, Some("")] {
        let (_, answer) = ask(silence).await;
        assert!(matches!(answer, Err(NoAnswer::Unknown(_))), "{answer:?}");
    }
}
