//! What fails under the server: the disk is full, the database is away, the process is told to stop, or sleeps while another
//! one takes over. Real processes, real signals, real calls; `make faults-test` runs the full doses.
use std::{
    fs::{self, File},
    io::Write as _,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use reqwest::{StatusCode, header::RETRY_AFTER};
use serde_json::{Value, json};
use sqlx::{AnyPool, Row as _};
use tokio::time::sleep;
use yunfa::clock::Clock;
use yunfa_loadtest::{
    api::{Login, Server},
    client::{Citizen, Lawyer},
    crash::{self, Binary, Calls, Process, Seen},
    socket::Refused,
};
use yunfa_signaling::{
    ids::ConsultationId,
    message::ErrorCode,
    words::{Channel, Outcome, PracticeArea},
};

use crate::{
    cluster::Cluster,
    machine::{self, say},
};

/// How much is done.
#[derive(Clone, Copy)]
struct Dose {
    /// Calls that go on meanwhile.
    calls: u32,
    /// How long the fault lasts. A fault of the disk is noticed by the next checkpoint, after 4 s.
    lasts: Duration,
}

const SMALL: Dose = Dose { calls: 2, lasts: Duration::from_secs(7) };
const FULL: Dose = Dose { calls: 10, lasts: Duration::from_secs(60) };
/// Whoever asks for a lawyer while nothing can be kept is refused within this time.
const REFUSED: Duration = Duration::from_secs(6);
/// All is as before within this time after the fault.
const RECOVERED: Duration = Duration::from_secs(10);
/// Memory may grow by so much meanwhile.
const GROWTH_KIB: u64 = 64 * 1024;

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_drops_no_call_takes_no_new_one_and_heals() {
    let _calm = machine::calm().await;
    full_disk(SMALL, Disk::in_memory()).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "full dose: make faults-test"]
async fn full_dose_of_a_full_disk() {
    let _calm = machine::calm().await;
    full_disk(FULL, Disk::ext4()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_away_drops_no_call_and_loses_no_fact() {
    let _calm = machine::calm().await;
    away(SMALL, false).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "full dose: make faults-test"]
async fn full_dose_of_a_database_that_is_away() {
    let _calm = machine::calm().await;
    away(FULL, false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_away_and_a_full_disk_lose_no_fact() {
    let _calm = machine::calm().await;
    away(SMALL, true).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "full dose: make faults-test"]
async fn full_dose_of_a_database_that_is_away_and_a_full_disk() {
    let _calm = machine::calm().await;
    away(FULL, true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_is_told_to_stop_lets_calls_go_on_until_it_is_told_again() {
    let _calm = machine::calm().await;
    told_to_stop(Dose { lasts: Duration::from_secs(3), ..SMALL }).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "full dose: make faults-test"]
async fn full_dose_of_being_told_to_stop() {
    let _calm = machine::calm().await;
    told_to_stop(FULL).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_slept_through_a_takeover_writes_nothing() {
    let _calm = machine::calm().await;
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("sqlite://{}", folder.path().join("shared.db").display());
    slept(SMALL, url, folder.path()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_slept_through_a_takeover_of_postgresql_writes_nothing() {
    let _calm = machine::calm().await;
    let (cluster, folder) = (Cluster::start(), tempfile::tempdir().expect("a folder"));
    slept(SMALL, cluster.url.clone(), folder.path()).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "full dose: make faults-test"]
async fn full_dose_of_sleep_through_a_takeover() {
    let _calm = machine::calm().await;
    let (cluster, folder) = (Cluster::start(), tempfile::tempdir().expect("a folder"));
    let url = format!("sqlite://{}", folder.path().join("shared.db").display());
    slept(FULL, url, &folder.path().join("sqlite")).await;
    slept(FULL, cluster.url.clone(), &folder.path().join("postgres")).await;
}

async fn full_disk(dose: Dose, disk: Disk) {
    let binary = binary(disk.path.join("data"), None, &[]);
    let Running { process, calls, mut late } = begin(&binary, dose).await;

    disk.fill();
    stays(&mut late, dose.lasts).await;
    let grown = grows(&process);
    refuses(&process, &mut late).await;
    let grown = grown.by(&process);
    disk.free();
    let recovered = recovers(&process, &mut late).await;

    let mut process = judge("disk full", dose, &binary, process, calls).await;
    say(&format!("disk full for {:?}: recovered after {recovered:?}, memory +{grown} KiB", dose.lasts));
    process.signal("TERM").await.expect("told to stop");
    assert_eq!(process.exit(Duration::from_secs(20)).await.expect("it stops"), Some(0));
    let database = open(&format!("sqlite://{}", binary.data.join("yunfa.db").display())).await;
    let found: String = text(&database, "PRAGMA integrity_check").await.remove(0);
    assert_eq!(found, "ok");
    database.close().await;
}

async fn away(dose: Dose, disk_is_full: bool) {
    let (cluster, disk) = (Cluster::start(), Disk::in_memory());
    let binary = binary(disk.path.join("data"), Some(cluster.url.clone()), &[]);
    let Running { process, calls, mut late } = begin(&binary, dose).await;
    let journal = || fs::metadata(binary.data.join("facts.journal")).expect("a journal").len();

    assert_eq!(journal(), 0);
    if disk_is_full {
        disk.fill();
    }
    cluster.stop();
    stays(&mut late, dose.lasts).await;
    let grown = grows(&process);
    refuses(&process, &mut late).await;
    let (grown, kept) = (grown.by(&process), journal());
    cluster.start_again();
    let recovered = recovers(&process, &mut late).await;

    assert_eq!(journal(), 0, "drained");
    if !disk_is_full {
        // Not less than half a KiB of each call's evidence every four seconds.
        assert!(kept > 0 && kept < 64 * 1024 * 1024, "{kept} bytes in the journal");
    }
    let mut process = judge("database away", dose, &binary, process, calls).await;
    let full = if disk_is_full { " and disk full" } else { "" };
    say(&format!(
        "database away{full} for {:?}: {kept} bytes in the journal, recovered after {recovered:?}, memory +{grown} KiB",
        dose.lasts
    ));
    process.kill().await.expect("killed");
}

async fn told_to_stop(dose: Dose) {
    let folder = tempfile::tempdir().expect("a folder");
    // A demo drains for a few seconds only.
    let binary = binary(folder.path().join("data"), None, &["shutdown.calls_seconds=300"]);
    let logins = binary.prepare(dose.calls).await.expect("lawyers");
    let Running { mut process, calls, mut late } = begin_with(&binary, &logins).await;
    let watch = Clock::machine();

    let told = watch.elapsed();
    process.signal("TERM").await.expect("told to stop");
    while process.server.is_ready().await {
        sleep(Duration::from_millis(10)).await;
    }
    let unready = watch.elapsed() - told;
    assert_eq!(ask(&process.server, &mut late).await.err(), Some(ErrorCode::Draining));
    sleep(dose.lasts).await;
    assert!(process.id().is_some(), "it goes on while calls run");
    let told = watch.elapsed();
    process.signal("TERM").await.expect("told again");
    let seen = calls.ended(Duration::from_secs(20)).await.expect("the calls end");
    let status = process.exit(Duration::from_secs(20)).await.expect("it stops");
    let stopped = watch.elapsed() - told;

    say(&format!(
        "told to stop: unready after {unready:?}; told again after {:?}: everything kept and gone after {stopped:?}",
        dose.lasts
    ));
    // Unoptimised, beside other tests, it only has to come to it.
    let busy = Duration::from_secs(if cfg!(debug_assertions) { 15 } else { 0 });
    assert!(unready < Duration::from_secs(1) + busy, "{unready:?}");
    assert!(stopped < Duration::from_secs(2) + busy, "{stopped:?}");
    assert_eq!(status, Some(0));
    // The next start goes on: each lawyer writes the outcome, and no second is missing.
    let mut process = binary.start(None).await.expect("it starts");
    for login in &logins {
        let mut lawyer = Lawyer::sign_in(&process.server, login).await.expect("signed in");
        for call in &seen {
            // Only its own lawyer owes an outcome, and one or the other has written it before the end.
            let _ = lawyer.write_outcome(call.session, Outcome::AdviceGiven).await;
        }
        lawyer.client.leave().await.expect("left");
    }
    let outcome = crash::check(&binary, &process.server, &seen).await.expect("checked");
    assert!(outcome.is_good() && outcome.under_s <= 1.0, "{outcome}");
    assert_eq!((outcome.by_owner, outcome.sessions), (dose.calls, dose.calls), "{outcome}");
    assert!(seen.iter().all(|call| call.two_way_s >= dose.lasts.as_secs_f64()), "{seen:?}");
    process.kill().await.expect("killed");
}

async fn slept(dose: Dose, url: String, folder: &Path) {
    let first = binary(folder.join("first"), Some(url.clone()), &[]);
    let keys = format!("data.keys={}", first.data.join("keys.json").display());
    let second = binary(folder.join("second"), Some(url.clone()), &[&keys]);
    let Running { mut process, calls, .. } = begin(&first, dose).await;
    sleep(Duration::from_secs(5)).await;

    // A process that sleeps in the middle of a transaction holds SQLite's lock: then another moment is taken.
    let mut taken = None;
    for _ in 0..5 {
        process.signal("STOP").await.expect("asleep");
        assert!(first.start(None).await.is_err(), "nobody works in the folder of a process that sleeps");
        taken = second.start(None).await.ok();
        if taken.is_some() {
            break;
        }
        process.signal("CONT").await.expect("awake");
        sleep(Duration::from_millis(300)).await;
    }
    let mut other = taken.expect("another process takes over");
    sleep(dose.lasts).await;
    other.kill().await.expect("killed");
    // Somebody who came while it slept.
    let door = process.server.url().join("/api/citizen/guest").expect("a URL");
    let guest = json!({ "consentVersion": "2026-11", "identityMode": "GUEST" });
    let late = tokio::spawn(reqwest::Client::new().post(door).json(&guest).send());
    sleep(Duration::from_millis(200)).await;
    let database = open(&url).await;
    let before = everything(&database).await;
    let watch = Clock::machine();

    process.signal("CONT").await.expect("awake");
    let status = process.exit(Duration::from_secs(30)).await.expect("it stops by itself");
    let stopped = watch.elapsed();
    let after = everything(&database).await;
    let seen = calls.ended(Duration::from_secs(30)).await.expect("its calls ended");

    let differ = |one: &[String], other: &[String]| one.iter().filter(|row| !other.contains(row)).cloned().collect();
    let (gone, new): (Vec<_>, Vec<_>) = (differ(&before, &after), differ(&after, &before));
    say(&format!(
        "slept for {:?} through a takeover: {} of {} rows changed, gone {stopped:?} after it woke",
        dose.lasts,
        gone.len().max(new.len()),
        before.len()
    ));
    assert_eq!((gone, new), (vec![], vec![]));
    assert_eq!(before.len(), after.len());
    assert_eq!(status, Some(0));
    if let Ok(answer) = late.await.expect("no panic") {
        assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    }
    database.close().await;
    let other = second.start(None).await.expect("it starts");
    let outcome = crash::check(&second, &other.server, &seen).await.expect("checked");
    assert_eq!((outcome.lost, outcome.doubled, outcome.audit_faults), (0, 0, 0), "{outcome}");
    assert_eq!((outcome.by_reaper, outcome.over_s), (dose.calls, 0.0), "{outcome}");
}

/// Calls that run, and somebody who is there and has not asked yet.
struct Running {
    process: Process,
    calls: Calls,
    late: Citizen,
}

async fn begin(binary: &Binary, dose: Dose) -> Running {
    let logins = binary.prepare(dose.calls).await.expect("lawyers");
    begin_with(binary, &logins).await
}

async fn begin_with(binary: &Binary, logins: &[Login]) -> Running {
    let process = binary.start(None).await.expect("it starts");
    let calls = Calls::begin(&process.server, logins, Channel::Voice).await.expect("calls");
    let directory = process.server.directory().await.expect("a directory");
    let late = Citizen::arrive(&process.server, &directory).await.expect("a guest");
    Running { process, calls, late }
}

fn binary(data: PathBuf, database: Option<String>, settings: &[&str]) -> Binary {
    let settings = settings.iter().map(|setting| (*setting).to_owned()).collect();
    Binary { path: env!("CARGO_BIN_EXE_yunfa").into(), data, database, settings }
}

/// Stays for so long: a socket that says nothing is closed.
async fn stays(citizen: &mut Citizen, time: Duration) {
    let said = citizen.client.look_for(time, |_| None::<()>).await;
    assert!(matches!(said, Ok(None)), "{:?}", said.err());
}

/// Asks for a lawyer.
async fn ask(server: &Server, citizen: &mut Citizen) -> Result<ConsultationId, ErrorCode> {
    // Everywhere in the county is the same; the directory may be out of reach.
    let village = "990121101201".parse().expect("a code");
    match citizen.ask(PracticeArea::Other, village, Channel::Text).await {
        Ok(consultation) => Ok(consultation),
        Err(error) => {
            Err(error.downcast_ref::<Refused>().unwrap_or_else(|| panic!("{}: {error:#}", server.url())).code)
        }
    }
}

/// Nothing new is taken, with the same word everywhere.
async fn refuses(process: &Process, late: &mut Citizen) {
    let (http, url) = (reqwest::Client::new(), process.server.url());
    let guest = json!({ "consentVersion": "2026-11", "identityMode": "GUEST" });
    let watch = Clock::machine();
    for request in [
        http.get(url.join("/readyz").expect("a URL")),
        http.post(url.join("/api/citizen/guest").expect("a URL")).json(&guest),
    ] {
        let answer = request.send().await.expect("an answer");
        assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert!(answer.headers().contains_key(RETRY_AFTER));
        let problem: Value = answer.json().await.expect("a problem");
        assert_eq!(problem["code"], "unavailable");
    }
    let asked = watch.elapsed();
    assert_eq!(ask(&process.server, late).await.err(), Some(ErrorCode::Unavailable));
    let waited = watch.elapsed() - asked;
    assert!(asked < REFUSED * 2 && waited < REFUSED, "{asked:?} and {waited:?}");
}

/// How long it takes until the server is ready and takes a new consultation.
async fn recovers(process: &Process, late: &mut Citizen) -> Duration {
    let watch = Clock::machine();
    while !process.server.is_ready().await {
        assert!(watch.elapsed() < RECOVERED, "not ready");
        sleep(Duration::from_millis(100)).await;
    }
    let consultation = ask(&process.server, late).await.expect("taken");
    let took = watch.elapsed();
    assert!(took < RECOVERED, "{took:?}");
    late.cancel(consultation).await.expect("cancelled");
    took
}

/// Everybody hangs up: no call was dropped, and every record is what was seen.
async fn judge(what: &str, dose: Dose, binary: &Binary, process: Process, calls: Calls) -> Process {
    let seen: Vec<Seen> = calls.hang_up().await.expect("all hang up");
    let outcome = crash::check(binary, &process.server, &seen).await.expect("checked");
    say(&format!("{what}: {outcome}"));
    assert!(outcome.is_good() && outcome.under_s <= 1.0, "{outcome}");
    assert_eq!((outcome.by_owner, outcome.sessions), (dose.calls, dose.calls), "{outcome}");
    assert!(seen.iter().all(|call| call.sealed.is_some() && call.two_way_s >= dose.lasts.as_secs_f64()), "{seen:?}");
    process
}

/// Memory of the server at one moment.
struct Memory(u64);

fn grows(process: &Process) -> Memory {
    Memory(rss_kib(process))
}

impl Memory {
    fn by(&self, process: &Process) -> u64 {
        let grown = rss_kib(process).saturating_sub(self.0);
        assert!(grown < GROWTH_KIB, "{grown} KiB");
        grown
    }
}

fn rss_kib(process: &Process) -> u64 {
    let path = format!("/proc/{}/status", process.id().expect("it runs"));
    let status = fs::read_to_string(path).expect("its status");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("its memory");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

async fn open(url: &str) -> AnyPool {
    sqlx::any::install_default_drivers();
    AnyPool::connect(url).await.expect("opened")
}

async fn text(database: &AnyPool, query: &str) -> Vec<String> {
    let rows = sqlx::query(sqlx::AssertSqlSafe(query)).fetch_all(database).await.expect(query);
    rows.iter().map(|row| row.try_get(0).expect("text")).collect()
}

/// Every row of every table, as text.
async fn everything(database: &AnyPool) -> Vec<String> {
    let is_sqlite = database.connect_options().database_url.scheme() == "sqlite";
    let tables = if is_sqlite {
        "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name"
    } else {
        "SELECT CAST(tablename AS TEXT) FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"
    };
    let mut rows = vec![];
    for table in text(database, tables).await {
        let all = if is_sqlite {
            let columns = text(database, &format!("SELECT name FROM pragma_table_info('{table}')")).await;
            let quoted: Vec<_> = columns.iter().map(|column| format!("quote(\"{column}\")")).collect();
            format!("SELECT {} FROM {table} ORDER BY 1", quoted.join(" || ',' || "))
        } else {
            format!("SELECT CAST({table} AS TEXT) FROM {table} ORDER BY 1")
        };
        rows.extend(text(database, &all).await.into_iter().map(|row| format!("{table}: {row}")));
    }
    assert!(rows.len() > 50, "{} rows", rows.len());
    rows
}

/// A small disk of the test's own.
struct Disk {
    path: PathBuf,
    _folder: tempfile::TempDir,
}

impl Disk {
    fn in_memory() -> Self {
        Self::mount(|path| run("mount", &["-t", "tmpfs", "-o", "size=16m", "yunfa-test", path]))
    }

    fn ext4() -> Self {
        Self::mount(|path| {
            let image = format!("{path}.img");
            File::create(&image).and_then(|file| file.set_len(64 << 20)).expect("an image");
            run("mkfs.ext4", &["-q", "-m", "0", &image]);
            run("mount", &["-o", "loop", &image, path]);
        })
    }

    fn mount(mount: impl FnOnce(&str)) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("disk");
        fs::create_dir(&path).expect("a folder");
        mount(path.to_str().expect("a path"));
        Self { path, _folder: folder }
    }

    /// Leaves not one byte.
    fn fill(&self) {
        let mut file = File::create(self.path.join("filler")).expect("a file");
        for size in [1 << 20, 4096, 1] {
            while file.write_all(&vec![1; size]).is_ok() {}
        }
        let _ = file.sync_all();
    }

    fn free(&self) {
        fs::remove_file(self.path.join("filler")).expect("room again");
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // What still holds it was killed with its handle; the last one to let it go frees it.
        let _ = Command::new("umount").arg("-l").arg(&self.path).status();
    }
}

fn run(program: &str, words: &[&str]) {
    let done = Command::new(program).args(words).status();
    assert!(
        done.is_ok_and(|status| status.success()),
        "`{program}` failed: this test needs a small disk of its own, and root to mount it"
    );
}
