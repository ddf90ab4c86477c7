//! The search for a lawyer: who rings alone, who rings beside others, and for what a desk that becomes free is rung.
use super::{BATCH, Duty, LOOK_AGAIN, MAX_ADVISERS, MAX_RINGS, Output};
use crate::{
    ids::{ConsultationId, LawyerId},
    presence::Desk,
    routing::{Matter, Path, Post, Step, Want, step},
    time::Now,
    words::{PracticeArea, RouteMode, Tier},
};

impl Duty {
    /// The matter's search is to be looked at.
    pub(super) fn stir(&mut self, id: ConsultationId) {
        if let Some(matter) = self.queue.get(id) {
            self.stirred.insert((matter.rank(), id));
        }
    }

    /// Nobody of a tier serves any more: whoever waits for it is looked at at once, and not when its time is over.
    pub(super) fn stir_who_lost_the_last(&mut self, gone: Post) {
        for tier in [Tier::LocalArea, Tier::LocalAny] {
            for area in PracticeArea::ALL.iter().copied().filter(|area| gone.tier(*area) <= tier) {
                if self.floor.count(tier, area).on_duty == 0 {
                    let waiting = self.queue.lacking(area, tier);
                    self.stirred.extend(waiting);
                }
            }
        }
    }

    /// Rings whoever can be rung: a desk that became free goes to the oldest matter that lacks one, before a matter whose
    /// search changed looks for more.
    pub(super) fn ring(&mut self, now: Now) {
        self.note_lost_rings(now);
        loop {
            if let Some((_, lawyer)) = self.freed.pop_first() {
                self.find_work(lawyer, now);
            } else if let Some((_, id)) = self.stirred.pop_first() {
                self.look_for(id, now);
            } else {
                return;
            }
        }
    }

    /// Who has lost the last ring lacks one from here on: the desk that is free by that goes to nobody younger.
    fn note_lost_rings(&mut self, now: Now) {
        let lacks =
            |matter: &Matter| matter.waits && !matter.away && matter.rung.is_empty() && matter.path != Path::Fresh;
        let stirred = self.stirred.iter().map(|(_, id)| *id);
        let lost: Vec<_> = stirred.filter(|id| self.queue.get(*id).is_some_and(lacks)).collect();
        for id in lost {
            if self.queue.get(id).is_some_and(|matter| matter.path == Path::Alone) {
                self.open(id, now);
            }
            if let Some(wide) = self.queue.get(id).and_then(|matter| self.wide(matter, now)) {
                self.queue.settle(id, Some((Want::First, wide.tier)), None);
            }
        }
    }

    fn find_work(&mut self, lawyer: LawyerId, now: Now) {
        let Some(post) = self.free_post(lawyer) else { return };
        let Some((id, want)) = self.queue.oldest_for(lawyer, post, &self.floor) else { return };
        let Some(matter) = self.queue.get(id) else { return };
        let is_bunch =
            want == Want::More && self.desks.get(&lawyer).is_some_and(|desk| desk.is_bunched(matter.area, now));
        if !is_bunch {
            let tier = post.tier(matter.area);
            self.assign(id, lawyer, tier, now);
            self.widen(id, now);
        }
    }

    /// Looks for desks for a matter, as wide as its time allows.
    pub(super) fn look_for(&mut self, id: ConsultationId, now: Now) {
        let Some(matter) = self.queue.get(id) else { return };
        if !matter.waits || matter.away {
            self.queue.settle(id, None, None);
            return;
        }
        match matter.path {
            Path::Fresh => {
                let (mode, whom) = self.alone(matter);
                if whom.is_empty() {
                    self.open(id, now);
                } else {
                    self.begin(id, Path::Alone, mode);
                    for lawyer in whom {
                        self.assign(id, lawyer, Tier::LocalArea, now);
                    }
                    self.queue.settle(id, None, None);
                    return;
                }
            }
            Path::Alone if !matter.rung.is_empty() => return,
            Path::Alone => self.open(id, now),
            Path::Open { .. } => {}
        }
        self.widen(id, now);
    }

    /// Who rings alone: the lawyer the asker chose, or advisers of the village who know the field; only who is free.
    fn alone(&self, matter: &Matter) -> (RouteMode, Vec<LawyerId>) {
        let may = |lawyer: &LawyerId| self.free_post(*lawyer).is_some() && !matter.refused.contains(lawyer);
        if let Some(wish) = matter.wish {
            return (RouteMode::Direct, Some(wish).into_iter().filter(may).collect());
        }
        let knows = |lawyer: &LawyerId| {
            let areas = self.desks.get(lawyer).map(|desk| &desk.profile.areas);
            matter.area == PracticeArea::Other || areas.is_some_and(|areas| areas.contains(&matter.area))
        };
        let advisers = self.advisers.get(&matter.place).into_iter().flatten().copied();
        let advisers = advisers.filter(may).filter(knows).take(MAX_ADVISERS).collect();
        (RouteMode::AutoVillage, advisers)
    }

    /// From here on whoever is first gets it.
    fn open(&mut self, id: ConsultationId, now: Now) {
        let since = match self.queue.get(id) {
            Some(matter) if matter.path == Path::Fresh => matter.asked.min(now.mono),
            _ => now.mono,
        };
        self.begin(id, Path::Open { since }, RouteMode::Broadcast);
    }

    fn begin(&mut self, id: ConsultationId, path: Path, mode: RouteMode) {
        let Some(matter) = self.queue.get_mut(id) else { return };
        (matter.path, matter.mode) = (path, mode);
        self.out.push_back(Output::Routed { consultation: id, mode });
    }

    /// Rings the free desks of the tiers that are open, and notes whether more are wanted and when to look again.
    fn widen(&mut self, id: ConsultationId, now: Now) {
        let Some(matter) = self.queue.get(id) else { return };
        let Some(wide) = self.wide(matter, now) else { return };
        let found = self.candidates(matter, wide, now);
        for (lawyer, tier) in found {
            self.assign(id, lawyer, tier, now);
        }
        let Some(matter) = self.queue.get(id) else { return };
        let rung = matter.rung.len();
        let has_room = rung < MAX_RINGS && (wide.everyone || matter.rung_in(wide.tier) < BATCH);
        let want = match rung {
            0 => Some(Want::First),
            _ if has_room => Some(Want::More),
            _ => None,
        };
        let due = wide.next.unwrap_or(now.mono + LOOK_AGAIN);
        self.queue.settle(id, want.map(|want| (want, wide.tier)), Some(due));
    }

    /// How wide the search is by now: a tier in which nobody serves is no step.
    fn wide(&self, matter: &Matter, now: Now) -> Option<Step> {
        let Path::Open { since } = matter.path else { return None };
        let mut wide = step(since, matter.channel, &self.timers, now.mono);
        while wide.tier != Tier::National && !self.serves(matter, wide.tier) {
            wide.tier = if wide.tier == Tier::LocalArea { Tier::LocalAny } else { Tier::National };
        }
        Some(wide)
    }

    /// Whether anybody who has not refused the matter answers questions in this tier or a narrower one, free or not.
    fn serves(&self, matter: &Matter, tier: Tier) -> bool {
        let refused = matter.refused.iter().filter_map(|lawyer| self.desks.get(lawyer)?.post());
        let refused = refused.filter(|post| post.tier(matter.area) <= tier).count();
        self.floor.count(tier, matter.area).on_duty as usize > refused
    }

    /// Free desks for this matter: all of the narrower tiers, and of the widest all or the first few; who had the last
    /// offers of this area is spared while others are idle.
    fn candidates(&self, matter: &Matter, wide: Step, now: Now) -> Vec<(LawyerId, Tier)> {
        let mut found: Vec<(LawyerId, Tier)> = Vec::new();
        for tier in Tier::ALL.iter().copied().take_while(|tier| *tier <= wide.tier) {
            let few = tier == wide.tier && !wide.everyone;
            let most = if few { BATCH.saturating_sub(matter.rung_in(tier)) } else { MAX_RINGS };
            let room = MAX_RINGS.saturating_sub(matter.rung.len() + found.len()).min(most);
            let mut spared = Vec::new();
            let mut taken = 0;
            for lawyer in self.floor.longest_idle(tier, matter.area) {
                if taken == room {
                    break;
                }
                let Some(desk) = self.desks.get(&lawyer) else { continue };
                let is_here = desk.post().is_some_and(|post| post.tier(matter.area) == tier);
                if !is_here || matter.refused.contains(&lawyer) {
                    continue;
                }
                if few && desk.is_bunched(matter.area, now) {
                    spared.push((lawyer, tier));
                } else {
                    found.push((lawyer, tier));
                    taken += 1;
                }
            }
            found.extend(spared.into_iter().take(room - taken));
        }
        found
    }

    fn assign(&mut self, id: ConsultationId, lawyer: LawyerId, tier: Tier, now: Now) {
        let Some(matter) = self.queue.get_mut(id) else { return };
        matter.rung.insert(lawyer, tier);
        let (search, area, mode) = (matter.search, matter.area, matter.mode);
        self.at_desk(lawyer, |desk| desk.ring(id, area, now));
        if let Some(desk) = self.desks.get(&lawyer) {
            let name = desk.profile.name.clone();
            self.out.push_back(Output::Ring { consultation: id, search, lawyer, name, mode, tier });
        }
    }

    fn free_post(&self, lawyer: LawyerId) -> Option<Post> {
        self.desks.get(&lawyer).and_then(Desk::post).filter(|post| post.idle_since.is_some())
    }
}
