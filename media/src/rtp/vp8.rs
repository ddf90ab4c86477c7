//! The VP8 payload descriptor (RFC 7741 4.2): what is in a frame, and how its numbers are rewritten in place.

/// A descriptor that has been read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Vp8 {
    /// The packet begins a frame that can be decoded alone.
    pub keyframe: bool,
    /// The packet begins a frame (S bit, partition 0).
    pub starts_frame: bool,
    /// The frame is not needed by later ones (N bit).
    pub discardable: bool,
    /// Picture id, where present.
    pub picture_id: Option<u16>,
    /// Whether it has 15 bits rather than 7.
    pub wide: bool,
    /// Running index of base-layer frames, where present.
    pub tl0: Option<u8>,
    /// Temporal layer, 0 where absent.
    pub temporal: u8,
    /// The frame depends on the base layer only (Y bit).
    pub layer_sync: bool,
    /// Key index, where present.
    pub key_index: Option<u8>,
    /// Width and height, in a keyframe's first packet.
    pub size: Option<(u16, u16)>,
    /// Where the VP8 payload begins.
    pub len: usize,
}

/// New numbers for a descriptor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Vp8Patch {
    /// Picture id; cut to the width of the one in the packet.
    pub picture_id: u16,
    /// TL0PICIDX.
    pub tl0: u8,
}

impl Vp8 {
    /// Reads the descriptor at the beginning of a payload; `None` if it leaves the payload.
    #[must_use]
    pub fn parse(payload: &[u8]) -> Option<Self> {
        let &first = payload.first()?;
        let mut vp8 = Self {
            keyframe: false,
            starts_frame: first & 0x17 == 0x10,
            discardable: first & 0x20 != 0,
            picture_id: None,
            wide: false,
            tl0: None,
            temporal: 0,
            layer_sync: false,
            key_index: None,
            size: None,
            len: 1,
        };
        if first & 0x80 != 0 {
            let &flags = payload.get(1)?;
            vp8.len = 2;
            if flags & 0x80 != 0 {
                let &high = payload.get(2)?;
                vp8.wide = high & 0x80 != 0;
                vp8.len = if vp8.wide { 4 } else { 3 };
                vp8.picture_id = Some(match vp8.wide {
                    true => (u16::from(high & 0x7F) << 8) | u16::from(*payload.get(3)?),
                    false => u16::from(high),
                });
            }
            if flags & 0x40 != 0 {
                vp8.tl0 = Some(*payload.get(vp8.len)?);
                vp8.len += 1;
            }
            if flags & 0x30 != 0 {
                let &layers = payload.get(vp8.len)?;
                vp8.len += 1;
                if flags & 0x20 != 0 {
                    vp8.temporal = layers >> 6;
                    vp8.layer_sync = layers & 0x20 != 0;
                }
                vp8.key_index = (flags & 0x10 != 0).then_some(layers & 0x1F);
            }
        }
        if vp8.starts_frame {
            // The P bit of the frame tag is inverse (RFC 7741 4.3, RFC 6386 9.1); an empty frame has no tag.
            vp8.keyframe = payload.get(vp8.len).is_some_and(|tag| tag & 0x01 == 0);
        }
        if vp8.keyframe {
            vp8.size = frame_size(payload.get(vp8.len..)?);
        }
        Some(vp8)
    }

    /// Writes new numbers into the payload from which this descriptor was read; fields that it lacks stay absent.
    pub fn patch(&self, payload: &mut [u8], patch: Vp8Patch) {
        if payload.len() < self.len {
            return;
        }
        let mut at = 2;
        if self.picture_id.is_some() {
            if self.wide {
                payload[2..4].copy_from_slice(&(patch.picture_id | 0x8000).to_be_bytes());
                at = 4;
            } else {
                payload[2] = (patch.picture_id & 0x7F) as u8;
                at = 3;
            }
        }
        if self.tl0.is_some() {
            payload[at] = patch.tl0;
        }
    }
}

/// Width and height of a keyframe (RFC 6386 9.1): after the 3-byte tag and the start code.
fn frame_size(frame: &[u8]) -> Option<(u16, u16)> {
    let head = frame.get(3..10)?;
    let size = |low: u8, high: u8| u16::from_le_bytes([low, high]) & 0x3FFF;
    (head[..3] == [0x9D, 0x01, 0x2A]).then(|| (size(head[3], head[4]), size(head[5], head[6])))
}
