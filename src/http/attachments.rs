//! Pictures, PDF and voice messages of text questions: taken in parts, never whole in memory, and given to those only who may read.
use std::sync::Arc;

use axum::{
    Json,
    body::{Body, Bytes},
    extract::{Path, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::Response,
};
use futures_util::{StreamExt as _, stream};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use tokio::sync::Semaphore;
use uuid::Uuid;
use yunfa_signaling::ids::ConsultationId;

use super::{
    body::Asked,
    door::{Caller, stored},
    problem::{Code, Problem},
    questions, reports,
};
use crate::{
    app::{App, Shared},
    domain::{
        attachment::{HEAD_BYTES, MAX_BYTES, MediaType},
        people::Subject,
    },
    storage::attachments::{AttachmentRow, NewAttachment},
};

/// Bytes of a part: what one upload or download holds in memory.
const PART_BYTES: usize = 256 * 1024;
/// Attachments that are taken in at once; the next one hears when to come back.
pub const UPLOADS: usize = 16;

/// The places for attachments that are taken in.
pub type Uploads = Arc<Semaphore>;

/// `POST /api/questions/{id}/attachments?text=`
#[derive(Debug, Deserialize)]
pub(super) struct Of {
    text: String,
}

/// Answers it.
#[derive(Serialize)]
pub(super) struct Added {
    id: String,
}

/// `POST /api/questions/{id}/attachments?text=`: the file as it is, by whoever wrote that text.
pub(super) async fn add(
    State(app): State<Shared>,
    caller: Caller,
    Path(id): Path<String>,
    Asked(of): Asked<Of>,
    headers: HeaderMap,
    body: Body,
) -> Result<(StatusCode, Json<Added>), Problem> {
    let question: ConsultationId = id.parse().map_err(|_| Code::NotFound)?;
    questions::may_read(&app, caller, question).await?;
    let author = app.store.text_owner(question, &of.text).await.map_err(stored)?.ok_or(Code::NotFound)?;
    let is_own = match (caller.subject, author) {
        (Subject::Citizen(_), None) => true,
        (Subject::Lawyer(lawyer), Some(author)) => lawyer == author,
        _ => false,
    };
    if !is_own {
        return Err(Code::NotFound.into());
    }
    match (caller.subject, author) {
        (Subject::Citizen(citizen), _) => reports::unblocked(&app, citizen).await?,
        (_, Some(lawyer)) => drop(questions::serving(&app, lawyer).await?),
        (_, None) => {}
    }
    let length = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if length.is_some_and(|length| length > MAX_BYTES) {
        return Err(Code::TooLarge.into());
    }
    if !app.store.may_be_attached_to(question, &of.text).await.map_err(stored)? {
        return Err(Problem::from(Code::TooMany).because("attachments"));
    }
    let Ok(_turn) = app.uploads.clone().try_acquire_owned() else { return Err(Code::Overloaded.into()) };
    let attachment = app.clock.mint::<Uuid>().to_string();
    let taken = take(&app, &attachment, body).await;
    let kept = match taken {
        Ok(Taken { media_type, bytes, parts, hash }) => {
            let new = NewAttachment { id: &attachment, question, text: &of.text, media_type, bytes, parts, hash };
            let actor = caller.subject.id();
            match app.store.finish_attachment(new, &actor, app.clock.wall()).await {
                Ok(true) => Ok(()),
                Ok(false) => Err(Problem::from(Code::TooMany).because("attachments")),
                Err(error) => Err(stored(error)),
            }
        }
        Err(refused) => Err(refused),
    };
    if let Err(refused) = kept {
        if let Err(error) = app.store.drop_attachment_parts(&attachment).await {
            tracing::warn!("parts of a refused attachment wait for the purge: {error}");
        }
        return Err(refused);
    }
    app.questions.changed(question).await;
    Ok((StatusCode::CREATED, Json(Added { id: attachment })))
}

/// What was taken in.
struct Taken {
    media_type: MediaType,
    bytes: usize,
    parts: u32,
    hash: [u8; 32],
}

/// Takes the body part by part. What it is is known before the first part is kept.
async fn take(app: &App, attachment: &str, body: Body) -> Result<Taken, Problem> {
    let mut stream = body.into_data_stream();
    let mut part = Vec::new();
    let (mut media_type, mut bytes, mut parts, mut hash) = (None, 0_usize, 0_u32, Sha256::new());
    while let Some(chunk) = stream.next().await {
        // A connection that broke: nobody will read this.
        let chunk: Bytes = chunk.map_err(|_| Code::BadMessage)?;
        bytes += chunk.len();
        if bytes > MAX_BYTES {
            return Err(Code::TooLarge.into());
        }
        hash.update(&chunk);
        let mut rest = &chunk[..];
        while !rest.is_empty() {
            let (now, later) = rest.split_at(rest.len().min(PART_BYTES - part.len()));
            part.extend_from_slice(now);
            rest = later;
            if media_type.is_none() && part.len() >= HEAD_BYTES {
                media_type = Some(MediaType::sniff(&part).ok_or(Code::NotThisKind)?);
            }
            if part.len() == PART_BYTES {
                app.store.put_attachment_part(attachment, parts, &part).await.map_err(stored)?;
                parts += 1;
                part.clear();
            }
        }
    }
    let media_type = match media_type {
        Some(media_type) => media_type,
        None => MediaType::sniff(&part).ok_or(Code::NotThisKind)?,
    };
    if !part.is_empty() {
        app.store.put_attachment_part(attachment, parts, &part).await.map_err(stored)?;
        parts += 1;
    }
    Ok(Taken { media_type, bytes, parts, hash: hash.finalize().into() })
}

/// `GET /api/attachments/{id}`: part by part; to a stranger there is no such attachment.
pub(super) async fn read(
    State(app): State<Shared>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let id: Uuid = id.parse().map_err(|_| Code::NotFound)?;
    let row = app.store.attachment(&id.to_string()).await.map_err(stored)?.ok_or(Code::NotFound)?;
    let has_answered = questions::may_read(&app, caller, row.question).await?;
    // Who has not answered yet sees what the asker wrote, and so what the asker attached.
    let author = app.store.text_owner(row.question, &row.text).await.map_err(stored)?.ok_or(Code::NotFound)?;
    if author.is_some() && !has_answered {
        return Err(Code::NotFound.into());
    }
    let AttachmentRow { id, media_type, bytes, parts, .. } = row;
    let how = if media_type == MediaType::Pdf { "attachment" } else { "inline" };
    let name = format!("{how}; filename=\"{}.{}\"", &id[..8], media_type.extension());
    let first = app.store.attachment_part(&id, 0).await.map_err(stored)?;
    let rest = stream::unfold((app, id, 1_u32), move |(app, id, number)| async move {
        if number >= parts {
            return None;
        }
        let part = app.store.attachment_part(&id, number).await;
        if let Err(error) = &part {
            tracing::warn!("an attachment could not be read to its end: {error}");
        }
        Some((part.map(Bytes::from), (app, id, number + 1)))
    });
    // A layer above may ask once more after the end.
    let body = Body::from_stream(stream::iter([Ok(Bytes::from(first))]).chain(rest).fuse());
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type.as_str()));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(bytes));
    // Whole or not at all: pages fetch a file before they show it.
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("none"));
    headers
        .insert(header::CONTENT_DISPOSITION, HeaderValue::from_str(&name).map_err(|error| Problem::internal(&error))?);
    // Whatever is in it: it loads nothing, runs nothing, and has no origin.
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; sandbox"));
    Ok(response)
}
