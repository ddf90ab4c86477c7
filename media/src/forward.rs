//! From a publisher's packet to its subscribers': one source, many slots, each with numbers of its own.
pub mod bandwidth;
pub mod cache;
pub mod keyframe;
pub mod rewrite;
pub mod rtx;
