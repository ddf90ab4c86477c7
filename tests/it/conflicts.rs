//! Conflicts of interest and priority, from outside: who has a conflict in an incident is rung for nothing of it; the graver goes first.
use reqwest::StatusCode;
use serde_json::{Value, json};
use yunfa_signaling::{
    ids::ConsultationId,
    message::{ClientMessage, ServerMessage},
    words::{Channel, DeclineReason, Grade, OfferClosed, PracticeArea, RouteMode},
};

use crate::{
    after::{again, listed, matter_of, rate},
    calls::{ask, offered, on_duty, question},
    page::{Page, mint},
    records::held,
    server::{Client, TestServer},
};

/// An incident, by its id.
async fn incident(office: &Client, name: &str) -> String {
    let named = office.post("/api/incidents", &json!({ "name": name, "people": 2 })).await;
    named.body["id"].as_str().expect("an id").to_owned()
}

/// Says something of a matter as soon as it is written down.
async fn of_matter(office: &Client, matter: impl std::fmt::Display, what: &str, said: &Value) {
    loop {
        let answer = office.post(&format!("/api/matters/{matter}/{what}"), said).await;
        if answer.status != StatusCode::NOT_FOUND {
            assert!(answer.status.is_success(), "{:?}", answer.body);
            return;
        }
        tokio::task::yield_now().await;
    }
}

async fn closed(desk: &mut Page) -> OfferClosed {
    desk.hear(|message| match message {
        ServerMessage::OfferClosed { reason, .. } => Some(*reason),
        _ => None,
    })
    .await
}

/// Asks about anything, so that everybody is rung for it.
async fn ask_anything(server: &TestServer, asker: &mut Page) {
    let ClientMessage::RequestConsultation { consultation, area, channel, lawyer, .. } =
        question(mint(), server, Channel::Text).await
    else {
        panic!("a question")
    };
    let practice_area = PracticeArea::Other;
    asker
        .ask(ClientMessage::RequestConsultation { consultation, practice_area, area, channel, lawyer })
        .await
        .expect("asked");
}

#[tokio::test]
async fn who_declines_for_a_conflict_is_rung_for_nothing_of_the_incident_even_when_chosen_and_alone() {
    let server = TestServer::start().await;
    let supervisor = server.login("supervisor1").await;
    let held = held(&server, "lawyer1").await;
    let matter = matter_of(&held).await;
    assert_eq!(rate(&held.asker, &matter, 4).await.status, StatusCode::OK);
    listed(&held.asker, &matter, |row| row["state"] == json!("ARCHIVED")).await;
    let incident = incident(&supervisor, "某矿欠薪").await;
    let linked = json!({ "incident": incident });
    of_matter(&supervisor, &matter, "incident", &linked).await;
    let (lawyer, mut desk) = on_duty(&server, "lawyer1").await;

    // A matter of the incident, declined for a conflict.
    let mut first = Page::open(&server.guest().await).await;
    let declined = ask(&server, &mut first, Channel::Text).await;
    let offer = offered(&mut desk).await;
    of_matter(&supervisor, declined, "incident", &linked).await;
    let reason = DeclineReason::ConflictOfInterest;
    desk.ask(ClientMessage::DeclineOffer { offer: offer.id, reason }).await.expect("declined");
    assert_eq!(closed(&mut desk).await, OfferClosed::Declined);
    let path = format!("/api/incidents/{incident}/conflicts");
    let known = loop {
        let items = supervisor.get(&path).await.body["items"].clone();
        if items.as_array().is_some_and(|items| !items.is_empty()) {
            break items;
        }
        tokio::task::yield_now().await;
    };
    assert_eq!((&known[0]["source"], &known[0]["lawyer"]["name"]), (&json!("DECLARED"), &json!("林致远")));
    assert_eq!(lawyer.get("/api/conflicts").await.body, json!({ "incidents": 1 }), "a count and nothing else");

    // Another one turns out to be of it while it rings: the ring is taken back.
    let mut second = Page::open(&server.guest().await).await;
    let other = ask(&server, &mut second, Channel::Text).await;
    offered(&mut desk).await;
    of_matter(&supervisor, other, "incident", &linked).await;
    assert_eq!(closed(&mut desk).await, OfferClosed::Withdrawn);

    // One that comes back, to this very lawyer: others are looked for, and the asker is told.
    let mut asker = Page::open(&held.asker).await;
    let consultation: ConsultationId = mint();
    let path = format!("/api/matters/{matter}/reopening");
    let meant = held.asker.post(&path, &json!({ "consultation": consultation })).await;
    asker.ask(again(&meant.body, consultation)).await.expect("asked");
    let view = asker.hear(|message| match message {
        ServerMessage::Consultation(view) if view.route_mode == Some(RouteMode::Broadcast) => Some(view.clone()),
        _ => None,
    });
    assert!(view.await.chosen_cannot);
    let on_duty = asker.hear(|message| match message {
        ServerMessage::Queue(queue) => Some(queue.on_duty),
        _ => None,
    });
    assert_eq!(on_duty.await, 0, "nobody who could be rung");

    // The next thing that rings is something else.
    let mut stranger = Page::open(&server.guest().await).await;
    ask_anything(&server, &mut stranger).await;
    assert_eq!(offered(&mut desk).await.practice_area, PracticeArea::Other);
    server.server.app.store.verify_audit().await.expect("the store").expect("a whole log");
    server.stop().await;
}

#[tokio::test]
async fn whom_the_office_keeps_out_loses_the_ring_and_is_let_in_again_for_the_next_matter() {
    let server = TestServer::start().await;
    let supervisor = server.login("supervisor1").await;
    let (lawyer, mut desk) = on_duty(&server, "lawyer1").await;
    let me = lawyer.get("/api/me").await.body["id"].clone();
    let incident = incident(&supervisor, "乙村征地").await;
    let linked = json!({ "incident": incident });
    let mut asker = Page::open(&server.guest().await).await;
    let consultation = ask(&server, &mut asker, Channel::Text).await;
    offered(&mut desk).await;
    of_matter(&supervisor, consultation, "incident", &linked).await;
    let path = format!("/api/incidents/{incident}/conflicts");
    let said = json!({ "lawyer": me, "reason": "代理过对方" });

    assert_eq!(supervisor.post(&path, &json!({ "lawyer": me, "reason": " " })).await.code(), "bad-message");
    let kept = supervisor.post(&path, &said).await;

    assert_eq!(kept.status, StatusCode::CREATED, "{:?}", kept.body);
    assert_eq!(closed(&mut desk).await, OfferClosed::Withdrawn);
    assert_eq!(supervisor.post(&path, &said).await.code(), "no-such-step", "once");
    let known = supervisor.get(&path).await.body["items"][0].clone();
    assert_eq!((&known["source"], &known["reason"], &known["lawyer"]["id"]), (&json!("OFFICE"), &said["reason"], &me));
    let lifted = supervisor.post(&format!("{path}/lift"), &json!({ "lawyer": me })).await;
    assert_eq!(lifted.status, StatusCode::NO_CONTENT);
    let mut next = Page::open(&server.guest().await).await;
    let consultation = ask(&server, &mut next, Channel::Text).await;
    let offer = offered(&mut desk).await;
    of_matter(&supervisor, consultation, "incident", &linked).await;
    desk.ask(ClientMessage::OfferSeen { offer: offer.id }).await.expect("it still rings");
    assert!(!desk.has_heard(
        |message| matches!(message, ServerMessage::OfferClosed { offer: closed, .. } if *closed == offer.id)
    ));
    server.stop().await;
}

#[tokio::test]
async fn what_is_graded_while_it_waits_goes_ahead() {
    let server = TestServer::start().await;
    let supervisor = server.login("supervisor1").await;
    let (mut first, mut second) = (Page::open(&server.guest().await).await, Page::open(&server.guest().await).await);
    ask(&server, &mut first, Channel::Text).await;
    let grave = ask(&server, &mut second, Channel::Text).await;
    let place = |wanted: u32| {
        move |message: &ServerMessage| match message {
            ServerMessage::Queue(queue) if queue.place == wanted => Some(()),
            _ => None,
        }
    };
    first.hear(place(1)).await;
    second.hear(place(2)).await;

    of_matter(&supervisor, grave, "grade", &json!({ "grade": "MAJOR", "reason": "群体事件" })).await;

    second.hear(place(1)).await;
    first.hear(place(2)).await;
    let (_, mut desk) = on_duty(&server, "lawyer1").await;
    assert_eq!(offered(&mut desk).await.grade, Grade::Major);
    server.stop().await;
}
