//! Conflicts of interest of an incident: whom the office keeps out, and in how many incidents a lawyer is rung for nothing.
use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use serde::{Deserialize, Serialize};
use yunfa_signaling::ids::LawyerId;

use super::{
    auth::{Noted, audit},
    body::Said,
    door::{Caller, stored},
    lawyers::wrong,
    problem::{Code, Problem},
};
use crate::{
    app::Shared,
    conflicts,
    domain::{
        grading::{MAX_REASON_CHARS, MIN_REASON_CHARS, is_reason},
        people::Subject,
    },
    storage::conflicts::{ConflictRow, Kept},
};

/// Answers `GET /api/incidents/{id}/conflicts`.
#[derive(Serialize)]
pub(super) struct Conflicts {
    items: Vec<ConflictRow>,
}

/// Answers `GET /api/conflicts`.
#[derive(Serialize)]
pub(super) struct Own {
    incidents: u32,
}

/// `POST /api/incidents/{id}/conflicts`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct KeptOut {
    lawyer: LawyerId,
    reason: String,
}

/// `POST /api/incidents/{id}/conflicts/lift`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LetIn {
    lawyer: LawyerId,
}

/// `GET /api/conflicts`: a lawyer's own, as a count and nothing else.
pub(super) async fn own(State(app): State<Shared>, caller: Caller) -> Result<Json<Own>, Problem> {
    let Subject::Lawyer(lawyer) = caller.subject else { return Err(Code::NotAllowed.into()) };
    Ok(Json(Own { incidents: app.store.own_conflicts(lawyer).await.map_err(stored)? }))
}

/// `GET /api/incidents/{id}/conflicts`: who is rung for nothing of it; every look is audited.
pub(super) async fn list(
    State(app): State<Shared>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<Conflicts>, Problem> {
    let items = app.store.conflicts(&id).await.map_err(stored)?.ok_or(Code::NotFound)?;
    let noted = Noted { actor: Some(caller.subject), action: "incident.conflicts-seen", kind: "incident", object: &id };
    audit(&app, noted).await?;
    Ok(Json(Conflicts { items }))
}

/// `POST /api/incidents/{id}/conflicts`: keeps a lawyer out of it, what waits included.
pub(super) async fn keep_out(
    State(app): State<Shared>,
    caller: Caller,
    Path(id): Path<String>,
    Said(said): Said<KeptOut>,
) -> Result<StatusCode, Problem> {
    if !is_reason(&said.reason) {
        return Err(wrong(format!("reason has {MIN_REASON_CHARS} to {MAX_REASON_CHARS} characters")));
    }
    app.store.conflicts(&id).await.map_err(stored)?.ok_or(Code::NotFound)?;
    app.store.lawyer(said.lawyer).await.map_err(stored)?.ok_or_else(|| wrong("there is no such lawyer"))?;
    let (entry, actor) = (app.clock.mint::<uuid::Uuid>().to_string(), caller.subject.id());
    let kept = app.store.keep_out(&entry, (&id, said.lawyer), &said.reason, &actor, app.clock.wall()).await;
    match kept.map_err(stored)? {
        Kept::Out => {}
        Kept::AlreadyOut => return Err(Code::NoSuchStep.into()),
        Kept::NoSuchIncident => return Err(Code::NotFound.into()),
    }
    let waiting = app.store.waiting_of(&id).await.map_err(stored)?;
    conflicts::tell(&app, waiting, &[said.lawyer].into()).await.map_err(stored)?;
    Ok(StatusCode::CREATED)
}

/// `POST /api/incidents/{id}/conflicts/lift`: what was a mistake; counts from the next matter on.
pub(super) async fn let_in(
    State(app): State<Shared>,
    caller: Caller,
    Path(id): Path<String>,
    Said(said): Said<LetIn>,
) -> Result<StatusCode, Problem> {
    app.store.conflicts(&id).await.map_err(stored)?.ok_or(Code::NotFound)?;
    let actor = caller.subject.id();
    if app.store.let_in((&id, said.lawyer), &actor, app.clock.wall()).await.map_err(stored)? {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(Code::NoSuchStep.into())
    }
}
