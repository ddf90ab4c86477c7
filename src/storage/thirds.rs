//! Third parties in sessions: every step is an entry of the audit log, under the name of who took it.
use sha2::{Digest as _, Sha256};
use sqlx::{Any, Transaction};
use yunfa_signaling::{
    milestone::Event,
    time::Timestamp,
    words::{InvitationClosed, Role},
};

use super::{
    AuditNote, StorageError, audit,
    row::{Columns, statements},
};

statements! {
    SIDES = "SELECT s.id AS id, s.lawyer, c.citizen FROM sessions s JOIN consultations c ON c.id = s.consultation WHERE s.id = $1";
}

/// Who takes a step of the server's own.
const SERVER: &str = "server";

/// Writes down a step: the event is what is hashed.
pub(super) async fn follow(
    tx: &mut Transaction<'static, Any>,
    at: Timestamp,
    event: &Event,
) -> Result<(), StorageError> {
    let (session, action, by) = match event {
        Event::ThirdInvited { session, .. } => (session, "third.invited", By::Side(Role::Lawyer)),
        Event::ThirdConsented { session, .. } => (session, "third.consented", By::Side(Role::Citizen)),
        Event::ThirdRemoved { session, by, .. } => (session, "third.removed", By::Side(*by)),
        Event::ThirdClosed { session, lawyer, reason, .. } => {
            let (action, by) = match reason {
                InvitationClosed::Joined => ("third.joined", By::Other(lawyer.to_string())),
                InvitationClosed::Declined => ("third.declined", By::Other(lawyer.to_string())),
                InvitationClosed::Refused => ("third.refused", By::Side(Role::Citizen)),
                InvitationClosed::Withdrawn => ("third.withdrawn", By::Side(Role::Lawyer)),
                InvitationClosed::Lapsed => ("third.lapsed", By::Other(SERVER.to_owned())),
                InvitationClosed::Over => ("third.over", By::Other(SERVER.to_owned())),
            };
            (session, action, by)
        }
        _ => return Ok(()),
    };
    let object = session.to_string();
    let actor = match by {
        By::Other(actor) => actor,
        By::Side(role) => {
            let row = sqlx::query(SIDES).bind(&object).fetch_one(&mut **tx).await?;
            Columns::of("sessions", &row).text(if role == Role::Citizen { "citizen" } else { "lawyer" })?
        }
    };
    let body = serde_json::to_string(event).expect("events are always JSON");
    let hash = Sha256::digest(body.as_bytes()).into();
    let note = AuditNote { actor: &actor, action, object_kind: "session", object: &object, hash };
    audit::append(tx, &note, at).await?;
    Ok(())
}

/// Who took a step.
enum By {
    /// One of the two whose session it is.
    Side(Role),
    Other(String),
}
