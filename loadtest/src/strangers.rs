//! Scenario `strangers`: whatever can be sent to the UDP port, by people who know nothing and by participants who mean ill,
//! against a server of its own in network namespaces, while calls are held.
mod calls;
mod inside;
mod outside;
mod spaces;
mod wire;

use std::{
    net::{Ipv4Addr, SocketAddrV4},
    path::PathBuf,
    sync::Arc,
    thread,
    time::Duration,
};

use anyhow::{Context as _, anyhow};
use tokio::time::Instant;

pub use crate::promises::{Outcome, Row};
use crate::{
    handmade::Hand,
    host::{Host, Memory},
    promises::told,
    space::{self, Datagrams},
};
use calls::Calls;
use spaces::{Net, PEOPLE, SERVER};
use wire::Forger;

/// Where media are taken.
const MEDIA: SocketAddrV4 = Host::media(SERVER);
/// From where participants made by hand speak, and to whom.
const AT: (Ipv4Addr, SocketAddrV4) = (PEOPLE, MEDIA);

/// How long the server settles before it is measured, and after an attack.
const SETTLE: Duration = Duration::from_millis(500);
/// Packets of a microphone per second.
const VOICE: f64 = 50.0;
const KIB: i64 = 1_024;

/// What to do.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The server's program.
    pub binary: PathBuf,
    /// Its data folder, which must be empty or not there.
    pub data: PathBuf,
    /// How much of everything.
    pub dose: Dose,
}

/// How much of each attack, and how strictly it is judged.
#[derive(Clone, Copy, Debug)]
pub struct Dose {
    /// Datagrams of all shapes.
    pub strays: u64,
    /// Guessed names.
    pub guesses: u64,
    /// Media set up under a flood of ClientHellos, and as many without.
    pub set_ups: usize,
    /// Legs of each kind of DTLS storm; each is sent 120 000 fragments or records for as many bytes.
    pub legs: usize,
    /// Packets with forged SSRCs, and a tenth of it with forged tags.
    pub forged: u64,
    /// Packets that are replayed three times and more.
    pub replayed: u64,
    /// How long floods of feedback last.
    pub floods: Duration,
    /// Packets per second that strangers send.
    pub rate: u64,
    /// Judged as promised; else with room for a machine that does other things too.
    pub strict: bool,
}

impl Dose {
    /// What is promised, judged as promised.
    pub const FULL: Self = Self {
        strays: 100_000,
        guesses: 1_000_000,
        set_ups: 100,
        legs: 12,
        forged: 1_000_000,
        replayed: 10_000,
        floods: Duration::from_secs(30),
        rate: 20_000,
        strict: true,
    };
    /// A minute of it.
    pub const SMALL: Self = Self {
        strays: 12_000,
        guesses: 9_000,
        set_ups: 8,
        legs: 5,
        forged: 20_000,
        replayed: 600,
        floods: Duration::from_secs(3),
        rate: 6_000,
        strict: false,
    };
}

/// Runs the plan. Blocks, and must not be called from a task.
///
/// # Errors
///
/// When no namespaces can be made or the calls cannot begin.
pub fn run(plan: &Plan) -> anyhow::Result<Outcome> {
    let net = Arc::new(Net::new()?);
    let (plan, inside) = (plan.clone(), Arc::clone(&net));
    space::run(&net.people, SETTLE, async move { Box::pin(all(&plan, &inside)).await })?
}

async fn all(plan: &Plan, net: &Net) -> anyhow::Result<Outcome> {
    let host = Host::start(&plan.binary, &plan.data, &net.server, SERVER).await?;
    let hand = Arc::new(Hand::new()?);
    let calls = Calls::begin(&host, &hand).await?;
    let forger = Arc::new(Forger::new(&net.strangers, MEDIA)?);
    let mut bench = Bench { net, host, hand, calls, forger, dose: plan.dose };
    let mut outcome = Outcome::default();
    bench.calls.hold(4 * SETTLE).await?;
    outcome.rows.push(told("datagrams of 12 shapes from 5000 ports", outside::strays(&mut bench).await));
    outcome.rows.push(told("guessed names", outside::guesses(&mut bench).await));
    outcome.rows.push(told("foreign RTP", outside::foreign(&mut bench).await));
    outcome.rows.push(told("ClientHello race", outside::race(&mut bench).await));
    outcome.rows.push(told("DTLS storms", inside::storms(&mut bench).await));
    outcome.rows.push(told("forged SSRCs", inside::forged(&mut bench).await));
    outcome.rows.push(told("forged tags", inside::bad_tags(&mut bench).await));
    outcome.rows.push(told("replayed packets", inside::replayed(&mut bench).await));
    outcome.rows.push(told("a flood of NACKs", inside::nacks(&mut bench).await));
    outcome.rows.push(told("a flood of PLIs", inside::keyframes(&mut bench).await));
    outcome.rows.push(told("control: a right check from the same place", outside::control(&mut bench).await));
    bench.host.stop().await?;
    Ok(outcome)
}

/// Everything that an attack needs.
struct Bench<'a> {
    net: &'a Net,
    host: Host,
    hand: Arc<Hand>,
    calls: Calls,
    forger: Arc<Forger>,
    dose: Dose,
}

/// How things stood before an attack.
struct Before {
    at: Instant,
    memory: Memory,
    cpu: Duration,
    datagrams: Datagrams,
    to_strangers: (u64, u64),
}

impl Bench<'_> {
    /// Begins to measure.
    async fn before(&mut self) -> anyhow::Result<Before> {
        self.calls.hold(SETTLE).await?;
        self.calls.take_voices();
        Ok(Before {
            at: Instant::now(),
            memory: self.host.memory()?,
            cpu: self.host.media_cpu()?,
            datagrams: self.net.server.datagrams()?,
            to_strangers: self.net.strangers.arrived(Net::STRANGERS_END)?,
        })
    }

    /// Does something on a thread that may block, while both calls are held.
    async fn attack<T: Send + 'static>(
        &mut self,
        work: impl FnOnce() -> anyhow::Result<T> + Send + 'static,
    ) -> anyhow::Result<T> {
        self.calls.during(async { tokio::task::spawn_blocking(work).await? }).await
    }

    /// What holds whatever is tried: the process lives, strangers are sent nothing, the honest call goes on. `sent` is
    /// what the attack sent; it must have arrived, else nothing was shown.
    async fn after(&mut self, before: &Before, sent: u64, row: &mut Row) -> anyhow::Result<()> {
        self.calls.hold(SETTLE).await?;
        let seconds = before.at.elapsed().as_secs_f64();
        row.expect(self.host.lives(), "the process lives");
        let now = self.net.strangers.arrived(Net::STRANGERS_END)?;
        row.at_most("packets to strangers, of any protocol", (now.0 - before.to_strangers.0) as f64, 0.0);
        row.at_most("bytes to strangers", (now.1 - before.to_strangers.1) as f64, 0.0);

        let datagrams = self.net.server.datagrams()?;
        let taken = datagrams.taken - before.datagrams.taken;
        row.figure("datagrams sent by the attack", sent as f64);
        row.figure("datagrams taken in by the server", taken as f64);
        row.figure("datagrams lost in front of it", (datagrams.overflowed - before.datagrams.overflowed) as f64);
        row.expect(taken * 10 >= sent * 9, "the attack arrived");

        let memory = self.host.memory()?;
        row.figure("resident memory, KiB more", (memory.resident - before.memory.resident) as f64);
        row.figure("heap, KiB more", (memory.heap - before.memory.heap) as f64);
        let cpu = self.host.media_cpu()?.saturating_sub(before.cpu);
        row.figure("media worker, % of a core", 100.0 * cpu.as_secs_f64() / seconds);

        let voices = self.calls.take_voices();
        let (lost, came) = voices.iter().fold((0, 0), |sum, voice| (sum.0 + voice.lost, sum.1 + voice.packets));
        let loss = 100.0 * lost as f64 / (lost + came).max(1) as f64;
        row.at_most("honest call: % of voice lost", loss, if self.dose.strict { 2.0 } else { 20.0 });
        let gap = voices.iter().map(|voice| voice.longest_gap).max().unwrap_or(0);
        row.figure("honest call: longest gap, ms of voice", 1_000.0 / VOICE * gap as f64);
        row.expect(came as f64 >= VOICE * seconds, "the honest call goes on");
        row.expect(!self.calls.lost_media(), "the honest clients keep their media");
        Ok(())
    }

    /// KiB, wider when the machine does other things too.
    fn kib(&self, promised: i64) -> f64 {
        (if self.dose.strict { promised } else { promised + 3 * KIB }) as f64
    }
}

/// Waits, on a thread that may block.
fn pause(time: Duration) {
    thread::sleep(time);
}

/// The 95th of a hundred, in milliseconds.
fn p95(mut times: Vec<Duration>) -> anyhow::Result<f64> {
    times.sort();
    let at = (times.len() * 95).div_ceil(100).saturating_sub(1);
    Ok(times.get(at).ok_or_else(|| anyhow!("nothing to measure")).context("p95")?.as_secs_f64() * 1_000.0)
}
