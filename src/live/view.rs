//! What a person's page must know to go on, folded from what the person was told.
use std::collections::{BTreeMap, BTreeSet};

use yunfa_signaling::{
    ids::{ConsultationId, InvitationId, OfferId, SessionId},
    message::{
        ConsultationView, InvitedView, OfferView, PROTOCOL_VERSION, QueueView, RESUME_SECONDS, ServerMessage,
        SessionView, Welcome,
    },
    private::{PersonName, Token},
    time::Timestamp,
    words::{ConsultationState, Presence, Role},
};

/// The present state of everything that runs for one person. Every message says the whole of its thing, so the newest
/// of each is the truth.
#[derive(Debug, Default)]
pub(super) struct View {
    presence: Option<(Presence, u8)>,
    pub(super) consultation: Option<ConsultationView>,
    queue: Option<QueueView>,
    pub(super) session: Option<SessionView>,
    offers: BTreeMap<OfferId, OfferView>,
    invited: BTreeMap<InvitationId, InvitedView>,
    outcomes_due: BTreeSet<SessionId>,
}

impl View {
    /// Takes note of what the person is told.
    pub(super) fn told(&mut self, message: &ServerMessage) {
        match message {
            ServerMessage::Presence { presence, missed_rings } => self.presence = Some((*presence, *missed_rings)),
            ServerMessage::Consultation(view) => {
                if !matches!(view.state, ConsultationState::Matching | ConsultationState::OnHold) {
                    self.queue = None;
                }
                self.consultation = Some(view.clone()).filter(|view| !is_final(view));
            }
            ServerMessage::Queue(view) => self.queue = Some(view.clone()),
            ServerMessage::Offered(view) => {
                self.offers.insert(view.id, view.clone());
            }
            ServerMessage::OfferClosed { offer, .. } => {
                self.offers.remove(offer);
            }
            ServerMessage::Invited(view) => {
                self.invited.insert(view.id, view.clone());
            }
            ServerMessage::InvitationClosed { invitation, .. } => {
                self.invited.remove(invitation);
            }
            ServerMessage::Session(view) => self.session = Some(view.clone()),
            ServerMessage::SessionEnded { session, outcome_due, .. } => {
                self.session = self.session.take().filter(|running| running.id != *session);
                if *outcome_due {
                    self.outcomes_due.insert(*session);
                }
            }
            ServerMessage::RecordSealed { session, .. } => self.outcome_written(*session),
            // Said to one page or for one moment; a page that starts afresh has no use for them.
            ServerMessage::Welcome(_)
            | ServerMessage::Resumed { .. }
            | ServerMessage::Pong {}
            | ServerMessage::Done { .. }
            | ServerMessage::Error { .. }
            | ServerMessage::MediaAnswer { .. }
            | ServerMessage::Slots { .. }
            | ServerMessage::MediaLost {}
            | ServerMessage::Chat { .. }
            | ServerMessage::Typed { .. }
            | ServerMessage::ChatRead { .. }
            | ServerMessage::Rated { .. }
            | ServerMessage::Question { .. }
            | ServerMessage::Warned { .. }
            | ServerMessage::Blocked { .. }
            | ServerMessage::Draining {} => {}
        }
    }

    /// A matter is final, whatever was heard of it.
    pub(super) fn over(&mut self, consultation: ConsultationId) {
        self.session = self.session.take().filter(|session| session.consultation != consultation);
        self.consultation = self.consultation.take().filter(|view| view.id != consultation);
    }

    /// A matter of an asker that was over before the server started; the newest one counts.
    pub(super) fn resumed(&mut self, view: ConsultationView) {
        let known = self.consultation.take().filter(|known| known.created_at > view.created_at);
        self.consultation = known.or(Some(view)).filter(|view| !is_final(view));
    }

    /// The outcome of a session that was over before the server started is awaited.
    pub(super) fn outcome_owed(&mut self, session: SessionId) {
        self.outcomes_due.insert(session);
    }

    /// The outcome of a session is no longer awaited.
    pub(super) fn outcome_written(&mut self, session: SessionId) {
        self.outcomes_due.remove(&session);
    }

    /// Whether this offer rings.
    pub(super) fn is_offered(&self, offer: OfferId) -> bool {
        self.offers.contains_key(&offer)
    }

    /// Whether this invitation stands.
    pub(super) fn is_invited(&self, invitation: InvitationId) -> bool {
        self.invited.contains_key(&invitation)
    }

    /// Whether the citizen waits or talks: one matter at a time.
    pub(super) fn is_waiting_or_talking(&self) -> bool {
        let waits = |view: &ConsultationView| {
            matches!(
                view.state,
                ConsultationState::Open
                    | ConsultationState::Matching
                    | ConsultationState::OnHold
                    | ConsultationState::Unserved
                    | ConsultationState::Assigned
            )
        };
        self.session.is_some() || self.consultation.as_ref().is_some_and(waits)
    }

    /// The snapshot for a page that says hello; `with_session` when it takes the seat.
    pub(super) fn welcome(
        &self,
        role: Role,
        name: PersonName,
        resume_token: Token,
        with_session: bool,
        now: Timestamp,
    ) -> Welcome {
        Welcome {
            version: PROTOCOL_VERSION,
            role,
            name,
            resume_token,
            resume_seconds: RESUME_SECONDS,
            presence: match role {
                Role::Lawyer => Some(self.presence.map_or(Presence::Online, |(presence, _)| presence)),
                Role::Citizen | Role::Dispatcher | Role::Finance | Role::Supervisor | Role::FirmAdmin => None,
            },
            consultation: self.consultation.clone(),
            session: self.session.clone().filter(|_| with_session),
            offers: self.offers.values().cloned().collect(),
            outcome_due: self.outcomes_due.first().copied(),
            now,
        }
    }

    /// What the welcome has no room for, to be said right after it.
    pub(super) fn after_welcome(&self) -> Vec<ServerMessage> {
        let presence = self.presence.map(|(presence, missed_rings)| ServerMessage::Presence { presence, missed_rings });
        let invited = self.invited.values().cloned().map(ServerMessage::Invited);
        presence.into_iter().chain(self.queue.clone().map(ServerMessage::Queue)).chain(invited).collect()
    }
}

/// Whether nothing more comes of a consultation for its asker's page.
pub(super) const fn is_final(view: &ConsultationView) -> bool {
    match view.state {
        ConsultationState::Closed | ConsultationState::Cancelled => true,
        ConsultationState::Unserved => view.choice_until.is_none(),
        ConsultationState::Open
        | ConsultationState::Matching
        | ConsultationState::OnHold
        | ConsultationState::Assigned
        | ConsultationState::InService
        | ConsultationState::Answered => false,
    }
}

#[cfg(test)]
mod tests {
    use yunfa_signaling::{
        ids::LegId,
        words::{Channel, EndReason, Grade, OfferClosed, PracticeArea, RouteMode, SessionState},
    };

    use super::*;

    #[test]
    fn a_page_that_reloads_in_a_call_is_told_of_the_call() {
        let mut view = View::default();

        view.told(&ServerMessage::Consultation(consultation(ConsultationState::InService)));
        view.told(&ServerMessage::Session(session()));

        let welcome = welcome(&view, Role::Citizen, true);
        assert_eq!(welcome.session, Some(session()));
        assert_eq!(welcome.consultation.map(|view| view.state), Some(ConsultationState::InService));
        assert!(self::welcome(&view, Role::Citizen, false).session.is_none());
    }

    #[test]
    fn what_is_over_is_not_told() {
        let mut view = View::default();
        view.told(&ServerMessage::Offered(offer()));
        view.told(&ServerMessage::Session(session()));
        view.told(&ServerMessage::Consultation(consultation(ConsultationState::Unserved)));

        view.told(&ServerMessage::OfferClosed { offer: offer().id, reason: OfferClosed::Taken });
        view.told(&ended(false));

        let welcome = welcome(&view, Role::Citizen, true);
        assert!(welcome.offers.is_empty() && welcome.session.is_none() && welcome.consultation.is_none());
        assert!(!view.is_waiting_or_talking());
    }

    #[test]
    fn an_outcome_is_due_until_it_is_written() {
        let mut view = View::default();
        view.told(&ServerMessage::Session(session()));
        view.told(&ended(true));
        assert_eq!(welcome(&view, Role::Lawyer, true).outcome_due, Some(session().id));

        view.outcome_written(session().id);

        assert_eq!(welcome(&view, Role::Lawyer, true).outcome_due, None);
    }

    #[test]
    fn a_place_in_the_queue_is_told_only_while_waiting() {
        let mut view = View::default();
        let queue = QueueView { consultation: id(1), place: 2, on_duty: 1, expected_s: None, until: Timestamp(9) };
        view.told(&ServerMessage::Consultation(consultation(ConsultationState::Matching)));
        view.told(&ServerMessage::Queue(queue.clone()));
        assert_eq!(view.after_welcome(), [ServerMessage::Queue(queue)]);

        view.told(&ServerMessage::Consultation(consultation(ConsultationState::Assigned)));

        assert!(view.after_welcome().is_empty() && view.is_waiting_or_talking());
    }

    fn welcome(view: &View, role: Role, with_session: bool) -> Welcome {
        view.welcome(role, PersonName::new("群众"), Token::new("t"), with_session, Timestamp(0))
    }

    fn id(number: u128) -> ConsultationId {
        ConsultationId::new(uuid::Uuid::from_u128(number))
    }

    fn consultation(state: ConsultationState) -> ConsultationView {
        ConsultationView {
            id: id(1),
            state,
            practice_area: PracticeArea::Labour,
            channel: Channel::Video,
            route_mode: None,
            created_at: Timestamp(0),
            ringing: 0,
            chosen_cannot: false,
            choice_until: None,
        }
    }

    fn session() -> SessionView {
        SessionView {
            id: SessionId::new(uuid::Uuid::from_u128(2)),
            consultation: id(1),
            state: SessionState::Active,
            call_back: false,
            channel: Channel::Video,
            practice_area: PracticeArea::Labour,
            locality: String::new(),
            you: LegId::new(uuid::Uuid::from_u128(3)),
            legs: vec![],
            invitation: None,
            active_since: None,
            seat_until: None,
            proposal: None,
            chat_lines: 0,
        }
    }

    fn offer() -> OfferView {
        OfferView {
            id: OfferId::new(uuid::Uuid::from_u128(4)),
            practice_area: PracticeArea::Labour,
            channel: Channel::Video,
            route_mode: RouteMode::Broadcast,
            grade: Grade::Normal,
            call_back: false,
            locality: String::new(),
            created_at: Timestamp(0),
            expires_at: Timestamp(0),
        }
    }

    fn ended(outcome_due: bool) -> ServerMessage {
        ServerMessage::SessionEnded {
            session: session().id,
            consultation: id(1),
            reason: EndReason::CitizenHungUp,
            two_way_s: 0,
            outcome_due,
        }
    }
}
