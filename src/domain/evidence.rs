//! Evidence: what the media server saw of a session, added up second by second and never more than there was.
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use yunfa_signaling::{
    ids::{ConsultationId, LegId, SessionId},
    time::Timestamp,
    words::Role,
};

/// A second costs this much of a leg's credit.
const SECOND_MS: i64 = 1000;
/// Credit a leg may save up when its reports come late. More would forgive longer stalls of a worker, but would let a
/// transport that lives twice for a moment count that many seconds twice.
const MAX_CREDIT_MS: i64 = 3000;
/// A report may be this much early and still count: the tick of a busy worker is not exact.
const EARLY_MS: i64 = 150;
/// A wall clock that goes back by more than this was set; time goes on from where it stands now.
const CLOCK_SET_MS: i64 = 2000;
/// Upper bounds of the buckets in which jitter and round trips are counted, in milliseconds.
const BUCKETS_MS: [u32; 20] = [1, 2, 3, 5, 7, 10, 15, 20, 30, 40, 50, 75, 100, 150, 200, 300, 500, 750, 1000, 2000];

/// What arrived from one leg in one second, with the sums of its transport.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SecondFacts {
    /// At least one authenticated audio packet.
    pub audio_alive: bool,
    /// At least one authenticated video packet.
    pub video_alive: bool,
    /// Audio from this leg and from another leg.
    pub two_way_audio: bool,
    /// Video from this leg and from another leg.
    pub two_way_video: bool,
    /// Any media from this leg and any media from another leg.
    pub two_way: bool,
    /// At least 200 ms of voice (RFC 6464).
    pub talk: bool,
    /// Sums and gauges of the leg's present transport.
    pub totals: TransportTotals,
}

/// Sums since the transport was set up, and gauges of the last second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TransportTotals {
    /// Authenticated RTP packets from the leg.
    pub packets_in: u64,
    /// Bytes of those.
    pub bytes_in: u64,
    /// RTP packets forwarded to the leg.
    pub packets_out: u64,
    /// Bytes of those.
    pub bytes_out: u64,
    /// Packets of the leg that never arrived.
    pub lost_in: u64,
    /// Packets to the leg that it reported lost.
    pub lost_out: u64,
    /// Interarrival jitter, microseconds.
    pub jitter_us: u32,
    /// Round trip, microseconds; 0 until known.
    pub rtt_us: u32,
    /// Packets that failed authentication.
    pub auth_failures: u64,
    /// Retransmissions sent to the leg.
    pub rtx_out: u64,
    /// Keyframes asked of the leg.
    pub keyframe_requests: u64,
    /// Silences of 3 s or more.
    pub interruptions: u32,
}

impl TransportTotals {
    /// The sums of both; the gauges are the newer one's.
    fn plus(self, newer: Self) -> Self {
        Self {
            packets_in: self.packets_in.saturating_add(newer.packets_in),
            bytes_in: self.bytes_in.saturating_add(newer.bytes_in),
            packets_out: self.packets_out.saturating_add(newer.packets_out),
            bytes_out: self.bytes_out.saturating_add(newer.bytes_out),
            lost_in: self.lost_in.saturating_add(newer.lost_in),
            lost_out: self.lost_out.saturating_add(newer.lost_out),
            jitter_us: newer.jitter_us,
            rtt_us: newer.rtt_us,
            auth_failures: self.auth_failures.saturating_add(newer.auth_failures),
            rtx_out: self.rtx_out.saturating_add(newer.rtx_out),
            keyframe_requests: self.keyframe_requests.saturating_add(newer.keyframe_requests),
            interruptions: self.interruptions.saturating_add(newer.interruptions),
        }
    }
}

/// How a leg is reached: words only, never an address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LegTransport {
    /// `udp`, later `tcp` and `relay`.
    pub protocol: String,
    /// `ipv4` or `ipv6`.
    pub family: String,
}

/// How often a gauge stood in which bucket: small, bounded, mergeable.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Histogram(Vec<u32>);

impl Histogram {
    fn add(&mut self, us: u32) {
        let bucket = BUCKETS_MS.iter().position(|bound| us <= bound * 1000).unwrap_or(BUCKETS_MS.len());
        if self.0.len() <= bucket {
            self.0.resize(bucket + 1, 0);
        }
        self.0[bucket] = self.0[bucket].saturating_add(1);
    }

    /// The upper bound, in milliseconds, of the bucket in which the value stands that `percent` of all do not exceed;
    /// `None` without values. Beyond the last bucket its bound is given.
    pub fn percentile(&self, percent: u64) -> Option<u32> {
        let all: u64 = self.0.iter().map(|count| u64::from(*count)).sum();
        let wanted = (all * percent).div_ceil(100).max(1);
        let mut seen = 0;
        self.0.iter().enumerate().find_map(|(bucket, count)| {
            seen += u64::from(*count);
            (seen >= wanted && all > 0).then(|| BUCKETS_MS[bucket.min(BUCKETS_MS.len() - 1)])
        })
    }
}

/// What was seen of one leg, over all transports that it had.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LegEvidence {
    /// Citizen or lawyer.
    pub role: Role,
    /// A third party: what it sends is seen, and makes nobody's service.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub third: bool,
    /// Seconds with an authenticated audio packet.
    pub audio_alive_s: u32,
    /// Seconds with an authenticated video packet.
    pub video_alive_s: u32,
    /// Seconds in which this and another leg were alive.
    pub two_way_s: u32,
    /// Seconds with audio from this and another leg.
    pub two_way_audio_s: u32,
    /// Seconds with video from this and another leg.
    pub two_way_video_s: u32,
    /// Seconds with at least 200 ms of voice.
    pub talk_s: u32,
    /// How often the leg began to talk.
    pub talk_turns: u32,
    /// When ICE and DTLS first were up.
    pub connected_at: Option<Timestamp>,
    /// When the first second with media began.
    pub first_media_at: Option<Timestamp>,
    /// When the last second with media ended.
    pub last_media_at: Option<Timestamp>,
    /// How the leg is reached, as last known.
    pub transport: Option<LegTransport>,
    /// Transports that the leg had, one after the other.
    pub transports: u32,
    /// Jitter, one sample a second.
    pub jitter: Histogram,
    /// Round trip, one sample a second.
    pub rtt: Histogram,
    /// Sums of the transports that are gone.
    earlier: TransportTotals,
    /// Sums of the present transport.
    present: TransportTotals,
    /// When the last report came.
    reported_at: Option<Timestamp>,
    /// Time passed that no counted second has used up.
    credit_ms: i64,
    /// Whether it talked in its last second.
    talking: bool,
}

impl LegEvidence {
    fn new(role: Role) -> Self {
        Self {
            role,
            third: false,
            audio_alive_s: 0,
            video_alive_s: 0,
            two_way_s: 0,
            two_way_audio_s: 0,
            two_way_video_s: 0,
            talk_s: 0,
            talk_turns: 0,
            connected_at: None,
            first_media_at: None,
            last_media_at: None,
            transport: None,
            transports: 0,
            jitter: Histogram::default(),
            rtt: Histogram::default(),
            earlier: TransportTotals::default(),
            present: TransportTotals::default(),
            reported_at: None,
            credit_ms: SECOND_MS,
            talking: false,
        }
    }

    /// Sums over all transports of the leg.
    pub fn totals(&self) -> TransportTotals {
        self.earlier.plus(self.present)
    }

    /// Packets of the leg that never arrived, of a thousand.
    pub fn loss_permille(&self) -> u32 {
        let totals = self.totals();
        let sent = totals.packets_in.saturating_add(totals.lost_in).max(1);
        u32::try_from(totals.lost_in.saturating_mul(1000) / sent).unwrap_or(1000)
    }

    /// Takes note of the transport's sums; a sum that fell belongs to a new transport.
    fn take_totals(&mut self, totals: TransportTotals) {
        if totals.packets_in < self.present.packets_in || totals.packets_out < self.present.packets_out {
            self.earlier = self.earlier.plus(self.present);
        }
        self.present = totals;
    }

    /// Whether one more second fits into the time that has passed. A leg's seconds never exceed its time, however many
    /// transports report for it at once.
    fn spend_second(&mut self, at: Timestamp) -> bool {
        if let Some(before) = self.reported_at {
            let passed = at.ms_since(before);
            let passed = if passed < -CLOCK_SET_MS { SECOND_MS } else { passed.max(0) };
            self.credit_ms = self.credit_ms.saturating_add(passed).min(MAX_CREDIT_MS);
            if passed == 0 && at < before {
                return self.spend();
            }
        }
        self.reported_at = Some(at);
        self.spend()
    }

    fn spend(&mut self) -> bool {
        let enough = self.credit_ms >= SECOND_MS - EARLY_MS;
        if enough {
            self.credit_ms -= SECOND_MS;
        }
        enough
    }
}

/// Everything seen of one session so far. The whole of it is checkpointed, so a newer one replaces an older one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Evidence {
    /// Whose.
    pub session: SessionId,
    /// Whose matter.
    pub consultation: ConsultationId,
    /// Rises with every change; of two checkpoints the higher one is the newer.
    pub seq: u64,
    /// The session is over and this is all there will be.
    pub complete: bool,
    /// When the first second began in which both sides were alive.
    pub service_start: Option<Timestamp>,
    /// When the last such second ended.
    pub service_end: Option<Timestamp>,
    /// The longest run of seconds of the service in which nobody talked.
    pub longest_silence_s: u32,
    /// All seconds of the service in which nobody talked.
    pub silent_s: u32,
    /// What was seen of each leg.
    pub legs: BTreeMap<LegId, LegEvidence>,
    /// The present run of silence.
    silence_s: u32,
    /// Somebody talked since the asker's last second.
    talked: bool,
    /// With a third party there: the last second of one of the two sides, until the other's comes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    half: Option<Half>,
}

/// A second of one of the two sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Half {
    leg: LegId,
    at: Timestamp,
    audio: bool,
    video: bool,
}

impl Evidence {
    /// Nothing yet, of the legs that have a seat.
    pub fn new(
        session: SessionId,
        consultation: ConsultationId,
        legs: impl IntoIterator<Item = (LegId, Role)>,
    ) -> Self {
        Self {
            session,
            consultation,
            seq: 0,
            complete: false,
            service_start: None,
            service_end: None,
            longest_silence_s: 0,
            silent_s: 0,
            legs: legs.into_iter().map(|(leg, role)| (leg, LegEvidence::new(role))).collect(),
            silence_s: 0,
            talked: false,
            half: None,
        }
    }

    /// Gives a seat to one more leg; a leg that has one keeps what was seen of it.
    pub fn add_leg(&mut self, leg: LegId, role: Role) {
        self.legs.entry(leg).or_insert_with(|| LegEvidence::new(role));
    }

    /// Gives a seat to a third party.
    pub fn add_third(&mut self, leg: LegId) {
        self.legs.entry(leg).or_insert_with(|| LegEvidence { third: true, ..LegEvidence::new(Role::Lawyer) });
        self.seq += 1;
    }

    /// A transport of the leg is up; the one before, if any, is gone.
    pub fn connected(&mut self, leg: LegId, transport: LegTransport, at: Timestamp) {
        let Some(seen) = self.legs.get_mut(&leg) else { return };
        seen.earlier = seen.totals();
        seen.present = TransportTotals::default();
        seen.connected_at.get_or_insert(at);
        seen.transport = Some(transport);
        seen.transports = seen.transports.saturating_add(1);
        self.seq += 1;
    }

    /// One second of a leg has passed; `at` is its end. A leg without a seat, a session that is complete and a second
    /// for which no time has passed add nothing.
    pub fn add_second(&mut self, leg: LegId, facts: SecondFacts, at: Timestamp) {
        if self.complete {
            return;
        }
        let with_thirds = self.legs.values().any(|leg| leg.third);
        let Some(seen) = self.legs.get_mut(&leg) else { return };
        self.seq += 1;
        seen.take_totals(facts.totals);
        let began = Timestamp(at.0.saturating_sub(SECOND_MS));
        if !seen.spend_second(at) {
            return;
        }
        // A fact that contradicts itself counts for the less.
        let alive = facts.audio_alive || facts.video_alive;
        // Among three "somebody else" is not enough: the two sides' seconds are laid side by side.
        let two_way = facts.two_way && alive && !with_thirds;
        let is_side = !seen.third;
        seen.audio_alive_s += u32::from(facts.audio_alive);
        seen.video_alive_s += u32::from(facts.video_alive);
        seen.two_way_s += u32::from(two_way);
        seen.two_way_audio_s += u32::from(facts.two_way_audio && facts.audio_alive && !with_thirds);
        seen.two_way_video_s += u32::from(facts.two_way_video && facts.video_alive && !with_thirds);
        let talk = facts.talk && facts.audio_alive;
        seen.talk_s += u32::from(talk);
        seen.talk_turns += u32::from(talk && !seen.talking);
        seen.talking = talk;
        if alive {
            seen.first_media_at.get_or_insert(began);
            seen.last_media_at = Some(at);
            seen.jitter.add(facts.totals.jitter_us);
            if facts.totals.rtt_us > 0 {
                seen.rtt.add(facts.totals.rtt_us);
            }
        }
        let is_asker = seen.role == Role::Citizen;
        self.talked |= talk;
        let both = if with_thirds && is_side {
            self.lay_beside(Half { leg, at, audio: facts.audio_alive, video: facts.video_alive })
        } else {
            two_way
        };
        if both {
            self.service_start.get_or_insert(began);
            self.service_end = Some(at);
        }
        if is_asker && self.service_start.is_some() {
            self.count_silence();
        }
    }

    /// Lays a second of one side beside the other side's same second; whether both were alive in it. Each counts once.
    fn lay_beside(&mut self, half: Half) -> bool {
        let fits = |other: &Half| other.leg != half.leg && half.at.ms_since(other.at).abs() < SECOND_MS / 2;
        let Some(other) = self.half.take().filter(fits) else {
            self.half = Some(half);
            return false;
        };
        let (audio, video) = (half.audio && other.audio, half.video && other.video);
        let both = (half.audio || half.video) && (other.audio || other.video);
        for leg in [half.leg, other.leg] {
            if let Some(seen) = self.legs.get_mut(&leg) {
                seen.two_way_s += u32::from(both);
                seen.two_way_audio_s += u32::from(audio);
                seen.two_way_video_s += u32::from(video);
            }
        }
        both
    }

    /// The asker's seconds are the beat by which silence is counted.
    fn count_silence(&mut self) {
        if std::mem::take(&mut self.talked) {
            self.silence_s = 0;
        } else {
            self.silence_s += 1;
            self.silent_s += 1;
            self.longest_silence_s = self.longest_silence_s.max(self.silence_s);
        }
    }

    /// The session is over; what comes after this is not counted.
    pub fn complete(&mut self) {
        if !self.complete {
            self.complete = true;
            self.seq += 1;
        }
    }

    /// Seconds in which both sides' media arrived: the smaller count of the two sides.
    pub fn two_way_s(&self) -> u32 {
        self.joint(|leg| leg.two_way_s)
    }

    /// Seconds in which both sides' audio arrived.
    pub fn two_way_audio_s(&self) -> u32 {
        self.joint(|leg| leg.two_way_audio_s)
    }

    /// Seconds in which both sides' video arrived.
    pub fn two_way_video_s(&self) -> u32 {
        self.joint(|leg| leg.two_way_video_s)
    }

    /// The smaller talk time of the two sides.
    pub fn both_talk_min_s(&self) -> u32 {
        self.joint(|leg| leg.talk_s)
    }

    fn joint(&self, count: impl Fn(&LegEvidence) -> u32) -> u32 {
        let of = |role| self.legs.values().filter(|leg| leg.role == role && !leg.third).map(&count).max().unwrap_or(0);
        of(Role::Citizen).min(of(Role::Lawyer))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::testing::{Script, both_alive, id};

    const START: Timestamp = Timestamp(1_773_194_400_000);

    fn legs() -> [(LegId, Role); 2] {
        [(LegId::new(id(1, 4)), Role::Citizen), (LegId::new(id(1, 5)), Role::Lawyer)]
    }

    fn empty() -> Evidence {
        Evidence::new(SessionId::new(id(1, 2)), ConsultationId::new(id(1, 1)), legs())
    }

    fn second(n: i64) -> Timestamp {
        Timestamp(START.0 + n * 1000)
    }

    #[test]
    fn a_call_of_twenty_seconds_has_twenty_two_way_seconds() {
        let evidence = Script::anyone(1, second(20)).evidence(20);

        assert_eq!((evidence.two_way_s(), evidence.two_way_audio_s(), evidence.two_way_video_s()), (20, 20, 20));
        assert_eq!((evidence.service_start, evidence.service_end), (Some(second(0)), Some(second(20))));
        assert_eq!((evidence.both_talk_min_s(), evidence.longest_silence_s), (20, 0));
    }

    #[test]
    fn one_side_alone_is_no_service() {
        let mut evidence = empty();
        let alone = SecondFacts { audio_alive: true, talk: true, ..SecondFacts::default() };

        for n in 1..=30 {
            evidence.add_second(legs()[0].0, alone, second(n));
        }

        assert_eq!((evidence.two_way_s(), evidence.service_start), (0, None));
        assert_eq!(evidence.legs[&legs()[0].0].audio_alive_s, 30);
    }

    #[test]
    fn a_transport_that_lives_twice_is_not_counted_twice() {
        let mut evidence = empty();

        for n in 1..=60 {
            for (leg, _) in legs() {
                evidence.add_second(leg, both_alive(n), second(n as i64));
                evidence.add_second(leg, both_alive(n), Timestamp(second(n as i64).0 + 400));
            }
        }

        assert!(evidence.two_way_s() <= 61, "{}", evidence.two_way_s());
    }

    #[test]
    fn a_late_tick_is_counted_and_its_successor_too() {
        let mut evidence = empty();

        for ms in [1000, 2000, 3700, 4000, 5150, 6000] {
            for (leg, _) in legs() {
                evidence.add_second(leg, both_alive(1), Timestamp(START.0 + ms));
            }
        }

        assert_eq!(evidence.two_way_s(), 6);
    }

    #[test]
    fn a_wall_clock_that_is_set_neither_stops_the_count_nor_adds_to_it() {
        for jump in [-3_600_000, 3_600_000] {
            let mut evidence = empty();

            for n in 1..=20 {
                let at = second(n).0 + if n > 10 { jump } else { 0 };
                for (leg, _) in legs() {
                    evidence.add_second(leg, both_alive(n as u64), Timestamp(at));
                }
            }

            assert_eq!(evidence.two_way_s(), 20, "after a jump of {jump} ms");
        }
    }

    #[test]
    fn sums_go_on_over_a_reconnect() {
        let mut evidence = empty();
        let (leg, _) = legs()[0];
        let udp = |family: &str| LegTransport { protocol: "udp".to_owned(), family: family.to_owned() };

        evidence.connected(leg, udp("ipv4"), second(0));
        evidence.add_second(leg, both_alive(10), second(1));
        evidence.connected(leg, udp("ipv6"), second(5));
        evidence.add_second(leg, both_alive(3), second(6));

        let seen = &evidence.legs[&leg];
        assert_eq!((seen.totals().packets_in, seen.transports), (650, 2));
        assert_eq!((seen.connected_at, seen.transport.clone()), (Some(second(0)), Some(udp("ipv6"))));
    }

    #[test]
    fn silence_is_the_longest_run_in_which_nobody_talked() {
        let mut evidence = empty();
        let talks = |n: i64, leg: usize| matches!((n, leg), (1..=5, 0) | (16, 1) | (20..=25, 0));

        for n in 1..=25 {
            // The lawyer's report comes first: the asker's second closes the beat.
            for at in [1, 0] {
                let facts = SecondFacts { talk: talks(n, at), ..both_alive(n as u64) };
                evidence.add_second(legs()[at].0, facts, second(n));
            }
        }

        assert_eq!((evidence.longest_silence_s, evidence.silent_s), (10, 13));
        assert_eq!(evidence.legs[&legs()[0].0].talk_turns, 2);
    }

    #[test]
    fn a_third_party_makes_nobodys_seconds_and_takes_none_away() {
        let third = LegId::new(id(1, 6));
        let [(citizen, _), (lawyer, _)] = legs();
        let mut evidence = empty();
        evidence.add_third(third);

        for n in 1..=40 {
            // All three; the asker without the lawyer; the lawyer without the asker; the two without the third.
            let there: &[LegId] = match n {
                1..=10 => &[third, citizen, lawyer],
                11..=20 => &[citizen, third],
                21..=30 => &[third, lawyer],
                _ => &[lawyer, citizen],
            };
            for leg in there {
                evidence.add_second(*leg, both_alive(n as u64), second(n));
            }
        }

        assert_eq!((evidence.two_way_s(), evidence.two_way_audio_s(), evidence.two_way_video_s()), (20, 20, 20));
        assert_eq!((evidence.service_start, evidence.service_end), (Some(second(0)), Some(second(40))));
        assert_eq!(evidence.legs[&third].audio_alive_s, 30);
        assert_eq!(evidence.both_talk_min_s(), 30, "the third's voice is not the lawyer's");
    }

    #[test]
    fn nothing_is_counted_after_the_end() {
        let mut evidence = Script::anyone(1, second(5)).evidence(5);
        evidence.complete();
        let before = evidence.clone();

        evidence.add_second(legs()[0].0, both_alive(6), second(6));

        assert_eq!(evidence, before);
    }

    #[test]
    fn a_checkpoint_reads_back_as_it_was() {
        let evidence = Script::anyone(1, second(5)).evidence(5);

        let text = serde_json::to_string(&evidence).expect("json");

        assert_eq!(serde_json::from_str::<Evidence>(&text).expect("json"), evidence);
    }

    #[test]
    fn a_percentile_is_the_bound_of_its_bucket() {
        let mut histogram = Histogram::default();
        assert_eq!(histogram.percentile(50), None);

        for us in [900, 4_000, 4_100, 4_200, 60_000, 9_000_000] {
            histogram.add(us);
        }

        assert_eq!([50, 95, 1].map(|percent| histogram.percentile(percent)), [Some(5), Some(2000), Some(1)]);
    }

    proptest! {
        /// Whatever is reported, in whatever order: never more seconds than time has passed, and never more joint
        /// seconds than those in which both sides really were alive.
        #[test]
        fn never_more_than_there_was(reports in prop::collection::vec((0_usize..2, 0_i64..2500, any::<[bool; 6]>()), 0..300)) {
            let mut evidence = empty();
            let mut at = START;
            let mut alive = [0_u32; 2];
            for (leg, pause, [audio_alive, video_alive, two_way_audio, two_way_video, two_way, talk]) in reports {
                at.0 += pause;
                let totals = TransportTotals::default();
                let facts = SecondFacts { audio_alive, video_alive, two_way_audio, two_way_video, two_way, talk, totals };
                alive[leg] += u32::from((audio_alive || video_alive) && two_way);
                evidence.add_second(legs()[leg].0, facts, at);
            }
            let passed = u32::try_from(at.ms_since(START) / 1000).expect("a short time") + 1;

            prop_assert!(evidence.two_way_s() <= alive[0].min(alive[1]));
            for (n, (leg, _)) in legs().into_iter().enumerate() {
                let seen = &evidence.legs[&leg];
                prop_assert!(seen.two_way_s <= alive[n]);
                for count in [seen.audio_alive_s, seen.video_alive_s, seen.two_way_s, seen.talk_s] {
                    prop_assert!(count <= passed, "{count} seconds in {passed}");
                }
            }
            prop_assert!(evidence.two_way_audio_s() <= evidence.legs.values().map(|leg| leg.audio_alive_s).min().unwrap_or(0));
            prop_assert!(evidence.longest_silence_s <= evidence.silent_s);
        }

        /// The order in which two legs' reports of the same seconds arrive changes nothing.
        #[test]
        fn the_order_of_the_legs_does_not_matter(swaps in prop::collection::vec(any::<bool>(), 1..60)) {
            let mut evidence = empty();
            for (n, swap) in (1_i64..).zip(&swaps) {
                let order = if *swap { [1, 0] } else { [0, 1] };
                for leg in order {
                    evidence.add_second(legs()[leg].0, both_alive(n as u64), second(n));
                }
            }

            prop_assert_eq!(evidence.two_way_s() as usize, swaps.len());
        }
    }
}
