//! Tokens for the application behind a portal: JWT (RFC 7519), ES256, ten minutes, for that portal only (S65).

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::{SignedDuration, Timestamp};
use p256::{SecretKey, elliptic_curve::sec1::ToSec1Point};
use portico_domain::{ids::PortalId, portal::RoleId, user::User};
use ring::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair},
};
use serde::Serialize;

use crate::{AccessError, Keyring, keys::Keys};

/// How long a token is good.
pub const LIFETIME: SignedDuration = SignedDuration::from_mins(10);
/// The media type of these tokens (RFC 9068 2.1).
const TYPE: &str = "at+jwt";
/// ECDSA over P-256 with SHA-256 (RFC 7518 3.4).
const ALGORITHM: &str = "ES256";

#[derive(Serialize)]
struct Header<'a> {
    typ: &'static str,
    alg: &'static str,
    kid: &'a str,
}

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

/// A key that signs tokens.
///
/// `ring` signs, which TLS brings along anyway: at a twentieth of the instructions that `p256` takes. `p256` finds the public half,
/// once for each key, because `ring` wants to be given it.
pub(crate) struct TokenKey(EcdsaKeyPair);

impl TokenKey {
    /// The key with this secret half.
    pub(crate) fn new(secret: &SecretKey) -> Result<Self, AccessError> {
        let public = secret.public_key().to_sec1_point(false);
        EcdsaKeyPair::from_private_key_and_public_key(
            &ECDSA_P256_SHA256_FIXED_SIGNING,
            &secret.to_bytes(),
            public.as_bytes(),
            &SystemRandom::new(),
        )
        .map(Self)
        .map_err(|_| AccessError::Crypto("the token key is not a pair"))
    }

    /// The compact form of a token (RFC 7515 7.1).
    fn sign(&self, header: &Header, claims: &Claims) -> Result<String, AccessError> {
        let part = |json: serde_json::Result<Vec<u8>>| {
            json.map(|json| URL_SAFE_NO_PAD.encode(json)).map_err(|_| AccessError::Crypto("a token could not be written"))
        };
        let mut token = format!("{}.{}", part(serde_json::to_vec(header))?, part(serde_json::to_vec(claims))?);
        let signature =
            self.0.sign(&SystemRandom::new(), token.as_bytes()).map_err(|_| AccessError::Crypto("a token could not be signed"))?;
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        Ok(token)
    }
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
    let header = Header { typ: TYPE, alg: ALGORITHM, kid: keys.version() };
    let (iat, exp) = (now.as_second(), now.as_second() + LIFETIME.as_secs());
    let claims = Claims { iss: issuer, aud: user.portal, sub: user.id.to_string(), role, name: user.name(), iat, nbf: iat, exp };
    keys.token()?.sign(&header, &claims)
}

/// The public keys of all good versions of the secret, the one in use first.
pub async fn public_keys(keyring: &Keyring) -> Result<Vec<Jwk>, AccessError> {
    keyring.all().await?.iter().map(|keys| public_key(keys)).collect()
}

fn public_key(keys: &Keys) -> Result<Jwk, AccessError> {
    // An uncompressed point: one byte that says so, then both coordinates (SEC 1, 2.3.3).
    let point = keys.token()?.0.public_key().as_ref();
    let (x, y) = point.get(1..).unwrap_or_default().split_at(point.len() / 2);
    let coordinate = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    Ok(Jwk { kty: "EC", crv: "P-256", alg: ALGORITHM, usage: "sig", kid: keys.version().to_owned(), x: coordinate(x), y: coordinate(y) })
}

#[cfg(test)]
mod tests {
    use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
    use portico_runtime::secret::SecretVersion;
    use serde_json::Value;

    use super::*;

    fn keys(text: &str) -> Keys {
        Keys::derive(&SecretVersion { id: "v1".into(), text: text.into() })
    }

    fn token(keys: &Keys) -> String {
        let user = portico_domain::ids::UserId::new(Timestamp::UNIX_EPOCH, 1).to_string();
        let (role, aud) = (RoleId::try_from("member".to_owned()).unwrap(), PortalId::new(Timestamp::UNIX_EPOCH, 1));
        let claims =
            Claims { iss: "https://portal.example.com", aud, sub: user, role: &role, name: Some("Li Na"), iat: 1, nbf: 1, exp: 601 };
        keys.token().unwrap().sign(&Header { typ: TYPE, alg: ALGORITHM, kid: keys.version() }, &claims).unwrap()
    }

    #[test]
    fn the_published_key_of_a_secret_never_changes() {
        let jwk = public_key(&keys("secret")).unwrap();
        assert_eq!(
            (jwk.x.as_str(), jwk.y.as_str()),
            ("hkvyqSGgTYQa8V1TvanAESwzcLQa3yWMdTmj982w6r4", "FFbUFhAb7VutAENXhLpVosuBVFaTBLPA5IqC4U_Jm8M")
        );
    }

    #[test]
    fn only_the_published_key_checks_a_token() {
        // S65
        let mut validation = Validation::new(Algorithm::ES256);
        validation.set_required_spec_claims(&["exp", "nbf", "aud", "sub", "iss"]);
        (validation.validate_exp, validation.validate_aud) = (false, false);
        let check = |key: &Jwk, token: &str| decode::<Value>(token, &DecodingKey::from_ec_components(&key.x, &key.y).unwrap(), &validation);
        let (ours, others) = (keys("secret"), keys("other"));
        for _ in 0..16 {
            let token = token(&ours);
            let checked = check(&public_key(&ours).unwrap(), &token).unwrap();
            assert_eq!((checked.header.typ.as_deref(), checked.header.kid.as_deref()), (Some(TYPE), Some("v1")));
            assert_eq!((&checked.claims["name"], &checked.claims["exp"]), (&"Li Na".into(), &601.into()));
            assert!(check(&public_key(&others).unwrap(), &token).is_err());
        }
    }
}
