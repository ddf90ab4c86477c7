//! Identity: guests, phones, logins, second factors, tickets.
use std::time::Duration;

use reqwest::StatusCode;
use serde_json::json;
use yunfa::clock::Clock;
use yunfa_signaling::{
    message::{ErrorCode, ServerMessage},
    private::Token,
    time::Timestamp,
};

use crate::{
    page::{Page, ticket},
    server::{TestServer, guest},
};

#[tokio::test]
async fn a_guest_comes_in_with_one_request_and_is_known_by_the_cookie_of_the_device() {
    let server = TestServer::start().await;

    let said = server.nobody().post("/api/citizen/guest", &guest(json!({ "entrySource": "village-poster" }))).await;

    assert_eq!(said.status, StatusCode::CREATED);
    assert!(said.body.get("token").is_none(), "a page's token is for the cookie alone");
    let set = said.headers["set-cookie"].to_str().expect("text");
    assert!(set.contains("HttpOnly") && set.contains("SameSite=Strict") && set.contains("Path=/"), "{set}");
    let page = server.nobody().with("cookie", said.cookie());
    assert_eq!(page.get("/api/me").await.code(), "unauthenticated", "a cookie without its door");
    let me = page.with("yunfa-door", "citizen").get("/api/me").await;
    assert_eq!((&me.body["role"], &me.body["id"]), (&json!("CITIZEN"), &said.body["citizen"]));
    server.stop().await;
}

#[tokio::test]
async fn a_citizen_may_refuse_to_be_known_but_may_not_claim_more_than_was_shown() {
    let server = TestServer::start().await;
    let nobody = server.nobody();
    let ask = async |more| nobody.post("/api/citizen/guest", &guest(more)).await;

    assert_eq!(ask(json!({ "identityMode": "REFUSED" })).await.status, StatusCode::CREATED);
    assert_eq!(ask(json!({ "identityMode": "ID_CARD" })).await.code(), "bad-message");
    assert_eq!(ask(json!({ "consentVersion": "1999-01" })).await.code(), "consent-outdated");
    assert_eq!(ask(json!({ "entrySource": "<script>" })).await.code(), "bad-message");
    assert_eq!(ask(json!({ "admin": true })).await.code(), "bad-message");
    server.stop().await;
}

#[tokio::test]
async fn a_phone_is_confirmed_by_the_code_of_the_demonstration() {
    let server = TestServer::start().await;
    let citizen = server.guest().await;
    let phone = "13800138000";

    let early = citizen.post("/api/citizen/phone", &json!({ "phone": phone, "code": "246810" })).await;
    let sent = citizen.post("/api/citizen/phone/code", &json!({ "phone": phone })).await;
    let wrong = citizen.post("/api/citizen/phone", &json!({ "phone": phone, "code": "000000" })).await;
    let right = citizen.post("/api/citizen/phone", &json!({ "phone": phone, "code": "246810" })).await;

    assert_eq!((early.code(), sent.status, wrong.code()), ("wrong-code", StatusCode::ACCEPTED, "wrong-code"));
    assert_eq!((right.status, &right.body), (StatusCode::OK, &json!({ "identityMode": "PHONE" })));
    server.stop().await;
}

#[tokio::test]
async fn a_code_is_void_after_five_wrong_tries() {
    let server = TestServer::start().await;
    let citizen = server.guest().await;
    let phone = "13800138001";
    citizen.post("/api/citizen/phone/code", &json!({ "phone": phone })).await;

    for _ in 0..5 {
        let wrong = citizen.post("/api/citizen/phone", &json!({ "phone": phone, "code": "111111" })).await;
        assert_eq!(wrong.code(), "wrong-code");
    }
    let right = citizen.post("/api/citizen/phone", &json!({ "phone": phone, "code": "246810" })).await;

    assert_eq!(right.code(), "wrong-code");
    server.stop().await;
}

#[tokio::test]
async fn a_login_sets_the_cookie_of_its_door_and_a_logout_revokes_it() {
    let server = TestServer::start().await;
    let login = json!({ "user": "lawyer1", "password": server.password("lawyer1") });

    let said = server.nobody().post("/api/login", &login).await;

    assert_eq!(
        (said.status, &said.body["role"], &said.body["door"]),
        (StatusCode::OK, &json!("LAWYER"), &json!("lawyer"))
    );
    assert!(said.cookie().starts_with("yunfa_lawyer="));
    let desk = server.nobody().with("cookie", said.cookie()).with("yunfa-door", "lawyer");
    assert_eq!(desk.get("/api/me").await.body["id"], said.body["id"]);
    let out = desk.post("/api/logout", &json!({})).await;
    assert_eq!(out.status, StatusCode::NO_CONTENT);
    assert!(out.headers["set-cookie"].to_str().expect("text").contains("Max-Age=0"));
    assert_eq!(desk.get("/api/me").await.code(), "unauthenticated");
    server.stop().await;
}

#[tokio::test]
async fn a_cookie_does_not_pass_as_a_bearer_and_a_bearer_not_as_a_cookie() {
    let server = TestServer::start().await;
    let login = json!({ "user": "supervisor1", "password": server.password("supervisor1") });
    let cookie = server.nobody().post("/api/login", &login).await.cookie();
    let token = cookie.split_once('=').expect("a cookie").1;

    assert_eq!(server.nobody().bearer(token).get("/api/me").await.status, StatusCode::UNAUTHORIZED);
    let lawyer = server.nobody().with("cookie", format!("yunfa_lawyer={token}")).with("yunfa-door", "lawyer");
    assert_eq!(lawyer.get("/api/me").await.status, StatusCode::UNAUTHORIZED, "another door");
    server.stop().await;
}

#[tokio::test]
async fn a_login_of_staff_lasts_twelve_hours_and_a_device_thirty_days_from_its_last_use() {
    let clock = Clock::by_hand(Timestamp(1_795_000_000_000));
    let server = TestServer::with(&[], clock.clone()).await;
    let (supervisor, citizen) = (server.login("supervisor1").await, server.guest().await);

    clock.advance(Duration::from_secs(12 * 3600 - 1));
    assert_eq!(supervisor.get("/api/me").await.status, StatusCode::OK);
    clock.advance(Duration::from_secs(1));
    assert_eq!(supervisor.get("/api/me").await.status, StatusCode::UNAUTHORIZED);
    for _ in 0..2 {
        clock.advance(Duration::from_secs(20 * 24 * 3600));
        assert_eq!(citizen.get("/api/me").await.status, StatusCode::OK, "used within thirty days");
    }
    clock.advance(Duration::from_secs(30 * 24 * 3600));
    assert_eq!(citizen.get("/api/me").await.status, StatusCode::UNAUTHORIZED);
    server.stop().await;
}

#[tokio::test]
async fn with_a_second_factor_a_password_alone_does_not_open() {
    let clock = Clock::by_hand(Timestamp(1_795_000_000_000));
    let server = TestServer::with(&[], clock.clone()).await;
    let finance = server.login("finance").await;
    let url = finance.post("/api/totp", &json!({})).await.body["otpauthUrl"].as_str().expect("a URL").to_owned();
    let authenticator = totp_rs::Totp::from_url(&url).expect("an authenticator");
    let code = || authenticator.generate(u64::try_from(clock.wall().0 / 1000).expect("a time")).to_string();
    let mut login = json!({ "user": "finance", "password": server.password("finance"), "bearer": true });

    assert_eq!(server.nobody().post("/api/login", &login).await.status, StatusCode::OK, "not confirmed yet");
    assert_eq!(finance.post("/api/totp/confirm", &json!({ "code": "000000" })).await.code(), "wrong-code");
    assert_eq!(finance.post("/api/totp/confirm", &json!({ "code": code() })).await.status, StatusCode::NO_CONTENT);
    assert_eq!(server.nobody().post("/api/login", &login).await.code(), "totp-required");

    login["totp"] = json!(code());
    assert_eq!(server.nobody().post("/api/login", &login).await.code(), "wrong-login", "a code that was used");
    clock.advance(Duration::from_secs(30));
    login["totp"] = json!(code());
    assert_eq!(server.nobody().post("/api/login", &login).await.status, StatusCode::OK);
    assert_eq!(finance.post("/api/totp", &json!({})).await.code(), "not-allowed", "it cannot be replaced by a thief");
    server.stop().await;
}

#[tokio::test]
async fn a_second_factor_is_switched_off_with_a_fresh_code_of_it_only() {
    let clock = Clock::by_hand(Timestamp(1_795_000_000_000));
    let server = TestServer::with(&[], clock.clone()).await;
    let finance = server.login("finance").await;
    let url = finance.post("/api/totp", &json!({})).await.body["otpauthUrl"].as_str().expect("a URL").to_owned();
    let authenticator = totp_rs::Totp::from_url(&url).expect("an authenticator");
    let code = || authenticator.generate(u64::try_from(clock.wall().0 / 1000).expect("a time")).to_string();
    let login = json!({ "user": "finance", "password": server.password("finance"), "bearer": true });

    assert_eq!(
        finance.post("/api/totp/off", &json!({ "code": code() })).await.code(),
        "wrong-code",
        "not confirmed yet"
    );
    assert_eq!(finance.get("/api/me").await.body["totp"], json!(false));
    assert_eq!(finance.post("/api/totp/confirm", &json!({ "code": code() })).await.status, StatusCode::NO_CONTENT);
    assert_eq!(finance.get("/api/me").await.body["totp"], json!(true));
    assert_eq!(
        finance.post("/api/totp/off", &json!({ "code": code() })).await.code(),
        "wrong-code",
        "a code that was used"
    );
    assert_eq!(finance.post("/api/totp/off", &json!({ "code": "000000" })).await.code(), "wrong-code");
    assert_eq!(server.nobody().post("/api/login", &login).await.code(), "totp-required");

    clock.advance(Duration::from_secs(30));
    assert_eq!(finance.post("/api/totp/off", &json!({ "code": code() })).await.status, StatusCode::NO_CONTENT);

    assert_eq!(finance.get("/api/me").await.body["totp"], json!(false));
    assert_eq!(server.nobody().post("/api/login", &login).await.status, StatusCode::OK);
    server.stop().await;
}

#[tokio::test]
async fn a_ticket_is_for_everybody_who_is_signed_in_and_for_nothing_but_a_socket() {
    let server = TestServer::start().await;

    for client in [server.guest().await, server.login("lawyer1").await, server.login("dispatcher").await] {
        let ticket = client.post("/api/ws-ticket", &json!({})).await;
        assert_eq!(ticket.status, StatusCode::OK);
        let text = ticket.body["ticket"].as_str().expect("a ticket");
        assert_eq!(server.nobody().bearer(text).get("/api/me").await.code(), "unauthenticated");
    }
    server.stop().await;
}

#[tokio::test]
async fn two_hundred_forged_tokens_open_nothing_and_the_real_ones_still_do() {
    let server = TestServer::with(&[("limits.requests_per_second", "10000")], Clock::machine()).await;
    let said = server.nobody().post("/api/citizen/guest", &guest(json!({ "bearer": true }))).await;
    let token = said.body["token"].as_str().expect("a token").to_owned();
    let cookie = server.nobody().post("/api/citizen/guest", &guest(json!({}))).await.cookie();
    let (name, in_cookie) = cookie.split_once('=').expect("a cookie");
    let ticket = server.nobody().bearer(&token).post("/api/ws-ticket", &json!({})).await.body["ticket"].clone();
    let ticket = ticket.as_str().expect("a ticket").to_owned();
    let me = async |client: crate::server::Client| client.get("/api/me").await.code().to_owned();

    for forged in forgeries(&token) {
        assert_eq!(me(server.nobody().bearer(&forged)).await, "unauthenticated", "bearer {forged}");
    }
    for forged in forgeries(in_cookie) {
        let page = server.nobody().with("yunfa-door", "citizen").with("cookie", format!("{name}={forged}"));
        assert_eq!(me(page).await, "unauthenticated", "cookie {forged}");
    }
    for forged in forgeries(&ticket).into_iter().step_by(4) {
        let mut page = Page::connect(&server.url).await;
        let asked = page.say(page.hello(Token::new(&forged))).await;
        assert_eq!(page.answer(asked).await, Err(ErrorCode::Unauthenticated), "ticket {forged}");
    }

    assert_eq!(me(server.nobody().bearer(&token)).await, "");
    let mut page = Page::connect(&server.url).await;
    page.say(page.hello(Token::new(ticket))).await;
    page.hear(|message| matches!(message, ServerMessage::Welcome(_)).then_some(())).await;
    server.stop().await;
}

/// A hundred texts that are nearly a token: a digit changed at each place, cut off, longer, in capitals, empty, of zeros.
fn forgeries(token: &str) -> Vec<String> {
    let changed = (0..token.len()).map(|at| {
        let digit = if token.as_bytes()[at] == b'0' { "1" } else { "0" };
        format!("{}{digit}{}", &token[..at], &token[at + 1..])
    });
    let cut = (1..=30).map(|length| token[..token.len() - length].to_owned());
    let turned = token.chars().rev().collect();
    let zeros = "0".repeat(token.len());
    let others = [format!("{token}0"), format!("0{token}"), token.repeat(2), token.to_uppercase(), turned, zeros];
    changed.chain(cut).chain(others).collect()
}

#[tokio::test]
async fn a_ticket_is_too_old_after_thirty_seconds() {
    let clock = Clock::by_hand(Timestamp(1_795_000_000_000));
    let server = TestServer::with(&[], clock.clone()).await;
    let citizen = server.guest().await;
    let (early, late) = (ticket(&citizen).await, ticket(&citizen).await);

    clock.advance(Duration::from_secs(29));
    let mut page = Page::connect(&server.url).await;
    page.say(page.hello(early)).await;
    page.hear(|message| matches!(message, ServerMessage::Welcome(_)).then_some(())).await;
    clock.advance(Duration::from_secs(1));
    let mut page = Page::connect(&server.url).await;
    let asked = page.say(page.hello(late)).await;

    assert_eq!(page.answer(asked).await, Err(ErrorCode::Unauthenticated));
    server.stop().await;
}
