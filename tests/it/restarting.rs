//! The next process goes on with what the last one left waiting, and a final matter answers repeated requests.
use yunfa::clock::Clock;
use yunfa_signaling::{
    ids::{ConsultationId, SessionId},
    message::{ClientMessage, ErrorCode, Welcome},
    words::{Channel, ConsultationState, EndReason, Outcome, Presence},
};

use crate::{
    calls::{ask, begin, ended, on_duty, presence, question, write_outcome},
    page::{Page, mint},
    server::{Client, TestServer},
};

/// A text consultation that runs.
struct Call {
    lawyer: Client,
    citizen: Client,
    desk: Page,
    asker: Page,
    consultation: ConsultationId,
    session: SessionId,
}

async fn call(server: &TestServer) -> Call {
    let (lawyer, mut desk) = on_duty(server, "lawyer1").await;
    let citizen = server.guest().await;
    let mut asker = Page::open(&citizen).await;
    let consultation = ask(server, &mut asker, Channel::Text).await;
    let session = begin(&mut desk, &mut asker).await.id;
    Call { lawyer, citizen, desk, asker, consultation, session }
}

fn rating(consultation: ConsultationId, stars: u8) -> ClientMessage {
    ClientMessage::Rate { consultation, stars }
}

async fn back(client: &mut Client, server: &TestServer) -> (Page, Welcome) {
    client.url.clone_from(&server.url);
    Page::open_with_welcome(client).await
}

/// Waits until the stars are with the record: they are written right after they were answered.
async fn stars(reader: &Client, record: &str, wanted: u8) {
    let written = async || loop {
        let view = reader.get(&format!("/api/records/{record}")).await.body;
        if !view["rating"].is_null() {
            return view["rating"]["stars"].clone();
        }
    };
    let found = tokio::time::timeout(std::time::Duration::from_secs(10), written()).await.expect("stars");
    assert_eq!(found, wanted);
}

#[tokio::test]
async fn an_outcome_and_stars_that_were_awaited_at_a_restart_are_still_taken() {
    let server = TestServer::start().await;
    let Call { mut lawyer, mut citizen, mut desk, asker: _asker, consultation, session } = call(&server).await;

    // The call runs when the server is told twice to stop.
    let server = server.restart(&[], Clock::machine()).await;
    assert_eq!(ended(&mut desk).await, (EndReason::ServerStopped, true));

    let (mut desk, welcome) = back(&mut lawyer, &server).await;
    assert_eq!(welcome.outcome_due, Some(session));
    let (mut asker, welcome) = back(&mut citizen, &server).await;
    let seen = welcome.consultation.map(|view| (view.id, view.state));
    assert_eq!(seen, Some((consultation, ConsultationState::InService)));
    let record = write_outcome(&mut desk, session).await;
    asker.ask(rating(consultation, 4)).await.expect("rated");
    assert_eq!(asker.ask(rating(consultation, 5)).await, Err(ErrorCode::AlreadyRated));

    let view = lawyer.get(&format!("/api/records/{record}")).await.body;
    assert_eq!((&view["outcome"], &view["closedBy"]), (&"ADVICE_GIVEN".into(), &"OWNER".into()));
    stars(&lawyer, &record, 4).await;
    server.stop().await;
}

#[tokio::test]
async fn stars_are_still_taken_when_the_outcome_was_in_before_the_restart() {
    let server = TestServer::start().await;
    let Call { mut lawyer, mut citizen, mut desk, mut asker, consultation, session } = call(&server).await;
    asker.ask(ClientMessage::HangUp { session }).await.expect("hung up");
    let record = write_outcome(&mut desk, session).await;

    // Twice: who takes a matter up can hand it over again.
    let server = server.restart(&[], Clock::machine()).await;
    let server = server.restart(&[], Clock::machine()).await;

    let (_, welcome) = back(&mut lawyer, &server).await;
    assert_eq!(welcome.outcome_due, None);
    let (mut asker, welcome) = back(&mut citizen, &server).await;
    assert_eq!(welcome.consultation.map(|view| view.state), Some(ConsultationState::Answered));
    asker.ask(rating(consultation, 2)).await.expect("rated");
    stars(&lawyer, &record, 2).await;
    server.stop().await;
}

#[tokio::test]
async fn a_restart_gives_no_more_time_for_the_outcome() {
    let clock = || Clock::by_hand(yunfa_signaling::time::Timestamp(1_795_000_000_000));
    let server = TestServer::with(&[], clock()).await;
    let Call { mut citizen, mut desk, mut asker, consultation, session, .. } = call(&server).await;
    asker.ask(ClientMessage::HangUp { session }).await.expect("hung up");
    presence(&mut desk, Presence::WrapUp).await;

    let day_later = clock();
    day_later.advance(std::time::Duration::from_secs(23 * 3600));
    let server = server.restart(&[], day_later.clone()).await;
    let lawyer = server.login("lawyer1").await;
    let (_, welcome) = Page::open_with_welcome(&lawyer).await;
    assert_eq!(welcome.outcome_due, Some(session));
    day_later.advance(std::time::Duration::from_secs(3601));
    let mut desk = Page::open(&lawyer).await;
    let late = ClientMessage::RecordOutcome {
        session,
        outcome: Outcome::AdviceGiven,
        legal_aid_prompted: true,
        referral_type: None,
    };

    assert_eq!(desk.ask(late).await, Err(ErrorCode::Over));
    let (mut asker, _) = back(&mut citizen, &server).await;
    asker.ask(rating(consultation, 1)).await.expect("the asker has three days");
    server.stop().await;
}

#[tokio::test]
async fn a_county_that_gives_more_time_for_the_outcome_gives_it_over_a_restart_too() {
    let clock = || Clock::by_hand(yunfa_signaling::time::Timestamp(1_795_000_000_000));
    let two_days = [("signaling.outcome_seconds", "172800")];
    let server = TestServer::with(&two_days, clock()).await;
    let Call { mut desk, mut asker, session, .. } = call(&server).await;
    asker.ask(ClientMessage::HangUp { session }).await.expect("hung up");
    presence(&mut desk, Presence::WrapUp).await;

    let later = clock();
    later.advance(std::time::Duration::from_secs(25 * 3600));
    let server = server.restart(&two_days, later).await;

    let (_, welcome) = Page::open_with_welcome(&server.login("lawyer1").await).await;
    assert_eq!(welcome.outcome_due, Some(session));
    server.stop().await;
}

#[tokio::test]
async fn a_final_matter_still_answers_what_is_said_again() {
    let server = TestServer::start().await;
    let Call { mut desk, mut asker, consultation, session, .. } = call(&server).await;
    asker.ask(ClientMessage::HangUp { session }).await.expect("hung up");
    asker.ask(rating(consultation, 5)).await.expect("rated");
    write_outcome(&mut desk, session).await;
    let written =
        |outcome| ClientMessage::RecordOutcome { session, outcome, legal_aid_prompted: true, referral_type: None };

    assert_eq!(desk.ask(ClientMessage::HangUp { session }).await, Ok(()), "it is over, as was wanted");
    assert_eq!(desk.ask(written(Outcome::AdviceGiven)).await, Ok(()), "the same outcome is the same");
    assert_eq!(desk.ask(written(Outcome::Abuse)).await, Err(ErrorCode::Over));
    assert_eq!(asker.ask(rating(consultation, 1)).await, Err(ErrorCode::AlreadyRated));
    let cancelled = ask(&server, &mut asker, Channel::Text).await;
    for _ in 0..2 {
        assert_eq!(asker.ask(ClientMessage::CancelConsultation { consultation: cancelled }).await, Ok(()));
    }
    assert_eq!(asker.ask(question(mint(), &server, Channel::Text).await).await, Ok(()), "and the next one can begin");
    server.stop().await;
}
