//! The yearly calendar: days off and weekends that are worked, by which deadlines in working days are counted.
use axum::{Json, extract::State, http::StatusCode};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::{
    body::{Asked, Said, Table},
    door::{Caller, stored},
    firms::{How, not_a_table},
    lawyers::wrong,
    problem::{Code, Problem},
};
use crate::{
    app::{App, Shared},
    domain::{
        calendar::{Day, DayKind, MAX_NAME_CHARS},
        import::Report,
    },
    storage::imports::Import,
};

/// Answers `GET /api/calendar`.
#[derive(Serialize)]
pub(super) struct Listed {
    items: Vec<Day>,
}

/// `POST /api/calendar`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Set {
    date: Date,
    /// None takes the day out.
    kind: Option<DayKind>,
    #[serde(default)]
    name: String,
}

/// `GET /api/calendar`
pub(super) async fn list(State(app): State<Shared>) -> Result<Json<Listed>, Problem> {
    Ok(Json(Listed { items: app.store.calendar().await.map_err(stored)?.into_values().collect() }))
}

/// `POST /api/calendar`: sets a day, or takes it out; deadlines go by it when this answers.
pub(super) async fn set(
    State(app): State<Shared>,
    caller: Caller,
    Said(said): Said<Set>,
) -> Result<StatusCode, Problem> {
    let (actor, now) = (caller.subject.id(), app.clock.wall());
    match said.kind {
        Some(kind) => {
            let day = Day { date: said.date, kind, name: said.name.trim().to_owned() };
            if day.name.chars().count() > MAX_NAME_CHARS {
                return Err(wrong(format!("name has {MAX_NAME_CHARS} characters at most")));
            }
            if !day.makes_sense() {
                return Err(wrong("only a Saturday or a Sunday can be made a workday"));
            }
            app.store.set_day(&day, &actor, now).await.map_err(stored)?;
        }
        None if app.store.drop_day(said.date, &actor, now).await.map_err(stored)? => {}
        None => return Err(Code::NoSuchStep.into()),
    }
    go_by_it(&app).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /api/calendar/import`: a year as a table.
pub(super) async fn import(
    State(app): State<Shared>,
    caller: Caller,
    Asked(how): Asked<How>,
    Table(bytes): Table,
) -> Result<Json<Report>, Problem> {
    let actor = caller.subject.id();
    let import = Import { bytes: &bytes, actor: &actor, apply: how.apply };
    let report = app.store.import_calendar(import, app.clock.wall()).await.map_err(stored)?.map_err(not_a_table)?;
    go_by_it(&app).await?;
    Ok(Json(report))
}

async fn go_by_it(app: &App) -> Result<(), Problem> {
    app.calendar.replace(app.store.calendar_days().await.map_err(stored)?);
    Ok(())
}
