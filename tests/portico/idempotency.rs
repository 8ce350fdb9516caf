//! Calls with an `Idempotency-Key`: sent twice, done once (R1 to R3).

use std::{collections::BTreeSet, time::Duration};

use futures_util::future::join_all;
use http::Method;
use portico_domain::member::Right;
use portico_http::{Access, takes_key};
use portico_local::meter::{Fault, Rule};
use portico_store::{MemberToken, Store, Table};
use serde_json::{Value, json};

use crate::{
    routes,
    stage::{Answer, Call, Stage, phone},
};

const KEY: &str = "8e03978e-40d5-43dd-bc93-6894a57f9324";

impl Stage {
    /// Opens a portal as the administrator, with a key.
    async fn open_portal(&self, key: &str, application: &str) -> Answer {
        keyed(self.admin(Method::POST, "/v1/admin/portals"), key, &json!({ "application": application })).await
    }

    async fn portals(&self) -> usize {
        self.admin(Method::GET, "/v1/admin/portals").send().await.body["portals"].as_array().unwrap().len()
    }

    /// The calls whose turn was taken.
    fn keyed_calls(&self) -> usize {
        self.rows("CodesTable", |row| row["sk"] == "ANSWER")
    }
}

async fn keyed(call: Call, key: &str, body: &Value) -> Answer {
    call.header("idempotency-key", key).json(body).send().await
}

/// Asks as a client does that is told to come back.
async fn until_answered(send: impl AsyncFn() -> Answer) -> Answer {
    for _ in 0..100 {
        let answer = send().await;
        if answer.refusal() != (409, "in-progress") {
            return answer;
        }
        assert_eq!((&answer.headers["retry-after"], &answer.body["retryAfter"]), (&"1".parse().unwrap(), &json!(1)));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("no answer came");
}

/// That all answers are the same, to the byte.
fn same(answers: &[Answer]) -> &Answer {
    for answer in answers {
        let headers = |answer: &Answer| ["content-type", "etag", "location"].map(|name| answer.headers.get(name).cloned());
        assert_eq!((answer.status, &answer.body, headers(answer)), (answers[0].status, &answers[0].body, headers(&answers[0])));
    }
    &answers[0]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn twins_open_one_portal() {
    // R1
    let stage = &Stage::open().await;
    let answers = join_all((0..8).map(|_| until_answered(|| stage.open_portal(KEY, "Twins")))).await;
    let portal = same(&answers);
    assert_eq!(portal.status, 201);
    assert!(portal.headers.contains_key("etag") && portal.headers.contains_key("location"));
    assert_eq!(stage.portals().await, 2, "the first and this one");
    assert_eq!(stage.open_portal("another-key", "Twins").await.status, 201);
    assert_eq!(stage.portals().await, 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn twins_decide_and_tell_once() {
    // R1
    let stage = &Stage::open().await;
    stage.applicant(&phone(1)).await;
    let body = &json!({ "users": stage.users("pending").await, "decision": "approve" });
    let decide = || keyed(stage.admin(Method::POST, &stage.admin_path("/approvals")), KEY, body);
    let answers = join_all((0..8).map(|_| until_answered(decide))).await;
    assert_eq!(same(&answers).body["results"][0]["result"], "approved");
    let news = stage.cloud.messages().list(Some(&phone(1))).into_iter().filter(|message| message.code().is_none()).count();
    assert_eq!((news, stage.seats_used().await), (1, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_send_that_is_tapped_twice_sends_one_code() {
    // R1, S9
    let stage = &Stage::open().await;
    let body = &json!({ "address": phone(1), "purpose": "sign-in" });
    let send = || keyed(stage.call(Method::POST, &stage.path("codes")), KEY, body);
    let answers = join_all((0..8).map(|_| until_answered(send))).await;
    let sent = same(&answers);
    assert_eq!((sent.status.as_u16(), stage.cloud.messages().list(None).len()), (202, 1));
    assert_eq!(stage.verify(&sent.text("flow"), &stage.code_of(&phone(1))).await.step(), "collect");
    let from_elsewhere = keyed(stage.call_from("127.0.0.2", Method::POST, &stage.path("codes")), KEY, body).await;
    assert_eq!(from_elsewhere.refusal(), (429, "too-many-requests"), "another client's key is another key");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_twin_is_told_to_wait_while_the_first_runs() {
    // R1
    let stage = &Stage::open().await;
    stage.cloud.meter().fail(Rule::next("TransactWriteItems", Fault::Delayed(Duration::from_millis(1_500))));
    let second = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        let waits = stage.open_portal(KEY, "Slow").await;
        assert_eq!(waits.refusal(), (409, "in-progress"));
        assert_eq!(stage.open_portal(KEY, "Other").await.refusal(), (422, "idempotency-mismatch"), "R2 holds meanwhile too");
        until_answered(|| stage.open_portal(KEY, "Slow")).await
    };
    let (first, second) = tokio::join!(stage.open_portal(KEY, "Slow"), second);
    assert_eq!((same(&[first, second]).status.as_u16(), stage.portals().await), (201, 2));
}

#[tokio::test]
async fn a_key_means_one_request() {
    // R2
    let stage = Stage::open().await;
    let links = stage.admin_path("/links");
    let first = keyed(stage.admin(Method::POST, &links), KEY, &json!({ "suffix": "first" })).await;
    assert_eq!(first.status, 201, "{first:?}");
    let other = keyed(stage.admin(Method::POST, &links), KEY, &json!({ "suffix": "second" })).await;
    assert_eq!(other.refusal(), (422, "idempotency-mismatch"));
    let query = keyed(stage.admin(Method::POST, &format!("{links}?x=1")), KEY, &json!({ "suffix": "first" })).await;
    assert_eq!(query.refusal(), (422, "idempotency-mismatch"));
    let version = stage.admin(Method::POST, &links).header("if-match", "\"7\"");
    assert_eq!(keyed(version, KEY, &json!({ "suffix": "first" })).await.refusal(), (422, "idempotency-mismatch"));
    let quoted = keyed(stage.admin(Method::POST, &links), &format!("\"{KEY}\""), &json!({ "suffix": "first" })).await;
    same(&[first, quoted]);

    let change = |suffix: &str| stage.admin(Method::PUT, &format!("{links}/{suffix}"));
    assert_eq!(keyed(change("first"), KEY, &json!({ "role": "partner" })).await.status, 200, "another route is another call");
    assert_eq!(keyed(change("second"), KEY, &json!({ "role": "partner" })).await.refusal(), (422, "idempotency-mismatch"));
    let remove = || stage.admin(Method::DELETE, &format!("{links}/first")).header("idempotency-key", KEY).send();
    assert_eq!([remove().await.status, remove().await.status], [204, 204], "gone once, not 404 the second time");
}

#[tokio::test]
async fn refusals_are_repeated_and_faults_are_tried_again() {
    let stage = Stage::open().await;
    let take = async |key: &str, language: &str| {
        let call = stage.admin(Method::POST, &stage.admin_path("/links")).header("accept-language", language);
        keyed(call, key, &json!({ "suffix": stage.seeded.suffix })).await
    };
    let answers = [take(KEY, "zh").await, take(KEY, "en").await];
    assert_eq!(same(&answers).refusal(), (409, "suffix-taken"), "{answers:?}");
    assert_eq!(take("another", "en").await.text("title"), "This link is taken");

    stage.cloud.meter().fail(Rule::next("TransactWriteItems", Fault::Internal).times(50));
    assert_eq!(stage.open_portal(KEY, "Later").await.refusal(), (503, "unavailable"));
    stage.cloud.meter().reset();
    assert_eq!(stage.open_portal(KEY, "Other").await.refusal(), (422, "idempotency-mismatch"), "the key stays with its request");
    same(&[stage.open_portal(KEY, "Later").await, stage.open_portal(KEY, "Later").await]);
    assert_eq!(stage.portals().await, 2);
}

#[tokio::test]
async fn a_refusal_that_says_when_to_come_back_holds_until_then() {
    let stage = Stage::open().await;
    stage.flow(&phone(1)).await;
    let body = json!({ "address": phone(1), "purpose": "sign-in" });
    let send = || keyed(stage.call(Method::POST, &stage.path("codes")), KEY, &body);
    let refused = [send().await, send().await];
    let wait = same(&refused).body["retryAfter"].as_i64().unwrap();
    assert_eq!(refused[0].refusal(), (429, "too-many-requests"));
    stage.cloud.clock().advance(wait);
    assert_eq!(send().await.status, 202);
}

#[tokio::test]
async fn a_key_is_free_again_after_a_day() {
    // R25: nothing cleans up here
    let mut stage = Stage::open().await;
    let first = stage.open_portal(KEY, "First").await;
    for (seconds, repeated) in [(86_395, true), (6, false)] {
        stage.cloud.clock().advance(seconds);
        let session = stage.post("/_local/organisations", json!({ "suffix": stage.seeded.suffix })).await;
        stage.seeded.administrator.session = session.body["administrator"]["session"].as_str().unwrap().to_owned();
        let answer = stage.open_portal(KEY, "First").await;
        assert_eq!((answer.status.as_u16(), answer.body == first.body), (201, repeated), "after {seconds} seconds more");
    }
    assert_eq!(stage.open_portal(KEY, "Second").await.refusal(), (422, "idempotency-mismatch"), "and taken anew");
    assert_eq!(stage.portals().await, 3);
}

#[tokio::test]
async fn a_call_that_died_blocks_its_key_for_half_a_minute_and_is_not_done_twice() {
    // R3: a function that dies keeps no answer, as one whose last write fails
    let stage = Stage::open().await;
    stage.applicant(&phone(1)).await;
    let body = json!({ "users": stage.users("pending").await, "decision": "approve" });
    let decide = || keyed(stage.admin(Method::POST, &stage.admin_path("/approvals")), KEY, &body);
    stage.cloud.meter().fail(Rule::next("UpdateItem", Fault::Dropped).times(50).containing("#CALL#"));
    assert_eq!(decide().await.body["results"][0]["result"], "approved", "what was done is told");
    stage.cloud.meter().reset();
    assert_eq!(decide().await.refusal(), (409, "in-progress"));
    stage.cloud.clock().advance(36);
    let other = json!({ "users": body["users"], "decision": "reject" });
    let changed = keyed(stage.admin(Method::POST, &stage.admin_path("/approvals")), KEY, &other).await;
    assert_eq!(changed.refusal(), (422, "idempotency-mismatch"), "R2 outlives the death");
    let answers = [decide().await, decide().await];
    assert_eq!(same(&answers).body["results"][0]["result"], "conflict", "decided already, by the call that died");
    let news = stage.cloud.messages().list(Some(&phone(1))).into_iter().filter(|message| message.code().is_none()).count();
    assert_eq!((news, stage.seats_used().await), (1, 1));
}

#[tokio::test]
async fn a_call_that_was_overtaken_does_not_change_the_answer() {
    let stage = &Stage::open().await;
    stage.cloud.meter().fail(Rule::next("TransactWriteItems", Fault::Delayed(Duration::from_millis(1_000))));
    let overtake = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        stage.cloud.clock().advance(36);
        stage.open_portal(KEY, "Slow").await
    };
    let (_, second) = tokio::join!(stage.open_portal(KEY, "Slow"), overtake);
    same(&[second, stage.open_portal(KEY, "Slow").await]);
}

#[tokio::test]
async fn lost_answers_of_the_tables_change_nothing() {
    // R3
    let stage = Stage::open().await;
    for (index, operation) in ["PutItem", "TransactWriteItems", "UpdateItem"].into_iter().enumerate() {
        stage.cloud.meter().fail(Rule::next(operation, Fault::AnswerLost));
        let key = format!("key-{index}");
        let answers = [stage.open_portal(&key, "Lost").await, stage.open_portal(&key, "Lost").await];
        assert_eq!((same(&answers).status.as_u16(), stage.portals().await), (201, index + 2), "{operation}");
    }
    stage.cloud.meter().fail(Rule::next("PutItem", Fault::Throttled).times(50));
    assert_eq!(stage.open_portal(KEY, "x").await.refusal(), (503, "unavailable"), "without a turn nothing is done");
    stage.cloud.meter().reset();
    assert_eq!(stage.portals().await, 4);
}

#[tokio::test]
async fn the_same_key_of_others_is_another_one() {
    // S42, S43
    let stage = Stage::open().await;
    let neighbour = stage.neighbour().await;
    let colleague = colleague(&stage, &Right::ALL).await;
    let own = stage.open_portal(KEY, "Same").await;
    for session in [&neighbour.administrator.session, &colleague] {
        let call = || stage.call(Method::POST, "/v1/admin/portals").bearer(session);
        let theirs = keyed(call(), KEY, &json!({ "application": "Same" })).await;
        assert_eq!(theirs.status, 201);
        assert_ne!(theirs.text("id"), own.text("id"));
        assert_eq!(keyed(call(), KEY, &json!({ "application": "Other" })).await.refusal(), (422, "idempotency-mismatch"));
    }
    assert_eq!(stage.portals().await, 3);
}

/// Another member of the organisation, with these rights: their session.
pub(crate) async fn colleague(stage: &Stage, rights: &[Right]) -> String {
    let endpoint = stage.cloud.database().endpoint();
    let dynamodb = async |operation: &str, body: Value| -> Value {
        let request = reqwest::Client::builder().no_proxy().build().unwrap().post(endpoint);
        let request = request.header("x-amz-target", format!("DynamoDB_20120810.{operation}"));
        let request = request.header("content-type", "application/x-amz-json-1.0").header("x-amz-date", "20260101T000000Z");
        // Asked for by the built-in database, and not looked into.
        let nobody = "AWS4-HMAC-SHA256 Credential=a/20260101/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=0";
        let request = request.header("authorization", nobody);
        let answer = request.body(body.to_string()).send().await.unwrap();
        assert!(answer.status().is_success(), "{operation}: {:?}", answer.text().await);
        answer.json().await.unwrap()
    };
    let organisation = format!("ORG#{}", stage.seeded.organisation);
    let values = json!({ ":pk": { "S": organisation }, ":sk": { "S": "MEMBER#" } });
    let table = stage.cloud.environment_of("portals")["USERS_TABLE"].clone();
    let query =
        json!({ "TableName": table, "KeyConditionExpression": "pk = :pk AND begins_with(sk, :sk)", "ExpressionAttributeValues": values });
    let mut member = dynamodb("Query", query).await["Items"][0].clone();
    let id = "01KAMQ3ZB7W0GJ5Q4S9T2X8Y6V";
    member["sk"] = json!({ "S": format!("MEMBER#{id}") });
    member["id"] = json!({ "S": id });
    member["rights"] = json!({ "S": json!(rights).to_string() });
    dynamodb("PutItem", json!({ "TableName": table, "Item": member })).await;
    let store = Store::open(&stage.cloud.deployment("portals"), &[Table::Users]).unwrap();
    let token = MemberToken::new(stage.seeded.organisation.parse().unwrap(), id.parse().unwrap(), [7; 32]);
    let tomorrow = stage.cloud.clock().now() + jiff::SignedDuration::from_hours(12);
    store.open_member_session(&token, tomorrow).await.unwrap();
    token.reveal()
}

#[tokio::test]
async fn a_key_opens_no_door() {
    // S26, S44
    let stage = Stage::open().await;
    let neighbour = stage.neighbour().await;
    let links = stage.admin_path("/links");
    let body = json!({ "suffix": "first" });
    assert_eq!(keyed(stage.admin(Method::POST, &links), KEY, &body).await.status, 201);
    assert_eq!(keyed(stage.call(Method::POST, &links), KEY, &body).await.refusal(), (401, "signed-out"));
    let stranger = stage.call(Method::POST, &links).bearer(&neighbour.administrator.session);
    assert_eq!(keyed(stranger, KEY, &body).await.refusal(), (404, "not-found"));
    assert_eq!(stage.keyed_calls(), 1, "who may not call takes no turn");
}

#[tokio::test]
async fn malformed_keys_are_refused_before_anything_is_done() {
    let stage = Stage::open().await;
    let long = "x".repeat(256);
    for key in ["", "\"\"", "\"open", "\"a\" b", "two, keys", "a,b", &long] {
        assert_eq!(stage.open_portal(key, "x").await.refusal(), (400, "idempotency-key-malformed"), "{key}");
    }
    let twice = stage.admin(Method::POST, "/v1/admin/portals").header("idempotency-key", "a").header("idempotency-key", "b");
    assert_eq!(twice.json(&json!({ "application": "x" })).send().await.refusal(), (400, "idempotency-key-malformed"));
    assert_eq!((stage.portals().await, stage.keyed_calls()), (1, 0));
    let large = stage.admin(Method::POST, "/v1/admin/portals").header("idempotency-key", KEY);
    assert_eq!(large.body("application/json", " ".repeat(70_000)).send().await.refusal(), (413, "too-large"));
    let nowhere = stage.call(Method::POST, "/v1/portals/x/codes");
    assert_eq!(keyed(nowhere, KEY, &json!({ "address": phone(1), "purpose": "sign-in" })).await.refusal(), (404, "not-found"));
    let put = stage.admin(Method::PUT, "/v1/admin/portals").header("idempotency-key", KEY).json(&json!({})).send().await;
    assert_eq!(put.refusal(), (405, "method-not-allowed"));
    assert_eq!(stage.keyed_calls(), 0);
    assert_eq!(
        stage.admin(Method::GET, "/v1/admin/portals").header("idempotency-key", "").send().await.status,
        200,
        "safe methods take none"
    );
}

#[tokio::test]
async fn without_a_key_nothing_more_is_read_or_written() {
    let stage = Stage::open().await;
    let meter = stage.cloud.meter();
    let calls = async |key: Option<&str>| {
        meter.reset();
        let call = stage.admin(Method::POST, "/v1/admin/portals").json(&json!({ "application": "x" }));
        let call = key.into_iter().fold(call, |call, key| call.header("idempotency-key", key));
        assert_eq!(call.send().await.status, 201);
        meter.calls().into_iter().map(|call| format!("{} {}", call.operation, call.tables.join(" "))).collect::<Vec<_>>()
    };
    let (bare, keyed, again) = (calls(None).await, calls(Some(KEY)).await, calls(Some(KEY)).await);
    assert!(bare.iter().all(|call| !call.contains("Codes")), "{bare:?}");
    assert_eq!(keyed.len(), bare.len() + 2, "a turn and an answer: {keyed:?}");
    assert_eq!(again.len(), 2, "the caller and the answer: {again:?}");
    assert_eq!(stage.keyed_calls(), 1);
}

#[tokio::test]
async fn neither_keys_nor_sessions_are_stored() {
    // S10, S22
    let stage = Stage::open().await;
    stage.open_to_anyone().await;
    let flow = stage.flow(&phone(1)).await;
    let body = json!({ "flow": flow, "code": stage.code_of(&phone(1)) });
    let call = stage.call(Method::POST, &stage.path("sessions")).header("accept", "application/json");
    let session = keyed(call, KEY, &body).await.text("session");
    assert_eq!(stage.keyed_calls(), 0, "routes that answer with a session take no key");
    stage.open_portal(KEY, "x").await;
    assert_eq!(stage.keyed_calls(), 1);
    let everything = stage.everything();
    for secret in [KEY, &session, &stage.seeded.administrator.session] {
        assert!(!everything.contains(secret), "{secret}");
    }
}

#[tokio::test]
async fn the_tables_do_not_show_what_was_answered() {
    // S48: the answer to an invitation is its link, which a repetition gets again
    use base64::{Engine, engine::general_purpose::STANDARD};
    let stage = Stage::open().await;
    let invite = async || {
        let body = json!({ "address": phone(1), "notify": false });
        keyed(stage.admin(Method::POST, &stage.admin_path("/invitations")), KEY, &body).await
    };
    let first = invite().await;
    let (_, token) = first.body["url"].as_str().unwrap().split_once("#invitation=").unwrap();
    let kept: Vec<Value> =
        stage.cloud.database().items("CodesTable").unwrap().into_iter().filter(|row| row["body"]["B"].is_string()).collect();
    assert_eq!(kept.len(), 1);
    let body = STANDARD.decode(kept[0]["body"]["B"].as_str().unwrap()).unwrap();
    let shows = |text: &str| body.windows(text.len()).any(|part| part == text.as_bytes());
    assert!(body.len() > 100 && !shows(token) && !shows(&phone(1)) && !shows("url"), "{}", String::from_utf8_lossy(&body));
    assert!(!stage.everything().contains(token));
    assert!(!kept[0]["secretVersion"].as_str().unwrap().is_empty(), "not even a key that is easily guessed opens it");
    stage.cloud.rotate_secret().unwrap();
    stage.cloud.clock().advance(700);
    assert_eq!(invite().await.body, first.body, "also after a rotation");
    assert_eq!(stage.cloud.database().items("CodesTable").unwrap().into_iter().filter(|row| row["body"]["B"].is_string()).count(), 1);
}

#[test]
fn every_unsafe_route_takes_a_key_or_is_one_of_these() {
    // A route comes here only if its answer carries a session, a ticket or a token (S22), or if doing it twice is doing it once.
    let expected = "\
DELETE /v1/me/totp
DELETE /v1/portals/{portal}/wechat/scans/{scan}/confirmation
DELETE /v1/session
DELETE /v1/sessions
POST /v1/me/totp
POST /v1/portals/{portal}/invitation
POST /v1/portals/{portal}/password
POST /v1/portals/{portal}/password-sessions
POST /v1/portals/{portal}/registration
POST /v1/portals/{portal}/registration/status
POST /v1/portals/{portal}/sessions
POST /v1/portals/{portal}/wechat/scans
POST /v1/portals/{portal}/wechat/scans/{scan}/confirmation
POST /v1/portals/{portal}/wechat/scans/{scan}/session
POST /v1/session/token
POST /v1/wechat/events/{account}
PUT /v1/me/totp";
    let (keyed, others): (Vec<_>, Vec<_>) = routes::all()
        .into_iter()
        .map(|(_, route)| route)
        .filter(|route| !route.method.is_safe())
        .partition(|route| takes_key(&route.method, route.path));
    let others: BTreeSet<_> = others.iter().map(|route| format!("{} {}", route.method, route.path)).collect();
    assert_eq!(others.into_iter().collect::<Vec<_>>().join("\n"), expected);
    let anonymous: Vec<_> = keyed.iter().filter(|route| route.access == Access::Anonymous).map(|route| route.path).collect();
    assert_eq!(anonymous, ["/v1/portals/{portal}/codes"]);
}

#[test]
fn the_openapi_document_declares_the_header_where_it_is_taken() {
    let document: Value = serde_json::to_value(portico_local::openapi::document()).unwrap();
    for (_, route) in routes::all() {
        let operation = &document["paths"][route.path][route.method.as_str().to_lowercase()];
        let parameters: Vec<_> = operation["parameters"].as_array().into_iter().flatten().collect();
        let declared: Vec<_> = parameters.iter().filter(|parameter| parameter["name"] == "Idempotency-Key").collect();
        assert_eq!(declared.len() == 1, takes_key(&route.method, route.path), "{} {}", route.method, route.path);
        for parameter in declared {
            assert_eq!((&parameter["in"], &parameter["required"]), (&json!("header"), &json!(false)));
            let pattern = regex_lite::Regex::new(parameter["schema"]["pattern"].as_str().unwrap()).unwrap();
            let long = "x".repeat(256);
            for (key, good) in [
                (KEY, true),
                ("\"a b\"", true),
                (r#""a\"b""#, true),
                ("a b", false),
                ("a,b", false),
                ("", false),
                ("\"\"", false),
                (&long, false),
            ] {
                assert_eq!(pattern.is_match(key), good, "{key}");
            }
        }
    }
}
