//! Codes to phones through a gateway of somebody else.
use std::time::Duration;

use axum::{
    Router,
    extract::State,
    http::{HeaderMap, StatusCode},
    routing::post,
};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;
use tokio::sync::mpsc;
use yunfa::{clock::Clock, live::Person};
use yunfa_signaling::{
    message::{ClientMessage, ServerMessage},
    time::Timestamp,
    words::Channel,
};

use crate::{
    calls::{ask, offered, on_duty},
    page::Page,
    questions,
    server::{Client, TestServer},
};

const SECRET: &str = "a secret of sixteen or more";
const PHONE: &str = "13800138000";

type Posts = mpsc::Receiver<(HeaderMap, String)>;

/// A gateway that is broken the first time.
async fn gateway() -> (String, Posts) {
    let (told, posts) = mpsc::channel(8);
    let take = async |State(told): State<mpsc::Sender<(HeaderMap, String)>>, headers: HeaderMap, body: String| {
        let first = told.capacity() == told.max_capacity();
        told.send((headers, body)).await.expect("the test listens");
        if first { StatusCode::BAD_GATEWAY } else { StatusCode::NO_CONTENT }
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/send", listener.local_addr().expect("an address"));
    let router = Router::new().route("/send", post(take)).with_state(told);
    tokio::spawn(async move { axum::serve(listener, router).await });
    (url, posts)
}

#[tokio::test]
async fn a_code_is_posted_signed_and_again_with_the_same_id_when_the_gateway_fails() {
    let (url, mut posts) = gateway().await;
    let clock = Clock::by_hand(Timestamp(1_795_000_000_000));
    let settings = [("sms.gateway", "http"), ("sms.url", url.as_str()), ("sms.secret", SECRET)];
    let server = TestServer::with(&settings, clock.clone()).await;
    let citizen = server.guest().await;

    let sent = citizen.post("/api/citizen/phone/code", &json!({ "phone": PHONE })).await;
    while posts.len() < 2 {
        clock.advance(Duration::from_millis(100));
        tokio::task::yield_now().await;
    }
    let (first, second) = (posts.recv().await.expect("a post"), posts.recv().await.expect("another"));

    assert_eq!(sent.status, StatusCode::ACCEPTED);
    assert_eq!(first.1, second.1, "the same id, number and code");
    let body: Value = serde_json::from_str(&second.1).expect("JSON");
    assert_eq!(body["phone"], PHONE);
    assert_eq!(second.0["yunfa-signature"], signature(&second.0, &second.1));
    let code = body["code"].as_str().expect("a code");
    assert_eq!(code.len(), 6);
    let confirmed = citizen.post("/api/citizen/phone", &json!({ "phone": PHONE, "code": code })).await;
    assert_eq!(confirmed.body["identityMode"], "PHONE");
    server.stop().await;
}

#[tokio::test]
async fn without_a_gateway_nobody_is_asked_for_a_number() {
    let server = TestServer::with(&[("sms.gateway", "off")], Clock::machine()).await;

    let refused = server.guest().await.post("/api/citizen/phone/code", &json!({ "phone": PHONE })).await;

    assert_eq!(refused.code(), "sms-unavailable");
    server.stop().await;
}

fn signature(headers: &HeaderMap, body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).expect("any length");
    mac.update(headers["yunfa-timestamp"].as_bytes());
    mac.update(format!(".{body}").as_bytes());
    let bytes = mac.finalize().into_bytes();
    format!("sha256={}", bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>())
}

/// A citizen who has left a number.
async fn with_phone(server: &TestServer, posts: &mut Posts) -> Client {
    let citizen = server.guest().await;
    citizen.post("/api/citizen/phone/code", &json!({ "phone": PHONE })).await;
    let sent: Value = serde_json::from_str(&posts.recv().await.expect("a post").1).expect("JSON");
    let confirmation = json!({ "phone": PHONE, "code": sent["code"] });
    assert_eq!(citizen.post("/api/citizen/phone", &confirmation).await.status, StatusCode::OK);
    citizen
}

/// The next message that is no code, signed.
async fn next_notice(posts: &mut Posts) -> Value {
    loop {
        let (headers, body) = posts.recv().await.expect("a post");
        assert_eq!(headers["yunfa-signature"], signature(&headers, &body));
        let said: Value = serde_json::from_str(&body).expect("JSON");
        // The code was posted a second time to the gateway that had failed.
        if said.get("code").is_none() {
            return said;
        }
    }
}

#[tokio::test]
async fn whose_question_is_answered_while_no_page_is_open_gets_a_message_without_a_word_of_it() {
    let (url, mut posts) = gateway().await;
    let settings = [("sms.gateway", "http"), ("sms.url", url.as_str()), ("sms.secret", SECRET)];
    let server = TestServer::with(&settings, Clock::machine()).await;
    let citizen = with_phone(&server, &mut posts).await;
    let (first, second) = (server.login("lawyer1").await, server.login("lawyer2").await);
    let question = questions::ask(&citizen).await;

    // With a page open, the page says it.
    let mut page = Page::open(&citizen).await;
    questions::claim(&first, &question).await;
    questions::answer(&first, &question).await;
    page.hear(|message| matches!(message, ServerMessage::Question { .. }).then_some(())).await;
    drop(page);
    // A guest without a number gets none, and nothing waits for it.
    let nameless = questions::ask(&server.guest().await).await;
    questions::claim(&first, &nameless).await;
    questions::answer(&first, &nameless).await;
    wait_until_gone(&server, &citizen).await;
    questions::claim(&second, &question).await;
    questions::answer(&second, &question).await;

    let notice = next_notice(&mut posts).await;
    assert_eq!((&notice["notice"], &notice["phone"]), (&json!("question-answered"), &json!(PHONE)));
    let words = notice.to_string();
    assert!(!words.contains("工资") && !words.contains("仲裁") && !words.contains(&question), "{words}");
    server.stop().await;
    posts.close();
    // The gateway fails whenever nothing waits: what else was posted is the same message, or the code, again.
    while let Some((_, body)) = posts.recv().await {
        let said: Value = serde_json::from_str(&body).expect("JSON");
        assert!(
            said.get("code").is_some() || said["id"] == notice["id"],
            "one message, for the answer that nobody saw"
        );
    }
}

/// Waits until the server knows that this person's page is closed.
async fn wait_until_gone(server: &TestServer, citizen: &Client) {
    let me = citizen.get("/api/me").await.body["id"].as_str().expect("an id").parse().expect("an id");
    while server.server.app.live.is_here(Person::Citizen(me)) {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn whoever_is_called_back_and_has_no_page_open_gets_a_message() {
    let (url, mut posts) = gateway().await;
    let settings = [("sms.gateway", "http"), ("sms.url", url.as_str()), ("sms.secret", SECRET)];
    let server = TestServer::with(&settings, Clock::machine()).await;
    let citizen = with_phone(&server, &mut posts).await;
    let mut asker = Page::open(&citizen).await;
    let consultation = ask(&server, &mut asker, Channel::Text).await;
    asker.ask(ClientMessage::CallMeBack { consultation }).await.expect("to be called back");
    drop(asker);

    let (_, mut desk) = on_duty(&server, "lawyer1").await;
    let offer = offered(&mut desk).await;
    desk.ask(ClientMessage::AcceptOffer { offer: offer.id }).await.expect("accepted");

    let notice = next_notice(&mut posts).await;
    assert_eq!((&notice["notice"], &notice["phone"]), (&json!("call-back"), &json!(PHONE)));
    assert!(notice["until"].as_i64().is_some_and(|until| until > 1_763_000_000_000), "{notice}");
    server.stop().await;
}
