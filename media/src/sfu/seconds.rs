//! The end of a room's second: who was alive in it, and with whom.
use std::time::Duration;

use super::core::Core;
use crate::{
    arena::Key,
    audio::level::Talk,
    fact::{Fact, MediaKind},
    ids::RoomId,
    peer::{Peer, Phase, second},
    room::{Company, Room},
    time::Now,
};

/// How long the first second of two who meet lasts. The last one is cut by the end of the call and not told, so that
/// the count of seconds is the time that they had, rounded to the nearest second.
const FIRST_SECOND: Duration = Duration::from_millis(500);

impl Core {
    /// The room, which is made if it is not there; its seconds end with those of the worker for now.
    pub(super) fn room(&mut self, room: RoomId, now: Now) -> &mut Room {
        let seconds = &mut self.seconds;
        self.rooms.entry(room).or_insert_with(|| {
            let passed = now.mono.saturating_duration_since(self.second_ended);
            let ends = self.second_ended + Duration::from_secs(passed.as_secs() + 1);
            seconds.insert((ends, room));
            Room::new(ends)
        })
    }

    /// Somebody came, left, or is connected now. When two can hear each other for the first time, nothing that arrived
    /// before is evidence of it.
    pub(super) fn regroup(&mut self, room: RoomId) {
        let Some(here) = self.rooms.get_mut(&room) else { return };
        let connected = |key: &&Key<Peer>| self.peers.get(**key).is_some_and(|peer| peer.phase == Phase::Connected);
        let together = here.members().iter().filter(connected).count() >= 2;
        match (here.company, together) {
            (_, false) => here.company = Company::Alone,
            (Company::Alone, true) => {
                here.company = Company::Silent;
                for member in here.members().to_vec() {
                    self.forget_second(member);
                }
            }
            (Company::Silent | Company::Met, true) => {}
        }
    }

    /// Media of a member arrived, the first in this second. With that of a second one, the room's seconds begin anew.
    pub(super) fn meet(&mut self, room: RoomId, now: Now) {
        let Some(here) = self.rooms.get(&room).filter(|here| here.company == Company::Silent) else { return };
        let heard = |key: &&Key<Peer>| self.alive(**key) != (false, false);
        if here.members().iter().filter(heard).count() < 2 {
            return;
        }
        if let Some(here) = self.rooms.get_mut(&room) {
            here.company = Company::Met;
            here.second_ends = now.mono + FIRST_SECOND;
            self.seconds.insert((here.second_ends, room));
        }
    }

    /// What arrived in this second is no evidence.
    pub(super) fn forget_second(&mut self, key: Key<Peer>) {
        let Some(peer) = self.peers.get(key) else { return };
        for track in &peer.tracks {
            if let Some(track) = self.tracks.get_mut(*track) {
                track.alive = false;
                track.talk = Talk::default();
            }
        }
    }

    /// Tells the seconds that have ended. A worker that comes late tells one second of a room for all that it missed:
    /// evidence may be too little, never too much. If a room fails in between, the next call goes on behind it.
    pub(super) fn end_seconds(&mut self, now: Now) {
        while let Some((at, room)) = self.seconds.first().copied().filter(|(at, _)| *at <= now.mono) {
            self.seconds.remove(&(at, room));
            let Some(here) = self.rooms.get_mut(&room).filter(|room| room.second_ends == at) else { continue };
            let late = now.mono.saturating_duration_since(at);
            here.second_ends = at + Duration::from_secs(late.as_secs() + 1);
            self.seconds.insert((here.second_ends, room));
            self.end_second(room, now);
        }
        self.current = None;
    }

    /// Tells every connected peer of a room its second.
    fn end_second(&mut self, room: RoomId, now: Now) {
        self.concerns(room);
        let members = self.rooms.get(&room).map(|room| room.members().to_vec()).unwrap_or_default();
        let alive: Vec<_> = members.iter().map(|key| self.alive(*key)).collect();
        let count = |of: fn(&(bool, bool)) -> bool| alive.iter().filter(|alive| of(alive)).count();
        let (audio, video) = (count(|a| a.0), count(|a| a.1));
        for (key, own) in members.iter().zip(&alive) {
            let others = (audio > usize::from(own.0), video > usize::from(own.1));
            self.tell_second(*key, *own, others, now);
        }
    }

    /// Whether audio and video of a peer arrived in this second.
    fn alive(&self, key: Key<Peer>) -> (bool, bool) {
        let Some(peer) = self.peers.get(key) else { return (false, false) };
        (peer.alive(MediaKind::Audio, &self.tracks), peer.alive(MediaKind::Video, &self.tracks))
    }

    fn tell_second(&mut self, key: Key<Peer>, own: (bool, bool), others: (bool, bool), now: Now) {
        let Some(peer) = self.peers.get_mut(key).filter(|peer| peer.phase == Phase::Connected) else { return };
        let mut talk = false;
        let (mut lost, mut audio_jitter, mut video_jitter) = (0, None, None);
        for track in &peer.tracks {
            let Some(track) = self.tracks.get_mut(*track) else { continue };
            talk |= track.talk.take_second();
            track.alive = false;
            lost += track.lost();
            let jitter = match track.plan.kind {
                MediaKind::Audio => &mut audio_jitter,
                MediaKind::Video => &mut video_jitter,
            };
            *jitter = jitter.or(track.last.map(|_| track.receiver.jitter_us()));
        }
        peer.totals.lost_in = lost;
        peer.totals.jitter_us = audio_jitter.or(video_jitter).unwrap_or(0);
        if let Some(leg) = self.legs.get(peer.leg) {
            peer.totals.packets_out = leg.packets;
            peer.totals.bytes_out = leg.bytes;
            peer.totals.rtx_out = leg.resent;
        }
        let second = second(own, others, talk);
        let fact = Fact::Second { peer: peer.id, room: peer.room, second, totals: peer.totals };
        self.out.tell(fact, now);
    }
}
