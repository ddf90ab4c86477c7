//! How a matter is brought to its end when the node that held it is gone: from what is durable, never from "now".
use std::collections::BTreeMap;

use yunfa_signaling::{
    ids::{LawyerId, LegId, OfferId, SessionId},
    milestone::{Event, Milestone},
    time::Timestamp,
    words::{ConsultationState, EndReason, LegState, OfferState, Outcome, Role, SessionState},
};

use super::evidence::Evidence;

/// How long an ended session waits for its outcome.
pub const OUTCOME_WAIT_MS: i64 = 24 * 60 * 60 * 1000;

/// What is to be written, and what to be sealed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ending {
    /// The missing events, in order.
    pub events: Vec<Milestone>,
    /// The session whose record is due.
    pub seal: Option<SessionId>,
}

/// Where a matter stood when its node went.
#[derive(Default)]
struct Standing {
    state: Option<ConsultationState>,
    /// Offers that still ring, with the time they were made.
    offers: BTreeMap<OfferId, (LawyerId, Timestamp)>,
    session: Option<Session>,
}

struct Session {
    id: SessionId,
    state: SessionState,
    accepted: bool,
    ended_at: Option<Timestamp>,
    has_outcome: bool,
    legs: BTreeMap<LegId, (Role, LegState)>,
}

impl Standing {
    fn of(milestones: &[Milestone]) -> Self {
        let mut standing = Self::default();
        for milestone in milestones {
            standing.add(milestone);
        }
        standing
    }

    fn add(&mut self, milestone: &Milestone) {
        match &milestone.event {
            Event::Opened { .. } => self.state = Some(ConsultationState::Open),
            Event::StateChanged { to, .. } => self.state = Some(*to),
            Event::OfferMade { offer, lawyer, .. } => {
                self.offers.insert(*offer, (*lawyer, milestone.at));
            }
            Event::OfferChanged { to: OfferState::Delivered | OfferState::Pending, .. } => {}
            Event::OfferChanged { offer, .. } => {
                self.offers.remove(offer);
            }
            Event::Accepted { session, offer, .. } => {
                self.offers.remove(offer);
                self.session(*session).accepted = true;
            }
            Event::SessionChanged { session, to, .. } => self.session(*session).state = *to,
            Event::LegChanged { session, leg, role, to, .. } => {
                self.session(*session).legs.insert(*leg, (*role, *to));
            }
            Event::SessionEnded { session, .. } => self.session(*session).ended_at = Some(milestone.at),
            Event::OutcomeRecorded { session, .. } => self.session(*session).has_outcome = true,
            Event::ChannelChanged { .. } | Event::ChatSaid { .. } | Event::Rated { .. } => {}
        }
    }

    /// The session of that id; of several of one matter the last one that anything happened in is kept.
    fn session(&mut self, id: SessionId) -> &mut Session {
        if self.session.as_ref().is_none_or(|known| known.id != id) {
            self.session = None;
        }
        self.session.get_or_insert_with(|| Session {
            id,
            state: SessionState::Created,
            accepted: false,
            ended_at: None,
            has_outcome: false,
            legs: BTreeMap::new(),
        })
    }
}

/// Numbers new events after the last one.
struct Pen<'a> {
    last: &'a Milestone,
    written: Vec<Milestone>,
}

impl Pen<'_> {
    fn write(&mut self, at: Timestamp, event: Event) {
        let last = self.written.last().unwrap_or(self.last);
        self.written.push(Milestone {
            consultation: last.consultation,
            version: last.version + 1,
            at,
            // The clock of the process that is gone stands where it stood.
            mono_us: last.mono_us,
            event,
        });
    }
}

/// The ending of a matter that nobody holds any more. Empty when it waits for an outcome that may still come, and
/// when nothing is left to be done. `evidence` is the newest durable one of the matter's last session.
pub fn ending(milestones: &[Milestone], evidence: Option<&Evidence>, now: Timestamp) -> Ending {
    let Some(last) = milestones.last() else { return Ending::default() };
    let standing = Standing::of(milestones);
    let Some(state) = standing.state else { return Ending::default() };
    // The last moment of which anything is known for certain.
    let known = evidence.and_then(|seen| seen.service_end).map_or(last.at, |end| end.max(last.at));
    let mut pen = Pen { last, written: vec![] };
    for (offer, (lawyer, made)) in &standing.offers {
        pen.write(
            known,
            Event::OfferChanged {
                offer: *offer,
                lawyer: *lawyer,
                to: OfferState::Cancelled,
                latency_ms: u64::try_from(known.ms_since(*made)).unwrap_or(0),
                reason: None,
            },
        );
    }
    let seal = standing.session.as_ref().and_then(|session| end_session(&mut pen, session, evidence, known, now));
    let waits = standing.session.as_ref().is_some_and(|session| is_over(session.state) && seal.is_none());
    end_matter(&mut pen, state, seal.is_some(), waits, now);
    Ending { events: pen.written, seal }
}

/// Whether the session was held and is over, so that it has or awaits an outcome.
const fn is_over(state: SessionState) -> bool {
    matches!(state, SessionState::Ended)
}

/// Ends a session and says whether its record is due.
fn end_session(
    pen: &mut Pen<'_>,
    session: &Session,
    evidence: Option<&Evidence>,
    known: Timestamp,
    now: Timestamp,
) -> Option<SessionId> {
    let evidence = evidence.filter(|seen| seen.session == session.id);
    let served = evidence.is_some_and(|seen| seen.two_way_s() > 0);
    let to = match session.state {
        SessionState::Created | SessionState::Ringing => SessionState::Missed,
        SessionState::Connecting if !served => SessionState::Failed,
        SessionState::Connecting | SessionState::Active | SessionState::Reconnecting => SessionState::Ended,
        SessionState::Ended => {
            let ended_at = session.ended_at.unwrap_or(known);
            if session.ended_at.is_none() {
                pen.write(known, Event::SessionEnded { session: session.id, reason: EndReason::ServerStopped });
            }
            if !session.has_outcome && now.ms_since(ended_at) < OUTCOME_WAIT_MS {
                return None;
            }
            write_missing(pen, session, now);
            return session.accepted.then_some(session.id);
        }
        SessionState::Sealed | SessionState::Missed | SessionState::Abandoned | SessionState::Failed => return None,
    };
    for (leg, (role, from)) in &session.legs {
        if !matches!(from, LegState::Left | LegState::Kicked | LegState::TimedOut) {
            let event =
                Event::LegChanged { session: session.id, leg: *leg, role: *role, from: *from, to: LegState::TimedOut };
            pen.write(known, event);
        }
    }
    pen.write(known, Event::SessionChanged { session: session.id, from: session.state, to });
    pen.write(known, Event::SessionEnded { session: session.id, reason: EndReason::ServerStopped });
    if !session.accepted || to != SessionState::Ended {
        return None;
    }
    write_missing(pen, session, now);
    Some(session.id)
}

/// The server's own outcome, which is not paid.
fn write_missing(pen: &mut Pen<'_>, session: &Session, now: Timestamp) {
    if !session.has_outcome {
        let event =
            Event::OutcomeRecorded { session: session.id, outcome: Outcome::Missing, legal_aid_prompted: false };
        pen.write(now, event);
    }
}

/// Brings the matter itself to a state in which it may rest, by the transitions of the state table.
fn end_matter(pen: &mut Pen<'_>, state: ConsultationState, served: bool, waits: bool, at: Timestamp) {
    use ConsultationState::{Answered, Assigned, InService, Matching, Open, Unserved};
    let way: &[ConsultationState] = match state {
        Open => &[Matching, Unserved],
        Matching => &[Unserved],
        Assigned if served => &[InService, Answered],
        Assigned if waits => &[],
        // The lawyer came, the media did not: the asker was not served.
        Assigned => &[Matching, Unserved],
        InService if waits => &[],
        InService => &[Answered],
        _ => &[],
    };
    let mut from = state;
    for to in way {
        pen.write(at, Event::StateChanged { from, to: *to });
        from = *to;
    }
}
