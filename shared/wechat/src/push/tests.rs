use proptest::prelude::*;

use super::*;

const NOW: i64 = 1_800_000_000;
const PERSON: &str = "oLVPpjqs9BhvzwPj5A-vTYAX3GLc";

fn app() -> AppId {
    "wx1234567890abcdef".to_owned().try_into().unwrap()
}

fn key(letter: &str) -> portico_domain::wechat::AesKey {
    letter.repeat(43).try_into().unwrap()
}

fn secrets() -> Secrets {
    Secrets {
        app_secret: "s".repeat(32).try_into().unwrap(),
        token: "AAAAA".to_owned().try_into().unwrap(),
        aes_key: Some(key("n")),
        previous_aes_key: Some(key("p")),
    }
}

fn now() -> Timestamp {
    Timestamp::from_second(NOW).unwrap()
}

fn query(seconds: i64) -> PushQuery {
    let timestamp = seconds.to_string();
    let signature = Some(signature(&["AAAAA", &timestamp, "486452656"]));
    PushQuery { signature, timestamp: Some(timestamp), nonce: Some("486452656".into()), ..PushQuery::default() }
}

fn event(kind: &str, key: &str) -> String {
    format!(
        "<xml><ToUserName><![CDATA[gh_1]]></ToUserName><FromUserName><![CDATA[{PERSON}]]></FromUserName>\
         <CreateTime>{NOW}</CreateTime><MsgType><![CDATA[event]]></MsgType><Event><![CDATA[{kind}]]></Event>\
         <EventKey><![CDATA[{key}]]></EventKey></xml>"
    )
}

/// A sealed push with its query.
fn sealed(letter: &str, app: &AppId, inner: &str) -> (PushQuery, String) {
    let sealed = Envelope::new(app, &key(letter)).unwrap().seal(inner, [5; 16]).unwrap();
    let mut query = query(NOW);
    query.msg_signature = Some(signature(&["AAAAA", query.timestamp.as_deref().unwrap(), "486452656", &sealed]));
    (query, format!("<xml><ToUserName><![CDATA[gh_1]]></ToUserName><Encrypt><![CDATA[{sealed}]]></Encrypt></xml>"))
}

fn opened(mode: Mode, query: &PushQuery, body: &str) -> Result<Event, Refused> {
    Receiver { app: &app(), mode, secrets: &secrets() }.open(query, body, now()).map(|push| push.event)
}

/// The vector of the public documents.
#[test]
fn signatures_are_those_of_wechat() {
    assert_eq!(signature(&["AAAAA", "1714037059", "486452656"]), "899cf89e464efb63f54ddac96b0a0a235f53aa78");
    assert_eq!(signature(&["486452656", "AAAAA", "1714037059"]), "899cf89e464efb63f54ddac96b0a0a235f53aa78");
}

#[test]
fn the_first_call_hears_its_word() {
    let (app, secrets) = (app(), secrets());
    let receiver = Receiver { app: &app, mode: Mode::Safe, secrets: &secrets };
    let good = PushQuery { echostr: Some("4375120948345356249".into()), ..query(NOW) };
    assert_eq!(receiver.handshake(&good, now()), Ok("4375120948345356249"));
    let forged = PushQuery { signature: Some("0".repeat(40)), ..good.clone() };
    assert_eq!(receiver.handshake(&forged, now()), Err(Refused::Signature));
    let unsigned = PushQuery { signature: None, ..good };
    assert_eq!(receiver.handshake(&unsigned, now()), Err(Refused::Signature));
}

#[test]
fn events_are_told_apart() {
    let scene = |text: &str| Scene::try_from(text.to_owned()).unwrap();
    for (kind, key, expected) in [
        ("subscribe", "", Event::Subscribe { scene: None }),
        ("subscribe", "qrscene_abc123", Event::Subscribe { scene: Some(scene("abc123")) }),
        ("subscribe", "last_trade_no_1", Event::Subscribe { scene: None }),
        ("SCAN", "abc123", Event::Scan { scene: scene("abc123") }),
        ("SCAN", "a scene of somebody else", Event::Other),
        ("unsubscribe", "", Event::Unsubscribe),
        ("LOCATION", "", Event::Other),
    ] {
        assert_eq!(opened(Mode::Plain, &query(NOW), &event(kind, key)), Ok(expected), "{kind} {key}");
    }
}

#[test]
fn the_end_of_a_template_message_is_read() {
    for (status, expected) in [
        ("success", TemplateOutcome::Delivered),
        ("failed:user block", TemplateOutcome::Refused),
        ("failed: system failed", TemplateOutcome::Failed("failed: system failed".into())),
    ] {
        let body = event("TEMPLATESENDJOBFINISH", "")
            .replace("</xml>", &format!("<MsgID>200163836</MsgID><Status><![CDATA[{status}]]></Status></xml>"));
        let sent = Event::TemplateSent { message: MessageId(200_163_836), outcome: expected };
        assert_eq!(opened(Mode::Plain, &query(NOW), &body), Ok(sent));
    }
}

#[test]
fn pushes_of_another_time_are_refused() {
    for (away, taken) in [(0, true), (300, true), (-300, true), (301, false), (-301, false)] {
        let outcome = opened(Mode::Plain, &query(NOW + away), &event("unsubscribe", ""));
        assert_eq!(outcome, if taken { Ok(Event::Unsubscribe) } else { Err(Refused::Time) }, "{away}");
    }
}

#[test]
fn the_safe_mode_takes_sealed_pushes_with_both_keys() {
    for letter in ["n", "p"] {
        let (query, body) = sealed(letter, &app(), &event("unsubscribe", ""));
        for mode in [Mode::Safe, Mode::Plain] {
            assert_eq!(opened(mode, &query, &body), Ok(Event::Unsubscribe));
        }
    }
    let (query, body) = sealed("x", &app(), &event("unsubscribe", ""));
    assert_eq!(opened(Mode::Safe, &query, &body), Err(Refused::Envelope));
}

#[test]
fn the_safe_mode_takes_nothing_else() {
    assert_eq!(opened(Mode::Safe, &query(NOW), &event("unsubscribe", "")), Err(Refused::NotSealed));
    let other = AppId::try_from("wx0000000000000000".to_owned()).unwrap();
    let (query, body) = sealed("n", &other, &event("unsubscribe", ""));
    assert_eq!(opened(Mode::Safe, &query, &body), Err(Refused::Envelope));
    let (query, body) = sealed("n", &app(), &event("unsubscribe", ""));
    // The plain signature does not stand for the one over the sealed text.
    let weaker = PushQuery { msg_signature: query.signature.clone(), ..query.clone() };
    assert_eq!(opened(Mode::Safe, &weaker, &body), Err(Refused::Signature));
    assert_eq!(opened(Mode::Safe, &PushQuery { msg_signature: None, ..query }, &body), Err(Refused::Signature));
}

#[test]
fn repetitions_have_one_key_and_others_another() {
    let (app, secrets) = (app(), secrets());
    let receiver = Receiver { app: &app, mode: Mode::Plain, secrets: &secrets };
    let key = |body: &str| receiver.open(&query(NOW), body, now()).unwrap().replay_key().to_owned();
    let scan = event("SCAN", "abc");
    let message = |id: u32| event("", "").replace("[event]", "[text]").replace("</xml>", &format!("<MsgId>{id}</MsgId></xml>"));
    assert_eq!(key(&scan), key(&scan));
    assert_eq!(key(&message(1)), key(&message(1)));
    let all = [
        key(&scan),
        key(&event("SCAN", "abd")),
        key(&event("unsubscribe", "")),
        key(&scan.replace("GLc", "GLd")),
        key(&scan.replace(&NOW.to_string(), "1800000001")),
        key(&message(1)),
        key(&message(2)),
    ];
    assert_eq!(all.iter().collect::<std::collections::BTreeSet<_>>().len(), all.len());
    assert!(!all[0].contains(PERSON));
}

proptest! {
    #[test]
    fn other_signatures_are_refused(forged in ".{0,50}", body in ".{0,100}") {
        let query = PushQuery { signature: Some(forged.clone()), msg_signature: Some(forged), ..query(NOW) };
        prop_assert!(opened(Mode::Plain, &query, &body).is_err());
        prop_assert!(opened(Mode::Safe, &query, &body).is_err());
    }
}
