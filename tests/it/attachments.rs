//! Attachments of text questions through the whole server: known by their bytes, bounded, sealed, and for those only who may read their text.
use std::path::Path;

use reqwest::StatusCode;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use yunfa_signaling::ids::MessageId;

use crate::{
    page::mint,
    questions::{answer, ask, claim, read},
    server::{Answer, Client, TestServer},
};

/// Bytes of an attachment at most.
const MOST: usize = 10 * 1024 * 1024;

/// A photograph, as far as anybody can see.
pub(crate) fn photograph(bytes: usize) -> Vec<u8> {
    let mut photograph = b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01".to_vec();
    photograph.extend((photograph.len()..bytes).map(|n| u8::try_from(n % 251).unwrap_or(0)));
    photograph
}

/// Attaches a photograph to a question, and returns its id.
pub(crate) async fn attach(client: &Client, question: &str) -> String {
    added(&attach_as(client, question, question, "image/jpeg", photograph(700_000)).await)
}

/// Attaches these bytes to a text under this name of a kind.
pub(crate) async fn attach_as(client: &Client, question: &str, text: &str, kind: &str, bytes: Vec<u8>) -> Answer {
    client.send_file(&format!("/api/questions/{question}/attachments?text={text}"), kind, bytes).await
}

/// Attaches these bytes to one's own question under the name of a picture, and returns the id.
async fn keep(client: &Client, question: &str, bytes: &[u8]) -> String {
    added(&attach_as(client, question, question, "image/png", bytes.to_vec()).await)
}

fn added(answer: &Answer) -> String {
    assert_eq!(answer.status, StatusCode::CREATED, "{:?}", answer.body);
    answer.body["id"].as_str().expect("an id").to_owned()
}

fn path(id: &str) -> String {
    format!("/api/attachments/{id}")
}

#[tokio::test]
async fn a_photograph_is_read_by_the_asker_and_by_whoever_answers_and_by_nobody_else() {
    let server = TestServer::start().await;
    let (asker, lawyer, other) = (server.guest().await, server.login("lawyer1").await, server.login("lawyer2").await);
    let question = ask(&asker).await;
    let id = attach(&asker, &question).await;

    assert_eq!(lawyer.file(&path(&id)).await.0, StatusCode::NOT_FOUND, "not before the slot is claimed");
    let claimed = claim(&lawyer, &question).await;
    assert_eq!(claimed.body["attachments"][0]["mediaType"], json!("image/jpeg"), "{:?}", claimed.body);
    let (status, _, bytes) = lawyer.file(&path(&id)).await;
    assert_eq!((status, bytes == photograph(700_000)), (StatusCode::OK, true));
    assert_eq!(asker.file(&path(&id)).await.0, StatusCode::OK);

    let missing = asker.file(&path("0192f3c4-5678-7abc-8def-0123456789ab")).await;
    assert_eq!(missing.0, StatusCode::NOT_FOUND);
    for stranger in [&other, &server.guest().await, &server.login("supervisor1").await] {
        let (status, headers, body) = stranger.file(&path(&id)).await;
        assert_eq!((status, &body), (missing.0, &missing.2), "as if it were not there");
        assert_eq!(headers["content-type"], missing.1["content-type"]);
    }
    server.stop().await;
}

#[tokio::test]
async fn what_is_attached_to_an_answer_is_for_the_asker_and_for_those_who_have_answered() {
    let server = TestServer::start().await;
    let asker = server.guest().await;
    let (first, second) = (server.login("lawyer1").await, server.login("lawyer2").await);
    let question = ask(&asker).await;
    claim(&first, &question).await;
    let given = answer(&first, &question).await;
    let id = added(&attach_as(&first, &question, &given, "application/pdf", b"%PDF-1.7\nmodel letter".to_vec()).await);
    claim(&second, &question).await;

    assert_eq!(asker.file(&path(&id)).await.0, StatusCode::OK);
    assert_eq!(second.file(&path(&id)).await.0, StatusCode::NOT_FOUND, "nobody copies others");
    assert_eq!(read(&second, &question).await.body["attachments"], json!([]));
    answer(&second, &question).await;
    assert_eq!(second.file(&path(&id)).await.0, StatusCode::OK);
    server.stop().await;
}

#[tokio::test]
async fn nobody_attaches_to_what_another_wrote_nor_to_a_question_of_another() {
    let server = TestServer::start().await;
    let (asker, lawyer) = (server.guest().await, server.login("lawyer1").await);
    let question = ask(&asker).await;
    claim(&lawyer, &question).await;
    let given = answer(&lawyer, &question).await;
    let stranger = server.guest().await;
    let own = ask(&stranger).await;
    let missing = "0192f3c4-5678-7abc-8def-0123456789ab";
    let nothing = attach_as(&asker, missing, missing, "image/jpeg", photograph(600)).await;
    assert_eq!(nothing.status, StatusCode::NOT_FOUND);

    for (who, question, text) in [
        (&lawyer, &question, &question),
        (&asker, &question, &given),
        (&stranger, &question, &question),
        (&stranger, &own, &question),
        (&server.login("lawyer2").await, &question, &given),
    ] {
        let refused = attach_as(who, question, text, "image/jpeg", photograph(600)).await;
        assert_eq!((refused.status, &refused.body), (nothing.status, &nothing.body));
    }
    assert_eq!(read(&asker, &question).await.body["attachments"], json!([]));
    server.stop().await;
}

#[tokio::test]
async fn a_suspended_lawyer_attaches_nothing_any_more() {
    let server = TestServer::start().await;
    let (asker, lawyer) = (server.guest().await, server.login("lawyer1").await);
    let question = ask(&asker).await;
    claim(&lawyer, &question).await;
    let given = answer(&lawyer, &question).await;
    let me = lawyer.get("/api/me").await.body["id"].clone();
    let decided = json!({ "lawyers": [me], "to": "SUSPENDED", "reason": "评议决定" });
    server.login("dispatcher").await.post("/api/qualifications", &decided).await;

    let refused = attach_as(&lawyer, &question, &given, "image/jpeg", photograph(600)).await;

    assert_eq!(refused.status, StatusCode::FORBIDDEN, "{:?}", refused.body);
    server.stop().await;
}

#[tokio::test]
async fn a_page_a_picture_with_a_script_a_program_an_archive_and_nothing_at_all_are_no_pictures() {
    let server = TestServer::start().await;
    let asker = server.guest().await;
    let question = ask(&asker).await;

    for lie in [
        &b"<!DOCTYPE html><script>alert(1)</script>"[..],
        b"<html><body onload=alert(1)>",
        b"<svg xmlns=\"http://www.w3.org/2000/svg\" onload=\"alert(1)\"/>",
        b"MZ\x90\0\x03\0\0\0\x04\0\0\0",
        b"\x7fELF\x02\x01\x01\0",
        b"PK\x03\x04\x14\0\0\0",
        b"\x1f\x8b\x08\0\0\0\0\0",
        b" %PDF-1.7",
        b"GIF89a/*",
        b"",
    ] {
        for name in ["image/png", "application/pdf", "audio/webm", ""] {
            let refused = attach_as(&asker, &question, &question, name, lie.to_vec()).await;
            assert_eq!((refused.status, refused.code()), (StatusCode::UNSUPPORTED_MEDIA_TYPE, "not-this-kind"));
        }
    }
    assert_eq!(read(&asker, &question).await.body["attachments"], json!([]));
    server.stop().await;
}

#[tokio::test]
async fn a_file_that_is_two_things_is_served_as_what_it_begins_as_and_can_run_nothing() {
    let server = TestServer::start().await;
    let asker = server.guest().await;
    let question = ask(&asker).await;
    let page = b"<html><script>alert(document.cookie)</script>";
    // A picture, a sound and a document that are pages too, and a document that is an archive too.
    for (head, kind, how) in [
        (&b"\x89PNG\r\n\x1a\n"[..], "image/png", "inline"),
        (b"\xff\xd8\xff\xfe", "image/jpeg", "inline"),
        (b"OggS\0\x02", "audio/ogg", "inline"),
        (b"%PDF-1.7\nPK\x03\x04", "application/pdf", "attachment"),
    ] {
        let both = [head, page].concat();
        let id = added(&attach_as(&asker, &question, &question, "text/html", both.clone()).await);

        let (status, headers, bytes) = asker.file(&path(&id)).await;

        assert_eq!((status, bytes), (StatusCode::OK, both));
        assert_eq!(headers["content-type"], kind, "what it is, not what it was called");
        assert_eq!(headers["x-content-type-options"], "nosniff");
        assert_eq!(headers["content-security-policy"], "default-src 'none'; sandbox");
        assert_eq!(headers["cross-origin-resource-policy"], "same-origin");
        assert_eq!(headers["cache-control"], "no-store");
        let disposition = headers["content-disposition"].to_str().expect("text");
        assert!(disposition.starts_with(&format!("{how}; filename=\"")), "{disposition}");
    }
    server.stop().await;
}

#[tokio::test]
async fn sound_and_documents_come_whole_and_as_long_as_they_say_to_whoever_takes_compressed_answers() {
    let server = TestServer::start().await;
    let asker = server.guest().await;
    let question = ask(&asker).await;
    let browser = asker.clone().with("accept-encoding", "gzip, deflate, br, zstd");
    let long = vec![0; 600_000];
    for head in [&b"\x1a\x45\xdf\xa3"[..], b"%PDF-1.7\n", b"\xff\xd8\xff\xe0"] {
        let file = [head, &long].concat();
        let id = keep(&asker, &question, &file).await;

        let (status, headers, bytes) = browser.file(&path(&id)).await;

        assert_eq!((status, bytes == file), (StatusCode::OK, true));
        assert_eq!(headers["content-length"], file.len().to_string().as_str());
        assert!(!headers.contains_key("content-encoding"), "not packed a second time");
    }
    server.stop().await;
}

#[tokio::test]
async fn a_document_that_would_unfold_to_gigabytes_is_kept_and_given_as_it_is() {
    let server = TestServer::start().await;
    let asker = server.guest().await;
    let question = ask(&asker).await;
    // A thousand streams that each claim to be a gigabyte, filter upon filter (PDF 32000-1 section 7.4.1).
    let mut bomb = b"%PDF-1.7\n".to_vec();
    for n in 1..=1000 {
        let filters = "/FlateDecode ".repeat(20);
        bomb.extend(format!("{n} 0 obj<</Length 1073741824/Filter[{filters}]>>stream\n").bytes());
        bomb.extend(b"\x78\xda\xed\xc1\x01\x01\0\0\0\x80\x90\xfe\xaf\xee\x08\nendstream endobj\n");
    }

    let id = keep(&asker, &question, &bomb).await;

    let (_, headers, bytes) = asker.file(&path(&id)).await;
    assert!(bytes == bomb);
    assert!(headers["content-disposition"].to_str().expect("text").starts_with("attachment; "), "no page unfolds it");
    server.stop().await;
}

#[tokio::test]
async fn ten_mebibytes_are_taken_and_one_byte_more_is_not_said_before_or_not() {
    let server = TestServer::start().await;
    let asker = server.guest().await;
    let question = ask(&asker).await;
    let full = photograph(MOST);
    let id = keep(&asker, &question, &full).await;
    assert!(asker.file(&path(&id)).await.2 == full);

    let large = attach_as(&asker, &question, &question, "image/jpeg", photograph(MOST + 1)).await;
    assert_eq!((large.status, large.code()), (StatusCode::PAYLOAD_TOO_LARGE, "too-large"));
    let unsaid = chunked(&server, &asker, &question, &photograph(MOST + 1)).await;
    assert!(unsaid.starts_with("HTTP/1.1 413"), "{unsaid}");

    let kept = read(&asker, &question).await.body["attachments"].as_array().map(Vec::len);
    assert_eq!(kept, Some(1), "nothing of what was refused is there");
    server.stop().await;
}

/// Posts a file of which nobody knows how long it will be; returns the answer's head.
async fn chunked(server: &TestServer, client: &Client, question: &str, file: &[u8]) -> String {
    let address = server.url.strip_prefix("http://").expect("plain");
    let mut socket = TcpStream::connect(address).await.expect("connected");
    let named: String = client.headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let head = format!(
        "POST /api/questions/{question}/attachments?text={question} HTTP/1.1\r\nhost: {address}\r\n{named}\
         transfer-encoding: chunked\r\nconnection: close\r\n\r\n"
    );
    socket.write_all(head.as_bytes()).await.expect("said");
    for part in file.chunks(65_536) {
        socket.write_all(format!("{:x}\r\n", part.len()).as_bytes()).await.expect("said");
        socket.write_all(part).await.expect("said");
        socket.write_all(b"\r\n").await.expect("said");
    }
    let mut answer = vec![0; 1024];
    let n = socket.read(&mut answer).await.expect("an answer");
    String::from_utf8_lossy(&answer[..n]).into_owned()
}

#[tokio::test]
async fn a_text_has_six_attachments_and_the_next_text_six_of_its_own() {
    let server = TestServer::start().await;
    let asker = server.guest().await;
    let question = ask(&asker).await;
    for _ in 0..6 {
        keep(&asker, &question, &photograph(600)).await;
    }
    let seventh = attach_as(&asker, &question, &question, "image/jpeg", photograph(600)).await;
    assert_eq!((seventh.status, seventh.code()), (StatusCode::TOO_MANY_REQUESTS, "too-many"));

    let text = mint::<MessageId>().to_string();
    let said = json!({ "id": text, "text": "这是工资条。" });
    asker.post(&format!("/api/questions/{question}/follow-ups"), &said).await;
    added(&attach_as(&asker, &question, &text, "image/jpeg", photograph(600)).await);
    server.stop().await;
}

#[tokio::test]
async fn however_often_one_asks_on_a_question_has_sixty_attachments() {
    let server = TestServer::start().await;
    let (asker, lawyer) = (server.guest().await, server.login("lawyer1").await);
    let question = ask(&asker).await;
    let mut text = question.clone();
    for _ in 0..10 {
        for _ in 0..6 {
            added(&attach_as(&asker, &question, &text, "image/jpeg", photograph(600)).await);
        }
        text = mint::<MessageId>().to_string();
        let said = json!({ "id": text, "text": "还有几张。" });
        asker.post(&format!("/api/questions/{question}/follow-ups"), &said).await;
    }
    let further = attach_as(&asker, &question, &text, "image/jpeg", photograph(600)).await;
    assert_eq!((further.status, further.code()), (StatusCode::TOO_MANY_REQUESTS, "too-many"));

    claim(&lawyer, &question).await;
    assert_eq!(read(&lawyer, &question).await.body["attachments"].as_array().map(Vec::len), Some(60));
    server.stop().await;
}

#[tokio::test]
async fn whoever_asks_for_a_part_of_a_file_gets_all_of_it() {
    let server = TestServer::start().await;
    let asker = server.guest().await;
    let question = ask(&asker).await;
    let file = photograph(600_000);
    let id = keep(&asker, &question, &file).await;

    for range in ["bytes=0-9", "bytes=599990-", "bytes=-10", "bytes=700000-", "bytes=9-0", "lines=1-2", "bytes=0-0,5-9"]
    {
        let (status, headers, bytes) = asker.clone().with("range", range).file(&path(&id)).await;
        assert_eq!((status, bytes == file), (StatusCode::OK, true), "{range} (RFC 9110 section 14.2)");
        assert_eq!(headers["accept-ranges"], "none");
        assert!(!headers.contains_key("content-range"));
    }
    server.stop().await;
}

#[tokio::test]
async fn no_byte_of_an_attachment_stands_readable_in_any_file_of_the_data_folder() {
    let server = TestServer::start().await;
    let asker = server.guest().await;
    let question = ask(&asker).await;
    let canary = b"canary-of-a-voice-message-0192f3c4";
    let file = [b"OggS\0\x02\0\0\0\0\0\0\0\0", &canary.repeat(20_000)[..]].concat();
    let id = keep(&asker, &question, &file).await;
    assert!(asker.file(&path(&id)).await.2 == file);

    let folder = server.stop_and_keep().await;

    // That a file is searched at all is shown by what stands in it beside the sealed bytes.
    assert!(is_in(folder.path(), b"audio/ogg"));
    assert!(!is_in(folder.path(), canary));
    assert!(!is_in(folder.path(), b"OggS\0\x02\0"));
}

/// Whether these bytes stand in any file of a folder.
fn is_in(folder: &Path, wanted: &[u8]) -> bool {
    std::fs::read_dir(folder).expect("a folder").any(|entry| {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            return is_in(&path, wanted);
        }
        let bytes = std::fs::read(&path).expect("a file");
        bytes.windows(wanted.len()).any(|window| window == wanted)
    })
}
