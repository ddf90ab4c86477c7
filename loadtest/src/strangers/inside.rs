//! What participants try who mean ill: their address is validated, their keys are right.
use std::{
    sync::{Arc, atomic::AtomicBool},
    time::{Duration, Instant},
};

use anyhow::Context as _;
use tokio::task::JoinSet;
use yunfa_signaling::{message::ServerMessage, words::PracticeArea};

use super::{
    AT, Bench, KIB, Row, pause,
    spaces::STRANGER,
    wire::{paced, stranger},
};
use crate::{
    client::Citizen,
    handmade::{OPUS, VP8, fragment, record},
    participant::{REPAIR, Validated},
};

/// Bytes of records in one datagram of a storm.
const STORM_DATAGRAM: usize = 1_180;
/// Fragments of a storm.
const FRAGMENTS: u32 = 120_000;
/// What a leg may keep of a storm.
const KEPT_KIB: i64 = 64;
/// CPU time that a storm on one leg may cost, in milliseconds.
const STORM_CPU_MS: f64 = 20.0;
/// After this a leg that does not finish its handshake is closed.
const CLOSED: f64 = 10.0;
/// Pictures per second in a flood of NACKs; a packet each.
const PICTURES: u64 = 300;
/// Keyframe requests per second in a flood of them.
const PLIS: u64 = 1_000;

/// Makes the record of this number.
type Storm = fn(u32) -> Vec<u8>;

/// The kinds of storms, by the figure that is told of each.
const STORMS: [(&str, Storm); 4] = [
    ("KiB kept per leg: fragments of one byte of a message of 120000", |i| {
        fragment(FRAGMENTS, 0, FRAGMENTS - 1 - i % FRAGMENTS, &[7])
    }),
    ("KiB kept per leg: fragments of one byte of messages of 16000", |i| {
        fragment(16_000, (i / 16_000) as u16, 15_999 - i % 16_000, &[7])
    }),
    ("KiB kept per leg: fragments of no byte", |i| fragment(1_000, 0, i % 1_000, &[])),
    ("KiB kept per leg: records of the next epoch", |_| record(22, 1, &[7; 500])),
];

/// Storms of DTLS records from validated addresses.
pub(super) async fn storms(bench: &mut Bench<'_>) -> anyhow::Result<Row> {
    let mut row = Row::default();
    let before = bench.before().await?;
    let count = bench.dose.legs * STORMS.len();
    let (mut joining, mut closing) = (JoinSet::new(), JoinSet::new());
    for name in 0..count {
        let (door, hand) = (bench.calls.door.clone(), Arc::clone(&bench.hand));
        joining.spawn(async move {
            let mut citizen = door.guest(PracticeArea::Other).await?;
            let validated = Validated::join(&hand, 100 + name as u16, citizen.client.socket(), AT).await?;
            anyhow::Ok((citizen, validated, Instant::now()))
        });
    }
    let legs = bench
        .calls
        .during(async {
            let mut legs = vec![];
            while let Some(joined) = joining.join_next().await {
                let (citizen, validated, since) = joined??;
                legs.push(validated);
                closing.spawn(closed(citizen, since));
            }
            Ok(legs)
        })
        .await?;
    let mut stormed = legs.into_iter();
    let (mut sent, mut slowest_storm) = (0, 0.0_f64);
    for (figure, storm) in STORMS {
        let legs: Vec<_> = stormed.by_ref().take(bench.dose.legs).collect();
        let (memory, cpu) = (bench.host.memory()?, bench.host.media_cpu()?);
        let rate = bench.dose.rate;
        let datagrams = bench
            .attack(move || {
                let mut datagrams = 0;
                for validated in &legs {
                    datagrams += blow(validated, storm, rate)?;
                }
                pause(Duration::from_millis(100));
                Ok(datagrams)
            })
            .await?;
        sent += datagrams;
        let kept = (bench.host.memory()?.resident - memory.resident) as f64 / bench.dose.legs as f64;
        // Half a MiB of what the process does besides, shared by the legs, unless it is judged strictly.
        let room = if bench.dose.strict { 0.0 } else { 512.0 / bench.dose.legs as f64 };
        row.at_most(figure, kept, KEPT_KIB as f64 + room);
        let cpu = 1_000.0 * bench.host.media_cpu()?.saturating_sub(cpu).as_secs_f64() / bench.dose.legs as f64;
        slowest_storm = slowest_storm.max(cpu);
    }
    row.at_most(
        "CPU per leg, ms at most",
        slowest_storm,
        if bench.dose.strict { STORM_CPU_MS } else { 4.0 * STORM_CPU_MS },
    );
    let slowest = bench
        .calls
        .during(async {
            let mut slowest = 0.0_f64;
            while let Some(closed) = closing.join_next().await {
                slowest = slowest.max(closed??);
            }
            Ok(slowest)
        })
        .await?;
    let late = if bench.dose.strict { 0.5 } else { 5.0 };
    row.at_most("slowest leg closed after, s", slowest, CLOSED + late);
    row.figure("legs", count as f64);
    bench.after(&before, sent, &mut row).await?;
    Ok(row)
}

/// Sends one leg its storm, several records in a datagram.
fn blow(validated: &Validated, storm: Storm, rate: u64) -> anyhow::Result<u64> {
    let mut datagrams = Vec::new();
    let mut datagram = Vec::new();
    let per_storm = FRAGMENTS as usize * fragment(1, 0, 0, &[7]).len();
    let (mut bytes, mut number) = (0, 0);
    while bytes < per_storm {
        let record = storm(number);
        if datagram.len() + record.len() > STORM_DATAGRAM {
            datagrams.push(std::mem::take(&mut datagram));
        }
        (bytes, number) = (bytes + record.len(), number + 1);
        datagram.extend(record);
    }
    datagrams.push(datagram);
    paced(datagrams.len() as u64, rate, &AtomicBool::new(false), |at| validated.send(&datagrams[at as usize]))
}

/// How long after its validation a leg was said to be lost.
async fn closed(mut citizen: Citizen, since: Instant) -> anyhow::Result<f64> {
    let lost = |message: &ServerMessage| matches!(message, ServerMessage::MediaLost {}).then_some(());
    citizen.client.socket().wait_for(Duration::from_secs(30), "mediaLost", lost).await?;
    Ok(since.elapsed().as_secs_f64())
}

/// A participant's packets under SSRCs that nobody declared.
pub(super) async fn forged(bench: &mut Bench<'_>) -> anyhow::Result<Row> {
    let mut row = Row::default();
    let (speaker, listener) = (Arc::clone(&bench.calls.speaker), Arc::clone(&bench.calls.listener));
    let (count, rate) = (bench.dose.forged, bench.dose.rate);
    let before = bench.before().await?;
    listener.take_heard();
    let every = (rate / 50).max(1);
    let (sent, spoken) = bench
        .attack(move || {
            let mut spoken = 0_u64;
            let sent = paced(count, rate, &AtomicBool::new(false), |number| {
                let mut packet = vec![0x80, OPUS];
                packet.extend((number as u16).to_be_bytes());
                packet.extend([0; 4]);
                packet.extend((3_000_000_000 + number as u32).to_be_bytes());
                packet.extend([9; 60]);
                speaker.send(&packet)?;
                if number % every == 0 {
                    speaker.send(&speaker.speech()?)?;
                    spoken += 1;
                }
                Ok(())
            })?;
            Ok((sent, spoken))
        })
        .await?;
    bench.after(&before, sent, &mut row).await?;
    let more = row.figures.get("heap, KiB more").copied().unwrap_or(f64::NAN);
    row.at_most("heap, KiB more", more, bench.kib(KIB / 4));
    let heard = listener.take_heard().of(OPUS);
    row.expect(heard <= spoken && heard * 10 >= spoken * 8, "the speaker is heard, and nothing else");
    Ok(row)
}

/// Packets with the honest citizen's address and SSRC, and tags of nobody's.
pub(super) async fn bad_tags(bench: &mut Bench<'_>) -> anyhow::Result<Row> {
    let mut row = Row::default();
    let (std::net::SocketAddr::V4(victim), ssrc) = bench.calls.victim().await? else {
        anyhow::bail!("an IPv6 address here");
    };
    let forger = Arc::clone(&bench.forger);
    let (count, rate) = (bench.dose.forged / 10, bench.dose.rate);
    let before = bench.before().await?;
    let sent = bench
        .attack(move || {
            paced(count, rate, &AtomicBool::new(false), |number| {
                let mut packet = vec![0x80, OPUS];
                packet.extend((number as u16).to_be_bytes());
                packet.extend([0; 4]);
                packet.extend(ssrc.to_be_bytes());
                packet.extend([9; 60]);
                Ok(forger.send(victim, &packet)?)
            })
        })
        .await?;
    bench.after(&before, sent, &mut row).await?;
    let gap = row.figures.get("honest call: longest gap, ms of voice").copied().unwrap_or(f64::NAN);
    row.at_most("honest call: longest gap, ms of voice", gap, if bench.dose.strict { 40.0 } else { 400.0 });
    Ok(row)
}

/// Captured packets, again from where they came, from a stranger, and from a stranger who forges the address.
pub(super) async fn replayed(bench: &mut Bench<'_>) -> anyhow::Result<Row> {
    let mut row = Row::default();
    let (speaker, listener) = (Arc::clone(&bench.calls.speaker), Arc::clone(&bench.calls.listener));
    let (forger, address) = (Arc::clone(&bench.forger), speaker.address()?);
    let (count, rate) = (bench.dose.replayed, bench.dose.rate);
    let before = bench.before().await?;
    listener.take_heard();
    let sent = bench
        .attack(move || {
            let never = AtomicBool::new(false);
            let mut captured = Vec::new();
            // Below what a participant may send in a second.
            paced(count, 500, &never, |_| {
                let packet = speaker.speech()?;
                speaker.send(&packet)?;
                captured.push(packet);
                Ok(())
            })?;
            for _ in 0..3 {
                paced(count, rate, &never, |at| speaker.send(&captured[at as usize]))?;
            }
            for from in [None, Some(address)] {
                paced(count, rate, &never, |at| {
                    let from = from.unwrap_or_else(|| stranger(STRANGER, at));
                    Ok(forger.send(from, &captured[at as usize])?)
                })?;
            }
            Ok(6 * count)
        })
        .await?;
    bench.after(&before, sent, &mut row).await?;
    let heard = listener.take_heard();
    row.figure("packets captured", count as f64);
    row.figure("each replayed so often", 5.0);
    row.at_most("packets forwarded", heard.of(OPUS) as f64, count as f64);
    row.at_most("packets forwarded twice", heard.doubled as f64, 0.0);
    row.expect(heard.of(OPUS) * 100 >= count * 95, "each packet is forwarded once");
    Ok(row)
}

/// Everything that came of late is claimed lost, again and again.
pub(super) async fn nacks(bench: &mut Bench<'_>) -> anyhow::Result<Row> {
    let mut row = Row::default();
    let before = bench.before().await?;
    let (calm, repaired, _) = watched(bench, false).await?;
    row.figure("repairs without it", repaired as f64);
    let (flooded, repaired, nacks) = watched(bench, true).await?;
    row.figure("repairs under it", repaired as f64);
    row.expect(repaired > 0, "an honest receiver would get its packets");
    let limit = if bench.dose.strict { 1.25 } else { 1.35 };
    row.at_most("bytes to the receiver, against none", flooded / calm, limit);
    row.figure("bytes to the receiver under it", flooded);
    bench.after(&before, nacks, &mut row).await?;
    Ok(row)
}

/// Bytes and repairs that reach the listener while the speaker shows pictures, and NACKs that were sent.
async fn watched(bench: &mut Bench<'_>, flood: bool) -> anyhow::Result<(f64, u64, u64)> {
    let (speaker, listener) = (Arc::clone(&bench.calls.speaker), Arc::clone(&bench.calls.listener));
    let pictures = PICTURES * bench.dose.floods.as_secs();
    let ear = Arc::clone(&listener);
    let nacks = bench
        .attack(move || {
            let mut nacks = 0;
            // The first keyframe, and what the budget has left over from before.
            speaker.send(&speaker.picture(true)?)?;
            pause(Duration::from_millis(300));
            listener.take_heard();
            paced(pictures, PICTURES, &AtomicBool::new(false), |number| {
                speaker.send(&speaker.picture(number == 0)?)?;
                if let Some((ssrc, last)) = listener.video().filter(|_| flood && number % 3 == 0) {
                    let lost: Vec<u16> = (0..100).rev().map(|back| last.wrapping_sub(back)).collect();
                    listener.nack(ssrc, &lost)?;
                    nacks += 1;
                }
                Ok(())
            })?;
            pause(Duration::from_millis(300));
            Ok(nacks)
        })
        .await?;
    let heard = ear.take_heard();
    anyhow::ensure!(heard.of(VP8) * 10 >= pictures * 8, "{} of {pictures} pictures came", heard.of(VP8));
    Ok((heard.bytes as f64, heard.of(REPAIR), nacks))
}

/// A receiver that asks for keyframes a thousand times a second, and a camera that makes them.
pub(super) async fn keyframes(bench: &mut Bench<'_>) -> anyhow::Result<Row> {
    let mut row = Row::default();
    let (speaker, listener) = (Arc::clone(&bench.calls.speaker), Arc::clone(&bench.calls.listener));
    let seconds = bench.dose.floods.as_secs();
    let (ssrc, _) = listener.video().context("no video came before")?;
    let before = bench.before().await?;
    let camera = Arc::clone(&speaker);
    speaker.take_heard();
    let sent = bench
        .attack(move || {
            let mut answered = 0;
            paced(PLIS * seconds, PLIS, &AtomicBool::new(false), |number| {
                if number % 40 == 0 {
                    let asked = camera.keyframe_asks();
                    camera.send(&camera.picture(asked > answered)?)?;
                    answered = asked;
                }
                listener.picture_lost(ssrc)
            })
        })
        .await?;
    bench.after(&before, sent, &mut row).await?;
    let asked = speaker.take_heard().keyframe_asks;
    row.at_most("keyframe requests that reached the camera", asked as f64, 2.0 * seconds as f64);
    row.expect(asked > 0, "an honest receiver would get a keyframe");
    Ok(row)
}
