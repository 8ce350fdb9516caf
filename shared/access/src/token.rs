//! Tokens for the application behind a portal: JWT (RFC 7519), ES256, ten minutes, for that portal only (S65).

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use p256::pkcs8::EncodePrivateKey;
use portico_domain::{ids::PortalId, portal::RoleId, user::User};
use serde::Serialize;

use crate::{AccessError, Keyring, keys::Keys};

/// How long a token is good.
pub const LIFETIME: SignedDuration = SignedDuration::from_mins(10);
/// The media type of these tokens (RFC 9068 2.1).
const TYPE: &str = "at+jwt";

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    aud: PortalId,
    sub: String,
    role: &'a RoleId,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    iat: i64,
    nbf: i64,
    exp: i64,
}

/// A public key, as published (RFC 7517, RFC 7518 6.2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Jwk {
    kty: &'static str,
    crv: &'static str,
    alg: &'static str,
    #[serde(rename = "use")]
    usage: &'static str,
    kid: String,
    x: String,
    y: String,
}

/// Writes a token for a signed-in user.
pub async fn issue(keyring: &Keyring, issuer: &str, user: &User, role: &RoleId, now: Timestamp) -> Result<String, AccessError> {
    let keys = keyring.current().await?;
    let failed = |_| AccessError::Crypto("a token could not be signed");
    let der = keys.token().to_pkcs8_der().map_err(|_| AccessError::Crypto("the token key could not be encoded"))?;
    let mut header = Header::new(Algorithm::ES256);
    header.typ = Some(TYPE.into());
    header.kid = Some(keys.version().to_owned());
    let (iat, exp) = (now.as_second(), now.as_second() + LIFETIME.as_secs());
    let claims = Claims { iss: issuer, aud: user.portal, sub: user.id.to_string(), role, name: user.name(), iat, nbf: iat, exp };
    encode(&header, &claims, &EncodingKey::from_ec_der(der.as_bytes())).map_err(failed)
}

/// The public keys of all good versions of the secret, the one in use first.
pub async fn public_keys(keyring: &Keyring) -> Result<Vec<Jwk>, AccessError> {
    keyring.all().await?.iter().map(|keys| public_key(keys)).collect()
}

fn public_key(keys: &Keys) -> Result<Jwk, AccessError> {
    let point = keys.token().verifying_key().to_sec1_point(false);
    let (Some(x), Some(y)) = (point.x(), point.y()) else { return Err(AccessError::Crypto("the token key has no coordinates")) };
    let coordinate = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    Ok(Jwk { kty: "EC", crv: "P-256", alg: "ES256", usage: "sig", kid: keys.version().to_owned(), x: coordinate(x), y: coordinate(y) })
}
