//! Signed out, or the server stops: nobody is cut off without a word.
use std::time::Duration;

use serde_json::json;
use yunfa::clock::Clock;
use yunfa_signaling::{
    message::{ClientMessage, ErrorCode, ServerMessage},
    words::{Channel, EndReason},
};

use crate::{
    calls::{ask, begin, chat, ended, on_duty, question, say},
    page::{Ended, Page, mint},
    server::TestServer,
};

#[tokio::test]
async fn who_signs_out_loses_every_socket_of_the_account() {
    let server = TestServer::start().await;
    let (lawyer, mut first) = on_duty(&server, "lawyer1").await;
    let mut second = Page::open(&lawyer).await;
    let (_, mut colleague) = on_duty(&server, "lawyer2").await;

    lawyer.post("/api/logout", &json!({})).await;

    for page in [&mut first, &mut second] {
        assert_eq!(page.end().await, Ended::Closed(1008));
        assert!(page.has_heard(|message| {
            matches!(message, ServerMessage::Error { reply_to: None, code: ErrorCode::Unauthenticated, .. })
        }));
        let mut back = Page::connect(&server.url).await;
        let asked = back.say(page.resume(page.last_seq, 1)).await;
        assert_eq!(back.answer(asked).await, Err(ErrorCode::ResumeLost), "there is nothing to come back to");
    }
    colleague
        .ask(ClientMessage::SetPresence { on_duty: false, on_break: false, on_site: false })
        .await
        .expect("not concerned");
    server.stop().await;
}

#[tokio::test]
async fn a_server_that_drains_takes_nobody_new_lets_calls_go_on_and_then_ends_them() {
    let clock = Clock::by_hand(yunfa_signaling::time::Timestamp(1_795_000_000_000));
    let server = TestServer::with(&[("shutdown.calls_seconds", "5")], clock.clone()).await;
    let (_, mut desk) = on_duty(&server, "lawyer1").await;
    let mut asker = Page::open(&server.guest().await).await;
    let mut late = Page::open(&server.guest().await).await;
    ask(&server, &mut asker, Channel::Text).await;
    let session = begin(&mut desk, &mut asker).await.id;
    let another = question(mint(), &server, Channel::Text).await;

    let shutdown = server.shutdown.clone();
    let stopped = tokio::spawn(server.run());
    shutdown.drain();

    for page in [&mut desk, &mut asker, &mut late] {
        page.hear(|message| matches!(message, ServerMessage::Draining {}).then_some(())).await;
    }
    assert_eq!(late.ask(another).await, Err(ErrorCode::Draining));
    say(&mut asker, session, "还能说话吗").await.expect("the call goes on");
    chat(&mut desk).await;
    clock.advance(Duration::from_secs(6));
    assert_eq!(ended(&mut asker).await, (EndReason::ServerStopped, false));
    assert_eq!(ended(&mut desk).await, (EndReason::ServerStopped, true));
    assert_eq!(desk.end().await, Ended::Closed(1013));
    drop((asker, late));
    stopped.await.expect("the server stops");
}

#[tokio::test]
async fn a_server_without_calls_stops_at_once() {
    let server = TestServer::start().await;
    let mut idle = Page::open(&server.guest().await).await;

    let shutdown = server.shutdown.clone();
    let stopped = tokio::spawn(server.run());
    shutdown.drain();

    assert_eq!(idle.end().await, Ended::Closed(1013));
    stopped.await.expect("the server stops");
}
