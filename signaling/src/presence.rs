//! One lawyer's desk: its tabs, what the lawyer wants, and what the lawyer is doing.
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Duration,
};

use crate::{
    duty::{DUTY_GRACE, MISSED_RINGS, TAB_LEASE, Tab},
    ids::ConsultationId,
    profile::Profile,
    routing::Post,
    time::{Instant, Now},
    words::{PracticeArea, Presence},
};

/// A set of practice areas.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Areas(u16);

impl Areas {
    pub(crate) const fn with(self, area: PracticeArea) -> Self {
        Self(self.0 | 1 << area as u16)
    }

    pub(crate) const fn has(self, area: PracticeArea) -> bool {
        self.0 & (1 << area as u16) != 0
    }
}

impl From<&BTreeSet<PracticeArea>> for Areas {
    fn from(areas: &BTreeSet<PracticeArea>) -> Self {
        areas.iter().fold(Self::default(), |set, area| set.with(*area))
    }
}

/// What a lawyer is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    /// Nothing.
    Free,
    /// Being rung for this matter.
    Rung(ConsultationId),
    /// In a session of this matter.
    Busy(ConsultationId),
    /// Writing the outcome of this matter's session.
    WrapUp { matter: ConsultationId, until: Instant },
}

/// Offers of one practice area in a row that are a bunch when others are idle.
const BUNCH: usize = 2;
/// In this time.
const BUNCH_TIME: Duration = Duration::from_secs(5 * 60);

/// What a lawyer wants to be rung for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Wish {
    /// Nothing.
    #[default]
    OffDuty,
    /// What comes.
    OnDuty,
    /// Nothing for a while.
    Break,
    /// Nothing while at a visit.
    OnSite,
}

/// A lawyer's desk; several tabs are one desk.
#[derive(Debug)]
pub(crate) struct Desk {
    pub(crate) profile: Profile,
    areas: Areas,
    pub(crate) work: Work,
    pub(crate) missed: u8,
    /// Since when the lawyer has had nothing to do: who has rested longest is rung first.
    pub(crate) idle_since: Instant,
    /// When this desk stands in the agenda.
    pub(crate) due: Option<Instant>,
    /// Since when the matter that is handled has been.
    pub(crate) engaged: Option<Instant>,
    /// The areas of the latest offers, newest last.
    offered: VecDeque<(PracticeArea, Instant)>,
    tabs: BTreeMap<Tab, Instant>,
    wish: Wish,
    /// Without a tab: when going on duty is forgotten.
    forgotten: Option<Instant>,
    told: Option<(Presence, u8)>,
}

impl Desk {
    pub(crate) fn new(profile: Profile, now: Now) -> Self {
        Self {
            areas: Areas::from(&profile.areas),
            profile,
            work: Work::Free,
            missed: 0,
            idle_since: now.mono,
            due: None,
            engaged: None,
            offered: VecDeque::new(),
            tabs: BTreeMap::new(),
            wish: Wish::OffDuty,
            forgotten: None,
            told: None,
        }
    }

    /// Whether this tab can be opened, or is.
    pub(crate) fn has_room_for(&self, tab: Tab, most: usize) -> bool {
        self.tabs.contains_key(&tab) || self.tabs.len() < most
    }

    pub(crate) fn has(&self, tab: Tab) -> bool {
        self.tabs.contains_key(&tab)
    }

    /// A tab gives a sign of life.
    pub(crate) fn renew(&mut self, tab: Tab, now: Now) {
        self.tabs.insert(tab, now.mono + TAB_LEASE);
        self.forgotten = None;
    }

    /// A new tab wants to hear the presence even when it did not change.
    pub(crate) const fn greet(&mut self) {
        self.told = None;
    }

    pub(crate) fn close(&mut self, tab: Tab, now: Now) {
        self.tabs.remove(&tab);
        if self.tabs.is_empty() && self.forgotten.is_none() {
            self.forgotten = Some(now.mono + DUTY_GRACE);
        }
    }

    /// The desk goes by this profile from now on. Who may not serve goes off duty, and comes back by hand.
    pub(crate) fn know(&mut self, profile: Profile) {
        if !profile.may_serve {
            self.wish = Wish::OffDuty;
        }
        self.areas = Areas::from(&profile.areas);
        self.profile = profile;
    }

    /// What the lawyer wants. Saying so forgives missed rings, and who is ready ends the wrap-up.
    pub(crate) fn want(&mut self, wish: Wish, now: Now) {
        self.wish = wish;
        self.missed = 0;
        if wish == Wish::OnDuty && matches!(self.work, Work::WrapUp { .. }) {
            self.rest(now);
        }
    }

    /// A ring was missed, or its session failed; two in a row make a break.
    pub(crate) const fn miss(&mut self) {
        self.missed = self.missed.saturating_add(1);
        if self.missed >= MISSED_RINGS && matches!(self.wish, Wish::OnDuty) {
            self.wish = Wish::Break;
        }
    }

    /// The desk is rung for a matter of this area.
    pub(crate) fn ring(&mut self, matter: ConsultationId, area: PracticeArea, now: Now) {
        self.work = Work::Rung(matter);
        self.offered.push_back((area, now.mono));
        if self.offered.len() > BUNCH {
            self.offered.pop_front();
        }
    }

    /// Whether one more offer of this area would be a bunch: the latest were of it too, and not long ago.
    pub(crate) fn is_bunched(&self, area: PracticeArea, now: Now) -> bool {
        self.offered.len() == BUNCH
            && self.offered.iter().all(|(offered, at)| *offered == area && now.mono - *at < BUNCH_TIME)
    }

    /// The lawyer has nothing to do from now on.
    pub(crate) const fn rest(&mut self, now: Now) {
        self.work = Work::Free;
        self.idle_since = now.mono;
    }

    /// Does what is due: lapsed tabs, a forgotten duty, the end of the wrap-up.
    pub(crate) fn fire(&mut self, now: Now) {
        let before = self.tabs.len();
        self.tabs.retain(|_, until| *until > now.mono);
        if before > 0 && self.tabs.is_empty() {
            self.forgotten = Some(now.mono + DUTY_GRACE);
        }
        if self.forgotten.is_some_and(|at| at <= now.mono) {
            (self.wish, self.forgotten) = (Wish::OffDuty, None);
        }
        if let Work::WrapUp { until, .. } = self.work
            && until <= now.mono
        {
            self.rest(now);
        }
    }

    /// When something is due next.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let wrap_up = match self.work {
            Work::WrapUp { until, .. } => Some(until),
            Work::Free | Work::Rung(_) | Work::Busy(_) => None,
        };
        self.tabs.values().copied().min().into_iter().chain(self.forgotten).chain(wrap_up).min()
    }

    /// Whether the desk may be dropped: nobody there, nothing wanted, nothing being done.
    pub(crate) fn is_gone(&self) -> bool {
        self.tabs.is_empty() && self.forgotten.is_none() && self.work == Work::Free
    }

    /// Whether the lawyer is occupied by this matter.
    pub(crate) fn is_held_by(&self, id: ConsultationId) -> bool {
        match self.work {
            Work::Free => false,
            Work::Rung(matter) | Work::Busy(matter) | Work::WrapUp { matter, .. } => matter == id,
        }
    }

    /// Whether the lawyer answers questions now, free or not.
    pub(crate) fn serves(&self) -> bool {
        self.wish == Wish::OnDuty && !self.tabs.is_empty() && self.profile.may_serve
    }

    /// Where the desk stands on the floor, while it answers questions.
    pub(crate) fn post(&self) -> Option<Post> {
        let idle_since = Some(self.idle_since).filter(|_| self.work == Work::Free);
        self.serves().then_some(Post { pool: self.profile.pool, areas: self.areas, idle_since })
    }

    /// The presence in one word; what the lawyer does goes before what the lawyer wants.
    pub(crate) fn presence(&self) -> Presence {
        match self.work {
            Work::Busy(_) => Presence::Busy,
            Work::Rung(_) | Work::WrapUp { .. } | Work::Free if self.tabs.is_empty() => Presence::Offline,
            Work::Rung(_) => Presence::Ringing,
            Work::WrapUp { .. } => Presence::WrapUp,
            Work::Free if !self.profile.may_serve => Presence::Online,
            Work::Free => match self.wish {
                Wish::OffDuty => Presence::Online,
                Wish::OnDuty => Presence::Available,
                Wish::Break => Presence::Break,
                Wish::OnSite => Presence::OnSite,
            },
        }
    }

    /// The presence and the missed rings, when they are not what was told last.
    pub(crate) fn news(&mut self) -> Option<(Presence, u8)> {
        let now = (self.presence(), self.missed);
        if self.told == Some(now) {
            return None;
        }
        self.told = Some(now);
        Some(now)
    }
}
