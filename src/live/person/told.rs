//! What a person hears from inside the server: consultations, the duty book, the media plane.
use std::sync::Arc;

use tracing::debug;
use yunfa_signaling::{
    consultation::MediaFact,
    duty,
    ids::{ConsultationId, LegId, SessionId},
    message::{ErrorCode, ServerMessage},
    question::tier_of,
    time::Timestamp,
    words::{Channel, EndReason, InvitationClosed, OfferClosed},
};

use super::{Person, Seat, Task};
use crate::live::{
    Called,
    bridge::{self, Meaning, Order, SeenSlots},
    registry::{OpenQuestion, ToConsultation, ToPerson},
    tab::{Holder, ToTab},
    transport::{Entered, PeerId, Room},
    view::is_final,
};

/// Offers whose end a desk may still ask about ("taken"); older ones are not found.
const OFFERS_KNOWN: usize = 256;

impl Task {
    pub(super) async fn heard(&mut self, message: ToPerson) {
        match message {
            ToPerson::Attach(page) => self.attach(page).await,
            ToPerson::Say { from, message } => self.say(from, message).await,
            ToPerson::Reply { tab, message } => self.reply(tab, message),
            ToPerson::Duty(message) => {
                self.view.told(&message);
                self.tell_all_but(None, &message);
            }
            ToPerson::News(message) => self.tell_all_but(None, &message),
            ToPerson::Restraint(restraint) => self.restrained(restraint),
            ToPerson::QuestionOpen(open) => self.question_open(&open),
            ToPerson::Profile(lawyer) => self.holder = Holder::Lawyer(lawyer),
            ToPerson::DutyReset => {
                for tab in self.tabs.iter().filter(|(_, page)| page.has_socket).map(|(tab, _)| *tab).collect::<Vec<_>>()
                {
                    self.open_desk(tab);
                }
            }
            ToPerson::Media { from, session, room, order } => self.order(from, session, &room, order).await,
            ToPerson::Fact { peer, meaning, at } => self.fact(peer, meaning, at).await,
            ToPerson::Seats(seats) => self.seats = seats,
            ToPerson::Over { from } => self.over(from).await,
            ToPerson::Failed { from } => self.failed(from).await,
            ToPerson::Resumed { view, session, owes_outcome } => {
                self.matters.insert(view.id);
                self.sessions.insert(session, view.id);
                match self.person {
                    Person::Citizen(_) => self.view.resumed(view),
                    Person::Lawyer(_) if owes_outcome => self.view.outcome_owed(session),
                    Person::Lawyer(_) => {}
                }
            }
            ToPerson::OnHold { view, room } => {
                // No page is open yet: the first that is takes the seat.
                let (consultation, tab) = (view.id, self.registry.mint_tab());
                let room = Some(room).filter(|_| view.channel != Channel::Text);
                self.matters.insert(consultation);
                self.seat = Some(Seat { consultation, session: None, tab, room });
                self.view.resumed(view);
            }
            ToPerson::Called { until } => {
                let sees_it = self.tabs.values().any(|page| page.has_socket);
                if let Person::Citizen(citizen) = self.person
                    && !sees_it
                {
                    self.registry.call(Called { citizen, until });
                }
            }
            ToPerson::Draining => self.tell_all_but(None, &ServerMessage::Draining {}),
            ToPerson::Revoked => self.revoked().await,
            #[cfg(test)]
            ToPerson::Fail => panic!("a test makes this person fail"),
        }
    }

    /// A text question is open to lawyers; whether this is one who may answer it is known here.
    fn question_open(&mut self, open: &OpenQuestion) {
        let Holder::Lawyer(lawyer) = &self.holder else { return };
        let profile = lawyer.profile();
        let tier = tier_of(&profile, open.practice_area, &open.area);
        if profile.may_serve && tier <= open.tier && !open.but.contains(&lawyer.id) {
            let (question, change) = (open.question, open.change);
            self.tell_all_but(None, &ServerMessage::Question { question, change });
        }
    }

    /// A consultation says something; who of the pages hears it depends on what it is.
    async fn say(&mut self, from: ConsultationId, message: ServerMessage) {
        if let ServerMessage::Session(session) = &message {
            self.sit_down(from, session.id);
        }
        if matches!(message, ServerMessage::Consultation(_)) {
            self.opening = None;
        }
        if let ServerMessage::Rated { consultation, .. } = message {
            self.rated = Some(consultation);
        }
        self.view.told(&message);
        if let ServerMessage::Consultation(view) = &message {
            self.stop_waiting(view);
        }
        match &message {
            ServerMessage::Session(_) => {
                self.tell_seat(message);
                let hidden = self.seat.as_ref().map(|seat| seat.tab);
                let hidden = hidden.filter(|tab| self.tabs.get(tab).is_some_and(|page| page.hides_slots));
                if let Some(tab) = hidden {
                    self.show_slots(tab);
                }
            }
            ServerMessage::Slots { .. }
            | ServerMessage::Chat { .. }
            | ServerMessage::Typed { .. }
            | ServerMessage::ChatRead { .. }
            | ServerMessage::MediaLost {} => self.tell_seat(message),
            ServerMessage::SessionEnded { session, outcome_due, .. } => {
                let (session, outcome_due) = (*session, *outcome_due);
                self.tell_seat(message);
                self.stand_up(session).await;
                if !outcome_due && matches!(self.person, Person::Lawyer(_)) {
                    // A third party may come again, and sits down anew.
                    self.sessions.remove(&session);
                }
            }
            ServerMessage::Offered(view) => {
                self.offers.push_back((view.id, from));
                if self.offers.len() > OFFERS_KNOWN {
                    self.offers.pop_front();
                }
                self.tell_all_but(None, &message);
            }
            ServerMessage::Invited(view) => {
                self.invitations.push_back((view.id, from));
                if self.invitations.len() > OFFERS_KNOWN {
                    self.invitations.pop_front();
                }
                self.tell_all_but(None, &message);
            }
            ServerMessage::OfferClosed { offer, reason: OfferClosed::AcceptedElsewhere } => {
                // The page that accepted it is not elsewhere.
                let here =
                    self.accepting.filter(|accepting| accepting.offer == Some(*offer)).map(|accepting| accepting.tab);
                self.tell_all_but(here, &message);
            }
            ServerMessage::Consultation(view) if is_final(view) => {
                self.tell_all_but(None, &message);
                self.close_seat_transport(from).await;
            }
            ServerMessage::OfferClosed { .. }
            | ServerMessage::InvitationClosed { .. }
            | ServerMessage::Consultation(_)
            | ServerMessage::Queue(_)
            | ServerMessage::Presence { .. }
            | ServerMessage::RecordSealed { .. }
            | ServerMessage::Rated { .. }
            | ServerMessage::Question { .. }
            | ServerMessage::Warned { .. }
            | ServerMessage::Blocked { .. }
            | ServerMessage::Welcome(_)
            | ServerMessage::Resumed { .. }
            | ServerMessage::Pong {}
            | ServerMessage::Done { .. }
            | ServerMessage::Error { .. }
            | ServerMessage::MediaAnswer { .. }
            | ServerMessage::Draining {} => self.tell_all_but(None, &message),
        }
    }

    /// A session goes on with this person: the page that accepted, or the citizen's, takes the seat.
    fn sit_down(&mut self, consultation: ConsultationId, session: SessionId) {
        self.matters.insert(consultation);
        if self.sessions.insert(session, consultation).is_some() {
            return;
        }
        match &mut self.seat {
            Some(seat) if seat.consultation == consultation => seat.session = Some(session),
            _ => {
                let accepted = self.accepting.map(|accepting| accepting.tab);
                let Some(tab) = accepted.or_else(|| self.tabs.keys().next().copied()) else { return };
                self.seat = Some(Seat { consultation, session: Some(session), tab, room: None });
            }
        }
        if let Some(tab) = self.seat.as_ref().map(|seat| seat.tab) {
            self.say_devices(consultation, tab);
        }
    }

    /// A session is over: a desk is free for the next, a citizen may still wait or rate.
    async fn stand_up(&mut self, session: SessionId) {
        let Some(seat) = self.seat.as_mut().filter(|seat| seat.session == Some(session)) else { return };
        seat.session = None;
        if matches!(self.person, Person::Lawyer(_)) {
            let tab = seat.tab;
            self.seat = None;
            self.go_home(tab).await;
        }
    }

    async fn go_home(&mut self, tab: duty::Tab) {
        if let Some(page) = self.tabs.get_mut(&tab) {
            page.transport.go_home(&self.registry.plane).await;
        }
    }

    fn reply(&mut self, tab: duty::Tab, message: ServerMessage) {
        if let ServerMessage::Done { reply_to: id } | ServerMessage::Error { reply_to: Some(id), .. } = &message {
            if self.accepting.is_some_and(|accepting| accepting.request == *id) {
                self.accepting = None;
            }
            let written = self.writing.remove(id);
            if let (Some(session), ServerMessage::Done { .. }) = (written, &message) {
                self.view.outcome_written(session);
            }
        }
        self.tell(tab, message);
    }

    /// A session orders something of the transport in the seat.
    async fn order(&mut self, from: ConsultationId, session: SessionId, room: &Arc<Room>, order: Order) {
        if order == Order::Enter {
            self.sit_down(from, session);
        }
        let Some(seat) = self.seat.as_mut().filter(|seat| seat.consultation == from) else { return };
        let tab = seat.tab;
        match order {
            Order::Stay => {}
            Order::GoHome => {
                seat.room = None;
                self.go_home(tab).await;
            }
            Order::Close => {
                seat.room = None;
                self.close_seat_transport(from).await;
            }
            Order::Enter => {
                seat.room = Some(Arc::clone(room));
                self.enter(from, tab, room).await;
            }
        }
    }

    /// Brings the running transport of a page into a room.
    pub(super) async fn enter(&mut self, consultation: ConsultationId, tab: duty::Tab, room: &Arc<Room>) {
        let Some(page) = self.tabs.get_mut(&tab) else { return };
        match page.transport.enter(&self.registry.plane, room).await {
            Entered::Running(link, before) => {
                let (party, at) = (self.party(), self.registry.clock.wall());
                self.registry.post(consultation, ToConsultation::Up { party, link, before, at });
            }
            Entered::Coming => {}
            Entered::Lost => self.media_lost(tab),
        }
    }

    fn media_lost(&mut self, tab: duty::Tab) {
        if let Some(page) = self.tabs.get_mut(&tab) {
            page.slots = SeenSlots::default();
        }
        self.tell(tab, ServerMessage::MediaLost {});
    }

    async fn close_seat_transport(&mut self, consultation: ConsultationId) {
        let Some(seat) = self.seat.as_mut().filter(|seat| seat.consultation == consultation) else { return };
        seat.room = None;
        if let Some(page) = self.tabs.get_mut(&seat.tab) {
            page.transport.close(&self.registry.plane).await;
        }
    }

    /// Something was seen of one of this person's transports.
    async fn fact(&mut self, peer: PeerId, meaning: Meaning, at: Timestamp) {
        let Some(tab) = self.tabs.iter().find(|(_, page)| page.transport.knows(peer)).map(|(tab, _)| *tab) else {
            self.registry.plane.disown(peer);
            return;
        };
        let party = self.party();
        // Whoever sits elsewhere, or in a room of one's own, is nothing to the consultation.
        let seat = self.seat.as_ref().filter(|seat| seat.tab == tab);
        let consultation = seat.map(|seat| seat.consultation);
        let seat_room = seat.and_then(|seat| seat.room.clone());
        let Some(page) = self.tabs.get_mut(&tab) else { return };
        let is_seated = seat_room.as_ref().is_some_and(|room| page.transport.is_in(room));
        let listener = consultation.filter(|_| is_seated);
        match meaning {
            Meaning::Answered(answer) => {
                let Some(join) = page.transport.answered(peer) else { return };
                if join.newest {
                    self.tell(tab, ServerMessage::MediaAnswer { attempt: join.attempt, answer });
                }
                self.tell(tab, ServerMessage::Done { reply_to: join.request });
            }
            Meaning::Refused(error) => {
                let Some(join) = page.transport.refused(peer) else { return };
                if page.transport.peer().is_none() {
                    self.registry.plane.disown(peer);
                }
                let (code, why) = (bridge::refusal(&error), error.to_string());
                self.tell(tab, ServerMessage::refusal(Some(join.request), code, why));
            }
            Meaning::Up(way) => {
                let link = page.transport.connected(&self.registry.plane, way);
                if let Some(consultation) = listener {
                    let up = ToConsultation::Up { party, link, before: Default::default(), at };
                    self.registry.post(consultation, up);
                }
            }
            Meaning::State(fact) => {
                if let Some(consultation) = listener {
                    self.registry.post(consultation, ToConsultation::Media { party, fact });
                }
            }
            Meaning::Gone => {
                page.transport.lost();
                self.registry.plane.disown(peer);
                self.media_lost(tab);
                if let Some(consultation) = listener {
                    self.registry.post(consultation, ToConsultation::Media { party, fact: MediaFact::Lost });
                }
            }
            Meaning::Slots(slots) => {
                page.slots = slots;
                self.show_slots(tab);
            }
            Meaning::Second(room, facts) => {
                page.transport.second(facts.totals);
                let is_of_seat = seat_room.is_some_and(|seat| seat.is(room));
                if let Some(consultation) = consultation.filter(|_| is_of_seat) {
                    self.registry.post(consultation, ToConsultation::Second { party, facts, at });
                }
            }
            // Each transport of the room has been told gone by itself.
            Meaning::RoomFailed(_) => {}
        }
    }

    /// Says who is in the slots of a page. A source whose session has not been said yet is shown when it has.
    fn show_slots(&mut self, tab: duty::Tab) {
        let Some(page) = self.tabs.get(&tab) else { return };
        let (slots, all) = page.slots.views(|source| self.leg_of(source));
        if let Some(page) = self.tabs.get_mut(&tab) {
            page.hides_slots = !all;
        }
        self.tell(tab, ServerMessage::Slots { slots });
    }

    /// Whose transport that is, among the legs of the running session.
    fn leg_of(&self, source: PeerId) -> Option<LegId> {
        self.view.session.as_ref()?;
        let owner = self.registry.plane.owner(source)?;
        self.seats.iter().find(|(person, _)| *person == owner).map(|(_, leg)| *leg)
    }

    /// A matter is final.
    async fn over(&mut self, consultation: ConsultationId) {
        self.close_citizens_transport(consultation).await;
        self.opening = self.opening.filter(|opening| *opening != consultation);
        self.view.over(consultation);
        self.matters.remove(&consultation);
        self.sessions.retain(|_, of| *of != consultation);
        self.offers.retain(|(_, of)| *of != consultation);
        self.invitations.retain(|(_, of)| *of != consultation);
        self.seat = self.seat.take().filter(|seat| seat.consultation != consultation);
    }

    async fn close_citizens_transport(&mut self, consultation: ConsultationId) {
        match self.person {
            Person::Citizen(_) => self.close_seat_transport(consultation).await,
            Person::Lawyer(_) => {
                if let Some(seat) = self.seat.as_ref().filter(|seat| seat.consultation == consultation) {
                    self.go_home(seat.tab).await;
                }
            }
        }
    }

    /// A matter's task failed: whatever this person had of it ends here.
    async fn failed(&mut self, consultation: ConsultationId) {
        let rings: Vec<_> = self.offers.iter().filter(|(_, of)| *of == consultation).map(|(offer, _)| *offer).collect();
        for offer in rings.into_iter().filter(|offer| self.view.is_offered(*offer)).collect::<Vec<_>>() {
            self.say(consultation, ServerMessage::OfferClosed { offer, reason: OfferClosed::Cancelled }).await;
        }
        let invited: Vec<_> =
            self.invitations.iter().filter(|(_, of)| *of == consultation).map(|(invitation, _)| *invitation).collect();
        for invitation in invited.into_iter().filter(|invitation| self.view.is_invited(*invitation)).collect::<Vec<_>>()
        {
            let reason = InvitationClosed::Over;
            self.say(consultation, ServerMessage::InvitationClosed { invitation, reason }).await;
        }
        if let Some(session) = self.view.session.clone().filter(|session| session.consultation == consultation) {
            debug!(session.id = ?session.id, "a session failed with its task");
            let (session, reason) = (session.id, EndReason::ServerStopped);
            let ended = ServerMessage::SessionEnded { session, consultation, reason, two_way_s: 0, outcome_due: false };
            self.say(consultation, ended).await;
        }
        if self.view.consultation.as_ref().is_some_and(|view| view.id == consultation) {
            self.view.consultation = None;
            let why = "the consultation failed here";
            self.tell_all_but(None, &ServerMessage::refusal(None, ErrorCode::Internal, why));
        }
        self.over(consultation).await;
    }

    /// The account was signed out: its pages close; a running session notices by its missing leg.
    async fn revoked(&mut self) {
        for tab in self.tabs.keys().copied().collect::<Vec<_>>() {
            if let Some(page) = self.tabs.get(&tab) {
                // A stream that cannot hear it ends by its closed inbox.
                let _ = page.inbox.try_send(ToTab::Revoked);
            }
            self.gone(tab).await;
        }
    }
}
