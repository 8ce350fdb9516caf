//! Forms for S3's "POST Object", which the SDK does not make: a policy in JSON, signed by Signature Version 4.

use std::collections::BTreeMap;

use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use jiff::{Timestamp, tz::TimeZone};
use serde_json::json;
use sha2::Sha256;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// The one file that a form allows.
#[derive(Debug, Clone, Copy)]
pub struct Upload<'a> {
    /// Its key, exactly.
    pub key: &'a str,
    /// Its media type, exactly.
    pub media_type: &'a str,
    /// How long it may be. Not empty.
    pub most_bytes: u64,
}

/// Where a browser sends a file, and the fields that go before it in the form.
#[derive(Debug, Clone)]
pub struct Form {
    /// The address.
    pub url: String,
    /// Fields by name; the file comes last, as `file`.
    pub fields: BTreeMap<String, String>,
}

/// In whose name a form is signed.
pub(crate) struct Signer<'a> {
    pub(crate) id: &'a str,
    pub(crate) secret: &'a str,
    /// Of temporary credentials, as functions have them.
    pub(crate) token: Option<&'a str>,
}

/// The fields of a form that is good until `end`. Each of them is a condition of the policy: S3 takes no other ones.
pub(crate) fn sign(
    upload: &Upload<'_>,
    bucket: &str,
    region: &str,
    signer: &Signer<'_>,
    now: Timestamp,
    end: Timestamp,
) -> BTreeMap<String, String> {
    let now = now.to_zoned(TimeZone::UTC);
    let (date, moment) = (now.strftime("%Y%m%d").to_string(), now.strftime("%Y%m%dT%H%M%SZ").to_string());
    let mut fields = BTreeMap::from([
        ("key", upload.key.to_owned()),
        ("Content-Type", upload.media_type.to_owned()),
        ("x-amz-algorithm", ALGORITHM.to_owned()),
        ("x-amz-credential", format!("{}/{date}/{region}/s3/aws4_request", signer.id)),
        ("x-amz-date", moment),
    ]);
    if let Some(token) = signer.token {
        fields.insert("x-amz-security-token", token.to_owned());
    }
    let exact = fields.iter().map(|(name, value)| json!(["eq", format!("${name}"), value]));
    let mut conditions = vec![json!({ "bucket": bucket }), json!(["content-length-range", 1, upload.most_bytes])];
    conditions.extend(exact);
    let policy = json!({ "expiration": end.strftime("%Y-%m-%dT%H:%M:%S.000Z").to_string(), "conditions": conditions });
    let policy = STANDARD.encode(policy.to_string());
    let key = [date.as_str(), region, "s3", "aws4_request"]
        .iter()
        .fold(format!("AWS4{}", signer.secret).into_bytes(), |key, part| mac(&key, part.as_bytes()));
    fields.insert("x-amz-signature", hex(&mac(&key, policy.as_bytes())));
    fields.insert("policy", policy);
    fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn mac(key: &[u8], text: &[u8]) -> Vec<u8> {
    // HMAC takes keys of any length.
    Hmac::<Sha256>::new_from_slice(key).map(|mac| mac.chain_update(text).finalize().into_bytes().to_vec()).unwrap_or_default()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn signed(token: Option<&str>) -> BTreeMap<String, String> {
        let now: Timestamp = "2026-02-03T04:05:06.7Z".parse().unwrap();
        let upload = Upload { key: "uploads/a/b", media_type: "image/png", most_bytes: 9 };
        sign(&upload, "files", "eu-west-1", &Signer { id: "AKID", secret: "secret", token }, now, now + jiff::SignedDuration::from_mins(10))
    }

    #[test]
    fn every_field_of_a_form_is_a_condition_of_its_policy() {
        // S55
        let fields = signed(Some("temporary"));
        let policy: Value = serde_json::from_slice(&STANDARD.decode(&fields["policy"]).unwrap()).unwrap();
        assert_eq!(policy["expiration"], "2026-02-03T04:15:06.000Z");
        let conditions = policy["conditions"].as_array().unwrap();
        assert!(conditions.contains(&json!({ "bucket": "files" })) && conditions.contains(&json!(["content-length-range", 1, 9])));
        for (name, value) in fields.iter().filter(|(name, _)| !["policy", "x-amz-signature"].contains(&name.as_str())) {
            assert!(conditions.contains(&json!(["eq", format!("${name}"), value])), "{name}");
        }
        assert_eq!(conditions.len(), 2 + fields.len() - 2, "and nothing else");
        assert_eq!(fields["x-amz-credential"], "AKID/20260203/eu-west-1/s3/aws4_request");
        assert_eq!(fields["x-amz-date"], "20260203T040506Z");
    }

    #[test]
    fn only_temporary_credentials_show_a_token() {
        assert!(!signed(None).contains_key("x-amz-security-token"));
        assert_ne!(signed(None)["x-amz-signature"], signed(Some("temporary"))["x-amz-signature"]);
    }
}
