//! The replay window of one source (RFC 3711 3.3.2).

/// How far behind the newest packet one is still taken. RFC 3711 asks for 64 at least; video at high rates that is
/// repaired after a round trip needs more.
const SIZE: u64 = 256;

/// Which of the last 256 indices have been seen.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    highest: u64,
    /// Bit `index % 256`, for indices from `highest - 255` to `highest`.
    seen: [u64; 4],
}

impl Window {
    /// The window of a source whose first packet this is.
    pub(super) fn starting_at(index: u64) -> Self {
        let mut window = Self { highest: index, seen: [0; 4] };
        window.set(index);
        window
    }

    /// The newest index.
    pub(super) fn highest(&self) -> u64 {
        self.highest
    }

    /// Whether the index was accepted before, or is so old that nobody can tell.
    pub(super) fn has_seen(&self, index: u64) -> bool {
        index <= self.highest && (self.highest - index >= SIZE || self.bit(index))
    }

    /// Enters an index that [`Window::has_seen`] denied.
    pub(super) fn accept(&mut self, index: u64) {
        if index > self.highest {
            if index - self.highest >= SIZE {
                self.seen = [0; 4];
            } else {
                (self.highest + 1..index).for_each(|skipped| self.clear(skipped));
            }
            self.highest = index;
        }
        self.set(index);
    }

    fn bit(&self, index: u64) -> bool {
        self.seen[(index / 64 % 4) as usize] >> (index % 64) & 1 == 1
    }

    fn set(&mut self, index: u64) {
        self.seen[(index / 64 % 4) as usize] |= 1 << (index % 64);
    }

    fn clear(&mut self, index: u64) {
        self.seen[(index / 64 % 4) as usize] &= !(1 << (index % 64));
    }
}
