//! Users, as administrators see them (F55 to F58).

use http::Method;
use serde_json::json;

use crate::stage::{Stage, phone};

/// All users that a question finds, page by page.
async fn paged(stage: &Stage, limit: usize, query: &str) -> Vec<String> {
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = stage.admin(Method::GET, &stage.admin_path(&format!("/users?limit={limit}{query}{cursor}"))).send().await;
        let users = page.body["users"].as_array().unwrap_or_else(|| panic!("{page:?}"));
        assert!(users.len() <= limit);
        seen.extend(users.iter().map(|user| user["id"].as_str().unwrap().to_owned()));
        match page.body["cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return seen,
        }
    }
}

#[tokio::test]
async fn users_are_listed_newest_first_page_by_page_each_once() {
    let stage = Stage::for_crowds().await;
    stage.open_to_anyone().await;
    for index in 0..25 {
        stage.prove(&phone(index)).await;
    }
    let seen = paged(&stage, 7, "").await;
    assert_eq!(seen.len(), 25);
    assert!(seen.is_sorted_by(|earlier, later| earlier > later));
    assert_eq!(stage.users("active").await, seen);
    assert_eq!(stage.users("disabled").await.len(), 0);
}

#[tokio::test]
async fn a_filtered_list_finds_the_few_behind_the_many_and_nobody_twice() {
    let stage = Stage::for_crowds().await;
    for index in 0..40 {
        stage.applicant(&phone(index)).await;
    }
    let all = stage.users("pending").await;
    // The oldest, and every ninth: some partitions have them behind more than a first reading.
    let refused: Vec<_> = all.iter().enumerate().filter(|(at, _)| *at > 37 || at % 9 == 0).map(|(_, user)| user.clone()).collect();
    stage.decide(&refused, "reject").await;
    let waiting: Vec<_> = all.iter().filter(|user| !refused.contains(user)).cloned().collect();
    for limit in [1, 2, 100] {
        assert_eq!(paged(&stage, limit, "&status=rejected").await, refused, "{limit}");
    }
    assert_eq!(paged(&stage, 10, "&status=pending").await, waiting);
    assert_eq!(paged(&stage, 10, "").await, all);
}

#[tokio::test]
async fn an_administrator_sees_what_was_proven_and_filled_in() {
    let stage = Stage::open().await;
    stage.applicant("+8613800138000").await;
    let page = stage.admin(Method::GET, &stage.admin_path("/users")).send().await;
    let user = &page.body["users"][0];
    assert_eq!(
        (user["phone"].as_str(), user["name"].as_str(), &user["fields"]),
        (Some("+8613800138000"), Some("Li Na"), &json!({ "name": "Li Na" }))
    );
    assert_eq!(user["status"], "pending");
}

#[tokio::test]
async fn wrong_questions_are_refused() {
    let stage = Stage::open().await;
    for query in ["limit=0", "limit=201", "limit=x", "status=ghost", "cursor=x", "portal=x"] {
        let answer = stage.admin(Method::GET, &stage.admin_path(&format!("/users?{query}"))).send().await;
        assert_eq!(answer.refusal(), (422, "invalid"), "{query}");
    }
    assert_eq!(stage.admin(Method::GET, &stage.admin_path("/users/x")).send().await.refusal(), (404, "not-found"));
}

#[tokio::test]
async fn only_active_and_disabled_users_change_into_each_other() {
    let stage = Stage::open().await;
    stage.applicant(&phone(1)).await;
    let path = stage.admin_path(&format!("/users/{}", stage.users("pending").await[0]));
    for status in ["active", "disabled"] {
        let answer = stage.admin(Method::PATCH, &path).json(&json!({ "status": status })).send().await;
        assert_eq!((answer.refusal(), answer.body["userStatus"].as_str()), ((409, "status-conflict"), Some("pending")));
    }
    let phone_change = stage.admin(Method::PATCH, &path).json(&json!({ "phone": "+8613800138001" })).send().await;
    assert_eq!(phone_change.refusal(), (422, "invalid"), "S47");
}
