//! Requests and what they were answered with, so that asking twice is one request.
use std::collections::{BTreeMap, VecDeque};

use yunfa_signaling::{ids::RequestId, message::ServerMessage};

/// Requests a stream remembers. A client repeats what it was not answered; it never waits for this many at once.
const REMEMBERED: usize = 256;

/// The last requests of one stream.
#[derive(Debug, Default)]
pub(super) struct Answers {
    known: BTreeMap<RequestId, Option<ServerMessage>>,
    order: VecDeque<RequestId>,
}

/// What is to be done with a request.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// It is new: do it.
    Fresh,
    /// It is being done; the answer will come once.
    Underway,
    /// It is done: say this again.
    Answered(Box<ServerMessage>),
}

impl Answers {
    /// Notes a request.
    pub(super) fn ask(&mut self, id: RequestId) -> Asked {
        match self.known.get(&id) {
            Some(Some(answer)) => return Asked::Answered(Box::new(answer.clone())),
            Some(None) => return Asked::Underway,
            None => {}
        }
        if self.order.len() == REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
        self.order.push_back(id);
        self.known.insert(id, None);
        Asked::Fresh
    }

    /// Notes an answer on its way out; what is no answer is nothing to remember.
    pub(super) fn answered(&mut self, message: &ServerMessage) {
        let (ServerMessage::Done { reply_to: id } | ServerMessage::Error { reply_to: Some(id), .. }) = message else {
            return;
        };
        if let Some(answer) = self.known.get_mut(id) {
            *answer = Some(message.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_said_twice_is_done_once_and_answered_twice() {
        let mut answers = Answers::default();
        let done = ServerMessage::Done { reply_to: request(1) };

        assert_eq!(answers.ask(request(1)), Asked::Fresh);
        assert_eq!(answers.ask(request(1)), Asked::Underway);
        answers.answered(&done);

        assert_eq!(answers.ask(request(1)), Asked::Answered(Box::new(done)));
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut answers = Answers::default();
        for number in 0..1000 {
            answers.ask(request(number));
        }

        assert_eq!((answers.known.len(), answers.order.len()), (REMEMBERED, REMEMBERED));
        assert_eq!(answers.ask(request(999)), Asked::Underway);
        assert_eq!(answers.ask(request(0)), Asked::Fresh);
    }

    fn request(number: u128) -> RequestId {
        RequestId::new(uuid::Uuid::from_u128(number))
    }
}
