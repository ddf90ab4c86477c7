//! The addresses of this machine: what phones on the LAN can reach when nobody has set public addresses.
use std::net::{IpAddr, Ipv6Addr};

use nix::{ifaddrs::getifaddrs, net::if_::InterfaceFlags};

/// Candidates more than this help nobody and make every offer longer.
const MOST: usize = 8;
/// Interfaces that lead into this machine's own containers.
const INWARD: &[&str] = &["docker", "br-", "veth", "virbr", "cni", "flannel"];

/// The addresses of all interfaces that are up and lead outwards, in the order of the system: IPv4 without link-local,
/// IPv6 global (RFC 4291) and unique local (RFC 4193).
pub fn addresses() -> Vec<IpAddr> {
    let Ok(interfaces) = getifaddrs() else { return vec![] };
    let mut found = vec![];
    for interface in interfaces {
        let outward = interface.flags.contains(InterfaceFlags::IFF_UP)
            && !interface.flags.contains(InterfaceFlags::IFF_LOOPBACK)
            && !INWARD.iter().any(|name| interface.interface_name.starts_with(name));
        let Some(storage) = interface.address.filter(|_| outward) else { continue };
        let address = match (storage.as_sockaddr_in(), storage.as_sockaddr_in6()) {
            (Some(v4), _) if !v4.ip().is_link_local() => IpAddr::V4(v4.ip()),
            (_, Some(v6)) if reaches_out(v6.ip()) => IpAddr::V6(v6.ip()),
            _ => continue,
        };
        if !found.contains(&address) && found.len() < MOST {
            found.push(address);
        }
    }
    found
}

fn reaches_out(address: Ipv6Addr) -> bool {
    let first = address.segments()[0];
    let (global, unique_local) = (first & 0xe000 == 0x2000, first & 0xfe00 == 0xfc00);
    global || unique_local
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_global_and_unique_local_ipv6_reach_out() {
        for (address, expected) in [("2001:db8::1", true), ("fd00::1", true), ("fe80::1", false), ("::1", false)] {
            assert_eq!(reaches_out(address.parse().expect("an address")), expected, "{address}");
        }
    }

    #[test]
    fn the_machine_has_no_loopback_among_its_addresses() {
        assert!(addresses().iter().all(|address| !address.is_loopback() && !address.is_unspecified()));
    }
}
