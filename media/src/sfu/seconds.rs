//! The end of a second, the same for every peer of the worker: who was alive in it, and with whom.
use std::{
    ops::Bound::{Excluded, Unbounded},
    time::Duration,
};

use super::core::Core;
use crate::{
    arena::Key,
    fact::{Fact, MediaKind},
    peer::{Peer, Phase, second},
    time::Now,
};

impl Core {
    /// Tells every connected peer's second. A worker that comes late tells one second for all that it missed: evidence
    /// may be too little, never too much. If a room fails in between, the next call goes on behind it.
    pub(super) fn end_second(&mut self, now: Now) {
        let rest = (self.second_told.map_or(Unbounded, Excluded), Unbounded);
        let rooms: Vec<_> = self.rooms.range(rest).map(|(room, _)| *room).collect();
        for room in rooms {
            self.second_told = Some(room);
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
        self.current = None;
        self.second_told = None;
        let late = now.mono.duration_since(self.second_ends);
        self.second_ends += Duration::from_secs(late.as_secs() + 1);
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
