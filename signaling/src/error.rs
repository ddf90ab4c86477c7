//! Why something was refused: one enum per border, each with the stable code a client sees.
use crate::message::ErrorCode;

/// A message was refused before it reached a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProtocolError {
    /// Not JSON, or not a message of this protocol.
    #[error("not a message of this protocol: see docs/protocol.md")]
    BadMessage,
    /// A text is longer than allowed.
    #[error("`{field}` is longer than {limit}")]
    TooLarge {
        /// Which field.
        field: &'static str,
        /// How long it may be.
        limit: usize,
    },
    /// A field holds what it must not.
    #[error("`{field}` {rule}")]
    BadField {
        /// Which field.
        field: &'static str,
        /// What is allowed.
        rule: &'static str,
    },
    /// The version is not spoken here.
    #[error("this server speaks protocol version 1")]
    UnsupportedVersion,
    /// Not for this role.
    #[error("this role may not say that")]
    NotAllowed,
}

impl ProtocolError {
    /// The code on the wire.
    pub const fn code(self) -> ErrorCode {
        match self {
            Self::BadMessage | Self::BadField { .. } => ErrorCode::BadMessage,
            Self::TooLarge { .. } => ErrorCode::TooLarge,
            Self::UnsupportedVersion => ErrorCode::UnsupportedVersion,
            Self::NotAllowed => ErrorCode::NotAllowed,
        }
    }
}

/// An input was refused by a machine; nothing changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SessionError {
    /// The message itself is wrong.
    #[error(transparent)]
    Protocol(#[from] ProtocolError),
    /// Another lawyer was first.
    #[error("another lawyer was first")]
    Taken,
    /// The one who is invited is not there, or not free.
    #[error("this lawyer is not there, or not free")]
    NotFree,
    /// The offer is over.
    #[error("this offer is over")]
    OfferOver,
    /// The session or matter is over.
    #[error("this is over")]
    Over,
    /// There is no such thing for this client.
    #[error("no such thing, or not yours")]
    NotFound,
    /// Not for this side, or not now.
    #[error("not allowed here")]
    NotAllowed,
    /// The input does not fit the state.
    #[error("this does not fit the state")]
    Unexpected,
    /// The matter was rated before.
    #[error("rated before")]
    AlreadyRated,
    /// The asker already has a running consultation.
    #[error("a consultation is running already")]
    AlreadyWaiting,
    /// More of something than allowed.
    #[error("too many {0}")]
    TooMany(&'static str),
}

impl SessionError {
    /// The code on the wire.
    pub const fn code(self) -> ErrorCode {
        match self {
            Self::Protocol(error) => error.code(),
            Self::Taken => ErrorCode::Taken,
            Self::NotFree => ErrorCode::NotFree,
            Self::OfferOver => ErrorCode::OfferOver,
            Self::Over => ErrorCode::Over,
            Self::NotFound => ErrorCode::NotFound,
            Self::NotAllowed => ErrorCode::NotAllowed,
            Self::Unexpected => ErrorCode::Unexpected,
            Self::AlreadyRated => ErrorCode::AlreadyRated,
            Self::AlreadyWaiting => ErrorCode::AlreadyWaiting,
            Self::TooMany(_) => ErrorCode::TooMany,
        }
    }
}
