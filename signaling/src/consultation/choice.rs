//! When nobody came: the asker waits on in the old place, is called back, or leaves; and the call back itself.
use super::{
    Consultation, Party, Stage,
    waiting::{CallBack, Waiting},
};
use crate::{
    error::SessionError,
    ids::{ConsultationId, SessionId},
    output::Hint,
    session::leg::Seat,
    time::Now,
    words::{ConsultationState, EndReason, OfferClosed, OfferState},
};

/// Nobody came. Nothing is lost while the asker chooses, also when the page is closed meanwhile.
#[derive(Debug)]
pub(crate) struct Choosing {
    pub(crate) asker: Seat,
    /// Somebody was rung for this session.
    pub(crate) rang: bool,
    /// When it is given up.
    pub(crate) until: Now,
    /// The asker went away: the wait goes on by itself as soon as the page is open again.
    pub(crate) left: bool,
}

impl Consultation {
    /// Whether the asker will be called back.
    pub(super) const fn is_on_hold(&self) -> bool {
        matches!(&self.stage, Stage::Waiting(Waiting { call_back: Some(_), .. }))
    }

    /// Nobody accepted in time: the asker is told so, and may choose.
    pub(super) fn choose(&mut self, now: Now) {
        self.stop_rings(EndReason::Missed, now);
        self.rest(false, now);
    }

    /// The asker went away and stays away: nobody rings for an empty chair, and the place is kept for as long again.
    pub(super) fn lay_aside(&mut self, now: Now) {
        self.cancel_rings(now);
        self.rest(true, now);
    }

    fn rest(&mut self, left: bool, now: Now) {
        let Stage::Waiting(waiting) = &self.stage else { return };
        let (asker, rang, until) = (waiting.asker.clone(), waiting.rang, now.after(self.timers.choice));
        self.out.hint(Hint::Leave);
        self.stage = Stage::Choosing(Choosing { asker, rang, until, left });
        self.enter(ConsultationState::Unserved, now);
        self.show_matter();
    }

    /// Nobody chose anything: whoever stayed was not served, whoever left has left.
    pub(super) fn not_chosen(&mut self, now: Now) {
        match &self.stage {
            Stage::Choosing(Choosing { left: true, .. }) => self.abandon(now),
            _ => self.missed(EndReason::Missed, now),
        }
    }

    /// Notes a lost or found socket of an asker who may choose; who had left and is back waits on.
    pub(super) fn chooser_away(&mut self, lost: bool, now: Now) {
        let Stage::Choosing(choosing) = &mut self.stage else { return };
        let is_news = choosing.asker.note_socket(lost, now);
        if is_news && !lost && choosing.left {
            let (asker, rang) = (choosing.asker.clone(), choosing.rang);
            self.wait_again(asker, rang, None, now);
        }
    }

    /// The asker waits in front of the page, as before; who does already is told where the matter stands.
    pub(super) fn keep_waiting(&mut self, consultation: ConsultationId, now: Now) -> Result<(), SessionError> {
        let (asker, rang) = self.who_may_choose(consultation)?;
        if self.state == ConsultationState::Matching {
            self.show_matter();
            return Ok(());
        }
        self.wait_again(asker, rang, None, now);
        Ok(())
    }

    /// The asker will be called back: at most so long, in the old place.
    pub(super) fn call_me_back(&mut self, consultation: ConsultationId, now: Now) -> Result<(), SessionError> {
        let (asker, rang) = self.who_may_choose(consultation)?;
        if self.is_on_hold() {
            self.show_matter();
            return Ok(());
        }
        let call_back = CallBack { until: now.after(self.timers.call_back), rests_until: None };
        self.wait_again(asker, rang, Some(call_back), now);
        Ok(())
    }

    /// Waits in another way, in the old place. A desk that rings now was told of the other way: it is rung again.
    fn wait_again(&mut self, mut asker: Seat, rang: bool, call_back: Option<CallBack>, now: Now) {
        self.put_by(now);
        // Who is away has as long to come back as anybody.
        asker.away_since = asker.away_since.map(|_| now.mono);
        let state = if call_back.is_some() { ConsultationState::OnHold } else { ConsultationState::Matching };
        let mut waiting = Waiting::new(asker, self.opening.channel, &self.timers, now);
        (waiting.rang, waiting.call_back) = (rang, call_back);
        self.stage = Stage::Waiting(waiting);
        self.enter(state, now);
        self.seek();
    }

    fn who_may_choose(&self, consultation: ConsultationId) -> Result<(Seat, bool), SessionError> {
        if consultation != self.opening.consultation {
            return Err(SessionError::NotFound);
        }
        match &self.stage {
            Stage::Waiting(waiting) => Ok((waiting.asker.clone(), waiting.rang)),
            Stage::Choosing(choosing) => Ok((choosing.asker.clone(), choosing.rang)),
            Stage::Serving(_) | Stage::Over(_) | Stage::Final(_) => Err(self.unexpected()),
        }
    }

    /// The asker takes the call; said twice, it is taken once.
    pub(super) fn answer_call(&mut self, from: Party, session: SessionId, now: Now) -> Result<(), SessionError> {
        let timers = self.timers;
        let (running, _, out) = self.running(from, session)?;
        if !running.call_back {
            return Err(SessionError::Unexpected);
        }
        if running.take_call(&timers, now) {
            running.settle(&timers, now, out);
            self.moved(now);
        }
        Ok(())
    }

    /// Whether it rings at the asker who is called back.
    pub(super) fn is_calling(&self) -> bool {
        matches!(&self.stage, Stage::Serving(session) if session.citizen.seat.is_called)
    }

    /// Nobody rings for it any longer, and nobody is to blame.
    pub(super) fn cancel_rings(&mut self, now: Now) {
        for (lawyer, offer) in self.offers.close(OfferState::Cancelled, |_| true) {
            self.offer_closed(lawyer, &offer, None, OfferClosed::Cancelled, now);
        }
    }

    /// Takes the matter out of the queue.
    pub(super) fn put_by(&mut self, now: Now) {
        self.cancel_rings(now);
        if matches!(self.stage, Stage::Waiting(_)) {
            self.out.hint(Hint::Leave);
        }
    }
}
