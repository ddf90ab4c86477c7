//! What is unwrapped is the packet that was lost.
use proptest::prelude::*;

use super::*;
use crate::rtp::{MAX_HEAD, write_head};

fn stream(sequence: u16, ssrc: u32, payload_type: u8) -> NewHead {
    NewHead { marker: true, payload_type, sequence, timestamp: 77, ssrc }
}

fn packet(head: &NewHead, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0; MAX_HEAD];
    let len = write_head(&mut bytes, head, &[(4, b"1"), (10, b"rid")]).expect("room");
    bytes.truncate(len);
    bytes.extend(payload);
    bytes
}

#[test]
fn a_retransmission_becomes_the_original() {
    let original = packet(&stream(0xABCD, 1, 96), b"the picture");
    let mut again = packet(&stream(5, 2, 97), b"\xAB\xCDthe picture");
    let (head, end) = (Head::parse(&again).expect("well formed"), again.len());

    let unwrapped = unwrap(&mut again, &head, head.len..end, 1, 96);

    assert_eq!(unwrapped.as_deref(), Some(&original[..]));
}

#[test]
fn a_probe_without_payload_is_no_original() {
    for payload in [&b""[..], b"x"] {
        let mut probe = packet(&stream(5, 2, 97), payload);
        let (head, end) = (Head::parse(&probe).expect("well formed"), probe.len());

        assert!(unwrap(&mut probe, &head, head.len..end, 1, 96).is_none());
    }
}

proptest! {
    #[test]
    fn no_bytes_make_the_unwrapping_panic(mut bytes in prop::collection::vec(any::<u8>(), 12..80), end in 0_usize..100) {
        bytes[0] = 0x80 | (bytes[0] & 0x3F);
        if let Ok(head) = Head::parse(&bytes) {
            let _ = unwrap(&mut bytes, &head, head.len..end.max(head.len), 1, 96);
        }
    }
}
