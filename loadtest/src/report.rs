//! What a run came to: one row per call, percentiles over all, differences between records and peers.
use std::{
    collections::BTreeMap,
    fmt::{self, Write as _},
    time::Duration,
};

use hdrhistogram::Histogram;
use serde::Serialize;
use yunfa_signaling::{ids::SessionId, words::Channel};

use crate::{
    pairs::{CitizenSide, LawyerSide, Plan, Side},
    received::Received,
};

/// How far a record may be from what the peers saw, in seconds.
pub const TOLERANCE: f64 = 1.0;

/// What a run came to.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// How the calls were held.
    pub channel: Channel,
    /// Calls that were wanted.
    pub wanted: usize,
    /// Lawyers that were on duty.
    pub desks: usize,
    /// Calls of which both sides and the record are known.
    pub calls: Vec<Call>,
    /// What went wrong, in words.
    pub failures: Vec<String>,
    /// Over all calls, in milliseconds.
    pub spread: BTreeMap<&'static str, Spread>,
    #[serde(skip)]
    transports: Vec<Duration>,
    #[serde(skip)]
    citizens: BTreeMap<SessionId, CitizenSide>,
    #[serde(skip)]
    lawyers: BTreeMap<SessionId, LawyerSide>,
}

/// One call. Times are milliseconds, losses parts of one.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Call {
    /// Who answered.
    pub lawyer: String,
    /// From asking to the acceptance.
    pub waited_ms: f64,
    /// From the acceptance to the first packet that the citizen received.
    pub answer_to_citizen_ms: Option<f64>,
    /// From the acceptance to the first packet that the lawyer received.
    pub answer_to_lawyer_ms: Option<f64>,
    /// Seconds in which both received media, by the peers' own clock; nothing to compare in a text call.
    pub two_way_seen: Option<f64>,
    /// Seconds of the sealed record.
    pub two_way_recorded: f64,
    /// Chat lines that came, both ways.
    pub chat_lines: u32,
    /// What the citizen received.
    pub citizen: Quality,
    /// What the lawyer received.
    pub lawyer_side: Quality,
}

/// How media arrived at one side.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Quality {
    /// Packets that never came, after repair.
    pub loss: f64,
    /// Interarrival jitter of the sound.
    pub jitter_ms: f64,
    /// Opus frames that decoded.
    pub audio_frames: u64,
    /// VP8 frames that came whole.
    pub video_frames: u64,
    /// Frames that did not decode or had a hole.
    pub broken_frames: u64,
    /// Jumps of the picture id.
    pub picture_id_jumps: u64,
}

/// Percentiles.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Spread {
    /// The middle.
    pub p50: f64,
    /// 95 of 100 are not above.
    pub p95: f64,
    /// The largest.
    pub max: f64,
}

impl Call {
    fn new(citizen: &CitizenSide, lawyer: &LawyerSide, channel: Channel) -> Self {
        let since_answer = |received: &Received| {
            received.first().map(|first| milliseconds(first.saturating_duration_since(lawyer.accepted)))
        };
        let seen = citizen.received.timeline.two_way_seconds(&lawyer.received.timeline);
        Self {
            lawyer: lawyer.user.clone(),
            waited_ms: milliseconds(lawyer.accepted.saturating_duration_since(citizen.asked)),
            answer_to_citizen_ms: since_answer(&citizen.received),
            answer_to_lawyer_ms: since_answer(&lawyer.received),
            two_way_seen: (channel != Channel::Text).then_some(seen),
            two_way_recorded: lawyer.recorded,
            chat_lines: citizen.chat_lines + lawyer.chat_lines,
            citizen: Quality::new(&citizen.received),
            lawyer_side: Quality::new(&lawyer.received),
        }
    }

    /// The larger jitter of the two sides.
    fn jitter_ms(&self) -> f64 {
        self.citizen.jitter_ms.max(self.lawyer_side.jitter_ms)
    }

    /// By how much the record is above what the peers saw. Records hold whole seconds, so whole seconds are compared.
    #[must_use]
    pub fn difference(&self) -> f64 {
        self.two_way_seen.map_or(0.0, |seen| self.two_way_recorded - seen.round())
    }
}

impl Quality {
    fn new(received: &Received) -> Self {
        Self {
            loss: received.loss(),
            jitter_ms: received.audio.jitter * 1000.0,
            audio_frames: received.audio.frames,
            video_frames: received.video.frames,
            broken_frames: received.audio.broken + received.video.broken,
            picture_id_jumps: received.video.picture_id_jumps,
        }
    }
}

impl Report {
    pub(crate) fn new(plan: &Plan) -> Self {
        Self {
            channel: plan.channel,
            wanted: plan.calls,
            desks: 0,
            calls: Vec::new(),
            failures: Vec::new(),
            spread: BTreeMap::new(),
            transports: Vec::new(),
            citizens: BTreeMap::new(),
            lawyers: BTreeMap::new(),
        }
    }

    pub(crate) fn transport(&mut self, took: Duration) {
        self.transports.push(took);
    }

    pub(crate) fn add(&mut self, side: Side) {
        match side {
            Side::Citizen(side) => {
                self.transports.extend(side.transport);
                self.citizens.insert(side.session, side);
            }
            Side::Lawyer(side) => {
                self.lawyers.insert(side.session, side);
            }
            Side::Failed(why) => self.failures.push(why),
        }
    }

    /// Puts the sides together; what has only one side is a failure.
    pub(crate) fn complete(&mut self) {
        let mut lawyers = std::mem::take(&mut self.lawyers);
        for (session, citizen) in std::mem::take(&mut self.citizens) {
            match lawyers.remove(&session) {
                Some(lawyer) => self.calls.push(Call::new(&citizen, &lawyer, self.channel)),
                None => self.failures.push(format!("{session:?}: no sealed record came back")),
            }
        }
        self.failures.extend(lawyers.keys().map(|session| format!("{session:?}: the citizen's side failed")));
        let of = |pick: &dyn Fn(&Call) -> Option<f64>| Spread::new(self.calls.iter().filter_map(pick));
        let spreads = [
            ("transport set-up", Spread::new(self.transports.iter().map(|took| milliseconds(*took)))),
            ("asked → accepted", of(&|call| Some(call.waited_ms))),
            ("accepted → citizen's first media", of(&|call| call.answer_to_citizen_ms)),
            ("accepted → lawyer's first media", of(&|call| call.answer_to_lawyer_ms)),
            ("jitter of the sound", of(&|call| call.two_way_seen.map(|_| call.jitter_ms()))),
        ];
        self.spread = spreads.into_iter().filter_map(|(what, spread)| Some((what, spread?))).collect();
    }

    /// Calls whose record is further from the peers than [`TOLERANCE`].
    #[must_use]
    pub fn untrue(&self) -> usize {
        self.calls.iter().filter(|call| call.difference().abs() > TOLERANCE).count()
    }

    /// Every wanted call was held, both sides heard each other, and every record is true.
    #[must_use]
    pub fn is_good(&self) -> bool {
        let heard = |call: &Call| {
            self.channel == Channel::Text || (call.answer_to_citizen_ms.is_some() && call.answer_to_lawyer_ms.is_some())
        };
        self.failures.is_empty()
            && self.calls.len() == self.wanted
            && self.calls.iter().all(heard)
            && self.untrue() == 0
    }
}

impl Spread {
    /// `None` when there is nothing to spread.
    pub(crate) fn new(values: impl Iterator<Item = f64>) -> Option<Self> {
        // Three digits from a microsecond to an hour.
        let mut histogram = Histogram::<u64>::new_with_bounds(1, 3_600_000_000, 3).expect("the bounds are in order");
        for value in values {
            histogram.saturating_record((value * 1000.0).round().max(1.0) as u64);
        }
        let at = |quantile: f64| histogram.value_at_quantile(quantile) as f64 / 1000.0;
        (!histogram.is_empty()).then(|| Self { p50: at(0.5), p95: at(0.95), max: histogram.max() as f64 / 1000.0 })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let channel = self.channel;
        writeln!(f, "{} of {} {channel} calls held, {} lawyers on duty", self.calls.len(), self.wanted, self.desks)?;
        if self.desks < self.wanted {
            writeln!(f, "fewer lawyers than calls: calls waited here until a lawyer was free")?;
        }
        writeln!(f, "\n{:34} {:>9} {:>9} {:>9}", "milliseconds", "p50", "p95", "max")?;
        for (what, Spread { p50, p95, max }) in &self.spread {
            writeln!(f, "{what:34} {p50:>9.1} {p95:>9.1} {max:>9.1}")?;
        }
        writeln!(
            f,
            "\n{:4} {:10} {:>7} {:>7} {:>6} {:>8} {:>8} {:>7} {:>7} {:>7}",
            "call", "lawyer", "seen s", "record", "diff", "loss c", "loss l", "opus", "vp8", "broken"
        )?;
        for (number, call) in self.calls.iter().enumerate() {
            let (citizen, lawyer) = (&call.citizen, &call.lawyer_side);
            writeln!(
                f,
                "{:4} {:10} {:>7} {:>7.1} {:>+6.1} {:>7.2}% {:>7.2}% {:>7} {:>7} {:>7}{}",
                number + 1,
                call.lawyer,
                call.two_way_seen.map_or_else(|| "–".to_owned(), |seen| format!("{seen:.1}")),
                call.two_way_recorded,
                call.difference(),
                citizen.loss * 100.0,
                lawyer.loss * 100.0,
                citizen.audio_frames + lawyer.audio_frames,
                citizen.video_frames + lawyer.video_frames,
                citizen.broken_frames + lawyer.broken_frames,
                if call.difference().abs() > TOLERANCE { "  the record is wrong" } else { "" },
            )?;
        }
        if self.channel == Channel::Text {
            writeln!(f, "{} chat lines came", self.calls.iter().map(|call| call.chat_lines).sum::<u32>())?;
        }
        for failure in &self.failures {
            writeln!(f, "failed: {failure}")?;
        }
        let mut verdict = String::new();
        if self.is_good() {
            write!(verdict, "every record is within {TOLERANCE} s of what the peers saw")?;
        } else {
            write!(verdict, "NOT GOOD: {} failures, {} records off", self.failures.len(), self.untrue())?;
        }
        writeln!(f, "\n{verdict}")
    }
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, time::Instant};

    use yunfa_signaling::ids::SessionId;

    use super::*;
    use crate::received::{Arrival, Counter, Kind};

    fn received(epoch: Instant, seconds: std::ops::Range<u64>) -> Received {
        let mut counter = Counter::new(epoch);
        for (at, sequence) in (seconds.start * 10..seconds.end * 10).zip(0..) {
            let arrival = Arrival { ssrc: 1, sequence, timestamp: 0, marker: false, payload: b"x", decoded: true };
            counter.arrived(Kind::Audio, arrival, epoch + Duration::from_millis(at * 100));
        }
        counter.take()
    }

    fn report(recorded: f64) -> Report {
        let (calls, hold, channel) = (1, Duration::from_secs(10), Channel::Voice);
        let mut report = Report::new(&Plan { calls, hold, channel, lawyers: vec![] });
        let epoch = Instant::now();
        let session = SessionId::new(uuid::Uuid::from_u128(7));
        let (citizen, lawyer) = (received(epoch, 2..13), received(epoch, 3..20));
        let (transport, asked) = (None, epoch);
        report.add(Side::Citizen(CitizenSide { session, transport, asked, received: citizen, chat_lines: 0 }));
        let (user, accepted) = ("lawyer1".to_owned(), epoch + Duration::from_secs(1));
        let side = LawyerSide { session, user, accepted, received: lawyer, chat_lines: 0, recorded };
        report.add(Side::Lawyer(side));
        report.complete();
        report
    }

    #[test]
    fn a_record_within_a_second_of_the_peers_is_good_and_one_further_off_is_not() {
        let good: BTreeSet<bool> = [9.0, 10.0, 11.0].into_iter().map(|seconds| report(seconds).is_good()).collect();
        let bad: BTreeSet<bool> = [0.0, 8.0, 12.0].into_iter().map(|seconds| report(seconds).is_good()).collect();

        assert_eq!((good, bad), (BTreeSet::from([true]), BTreeSet::from([false])));
        assert_eq!(report(10.0).calls[0].answer_to_citizen_ms, Some(1000.0));
    }

    #[test]
    fn a_call_of_which_one_side_is_missing_is_a_failure() {
        let mut report = report(10.0);
        report.wanted = 2;

        assert!(!report.is_good());
    }
}
