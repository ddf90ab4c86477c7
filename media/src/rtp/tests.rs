//! RTP headers, extensions and descriptors against rtc-rtp and against noise.
use bytes::Bytes;
use proptest::prelude::*;
use rtc_rtp::{
    codec::vp8::Vp8Packet,
    header::{Extension, Header},
    packetizer::Depacketizer,
};
use rtc_shared::marshal::{Marshal, Unmarshal};

use super::*;

fn header(profile: u16, elements: &[(u8, &'static [u8])]) -> Header {
    Header {
        version: 2,
        padding: false,
        extension: !elements.is_empty(),
        marker: true,
        payload_type: 96,
        sequence_number: 0xFFFE,
        timestamp: 0x1234_5678,
        ssrc: 0x9ABC_DEF0,
        csrc: vec![1, 2],
        extension_profile: profile,
        extensions: elements.iter().map(|&(id, v)| Extension { id, payload: Bytes::from_static(v) }).collect(),
        extensions_padding: 0,
    }
}

/// A packet of rtc-rtp's making.
fn packet(profile: u16, elements: &[(u8, &'static [u8])], payload: &[u8]) -> Vec<u8> {
    let mut bytes = header(profile, elements).marshal().expect("fits").to_vec();
    bytes.extend(payload);
    bytes
}

#[test]
fn a_header_of_rtc_rtp_is_read() {
    let bytes = packet(ONE_BYTE, &[(3, b"ab"), (5, b"c")], b"payload");

    let head = Head::parse(&bytes).expect("well formed");

    assert_eq!((head.payload_type, head.marker, head.padding), (96, true, false));
    assert_eq!((head.sequence, head.timestamp, head.ssrc), (0xFFFE, 0x1234_5678, 0x9ABC_DEF0));
    assert_eq!(&bytes[head.len..], b"payload");
    assert_eq!(extensions(&bytes, &head).collect::<Vec<_>>(), [(3, &b"ab"[..]), (5, &b"c"[..])]);
    assert_eq!(extension(&bytes, &head, 5), Some(&b"c"[..]));
    assert_eq!(extension(&bytes, &head, 4), None);
}

#[test]
fn two_byte_elements_are_read_too() {
    let bytes = packet(TWO_BYTE_PROFILE, &[(16, b"a value longer than sixteen"), (255, b"")], b"payload");

    let head = Head::parse(&bytes).expect("well formed");

    let found: Vec<_> = extensions(&bytes, &head).collect();
    assert_eq!(found, [(16, &b"a value longer than sixteen"[..]), (255, &b""[..])]);
}

const TWO_BYTE_PROFILE: u16 = 0x1000;

#[test]
fn elements_end_where_the_form_says_so() {
    for end in [0x01, 0xF0] {
        let mut bytes = packet(ONE_BYTE, &[(3, b"a"), (5, b"bcd")], b"payload");
        let head = Head::parse(&bytes).expect("well formed");
        let second = head.elements().start + 2;
        bytes[second] = end;

        assert_eq!(extensions(&bytes, &head).collect::<Vec<_>>(), [(3, &b"a"[..])]);
    }
}

#[test]
fn an_element_is_renamed_and_given_another_value_where_it_stands() {
    let mut bytes = packet(ONE_BYTE, &[(3, b"ab"), (5, b"c")], b"payload");
    let head = Head::parse(&bytes).expect("well formed");

    assert!(replace_extension(&mut bytes, &head, 3, 9, Some(b"xy")));
    assert!(replace_extension(&mut bytes, &head, 5, 1, None));
    assert!(!replace_extension(&mut bytes, &head, 7, 1, None));

    assert_eq!(extensions(&bytes, &head).collect::<Vec<_>>(), [(9, &b"xy"[..]), (1, &b"c"[..])]);
    assert_eq!(&bytes[head.len..], b"payload");
}

#[test]
fn a_written_head_is_what_rtc_rtp_reads() {
    let new = NewHead { marker: true, payload_type: 111, sequence: 7, timestamp: 8, ssrc: 9 };
    let mut out = [0xAA; MAX_HEAD];

    let len = write_head(&mut out, &new, &[(4, b"0"), (1, b"abc"), (15, b"never"), (2, b"")]).expect("room");

    let parsed = Header::unmarshal(&mut &out[..len]).expect("well formed");
    assert_eq!((parsed.marker, parsed.payload_type, parsed.sequence_number), (true, 111, 7));
    assert_eq!((parsed.timestamp, parsed.ssrc), (8, 9));
    assert_eq!(parsed.get_extension(4).expect("mid"), Bytes::from_static(b"0"));
    assert_eq!(parsed.get_extension(1).expect("other"), Bytes::from_static(b"abc"));
    assert_eq!(parsed.get_extension_ids(), [4, 1]);
    assert_eq!(write_head(&mut out, &new, &[]), Ok(FIXED_HEADER));
    assert_eq!(write_head(&mut out[..FIXED_HEADER + 5], &new, &[(4, b"0")]), Err(RtpError::NoRoom));
}

#[test]
fn padding_is_stripped_and_its_bit_cleared() {
    let mut bytes = packet(0, &[], b"media\x00\x00\x03");
    bytes[0] |= 0x20;
    let head = Head::parse(&bytes).expect("well formed");
    let end = bytes.len();

    let payload = strip_padding(&mut bytes, &head, end).expect("right padding");

    assert_eq!(&bytes[payload.clone()], b"media");
    assert!(!Head::parse(&bytes[..payload.end]).expect("well formed").padding);
}

#[test]
fn padding_that_is_longer_than_the_payload_is_refused() {
    for last in [0, 9, 255] {
        let mut bytes = packet(0, &[], b"payload");
        bytes[0] |= 0x20;
        bytes.push(last);
        let (head, end) = (Head::parse(&bytes).expect("well formed"), bytes.len());

        assert_eq!(strip_padding(&mut bytes, &head, end), Err(RtpError::Padding));
    }
}

#[test]
fn a_padding_only_packet_has_an_empty_payload() {
    let mut bytes = packet(0, &[], b"\x00\x00\x03");
    bytes[0] |= 0x20;
    let (head, end) = (Head::parse(&bytes).expect("well formed"), bytes.len());

    assert!(strip_padding(&mut bytes, &head, end).expect("right padding").is_empty());
}

#[test]
fn sequence_numbers_are_extended_across_roll_overs_both_ways() {
    assert_eq!(extend_sequence(65_530, 5), 65_541);
    assert_eq!(extend_sequence(65_541, 65_530), 65_530);
    assert_eq!(extend_sequence(10, 65_530), 65_530, "there is nothing before the first cycle");
    assert_eq!(extend_sequence(7 << 16, 0x7FFF), (7 << 16) + 0x7FFF);
}

#[test]
fn a_vp8_descriptor_is_read_in_all_its_widths() {
    let wide = Vp8::parse(&[0x90, 0xF0, 0x81, 0x23, 0x45, 0x67, 0x00]).expect("whole");
    assert_eq!((wide.picture_id, wide.tl0, wide.temporal, wide.key_index), (Some(0x123), Some(0x45), 1, Some(7)));
    assert!(wide.keyframe && wide.starts_frame && wide.layer_sync && wide.wide);
    assert_eq!(wide.len, 6);

    let narrow = Vp8::parse(&[0xB0, 0x80, 0x42, 0x01]).expect("whole");
    assert_eq!((narrow.picture_id, narrow.tl0, narrow.len), (Some(0x42), None, 3));
    assert!(!narrow.keyframe && narrow.discardable);

    let bare = Vp8::parse(&[0x10, 0x00, 0, 0, 0x9D, 0x01, 0x2A, 0x80, 0x02, 0xE0, 0x01]).expect("whole");
    assert_eq!((bare.picture_id, bare.len, bare.size), (None, 1, Some((640, 480))));
    let middle = Vp8::parse(&[0x00, 0x00]).expect("whole");
    assert!(!middle.keyframe && !middle.starts_frame);
    assert!(!Vp8::parse(&[0x11, 0x00]).expect("whole").keyframe, "a later partition begins no frame");
}

#[test]
fn a_vp8_descriptor_that_leaves_the_payload_is_refused() {
    let whole = [0x90, 0xF0, 0x81, 0x23, 0x45, 0x67];
    for length in 0..whole.len() {
        assert_eq!(Vp8::parse(&whole[..length]), None, "{length} bytes");
    }
}

#[test]
fn patched_numbers_are_read_back_and_nothing_else_changes() {
    let mut payload = [0x90, 0xF0, 0x81, 0x23, 0x45, 0x67, 0x00, 0xEE];
    let vp8 = Vp8::parse(&payload).expect("whole");

    vp8.patch(&mut payload, Vp8Patch { picture_id: 0x7FFE, tl0: 9 });

    let new = Vp8::parse(&payload).expect("whole");
    assert_eq!(new, Vp8 { picture_id: Some(0x7FFE), tl0: Some(9), ..vp8 });
    assert_eq!(payload[5..], [0x67, 0x00, 0xEE]);
}

proptest! {
    #[test]
    fn no_bytes_make_the_readers_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..120), force in any::<bool>()) {
        if force && bytes.len() >= FIXED_HEADER {
            bytes[0] = 0x90 | (bytes[0] & 0x2F);
        }
        if let Ok(head) = Head::parse(&bytes) {
            let _ = extensions(&bytes, &head).count();
            let end = bytes.len();
            replace_extension(&mut bytes, &head, 3, 4, Some(&[1]));
            if let Ok(payload) = strip_padding(&mut bytes, &head, end) {
                prop_assert!(payload.start <= payload.end && payload.end <= end);
            }
        }
        if let Some(vp8) = Vp8::parse(&bytes) {
            prop_assert!(vp8.len <= bytes.len());
            vp8.patch(&mut bytes, Vp8Patch { picture_id: u16::MAX, tl0: 1 });
        }
    }

    #[test]
    fn heads_agree_with_rtc_rtp(bytes in prop::collection::vec(any::<u8>(), 12..80)) {
        let mut bytes = bytes;
        bytes[0] = 0x80 | (bytes[0] & 0x1F);
        let (Ok(ours), Ok(theirs)) = (Head::parse(&bytes), Header::unmarshal(&mut &bytes[..])) else { return Ok(()) };
        prop_assert_eq!(ours.sequence, theirs.sequence_number);
        prop_assert_eq!(ours.timestamp, theirs.timestamp);
        prop_assert_eq!(ours.ssrc, theirs.ssrc);
        prop_assert_eq!(ours.payload_type, theirs.payload_type);
    }

    #[test]
    fn descriptors_agree_with_rtc_rtp(bytes in prop::collection::vec(any::<u8>(), 8..20)) {
        let mut theirs = Vp8Packet::default();
        let Ok(_) = theirs.depacketize(&Bytes::copy_from_slice(&bytes)) else { return Ok(()) };
        let ours = Vp8::parse(&bytes).expect("rtc-rtp could read it");
        prop_assert_eq!(ours.picture_id.unwrap_or(0), theirs.picture_id);
        prop_assert_eq!(ours.tl0.unwrap_or(0), theirs.tl0_pic_idx);
        prop_assert_eq!(ours.temporal, theirs.tid);
    }

    #[test]
    fn a_written_head_is_read_back(pt in 0_u8..128, marker: bool, sequence: u16, timestamp: u32, ssrc: u32,
                                   id in 1_u8..15, value in prop::collection::vec(any::<u8>(), 1..17)) {
        let new = NewHead { marker, payload_type: pt, sequence, timestamp, ssrc };
        let mut out = [0; MAX_HEAD];

        let len = write_head(&mut out, &new, &[(id, &value)]).expect("room");

        let head = Head::parse(&out[..len]).expect("well formed");
        prop_assert_eq!(head.len, len);
        prop_assert_eq!((head.payload_type, head.marker, head.sequence), (pt, marker, sequence));
        prop_assert_eq!((head.timestamp, head.ssrc), (timestamp, ssrc));
        prop_assert_eq!(extension(&out, &head, id), Some(&value[..]));
    }
}

/// SPS, PPS, first and second slice of an IDR picture, a slice of another picture, supplemental information.
const UNITS: [(&[u8], bool); 6] = [
    (&[0x67, 0x42, 0xE0, 0x1F], true),
    (&[0x68, 0xCE, 0x3C, 0x80], false),
    (&[0x65, 0x88, 0x84], true),
    (&[0x65, 0x04, 0x21], false),
    (&[0x41, 0x9A, 0x21], false),
    (&[0x06, 0x05, 0x10], false),
];

#[test]
fn a_keyframe_of_h264_begins_with_its_parameters_or_the_first_slice_of_an_idr_picture() {
    for (unit, begins) in UNITS {
        assert_eq!(begins_h264_keyframe(unit), begins, "{unit:x?} alone");
        let cut = |part: u8| [&[unit[0] & 0xE0 | 28, part | unit[0] & 0x1F], &unit[1..]].concat();
        assert_eq!(begins_h264_keyframe(&cut(0x80)), begins, "{unit:x?} cut");
        assert!(!begins_h264_keyframe(&cut(0)), "a middle part of {unit:x?}");
        assert!(!begins_h264_keyframe(&cut(0x40)), "the last part of {unit:x?}");
        let together = [&[24, 0, 2, 0x09, 0x10, 0, unit.len() as u8], unit].concat();
        assert_eq!(begins_h264_keyframe(&together), begins, "{unit:x?} behind another");
        assert!(!begins_h264_keyframe(&together[..together.len() - 1]), "{unit:x?} cut off");
    }
}

#[test]
fn broken_h264_begins_nothing() {
    for payload in
        [&[][..], &[28], &[28, 0x85], &[24], &[24, 0], &[24, 0, 0], &[24, 0, 9, 0x67], &[0x65], &[25, 0x67], &[0]]
    {
        assert!(!begins_h264_keyframe(payload), "{payload:x?}");
    }
}
