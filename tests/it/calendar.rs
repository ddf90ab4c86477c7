//! The yearly calendar, from outside: brought in as a table, changed by hand, and gone by at once.
use reqwest::StatusCode;
use serde_json::json;
use yunfa::clock::Clock;
use yunfa_signaling::time::Timestamp;

use crate::server::TestServer;

#[tokio::test]
async fn a_year_is_brought_in_line_by_line_and_deadlines_go_by_it_also_after_a_restart() {
    let server = TestServer::start().await;
    let (dispatcher, supervisor) = (server.login("dispatcher").await, server.login("supervisor1").await);
    // Wednesday 30 September 2026, 10:00 in Shanghai.
    let asked = Timestamp("2026-09-30T02:00:00Z".parse::<jiff::Timestamp>().expect("a moment").as_millisecond());
    let end = |server: &TestServer| {
        let end = server.server.app.calendar.end_of_workday(asked, 1);
        yunfa::domain::roster::in_local(end)
    };
    assert_eq!(end(&server), "2026-10-01T17:00", "by the weekday, as long as nothing is known");

    let table = "日期,类别,名称\n2026-10-01,放假,国庆节\n2026-10-02,放假,国庆节\n2026-10-03,上班,\n2026-10-05,上班,\n";
    let path = "/api/calendar/import";
    let preview = dispatcher.send_table(path, table.as_bytes().to_vec()).await.body;
    assert_eq!((&preview["added"], &preview["refused"], &preview["applied"]), (&json!(3), &json!(1), &json!(false)));
    assert_eq!(end(&server), "2026-10-01T17:00", "a preview changes nothing");
    let kept = dispatcher.send_table("/api/calendar/import?apply=true", table.as_bytes().to_vec()).await.body;
    assert_eq!((&kept["added"], &kept["findings"][0]["code"]), (&json!(3), &json!("no-weekend")));
    assert_eq!(end(&server), "2026-10-03T17:00", "a Saturday that is worked");

    let said = json!({ "date": "2026-10-03", "kind": null });
    assert_eq!(supervisor.post("/api/calendar", &said).await.status, StatusCode::FORBIDDEN);
    assert_eq!(dispatcher.post("/api/calendar", &said).await.status, StatusCode::NO_CONTENT);
    assert_eq!(dispatcher.post("/api/calendar", &said).await.code(), "no-such-step", "once");
    assert_eq!(end(&server), "2026-10-05T17:00");
    let monday = json!({ "date": "2026-10-05", "kind": "WORKDAY" });
    assert_eq!(dispatcher.post("/api/calendar", &monday).await.code(), "bad-message", "a Monday is one anyway");
    let holiday = json!({ "date": "2026-10-05", "kind": "HOLIDAY", "name": "国庆节" });
    assert_eq!(dispatcher.post("/api/calendar", &holiday).await.status, StatusCode::NO_CONTENT);

    let server = server.restart(&[], Clock::machine()).await;
    assert_eq!(end(&server), "2026-10-06T17:00");
    let supervisor = server.login("supervisor1").await;
    let listed = supervisor.get("/api/calendar").await.body;
    assert_eq!(listed["items"].as_array().map(Vec::len), Some(3));
    assert_eq!(listed["items"][2], json!({ "date": "2026-10-05", "kind": "HOLIDAY", "name": "国庆节" }));
    server.server.app.store.verify_audit().await.expect("the store").expect("a whole log");
    server.stop().await;
}
