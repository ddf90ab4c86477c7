//! Web Push to a desk, through a push service of the test's own (RFC 8030) that checks who sends (RFC 8292) and reads what is
//! sent (RFC 8291), as a browser would.
use std::collections::BTreeSet;

use axum::{
    Router,
    body::Bytes,
    extract::{Path, State},
    http::HeaderMap,
    routing::post,
};
use base64ct::{Base64UrlUnpadded, Encoding as _};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use web_push_native::{
    decrypt,
    p256::{SecretKey, elliptic_curve::sec1::ToEncodedPoint as _},
};
use yunfa::clock::Clock;
use yunfa_signaling::{ids::OfferId, message::ClientMessage, words::Channel};

use crate::{
    calls::{ask, offered, on_duty},
    page::Page,
    server::{Client, TestServer},
};

/// What the browser shares with whoever may write to it.
const SECRET: [u8; 16] = [3; 16];

type Posts = mpsc::Receiver<(HeaderMap, Bytes)>;

/// A push service whose answers are named by the path; gives its address and what is posted.
async fn service() -> (String, Posts) {
    let (told, posts) = mpsc::channel(8);
    let take = async |State(told): State<mpsc::Sender<_>>, Path(answer): Path<u16>, headers: HeaderMap, body: Bytes| {
        told.send((headers, body)).await.expect("the test listens");
        StatusCode::from_u16(answer).expect("a status")
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let origin = format!("http://{}", listener.local_addr().expect("an address"));
    let router = Router::new().route("/{answer}", post(take)).with_state(told);
    tokio::spawn(async move { axum::serve(listener, router).await });
    (origin, posts)
}

fn browser_key() -> SecretKey {
    SecretKey::from_slice(&[7; 32]).expect("a key")
}

/// What a browser says of its subscription; `answer` is what its push service will answer.
fn subscription(origin: &str, answer: u16) -> Value {
    let point = browser_key().public_key().to_encoded_point(false);
    let [p256dh, auth] = [point.as_bytes(), &SECRET].map(Base64UrlUnpadded::encode_string);
    json!({ "endpoint": format!("{origin}/{answer}"), "expirationTime": null, "keys": { "p256dh": p256dh, "auth": auth } })
}

async fn subscribe(desk: &Client, origin: &str, answer: u16) {
    let kept = desk.post("/api/push", &subscription(origin, answer)).await;
    assert_eq!(kept.status, StatusCode::NO_CONTENT, "{:?}", kept.body);
}

/// Somebody asks, the desk rings, and the question is taken back.
async fn ring(server: &TestServer, desk: &mut Page) -> OfferId {
    let mut asker = Page::open(&server.guest().await).await;
    let consultation = ask(server, &mut asker, Channel::Text).await;
    let offer = offered(desk).await.id;
    asker.ask(ClientMessage::CancelConsultation { consultation }).await.expect("taken back");
    offer
}

/// Reads a push as the browser does.
fn read(body: &Bytes) -> Value {
    let text = decrypt(body.to_vec(), &browser_key(), &SECRET.into()).expect("sealed for this browser");
    serde_json::from_slice(&text).expect("JSON")
}

/// The value of one header.
fn header<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers[name].to_str().expect("text")
}

#[tokio::test]
async fn a_desk_in_the_background_is_told_of_a_ring_in_words_that_only_its_browser_reads() {
    let (origin, mut posts) = service().await;
    let contact = "mailto:it@county.example";
    let server = TestServer::with(&[("push.services", &origin), ("push.contact", contact)], Clock::machine()).await;
    let (lawyer, mut desk) = on_duty(&server, "lawyer1").await;
    let key = lawyer.get("/api/push").await.body["key"].as_str().expect("a key").to_owned();
    subscribe(&lawyer, &origin, 201).await;

    let offer = ring(&server, &mut desk).await;

    let (headers, body) = posts.recv().await.expect("a push");
    let said = read(&body);
    let words: BTreeSet<_> = said.as_object().expect("an object").keys().map(String::as_str).collect();
    assert_eq!(
        words,
        BTreeSet::from(["offer", "practiceArea", "channel", "locality", "expiresAt"]),
        "and nothing else"
    );
    assert_eq!((&said["offer"], &said["practiceArea"]), (&json!(offer), &json!("LABOUR")));
    let sealed = ["content-encoding", "urgency", "topic"].map(|name| header(&headers, name));
    assert_eq!(sealed, ["aes128gcm", "high", "ring"]);
    let ttl: u64 = header(&headers, "ttl").parse().expect("seconds");
    assert!((1..=60).contains(&ttl), "not longer than it rings: {ttl} s");

    // Signed by the key that the browser was given, for this service, for a day at most.
    let who = header(&headers, "authorization").strip_prefix("vapid t=").expect("the scheme of RFC 8292");
    let (token, shown) = who.split_once(", k=").expect("token and key");
    assert_eq!(shown, key);
    let point = Base64UrlUnpadded::decode_vec(&key).expect("base64url");
    let mut rules = Validation::new(Algorithm::ES256);
    rules.set_audience(&[&origin]);
    let claims =
        jsonwebtoken::decode::<Value>(token, &DecodingKey::from_ec_der(&point), &rules).expect("signed").claims;
    assert_eq!(claims["sub"], contact);
    let ahead = claims["exp"].as_i64().expect("seconds") - Clock::machine().wall().0 / 1_000;
    assert!((0..=24 * 3600).contains(&ahead), "{ahead} s");
    server.stop().await;
}

#[tokio::test]
async fn a_push_that_fails_is_tried_again_and_a_subscription_that_has_ended_is_forgotten() {
    let (origin, mut posts) = service().await;
    let server = TestServer::with(&[("push.services", &origin)], Clock::machine()).await;
    let (lawyer, mut desk) = on_duty(&server, "lawyer1").await;

    subscribe(&lawyer, &origin, 503).await;
    let failed = ring(&server, &mut desk).await;
    for _ in 0..2 {
        let (_, body) = posts.recv().await.expect("a push");
        assert_eq!(read(&body)["offer"], json!(failed));
    }
    // One address per login: this takes the place of the other.
    subscribe(&lawyer, &origin, 410).await;
    let gone = ring(&server, &mut desk).await;
    assert_eq!(read(&posts.recv().await.expect("a push").1)["offer"], json!(gone));
    until_forgotten(&server, &lawyer).await;
    ring(&server, &mut desk).await;
    subscribe(&lawyer, &origin, 201).await;
    let last = ring(&server, &mut desk).await;

    // What came between was sent to nobody.
    assert_eq!(read(&posts.recv().await.expect("a push").1)["offer"], json!(last));
    server.stop().await;
}

#[tokio::test]
async fn whoever_signs_out_or_switches_it_off_is_told_nothing_more() {
    let (origin, mut posts) = service().await;
    let server = TestServer::with(&[("push.services", &origin)], Clock::machine()).await;
    // Two logins of one lawyer, one browser each; one signs out, the other switches it off and on.
    let elsewhere = server.login("lawyer1").await;
    subscribe(&elsewhere, &origin, 202).await;
    assert_eq!(elsewhere.post("/api/logout", &json!({})).await.status, StatusCode::NO_CONTENT);
    let (lawyer, mut desk) = on_duty(&server, "lawyer1").await;

    subscribe(&lawyer, &origin, 201).await;
    assert_eq!(lawyer.post("/api/push/off", &json!({})).await.status, StatusCode::NO_CONTENT);
    ring(&server, &mut desk).await;
    subscribe(&lawyer, &origin, 201).await;
    let last = ring(&server, &mut desk).await;

    assert_eq!(read(&posts.recv().await.expect("a push").1)["offer"], json!(last));
    server.stop().await;
}

#[tokio::test]
async fn only_push_services_of_the_settings_are_asked() {
    let (allowed, _posts) = service().await;
    let server = TestServer::with(&[("push.services", &allowed)], Clock::machine()).await;
    let lawyer = server.login("lawyer1").await;

    for origin in ["http://127.0.0.1:1", "http://169.254.169.254", "https://fcm.googleapis.com", "file://"] {
        let refused = lawyer.post("/api/push", &subscription(origin, 201)).await;
        assert_eq!((refused.status, refused.code()), (StatusCode::BAD_REQUEST, "bad-message"), "{origin}");
    }
    let mut odd = subscription(&allowed, 201);
    odd["keys"]["auth"] = json!("AAAA");
    assert_eq!(lawyer.post("/api/push", &odd).await.code(), "bad-message");
    server.stop().await;

    let silent = TestServer::with(&[("push.services", "")], Clock::machine()).await;
    assert_eq!(silent.login("lawyer1").await.get("/api/push").await.body["key"], Value::Null);
    silent.stop().await;
}

/// Waits until nothing is kept of this lawyer's browsers.
async fn until_forgotten(server: &TestServer, lawyer: &Client) {
    let id = lawyer.get("/api/me").await.body["id"].as_str().expect("an id").parse().expect("an id");
    let app = &server.server.app;
    while !app.store.subscriptions(id, app.clock.wall()).await.expect("the store").is_empty() {
        tokio::task::yield_now().await;
    }
}
