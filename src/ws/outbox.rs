//! What a client was told and may have to be told again: numbered, bounded, replayed in order.
use std::{collections::VecDeque, time::Duration};

use axum::extract::ws::Utf8Bytes;
use serde::Serialize as _;
use yunfa_signaling::{
    message::{RESUME_MESSAGES, RESUME_SECONDS, ServerFrame, ServerMessage},
    time::Instant,
};

/// How long a sent message is kept for a resume.
const KEPT_FOR: Duration = Duration::from_secs(RESUME_SECONDS);
/// Bytes that may wait for a socket that does not read; past that it is closed and may resume.
const UNSENT_BYTES: usize = 256 * 1024;
/// Answers outside the numbering (`pong`) that may wait; a client that asks for more without reading them hears fewer.
const ASIDE: usize = 8;

/// The numbered messages of one client stream, and how far its socket has got.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    kept: VecDeque<Kept>,
    aside: VecDeque<Utf8Bytes>,
    /// The number of the newest message.
    newest: u64,
    /// The number of the last message that was handed to the socket.
    sent: u64,
    /// Bytes of the messages after `sent`.
    unsent_bytes: usize,
}

#[derive(Debug)]
struct Kept {
    seq: u64,
    at: Instant,
    text: Utf8Bytes,
}

/// The socket reads too slowly: too much waits for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Slow;

/// What the client has not seen is no longer kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Lost;

impl Outbox {
    /// Numbers and keeps a message. `Slow` says that more waits than may; the message is kept all the same.
    pub(super) fn push(&mut self, message: ServerMessage, now: Instant) -> Result<(), Slow> {
        self.forget(now);
        self.newest += 1;
        let text = encode(&ServerFrame { seq: self.newest, message });
        self.unsent_bytes += text.len();
        self.kept.push_back(Kept { seq: self.newest, at: now, text });
        while self.kept.len() > RESUME_MESSAGES {
            let Some(oldest) = self.kept.pop_front() else { break };
            if oldest.seq > self.sent {
                // Nobody was there to read it: a resume that asks for it is lost.
                self.unsent_bytes -= oldest.text.len();
                self.sent = oldest.seq;
            }
        }
        let unsent = self.newest - self.sent;
        if unsent as usize >= RESUME_MESSAGES || self.unsent_bytes > UNSENT_BYTES { Err(Slow) } else { Ok(()) }
    }

    /// Queues an answer outside the numbering; it is never replayed.
    pub(super) fn push_aside(&mut self, message: ServerMessage) {
        if self.aside.len() < ASIDE {
            self.aside.push_back(encode(&ServerFrame { seq: 0, message }));
        }
    }

    /// The next frame for the socket, or nothing when it has everything.
    pub(super) fn next(&mut self) -> Option<Utf8Bytes> {
        if let Some(text) = self.aside.pop_front() {
            return Some(text);
        }
        if !self.has_numbered() {
            return None;
        }
        let from_back = usize::try_from(self.newest - self.sent).unwrap_or(usize::MAX);
        let kept = self.kept.get(self.kept.len().checked_sub(from_back)?)?;
        self.sent = kept.seq;
        self.unsent_bytes -= kept.text.len();
        Some(kept.text.clone())
    }

    /// Whether `next` has something.
    pub(super) fn has_next(&self) -> bool {
        !self.aside.is_empty() || self.has_numbered()
    }

    /// Goes back to what the client has handled, so that everything after it is sent again in order.
    pub(super) fn resume(&mut self, last_seq: u64, now: Instant) -> Result<(), Lost> {
        self.forget(now);
        let oldest = self.kept.front().map_or(self.newest + 1, |kept| kept.seq);
        if last_seq > self.newest || last_seq + 1 < oldest {
            return Err(Lost);
        }
        self.aside.clear();
        self.sent = last_seq;
        self.unsent_bytes = self.kept.iter().filter(|kept| kept.seq > last_seq).map(|kept| kept.text.len()).sum();
        Ok(())
    }

    fn has_numbered(&self) -> bool {
        self.sent < self.newest
    }

    /// Drops what was sent long ago; what was not sent stays, for it is bounded by number.
    fn forget(&mut self, now: Instant) {
        while self.kept.front().is_some_and(|kept| kept.seq <= self.sent && now.since(kept.at) > KEPT_FOR) {
            self.kept.pop_front();
        }
    }
}

/// The text of a frame that is sent once and never kept.
pub(super) fn encode(frame: &ServerFrame) -> Utf8Bytes {
    let mut bytes = Vec::with_capacity(256);
    let mut serializer = serde_json::Serializer::new(&mut bytes);
    frame.serialize(&mut serializer).expect("server messages hold no map with keys that are not text");
    Utf8Bytes::try_from(bytes).expect("serde_json writes UTF-8")
}

#[cfg(test)]
mod tests {
    use yunfa_signaling::words::Presence;

    use super::*;

    #[test]
    fn a_resumed_client_hears_what_it_missed_once_and_in_order() {
        let mut outbox = filled(5);
        assert_eq!(drained(&mut outbox), [1, 2, 3, 4, 5]);

        outbox.resume(2, second(1)).expect("kept");

        assert_eq!(drained(&mut outbox), [3, 4, 5]);
        assert!(!outbox.has_next());
    }

    #[test]
    fn a_client_that_missed_nothing_resumes_with_nothing() {
        let mut outbox = filled(3);
        drained(&mut outbox);

        assert_eq!(outbox.resume(3, second(500)), Ok(()));
        assert!(!outbox.has_next());
    }

    #[test]
    fn what_was_sent_a_minute_ago_is_forgotten_and_a_client_behind_it_is_lost() {
        let mut outbox = filled(3);
        drained(&mut outbox);

        assert_eq!(outbox.resume(1, second(61)), Err(Lost));
    }

    #[test]
    fn a_client_ahead_of_the_server_is_lost() {
        assert_eq!(filled(3).resume(4, second(0)), Err(Lost));
    }

    #[test]
    fn messages_for_nobody_are_bounded_and_the_oldest_go_first() {
        let mut outbox = filled(RESUME_MESSAGES as u64 + 10);

        assert_eq!(outbox.kept.len(), RESUME_MESSAGES);
        assert_eq!(outbox.resume(9, second(0)), Err(Lost));
        assert_eq!(outbox.resume(10, second(0)), Ok(()));
        assert_eq!(drained(&mut outbox).len(), RESUME_MESSAGES);
    }

    #[test]
    fn a_socket_that_does_not_read_is_called_slow_before_anything_is_dropped() {
        let mut outbox = Outbox::default();

        let slow_at = (1..).find(|_| outbox.push(presence(), second(0)).is_err()).expect("some time");

        assert_eq!(slow_at, RESUME_MESSAGES);
        assert_eq!(outbox.resume(0, second(0)), Ok(()));
    }

    #[test]
    fn pongs_go_before_the_rest_are_bounded_and_never_replayed() {
        let mut outbox = filled(1);
        for _ in 0..100 {
            outbox.push_aside(ServerMessage::Pong {});
        }

        let sent = drained(&mut outbox);

        assert_eq!(sent, [vec![0; ASIDE], vec![1]].concat());
        outbox.resume(0, second(0)).expect("kept");
        assert_eq!(drained(&mut outbox), [1]);
    }

    fn filled(messages: u64) -> Outbox {
        let mut outbox = Outbox::default();
        for _ in 0..messages {
            // Nobody reads yet; being slow is another test's matter.
            let _ = outbox.push(presence(), second(0));
        }
        outbox
    }

    fn drained(outbox: &mut Outbox) -> Vec<u64> {
        let frames = std::iter::from_fn(|| outbox.next());
        frames.map(|text| serde_json::from_str::<ServerFrame>(&text).expect("a frame").seq).collect()
    }

    fn presence() -> ServerMessage {
        ServerMessage::Presence { presence: Presence::Available, missed_rings: 0 }
    }

    fn second(second: u64) -> Instant {
        Instant::since_start(Duration::from_secs(second))
    }
}
