//! The socket's door: who may open one, from where, and how many.
mod admission;
mod answers;
mod connection;
mod fault;
mod greeting;
mod outbox;
mod rate;

use std::sync::Arc;

use axum::{
    extract::WebSocketUpgrade,
    http::HeaderMap,
    response::{IntoResponse as _, Response},
};
use dashmap::DashMap;
use futures_util::future::BoxFuture;
use tokio::sync::mpsc;
use yunfa_signaling::{message::MAX_MESSAGE_BYTES, private::Token};

use self::{
    admission::Admission,
    connection::{Return, StreamId},
    greeting::Visitor,
};
use crate::{
    clock::Clock,
    domain::report::Restraint,
    http::{
        client::{Client, origin_is_allowed},
        crowd::Crowd,
        problem::{Code, Problem},
    },
    live::{Holder, Live},
};

/// Bytes that a socket reads at once. Messages are small; an idle socket must be cheap.
const READ_BUFFER: usize = 8 * 1024;
/// Bytes that may wait in a socket's write buffer; past that it takes nothing more until it has written.
const WRITE_BUFFER: usize = 256 * 1024;

/// What the door needs.
pub struct Parts {
    /// What is happening now.
    pub live: Live,
    /// The clock.
    pub clock: Clock,
    /// Where a ticket becomes a person.
    pub tickets: Arc<dyn Tickets>,
    /// Origins (`scheme://host[:port]`) of pages that may open a socket, beside the server's own.
    pub origins: Vec<String>,
    /// Seats for sockets, in all and of one address; an office behind one NAT needs as many as it has desks.
    pub crowd: Crowd,
    /// Sockets that may greet per second.
    pub greetings_per_second: u32,
}

/// Where a ticket of `POST /api/ws-ticket` becomes a person, once.
pub trait Tickets: Send + Sync {
    /// Uses the ticket up: whose it was, and what the office holds against them. Nothing when it is unknown, used or too old.
    fn consume<'a>(&'a self, ticket: &'a Token) -> BoxFuture<'a, Option<(Holder, Restraint)>>;
}

/// The door itself; cheap to clone.
#[derive(Clone)]
pub struct Door(Arc<Inner>);

struct Inner {
    live: Live,
    clock: Clock,
    tickets: Arc<dyn Tickets>,
    origins: Vec<String>,
    crowd: Crowd,
    admission: Admission,
    /// Where a socket that comes back finds its stream.
    streams: DashMap<StreamId, mpsc::Sender<Return>>,
}

impl Door {
    /// Opens the door.
    pub fn new(parts: Parts) -> Self {
        let Parts { live, clock, tickets, origins, crowd, greetings_per_second } = parts;
        let admission = Admission::new(greetings_per_second);
        Self(Arc::new(Inner { live, clock, tickets, origins, crowd, admission, streams: DashMap::new() }))
    }
}

/// `GET /ws`: checks origin and places, then upgrades.
pub async fn upgrade(door: Door, client: Client, headers: HeaderMap, upgrade: WebSocketUpgrade) -> Response {
    // Cross-site WebSocket hijacking (OWASP ASVS 4.4.2): a browser always says whose page it shows.
    if !origin_is_allowed(&headers, client.tls, &door.0.origins) {
        return Problem::from(Code::ForeignOrigin).into_response();
    }
    let Some(seat) = door.0.crowd.enter(client.address) else { return Problem::from(Code::Overloaded).into_response() };
    upgrade
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(0) // Every message is for a person who waits: nothing is held back to be written together.
        .max_write_buffer_size(WRITE_BUFFER)
        .max_message_size(MAX_MESSAGE_BYTES)
        .max_frame_size(MAX_MESSAGE_BYTES)
        .on_upgrade(move |socket| greeting::greet(door, Visitor { socket, seat }))
}
