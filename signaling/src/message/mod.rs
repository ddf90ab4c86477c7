//! The wire: frames and messages of the socket, their version and their bounds.
mod check;
mod client;
mod read;
mod server;
#[cfg(test)]
pub(crate) mod tests;

pub use client::{ClientFrame, ClientMessage};
pub use read::Unreadable;
pub use server::{
    ConsultationView, ErrorCode, InvitationView, InvitedView, LegView, OfferView, ProposalView, QueueView, ServerFrame,
    ServerMessage, SessionView, SlotView, Welcome,
};

/// The version of this protocol; a client says it in `hello` and `resume`.
pub const PROTOCOL_VERSION: u16 = 1;
/// Longest socket message in bytes; a longer one closes the socket (1009). An offer with 64 candidates fits twice.
pub const MAX_MESSAGE_BYTES: usize = 64 * 1024;
/// Longest offer in bytes: what a message of [`MAX_MESSAGE_BYTES`] holds besides its other fields.
pub const MAX_SDP_BYTES: usize = 63 * 1024;
/// Longest ticket or token in characters; ours are 43.
pub const MAX_TOKEN_CHARS: usize = 256;
/// Longest chat line in characters; a long question with its story fits.
pub const MAX_CHAT_CHARS: usize = 2000;
/// Chat lines a session may hold; past that the sender hears `too-many`.
pub const MAX_CHAT_LINES: usize = 5000;
/// How long a broken socket may be resumed, in seconds. A lift, a tunnel, a locked phone fit; the seat is kept as long.
pub const RESUME_SECONDS: u64 = 60;
/// Server messages kept for a resume; a client further behind starts afresh with a snapshot.
pub const RESUME_MESSAGES: usize = 256;
