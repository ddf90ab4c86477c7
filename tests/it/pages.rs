//! Headers, problems, the directory and the pages.
use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::server::TestServer;

#[tokio::test]
async fn every_answer_carries_the_security_headers() {
    let server = TestServer::start().await;

    for path in ["/", "/api/directory", "/api/me", "/nothing", "/healthz"] {
        let answer = server.nobody().get(path).await;
        let header = |name: &str| answer.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let csp = header("content-security-policy");
        assert!(csp.contains("default-src 'self'") && csp.contains("frame-ancestors 'none'"), "{path}: {csp}");
        assert!(!csp.contains("unsafe"), "{path}: {csp}");
        assert_eq!(header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(header("referrer-policy"), "no-referrer", "{path}");
        assert!(header("permissions-policy").contains("camera=(self), microphone=(self)"), "{path}");
        assert_eq!(header("x-request-id").len(), 36, "{path}");
    }
    server.stop().await;
}

#[tokio::test]
async fn the_directory_has_the_practice_areas_the_area_tree_and_the_consent_version() {
    let server = TestServer::start().await;

    let directory = server.nobody().get("/api/directory").await.body;

    let codes: Vec<_> =
        directory["practiceAreas"].as_array().expect("a list").iter().map(|area| &area["code"]).collect();
    assert_eq!(codes.len(), 13);
    assert_eq!(codes[0], "FAMILY");
    let levels = |level: &str| {
        directory["areas"].as_array().expect("a list").iter().filter(|area| area["level"] == level).count()
    };
    assert_eq!((levels("county"), levels("town"), levels("village")), (1, 3, 9));
    assert_eq!(directory["consentVersion"], "2026-11");
    server.stop().await;
}

#[tokio::test]
async fn a_refusal_is_a_problem_with_a_code() {
    let server = TestServer::start().await;
    let nobody = server.nobody();
    let long = format!("{{\"user\":\"{}\"}}", "x".repeat(70_000));

    let no_json = nobody.clone().with("content-type", "text/plain").send(Method::POST, "/api/login", None).await;
    let unreadable = nobody.send(Method::POST, "/api/login", Some("{".to_owned())).await;
    let too_long = nobody.send(Method::POST, "/api/login", Some(long)).await;
    let method = nobody.send(Method::DELETE, "/api/login", None).await;

    let codes = [no_json.code(), unreadable.code(), too_long.code(), method.code()];
    assert_eq!(codes, ["not-json", "bad-message", "too-large", "wrong-method"]);
    assert_eq!(too_long.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(unreadable.headers["content-type"], "application/problem+json");
    assert_eq!(unreadable.body["type"], "/problems/bad-message");
    server.stop().await;
}

#[tokio::test]
async fn a_page_of_another_origin_may_change_nothing() {
    let server = TestServer::start().await;
    let login = json!({ "user": "lawyer1", "password": server.password("lawyer1") });
    let from = async |origin: &str| server.nobody().with("origin", origin).post("/api/login", &login).await.status;

    assert_eq!(from("https://evil.example").await, StatusCode::FORBIDDEN);
    assert_eq!(from("null").await, StatusCode::FORBIDDEN);
    assert_eq!(from(&server.url).await, StatusCode::OK);
    server.stop().await;
}

#[tokio::test]
async fn the_pages_are_there_or_the_server_says_how_to_build_them() {
    let server = TestServer::start().await;

    for path in ["/", "/lawyer/", "/office/"] {
        let page = server.nobody().get(path).await;
        let text = page.body.as_str().expect("HTML").to_owned();
        match page.status {
            StatusCode::OK => assert!(text.contains("<script type=\"module\""), "{path}: {text}"),
            StatusCode::SERVICE_UNAVAILABLE => assert!(text.contains("make web"), "{path}: {text}"),
            other => panic!("{path}: {other}"),
        }
        assert!(page.headers["content-type"].to_str().expect("text").starts_with("text/html"), "{path}");
    }
    server.stop().await;
}

#[tokio::test]
async fn a_long_answer_is_compressed_for_who_takes_it() {
    let server = TestServer::start().await;

    let packed = server.nobody().with("accept-encoding", "br").get("/api/directory").await;
    let plain = server.nobody().get("/api/directory").await;

    assert_eq!(packed.headers["content-encoding"], "br");
    assert!(plain.headers.get("content-encoding").is_none());
    server.stop().await;
}
