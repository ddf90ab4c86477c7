//! The only bilingual file: what signaling orders becomes commands of the media plane, what the media plane has seen
//! becomes inputs, evidence and messages. Every match is exhaustive, so that a new word must be translated.
use yunfa_media::command::{Command, Sdp as MediaSdp};
use yunfa_media::error::MediaError;
use yunfa_media::fact::{Fact, LostReason, MediaKind, Second, Slot, SlotKind as MediaSlotKind, Totals, Transport};
use yunfa_media::ids::{PeerId, RoomId};
use yunfa_signaling::{
    consultation::MediaFact,
    ids::{LawyerId, LegId, SessionId},
    message::{ErrorCode, SlotView},
    output::MediaOrder,
    private::Sdp,
    words::SlotKind,
};

use crate::domain::evidence::{LegTransport, SecondFacts, TransportTotals};

/// What a person's transports have to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// Be in the matter's room.
    Enter,
    /// Stay where it is.
    Stay,
    /// Go back to a room of one's own and stay warm.
    GoHome,
    /// End the transport.
    Close,
}

/// Who has to do what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Orders {
    /// The session.
    pub(super) session: SessionId,
    /// The lawyer of the session, or one who is there as a third party.
    pub(super) lawyer: LawyerId,
    /// What the asker's transport does.
    pub(super) citizen_does: Order,
    /// What the lawyer's transport does.
    pub(super) lawyer_does: Order,
}

/// Signaling's order, for each of the two sides.
pub(super) const fn orders(order: MediaOrder) -> Orders {
    match order {
        MediaOrder::ConnectLegs { session, citizen: _, lawyer, lawyer_leg: _ } => {
            Orders { session, lawyer, citizen_does: Order::Enter, lawyer_does: Order::Enter }
        }
        MediaOrder::ConnectThird { session, lawyer } => {
            Orders { session, lawyer, citizen_does: Order::Stay, lawyer_does: Order::Enter }
        }
        MediaOrder::ReleaseThird { session, lawyer } => {
            Orders { session, lawyer, citizen_does: Order::Stay, lawyer_does: Order::GoHome }
        }
        MediaOrder::ReleaseLegs { session, lawyer, asker_waits: true } => {
            Orders { session, lawyer, citizen_does: Order::Stay, lawyer_does: Order::GoHome }
        }
        MediaOrder::ReleaseLegs { session, lawyer, asker_waits: false } => {
            Orders { session, lawyer, citizen_does: Order::Close, lawyer_does: Order::GoHome }
        }
    }
}

/// A client's offer on its way in.
pub(super) fn join(room: RoomId, peer: PeerId, offer: Sdp) -> Command {
    Command::Join { room, peer, offer: MediaSdp(offer.into_inner()) }
}

/// A running transport into another room of its worker.
pub(super) const fn go(peer: PeerId, room: RoomId) -> Command {
    Command::Move { peer, room }
}

/// The end of a transport.
pub(super) const fn leave(peer: PeerId) -> Command {
    Command::Leave { peer }
}

/// A refusal as a client hears it.
pub(super) const fn refusal(error: &MediaError) -> ErrorCode {
    match error {
        MediaError::TooLarge(_) => ErrorCode::TooLarge,
        MediaError::Unreadable(_) | MediaError::Lacks(_) | MediaError::NothingInCommon => ErrorCode::MediaRefused,
        MediaError::Full => ErrorCode::TooMany,
        MediaError::UnknownPeer | MediaError::Failed | MediaError::Stopped => ErrorCode::Internal,
    }
}

/// What one fact about a peer means to its person.
#[derive(Debug)]
pub(super) enum Meaning {
    /// The offer was answered.
    Answered(Sdp),
    /// The offer was refused.
    Refused(MediaError),
    /// The transport is up.
    Up(LegTransport),
    /// The consultation hears this of the transport.
    State(MediaFact),
    /// The transport is gone.
    Gone,
    /// Other people are in the slots.
    Slots(SeenSlots),
    /// One second of evidence, in the room in which it was seen.
    Second(RoomId, SecondFacts),
    /// A room failed; its transports are told [`Meaning::Gone`] one by one.
    RoomFailed(RoomId),
}

/// Who is in which slot, by their transports.
#[derive(Debug, Default)]
pub(super) struct SeenSlots(Vec<Slot>);

/// Whom a fact is about; `None` when it is about a room.
pub(super) const fn subject(fact: &Fact) -> Option<PeerId> {
    match fact {
        Fact::Answered { peer, .. }
        | Fact::Refused { peer, .. }
        | Fact::Connected { peer, .. }
        | Fact::FirstMedia { peer, .. }
        | Fact::SlotsChanged { peer, .. }
        | Fact::Interrupted { peer }
        | Fact::Resumed { peer, .. }
        | Fact::Lost { peer, .. }
        | Fact::Second { peer, .. } => Some(*peer),
        Fact::RoomFailed { .. } => None,
    }
}

/// What a fact means.
pub(super) fn meaning(fact: Fact) -> Meaning {
    match fact {
        Fact::Answered { peer: _, answer: sdp } => Meaning::Answered(Sdp::new(sdp.0)),
        Fact::Refused { peer: _, error } => Meaning::Refused(error),
        Fact::Connected { peer: _, transport } => Meaning::Up(leg_transport(transport)),
        Fact::FirstMedia { peer: _, kind: MediaKind::Audio | MediaKind::Video } => {
            Meaning::State(MediaFact::FirstMedia)
        }
        Fact::SlotsChanged { peer: _, slots } => Meaning::Slots(SeenSlots(slots)),
        Fact::Interrupted { peer: _ } => Meaning::State(MediaFact::Interrupted),
        Fact::Resumed { peer: _, silent_ms: _ } => Meaning::State(MediaFact::Resumed),
        Fact::Lost { peer: _, reason } => lost(reason),
        Fact::Second { peer: _, room, second, totals } => Meaning::Second(room, second_facts(second, totals)),
        Fact::RoomFailed { room } => Meaning::RoomFailed(room),
    }
}

/// Whatever the reason, the client joins again or the seat lapses; the reason itself is logged by the worker.
const fn lost(reason: LostReason) -> Meaning {
    match reason {
        LostReason::Silent
        | LostReason::NeverConnected
        | LostReason::Closed
        | LostReason::WrongCertificate
        | LostReason::RoomFailed
        | LostReason::WorkerFailed => Meaning::Gone,
    }
}

fn leg_transport(transport: Transport) -> LegTransport {
    let family = if transport.remote.is_ipv4() { "ipv4" } else { "ipv6" };
    LegTransport { protocol: "udp".to_owned(), family: family.to_owned() }
}

const fn second_facts(second: Second, totals: Totals) -> SecondFacts {
    let Second { audio_alive, video_alive, two_way_audio, two_way_video, two_way, talk } = second;
    SecondFacts {
        audio_alive,
        video_alive,
        two_way_audio,
        two_way_video,
        two_way,
        talk,
        totals: transport_totals(totals),
    }
}

const fn transport_totals(totals: Totals) -> TransportTotals {
    let Totals {
        packets_in,
        bytes_in,
        packets_out,
        bytes_out,
        lost_in,
        lost_out,
        jitter_us,
        rtt_us,
        auth_failures,
        rtx_out,
        keyframe_requests,
        interruptions,
    } = totals;
    TransportTotals {
        packets_in,
        bytes_in,
        packets_out,
        bytes_out,
        lost_in,
        lost_out,
        jitter_us,
        rtt_us,
        auth_failures,
        rtx_out,
        keyframe_requests,
        interruptions,
    }
}

impl SeenSlots {
    /// The slots as the client sees them, and whether every source has a leg here; one without is not shown.
    pub(super) fn views(&self, leg_of: impl Fn(PeerId) -> Option<LegId>) -> (Vec<SlotView>, bool) {
        let view = |Slot { mid, kind, source }: &Slot| {
            let kind = match kind {
                MediaSlotKind::Audio => SlotKind::Audio,
                MediaSlotKind::Video => SlotKind::Video,
                MediaSlotKind::Screen => SlotKind::Screen,
            };
            Some(SlotView { mid: mid.clone(), kind, leg: leg_of(*source)? })
        };
        let views: Vec<_> = self.0.iter().filter_map(view).collect();
        let all = views.len() == self.0.len();
        (views, all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evidence_crosses_the_bridge_unchanged() {
        let second = Second { audio_alive: true, two_way: true, talk: true, ..Second::default() };
        let totals = Totals { packets_in: 50, rtt_us: 1200, interruptions: 2, ..Totals::default() };

        let Meaning::Second(room, facts) = meaning(Fact::Second { peer: PeerId(1), room: RoomId(2), second, totals })
        else {
            panic!("a second stays a second");
        };

        assert_eq!(room, RoomId(2));
        assert!(facts.audio_alive && facts.two_way && facts.talk && !facts.video_alive);
        assert_eq!((facts.totals.packets_in, facts.totals.rtt_us, facts.totals.interruptions), (50, 1200, 2));
    }

    #[test]
    fn a_slot_of_somebody_without_a_leg_is_not_shown() {
        let leg = LegId::new(uuid::Uuid::from_u128(1));
        let slot = |source| Slot { mid: "2".to_owned(), kind: MediaSlotKind::Audio, source };

        let seen = SeenSlots(vec![slot(PeerId(1)), slot(PeerId(2))]);
        let (shown, all) = seen.views(|peer| (peer == PeerId(1)).then_some(leg));

        assert_eq!(shown, [SlotView { mid: "2".to_owned(), kind: SlotKind::Audio, leg }]);
        assert!(!all);
    }
}
