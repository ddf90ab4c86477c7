//! A hundred lawyers accept at once, over real sockets: one has the call, everybody else hears so.
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
    words::{Channel, OfferClosed, Pool, PracticeArea, Presence},
};

use crate::{
    calls::{active, ask, offered, presence},
    machine,
    page::Page,
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
