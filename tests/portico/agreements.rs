//! User agreement and privacy policy (F10, S57).

use http::Method;
use portico_domain::{
    agreements::{Agreement, Agreements},
    text::Name,
};
use portico_store::{Store, Table};
use serde_json::{Value, json};

use crate::stage::{Answer, Stage, phone};

impl Stage {
    async fn agree_on(&self, texts: &Value) -> Answer {
        self.admin(Method::PUT, &self.admin_path("/agreements")).json(texts).send().await
    }

    async fn consent(&self, ticket: &str, version: u64) -> Answer {
        let body = json!({ "ticket": ticket, "consent": version });
        self.call(Method::POST, &self.path("registration")).header("accept", "application/json").json(&body).send().await
    }

    fn consent_of(&self, address: &str) -> Value {
        let users = self.cloud.database().items("UsersTable").unwrap();
        let user = users.into_iter().find(|row| row["phone"] == address).unwrap();
        serde_json::from_str(user["consent"].as_str().unwrap()).unwrap()
    }
}

fn terms(html: &str) -> Value {
    json!({ "terms": { "title": "Terms", "html": html } })
}

#[tokio::test]
async fn a_new_version_asks_everybody_again_and_consent_is_recorded() {
    let stage = Stage::open().await;
    stage.open_to_anyone().await;
    stage.signed_in(&phone(1)).await;
    assert_eq!(stage.agree_on(&terms("<p>one</p>")).await.body["version"], 1);
    for version in [1, 2] {
        stage.cloud.clock().advance(61);
        let asked = stage.prove(&phone(1)).await;
        assert_eq!((asked.step(), &asked.body["version"]), ("consent", &json!(version)));
        let ticket = asked.text("ticket");
        let missing = stage.register(&ticket, json!({})).await;
        assert_eq!((missing.refusal(), &missing.body["errors"][0]["pointer"]), ((422, "invalid"), &json!("/consent")));
        let other = stage.consent(&ticket, version + 7).await;
        assert_eq!(other.step(), "consent", "another version is not the one that holds: {other:?}");
        assert_eq!(stage.consent(&ticket, version).await.step(), "signedIn");
        let consent = stage.consent_of(&phone(1));
        assert_eq!((&consent["version"], &consent["client"]), (&json!(version), &json!("127.0.0.1")));
        let at: jiff::Timestamp = consent["at"].as_str().unwrap().parse().unwrap();
        assert!((stage.cloud.clock().now().as_second() - at.as_second()).abs() <= 5);
        stage.cloud.clock().advance(61);
        stage.signed_in(&phone(1)).await;
        assert_eq!(stage.agree_on(&terms("<p>one</p>")).await.body["version"], version, "the same text is the same version");
        stage.agree_on(&terms("<p>two</p>")).await;
        if version == 1 {
            stage.agree_on(&terms("<p>one</p>")).await;
            stage.agree_on(&json!({})).await;
            break;
        }
    }
    stage.cloud.clock().advance(61);
    stage.signed_in(&phone(1)).await;
    assert_eq!(stage.agree_on(&terms("<p>again</p>")).await.body["version"], 5, "no number comes twice");
    stage.cloud.clock().advance(61);
    assert_eq!(stage.prove(&phone(1)).await.step(), "consent");
}

#[tokio::test]
async fn newcomers_accept_before_they_fill_in_the_form() {
    let stage = Stage::open().await;
    let both = json!({ "terms": { "title": "条款", "html": "<p>a</p>" }, "privacy": { "title": "Privacy", "html": "<p>b</p>" } });
    let kept = stage.agree_on(&both).await;
    assert_eq!(kept.body, json!({ "version": 1, "terms": both["terms"], "privacy": both["privacy"] }));
    let asked = stage.prove(&phone(1)).await;
    assert_eq!(asked.step(), "consent");
    let public = stage.get(&stage.path("agreements?version=1")).await;
    assert_eq!((public.status.as_u16(), &public.body), (200, &kept.body));
    assert_eq!(public.headers["cache-control"], "public, max-age=86400");
    let current = stage.get(&stage.path("agreements")).await;
    assert_eq!((&current.body, &current.headers["cache-control"]), (&kept.body, &"no-cache".parse().unwrap()));
    assert_eq!(stage.consent(&asked.text("ticket"), 1).await.step(), "collect");
    let page = stage.get(&format!("/p/{}", stage.seeded.suffix)).await;
    assert!(page.body.to_string().contains(r#"\"agreement\":{\"version\":1,\"terms\":true,\"privacy\":true}"#));
}

#[tokio::test]
async fn what_is_kept_and_shown_can_do_nothing() {
    // S57; the whole list of vectors stands in shared/richtext/src/lib.rs.
    let stage = Stage::open().await;
    let html = "<h1 onclick=alert(1)>T</h1><img src=https://evil.example/x.png><p style='color:red'>a <a href=' java\tscript:alert(1)'>b</a> \
                <a href='https://ok.example'>c</a></p><svg><script>alert(1)</script></svg><template><template><script>x</script></template></template>";
    let clean = "<h1>T</h1><p>a <a rel=\"noopener noreferrer nofollow\">b</a> \
                 <a href=\"https://ok.example\" rel=\"noopener noreferrer nofollow\">c</a></p>";
    assert_eq!(stage.agree_on(&terms(html)).await.body["terms"]["html"], clean);
    assert!(!stage.everything().contains("alert"), "cleaned when written");
    let nothing = stage.agree_on(&terms("<script>x</script>")).await;
    assert_eq!((nothing.refusal(), &nothing.body["errors"][0]["pointer"]), ((422, "invalid"), &json!("/terms/html")));
    // Kept before a stricter rule, cleaned when read.
    let store = Store::open(&stage.cloud.deployment("portals"), &[Table::Portals]).unwrap();
    let portal = store.portal(stage.seeded.portal.parse().unwrap()).await.unwrap().unwrap();
    let text = Agreement { title: Name::parse("Terms").unwrap(), html: "<p onclick=alert(1)>x</p><img src=x>".into() };
    store.save_agreements(&portal, &Agreements { version: 2, terms: Some(text), privacy: None }).await.unwrap();
    assert_eq!(stage.get(&stage.path("agreements")).await.body["terms"]["html"], "<p>x</p>");
}

#[tokio::test]
async fn long_texts_are_taken_and_longer_ones_refused() {
    let stage = Stage::open().await;
    let text = |bytes: usize| format!("<p>{}</p>", "x".repeat(bytes - 7));
    let both = json!({ "terms": { "title": "T", "html": text(102_400) }, "privacy": { "title": "P", "html": text(102_400) } });
    assert_eq!(stage.agree_on(&both).await.status, 200);
    assert_eq!(stage.agree_on(&terms(&text(102_401))).await.refusal(), (422, "invalid"));
    assert_eq!(stage.agree_on(&terms(&text(300_000))).await.refusal(), (413, "too-large"));
    let keyed = stage.admin(Method::PUT, &stage.admin_path("/agreements")).header("idempotency-key", "k").json(&both).send().await;
    assert_eq!(keyed.status, 200, "with a key, too");
    let elsewhere = stage.admin(Method::PATCH, &stage.admin_path("")).json(&json!({ "name": "x".repeat(70_000) })).send().await;
    assert_eq!(elsewhere.refusal(), (413, "too-large"), "only here");
}

#[tokio::test]
async fn agreements_belong_to_a_version_of_their_portal() {
    let stage = Stage::open().await;
    assert_eq!(stage.get(&stage.path("agreements")).await.refusal(), (404, "not-found"));
    let read = stage.admin(Method::GET, &stage.admin_path("/agreements")).send().await;
    assert_eq!(read.body, json!({ "version": 0 }));
    let tag = read.headers["etag"].to_str().unwrap().to_owned();
    let put =
        async |texts: &Value| stage.admin(Method::PUT, &stage.admin_path("/agreements")).header("if-match", &tag).json(texts).send().await;
    assert_eq!(put(&terms("<p>a</p>")).await.status, 200);
    assert_eq!(put(&terms("<p>b</p>")).await.refusal(), (412, "stale"));
    let stranger = stage.neighbour().await;
    let other = stage.get(&format!("/v1/portals/{}/agreements?version=1", stranger.portal)).await;
    assert_eq!(other.refusal(), (404, "not-found"), "S42");
}
