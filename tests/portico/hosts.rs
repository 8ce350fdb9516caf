//! Addresses that a client makes up lead nobody anywhere (S32, S59).

use http::Method;
use portico_http::Access;
use serde_json::json;

use crate::{
    routes,
    stage::{Stage, phone},
};

const FOREIGN: &str = "evil.example";

#[tokio::test]
async fn links_name_the_configured_address_whatever_host_was_asked_for() {
    // S59: in answers and in messages
    let stage = Stage::open().await;
    stage.applicant("li@example.com").await;
    let user = stage.users("pending").await;
    let foreign = |method: Method, path: &str| {
        stage.admin(method, path).header("host", FOREIGN).header("x-forwarded-host", FOREIGN).header("forwarded", "host=evil.example")
    };
    let links = stage.admin_path("/links");
    let shown = [
        foreign(Method::GET, &links).send().await,
        foreign(Method::GET, &format!("{links}/{}/qr", stage.seeded.suffix)).send().await,
        foreign(Method::POST, &stage.admin_path("/invitations")).json(&json!({ "address": "wu@example.com" })).send().await,
        foreign(Method::POST, &stage.admin_path("/approvals")).json(&json!({ "users": user, "decision": "approve" })).send().await,
        foreign(Method::POST, "/v1/admin/portals").json(&json!({ "application": "x" })).send().await,
    ];
    for answer in &shown {
        assert!(answer.status.is_success(), "{answer:?}");
        assert!(!format!("{answer:?}").contains(FOREIGN), "{answer:?}");
    }
    assert!(shown[0].body.to_string().contains(stage.cloud.base_url()) && shown[2].text("url").starts_with(stage.cloud.base_url()));
    let sent = stage.cloud.messages().list(None);
    assert_eq!(sent.len(), 4, "a code, the news of an application, an approval, an invitation");
    assert!(sent.iter().all(|message| !format!("{message:?}").contains(FOREIGN)), "{sent:?}");
    assert_eq!(sent.iter().filter(|message| message.text.contains(stage.cloud.base_url())).count(), 2, "{sent:?}");
}

#[tokio::test]
async fn no_spelling_of_a_target_redirects_to_it() {
    // S32: whatever stands in a path or a query, no answer sends a browser to a host that the caller named
    let stage = Stage::open().await;
    let targets = [
        "https://evil.example",
        "//evil.example",
        "/\\evil.example",
        "https:evil.example",
        "%2f%2fevil.example",
        "javascript:alert(1)//evil.example",
    ];
    let mut paths = Vec::new();
    for (_, route) in routes::all().into_iter().filter(|(_, route)| route.method == Method::GET && route.access == Access::Anonymous) {
        let path = route.path.replace("{portal}", &stage.seeded.portal).replace("{suffix}", &stage.seeded.suffix);
        for target in targets {
            let encoded: String = target.bytes().map(|byte| format!("%{byte:02x}")).collect();
            for name in ["return", "next", "redirect", "redirect_uri", "url", "to"] {
                paths.push(format!("{path}?{name}={encoded}"));
            }
        }
    }
    paths.extend(
        ["//evil.example", "/p//evil.example", "/%2f%2fevil.example", "/p/%2f%2fevil.example", "/.//evil.example"].map(str::to_owned),
    );
    for path in paths {
        let answer = stage.call(Method::GET, &path).header("host", FOREIGN).send().await;
        let location = answer.headers.get("location").map(|location| location.to_str().unwrap().to_owned()).unwrap_or_default();
        assert!(!location.contains("evil") && answer.headers.get("refresh").is_none(), "{path}: {answer:?}");
    }
    // A form that a page sends cannot leave either.
    stage.open_to_anyone().await;
    let flow = stage.flow(&phone(1)).await;
    let body = json!({ "flow": flow, "code": stage.code_of(&phone(1)), "return": "https://evil.example" });
    assert_eq!(stage.post(&stage.path("sessions"), body).await.refusal(), (422, "invalid"));
}
