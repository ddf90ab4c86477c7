//! The whole server, over its real sockets. One binary, one module per concern.
mod auth;
mod binary;
mod edges;
mod limits;
mod pages;
mod policy;
mod server;
mod sms;
mod sockets;
