//! What a leg is writing, character by character: real-time text with the semantics of RFC 8865 (ITU-T T.140).
use crate::{
    error::{ProtocolError, SessionError},
    message::MAX_CHAT_CHARS,
    private::ChatText,
};

/// A line that is not finished.
#[derive(Debug, Default)]
pub(crate) struct Draft {
    text: String,
    /// Characters typed that no event tells of yet.
    untold: u32,
    /// It was typed live at least once.
    live: bool,
}

/// What typing changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Typed {
    /// Nothing.
    Same,
    /// The line; `first` when nothing was typed live before.
    Changed { first: bool },
}

impl Draft {
    /// Keeps the first `keep` characters and appends `text`. T.140 would say it with as many backspaces.
    pub(crate) fn put(&mut self, keep: u32, text: &ChatText) -> Result<Typed, SessionError> {
        let text = text.expose();
        let kept = usize::try_from(keep).unwrap_or(usize::MAX);
        let had = self.text.chars().count();
        if kept > had {
            return Err(SessionError::Unexpected);
        }
        let added = text.chars().count();
        if kept.saturating_add(added) > MAX_CHAT_CHARS {
            return Err(ProtocolError::TooLarge { field: "text", limit: MAX_CHAT_CHARS }.into());
        }
        if kept == had && added == 0 {
            return Ok(Typed::Same);
        }
        let end = self.text.char_indices().nth(kept).map_or(self.text.len(), |(at, _)| at);
        self.text.truncate(end);
        self.text.push_str(text);
        self.untold = self.untold.saturating_add(u32::try_from(added).unwrap_or(u32::MAX));
        let first = !std::mem::replace(&mut self.live, true);
        Ok(Typed::Changed { first })
    }

    /// The line was said: the next one begins empty.
    pub(crate) fn clear(&mut self) {
        self.text.clear();
    }

    /// Characters typed since this was asked last, when there are any.
    pub(crate) fn told(&mut self) -> Option<u32> {
        let chars = std::mem::take(&mut self.untold);
        (chars > 0).then_some(chars)
    }

    /// What stands there, when anything does.
    pub(crate) fn shown(&self) -> Option<ChatText> {
        (!self.text.is_empty()).then(|| ChatText::new(self.text.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(draft: &mut Draft, keep: u32, text: &str) -> Result<Typed, SessionError> {
        draft.put(keep, &ChatText::new(text))
    }

    fn shown(draft: &Draft) -> String {
        draft.shown().map(|text| text.expose().to_owned()).unwrap_or_default()
    }

    #[test]
    fn characters_are_appended_taken_back_and_counted_as_people_count_them() {
        let mut draft = Draft::default();

        assert_eq!(put(&mut draft, 0, "工资"), Ok(Typed::Changed { first: true }));
        assert_eq!(put(&mut draft, 2, "没发😢"), Ok(Typed::Changed { first: false }));
        assert_eq!(shown(&draft), "工资没发😢");
        assert_eq!(put(&mut draft, 4, "吗"), Ok(Typed::Changed { first: false }));
        assert_eq!(shown(&draft), "工资没发吗");
        assert_eq!(put(&mut draft, 5, ""), Ok(Typed::Same));
        assert_eq!((draft.told(), draft.told()), (Some(6), None), "each character typed is told once");
        assert_eq!(put(&mut draft, 0, ""), Ok(Typed::Changed { first: false }));
        assert!(draft.shown().is_none());
    }

    #[test]
    fn more_than_stands_there_cannot_be_kept_and_a_line_has_its_bound() {
        let mut draft = Draft::default();
        let most = u32::try_from(MAX_CHAT_CHARS).expect("a small number");

        assert_eq!(put(&mut draft, 1, "a"), Err(SessionError::Unexpected));
        assert!(put(&mut draft, 0, &"工".repeat(MAX_CHAT_CHARS)).is_ok());
        assert!(put(&mut draft, most, "a").is_err());
        assert_eq!(shown(&draft).chars().count(), MAX_CHAT_CHARS, "what is refused changes nothing");
        assert!(put(&mut draft, most - 1, "a").is_ok());
    }
}
