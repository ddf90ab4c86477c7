//! Elements of the header extension, one-byte and two-byte form (RFC 8285).
use super::{Head, ONE_BYTE};

/// The two-byte profile; its low four bits belong to the application (RFC 8285 4.3).
const TWO_BYTE: u16 = 0x1000;

/// Walks the elements of a packet's header extension; see [`extensions`].
#[derive(Clone, Debug)]
pub struct Extensions<'a> {
    bytes: &'a [u8],
    /// Where the next element begins.
    at: usize,
    /// How many bytes stand before an element's value; 0 if the profile is none of ours.
    lead: usize,
}

/// The elements `(id, value)` of an RTP packet with this header. Ends at the first one that leaves the extension.
#[must_use]
pub fn extensions<'a>(packet: &'a [u8], head: &Head) -> Extensions<'a> {
    let lead = match head.profile {
        ONE_BYTE => 1,
        profile if profile & 0xFFF0 == TWO_BYTE => 2,
        _ => 0,
    };
    Extensions { bytes: packet.get(head.elements()).unwrap_or_default(), at: 0, lead }
}

/// The value of the first element with this id.
#[must_use]
pub fn extension<'a>(packet: &'a [u8], head: &Head, id: u8) -> Option<&'a [u8]> {
    extensions(packet, head).find(|&(found, _)| found == id).map(|(_, value)| value)
}

/// Gives the element with id `from` the id `to` and, where its length is the same, the value `value`; tells whether it
/// was there. Everything else stays where it is, so this costs no copy.
pub fn replace_extension(packet: &mut [u8], head: &Head, from: u8, to: u8, value: Option<&[u8]>) -> bool {
    let mut walk = extensions(packet, head);
    let lead = walk.lead;
    let found = loop {
        match walk.next() {
            Some((id, old)) if id == from => break walk.at - old.len()..walk.at,
            Some(_) => {}
            None => return false,
        }
    };
    let Some(elements) = packet.get_mut(head.elements()) else { return false };
    match lead {
        1 if matches!(to, 1..=14) => elements[found.start - 1] = (to << 4) | (elements[found.start - 1] & 0x0F),
        2 if to != 0 => elements[found.start - 2] = to,
        _ => return false,
    }
    if let Some(value) = value.filter(|v| v.len() == found.len()) {
        elements[found].copy_from_slice(value);
    }
    true
}

impl<'a> Iterator for Extensions<'a> {
    type Item = (u8, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        if self.lead == 0 {
            return None;
        }
        loop {
            let first = *self.bytes.get(self.at)?;
            // A zero byte is padding in both forms (4.2, 4.3).
            if first == 0 {
                self.at += 1;
                continue;
            }
            let (id, size) = if self.lead == 1 {
                (first >> 4, usize::from(first & 0x0F) + 1)
            } else {
                (first, usize::from(*self.bytes.get(self.at + 1)?))
            };
            // In the one-byte form id 15, and id 0 with a length, end the elements (4.2).
            if self.lead == 1 && matches!(id, 0 | 15) {
                self.at = self.bytes.len();
                return None;
            }
            let start = self.at + self.lead;
            let Some(value) = self.bytes.get(start..start + size) else {
                self.at = self.bytes.len();
                return None;
            };
            self.at = start + size;
            return Some((id, value));
        }
    }
}
