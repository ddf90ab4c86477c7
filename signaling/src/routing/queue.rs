//! Who waits: one fair queue, and for each desk that becomes free the oldest matter it may be rung for.
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use super::{Floor, Post};
use crate::{
    ids::{AreaCode, ConsultationId, LawyerId},
    output::Seek,
    time::Instant,
    words::{Channel, Grade, PracticeArea, RouteMode, Tier},
};

/// The place of a matter in the queue: the graver goes first, then whoever asked first. Each step of grade counts as [`HEAD_START`]
/// of waiting, so that nobody waits for ever behind what is graver: the sum is the instant at which a matter of no grade would have
/// this place.
pub(crate) type Key = (Instant, ConsultationId);

/// By how much each step of grade goes ahead: as long as a caller waits at most, so that among those who wait for a call the graver
/// is first. Nobody is overtaken by what was asked more than three times as long after.
pub(crate) const HEAD_START: Duration = Duration::from_secs(600);

/// How a lawyer is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Path {
    /// Nobody has been looked for yet.
    Fresh,
    /// The lawyer who was asked for, or the village's adviser, rings alone.
    Alone,
    /// Tier by tier, since then.
    Open {
        /// When the first tier was opened.
        since: Instant,
    },
}

/// A matter in the book.
#[derive(Debug)]
pub(crate) struct Matter {
    /// Which of its searches.
    pub(crate) search: u32,
    pub(crate) area: PracticeArea,
    pub(crate) place: AreaCode,
    pub(crate) channel: Channel,
    /// The lawyer the asker chose.
    pub(crate) wish: Option<LawyerId>,
    pub(crate) mode: RouteMode,
    pub(crate) path: Path,
    pub(crate) asked: Instant,
    pub(crate) grade: Grade,
    /// In the queue; otherwise a lawyer has it.
    pub(crate) waits: bool,
    /// The asker is away: keeps its place, but nobody is newly rung.
    pub(crate) away: bool,
    /// Lawyers who declined it or failed it.
    pub(crate) refused: BTreeSet<LawyerId>,
    /// Desks that ring for it, and in which tier.
    pub(crate) rung: BTreeMap<LawyerId, Tier>,
    told: Option<Standing>,
    due: Option<Instant>,
    slot: Option<Slot>,
}

impl Matter {
    pub(crate) fn new(seek: &Seek) -> Self {
        Self {
            search: seek.search,
            area: seek.practice_area,
            place: seek.place.clone(),
            channel: seek.channel,
            wish: seek.lawyer,
            mode: if seek.lawyer.is_some() { RouteMode::Direct } else { RouteMode::AutoVillage },
            path: Path::Fresh,
            asked: seek.asked,
            grade: seek.grade,
            waits: true,
            away: seek.away,
            refused: seek.barred.clone(),
            rung: BTreeMap::new(),
            told: None,
            due: None,
            slot: None,
        }
    }

    /// Its place among those who wait.
    pub(crate) fn rank(&self) -> Instant {
        let behind = match self.grade {
            Grade::Normal => 3,
            Grade::Attention => 2,
            Grade::Sensitive => 1,
            Grade::Major => 0,
        };
        self.asked + HEAD_START * behind
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

    /// Desks of this tier that ring for it.
    pub(crate) fn rung_in(&self, tier: Tier) -> usize {
        self.rung.values().filter(|rung| **rung == tier).count()
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
    /// What it may expect to wait, in seconds.
    pub(crate) expected_s: Option<u32>,
}

/// How much a matter wants a desk that becomes free.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Want {
    /// No desk rings for it.
    First,
    /// Some do, and there may be more.
    More,
}

/// Under which key a free desk finds a matter.
type Slot = (Want, PracticeArea, Tier, Key);

/// The matters of the book and their order.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    matters: BTreeMap<ConsultationId, Matter>,
    order: BTreeSet<Key>,
    slots: BTreeSet<Slot>,
    /// When the search for a matter's lawyer is looked at again.
    agenda: BTreeSet<(Instant, ConsultationId)>,
}

impl Queue {
    pub(crate) fn get(&self, id: ConsultationId) -> Option<&Matter> {
        self.matters.get(&id)
    }

    pub(crate) fn get_mut(&mut self, id: ConsultationId) -> Option<&mut Matter> {
        self.matters.get_mut(&id)
    }

    /// How many wait.
    pub(crate) fn len(&self) -> usize {
        self.order.len()
    }

    /// Takes a matter in, or back into its old place.
    pub(crate) fn enter(&mut self, id: ConsultationId, seek: &Seek) {
        let matter = self.matters.entry(id).or_insert_with(|| Matter::new(seek));
        let before = (matter.rank(), id);
        matter.search = seek.search;
        matter.waits = true;
        matter.away = seek.away;
        matter.grade = seek.grade;
        matter.refused.extend(&seek.barred);
        matter.forget_told();
        let after = (matter.rank(), id);
        if before != after {
            // Where it was found under its old rank it is not found any more; whoever looks for a desk settles it anew.
            self.order.remove(&before);
            self.settle(id, None, None);
        }
        self.order.insert(after);
    }

    /// A lawyer has it: it waits no longer.
    pub(crate) fn leave(&mut self, id: ConsultationId) {
        self.settle(id, None, None);
        if let Some(matter) = self.matters.get_mut(&id) {
            matter.waits = false;
            let place = (matter.rank(), id);
            self.order.remove(&place);
        }
    }

    /// Takes a matter out of the book.
    pub(crate) fn remove(&mut self, id: ConsultationId) {
        self.leave(id);
        self.matters.remove(&id);
    }

    /// Notes which free desk would find the matter, and when it is looked at again.
    pub(crate) fn settle(&mut self, id: ConsultationId, want: Option<(Want, Tier)>, due: Option<Instant>) {
        let Some(matter) = self.matters.get_mut(&id) else { return };
        let slot = want.map(|(want, tier)| (want, matter.area, tier, (matter.rank(), id)));
        if matter.slot != slot {
            if let Some(old) = matter.slot {
                self.slots.remove(&old);
            }
            self.slots.extend(slot);
            matter.slot = slot;
        }
        if matter.due != due {
            if let Some(old) = matter.due {
                self.agenda.remove(&(old, id));
            }
            self.agenda.extend(due.map(|due| (due, id)));
            matter.due = due;
        }
    }

    /// When the first search is looked at again, and whose it is.
    pub(crate) fn next_due(&self) -> Option<(Instant, ConsultationId)> {
        self.agenda.first().copied()
    }

    /// The oldest matter for which nobody rings and this desk may be; failing that, the oldest that may have more rings.
    pub(crate) fn oldest_for(&self, lawyer: LawyerId, post: Post, floor: &Floor) -> Option<(ConsultationId, Want)> {
        [Want::First, Want::More].into_iter().find_map(|want| {
            let areas = PracticeArea::ALL.iter().copied().filter(|area| floor.includes(post, *area));
            let oldest = areas.flat_map(|area| {
                let tiers = Tier::ALL.iter().copied().filter(move |tier| *tier >= post.tier(area));
                tiers.filter_map(move |tier| self.oldest_in(want, area, tier, lawyer))
            });
            oldest.min().map(|(_, id)| (id, want))
        })
    }

    /// Those for whom nobody rings and who may be rung for in this tier, the oldest first.
    pub(crate) fn lacking(&self, area: PracticeArea, tier: Tier) -> impl Iterator<Item = Key> {
        let first = (Want::First, area, tier, (Instant::START, ConsultationId::new(uuid::Uuid::nil())));
        let here = self.slots.range(first..).take_while(move |slot| (slot.1, slot.2) == (area, tier));
        here.take_while(|slot| slot.0 == Want::First).map(|(.., key)| *key)
    }

    fn oldest_in(&self, want: Want, area: PracticeArea, tier: Tier, lawyer: LawyerId) -> Option<Key> {
        let first = (want, area, tier, (Instant::START, ConsultationId::new(uuid::Uuid::nil())));
        let here = self.slots.range(first..).take_while(|slot| (slot.0, slot.1, slot.2) == (want, area, tier));
        here.map(|(.., key)| *key)
            .find(|(_, id)| self.matters.get(id).is_some_and(|matter| !matter.refused.contains(&lawyer)))
    }

    /// Those who wait, in their order, with the place of each; who is away keeps a place but is in nobody's way.
    pub(crate) fn places(&self) -> Vec<(ConsultationId, u32)> {
        let mut ahead = 0;
        let mut places = Vec::with_capacity(self.order.len());
        for (_, id) in &self.order {
            places.push((*id, ahead + 1));
            ahead += u32::from(self.matters.get(id).is_some_and(|matter| !matter.away));
        }
        places
    }
}
