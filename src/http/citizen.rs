//! Citizens: guests in one tap, and a telephone number where they want one.
use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode, header},
};
use serde::{Deserialize, Serialize};
use yunfa_signaling::{ids::CitizenId, private::PersonName, words::IdentityMode};

use super::{
    body::Said,
    client::Client,
    crowd::place,
    door::{self, Caller, stored},
    problem::{Code, Problem},
    reports,
};
use crate::{
    app::Shared,
    domain::people::Subject,
    storage::{
        keys::Realm,
        people::NewCitizen,
        tokens::{CodeCheck, Door, TokenKind},
    },
};

/// How long a code that was sent to a phone is good.
const CODE_MINUTES: u64 = 5;
/// Longest entry source (`?src=`): it comes from a printed QR code.
const MAX_SOURCE_CHARS: usize = 64;

/// `POST /api/citizen/guest`
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Guest {
    consent_version: String,
    identity_mode: IdentityMode,
    #[serde(default)]
    entry_source: Option<String>,
    #[serde(default)]
    bearer: bool,
}

/// Answers `POST /api/citizen/guest`.
#[derive(Serialize)]
pub(super) struct Welcomed {
    citizen: CitizenId,
    alias: PersonName,
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<String>,
}

/// `POST /api/citizen/guest`: a citizen who is known by nothing but the token of this device.
pub(super) async fn guest(
    State(app): State<Shared>,
    client: Client,
    Said(guest): Said<Guest>,
) -> Result<(StatusCode, HeaderMap, Json<Welcomed>), Problem> {
    if !matches!(guest.identity_mode, IdentityMode::Guest | IdentityMode::Refused) {
        return Err(Problem::from(Code::BadMessage).because("identityMode is GUEST or REFUSED"));
    }
    if guest.consent_version != app.config.bureau.consent_version {
        return Err(Code::ConsentOutdated.into());
    }
    if guest.entry_source.as_deref().is_some_and(|source| !is_source(source)) {
        return Err(Problem::from(Code::BadMessage).because("entrySource has 1 to 64 letters, digits, - _ . or :"));
    }
    let now = app.clock.now();
    app.budgets.guests.take(place(client.address), now.mono)?;
    let new = NewCitizen {
        id: app.clock.mint(),
        alias: PersonName::new(format!("群众{:04}", app.clock.below(10_000))),
        identity_mode: guest.identity_mode,
        consent_version: guest.consent_version,
        entry_source: guest.entry_source,
    };
    app.store.add_citizen(&new, now.wall).await.map_err(stored)?;
    let kind = if guest.bearer { TokenKind::Bearer } else { TokenKind::Cookie };
    let lasts = app.config.identity.citizen;
    let (token, _) = door::issue(&app, Subject::Citizen(new.id), kind, Door::Citizen, lasts).await?;
    let mut headers = HeaderMap::new();
    if !guest.bearer {
        headers.insert(header::SET_COOKIE, door::cookie(Door::Citizen, token.expose(), lasts, client.tls));
    }
    let said = Welcomed { citizen: new.id, alias: new.alias, token: guest.bearer.then(|| token.into_inner()) };
    Ok((StatusCode::CREATED, headers, Json(said)))
}

/// `POST /api/citizen/phone/code`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Phone {
    phone: String,
}

/// `POST /api/citizen/phone/code`: sends a code of six digits.
pub(super) async fn send_code(
    State(app): State<Shared>,
    client: Client,
    caller: Caller,
    Said(said): Said<Phone>,
) -> Result<StatusCode, Problem> {
    let (citizen, phone) = (citizen(caller)?, mobile(&said.phone)?);
    let now = app.clock.now();
    app.budgets.sms_of_address.take(place(client.address), now.mono)?;
    app.budgets.sms_of_phone.take(app.store.keys().reference(Realm::Phone, &phone), now.mono)?;
    let code = app.sms.send(&phone)?;
    let expires_at = door::later(now.wall, std::time::Duration::from_secs(CODE_MINUTES * 60));
    app.store.put_sms_code(citizen, &phone, &code, expires_at, now.wall).await.map_err(stored)?;
    Ok(StatusCode::ACCEPTED)
}

/// `POST /api/citizen/phone`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PhoneCode {
    phone: String,
    code: String,
}

/// Answers `POST /api/citizen/phone`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Confirmed {
    identity_mode: IdentityMode,
}

/// `POST /api/citizen/phone`: the code that was sent; from now on the citizen is known by the number.
pub(super) async fn confirm(
    State(app): State<Shared>,
    caller: Caller,
    Said(said): Said<PhoneCode>,
) -> Result<Json<Confirmed>, Problem> {
    let (citizen, phone) = (citizen(caller)?, mobile(&said.phone)?);
    let checked = app.store.try_sms_code(citizen, &phone, &said.code, app.clock.wall()).await.map_err(stored)?;
    match checked {
        CodeCheck::Right => {}
        CodeCheck::Wrong { left } => {
            return Err(Problem::from(Code::WrongCode).because(format!("{left} tries are left")));
        }
        CodeCheck::NoCode => return Err(Problem::from(Code::WrongCode).because("ask for a new code")),
    }
    if !app.store.set_phone(citizen, &phone).await.map_err(stored)? {
        return Err(Code::Unauthenticated.into());
    }
    // Whoever has a blocked number is blocked by whatever device.
    reports::restrain(&app, caller.subject).await?;
    Ok(Json(Confirmed { identity_mode: IdentityMode::Phone }))
}

fn citizen(caller: Caller) -> Result<CitizenId, Problem> {
    match caller.subject {
        Subject::Citizen(id) => Ok(id),
        Subject::Lawyer(_) | Subject::Staff(..) => Err(Code::NotAllowed.into()),
    }
}

/// A mobile number of the mainland: eleven digits that begin with 13 to 19, with or without +86, spaces or hyphens.
fn mobile(text: &str) -> Result<String, Problem> {
    let plain: String = text.chars().take(24).filter(|char| !matches!(char, ' ' | '-')).collect();
    let digits = plain.strip_prefix("+86").unwrap_or(&plain);
    let is_mobile = digits.len() == 11
        && digits.bytes().all(|byte| byte.is_ascii_digit())
        && digits.starts_with('1')
        && matches!(digits.as_bytes()[1], b'3'..=b'9');
    if is_mobile {
        Ok(digits.to_owned())
    } else {
        Err(Problem::from(Code::BadMessage).because("phone is a mobile number of eleven digits"))
    }
}

fn is_source(text: &str) -> bool {
    let plain = |char: char| char.is_alphanumeric() || matches!(char, '-' | '_' | '.' | ':');
    (1..=MAX_SOURCE_CHARS).contains(&text.chars().count()) && text.chars().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mobile_number_is_read_as_people_write_it() {
        for right in ["13800138000", "+86 138-0013-8000", "138 0013 8000"] {
            assert_eq!(mobile(right).ok().as_deref(), Some("13800138000"), "{right}");
        }
        for wrong in ["", "1380013800", "12800138000", "１3800138000", "+1 3800138000", "138001380000"] {
            assert!(mobile(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_entry_source_is_a_short_code() {
        assert!(is_source("village-370521001001") && is_source("村口海报"));
        assert!(!is_source("") && !is_source("a b") && !is_source(&"x".repeat(65)) && !is_source("<b>"));
    }
}
