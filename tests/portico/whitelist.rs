//! The whitelist: whose application needs no administrator (F44, F46, S49).

use http::Method;
use serde_json::{Value, json};

use crate::stage::{Answer, Stage, phone};

impl Stage {
    /// Switches the whitelist on, over the proven phone and the company.
    async fn with_whitelist() -> Self {
        let stage = Self::open().await;
        stage.set(json!({ "whitelist": phone_and_company(true) })).await;
        stage
    }

    pub(crate) async fn write_rows(&self, method: Method, rows: Value) -> Answer {
        self.admin(method, &self.admin_path("/whitelist/rows")).json(&json!({ "rows": rows })).send().await
    }

    async fn listed(&self, query: &str) -> Answer {
        self.admin(Method::GET, &self.admin_path(&format!("/whitelist/rows{query}"))).send().await
    }

    async fn listed_rows(&self) -> Vec<Value> {
        self.listed("?limit=200").await.body["rows"].as_array().unwrap().clone()
    }

    /// Where somebody stands who proves an address and gives their company.
    async fn apply(&self, address: &str, company: &str) -> String {
        let collect = self.prove(address).await;
        assert_eq!(collect.step(), "collect", "{collect:?}");
        self.register(&collect.text("ticket"), json!({ "name": "Li Na", "company": company })).await.step().to_owned()
    }
}

fn phone_and_company(enabled: bool) -> Value {
    json!({ "enabled": enabled, "columns": [{ "source": "phone" }, { "source": "field", "field": "company" }] })
}

#[tokio::test]
async fn who_stands_in_the_list_is_in_and_the_others_wait() {
    // F46, S49
    let stage = Stage::with_whitelist().await;
    let rows = json!([
        ["138 0000 0001", "Acme Ltd"],
        ["００８６１３８０００００００２", "ＡＣＭＥ　ltd"],
        ["+86 138-0000-0003", "艾克米（上海）"]
    ]);
    let written = stage.write_rows(Method::POST, rows).await;
    assert_eq!((written.status.as_u16(), &written.body), (200, &json!({ "written": 3, "removed": 0 })));
    for (index, company) in [(1, "acme  LTD"), (2, "Acme Ltd"), (3, "艾克米(上海)")] {
        assert_eq!(stage.apply(&phone(index), company).await, "signedIn", "{company}");
    }
    assert_eq!(stage.apply(&phone(4), "Acme Ltd").await, "awaitingApproval", "another phone");
    assert_eq!(stage.seats_used().await, 3);
}

#[tokio::test]
async fn one_column_that_differs_keeps_somebody_waiting() {
    let stage = Stage::with_whitelist().await;
    stage.write_rows(Method::POST, json!([[phone(1), "Acme Ltd"], [phone(2), "Acme Ltd"]])).await;
    assert_eq!(stage.apply(&phone(1), "Acme Inc").await, "awaitingApproval");
    // A mailbox was proven, not the phone of the list.
    assert_eq!(stage.apply("li@example.com", "Acme Ltd").await, "awaitingApproval");
    stage.set(json!({ "whitelist": phone_and_company(false) })).await;
    assert_eq!(stage.apply(&phone(2), "Acme Ltd").await, "awaitingApproval", "it is off");
    assert_eq!(stage.seats_used().await, 0);
}

#[tokio::test]
async fn other_columns_harm_nobody_and_the_old_rows_are_told_apart() {
    let stage = Stage::with_whitelist().await;
    stage.write_rows(Method::POST, json!([[phone(1), "Acme Ltd"]])).await;
    stage.set(json!({ "whitelist": { "enabled": true, "columns": [{ "source": "phone" }] } })).await;
    stage.write_rows(Method::POST, json!([[phone(2)]])).await;
    assert_eq!(stage.apply(&phone(1), "Acme Ltd").await, "awaitingApproval");
    assert_eq!(stage.apply(&phone(2), "anything").await, "signedIn");
    let mut current: Vec<_> = stage.listed_rows().await.iter().map(|row| (row["values"].clone(), row["current"].clone())).collect();
    current.sort_by_key(|(values, _)| values.to_string());
    assert_eq!(
        current,
        [(json!({ "phone": phone(1), "field:company": "acme ltd" }), json!(false)), (json!({ "phone": phone(2) }), json!(true))]
    );
    // A field that is compared cannot go while the whitelist is on.
    stage.set(json!({ "whitelist": phone_and_company(true) })).await;
    let name = json!([{ "id": "name", "type": "text", "label": { "zh": "姓名", "en": "Name" }, "collect": true, "required": true }]);
    let change = stage.admin(Method::PATCH, &stage.admin_path("")).json(&json!({ "fields": name })).send().await;
    assert_eq!((change.refusal(), change.body["errors"][0]["pointer"].as_str()), ((422, "invalid"), Some("/whitelist/columns/1")));
    stage.set(json!({ "fields": name, "whitelist": phone_and_company(false) })).await;
    assert_eq!(stage.apply_without_company(&phone(3)).await, "awaitingApproval");
}

impl Stage {
    async fn apply_without_company(&self, address: &str) -> String {
        let collect = self.prove(address).await;
        self.register(&collect.text("ticket"), json!({ "name": "Li Na" })).await.step().to_owned()
    }
}

#[tokio::test]
async fn with_nothing_to_fill_in_a_proven_address_is_enough() {
    let stage = Stage::open().await;
    stage.open_to_anyone().await;
    let columns = json!([{ "source": "email" }]);
    stage.set(json!({ "access": "approved", "whitelist": { "enabled": true, "columns": columns } })).await;
    stage.write_rows(Method::PUT, json!([["Li@Example.COM"]])).await;
    assert_eq!(stage.prove("li@example.com").await.step(), "signedIn");
    assert_eq!(stage.prove("wang@example.com").await.step(), "awaitingApproval");
}

#[tokio::test]
async fn rows_are_replaced_added_listed_and_removed() {
    // F44
    let stage = Stage::with_whitelist().await;
    let row = |index: usize| json!([phone(index), "Acme"]);
    let many: Vec<Value> = (0..300).chain(0..10).map(row).collect();
    let put = stage.write_rows(Method::PUT, json!(many)).await;
    assert_eq!(put.body, json!({ "written": 300, "removed": 0 }), "a row that is given twice counts once");
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = stage.listed(&format!("?limit=70{cursor}")).await;
        let rows = page.body["rows"].as_array().unwrap();
        assert!(rows.len() <= 70);
        seen.extend(rows.iter().map(|row| row["row"].as_str().unwrap().to_owned()));
        match page.body["cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(seen.len(), 300);
    assert!(seen.is_sorted_by(|earlier, later| earlier < later), "each once");
    assert_eq!(stage.write_rows(Method::PUT, json!([row(0), row(1), row(1_000)])).await.body, json!({ "written": 3, "removed": 298 }));
    assert_eq!(stage.write_rows(Method::POST, json!([row(1), row(2)])).await.body, json!({ "written": 2, "removed": 0 }));
    let rows = stage.listed_rows().await;
    assert_eq!(rows.len(), 4);
    let of_two = rows.iter().find(|row| row["values"]["phone"] == phone(2)).unwrap()["row"].as_str().unwrap().to_owned();
    let remove = |row: String| stage.admin(Method::DELETE, &stage.admin_path(&format!("/whitelist/rows/{row}"))).send();
    assert_eq!(remove(of_two.clone()).await.status, 204);
    assert_eq!(remove(of_two).await.refusal(), (404, "not-found"));
    assert_eq!(remove("x".into()).await.refusal(), (404, "not-found"));
    assert_eq!(stage.apply(&phone(2), "Acme").await, "awaitingApproval");
    let all = stage.admin(Method::DELETE, &stage.admin_path("/whitelist/rows")).send().await;
    assert_eq!((all.body, stage.listed_rows().await.len()), (json!({ "written": 0, "removed": 3 }), 0));
}

#[tokio::test]
async fn rows_and_columns_are_checked_before_anything_is_written() {
    let stage = Stage::with_whitelist().await;
    let before = stage.everything();
    let refused = stage.write_rows(Method::POST, json!([[phone(1), "Acme"], [phone(2)], ["li@example.com", " "], ["12345", "Acme"]])).await;
    let pointers: Vec<_> = refused.body["errors"].as_array().unwrap().iter().map(|error| error["pointer"].as_str().unwrap()).collect();
    assert_eq!((refused.refusal(), pointers), ((422, "invalid"), vec!["/rows/1", "/rows/2/0", "/rows/3/0"]));
    let too_many = stage.write_rows(Method::POST, json!(vec![["1", "A"]; 1_001])).await;
    assert_eq!((too_many.refusal(), too_many.body["errors"][0]["pointer"].as_str()), ((422, "invalid"), Some("/rows")));
    for query in ["?limit=0", "?limit=201", "?cursor=x", "?portal=x"] {
        assert_eq!(stage.listed(query).await.refusal(), (422, "invalid"), "{query}");
    }
    for (whitelist, pointer) in [
        (json!({ "enabled": true, "columns": [] }), "/whitelist/columns"),
        (json!({ "enabled": true, "columns": [{ "source": "field", "field": "company" }] }), "/whitelist/columns"),
        (json!({ "enabled": true, "columns": [{ "source": "phone" }, { "source": "field", "field": "x" }] }), "/whitelist/columns/1"),
        (json!({ "enabled": true, "columns": [{ "source": "openid" }] }), "/whitelist/columns/0/source"),
    ] {
        let answer = stage.admin(Method::PATCH, &stage.admin_path("")).json(&json!({ "whitelist": whitelist })).send().await;
        assert_eq!((answer.refusal(), answer.body["errors"][0]["pointer"].as_str()), ((422, "invalid"), Some(pointer)), "{answer:?}");
    }
    assert_eq!(before, stage.everything());
    let second = stage.admin(Method::POST, "/v1/admin/portals").json(&json!({ "application": "Second" })).send().await.text("id");
    let path = format!("/v1/admin/portals/{second}/whitelist/rows");
    let no_columns = stage.admin(Method::POST, &path).json(&json!({ "rows": [[phone(1)]] })).send().await;
    assert_eq!(no_columns.body["errors"][0]["code"], "no-columns");
}
