//! Who sends: a signed word to the push service (VAPID, RFC 8292), by a key that follows from the key file.
use std::{collections::BTreeMap, fmt, sync::Mutex};

use base64ct::{Base64UrlUnpadded, Encoding as _};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde::Serialize;
use web_push_native::p256::{SecretKey, elliptic_curve::sec1::ToEncodedPoint as _, pkcs8::EncodePrivateKey as _};
use yunfa_signaling::time::Timestamp;

use crate::storage::Store;

/// How long a signed word holds; a day at most (RFC 8292 section 2).
const VALID_S: i64 = 12 * 3600;
/// One that holds for less is signed anew.
const LEAST_S: i64 = 3600;
/// Push services of which the word is remembered.
const REMEMBERED: usize = 64;

/// This server's name among push services.
pub struct Vapid {
    public: String,
    /// `None` when the key cannot be encoded, which no key of P-256 does.
    signing: Option<EncodingKey>,
    contact: Option<String>,
    signed: Mutex<BTreeMap<String, (i64, String)>>,
}

impl fmt::Debug for Vapid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Vapid({})", self.public)
    }
}

/// The claims (RFC 8292 section 2).
#[derive(Serialize)]
struct Claims<'a> {
    aud: &'a str,
    exp: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    sub: Option<&'a str>,
}

impl Vapid {
    /// The name that follows from the store's key file; `contact` is whom a push service may turn to.
    pub fn new(store: &Store, contact: Option<String>) -> Self {
        // A number beyond the order of the curve is no key: one in four thousand million.
        let key = (0_u8..).find_map(|n| SecretKey::from_slice(&*store.keys().derived(&format!("vapid/{n}"))).ok());
        Self::of(key.as_ref(), contact)
    }

    fn of(key: Option<&SecretKey>, contact: Option<String>) -> Self {
        let point = key.map(|key| key.public_key().to_encoded_point(false));
        let signing = key.and_then(|key| key.to_pkcs8_der().ok()).map(|der| EncodingKey::from_ec_der(der.as_bytes()));
        Self {
            public: point.map(|point| Base64UrlUnpadded::encode_string(point.as_bytes())).unwrap_or_default(),
            signing,
            contact,
            signed: Mutex::default(),
        }
    }

    /// The public key, uncompressed, in base64url.
    pub fn public_key(&self) -> &str {
        &self.public
    }

    /// The value of `Authorization` for this push service; `None` when nothing can be signed.
    pub(super) fn authorization(&self, service: &str, now: Timestamp) -> Option<String> {
        let now_s = now.0 / 1_000;
        let mut signed = self.signed.lock().ok()?;
        if let Some((until, word)) = signed.get(service)
            && *until - now_s >= LEAST_S
        {
            return Some(word.clone());
        }
        let exp = now_s + VALID_S;
        let claims = Claims { aud: service, exp, sub: self.contact.as_deref() };
        let word = jsonwebtoken::encode(&Header::new(Algorithm::ES256), &claims, self.signing.as_ref()?).ok()?;
        let word = format!("vapid t={word}, k={}", self.public);
        if signed.len() >= REMEMBERED {
            signed.clear();
        }
        signed.insert(service.to_owned(), (exp, word.clone()));
        Some(word)
    }
}

#[cfg(test)]
mod tests {
    use jsonwebtoken::{DecodingKey, Validation};
    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize)]
    struct Read {
        aud: String,
        exp: i64,
        sub: String,
    }

    fn vapid() -> (Vapid, DecodingKey) {
        let key = SecretKey::from_slice(&[7; 32]).expect("a key");
        let point = key.public_key().to_encoded_point(false);
        (Vapid::of(Some(&key), Some("mailto:it@county.example".to_owned())), DecodingKey::from_ec_der(point.as_bytes()))
    }

    #[test]
    fn the_word_is_signed_names_the_service_and_ends() {
        let (vapid, key) = vapid();
        let now = Timestamp(1_795_000_000_000);

        let said = vapid.authorization("https://push.example", now).expect("signed");

        let (token, shown) = said.strip_prefix("vapid t=").and_then(|said| said.split_once(", k=")).expect("two parts");
        let mut rules = Validation::new(Algorithm::ES256);
        rules.validate_exp = false;
        rules.set_audience(&["https://push.example"]);
        let Read { aud, exp, sub } =
            jsonwebtoken::decode::<Read>(token, &key, &rules).expect("signed by the key").claims;
        assert_eq!(shown, vapid.public_key());
        assert_eq!((aud.as_str(), sub.as_str()), ("https://push.example", "mailto:it@county.example"));
        assert_eq!(exp, now.0 / 1_000 + VALID_S);
    }

    #[test]
    fn a_word_is_said_again_until_it_is_about_to_end() {
        let (vapid, _) = vapid();
        let at = |s: i64| vapid.authorization("https://push.example", Timestamp(s * 1_000)).expect("signed");

        let first = at(1_000_000);

        assert_eq!(at(1_000_000 + VALID_S - LEAST_S), first);
        assert_ne!(at(1_000_000 + VALID_S - LEAST_S + 1), first);
        assert_ne!(vapid.authorization("https://other.example", Timestamp(1_000_000_000)).expect("signed"), first);
    }
}
