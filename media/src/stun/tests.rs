//! Our STUN against rtc-stun, both ways, and against noise.
use std::net::SocketAddr;

use proptest::prelude::*;
use rtc_stun::{
    attributes::{ATTR_PRIORITY, ATTR_USE_CANDIDATE, ATTR_USERNAME, AttrType, RawAttribute},
    fingerprint,
    integrity::MessageIntegrity,
    message::{BINDING_REQUEST, BINDING_SUCCESS, Getter, Message, Setter, TransactionId},
    textattrs::TextAttribute,
    xoraddr::XorMappedAddress,
};

use super::*;

const PASSWORD: &str = "a password of 24 letters";

/// A connectivity check as a client would write it.
struct Check {
    username: &'static str,
    password: &'static str,
    use_candidate: bool,
    fingerprint: bool,
}

impl Default for Check {
    fn default() -> Self {
        Self { username: "server:client", password: PASSWORD, use_candidate: true, fingerprint: true }
    }
}

impl Check {
    fn message(&self) -> Message {
        let provider = rtc_crypto::default_provider().expect("a provider is compiled in");
        let mut message = Message::new();
        message.set_type(BINDING_REQUEST);
        message.transaction_id = TransactionId([7; 12]);
        message.write_header();
        TextAttribute::new(ATTR_USERNAME, self.username.into()).add_to(&mut message).expect("fits");
        message.add(ATTR_PRIORITY, &0x6E7F_1EFF_u32.to_be_bytes());
        message.add(AttrType(ICE_CONTROLLING), &0x0102_0304_0506_0708_u64.to_be_bytes());
        if self.use_candidate {
            message.add(ATTR_USE_CANDIDATE, &[]);
        }
        MessageIntegrity::new_raw_integrity_with_provider(self.password, provider.crypto())
            .add_to(&mut message)
            .expect("no fingerprint yet");
        if self.fingerprint {
            fingerprint::FINGERPRINT.add_to(&mut message).expect("fits");
        }
        message
    }

    fn bytes(&self) -> Vec<u8> {
        self.message().raw.to_vec()
    }
}

#[test]
fn a_check_written_by_rtc_stun_is_read_and_verified() {
    let bytes = Check::default().bytes();

    let request = Request::parse(&bytes).expect("well formed");

    assert!(is_stun(&bytes));
    assert_eq!(request.local_ufrag(), b"server");
    assert_eq!(request.remote_ufrag(), b"client");
    assert_eq!(request.transaction, [7; 12]);
    assert_eq!(request.priority, Some(0x6E7F_1EFF));
    assert_eq!(request.controlling, Some(0x0102_0304_0506_0708));
    assert!(request.use_candidate && !request.controlled);
    assert!(request.verify(&Key::new(PASSWORD)));
    assert!(!request.verify(&Key::new("another password")));
}

#[test]
fn a_check_without_fingerprint_or_nomination_is_read_too() {
    let bytes = Check { use_candidate: false, fingerprint: false, ..Check::default() }.bytes();

    let request = Request::parse(&bytes).expect("well formed");

    assert!(!request.use_candidate);
    assert!(request.verify(&Key::new(PASSWORD)));
}

#[test]
fn a_nomination_appended_after_the_integrity_is_ignored() {
    let mut message = Check { use_candidate: false, fingerprint: false, ..Check::default() }.message();
    message.add(ATTR_USE_CANDIDATE, &[]);
    let bytes = message.raw.to_vec();

    let request = Request::parse(&bytes).expect("well formed");

    assert!(request.verify(&Key::new(PASSWORD)), "the integrity covers only what stands before it");
    assert!(!request.use_candidate);
}

#[test]
fn the_success_response_is_what_rtc_stun_expects_for_both_families() {
    let provider = rtc_crypto::default_provider().expect("a provider is compiled in");
    for address in ["192.0.2.33:4711", "[2001:db8::7]:65535", "[::ffff:198.51.100.4]:9"] {
        let mapped: SocketAddr = address.parse().expect("an address");
        let mut out = [0xAA; MAX_SUCCESS];

        let length = write_success(&mut out, &[9; 12], mapped, &Key::new(PASSWORD)).expect("room");

        let mut message = Message::new();
        message.unmarshal_binary(&out[..length]).expect("well formed");
        assert_eq!(message.typ, BINDING_SUCCESS);
        assert_eq!(message.transaction_id, TransactionId([9; 12]));
        let mut seen = XorMappedAddress::default();
        seen.get_from(&message).expect("an address");
        assert_eq!((seen.ip, seen.port), (mapped.ip().to_canonical(), mapped.port()));
        MessageIntegrity::check(&mut message, PASSWORD.as_bytes(), provider.crypto()).expect("authentic");
        fingerprint::FINGERPRINT.check(&message).expect("right crc");
        assert!(length <= Check::default().bytes().len() + 4, "an answer must not amplify");
    }
}

#[test]
fn an_answer_that_does_not_fit_is_not_written() {
    let mapped = "192.0.2.33:4711".parse().expect("an address");

    let result = write_success(&mut [0; MAX_SUCCESS - 1], &[9; 12], mapped, &Key::new(PASSWORD));

    assert_eq!(result, Err(StunError::NoRoom));
}

#[test]
fn a_role_flip_without_credentials_is_refused() {
    // Reliability hole H6: 32 bytes, ICE-CONTROLLED, neither USERNAME nor MESSAGE-INTEGRITY.
    let mut message = Message::new();
    message.set_type(BINDING_REQUEST);
    message.write_header();
    message.add(AttrType(ICE_CONTROLLED), &[0xFF; 8]);

    assert_eq!(Request::parse(&message.raw).map(|_| ()), Err(StunError::Unauthenticated));
}

#[test]
fn requests_that_nobody_we_know_could_send_are_named() {
    let mut response = Check::default().bytes();
    response[0] = 1;
    let mut wrong_crc = Check::default().bytes();
    *wrong_crc.last_mut().expect("bytes") ^= 1;
    let mut trailing = Check::default().bytes();
    trailing.extend([0; 4]);
    let mut strange = Message::new();
    strange.set_type(BINDING_REQUEST);
    strange.write_header();
    strange.attributes.0.push(RawAttribute::default());
    strange.add(AttrType(0x0019), &[0; 4]);

    assert_eq!(Request::parse(&response).map(|_| ()), Err(StunError::NotARequest));
    assert_eq!(Request::parse(&wrong_crc).map(|_| ()), Err(StunError::Fingerprint));
    assert_eq!(Request::parse(&trailing).map(|_| ()), Err(StunError::Malformed));
    assert_eq!(Request::parse(&strange.raw).map(|_| ()), Err(StunError::UnknownAttribute));
    assert_eq!(Request::parse(&[]).map(|_| ()), Err(StunError::Malformed));
}

proptest! {
    #[test]
    fn no_bytes_make_the_parser_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Request::parse(&bytes).map(|r| r.verify(&Key::new(PASSWORD)));
    }

    #[test]
    fn a_changed_bit_is_never_verified(at in 0_usize..72, bit in 0_u8..8) {
        let mut bytes = Check { fingerprint: false, ..Check::default() }.bytes();
        prop_assume!(at < bytes.len());
        bytes[at] ^= 1 << bit;

        let verified = Request::parse(&bytes).is_ok_and(|r| r.verify(&Key::new(PASSWORD)));

        prop_assert!(!verified);
    }

    #[test]
    fn a_cut_request_is_never_verified(length in 0_usize..100) {
        let bytes = Check::default().bytes();
        prop_assume!(length < bytes.len());

        let verified = Request::parse(&bytes[..length]).is_ok_and(|r| r.verify(&Key::new(PASSWORD)));

        prop_assert!(!verified);
    }
}
