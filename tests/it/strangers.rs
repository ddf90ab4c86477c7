//! Strangers on TCP: bombs of JSON and SDP, and clients that are silent, slow, or never stop.
use futures_util::future::join_all;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
    time::{Duration, pause},
};
use tokio_tungstenite::tungstenite::Message;
use yunfa::clock::Clock;
use yunfa_signaling::{
    message::{ClientMessage, ErrorCode, MAX_MESSAGE_BYTES, ServerMessage},
    private::Sdp,
    time::Timestamp,
    words::Channel,
};

use crate::{
    calls::{ask, begin, chat, on_duty, say, settle},
    page::Page,
    server::TestServer,
};

const OFFER: &str = include_str!("../../media/src/peer/negotiation/chromium.sdp");
const ID: &str = "0192f3c4-5678-7abc-8def-0123456789ab";
/// Hostile clients of each kind; one address may have 64 connections.
const OF_EACH: u8 = 50;
/// All of them are gone within this time.
const GONE_WITHIN: Duration = Duration::from_secs(15);

#[tokio::test]
async fn bombs_of_json_are_refused_and_the_socket_goes_on() {
    let server = TestServer::start().await;
    let citizen = server.guest().await;
    let bombs = json_bombs();
    assert!(bombs.len() >= 20, "{}", bombs.len());

    for (name, text) in bombs {
        assert!(text.len() <= MAX_MESSAGE_BYTES, "{name} has {} bytes", text.len());
        let mut page = Page::open(&citizen).await;
        page.say_raw(Message::text(text)).await;
        let code = page
            .hear(|message| match message {
                ServerMessage::Error { code, .. } => Some(*code),
                _ => None,
            })
            .await;
        assert_eq!(code, ErrorCode::BadMessage, "{name}");
        settle(&mut page).await;
    }
    server.stop().await;
}

#[tokio::test]
async fn bombs_of_sdp_are_refused_with_their_reason_and_an_honest_offer_is_answered() {
    let server = TestServer::start().await;
    let lawyer = server.login("lawyer1").await;
    let bombs = sdp_bombs();
    assert!(bombs.len() >= 20, "{}", bombs.len());

    for (name, sdp, code) in bombs {
        let mut desk = Page::open(&lawyer).await;
        let refused = desk.ask(ClientMessage::JoinMedia { attempt: 1, offer: Sdp::new(sdp) }).await;
        assert_eq!(refused, Err(code), "{name}");
        let honest = ClientMessage::JoinMedia { attempt: 2, offer: Sdp::new(OFFER) };
        assert_eq!(desk.ask(honest).await, Ok(()), "an honest offer after {name}");
    }
    server.stop().await;
}

#[tokio::test]
async fn three_hundred_hostile_clients_delay_no_call_and_are_gone_in_time() {
    let clock = Clock::by_hand(Timestamp(1_795_000_000_000));
    let server = TestServer::with(&[], clock.clone()).await;
    let hostile = join_all((0..6_u8).flat_map(|kind| (0..OF_EACH).map(move |_| kind)).map(|kind| {
        let address = server.server.http.expect("HTTP");
        async move { hostile(kind, address).await }
    }))
    .await;

    let watch = Clock::machine();
    let (_, mut desk) = on_duty(&server, "lawyer1").await;
    let mut asker = Page::open(&server.guest().await).await;
    let began = watch.elapsed();
    ask(&server, &mut asker, Channel::Text).await;
    let session = begin(&mut desk, &mut asker).await.id;
    say(&mut asker, session, "有人吗").await.expect("said");
    chat(&mut desk).await;
    let took = watch.elapsed() - began;
    settle(&mut desk).await;

    // Sockets live by the server's clock, connections by that of the runtime.
    for _ in 0..4 {
        clock.advance(Duration::from_secs(2));
        settle(&mut asker).await;
        settle(&mut desk).await;
    }
    pause();
    let began = watch.elapsed();
    join_all(hostile.into_iter().map(async |mut stream| while matches!(stream.read(&mut [0; 4096]).await, Ok(1..)) {}))
        .await;
    let gone = watch.elapsed() - began;
    tokio::time::resume();

    assert!(took < Duration::from_secs(2), "the call took {took:?}");
    assert!(gone <= GONE_WITHIN, "they were gone after {gone:?}");
    say(&mut desk, session, "在的").await.expect("the call goes on");
    server.stop().await;
}

/// A client of a kind, each kind from an address of its own.
async fn hostile(kind: u8, server: std::net::SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind(([127, 0, 1, kind + 1], 0).into()).expect("an address");
    let mut stream = socket.connect(server).await.expect("connected");
    let upgrade = "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                   Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    // A ping of nothing, masked with nothing.
    let ping = [0x89, 0x80, 0, 0, 0, 0];
    let said = match kind {
        // Silent.
        0 => vec![],
        // A header that never ends.
        1 => b"GET /api/directory HTTP/1.1\r\nHost: a\r\nx: ".to_vec(),
        // A body that never comes.
        2 => b"POST /api/login HTTP/1.1\r\nHost: a\r\ncontent-type: application/json\r\ncontent-length: 900\r\n\r\n{"
            .to_vec(),
        // A flood of requests.
        3 => "GET /api/directory HTTP/1.1\r\nHost: a\r\n\r\n".repeat(100).into_bytes(),
        // A socket without a word, and one that says nothing but pings.
        4 => upgrade.as_bytes().to_vec(),
        _ => [upgrade.as_bytes(), &ping.repeat(200)].concat(),
    };
    stream.write_all(&said).await.expect("written");
    stream
}

/// What is JSON or nearly, and no message.
fn json_bombs() -> Vec<(&'static str, String)> {
    let most = MAX_MESSAGE_BYTES;
    let ping = |more: &str| format!(r#"{{"id":"{ID}","type":"ping"{more}}}"#);
    let media = |attempt: &str| format!(r#"{{"id":"{ID}","type":"joinMedia","attempt":{attempt},"offer":""}}"#);
    let nested = |open: &str, close: &str, depth: usize| format!("{}1{}", open.repeat(depth), close.repeat(depth));
    vec![
        ("64 KiB of open brackets", "[".repeat(most)),
        ("64 KiB of open objects", r#"{"a":"#.repeat(most / 5)),
        ("64 KiB of closed brackets", "]".repeat(most)),
        ("64 KiB of spaces", " ".repeat(most)),
        ("64 KiB of quotes", "\"".repeat(most)),
        ("64 KiB of backslashes", format!("\"{}", "\\".repeat(most - 1))),
        ("17 arrays", nested("[", "]", 17)),
        ("16 arrays", nested("[", "]", 16)),
        ("16 objects in a field", ping(&format!(r#","more":{}"#, nested(r#"{"a":"#, "}", 15)))),
        ("a number of 60 000 digits", media(&"9".repeat(60_000))),
        ("an exponent beyond all", media("1e999999999")),
        ("a number below zero", media("-1")),
        ("a broken number", media("1.5")),
        ("a number beyond 64 bits", media("18446744073709551616")),
        ("no number", media("NaN")),
        ("6000 fields", ping(&(0..6000).map(|n| format!(r#","{n}":1"#)).collect::<String>())),
        ("20 000 items", ping(&format!(r#","more":[{}1]"#, "1,".repeat(20_000)))),
        ("a field twice", ping(r#","type":"ping""#)),
        ("an id twice", ping(&format!(r#","id":"{ID}""#))),
        ("half a surrogate", ping("").replace("ping", r"\ud800")),
        ("a byte order mark", format!("\u{feff}{}", ping(""))),
        ("two messages", ping("").repeat(2)),
        ("a NUL at the end", format!("{}\0", ping(""))),
        ("a comment", ping("/**/")),
        ("an id of 60 000 characters", ping("").replace(ID, &"a".repeat(60_000))),
        ("a type of 60 000 characters", ping("").replace("ping", &"p".repeat(60_000))),
    ]
}

/// Offers that nobody honest makes, and what is said of them.
fn sdp_bombs() -> Vec<(&'static str, String, ErrorCode)> {
    use ErrorCode::{MediaRefused, TooLarge};
    // The page's own offer without most of its codecs: what is added to it has to fit into a message.
    let (head, _) = OFFER.split_once("m=").expect("a session");
    let session = head.lines().map(|line| match line {
        group if group.starts_with("a=group:BUNDLE") => "a=group:BUNDLE 0".to_owned(),
        other => other.to_owned(),
    });
    let session = session.map(|line| format!("{line}\r\n")).collect::<String>();
    let audio = "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\na=sendrecv\r\na=rtcp-mux\r\n\
                 a=rtpmap:111 opus/48000/2\r\na=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\na=setup:actpass\r\n\
                 a=fingerprint:sha-256 00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:\
                 CC:DD:EE:FF\r\n";
    let small = format!("{session}{audio}");
    let without =
        |word: &str| small.lines().filter(|line| !line.contains(word)).map(|line| format!("{line}\r\n")).collect();
    let with = |line: &str, times: usize| format!("{small}{}", line.repeat(times));
    let candidate = "a=candidate:1 1 udp 1 192.0.2.1 9 typ host\r\n";
    vec![
        ("nothing", String::new(), MediaRefused),
        ("only a version", "v=0\r\n".to_owned(), MediaRefused),
        ("60 KiB of one letter", "v".repeat(60 * 1024), MediaRefused),
        ("8000 versions", "v=0\r\n".repeat(8_000), TooLarge),
        ("8000 m-lines", "m=a\r\n".repeat(8_000), TooLarge),
        ("17 m-lines", format!("{session}{}", audio.repeat(17)), TooLarge),
        ("65 candidates", with(candidate, 65), TooLarge),
        ("201 lines in an m-line", with("a=x\r\n", 201), TooLarge),
        ("1000 lines in the session", format!("v=0\r\n{}", "a=x\r\n".repeat(1000)), TooLarge),
        ("two m-lines with one name", format!("{small}{audio}"), MediaRefused),
        ("no bundle", without("BUNDLE"), MediaRefused),
        ("no names of m-lines", without("a=mid"), MediaRefused),
        ("no multiplexing", without("rtcp-mux"), MediaRefused),
        ("no ufrag", without("ice-ufrag"), MediaRefused),
        ("no fingerprint", without("fingerprint"), MediaRefused),
        ("a fingerprint of SHA-1", small.replace("sha-256", "sha-1"), MediaRefused),
        ("no direction of the handshake", without("a=setup"), MediaRefused),
        ("a client that waits for the handshake", small.replace("actpass", "passive"), MediaRefused),
        ("no codec of ours", small.replace("opus", "opium"), MediaRefused),
        ("a name of 33 letters", small.replace("a=mid:0", &format!("a=mid:{}", "0".repeat(33))), MediaRefused),
        ("a ufrag of 257 letters", small.replace("ufrag:abcd", &format!("ufrag:{}", "a".repeat(257))), MediaRefused),
        ("a ufrag of signs", small.replace("ufrag:abcd", "ufrag:a b\"c"), MediaRefused),
        ("a NUL in the session", small.replace("v=0", "v=\0"), MediaRefused),
        ("only data channels", small.replace("m=audio", "m=application"), MediaRefused),
    ]
}
