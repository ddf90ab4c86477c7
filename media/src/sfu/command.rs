//! Commands: peers join, move and leave, rooms close.
use super::core::{Core, UFRAG};
use crate::{
    arena::Key,
    command::{Command, Sdp},
    error::MediaError,
    fact::{Fact, LostReason},
    forward::{Leg, Slot, Track},
    ids::{PeerId, RoomId},
    peer::{
        Due, KnownSsrc, Peer, Phase, Pulse,
        dtls::Dtls,
        gate::Bucket,
        ice::Ice,
        negotiation::{Offer, Ours, Plan},
        unknown_bucket,
    },
    room::{Room, Seats},
    rtcp::{self, Arrivals},
    time::Now,
};

impl Core {
    pub(super) fn command(&mut self, command: Command, now: Now) {
        match command {
            Command::Join { room, peer, offer } => self.join(room, peer, &offer, now),
            Command::Move { peer, room } => {
                if let Some(key) = self.by_id.get(&peer).copied() {
                    self.enter(key);
                    self.move_to(key, room, now);
                }
            }
            Command::Leave { peer } => {
                if let Some(key) = self.by_id.get(&peer).copied() {
                    self.enter(key);
                    self.leave(key, None, now);
                }
            }
            Command::CloseRoom { room } => {
                let members = self.rooms.get(&room).map(|room| room.members().to_vec()).unwrap_or_default();
                for key in members {
                    self.enter(key);
                    self.leave(key, None, now);
                }
            }
        }
    }

    fn join(&mut self, room: RoomId, id: PeerId, offer: &Sdp, now: Now) {
        let before = self.by_id.get(&id).copied();
        // An offer on which the parser fails concerns nobody but its sender.
        self.joining = Some(id);
        let parsed = Offer::parse(&offer.0);
        let offer = match parsed {
            Ok(_) if before.is_none() && self.peers.len() >= self.config.max_peers => Err(MediaError::Full),
            parsed => parsed,
        };
        let offer = match offer {
            Ok(offer) => offer,
            Err(error) => {
                self.joining = None;
                return self.out.tell(Fact::Refused { peer: id, error }, now);
            }
        };

        // The seat of the transport that is replaced is kept for the new one, if it is in the same room.
        let seat = before.filter(|key| self.peers.get(*key).is_some_and(|peer| peer.room == room));
        if let Some(key) = before {
            self.enter(key);
            self.hide_everywhere(key, now);
            if seat.is_none() {
                self.unseat(key);
            }
            self.forget(key);
        }
        self.concerns(room);
        let (key, answer) = self.admit(room, id, offer, now);
        self.room(room, now).seat(key, seat);
        self.regroup(room);
        self.joining = None;
        self.out.tell(Fact::Answered { peer: id, answer: Sdp(answer) }, now);
        self.show_everywhere(key, now);
        self.arm(key);
    }

    /// Makes a peer out of its offer.
    fn admit(&mut self, room: RoomId, id: PeerId, offer: Offer, now: Now) -> (Key<Peer>, String) {
        let plan = Plan::of(&offer, &mut self.dice);
        let (ufrag, password) = (self.dice.letters(UFRAG), self.dice.letters(32));
        let ours = Ours {
            session: self.dice.number() >> 1,
            ufrag: &ufrag,
            password: &password,
            fingerprint: &self.identity.fingerprint,
            candidates: &self.config.candidates,
        };
        let answer = plan.answer(&offer, &ours);
        let mut place = [0; UFRAG];
        place.copy_from_slice(ufrag.as_bytes());

        let leg = self.legs.insert(Leg::new(now.mono));
        let key = self.peers.insert(Peer {
            id,
            room,
            phase: Phase::Connecting { deadline: now.mono + self.config.connect_within },
            ice: Ice::new(ufrag, &password, offer.ufrag),
            dtls: Dtls::new(&self.identity, offer.fingerprint, now.mono),
            open: None,
            leg,
            tracks: Vec::new(),
            slots: Vec::new(),
            ssrcs: Vec::new(),
            ssrc: self.dice.ssrc(),
            reduced_size: plan.reduced_size,
            bytes: Bucket::new(self.config.ingress_bytes, now.mono),
            packets: Bucket::new(self.config.ingress_packets, now.mono),
            unknown: unknown_bucket(now.mono),
            arrivals: Arrivals::new(),
            due: Due::default(),
            wake: None,
            pulse: Pulse::new(now.mono),
            first_audio: false,
            first_video: false,
            totals: Default::default(),
            rtt: None,
            fir: 0,
        });
        let tracks: Vec<_> =
            plan.sources.into_iter().map(|source| self.tracks.insert(Track::new(key, source))).collect();
        let slots = plan.slots.into_iter().map(|slot| {
            let first = self.dice.number();
            self.slots.insert(Slot::new(leg, slot, first))
        });
        let slots: Vec<_> = slots.collect();
        if let Some(peer) = self.peers.get_mut(key) {
            for track in &tracks {
                let Some(plan) = self.tracks.get(*track).map(|track| &track.plan) else { continue };
                for (ssrc, rtx) in [(plan.ssrc, false), (plan.rtx_ssrc, true)] {
                    if let Some(ssrc) = ssrc {
                        peer.learn(KnownSsrc { ssrc, track: *track, rtx });
                    }
                }
            }
            (peer.tracks, peer.slots) = (tracks, slots);
        }
        self.by_id.insert(id, key);
        self.by_ufrag.insert(place, key);
        (key, answer)
    }

    fn move_to(&mut self, key: Key<Peer>, room: RoomId, now: Now) {
        if self.peers.get(key).is_none_or(|peer| peer.room == room) {
            return;
        }
        self.hide_everywhere(key, now);
        self.unseat(key);
        if let Some(peer) = self.peers.get_mut(key) {
            peer.room = room;
        }
        // What arrived in the old room's part of this second is no evidence for the new one.
        self.forget_second(key);
        self.concerns(room);
        self.room(room, now).seat(key, None);
        self.regroup(room);
        self.show_everywhere(key, now);
        // Its own slots may have become empty without anything new in them.
        self.tell_slots(&[key], now);
    }

    /// Ends a peer's transport, with a fact if nobody ordered it.
    pub(super) fn leave(&mut self, key: Key<Peer>, lost: Option<LostReason>, now: Now) {
        self.farewell(key, now);
        self.hide_everywhere(key, now);
        self.unseat(key);
        if let (Some(peer), Some(reason)) = (self.forget(key), lost) {
            self.out.tell(Fact::Lost { peer: peer.id, reason }, now);
        }
    }

    /// BYE for every stream (RFC 3550 6.6) and close_notify, to a client that is connected.
    fn farewell(&mut self, key: Key<Peer>, now: Now) {
        let Some(peer) = self.peers.get_mut(key).filter(|peer| peer.phase == Phase::Connected) else { return };
        let Some(leg) = self.legs.get_mut(peer.leg) else { return };
        let Some(to) = leg.to else { return };
        let ssrcs: Vec<u32> =
            peer.slots.iter().filter_map(|slot| self.slots.get(*slot)).map(|slot| slot.plan.ssrc).collect();
        self.scratch.clear();
        rtcp::receiver_report(&mut self.scratch, peer.ssrc, &[]);
        rtcp::bye(&mut self.scratch, &ssrcs);
        leg.send_rtcp(&self.scratch, &mut self.out);
        let out = &mut self.out;
        peer.dtls.close(now.mono, |datagram| out.send(to, datagram));
    }

    /// Takes a peer out of its room; the room goes with its last one.
    fn unseat(&mut self, key: Key<Peer>) {
        let Some(room) = self.peers.get(key).map(|peer| peer.room) else { return };
        if self.rooms.get_mut(&room).is_some_and(|members| !members.leave(key)) {
            self.rooms.remove(&room);
        }
        self.regroup(room);
    }

    fn others(&self, key: Key<Peer>) -> Vec<Key<Peer>> {
        let room = self.peers.get(key).and_then(|peer| self.rooms.get(&peer.room));
        room.map(Room::members).unwrap_or_default().iter().copied().filter(|member| *member != key).collect()
    }

    /// Connects a newcomer with everybody in its room, both ways.
    fn show_everywhere(&mut self, key: Key<Peer>, now: Now) {
        let others = self.others(key);
        let publishes = self.peers.get(key).is_some_and(|peer| !peer.tracks.is_empty());
        // A newcomer that is not connected yet gets its keyframes when it is: one that comes before would only use up
        // the throttle, and the newcomer would wait half a second for the next.
        let sees = self.peers.get(key).is_some_and(|peer| peer.phase == Phase::Connected);
        let mut changed = Vec::new();
        let mut wanted = Vec::new();
        let mut seats = Seats { peers: &self.peers, tracks: &mut self.tracks, slots: &mut self.slots };
        for other in &others {
            let shown = seats.show(key, *other);
            if !shown.is_empty() {
                wanted.extend(shown.into_iter().filter(|_| sees));
                changed.push(key);
            }
        }
        for other in others.iter().filter(|_| publishes) {
            let shown = seats.show(*other, key);
            if !shown.is_empty() {
                wanted.extend(shown);
                changed.push(*other);
            }
        }
        changed.dedup();
        self.tell_slots(&changed, now);
        wanted.sort_unstable();
        wanted.dedup();
        for track in wanted {
            self.want_keyframe(track, now);
        }
    }

    /// Takes a peer out of everybody's sight, and everybody out of its; slots that become free show who had none.
    fn hide_everywhere(&mut self, key: Key<Peer>, now: Now) {
        let others = self.others(key);
        let Some(peer) = self.peers.get(key) else { return };
        let mut seats = Seats { peers: &self.peers, tracks: &mut self.tracks, slots: &mut self.slots };
        let mut freed = Vec::new();
        for other in &others {
            let Some(member) = seats.peers.get(*other) else { continue };
            seats.hide(peer, member);
            if seats.hide(member, peer) {
                freed.push(*other);
            }
        }
        let mut wanted = Vec::new();
        let publishes = |member: &&Key<Peer>| self.peers.get(**member).is_some_and(|peer| !peer.tracks.is_empty());
        let publishers: Vec<_> = others.iter().filter(publishes).copied().collect();
        for viewer in &freed {
            for publisher in publishers.iter().filter(|publisher| *publisher != viewer) {
                wanted.extend(seats.show(*viewer, *publisher));
            }
        }
        self.tell_slots(&freed, now);
        for track in wanted {
            self.want_keyframe(track, now);
        }
    }

    fn tell_slots(&mut self, peers: &[Key<Peer>], now: Now) {
        for key in peers {
            let seats = Seats { peers: &self.peers, tracks: &mut self.tracks, slots: &mut self.slots };
            let Some(peer) = seats.peers.get(*key) else { continue };
            let slots = seats.in_use(peer);
            self.out.tell(Fact::SlotsChanged { peer: peer.id, slots }, now);
        }
    }
}
