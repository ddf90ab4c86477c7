//! Tickets: what a page shows in the first message of its socket, once and soon.
use std::time::Duration;

use axum::{Json, extract::State};
use serde::Serialize;
use yunfa_signaling::{private::Token, time::Timestamp};

use super::{
    door::{self, Caller},
    problem::Problem,
};
use crate::{app::Shared, storage::tokens::TokenKind};

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
pub(super) async fn take(State(app): State<Shared>, caller: Caller) -> Result<Json<Ticket>, Problem> {
    let (ticket, expires_at) = door::issue(&app, caller.subject, TokenKind::Ticket, caller.door, LASTS).await?;
    Ok(Json(Ticket { ticket, expires_at }))
}
