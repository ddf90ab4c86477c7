//! Our SRTP against rtc-srtp byte for byte, against replays, and against noise.
use std::sync::Arc;

use proptest::prelude::*;
use rtc_crypto::RTCCryptoProvider;
use rtc_srtp::{context::Context, protection_profile::ProtectionProfile};

use super::*;
use crate::rtp::{NewHead, write_head};

const PROFILES: [Profile; 2] = [Profile::AeadAes128Gcm, Profile::Aes128CmSha1_80];

fn material(profile: Profile) -> Vec<u8> {
    (0..profile.keying_len() as u8).map(|b| b.wrapping_mul(37) ^ 0x5A).collect()
}

fn provider() -> Arc<dyn RTCCryptoProvider> {
    rtc_crypto::default_provider().expect("a provider is compiled in")
}

/// rtc-srtp with the server's half: what our client opens and our server must equal.
fn oracle(profile: Profile) -> Context {
    let material = material(profile);
    let salt = 32 + profile.salt_len();
    let theirs = match profile {
        Profile::AeadAes128Gcm => ProtectionProfile::AeadAes128Gcm,
        Profile::Aes128CmSha1_80 => ProtectionProfile::Aes128CmHmacSha1_80,
    };
    Context::new(&material[16..32], &material[salt..], theirs, None, None, provider().crypto()).expect("right lengths")
}

fn server(profile: Profile) -> (Open, Seal) {
    pair(profile, &material(profile), Side::Server).expect("right length")
}

fn client(profile: Profile) -> (Open, Seal) {
    pair(profile, &material(profile), Side::Client).expect("right length")
}

/// A plain packet with a one-byte extension; returns it and the length of its header.
fn plain(ssrc: u32, index: u64, payload: &[u8]) -> (Vec<u8>, usize) {
    let head = NewHead { marker: false, payload_type: 96, sequence: index as u16, timestamp: index as u32, ssrc };
    let mut bytes = vec![0; 100 + payload.len()];
    let len = write_head(&mut bytes, &head, &[(1, b"0"), (3, &[9; 3])]).expect("room");
    bytes[len..len + payload.len()].copy_from_slice(payload);
    bytes.truncate(len + payload.len());
    (bytes, len)
}

fn seal(seal: &Seal, ssrc: u32, index: u64, payload: &[u8]) -> Vec<u8> {
    let (mut bytes, head) = plain(ssrc, index, payload);
    bytes.resize(bytes.len() + RTP_OVERHEAD, 0);
    let len = seal.rtp(index, &mut bytes, head, payload.len()).expect("room");
    bytes.truncate(len);
    bytes
}

fn open(open: &mut Open, sealed: &[u8]) -> Result<(u64, Vec<u8>), SrtpError> {
    let mut bytes = sealed.to_vec();
    let head = Head::parse(&bytes).map_err(|_| SrtpError::TooShort)?;
    open.rtp(&mut bytes, &head).map(|opened| (opened.index, bytes[..opened.end].to_vec()))
}

#[test]
fn sealed_packets_equal_those_of_rtc_srtp_across_roll_overs() {
    for profile in PROFILES {
        let (mut theirs, (_, ours)) = (oracle(profile), server(profile));
        // Near the beginning, then steps that stay below half a cycle, through three roll-overs.
        let mut index = 100_u64;
        for step in 0..20_000_u64 {
            let payload = vec![step as u8; (step % 97) as usize];
            let (bytes, head_len) = plain(0xDEAD_BEEF, index, &payload);

            let expected = theirs.encrypt_rtp(&bytes).expect("in range");

            assert_eq!(seal(&ours, 0xDEAD_BEEF, index, &payload), expected, "{profile:?} {index}");
            let mut scattered = bytes[..head_len].to_vec();
            scattered.resize(bytes.len() + RTP_OVERHEAD, 0);
            let len = ours.rtp_from(index, &mut scattered, head_len, &payload).expect("room");
            assert_eq!(scattered[..len], expected, "{profile:?} {index}");
            index += 1 + step % 21;
        }
        assert!(index > 3 << 16);
    }
}

#[test]
fn packets_of_rtc_srtp_are_opened_with_the_right_index_in_any_order() {
    for profile in PROFILES {
        let (mut theirs, (mut ours, _)) = (oracle(profile), client(profile));
        let mut held = None;
        for index in (30_000_u64..200_000).step_by(7) {
            let (bytes, _) = plain(1, index, b"some payload");
            let sealed = theirs.encrypt_rtp(&bytes).expect("in range").to_vec();
            // Every fifth packet comes after its successor.
            if index % 5 == 0 && held.is_none() {
                held = Some((index, bytes, sealed));
                continue;
            }
            assert_eq!(open(&mut ours, &sealed), Ok((index, bytes)), "{profile:?}");
            if let Some((index, bytes, sealed)) = held.take() {
                assert_eq!(open(&mut ours, &sealed), Ok((index, bytes)), "{profile:?}");
            }
        }
    }
}

#[test]
fn reports_equal_those_of_rtc_srtp_and_are_opened() {
    for profile in PROFILES {
        let (mut theirs, (_, mut ours), (mut opener, _)) = (oracle(profile), server(profile), client(profile));
        for round in 0..500_u32 {
            let mut plain = vec![0x80, 200, 0, 0, 0, 0, 0, 7];
            plain.extend((0..round % 60).map(|b| b as u8));
            let words = (plain.len() / 4 - 1) as u16;
            plain[2..4].copy_from_slice(&words.to_be_bytes());
            let expected = theirs.encrypt_rtcp(&plain).expect("in range");

            let mut sealed = plain.clone();
            sealed.resize(plain.len() + RTCP_OVERHEAD, 0);
            let len = ours.rtcp(&mut sealed, plain.len()).expect("room");
            sealed.truncate(len);

            assert_eq!(sealed, expected, "{profile:?} {round}");
            let mut opened = sealed.clone();
            let len = opener.rtcp(&mut opened).expect("authentic");
            assert_eq!(opened[..len], plain);
            assert_eq!(opener.rtcp(&mut sealed), Err(SrtpError::Replayed));
        }
    }
}

#[test]
fn every_packet_is_opened_once_and_old_ones_never() {
    for profile in PROFILES {
        let ((_, sealer), (mut opener, _)) = (server(profile), client(profile));
        let packets: Vec<_> = (0..600).map(|index| seal(&sealer, 5, 65_000 + index, b"once")).collect();
        for packet in &packets[100..] {
            assert!(open(&mut opener, packet).is_ok());
        }

        for (at, packet) in packets.iter().enumerate() {
            assert_eq!(open(&mut opener, packet), Err(SrtpError::Replayed), "{at}");
        }
    }
}

#[test]
fn forged_sources_leave_no_state() {
    for profile in PROFILES {
        let ((_, sealer), (mut opener, _)) = (server(profile), client(profile));
        for ssrc in 0..10_000 {
            let mut forged = seal(&sealer, ssrc, 5, b"forged");
            forged[20] ^= 1;
            assert_eq!(open(&mut opener, &forged), Err(SrtpError::NotAuthentic));
        }

        assert!(opener.rtp_sources.is_empty() && opener.rtcp_sources.is_empty());
    }
}

#[test]
fn a_forged_packet_of_a_known_source_does_not_move_its_window() {
    for profile in PROFILES {
        let ((_, sealer), (mut opener, _)) = (server(profile), client(profile));
        open(&mut opener, &seal(&sealer, 5, 100, b"first")).expect("authentic");
        let mut forged = seal(&sealer, 5, 30_000, b"forged");
        *forged.last_mut().expect("bytes") ^= 1;

        assert_eq!(open(&mut opener, &forged), Err(SrtpError::NotAuthentic));

        assert!(open(&mut opener, &seal(&sealer, 5, 101, b"second")).is_ok());
    }
}

#[test]
fn a_peer_has_sixteen_sources_at_most() {
    for profile in PROFILES {
        let ((_, sealer), (mut opener, _)) = (server(profile), client(profile));
        for ssrc in 0..16 {
            assert!(open(&mut opener, &seal(&sealer, ssrc, 5, b"fine")).is_ok());
        }

        assert_eq!(open(&mut opener, &seal(&sealer, 16, 5, b"one more")), Err(SrtpError::TooManySources));
        assert!(open(&mut opener, &seal(&sealer, 3, 6, b"known")).is_ok());
    }
}

#[test]
fn a_report_that_is_not_encrypted_is_refused() {
    for profile in PROFILES {
        let ((_, mut sealer), (mut opener, _)) = (server(profile), client(profile));
        let mut packet = vec![0x80, 200, 0, 1, 0, 0, 0, 7];
        packet.resize(8 + RTCP_OVERHEAD, 0);
        let len = sealer.rtcp(&mut packet, 8).expect("room");
        packet.truncate(len);
        let word = if profile == Profile::AeadAes128Gcm { len - 4 } else { len - CM_TAG - 4 };
        packet[word] &= 0x7F;

        assert_eq!(opener.rtcp(&mut packet), Err(SrtpError::NotAuthentic));
    }
}

const CM_TAG: usize = 10;

#[test]
fn material_of_another_length_and_an_index_of_another_packet_are_refused() {
    for profile in PROFILES {
        let (_, sealer) = server(profile);
        let (mut bytes, head) = plain(1, 7, b"payload");
        let len = bytes.len();

        assert_eq!(sealer.rtp(7, &mut bytes, head, 7), Err(SrtpError::NoRoom));
        bytes.resize(len + RTP_OVERHEAD, 0);
        assert_eq!(sealer.rtp(8, &mut bytes, head, 7), Err(SrtpError::Index));
        assert_eq!(sealer.rtp((1 << 48) + 7, &mut bytes, head, 7), Err(SrtpError::Index));
        let wrong = pair(profile, &material(profile)[1..], Side::Server);
        assert!(matches!(wrong, Err(SrtpError::KeyingMaterial)));
    }
}

proptest! {
    #[test]
    fn no_bytes_make_the_openers_panic(bytes in prop::collection::vec(any::<u8>(), 0..120), cm: bool) {
        let profile = PROFILES[usize::from(cm)];
        let (mut opener, _) = client(profile);
        let mut packet = bytes.clone();
        if let Ok(head) = Head::parse(&packet) {
            prop_assert!(opener.rtp(&mut packet, &head).is_err());
        }
        let mut packet = bytes;
        prop_assert!(opener.rtcp(&mut packet).is_err());
    }

    #[test]
    fn a_changed_bit_is_noticed(at in 0_usize..60, bit in 0_u8..8, cm: bool) {
        let profile = PROFILES[usize::from(cm)];
        let ((_, sealer), (mut opener, _)) = (server(profile), client(profile));
        let mut packet = seal(&sealer, 7, 9, b"twenty bytes payload");
        prop_assume!(at < packet.len());
        packet[at] ^= 1 << bit;

        prop_assert!(open(&mut opener, &packet).is_err());
    }

    #[test]
    fn the_window_knows_what_a_set_would_know(steps in prop::collection::vec(-300_i64..300, 1..400)) {
        let mut window = Window::starting_at(1_000);
        let mut seen = std::collections::BTreeSet::from([1_000_u64]);
        for step in steps {
            let index = window.highest().saturating_add_signed(step);
            let old = window.highest().saturating_sub(index) >= 256;
            prop_assert_eq!(window.has_seen(index), old || seen.contains(&index));
            if !window.has_seen(index) {
                window.accept(index);
                seen.insert(index);
            }
        }
    }
}
