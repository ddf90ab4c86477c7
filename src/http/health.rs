//! Whether the process lives and whether it takes new work.
use std::time::Duration;

use axum::{Json, extract::State};
use serde_json::{Value, json};

use super::{
    door::stored,
    problem::{Code, Problem},
};
use crate::app::Shared;

/// `GET /healthz`: the process lives.
pub(super) async fn alive() -> Json<Value> {
    Json(json!({ "status": "alive" }))
}

/// When somebody who was told that the database is away may ask again.
const LOOK_AGAIN: Duration = Duration::from_secs(2);

/// `GET /readyz`: new work is welcome; 503 from the first signal on, and while the database is away or the disk is full.
pub(super) async fn ready(State(app): State<Shared>) -> Result<Json<Value>, Problem> {
    if app.shutdown.is_draining() {
        return Err(Code::Draining.into());
    }
    if app.recorder.is_away() {
        return Err(Problem::from(Code::Unavailable).retry_after(LOOK_AGAIN));
    }
    app.store.ping().await.map_err(stored)?;
    Ok(Json(json!({ "status": "ready" })))
}

/// `GET /api/version`: which server this is.
pub(super) async fn version() -> Json<Value> {
    Json(json!({
        "name": env!("CARGO_PKG_NAME"),
        "version": env!("CARGO_PKG_VERSION"),
        "protocol": yunfa_signaling::message::PROTOCOL_VERSION,
    }))
}
