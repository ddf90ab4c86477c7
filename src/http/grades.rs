//! How grave matters are: grades by lawyer and supervisor, incidents, and the office's list of grave ones with its clocks.
use std::collections::BTreeSet;

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use serde::{Deserialize, Serialize};
use yunfa_signaling::{ids::ConsultationId, time::Timestamp, words::Grade};

use super::{
    auth::{Noted, audit},
    body::{Asked, Said},
    door::{Caller, stored},
    lawyers::wrong,
    matters::found,
    policy::Action,
    problem::{Code, Problem},
};
use crate::{
    app::{App, Shared},
    conflicts,
    domain::{
        grading::{self, EscalationAct, EscalationState, GradeBy, Sign, by_signs, is_reason, may_set},
        people::Subject,
    },
    storage::{
        StorageError,
        grades::{EscalationRow, EscalationStep, GradeStep, NewGrade, NotTaken, TagRow},
    },
};

/// Longest name of an incident.
const MAX_NAME_CHARS: usize = 60;
/// People of an incident at most; more is a mistake of typing.
const MAX_PEOPLE: u32 = 1_000_000;

/// `POST /api/matters/{id}/grade`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Graded {
    grade: Grade,
    reason: String,
    /// What a lawyer has seen; raises the grade by rule.
    #[serde(default)]
    signs: Vec<Sign>,
}

/// Answers it.
#[derive(Serialize)]
pub(super) struct Stands {
    grade: Grade,
}

/// `POST /api/matters/{id}/grade`: a lawyer raises, a supervisor sets.
pub(super) async fn grade(
    State(app): State<Shared>,
    caller: Caller,
    Path(id): Path<String>,
    Said(said): Said<Graded>,
) -> Result<Json<Stands>, Problem> {
    let matter = found(&app, caller, Action::GradeMatter, &id).await?;
    if !is_reason(&said.reason) {
        let (least, most) = (grading::MIN_REASON_CHARS, grading::MAX_REASON_CHARS);
        return Err(wrong(format!("reason has {least} to {most} characters")));
    }
    let by_sign = by_signs(&said.signs).filter(|grade| *grade > said.grade);
    let by = match (by_sign, caller.subject) {
        (Some(_), _) => GradeBy::Sign,
        (None, Subject::Lawyer(_)) => GradeBy::Lawyer,
        (None, _) => GradeBy::Supervisor,
    };
    let to = by_sign.unwrap_or(said.grade);
    if !may_set(caller.subject.role(), matter.grade, to) {
        return Err(Code::NoSuchStep.into());
    }
    let actor = caller.subject.id();
    let new = NewGrade { from: matter.grade, to, by, reason: &said.reason, actor: &actor };
    if app.store.set_grade(matter.matter, new, app.clock.wall()).await.map_err(stored)? {
        tell(&app, matter.matter).await?;
        Ok(Json(Stands { grade: to }))
    } else {
        Err(Code::ChangedMeanwhile.into())
    }
}

/// Answers `GET /api/matters/{id}/grades`.
#[derive(Serialize)]
pub(super) struct Grades {
    items: Vec<GradeStep>,
}

/// `GET /api/matters/{id}/grades`: who said so, and why.
pub(super) async fn grades(
    State(app): State<Shared>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<Grades>, Problem> {
    let matter = found(&app, caller, Action::SeeGrades, &id).await?;
    Ok(Json(Grades { items: app.store.grade_steps(matter.matter).await.map_err(stored)? }))
}

/// Answers `GET /api/incidents`.
#[derive(Serialize)]
pub(super) struct Incidents {
    items: Vec<TagRow>,
}

/// `GET /api/incidents`
pub(super) async fn incidents(State(app): State<Shared>, _: Caller) -> Result<Json<Incidents>, Problem> {
    Ok(Json(Incidents { items: app.store.tags().await.map_err(stored)? }))
}

/// `POST /api/incidents`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewIncident {
    name: String,
    people: u32,
}

/// Answers it.
#[derive(Serialize)]
pub(super) struct Named {
    id: String,
}

/// `POST /api/incidents`: names one.
pub(super) async fn name(
    State(app): State<Shared>,
    caller: Caller,
    Said(said): Said<NewIncident>,
) -> Result<(StatusCode, Json<Named>), Problem> {
    let name = said.name.trim();
    if !(2..=MAX_NAME_CHARS).contains(&name.chars().count()) {
        return Err(wrong(format!("name has 2 to {MAX_NAME_CHARS} characters")));
    }
    let people = counted(said.people)?;
    let id = app.clock.mint::<uuid::Uuid>().to_string();
    let actor = caller.subject.id();
    match app.store.add_tag(&id, (name, people), &actor, app.clock.wall()).await {
        Ok(()) => Ok((StatusCode::CREATED, Json(Named { id }))),
        Err(StorageError::Duplicate(_)) => Err(Code::NameTaken.into()),
        Err(error) => Err(stored(error)),
    }
}

fn counted(people: u32) -> Result<u32, Problem> {
    if people <= MAX_PEOPLE { Ok(people) } else { Err(wrong(format!("people are at most {MAX_PEOPLE}"))) }
}

/// `POST /api/incidents/{id}`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Counted {
    people: u32,
}

/// `POST /api/incidents/{id}`: how many people it concerns.
pub(super) async fn count(
    State(app): State<Shared>,
    caller: Caller,
    Path(id): Path<String>,
    Said(said): Said<Counted>,
) -> Result<StatusCode, Problem> {
    let people = counted(said.people)?;
    if app.store.count_people(&id, people, &caller.subject.id(), app.clock.wall()).await.map_err(stored)? {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(Code::NotFound.into())
    }
}

/// `POST /api/matters/{id}/incident`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Linked {
    incident: Option<String>,
}

/// `POST /api/matters/{id}/incident`: links a matter to one, or to none.
pub(super) async fn link(
    State(app): State<Shared>,
    caller: Caller,
    Path(id): Path<String>,
    Said(said): Said<Linked>,
) -> Result<StatusCode, Problem> {
    let matter = found(&app, caller, Action::LinkMatter, &id).await?;
    let actor = caller.subject.id();
    let linked = app.store.set_tag(matter.matter, said.incident.as_deref(), &actor, app.clock.wall()).await;
    if !linked.map_err(stored)? {
        return Err(wrong("there is no such incident"));
    }
    tell(&app, matter.matter).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What waits of the matter and its incident hears how grave it is now, and who has a conflict.
async fn tell(app: &App, matter: ConsultationId) -> Result<(), Problem> {
    let waiting = app.store.waiting_beside(matter).await.map_err(stored)?;
    conflicts::tell(app, waiting, &BTreeSet::new()).await.map_err(stored)
}

/// Which escalations are asked for.
#[derive(Debug, Deserialize)]
pub(super) struct Which {
    #[serde(default)]
    closed: bool,
}

/// One escalation with its clock.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Listed {
    #[serde(flatten)]
    row: EscalationRow,
    due: Option<Timestamp>,
    overdue: bool,
    acts: Vec<EscalationAct>,
    steps: Vec<EscalationStep>,
}

/// Answers `GET /api/escalations`.
#[derive(Serialize)]
pub(super) struct Grave {
    items: Vec<Listed>,
    now: Timestamp,
}

/// `GET /api/escalations`: the most urgent first; every look is audited.
pub(super) async fn escalations(
    State(app): State<Shared>,
    caller: Caller,
    Asked(which): Asked<Which>,
) -> Result<Json<Grave>, Problem> {
    let noted = Noted { actor: Some(caller.subject), action: "escalations.listed", kind: "escalations", object: "" };
    audit(&app, noted).await?;
    let now = app.clock.wall();
    let mut items = vec![];
    for row in app.store.escalations(which.closed).await.map_err(stored)? {
        let steps = app.store.escalation_steps(&row.id).await.map_err(stored)?;
        let due = row.state.due(row.grade, row.flagged_at, row.changed_at);
        let overdue = due.is_some_and(|due| due.0 < now.0);
        items.push(Listed { due, overdue, acts: row.state.acts(), row, steps });
    }
    if !which.closed {
        // What has no clock any more comes last.
        items.sort_by_key(|one| (one.due.is_none(), one.due, one.row.flagged_at));
    }
    Ok(Json(Grave { items, now }))
}

/// `POST /api/escalations/{id}`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Act {
    version: i64,
    act: EscalationAct,
    note: String,
}

/// Answers it.
#[derive(Serialize)]
pub(super) struct Moved {
    state: EscalationState,
}

/// `POST /api/escalations/{id}`: one step.
pub(super) async fn step(
    State(app): State<Shared>,
    caller: Caller,
    Path(id): Path<String>,
    Said(said): Said<Act>,
) -> Result<Json<Moved>, Problem> {
    if !is_reason(&said.note) {
        let (least, most) = (grading::MIN_REASON_CHARS, grading::MAX_REASON_CHARS);
        return Err(wrong(format!("note has {least} to {most} characters")));
    }
    let actor = caller.subject.id();
    let done = app.store.step_escalation((&id, said.version), (said.act, &said.note), &actor, app.clock.wall()).await;
    match done.map_err(stored)? {
        Ok(state) => Ok(Json(Moved { state })),
        Err(NotTaken::NoSuch) => Err(Code::NotFound.into()),
        Err(NotTaken::NoSuchStep) => Err(Code::NoSuchStep.into()),
        Err(NotTaken::Stale) => Err(Code::ChangedMeanwhile.into()),
    }
}
