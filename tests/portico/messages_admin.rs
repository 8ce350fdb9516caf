//! What administrators see of messages and set of them: ledger, words, signatures, balance, news, notifications (F36 to F42, F47, F48,
//! F72, F74, B4).

use std::collections::BTreeSet;

use http::Method;
use portico_domain::member::Right;
use portico_local::messages::Message;
use serde_json::{Value, json};

use crate::{
    idempotency::colleague,
    stage::{Answer, Stage, phone},
};

impl Stage {
    /// A signature that the organisation may use (F36).
    pub(crate) async fn approved_signature(&self, text: &str) {
        let asked = self.admin(Method::POST, "/v1/admin/signatures").json(&json!({ "text": text })).send().await;
        assert_eq!(asked.status, 201, "{asked:?}");
        assert_eq!(self.decide_signature(text, "approved").await.status, 200);
    }

    async fn decide_signature(&self, text: &str, state: &str) -> Answer {
        self.admin(Method::PATCH, &format!("/v1/admin/signatures/{text}")).json(&json!({ "state": state })).send().await
    }

    async fn list_messages(&self, query: &str) -> Answer {
        self.admin(Method::GET, &self.admin_path(&format!("/messages{query}"))).send().await
    }

    /// A page of the ledger.
    pub(crate) async fn ledger_page(&self, query: &str) -> Vec<Value> {
        let answer = self.list_messages(query).await;
        answer.body["messages"].as_array().unwrap_or_else(|| panic!("{answer:?}")).clone()
    }

    async fn entry(&self, id: &Value) -> Answer {
        self.admin(Method::GET, &self.admin_path(&format!("/messages/{}", id.as_str().unwrap()))).send().await
    }

    async fn resend_message(&self, id: &Value, body: Value) -> Answer {
        self.admin(Method::POST, &self.admin_path(&format!("/messages/{}/resend", id.as_str().unwrap()))).json(&body).send().await
    }

    pub(crate) async fn put_message_settings(&self, settings: Value) -> Answer {
        self.admin(Method::PUT, &self.admin_path("/message-settings")).json(&settings).send().await
    }

    async fn preview(&self, draft: Value) -> Answer {
        self.admin(Method::POST, &self.admin_path("/message-settings/preview")).json(&draft).send().await
    }

    pub(crate) async fn notify(&self, users: &[&str], mut notification: Value) -> Answer {
        notification["users"] = json!(users);
        self.admin(Method::POST, &self.admin_path("/notifications")).json(&notification).send().await
    }

    pub(crate) async fn top_up(&self, top_up: Value) -> Answer {
        self.admin(Method::POST, "/v1/admin/organisation/top-ups").json(&top_up).send().await
    }

    async fn read_balance(&self) -> Answer {
        self.admin(Method::GET, "/v1/admin/organisation/balance").send().await
    }

    pub(crate) async fn news(&self, query: &str) -> Value {
        let answer = self.admin(Method::GET, &format!("/v1/admin/news{query}")).send().await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.body
    }

    /// What somebody got beside codes, the newest first.
    fn received(&self, to: &str) -> Vec<Message> {
        self.cloud.messages().list(Some(to)).into_iter().filter(|message| message.code().is_none()).collect()
    }

    /// Somebody who signed in with a phone and has a mailbox too: their id.
    pub(crate) async fn reachable_twice(&self, index: usize, mailbox: &str) -> String {
        self.open_to_anyone().await;
        let session = self.signed_in(&phone(index)).await;
        let flow = self.flow_for("change-address", mailbox).await;
        let proof = json!({ "flow": flow, "code": self.code_of(mailbox) });
        assert_eq!(self.mine(&session, Method::PUT, "/address", Some(proof)).await.status, 200);
        self.who_am_i(&session).await.text_at("/user/id")
    }
}

impl Answer {
    fn text_at(&self, pointer: &str) -> String {
        self.body.pointer(pointer).and_then(Value::as_str).unwrap_or_else(|| panic!("{pointer} is missing in {self:?}")).to_owned()
    }

    fn results(&self) -> Vec<&str> {
        self.body["results"].as_array().unwrap_or_else(|| panic!("{self:?}")).iter().map(|one| one["result"].as_str().unwrap()).collect()
    }

    /// Where the body was refused, and why.
    fn pointed(&self) -> (&str, &str) {
        assert_eq!(self.refusal(), (422, "invalid"), "{self:?}");
        (self.body["errors"][0]["pointer"].as_str().unwrap(), self.body["errors"][0]["code"].as_str().unwrap())
    }
}

fn of<'a>(entries: &'a [Value], kind: &str) -> Vec<&'a Value> {
    entries.iter().filter(|entry| entry["kind"] == kind).collect()
}

#[tokio::test]
async fn the_ledger_tells_of_each_message_and_never_its_words() {
    // F38, B4, S10
    let stage = Stage::open().await;
    stage.applicant(&phone(1)).await;
    stage.applicant("li@example.com").await;
    let code = stage.code_of("li@example.com");
    stage.decide(&stage.users("pending").await, "approve").await;
    stage.cloud.settle().await;
    let all = stage.ledger_page("").await;
    let ids: Vec<_> = all.iter().map(|entry| entry["id"].as_str().unwrap()).collect();
    assert!(ids.is_sorted_by(|a, b| a > b), "the newest first: {ids:?}");
    assert_eq!((of(&all, "code").len(), of(&all, "approved").len(), of(&all, "signedUp").len()), (2, 2, 2), "{all:?}");
    let sms = stage.ledger_page("?kind=approved&channel=sms&state=sent").await;
    let parts = sms[0]["parts"].as_u64().unwrap();
    assert_eq!((sms.len(), sms[0]["recipient"].as_str()), (1, Some("+86138****0001")), "{sms:?}");
    assert_eq!((sms[0]["cost"].as_str(), sms[0]["paid"].as_str()), (Some(format!("{:.2}", 0.05 * parts as f64).as_str()), Some("0.00")));
    assert_eq!((&sms[0]["resendable"], &sms[0]["attempts"], &sms[0]["locale"]), (&json!(["sms"]), &json!(1), &json!("en")));
    assert_eq!(stage.entry(&sms[0]["id"]).await.body, sms[0]);
    let mail = stage.ledger_page("?kind=approved&channel=email&state=delivered").await;
    assert_eq!((mail.len(), mail[0]["recipient"].as_str(), mail[0]["cost"].as_str()), (1, Some("l***@example.com"), Some("0.03")));
    assert_eq!(stage.ledger_page("?kind=approved&state=parked").await, [] as [Value; 0]);
    assert_eq!(stage.ledger_page("?day=2020-01-01").await, [] as [Value; 0]);
    let shown = json!(all).to_string();
    for hidden in [&phone(1)[1..], "li@example.com", "owner@example.com", "approved. Sign in", &code] {
        assert!(!shown.contains(hidden), "{hidden} in {shown}");
    }
}

#[tokio::test]
async fn the_ledger_is_read_by_page_and_by_person() {
    // B4
    let stage = Stage::open().await;
    stage.applicant(&phone(1)).await;
    stage.applicant(&phone(2)).await;
    let users = stage.users("pending").await;
    stage.decide(&users[1..], "approve").await;
    let all = stage.ledger_page("").await;
    let (mut paged, mut query) = (Vec::new(), "?limit=2".to_owned());
    loop {
        let page = stage.list_messages(&query).await;
        paged.extend(page.body["messages"].as_array().unwrap().clone());
        let Some(cursor) = page.body["cursor"].as_str() else { break };
        query = format!("?limit=2&cursor={cursor}");
    }
    assert_eq!(paged, all);
    let kinds = |entries: &[Value]| entries.iter().map(|entry| entry["kind"].as_str().unwrap().to_owned()).collect::<BTreeSet<_>>();
    let named = |kinds: &[&str]| kinds.iter().map(|kind| (*kind).to_owned()).collect::<BTreeSet<_>>();
    let first = stage.ledger_page(&format!("?user={}", users[1])).await;
    let theirs = named(&["approved", "code", "signedUp"]);
    assert_eq!((first.len(), kinds(&first)), (3, theirs), "what went to the account and to its address, and what names them");
    assert_eq!(stage.ledger_page(&format!("?user={}&kind=code&limit=1", users[1])).await.len(), 1);
    let search = async |body: Value| stage.admin(Method::POST, &stage.admin_path("/messages/search")).json(&body).send().await;
    let typed = search(json!({ "address": "138 0000 0002" })).await;
    assert_eq!(kinds(typed.body["messages"].as_array().unwrap()), named(&["code"]));
    assert_eq!(search(json!({ "address": "138 0000 0002", "kind": "approved" })).await.body["messages"], json!([]));
    assert_eq!(search(json!({ "address": "nobody" })).await.refusal(), (422, "invalid"));
    for (query, refusal) in [
        ("?address=x@example.com".into(), (422, "invalid")),
        (format!("?user={}&day=2026-01-01", users[0]), (422, "invalid")),
        (format!("?day=2020-01-01&cursor={}", all[0]["id"].as_str().unwrap()), (422, "invalid")),
        (format!("?user={}", stage.seeded.portal), (404, "not-found")),
        ("?kind=advert".into(), (422, "invalid")),
        ("?day=today".into(), (422, "invalid")),
        ("?limit=0".into(), (422, "invalid")),
    ] {
        assert_eq!(stage.list_messages(&query).await.refusal(), refusal, "{query}");
    }
}

#[tokio::test]
async fn a_message_of_another_portal_is_not_there() {
    // S42
    let stage = Stage::open().await;
    stage.applicant(&phone(1)).await;
    let message = stage.ledger_page("").await[0]["id"].clone();
    let second = stage.admin(Method::POST, "/v1/admin/portals").json(&json!({ "application": "Second" })).send().await.text("id");
    let path = format!("/v1/admin/portals/{second}/messages");
    let read = stage.admin(Method::GET, &format!("{path}/{}", message.as_str().unwrap())).send().await;
    let again = stage.admin(Method::POST, &format!("{path}/{}/resend", message.as_str().unwrap())).json(&json!({})).send().await;
    assert_eq!((read.refusal(), again.refusal()), ((404, "not-found"), (404, "not-found")));
    assert_eq!(stage.admin(Method::GET, &path).send().await.body["messages"], json!([]));
    assert_eq!(stage.entry(&json!("x")).await.refusal(), (404, "not-found"));
}

#[tokio::test]
async fn a_message_goes_once_more_by_another_channel() {
    // B4
    let stage = Stage::open().await;
    let user = stage.reachable_twice(1, "li@example.com").await;
    let sent = stage.notify(&[&user], json!({ "subject": "A reply", "text": "Wu answered you" })).await;
    assert_eq!(sent.results(), ["queued"]);
    stage.cloud.settle().await;
    assert!(stage.received(&phone(1))[0].text.ends_with("Wu answered you"));
    let first = stage.ledger_page("?kind=notification").await[0].clone();
    assert_eq!((&first["channel"], &first["resendable"]), (&json!("sms"), &json!(["sms", "email"])));
    let before = stage.received("li@example.com").len();
    let again = stage.resend_message(&first["id"], json!({ "channel": "email" })).await;
    assert_eq!((again.status.as_u16(), &again.body["state"], &again.body["repeats"]), (201, &json!("queued"), &first["id"]));
    assert_eq!((&again.body["channel"], &again.body["cost"], &again.body["attempts"]), (&json!("email"), &json!("0.03"), &json!(0)));
    stage.cloud.settle().await;
    let mails = stage.received("li@example.com");
    assert_eq!((mails.len(), mails[0].subject.as_deref()), (before + 1, Some("A reply")));
    assert_eq!(stage.entry(&again.body["id"]).await.body["state"], "delivered");
    let same = stage.resend_message(&first["id"], json!({})).await;
    assert_eq!((&same.body["channel"], &same.body["parts"]), (&json!("sms"), &first["parts"]));
    assert_eq!(stage.entry(&first["id"]).await.body, first, "the first one stays as it is");

    assert_eq!(stage.resend_message(&first["id"], json!({ "channel": "wechat" })).await.refusal(), (409, "no-route"));
    stage.invited(json!({ "address": "wang@example.com" })).await;
    for kind in ["code", "invitation"] {
        let good_once = stage.ledger_page(&format!("?kind={kind}")).await[0].clone();
        assert_eq!(good_once["resendable"], json!([]), "{kind}");
        assert_eq!(stage.resend_message(&good_once["id"], json!({})).await.refusal(), (409, "not-repeatable"), "{kind}");
    }
}

#[tokio::test]
async fn what_a_channel_refuses_goes_by_the_next_with_its_signature() {
    // F72, F36
    let stage = Stage::open().await;
    let user = stage.reachable_twice(1, "li@bounce.test").await;
    stage.cloud.settle().await;
    stage.put_message_settings(json!({ "order": ["email", "sms"] })).await;
    // The first one comes back, so that no mail goes there any more.
    stage.notify(&[&user], json!({ "subject": "One", "text": "One" })).await;
    stage.cloud.settle().await;
    stage.notify(&[&user], json!({ "subject": "Two", "text": "Two" })).await;
    stage.cloud.settle().await;
    let news = stage.received(&phone(1));
    assert!(news[0].text.starts_with('【') && news[0].text.ends_with("Two"), "{news:?}");
    let entry = stage.ledger_page("?kind=notification").await[0].clone();
    assert_eq!((&entry["channel"], &entry["state"]), (&json!("sms"), &json!("sent")), "{entry}");
}

#[tokio::test]
async fn mail_goes_again_where_it_was_stopped_once_somebody_says_so() {
    let stage = Stage::open().await;
    stage.open_to_anyone().await;
    let session = stage.signed_in("wu@bounce.test").await;
    let user = stage.who_am_i(&session).await.text_at("/user/id");
    stage.cloud.settle().await;
    let note = json!({ "subject": "News", "text": "News" });
    stage.notify(&[&user], note.clone()).await;
    stage.cloud.settle().await;
    stage.notify(&[&user], note.clone()).await;
    stage.cloud.settle().await;
    let stopped = stage.ledger_page("?kind=notification").await[0].clone();
    assert_eq!(stopped["state"], "parked");
    assert!(stopped["error"].as_str().unwrap().contains("came back"), "{stopped}");
    let end = async |address: &str| {
        stage.admin(Method::DELETE, &stage.admin_path("/suppressions")).json(&json!({ "address": address })).send().await
    };
    assert_eq!(end(" WU@bounce.test ").await.status, 204);
    assert_eq!(end("wu@bounce.test").await.refusal(), (404, "not-found"));
    assert_eq!(end("nobody").await.pointed().0, "/address");
    let sent = stage.received("wu@bounce.test").len();
    stage.resend_message(&stopped["id"], json!({})).await;
    stage.cloud.settle().await;
    assert_eq!(stage.received("wu@bounce.test").len(), sent + 1);
}

#[tokio::test]
async fn words_of_the_portal_are_sent_as_the_preview_shows_them() {
    // F36, F37, F38, F40, F47
    let stage = Stage::open().await;
    stage.approved_signature("艾克米").await;
    stage.set(json!({ "signature": "艾克米" })).await;
    let texts = json!({ "approved": {
        "zh": { "sms": "{{name}}，欢迎来到“{{portal}}”", "subject": "{{portal}}欢迎您", "body": "您好，{{name}}！\n请登录：{{link}}\n<b>{{reason}}</b>" },
        "en": { "sms": "Welcome to {{portal}}, {{name}}: {{link}}", "subject": "Welcome, {{name}}", "body": "Hello {{name}},\n\nsign in & see: {{link}}" }
    } });
    let place = stage.put_message_settings(json!({ "texts": texts })).await;
    assert_eq!(place.pointed(), ("/texts/approved/zh/body", "invalid"), "an approval has no reason");
    let mut texts = texts;
    texts["approved"]["zh"]["body"] = json!("您好，{{name}}！\n请登录：{{link}}");
    let saved = stage.put_message_settings(json!({ "texts": texts, "senderName": "Acme 客服" })).await;
    assert_eq!(saved.body["warnings"], json!([{ "pointer": "/texts/approved/en/sms", "code": "link" }]), "F39: {saved:?}");
    for (index, locale) in [(1, "zh"), (2, "en")] {
        for address in [phone(index), format!("li{index}@example.com")] {
            let body = json!({ "address": address, "purpose": "sign-in", "locale": locale });
            let flow = stage.post(&stage.path("codes"), body).await.text("flow");
            let proof = json!({ "flow": flow, "code": stage.code_of(&address) });
            let proven = stage.call(Method::POST, &stage.path("sessions")).header("accept-language", locale).json(&proof).send().await;
            let waiting = stage.register(&proven.text("ticket"), json!({ "name": "Li <Na>" })).await;
            assert_eq!(waiting.step(), "awaitingApproval");
            stage.cloud.clock().advance(61);
        }
        stage.decide(&stage.users("pending").await, "approve").await;
        stage.cloud.settle().await;
        let preview = stage.preview(json!({ "kind": "approved", "locale": locale, "name": "Li <Na>" })).await.body;
        let (sms, mail) = (&stage.received(&phone(index))[0], &stage.received(&format!("li{index}@example.com"))[0]);
        assert_eq!(json!(sms.text), preview["sms"]["text"]);
        assert!(sms.text.starts_with("【艾克米】") && sms.text.contains("Li <Na>"), "{}", sms.text);
        let shown = (&preview["email"]["subject"], &preview["email"]["text"], &preview["email"]["html"]);
        assert_eq!((&json!(mail.subject), &json!(mail.text), &json!(mail.html)), shown);
        assert!(mail.html.as_ref().unwrap().contains("Li &lt;Na&gt;"), "S59");
        assert!(mail.from.as_ref().unwrap().starts_with("=?utf-8?"), "F40: {:?}", mail.from);
        let entry = stage.ledger_page("?kind=approved&channel=sms&limit=1").await[0].clone();
        assert_eq!((&entry["parts"], &entry["cost"]), (&preview["sms"]["parts"], &preview["sms"]["cost"]), "F38");
    }
}

#[tokio::test]
async fn a_preview_shows_words_before_they_are_saved() {
    // F37, F38, F39
    let stage = Stage::open().await;
    let draft = |sms: &str| json!({ "kind": "rejected", "locale": "en", "reason": "No such company", "sms": sms, "subject": "Sorry" });
    let preview = stage.preview(draft("No: {{reason}}")).await;
    assert_eq!((preview.status.as_u16(), &preview.body["sms"]["text"]), (200, &json!("【Portico】No: No such company")), "{preview:?}");
    assert_eq!(
        (&preview.body["sms"]["parts"], &preview.body["sms"]["cost"], &preview.body["currency"]),
        (&json!(1), &json!("0.05"), &json!("CNY"))
    );
    assert_eq!((&preview.body["email"]["subject"], &preview.body["warnings"]), (&json!("Sorry"), &json!([])));
    assert!(preview.body["email"]["text"].as_str().unwrap().contains("was not approved: No such company"), "the built-in body");
    let linked = stage.preview(draft("See www.example.com")).await;
    assert_eq!(linked.body["warnings"], json!([{ "pointer": "/sms", "code": "link" }]));
    assert_eq!(stage.preview(draft(&"字".repeat(62))).await.body["sms"]["parts"], json!(2), "62 and 9 of the signature");
    assert_eq!(stage.preview(draft("{{link}}")).await.pointed(), ("/sms", "invalid"));
    assert_eq!(stage.preview(draft("{{salary}}")).await.pointed(), ("/sms", "invalid"));
    assert_eq!(stage.preview(json!({ "kind": "code", "locale": "en" })).await.pointed().0, "/kind", "F37: its words are fixed");
    let saved = stage.admin(Method::GET, &stage.admin_path("/message-settings")).send().await;
    assert_eq!(saved.body["texts"], json!({}), "a preview saves nothing");

    let shown = stage.preview(json!({ "kind": "invitation", "locale": "en", "name": "Wu" })).await.body["sms"].clone();
    let invited = stage.invited(json!({ "address": phone(7), "name": "Wu" })).await.text("url");
    stage.cloud.settle().await;
    let sent = &stage.received(&phone(7))[0].text;
    let (page, _) = invited.split_once('#').unwrap();
    assert!(shown["text"].as_str().unwrap().contains(page), "{shown}");
    assert_eq!(shown["text"].as_str().unwrap().len(), sent.len(), "as long as a real one");
    assert_eq!(shown["parts"], stage.ledger_page("?kind=invitation").await[0]["parts"]);
    assert!(!sent.contains(shown["text"].as_str().unwrap().split_once('#').unwrap().1));
}

#[tokio::test]
async fn message_settings_are_read_checked_and_replaced_as_a_whole() {
    // F37, F74
    let stage = Stage::open().await;
    let read = async || stage.admin(Method::GET, &stage.admin_path("/message-settings")).send().await;
    let usual = read().await;
    assert_eq!((&usual.headers["etag"], &usual.body["order"]), (&"\"0\"".parse().unwrap(), &json!(["wechat", "sms", "email"])));
    assert_eq!((&usual.body["tellApplicants"], &usual.body["tellAdministrators"]), (&json!(true), &json!(true)));
    let change = async |version: &str, settings: Value| {
        let call = stage.admin(Method::PUT, &stage.admin_path("/message-settings")).header("if-match", version);
        call.json(&settings).send().await
    };
    let first = change("\"0\"", json!({ "order": ["email"], "senderName": "Acme" })).await;
    assert_eq!(
        (first.status.as_u16(), &first.headers["etag"], &first.body["settings"]["senderName"]),
        (200, &"\"1\"".parse().unwrap(), &json!("Acme"))
    );
    assert_eq!(change("\"0\"", json!({})).await.refusal(), (412, "stale"));
    assert_eq!(change("*", read().await.body).await.status, 200, "what is read can be written");
    for (settings, pointer) in [
        (json!({ "order": [] }), "/order"),
        (json!({ "order": ["sms", "sms"] }), "/order"),
        (json!({ "order": ["pigeon"] }), "/order/0"),
        (json!({ "texts": { "rejected": { "en": { "sms": "{{link}}" } } } }), "/texts/rejected/en/sms"),
        (json!({ "texts": { "rejected": { "en": { "sms": "{{nothing}}" } } } }), "/texts/rejected/en/sms"),
        (json!({ "senderName": "x\r\nBcc: y" }), "/senderName"),
        (json!({ "colour": "red" }), "/colour"),
    ] {
        assert_eq!(change("*", settings.clone()).await.pointed().0, pointer, "{settings}");
    }
    let now = read().await;
    assert_eq!((&now.headers["etag"], &now.body["order"]), (&"\"2\"".parse().unwrap(), &json!(["email"])));
    stage.put_message_settings(json!({})).await;
    assert_eq!(read().await.body["order"], json!(["wechat", "sms", "email"]), "what is absent is as usual");
}

#[tokio::test]
async fn applicants_and_administrators_hear_nothing_where_that_is_switched_off() {
    // F47, F48
    let stage = Stage::open().await;
    stage.put_message_settings(json!({ "tellApplicants": false, "tellAdministrators": false })).await;
    let ticket = stage.applicant(&phone(1)).await;
    assert_eq!(stage.decide(&stage.users("pending").await, "approve").await.results(), ["approved"]);
    stage.cloud.settle().await;
    assert_eq!(stage.ledger_page("").await.len(), 1, "the code");
    assert_eq!(stage.received("owner@example.com"), []);
    assert_eq!(stage.news("").await["unread"], json!(1), "the inbox has it all the same");
    assert_eq!(stage.status(&ticket).await.step(), "signedIn");
    stage.put_message_settings(json!({})).await;
    stage.applicant(&phone(2)).await;
    stage.cloud.settle().await;
    assert_eq!(stage.received("owner@example.com").len(), 1);
}

#[tokio::test]
async fn a_signature_is_used_once_it_is_approved() {
    // F36
    let stage = Stage::open().await;
    let set =
        async |signature: &str| stage.admin(Method::PATCH, &stage.admin_path("")).json(&json!({ "signature": signature })).send().await;
    let ask = async |text: &str| stage.admin(Method::POST, "/v1/admin/signatures").json(&json!({ "text": text })).send().await;
    assert_eq!(set("艾克米").await.pointed(), ("/signature", "not-approved"));
    let asked = ask("艾克米").await;
    assert_eq!((asked.status.as_u16(), &asked.body["state"]), (201, &json!("requested")), "{asked:?}");
    assert_eq!(ask(" 艾克米 ").await.refusal(), (409, "signature-taken"));
    assert_eq!(ask(&"x".repeat(21)).await.pointed().0, "/text");
    assert_eq!(set("艾克米").await.pointed(), ("/signature", "not-approved"), "asking is not enough");
    assert_eq!(stage.decide_signature("nobody asked", "approved").await.refusal(), (404, "not-found"));
    assert_eq!(stage.decide_signature("艾克米", "maybe").await.pointed().0, "/state");
    assert_eq!(stage.decide_signature("艾克米", "approved").await.body["state"], "approved");
    assert_eq!(set("艾克米").await.status, 200);
    let remark = json!({ "state": "rejected", "remark": "The brand is not ours any more" });
    let rejected = stage.admin(Method::PATCH, "/v1/admin/signatures/艾克米").json(&remark).send().await;
    assert_eq!(rejected.body["remark"], remark["remark"]);
    assert!(rejected.body["decidedAt"].is_string() && rejected.body["requestedBy"].is_string());
    assert_eq!(set("艾克米").await.status, 200, "leaving it alone is no change");
    assert_eq!(stage.admin(Method::PATCH, &stage.admin_path("")).json(&json!({ "name": "x" })).send().await.status, 200);
    stage.set(json!({ "signature": null })).await;
    assert_eq!(set("艾克米").await.pointed(), ("/signature", "not-approved"));
    assert_eq!(ask("艾克米").await.status, 201, "what was rejected may be asked for again");
    let list = stage.admin(Method::GET, "/v1/admin/signatures").send().await;
    assert_eq!((list.body["signatures"].as_array().unwrap().len(), &list.body["signatures"][0]["state"]), (1, &json!("requested")));
    let elsewhere = stage.at_neighbours().await;
    assert_eq!(elsewhere.admin(Method::GET, "/v1/admin/signatures").send().await.body["signatures"], json!([]), "S42");
    assert_eq!(elsewhere.decide_signature("艾克米", "approved").await.refusal(), (404, "not-found"));
}

#[tokio::test]
async fn a_payment_counts_once() {
    // F42
    let stage = Stage::open().await;
    let start = stage.read_balance().await.body;
    let prices =
        json!({ "balance": "0.00", "currency": "CNY", "prepaid": false, "smsPartPrice": "0.05", "emailPrice": "0.03", "topUps": [] });
    assert_eq!(start, prices);
    let paid = json!({ "id": "invoice-7", "amount": "100.5", "remark": "July" });
    let first = stage.top_up(paid.clone()).await;
    assert_eq!((first.status.as_u16(), first.text("balance")), (201, "100.50".into()));
    let second = stage.top_up(paid).await;
    assert_eq!((second.status.as_u16(), second.text("balance")), (200, "100.50".into()), "the same one counts once");
    stage.cloud.clock().advance(1);
    assert_eq!(stage.top_up(json!({ "amount": "-0.005" })).await.text("balance"), "100.495");
    let top_ups = stage.read_balance().await.body["topUps"].clone();
    assert_eq!((top_ups.as_array().unwrap().len(), &top_ups[1]["id"], &top_ups[1]["remark"]), (2, &json!("invoice-7"), &json!("July")));
    assert_eq!(top_ups[0]["amount"], "-0.005");
    assert!(top_ups[0]["by"].is_string());
    for amount in ["0", "0.00", "1000000.001", "-1000001", "0.0005", "1,5", "", "a", "NaN"] {
        assert_eq!(stage.top_up(json!({ "amount": amount })).await.pointed(), ("/amount", "invalid"), "{amount}");
    }
    assert_eq!(stage.top_up(json!({ "amount": 5 })).await.pointed().0, "/amount", "money is no number");
    let elsewhere = stage.at_neighbours().await;
    assert_eq!(elsewhere.read_balance().await.text("balance"), "0.00", "S42");
}

#[tokio::test]
async fn what_is_paid_adds_up_and_nothing_goes_without_a_balance() {
    // F38, F42
    let stage = Stage::with(&[("MESSAGE_BALANCE", "on")]).await;
    stage.top_up(json!({ "amount": "2" })).await;
    let user = stage.reachable_twice(1, "li@example.com").await;
    let note = json!({ "subject": "News", "text": "News" });
    assert_eq!(stage.notify(&[&user], note.clone()).await.results(), ["queued"]);
    stage.cloud.settle().await;
    let thousandths = |text: &Value| text.as_str().unwrap().parse::<portico_domain::message::Money>().unwrap().to_thousandths();
    let sum = |entries: &[Value], what: &str| entries.iter().map(|entry| thousandths(&entry[what])).sum::<i64>();
    let (ledger, left) = (stage.ledger_page("?limit=200").await, thousandths(&stage.read_balance().await.body["balance"]));
    assert_eq!(sum(&ledger, "paid"), 2_000 - left);
    assert!(left < 2_000);
    let message = stage.ledger_page("?kind=notification").await[0]["id"].clone();
    let rest = json!({ "amount": format!("-{}", stage.read_balance().await.text("balance")) });
    assert_eq!(stage.top_up(rest).await.text("balance"), "0.00");
    assert_eq!(stage.resend_message(&message, json!({})).await.refusal(), (409, "no-balance"));
    assert_eq!(stage.ledger_page("?limit=200").await.len(), ledger.len(), "nothing was written");
    assert_eq!(stage.notify(&[&user], note).await.results(), ["unpaid"]);
    let unpaid = stage.ledger_page("?kind=notification&state=unpaid").await;
    assert_eq!((unpaid.len(), &unpaid[0]["paid"], &unpaid[0]["attempts"]), (1, &json!("0.00"), &json!(0)));
    stage.top_up(json!({ "amount": "1" })).await;
    assert_eq!(stage.resend_message(&unpaid[0]["id"], json!({})).await.status, 201, "once there is money it can go after all");

    let figures = stage.admin(Method::GET, &stage.admin_path("/message-figures")).send().await.body;
    let days = figures["days"].as_array().unwrap();
    let all: Vec<Value> = days.iter().flat_map(|day| day["figures"].as_array().unwrap().clone()).collect();
    let ledger = stage.ledger_page("?limit=200").await;
    assert_eq!((days.len(), figures["currency"].as_str()), (7, Some("CNY")));
    for what in ["cost", "paid"] {
        assert_eq!((sum(&all, what), thousandths(&figures[what])), (sum(&ledger, what), sum(&ledger, what)), "{what}");
        assert_eq!(sum(days, what), sum(&ledger, what), "{what}");
    }
    let count = |entries: &[Value], what: &str| entries.iter().map(|entry| entry[what].as_u64().unwrap()).sum::<u64>();
    assert_eq!(count(&all, "messages"), ledger.len() as u64);
    assert_eq!(count(&all, "parts"), count(&ledger, "parts"));
    let of_days = async |query: &str| stage.admin(Method::GET, &stage.admin_path(&format!("/message-figures{query}"))).send().await;
    let past = of_days("?from=2020-01-30&to=2020-02-02").await.body;
    let named: Vec<_> = past["days"].as_array().unwrap().iter().map(|day| day["day"].as_str().unwrap()).collect();
    assert_eq!((named, &past["cost"]), (vec!["2020-01-30", "2020-01-31", "2020-02-01", "2020-02-02"], &json!("0.00")));
    assert_eq!(of_days("?from=2020-01-01&to=2020-04-01").await.status, 200, "92 days");
    for query in ["?from=2020-01-01&to=2020-04-02", "?from=2020-01-02&to=2020-01-01", "?from=2020-13-01"] {
        assert_eq!(of_days(query).await.refusal(), (422, "invalid"), "{query}");
    }
}

#[tokio::test]
async fn notifications_reach_users_and_lead_nowhere_else() {
    // F72, F74, S59
    let stage = Stage::open().await;
    stage.put_message_settings(json!({ "order": ["email"] })).await;
    stage.applicant("li@example.com").await;
    stage.applicant(&phone(2)).await;
    let users = stage.users("pending").await;
    let (li, wu) = (users[1].as_str(), users[0].as_str());
    assert_eq!(stage.notify(&[li], json!({ "subject": "x", "text": "x" })).await.results(), ["notActive"]);
    stage.decide(&users, "approve").await;
    let link = format!("{}/p/{}", stage.cloud.base_url(), stage.seeded.suffix);
    let note = json!({ "subject": "  A reply ", "text": "Wu: {{name}} <b>ok</b>", "link": link });
    let sent = stage.notify(&[li, wu, li, &stage.seeded.portal], note).await;
    assert_eq!(sent.results(), ["queued", "queued", "unknown"], "each once: {sent:?}");
    stage.cloud.settle().await;
    let mail = &stage.received("li@example.com")[0];
    assert_eq!(
        (mail.subject.as_deref(), mail.text.as_str()),
        (Some("A reply"), format!("Wu: {{{{name}}}} <b>ok</b> {link}").as_str()),
        "S59"
    );
    assert!(mail.html.as_ref().unwrap().contains("&lt;b&gt;ok"), "S58");
    assert_eq!(stage.received(&phone(2)).len(), 2, "with the approval: who has no mailbox is reached by what there is");
    let note = |name: &str, value: Value| {
        let mut note = json!({ "subject": "x", "text": "x" });
        note[name] = value;
        note
    };
    for link in ["https://elsewhere.example/p/x", "//elsewhere.example", "javascript:alert(1)", "/p/x", "https://a@b", ""] {
        assert_eq!(stage.notify(&[li], note("link", json!(link))).await.pointed(), ("/link", "foreign-origin"), "{link}");
    }
    let disguised = format!("{}@elsewhere.example/", stage.cloud.base_url());
    assert_eq!(stage.notify(&[li], note("link", json!(disguised))).await.pointed().0, "/link");
    assert_eq!(stage.notify(&[li], note("subject", json!("x".repeat(101)))).await.pointed().0, "/subject");
    assert_eq!(stage.notify(&[li], note("text", json!("a\u{7}b"))).await.pointed().0, "/text");
    assert_eq!(stage.notify(&[li], note("text", json!("x".repeat(501)))).await.pointed().0, "/text");
    assert_eq!(stage.notify(&[], note("text", json!("x"))).await.pointed().0, "/users");
    assert_eq!(stage.notify(&[li; 101], note("text", json!("x"))).await.pointed().0, "/users");
    assert_eq!(stage.ledger_page("?kind=notification").await.len(), 2, "what is refused is not written");
}

#[tokio::test]
async fn news_are_counted_until_they_are_read() {
    // F48
    let stage = Stage::open().await;
    assert_eq!(stage.news("").await, json!({ "news": [], "unread": 0, "moreUnread": false }));
    for index in 1..=3 {
        stage.applicant(&phone(index)).await;
        stage.cloud.clock().advance(1);
    }
    let users = stage.users("pending").await;
    let page = stage.news("?limit=2").await;
    let news = page["news"].as_array().unwrap();
    assert_eq!((news.len(), &page["unread"], &page["moreUnread"]), (2, &json!(3), &json!(false)));
    let shown = (&news[0]["kind"], &news[0]["user"], &news[0]["pending"], &news[0]["portal"], &news[0]["unread"]);
    assert_eq!(shown, (&json!("signedUp"), &json!(users[0]), &json!(true), &json!(stage.seeded.portal), &json!(true)));
    let rest = stage.news(&format!("?limit=2&cursor={}", page["cursor"].as_str().unwrap())).await;
    assert_eq!((rest["news"].as_array().unwrap().len(), &rest["news"][0]["user"], &rest["cursor"]), (1, &json!(users[2]), &Value::Null));
    let read =
        async |id: &Value| stage.admin(Method::POST, "/v1/admin/news/read").json(&json!({ "upTo": id })).send().await.status.as_u16();
    assert_eq!(read(&news[1]["id"]).await, 204);
    let after = stage.news("").await;
    let unread: Vec<_> = after["news"].as_array().unwrap().iter().map(|news| news["unread"].as_bool().unwrap()).collect();
    assert_eq!((unread, &after["unread"]), (vec![true, false, false], &json!(1)));
    read(&news[0]["id"]).await;
    read(&rest["news"][0]["id"]).await;
    assert_eq!(stage.news("").await["unread"], 0, "what was seen stays seen");
    stage.open_to_anyone().await;
    stage.signed_in(&phone(4)).await;
    let newest = stage.news("?limit=1").await;
    assert_eq!((&newest["unread"], &newest["news"][0]["pending"]), (&json!(1), &json!(false)));
    let elsewhere = stage.at_neighbours().await;
    assert_eq!(elsewhere.news("").await["news"], json!([]), "S42");
}

#[tokio::test]
async fn news_are_for_those_whom_they_concern_and_read_by_each_alone() {
    // F48, S44
    let stage = Stage::open().await;
    stage.applicant(&phone(1)).await;
    stage.open_to_anyone().await;
    stage.signed_in(&phone(2)).await;
    stage.set(json!({ "registration": { "window": { "closesAt": "2020-01-01T00:00:00", "zone": "UTC" } } })).await;
    stage.cloud.run_schedule("close-registration").await.unwrap().unwrap();
    let all = stage.news("").await;
    let kinds: BTreeSet<_> = all["news"].as_array().unwrap().iter().map(|news| news["kind"].as_str().unwrap()).collect();
    assert_eq!((&all["unread"], kinds), (&json!(3), BTreeSet::from(["registrationClosed", "signedUp"])));
    let closed = all["news"].as_array().unwrap().iter().find(|news| news["kind"] == "registrationClosed").unwrap();
    assert_eq!((closed["closedAt"].is_string(), &closed["user"]), (true, &Value::Null), "F20");
    let reader = colleague(&stage, &[Right::ReadUsers]).await;
    let theirs = stage.call(Method::GET, "/v1/admin/news").bearer(&reader).send().await.body;
    assert_eq!(
        (theirs["news"].as_array().unwrap().len(), &theirs["unread"]),
        (1, &json!(1)),
        "who decides nothing hears of no application"
    );
    assert_eq!(theirs["news"][0]["pending"], false);
    let read = stage.call(Method::POST, "/v1/admin/news/read").bearer(&reader).json(&json!({ "upTo": all["news"][0]["id"] }));
    assert_eq!(read.send().await.status, 204);
    assert_eq!(stage.call(Method::GET, "/v1/admin/news").bearer(&reader).send().await.body["unread"], 0);
    assert_eq!(stage.news("").await["unread"], 3, "what one has seen another has not");
    for (method, path) in [(Method::PUT, "/message-settings"), (Method::POST, "/notifications"), (Method::DELETE, "/suppressions")] {
        let answer = stage.call(method, &stage.admin_path(path)).bearer(&reader).json(&json!({})).send().await;
        assert_eq!(answer.refusal(), (403, "forbidden"), "{path}");
    }
}
