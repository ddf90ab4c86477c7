//! A room in which somebody publishes and others watch, in virtual time, and the packets of a camera.
use std::time::Duration;

use yunfa_media::{config::Config, rtp::NewHead, sfu::Sfu, time::Now};

use super::{Kit, Raw};

/// Packets of one picture.
const PER_PICTURE: u64 = 5;

/// A publisher and subscribers that are connected in room 1.
pub(crate) struct Stage {
    pub(crate) kit: Kit,
    pub(crate) sfu: Sfu,
    pub(crate) now: Now,
    pub(crate) publisher: Raw,
    pub(crate) subscribers: Vec<Raw>,
}

impl Stage {
    /// Connects client 1 as publisher and the next as subscribers with one audio and one video slot each.
    pub(crate) fn new(subscribers: u16) -> Self {
        let now = super::start();
        let config = Config {
            candidates: vec![super::server()],
            // Nobody but the test decides who is gone.
            lost_after: Duration::from_secs(3_600),
            interrupted_after: Duration::from_secs(3_600),
            ..Config::default()
        };
        let mut sfu = Sfu::new(config, [7; 32], now).expect("an sfu");
        let kit = Kit::new();
        let publisher = kit.connect(&mut sfu, 1, 1, true, (0, 0), now);
        let subscribers = (0..subscribers).map(|i| kit.connect(&mut sfu, i + 2, 1, false, (1, 1), now)).collect();
        while sfu.poll_fact().is_some() {}
        sfu.clear_transmits();
        Self { kit, sfu, now, publisher, subscribers }
    }
}

/// A publisher's camera: pictures of five packets, the first of them a keyframe.
#[derive(Default)]
pub(crate) struct Camera {
    packets: u64,
}

impl Camera {
    /// How many packets it has made.
    pub(crate) fn packets(&self) -> u64 {
        self.packets
    }

    /// The next packet of client `name`, with a payload of this size.
    pub(crate) fn next(&mut self, publisher: &Raw, name: u16, size: usize) -> Vec<u8> {
        self.packets += 1;
        let index = self.packets;
        let picture = (index - 1) / PER_PICTURE;
        let payload = super::vp8(picture == 0, index % PER_PICTURE == 1, picture as u16, size);
        let head = NewHead {
            marker: index.is_multiple_of(PER_PICTURE),
            payload_type: super::VP8,
            sequence: index as u16,
            timestamp: (picture * 3_150) as u32,
            ssrc: super::video_ssrc(name),
        };
        publisher.rtp(&head, index, index as u16, &payload)
    }
}
