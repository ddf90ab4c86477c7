//! The whole server, over its real sockets. One binary, one module per concern.

mod auth;
mod binary;
mod calls;
mod canary;
mod cluster;
mod crashes;
mod edges;
mod faults;
mod frames;
mod herd;
mod limits;
mod machine;
mod media_calls;
mod page;
mod pages;
mod policy;
mod privacy;
mod records;
mod restarting;
mod server;
mod sms;
mod sockets;
mod stopping;
mod strangers;
mod streams;
mod udp;
