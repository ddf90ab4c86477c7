//! Duty floors: how many are wanted on duty at least, how many are, and the alarms there were.
use std::collections::BTreeMap;

use axum::{Json, extract::State, http::StatusCode};
use serde::{Deserialize, Serialize};
use yunfa_signaling::{
    time::Timestamp,
    words::{Pool, PracticeArea},
};

use super::{
    body::Said,
    door::{Caller, stored},
    lawyers::wrong,
    problem::Problem,
};
use crate::{
    app::Shared,
    floors,
    storage::floors::{AlarmRow, FloorRow},
};

/// More than any bureau has.
const MOST: u32 = 10_000;

/// One floor as it stands.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Listed {
    pool: Pool,
    practice_area: Option<PracticeArea>,
    minimum: u32,
    on_duty: u32,
    /// Since when there have been too few.
    alarm_since: Option<Timestamp>,
    /// The fewest since then.
    least: Option<u32>,
    set_by: Option<String>,
    set_at: Timestamp,
}

/// Answers `GET /api/floors`.
#[derive(Serialize)]
pub(super) struct Floors {
    items: Vec<Listed>,
    now: Timestamp,
}

/// Answers `GET /api/floors/alarms`.
#[derive(Serialize)]
pub(super) struct Alarms {
    items: Vec<AlarmRow>,
}

/// `POST /api/floors`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct NewFloor {
    pool: Pool,
    practice_area: Option<PracticeArea>,
    minimum: u32,
}

/// `GET /api/floors`
pub(super) async fn list(State(app): State<Shared>) -> Result<Json<Floors>, Problem> {
    let kept = app.store.floors().await.map_err(stored)?;
    let live = app.live.floors().await;
    let listed = |FloorRow { key, minimum, set_by, set_at }| {
        let state = live.get(&key);
        let alarm = state.and_then(|state| state.alarm);
        Listed {
            pool: key.0,
            practice_area: key.1,
            minimum,
            on_duty: state.map_or(0, |state| state.on_duty),
            alarm_since: alarm.map(|alarm| alarm.since),
            least: alarm.map(|alarm| alarm.least),
            set_by,
            set_at,
        }
    };
    Ok(Json(Floors { items: kept.into_iter().map(listed).collect(), now: app.clock.wall() }))
}

/// `GET /api/floors/alarms`: the latest first.
pub(super) async fn alarms(State(app): State<Shared>) -> Result<Json<Alarms>, Problem> {
    Ok(Json(Alarms { items: app.store.alarms().await.map_err(stored)? }))
}

/// `POST /api/floors`: sets a floor; 0 takes it away. It is watched when this answers.
pub(super) async fn set(
    State(app): State<Shared>,
    caller: Caller,
    Said(said): Said<NewFloor>,
) -> Result<StatusCode, Problem> {
    if said.minimum > MOST {
        return Err(wrong(format!("minimum is 0 to {MOST}")));
    }
    // Everybody's field: the same lawyers as all of the pool.
    if said.practice_area == Some(PracticeArea::Other) {
        return Err(wrong("OTHER is everybody's: set the floor of the whole pool"));
    }
    let key = (said.pool, said.practice_area);
    let turn = app.profiles.lock().await;
    app.store.set_floor(key, said.minimum, &caller.subject.id(), app.clock.wall()).await.map_err(stored)?;
    app.live.watch_floors(floors::minimums(&app.store).await.map_err(stored)?, BTreeMap::new());
    drop(turn);
    Ok(StatusCode::NO_CONTENT)
}
