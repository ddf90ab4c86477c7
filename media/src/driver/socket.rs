//! One worker's UDP socket: batches in (`recvmmsg`, GRO), batches out (`sendmmsg`), and what the system really took.
use std::{
    cell::Cell,
    io::{self, IoSlice, IoSliceMut},
    iter,
    net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV6, UdpSocket},
    ops::Range,
    time::Duration,
};

use arrayvec::ArrayVec;
use quinn_udp::{BATCH_SIZE, RecvMeta, UdpSocketState};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
    net::{MMsgHdr, SendAncillaryBuffer, SendFlags, SocketAddrAny, sendmmsg, sendto},
};
use socket2::{Domain, Protocol, Type};

use crate::sfu::{Transmit, Transmits};

/// Room for one train of datagrams that the system merged (GRO): the longest UDP payload. The extra cache lines keep the
/// buffers' beginnings, which are what is touched, out of each other's cache sets.
const BUFFER_BYTES: usize = 65_536 + 1088;
/// Most datagrams handed over in one call; the system itself takes up to 1024.
const SEND_BATCH: usize = 128;
/// How often a flush waits for a full send buffer before it drops the rest: media that waits is late anyway.
const SEND_WAITS: u32 = 4;
/// How long one such wait may be.
const SEND_WAIT: Duration = Duration::from_millis(1);

/// A bound socket.
pub(super) struct Socket {
    socket: UdpSocket,
    state: UdpSocketState,
    port: u16,
    /// An IPv6 socket: IPv4 addresses are mapped on the way out and back on the way in.
    v6: bool,
    /// The system has no `sendmmsg` (some sandboxes): send one by one.
    one_by_one: Cell<bool>,
}

/// Buffers for one batch of arrivals.
pub(super) struct Inbox {
    bytes: Vec<u8>,
    metas: [RecvMeta; BATCH_SIZE],
}

/// What became of one flush.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sent {
    pub(super) taken: usize,
    pub(super) refused: usize,
    pub(super) dropped: usize,
}

impl Inbox {
    pub(super) fn new() -> Self {
        Self { bytes: vec![0; BUFFER_BYTES * BATCH_SIZE], metas: [RecvMeta::default(); BATCH_SIZE] }
    }
}

impl Socket {
    /// Binds; `[::]` falls back to `0.0.0.0` where the machine has no IPv6.
    pub(super) fn bind(address: SocketAddr, buffer: usize) -> io::Result<Self> {
        match Self::bind_exactly(address, buffer) {
            Err(error) if address.is_ipv6() && address.ip().is_unspecified() && lacks_ipv6(&error) => {
                Self::bind_exactly(SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), address.port()), buffer)
            }
            bound => bound,
        }
    }

    fn bind_exactly(address: SocketAddr, buffer: usize) -> io::Result<Self> {
        let socket = socket2::Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
        if address.is_ipv6() {
            socket.set_only_v6(false)?;
        }
        // Best effort: the system caps both at its own limits.
        let _ = socket.set_recv_buffer_size(buffer);
        let _ = socket.set_send_buffer_size(buffer);
        socket.bind(&address.into())?;
        let socket = UdpSocket::from(socket);
        let state = UdpSocketState::new((&socket).into())?;
        let port = socket.local_addr()?.port();
        Ok(Self { socket, state, port, v6: address.is_ipv6(), one_by_one: Cell::new(false) })
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// Sleeps until a datagram or the `wake` descriptor is there, or the time is over; says whether `wake` is.
    pub(super) fn sleep(&self, wake: &impl std::os::fd::AsFd, timeout: Option<Duration>) -> bool {
        let timeout = timeout.map(|timeout| Timespec {
            tv_sec: i64::try_from(timeout.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: i64::from(timeout.subsec_nanos()),
        });
        let mut fds = [PollFd::new(&self.socket, PollFlags::IN), PollFd::new(wake, PollFlags::IN)];
        // An interrupted sleep is a short one.
        poll(&mut fds, timeout.as_ref()).is_ok() && !fds[1].revents().is_empty()
    }

    /// Takes one batch of datagrams, in order of arrival; says how many there were and whether more may wait.
    pub(super) fn receive(&self, inbox: &mut Inbox, mut each: impl FnMut(SocketAddr, &mut [u8])) -> (usize, bool) {
        let mut buffers = inbox.bytes.chunks_exact_mut(BUFFER_BYTES);
        let mut slices: [IoSliceMut<'_>; BATCH_SIZE] =
            std::array::from_fn(|_| IoSliceMut::new(buffers.next().unwrap_or_default()));
        // Besides "nothing there" the system reports here what went wrong with the network; nothing is to be done then.
        let Ok(filled) = self.state.recv((&self.socket).into(), &mut slices, &mut inbox.metas) else {
            return (0, false);
        };
        let mut datagrams = 0;
        for (meta, buffer) in inbox.metas.iter().zip(inbox.bytes.chunks_exact_mut(BUFFER_BYTES)).take(filled) {
            let from = canonical(meta.addr);
            for datagram in buffer[..meta.len].chunks_mut(meta.stride.max(1)) {
                each(from, datagram);
                datagrams += 1;
            }
        }
        (datagrams, filled == BATCH_SIZE)
    }

    /// Sends everything, or says what was not: a datagram that the system refuses does not hold up the others.
    pub(super) fn send(&self, out: Transmits<'_>) -> Sent {
        let mut waits = SEND_WAITS;
        deliver(
            out.list.len(),
            |range| self.send_batch(&out.list[range], out.arena),
            || {
                waits = waits.saturating_sub(1);
                let mut fds = [PollFd::new(&self.socket, PollFlags::OUT)];
                let timeout = Timespec { tv_sec: 0, tv_nsec: i64::from(SEND_WAIT.subsec_nanos()) };
                waits > 0 && poll(&mut fds, Some(&timeout)).is_ok()
            },
        )
    }

    /// One call to the system; the number of datagrams it took from the front.
    fn send_batch(&self, transmits: &[Transmit], arena: &[u8]) -> Result<usize, Errno> {
        if let [first, ..] = transmits
            && (transmits.len() == 1 || self.one_by_one.get())
        {
            let bytes = &arena[first.range.clone()];
            return sendto(&self.socket, bytes, SendFlags::DONTWAIT, &self.outward(first.to)).map(|_| 1);
        }
        // All on the stack: a batch leaves for every few packets that come.
        let addresses: ArrayVec<SocketAddrAny, SEND_BATCH> =
            transmits.iter().map(|transmit| self.outward(transmit.to).into()).collect();
        let slices: ArrayVec<[IoSlice<'_>; 1], SEND_BATCH> =
            transmits.iter().map(|transmit| [IoSlice::new(&arena[transmit.range.clone()])]).collect();
        let mut controls: ArrayVec<SendAncillaryBuffer<'_, '_, '_>, SEND_BATCH> =
            iter::repeat_with(SendAncillaryBuffer::default).take(transmits.len()).collect();
        let mut messages: ArrayVec<MMsgHdr<'_>, SEND_BATCH> = iter::zip(&addresses, iter::zip(&slices, &mut controls))
            .map(|(address, (slice, control))| MMsgHdr::new_with_addr(address, slice, control))
            .collect();
        match sendmmsg(&self.socket, &mut messages, SendFlags::DONTWAIT) {
            Err(Errno::NOSYS) => {
                self.one_by_one.set(true);
                Err(Errno::INTR)
            }
            answer => answer,
        }
    }

    /// The address as this socket's family writes it.
    fn outward(&self, to: SocketAddr) -> SocketAddr {
        match to {
            SocketAddr::V4(to) if self.v6 => SocketAddrV6::new(to.ip().to_ipv6_mapped(), to.port(), 0, 0).into(),
            to => to,
        }
    }
}

/// Walks through `total` datagrams in batches: what `batch` took is sent, the one it failed at is skipped, a full buffer is
/// waited for as long as `wait` says so.
fn deliver(
    total: usize,
    mut batch: impl FnMut(Range<usize>) -> Result<usize, Errno>,
    mut wait: impl FnMut() -> bool,
) -> Sent {
    let mut sent = Sent::default();
    let mut at = 0;
    while at < total {
        match batch(at..total.min(at + SEND_BATCH)) {
            Ok(taken) if taken > 0 => {
                sent.taken += taken;
                at += taken;
            }
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => {
                if !wait() {
                    sent.dropped += total - at;
                    break;
                }
            }
            // sendmmsg(2) reports an error only for the first of its datagrams: that one is the bad one.
            Ok(_) | Err(_) => {
                sent.refused += 1;
                at += 1;
            }
        }
    }
    sent
}

/// An IPv4 peer of a dual-stack socket is an IPv4 peer.
fn canonical(address: SocketAddr) -> SocketAddr {
    match address {
        SocketAddr::V6(v6) => match v6.ip().to_ipv4_mapped() {
            Some(v4) => SocketAddr::new(v4.into(), v6.port()),
            None => address,
        },
        SocketAddr::V4(_) => address,
    }
}

fn lacks_ipv6(error: &io::Error) -> bool {
    let code = error.raw_os_error();
    [Errno::AFNOSUPPORT, Errno::ADDRNOTAVAIL, Errno::NOPROTOOPT]
        .into_iter()
        .any(|errno| code == Some(errno.raw_os_error()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A system that refuses datagram `bad`, takes at most 3 at once, and has a full buffer before each of `full`.
    fn fussy(total: usize, bad: &[usize], mut full: Vec<usize>, mut patience: usize) -> (Sent, Vec<usize>) {
        let mut out = Vec::new();
        let sent = deliver(
            total,
            |range| {
                if full.last() == Some(&range.start) {
                    full.pop();
                    return Err(Errno::AGAIN);
                }
                if bad.contains(&range.start) {
                    return Err(Errno::MSGSIZE);
                }
                let good: Vec<usize> = range.take(3).take_while(|index| !bad.contains(index)).collect();
                out.extend(&good);
                Ok(good.len())
            },
            || {
                patience = patience.saturating_sub(1);
                patience > 0
            },
        );
        (sent, out)
    }

    #[test]
    fn a_refused_datagram_is_skipped_and_the_rest_is_sent_once_and_in_order() {
        let (sent, out) = fussy(10, &[0, 4, 9], vec![], 1);

        assert_eq!(out, [1, 2, 3, 5, 6, 7, 8]);
        assert_eq!(sent, Sent { taken: 7, refused: 3, dropped: 0 });
    }

    #[test]
    fn a_full_buffer_is_waited_for_and_given_up_at_last() {
        let (patient, _) = fussy(6, &[], vec![3], 2);
        let (hasty, out) = fussy(6, &[], vec![3, 3], 2);

        assert_eq!(patient, Sent { taken: 6, refused: 0, dropped: 0 });
        assert_eq!((hasty, out), (Sent { taken: 3, refused: 0, dropped: 3 }, vec![0, 1, 2]));
    }

    #[test]
    fn a_batch_through_real_sockets_arrives_whole_though_one_address_is_impossible() {
        let ours = Socket::bind("[::]:0".parse().unwrap(), 1 << 20).unwrap();
        let theirs = UdpSocket::bind("127.0.0.1:0").unwrap();
        theirs.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let arena: Vec<u8> = (0..200).collect();
        // Port 0 cannot be sent to (EINVAL): the batch must go on behind it.
        let impossible: SocketAddr = "127.0.0.1:0".parse().unwrap();
        let transmits: Vec<Transmit> = (0..200)
            .map(|n| Transmit { to: if n == 70 { impossible } else { theirs.local_addr().unwrap() }, range: n..n + 1 })
            .collect();

        let sent = ours.send(Transmits { list: &transmits, arena: &arena });

        let mut buffer = [0; 8];
        let arrived: Vec<u8> = (0..199).map(|_| theirs.recv(&mut buffer).map(|_| buffer[0]).unwrap()).collect();
        assert_eq!(sent, Sent { taken: 199, refused: 1, dropped: 0 });
        assert_eq!(arrived, (0..200).filter(|n| *n != 70).collect::<Vec<u8>>());
    }

    #[test]
    fn a_batch_leaves_without_an_allocation() {
        let ours = Socket::bind("[::]:0".parse().unwrap(), 1 << 20).unwrap();
        let theirs = UdpSocket::bind("127.0.0.1:0").unwrap();
        let to = theirs.local_addr().unwrap();
        let transmits: Vec<Transmit> = (0..150).map(|n| Transmit { to, range: n..n + 1 }).collect();
        let mut sent = Sent::default();

        let counted =
            allocation_counter::measure(|| sent = ours.send(Transmits { list: &transmits, arena: &[0; 150] }));

        assert_eq!((sent.taken, counted.count_total), (150, 0));
    }

    #[test]
    fn sending_one_by_one_does_the_same() {
        let ours = Socket::bind("127.0.0.1:0".parse().unwrap(), 1 << 20).unwrap();
        ours.one_by_one.set(true);
        let theirs = UdpSocket::bind("127.0.0.1:0").unwrap();
        theirs.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let to = theirs.local_addr().unwrap();

        let sent = ours
            .send(Transmits { list: &[Transmit { to, range: 0..2 }, Transmit { to, range: 2..5 }], arena: b"abcde" });

        let mut buffer = [0; 8];
        let lengths = [theirs.recv(&mut buffer).unwrap(), theirs.recv(&mut buffer).unwrap()];
        assert_eq!((sent.taken, lengths), (2, [2, 3]));
    }

    #[test]
    fn an_ipv4_peer_of_a_dual_stack_socket_has_an_ipv4_address() {
        let ours = Socket::bind("[::]:0".parse().unwrap(), 1 << 20).unwrap();
        let theirs = UdpSocket::bind("127.0.0.1:0").unwrap();
        theirs.send_to(b"hello", ("127.0.0.1", ours.port())).unwrap();
        let mut inbox = Inbox::new();
        let mut seen = Vec::new();

        while seen.is_empty() {
            ours.receive(&mut inbox, |from, bytes| seen.push((from, bytes.to_vec())));
        }

        assert_eq!(seen, [(theirs.local_addr().unwrap(), b"hello".to_vec())]);
    }
}
