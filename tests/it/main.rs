//! The whole server, over its real sockets. One binary, one module per concern.
#![expect(unreachable_pub, reason = "a test binary has no outside; helpers are for their neighbours")]

mod auth;
mod binary;
mod calls;
mod edges;
mod limits;
mod media_calls;
mod page;
mod pages;
mod policy;
mod records;
mod server;
mod sms;
mod sockets;
mod stopping;
mod streams;
