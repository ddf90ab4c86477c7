//! Privacy: after whole consultations, no log line and no file of the data folder holds what is private.
//!
//! Log lines are watched in every test of this binary (`server.rs`, `canary.rs`); here the files are searched.
use reqwest::StatusCode;
use serde_json::json;
use yunfa_loadtest::Shape;
use yunfa_signaling::{
    message::{ClientMessage, ServerMessage},
    private::Sdp,
    words::Channel,
};

use crate::{
    calls::{ask, begin, chat, ended, on_duty, say, write_outcome},
    canary,
    media_calls::Call,
    page::Page,
    server::TestServer,
};

const OFFER: &str = include_str!("../../media/src/peer/negotiation/chromium.sdp");
const PHONE: &str = "13912345678";

#[tokio::test]
async fn a_text_consultation_leaves_nothing_private_in_the_data_folder() {
    let server = TestServer::start().await;
    let (_, mut desk) = on_duty(&server, "lawyer1").await;
    let citizen = server.guest().await;
    let phone = json!({ "phone": PHONE, "code": "246810" });
    citizen.post("/api/citizen/phone/code", &json!({ "phone": PHONE })).await;
    assert_eq!(citizen.post("/api/citizen/phone", &phone).await.status, StatusCode::OK);
    citizen.post("/api/login", &json!({ "user": "lawyer1", "password": "a wrong password" })).await;
    let mut asker = Page::open(&citizen).await;
    desk.ask(ClientMessage::JoinMedia { attempt: 1, offer: Sdp::new(OFFER) }).await.expect("answered");
    desk.hear(|message| matches!(message, ServerMessage::MediaAnswer { .. }).then_some(())).await;
    ask(&server, &mut asker, Channel::Text).await;
    let session = begin(&mut desk, &mut asker).await.id;
    for line in ["老板欠我三个月工资", "身份证371321199001011234"] {
        say(&mut asker, session, line).await.expect("said");
        chat(&mut desk).await;
    }
    asker.ask(ClientMessage::HangUp { session }).await.expect("hung up");
    ended(&mut desk).await;
    write_outcome(&mut desk, session).await;

    nothing_is_kept(server).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_voice_call_leaves_nothing_private_in_the_data_folder() {
    let server = TestServer::start().await;
    let mut call = Call::begin(&server, Channel::Voice, Shape::VOICE).await;
    call.lawyer.client.chat(call.session, "请把合同拍照发来").await.expect("said");
    canary::learn(&json!({ "text": "请把合同拍照发来" }));
    call.citizen.client.hang_up(call.session).await.expect("hung up");
    let outcome = yunfa_signaling::words::Outcome::AdviceGiven;
    call.lawyer.write_outcome(call.session, outcome).await.expect("a record");

    nothing_is_kept(server).await;
}

/// Searches the folder while the database is open, write-ahead log and all, and once more after the last word.
pub(crate) async fn nothing_is_kept(server: TestServer) {
    let (open_files, open) = canary::in_folder(server.data.path());
    assert!(server.data.path().join("yunfa.db-wal").exists(), "the write-ahead log is searched too");
    let folder = server.stop_and_keep().await;
    let (files, closed) = canary::in_folder(folder.path());

    assert!(open_files >= 2 && files >= 1, "{open_files} and {files} files");
    assert_eq!((open, closed), (vec![], vec![]));
    // The search can fail: a number that is planted in the folder is found.
    canary::learn(&json!({ "phone": PHONE }));
    std::fs::write(folder.path().join("planted"), format!("\0{PHONE}\0")).expect("written");
    let found = canary::in_folder(folder.path()).1;
    assert!(found.iter().any(|leak| leak.contains("planted")), "{found:?}");
}
