//! Where each corpus begins: what real clients send, so that the fuzzers do not have to guess formats.
use yunfa_media::{
    rtcp::{self, Block},
    rtp::{MAX_HEAD, NewHead, write_head},
};

use crate::raw::{self, Kit};

/// An input: target, file name, bytes.
pub type Seed = (&'static str, String, Vec<u8>);

/// Offers as their clients made them.
const OFFERS: [(&str, &str); 5] = [
    ("aiortc", include_str!("../../src/peer/negotiation/aiortc.sdp")),
    ("chromium", include_str!("../../src/peer/negotiation/chromium.sdp")),
    ("firefox", include_str!("../../src/peer/negotiation/firefox.sdp")),
    ("gstreamer", include_str!("../../src/peer/negotiation/gstreamer.sdp")),
    ("pion", include_str!("../../src/peer/negotiation/pion.sdp")),
];

/// Parameters, an IDR slice and another one alone; parameters together; the first and a later part of an IDR slice.
const H264_PAYLOADS: [&[u8]; 6] = [
    &[0x67, 0x42, 0xE0, 0x1F],
    &[0x65, 0x88, 0x84, 0x21],
    &[0x41, 0x9A, 0x21, 0x4C],
    &[0x78, 0, 4, 0x67, 0x42, 0xE0, 0x1F, 0, 4, 0x68, 0xCE, 0x3C, 0x80],
    &[0x7C, 0x85, 0x88, 0x84],
    &[0x7C, 0x05, 0x21, 0xA0],
];

/// The inputs with which every corpus begins.
pub fn all() -> Vec<Seed> {
    let mut kit = Kit::new();
    kit.video.insert(2, &[raw::VP8, raw::H264]);
    let mut seeds: Vec<Seed> = OFFERS.iter().map(|(name, sdp)| ("offer", (*name).to_owned(), sdp.as_bytes().to_vec())).collect();
    seeds.push(("offer", "raw".to_owned(), kit.offer(1, true, (2, 2)).into_bytes()));
    seeds.push(("offer", "raw-h264".to_owned(), kit.offer(2, true, (2, 2)).into_bytes()));
    for (number, payload) in H264_PAYLOADS.iter().enumerate() {
        seeds.push(("h264", format!("payload{number}"), payload.to_vec()));
    }

    let checks = [kit.check(1, "server", "password", 1, true), kit.check(2, "server", "password", 2, false)];
    for (number, check) in checks.iter().enumerate() {
        seeds.push(("stun", format!("check{number}"), check.clone()));
    }
    for (number, (elements, payload)) in packets().into_iter().enumerate() {
        let elements: Vec<(u8, &[u8])> = elements.iter().map(|(id, value)| (*id, &value[..])).collect();
        let head = NewHead { marker: number % 2 == 0, payload_type: raw::VP8, sequence: 9, timestamp: 3_000, ssrc: 7 };
        let mut packet = vec![0; MAX_HEAD + payload.len()];
        let start = write_head(&mut packet, &head, &elements).expect("room");
        packet.truncate(start);
        packet.extend(&payload);
        seeds.push(("rtp", format!("packet{number}"), packet));
        seeds.push(("vp8", format!("payload{number}"), payload));
    }
    let compounds = compounds();
    for (number, compound) in compounds.iter().enumerate() {
        seeds.push(("rtcp", format!("compound{number}"), compound.clone()));
    }
    let flight = kit.hello("10.1.0.1:5000".parse().expect("an address"), raw::start());
    let mut strange = step(0, &checks[0]);
    strange.extend(flight.iter().flat_map(|datagram| step(0, datagram)));
    strange.extend(compounds.iter().flat_map(|compound| step(0, compound)));
    seeds.push(("stranger", "everything".to_owned(), strange));
    let hello: Vec<u8> = flight.iter().flat_map(|datagram| step(1, datagram)).collect();
    // The same flight again, and then a second and a half of silence.
    let again = [hello.clone(), hello.clone(), step(0, &[0; 30])].concat();
    seeds.push(("handshake", "hello".to_owned(), hello));
    seeds.push(("handshake", "hello-again".to_owned(), again));
    let payloads = packets().into_iter().flat_map(|(_, payload)| [step(1, &payload), step(3, &[0; 33])].concat());
    seeds.push(("participant", "camera".to_owned(), payloads.collect()));
    seeds.push(("participant", "reports".to_owned(), compounds.iter().flat_map(|compound| step(2, compound)).collect()));
    seeds
}

/// One step as `targets::steps` reads it.
fn step(kind: u8, bytes: &[u8]) -> Vec<u8> {
    let size = u16::try_from(bytes.len()).expect("a datagram");
    [&[kind][..], &size.to_be_bytes(), bytes].concat()
}

/// Header extension elements and payload of some packets.
fn packets() -> Vec<(Vec<(u8, Vec<u8>)>, Vec<u8>)> {
    vec![
        (vec![], raw::vp8(true, true, 5, 40)),
        (vec![(3, vec![0, 1]), (4, b"0".to_vec())], raw::vp8(false, false, 6, 30)),
        (vec![(1, vec![0x85]), (20, vec![1; 17])], vec![0xB0, 0xE0, 0x85, 0x11, 0x42, 0x20, 1, 2, 3]),
        (vec![], vec![0x10, 0, 0, 0]),
    ]
}

/// Compounds of reports and feedback.
fn compounds() -> Vec<Vec<u8>> {
    let write = |write: &dyn Fn(&mut Vec<u8>)| {
        let mut out = vec![];
        write(&mut out);
        out
    };
    vec![
        write(&|out| {
            rtcp::sender_report(out, raw::video_ssrc(1), 0x0123_4567_89AB_CDEF, 3_000, 10, 1_000, &[Block::default()]);
            rtcp::sdes_cname(out, raw::video_ssrc(1), "raw");
        }),
        write(&|out| {
            rtcp::receiver_report(out, 1, &[Block::default(), Block::default()]);
            rtcp::pli(out, 1, raw::video_ssrc(1));
            rtcp::fir(out, 1, raw::video_ssrc(1), 3);
        }),
        write(&|out| rtcp::nack(out, 1, raw::video_ssrc(1), &[1, 2, 3, 40])),
        write(&|out| rtcp::bye(out, &[1, 2])),
    ]
}
