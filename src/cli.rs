//! The command line: commands, flags and exit codes.
mod admin;
mod import;

use std::{error::Error, path::PathBuf, process::ExitCode};

use admin::Admin;
use clap::{Args, Parser, Subcommand};

use crate::{
    app::{self, StartError},
    clock::Clock,
    config::{Config, ConfigError, Sources},
    domain::audit::AuditFault,
    shutdown::Shutdown,
    storage::{StorageError, keys::hex},
    telemetry,
};

/// Exit code of settings that are wrong, and of a command line that is (clap's own).
const WRONG_SETTINGS: u8 = 2;

#[derive(Debug, Parser)]
#[command(name = "yunfa", version, about = "Yunfa: one server for public legal consultations")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Starts the server.
    Serve(Settings),
    /// Brings the database up to date and ends; `serve` does so too.
    Migrate(Settings),
    /// What has to be done on the machine itself.
    #[command(subcommand)]
    Admin(Admin),
    /// The log of everything that counts.
    #[command(subcommand)]
    Audit(Audit),
}

#[derive(Debug, Subcommand)]
enum Audit {
    /// Recomputes the audit log from its first entry; exit code 1 where it is not what it was.
    Verify(Settings),
}

/// Where settings come from, the same for every command.
#[derive(Debug, Args)]
struct Settings {
    /// Settings file (TOML); without it `yunfa.toml` is read if it is there.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Loads the demo county with its logins (`demo.load`).
    #[arg(long)]
    demo: bool,
    /// Folder for everything that is kept (`data.folder`).
    #[arg(long, value_name = "FOLDER")]
    data: Option<String>,
    /// Any setting: `--set http.listen=127.0.0.1:9000`.
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = key_and_value)]
    set: Vec<(String, String)>,
}

impl Settings {
    fn load(self) -> Result<Config, ConfigError> {
        let mut flags = self.set;
        flags.extend(self.demo.then(|| ("demo.load".to_owned(), "true".to_owned())));
        flags.extend(self.data.map(|folder| ("data.folder".to_owned(), folder)));
        Config::load(Sources { file: self.config, flags, ..Sources::of_process() })
    }
}

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
enum Failure {
    /// Settings are wrong; each line names one.
    #[error(transparent)]
    Settings(#[from] ConfigError),
    /// The server did not start.
    #[error("the server does not start: {0}")]
    Start(#[from] StartError),
    /// The database could not be opened.
    #[error(transparent)]
    Store(StartError),
    /// A person could not be added.
    #[error("{0}")]
    NotAdded(String),
    /// A table could not be brought in.
    #[error("{0}")]
    NotImported(String),
    /// The audit log could not be read.
    #[error("the audit log cannot be read: {0}")]
    Unread(#[source] StorageError),
    /// The audit log was changed.
    #[error("the audit log is not what it was: {0}")]
    Changed(#[from] AuditFault),
}

/// Runs the command of this process.
pub async fn run() -> ExitCode {
    match Cli::parse().command.run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            say(&format!("yunfa: {}", with_causes(&failure)));
            match failure {
                Failure::Settings(_) => ExitCode::from(WRONG_SETTINGS),
                Failure::Start(_)
                | Failure::Store(_)
                | Failure::NotAdded(_)
                | Failure::NotImported(_)
                | Failure::Unread(_)
                | Failure::Changed(_) => ExitCode::FAILURE,
            }
        }
    }
}

impl Command {
    async fn run(self) -> Result<(), Failure> {
        match self {
            Self::Serve(settings) => {
                let config = settings.load()?;
                telemetry::start(&config.log);
                Ok(app::run(config, Shutdown::new()).await?)
            }
            Self::Migrate(settings) => {
                let config = settings.load()?;
                telemetry::start(&config.log);
                let store = app::open_store(&config, &Clock::machine()).await.map_err(Failure::Store)?;
                store.close().await;
                say("the database is up to date");
                Ok(())
            }
            Self::Admin(admin) => admin.run().await,
            Self::Audit(Audit::Verify(settings)) => {
                let config = settings.load()?;
                telemetry::start(&config.log);
                verify_audit(&config).await
            }
        }
    }
}

async fn verify_audit(config: &Config) -> Result<(), Failure> {
    let store = app::open_store(config, &Clock::machine()).await.map_err(Failure::Store)?;
    let verified = store.verify_audit().await;
    store.close().await;
    let (entries, root) = verified.map_err(Failure::Unread)??;
    say(&format!("the audit log is intact: {entries} entries, root {}", hex(&root)));
    Ok(())
}

/// The failure with all that caused it, for the operator: what an edge hides from strangers is said here.
fn with_causes(failure: &dyn Error) -> String {
    let mut text = failure.to_string();
    let mut cause = failure.source();
    while let Some(inner) = cause {
        let said = inner.to_string();
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        cause = inner.source();
    }
    text
}

fn key_and_value(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("write it as section.key=value")?;
    Ok((key.trim().to_owned(), value.trim().to_owned()))
}

#[expect(clippy::print_stderr, reason = "a command line speaks to whoever typed it")]
fn say(text: &str) {
    eprintln!("{text}");
}
