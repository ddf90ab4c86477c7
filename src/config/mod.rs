//! Settings and their sections; the only reader of the environment.
//!
//! A TOML file is overruled by the environment (`YUNFA_HTTP_LISTEN`), the environment by flags
//! (`--set http.listen=…`). Every setting stands in [`settings`] and in docs/operations.md; nothing else is understood.
use std::{
    fmt,
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
    time::Duration,
};

use yunfa_signaling::{question::Clocks, timers::Timers};

mod layers;
pub mod machine;
mod push;
pub mod settings;

use layers::Layers;
pub use layers::{ConfigError, Fault, Origin};
pub use push::{Push, PushServices};

use crate::domain::report::MAX_BLOCK_DAYS;

/// The file that is read when no other is named and it is there.
pub const DEFAULT_FILE: &str = "yunfa.toml";
/// How long running calls may go on after Ctrl-C in a demonstration: nobody waits for an hour on a laptop.
const DEMO_DRAIN_SECONDS: &str = "5";

/// What to read settings from, the weakest first.
#[derive(Debug, Default)]
pub struct Sources {
    /// A file that must be there; without one, [`DEFAULT_FILE`] is read if it exists.
    pub file: Option<PathBuf>,
    /// Variables; those that do not begin with `YUNFA_` are passed over.
    pub environment: Vec<(String, String)>,
    /// `section.key` and value, from the command line.
    pub flags: Vec<(String, String)>,
}

impl Sources {
    /// The process's own environment, and nothing else yet.
    pub fn of_process() -> Self {
        let environment = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.to_string_lossy().into_owned())))
            .collect();
        Self { environment, ..Self::default() }
    }
}

/// All settings, read and checked.
#[derive(Clone, Debug)]
pub struct Config {
    /// Plain HTTP and what holds for every connection.
    pub http: Http,
    /// HTTPS.
    pub tls: Tls,
    /// The media plane.
    pub media: Media,
    /// The database.
    pub database: Database,
    /// Files besides the database.
    pub data: Data,
    /// The bureau that runs this deployment.
    pub bureau: Bureau,
    /// How long logins last.
    pub identity: Identity,
    /// How often somebody may try.
    pub limits: Limits,
    /// Who sends codes to phones.
    pub sms: Sms,
    /// How desks are told while nobody looks at them.
    pub push: Push,
    /// How long everything may take in a consultation.
    pub timers: Timers,
    /// How long everything may take for a text question.
    pub questions: Clocks,
    /// How long running calls may go on after the first signal.
    pub drain: Duration,
    /// Whether the demo county is loaded.
    pub demo: bool,
    /// Log lines.
    pub log: Log,
}

/// Plain HTTP and what holds for every connection.
#[derive(Clone, Debug)]
pub struct Http {
    /// Where to listen; `None` is off.
    pub listen: Option<SocketAddr>,
    /// Connections in all.
    pub connections: usize,
    /// Connections of one address.
    pub connections_per_address: usize,
    /// Other origins whose pages may call.
    pub allowed_origins: Vec<String>,
    /// Proxies whose forwarding headers are believed.
    pub trusted_proxies: Vec<IpAddr>,
}

/// HTTPS.
#[derive(Clone, Debug)]
pub struct Tls {
    /// Where to listen; `None` is off.
    pub listen: Option<SocketAddr>,
    /// Certificate chain and key; `None`: self-made.
    pub files: Option<(PathBuf, PathBuf)>,
    /// Further names of the self-made certificate.
    pub names: Vec<String>,
}

/// The media plane.
#[derive(Clone, Debug)]
pub struct Media {
    /// Addresses that clients send to; empty: those of the machine.
    pub public_addresses: Vec<IpAddr>,
    /// UDP port of the first worker; 0: any.
    pub udp_port: u16,
    /// Worker threads.
    pub workers: usize,
    /// People on one worker before the next one is filled.
    pub peers_per_worker: usize,
}

/// The database.
#[derive(Clone)]
pub struct Database {
    /// `sqlite://…` or `postgres://…`.
    pub url: String,
    /// Connections at most.
    pub connections: u32,
}

impl Database {
    /// The address for people to read: without user, password and options.
    pub fn without_password(&self) -> String {
        let (engine, rest) = self.url.split_once("://").unwrap_or(("database", ""));
        // A password may hold any sign; a host holds no `@`.
        let place = rest.rsplit_once('@').map_or(rest, |(_, place)| place);
        format!("{engine}://{}", place.split('?').next().unwrap_or_default())
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let engine = self.url.split("://").next().unwrap_or_default();
        f.debug_struct("Database").field("engine", &engine).field("connections", &self.connections).finish()
    }
}

/// Files besides the database.
#[derive(Clone, Debug)]
pub struct Data {
    /// The folder.
    pub folder: PathBuf,
    /// The key file.
    pub keys: PathBuf,
}

/// The bureau that runs this deployment.
#[derive(Clone, Debug)]
pub struct Bureau {
    /// As pages show it.
    pub name: String,
    /// Of the consent text that guests agree to.
    pub consent_version: String,
}

/// How long logins last.
#[derive(Clone, Copy, Debug)]
pub struct Identity {
    /// A login of lawyers and staff, from its beginning.
    pub staff: Duration,
    /// A citizen's device, from its last use.
    pub citizen: Duration,
}

/// How often somebody may try.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Failed logins of one account in 15 minutes.
    pub login_per_account: u32,
    /// Failed logins from one address in 15 minutes.
    pub login_per_address: u32,
    /// New guests from one address in 15 minutes.
    pub guests_per_address: u32,
    /// Codes sent to one phone in an hour.
    pub sms_per_phone: u32,
    /// Codes asked for from one address in an hour.
    pub sms_per_address: u32,
    /// API requests of one address per second.
    pub requests_per_second: u32,
    /// Sockets of all addresses that may greet per second.
    pub greetings_per_second: u32,
    /// Reports of one person in an hour.
    pub reports_per_hour: u32,
    /// Days that a block of an asker lasts when nobody says otherwise.
    pub block_days: u32,
}

/// Who sends codes to phones.
#[derive(Clone, Default)]
pub enum Sms {
    /// Nobody: phone numbers are not asked for.
    #[default]
    Off,
    /// Nobody either, but one fixed code is right.
    Demo,
    /// A gateway that is posted to.
    Http {
        /// Where.
        url: String,
        /// Key of the signature.
        secret: String,
    },
}

impl fmt::Debug for Sms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Off => "off",
            Self::Demo => "demo",
            Self::Http { .. } => "http",
        })
    }
}

/// Log lines.
#[derive(Clone, Debug)]
pub struct Log {
    /// One JSON object per line instead of text for people.
    pub json: bool,
    /// A level or directives of `tracing_subscriber::EnvFilter`.
    pub level: String,
}

impl Config {
    /// Reads and checks all settings.
    ///
    /// # Errors
    /// Names everything that is wrong at once: the full key, where it was said, and what is allowed.
    pub fn load(sources: Sources) -> Result<Self, ConfigError> {
        let mut layers = Layers::default();
        let default_file = Path::new(DEFAULT_FILE);
        match &sources.file {
            Some(path) => layers.file(path),
            None if default_file.exists() => layers.file(default_file),
            None => {}
        }
        layers.environment(sources.environment);
        layers.flags(sources.flags);
        let config = read(&mut layers);
        layers.finish(config)
    }
}

fn read(layers: &mut Layers) -> Config {
    let demo = layers.one("demo.load", |text| text.parse::<bool>().ok());
    if demo {
        layers.set_default("sms.gateway", "demo");
        layers.set_default("shutdown.calls_seconds", DEMO_DRAIN_SECONDS);
    }
    let data = data(layers);
    let http = Http {
        listen: layers.one("http.listen", listen),
        connections: layers.number("http.connections", 1, 1_000_000),
        connections_per_address: layers.number("http.connections_per_address", 1, 1_000_000),
        allowed_origins: layers.list("http.allowed_origins", origin),
        trusted_proxies: layers.list("http.trusted_proxies", |text| text.parse().ok()),
    };
    let tls = tls(layers);
    if http.listen.is_none() && tls.listen.is_none() {
        layers.clash("http.listen", "it is off and `tls.listen` is off too, so nobody could come in");
    }
    let timers = timers(layers);
    Config {
        media: media(layers),
        database: database(layers, &data),
        bureau: Bureau {
            name: layers.one("bureau.name", |text| words(text, 60)),
            consent_version: layers.one("bureau.consent_version", |text| words(text, 40)),
        },
        identity: Identity {
            staff: Duration::from_secs(3600 * layers.number("identity.staff_hours", 1, 24)),
            citizen: Duration::from_secs(24 * 3600 * layers.number("identity.citizen_days", 1, 365)),
        },
        limits: Limits {
            login_per_account: layers.number("limits.login_per_account", 1, 1000),
            login_per_address: layers.number("limits.login_per_address", 1, 100_000),
            guests_per_address: layers.number("limits.guests_per_address", 1, 1_000_000),
            sms_per_phone: layers.number("limits.sms_per_phone", 1, 100),
            sms_per_address: layers.number("limits.sms_per_address", 1, 100_000),
            requests_per_second: layers.number("limits.requests_per_second", 1, 100_000),
            greetings_per_second: layers.number("limits.greetings_per_second", 1, 100_000),
            reports_per_hour: layers.number("limits.reports_per_hour", 1, 1000),
            block_days: layers.number("limits.block_days", 1, MAX_BLOCK_DAYS),
        },
        sms: sms(layers, demo),
        push: Push {
            services: PushServices::new(layers.list("push.services", push::service)),
            contact: layers.one("push.contact", push::contact),
        },
        timers,
        questions: questions(layers, &timers),
        drain: Duration::from_secs(layers.number("shutdown.calls_seconds", 0, 86_400)),
        demo,
        log: log(layers),
        http,
        tls,
        data,
    }
}

fn tls(layers: &mut Layers) -> Tls {
    let certificate = layers.one("tls.certificate", |text| Some(text.to_owned()));
    let key = layers.one("tls.key", |text| Some(text.to_owned()));
    if certificate.is_empty() != key.is_empty() {
        let missing = if key.is_empty() { "tls.key" } else { "tls.certificate" };
        layers.clash(missing, "it is missing although the other half of the pair is set");
    }
    Tls {
        listen: layers.one("tls.listen", listen),
        files: (!certificate.is_empty() && !key.is_empty()).then(|| (certificate.into(), key.into())),
        names: layers.list("tls.names", |text| words(text, 253)),
    }
}

fn media(layers: &mut Layers) -> Media {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let workers = layers.number("media.workers", 0, 64);
    let media = Media {
        public_addresses: layers.list("media.public_addresses", |text| text.parse().ok()),
        udp_port: layers.number("media.udp_port", 0, u16::MAX),
        workers: if workers == 0 { cores } else { workers },
        peers_per_worker: layers.number("media.peers_per_worker", 2, 10_000),
    };
    if media.udp_port != 0 && usize::from(media.udp_port) + media.workers > usize::from(u16::MAX) + 1 {
        layers.clash("media.udp_port", "there are not enough ports above it for all `media.workers`");
    }
    media
}

fn database(layers: &mut Layers, data: &Data) -> Database {
    let url = layers.one("database.url", |text| {
        let known = ["sqlite://", "postgres://", "postgresql://"].iter().any(|scheme| text.starts_with(scheme));
        (known || text.is_empty()).then(|| text.to_owned())
    });
    let url = if url.is_empty() { format!("sqlite://{}", data.folder.join("yunfa.db").display()) } else { url };
    Database { url, connections: layers.number("database.connections", 1, 256) }
}

fn data(layers: &mut Layers) -> Data {
    let path = |text: &str| Some(PathBuf::from(text));
    let folder = layers.one("data.folder", |text| if text.is_empty() { None } else { path(text) });
    let keys = layers.one("data.keys", path);
    Data { keys: if keys.as_os_str().is_empty() { folder.join("keys.json") } else { keys }, folder }
}

fn sms(layers: &mut Layers, demo: bool) -> Sms {
    let gateway = layers.one("sms.gateway", |text| ["off", "demo", "http"].contains(&text).then(|| text.to_owned()));
    let url = layers.one("sms.url", |text| {
        let known = text.is_empty() || text.starts_with("https://") || text.starts_with("http://");
        known.then(|| text.to_owned())
    });
    let secret = layers.one("sms.secret", |text| (text.is_empty() || text.len() >= 16).then(|| text.to_owned()));
    match gateway.as_str() {
        "demo" if !demo => {
            layers.clash("sms.gateway", "a fixed code would let anybody in, so `demo` is for `--demo` only");
            Sms::Off
        }
        "demo" => Sms::Demo,
        "http" => {
            for (key, value) in [("sms.url", &url), ("sms.secret", &secret)] {
                if value.is_empty() && !layers.was_said(key) {
                    layers.clash(key, "the `http` gateway needs it");
                }
            }
            Sms::Http { url, secret }
        }
        _ => Sms::Off,
    }
}

fn timers(layers: &mut Layers) -> Timers {
    let mut seconds = |key, min, max| Duration::from_secs(layers.number(key, min, max));
    let timers = Timers {
        ring: seconds("signaling.ring_seconds", 5, 600),
        ring_text: seconds("signaling.ring_text_seconds", 5, 3600),
        alone: seconds("signaling.alone_seconds", 5, 600),
        alone_text: seconds("signaling.alone_text_seconds", 5, 3600),
        batch: seconds("signaling.batch_seconds", 0, 600),
        batch_text: seconds("signaling.batch_text_seconds", 0, 3600),
        local_any: seconds("signaling.local_any_seconds", 0, 3600),
        local_any_text: seconds("signaling.local_any_text_seconds", 0, 86_400),
        national: seconds("signaling.national_seconds", 0, 3600),
        national_text: seconds("signaling.national_text_seconds", 0, 86_400),
        give_up_call: seconds("signaling.give_up_seconds", 10, 3600),
        give_up_text: seconds("signaling.give_up_text_seconds", 10, 86_400),
        wait_call: seconds("signaling.wait_seconds", 10, 14_400),
        wait_text: seconds("signaling.wait_text_seconds", 10, 259_200),
        choice: seconds("signaling.choice_seconds", 10, 86_400),
        call_back: seconds("signaling.call_back_seconds", 60, 604_800),
        answer: seconds("signaling.answer_seconds", 5, 300),
        call_back_pause: seconds("signaling.call_back_pause_seconds", 5, 86_400),
        floor: seconds("signaling.floor_seconds", 1, 3600),
        connect: seconds("signaling.connect_seconds", 5, 120),
        grace: seconds("signaling.grace_seconds", 5, 600),
        longest_session: seconds("signaling.longest_session_seconds", 60, 86_400),
        outcome: seconds("signaling.outcome_seconds", 60, 604_800),
        close: seconds("signaling.close_seconds", 60, 2_592_000),
        ..Timers::default()
    };
    // A ring is fair only while it rings.
    Timers { fair_ring: timers.fair_ring.min(timers.ring), ..timers }
}

/// Text questions widen as text consultations do.
fn questions(layers: &mut Layers, timers: &Timers) -> Clocks {
    let held_per_lawyer = layers.number("questions.held_per_lawyer", 1, 100);
    let mut seconds = |key, min, max| Duration::from_secs(layers.number(key, min, max));
    let clocks = Clocks {
        claim: seconds("questions.claim_seconds", 10, 3600),
        longest_claim: seconds("questions.longest_claim_seconds", 10, 86_400),
        first: seconds("questions.first_answer_seconds", 10, 86_400),
        three: seconds("questions.three_answers_seconds", 10, 86_400),
        remind: seconds("questions.remind_seconds", 10, 86_400),
        remind_later: seconds("questions.remind_later_seconds", 60, 86_400),
        local_any: timers.local_any_text,
        national: timers.national_text,
        give_up: seconds("questions.give_up_seconds", 60, 604_800),
        close: seconds("questions.close_seconds", 60, 2_592_000),
        reopen: Duration::from_secs(24 * 3600 * layers.number("questions.reopen_days", 0, 365)),
        held_per_lawyer,
    };
    Clocks { longest_claim: clocks.longest_claim.max(clocks.claim), ..clocks }
}

fn log(layers: &mut Layers) -> Log {
    Log {
        json: layers.one("log.format", |text| match text {
            "human" => Some(false),
            "json" => Some(true),
            _ => None,
        }),
        level: layers.one("log.level", |text| {
            let understood = !text.is_empty() && tracing_subscriber::EnvFilter::try_new(text).is_ok();
            // A word that is no level would silently be taken for the name of a module.
            let is_level = text.parse::<tracing::Level>().is_ok() || text.contains('=');
            (understood && is_level).then(|| text.to_owned())
        }),
    }
}

/// An address, or `Some(None)` for `off`.
fn listen(text: &str) -> Option<Option<SocketAddr>> {
    if text == "off" { Some(None) } else { text.parse().ok().map(Some) }
}

/// `scheme://host[:port]` without anything behind it.
fn origin(text: &str) -> Option<String> {
    let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"))?;
    let plain = !host.is_empty() && !host.contains(['/', '?', '#', '@', '*']) && !host.contains(char::is_whitespace);
    plain.then(|| text.to_ascii_lowercase())
}

/// Text of 1 to `most` characters.
fn words(text: &str, most: usize) -> Option<String> {
    (1..=most).contains(&text.chars().count()).then(|| text.to_owned())
}

#[cfg(test)]
mod tests;
