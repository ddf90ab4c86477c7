//! A server as a process in a namespace of its own, and what it costs the machine.
use std::{
    fs,
    net::{Ipv4Addr, SocketAddrV4},
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context as _, bail};
use tokio::{
    process::{Child, Command},
    runtime::Handle,
    time::{sleep, timeout},
};

use crate::{
    api::{Demo, Server},
    space::Space,
};

/// Where media are taken, at whatever address.
const MEDIA_PORT: u16 = 7_880;
/// Where pages and sockets are served.
const PORT: u16 = 8_080;
/// How long a start may take.
const START: Duration = Duration::from_secs(60);
/// Pause between two looks whether it has started.
const LOOK: Duration = Duration::from_millis(50);

/// It takes everybody from one address, with one media worker.
const SETTINGS: &[&str] = &[
    "tls.listen=off",
    "media.workers=1",
    "http.connections_per_address=4096",
    "limits.guests_per_address=100000",
    "limits.requests_per_second=10000",
    "log.level=warn",
];

/// A running server.
pub(crate) struct Host {
    child: Child,
    pid: u32,
    pub(crate) server: Server,
    pub(crate) demo: Demo,
}

impl Host {
    /// Starts it and waits until it is ready.
    pub(crate) async fn start(binary: &Path, data: &Path, space: &Space, address: Ipv4Addr) -> anyhow::Result<Self> {
        let mut command = Command::new(binary);
        command.args(["serve", "--demo", "--data"]).arg(data).stdin(Stdio::null()).stdout(Stdio::null());
        command.kill_on_drop(true);
        let where_to = [
            format!("http.listen={address}:{PORT}"),
            format!("media.udp_port={MEDIA_PORT}"),
            format!("media.public_addresses={address}"),
        ];
        for setting in SETTINGS.iter().copied().chain(where_to.iter().map(String::as_str)) {
            command.args(["--set", setting]);
        }
        let runtime = Handle::current();
        let spawned = space.within(|| {
            let _inside = runtime.enter();
            command.spawn()
        })?;
        let mut child = spawned.with_context(|| binary.display().to_string())?;
        let pid = child.id().context("it has ended")?;
        let server = Server::new(&format!("http://{address}:{PORT}"))?;
        let ready = async {
            while !server.is_ready().await {
                if let Some(status) = child.try_wait()? {
                    bail!("the server ended at its start: {status}");
                }
                sleep(LOOK).await;
            }
            Ok(())
        };
        timeout(START, ready).await.context("the server did not start in time")??;
        let text = fs::read_to_string(data.join("demo.json"))?;
        Ok(Self { child, pid, server, demo: serde_json::from_str(&text)? })
    }

    /// Where the server at an address takes media.
    pub(crate) const fn media(address: Ipv4Addr) -> SocketAddrV4 {
        SocketAddrV4::new(address, MEDIA_PORT)
    }

    /// Whether the process is still there.
    pub(crate) fn lives(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Resident memory, and the part of it that is no file, in KiB; exact (proc_pid_smaps(5)).
    pub(crate) fn memory(&self) -> anyhow::Result<Memory> {
        let text = fs::read_to_string(format!("/proc/{}/smaps_rollup", self.pid))?;
        let of = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name)).context("not in smaps_rollup")?;
            Ok::<i64, anyhow::Error>(line.trim().trim_end_matches("kB").trim().parse()?)
        };
        Ok(Memory { resident: of("Rss:")?, heap: of("Anonymous:")? })
    }

    /// CPU time of the media worker, to the nanosecond (the first figure of schedstat).
    pub(crate) fn media_cpu(&self) -> anyhow::Result<Duration> {
        for task in fs::read_dir(format!("/proc/{}/task", self.pid))? {
            let path: PathBuf = task?.path();
            if fs::read_to_string(path.join("comm"))?.starts_with("media-") {
                let stat = fs::read_to_string(path.join("schedstat"))?;
                let nanoseconds = stat.split(' ').next().context("an empty schedstat")?.parse()?;
                return Ok(Duration::from_nanos(nanoseconds));
            }
        }
        bail!("the server has no media worker");
    }

    /// Ends it.
    pub(crate) async fn stop(mut self) -> anyhow::Result<()> {
        Ok(self.child.kill().await?)
    }
}

/// How much memory there is, in KiB.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Memory {
    pub(crate) resident: i64,
    pub(crate) heap: i64,
}
