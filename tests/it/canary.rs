//! Canaries: what no log line and no file of the data folder may hold, learnt from everything the tests say and hear.
use std::{
    collections::BTreeSet,
    io::ErrorKind,
    path::{Path, PathBuf},
    sync::{PoisonError, RwLock},
};

use serde_json::Value;

/// A text shorter than this turns up by chance.
const MIN_BYTES: usize = 6;
/// Words of a session description that are only said together with an address, a password or a fingerprint.
const SDP: [&str; 4] = ["ice-pwd", "ice-ufrag:", "a=fingerprint", "a=candidate"];
/// Tokens and tickets are 32 rolled bytes in hex, resume tokens 48.
const TOKEN_DIGITS: usize = 64;
/// Digits of a mobile number, and of an ID number.
const PHONE_DIGITS: usize = 11;
const ID_DIGITS: std::ops::RangeInclusive<usize> = 17..=18;

static NAMES: RwLock<BTreeSet<String>> = RwLock::new(BTreeSet::new());
static SECRETS: RwLock<BTreeSet<String>> = RwLock::new(BTreeSet::new());
/// Only searched for in files; in a log line whatever looks like one is too much.
static TOKENS: RwLock<BTreeSet<String>> = RwLock::new(BTreeSet::new());

/// Learns what is private in something said or heard: names, and secrets (passwords, numbers, chat lines, SDP passwords).
pub(crate) fn learn(said: &Value) {
    match said {
        Value::Object(fields) => {
            for (key, value) in fields {
                match (key.as_str(), value) {
                    ("name" | "alias", Value::String(text)) => insert(&NAMES, text),
                    ("password" | "phone" | "text" | "otpauthUrl", Value::String(text)) => insert(&SECRETS, text),
                    ("token" | "ticket" | "resumeToken", Value::String(text)) => insert(&TOKENS, text),
                    ("offer" | "answer", Value::String(sdp)) => {
                        sdp.lines().filter_map(|line| line.strip_prefix("a=ice-pwd:")).for_each(|password| {
                            insert(&SECRETS, password);
                        });
                    }
                    _ => learn(value),
                }
            }
        }
        Value::Array(values) => values.iter().for_each(learn),
        _ => {}
    }
}

fn insert(canaries: &RwLock<BTreeSet<String>>, text: &str) {
    let known = || canaries.read().unwrap_or_else(PoisonError::into_inner).contains(text);
    if text.trim().len() >= MIN_BYTES && !known() {
        canaries.write().unwrap_or_else(PoisonError::into_inner).insert(text.to_owned());
    }
}

/// What a log line says that no log line may say.
pub(crate) fn in_log(line: &str) -> Option<String> {
    found_in(line, &NAMES).or_else(|| secret_in(line)).or_else(|| shape_in(line))
}

/// Secrets in the files of a data folder, by file. The demonstration's own list of logins and the keys are left out:
/// they hold secrets on purpose, are readable by the server's user only, and are in no backup of the database.
pub(crate) fn in_folder(folder: &Path) -> (usize, Vec<String>) {
    let mut leaks = vec![];
    let files = files(folder);
    for path in &files {
        let bytes = match std::fs::read(path) {
            // The database and the journal let go of files while the server runs: what is gone holds nothing.
            Err(gone) if gone.kind() == ErrorKind::NotFound => continue,
            read => read.expect("a readable file"),
        };
        // Bytes that are no text part what is; no canary holds one.
        let text = String::from_utf8_lossy(&bytes);
        let shapes = SDP.iter().find(|word| text.contains(**word)).map(|word| (*word).to_owned());
        let token = || found_in(&text, &TOKENS);
        let found = secret_in(&text).or(shapes).or_else(token).or_else(|| address_in(&text));
        leaks.extend(found.map(|what| format!("{}: {what}", path.display())));
    }
    (files.len(), leaks)
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = vec![];
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
        match path.is_dir() {
            true if name != "tls" => found.extend(files(&path)),
            false if name != "demo.json" => found.push(path),
            _ => {}
        }
    }
    found
}

fn found_in(text: &str, canaries: &RwLock<BTreeSet<String>>) -> Option<String> {
    let canaries = canaries.read().unwrap_or_else(PoisonError::into_inner);
    canaries.iter().find(|canary| text.contains(canary.as_str())).map(|canary| format!("`{canary}`"))
}

fn secret_in(text: &str) -> Option<String> {
    found_in(text, &SECRETS)
}

/// What is private whoever said it: tokens, telephone and ID numbers, addresses with ports, session descriptions.
fn shape_in(text: &str) -> Option<String> {
    if let Some(word) = SDP.iter().find(|word| text.contains(**word)) {
        return Some((*word).to_owned());
    }
    let token = runs(text, |byte| byte.is_ascii_hexdigit()).find(|run| run.len() >= TOKEN_DIGITS);
    let number = runs(text, |byte| byte.is_ascii_alphanumeric()).find(|run| is_number_of_a_person(run));
    token.or(number).map(str::to_owned).or_else(|| address_in(text))
}

fn is_number_of_a_person(run: &str) -> bool {
    let digits = run.bytes().take_while(u8::is_ascii_digit).count();
    let phone = digits == PHONE_DIGITS && run.len() == digits && run.starts_with('1') && !run.starts_with("10");
    let id = ID_DIGITS.contains(&digits) && run.len() == 18;
    phone || id
}

/// An IPv4 or IPv6 address with its port.
fn address_in(text: &str) -> Option<String> {
    let v4 = runs(text, |byte| byte.is_ascii_digit() || byte == b'.' || byte == b':');
    let v6 = runs(text, |byte| byte.is_ascii_hexdigit() || b":.[]".contains(&byte));
    v4.chain(v6).find(|run| run.trim_matches('.').parse::<std::net::SocketAddr>().is_ok()).map(str::to_owned)
}

/// Longest runs of bytes of a kind.
fn runs(text: &str, is: impl Fn(u8) -> bool) -> impl Iterator<Item = &str> {
    text.split(move |c: char| !u8::try_from(c).is_ok_and(&is)).filter(|run| !run.is_empty())
}

#[test]
fn what_is_private_is_seen_and_what_is_not_is_not() {
    learn(&serde_json::json!({
        "password": "correct horse", "legs": [{ "name": "金丝雀" }], "offer": "v=0\r\na=ice-pwd:canarycanarycanary\r\n",
    }));

    for leak in [
        "hello 金丝雀",
        "it was \"correct horse\"",
        "pwd canarycanarycanary",
        "a=candidate:1 1 udp",
        "phone 13800138000.",
        "id 37132119900101123X,",
        "peer=127.0.0.1:4321",
        "peer [2001:db8::1]:4321 left",
        &format!("token={}", "0123456789abcdef".repeat(4)),
    ] {
        assert!(in_log(leak).is_some(), "{leak}");
    }
    for fine in [
        "request answered in 12 ms",
        "at 1795000000000",
        "version 1.2.3.4 of 12:30:15",
        "id=0192f3c4-5678-7abc-8def-0123456789ab",
        "yunfa::ws: 2001:db8::1",
        "10123456789 packets",
    ] {
        assert_eq!(in_log(fine), None, "{fine}");
    }
}
