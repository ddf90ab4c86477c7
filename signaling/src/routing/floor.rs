//! Who is on the floor: free desks, longest idle first, and how many serve what.
use std::collections::BTreeSet;

use crate::{
    ids::LawyerId,
    presence::Areas,
    time::Instant,
    words::{Pool, PracticeArea, Tier},
};

const AREAS: usize = PracticeArea::ALL.len();
/// Per pool one class for each practice area, and one for all.
const CLASSES: usize = 2 * (AREAS + 1);

/// Desks of one pool that answer one practice area, or all desks of the pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Class(usize);

impl Class {
    const FIRST: LawyerId = LawyerId::new(uuid::Uuid::nil());

    const fn all(pool: Pool) -> Self {
        match pool {
            Pool::Local => Self(AREAS),
            Pool::National => Self(CLASSES - 1),
        }
    }

    const fn of(pool: Pool, area: PracticeArea) -> Self {
        match pool {
            Pool::Local => Self(area as usize),
            Pool::National => Self(AREAS + 1 + area as usize),
        }
    }
}

/// A desk that answers questions now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Post {
    pub(crate) pool: Pool,
    pub(crate) areas: Areas,
    /// Since when it has had nothing to do; `None` while it is occupied.
    pub(crate) idle_since: Option<Instant>,
}

impl Post {
    /// The tier in which this desk is rung for a matter of this area. `OTHER` is everybody's area.
    pub(crate) fn tier(self, area: PracticeArea) -> Tier {
        match self.pool {
            Pool::Local if area == PracticeArea::Other || self.areas.has(area) => Tier::LocalArea,
            Pool::Local => Tier::LocalAny,
            Pool::National => Tier::National,
        }
    }

    fn classes(self) -> impl Iterator<Item = Class> {
        let Self { pool, areas, .. } = self;
        let of_area = PracticeArea::ALL.iter().filter(move |area| areas.has(**area));
        of_area.map(move |area| Class::of(pool, *area)).chain([Class::all(pool)])
    }
}

/// How many desks answer questions, and how many of them are occupied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Count {
    pub(crate) on_duty: u32,
    pub(crate) occupied: u32,
}

impl Count {
    /// The same without one desk.
    pub(crate) fn without(self, post: Post) -> Self {
        let occupied = u32::from(post.idle_since.is_none());
        Self { on_duty: self.on_duty.saturating_sub(1), occupied: self.occupied.saturating_sub(occupied) }
    }

    fn plus(self, other: Self) -> Self {
        Self { on_duty: self.on_duty + other.on_duty, occupied: self.occupied + other.occupied }
    }
}

/// Every desk that answers questions, by what it answers.
#[derive(Debug)]
pub(crate) struct Floor {
    free: BTreeSet<(Class, Instant, LawyerId)>,
    counts: [Count; CLASSES],
}

impl Default for Floor {
    fn default() -> Self {
        Self { free: BTreeSet::new(), counts: [Count::default(); CLASSES] }
    }
}

impl Floor {
    /// A desk comes, goes or does something else.
    pub(crate) fn change(&mut self, lawyer: LawyerId, before: Option<Post>, after: Option<Post>) {
        if before == after {
            return;
        }
        if let Some(post) = before {
            for class in post.classes() {
                self.counts[class.0] = self.counts[class.0].without(post);
                post.idle_since.map(|since| self.free.remove(&(class, since, lawyer)));
            }
        }
        if let Some(post) = after {
            let one = Count { on_duty: 1, occupied: u32::from(post.idle_since.is_none()) };
            for class in post.classes() {
                self.counts[class.0] = self.counts[class.0].plus(one);
                post.idle_since.map(|since| self.free.insert((class, since, lawyer)));
            }
        }
    }

    /// Free desks that a tier holds for matters of this area, longest idle first. The wider tiers hold the narrower ones too.
    pub(crate) fn longest_idle(&self, tier: Tier, area: PracticeArea) -> impl Iterator<Item = LawyerId> {
        let class = self.class(tier, area);
        let from = (class, Instant::START, Class::FIRST);
        self.free.range(from..).take_while(move |(other, ..)| *other == class).map(|(.., lawyer)| *lawyer)
    }

    /// Desks that this tier holds for matters of this area.
    pub(crate) fn count(&self, tier: Tier, area: PracticeArea) -> Count {
        self.counts[self.class(tier, area).0]
    }

    /// Desks that may be rung for a matter of this area, sooner or later.
    pub(crate) fn reach(&self, area: PracticeArea) -> Count {
        self.count(Tier::LocalAny, area).plus(self.count(Tier::National, area))
    }

    /// Desks of a pool that answer this area, or any; `OTHER` is everybody's area.
    pub(crate) const fn on_duty(&self, pool: Pool, area: Option<PracticeArea>) -> u32 {
        let class = match area {
            Some(PracticeArea::Other) | None => Class::all(pool),
            Some(area) => Class::of(pool, area),
        };
        self.counts[class.0].on_duty
    }

    /// Whether this desk may be rung for a matter of this area once its tier is open: from afar it is those who know the
    /// field, unless nobody does.
    pub(crate) fn includes(&self, post: Post, area: PracticeArea) -> bool {
        match post.pool {
            Pool::Local => true,
            Pool::National => post.areas.has(area) || self.class(Tier::National, area) == Class::all(Pool::National),
        }
    }

    const fn class(&self, tier: Tier, area: PracticeArea) -> Class {
        match tier {
            Tier::LocalArea if !matches!(area, PracticeArea::Other) => Class::of(Pool::Local, area),
            Tier::LocalArea | Tier::LocalAny => Class::all(Pool::Local),
            Tier::National => {
                let specialists = Class::of(Pool::National, area);
                if self.counts[specialists.0].on_duty > 0 { specialists } else { Class::all(Pool::National) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::message::tests::uuid;

    fn post(pool: Pool, areas: &[PracticeArea], idle_since: u64) -> Post {
        let areas = areas.iter().fold(Areas::default(), |areas, area| areas.with(*area));
        Post { pool, areas, idle_since: Some(Instant::START + Duration::from_secs(idle_since)) }
    }

    #[test]
    fn who_has_rested_longest_is_first_and_who_is_occupied_is_counted_but_not_found() {
        let (labour, family) = (PracticeArea::Labour, PracticeArea::Family);
        let desks = [
            post(Pool::Local, &[labour], 9),
            post(Pool::Local, &[labour, family], 3),
            post(Pool::Local, &[family], 1),
            post(Pool::National, &[family], 2),
        ];
        let mut floor = Floor::default();
        for (n, desk) in (0..).zip(desks) {
            floor.change(LawyerId::new(uuid(n)), None, Some(desk));
        }
        let found = |floor: &Floor, tier, area| -> Vec<u128> {
            let found = floor.longest_idle(tier, area);
            found.filter_map(|id| (0..9).find(|n| LawyerId::new(uuid(*n)) == id)).collect()
        };

        assert_eq!(found(&floor, Tier::LocalArea, labour), [1, 0]);
        assert_eq!(found(&floor, Tier::LocalAny, labour), [2, 1, 0]);
        assert_eq!(found(&floor, Tier::LocalArea, PracticeArea::Other), [2, 1, 0]);
        assert_eq!(found(&floor, Tier::National, labour), [3], "nobody far away knows the field, so anybody there is");

        let busy = Post { idle_since: None, ..desks[1] };
        floor.change(LawyerId::new(uuid(1)), Some(desks[1]), Some(busy));
        assert_eq!(found(&floor, Tier::LocalArea, labour), [0]);
        assert_eq!(floor.count(Tier::LocalArea, labour), Count { on_duty: 2, occupied: 1 });

        floor.change(LawyerId::new(uuid(1)), Some(busy), None);
        assert_eq!(floor.reach(labour), Count { on_duty: 3, occupied: 0 });
    }
}
