//! At the limit of waiting: wait on, or be called back, with the page closed and over a restart; nothing is lost.
use std::time::Duration;

use serde_json::json;
use yunfa::clock::Clock;
use yunfa_signaling::{
    message::{ClientMessage, ConsultationView, ErrorCode, ServerMessage, SessionView},
    time::Timestamp,
    words::{Channel, ConsultationState, EndReason, SessionState},
};

use crate::{
    calls::{active, ask, begin, chat, ended, offered, on_duty, say, write_outcome},
    page::Page,
    questions::until,
    server::TestServer,
};

/// The shortest patience that can be set, and the shortest time for a way back.
const IMPATIENT: [(&str, &str); 2] = [("signaling.give_up_text_seconds", "10"), ("signaling.grace_seconds", "5")];

/// Waits until the matter stands so.
pub(crate) async fn stands(page: &mut Page, state: ConsultationState) -> ConsultationView {
    page.hear(|message| match message {
        ServerMessage::Consultation(view) if view.state == state => Some(view.clone()),
        _ => None,
    })
    .await
}

/// The session that begins at this page, whatever it stands at.
pub(crate) async fn session(page: &mut Page) -> SessionView {
    page.hear(|message| match message {
        ServerMessage::Session(session) => Some(session.clone()),
        _ => None,
    })
    .await
}

#[tokio::test]
async fn whom_nobody_answered_is_called_back_and_the_call_is_recorded_like_any_other() {
    let server = TestServer::with(&IMPATIENT, Clock::machine()).await;
    let citizen = server.guest().await;
    let mut asker = Page::open(&citizen).await;
    let consultation = ask(&server, &mut asker, Channel::Text).await;

    let choosing = stands(&mut asker, ConsultationState::Unserved).await;
    assert!(choosing.choice_until.is_some(), "{choosing:?}");
    asker.ask(ClientMessage::CallMeBack { consultation }).await.expect("to be called back");
    stands(&mut asker, ConsultationState::OnHold).await;
    let another = crate::calls::question(crate::page::mint(), &server, Channel::Text).await;
    assert_eq!(asker.ask(another).await, Err(ErrorCode::AlreadyWaiting));
    drop(asker);

    let (lawyer, mut desk) = on_duty(&server, "lawyer1").await;
    let offer = offered(&mut desk).await;
    assert!(offer.call_back, "the desk is told that nobody waits: {offer:?}");
    desk.ask(ClientMessage::AcceptOffer { offer: offer.id }).await.expect("accepted");
    let calling = session(&mut desk).await;
    assert_eq!((calling.state, calling.call_back), (SessionState::Connecting, true));

    let (mut asker, welcome) = Page::open_with_welcome(&citizen).await;
    let rings = welcome.session.expect("it rings at whoever opens the page");
    assert_eq!((rings.id, rings.state, rings.call_back), (calling.id, SessionState::Connecting, true));
    asker.ask(ClientMessage::AnswerCall { session: rings.id }).await.expect("answered");
    active(&mut asker).await;
    active(&mut desk).await;
    say(&mut desk, rings.id, "您好，我是律师，给您回电。").await.expect("said");
    chat(&mut asker).await;
    asker.ask(ClientMessage::HangUp { session: rings.id }).await.expect("hung up");

    assert_eq!(ended(&mut desk).await, (EndReason::CitizenHungUp, true));
    let record = write_outcome(&mut desk, rings.id).await;
    asker.ask(ClientMessage::Rate { consultation, stars: 5 }).await.expect("rated");
    let kept = lawyer.get(&format!("/api/records/{record}")).await.body;
    assert_eq!((&kept["callBack"], &kept["routeMode"]), (&json!(true), &json!("BROADCAST")), "{kept:#}");
    assert!(kept["waitMs"].as_u64().is_some_and(|waited| waited >= 10_000), "{kept:#}");
    server.stop().await;
}

#[tokio::test]
async fn a_call_that_is_put_off_or_given_up_keeps_the_place() {
    let settings = [("signaling.call_back_pause_seconds", "5"), ("signaling.answer_seconds", "300")];
    let server = TestServer::with(&settings, Clock::machine()).await;
    let (_, mut desk) = on_duty(&server, "lawyer1").await;
    let mut asker = Page::open(&server.guest().await).await;
    let consultation = ask(&server, &mut asker, Channel::Text).await;
    asker.ask(ClientMessage::CallMeBack { consultation }).await.expect("to be called back");

    // Not now, says the asker; then the lawyer gives up; the third time they talk.
    for puts_off in [true, false] {
        let offer = offered_back(&mut desk).await;
        desk.ask(ClientMessage::AcceptOffer { offer }).await.expect("accepted");
        let session = session(&mut asker).await.id;
        let hang_up = ClientMessage::HangUp { session };
        match puts_off {
            true => asker.ask(hang_up).await.expect("put off"),
            false => desk.ask(hang_up).await.expect("given up"),
        }
        assert_eq!(ended(&mut desk).await, (EndReason::NotAnswered, false));
        assert_eq!(ended(&mut asker).await, (EndReason::NotAnswered, false));
        stands(&mut asker, ConsultationState::OnHold).await;
    }
    let offer = offered_back(&mut desk).await;
    desk.ask(ClientMessage::AcceptOffer { offer }).await.expect("accepted");
    let session = session(&mut asker).await.id;
    asker.ask(ClientMessage::AnswerCall { session }).await.expect("answered");
    active(&mut desk).await;
    server.stop().await;
}

/// The next ring at this desk that is for a call back.
async fn offered_back(desk: &mut Page) -> yunfa_signaling::ids::OfferId {
    desk.hear(|message| match message {
        ServerMessage::Offered(offer) if offer.call_back => Some(offer.id),
        _ => None,
    })
    .await
}

#[tokio::test]
async fn who_is_to_be_called_back_is_so_after_a_restart_and_before_whoever_asks_later() {
    let server = TestServer::start().await;
    let mut citizen = server.guest().await;
    let mut asker = Page::open(&citizen).await;
    let consultation = ask(&server, &mut asker, Channel::Text).await;
    asker.ask(ClientMessage::CallMeBack { consultation }).await.expect("to be called back");
    stands(&mut asker, ConsultationState::OnHold).await;

    let server = server.restart(&[], Clock::machine()).await;
    let mut later = Page::open(&server.guest().await).await;
    ask(&server, &mut later, Channel::Text).await;
    let (_, mut desk) = on_duty(&server, "lawyer1").await;
    let offer = offered(&mut desk).await;
    assert!(offer.call_back, "the older matter is first: {offer:?}");
    desk.ask(ClientMessage::AcceptOffer { offer: offer.id }).await.expect("accepted");

    citizen.url = server.url.clone();
    let (mut asker, welcome) = Page::open_with_welcome(&citizen).await;
    let rings = welcome.session.expect("it rings");
    assert_eq!((rings.consultation, rings.call_back), (consultation, true));
    asker.ask(ClientMessage::AnswerCall { session: rings.id }).await.expect("answered");
    active(&mut asker).await;
    active(&mut desk).await;
    server.stop().await;
}

#[tokio::test]
async fn a_phone_that_was_dead_goes_on_in_its_old_place() {
    let clock = Clock::by_hand(Timestamp(1_795_000_000_000));
    let server = TestServer::with(&IMPATIENT[1..], clock.clone()).await;
    let citizen = server.guest().await;
    let mut asker = Page::open(&citizen).await;
    let consultation = ask(&server, &mut asker, Channel::Text).await;

    drop(asker);
    // Whoever is away is laid aside after five seconds; patience alone would last for longer than this waits.
    until(&clock, Duration::from_millis(200), async || {
        server.nobody().get("/healthz").await;
        server.server.app.live.running() == 0
    })
    .await;
    // Three times as long as a place is kept for whoever is away: only the choice keeps it now.
    clock.advance(Duration::from_secs(15));
    let (mut asker, welcome) = Page::open_with_welcome(&citizen).await;

    let away = welcome.consultation.expect("nothing is lost");
    assert_eq!((away.id, away.state), (consultation, ConsultationState::Unserved));
    stands(&mut asker, ConsultationState::Matching).await;
    let (_, mut desk) = on_duty(&server, "lawyer1").await;
    begin(&mut desk, &mut asker).await;
    server.stop().await;
}
