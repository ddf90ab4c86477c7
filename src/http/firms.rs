//! Firms that join as a whole: written down, their people brought in by table, their administrators named, settled.
use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use serde::{Deserialize, Serialize};
use yunfa_signaling::{ids::StaffId, words::Role};

use super::{
    body::{Asked, Said, Table},
    door::{Caller, stored},
    invitations::{self, Invitation},
    lawyers::{name_of, scope, tell, wrong},
    problem::{Code, Problem},
};
use crate::{
    app::{App, Shared},
    bus::Hint,
    domain::{import::Report, import::sheet::SheetError, people::Subject},
    storage::{
        firms::{FirmAdded, FirmRow},
        imports::Import,
    },
};

/// Longest name of a firm.
const MAX_FIRM_CHARS: usize = 60;

/// `GET /api/firms`
#[derive(Serialize)]
pub(super) struct Firms {
    items: Vec<FirmRow>,
}

/// `GET /api/firms`: all of them, or a firm's own.
pub(super) async fn list(State(app): State<Shared>, caller: Caller) -> Result<Json<Firms>, Problem> {
    let own = scope(&app, caller).await?;
    let items = app.store.firms(own.as_deref(), app.clock.wall()).await.map_err(stored)?;
    Ok(Json(Firms { items }))
}

/// `POST /api/firms` and `POST /api/firms/{id}/admins`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Named {
    name: String,
}

/// `POST /api/firms`: a firm that applies.
pub(super) async fn add(
    State(app): State<Shared>,
    caller: Caller,
    Said(said): Said<Named>,
) -> Result<(StatusCode, Json<FirmRow>), Problem> {
    let name = said.name.trim();
    if !(2..=MAX_FIRM_CHARS).contains(&name.chars().count()) || name.contains(char::is_control) {
        return Err(wrong("name has 2 to 60 characters"));
    }
    let id = app.clock.mint::<uuid::Uuid>().to_string();
    let actor = caller.subject.id();
    match app.store.firm_applies(&id, name, &actor, app.clock.wall()).await.map_err(stored)? {
        FirmAdded::Done => Ok((StatusCode::CREATED, Json(one(&app, &id).await?))),
        FirmAdded::NameTaken => Err(Code::NameTaken.into()),
        FirmAdded::TooMany => Err(Code::TooMany.into()),
    }
}

/// `POST /api/firms/{id}/settle`: the firm has joined.
pub(super) async fn settle(
    State(app): State<Shared>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<FirmRow>, Problem> {
    let firm = one(&app, &id).await?;
    if !app.store.settle_firm(&firm.id, &caller.subject.id(), app.clock.wall()).await.map_err(stored)? {
        return Err(Code::NoSuchStep.into());
    }
    one(&app, &id).await.map(Json)
}

/// Answers `POST /api/firms/{id}/admins`.
#[derive(Serialize)]
pub(super) struct AdminAdded {
    id: StaffId,
    invitation: Invitation,
}

/// `POST /api/firms/{id}/admins`: somebody who keeps this firm's entries up, with the code for the login.
pub(super) async fn add_admin(
    State(app): State<Shared>,
    caller: Caller,
    Path(id): Path<String>,
    Said(said): Said<Named>,
) -> Result<(StatusCode, Json<AdminAdded>), Problem> {
    let firm = one(&app, &id).await?;
    let name = name_of(&said.name)?;
    let admin: StaffId = app.clock.mint();
    let (new, invitation) = invitations::roll(&app.clock, Subject::Staff(admin, Role::FirmAdmin));
    let actor = caller.subject.id();
    let added = app.store.add_firm_admin(&firm.id, (admin, &name), &new, &actor, app.clock.wall()).await;
    added.map_err(stored)?;
    Ok((StatusCode::CREATED, Json(AdminAdded { id: admin, invitation })))
}

/// `POST /api/firm-admins/{id}/close`
pub(super) async fn close_admin(
    State(app): State<Shared>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    let id: StaffId = id.parse().map_err(|_| Code::NotFound)?;
    if !app.store.close_firm_admin(id, &caller.subject.id(), app.clock.wall()).await.map_err(stored)? {
        return Err(Code::NotFound.into());
    }
    app.bus.publish(Hint::SignedOut(Subject::Staff(id, Role::FirmAdmin)));
    Ok(StatusCode::NO_CONTENT)
}

/// How a table is brought in.
#[derive(Debug, Deserialize)]
pub(super) struct How {
    /// Keeps what is good; otherwise it is a preview.
    #[serde(default)]
    pub(super) apply: bool,
}

/// `POST /api/firms/{id}/import`: the firm's people as a table.
pub(super) async fn import(
    State(app): State<Shared>,
    caller: Caller,
    Path(id): Path<String>,
    Asked(how): Asked<How>,
    Table(bytes): Table,
) -> Result<Json<Report>, Problem> {
    let firm = one(&app, &id).await?;
    let actor = caller.subject.id();
    let import = Import { bytes: &bytes, actor: &actor, apply: how.apply };
    let turn = app.profiles.lock().await;
    let imported = app.store.import_people(&firm.id, import, || app.clock.mint(), app.clock.wall()).await;
    let imported = imported.map_err(stored)?.map_err(not_a_table)?;
    for lawyer in imported.changed {
        tell(&app, lawyer).await?;
    }
    drop(turn);
    Ok(Json(imported.report))
}

/// The refusal of a file as a whole.
pub(super) fn not_a_table(refused: SheetError) -> Problem {
    let code = if refused == SheetError::TooManyLines { Code::TooLarge } else { Code::NotATable };
    Problem::from(code).because(refused.to_string())
}

async fn one(app: &App, id: &str) -> Result<FirmRow, Problem> {
    // An empty id would mean all of them.
    let found =
        if id.is_empty() { vec![] } else { app.store.firms(Some(id), app.clock.wall()).await.map_err(stored)? };
    found.into_iter().next().ok_or(Code::NotFound.into())
}
