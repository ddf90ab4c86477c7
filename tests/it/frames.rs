//! Frames that no browser sends (RFC 6455): over a raw socket, before the greeting and after it.
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::{Duration, timeout},
};
use yunfa::clock::Clock;

use crate::{
    page::{Page, ticket},
    server::{Client, TestServer},
};

/// Longest wait for an answer; nothing here takes a second.
const PATIENCE: Duration = Duration::from_secs(20);
/// The longest message, and the longest frame (docs/protocol.md).
const MOST: usize = 64 * 1024;

const CONTINUATION: u8 = 0;
const TEXT: u8 = 1;
const BINARY: u8 = 2;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;
const FIN: u8 = 0x80;

/// What a client hears.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Heard {
    /// The message was read, and is none of the protocol.
    BadMessage,
    /// A pong with this payload.
    Pong(Vec<u8>),
    /// The socket is closed with this code; a close frame without one is 1005, none at all 1006 (section 7.1.5).
    Closed(u16),
}

struct Vector {
    name: String,
    bytes: Vec<u8>,
    heard: Heard,
}

#[tokio::test]
async fn every_frame_that_no_browser_sends_has_its_answer_before_a_greeting_and_after_it() {
    let settings = [("limits.requests_per_second", "10000")];
    let server = TestServer::with(&settings, Clock::machine()).await;
    let citizen = server.guest().await;
    let vectors = vectors();
    assert!(vectors.len() >= 120, "{}", vectors.len());
    let mut wrong = vec![];

    for vector in &vectors {
        let mut stranger = Raw::connect(&server).await;
        let heard = stranger.hear_after(vector).await;
        let ended = match &heard {
            // Who has not greeted has one try.
            Heard::BadMessage => stranger.next().await == Heard::Closed(1008),
            Heard::Pong(_) => stranger.part().await == Heard::Closed(1000),
            Heard::Closed(_) => true,
        };
        if heard != vector.heard || !ended {
            wrong.push(format!("{} before a greeting: {heard:?}, not {:?}", vector.name, vector.heard));
        }

        let mut client = Raw::greet(&server, &citizen).await;
        let heard = client.hear_after(vector).await;
        let ended = matches!(heard, Heard::Closed(_)) || client.part().await == Heard::Closed(1000);
        if heard != vector.heard || !ended {
            wrong.push(format!("{} after a greeting: {heard:?}, not {:?}", vector.name, vector.heard));
        }
    }

    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), 2 * vectors.len(), wrong.join("\n"));
    Page::open(&citizen).await;
    server.stop().await;
}

fn vectors() -> Vec<Vector> {
    let mut all = vec![];
    let mut add = |name: String, bytes: Vec<u8>, heard: Heard| all.push(Vector { name, bytes, heard });
    let (protocol, utf8, size) = (Heard::Closed(1002), Heard::Closed(1007), Heard::Closed(1009));

    for opcode in [CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG] {
        add(format!("unmasked {opcode}"), unmasked(FIN | opcode, b"hi"), protocol.clone());
    }
    for reserved in 1..8_u8 {
        for opcode in [TEXT, BINARY, CLOSE, PING] {
            let first = FIN | (reserved << 4) | opcode;
            add(format!("reserved bits {reserved} on {opcode}"), frame(first, b""), protocol.clone());
        }
    }
    for opcode in (3..8).chain(11..16) {
        add(format!("reserved opcode {opcode}"), frame(FIN | opcode, b"hi"), protocol.clone());
        add(format!("reserved opcode {opcode} without end"), frame(opcode, b""), protocol.clone());
    }
    for opcode in [CLOSE, PING, PONG] {
        add(format!("fragment of control frame {opcode}"), frame(opcode, b""), protocol.clone());
        for length in [126, 200, MOST] {
            let bytes = frame(FIN | opcode, &vec![3; length]);
            add(format!("control frame {opcode} of {length}"), bytes, protocol.clone());
        }
    }
    add("continuation of nothing".into(), frame(FIN, b"hi"), protocol.clone());
    add("continuation of nothing without end".into(), frame(CONTINUATION, b"hi"), protocol.clone());
    for (first, second) in [(TEXT, TEXT), (TEXT, BINARY), (BINARY, TEXT), (BINARY, BINARY)] {
        let bytes = [frame(first, b"h"), frame(FIN | second, b"i")].concat();
        add(format!("{second} inside of {first}"), bytes, protocol.clone());
    }

    for bytes in NOT_UTF8 {
        add(format!("text {bytes:x?}"), frame(FIN | TEXT, bytes), utf8.clone());
        add(format!("text {bytes:x?} in pieces"), pieces(bytes), utf8.clone());
    }
    for text in ["云", "法律援助", "🙂", "a🙂é法"] {
        add(format!("{text} in pieces"), pieces(text.as_bytes()), Heard::BadMessage);
    }

    for code in [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 3000, 3999, 4000, 4999_u16] {
        add(format!("close {code}"), frame(FIN | CLOSE, &code.to_be_bytes()), Heard::Closed(code));
    }
    for code in [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535_u16] {
        add(format!("close {code}"), frame(FIN | CLOSE, &code.to_be_bytes()), protocol.clone());
    }
    add("close without code".into(), frame(FIN | CLOSE, b""), Heard::Closed(1005));
    add("close with one byte".into(), frame(FIN | CLOSE, &[3]), protocol.clone());
    add("close with the longest reason".into(), close(1000, &[b'r'; 123]), Heard::Closed(1000));
    add("close with a reason that is no text".into(), close(1000, &[0xff]), utf8);

    let most = vec![b'x'; MOST];
    add("the longest message".into(), frame(FIN | TEXT, &most), Heard::BadMessage);
    add("one byte more".into(), frame(FIN | TEXT, &[&most[..], b"x"].concat()), size.clone());
    add("one byte more of binary".into(), frame(FIN | BINARY, &[&most[..], b"x"].concat()), size.clone());
    let two = |second: &[u8]| [frame(TEXT, &most), frame(FIN, second)].concat();
    add("the longest message and an empty end".into(), two(b""), Heard::BadMessage);
    add("one byte more in a second frame".into(), two(b"x"), size.clone());
    for length in [1 << 63, u64::MAX, (1 << 63) - 1, 1 << 32, MOST as u64 + 1] {
        let length_bytes = length.to_be_bytes();
        add(format!("a frame of {length}"), header(FIN | TEXT, 127, &length_bytes, b""), size.clone());
    }
    // RFC 6455 section 5.2 asks senders for the shortest form; a receiver loses nothing by reading the others.
    add("length 2 in 16 bits".into(), header(FIN | TEXT, 126, &2_u16.to_be_bytes(), b"hi"), Heard::BadMessage);
    add("length 2 in 64 bits".into(), header(FIN | TEXT, 127, &2_u64.to_be_bytes(), b"hi"), Heard::BadMessage);
    let long_form = header(FIN | TEXT, 127, &65535_u64.to_be_bytes(), &most[1..]);
    add("length 65535 in 64 bits".into(), long_form, Heard::BadMessage);

    add("empty text".into(), frame(FIN | TEXT, b""), Heard::BadMessage);
    add("binary".into(), frame(FIN | BINARY, b"hi"), Heard::BadMessage);
    add("a text in 1000 pieces".into(), pieces(&[b'x'; 1000]), Heard::BadMessage);
    let empty = [frame(TEXT, b""), frame(CONTINUATION, b"").repeat(1000), frame(FIN, b"")].concat();
    add("a text in 1000 empty pieces".into(), empty, Heard::BadMessage);
    let with_pong = [frame(TEXT, b"h"), frame(FIN | PONG, b"?"), frame(FIN, b"i")].concat();
    add("a pong inside of a text".into(), with_pong, Heard::BadMessage);
    add(
        "a pong that nobody asked for".into(),
        [frame(FIN | PONG, b"!"), frame(FIN | TEXT, b"x")].concat(),
        Heard::BadMessage,
    );
    add("ping".into(), frame(FIN | PING, b""), Heard::Pong(vec![]));
    add("the longest ping".into(), frame(FIN | PING, &[7; 125]), Heard::Pong(vec![7; 125]));
    add("a ping that is no text".into(), frame(FIN | PING, &[0xff]), Heard::Pong(vec![0xff]));
    all
}

/// Lone and missing continuations, overlong forms, surrogates, and beyond U+10FFFF (RFC 3629 section 4).
const NOT_UTF8: [&[u8]; 10] = [
    &[0x80],
    &[0xff],
    b"abc\xff",
    &[0xc0, 0xaf],
    &[0xe0, 0x80, 0xaf],
    &[0xed, 0xa0, 0x80],
    &[0xf4, 0x90, 0x80, 0x80],
    &[0xc3],
    &[0xe4, 0xba],
    &[0xf0, 0x9f, 0x99],
];

/// A frame as a client sends it.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    match payload.len() {
        short @ 0..=125 => header(first, u8::try_from(short).expect("short"), &[], payload),
        middle @ 126..=0xffff => header(first, 126, &u16::try_from(middle).expect("16 bits").to_be_bytes(), payload),
        long => header(first, 127, &(long as u64).to_be_bytes(), payload),
    }
}

/// The same with the length written down by hand.
fn header(first: u8, length: u8, more: &[u8], payload: &[u8]) -> Vec<u8> {
    const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];
    let masked = payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask);
    [first, 0x80 | length].iter().chain(more).chain(&MASK).copied().chain(masked).collect()
}

fn unmasked(first: u8, payload: &[u8]) -> Vec<u8> {
    [&[first, u8::try_from(payload.len()).expect("short")], payload].concat()
}

/// A text, a byte in each frame.
fn pieces(text: &[u8]) -> Vec<u8> {
    let last = text.len() - 1;
    let piece = |(at, byte): (usize, &u8)| {
        let opcode = if at == 0 { TEXT } else { CONTINUATION };
        frame(if at == last { FIN | opcode } else { opcode }, &[*byte])
    };
    text.iter().enumerate().flat_map(piece).collect()
}

fn close(code: u16, reason: &[u8]) -> Vec<u8> {
    frame(FIN | CLOSE, &[&code.to_be_bytes(), reason].concat())
}

/// A socket whose frames are made by hand.
struct Raw(TcpStream);

impl Raw {
    async fn connect(server: &TestServer) -> Self {
        let mut stream = TcpStream::connect(server.server.http.expect("HTTP")).await.expect("connected");
        let upgrade = "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                       Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
        stream.write_all(upgrade.as_bytes()).await.expect("written");
        let mut head = vec![];
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.expect("a head"));
        }
        assert!(head.starts_with(b"HTTP/1.1 101 "), "{}", String::from_utf8_lossy(&head));
        Self(stream)
    }

    /// One that has said hello and was welcomed.
    async fn greet(server: &TestServer, client: &Client) -> Self {
        let mut raw = Self::connect(server).await;
        let ticket = ticket(client).await;
        let hello = serde_json::json!({
            "id": "0192f3c4-5678-7abc-8def-0123456789ab",
            "type": "hello",
            "version": 1,
            "ticket": ticket.expose(),
            "device": "WEB",
        });
        raw.0.write_all(&frame(FIN | TEXT, hello.to_string().as_bytes())).await.expect("written");
        loop {
            let (opcode, payload) = raw.frame().await.expect("a welcome");
            if opcode == TEXT && String::from_utf8_lossy(&payload).contains("\"welcome\"") {
                return raw;
            }
        }
    }

    /// Sends a vector and listens; the server may have closed before it has taken all.
    async fn hear_after(&mut self, vector: &Vector) -> Heard {
        let _ = self.0.write_all(&vector.bytes).await;
        self.next().await
    }

    /// Says good-bye.
    async fn part(&mut self) -> Heard {
        self.0.write_all(&close(1000, b"")).await.expect("written");
        self.next().await
    }

    async fn next(&mut self) -> Heard {
        loop {
            match timeout(PATIENCE, self.frame()).await.expect("an answer") {
                Some((PONG, payload)) => return Heard::Pong(payload),
                Some((CLOSE, payload)) => {
                    let code = payload.first_chunk().map_or(1005, |code| u16::from_be_bytes(*code));
                    return Heard::Closed(code);
                }
                Some((TEXT, payload)) if String::from_utf8_lossy(&payload).contains("\"bad-message\"") => {
                    return Heard::BadMessage;
                }
                // What the server tells of itself, and its pings.
                Some(_) => {}
                None => return Heard::Closed(1006),
            }
        }
    }

    /// The next frame; the server sends whole messages, unmasked.
    async fn frame(&mut self) -> Option<(u8, Vec<u8>)> {
        let first = self.0.read_u8().await.ok()?;
        let length = match self.0.read_u8().await.ok()? {
            126 => self.0.read_u16().await.ok()?.into(),
            127 => usize::try_from(self.0.read_u64().await.ok()?).ok()?,
            short => short.into(),
        };
        let mut payload = vec![0; length];
        self.0.read_exact(&mut payload).await.ok()?;
        assert_eq!(first & 0xf0, FIN, "whole and without reserved bits");
        Some((first & 0x0f, payload))
    }
}
