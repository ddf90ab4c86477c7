//! Attachments of text questions: their parts sealed one by one, so that none is ever whole in memory; what was never finished is purged.
use serde::Serialize;
use yunfa_signaling::{ids::ConsultationId, time::Timestamp};

use super::{
    AuditNote, StorageError, Store, audit,
    keys::{Place, Sealed},
    row::{Columns, statements},
};
use crate::domain::attachment::{MAX_PER_QUESTION, MAX_PER_TEXT, MediaType};

statements! {
    PUT_PART = "INSERT INTO question_attachment_parts (attachment, number, part_sealed) VALUES ($1, $2, $3)";
    PART = "SELECT attachment AS id, part_sealed FROM question_attachment_parts WHERE attachment = $1 AND number = $2";
    DROP_PARTS = "DELETE FROM question_attachment_parts WHERE attachment = $1";
    COUNT = "SELECT COUNT(*) AS n, COALESCE(SUM(CASE WHEN text = $2 THEN 1 ELSE 0 END), 0) AS of_text FROM question_attachments WHERE question = $1";
    INSERT_ATTACHMENT = "INSERT INTO question_attachments (id, question, text, media_type, bytes, parts, hash, created_at) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    ATTACHMENT = "SELECT id, question, text, media_type, bytes, parts, created_at FROM question_attachments WHERE id = $1";
    ATTACHMENTS = "SELECT id, question, text, media_type, bytes, parts, created_at FROM question_attachments WHERE question = $1 ORDER BY created_at, id";
    /// Ids are UUID v7: they sort by the time at which they were minted.
    PURGE_PARTS = "DELETE FROM question_attachment_parts WHERE attachment < $1 \
        AND NOT EXISTS (SELECT 1 FROM question_attachments a WHERE a.id = question_attachment_parts.attachment)";
}

/// One attachment without its bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AttachmentRow {
    /// Which.
    pub id: String,
    /// Of which question; not shown.
    #[serde(skip)]
    pub question: ConsultationId,
    /// Of which text.
    pub text: String,
    /// As the server found it to be.
    pub media_type: MediaType,
    /// How many bytes.
    pub bytes: u64,
    /// In how many parts they are kept; not shown.
    #[serde(skip)]
    pub parts: u32,
    /// Since when.
    pub created_at: Timestamp,
}

/// An attachment whose parts are all kept.
#[derive(Clone, Copy, Debug)]
pub struct NewAttachment<'a> {
    /// Minted by the server.
    pub id: &'a str,
    /// Of which question.
    pub question: ConsultationId,
    /// Of which text.
    pub text: &'a str,
    /// As its bytes say.
    pub media_type: MediaType,
    /// How many bytes.
    pub bytes: usize,
    /// In how many parts.
    pub parts: u32,
    /// SHA-256 of all bytes.
    pub hash: [u8; 32],
}

impl Store {
    /// Keeps one part of an attachment, sealed.
    pub async fn put_attachment_part(&self, id: &str, number: u32, bytes: &[u8]) -> Result<(), StorageError> {
        let key = part_key(id, number);
        let sealed = self.keys().seal(part_of(&key), bytes)?;
        sqlx::query(PUT_PART).bind(id).bind(i64::from(number)).bind(sealed.into_bytes()).execute(self.write()).await?;
        Ok(())
    }

    /// One part of an attachment, opened.
    pub async fn attachment_part(&self, id: &str, number: u32) -> Result<Vec<u8>, StorageError> {
        let row = sqlx::query(PART).bind(id).bind(i64::from(number)).fetch_optional(self.read()).await?;
        let row = row.ok_or_else(|| StorageError::inconsistent("question_attachments", id, "a part is missing"))?;
        let sealed = Sealed::from_bytes(Columns::of("question_attachment_parts", &row).bytes("part_sealed")?);
        Ok(self.keys().open(part_of(&part_key(id, number)), &sealed)?.to_vec())
    }

    /// Deletes the parts of an attachment that will not be finished.
    pub async fn drop_attachment_parts(&self, id: &str) -> Result<(), StorageError> {
        sqlx::query(DROP_PARTS).bind(id).execute(self.write()).await?;
        Ok(())
    }

    /// Makes an attachment of its parts; `false` when its text, or its question, has as many as it may.
    pub async fn finish_attachment(
        &self,
        new: NewAttachment<'_>,
        actor: &str,
        now: Timestamp,
    ) -> Result<bool, StorageError> {
        let question = new.question.to_string();
        let mut tx = self.begin().await?;
        // The audit log's head is locked first, so that two that finish at once are counted one after the other.
        let note = AuditNote {
            actor,
            action: "question.attached",
            object_kind: "question",
            object: &question,
            hash: new.hash,
        };
        audit::append(&mut tx, &note, now).await?;
        let row = sqlx::query(COUNT).bind(&question).bind(new.text).fetch_one(&mut *tx).await?;
        if !has_room(&row)? {
            return Ok(false);
        }
        sqlx::query(INSERT_ATTACHMENT)
            .bind(new.id)
            .bind(&question)
            .bind(new.text)
            .bind(new.media_type.as_str())
            .bind(i64::try_from(new.bytes).unwrap_or(i64::MAX))
            .bind(i64::from(new.parts))
            .bind(new.hash.to_vec())
            .bind(now.0)
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(true)
    }

    /// One attachment without its bytes.
    pub async fn attachment(&self, id: &str) -> Result<Option<AttachmentRow>, StorageError> {
        let row = sqlx::query(ATTACHMENT).bind(id).fetch_optional(self.read()).await?;
        row.as_ref().map(attachment).transpose()
    }

    /// The attachments of a question, without their bytes.
    pub async fn attachments(&self, question: ConsultationId) -> Result<Vec<AttachmentRow>, StorageError> {
        let rows = sqlx::query(ATTACHMENTS).bind(question.to_string()).fetch_all(self.read()).await?;
        rows.iter().map(attachment).collect()
    }

    /// Whether a text may have one attachment more.
    pub async fn may_be_attached_to(&self, question: ConsultationId, text: &str) -> Result<bool, StorageError> {
        let row = sqlx::query(COUNT).bind(question.to_string()).bind(text).fetch_one(self.read()).await?;
        has_room(&row)
    }

    /// Deletes parts that no attachment was made of, begun before this time.
    pub async fn purge_attachment_parts(&self, before: Timestamp) -> Result<u64, StorageError> {
        let ms = u64::try_from(before.0).unwrap_or(0);
        let first = uuid::Builder::from_unix_timestamp_millis(ms, &[0; 10]).into_uuid().to_string();
        Ok(sqlx::query(PURGE_PARTS).bind(first).execute(self.write()).await?.rows_affected())
    }
}

fn has_room(row: &sqlx::any::AnyRow) -> Result<bool, StorageError> {
    let of = Columns::of("question_attachments", row);
    Ok((of.count("of_text")? as usize) < MAX_PER_TEXT && (of.count("n")? as usize) < MAX_PER_QUESTION)
}

fn part_key(id: &str, number: u32) -> String {
    format!("{id}/{number}")
}

const fn part_of(row: &str) -> Place<'_> {
    Place { table: "question_attachment_parts", row, column: "part_sealed" }
}

fn attachment(row: &sqlx::any::AnyRow) -> Result<AttachmentRow, StorageError> {
    let of = Columns::of("question_attachments", row);
    Ok(AttachmentRow {
        id: of.text("id")?,
        question: of.parsed("question")?,
        text: of.text("text")?,
        media_type: of.parsed("media_type")?,
        bytes: u64::try_from(of.int("bytes")?).map_err(|error| of.wrong("bytes", error))?,
        parts: of.count("parts")?,
        created_at: of.time("created_at")?,
    })
}
