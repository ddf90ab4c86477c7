//! The rules of `docs/ARCHITECTURE.md` that a machine can hold. Needs nothing but the tree.
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// Under each path, words that must not appear in production code, and why.
const FORBIDDEN: &[(&str, &[&str], &str)] = &[
    (
        "signaling/src",
        &[
            "tokio::",
            "axum::",
            "sqlx::",
            "rtc_",
            "rtc::",
            "yunfa_media",
            "HashMap",
            "HashSet",
            "Instant::now",
            "SystemTime::now",
        ],
        "signaling is a pure value: no IO, no clocks, no hash order",
    ),
    (
        "media/src",
        &["axum::", "sqlx::", "yunfa_signaling", "consultation", "citizen", "lawyer"],
        "media knows no business",
    ),
    (
        "src/domain",
        &["tokio::", "axum::", "sqlx::", "yunfa_media", "async fn", "std::fs", "crate::storage"],
        "domain rules do no IO",
    ),
    ("src/http", &["sqlx::query", "yunfa_media", "SELECT ", "INSERT INTO"], "the edge asks storage and live"),
    ("src/ws", &["sqlx::", "yunfa_media", "crate::storage"], "a socket only carries messages"),
    ("src/storage", &["axum::", "yunfa_media", "crate::live", "crate::http"], "storage serves, it does not decide"),
    ("src/live", &["sqlx::", "axum::", "crate::storage", "crate::http"], "live is now, storage is then"),
    ("src/recorder", &["axum::", "yunfa_media"], "the recorder writes what it is told"),
    ("src/recorder.rs", &["axum::", "yunfa_media"], "the recorder writes what it is told"),
    ("src/jobs", &["axum::", "crate::live", "yunfa_media"], "jobs work on the store alone"),
    ("loadtest/src", &["yunfa::", "yunfa_media"], "the load tool is a stranger to the server"),
];

/// In the sans-IO part of `media` (everything but the driver) these are forbidden too.
const FORBIDDEN_IN_THE_SFU: &[&str] =
    &["tokio::", "std::net::UdpSocket", "nix::", "rustix::", "quinn_udp", "std::thread", "Instant::now"];

/// Words that may stand in no tracked file of ours.
const FORBIDDEN_EVERYWHERE: &[&str] =
    &["danger_accept_invalid_certs(true)", "set_insecure_fingerprint", "disable_certificate_fingerprint"];

/// Crates that may not be in the tree, and what stands in their place.
const FORBIDDEN_CRATES: &[(&str, &str)] = &[
    ("ring", "aws-lc-rs is the one crypto provider"),
    ("openssl-sys", "rustls is the one TLS stack"),
    ("native-tls", "rustls is the one TLS stack"),
    ("chrono", "jiff is the one calendar"),
    ("rusqlite", "sqlx brings the one SQLite"),
];

/// A file longer than this is two files.
const MAX_PRODUCTION_LINES: usize = 600;

/// Folders with production code.
const SOURCES: &[&str] = &["src", "signaling/src", "media/src", "loadtest/src"];

#[test]
fn dependencies_point_one_way() {
    let mut broken = vec![];
    for (root, words, why) in FORBIDDEN {
        for path in rust_files(Path::new(root)) {
            broken.extend(offences(&path, words, why));
        }
    }
    for path in rust_files(Path::new("media/src")).into_iter().filter(|path| !path.starts_with("media/src/driver")) {
        broken.extend(offences(&path, FORBIDDEN_IN_THE_SFU, "the SFU does no IO; its driver does"));
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn only_the_bridge_speaks_of_consultations_and_of_media() {
    let bilingual: Vec<_> = rust_files(Path::new("src/live"))
        .into_iter()
        .filter(|path| {
            production(path).contains("yunfa_media::fact") || production(path).contains("yunfa_media::command")
        })
        .collect();

    assert_eq!(bilingual, [PathBuf::from("src/live/bridge.rs")], "only src/live/bridge.rs translates");
    assert!(
        !production(Path::new("src/live/bridge.rs")).contains(" _ =>"),
        "the bridge has one arm per variant, no `_`"
    );
}

#[test]
fn every_file_is_short_and_says_what_it_is_for() {
    let mut broken = vec![];
    for path in SOURCES.iter().flat_map(|root| rust_files(Path::new(root))) {
        let text = fs::read_to_string(&path).expect("readable source");
        if !text.starts_with("//! ") {
            broken.push(format!("{} has no `//!` line", path.display()));
        }
        let lines = production(&path).lines().count();
        if lines > MAX_PRODUCTION_LINES {
            broken.push(format!("{} has {lines} lines", path.display()));
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn nothing_unfinished_and_nothing_muted_is_shipped() {
    let words = ["todo!(", "unimplemented!(", "TODO", "FIXME", "#[allow(", "#![allow(", "unsafe {"];
    let broken: Vec<_> = SOURCES
        .iter()
        .flat_map(|root| rust_files(Path::new(root)))
        .flat_map(|path| offences(&path, &words, "finish it, or say why with #[expect]"))
        .collect();

    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn only_the_clock_and_the_driver_read_clocks() {
    let words = ["Instant::now()", "SystemTime::now()", "Timestamp::now()", "Zoned::now()"];
    let broken: Vec<_> = ["src", "signaling/src", "media/src"]
        .iter()
        .flat_map(|root| rust_files(Path::new(root)))
        .filter(|path| path != Path::new("src/clock.rs") && !path.starts_with("media/src/driver"))
        .flat_map(|path| offences(&path, &words, "time is an argument"))
        .collect();

    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn sql_stands_in_storage_only() {
    let words = ["SELECT ", "INSERT INTO ", "UPDATE ", "DELETE FROM "];
    let broken: Vec<_> = rust_files(Path::new("src"))
        .into_iter()
        .filter(|path| !path.starts_with("src/storage"))
        .flat_map(|path| offences(&path, &words, "SQL lives in src/storage"))
        .collect();

    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn migrations_have_the_same_names_for_both_engines() {
    assert_eq!(file_names("migrations/sqlite"), file_names("migrations/postgres"));
}

#[test]
fn unwanted_crates_are_not_in_the_tree() {
    let lock = fs::read_to_string("Cargo.lock").expect("Cargo.lock");
    let linux = Command::new(env!("CARGO"))
        .args([
            "tree",
            "--workspace",
            "--locked",
            "--offline",
            "--edges",
            "normal,build",
            "--prefix",
            "none",
            "--format",
            "{p}",
        ])
        .output()
        .expect("cargo tree runs");
    let tree = String::from_utf8(linux.stdout).expect("utf-8");
    assert!(tree.contains("yunfa "), "cargo tree printed nothing: {}", String::from_utf8_lossy(&linux.stderr));
    assert!(lock.contains("name = \"yunfa\""));

    let found: Vec<_> = FORBIDDEN_CRATES
        .iter()
        .filter(|(name, _)| tree.lines().any(|line| line.split(' ').next() == Some(name)))
        .map(|(name, instead)| format!("{name}: {instead}"))
        .collect();

    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn tracked_files_speak_of_the_project_alone() {
    let listing = Command::new("git").args(["ls-files", "-z"]).output().expect("git runs");
    let names = String::from_utf8(listing.stdout).expect("utf-8");
    // Spelled in pieces, so that this file does not hold them.
    let machine_paths = [concat!("/wo", "rk/"), concat!("/ro", "ot/"), concat!("../sha", "red")];
    let mut broken = vec![];
    for name in names.split('\0').filter(|name| !name.is_empty() && *name != "tests/tidy.rs") {
        let Ok(text) = fs::read_to_string(name) else { continue };
        for word in machine_paths.iter().chain(FORBIDDEN_EVERYWHERE) {
            if text.contains(word) {
                broken.push(format!("{name}: `{word}`"));
            }
        }
        let is_lock = name.ends_with("package-lock.json");
        if is_lock && text.contains("\"resolved\"") {
            broken.push(format!("{name} names download addresses (omit-lockfile-registry-resolved)"));
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

/// Lines of a file's production code that hold one of the words.
fn offences(path: &Path, words: &[&str], why: &str) -> Vec<String> {
    production(path)
        .lines()
        .enumerate()
        .filter_map(|(n, line)| {
            let code = line.split("//").next().unwrap_or_default();
            let word = words.iter().find(|word| code.contains(*word))?;
            Some(format!("{}:{}: `{word}` ({why})", path.display(), n + 1))
        })
        .collect()
}

/// The text of a file up to its inline tests.
fn production(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.split("#[cfg(test)]\nmod ").next().unwrap_or_default().to_owned()
}

/// Every `.rs` file at or below `root` except test modules, in a stable order.
fn rust_files(root: &Path) -> Vec<PathBuf> {
    if root.is_file() {
        return vec![root.to_owned()];
    }
    let Ok(entries) = fs::read_dir(root) else { return vec![] };
    let mut found: Vec<_> = entries.map(|entry| entry.expect("readable folder").path()).collect();
    found.sort();
    found
        .into_iter()
        .flat_map(|path| if path.is_dir() { rust_files(&path) } else { vec![path] })
        .filter(|path| path.extension().is_some_and(|ext| ext == "rs"))
        .filter(|path| !path.ends_with("tests.rs") && !path.components().any(|part| part.as_os_str() == "tests"))
        .collect()
}

/// The names in a folder, in order.
fn file_names(folder: &str) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(folder)
        .expect("migrations folder")
        .map(|entry| entry.expect("readable folder").file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}
