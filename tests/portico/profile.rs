//! One's own account (F64, F80, F81), sessions (B8, S29), another address (S30), the end of an account (S69).

use futures_util::future::join_all;
use http::Method;
use serde_json::{Value, json};

use crate::stage::{Answer, Stage, phone};

impl Stage {
    pub(crate) async fn mine(&self, session: &str, method: Method, rest: &str, body: Option<Value>) -> Answer {
        let call = self.call(method, &format!("/v1/me{rest}")).bearer(session);
        match body {
            Some(body) => call.json(&body).send().await,
            None => call.send().await,
        }
    }

    async fn me(&self, session: &str) -> Answer {
        self.mine(session, Method::GET, "", None).await
    }

    /// A code to another address, brought back.
    async fn change_address(&self, session: &str, address: &str) -> Answer {
        let flow = self.flow_for("change-address", address).await;
        let proof = json!({ "flow": flow, "code": self.code_of(address) });
        self.mine(session, Method::PUT, "/address", Some(proof)).await
    }

    async fn user_id(&self, session: &str) -> String {
        self.who_am_i(session).await.body["user"]["id"].as_str().unwrap().to_owned()
    }

    /// A portal for anyone that asks for name and company, and somebody in it.
    async fn with_fields(&self) -> String {
        let label = json!({ "zh": "x", "en": "x" });
        let field = |id: &str, required: bool| json!({ "id": id, "type": "text", "label": label, "collect": true, "required": required });
        self.set(json!({ "access": "anyone", "fields": [field("name", true), field("company", false)] })).await;
        let ticket = self.prove(&phone(1)).await.text("ticket");
        self.register(&ticket, json!({ "name": "Li Na", "company": "Acme" })).await.text("session")
    }
}

/// All in the tables that is not text but holds it.
fn holds(stage: &Stage, text: &str) -> bool {
    use base64::{Engine, engine::general_purpose::STANDARD};
    let everything = stage.everything();
    let word = regex_lite::Regex::new(r#""([A-Za-z0-9+/]{16,}={0,2})""#).unwrap();
    let decoded = word.captures_iter(&everything).filter_map(|found| STANDARD.decode(&found[1]).ok());
    everything.contains(text) || decoded.into_iter().any(|bytes| String::from_utf8_lossy(&bytes).contains(text))
}

#[tokio::test]
async fn people_see_all_that_is_known_of_them() {
    // F80
    let stage = Stage::open().await;
    let session = stage.with_fields().await;
    let me = stage.me(&session).await.body;
    assert_eq!((&me["user"]["name"], &me["user"]["phone"], &me["user"]["status"]), (&json!("Li Na"), &json!(phone(1)), &json!("active")));
    assert_eq!(me["answers"], json!({ "name": "Li Na", "company": "Acme" }));
    assert_eq!(me["fields"].as_array().unwrap().len(), 2);
    assert_eq!((&me["portal"]["id"], &me["portal"]["link"]), (&json!(stage.seeded.portal), &json!(stage.seeded.suffix)));
    assert_eq!(
        (&me["password"], &me["totp"], &me["recoveryCodesLeft"], &me["picture"]),
        (&json!(false), &json!(false), &json!(0), &Value::Null)
    );
    assert_eq!((&me["mayChange"], &me["passwordMinLength"]), (&json!({ "name": true, "fields": true }), &json!(15)));
    assert!(me["registeredAt"].is_string() && me.get("consent").is_none());
}

#[tokio::test]
async fn fields_change_one_by_one_and_by_their_rules() {
    // F80
    let stage = Stage::open().await;
    let session = stage.with_fields().await;
    let change = async |body: Value| stage.mine(&session, Method::PATCH, "", Some(body)).await;
    let changed = change(json!({ "fields": { "name": " Li  Na Wang " }, "locale": "zh" })).await;
    assert_eq!((&changed.body["answers"]["company"], &changed.body["locale"]), (&json!("Acme"), &json!("zh")));
    assert_eq!(change(json!({ "fields": { "company": "" } })).await.body["answers"].get("company"), None);
    for (fields, pointer, code) in [
        (json!({ "name": "" }), "/fields/name", "required"),
        (json!({ "name": null }), "/fields/name", "required"),
        (json!({ "company": 7 }), "/fields/company", "invalid"),
        (json!({ "salary": "1" }), "/fields/salary", "unknown-field"),
        (json!({ "name": "x".repeat(101) }), "/fields/name", "too-long"),
    ] {
        let refused = change(json!({ "fields": fields })).await;
        assert_eq!(refused.refusal(), (422, "invalid"));
        assert_eq!((&refused.body["errors"][0]["pointer"], &refused.body["errors"][0]["code"]), (&json!(pointer), &json!(code)));
    }
    let before = stage.everything();
    for forbidden in ["role", "status", "phone", "email", "portal", "verified", "openid", "id"] {
        // S47
        let refused = change(json!({ forbidden: "active", "fields": { "name": "x" } })).await;
        assert_eq!((refused.refusal(), &refused.body["errors"][0]["pointer"]), ((422, "invalid"), &json!(format!("/{forbidden}"))));
    }
    assert_eq!(stage.everything(), before);
}

#[tokio::test]
async fn what_the_portal_locks_stays() {
    // F81
    let stage = Stage::open().await;
    let session = stage.with_fields().await;
    let change = async |field: &str| stage.mine(&session, Method::PATCH, "", Some(json!({ "fields": { field: "x" } }))).await.refusal().0;
    stage.set(json!({ "profile": { "name": false, "fields": true } })).await;
    assert_eq!((change("name").await, change("company").await), (403, 200));
    stage.set(json!({ "profile": { "name": true, "fields": false } })).await;
    assert_eq!((change("name").await, change("company").await), (200, 403));
    assert_eq!(stage.mine(&session, Method::PATCH, "", Some(json!({ "locale": "en" }))).await.status, 200);
    assert_eq!(stage.me(&session).await.body["mayChange"], json!({ "name": true, "fields": false }));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn changes_at_once_lose_nothing() {
    let stage = &Stage::open().await;
    let session = &stage.with_fields().await;
    let change = |body: Value| stage.mine(session, Method::PATCH, "", Some(body));
    let (name, company, locale) = tokio::join!(
        change(json!({ "fields": { "name": "New" } })),
        change(json!({ "fields": { "company": "Other" } })),
        change(json!({ "locale": "zh" }))
    );
    assert!([&name, &company, &locale].iter().all(|answer| answer.status == 200), "{name:?} {company:?} {locale:?}");
    let me = stage.me(session).await.body;
    assert_eq!((&me["answers"], &me["locale"]), (&json!({ "name": "New", "company": "Other" }), &json!("zh")));
}

#[tokio::test]
async fn a_new_address_is_proven_before_the_old_one_loses_effect() {
    // S30
    let stage = Stage::open().await;
    stage.open_to_anyone().await;
    let session = stage.signed_in(&phone(1)).await;
    let user = stage.user_id(&session).await;
    let flow = stage.flow_for("change-address", &phone(2)).await;
    let put = async |code: &str| stage.mine(&session, Method::PUT, "/address", Some(json!({ "flow": flow, "code": code }))).await;
    assert_eq!(stage.me(&session).await.body["user"]["phone"], phone(1), "asking changes nothing");
    let code = stage.code_of(&phone(2));
    let wrong = if code == "000000" { "000001" } else { "000000" };
    assert_eq!(put(wrong).await.refusal(), (422, "code-wrong"));
    assert_eq!(stage.me(&session).await.body["user"]["phone"], phone(1));
    stage.cloud.clock().advance(61);
    let told = |address: &str| stage.cloud.messages().list(Some(address)).into_iter().filter(|message| message.code().is_none()).count();
    assert_eq!(told(&phone(1)), 0);
    assert_eq!(put(&code).await.body["user"]["phone"], phone(2));
    assert_eq!((told(&phone(1)), told(&phone(2))), (1, 0), "the old address is told");
    assert_eq!(put(&code).await.refusal(), (422, "code-expired"), "once");
    let again = stage.signed_in(&phone(2)).await;
    assert_eq!(stage.user_id(&again).await, user);
    let other = stage.signed_in(&phone(1)).await;
    assert_ne!(stage.user_id(&other).await, user, "the old one is free for others");
    assert_eq!(stage.seats_used().await, 2);
}

#[tokio::test]
async fn a_mailbox_is_added_and_a_taken_address_refused() {
    // S30
    let stage = Stage::open().await;
    stage.open_to_anyone().await;
    let session = stage.signed_in(&phone(1)).await;
    stage.signed_in(&phone(2)).await;
    assert_eq!(stage.change_address(&session, "li@example.com").await.body["user"]["email"], "li@example.com");
    stage.cloud.clock().advance(61);
    let mailbox = stage.signed_in("li@example.com").await;
    assert_eq!(stage.user_id(&mailbox).await, stage.user_id(&session).await);
    let before = stage.rows("UsersTable", |row| row["sk"] == "CLAIM");
    stage.cloud.clock().advance(61);
    assert_eq!(stage.change_address(&session, &phone(2)).await.refusal(), (409, "already-bound"));
    assert_eq!(stage.me(&session).await.body["user"]["phone"], phone(1));
    assert_eq!(stage.rows("UsersTable", |row| row["sk"] == "CLAIM"), before);
    // A code for something else is none for this (S2), nor is one of another portal (S42).
    let flow = stage.flow(&phone(3)).await;
    let proof = json!({ "flow": flow, "code": stage.code_of(&phone(3)) });
    assert_eq!(stage.mine(&session, Method::PUT, "/address", Some(proof)).await.refusal(), (422, "code-expired"));
    let stranger = stage.neighbour().await;
    let body = json!({ "address": phone(4), "purpose": "change-address" });
    let flow = stage.post(&format!("/v1/portals/{}/codes", stranger.portal), body).await.text("flow");
    let proof = json!({ "flow": flow, "code": stage.code_of(&phone(4)) });
    assert_eq!(stage.mine(&session, Method::PUT, "/address", Some(proof)).await.refusal(), (422, "code-expired"));
}

#[tokio::test]
async fn two_who_want_one_address_at_once_do_not_both_get_it() {
    // R8, S30
    let stage = &Stage::open().await;
    stage.open_to_anyone().await;
    let (first, second) = (stage.signed_in(&phone(1)).await, stage.signed_in(&phone(2)).await);
    let flow = stage.flow_for("change-address", &phone(3)).await;
    let proof = json!({ "flow": flow, "code": stage.code_of(&phone(3)) });
    let put = |session: String| {
        let proof = proof.clone();
        async move { stage.mine(&session, Method::PUT, "/address", Some(proof)).await.status.as_u16() }
    };
    let mut statuses = join_all([put(first), put(second)]).await;
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 422]);
    assert_eq!(stage.rows("UsersTable", |row| row["phone"] == phone(3)), 1);
}

#[tokio::test]
async fn people_list_and_end_their_sessions() {
    // B8, S29
    let stage = Stage::open().await;
    stage.open_to_anyone().await;
    let first = stage.signed_in(&phone(1)).await;
    stage.cloud.clock().advance(61);
    let second = stage.signed_in(&phone(1)).await;
    let other = stage.signed_in(&phone(2)).await;
    let list = async |session: &str| stage.mine(session, Method::GET, "/sessions", None).await.body["sessions"].as_array().unwrap().clone();
    let sessions = list(&second).await;
    assert_eq!(sessions.iter().map(|session| &session["current"]).collect::<Vec<_>>(), [&json!(true), &json!(false)]);
    assert_eq!((&sessions[0]["method"], &sessions[0]["client"]), (&json!("code"), &json!("127.0.0.1")));
    assert!(sessions.iter().all(|session| session["authenticatedAt"].is_string() && session["expiresAt"].is_string()));
    let end =
        async |session: &str, id: &Value| stage.mine(session, Method::DELETE, &format!("/sessions/{}", id.as_str().unwrap()), None).await;
    // S42: the name of somebody else's session is none here, and opens nothing.
    let theirs = list(&other).await[0]["id"].clone();
    assert_eq!(end(&second, &theirs).await.refusal(), (404, "not-found"));
    assert_eq!(stage.who_am_i(&other).await.status, 200);
    assert_eq!(stage.who_am_i(theirs.as_str().unwrap()).await.status, 401);
    assert_eq!(end(&second, &sessions[1]["id"]).await.status, 204);
    assert_eq!((stage.who_am_i(&first).await.status.as_u16(), stage.who_am_i(&second).await.status.as_u16()), (401, 200));
    let own = end(&second, &sessions[0]["id"]).await;
    assert!(own.headers["set-cookie"].to_str().unwrap().contains("Max-Age=0"));
    assert_eq!(stage.who_am_i(&second).await.status, 401);
}

#[tokio::test]
async fn administrators_end_one_or_all_sessions_of_a_user() {
    // B8, S29
    let stage = Stage::open().await;
    stage.open_to_anyone().await;
    let mut sessions = Vec::new();
    for _ in 0..3 {
        sessions.push(stage.signed_in(&phone(1)).await);
        stage.cloud.clock().advance(61);
    }
    let other = stage.signed_in(&phone(2)).await;
    let user = |id: String| stage.admin_path(&format!("/users/{id}/sessions"));
    let (path, others) = (user(stage.user_id(&sessions[0]).await), user(stage.user_id(&other).await));
    let listed = stage.admin(Method::GET, &path).send().await.body["sessions"].as_array().unwrap().clone();
    assert!(listed.len() == 3 && listed.iter().all(|session| session.get("current").is_none()));
    let id = listed[0]["id"].as_str().unwrap();
    // S42: of another user, there is no such session.
    assert_eq!(stage.admin(Method::DELETE, &format!("{others}/{id}")).send().await.refusal(), (404, "not-found"));
    assert_eq!(stage.admin(Method::DELETE, &format!("{path}/{id}")).send().await.status, 204);
    assert_eq!((stage.who_am_i(&sessions[2]).await.status.as_u16(), stage.who_am_i(&sessions[1]).await.status.as_u16()), (401, 200));
    assert_eq!(stage.admin(Method::DELETE, &path).send().await.status, 204);
    for session in &sessions {
        assert_eq!(stage.who_am_i(session).await.status, 401);
    }
    assert_eq!(stage.who_am_i(&other).await.status, 200);
}

#[tokio::test]
async fn a_deleted_account_leaves_nothing_but_a_trail() {
    // F64, S69
    let stage = Stage::open().await;
    let session = stage.with_fields().await;
    stage.change_address(&session, "li@example.com").await;
    let keyed = stage.call(Method::PATCH, "/v1/me").header("idempotency-key", "k").bearer(&session);
    keyed.json(&json!({ "fields": { "name": "Li Na Wang" } })).send().await;
    stage.cloud.clock().advance(61);
    stage.flow_for("reset-password", "li@example.com").await;
    let user = stage.user_id(&session).await;
    let personal = [&phone(1)[1..], "li@example.com", "Li Na", "Acme"];
    assert!(personal.iter().all(|text| holds(&stage, text)), "the search finds what is there");
    let gone = stage.mine(&session, Method::DELETE, "", None).await;
    assert_eq!(gone.status, 204);
    assert!(gone.headers["set-cookie"].to_str().unwrap().contains("Max-Age=0"));
    for text in personal {
        assert!(!holds(&stage, text), "{text} is still there: {}", stage.everything());
    }
    assert_eq!((stage.who_am_i(&session).await.refusal(), stage.sessions(), stage.seats_used().await), ((401, "signed-out"), 0, 0));
    let rows = stage.cloud.database().items("UsersTable").unwrap();
    let left: Vec<_> = rows.iter().filter(|row| row.to_string().contains(&user)).collect();
    assert_eq!(left.len(), 1, "{left:?}");
    assert!(left[0]["deletedAt"].is_string() && left[0].get("by").is_none() && left[0]["user"] == user);
    stage.cloud.clock().advance(61);
    let collect = stage.prove(&phone(1)).await;
    assert_eq!((collect.step(), collect.body.get("answers")), ("collect", None), "signing up again begins anew");
    let back = stage.register(&collect.text("ticket"), json!({ "name": "Li Na" })).await;
    assert_ne!(back.body["user"]["id"], user);
}

#[tokio::test]
async fn administrators_delete_users_and_are_named_for_it() {
    // F58, S69
    let stage = Stage::open().await;
    let session = stage.with_fields().await;
    let user = stage.user_id(&session).await;
    let path = stage.admin_path(&format!("/users/{user}"));
    assert_eq!(stage.admin(Method::DELETE, &path).send().await.status, 204);
    assert_eq!(stage.admin(Method::DELETE, &path).send().await.refusal(), (404, "not-found"));
    assert_eq!((stage.who_am_i(&session).await.status.as_u16(), stage.seats_used().await), (401, 0));
    let rows = stage.cloud.database().items("UsersTable").unwrap();
    let trail = rows.iter().find(|row| row["user"] == user && row.get("deletedAt").is_some()).unwrap();
    let member = rows.iter().find(|row| row["sk"].as_str().is_some_and(|sk| sk.starts_with("MEMBER#"))).unwrap();
    assert_eq!(trail["by"], member["id"]);
    assert!(!holds(&stage, "Li Na") && !holds(&stage, &phone(1)[1..]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn deleting_disabling_and_approving_at_once_free_each_seat_once() {
    // R7, S69
    let stage = &Stage::for_crowds().await;
    stage.open_to_anyone().await;
    let mut people = Vec::new();
    for index in 0..8 {
        let session = stage.signed_in(&phone(index)).await;
        people.push((stage.user_id(&session).await, session));
    }
    join_all(people.iter().map(|(user, session)| async move {
        let path = stage.admin_path(&format!("/users/{user}"));
        let change = |status: &'static str| stage.admin(Method::PATCH, &path).json(&json!({ "status": status })).send();
        let (own, administrators, first, second, third) = tokio::join!(
            stage.mine(session, Method::DELETE, "", None),
            stage.admin(Method::DELETE, &path).send(),
            change("disabled"),
            change("active"),
            change("disabled")
        );
        for answer in [own, administrators, first, second, third] {
            assert!(!answer.status.is_server_error(), "{answer:?}");
        }
    }))
    .await;
    // Who was disabled before the session was read could not delete the account; the administrator did.
    assert_eq!(stage.rows("UsersTable", |row| row.get("deletedAt").is_some()), 8);
    assert_eq!((stage.seats_used().await, stage.rows("UsersTable", |row| row["sk"] == "CLAIM")), (0, 0));

    stage.set(json!({ "access": "approved" })).await;
    stage.cloud.clock().advance(61);
    for index in 0..8 {
        assert_eq!(stage.prove(&phone(index)).await.step(), "awaitingApproval");
    }
    let waiting = stage.users("pending").await;
    join_all(waiting.iter().map(|user| async move {
        let path = stage.admin_path(&format!("/users/{user}"));
        let one = std::slice::from_ref(user);
        let (deleted, _) = tokio::join!(stage.admin(Method::DELETE, &path).send(), stage.decide(one, "approve"));
        assert_eq!(deleted.status, 204);
    }))
    .await;
    assert_eq!((stage.seats_used().await, stage.users("active").await.len()), (0, 0));
}
