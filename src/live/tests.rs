//! One person's or one matter's failure is nobody else's, and what it leaves is sealed.
use tokio::sync::mpsc;
use yunfa_media::driver::{Driver, DriverConfig};
use yunfa_signaling::{
    ids::ConsultationId,
    message::{ClientFrame, ClientMessage, ServerMessage, Welcome},
    private::{ChatText, Token},
    timers::Timers,
    words::{Channel, DeviceClass, EndReason, IdentityMode, Outcome, PracticeArea, SessionState},
};

use super::*;
use crate::{
    domain::{calendar::Calendar, service_record::ClosedBy},
    jobs::{Reaped, seal_stale},
    recorder::Recorder,
    storage::{
        Lease, ListFilter, Store,
        people::NewCitizen,
        testing::{Fixture, on_both_engines},
    },
};

/// A page without a socket.
struct Page {
    tab: Tab,
    inbox: mpsc::Receiver<ToTab>,
    clock: Clock,
}

impl Page {
    async fn say(&self, message: ClientMessage) {
        let said = self.tab.said(ClientFrame { id: self.clock.mint(), message });
        self.tab.reserve().await.expect("its person is there").send(said);
    }

    /// The next message in which there is what is looked for; `None` when the page was given up before.
    async fn hear<T>(&mut self, is: impl Fn(&ServerMessage) -> Option<T>) -> Option<T> {
        loop {
            let ToTab::Say(message) = self.inbox.recv().await? else { continue };
            if let Some(found) = is(&message) {
                return Some(found);
            }
        }
    }

    async fn welcome(&mut self) -> Welcome {
        let welcome = self.hear(|message| match message {
            ServerMessage::Welcome(welcome) => Some(welcome.clone()),
            _ => None,
        });
        welcome.await.expect("welcome")
    }
}

/// Everything live, on a real store and a real media worker.
struct House {
    live: Live,
    store: Store,
    lease: Lease,
    clock: Clock,
    /// Where the journal lies.
    _folder: tempfile::TempDir,
}

impl House {
    async fn open(fixture: &Fixture) -> Self {
        let (store, clock) = (fixture.store.clone(), Clock::machine());
        let lease = store.take_lease("node-1", clock.wall()).await.expect("a lease");
        let folder = tempfile::tempdir().expect("a folder");
        let journal = folder.path().join("facts.journal");
        let recorder = Recorder::start(store.clone(), lease.clone(), clock.clone(), Calendar::default(), &journal);
        let (recorder, _) = recorder.expect("a journal");
        let config = DriverConfig { workers: 1, ..DriverConfig::new(0, vec![[127, 0, 0, 1].into()]) };
        let (media, facts) = Driver::start(config).expect("a worker");
        let areas = store.areas().await.expect("areas");
        let localities = areas.into_iter().map(|area| (area.code, area.name)).collect();
        // Nobody listens for alerts: the open desks have to do.
        let (called, _) = mpsc::channel(1);
        let (alerts, _) = mpsc::channel(1);
        let (floors, _) = mpsc::channel(1);
        let (declared, _) = mpsc::channel(1);
        let timers = Timers::default();
        let parts = Parts {
            clock: clock.clone(),
            recorder,
            media,
            facts,
            localities,
            timers,
            alerts,
            called,
            floors,
            declared,
        };
        Self { live: Live::start(parts), store, lease, clock, _folder: folder }
    }

    async fn page(&self, holder: Holder) -> Page {
        let attached = self.live.attach(holder, DeviceClass::Web, Token::new("t")).await.expect("let in");
        Page { tab: attached.tab, inbox: attached.inbox, clock: self.clock.clone() }
    }

    async fn citizen(&self) -> Holder {
        let new = NewCitizen {
            id: self.clock.mint(),
            alias: yunfa_signaling::private::PersonName::new("群众"),
            identity_mode: IdentityMode::Guest,
            consent_version: "1".to_owned(),
            entry_source: None,
        };
        self.store.add_citizen(&new, self.clock.wall()).await.expect("added");
        Holder::Citizen(self.store.citizen(new.id).await.expect("read").expect("there"))
    }

    /// A call by text between a new citizen and this lawyer, who alone is on duty.
    async fn call(&self, lawyer: &Holder) -> Call {
        let mut desk = self.page(lawyer.clone()).await;
        desk.say(ClientMessage::SetPresence { on_duty: true, on_break: false, on_site: false }).await;
        let citizen = self.citizen().await;
        let mut asker = self.page(citizen.clone()).await;
        let consultation = self.clock.mint();
        let area = self.store.areas().await.expect("areas").pop().expect("an area").code;
        let (practice_area, channel) = (PracticeArea::Other, Channel::Text);
        asker
            .say(ClientMessage::RequestConsultation { consultation, practice_area, area, channel, lawyer: None })
            .await;
        let offer = desk.hear(|message| match message {
            ServerMessage::Offered(offer) => Some(offer.id),
            _ => None,
        });
        let offer = offer.await.expect("rung");
        desk.say(ClientMessage::AcceptOffer { offer }).await;
        let active = asker.hear(|message| match message {
            ServerMessage::Session(session) if session.state == SessionState::Active => Some(session.id),
            _ => None,
        });
        let session = active.await.expect("a session");
        desk.say(ClientMessage::SetPresence { on_duty: false, on_break: false, on_site: false }).await;
        Call { citizen, asker, desk, consultation, session }
    }

    fn fail(&self, consultation: ConsultationId) {
        assert!(self.live.0.post(consultation, ToConsultation::Fail));
    }
}

struct Call {
    citizen: Holder,
    asker: Page,
    desk: Page,
    consultation: ConsultationId,
    session: SessionId,
}

impl Call {
    /// Whether a line of the lawyer's comes to the asker.
    async fn talks(&mut self) -> bool {
        let (session, message) = (self.session, self.asker.clock.mint());
        self.desk.say(ClientMessage::SendChat { session, message, text: ChatText::new("在吗") }).await;
        let heard = self.asker.hear(|said| match said {
            ServerMessage::Chat { message: id, .. } if *id == message => Some(()),
            _ => None,
        });
        heard.await.is_some()
    }
}

async fn lawyers(fixture: &Fixture) -> Vec<Holder> {
    fixture.store.lawyers().await.expect("lawyers").into_iter().map(Holder::Lawyer).collect()
}

#[tokio::test]
async fn a_consultation_that_fails_ends_alone_and_is_sealed_by_the_reaper() {
    on_both_engines(|fixture| async move {
        let fixture = fixture.with_county().await;
        let house = House::open(&fixture).await;
        let lawyers = lawyers(&fixture).await;
        let (mut broken, mut other) = (house.call(&lawyers[0]).await, house.call(&lawyers[1]).await);
        assert!(broken.talks().await);

        house.fail(broken.consultation);

        for page in [&mut broken.asker, &mut broken.desk] {
            let ended = page.hear(|message| match message {
                ServerMessage::SessionEnded { reason, .. } => Some(*reason),
                _ => None,
            });
            assert_eq!(ended.await, Some(EndReason::ServerStopped));
        }
        assert!(other.talks().await, "the other call goes on");
        house.live.0.recorder.flush().await.expect("written");
        // The failed task writes its last words by itself.
        while house.live.0.recorder.counts().left_open == 0 {
            tokio::task::yield_now().await;
        }
        let now = house.clock.wall();
        let reaped = seal_stale(&house.store, &house.lease, &Calendar::default(), now).await.expect("reaped");
        assert_eq!(reaped, Reaped { ended: 1, sealed: 1 }, "the other one is not the reaper's");
        let records = house.store.records(ListFilter { lawyer: None }, None, 10).await.expect("records").items;
        let record = house.store.record(records[0].record).await.expect("read").expect("there").record;
        assert_eq!(record.session_id, broken.session);
        assert_eq!((record.closed_by, record.outcome), (ClosedBy::Reaper, Outcome::Missing));
        assert_eq!(record.lawyer_messages, 1, "what was said before counts");
        house.live.stop().await;
    })
    .await;
}

#[tokio::test]
async fn a_person_who_fails_finds_the_call_again_and_nobody_else_notices() {
    on_both_engines(|fixture| async move {
        let fixture = fixture.with_county().await;
        let house = House::open(&fixture).await;
        let lawyers = lawyers(&fixture).await;
        let (mut broken, mut other) = (house.call(&lawyers[0]).await, house.call(&lawyers[1]).await);

        house.live.0.tell(broken.citizen.person().expect("a person"), ToPerson::Fail);

        assert_eq!(broken.asker.hear(|_| None::<()>).await, None, "its page is closed");
        assert!(other.talks().await, "the other call goes on");
        broken.asker = house.page(broken.citizen.clone()).await;
        let found = broken.asker.welcome().await.session.map(|session| session.id);
        assert_eq!(found, Some(broken.session));
        assert!(broken.talks().await);
        house.live.stop().await;
    })
    .await;
}
