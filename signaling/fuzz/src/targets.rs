//! The fuzz target: takes any bytes as what came in one frame of a socket, and panics when a promise is broken.
use yunfa_signaling::message::{ClientFrame, ErrorCode, MAX_MESSAGE_BYTES};

/// A text is read or refused with a code that says why. What was read means the same when it is written and read again,
/// and its bounds can be checked.
pub fn socket(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match ClientFrame::read(text) {
        Ok(frame) => {
            let _ = frame.check();
            let written = serde_json::to_string(&frame).expect("what was read can be written");
            assert_eq!(ClientFrame::read(&written).as_ref(), Ok(&frame), "what was written reads back as itself");
        }
        Err(refused) => {
            let right = if text.len() > MAX_MESSAGE_BYTES { ErrorCode::TooLarge } else { ErrorCode::BadMessage };
            assert_eq!(refused.code, right);
        }
    }
}
