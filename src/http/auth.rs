//! Staff and lawyers: sign in and out, who one is, the second factor.
use std::{net::IpAddr, time::Duration};

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode, header},
};
use serde::{Deserialize, Serialize};
use totp_rs::{Builder, Totp as Authenticator};
use yunfa_signaling::{private::PersonName, words::Role};

use super::{
    body::Said,
    client::Client,
    crowd::place,
    door::{self, Caller, stored},
    password,
    problem::{Code, Problem},
};
use crate::{
    app::{App, Shared},
    bus::Hint,
    domain::{audit::Hash, people::Subject},
    storage::{
        AuditNote,
        people::{Account, Totp},
        tokens::{Door, LoginSubject, TokenKind},
    },
};

/// Failed logins are counted over this time.
const WINDOW: Duration = Duration::from_secs(15 * 60);
/// Longest user name that is looked up.
const MAX_USER_CHARS: usize = 64;
/// Bytes of a TOTP secret: the length of SHA-1's output (RFC 4226 section 4 R6).
const TOTP_SECRET: usize = 20;

/// `POST /api/login`
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Login {
    user: String,
    password: String,
    totp: Option<String>,
    #[serde(default)]
    bearer: bool,
}

/// Answers `POST /api/login`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LoggedIn {
    role: Role,
    name: PersonName,
    id: String,
    door: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<String>,
}

/// `POST /api/login`: name and password, and the authenticator's code where there is one.
pub(super) async fn login(
    State(app): State<Shared>,
    client: Client,
    Said(login): Said<Login>,
) -> Result<(HeaderMap, Json<LoggedIn>), Problem> {
    let account = check(&app, client.address, &login).await?;
    let door = match account.subject {
        Subject::Lawyer(_) => Door::Lawyer,
        Subject::Citizen(_) | Subject::Staff(..) => Door::Office,
    };
    let kind = if login.bearer { TokenKind::Bearer } else { TokenKind::Cookie };
    let lasts = app.config.identity.staff;
    let (token, _) = door::issue(&app, account.subject, kind, door, lasts).await?;
    account_audit(&app, Some(account.subject), "login", &account.id).await?;
    let mut headers = HeaderMap::new();
    if !login.bearer {
        headers.insert(header::SET_COOKIE, door::cookie(door, token.expose(), lasts, client.tls));
    }
    let said = LoggedIn {
        role: account.subject.role(),
        name: account.name,
        id: account.subject.id(),
        door: door::door_word(door),
        token: login.bearer.then(|| token.into_inner()),
    };
    Ok((headers, Json(said)))
}

/// The account, when everything is right. Unknown, closed and wrong look and last alike.
async fn check(app: &App, address: IpAddr, login: &Login) -> Result<Account, Problem> {
    let user = login.user.trim();
    let too_long = user.chars().count() > MAX_USER_CHARS || login.password.chars().count() > password::MAX_CHARS;
    if user.is_empty() || too_long {
        return Err(Code::WrongLogin.into());
    }
    let place = place(address).to_string();
    let (_of_account, at_once) = app.budgets.checking.begin(format!("account {user}"));
    refuse_beyond(app, LoginSubject::Account(user), at_once, app.config.limits.login_per_account).await?;
    let (_of_address, at_once) = app.budgets.checking.begin(format!("address {place}"));
    refuse_beyond(app, LoginSubject::Address(&place), at_once, app.config.limits.login_per_address).await?;

    let account = app.store.account(user).await.map_err(stored)?.filter(|account| !account.disabled);
    let hash = account.as_ref().map(|account| account.password_hash.clone());
    let is_right = app.passwords.is_right(login.password.clone(), hash).await?;
    let (Some(account), true) = (account, is_right) else {
        return Err(failed(app, user, &place).await?);
    };
    if let Totp::Confirmed(secret) = &account.totp {
        let Some(code) = &login.totp else { return Err(Code::TotpRequired.into()) };
        let step = matching_step(app, secret, code);
        let is_fresh = match step {
            Some(step) => app.store.use_totp_step(&account.id, step).await.map_err(stored)?,
            None => false,
        };
        if !is_fresh {
            return Err(failed(app, user, &place).await?);
        }
    }
    app.store.forget_login_failures(LoginSubject::Account(user)).await.map_err(stored)?;
    Ok(account)
}

/// Refuses when the failures so far and the checks under way are more than allowed.
async fn refuse_beyond(app: &App, who: LoginSubject<'_>, at_once: u32, most: u32) -> Result<(), Problem> {
    let since = app.clock.wall().0 - i64::try_from(WINDOW.as_millis()).unwrap_or(i64::MAX);
    let failures = app.store.login_failures(who, yunfa_signaling::time::Timestamp(since)).await.map_err(stored)?;
    if failures.saturating_add(at_once) > most {
        return Err(Problem::from(Code::RateLimited).retry_after(WINDOW));
    }
    Ok(())
}

/// Counts a failed login for account and address alike, whether there is such an account or not.
async fn failed(app: &App, user: &str, place: &str) -> Result<Problem, Problem> {
    let now = app.clock.wall();
    for who in [LoginSubject::Account(user), LoginSubject::Address(place)] {
        app.store.add_login_failure(app.clock.mint(), who, now).await.map_err(stored)?;
    }
    // What was typed may be a password in the wrong field, so it is kept nowhere.
    account_audit(app, None, "login.failed", "").await?;
    Ok(Code::WrongLogin.into())
}

/// `POST /api/logout`: revokes the token that is shown, and closes the sockets of its owner.
pub(super) async fn logout(
    State(app): State<Shared>,
    client: Client,
    caller: Caller,
) -> Result<(StatusCode, HeaderMap), Problem> {
    app.store.revoke_token(&caller.token, app.clock.wall()).await.map_err(stored)?;
    account_audit(&app, Some(caller.subject), "logout", "").await?;
    app.bus.publish(Hint::SignedOut(caller.subject));
    let headers = HeaderMap::from_iter([(header::SET_COOKIE, door::no_cookie(caller.door, client.tls))]);
    Ok((StatusCode::NO_CONTENT, headers))
}

/// Answers `GET /api/me`.
#[derive(Serialize)]
pub(super) struct Me {
    role: Role,
    name: PersonName,
    id: String,
    /// Whether every login needs the code of an authenticator.
    totp: bool,
}

/// `GET /api/me`: who the token is.
pub(super) async fn me(State(app): State<Shared>, caller: Caller) -> Result<Json<Me>, Problem> {
    let name = name_of(&app, caller.subject).await?.ok_or(Code::Unauthenticated)?;
    let account = app.store.account_of(caller.subject).await.map_err(stored)?;
    let totp = account.is_some_and(|account| matches!(account.totp, Totp::Confirmed(_)));
    Ok(Json(Me { role: caller.subject.role(), name, id: caller.subject.id(), totp }))
}

async fn name_of(app: &App, subject: Subject) -> Result<Option<PersonName>, Problem> {
    Ok(match subject {
        Subject::Citizen(id) => app.store.citizen(id).await.map_err(stored)?.map(|citizen| citizen.alias),
        Subject::Lawyer(id) => app.store.lawyer(id).await.map_err(stored)?.map(|lawyer| lawyer.name),
        Subject::Staff(id, _) => app.store.staff(id).await.map_err(stored)?.map(|(name, _)| name),
    })
}

/// Answers `POST /api/totp`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Enrolment {
    otpauth_url: String,
}

/// `POST /api/totp`: shows a fresh secret once; it counts after its first right code.
pub(super) async fn enrol(State(app): State<Shared>, caller: Caller) -> Result<Json<Enrolment>, Problem> {
    let account = account_of(&app, caller).await?;
    let secret = app.clock.dice::<TOTP_SECRET>();
    if !app.store.offer_totp(&account.id, &secret).await.map_err(stored)? {
        return Err(Problem::from(Code::NotAllowed).because("a second factor is set up already"));
    }
    // A colon separates issuer and account in the label, so neither may hold one.
    let label = |text: &str| text.replace(':', " ");
    let url = Builder::new()
        .with_secret(secret)
        .with_issuer(Some(label(&app.config.bureau.name)))
        .with_account_name(label(&account.user))
        .build()
        .and_then(|authenticator| authenticator.to_url())
        .map_err(|error| Problem::internal(&error))?;
    account_audit(&app, Some(caller.subject), "totp.offered", &account.id).await?;
    Ok(Json(Enrolment { otpauth_url: url }))
}

/// `POST /api/totp/confirm` and `POST /api/totp/off`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Confirmation {
    code: String,
}

/// `POST /api/totp/confirm`: from now on every login needs a code.
pub(super) async fn confirm(
    State(app): State<Shared>,
    client: Client,
    caller: Caller,
    Said(said): Said<Confirmation>,
) -> Result<StatusCode, Problem> {
    let account = account_of(&app, caller).await?;
    let Totp::Offered(secret) = &account.totp else { return Err(Code::WrongCode.into()) };
    let step = guessed(&app, client, &account, secret, &said.code).await?;
    if !app.store.confirm_totp(&account.id, step, app.clock.wall()).await.map_err(stored)? {
        return Err(Code::WrongCode.into());
    }
    account_audit(&app, Some(caller.subject), "totp.confirmed", &account.id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /api/totp/off`: with a fresh code of it, the second factor goes; from now on the password is enough.
pub(super) async fn switch_off(
    State(app): State<Shared>,
    client: Client,
    caller: Caller,
    Said(said): Said<Confirmation>,
) -> Result<StatusCode, Problem> {
    let account = account_of(&app, caller).await?;
    let Totp::Confirmed(secret) = &account.totp else { return Err(Code::WrongCode.into()) };
    let step = guessed(&app, client, &account, secret, &said.code).await?;
    let is_fresh = app.store.use_totp_step(&account.id, step).await.map_err(stored)?;
    if !is_fresh || !app.store.remove_totp(&account.id).await.map_err(stored)? {
        return Err(Code::WrongCode.into());
    }
    account_audit(&app, Some(caller.subject), "totp.off", &account.id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The step of a code that a signed-in person types. Guessing here is guessing a login, and counts as such.
async fn guessed(app: &App, client: Client, account: &Account, secret: &[u8], code: &str) -> Result<i64, Problem> {
    let (_check, at_once) = app.budgets.checking.begin(format!("account {}", account.user));
    refuse_beyond(app, LoginSubject::Account(&account.user), at_once, app.config.limits.login_per_account).await?;
    match matching_step(app, secret, code) {
        Some(step) => Ok(step),
        None => {
            failed(app, &account.user, &place(client.address).to_string()).await?;
            Err(Code::WrongCode.into())
        }
    }
}

async fn account_of(app: &App, caller: Caller) -> Result<Account, Problem> {
    app.store.account_of(caller.subject).await.map_err(stored)?.ok_or_else(|| Code::Unauthenticated.into())
}

/// The time step whose code this is, one step early or late included (RFC 6238 section 5.2).
fn matching_step(app: &App, secret: &[u8], code: &str) -> Option<i64> {
    let authenticator: Authenticator = Builder::new().with_secret(secret).with_skew(1).build_noncompliant();
    let seconds = u64::try_from(app.clock.wall().0 / 1000).ok()?;
    let is_code = code.len() == 6 && code.bytes().all(|byte| byte.is_ascii_digit());
    is_code.then(|| authenticator.check(code, seconds)).flatten().and_then(|step| i64::try_from(step).ok())
}

/// Something for the audit log.
#[derive(Clone, Copy, Debug)]
pub(super) struct Noted<'a> {
    /// Who; nobody before a login.
    pub(super) actor: Option<Subject>,
    /// What was done.
    pub(super) action: &'static str,
    /// To what kind of thing.
    pub(super) kind: &'static str,
    /// To which one.
    pub(super) object: &'a str,
}

/// Appends to the audit log.
pub(super) async fn audit(app: &App, noted: Noted<'_>) -> Result<(), Problem> {
    audit_of(app, noted, Hash::default()).await
}

/// The same with the hash of what was handed out.
pub(super) async fn audit_of(app: &App, noted: Noted<'_>, hash: Hash) -> Result<(), Problem> {
    let actor = noted.actor.map_or_else(|| "nobody".to_owned(), Subject::id);
    let note = AuditNote { actor: &actor, action: noted.action, object_kind: noted.kind, object: noted.object, hash };
    app.store.note(&note, app.clock.wall()).await.map_err(stored)
}

/// Appends what somebody did about an account.
async fn account_audit(app: &App, actor: Option<Subject>, action: &'static str, account: &str) -> Result<(), Problem> {
    audit(app, Noted { actor, action, kind: "account", object: account }).await
}
