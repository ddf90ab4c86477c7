//! The server as a process of its own, to be killed.
use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context as _, ensure};
use tokio::{
    io::AsyncWriteExt as _,
    process::{Child, Command},
    time::{sleep, timeout},
};

use crate::api::{Demo, Login, Server};

/// How long a start may take, with all that the last end has left to do.
const START: Duration = Duration::from_secs(60);
/// Pause between two looks whether it has started.
const LOOK: Duration = Duration::from_millis(50);
/// The password of people who are added here; nobody else knows these servers.
const PASSWORD: &str = "crash-test-only";

/// A server's program and what it is started with.
#[derive(Clone, Debug)]
pub struct Binary {
    /// The program.
    pub path: PathBuf,
    /// Its data folder, empty at first.
    pub data: PathBuf,
    /// Its database; SQLite in the data folder when there is none.
    pub database: Option<String>,
    /// Further settings, each as `key=value`.
    pub settings: Vec<String>,
}

/// A running server.
#[derive(Debug)]
pub struct Process {
    child: Child,
    /// How it is talked to.
    pub server: Server,
}

impl Binary {
    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(&self.path);
        command.args(words).arg("--data").arg(&self.data).stdin(Stdio::null()).stdout(Stdio::null());
        for setting in &self.settings {
            command.args(["--set", setting]);
        }
        if let Some(url) = &self.database {
            command.env("YUNFA_DATABASE_URL", url);
        }
        command
    }

    /// Makes so many lawyers; the answer is their logins.
    ///
    /// # Errors
    ///
    /// When the server does not start or refuses them.
    pub async fn prepare(&self, lawyers: u32) -> anyhow::Result<Vec<Login>> {
        self.start(None).await?.kill().await?;
        let mut logins = vec![];
        for number in 1..=lawyers {
            let user = format!("crash{number}");
            let mut command = self.command(&["admin", "add-lawyer", "--user", &user, "--name", "崩溃测试"]);
            let mut child = command.stdin(Stdio::piped()).stderr(Stdio::null()).spawn()?;
            child.stdin.take().context("no input")?.write_all(PASSWORD.as_bytes()).await?;
            ensure!(child.wait().await?.success(), "lawyer {user} could not be added");
            logins.push(Login { user, password: PASSWORD.to_owned(), areas: vec![] });
        }
        Ok(logins)
    }

    /// Who may see everything.
    pub(super) fn supervisor(&self) -> Login {
        Login { user: "supervisor1".to_owned(), password: "demo-supervisor1".to_owned(), areas: vec![] }
    }

    /// Starts the server; at the named point, passed so many times, it ends itself.
    ///
    /// # Errors
    ///
    /// When it ends or is not ready in time.
    pub async fn start(&self, point: Option<(&str, u32)>) -> anyhow::Result<Process> {
        let settings: Vec<_> = FOR_ALL.iter().map(|setting| (*setting).to_owned()).collect();
        self.start_with(&settings, point).await
    }

    /// The same with other settings.
    pub(crate) async fn start_with(&self, settings: &[String], point: Option<(&str, u32)>) -> anyhow::Result<Process> {
        let demo = self.data.join("demo.json");
        // It tells the address of this start, not of the last one.
        let _ = std::fs::remove_file(&demo);
        let mut command = self.command(&["serve", "--demo"]);
        for setting in SETTINGS.iter().copied().chain(settings.iter().map(String::as_str)) {
            command.args(["--set", setting]);
        }
        if let Some((point, times)) = point {
            command.env("YUNFA_TEST_CRASH_AT", format!("{point}:{times}"));
        }
        let mut child = command.kill_on_drop(true).spawn().with_context(|| self.path.display().to_string())?;
        let ready = async {
            loop {
                if let Some(status) = child.try_wait()? {
                    anyhow::bail!("the server ended at its start: {status}");
                }
                if let Some(server) = address(&demo)
                    && server.is_ready().await
                {
                    return Ok(server);
                }
                sleep(LOOK).await;
            }
        };
        let server = timeout(START, ready).await.context("the server did not start in time")??;
        Ok(Process { child, server })
    }

    /// Whether `yunfa audit verify` finds the log as it was written.
    pub(super) async fn audit_is_intact(&self) -> anyhow::Result<bool> {
        let mut command = self.command(&["audit", "verify"]);
        Ok(command.stderr(Stdio::null()).status().await?.success())
    }
}

/// A server that disturbs no other one.
const SETTINGS: &[&str] = &[
    "http.listen=127.0.0.1:0",
    "tls.listen=off",
    "media.udp_port=0",
    "media.workers=1",
    "media.public_addresses=127.0.0.1",
    "log.level=warn",
];

/// Takes everybody from this machine, which is one address.
pub(crate) const FOR_ALL: &[&str] =
    &["http.connections_per_address=4096", "limits.guests_per_address=100000", "limits.requests_per_second=10000"];

fn address(demo: &Path) -> Option<Server> {
    let text = std::fs::read_to_string(demo).ok()?;
    let demo: Demo = serde_json::from_str(&text).ok()?;
    Server::new(&demo.citizen).ok()
}

impl Process {
    /// Its number.
    pub fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// Sends a signal: `TERM`, `STOP`, `CONT`.
    ///
    /// # Errors
    ///
    /// When it has ended.
    pub async fn signal(&self, name: &str) -> anyhow::Result<()> {
        let id = self.child.id().context("the server has ended")?.to_string();
        let sent = Command::new("kill").args([&format!("-{name}"), &id]).status().await?;
        ensure!(sent.success(), "no {name} to the server");
        Ok(())
    }

    /// Waits for its end; the exit code, or nothing when it was killed.
    ///
    /// # Errors
    ///
    /// When it does not end in time.
    pub async fn exit(&mut self, within: Duration) -> anyhow::Result<Option<i32>> {
        Ok(timeout(within, self.child.wait()).await.context("the server does not end")??.code())
    }

    /// SIGKILL: nothing of it runs any more when this returns.
    ///
    /// # Errors
    ///
    /// When the system refuses.
    pub async fn kill(&mut self) -> anyhow::Result<()> {
        Ok(self.child.kill().await?)
    }

    /// Waits until it has ended by itself; whether by its own abort.
    pub(super) async fn ended(&mut self) -> anyhow::Result<bool> {
        use std::os::unix::process::ExitStatusExt as _;
        // 6 is SIGABRT.
        Ok(self.child.wait().await?.signal() == Some(6))
    }
}
