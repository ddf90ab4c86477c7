//! The matter while it waits: rings, declines, the one acceptance, and every way of not being served.
use super::{
    Consultation, MAX_SESSIONS, Party, Stage, offered,
    waiting::{CallBack, Place, Waiting},
};
use crate::{
    error::SessionError,
    ids::{ConsultationId, LawyerId, OfferId},
    message::ServerMessage,
    milestone::Event,
    offer::Offer,
    output::{Hint, MediaOrder, Output, RingOver, Seek},
    private::PersonName,
    session::Session,
    time::Now,
    words::{
        Channel, ConsultationState, DeclineReason, EndReason, OfferClosed, OfferState, RouteMode, SessionState, Tier,
    },
};

/// One ring that the duty book wants.
#[derive(Clone, Debug)]
pub(crate) struct Ring {
    pub(crate) offer: OfferId,
    pub(crate) lawyer: LawyerId,
    pub(crate) name: PersonName,
    pub(crate) mode: RouteMode,
    pub(crate) tier: Tier,
}

impl Consultation {
    /// Puts the matter into the queue and tells the asker.
    pub(super) fn seek(&mut self) {
        self.show_matter();
        self.search += 1;
        let seek = self.wanted();
        self.out.hint(Hint::Seek(seek));
    }

    /// Its rank, or who may be rung for it, is another one: said in place of what has not been heard yet, or once more.
    pub(super) fn rank_anew(&mut self) {
        let seek = self.wanted();
        self.out.seek_anew(seek);
    }

    /// Whom the matter needs.
    fn wanted(&self) -> Seek {
        let away = match &self.stage {
            Stage::Waiting(Waiting { call_back: Some(call_back), .. }) => call_back.rests_until.is_some(),
            Stage::Waiting(waiting) => waiting.asker.away_since.is_some(),
            Stage::Choosing(_) | Stage::Serving(_) | Stage::Over(_) | Stage::Final(_) => false,
        };
        Seek {
            search: self.search,
            practice_area: self.opening.practice_area,
            place: self.opening.area.clone(),
            channel: self.opening.channel,
            lawyer: self.opening.lawyer,
            asked: self.created.mono,
            grade: self.grade(),
            away,
            barred: self.barred.union(&self.known.barred).copied().collect(),
        }
    }

    /// Rings a desk. A ring that was under way when the matter left the queue is refused also when it waits again: the
    /// book has given that desk to somebody else.
    pub(super) fn ring(&mut self, search: u32, ring: Ring, now: Now) -> Result<(), SessionError> {
        let grade = self.grade();
        if search != self.search {
            return Err(self.unexpected());
        }
        let Stage::Waiting(waiting) = &mut self.stage else { return Err(self.unexpected()) };
        let Ring { offer, lawyer, mode, tier, .. } = ring;
        if self.known.barred.contains(&lawyer) {
            // The queue has been told, and had rung before it heard.
            return Err(SessionError::NotAllowed);
        }
        let expires = now.after(self.timers.ring_for(self.opening.channel, mode));
        let made = self.offers.make(ring, now, expires)?;
        self.out.event(Event::OfferMade { offer, lawyer, round: made.round, rank: made.rank, mode, tier }, now);
        let call_back = waiting.call_back.is_some();
        self.out.tell_lawyer(lawyer, ServerMessage::Offered(offered(&self.opening, grade, made, call_back)));
        let first = !waiting.rang;
        waiting.rang = true;
        if first {
            self.session_changed(SessionState::Created, SessionState::Ringing, now);
        }
        self.ringing_changed(now);
        Ok(())
    }

    /// Notes how a lawyer is looked for.
    pub(super) fn routed(&mut self, mode: RouteMode, now: Now) -> Result<(), SessionError> {
        let Stage::Waiting(waiting) = &mut self.stage else { return Err(self.unexpected()) };
        if waiting.mode.replace(mode) != Some(mode) {
            self.out.event(Event::Routed { mode }, now);
            self.show_matter();
        }
        Ok(())
    }

    /// Ends the ring of a lawyer who may not be rung any more. One who has won by then has won.
    pub(super) fn withdraw(&mut self, lawyer: LawyerId, now: Now) -> Result<(), SessionError> {
        let Some(offer) = self.offers.cut(lawyer) else { return Err(self.unexpected()) };
        self.offer_closed(lawyer, &offer, None, OfferClosed::Withdrawn, now);
        self.out.hint(Hint::RingOver { lawyer, how: RingOver::Cut });
        self.ringing_changed(now);
        Ok(())
    }

    /// Notes where the matter stands in the queue.
    pub(super) fn place(&mut self, place: Place, now: Now) -> Result<(), SessionError> {
        let Stage::Waiting(waiting) = &mut self.stage else { return Err(self.unexpected()) };
        waiting.stand(place);
        waiting.settle(self.offers.ringing(), now);
        self.show_place();
        Ok(())
    }

    /// A desk has shown the offer; an acknowledgement that crossed the end of the ring is no error.
    pub(super) fn delivered(&mut self, lawyer: LawyerId, offer: OfferId, now: Now) -> Result<(), SessionError> {
        let found = match self.offers.find(lawyer, offer) {
            Err(SessionError::OfferOver) => return Ok(()),
            found => found?,
        };
        if found.state == OfferState::Pending {
            found.state = OfferState::Delivered;
            let latency_ms = found.age_ms(now);
            let to = OfferState::Delivered;
            self.out.event(Event::OfferChanged { offer, lawyer, to, latency_ms, reason: None }, now);
        }
        Ok(())
    }

    /// A desk's lawyer has the offer before the eyes; said twice it is seen once, and after the end of the ring it is no error.
    pub(super) fn seen(&mut self, lawyer: LawyerId, offer: OfferId, now: Now) -> Result<(), SessionError> {
        let found = match self.offers.find(lawyer, offer) {
            Err(SessionError::OfferOver) => return Ok(()),
            found => found?,
        };
        if found.rings() && !std::mem::replace(&mut found.seen, true) {
            let latency_ms = found.age_ms(now);
            self.out.event(Event::OfferSeen { offer, lawyer, latency_ms }, now);
        }
        Ok(())
    }

    /// A lawyer does not take it; said twice, it is declined once.
    pub(super) fn decline(
        &mut self,
        lawyer: LawyerId,
        offer: OfferId,
        reason: DeclineReason,
        now: Now,
    ) -> Result<(), SessionError> {
        let found = self.offers.find(lawyer, offer)?;
        if found.state == OfferState::Declined {
            return Ok(());
        }
        if !found.rings() {
            return Err(SessionError::OfferOver);
        }
        found.state = OfferState::Declined;
        self.barred.insert(lawyer);
        let declined = found.clone();
        self.offer_closed(lawyer, &declined, Some(reason), OfferClosed::Declined, now);
        self.out.hint(Hint::RingOver { lawyer, how: RingOver::Declined });
        self.ringing_changed(now);
        Ok(())
    }

    /// A lawyer takes it: the first wins, the others hear `taken` at once.
    pub(super) fn accept(&mut self, lawyer: LawyerId, offer: OfferId, now: Now) -> Result<(), SessionError> {
        let Stage::Waiting(waiting) = &self.stage else { return self.offers.too_late(lawyer, offer) };
        let won = self.offers.claim(lawyer, offer)?.clone();
        let mut asker = waiting.asker.clone();
        asker.is_called = waiting.call_back.is_some();
        let is_called = asker.is_called;
        let ids = self.session_ids();
        self.offer_closed(lawyer, &won, None, OfferClosed::AcceptedElsewhere, now);
        self.out.event(
            Event::Accepted {
                offer,
                lawyer,
                session: ids.session,
                ring_latency_ms: won.age_ms(now),
                wait_ms: u64::try_from((self.waited + (now.mono - self.created.mono)).as_millis()).unwrap_or(u64::MAX),
            },
            now,
        );
        for (loser, lost) in self.offers.close(OfferState::Revoked, |_| true) {
            self.offer_closed(loser, &lost, None, OfferClosed::Taken, now);
        }
        self.out.hint(Hint::Engaged { lawyer });
        self.enter(ConsultationState::Assigned, now);
        self.session_changed(SessionState::Ringing, SessionState::Connecting, now);
        if self.opening.channel != Channel::Text {
            let (session, citizen, lawyer_leg) = (ids.session, ids.citizen, ids.lawyer);
            self.out.push(Output::Media(MediaOrder::ConnectLegs { session, citizen, lawyer, lawyer_leg }));
        }
        self.show_matter();
        if is_called {
            self.out.push(Output::CallAsker { until: now.after(self.timers.answer).wall });
        }
        let mut session = Session::begin(&self.opening, ids, asker, (lawyer, won.name), &self.timers, now);
        session.settle(&self.timers, now, &mut self.out);
        self.stage = Stage::Serving(Box::new(session));
        self.moved(now);
        Ok(())
    }

    /// The asker calls it off; while the transports connect that is hanging up.
    pub(super) fn cancel(&mut self, consultation: ConsultationId, now: Now) -> Result<(), SessionError> {
        if consultation != self.opening.consultation {
            return Err(SessionError::NotFound);
        }
        match &self.stage {
            Stage::Waiting(_) | Stage::Choosing(_) => {
                self.abandon(now);
                Ok(())
            }
            Stage::Serving(_) if self.is_calling() => {
                self.never_began(false, now);
                if matches!(self.stage, Stage::Waiting(_)) {
                    self.abandon(now);
                }
                Ok(())
            }
            Stage::Serving(session) if session.state() == SessionState::Connecting => {
                self.end(EndReason::CitizenHungUp, now);
                Ok(())
            }
            Stage::Serving(_) => Err(SessionError::Unexpected),
            Stage::Final(None) if self.state == ConsultationState::Cancelled => Ok(()),
            Stage::Over(_) | Stage::Final(_) => Err(SessionError::Over),
        }
    }

    /// The same question again is the same matter; another one must wait until this is over.
    pub(super) fn asked_again(&mut self, consultation: ConsultationId) -> Result<(), SessionError> {
        if consultation == self.opening.consultation {
            self.show_matter();
            return Ok(());
        }
        match self.stage {
            Stage::Waiting(_) | Stage::Choosing(_) | Stage::Serving(_) => Err(SessionError::AlreadyWaiting),
            Stage::Over(_) | Stage::Final(_) => Err(SessionError::Over),
        }
    }

    /// Does what is due while the matter waits: rings end before the patience does.
    pub(super) fn waited(&mut self, now: Now) {
        let expired = self.offers.close(OfferState::Expired, |offer| offer.expires.mono <= now.mono);
        if !expired.is_empty() {
            for (lawyer, offer) in expired {
                self.offer_closed(lawyer, &offer, None, OfferClosed::Expired, now);
                self.out.hint(Hint::RingOver { lawyer, how: RingOver::Missed });
            }
            self.ringing_changed(now);
            return;
        }
        let Stage::Waiting(waiting) = &mut self.stage else { return };
        if let Some(call_back) = &mut waiting.call_back
            && call_back.rests_until.is_some_and(|until| until <= now.mono)
        {
            call_back.rests_until = None;
            self.out.hint(Hint::Hold { away: false });
        } else if waiting.abandoned(&self.timers).is_some_and(|at| at <= now.mono) {
            self.lay_aside(now);
        } else if waiting.gives_up() <= now.mono {
            if waiting.call_back.is_some() { self.missed(EndReason::Missed, now) } else { self.choose(now) }
        }
    }

    /// The asker has left, in words or by silence.
    pub(super) fn abandon(&mut self, now: Now) {
        self.not_sought(EndReason::Abandoned, now);
    }

    /// The office has blocked the asker. Who speaks with a lawyer is not cut off; a call back that was not taken yet is.
    pub(super) fn asker_blocked(&mut self, now: Now) {
        if self.is_calling() {
            self.never_began(false, now);
        }
        if matches!(self.stage, Stage::Waiting(_) | Stage::Choosing(_)) {
            self.not_sought(EndReason::AskerBlocked, now);
        }
    }

    /// No lawyer is looked for any more, and none is to blame.
    fn not_sought(&mut self, reason: EndReason, now: Now) {
        self.cancel_rings(now);
        self.not_served(SessionState::Abandoned, reason, ConsultationState::Cancelled, now);
    }

    /// Nobody accepted in time, or the server stops. A ring that was cut short counts as missed when it was fair.
    pub(super) fn missed(&mut self, reason: EndReason, now: Now) {
        self.stop_rings(reason, now);
        self.not_served(SessionState::Missed, reason, ConsultationState::Unserved, now);
    }

    /// Nobody rings any longer.
    pub(super) fn stop_rings(&mut self, reason: EndReason, now: Now) {
        for (lawyer, offer) in self.offers.close(OfferState::Expired, |_| true) {
            self.offer_closed(lawyer, &offer, None, OfferClosed::Expired, now);
            let fair = reason == EndReason::Missed && now.mono - offer.made.mono >= self.timers.fair_ring;
            let how = if fair { RingOver::Missed } else { RingOver::Cut };
            self.out.hint(Hint::RingOver { lawyer, how });
        }
    }

    fn not_served(&mut self, to: SessionState, reason: EndReason, state: ConsultationState, now: Now) {
        let session = self.session_ids().session;
        self.session_changed(self.session_state(), to, now);
        self.out.event(Event::SessionEnded { session, reason }, now);
        let has_left = matches!(self.stage, Stage::Choosing(_));
        if self.state != state {
            self.enter(state, now);
        }
        if !has_left {
            self.out.hint(Hint::Leave);
        }
        self.finish(None);
    }

    /// The session never began: others are rung, in the old place of the queue, until too many have failed.
    pub(super) fn never_began(&mut self, for_want_of_lawyer: bool, now: Now) {
        let Stage::Serving(session) = &mut self.stage else { return };
        let (call_back, in_vain) = (session.call_back, session.citizen.seat.is_called && !for_want_of_lawyer);
        let reason = if in_vain { EndReason::NotAnswered } else { EndReason::NoMedia };
        session.end(&self.opening, SessionState::Failed, reason, now, &mut self.out);
        let (ids, lawyer, mut asker) = (session.ids, session.lawyer, session.citizen.seat.clone());
        asker.is_called = false;
        self.failed += 1;
        let last = self.failed == MAX_SESSIONS;
        if self.opening.channel != Channel::Text {
            self.out.push(Output::Media(MediaOrder::ReleaseLegs { session: ids.session, lawyer, asker_waits: !last }));
        }
        self.out.hint(Hint::Failed { lawyer, at_fault: for_want_of_lawyer });
        if last {
            self.enter(ConsultationState::Unserved, now);
            self.out.hint(Hint::Leave);
            self.finish(None);
            return;
        }
        self.offers.reopen();
        let mut waiting = Waiting::new(asker, self.opening.channel, &self.timers, now);
        if call_back {
            let pause = Some(now.mono + self.timers.call_back_pause).filter(|_| in_vain);
            waiting.call_back = Some(CallBack { until: now.after(self.timers.call_back), rests_until: pause });
        }
        self.stage = Stage::Waiting(waiting);
        self.enter(if call_back { ConsultationState::OnHold } else { ConsultationState::Matching }, now);
        self.seek();
    }

    /// Tells asker and patience that more or fewer desks ring.
    fn ringing_changed(&mut self, now: Now) {
        if let Stage::Waiting(waiting) = &mut self.stage {
            waiting.settle(self.offers.ringing(), now);
        }
        self.show_matter();
        self.show_place();
    }

    /// Tells the asker its place when it is news.
    fn show_place(&mut self) {
        if let Stage::Waiting(waiting) = &mut self.stage
            && let Some(view) = waiting.news(self.opening.consultation)
        {
            self.out.tell_citizen(ServerMessage::Queue(view));
        }
    }

    pub(super) fn offer_closed(
        &mut self,
        lawyer: LawyerId,
        offer: &Offer,
        reason: Option<DeclineReason>,
        why: OfferClosed,
        now: Now,
    ) {
        let (id, to, latency_ms) = (offer.id, offer.state, offer.age_ms(now));
        self.out.event(Event::OfferChanged { offer: id, lawyer, to, latency_ms, reason }, now);
        self.out.tell_lawyer(lawyer, ServerMessage::OfferClosed { offer: id, reason: why });
    }

    /// Notes a lost or found socket of the asker who waits.
    pub(super) fn asker_away(&mut self, party: Party, lost: bool, now: Now) {
        if party != Party::Citizen {
            return;
        }
        let waiting = match &mut self.stage {
            Stage::Waiting(waiting) => waiting,
            Stage::Choosing(_) => return self.chooser_away(lost, now),
            Stage::Serving(_) | Stage::Over(_) | Stage::Final(_) => return,
        };
        let is_news = waiting.asker.note_socket(lost, now);
        if let Some(call_back) = &mut waiting.call_back {
            // Nobody needs to wait in front of the page; who opens it again may be called at once.
            if is_news && !lost && call_back.rests_until.take().is_some() {
                self.out.hint(Hint::Hold { away: false });
            }
        } else if is_news {
            self.out.hint(Hint::Hold { away: lost });
        }
    }
}
