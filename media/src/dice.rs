//! Randomness out of the seed: the same seed and the same inputs give the same ufrags, passwords and SSRCs.
use aws_lc_rs::hmac;

/// Letters of RFC 8839's `ice-char` (62 of its 64).
const ICE_CHARS: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// A counter under HMAC-SHA-256: as unpredictable as its seed.
pub(crate) struct Dice {
    key: hmac::Key,
    counter: u64,
}

impl Dice {
    /// Dice that fall as `seed` says.
    pub(crate) fn new(seed: &[u8; 32]) -> Self {
        Self { key: hmac::Key::new(hmac::HMAC_SHA256, seed), counter: 0 }
    }

    fn block(&mut self) -> [u8; 32] {
        self.counter += 1;
        let tag = hmac::sign(&self.key, &self.counter.to_be_bytes());
        let mut block = [0; 32];
        block.copy_from_slice(tag.as_ref());
        block
    }

    /// 64 random bits.
    pub(crate) fn number(&mut self) -> u64 {
        let [a, b, c, d, e, f, g, h, ..] = self.block();
        u64::from_be_bytes([a, b, c, d, e, f, g, h])
    }

    /// An SSRC, never 0, which some receivers take for "none".
    pub(crate) fn ssrc(&mut self) -> u32 {
        ((self.number() >> 32) as u32).max(1)
    }

    /// At most 32 letters and digits, 5.9 bits each.
    pub(crate) fn letters(&mut self, count: usize) -> String {
        // A remainder of 256 by 62 makes 8 letters a quarter likelier, which costs less than 0.1 bit a letter.
        self.block()
            .iter()
            .take(count)
            .map(|&byte| char::from(ICE_CHARS[usize::from(byte) % ICE_CHARS.len()]))
            .collect()
    }
}
