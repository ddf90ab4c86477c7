//! Network namespaces: they end with this process, however it ends, because nothing else holds them.
use std::{
    fs::{self, File},
    future::Future,
    io,
    os::fd::AsRawFd as _,
    process::Command,
    sync::Arc,
    thread,
    time::Duration,
};

use anyhow::{Context as _, anyhow, ensure};
use nix::sched::{CloneFlags, setns, unshare};
use tokio::runtime::Builder;

/// Stack of our threads: a program that is not optimised moves whole clients over it.
const STACK: usize = 16 * 1024 * 1024;

/// One network namespace.
pub(crate) struct Space(File);

impl Space {
    pub(crate) fn new() -> anyhow::Result<Self> {
        let made = apart(|| {
            unshare(CloneFlags::CLONE_NEWNET)?;
            File::open("/proc/thread-self/ns/net")
        })?;
        let space = Self(made.context("no network namespace can be made here; that needs root")?);
        // Neighbour discovery and the like would be counted as words to a stranger.
        space.write("/proc/sys/net/ipv6/conf/all/disable_ipv6", "1")?;
        space.write("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1")?;
        space.ip(&["link", "set", "lo", "up"])?;
        Ok(space)
    }

    /// Takes the calling thread into it, for good.
    pub(crate) fn enter(&self) -> io::Result<()> {
        Ok(setns(&self.0, CloneFlags::CLONE_NEWNET)?)
    }

    /// Does something inside. What is opened or started there stays there.
    pub(crate) fn within<T: Send>(&self, work: impl FnOnce() -> T + Send) -> anyhow::Result<T> {
        apart(|| self.enter().map(|()| work()))?.context("the network namespace cannot be entered")
    }

    /// A file of /proc as it reads inside.
    pub(crate) fn read(&self, path: &str) -> anyhow::Result<String> {
        self.within(|| fs::read_to_string(path))?.with_context(|| path.to_owned())
    }

    /// Writes a file of /proc inside.
    pub(crate) fn write(&self, path: &str, text: &str) -> anyhow::Result<()> {
        match self.within(|| fs::write(path, text))? {
            // A machine without IPv6 has nothing to switch off.
            Err(error) if error.kind() == io::ErrorKind::NotFound && path.contains("ipv6") => Ok(()),
            done => done.with_context(|| path.to_owned()),
        }
    }

    /// Runs `ip` (iproute2) inside.
    pub(crate) fn ip(&self, words: &[&str]) -> anyhow::Result<()> {
        let output = self.within(|| Command::new("ip").args(words).output())?.context("the program `ip` (iproute2)")?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "ip {}: {}", words.join(" "), said.trim());
        Ok(())
    }

    /// What `ip` takes for its name, from whatever namespace it is called.
    pub(crate) fn name(&self) -> String {
        format!("/proc/{}/fd/{}", std::process::id(), self.0.as_raw_fd())
    }

    /// Packets and bytes that ever came in through this interface, of every protocol there is.
    pub(crate) fn arrived(&self, interface: &str) -> anyhow::Result<(u64, u64)> {
        let table = self.read("/proc/thread-self/net/dev")?;
        let line = table.lines().find_map(|line| line.trim_start().strip_prefix(interface)?.strip_prefix(':'));
        let mut numbers = line.context("the interface is not there")?.split_whitespace().map(str::parse::<u64>);
        let mut next = || numbers.next().ok_or_else(|| anyhow!("too short"))?.map_err(anyhow::Error::from);
        let bytes = next()?;
        Ok((next()?, bytes))
    }

    /// UDP datagrams that programs inside have taken in, and those lost because a socket's buffer was full.
    pub(crate) fn datagrams(&self) -> anyhow::Result<Datagrams> {
        let text = self.read("/proc/thread-self/net/snmp")?;
        let mut lines = text.lines().filter_map(|line| line.strip_prefix("Udp: "));
        let names = lines.next().context("no names")?.split_whitespace();
        let numbers: Vec<u64> = lines.next().context("no numbers")?.split_whitespace().flat_map(str::parse).collect();
        let of = |wanted: &str| names.clone().zip(&numbers).find(|(name, _)| *name == wanted).map_or(0, |(_, n)| *n);
        Ok(Datagrams { taken: of("InDatagrams"), overflowed: of("RcvbufErrors") })
    }
}

/// What the system did with datagrams.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Datagrams {
    pub(crate) taken: u64,
    pub(crate) overflowed: u64,
}

/// Runs a task to its end on a runtime all of whose threads stand inside, since sockets stand where the thread that opens them
/// stands. Blocks, and must not be called from a task; what is left running has `settle` to end.
pub(crate) fn run<T: Send + 'static>(
    space: &Arc<Space>,
    settle: Duration,
    work: impl Future<Output = T> + Send + 'static,
) -> anyhow::Result<T> {
    let inside = Arc::clone(space);
    let runtime = Builder::new_multi_thread()
        .worker_threads(4)
        .thread_stack_size(STACK)
        .enable_all()
        .on_thread_start(move || {
            if let Err(error) = inside.enter() {
                tracing::error!("a thread stands outside its namespace: {error}");
            }
        })
        .build()?;
    let done = runtime.block_on(runtime.spawn(work));
    runtime.shutdown_timeout(settle);
    Ok(done?)
}

/// Does something on a thread of its own, since a namespace is a matter of threads.
fn apart<T: Send>(work: impl FnOnce() -> T + Send) -> anyhow::Result<T> {
    thread::scope(|scope| scope.spawn(work).join()).map_err(|_| anyhow!("a thread in a network namespace failed"))
}
