//! Reports of one side about the other: made by asker and lawyer, decided by the office, with all that follows at once.
use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use serde::{Deserialize, Serialize};
use yunfa_signaling::{
    ids::{CitizenId, ConsultationId, LawyerId, SessionId, WarningId},
    time::Timestamp,
    words::{ReportCause, Role},
};

use super::{
    auth::{Noted, audit},
    body::{Asked, Said},
    door::{Caller, stored},
    lawyers::wrong,
    problem::{Code, Problem},
    qualifications, questions,
    sessions::PageOf,
};
use crate::{
    app::{App, Shared},
    domain::{
        people::Subject,
        report::{
            self, About, MAX_BLOCK_DAYS, MAX_REASON_CHARS, MAX_TEXT_CHARS, MIN_REASON_CHARS, Refused, ReportState,
        },
    },
    live::Person,
    storage::{
        Page,
        reports::{NewReport, NotDecided, ReportDecision, ReportRow, ReportStep, Reported},
    },
};

/// `POST /api/sessions/{id}/report` and `POST /api/questions/{id}/report`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Reporting {
    cause: ReportCause,
    #[serde(default)]
    text: String,
    /// Of a text question, by its asker: which of those who answered.
    #[serde(default)]
    lawyer: Option<LawyerId>,
}

/// What is reported, and by whom of the two.
struct Reportable {
    consultation: ConsultationId,
    source: String,
    citizen: CitizenId,
    lawyer: LawyerId,
    last: Timestamp,
}

/// `POST /api/sessions/{id}/report`: while it runs, and in the days after.
pub(super) async fn session(
    State(app): State<Shared>,
    caller: Caller,
    Path(id): Path<String>,
    Said(said): Said<Reporting>,
) -> Result<StatusCode, Problem> {
    let id: SessionId = id.parse().map_err(|_| Code::NotFound)?;
    // What was accepted a moment ago is to be there.
    app.recorder.flush().await.map_err(|_| Code::Draining)?;
    let sides = app.store.sides(id).await.map_err(stored)?.ok_or(Code::NotFound)?;
    let is_party = match caller.subject {
        Subject::Citizen(citizen) => citizen == sides.citizen,
        Subject::Lawyer(lawyer) => Some(lawyer) == sides.lawyer,
        Subject::Staff(..) => false,
    };
    let lawyer = sides.lawyer.filter(|_| is_party).ok_or(Code::NotFound)?;
    let source = id.to_string();
    let of = Reportable { consultation: sides.consultation, source, citizen: sides.citizen, lawyer, last: sides.last };
    keep(&app, caller, of, said).await
}

/// `POST /api/questions/{id}/report`: of a text question, as long as its reporter may read it.
pub(super) async fn question(
    State(app): State<Shared>,
    caller: Caller,
    Path(id): Path<String>,
    Said(said): Said<Reporting>,
) -> Result<StatusCode, Problem> {
    let id: ConsultationId = id.parse().map_err(|_| Code::NotFound)?;
    questions::may_read(&app, caller, id).await?;
    let row = app.store.question(id).await.map_err(stored)?.ok_or(Code::NotFound)?;
    let lawyer = match caller.subject {
        Subject::Lawyer(lawyer) => lawyer,
        Subject::Citizen(_) | Subject::Staff(..) => {
            let lawyer = said.lawyer.ok_or_else(|| wrong("lawyer names who answered"))?;
            if !app.store.has_answered(id, lawyer).await.map_err(stored)? {
                return Err(wrong("lawyer names who answered"));
            }
            lawyer
        }
    };
    let (source, citizen, last) = (id.to_string(), row.citizen, row.changed_at);
    keep(&app, caller, Reportable { consultation: id, source, citizen, lawyer, last }, said).await
}

async fn keep(app: &App, caller: Caller, of: Reportable, said: Reporting) -> Result<StatusCode, Problem> {
    let Reportable { consultation, source, citizen, lawyer, last } = of;
    let about = match caller.subject {
        Subject::Citizen(_) => About::Lawyer,
        Subject::Lawyer(_) => About::Citizen,
        Subject::Staff(..) => return Err(Code::NotFound.into()),
    };
    if !about.fits(said.cause) {
        return Err(wrong("cause does not fit whom it is about"));
    }
    if said.text.trim().chars().count() > MAX_TEXT_CHARS {
        return Err(wrong(format!("text has at most {MAX_TEXT_CHARS} characters")));
    }
    let text = report::for_the_office(&said.text);
    if said.cause == ReportCause::Other && text.is_empty() {
        return Err(wrong("OTHER wants a text"));
    }
    let now = app.clock.wall();
    if !report::is_reportable(last, now) {
        return Err(Code::NoSuchStep.into());
    }
    app.budgets.reports.take(caller.subject.id(), app.clock.now().mono)?;
    let id = app.clock.mint::<uuid::Uuid>().to_string();
    let new = NewReport { id, about, consultation, source, citizen, lawyer, cause: said.cause, text };
    match app.store.report(&new, now).await.map_err(stored)? {
        Reported::Kept => Ok(StatusCode::CREATED),
        Reported::Already => Err(Code::AlreadyReported.into()),
        Reported::TooMany => Err(Code::TooMany.into()),
    }
}

/// Which reports are asked for.
#[derive(Debug, Deserialize)]
pub(super) struct Which {
    cursor: Option<String>,
    limit: Option<u32>,
    state: Option<ReportState>,
}

/// One report with what its reader may decide.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Listed {
    #[serde(flatten)]
    row: ReportRow,
    next: &'static [ReportState],
}

/// Answers `GET /api/reports`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Reports {
    #[serde(flatten)]
    page: Page<Listed>,
    now: Timestamp,
    /// How long a block lasts when nobody says otherwise.
    block_days: u32,
    max_block_days: u32,
}

/// `GET /api/reports`: open ones first; every look is audited.
pub(super) async fn list(
    State(app): State<Shared>,
    caller: Caller,
    Asked(which): Asked<Which>,
) -> Result<Json<Reports>, Problem> {
    let noted = Noted { actor: Some(caller.subject), action: "reports.listed", kind: "reports", object: "" };
    audit(&app, noted).await?;
    let of = PageOf { cursor: which.cursor, limit: which.limit };
    let (cursor, rows) = (of.cursor.as_deref(), of.rows());
    let found = app.store.reports((which.state, is_dispatcher(caller)), cursor, rows).await.map_err(stored)?;
    let items = found.items.into_iter().map(|row| listed(caller, row)).collect();
    Ok(Json(Reports {
        page: Page { items, next: found.next },
        now: app.clock.wall(),
        block_days: app.config.limits.block_days,
        max_block_days: MAX_BLOCK_DAYS,
    }))
}

/// Answers `GET /api/reports/{id}`.
#[derive(Serialize)]
pub(super) struct Whole {
    #[serde(flatten)]
    listed: Listed,
    /// What the reporter wrote to the office.
    text: Option<String>,
    steps: Vec<ReportStep>,
}

/// `GET /api/reports/{id}`: with what was written to the office, for the supervisor alone; every look is audited.
pub(super) async fn read(
    State(app): State<Shared>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<Whole>, Problem> {
    let row = app.store.one_report(&id).await.map_err(stored)?.filter(|row| row.referred || !is_dispatcher(caller));
    let row = row.ok_or(Code::NotFound)?;
    // Before the answer: a look that cannot be written down does not take place.
    audit(&app, Noted { actor: Some(caller.subject), action: "report.read", kind: "report", object: &row.id }).await?;
    let text = match is_dispatcher(caller) {
        true => None,
        false => app.store.report_text(&row.id).await.map_err(stored)?,
    };
    let steps = app.store.report_steps(&row.id).await.map_err(stored)?;
    Ok(Json(Whole { listed: listed(caller, row), text, steps }))
}

/// What a report looks like to this caller: those who decide about qualifications need not know who reported.
fn listed(caller: Caller, mut row: ReportRow) -> Listed {
    if is_dispatcher(caller) {
        (row.alias, row.identity_mode) = (None, None);
    }
    Listed { next: row.state.next(row.about, caller.subject.role()), row }
}

fn is_dispatcher(caller: Caller) -> bool {
    caller.subject.role() == Role::Dispatcher
}

/// `POST /api/reports/{id}`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Deciding {
    version: i64,
    to: ReportState,
    reason: String,
    /// How long a block lasts.
    #[serde(default)]
    days: Option<u32>,
}

/// Answers it.
#[derive(Serialize)]
pub(super) struct Stands {
    state: ReportState,
}

/// `POST /api/reports/{id}`: a decision with its reason; what follows from it is in force when this answers.
pub(super) async fn decide(
    State(app): State<Shared>,
    caller: Caller,
    Path(id): Path<String>,
    Said(said): Said<Deciding>,
) -> Result<Json<Stands>, Problem> {
    let days = said.days.unwrap_or(app.config.limits.block_days);
    if !(1..=MAX_BLOCK_DAYS).contains(&days) {
        return Err(wrong(format!("days are 1 to {MAX_BLOCK_DAYS}")));
    }
    let now = app.clock.wall();
    let (actor, role) = (caller.subject.id(), caller.subject.role());
    let decision = ReportDecision {
        id: &id,
        version: said.version,
        to: said.to,
        reason: &said.reason,
        until: report::ends(now, days),
        warning: app.clock.mint(),
        actor: &actor,
        role,
    };
    // A lawyer's qualification is decided in the same turn as all others.
    let turn = app.profiles.lock().await;
    let decided = match app.store.decide_report(decision, now).await.map_err(stored)? {
        Ok(decided) => decided,
        Err(NotDecided::NoSuch) => return Err(Code::NotFound.into()),
        Err(NotDecided::Stale) => return Err(Code::ChangedMeanwhile.into()),
        Err(NotDecided::Refused(Refused::NoSuchStep)) => return Err(Code::NoSuchStep.into()),
        Err(NotDecided::Refused(Refused::Reason)) => {
            return Err(wrong(format!("reason has {MIN_REASON_CHARS} to {MAX_REASON_CHARS} characters")));
        }
    };
    if let Some(lawyer) = decided.lawyer {
        qualifications::in_force(&app, lawyer).await;
        app.finder.forget();
    }
    drop(turn);
    match (decided.row.about, said.to) {
        (About::Citizen, ReportState::Warned) => restrain(&app, Subject::Citizen(decided.row.citizen)).await?,
        (About::Citizen, ReportState::Blocked | ReportState::Lifted) => {
            for citizen in app.store.concerned(&id).await.map_err(stored)? {
                restrain(&app, Subject::Citizen(citizen)).await?;
            }
        }
        (About::Lawyer, ReportState::Warned) => restrain(&app, Subject::Lawyer(decided.row.lawyer.id)).await?,
        _ => {}
    }
    Ok(Json(Stands { state: said.to }))
}

/// `POST /api/warnings/{id}/acknowledge`: the person has read it, and is not told again.
pub(super) async fn acknowledge(
    State(app): State<Shared>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    let id: WarningId = id.parse().map_err(|_| Code::NotFound)?;
    if !app.store.acknowledge(&id.to_string(), caller.subject, app.clock.wall()).await.map_err(stored)? {
        return Err(Code::NotFound.into());
    }
    restrain(&app, caller.subject).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Tells whatever runs of this person what the office holds against them now.
pub(super) async fn restrain(app: &App, subject: Subject) -> Result<(), Problem> {
    let person = match subject {
        Subject::Citizen(id) => Person::Citizen(id),
        Subject::Lawyer(id) => Person::Lawyer(id),
        Subject::Staff(..) => return Ok(()),
    };
    let restraint = app.store.restraint(subject).await.map_err(stored)?;
    app.live.restrain(person, restraint);
    Ok(())
}

/// Refuses an asker whom the office has blocked.
pub(super) async fn unblocked(app: &App, citizen: CitizenId) -> Result<(), Problem> {
    let restraint = app.store.restraint(Subject::Citizen(citizen)).await.map_err(stored)?;
    match restraint.blocked(app.clock.wall()) {
        Some(until) => Err(Problem::from(Code::Blocked).until(until)),
        None => Ok(()),
    }
}
