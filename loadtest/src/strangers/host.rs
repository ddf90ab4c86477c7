//! The server of the `strangers` scenario as a process in its own namespace, and what it costs the machine.
use std::{
    fs,
    net::SocketAddrV4,
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

use super::spaces::{SERVER, Space};
use crate::api::{Demo, Server};

/// Where media are taken.
pub(super) const MEDIA: SocketAddrV4 = SocketAddrV4::new(SERVER, 7_880);
/// How long a start may take.
const START: Duration = Duration::from_secs(60);
/// Pause between two looks whether it has started.
const LOOK: Duration = Duration::from_millis(50);

/// A server that takes everybody from one address, with one media worker.
const SETTINGS: &[&str] = &[
    "http.listen=10.77.1.1:8080",
    "tls.listen=off",
    "media.udp_port=7880",
    "media.workers=1",
    "media.public_addresses=10.77.1.1",
    "http.connections_per_address=4096",
    "limits.guests_per_address=100000",
    "limits.requests_per_second=10000",
    "log.level=warn",
];

/// A running server.
pub(super) struct Host {
    child: Child,
    pid: u32,
    pub(super) server: Server,
    pub(super) demo: Demo,
}

impl Host {
    /// Starts it and waits until it is ready.
    pub(super) async fn start(binary: &Path, data: &Path, space: &Space) -> anyhow::Result<Self> {
        let mut command = Command::new(binary);
        command.args(["serve", "--demo", "--data"]).arg(data).stdin(Stdio::null()).stdout(Stdio::null());
        command.kill_on_drop(true);
        for setting in SETTINGS {
            command.args(["--set", setting]);
        }
        let runtime = Handle::current();
        let spawned = space.within(|| {
            let _inside = runtime.enter();
            command.spawn()
        })?;
        let mut child = spawned.with_context(|| binary.display().to_string())?;
        let pid = child.id().context("it has ended")?;
        let server = Server::new("http://10.77.1.1:8080")?;
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

    /// Whether the process is still there.
    pub(super) fn lives(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Resident memory, and the part of it that is no file, in KiB; exact (proc_pid_smaps(5)).
    pub(super) fn memory(&self) -> anyhow::Result<Memory> {
        let text = fs::read_to_string(format!("/proc/{}/smaps_rollup", self.pid))?;
        let of = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name)).context("not in smaps_rollup")?;
            Ok::<i64, anyhow::Error>(line.trim().trim_end_matches("kB").trim().parse()?)
        };
        Ok(Memory { resident: of("Rss:")?, heap: of("Anonymous:")? })
    }

    /// CPU time of the media worker, to the nanosecond (the first figure of schedstat).
    pub(super) fn media_cpu(&self) -> anyhow::Result<Duration> {
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
    pub(super) async fn stop(mut self) -> anyhow::Result<()> {
        Ok(self.child.kill().await?)
    }
}

/// How much memory there is, in KiB.
#[derive(Clone, Copy, Debug)]
pub(super) struct Memory {
    pub(super) resident: i64,
    pub(super) heap: i64,
}
