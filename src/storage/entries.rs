//! A lawyer's entry: written down, written over, with everything that belongs to it.
use sqlx::{Any, Transaction};
use yunfa_signaling::{
    ids::{AreaCode, LawyerId},
    time::Timestamp,
};

use super::{AuditNote, StorageError, audit, error::is_taken, row::statements};
use crate::domain::{
    import::people::Entry,
    people::{LicenceNo, Qualification},
};

statements! {
    INSERT = "INSERT INTO lawyers (id, name, provider_type, firm, pool, public_office, licence_no, qualification, area, languages, created_at) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
    CHANGE = "UPDATE lawyers SET name = $2, provider_type = $3, pool = $4, public_office = $5, licence_no = $6, area = $7, languages = $8, \
        version = version + 1 WHERE id = $1 AND (version = $9 OR $9 = -1) AND qualification <> 'REMOVED'";
    UNCOVER = "DELETE FROM lawyer_practice_areas WHERE lawyer = $1";
    /// All areas in one statement: a firm of thousands is brought in within a request.
    COVER = "INSERT INTO lawyer_practice_areas (lawyer, practice_area) SELECT CAST($1 AS TEXT), x.word FROM (SELECT CAST($2 AS TEXT) AS word \
        UNION ALL SELECT CAST($3 AS TEXT) UNION ALL SELECT CAST($4 AS TEXT) UNION ALL SELECT CAST($5 AS TEXT) UNION ALL SELECT CAST($6 AS TEXT) \
        UNION ALL SELECT CAST($7 AS TEXT) UNION ALL SELECT CAST($8 AS TEXT) UNION ALL SELECT CAST($9 AS TEXT) UNION ALL SELECT CAST($10 AS TEXT) \
        UNION ALL SELECT CAST($11 AS TEXT) UNION ALL SELECT CAST($12 AS TEXT) UNION ALL SELECT CAST($13 AS TEXT) UNION ALL SELECT CAST($14 AS TEXT)) x \
        WHERE x.word <> ''";
    LEAVE_VILLAGES = "DELETE FROM lawyer_villages WHERE lawyer = $1";
    ADVISE = "INSERT INTO lawyer_villages (lawyer, village) VALUES ($1, $2)";
}

/// Practice areas that the statement above takes.
const MOST_AREAS: usize = 13;

/// Writes a new person down, as having applied.
pub(super) async fn insert(
    tx: &mut Transaction<'static, Any>,
    id: LawyerId,
    firm: Option<&str>,
    entry: &Entry,
    now: Timestamp,
) -> Result<(), StorageError> {
    let done = sqlx::query(INSERT)
        .bind(id.to_string())
        .bind(entry.name.expose())
        .bind(entry.provider_type.as_str())
        .bind(firm)
        .bind(entry.pool.as_str())
        .bind(i64::from(entry.public_office))
        .bind(entry.licence.as_ref().map(LicenceNo::expose))
        .bind(Qualification::Applied.as_str())
        .bind(entry.home.as_ref().map(AreaCode::as_str))
        .bind(languages(entry))
        .bind(now.0)
        .execute(&mut **tx)
        .await;
    match done {
        Err(error) if is_taken(&error) => return Err(StorageError::Duplicate("the licence")),
        done => done?,
    };
    spread(tx, id, entry).await
}

/// Writes over what is known of a person; `false` when that is not what it was, or the person is gone.
pub(super) async fn change(
    tx: &mut Transaction<'static, Any>,
    id: LawyerId,
    version: Option<i64>,
    entry: &Entry,
) -> Result<bool, StorageError> {
    let text = id.to_string();
    let done = sqlx::query(CHANGE)
        .bind(&text)
        .bind(entry.name.expose())
        .bind(entry.provider_type.as_str())
        .bind(entry.pool.as_str())
        .bind(i64::from(entry.public_office))
        .bind(entry.licence.as_ref().map(LicenceNo::expose))
        .bind(entry.home.as_ref().map(AreaCode::as_str))
        .bind(languages(entry))
        .bind(version.unwrap_or(-1))
        .execute(&mut **tx)
        .await;
    let changed = match done {
        Err(error) if is_taken(&error) => return Err(StorageError::Duplicate("the licence")),
        done => done?.rows_affected() == 1,
    };
    if changed {
        for statement in [UNCOVER, LEAVE_VILLAGES] {
            sqlx::query(statement).bind(&text).execute(&mut **tx).await?;
        }
        spread(tx, id, entry).await?;
    }
    Ok(changed)
}

/// Writes down what a person answers and whose adviser they are.
async fn spread(tx: &mut Transaction<'static, Any>, id: LawyerId, entry: &Entry) -> Result<(), StorageError> {
    let text = id.to_string();
    let mut cover = sqlx::query(COVER).bind(&text);
    for n in 0..MOST_AREAS {
        cover = cover.bind(entry.areas.get(n).map_or("", |area| area.as_str()));
    }
    cover.execute(&mut **tx).await?;
    for village in &entry.villages {
        advise(tx, id, village.as_str()).await?;
    }
    Ok(())
}

/// Makes a lawyer the adviser of one more village.
pub(super) async fn advise(
    tx: &mut Transaction<'static, Any>,
    id: LawyerId,
    village: &str,
) -> Result<(), StorageError> {
    sqlx::query(ADVISE).bind(id.to_string()).bind(village).execute(&mut **tx).await?;
    Ok(())
}

pub(super) async fn note(
    tx: &mut Transaction<'static, Any>,
    action: &str,
    id: LawyerId,
    actor: &str,
    now: Timestamp,
) -> Result<(), StorageError> {
    let object = id.to_string();
    let note = AuditNote { actor, action, object_kind: "lawyer", object: &object, hash: [0; 32] };
    audit::append(tx, &note, now).await.map(drop)
}

fn languages(entry: &Entry) -> String {
    entry.languages.iter().map(|language| language.as_str()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use yunfa_signaling::words::PracticeArea;

    use super::*;

    #[test]
    fn one_statement_takes_every_practice_area() {
        assert_eq!(PracticeArea::ALL.len(), MOST_AREAS);
    }
}
