//! Who can be rung and who waits: presence as leases, one fair queue, and which desk rings for which matter.
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Duration,
};

use crate::{
    error::SessionError,
    ids::{ConsultationId, LawyerId},
    message::ServerMessage,
    output::{Hint, RingOver},
    presence::{Desk, Work},
    private::PersonName,
    profile::Profile,
    routing::{self, Floor, Matter, Standing},
    time::{Instant, Now},
    words::{PracticeArea, Presence},
};

/// How long a tab counts as there without having said anything; the shell says `DeskSeen` at least every 15 s.
pub const TAB_LEASE: Duration = Duration::from_secs(45);
/// How long going on duty outlives the last tab: as long as a socket may be resumed.
pub const DUTY_GRACE: Duration = Duration::from_secs(60);
/// Longest time for writing an outcome before the desk is rung again.
pub const WRAP_UP: Duration = Duration::from_secs(120);
/// Rings missed in a row that make a break.
pub const MISSED_RINGS: u8 = 2;
/// Tabs one lawyer may have open.
pub const MAX_TABS: usize = 8;
/// How long a changed profile is kept for tabs that were let in with the one before: longer than a greeting takes.
pub const PROFILE_KEPT: Duration = Duration::from_secs(60);
/// Matters that may wait at once.
pub const MAX_WAITING: usize = 10_000;
/// Desks rung at once for one matter: all lawyers of a county, not all of a province.
pub const MAX_RINGS: usize = 200;
/// The waiting hear of their places at most so often: when a crowd comes or goes, each hears the sum and not every step.
pub const PLACES_EVERY: Duration = Duration::from_secs(1);

/// One tab of a desk: a connection, numbered by the shell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tab(pub u64);

/// What may happen to the duty book.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// A lawyer's tab has said hello, or resumed.
    DeskOpened {
        /// Whose.
        lawyer: LawyerId,
        /// Which.
        tab: Tab,
        /// The lawyer, as on the bureau's books when the tab said hello.
        profile: Profile,
    },
    /// The bureau changed a lawyer's profile or qualification.
    ProfileChanged {
        /// Whose.
        lawyer: LawyerId,
        /// As it is now.
        profile: Profile,
    },
    /// A tab gave a sign of life.
    DeskSeen {
        /// Whose.
        lawyer: LawyerId,
        /// Which.
        tab: Tab,
    },
    /// A tab's socket is gone.
    DeskClosed {
        /// Whose.
        lawyer: LawyerId,
        /// Which.
        tab: Tab,
    },
    /// `setPresence`.
    PresenceSet {
        /// Whose.
        lawyer: LawyerId,
        /// May be rung.
        on_duty: bool,
        /// On duty but paused.
        on_break: bool,
    },
    /// A consultation said something (`output::Output::Duty`).
    Heard {
        /// Which.
        consultation: ConsultationId,
        /// What.
        hint: Hint,
    },
    /// A consultation's task is gone without having said so: whoever it held is free.
    ConsultationGone {
        /// Which.
        consultation: ConsultationId,
    },
    /// The deadline of `poll_timeout` has come.
    Timeout,
}

/// One order to the shell.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "orders are drained at once; a box per presence would be the dearer way")]
pub enum Output {
    /// Ring this desk for this matter: `consultation::Input::Ring` with a fresh offer id. If the matter refuses or is
    /// gone, nothing needs to be said: it has left the queue, or is about to.
    Ring {
        /// Which matter.
        consultation: ConsultationId,
        /// Whose desk.
        lawyer: LawyerId,
        /// The name the asker will see.
        name: PersonName,
    },
    /// This ring is over through no fault of the lawyer: `consultation::Input::Withdraw`.
    StopRing {
        /// Which matter.
        consultation: ConsultationId,
        /// Whose desk.
        lawyer: LawyerId,
    },
    /// Tell a waiting matter where it stands: `consultation::Input::Place`.
    Place {
        /// Which matter.
        consultation: ConsultationId,
        /// 1 is next.
        place: u32,
        /// Lawyers on duty who may be rung for it, free or not.
        on_duty: u32,
        /// Those of them who are occupied and will be rung when they are free.
        occupied: u32,
    },
    /// To every tab of this lawyer: its presence.
    ToLawyer(LawyerId, ServerMessage),
}

/// The duty book: one value, one owner. Feed one input with `now`, drain the outputs, sleep until the next deadline.
#[derive(Debug, Default)]
pub struct Duty {
    desks: BTreeMap<LawyerId, Desk>,
    /// Profiles that changed a moment ago, by lawyer, and in the order of changing.
    changed: BTreeMap<LawyerId, (Instant, Profile)>,
    changes: VecDeque<(Instant, LawyerId)>,
    /// When something is due at which desk.
    agenda: BTreeSet<(Instant, LawyerId)>,
    matters: BTreeMap<ConsultationId, Matter>,
    /// The queue: who asked first is first.
    order: BTreeSet<(Instant, ConsultationId)>,
    /// When the waiting may hear of their places again.
    places_due: Option<Instant>,
    /// Something has changed since they heard of them.
    places_moved: bool,
    out: VecDeque<Output>,
}

impl Duty {
    /// An empty book.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes one input. What is due by `now` happens first; then the input, or, when it is refused, nothing.
    pub fn handle(&mut self, input: Input, now: Now) -> Result<(), SessionError> {
        while let Some((due, lawyer)) = self.agenda.first().copied()
            && due <= now.mono
        {
            self.at_desk(lawyer, |desk| desk.fire(now));
            self.ring();
        }
        let sign_of_life = matches!(input, Input::DeskSeen { .. } | Input::Timeout);
        match input {
            Input::DeskOpened { lawyer, tab, profile } => self.opened(lawyer, tab, profile, now)?,
            Input::ProfileChanged { lawyer, profile } => self.profile_changed(lawyer, profile, now),
            Input::DeskSeen { lawyer, tab } => {
                if !self.desks.get(&lawyer).is_some_and(|desk| desk.has(tab)) {
                    return Err(SessionError::NotFound);
                }
                self.at_desk(lawyer, |desk| desk.renew(tab, now));
            }
            Input::DeskClosed { lawyer, tab } => self.at_desk(lawyer, |desk| desk.close(tab, now)),
            Input::PresenceSet { lawyer, on_duty, on_break } => {
                let desk = self.desks.get(&lawyer).ok_or(SessionError::NotFound)?;
                if on_duty && !desk.profile.may_serve {
                    return Err(SessionError::NotAllowed);
                }
                self.at_desk(lawyer, |desk| desk.want(on_duty, on_break, now));
            }
            Input::Heard { consultation, hint } => self.heard(consultation, hint, now)?,
            Input::ConsultationGone { consultation } => {
                self.remove(consultation);
                let held: Vec<LawyerId> =
                    self.desks.iter().filter(|(_, desk)| desk.is_held_by(consultation)).map(|(id, _)| *id).collect();
                for lawyer in held {
                    self.at_desk(lawyer, |desk| desk.rest(now));
                }
            }
            Input::Timeout => {}
        }
        if !sign_of_life {
            self.ring();
        }
        self.tell_places(now);
        Ok(())
    }

    /// The next order to the shell.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.out.pop_front()
    }

    /// When `Input::Timeout` is due; `None` while nothing can lapse.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let places = self.places_due.filter(|_| self.places_moved);
        self.agenda.first().map(|(due, _)| *due).into_iter().chain(places).min()
    }

    /// A lawyer's presence now.
    pub fn presence(&self, lawyer: LawyerId) -> Presence {
        self.desks.get(&lawyer).map_or(Presence::Offline, Desk::presence)
    }

    /// Everybody who is not offline, in order of id.
    pub fn presences(&self) -> impl Iterator<Item = (LawyerId, Presence)> {
        let all = self.desks.iter().map(|(lawyer, desk)| (*lawyer, desk.presence()));
        all.filter(|(_, presence)| *presence != Presence::Offline)
    }

    /// Rings this lawyer missed in a row.
    pub fn missed_rings(&self, lawyer: LawyerId) -> u8 {
        self.desks.get(&lawyer).map_or(0, |desk| desk.missed)
    }

    /// How many matters wait, for metrics.
    pub fn waiting(&self) -> usize {
        self.order.len()
    }

    /// How many lawyers are on duty (available, rung, busy or writing up), for metrics.
    pub fn on_duty(&self) -> usize {
        self.desks.values().filter(|desk| desk.serves()).count()
    }

    fn opened(&mut self, lawyer: LawyerId, tab: Tab, profile: Profile, now: Now) -> Result<(), SessionError> {
        if !self.desks.get(&lawyer).is_none_or(|desk| desk.has_room_for(tab, MAX_TABS)) {
            return Err(SessionError::TooMany("tabs"));
        }
        // The tab's own may have been read just before the change.
        let profile = self.changed.get(&lawyer).map_or(profile, |(_, newer)| newer.clone());
        self.desks.entry(lawyer).or_insert_with(|| Desk::new(profile.clone(), now));
        self.at_desk(lawyer, |desk| {
            desk.renew(tab, now);
            desk.greet();
        });
        self.take_profile(lawyer, profile);
        Ok(())
    }

    /// Takes a changed profile, and keeps it for tabs that are still on their way with the old one.
    fn profile_changed(&mut self, lawyer: LawyerId, profile: Profile, now: Now) {
        while let Some((at, earlier)) = self.changes.front().copied()
            && at + PROFILE_KEPT <= now.mono
        {
            self.changes.pop_front();
            if self.changed.get(&earlier).is_some_and(|(newest, _)| *newest == at) {
                self.changed.remove(&earlier);
            }
        }
        self.changes.push_back((now.mono, lawyer));
        self.changed.insert(lawyer, (now.mono, profile.clone()));
        self.take_profile(lawyer, profile);
    }

    /// A desk goes by this profile from now on; who may not serve any more stops ringing in this very step.
    fn take_profile(&mut self, lawyer: LawyerId, profile: Profile) {
        let mut cut = None;
        self.at_desk(lawyer, |desk| {
            if let Work::Rung(matter) = desk.work
                && !profile.may_serve
            {
                cut = Some(matter);
                desk.work = Work::Free;
            }
            desk.know(profile);
        });
        if let Some(consultation) = cut {
            if let Some(matter) = self.matters.get_mut(&consultation) {
                matter.rung.remove(&lawyer);
            }
            self.out.push_back(Output::StopRing { consultation, lawyer });
        }
    }

    fn heard(&mut self, id: ConsultationId, hint: Hint, now: Now) -> Result<(), SessionError> {
        match hint {
            Hint::Seek { practice_area, asked, away } => return self.seek(id, practice_area, asked, away),
            Hint::WrittenUp { lawyer } => {
                self.at_desk(lawyer, |desk| {
                    if matches!(desk.work, Work::WrapUp { matter, .. } if matter == id) {
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
        let matter = self.matters.get_mut(&id).ok_or(SessionError::NotFound)?;
        match hint {
            Hint::Seek { .. } | Hint::WrittenUp { .. } => {}
            Hint::Hold { away } => matter.away = away,
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
            }
            Hint::Engaged { lawyer } => {
                matter.waits = false;
                matter.rung.remove(&lawyer);
                let asked = matter.asked;
                self.order.remove(&(asked, id));
                self.at_desk(lawyer, |desk| {
                    desk.work = Work::Busy(id);
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
    fn seek(&mut self, id: ConsultationId, area: PracticeArea, asked: Instant, away: bool) -> Result<(), SessionError> {
        if !self.matters.contains_key(&id) && self.order.len() >= MAX_WAITING {
            return Err(SessionError::TooMany("waiting matters"));
        }
        let matter = self.matters.entry(id).or_insert_with(|| Matter::new(area, asked));
        matter.waits = true;
        matter.away = away;
        matter.forget_told();
        self.order.insert((matter.asked, id));
        Ok(())
    }

    /// Takes a matter out of the book; whoever rings for it is free.
    fn remove(&mut self, id: ConsultationId) {
        self.stop_rings(id);
        if let Some(matter) = self.matters.remove(&id) {
            self.order.remove(&(matter.asked, id));
        }
    }

    fn stop_rings(&mut self, id: ConsultationId) {
        let rung = self.matters.get_mut(&id).map(|matter| std::mem::take(&mut matter.rung)).unwrap_or_default();
        for lawyer in rung {
            self.at_desk(lawyer, |desk| {
                if desk.work == Work::Rung(id) {
                    desk.work = Work::Free;
                }
            });
        }
    }

    /// Changes a desk, if there is one, and keeps its place in the agenda.
    fn at_desk(&mut self, lawyer: LawyerId, change: impl FnOnce(&mut Desk)) {
        let Some(desk) = self.desks.get_mut(&lawyer) else { return };
        change(desk);
        if let Some(due) = desk.due.take() {
            self.agenda.remove(&(due, lawyer));
        }
        desk.due = desk.deadline();
        if let Some(due) = desk.due {
            self.agenda.insert((due, lawyer));
        }
        if let Some((presence, missed_rings)) = desk.news() {
            self.out.push_back(Output::ToLawyer(lawyer, ServerMessage::Presence { presence, missed_rings }));
        }
        if desk.is_gone() {
            self.desks.remove(&lawyer);
        }
    }

    /// Rings whoever can be rung.
    fn ring(&mut self) {
        self.places_moved = !self.order.is_empty();
        if self.order.is_empty() {
            return;
        }
        let floor = Floor::of(&self.desks);
        for (consultation, lawyer) in routing::rings(&floor, &self.desks, &self.matters, &self.order, MAX_RINGS) {
            if let Some(matter) = self.matters.get_mut(&consultation) {
                matter.rung.insert(lawyer);
            }
            self.at_desk(lawyer, |desk| desk.work = Work::Rung(consultation));
            if let Some(desk) = self.desks.get(&lawyer) {
                let name = desk.profile.name.clone();
                self.out.push_back(Output::Ring { consultation, lawyer, name });
            }
        }
    }

    /// Tells the waiting where they stand, if that may have changed and it is time.
    fn tell_places(&mut self, now: Now) {
        if !self.places_moved || self.places_due.is_some_and(|due| now.mono < due) {
            return;
        }
        (self.places_moved, self.places_due) = (false, Some(now.mono + PLACES_EVERY));
        let floor = Floor::of(&self.desks);
        for (consultation, standing) in routing::standings(&floor, &self.desks, &self.matters, &self.order) {
            let news = self.matters.get_mut(&consultation).and_then(|matter| matter.news(standing));
            if let Some(Standing { place, on_duty, occupied }) = news {
                self.out.push_back(Output::Place { consultation, place, on_duty, occupied });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        message::tests::uuid,
        time::Timestamp,
        words::{Pool, PracticeArea},
    };

    const START: Now = Now { mono: Instant::START, wall: Timestamp(0) };

    fn lawyer(n: u128) -> LawyerId {
        LawyerId::new(uuid(n))
    }

    fn matter(n: u128) -> ConsultationId {
        ConsultationId::new(uuid(100 + n))
    }

    /// A book in which lawyer `n` is on duty for the `n`th list of areas.
    fn on_duty(areas: &[&[PracticeArea]]) -> Duty {
        let mut duty = Duty::new();
        for (n, areas) in areas.iter().enumerate() {
            let lawyer = lawyer(n as u128);
            open(&mut duty, lawyer, Tab(0), areas).expect("there is room for a tab");
            duty.handle(Input::PresenceSet { lawyer, on_duty: true, on_break: false }, START)
                .expect("the desk is open");
        }
        while duty.poll_output().is_some() {}
        duty
    }

    fn open(duty: &mut Duty, lawyer: LawyerId, tab: Tab, areas: &[PracticeArea]) -> Result<(), SessionError> {
        duty.handle(Input::DeskOpened { lawyer, tab, profile: profile(areas, true) }, START)
    }

    fn profile(areas: &[PracticeArea], may_serve: bool) -> Profile {
        let name = PersonName::new("律师");
        let areas = areas.iter().copied().collect();
        Profile { name, areas, pool: Pool::Local, county: None, villages: vec![], may_serve }
    }

    fn change(duty: &mut Duty, n: u128, areas: &[PracticeArea], may_serve: bool) {
        let changed = Input::ProfileChanged { lawyer: lawyer(n), profile: profile(areas, may_serve) };
        duty.handle(changed, START).expect("never refused");
    }

    fn seek(duty: &mut Duty, n: u128, practice_area: PracticeArea) {
        let asked = START.mono + Duration::from_secs(n as u64);
        let hint = Hint::Seek { practice_area, asked, away: false };
        duty.handle(Input::Heard { consultation: matter(n), hint }, START).expect("there is room in the queue");
    }

    /// Rings and places since the last look, in words.
    fn orders(duty: &mut Duty) -> Vec<String> {
        std::iter::from_fn(|| duty.poll_output())
            .filter_map(|output| match output {
                Output::Ring { consultation, lawyer: rung, .. } => {
                    let matter = (1..9).find(|n| matter(*n) == consultation)?;
                    let lawyer = (0..9).find(|n| lawyer(*n) == rung)?;
                    Some(format!("matter {matter} rings at {lawyer}"))
                }
                Output::Place { consultation, place, on_duty, occupied } => {
                    let matter = (1..9).find(|n| matter(*n) == consultation)?;
                    Some(format!("matter {matter} is {place}, {on_duty} on duty, {occupied} occupied"))
                }
                Output::StopRing { consultation, lawyer: cut } => {
                    let matter = (1..9).find(|n| matter(*n) == consultation)?;
                    let lawyer = (0..9).find(|n| lawyer(*n) == cut)?;
                    Some(format!("matter {matter} stops at {lawyer}"))
                }
                Output::ToLawyer(..) => None,
            })
            .collect()
    }

    #[test]
    fn a_place_counts_only_those_who_wait_for_the_same_desks() {
        let (labour, family, traffic) = (PracticeArea::Labour, PracticeArea::Family, PracticeArea::Traffic);
        let mut duty = on_duty(&[&[labour], &[family, traffic]]);

        seek(&mut duty, 1, labour);
        seek(&mut duty, 2, labour);
        seek(&mut duty, 3, family);
        seek(&mut duty, 4, traffic);

        assert_eq!(
            orders(&mut duty),
            ["matter 1 rings at 0", "matter 1 is 1, 1 on duty, 0 occupied", "matter 3 rings at 1"]
        );
        pass(&mut duty);
        assert_eq!(
            orders(&mut duty),
            [
                "matter 2 is 2, 1 on duty, 1 occupied",
                "matter 3 is 1, 1 on duty, 0 occupied",
                "matter 4 is 2, 1 on duty, 1 occupied",
            ]
        );
    }

    #[test]
    fn a_crowd_that_comes_and_goes_hears_of_its_places_once_a_second() {
        let mut duty = on_duty(&[&[PracticeArea::Labour]]);
        for n in 1..=8 {
            seek(&mut duty, n, PracticeArea::Labour);
        }
        pass(&mut duty);
        orders(&mut duty);

        for n in 1..=4 {
            duty.handle(Input::Heard { consultation: matter(n), hint: Hint::Leave }, after_a_second())
                .expect("it waits");
        }

        assert_eq!(
            orders(&mut duty),
            ["matter 2 rings at 0", "matter 3 rings at 0", "matter 4 rings at 0", "matter 5 rings at 0"]
        );
        duty.handle(Input::Timeout, after_a_second().after(PLACES_EVERY)).expect("it is time");
        assert_eq!(
            orders(&mut duty),
            [
                "matter 5 is 1, 1 on duty, 0 occupied",
                "matter 6 is 2, 1 on duty, 1 occupied",
                "matter 7 is 3, 1 on duty, 1 occupied",
                "matter 8 is 4, 1 on duty, 1 occupied",
            ]
        );
        assert!(duty.poll_timeout() > Some(after_a_second().after(PLACES_EVERY).mono), "then nothing is due");
    }

    fn after_a_second() -> Now {
        START.after(PLACES_EVERY)
    }

    /// The waiting hear of their places.
    fn pass(duty: &mut Duty) {
        assert_eq!(duty.poll_timeout(), Some(after_a_second().mono));
        duty.handle(Input::Timeout, after_a_second()).expect("it is time");
    }

    #[test]
    fn who_declined_is_not_counted_and_when_all_of_the_area_have_anybody_is_rung() {
        let mut duty = on_duty(&[&[PracticeArea::Labour], &[PracticeArea::Criminal]]);
        seek(&mut duty, 1, PracticeArea::Labour);
        orders(&mut duty);

        let hint = Hint::RingOver { lawyer: lawyer(0), how: RingOver::Declined };
        duty.handle(Input::Heard { consultation: matter(1), hint }, START).expect("the matter is known");

        assert_eq!(orders(&mut duty), ["matter 1 rings at 1"]);
    }

    #[test]
    fn who_may_not_serve_any_more_stops_ringing_and_is_rung_for_nothing_else() {
        let mut duty = on_duty(&[&[PracticeArea::Labour], &[PracticeArea::Labour]]);
        seek(&mut duty, 1, PracticeArea::Labour);
        orders(&mut duty);

        change(&mut duty, 0, &[PracticeArea::Labour], false);
        let cut = Hint::RingOver { lawyer: lawyer(0), how: RingOver::Cut };
        duty.handle(Input::Heard { consultation: matter(1), hint: cut }, START).expect("the matter is known");
        seek(&mut duty, 2, PracticeArea::Labour);

        assert_eq!(orders(&mut duty), ["matter 1 stops at 0"]);
        assert_eq!((duty.presence(lawyer(0)), duty.on_duty()), (Presence::Online, 1));
        let wish = Input::PresenceSet { lawyer: lawyer(0), on_duty: true, on_break: false };
        assert_eq!(duty.handle(wish.clone(), START), Err(SessionError::NotAllowed));

        change(&mut duty, 0, &[PracticeArea::Labour], true);
        assert_eq!(duty.presence(lawyer(0)), Presence::Online, "whoever is reinstated goes on duty by hand");
        duty.handle(wish, START).expect("allowed again");
        assert_eq!(orders(&mut duty), ["matter 1 rings at 0"]);
    }

    #[test]
    fn who_is_suspended_in_a_call_finishes_it_and_is_not_rung_again() {
        let mut duty = on_duty(&[&[PracticeArea::Labour]]);
        seek(&mut duty, 1, PracticeArea::Labour);
        let hear = |duty: &mut Duty, hint| {
            duty.handle(Input::Heard { consultation: matter(1), hint }, START).expect("the matter is known");
        };
        hear(&mut duty, Hint::Engaged { lawyer: lawyer(0) });
        orders(&mut duty);

        change(&mut duty, 0, &[PracticeArea::Labour], false);
        assert_eq!(duty.presence(lawyer(0)), Presence::Busy);
        hear(&mut duty, Hint::Released { lawyer: lawyer(0) });
        hear(&mut duty, Hint::WrittenUp { lawyer: lawyer(0) });
        seek(&mut duty, 2, PracticeArea::Labour);

        assert_eq!(duty.presence(lawyer(0)), Presence::Online);
        assert!(orders(&mut duty).iter().all(|order| !order.contains("rings")));
    }

    #[test]
    fn a_tab_that_was_let_in_before_the_change_does_not_bring_the_old_profile_back() {
        let mut duty = Duty::new();
        change(&mut duty, 0, &[PracticeArea::Labour], false);

        open(&mut duty, lawyer(0), Tab(0), &[PracticeArea::Labour]).expect("there is room for a tab");

        let wish = Input::PresenceSet { lawyer: lawyer(0), on_duty: true, on_break: false };
        assert_eq!(duty.handle(wish.clone(), START), Err(SessionError::NotAllowed));
        let later = START.after(PROFILE_KEPT);
        let other = Input::ProfileChanged { lawyer: lawyer(1), profile: profile(&[], true) };
        duty.handle(other, later).expect("never refused");
        let fresh = Input::DeskOpened { lawyer: lawyer(0), tab: Tab(1), profile: profile(&[], true) };
        duty.handle(fresh, later).expect("there is room for a tab");
        assert_eq!(duty.handle(wish, later), Ok(()), "what is older than a greeting is forgotten");
    }

    #[test]
    fn new_practice_areas_count_from_the_next_matter_on() {
        let mut duty = on_duty(&[&[PracticeArea::Labour], &[PracticeArea::Family]]);

        change(&mut duty, 0, &[PracticeArea::Criminal], true);
        seek(&mut duty, 1, PracticeArea::Criminal);

        assert_eq!(orders(&mut duty)[0], "matter 1 rings at 0");
    }

    #[test]
    fn a_task_that_is_gone_sets_its_lawyer_free() {
        let mut duty = on_duty(&[&[PracticeArea::Labour]]);
        seek(&mut duty, 1, PracticeArea::Labour);
        let hint = Hint::Engaged { lawyer: lawyer(0) };
        duty.handle(Input::Heard { consultation: matter(1), hint }, START).expect("the matter is known");
        assert_eq!(duty.presence(lawyer(0)), Presence::Busy);

        duty.handle(Input::ConsultationGone { consultation: matter(1) }, START).expect("never refused");

        assert_eq!((duty.presence(lawyer(0)), duty.waiting()), (Presence::Available, 0));
    }

    #[test]
    fn tabs_and_the_queue_are_bounded_and_a_stranger_is_refused() {
        let mut duty = on_duty(&[&[PracticeArea::Labour]]);
        for n in 1..MAX_TABS as u64 {
            assert_eq!(open(&mut duty, lawyer(0), Tab(n), &[PracticeArea::Labour]), Ok(()));
        }
        let refused = open(&mut duty, lawyer(0), Tab(99), &[PracticeArea::Labour]);
        assert_eq!(refused, Err(SessionError::TooMany("tabs")));

        let stranger = Input::PresenceSet { lawyer: lawyer(7), on_duty: true, on_break: false };
        assert_eq!(duty.handle(stranger, START), Err(SessionError::NotFound));
        let hint = Hint::Hold { away: true };
        let unknown = Input::Heard { consultation: matter(5), hint };
        assert_eq!(duty.handle(unknown, START), Err(SessionError::NotFound));
    }
}
