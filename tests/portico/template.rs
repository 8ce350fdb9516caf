//! The template against the code and against our own rules: routes, environment, rights, tables (S66, S67).

use std::collections::{BTreeMap, BTreeSet};

use http::Method;
use portico_http::{Access, Route, takes_key};
use portico_local::template::Template;
use portico_runtime::deployment::VARIABLES;
use serde_json::json;

use crate::{
    passwords::PASSWORD,
    pictures, routes,
    stage::{Stage, phone},
    wechat::Browser,
    wechat_scan::Scan,
};

fn text() -> String {
    std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../template.yaml")).unwrap()
}

fn template() -> Template {
    Template::read(&text(), &BTreeMap::from([("SenderAddress".to_owned(), "noreply@example.com".to_owned())])).unwrap()
}

#[test]
fn every_route_of_the_code_is_in_the_template_under_its_function_and_no_other() {
    let mut code: BTreeSet<(String, String)> =
        routes::all().into_iter().map(|(function, route)| (function.to_owned(), route.path.to_owned())).collect();
    // What no other route takes is answered with a problem by this function.
    code.insert(("portal-page".into(), "$default".into()));
    let mut declared = BTreeSet::new();
    for function in template().functions {
        for route in function.routes {
            assert!(route.method == "ANY" || route.path == "$default", "{}: the function itself answers other methods", route.path);
            assert!(declared.insert((function.crate_name.clone(), route.path)), "{} is declared twice", function.crate_name);
        }
    }
    assert_eq!(declared, code);
}

#[test]
fn every_function_of_the_tree_is_in_the_template() {
    let folders: BTreeSet<String> = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../functions"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let declared: BTreeSet<String> = template().functions.into_iter().map(|function| function.crate_name).collect();
    assert_eq!(declared, folders);
}

#[test]
fn functions_are_named_after_their_crates_and_bounded() {
    for function in template().functions {
        let pascal: String = function.crate_name.split('-').map(|part| part[..1].to_uppercase() + &part[1..]).collect();
        assert_eq!(function.resource, format!("{pascal}Function"));
        // A whole processor where passwords are hashed, little where most of the time is spent waiting, the least that serves elsewhere.
        let memory = match function.crate_name.as_str() {
            "password" => 1_769,
            "send-code" => 128,
            _ => 256,
        };
        assert!((1..=900).contains(&function.timeout_seconds) && function.memory_megabytes == memory, "{}", function.resource);
        assert!(function.routes.is_empty() || function.timeout_seconds <= 29, "{}: API Gateway waits 30 seconds", function.resource);
        let events = ["deliver-messages", "mail-events"].contains(&function.crate_name.as_str());
        assert_eq!(function.routes.is_empty(), !function.schedules.is_empty() || events);
    }
}

#[test]
fn rights_are_exact() {
    // S67
    for function in template().functions {
        assert!(
            function.policies.iter().all(|policy| policy.ends_with("AWSLambdaBasicExecutionRole")),
            "{}: {:?}",
            function.resource,
            function.policies
        );
        for statement in &function.statements {
            let shown = format!("{} {statement:?}", function.resource);
            assert!(statement.actions.iter().all(|action| !action.contains('*') && action.contains(':')), "{shown}");
            assert!(statement.resources.iter().all(|resource| resource != "*"), "{shown}");
        }
    }
}

#[test]
fn every_variable_that_is_set_is_read() {
    for function in template().functions {
        for name in function.environment.keys() {
            // Lambda and the allocator read their own.
            let known = VARIABLES.contains(&name.as_str()) || name.starts_with("AWS_LAMBDA_") || name == "MIMALLOC_ALLOW_THP";
            assert!(known, "{}: nobody reads {name}", function.resource);
        }
    }
}

/// The fixed address for calls to WeChat: nothing of it exists, and costs, while it is off; on, the functions that call WeChat use it.
#[test]
fn what_calls_wechat_can_have_a_fixed_address() {
    let calling = ["WechatAccountFunction", "WechatCallbackFunction", "DeliverMessagesFunction", "SweepMessagesFunction"];
    let template = template();
    for (name, resource) in template.document["Resources"].as_object().unwrap() {
        if resource["Type"].as_str().unwrap().starts_with("AWS::EC2::") {
            assert_eq!(resource["Condition"], "HasWeChatEgress", "{name}");
        }
        if resource["Type"] == "AWS::Serverless::Function" {
            let network = &resource["Properties"]["VpcConfig"]["Fn::If"];
            assert_eq!(network[0] == "HasWeChatEgress" && network[2]["Ref"] == "AWS::NoValue", calling.contains(&name.as_str()), "{name}");
        }
    }
    for function in template.functions {
        // Where SAM gives the role a right to network interfaces, the function's own code has none.
        let denied = function
            .statements
            .iter()
            .any(|statement| statement.effect == "Deny" && statement.condition["Null"]["lambda:SourceFunctionArn"] == "false");
        assert_eq!(denied, calling.contains(&function.resource.as_str()), "{}", function.resource);
    }
}

#[test]
fn tables_are_kept_encrypted_and_restorable() {
    let template = template();
    for table in &template.tables {
        let keys: Vec<_> = table.keys.iter().map(|key| (key.name.as_str(), key.attribute_type.as_str(), key.kind.as_str())).collect();
        assert_eq!(keys, [("pk", "S", "HASH"), ("sk", "S", "RANGE")], "{}", table.name);
        let properties = &template.document["Resources"][&table.resource]["Properties"];
        assert_eq!(properties["BillingMode"], "PAY_PER_REQUEST");
        assert_eq!(properties["SSESpecification"]["SSEEnabled"].to_string().trim_matches('"'), "true");
        let restorable = properties["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"].to_string();
        assert_eq!(restorable.trim_matches('"') == "true", table.resource != "CodesTable", "{}", table.name);
        assert_eq!(table.ttl_attribute.as_deref(), (table.resource != "PortalsTable").then_some("ttl"));
    }
}

#[test]
fn buckets_are_closed_and_no_secret_is_written_down() {
    // S66
    let template = template();
    for bucket in &template.buckets {
        let block = &template.document["Resources"][&bucket.resource]["Properties"]["PublicAccessBlockConfiguration"];
        for part in ["BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"] {
            assert_eq!(block[part].to_string().trim_matches('"'), "true", "{}", bucket.resource);
        }
    }
    assert_eq!(template.secrets.len(), 1);
    assert!(template.secrets[0].length >= 32);
    assert!(!text().contains("resolve:secretsmanager"), "the secret is read at run time, not copied into the environment");
}

/// The local cloud enforces the template's rights: what the flows of the other tests do, the template allows. Here, the other way
/// round: what the template allows is used.
#[tokio::test]
async fn no_function_has_a_right_to_tables_and_files_that_it_never_uses() {
    let stage = Stage::open().await;
    let meter = stage.cloud.meter();
    meter.reset();
    exercise(&stage).await;
    let mut used: BTreeMap<String, BTreeSet<(String, String)>> = BTreeMap::new();
    // Only a portal that reaches its cap at that very moment takes a newcomer's code back.
    let capped = Stage::with(&[("CAP_PORTAL_HOURLY", "1")]).await;
    let people = [phone(1), phone(2), phone(3), phone(4)];
    tokio::join!(
        capped.ask_for_code(&people[0]),
        capped.ask_for_code(&people[1]),
        capped.ask_for_code(&people[2]),
        capped.ask_for_code(&people[3])
    );
    let (passwords, wechat, bound) = (use_passwords().await, use_wechat().await, bind_and_unbind().await);
    let (paying, delivering) = (use_balance().await, use_deliveries().await);
    let elsewhere = [&capped, &passwords, &wechat, &bound, &paying, &delivering].into_iter().flat_map(|stage| stage.cloud.meter().calls());
    for call in meter.calls().into_iter().chain(elsewhere) {
        used.entry(call.caller).or_default().extend(call.rights);
    }
    let files = stage.cloud.objects().used();
    let mut unused = Vec::new();
    for function in stage.cloud.template().functions.iter() {
        let used = used.remove(&function.crate_name).unwrap_or_default();
        for statement in &function.statements {
            for action in statement.actions.iter().filter(|action| action.starts_with("s3:")) {
                assert!(files.contains(&(function.crate_name.clone(), action.clone())), "{} never uses {action}", function.resource);
            }
            // What Lambda does to a stream for the function is not the function's.
            let own = |action: &&String| action.starts_with("dynamodb:") && !portico_local::streams::ACTIONS.contains(&action.as_str());
            for action in statement.actions.iter().filter(own) {
                for resource in &statement.resources {
                    let table = resource.rsplit('/').next().unwrap();
                    if !used.iter().any(|(done, on)| done == action && resource.ends_with(on.as_str())) {
                        unused.push(format!("{} never uses {action} on {table}", function.resource));
                    }
                }
            }
        }
    }
    assert_eq!(unused, [] as [String; 0]);
}

/// Walks through everything that the functions can do to the tables.
async fn exercise(stage: &Stage) {
    let ticket = stage.applicant(&phone(1)).await;
    stage.applicant(&phone(2)).await;
    let users = stage.users("pending").await;
    stage.decide(&users, "approve").await;
    let first = stage.status(&ticket).await.text("session");
    stage.cloud.clock().advance(61);
    stage.call(Method::GET, &format!("/p/{}", stage.seeded.suffix)).header("cookie", &format!("__Host-portico={first}")).send().await;
    stage.call(Method::DELETE, "/v1/session").bearer(&first).send().await;
    for remember in [true, false] {
        let flow = stage.flow(&phone(1)).await;
        let body = json!({ "flow": flow, "code": stage.code_of(&phone(1)), "remember": remember });
        let session =
            stage.call(Method::POST, &stage.path("sessions")).header("accept", "application/json").json(&body).send().await.text("session");
        stage.cloud.clock().advance(700);
        stage.who_am_i(&session).await;
        if !remember {
            stage.call(Method::DELETE, "/v1/sessions").bearer(&session).send().await;
        }
    }
    let user = stage.admin_path(&format!("/users/{}", users[0]));
    stage.admin(Method::PATCH, &user).json(&json!({ "status": "disabled" })).send().await;
    stage.admin(Method::POST, &stage.admin_path("/links")).json(&json!({ "suffix": "another" })).send().await;
    stage.admin(Method::PUT, &stage.admin_path("/links/another")).json(&json!({ "role": "partner" })).send().await;
    stage.admin(Method::DELETE, &stage.admin_path("/links/another")).send().await;
    stage.admin(Method::POST, "/v1/admin/portals").json(&json!({ "application": "x" })).send().await;
    stage.admin(Method::GET, "/v1/admin/portals").send().await;
    stage.admin(Method::GET, "/v1/admin/organisation").send().await;
    stage.admin(Method::GET, &stage.admin_path("/spend")).send().await;
    stage.admin(Method::PATCH, "/v1/admin/organisation").json(&json!({ "packs": 1 })).send().await;
    let agreements = stage.admin_path("/agreements");
    stage.admin(Method::PUT, &agreements).json(&json!({ "terms": { "title": "Terms", "html": "<p>x</p>" } })).send().await;
    stage.get(&stage.path("agreements")).await;
    stage.admin(Method::PUT, &agreements).json(&json!({})).send().await;
    own_account(stage).await;
    invitations(stage).await;
    whitelist(stage).await;
    messages(stage).await;
    repeatable(stage).await;
    refuse(stage).await;
    stage.set(json!({ "registration": { "window": { "closesAt": "2020-01-01T00:00:00", "zone": "UTC" } } })).await;
    stage.cloud.run_schedule("close-registration").await.unwrap().unwrap();
    stage.cloud.clock().advance(8 * 86_400);
    stage.cloud.run_schedule("expire-sign-ins").await.unwrap().unwrap();
}

/// What people do with their own account, and administrators with it.
async fn own_account(stage: &Stage) {
    stage.open_to_anyone().await;
    for (index, mailbox) in [(20, "one@example.com"), (21, "two@example.com")] {
        let first = stage.signed_in(&phone(index)).await;
        stage.cloud.clock().advance(61);
        let session = stage.signed_in(&phone(index)).await;
        stage.call(Method::PATCH, "/v1/me").header("idempotency-key", "k").bearer(&session).json(&json!({ "locale": "zh" })).send().await;
        let body = json!({ "address": mailbox, "purpose": "change-address" });
        let flow = stage.post(&stage.path("codes"), body).await.text("flow");
        let picture = pictures::file(image::ImageFormat::Png);
        assert_eq!(stage.set_picture(&session, "image/png", picture.clone()).await.status, 200);
        let shown = stage.set_picture(&session, "image/png", picture).await.text("picture");
        assert_eq!(stage.get(&shown).await.status, 200);
        stage.call(Method::POST, "/v1/me/picture").header("idempotency-key", "k").bearer(&session).json(&json!({})).send().await;
        let proof = json!({ "flow": flow, "code": stage.code_of(mailbox) });
        stage.call(Method::PUT, "/v1/me/address").bearer(&session).json(&proof).send().await;
        let sessions = stage.call(Method::GET, "/v1/me/sessions").bearer(&session).send().await;
        let user = stage.who_am_i(&first).await.body["user"]["id"].as_str().unwrap().to_owned();
        let (oldest, user) = (sessions.body["sessions"][1]["id"].as_str().unwrap().to_owned(), stage.admin_path(&format!("/users/{user}")));
        if index == 20 {
            stage.call(Method::DELETE, &format!("/v1/me/sessions/{oldest}")).bearer(&session).send().await;
            stage.call(Method::DELETE, "/v1/me").bearer(&session).send().await;
        } else {
            stage.admin(Method::GET, &format!("{user}/sessions")).send().await;
            stage.admin(Method::DELETE, &format!("{user}/sessions/{oldest}")).send().await;
            stage.admin(Method::DELETE, &user).send().await;
        }
    }
}

/// Made, listed, repeated, withdrawn, made anew in its place, and asked for by its link.
async fn invitations(stage: &Stage) {
    let invited = stage.invited(json!({ "address": "wu@example.com" })).await;
    let path = stage.admin_path(&format!("/invitations/{}", invited.text("id")));
    stage.admin(Method::GET, &stage.admin_path("/invitations")).send().await;
    let token = stage.admin(Method::POST, &format!("{path}/resend")).send().await.text("url").split_once('=').unwrap().1.to_owned();
    stage.post(&stage.path("codes"), json!({ "invitation": token, "purpose": "sign-in" })).await;
    stage.admin(Method::DELETE, &path).send().await;
    stage.invited(json!({ "address": "wu@example.com" })).await;
}

/// Rows written, replaced, listed, removed, and looked for when somebody asks why.
async fn whitelist(stage: &Stage) {
    stage.set(json!({ "access": "approved", "whitelist": { "enabled": true, "columns": [{ "source": "email" }] } })).await;
    stage.write_rows(Method::POST, json!([["wu@example.com"], ["li@example.com"]])).await;
    stage.write_rows(Method::PUT, json!([["wu@example.com"]])).await;
    stage.admin(Method::GET, &stage.admin_path("/whitelist/rows")).send().await;
    stage.admin(Method::DELETE, &stage.admin_path("/whitelist/rows/00112233445566778899aabbccddeeff")).send().await;
    let fields = json!([{ "id": "name", "type": "text", "label": { "zh": "姓名", "en": "Name" }, "collect": false, "required": false }]);
    stage.set(json!({ "fields": fields })).await;
    stage.explain("li@example.com").await;
    stage.set(json!({ "whitelist": { "enabled": false, "columns": [] } })).await;
}

/// What administrators see of messages and set of them.
async fn messages(stage: &Stage) {
    stage.approved_signature("Acme").await;
    stage.admin(Method::GET, "/v1/admin/signatures").send().await;
    stage.put_message_settings(json!({})).await;
    let user = &stage.users("active").await[0];
    assert_eq!(stage.notify(&[user], json!({ "subject": "x", "text": "x" })).await.body["results"][0]["result"], "queued");
    let message = stage.ledger_page(&format!("?user={user}&kind=notification")).await[0]["id"].as_str().unwrap().to_owned();
    stage.ledger_page("").await;
    stage.admin(Method::POST, &stage.admin_path(&format!("/messages/{message}/resend"))).json(&json!({})).send().await;
    stage.admin(Method::DELETE, &stage.admin_path("/suppressions")).json(&json!({ "address": "wu@example.com" })).send().await;
    stage.top_up(json!({ "amount": "1" })).await;
    let news = stage.news("").await;
    stage.admin(Method::POST, "/v1/admin/news/read").json(&json!({ "upTo": news["news"][0]["id"] })).send().await;
}

/// A call with a key to each function that takes one from members: the turn and the answer are written even for a body that is none.
async fn repeatable(stage: &Stage) {
    let takes = |route: &Route| takes_key(&route.method, route.path) && matches!(route.access, Access::Member(_));
    for (_, route) in routes::all().into_iter().filter(|(_, route)| takes(route)) {
        let path = route.path.replace("{portal}", &stage.seeded.portal);
        let answer = stage.admin(route.method.clone(), &path).header("idempotency-key", "once").send().await;
        let harmless = answer.status.is_client_error() || path.ends_with("/whitelist/rows");
        assert!(harmless, "{} {path}: {answer:?}", route.method);
    }
}

/// Messages that are paid for from a balance, with what causes them.
async fn use_balance() -> Stage {
    let stage = Stage::prepaid(1_000_000, &[]).await;
    stage.applicant(&phone(1)).await;
    stage.decide(&stage.users("pending").await, "approve").await;
    stage.invited(json!({ "address": "wu@example.com" })).await;
    stage.reachable_twice(2, "li@example.com").await;
    stage
}

/// A service account: bound, sealed anew after a rotation, changed for another one, unbound; and its file.
async fn bind_and_unbind() -> Stage {
    let stage = Stage::open().await;
    stage.bind_wechat("plain").await;
    stage.cloud.rotate_secret().unwrap();
    stage.cloud.clock().advance(700);
    stage.admin(Method::GET, "/v1/admin/organisation/wechat").send().await;
    stage.bind_wechat("safe").await;
    stage.get("/MP_verify_Ab12.txt").await;
    stage.admin(Method::DELETE, "/v1/admin/organisation/wechat").send().await;
    stage
}

/// All that passwords and second steps do.
async fn use_passwords() -> Stage {
    let stage = Stage::prepaid(1_000_000, &[]).await.having_password().await;
    stage.set(json!({ "fields": [{ "id": "name", "type": "text", "label": { "zh": "姓名", "en": "Name" }, "collect": true, "required": true }] })).await;
    stage.prove("wang@example.com").await;
    stage.cloud.clock().advance(61);
    stage.reset("wang@example.com", PASSWORD).await;
    stage.open_to_anyone().await;
    assert_eq!(stage.sign_in("wang@example.com", PASSWORD).await.step(), "signedIn", "who was inactive is active");
    stage.get(&stage.path("password")).await;
    stage.set_sign_in(json!({ "secondStep": true })).await;
    let ticket = stage.sign_in("13800138000", PASSWORD).await.text("ticket");
    let session = stage.second_step("+8613800138000", &ticket).await.text("session");
    stage.cloud.clock().advance(700);
    let change = json!({ "current": PASSWORD, "password": "another long password" });
    let call = stage.call(Method::PUT, "/v1/me/password").header("idempotency-key", "\"change\"");
    assert_eq!(call.bearer(&session).json(&change).send().await.status, 204);
    let app = stage.set_up_app(&session).await;
    let ticket = stage.sign_in("13800138000", "another long password").await.text("ticket");
    assert_eq!(stage.step_by(&ticket, "totp", &stage.shown(&app)).await.step(), "signedIn");
    let ticket = stage.sign_in("13800138000", "another long password").await.text("ticket");
    assert_eq!(stage.step_by(&ticket, "recoveryCode", &app.recovery[0]).await.step(), "signedIn");
    stage
}

/// Messages by every way, once with the stream and once with the sweep; told of by SES and WeChat.
async fn use_deliveries() -> Stage {
    let (stage, _) = Stage::with_wechat().await;
    stage.known_at_wechat("xiaoming", &phone(1)).await;
    let template = json!({ "id": "TEMPLATE_1", "fields": { "thing1": "{{portal}}" } });
    let settings = serde_json::from_value(json!({ "wechat": { "notification": { "zh": template, "en": template } } })).unwrap();
    assert!(stage.store().put_message_settings(stage.seeded.portal.parse().unwrap(), &settings, 0).await.unwrap());
    let told = json!({ "users": stage.users("active").await, "subject": "News", "text": "There is news" });
    for sweeps in [false, true] {
        // The service account's secrets are sealed anew; and long enough for WeChat's token to end.
        stage.cloud.rotate_secret().unwrap();
        stage.cloud.clock().advance(7_300);
        let newcomer = phone(2 + usize::from(sweeps));
        let proof = json!({ "flow": stage.flow(&newcomer).await, "code": stage.code_of(&newcomer) });
        stage.admin(Method::POST, &stage.admin_path("/notifications")).json(&told).send_alone().await;
        stage.call(Method::POST, &stage.path("sessions")).json(&proof).send_alone().await;
        stage.write_to(&["p@example.com".to_owned()]).await;
        for _ in 0..2 {
            if sweeps {
                stage.cloud.run_schedule("sweep-messages").await.unwrap().unwrap();
            } else {
                stage.cloud.settle().await;
            }
        }
    }
    stage.ask_for_code("nobody@bounce.test").await;
    stage
}

/// All that WeChat does: first binds, second steps and unfinished accounts on both ways, following, stopping, secrets sealed anew.
async fn use_wechat() -> Stage {
    use portico_local::meter::{Fault, Rule};
    let (stage, account) = Stage::with_wechat().await;
    let field = |collect| json!({ "fields": [{ "id": "name", "type": "text", "label": { "zh": "姓名", "en": "Name" }, "collect": collect, "required": collect }] });
    stage.set(field(true)).await;
    for (index, person) in ["xiaoming", "wei"].into_iter().enumerate() {
        assert_eq!(stage.known_at_wechat(person, &phone(index)).await.step(), "collect");
    }
    stage.set(field(false)).await;
    assert_eq!(Browser::new(&stage).enter("xiaoming").await.step(), "signedIn", "who was inactive is active");
    assert_eq!(Scan::whole(&stage, "wei").await.step(), "signedIn");
    stage.set_sign_in(json!({ "wechat": { "enabled": true }, "secondStep": true })).await;
    assert_eq!(Browser::new(&stage).enter("xiaoming").await.step(), "secondStep");
    assert_eq!(Scan::whole(&stage, "wei").await.step(), "secondStep");
    stage.set_sign_in(json!({ "wechat": { "enabled": true, "follow": true } })).await;
    let browser = Browser::new(&stage);
    let asked = browser.enter("hong").await;
    let ticket = asked.text("ticket");
    // Long enough for every instance to see the new secret.
    let renewed = || {
        stage.cloud.rotate_secret().unwrap();
        stage.cloud.clock().advance(601);
    };
    stage.wechat("scan", json!({ "url": asked.text("qr"), "person": "hong" })).await;
    assert_eq!(browser.status(&ticket).await.step(), "bind");
    renewed();
    assert_eq!(Browser::new(&stage).enter("xiaoming").await.step(), "signedIn");
    renewed();
    stage.cloud.meter().fail(Rule::next("TransactWriteItems", Fault::Missing));
    stage.wechat("unfollow", json!({ "person": "xiaoming", "app": account.app, "times": 2 })).await;
    stage.set_sign_in(json!({ "wechat": { "enabled": true } })).await;
    stage.bind_wechat("plain").await;
    assert_eq!(stage.known_at_wechat("wei", &phone(1)).await.step(), "signedIn");
    stage
}

/// The rarer ways: the portal changes under a sign-up, two windows meet, the cap of the portal, strangers of invited people.
async fn refuse(stage: &Stage) {
    use portico_local::meter::{Fault, Rule};
    let no_fields = json!([{ "id": "name", "type": "text", "label": { "zh": "姓名", "en": "Name" }, "collect": false, "required": false }]);
    stage.set(json!({ "access": "anyone", "fields": &no_fields })).await;
    stage.flow(&phone(10)).await;
    let twice = phone(11);
    let (first, second) = tokio::join!(stage.ask_for_code(&twice), stage.ask_for_code(&twice));
    assert!(first.status == 202 || second.status == 202);
    stage.flow("li@example.com").await;
    stage.set(json!({ "fields": [{ "id": "name", "type": "text", "label": { "zh": "姓名", "en": "Name" }, "collect": true, "required": true }] })).await;
    let ticket = stage.prove(&phone(14)).await.text("ticket");
    let unfinished = stage.prove(&phone(15)).await.text("ticket");
    stage.cloud.meter().fail(Rule::next("TransactWriteItems", Fault::Cancelled(vec!["None", "ConditionalCheckFailed", "None", "None"])));
    stage.register(&ticket, json!({ "name": "x" })).await;
    stage.set(json!({ "fields": no_fields })).await;
    stage.cloud.meter().fail(Rule::next("TransactWriteItems", Fault::Cancelled(vec!["ConditionalCheckFailed", "None", "None", "None"])));
    stage.status(&unfinished).await;
    for (index, reasons) in [
        (12, vec!["ConditionalCheckFailed", "None", "None", "None", "None"]),
        (13, vec!["None", "None", "ConditionalCheckFailed", "None", "None"]),
    ] {
        stage.cloud.meter().fail(Rule::next("TransactWriteItems", Fault::Cancelled(reasons)));
        stage.prove(&phone(index)).await;
    }
    stage.set(json!({ "signIn": { "accounts": { "phone": true, "email": true }, "sevenDays": true, "countries": ["FR"] } })).await;
    stage.flow("06 12 34 56 78").await;
    stage.set(json!({ "access": "invited" })).await;
    stage.flow("06 12 34 56 79").await;
}
