//! After a consultation: stars once the page is closed, complaints, follow-ups that the rated lawyer cannot touch, appeals.
use reqwest::StatusCode;
use serde_json::{Value, json};
use yunfa::storage::registry::NewStaff;
use yunfa_signaling::{
    ids::{ConsultationId, OfferId, SessionId},
    message::{ClientMessage, ErrorCode},
    private::PersonName,
    words::{Channel, Grade, Role, RouteMode},
};

use crate::{
    calls::{active, ended, offered, on_duty, other_lawyer, write_outcome},
    page::{Page, mint},
    records::{Held, held},
    server::{Answer, Client, TestServer},
};

/// The matter of a consultation that was held.
pub(crate) async fn matter_of(held: &Held) -> String {
    let found = held.lawyer.get(&format!("/api/records/{}", held.record)).await.body;
    found["consultationId"].as_str().expect("an id").to_owned()
}

/// One star, a complaint and the lawyer's objection; the matter.
pub(crate) async fn dissatisfied(held: &Held) -> String {
    let matter = matter_of(held).await;
    let rated = rate(&held.asker, &matter, 1).await;
    assert_eq!((rated.status, &rated.body["amended"]), (StatusCode::OK, &json!(false)), "{:?}", rated.body);
    listed(&held.lawyer, &matter, |row| row["rating"]["stars"] == json!(1)).await;
    let said = json!({ "cause": "ATTITUDE", "text": "没有回答我的问题" });
    assert_eq!(held.asker.post(&format!("/api/matters/{matter}/complaint"), &said).await.status, StatusCode::CREATED);
    let said = json!({ "reason": "当事人不同意法律规定" });
    let filed = held.lawyer.post(&format!("/api/matters/{matter}/appeal"), &said).await;
    assert_eq!(filed.status, StatusCode::CREATED, "{:?}", filed.body);
    matter
}

/// Gives a matter stars.
pub(crate) async fn rate(client: &Client, matter: &str, stars: u8) -> Answer {
    client.post(&format!("/api/matters/{matter}/rating"), &json!({ "stars": stars })).await
}

/// The line of a matter in this reader's list, once it says so: what is told live is written a moment later.
pub(crate) async fn listed(client: &Client, matter: &str, says: impl Fn(&Value) -> bool) -> Value {
    loop {
        let found = client.get("/api/matters").await.body;
        let items = found["items"].as_array().expect("a list");
        if let Some(row) = items.iter().find(|row| row["matter"] == json!(matter) && says(row)) {
            return row.clone();
        }
        tokio::task::yield_now().await;
    }
}

/// Somebody new of the office, with the password of the first supervisor.
pub(crate) async fn staff(server: &TestServer, user: &str, name: &str, role: Role) -> Client {
    let app = &server.server.app;
    let like = app.store.account("supervisor1").await.expect("asked").expect("there");
    let new = NewStaff {
        id: app.clock.mint(),
        account: app.clock.mint(),
        user: user.to_owned(),
        name: PersonName::new(name),
        role,
        firm: None,
        password_hash: like.password_hash,
    };
    app.store.add_staff(&new, app.clock.wall()).await.expect("added");
    let said = json!({ "user": user, "password": server.password("supervisor1"), "bearer": true });
    let login = server.nobody().post("/api/login", &said).await;
    server.nobody().bearer(login.body["token"].as_str().expect("a token"))
}

#[tokio::test]
async fn one_star_is_followed_up_by_somebody_else_and_the_asker_has_the_last_word() {
    let server = TestServer::start().await;
    // The page is closed when the stars are given.
    let held = held(&server, "lawyer1").await;
    let matter = matter_of(&held).await;
    let before = listed(&held.asker, &matter, |row| row["endedAt"].is_number()).await;
    assert_eq!((&before["may"]["rate"], &before["may"]["rerate"]), (&json!(true), &json!(false)));
    assert_eq!(rate(&held.asker, &matter, 6).await.code(), "bad-message");
    assert_eq!(rate(&held.asker, &matter, 1).await.status, StatusCode::OK);
    let own = listed(&held.asker, &matter, |row| row["followUp"]["state"] == json!("OPEN")).await;
    assert_eq!((&own["state"], &own["may"]["rate"]), (&json!("FOLLOW_UP"), &json!(false)));
    assert_eq!(rate(&held.asker, &matter, 5).await.code(), "already-rated");

    // The work list, and who may not touch it.
    let supervisor = server.login("supervisor1").await;
    let owed = supervisor.get("/api/follow-ups").await.body;
    let follow_up = &owed["items"][0];
    let path = format!("/api/follow-ups/{}", follow_up["id"].as_str().expect("an id"));
    assert_eq!((&follow_up["stars"], &follow_up["overdue"]), (&json!(1), &json!(false)));
    assert!(follow_up["due"].as_i64() > owed["now"].as_i64(), "{follow_up}");
    let act = |version: u8, act: &str| json!({ "version": version, "act": act, "note": "已电话回访" });
    assert_eq!(held.lawyer.post(&path, &act(1, "TAKE")).await.status, StatusCode::NOT_FOUND, "the rated lawyer");
    let namesake = staff(&server, "moonlighter", "林致远", Role::Supervisor).await;
    assert_eq!(namesake.post(&path, &act(1, "TAKE")).await.code(), "same-person");
    let cookie = {
        let said = json!({ "user": "lawyer1", "password": server.password("lawyer1") });
        server.nobody().post("/api/login", &said).await.cookie()
    };
    let at_his_desk = supervisor.clone().with("cookie", cookie.clone());
    assert_eq!(at_his_desk.post(&path, &act(1, "TAKE")).await.code(), "same-person");
    assert_eq!(supervisor.post(&format!("{path}/phone"), &json!({})).await.code(), "no-such-step", "not taken yet");

    // Somebody else, step by step.
    for (version, word, state) in [(1, "TAKE", "ASSIGNED"), (2, "REACHED", "CONTACTED"), (3, "RESOLVE", "RESOLVED")] {
        let done = supervisor.post(&path, &act(version, word)).await;
        assert_eq!(done.body["state"], json!(state), "{:?}", done.body);
    }
    assert_eq!(supervisor.post(&format!("{path}/phone"), &json!({})).await.body, json!({ "phone": null }));
    assert_eq!(supervisor.post(&path, &act(3, "CLOSE")).await.code(), "bad-message", "a result is needed");

    // The asker gives the stars anew, once, and never from a lawyer's browser.
    let beside = held.asker.clone().with("cookie", cookie);
    assert_eq!(rate(&beside, &matter, 5).await.code(), "lawyers-device");
    let anew = rate(&held.asker, &matter, 4).await;
    assert_eq!((anew.status, &anew.body["amended"]), (StatusCode::OK, &json!(true)));
    assert_eq!(rate(&held.asker, &matter, 5).await.code(), "already-rated");

    let close = json!({ "version": 4, "act": "CLOSE", "result": "SATISFIED", "note": "群众满意" });
    assert_eq!(supervisor.post(&path, &close).await.body["state"], json!("CLOSED"));
    let after = listed(&held.lawyer, &matter, |_| true).await;
    assert_eq!((&after["state"], &after["rating"]["amendedStars"]), (&json!("ARCHIVED"), &json!(4)));
    assert!(supervisor.get("/api/follow-ups").await.body["items"].as_array().is_some_and(Vec::is_empty));
    let whole = supervisor.get(&path).await.body;
    let acts: Vec<_> = whole["steps"].as_array().expect("a list").iter().map(|step| step["act"].clone()).collect();
    assert_eq!(acts, ["TAKE", "REACHED", "RESOLVE", "CLOSE"]);
    server.server.app.store.verify_audit().await.expect("the store").expect("a whole log");
    server.stop().await;
}

#[tokio::test]
async fn stars_that_two_persons_take_back_count_nowhere() {
    let server = TestServer::start().await;
    let held = held(&server, "lawyer1").await;
    let matter = dissatisfied(&held).await;
    let again = held.lawyer.post(&format!("/api/matters/{matter}/appeal"), &json!({ "reason": "再说一遍" })).await;
    assert_eq!(again.code(), "no-such-step", "once");

    let (first, second) = (server.login("supervisor1").await, server.login("supervisor2").await);
    let appeals = first.get("/api/appeals").await.body;
    let path = format!("/api/appeals/{}/vote", appeals["items"][0]["id"].as_str().expect("an id"));
    let vote = json!({ "uphold": true, "reason": "与通话事实不符" });
    let namesake = staff(&server, "moonlighter", "林致远", Role::Supervisor).await;
    assert_eq!(namesake.post(&path, &vote).await.code(), "same-person");
    assert_eq!(first.post(&path, &vote).await.body["state"], json!("HEARD"));
    assert_eq!(first.post(&path, &vote).await.code(), "no-such-step", "nobody votes twice");
    assert_eq!(second.post(&path, &vote).await.body["state"], json!("UPHELD"));

    let row = listed(&held.lawyer, &matter, |_| true).await;
    assert!(row["rating"]["voidedAt"].is_number(), "{row}");
    let asked = listed(&held.asker, &matter, |_| true).await;
    assert_eq!((&asked["appeal"], &asked["may"]["rerate"]), (&json!(null), &json!(false)));
    server.stop().await;
}

#[tokio::test]
async fn what_an_asker_complains_of_is_read_by_supervisors_and_by_the_asker_only() {
    let server = TestServer::start().await;
    let held = held(&server, "lawyer1").await;
    let matter = dissatisfied(&held).await;
    let path = format!("/api/matters/{matter}/complaints");

    assert_eq!(held.asker.get(&path).await.body["items"][0]["text"], json!("没有回答我的问题"));
    for client in [held.lawyer.clone(), server.guest().await, server.login("dispatcher").await] {
        assert_eq!(client.get(&path).await.status, StatusCode::NOT_FOUND);
    }
    let of_lawyer = held.lawyer.get("/api/matters").await.body.to_string();
    assert!(!of_lawyer.contains("没有回答") && !of_lawyer.contains("citizen"), "{of_lawyer}");
    let database = std::fs::read(server.data.path().join("yunfa.db")).unwrap_or_default();
    assert!(!String::from_utf8_lossy(&database).contains("没有回答我的问题"), "it is sealed at rest");
    server.stop().await;
}

#[tokio::test]
async fn who_comes_back_goes_on_with_the_matter_and_its_lawyer_first() {
    let server = TestServer::start().await;
    let held = held(&server, "lawyer1").await;
    let matter = matter_of(&held).await;
    assert_eq!(rate(&held.asker, &matter, 4).await.status, StatusCode::OK);
    let over = listed(&held.asker, &matter, |row| row["state"] == json!("ARCHIVED")).await;
    assert_eq!(over["may"]["reopen"], json!("SAME"));

    let (lawyer, mut desk) = on_duty(&server, "lawyer1").await;
    let (_, other) = on_duty(&server, other_lawyer(&server)).await;
    let mut asker = Page::open(&held.asker).await;
    let consultation: ConsultationId = mint();
    let path = format!("/api/matters/{matter}/reopening");
    let meant = held.asker.post(&path, &json!({ "consultation": consultation })).await;
    assert_eq!((&meant.body["how"], &meant.body["rated"]), (&json!("SAME"), &json!(true)), "{:?}", meant.body);
    assert_eq!(held.asker.post(&path, &json!({ "consultation": consultation })).await.code(), "bad-message", "once");
    let stranger = server.guest().await;
    assert_eq!(
        stranger.post(&path, &json!({ "consultation": mint::<ConsultationId>() })).await.status,
        StatusCode::NOT_FOUND
    );

    asker.ask(again(&meant.body, consultation)).await.expect("asked");
    let offer = offered(&mut desk).await;
    assert_eq!((offer.route_mode, offer.grade), (RouteMode::Direct, Grade::Normal));
    let session = take(&mut desk, &mut asker, offer.id).await;
    drop(other);
    listed(&lawyer, &matter, |row| row["state"] == json!("REOPENED") && row["latest"] == json!(consultation)).await;
    asker.ask(ClientMessage::HangUp { session }).await.expect("hung up");
    ended(&mut desk).await;
    let record = write_outcome(&mut desk, session).await;

    // One chain: the second record follows the first, and the stars are those that were given.
    let read = lawyer.get(&format!("/api/records/{record}")).await.body;
    assert_eq!((&read["followUpNo"], &read["consultationId"]), (&json!(1), &json!(consultation)));
    let stars = asker.ask(ClientMessage::Rate { consultation, stars: 1 }).await;
    assert_eq!(stars, Err(ErrorCode::AlreadyRated));
    let after = listed(&lawyer, &matter, |row| row["state"] == json!("ARCHIVED")).await;
    assert_eq!(after["rating"]["stars"], json!(4));
    server.stop().await;
}

#[tokio::test]
async fn a_matter_is_graded_told_on_and_handed_out_as_one_file() {
    let server = TestServer::start().await;
    let held = held(&server, "lawyer1").await;
    let matter = matter_of(&held).await;
    let supervisor = server.login("supervisor1").await;
    let path = |what: &str| format!("/api/matters/{matter}/{what}");

    // A sign that the lawyer ticks is graver than what the lawyer says; and a lawyer only raises.
    let said = json!({ "grade": "ATTENTION", "reason": "情绪激动", "signs": ["VIOLENCE"] });
    let other = server.login(other_lawyer(&server)).await;
    assert_eq!(other.post(&path("grade"), &said).await.status, StatusCode::NOT_FOUND);
    assert_eq!(held.lawyer.post(&path("grade"), &said).await.body["grade"], json!("MAJOR"));
    let lower = json!({ "grade": "NORMAL", "reason": "查无此事" });
    assert_eq!(held.lawyer.post(&path("grade"), &lower).await.code(), "no-such-step");
    let grades = supervisor.get(&path("grades")).await.body;
    assert_eq!((&grades["items"][0]["by"], &grades["items"][0]["name"]), (&json!("RULE_SIGN"), &json!("林致远")));

    // The office has an hour.
    let grave = supervisor.get("/api/escalations").await.body;
    let one = &grave["items"][0];
    let flagged = one["flaggedAt"].as_i64().expect("a time");
    assert_eq!((one["due"].as_i64(), &one["overdue"]), (Some(flagged + 3_600_000), &json!(false)));
    let step = format!("/api/escalations/{}", one["id"].as_str().expect("an id"));
    let act = |version: u8, act: &str| json!({ "version": version, "act": act, "note": "已电话告知镇政府" });
    for (version, word, state) in [(1, "CONFIRM", "GRADED"), (2, "PUSH", "PUSHED"), (3, "ACK", "ACKED")] {
        assert_eq!(supervisor.post(&step, &act(version, word)).await.body["state"], json!(state));
    }
    assert_eq!(supervisor.post(&step, &act(4, "CLOSE")).await.code(), "no-such-step");

    // An incident, and its matters.
    let named = held.lawyer.post("/api/incidents", &json!({ "name": "某矿欠薪", "people": 12 })).await;
    let incident = named.body["id"].as_str().expect("an id").to_owned();
    let linked = held.lawyer.post(&path("incident"), &json!({ "incident": incident })).await;
    assert_eq!(linked.status, StatusCode::NO_CONTENT);
    let of_incident = supervisor.get(&format!("/api/matters?incident={incident}")).await.body;
    assert_eq!(of_incident["items"][0]["matter"], json!(matter));

    // One file, and in it what each reader may see.
    let whole = supervisor.get(&format!("/api/matters/{matter}")).await.body;
    assert_eq!((&whole["grade"], &whole["sessions"][0]["record"]), (&json!("MAJOR"), &json!(held.record)));
    for (client, reads_words) in [(&held.asker, true), (&held.lawyer, true), (&supervisor, false)] {
        let file = client.bytes(&path("archive")).await;
        assert_eq!(file, client.bytes(&path("archive")).await, "the same file twice");
        let files = unpacked(&file);
        let record = files.iter().find(|(name, _)| name.contains(&held.record)).expect("the record");
        assert!(record.1.contains("\"recordId\""), "{}", record.1);
        let words: Vec<_> = files.iter().filter(|(_, text)| text.contains("我的老板三个月没发工资")).collect();
        assert_eq!(words.len(), usize::from(reads_words), "{words:?}");
        let names: Vec<_> = files.iter().map(|(name, _)| name.split('/').next().unwrap_or_default()).collect();
        let expected: &[&str] = if reads_words {
            &["manifest.json", "records", "records.csv", "audit.json", "messages"]
        } else {
            &["manifest.json", "records", "records.csv", "audit.json"]
        };
        assert_eq!(names, expected);
    }
    assert_eq!(other.get(&path("archive")).await.status, StatusCode::NOT_FOUND);
    assert_eq!(server.guest().await.get(&path("archive")).await.status, StatusCode::NOT_FOUND);
    server.server.app.store.verify_audit().await.expect("the store").expect("a whole log");
    server.stop().await;
}

/// The files of an archive, in order: name and text.
fn unpacked(file: &[u8]) -> Vec<(String, String)> {
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(file)).expect("an archive");
    (0..archive.len())
        .map(|n| {
            let mut file = archive.by_index(n).expect("a file");
            let mut text = String::new();
            std::io::Read::read_to_string(&mut file, &mut text).expect("text");
            (file.name().expect("a name").into_owned(), text)
        })
        .collect()
}

/// What was answered to the return, as a question under its id.
pub(crate) fn again(meant: &Value, consultation: ConsultationId) -> ClientMessage {
    let word = |field: &str| meant[field].as_str().expect("text").to_owned();
    ClientMessage::RequestConsultation {
        consultation,
        practice_area: word("practiceArea").parse().expect("a word"),
        area: word("area").parse().expect("a code"),
        channel: Channel::Text,
        lawyer: Some(word("lawyer").parse().expect("an id")),
    }
}

async fn take(desk: &mut Page, asker: &mut Page, offer: OfferId) -> SessionId {
    desk.ask(ClientMessage::AcceptOffer { offer }).await.expect("accepted");
    active(asker).await;
    active(desk).await.id
}
