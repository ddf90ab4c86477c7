//! One person: all pages they have open, what they were told, and their transports.
mod asked;
mod restrained;
mod told;

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    panic::AssertUnwindSafe,
    sync::Arc,
    time::Duration,
};

use futures_util::FutureExt as _;
use tokio::sync::mpsc;
use tracing::{debug, error};
use yunfa_signaling::{
    consultation::{MediaFact, Party},
    duty,
    ids::{ConsultationId, InvitationId, LegId, OfferId, RequestId, SessionId},
    message::{ClientFrame, ClientMessage, ServerMessage},
    private::PersonName,
    time::Instant,
    words::{DeviceClass, Role},
};

use super::{
    bridge::SeenSlots,
    registry::{Attach, Registry, ToConsultation, ToPerson},
    tab::{FromTab, Holder, Person, TabEvent, ToTab},
    transport::{Room, Transport},
    view::View,
};
use crate::domain::report::Restraint;

/// How often a desk's lease is renewed: three times within it.
const SEEN_EVERY: Duration = Duration::from_secs(15);

/// The task of one person.
pub(super) struct Task {
    registry: Arc<Registry>,
    person: Person,
    holder: Holder,
    device: DeviceClass,
    mailbox: mpsc::Sender<ToPerson>,
    tabs: BTreeMap<duty::Tab, Page>,
    /// Pages whose stream does not take its messages.
    stuck: Vec<duty::Tab>,
    view: View,
    /// Matters that keep this task: a citizen's own, those of a lawyer's sessions.
    matters: BTreeSet<ConsultationId>,
    sessions: BTreeMap<SessionId, ConsultationId>,
    /// The last offers, oldest first, and whose they were.
    offers: VecDeque<(OfferId, ConsultationId)>,
    /// The last invitations as a third party, oldest first, and whose they were.
    invitations: VecDeque<(InvitationId, ConsultationId)>,
    /// Who is in the session, and which leg is whose.
    seats: Vec<(Person, LegId)>,
    seat: Option<Seat>,
    /// The citizen's matter whose task has not said anything yet.
    opening: Option<ConsultationId>,
    /// The acceptance under way: one at a time, so that a lawyer never wins two matters at once.
    accepting: Option<Accepting>,
    /// Outcomes under way: once answered by `done` they are no longer due.
    writing: BTreeMap<RequestId, SessionId>,
    /// What the office holds against the person.
    restraint: Restraint,
    /// The matter that was rated last: its task may be gone when it is rated again.
    rated: Option<ConsultationId>,
    next_seen: Instant,
}

/// One open page.
struct Page {
    inbox: mpsc::Sender<ToTab>,
    has_socket: bool,
    /// Stars are taken from it: no lawyer is signed in beside it.
    rates: bool,
    /// What its microphone and camera were last said to do.
    devices: Option<ClientMessage>,
    transport: Transport,
    slots: SeenSlots,
    /// Some of them have no leg yet.
    hides_slots: bool,
}

/// The place in a matter, and the page that sits in it.
#[derive(Debug)]
struct Seat {
    consultation: ConsultationId,
    session: Option<SessionId>,
    tab: duty::Tab,
    /// Where its transport belongs; none while the matter needs no media.
    room: Option<Arc<Room>>,
}

#[derive(Debug, Clone, Copy)]
struct Accepting {
    /// None when an invitation is accepted.
    offer: Option<OfferId>,
    tab: duty::Tab,
    request: RequestId,
}

/// Runs until the person has no page and no matter. A page that arrives in that very moment is told to say hello again.
/// A failure closes the person's pages, which say hello again and find what they were in; nobody else notices more.
pub(super) async fn run(mut task: Task, mut inside: mpsc::Receiver<ToPerson>, mut pages: mpsc::Receiver<FromTab>) {
    while AssertUnwindSafe(task.serve(&mut inside, &mut pages)).catch_unwind().await.is_err() {
        error!(person = ?task.person, "a person's task failed: its pages are closed");
        if AssertUnwindSafe(task.close_pages()).catch_unwind().await.is_err() {
            error!(person = ?task.person, "a person's task cannot go on and is ended");
            break;
        }
    }
    task.registry.forget_person(task.person, &task.mailbox);
}

impl Task {
    /// Serves until there is nobody to be served.
    async fn serve(&mut self, inside: &mut mpsc::Receiver<ToPerson>, pages: &mut mpsc::Receiver<FromTab>) {
        loop {
            tokio::select! {
                biased;
                Some(message) = inside.recv() => self.heard(message).await,
                Some(FromTab { tab, event }) = pages.recv() => self.page(tab, event).await,
                () = self.registry.clock.sleep_until(self.next_seen) => self.renew(),
                () = self.registry.stopped.cancelled() => return,
            }
            for tab in std::mem::take(&mut self.stuck) {
                debug!(person = ?self.person, "a page does not take its messages and is given up");
                self.gone(tab).await;
            }
            if self.tabs.is_empty() && self.matters.is_empty() {
                return;
            }
        }
    }

    /// Gives every page up; what they were in waits for them.
    async fn close_pages(&mut self) {
        (self.accepting, self.opening) = (None, None);
        for tab in self.tabs.keys().copied().collect::<Vec<_>>() {
            self.gone(tab).await;
        }
    }

    pub(super) fn new(
        registry: Arc<Registry>,
        person: Person,
        holder: Holder,
        mailbox: mpsc::Sender<ToPerson>,
    ) -> Self {
        let next_seen = registry.clock.now().mono + SEEN_EVERY;
        Self {
            registry,
            person,
            holder,
            device: DeviceClass::Web,
            mailbox,
            tabs: BTreeMap::new(),
            stuck: vec![],
            view: View::default(),
            matters: BTreeSet::new(),
            sessions: BTreeMap::new(),
            offers: VecDeque::new(),
            invitations: VecDeque::new(),
            seats: vec![],
            seat: None,
            opening: None,
            accepting: None,
            writing: BTreeMap::new(),
            restraint: Restraint::default(),
            rated: None,
            next_seen,
        }
    }

    const fn party(&self) -> Party {
        match self.person {
            Person::Citizen(_) => Party::Citizen,
            Person::Lawyer(lawyer) => Party::Lawyer(lawyer),
        }
    }

    const fn role(&self) -> Role {
        match self.person {
            Person::Citizen(_) => Role::Citizen,
            Person::Lawyer(_) => Role::Lawyer,
        }
    }

    fn name(&self) -> PersonName {
        match &self.holder {
            Holder::Citizen(citizen) => citizen.alias.clone(),
            Holder::Lawyer(lawyer) => lawyer.name.clone(),
            Holder::Staff(role) => PersonName::new(role.as_str()),
        }
    }

    async fn page(&mut self, tab: duty::Tab, event: TabEvent) {
        match event {
            TabEvent::Said(frame) => self.said(tab, frame).await,
            TabEvent::SocketLost => self.socket(tab, false),
            TabEvent::SocketBack => self.socket(tab, true),
            TabEvent::Gone => self.gone(tab).await,
        }
    }

    /// A page was let in: it hears everything that runs.
    async fn attach(&mut self, page: Attach) {
        let Attach { tab, inbox, holder, device, resume_token } = page;
        let rates = !matches!(&holder, Holder::Citizen(citizen) if citizen.beside_lawyer);
        (self.holder, self.device) = (holder, device);
        match self.person {
            Person::Citizen(_) => {
                for old in self.tabs.keys().copied().collect::<Vec<_>>() {
                    self.dismiss(old).await;
                }
            }
            Person::Lawyer(_) => self.make_room().await,
        }
        let takes_seat = self.seat.as_ref().is_some_and(|seat| !self.has_socket(seat.tab));
        if let Some(Seat { tab: old, .. }) = self.seat.as_ref().filter(|_| takes_seat) {
            self.dismiss(*old).await;
        }
        let page = Page {
            inbox,
            has_socket: true,
            rates,
            devices: None,
            transport: Transport::default(),
            slots: SeenSlots::default(),
            hides_slots: false,
        };
        self.tabs.insert(tab, page);
        let now = self.registry.clock.wall();
        let welcome = self.view.welcome(self.role(), self.name(), resume_token, takes_seat, now);
        self.tell(tab, ServerMessage::Welcome(welcome));
        for message in self.view.after_welcome() {
            self.tell(tab, message);
        }
        for message in self.held_against(now) {
            self.tell(tab, message);
        }
        if self.registry.is_draining() {
            self.tell(tab, ServerMessage::Draining {});
        }
        self.open_desk(tab);
        if let Some(seat) = self.seat.as_mut().filter(|_| takes_seat) {
            seat.tab = tab;
            let consultation = seat.consultation;
            self.registry.post(consultation, ToConsultation::Socket { party: self.party(), is_there: true });
            self.registry.post(consultation, ToConsultation::Replay { party: self.party(), tab });
        }
    }

    /// A lawyer has so many pages at most; the oldest without a socket goes first, one in a session never.
    async fn make_room(&mut self) {
        while self.tabs.len() >= duty::MAX_TABS {
            let in_session = self.seat.as_ref().map(|seat| seat.tab);
            let others = || self.tabs.iter().filter(|(tab, _)| Some(**tab) != in_session);
            let oldest = others().find(|(_, page)| !page.has_socket).or_else(|| others().next());
            let Some((oldest, _)) = oldest else { return };
            self.dismiss(*oldest).await;
        }
    }

    fn has_socket(&self, tab: duty::Tab) -> bool {
        self.tabs.get(&tab).is_some_and(|page| page.has_socket)
    }

    /// Another page takes over from this one.
    async fn dismiss(&mut self, tab: duty::Tab) {
        let Some(mut page) = self.tabs.remove(&tab) else { return };
        // A stream that cannot hear it ends by its closed inbox.
        let _ = page.inbox.try_send(ToTab::Replaced);
        self.close_desk(tab);
        self.close_transport(tab, &mut page.transport).await;
    }

    /// Ends the transport of a page that leaves; the consultation it sat in waits for the next one.
    async fn close_transport(&self, tab: duty::Tab, transport: &mut Transport) {
        if transport.close(&self.registry.plane).await.is_none() {
            return;
        }
        if let Some(seat) = self.seat.as_ref().filter(|seat| seat.tab == tab && seat.room.is_some()) {
            let (party, fact) = (self.party(), MediaFact::Lost);
            self.registry.post(seat.consultation, ToConsultation::Media { party, fact });
        }
    }

    /// A page's socket broke or came back.
    fn socket(&mut self, tab: duty::Tab, is_there: bool) {
        let Some(page) = self.tabs.get_mut(&tab) else { return };
        page.has_socket = is_there;
        if is_there {
            self.open_desk(tab)
        } else {
            self.close_desk(tab)
        }
        let party = self.party();
        if let Some(seat) = self.seat.as_ref().filter(|seat| seat.tab == tab) {
            self.registry.post(seat.consultation, ToConsultation::Socket { party, is_there });
        }
        let others = self.tabs.iter().any(|(other, page)| *other != tab && page.has_socket);
        if matches!(self.person, Person::Lawyer(_)) && !others {
            // The last desk that rang is silent, or the first is back.
            for consultation in self.ringing() {
                self.registry.post(consultation, ToConsultation::Socket { party, is_there });
            }
        }
    }

    fn ringing(&self) -> BTreeSet<ConsultationId> {
        let rings = self.offers.iter().filter(|(offer, _)| self.view.is_offered(*offer));
        rings.map(|(_, consultation)| *consultation).collect()
    }

    /// A page will not come back; another one of the lawyer's goes on in its place.
    async fn gone(&mut self, tab: duty::Tab) {
        if self.has_socket(tab) {
            self.socket(tab, false);
        }
        let Some(mut page) = self.tabs.remove(&tab) else { return };
        self.close_transport(tab, &mut page.transport).await;
        let next = self.tabs.iter().find(|(_, page)| page.has_socket).map(|(tab, _)| *tab);
        let was_seated = self.seat.as_ref().is_some_and(|seat| seat.tab == tab);
        if let Some(next) = next.filter(|_| was_seated) {
            self.move_seat(next).await;
        }
    }

    /// What runs goes on at another page, through the transport that it has.
    async fn move_seat(&mut self, tab: duty::Tab) {
        let Some(seat) = &mut self.seat else { return };
        seat.tab = tab;
        let (consultation, room, party) = (seat.consultation, seat.room.clone(), self.party());
        if let Some(session) = self.view.session.clone() {
            self.tell(tab, ServerMessage::Session(session));
        }
        self.registry.post(consultation, ToConsultation::Socket { party, is_there: true });
        self.say_devices(consultation, tab);
        if let Some(room) = room {
            self.enter(consultation, tab, &room).await;
        }
        self.registry.post(consultation, ToConsultation::Replay { party, tab });
    }

    /// Tells a session what the page in the seat can send.
    fn say_devices(&self, consultation: ConsultationId, tab: duty::Tab) {
        let Some(message) = self.tabs.get(&tab).and_then(|page| page.devices.clone()) else { return };
        let frame = ClientFrame { id: self.registry.clock.mint(), message };
        self.registry.post(consultation, ToConsultation::Said { from: self.party(), tab: None, frame });
    }

    fn open_desk(&self, tab: duty::Tab) {
        if let Holder::Lawyer(lawyer) = &self.holder {
            self.registry.duty(super::duty::opened(lawyer, tab));
        }
    }

    fn close_desk(&self, tab: duty::Tab) {
        if let Person::Lawyer(lawyer) = self.person {
            self.registry.duty(duty::Input::DeskClosed { lawyer, tab });
        }
    }

    /// Renews the leases of the pages that have a socket; a dead socket is found by its own pings.
    fn renew(&mut self) {
        self.next_seen = self.registry.clock.now().mono + SEEN_EVERY;
        if let Person::Lawyer(lawyer) = self.person {
            for (tab, _) in self.tabs.iter().filter(|(_, page)| page.has_socket) {
                self.registry.duty(super::duty::seen(lawyer, *tab));
            }
        }
    }

    /// Tells one page.
    fn tell(&mut self, tab: duty::Tab, message: ServerMessage) {
        let Some(page) = self.tabs.get(&tab) else { return };
        if page.inbox.try_send(ToTab::Say(Box::new(message))).is_err() {
            self.stuck.push(tab);
        }
    }

    /// Tells every page but one.
    fn tell_all_but(&mut self, but: Option<duty::Tab>, message: &ServerMessage) {
        let tabs: Vec<_> = self.tabs.keys().copied().filter(|tab| Some(*tab) != but).collect();
        for tab in tabs {
            self.tell(tab, message.clone());
        }
    }

    fn tell_seat(&mut self, message: ServerMessage) {
        if let Some(tab) = self.seat.as_ref().map(|seat| seat.tab) {
            self.tell(tab, message);
        }
    }
}
