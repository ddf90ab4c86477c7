//! Settings of one worker's SFU, and the bounds that are not settings.
use std::{net::SocketAddr, time::Duration};

/// What one worker needs to know. `Default` is a worker without candidates, which refuses every offer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The addresses at which clients reach this worker's socket, IPv4 and IPv6; they are the host candidates of every
    /// answer (RFC 8839), the first preferred. At most 8 are announced.
    pub candidates: Vec<SocketAddr>,
    /// How many peers the worker holds; a further `Join` is refused as `Full`.
    pub max_peers: usize,
    /// What a peer may send, in bytes per second, bursts of one second allowed; more is dropped. Only authentic packets
    /// count, else anybody could use up a peer's share by forging its address.
    /// 6 Mbit/s: a 720p camera, a shared screen and a microphone together need less than 5.
    pub ingress_bytes: u32,
    /// What a peer may send, in packets per second, bursts of one second allowed.
    pub ingress_packets: u32,
    /// From `Join` to a verified STUN request: the answer has to travel to the client, which then sends its first check.
    pub connect_within: Duration,
    /// From the first verified STUN request to the end of the DTLS handshake.
    pub handshake_within: Duration,
    /// Silence after which a peer counts as interrupted, if it was sending media.
    pub interrupted_after: Duration,
    /// Silence after which a peer's transport is dropped.
    pub lost_after: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            candidates: Vec::new(),
            max_peers: 4096,
            ingress_bytes: 750_000,
            ingress_packets: 1_500,
            connect_within: Duration::from_secs(30),
            handshake_within: Duration::from_secs(10),
            interrupted_after: Duration::from_secs(3),
            lost_after: Duration::from_secs(15),
        }
    }
}

/// Candidates announced in an answer at most.
pub const MAX_CANDIDATES: usize = 8;
/// Longest datagram looked at; what Ethernet carries. More is dropped.
pub const MAX_DATAGRAM: usize = 1_500;
