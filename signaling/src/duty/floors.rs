//! How many lawyers must be on duty at least, and the alarm when they are not: it neither comes nor goes for a moment's sake.
use std::{collections::BTreeMap, time::Duration};

use crate::{
    routing::Floor,
    time::{Instant, Now, Timestamp},
    words::{Pool, PracticeArea},
};

/// Whose number is watched: the lawyers of a pool who answer one practice area, or all of them.
pub type FloorKey = (Pool, Option<PracticeArea>);

/// Too few have been on duty for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Alarm {
    /// When it came.
    pub since: Timestamp,
    /// The fewest that were on duty since.
    pub least: u32,
}

/// What is known of one floor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FloorState {
    /// So many lawyers must be on duty, free or not.
    pub minimum: u32,
    /// So many are.
    pub on_duty: u32,
    /// There is an alarm.
    pub alarm: Option<Alarm>,
}

#[derive(Clone, Copy, Debug)]
struct Watch {
    minimum: u32,
    alarm: Option<Alarm>,
    /// When the alarm comes or goes, unless the number changes back before.
    turns: Option<Instant>,
}

/// Every floor that is watched.
#[derive(Debug, Default)]
pub(super) struct Floors {
    watches: BTreeMap<FloorKey, Watch>,
}

/// The alarm of a floor came, grew worse, or went.
#[derive(Clone, Copy, Debug)]
pub(super) struct Turned {
    pub(super) key: FloorKey,
    pub(super) state: FloorState,
}

impl Floors {
    /// Watches these floors from now on; one that was watched before keeps its alarm, one that is new goes on with the alarm it
    /// is said to have. Alarms of floors that are watched no longer are told as gone.
    pub(super) fn set(
        &mut self,
        minimums: &BTreeMap<FloorKey, u32>,
        alarms: &BTreeMap<FloorKey, Alarm>,
        floor: &Floor,
    ) -> Vec<Turned> {
        let old = std::mem::take(&mut self.watches);
        for (key, minimum) in minimums {
            let fresh = || Watch { minimum: 0, alarm: alarms.get(key).copied(), turns: None };
            let known = old.get(key).copied().unwrap_or_else(fresh);
            self.watches.insert(*key, Watch { minimum: *minimum, ..known });
        }
        let had = old.iter().filter(|(_, watch)| watch.alarm.is_some()).map(|(key, _)| key);
        let gone: std::collections::BTreeSet<_> =
            had.chain(alarms.keys()).filter(|key| !minimums.contains_key(key)).collect();
        let told = |key: &FloorKey| Turned {
            key: *key,
            state: FloorState { minimum: 0, on_duty: floor.on_duty(key.0, key.1), alarm: None },
        };
        gone.into_iter().map(told).collect()
    }

    /// Compares the numbers with the floors. An alarm comes, and goes, when that has been due for `lasts`; it grows worse at once.
    pub(super) fn look(&mut self, floor: &Floor, lasts: Duration, now: Now) -> Vec<Turned> {
        let mut turned = vec![];
        for (key, watch) in &mut self.watches {
            let on_duty = floor.on_duty(key.0, key.1);
            let is_below = on_duty < watch.minimum;
            let before = watch.alarm;
            if is_below == watch.alarm.is_some() {
                watch.turns = None;
                watch.alarm = watch.alarm.map(|alarm| Alarm { least: alarm.least.min(on_duty), ..alarm });
            } else if *watch.turns.get_or_insert(now.mono + lasts) <= now.mono {
                watch.turns = None;
                watch.alarm = is_below.then_some(Alarm { since: now.wall, least: on_duty });
            }
            if watch.alarm != before {
                let state = FloorState { minimum: watch.minimum, on_duty, alarm: watch.alarm };
                turned.push(Turned { key: *key, state });
            }
        }
        turned
    }

    /// When the next alarm comes or goes.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.watches.values().filter_map(|watch| watch.turns).min()
    }

    /// Every floor as it stands.
    pub(super) fn states(&self, floor: &Floor) -> impl Iterator<Item = (FloorKey, FloorState)> {
        self.watches.iter().map(|(key, watch)| {
            let on_duty = floor.on_duty(key.0, key.1);
            (*key, FloorState { minimum: watch.minimum, on_duty, alarm: watch.alarm })
        })
    }
}
