//! Third parties: the lawyer invites, the asker agrees, who is invited comes. The session depends on none of them.
use std::time::Duration;

use super::{Session, State, leg::Leg, leg::Seat, move_leg, tell_typed};
use crate::{
    consultation::{Opening, Party},
    error::SessionError,
    ids::{InvitationId, LawyerId, LegId},
    message::{InvitationView, InvitedView, LegView, ServerMessage},
    milestone::Event,
    output::{Hint, MediaOrder, Outbox, Output},
    private::PersonName,
    time::{Instant, Now},
    timers::Timers,
    words::{EndReason, InvitationClosed, LegState, Part, Role},
};

/// Everybody in a session: a page has room for three others to be heard and seen.
pub(crate) const MAX_LEGS: usize = 4;
/// Invitations of one session: whoever is asked more often is pestered.
pub(crate) const MAX_INVITATIONS: usize = 16;
/// How long the asker may think about it: long enough to have it read out.
const ASKED: Duration = Duration::from_secs(60);
/// How long it rings at who is invited: as long as a desk rings.
const RUNG: Duration = Duration::from_secs(30);

/// An invitation that stands.
#[derive(Debug)]
struct Invitation {
    id: InvitationId,
    lawyer: LawyerId,
    name: PersonName,
    part: Part,
    /// The asker has agreed.
    agreed: bool,
    until: Now,
}

/// A third party who is there.
#[derive(Debug)]
struct Third {
    lawyer: LawyerId,
    part: Part,
    leg: Leg,
    /// Chat lines that were said before it came: they are not its to read.
    lines_before: u32,
}

/// The third parties of a session, and who is to be one.
#[derive(Debug, Default)]
pub(crate) struct Thirds {
    open: Option<Invitation>,
    seated: Vec<Third>,
    /// The invitations that are over, and who else knew of them.
    closed: Vec<(InvitationId, Option<LawyerId>)>,
}

impl Thirds {
    /// When the first of it lapses.
    pub(crate) fn due(&self) -> Option<Instant> {
        let seats = self.seated.iter().filter_map(|third| third.leg.seat_until);
        seats.chain(self.open.as_ref().map(|open| open.until)).map(|until| until.mono).min()
    }

    pub(crate) fn leg(&self, lawyer: LawyerId) -> Option<&Leg> {
        self.seated.iter().find(|third| third.lawyer == lawyer).map(|third| &third.leg)
    }

    pub(crate) fn leg_mut(&mut self, lawyer: LawyerId) -> Option<&mut Leg> {
        self.seated.iter_mut().find(|third| third.lawyer == lawyer).map(|third| &mut third.leg)
    }

    pub(crate) fn legs(&self) -> impl Iterator<Item = &Leg> {
        self.seated.iter().map(|third| &third.leg)
    }

    pub(crate) fn legs_mut(&mut self) -> impl Iterator<Item = &mut Leg> {
        self.seated.iter_mut().map(|third| &mut third.leg)
    }

    pub(crate) fn parties(&self) -> impl Iterator<Item = Party> {
        self.seated.iter().map(|third| Party::Lawyer(third.lawyer))
    }

    /// How many chat lines are not this party's to read.
    pub(crate) fn lines_before(&self, party: Party) -> u32 {
        let third = self.seated.iter().find(|third| Party::Lawyer(third.lawyer) == party);
        third.map_or(0, |third| third.lines_before)
    }

    /// As the others see them.
    pub(crate) fn views(&self) -> impl Iterator<Item = LegView> {
        self.seated.iter().map(|third| LegView { part: Some(third.part), ..third.leg.view() })
    }

    /// Who is to come, as the two sides see it.
    pub(crate) fn view(&self) -> Option<InvitationView> {
        self.open.as_ref().map(|open| InvitationView {
            id: open.id,
            name: open.name.clone(),
            part: open.part,
            agreed: open.agreed,
            until: open.until.wall,
        })
    }

    fn is_closed(&self, invitation: InvitationId, party: Party) -> bool {
        let knows = |lawyer: &Option<LawyerId>| party == Party::Citizen || lawyer.map(Party::Lawyer) == Some(party);
        self.closed.iter().any(|(id, lawyer)| *id == invitation && knows(lawyer))
    }
}

impl Session {
    /// The lawyer wants a third party; the asker is asked.
    pub(crate) fn invite(
        &mut self,
        from: LawyerId,
        invitation: InvitationId,
        (lawyer, name): (LawyerId, PersonName),
        part: Part,
        now: Now,
        out: &mut Outbox,
    ) -> Result<(), SessionError> {
        if from != self.lawyer || lawyer == self.lawyer {
            return Err(SessionError::NotAllowed);
        }
        if self.state != State::Active || self.thirds.open.is_some() || self.thirds.leg(lawyer).is_some() {
            return Err(SessionError::Unexpected);
        }
        if 2 + self.thirds.seated.len() >= MAX_LEGS {
            return Err(SessionError::TooMany("legs"));
        }
        if self.thirds.closed.len() >= MAX_INVITATIONS {
            return Err(SessionError::TooMany("invitations"));
        }
        out.event(Event::ThirdInvited { session: self.ids.session, invitation, lawyer, part }, now);
        let until = now.after(ASKED);
        self.thirds.open = Some(Invitation { id: invitation, lawyer, name, part, agreed: false, until });
        Ok(())
    }

    /// Somebody answers an invitation: the asker, who is invited, or the lawyer who thinks better of it.
    pub(crate) fn answer_invitation(
        &mut self,
        opening: &Opening,
        party: Party,
        (invitation, accept): (InvitationId, bool),
        timers: &Timers,
        now: Now,
        out: &mut Outbox,
    ) -> Result<(), SessionError> {
        let is_host = party == Party::Lawyer(self.lawyer);
        let Some(open) = self.thirds.open.as_mut().filter(|open| open.id == invitation) else {
            let is_over = self.thirds.is_closed(invitation, if is_host { Party::Citizen } else { party });
            return Err(if is_over { SessionError::Over } else { SessionError::NotFound });
        };
        match (party, accept) {
            (Party::Citizen, true) if open.agreed => {}
            (Party::Citizen, true) => {
                (open.agreed, open.until) = (true, now.after(RUNG));
                out.event(Event::ThirdConsented { session: self.ids.session, invitation }, now);
                let invited = InvitedView {
                    id: invitation,
                    by: self.desk.view().name,
                    part: open.part,
                    practice_area: opening.practice_area,
                    channel: self.channel,
                    locality: opening.locality.clone(),
                    until: open.until.wall,
                };
                out.tell_lawyer(open.lawyer, ServerMessage::Invited(invited));
            }
            (Party::Citizen, false) => self.close_invitation(InvitationClosed::Refused, now, out),
            (Party::Lawyer(_), true) if is_host => return Err(SessionError::NotAllowed),
            (Party::Lawyer(_), false) if is_host => self.close_invitation(InvitationClosed::Withdrawn, now, out),
            // Before the asker has agreed nobody outside knows of it.
            (Party::Lawyer(lawyer), _) if lawyer != open.lawyer || !open.agreed => return Err(SessionError::NotFound),
            (Party::Lawyer(_), true) => self.seat_third(timers, now, out),
            (Party::Lawyer(_), false) => self.close_invitation(InvitationClosed::Declined, now, out),
        }
        Ok(())
    }

    /// A side does not want a third party there any longer; there is nothing to be said for it.
    pub(crate) fn remove_third(
        &mut self,
        party: Party,
        leg: LegId,
        now: Now,
        out: &mut Outbox,
    ) -> Result<(), SessionError> {
        if !self.is_side(party) {
            return Err(SessionError::NotAllowed);
        }
        let third = self.thirds.seated.iter().find(|third| third.leg.id == leg).ok_or(SessionError::NotFound)?;
        let (lawyer, session, invitation) = (third.lawyer, self.ids.session, InvitationId::new(leg.uuid()));
        out.event(Event::ThirdRemoved { session, invitation, by: party.role() }, now);
        self.part(lawyer, LegState::Kicked, EndReason::ThirdPartyRemoved, now, out);
        Ok(())
    }

    /// A third party leaves; the others go on.
    pub(crate) fn third_leaves(&mut self, lawyer: LawyerId, now: Now, out: &mut Outbox) {
        self.part(lawyer, LegState::Left, EndReason::ThirdPartyLeft, now, out);
    }

    /// Who is invited comes, and hears and sees from now on.
    fn seat_third(&mut self, timers: &Timers, now: Now, out: &mut Outbox) {
        let Some(open) = self.thirds.open.take() else { return };
        self.note_closed(&open, InvitationClosed::Joined, now, out);
        let Invitation { id, lawyer, name, part, .. } = open;
        out.hint(Hint::Joined { lawyer });
        let mut leg = Leg::new(LegId::new(id.uuid()), Role::Lawyer, name, Seat::new(self.channel));
        leg.seat_until = Some(now.after(timers.grace));
        self.thirds.seated.push(Third { lawyer, part, leg, lines_before: self.chat.count() });
        if self.has_media() {
            out.push(Output::Media(MediaOrder::ConnectThird { session: self.ids.session, lawyer }));
        }
        self.settle_thirds(timers, now, out);
    }

    /// Moves the legs of third parties to where their seats say they are.
    pub(super) fn settle_thirds(&mut self, timers: &Timers, now: Now, out: &mut Outbox) -> bool {
        let (session, channel) = (self.ids.session, self.channel);
        let mut moved = false;
        for leg in self.thirds.legs_mut() {
            let next = leg.next_state(channel);
            if next != leg.state {
                leg.seat_until = match next {
                    LegState::Interrupted => Some(now.after(timers.grace)),
                    LegState::Invited | LegState::Joining => leg.seat_until,
                    LegState::Connected | LegState::Left | LegState::Kicked | LegState::TimedOut => None,
                };
                move_leg(leg, next, session, now, out);
                moved = true;
            }
        }
        moved
    }

    /// Does what is due: an invitation that nobody answered, a seat that stayed empty.
    pub(super) fn fire_thirds(&mut self, now: Now, out: &mut Outbox) {
        if self.thirds.open.as_ref().is_some_and(|open| open.until.mono <= now.mono) {
            self.close_invitation(InvitationClosed::Lapsed, now, out);
        }
        let is_lost = |third: &&Third| third.leg.seat_until.is_some_and(|until| until.mono <= now.mono);
        let lost: Vec<LawyerId> = self.thirds.seated.iter().filter(is_lost).map(|third| third.lawyer).collect();
        for lawyer in lost {
            self.part(lawyer, LegState::TimedOut, EndReason::ConnectionLost, now, out);
        }
    }

    /// The session ends: nobody is invited any more, and every third party leaves with the others.
    pub(super) fn end_thirds(&mut self, reason: EndReason, now: Now, out: &mut Outbox) {
        self.close_invitation(InvitationClosed::Over, now, out);
        let to = if reason == EndReason::SupervisorEnded { LegState::Kicked } else { LegState::Left };
        let seated: Vec<LawyerId> = self.thirds.seated.iter().map(|third| third.lawyer).collect();
        for lawyer in seated {
            self.part(lawyer, to, reason, now, out);
        }
    }

    /// Brings all of them into the room.
    pub(super) fn connect_thirds(&self, out: &mut Outbox) {
        for Third { lawyer, .. } in &self.thirds.seated {
            let (session, lawyer) = (self.ids.session, *lawyer);
            out.push(Output::Media(MediaOrder::ConnectThird { session, lawyer }));
        }
    }

    /// Brings all of them home.
    pub(super) fn release_thirds(&self, out: &mut Outbox) {
        for Third { lawyer, .. } in &self.thirds.seated {
            let (session, lawyer) = (self.ids.session, *lawyer);
            out.push(Output::Media(MediaOrder::ReleaseThird { session, lawyer }));
        }
    }

    fn part(&mut self, lawyer: LawyerId, to: LegState, reason: EndReason, now: Now, out: &mut Outbox) {
        let Some(at) = self.thirds.seated.iter().position(|third| third.lawyer == lawyer) else { return };
        let mut third = self.thirds.seated.remove(at);
        let session = self.ids.session;
        tell_typed(&mut third.leg, session, now, out);
        move_leg(&mut third.leg, to, session, now, out);
        if self.has_media() {
            out.push(Output::Media(MediaOrder::ReleaseThird { session, lawyer }));
        }
        out.hint(Hint::Parted { lawyer });
        let consultation = out.consultation();
        let ended = ServerMessage::SessionEnded { session, consultation, reason, two_way_s: 0, outcome_due: false };
        out.tell_lawyer(lawyer, ended);
    }

    fn close_invitation(&mut self, reason: InvitationClosed, now: Now, out: &mut Outbox) {
        if let Some(open) = self.thirds.open.take() {
            self.note_closed(&open, reason, now, out);
        }
    }

    /// The invitation is over; who did not know of it does not hear of it.
    fn note_closed(&mut self, open: &Invitation, reason: InvitationClosed, now: Now, out: &mut Outbox) {
        let (invitation, lawyer) = (open.id, open.lawyer);
        let knows = Some(lawyer).filter(|_| open.agreed);
        self.thirds.closed.push((invitation, knows));
        out.event(Event::ThirdClosed { session: self.ids.session, invitation, lawyer, reason }, now);
        let sides = [Party::Citizen, Party::Lawyer(self.lawyer)];
        for party in sides.into_iter().chain(knows.map(Party::Lawyer)) {
            self.tell(party, ServerMessage::InvitationClosed { invitation, reason }, out);
        }
    }
}
