//! Scenario `herd`: everybody's socket is gone in the same moment, by a cut line or by a killed server, and all come back.
mod member;

use std::{
    collections::BTreeMap,
    fmt,
    net::TcpListener,
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use serde::Serialize;
use tokio::sync::{mpsc, watch};

use crate::{
    crash::{Binary, process::Process},
    report::Spread,
};
use member::{Gathering, Told};

/// Everybody is back within this time after there is a server to come back to; unoptimised, beside other tests, all come back
/// too, and later.
pub const PROMISE: Duration = Duration::from_secs(if cfg!(debug_assertions) { 60 } else { 15 });
/// What a server needs to take a crowd of one address; the rest is as it comes.
const ONE_HOUSE: &[&str] =
    &["http.connections_per_address=4096", "limits.guests_per_address=100000", "limits.requests_per_second=1000"];
/// Clients that one address may bring without that.
const OF_ONE_HOUSE: u32 = 30;

/// What to do.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The server, and where it keeps what it is given.
    pub binary: Binary,
    /// Clients in all.
    pub clients: u32,
    /// How many addresses they come from.
    pub addresses: u8,
    /// Further settings of the server, `key=value`.
    pub settings: Vec<String>,
}

/// How everybody came back from one loss.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Round {
    /// Clients that lost their socket.
    pub lost_socket: usize,
    /// How long there was no server, in milliseconds.
    pub away_ms: f64,
    /// Those that are back, by what they did.
    pub back: BTreeMap<&'static str, usize>,
    /// Those whose stream went on.
    pub resumed: usize,
    /// Tries to which the server said when to come back.
    pub told: u32,
    /// The longest such time, in seconds.
    pub told_at_most_s: u64,
    /// Tries of one client at most.
    pub tries_at_most: u32,
    /// From the loss to being back, in milliseconds.
    pub after_ms: Option<Spread>,
    /// When the last one was back, counted from the moment at which there was a server, in milliseconds.
    pub last_ms: f64,
    /// Who is not back, or not where it was, in words.
    pub lost: Vec<String>,
}

/// What came of it.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Outcome {
    /// Every socket cut while the server goes on.
    pub cut: Round,
    /// The server killed and started again.
    pub killed: Round,
}

impl Outcome {
    /// Everybody is back in time, and after a mere cut everybody goes on where it was.
    pub fn is_good(&self) -> bool {
        let all_back = |round: &Round| {
            let in_time = round.last_ms <= PROMISE.as_secs_f64() * 1000.0;
            round.lost.is_empty() && round.lost_socket > 0 && in_time
        };
        all_back(&self.cut) && all_back(&self.killed) && self.cut.resumed == self.cut.lost_socket
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (what, round) in [("every socket cut", &self.cut), ("server killed and started again", &self.killed)] {
            let Round { away_ms, lost_socket, resumed, told, told_at_most_s, tries_at_most, last_ms, .. } = round;
            let back: usize = round.back.values().sum();
            let kinds: Vec<_> = round.back.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
            writeln!(f, "{what}: {back} of {lost_socket} back ({}), {} lost", kinds.join(", "), round.lost.len())?;
            if let Some(Spread { p50, p95, max }) = round.after_ms {
                writeln!(f, "  after p50 {p50:.0} ms, p95 {p95:.0} ms, max {max:.0} ms; {resumed} resumed")?;
            }
            writeln!(f, "  no server for {away_ms:.0} ms; the last one is back {last_ms:.0} ms after that")?;
            writeln!(f, "  {told} times told to wait, {told_at_most_s} s at most; {tries_at_most} tries at most")?;
            for lost in round.lost.iter().take(10) {
                writeln!(f, "  lost: {lost}")?;
            }
        }
        write!(f, "{}", if self.is_good() { "every promise was kept" } else { "A PROMISE WAS BROKEN" })
    }
}

/// Runs the plan.
///
/// # Errors
///
/// When the server cannot be started, or its people do not get to where they should be before the first cut.
pub async fn run(plan: &Plan) -> anyhow::Result<Outcome> {
    ensure!(plan.clients >= 20 && plan.addresses > 0, "at least 20 clients, of at least one address");
    // The next process listens where this one did.
    let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
    let mut settings = vec![format!("http.listen=127.0.0.1:{port}")];
    if plan.clients / u32::from(plan.addresses) > OF_ONE_HOUSE {
        settings.extend(ONE_HOUSE.iter().map(|setting| (*setting).to_owned()));
    }
    settings.extend(plan.settings.iter().cloned());
    let (cut, is_cut) = watch::channel(());
    let (tell, mut told) = mpsc::channel(1024);
    let logins = plan.binary.prepare(Gathering::lawyers(plan.clients)).await?;
    let mut process = plan.binary.start_with(&settings, None).await?;
    let url = format!("http://127.0.0.1:{port}");
    let gathering = Gathering::of(&url, plan, &logins, &is_cut, &tell).await.context("before the first cut")?;

    let began = Instant::now();
    cut.send_replace(());
    let cut = everybody_back(&mut told, gathering.len(), began, began).await?;

    let began = Instant::now();
    process.kill().await?;
    let _process: Process = plan.binary.start_with(&settings, None).await?;
    let killed = everybody_back(&mut told, gathering.len(), began, Instant::now()).await?;
    Ok(Outcome { cut, killed })
}

/// Waits until everybody has said how it came back; they give up by themselves.
async fn everybody_back(
    told: &mut mpsc::Receiver<Told>,
    lost_socket: usize,
    began: Instant,
    there: Instant,
) -> anyhow::Result<Round> {
    let away_ms = there.duration_since(began).as_secs_f64() * 1000.0;
    let mut round = Round { lost_socket, away_ms, ..Round::default() };
    let mut after = vec![];
    for _ in 0..lost_socket {
        let Told { kind, back, at } = told.recv().await.context("the clients are gone")?;
        match back {
            Ok(back) => {
                *round.back.entry(kind).or_default() += 1;
                round.resumed += usize::from(back.resumed);
                round.told += back.told;
                round.told_at_most_s = round.told_at_most_s.max(back.told_at_most.as_secs());
                round.tries_at_most = round.tries_at_most.max(back.tries);
                round.last_ms = round.last_ms.max(at.saturating_duration_since(there).as_secs_f64() * 1000.0);
                after.push(at.saturating_duration_since(began).as_secs_f64() * 1000.0);
            }
            Err(error) => round.lost.push(format!("{kind}: {error:#}")),
        }
    }
    round.after_ms = Spread::new(after.into_iter());
    Ok(round)
}
