//! The `webrtc` crate's full client against our SFU and its driver, over loopback: two implementations that share no code
//! on the packet path must agree.
use std::{net::Ipv4Addr, time::Duration};

use anyhow::{Context as _, bail};
use tokio::time::timeout;
use yunfa_loadtest::{MediaPeer, Shape};
use yunfa_media::{
    command::{Command, Sdp},
    driver::{Driver, DriverConfig, FactReceiver, Handle},
    fact::{Fact, Second},
    ids::{PeerId, RoomId},
};

/// Nothing on loopback takes this long, on however slow a machine.
const PATIENCE: Duration = Duration::from_secs(60);
const HALL: RoomId = RoomId(1);
const DESK: RoomId = RoomId(2);
const CITIZEN: PeerId = PeerId(1);
const LAWYER: PeerId = PeerId(2);

/// One worker and what it tells.
struct Bench {
    media: Handle,
    facts: FactReceiver,
}

impl Bench {
    fn start() -> Self {
        let config = DriverConfig::new(0, vec![Ipv4Addr::LOCALHOST.into()]);
        let (media, facts) = Driver::start(config).expect("loopback sockets");
        Self { media, facts }
    }

    async fn order(&self, command: Command) -> anyhow::Result<()> {
        Ok(self.media.send(0, command).await?)
    }

    /// The next fact that `pick` takes; the others are passed over.
    async fn wait_for<T>(&mut self, mut pick: impl FnMut(Fact) -> Option<T>) -> anyhow::Result<T> {
        loop {
            let (_, stamped) = timeout(PATIENCE, self.facts.recv()).await?.context("the worker has ended")?;
            if let Fact::Lost { reason, .. } = stamped.fact {
                bail!("a transport was lost: {reason:?}");
            }
            if let Some(found) = pick(stamped.fact) {
                return Ok(found);
            }
        }
    }

    async fn join(&mut self, id: PeerId, room: RoomId, shape: Shape) -> anyhow::Result<MediaPeer> {
        let mut peer = MediaPeer::new(shape, Ipv4Addr::LOCALHOST.into()).await?;
        let offer = Sdp(peer.offer().await?);
        self.order(Command::Join { room, peer: id, offer }).await?;
        let answer = self.wait_for(|fact| match fact {
            Fact::Answered { peer, answer } if peer == id => Some(Ok(answer)),
            Fact::Refused { peer, error } if peer == id => Some(Err(error)),
            _ => None,
        });
        peer.answer(answer.await??.0).await?;
        peer.connected(PATIENCE).await?;
        Ok(peer)
    }

    /// The evidence of the next `count` seconds of one peer that `pick` takes.
    async fn seconds(&mut self, id: PeerId, count: usize, pick: fn(Second) -> bool) -> anyhow::Result<()> {
        for _ in 0..count {
            self.wait_for(|fact| match fact {
                Fact::Second { peer, second, .. } if peer == id && pick(second) => Some(()),
                _ => None,
            })
            .await?;
        }
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_warm_clients_are_connected_by_a_move_and_what_they_see_is_what_the_facts_say() -> anyhow::Result<()> {
    let mut bench = Bench::start();
    let citizen = bench.join(CITIZEN, HALL, Shape::CALL).await?;
    let lawyer = bench.join(LAWYER, DESK, Shape::CALL).await?;
    assert_eq!(citizen.received().video.packets + lawyer.received().video.packets, 0, "rooms are apart");

    bench.order(Command::Move { peer: LAWYER, room: HALL }).await?;
    let mut two_way = 0;
    while two_way < 5 {
        let alive = |fact| match fact {
            Fact::Second { peer: CITIZEN, second, .. } => Some(u32::from(second.two_way_audio && second.two_way_video)),
            _ => None,
        };
        two_way += bench.wait_for(alive).await?;
    }
    bench.order(Command::Leave { peer: LAWYER }).await?;

    let (here, there) = (citizen.take_received(), lawyer.take_received());
    let seen = here.timeline.two_way_seconds(&there.timeline);
    assert!((seen - f64::from(two_way)).abs() <= 1.0, "the peers saw {seen} s, the facts say {two_way} s");
    for received in [&here, &there] {
        let (audio, video) = (&received.audio, &received.video);
        assert!(audio.frames > 100 && audio.broken == 0, "{audio:?}");
        assert!(video.frames > 50 && video.keyframes > 0 && video.picture_id_jumps == 0, "{video:?}");
        assert!(received.loss() < 0.01, "{received:?}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_viewer_who_was_first_sees_the_publisher_and_then_the_one_who_follows() -> anyhow::Result<()> {
    let mut bench = Bench::start();
    let viewer = bench.join(PeerId(9), HALL, Shape::VIEWER).await?;

    let first = bench.join(PeerId(1), HALL, Shape::PUBLISHER).await?;
    bench.seconds(PeerId(1), 2, |second| second.video_alive).await?;
    let late = bench.join(PeerId(10), HALL, Shape::VIEWER).await?;
    bench.seconds(PeerId(1), 2, |second| second.video_alive).await?;
    let (seen_of_first, seen_late) = (viewer.received(), late.received());
    assert!(
        first.keyframe_requests() >= 1 && seen_late.video.keyframes >= 1,
        "the late viewer was given one: {seen_late:?}"
    );
    bench.order(Command::Leave { peer: PeerId(1) }).await?;
    let _second = bench.join(PeerId(2), HALL, Shape::PUBLISHER).await?;
    bench.seconds(PeerId(2), 2, |second| second.video_alive).await?;

    let seen = viewer.take_received();
    assert!(seen.video.keyframes > seen_of_first.video.keyframes, "{seen:?}");
    assert!(seen.video.frames > seen_of_first.video.frames + 10 && seen.audio.frames > seen_of_first.audio.frames + 25);
    assert_eq!(seen.video.picture_id_jumps, 0, "the slot goes on where it stood");
    Ok(())
}
