//! A sealed record: who may look at it, and that every look is kept.
use reqwest::StatusCode;
use serde_json::{Value, json};
use yunfa_signaling::{message::ClientMessage, words::Channel};

use crate::{
    calls::{ask, begin, ended, on_duty, say, write_outcome},
    page::Page,
    server::{Client, TestServer},
};

const SECRET: &str = "我的老板三个月没发工资";

/// A text consultation that is over.
pub(crate) struct Held {
    pub(crate) asker: Client,
    pub(crate) lawyer: Client,
    /// The id of the sealed record.
    pub(crate) record: String,
}

/// Holds a text consultation with a lawyer of the demonstration.
pub(crate) async fn held(server: &TestServer, user: &str) -> Held {
    let (lawyer, mut desk) = on_duty(server, user).await;
    let citizen = server.guest().await;
    let mut asker = Page::open(&citizen).await;
    ask(server, &mut asker, Channel::Text).await;
    let session = begin(&mut desk, &mut asker).await.id;
    say(&mut asker, session, SECRET).await.expect("said");
    asker.ask(ClientMessage::HangUp { session }).await.expect("hung up");
    ended(&mut desk).await;
    Held { asker: citizen, lawyer, record: write_outcome(&mut desk, session).await }
}

#[tokio::test]
async fn a_record_is_there_for_its_lawyer_and_for_supervisors_and_for_nobody_else() {
    let server = TestServer::start().await;
    let Held { lawyer, record, .. } = held(&server, "lawyer1").await;
    let path = format!("/api/records/{record}");
    let missing = lawyer.get("/api/records/0192f3c4-5678-7abc-8def-0123456789ff").await;

    for reader in [lawyer.clone(), server.login("supervisor1").await] {
        let answer = reader.get(&path).await;
        assert_eq!((answer.status, &answer.body["recordId"]), (StatusCode::OK, &json!(record)));
        assert_eq!((&answer.body["channel"], &answer.body["outcome"]), (&json!("text"), &json!("ADVICE_GIVEN")));
        assert_eq!(answer.body["legs"].as_array().map(Vec::len), Some(2));
        assert!(!answer.body.to_string().contains(SECRET), "metadata only");
    }
    for user in ["lawyer2", "dispatcher", "finance"] {
        let answer = server.login(user).await.get(&path).await;
        assert_eq!((answer.status, &answer.body), (StatusCode::NOT_FOUND, &missing.body), "{user}");
    }
    assert_eq!(server.guest().await.get(&path).await.body, missing.body);
    assert_eq!(server.nobody().get(&path).await.status, StatusCode::UNAUTHORIZED);
    server.stop().await;
}

#[tokio::test]
async fn lists_hold_what_the_reader_may_see() {
    let server = TestServer::start().await;
    let Held { record, .. } = held(&server, "lawyer1").await;
    let items = |body: &Value| body["items"].as_array().expect("a list").len();

    for (user, expected) in [("lawyer1", 1), ("lawyer2", 0), ("supervisor2", 1)] {
        let client = server.login(user).await;
        let (sessions, records) = (client.get("/api/sessions").await.body, client.get("/api/records").await.body);
        assert_eq!((items(&sessions), items(&records)), (expected, expected), "{user}");
        if expected == 1 {
            assert_eq!(
                (&sessions["items"][0]["record"], &records["items"][0]["record"]),
                (&json!(record), &json!(record))
            );
        }
    }
    assert_eq!(items(&server.login("dispatcher").await.get("/api/sessions").await.body), 1);
    server.stop().await;
}

#[tokio::test]
async fn every_look_at_a_record_is_one_entry_of_an_audit_log_that_proves_itself() {
    let server = TestServer::start().await;
    let supervisor = server.login("supervisor1").await;
    let Held { record, .. } = held(&server, "lawyer1").await;
    let entries = async || server.server.app.store.verify_audit().await.expect("the store").expect("a whole log").0;

    let before = entries().await;
    supervisor.get(&format!("/api/records/{record}")).await;
    let after_look = entries().await;
    server.login("finance").await;
    supervisor.get("/api/records/0192f3c4-5678-7abc-8def-0123456789ff").await;

    assert_eq!(after_look, before + 1);
    assert_eq!(entries().await, after_look + 1, "a login is an entry, a look at nothing is none");
    server.stop().await;
}
