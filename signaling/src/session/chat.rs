//! The chat of one session: numbered lines, said once however often they are sent.
use std::collections::{BTreeMap, VecDeque};

use crate::{
    error::SessionError,
    ids::{LegId, MessageId, SessionId},
    message::{MAX_CHAT_LINES, ServerMessage},
    private::ChatText,
    time::Timestamp,
};

/// Lines kept in memory for a page that was loaded anew; all lines are in the store.
pub(crate) const KEPT_LINES: usize = 200;

/// One line.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) message: MessageId,
    pub(crate) number: u32,
    pub(crate) from: LegId,
    pub(crate) text: ChatText,
    pub(crate) at: Timestamp,
}

impl Line {
    pub(crate) fn told(&self, session: SessionId) -> ServerMessage {
        ServerMessage::Chat {
            session,
            message: self.message,
            number: self.number,
            from: self.from,
            text: self.text.clone(),
            at: self.at,
        }
    }
}

/// What became of a line that was sent.
#[derive(Debug)]
pub(crate) enum Said {
    /// It is new.
    New(Line),
    /// It was said before: the line, while it is kept.
    Again(Option<Line>),
}

#[derive(Debug, Default)]
pub(crate) struct Chat {
    /// Who said which line.
    ids: BTreeMap<MessageId, LegId>,
    kept: VecDeque<Line>,
}

impl Chat {
    /// Lines so far.
    pub(crate) fn count(&self) -> u32 {
        u32::try_from(self.ids.len()).unwrap_or(u32::MAX)
    }

    /// Takes a line; an id that somebody else has used is refused.
    pub(crate) fn say(
        &mut self,
        from: LegId,
        message: MessageId,
        text: ChatText,
        at: Timestamp,
    ) -> Result<Said, SessionError> {
        if let Some(by) = self.ids.get(&message) {
            if *by != from {
                return Err(SessionError::NotAllowed);
            }
            return Ok(Said::Again(self.kept.iter().find(|line| line.message == message).cloned()));
        }
        if self.ids.len() >= MAX_CHAT_LINES {
            return Err(SessionError::TooMany("chat lines"));
        }
        self.ids.insert(message, from);
        let line = Line { message, number: self.count(), from, text, at };
        if self.kept.len() == KEPT_LINES {
            self.kept.pop_front();
        }
        self.kept.push_back(line.clone());
        Ok(Said::New(line))
    }

    /// The lines that are kept, oldest first.
    pub(crate) fn kept(&self) -> impl Iterator<Item = &Line> {
        self.kept.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::tests::uuid;

    fn say(chat: &mut Chat, from: u128, message: u128) -> Result<Said, SessionError> {
        chat.say(LegId::new(uuid(from)), MessageId::new(uuid(message)), ChatText::new("你好"), Timestamp(0))
    }

    #[test]
    fn lines_are_numbered_from_one_and_the_same_id_is_the_same_line() {
        let mut chat = Chat::default();

        assert!(matches!(say(&mut chat, 1, 10), Ok(Said::New(Line { number: 1, .. }))));
        assert!(matches!(say(&mut chat, 1, 10), Ok(Said::Again(Some(Line { number: 1, .. })))));
        assert!(matches!(say(&mut chat, 2, 11), Ok(Said::New(Line { number: 2, .. }))));
        assert_eq!(say(&mut chat, 2, 10).map(|_| ()), Err(SessionError::NotAllowed));
        assert_eq!(chat.count(), 2);
    }

    #[test]
    fn the_chat_is_bounded_and_keeps_its_last_lines() {
        let mut chat = Chat::default();
        for n in 0..MAX_CHAT_LINES as u128 {
            assert!(say(&mut chat, 1, n).is_ok());
        }

        assert_eq!(say(&mut chat, 1, 9_999_999).map(|_| ()), Err(SessionError::TooMany("chat lines")));
        assert_eq!(chat.kept().count(), KEPT_LINES);
        assert!(matches!(say(&mut chat, 1, 0), Ok(Said::Again(None))), "said, but long ago");
    }
}
