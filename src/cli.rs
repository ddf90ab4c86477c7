//! The command line: commands, flags and exit codes.
use std::{
    error::Error,
    io::{self, BufRead as _, IsTerminal as _, Read as _},
    path::PathBuf,
    process::ExitCode,
};

use clap::{Args, Parser, Subcommand};
use yunfa_signaling::{private::PersonName, time::Timestamp, words::Role};
use zeroize::Zeroizing;

use crate::{
    app::{self, StartError},
    clock::Clock,
    config::{Config, ConfigError, Sources},
    domain::audit::Hash,
    http::password,
    shutdown::Shutdown,
    storage::{AuditNote, StorageError, Store, registry::NewStaff},
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
}

#[derive(Debug, Subcommand)]
enum Admin {
    /// Adds a member of the office, such as the first supervisor. The password is read from standard input.
    AddStaff {
        /// The name typed at login.
        #[arg(long)]
        user: String,
        /// The person's name.
        #[arg(long)]
        name: String,
        /// What they may do.
        #[arg(long, value_parser = office_role, value_name = "DISPATCHER|FINANCE|SUPERVISOR")]
        role: Role,
        #[command(flatten)]
        settings: Settings,
    },
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
    /// A member of the office could not be added.
    #[error("{0}")]
    Staff(String),
}

/// Runs the command of this process.
pub async fn run() -> ExitCode {
    match Cli::parse().command.run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            say(&format!("yunfa: {}", with_causes(&failure)));
            match failure {
                Failure::Settings(_) => ExitCode::from(WRONG_SETTINGS),
                Failure::Start(_) | Failure::Store(_) | Failure::Staff(_) => ExitCode::FAILURE,
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
            Self::Admin(Admin::AddStaff { user, name, role, settings }) => {
                let config = settings.load()?;
                telemetry::start(&config.log);
                add_staff(&config, user, name, role).await
            }
        }
    }
}

async fn add_staff(config: &Config, user: String, name: String, role: Role) -> Result<(), Failure> {
    let refused = |why: &str| Failure::Staff(format!("`{user}` is not added: {why}"));
    let clock = Clock::machine();
    if io::stdin().is_terminal() {
        say("Password (it is shown while you type; pipe it in to avoid that):");
    }
    let mut typed = Zeroizing::new(String::new());
    io::stdin().lock().take(MAX_INPUT_BYTES).read_line(&mut typed).map_err(|error| refused(&error.to_string()))?;
    let password = typed.trim_end_matches(['\r', '\n']);
    if !(password::MIN_CHARS..=password::MAX_CHARS).contains(&password.chars().count()) {
        return Err(refused(&format!("a password has {} to {} characters", password::MIN_CHARS, password::MAX_CHARS)));
    }
    let password_hash = password::hash(password, &clock).ok_or_else(|| refused("the password cannot be hashed"))?;
    let store = app::open_store(config, &clock).await.map_err(Failure::Store)?;
    let new = NewStaff {
        id: clock.mint(),
        account: clock.mint(),
        user: user.clone(),
        name: PersonName::new(name),
        role,
        password_hash,
    };
    let added = keep_staff(&store, &new, clock.wall()).await;
    store.close().await;
    match added {
        Ok(()) => {
            say(&format!("`{user}` may sign in at /office/"));
            Ok(())
        }
        Err(StorageError::Duplicate(_)) => Err(refused("there is such a user already")),
        Err(error) => Err(refused(&with_causes(&error))),
    }
}

/// Keeps the person with the login, and that it was done.
async fn keep_staff(store: &Store, new: &NewStaff, now: Timestamp) -> Result<(), StorageError> {
    store.add_staff(new, now).await?;
    let id = new.id.to_string();
    let note = AuditNote {
        actor: "command line",
        action: "staff.added",
        object_kind: "staff",
        object: &id,
        hash: Hash::default(),
    };
    store.note(&note, now).await
}

/// A password fits in many times; whatever else is piped in is not read to its end.
const MAX_INPUT_BYTES: u64 = 1024;

fn office_role(text: &str) -> Result<Role, String> {
    match text.parse() {
        Ok(role @ (Role::Dispatcher | Role::Finance | Role::Supervisor)) => Ok(role),
        _ => Err("DISPATCHER, FINANCE or SUPERVISOR".to_owned()),
    }
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
