//! Replays the corpus of the fuzz target: what once found something is looked at in every run, and so are the seeds.
#[path = "../fuzz/src/targets.rs"]
pub mod targets;

use std::path::Path;

use yunfa_signaling::message::ClientFrame;

#[test]
fn every_input_of_the_corpus_keeps_its_promises() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/socket");
    let mut replayed = 0;
    for entry in std::fs::read_dir(&folder).expect("the corpus") {
        targets::socket(&std::fs::read(entry.expect("an entry").path()).expect("an input"));
        replayed += 1;
    }
    assert!(replayed > 0, "the corpus has no input");
}

#[test]
fn an_input_that_bears_the_name_of_a_message_is_that_message() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/socket");
    for name in [
        "hello",
        "resume",
        "requestConsultation",
        "declineOffer",
        "joinMedia",
        "setDevices",
        "fallBack",
        "proposeChannel",
        "answerChannel",
        "inviteThird",
        "answerInvitation",
        "removeThird",
        "sendChat",
        "typeText",
        "recordOutcome",
        "rate",
    ] {
        let text = std::fs::read_to_string(folder.join(name)).expect("a seed");
        assert_eq!(ClientFrame::read(&text).map(|frame| frame.message.name()), Ok(name));
    }
}
