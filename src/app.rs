//! Wires every part of the server together, once, by name; tests start it in the same way.
use std::{
    fmt,
    fs::File,
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use tokio::{
    net::{TcpListener, TcpSocket},
    sync::{Semaphore, mpsc},
    task::JoinHandle,
};
use yunfa_media::driver::{Driver, DriverConfig};

use crate::{
    announce::{self, Addresses},
    attendance,
    bus::{Hint, InProcess, Listener, SharedBus},
    call_back,
    clock::Clock,
    config::{Config, Http, machine},
    conflicts::{self, Declared},
    crash_point::crash_point,
    domain::{calendar::Calendar, people::Subject},
    files, floors, handover,
    http::{
        self,
        accept::Entrance,
        attachments::{UPLOADS, Uploads},
        budget::Budgets,
        crowd::Crowd,
        finder::Finder,
        password::{self, Passwords},
        sms::Sms,
        ticket::StoredTickets,
        tls::{self, TlsError},
    },
    jobs::Jobs,
    live::{self, Called, FloorTurned, Live, Person},
    push::{self, Alert, Push},
    questions::{self, Questions},
    recorder::Recorder,
    shutdown::Shutdown,
    storage::{
        Keys, StorageError, Store, StoreOptions,
        demo::{self, DemoCounty},
        keys::KeyError,
    },
    ws,
};

/// This node's name in the database: one deployment is one process until there are clusters.
pub const NODE: &str = "node-1";
/// The file in the data folder that keeps facts while the database is away.
const JOURNAL: &str = "facts.journal";
/// The empty file in the data folder that is locked as long as a server works in it.
const IN_USE: &str = "in-use";
/// Candidates of an answer at most.
const MOST_CANDIDATES: usize = 8;
/// How long answers under way may take after the second step of stopping.
const LAST_ANSWERS: Duration = Duration::from_secs(3);

/// What every request handler is given.
pub type Shared = Arc<App>;

/// Every part of the server, by name.
pub struct App {
    /// Settings.
    pub config: Config,
    /// Time and chance.
    pub clock: Clock,
    /// The two steps of stopping.
    pub shutdown: Shutdown,
    /// What has happened.
    pub store: Store,
    /// Hints between the parts.
    pub bus: SharedBus,
    /// How often somebody may try.
    pub budgets: Budgets,
    /// The queue of passwords to be checked.
    pub passwords: Passwords,
    /// Sends codes to phones.
    pub sms: Sms,
    /// Tells desks that nobody looks at.
    pub push: Push,
    /// Brings what happens now to where it is kept.
    pub recorder: Recorder,
    /// What is happening now.
    pub live: Live,
    /// Where sockets come in.
    pub door: ws::Door,
    /// Text questions that live.
    pub questions: Questions,
    /// Places for attachments that are taken in.
    pub uploads: Uploads,
    /// The one place for an archive with attachments that is made.
    pub archives: Semaphore,
    /// The directory of lawyers for citizens.
    pub finder: Finder,
    /// Holidays and make-up workdays.
    pub calendar: Calendar,
    /// Held from a change of a lawyer or a duty floor until the live part was told of it, so that it hears of changes in their order.
    pub profiles: tokio::sync::Mutex<()>,
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("App").field("store", &self.store).field("live", &self.live).finish_non_exhaustive()
    }
}

/// Why the server does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// An address cannot be listened to.
    #[error("`{key}` = {address}: {cause}")]
    Listen {
        /// The setting.
        key: &'static str,
        /// Its value.
        address: SocketAddr,
        /// What the system says.
        cause: io::Error,
    },
    /// No certificate.
    #[error("HTTPS (`tls.…`): {0}")]
    Tls(#[from] TlsError),
    /// No data folder.
    #[error("`data.folder`: {0}")]
    Folder(io::Error),
    /// Another server works in the data folder, or sleeps in it.
    #[error("`data.folder`: another server uses {0}: stop it first (one that hangs with `kill -9`)")]
    InUse(PathBuf),
    /// No key file.
    #[error("`data.keys`: {0}")]
    Keys(#[from] KeyError),
    /// No database.
    #[error("`database.url`: {0}")]
    Store(#[from] StorageError),
    /// The database does not answer.
    #[error("`database.url`: {database} does not answer")]
    NoDatabase {
        /// Which one, without its password.
        database: String,
        /// What was tried.
        #[source]
        cause: StorageError,
    },
    /// The logins of a demonstration would open a real installation.
    #[error(
        "`database.url`: the demonstration was loaded into this database, and its passwords are known to everybody: \
         start with --demo, or with another `data.folder`"
    )]
    Demonstration,
    /// The journal of facts cannot be opened.
    #[error("`data.folder`: the journal: {0}")]
    Journal(io::Error),
    /// Another server took the database in this very moment.
    #[error("`database.url`: another server took over this database")]
    TakenOver,
    /// No media workers.
    #[error("`media.…`: {0}")]
    Media(io::Error),
    /// `demo.json` cannot be written.
    #[error("`data.folder`: demo.json: {0}")]
    DemoFile(io::Error),
    /// No HTTP client.
    #[error("`sms.…`: {0}")]
    Sms(reqwest::Error),
    /// No HTTP client.
    #[error("`push.…`: {0}")]
    Push(reqwest::Error),
    /// No signal handlers.
    #[error("signals cannot be caught: {0}")]
    Signals(io::Error),
}

/// A server that takes connections.
#[derive(Debug)]
pub struct Server {
    /// Its parts.
    pub app: Shared,
    /// Where plain HTTP is spoken, with the real port.
    pub http: Option<SocketAddr>,
    /// Where HTTPS is spoken, with the real port.
    pub https: Option<SocketAddr>,
    /// The demonstration's logins, when it is one.
    pub demo: Option<DemoCounty>,
    recorder: Recorder,
    writer: JoinHandle<()>,
    /// Held as long as the server lives.
    _folder: File,
}

impl Server {
    /// Builds every part and opens the doors.
    ///
    /// # Errors
    /// Says which setting, file or part is in the way.
    pub async fn start(config: Config, clock: Clock, shutdown: Shutdown) -> Result<Self, StartError> {
        tls::install_provider();
        // Addresses first: a second server on the same machine fails before it touches the database.
        let http = listen("http.listen", config.http.listen)?;
        let https = listen("tls.listen", config.tls.listen)?;
        if config.http.listen.is_some_and(|address| !address.ip().is_loopback())
            && config.http.trusted_proxies.is_empty()
        {
            tracing::warn!("`http.listen` is open to the network without encryption: passwords and tokens can be read");
        }
        let tls = https.is_some().then(|| tls::server_config(&config, clock.wall())).transpose()?;

        let folder = take_folder(&config)?;
        let store = open_store(&config, &clock).await?;
        let demo = match config.demo {
            true => Some(demo::load(&store, |password| hashed(password, &clock), clock.wall()).await?),
            false if demo::is_loaded(&store).await? => return Err(StartError::Demonstration),
            false => None,
        };
        let calendar = Calendar::new(store.calendar_days().await?);
        let (recorder, writer, jobs) = start_recording(&config, &store, &clock, &calendar, &shutdown).await?;
        let (alerts, to_send) = mpsc::channel(push::ALERTS);
        let (called, calls) = mpsc::channel(call_back::MAILBOX);
        let (floors, turned) = mpsc::channel(floors::MAILBOX);
        let (declared, conflicts) = mpsc::channel(conflicts::MAILBOX);
        let told = (alerts, called, floors, declared);
        let live = start_live(&config, &clock, &store, recorder.clone(), told).await?;
        handover::take_over(&jobs, &live, &recorder, config.timers).await?;
        let sms = Sms::new(config.sms.clone(), clock.clone(), shutdown.clone()).map_err(StartError::Sms)?;
        let questions = start_questions(&config, &jobs, &live, &sms, &shutdown).await?;
        shutdown.spawn(jobs.run(shutdown.stop_token(), recorder.clone()));
        let push = Push::new(config.push.clone(), store.clone(), clock.clone(), shutdown.clone());
        let push = push.map_err(StartError::Push)?;
        shutdown.spawn(push.clone().run(to_send));
        let bus: SharedBus = Arc::new(InProcess::default());
        shutdown.spawn(close_sockets(bus.listen(), live.clone(), shutdown.clone()));
        let crowd = || {
            let Http { connections, connections_per_address, trusted_proxies, .. } = &config.http;
            Crowd::new(*connections, *connections_per_address, trusted_proxies.clone())
        };
        let connections = crowd();
        let door = ws::Door::new(ws::Parts {
            live: live.clone(),
            clock: clock.clone(),
            tickets: Arc::new(StoredTickets::new(store.clone(), clock.clone())),
            origins: config.http.allowed_origins.clone(),
            crowd: crowd(),
            greetings_per_second: config.limits.greetings_per_second,
        });
        let app = Arc::new(App {
            budgets: Budgets::new(&config.limits, clock.clone()),
            passwords: Passwords::default(),
            sms,
            questions,
            uploads: Arc::new(Semaphore::new(UPLOADS)),
            archives: Semaphore::new(1),
            push,
            shutdown: shutdown.clone(),
            bus,
            store,
            recorder: recorder.clone(),
            live,
            door,
            finder: Finder::default(),
            calendar,
            profiles: tokio::sync::Mutex::default(),
            config,
            clock,
        });
        let teller = app.clone();
        shutdown.spawn(async move { call_back::tell(&teller, calls).await });
        let keeper = app.clone();
        shutdown.spawn(async move { conflicts::keep(&keeper, conflicts).await });
        let keeper = app.clone();
        shutdown.spawn(async move { floors::keep(&keeper, turned).await });
        let watched = app.clone();
        shutdown.spawn(async move { attendance::watch(&watched).await });
        let doors = [(http, None), (https, tls)];
        let [http, https] = doors.each_ref().map(|(listener, _)| listener.as_ref()?.local_addr().ok());
        // Before the doors open: whoever finds the server ready finds its logins too.
        let data = &app.config.data.folder;
        match &demo {
            Some(county) => {
                announce::write_demo_file(data, &Addresses::of(http, https), county).map_err(StartError::DemoFile)?;
            }
            None => announce::remove_demo_file(data),
        }
        let router = http::router(app.clone());
        for (listener, tls) in doors {
            let Some(listener) = listener else { continue };
            let entrance = Entrance { listener, tls };
            shutdown.spawn(entrance.open(router.clone(), connections.clone(), shutdown.clone()));
        }
        Ok(Self { app, http, https, demo, recorder, writer, _folder: folder })
    }

    /// Where its pages are.
    pub fn addresses(&self) -> Addresses {
        Addresses::of(self.http, self.https)
    }

    /// Waits for the first step of stopping, lets running calls go on as long as the settings say or until the second
    /// step, writes down what has happened, and ends.
    pub async fn run(self) {
        let Self { app, recorder, writer, _folder, .. } = self;
        app.shutdown.draining().await;
        tokio::select! {
            () = app.live.drain(app.config.drain) => {}
            () = app.shutdown.stopping() => app.live.stop().await,
        }
        app.shutdown.stop();
        if tokio::time::timeout(LAST_ANSWERS, app.shutdown.wait()).await.is_err() {
            tracing::warn!("some connections did not end in time and are cut off");
        }
        if let Err(error) = recorder.flush().await {
            tracing::warn!("the recorder had ended before the server: {error}");
        }
        // Everything that was told is durable; nobody is left who could tell more.
        writer.abort();
        app.store.close().await;
        tracing::info!("stopped");
    }
}

/// Takes this node's lease, starts its writer, and brings over what the last run could not write.
async fn start_recording(
    config: &Config,
    store: &Store,
    clock: &Clock,
    calendar: &Calendar,
    shutdown: &Shutdown,
) -> Result<(Recorder, JoinHandle<()>, Jobs), StartError> {
    let lease = store.take_lease(NODE, clock.wall()).await?;
    crash_point("start-lease-taken");
    let calendar = calendar.clone();
    let jobs = Jobs { store: store.clone(), lease: lease.clone(), clock: clock.clone(), calendar: calendar.clone() };
    let journal = config.data.folder.join(JOURNAL);
    let (recorder, writer) =
        Recorder::start(store.clone(), lease, clock.clone(), calendar, &journal).map_err(StartError::Journal)?;
    // Who ends or takes up what was left must find all that is known.
    recorder.settle().await.map_err(|_| StartError::TakenOver)?;
    let fenced = recorder.fenced();
    let shutdown_of_fence = shutdown.clone();
    shutdown.spawn(async move {
        tokio::select! {
            () = fenced.cancelled() => {
                tracing::error!("another server took over this database; this one stops");
                shutdown_of_fence.stop();
            }
            () = shutdown_of_fence.stopping() => {}
        }
    });
    Ok((recorder, writer, jobs))
}

/// Whom the live part tells of what is not its own: pushes, calls back, alarms, conflicts.
type Told = (mpsc::Sender<Alert>, mpsc::Sender<Called>, mpsc::Sender<FloorTurned>, mpsc::Sender<Declared>);

/// Starts the media workers and everything that happens now.
async fn start_live(
    config: &Config,
    clock: &Clock,
    store: &Store,
    recorder: Recorder,
    (alerts, called, floors, declared): Told,
) -> Result<Live, StartError> {
    let addresses = if config.media.public_addresses.is_empty() {
        let loopback = IpAddr::from([127, 0, 0, 1]);
        machine::addresses().into_iter().take(MOST_CANDIDATES - 1).chain([loopback]).collect()
    } else {
        config.media.public_addresses.clone()
    };
    let driver = DriverConfig {
        workers: config.media.workers,
        peers_per_worker: config.media.peers_per_worker,
        ..DriverConfig::new(config.media.udp_port, addresses)
    };
    let (media, facts) = Driver::start(driver).map_err(StartError::Media)?;
    let localities = store.areas().await?.into_iter().map(|area| (area.code, area.name)).collect();
    let (clock, timers) = (clock.clone(), config.timers);
    let parts = live::Parts { clock, recorder, media, facts, localities, timers, alerts, called, floors, declared };
    let live = Live::start(parts);
    live.watch_floors(floors::minimums(store).await?, store.open_alarms().await?);
    Ok(live)
}

/// Takes up the text questions that live.
async fn start_questions(
    config: &Config,
    jobs: &Jobs,
    live: &Live,
    sms: &Sms,
    shutdown: &Shutdown,
) -> Result<Questions, StartError> {
    let Jobs { store, lease, clock, calendar } = jobs.clone();
    let (live, sms, clocks) = (live.clone(), sms.clone(), config.questions);
    let parts = questions::Parts { store, lease, clock, calendar, live, sms, clocks };
    Ok(Questions::start(parts, shutdown).await?)
}

/// Closes the sockets of accounts that were signed out.
async fn close_sockets(mut hints: Box<dyn Listener>, live: Live, shutdown: Shutdown) {
    loop {
        let hint = tokio::select! {
            hint = hints.hear() => hint,
            () = shutdown.stopping() => return,
        };
        match hint {
            Some(Hint::SignedOut(Subject::Citizen(id))) => live.revoke(Person::Citizen(id)),
            Some(Hint::SignedOut(Subject::Lawyer(id))) => live.revoke(Person::Lawyer(id)),
            // Nothing is live for the office yet, so there is no socket.
            Some(Hint::SignedOut(Subject::Staff(..))) => {}
            None => return,
        }
    }
}

fn hashed(password: &str, clock: &Clock) -> Result<String, StorageError> {
    password::hash(password, clock).ok_or_else(|| StorageError::Setup("a password cannot be hashed".to_owned()))
}

/// Runs the server until the process is told to stop.
///
/// # Errors
/// Says what is in the way of the start.
pub async fn run(config: Config, shutdown: Shutdown) -> Result<(), StartError> {
    shutdown.on_signals().map_err(StartError::Signals)?;
    let server = Server::start(config, Clock::machine(), shutdown).await?;
    announce::say(&server.addresses(), server.demo.as_ref());
    server.run().await;
    Ok(())
}

/// Makes the data folder this process's own: two that write one journal would lose facts of both.
fn take_folder(config: &Config) -> Result<File, StartError> {
    let folder = &config.data.folder;
    files::make_private_folder(folder).map_err(StartError::Folder)?;
    files::take(&folder.join(IN_USE)).map_err(StartError::Folder)?.ok_or_else(|| StartError::InUse(folder.clone()))
}

/// Opens the database with its keys and brings its schema up to date.
///
/// # Errors
/// When the key file or the database is missing, wrong or away.
pub async fn open_store(config: &Config, clock: &Clock) -> Result<Store, StartError> {
    files::make_private_folder(&config.data.folder).map_err(StartError::Folder)?;
    let keys = Keys::load_or_create(&config.data.keys, clock.dice())?;
    let options = StoreOptions { connections: config.database.connections, ..StoreOptions::default() };
    Store::open(&config.database.url, options, keys).await.map_err(|error| match error {
        cause @ StorageError::Unavailable(_) => {
            StartError::NoDatabase { database: config.database.without_password(), cause }
        }
        other => other.into(),
    })
}

/// Connections that the system holds until they are accepted, as far as its own limit (`net.core.somaxconn`, 4096) goes: a herd
/// that comes back at once waits a moment there, while a connection that found no room is silently half open.
const BACKLOG: u32 = 4096;

/// Listens as `TcpListener::bind` does, with a longer queue.
fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

fn listen(key: &'static str, address: Option<SocketAddr>) -> Result<Option<TcpListener>, StartError> {
    let Some(address) = address else { return Ok(None) };
    let listener = match bind(address) {
        // All addresses of a machine that has no IPv6 are those of IPv4.
        Err(error) if address.ip() == Ipv6Addr::UNSPECIFIED && has_no_ipv6(&error) => {
            bind(SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), address.port()))
        }
        bound => bound,
    };
    listener.map(Some).map_err(|cause| StartError::Listen { key, address, cause })
}

fn has_no_ipv6(error: &io::Error) -> bool {
    let refused = [nix::errno::Errno::EAFNOSUPPORT, nix::errno::Errno::EADDRNOTAVAIL];
    error.raw_os_error().is_some_and(|code| refused.iter().any(|errno| *errno as i32 == code))
}
