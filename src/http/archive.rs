//! One matter whole: its chain for pages, and its file as one archive; what a reader may see of it, and no more.
use axum::{
    Json,
    extract::{Path, State},
    http::{HeaderMap, HeaderValue, header},
};
use serde::Serialize;
use sha2::{Digest, Sha256};
use yunfa_signaling::ids::ConsultationId;

use super::{
    auth::{Noted, audit, audit_of},
    door::{Caller, stored},
    matters::{Listed, found, listed},
    policy::Action,
    problem::{Code, Problem},
};
use crate::{
    app::{App, Shared},
    domain::{
        archive::{Entry, local_time, pack, table},
        matter::MatterKind,
        people::Subject,
    },
    storage::{
        ChatLine, SessionRow,
        attachments::AttachmentRow,
        chain::{Chain, SealedBytes},
        matters::MatterRow,
        questions::QuestionRow,
    },
};

/// Bytes of attachments in one archive: all of them, as pages send photos; what does not fit is named and left out.
const MOST_ATTACHED: u64 = 64 * 1024 * 1024;

/// Answers `GET /api/matters/{id}`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Whole {
    #[serde(flatten)]
    listed: Listed,
    /// Its sessions, in order.
    sessions: Vec<SessionRow>,
    /// The text question that began it, or with which it goes on: without a word of it.
    asked: Option<QuestionRow>,
}

/// `GET /api/matters/{id}`: to a stranger there is no such matter; every look is audited.
pub(super) async fn read(
    State(app): State<Shared>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<Whole>, Problem> {
    let row = found(&app, caller, Action::ReadMatter, &id).await?;
    let object = row.matter.to_string();
    audit(&app, Noted { actor: Some(caller.subject), action: "matter.read", kind: "matter", object: &object }).await?;
    let chain = chain(&app, caller, &row).await?;
    let asked = match row.question {
        Some(question) => app.store.question(question).await.map_err(stored)?,
        None => None,
    };
    Ok(Json(Whole { listed: listed(&app, caller, row), sessions: chain.sessions, asked }))
}

/// What of the chain is this caller's to see: a lawyer's own part, everything for the asker and for supervisors.
async fn chain(app: &App, caller: Caller, row: &MatterRow) -> Result<Chain, Problem> {
    let chain = app.store.chain(row.matter).await.map_err(stored)?;
    Ok(match caller.subject {
        Subject::Lawyer(lawyer) => chain.of_lawyer(lawyer),
        Subject::Citizen(_) | Subject::Staff(..) => chain,
    })
}

/// What says what the archive holds.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Manifest<'a> {
    /// Rises when a file changes its meaning.
    format: u32,
    matter: &'a Listed,
    /// For whom it was made; others see other parts.
    reader: &'static str,
    /// Whether what was written is in it.
    messages: bool,
    files: Vec<FileOf>,
}

#[derive(Serialize)]
struct FileOf {
    name: String,
    sha256: String,
}

/// One audit entry that proves a record.
#[derive(Serialize)]
struct Proof<'a> {
    record: String,
    hash: &'a str,
    seq: i64,
    leaf: &'a str,
    /// As it was hashed: SHA-256 of a zero byte and these bytes is the leaf (RFC 6962 section 2.1).
    entry: &'a str,
}

/// One line that was written.
#[derive(Serialize)]
struct Line<'a> {
    number: u32,
    role: &'static str,
    /// A third party's line is told from the lawyer's by the legs of the record.
    leg: String,
    at: i64,
    text: &'a str,
}

/// `GET /api/matters/{id}/archive`: everything of the matter that this reader may see, as one file.
pub(super) async fn export(
    State(app): State<Shared>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<(HeaderMap, Vec<u8>), Problem> {
    let row = found(&app, caller, Action::ExportMatter, &id).await?;
    let chain = chain(&app, caller, &row).await?;
    let name = row.matter.to_string();
    let mut entries: Vec<_> = chain.records.iter().enumerate().map(|(n, record)| sealed(n, record)).collect();
    entries.push(summary(&chain.records));
    entries.push(proofs(&chain.records));
    // What was written is for asker and answering lawyer alone; a supervisor gets metadata.
    let messages = !matches!(caller.subject, Subject::Staff(..));
    if messages {
        for (n, session) in chain.session_ids().into_iter().enumerate() {
            let lines = app.store.chat(session).await.map_err(stored)?;
            if !lines.is_empty() {
                entries.push(written(n, &session.to_string(), &lines));
            }
        }
    }
    // Files may be large: one archive with them is made at a time.
    let mut turn = None;
    if row.kind == MatterKind::Question && reads_question(&app, caller, row.matter).await? {
        turn = Some(app.archives.acquire().await.map_err(|error| Problem::internal(&error))?);
        question(&app, row.matter, &mut entries).await?;
    }
    let files = entries.iter().map(|entry| FileOf { name: entry.name.clone(), sha256: entry.hash() }).collect();
    let reader = caller.subject.role().as_str();
    let matter = listed(&app, caller, row).without_offers();
    let manifest = Manifest { format: 1, matter: &matter, reader, messages, files };
    entries.insert(0, Entry::json("manifest.json", &manifest));
    let bytes = pack(&entries).map_err(|error| Problem::internal(&error))?;
    drop((entries, turn));
    // Before the answer: what cannot be written down is not handed out.
    let hash = Sha256::digest(&bytes).into();
    let noted = Noted { actor: Some(caller.subject), action: "matter.exported", kind: "matter", object: &name };
    audit_of(&app, noted, hash).await?;
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/zip"));
    let disposition = format!("attachment; filename=\"matter-{name}.zip\"");
    let disposition = HeaderValue::from_str(&disposition).map_err(|_| Problem::from(Code::Internal))?;
    headers.insert(header::CONTENT_DISPOSITION, disposition);
    Ok((headers, bytes))
}

/// Whether what was written in a question is this reader's: the asker's, and that of whoever answered.
async fn reads_question(app: &App, caller: Caller, id: ConsultationId) -> Result<bool, Problem> {
    match caller.subject {
        Subject::Citizen(_) => Ok(true),
        Subject::Lawyer(lawyer) => app.store.has_answered(id, lawyer).await.map_err(stored),
        Subject::Staff(..) => Ok(false),
    }
}

/// What was attached, and where it is in the archive.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AttachmentOf {
    #[serde(flatten)]
    row: AttachmentRow,
    /// `null`: left out, because the archive would be too large; it can be read by itself.
    file: Option<String>,
}

/// What was written, every version, and what was attached to it.
async fn question(app: &App, id: ConsultationId, entries: &mut Vec<Entry>) -> Result<(), Problem> {
    let texts = app.store.question_texts(id).await.map_err(stored)?;
    entries.push(Entry::json("question/texts.json", &texts));
    let (mut room, mut list, mut files) = (MOST_ATTACHED, vec![], vec![]);
    for (n, row) in app.store.attachments(id).await.map_err(stored)?.into_iter().enumerate() {
        let mut file = None;
        if row.bytes <= room {
            room -= row.bytes;
            let name = format!("question/attachments/{:02}-{}.{}", n + 1, row.id, row.media_type.extension());
            let mut bytes = vec![];
            for part in 0..row.parts {
                bytes.extend(app.store.attachment_part(&row.id, part).await.map_err(stored)?);
            }
            files.push(Entry { name: name.clone(), bytes });
            file = Some(name);
        }
        list.push(AttachmentOf { row, file });
    }
    if !list.is_empty() {
        entries.push(Entry::json("question/attachments.json", &list));
        entries.append(&mut files);
    }
    Ok(())
}

/// A record, byte for byte as it was hashed.
fn sealed(n: usize, record: &SealedBytes) -> Entry {
    Entry { name: format!("records/{:02}-{}.json", n + 1, record.record), bytes: record.body.clone().into_bytes() }
}

fn summary(records: &[SealedBytes]) -> Entry {
    let head = ["record", "session", "date", "sealedAt", "outcome", "twoWayS", "payable", "sha256"];
    let rows: Vec<_> = records
        .iter()
        .map(|record| {
            vec![
                record.record.to_string(),
                record.source.clone(),
                record.local_date.clone(),
                local_time(record.sealed_at),
                record.outcome.clone(),
                record.two_way_s.to_string(),
                record.payable.to_string(),
                record.hash.clone(),
            ]
        })
        .collect();
    Entry { name: "records.csv".to_owned(), bytes: table(&head, &rows) }
}

fn proofs(records: &[SealedBytes]) -> Entry {
    let proofs: Vec<_> = records
        .iter()
        .map(|record| Proof {
            record: record.record.to_string(),
            hash: &record.hash,
            seq: record.seq,
            leaf: &record.leaf,
            entry: &record.entry,
        })
        .collect();
    Entry::json("audit.json", &proofs)
}

fn written(n: usize, session: &str, lines: &[ChatLine]) -> Entry {
    let lines: Vec<_> = lines
        .iter()
        .map(|line| Line {
            number: line.number,
            role: line.role.as_str(),
            leg: line.from.to_string(),
            at: line.at.0,
            text: line.text.expose(),
        })
        .collect();
    Entry::json(format!("messages/{:02}-{session}.json", n + 1), &lines)
}
