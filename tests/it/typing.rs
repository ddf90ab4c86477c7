//! Real-time text: the other side reads along, a page that was loaded anew goes on, and nothing but a number is kept.
use serde_json::json;
use yunfa_signaling::{
    ids::SessionId,
    message::{ClientMessage, ErrorCode, ServerMessage},
    private::ChatText,
    words::{Channel, EndReason},
};

use crate::{
    calls::{ask, begin, ended, on_duty, say, write_outcome},
    canary,
    page::Page,
    privacy::nothing_is_kept,
    server::TestServer,
};

#[tokio::test]
async fn who_cannot_speak_is_read_letter_by_letter_and_the_record_says_so() {
    let server = TestServer::start().await;
    let (lawyer, mut desk) = on_duty(&server, "lawyer1").await;
    let citizen = server.guest().await;
    let mut asker = Page::open(&citizen).await;
    ask(&server, &mut asker, Channel::Text).await;
    let session = begin(&mut desk, &mut asker).await;

    types(&mut asker, session.id, 0, "老板三个").await.expect("typed");
    types(&mut asker, session.id, 4, "月没发工").await.expect("typed");
    assert_eq!([typed(&mut desk).await, typed(&mut desk).await], [(0, "老板三个".into()), (4, "月没发工".into())]);
    assert_eq!(types(&mut asker, session.id, 9, "资").await, Err(ErrorCode::Unexpected));
    assert_eq!(types(&mut asker, session.id, 0, &"工".repeat(2001)).await, Err(ErrorCode::TooLarge));
    assert_eq!(types(&mut asker, session.id, 8, "\u{8}").await, Err(ErrorCode::BadMessage));

    // Both pages are loaded anew: each has the line as it stands.
    drop(asker);
    let mut asker = Page::open(&citizen).await;
    assert_eq!(typed(&mut asker).await, (0, "老板三个月没发工".into()));
    types(&mut asker, session.id, 8, "资").await.expect("typed");
    assert_eq!(typed(&mut desk).await, (8, "资".into()));
    say(&mut asker, session.id, "老板三个月没发工资").await.expect("said");
    types(&mut desk, session.id, 0, "有合").await.expect("typed");
    assert_eq!(typed(&mut asker).await, (0, "有合".into()));

    // An uninvited one learns nothing of it, and can say nothing into it.
    let mut stranger = Page::open(&server.guest().await).await;
    assert_eq!(types(&mut stranger, session.id, 0, "我").await, Err(ErrorCode::NotFound));

    asker.ask(ClientMessage::HangUp { session: session.id }).await.expect("hung up");
    assert_eq!(ended(&mut desk).await, (EndReason::CitizenHungUp, true));
    assert_eq!(types(&mut asker, session.id, 0, "谢").await, Err(ErrorCode::Over));
    let record = write_outcome(&mut desk, session.id).await;
    let kept = lawyer.get(&format!("/api/records/{record}")).await.body;
    assert_eq!(kept["realTimeText"], json!(true), "{kept:#}");
    let chars: Vec<_> = kept["legs"].as_array().expect("legs").iter().map(|leg| leg["realTimeChars"].clone()).collect();
    assert_eq!(chars, [json!(9), json!(2)]);
    canary::learn(&json!({ "text": "老板三个月没发工资" }));
    nothing_is_kept(server).await;
}

async fn types(page: &mut Page, session: SessionId, keep: u32, text: &str) -> Result<(), ErrorCode> {
    page.ask(ClientMessage::TypeText { session, keep, text: ChatText::new(text) }).await
}

/// The next change of the other's line.
async fn typed(page: &mut Page) -> (u32, String) {
    page.hear(|message| match message {
        ServerMessage::Typed { keep, text, .. } => Some((*keep, text.expose().to_owned())),
        _ => None,
    })
    .await
}
