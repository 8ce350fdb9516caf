//! Seats that open invitations promise (F54).

use futures_util::future::join_all;
use http::Method;
use portico_store::{Store, Table};
use serde_json::json;

use crate::stage::{Answer, Stage, phone};

const MONTH: i64 = 30 * 86_400;

impl Stage {
    /// A portal for invited people, with nothing collected, in an organisation with so many seats.
    async fn with_seats(seats: u32) -> Self {
        let stage = Self::open().await;
        stage.open_to_anyone().await;
        stage.set(json!({ "access": "invited" })).await;
        stage.set_seats(seats).await;
        stage
    }

    async fn set_seats(&self, seats: u32) {
        let store = Store::open(&self.cloud.deployment("portals"), &[Table::Portals, Table::Users]).unwrap();
        store.set_total_seats(self.seeded.organisation.parse().unwrap(), seats).await.unwrap().unwrap();
    }

    /// Acts on invitations: what came of each.
    async fn act(&self, ids: &[String], action: &str, overbook: bool) -> Vec<String> {
        let body = json!({ "invitations": ids, "action": action, "overbook": overbook });
        let answer = self.admin(Method::POST, &self.admin_path("/invitations/actions")).json(&body).send().await;
        let results = answer.body["results"].as_array().unwrap_or_else(|| panic!("{answer:?}"));
        results.iter().map(|result| result["result"].as_str().unwrap().to_owned()).collect()
    }

    async fn invites(&self, index: usize) -> Answer {
        self.invite(json!({ "address": phone(index), "notify": false })).await
    }

    async fn resends(&self, id: &str) -> Answer {
        self.admin(Method::POST, &self.admin_path(&format!("/invitations/{id}/resend"))).send().await
    }
}

const FULL: (u16, &str) = (409, "no-seats");

#[tokio::test]
async fn nobody_is_invited_beyond_the_free_seats_unless_told_to() {
    let stage = Stage::with_seats(2).await;
    let (first, second) = (stage.invites(1).await, stage.invites(2).await);
    assert_eq!((first.status.as_u16(), second.status.as_u16()), (201, 201));
    assert_eq!(stage.invites(3).await.refusal(), FULL);
    assert_eq!(stage.committed().await, 2, "a refusal promises nothing");
    let over = stage.invite(json!({ "address": phone(3), "notify": false, "overbook": true })).await;
    assert_eq!((over.status.as_u16(), stage.committed().await), (201, 3));
    // One more than there are seats: one that is withdrawn makes no room yet.
    for (id, room) in [(second.text("id"), false), (over.text("id"), true)] {
        let path = stage.admin_path(&format!("/invitations/{id}"));
        for _ in 0..2 {
            assert_eq!(stage.admin(Method::DELETE, &path).send().await.status, 204, "once or twice");
        }
        let next = stage.invites(4).await;
        assert_eq!(next.status == 201, room, "{next:?}");
    }
    assert_eq!(stage.committed().await, 2);
}

#[tokio::test]
async fn who_accepts_takes_the_seat_that_was_promised() {
    let stage = Stage::with_seats(2).await;
    stage.invites(1).await;
    stage.invites(2).await;
    assert_eq!(stage.prove(&phone(1)).await.step(), "signedIn");
    assert_eq!((stage.seats_used().await, stage.committed().await), (1, 2));
    assert_eq!(stage.invites(3).await.refusal(), FULL);
    // Who still has something to fill in has accepted, and has no seat yet.
    let fields = json!([{ "id": "name", "type": "text", "label": { "zh": "姓名", "en": "Name" }, "collect": true, "required": true }]);
    stage.set(json!({ "fields": fields })).await;
    let collect = stage.prove(&phone(2)).await;
    assert_eq!((collect.step(), stage.seats_used().await, stage.committed().await), ("collect", 1, 1));
    assert_eq!(stage.register(&collect.text("ticket"), json!({ "name": "Li Na" })).await.step(), "signedIn");
    assert_eq!((stage.seats_used().await, stage.committed().await), (2, 2));
    let users = stage.users("active").await;
    let path = stage.admin_path(&format!("/users/{}", users[0]));
    assert_eq!(stage.admin(Method::DELETE, &path).send().await.status, 204);
    assert_eq!((stage.committed().await, stage.invites(4).await.status.as_u16()), (1, 201), "a seat that comes free can be promised");
}

#[tokio::test]
async fn a_promise_ends_with_its_invitation_and_is_made_again_when_that_is_repeated() {
    let mut stage = Stage::with_seats(2).await;
    let ids = [stage.invites(1).await.text("id"), stage.invites(2).await.text("id")];
    stage.cloud.clock().advance(MONTH - 60);
    stage.administrator_again().await;
    assert_eq!(stage.resends(&ids[0]).await.status, 200);
    assert_eq!((stage.committed().await, stage.invites(3).await.refusal()), (2, FULL), "repeated, one promises what it did");
    stage.cloud.clock().advance(61);
    assert_eq!(stage.invites(3).await.status, 201, "the other one is over");
    assert_eq!(stage.committed().await, 2);
    assert_eq!(stage.resends(&ids[1]).await.refusal(), FULL);
    assert_eq!(stage.act(&[ids[1].clone(), ids[0].clone()], "resend", false).await, ["noSeats", "resent"]);
    assert_eq!(stage.act(&ids, "resend", true).await, ["resent", "resent"]);
    assert_eq!(stage.committed().await, 3);
    // All of them over at once, and one that is withdrawn after its end.
    stage.cloud.clock().advance(MONTH + 1);
    stage.administrator_again().await;
    assert_eq!(stage.act(&ids[..1], "cancel", false).await, ["cancelled"]);
    assert_eq!(stage.invites(4).await.status, 201);
    assert_eq!(stage.committed().await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_invitations_at_once_as_many_are_made_as_seats_are_free() {
    // R6
    let stage = &Stage::with_seats(3).await;
    let made = join_all((0..12).map(|index| stage.invites(index))).await;
    assert_eq!(made.iter().filter(|answer| answer.status == 201).count(), 3, "{made:?}");
    assert!(made.iter().all(|answer| answer.status == 201 || answer.refusal() == FULL));
    assert_eq!(stage.committed().await, 3);
    // Accepted, withdrawn and repeated at once, each promise ends once.
    let ids: Vec<String> = made.iter().filter(|answer| answer.status == 201).map(|answer| answer.text("id")).collect();
    let people: Vec<String> = made.iter().filter(|answer| answer.status == 201).map(|answer| answer.text("address")).collect();
    let mut codes = Vec::new();
    for address in &people {
        codes.push((stage.flow(address).await, stage.code_of(address)));
    }
    let entering = join_all(codes.iter().map(|(flow, code)| stage.verify(flow, code)));
    let (_, _, repeated) = tokio::join!(entering, stage.act(&ids, "cancel", false), stage.act(&ids, "resend", false));
    assert!(repeated.iter().all(|result| ["resent", "closed"].contains(&result.as_str())), "{repeated:?}");
    let open = stage.rows("UsersTable", |row| row["sk"] == "INVITATION" && row["cancelled"] == false && row["acceptedBy"].is_null());
    assert_eq!(stage.committed().await, stage.seats_used().await + open as u64);
}

#[tokio::test]
async fn all_portals_of_an_organisation_share_its_seats_and_no_other_organisation_does() {
    let mut stage = Stage::with_seats(1).await;
    let second = stage.admin(Method::POST, "/v1/admin/portals").json(&json!({ "application": "Second" })).send().await.text("id");
    assert_eq!(stage.invites(1).await.status, 201);
    let path = format!("/v1/admin/portals/{second}/invitations");
    let body = json!({ "address": "li@example.com", "notify": false });
    assert_eq!(stage.admin(Method::POST, &path).json(&body).send().await.refusal(), FULL);
    let neighbour = stage.neighbour().await;
    let path = format!("/v1/admin/portals/{}/invitations", neighbour.portal);
    let other = stage.call(Method::POST, &path).bearer(&neighbour.administrator.session).json(&body).send().await;
    assert_eq!(other.status, 201, "{other:?}");
    stage.cloud.clock().advance(MONTH);
    stage.administrator_again().await;
    let path = format!("/v1/admin/portals/{second}/invitations");
    assert_eq!(stage.admin(Method::POST, &path).json(&body).send().await.status, 201, "over in one portal, free in the other");
}
