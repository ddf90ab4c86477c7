//! The reference of one matter: flat, in whole seconds, written from the documents and not from the code.
use yunfa_signaling::{
    consultation::Party,
    ids::LawyerId,
    words::{Channel, ConsultationState, Outcome, RouteMode, SessionState},
};

use crate::uuid;

/// Lawyers of the county.
pub(crate) const LAWYERS: usize = 6;

/// Everything that can happen to one matter.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Ring(usize, RouteMode),
    /// A ring of an earlier search.
    Stale,
    /// This lawyer has a conflict in it.
    Known(usize),
    Occupied(u32),
    Accept(usize),
    Decline(usize),
    Cancel,
    Withdraw(usize),
    KeepWaiting(Side),
    CallMeBack(Side),
    TakeCall(Side),
    Socket {
        side: Side,
        lost: bool,
    },
    Media {
        side: Side,
        up: bool,
    },
    FallBack(Side, Channel),
    Propose(Side, Channel),
    Answer(Side, Channel, bool),
    Say(Side, u128),
    HangUp(Side),
    Outcome(Side, Outcome),
    Sealed,
    Rate(Side, u8),
    SupervisorEnds,
    Blocked,
    Stop,
    /// The process ends and another one takes up what it can from the events.
    Restart,
    /// The asker comes back with a matter, which has its stars or not.
    GoesOn(bool),
    /// What changes nothing that is foretold here.
    Else,
}

/// A side of the matter: the asker, or one of the lawyers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Asker,
    Lawyer(usize),
}

impl Side {
    pub(crate) fn party(self) -> Party {
        match self {
            Self::Asker => Party::Citizen,
            Self::Lawyer(n) => Party::Lawyer(lawyer(n)),
        }
    }
}

pub(crate) fn lawyer(n: usize) -> LawyerId {
    LawyerId::new(uuid(2000 + n as u128))
}

/// What the reference thinks the matter is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    Waiting,
    Choosing,
    Connecting,
    Talking,
    Over,
    Gone,
}

/// The reference: flat, in whole seconds, written from the document and not from the code.
#[derive(Clone, Debug)]
pub(crate) struct Model {
    pub(crate) t: u64,
    pub(crate) phase: Phase,
    pub(crate) agreed: Channel,
    pub(crate) channel: Channel,
    pub(crate) rings: [Option<u64>; LAWYERS],
    pub(crate) latest: [Latest; LAWYERS],
    pub(crate) barred: [bool; LAWYERS],
    pub(crate) rang: bool,
    pub(crate) occupied: u32,
    pub(crate) patience_left: u64,
    pub(crate) patience_since: Option<u64>,
    pub(crate) wait_until: u64,
    pub(crate) choose_until: u64,
    /// Went away while it waited.
    pub(crate) left: bool,
    /// Will be called back, until then.
    pub(crate) hold: Option<u64>,
    pub(crate) rests: Option<u64>,
    /// The session is a call back, and nobody has taken it.
    pub(crate) call_back: bool,
    pub(crate) called: bool,
    pub(crate) socket: [Option<u64>; 2],
    pub(crate) media: [bool; 2],
    /// A leg that was there and is missing: when its seat is given up.
    pub(crate) seat: [Option<u64>; 2],
    pub(crate) was_there: [bool; 2],
    pub(crate) with: Option<usize>,
    pub(crate) talked: bool,
    pub(crate) connect_by: u64,
    pub(crate) must_end: u64,
    pub(crate) failed: usize,
    pub(crate) lines: Vec<(u128, Side)>,
    pub(crate) outcome: Option<Outcome>,
    pub(crate) ended: Option<u64>,
    pub(crate) sealed: bool,
    pub(crate) stars: bool,
    /// The matter had its stars before this consultation.
    pub(crate) rated: bool,
    pub(crate) state: ConsultationState,
    pub(crate) session: SessionState,
    pub(crate) wish: Option<Wished>,
}

/// A greater channel that a side wants.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wished {
    by: Side,
    channel: Channel,
    coming: bool,
    until: u64,
}

/// How long a proposal stands.
const PROPOSAL_S: u64 = 30;

/// What the reference knows of a lawyer's latest offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Latest {
    None,
    Rings,
    Won,
    Declined,
    Taken,
    Over,
}

pub(crate) type Answer = Result<(), &'static str>;

impl Model {
    pub(crate) fn new(channel: Channel, t: u64) -> Self {
        let text = channel == Channel::Text;
        Self {
            t,
            phase: Phase::Waiting,
            agreed: channel,
            channel,
            rings: [None; LAWYERS],
            latest: [Latest::None; LAWYERS],
            barred: [false; LAWYERS],
            rang: false,
            occupied: 0,
            patience_left: if text { 600 } else { 60 },
            patience_since: Some(t),
            wait_until: t + if text { 86_400 } else { 600 },
            choose_until: 0,
            left: false,
            hold: None,
            rests: None,
            call_back: false,
            called: false,
            socket: [None; 2],
            media: [false; 2],
            seat: [None; 2],
            was_there: [false; 2],
            with: None,
            talked: false,
            connect_by: 0,
            must_end: 0,
            failed: 0,
            lines: Vec::new(),
            outcome: None,
            ended: None,
            sealed: false,
            stars: false,
            rated: false,
            state: ConsultationState::Matching,
            session: SessionState::Created,
            wish: None,
        }
    }

    /// Everything that may be due, with what it means.
    pub(crate) fn next_due(&self) -> Option<u64> {
        let give_up =
            self.patience_since.map_or(self.wait_until, |since| (since + self.patience_left).min(self.wait_until));
        match self.phase {
            Phase::Waiting if self.hold.is_some() => {
                self.rings.iter().flatten().copied().chain(self.rests).chain(self.hold).min()
            }
            Phase::Choosing => Some(self.choose_until),
            Phase::Waiting => {
                let away = self.socket[0].map(|since| since + 60);
                self.rings.iter().flatten().copied().chain(away).chain([give_up]).min()
            }
            Phase::Connecting => Some(self.connect_by),
            Phase::Talking => {
                let wish = self.wish.map(|wish| wish.until);
                self.seat.iter().flatten().copied().chain(wish).chain([self.must_end]).min()
            }
            Phase::Over if self.outcome.is_none() => self.ended.map(|at| at + 86_400),
            Phase::Over => self.ended.map(|at| at + 3 * 86_400),
            Phase::Gone => None,
        }
    }

    /// The clock reads this; what is due happens now, however late it is.
    pub(crate) fn at(&mut self, t: u64) {
        self.t = t;
        while self.next_due().is_some_and(|due| due <= t) {
            self.fire();
        }
    }

    fn fire(&mut self) {
        match self.phase {
            Phase::Waiting => {
                let mut expired = false;
                for n in 0..LAWYERS {
                    if self.rings[n].is_some_and(|until| until <= self.t) {
                        self.rings[n] = None;
                        self.latest[n] = Latest::Over;
                        expired = true;
                    }
                }
                if expired {
                    self.patience();
                } else if self.hold.is_some() && self.rests.is_some_and(|until| until <= self.t) {
                    self.rests = None;
                } else if self.hold.is_some() {
                    self.not_served(SessionState::Missed, ConsultationState::Unserved);
                } else {
                    self.close_rings(Latest::Over);
                    self.left = self.socket[0].is_some_and(|since| since + 60 <= self.t);
                    (self.phase, self.state) = (Phase::Choosing, ConsultationState::Unserved);
                    self.choose_until = self.t + 600;
                }
            }
            Phase::Choosing if self.left => self.not_served(SessionState::Abandoned, ConsultationState::Cancelled),
            Phase::Choosing => self.not_served(SessionState::Missed, ConsultationState::Unserved),
            Phase::Connecting => {
                if self.there(1) && self.channel != Channel::Text && self.socket[0].is_none() && !self.called {
                    self.channel = Channel::Text;
                    self.settle();
                } else {
                    self.never_began(self.called && self.there(1));
                }
            }
            Phase::Talking if self.must_end > self.t && self.wish.is_some_and(|wish| wish.until <= self.t) => {
                self.wish = None;
            }
            Phase::Talking => self.end(),
            Phase::Over if self.outcome.is_none() => self.outcome = Some(Outcome::Missing),
            Phase::Over => {
                self.phase = Phase::Gone;
                self.state = ConsultationState::Closed;
            }
            Phase::Gone => {}
        }
    }

    fn never_began(&mut self, in_vain: bool) {
        self.failed += 1;
        self.session = SessionState::Failed;
        if self.failed == 3 {
            (self.phase, self.called) = (Phase::Gone, false);
            self.state = ConsultationState::Unserved;
            return;
        }
        let (socket, media, failed) = (self.socket[0], self.media[0], self.failed);
        let mut latest = self.latest;
        for known in latest.iter_mut().filter(|known| **known == Latest::Won) {
            *known = Latest::Over;
        }
        let (t, call_back, rated, barred) = (self.t, self.call_back, self.rated, self.barred);
        *self = Self::new(self.agreed, t);
        self.barred = barred;
        (self.latest, self.failed, self.rated) = (latest, failed, rated);
        (self.socket[0], self.media[0]) = (socket, media);
        if call_back {
            self.state = ConsultationState::OnHold;
            self.hold = Some(t + 86_400);
            self.rests = in_vain.then_some(t + 600);
        }
    }

    /// Waits in this or the other way, as if it had just begun, in the old place.
    fn wait_again(&mut self, hold: bool) {
        self.close_rings(Latest::Over);
        let fresh = Self::new(self.agreed, self.t);
        (self.phase, self.occupied, self.left, self.rests) = (Phase::Waiting, 0, false, None);
        self.socket[0] = self.socket[0].map(|_| self.t);
        (self.patience_left, self.patience_since) = (fresh.patience_left, Some(self.t));
        self.wait_until = fresh.wait_until;
        self.hold = hold.then_some(self.t + 86_400);
        self.state = if hold { ConsultationState::OnHold } else { ConsultationState::Matching };
    }

    /// The asker says how to wait.
    fn choose(&mut self, side: Side, hold: bool) -> Answer {
        match (side, self.phase) {
            (Side::Lawyer(_), _) => Err("not-allowed"),
            (_, Phase::Waiting) if self.hold.is_some() == hold => Ok(()),
            (_, Phase::Waiting | Phase::Choosing) => {
                self.wait_again(hold);
                Ok(())
            }
            (_, Phase::Connecting | Phase::Talking) => Err("unexpected"),
            (_, Phase::Over | Phase::Gone) => Err("over"),
        }
    }

    pub(crate) fn ringing(&self) -> usize {
        self.rings.iter().flatten().count()
    }

    fn patience(&mut self) {
        let runs = self.ringing() > 0 || self.occupied == 0;
        match (self.patience_since, runs) {
            (Some(since), false) => {
                self.patience_left = self.patience_left.saturating_sub(self.t - since);
                self.patience_since = None;
            }
            (None, true) => {
                self.patience_left = self.patience_left.max(if self.agreed == Channel::Text { 60 } else { 30 });
                self.patience_since = Some(self.t);
            }
            _ => {}
        }
    }

    fn not_served(&mut self, session: SessionState, state: ConsultationState) {
        (self.session, self.state, self.phase) = (session, state, Phase::Gone);
        self.hold = None;
        self.close_rings(Latest::Over);
    }

    fn close_rings(&mut self, to: Latest) {
        for n in 0..LAWYERS {
            if self.rings[n].take().is_some() {
                self.latest[n] = to;
            }
        }
    }

    fn there(&self, leg: usize) -> bool {
        self.socket[leg].is_none() && !(leg == 0 && self.called) && (self.channel == Channel::Text || self.media[leg])
    }

    fn settle(&mut self) {
        if !matches!(self.phase, Phase::Connecting | Phase::Talking) {
            return;
        }
        if let Some(wish) = self.wish.filter(|wish| wish.coming)
            && self.socket == [None; 2]
            && self.media == [true; 2]
        {
            self.channel = wish.channel;
            self.wish = None;
        }
        for leg in 0..2 {
            if self.there(leg) {
                self.seat[leg] = None;
                self.was_there[leg] = true;
            } else if self.was_there[leg] && self.seat[leg].is_none() {
                self.seat[leg] = Some(self.t + 60);
            }
        }
        if self.there(0) && self.there(1) {
            self.phase = Phase::Talking;
            self.session = SessionState::Active;
            if !self.talked {
                self.talked = true;
                self.state = ConsultationState::InService;
            }
        } else if self.phase == Phase::Talking {
            self.session = SessionState::Reconnecting;
        }
    }

    /// Both want it; from text transports are set up first.
    fn rise(&mut self, by: Side, channel: Channel) {
        if self.channel == Channel::Text {
            self.media = [false; 2];
            self.wish = Some(Wished { by, channel, coming: true, until: self.t + 15 });
        } else {
            self.channel = channel;
            self.wish = None;
        }
    }

    fn end(&mut self) {
        self.phase = Phase::Over;
        self.session = SessionState::Ended;
        self.ended = Some(self.t);
    }

    /// The leg of a side in the running session.
    fn leg(&self, side: Side) -> Option<usize> {
        match side {
            Side::Asker => Some(0),
            Side::Lawyer(n) if self.with == Some(n) => Some(1),
            Side::Lawyer(_) => None,
        }
    }

    /// Whether a word about the session is heard at all.
    fn in_session(&self, side: Side) -> Answer {
        match self.phase {
            Phase::Connecting | Phase::Talking if self.leg(side).is_some() => Ok(()),
            Phase::Over if self.leg(side).is_some() => Err("over"),
            Phase::Gone if self.ended.is_some() && self.leg(side).is_some() => Err("over"),
            _ => Err("not-found"),
        }
    }

    pub(crate) fn step(&mut self, step: &Step) -> Answer {
        match *step {
            Step::Else => Ok(()),
            Step::Stale if matches!(self.phase, Phase::Over | Phase::Gone) => Err("over"),
            Step::Stale => Err("unexpected"),
            Step::GoesOn(rated) => {
                self.rated = rated;
                Ok(())
            }
            Step::Known(n) => {
                self.barred[n] = true;
                if self.phase == Phase::Waiting && self.rings[n].take().is_some() {
                    self.latest[n] = Latest::Over;
                    self.patience();
                }
                Ok(())
            }
            Step::Restart => {
                // Who has a conflict is said anew by whoever keeps it.
                self.barred = [false; LAWYERS];
                // All that a matter whose session is over forgets is who was rung.
                if self.phase == Phase::Over || self.hold.is_some() {
                    self.latest = [Latest::None; LAWYERS];
                }
                if self.hold.is_some() {
                    (self.rings, self.occupied, self.rests) = ([None; LAWYERS], 0, None);
                    (self.socket[0], self.media[0]) = (Some(self.t), false);
                    (self.patience_since, self.patience_left) =
                        (Some(self.t), Self::new(self.agreed, self.t).patience_left);
                }
                Ok(())
            }
            Step::Ring(n, mode) => {
                match self.phase {
                    Phase::Waiting if self.barred[n] => return Err("not-allowed"),
                    Phase::Waiting if self.rings[n].is_none() => {}
                    Phase::Waiting | Phase::Choosing | Phase::Connecting | Phase::Talking => return Err("unexpected"),
                    Phase::Over | Phase::Gone => return Err("over"),
                }
                self.rings[n] = Some(
                    self.t
                        + match (self.agreed, mode) {
                            (Channel::Text, _) => 60,
                            (_, RouteMode::Broadcast | RouteMode::Appointment) => 30,
                            (_, RouteMode::Direct | RouteMode::AutoVillage) => 20,
                        },
                );
                self.latest[n] = Latest::Rings;
                self.session = SessionState::Ringing;
                self.rang = true;
                self.patience();
                Ok(())
            }
            Step::Occupied(occupied) => {
                match self.phase {
                    Phase::Waiting => {}
                    Phase::Choosing | Phase::Connecting | Phase::Talking => return Err("unexpected"),
                    Phase::Over | Phase::Gone => return Err("over"),
                }
                self.occupied = occupied;
                self.patience();
                Ok(())
            }
            Step::Accept(n) => {
                match (self.phase, self.latest[n]) {
                    (_, Latest::None) => return Err("not-found"),
                    (Phase::Waiting, Latest::Rings) => {}
                    (Phase::Waiting, _) => return Err("offer-over"),
                    (_, Latest::Won) if self.with == Some(n) && self.session != SessionState::Failed => return Ok(()),
                    (_, Latest::Won) => return Ok(()),
                    (_, Latest::Taken) => return Err("taken"),
                    _ => return Err("offer-over"),
                }
                self.rings[n] = None;
                self.latest[n] = Latest::Won;
                self.close_rings(Latest::Taken);
                self.with = Some(n);
                self.state = ConsultationState::Assigned;
                self.session = SessionState::Connecting;
                self.phase = Phase::Connecting;
                (self.call_back, self.called) = (self.hold.is_some(), self.hold.is_some());
                self.hold = None;
                self.connect_by = self.t + if self.called { 45 } else { 15 };
                self.must_end = self.t + 4 * 3600;
                (self.socket[1], self.media[1]) = (None, false);
                self.settle();
                Ok(())
            }
            Step::Decline(n) => match self.latest[n] {
                Latest::None => Err("not-found"),
                Latest::Declined => Ok(()),
                Latest::Rings => {
                    self.rings[n] = None;
                    self.latest[n] = Latest::Declined;
                    self.patience();
                    Ok(())
                }
                Latest::Won | Latest::Taken | Latest::Over => Err("offer-over"),
            },
            Step::Withdraw(n) => match self.phase {
                Phase::Waiting if self.rings[n].take().is_some() => {
                    self.latest[n] = Latest::Over;
                    self.patience();
                    Ok(())
                }
                Phase::Over | Phase::Gone => Err("over"),
                _ => Err("unexpected"),
            },
            Step::KeepWaiting(side) => self.choose(side, false),
            Step::CallMeBack(side) => self.choose(side, true),
            Step::TakeCall(Side::Lawyer(_)) => Err("not-allowed"),
            Step::TakeCall(Side::Asker) => {
                self.in_session(Side::Asker)?;
                if !self.call_back {
                    return Err("unexpected");
                }
                if std::mem::replace(&mut self.called, false) {
                    self.connect_by = self.t + 15;
                    self.settle();
                }
                Ok(())
            }
            Step::Cancel => match self.phase {
                Phase::Connecting if self.called => {
                    self.never_began(true);
                    if self.phase == Phase::Waiting {
                        self.not_served(SessionState::Abandoned, ConsultationState::Cancelled);
                    }
                    Ok(())
                }
                Phase::Waiting | Phase::Choosing => {
                    self.not_served(SessionState::Abandoned, ConsultationState::Cancelled);
                    Ok(())
                }
                Phase::Connecting => {
                    self.end();
                    Ok(())
                }
                Phase::Talking => Err("unexpected"),
                Phase::Gone if self.state == ConsultationState::Cancelled => Ok(()),
                Phase::Over | Phase::Gone => Err("over"),
            },
            Step::Socket { side, lost } => {
                if let (Some(leg), true) = (self.leg(side), self.phase != Phase::Waiting || side == Side::Asker) {
                    if lost && self.socket[leg].is_none() {
                        self.socket[leg] = Some(self.t);
                    } else if !lost && self.socket[leg].take().is_some() {
                        match self.phase {
                            Phase::Waiting => self.rests = None,
                            Phase::Choosing if self.left => self.wait_again(false),
                            _ => {}
                        }
                    }
                    self.settle();
                }
                Ok(())
            }
            Step::Media { side, up } => {
                if let (Some(leg), true) = (self.leg(side), self.phase != Phase::Waiting || side == Side::Asker) {
                    self.media[leg] = up;
                    self.settle();
                }
                Ok(())
            }
            Step::FallBack(side, channel) => {
                self.in_session(side)?;
                if channel > self.channel {
                    return Err("not-allowed");
                }
                if channel < self.channel || self.wish.is_some_and(|wish| wish.coming) {
                    self.wish = None;
                }
                self.channel = channel;
                self.settle();
                Ok(())
            }
            Step::Propose(side, channel) => {
                self.in_session(side)?;
                if channel <= self.channel {
                    return Err("not-allowed");
                }
                match self.wish {
                    _ if self.session != SessionState::Active => Err("unexpected"),
                    Some(wish) if wish.coming => Err("unexpected"),
                    Some(wish) if wish.by != side && wish.channel == channel => {
                        self.rise(side, channel);
                        Ok(())
                    }
                    _ => {
                        self.wish = Some(Wished { by: side, channel, coming: false, until: self.t + PROPOSAL_S });
                        Ok(())
                    }
                }
            }
            Step::Answer(side, channel, accept) => {
                self.in_session(side)?;
                match self.wish {
                    Some(wish) if !wish.coming && wish.channel == channel => match (accept, wish.by == side) {
                        (true, true) => Err("not-allowed"),
                        (true, false) => {
                            self.rise(side, channel);
                            Ok(())
                        }
                        (false, _) => {
                            self.wish = None;
                            Ok(())
                        }
                    },
                    _ => Err("unexpected"),
                }
            }
            Step::Say(side, line) => {
                self.in_session(side)?;
                match self.lines.iter().find(|(known, _)| *known == line) {
                    Some((_, by)) if *by != side => Err("not-allowed"),
                    Some(_) => Ok(()),
                    None => {
                        self.lines.push((line, side));
                        Ok(())
                    }
                }
            }
            Step::HangUp(side) => match self.in_session(side) {
                Ok(()) if self.called => {
                    self.never_began(true);
                    Ok(())
                }
                Ok(()) => {
                    self.end();
                    Ok(())
                }
                Err("over") => Ok(()),
                error => error,
            },
            Step::Outcome(Side::Asker, _) => Err("not-allowed"),
            Step::Outcome(Side::Lawyer(_), Outcome::Missing) => Err("bad-message"),
            Step::Outcome(side, outcome) => match self.in_session(side) {
                Ok(()) => Err("unexpected"),
                Err("over") if self.outcome.is_none() && self.phase == Phase::Over => {
                    self.outcome = Some(outcome);
                    self.state = ConsultationState::Answered;
                    Ok(())
                }
                Err("over") if self.outcome == Some(outcome) => Ok(()),
                error => error,
            },
            Step::Sealed => match self.phase {
                Phase::Waiting | Phase::Choosing | Phase::Connecting | Phase::Talking => Err("unexpected"),
                Phase::Gone => Err("over"),
                Phase::Over if self.outcome.is_none() => Err("unexpected"),
                Phase::Over => {
                    self.sealed = true;
                    self.session = SessionState::Sealed;
                    self.close();
                    Ok(())
                }
            },
            Step::Rate(Side::Lawyer(_), _) => Err("not-allowed"),
            Step::Rate(Side::Asker, 0 | 6..) => Err("bad-message"),
            Step::Rate(Side::Asker, _) => match self.phase {
                Phase::Waiting | Phase::Choosing | Phase::Connecting | Phase::Talking => Err("unexpected"),
                _ if self.stars || (self.rated && self.ended.is_some()) => Err("already-rated"),
                Phase::Gone => Err("over"),
                Phase::Over => {
                    self.stars = true;
                    self.close();
                    Ok(())
                }
            },
            Step::SupervisorEnds => match self.phase {
                Phase::Connecting | Phase::Talking => {
                    self.end();
                    Ok(())
                }
                Phase::Over => Err("over"),
                Phase::Gone if self.ended.is_some() => Err("over"),
                Phase::Waiting | Phase::Choosing | Phase::Gone => Err("not-found"),
            },
            Step::Blocked => {
                if self.phase == Phase::Connecting && self.called {
                    self.never_began(true);
                }
                if matches!(self.phase, Phase::Waiting | Phase::Choosing) {
                    self.not_served(SessionState::Abandoned, ConsultationState::Cancelled);
                }
                Ok(())
            }
            Step::Stop => {
                match self.phase {
                    Phase::Waiting if self.hold.is_some() => self.close_rings(Latest::Over),
                    Phase::Connecting if self.called => self.never_began(true),
                    Phase::Waiting | Phase::Choosing => {
                        self.not_served(SessionState::Missed, ConsultationState::Unserved)
                    }
                    Phase::Connecting | Phase::Talking => self.end(),
                    Phase::Over | Phase::Gone => {}
                }
                Ok(())
            }
        }
    }

    fn close(&mut self) {
        if self.sealed && (self.stars || self.rated) {
            self.phase = Phase::Gone;
            self.state = ConsultationState::Closed;
        }
    }
}
