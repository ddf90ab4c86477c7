//! Network namespaces with cables between them: the server's, that of honest people, that of strangers. They end with this
//! process, however it ends, because nothing else holds them.
use std::{
    fs::{self, File},
    io,
    net::Ipv4Addr,
    os::fd::AsRawFd as _,
    process::Command,
    thread,
};

use anyhow::{Context as _, anyhow, ensure};
use nix::sched::{CloneFlags, setns, unshare};

/// The server's address; on both cables.
pub(super) const SERVER: Ipv4Addr = Ipv4Addr::new(10, 77, 1, 1);
/// Where honest people are, and participants who are not.
pub(super) const PEOPLE: Ipv4Addr = Ipv4Addr::new(10, 77, 1, 2);
/// Where strangers are.
pub(super) const STRANGER: Ipv4Addr = Ipv4Addr::new(10, 77, 2, 2);
/// The server's end of the strangers' cable.
const GATE: Ipv4Addr = Ipv4Addr::new(10, 77, 2, 1);
/// Long enough for datagrams that are too long.
const MTU: &str = "9000";

/// One network namespace.
pub(super) struct Space(File);

impl Space {
    fn new() -> anyhow::Result<Self> {
        let made = apart(|| {
            unshare(CloneFlags::CLONE_NEWNET)?;
            File::open("/proc/thread-self/ns/net")
        })?;
        let space = Self(made.context("no network namespace can be made here; that needs root")?);
        // Neighbour discovery and the like would be counted as words to a stranger.
        space.write("/proc/sys/net/ipv6/conf/all/disable_ipv6", "1")?;
        space.write("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1")?;
        space.ip(&["link", "set", "lo", "up"])?;
        Ok(space)
    }

    /// Takes the calling thread into it, for good.
    pub(super) fn enter(&self) -> io::Result<()> {
        Ok(setns(&self.0, CloneFlags::CLONE_NEWNET)?)
    }

    /// Does something inside. What is opened or started there stays there.
    pub(super) fn within<T: Send>(&self, work: impl FnOnce() -> T + Send) -> anyhow::Result<T> {
        apart(|| self.enter().map(|()| work()))?.context("the network namespace cannot be entered")
    }

    /// A file of /proc as it reads inside.
    pub(super) fn read(&self, path: &str) -> anyhow::Result<String> {
        self.within(|| fs::read_to_string(path))?.with_context(|| path.to_owned())
    }

    fn write(&self, path: &str, text: &str) -> anyhow::Result<()> {
        match self.within(|| fs::write(path, text))? {
            // A machine without IPv6 has nothing to switch off.
            Err(error) if error.kind() == io::ErrorKind::NotFound && path.contains("ipv6") => Ok(()),
            done => done.with_context(|| path.to_owned()),
        }
    }

    fn ip(&self, words: &[&str]) -> anyhow::Result<()> {
        let output = self.within(|| Command::new("ip").args(words).output())?.context("the program `ip` (iproute2)")?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "ip {}: {}", words.join(" "), said.trim());
        Ok(())
    }

    /// Packets and bytes that ever came in through this interface, of every protocol there is.
    pub(super) fn arrived(&self, interface: &str) -> anyhow::Result<(u64, u64)> {
        let table = self.read("/proc/thread-self/net/dev")?;
        let line = table.lines().find_map(|line| line.trim_start().strip_prefix(interface)?.strip_prefix(':'));
        let mut numbers = line.context("the interface is not there")?.split_whitespace().map(str::parse::<u64>);
        let mut next = || numbers.next().ok_or_else(|| anyhow!("too short"))?.map_err(anyhow::Error::from);
        let bytes = next()?;
        Ok((next()?, bytes))
    }

    /// UDP datagrams that programs inside have taken in, and those lost because a socket's buffer was full.
    pub(super) fn datagrams(&self) -> anyhow::Result<Datagrams> {
        let text = self.read("/proc/thread-self/net/snmp")?;
        let mut lines = text.lines().filter_map(|line| line.strip_prefix("Udp: "));
        let names = lines.next().context("no names")?.split_whitespace();
        let numbers: Vec<u64> = lines.next().context("no numbers")?.split_whitespace().flat_map(str::parse).collect();
        let of = |wanted: &str| names.clone().zip(&numbers).find(|(name, _)| *name == wanted).map_or(0, |(_, n)| *n);
        Ok(Datagrams { taken: of("InDatagrams"), overflowed: of("RcvbufErrors") })
    }
}

/// What the system did with datagrams.
#[derive(Clone, Copy, Debug)]
pub(super) struct Datagrams {
    pub(super) taken: u64,
    pub(super) overflowed: u64,
}

/// All namespaces of a run.
pub(super) struct Net {
    pub(super) server: Space,
    pub(super) people: Space,
    pub(super) strangers: Space,
}

impl Net {
    /// The interface at the strangers' end.
    pub(super) const STRANGERS_END: &str = "stranger0";

    /// Makes the namespaces and lays the cables. Neighbours are told to each other, so that nothing but what the server
    /// sends ever comes in at the strangers' end.
    pub(super) fn new() -> anyhow::Result<Self> {
        let net = Self { server: Space::new()?, people: Space::new()?, strangers: Space::new()? };
        net.cable("people0", SERVER, &net.people, "people1", PEOPLE)?;
        net.cable("gate0", GATE, &net.strangers, Self::STRANGERS_END, STRANGER)?;
        net.strangers.ip(&["route", "add", &SERVER.to_string(), "via", &GATE.to_string()])?;
        // A client that would like to speak multicast needs a way out of its network.
        net.people.ip(&["route", "add", "default", "via", &SERVER.to_string()])?;
        // Strangers can forge where they are.
        for interface in ["all", "default", "people0", "gate0"] {
            net.server.write(&format!("/proc/sys/net/ipv4/conf/{interface}/rp_filter"), "0")?;
        }
        Ok(net)
    }

    fn cable(&self, here: &str, ours: Ipv4Addr, space: &Space, there: &str, theirs: Ipv4Addr) -> anyhow::Result<()> {
        let mac = |address: Ipv4Addr| {
            let [a, b, c, d] = address.octets();
            format!("02:00:{a:02x}:{b:02x}:{c:02x}:{d:02x}")
        };
        let inside = format!("/proc/{}/fd/{}", std::process::id(), space.0.as_raw_fd());
        let (our_mac, their_mac) = (mac(ours), mac(theirs));
        let ends = ["link", "add", here, "mtu", MTU, "address", &our_mac, "type", "veth"];
        let other = ["peer", "name", there, "mtu", MTU, "address", &their_mac, "netns", &inside];
        self.server.ip(&[&ends[..], &other].concat())?;
        for (space, interface, own, other, mac) in
            [(&self.server, here, ours, theirs, their_mac), (space, there, theirs, ours, our_mac)]
        {
            space.ip(&["addr", "add", &format!("{own}/24"), "dev", interface])?;
            space.ip(&["link", "set", interface, "up"])?;
            let (other, lasting) = (other.to_string(), ["nud", "permanent", "dev", interface]);
            space.ip(&[&["neigh", "replace", &other, "lladdr", &mac][..], &lasting].concat())?;
        }
        Ok(())
    }
}

/// Does something on a thread of its own, since a namespace is a matter of threads.
fn apart<T: Send>(work: impl FnOnce() -> T + Send) -> anyhow::Result<T> {
    thread::scope(|scope| scope.spawn(work).join()).map_err(|_| anyhow!("a thread in a network namespace failed"))
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;

    use super::*;

    #[test]
    fn what_a_stranger_sends_arrives_and_only_an_answer_comes_back() {
        let net = Net::new().unwrap();
        let server = net.server.within(|| UdpSocket::bind((SERVER, 7))).unwrap().unwrap();
        let stranger = net.strangers.within(|| UdpSocket::bind((STRANGER, 8))).unwrap().unwrap();

        stranger.send_to(b"hello", (SERVER, 7)).unwrap();
        let mut buffer = [0; 8];
        let (size, from) = server.recv_from(&mut buffer).unwrap();

        assert_eq!((&buffer[..size], from), (&b"hello"[..], (STRANGER, 8).into()));
        assert_eq!(net.server.datagrams().unwrap().taken, 1);
        assert_eq!(net.strangers.arrived(Net::STRANGERS_END).unwrap(), (0, 0));
        server.send_to(b"word", from).unwrap();
        stranger.recv_from(&mut buffer).unwrap();
        // Ethernet 14, IPv4 20, UDP 8, and the word.
        assert_eq!(net.strangers.arrived(Net::STRANGERS_END).unwrap(), (1, 46));
    }
}
