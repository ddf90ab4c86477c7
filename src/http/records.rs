//! Sealed service records: metadata in full, never content; every look is audited.
use axum::{
    Json,
    extract::{Path, State},
};
use yunfa_signaling::ids::RecordId;

use super::{
    auth::{Noted, audit},
    body::Asked,
    door::{Caller, stored},
    policy::{self, Action},
    problem::{Code, Problem},
    sessions::{PageOf, filter},
};
use crate::{
    app::Shared,
    domain::people::Subject,
    storage::{Page, RecordRow, RecordView},
};

/// `GET /api/records`
pub(super) async fn list(
    State(app): State<Shared>,
    caller: Caller,
    Asked(asked): Asked<PageOf>,
) -> Result<Json<Page<RecordRow>>, Problem> {
    let page = app.store.records(filter(caller)?, asked.cursor.as_deref(), asked.rows()).await.map_err(stored)?;
    audit(&app, Noted { actor: Some(caller.subject), action: "records.listed", kind: "records", object: "" }).await?;
    Ok(Json(page))
}

/// `GET /api/records/{id}`: to a stranger, and for an id that is none, there is no such record.
pub(super) async fn read(
    State(app): State<Shared>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<RecordView>, Problem> {
    let id: RecordId = id.parse().map_err(|_| Code::NotFound)?;
    let view = app.store.record(id).await.map_err(stored)?.ok_or(Code::NotFound)?;
    policy::may(caller.subject, Action::ReadRecord, Subject::Lawyer(view.record.lawyer.lawyer_id))?;
    // Before the answer: a look that cannot be written down does not take place.
    let object = id.to_string();
    audit(&app, Noted { actor: Some(caller.subject), action: "record.read", kind: "record", object: &object }).await?;
    Ok(Json(view))
}
