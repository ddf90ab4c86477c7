//! How many connections there are, in all and of one address; a seat is kept until the last byte of its socket.
use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{Arc, Mutex, PoisonError},
};

/// The open connections of all doors. Cheap to clone; all clones are one.
#[derive(Clone, Debug)]
pub struct Crowd(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    most: usize,
    most_of_one: usize,
    /// Addresses that speak for many (proxies): counted in all only.
    proxies: Vec<IpAddr>,
    seated: Mutex<Seated>,
}

#[derive(Debug, Default)]
struct Seated {
    all: usize,
    by_place: HashMap<IpAddr, usize>,
}

/// One connection's place; it is free again when this is dropped.
#[derive(Debug)]
pub struct Seat {
    crowd: Crowd,
    place: IpAddr,
}

impl Crowd {
    /// Nobody yet; `most` in all, `most_of_one` of one address.
    pub fn new(most: usize, most_of_one: usize, proxies: Vec<IpAddr>) -> Self {
        Self(Arc::new(Inner { most, most_of_one, proxies, seated: Mutex::default() }))
    }

    /// Takes a seat; `None` when there is none left for this address or for anybody.
    pub fn enter(&self, address: IpAddr) -> Option<Seat> {
        let place = place(address);
        let mut seated = self.0.seated.lock().unwrap_or_else(PoisonError::into_inner);
        let of_one = seated.by_place.get(&place).copied().unwrap_or(0);
        let too_many_of_one = of_one >= self.0.most_of_one && !self.0.proxies.contains(&address.to_canonical());
        if seated.all >= self.0.most || too_many_of_one {
            return None;
        }
        seated.all += 1;
        seated.by_place.insert(place, of_one + 1);
        Some(Seat { crowd: self.clone(), place })
    }

    /// Open connections.
    pub fn len(&self) -> usize {
        self.0.seated.lock().unwrap_or_else(PoisonError::into_inner).all
    }

    /// Whether nobody is there.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut seated = self.crowd.0.seated.lock().unwrap_or_else(PoisonError::into_inner);
        seated.all = seated.all.saturating_sub(1);
        if let Some(of_one) = seated.by_place.get_mut(&self.place) {
            *of_one = of_one.saturating_sub(1);
            if *of_one == 0 {
                seated.by_place.remove(&self.place);
            }
        }
    }
}

/// What counts as one address: an IPv4 address, or the /64 that one IPv6 household holds (RFC 6177).
pub fn place(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        v4 @ IpAddr::V4(_) => v4,
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn an_address_has_no_more_seats_than_allowed_and_gets_them_back() {
        let crowd = Crowd::new(10, 2, vec![]);
        let one = address("192.0.2.1");
        let (first, _second) = (crowd.enter(one).expect("a seat"), crowd.enter(one).expect("a seat"));
        assert!(crowd.enter(one).is_none());

        drop(first);

        assert!(crowd.enter(one).is_some());
    }

    #[test]
    fn a_household_of_ipv6_is_one_address_and_a_mapped_ipv4_is_ipv4() {
        assert_eq!(place(address("2001:db8::1")), place(address("2001:db8::ffff:1")));
        assert_ne!(place(address("2001:db8::1")), place(address("2001:db8:0:1::1")));
        assert_eq!(place(address("::ffff:192.0.2.1")), address("192.0.2.1"));
    }

    #[test]
    fn the_whole_house_can_be_full() {
        let crowd = Crowd::new(1, 9, vec![]);
        let _seat = crowd.enter(address("192.0.2.1")).expect("a seat");

        assert!(crowd.enter(address("192.0.2.2")).is_none());
        assert_eq!(crowd.len(), 1);
    }

    #[test]
    fn a_proxy_speaks_for_many() {
        let proxy = address("10.0.0.1");
        let crowd = Crowd::new(10, 1, vec![proxy]);

        let seats: Vec<_> = (0..5).filter_map(|_| crowd.enter(proxy)).collect();

        assert_eq!(seats.len(), 5);
    }
}
