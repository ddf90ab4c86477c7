//! A matter whose session is over, taken up again from its events when the process that held it has ended.
use super::{Aftermath, Consultation, Continuation, Opening, SessionIds, Stage, requests::Requests};
use crate::{
    ids::{LawyerId, LegId, SessionId},
    milestone::{Event, Milestone},
    offer::Offers,
    output::{Outbox, Output},
    private::PersonName,
    time::{Now, Timestamp},
    timers::Timers,
    words::{ConsultationState, Outcome, Role, SessionState},
};

/// What the events say of the last session that was accepted.
struct Past {
    session: SessionId,
    lawyer: LawyerId,
    citizen_leg: Option<LegId>,
    lawyer_leg: Option<LegId>,
    state: SessionState,
    ended: Option<Timestamp>,
    outcome: Option<Outcome>,
}

impl Past {
    fn accepted(session: SessionId, lawyer: LawyerId) -> Self {
        let state = SessionState::Connecting;
        Self { session, lawyer, citizen_leg: None, lawyer_leg: None, state, ended: None, outcome: None }
    }

    fn add(&mut self, milestone: &Milestone) {
        match &milestone.event {
            Event::SessionChanged { session, to, .. } if *session == self.session => self.state = *to,
            Event::LegChanged { session, leg, role, .. } if *session == self.session => match role {
                Role::Citizen => self.citizen_leg = Some(*leg),
                Role::Lawyer => self.lawyer_leg = Some(*leg),
                Role::Dispatcher | Role::Finance | Role::Supervisor | Role::FirmAdmin => {}
            },
            Event::SessionEnded { session, .. } if *session == self.session => self.ended = Some(milestone.at),
            Event::OutcomeRecorded { session, outcome, .. } if *session == self.session => {
                self.outcome = Some(*outcome);
            }
            _ => {}
        }
    }

    fn ids(&self) -> Option<SessionIds> {
        Some(SessionIds { session: self.session, citizen: self.citizen_leg?, lawyer: self.lawyer_leg? })
    }
}

impl Consultation {
    /// Takes a matter up again from its events, in order. `None` unless its session is over and the outcome, the seal or the
    /// stars are still awaited. What has waited before the restart counts; the shell is told again to seal what is not sealed.
    pub fn resume(history: &[Milestone], timers: Timers, now: Now) -> Option<Self> {
        let (first, last) = (history.first()?, history.last()?);
        let (mut past, mut state, mut stars) = (None, ConsultationState::Open, None);
        let mut continues = None;
        for milestone in history {
            match &milestone.event {
                Event::Accepted { session, lawyer, .. } => past = Some(Past::accepted(*session, *lawyer)),
                Event::StateChanged { to, .. } => state = *to,
                Event::Rated { stars: given } => stars = Some(*given),
                Event::Continued { matter, services, rated, grade } => {
                    continues =
                        Some(Continuation { matter: *matter, services: *services, rated: *rated, grade: *grade });
                }
                _ => {}
            }
            if let Some(past) = &mut past {
                past.add(milestone);
            }
        }
        let past: Past = past.filter(|past| matches!(past.state, SessionState::Ended | SessionState::Sealed))?;
        if !matches!(state, ConsultationState::Assigned | ConsultationState::InService | ConsultationState::Answered) {
            return None;
        }
        let ids = past.ids()?;
        let over = Aftermath {
            outcome: past.outcome,
            sealed: past.state == SessionState::Sealed,
            stars,
            was_rated: continues.is_some_and(|matter| matter.rated),
            ..Aftermath::since(past.ended?, ids, past.lawyer, &timers, now)
        };
        let unsealed = over.outcome.is_some() && !over.sealed;
        let mut matter = Self {
            opening: opening(first, ids)?,
            timers,
            created: Now { mono: now.mono, wall: first.at },
            state,
            stage: Stage::Over(over),
            offers: Offers::default(),
            failed: 0,
            continues,
            requests: Requests::default(),
            out: Outbox::after(last.consultation, last.version),
        };
        if unsealed {
            matter.out.push(Output::Seal { session: ids.session, lawyer: past.lawyer });
        }
        matter.close_if_done(now);
        Some(matter)
    }

    /// The matter as it was asked.
    pub const fn opening(&self) -> &Opening {
        &self.opening
    }

    /// Who answered, and in which session, once it is over.
    pub const fn answered_by(&self) -> Option<(LawyerId, SessionId)> {
        match &self.stage {
            Stage::Over(over) | Stage::Final(Some(over)) => Some((over.lawyer, over.ids.session)),
            Stage::Waiting(_) | Stage::Serving(_) | Stage::Final(None) => None,
        }
    }
}

fn opening(first: &Milestone, ids: SessionIds) -> Option<Opening> {
    let Event::Opened {
        citizen,
        practice_area,
        area,
        channel,
        lawyer,
        identity_mode,
        consent_version,
        entry_source,
        device,
    } = first.event.clone()
    else {
        return None;
    };
    Some(Opening {
        consultation: first.consultation,
        citizen,
        // Nobody is shown name or place of a session that is over.
        alias: PersonName::new(""),
        practice_area,
        area,
        locality: String::new(),
        channel,
        lawyer,
        identity_mode,
        consent_version,
        entry_source,
        device,
        sessions: [ids; super::MAX_SESSIONS],
    })
}
