//! A phone signs a desktop in (F16, S36): two browsers with cookies of their own.

use http::Method;
use serde_json::json;

use crate::{
    stage::{Answer, Stage, phone},
    wechat::Browser,
};

/// A scan on a desktop.
pub(crate) struct Scan<'a> {
    stage: &'a Stage,
    desktop: Browser<'a>,
    id: String,
}

impl<'a> Scan<'a> {
    async fn start(stage: &'a Stage) -> Self {
        let desktop = Browser::new(stage);
        let started = desktop.post(&stage.path("wechat/scans"), json!({ "remember": true })).await;
        assert_eq!((started.status.as_u16(), &started.body["expiresIn"]), (201, &json!(120)), "{started:?}");
        let id = started.text("id");
        assert_eq!(started.text("url"), format!("{}{}?scan={id}", stage.cloud.base_url(), stage.path("wechat")));
        Self { stage, desktop, id }
    }

    fn path(&self, rest: &str) -> String {
        self.stage.path(&format!("wechat/scans/{}{rest}", self.id))
    }

    async fn state(&self) -> String {
        self.desktop.get(&self.path("")).await.text("state")
    }

    /// A phone scans the code and comes back from WeChat as somebody.
    async fn scan(&self, phone: &Browser<'_>, person: &str) -> Answer {
        let left = phone.leave(&format!("?scan={}", self.id)).await;
        let back = phone.at_wechat(&left, person).await;
        phone.get(&back).await
    }

    async fn confirm(&self, phone: &Browser<'_>) -> Answer {
        phone.post(&self.path("/confirmation"), json!({})).await
    }

    /// From the desktop over somebody's phone and back, whatever stands in the way.
    pub(crate) async fn whole(stage: &'a Stage, person: &str) -> Answer {
        let desktop = Browser::new(stage);
        let started = desktop.post(&stage.path("wechat/scans"), json!({ "remember": true })).await;
        if started.status != 201 {
            return started;
        }
        let (scan, phone) = (Self { stage, desktop, id: started.text("id") }, Browser::new(stage));
        let named = scan.scan(&phone, person).await;
        if named.step() != "scanned" {
            return named;
        }
        assert_eq!(scan.confirm(&phone).await.status, 204);
        scan.enter().await
    }

    async fn enter(&self) -> Answer {
        self.desktop.post(&self.path("/session"), json!({})).await
    }
}

#[tokio::test]
async fn a_phone_signs_a_desktop_in() {
    // F16, S36
    let (stage, _) = Stage::with_wechat().await;
    stage.known_at_wechat("xiaoming", &phone(1)).await;
    let (scan, handset) = (Scan::start(&stage).await, Browser::new(&stage));
    assert_eq!(scan.state().await, "waiting");
    assert_eq!(scan.enter().await.refusal(), (403, "wechat-state"));
    let landed = scan.scan(&handset, "xiaoming").await;
    assert_eq!((landed.step(), landed.text("scan")), ("scanned", scan.id.clone()));
    assert_eq!((scan.state().await.as_str(), stage.sessions()), ("scanned", 1), "the phone itself is not signed in");
    assert_eq!(scan.enter().await.refusal(), (403, "wechat-state"), "not confirmed");
    assert_eq!(scan.confirm(&handset).await.status, 204);
    assert_eq!(scan.state().await, "confirmed");
    let entered = scan.enter().await;
    assert_eq!((entered.step(), entered.body["user"]["phone"].as_str()), ("signedIn", Some(phone(1).as_str())));
    let cookie = entered.headers["set-cookie"].to_str().unwrap();
    assert!(cookie.contains("Max-Age=604800"), "the desktop's tick (F25): {cookie}");
    assert_eq!((scan.state().await.as_str(), scan.enter().await.refusal()), ("expired", (403, "wechat-state")));
    assert_eq!(stage.sessions(), 2);
}

#[tokio::test]
async fn a_phone_lands_on_the_page_that_asks_to_confirm() {
    // S32, S36
    let (stage, _) = Stage::with_wechat().await;
    let (scan, handset) = (Scan::start(&stage).await, Browser::new(&stage));
    let left = handset.leave(&format!("?scan={}", scan.id)).await;
    let back = handset.at_wechat(&left, "xiaoming").await;
    let landed = handset.call(Method::GET, &back, None, "text/html").await;
    assert_eq!(landed.headers["location"], format!("/p/{}#scan={}", stage.seeded.suffix, scan.id).as_str());
}

#[tokio::test]
async fn somebody_new_proves_an_address_at_the_desktop() {
    // S34
    let (stage, _) = Stage::with_wechat().await;
    let (scan, handset) = (Scan::start(&stage).await, Browser::new(&stage));
    scan.scan(&handset, "xiaoming").await;
    scan.confirm(&handset).await;
    let asked = scan.enter().await;
    assert_eq!((asked.step(), &asked.body["wechat"]), ("bind", &json!(true)));
    let ticket = asked.text("ticket");
    assert_eq!(handset.bind(&ticket, &phone(1)).await.refusal(), (403, "wechat-state"), "the phone's cookie is another one");
    stage.cloud.clock().advance(61);
    assert_eq!(scan.desktop.bind(&ticket, &phone(1)).await.step(), "signedIn");
}

#[tokio::test]
async fn a_scan_belongs_to_its_desktop_and_one_phone() {
    // S36
    let (stage, _) = Stage::with_wechat().await;
    stage.known_at_wechat("xiaoming", &phone(1)).await;
    let (scan, handset, other) = (Scan::start(&stage).await, Browser::new(&stage), Scan::start(&stage).await);
    for stranger in [&Browser::new(&stage), &other.desktop] {
        assert_eq!(stranger.get(&scan.path("")).await.refusal(), (404, "not-found"));
    }
    scan.scan(&handset, "xiaoming").await;
    let left = Browser::new(&stage).leave(&format!("?scan={}", scan.id)).await;
    assert_eq!(left.refusal(), (403, "wechat-state"), "another phone comes too late");
    for stranger in [&Browser::new(&stage), &scan.desktop, &other.desktop] {
        assert_eq!(scan.confirm(stranger).await.refusal(), (403, "wechat-state"));
    }
    let away = Browser::new(&stage);
    away.leave("").await;
    assert_eq!(scan.confirm(&away).await.refusal(), (403, "wechat-state"), "another phone's cookie");
    assert_eq!(scan.confirm(&handset).await.status, 204);
    assert_eq!(scan.confirm(&handset).await.refusal(), (403, "wechat-state"), "once");
    for stranger in [&Browser::new(&stage), &handset, &other.desktop] {
        let entered = stranger.post(&scan.path("/session"), json!({})).await;
        assert_eq!(entered.refusal(), (403, "wechat-state"));
    }
    assert_eq!(stage.sessions(), 1);
    assert_eq!(scan.enter().await.step(), "signedIn");
}

#[tokio::test]
async fn of_two_phones_one_is_named_and_of_two_entries_one_is_made() {
    // S36
    let (stage, _) = Stage::with_wechat().await;
    stage.known_at_wechat("xiaoming", &phone(1)).await;
    stage.known_at_wechat("wei", &phone(2)).await;
    let scan = Scan::start(&stage).await;
    let (one, two) = (Browser::new(&stage), Browser::new(&stage));
    let query = format!("?scan={}", scan.id);
    let (left_one, left_two) = (one.leave(&query).await, two.leave(&query).await);
    let (back_one, back_two) = (one.at_wechat(&left_one, "xiaoming").await, two.at_wechat(&left_two, "wei").await);
    let (first, second) = tokio::join!(one.get(&back_one), two.get(&back_two));
    let named = [&first, &second].into_iter().filter(|answer| answer.step() == "scanned").count();
    assert_eq!(named, 1, "{first:?} {second:?}");
    let (phone, lost) = if first.step() == "scanned" { (&one, &two) } else { (&two, &one) };
    assert_eq!(scan.confirm(lost).await.refusal(), (403, "wechat-state"));
    assert_eq!(scan.confirm(phone).await.status, 204);
    let (first, second) = tokio::join!(scan.enter(), scan.enter());
    let entered = [&first, &second].into_iter().filter(|answer| answer.step() == "signedIn").count();
    assert_eq!((entered, stage.sessions()), (1, 3), "{first:?} {second:?}");
}

#[tokio::test]
async fn who_declines_or_waits_lets_nobody_in() {
    // S36
    let (stage, _) = Stage::with_wechat().await;
    stage.known_at_wechat("xiaoming", &phone(1)).await;
    let (scan, handset) = (Scan::start(&stage).await, Browser::new(&stage));
    scan.scan(&handset, "xiaoming").await;
    let declined = handset.call(Method::DELETE, &scan.path("/confirmation"), None, "application/json").await;
    assert_eq!((declined.status.as_u16(), scan.state().await.as_str()), (204, "declined"));
    assert_eq!(scan.confirm(&handset).await.refusal(), (403, "wechat-state"));
    assert_eq!(scan.enter().await.refusal(), (403, "wechat-state"));
    // Too late at each step.
    let steps = 4;
    for late in 0..steps {
        let (scan, handset) = (Scan::start(&stage).await, Browser::new(&stage));
        let wait = |step| if step == late { stage.cloud.clock().advance(121) } else { stage.cloud.clock().advance(1) };
        wait(0);
        if late > 0 {
            let left = handset.leave(&format!("?scan={}", scan.id)).await;
            let back = handset.at_wechat(&left, "xiaoming").await;
            wait(1);
            let named = handset.get(&back).await;
            if late == 1 {
                assert_eq!(named.refusal(), (403, "wechat-state"));
            }
        } else {
            assert_eq!(handset.leave(&format!("?scan={}", scan.id)).await.refusal(), (403, "wechat-state"));
        }
        if late > 1 {
            wait(2);
            let confirmed = scan.confirm(&handset).await;
            wait(3);
            assert_eq!(confirmed.status.as_u16(), if late == 2 { 403 } else { 204 });
        }
        assert_eq!((scan.state().await.as_str(), scan.enter().await.refusal()), ("expired", (403, "wechat-state")), "{late}");
    }
    assert_eq!(stage.sessions(), 1);
}

#[tokio::test]
async fn whoever_has_to_follow_first_confirms_after_that() {
    // F17, S36
    let (stage, _) = Stage::with_wechat().await;
    stage.known_at_wechat("hong", &phone(1)).await;
    stage.set_sign_in(json!({ "wechat": { "enabled": true, "follow": true } })).await;
    let (scan, handset) = (Scan::start(&stage).await, Browser::new(&stage));
    let asked = scan.scan(&handset, "hong").await;
    assert_eq!((asked.step(), scan.state().await.as_str()), ("follow", "mustFollow"));
    assert_eq!(scan.confirm(&handset).await.refusal(), (403, "wechat-state"));
    assert_eq!(handset.status(&asked.text("ticket")).await.step(), "follow");
    stage.wechat("scan", json!({ "url": asked.text("qr"), "person": "wei" })).await;
    assert_eq!(scan.state().await, "mustFollow", "somebody else scanned it");
    stage.wechat("scan", json!({ "url": asked.text("qr"), "person": "hong" })).await;
    let goes_on = handset.status(&asked.text("ticket")).await;
    assert_eq!((goes_on.step(), goes_on.text("scan"), scan.state().await.as_str()), ("scanned", scan.id.clone(), "scanned"));
    assert_eq!(scan.confirm(&handset).await.status, 204);
    assert_eq!(scan.enter().await.step(), "signedIn");
}

#[tokio::test]
async fn a_virtual_person_confirms_nothing() {
    // S36
    let (stage, _) = Stage::with_wechat().await;
    let (scan, handset) = (Scan::start(&stage).await, Browser::new(&stage));
    assert_eq!(scan.scan(&handset, "anon").await.refusal(), (403, "wechat-snapshot"));
    assert_eq!(scan.state().await, "waiting");
    assert_eq!(scan.confirm(&handset).await.refusal(), (403, "wechat-state"));
}

#[tokio::test]
async fn the_gate_stands_before_the_desktop() {
    // S37
    let (stage, _) = Stage::with_wechat().await;
    stage.known_at_wechat("xiaoming", &phone(1)).await;
    let (scan, handset) = (Scan::start(&stage).await, Browser::new(&stage));
    scan.scan(&handset, "xiaoming").await;
    scan.confirm(&handset).await;
    stage.set_sign_in(json!({ "wechat": { "enabled": false } })).await;
    assert_eq!(scan.enter().await.refusal(), (403, "method-off"));
    assert_eq!(stage.sessions(), 1);
}

#[tokio::test]
async fn a_scan_of_one_portal_is_none_of_another() {
    // S42
    let (stage, _) = Stage::with_wechat().await;
    let scan = Scan::start(&stage).await;
    let neighbour = stage.neighbour().await.portal;
    let elsewhere = |rest: &str| format!("/v1/portals/{neighbour}/wechat/scans/{}{rest}", scan.id);
    assert_eq!(scan.desktop.get(&elsewhere("")).await.refusal(), (404, "not-found"));
    assert_eq!(scan.desktop.post(&elsewhere("/session"), json!({})).await.refusal(), (403, "wechat-state"));
    assert_eq!(scan.desktop.post(&elsewhere("/confirmation"), json!({})).await.refusal(), (403, "wechat-state"));
    let left = scan.desktop.get(&format!("/v1/portals/{neighbour}/wechat?scan={}", scan.id)).await;
    assert_eq!(left.refusal(), (403, "wechat-state"));
    assert_eq!(scan.state().await, "waiting");
}
