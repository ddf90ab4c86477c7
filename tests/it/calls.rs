//! Consultations through the whole server, by text: who is rung, who wins, what everybody hears, what is kept.
use serde_json::json;
use yunfa_signaling::{
    ids::{ConsultationId, MessageId, OfferId, SessionId},
    message::{ClientMessage, ErrorCode, OfferView, ServerMessage, SessionView},
    private::ChatText,
    words::{
        Channel, ConsultationState, DeclineReason, DeviceState, EndReason, OfferClosed, Outcome, PracticeArea,
        Presence, SessionState,
    },
};

use crate::{
    page::{Ended, Page, mint, request},
    server::{Client, TestServer},
};

#[tokio::test]
async fn a_text_consultation_goes_from_the_question_to_the_sealed_record_and_the_stars() {
    let server = TestServer::start().await;
    let (lawyer, mut desk) = on_duty(&server, "lawyer1").await;
    let mut asker = Page::open(&server.guest().await).await;
    let consultation = ask(&server, &mut asker, Channel::Text).await;
    let session = begin(&mut desk, &mut asker).await;

    say(&mut asker, session.id, "工资没发").await.expect("said");
    say(&mut desk, session.id, "有合同吗？").await.expect("said");
    let lines = [chat(&mut desk).await, chat(&mut desk).await];
    assert_eq!(lines, [(1, "工资没发".to_owned()), (2, "有合同吗？".to_owned())]);
    desk.ask(ClientMessage::ReadChat { session: session.id, up_to: 1 }).await.expect("read");
    asker.hear(|message| matches!(message, ServerMessage::ChatRead { up_to: 1, .. }).then_some(())).await;
    asker.ask(ClientMessage::HangUp { session: session.id }).await.expect("hung up");

    assert_eq!(ended(&mut asker).await, (EndReason::CitizenHungUp, false));
    assert_eq!(ended(&mut desk).await, (EndReason::CitizenHungUp, true));
    let record = write_outcome(&mut desk, session.id).await;
    asker.ask(ClientMessage::Rate { consultation, stars: 5 }).await.expect("rated");
    assert_eq!(asker.ask(ClientMessage::Rate { consultation, stars: 1 }).await, Err(ErrorCode::AlreadyRated));
    let kept = lawyer.get(&format!("/api/records/{record}")).await.body;
    assert_eq!((&kept["twoWayS"], &kept["outcome"]), (&json!(0), &json!("ADVICE_GIVEN")), "{kept:#}");
    server.stop().await;
}

#[tokio::test]
async fn a_declined_offer_goes_on_ringing_elsewhere() {
    let server = TestServer::start().await;
    let (_, mut first) = on_duty(&server, "lawyer1").await;
    let (_, mut second) = on_duty(&server, other_lawyer(&server)).await;
    let mut asker = Page::open(&server.guest().await).await;
    ask(&server, &mut asker, Channel::Text).await;
    let offer = offered(&mut first).await;
    let other = offered(&mut second).await;

    let reason = DeclineReason::ConflictOfInterest;
    first.ask(ClientMessage::DeclineOffer { offer: offer.id, reason }).await.expect("declined");
    let late = first.ask(ClientMessage::AcceptOffer { offer: offer.id }).await;
    second.ask(ClientMessage::AcceptOffer { offer: other.id }).await.expect("accepted");

    assert_eq!(late, Err(ErrorCode::OfferOver));
    assert_eq!(closed(&mut first, offer.id).await, OfferClosed::Declined);
    active(&mut asker).await;
    server.stop().await;
}

#[tokio::test]
async fn of_two_lawyers_who_accept_at_once_one_wins_and_the_other_hears_taken() {
    let server = TestServer::start().await;
    let (_, mut first) = on_duty(&server, "lawyer1").await;
    let (_, mut second) = on_duty(&server, other_lawyer(&server)).await;
    let mut asker = Page::open(&server.guest().await).await;
    ask(&server, &mut asker, Channel::Text).await;
    let (one, other) = (offered(&mut first).await, offered(&mut second).await);

    let (one_said, other_said) = tokio::join!(
        first.ask(ClientMessage::AcceptOffer { offer: one.id }),
        second.ask(ClientMessage::AcceptOffer { offer: other.id }),
    );

    let (mut winner, mut loser, lost) = match (one_said, other_said) {
        (Ok(()), Err(ErrorCode::Taken)) => (first, second, other.id),
        (Err(ErrorCode::Taken), Ok(())) => (second, first, one.id),
        both => panic!("one winner, not {both:?}"),
    };
    assert_eq!(closed(&mut loser, lost).await, OfferClosed::Taken);
    assert_eq!(presence(&mut loser, Presence::Available).await, Presence::Available);
    active(&mut winner).await;
    server.stop().await;
}

#[tokio::test]
async fn who_stops_waiting_stops_the_ringing() {
    let server = TestServer::start().await;
    let (_, mut desk) = on_duty(&server, "lawyer1").await;
    let mut asker = Page::open(&server.guest().await).await;
    let consultation = ask(&server, &mut asker, Channel::Video).await;
    let offer = offered(&mut desk).await;

    asker.ask(ClientMessage::CancelConsultation { consultation }).await.expect("cancelled");

    assert_eq!(closed(&mut desk, offer.id).await, OfferClosed::Cancelled);
    asker.hear(|message| state_is(message, ConsultationState::Cancelled)).await;
    let late = desk.ask(ClientMessage::AcceptOffer { offer: offer.id }).await;
    assert!(matches!(late, Err(ErrorCode::OfferOver | ErrorCode::Over | ErrorCode::NotFound)), "{late:?}");
    ask(&server, &mut asker, Channel::Video).await;
    server.stop().await;
}

#[tokio::test]
async fn who_waits_is_put_through_when_a_lawyer_comes_on_duty() {
    let server = TestServer::start().await;
    let mut asker = Page::open(&server.guest().await).await;
    ask(&server, &mut asker, Channel::Text).await;
    let place = |message: &ServerMessage| match message {
        ServerMessage::Queue(queue) => Some((queue.place, queue.on_duty)),
        _ => None,
    };
    assert_eq!(asker.hear(place).await, (1, 0));

    let (_, mut desk) = on_duty(&server, "lawyer1").await;

    begin(&mut desk, &mut asker).await;
    server.stop().await;
}

#[tokio::test]
async fn a_lawyer_hangs_up_and_is_rung_again_after_the_outcome() {
    let server = TestServer::start().await;
    let (_, mut desk) = on_duty(&server, "lawyer1").await;
    let mut asker = Page::open(&server.guest().await).await;
    ask(&server, &mut asker, Channel::Text).await;
    let session = begin(&mut desk, &mut asker).await;
    assert_eq!(presence(&mut desk, Presence::Busy).await, Presence::Busy);
    let mut waiting = Page::open(&server.guest().await).await;
    ask(&server, &mut waiting, Channel::Text).await;

    desk.ask(ClientMessage::HangUp { session: session.id }).await.expect("hung up");

    assert_eq!(ended(&mut asker).await, (EndReason::LawyerHungUp, false));
    assert_eq!(presence(&mut desk, Presence::WrapUp).await, Presence::WrapUp);
    write_outcome(&mut desk, session.id).await;
    begin(&mut desk, &mut waiting).await;
    server.stop().await;
}

#[tokio::test]
async fn strangers_are_told_nothing_and_can_do_nothing() {
    let server = TestServer::start().await;
    let (_, mut desk) = on_duty(&server, "lawyer1").await;
    let mut asker = Page::open(&server.guest().await).await;
    let consultation = ask(&server, &mut asker, Channel::Text).await;
    let offer = offered(&mut desk).await;
    let mut stranger = Page::open(&server.guest().await).await;
    let (_, mut colleague) = on_duty(&server, "lawyer3").await;
    let rung = desk.ask(ClientMessage::AcceptOffer { offer: offer.id }).await;
    assert_eq!(rung, Ok(()));
    let session = active(&mut asker).await.id;
    colleague.forget();

    for page in [&mut stranger, &mut colleague] {
        for message in [
            ClientMessage::SendChat { session, message: mint(), text: ChatText::new("听得见吗") },
            ClientMessage::ReadChat { session, up_to: 1 },
            ClientMessage::HangUp { session },
            ClientMessage::FallBack { session, channel: Channel::Text },
        ] {
            let name = message.name();
            assert_eq!(page.ask(message).await, Err(ErrorCode::NotFound), "{name}");
        }
    }
    for (message, code) in [
        (ClientMessage::CancelConsultation { consultation }, ErrorCode::NotFound),
        (ClientMessage::Rate { consultation, stars: 1 }, ErrorCode::NotFound),
        (ClientMessage::AcceptOffer { offer: offer.id }, ErrorCode::NotAllowed),
        (ClientMessage::SetPresence { on_duty: true, on_break: false, on_site: false }, ErrorCode::NotAllowed),
        (question(consultation, &server, Channel::Text).await, ErrorCode::NotFound),
    ] {
        let name = message.name();
        assert_eq!(stranger.ask(message).await, Err(code), "{name}");
    }
    let outcome = Outcome::AdviceGiven;
    for (message, code) in [
        (
            ClientMessage::RecordOutcome { session, outcome, legal_aid_prompted: true, referral_type: None },
            ErrorCode::NotFound,
        ),
        (ClientMessage::CancelConsultation { consultation }, ErrorCode::NotAllowed),
        (ClientMessage::Rate { consultation, stars: 5 }, ErrorCode::NotAllowed),
    ] {
        let name = message.name();
        assert_eq!(colleague.ask(message).await, Err(code), "{name}");
    }
    say(&mut asker, session, "只说给您听").await.expect("said");
    chat(&mut desk).await;
    settle(&mut stranger).await;
    settle(&mut colleague).await;
    let overheard = [stranger.names(), colleague.names()].concat();
    assert!(!overheard.contains(&"chat") && !overheard.contains(&"session"), "{overheard:?}");
    server.stop().await;
}

#[tokio::test]
async fn a_citizen_has_one_matter_at_a_time_and_the_same_question_twice_is_one() {
    let server = TestServer::start().await;
    let mut asker = Page::open(&server.guest().await).await;
    let consultation: ConsultationId = mint();
    let same = question(consultation, &server, Channel::Text).await;

    assert_eq!(asker.ask(same.clone()).await, Ok(()));
    assert_eq!(asker.ask(same).await, Ok(()));
    let other = question(mint(), &server, Channel::Text).await;
    assert_eq!(asker.ask(other).await, Err(ErrorCode::AlreadyWaiting));
    server.stop().await;
}

#[tokio::test]
async fn a_page_that_reloads_goes_on_with_the_call_and_the_chat() {
    let server = TestServer::start().await;
    let (lawyer, mut desk) = on_duty(&server, "lawyer1").await;
    let citizen = server.guest().await;
    let mut asker = Page::open(&citizen).await;
    let consultation = ask(&server, &mut asker, Channel::Text).await;
    let session = begin(&mut desk, &mut asker).await;
    say(&mut asker, session.id, "一").await.expect("said");
    say(&mut desk, session.id, "二").await.expect("said");

    asker.socket.close(None).await.expect("closed");
    let (mut asker, welcome) = Page::open_with_welcome(&citizen).await;

    assert_eq!(welcome.session.map(|session| session.id), Some(session.id));
    assert_eq!(welcome.consultation.map(|view| view.id), Some(consultation));
    assert_eq!([chat(&mut asker).await.1, chat(&mut asker).await.1], ["一", "二"]);

    desk.socket.close(None).await.expect("closed");
    leg_away(&mut asker).await;
    let (mut desk, welcome) = Page::open_with_welcome(&lawyer).await;

    assert_eq!(welcome.session.map(|session| session.id), Some(session.id));
    assert_eq!(welcome.presence, Some(Presence::Busy));
    assert_eq!([chat(&mut desk).await.1, chat(&mut desk).await.1], ["一", "二"]);
    active(&mut asker).await;
    say(&mut desk, session.id, "三").await.expect("said");
    server.stop().await;
}

#[tokio::test]
async fn a_second_page_of_a_citizen_takes_over() {
    let server = TestServer::start().await;
    let (_, mut desk) = on_duty(&server, "lawyer1").await;
    let citizen = server.guest().await;
    let mut phone = Page::open(&citizen).await;
    ask(&server, &mut phone, Channel::Text).await;
    let session = begin(&mut desk, &mut phone).await;

    let (mut computer, welcome) = Page::open_with_welcome(&citizen).await;

    assert_eq!(welcome.session.map(|session| session.id), Some(session.id));
    assert_eq!(phone.end().await, Ended::Closed(1008));
    phone
        .hear(|message| {
            let ServerMessage::Error { reply_to: None, code: ErrorCode::StaleEpoch, .. } = message else { return None };
            Some(())
        })
        .await;
    say(&mut computer, session.id, "换了电脑").await.expect("said");
    chat(&mut desk).await;
    server.stop().await;
}

#[tokio::test]
async fn all_pages_of_a_lawyer_ring_and_the_one_that_accepts_talks() {
    let server = TestServer::start().await;
    let (lawyer, mut first) = on_duty(&server, "lawyer1").await;
    let mut second = Page::open(&lawyer).await;
    let mut asker = Page::open(&server.guest().await).await;
    ask(&server, &mut asker, Channel::Text).await;
    let offer = offered(&mut first).await;
    assert_eq!(offered(&mut second).await.id, offer.id);

    second.ask(ClientMessage::AcceptOffer { offer: offer.id }).await.expect("accepted");

    let session = active(&mut second).await;
    assert_eq!(closed(&mut first, offer.id).await, OfferClosed::AcceptedElsewhere);
    assert_eq!(presence(&mut first, Presence::Busy).await, Presence::Busy);
    say(&mut asker, session.id, "您好").await.expect("said");
    chat(&mut second).await;
    settle(&mut first).await;
    assert!(!first.names().contains(&"session") && !first.names().contains(&"chat"), "{:?}", first.names());
    let late = first.ask(ClientMessage::AcceptOffer { offer: offer.id }).await;
    assert!(matches!(late, Err(ErrorCode::Taken | ErrorCode::OfferOver | ErrorCode::NotAllowed)), "{late:?}");

    let (third, welcome) = Page::open_with_welcome(&lawyer).await;
    assert_eq!((welcome.presence, welcome.session), (Some(Presence::Busy), None), "the seat is taken");
    drop(third);
    server.stop().await;
}

#[tokio::test]
async fn another_page_of_a_lawyer_takes_the_session_over_when_asked_to() {
    let server = TestServer::start().await;
    let (lawyer, mut first) = on_duty(&server, "lawyer1").await;
    let mut asker = Page::open(&server.guest().await).await;
    let mut second = Page::open(&lawyer).await;
    assert_eq!(second.ask(ClientMessage::TakeOver {}).await, Err(ErrorCode::NotFound), "nothing runs");
    ask(&server, &mut asker, Channel::Text).await;
    let session = begin(&mut first, &mut asker).await;
    say(&mut asker, session.id, "您好").await.expect("said");
    chat(&mut first).await;

    assert_eq!(first.ask(ClientMessage::TakeOver {}).await, Ok(()), "it holds it already");
    assert_eq!(second.ask(ClientMessage::TakeOver {}).await, Ok(()));

    assert_eq!(active(&mut second).await.id, session.id);
    assert_eq!(chat(&mut second).await, (1, "您好".to_owned()), "with what was said before");
    first
        .hear(|message| {
            let ServerMessage::Error { reply_to: None, code: ErrorCode::StaleEpoch, .. } = message else { return None };
            Some(())
        })
        .await;
    say(&mut second, session.id, "请讲").await.expect("said");
    assert_eq!(chat(&mut asker).await.1, "您好");
    assert_eq!(chat(&mut asker).await.1, "请讲");
    assert_eq!(asker.ask(ClientMessage::TakeOver {}).await, Err(ErrorCode::NotAllowed), "not for citizens");
    server.stop().await;
}

#[tokio::test]
async fn a_request_said_twice_is_done_once_and_answered_twice() {
    let server = TestServer::start().await;
    let (_, mut desk) = on_duty(&server, "lawyer1").await;
    let mut asker = Page::open(&server.guest().await).await;
    ask(&server, &mut asker, Channel::Text).await;
    let session = begin(&mut desk, &mut asker).await.id;
    let message: MessageId = mint();
    let line = ClientMessage::SendChat { session, message, text: ChatText::new("一次") };

    for _ in 0..2 {
        asker.say_as(request(7), line.clone()).await;
        assert_eq!(asker.answer(request(7)).await, Ok(()));
    }
    assert_eq!(asker.ask(line).await, Ok(()), "the same line under another request");

    say(&mut asker, session, "两次").await.expect("said");
    assert_eq!([chat(&mut desk).await, chat(&mut desk).await], [(1, "一次".to_owned()), (2, "两次".to_owned())]);
    server.stop().await;
}

#[tokio::test]
async fn a_wrong_place_or_line_is_refused_and_nothing_happens() {
    let server = TestServer::start().await;
    let (_, mut desk) = on_duty(&server, "lawyer1").await;
    let mut asker = Page::open(&server.guest().await).await;
    let nowhere = ClientMessage::RequestConsultation {
        consultation: mint(),
        practice_area: PracticeArea::Labour,
        area: "999999999999".parse().expect("a code"),
        channel: Channel::Text,
        lawyer: None,
    };
    assert_eq!(asker.ask(nowhere).await, Err(ErrorCode::NotFound));
    ask(&server, &mut asker, Channel::Text).await;
    let session = begin(&mut desk, &mut asker).await.id;

    assert_eq!(say(&mut asker, session, " \n").await, Err(ErrorCode::BadMessage));
    assert_eq!(say(&mut asker, session, &"工".repeat(2001)).await, Err(ErrorCode::TooLarge));
    assert_eq!(say(&mut asker, session, &"工".repeat(2000)).await, Ok(()));
    assert_eq!(chat(&mut desk).await.0, 1);
    server.stop().await;
}

/// Signs a lawyer of the demonstration in and goes on duty.
pub(crate) async fn on_duty(server: &TestServer, user: &str) -> (Client, Page) {
    let lawyer = server.login(user).await;
    let mut desk = Page::open(&lawyer).await;
    desk.ask(ClientMessage::SetPresence { on_duty: true, on_break: false, on_site: false }).await.expect("on duty");
    (lawyer, desk)
}

/// Another lawyer of the demonstration who answers labour questions.
pub(crate) fn other_lawyer(server: &TestServer) -> &str {
    let lawyers = &server.demo().lawyers;
    let other = lawyers.iter().find(|login| login.user != "lawyer1" && login.areas.contains(&PracticeArea::Labour));
    other.expect("two lawyers for every area").user
}

/// A question about labour law from the first town of the directory: nobody is its adviser.
pub(crate) async fn question(consultation: ConsultationId, server: &TestServer, channel: Channel) -> ClientMessage {
    let directory = server.nobody().get("/api/directory").await.body;
    let areas = directory["areas"].as_array().expect("areas");
    let town = areas.iter().find(|area| area["level"] == "town").expect("a town");
    let area = town["code"].as_str().expect("a code").parse().expect("a code");
    ClientMessage::RequestConsultation {
        consultation,
        practice_area: PracticeArea::Labour,
        area,
        channel,
        lawyer: None,
    }
}

/// Asks for a lawyer.
pub(crate) async fn ask(server: &TestServer, asker: &mut Page, channel: Channel) -> ConsultationId {
    let consultation = mint();
    asker.ask(question(consultation, server, channel).await).await.expect("asked");
    consultation
}

/// The desk is rung, accepts, and both are there.
pub(crate) async fn begin(desk: &mut Page, asker: &mut Page) -> SessionView {
    let offer = offered(desk).await;
    desk.ask(ClientMessage::OfferDelivered { offer: offer.id }).await.expect("shown");
    desk.ask(ClientMessage::AcceptOffer { offer: offer.id }).await.expect("accepted");
    active(asker).await;
    active(desk).await
}

pub(crate) async fn offered(desk: &mut Page) -> OfferView {
    desk.hear(|message| match message {
        ServerMessage::Offered(offer) => Some(offer.clone()),
        _ => None,
    })
    .await
}

async fn closed(desk: &mut Page, which: OfferId) -> OfferClosed {
    desk.hear(|message| match message {
        ServerMessage::OfferClosed { offer, reason } if *offer == which => Some(*reason),
        _ => None,
    })
    .await
}

pub(crate) async fn active(page: &mut Page) -> SessionView {
    page.hear(|message| match message {
        ServerMessage::Session(session) if session.state == SessionState::Active => Some(session.clone()),
        _ => None,
    })
    .await
}

/// Waits until the page hears that a leg is away.
pub(crate) async fn leg_away(page: &mut Page) -> SessionView {
    page.hear(|message| match message {
        ServerMessage::Session(session) if session.state == SessionState::Reconnecting => Some(session.clone()),
        _ => None,
    })
    .await
}

pub(crate) async fn ended(page: &mut Page) -> (EndReason, bool) {
    page.hear(|message| match message {
        ServerMessage::SessionEnded { reason, outcome_due, .. } => Some((*reason, *outcome_due)),
        _ => None,
    })
    .await
}

pub(crate) async fn presence(desk: &mut Page, wanted: Presence) -> Presence {
    desk.hear(|message| match message {
        ServerMessage::Presence { presence, .. } if *presence == wanted => Some(*presence),
        _ => None,
    })
    .await
}

pub(crate) async fn say(page: &mut Page, session: SessionId, text: &str) -> Result<(), ErrorCode> {
    page.ask(ClientMessage::SendChat { session, message: mint(), text: ChatText::new(text) }).await
}

/// The next chat line: its number and text.
pub(crate) async fn chat(page: &mut Page) -> (u32, String) {
    page.hear(|message| match message {
        ServerMessage::Chat { number, text, .. } => Some((*number, text.expose().to_owned())),
        _ => None,
    })
    .await
}

/// Writes the outcome and waits for the record.
pub(crate) async fn write_outcome(desk: &mut Page, session: SessionId) -> String {
    let outcome = Outcome::AdviceGiven;
    desk.ask(ClientMessage::RecordOutcome { session, outcome, legal_aid_prompted: true, referral_type: None })
        .await
        .expect("written");
    desk.hear(|message| match message {
        ServerMessage::RecordSealed { session: of, record } if *of == session => Some(record.to_string()),
        _ => None,
    })
    .await
}

/// A request that changes nothing and is answered by the person's task, after everything that went before.
pub(crate) async fn settle(page: &mut Page) {
    let (microphone, camera) = (DeviceState::On, DeviceState::Absent);
    page.ask(ClientMessage::SetDevices { microphone, camera, screen: DeviceState::Absent }).await.expect("settled");
}

fn state_is(message: &ServerMessage, state: ConsultationState) -> Option<()> {
    matches!(message, ServerMessage::Consultation(view) if view.state == state).then_some(())
}
