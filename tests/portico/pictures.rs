//! The picture of a person (F80, F81, S55).

use std::{collections::BTreeMap, io::Cursor};

use http::{Method, StatusCode};
use image::{ImageFormat, RgbImage};
use serde_json::{Value, json};

use crate::stage::{Answer, Stage, phone};

/// A red square.
pub(crate) fn file(format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    RgbImage::from_pixel(300, 300, image::Rgb([200, 0, 0])).write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

impl Stage {
    fn picture(&self, method: Method, session: &str) -> crate::stage::Call {
        self.call(method, "/v1/me/picture").bearer(session)
    }

    /// Where a file goes.
    pub(crate) async fn form(&self, session: &str, media_type: &str, bytes: usize) -> Answer {
        self.picture(Method::POST, session).json(&json!({ "type": media_type, "bytes": bytes })).send().await
    }

    /// Sends a file with a form, as a browser does. The status of the bucket's answer.
    pub(crate) async fn upload(&self, form: &Value, change: &[(&str, &str)], file: Vec<u8>) -> StatusCode {
        let mut fields: BTreeMap<String, String> = serde_json::from_value(form["fields"].clone()).unwrap();
        fields.extend(change.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let mut body = Vec::new();
        for (name, value) in fields {
            body.extend_from_slice(format!("--edge\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n").as_bytes());
        }
        body.extend_from_slice(
            b"--edge\r\nContent-Disposition: form-data; name=\"file\"; filename=\"blob\"\r\nContent-Type: image/png\r\n\r\n",
        );
        body.extend_from_slice(&file);
        body.extend_from_slice(b"\r\n--edge--\r\n");
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let sent = client.post(form["url"].as_str().unwrap()).header("content-type", "multipart/form-data; boundary=edge").body(body);
        sent.send().await.unwrap().status()
    }

    async fn take(&self, session: &str, key: &str) -> Answer {
        self.picture(Method::PUT, session).json(&json!({ "key": key })).send().await
    }

    /// Asks for a form, sends the file, says so.
    pub(crate) async fn set_picture(&self, session: &str, media_type: &str, file: Vec<u8>) -> Answer {
        let form = self.form(session, media_type, file.len()).await;
        assert_eq!(self.upload(&form.body, &[], file).await, 204, "{form:?}");
        self.take(session, &form.text("key")).await
    }

    fn uploads(&self, key: &str) -> bool {
        self.cloud.objects().file(&self.cloud.template().buckets[0].name, key).exists()
    }

    fn pictures(&self) -> usize {
        self.rows("UsersTable", |row| row["sk"] == "PICTURE")
    }
}

/// What is answered under an address: status, type, pixels of a side.
async fn shown(stage: &Stage, url: &str) -> (u16, Option<u32>) {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let answer = client.get(format!("{}{url}", stage.cloud.base_url())).send().await.unwrap();
    let (status, kind) = (answer.status().as_u16(), answer.headers()["content-type"].clone());
    if status == 200 {
        assert_eq!((kind.as_bytes(), answer.headers()["x-content-type-options"].as_bytes()), (&b"image/jpeg"[..], &b"nosniff"[..]));
        assert_eq!(answer.headers()["cache-control"], "private, max-age=86400, immutable");
    }
    let picture = image::load_from_memory_with_format(&answer.bytes().await.unwrap(), ImageFormat::Jpeg);
    (status, picture.ok().map(|picture| picture.width()))
}

#[tokio::test]
async fn a_picture_is_sent_drawn_anew_shown_replaced_and_removed() {
    // F80, S55
    let stage = Stage::open().await;
    stage.open_to_anyone().await;
    let session = stage.signed_in(&phone(1)).await;
    let user = stage.users("active").await[0].clone();
    let mut before: Option<String> = None;
    for (media_type, format) in [("image/png", ImageFormat::Png), ("image/jpeg", ImageFormat::Jpeg), ("image/webp", ImageFormat::WebP)] {
        let answer = stage.set_picture(&session, media_type, file(format)).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let url = answer.text("picture");
        assert_eq!(answer.body, stage.call(Method::GET, "/v1/me").bearer(&session).send().await.body);
        assert_eq!(shown(&stage, &url).await, (200, Some(256)), "{media_type}");
        if let Some(before) = before.replace(url.clone()) {
            assert_eq!(shown(&stage, &before).await, (404, None), "another picture has another address, and the old one is gone");
        }
        let managed = stage.admin(Method::GET, &stage.admin_path(&format!("/users/{user}"))).send().await;
        assert_eq!(managed.text("picture"), url, "administrators see it too");
        assert!(!stage.uploads(&format!("uploads/{}/{user}/picture", stage.seeded.portal)), "what was sent is gone");
    }
    assert_eq!(stage.pictures(), 1);
    for _ in 0..2 {
        assert_eq!(stage.picture(Method::DELETE, &session).send().await.status, 204);
    }
    assert_eq!((stage.pictures(), shown(&stage, &before.unwrap()).await), (0, (404, None)));
    assert_eq!(stage.call(Method::GET, "/v1/me").bearer(&session).send().await.body["picture"], Value::Null);
}

#[tokio::test]
async fn a_form_allows_one_file_of_one_type_and_length() {
    // S55
    let stage = Stage::open().await;
    stage.open_to_anyone().await;
    let session = stage.signed_in(&phone(1)).await;
    let picture = file(ImageFormat::Png);
    let form = stage.form(&session, "image/png", picture.len()).await;
    let key = form.text("key");
    let more = vec![0; picture.len() + 1];
    let policy = form.body["fields"]["policy"].as_str().unwrap();
    let longer = policy.replacen('A', "B", 1);
    for (what, change, sent) in [
        ("a longer file", vec![], more),
        ("no bytes at all", vec![], Vec::new()),
        ("another type", vec![("Content-Type", "image/svg+xml")], picture.clone()),
        ("another key", vec![("key", "uploads/elsewhere")], picture.clone()),
        ("a key that goes on", vec![("key", &*format!("{key}/x"))], picture.clone()),
        ("a field more", vec![("acl", "public-read")], picture.clone()),
        ("another policy", vec![("policy", &*longer)], picture.clone()),
        ("another signature", vec![("x-amz-signature", "00")], picture.clone()),
    ] {
        let status = stage.upload(&form.body, &change, sent).await;
        assert!(status.is_client_error(), "{what}: {status}");
        assert!(!stage.uploads(&key) && !stage.uploads("uploads/elsewhere"), "{what}");
    }
    assert_eq!(stage.upload(&form.body, &[], picture).await, 204);
    for (media_type, bytes, pointer) in [
        ("image/gif", 1, "/type"),
        ("image/svg+xml", 1, "/type"),
        ("text/html", 1, "/type"),
        ("image/png", 0, "/bytes"),
        ("image/png", 5 * 1024 * 1024 + 1, "/bytes"),
    ] {
        let refused = stage.form(&session, media_type, bytes).await;
        assert_eq!((refused.refusal(), refused.body["errors"][0]["pointer"].as_str()), ((422, "invalid"), Some(pointer)), "{media_type}");
    }
}

#[tokio::test]
async fn what_is_no_picture_is_refused_and_thrown_away() {
    // S55
    let stage = Stage::open().await;
    stage.open_to_anyone().await;
    let session = stage.signed_in(&phone(1)).await;
    let (mut bomb, whole) = (file(ImageFormat::Png), file(ImageFormat::Png));
    bomb.truncate(1_000);
    for (what, sent) in [
        ("text", b"<script>alert(1)</script>".to_vec()),
        ("SVG", b"<svg xmlns=\"http://www.w3.org/2000/svg\"><script>alert(1)</script></svg>".to_vec()),
        ("GIF", b"GIF89a\x01\0\x01\0\x80\0\0\0\0\0\xff\xff\xff,\0\0\0\0\x01\0\x01\0\0\x02\x02D\x01\0;".to_vec()),
        ("half a picture", whole[..whole.len() / 2].to_vec()),
        ("1 KB that claims 30,000 by 30,000 pixels", claiming(30_000, bomb)),
    ] {
        let refused = stage.set_picture(&session, "image/png", sent).await;
        let error = &refused.body["errors"][0];
        assert_eq!(
            (refused.refusal(), &error["pointer"], &error["code"]),
            ((422, "invalid"), &json!("/key"), &json!("no-picture")),
            "{what}"
        );
        let user = stage.users("active").await[0].clone();
        assert!(!stage.uploads(&format!("uploads/{}/{user}/picture", stage.seeded.portal)), "{what}");
    }
    assert_eq!(stage.pictures(), 0);
}

/// A PNG whose head claims so many pixels to a side.
fn claiming(side: u32, mut png: Vec<u8>) -> Vec<u8> {
    png[16..20].copy_from_slice(&side.to_be_bytes());
    png[20..24].copy_from_slice(&side.to_be_bytes());
    let check = !png[12..29].iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 })
    });
    png[29..33].copy_from_slice(&check.to_be_bytes());
    png
}

#[tokio::test]
async fn an_upload_is_taken_once_and_by_its_owner_alone() {
    // S43
    let stage = Stage::open().await;
    stage.open_to_anyone().await;
    let (mine, other) = (stage.signed_in(&phone(1)).await, stage.signed_in(&phone(2)).await);
    let neighbour = stage.at_neighbours().await;
    neighbour.open_to_anyone().await;
    let elsewhere = neighbour.signed_in(&phone(1)).await;
    let stage = neighbour;
    let form = stage.form(&mine, "image/png", 10_000).await;
    let key = form.text("key");
    assert_eq!(stage.take(&mine, &key).await.refusal(), (404, "not-found"), "nothing was sent");
    assert_eq!(stage.upload(&form.body, &[], file(ImageFormat::Png)).await, 204);
    let before = stage.everything();
    for (whose, session) in [("another user's", &other), ("another portal's", &elsewhere)] {
        assert_eq!(stage.take(session, &key).await.refusal(), (404, "not-found"), "{whose}");
    }
    let twisted = [key.to_uppercase(), format!("/{key}"), format!("{key}/"), key.replace("uploads/", "uploads/../uploads/"), String::new()];
    for wrong in twisted {
        assert_eq!(stage.take(&mine, &wrong).await.refusal(), (404, "not-found"), "{wrong}");
    }
    assert_eq!(before, stage.everything());
    // Sent twice, the later file counts; taken twice, the second finds nothing.
    assert_eq!(stage.upload(&form.body, &[], file(ImageFormat::Jpeg)).await, 204);
    let taken = stage.take(&mine, &key).await;
    assert_eq!(taken.status, 200);
    assert_eq!(stage.take(&mine, &key).await.refusal(), (404, "not-found"));
    let url = taken.text("picture");
    assert_eq!(shown(&stage, &url).await.0, 200);
    let (portal, id) = url.strip_prefix("/v1/portals/").unwrap().split_once("/pictures/").unwrap();
    assert_ne!(portal, stage.seeded.portal);
    for wrong in [format!("/v1/portals/{}/pictures/{id}", stage.seeded.portal), format!("/v1/portals/{portal}/pictures/{portal}")] {
        assert_eq!(shown(&stage, &wrong).await.0, 404, "{wrong}");
    }
}

#[tokio::test]
async fn a_portal_may_forbid_it_and_the_page_sends_files_to_the_bucket_alone() {
    // F81, S60
    let stage = Stage::open().await;
    stage.open_to_anyone().await;
    let session = stage.signed_in(&phone(1)).await;
    let form = stage.form(&session, "image/png", 10_000).await;
    let policy = async || {
        let page = stage.get(&format!("/p/{}", stage.seeded.suffix)).await;
        page.headers["content-security-policy"].to_str().unwrap().to_owned()
    };
    let bucket = form.text("url");
    let origin = bucket.rsplit_once('/').unwrap().0;
    let allowed = policy().await;
    assert!(allowed.contains(&format!("connect-src 'self' {origin};")) && allowed.contains("img-src 'self' data: ;"), "{allowed}");
    stage.set(json!({ "profile": { "name": false, "fields": true } })).await;
    for refused in [
        stage.form(&session, "image/png", 10_000).await,
        stage.take(&session, &form.text("key")).await,
        stage.picture(Method::DELETE, &session).send().await,
    ] {
        assert_eq!(refused.refusal(), (403, "forbidden"));
    }
    assert!(policy().await.contains("connect-src 'self' ;"));
}

#[tokio::test]
async fn a_picture_ends_with_its_account() {
    // S69
    let stage = Stage::open().await;
    stage.open_to_anyone().await;
    for by_administrator in [false, true] {
        let session = stage.signed_in(&phone(1)).await;
        let url = stage.set_picture(&session, "image/png", file(ImageFormat::Png)).await.text("picture");
        if by_administrator {
            let user = stage.users("active").await[0].clone();
            assert_eq!(stage.admin(Method::DELETE, &stage.admin_path(&format!("/users/{user}"))).send().await.status, 204);
        } else {
            assert_eq!(stage.call(Method::DELETE, "/v1/me").bearer(&session).send().await.status, 204);
        }
        assert_eq!((shown(&stage, &url).await.0, stage.pictures()), (404, 0));
        stage.cloud.clock().advance(61);
    }
}

#[tokio::test]
async fn two_pictures_at_once_leave_one() {
    let stage = Stage::open().await;
    stage.open_to_anyone().await;
    let session = stage.signed_in(&phone(1)).await;
    stage.set_picture(&session, "image/png", file(ImageFormat::Png)).await;
    let form = stage.form(&session, "image/png", 10_000).await;
    assert_eq!(stage.upload(&form.body, &[], file(ImageFormat::Png)).await, 204);
    let key = form.text("key");
    let removal = async { stage.picture(Method::DELETE, &session).send().await };
    let (first, second, removed) = tokio::join!(stage.take(&session, &key), stage.take(&session, &key), removal);
    assert!([&first, &second].iter().any(|answer| answer.status == 200), "{first:?} {second:?}");
    assert!([&first, &second].iter().all(|answer| [200, 404].contains(&answer.status.as_u16())), "{first:?} {second:?}");
    assert_eq!(removed.status, 204);
    let me = stage.call(Method::GET, "/v1/me").bearer(&session).send().await;
    assert_eq!(stage.pictures(), usize::from(me.body["picture"].is_string()), "none is left behind");
}
