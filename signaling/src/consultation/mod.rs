//! One matter from the question to the rating: a value that takes one input with `now` and queues outputs.
mod aftermath;
mod choice;
mod input;
mod matching;
mod requests;
mod resume;
mod serving;
mod thirds;
mod waiting;

use std::{collections::BTreeSet, time::Duration};

pub use self::input::{Continuation, Input, Known, MAX_SESSIONS, MediaFact, Opening, Party, SessionIds};
pub(crate) use self::matching::Ring;
pub use self::resume::Again;
use self::{
    aftermath::Aftermath,
    choice::Choosing,
    requests::Requests,
    waiting::{Place, Waiting},
};
use crate::{
    error::SessionError,
    ids::{ConsultationId, LawyerId, SessionId},
    message::{ClientMessage, ConsultationView, OfferView, QueueView, ServerMessage, SessionView},
    milestone::Event,
    offer::{Offer, Offers},
    output::{Outbox, Output},
    policy,
    session::{
        Session, Verdict,
        leg::{Devices, Seat},
    },
    time::{Instant, Now},
    timers::Timers,
    words::{ConsultationState, Grade, Outcome, SessionState},
};

/// What a matter is busy with. What a stage needs lives inside it.
#[derive(Debug)]
enum Stage {
    /// In the queue, or ringing.
    Waiting(Waiting),
    /// Nobody came: the asker may choose what to do.
    Choosing(Choosing),
    /// A lawyer has accepted.
    Serving(Box<Session>),
    /// The session is over.
    Over(Aftermath),
    /// Nothing can happen any more; what was, when there was a session.
    Final(Option<Aftermath>),
}

/// One matter. Feed one input with `now`, drain the outputs, sleep until the next deadline.
#[derive(Debug)]
pub struct Consultation {
    opening: Opening,
    timers: Timers,
    created: Now,
    /// What it had waited when this process took it up.
    waited: Duration,
    state: ConsultationState,
    stage: Stage,
    offers: Offers,
    /// Lawyers who are not rung for it: they declined.
    barred: BTreeSet<LawyerId>,
    /// How often it was put into the queue.
    search: u32,
    /// Sessions that began and failed.
    failed: usize,
    /// What is known of the matter and its incident.
    known: Known,
    /// The matter that goes on here.
    continues: Option<Continuation>,
    requests: Requests,
    out: Outbox,
}

impl Consultation {
    /// Opens a matter and puts it into the queue.
    pub fn open(opening: Opening, timers: Timers, now: Now) -> Self {
        let waiting = Waiting::new(Seat::new(opening.channel), opening.channel, &timers, now);
        let mut matter = Self {
            out: Outbox::new(opening.consultation),
            opening,
            timers,
            created: now,
            waited: Duration::ZERO,
            state: ConsultationState::Open,
            stage: Stage::Waiting(waiting),
            offers: Offers::default(),
            barred: BTreeSet::new(),
            search: 0,
            failed: 0,
            known: Known::default(),
            continues: None,
            requests: Requests::default(),
        };
        let asked = matter.opening.clone();
        matter.out.event(
            Event::Opened {
                citizen: asked.citizen,
                practice_area: asked.practice_area,
                area: asked.area,
                channel: asked.channel,
                lawyer: asked.lawyer,
                identity_mode: asked.identity_mode,
                consent_version: asked.consent_version,
                entry_source: asked.entry_source,
                device: asked.device,
            },
            now,
        );
        matter.enter(ConsultationState::Matching, now);
        matter.seek();
        matter
    }

    /// Takes one input. What is due by `now` happens first; then the input, or, when it is refused, nothing.
    pub fn handle(&mut self, input: Input, now: Now) -> Result<(), SessionError> {
        while self.poll_timeout().is_some_and(|due| due <= now.mono) {
            self.fire(now);
        }
        match input {
            Input::Said { from, request, message } => {
                if self.requests.knows(from, request) {
                    return Ok(());
                }
                self.said(from, message, now)?;
                self.requests.remember(from, request);
                Ok(())
            }
            Input::Invite { from, request, session, invitation, lawyer, name, part } => {
                let party = Party::Lawyer(from);
                if self.requests.knows(party, request) {
                    return Ok(());
                }
                self.invite(from, session, invitation, (lawyer, name), part, now)?;
                self.requests.remember(party, request);
                Ok(())
            }
            Input::Continues(matter) => self.goes_on(matter, now),
            Input::Known(known) => {
                self.learns(known, now);
                Ok(())
            }
            Input::Ring { search, offer, lawyer, name, mode, tier } => {
                self.ring(search, Ring { offer, lawyer, name, mode, tier }, now)
            }
            Input::Routed { mode } => self.routed(mode, now),
            Input::Withdraw { lawyer } => self.withdraw(lawyer, now),
            Input::Place { place, on_duty, occupied, expected_s } => {
                self.place(Place { place, on_duty, occupied, expected_s }, now)
            }
            Input::SocketLost { party } => {
                self.socket(party, true, now);
                Ok(())
            }
            Input::SocketBack { party } => {
                self.socket(party, false, now);
                Ok(())
            }
            Input::Media { party, fact } => {
                self.media(party, fact, now);
                Ok(())
            }
            Input::SupervisorEnds { session } => self.supervisor_ends(session, now),
            Input::AskerBlocked => {
                self.asker_blocked(now);
                Ok(())
            }
            Input::TwoWay { session, seconds } => self.two_way(session, seconds),
            Input::Sealed { session, record } => self.sealed(session, record, now),
            Input::Stop => {
                self.stop(now);
                Ok(())
            }
            Input::Timeout => Ok(()),
        }
    }

    /// The next order to the shell.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.out.pop()
    }

    /// When `Input::Timeout` is due; `None` once the matter is final.
    pub fn poll_timeout(&self) -> Option<Instant> {
        match &self.stage {
            Stage::Waiting(waiting) => {
                let ends = [self.offers.next_expiry(), waiting.abandoned(&self.timers), waiting.rests_until()];
                Some(ends.into_iter().flatten().fold(waiting.gives_up(), Instant::min))
            }
            Stage::Choosing(choosing) => Some(choosing.until.mono),
            Stage::Serving(session) => Some(session.deadline()),
            Stage::Over(aftermath) => Some(aftermath.deadline()),
            Stage::Final(_) => None,
        }
    }

    /// Which matter this is.
    pub const fn id(&self) -> ConsultationId {
        self.opening.consultation
    }

    /// Where it stands.
    pub const fn state(&self) -> ConsultationState {
        self.state
    }

    /// Where its latest session stands; before the acceptance it is the one that is sought.
    pub const fn session_state(&self) -> SessionState {
        match (&self.stage, self.state) {
            (Stage::Waiting(waiting), _) if waiting.rang => SessionState::Ringing,
            (Stage::Choosing(choosing), _) if choosing.rang => SessionState::Ringing,
            (Stage::Waiting(_) | Stage::Choosing(_), _) => SessionState::Created,
            (Stage::Serving(session), _) => session.state(),
            (Stage::Over(aftermath) | Stage::Final(Some(aftermath)), _) if aftermath.sealed => SessionState::Sealed,
            (Stage::Over(_) | Stage::Final(Some(_)), _) => SessionState::Ended,
            (Stage::Final(None), ConsultationState::Cancelled) => SessionState::Abandoned,
            (Stage::Final(None), _) if self.failed == MAX_SESSIONS => SessionState::Failed,
            (Stage::Final(None), _) => SessionState::Missed,
        }
    }

    /// How many events it has had: each is one version, and the store takes each version once.
    pub const fn version(&self) -> u64 {
        self.out.version()
    }

    /// The matter as its asker sees it, for `welcome`.
    pub fn view(&self) -> ConsultationView {
        let channel = match &self.stage {
            Stage::Serving(session) => session.channel,
            Stage::Waiting(_) | Stage::Choosing(_) | Stage::Over(_) | Stage::Final(_) => self.opening.channel,
        };
        ConsultationView {
            id: self.opening.consultation,
            state: self.state,
            practice_area: self.opening.practice_area,
            channel,
            route_mode: match (&self.stage, self.state) {
                (
                    Stage::Waiting(waiting),
                    ConsultationState::Open | ConsultationState::Matching | ConsultationState::OnHold,
                ) => waiting.mode,
                (Stage::Waiting(_) | Stage::Choosing(_) | Stage::Serving(_) | Stage::Over(_) | Stage::Final(_), _) => {
                    None
                }
            },
            created_at: self.created.wall,
            ringing: self.offers.ringing(),
            chosen_cannot: self.opening.lawyer.is_some_and(|chosen| self.known.barred.contains(&chosen)),
            choice_until: match &self.stage {
                Stage::Choosing(choosing) => Some(choosing.until.wall),
                Stage::Waiting(_) | Stage::Serving(_) | Stage::Over(_) | Stage::Final(_) => None,
            },
        }
    }

    /// The asker's place in the queue while it waits, for `welcome`.
    pub const fn queue_view(&self) -> Option<QueueView> {
        match &self.stage {
            Stage::Waiting(waiting) => Some(waiting.view(self.opening.consultation)),
            Stage::Choosing(_) | Stage::Serving(_) | Stage::Over(_) | Stage::Final(_) => None,
        }
    }

    /// The running session as this party sees it, for `welcome`.
    pub fn session_view(&self, party: Party) -> Option<SessionView> {
        match &self.stage {
            Stage::Serving(session) => session.view(&self.opening, party),
            Stage::Waiting(_) | Stage::Choosing(_) | Stage::Over(_) | Stage::Final(_) => None,
        }
    }

    /// The offer that rings at this lawyer's desk, for `welcome`.
    pub fn offer_view(&self, lawyer: LawyerId) -> Option<OfferView> {
        self.offers
            .of(lawyer)
            .filter(|offer| offer.rings())
            .map(|offer| offered(&self.opening, self.grade(), offer, self.is_on_hold()))
    }

    /// The session whose outcome this lawyer still owes, for `welcome`.
    pub fn outcome_due(&self, lawyer: LawyerId) -> Option<SessionId> {
        match &self.stage {
            Stage::Over(over) if over.lawyer == lawyer && over.outcome.is_none() => Some(over.ids.session),
            Stage::Waiting(_) | Stage::Choosing(_) | Stage::Serving(_) | Stage::Over(_) | Stage::Final(_) => None,
        }
    }

    /// The chat lines of the running session, oldest first, for a party that starts afresh after `welcome`.
    pub fn chat(&self, party: Party) -> Vec<ServerMessage> {
        match &self.stage {
            Stage::Serving(session) => session.chat_so_far(party),
            Stage::Waiting(_) | Stage::Choosing(_) | Stage::Over(_) | Stage::Final(_) => Vec::new(),
        }
    }

    /// The asker came back with a matter: how grave it is goes with every offer, and stars it has are not asked for again.
    fn goes_on(&mut self, matter: Continuation, now: Now) -> Result<(), SessionError> {
        if self.continues.is_some() || !matches!(self.stage, Stage::Waiting(_)) || self.offers.ringing() > 0 {
            return Err(SessionError::Unexpected);
        }
        self.continues = Some(matter);
        let Continuation { matter, services, rated, grade } = matter;
        self.out.event(Event::Continued { matter, services, rated, grade }, now);
        self.rank_anew();
        Ok(())
    }

    /// More is known: whoever has a conflict rings no more, and the queue hears of it first, so that nobody of them is rung anew.
    fn learns(&mut self, known: Known, now: Now) {
        let Known { grade, barred } = known;
        self.known.grade = self.known.grade.max(grade);
        self.known.barred.extend(barred);
        let Stage::Waiting(_) = self.stage else { return };
        self.rank_anew();
        for lawyer in self.known.barred.clone() {
            if self.offers.of(lawyer).is_some_and(Offer::rings) {
                // It rings, so it can be taken back.
                let _ = self.withdraw(lawyer, now);
            }
        }
        self.show_matter();
    }

    /// Whether the matter had its stars before this consultation.
    const fn was_rated(&self) -> bool {
        matches!(self.continues, Some(Continuation { rated: true, .. }))
    }

    pub(super) fn grade(&self) -> Grade {
        self.continues.map_or(Grade::Normal, |matter| matter.grade).max(self.known.grade)
    }

    /// Does the next thing that is due.
    fn fire(&mut self, now: Now) {
        match &mut self.stage {
            Stage::Waiting(_) => self.waited(now),
            Stage::Choosing(_) => self.not_chosen(now),
            Stage::Serving(session) => match session.fire(&self.timers, now, &mut self.out) {
                Verdict::GoesOn => self.moved(now),
                Verdict::Ended(reason) => self.end(reason, now),
                Verdict::NeverBegan { for_want_of_lawyer } => self.never_began(for_want_of_lawyer, now),
            },
            Stage::Over(over) => {
                if over.outcome_is_missing(now) {
                    self.outcome(Outcome::Missing, (false, None), now);
                }
                self.close_if_done(now);
            }
            Stage::Final(_) => {}
        }
    }

    fn said(&mut self, from: Party, message: ClientMessage, now: Now) -> Result<(), SessionError> {
        policy::check(from.role(), &message)?;
        message.check()?;
        match (message, from) {
            (ClientMessage::RequestConsultation { consultation, .. }, _) => self.asked_again(consultation),
            (ClientMessage::CancelConsultation { consultation }, _) => self.cancel(consultation, now),
            (ClientMessage::KeepWaiting { consultation }, _) => self.keep_waiting(consultation, now),
            (ClientMessage::CallMeBack { consultation }, _) => self.call_me_back(consultation, now),
            (ClientMessage::AnswerCall { session }, _) => self.answer_call(from, session, now),
            (ClientMessage::Rate { consultation, stars }, _) => self.rate(consultation, stars, now),
            (ClientMessage::OfferDelivered { offer }, Party::Lawyer(lawyer)) => self.delivered(lawyer, offer, now),
            (ClientMessage::OfferSeen { offer }, Party::Lawyer(lawyer)) => self.seen(lawyer, offer, now),
            (ClientMessage::AcceptOffer { offer }, Party::Lawyer(lawyer)) => self.accept(lawyer, offer, now),
            (ClientMessage::DeclineOffer { offer, reason }, Party::Lawyer(lawyer)) => {
                self.decline(lawyer, offer, reason, now)
            }
            (
                ClientMessage::RecordOutcome { session, outcome, legal_aid_prompted, referral_type },
                Party::Lawyer(lawyer),
            ) => self.record_outcome(lawyer, session, outcome, (legal_aid_prompted, referral_type), now),
            (ClientMessage::SetDevices { microphone, camera, screen }, _) => {
                self.devices(from, Devices { microphone, camera, screen })
            }
            (ClientMessage::FallBack { session, channel }, _) => self.fall_back(from, session, channel, now),
            (ClientMessage::ProposeChannel { session, channel }, _) => {
                self.propose_channel(from, session, channel, now)
            }
            (ClientMessage::AnswerChannel { session, channel, accept }, _) => {
                self.answer_channel(from, session, channel, accept, now)
            }
            (ClientMessage::AnswerInvitation { invitation, accept }, _) => {
                self.answer_invitation(from, invitation, accept, now)
            }
            (ClientMessage::RemoveThird { session, leg }, _) => self.remove_third(from, session, leg, now),
            (ClientMessage::SendChat { session, message, text }, _) => {
                let (running, opening, out) = self.running(from, session)?;
                running.say(opening, from, message, text, now, out)
            }
            (ClientMessage::TypeText { session, keep, text }, _) => {
                let (running, _, out) = self.running(from, session)?;
                running.type_text(from, keep, text, now, out)
            }
            (ClientMessage::ReadChat { session, up_to }, _) => {
                let (running, _, out) = self.running(from, session)?;
                running.read(from, up_to, out)
            }
            (ClientMessage::HangUp { session }, _) => self.hang_up(from, session, now),
            (
                ClientMessage::Hello { .. }
                | ClientMessage::Resume { .. }
                | ClientMessage::Ping {}
                | ClientMessage::SetPresence { .. }
                | ClientMessage::TakeOver {}
                | ClientMessage::JoinMedia { .. }
                | ClientMessage::InviteThird { .. }
                | ClientMessage::OfferDelivered { .. }
                | ClientMessage::OfferSeen { .. }
                | ClientMessage::AcceptOffer { .. }
                | ClientMessage::DeclineOffer { .. }
                | ClientMessage::RecordOutcome { .. },
                _,
            ) => Err(SessionError::Unexpected),
        }
    }
}

/// What the stages share.
impl Consultation {
    /// The ids of the session that runs, or is sought.
    const fn session_ids(&self) -> SessionIds {
        let last = MAX_SESSIONS - 1;
        self.opening.sessions[if self.failed < last { self.failed } else { last }]
    }

    fn enter(&mut self, to: ConsultationState, now: Now) {
        let from = std::mem::replace(&mut self.state, to);
        self.out.event(Event::StateChanged { from, to }, now);
    }

    fn session_changed(&mut self, from: SessionState, to: SessionState, now: Now) {
        self.out.event(Event::SessionChanged { session: self.session_ids().session, from, to }, now);
    }

    /// Tells the asker where the matter stands.
    fn show_matter(&mut self) {
        let view = self.view();
        self.out.tell_citizen(ServerMessage::Consultation(view));
    }

    /// Nothing can happen any more.
    fn finish(&mut self, aftermath: Option<Aftermath>) {
        self.stage = Stage::Final(aftermath);
        self.show_matter();
        self.out.push(Output::Done);
    }

    /// What an input hears that came after its time, or before it.
    const fn unexpected(&self) -> SessionError {
        match self.stage {
            Stage::Waiting(_) | Stage::Choosing(_) | Stage::Serving(_) => SessionError::Unexpected,
            Stage::Over(_) | Stage::Final(_) => SessionError::Over,
        }
    }
}

/// An offer as its desk sees it.
fn offered(opening: &Opening, grade: Grade, offer: &Offer, call_back: bool) -> OfferView {
    OfferView {
        id: offer.id,
        practice_area: opening.practice_area,
        channel: opening.channel,
        route_mode: offer.mode,
        grade,
        call_back,
        locality: opening.locality.clone(),
        created_at: offer.made.wall,
        expires_at: offer.expires.wall,
    }
}
