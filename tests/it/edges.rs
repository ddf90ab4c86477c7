//! Connections: HTTPS, limits of seats, slow bodies, stopping.
use std::time::Duration;

use reqwest::StatusCode;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use yunfa::clock::Clock;
use yunfa_signaling::time::Timestamp;

use crate::server::{TestServer, guest};

#[tokio::test]
async fn https_is_spoken_with_a_certificate_of_our_own() {
    let server = TestServer::with(&[("tls.listen", "127.0.0.1:0")], Clock::machine()).await;
    let address = server.server.https.expect("HTTPS");
    let pem = std::fs::read(server.data.path().join("tls/certificate.pem")).expect("the certificate");
    let trusting = reqwest::Client::builder()
        .tls_certs_only([reqwest::Certificate::from_pem(&pem).expect("a certificate")])
        .build()
        .expect("a client");

    let healthy = trusting.get(format!("https://{address}/healthz")).send().await.expect("an answer");
    let asked = trusting.post(format!("https://{address}/api/citizen/guest"));
    let body = guest(json!({})).to_string();
    let came = asked.header("content-type", "application/json").body(body).send().await.expect("an answer");

    assert_eq!(healthy.status(), StatusCode::OK);
    let cookie = came.headers()["set-cookie"].to_str().expect("text");
    assert!(cookie.starts_with("__Host-yunfa_citizen=") && cookie.contains("; Secure"), "{cookie}");
    server.stop().await;
}

#[tokio::test]
async fn an_address_with_all_its_seats_taken_hears_503_and_others_come_in_when_one_is_free() {
    let server = TestServer::with(&[("http.connections_per_address", "2")], Clock::machine()).await;
    let address = server.server.http.expect("HTTP");
    let first = TcpStream::connect(address).await.expect("connected");
    let mut second = TcpStream::connect(address).await.expect("connected");
    second.write_all(b"GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n").await.expect("written");
    let mut some = [0; 12];
    second.read_exact(&mut some).await.expect("an answer");

    let mut third = TcpStream::connect(address).await.expect("connected");
    let mut heard = String::new();
    third.read_to_string(&mut heard).await.expect("an answer and the end");
    drop((first, second));

    assert!(heard.starts_with("HTTP/1.1 503 "), "{heard}");
    assert!(heard.ends_with("\"type\":\"/problems/overloaded\"}"), "{heard}");
    server.stop().await;
}

#[tokio::test]
async fn a_header_over_its_bound_or_without_its_host_is_refused() {
    let server = TestServer::start().await;
    let asked = async |head: String| {
        let mut stream = TcpStream::connect(server.server.http.expect("HTTP")).await.expect("connected");
        let _ = stream.write_all(head.as_bytes()).await;
        let mut status = [0; 12];
        stream.read_exact(&mut status).await.expect("an answer");
        String::from_utf8_lossy(&status[9..]).into_owned()
    };
    let padded = |bytes: usize| format!("GET /healthz HTTP/1.1\r\nhost: a\r\nx: {}\r\n\r\n", "x".repeat(bytes));

    assert_eq!(asked(padded(31 * 1024)).await, "200");
    for bytes in [32 * 1024, 33 * 1024, 40 * 1024, 64 * 1024, 256 * 1024] {
        assert_eq!(asked(padded(bytes)).await, "431", "{bytes}");
    }
    for (head, status) in [
        ("GET /healthz HTTP/1.1\r\n\r\n", "400"),
        ("GET /healthz HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n", "400"),
        ("GET /healthz HTTP/1.0\r\nhost: a\r\nhost: a\r\n\r\n", "400"),
        ("GET /healthz HTTP/1.0\r\n\r\n", "200"),
        ("GET /healthz HTTP/1.1\r\nhost:\r\n\r\n", "200"),
    ] {
        assert_eq!(asked(head.to_owned()).await, status, "{head}");
    }
    server.stop().await;
}

#[tokio::test]
async fn a_draining_server_is_alive_but_not_ready() {
    let server = TestServer::start().await;
    assert_eq!(server.nobody().get("/readyz").await.status, StatusCode::OK);

    server.shutdown.drain();

    let ready = server.nobody().get("/readyz").await;
    assert_eq!((ready.status, ready.code()), (StatusCode::SERVICE_UNAVAILABLE, "draining"));
    assert_eq!(server.nobody().get("/healthz").await.status, StatusCode::OK);
    server.stop().await;
}

#[tokio::test]
async fn a_server_whose_database_is_taken_over_by_another_one_stops_by_itself() {
    let clock = Clock::by_hand(Timestamp(1_795_000_000_000));
    let server = TestServer::with(&[], clock.clone()).await;
    server.expect_error("was taken over");
    server.expect_error("took over this database");
    server.server.app.store.take_lease("node-1", clock.wall()).await.expect("the other one's lease");

    while !server.shutdown.is_draining() {
        clock.advance(Duration::from_secs(5));
        tokio::task::yield_now().await;
    }

    server.stop().await;
}
