//! Lists of sessions: metadata only; a lawyer's own, or everybody's.
use axum::{Json, extract::State};
use serde::Deserialize;

use super::{
    body::Asked,
    door::{Caller, stored},
    policy::Reach,
    problem::{Code, Problem},
};
use crate::{
    app::Shared,
    domain::people::Subject,
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

/// Whose rows this caller may see.
pub(super) fn filter(caller: Caller) -> Result<ListFilter, Problem> {
    match (caller.reach, caller.subject) {
        (Reach::All, _) => Ok(ListFilter { lawyer: None }),
        (Reach::Own, Subject::Lawyer(lawyer)) => Ok(ListFilter { lawyer: Some(lawyer) }),
        (Reach::Own | Reach::No, _) => Err(Code::NotAllowed.into()),
    }
}
