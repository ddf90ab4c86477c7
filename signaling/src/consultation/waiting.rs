//! A matter that waits: its asker, its place, and how much longer anybody is asked for patience.
use std::time::Duration;

use crate::{
    ids::ConsultationId,
    message::QueueView,
    session::leg::Seat,
    time::{Instant, Now, Timestamp},
    timers::Timers,
    words::{Channel, RouteMode},
};

/// An asker who will be called back.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CallBack {
    /// When it is given up.
    pub(crate) until: Now,
    /// After a call in vain: nobody is rung before.
    pub(crate) rests_until: Option<Instant>,
}

/// Where a matter stands in the queue.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    /// 1 is next.
    pub(crate) place: u32,
    /// Lawyers on duty who may be rung for it, free or not.
    pub(crate) on_duty: u32,
    /// Those of them who are occupied and will be rung when they are free.
    pub(crate) occupied: u32,
    /// What it may expect to wait, in seconds.
    pub(crate) expected_s: Option<u32>,
}

/// The asker of a waiting matter, and the two clocks that end the wait.
#[derive(Debug)]
pub(crate) struct Waiting {
    pub(crate) asker: Seat,
    /// Somebody was rung for this session.
    pub(crate) rang: bool,
    /// The duty book has said where it stands.
    stands: bool,
    /// How a lawyer is looked for.
    pub(crate) mode: Option<RouteMode>,
    /// The asker will be called back.
    pub(crate) call_back: Option<CallBack>,
    place: Place,
    patience: Patience,
    told: Option<QueueView>,
}

impl Waiting {
    pub(crate) fn new(asker: Seat, channel: Channel, timers: &Timers, now: Now) -> Self {
        let patience =
            Patience::new(timers.give_up_for(channel), timers.wait_for(channel), timers.least_for(channel), now);
        let place = Place { place: 1, on_duty: 0, occupied: 0, expected_s: None };
        Self { asker, rang: false, stands: false, mode: None, call_back: None, place, patience, told: None }
    }

    /// When the asker is told that nobody can be reached.
    pub(crate) fn gives_up(&self) -> Instant {
        self.call_back.as_ref().map_or(self.patience.deadline(), |call_back| call_back.until.mono)
    }

    /// When who did not answer the call may be called again.
    pub(crate) fn rests_until(&self) -> Option<Instant> {
        self.call_back.as_ref().and_then(|call_back| call_back.rests_until)
    }

    /// When the place of an absent asker is given up.
    pub(crate) fn abandoned(&self, timers: &Timers) -> Option<Instant> {
        self.asker.away_since.filter(|_| self.call_back.is_none()).map(|since| since + timers.grace)
    }

    /// Notes where the matter stands in the queue.
    pub(crate) const fn stand(&mut self, place: Place) {
        (self.stands, self.place) = (true, place);
    }

    /// Lets the patience run while desks ring or nobody can be hoped for, and rest while all are busy with others.
    pub(crate) fn settle(&mut self, ringing: u32, now: Now) {
        self.patience.run(ringing > 0 || self.place.occupied == 0, now);
    }

    /// The place in the queue, when it is not what was told last.
    pub(crate) fn news(&mut self, consultation: ConsultationId) -> Option<QueueView> {
        let view = self.view(consultation);
        if !self.stands || self.told.as_ref() == Some(&view) {
            return None;
        }
        self.told = Some(view.clone());
        Some(view)
    }

    /// The place in the queue.
    pub(crate) const fn view(&self, consultation: ConsultationId) -> QueueView {
        let Place { place, on_duty, expected_s, .. } = self.place;
        let until = match &self.call_back {
            Some(call_back) => call_back.until.wall,
            None => self.patience.until,
        };
        QueueView { consultation, place, on_duty, expected_s, until }
    }
}

/// A clock that rests while the asker waits for somebody who is merely busy, and ends in any case.
#[derive(Debug)]
struct Patience {
    left: Duration,
    /// What is left at least when it runs again: a desk that rings late has its whole ring.
    least: Duration,
    runs_since: Option<Instant>,
    last: Instant,
    /// The deadline on the wall, for the asker.
    until: Timestamp,
}

impl Patience {
    fn new(left: Duration, wait: Duration, least: Duration, now: Now) -> Self {
        Self { left, least, runs_since: Some(now.mono), last: now.mono + wait, until: now.after(left.min(wait)).wall }
    }

    fn deadline(&self) -> Instant {
        self.runs_since.map_or(self.last, |since| (since + self.left).min(self.last))
    }

    fn run(&mut self, runs: bool, now: Now) {
        match (self.runs_since, runs) {
            (None, true) => {
                self.left = self.left.max(self.least);
                self.runs_since = Some(now.mono);
            }
            (Some(since), false) => {
                self.left = self.left.saturating_sub(now.mono - since);
                self.runs_since = None;
            }
            (None, false) | (Some(_), true) => return,
        }
        self.until = now.after(self.deadline() - now.mono).wall;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Now = Now { mono: Instant::START, wall: Timestamp(0) };

    fn at(seconds: u64) -> Now {
        NOW.after(Duration::from_secs(seconds))
    }

    #[test]
    fn patience_rests_while_all_are_busy_and_ends_in_any_case() {
        let mut patience =
            Patience::new(Duration::from_secs(60), Duration::from_secs(600), Duration::from_secs(30), NOW);
        assert_eq!(patience.deadline(), at(60).mono);

        patience.run(false, at(20));
        assert_eq!((patience.deadline(), patience.until), (at(600).mono, at(600).wall));

        patience.run(true, at(100));
        assert_eq!((patience.deadline(), patience.until), (at(140).mono, at(140).wall));

        patience.run(false, at(139));
        patience.run(true, at(200));
        assert_eq!(patience.deadline(), at(230).mono, "a second was left, but a desk has its whole ring");

        patience.run(false, at(210));
        patience.run(true, at(590));
        assert_eq!(patience.deadline(), at(600).mono);
    }
}
