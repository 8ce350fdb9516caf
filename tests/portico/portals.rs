//! Portals, their settings and links (F1 to F9).

use http::Method;
use serde_json::json;

use crate::stage::Stage;

#[tokio::test]
async fn a_portal_is_opened_and_both_its_links_work() {
    // F3, F4, F5
    let stage = Stage::open().await;
    let created = stage
        .admin(Method::POST, "/v1/admin/portals")
        .json(&json!({ "application": "Field Service", "suffix": "Field-Service" }))
        .send()
        .await;
    assert_eq!(created.status, 201);
    let suffixes: Vec<_> = created.body["links"].as_array().unwrap().iter().map(|link| link["suffix"].as_str().unwrap()).collect();
    assert_eq!(suffixes, [created.body["application"]["id"].as_str().unwrap(), "Field-Service"]);
    assert_eq!(created.body["url"].as_str().unwrap(), format!("{}/p/Field-Service", stage.cloud.base_url()));
    for suffix in [suffixes[0], "field-service", "FIELD-SERVICE"] {
        assert_eq!(stage.get(&format!("/v1/links/{suffix}")).await.body["portal"], created.body["id"], "{suffix}");
    }
    let listed = stage.admin(Method::GET, "/v1/admin/portals").send().await;
    assert_eq!(listed.body["portals"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_taken_suffix_is_told_and_a_removed_one_is_free() {
    // F3, F4
    let stage = Stage::open().await;
    let neighbour = stage.neighbour().await;
    let add = async |suffix: &str| stage.admin(Method::POST, &stage.admin_path("/links")).json(&json!({ "suffix": suffix })).send().await;
    assert_eq!(add(&neighbour.suffix.to_uppercase()).await.refusal(), (409, "suffix-taken"));
    assert_eq!(add("our-own").await.status, 201);
    assert_eq!(add("our-own").await.refusal(), (409, "suffix-taken"));
    assert_eq!(stage.admin(Method::DELETE, &stage.admin_path("/links/Our-Own")).send().await.status, 204);
    assert_eq!(stage.get("/v1/links/our-own").await.refusal(), (404, "not-found"));
    assert_eq!(add("our-own").await.status, 201);
    let links = stage.admin(Method::GET, &stage.admin_path("/links")).send().await;
    let default = links.body["links"][0]["suffix"].as_str().unwrap().to_owned();
    assert_eq!(stage.admin(Method::DELETE, &stage.admin_path(&format!("/links/{default}"))).send().await.refusal(), (409, "default-link"));
}

#[tokio::test]
async fn bad_suffixes_are_refused_with_the_reason() {
    let stage = Stage::open().await;
    for suffix in ["abc", "-abcd", "abcd-", "ab_cd", "a b c d", "客户服务", "admin", "../../etc"] {
        let answer = stage.admin(Method::POST, &stage.admin_path("/links")).json(&json!({ "suffix": suffix })).send().await;
        assert_eq!((answer.refusal(), answer.body["errors"][0]["pointer"].as_str()), ((422, "invalid"), Some("/suffix")), "{suffix}");
    }
}

#[tokio::test]
async fn a_link_cannot_offer_what_the_portal_does_not() {
    // F6
    let stage = Stage::open().await;
    stage.set(json!({ "signIn": { "accounts": { "phone": true, "email": false }, "sevenDays": true, "countries": ["CN"] } })).await;
    for accounts in [json!({ "phone": true, "email": true }), json!({ "phone": false, "email": false })] {
        let body = json!({ "suffix": "too-wide", "accounts": accounts });
        let answer = stage.admin(Method::POST, &stage.admin_path("/links")).json(&body).send().await;
        assert_eq!((answer.refusal(), answer.body["errors"][0]["pointer"].as_str()), ((422, "invalid"), Some("/accounts")));
    }
    let unknown = json!({ "address": "13800138000", "purpose": "sign-in", "link": "nobody-made-it" });
    assert_eq!(stage.post(&stage.path("codes"), unknown).await.refusal(), (403, "method-off"));
}

#[tokio::test]
async fn a_link_has_a_qr_code_of_its_address() {
    // F5
    let stage = Stage::open().await;
    let answer = stage.admin(Method::GET, &stage.admin_path(&format!("/links/{}/qr", stage.seeded.suffix))).send().await;
    assert_eq!((answer.status.as_u16(), answer.headers["content-type"].to_str().unwrap()), (200, "image/svg+xml"));
    assert!(answer.body.as_str().unwrap().starts_with("<svg"));
}

#[tokio::test]
async fn settings_change_one_by_one_and_stay_together() {
    let stage = Stage::open().await;
    let before = stage.admin(Method::GET, &stage.admin_path("")).send().await;
    let after =
        stage.set(json!({ "name": "Feedback", "design": { "accent": "#00AA55", "layout": "sideBySide", "title": "Welcome" } })).await;
    assert_eq!(
        (after.body["settings"]["name"].as_str(), after.body["settings"]["design"]["accent"].as_str()),
        (Some("Feedback"), Some("#00aa55"))
    );
    assert_eq!(after.body["settings"]["fields"], before.body["settings"]["fields"]);
    assert_eq!(after.body["application"], before.body["application"], "the application keeps its own name (F2)");
    assert_eq!(after.body["version"].as_i64(), before.body["version"].as_i64().map(|version| version + 1));
    for (change, pointer) in [
        (json!({ "access": "everyone" }), "/access"),
        (json!({ "design": { "accent": "red", "layout": "centered" } }), "/design/accent"),
        (json!({ "design": { "accent": "#00aa55", "layout": "centered", "logo": "http://a.example/x.png" } }), "/design/logo"),
        (json!({ "design": { "accent": "#00aa55", "layout": "centered", "css": "x" } }), "/design/css"),
        (json!({ "signIn": { "accounts": { "phone": false, "email": false }, "sevenDays": true, "countries": [] } }), "/signIn/accounts"),
        (json!({ "registration": { "window": { "opensAt": "2026-03-29T02:30:00", "zone": "Europe/Berlin" } } }), "/registration/window"),
        (json!({ "fields": [] }), "/fields"),
        (json!({ "defaultRole": "nobody" }), "/defaultRole"),
        (json!({ "signature": "x".repeat(21) }), "/signature"),
        (json!({ "organisation": "x" }), "/organisation"),
        (json!({ "name": "a\u{202e}b" }), "/name"),
    ] {
        let answer = stage.admin(Method::PATCH, &stage.admin_path("")).json(&change).send().await;
        assert_eq!((answer.refusal(), answer.body["errors"][0]["pointer"].as_str()), ((422, "invalid"), Some(pointer)), "{change}");
    }
    let unchanged = stage.admin(Method::GET, &stage.admin_path("")).send().await;
    assert_eq!(unchanged.body, after.body);
}

#[tokio::test]
async fn a_change_from_an_old_version_is_refused() {
    let stage = Stage::open().await;
    let etag = stage.admin(Method::GET, &stage.admin_path("")).send().await.headers["etag"].to_str().unwrap().to_owned();
    let change = async |name: &str| {
        stage.admin(Method::PATCH, &stage.admin_path("")).header("if-match", &etag).json(&json!({ "name": name })).send().await
    };
    assert_eq!(change("first").await.status, 200);
    assert_eq!(change("second").await.refusal(), (412, "stale"));
    assert_eq!(stage.admin(Method::GET, &stage.admin_path("")).send().await.body["settings"]["name"], "first");
}

#[tokio::test]
async fn the_signature_of_the_portal_leads_its_sms() {
    // F36
    let stage = Stage::open().await;
    stage.approved_signature("艾克米").await;
    stage.set(json!({ "signature": "艾克米" })).await;
    stage.flow("13800138000").await;
    assert!(stage.cloud.messages().last("+8613800138000").unwrap().text.starts_with("【艾克米】"));
    stage.set(json!({ "signature": null })).await;
    stage.cloud.clock().advance(61);
    stage.flow("13800138000").await;
    assert!(!stage.cloud.messages().last("+8613800138000").unwrap().text.starts_with("【艾克米】"));
}
