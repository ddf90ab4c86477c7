//! One client's transport: its path, its keys, its sources and its slots.
pub(crate) mod demux;
pub(crate) mod dtls;
pub(crate) mod gate;
pub(crate) mod ice;
pub(crate) mod negotiation;

use std::time::{Duration, Instant};

use self::{dtls::Dtls, gate::Bucket, ice::Ice, negotiation::MAX_SSRCS};
use crate::{
    arena::Key,
    config::Config,
    fact::{MediaKind, Second, Totals},
    forward::{Leg, Slot, Track},
    ids::{PeerId, RoomId},
    rtcp::{self, Arrivals},
    srtp::Open,
};

/// Tries per second of SSRCs that nobody declared; the first of each packet costs a decryption.
const UNKNOWN_PER_SECOND: u32 = 16;
/// How long a peer that sends no media may be silent before that counts as interruption: Firefox checks its path every
/// 4 to 6 s (RFC 7675 5.1), and one check may be lost.
const IDLE_INTERRUPTED: Duration = Duration::from_secs(9);
/// Media within this time before the last sign of life means that media was flowing.
const FLOWING: Duration = Duration::from_secs(1);

/// How far a transport has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Nothing verified has arrived, or DTLS is not done; given up at the deadline.
    Connecting { deadline: Instant },
    /// Media may flow.
    Connected,
}

/// Which source an SSRC belongs to.
#[derive(Clone, Copy)]
pub(crate) struct KnownSsrc {
    pub ssrc: u32,
    pub track: Key<Track>,
    /// It carries that source's retransmissions.
    pub rtx: bool,
}

/// When the next thing of each sort is due.
#[derive(Default)]
pub(crate) struct Due {
    /// NACKs to the publisher.
    pub nack: Option<Instant>,
    /// Transport-wide feedback to the publisher.
    pub feedback: Option<Instant>,
    /// SR, RR and SDES.
    pub report: Option<Instant>,
    /// A keyframe request that had to wait.
    pub keyframe: Option<Instant>,
}

impl Due {
    fn next(&self) -> Option<Instant> {
        [self.nack, self.feedback, self.report, self.keyframe].into_iter().flatten().min()
    }
}

/// One client.
pub(crate) struct Peer {
    pub id: PeerId,
    pub room: RoomId,
    pub phase: Phase,
    pub ice: Ice,
    pub dtls: Dtls,
    pub open: Option<Open>,
    pub leg: Key<Leg>,
    /// What it publishes, in order of the offer.
    pub tracks: Vec<Key<Track>>,
    /// What it can be shown, in order of the offer.
    pub slots: Vec<Key<Slot>>,
    pub ssrcs: Vec<KnownSsrc>,
    /// Ours, where RTCP to it needs a sender and there is no slot.
    pub ssrc: u32,
    /// Feedback to it needs no report in front (RFC 5506).
    pub reduced_size: bool,
    pub bytes: Bucket,
    pub packets: Bucket,
    pub unknown: Bucket,
    pub arrivals: Arrivals,
    pub due: Due,
    /// The wake-up that is set.
    pub wake: Option<Instant>,
    pub pulse: Pulse,
    pub first_audio: bool,
    pub first_video: bool,
    pub totals: Totals,
    pub rtt: Option<Duration>,
    pub fir: u8,
}

impl Peer {
    /// When the peer has to be looked at next.
    pub(crate) fn next_wake(&self, config: &Config) -> Option<Instant> {
        let phase = match self.phase {
            Phase::Connecting { deadline } => Some(deadline),
            Phase::Connected => Some(self.pulse.next(config)),
        };
        [phase, self.dtls.resend_at(), self.due.next()].into_iter().flatten().min()
    }

    /// The source of an SSRC.
    pub(crate) fn known(&self, ssrc: u32) -> Option<KnownSsrc> {
        self.ssrcs.iter().copied().find(|known| known.ssrc == ssrc)
    }

    /// Maps an SSRC to a source, in place of the one that the source had before; `false` if there are too many.
    pub(crate) fn learn(&mut self, new: KnownSsrc) -> bool {
        self.ssrcs.retain(|known| !(known.track == new.track && known.rtx == new.rtx));
        if self.ssrcs.len() >= MAX_SSRCS || self.known(new.ssrc).is_some() {
            return false;
        }
        self.ssrcs.push(new);
        true
    }

    /// Begins a compound of feedback. Some receivers route a compound by its first packet only, so there is a report in
    /// front only for those that insist (RFC 3550 6.1).
    pub(crate) fn begin_feedback(&self, compound: &mut Vec<u8>) {
        compound.clear();
        if !self.reduced_size {
            rtcp::receiver_report(compound, self.ssrc, &[]);
        }
    }

    /// How long to wait between two askings for one packet.
    pub(crate) fn patience(&self) -> Duration {
        self.rtt.unwrap_or_default().max(Duration::from_millis(20))
    }
}

/// A bucket for SSRCs that nobody declared.
pub(crate) fn unknown_bucket(now: Instant) -> Bucket {
    Bucket::new(UNKNOWN_PER_SECOND, now)
}

/// Signs of life: anything authentic.
pub(crate) struct Pulse {
    last: Instant,
    media: Option<Instant>,
    interrupted: bool,
}

/// What silence has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Silence {
    None,
    Interrupted,
    Lost,
}

impl Pulse {
    pub(crate) fn new(now: Instant) -> Self {
        Self { last: now, media: None, interrupted: false }
    }

    /// Something authentic arrived; after an interruption, how long there was nothing.
    pub(crate) fn beat(&mut self, now: Instant, media: bool) -> Option<Duration> {
        let silent = now.duration_since(self.last);
        self.last = now;
        if media {
            self.media = Some(now);
        }
        std::mem::take(&mut self.interrupted).then_some(silent)
    }

    /// Silence after which the peer counts as interrupted. Media comes at least every 400 ms (Opus with DTX), path
    /// checks of a client that sends none only every few seconds.
    fn patience(&self, config: &Config) -> Duration {
        let flowing = self.media.is_some_and(|media| self.last.duration_since(media) <= FLOWING);
        if flowing { config.interrupted_after } else { config.interrupted_after.max(IDLE_INTERRUPTED) }
    }

    fn next(&self, config: &Config) -> Instant {
        self.last + if self.interrupted { config.lost_after } else { self.patience(config).min(config.lost_after) }
    }

    /// Judges the silence; each interruption is told once.
    pub(crate) fn judge(&mut self, config: &Config, now: Instant) -> Silence {
        let silent = now.duration_since(self.last);
        if silent >= config.lost_after {
            return Silence::Lost;
        }
        if !self.interrupted && silent >= self.patience(config) {
            self.interrupted = true;
            return Silence::Interrupted;
        }
        Silence::None
    }
}

impl Peer {
    /// Whether packets of this kind arrived in this second.
    pub(crate) fn alive(&self, kind: MediaKind, tracks: &crate::arena::Arena<Track>) -> bool {
        self.tracks.iter().filter_map(|key| tracks.get(*key)).any(|track| track.plan.kind == kind && track.alive)
    }
}

/// What of two peers' aliveness makes a second two-way.
pub(crate) fn second(own: (bool, bool), others: (bool, bool), talk: bool) -> Second {
    let ((audio_alive, video_alive), (other_audio, other_video)) = (own, others);
    Second {
        audio_alive,
        video_alive,
        two_way_audio: audio_alive && other_audio,
        two_way_video: video_alive && other_video,
        two_way: (audio_alive || video_alive) && (other_audio || other_video),
        talk,
    }
}
