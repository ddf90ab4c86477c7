//! A third party in a session: asked for, agreed to, there, gone, and nothing of it for anybody else.
use serde_json::json;
use yunfa_signaling::{
    ids::{InvitationId, LawyerId, LegId, SessionId},
    message::{ClientMessage, ErrorCode, InvitedView, ServerMessage, SessionView},
    words::{Channel, EndReason, InvitationClosed, LegState, Part, Presence},
};

use crate::{
    calls::{ask, begin, chat, ended, on_duty, presence, say, settle, write_outcome},
    page::{Page, mint},
    server::{Client, TestServer},
};

#[tokio::test]
async fn a_third_party_reads_from_its_coming_on_and_is_in_the_record_but_not_paid() {
    let server = TestServer::start().await;
    let Three { lawyer, mut desk, mut asker, mut colleague, whom, session, .. } = Three::meet(&server).await;
    say(&mut asker, session, "这句只给律师").await.expect("said");
    chat(&mut desk).await;

    invite(&mut desk, session, whom, Part::Interpreter).await.expect("invited");
    let asked = invitation(&mut asker).await;
    settle(&mut colleague).await;
    assert!(!colleague.names().contains(&"invited"), "the asker has not agreed");
    answer(&mut asker, asked, true).await.expect("agreed");
    let card = invited(&mut colleague).await;
    assert_eq!((card.id, card.part, card.channel), (asked, Part::Interpreter, Channel::Text));
    answer(&mut colleague, asked, true).await.expect("came");
    let seen = with_third(&mut asker, LegState::Connected).await;
    let leg = LegId::new(asked.uuid());
    assert_eq!(seen.you, seen.legs[0].leg);
    assert_eq!((seen.legs.len(), seen.legs[2].leg, seen.legs[2].part), (3, leg, Some(Part::Interpreter)));
    assert_eq!(with_third(&mut colleague, LegState::Connected).await.you, leg);
    assert_eq!(presence(&mut colleague, Presence::Busy).await, Presence::Busy);

    say(&mut colleague, session, "我来翻译").await.expect("said");
    say(&mut desk, session, "请讲").await.expect("said");
    let lines = [(2, "我来翻译".to_owned()), (3, "请讲".to_owned())];
    assert_eq!([chat(&mut colleague).await, chat(&mut colleague).await], lines, "from the coming on");
    chat(&mut asker).await;
    assert_eq!([chat(&mut asker).await, chat(&mut asker).await], lines);
    // A page that is loaded anew finds the session, and not what was said before.
    drop(colleague);
    with_third(&mut asker, LegState::Interrupted).await;
    let (mut colleague, welcome) = Page::open_with_welcome(&server.login("lawyer3").await).await;
    assert_eq!(welcome.session.map(|view| view.chat_lines), Some(2), "two lines are its to read");
    assert_eq!([chat(&mut colleague).await, chat(&mut colleague).await], lines);

    asker.ask(ClientMessage::HangUp { session }).await.expect("hung up");
    assert_eq!(ended(&mut desk).await, (EndReason::CitizenHungUp, true));
    let record = write_outcome(&mut desk, session).await;
    let kept = lawyer.get(&format!("/api/records/{record}")).await.body;
    let third = &kept["legs"][2];
    assert_eq!((&third["legId"], &third["third"]["part"]), (&json!(leg), &json!("INTERPRETER")), "{kept:#}");
    assert_eq!(third["third"]["lawyerId"], json!(whom));
    assert!(third["third"]["consentedAt"].is_i64() && third["joinedAt"].is_i64() && third["leftAt"].is_i64());
    assert_eq!((&kept["lawyerMessages"], &kept["citizenMessages"]), (&json!(1), &json!(1)), "its lines are nobody's");
    assert!(kept["legs"][0].get("third").is_none() && kept["legs"][1].get("third").is_none());
    let theirs = server.login("lawyer3").await.get(&format!("/api/records/{record}")).await;
    assert_eq!(theirs.status, 404, "the record is not the third party's");
    server.server.app.store.verify_audit().await.expect("the store").expect("a whole log");
    server.stop().await;
}

#[tokio::test]
async fn no_is_no_and_a_consent_can_be_taken_back() {
    let server = TestServer::start().await;
    let Three { mut desk, mut asker, mut colleague, whom, session, .. } = Three::meet(&server).await;

    invite(&mut desk, session, whom, Part::Helper).await.expect("invited");
    let first = invitation(&mut asker).await;
    answer(&mut asker, first, false).await.expect("refused");
    assert_eq!(closed(&mut desk, first).await, InvitationClosed::Refused);
    assert_eq!(answer(&mut asker, first, true).await, Err(ErrorCode::Over), "no is no");
    assert_eq!(answer(&mut colleague, first, true).await, Err(ErrorCode::NotFound), "it never heard of it");

    invite(&mut desk, session, whom, Part::Helper).await.expect("invited");
    let second = invitation(&mut asker).await;
    answer(&mut asker, second, true).await.expect("agreed");
    invited(&mut colleague).await;
    answer(&mut colleague, second, true).await.expect("came");
    with_third(&mut asker, LegState::Connected).await;
    let leg = LegId::new(second.uuid());
    let remove = ClientMessage::RemoveThird { session, leg };
    assert_eq!(colleague.ask(remove.clone()).await, Err(ErrorCode::NotAllowed));
    asker.ask(remove.clone()).await.expect("removed");
    assert_eq!(ended(&mut colleague).await, (EndReason::ThirdPartyRemoved, false));
    assert_eq!(say(&mut colleague, session, "还在吗").await, Err(ErrorCode::NotFound));
    assert_eq!(asker.ask(remove).await, Err(ErrorCode::NotFound));
    assert_eq!(presence(&mut colleague, Presence::Available).await, Presence::Available);

    // The same one may come again, and is seated again.
    invite(&mut desk, session, whom, Part::Mediator).await.expect("invited");
    let third = invitation(&mut asker).await;
    answer(&mut asker, third, true).await.expect("agreed");
    invited(&mut colleague).await;
    answer(&mut colleague, third, true).await.expect("came");
    say(&mut colleague, session, "我又来了").await.expect("said");
    colleague.ask(ClientMessage::HangUp { session }).await.expect("left");
    assert_eq!(ended(&mut colleague).await, (EndReason::ThirdPartyLeft, false));
    say(&mut asker, session, "我们还在").await.expect("the session goes on");
    server.stop().await;
}

#[tokio::test]
async fn whoever_is_not_invited_may_not_be_invited_or_comes_too_late_is_refused_by_a_stable_code() {
    let server = TestServer::start().await;
    let Three { mut desk, mut asker, mut colleague, whom, session, own, .. } = Three::meet(&server).await;
    let mut stranger = Page::open(&server.guest().await).await;

    assert_eq!(invite(&mut desk, session, own, Part::Helper).await, Err(ErrorCode::NotAllowed), "oneself");
    assert_eq!(invite(&mut desk, session, mint(), Part::Helper).await, Err(ErrorCode::NotFree), "nobody");
    assert_eq!(invite(&mut desk, mint(), whom, Part::Helper).await, Err(ErrorCode::NotFound), "no such session");
    assert_eq!(invite(&mut asker, session, whom, Part::Helper).await, Err(ErrorCode::NotAllowed), "not the asker's");
    assert_eq!(invite(&mut colleague, session, own, Part::Helper).await, Err(ErrorCode::NotFound), "not theirs");
    let never: InvitationId = mint();
    for page in [&mut asker, &mut desk, &mut colleague, &mut stranger] {
        assert_eq!(answer(page, never, true).await, Err(ErrorCode::NotFound), "forged");
    }

    invite(&mut desk, session, whom, Part::Helper).await.expect("invited");
    let asked = invitation(&mut asker).await;
    assert_eq!(answer(&mut stranger, asked, true).await, Err(ErrorCode::NotFound));
    assert_eq!(answer(&mut colleague, asked, true).await, Err(ErrorCode::NotFound), "not before the asker agreed");
    assert_eq!(answer(&mut desk, asked, true).await, Err(ErrorCode::NotAllowed), "nobody agrees for the asker");
    answer(&mut asker, asked, true).await.expect("agreed");
    invited(&mut colleague).await;
    let dispatcher = server.login("dispatcher").await;
    suspend(&dispatcher, whom).await;
    assert_eq!(answer(&mut colleague, asked, true).await, Err(ErrorCode::NotAllowed), "suspended meanwhile");
    answer(&mut desk, asked, false).await.expect("withdrawn");
    assert_eq!(answer(&mut colleague, asked, true).await, Err(ErrorCode::Over), "stale");
    assert_eq!(invite(&mut desk, session, whom, Part::Helper).await, Err(ErrorCode::NotAllowed), "suspended");

    settle(&mut stranger).await;
    let overheard = stranger.names();
    assert!(overheard.iter().all(|name| !["session", "chat", "invited", "invitationClosed"].contains(name)));
    say(&mut asker, session, "都没事").await.expect("the session goes on");
    server.stop().await;
}

#[tokio::test]
async fn a_third_party_whose_page_is_gone_sits_again_in_the_next() {
    let server = TestServer::start().await;
    let Three { mut desk, mut asker, mut colleague, whom, session, .. } = Three::meet(&server).await;
    invite(&mut desk, session, whom, Part::SecondLawyer).await.expect("invited");
    let asked = invitation(&mut asker).await;
    answer(&mut asker, asked, true).await.expect("agreed");
    invited(&mut colleague).await;
    answer(&mut colleague, asked, true).await.expect("came");
    with_third(&mut asker, LegState::Connected).await;

    drop(colleague);
    with_third(&mut asker, LegState::Interrupted).await;
    let (mut page, welcome) = Page::open_with_welcome(&server.login("lawyer3").await).await;

    assert_eq!(welcome.session.map(|view| (view.id, view.legs.len())), Some((session, 3)));
    with_third(&mut asker, LegState::Connected).await;
    say(&mut page, session, "回来了").await.expect("said");
    assert_eq!(chat(&mut asker).await.1, "回来了");
    server.stop().await;
}

/// A lawyer and an asker who talk by text, and a colleague who is free.
struct Three {
    lawyer: Client,
    desk: Page,
    asker: Page,
    colleague: Page,
    /// The colleague.
    whom: LawyerId,
    /// The lawyer.
    own: LawyerId,
    session: SessionId,
}

impl Three {
    async fn meet(server: &TestServer) -> Self {
        let (lawyer, mut desk) = on_duty(server, "lawyer1").await;
        let mut asker = Page::open(&server.guest().await).await;
        ask(server, &mut asker, Channel::Text).await;
        let session = begin(&mut desk, &mut asker).await.id;
        let (other, mut colleague) = on_duty(server, "lawyer3").await;
        presence(&mut colleague, Presence::Available).await;
        let (own, whom) = (id(&lawyer).await, id(&other).await);
        Self { lawyer, desk, asker, colleague, whom, own, session }
    }
}

async fn id(client: &Client) -> LawyerId {
    let me = client.get("/api/me").await.body;
    me["id"].as_str().expect("an id").parse().expect("an id")
}

async fn invite(page: &mut Page, session: SessionId, lawyer: LawyerId, part: Part) -> Result<(), ErrorCode> {
    page.ask(ClientMessage::InviteThird { session, lawyer, part }).await
}

async fn answer(page: &mut Page, invitation: InvitationId, accept: bool) -> Result<(), ErrorCode> {
    page.ask(ClientMessage::AnswerInvitation { invitation, accept }).await
}

/// The invitation that a side is shown.
async fn invitation(page: &mut Page) -> InvitationId {
    page.hear(|message| match message {
        ServerMessage::Session(SessionView { invitation: Some(view), .. }) if !view.agreed => Some(view.id),
        _ => None,
    })
    .await
}

async fn invited(page: &mut Page) -> InvitedView {
    page.hear(|message| match message {
        ServerMessage::Invited(view) => Some(view.clone()),
        _ => None,
    })
    .await
}

async fn closed(page: &mut Page, which: InvitationId) -> InvitationClosed {
    page.hear(|message| match message {
        ServerMessage::InvitationClosed { invitation, reason } if *invitation == which => Some(*reason),
        _ => None,
    })
    .await
}

async fn with_third(page: &mut Page, state: LegState) -> SessionView {
    page.hear(|message| match message {
        ServerMessage::Session(view) if view.legs.get(2).is_some_and(|leg| leg.state == state) => Some(view.clone()),
        _ => None,
    })
    .await
}

async fn suspend(dispatcher: &Client, lawyer: LawyerId) {
    let order = json!({ "lawyers": [lawyer], "to": "SUSPENDED", "reason": "核查资格" });
    let decided = dispatcher.post("/api/qualifications", &order).await;
    assert_eq!(decided.body["decided"], json!([lawyer]), "{:?}", decided.body);
}
