//! docs/protocol.md and docs/state.md speak of everything that can be said.
use std::{fs, path::Path};

use yunfa_signaling::{
    message::{ErrorCode, ServerMessage},
    words::{
        ConsultationState, DeclineReason, EndReason, InvitationClosed, LegState, OfferClosed, OfferState, Outcome,
        Part, PracticeArea, Presence, SessionState,
    },
};

fn page(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs").join(name);
    fs::read_to_string(path).expect("the page is there")
}

/// The names of a client's messages, from the types that the pages use.
fn client_messages() -> Vec<String> {
    let types = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../web/shared/protocol.ts"));
    let types = types.expect("the types are there");
    let (_, rest) = types.split_once("export type ClientMessage = ").expect("the type is there");
    let (declaration, _) = rest.split_once("\nexport type ").expect("others follow");
    let names = declaration.split("\"type\": \"").skip(1).filter_map(|text| text.split('"').next());
    names.map(str::to_owned).collect()
}

#[test]
fn every_message_has_its_section_on_its_side() {
    let page = page("protocol.md");
    let (before, server_side) = page.split_once("\n## What the server says\n").expect("the heading is there");
    let (_, client_side) = before.split_once("\n## What a client says\n").expect("the heading is there");

    let client_messages = client_messages();
    assert_eq!(client_messages.len(), 28);
    for name in client_messages {
        assert!(client_side.contains(&format!("\n### `{name}`\n")), "no section of the client's `{name}`");
    }
    for name in ServerMessage::NAMES {
        assert!(server_side.contains(&format!("\n### `{name}`\n")), "no section of the server's `{name}`");
    }
}

#[test]
fn every_error_code_has_its_row() {
    let page = page("protocol.md");
    for code in ErrorCode::ALL {
        assert!(page.contains(&format!("\n| `{}` | ", code.as_str())), "no row of `{}`", code.as_str());
        assert_eq!(serde_json::to_value(code).expect("json"), code.as_str());
    }
}

#[test]
fn every_word_that_crosses_the_wire_is_explained() {
    let page = page("protocol.md");
    let words = (PracticeArea::ALL.iter().map(|word| word.as_str()))
        .chain(ConsultationState::ALL.iter().map(|word| word.as_str()))
        .chain(LegState::ALL.iter().map(|word| word.as_str()))
        .chain(Presence::ALL.iter().map(|word| word.as_str()))
        .chain(DeclineReason::ALL.iter().map(|word| word.as_str()))
        .chain(EndReason::ALL.iter().map(|word| word.as_str()))
        .chain(OfferClosed::ALL.iter().map(|word| word.as_str()))
        .chain(Part::ALL.iter().map(|word| word.as_str()))
        .chain(InvitationClosed::ALL.iter().map(|word| word.as_str()))
        .chain(Outcome::ALL.iter().map(|word| word.as_str()));
    for word in words {
        assert!(page.contains(&format!("`{word}`")), "`{word}` is not explained");
    }
}

#[test]
fn every_state_stands_in_the_page_of_states() {
    let page = page("state.md");
    let states = (ConsultationState::ALL.iter().map(|state| state.as_str()))
        .chain(OfferState::ALL.iter().map(|state| state.as_str()))
        .chain(SessionState::ALL.iter().map(|state| state.as_str()))
        .chain(LegState::ALL.iter().map(|state| state.as_str()))
        .chain(Presence::ALL.iter().map(|state| state.as_str()));
    for state in states {
        assert!(page.contains(state), "{state} does not stand in docs/state.md");
    }
}
