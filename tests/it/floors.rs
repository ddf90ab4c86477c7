//! Duty floors, from outside: an alarm comes when somebody goes on a break, outlives a restart, and ends when enough are there.
use std::time::Duration;

use reqwest::StatusCode;
use serde_json::{Value, json};
use yunfa::clock::Clock;
use yunfa_signaling::message::ClientMessage;

use crate::{
    calls::{on_duty, other_lawyer},
    page::Page,
    server::{Client, TestServer},
};

/// An alarm after one second.
const HASTY: [(&str, &str); 1] = [("signaling.floor_seconds", "1")];

/// The only floor, as soon as it is as it should be.
async fn floor(office: &Client, is: impl Fn(&Value) -> bool) -> Value {
    loop {
        let items = office.get("/api/floors").await.body["items"].clone();
        if let Some(found) = items.as_array().and_then(|items| items.first()).filter(|found| is(found)) {
            return found.clone();
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn alarms(office: &Client, count: usize, is: impl Fn(&Value) -> bool) -> Value {
    loop {
        let items = office.get("/api/floors/alarms").await.body["items"].clone();
        if items.as_array().is_some_and(|items| items.len() == count && is(&items[0])) {
            return items[0].clone();
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn pause(desk: &mut Page, on_break: bool) {
    desk.ask(ClientMessage::SetPresence { on_duty: true, on_break, on_site: false }).await.expect("taken");
}

#[tokio::test]
async fn a_break_below_the_floor_is_an_alarm_that_outlives_a_restart_and_ends_when_enough_are_there() {
    let server = TestServer::with(&HASTY, Clock::machine()).await;
    let dispatcher = server.login("dispatcher").await;
    let (_, _first) = on_duty(&server, "lawyer1").await;
    let (_, mut second) = on_duty(&server, other_lawyer(&server)).await;
    let labour = |minimum: u32| json!({ "pool": "LOCAL", "practiceArea": "LABOUR", "minimum": minimum });
    for wrong in [json!({ "pool": "LOCAL", "practiceArea": "OTHER", "minimum": 1 }), labour(10_001)] {
        assert_eq!(dispatcher.post("/api/floors", &wrong).await.code(), "bad-message");
    }

    let set = dispatcher.post("/api/floors", &labour(2)).await;
    assert_eq!(set.status, StatusCode::NO_CONTENT, "{:?}", set.body);
    let calm = floor(&dispatcher, |floor| floor["onDuty"] == 2).await;
    assert_eq!((&calm["minimum"], &calm["alarmSince"]), (&json!(2), &Value::Null), "{calm:#}");
    assert!(calm["setBy"].is_string());

    pause(&mut second, true).await;
    let loud = floor(&dispatcher, |floor| !floor["alarmSince"].is_null()).await;
    assert_eq!((&loud["onDuty"], &loud["least"]), (&json!(1), &json!(1)), "{loud:#}");
    let kept = alarms(&dispatcher, 1, |alarm| alarm["endedAt"].is_null()).await;
    assert_eq!((&kept["minimum"], &kept["least"], &kept["beganAt"]), (&json!(2), &json!(1), &loud["alarmSince"]));

    let server = server.restart(&HASTY, Clock::machine()).await;
    let supervisor = server.login("supervisor1").await;
    let still = floor(&supervisor, |_| true).await;
    assert_eq!((&still["minimum"], &still["alarmSince"]), (&json!(2), &loud["alarmSince"]), "the same alarm");
    let (_, _first) = on_duty(&server, "lawyer1").await;
    let (_, _second) = on_duty(&server, other_lawyer(&server)).await;
    let over = floor(&supervisor, |floor| floor["alarmSince"].is_null()).await;
    assert_eq!(over["onDuty"], json!(2));
    let ended = alarms(&supervisor, 1, |alarm| !alarm["endedAt"].is_null()).await;
    assert_eq!((&ended["id"], &ended["least"]), (&kept["id"], &json!(0)), "nobody was there after the restart");

    // A floor that is taken away takes its alarm with it.
    assert_eq!(supervisor.post("/api/floors", &labour(9)).await.status, StatusCode::NO_CONTENT);
    alarms(&supervisor, 2, |alarm| alarm["endedAt"].is_null()).await;
    assert_eq!(supervisor.post("/api/floors", &labour(0)).await.status, StatusCode::NO_CONTENT);
    alarms(&supervisor, 2, |alarm| !alarm["endedAt"].is_null()).await;
    assert_eq!(supervisor.get("/api/floors").await.body["items"], json!([]));
    server.server.app.store.verify_audit().await.expect("the store").expect("a whole log");
    server.stop().await;
}
