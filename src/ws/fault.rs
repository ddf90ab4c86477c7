//! What a socket hears that broke the rules of WebSockets (RFC 6455 section 7.1.7), before it is closed.
use axum::extract::ws::close_code;

/// Why a socket is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) code: u16,
    pub(super) why: &'static str,
}

const TOO_LONG: Fault = Fault { code: close_code::SIZE, why: "a message has at most 64 KiB" };
const NO_TEXT: Fault = Fault { code: close_code::INVALID, why: "text is UTF-8" };
const NO_FRAME: Fault = Fault { code: close_code::PROTOCOL, why: "this breaks RFC 6455" };

/// The client's fault, when it was one; a connection that broke is nobody's, and nobody is there to hear of it.
pub(super) fn of(error: &axum::Error) -> Option<Fault> {
    // The WebSocket library's error type is not ours to name; its texts are these, and a test of every kind of bad frame
    // (tests/it/frames.rs) fails when they change.
    let said = error.to_string();
    if said.contains("without closing handshake") || said.contains("after having closed") {
        return None;
    }
    let kinds = [("Space limit exceeded", TOO_LONG), ("UTF-8", NO_TEXT), ("WebSocket protocol error", NO_FRAME)];
    kinds.into_iter().find_map(|(words, fault)| said.starts_with(words).then_some(fault))
}
