//! Reports (举报) through the whole server: each side once, decided by the office, with warnings, blocks and qualifications that count at once.
use std::time::Duration;

use reqwest::StatusCode;
use serde_json::{Value, json};
use yunfa::{clock::Clock, domain::people::Subject};
use yunfa_signaling::{
    ids::CitizenId,
    message::{ClientMessage, ErrorCode, ServerMessage},
    time::Timestamp,
    words::{Channel, ConsultationState, EndReason, ReportCause},
};

use crate::{
    call_back::stands,
    calls::{ask, begin, chat, ended, offered, on_duty, other_lawyer, question, say, settle, write_outcome},
    page::{Page, mint},
    questions,
    records::Held,
    server::{Answer, Client, TestServer},
};

/// 2026-11-19 01:06:40 UTC.
const START: Timestamp = Timestamp(1_795_050_400_000);
const SECRET: &str = "他说的话只给律师听";

/// A text call that runs, its two sides and its id.
struct Call {
    asker: Client,
    lawyer: Client,
    at_home: Page,
    desk: Page,
    session: String,
}

impl Call {
    async fn of(server: &TestServer, user: &str) -> Self {
        let (lawyer, mut desk) = on_duty(server, user).await;
        let asker = server.guest().await;
        let mut at_home = Page::open(&asker).await;
        ask(server, &mut at_home, Channel::Text).await;
        let session = begin(&mut desk, &mut at_home).await.id;
        say(&mut at_home, session, SECRET).await.expect("said");
        chat(&mut desk).await;
        Self { asker, lawyer, at_home, desk, session: session.to_string() }
    }

    /// Ends it, with its outcome.
    async fn over(&mut self) {
        let session = self.session.parse().expect("an id");
        self.at_home.ask(ClientMessage::HangUp { session }).await.expect("hung up");
        assert_eq!(ended(&mut self.desk).await, (EndReason::CitizenHungUp, true));
        write_outcome(&mut self.desk, session).await;
    }
}

async fn report(client: &Client, session: &str, cause: &str) -> Answer {
    client.post(&format!("/api/sessions/{session}/report"), &json!({ "cause": cause })).await
}

/// Both sides of a session that is over report each other: the report about the lawyer, and the warning that its asker got.
pub(crate) async fn both_ways(
    server: &TestServer,
    supervisor: &Client,
    held: &Held,
    session: &str,
) -> (String, String) {
    for client in [&held.asker, &held.lawyer] {
        let kept = report(client, session, "INSULT").await;
        assert_eq!(kept.status, StatusCode::CREATED, "{:?}", kept.body);
    }
    let row = listed(supervisor, session, "CITIZEN").await;
    assert_eq!(decide(supervisor, &row, "WARNED").await.status, StatusCode::OK);
    let asker = Subject::Citizen(id_of(&held.asker).await);
    let restraint = server.server.app.store.restraint(asker).await.expect("the store");
    let id = listed(supervisor, session, "LAWYER").await["id"].as_str().expect("an id").to_owned();
    (id, restraint.warnings.first().expect("a warning").id.to_string())
}

/// The report about this side of a session, as the office sees it.
async fn listed(office: &Client, session: &str, about: &str) -> Value {
    let found = office.get("/api/reports").await.body;
    let items = found["items"].as_array().expect("a list");
    let row = items.iter().find(|row| row["session"] == json!(session) && row["about"] == json!(about));
    row.unwrap_or_else(|| panic!("no report in {found:#}")).clone()
}

async fn decide(office: &Client, row: &Value, to: &str) -> Answer {
    let said = json!({ "version": row["version"], "to": to, "reason": "已核对通话记录" });
    office.post(&format!("/api/reports/{}", row["id"].as_str().expect("an id")), &said).await
}

async fn id_of(client: &Client) -> CitizenId {
    client.get("/api/me").await.body["id"].as_str().expect("an id").parse().expect("a citizen's")
}

async fn blocked(page: &mut Page) -> Option<Timestamp> {
    page.hear(|message| match message {
        ServerMessage::Blocked { until } => Some(*until),
        _ => None,
    })
    .await
}

async fn warned(page: &mut Page) -> (String, ReportCause) {
    page.hear(|message| match message {
        ServerMessage::Warned { warning, cause, .. } => Some((warning.to_string(), *cause)),
        _ => None,
    })
    .await
}

#[tokio::test]
async fn each_side_reports_the_other_once_and_the_office_sees_no_word_of_the_talk() {
    let server = TestServer::start().await;
    let mut call = Call::of(&server, "lawyer1").await;
    let path = format!("/api/sessions/{}/report", call.session);
    let strangers = [
        server.guest().await,
        server.login(other_lawyer(&server)).await,
        server.login("supervisor1").await,
        server.login("dispatcher").await,
    ];

    for stranger in &strangers {
        assert_eq!(report(stranger, &call.session, "INSULT").await.status, StatusCode::NOT_FOUND);
    }
    for wrong in [
        json!({ "cause": "DISRUPTION" }),
        json!({ "cause": "OTHER" }),
        json!({ "cause": "RUDE" }),
        json!({ "cause": "INSULT", "text": "长".repeat(501) }),
    ] {
        assert_eq!(call.asker.post(&path, &wrong).await.code(), "bad-message", "{wrong}");
    }
    assert_eq!(report(&call.lawyer, &call.session, "SOLICITATION").await.code(), "bad-message");
    let said = json!({ "cause": "SOLICITATION", "text": "让我加他 13800138000 私下付钱" });
    assert_eq!(call.asker.post(&path, &said).await.status, StatusCode::CREATED);
    assert_eq!(call.asker.post(&path, &said).await.code(), "already-reported");
    call.over().await;
    assert_eq!(report(&call.lawyer, &call.session, "INSULT").await.status, StatusCode::CREATED, "also after the end");
    assert_eq!(report(&call.lawyer, &call.session, "THREAT").await.code(), "already-reported");

    let [_, _, supervisor, dispatcher] = &strangers;
    let all = supervisor.get("/api/reports").await.body;
    assert_eq!((all["items"].as_array().map(Vec::len), &all["blockDays"]), (Some(2), &json!(30)));
    assert_eq!(dispatcher.get("/api/reports").await.body["items"], json!([]), "nothing was referred");
    let about = |row: &Value| row["about"].as_str().expect("a word").to_owned();
    let order: Vec<_> = all["items"].as_array().expect("a list").iter().map(about).collect();
    assert_eq!(order, ["LAWYER", "CITIZEN"], "the oldest first");
    let first = supervisor.get("/api/reports?limit=1").await.body;
    let next = first["next"].as_str().expect("more");
    let second = supervisor.get(&format!("/api/reports?limit=1&cursor={next}")).await.body;
    assert_eq!((about(&second["items"][0]), &second["next"]), ("CITIZEN".to_owned(), &Value::Null));

    let row = listed(supervisor, &call.session, "LAWYER").await;
    let whole = supervisor.get(&format!("/api/reports/{}", row["id"].as_str().expect("an id"))).await.body;
    assert_eq!(whole["text"], json!("让我加他 ****** 私下付钱"), "numbers that name somebody are not kept");
    assert_eq!(whole["next"], json!(["DISMISSED", "REFERRED", "SUSPENDED"]));
    let id = id_of(&call.asker).await.to_string();
    for seen in [all.to_string(), whole.to_string()] {
        assert!(!seen.contains(SECRET) && !seen.contains(&id), "metadata, and nobody's id: {seen}");
    }
    assert_eq!(decide(supervisor, &row, "DISMISSED").await.body, json!({ "state": "DISMISSED" }));
    let order: Vec<_> =
        supervisor.get("/api/reports").await.body["items"].as_array().expect("a list").iter().map(about).collect();
    assert_eq!(order, ["CITIZEN", "LAWYER"], "what is open first");
    server.server.app.store.verify_audit().await.expect("the store").expect("a whole log");
    server.stop().await;
}

#[tokio::test]
async fn of_two_supervisors_who_decide_at_once_one_wins_and_a_call_that_runs_is_not_cut() {
    let server = TestServer::start().await;
    let mut call = Call::of(&server, "lawyer1").await;
    report(&call.lawyer, &call.session, "THREAT").await;
    let (one, other) = (server.login("supervisor1").await, server.login("supervisor2").await);
    let row = listed(&one, &call.session, "CITIZEN").await;
    for (to, reason) in [("BLOCKED", " "), ("SUSPENDED", "已核对"), ("REFERRED", "已核对"), ("LIFTED", "已核对")]
    {
        let said = json!({ "version": row["version"], "to": to, "reason": reason });
        let path = format!("/api/reports/{}", row["id"].as_str().expect("an id"));
        assert!(matches!(one.post(&path, &said).await.code(), "bad-message" | "no-such-step"), "{to}");
    }

    let (first, second) = tokio::join!(decide(&one, &row, "BLOCKED"), decide(&other, &row, "WARNED"));

    let won = [&first, &second].into_iter().filter(|answer| answer.status == StatusCode::OK).count();
    let lost = [&first, &second].into_iter().filter(|answer| answer.code() == "changed-meanwhile").count();
    assert_eq!((won, lost), (1, 1), "{:?} {:?}", first.body, second.body);
    let session = call.session.parse().expect("an id");
    if first.status == StatusCode::OK {
        assert!(blocked(&mut call.at_home).await.is_some());
    } else {
        assert_eq!(warned(&mut call.at_home).await.1, ReportCause::Threat);
    }
    say(&mut call.at_home, session, "还在说").await.expect("the call goes on");
    chat(&mut call.desk).await;
    call.over().await;
    server.stop().await;
}

#[tokio::test]
async fn a_block_takes_who_waits_out_of_the_queue_and_counts_for_the_telephone_until_it_is_lifted() {
    let server = TestServer::start().await;
    let mut call = Call::of(&server, "lawyer1").await;
    call.over().await;
    report(&call.lawyer, &call.session, "DISRUPTION").await;
    let supervisor = server.login("supervisor1").await;
    let twin = server.guest().await;
    for client in [&call.asker, &twin] {
        let known = server.server.app.store.set_phone(id_of(client).await, "13800138000").await;
        assert!(known.expect("the store"));
    }
    let mut twins_page = Page::open(&twin).await;
    let offers = ask(&server, &mut call.at_home, Channel::Text).await;
    offered(&mut call.desk).await;

    let row = listed(&supervisor, &call.session, "CITIZEN").await;
    assert_eq!(decide(&supervisor, &row, "BLOCKED").await.status, StatusCode::OK);

    let until = blocked(&mut call.at_home).await.expect("a time");
    let cancelled = stands(&mut call.at_home, ConsultationState::Cancelled).await;
    assert_eq!(cancelled.id, offers);
    assert_eq!(blocked(&mut twins_page).await, Some(until), "by the same telephone");
    for page in [&mut call.at_home, &mut twins_page] {
        let asked = question(mint(), &server, Channel::Text).await;
        assert_eq!(page.ask(asked).await, Err(ErrorCode::Blocked));
        let consultation = mint();
        assert_eq!(page.ask(ClientMessage::CallMeBack { consultation }).await, Err(ErrorCode::Blocked));
    }
    let asking = json!({ "question": mint::<uuid::Uuid>(), "practiceArea": "LABOUR", "area": "990121102000", "text": "能问吗？" });
    let refused = call.asker.post("/api/questions", &asking).await;
    assert_eq!((refused.status, refused.code()), (StatusCode::FORBIDDEN, "blocked"));
    assert_eq!(refused.body["until"], json!(until.0));
    let mut again = Page::open(&call.asker).await;
    assert_eq!(blocked(&mut again).await, Some(until), "whoever comes back is told");

    let row = listed(&supervisor, &call.session, "CITIZEN").await;
    assert_eq!((&row["next"], &row["until"]), (&json!(["LIFTED"]), &json!(until.0)));
    assert_eq!(decide(&supervisor, &row, "LIFTED").await.status, StatusCode::OK);

    assert_eq!(blocked(&mut again).await, None);
    assert_eq!(blocked(&mut twins_page).await, None);
    ask(&server, &mut again, Channel::Text).await;
    assert_eq!(call.asker.post("/api/questions", &asking).await.status, StatusCode::CREATED);
    server.server.app.store.verify_audit().await.expect("the store").expect("a whole log");
    server.stop().await;
}

#[tokio::test]
async fn a_warning_is_told_at_once_and_with_each_welcome_until_it_was_read() {
    let server = TestServer::start().await;
    let mut call = Call::of(&server, "lawyer1").await;
    report(&call.lawyer, &call.session, "INSULT").await;
    let supervisor = server.login("supervisor1").await;

    let row = listed(&supervisor, &call.session, "CITIZEN").await;
    decide(&supervisor, &row, "WARNED").await;

    let (warning, cause) = warned(&mut call.at_home).await;
    assert_eq!(cause, ReportCause::Insult);
    call.over().await;
    let mut again = Page::open(&call.asker).await;
    assert_eq!(warned(&mut again).await, (warning.clone(), cause));
    let path = format!("/api/warnings/{warning}/acknowledge");
    for stranger in [&call.lawyer, &server.guest().await] {
        assert_eq!(stranger.post(&path, &json!({})).await.status, StatusCode::NOT_FOUND);
    }
    for _ in 0..2 {
        assert_eq!(call.asker.post(&path, &json!({})).await.status, StatusCode::NO_CONTENT);
    }
    let mut last = Page::open(&call.asker).await;
    settle(&mut last).await;
    assert!(!last.has_heard(|message| matches!(message, ServerMessage::Warned { .. })), "it was read");
    ask(&server, &mut last, Channel::Text).await;
    server.stop().await;
}

#[tokio::test]
async fn a_lawyer_who_is_reported_goes_the_way_of_qualifications() {
    let server = TestServer::start().await;
    let (supervisor, dispatcher) = (server.login("supervisor1").await, server.login("dispatcher").await);
    let mut first = Call::of(&server, "lawyer1").await;
    let mut second = Call::of(&server, other_lawyer(&server)).await;
    let text = json!({ "cause": "INSULT", "text": "他骂我" });
    first.asker.post(&format!("/api/sessions/{}/report", first.session), &text).await;
    report(&second.asker, &second.session, "THREAT").await;

    let row = listed(&supervisor, &first.session, "LAWYER").await;
    assert_eq!(decide(&supervisor, &row, "WARNED").await.code(), "no-such-step", "a supervisor takes no such step");
    assert_eq!(decide(&supervisor, &row, "REFERRED").await.status, StatusCode::OK);
    let seen = listed(&dispatcher, &first.session, "LAWYER").await;
    assert_eq!((&seen["alias"], &seen["next"]), (&Value::Null, &json!(["DISMISSED", "WARNED", "SUSPENDED"])));
    let whole = dispatcher.get(&format!("/api/reports/{}", seen["id"].as_str().expect("an id"))).await.body;
    assert_eq!((&whole["text"], &whole["steps"][0]["reason"]), (&Value::Null, &json!("已核对通话记录")));
    assert_eq!(decide(&dispatcher, &seen, "WARNED").await.status, StatusCode::OK);
    assert_eq!(warned(&mut first.desk).await.1, ReportCause::Insult);
    let lawyer = dispatcher.get(&format!("/api/lawyers/{}", seen["lawyer"]["id"].as_str().expect("an id"))).await.body;
    assert_eq!(lawyer["qualification"], json!("WARNED"));

    // Suspended at once, by whoever sees the harm: the call that runs is finished, then nothing rings any more.
    let row = listed(&supervisor, &second.session, "LAWYER").await;
    assert_eq!(decide(&supervisor, &row, "SUSPENDED").await.status, StatusCode::OK);
    let lawyer = dispatcher.get(&format!("/api/lawyers/{}", row["lawyer"]["id"].as_str().expect("an id"))).await.body;
    assert_eq!(lawyer["qualification"], json!("SUSPENDED"));
    second.over().await;
    first.over().await;
    let mut asker = Page::open(&server.guest().await).await;
    ask(&server, &mut asker, Channel::Text).await;
    offered(&mut first.desk).await;
    settle(&mut second.desk).await;
    assert!(!second.desk.has_heard(|message| matches!(message, ServerMessage::Offered(_))), "suspended");
    server.server.app.store.verify_audit().await.expect("the store").expect("a whole log");
    server.stop().await;
}

#[tokio::test]
async fn in_a_text_question_who_answered_and_who_asked_report_each_other_and_a_block_ends_by_itself() {
    let clock = Clock::by_hand(START);
    let server = TestServer::with(&[], clock.clone()).await;
    let (asker, lawyer, stranger) = (server.guest().await, server.login("lawyer1").await, server.guest().await);
    let question = questions::ask(&asker).await;
    let path = format!("/api/questions/{question}/report");
    let lawyer_id = lawyer.get("/api/me").await.body["id"].clone();
    let of_lawyer = json!({ "cause": "ILLEGAL", "lawyer": lawyer_id });
    assert_eq!(asker.post(&path, &of_lawyer).await.code(), "bad-message", "nobody has answered");
    assert_eq!(lawyer.post(&path, &json!({ "cause": "INSULT" })).await.status, StatusCode::NOT_FOUND);
    questions::claim(&lawyer, &question).await;
    questions::answer(&lawyer, &question).await;

    assert_eq!(asker.post(&path, &json!({ "cause": "ILLEGAL" })).await.code(), "bad-message", "of whom?");
    assert_eq!(asker.post(&path, &of_lawyer).await.status, StatusCode::CREATED);
    assert_eq!(asker.post(&path, &of_lawyer).await.code(), "already-reported");
    assert_eq!(stranger.post(&path, &of_lawyer).await.status, StatusCode::NOT_FOUND);
    assert_eq!(lawyer.post(&path, &json!({ "cause": "INSULT" })).await.status, StatusCode::CREATED);

    let supervisor = server.login("supervisor1").await;
    let all = supervisor.get("/api/reports?state=OPEN").await.body;
    let row = all["items"].as_array().expect("a list").iter().find(|row| row["about"] == json!("CITIZEN"));
    let row = row.expect("one about the asker");
    assert_eq!((&row["session"], &row["consultation"]), (&Value::Null, &json!(question)));
    let report = format!("/api/reports/{}", row["id"].as_str().expect("an id"));
    for days in [0, 366] {
        let said = json!({ "version": row["version"], "to": "BLOCKED", "reason": "已核对", "days": days });
        assert_eq!(supervisor.post(&report, &said).await.code(), "bad-message");
    }
    let said = json!({ "version": row["version"], "to": "BLOCKED", "reason": "已核对", "days": 1 });
    assert_eq!(supervisor.post(&report, &said).await.status, StatusCode::OK);

    let text = json!({ "id": mint::<uuid::Uuid>(), "text": "再问一句" });
    let more = format!("/api/questions/{question}/follow-ups");
    assert_eq!(asker.post(&more, &text).await.code(), "blocked");
    assert_eq!(questions::read(&asker, &question).await.status, StatusCode::OK, "what was answered may be read");
    let restraint = async || server.server.app.store.restraint(Subject::Citizen(id_of(&asker).await)).await;
    let until = restraint().await.expect("the store").until.expect("a block");
    assert_eq!(until, Timestamp(START.0 + 86_400_000));
    while clock.wall() < until {
        assert_eq!(asker.post(&more, &text).await.code(), "blocked", "until the last moment");
        clock.advance(Duration::from_secs(3600));
    }
    assert_eq!(asker.post(&more, &text).await.status, StatusCode::OK);
    server.stop().await;
}

#[tokio::test]
async fn one_person_reports_so_often_an_hour_and_no_more() {
    let server = TestServer::with(&[("limits.reports_per_hour", "1")], Clock::machine()).await;
    let mut first = Call::of(&server, "lawyer1").await;
    assert_eq!(report(&first.lawyer, &first.session, "INSULT").await.status, StatusCode::CREATED);
    first.over().await;
    let asker = server.guest().await;
    let mut page = Page::open(&asker).await;
    ask(&server, &mut page, Channel::Text).await;
    let session = begin(&mut first.desk, &mut page).await.id.to_string();

    let refused = report(&first.lawyer, &session, "INSULT").await;

    assert_eq!((refused.status, refused.code()), (StatusCode::TOO_MANY_REQUESTS, "rate-limited"));
    assert!(refused.headers.contains_key("retry-after"));
    assert_eq!(report(&asker, &session, "INSULT").await.status, StatusCode::CREATED, "each has their own");
    server.stop().await;
}
