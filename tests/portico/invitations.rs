//! Invitations: made, told, repeated, withdrawn, accepted once (F31, F49, F50, F53, F54, S41, S48).

use std::time::Duration;

use futures_util::future::join_all;
use http::Method;
use portico_domain::ids::OrganisationId;
use portico_local::{
    capture::Sender,
    meter::{Fault, Rule},
};
use portico_store::{Store, Table};
use serde_json::{Value, json};

use crate::stage::{Answer, Stage, phone};

const MONTH: i64 = 30 * 86_400;

impl Stage {
    /// A portal for invited people, with nothing collected.
    async fn for_invited_people() -> Self {
        let stage = Self::open().await;
        stage.open_to_anyone().await;
        stage.set(json!({ "access": "invited" })).await;
        stage
    }

    async fn invitations(&self, query: &str) -> Answer {
        self.admin(Method::GET, &self.admin_path(&format!("/invitations{query}"))).send().await
    }

    async fn invitation_status(&self, id: &str) -> String {
        let page = self.invitations("?limit=200").await;
        let found = page.body["invitations"].as_array().unwrap().iter().find(|invitation| invitation["id"] == id);
        found.unwrap_or_else(|| panic!("{id} is not listed"))["status"].as_str().unwrap().to_owned()
    }

    async fn cancel(&self, id: &str) -> Answer {
        self.admin(Method::DELETE, &self.admin_path(&format!("/invitations/{id}"))).send().await
    }

    async fn resend(&self, id: &str) -> Answer {
        self.admin(Method::POST, &self.admin_path(&format!("/invitations/{id}/resend"))).send().await
    }

    async fn follow(&self, token: &str) -> Answer {
        self.post(&self.path("invitation"), json!({ "token": token })).await
    }

    async fn ask_by_link(&self, token: &str) -> Answer {
        self.post(&self.path("codes"), json!({ "invitation": token, "purpose": "sign-in" })).await
    }

    /// That a token leads nowhere, wherever it is brought.
    async fn is_dead(&self, token: &str) {
        let nowhere = |answer: Answer| (answer.status.as_u16(), answer.body["type"].clone(), answer.body["title"].clone());
        let unknown = nowhere(self.follow("x").await);
        assert_eq!(unknown.0, 404);
        assert_eq!(nowhere(self.follow(token).await), unknown);
        assert_eq!(nowhere(self.ask_by_link(token).await), unknown);
    }

    fn sent_to(&self, address: &str) -> usize {
        self.cloud.messages().list(Some(address)).len()
    }
}

/// The token of a link.
fn token(answer: &Answer) -> String {
    token_in(&answer.text("url"))
}

fn token_in(text: &str) -> String {
    text.split_once("#invitation=").unwrap().1.trim().to_owned()
}

#[tokio::test]
async fn only_who_is_invited_gets_a_code_and_then_has_the_role() {
    // F31, F49, S41
    let stage = Stage::for_invited_people().await;
    let invited = stage.invited(json!({ "address": "138 0000 0001", "name": "Wang Wei", "role": "partner" })).await;
    assert_eq!((invited.text("address"), invited.text("status")), (phone(1), "open".into()));
    let (known, stranger) = (stage.ask_for_code(&phone(1)).await, stage.ask_for_code(&phone(2)).await);
    let shape = |answer: &Answer| {
        let headers: Vec<_> = answer.headers.keys().cloned().collect();
        let part = |name: &str| answer.body[name].clone();
        (answer.status, headers, part("channel"), part("expiresIn"), part("resendIn"), answer.text("flow").len())
    };
    assert_eq!(shape(&known), shape(&stranger));
    assert_eq!((stage.sent_to(&phone(1)), stage.sent_to(&phone(2))), (2, 0));
    let inside = stage.verify(&known.text("flow"), &stage.code_of(&phone(1))).await;
    assert_eq!((inside.step(), inside.body["user"]["role"].as_str()), ("signedIn", Some("partner")));
    assert_eq!(stage.invitation_status(&invited.text("id")).await, "accepted");
    assert_eq!(stage.invite(json!({ "address": phone(1) })).await.refusal(), (409, "already-registered"));
    assert_eq!(stage.seats_used().await, 1);
}

#[tokio::test]
async fn an_invitation_spares_the_approval_and_gives_its_role_where_anyone_may_come() {
    let stage = Stage::open().await;
    stage.invited(json!({ "address": phone(1), "role": "partner" })).await;
    let collect = stage.prove(&phone(1)).await;
    assert_eq!(collect.step(), "collect");
    assert_eq!(stage.register(&collect.text("ticket"), json!({ "name": "Li Na" })).await.step(), "signedIn");
    stage.open_to_anyone().await;
    stage.invited(json!({ "address": phone(2), "role": "partner" })).await;
    assert_eq!(stage.prove(&phone(2)).await.body["user"]["role"], "partner");
    assert_eq!(stage.prove(&phone(3)).await.body["user"]["role"], "customer");
}

#[tokio::test]
async fn who_left_halfway_can_be_invited_and_who_is_in_or_invited_cannot() {
    let stage = Stage::open().await;
    assert_eq!(stage.prove(&phone(1)).await.step(), "collect");
    stage.applicant(&phone(2)).await;
    stage.set(json!({ "access": "invited" })).await;
    stage.cloud.clock().advance(61);
    assert_eq!(stage.prove(&phone(1)).await.refusal(), (403, "not-invited"));
    stage.invited(json!({ "address": phone(1), "role": "partner" })).await;
    assert_eq!(stage.invite(json!({ "address": phone(1) })).await.refusal(), (409, "already-invited"));
    assert_eq!(stage.invite(json!({ "address": phone(2) })).await.refusal(), (409, "already-registered"));
    stage.cloud.clock().advance(61);
    let collect = stage.prove(&phone(1)).await;
    let inside = stage.register(&collect.text("ticket"), json!({ "name": "Li Na" })).await;
    assert_eq!((inside.step(), inside.body["user"]["role"].as_str()), ("signedIn", Some("partner")));
    assert_eq!(stage.invite(json!({ "address": phone(1) })).await.refusal(), (409, "already-registered"));
}

#[tokio::test]
async fn a_link_names_who_is_invited_consumes_nothing_and_sends_the_code_to_them() {
    // S48
    let stage = Stage::for_invited_people().await;
    let token = token(&stage.invited(json!({ "address": "13800138000", "name": "Li Na", "notify": false })).await);
    for _ in 0..2 {
        let answer = stage.follow(&token).await;
        assert_eq!((answer.status.as_u16(), &answer.body), (200, &json!({ "hint": "+86138****8000", "kind": "phone", "name": "Li Na" })));
    }
    let sent = stage.ask_by_link(&token).await;
    assert_eq!((sent.status.as_u16(), stage.sent_to("+8613800138000")), (202, 1));
    assert_eq!(stage.follow(&token).await.status, 200, "a code that was sent uses nothing up either");
    assert_eq!(stage.verify(&sent.text("flow"), &stage.code_of("+8613800138000")).await.step(), "signedIn");
    stage.is_dead(&token).await;
    assert!(!stage.everything().contains(&token), "stored as a hash");
    let secret = &token[token.len() - 20..];
    assert!(!stage.everything().contains(secret));
}

#[tokio::test]
async fn a_link_that_was_withdrawn_replaced_or_forgotten_leads_nowhere() {
    // S48, R25: nothing cleans up here
    let stage = Stage::for_invited_people().await;
    let first = stage.invited(json!({ "address": phone(1) })).await;
    let again = stage.resend(&first.text("id")).await;
    assert_eq!((again.status.as_u16(), again.text("delivery")), (200, "queued".into()));
    stage.is_dead(&token(&first)).await;
    assert_eq!(stage.follow(&token(&again)).await.status, 200);
    assert_eq!(stage.cancel(&first.text("id")).await.status, 204);
    assert_eq!(stage.cancel(&first.text("id")).await.status, 204, "twice is once");
    stage.is_dead(&token(&again)).await;
    assert_eq!(stage.prove_uninvited(&phone(1)).await, 0);
    assert_eq!(stage.resend(&first.text("id")).await.refusal(), (409, "invitation-closed"));

    let forgotten = stage.invited(json!({ "address": phone(2) })).await;
    stage.cloud.clock().advance(MONTH - 10);
    assert_eq!(stage.follow(&token(&forgotten)).await.status, 200);
    stage.cloud.clock().advance(10);
    stage.is_dead(&token(&forgotten)).await;
    assert_eq!(stage.prove_uninvited(&phone(2)).await, 0);
}

impl Stage {
    /// How many codes a stranger gets who asks for one.
    async fn prove_uninvited(&self, address: &str) -> usize {
        self.cloud.clock().advance(61);
        let codes = || self.cloud.messages().list(Some(address)).iter().filter(|message| message.text.contains("code is")).count();
        let before = codes();
        self.flow(address).await;
        codes() - before
    }
}

#[tokio::test]
async fn a_link_is_good_for_its_portal_its_recipient_and_a_sign_in_alone() {
    // S48, S42
    let stage = Stage::for_invited_people().await;
    let token = token(&stage.invited(json!({ "address": phone(1) })).await);
    let neighbour = stage.neighbour().await;
    let elsewhere = stage.post(&format!("/v1/portals/{}/invitation", neighbour.portal), json!({ "token": token })).await;
    assert_eq!(elsewhere.refusal(), (404, "not-found"));
    let codes = format!("/v1/portals/{}/codes", neighbour.portal);
    let elsewhere = stage.post(&codes, json!({ "invitation": token, "purpose": "sign-in" })).await;
    assert_eq!(elsewhere.refusal(), (404, "not-found"));
    for body in [
        json!({ "invitation": token, "address": phone(2), "purpose": "sign-in" }),
        json!({ "invitation": token, "purpose": "reset-password" }),
        json!({ "invitation": token, "purpose": "second-step", "ticket": "x", "channel": "sms" }),
    ] {
        let answer = stage.post(&stage.path("codes"), body).await;
        assert_eq!((answer.refusal(), answer.body["errors"][0]["pointer"].as_str()), ((422, "invalid"), Some("/invitation")), "{answer:?}");
    }
    let mut other = token.clone().into_bytes();
    let last = other.len() - 2;
    other[last] = if other[last] == b'A' { b'B' } else { b'A' };
    stage.is_dead(&String::from_utf8(other).unwrap()).await;
    assert_eq!(stage.sent_to(&phone(2)), 0);
    assert_eq!(stage.follow(&token).await.status, 200);
}

#[tokio::test]
async fn the_message_is_told_of_and_the_invitation_stands_without_it() {
    // F41, F50
    let stage = Stage::open().await;
    stage.set(json!({ "signIn": { "accounts": { "phone": true, "email": true }, "sevenDays": true, "countries": ["CN", "FR"] } })).await;
    let sent = stage.invited(json!({ "address": phone(1), "name": "Wang Wei" })).await;
    let text = &stage.cloud.messages().last(&phone(1)).unwrap().text;
    assert_eq!(sent.text("delivery"), "queued");
    assert!(text.contains("Wang Wei, you are invited to") && text.ends_with(&sent.text("url")), "{text}");
    assert!(sent.text("url").contains(&format!("/p/{}#invitation=", stage.seeded.suffix)));
    let quiet = stage.invited(json!({ "address": phone(2), "notify": false })).await;
    assert_eq!((quiet.text("delivery"), stage.sent_to(&phone(2))), ("notAsked".into(), 0));
    let abroad = stage.invited(json!({ "address": "+33 6 12 34 56 78" })).await;
    assert_eq!((abroad.text("delivery"), stage.sent_to("+33612345678")), ("noSms".into(), 0));
    assert_eq!(stage.follow(&token(&abroad)).await.body["hint"], "+336****5678");
    stage.cloud.fail_sender(Some(Sender::Ses));
    let failed = stage.invited(json!({ "address": "li@example.com" })).await;
    assert_eq!((failed.text("delivery"), stage.invitation_status(&failed.text("id")).await), ("queued".into(), "open".into()));
    assert_eq!(stage.sent_to("li@example.com"), 0);
    stage.cloud.fail_sender(None);
    assert_eq!(stage.resend(&failed.text("id")).await.text("delivery"), "queued");
    let mail = stage.cloud.messages().last("li@example.com").unwrap();
    assert!(mail.subject.unwrap().contains("you are invited") && mail.text.contains("sign in with this email address"));
}

#[tokio::test]
async fn invitations_are_checked_before_anything_is_written() {
    let stage = Stage::open().await;
    stage.set(json!({ "signIn": { "accounts": { "phone": true, "email": false }, "sevenDays": true, "countries": ["CN"] } })).await;
    let before = stage.everything();
    for (body, pointer, code) in [
        (json!({ "address": "12345" }), "/address", "address-invalid"),
        (json!({ "address": "+33612345678" }), "/address", "country-not-allowed"),
        (json!({ "address": "li@example.com" }), "/address", "method-off"),
        (json!({ "address": phone(1), "role": "owner" }), "/role", "unknown-role"),
        (json!({ "address": phone(1), "name": " " }), "/name", "invalid"),
        (json!({ "address": [phone(1), phone(2)] }), "/address", "invalid"),
        (json!({ "address": phone(1), "status": "accepted" }), "/status", "unknown-field"),
    ] {
        let answer = stage.invite(body).await;
        let error = &answer.body["errors"][0];
        assert_eq!((answer.refusal(), error["pointer"].as_str(), error["code"].as_str()), ((422, "invalid"), Some(pointer), Some(code)));
    }
    for query in ["?limit=0", "?limit=201", "?status=ghost", "?cursor=x", "?portal=x"] {
        assert_eq!(stage.invitations(query).await.refusal(), (422, "invalid"), "{query}");
    }
    assert_eq!(before, stage.everything());
}

#[tokio::test]
async fn nobody_is_invited_while_no_seat_is_free() {
    // F54
    let stage = Stage::open().await;
    stage.open_to_anyone().await;
    stage.signed_in(&phone(1)).await;
    let store = Store::open(&stage.cloud.deployment("portals"), &[Table::Users]).unwrap();
    let organisation: OrganisationId = stage.seeded.organisation.parse().unwrap();
    store.set_total_seats(organisation, 1).await.unwrap().unwrap();
    assert_eq!(stage.invite(json!({ "address": phone(2) })).await.refusal(), (409, "no-seats"));
    store.set_total_seats(organisation, 2).await.unwrap().unwrap();
    stage.invited(json!({ "address": phone(2) })).await;
}

#[tokio::test]
async fn invitations_are_listed_newest_first_page_by_page_by_status() {
    // F53
    let stage = Stage::for_invited_people().await;
    let mut made = Vec::new();
    for index in 0..12 {
        made.push(stage.invited(json!({ "address": phone(index), "notify": false })).await.text("id"));
        stage.cloud.clock().advance(1);
    }
    stage.prove(&phone(3)).await;
    for gone in [4, 5] {
        stage.cancel(&made[gone]).await;
    }
    let pages = async |status: &str| {
        let (mut seen, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = stage.invitations(&format!("?limit=5{status}{cursor}")).await;
            let part = page.body["invitations"].as_array().unwrap();
            assert!(part.len() <= 5 && part.iter().all(|invitation| invitation.get("url").is_none()));
            seen.extend(part.iter().map(|invitation| invitation["id"].as_str().unwrap().to_owned()));
            match page.body["cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return seen,
            }
        }
    };
    let newest_first: Vec<String> = made.iter().rev().cloned().collect();
    assert_eq!(pages("").await, newest_first);
    assert_eq!(pages("&status=accepted").await, [made[3].clone()]);
    assert_eq!(pages("&status=cancelled").await, [made[5].clone(), made[4].clone()]);
    assert_eq!(pages("&status=open").await.len(), 9);
    stage.cloud.clock().advance(8 * 3_600);
    let again = stage.invited(json!({ "address": phone(4), "notify": false })).await.text("id");
    assert_eq!(pages("&status=cancelled").await, [made[5].clone()], "the new one stands in the place of the old");
    assert_eq!(pages("").await.len(), 12);
    assert_eq!(pages("").await[0], again);
}

#[tokio::test]
async fn an_invitation_that_expired_is_repeated_or_made_anew() {
    // F53, F54
    let mut stage = Stage::for_invited_people().await;
    let first = stage.invited(json!({ "address": phone(1), "role": "partner" })).await.text("id");
    let second = stage.invited(json!({ "address": phone(2) })).await.text("id");
    stage.cloud.clock().advance(MONTH);
    stage.administrator_again().await;
    assert_eq!(stage.invitation_status(&first).await, "expired");
    let again = stage.resend(&first).await;
    assert_eq!((again.text("id"), again.text("status")), (first, "open".into()));
    assert_eq!(stage.prove(&phone(1)).await.body["user"]["role"], "partner");
    let anew = stage.invited(json!({ "address": phone(2) })).await.text("id");
    assert_ne!(anew, second);
    assert_eq!(stage.resend(&second).await.refusal(), (404, "not-found"));
}

#[tokio::test]
async fn many_are_repeated_or_withdrawn_at_once_each_with_a_result() {
    // F53, S45, S43
    let stage = Stage::for_invited_people().await;
    let mut ids = Vec::new();
    for index in 0..4 {
        ids.push(stage.invited(json!({ "address": phone(index), "notify": false })).await.text("id"));
    }
    stage.prove(&phone(0)).await;
    let second = stage.admin(Method::POST, "/v1/admin/portals").json(&json!({ "application": "Second" })).send().await.text("id");
    let act = async |portal: &str, action: &str, ids: &[String]| {
        let path = format!("/v1/admin/portals/{portal}/invitations/actions");
        stage.admin(Method::POST, &path).json(&json!({ "invitations": ids, "action": action })).send().await
    };
    let results = |answer: &Answer| -> Vec<String> {
        answer.body["results"].as_array().unwrap().iter().map(|result| result["result"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(results(&act(&second, "cancel", &ids).await), ["unknown"; 4], "another portal of the same organisation");
    assert_eq!(results(&act(&stage.seeded.portal, "cancel", &[ids[1].clone()]).await), ["cancelled"]);
    let again = act(&stage.seeded.portal, "resend", &[&ids[..], &ids[..1]].concat()).await;
    assert_eq!(results(&again), ["closed", "closed", "resent", "resent"], "one that is given twice counts once");
    for at in [2, 3] {
        let result = &again.body["results"][at];
        assert_eq!((&result["delivery"], stage.sent_to(&phone(at))), (&json!("queued"), 1));
        assert_eq!(stage.follow(&token_in(result["url"].as_str().unwrap())).await.status, 200);
    }
    for (body, pointer) in [
        (json!({ "invitations": [], "action": "cancel" }), "/invitations"),
        (json!({ "invitations": vec![&ids[0]; 101], "action": "cancel" }), "/invitations"),
        (json!({ "invitations": ["x"], "action": "cancel" }), "/invitations/0"),
        (json!({ "invitations": ids, "action": "accept" }), "/action"),
    ] {
        let answer = stage.admin(Method::POST, &stage.admin_path("/invitations/actions")).json(&body).send().await;
        assert_eq!((answer.refusal(), answer.body["errors"][0]["pointer"].as_str()), ((422, "invalid"), Some(pointer)), "{answer:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_two_administrators_who_invite_at_once_one_does() {
    let stage = &Stage::for_invited_people().await;
    let answers = join_all((0..8).map(|_| stage.invite(json!({ "address": phone(1) })))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1, "{answers:?}");
    assert!(answers.iter().filter(|answer| answer.status != 201).all(|answer| answer.refusal() == (409, "already-invited")));
    assert_eq!((stage.sent_to(&phone(1)), stage.invitations("").await.body["invitations"].as_array().unwrap().len()), (1, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_windows_accept_an_invitation_once() {
    // S48
    let stage = &Stage::open().await;
    stage.set(json!({ "access": "invited" })).await;
    let id = stage.invited(json!({ "address": phone(1), "role": "partner" })).await.text("id");
    let ticket = &stage.prove(&phone(1)).await.text("ticket");
    let answers = join_all((0..12).map(|_| stage.register(ticket, json!({ "name": "Li Na" })))).await;
    assert_eq!(answers.iter().filter(|answer| answer.step() == "signedIn").count(), 1, "{answers:?}");
    let user = stage.users("active").await[0].clone();
    let accepted = |row: &Value| row["id"] == id && row["acceptedBy"] == user;
    assert_eq!((stage.rows("UsersTable", accepted), stage.seats_used().await), (1, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_a_withdrawal_and_an_acceptance_that_meet_one_is_made() {
    // S48
    let stage = &Stage::for_invited_people().await;
    let slow = Fault::Delayed(Duration::from_millis(800));
    let pause = || tokio::time::sleep(Duration::from_millis(300));
    let id = &stage.invited(json!({ "address": phone(1) })).await.text("id");
    let flow = &stage.flow(&phone(1)).await;
    let code = &stage.code_of(&phone(1));
    stage.cloud.meter().fail(Rule::next("TransactWriteItems", slow.clone()));
    let withdraw = async {
        pause().await;
        stage.cancel(id).await
    };
    let (late, withdrawn) = tokio::join!(stage.verify(flow, code), withdraw);
    assert_eq!((late.refusal(), withdrawn.status.as_u16()), ((403, "not-invited"), 204));
    assert_eq!((stage.sessions(), stage.seats_used().await, stage.invitation_status(id).await), (0, 0, "cancelled".into()));

    let id = &stage.invited(json!({ "address": phone(2) })).await.text("id");
    let flow = &stage.flow(&phone(2)).await;
    let code = &stage.code_of(&phone(2));
    let accept = async {
        pause().await;
        stage.verify(flow, code).await
    };
    // The first transaction from now on is that of the withdrawal.
    stage.cloud.meter().fail(Rule::next("TransactWriteItems", slow));
    let (withdrawn, inside) = tokio::join!(stage.cancel(id), accept);
    assert_eq!((withdrawn.refusal(), inside.step()), ((409, "invitation-closed"), "signedIn"));
    assert_eq!((stage.seats_used().await, stage.invitation_status(id).await), (1, "accepted".into()));
}

#[tokio::test]
async fn an_account_that_ends_takes_its_invitation_along() {
    // S69
    let stage = Stage::open().await;
    let fields = json!([{ "id": "name", "type": "text", "label": { "zh": "姓名", "en": "Name" }, "collect": false, "required": false }]);
    stage.set(json!({ "access": "invited", "fields": fields })).await;
    stage.invited(json!({ "address": "li@example.com", "name": "Li Na" })).await;
    let invitations = |stage: &Stage| stage.everything().matches("INVITATION").count();
    assert!(invitations(&stage) >= 2, "at the address and in the list");
    let session = stage.signed_in("li@example.com").await;
    assert_eq!(stage.call(Method::DELETE, "/v1/me").bearer(&session).send().await.status, 204);
    assert!(!stage.everything().contains("li@example.com"));
    assert_eq!(invitations(&stage), 0);
    stage.cloud.clock().advance(61);
    assert_eq!(stage.ask_for_code("li@example.com").await.status, 202);
    assert_eq!(stage.cloud.messages().list(Some("li@example.com")).len(), 2, "the invitation and one code: a stranger again (S41)");
}
