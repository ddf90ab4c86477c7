//! What the office owes: follow-ups by their deadline, their steps, and the votes on appeals.
use axum::{
    Json,
    extract::{Path, State},
    http::HeaderMap,
};
use serde::{Deserialize, Serialize};
use yunfa_signaling::time::Timestamp;

use super::{
    auth::{Noted, audit},
    body::{Asked, Said},
    client::Client,
    door::{self, Caller, stored},
    lawyers::wrong,
    problem::{Code, Problem},
};
use crate::{
    app::{App, Shared},
    domain::{
        appeal::{self, AppealState},
        follow_up::{self, FollowUpAct, FollowUpResult, FollowUpState, Hand, Refused},
        people::Subject,
    },
    storage::{
        appeals::{AppealRow, NotHeard},
        follow_ups::{ComplaintView, FollowUpRow, NotTaken, Step, StepView},
    },
};

/// Which list is asked for.
#[derive(Debug, Deserialize)]
pub(super) struct Which {
    #[serde(default)]
    closed: bool,
}

/// One follow-up with its clock.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Listed {
    #[serde(flatten)]
    row: FollowUpRow,
    /// When something must have been done.
    due: Option<Timestamp>,
    /// That time is over.
    overdue: bool,
}

/// Answers `GET /api/follow-ups`.
#[derive(Serialize)]
pub(super) struct Work {
    items: Vec<Listed>,
    now: Timestamp,
}

/// `GET /api/follow-ups`: by deadline, the most urgent first.
pub(super) async fn list(
    State(app): State<Shared>,
    caller: Caller,
    Asked(which): Asked<Which>,
) -> Result<Json<Work>, Problem> {
    let now = app.clock.wall();
    let rows = app.store.follow_ups(which.closed).await.map_err(stored)?;
    let mut items: Vec<_> = rows.into_iter().map(|row| timed(&app, row, now)).collect();
    if !which.closed {
        items.sort_by(|a, b| (a.due, a.row.opened_at, &a.row.id).cmp(&(b.due, b.row.opened_at, &b.row.id)));
    }
    let noted = Noted { actor: Some(caller.subject), action: "follow-ups.listed", kind: "follow-ups", object: "" };
    audit(&app, noted).await?;
    Ok(Json(Work { items, now }))
}

fn timed(app: &App, row: FollowUpRow, now: Timestamp) -> Listed {
    let due = row.state.due(row.opened_at, &app.calendar);
    Listed { overdue: due.is_some_and(|due| due.0 < now.0), due, row }
}

/// Answers `GET /api/follow-ups/{id}`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Whole {
    #[serde(flatten)]
    listed: Listed,
    steps: Vec<StepView>,
    complaints: Vec<ComplaintView>,
    /// What may be done now.
    acts: Vec<FollowUpAct>,
    /// With which results it may be closed now.
    results: &'static [FollowUpResult],
    /// The asker left a number.
    phone: bool,
}

/// `GET /api/follow-ups/{id}`: with its steps and with what the asker complained of; every look is audited.
pub(super) async fn read(
    State(app): State<Shared>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<Whole>, Problem> {
    let row = app.store.follow_up(&id).await.map_err(stored)?.ok_or(Code::NotFound)?;
    let noted = Noted { actor: Some(caller.subject), action: "follow-up.read", kind: "follow-up", object: &row.id };
    audit(&app, noted).await?;
    let steps = app.store.follow_up_steps(&row.id).await.map_err(stored)?;
    let complaints = app.store.complaints(row.matter).await.map_err(stored)?;
    let phone = phone_of(&app, &row).await?.is_some();
    let (acts, results) = (row.state.acts(row.tries), row.state.results());
    let listed = timed(&app, row, app.clock.wall());
    Ok(Json(Whole { listed, steps, complaints, acts, results, phone }))
}

async fn phone_of(app: &App, row: &FollowUpRow) -> Result<Option<String>, Problem> {
    let Some(matter) = app.store.matter(row.matter).await.map_err(stored)? else { return Ok(None) };
    app.store.phone(matter.citizen).await.map_err(stored)
}

/// `POST /api/follow-ups/{id}`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Act {
    version: i64,
    act: FollowUpAct,
    result: Option<FollowUpResult>,
    #[serde(default)]
    note: String,
}

/// Answers it.
#[derive(Serialize)]
pub(super) struct Stands {
    state: FollowUpState,
}

/// `POST /api/follow-ups/{id}`: one step, never by the person it is about.
pub(super) async fn step(
    State(app): State<Shared>,
    client: Client,
    caller: Caller,
    Path(id): Path<String>,
    headers: HeaderMap,
    Said(said): Said<Act>,
) -> Result<Json<Stands>, Problem> {
    let (hand, actor) = (hand(&app, client, caller, &headers).await?, caller.subject.id());
    let with = follow_up::Said { act: said.act, result: said.result, note: &said.note };
    let step = Step { id: &id, version: said.version, said: with, hand: &hand, actor: &actor };
    match app.store.step_follow_up(step, app.clock.wall()).await.map_err(stored)? {
        Ok(state) => Ok(Json(Stands { state })),
        Err(NotTaken::NoSuchFollowUp) => Err(Code::NotFound.into()),
        Err(NotTaken::Stale) => Err(Code::ChangedMeanwhile.into()),
        Err(NotTaken::Refused(Refused::SamePerson)) => Err(Code::SamePerson.into()),
        Err(NotTaken::Refused(Refused::NotByRole)) => Err(Code::NotAllowed.into()),
        Err(NotTaken::Refused(Refused::NoSuchStep)) => Err(Code::NoSuchStep.into()),
        Err(NotTaken::Refused(refused @ (Refused::Note | Refused::Result))) => Err(wrong(refused.to_string())),
    }
}

/// Who of the office acts, with whoever else sits at this browser.
pub(super) async fn hand(app: &App, client: Client, caller: Caller, headers: &HeaderMap) -> Result<Hand, Problem> {
    let Subject::Staff(id, role) = caller.subject else { return Err(Code::NotAllowed.into()) };
    let (name, _) = app.store.staff(id).await.map_err(stored)?.ok_or(Code::Unauthenticated)?;
    let beside = door::lawyer_beside(app, client, headers).await?;
    Ok(Hand { role, name: name.expose().to_owned(), beside })
}

/// Answers `POST /api/follow-ups/{id}/phone`.
#[derive(Serialize)]
pub(super) struct Number {
    phone: Option<String>,
}

/// `POST /api/follow-ups/{id}/phone`: the asker's number, to whoever has taken the follow-up while it is open; audited.
pub(super) async fn phone(
    State(app): State<Shared>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<Number>, Problem> {
    let row = app.store.follow_up(&id).await.map_err(stored)?.ok_or(Code::NotFound)?;
    if row.handler.as_deref() != Some(caller.subject.id().as_str()) || row.closed_at.is_some() {
        return Err(Code::NoSuchStep.into());
    }
    let noted = Noted { actor: Some(caller.subject), action: "follow-up.phone", kind: "follow-up", object: &row.id };
    audit(&app, noted).await?;
    Ok(Json(Number { phone: phone_of(&app, &row).await? }))
}

/// Which appeals are asked for.
#[derive(Debug, Deserialize)]
pub(super) struct WhichAppeals {
    #[serde(default)]
    all: bool,
}

/// Answers `GET /api/appeals`.
#[derive(Serialize)]
pub(super) struct Appeals {
    items: Vec<AppealRow>,
}

/// `GET /api/appeals`: those that are open, or all.
pub(super) async fn appeals(
    State(app): State<Shared>,
    caller: Caller,
    Asked(which): Asked<WhichAppeals>,
) -> Result<Json<Appeals>, Problem> {
    let items = app.store.appeals(which.all, &caller.subject.id()).await.map_err(stored)?;
    let noted = Noted { actor: Some(caller.subject), action: "appeals.listed", kind: "appeals", object: "" };
    audit(&app, noted).await?;
    Ok(Json(Appeals { items }))
}

/// `POST /api/appeals/{id}/vote`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Vote {
    uphold: bool,
    reason: String,
}

/// Answers it.
#[derive(Serialize)]
pub(super) struct Decided {
    state: AppealState,
}

/// `POST /api/appeals/{id}/vote`: two persons of one mind decide.
pub(super) async fn vote(
    State(app): State<Shared>,
    client: Client,
    caller: Caller,
    Path(id): Path<String>,
    headers: HeaderMap,
    Said(said): Said<Vote>,
) -> Result<Json<Decided>, Problem> {
    let (hand, actor) = (hand(&app, client, caller, &headers).await?, caller.subject.id());
    let vote = (actor.as_str(), said.uphold, said.reason.as_str());
    match app.store.vote(&id, vote, &hand, app.clock.wall()).await.map_err(stored)? {
        Ok(state) => {
            app.finder.forget();
            Ok(Json(Decided { state }))
        }
        Err(NotHeard::NoSuch) => Err(Code::NotFound.into()),
        Err(NotHeard::Stale) => Err(Code::ChangedMeanwhile.into()),
        Err(NotHeard::Refused(appeal::Refused::SamePerson)) => Err(Code::SamePerson.into()),
        Err(NotHeard::Refused(appeal::Refused::NotByRole)) => Err(Code::NotAllowed.into()),
        Err(NotHeard::Refused(refused @ appeal::Refused::Reason)) => Err(wrong(refused.to_string())),
        Err(NotHeard::NotNow | NotHeard::Refused(appeal::Refused::Decided | appeal::Refused::Twice)) => {
            Err(Code::NoSuchStep.into())
        }
    }
}
