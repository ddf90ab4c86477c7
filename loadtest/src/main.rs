//! The command line of the load tool.
use std::{fmt::Display, fs, path::PathBuf, process::ExitCode, time::Duration};

use anyhow::{Context as _, ensure};
use clap::{Args, Parser, Subcommand};
use serde::Serialize;
use yunfa_loadtest::{
    api::{Demo, Login, Server},
    crash, herd, pairs, strangers, whip,
};
use yunfa_signaling::words::Channel;

/// Where `make run` leaves the logins of its demonstration.
const DEMO_FILE: &str = "data/demo.json";
/// Lawyers of a demonstration: lawyer1 with the password demo-lawyer1, and so on.
const DEMO_LAWYERS: u32 = 8;

/// Synthetic citizens and lawyers that hold real WebRTC calls against a running server.
#[derive(Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    scenario: Scenario,
}

#[derive(Subcommand)]
enum Scenario {
    /// Citizens call lawyers; exit code 1 when a call fails or a record is more than 1 s off what the peers saw.
    Pairs(Pairs),
    /// Kills a server of its own under calls, again and again; exit code 1 when a record is lost, doubled or wrong.
    Crash(Crash),
    /// Cuts everybody's socket at once, then kills the server; exit code 1 when somebody is not back within 15 s.
    Herd(Herd),
    /// Attacks the UDP port of a server of its own, in network namespaces; exit code 1 when a promise was broken.
    Strangers(Strangers),
    /// One publisher and many viewers at a WHIP/WHEP server; prints its CPU time per delivered packet.
    Whip(Whip),
}

#[derive(Args)]
struct Pairs {
    /// Calls in all; those beyond the number of lawyers are held as lawyers get free.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=1000))]
    n: u16,
    /// How long each call is held.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=7200))]
    seconds: u64,
    /// The server.
    #[arg(long, default_value = "http://127.0.0.1:8080")]
    server: String,
    /// How the two talk: text, voice or video.
    #[arg(long, default_value = "video")]
    channel: Channel,
    /// Where `yunfa serve --demo` wrote its logins; by itself data/demo.json, or what every demonstration has.
    #[arg(long)]
    demo_file: Option<PathBuf>,
    /// A lawyer's login as user:password, or several with commas between; instead of --demo-file.
    #[arg(long, value_delimiter = ',', conflicts_with = "demo_file")]
    lawyers: Vec<String>,
    /// Print JSON instead of tables.
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
struct Crash {
    /// The server's program.
    #[arg(long)]
    binary: PathBuf,
    /// Its data folder, which must be empty or not there.
    #[arg(long)]
    data: PathBuf,
    /// Its database; SQLite in the data folder when left out.
    #[arg(long, value_name = "URL")]
    database: Option<String>,
    /// How often it is killed.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    kills: u32,
    /// Calls at one time.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=100))]
    calls: u32,
    /// How they talk: text, voice or video.
    #[arg(long, default_value = "voice")]
    channel: Channel,
    /// Named points at which every second round ends, for a server built with `--features crash-points`.
    #[arg(long, value_delimiter = ',')]
    points: Vec<String>,
    /// The same number makes the same choices.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Print JSON instead of text.
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
struct Herd {
    /// The server's program.
    #[arg(long)]
    binary: PathBuf,
    /// Its data folder, which must be empty or not there.
    #[arg(long)]
    data: PathBuf,
    /// Its database; SQLite in the data folder when left out.
    #[arg(long, value_name = "URL")]
    database: Option<String>,
    /// Clients: citizens who wait, lawyers, both sides of sessions.
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u32).range(20..=5000))]
    n: u32,
    /// Addresses of this machine (127.9.x.9) that they come from; 1 is a county office behind one NAT.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u8).range(1..))]
    addresses: u8,
    /// A further setting of the server.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    settings: Vec<String>,
    /// Print JSON instead of text.
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
struct Strangers {
    /// The server's program.
    #[arg(long)]
    binary: PathBuf,
    /// Its data folder, which must be empty or not there.
    #[arg(long)]
    data: PathBuf,
    /// A minute of it, judged with room for a machine that does other things too.
    #[arg(long)]
    small: bool,
    /// Media set up under a flood of ClientHellos, and as many without; by itself 100.
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    set_ups: Option<u16>,
    /// Print JSON instead of text.
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
struct Whip {
    /// The server.
    #[arg(long, default_value = "http://127.0.0.1:8090")]
    url: reqwest::Url,
    /// The room.
    #[arg(long, default_value = "load")]
    room: String,
    /// How many watch.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=2000))]
    viewers: u16,
    /// How long it is measured.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=3600))]
    seconds: u64,
    /// The server's process, to read its CPU time and memory.
    #[arg(long)]
    pid: Option<u32>,
}

#[tokio::main]
async fn main() -> ExitCode {
    tracing_subscriber::fmt().with_env_filter("error").with_writer(std::io::stderr).init();
    let outcome = match Cli::parse().scenario {
        Scenario::Pairs(options) => pairs(options).await,
        Scenario::Crash(options) => crash(options).await,
        Scenario::Herd(options) => herd(options).await,
        Scenario::Strangers(options) => strangers(options).await,
        Scenario::Whip(options) => whip(options).await,
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::from(2)
        }
    }
}

async fn pairs(options: Pairs) -> anyhow::Result<bool> {
    let server = Server::new(&options.server)?;
    let lawyers = logins(options.demo_file, &options.lawyers)?;
    let hold = Duration::from_secs(options.seconds);
    let plan = pairs::Plan { calls: options.n.into(), hold, channel: options.channel, lawyers };
    let report = pairs::run(&server, &plan).await?;
    show(&report, options.json)?;
    Ok(report.is_good())
}

fn logins(demo_file: Option<PathBuf>, lawyers: &[String]) -> anyhow::Result<Vec<Login>> {
    if !lawyers.is_empty() {
        let split = |login: &String| {
            let (user, password) = login.split_once(':').context("a login is user:password")?;
            Ok(Login { user: user.to_owned(), password: password.to_owned(), areas: vec![] })
        };
        return lawyers.iter().map(split).collect();
    }
    let found = || Some(PathBuf::from(DEMO_FILE)).filter(|path| path.is_file());
    let Some(path) = demo_file.or_else(found) else {
        let login = |user: String| Login { password: format!("demo-{user}"), user, areas: vec![] };
        return Ok((1..=DEMO_LAWYERS).map(|number| login(format!("lawyer{number}"))).collect());
    };
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let demo: Demo = serde_json::from_str(&text).with_context(|| format!("{} is not a demo file", path.display()))?;
    Ok(demo.lawyers)
}

async fn crash(options: Crash) -> anyhow::Result<bool> {
    let Crash { binary, data, database, kills, calls, channel, points, seed, json } = options;
    ensure!(!data.join("yunfa.db").exists(), "{} is not empty", data.display());
    let plan = crash::Plan {
        binary: crash::Binary { path: binary, data, database, settings: vec![] },
        kills,
        calls,
        channel,
        points,
        seed,
    };
    let outcome = crash::run(&plan).await?;
    show(&outcome, json)?;
    Ok(outcome.is_good())
}

async fn herd(options: Herd) -> anyhow::Result<bool> {
    let Herd { binary, data, database, n, addresses, settings, json } = options;
    ensure!(!data.join("yunfa.db").exists(), "{} is not empty", data.display());
    let plan = herd::Plan {
        binary: crash::Binary { path: binary, data, database, settings: vec![] },
        clients: n,
        addresses,
        settings,
    };
    let outcome = herd::run(&plan).await?;
    show(&outcome, json)?;
    Ok(outcome.is_good())
}

async fn strangers(options: Strangers) -> anyhow::Result<bool> {
    let Strangers { binary, data, small, set_ups, json } = options;
    ensure!(!data.join("yunfa.db").exists(), "{} is not empty", data.display());
    let mut dose = if small { strangers::Dose::SMALL } else { strangers::Dose::FULL };
    dose.set_ups = set_ups.map_or(dose.set_ups, usize::from);
    let plan = strangers::Plan { binary, data, dose };
    let outcome = tokio::task::spawn_blocking(move || strangers::run(&plan)).await??;
    show(&outcome, json)?;
    Ok(outcome.is_good())
}

async fn whip(options: Whip) -> anyhow::Result<bool> {
    let plan = whip::Plan {
        url: options.url,
        room: options.room,
        viewers: options.viewers.into(),
        time: Duration::from_secs(options.seconds),
        pid: options.pid,
    };
    let outcome = whip::run(&plan).await?;
    show(&serde_json::to_string_pretty(&outcome)?, false)?;
    Ok(outcome.delivered > 0)
}

#[expect(clippy::print_stdout, reason = "the report is what this program is for")]
fn show(report: &(impl Display + Serialize), json: bool) -> anyhow::Result<()> {
    if json {
        println!("{}", serde_json::to_string_pretty(report)?);
    } else {
        println!("{report}");
    }
    Ok(())
}
