//! Who wants to be woken when: a heap of deadlines, so that nobody is looked at before their time.
use std::{cmp::Reverse, collections::BinaryHeap, time::Instant};

use crate::arena::Key;

/// Deadlines of values named by keys. A value whose deadline moved leaves the old entry behind; whoever pops it
/// compares it with the deadline that the value itself remembers.
pub(crate) struct Timers<T> {
    heap: BinaryHeap<Reverse<(Instant, Key<T>)>>,
}

impl<T> Default for Timers<T> {
    fn default() -> Self {
        Self { heap: BinaryHeap::new() }
    }
}

impl<T> Timers<T> {
    /// Wakes `key` at `at`.
    pub(crate) fn set(&mut self, at: Instant, key: Key<T>) {
        self.heap.push(Reverse((at, key)));
    }

    /// When the next one is due.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.heap.peek().map(|Reverse((at, _))| *at)
    }

    /// Takes one that is due.
    pub(crate) fn pop(&mut self, now: Instant) -> Option<(Instant, Key<T>)> {
        if self.next()? > now {
            return None;
        }
        self.heap.pop().map(|Reverse(entry)| entry)
    }
}
