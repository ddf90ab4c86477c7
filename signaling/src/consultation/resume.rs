//! A matter whose session is over, or whose asker is to be called back, taken up again from its events when the process that held it has ended.
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use super::{
    Aftermath, Consultation, Continuation, Known, MAX_SESSIONS, Opening, SessionIds, Stage,
    requests::Requests,
    waiting::{CallBack, Waiting},
};
use crate::{
    ids::{AreaCode, CitizenId, LawyerId, LegId, OfferId, SessionId},
    milestone::{Event, Milestone},
    offer::Offers,
    output::{Outbox, Output},
    private::PersonName,
    session::leg::Seat,
    time::{Now, Timestamp},
    timers::Timers,
    words::{ConsultationState, OfferState, Outcome, Role, SessionState},
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
    /// Legs of third parties.
    thirds: BTreeSet<LegId>,
}

impl Past {
    fn accepted(session: SessionId, lawyer: LawyerId) -> Self {
        let state = SessionState::Connecting;
        Self {
            session,
            lawyer,
            citizen_leg: None,
            lawyer_leg: None,
            state,
            ended: None,
            outcome: None,
            thirds: BTreeSet::new(),
        }
    }

    fn add(&mut self, milestone: &Milestone) {
        match &milestone.event {
            Event::SessionChanged { session, to, .. } if *session == self.session => self.state = *to,
            Event::ThirdInvited { invitation, .. } => {
                self.thirds.insert(LegId::new(invitation.uuid()));
            }
            Event::LegChanged { leg, .. } if self.thirds.contains(leg) => {}
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
            waited: Duration::ZERO,
            state,
            stage: Stage::Over(over),
            offers: Offers::default(),
            barred: BTreeSet::new(),
            search: 0,
            failed: 0,
            known: Known::default(),
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

    /// Who is to be called back, and from where they asked, when that is what the events say last.
    pub fn on_hold(history: &[Milestone]) -> Option<(CitizenId, AreaCode)> {
        let Event::Opened { citizen, area, .. } = &history.first()?.event else { return None };
        let held = Held::of(history);
        held.since.map(|_| (*citizen, area.clone()))
    }

    /// Takes a matter up again whose asker is to be called back, in its old place. `None` when the events say otherwise.
    /// What has waited before the restart counts; rings that were cut off are over.
    pub fn resume_on_hold(history: &[Milestone], again: Again, timers: Timers, now: Now) -> Option<Self> {
        let (first, last) = (history.first()?, history.last()?);
        let held = Held::of(history);
        let passed = passed_since(held.since?, now);
        let Again { alias, locality, mut sessions } = again;
        let failed = held.failed.min(MAX_SESSIONS - 1);
        let rang = held.sought.is_some();
        if let Some(sought) = held.sought {
            sessions[failed].session = sought;
        }
        let opening = Opening { alias, locality, sessions, ..opening(first, sessions[failed])? };
        let mut seat = Seat::new(opening.channel);
        seat.note_socket(true, now);
        let mut waiting = Waiting::new(seat, opening.channel, &timers, now);
        let until = now.after(timers.call_back.saturating_sub(passed));
        (waiting.rang, waiting.call_back) = (rang, Some(CallBack { until, rests_until: None }));
        let mut matter = Self {
            opening,
            timers,
            created: Now { mono: now.mono, wall: first.at },
            waited: passed_since(first.at, now),
            state: ConsultationState::OnHold,
            stage: Stage::Waiting(waiting),
            offers: Offers::default(),
            barred: held.declined,
            search: 0,
            failed,
            known: Known::default(),
            continues: held.continues,
            requests: Requests::default(),
            out: Outbox::after(last.consultation, last.version),
        };
        for (offer, (lawyer, made)) in held.ringing {
            let latency_ms = u64::try_from(passed_since(made, now).as_millis()).unwrap_or(u64::MAX);
            let to = OfferState::Cancelled;
            matter.out.event(Event::OfferChanged { offer, lawyer, to, latency_ms, reason: None }, now);
        }
        matter.seek();
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
            Stage::Waiting(_) | Stage::Choosing(_) | Stage::Serving(_) | Stage::Final(None) => None,
        }
    }
}

/// What a matter needs anew when its asker is to be called back by another process.
#[derive(Clone, Debug)]
pub struct Again {
    /// What the lawyer sees instead of a name.
    pub alias: PersonName,
    /// The name of the asker's place, for desks.
    pub locality: String,
    /// Freshly minted ids for the sessions it may still begin.
    pub sessions: [SessionIds; MAX_SESSIONS],
}

/// What the events say of a matter whose asker is to be called back.
#[derive(Default)]
struct Held {
    /// Since when it waits so.
    since: Option<Timestamp>,
    /// The session for which somebody was rung.
    sought: Option<SessionId>,
    failed: usize,
    ringing: BTreeMap<OfferId, (LawyerId, Timestamp)>,
    declined: BTreeSet<LawyerId>,
    continues: Option<Continuation>,
}

impl Held {
    fn of(history: &[Milestone]) -> Self {
        let mut held = Self::default();
        for milestone in history {
            held.add(milestone);
        }
        held
    }

    fn add(&mut self, Milestone { at, event, .. }: &Milestone) {
        match event {
            Event::StateChanged { to, .. } => self.since = Some(*at).filter(|_| *to == ConsultationState::OnHold),
            Event::SessionChanged { session, to, .. } => {
                self.sought = Some(*session).filter(|_| *to == SessionState::Ringing);
                self.failed += usize::from(*to == SessionState::Failed);
            }
            Event::OfferMade { offer, lawyer, .. } => {
                self.ringing.insert(*offer, (*lawyer, *at));
            }
            Event::OfferChanged { to: OfferState::Pending | OfferState::Delivered, .. } => {}
            Event::OfferChanged { offer, lawyer, to, .. } => {
                self.ringing.remove(offer);
                if *to == OfferState::Declined {
                    self.declined.insert(*lawyer);
                }
            }
            Event::Accepted { offer, .. } => {
                self.ringing.remove(offer);
            }
            Event::Continued { matter, services, rated, grade } => {
                let (matter, services, rated, grade) = (*matter, *services, *rated, *grade);
                self.continues = Some(Continuation { matter, services, rated, grade });
            }
            _ => {}
        }
    }
}

/// What has passed on the wall; the clock of another process is of no use here.
fn passed_since(at: Timestamp, now: Now) -> Duration {
    Duration::from_millis(u64::try_from(now.wall.ms_since(at)).unwrap_or(0))
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
        sessions: [ids; MAX_SESSIONS],
    })
}
