//! Who can be rung and who waits: presence as leases, one fair queue, and which desk rings for which matter.
mod floors;
mod heard;
mod profiles;
mod search;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Duration,
};

pub use self::floors::{Alarm, FloorKey, FloorState};
pub use self::profiles::PROFILE_KEPT;
use self::{floors::Floors, profiles::Changes};
pub use crate::presence::Wish;
use crate::{
    error::SessionError,
    ids::{AreaCode, ConsultationId, LawyerId},
    message::ServerMessage,
    output::Hint,
    presence::{Desk, Work},
    private::PersonName,
    profile::Profile,
    routing::{Count, Floor, Handling, Queue, Standing},
    time::{Instant, Now},
    timers::Timers,
    words::{Pool, PracticeArea, Presence, RouteMode, Tier},
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
/// Matters that may wait at once.
pub const MAX_WAITING: usize = 10_000;
/// Desks rung at once for one matter: all lawyers of a county, not all of a province.
pub const MAX_RINGS: usize = 200;
/// Desks of a tier that are rung first, the longest idle ones.
pub const BATCH: usize = 5;
/// Village advisers who are rung together.
pub const MAX_ADVISERS: usize = 3;
/// A search that is as wide as it gets is looked at again after so long.
const LOOK_AGAIN: Duration = Duration::from_secs(30);
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
        /// What is known of the lawyer.
        profile: Profile,
    },
    /// The bureau, or the lawyer, changed what is known of a lawyer; nothing when no desk is open.
    ProfileChanged {
        /// Whose.
        lawyer: LawyerId,
        /// What is known now.
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
        /// What the lawyer wants to be rung for.
        wish: Wish,
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
    /// The bureau says how many lawyers must be on duty at least; what is not named is not watched.
    FloorsSet {
        /// How many, of whom.
        minimums: BTreeMap<FloorKey, u32>,
        /// The alarms that there were before this book was begun.
        alarms: BTreeMap<FloorKey, Alarm>,
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
        /// Which search of it.
        search: u32,
        /// Whose desk.
        lawyer: LawyerId,
        /// The name the asker will see.
        name: PersonName,
        /// Alone or beside others.
        mode: RouteMode,
        /// How far the search has widened.
        tier: Tier,
    },
    /// The search goes on in another way: `consultation::Input::Routed`.
    Routed {
        /// Which matter.
        consultation: ConsultationId,
        /// How a lawyer is looked for now.
        mode: RouteMode,
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
        /// What it may expect to wait, in seconds, from the last handling times.
        expected_s: Option<u32>,
    },
    /// For a while fewer lawyers than the bureau wants have been on duty, even fewer, or enough again.
    Floor {
        /// Of whom.
        key: FloorKey,
        /// How many, and whether there is an alarm now.
        state: FloorState,
    },
    /// To every tab of this lawyer: its presence.
    ToLawyer(LawyerId, ServerMessage),
}

/// The duty book: one value, one owner. Feed one input with `now`, drain the outputs, sleep until the next deadline.
///
/// No input costs more than the desks and matters that it concerns: free desks and waiting matters are found by index.
/// Only the places of those who wait are counted through, once in [`PLACES_EVERY`].
#[derive(Debug)]
pub struct Duty {
    timers: Timers,
    desks: BTreeMap<LawyerId, Desk>,
    floor: Floor,
    floors: Floors,
    /// Somebody came on duty or left since the floors were looked at.
    floors_moved: bool,
    /// Whose adviser of a village has a desk here.
    advisers: BTreeMap<AreaCode, BTreeSet<LawyerId>>,
    changes: Changes,
    /// When something is due at which desk.
    agenda: BTreeSet<(Instant, LawyerId)>,
    queue: Queue,
    handling: Handling,
    /// Desks that became free, the longest idle first: to be rung for what waits.
    freed: BTreeSet<(Instant, LawyerId)>,
    /// Matters whose search changed, the oldest first: to be looked at.
    stirred: BTreeSet<(Instant, ConsultationId)>,
    /// When the waiting may hear of their places again.
    places_due: Option<Instant>,
    /// Something has changed since they heard of them.
    places_moved: bool,
    out: VecDeque<Output>,
}

impl Duty {
    /// An empty book.
    pub fn new(timers: Timers) -> Self {
        Self {
            timers,
            desks: BTreeMap::new(),
            floor: Floor::default(),
            floors: Floors::default(),
            floors_moved: false,
            advisers: BTreeMap::new(),
            changes: Changes::default(),
            agenda: BTreeSet::new(),
            queue: Queue::default(),
            handling: Handling::default(),
            freed: BTreeSet::new(),
            stirred: BTreeSet::new(),
            places_due: None,
            places_moved: false,
            out: VecDeque::new(),
        }
    }

    /// Takes one input. What is due by `now` happens first; then the input, or, when it is refused, nothing.
    pub fn handle(&mut self, input: Input, now: Now) -> Result<(), SessionError> {
        while let Some((due, lawyer)) = self.agenda.first().copied()
            && due <= now.mono
        {
            self.at_desk(lawyer, |desk| desk.fire(now));
        }
        // Only now: of desks that lapse at once none is rung because another one did.
        self.ring(now);
        while let Some((due, id)) = self.queue.next_due()
            && due <= now.mono
        {
            self.look_for(id, now);
        }
        self.watch_floors(now);
        let result = self.take(input, now);
        self.ring(now);
        self.tell_places(now);
        self.watch_floors(now);
        result
    }

    fn take(&mut self, input: Input, now: Now) -> Result<(), SessionError> {
        match input {
            Input::DeskOpened { lawyer, tab, profile } => self.opened(lawyer, tab, profile, now),
            Input::ProfileChanged { lawyer, profile } => {
                self.profile_changed(lawyer, profile, now);
                Ok(())
            }
            Input::DeskSeen { lawyer, tab } => {
                if !self.desks.get(&lawyer).is_some_and(|desk| desk.has(tab)) {
                    return Err(SessionError::NotFound);
                }
                self.at_desk(lawyer, |desk| desk.renew(tab, now));
                Ok(())
            }
            Input::DeskClosed { lawyer, tab } => {
                self.at_desk(lawyer, |desk| desk.close(tab, now));
                Ok(())
            }
            Input::PresenceSet { lawyer, wish } => {
                let desk = self.desks.get(&lawyer).ok_or(SessionError::NotFound)?;
                if wish == Wish::OnDuty && !desk.profile.may_serve {
                    return Err(SessionError::NotAllowed);
                }
                self.at_desk(lawyer, |desk| desk.want(wish, now));
                Ok(())
            }
            Input::Heard { consultation, hint } => self.heard(consultation, hint, now),
            Input::ConsultationGone { consultation } => {
                self.remove(consultation);
                let held: Vec<LawyerId> =
                    self.desks.iter().filter(|(_, desk)| desk.is_held_by(consultation)).map(|(id, _)| *id).collect();
                for lawyer in held {
                    self.at_desk(lawyer, |desk| desk.rest(now));
                }
                Ok(())
            }
            Input::FloorsSet { minimums, alarms } => {
                for gone in self.floors.set(&minimums, &alarms, &self.floor) {
                    self.out.push_back(Output::Floor { key: gone.key, state: gone.state });
                }
                self.floors_moved = true;
                Ok(())
            }
            Input::Timeout => Ok(()),
        }
    }

    /// The next order to the shell.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.out.pop_front()
    }

    /// When `Input::Timeout` is due; `None` while nothing can lapse.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let places = self.places_due.filter(|_| self.places_moved);
        let desk = self.agenda.first().map(|(due, _)| *due);
        let queue = self.queue.next_due().map(|(due, _)| due);
        desk.into_iter().chain(queue).chain(places).chain(self.floors.next_due()).min()
    }

    /// A lawyer's presence now.
    pub fn presence(&self, lawyer: LawyerId) -> Presence {
        self.desks.get(&lawyer).map_or(Presence::Offline, Desk::presence)
    }

    /// The name of a lawyer who may be asked into a session right now: on duty, there, and free.
    pub fn may_join(&self, lawyer: LawyerId) -> Result<PersonName, SessionError> {
        let desk = self.desks.get(&lawyer).ok_or(SessionError::NotFree)?;
        if !desk.profile.may_serve {
            return Err(SessionError::NotAllowed);
        }
        if desk.serves() && desk.work == Work::Free {
            Ok(desk.profile.name.clone())
        } else {
            Err(SessionError::NotFree)
        }
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
        self.queue.len()
    }

    /// How many lawyers of a pool answer questions (available, rung, busy or writing up), of one practice area or of any.
    pub const fn on_duty(&self, pool: Pool, area: Option<PracticeArea>) -> u32 {
        self.floor.on_duty(pool, area)
    }

    /// Every floor that is watched.
    pub fn floors(&self) -> impl Iterator<Item = (FloorKey, FloorState)> {
        self.floors.states(&self.floor)
    }

    /// Tells which alarms come and go, if that may have changed.
    fn watch_floors(&mut self, now: Now) {
        let is_due = self.floors.next_due().is_some_and(|due| due <= now.mono);
        if !std::mem::take(&mut self.floors_moved) && !is_due {
            return;
        }
        for turned in self.floors.look(&self.floor, self.timers.floor, now) {
            self.out.push_back(Output::Floor { key: turned.key, state: turned.state });
        }
    }

    /// Changes a desk, if there is one, and keeps its place on the floor and in the agenda.
    fn at_desk(&mut self, lawyer: LawyerId, change: impl FnOnce(&mut Desk)) {
        let Some(desk) = self.desks.get_mut(&lawyer) else { return };
        let before = desk.post();
        change(desk);
        if desk.work == Work::Free
            && let Some(since) = desk.engaged.take()
        {
            self.handling.took(desk.idle_since - since);
        }
        let after = desk.post();
        if before != after {
            self.floor.change(lawyer, before, after);
            self.floors_moved = true;
            self.places_moved = self.queue.len() > 0;
            if let Some(since) = after.and_then(|post| post.idle_since) {
                self.freed.insert((since, lawyer));
            }
        }
        let due = desk.deadline();
        if desk.due != due {
            if let Some(old) = desk.due {
                self.agenda.remove(&(old, lawyer));
            }
            self.agenda.extend(due.map(|due| (due, lawyer)));
            desk.due = due;
        }
        if let Some((presence, missed_rings)) = desk.news() {
            self.out.push_back(Output::ToLawyer(lawyer, ServerMessage::Presence { presence, missed_rings }));
        }
        if desk.is_gone()
            && let Some(gone) = self.desks.remove(&lawyer)
        {
            self.advise_no_longer(lawyer, &gone.profile.villages);
        }
        if let (Some(gone), None) = (before, after) {
            self.stir_who_lost_the_last(gone);
        }
    }

    /// Tells the waiting where they stand, if that may have changed and it is time.
    fn tell_places(&mut self, now: Now) {
        if !self.places_moved || self.places_due.is_some_and(|due| now.mono < due) {
            return;
        }
        (self.places_moved, self.places_due) = (false, Some(now.mono + PLACES_EVERY));
        for (consultation, place) in self.queue.places() {
            let standing = self.standing(consultation, place);
            let news = self.queue.get_mut(consultation).and_then(|matter| matter.news(standing?));
            if let Some(Standing { place, on_duty, occupied, expected_s }) = news {
                self.out.push_back(Output::Place { consultation, place, on_duty, occupied, expected_s });
            }
        }
    }

    fn standing(&self, id: ConsultationId, place: u32) -> Option<Standing> {
        let matter = self.queue.get(id)?;
        let post = |lawyer: &LawyerId| self.desks.get(lawyer).and_then(Desk::post);
        let refused = matter.refused.iter().filter_map(post).filter(|post| self.floor.includes(*post, matter.area));
        let count = refused.fold(self.floor.reach(matter.area), Count::without);
        let own = matter.rung.keys().filter_map(post).count();
        let occupied = count.occupied.saturating_sub(u32::try_from(own).unwrap_or(u32::MAX));
        let expected_s = self.handling.expected_s(place, occupied).filter(|_| count.occupied == count.on_duty);
        Some(Standing { place, on_duty: count.on_duty, occupied, expected_s })
    }
}
