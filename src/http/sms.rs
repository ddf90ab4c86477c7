//! Codes and notices to phones: the demonstration's fixed code, or a gateway that is posted to.
use std::{sync::Arc, time::Duration};

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use tokio::sync::Semaphore;
use uuid::Uuid;
use yunfa_signaling::time::Timestamp;

use super::problem::{Code, Problem};
use crate::{clock::Clock, config, shutdown::Shutdown, storage::keys::hex};

/// The one code that is right in a demonstration; `demo.json` shows it.
pub const DEMO_CODE: &str = "246810";
/// The gateway answers within this time.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Pauses before the second and the third try. Whoever waits for a code asks for another after a minute anyway.
const PAUSES: [Duration; 2] = [Duration::from_millis(500), Duration::from_secs(2)];
/// Posts under way at most.
const POSTS: usize = 32;

/// Sends codes and notices.
#[derive(Clone, Debug)]
pub struct Sms {
    gateway: config::Sms,
    client: reqwest::Client,
    posts: Arc<Semaphore>,
    clock: Clock,
    shutdown: Shutdown,
}

impl Sms {
    /// A sender for the gateway of the settings.
    ///
    /// # Errors
    /// When no HTTP client can be made.
    pub fn new(gateway: config::Sms, clock: Clock, shutdown: Shutdown) -> Result<Self, reqwest::Error> {
        // A gateway that redirects would be sent the code and the number somewhere nobody has set.
        let client = reqwest::Client::builder().timeout(TIMEOUT).redirect(reqwest::redirect::Policy::none()).build()?;
        Ok(Self { gateway, client, posts: Arc::new(Semaphore::new(POSTS)), clock, shutdown })
    }

    /// Chooses a code and sends it; the code is kept by the caller. Sending goes on after this returns.
    ///
    /// # Errors
    /// 503 when there is no gateway, or when too much is under way.
    pub fn send(&self, phone: &str) -> Result<String, Problem> {
        match &self.gateway {
            config::Sms::Off => Err(Code::SmsUnavailable.into()),
            config::Sms::Demo => Ok(DEMO_CODE.to_owned()),
            config::Sms::Http { url, secret } => {
                let code = format!("{:06}", self.clock.below(1_000_000));
                let id: Uuid = self.clock.mint();
                let body = serde_json::json!({ "id": id, "phone": phone, "code": code }).to_string();
                match self.begin(url, secret, body) {
                    true => Ok(code),
                    false => Err(Problem::from(Code::SmsUnavailable).retry_after(TIMEOUT)),
                }
            }
        }
    }

    /// Tells somebody who is not here that there is an answer, and nothing of it. Who has no gateway, or one that is
    /// overrun, finds the answer on the next visit.
    pub fn notice(&self, phone: &str) {
        self.tell(
            &serde_json::json!({ "id": self.clock.mint::<Uuid>(), "phone": phone, "notice": "question-answered" }),
        );
    }

    /// Tells somebody who has no page open that a lawyer calls back, and until when it rings.
    pub fn tell_called(&self, phone: &str, until: Timestamp) {
        let id: Uuid = self.clock.mint();
        self.tell(&serde_json::json!({ "id": id, "phone": phone, "notice": "call-back", "until": until }));
    }

    /// Posts a notice, when there is a gateway that is not overrun.
    fn tell(&self, notice: &serde_json::Value) {
        let config::Sms::Http { url, secret } = &self.gateway else { return };
        if !self.begin(url, secret, notice.to_string()) {
            tracing::warn!("too many short messages are under way: a notice was not sent");
        }
    }

    /// Begins to post, if not too much is under way.
    fn begin(&self, url: &str, secret: &str, body: String) -> bool {
        let Ok(turn) = self.posts.clone().try_acquire_owned() else { return false };
        let (sender, url, secret) = (self.clone(), url.to_owned(), secret.to_owned());
        self.shutdown.spawn(async move {
            let _turn = turn;
            sender.post(&url, &secret, body).await;
        });
        true
    }

    /// Posts until the gateway takes it, three times at most. The id stays the same, so that one code is sent once.
    async fn post(&self, url: &str, secret: &str, body: String) {
        let mut pauses = PAUSES.into_iter();
        loop {
            let timestamp = self.clock.wall().0.to_string();
            let request = self
                .client
                .post(url)
                .header("content-type", "application/json")
                .header("yunfa-timestamp", &timestamp)
                .header("yunfa-signature", format!("sha256={}", signature(secret, &timestamp, &body)));
            let said = match request.body(body.clone()).send().await {
                Ok(response) if response.status().is_success() => return,
                Ok(response) if response.status().is_client_error() => {
                    return tracing::warn!("the SMS gateway refused with {}", response.status().as_u16());
                }
                Ok(response) => format!("answered {}", response.status().as_u16()),
                // The error's own text would repeat the address.
                Err(error) if error.is_timeout() => "did not answer in time".to_owned(),
                Err(_) => "could not be reached".to_owned(),
            };
            let Some(pause) = pauses.next() else {
                return tracing::warn!("the SMS gateway {said}, three times; a code or notice was not sent");
            };
            self.clock.sleep(pause).await;
        }
    }
}

/// HMAC-SHA256 of `timestamp.body`, in hex: the gateway refuses what is not ours, and what is too old.
fn signature(secret: &str, timestamp: &str, body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes a key of any length");
    mac.update(timestamp.as_bytes());
    mac.update(b".");
    mac.update(body.as_bytes());
    hex(&mac.finalize().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_covers_the_time_and_the_body() {
        // openssl: printf '1700000000000.{}' | openssl dgst -sha256 -hmac 0123456789abcdef
        let right = "cd08d6ce62dd5fb4489d9aff87256f4aa94716385a04d368cd6ac41d5516bc4b";
        let signed = signature("0123456789abcdef", "1700000000000", "{}");

        assert_eq!(signed, right);
        assert_ne!(signature("0123456789abcdef", "1700000000001", "{}"), right);
    }
}
