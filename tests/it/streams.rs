//! A client's stream: greetings, breaks and returns, and clients that behave badly.
use std::time::Duration;

use tokio::net::{TcpSocket, TcpStream};
use tokio_tungstenite::{MaybeTlsStream, client_async, tungstenite::Message};
use yunfa::clock::Clock;
use yunfa_signaling::{
    message::{ClientMessage, ErrorCode, MAX_MESSAGE_BYTES, PROTOCOL_VERSION, ServerMessage},
    private::Token,
    time::Timestamp,
    words::{Channel, DeviceClass, DeviceState, LegState},
};

use crate::{
    calls::{active, ask, begin, chat, leg_away, on_duty, say, settle},
    page::{Ended, Page, ticket},
    server::TestServer,
};

const TODAY: Timestamp = Timestamp(1_795_000_000_000);

#[tokio::test]
async fn a_page_whose_socket_breaks_comes_back_and_has_missed_nothing() {
    let server = TestServer::start().await;
    let (_, mut desk) = on_duty(&server, "lawyer1").await;
    let mut asker = Page::open(&server.guest().await).await;
    ask(&server, &mut asker, Channel::Text).await;
    let session = begin(&mut desk, &mut asker).await.id;
    asker.forget();

    // Without a word, as in a tunnel: the server finds out by itself.
    drop_socket(&mut asker, &server).await;
    let away = leg_away(&mut desk).await;
    assert!(away.legs.iter().any(|leg| leg.state == LegState::Interrupted) && away.seat_until.is_some());
    for line in ["一", "二", "三"] {
        say(&mut desk, session, line).await.expect("said");
    }
    asker.come_back().await;

    let lines = [chat(&mut asker).await, chat(&mut asker).await, chat(&mut asker).await];
    assert_eq!(lines.map(|(number, _)| number), [1, 2, 3]);
    say(&mut asker, session, "我回来了").await.expect("said");
    assert_eq!(chat(&mut asker).await.0, 4, "nothing doubled");
    server.stop().await;
}

#[tokio::test]
async fn an_old_attempt_never_throws_out_a_newer_one() {
    let server = TestServer::start().await;
    let mut page = Page::open(&server.guest().await).await;
    page.come_back().await;
    page.come_back().await;

    for epoch in [0, 1, 2] {
        let mut late = Page::connect(&server.url).await;
        let asked = late.say(page.resume(page.last_seq, epoch)).await;
        assert_eq!(late.answer(asked).await, Err(ErrorCode::StaleEpoch), "epoch {epoch}");
        assert_eq!(late.end().await, Ended::Closed(1008));
    }

    settle(&mut page).await;
    server.stop().await;
}

#[tokio::test]
async fn a_token_that_is_not_the_streams_resumes_nothing() {
    let server = TestServer::start().await;
    let client = server.guest().await;
    let mut page = Page::open(&client).await;
    let ClientMessage::Resume { resume_token, .. } = page.resume(0, 1) else { panic!("a resume") };
    let (name, secret) = resume_token.expose().split_at(32);
    let forged = format!("{name}{}", secret.replace(|digit: char| digit != '0', "0"));

    for token in [forged, "0".repeat(96), "no token".to_owned()] {
        let mut thief = Page::connect(&server.url).await;
        let resume_token = Token::new(token);
        let resume = ClientMessage::Resume { version: PROTOCOL_VERSION, resume_token, last_seq: 0, epoch: 9 };
        let asked = thief.say(resume).await;
        assert_eq!(thief.answer(asked).await, Err(ErrorCode::ResumeLost));
        // The same socket may still say hello.
        thief.say(thief.hello(ticket(&client).await)).await;
        thief.hear(|message| matches!(message, ServerMessage::Welcome(_)).then_some(())).await;
    }
    assert_eq!(page.end().await, Ended::Closed(1008), "a citizen has one page");
    server.stop().await;
}

#[tokio::test]
async fn a_page_that_comes_back_after_a_minute_starts_afresh() {
    let clock = Clock::by_hand(TODAY);
    let server = TestServer::with(&[], clock.clone()).await;
    let (_, mut desk) = on_duty(&server, "lawyer1").await;
    drop_socket(&mut desk, &server).await;
    let gone = Duration::from_secs(61);
    advance_slowly(&server, &clock, gone).await;

    let mut late = Page::connect(&server.url).await;
    let asked = late.say(desk.resume(desk.last_seq, 1)).await;

    assert_eq!(late.answer(asked).await, Err(ErrorCode::ResumeLost));
    server.stop().await;
}

#[tokio::test]
async fn who_does_not_greet_within_five_seconds_is_closed() {
    let clock = Clock::by_hand(TODAY);
    let server = TestServer::with(&[], clock.clone()).await;
    let mut mute = Page::connect(&server.url).await;

    advance_slowly(&server, &clock, Duration::from_secs(6)).await;

    assert_eq!(mute.end().await, Ended::Closed(1008));
    server.stop().await;
}

#[tokio::test]
async fn a_greeting_that_is_none_is_refused_with_its_reason() {
    let server = TestServer::start().await;
    let client = server.guest().await;
    let old = ClientMessage::Hello { version: 99, ticket: ticket(&client).await, device: DeviceClass::Web };
    let unknown = ClientMessage::Hello { version: 1, ticket: Token::new("made up"), device: DeviceClass::Web };
    for (greeting, code) in [
        (old, ErrorCode::UnsupportedVersion),
        (unknown, ErrorCode::Unauthenticated),
        (ClientMessage::Ping {}, ErrorCode::Unauthenticated),
    ] {
        let mut page = Page::connect(&server.url).await;
        let asked = page.say(greeting).await;
        assert_eq!(page.answer(asked).await, Err(code));
        assert_eq!(page.end().await, Ended::Closed(1008));
    }
    let mut office = Page::connect(&server.url).await;
    let asked = office.say(office.hello(ticket(&server.login("supervisor1").await).await)).await;
    assert_eq!(office.answer(asked).await, Err(ErrorCode::NotAllowed), "there is nothing live for the office");
    server.stop().await;
}

#[tokio::test]
async fn who_comes_with_a_crowd_is_told_when_to_come_back_and_keeps_the_ticket() {
    let clock = Clock::by_hand(TODAY);
    let server = TestServer::with(&[("limits.greetings_per_second", "2")], clock.clone()).await;
    let client = server.guest().await;
    let mut first = Page::open(&client).await;
    first.come_back().await;

    let kept = ticket(&client).await;
    let mut told = vec![];
    for _ in 0..4 {
        let mut crowd = Page::connect(&server.url).await;
        crowd.say(crowd.hello(kept.clone())).await;
        told.push(crowd.hear(told_to_wait).await);
        assert_eq!(crowd.end().await, Ended::Closed(1013));
    }
    let mut late = Page::connect(&server.url).await;
    late.say(first.resume(first.last_seq, 2)).await;
    told.push(late.hear(told_to_wait).await);
    settle(&mut first).await;
    clock.advance(Duration::from_secs(1));
    let mut back = Page::connect(&server.url).await;
    back.say(back.hello(kept)).await;

    back.hear(|message| matches!(message, ServerMessage::Welcome(_)).then_some(())).await;
    assert_eq!(told, [1, 1, 2, 2, 3], "two more in every second");
    server.stop().await;
}

fn told_to_wait(message: &ServerMessage) -> Option<u32> {
    match message {
        ServerMessage::Error { code: ErrorCode::Overloaded, retry_after, .. } => *retry_after,
        _ => None,
    }
}

#[tokio::test]
async fn garbage_is_answered_a_few_times_and_then_closed() {
    let server = TestServer::start().await;
    let mut page = Page::open(&server.guest().await).await;

    for garbage in ["{", "[]", "\"律\"", r#"{"type":"fly"}"#, &"[".repeat(20_000), "", "null"] {
        page.say_raw(Message::text(garbage)).await;
        page.hear(|message| {
            let ServerMessage::Error { code: ErrorCode::BadMessage, .. } = message else { return None };
            Some(())
        })
        .await;
    }
    settle(&mut page).await;
    page.say_raw(Message::binary(vec![0; 100])).await;

    assert_eq!(page.end().await, Ended::Closed(1008));
    server.stop().await;
}

#[tokio::test]
async fn a_message_over_the_limit_closes_the_socket() {
    let server = TestServer::start().await;
    let mut page = Page::open(&server.guest().await).await;

    page.say_raw(Message::text(" ".repeat(MAX_MESSAGE_BYTES + 1))).await;

    assert_eq!(page.end().await, Ended::Closed(1009));
    server.stop().await;
}

#[tokio::test]
async fn who_speaks_too_fast_is_slowed_down_and_a_flood_is_closed() {
    let clock = Clock::by_hand(TODAY);
    let server = TestServer::with(&[], clock.clone()).await;
    let mut page = Page::open(&server.guest().await).await;
    let (microphone, camera) = (DeviceState::On, DeviceState::On);
    let message = ClientMessage::SetDevices { microphone, camera, screen: DeviceState::Absent };

    let mut said = vec![];
    for _ in 0..70 {
        said.push(page.say(message.clone()).await);
    }
    let mut answers = vec![];
    for id in said {
        answers.push(page.answer(id).await);
    }
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 60);
    assert!(answers[60..].iter().all(|answer| *answer == Err(ErrorCode::RateLimited)));

    clock.advance(Duration::from_secs(1));
    assert_eq!(page.ask(message.clone()).await, Ok(()));
    for _ in 0..200 {
        page.say(message.clone()).await;
    }
    assert_eq!(page.end().await, Ended::Closed(1008));
    server.stop().await;
}

#[tokio::test]
async fn a_socket_that_went_silent_is_given_up_and_the_other_side_sees_it() {
    let clock = Clock::by_hand(TODAY);
    let server = TestServer::with(&[], clock.clone()).await;
    let (_, mut desk) = on_duty(&server, "lawyer1").await;
    let mut asker = Page::open(&server.guest().await).await;
    ask(&server, &mut asker, Channel::Text).await;
    begin(&mut desk, &mut asker).await;

    // The asker answers no ping from here on; the desk does, for it listens.
    let watching = async { leg_away(&mut desk).await };
    let passing = advance_slowly(&server, &clock, Duration::from_secs(14));
    let (away, ()) = tokio::join!(watching, passing);

    assert!(away.seat_until.is_some());
    asker.come_back().await;
    active(&mut desk).await;
    server.stop().await;
}

#[tokio::test]
async fn a_page_that_does_not_read_is_closed_and_gets_everything_when_it_comes_back() {
    let clock = Clock::by_hand(TODAY);
    let server = TestServer::with(&[], clock.clone()).await;
    let (_, mut desk) = on_duty(&server, "lawyer1").await;
    let mut asker = Page::open(&server.guest().await).await;
    ask(&server, &mut asker, Channel::Text).await;
    let session = begin(&mut desk, &mut asker).await.id;
    asker.forget();
    asker.come_back_through(narrow_socket(&server).await).await;

    // Chinese characters, three bytes each: 6 kB a line, until the server gives the socket up.
    let text = "工".repeat(2000);
    let mut lines = 0;
    loop {
        say(&mut desk, session, &text).await.expect("said");
        lines += 1;
        clock.advance(Duration::from_millis(50));
        if desk.has_heard(is_away) {
            break;
        }
        assert!(lines < 230, "the server keeps on writing for a page that does not read");
    }
    asker.come_back().await;

    let numbers = async {
        let mut numbers = vec![];
        for _ in 0..lines {
            numbers.push(chat(&mut asker).await.0);
        }
        numbers
    };
    assert_eq!(numbers.await, (1..=lines).collect::<Vec<_>>());
    server.stop().await;
}

fn is_away(message: &ServerMessage) -> bool {
    let ServerMessage::Session(session) = message else { return false };
    session.legs.iter().any(|leg| leg.state == LegState::Interrupted)
}

/// Lets go of a socket without a close frame.
async fn drop_socket(page: &mut Page, server: &TestServer) {
    let fresh = crate::page::socket(&server.url).await;
    drop(std::mem::replace(&mut page.socket, fresh));
}

/// A socket whose system keeps next to nothing for it.
async fn narrow_socket(server: &TestServer) -> crate::page::Socket {
    let narrow = TcpSocket::new_v4().expect("a socket");
    narrow.set_recv_buffer_size(4096).expect("a small buffer");
    let address = server.url.strip_prefix("http://").expect("plain HTTP");
    let stream: TcpStream = narrow.connect(address.parse().expect("an address")).await.expect("connected");
    let url = format!("ws://{address}/ws");
    client_async(url, MaybeTlsStream::Plain(stream)).await.expect("a socket").0
}

/// Moves the clock in steps; between two of them the server answers once, so that whoever is due has acted.
async fn advance_slowly(server: &TestServer, clock: &Clock, time: Duration) {
    let step = Duration::from_millis(500);
    let mut passed = Duration::ZERO;
    while passed < time {
        clock.advance(step);
        passed += step;
        server.nobody().get("/healthz").await;
    }
}
