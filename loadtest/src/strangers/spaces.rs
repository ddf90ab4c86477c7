//! Namespaces with cables between them: the server's, that of honest people, that of strangers.
use std::{net::Ipv4Addr, sync::Arc};

use crate::space::Space;

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

/// All namespaces of a run.
pub(super) struct Net {
    pub(super) server: Space,
    pub(super) people: Arc<Space>,
    pub(super) strangers: Space,
}

impl Net {
    /// The interface at the strangers' end.
    pub(super) const STRANGERS_END: &str = "stranger0";

    /// Makes the namespaces and lays the cables. Neighbours are told to each other, so that nothing but what the server
    /// sends ever comes in at the strangers' end.
    pub(super) fn new() -> anyhow::Result<Self> {
        let net = Self { server: Space::new()?, people: Arc::new(Space::new()?), strangers: Space::new()? };
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
        let inside = space.name();
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
