//! Which desk rings for which matter, and who waits behind whom.
use std::collections::{BTreeMap, BTreeSet};

use crate::{
    ids::{ConsultationId, LawyerId},
    presence::{Areas, Desk, Work},
    time::Instant,
    words::PracticeArea,
};

/// A matter in the book.
#[derive(Debug)]
pub(crate) struct Matter {
    pub(crate) area: PracticeArea,
    pub(crate) asked: Instant,
    /// In the queue; otherwise a lawyer has it.
    pub(crate) waits: bool,
    /// The asker is away: keeps its place, but nobody is newly rung.
    pub(crate) away: bool,
    /// Lawyers who declined it or failed it.
    pub(crate) refused: BTreeSet<LawyerId>,
    /// Desks that ring for it.
    pub(crate) rung: BTreeSet<LawyerId>,
    told: Option<Standing>,
}

impl Matter {
    pub(crate) const fn new(area: PracticeArea, asked: Instant) -> Self {
        Self { area, asked, waits: true, away: false, refused: BTreeSet::new(), rung: BTreeSet::new(), told: None }
    }

    /// Where it stands, when that is not what was told last.
    pub(crate) fn news(&mut self, standing: Standing) -> Option<Standing> {
        if self.told == Some(standing) {
            return None;
        }
        self.told = Some(standing);
        Some(standing)
    }

    /// Its next place in the queue is news, whatever it was.
    pub(crate) const fn forget_told(&mut self) {
        self.told = None;
    }
}

/// Where a waiting matter stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Standing {
    /// 1 is next.
    pub(crate) place: u32,
    /// Lawyers who may be rung for it, free or not.
    pub(crate) on_duty: u32,
    /// Those of them who are occupied by others.
    pub(crate) occupied: u32,
}

/// Which lawyers a matter is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reach {
    /// Those of its practice area.
    Area(PracticeArea),
    /// Any: nobody on duty has its area, or it has none (`OTHER`).
    Anyone,
}

impl Reach {
    const fn includes(self, desk: &Desk) -> bool {
        match self {
            Self::Area(area) => desk.areas.has(area),
            Self::Anyone => true,
        }
    }
}

/// How many lawyers of one reach answer questions, and how many of them are occupied.
#[derive(Clone, Copy, Debug, Default)]
struct Count {
    on_duty: u32,
    occupied: u32,
}

impl Count {
    fn add(&mut self, desk: &Desk) {
        self.on_duty += 1;
        self.occupied += u32::from(desk.work != Work::Free);
    }
}

/// The floor at one moment: who serves which practice area.
#[derive(Debug, Default)]
pub(crate) struct Floor {
    areas: BTreeMap<PracticeArea, Count>,
    all: Count,
    /// For each area, the areas that some lawyer serves besides it.
    shared: BTreeMap<PracticeArea, Areas>,
}

impl Floor {
    pub(crate) fn of(desks: &BTreeMap<LawyerId, Desk>) -> Self {
        let mut floor = Self::default();
        for desk in desks.values().filter(|desk| desk.serves()) {
            floor.all.add(desk);
            for area in PracticeArea::ALL.iter().filter(|area| desk.areas.has(**area)) {
                floor.areas.entry(*area).or_default().add(desk);
                let shared = floor.shared.entry(*area).or_default();
                *shared = shared.or(desk.areas);
            }
        }
        floor
    }

    fn reach(&self, area: PracticeArea) -> Reach {
        if area != PracticeArea::Other && self.areas.contains_key(&area) { Reach::Area(area) } else { Reach::Anyone }
    }

    /// Whether matters of these two areas can be rung at the same desk.
    fn compete(&self, one: PracticeArea, other: PracticeArea) -> bool {
        match (self.reach(one), self.reach(other)) {
            (Reach::Area(one), Reach::Area(other)) => {
                one == other || self.shared.get(&one).is_some_and(|shared| shared.has(other))
            }
            (Reach::Anyone, _) | (_, Reach::Anyone) => true,
        }
    }

    /// Whom a matter is for, and how many they are, without those who refused it.
    fn count(&self, matter: &Matter, desks: &BTreeMap<LawyerId, Desk>) -> (Reach, Count) {
        let reach = self.reach(matter.area);
        if matter.refused.is_empty() {
            let count = match reach {
                Reach::Area(area) => self.areas.get(&area).copied().unwrap_or_default(),
                Reach::Anyone => self.all,
            };
            return (reach, count);
        }
        let without_refused = |reach: Reach| {
            let mut count = Count::default();
            for (lawyer, desk) in desks {
                if desk.serves() && reach.includes(desk) && !matter.refused.contains(lawyer) {
                    count.add(desk);
                }
            }
            count
        };
        let count = without_refused(reach);
        if count.on_duty > 0 || reach == Reach::Anyone {
            return (reach, count);
        }
        (Reach::Anyone, without_refused(Reach::Anyone))
    }
}

/// Who is to be rung for what: the oldest matter first, for it the lawyer who has rested longest first; no desk twice.
pub(crate) fn rings(
    floor: &Floor,
    desks: &BTreeMap<LawyerId, Desk>,
    matters: &BTreeMap<ConsultationId, Matter>,
    order: &BTreeSet<(Instant, ConsultationId)>,
    most: usize,
) -> Vec<(ConsultationId, LawyerId)> {
    let mut free: Vec<(&LawyerId, &Desk)> = desks.iter().filter(|(_, desk)| desk.is_free()).collect();
    free.sort_by_key(|(lawyer, desk)| (desk.idle_since, **lawyer));
    let mut rings = Vec::new();
    for (_, id) in order {
        if free.is_empty() {
            break;
        }
        let Some(matter) = matters.get(id).filter(|matter| !matter.away) else { continue };
        let (reach, _) = floor.count(matter, desks);
        let mut room = most.saturating_sub(matter.rung.len());
        free.retain(|(lawyer, desk)| {
            let rung = room > 0 && reach.includes(desk) && !matter.refused.contains(lawyer);
            if rung {
                room -= 1;
                rings.push((*id, **lawyer));
            }
            !rung
        });
    }
    rings
}

/// Where every waiting matter stands, in the order of the queue.
pub(crate) fn standings(
    floor: &Floor,
    desks: &BTreeMap<LawyerId, Desk>,
    matters: &BTreeMap<ConsultationId, Matter>,
    order: &BTreeSet<(Instant, ConsultationId)>,
) -> Vec<(ConsultationId, Standing)> {
    let mut ahead: BTreeMap<PracticeArea, u32> = BTreeMap::new();
    let mut standings = Vec::new();
    for (_, id) in order {
        let Some(matter) = matters.get(id) else { continue };
        let before: u32 = ahead.iter().filter(|(area, _)| floor.compete(matter.area, **area)).map(|(_, n)| n).sum();
        let (_, count) = floor.count(matter, desks);
        let own =
            u32::try_from(matter.rung.iter().filter(|lawyer| desks.get(lawyer).is_some_and(Desk::serves)).count());
        let occupied = count.occupied.saturating_sub(own.unwrap_or(u32::MAX));
        standings.push((*id, Standing { place: before + 1, on_duty: count.on_duty, occupied }));
        if !matter.away {
            *ahead.entry(matter.area).or_default() += 1;
        }
    }
    standings
}
