//! A hundred lawyers accept at once, over real sockets: one has the call, everybody else hears so.
use std::time::Duration;

use futures_util::future::join_all;
use yunfa::{
    clock::Clock,
    domain::people::{ProviderType, Qualification, Subject},
    storage::{
        keys::token_hash,
        registry::NewLawyer,
        tokens::{Door, NewToken, TokenKind},
    },
};
use yunfa_signaling::{
    ids::LawyerId,
    message::{ClientMessage, ErrorCode, ServerMessage},
    time::Timestamp,
    words::{Channel, EndReason, OfferClosed, Pool, PracticeArea, Presence, SessionState},
};

use crate::{
    calls::{active, ask, ended, offered, on_duty, presence},
    machine,
    page::Page,
    questions::until,
    server::{Client, TestServer},
};

const LAWYERS: u32 = 100;
const DAY_MS: i64 = 86_400_000;

/// Lawyers of the county who are signed in; a hundred passwords need not be hashed for that.
async fn signed_in(server: &TestServer, nobody: &Client, n: u32) -> Client {
    let (store, now) = (&server.server.app.store, server.server.app.clock.wall());
    let id: LawyerId = server.server.app.clock.mint();
    let (name, licence) = (format!("律师{n}"), format!("19901202000{n:06}"));
    let new = NewLawyer {
        id,
        name: &name,
        provider_type: ProviderType::Lawyer,
        firm: None,
        pool: Pool::Local,
        public_office: false,
        licence_no: Some(&licence),
        qualification: Qualification::Active,
        area: None,
        practice_areas: &[PracticeArea::Labour],
    };
    store.add_lawyer(&new, now).await.expect("a lawyer");
    let no_password = "signed in without one";
    store.add_lawyer_account(id, &format!("racer{n}"), no_password, now).await.expect("an account");
    let token = format!("{:064x}", 0x7e57_0000 + n);
    let (hash, subject) = (token_hash(&token), Subject::Lawyer(id));
    let expires_at = Timestamp(now.0 + DAY_MS);
    let new = NewToken { hash, kind: TokenKind::Bearer, door: Door::Lawyer, subject, beside: None, expires_at };
    store.add_token(&new, now).await.expect("a token");
    nobody.clone().bearer(&token)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_a_hundred_who_accept_at_once_one_wins_and_ninety_nine_hear_taken() {
    let _alone = machine::alone().await;
    // All ring at once, not five before the others.
    let settings = [("signaling.batch_text_seconds", "0"), ("http.connections_per_address", "1000")];
    let server = TestServer::with(&settings, Clock::machine()).await;
    // One client for all: a hundred sockets are enough open files for a test beside others.
    let nobody = server.nobody();
    let mut desks = Vec::new();
    for n in 0..LAWYERS {
        let mut desk = Page::open(&signed_in(&server, &nobody, n).await).await;
        let on_duty = ClientMessage::SetPresence { on_duty: true, on_break: false, on_site: false };
        desk.ask(on_duty).await.expect("on duty");
        desks.push(desk);
    }
    let mut asker = Page::open(&server.guest().await).await;
    ask(&server, &mut asker, Channel::Text).await;
    let offers = join_all(desks.iter_mut().map(offered)).await;

    let clock = Clock::machine();
    let began = clock.now().mono;
    let answers = join_all(desks.iter_mut().zip(&offers).map(async |(desk, offer)| {
        desk.say(ClientMessage::OfferDelivered { offer: offer.id }).await;
        desk.say(ClientMessage::OfferSeen { offer: offer.id }).await;
        let answer = desk.ask(ClientMessage::AcceptOffer { offer: offer.id }).await;
        (answer, clock.now().mono - began)
    }))
    .await;

    let won = answers.iter().filter(|(answer, _)| answer.is_ok()).count();
    let taken = answers.iter().filter(|(answer, _)| *answer == Err(ErrorCode::Taken)).count();
    assert_eq!((won, taken), (1, 99), "{answers:?}");
    let slowest = answers.iter().map(|(_, took)| *took).max().expect("a hundred answers");
    machine::say(&format!("100 accept at once over sockets: the last is answered after {} ms", slowest.as_millis()));
    assert!(slowest.as_secs() < 15, "the last was answered after {slowest:?}");
    active(&mut asker).await;
    for (desk, (answer, _)) in desks.iter_mut().zip(&answers) {
        if answer.is_ok() {
            active(desk).await;
        } else {
            let is_taken = |message: &ServerMessage| {
                matches!(message, ServerMessage::OfferClosed { reason: OfferClosed::Taken, .. }).then_some(())
            };
            desk.hear(is_taken).await;
            presence(desk, Presence::Available).await;
        }
    }
    server.stop().await;
}

#[tokio::test]
async fn a_lawyer_who_accepts_and_vanishes_is_waited_for_a_minute_and_the_asker_is_told() {
    let clock = Clock::by_hand(Timestamp(1_795_000_000_000));
    let server = TestServer::with(&[], clock.clone()).await;
    let (_, mut desk) = on_duty(&server, "lawyer1").await;
    let mut asker = Page::open(&server.guest().await).await;
    ask(&server, &mut asker, Channel::Text).await;
    let offer = offered(&mut desk).await.id;

    desk.say(ClientMessage::AcceptOffer { offer }).await;
    active(&mut asker).await;
    asker.forget();
    drop(desk);

    // Its page may resume for some seconds before anybody is told.
    let seat_kept = |message: &ServerMessage| match message {
        ServerMessage::Session(view) if view.state == SessionState::Reconnecting => view.seat_until,
        _ => None,
    };
    hears_in_time(&clock, &mut asker, |message| seat_kept(message).is_some()).await;
    let seat = asker.hear(seat_kept).await;
    let left = seat.ms_since(clock.wall());
    assert!((55_000..=60_000).contains(&left), "the seat is held for a minute, not for {left} ms");
    hears_in_time(&clock, &mut asker, |message| matches!(message, ServerMessage::SessionEnded { .. })).await;
    assert!(clock.wall().ms_since(seat) >= 0, "and not for less");
    assert_eq!(ended(&mut asker).await, (EndReason::ConnectionLost, false));
    server.stop().await;
}

/// Lets time pass, with signs of life of the page, until it hears of this.
async fn hears_in_time(clock: &Clock, page: &mut Page, is: impl Fn(&ServerMessage) -> bool) {
    until(clock, Duration::from_secs(1), async || {
        page.say(ClientMessage::Ping {}).await;
        page.hear(|message| matches!(message, ServerMessage::Pong { .. }).then_some(())).await;
        page.has_heard(&is)
    })
    .await;
}
