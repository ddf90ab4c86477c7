//! Real offers, cut-down offers and offers that nobody honest makes.
use rtc_sdp::SessionDescription;

use super::*;
use crate::error::MediaError;

/// The page's offer as Chromium 156 makes it: microphone, camera, three audio and four video slots.
const CHROMIUM: &str = include_str!("chromium.sdp");

/// A publisher's offer as Firefox ESR 153 makes it: fingerprint and direction at the session, odd payload types.
const FIREFOX: &str = include_str!("firefox.sdp");

/// Publishers' offers as other stacks make them, cut to what they have of their own: names of m-lines, a second m-line
/// with port 0 in the bundle, transports at the m-lines only, payload types, candidates in the offer.
const AIORTC: &str = include_str!("aiortc.sdp");
const GSTREAMER: &str = include_str!("gstreamer.sdp");
const PION: &str = include_str!("pion.sdp");

const SESSION: &str = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1 2 3\r\na=ice-ufrag:abcd\r\n\
    a=ice-pwd:0123456789012345678901\r\na=fingerprint:sha-256 00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:\
    22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF\r\na=setup:actpass\r\n";

fn audio(mid: u8, direction: &str) -> String {
    format!(
        "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\na=mid:{mid}\r\na={direction}\r\na=rtcp-mux\r\n\
         a=rtpmap:111 opus/48000/2\r\na=fmtp:111 stereo=1;usedtx=1\r\n"
    )
}

fn video(mid: u8, direction: &str, codec: &str) -> String {
    format!(
        "m=video 9 UDP/TLS/RTP/SAVPF 120 124\r\nc=IN IP4 0.0.0.0\r\na=mid:{mid}\r\na={direction}\r\na=rtcp-mux\r\n\
         a=rtpmap:120 {codec}/90000\r\na=rtcp-fb:* nack\r\na=rtcp-fb:120 nack pli\r\na=rtpmap:124 rtx/90000\r\n\
         a=fmtp:124 apt=120;rtx-time=3000\r\n"
    )
}

fn plan(sdp: &str) -> (Offer, Plan, String) {
    let offer = Offer::parse(sdp).expect("an offer that can be answered");
    let plan = Plan::of(&offer, &mut Dice::new(&[7; 32]));
    let candidates = ["192.0.2.9:7790".parse().unwrap(), "[2001:db8::9]:7790".parse().unwrap()];
    let ours = Ours { session: 7, ufrag: "ufrag", password: "password", fingerprint: "00", candidates: &candidates };
    let answer = plan.answer(&offer, &ours);
    SessionDescription::unmarshal(&mut std::io::Cursor::new(answer.as_bytes())).expect("an answer that can be read");
    (offer, plan, answer)
}

/// The m-line of this name in an answer.
fn section<'a>(answer: &'a str, mid: &str) -> &'a str {
    let section = answer.split("m=").find(|section| section.contains(&format!("a=mid:{mid}\r\n")));
    section.expect("every m-line of the offer is in the answer")
}

#[test]
fn the_pages_offer_becomes_a_microphone_a_camera_and_seven_slots() {
    let (_, plan, answer) = plan(CHROMIUM);

    let roles: Vec<_> = plan.sources.iter().map(|source| (source.mid.as_str(), source.role)).collect();
    assert_eq!(roles, [("0", SlotKind::Audio), ("1", SlotKind::Video)]);
    assert_eq!((plan.sources[1].ssrc, plan.sources[1].rtx_ssrc), (Some(1_591_115_321), Some(1_723_393_324)));
    let kinds: Vec<_> = plan.slots.iter().map(|slot| (slot.mid.as_str(), slot.kind, slot.place)).collect();
    assert_eq!(
        kinds,
        [
            ("2", SlotKind::Audio, 0),
            ("3", SlotKind::Audio, 1),
            ("4", SlotKind::Audio, 2),
            ("5", SlotKind::Video, 0),
            ("6", SlotKind::Video, 1),
            ("7", SlotKind::Video, 2),
            ("8", SlotKind::Screen, 0),
        ]
    );
    assert!(answer.contains("a=group:BUNDLE 0 1 2 3 4 5 6 7 8\r\n") && answer.contains("a=ice-lite\r\n"));
    assert!(answer.contains("a=candidate:1 1 udp 2130706431 192.0.2.9 7790 typ host\r\n"));
    assert!(answer.contains("a=candidate:2 1 udp 2130706175 2001:db8::9 7790 typ host\r\n"));
}

#[test]
fn the_answer_to_a_camera_takes_vp8_with_repair_and_feedback_and_nothing_else() {
    let (_, _, answer) = plan(CHROMIUM);

    let camera = section(&answer, "1");

    assert!(camera.starts_with("video 9 UDP/TLS/RTP/SAVPF 96 97\r\n"), "{camera}");
    for line in [
        "a=recvonly",
        "a=rtcp-mux",
        "a=rtcp-rsize",
        "a=setup:passive",
        "a=rtcp-fb:96 nack",
        "a=rtcp-fb:96 nack pli",
        "a=rtcp-fb:96 ccm fir",
        "a=rtcp-fb:96 transport-cc",
        "a=fmtp:97 apt=96",
        "a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid",
        "a=extmap:2 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time",
    ] {
        assert!(camera.lines().any(|l| l == line), "{line} is missing in {camera}");
    }
    for refused in ["H264", "VP9", "AV1", "red", "goog-remb", "toffset", "a=ssrc", "simulcast", "rid"] {
        assert!(!camera.contains(refused), "{refused} in {camera}");
    }
}

#[test]
fn a_slot_takes_vp8_and_constrained_baseline_each_with_its_repair() {
    let (_, plan, answer) = plan(CHROMIUM);

    let seeing = section(&answer, "5");

    assert!(seeing.starts_with("video 9 UDP/TLS/RTP/SAVPF 96 97 108 109\r\n"), "{seeing}");
    for line in [
        "a=rtpmap:96 VP8/90000",
        "a=fmtp:97 apt=96",
        "a=rtpmap:108 H264/90000",
        "a=fmtp:108 packetization-mode=1;profile-level-id=42e01f",
        "a=rtcp-fb:108 nack pli",
        "a=fmtp:109 apt=108",
    ] {
        assert!(seeing.lines().any(|l| l == line), "{line} is missing in {seeing}");
    }
    let codings: Vec<_> = plan.slots[3].codecs.iter().map(|codec| codec.coding).collect();
    assert_eq!(codings, [Coding::Vp8, Coding::H264]);
}

/// An m-line whose only codec is H.264 with these parameters.
fn h264(mid: u8, direction: &str, parameters: &str) -> String {
    video(mid, direction, "H264") + &format!("a=fmtp:120 {parameters}\r\n")
}

#[test]
fn who_has_only_h264_is_answered_with_it_in_its_profile_at_level_3_1() {
    for (offered, answered) in [("42e01f", "42e01f"), ("42C01F", "42c01f"), ("42001f", "42001f"), ("42e034", "42e01f")]
    {
        let offer = format!("level-asymmetry-allowed=1;profile-level-id={offered}; packetization-mode=1");

        let (_, plan, answer) =
            plan(&(SESSION.to_owned() + &h264(0, "sendonly", &offer) + &h264(1, "recvonly", &offer)));

        let codec = &plan.sources[0].codec;
        assert_eq!((codec.coding, codec.payload_type, codec.rtx, codec.nack), (Coding::H264, 120, Some(124), true));
        assert!(plan.slots[0].codec(Coding::Vp8).is_none() && plan.slots[0].codec(Coding::H264).is_some());
        for mid in ["0", "1"] {
            let line = format!("a=fmtp:120 packetization-mode=1;profile-level-id={answered}\r\n");
            assert!(section(&answer, mid).contains(&line), "{answer}");
        }
    }
}

#[test]
fn h264_in_another_mode_or_profile_or_at_a_lower_level_is_refused() {
    for parameters in [
        "profile-level-id=42e01f",
        "packetization-mode=0;profile-level-id=42e01f",
        "packetization-mode=2;profile-level-id=42e01f",
        "packetization-mode=1",
        "packetization-mode=1;profile-level-id=640c1f",
        "packetization-mode=1;profile-level-id=4d001f",
        "packetization-mode=1;profile-level-id=42e00d",
        "packetization-mode=1;profile-level-id=42e01",
        "packetization-mode=1;profile-level-id=+2e01f",
    ] {
        let offer = SESSION.to_owned() + &h264(0, "sendonly", parameters);
        assert_eq!(Offer::parse(&offer).err(), Some(MediaError::NothingInCommon), "{parameters}");
    }
}

#[test]
fn a_line_that_is_sent_on_has_one_codec_even_where_it_is_a_slot_too() {
    let both = |direction| {
        h264(0, direction, "packetization-mode=1;profile-level-id=42e01f").replace("SAVPF 120 124", "SAVPF 120 124 96")
            + "a=rtpmap:96 VP8/90000\r\n"
    };
    for (direction, formats) in [("sendonly", "96"), ("sendrecv", "96"), ("recvonly", "96 120 124")] {
        let (_, _, answer) = plan(&(SESSION.to_owned() + &both(direction)));

        let camera = section(&answer, "0");

        assert!(camera.starts_with(&format!("video 9 UDP/TLS/RTP/SAVPF {formats}\r\n")), "{camera}");
    }
}

#[test]
fn a_slot_announces_its_stream_and_both_ssrcs() {
    let (_, plan, answer) = plan(CHROMIUM);
    let (hearing, seeing) = (&plan.slots[0], &plan.slots[3]);

    let section = section(&answer, "5");

    let (ssrc, rtx) = (seeing.ssrc, seeing.rtx_ssrc.expect("video has repair"));
    assert!(section.contains("a=sendonly\r\n"));
    assert!(section.contains(&format!("a=ssrc-group:FID {ssrc} {rtx}\r\n")));
    assert!(section.contains(&format!("a=msid:{} video-5\r\n", seeing.cname)));
    assert_eq!(hearing.cname, seeing.cname, "audio and video of one seat are played in step");
    assert_ne!(plan.slots[1].cname, hearing.cname);
}

#[test]
fn firefox_is_answered_under_its_own_numbers() {
    let (_, plan, answer) = plan(FIREFOX);

    assert!(section(&answer, "0").starts_with("audio 9 UDP/TLS/RTP/SAVPF 109\r\n"), "{answer}");
    assert!(section(&answer, "0").contains("a=fmtp:109 minptime=10;useinbandfec=1\r\n"), "voice is mono");
    assert!(section(&answer, "1").starts_with("video 9 UDP/TLS/RTP/SAVPF 120 124\r\n"), "{answer}");
    assert!(plan.slots.is_empty() && plan.sources.iter().all(|source| source.ssrc.is_some()));
}

#[test]
fn opus_keeps_fec_and_the_clients_dtx() {
    let (_, _, answer) = plan(&(SESSION.to_owned() + &audio(0, "sendrecv")));

    assert!(answer.contains("a=fmtp:111 minptime=10;useinbandfec=1;usedtx=1\r\n"), "{answer}");
}

#[test]
fn a_sendrecv_line_is_a_source_and_a_slot() {
    let (_, plan, answer) = plan(&(SESSION.to_owned() + &audio(0, "sendrecv") + &video(1, "sendrecv", "VP8")));

    assert_eq!((plan.sources.len(), plan.slots.len()), (2, 2));
    assert_eq!(plan.slots[1].kind, SlotKind::Video);
    assert!(section(&answer, "1").contains("a=sendrecv\r\n"));
    assert!(plan.sources[1].codec.nack, "a wildcard counts");
}

#[test]
fn what_is_not_understood_is_refused_line_by_line_and_leaves_the_bundle() {
    let simulcast = "a=rid:h send\r\na=rid:l send\r\na=simulcast:send h;l\r\n";
    let data =
        "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\na=mid:3\r\na=sctp-port:5000\r\n";
    let offer = SESSION.to_owned()
        + &video(0, "sendonly", "VP9")
        + &audio(1, "sendonly")
        + &video(2, "sendonly", "VP8")
        + simulcast
        + data;

    let (_, plan, answer) = plan(&offer);

    assert!(answer.contains("a=group:BUNDLE 1 2\r\n"), "{answer}");
    assert!(answer.contains("m=video 0 UDP/TLS/RTP/SAVPF 120\r\n"));
    assert!(answer.contains("m=application 0 UDP/DTLS/SCTP webrtc-datachannel\r\n"));
    assert!(!answer.contains("simulcast") && !answer.contains("rid"));
    assert_eq!(plan.sources.len(), 2);
}

#[test]
fn old_names_of_the_protocol_are_understood_and_repeated() {
    for name in ["RTP/SAVPF", "UDP/TLS/RTP/SAVP", "TCP/DTLS/RTP/SAVPF"] {
        let offer = SESSION.to_owned() + &audio(0, "sendonly").replace("UDP/TLS/RTP/SAVPF", name);

        let (_, plan, answer) = plan(&offer);

        assert_eq!(plan.sources.len(), 1);
        assert!(answer.contains(&format!("m=audio 9 {name} 111\r\n")), "{answer}");
    }
}

#[test]
fn offers_of_other_stacks_are_read() {
    for (stack, offer) in [("aiortc", AIORTC), ("GStreamer", GSTREAMER), ("Pion", PION)] {
        let (_, plan, answer) = plan(offer);

        let kinds: Vec<_> = plan.sources.iter().map(|source| source.kind).collect();
        assert_eq!((kinds.len(), plan.slots.len()), (2, 0), "{stack}");
        assert!(kinds.contains(&MediaKind::Audio) && kinds.contains(&MediaKind::Video), "{stack}");
        assert_eq!(answer.matches("a=recvonly\r\n").count(), 2, "{answer}");
    }
}

#[test]
fn an_offer_of_which_nothing_can_be_taken_is_refused() {
    let offer = SESSION.to_owned() + &video(0, "sendonly", "VP9");

    assert_eq!(Offer::parse(&offer).err(), Some(MediaError::NothingInCommon));
}

#[test]
fn what_every_offer_has_is_missed() {
    let whole = SESSION.to_owned() + &audio(0, "sendonly");
    for (cut, missed) in [
        ("a=group:BUNDLE 0 1 2 3\r\n", "a=group:BUNDLE"),
        ("a=ice-ufrag:abcd\r\n", "a=ice-ufrag"),
        ("a=rtcp-mux\r\n", "a=rtcp-mux"),
        ("a=mid:0\r\n", "a=mid"),
        ("a=setup:actpass\r\n", "a=setup:actpass"),
        ("a=fingerprint:sha-256", "a=fingerprint with SHA-2"),
    ] {
        let offer = whole.replace(cut, if cut.ends_with('\n') { "" } else { "a=nothing:" });
        assert_eq!(Offer::parse(&offer).err(), Some(MediaError::Lacks(missed)), "without {cut}");
    }
    assert!(matches!(Offer::parse("hello").err(), Some(MediaError::Unreadable(_))));
    let twice = whole.clone() + &audio(0, "recvonly");
    assert_eq!(Offer::parse(&twice).err(), Some(MediaError::Unreadable("two m-lines have one mid")));
}

#[test]
fn bombs_are_refused_before_they_are_parsed() {
    let lines = "a=rtpmap:1 x/1\r\n".repeat(201);
    let candidates = |count: usize| "a=candidate:1 1 udp 1 192.0.2.1 1 typ host\r\n".repeat(count);
    for (bomb, why) in [
        ("x".repeat(64 * 1024 + 1), "more than 64 KiB"),
        (SESSION.to_owned() + &"m=audio 9 UDP/TLS/RTP/SAVPF 0\r\n".repeat(17), "more than 16 m-lines"),
        (SESSION.to_owned() + &audio(0, "sendonly") + &lines, "more than 200 lines in an m-line"),
        (SESSION.to_owned() + &audio(0, "sendonly") + &candidates(65), "more than 64 candidates"),
    ] {
        assert_eq!(Offer::parse(&bomb).err(), Some(MediaError::TooLarge(why)));
    }
}

#[test]
fn the_fingerprint_of_the_offer_is_that_of_one_certificate() {
    let certificate = b"a certificate";
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, certificate);
    let hex: Vec<_> = digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    let at = SESSION.find("sha-256 ").unwrap() + 8;
    let offer = SESSION[..at].to_owned() + &hex.join(":") + "\r\na=setup:actpass\r\n" + &audio(0, "sendonly");

    let offer = Offer::parse(&offer).expect("an offer that can be answered");

    assert!(offer.fingerprint.matches(certificate));
    assert!(!offer.fingerprint.matches(b"another certificate"));
}
