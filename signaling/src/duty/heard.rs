//! What the duty book makes of what consultations say.
use super::{Duty, MAX_WAITING, Output, WRAP_UP};
use crate::{
    error::SessionError,
    ids::{ConsultationId, LawyerId},
    output::{Hint, RingOver, Seek},
    presence::Work,
    time::Now,
};

impl Duty {
    pub(super) fn heard(&mut self, id: ConsultationId, hint: Hint, now: Now) -> Result<(), SessionError> {
        match hint {
            Hint::Seek(seek) => return self.seek(id, &seek),
            Hint::WrittenUp { lawyer } => {
                self.written_up(id, lawyer, now);
                return Ok(());
            }
            Hint::Joined { lawyer } => {
                self.joined(id, lawyer);
                return Ok(());
            }
            Hint::Parted { lawyer } => {
                self.at_desk(lawyer, |desk| {
                    if desk.work == Work::Busy(id) {
                        desk.rest(now);
                    }
                });
                return Ok(());
            }
            Hint::Hold { .. }
            | Hint::RingOver { .. }
            | Hint::Engaged { .. }
            | Hint::Released { .. }
            | Hint::Failed { .. }
            | Hint::Leave => {}
        }
        let matter = self.queue.get_mut(id).ok_or(SessionError::NotFound)?;
        self.places_moved = true;
        match hint {
            Hint::Seek(_) | Hint::WrittenUp { .. } | Hint::Joined { .. } | Hint::Parted { .. } => {}
            Hint::Hold { away } => {
                matter.away = away;
                self.stir(id);
            }
            Hint::RingOver { lawyer, how } => {
                if how == RingOver::Declined {
                    matter.refused.insert(lawyer);
                }
                matter.rung.remove(&lawyer);
                self.at_desk(lawyer, |desk| {
                    if desk.work != Work::Rung(id) {
                        return;
                    }
                    desk.work = Work::Free;
                    match how {
                        RingOver::Declined => desk.missed = 0,
                        RingOver::Missed => desk.miss(),
                        RingOver::Cut => {}
                    }
                });
                self.stir(id);
            }
            Hint::Engaged { lawyer } => {
                matter.rung.remove(&lawyer);
                self.queue.leave(id);
                self.at_desk(lawyer, |desk| {
                    desk.work = Work::Busy(id);
                    desk.engaged = Some(now.mono);
                    desk.missed = 0;
                });
                self.stop_rings(id);
            }
            Hint::Released { lawyer } => {
                self.remove(id);
                let until = now.mono + WRAP_UP;
                self.at_desk(lawyer, |desk| {
                    if desk.work == Work::Busy(id) {
                        desk.work = Work::WrapUp { matter: id, until };
                    }
                });
            }
            Hint::Failed { lawyer, at_fault } => {
                if at_fault {
                    matter.refused.insert(lawyer);
                }
                self.at_desk(lawyer, |desk| {
                    if desk.work == Work::Busy(id) {
                        desk.engaged = None;
                        desk.rest(now);
                        if at_fault {
                            desk.miss();
                        }
                    }
                });
            }
            Hint::Leave => self.remove(id),
        }
        Ok(())
    }

    /// Takes a matter into the queue, or back into its old place.
    fn seek(&mut self, id: ConsultationId, seek: &Seek) -> Result<(), SessionError> {
        if self.queue.get(id).is_none() && self.queue.len() >= MAX_WAITING {
            return Err(SessionError::TooMany("waiting matters"));
        }
        self.queue.enter(id, seek);
        self.stop_barred(id);
        self.places_moved = true;
        self.stir(id);
        Ok(())
    }

    /// Whoever must not be rung for the matter is free again; the matter has withdrawn its offers, or refuses them.
    fn stop_barred(&mut self, id: ConsultationId) {
        let Some(matter) = self.queue.get_mut(id) else { return };
        let barred: Vec<LawyerId> =
            matter.rung.keys().filter(|lawyer| matter.refused.contains(lawyer)).copied().collect();
        for lawyer in barred {
            if let Some(matter) = self.queue.get_mut(id) {
                matter.rung.remove(&lawyer);
            }
            self.at_desk(lawyer, |desk| {
                if desk.work == Work::Rung(id) {
                    desk.work = Work::Free;
                }
            });
        }
    }

    /// A lawyer sits in a session as a third party; what rang at the desk rings no longer.
    fn joined(&mut self, id: ConsultationId, lawyer: LawyerId) {
        let rung = match self.desks.get(&lawyer).map(|desk| desk.work) {
            Some(Work::Rung(rung)) => Some(rung),
            Some(Work::Free) => None,
            Some(Work::Busy(_) | Work::WrapUp { .. }) | None => return,
        };
        if let Some(rung) = rung {
            if let Some(matter) = self.queue.get_mut(rung) {
                matter.rung.remove(&lawyer);
                self.stir(rung);
            }
            self.out.push_back(Output::StopRing { consultation: rung, lawyer });
        }
        self.at_desk(lawyer, |desk| desk.work = Work::Busy(id));
    }

    fn written_up(&mut self, id: ConsultationId, lawyer: LawyerId, now: Now) {
        self.at_desk(lawyer, |desk| {
            if matches!(desk.work, Work::WrapUp { matter, .. } if matter == id) {
                desk.rest(now);
            }
        });
    }

    /// Takes a matter out of the book; whoever rings for it is free.
    pub(super) fn remove(&mut self, id: ConsultationId) {
        self.stop_rings(id);
        self.queue.remove(id);
        self.places_moved = true;
    }

    fn stop_rings(&mut self, id: ConsultationId) {
        let rung = self.queue.get_mut(id).map(|matter| std::mem::take(&mut matter.rung)).unwrap_or_default();
        for lawyer in rung.into_keys() {
            self.at_desk(lawyer, |desk| {
                if desk.work == Work::Rung(id) {
                    desk.work = Work::Free;
                }
            });
        }
    }
}
