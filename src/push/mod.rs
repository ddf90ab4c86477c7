//! Web Push to desks that nobody looks at (RFC 8030): an offer, sealed for the one browser that may read it.
mod subscription;
mod vapid;

use std::{sync::Arc, time::Duration};

use serde::Serialize;
use tokio::sync::{Semaphore, mpsc};
use yunfa_signaling::{
    ids::{LawyerId, OfferId},
    message::OfferView,
    time::Timestamp,
    words::{Channel, PracticeArea},
};

pub use self::{
    subscription::{MAX_ENDPOINT, Subscription, Unusable},
    vapid::Vapid,
};
use crate::{
    clock::Clock,
    config,
    shutdown::Shutdown,
    storage::{StorageError, Store, push::StoredSubscription},
};

/// Alerts that may wait to be sent: every desk of a county, rung at once.
pub const ALERTS: usize = 1024;
/// A push service answers within this time, or was not reached.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Posts under way at most.
const POSTS: usize = 32;
/// Pause before the second and last try.
const PAUSE: Duration = Duration::from_secs(1);
/// A ring of which less is left is not worth a push.
const LEAST_LEFT_MS: i64 = 1_000;
/// Of several alerts that wait for a browser to wake up it gets the last one (RFC 8030 section 5.4).
const TOPIC: &str = "ring";

/// What a desk is told of.
#[derive(Clone, Debug)]
pub struct Alert {
    /// Whose desk.
    pub lawyer: LawyerId,
    /// What it is rung for.
    pub offer: OfferView,
}

/// What the browser reads: no more than the desk shows of an offer.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Notice<'a> {
    offer: OfferId,
    practice_area: PracticeArea,
    channel: Channel,
    locality: &'a str,
    expires_at: Timestamp,
}

/// Sends alerts.
#[derive(Clone, Debug)]
pub struct Push {
    services: Arc<config::PushServices>,
    vapid: Arc<Vapid>,
    client: reqwest::Client,
    posts: Arc<Semaphore>,
    store: Store,
    clock: Clock,
    shutdown: Shutdown,
}

/// What came of one post.
enum Posted {
    /// The push service has it.
    Taken,
    /// There is no such subscription any more.
    Gone,
    /// It will not be taken, however often it is said.
    Refused(u16),
    /// Perhaps later.
    Failed(String),
}

impl Push {
    /// A sender for the push services of the settings.
    ///
    /// # Errors
    /// When no HTTP client can be made.
    pub fn new(settings: config::Push, store: Store, clock: Clock, shutdown: Shutdown) -> Result<Self, reqwest::Error> {
        // A service that redirects would have us ask somebody whom nobody has allowed.
        let client = reqwest::Client::builder().timeout(TIMEOUT).redirect(reqwest::redirect::Policy::none()).build()?;
        Ok(Self {
            services: Arc::new(settings.services),
            vapid: Arc::new(Vapid::new(&store, settings.contact)),
            client,
            posts: Arc::new(Semaphore::new(POSTS)),
            store,
            clock,
            shutdown,
        })
    }

    /// The key by which browsers know this server (RFC 8292 section 4); `None` when no push service is allowed.
    pub fn public_key(&self) -> Option<&str> {
        (!self.services.is_empty()).then(|| self.vapid.public_key())
    }

    /// Reads what a browser says of its subscription.
    ///
    /// # Errors
    /// When a part cannot be used, or the push service is none of the settings.
    pub fn read(&self, endpoint: &str, p256dh: &str, auth: &str) -> Result<Subscription, Unusable> {
        Subscription::new(endpoint, p256dh, auth, &self.services)
    }

    /// Sends what comes until the server stops. An alert that finds no turn in time is not sent: the ring is over.
    pub async fn run(self, mut alerts: mpsc::Receiver<Alert>) {
        loop {
            let alert = tokio::select! {
                alert = alerts.recv() => alert,
                () = self.shutdown.stopping() => return,
            };
            let Some(alert) = alert else { return };
            let Ok(turn) = Arc::clone(&self.posts).acquire_owned().await else { return };
            let push = self.clone();
            self.shutdown.spawn(async move {
                let _turn = turn;
                if let Err(error) = push.alert(&alert).await {
                    tracing::warn!(lawyer.id = ?alert.lawyer, "an alert was not sent: {error}");
                }
            });
        }
    }

    async fn alert(&self, Alert { lawyer, offer }: &Alert) -> Result<(), StorageError> {
        let browsers = self.store.subscriptions(*lawyer, self.clock.wall()).await?;
        let notice = Notice {
            offer: offer.id,
            practice_area: offer.practice_area,
            channel: offer.channel,
            locality: &offer.locality,
            expires_at: offer.expires_at,
        };
        let Ok(notice) = serde_json::to_vec(&notice) else { return Ok(()) };
        for StoredSubscription { token, text } in browsers {
            // A service that was allowed once may be no longer.
            let Ok(browser) = Subscription::from_text(&text, &self.services) else { continue };
            if self.send(&browser, &notice, offer.expires_at).await {
                self.store.subscription_gone(&token, browser.endpoint()).await?;
            }
        }
        Ok(())
    }

    /// Sends it, once more if need be; `true` when the subscription has ended.
    async fn send(&self, browser: &Subscription, notice: &[u8], until: Timestamp) -> bool {
        for pause in [Some(PAUSE), None] {
            let left_ms = until.ms_since(self.clock.wall());
            if left_ms < LEAST_LEFT_MS {
                return false;
            }
            let said = match self.post(browser, notice, left_ms / 1_000).await {
                Posted::Taken => return false,
                Posted::Gone => return true,
                Posted::Refused(status) => {
                    tracing::warn!("a push service refused a push with {status}");
                    return false;
                }
                Posted::Failed(said) => said,
            };
            match pause {
                Some(pause) => self.clock.sleep(pause).await,
                None => tracing::warn!("a push service {said}, twice; a push was not sent"),
            }
        }
        false
    }

    async fn post(&self, browser: &Subscription, notice: &[u8], ttl_s: i64) -> Posted {
        let (Some(body), Some(who)) =
            (browser.seal(notice), self.vapid.authorization(browser.origin(), self.clock.wall()))
        else {
            return Posted::Failed("could not be written to".to_owned());
        };
        let request = self
            .client
            .post(browser.endpoint())
            .header("ttl", ttl_s.to_string())
            .header("urgency", "high")
            .header("topic", TOPIC)
            .header("content-encoding", "aes128gcm")
            .header("content-type", "application/octet-stream")
            .header("authorization", who)
            .body(body);
        match request.send().await {
            Ok(response) => match response.status().as_u16() {
                200..=299 => Posted::Taken,
                404 | 410 => Posted::Gone,
                429 | 500..=599 => Posted::Failed(format!("answered {}", response.status().as_u16())),
                status => Posted::Refused(status),
            },
            // The error's own text would repeat the address.
            Err(error) if error.is_timeout() => Posted::Failed("did not answer in time".to_owned()),
            Err(_) => Posted::Failed("could not be reached".to_owned()),
        }
    }
}
