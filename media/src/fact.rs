//! What the SFU has seen: facts, never claims of a client.
use std::net::IpAddr;

use crate::{
    command::Sdp,
    error::MediaError,
    ids::{PeerId, RoomId},
};

/// One thing that happened, with the wall time (UTC ms) at which the worker saw it.
#[derive(Clone, Debug, PartialEq)]
pub struct Stamped {
    /// UTC milliseconds.
    pub at: i64,
    /// What.
    pub fact: Fact,
}

/// What happened; past tense.
#[derive(Clone, Debug, PartialEq)]
pub enum Fact {
    /// The offer of a `Join` was answered.
    Answered {
        /// Whose.
        peer: PeerId,
        /// The answer.
        answer: Sdp,
    },
    /// The offer of a `Join` was refused; nothing changed.
    Refused {
        /// Whose.
        peer: PeerId,
        /// Why.
        error: MediaError,
    },
    /// ICE and DTLS are up and the certificate is the one of the offer.
    Connected {
        /// Who.
        peer: PeerId,
        /// By which way.
        transport: Transport,
    },
    /// The first authenticated packet of this kind arrived.
    FirstMedia {
        /// From whom.
        peer: PeerId,
        /// Of what.
        kind: MediaKind,
    },
    /// Who is in which receive slot of this peer now; all slots in use.
    SlotsChanged {
        /// Whose slots.
        peer: PeerId,
        /// Slots in use, in order of the offer.
        slots: Vec<Slot>,
    },
    /// Nothing authenticated has arrived for 3 s; for 9 s from a peer that sends no media, whose path checks may be 6 s
    /// apart (RFC 7675 5.1).
    Interrupted {
        /// From whom.
        peer: PeerId,
    },
    /// Packets arrive again.
    Resumed {
        /// From whom.
        peer: PeerId,
        /// How long nothing had arrived, in milliseconds.
        silent_ms: u64,
    },
    /// The transport is gone; the peer must join again.
    Lost {
        /// Whose.
        peer: PeerId,
        /// Why.
        reason: LostReason,
    },
    /// One second has passed for a peer that is connected: evidence.
    Second {
        /// Whose second.
        peer: PeerId,
        /// In which room.
        room: RoomId,
        /// What arrived in it.
        second: Second,
        /// Sums and gauges since the transport was set up.
        totals: Totals,
    },
    /// A room was closed because its handling failed; the other rooms go on. Each of its peers was told
    /// [`Fact::Lost`] before.
    RoomFailed {
        /// Which.
        room: RoomId,
    },
}

/// Audio or video.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum MediaKind {
    /// Opus.
    Audio,
    /// VP8 or H.264.
    Video,
}

/// What a slot is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SlotKind {
    /// Somebody's microphone.
    Audio,
    /// Somebody's camera.
    Video,
    /// Somebody's shared screen.
    Screen,
}

impl SlotKind {
    /// Audio or video.
    #[must_use]
    pub fn media(self) -> MediaKind {
        match self {
            Self::Audio => MediaKind::Audio,
            Self::Video | Self::Screen => MediaKind::Video,
        }
    }
}

/// A receive slot in use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot {
    /// The `mid` of the receiver's m-line.
    pub mid: String,
    /// What it shows.
    pub kind: SlotKind,
    /// Whose.
    pub source: PeerId,
}

/// How a peer is reached.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Transport {
    /// The peer's address as the server sees it; only its family and class are ever printed.
    pub remote: IpAddr,
}

impl std::fmt::Debug for Transport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.remote.is_ipv4() { "udp over ipv4" } else { "udp over ipv6" })
    }
}

/// Why a transport is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LostReason {
    /// Nothing authenticated for 15 s.
    Silent,
    /// ICE or DTLS did not finish in time.
    NeverConnected,
    /// The client closed it (close_notify).
    Closed,
    /// The certificate is not the one of the offer.
    WrongCertificate,
    /// Handling its room failed, which is closed; other rooms go on.
    RoomFailed,
    /// The worker that carried it failed; other workers go on.
    WorkerFailed,
}

/// What arrived from a peer in one second, and whether somebody else in the room was alive in the same second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Second {
    /// At least one authenticated audio packet.
    pub audio_alive: bool,
    /// At least one authenticated video packet.
    pub video_alive: bool,
    /// Audio from this peer and from another peer of the room.
    pub two_way_audio: bool,
    /// Video from this peer and from another peer of the room.
    pub two_way_video: bool,
    /// Audio or video from this peer and audio or video from another peer.
    pub two_way: bool,
    /// At least 200 ms of voice (RFC 6464 level ≤ 50 or its V bit).
    pub talk: bool,
}

/// Sums since the transport was set up, and gauges of the last second.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Totals {
    /// Authenticated RTP packets from the peer.
    pub packets_in: u64,
    /// Bytes of those, with headers.
    pub bytes_in: u64,
    /// RTP packets forwarded to the peer, retransmissions not counted.
    pub packets_out: u64,
    /// Bytes of those.
    pub bytes_out: u64,
    /// Packets of the peer that never arrived, by its sequence numbers, after repair.
    pub lost_in: u64,
    /// Packets to the peer that it reported lost (RFC 3550 6.4.1), all sources.
    pub lost_out: u64,
    /// Interarrival jitter of the peer's audio (RFC 3550 6.4.1), microseconds; of its video where there is no audio.
    pub jitter_us: u32,
    /// Round trip by LSR and DLSR (RFC 3550 6.4.1), microseconds; 0 until known.
    pub rtt_us: u32,
    /// Packets that failed authentication.
    pub auth_failures: u64,
    /// Retransmissions sent to the peer.
    pub rtx_out: u64,
    /// Keyframes asked of the peer.
    pub keyframe_requests: u64,
    /// Silences of 3 s or more.
    pub interruptions: u32,
}
