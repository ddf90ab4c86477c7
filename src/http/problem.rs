//! What went wrong, as `application/problem+json` (RFC 9457): one closed list of codes, the same words as on the socket.
use std::time::Duration;

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use yunfa_signaling::time::Timestamp;

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $status:ident, $text:literal, $title:literal;)+) => {
        /// Why a request was refused: stable words for programs; pages say their own.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Code {
            $($(#[$doc])* $name,)+
        }

        impl Code {
            /// Every code, in the order of the document.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// The word, as it stands in JSON.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)+ }
            }

            /// The status it goes out with.
            pub const fn status(self) -> StatusCode {
                match self { $(Self::$name => StatusCode::$status,)+ }
            }

            /// One English sentence for people.
            pub const fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)+ }
            }
        }
    };
}

codes! {
    /// The body, the path or the query cannot be read.
    BadMessage = BAD_REQUEST, "bad-message", "The request cannot be read";
    /// The consent text has changed since the page was loaded.
    ConsentOutdated = CONFLICT, "consent-outdated", "Another consent text is in force; load the page again";
    /// Somebody else changed it since it was read.
    ChangedMeanwhile = CONFLICT, "changed-meanwhile", "Somebody else changed this in the meantime; load it again";
    /// Another person or firm has this name.
    NameTaken = CONFLICT, "name-taken", "This name is taken";
    /// The licence is somebody else's.
    LicenceTaken = CONFLICT, "licence-taken", "This licence number is registered with somebody else";
    /// It does not follow from how things stand.
    NoSuchStep = CONFLICT, "no-such-step", "This does not follow from how things stand";
    /// The person is planned for something else at that time.
    Overlap = CONFLICT, "overlap", "There is another shift at that time";
    /// It has begun or is over, so it stays as it was.
    Begun = CONFLICT, "begun", "This has begun and stays as it was";
    /// The matter has its stars, and no follow-up allows others.
    AlreadyRated = CONFLICT, "already-rated", "This matter has its stars";
    /// The same person has reported it before.
    AlreadyReported = CONFLICT, "already-reported", "This was reported before";
    /// Others were first: no slot is free.
    Taken = CONFLICT, "taken", "Others were first";
    /// It takes nothing more.
    Over = CONFLICT, "over", "This is over";
    /// The id is used for something else.
    IdUsed = CONFLICT, "id-used", "This id is used already";
    /// Nobody is signed in, or the token is unknown or too old.
    Unauthenticated = UNAUTHORIZED, "unauthenticated", "Sign in first";
    /// Name or password is wrong; which of the two is not said.
    WrongLogin = UNAUTHORIZED, "wrong-login", "Name, password or code is wrong";
    /// The account needs its second factor.
    TotpRequired = UNAUTHORIZED, "totp-required", "The code of the authenticator is needed too";
    /// The code sent to the phone, or shown by the authenticator, is another one.
    WrongCode = BAD_REQUEST, "wrong-code", "The code is wrong or too old";
    /// Not for this role, or not now.
    NotAllowed = FORBIDDEN, "not-allowed", "Not for this role";
    /// A lawyer is signed in in this browser: stars come from the asker's own device.
    LawyersDevice = FORBIDDEN, "lawyers-device", "Stars are not taken from a lawyer's device";
    /// Whoever it is about takes no part in deciding it.
    SamePerson = FORBIDDEN, "same-person", "Whoever it is about takes no part in it";
    /// The office has blocked this asker; `until` says how long.
    Blocked = FORBIDDEN, "blocked", "The office has blocked this asker for a time";
    /// The page that calls is of another origin.
    ForeignOrigin = FORBIDDEN, "foreign-origin", "Pages of this origin may not call";
    /// The thing does not exist, or not for this caller: the two look the same.
    NotFound = NOT_FOUND, "not-found", "There is no such thing";
    /// The path exists, the method does not.
    WrongMethod = METHOD_NOT_ALLOWED, "wrong-method", "The method does not exist here";
    /// It took the client too long to send the body.
    Timeout = REQUEST_TIMEOUT, "timeout", "The request took too long to arrive";
    /// The body is longer than allowed.
    TooLarge = PAYLOAD_TOO_LARGE, "too-large", "The request is longer than allowed";
    /// The body is no JSON.
    NotJson = UNSUPPORTED_MEDIA_TYPE, "not-json", "The body must be application/json";
    /// The body is no table of this kind.
    NotATable = UNSUPPORTED_MEDIA_TYPE, "not-a-table", "The body must be a table as text/csv";
    /// The file is none of those that are taken, whatever it is called.
    NotThisKind = UNSUPPORTED_MEDIA_TYPE, "not-this-kind", "Files of this kind are not taken";
    /// Faster than allowed.
    RateLimited = TOO_MANY_REQUESTS, "rate-limited", "Faster than allowed; wait and try again";
    /// More of something than allowed from one place.
    TooMany = TOO_MANY_REQUESTS, "too-many", "More than allowed at once";
    /// The server has as many connections as it may.
    Overloaded = SERVICE_UNAVAILABLE, "overloaded", "More connections than allowed; try again soon";
    /// No gateway for codes is set up.
    SmsUnavailable = SERVICE_UNAVAILABLE, "sms-unavailable", "Codes cannot be sent right now";
    /// The server is about to stop.
    Draining = SERVICE_UNAVAILABLE, "draining", "The server is about to stop";
    /// The database or a queue cannot take it now.
    Unavailable = SERVICE_UNAVAILABLE, "unavailable", "Not possible right now; try again soon";
    /// Something broke here; it was logged.
    Internal = INTERNAL_SERVER_ERROR, "internal", "Something broke here; it was logged";
}

/// When to try again where nobody knows better.
const PASSES_IN: Duration = Duration::from_secs(5);

/// A refusal on its way out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    code: Code,
    detail: Option<String>,
    retry_after: Option<Duration>,
    until: Option<Timestamp>,
}

impl From<Code> for Problem {
    fn from(code: Code) -> Self {
        Self { code, detail: None, retry_after: None, until: None }
    }
}

impl Problem {
    /// Says more about this occurrence; never anything about a person or a cause inside the server.
    #[must_use]
    pub fn because(self, detail: impl Into<String>) -> Self {
        Self { detail: Some(detail.into()), ..self }
    }

    /// Says when to try again (`Retry-After`, RFC 9110 section 10.2.3), rounded up to whole seconds.
    #[must_use]
    pub fn retry_after(self, wait: Duration) -> Self {
        Self { retry_after: Some(wait), ..self }
    }

    /// Says how long it stays so.
    #[must_use]
    pub fn until(self, until: Timestamp) -> Self {
        Self { until: Some(until), ..self }
    }

    /// Logs what broke, here and only here, and tells the caller nothing of it.
    pub fn internal(cause: &(dyn std::error::Error + 'static)) -> Self {
        let mut chain = cause.to_string();
        let mut source = cause.source();
        while let Some(inner) = source {
            chain = format!("{chain}: {inner}");
            source = inner.source();
        }
        tracing::error!("a request failed here: {chain}");
        Code::Internal.into()
    }

    /// Its code.
    pub const fn code(&self) -> Code {
        self.code
    }

    /// The body.
    pub fn body(&self) -> serde_json::Value {
        let mut body = serde_json::json!({
            "type": format!("/problems/{}", self.code.as_str()),
            "title": self.code.title(),
            "status": self.code.status().as_u16(),
            "code": self.code.as_str(),
        });
        if let Some(detail) = &self.detail {
            body["detail"] = detail.as_str().into();
        }
        if let Some(until) = self.until {
            body["until"] = until.0.into();
        }
        body
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = (self.code.status(), Json(self.body())).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if self.code.status() == StatusCode::UNAUTHORIZED {
            // RFC 9110 section 15.5.2 wants one; browsers ask nobody for a bearer token.
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        let passes = matches!(self.code.status(), StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE);
        if let Some(wait) = self.retry_after.or(passes.then_some(PASSES_IN)) {
            let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds.max(1)));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_says_type_title_status_and_code() {
        let body = Problem::from(Code::NotFound).body();

        assert_eq!(
            body,
            serde_json::json!({
                "type": "/problems/not-found", "title": "There is no such thing", "status": 404, "code": "not-found"
            })
        );
    }

    #[test]
    fn who_is_not_signed_in_is_told_how_to_show_a_token() {
        let asked = |code| Problem::from(code).into_response().headers().get(header::WWW_AUTHENTICATE).cloned();

        assert_eq!(asked(Code::Unauthenticated), Some(HeaderValue::from_static("Bearer")));
        assert_eq!(asked(Code::NotAllowed), None);
    }

    #[test]
    fn what_passes_says_when_to_try_again() {
        for code in Code::ALL {
            let response = Problem::from(*code).into_response();
            let passes = [429, 503].contains(&code.status().as_u16());
            assert_eq!(response.headers().contains_key(header::RETRY_AFTER), passes, "{}", code.as_str());
        }
    }

    #[test]
    fn waiting_is_said_in_whole_seconds_and_never_too_short() {
        let response = Problem::from(Code::RateLimited).retry_after(Duration::from_millis(1001)).into_response();

        assert_eq!(response.headers()[header::RETRY_AFTER], "2");
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json");
    }
}
