//! Text questions as matters: stars once and later, follow-ups, calls that go on with them, one file for all of it.
use std::{io::Read as _, time::Duration};

use reqwest::StatusCode;
use serde_json::{Value, json};
use yunfa::clock::Clock;
use yunfa_signaling::{
    ids::{ConsultationId, MessageId},
    message::ClientMessage,
    time::Timestamp,
    words::{Channel, PracticeArea, Role},
};

use crate::{
    after::{listed, rate, staff},
    attachments::{attach, attach_as, photograph},
    calls::{begin, ended, on_duty, write_outcome},
    page::{Page, mint},
    questions::{answer, ask, claim, read},
    server::{Client, TestServer},
};

/// 2026-11-19 01:06:40 UTC.
const START: Timestamp = Timestamp(1_795_050_400_000);

async fn answered_by(server: &TestServer, question: &str, user: &str) -> Client {
    let lawyer = server.login(user).await;
    assert_eq!(claim(&lawyer, question).await.status, StatusCode::OK);
    answer(&lawyer, question).await;
    lawyer
}

async fn follow_up(client: &Client, question: &str, text: &str) {
    let said = json!({ "id": mint::<MessageId>(), "text": text });
    let said = client.post(&format!("/api/questions/{question}/follow-ups"), &said).await;
    assert_eq!(said.status, StatusCode::OK, "{:?}", said.body);
}

#[tokio::test]
async fn one_star_for_a_question_is_followed_up_by_somebody_who_did_not_answer_it() {
    let server = TestServer::start().await;
    let asker = server.guest().await;
    let question = ask(&asker).await;
    let before = listed(&asker, &question, |_| true).await;
    assert_eq!((&before["kind"], &before["state"]), (&json!("QUESTION"), &json!("OPEN")));
    assert_eq!((&before["may"]["rate"], &before["question"]), (&json!(false), &json!(question)));
    assert_eq!(rate(&asker, &question, 5).await.code(), "no-such-step", "nobody has answered yet");

    let first = answered_by(&server, &question, "lawyer1").await;
    let second = answered_by(&server, &question, "lawyer2").await;
    let row = listed(&asker, &question, |_| true).await;
    assert_eq!((&row["state"], &row["may"]["rate"]), (&json!("ANSWERED"), &json!(true)));
    for stranger in [&server.guest().await, &first, &server.login("supervisor1").await] {
        assert_eq!(rate(stranger, &question, 5).await.status, StatusCode::NOT_FOUND);
    }
    let said = json!({ "user": "lawyer1", "password": server.password("lawyer1") });
    let cookie = server.nobody().post("/api/login", &said).await.cookie();
    assert_eq!(rate(&asker.clone().with("cookie", cookie), &question, 5).await.code(), "lawyers-device");
    assert_eq!(rate(&asker, &question, 1).await.status, StatusCode::OK);
    assert_eq!(rate(&asker, &question, 5).await.code(), "already-rated");
    assert_eq!(read(&asker, &question).await.body["matter"]["state"], json!("FOLLOW_UP"));

    // Neither of the two who answered may touch it, nor a namesake of either.
    let supervisor = server.login("supervisor1").await;
    let owed = supervisor.get("/api/follow-ups").await.body;
    let one = &owed["items"][0];
    assert_eq!((&one["matter"], &one["stars"]), (&json!(question), &json!(1)));
    let path = format!("/api/follow-ups/{}", one["id"].as_str().expect("an id"));
    let act = |version: u8, act: &str| json!({ "version": version, "act": act, "note": "已电话回访" });
    for (n, lawyer) in [&first, &second].into_iter().enumerate() {
        assert_eq!(lawyer.post(&path, &act(1, "TAKE")).await.status, StatusCode::NOT_FOUND);
        let name = lawyer.get("/api/me").await.body["name"].as_str().expect("a name").to_owned();
        let namesake = staff(&server, &format!("moonlighter{n}"), &name, Role::Supervisor).await;
        assert_eq!(namesake.post(&path, &act(1, "TAKE")).await.code(), "same-person");
    }
    for (version, word) in [(1, "TAKE"), (2, "REACHED"), (3, "RESOLVE")] {
        assert_eq!(supervisor.post(&path, &act(version, word)).await.status, StatusCode::OK);
    }
    let anew = rate(&asker, &question, 4).await;
    assert_eq!((anew.status, &anew.body["amended"]), (StatusCode::OK, &json!(true)), "{:?}", anew.body);
    let close = json!({ "version": 4, "act": "CLOSE", "result": "SATISFIED", "note": "群众满意" });
    assert_eq!(supervisor.post(&path, &close).await.body["state"], json!("CLOSED"));
    let after = listed(&second, &question, |_| true).await;
    assert_eq!((&after["state"], &after["rating"]["amendedStars"]), (&json!("ARCHIVED"), &json!(4)));

    // Asked on, it is open again, and the stars stay.
    follow_up(&asker, &question, "还有一个问题").await;
    let again = listed(&asker, &question, |_| true).await;
    assert_eq!((&again["state"], &again["may"]["rate"]), (&json!("REOPENED"), &json!(false)));
    server.server.app.store.verify_audit().await.expect("the store").expect("a whole log");
    server.stop().await;
}

#[tokio::test]
async fn of_many_stars_in_one_moment_one_counts() {
    let server = TestServer::start().await;
    let asker = server.guest().await;
    let question = ask(&asker).await;
    answered_by(&server, &question, "lawyer1").await;

    let given = futures_util::future::join_all((1..=5).map(|stars| rate(&asker, &question, stars))).await;

    let won: Vec<_> = given.iter().filter(|answer| answer.status == StatusCode::OK).collect();
    assert_eq!(won.len(), 1, "{given:?}");
    assert!(given.iter().all(|answer| answer.status == StatusCode::OK || answer.code() == "already-rated"));
    let row = listed(&asker, &question, |_| true).await;
    assert_eq!(row["rating"]["stars"], won[0].body["stars"]);
    server.stop().await;
}

#[tokio::test]
async fn a_question_that_fell_silent_may_be_rated_for_a_week_and_is_then_put_away() {
    let clock = Clock::by_hand(START);
    let server = TestServer::with(&[], clock.clone()).await;
    let (rated, unrated) = (server.guest().await, server.guest().await);
    let (question, other, taken_back) = (ask(&rated).await, ask(&unrated).await, ask(&unrated).await);
    for user in ["lawyer1", "lawyer2", "lawyer3"] {
        answered_by(&server, &question, user).await;
        answered_by(&server, &other, user).await;
    }
    unrated.post(&format!("/api/questions/{taken_back}/close"), &json!({})).await;
    assert_eq!(listed(&unrated, &taken_back, |_| true).await["state"], json!("CANCELLED"));

    clock.advance(Duration::from_secs(73 * 3600));
    listed(&rated, &question, |row| row["state"] == json!("CLOSED")).await;
    let silent = listed(&unrated, &other, |row| row["state"] == json!("CLOSED")).await;
    assert_eq!(silent["may"]["rate"], json!(true));
    assert_eq!(rate(&rated, &question, 5).await.status, StatusCode::OK);
    assert_eq!(listed(&rated, &question, |_| true).await["state"], json!("ARCHIVED"), "nothing more is waited for");

    clock.advance(Duration::from_secs(8 * 24 * 3600));
    yunfa::jobs::settle(&server.server.app.store, clock.wall()).await.expect("settled");
    let late = listed(&unrated, &other, |_| true).await;
    assert_eq!((&late["state"], &late["may"]["rate"]), (&json!("ARCHIVED"), &json!(false)));
    assert_eq!(rate(&unrated, &other, 1).await.code(), "no-such-step");
    server.stop().await;
}

#[tokio::test]
async fn a_call_about_a_question_is_one_matter_with_it_and_one_file_holds_both() {
    let server = TestServer::start().await;
    let asker = server.guest().await;
    let question = ask(&asker).await;
    let picture = attach(&asker, &question).await;
    let (lawyer, mut desk) = on_duty(&server, "lawyer1").await;
    claim(&lawyer, &question).await;
    let given = answer(&lawyer, &question).await;
    let letter = b"%PDF-1.7\nmodel letter".to_vec();
    attach_as(&lawyer, &question, &given, "application/pdf", letter.clone()).await;
    let better = json!({ "version": 1, "text": "先收集工资条和考勤记录，再投诉；仲裁时效是一年，请抓紧。" });
    lawyer.post(&format!("/api/questions/{question}/answers/{given}"), &better).await;

    // The call is said before it is asked for, as often as the line needs.
    let call: ConsultationId = mint();
    let path = format!("/api/questions/{question}/calls");
    for _ in 0..2 {
        assert_eq!(asker.post(&path, &json!({ "call": call })).await.status, StatusCode::NO_CONTENT);
    }
    let stranger = server.guest().await;
    assert_eq!(stranger.post(&path, &json!({ "call": call })).await.status, StatusCode::NOT_FOUND);
    let mut page = Page::open(&asker).await;
    let me = lawyer.get("/api/me").await.body["id"].as_str().expect("an id").parse().expect("an id");
    let wish = ClientMessage::RequestConsultation {
        consultation: call,
        practice_area: PracticeArea::Labour,
        area: "990121102000".parse().expect("a code"),
        channel: Channel::Text,
        lawyer: Some(me),
    };
    page.ask(wish).await.expect("asked");
    let session = begin(&mut desk, &mut page).await.id;
    page.ask(ClientMessage::HangUp { session }).await.expect("hung up");
    ended(&mut desk).await;
    let record = write_outcome(&mut desk, session).await;

    // One matter, its newest part the call; the question names the call, and the matter the question.
    let row = listed(&asker, &question, |row| row["latest"] == json!(call) && row["state"] == json!("ANSWERED")).await;
    assert_eq!((&row["kind"], &row["question"]), (&json!("QUESTION"), &json!(question)));
    let all = asker.get("/api/matters").await.body;
    assert_eq!(all["items"].as_array().map(Vec::len), Some(1), "{all:#}");
    for reader in [&asker, &lawyer] {
        let shown = read(reader, &question).await.body;
        assert_eq!(shown["calls"].as_array().map(Vec::len), Some(1), "{shown:#}");
        assert_eq!((&shown["calls"][0]["session"], &shown["calls"][0]["record"]), (&json!(session), &json!(record)));
        let matter = reader.get(&format!("/api/matters/{question}")).await.body;
        assert_eq!((&matter["asked"]["answers"], &matter["sessions"][0]["record"]), (&json!(1), &json!(record)));
        assert!(!matter.to_string().contains("工资"), "no word of it");
    }
    let other = answered_by(&server, &question, "lawyer2").await;
    assert_eq!(read(&other, &question).await.body["calls"], json!([]), "not the other's call");

    // Stars once for both: in the call, and then not for the question.
    page.ask(ClientMessage::Rate { consultation: call, stars: 5 }).await.expect("rated");
    listed(&asker, &question, |row| row["rating"]["stars"] == json!(5)).await;
    assert_eq!(rate(&asker, &question, 1).await.code(), "already-rated");
    // In writing again.
    follow_up(&asker, &question, "电话里忘了问：要交费吗？").await;
    let back = listed(&asker, &question, |row| row["latest"] == json!(question)).await;
    assert_eq!(back["state"], json!("REOPENED"));

    // One file, and in it what each reader may see.
    let archive = format!("/api/matters/{question}/archive");
    for reader in [&asker, &lawyer, &server.login("supervisor1").await] {
        let (files, again) = (reader.bytes(&archive).await, reader.bytes(&archive).await);
        assert!(files == again, "the same file twice");
    }
    let whole = files(&asker.bytes(&archive).await);
    let names: Vec<_> = whole.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names.iter().filter(|name| name.starts_with("records/")).count(), 3, "two answers, one call: {names:?}");
    let of = |part: &str| whole.iter().find(|(name, _)| name.contains(part)).expect("a file").1.clone();
    assert!(of(&picture) == photograph(700_000));
    let texts: Value = serde_json::from_slice(&of("question/texts.json")).expect("texts");
    let texts = texts.as_array().expect("a list");
    let versions = texts.iter().filter(|text| text["id"] == json!(given)).count();
    assert_eq!((texts.len(), versions), (5, 2), "question, two versions, another answer, a follow-up: {texts:#?}");
    let list: Value = serde_json::from_slice(&of("question/attachments.json")).expect("a list");
    assert_eq!(of(list[1]["file"].as_str().expect("a name")), letter);
    let manifest: Value = serde_json::from_slice(&of("manifest.json")).expect("a manifest");
    assert_eq!(manifest["files"].as_array().map(Vec::len), Some(whole.len() - 1));

    let of_office = files(&server.login("supervisor1").await.bytes(&archive).await);
    let is_content = |name: &str| name.starts_with("question/") || name.starts_with("messages/");
    assert!(!of_office.iter().any(|(name, _)| is_content(name)), "metadata only");
    assert_eq!(stranger.file(&archive).await.0, StatusCode::NOT_FOUND);
    let third = server.login("lawyer3").await;
    assert_eq!(third.file(&archive).await.0, StatusCode::NOT_FOUND, "who has no part in it");
    server.server.app.store.verify_audit().await.expect("the store").expect("a whole log");
    server.stop().await;
}

#[tokio::test]
async fn a_call_about_a_question_that_nobody_takes_leaves_it_answered() {
    let server = TestServer::start().await;
    let asker = server.guest().await;
    let question = ask(&asker).await;
    let path = format!("/api/questions/{question}/calls");
    let call: ConsultationId = mint();
    let early = asker.post(&path, &json!({ "call": call })).await;
    assert_eq!(early.status, StatusCode::NOT_FOUND, "nobody has answered yet");
    answered_by(&server, &question, "lawyer1").await;
    assert_eq!(asker.post(&path, &json!({ "call": call })).await.status, StatusCode::NO_CONTENT);

    let mut page = Page::open(&asker).await;
    let wish = ClientMessage::RequestConsultation {
        consultation: call,
        practice_area: PracticeArea::Labour,
        area: "990121102000".parse().expect("a code"),
        channel: Channel::Text,
        lawyer: None,
    };
    page.ask(wish).await.expect("asked");
    listed(&asker, &question, |row| row["state"] == json!("REOPENED") && row["latest"] == json!(call)).await;
    page.ask(ClientMessage::CancelConsultation { consultation: call }).await.expect("called off");

    listed(&asker, &question, |row| row["state"] == json!("ANSWERED")).await;
    assert!(page.ask(ClientMessage::Rate { consultation: call, stars: 1 }).await.is_err(), "there was no call");
    assert_eq!(rate(&asker, &question, 4).await.status, StatusCode::OK);
    server.stop().await;
}

/// The files of an archive, in order: name and bytes.
fn files(archive: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(archive)).expect("an archive");
    let mut files = vec![];
    for n in 0..archive.len() {
        let mut file = archive.by_index(n).expect("a file");
        let mut bytes = vec![];
        file.read_to_end(&mut bytes).expect("bytes");
        files.push((file.name().expect("a name").into_owned(), bytes));
    }
    files
}
