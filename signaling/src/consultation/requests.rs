//! Requests that were done: said again after a broken socket, they are answered again and done once.
use std::collections::VecDeque;

use super::Party;
use crate::ids::RequestId;

/// Requests remembered per matter; a client repeats only what it has no answer to, so a few would do.
const REMEMBERED: usize = 128;

#[derive(Debug, Default)]
pub(crate) struct Requests {
    done: VecDeque<(Party, RequestId)>,
}

impl Requests {
    pub(crate) fn knows(&self, from: Party, request: RequestId) -> bool {
        self.done.contains(&(from, request))
    }

    /// Remembers a request that was done; a refused one may be tried again.
    pub(crate) fn remember(&mut self, from: Party, request: RequestId) {
        if self.done.len() == REMEMBERED {
            self.done.pop_front();
        }
        self.done.push_back((from, request));
    }
}
