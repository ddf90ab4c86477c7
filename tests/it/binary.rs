//! The binary itself: settings, exit codes, `demo.json`, stopping by signals.
use std::{
    io::{BufRead as _, BufReader, Read as _},
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Child, Command, Output, Stdio},
};

use serde_json::Value;

fn yunfa(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_yunfa"));
    command.current_dir(folder).stdin(Stdio::null()).env_clear();
    command
}

fn refusal(command: &mut Command) -> String {
    let Output { status, stderr, .. } = command.output().expect("it runs");
    assert_eq!(status.code(), Some(2));
    String::from_utf8(stderr).expect("text")
}

#[test]
fn a_wrong_setting_names_itself_where_it_was_said_and_what_is_allowed() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("yunfa.toml"), "[log]\nformat = \"xml\"\n").expect("written");

    let said =
        refusal(yunfa(folder.path()).arg("serve").env("YUNFA_MEDIA_WORKERS", "many").args(["--set", "http.lissten=1"]));

    assert!(said.contains("`log.format` = `xml` (the file yunfa.toml) is wrong; allowed: `human` or `json`"), "{said}");
    assert!(said.contains("`media.workers` = `many` (the environment variable YUNFA_MEDIA_WORKERS)"), "{said}");
    assert!(said.contains("there is no setting `http.lissten` (the command line)"), "{said}");
}

#[test]
fn a_settings_file_that_is_not_there_is_an_error() {
    let folder = tempfile::tempdir().expect("a folder");

    assert!(refusal(yunfa(folder.path()).args(["serve", "--config", "none.toml"])).contains("none.toml"));
}

#[test]
fn a_port_that_is_taken_is_named_with_its_setting() {
    let folder = tempfile::tempdir().expect("a folder");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let setting = format!("http.listen={}", taken.local_addr().expect("an address"));

    let output =
        yunfa(folder.path()).args(["serve", "--set", "tls.listen=off", "--set", &setting]).output().expect("it runs");

    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("`http.listen`"));
}

#[test]
fn a_database_that_is_away_is_named_without_its_password() {
    let folder = tempfile::tempdir().expect("a folder");
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    let setting = format!("database.url=postgres://yunfa:hunter@2222@{free}/yunfa?sslmode=disable");

    let output = yunfa(folder.path()).args(["migrate", "--set", &setting]).output().expect("it runs");

    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains(&format!("`database.url`: postgres://{free}/yunfa does not answer")), "{said}");
    assert!(!said.contains("hunter") && !said.contains("2222@"), "{said}");
}

#[test]
fn the_version_is_said() {
    let output = yunfa(Path::new(".")).arg("--version").output().expect("it runs");

    assert_eq!(String::from_utf8_lossy(&output.stdout), format!("yunfa {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn migrate_brings_the_schema_up_to_date_as_often_as_it_is_asked() {
    let folder = tempfile::tempdir().expect("a folder");

    for _ in 0..2 {
        assert!(yunfa(folder.path()).arg("migrate").status().expect("it runs").success());
    }
    assert!(folder.path().join("data/yunfa.db").exists());
}

#[test]
fn the_demonstration_prints_its_logins_writes_demo_json_and_stops_when_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut server = serve(folder.path(), &["--demo"]);
    let mut said = String::new();
    let mut lines = BufReader::new(server.stdout.take().expect("its output"));
    while !said.contains("supervisor2") {
        assert_ne!(lines.read_line(&mut said).expect("text"), 0, "ended early: {said}");
    }
    let path = folder.path().join("data/demo.json");
    let demo: Value = serde_json::from_str(&std::fs::read_to_string(&path).expect("demo.json")).expect("JSON");

    interrupt(&server);
    let status = server.wait().expect("it ends");

    assert_eq!(status.code(), Some(0));
    assert_eq!(std::fs::metadata(&path).expect("a file").permissions().mode() & 0o777, 0o600);
    assert!(demo["citizen"].as_str().is_some_and(|url| url.starts_with("http://127.0.0.1:") && said.contains(url)));
    assert_eq!(demo["smsCode"], "246810");
    assert_eq!(demo["lawyers"].as_array().map(Vec::len), Some(8));
    assert!(demo["lawyers"][0]["areas"].as_array().is_some_and(|areas| areas.iter().any(|area| area == "FAMILY")));
    let roles: Vec<_> = demo["staff"].as_array().expect("a list").iter().map(|member| &member["role"]).collect();
    assert_eq!(roles, ["DISPATCHER", "FINANCE", "SUPERVISOR", "SUPERVISOR", "FIRM_ADMIN"]);
}

#[test]
fn a_database_with_the_demonstration_is_no_real_installation() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut server = serve(folder.path(), &["--demo"]);
    let mut said = String::new();
    let mut lines = BufReader::new(server.stdout.take().expect("its output"));
    while !said.contains("supervisor2") {
        assert_ne!(lines.read_line(&mut said).expect("text"), 0, "ended early: {said}");
    }
    interrupt(&server);
    server.wait().expect("it ends");

    let output = serve(folder.path(), &[]).wait_with_output().expect("it ends");

    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn without_demo_there_is_no_demonstration() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut server = serve(folder.path(), &[]);
    let mut lines = BufReader::new(server.stdout.take().expect("its output"));
    let mut said = String::new();
    while !said.contains("/office/") {
        assert_ne!(lines.read_line(&mut said).expect("text"), 0, "ended early: {said}");
    }

    interrupt(&server);
    let mut rest = String::new();
    lines.read_to_string(&mut rest).expect("text");

    assert_eq!(server.wait().expect("it ends").code(), Some(0));
    assert!(!folder.path().join("data/demo.json").exists());
    assert!(!format!("{said}{rest}").contains("lawyer1"));
}

#[test]
fn a_first_supervisor_is_made_without_a_demonstration_and_the_password_is_never_an_argument() {
    let folder = tempfile::tempdir().expect("a folder");
    let add = |password: &str| {
        let mut command = yunfa(folder.path());
        command.args(["admin", "add-staff", "--user", "boss", "--name", "王督导", "--role", "SUPERVISOR"]);
        let mut child = command.stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it runs");
        std::io::Write::write_all(&mut child.stdin.take().expect("its input"), password.as_bytes()).expect("written");
        child.wait_with_output().expect("it ends")
    };

    let short = add("short\n");
    let right = add("correct horse battery\n");
    let again = add("correct horse battery\n");

    assert_eq!((short.status.code(), right.status.code(), again.status.code()), (Some(1), Some(0), Some(1)));
    assert!(String::from_utf8_lossy(&short.stderr).contains("8 to 128 characters"));
    assert!(String::from_utf8_lossy(&again.stderr).contains("boss"));
}

#[tokio::test]
async fn the_audit_log_is_verified_from_the_command_line_and_a_changed_entry_is_found() {
    let folder = tempfile::tempdir().expect("a folder");
    let add = with_password(folder.path(), &["add-lawyer", "--user", "li", "--name", "李明", "--areas", "LABOUR,DEBT"]);
    assert_eq!(add.status.code(), Some(0), "{}", String::from_utf8_lossy(&add.stderr));
    let again = with_password(folder.path(), &["add-lawyer", "--user", "li", "--name", "李明"]);
    assert_eq!(again.status.code(), Some(1), "there is such a user already");
    let verify = || yunfa(folder.path()).args(["audit", "verify"]).output().expect("it runs");

    let intact = verify();
    sqlx::any::install_default_drivers();
    let url = format!("sqlite:{}", folder.path().join("data/yunfa.db").display());
    let database = sqlx::AnyPool::connect(&url).await.expect("opened");
    for tampering in ["DROP TRIGGER audit_entries_stay", "UPDATE audit_entries SET body = x'00'"] {
        sqlx::query(tampering).execute(&database).await.expect("whoever owns the file may do anything");
    }
    database.close().await;
    let changed = verify();

    assert_eq!(intact.status.code(), Some(0));
    assert!(String::from_utf8_lossy(&intact.stderr).contains("intact: 1 entries"));
    assert_eq!(changed.status.code(), Some(1), "{}", String::from_utf8_lossy(&changed.stderr));
    assert!(String::from_utf8_lossy(&changed.stderr).contains("not what it was"));
}

#[test]
fn a_firm_is_brought_in_from_the_command_line_with_a_report_line_by_line() {
    let folder = tempfile::tempdir().expect("a folder");
    let import = |words: &[&str], table: &str| {
        let output = with_input(folder.path(), words, table.as_bytes());
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let head = "姓名,执业证号,人员类别,业务板块\n";
    let good = format!("{head}江上舟,N-10001,律师,刑事\n");
    let firm = ["import-firm", "--firm", "新源律师事务所"];
    let apply = [&firm[..], &["--apply"]].concat();

    let preview = import(&firm, &good);
    let kept = import(&apply, &good);
    let again = import(&apply, &good);
    let partly = import(&apply, &format!("{good}白日依,N-10002,律师,算命\n"));
    let none = import(&apply, "姓名\n");
    let roster = import(&["import-roster"], "执业证号,开始,结束\nN-10001,2001-01-01 09:00,2001-01-01 12:00\n");

    assert!(preview.0 == Some(0) && preview.1.contains("1 new") && preview.1.contains("a preview"), "{preview:?}");
    assert!(kept.0 == Some(0) && kept.1.contains("1 new") && kept.1.contains("done"), "{kept:?}");
    assert!(again.0 == Some(0) && again.1.contains("0 new, 0 changed, 1 as before"), "{again:?}");
    assert!(partly.0 == Some(1) && partly.1.contains("line 3 `areas`") && partly.1.contains("算命"), "{partly:?}");
    assert!(none.0 == Some(1) && none.1.contains("执业证号"), "{none:?}");
    assert!(roster.0 == Some(1) && roster.1.contains("line 2 `from`"), "{roster:?}");
}

/// Runs `yunfa admin …` with a password on its standard input.
fn with_password(folder: &Path, words: &[&str]) -> Output {
    with_input(folder, words, b"correct horse battery\n")
}

/// Runs `yunfa admin …` with this on its standard input.
fn with_input(folder: &Path, words: &[&str], input: &[u8]) -> Output {
    let mut command = yunfa(folder);
    command.arg("admin").args(words).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("it runs");
    std::io::Write::write_all(&mut child.stdin.take().expect("its input"), input).expect("written");
    child.wait_with_output().expect("it ends")
}

fn serve(folder: &Path, more: &[&str]) -> Child {
    let settings = ["http.listen=127.0.0.1:0", "tls.listen=off", "media.udp_port=0", "media.workers=1"];
    let mut command = yunfa(folder);
    command.arg("serve").args(more).args(settings.iter().flat_map(|setting| ["--set", setting]));
    command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("it runs")
}

fn interrupt(child: &Child) {
    let done = Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("kill runs");
    assert!(done.success());
}
