//! Why an offer or a command is refused.

/// A refusal; the peer and everybody else go on as before.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MediaError {
    /// Longer than 64 KiB, or more than 16 m-lines, 200 lines in one, or 64 candidates: refused before it is parsed.
    #[error("the offer is too large: {0}")]
    TooLarge(&'static str),
    /// Not a session description that can be read.
    #[error("the offer cannot be read: {0}")]
    Unreadable(&'static str),
    /// It lacks something that every WebRTC offer has (RFC 8829): BUNDLE, rtcp-mux, ufrag, fingerprint …
    #[error("the offer lacks {0}")]
    Lacks(&'static str),
    /// No m-line could be accepted.
    #[error("nothing in the offer can be accepted: audio needs opus, video needs VP8 or H.264")]
    NothingInCommon,
    /// The peer is unknown.
    #[error("no such peer")]
    UnknownPeer,
    /// The worker holds as many peers as its setting allows.
    #[error("the worker is full")]
    Full,
    /// Handling the offer failed in a way that nobody foresaw.
    #[error("the offer could not be handled")]
    Failed,
    /// The worker has stopped.
    #[error("the media plane has stopped")]
    Stopped,
}
