//! The shell of the SFU: one thread, one UDP socket and one [`Sfu`] value per worker; nothing is decided here.
//!
//! This is the only place of the crate that reads a clock or rolls dice.
mod clock;
mod handle;
mod roster;
mod socket;
mod worker;

use std::{
    io,
    net::{IpAddr, Ipv6Addr, SocketAddr},
    sync::Arc,
    thread,
};

use tokio::sync::mpsc;

pub use self::handle::Handle;
use self::{
    handle::{Shared, Station},
    socket::Socket,
    worker::{Core, Worker},
};
use crate::{config::Config, fact::Stamped, sfu::Sfu};

/// Facts of all workers, each with the number of the worker that saw it. It ends when every worker has ended.
pub type FactReceiver = mpsc::Receiver<(usize, Stamped)>;

/// Stack of a worker thread. The DTLS gate bounds recursion below us; this is the second line behind it.
const STACK_BYTES: usize = 8 * 1024 * 1024;

/// What the workers need to start.
#[derive(Clone, Debug)]
pub struct DriverConfig {
    /// Where the sockets listen. `[::]` takes IPv4 too where the system allows it, and falls back to `0.0.0.0` where it
    /// has no IPv6.
    pub bind: IpAddr,
    /// The first port of the contiguous range; worker `i` listens on `base_port + i`. 0 lets the system choose each.
    pub base_port: u16,
    /// How many workers; one per core is plenty.
    pub workers: usize,
    /// The addresses under which clients reach the sockets: the host candidates of every answer.
    pub addresses: Vec<IpAddr>,
    /// Up to how many peers [`Handle::place`] packs onto a worker before it opens the next one.
    pub peers_per_worker: usize,
    /// Wanted size of the socket's receive and send buffers in bytes; the system may give less (`net.core.rmem_max`).
    pub socket_buffer: usize,
    /// Commands that may wait for one worker; past that [`Handle::send`] waits.
    pub command_queue: usize,
    /// Facts that may wait for the reader; past that the workers keep them.
    pub fact_queue: usize,
    /// Settings of each [`Sfu`]; its candidates are filled in from `addresses` and the worker's port.
    pub sfu: Config,
}

impl DriverConfig {
    /// The defaults: all addresses of the machine, one worker.
    #[must_use]
    pub fn new(base_port: u16, addresses: Vec<IpAddr>) -> Self {
        Self {
            bind: Ipv6Addr::UNSPECIFIED.into(),
            base_port,
            workers: 1,
            addresses,
            peers_per_worker: 400,
            socket_buffer: 4 * 1024 * 1024,
            command_queue: 1024,
            fact_queue: 8192,
            sfu: Config::default(),
        }
    }
}

/// Starts workers.
pub struct Driver;

impl Driver {
    /// Binds every socket, then starts every thread; on an error nothing runs.
    pub fn start(config: DriverConfig) -> io::Result<(Handle, FactReceiver)> {
        start(&config, |candidates| {
            let config = Config { candidates, ..config.sfu.clone() };
            Sfu::new(config, clock::seed()?, clock::now()).map_err(|error| invalid(error.to_string()))
        })
    }
}

/// Starts the workers around any core; tests bring their own.
fn start<C: Core>(
    config: &DriverConfig,
    mut core: impl FnMut(Vec<SocketAddr>) -> io::Result<C>,
) -> io::Result<(Handle, FactReceiver)> {
    check(config)?;
    let (fact_sender, facts) = mpsc::channel(config.fact_queue);
    let mut stations = Vec::with_capacity(config.workers);
    let mut workers = Vec::with_capacity(config.workers);
    for index in 0..config.workers {
        let offset = u16::try_from(index).map_err(|_| invalid("too many workers"))?;
        let port = if config.base_port == 0 { 0 } else { config.base_port + offset };
        let socket = Socket::bind(SocketAddr::new(config.bind, port), config.socket_buffer)?;
        let port = socket.port();
        let core = core(config.addresses.iter().map(|address| SocketAddr::new(*address, port)).collect())?;
        let shared = Arc::new(Shared::new()?);
        let (command_sender, commands) = mpsc::channel(config.command_queue);
        stations.push(Station { commands: command_sender, shared: Arc::clone(&shared), port });
        workers.push(Worker::new(index, core, socket, commands, fact_sender.clone(), shared));
    }
    let handle = Handle::new(stations, config.peers_per_worker);
    for (index, worker) in workers.into_iter().enumerate() {
        let thread = thread::Builder::new().name(format!("media-{index}")).stack_size(STACK_BYTES);
        if let Err(error) = thread.spawn(move || worker.run()) {
            handle.stop();
            return Err(error);
        }
    }
    Ok((handle, facts))
}

/// Refuses settings that cannot work, before anything is bound.
fn check(config: &DriverConfig) -> io::Result<()> {
    if config.workers == 0 {
        return Err(invalid("at least one worker is needed"));
    }
    if config.base_port != 0 && usize::from(u16::MAX - config.base_port) + 1 < config.workers {
        return Err(invalid("the range of UDP ports ends beyond 65535"));
    }
    if config.addresses.is_empty() {
        return Err(invalid("at least one address for candidates is needed"));
    }
    if config.command_queue == 0 || config.fact_queue == 0 {
        return Err(invalid("a queue needs room for one"));
    }
    Ok(())
}

fn invalid(why: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, why)
}

#[cfg(test)]
mod tests;
