//! H.264 payloads (RFC 6184 5): where a picture begins that can be decoded alone.

/// Types of NAL units (ITU-T H.264 table 7-1), and of the two payloads that hold or cut them (RFC 6184 5.2).
const IDR: u8 = 5;
const SPS: u8 = 7;
const STAP_A: u8 = 24;
const FU_A: u8 = 28;

/// Whether this payload of packetization mode 1 begins a picture that can be decoded alone: by its parameters, or by the
/// first slice of an IDR picture, as a unit of its own, among others in a STAP-A, or cut as the first FU-A.
#[must_use]
pub fn begins_h264_keyframe(payload: &[u8]) -> bool {
    match payload {
        [header, units @ ..] if header & 0x1F == STAP_A => {
            let mut rest = units;
            std::iter::from_fn(|| {
                let (size, after) = rest.split_first_chunk()?;
                let (unit, after) = after.split_at_checked(usize::from(u16::from_be_bytes(*size)))?;
                rest = after;
                Some(unit)
            })
            .any(|unit| matches!(unit, [header, content @ ..] if begins(*header, content)))
        }
        // The S bit is set in the first part only.
        [header, part, content @ ..] if header & 0x1F == FU_A => part & 0x80 != 0 && begins(*part, content),
        [header, content @ ..] => begins(*header, content),
        [] => false,
    }
}

/// Whether a keyframe begins with the unit of this type. A slice header begins with its first macroblock's number, of
/// which 0 is a single one bit: the other slices of a picture begin nothing.
fn begins(header: u8, content: &[u8]) -> bool {
    match header & 0x1F {
        SPS => true,
        IDR => content.first().is_some_and(|first| first & 0x80 != 0),
        _ => false,
    }
}
