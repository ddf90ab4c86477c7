//! The matter while its session runs, and what becomes of it afterwards: end, outcome, seal, stars.
use super::{Aftermath, Consultation, MediaFact, Party, Stage};
use crate::{
    error::SessionError,
    ids::{ConsultationId, LawyerId, RecordId, SessionId},
    message::ServerMessage,
    milestone::Event,
    output::{Hint, MediaOrder, Outbox, Output},
    session::{Session, leg::Devices},
    time::Now,
    words::{Channel, ConsultationState, EndReason, Outcome, ReferralType, SessionState},
};

impl Consultation {
    /// The running session, when it is this one and the party is in it.
    pub(super) fn running(
        &mut self,
        party: Party,
        session: SessionId,
    ) -> Result<(&mut Session, &super::Opening, &mut Outbox), SessionError> {
        match &mut self.stage {
            Stage::Serving(running) if running.ids.session == session && running.has(party) => {
                Ok((running, &self.opening, &mut self.out))
            }
            Stage::Over(over) | Stage::Final(Some(over))
                if over.ids.session == session && (party == Party::Citizen || party == Party::Lawyer(over.lawyer)) =>
            {
                Err(SessionError::Over)
            }
            Stage::Waiting(_) | Stage::Choosing(_) | Stage::Serving(_) | Stage::Over(_) | Stage::Final(_) => {
                Err(SessionError::NotFound)
            }
        }
    }

    /// The same for one of the two whose session it is; how they talk is nothing to a third party.
    pub(super) fn side(
        &mut self,
        party: Party,
        session: SessionId,
    ) -> Result<(&mut Session, &super::Opening, &mut Outbox), SessionError> {
        let found = self.running(party, session)?;
        if found.0.is_side(party) { Ok(found) } else { Err(SessionError::NotAllowed) }
    }

    /// Notes a lost or found socket.
    pub(super) fn socket(&mut self, party: Party, lost: bool, now: Now) {
        match &mut self.stage {
            Stage::Waiting(_) | Stage::Choosing(_) => self.asker_away(party, lost, now),
            Stage::Serving(session) => {
                if session.socket(party, lost, now) && session.settle(&self.timers, now, &mut self.out) {
                    self.moved(now);
                }
            }
            Stage::Over(_) | Stage::Final(_) => {}
        }
    }

    /// Notes what the bridge saw of a transport.
    pub(super) fn media(&mut self, party: Party, fact: MediaFact, now: Now) {
        match &mut self.stage {
            Stage::Waiting(waiting) if party == Party::Citizen => waiting.asker.media = fact.is_up(),
            Stage::Choosing(choosing) if party == Party::Citizen => choosing.asker.media = fact.is_up(),
            Stage::Serving(session) => {
                session.media(party, fact);
                if session.settle(&self.timers, now, &mut self.out) {
                    self.moved(now);
                }
            }
            Stage::Waiting(_) | Stage::Choosing(_) | Stage::Over(_) | Stage::Final(_) => {}
        }
    }

    /// Notes which devices send.
    pub(super) fn devices(&mut self, from: Party, devices: Devices) -> Result<(), SessionError> {
        match &mut self.stage {
            Stage::Waiting(waiting) if from == Party::Citizen => {
                waiting.asker.devices = devices;
                Ok(())
            }
            Stage::Choosing(choosing) if from == Party::Citizen => {
                choosing.asker.devices = devices;
                Ok(())
            }
            Stage::Serving(session) => {
                if session.devices(from, devices)? {
                    session.show(&self.opening, &mut self.out);
                }
                Ok(())
            }
            Stage::Waiting(_) | Stage::Choosing(_) => Err(SessionError::NotFound),
            Stage::Over(_) | Stage::Final(_) => Err(SessionError::Over),
        }
    }

    /// Notes the two-way seconds so far; they never become fewer.
    pub(super) fn two_way(&mut self, session: SessionId, seconds: u32) -> Result<(), SessionError> {
        match &mut self.stage {
            Stage::Serving(running) if running.ids.session == session => {
                running.two_way_s = running.two_way_s.max(seconds);
                Ok(())
            }
            Stage::Waiting(_) | Stage::Choosing(_) | Stage::Serving(_) | Stage::Over(_) | Stage::Final(_) => {
                Err(SessionError::NotFound)
            }
        }
    }

    pub(super) fn fall_back(
        &mut self,
        from: Party,
        session: SessionId,
        channel: Channel,
        now: Now,
    ) -> Result<(), SessionError> {
        let timers = self.timers;
        let (running, _, out) = self.side(from, session)?;
        if running.fall_back(channel, &timers, now, out)? {
            self.moved(now);
        }
        Ok(())
    }

    /// A side wants a greater channel.
    pub(super) fn propose_channel(
        &mut self,
        from: Party,
        session: SessionId,
        channel: Channel,
        now: Now,
    ) -> Result<(), SessionError> {
        let timers = self.timers;
        let (running, _, out) = self.side(from, session)?;
        running.propose(from, channel, &timers, now, out)?;
        self.moved(now);
        Ok(())
    }

    /// A side answers the other's wish, or takes back its own.
    pub(super) fn answer_channel(
        &mut self,
        from: Party,
        session: SessionId,
        channel: Channel,
        accept: bool,
        now: Now,
    ) -> Result<(), SessionError> {
        let timers = self.timers;
        let (running, _, out) = self.side(from, session)?;
        running.answer(from, channel, accept, &timers, now, out)?;
        self.moved(now);
        Ok(())
    }

    /// Legs, session or channel moved: the matter follows, and both sides see the whole.
    pub(super) fn moved(&mut self, now: Now) {
        let Stage::Serving(session) = &self.stage else { return };
        if session.was_active() && self.state == ConsultationState::Assigned {
            self.enter(ConsultationState::InService, now);
            self.show_matter();
        }
        if let Stage::Serving(session) = &self.stage {
            session.show(&self.opening, &mut self.out);
        }
    }

    /// A side hangs up; a session that is over already is what it wanted.
    pub(super) fn hang_up(&mut self, from: Party, session: SessionId, now: Now) -> Result<(), SessionError> {
        let is_calling = self.is_calling();
        match self.running(from, session) {
            Ok((running, ..)) if !running.is_side(from) => {
                self.third_leaves(from, now);
                Ok(())
            }
            // Not now: nobody was spoken to, and the asker will be called again.
            Ok(_) if is_calling => {
                self.never_began(false, now);
                Ok(())
            }
            Ok(_) => {
                let reason = match from {
                    Party::Citizen => EndReason::CitizenHungUp,
                    Party::Lawyer(_) => EndReason::LawyerHungUp,
                };
                self.end(reason, now);
                Ok(())
            }
            Err(SessionError::Over) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// A supervisor ends what is no consultation any more. Nobody of the office hears or reads anything of it.
    pub(super) fn supervisor_ends(&mut self, session: SessionId, now: Now) -> Result<(), SessionError> {
        match &self.stage {
            Stage::Serving(running) if running.ids.session == session => {
                self.end(EndReason::SupervisorEnded, now);
                Ok(())
            }
            Stage::Over(over) | Stage::Final(Some(over)) if over.ids.session == session => Err(SessionError::Over),
            Stage::Waiting(_) | Stage::Choosing(_) | Stage::Serving(_) | Stage::Over(_) | Stage::Final(_) => {
                Err(SessionError::NotFound)
            }
        }
    }

    /// Ends the session; the outcome is awaited from now on.
    pub(super) fn end(&mut self, reason: EndReason, now: Now) {
        let Stage::Serving(session) = &mut self.stage else { return };
        session.end(&self.opening, SessionState::Ended, reason, now, &mut self.out);
        let (ids, lawyer) = (session.ids, session.lawyer);
        if session.has_media() {
            self.out.push(Output::Media(MediaOrder::ReleaseLegs { session: ids.session, lawyer, asker_waits: false }));
        }
        self.out.hint(Hint::Released { lawyer });
        let was_rated = self.was_rated();
        self.stage = Stage::Over(Aftermath { was_rated, ..Aftermath::new(ids, lawyer, &self.timers, now) });
    }

    /// The lawyer writes the outcome; the same outcome again is the same, another one comes too late.
    pub(super) fn record_outcome(
        &mut self,
        lawyer: LawyerId,
        session: SessionId,
        outcome: Outcome,
        (legal_aid_prompted, referral_type): (bool, Option<ReferralType>),
        now: Now,
    ) -> Result<(), SessionError> {
        match &self.stage {
            Stage::Over(over) | Stage::Final(Some(over)) if over.ids.session == session && over.lawyer == lawyer => {
                match over.outcome {
                    None => {
                        self.outcome(outcome, (legal_aid_prompted, referral_type), now);
                        Ok(())
                    }
                    Some(written) if written == outcome => Ok(()),
                    Some(_) => Err(SessionError::Over),
                }
            }
            Stage::Serving(running) if running.ids.session == session && running.lawyer == lawyer => {
                Err(SessionError::Unexpected)
            }
            Stage::Waiting(_) | Stage::Choosing(_) | Stage::Serving(_) | Stage::Over(_) | Stage::Final(_) => {
                Err(SessionError::NotFound)
            }
        }
    }

    /// The outcome is in, or is missing for good: the record can be sealed.
    pub(super) fn outcome(
        &mut self,
        outcome: Outcome,
        (legal_aid_prompted, said): (bool, Option<ReferralType>),
        now: Now,
    ) {
        let Stage::Over(over) = &mut self.stage else { return };
        over.outcome = Some(outcome);
        let (session, lawyer) = (over.ids.session, over.lawyer);
        let referral_type = said.or(outcome.referral());
        self.out.event(Event::OutcomeRecorded { session, outcome, legal_aid_prompted, referral_type }, now);
        if outcome.can_be_said() {
            self.enter(ConsultationState::Answered, now);
            self.show_matter();
        }
        self.out.hint(Hint::WrittenUp { lawyer });
        self.out.push(Output::Seal { session, lawyer });
    }

    /// The record is sealed.
    pub(super) fn sealed(&mut self, session: SessionId, record: RecordId, now: Now) -> Result<(), SessionError> {
        let Stage::Over(over) = &mut self.stage else { return Err(self.unexpected()) };
        if over.ids.session != session {
            return Err(SessionError::NotFound);
        }
        if over.sealed {
            return Ok(());
        }
        if over.outcome.is_none() {
            return Err(SessionError::Unexpected);
        }
        over.sealed = true;
        let lawyer = over.lawyer;
        let (from, to) = (SessionState::Ended, SessionState::Sealed);
        self.out.event(Event::SessionChanged { session, from, to }, now);
        self.out.tell_lawyer(lawyer, ServerMessage::RecordSealed { session, record });
        self.close_if_done(now);
        Ok(())
    }

    /// The asker gives stars, once.
    pub(super) fn rate(&mut self, consultation: ConsultationId, stars: u8, now: Now) -> Result<(), SessionError> {
        if consultation != self.opening.consultation {
            return Err(SessionError::NotFound);
        }
        match &mut self.stage {
            Stage::Over(over) if over.stars.is_none() && !over.was_rated => {
                over.stars = Some(stars);
                self.out.event(Event::Rated { stars }, now);
                self.out.tell_citizen(ServerMessage::Rated { consultation, stars });
                self.close_if_done(now);
                Ok(())
            }
            Stage::Over(over) | Stage::Final(Some(over)) if over.stars.is_some() || over.was_rated => {
                Err(SessionError::AlreadyRated)
            }
            Stage::Over(_) | Stage::Final(_) => Err(SessionError::Over),
            Stage::Waiting(_) | Stage::Choosing(_) | Stage::Serving(_) => Err(SessionError::Unexpected),
        }
    }

    /// Closes the matter when it is sealed and rated, or when 72 h have passed.
    pub(super) fn close_if_done(&mut self, now: Now) {
        let placeholder = Stage::Final(None);
        match std::mem::replace(&mut self.stage, placeholder) {
            Stage::Over(over) if over.is_done(now) => {
                self.enter(ConsultationState::Closed, now);
                self.finish(Some(over));
            }
            other => self.stage = other,
        }
    }

    /// The server stops: whoever waits is told so, whoever talks is cut off, what is over is left to the reaper.
    pub(super) fn stop(&mut self, now: Now) {
        match &self.stage {
            // Who is to be called back stays so: the next process takes it up.
            Stage::Waiting(waiting) if waiting.call_back.is_some() => self.put_by(now),
            Stage::Waiting(_) | Stage::Choosing(_) => self.missed(EndReason::ServerStopped, now),
            Stage::Serving(_) if self.is_calling() => {
                self.never_began(false, now);
                self.put_by(now);
            }
            Stage::Serving(_) => self.end(EndReason::ServerStopped, now),
            Stage::Over(_) | Stage::Final(_) => {}
        }
    }
}
