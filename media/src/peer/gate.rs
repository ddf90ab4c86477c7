//! The gate in front of what is dear: who may fail how often, what of DTLS is let through, how much a peer may send.
use std::{
    net::IpAddr,
    time::{Duration, Instant},
};

/// Failed STUN requests of one source per second, after which it is not heard.
const FAILURES_PER_SECOND: u16 = 50;
/// How long it is not heard.
const PENALTY: Duration = Duration::from_secs(10);
/// How many sources are remembered; they share the places, so memory is bounded whatever comes.
const PLACES: usize = 1024;

/// Sources that failed of late. An IPv6 source is its /64, since one host has all of it.
pub(crate) struct Strangers {
    /// Mixed into a source's place, so that nobody can aim at another's.
    salt: u64,
    places: Vec<Stranger>,
}

#[derive(Clone, Copy)]
struct Stranger {
    source: u64,
    since: Instant,
    failures: u16,
}

impl Strangers {
    pub(crate) fn new(salt: u64, now: Instant) -> Self {
        Self { salt, places: vec![Stranger { source: 0, since: now, failures: 0 }; PLACES] }
    }

    /// Whether this source's requests are verified at all.
    pub(crate) fn admits(&self, source: IpAddr, now: Instant) -> bool {
        let source = self.name(source);
        let stranger = &self.places[source as usize % PLACES];
        stranger.source != source
            || stranger.failures < FAILURES_PER_SECOND
            || now.duration_since(stranger.since) >= PENALTY
    }

    /// Remembers a failure.
    pub(crate) fn failed(&mut self, source: IpAddr, now: Instant) {
        let source = self.name(source);
        let stranger = &mut self.places[source as usize % PLACES];
        if stranger.source == source && now.duration_since(stranger.since) < Duration::from_secs(1) {
            stranger.failures = stranger.failures.saturating_add(1);
            if stranger.failures == FAILURES_PER_SECOND {
                stranger.since = now;
            }
            return;
        }
        // Whoever is being punished keeps the place; a newcomer takes it from everybody else.
        let punished = stranger.failures >= FAILURES_PER_SECOND && now.duration_since(stranger.since) < PENALTY;
        if !punished {
            *stranger = Stranger { source, since: now, failures: 1 };
        }
    }

    fn name(&self, source: IpAddr) -> u64 {
        let bits = match source {
            IpAddr::V4(ip) => u64::from(ip.to_bits()),
            IpAddr::V6(ip) => (ip.to_bits() >> 64) as u64,
        };
        // Multiplication by an odd secret and a fold: enough against aiming, at no cost.
        let mixed = (bits ^ self.salt).wrapping_mul(self.salt | 1);
        mixed ^ (mixed >> 29)
    }
}

/// A bucket that fills at `rate` per second up to one second's worth.
pub(crate) struct Bucket {
    rate: u32,
    /// Thousandths, so that slow rates fill exactly.
    level: u64,
    at: Instant,
}

impl Bucket {
    pub(crate) fn new(rate: u32, now: Instant) -> Self {
        Self { rate, level: u64::from(rate) * 1000, at: now }
    }

    /// Takes `amount` out if it is there.
    pub(crate) fn take(&mut self, amount: u32, now: Instant) -> bool {
        let elapsed = now.duration_since(self.at);
        let filled = elapsed.as_millis().min(1000) as u64;
        if filled > 0 {
            self.at = now;
            self.level = (self.level + filled * u64::from(self.rate)).min(u64::from(self.rate) * 1000);
        }
        let amount = u64::from(amount) * 1000;
        if self.level < amount {
            return false;
        }
        self.level -= amount;
        true
    }
}

/// Handshake records before completion.
const MAX_RECORDS: u32 = 64;
/// Their bytes.
const MAX_BYTES: usize = 32 * 1024;
/// Longest handshake message.
const MAX_MESSAGE: u32 = 16_384;
/// Highest number of a handshake message; a client sends up to 6 of them.
const MAX_MESSAGE_SEQ: u16 = 16;
/// Fragments of one message, repeats included.
const MAX_FRAGMENTS: u8 = 16;
/// Records of the next epoch that arrive before their turn.
const MAX_FUTURE: u32 = 8;
/// Repeated handshake records per minute after completion that our last flight is sent again for.
const MAX_REPEATS: u32 = 8;

const RECORD_HEADER: usize = 13;
const HANDSHAKE_HEADER: usize = 12;
const CHANGE_CIPHER_SPEC: u8 = 20;
const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;

/// What becomes of a datagram of DTLS records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Passage {
    /// It goes to the handshake (or, after completion, to the alert reader).
    Through,
    /// The client repeats its last flight, so ours was lost: send it again.
    Repeat,
    /// Dropped.
    Stopped,
}

/// Whether a datagram begins with the first fragment of a handshake's first message, as every ClientHello without a
/// cookie does.
pub(crate) fn begins_handshake(datagram: &[u8]) -> bool {
    Record::split(datagram).is_some_and(|(record, _)| {
        let first = matches!(record.body, [1, _, _, _, 0, 0, 0, 0, 0, ..]);
        record.kind == HANDSHAKE && record.epoch == 0 && first
    })
}

/// Budgets of one peer's DTLS (rtc-dtls 0.21.1 has none: it reassembles recursively, and queues without bound).
pub(crate) struct DtlsGate {
    records: u32,
    bytes: usize,
    future: u32,
    fragments: [u8; MAX_MESSAGE_SEQ as usize + 1],
    completed: bool,
    repeats: u32,
    repeats_since: Instant,
}

impl DtlsGate {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            records: 0,
            bytes: 0,
            future: 0,
            fragments: [0; MAX_MESSAGE_SEQ as usize + 1],
            completed: false,
            repeats: 0,
            repeats_since: now,
        }
    }

    /// The handshake is over: nothing but alerts goes to it from now on.
    pub(crate) fn completed(&mut self) {
        self.completed = true;
    }

    /// Judges a datagram as a whole: one bad record stops all of it.
    pub(crate) fn judge(&mut self, datagram: &[u8], now: Instant) -> Passage {
        if self.completed { self.judge_later(datagram, now) } else { self.judge_handshake(datagram) }
    }

    fn judge_handshake(&mut self, datagram: &[u8]) -> Passage {
        // Counted before it is looked at, so that refused datagrams use the budget up too.
        self.bytes = self.bytes.saturating_add(datagram.len());
        if self.bytes > MAX_BYTES {
            return Passage::Stopped;
        }
        let mut rest = datagram;
        while !rest.is_empty() {
            self.records += 1;
            let Some((record, after)) = Record::split(rest).filter(|_| self.records <= MAX_RECORDS) else {
                return Passage::Stopped;
            };
            let fine = match (record.kind, record.epoch) {
                (CHANGE_CIPHER_SPEC, 0) => record.body == [1],
                (HANDSHAKE, 0) => self.plain(record.body),
                (HANDSHAKE, 1) => {
                    self.future += 1;
                    self.future <= MAX_FUTURE
                }
                // An alert without keys may come from anybody; the deadline ends what it would have ended.
                _ => false,
            };
            if !fine {
                return Passage::Stopped;
            }
            rest = after;
        }
        Passage::Through
    }

    /// Judges the handshake fragments of one record (RFC 6347 4.2.2); a client may pack several into one.
    fn plain(&mut self, mut body: &[u8]) -> bool {
        while let Some((head, content)) = body.split_first_chunk::<HANDSHAKE_HEADER>() {
            let [_, l2, l1, l0, s1, s0, o2, o1, o0, f2, f1, f0] = *head;
            let length = u32::from_be_bytes([0, l2, l1, l0]);
            let sequence = u16::from_be_bytes([s1, s0]);
            let offset = u32::from_be_bytes([0, o2, o1, o0]);
            let fragment = u32::from_be_bytes([0, f2, f1, f0]);
            let empty = fragment == 0 && length > 0;
            if length > MAX_MESSAGE || sequence > MAX_MESSAGE_SEQ || empty || offset + fragment > length {
                return false;
            }
            let fragments = &mut self.fragments[usize::from(sequence)];
            *fragments = fragments.saturating_add(1);
            let Some(after) = content.get(fragment as usize..).filter(|_| *fragments <= MAX_FRAGMENTS) else {
                return false;
            };
            if after.is_empty() {
                return true;
            }
            body = after;
        }
        false
    }

    fn judge_later(&mut self, datagram: &[u8], now: Instant) -> Passage {
        let mut rest = datagram;
        let mut passage = Passage::Stopped;
        while let Some((record, after)) = Record::split(rest) {
            match (record.kind, record.epoch) {
                (ALERT, 1) => passage = Passage::Through,
                // Only the datagram's own records count: handshake records never reach the library any more.
                (HANDSHAKE, 0 | 1) => return self.repeat(now),
                _ => {}
            }
            rest = after;
        }
        // What the library gets must be alerts whole.
        if rest.is_empty() { passage } else { Passage::Stopped }
    }

    fn repeat(&mut self, now: Instant) -> Passage {
        if now.duration_since(self.repeats_since) >= Duration::from_secs(60) {
            self.repeats = 0;
            self.repeats_since = now;
        }
        self.repeats += 1;
        if self.repeats <= MAX_REPEATS { Passage::Repeat } else { Passage::Stopped }
    }
}

struct Record<'a> {
    kind: u8,
    epoch: u16,
    body: &'a [u8],
}

impl<'a> Record<'a> {
    /// The first record of a datagram and what follows it (RFC 6347 4.1).
    fn split(datagram: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let (head, rest) = datagram.split_first_chunk::<RECORD_HEADER>()?;
        let length = usize::from(u16::from_be_bytes([head[11], head[12]]));
        let (body, after) = rest.split_at_checked(length)?;
        Some((Self { kind: head[0], epoch: u16::from_be_bytes([head[3], head[4]]), body }, after))
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn now() -> Instant {
        #[expect(clippy::disallowed_methods, reason = "a test needs some instant to begin with")]
        Instant::now()
    }

    fn record(kind: u8, epoch: u16, body: &[u8]) -> Vec<u8> {
        let mut record = vec![kind, 254, 253];
        record.extend(epoch.to_be_bytes());
        record.extend([0; 6]);
        record.extend((body.len() as u16).to_be_bytes());
        record.extend(body);
        record
    }

    fn fragment(length: u32, sequence: u16, offset: u32, content: &[u8]) -> Vec<u8> {
        let mut body = vec![1];
        body.extend(&length.to_be_bytes()[1..]);
        body.extend(sequence.to_be_bytes());
        body.extend(&offset.to_be_bytes()[1..]);
        body.extend(&(content.len() as u32).to_be_bytes()[1..]);
        body.extend(content);
        record(HANDSHAKE, 0, &body)
    }

    #[test]
    fn a_message_passes_in_at_most_sixteen_fragments() {
        let mut gate = DtlsGate::new(now());

        let through = (0..40).filter(|i| gate.judge(&fragment(1000, 0, *i, &[7]), now()) == Passage::Through).count();

        assert_eq!(through, 16);
    }

    #[test]
    fn fragments_that_lie_about_their_size_are_stopped() {
        let stopped = [
            fragment(16_385, 0, 0, &[7]),
            fragment(100, 17, 0, &[7]),
            fragment(100, 0, 0, &[]),
            fragment(100, 0, 100, &[7]),
            record(HANDSHAKE, 0, &[1, 0, 0]),
            record(ALERT, 0, &[2, 40]),
            record(23, 1, &[0; 40]),
            record(HANDSHAKE, 2, &[0; 40]),
        ];

        for datagram in stopped {
            assert_eq!(DtlsGate::new(now()).judge(&datagram, now()), Passage::Stopped, "{datagram:?}");
        }
    }

    #[test]
    fn records_of_the_next_epoch_and_bytes_have_budgets() {
        let mut gate = DtlsGate::new(now());
        let early = record(HANDSHAKE, 1, &[0; 40]);
        assert_eq!((0..100).filter(|_| gate.judge(&early, now()) == Passage::Through).count(), 8);

        let mut gate = DtlsGate::new(now());
        let large = fragment(1200, 1, 0, &[7; 1200]);
        let passed: usize =
            (0..100).map(|_| if gate.judge(&large, now()) == Passage::Through { large.len() } else { 0 }).sum();
        assert!(passed <= 32 * 1024);
    }

    #[test]
    fn after_completion_only_alerts_pass_and_eight_repeats_a_minute_are_answered() {
        let start = now();
        let mut gate = DtlsGate::new(start);
        gate.completed();
        let repeat = record(HANDSHAKE, 1, &[0; 40]);

        assert_eq!((0..100).filter(|_| gate.judge(&repeat, start) == Passage::Repeat).count(), 8);
        assert_eq!(gate.judge(&repeat, start + Duration::from_secs(61)), Passage::Repeat);
        assert_eq!(gate.judge(&record(ALERT, 1, &[0; 26]), start), Passage::Through);
        assert_eq!(gate.judge(&record(ALERT, 0, &[1, 0]), start), Passage::Stopped);
        assert_eq!(gate.judge(&record(23, 1, &[0; 26]), start), Passage::Stopped);
    }

    #[test]
    fn a_source_that_fails_fifty_times_in_a_second_is_not_heard_for_ten() {
        let start = now();
        let mut strangers = Strangers::new(0x1234_5678_9abc_def1, start);
        let source = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
        (0..50).for_each(|_| strangers.failed(source, start));

        assert!(!strangers.admits(source, start + Duration::from_secs(9)));
        assert!(strangers.admits(source, start + Duration::from_secs(11)));
        assert!(strangers.admits(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 2)), start));
    }

    #[test]
    fn a_bucket_gives_a_second_at_once_and_then_its_rate() {
        let start = now();
        let mut bucket = Bucket::new(10, start);

        assert_eq!((0..100).filter(|_| bucket.take(1, start)).count(), 10);
        assert_eq!((0..100).filter(|_| bucket.take(1, start + Duration::from_millis(500))).count(), 5);
        assert_eq!((0..100).filter(|_| bucket.take(1, start + Duration::from_secs(60))).count(), 10);
    }
}
