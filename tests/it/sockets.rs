//! The way to a socket: origin, ticket, sign-out.
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Error, Message, client::IntoClientRequest as _, http::HeaderValue},
};

use crate::server::{Client, TestServer};

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Signing out closes sockets within this time; a test only waits so long when it fails.
const AT_MOST: Duration = Duration::from_secs(5);

async fn open(server: &TestServer, origin: Option<&str>) -> Result<Socket, Error> {
    let mut request = format!("{}/ws", server.url.replace("http://", "ws://")).into_client_request()?;
    if let Some(origin) = origin {
        request.headers_mut().insert("origin", HeaderValue::from_str(origin).expect("an origin"));
    }
    connect_async(request).await.map(|(socket, _)| socket)
}

async fn ticket(client: &Client) -> String {
    let said = client.post("/api/ws-ticket", &json!({})).await;
    said.body["ticket"].as_str().expect("a ticket").to_owned()
}

async fn hello(socket: &mut Socket, ticket: &str) -> Value {
    let id = "0192f3c4-5678-7abc-8def-0123456789ab";
    let hello = json!({ "id": id, "type": "hello", "version": 1, "ticket": ticket, "device": "WEB" });
    socket.send(Message::text(hello.to_string())).await.expect("sent");
    let answer = socket.next().await.expect("an answer").expect("a frame");
    serde_json::from_str(answer.to_text().expect("text")).expect("JSON")
}

#[tokio::test]
async fn a_ticket_opens_one_socket_and_no_second_one() {
    let server = TestServer::start().await;
    let ticket = ticket(&server.guest().await).await;
    let mut first = open(&server, None).await.expect("a socket");
    let mut second = open(&server, None).await.expect("a socket");

    let welcomed = hello(&mut first, &ticket).await;
    let refused = hello(&mut second, &ticket).await;

    assert_eq!((&welcomed["type"], &welcomed["role"]), (&json!("welcome"), &json!("CITIZEN")));
    assert_eq!((&refused["type"], &refused["code"]), (&json!("error"), &json!("unauthenticated")));
    server.stop().await;
}

#[tokio::test]
async fn a_page_of_another_origin_gets_no_socket() {
    let server = TestServer::start().await;

    let refused = open(&server, Some("https://evil.example")).await.expect_err("refused");
    let own = open(&server, Some(&server.url)).await;

    assert!(matches!(&refused, Error::Http(answer) if answer.status() == StatusCode::FORBIDDEN.as_u16()), "{refused}");
    assert!(own.is_ok());
    server.stop().await;
}

#[tokio::test]
async fn signing_out_closes_the_sockets_of_the_account() {
    let server = TestServer::start().await;
    let lawyer = server.login("lawyer1").await;
    let mut socket = open(&server, None).await.expect("a socket");
    assert_eq!(hello(&mut socket, &ticket(&lawyer).await).await["type"], "welcome");

    lawyer.post("/api/logout", &json!({})).await;

    let closed = async {
        while let Some(Ok(message)) = socket.next().await {
            if message.is_close() {
                break;
            }
        }
    };
    tokio::time::timeout(AT_MOST, closed).await.expect("the socket is closed");
    server.stop().await;
}

#[tokio::test]
async fn a_plain_request_is_told_that_this_is_a_socket() {
    let server = TestServer::start().await;

    assert_eq!(server.nobody().get("/ws").await.code(), "bad-message");
    server.stop().await;
}
