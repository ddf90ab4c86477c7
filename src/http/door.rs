//! Who stands before a route: cookie or bearer, whose it is, and whether the policy lets them in.
//!
//! A page has one cookie per door and says which one counts in `Yunfa-Door`; a foreign page cannot send that header
//! without asking first, and nobody answers it. A program sends `Authorization: Bearer …` and needs no door.
use std::time::Duration;

use axum::{
    extract::{FromRequestParts, Request, State},
    http::{HeaderMap, HeaderValue, Method, header, request::Parts},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use axum_extra::extract::cookie::{Cookie, SameSite};
use yunfa_signaling::{ids::LawyerId, private::Token, time::Timestamp};

use super::{
    client::Client,
    policy::{self, Action, Reach},
    problem::{Code, Problem},
};
use crate::{
    app::{App, Shared},
    domain::people::Subject,
    storage::{
        StorageError,
        keys::{hex, token_hash},
        tokens::{Door, NewToken, TokenKind},
    },
};

/// Tokens are 32 rolled bytes in hex; anything longer is not even hashed.
const TOKEN_CHARS: usize = 64;

/// Whoever was let in; an extension of the request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Caller {
    /// Who.
    pub subject: Subject,
    /// By which page.
    pub door: Door,
    /// The hash of the token that was shown.
    pub token: [u8; 32],
    /// How far the policy lets them reach with this route's action.
    pub reach: Reach,
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        parts.extensions.get().copied().ok_or_else(|| Code::Unauthenticated.into())
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Client {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        parts.extensions.get().copied().ok_or_else(|| Code::Internal.into())
    }
}

/// Stands before every route: counts the request, finds out who it is, asks the policy.
pub(super) async fn guard(
    State((app, action)): State<(Shared, Action)>,
    client: Client,
    mut request: Request,
    next: Next,
) -> Response {
    if action != Action::SeeHealth
        && let Err(refused) = app.budgets.request(client.address)
    {
        // Whoever has sent the next hundred already would be refused a hundred times.
        return ([(header::CONNECTION, HeaderValue::from_static("close"))], refused).into_response();
    }
    let writes = request.method() != Method::GET || action == Action::OpenSocket;
    if writes && let Err(refused) = app.recorder.hold().await {
        return not_held(refused).into_response();
    }
    let mut renewed = None;
    if policy::reach(None, action).is_err() {
        match enter(&app, client, request.headers(), action).await {
            Ok((caller, cookie)) => {
                renewed = cookie;
                request.extensions_mut().insert(caller);
            }
            Err(refused) => return refused.into_response(),
        }
    }
    let mut response = next.run(request).await;
    // What the API says is about one caller at one moment.
    response.headers_mut().entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    if let Some(cookie) = renewed
        && !response.headers().contains_key(header::SET_COOKIE)
    {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    response
}

async fn enter(
    app: &App,
    client: Client,
    headers: &HeaderMap,
    action: Action,
) -> Result<(Caller, Option<HeaderValue>), Problem> {
    let shown = shown(headers, client)?;
    let token = token_hash(shown.text);
    let now = app.clock.wall();
    let owner = app.store.token(&token, now).await.map_err(stored)?;
    let owner = owner.filter(|owner| owner.kind == shown.kind && shown.door.is_none_or(|door| door == owner.door));
    let Some(owner) = owner else { return Err(Code::Unauthenticated.into()) };
    let reach = policy::reach(Some(owner.subject.role()), action)?;
    let caller = Caller { subject: owner.subject, door: owner.door, token, reach };
    let renewed = renew(app, client, &caller, owner.expires_at, shown, now).await?;
    Ok((caller, renewed))
}

/// A citizen's device is remembered for so long after its last use; staff sign in anew.
async fn renew(
    app: &App,
    client: Client,
    caller: &Caller,
    expires_at: Timestamp,
    shown: Shown<'_>,
    now: Timestamp,
) -> Result<Option<HeaderValue>, Problem> {
    let lasts = app.config.identity.citizen;
    // Once a day is often enough: a write per request would be the price of more.
    let is_due = u128::try_from(expires_at.ms_since(now)).unwrap_or(0) + DAY.as_millis() < lasts.as_millis();
    if !matches!(caller.subject, Subject::Citizen(_)) || !is_due {
        return Ok(None);
    }
    app.store.extend_token(&caller.token, later(now, lasts)).await.map_err(stored)?;
    Ok(match shown.kind {
        TokenKind::Cookie => Some(cookie(caller.door, shown.text, lasts, client.tls)),
        TokenKind::Bearer | TokenKind::Ticket => None,
    })
}

const DAY: Duration = Duration::from_secs(24 * 3600);

/// What a request shows to be let in.
#[derive(Clone, Copy)]
struct Shown<'a> {
    text: &'a str,
    kind: TokenKind,
    door: Option<Door>,
}

fn shown(headers: &HeaderMap, client: Client) -> Result<Shown<'_>, Problem> {
    let unauthenticated = || Problem::from(Code::Unauthenticated);
    let text = |name| headers.get(name).map(|value: &HeaderValue| value.to_str().map_err(|_| unauthenticated()));
    let found = if let Some(authorization) = text(header::AUTHORIZATION.as_str()).transpose()? {
        let (scheme, token) = authorization.split_once(' ').ok_or_else(unauthenticated)?;
        let is_bearer = scheme.eq_ignore_ascii_case("bearer");
        is_bearer.then_some(Shown { text: token.trim(), kind: TokenKind::Bearer, door: None })
    } else {
        let door = match text(DOOR_HEADER).transpose()? {
            None => return Err(unauthenticated().because("send Authorization, or a cookie with the header Yunfa-Door")),
            Some("citizen") => Door::Citizen,
            Some("lawyer") => Door::Lawyer,
            Some("office") => Door::Office,
            Some(_) => return Err(unauthenticated().because("Yunfa-Door is citizen, lawyer or office")),
        };
        let token = cookie_of(headers, cookie_name(door, client.tls));
        token.map(|text| Shown { text, kind: TokenKind::Cookie, door: Some(door) })
    };
    found.filter(|shown| shown.text.len() == TOKEN_CHARS).ok_or_else(unauthenticated)
}

/// The lawyer who is signed in in the browser that sends this, whatever page it is sent by: a browser sends the cookies of
/// all our pages.
pub(super) async fn lawyer_beside(app: &App, client: Client, headers: &HeaderMap) -> Result<Option<LawyerId>, Problem> {
    let Some(text) = cookie_of(headers, cookie_name(Door::Lawyer, client.tls)) else { return Ok(None) };
    if text.len() != TOKEN_CHARS {
        return Ok(None);
    }
    let owner = app.store.token(&token_hash(text), app.clock.wall()).await.map_err(stored)?;
    Ok(owner.and_then(|owner| match owner.subject {
        Subject::Lawyer(lawyer) => Some(lawyer),
        Subject::Citizen(_) | Subject::Staff(..) => None,
    }))
}

/// The value of a cookie.
fn cookie_of<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|cookies| cookies.to_str().ok());
    cookies
        .flat_map(|cookies| cookies.split(';'))
        .filter_map(|cookie| cookie.trim().split_once('='))
        .find_map(|(key, value)| (key == name).then_some(value))
}

const DOOR_HEADER: &str = "yunfa-door";

/// Rolls a token for `subject` and keeps its hash.
pub(super) async fn issue(
    app: &App,
    subject: Subject,
    kind: TokenKind,
    door: Door,
    lasts: Duration,
) -> Result<(Token, Timestamp), Problem> {
    issue_beside(app, subject, (kind, door), None, lasts).await
}

/// The same, with the lawyer who is signed in in the same browser.
pub(super) async fn issue_beside(
    app: &App,
    subject: Subject,
    (kind, door): (TokenKind, Door),
    beside: Option<LawyerId>,
    lasts: Duration,
) -> Result<(Token, Timestamp), Problem> {
    let token = hex(&app.clock.dice::<32>());
    let now = app.clock.wall();
    let expires_at = later(now, lasts);
    let new = NewToken { hash: token_hash(&token), kind, door, subject, beside, expires_at };
    app.store.add_token(&new, now).await.map_err(stored)?;
    Ok((Token::new(token), expires_at))
}

/// The cookie of a door. On HTTPS its name has the prefix that browsers protect (RFC 6265bis section 4.1.3.2), also so
/// that signing in over plain HTTP on the same host is not stopped by a secure cookie of the same name.
pub(super) fn cookie(door: Door, token: &str, lasts: Duration, tls: bool) -> HeaderValue {
    let mut cookie = Cookie::new(cookie_name(door, tls), token.to_owned());
    cookie.set_http_only(true);
    cookie.set_same_site(SameSite::Strict);
    cookie.set_path("/");
    cookie.set_secure(tls);
    let seconds = lasts.as_secs();
    HeaderValue::from_str(&format!("{cookie}; Max-Age={seconds}")).expect("a cookie of hex and plain words is ASCII")
}

/// The cookie that makes a browser forget the one of a door.
pub(super) fn no_cookie(door: Door, tls: bool) -> HeaderValue {
    cookie(door, "", Duration::ZERO, tls)
}

fn cookie_name(door: Door, tls: bool) -> &'static str {
    match (door, tls) {
        (Door::Citizen, false) => "yunfa_citizen",
        (Door::Lawyer, false) => "yunfa_lawyer",
        (Door::Office, false) => "yunfa_office",
        (Door::Citizen, true) => "__Host-yunfa_citizen",
        (Door::Lawyer, true) => "__Host-yunfa_lawyer",
        (Door::Office, true) => "__Host-yunfa_office",
    }
}

/// The word of a door as pages know it.
pub(super) const fn door_word(door: Door) -> &'static str {
    match door {
        Door::Citizen => "citizen",
        Door::Lawyer => "lawyer",
        Door::Office => "office",
    }
}

/// `lasts` from now.
pub(super) fn later(now: Timestamp, lasts: Duration) -> Timestamp {
    Timestamp(now.0.saturating_add(i64::try_from(lasts.as_millis()).unwrap_or(i64::MAX)))
}

/// What a node that may not be the one any more says.
fn not_held(error: StorageError) -> Problem {
    match error {
        StorageError::Fenced { .. } => Code::Draining.into(),
        other => stored(other),
    }
}

/// What a failure of the store looks like from outside.
pub(super) fn stored(error: StorageError) -> Problem {
    if error.is_passing() {
        tracing::warn!("the database is not available: {error}");
        return Problem::from(Code::Unavailable).retry_after(Duration::from_secs(2));
    }
    Problem::internal(&error)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    fn find(list: &[(&'static str, String)], tls: bool) -> Option<(TokenKind, Option<Door>)> {
        let headers: HeaderMap =
            list.iter().map(|(name, value)| (name.parse().expect("a name"), value.parse().expect("a value"))).collect();
        let client = Client { address: [127, 0, 0, 1].into(), tls };
        let shown = shown(&headers, client).ok()?;
        assert_eq!(shown.text, TOKEN);
        Some((shown.kind, shown.door))
    }

    #[test]
    fn a_cookie_counts_only_with_its_door() {
        let cookies = ("cookie", format!("a=b; yunfa_lawyer={TOKEN}; c=d"));

        assert_eq!(find(std::slice::from_ref(&cookies), false), None);
        assert_eq!(find(&[cookies.clone(), ("yunfa-door", "office".to_owned())], false), None);
        assert_eq!(
            find(&[cookies, ("yunfa-door", "lawyer".to_owned())], false),
            Some((TokenKind::Cookie, Some(Door::Lawyer)))
        );
    }

    #[test]
    fn a_plain_cookie_does_not_count_on_https() {
        let list = [("cookie", format!("yunfa_office={TOKEN}")), ("yunfa-door", "office".to_owned())];

        assert_eq!(find(&list, true), None);
    }

    #[test]
    fn a_bearer_needs_no_door_and_a_token_of_another_length_is_none() {
        assert_eq!(find(&[("authorization", format!("Bearer {TOKEN}"))], false), Some((TokenKind::Bearer, None)));
        assert_eq!(find(&[("authorization", format!("Bearer {TOKEN}0"))], false), None);
        assert_eq!(find(&[("authorization", format!("Basic {TOKEN}"))], false), None);
    }

    #[test]
    fn a_cookie_is_for_the_server_alone() {
        let set = cookie(Door::Citizen, TOKEN, Duration::from_secs(60), true);

        assert_eq!(
            set.to_str().expect("text"),
            format!("__Host-yunfa_citizen={TOKEN}; HttpOnly; SameSite=Strict; Secure; Path=/; Max-Age=60")
        );
    }
}
