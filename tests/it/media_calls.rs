//! Calls with real media: what the record says is what both sides themselves saw.
use std::time::Duration;

use yunfa::clock::Clock;
use yunfa_loadtest::{
    Citizen, Lawyer, Received, Server, Shape,
    api::{Directory, Login, RecordView},
};
use yunfa_signaling::{
    ids::{AreaCode, SessionId},
    message::{ClientMessage, ServerMessage, SlotView},
    words::{Channel, EndReason, LegState, Outcome, PracticeArea, SessionState, SlotKind},
};

use crate::{machine, server::TestServer};

/// Longest wait for anything; an unoptimised server on a busy machine takes its time.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long a call is held: long enough that a second more or less is seen.
const HOLD: Duration = Duration::from_secs(6);

#[tokio::test(flavor = "multi_thread")]
async fn a_video_call_is_recorded_as_both_sides_saw_it() {
    let _calm = machine::calm().await;
    let server = TestServer::start().await;
    let mut call = Call::begin(&server, Channel::Video, Shape::CALL).await;

    let (seen, recorded) = call.hold_and_end().await;

    assert!(seen.iter().all(|seen| seen.audio.frames > 100 && seen.video.frames > 50), "{seen:#?}");
    assert!(seen.iter().all(|seen| seen.video.keyframes > 0), "somebody saw nothing");
    agree(&seen, recorded);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_voice_call_is_recorded_as_both_sides_heard_it() {
    let _calm = machine::calm().await;
    let server = TestServer::start().await;
    let mut call = Call::begin(&server, Channel::Voice, Shape::VOICE).await;

    let (seen, recorded) = call.hold_and_end().await;

    assert!(seen.iter().all(|seen| seen.audio.frames > 100 && seen.video.packets == 0), "{seen:#?}");
    agree(&seen, recorded);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_side_is_told_whose_voice_and_face_is_in_which_slot() {
    let _calm = machine::calm().await;
    let server = TestServer::start().await;
    let mut call = Call::begin(&server, Channel::Video, Shape::CALL).await;

    for (client, you) in [(&mut call.citizen.client, call.citizen_leg), (&mut call.lawyer.client, call.lawyer_leg)] {
        let slots = client
            .wait_for(PATIENCE, "two slots", |message| match message {
                ServerMessage::Slots { slots } if slots.len() == 2 => Some(slots.clone()),
                _ => None,
            })
            .await
            .expect("slots");
        let mut kinds: Vec<SlotKind> = slots.iter().map(|SlotView { kind, .. }| *kind).collect();
        kinds.sort();
        assert_eq!(kinds, [SlotKind::Audio, SlotKind::Video]);
        assert!(slots.iter().all(|slot| slot.leg != you), "nobody sees oneself");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lawyer_whose_transport_is_lost_joins_again_into_the_same_seat() {
    let _calm = machine::calm().await;
    let server = TestServer::start().await;
    let mut call = Call::begin(&server, Channel::Voice, Shape::VOICE).await;

    // Closed by the client: the server sees it at once and asks for another one.
    call.lawyer.client.peer().expect("media").close().await.expect("closed");
    let leg = call.lawyer_leg;
    call.citizen
        .client
        .wait_for(PATIENCE, "the lawyer's leg away", |message| match message {
            ServerMessage::Session(session) => session
                .legs
                .iter()
                .any(|view| view.leg == leg && view.state == LegState::Interrupted)
                .then_some(session.state),
            _ => None,
        })
        .await
        .map(|state| assert_eq!(state, SessionState::Reconnecting))
        .expect("reconnecting");
    // `wait_for` joins again when it hears `mediaLost`, as a page does.
    call.lawyer.client.wait_until_active(PATIENCE).await.expect("active again");
    call.citizen.client.take_received();
    call.stay(Duration::from_secs(2)).await;

    assert!(call.citizen.client.take_received().audio.frames > 20, "the citizen hears the lawyer again");
    call.lawyer.client.hang_up(call.session).await.expect("hung up");
    let record = call.lawyer.write_outcome(call.session, Outcome::AdviceGiven).await.expect("a record");
    let view: serde_json::Value = call.lawyer.record(record).await.expect("the record");
    assert_eq!(view["sessionId"], call.session.to_string(), "one session, one record");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_without_a_microphone_goes_on_by_text_in_the_same_session() {
    let _calm = machine::calm().await;
    let server = TestServer::start().await;
    let mut call = Call::begin(&server, Channel::Voice, Shape::VOICE).await;
    let session = call.session;

    let fall_back = ClientMessage::FallBack { session, channel: Channel::Text };
    call.citizen.client.socket().request(fall_back).await.expect("fallen back");

    let channel = |message: &ServerMessage| match message {
        ServerMessage::Session(view) if view.id == session && view.channel == Channel::Text => Some(view.state),
        _ => None,
    };
    let state = call.lawyer.client.wait_for(PATIENCE, "text", channel).await.expect("told");
    assert_eq!(state, SessionState::Active);
    call.lawyer.client.chat(session, "那我们打字").await.expect("said");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_session_goes_on_by_video_when_both_want_it_and_is_one_record() {
    let _calm = machine::calm().await;
    let server = TestServer::start().await;
    let mut call = Call::begin(&server, Channel::Text, Shape::CALL).await;
    let (session, channel) = (call.session, Channel::Video);

    call.lawyer.client.socket().request(ClientMessage::ProposeChannel { session, channel }).await.expect("proposed");
    let proposed = |message: &ServerMessage| match message {
        ServerMessage::Session(view) => view.proposal,
        _ => None,
    };
    let wish = call.citizen.client.wait_for(PATIENCE, "a proposal", proposed).await.expect("told");
    assert_eq!((wish.by, wish.channel, wish.agreed), (call.lawyer_leg, channel, false));
    let agree_to = ClientMessage::AnswerChannel { session, channel, accept: true };
    call.citizen.client.socket().request(agree_to).await.expect("agreed");
    call.citizen.client.join_media(Shape::CALL).await.expect("media");
    let by_video = |message: &ServerMessage| match message {
        ServerMessage::Session(view) if view.channel == channel => Some(view.state),
        _ => None,
    };
    let (one, other) = tokio::join!(
        call.citizen.client.wait_for(PATIENCE, "video", by_video),
        call.lawyer.client.wait_for(PATIENCE, "video", by_video),
    );
    assert_eq!((one.expect("told"), other.expect("told")), (SessionState::Active, SessionState::Active));
    for client in [&mut call.citizen.client, &mut call.lawyer.client] {
        client.take_received();
    }

    let (seen, recorded) = call.hold_and_end().await;

    assert!(seen.iter().all(|seen| seen.audio.frames > 100 && seen.video.frames > 50), "{seen:#?}");
    agree(&seen, recorded);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_desk_on_another_worker_joins_again_where_the_citizen_is() {
    let _calm = machine::calm().await;
    let server = TestServer::with(&[("media.workers", "2"), ("media.peers_per_worker", "2")], Clock::machine()).await;
    let lawyer = Call::desk(&server, "lawyer1", Shape::VOICE).await;
    // Two desks fill the first worker, so that the citizen is placed on the second.
    let _beside = Call::desk(&server, "lawyer2", Shape::VOICE).await;

    let mut call = Call::of(&server, lawyer, Channel::Voice, Shape::VOICE).await;
    let (seen, recorded) = call.hold_and_end().await;

    agree(&seen, recorded);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_desk_that_talked_is_warm_for_the_next_call() {
    let _calm = machine::calm().await;
    let server = TestServer::start().await;
    let mut first = Call::begin(&server, Channel::Voice, Shape::VOICE).await;
    first.hold_and_end().await;

    let mut second = Call::of(&server, first.lawyer, Channel::Voice, Shape::VOICE).await;
    let (seen, recorded) = second.hold_and_end().await;

    agree(&seen, recorded);
    server.stop().await;
}

/// One call of a fresh citizen and a lawyer, both with media.
pub(crate) struct Call {
    pub(crate) citizen: Citizen,
    pub(crate) lawyer: Lawyer,
    pub(crate) session: SessionId,
    citizen_leg: yunfa_signaling::ids::LegId,
    lawyer_leg: yunfa_signaling::ids::LegId,
}

impl Call {
    pub(crate) async fn begin(server: &TestServer, channel: Channel, shape: Shape) -> Self {
        let lawyer = Self::desk(server, "lawyer1", shape).await;
        Self::of(server, lawyer, channel, shape).await
    }

    /// A desk with warm media.
    async fn desk(server: &TestServer, user: &str, shape: Shape) -> Lawyer {
        let api = Server::new(&server.url).expect("an address");
        let login = Login { user: user.to_owned(), password: server.password(user), areas: vec![] };
        let mut lawyer = Lawyer::sign_in(&api, &login).await.expect("signed in");
        lawyer.client.join_media(shape).await.expect("a warm desk");
        lawyer
    }

    /// A fresh citizen calls, this lawyer answers.
    async fn of(server: &TestServer, mut lawyer: Lawyer, channel: Channel, shape: Shape) -> Self {
        let api = Server::new(&server.url).expect("an address");
        let directory = api.directory().await.expect("a directory");
        lawyer.set_duty(true).await.expect("on duty");
        let mut citizen = Citizen::arrive(&api, &directory).await.expect("a guest");
        citizen.ask(PracticeArea::Labour, village(&directory), channel).await.expect("asked");
        if channel != Channel::Text {
            citizen.client.join_media(shape).await.expect("warm media");
        }
        let offer = lawyer.wait_for_offer(PATIENCE).await.expect("rung");
        assert!(lawyer.accept(offer).await.expect("accepted"), "nobody else is there");
        // Both listen, for either may be asked to join again.
        let (seen, answering) =
            tokio::join!(citizen.client.wait_until_active(PATIENCE), lawyer.client.wait_until_active(PATIENCE));
        let seen = seen.expect("active");
        let (session, citizen_leg, lawyer_leg) = (seen.id, seen.you, answering.expect("active").you);
        // What came before the call is no part of it.
        citizen.client.take_received();
        lawyer.client.take_received();
        Self { citizen, lawyer, session, citizen_leg, lawyer_leg }
    }

    async fn stay(&mut self, time: Duration) {
        let (citizen, lawyer) =
            tokio::join!(self.citizen.client.stay(self.session, time), self.lawyer.client.stay(self.session, time));
        citizen.and(lawyer).expect("the call goes on");
    }

    /// Holds the call, ends it, and returns what both saw and what was recorded.
    async fn hold_and_end(&mut self) -> ([Received; 2], f64) {
        self.stay(HOLD).await;
        self.citizen.client.hang_up(self.session).await.expect("hung up");
        let seen = [self.citizen.client.take_received(), self.lawyer.client.take_received()];
        let session = self.session;
        let ended = |message: &ServerMessage| match message {
            ServerMessage::SessionEnded { session: of, reason, two_way_s, .. } if *of == session => {
                Some((*reason, *two_way_s))
            }
            _ => None,
        };
        let (reason, told) = self.lawyer.client.wait_for(PATIENCE, "the end", ended).await.expect("the end");
        let record = self.lawyer.write_outcome(session, Outcome::AdviceGiven).await.expect("a record");
        let view: RecordView = self.lawyer.record(record).await.expect("the record");
        assert_eq!(reason, EndReason::CitizenHungUp);
        assert!((f64::from(told) - view.two_way_s).abs() < 0.5, "told {told}, recorded {}", view.two_way_s);
        (seen, view.two_way_s)
    }
}

/// The record is within one second of what the peers themselves saw.
fn agree(seen: &[Received; 2], recorded: f64) {
    let saw = seen[0].timeline.two_way_seconds(&seen[1].timeline);
    // Never more than was seen, but for rounding; where all tests share two cores, media may stand still for a second.
    let short = saw - recorded;
    assert!((-1.0..=2.0).contains(&short), "the peers saw {saw} s, the record says {recorded} s");
    assert!(saw > HOLD.as_secs_f64() - 2.0, "only {saw} s of media");
}

fn village(directory: &Directory) -> AreaCode {
    directory.areas.iter().find(|area| area.level == "village").expect("a village").code.clone()
}
