//! Third parties in the session that runs: invited, agreed to, there, gone.
use super::{Consultation, Party, Stage};
use crate::{
    error::SessionError,
    ids::{InvitationId, LawyerId, LegId, SessionId},
    private::PersonName,
    time::Now,
    words::Part,
};

impl Consultation {
    /// The lawyer of the session wants a third party there.
    pub(super) fn invite(
        &mut self,
        from: LawyerId,
        session: SessionId,
        invitation: InvitationId,
        whom: (LawyerId, PersonName),
        part: Part,
        now: Now,
    ) -> Result<(), SessionError> {
        let is_barred = self.known.barred.contains(&whom.0);
        let (running, _, out) = self.side(Party::Lawyer(from), session)?;
        if is_barred {
            return Err(SessionError::NotAllowed);
        }
        running.invite(from, invitation, whom, part, now, out)?;
        self.moved(now);
        Ok(())
    }

    /// An invitation is answered.
    pub(super) fn answer_invitation(
        &mut self,
        from: Party,
        invitation: InvitationId,
        accept: bool,
        now: Now,
    ) -> Result<(), SessionError> {
        match &mut self.stage {
            Stage::Serving(session) => {
                let (opening, timers, out) = (&self.opening, &self.timers, &mut self.out);
                session.answer_invitation(opening, from, (invitation, accept), timers, now, out)?;
                self.moved(now);
                Ok(())
            }
            Stage::Over(over) | Stage::Final(Some(over))
                if from == Party::Citizen || from == Party::Lawyer(over.lawyer) =>
            {
                Err(SessionError::Over)
            }
            Stage::Waiting(_) | Stage::Choosing(_) | Stage::Over(_) | Stage::Final(_) => Err(SessionError::NotFound),
        }
    }

    /// A side does not want a third party there any longer.
    pub(super) fn remove_third(
        &mut self,
        from: Party,
        session: SessionId,
        leg: LegId,
        now: Now,
    ) -> Result<(), SessionError> {
        let (running, _, out) = self.running(from, session)?;
        running.remove_third(from, leg, now, out)?;
        self.moved(now);
        Ok(())
    }

    /// A third party hangs up; the session goes on.
    pub(super) fn third_leaves(&mut self, from: Party, now: Now) {
        if let (Stage::Serving(session), Party::Lawyer(lawyer)) = (&mut self.stage, from) {
            session.third_leaves(lawyer, now, &mut self.out);
            self.moved(now);
        }
    }

    /// Everybody in the session that runs, with the leg that is theirs.
    pub fn seats(&self) -> Vec<(Party, LegId)> {
        match &self.stage {
            Stage::Serving(session) => session.seats_taken(),
            Stage::Waiting(_) | Stage::Choosing(_) | Stage::Over(_) | Stage::Final(_) => Vec::new(),
        }
    }
}
