//! How often somebody may try something: an exact sliding window for what costs, a bucket for every request.
use std::{
    collections::VecDeque,
    fmt,
    hash::Hash,
    net::IpAddr,
    num::NonZeroU32,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use dashmap::DashMap;
use governor::{Quota, RateLimiter, middleware::NoOpMiddleware, state::keyed::DashMapStateStore};
use yunfa_signaling::time::Instant;

use super::{
    crowd::place,
    problem::{Code, Problem},
};
use crate::{clock::Clock, config::Limits};

/// Whoever is counted beyond this many others is refused until some are forgotten: memory has a bound too.
const MOST_KEYS: usize = 100_000;
const QUARTER_HOUR: Duration = Duration::from_secs(15 * 60);
const HOUR: Duration = Duration::from_secs(3600);
/// A page loads with a burst of requests; four seconds' worth of them are no attack.
const BURST_SECONDS: u32 = 4;

/// Every limit of the HTTP API that is kept in memory. Failed logins are kept in the store.
pub struct Budgets {
    /// New guests of one address.
    pub guests: Window<IpAddr>,
    /// Codes sent to one phone, by its keyed reference.
    pub sms_of_phone: Window<String>,
    /// Codes asked for from one address.
    pub sms_of_address: Window<IpAddr>,
    /// Invitations that were shown or used from one address.
    pub codes: Window<IpAddr>,
    /// Reports of one person.
    pub reports: Window<String>,
    /// Logins that are being checked right now, by account and by address.
    pub checking: Checking,
    requests: RateLimiter<IpAddr, DashMapStateStore<IpAddr>, Clock, NoOpMiddleware<Duration>>,
    clock: Clock,
}

impl fmt::Debug for Budgets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Budgets")
    }
}

impl governor::clock::Clock for Clock {
    type Instant = Duration;

    fn now(&self) -> Duration {
        self.elapsed()
    }
}

impl Budgets {
    /// Nothing is used up yet.
    pub fn new(limits: &Limits, clock: Clock) -> Self {
        let per_second = NonZeroU32::new(limits.requests_per_second).unwrap_or(NonZeroU32::MIN);
        let quota = Quota::per_second(per_second)
            .allow_burst(per_second.saturating_mul(NonZeroU32::new(BURST_SECONDS).unwrap_or(NonZeroU32::MIN)));
        Self {
            guests: Window::new(limits.guests_per_address, QUARTER_HOUR),
            sms_of_phone: Window::new(limits.sms_per_phone, HOUR),
            sms_of_address: Window::new(limits.sms_per_address, HOUR),
            codes: Window::new(limits.guests_per_address, QUARTER_HOUR),
            reports: Window::new(limits.reports_per_hour, HOUR),
            checking: Checking::default(),
            requests: RateLimiter::new(quota, DashMapStateStore::default(), clock.clone()),
            clock,
        }
    }

    /// Counts one request of an address.
    ///
    /// # Errors
    /// 429 when it is one too many.
    pub fn request(&self, address: IpAddr) -> Result<(), Problem> {
        if self.requests.len() >= MOST_KEYS {
            self.requests.retain_recent();
        }
        self.requests.check_key(&place(address)).map_err(|refused| {
            Problem::from(Code::RateLimited)
                .retry_after(refused.wait_time_from(governor::clock::Clock::now(&self.clock)))
        })
    }
}

/// At most so many in any stretch of time of a given length, for each key.
#[derive(Debug)]
pub struct Window<K: Eq + Hash> {
    most: usize,
    length: Duration,
    used: DashMap<K, VecDeque<Instant>>,
}

impl<K: Eq + Hash> Window<K> {
    /// `most` in `length`.
    pub fn new(most: u32, length: Duration) -> Self {
        Self { most: usize::try_from(most).unwrap_or(usize::MAX), length, used: DashMap::new() }
    }

    /// Uses one up.
    ///
    /// # Errors
    /// 429, with the time until the oldest one is forgotten.
    pub fn take(&self, key: K, now: Instant) -> Result<(), Problem> {
        if self.used.len() >= MOST_KEYS {
            self.used.retain(|_, used| used.back().is_some_and(|last| now.since(*last) < self.length));
            if self.used.len() >= MOST_KEYS {
                return Err(Problem::from(Code::RateLimited).retry_after(self.length));
            }
        }
        let mut used = self.used.entry(key).or_default();
        while used.front().is_some_and(|first| now.since(*first) >= self.length) {
            used.pop_front();
        }
        match used.front() {
            Some(first) if used.len() >= self.most => {
                let wait = self.length.saturating_sub(now.since(*first));
                Err(Problem::from(Code::RateLimited).retry_after(wait))
            }
            _ => {
                used.push_back(now);
                Ok(())
            }
        }
    }
}

/// How many logins of one account, or from one address, are being checked at this moment: they count as failed until
/// they are not, so that trying in parallel gives no more tries.
#[derive(Debug, Default)]
pub struct Checking(Mutex<std::collections::HashMap<String, u32>>);

impl Checking {
    /// Begins a check and says how many there are now, this one included.
    pub fn begin(&self, key: String) -> (Check<'_>, u32) {
        let mut running = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = running.entry(key.clone()).or_insert(0);
        *count += 1;
        (Check { all: self, key }, *count)
    }
}

/// A running check; it ends when this is dropped.
#[derive(Debug)]
pub struct Check<'a> {
    all: &'a Checking,
    key: String,
}

impl Drop for Check<'_> {
    fn drop(&mut self) {
        let mut running = self.all.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = running.get_mut(&self.key) {
            *count -= 1;
            if *count == 0 {
                running.remove(&self.key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use yunfa_signaling::time::Timestamp;

    use super::*;

    #[test]
    fn a_window_slides_and_says_how_long_to_wait() {
        let window = Window::new(2, Duration::from_secs(60));
        let at = |seconds| Instant::since_start(Duration::from_secs(seconds));
        assert!(window.take("a", at(0)).is_ok() && window.take("a", at(30)).is_ok());

        let refused = window.take("a", at(45)).expect_err("one too many");

        assert_eq!(refused, Problem::from(Code::RateLimited).retry_after(Duration::from_secs(15)));
        assert!(window.take("b", at(45)).is_ok());
        assert!(window.take("a", at(60)).is_ok());
        assert!(window.take("a", at(61)).is_err());
    }

    #[test]
    fn checks_that_run_at_the_same_time_are_counted_together() {
        let checking = Checking::default();
        let (first, one) = checking.begin("a".to_owned());
        let (_second, two) = checking.begin("a".to_owned());
        drop(first);
        let (_third, again_two) = checking.begin("a".to_owned());

        assert_eq!((one, two, again_two), (1, 2, 2));
    }

    #[test]
    fn requests_of_one_address_are_refused_past_the_burst_and_allowed_again_later() {
        let clock = Clock::by_hand(Timestamp(0));
        let limits = crate::config::Config::load(crate::config::Sources::default()).expect("defaults").limits;
        let budgets = Budgets::new(&Limits { requests_per_second: 1, ..limits }, clock.clone());
        let address = "192.0.2.1".parse().expect("an address");

        let allowed = (0..10).filter(|_| budgets.request(address).is_ok()).count();
        clock.advance(Duration::from_secs(1));

        assert_eq!(allowed, 4);
        assert!(budgets.request(address).is_ok());
        assert!(budgets.request(address).is_err());
    }
}
