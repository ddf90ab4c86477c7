//! Text questions: asked and asked on by citizens, claimed and answered by lawyers. What was written is for those two alone.
use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use serde::{Deserialize, Serialize};
use yunfa_signaling::{
    error::SessionError,
    ids::{AnswerId, AreaCode, CitizenId, ConsultationId, LawyerId, MessageId},
    private::ChatText,
    profile::Profile,
    question::{Asked as AskedQuestion, Input, MAX_TEXT_CHARS, SLOTS},
    time::Timestamp,
    words::{DeclineReason, DeviceClass, Outcome, PracticeArea},
};

use super::{
    auth::{Noted, audit},
    body::{Asked, Said},
    door::{Caller, stored},
    lawyers::wrong,
    matters::{Listed, listed},
    policy::Reach,
    problem::{Code, Problem},
    reports,
    sessions::PageOf,
};
use crate::{
    app::{App, Shared},
    domain::{
        matter::{Return, come_back},
        people::Subject,
    },
    questions::{OpenView, Refused},
    storage::{
        Page, SessionRow,
        attachments::AttachmentRow,
        questions::{NewText, QuestionRow, QuestionsOf, TextKind, TextRow},
    },
};

/// `POST /api/questions`
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Asking {
    question: ConsultationId,
    practice_area: PracticeArea,
    area: AreaCode,
    text: ChatText,
    #[serde(default)]
    device: Option<DeviceClass>,
}

/// One question in full, for those who may read it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Shown {
    #[serde(flatten)]
    row: QuestionRow,
    /// Answers that it gets.
    slots: usize,
    /// Until when this lawyer holds a slot.
    held_until: Option<Timestamp>,
    texts: Vec<TextRow>,
    attachments: Vec<AttachmentRow>,
    /// The calls that went on with it; of a lawyer, the lawyer's own.
    calls: Vec<SessionRow>,
    /// The matter, with what its asker may do now.
    matter: Option<Listed>,
    now: Timestamp,
}

/// `GET /api/questions/open`
#[derive(Serialize)]
pub(super) struct Open {
    items: Vec<Placed>,
    now: Timestamp,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Placed {
    #[serde(flatten)]
    view: OpenView,
    area_name: Option<String>,
}

/// `GET /api/questions`: one's own; for the office all of them, without a word of what was written.
pub(super) async fn list(
    State(app): State<Shared>,
    caller: Caller,
    Asked(page): Asked<PageOf>,
) -> Result<Json<Page<QuestionRow>>, Problem> {
    let of = match (caller.reach, caller.subject) {
        (Reach::All, _) => QuestionsOf::Everybody,
        (_, Subject::Citizen(id)) => QuestionsOf::Citizen(id),
        (_, Subject::Lawyer(id)) => QuestionsOf::Lawyer(id),
        (_, Subject::Staff(..)) => return Err(Code::NotAllowed.into()),
    };
    app.store.questions(of, page.cursor.as_deref(), page.rows()).await.map(Json).map_err(stored)
}

/// `POST /api/questions`: the id is the client's, so that asking twice is one matter.
pub(super) async fn ask(
    State(app): State<Shared>,
    caller: Caller,
    Said(said): Said<Asking>,
) -> Result<(StatusCode, Json<Shown>), Problem> {
    let citizen = citizen(caller)?;
    let text = text_of(said.text)?;
    match app.store.matter_owner(said.question).await.map_err(stored)? {
        // The answer to the first asking was lost.
        Some(owner) if owner == citizen && app.store.question(said.question).await.map_err(stored)?.is_some() => {
            return Ok((StatusCode::OK, Json(shown(&app, caller, said.question).await?)));
        }
        Some(_) => return Err(Code::IdUsed.into()),
        None => {}
    }
    reports::unblocked(&app, citizen).await?;
    let areas = app.store.areas().await.map_err(stored)?;
    if !areas.iter().any(|area| area.code == said.area) {
        return Err(wrong("area is none of this bureau's"));
    }
    let who = app.store.citizen(citizen).await.map_err(stored)?.ok_or(Code::Unauthenticated)?;
    let asked = AskedQuestion {
        citizen,
        practice_area: said.practice_area,
        area: said.area,
        identity_mode: who.identity_mode,
        consent_version: who.consent_version,
        entry_source: who.entry_source,
        device: said.device.unwrap_or(DeviceClass::Web),
        chars: chars(&text),
    };
    let new =
        NewText { id: said.question.to_string(), version: 1, kind: TextKind::Question, number: 0, lawyer: None, text };
    app.questions.ask(said.question, asked, new).await.map_err(refused)?;
    Ok((StatusCode::CREATED, Json(shown(&app, caller, said.question).await?)))
}

/// `GET /api/questions/open`: what this lawyer may claim or holds, without a word of it.
pub(super) async fn open(State(app): State<Shared>, caller: Caller) -> Result<Json<Open>, Problem> {
    let lawyer = lawyer(caller)?;
    let profile = profile(&app, lawyer).await?;
    let views = app.questions.open(lawyer, profile).await.map_err(refused)?;
    let areas = app.store.areas().await.map_err(stored)?;
    let listed = |view: OpenView| {
        let area_name = areas.iter().find(|area| area.code == view.area).map(|area| area.name.clone());
        Placed { view, area_name }
    };
    Ok(Json(Open { items: views.into_iter().map(listed).collect(), now: app.clock.wall() }))
}

/// `GET /api/questions/{id}`: to a stranger, and for an id that is none, there is no such question.
pub(super) async fn read(
    State(app): State<Shared>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<Shown>, Problem> {
    let id: ConsultationId = id.parse().map_err(|_| Code::NotFound)?;
    let shown = shown(&app, caller, id).await?;
    if matches!(caller.subject, Subject::Lawyer(_)) {
        // Before the answer: a look that cannot be written down does not take place.
        let object = id.to_string();
        let noted = Noted { actor: Some(caller.subject), action: "question.read", kind: "question", object: &object };
        audit(&app, noted).await?;
    }
    Ok(Json(shown))
}

/// `POST /api/questions/{id}/follow-ups`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FollowUp {
    id: MessageId,
    text: ChatText,
}

/// `POST /api/questions/{id}/follow-ups`: free, and as often as needed.
pub(super) async fn follow_up(
    State(app): State<Shared>,
    caller: Caller,
    Path(id): Path<String>,
    Said(said): Said<FollowUp>,
) -> Result<Json<Shown>, Problem> {
    let id = own(&app, caller, &id).await?;
    reports::unblocked(&app, citizen(caller)?).await?;
    let text = text_of(said.text)?;
    let input = Input::FollowUp { text: said.id, chars: chars(&text) };
    let new = new_text(said.id.to_string(), TextKind::FollowUp, None, text);
    tell(&app, caller, id, input, vec![new]).await
}

/// `POST /api/questions/{id}/calls`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Calling {
    call: ConsultationId,
}

/// `POST /api/questions/{id}/calls`: one's own call goes on with one's own question.
pub(super) async fn link(
    State(app): State<Shared>,
    caller: Caller,
    Path(id): Path<String>,
    Said(said): Said<Calling>,
) -> Result<StatusCode, Problem> {
    let id = own(&app, caller, &id).await?;
    // What was asked on the socket a moment ago is to be there.
    app.recorder.flush().await.map_err(|_| Code::Draining)?;
    if app.store.matter_owner(said.call).await.map_err(stored)?.is_none() {
        return announce(&app, caller, id, said.call).await;
    }
    if !app.store.link_call(said.call, id, &caller.subject.id(), app.clock.wall()).await.map_err(stored)? {
        return Err(Code::NotFound.into());
    }
    Ok(StatusCode::NO_CONTENT)
}

/// A call that is asked for right after this belongs to the matter of the question from its beginning.
async fn announce(
    app: &App,
    caller: Caller,
    question: ConsultationId,
    call: ConsultationId,
) -> Result<StatusCode, Problem> {
    let (citizen, now) = (citizen(caller)?, app.clock.wall());
    let matter = app.store.matter(question).await.map_err(stored)?.ok_or(Code::NotFound)?;
    if matter.lawyer.is_none() {
        // Nobody has answered yet: a call is a matter of its own.
        return Err(Code::NotFound.into());
    }
    let how = come_back(matter.state, matter.settled_at, now).unwrap_or(Return::SameMatter);
    if app.store.intend_return(call, question, citizen, how, now).await.map_err(stored)? {
        return Ok(StatusCode::NO_CONTENT);
    }
    // Said twice is said once; an id that was used for something else is not.
    let meant = app.store.continuation(call, citizen, now).await.map_err(stored)?;
    if meant.is_some_and(|meant| meant.matter == question) {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(Code::NotFound.into())
    }
}

/// `POST /api/questions/{id}/close`: the asker is content, or takes the question back.
pub(super) async fn close(
    State(app): State<Shared>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<Shown>, Problem> {
    let id = own(&app, caller, &id).await?;
    tell(&app, caller, id, Input::Close, vec![]).await
}

/// `POST /api/questions/{id}/claim`: takes a slot; said again while writing, it is held on.
pub(super) async fn claim(
    State(app): State<Shared>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<Shown>, Problem> {
    let (lawyer, id) = (lawyer(caller)?, question(&id)?);
    let profile = profile(&app, lawyer).await?;
    app.questions.claim(id, lawyer, profile).await.map_err(hidden)?;
    shown(&app, caller, id).await.map(Json)
}

/// `POST /api/questions/{id}/release`
pub(super) async fn release(
    State(app): State<Shared>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    let (lawyer, id) = (lawyer(caller)?, question(&id)?);
    let told = app.questions.tell(id, Input::Release { lawyer }, vec![], caller.subject.id()).await;
    told.map_err(hidden)?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /api/questions/{id}/decline`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Declining {
    reason: DeclineReason,
}

/// `POST /api/questions/{id}/decline`: this lawyer is not shown the question again.
pub(super) async fn decline(
    State(app): State<Shared>,
    caller: Caller,
    Path(id): Path<String>,
    Said(said): Said<Declining>,
) -> Result<StatusCode, Problem> {
    let (lawyer, id) = (lawyer(caller)?, question(&id)?);
    seen(&app, lawyer, id).await?;
    let input = Input::Decline { lawyer, reason: said.reason };
    app.questions.tell(id, input, vec![], caller.subject.id()).await.map_err(hidden)?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /api/questions/{id}/answers`
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Answering {
    id: AnswerId,
    text: ChatText,
    outcome: Outcome,
    #[serde(default)]
    legal_aid_prompted: bool,
}

/// `POST /api/questions/{id}/answers`
pub(super) async fn answer(
    State(app): State<Shared>,
    caller: Caller,
    Path(id): Path<String>,
    Said(said): Said<Answering>,
) -> Result<Json<Shown>, Problem> {
    let (lawyer, id) = (lawyer(caller)?, question(&id)?);
    let profile = serving(&app, lawyer).await?;
    let text = text_of(said.text)?;
    let input = Input::Answer {
        lawyer,
        profile,
        answer: said.id,
        chars: chars(&text),
        outcome: said.outcome,
        legal_aid_prompted: said.legal_aid_prompted,
    };
    let new = new_text(said.id.to_string(), TextKind::Answer, Some(lawyer), text);
    tell(&app, caller, id, input, vec![new]).await
}

/// `POST /api/questions/{id}/answers/{answer}`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Amending {
    version: u32,
    text: ChatText,
}

/// `POST /api/questions/{id}/answers/{answer}`: a further version; what was written stays.
pub(super) async fn amend(
    State(app): State<Shared>,
    caller: Caller,
    Path((id, answer)): Path<(String, String)>,
    Said(said): Said<Amending>,
) -> Result<Json<Shown>, Problem> {
    let (lawyer, id) = (lawyer(caller)?, question(&id)?);
    let answer: AnswerId = answer.parse().map_err(|_| Code::NotFound)?;
    serving(&app, lawyer).await?;
    let text = text_of(said.text)?;
    let input = Input::Amend { lawyer, answer, version: said.version, chars: chars(&text) };
    let version = said.version.saturating_add(1);
    let new = NewText { version, ..new_text(answer.to_string(), TextKind::Answer, Some(lawyer), text) };
    tell(&app, caller, id, input, vec![new]).await
}

/// `POST /api/questions/{id}/replies`
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Replying {
    id: MessageId,
    /// The number of the follow-up.
    follow_up: u32,
    text: ChatText,
}

/// `POST /api/questions/{id}/replies`: by whoever has answered.
pub(super) async fn reply(
    State(app): State<Shared>,
    caller: Caller,
    Path(id): Path<String>,
    Said(said): Said<Replying>,
) -> Result<Json<Shown>, Problem> {
    let (lawyer, id) = (lawyer(caller)?, question(&id)?);
    serving(&app, lawyer).await?;
    let text = text_of(said.text)?;
    let input = Input::Reply { lawyer, text: said.id, number: said.follow_up, chars: chars(&text) };
    let number = said.follow_up;
    let new = NewText { number, ..new_text(said.id.to_string(), TextKind::Reply, Some(lawyer), text) };
    tell(&app, caller, id, input, vec![new]).await
}

async fn tell(
    app: &App,
    caller: Caller,
    id: ConsultationId,
    input: Input,
    texts: Vec<NewText>,
) -> Result<Json<Shown>, Problem> {
    let sent: Vec<NewText> = texts.iter().filter(|text| text.version == 1).cloned().collect();
    only_once(app, id, &sent).await?;
    app.questions.tell(id, input, texts, caller.subject.id()).await.map_err(hidden)?;
    // Of two that came in the same moment the machine took one.
    only_once(app, id, &sent).await?;
    shown(app, caller, id).await.map(Json)
}

/// Sent twice is one; the same id with other words, or for something else, is refused.
async fn only_once(app: &App, question: ConsultationId, sent: &[NewText]) -> Result<(), Problem> {
    for text in sent {
        if app.store.is_written_otherwise(question, text).await.map_err(stored)? {
            return Err(Code::IdUsed.into());
        }
    }
    Ok(())
}

/// Whether this caller may read a question; `true` for all of it, `false` for what its asker wrote.
pub(super) async fn may_read(app: &App, caller: Caller, id: ConsultationId) -> Result<bool, Problem> {
    let row = app.store.question(id).await.map_err(stored)?.ok_or(Code::NotFound)?;
    rights(app, caller, &row).await.map(|(_, answered)| answered)
}

/// Until when this caller holds a slot, and whether they read all of it.
async fn rights(app: &App, caller: Caller, row: &QuestionRow) -> Result<(Option<Timestamp>, bool), Problem> {
    match caller.subject {
        Subject::Citizen(citizen) if citizen == row.citizen => Ok((None, true)),
        Subject::Lawyer(lawyer) => {
            let held = app.questions.held(row.question, lawyer).await.map_err(refused)?.and_then(|held| held.until);
            let answered = app.store.has_answered(row.question, lawyer).await.map_err(stored)?;
            if held.is_none() && !answered {
                return Err(Code::NotFound.into());
            }
            Ok((held, answered))
        }
        Subject::Citizen(_) | Subject::Staff(..) => Err(Code::NotFound.into()),
    }
}

/// The question as this caller may see it.
async fn shown(app: &App, caller: Caller, id: ConsultationId) -> Result<Shown, Problem> {
    let row = app.store.question(id).await.map_err(stored)?.ok_or(Code::NotFound)?;
    let (held_until, answered) = rights(app, caller, &row).await?;
    let mut texts = app.store.question_texts(id).await.map_err(stored)?;
    if !answered {
        // Who has not answered yet is not to copy others, nor to be led by them.
        texts.retain(|text| matches!(text.kind, TextKind::Question | TextKind::FollowUp));
    }
    let mut attachments = app.store.attachments(id).await.map_err(stored)?;
    attachments.retain(|attachment| texts.iter().any(|text| text.id == attachment.text));
    let mut calls = app.store.calls_of_question(id).await.map_err(stored)?;
    let mut matter = None;
    match caller.subject {
        Subject::Lawyer(lawyer) => calls.retain(|call| call.lawyer.as_ref().is_some_and(|of| of.id == lawyer)),
        Subject::Citizen(_) | Subject::Staff(..) => {
            let found = app.store.matter(id).await.map_err(stored)?;
            matter = found.map(|matter| listed(app, caller, matter));
        }
    }
    Ok(Shown { row, slots: SLOTS, held_until, texts, attachments, calls, matter, now: app.clock.wall() })
}

/// A question that the caller may have heard of: open to them, held or answered by them.
async fn seen(app: &App, lawyer: LawyerId, id: ConsultationId) -> Result<(), Problem> {
    let profile = profile(app, lawyer).await?;
    let open = app.questions.open(lawyer, profile).await.map_err(refused)?;
    if open.iter().any(|view| view.question == id) { Ok(()) } else { Err(Code::NotFound.into()) }
}

async fn own(app: &App, caller: Caller, id: &str) -> Result<ConsultationId, Problem> {
    let (citizen, id) = (citizen(caller)?, question(id)?);
    let row = app.store.question(id).await.map_err(stored)?.filter(|row| row.citizen == citizen);
    row.map(|row| row.question).ok_or_else(|| Code::NotFound.into())
}

fn question(id: &str) -> Result<ConsultationId, Problem> {
    id.parse().map_err(|_| Code::NotFound.into())
}

fn citizen(caller: Caller) -> Result<CitizenId, Problem> {
    match caller.subject {
        Subject::Citizen(id) => Ok(id),
        Subject::Lawyer(_) | Subject::Staff(..) => Err(Code::NotAllowed.into()),
    }
}

fn lawyer(caller: Caller) -> Result<LawyerId, Problem> {
    match caller.subject {
        Subject::Lawyer(id) => Ok(id),
        Subject::Citizen(_) | Subject::Staff(..) => Err(Code::NotAllowed.into()),
    }
}

/// As the bureau has the lawyer on its books in this moment.
async fn profile(app: &App, lawyer: LawyerId) -> Result<Profile, Problem> {
    let lawyer = app.store.lawyer(lawyer).await.map_err(stored)?.ok_or(Code::Unauthenticated)?;
    Ok(lawyer.profile())
}

/// The same of a lawyer who may serve now.
pub(super) async fn serving(app: &App, lawyer: LawyerId) -> Result<Profile, Problem> {
    let profile = profile(app, lawyer).await?;
    if profile.may_serve { Ok(profile) } else { Err(Code::NotAllowed.into()) }
}

fn new_text(id: String, kind: TextKind, lawyer: Option<LawyerId>, text: String) -> NewText {
    NewText { id, version: 1, kind, number: 0, lawyer, text }
}

fn text_of(text: ChatText) -> Result<String, Problem> {
    let text = text.into_inner();
    let text = text.trim();
    if text.is_empty() || text.chars().count() > MAX_TEXT_CHARS {
        return Err(wrong(format!("text has 1 to {MAX_TEXT_CHARS} characters")));
    }
    Ok(text.to_owned())
}

fn chars(text: &str) -> u32 {
    u32::try_from(text.chars().count()).unwrap_or(u32::MAX)
}

/// What a refusal of the board looks like to somebody who may know of the question.
fn refused(why: Refused) -> Problem {
    match why {
        Refused::NoSuchQuestion => Code::NotFound.into(),
        Refused::Full => Code::Overloaded.into(),
        Refused::Stopping => Code::Draining.into(),
        Refused::Storage(error) => stored(error),
        Refused::Session(SessionError::Taken) => Code::Taken.into(),
        Refused::Session(SessionError::Over) => Code::Over.into(),
        Refused::Session(SessionError::NotFound) => Code::NotFound.into(),
        Refused::Session(SessionError::Unexpected) => Code::ChangedMeanwhile.into(),
        Refused::Session(SessionError::NotAllowed) => Code::NotAllowed.into(),
        Refused::Session(too @ SessionError::TooMany(_)) => Problem::from(Code::TooMany).because(too.to_string()),
        Refused::Session(other) => Problem::from(Code::BadMessage).because(other.to_string()),
    }
}

/// The same to somebody who may not: what is not theirs is not there.
fn hidden(why: Refused) -> Problem {
    match why {
        Refused::Session(SessionError::NotAllowed) => Code::NotFound.into(),
        other => refused(other),
    }
}
