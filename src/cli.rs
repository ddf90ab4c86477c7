//! The command line: commands, flags and exit codes.
use std::{path::PathBuf, process::ExitCode};

use clap::{Args, Parser, Subcommand};

use crate::{
    app::{self, StartError},
    config::{Config, ConfigError, Sources},
    shutdown::Shutdown,
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
}

/// Runs the command of this process.
pub async fn run() -> ExitCode {
    match Cli::parse().command.run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            say(&format!("yunfa: {failure}"));
            match failure {
                Failure::Settings(_) => ExitCode::from(WRONG_SETTINGS),
                Failure::Start(_) => ExitCode::FAILURE,
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
        }
    }
}

fn key_and_value(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("write it as section.key=value")?;
    Ok((key.trim().to_owned(), value.trim().to_owned()))
}

#[expect(clippy::print_stderr, reason = "a command line speaks to whoever typed it")]
fn say(text: &str) {
    eprintln!("{text}");
}
