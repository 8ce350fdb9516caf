//! What belongs to another organisation is not there (S42, S43).

use http::Method;
use serde_json::{Value, json};

use crate::stage::{Stage, phone};

/// The key of a row of a whitelist.
const ROW: &str = "00112233445566778899aabbccddeeff";

#[tokio::test]
async fn nothing_of_another_organisation_can_be_read_or_changed() {
    let stage = Stage::open().await;
    stage.applicant(&phone(1)).await;
    let user = stage.users("pending").await[0].clone();
    let invitation = stage.invited(json!({ "address": "wang@example.com" })).await.text("id");
    let message = stage.ledger_page("").await[0]["id"].as_str().unwrap().to_owned();
    let stranger = stage.neighbour().await.administrator.session;
    let link = &stage.seeded.suffix;
    let before = stage.everything();
    let attempts: Vec<(Method, String, Option<Value>)> = vec![
        (Method::GET, stage.admin_path(""), None),
        (Method::PATCH, stage.admin_path(""), Some(json!({ "enabled": false }))),
        (Method::GET, stage.admin_path("/links"), None),
        (Method::POST, stage.admin_path("/links"), Some(json!({ "suffix": "stolen" }))),
        (Method::PUT, stage.admin_path(&format!("/links/{link}")), Some(json!({}))),
        (Method::DELETE, stage.admin_path(&format!("/links/{link}")), None),
        (Method::GET, stage.admin_path(&format!("/links/{link}/qr")), None),
        (Method::GET, stage.admin_path("/spend"), None),
        (Method::GET, stage.admin_path("/agreements"), None),
        (Method::PUT, stage.admin_path("/agreements"), Some(json!({}))),
        (Method::GET, stage.admin_path("/users"), None),
        (Method::GET, stage.admin_path(&format!("/users/{user}")), None),
        (Method::PATCH, stage.admin_path(&format!("/users/{user}")), Some(json!({ "status": "disabled" }))),
        (Method::DELETE, stage.admin_path(&format!("/users/{user}")), None),
        (Method::GET, stage.admin_path(&format!("/users/{user}/sessions")), None),
        (Method::DELETE, stage.admin_path(&format!("/users/{user}/sessions")), None),
        (Method::DELETE, stage.admin_path(&format!("/users/{user}/sessions/of-somebody")), None),
        (Method::DELETE, stage.admin_path(&format!("/users/{user}/wechat")), None),
        (Method::POST, stage.admin_path("/approvals"), Some(json!({ "users": [user], "decision": "approve" }))),
        (Method::POST, stage.admin_path("/admission"), Some(json!({ "address": phone(1) }))),
        (Method::GET, stage.admin_path("/whitelist/rows"), None),
        (Method::PUT, stage.admin_path("/whitelist/rows"), Some(json!({ "rows": [] }))),
        (Method::POST, stage.admin_path("/whitelist/rows"), Some(json!({ "rows": [] }))),
        (Method::DELETE, stage.admin_path("/whitelist/rows"), None),
        (Method::DELETE, stage.admin_path(&format!("/whitelist/rows/{ROW}")), None),
        (Method::POST, stage.admin_path("/invitations"), Some(json!({ "address": "li@example.com" }))),
        (Method::GET, stage.admin_path("/invitations"), None),
        (Method::POST, stage.admin_path("/invitations/actions"), Some(json!({ "invitations": [invitation], "action": "cancel" }))),
        (Method::DELETE, stage.admin_path(&format!("/invitations/{invitation}")), None),
        (Method::POST, stage.admin_path(&format!("/invitations/{invitation}/resend")), None),
        (Method::GET, stage.admin_path("/messages"), None),
        (Method::POST, stage.admin_path("/messages/search"), Some(json!({ "address": "wang@example.com" }))),
        (Method::GET, stage.admin_path(&format!("/messages/{message}")), None),
        (Method::POST, stage.admin_path(&format!("/messages/{message}/resend")), Some(json!({}))),
        (Method::GET, stage.admin_path("/message-figures"), None),
        (Method::GET, stage.admin_path("/message-settings"), None),
        (Method::PUT, stage.admin_path("/message-settings"), Some(json!({}))),
        (Method::POST, stage.admin_path("/message-settings/preview"), Some(json!({ "kind": "approved", "locale": "en" }))),
        (Method::POST, stage.admin_path("/notifications"), Some(json!({ "users": [user], "subject": "x", "text": "x" }))),
        (Method::DELETE, stage.admin_path("/suppressions"), Some(json!({ "address": "wang@example.com" }))),
    ];
    let ours = routes_below_a_portal();
    for route in &ours {
        assert!(
            attempts
                .iter()
                .any(|(method, path, _)| (method, shape(path, &stage, [&user, &invitation, &message])) == (&route.0, route.1.to_owned())),
            "{route:?} is not tried"
        );
    }
    for (method, path, body) in attempts {
        let call = stage.call(method.clone(), &path).bearer(&stranger);
        let answer = match &body {
            Some(body) => call.json(body).send().await,
            None => call.send().await,
        };
        assert_eq!(answer.refusal(), (404, "not-found"), "{method} {path}");
    }
    assert_eq!(before, stage.everything());
}

/// All administrative routes below a portal.
fn routes_below_a_portal() -> Vec<(Method, &'static str)> {
    crate::routes::all()
        .into_iter()
        .filter(|(_, route)| route.path.contains("/admin/portals/{portal}"))
        .map(|(_, route)| (route.method, route.path))
        .collect()
}

fn shape(path: &str, stage: &Stage, [user, invitation, message]: [&str; 3]) -> String {
    let path = path.replace(&stage.seeded.portal, "{portal}").replace(user, "{user}").replace(invitation, "{invitation}");
    let path = path.replace(message, "{message}");
    path.replace(&stage.seeded.suffix, "{link}").replace(ROW, "{row}").replace("of-somebody", "{session}")
}

#[tokio::test]
async fn a_user_of_one_portal_is_unknown_in_another_of_the_same_organisation() {
    let stage = Stage::open().await;
    stage.applicant(&phone(1)).await;
    let user = stage.users("pending").await[0].clone();
    let second = stage.admin(Method::POST, "/v1/admin/portals").json(&json!({ "application": "Second" })).send().await.text("id");
    let read = stage.admin(Method::GET, &format!("/v1/admin/portals/{second}/users/{user}")).send().await;
    assert_eq!(read.refusal(), (404, "not-found"));
    let body = json!({ "users": [user], "decision": "approve" });
    let decided = stage.admin(Method::POST, &format!("/v1/admin/portals/{second}/approvals")).json(&body).send().await;
    assert_eq!(decided.body["results"][0]["result"], "unknown");
    assert_eq!(stage.users("pending").await.len(), 1);
}
