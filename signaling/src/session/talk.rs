//! What is typed in a session: to everybody who is there, in one order.
use super::{Session, chat::Said, draft::Typed, tell_typed};
use crate::{
    consultation::{Opening, Party},
    error::SessionError,
    ids::MessageId,
    message::ServerMessage,
    milestone::Event,
    output::{ChatLine, Outbox, Output},
    private::ChatText,
    time::Now,
};

impl Session {
    /// Takes a chat line and tells it to everybody who is there; said again, it is told again to its sender only.
    pub(crate) fn say(
        &mut self,
        opening: &Opening,
        party: Party,
        message: MessageId,
        text: ChatText,
        now: Now,
        out: &mut Outbox,
    ) -> Result<(), SessionError> {
        let (from, role) = self.leg(party).map(|leg| (leg.id, leg.role)).ok_or(SessionError::NotFound)?;
        match self.chat.say(from, message, text, now.wall)? {
            Said::Again(line) => {
                if let Some(line) = line {
                    self.tell(party, line.told(self.ids.session), out);
                }
            }
            Said::New(line) => {
                let session = self.ids.session;
                let chars = u32::try_from(line.text.expose().chars().count()).unwrap_or(u32::MAX);
                out.event(Event::ChatSaid { session, message, number: line.number, from, role, chars }, now);
                out.push(Output::Keep(ChatLine {
                    consultation: opening.consultation,
                    session,
                    message,
                    number: line.number,
                    from,
                    role,
                    text: line.text.clone(),
                    at: line.at,
                }));
                for party in self.parties() {
                    self.tell(party, line.told(session), out);
                }
                if let Some(leg) = self.leg_of(party) {
                    leg.draft.clear();
                    tell_typed(leg, session, now, out);
                }
            }
        }
        Ok(())
    }

    /// Shows the others what is being written.
    pub(crate) fn type_text(
        &mut self,
        party: Party,
        keep: u32,
        text: ChatText,
        now: Now,
        out: &mut Outbox,
    ) -> Result<(), SessionError> {
        let session = self.ids.session;
        let leg = self.leg_of(party).ok_or(SessionError::NotFound)?;
        if let Typed::Changed { first } = leg.draft.put(keep, &text)? {
            let from = leg.id;
            if first {
                tell_typed(leg, session, now, out);
            }
            for other in self.parties().into_iter().filter(|other| *other != party) {
                self.tell(other, ServerMessage::Typed { session, from, keep, text: text.clone() }, out);
            }
        }
        Ok(())
    }

    /// Notes up to where somebody has read. A side's word is told to the other; a third party's to nobody.
    pub(crate) fn read(&mut self, party: Party, up_to: u32, out: &mut Outbox) -> Result<(), SessionError> {
        let lines = self.chat.count();
        let leg = self.leg_of(party).ok_or(SessionError::NotFound)?;
        if up_to > lines {
            return Err(SessionError::Unexpected);
        }
        if up_to > leg.read {
            leg.read = up_to;
            let by = leg.id;
            if !self.is_side(party) {
                return Ok(());
            }
            let other = match party {
                Party::Citizen => Party::Lawyer(self.lawyer),
                Party::Lawyer(_) => Party::Citizen,
            };
            self.tell(other, ServerMessage::ChatRead { session: self.ids.session, by, up_to }, out);
        }
        Ok(())
    }

    /// The chat so far and what is being written, for a page that was loaded anew. A third party's begins with its coming, and a
    /// line that is being written may have begun before.
    pub(crate) fn chat_so_far(&self, party: Party) -> Vec<ServerMessage> {
        if self.leg(party).is_none() {
            return Vec::new();
        }
        let before = self.thirds.lines_before(party);
        let session = self.ids.session;
        let legs = [&self.citizen, &self.desk].into_iter().chain(self.thirds.legs());
        let drafts = legs.filter(|_| self.is_side(party)).filter_map(|leg| {
            let text = leg.draft.shown()?;
            Some(ServerMessage::Typed { session, from: leg.id, keep: 0, text })
        });
        let kept = self.chat.kept().filter(|line| line.number > before).map(|line| line.told(session));
        kept.chain(drafts).collect()
    }
}
