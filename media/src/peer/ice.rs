//! One peer's side of ICE-lite (RFC 8445): who may speak from where, and which address media goes to.
use std::{
    collections::VecDeque,
    net::SocketAddr,
    time::{Duration, Instant},
};

use crate::stun::{Key, Request};

/// Addresses of one peer that are listened to at once.
const MAX_ADDRESSES: usize = 4;
/// Transactions remembered. A browser sends a few checks a second, so this is the last minute and more; during set-up
/// it is the last few seconds of many paths.
const MAX_TRANSACTIONS: usize = 256;
/// Silence after which the path is given up for any other that is proven anew: a client that changes from one network to
/// another is to hear again within a second and a half.
const PATH_SILENT: Duration = Duration::from_secs(1);
/// The same when its own media already comes by another proven path: a few packets of sound, so that one that was
/// overtaken on the way moves nothing.
const PATH_QUIET: Duration = Duration::from_millis(300);
/// Silence after which an address may be somebody else's.
const ADDRESS_FREE: Duration = Duration::from_secs(2);
/// How long a transaction is remembered at most.
const REMEMBERED: Duration = Duration::from_secs(60);

/// Our credentials for one peer, and the paths that it has proven.
pub(crate) struct Ice {
    /// Our half of the username, by which the peer is found.
    pub ufrag: String,
    key: Key,
    remote_ufrag: String,
    /// Proven addresses, the one in use longest first.
    addresses: Vec<SocketAddr>,
    selected: Option<SocketAddr>,
    /// The last sign of life from there.
    heard: Option<Instant>,
    /// Transactions of the last minute, the oldest first.
    seen: VecDeque<([u8; 12], SocketAddr, Instant)>,
}

/// What a verified request changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Checked {
    /// The address is new: datagrams from it are this peer's from now on.
    pub added: bool,
    /// This address is not listened to any more, for there are too many.
    pub dropped: Option<SocketAddr>,
    /// Media goes to the address from now on.
    pub moved: bool,
}

impl Ice {
    /// Credentials `ufrag` and `password` for the client that calls itself `remote_ufrag`.
    pub(crate) fn new(ufrag: String, password: &str, remote_ufrag: String) -> Self {
        Self {
            ufrag,
            key: Key::new(password),
            remote_ufrag,
            addresses: Vec::with_capacity(1),
            selected: None,
            heard: None,
            seen: VecDeque::new(),
        }
    }

    /// The password's key, to sign answers with.
    pub(crate) fn key(&self) -> &Key {
        &self.key
    }

    /// Where media goes.
    pub(crate) fn selected(&self) -> Option<SocketAddr> {
        self.selected
    }

    /// Every address that is this peer's.
    pub(crate) fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Whether this is the path in use, and alive.
    pub(crate) fn lives_at(&self, address: SocketAddr, now: Instant) -> bool {
        self.selected == Some(address) && self.heard.is_some_and(|heard| now.duration_since(heard) < ADDRESS_FREE)
    }

    /// Something authentic came from this address; whether media goes there from now on. Who sends media by another proven
    /// path than the quiet one in use has moved there, also when it forgets to nominate it.
    pub(crate) fn heard(&mut self, from: SocketAddr, media: bool, now: Instant) -> bool {
        let quiet = self.heard.is_none_or(|heard| now.duration_since(heard) >= PATH_QUIET);
        let moved = media && quiet && self.selected != Some(from) && self.addresses.contains(&from);
        if moved {
            self.selected = Some(from);
        }
        if self.selected == Some(from) {
            self.heard = Some(now);
        }
        moved
    }

    /// An address went to another peer.
    pub(crate) fn forget(&mut self, address: SocketAddr) {
        self.addresses.retain(|own| *own != address);
    }

    /// Takes a request from `from`; `None` is met with silence. Only whoever knows the password gets further, and a
    /// request that was seen from elsewhere before is a replay, which proves nothing about its new sender.
    pub(crate) fn check(&mut self, request: &Request<'_>, from: SocketAddr, now: Instant) -> Option<Checked> {
        if request.remote_ufrag() != self.remote_ufrag.as_bytes() || !request.verify(&self.key) {
            return None;
        }
        if !self.fresh(&request.transaction, from, now) {
            return None;
        }
        let mut checked = Checked::default();
        if !self.addresses.contains(&from) {
            if self.addresses.len() >= MAX_ADDRESSES {
                let spare = self.addresses.iter().position(|own| Some(*own) != self.selected).unwrap_or(0);
                checked.dropped = Some(self.addresses.remove(spare));
            }
            self.addresses.push(from);
            checked.added = true;
        }
        // The controlling side nominates (RFC 8445 8.1.1), and may nominate anew when its network changes: media
        // follows at once. Before any nomination the first proven path is used.
        // Some clients nominate only once; when such a client's address changes, the old path falls silent, and a fresh
        // check is as good as a nomination.
        let silent = self.heard.is_none_or(|heard| now.duration_since(heard) >= PATH_SILENT);
        if self.selected != Some(from) && (request.use_candidate || silent) {
            self.selected = Some(from);
            checked.moved = true;
        }
        Some(checked)
    }

    fn fresh(&mut self, transaction: &[u8; 12], from: SocketAddr, now: Instant) -> bool {
        while self.seen.front().is_some_and(|(_, _, at)| now.duration_since(*at) >= REMEMBERED) {
            self.seen.pop_front();
        }
        if let Some((_, address, _)) = self.seen.iter().find(|(seen, ..)| seen == transaction) {
            // A repeat of an unanswered check comes from where the first came from (RFC 8489 6.2.1).
            return *address == from;
        }
        if self.seen.len() == MAX_TRANSACTIONS {
            self.seen.pop_front();
        }
        self.seen.push_back((*transaction, from, now));
        true
    }
}
