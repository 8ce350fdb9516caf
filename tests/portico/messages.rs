//! Messages: written with their cause, delivered once, counted to the part (F38, F42, F48, F74; R9, R13 to R17, R30).

use std::{collections::BTreeMap, time::Duration};

use http::Method;
use portico_access::Keyring;
use portico_domain::{
    address::Address,
    ids::{MessageId, PortalId},
    locale::Locale,
    message::{MessageSettings, Money, Person},
    text::Text,
};
use portico_local::{
    capture::{Mode, Sender},
    meter::{Fault, Rule},
};
use portico_messaging::{About, Birth, Outbox, Recipient};
use portico_store::{Store, Table, TopUp};
use serde_json::{Value, json};

use crate::{
    logs,
    stage::{Stage, phone},
};

/// What a message costs: the template's prices.
const SMS: i64 = 50;
const MAIL: i64 = 30;
/// A code by SMS in English is two parts.
const CODE: i64 = 2 * SMS;

impl Stage {
    /// A cloud whose organisation pays from a balance of so many thousandths.
    pub(crate) async fn prepaid(thousandths: i64, variables: &[(&str, &str)]) -> Self {
        let crowds = [("CAP_CLIENT_MINUTELY", "100000"), ("CAP_CLIENT_HOURLY", "100000"), ("CAP_PORTAL_HOURLY", "100000")];
        let prepaid = [("MESSAGE_BALANCE", "on")];
        let stage = Self::with(&[&prepaid[..], &crowds[..], variables].concat()).await;
        let at = stage.cloud.clock().now();
        let top_up =
            TopUp { id: "first".into(), amount: Money::thousandths(thousandths), remark: Text::parse("a test").ok(), by: None, at };
        assert!(stage.store().top_up(stage.seeded.organisation.parse().unwrap(), &top_up).await.unwrap());
        stage
    }

    /// The store itself, with all rights.
    pub(crate) fn store(&self) -> Store {
        let deployment = self.cloud.deployment("deliver-messages");
        Store::open(&deployment, &[Table::Portals, Table::Users, Table::Codes, Table::Messages]).unwrap()
    }

    /// What is left, in thousandths.
    pub(crate) async fn balance(&self) -> i64 {
        self.store().balance(self.seeded.organisation.parse().unwrap()).await.unwrap().to_thousandths()
    }

    /// All messages of the ledger.
    pub(crate) fn ledger(&self) -> Vec<Value> {
        let items = self.cloud.database().items("MessagesTable").unwrap();
        items.into_iter().filter(|item| item["sk"].as_str().is_some_and(|sk| sk.starts_with("MESSAGE#"))).collect()
    }

    /// How many messages of a kind are in each state.
    pub(crate) fn states(&self, kind: &str) -> BTreeMap<String, usize> {
        let mut states = BTreeMap::new();
        for message in self.ledger().into_iter().filter(|message| message["kind"] == kind) {
            *states.entry(message["state"].as_str().unwrap().to_owned()).or_default() += 1;
        }
        states
    }

    /// What reached somebody besides codes.
    fn news_to(&self, to: &str) -> Vec<String> {
        let messages = self.cloud.messages().list(Some(to)).into_iter();
        messages.filter(|message| message.code().is_none()).map(|message| message.text).collect()
    }

    /// Runs the sweep, as it comes every minute, until nothing is due.
    async fn sweep(&self) -> Value {
        self.cloud.run_schedule("sweep-messages").await.unwrap().unwrap()
    }

    /// Lets time pass and the sweep come, until no message is open any more.
    async fn sweep_to_the_end(&self) {
        for _ in 0..40 {
            // SES tells within seconds what it took.
            self.cloud.settle_mail().await;
            self.cloud.clock().advance(95);
            self.sweep().await;
            self.cloud.settle().await;
            if self.ledger().iter().all(|message| message["queue"].is_null()) {
                return;
            }
        }
        panic!("messages stay open: {:?}", self.ledger().iter().filter(|message| !message["queue"].is_null()).take(3).collect::<Vec<_>>());
    }

    /// Messages to people, written into the outbox by their causes' own way; nothing is delivered.
    pub(crate) async fn write_to(&self, people: &[String]) -> Vec<MessageId> {
        let deployment = self.cloud.deployment("deliver-messages");
        let (store, outbox) = (self.store(), Outbox::open(&deployment).unwrap());
        let portal: PortalId = self.seeded.portal.parse().unwrap();
        let portal = store.portal(portal).await.unwrap().unwrap();
        let mut ids = Vec::new();
        for (index, person) in people.iter().enumerate() {
            let address = Address::try_from(person.clone()).unwrap();
            let (phone, email) = if person.contains('@') { (None, Some(&address)) } else { (Some(&address), None) };
            let person = Person::Address(address.key(portal.id));
            let to = Recipient { person, name: None, phone, email, wechat: None, locale: Locale::Zh };
            let birth = Birth::new(self.cloud.clock().now(), u128::try_from(index).unwrap() * 7_919);
            let message = outbox.message(birth, &portal, &to, About::PasswordChanged, &MessageSettings::default()).unwrap();
            store.post(&message).await.unwrap();
            ids.push(message.id);
        }
        ids
    }

    /// One request of the DynamoDB protocol, past all that is ours.
    async fn raw(&self, operation: &str, body: Value) {
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let authorization = "AWS4-HMAC-SHA256 Credential=local/20260101/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=0";
        let answer = http
            .post(self.cloud.database().endpoint())
            .header("x-amz-target", format!("DynamoDB_20120810.{operation}"))
            .header("content-type", "application/x-amz-json-1.0")
            .header("authorization", authorization)
            .header("x-amz-date", "20260101T000000Z")
            .body(body.to_string());
        let answer = answer.send().await.unwrap();
        let (status, body) = (answer.status(), answer.text().await.unwrap());
        assert!(status.is_success(), "{body}");
    }

    /// The event of a batch.
    async fn hand_over(&self, records: &[Value]) -> Value {
        self.cloud.deliver(json!({ "Records": records })).await.unwrap()
    }

    /// Hands records over in batches that die: whatever waits for the database by then is never heard of again.
    async fn die_over(&self, records: &[Value]) {
        let batches = records.chunks(10).map(|batch| self.cloud.deliver(json!({ "Records": batch })));
        let deaths = batches.map(|batch| tokio::time::timeout(Duration::from_secs(4), batch));
        for outcome in futures_util::future::join_all(deaths).await {
            assert!(outcome.is_err(), "it should not have lived: {outcome:?}");
        }
    }
}

fn stuck(operation: &str) -> Rule {
    Rule::next(operation, Fault::Delayed(Duration::from_secs(3_600))).times(usize::MAX)
}

/// Half phones of the mainland, which the gateway serves, half mailboxes.
fn crowd(count: usize) -> Vec<String> {
    (0..count).map(|index| if index % 2 == 0 { phone(index) } else { format!("p{index}@example.com") }).collect()
}

#[tokio::test]
async fn of_a_thousand_messages_each_comes_once_wherever_its_delivery_dies() {
    // R13: before and after each step, by the gateway and SES, which allow it. What SNS cannot promise has a test of its own.
    let stage = Stage::prepaid(1_000 * SMS, &[("SMS_GATEWAY_PREFIXES", "+86")]).await;
    let keys = Keyring::new(&stage.cloud.deployment("deliver-messages")).gateway_keys().await.unwrap();
    stage.cloud.capture().set_gateway_keys(&keys);
    let people = crowd(1_000);
    stage.write_to(&people).await;
    assert_eq!(stage.balance().await, 1_000 * SMS - 500 * SMS - 500 * MAIL, "taken with the message (F42)");
    let records = stage.cloud.stream_records().unwrap();
    assert_eq!(records.len(), 1_000);
    let meter = stage.cloud.meter();
    let mut parts = records.chunks(125);
    let mut part = || parts.next().unwrap();

    // Dead before the claim is made.
    meter.fail(stuck("UpdateItem"));
    stage.die_over(part()).await;
    meter.reset();
    // Dead after the claim, before its answer comes.
    meter.fail(Rule::next("UpdateItem", Fault::AnswerLost).times(usize::MAX));
    let claimed = part().chunks(10).map(|batch| stage.hand_over(batch));
    futures_util::future::join_all(claimed).await;
    meter.reset();
    // Dead with the claim in hand, before the provider is called.
    let (mails, texts): (Vec<_>, Vec<_>) = part().iter().cloned().partition(|record| record.to_string().contains("@example.com"));
    meter.fail(stuck("GetItem"));
    stage.die_over(&mails).await;
    meter.reset();
    stage.hand_over(&texts).await;
    // Dead after the provider took it, before that is written down.
    meter.fail(stuck("TransactWriteItems"));
    stage.die_over(part()).await;
    meter.reset();
    // Written down, and the answer lost.
    meter.fail(Rule::next("TransactWriteItems", Fault::AnswerLost).times(125));
    stage.hand_over(part()).await;
    meter.reset();
    // The providers take it and never answer.
    stage.cloud.capture().fail_with(Sender::Gateway, Mode::Silent, 63);
    stage.cloud.capture().fail_with(Sender::Ses, Mode::Silent, 62);
    stage.hand_over(part()).await;
    // The provider refuses some for good.
    stage.cloud.capture().fail_with(Sender::Gateway, Mode::Refuse, 20);
    stage.hand_over(part()).await;
    // The stream never comes for the rest.
    stage.sweep_to_the_end().await;

    let ledger = stage.ledger();
    let parked = ledger.iter().filter(|message| message["state"] == "parked").count();
    assert_eq!((ledger.len(), parked), (1_000, 20), "{:?}", stage.states("passwordChanged"));
    let doubled: Vec<usize> = (0..1_000).filter(|index| stage.cloud.messages().list(Some(&people[*index])).len() > 1).collect();
    let of_part = |index: &usize| records.iter().position(|record| record.to_string().contains(&people[*index])).unwrap() / 125;
    let mut parts: BTreeMap<usize, usize> = BTreeMap::new();
    doubled.iter().for_each(|index| *parts.entry(of_part(index)).or_default() += 1);
    assert!(doubled.is_empty(), "twice, by the way in which the first delivery ended: {parts:?}");
    let times: Vec<usize> = people.iter().map(|person| stage.cloud.messages().list(Some(person)).len()).collect();
    assert_eq!(times.iter().filter(|times| **times == 1).count(), 980);
    assert_eq!(times.iter().filter(|times| **times == 0).count(), 20);
    let paid: i64 = ledger.iter().map(|message| message["paid"].as_i64().unwrap()).sum();
    let worth: i64 = ledger.iter().filter(|message| message["state"] != "parked").map(|message| message["cost"].as_i64().unwrap()).sum();
    assert_eq!((paid, stage.balance().await), (worth, 1_000 * SMS - paid), "the ledger balances");
}

#[tokio::test]
async fn by_sns_a_message_comes_once_unless_its_delivery_dies_between_the_call_and_its_record() {
    // What cannot be promised (docs/operating.md): SNS takes no identifier, and tells nobody what it took.
    let stage = Stage::prepaid(100 * SMS, &[]).await;
    let people: Vec<String> = (0..30).map(phone).collect();
    stage.write_to(&people).await;
    let records = stage.cloud.stream_records().unwrap();
    let meter = stage.cloud.meter();
    meter.fail(stuck("UpdateItem"));
    stage.die_over(&records[..10]).await;
    meter.reset();
    meter.fail(stuck("TransactWriteItems"));
    stage.die_over(&records[10..20]).await;
    meter.reset();
    stage.sweep_to_the_end().await;
    for (at, person) in people.iter().enumerate() {
        let died_after_the_call = (10..20).any(|dead| records[dead].to_string().contains(person));
        assert_eq!(stage.news_to(person).len(), if died_after_the_call { 2 } else { 1 }, "{at}");
    }
    assert_eq!(stage.balance().await, 70 * SMS, "and is paid for once");
}

#[tokio::test]
async fn sns_that_never_answers_is_given_a_message_twice_and_no_more() {
    let stage = Stage::prepaid(10 * SMS, &[]).await;
    stage.write_to(&[phone(1)]).await;
    stage.cloud.capture().fail_with(Sender::Sns, Mode::Silent, 10);
    stage.cloud.settle().await;
    stage.sweep_to_the_end().await;
    assert_eq!((stage.news_to(&phone(1)).len(), stage.ledger()[0]["state"].as_str()), (2, Some("unknown")));
    assert_eq!(stage.balance().await, 9 * SMS, "it may have arrived, and is paid for once");
}

#[tokio::test]
async fn a_batch_that_comes_twice_and_out_of_order_with_a_poison_record_is_sent_once_and_parked_once() {
    // R14, R16
    let stage = Stage::prepaid(100 * SMS, &[]).await;
    let people: Vec<String> = (0..100).map(phone).collect();
    let ids = stage.write_to(&people).await;
    let poison = stage.ledger().into_iter().find(|message| message["id"] == ids[41].to_string()).unwrap();
    let table = stage.cloud.environment_of("deliver-messages")["MESSAGES_TABLE"].clone();
    let key = json!({ "pk": { "S": poison["pk"] }, "sk": { "S": poison["sk"] } });
    let update = json!({ "TableName": table, "Key": key, "UpdateExpression": "SET kind = :k", "ExpressionAttributeValues": { ":k": { "S": "nonsense" } } });
    stage.raw("UpdateItem", update).await;
    let records = stage.cloud.stream_records().unwrap();
    let backwards: Vec<Value> = records.iter().rev().cloned().collect();
    let (first, second) = tokio::join!(stage.hand_over(&backwards), stage.hand_over(&records));
    let third = stage.hand_over(&records).await;
    for answer in [first, second, third] {
        assert_eq!(answer, json!({ "batchItemFailures": [] }), "nothing comes again");
    }
    for (index, person) in people.iter().enumerate() {
        assert_eq!(stage.news_to(person).len(), usize::from(index != 41), "{person}");
    }
    let states: Vec<Value> = stage.ledger().into_iter().map(|message| message["state"].clone()).collect();
    assert_eq!(states.iter().filter(|state| **state == "sent").count(), 99);
    assert_eq!(states.iter().filter(|state| **state == "parked").count(), 1);
    let alarm = logs::lines_with("message-parked").into_iter().filter(|line| line.contains(&ids[41].to_string())).count();
    assert_eq!(alarm, 1, "the alarm's metric counts this line");
    assert_eq!(stage.sweep().await, json!({ "sent": 0, "waiting": 0, "parked": 0, "told": 0 }));
}

#[tokio::test]
async fn of_ten_records_only_the_one_that_failed_comes_again() {
    // R17
    let stage = Stage::prepaid(100 * SMS, &[]).await;
    let people: Vec<String> = (0..10).map(phone).collect();
    let ids = stage.write_to(&people).await;
    let records = stage.cloud.stream_records().unwrap();
    let third = &records[2];
    let id = ids.iter().find(|id| third.to_string().contains(&id.to_string())).unwrap();
    stage.cloud.meter().fail(Rule::next("UpdateItem", Fault::Internal).containing(&id.to_string()).times(3));
    let answer = stage.hand_over(&records).await;
    assert_eq!(answer, json!({ "batchItemFailures": [{ "itemIdentifier": third["dynamodb"]["SequenceNumber"] }] }));
    assert_eq!(stage.states("passwordChanged"), BTreeMap::from([("queued".into(), 1), ("sent".into(), 9)]));
    stage.cloud.settle().await;
    assert_eq!(stage.states("passwordChanged"), BTreeMap::from([("sent".into(), 10)]));
    assert!(people.iter().all(|person| stage.news_to(person).len() == 1));
}

#[tokio::test]
async fn of_a_hundred_at_once_with_money_for_ten_exactly_ten_get_a_code() {
    // F42
    let stage = Stage::prepaid(10 * CODE + CODE - 1, &[]).await;
    stage.open_to_anyone().await;
    let people: Vec<String> = (0..100).map(|index| format!("+861{}{:08}", 30 + index % 10, index * 700_001)).collect();
    let answers = futures_util::future::join_all(people.iter().map(|person| stage.ask_for_code(person))).await;
    let sent = answers.iter().filter(|answer| answer.status == 202).count();
    let refused: Vec<_> = answers.iter().filter(|answer| answer.status != 202).collect();
    assert_eq!((sent, stage.balance().await), (10, CODE - 1), "{:?}", refused.first());
    assert!(
        refused.iter().all(|answer| answer.refusal() == (429, "too-many-requests") && answer.body["pause"] == "no-balance"),
        "{:?}",
        refused[0]
    );
    assert_eq!(people.iter().filter(|person| !stage.cloud.messages().list(Some(person)).is_empty()).count(), 10);
    assert_eq!(stage.states("code"), BTreeMap::from([("sent".into(), 10)]));
    // A refused send costs nothing (S9): with money again the refused are not told to wait.
    let at = stage.cloud.clock().now();
    let top_up = TopUp { id: "second".into(), amount: Money::thousandths(CODE), remark: None, by: None, at };
    stage.store().top_up(stage.seeded.organisation.parse().unwrap(), &top_up).await.unwrap();
    let dry = people.iter().find(|person| stage.cloud.messages().list(Some(person)).is_empty()).unwrap();
    assert_eq!(stage.ask_for_code(dry).await.status, 202);
    assert!(stage.balance().await < CODE);
}

#[tokio::test]
async fn what_happens_happens_without_money_and_its_message_stays_unpaid() {
    // F42: passwords, approvals and other sign-in work at zero.
    let stage = Stage::prepaid(CODE, &[]).await;
    stage.applicant(&phone(1)).await;
    assert_eq!(stage.balance().await, 0);
    assert_eq!(stage.decide(&stage.users("pending").await, "approve").await.body["results"][0]["result"], "approved");
    assert_eq!(stage.states("approved"), BTreeMap::from([("unpaid".into(), 1)]));
    stage.sweep_to_the_end().await;
    assert_eq!((stage.news_to(&phone(1)).len(), stage.balance().await), (0, 0));
    let invited = stage.invited(json!({ "address": phone(2) })).await;
    assert_eq!(invited.text("delivery"), "noBalance");
}

#[tokio::test]
async fn two_administrators_decide_and_one_message_goes() {
    // R9
    let stage = Stage::open().await;
    stage.applicant(&phone(1)).await;
    let users = stage.users("pending").await;
    let path = stage.admin_path("/approvals");
    let decide = |decision: &str| stage.admin(Method::POST, &path).json(&json!({ "users": users, "decision": decision })).send_alone();
    let answers = futures_util::future::join_all((0..8).map(|index| decide(if index % 2 == 0 { "approve" } else { "reject" }))).await;
    let made = answers.iter().filter(|answer| answer.body["results"][0]["result"] != "conflict").count();
    assert_eq!(made, 1);
    stage.cloud.settle().await;
    stage.sweep().await;
    assert_eq!(stage.news_to(&phone(1)).len(), 1);
    assert_eq!(stage.ledger().iter().filter(|message| message["kind"] == "approved" || message["kind"] == "rejected").count(), 1);
}

#[tokio::test]
async fn a_code_of_which_nobody_knows_whether_it_went_is_not_sent_again() {
    // R15
    let stage = Stage::prepaid(10 * SMS, &[]).await;
    stage.open_to_anyone().await;
    stage.cloud.capture().fail_with(Sender::Sns, Mode::Silent, 1);
    assert_eq!(stage.ask_for_code(&phone(1)).await.refusal(), (503, "send-failed"));
    assert_eq!(stage.states("code"), BTreeMap::from([("unknown".into(), 1)]));
    stage.cloud.clock().advance(600);
    stage.sweep().await;
    assert_eq!(
        (stage.cloud.messages().list(Some(&phone(1))).len(), stage.balance().await),
        (1, 8 * SMS),
        "it may have arrived, and is paid for"
    );
    // One that surely did not go is given back.
    stage.cloud.capture().fail_with(Sender::Sns, Mode::Refuse, 1);
    assert_eq!(stage.ask_for_code(&phone(2)).await.refusal(), (503, "send-failed"));
    assert_eq!((stage.balance().await, stage.states("code")["parked"]), (8 * SMS, 1));
}

#[tokio::test]
async fn a_busy_provider_is_tried_again_with_growing_pauses_and_in_the_end_given_up() {
    let stage = Stage::prepaid(10 * SMS, &[]).await;
    stage.write_to(&[phone(1)]).await;
    stage.cloud.fail_sender(Some(Sender::Sns));
    stage.cloud.settle().await;
    let due = |stage: &Stage| stage.ledger()[0]["dueAt"].as_i64();
    let mut pauses = Vec::new();
    while let Some(at) = due(&stage) {
        let pause = at - stage.cloud.clock().now().as_millisecond();
        assert_eq!(stage.sweep().await["waiting"], 0, "not before its time");
        pauses.push(pause / 1_000);
        stage.cloud.clock().advance(pause / 1_000 + 1);
        stage.sweep().await;
    }
    assert_eq!((pauses.len(), stage.ledger()[0]["state"].as_str()), (5, Some("parked")), "{pauses:?}");
    assert!(pauses[0] >= 14 && pauses[4] > pauses[0] && pauses[4] <= 480, "{pauses:?}");
    assert_eq!(stage.balance().await, 10 * SMS, "what was not sent is not paid for");
}

#[tokio::test]
async fn after_a_restore_nothing_is_sent_again() {
    // R30: the operator names the moment; what the restored table still wants to send is older.
    let stage = Stage::prepaid(10 * SMS, &[("IGNORE_MESSAGES_BEFORE", "2100-01-01T00:00:00Z")]).await;
    stage.write_to(&[phone(1)]).await;
    stage.cloud.settle().await;
    assert_eq!((stage.news_to(&phone(1)).len(), stage.ledger()[0]["state"].as_str()), (0, Some("parked")));
    // And without anybody naming anything: news have an age.
    let stage = Stage::prepaid(10 * SMS, &[]).await;
    stage.write_to(&[phone(1)]).await;
    stage.cloud.clock().advance(25 * 3_600);
    stage.sweep().await;
    assert_eq!((stage.news_to(&phone(1)).len(), stage.balance().await), (0, 10 * SMS));
}

#[tokio::test]
async fn administrators_hear_of_a_sign_up_once_in_their_inbox_and_by_mail() {
    // F48, R14
    let stage = Stage::open().await;
    stage.applicant(&phone(1)).await;
    let mails = || stage.news_to("owner@example.com");
    assert_eq!(mails().len(), 1);
    assert!(mails()[0].contains("Li Na signed up") && mails()[0].contains("waits for a decision"), "{:?}", mails());
    let records = stage.cloud.stream_records().unwrap();
    stage.hand_over(&records).await;
    stage.sweep().await;
    assert_eq!(mails().len(), 1, "however often the stream brings it");
    let news =
        stage.cloud.database().items("MessagesTable").unwrap().into_iter().filter(|item| item["sk"].as_str().unwrap().starts_with("NEWS#"));
    assert_eq!(news.map(|news| news["kind"].clone()).collect::<Vec<_>>(), [json!("signedUp")]);
    stage.decide(&stage.users("pending").await, "approve").await;
    assert_eq!(mails().len(), 1, "who was let in by an administrator is no news to them");
}

#[tokio::test]
async fn mail_that_comes_back_ends_mail_to_that_address() {
    let stage = Stage::open().await;
    stage.open_to_anyone().await;
    let flow = stage.flow("li@example.com").await;
    stage.cloud.settle().await;
    assert_eq!(stage.states("code"), BTreeMap::from([("delivered".into(), 1)]), "events of codes count, too");
    assert_eq!(stage.verify(&flow, &stage.code_of("li@example.com")).await.step(), "signedIn");
    assert_eq!(stage.ask_for_code("nobody@bounce.test").await.status, 202);
    stage.cloud.settle().await;
    assert_eq!(stage.states("code")["bounced"], 1);
    stage.cloud.clock().advance(61);
    assert_eq!(stage.ask_for_code("nobody@bounce.test").await.refusal(), (422, "undeliverable"));
    assert_eq!(stage.states("code").values().sum::<usize>(), 2, "nothing is entered for what is refused");
    stage.write_to(&["nobody@bounce.test".into(), "angry@complaint.test".into()]).await;
    stage.cloud.settle().await;
    assert_eq!(stage.states("passwordChanged"), BTreeMap::from([("complained".into(), 1), ("parked".into(), 1)]));
    stage.write_to(&["angry@complaint.test".into()]).await;
    stage.cloud.settle().await;
    assert_eq!(stage.states("passwordChanged")["parked"], 2, "who called it spam gets no more");
}

#[tokio::test]
async fn an_account_that_ends_is_erased_from_the_ledger_and_its_cost_stays() {
    // S69
    let stage = Stage::with_password().await;
    let before = stage.ledger().len();
    let session = stage.sign_in("13800138000", crate::passwords::PASSWORD).await.text("session");
    assert_eq!(stage.call(Method::DELETE, "/v1/me").bearer(&session).send().await.status, 204);
    let ledger = stage.ledger();
    assert_eq!(ledger.len(), before);
    let text = json!(ledger.iter().filter(|message| message["kind"] != "signedUp").collect::<Vec<_>>()).to_string();
    assert!(!text.contains("13800138000") && !text.contains("138****") && !text.contains("USER#"), "{text}");
    assert!(ledger.iter().all(|message| message["cost"].as_i64().unwrap() > 0));
}

#[tokio::test]
async fn all_codes_of_a_person_are_found_and_erased_however_many() {
    // B4, S69: codes are in no index.
    let stage = Stage::open().await;
    stage.open_to_anyone().await;
    for _ in 0..18 {
        stage.flow(&phone(1)).await;
        stage.flow(&phone(2)).await;
        stage.cloud.clock().advance(600);
    }
    let session = stage.signed_in(&phone(1)).await;
    let user = stage.who_am_i(&session).await.body["user"]["id"].as_str().unwrap().to_owned();
    let codes = |page: Vec<Value>| page.into_iter().filter(|entry| entry["kind"] == "code").collect::<Vec<_>>();
    let found = codes(stage.ledger_page(&format!("?user={user}")).await);
    assert_eq!(found.len(), 19);
    assert!(found.iter().all(|entry| entry["recipient"] == "+86138****0001"), "{found:?}");
    assert!(found.is_sorted_by(|newer, older| newer["id"].as_str() > older["id"].as_str()));
    assert_eq!(codes(stage.ledger_page(&format!("?user={user}&kind=code&limit=5")).await), found[..5]);
    assert_eq!(stage.call(Method::DELETE, "/v1/me").bearer(&session).send().await.status, 204);
    let of = |hint: &str| stage.ledger().iter().filter(|entry| entry["kind"] == "code" && entry["hint"] == hint).count();
    assert_eq!((of("+86138****0001"), of("+86138****0002"), of("")), (0, 18, 19));
    stage.cloud.clock().advance(61);
    stage.flow(&phone(1)).await;
    assert_eq!(of("+86138****0001"), 1, "who comes again begins anew");
}

#[tokio::test]
async fn the_secret_of_an_invitation_is_not_readable_in_the_outbox() {
    // S48
    let stage = Stage::open().await;
    let answer = stage.admin(Method::POST, &stage.admin_path("/invitations")).json(&json!({ "address": phone(1) })).send_alone().await;
    let (url, token) = (answer.text("url"), answer.text("url").split_once('=').unwrap().1.to_owned());
    assert!(!stage.everything().contains(&token));
    stage.cloud.rotate_secret().unwrap();
    stage.cloud.settle().await;
    assert!(stage.news_to(&phone(1))[0].ends_with(&url), "it is whole in the message, whichever key hid it");
    assert!(!stage.everything().contains(&token));
}

#[tokio::test]
async fn markup_in_a_name_stays_text_in_a_mail() {
    // S58, S59
    let stage = Stage::open().await;
    let name = "<a href=\"https://evil.example\">{{link}}</a>";
    stage.invited(json!({ "address": "li@example.com", "name": name })).await;
    let mail = stage.cloud.messages().last("li@example.com").unwrap();
    let html = mail.html.unwrap();
    assert!(html.contains("&lt;a href=&quot;https://evil.example&quot;&gt;{{link}}&lt;/a&gt;") && !html.contains("<a "), "{html}");
}

#[tokio::test]
async fn a_follower_hears_by_wechat_and_who_stopped_by_sms() {
    // F74: the first way that a person has, the next where it refuses; each way is paid for as what it is.
    let (stage, account) = Stage::with_wechat().await;
    assert_eq!(stage.known_at_wechat("xiaoming", &phone(1)).await.step(), "signedIn");
    let (store, deployment) = (stage.store(), stage.cloud.deployment("deliver-messages"));
    let portal = store.portal(stage.seeded.portal.parse().unwrap()).await.unwrap().unwrap();
    let template = json!({ "id": "TEMPLATE_1", "fields": { "thing1": "{{portal}}", "thing2": "{{reason}}" } });
    let settings = json!({ "wechat": { "notification": { "zh": template, "en": template } } });
    let settings: MessageSettings = serde_json::from_value(settings).unwrap();
    let users = stage.users("active").await;
    let user = store.user(portal.id, users[0].parse().unwrap()).await.unwrap().unwrap();
    let tell = async |random: u128| {
        let birth = Birth::new(stage.cloud.clock().now(), random);
        let about = About::Notification("A reply", "Somebody answered you", None);
        let message = Outbox::open(&deployment).unwrap().message(birth, &portal, &Recipient::user(&user), about, &settings).unwrap();
        store.post(&message).await.unwrap();
        stage.cloud.settle().await;
        message.id.to_string()
    };
    let entry = |id: &str| stage.ledger().into_iter().find(|message| message["id"] == id).unwrap();
    stage.wechat("follow", json!({ "person": "xiaoming", "app": account.app })).await;
    let first = tell(1).await;
    assert_eq!((entry(&first)["channel"].as_str(), entry(&first)["cost"].as_i64()), (Some("wechat"), Some(0)), "{:?}", entry(&first));
    assert!(matches!(entry(&first)["state"].as_str(), Some("sent" | "delivered")));
    assert_eq!(stage.news_to(&phone(1)).len(), 0);
    stage.wechat("faults", json!({ "api": "cgi-bin/message/template/send", "code": 43004 })).await;
    let second = tell(2).await;
    let second = entry(&second);
    assert_eq!(
        (second["channel"].as_str(), second["state"].as_str(), second["cost"].as_i64()),
        (Some("sms"), Some("sent"), Some(SMS)),
        "{second:?}"
    );
    assert!(stage.news_to(&phone(1))[0].contains("Somebody answered you"));
}
