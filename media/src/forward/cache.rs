//! The last packets of a track, shared by all its subscribers, from which lost ones are sent again.
use std::time::{Duration, Instant};

/// Packets of a video track that are kept: more than a second at 1.5 Mbit/s.
pub const VIDEO_PACKETS: usize = 256;
/// Packets of an audio track that are kept: more than a second at 20 ms.
pub const AUDIO_PACKETS: usize = 64;
/// How long a packet is worth sending again; a later one would come after its picture was given up.
pub const MAX_AGE: Duration = Duration::from_secs(1);

/// One kept packet.
#[derive(Debug)]
struct Entry {
    index: u64,
    at: Instant,
    bytes: Vec<u8>,
}

/// A ring of plain packets by extended sequence number. Once it is full it allocates no more: a packet is copied into
/// the buffer of the one that it replaces.
#[derive(Debug)]
pub struct Cache {
    /// Slot `index % capacity`.
    ring: Vec<Option<Entry>>,
    capacity: usize,
    max_age: Duration,
}

impl Cache {
    /// An empty ring for this many packets, at least one.
    #[must_use]
    pub fn new(capacity: usize, max_age: Duration) -> Self {
        Self { ring: Vec::new(), capacity: capacity.max(1), max_age }
    }

    /// Keeps a copy of a plain packet. One that is older than what has its place is not kept.
    pub fn insert(&mut self, index: u64, packet: &[u8], now: Instant) {
        if self.ring.is_empty() {
            self.ring.resize_with(self.capacity, || None);
        }
        let slot = self.slot(index);
        match &mut self.ring[slot] {
            Some(entry) if entry.index > index => {}
            Some(entry) => {
                (entry.index, entry.at) = (index, now);
                entry.bytes.clear();
                entry.bytes.extend_from_slice(packet);
            }
            empty => *empty = Some(Entry { index, at: now, bytes: packet.to_vec() }),
        }
    }

    /// The packet with this index, if it is kept and young enough.
    #[must_use]
    pub fn get(&self, index: u64, now: Instant) -> Option<&[u8]> {
        let entry = self.ring.get(self.slot(index))?.as_ref()?;
        let young = now.saturating_duration_since(entry.at) <= self.max_age;
        (entry.index == index && young).then_some(&entry.bytes[..])
    }

    /// Forgets everything: another source, or an SSRC that begins again, has indices of its own.
    pub fn clear(&mut self) {
        self.ring.clear();
    }

    fn slot(&self, index: u64) -> usize {
        (index % self.capacity as u64) as usize
    }
}

#[cfg(test)]
mod tests;
