//! The server behind a router, and people with a cable and an address for each of their ways to it. What the router does not
//! pass on is lost without a word, as in a tunnel.
use std::{net::Ipv4Addr, sync::Arc};

use crate::space::Space;

/// The server's address.
pub(super) const SERVER: Ipv4Addr = Ipv4Addr::new(10, 79, 0, 1);
/// The router's, towards the server.
const ROUTER: Ipv4Addr = Ipv4Addr::new(10, 79, 0, 254);
/// Rules of the router that lose packets come before all others, those of each way under a number of their own.
const FIRST_RULE: u32 = 100;

/// The people's end of a way.
pub(super) const fn address(way: u8) -> Ipv4Addr {
    Ipv4Addr::new(10, 79, way, 2)
}

/// What is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cut {
    /// TCP, both ways.
    Sockets,
    /// Everything, both ways.
    Link,
    /// Everything that is sent from there: whoever sits there seems to be gone, and can still be seen to be sent to.
    Words,
}

/// All namespaces of a run.
pub(super) struct Ways {
    pub(super) server: Space,
    router: Space,
    pub(super) people: Arc<Space>,
}

impl Ways {
    /// Lays so many ways, numbered from 1.
    pub(super) fn lay(count: u8) -> anyhow::Result<Self> {
        let ways = Self { server: Space::new()?, router: Space::new()?, people: Arc::new(Space::new()?) };
        ways.router.write("/proc/sys/net/ipv4/ip_forward", "1")?;
        cable((&ways.server, SERVER), (&ways.router, ROUTER), "uplink")?;
        ways.server.ip(&["route", "add", "default", "via", &ROUTER.to_string()])?;
        for way in 1..=count {
            let (name, gate) = (format!("way{way}"), Ipv4Addr::new(10, 79, way, 254));
            cable((&ways.people, address(way)), (&ways.router, gate), &name)?;
            // Who speaks from an address uses its way.
            let (table, gate) = (way.to_string(), gate.to_string());
            ways.people.ip(&["route", "add", "default", "via", &gate, "table", &table])?;
            ways.people.ip(&["rule", "add", "from", &address(way).to_string(), "lookup", &table])?;
            // Who does not say from where uses the last one.
            if way == count {
                ways.people.ip(&["route", "add", "default", "via", &gate])?;
            }
        }
        Ok(ways)
    }

    /// Cuts a way until it is mended.
    pub(super) fn cut(&self, way: u8, cut: Cut) -> anyhow::Result<Gap<'_>> {
        let directions: &[&str] = if cut == Cut::Words { &["from"] } else { &["from", "to"] };
        let protocol: &[&str] = if cut == Cut::Sockets { &["ipproto", "tcp"] } else { &[] };
        let (address, rule) = (address(way).to_string(), (FIRST_RULE + u32::from(way)).to_string());
        let mut gap = Gap { router: &self.router, rule, rules: 0 };
        for direction in directions {
            let words = ["rule", "add", direction, &address, "priority", &gap.rule];
            self.router.ip(&[&words[..], protocol, &["blackhole"]].concat())?;
            gap.rules += 1;
        }
        Ok(gap)
    }
}

/// A way that is cut.
#[must_use = "a gap that is not mended stays"]
pub(super) struct Gap<'a> {
    router: &'a Space,
    rule: String,
    rules: u32,
}

impl Gap<'_> {
    /// Lets everything pass again.
    pub(super) fn mend(self) -> anyhow::Result<()> {
        (0..self.rules).try_for_each(|_| self.router.ip(&["rule", "del", "priority", &self.rule]))
    }
}

/// Lays a cable between two namespaces; its ends have the same name.
fn cable((here, ours): (&Space, Ipv4Addr), (there, theirs): (&Space, Ipv4Addr), name: &str) -> anyhow::Result<()> {
    let inside = there.name();
    here.ip(&["link", "add", name, "type", "veth", "peer", "name", name, "netns", &inside])?;
    for (space, address) in [(here, ours), (there, theirs)] {
        space.ip(&["addr", "add", &format!("{address}/24"), "dev", name])?;
        space.ip(&["link", "set", name, "up"])?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::{io, net::UdpSocket, time::Duration};

    use super::*;

    #[test]
    fn what_is_cut_is_lost_without_a_word_and_nothing_else_is() {
        let ways = Ways::lay(2).unwrap();
        let server = ways.server.within(|| UdpSocket::bind((SERVER, 7))).unwrap().unwrap();
        let person = |way| ways.people.within(|| UdpSocket::bind((address(way), 0))).unwrap().unwrap();
        let (first, second) = (person(1), person(2));
        for socket in [&server, &first, &second] {
            socket.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
        }
        let heard = |socket: &UdpSocket| match socket.recv(&mut [0; 8]) {
            Ok(_) => true,
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => false,
            Err(error) => panic!("{error}"),
        };
        // Whether the server hears the first way, and the first way the server; likewise the second.
        let passes = || {
            [&first, &second].map(|socket| {
                socket.send_to(b"up", (SERVER, 7)).unwrap();
                let up = heard(&server);
                server.send_to(b"down", socket.local_addr().unwrap()).unwrap();
                (up, heard(socket))
            })
        };
        let all = (true, true);

        assert_eq!(passes(), [all, all]);
        let gap = ways.cut(1, Cut::Link).unwrap();
        assert_eq!(passes(), [(false, false), all]);
        gap.mend().unwrap();
        let gap = ways.cut(1, Cut::Words).unwrap();
        assert_eq!(passes(), [(false, true), all]);
        gap.mend().unwrap();
        let gap = ways.cut(1, Cut::Sockets).unwrap();
        assert_eq!(passes(), [all, all]);
        gap.mend().unwrap();
        assert_eq!(passes(), [all, all]);
    }
}
