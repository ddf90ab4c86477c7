//! The policy, from outside: every route × every role, and nobody.
use reqwest::{Method, StatusCode};
use serde_json::json;
use yunfa::http::{self, policy::Action};

use crate::{calls::other_lawyer, records::held, server::TestServer};

/// What each role gets at the door of an action: `.` is let in, otherwise the status.
/// Written down a second time on purpose: a change of the table has to be meant.
fn expected(action: Action) -> [u16; 6] {
    const IN: u16 = 0;
    match action {
        // nobody, citizen, lawyer, dispatcher, finance, supervisor
        Action::SeeHealth | Action::SeeDirectory | Action::OpenSocket | Action::BecomeGuest | Action::SignIn => [IN; 6],
        Action::SignOut | Action::SeeSelf | Action::TakeTicket => [401, IN, IN, IN, IN, IN],
        Action::ConfirmPhone => [401, IN, 403, 403, 403, 403],
        Action::EnrolTotp => [401, 403, IN, IN, IN, IN],
        Action::ListSessions => [401, 403, IN, IN, 403, IN],
        Action::ListRecords => [401, 403, IN, 403, 403, IN],
        // A record that is not there and one that is out of reach look the same.
        Action::ReadRecord => [401, 404, 404, 404, 404, 404],
    }
}

/// What each role gets for an object that the path names: its own, somebody else's, one that is not there.
/// `None` where a path names no object.
fn expected_of_objects(action: Action) -> Option<[[u16; 3]; 6]> {
    match action {
        Action::SeeHealth
        | Action::SeeDirectory
        | Action::OpenSocket
        | Action::BecomeGuest
        | Action::SignIn
        | Action::SignOut
        | Action::SeeSelf
        | Action::TakeTicket
        | Action::ConfirmPhone
        | Action::EnrolTotp
        | Action::ListSessions
        | Action::ListRecords => None,
        // nobody, citizen, lawyer, dispatcher, finance, supervisor
        Action::ReadRecord => Some([[401; 3], [404; 3], [200, 404, 404], [404; 3], [404; 3], [200, 200, 404]]),
    }
}

#[tokio::test]
async fn every_route_to_an_object_gives_each_role_its_own_and_hides_the_rest() {
    const MISSING: &str = "0192f3c4-5678-7abc-8def-0123456789ab";
    let server = TestServer::start().await;
    let own = held(&server, "lawyer1").await;
    let others = held(&server, other_lawyer(&server)).await;
    let roles = [
        server.nobody(),
        own.asker,
        own.lawyer,
        server.login("dispatcher").await,
        server.login("finance").await,
        server.login("supervisor1").await,
    ];
    let mut wrong = vec![];
    for route in http::routes() {
        let expected = expected_of_objects(route.action);
        assert_eq!(expected.is_some(), route.path.contains('{'), "{} has a row, or needs none", route.path);
        for (role, expected) in expected.iter().flatten().enumerate() {
            for (object, expected) in [own.record.as_str(), &others.record, MISSING].into_iter().zip(expected) {
                let ask =
                    async |id| roles[role].send(route.method.clone(), &route.path.replace("{id}", id), None).await;
                let (answer, missing) = (ask(object).await, ask(MISSING).await);
                let hidden = answer.status != StatusCode::NOT_FOUND
                    || (&answer.body, answer.headers.get("content-length"))
                        == (&missing.body, missing.headers.get("content-length"));
                if answer.status != *expected || !hidden {
                    wrong.push(format!("{} as role {role}, {object}: {} {}", route.path, answer.status, answer.body));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    server.stop().await;
}

#[tokio::test]
async fn every_route_lets_in_whom_the_policy_lets_in_and_nobody_else() {
    let server = TestServer::start().await;
    let users = [None, Some("citizen"), Some("lawyer1"), Some("dispatcher"), Some("finance"), Some("supervisor1")];
    let mut wrong = vec![];
    for route in http::routes() {
        for (user, expected) in users.iter().zip(expected(route.action)) {
            let client = match user {
                None => server.nobody(),
                Some("citizen") => server.guest().await,
                Some(user) => server.login(user).await,
            };
            let path = route.path.replace("{id}", "0192f3c4-5678-7abc-8def-0123456789ab");
            // A body that no handler accepts: whoever is let in hears that, and nothing is changed.
            let body = (route.method == Method::POST).then(|| json!({ "nonsense": true }).to_string());
            let answer = client.send(route.method.clone(), &path, body).await;
            let refusals = [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN, StatusCode::NOT_FOUND];
            let status = if refusals.contains(&answer.status) { answer.status.as_u16() } else { 0 };
            let at_the_door = answer.code() != "totp-required";
            if status != expected || !at_the_door {
                wrong.push(format!("{} {} as {user:?}: {} {}", route.method, route.path, answer.status, answer.body));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    server.stop().await;
}

#[tokio::test]
async fn a_path_that_is_no_route_is_not_found_for_everybody() {
    let server = TestServer::start().await;

    for client in [server.nobody(), server.login("supervisor1").await] {
        for path in ["/api/secrets", "/api/records/x/y", "/api", "/metrics"] {
            for method in [Method::GET, Method::POST, Method::DELETE] {
                let answer = client.send(method, path, None).await;
                assert_eq!((answer.status, answer.code()), (StatusCode::NOT_FOUND, "not-found"), "{path}");
            }
        }
    }
    server.stop().await;
}

#[tokio::test]
async fn an_id_that_is_none_and_a_record_that_is_not_there_look_the_same() {
    let server = TestServer::start().await;
    let lawyer = server.login("lawyer1").await;

    let nonsense = lawyer.get("/api/records/nonsense").await;
    let missing = lawyer.get("/api/records/0192f3c4-5678-7abc-8def-0123456789ab").await;
    let finance = server.login("finance").await.get("/api/records/0192f3c4-5678-7abc-8def-0123456789ab").await;

    assert_eq!(nonsense.body, missing.body);
    assert_eq!(finance.body, missing.body);
    assert_eq!(missing.status, StatusCode::NOT_FOUND);
    server.stop().await;
}
