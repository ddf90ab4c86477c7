//! `yunfa admin`: the people of an installation, added on the machine itself.
use std::io::{self, BufRead as _, IsTerminal as _, Read as _};

use clap::Subcommand;
use yunfa_signaling::{
    ids::LawyerId,
    private::PersonName,
    time::Timestamp,
    words::{Pool, PracticeArea, Role},
};
use zeroize::Zeroizing;

use super::{Failure, Settings, import, say, with_causes};
use crate::{
    app,
    clock::Clock,
    config::Config,
    domain::{
        audit::Hash,
        people::{ProviderType, Qualification},
    },
    http::password,
    storage::{
        AuditNote, StorageError, Store,
        registry::{NewLawyer, NewStaff},
    },
    telemetry,
};

/// A password fits in many times; whatever else is piped in is not read to its end.
const MAX_INPUT_BYTES: u64 = 1024;

/// Every password is read from standard input: an argument could be seen by others.
#[derive(Debug, Subcommand)]
pub(super) enum Admin {
    /// Adds a member of the office, such as the first supervisor.
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
    /// Adds a lawyer whose qualification is in order.
    AddLawyer {
        /// The name typed at login.
        #[arg(long)]
        user: String,
        /// The name citizens see.
        #[arg(long)]
        name: String,
        /// What the lawyer answers, with commas between; all practice areas when left out.
        #[arg(long, value_delimiter = ',', value_name = "AREA,…")]
        areas: Vec<PracticeArea>,
        /// The county's own, or the nation-wide back-up.
        #[arg(long, default_value = "LOCAL", value_name = "LOCAL|NATIONAL")]
        pool: Pool,
        #[command(flatten)]
        settings: Settings,
    },
    /// Brings in a firm's people from a table (CSV) on standard input; a firm of another name is written down first.
    ImportFirm {
        /// The firm's name.
        #[arg(long)]
        firm: String,
        /// Keeps what is good; without it nothing changes.
        #[arg(long)]
        apply: bool,
        #[command(flatten)]
        settings: Settings,
    },
    /// Brings in a duty roster from a table (CSV) on standard input.
    ImportRoster {
        /// Keeps what is good; without it nothing changes.
        #[arg(long)]
        apply: bool,
        #[command(flatten)]
        settings: Settings,
    },
    /// Brings in holidays and make-up workdays from standard input, as a table; a preview unless `--apply`.
    ImportCalendar {
        /// Keeps what is good; without it nothing changes.
        #[arg(long)]
        apply: bool,
        #[command(flatten)]
        settings: Settings,
    },
}

impl Admin {
    pub(super) async fn run(self) -> Result<(), Failure> {
        match self {
            Self::AddStaff { user, name, role, settings } => {
                let desk = Desk::open(settings, user).await?;
                let new = NewStaff {
                    id: desk.clock.mint(),
                    account: desk.clock.mint(),
                    user: desk.user.clone(),
                    name: PersonName::new(name),
                    role,
                    firm: None,
                    password_hash: desk.hash.clone(),
                };
                let added = keep_staff(&desk.store, &new, desk.clock.wall()).await;
                desk.close(added, "/office/").await
            }
            Self::AddLawyer { user, name, areas, pool, settings } => {
                let desk = Desk::open(settings, user).await?;
                let areas = if areas.is_empty() { PracticeArea::ALL } else { &areas };
                let added = keep_lawyer(&desk, &name, areas, pool).await;
                desk.close(added, "/lawyer/").await
            }
            Self::ImportFirm { firm, apply, settings } => import::people(settings, &firm, apply).await,
            Self::ImportRoster { apply, settings } => import::roster(settings, apply).await,
            Self::ImportCalendar { apply, settings } => import::calendar(settings, apply).await,
        }
    }
}

/// The store, and who is to be added with the password that was read.
struct Desk {
    clock: Clock,
    store: Store,
    user: String,
    hash: String,
}

impl Desk {
    async fn open(settings: Settings, user: String) -> Result<Self, Failure> {
        let config: Config = settings.load()?;
        telemetry::start(&config.log);
        let clock = Clock::machine();
        let hash = read_password(&clock).map_err(|why| not_added(&user, &why))?;
        let store = app::open_store(&config, &clock).await.map_err(Failure::Store)?;
        Ok(Self { clock, store, user, hash })
    }

    async fn close(self, added: Result<(), StorageError>, page: &str) -> Result<(), Failure> {
        self.store.close().await;
        match added {
            Ok(()) => {
                say(&format!("`{}` may sign in at {page}", self.user));
                Ok(())
            }
            Err(StorageError::Duplicate(_)) => Err(not_added(&self.user, "there is such a user already")),
            Err(error) => Err(not_added(&self.user, &with_causes(&error))),
        }
    }
}

fn not_added(user: &str, why: &str) -> Failure {
    Failure::NotAdded(format!("`{user}` is not added: {why}"))
}

/// Reads a password and makes its argon2 hash.
fn read_password(clock: &Clock) -> Result<String, String> {
    if io::stdin().is_terminal() {
        say("Password (it is shown while you type; pipe it in to avoid that):");
    }
    let mut typed = Zeroizing::new(String::new());
    io::stdin().lock().take(MAX_INPUT_BYTES).read_line(&mut typed).map_err(|error| error.to_string())?;
    let password = typed.trim_end_matches(['\r', '\n']);
    if !(password::MIN_CHARS..=password::MAX_CHARS).contains(&password.chars().count()) {
        return Err(format!("a password has {} to {} characters", password::MIN_CHARS, password::MAX_CHARS));
    }
    password::hash(password, clock).ok_or_else(|| "the password cannot be hashed".to_owned())
}

/// Keeps the person with the login, and that it was done.
async fn keep_staff(store: &Store, new: &NewStaff, now: Timestamp) -> Result<(), StorageError> {
    store.add_staff(new, now).await?;
    note(store, "staff.added", "staff", &new.id.to_string(), now).await
}

/// The same for a lawyer.
async fn keep_lawyer(desk: &Desk, name: &str, areas: &[PracticeArea], pool: Pool) -> Result<(), StorageError> {
    let (store, now) = (&desk.store, desk.clock.wall());
    let id: LawyerId = desk.clock.mint();
    if store.account(&desk.user).await?.is_some() {
        return Err(StorageError::Duplicate("the user"));
    }
    let new = NewLawyer {
        id,
        name,
        provider_type: ProviderType::Lawyer,
        firm: None,
        pool,
        public_office: false,
        licence_no: None,
        qualification: Qualification::Active,
        area: None,
        practice_areas: areas,
    };
    store.add_lawyer(&new, now).await?;
    if !store.add_lawyer_account(id, &desk.user, &desk.hash, now).await? {
        return Err(StorageError::Duplicate("the user"));
    }
    note(store, "lawyer.added", "lawyer", &id.to_string(), now).await
}

async fn note(
    store: &Store,
    action: &str,
    object_kind: &str,
    object: &str,
    now: Timestamp,
) -> Result<(), StorageError> {
    store.note(&AuditNote { actor: "command line", action, object_kind, object, hash: Hash::default() }, now).await
}

fn office_role(text: &str) -> Result<Role, String> {
    match text.parse() {
        Ok(role @ (Role::Dispatcher | Role::Finance | Role::Supervisor)) => Ok(role),
        _ => Err("DISPATCHER, FINANCE or SUPERVISOR".to_owned()),
    }
}
