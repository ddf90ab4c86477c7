//! What every answer has: a request id, security headers, a time limit; and what every request leaves in the log.
use std::{any::Any, time::Duration};

use axum::{
    extract::{MatchedPath, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, header},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use tracing::Instrument as _;
use uuid::Uuid;

use super::problem::{Code, Problem};
use crate::app::Shared;

/// From the whole header to the answer, body included: 64 KiB arrive in it even at 56 kbit/s.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// The same for a table: 4 MiB arrive in it at 1 Mbit/s, and ten thousand lines are kept.
const TABLE_TIMEOUT: Duration = Duration::from_secs(60);
/// What the path of a route that takes a table ends with.
const TABLE_PATH: &str = "/import";

/// The same for an attachment: 10 MiB arrive in it at 500 kbit/s.
const ATTACHMENT_TIMEOUT: Duration = Duration::from_secs(180);
/// What the path of a route that takes an attachment ends with.
const ATTACHMENT_PATH: &str = "/attachments";

/// Pages load nothing from elsewhere, run no inline script and are framed by nobody.
const CONTENT_SECURITY_POLICY: &str = "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; \
     frame-ancestors 'none'; img-src 'self' blob:; media-src 'self' blob:; connect-src 'self'";

static HEADERS: [(HeaderName, &str); 6] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(self), microphone=(self), display-capture=(self), geolocation=()",
    ),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// The outermost layer: names the request, logs what became of it, and puts the headers on the answer.
pub(super) async fn dress(State(app): State<Shared>, request: Request, next: Next) -> Response {
    let id: Uuid = app.clock.mint();
    // The template of the path, never the path: ids do not belong into logs.
    let path =
        request.extensions().get::<MatchedPath>().map_or_else(|| "(page)".to_owned(), |path| path.as_str().to_owned());
    let policy = content_security_policy(request.headers());
    let span = tracing::debug_span!("request", id = %id, method = %request.method(), path);
    let began = app.clock.now().mono;
    let limit = if path.ends_with(TABLE_PATH) {
        TABLE_TIMEOUT
    } else if path.ends_with(ATTACHMENT_PATH) {
        ATTACHMENT_TIMEOUT
    } else {
        REQUEST_TIMEOUT
    };
    let mut response = limited(request, next, limit).instrument(span.clone()).await;
    let ms = app.clock.now().mono.since(began).as_millis();
    span.in_scope(|| tracing::debug!(status = response.status().as_u16(), "request answered in {ms} ms"));
    let headers = response.headers_mut();
    for (name, value) in &HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    // What people send is held tighter than our own pages.
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(policy);
    if let Ok(id) = HeaderValue::from_str(&id.to_string()) {
        headers.insert(HeaderName::from_static("x-request-id"), id);
    }
    response
}

/// The policy with the server's own sockets named: Safari before 15.4 does not take `'self'` for `wss:`.
fn content_security_policy(headers: &HeaderMap) -> HeaderValue {
    let own = headers.get(header::HOST).and_then(|host| host.to_str().ok()).filter(|host| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte);
        !host.is_empty() && host.bytes().all(plain)
    });
    own.and_then(|host| HeaderValue::from_str(&format!("{CONTENT_SECURITY_POLICY} ws://{host} wss://{host}")).ok())
        .unwrap_or(HeaderValue::from_static(CONTENT_SECURITY_POLICY))
}

async fn limited(request: Request, next: Next, limit: Duration) -> Response {
    match tokio::time::timeout(limit, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Problem::from(Code::Timeout).into_response(),
    }
}

/// Turns a panic of a handler into 500; the connection and the process go on.
pub(super) fn caught(panic: Box<dyn Any + Send>) -> Response {
    let said = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    tracing::error!("a request handler panicked: {}", said.unwrap_or("without words"));
    Problem::from(Code::Internal).into_response()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use axum::{
        Router,
        body::{Body, Bytes},
        http::StatusCode,
        middleware,
        routing::post,
    };
    use futures_util::{StreamExt as _, stream};
    use tower::ServiceExt as _;

    use super::*;
    use crate::http::body::Said;

    #[tokio::test(start_paused = true)]
    async fn a_body_that_drips_in_has_ten_seconds() {
        let clock = crate::clock::Clock::machine();
        let router = Router::new()
            .route("/", post(async |Said(_): Said<serde_json::Value>| "read"))
            .layer(middleware::from_fn(async |request, next| limited(request, next, REQUEST_TIMEOUT).await));
        // A byte a second: no single wait is long.
        let drips = stream::iter(0..).then(async |_: u32| {
            tokio::time::sleep(Duration::from_secs(1)).await;
            Ok::<_, std::convert::Infallible>(Bytes::from_static(b" "))
        });
        let request =
            Request::post("/").header(header::CONTENT_TYPE, "application/json").body(Body::from_stream(drips));

        let answer = router.oneshot(request.expect("a request")).await.expect("an answer");

        assert_eq!(answer.status(), StatusCode::REQUEST_TIMEOUT);
        assert_eq!(clock.elapsed(), REQUEST_TIMEOUT);
    }
}
