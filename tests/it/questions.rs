//! Text questions through the whole server: asked, claimed, answered by three, asked on, kept, and nobody else's.
use std::time::Duration;

use reqwest::StatusCode;
use serde_json::{Value, json};
use uuid::Uuid;
use yunfa::clock::Clock;
use yunfa_signaling::{
    ids::{ConsultationId, MessageId},
    message::{ClientMessage, ServerMessage},
    time::Timestamp,
    words::{Channel, DeviceState, QuestionChange},
};

use crate::{
    calls::{ask as ask_live, on_duty},
    page::{Page, mint},
    server::{Answer, Client, TestServer},
};

/// 2026-11-19 01:06:40 UTC.
const START: Timestamp = Timestamp(1_795_050_400_000);
const STORY: &str = "老板欠我三个月工资不给，应该怎么办？";
const ADVICE: &str = "先收集工资条和考勤记录，再向劳动监察大队投诉，或申请劳动仲裁。";

/// Asks about wages.
pub(crate) async fn ask(client: &Client) -> String {
    ask_as(client, mint()).await
}

async fn ask_as(client: &Client, id: ConsultationId) -> String {
    let said = client.post("/api/questions", &asking(id)).await;
    assert_eq!(said.status, StatusCode::CREATED, "{:?}", said.body);
    assert_eq!((&said.body["state"], &said.body["slots"]), (&json!("MATCHING"), &json!(3)));
    id.to_string()
}

fn asking(id: ConsultationId) -> Value {
    json!({ "question": id, "practiceArea": "LABOUR", "area": "990121102000", "text": STORY })
}

/// Claims a slot, or holds it on.
pub(crate) async fn claim(client: &Client, question: &str) -> Answer {
    client.post(&format!("/api/questions/{question}/claim"), &json!({})).await
}

/// Answers, and returns the answer's id.
pub(crate) async fn answer(client: &Client, question: &str) -> String {
    let id: Uuid = mint();
    let said = give(client, question, id, ADVICE).await;
    assert_eq!(said.status, StatusCode::OK, "{:?}", said.body);
    id.to_string()
}

/// Answers with these words.
pub(crate) async fn give(client: &Client, question: &str, id: Uuid, text: &str) -> Answer {
    let said = json!({ "id": id, "text": text, "outcome": "ADVICE_GIVEN", "legalAidPrompted": true });
    client.post(&format!("/api/questions/{question}/answers"), &said).await
}

/// Reads a question whole.
pub(crate) async fn read(client: &Client, question: &str) -> Answer {
    client.get(&format!("/api/questions/{question}")).await
}

async fn open(client: &Client) -> Vec<Value> {
    let found = client.get("/api/questions/open").await;
    assert_eq!(found.status, StatusCode::OK, "{:?}", found.body);
    found.body["items"].as_array().expect("a list").clone()
}

/// Waits until time has done its work.
pub(crate) async fn until(clock: &Clock, step: Duration, mut done: impl AsyncFnMut() -> bool) {
    for _ in 0..2000 {
        if done().await {
            return;
        }
        clock.advance(step);
        tokio::task::yield_now().await;
    }
    panic!("it never came");
}

async fn hear_change(page: &mut Page, wanted: QuestionChange) -> ConsultationId {
    page.hear(|message| match message {
        ServerMessage::Question { question, change } if *change == wanted => Some(*question),
        _ => None,
    })
    .await
}

fn texts(shown: &Answer, kind: &str) -> usize {
    shown.body["texts"].as_array().expect("a list").iter().filter(|text| text["kind"] == kind).count()
}

#[tokio::test]
async fn a_question_is_answered_by_three_lawyers_each_with_a_sealed_record_and_then_takes_no_more() {
    let clock = Clock::by_hand(START);
    let server = TestServer::with(&[], clock.clone()).await;
    let (asker, supervisor) = (server.guest().await, server.login("supervisor1").await);
    let question = ask(&asker).await;

    for (n, user) in ["lawyer1", "lawyer2", "lawyer3"].into_iter().enumerate() {
        let lawyer = server.login(user).await;
        let row = open(&lawyer).await.into_iter().find(|row| row["question"] == *question).expect("it is open");
        assert_eq!((&row["practiceArea"], &row["free"]), (&json!("LABOUR"), &json!(3 - n)));
        assert!(row.get("text").is_none() && row.get("citizen").is_none(), "{row:#}");
        assert_eq!(read(&lawyer, &question).await.status, StatusCode::NOT_FOUND, "who only saw it reads nothing");
        clock.advance(Duration::from_secs(30));
        let claimed = claim(&lawyer, &question).await;
        assert_eq!(claimed.status, StatusCode::OK, "{:?}", claimed.body);
        assert_eq!((texts(&claimed, "QUESTION"), texts(&claimed, "ANSWER")), (1, 0), "nobody copies others");
        clock.advance(Duration::from_secs(60));
        let id = answer(&lawyer, &question).await;
        let records = lawyer.get("/api/records").await.body;
        let row = &records["items"][0];
        assert_eq!(
            (&row["sourceKind"], &row["session"], &row["payable"]),
            (&json!("ANSWER"), &json!(id), &json!(true))
        );
        let record = lawyer.get(&format!("/api/records/{}", row["record"].as_str().expect("an id"))).await.body;
        assert_eq!(record["answer"]["answerRank"], json!(n + 1), "{record:#}");
        assert_eq!(record["firstAnswerLatencyS"], json!(90 * (n + 1)));
        assert_eq!(
            (&record["channel"], &record["twoWayS"], &record["legalAidPrompted"]),
            (&json!("text"), &json!(0), &json!(true))
        );
        assert!(!record.to_string().contains("仲裁"), "no word of it in a record");
    }

    let shown = read(&asker, &question).await;
    assert_eq!((&shown.body["state"], texts(&shown, "ANSWER")), (&json!("ANSWERED"), 3));
    let fourth = server.login("lawyer6").await;
    assert!(open(&fourth).await.is_empty());
    assert_eq!(claim(&fourth, &question).await.code(), "taken");
    assert_eq!(give(&fourth, &question, mint(), ADVICE).await.code(), "taken");
    let nation = server.login("lawyer8").await;
    assert_eq!(claim(&nation, &question).await.status, StatusCode::NOT_FOUND, "who never saw it is told nothing");
    let listed = supervisor.get("/api/questions").await;
    assert_eq!(listed.body["items"][0]["answers"], json!(3));
    assert!(!listed.body.to_string().contains("工资"), "a supervisor reads no word");
    assert_eq!(read(&supervisor, &question).await.status, StatusCode::NOT_FOUND);
    server.stop().await;
}

#[tokio::test]
async fn whom_it_concerns_hears_of_it_on_open_pages_and_nobody_else() {
    let server = TestServer::start().await;
    let (asker, lawyer) = (server.guest().await, server.login("lawyer1").await);
    let (mut page, mut desk) = (Page::open(&asker).await, Page::open(&lawyer).await);
    let (mut other_desk, mut nation) =
        (Page::open(&server.login("lawyer2").await).await, Page::open(&server.login("lawyer8").await).await);
    let mut stranger = Page::open(&server.guest().await).await;

    let question = ask(&asker).await;
    assert_eq!(hear_change(&mut desk, QuestionChange::Open).await.to_string(), question);
    assert_eq!(hear_change(&mut other_desk, QuestionChange::Open).await.to_string(), question);
    claim(&lawyer, &question).await;
    hear_change(&mut page, QuestionChange::Changed).await;
    answer(&lawyer, &question).await;
    hear_change(&mut page, QuestionChange::Changed).await;
    let follow_up = json!({ "id": mint::<MessageId>(), "text": "还要准备什么？" });
    asker.post(&format!("/api/questions/{question}/follow-ups"), &follow_up).await;
    hear_change(&mut desk, QuestionChange::Changed).await;

    // What a page was told before its own answer, it has heard by then.
    for page in [&mut nation, &mut stranger] {
        let none = ClientMessage::SetDevices {
            microphone: DeviceState::Absent,
            camera: DeviceState::Absent,
            screen: DeviceState::Absent,
        };
        page.ask(none).await.expect("said");
        assert!(!page.has_heard(|message| matches!(message, ServerMessage::Question { .. })));
    }
    server.stop().await;
}

#[tokio::test]
async fn a_lawyer_who_claims_and_vanishes_holds_nobody_up_and_late_words_count_while_a_slot_is_free() {
    let clock = Clock::by_hand(START);
    let server = TestServer::with(&[], clock.clone()).await;
    let question = ask(&server.guest().await).await;
    let lawyers = [server.login("lawyer1").await, server.login("lawyer2").await, server.login("lawyer3").await];
    for lawyer in &lawyers {
        assert_eq!(claim(lawyer, &question).await.status, StatusCode::OK);
    }

    clock.advance(Duration::from_secs(100));
    assert_eq!(claim(&lawyers[1], &question).await.status, StatusCode::OK, "one goes on writing");
    clock.advance(Duration::from_secs(30));
    until(&clock, Duration::ZERO, async || {
        open(&lawyers[0]).await.iter().any(|row| row["free"] == json!(2) && row["heldUntil"].is_null())
    })
    .await;

    assert_eq!(read(&lawyers[0], &question).await.status, StatusCode::NOT_FOUND, "the right to read is gone too");
    assert_eq!(read(&lawyers[1], &question).await.status, StatusCode::OK);
    answer(&lawyers[0], &question).await;
    server.stop().await;
}

#[tokio::test]
async fn the_question_widens_from_the_field_to_the_county_to_the_nation_and_is_unserved_after_a_day() {
    let clock = Clock::by_hand(START);
    let server = TestServer::with(&[], clock.clone()).await;
    let asker = server.guest().await;
    let question = ask(&asker).await;
    let [field, county, nation] =
        [server.login("lawyer1").await, server.login("lawyer4").await, server.login("lawyer8").await];
    let sees = async |client: &Client| !open(client).await.is_empty();

    assert_eq!([sees(&field).await, sees(&county).await, sees(&nation).await], [true, false, false]);
    assert_eq!(claim(&county, &question).await.status, StatusCode::NOT_FOUND, "not yet, and not told why");
    clock.advance(Duration::from_secs(181));
    until(&clock, Duration::ZERO, async || sees(&county).await).await;
    assert!(!sees(&nation).await);
    clock.advance(Duration::from_secs(180));
    until(&clock, Duration::ZERO, async || sees(&nation).await).await;
    until(&clock, Duration::from_secs(600), async || read(&asker, &question).await.body["state"] == "UNSERVED").await;
    let late = give(&server.login("lawyer1").await, &question, mint(), ADVICE).await;
    assert_eq!((late.status, late.code()), (StatusCode::CONFLICT, "over"));
    server.stop().await;
}

#[tokio::test]
async fn follow_ups_are_free_and_answered_by_whoever_answered_and_versions_stay() {
    let clock = Clock::by_hand(START);
    let server = TestServer::with(&[], clock.clone()).await;
    let asker = server.guest().await;
    let (first, stranger) = (server.login("lawyer1").await, server.login("lawyer2").await);
    let question = ask(&asker).await;
    claim(&first, &question).await;
    let given = answer(&first, &question).await;
    let path = |rest: &str| format!("/api/questions/{question}/{rest}");

    for n in 1..=12 {
        let id: MessageId = mint();
        let said = json!({ "id": id, "text": format!("还有第{n}个问题想问一下") });
        assert_eq!(asker.post(&path("follow-ups"), &said).await.status, StatusCode::OK);
        let again = asker.post(&path("follow-ups"), &said).await;
        assert_eq!(texts(&again, "FOLLOW_UP"), n, "sent twice is one");
        let reply = json!({ "id": mint::<MessageId>(), "followUp": n, "text": "可以，见上。" });
        assert_eq!(stranger.post(&path("replies"), &reply).await.status, StatusCode::NOT_FOUND);
        let replied = first.post(&path("replies"), &reply).await;
        assert_eq!((replied.status, texts(&replied, "REPLY")), (StatusCode::OK, n), "{:?}", replied.body);
    }
    let better = json!({ "version": 1, "text": format!("{ADVICE}期限是一年。") });
    let amended = first.post(&path(&format!("answers/{given}")), &better).await;
    assert_eq!((amended.status, texts(&amended, "ANSWER")), (StatusCode::OK, 2), "both versions are there");
    let stale = first.post(&path(&format!("answers/{given}")), &better).await;
    assert_eq!(stale.code(), "changed-meanwhile");
    let records = first.get("/api/records").await.body;
    assert_eq!(records["items"].as_array().map(Vec::len), Some(1), "one record per answer");

    let closed = asker.post(&path("close"), &json!({})).await;
    assert_eq!(closed.body["state"], json!("CLOSED"));
    let again = json!({ "id": mint::<MessageId>(), "text": "又想起一件事" });
    assert_eq!(asker.post(&path("follow-ups"), &again).await.body["state"], json!("IN_SERVICE"));
    server.stop().await;
}

#[tokio::test]
async fn a_text_that_is_sent_twice_is_one_and_its_id_is_good_for_nothing_else() {
    let server = TestServer::start().await;
    let (asker, lawyer, other) = (server.guest().await, server.login("lawyer1").await, server.login("lawyer2").await);
    let question = ask(&asker).await;
    for client in [&lawyer, &other] {
        claim(client, &question).await;
    }
    let first: Uuid = mint();
    let path = |rest: &str| format!("/api/questions/{question}/{rest}");
    let refused = |answer: Answer| assert_eq!((answer.status, answer.code()), (StatusCode::CONFLICT, "id-used"));

    assert_eq!(give(&lawyer, &question, first, ADVICE).await.status, StatusCode::OK);
    assert_eq!(texts(&give(&lawyer, &question, first, ADVICE).await, "ANSWER"), 1, "sent twice");
    refused(give(&lawyer, &question, first, &format!("{ADVICE}另外")).await);
    refused(give(&other, &question, first, ADVICE).await);
    let asked: MessageId = mint();
    for n in 1..=2 {
        let id = if n == 1 { asked } else { mint() };
        let said = json!({ "id": id, "text": format!("还有第{n}个问题") });
        assert_eq!(asker.post(&path("follow-ups"), &said).await.status, StatusCode::OK);
    }
    refused(asker.post(&path("follow-ups"), &json!({ "id": asked, "text": "换一句话" })).await);
    refused(asker.post(&path("follow-ups"), &json!({ "id": first, "text": "还有第1个问题" })).await);
    let reply = |id: &str, number: u8, text: &str| json!({ "id": id, "followUp": number, "text": text });
    refused(lawyer.post(&path("replies"), &reply(&asked.to_string(), 1, "还有第1个问题")).await);
    let replied = mint::<MessageId>().to_string();
    for _ in 0..2 {
        let said = lawyer.post(&path("replies"), &reply(&replied, 1, "可以。")).await;
        assert_eq!((said.status, texts(&said, "REPLY")), (StatusCode::OK, 1), "{:?}", said.body);
    }
    refused(lawyer.post(&path("replies"), &reply(&replied, 1, "不可以。")).await);
    refused(lawyer.post(&path("replies"), &reply(&replied, 2, "可以。")).await);

    let shown = read(&asker, &question).await;
    let count = ["ANSWER", "FOLLOW_UP", "REPLY"].map(|kind| texts(&shown, kind));
    assert_eq!((count, &shown.body["pending"]), ([1, 2, 1], &json!(1)), "what was refused changed nothing");
    // Two with one id in the same moment: one of them is kept, and who sent the other hears it.
    let twin: MessageId = mint();
    let said = ["甲问", "乙问"].map(|text| json!({ "id": twin, "text": text }));
    let follow_ups = path("follow-ups");
    let both = tokio::join!(asker.post(&follow_ups, &said[0]), asker.post(&follow_ups, &said[1]));
    let mut told = [both.0.status, both.1.status];
    told.sort();
    assert_eq!(told, [StatusCode::OK, StatusCode::CONFLICT]);
    server.stop().await;
}

#[tokio::test]
async fn nobody_reads_what_is_not_theirs_and_it_looks_as_if_it_were_not_there() {
    let server = TestServer::start().await;
    let question = ask(&server.guest().await).await;
    let missing = "0192f3c4-5678-7abc-8def-0123456789ab";
    let others = [server.guest().await, server.login("lawyer8").await, server.login("dispatcher").await];

    for client in &others {
        let (theirs, nothing) = (read(client, &question).await, read(client, missing).await);
        assert_eq!((theirs.status, &theirs.body), (nothing.status, &nothing.body));
        assert_eq!(theirs.status, StatusCode::NOT_FOUND);
    }
    let foreign = &others[0];
    let said = json!({ "id": mint::<MessageId>(), "text": "看看别人的" });
    for (path, body) in [("follow-ups", said), ("close", json!({})), ("calls", json!({ "call": missing }))] {
        let theirs = foreign.post(&format!("/api/questions/{question}/{path}"), &body).await;
        assert_eq!(theirs.status, StatusCode::NOT_FOUND, "{path}");
    }
    assert!(foreign.get("/api/questions").await.body["items"].as_array().is_some_and(Vec::is_empty));
    let taken = foreign.post("/api/questions", &asking(question.parse().expect("an id"))).await;
    assert_eq!((taken.status, taken.code()), (StatusCode::CONFLICT, "id-used"));
    server.stop().await;
}

#[tokio::test]
async fn a_suspended_lawyer_loses_the_slot_at_once_and_gets_no_other() {
    let server = TestServer::start().await;
    let (asker, dispatcher) = (server.guest().await, server.login("dispatcher").await);
    let lawyer = server.login("lawyer1").await;
    let me = lawyer.get("/api/me").await.body["id"].clone();
    let question = ask(&asker).await;
    claim(&lawyer, &question).await;

    let decided = json!({ "lawyers": [me], "to": "SUSPENDED", "reason": "评议决定" });
    assert_eq!(dispatcher.post("/api/qualifications", &decided).await.status, StatusCode::OK);

    assert_eq!(read(&asker, &question).await.body["claimed"], json!(0));
    assert_eq!(read(&lawyer, &question).await.status, StatusCode::NOT_FOUND);
    assert!(open(&lawyer).await.is_empty());
    assert_eq!(claim(&lawyer, &question).await.status, StatusCode::NOT_FOUND);
    assert_eq!(give(&lawyer, &question, mint(), ADVICE).await.status, StatusCode::FORBIDDEN);
    server.stop().await;
}

#[tokio::test]
async fn a_restart_keeps_questions_slots_and_clocks() {
    let clock = Clock::by_hand(START);
    let server = TestServer::with(&[], clock.clone()).await;
    let (mut asker, mut lawyer) = (server.guest().await, server.login("lawyer1").await);
    let mut other = server.login("lawyer4").await;
    let question = ask(&asker).await;
    claim(&lawyer, &question).await;

    let later = Clock::by_hand(Timestamp(START.0 + 100_000));
    let server = server.restart(&[], later.clone()).await;
    for client in [&mut asker, &mut lawyer, &mut other] {
        client.url.clone_from(&server.url);
    }

    assert_eq!(read(&lawyer, &question).await.status, StatusCode::OK, "the slot is still held");
    assert!(open(&other).await.is_empty());
    later.advance(Duration::from_secs(25));
    until(&later, Duration::ZERO, async || read(&asker, &question).await.body["claimed"] == json!(0)).await;
    later.advance(Duration::from_secs(60));
    until(&later, Duration::ZERO, async || !open(&other).await.is_empty()).await;
    server.stop().await;
}

#[tokio::test]
async fn capacity_and_bounds_hold() {
    let server = TestServer::start().await;
    let (asker, lawyer) = (server.guest().await, server.login("lawyer1").await);
    let mut questions = vec![];
    for _ in 0..5 {
        questions.push(ask(&asker).await);
    }
    let sixth = asker.post("/api/questions", &asking(mint())).await;
    assert_eq!(sixth.code(), "too-many");

    for question in &questions[..3] {
        assert_eq!(claim(&lawyer, question).await.status, StatusCode::OK);
    }
    assert_eq!(claim(&lawyer, &questions[3]).await.code(), "too-many", "three text matters at once");
    // One live session beside them.
    let (_, mut desk) = on_duty(&server, "lawyer1").await;
    let mut caller = Page::open(&server.guest().await).await;
    ask_live(&server, &mut caller, Channel::Text).await;
    crate::calls::begin(&mut desk, &mut caller).await;

    let short = give(&lawyer, &questions[0], mint(), "太短了").await;
    assert_eq!((short.status, short.code()), (StatusCode::BAD_REQUEST, "bad-message"));
    let long = "问".repeat(4001);
    let mut said = asking(mint());
    said["text"] = json!(long);
    assert_eq!(asker.post("/api/questions", &said).await.status, StatusCode::BAD_REQUEST);
    said["text"] = json!("   ");
    assert_eq!(asker.post("/api/questions", &said).await.status, StatusCode::BAD_REQUEST);
    let released = lawyer.post(&format!("/api/questions/{}/release", questions[0]), &json!({})).await;
    assert_eq!(released.status, StatusCode::NO_CONTENT);
    assert_eq!(claim(&lawyer, &questions[3]).await.status, StatusCode::OK);
    let decline = json!({ "reason": "CONFLICT_OF_INTEREST" });
    let declined = lawyer.post(&format!("/api/questions/{}/decline", questions[4]), &decline).await;
    assert_eq!(declined.status, StatusCode::NO_CONTENT);
    assert!(open(&lawyer).await.iter().all(|row| row["question"] != *questions[4]), "not shown again");
    server.stop().await;
}

#[tokio::test]
async fn the_same_matter_goes_on_as_a_call() {
    let server = TestServer::start().await;
    let asker = server.guest().await;
    let (lawyer, mut desk) = on_duty(&server, "lawyer1").await;
    let question = ask(&asker).await;
    claim(&lawyer, &question).await;
    answer(&lawyer, &question).await;

    let mut page = Page::open(&asker).await;
    let me = lawyer.get("/api/me").await.body["id"].as_str().expect("an id").parse().expect("an id");
    let call: ConsultationId = mint();
    let wish = ClientMessage::RequestConsultation {
        consultation: call,
        practice_area: yunfa_signaling::words::PracticeArea::Labour,
        area: "990121102000".parse().expect("a code"),
        channel: Channel::Text,
        lawyer: Some(me),
    };
    page.ask(wish).await.expect("asked");
    crate::calls::begin(&mut desk, &mut page).await;
    let path = format!("/api/questions/{question}/calls");

    let linked = asker.post(&path, &json!({ "call": call })).await;
    let again = asker.post(&path, &json!({ "call": call })).await;
    let foreign = asker.post(&path, &json!({ "call": question })).await;

    assert_eq!(
        [linked.status, again.status, foreign.status],
        [StatusCode::NO_CONTENT, StatusCode::NO_CONTENT, StatusCode::NOT_FOUND]
    );
    server.stop().await;
}
