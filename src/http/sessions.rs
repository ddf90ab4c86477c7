//! Lists of sessions: metadata only; a lawyer's own, or everybody's.
use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use serde::Deserialize;
use yunfa_signaling::ids::SessionId;

use super::{
    body::{Asked, Said},
    door::{Caller, stored},
    lawyers::wrong,
    policy::Reach,
    problem::{Code, Problem},
};
use crate::{
    app::Shared,
    domain::{
        people::Subject,
        qualification::{MAX_REASON_CHARS, MIN_REASON_CHARS},
    },
    storage::{ListFilter, MAX_PAGE, Page, SessionRow},
};

/// Rows of a page when nobody says how many.
const PAGE: u32 = 50;

/// Which page is asked for.
#[derive(Debug, Deserialize)]
pub(super) struct PageOf {
    pub(super) cursor: Option<String>,
    pub(super) limit: Option<u32>,
}

impl PageOf {
    /// Rows of the page, inside the bounds.
    pub(super) fn rows(&self) -> u32 {
        self.limit.unwrap_or(PAGE).clamp(1, MAX_PAGE)
    }
}

/// `GET /api/sessions`
pub(super) async fn list(
    State(app): State<Shared>,
    caller: Caller,
    Asked(asked): Asked<PageOf>,
) -> Result<Json<Page<SessionRow>>, Problem> {
    let page = app.store.sessions(filter(caller)?, asked.cursor.as_deref(), asked.rows()).await;
    page.map(Json).map_err(stored)
}

/// `POST /api/sessions/{id}/end`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct End {
    reason: String,
}

/// `POST /api/sessions/{id}/end`: a supervisor ends a running session; who and why is kept before anybody hears of it.
pub(super) async fn end(
    State(app): State<Shared>,
    caller: Caller,
    Path(id): Path<String>,
    Said(End { reason }): Said<End>,
) -> Result<StatusCode, Problem> {
    let session: SessionId = id.parse().map_err(|_| Code::NotFound)?;
    let reason = reason.trim();
    if !(MIN_REASON_CHARS..=MAX_REASON_CHARS).contains(&reason.chars().count()) {
        return Err(wrong(format!("a reason has {MIN_REASON_CHARS} to {MAX_REASON_CHARS} characters")));
    }
    let found = app.store.consultation_of(session).await.map_err(stored)?;
    let consultation = found.ok_or(Code::NotFound)?;
    app.store.intervene(session, &caller.subject.id(), reason, app.clock.wall()).await.map_err(stored)?;
    match app.live.end_session(consultation, session).await {
        Ok(()) => Ok(StatusCode::NO_CONTENT),
        // It was over before: that it was meant to be ended is kept all the same.
        Err(_) => Err(Code::NoSuchStep.into()),
    }
}

/// Whose rows this caller may see.
pub(super) fn filter(caller: Caller) -> Result<ListFilter, Problem> {
    match (caller.reach, caller.subject) {
        (Reach::All, _) => Ok(ListFilter { lawyer: None }),
        (Reach::Own, Subject::Lawyer(lawyer)) => Ok(ListFilter { lawyer: Some(lawyer) }),
        (Reach::Own | Reach::No, _) => Err(Code::NotAllowed.into()),
    }
}
