//! The socket: upgrade, frames, queue.
