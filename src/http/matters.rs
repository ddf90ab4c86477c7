//! Matters over the days: one's own list, stars after the page was closed, complaints, and a lawyer's objection.
use axum::{
    Json,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
};
use serde::{Deserialize, Serialize};
use yunfa_signaling::{
    error::SessionError,
    ids::{AreaCode, ConsultationId, LawyerId},
    time::Timestamp,
    words::{ConsultationState, PracticeArea},
};

use super::{
    body::{Asked, Said},
    client::Client,
    door::{self, Caller, stored},
    lawyers::wrong,
    policy::{self, Action, Reach},
    problem::{Code, Problem},
    sessions::PageOf,
};
use crate::{
    app::{App, Shared},
    domain::{
        appeal,
        follow_up::{ComplaintCause, MAX_NOTE_CHARS, MIN_NOTE_CHARS},
        matter::{MatterKind, MatterState, Return, come_back},
        people::Subject,
        rating::Stars,
    },
    storage::{
        Page,
        appeals::NotHeard,
        follow_ups::{Complained, ComplaintView},
        matters::{MatterFilter, MatterRow},
    },
};

/// What a caller may do with a matter now.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Offered {
    /// Give stars.
    rate: bool,
    /// Give them anew after a follow-up.
    rerate: bool,
    /// Complain.
    complain: bool,
    /// Come back with it: what that makes.
    reopen: Option<Return>,
    /// Object to the stars, until then.
    appeal_until: Option<Timestamp>,
}

/// One matter with what its reader may do.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Listed {
    #[serde(flatten)]
    row: MatterRow,
    may: Offered,
}

impl Listed {
    /// The same for a file, which outlives what may be done today.
    pub(super) fn without_offers(self) -> Self {
        Self { may: Offered::default(), ..self }
    }
}

/// Which matters are asked for.
#[derive(Debug, Deserialize)]
pub(super) struct Which {
    cursor: Option<String>,
    limit: Option<u32>,
    state: Option<MatterState>,
    incident: Option<String>,
}

/// `GET /api/matters`: one's own as asker or as lawyer, or everybody's; metadata only.
pub(super) async fn list(
    State(app): State<Shared>,
    caller: Caller,
    Asked(which): Asked<Which>,
) -> Result<Json<Page<Listed>>, Problem> {
    let all = MatterFilter { state: which.state, incident: which.incident, ..MatterFilter::default() };
    let filter = match (caller.reach, caller.subject) {
        (Reach::All, _) => all,
        (Reach::Own, Subject::Citizen(citizen)) => MatterFilter { citizen: Some(citizen), ..all },
        (Reach::Own, Subject::Lawyer(lawyer)) => MatterFilter { lawyer: Some(lawyer), ..all },
        (Reach::Own | Reach::No, _) => return Err(Code::NotAllowed.into()),
    };
    let page = PageOf { cursor: which.cursor, limit: which.limit };
    let found = app.store.matters(&filter, page.cursor.as_deref(), page.rows()).await.map_err(stored)?;
    let items = found.items.into_iter().map(|row| listed(&app, caller, row)).collect();
    Ok(Json(Page { items, next: found.next }))
}

/// What a matter looks like to this caller.
pub(super) fn listed(app: &App, caller: Caller, mut row: MatterRow) -> Listed {
    let now = app.clock.wall();
    let may = match caller.subject {
        Subject::Citizen(_) => {
            // What the lawyer holds of the stars is between lawyer and office until it is decided.
            row.appeal = None;
            may_of_asker(&row, now)
        }
        Subject::Lawyer(lawyer) => {
            let until = row.rating.map(|rating| appeal::until(rating.rated_at, &app.calendar));
            let rating = row.rating.filter(|rating| rating.amended_at.is_none() && rating.voided_at.is_none());
            let is_ones_own = row.lawyer.as_ref().is_some_and(|of| of.id == lawyer);
            let open = is_ones_own && row.appeal.is_none() && rating.is_some();
            let appeal_until = until.filter(|until| open && now.0 <= until.0);
            if !is_ones_own {
                row.rating = None;
                row.appeal = None;
            }
            Offered { appeal_until, ..Offered::default() }
        }
        Subject::Staff(..) => Offered::default(),
    };
    Listed { row, may }
}

fn may_of_asker(row: &MatterRow, now: Timestamp) -> Offered {
    let is_over = match row.kind {
        MatterKind::Consultation => row.ended_at.is_some() && row.latest_state != Some(ConsultationState::Closed),
        // From the first answer on, while somebody still waits for stars.
        MatterKind::Question => matches!(
            row.state,
            MatterState::Answered | MatterState::Reopened | MatterState::Closed | MatterState::FollowUp
        ),
    };
    let after = row.follow_up.as_ref().is_some_and(|part| part.state.may_rerate(row.follow_up_closed_at, now));
    let once = row.rating.is_some_and(|rating| rating.amended_at.is_none() && rating.voided_at.is_none());
    Offered {
        rate: row.rating.is_none() && is_over,
        rerate: once && after,
        complain: row.state.may_be_complained_of(),
        reopen: come_back(row.state, row.settled_at, now),
        appeal_until: None,
    }
}

/// The matter, when it is there for this caller to do this with.
pub(super) async fn found(app: &App, caller: Caller, action: Action, id: &str) -> Result<MatterRow, Problem> {
    let id: ConsultationId = id.parse().map_err(|_| Code::NotFound)?;
    let row = app.store.matter(id).await.map_err(stored)?.ok_or(Code::NotFound)?;
    match caller.subject {
        Subject::Lawyer(lawyer) => {
            let answered = app.store.lawyers_of_matter(id).await.map_err(stored)?;
            let owner = answered.into_iter().find(|one| *one == lawyer).ok_or(Code::NotFound)?;
            policy::may(caller.subject, action, Subject::Lawyer(owner))?;
        }
        Subject::Citizen(_) | Subject::Staff(..) => {
            policy::may(caller.subject, action, Subject::Citizen(row.citizen))?;
        }
    }
    Ok(row)
}

/// `POST /api/matters/{id}/rating`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Rate {
    stars: u8,
}

/// Answers it.
#[derive(Serialize)]
pub(super) struct Kept {
    stars: Stars,
    amended: bool,
}

/// `POST /api/matters/{id}/rating`: the stars, once; and anew, once, when a follow-up allows it.
pub(super) async fn rate(
    State(app): State<Shared>,
    client: Client,
    caller: Caller,
    Path(id): Path<String>,
    headers: HeaderMap,
    Said(said): Said<Rate>,
) -> Result<Json<Kept>, Problem> {
    let matter = found(&app, caller, Action::RateMatter, &id).await?;
    let stars = Stars::try_from(said.stars).map_err(|_| wrong("stars are 1 to 5"))?;
    if door::lawyer_beside(&app, client, &headers).await?.is_some() {
        return Err(Code::LawyersDevice.into());
    }
    let now = app.clock.wall();
    if matter.rating.is_none() && matter.kind == MatterKind::Question {
        if !may_of_asker(&matter, now).rate {
            return Err(Code::NoSuchStep.into());
        }
        if !app.store.rate_question(matter.matter, stars, now).await.map_err(stored)? {
            return Err(Code::AlreadyRated.into());
        }
        app.finder.forget();
        return Ok(Json(Kept { stars, amended: false }));
    }
    if matter.rating.is_none() {
        return match app.live.rate(matter.latest, said.stars).await {
            Ok(()) => Ok(Json(Kept { stars, amended: false })),
            Err(SessionError::AlreadyRated) => Err(Code::AlreadyRated.into()),
            // The time for it is over, or has not come.
            Err(_) => Err(Code::NoSuchStep.into()),
        };
    }
    if !may_of_asker(&matter, now).rerate {
        return Err(Code::AlreadyRated.into());
    }
    let actor = caller.subject.id();
    if app.store.amend_rating(matter.matter, stars, &actor, now).await.map_err(stored)? {
        app.finder.forget();
        Ok(Json(Kept { stars, amended: true }))
    } else {
        Err(Code::AlreadyRated.into())
    }
}

/// `POST /api/matters/{id}/complaint`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Complaint {
    cause: ComplaintCause,
    text: String,
}

/// `POST /api/matters/{id}/complaint`: read by supervisors, never by the lawyer.
pub(super) async fn complain(
    State(app): State<Shared>,
    caller: Caller,
    Path(id): Path<String>,
    Said(said): Said<Complaint>,
) -> Result<StatusCode, Problem> {
    let matter = found(&app, caller, Action::Complain, &id).await?;
    let text = said.text.trim();
    if !(MIN_NOTE_CHARS..=MAX_NOTE_CHARS).contains(&text.chars().count()) {
        return Err(wrong(format!("text has {MIN_NOTE_CHARS} to {MAX_NOTE_CHARS} characters")));
    }
    let new = app.clock.mint::<uuid::Uuid>().to_string();
    let actor = caller.subject.id();
    let kept = app.store.complain(&new, matter.matter, (said.cause, text), &actor, app.clock.wall()).await;
    match kept.map_err(stored)? {
        Complained::Kept(_) => Ok(StatusCode::CREATED),
        Complained::NotNow => Err(Code::NoSuchStep.into()),
        Complained::TooMany => Err(Code::TooMany.into()),
    }
}

/// Answers `GET /api/matters/{id}/complaints`.
#[derive(Serialize)]
pub(super) struct Complaints {
    items: Vec<ComplaintView>,
}

/// `GET /api/matters/{id}/complaints`: to whoever made them.
pub(super) async fn complaints(
    State(app): State<Shared>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<Complaints>, Problem> {
    let matter = found(&app, caller, Action::SeeComplaints, &id).await?;
    Ok(Json(Complaints { items: app.store.complaints(matter.matter).await.map_err(stored)? }))
}

/// `POST /api/matters/{id}/reopening`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Reopening {
    /// Minted by the page, which asks for a lawyer under it right after.
    consultation: ConsultationId,
}

/// Answers it: what to ask for.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Reopened {
    how: Return,
    practice_area: PracticeArea,
    area: AreaCode,
    /// Who answered last, and is to be asked first.
    lawyer: Option<LawyerId>,
    /// Stars are not asked for again.
    rated: bool,
}

/// `POST /api/matters/{id}/reopening`: the asker comes back; what is asked under this id within ten minutes goes on with the matter.
pub(super) async fn reopen(
    State(app): State<Shared>,
    caller: Caller,
    Path(id): Path<String>,
    Said(said): Said<Reopening>,
) -> Result<Json<Reopened>, Problem> {
    let row = found(&app, caller, Action::ReopenMatter, &id).await?;
    let now = app.clock.wall();
    let how = come_back(row.state, row.settled_at, now).ok_or(Code::NoSuchStep)?;
    if app.store.is_known(said.consultation).await.map_err(stored)?
        || !app.store.intend_return(said.consultation, row.matter, row.citizen, how, now).await.map_err(stored)?
    {
        return Err(wrong("consultation is a fresh id"));
    }
    let rated = how == Return::SameMatter && row.rating.is_some();
    let lawyer = row.lawyer.map(|lawyer| lawyer.id);
    Ok(Json(Reopened { how, practice_area: row.practice_area, area: row.area, lawyer, rated }))
}

/// `POST /api/matters/{id}/appeal`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Objection {
    reason: String,
}

/// `POST /api/matters/{id}/appeal`: the lawyer objects to the stars, once, within five working days.
pub(super) async fn object(
    State(app): State<Shared>,
    caller: Caller,
    Path(id): Path<String>,
    Said(said): Said<Objection>,
) -> Result<StatusCode, Problem> {
    let matter = found(&app, caller, Action::AppealRating, &id).await?;
    let Subject::Lawyer(lawyer) = caller.subject else { return Err(Code::NotFound.into()) };
    if !appeal::is_reason(&said.reason) {
        return Err(wrong(format!(
            "reason has {} to {} characters",
            appeal::MIN_REASON_CHARS,
            appeal::MAX_REASON_CHARS
        )));
    }
    let Some(rating) = matter.rating else { return Err(Code::NoSuchStep.into()) };
    let now = app.clock.wall();
    if now.0 > appeal::until(rating.rated_at, &app.calendar).0 {
        return Err(Code::NoSuchStep.into());
    }
    match app.store.appeal(matter.matter, lawyer, &said.reason, rating.rated_at, now).await.map_err(stored)? {
        Ok(_) => Ok(StatusCode::CREATED),
        Err(NotHeard::NoSuch | NotHeard::NotNow | NotHeard::Stale | NotHeard::Refused(_)) => {
            Err(Code::NoSuchStep.into())
        }
    }
}
