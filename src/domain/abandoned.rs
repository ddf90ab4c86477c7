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

/// How long an answered matter may be silent before it is closed.
pub const SILENCE_MS: i64 = 72 * 60 * 60 * 1000;

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
    /// Somebody was calling the asker back.
    calls_back: bool,
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
    /// The outcome is the lawyer's, not the server's own.
    is_answered: bool,
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
            Event::StateChanged { from, to } => {
                self.state = Some(*to);
                self.calls_back = (*from, *to) == (ConsultationState::OnHold, ConsultationState::Assigned);
            }
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
            Event::OutcomeRecorded { session, outcome, .. } => {
                let session = self.session(*session);
                (session.has_outcome, session.is_answered) = (true, outcome.can_be_said());
            }
            Event::Routed { .. }
            | Event::Continued { .. }
            | Event::OfferSeen { .. }
            | Event::ChannelChanged { .. }
            | Event::ThirdInvited { .. }
            | Event::ThirdConsented { .. }
            | Event::ThirdClosed { .. }
            | Event::ThirdRemoved { .. }
            | Event::ChatSaid { .. }
            | Event::TypedLive { .. }
            | Event::Rated { .. } => {}
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
            is_answered: false,
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
    if state == ConsultationState::OnHold && now.ms_since(known) < SILENCE_MS {
        // Waits to be taken up and called back.
        return Ending::default();
    }
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
    let session = standing.session.as_ref();
    let rest: &[ConsultationState] = match state {
        // A session that is over and is not sealed now waits for its outcome, and its matter with it.
        _ if session.is_some_and(|session| session.state == SessionState::Ended && seal.is_none()) => &[],
        // The call was cut off before anybody spoke: it is to be made again.
        ConsultationState::Assigned if standing.calls_back && seal.is_none() && now.ms_since(known) < SILENCE_MS => {
            &[ConsultationState::OnHold]
        }
        _ => {
            let is_answered = session.is_some_and(|session| session.is_answered);
            way_to_rest(state, seal.is_some(), is_answered, now.ms_since(known) >= SILENCE_MS)
        }
    };
    let mut from = state;
    for to in rest {
        pen.write(now, Event::StateChanged { from, to: *to });
        from = *to;
    }
    Ending { events: pen.written, seal }
}

/// The transitions of the state table by which a matter comes to rest that nobody holds any more. Until it has been
/// `silent` for three days a matter that was served may still be rated.
const fn way_to_rest(
    state: ConsultationState,
    served: bool,
    is_answered: bool,
    silent: bool,
) -> &'static [ConsultationState] {
    use ConsultationState::{Answered, Assigned, Cancelled, Closed, InService, Matching, OnHold, Open, Unserved};
    match (state, is_answered, silent) {
        (Open, _, _) => &[Matching, Unserved],
        (Matching, _, _) => &[Unserved],
        (Assigned, _, false) if served => &[InService],
        (Assigned, _, true) if served => &[InService, Closed],
        // The lawyer came, the media did not: the asker was not served.
        (Assigned, _, _) => &[Unserved],
        (InService, true, _) => &[Answered],
        // Nobody said what came of it.
        (InService, false, true) | (Answered, _, true) => &[Closed],
        (InService, false, false) | (Answered, _, false) => &[],
        (OnHold, _, _) => &[Unserved],
        (Closed | Unserved | Cancelled, _, _) => &[],
    }
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
        let event = Event::OutcomeRecorded {
            session: session.id,
            outcome: Outcome::Missing,
            legal_aid_prompted: false,
            referral_type: None,
        };
        pen.write(now, event);
    }
}

#[cfg(test)]
mod tests {
    use yunfa_signaling::words::Channel;

    use super::*;
    use crate::domain::testing::Script;

    const NOW: Timestamp = Timestamp(1_773_194_400_000);
    /// An hour after everything that a script tells.
    const LATER: Timestamp = Timestamp(NOW.0 + 3_600_000);

    fn names(ending: &Ending) -> Vec<String> {
        let tell = |milestone: &Milestone| match &milestone.event {
            Event::StateChanged { from, to } => format!("{from}→{to}"),
            Event::SessionChanged { from, to, .. } => format!("session {from}→{to}"),
            Event::LegChanged { role, to, .. } => format!("{role} {to}"),
            Event::OfferChanged { to, .. } => format!("offer {to}"),
            Event::SessionEnded { reason, .. } => reason.to_string(),
            Event::OutcomeRecorded { outcome, .. } => format!("outcome {outcome}"),
            other => other.name().to_owned(),
        };
        ending.events.iter().map(tell).collect()
    }

    #[test]
    fn a_matter_that_waited_is_unserved() {
        let mut script = Script::anyone(1, NOW);
        script.opened(Channel::Voice).rung();

        let ending = ending(&script.events, None, LATER);

        let expected = ["offer CANCELLED", "session RINGING→MISSED", "SERVER_STOPPED", "MATCHING→UNSERVED"];
        assert_eq!(names(&ending), expected);
        assert_eq!(ending.seal, None);
    }

    #[test]
    fn a_call_ends_where_its_evidence_ends_and_is_sealed() {
        let mut script = Script::anyone(1, NOW);
        script.opened(Channel::Voice).rung().accepted().active().after(20_000);
        let evidence = script.evidence(18);

        let ending = ending(&script.events, Some(&evidence), LATER);

        let expected =
            ["CITIZEN TIMED_OUT", "LAWYER TIMED_OUT", "session ACTIVE→ENDED", "SERVER_STOPPED", "outcome MISSING"];
        assert_eq!(names(&ending), expected);
        assert_eq!(ending.seal, Some(script.session));
        assert_eq!(ending.events[2].at, script.now, "not when the reaper came");
        let versions: Vec<_> = ending.events.iter().map(|event| event.version).collect();
        let next = script.events.len() as u64 + 1;
        assert_eq!(versions, (next..next + 5).collect::<Vec<_>>());
    }

    #[test]
    fn a_call_that_was_cut_off_may_be_rated_for_three_days() {
        let mut script = Script::anyone(1, NOW);
        script.opened(Channel::Voice).rung().accepted().active().after(20_000);
        let evidence = script.evidence(18);
        let first = ending(&script.events, Some(&evidence), LATER);
        script.events.extend(first.events);
        script.now = LATER;
        script.session_to(SessionState::Sealed);
        let silent = Timestamp(LATER.0 + SILENCE_MS);

        assert_eq!(ending(&script.events, Some(&evidence), Timestamp(silent.0 - 1)), Ending::default());
        assert_eq!(names(&ending(&script.events, Some(&evidence), silent)), ["IN_SERVICE→CLOSED"]);
    }

    #[test]
    fn an_accepted_matter_without_media_is_unserved_and_has_no_record() {
        let mut script = Script::anyone(1, NOW);
        script.opened(Channel::Voice).rung().accepted();

        let ending = ending(&script.events, None, LATER);

        assert!(names(&ending).contains(&"session CONNECTING→FAILED".to_owned()), "{:?}", names(&ending));
        assert_eq!(names(&ending)[4..], ["ASSIGNED→UNSERVED"]);
        assert_eq!(ending.seal, None);
    }

    #[test]
    fn who_is_to_be_called_back_waits_for_the_next_process_and_not_for_ever() {
        let mut script = Script::anyone(1, NOW);
        script.opened(Channel::Voice).rung().put_on_hold();

        assert_eq!(ending(&script.events, None, LATER), Ending::default());
        let silent = Timestamp(NOW.0 + SILENCE_MS + 60_000);
        let expected = ["session RINGING→MISSED", "SERVER_STOPPED", "ON_HOLD→UNSERVED"];
        assert_eq!(names(&ending(&script.events, None, silent)), expected);
    }

    #[test]
    fn a_call_back_that_was_cut_off_before_anybody_spoke_is_to_be_made_again() {
        let mut script = Script::anyone(1, NOW);
        script.opened(Channel::Voice).rung().put_on_hold().rung_again().accepted();

        let ending = ending(&script.events, None, LATER);

        let expected = [
            "CITIZEN TIMED_OUT",
            "LAWYER TIMED_OUT",
            "session CONNECTING→FAILED",
            "SERVER_STOPPED",
            "ASSIGNED→ON_HOLD",
        ];
        assert_eq!(names(&ending), expected);
        assert_eq!(ending.seal, None);
    }

    #[test]
    fn an_ended_session_waits_a_day_for_its_outcome() {
        let mut script = Script::anyone(1, NOW);
        script.opened(Channel::Voice).rung().accepted().active().ended(EndReason::CitizenHungUp);
        let day = Timestamp(script.now.0 + OUTCOME_WAIT_MS);

        assert_eq!(ending(&script.events, None, Timestamp(day.0 - 1)), Ending::default());
        let ending = ending(&script.events, None, day);

        assert_eq!(names(&ending), ["outcome MISSING"]);
        assert_eq!(ending.seal, Some(script.session));
    }

    #[test]
    fn a_session_with_its_outcome_only_lacks_the_seal() {
        let mut script = Script::anyone(1, NOW);
        script.opened(Channel::Voice).rung().accepted().active().ended(EndReason::CitizenHungUp);
        script.outcome(Outcome::AdviceGiven);

        let ending = ending(&script.events, None, LATER);

        assert_eq!((ending.events.len(), ending.seal), (0, Some(script.session)));
    }

    #[test]
    fn an_answered_matter_is_closed_after_three_silent_days() {
        let mut script = Script::anyone(1, NOW);
        script.opened(Channel::Voice).rung().accepted().active().ended(EndReason::CitizenHungUp);
        script.outcome(Outcome::AdviceGiven).session_to(SessionState::Sealed);
        let silent = Timestamp(script.now.0 + SILENCE_MS);

        assert_eq!(ending(&script.events, None, Timestamp(silent.0 - 1)), Ending::default());
        assert_eq!(names(&ending(&script.events, None, silent)), ["ANSWERED→CLOSED"]);
    }

    #[test]
    fn an_ending_has_no_ending() {
        for steps in 0..5 {
            let mut script = Script::anyone(1, NOW);
            script.opened(Channel::Voice);
            for step in 0..steps {
                match step {
                    0 => script.rung(),
                    1 => script.accepted(),
                    2 => script.active(),
                    _ => script.ended(EndReason::LawyerHungUp),
                };
            }
            let first = ending(&script.events, None, Timestamp(LATER.0 + OUTCOME_WAIT_MS));
            script.events.extend(first.events);

            let second = ending(&script.events, None, Timestamp(LATER.0 + OUTCOME_WAIT_MS));

            assert_eq!(second.events, [], "after {steps} steps");
        }
    }

    #[test]
    fn nothing_ends_without_a_beginning() {
        assert_eq!(ending(&[], None, NOW), Ending::default());
    }
}
