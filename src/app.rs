//! Wires every part of the server together, once, by name; tests start it in the same way.
use std::{io, net::SocketAddr, sync::Arc};

use tokio::net::TcpListener;

use crate::{
    bus::{InProcess, SharedBus},
    clock::Clock,
    config::Config,
    http::{
        self,
        accept::Entrance,
        budget::Budgets,
        crowd::Crowd,
        password::Passwords,
        sms::Sms,
        tls::{self, TlsError},
    },
    shutdown::Shutdown,
    storage::{Keys, StorageError, Store, StoreOptions, keys::KeyError},
};

/// What every request handler is given.
pub type Shared = Arc<App>;

/// Every part of the server, by name.
#[derive(Debug)]
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
    /// No key file.
    #[error("`data.keys`: {0}")]
    Keys(#[from] KeyError),
    /// No database.
    #[error("`database.url`: {0}")]
    Store(#[from] StorageError),
    /// No HTTP client.
    #[error("`sms.…`: {0}")]
    Sms(reqwest::Error),
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
}

impl Server {
    /// Builds every part and opens the doors.
    ///
    /// # Errors
    /// Says which setting, file or part is in the way.
    pub async fn start(config: Config, clock: Clock, shutdown: Shutdown) -> Result<Self, StartError> {
        tls::install_provider();
        let http = listen("http.listen", config.http.listen).await?;
        let https = listen("tls.listen", config.tls.listen).await?;
        let tls = https.is_some().then(|| tls::server_config(&config, clock.wall())).transpose()?;
        let crowd = Crowd::new(
            config.http.connections,
            config.http.connections_per_address,
            config.http.trusted_proxies.clone(),
        );
        let store = open_store(&config, &clock).await?;
        let sms = Sms::new(config.sms.clone(), clock.clone(), shutdown.clone()).map_err(StartError::Sms)?;
        let app = Arc::new(App {
            budgets: Budgets::new(&config.limits, clock.clone()),
            passwords: Passwords::default(),
            bus: Arc::new(InProcess::default()),
            shutdown: shutdown.clone(),
            sms,
            store,
            config,
            clock,
        });
        let router = http::router(app.clone());
        let mut addresses = [None, None];
        for (address, (listener, tls)) in addresses.iter_mut().zip([(http, None), (https, tls)]) {
            let Some(listener) = listener else { continue };
            *address = listener.local_addr().ok();
            let entrance = Entrance { listener, tls };
            shutdown.spawn(entrance.open(router.clone(), crowd.clone(), shutdown.clone()));
        }
        let [http, https] = addresses;
        Ok(Self { app, http, https })
    }

    /// Waits for the first step of stopping, lets running calls go on as long as the settings say, and ends.
    pub async fn run(self) {
        self.app.shutdown.draining().await;
        self.app.shutdown.stop();
        self.app.shutdown.wait().await;
        tracing::info!("stopped");
    }
}

/// Runs the server until the process is told to stop.
///
/// # Errors
/// Says what is in the way of the start.
pub async fn run(config: Config, shutdown: Shutdown) -> Result<(), StartError> {
    shutdown.on_signals().map_err(StartError::Signals)?;
    let server = Server::start(config, Clock::machine(), shutdown).await?;
    server.run().await;
    Ok(())
}

/// Opens the database with its keys and brings its schema up to date.
///
/// # Errors
/// When the key file or the database is missing, wrong or away.
pub async fn open_store(config: &Config, clock: &Clock) -> Result<Store, StartError> {
    let keys = Keys::load_or_create(&config.data.keys, clock.dice())?;
    let options = StoreOptions { connections: config.database.connections, ..StoreOptions::default() };
    Ok(Store::open(&config.database.url, options, keys).await?)
}

async fn listen(key: &'static str, address: Option<SocketAddr>) -> Result<Option<TcpListener>, StartError> {
    let Some(address) = address else { return Ok(None) };
    let listener = TcpListener::bind(address).await;
    listener.map(Some).map_err(|cause| StartError::Listen { key, address, cause })
}
