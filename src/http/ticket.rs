//! Tickets: what a page shows in the first message of its socket, once and soon.
use std::time::Duration;

use axum::{
    Json,
    extract::{State, WebSocketUpgrade, ws::rejection::WebSocketUpgradeRejection},
    http::HeaderMap,
    response::{IntoResponse as _, Response},
};
use futures_util::{FutureExt as _, future::BoxFuture};
use serde::Serialize;
use yunfa_signaling::{private::Token, time::Timestamp};

use super::{
    client::Client,
    door::{self, Caller},
    problem::{Code, Problem},
};
use crate::{
    app::Shared,
    clock::Clock,
    domain::{
        people::{Citizen, Subject},
        report::Restraint,
    },
    live::Holder,
    storage::{StorageError, Store, keys::token_hash, tokens::TokenKind},
    ws,
};

/// A page opens its socket right after asking; thirty seconds cover a bad link.
const LASTS: Duration = Duration::from_secs(30);

/// Answers `POST /api/ws-ticket`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Ticket {
    ticket: Token,
    expires_at: Timestamp,
}

/// `POST /api/ws-ticket`: single use, 30 s.
pub(super) async fn take(
    State(app): State<Shared>,
    client: Client,
    caller: Caller,
    headers: HeaderMap,
) -> Result<Json<Ticket>, Problem> {
    let beside = match caller.subject {
        Subject::Citizen(_) => door::lawyer_beside(&app, client, &headers).await?,
        Subject::Lawyer(_) | Subject::Staff(..) => None,
    };
    let what = (TokenKind::Ticket, caller.door);
    let (ticket, expires_at) = door::issue_beside(&app, caller.subject, what, beside, LASTS).await?;
    Ok(Json(Ticket { ticket, expires_at }))
}

/// `GET /ws`: opens a socket; who it is comes with the ticket in its first message.
pub(super) async fn open(
    State(app): State<Shared>,
    client: Client,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    match upgrade {
        Ok(upgrade) => ws::upgrade(app.door.clone(), client, headers, upgrade).await,
        Err(_) => Problem::from(Code::BadMessage).because("this is a WebSocket (RFC 6455)").into_response(),
    }
}

/// Where a ticket of the store becomes a person.
pub struct StoredTickets {
    store: Store,
    clock: Clock,
}

impl StoredTickets {
    /// Tickets of this store.
    pub fn new(store: Store, clock: Clock) -> Self {
        Self { store, clock }
    }

    async fn holder(&self, ticket: &Token) -> Result<Option<(Holder, Restraint)>, StorageError> {
        let owner = self.store.take_ticket(&token_hash(ticket.expose()), self.clock.wall()).await?;
        let Some(owner) = owner else { return Ok(None) };
        let restraint = self.store.restraint(owner.subject).await?;
        let holder = match owner.subject {
            Subject::Citizen(id) => {
                let beside_lawyer = owner.beside.is_some();
                self.store.citizen(id).await?.map(|citizen| Holder::Citizen(Citizen { beside_lawyer, ..citizen }))
            }
            Subject::Lawyer(id) => self.store.lawyer(id).await?.map(Holder::Lawyer),
            Subject::Staff(_, role) => Some(Holder::Staff(role)),
        };
        Ok(holder.map(|holder| (holder, restraint)))
    }
}

impl ws::Tickets for StoredTickets {
    fn consume<'a>(&'a self, ticket: &'a Token) -> BoxFuture<'a, Option<(Holder, Restraint)>> {
        async move {
            let holder = self.holder(ticket).await;
            holder.inspect_err(|error| tracing::warn!("a ticket could not be looked up: {error}")).ok().flatten()
        }
        .boxed()
    }
}
