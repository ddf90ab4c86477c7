//! What a datagram claims to be, by its first bytes (RFC 7983, RFC 5761). The claim is checked by whoever takes it.
use crate::config::MAX_DATAGRAM;

/// Kinds of datagrams that are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Claim {
    /// STUN: the only kind that is looked at from an unknown address.
    Stun,
    /// A DTLS record.
    Dtls,
    /// SRTP.
    Rtp,
    /// SRTCP.
    Rtcp,
}

/// Sorts a datagram; `None` is dropped without a look further.
pub(crate) fn claim(datagram: &[u8]) -> Option<Claim> {
    if datagram.len() > MAX_DATAGRAM {
        return None;
    }
    match *datagram {
        [0..=3, ..] => Some(Claim::Stun),
        [20..=63, ..] => Some(Claim::Dtls),
        // RTCP packet types 192 to 223 stand where RTP has its marker and payload type (RFC 5761 4).
        [128..=191, 192..=223, ..] => Some(Claim::Rtcp),
        [128..=191, ..] => Some(Claim::Rtp),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn datagrams_are_sorted_by_their_first_bytes_and_the_rest_is_dropped() {
        assert_eq!(claim(&[0, 1]), Some(Claim::Stun));
        assert_eq!(claim(&[22, 254]), Some(Claim::Dtls));
        assert_eq!(claim(&[0x80, 96]), Some(Claim::Rtp));
        assert_eq!(claim(&[0x90, 0x80 | 111]), Some(Claim::Rtp));
        assert_eq!(claim(&[0x81, 201]), Some(Claim::Rtcp));
        assert_eq!(claim(&[]), None);
        assert_eq!(claim(&[64, 0]), None);
        assert_eq!(claim(&[0x80; MAX_DATAGRAM + 1]), None);
    }
}
