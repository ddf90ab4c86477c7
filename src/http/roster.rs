//! The duty roster: a week of it, planning, moving, dropping, bringing in; and who is on it but not there.
use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use serde::{Deserialize, Serialize};
use yunfa_signaling::{
    ids::LawyerId,
    time::Timestamp,
    words::{Pool, Presence},
};

use super::{
    body::{Asked, Said, Table},
    door::{Caller, stored},
    firms::{How, not_a_table},
    lawyers::{scope, wrong},
    policy::Reach,
    problem::{Code, Problem},
};
use crate::{
    app::{App, Shared},
    domain::{
        import::{Places, Report},
        people::Subject,
        roster::{OnShift, Shift, in_local, is_there, local},
    },
    storage::{
        imports::Import,
        roster::{Planned, ShiftRow},
    },
};

/// What one look shows.
const WEEK_MS: i64 = 7 * 24 * 3600 * 1000;

/// Which week is asked for.
#[derive(Debug, Deserialize)]
pub(super) struct Which {
    /// Its first day, `2026-11-23`.
    from: String,
}

/// One shift, with whether its lawyer is there now.
#[derive(Serialize)]
pub(super) struct Listed {
    #[serde(flatten)]
    row: ShiftRow,
    /// Of a lawyer's shift that runs now.
    presence: Option<Presence>,
    /// It runs, and whoever is planned is not there.
    missing: bool,
}

/// `GET /api/roster`
#[derive(Serialize)]
pub(super) struct Week {
    /// Local time, the bureau's.
    from: String,
    now: String,
    items: Vec<Listed>,
}

/// `GET /api/roster`: seven days; a lawyer's own, a firm's own, or everybody's.
pub(super) async fn week(
    State(app): State<Shared>,
    caller: Caller,
    Asked(which): Asked<Which>,
) -> Result<Json<Week>, Problem> {
    let from = local(&format!("{}T00:00", which.from)).ok_or_else(|| wrong("from is a day, 2026-11-23"))?;
    let (firm, lawyer) = match (caller.reach, caller.subject) {
        (Reach::Own, Subject::Lawyer(lawyer)) => (None, Some(lawyer)),
        _ => (scope(&app, caller).await?, None),
    };
    let now = app.clock.wall();
    let to = Timestamp(from.0.saturating_add(WEEK_MS));
    let rows = app.store.shifts((from, to), firm.as_deref(), lawyer, now).await.map_err(stored)?;
    let presences = app.live.presences().await;
    let listed = |row: ShiftRow| {
        let runs = matches!(row.attendance, "PRESENT" | "AWAITED");
        let of = |id| presences.get(&id).copied().unwrap_or(Presence::Offline);
        let presence = row.lawyer.as_ref().filter(|_| runs).map(|lawyer| of(lawyer.id));
        let missing = presence.is_some_and(|presence| !is_there(presence));
        Listed { row, presence, missing }
    };
    Ok(Json(Week { from: in_local(from), now: in_local(now), items: rows.into_iter().map(listed).collect() }))
}

/// `POST /api/roster`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewShift {
    lawyer: Option<LawyerId>,
    pool: Option<Pool>,
    from: String,
    to: String,
    area: Option<String>,
}

/// Answers it.
#[derive(Serialize)]
pub(super) struct Made {
    id: String,
}

/// `POST /api/roster`: plans one shift.
pub(super) async fn plan(
    State(app): State<Shared>,
    caller: Caller,
    Said(said): Said<NewShift>,
) -> Result<(StatusCode, Json<Made>), Problem> {
    let who = match (said.lawyer, said.pool) {
        (Some(lawyer), None) => {
            app.store.lawyer(lawyer).await.map_err(stored)?.ok_or_else(|| wrong("there is no such lawyer"))?;
            OnShift::Lawyer(lawyer)
        }
        (None, Some(pool)) => OnShift::Pool(pool),
        _ => return Err(wrong("name either a lawyer or a pool")),
    };
    let shift = times(&app, who, &said.from, &said.to, said.area.as_deref()).await?;
    let id = app.clock.mint::<uuid::Uuid>().to_string();
    told(app.store.plan_shift(&id, &shift, &caller.subject.id(), app.clock.wall()).await.map_err(stored)?)?;
    Ok((StatusCode::CREATED, Json(Made { id })))
}

/// `POST /api/roster/{id}`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Moved {
    from: String,
    to: String,
    area: Option<String>,
}

/// `POST /api/roster/{id}`: other times or another area, while it has not begun.
pub(super) async fn shift(
    State(app): State<Shared>,
    caller: Caller,
    Path(id): Path<String>,
    Said(said): Said<Moved>,
) -> Result<StatusCode, Problem> {
    // Whose it is does not change, so any will do for checking the times.
    let shift = times(&app, OnShift::Pool(Pool::Local), &said.from, &said.to, said.area.as_deref()).await?;
    let (times, actor) = ((shift.from, shift.to), caller.subject.id());
    let moved = app.store.move_shift(&id, times, shift.area.as_ref(), &actor, app.clock.wall()).await;
    told(moved.map_err(stored)?)?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /api/roster/{id}/drop`: takes it off, while it has not begun.
pub(super) async fn unplan(
    State(app): State<Shared>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    told(app.store.drop_shift(&id, &caller.subject.id(), app.clock.wall()).await.map_err(stored)?)?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /api/roster/import`: a roster as a table.
pub(super) async fn import(
    State(app): State<Shared>,
    caller: Caller,
    Asked(how): Asked<How>,
    Table(bytes): Table,
) -> Result<Json<Report>, Problem> {
    let actor = caller.subject.id();
    let import = Import { bytes: &bytes, actor: &actor, apply: how.apply };
    let report = app.store.import_roster(import, || app.clock.mint(), app.clock.wall()).await.map_err(stored)?;
    report.map(Json).map_err(not_a_table)
}

async fn times(app: &App, who: OnShift, from: &str, to: &str, area: Option<&str>) -> Result<Shift, Problem> {
    let time = |text| local(text).ok_or_else(|| wrong("from and to are local times, 2026-11-23T09:00"));
    let area = match area.map(str::trim).filter(|area| !area.is_empty()) {
        None => None,
        Some(text) => {
            let places = Places::new(&app.store.areas().await.map_err(stored)?);
            Some(places.find(text).ok_or_else(|| wrong("area is none of this bureau's"))?)
        }
    };
    let shift = Shift { who, area, from: time(from)?, to: time(to)? };
    shift.check(app.clock.wall()).map_err(|fault| wrong(fault.to_string()))?;
    Ok(shift)
}

fn told(planned: Planned) -> Result<(), Problem> {
    match planned {
        Planned::Done => Ok(()),
        Planned::Overlap => Err(Code::Overlap.into()),
        Planned::Begun => Err(Code::Begun.into()),
        Planned::NoSuchShift => Err(Code::NotFound.into()),
    }
}
