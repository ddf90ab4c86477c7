//! Where a desk is reached while nobody looks at its window.
use axum::{Json, extract::State, http::StatusCode};
use serde::{Deserialize, Serialize};

use super::{
    body::Said,
    door::{Caller, stored},
    lawyers::wrong,
    problem::{Code, Problem},
};
use crate::{app::Shared, domain::people::Subject};

/// Answers `GET /api/push`.
#[derive(Serialize)]
pub(super) struct Known {
    /// This server's key for `applicationServerKey`; `null` when no push service is allowed.
    key: Option<String>,
}

/// `POST /api/push`: a `PushSubscription` as browsers write it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Subscription {
    endpoint: String,
    keys: Keys,
}

#[derive(Deserialize)]
struct Keys {
    p256dh: String,
    auth: String,
}

/// `GET /api/push`
pub(super) async fn read(State(app): State<Shared>) -> Json<Known> {
    Json(Known { key: app.push.public_key().map(str::to_owned) })
}

/// `POST /api/push`: tells this login's browser from now on, and no other address of it.
pub(super) async fn subscribe(
    State(app): State<Shared>,
    caller: Caller,
    Said(Subscription { endpoint, keys }): Said<Subscription>,
) -> Result<StatusCode, Problem> {
    let Subject::Lawyer(lawyer) = caller.subject else { return Err(Code::NotAllowed.into()) };
    let browser = app.push.read(&endpoint, &keys.p256dh, &keys.auth).map_err(|unusable| wrong(unusable.to_string()))?;
    let (endpoint, text) = (browser.endpoint(), browser.to_text());
    app.store.put_subscription(&caller.token, lawyer, endpoint, &text, app.clock.wall()).await.map_err(stored)?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /api/push/off`: tells this login's browser nothing any more.
pub(super) async fn unsubscribe(State(app): State<Shared>, caller: Caller) -> Result<StatusCode, Problem> {
    app.store.forget_subscription(&caller.token).await.map_err(stored)?;
    Ok(StatusCode::NO_CONTENT)
}
