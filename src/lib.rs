//! Yunfa: one server for public legal consultations. The map of the crate.
//!
//! `http` and `ws` are the edges, `live` is *now*, `domain` says what it means afterwards, `storage` keeps it.
//! `docs/ARCHITECTURE.md` shows how a call walks through them.
pub mod announce;
pub mod app;
pub mod attendance;
pub mod bus;
pub mod call_back;
pub mod cli;
pub mod clock;
pub mod config;
pub mod conflicts;
mod crash_point;
pub mod domain;
pub mod files;
pub mod floors;
pub mod handover;
pub mod http;
pub mod jobs;
pub mod live;
pub mod push;
pub mod questions;
pub mod recorder;
pub mod shutdown;
pub mod storage;
pub mod telemetry;
pub mod ws;
