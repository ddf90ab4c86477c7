//! From text to a frame: size and depth are checked before anything is parsed.
use serde::Deserialize;

use super::{ClientFrame, ErrorCode, MAX_MESSAGE_BYTES};
use crate::ids::RequestId;

/// Deepest nesting of a message. Ours need two; a parser is never asked to descend further than this.
const MAX_DEPTH: usize = 16;

/// Why a text is no frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable {
    /// The id of the request, when one could be read.
    pub reply_to: Option<RequestId>,
    /// What the client hears: [`ErrorCode::TooLarge`] or [`ErrorCode::BadMessage`].
    pub code: ErrorCode,
    /// What a developer can act on.
    pub why: &'static str,
}

impl ClientFrame {
    /// Reads what a client wrote. The bounds of the fields are [`Self::check`]'s question.
    pub fn read(text: &str) -> Result<Self, Unreadable> {
        let refuse = |code, why| Err(Unreadable { reply_to: None, code, why });
        if text.len() > MAX_MESSAGE_BYTES {
            return refuse(ErrorCode::TooLarge, "a message has at most 64 KiB");
        }
        if depth(text) > MAX_DEPTH {
            return refuse(ErrorCode::BadMessage, "a message nests at most 16 deep");
        }
        serde_json::from_str(text).map_err(|_| Unreadable {
            reply_to: serde_json::from_str::<OnlyId>(text).ok().map(|only| only.id),
            code: ErrorCode::BadMessage,
            why: "this is no message of the protocol; docs/protocol.md lists them",
        })
    }
}

#[derive(Deserialize)]
struct OnlyId {
    id: RequestId,
}

/// The deepest nesting of brackets outside of strings; whether the text is JSON at all is the parser's question.
fn depth(text: &str) -> usize {
    let (mut depth, mut deepest, mut in_string, mut escaped) = (0_usize, 0, false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

#[cfg(test)]
mod tests {
    use super::{super::ClientMessage, *};

    const ID: &str = "0192f3c4-5678-7abc-8def-0123456789ab";

    #[test]
    fn a_message_of_the_protocol_is_read_with_its_id() {
        let frame = ClientFrame::read(&format!(r#"{{"id":"{ID}","type":"ping"}}"#)).expect("a ping");

        assert_eq!(frame.message, ClientMessage::Ping {});
        assert_eq!(frame.id.to_string(), ID);
    }

    #[test]
    fn the_numbers_of_a_resume_are_read_whole() {
        let text = format!(
            r#"{{"id":"{ID}","type":"resume","version":1,"resumeToken":"t","lastSeq":9007199254740991,"epoch":3}}"#
        );

        let frame = ClientFrame::read(&text).expect("a resume");

        assert!(matches!(frame.message, ClientMessage::Resume { last_seq: 9_007_199_254_740_991, epoch: 3, .. }));
    }

    #[test]
    fn what_is_no_message_is_refused_with_its_id_where_there_is_one() {
        let id = ID.parse().ok();
        for (text, reply_to) in [
            ("", None),
            ("{", None),
            ("null", None),
            (r#"{"type":"ping"}"#, None),
            (&format!(r#"{{"id":"{ID}"}}"#), id),
            (&format!(r#"{{"id":"{ID}","type":"fly"}}"#), id),
            (&format!(r#"{{"id":"{ID}","type":"ping","more":1}}"#), id),
            (&format!(r#"{{"id":"{ID}","type":"setPresence","onDuty":1,"onBreak":false}}"#), id),
        ] {
            let refused = ClientFrame::read(text).expect_err(text);

            assert_eq!((refused.reply_to, refused.code), (reply_to, ErrorCode::BadMessage), "{text}");
        }
    }

    #[test]
    fn a_deep_text_is_refused_before_it_is_parsed() {
        assert_eq!(depth(&"[".repeat(30_000)), 30_000);
        assert_eq!(ClientFrame::read(&"[".repeat(30_000)).expect_err("deep").why, "a message nests at most 16 deep");
        assert_eq!(depth(r#"{"a":"[[[[\"[[["}"#), 1);
    }

    #[test]
    fn a_long_text_is_refused_before_it_is_parsed() {
        let refused = ClientFrame::read(&" ".repeat(MAX_MESSAGE_BYTES + 1)).expect_err("long");

        assert_eq!(refused.code, ErrorCode::TooLarge);
    }
}
