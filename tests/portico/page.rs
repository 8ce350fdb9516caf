//! The sign-in page as it leaves the server (F8, F9, S60).

use http::Method;
use serde_json::{Value, json};

use crate::stage::{Answer, Stage, phone};

fn settings_of(page: &Answer) -> Value {
    let html = page.body.as_str().unwrap();
    let element = html.split("id=\"portal\"").nth(1).unwrap_or_else(|| panic!("{html}"));
    let json = element.split_once('>').unwrap().1.split("</script>").next().unwrap();
    serde_json::from_str(json).unwrap()
}

#[tokio::test]
async fn the_page_carries_the_portals_face_and_no_more() {
    let stage = Stage::open().await;
    stage
        .set(json!({ "name": "Tom & <b>Jerry</b>", "design": { "accent": "#123456", "layout": "sideBySide", "background": "#fafafa",
        "logo": "https://cdn.example.com/logo.png", "backgroundImage": "https://img.example.com/b.jpg" } }))
        .await;
    let page = stage.call(Method::GET, &format!("/p/{}", stage.seeded.suffix)).header("accept-language", "zh-CN").send().await;
    assert_eq!((page.status.as_u16(), page.headers["content-type"].to_str().unwrap()), (200, "text/html; charset=utf-8"));
    let html = page.body.as_str().unwrap();
    assert!(html.contains("<title>Tom &amp; &lt;b&gt;Jerry&lt;/b&gt;</title>") && html.contains("lang=\"zh-CN\""));
    assert!(!html.contains("__NONCE__") && !html.contains("__PORTAL__"));
    let settings = settings_of(&page);
    let keys: Vec<_> = settings.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(
        keys,
        [
            "access",
            "accounts",
            "agreement",
            "countries",
            "design",
            "enabled",
            "id",
            "link",
            "locale",
            "name",
            "password",
            "profile",
            "registration",
            "session",
            "sevenDays",
            "wechat"
        ]
    );
    assert_eq!(settings["session"], Value::Null);
}

#[tokio::test]
async fn the_policy_allows_this_pages_own_script_and_the_portals_pictures() {
    // S60
    let stage = Stage::open().await;
    stage.set(json!({ "design": { "accent": "#123456", "layout": "centered", "logo": "https://cdn.example.com/logo.png" } })).await;
    let load = async || stage.get(&format!("/p/{}", stage.seeded.suffix)).await;
    let page = load().await;
    let policy = page.headers["content-security-policy"].to_str().unwrap();
    let nonce = policy.split("script-src 'nonce-").nth(1).unwrap().split('\'').next().unwrap();
    assert!(page.body.as_str().unwrap().matches(&format!("nonce=\"{nonce}\"")).count() >= 3);
    for part in [
        "default-src 'none'",
        "img-src 'self' data: https://cdn.example.com;",
        "frame-ancestors 'none'",
        "base-uri 'none'",
        "form-action 'self'",
    ] {
        assert!(policy.contains(part), "{part} in {policy}");
    }
    assert!(!policy.contains("unsafe"));
    assert_ne!(load().await.headers["content-security-policy"], page.headers["content-security-policy"], "a nonce is used once");
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cache-control", "no-store"),
    ] {
        assert_eq!(page.headers[name], value);
    }
    assert!(page.headers.contains_key("strict-transport-security"));
}

#[tokio::test]
async fn the_page_is_small_on_the_wire() {
    let stage = Stage::open().await;
    let page = stage.call(Method::GET, &format!("/p/{}", stage.seeded.suffix)).header("accept-encoding", "br, gzip").send().await;
    assert_eq!(page.headers["content-encoding"], "gzip");
    let bytes: usize = page.headers["content-length"].to_str().unwrap().parse().unwrap();
    assert!(bytes <= 60 * 1024, "{bytes}");
    let plain = stage.call(Method::GET, &format!("/p/{}", stage.seeded.suffix)).header("accept-encoding", "gzip;q=0").send().await;
    assert!(!plain.headers.contains_key("content-encoding"));
}

#[tokio::test]
async fn who_is_signed_in_here_is_recognised_and_elsewhere_not() {
    // F27
    let stage = Stage::open().await;
    stage.open_to_anyone().await;
    let session = stage.signed_in(&phone(1)).await;
    let neighbour = stage.neighbour().await;
    let load = async |suffix: &str| {
        let page = stage.call(Method::GET, &format!("/p/{suffix}")).header("cookie", &format!("__Host-portico={session}")).send().await;
        settings_of(&page)["session"].clone()
    };
    assert_eq!(load(&stage.seeded.suffix).await["user"]["phone"], phone(1).as_str());
    assert_eq!(load(&neighbour.suffix).await, Value::Null);
}

#[tokio::test]
async fn an_unknown_link_is_a_page_that_says_so_and_a_portal_that_is_off_too() {
    let stage = Stage::open().await;
    for suffix in ["nobody-here", "x", "..%2f..%2fetc", "%00%00%00%00"] {
        let page = stage.get(&format!("/p/{suffix}")).await;
        assert_eq!((page.status.as_u16(), settings_of(&page)["error"].as_str()), (404, Some("not-found")), "{suffix}");
    }
    stage.set(json!({ "enabled": false })).await;
    let page = stage.get(&format!("/p/{}", stage.seeded.suffix)).await;
    assert_eq!((page.status.as_u16(), settings_of(&page)["enabled"].as_bool()), (200, Some(false)));
}
