//! What a person's pages ask, and to whom it goes.
use std::sync::Arc;

use yunfa_signaling::{
    consultation::{MAX_SESSIONS, Opening, SessionIds},
    duty::{self, Wish},
    error::SessionError,
    ids::{AreaCode, ConsultationId, InvitationId, LawyerId, OfferId, RequestId, SessionId},
    message::{ClientFrame, ClientMessage, ErrorCode, ServerMessage},
    policy,
    private::Sdp,
    words::{Channel, Part, PracticeArea},
};

use super::{Accepting, Person, Seat, Task};
use crate::live::{
    bridge,
    duty::{ToDuty, Wanted},
    registry::ToConsultation,
    reply,
    tab::Holder,
    task::Asked,
    transport::{NotOffered, Room},
};

/// What a citizen asks for.
struct Question {
    consultation: ConsultationId,
    practice_area: PracticeArea,
    area: AreaCode,
    channel: Channel,
    lawyer: Option<LawyerId>,
}

impl Task {
    /// A page said something: it goes where it belongs, or is refused here.
    pub(super) async fn said(&mut self, tab: duty::Tab, frame: ClientFrame) {
        let id = frame.id;
        let allowed = policy::check(self.role(), &frame.message).and_then(|()| frame.check());
        if let Err(refused) = allowed {
            return self.tell(tab, reply(id, Err(refused.into())));
        }
        if let Some(why) = self.refusal_of_blocked(&frame.message) {
            return self.tell(tab, ServerMessage::refusal(Some(id), ErrorCode::Blocked, why));
        }
        let outcome = match &frame.message {
            ClientMessage::Hello { .. } | ClientMessage::Resume { .. } | ClientMessage::Ping {} => {
                Err(SessionError::Unexpected)
            }
            ClientMessage::SetPresence { on_duty, on_break, on_site } => {
                let wish = match (on_duty, on_break, on_site) {
                    (false, ..) => Wish::OffDuty,
                    (true, true, _) => Wish::Break,
                    (true, false, true) => Wish::OnSite,
                    (true, false, false) => Wish::OnDuty,
                };
                self.set_presence(tab, id, wish)
            }
            ClientMessage::RequestConsultation { consultation, practice_area, area, channel, lawyer } => {
                let (consultation, practice_area, channel) = (*consultation, *practice_area, *channel);
                let question = Question { consultation, practice_area, area: area.clone(), channel, lawyer: *lawyer };
                return self.request(tab, id, question);
            }
            ClientMessage::Rate { .. } if !self.tabs.get(&tab).is_some_and(|page| page.rates) => {
                Err(SessionError::NotAllowed)
            }
            ClientMessage::Rate { consultation, .. } if self.is_rated(*consultation) => Err(SessionError::AlreadyRated),
            ClientMessage::CancelConsultation { consultation }
            | ClientMessage::KeepWaiting { consultation }
            | ClientMessage::CallMeBack { consultation }
            | ClientMessage::Rate { consultation, .. } => {
                let consultation = self.matters.get(consultation).copied();
                self.pass(consultation, tab, frame)
            }
            ClientMessage::OfferDelivered { offer }
            | ClientMessage::OfferSeen { offer }
            | ClientMessage::DeclineOffer { offer, .. } => self.pass(self.consultation_of(*offer), tab, frame),
            ClientMessage::AcceptOffer { offer } => self.accept(tab, *offer, frame),
            ClientMessage::JoinMedia { attempt, offer } => {
                return self.join(tab, id, *attempt, offer.clone()).await;
            }
            ClientMessage::TakeOver {} => {
                let taken = self.take_over(tab).await;
                return self.tell(tab, reply(id, taken));
            }
            ClientMessage::SetDevices { .. } => {
                if let Some(page) = self.tabs.get_mut(&tab) {
                    page.devices = Some(frame.message.clone());
                }
                // Another page's devices are nothing to the session.
                match self.seat.as_ref().filter(|seat| seat.session.is_some() && seat.tab == tab) {
                    Some(seat) => self.pass(Some(seat.consultation), tab, frame),
                    None => {
                        // Kept, and said when a session begins.
                        return self.tell(tab, reply(id, Ok(())));
                    }
                }
            }
            ClientMessage::RecordOutcome { session, .. } => {
                self.writing.insert(id, *session);
                self.pass(self.session_here(*session), tab, frame)
            }
            ClientMessage::InviteThird { session, lawyer, part } => self.invite(tab, id, *session, *lawyer, *part),
            ClientMessage::AnswerInvitation { invitation, accept } => {
                self.answer_invitation(tab, *invitation, *accept, frame)
            }
            ClientMessage::FallBack { session, .. }
            | ClientMessage::ProposeChannel { session, .. }
            | ClientMessage::AnswerChannel { session, .. }
            | ClientMessage::RemoveThird { session, .. }
            | ClientMessage::SendChat { session, .. }
            | ClientMessage::TypeText { session, .. }
            | ClientMessage::ReadChat { session, .. }
            | ClientMessage::AnswerCall { session }
            | ClientMessage::HangUp { session } => self.pass(self.session_here(*session), tab, frame),
        };
        if let Err(refused) = outcome {
            self.writing.remove(&id);
            self.tell(tab, reply(id, Err(refused)));
        }
    }

    /// Whether a matter that is final was rated.
    fn is_rated(&self, consultation: ConsultationId) -> bool {
        self.rated == Some(consultation) && !self.matters.contains(&consultation)
    }

    fn session_here(&self, session: SessionId) -> Option<ConsultationId> {
        self.sessions.get(&session).copied()
    }

    fn consultation_of(&self, offer: OfferId) -> Option<ConsultationId> {
        self.offers.iter().find(|(known, _)| *known == offer).map(|(_, consultation)| *consultation)
    }

    /// Passes a request on; the consultation answers.
    fn pass(
        &self,
        consultation: Option<ConsultationId>,
        tab: duty::Tab,
        frame: ClientFrame,
    ) -> Result<(), SessionError> {
        let consultation = consultation.ok_or(SessionError::NotFound)?;
        let message = ToConsultation::Said { from: self.party(), tab: Some(tab), frame };
        if self.registry.post(consultation, message) { Ok(()) } else { Err(SessionError::Over) }
    }

    fn set_presence(&self, tab: duty::Tab, id: RequestId, wish: Wish) -> Result<(), SessionError> {
        let Person::Lawyer(lawyer) = self.person else { return Err(SessionError::NotAllowed) };
        let input = duty::Input::PresenceSet { lawyer, wish };
        let asked = Some((self.person, tab, id));
        if self.registry.duty(ToDuty { input, asked }) { Ok(()) } else { Err(SessionError::Unexpected) }
    }

    /// One acceptance at a time, and none in a session: the compare-and-set of the matter decides between lawyers, this
    /// between the matters that ring at one lawyer.
    fn accept(&mut self, tab: duty::Tab, offer: OfferId, frame: ClientFrame) -> Result<(), SessionError> {
        let consultation = self.consultation_of(offer).ok_or(SessionError::NotFound)?;
        if let Some(accepting) = self.accepting {
            let is_same = accepting.offer == Some(offer);
            return Err(if is_same { SessionError::OfferOver } else { SessionError::NotAllowed });
        }
        if self.seat.as_ref().is_some_and(|seat| seat.consultation == consultation && seat.tab != tab) {
            // Another page of this lawyer took it.
            return Err(SessionError::OfferOver);
        }
        if self.view.session.is_some() && self.view.is_offered(offer) {
            return Err(SessionError::NotAllowed);
        }
        self.accepting = Some(Accepting { offer: Some(offer), tab, request: frame.id });
        let passed = self.pass(Some(consultation), tab, frame);
        if passed.is_err() {
            self.accepting = None;
        }
        passed
    }

    /// A lawyer wants somebody else in the session: the duty book knows who is free, the session the rest.
    fn invite(
        &self,
        tab: duty::Tab,
        request: RequestId,
        session: SessionId,
        lawyer: LawyerId,
        part: Part,
    ) -> Result<(), SessionError> {
        let Person::Lawyer(from) = self.person else { return Err(SessionError::NotAllowed) };
        let consultation = self.session_here(session).ok_or(SessionError::NotFound)?;
        if lawyer == from {
            return Err(SessionError::NotAllowed);
        }
        let wanted = Wanted { consultation, from, tab, request, session, lawyer, part };
        self.registry.wants.try_send(wanted).map_err(|_| SessionError::TooMany("invitations"))
    }

    /// Who is invited comes to one session at a time; the two sides answer in the session that they have.
    fn answer_invitation(
        &mut self,
        tab: duty::Tab,
        invitation: InvitationId,
        accept: bool,
        frame: ClientFrame,
    ) -> Result<(), SessionError> {
        let invited = self.invitations.iter().find(|(known, _)| *known == invitation).map(|(_, matter)| *matter);
        let seat = self.seat.as_ref().filter(|seat| seat.session.is_some());
        let Some(consultation) = invited.or(seat.map(|seat| seat.consultation)) else {
            return Err(SessionError::NotFound);
        };
        if invited.is_some() && accept && self.view.is_invited(invitation) {
            let may_serve = matches!(&self.holder, Holder::Lawyer(lawyer) if lawyer.profile().may_serve);
            if !may_serve || self.accepting.is_some() || self.view.session.is_some() {
                return Err(SessionError::NotAllowed);
            }
            self.accepting = Some(Accepting { offer: None, tab, request: frame.id });
        }
        let passed = self.pass(Some(consultation), tab, frame);
        if passed.is_err() {
            self.accepting = self.accepting.filter(|accepting| accepting.offer.is_some());
        }
        passed
    }

    /// A lawyer goes on in this page with the session that another one holds; that one is closed.
    async fn take_over(&mut self, tab: duty::Tab) -> Result<(), SessionError> {
        let seat = self.seat.as_ref().filter(|seat| seat.session.is_some()).ok_or(SessionError::NotFound)?;
        let holder = seat.tab;
        if holder != tab {
            self.dismiss(holder).await;
            self.move_seat(tab).await;
        }
        Ok(())
    }

    /// A citizen asks for a lawyer: a new matter with a task of its own, which answers.
    fn request(&mut self, tab: duty::Tab, id: RequestId, question: Question) {
        if self.matters.contains(&question.consultation) {
            // Asking twice with one id is one consultation; its state was said before.
            return self.tell(tab, reply(id, Ok(())));
        }
        if self.registry.is_draining() {
            let why = "the server takes no new calls right now";
            return self.tell(tab, ServerMessage::refusal(Some(id), ErrorCode::Draining, why));
        }
        if self.view.is_waiting_or_talking() || self.opening.is_some() {
            return self.tell(tab, reply(id, Err(SessionError::AlreadyWaiting)));
        }
        let Question { consultation, practice_area, area, channel, lawyer } = question;
        let (Holder::Citizen(citizen), Some(locality)) = (&self.holder, self.registry.localities.get(&area)) else {
            return self.tell(tab, reply(id, Err(SessionError::NotFound)));
        };
        let clock = &self.registry.clock;
        let sessions: [SessionIds; MAX_SESSIONS] =
            std::array::from_fn(|_| SessionIds { session: clock.mint(), citizen: clock.mint(), lawyer: clock.mint() });
        let opening = Opening {
            consultation,
            citizen: citizen.id,
            alias: citizen.alias.clone(),
            practice_area,
            area,
            locality: locality.clone(),
            channel,
            lawyer,
            identity_mode: citizen.identity_mode,
            consent_version: citizen.consent_version.clone(),
            entry_source: citizen.entry_source.clone(),
            device: self.device,
            sessions,
        };
        let room = self.registry.plane.room();
        if !self.registry.open(opening, Arc::clone(&room), Asked { tab, request: id }) {
            return self.tell(tab, reply(id, Err(SessionError::NotFound)));
        }
        self.matters.insert(consultation);
        self.opening = Some(consultation);
        if let Some(page) = self.tabs.get_mut(&tab) {
            page.devices = None;
        }
        let room = Some(room).filter(|_| channel != Channel::Text);
        self.seat = Some(Seat { consultation, session: None, tab, room });
    }

    /// Sets up the page's transport, in the matter's room or in one of its own.
    async fn join(&mut self, tab: duty::Tab, id: RequestId, attempt: u32, offer: Sdp) {
        let room = match self.room_for(tab) {
            Ok(room) => room,
            Err(refused) => return self.tell(tab, reply(id, Err(refused))),
        };
        let now = self.registry.clock.now().mono;
        let Some(page) = self.tabs.get_mut(&tab) else { return };
        let offered = (attempt, id, offer);
        match page.transport.join(&self.registry.plane, self.person, room, offered, now).await {
            // The worker answers.
            Ok(()) => {}
            Err(NotOffered::Older) => self.tell(tab, reply(id, Err(SessionError::Unexpected))),
            Err(NotOffered::TooMany) => {
                self.tell(tab, ServerMessage::refusal(Some(id), ErrorCode::RateLimited, "at most 5 offers in 10 s"));
            }
            Err(NotOffered::Media(error)) => {
                self.tell(tab, ServerMessage::refusal(Some(id), bridge::refusal(&error), error.to_string()));
            }
        }
    }

    /// The room for a page's transport; `None` is its own.
    fn room_for(&self, tab: duty::Tab) -> Result<Option<Arc<Room>>, SessionError> {
        let seat = self.seat.as_ref().filter(|seat| seat.tab == tab);
        match (self.person, seat) {
            (Person::Lawyer(_), Some(seat)) => Ok(seat.room.clone()),
            (Person::Lawyer(_), None) => Ok(None),
            (Person::Citizen(_), Some(Seat { room: Some(room), .. })) => Ok(Some(Arc::clone(room))),
            // Nothing to join: no matter, or one that is held by text.
            (Person::Citizen(_), _) => Err(SessionError::Unexpected),
        }
    }
}
