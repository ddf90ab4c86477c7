//! What a supervisor may do to a session: end it, with a reason, and neither hear nor read anything of it.
use reqwest::StatusCode;
use serde_json::json;
use yunfa_signaling::words::{Channel, EndReason, Presence};

use crate::{
    calls::{ask, begin, ended, on_duty, say, write_outcome},
    page::Page,
    server::TestServer,
};

#[tokio::test]
async fn a_supervisor_ends_an_abusive_session_with_a_reason_that_is_kept() {
    let server = TestServer::start().await;
    let (lawyer, mut desk) = on_duty(&server, "lawyer1").await;
    let citizen = server.guest().await;
    let mut asker = Page::open(&citizen).await;
    ask(&server, &mut asker, Channel::Text).await;
    let session = begin(&mut desk, &mut asker).await.id;
    say(&mut asker, session, "骂人的话").await.expect("said");
    let supervisor = server.login("supervisor1").await;
    let path = format!("/api/sessions/{session}/end");

    for other in [&citizen, &lawyer, &server.login("dispatcher").await, &server.login("finance").await] {
        assert_eq!(other.post(&path, &json!({ "reason": "谩骂律师" })).await.status, StatusCode::NOT_FOUND);
    }
    for reason in ["", " ", "x"] {
        assert_eq!(supervisor.post(&path, &json!({ "reason": reason })).await.code(), "bad-message");
    }
    let done = supervisor.post(&path, &json!({ "reason": "谩骂律师" })).await;

    assert_eq!(done.status, StatusCode::NO_CONTENT, "{:?}", done.body);
    assert_eq!(ended(&mut asker).await, (EndReason::SupervisorEnded, false));
    assert_eq!(ended(&mut desk).await, (EndReason::SupervisorEnded, true));
    assert!(say(&mut asker, session, "还说").await.is_err(), "it is over");
    assert_eq!(supervisor.post(&path, &json!({ "reason": "再来一次" })).await.code(), "no-such-step");
    let record = write_outcome(&mut desk, session).await;
    let seen = supervisor.get(&format!("/api/records/{record}")).await.body;
    assert_eq!(seen["endReason"], json!("SUPERVISOR_ENDED"));
    assert!(!seen.to_string().contains("骂人的话"), "metadata only");
    assert_eq!(crate::calls::presence(&mut desk, Presence::Available).await, Presence::Available);
    server.server.app.store.verify_audit().await.expect("the store").expect("a whole log");
    server.stop().await;
}
