//! Invitations: the office hands a code over, its holder sets name and password with it, once. No password is ever imported.
use std::time::Duration;

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use serde::{Deserialize, Serialize};
use yunfa_signaling::{
    private::{PersonName, Token},
    time::Timestamp,
    words::Role,
};

use super::{
    body::Said,
    client::Client,
    crowd::place,
    door::{self, Caller, stored},
    lawyers::{reachable, wrong},
    password,
    problem::{Code, Problem},
};
use crate::{
    app::{App, Shared},
    bus::Hint,
    clock::Clock,
    domain::people::{Qualification, Subject},
    storage::{
        invitations::{Activated, NewInvitation},
        keys::token_hash,
        tokens::Door,
    },
};

/// How long a code is good: it may go by post.
const LASTS: Duration = Duration::from_secs(14 * 24 * 3600);
/// Letters and digits that nobody takes for one another (Crockford's base 32).
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// Characters of a code: 80 bits, more than can be guessed within [`LASTS`] at any rate that is let in.
const CODE_CHARS: usize = 16;
/// A name for signing in.
const USER_CHARS: std::ops::RangeInclusive<usize> = 3..=32;

/// What the office hands over.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Invitation {
    code: Token,
    /// The page to open, with the code behind `#`, where no server and no log sees it.
    path: String,
    expires_at: Timestamp,
}

/// Rolls a code for somebody: what is kept, and what is shown once.
pub(super) fn roll(clock: &Clock, subject: Subject) -> (NewInvitation, Invitation) {
    let code: String =
        clock.dice::<CODE_CHARS>().iter().map(|byte| char::from(ALPHABET[usize::from(byte & 31)])).collect();
    let expires_at = door::later(clock.wall(), LASTS);
    let page = if matches!(subject, Subject::Lawyer(_)) { "lawyer" } else { "office" };
    let groups: Vec<&str> = (0..CODE_CHARS).step_by(4).map(|at| &code[at..at + 4]).collect();
    let shown = Invitation { path: format!("/{page}/#join={code}"), code: Token::new(groups.join("-")), expires_at };
    (NewInvitation { hash: token_hash(&code), subject, expires_at }, shown)
}

/// `POST /api/lawyers/{id}/invitation`: a new code; one that was handed over before is void. For who has a login already it
/// sets a new password.
pub(super) async fn invite_lawyer(
    State(app): State<Shared>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<(StatusCode, Json<Invitation>), Problem> {
    let row = reachable(&app, caller, &id).await?;
    if row.qualification == Qualification::Removed {
        return Err(Code::NoSuchStep.into());
    }
    let (new, shown) = roll(&app.clock, Subject::Lawyer(row.id));
    app.store.invite(&new, &caller.subject.id(), app.clock.wall()).await.map_err(stored)?;
    Ok((StatusCode::CREATED, Json(shown)))
}

/// `POST /api/invitation`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Look {
    code: Token,
}

/// Answers it.
#[derive(Serialize)]
pub(super) struct Seen {
    name: PersonName,
    role: Role,
    /// The name for signing in, of who has one already.
    user: Option<String>,
}

/// `POST /api/invitation`: whom a code is for, before anything is typed.
pub(super) async fn look(
    State(app): State<Shared>,
    client: Client,
    Said(said): Said<Look>,
) -> Result<Json<Seen>, Problem> {
    app.budgets.codes.take(place(client.address), app.clock.now().mono)?;
    let code = read(&said.code)?;
    let found =
        app.store.invited(&token_hash(&code), app.clock.wall()).await.map_err(stored)?.ok_or(Code::WrongCode)?;
    Ok(Json(Seen { name: found.name, role: found.subject.role(), user: found.user }))
}

/// `POST /api/activate`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Activation {
    code: Token,
    user: String,
    password: Token,
}

/// Answers it.
#[derive(Serialize)]
pub(super) struct Opened {
    user: String,
    door: &'static str,
}

/// `POST /api/activate`: sets name and password; signing in is the next step.
pub(super) async fn activate(
    State(app): State<Shared>,
    client: Client,
    Said(said): Said<Activation>,
) -> Result<(StatusCode, Json<Opened>), Problem> {
    app.budgets.codes.take(place(client.address), app.clock.now().mono)?;
    let code = token_hash(&read(&said.code)?);
    let user = user_name(&said.user)?;
    let chars = said.password.expose().chars().count();
    if !(password::MIN_CHARS..=password::MAX_CHARS).contains(&chars) {
        return Err(wrong(format!("password has {} to {} characters", password::MIN_CHARS, password::MAX_CHARS)));
    }
    // Before the costly hash: whoever has no code costs next to nothing.
    if app.store.invited(&code, app.clock.wall()).await.map_err(stored)?.is_none() {
        return Err(Code::WrongCode.into());
    }
    let hash = hashed(&app, said.password).await?;
    match app.store.activate(&code, user, &hash, app.clock.wall()).await.map_err(stored)? {
        Activated::Done { invited, user } => {
            app.bus.publish(Hint::SignedOut(invited.subject));
            let door = match invited.subject {
                Subject::Lawyer(_) => Door::Lawyer,
                Subject::Staff(..) | Subject::Citizen(_) => Door::Office,
            };
            Ok((StatusCode::CREATED, Json(Opened { user, door: door::door_word(door) })))
        }
        Activated::NoCode => Err(Code::WrongCode.into()),
        Activated::UserTaken => Err(Code::NameTaken.into()),
    }
}

async fn hashed(app: &App, password: Token) -> Result<String, Problem> {
    let hash = app.passwords.hash(password.into_inner(), &app.clock).await?;
    hash.ok_or_else(|| Code::Internal.into())
}

/// A code as people type it: small letters, hyphens and spaces do not matter, and what looks alike is alike.
fn read(code: &Token) -> Result<String, Problem> {
    let plain = code.expose().chars().take(64).filter(|char| !matches!(char, '-' | ' '));
    let code: String = plain
        .map(|char| match char.to_ascii_uppercase() {
            'O' => '0',
            'I' | 'L' => '1',
            other => other,
        })
        .collect();
    if code.len() == CODE_CHARS && code.bytes().all(|byte| ALPHABET.contains(&byte)) {
        Ok(code)
    } else {
        Err(Code::WrongCode.into())
    }
}

fn user_name(text: &str) -> Result<&str, Problem> {
    let user = text.trim();
    let plain = |char: char| char.is_alphanumeric() || matches!(char, '-' | '_' | '.');
    if USER_CHARS.contains(&user.chars().count()) && user.chars().all(plain) {
        Ok(user)
    } else {
        Err(wrong("user has 3 to 32 letters, digits, - _ or ."))
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;
    use yunfa_signaling::ids::LawyerId;

    use super::*;

    #[test]
    fn a_code_is_read_as_people_type_it() {
        let (kept, shown) = roll(&Clock::machine(), Subject::Lawyer(LawyerId::new(Uuid::from_u128(1))));
        let typed = shown.code.expose().to_ascii_lowercase().replace('-', " ").replace('0', "o").replace('1', "l");

        let code = read(&Token::new(typed)).expect("a code");

        assert_eq!(token_hash(&code), kept.hash);
        assert_eq!(shown.path, format!("/lawyer/#join={code}"));
        for wrong in ["", "ABCD", "ABCD-ABCD-ABCD-ABCU", "ABCDABCDABCDABCD0"] {
            assert!(read(&Token::new(wrong)).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_user_name_is_short_and_plain() {
        assert!(user_name(" lin.zhiyuan ").is_ok() && user_name("林致远").is_ok());
        for wrong in ["ab", "a b c", "<b>x</b>", &"x".repeat(33)] {
            assert!(user_name(wrong).is_err(), "{wrong}");
        }
    }
}
