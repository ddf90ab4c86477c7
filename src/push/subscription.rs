//! What a browser says of where it takes pushes (W3C Push API): checked before anything is kept or sent.
use std::fmt;

use base64ct::{Base64UrlUnpadded, Encoding as _};
use serde::{Deserialize, Serialize};
use web_push_native::{Auth, p256::PublicKey};

use crate::config::PushServices;

/// Longest address of a push service, in bytes.
pub const MAX_ENDPOINT: usize = 1024;
/// Bytes of the secret that the browser shares (RFC 8291 section 3.2).
const AUTH_BYTES: usize = 16;
/// Bytes of an uncompressed point of P-256.
const POINT_BYTES: usize = 65;

/// Why a subscription cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// Not an address, or of a push service that the settings do not allow.
    #[error("endpoint is not an address of a push service that `push.services` allows")]
    Endpoint,
    /// No point of P-256.
    #[error("p256dh is not a public key of P-256 in base64url")]
    Key,
    /// Not 16 bytes.
    #[error("auth is not 16 bytes in base64url")]
    Auth,
}

/// Where one browser takes pushes, and the keys to seal them with.
#[derive(Clone)]
pub struct Subscription {
    endpoint: String,
    origin: String,
    key: PublicKey,
    auth: Auth,
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Whoever has the address can wake the browser up.
        write!(f, "Subscription({}/…)", self.origin)
    }
}

/// As it is sealed in the store.
#[derive(Serialize, Deserialize)]
struct Text {
    endpoint: String,
    p256dh: String,
    auth: String,
}

impl Subscription {
    /// Of what the browser says.
    ///
    /// # Errors
    /// Names the part that cannot be used.
    pub fn new(endpoint: &str, p256dh: &str, auth: &str, services: &PushServices) -> Result<Self, Unusable> {
        if endpoint.len() > MAX_ENDPOINT {
            return Err(Unusable::Endpoint);
        }
        let url = reqwest::Url::parse(endpoint).map_err(|_| Unusable::Endpoint)?;
        let has_login = !url.username().is_empty() || url.password().is_some();
        let origin = url.origin().ascii_serialization();
        if has_login || !services.allows(&origin) {
            return Err(Unusable::Endpoint);
        }
        let mut point = [0; POINT_BYTES];
        let point = Base64UrlUnpadded::decode(p256dh, &mut point).map_err(|_| Unusable::Key)?;
        let key = PublicKey::from_sec1_bytes(point).map_err(|_| Unusable::Key)?;
        let mut secret = [0; AUTH_BYTES];
        let read = Base64UrlUnpadded::decode(auth, &mut secret).map_err(|_| Unusable::Auth)?.len();
        if read != AUTH_BYTES {
            return Err(Unusable::Auth);
        }
        Ok(Self { endpoint: url.into(), origin, key, auth: secret.into() })
    }

    /// Of what was kept.
    ///
    /// # Errors
    /// As [`Subscription::new`].
    pub fn from_text(text: &str, services: &PushServices) -> Result<Self, Unusable> {
        let Text { endpoint, p256dh, auth } = serde_json::from_str(text).map_err(|_| Unusable::Endpoint)?;
        Self::new(&endpoint, &p256dh, &auth, services)
    }

    /// To be kept, sealed.
    pub fn to_text(&self) -> String {
        let text = Text {
            endpoint: self.endpoint.clone(),
            p256dh: Base64UrlUnpadded::encode_string(&self.key.to_sec1_bytes()),
            auth: Base64UrlUnpadded::encode_string(&self.auth),
        };
        serde_json::to_string(&text).unwrap_or_default()
    }

    /// Where it is posted to.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// The push service.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Seals a message so that only this browser reads it (RFC 8291); `None` when the cipher refuses.
    pub(super) fn seal(&self, message: &[u8]) -> Option<Vec<u8>> {
        web_push_native::encrypt(message.to_vec(), &self.key, &self.auth).ok()
    }
}

#[cfg(test)]
mod tests {
    use web_push_native::{decrypt, p256::SecretKey};

    use super::*;

    /// RFC 8291 appendix A.
    const PRIVATE: &str = "q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94";
    const PUBLIC: &str = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4";
    const AUTH: &str = "BTBZMqHH6r4Tts7J_aSIgg";
    const MESSAGE: &str = "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN";

    fn services() -> PushServices {
        PushServices::new(vec!["https://push.example".to_owned(), "https://*.push.example".to_owned()])
    }

    fn subscription(endpoint: &str) -> Result<Subscription, Unusable> {
        Subscription::new(endpoint, PUBLIC, AUTH, &services())
    }

    fn private_key() -> SecretKey {
        SecretKey::from_slice(&Base64UrlUnpadded::decode_vec(PRIVATE).expect("base64url")).expect("a key")
    }

    #[test]
    fn the_message_of_the_rfc_is_read_and_ours_are_read_by_its_key() {
        let browser = subscription("https://push.example/1").expect("usable");
        let theirs = Base64UrlUnpadded::decode_vec(MESSAGE).expect("base64url");

        let read = decrypt(theirs, &private_key(), &browser.auth).expect("opened");
        let ours = decrypt(browser.seal(b"rung").expect("sealed"), &private_key(), &browser.auth).expect("opened");

        assert_eq!(read, b"When I grow up, I want to be a watermelon");
        assert_eq!(ours, b"rung");
    }

    #[test]
    fn only_addresses_of_allowed_services_are_taken() {
        for good in ["https://push.example/1", "https://push.example:443/1?a=b", "https://db5.a.push.example/w"] {
            assert!(subscription(good).is_ok(), "{good}");
        }
        let long = format!("https://push.example/{}", "a".repeat(MAX_ENDPOINT));
        for bad in [
            "",
            "push.example/1",
            "http://push.example/1",
            "https://push.example:8443/1",
            "https://push.example.evil/1",
            "https://evilpush.example/1",
            "https://me@push.example/1",
            "https://127.0.0.1/1",
            "file:///etc/passwd",
            &long,
        ] {
            assert_eq!(subscription(bad).err(), Some(Unusable::Endpoint), "{bad}");
        }
    }

    #[test]
    fn keys_that_are_none_are_refused() {
        let of = |p256dh, auth| Subscription::new("https://push.example/1", p256dh, auth, &services()).err();
        let off_the_curve = Base64UrlUnpadded::encode_string(&[4; POINT_BYTES]);

        let long = "A".repeat(4_000);

        for key in ["", "****", "BCVx", &off_the_curve, &long] {
            assert_eq!(of(key, AUTH), Some(Unusable::Key), "{key}");
        }
        for auth in ["", "****", "BTBZ", &long] {
            assert_eq!(of(PUBLIC, auth), Some(Unusable::Auth), "{auth}");
        }
    }

    #[test]
    fn what_is_kept_is_what_was_said_and_it_is_never_printed() {
        let browser = subscription("https://push.example/secret").expect("usable");

        let again = Subscription::from_text(&browser.to_text(), &services()).expect("usable");

        assert_eq!((again.endpoint(), again.key, again.auth), (browser.endpoint(), browser.key, browser.auth));
        assert_eq!(format!("{browser:?}"), "Subscription(https://push.example/…)");
    }
}
