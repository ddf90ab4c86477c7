//! One live call: two legs, third parties, a chat, and where the call stands.
pub(crate) mod ascent;
mod channel;
pub(crate) mod chat;
mod draft;
pub(crate) mod leg;
mod talk;
pub(crate) mod third;

use self::{
    ascent::Ascent,
    chat::Chat,
    leg::{Devices, Leg, Seat},
    third::Thirds,
};
use crate::{
    consultation::{MediaFact, Opening, Party, SessionIds},
    error::SessionError,
    ids::{LawyerId, LegId, SessionId},
    message::{ServerMessage, SessionView},
    milestone::Event,
    output::Outbox,
    private::PersonName,
    time::{Instant, Now, Timestamp},
    timers::Timers,
    words::{Channel, EndReason, LegState, Role, SessionState},
};

/// Where a running call stands; what ends it lives in [`Verdict`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Accepted: both legs must be there by the deadline.
    Connecting { deadline: Instant },
    /// Both legs are there.
    Active,
    /// A leg is missing; its own deadline stands in the leg.
    Reconnecting,
}

impl State {
    const fn word(self) -> SessionState {
        match self {
            Self::Connecting { .. } => SessionState::Connecting,
            Self::Active => SessionState::Active,
            Self::Reconnecting => SessionState::Reconnecting,
        }
    }
}

/// What a deadline or a word made of the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It goes on.
    GoesOn,
    /// It is over.
    Ended(EndReason),
    /// It never began.
    NeverBegan {
        /// The lawyer's side was missing; otherwise only the asker's.
        for_want_of_lawyer: bool,
    },
}

/// A session from the acceptance to its end.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) ids: SessionIds,
    pub(crate) lawyer: LawyerId,
    pub(crate) channel: Channel,
    pub(crate) citizen: Leg,
    pub(crate) desk: Leg,
    pub(crate) two_way_s: u32,
    /// The asker is called back.
    pub(crate) call_back: bool,
    state: State,
    active_since: Option<Timestamp>,
    must_end: Instant,
    ascent: Ascent,
    chat: Chat,
    thirds: Thirds,
}

impl Session {
    /// A session of this asker and this lawyer, whose socket was there a moment ago.
    pub(crate) fn begin(
        opening: &Opening,
        ids: SessionIds,
        asker: Seat,
        lawyer: (LawyerId, PersonName),
        timers: &Timers,
        now: Now,
    ) -> Self {
        let channel = opening.channel;
        let call_back = asker.is_called;
        Self {
            ids,
            lawyer: lawyer.0,
            channel,
            citizen: Leg::new(ids.citizen, Role::Citizen, opening.alias.clone(), asker),
            desk: Leg::new(ids.lawyer, Role::Lawyer, lawyer.1, Seat::new(channel)),
            two_way_s: 0,
            call_back,
            state: State::Connecting { deadline: now.mono + if call_back { timers.answer } else { timers.connect } },
            active_since: None,
            must_end: now.mono + timers.longest_session,
            ascent: Ascent::default(),
            chat: Chat::default(),
            thirds: Thirds::default(),
        }
    }

    /// Where it stands.
    pub(crate) const fn state(&self) -> SessionState {
        self.state.word()
    }

    /// Whether both legs were ever there at once.
    pub(crate) const fn was_active(&self) -> bool {
        self.active_since.is_some()
    }

    /// The next moment at which something is due; there always is one.
    pub(crate) fn deadline(&self) -> Instant {
        match self.state {
            State::Connecting { deadline } => deadline,
            State::Active | State::Reconnecting => {
                let ends = [self.seats(), self.ascent.until(), self.thirds.due()];
                ends.into_iter().flatten().fold(self.must_end, Instant::min)
            }
        }
    }

    /// When the first of the missing legs loses its seat.
    fn seats(&self) -> Option<Instant> {
        [&self.citizen, &self.desk].into_iter().filter_map(|leg| leg.seat_until).map(|until| until.mono).min()
    }

    /// Does what is due by `now`.
    pub(crate) fn fire(&mut self, timers: &Timers, now: Now, out: &mut Outbox) -> Verdict {
        match self.state {
            State::Connecting { deadline } if deadline <= now.mono => self.not_connected(timers, now, out),
            State::Active | State::Reconnecting if self.must_end <= now.mono => Verdict::Ended(EndReason::TooLong),
            State::Active | State::Reconnecting if self.ascent.until().is_some_and(|until| until <= now.mono) => {
                self.stay(out);
                Verdict::GoesOn
            }
            State::Active | State::Reconnecting if self.thirds.due().is_some_and(|due| due <= now.mono) => {
                self.fire_thirds(now, out);
                Verdict::GoesOn
            }
            State::Reconnecting => {
                for leg in [&mut self.citizen, &mut self.desk] {
                    if leg.seat_until.is_some_and(|until| until.mono <= now.mono) {
                        move_leg(leg, LegState::TimedOut, self.ids.session, now, out);
                        return Verdict::Ended(EndReason::ConnectionLost);
                    }
                }
                Verdict::GoesOn
            }
            State::Connecting { .. } | State::Active => Verdict::GoesOn,
        }
    }

    /// The time for connecting is over. When only the asker's media is missing, the two go on by text: a question
    /// typed is better than a lawyer lost. When the lawyer is not there, somebody else is rung.
    fn not_connected(&mut self, timers: &Timers, now: Now, out: &mut Outbox) -> Verdict {
        let desk_is_there = self.desk.seat.is_there(self.channel);
        if desk_is_there
            && !self.citizen.seat.is_called
            && self.channel != Channel::Text
            && self.citizen.seat.away_since.is_none()
        {
            self.change_channel(Channel::Text, timers, now, out);
            return Verdict::GoesOn;
        }
        Verdict::NeverBegan { for_want_of_lawyer: !desk_is_there }
    }

    /// Moves legs and session to where the seats say they are; tells both sides when anything moved.
    pub(crate) fn settle(&mut self, timers: &Timers, now: Now, out: &mut Outbox) -> bool {
        let mut moved = false;
        if let Some(channel) = self.ascent.coming()
            && [&self.citizen, &self.desk].into_iter().all(|leg| leg.seat.is_there(channel))
        {
            self.ascent.clear();
            self.channel = channel;
            out.event(Event::ChannelChanged { session: self.ids.session, to: channel }, now);
            moved = true;
        }
        for leg in [&mut self.citizen, &mut self.desk] {
            let next = leg.next_state(self.channel);
            if next != leg.state {
                leg.seat_until = (next == LegState::Interrupted).then(|| now.after(timers.grace));
                move_leg(leg, next, self.ids.session, now, out);
                moved = true;
            }
        }
        moved |= self.settle_thirds(timers, now, out);
        let both = [&self.citizen, &self.desk].into_iter().all(|leg| leg.state == LegState::Connected);
        let next = match (self.state, both) {
            (State::Connecting { .. } | State::Reconnecting, true) => State::Active,
            (State::Active, false) => State::Reconnecting,
            (state, _) => state,
        };
        if next != self.state {
            out.event(
                Event::SessionChanged { session: self.ids.session, from: self.state.word(), to: next.word() },
                now,
            );
            self.state = next;
            if next == State::Active {
                self.active_since.get_or_insert(now.wall);
            }
            moved = true;
        }
        moved
    }

    /// The leg of a party, when it is in this session.
    fn leg_of(&mut self, party: Party) -> Option<&mut Leg> {
        match party {
            Party::Citizen => Some(&mut self.citizen),
            Party::Lawyer(lawyer) if lawyer == self.lawyer => Some(&mut self.desk),
            Party::Lawyer(other) => self.thirds.leg_mut(other),
        }
    }

    /// Whether this party is in this session.
    pub(crate) fn has(&self, party: Party) -> bool {
        self.leg(party).is_some()
    }

    fn leg(&self, party: Party) -> Option<&Leg> {
        match party {
            Party::Citizen => Some(&self.citizen),
            Party::Lawyer(lawyer) if lawyer == self.lawyer => Some(&self.desk),
            Party::Lawyer(other) => self.thirds.leg(other),
        }
    }

    /// Whether it is one of the two whose session it is.
    pub(crate) fn is_side(&self, party: Party) -> bool {
        party == Party::Citizen || party == Party::Lawyer(self.lawyer)
    }

    /// Notes a lost or found socket.
    pub(crate) fn socket(&mut self, party: Party, lost: bool, now: Now) -> bool {
        self.leg_of(party).is_some_and(|leg| leg.seat.note_socket(lost, now))
    }

    /// The asker takes the call; from now on the transports have the time that they always have.
    pub(crate) fn take_call(&mut self, timers: &Timers, now: Now) -> bool {
        let is_first = std::mem::replace(&mut self.citizen.seat.is_called, false);
        if is_first && let State::Connecting { deadline } = &mut self.state {
            *deadline = now.mono + timers.connect;
        }
        is_first
    }

    /// Notes what the bridge saw.
    pub(crate) fn media(&mut self, party: Party, fact: MediaFact) {
        if let Some(leg) = self.leg_of(party) {
            leg.seat.media = fact.is_up();
        }
    }

    /// Notes that a microphone, camera or shared screen was muted, opened or lost; `false` when that was known.
    pub(crate) fn devices(&mut self, party: Party, devices: Devices) -> Result<bool, SessionError> {
        let seat = &mut self.leg_of(party).ok_or(SessionError::NotFound)?.seat;
        Ok(std::mem::replace(&mut seat.devices, devices) != devices)
    }

    /// Ends the session: the legs leave, both sides hear why.
    pub(crate) fn end(&mut self, opening: &Opening, to: SessionState, reason: EndReason, now: Now, out: &mut Outbox) {
        self.end_thirds(reason, now, out);
        for leg in [&mut self.citizen, &mut self.desk] {
            tell_typed(leg, self.ids.session, now, out);
            leg.seat_until = None;
            let left = if reason == EndReason::SupervisorEnded { LegState::Kicked } else { LegState::Left };
            if leg.state != LegState::TimedOut {
                move_leg(leg, left, self.ids.session, now, out);
            }
        }
        let session = self.ids.session;
        out.event(Event::SessionChanged { session, from: self.state.word(), to }, now);
        out.event(Event::SessionEnded { session, reason }, now);
        let ended = |outcome_due| ServerMessage::SessionEnded {
            session,
            consultation: opening.consultation,
            reason,
            two_way_s: self.two_way_s,
            outcome_due,
        };
        out.tell_citizen(ended(false));
        out.tell_lawyer(self.lawyer, ended(to == SessionState::Ended));
    }

    /// Tells everybody who is there the whole of the session.
    pub(crate) fn show(&self, opening: &Opening, out: &mut Outbox) {
        for party in self.parties() {
            if let Some(view) = self.view(opening, party) {
                self.tell(party, ServerMessage::Session(view), out);
            }
        }
    }

    /// The session as this party sees it.
    pub(crate) fn view(&self, opening: &Opening, party: Party) -> Option<SessionView> {
        let you = self.leg(party)?.id;
        Some(SessionView {
            id: self.ids.session,
            consultation: opening.consultation,
            state: self.state.word(),
            call_back: self.call_back,
            channel: self.channel,
            practice_area: opening.practice_area,
            locality: opening.locality.clone(),
            you,
            legs: [self.citizen.view(), self.desk.view()].into_iter().chain(self.thirds.views()).collect(),
            invitation: self.thirds.view().filter(|_| self.is_side(party)),
            active_since: self.active_since,
            seat_until: match self.state {
                State::Reconnecting => {
                    let seats = [self.citizen.seat_until, self.desk.seat_until];
                    seats.into_iter().flatten().min_by_key(|until| until.mono).map(|until| until.wall)
                }
                State::Connecting { .. } | State::Active => None,
            },
            proposal: self.ascent.view(),
            chat_lines: self.chat.count() - self.thirds.lines_before(party),
        })
    }

    /// Everybody who is there, with the leg that is theirs.
    pub(crate) fn seats_taken(&self) -> Vec<(Party, LegId)> {
        self.parties().into_iter().filter_map(|party| Some((party, self.leg(party)?.id))).collect()
    }

    /// Everybody who is there.
    fn parties(&self) -> Vec<Party> {
        let sides = [Party::Citizen, Party::Lawyer(self.lawyer)];
        sides.into_iter().chain(self.thirds.parties()).collect()
    }

    fn tell(&self, party: Party, message: ServerMessage, out: &mut Outbox) {
        match party {
            Party::Citizen => out.tell_citizen(message),
            Party::Lawyer(lawyer) => out.tell_lawyer(lawyer, message),
        }
    }
}

fn move_leg(leg: &mut Leg, to: LegState, session: SessionId, now: Now, out: &mut Outbox) {
    let (leg_id, role, from): (LegId, Role, LegState) = (leg.id, leg.role, leg.state);
    out.event(Event::LegChanged { session, leg: leg_id, role, from, to }, now);
    leg.state = to;
}

/// Keeps how much was typed live, never what.
fn tell_typed(leg: &mut Leg, session: SessionId, now: Now, out: &mut Outbox) {
    if let Some(chars) = leg.draft.told() {
        out.event(Event::TypedLive { session, from: leg.id, role: leg.role, chars }, now);
    }
}
