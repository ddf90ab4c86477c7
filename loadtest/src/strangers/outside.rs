//! What people try who are no participants: they know where the port is, and no key.
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use super::{
    Bench, KIB, Row, SETTLE, p95,
    spaces::{Net, STRANGER},
    wire::{Forger, SHAPES, Shapes, paced, stranger},
};
use crate::handmade::{OPUS, audio_ssrc, null_hello};

/// ClientHellos per second in the race.
const HELLOS: u64 = 10_000;
/// Set-ups at one time.
const AT_ONCE: usize = 2;

/// Every shape, from many ports: no answer, no memory.
pub(super) async fn strays(bench: &mut Bench<'_>) -> anyhow::Result<Row> {
    let mut row = Row::default();
    let (hand, forger) = (Arc::clone(&bench.hand), Arc::clone(&bench.forger));
    let (ufrag, rate) = (bench.calls.speaker.access.ufrag.clone(), bench.dose.rate);
    let all = bench.dose.strays;
    let flood = move |count: u64, seed: u64| {
        let mut shapes = Shapes::new(&hand, ufrag.clone(), seed);
        paced(count, rate, &never(), |number| {
            let datagram = shapes.next(number as usize % SHAPES.len())?;
            Ok(forger.send(stranger(STRANGER, number), &datagram)?)
        })
    };
    let before = bench.before().await?;
    let sent = bench.attack(move || flood(all, 1)).await?;
    bench.after(&before, sent, &mut row).await?;
    let more = row.figures.get("resident memory, KiB more").copied().unwrap_or(f64::NAN);
    row.at_most("resident memory, KiB more", more, bench.kib(KIB));
    Ok(row)
}

/// Names and passwords, guessed.
pub(super) async fn guesses(bench: &mut Bench<'_>) -> anyhow::Result<Row> {
    let mut row = Row::default();
    let (hand, forger) = (Arc::clone(&bench.hand), Arc::clone(&bench.forger));
    let (count, rate) = (bench.dose.guesses, bench.dose.rate);
    let before = bench.before().await?;
    let guess = move || {
        let mut shapes = Shapes::new(&hand, String::new(), 2);
        paced(count, rate, &never(), |number| Ok(forger.send(stranger(STRANGER, number), &shapes.unknown()?)?))
    };
    let sent = bench.attack(guess).await?;
    bench.after(&before, sent, &mut row).await?;
    Ok(row)
}

/// RTP under the speaker's own SSRC: nobody hears it, and nobody's media follow it.
pub(super) async fn foreign(bench: &mut Bench<'_>) -> anyhow::Result<Row> {
    let mut row = Row::default();
    let forger = Arc::clone(&bench.forger);
    let (speaker, listener) = (Arc::clone(&bench.calls.speaker), Arc::clone(&bench.calls.listener));
    let hand = Arc::clone(&bench.hand);
    let (count, rate) = (bench.dose.strays, bench.dose.rate);
    let before = bench.before().await?;
    listener.take_heard();
    let spray = move || {
        let mut shapes = Shapes::new(&hand, String::new(), 3);
        let mut spoken = 0;
        let every = (rate / 50).max(1);
        let sent = paced(count, rate, &never(), |number| {
            let mut packet = shapes.rtp(OPUS, 100);
            packet[8..12].copy_from_slice(&audio_ssrc(1).to_be_bytes());
            forger.send(stranger(STRANGER, number), &packet)?;
            if number % every == 0 {
                speaker.send(&speaker.speech()?)?;
                spoken += 1;
            }
            Ok(())
        })?;
        Ok((sent, spoken))
    };
    let (sent, spoken): (u64, u64) = bench.attack(spray).await?;
    bench.after(&before, sent, &mut row).await?;
    let heard = listener.take_heard().of(OPUS);
    row.figure("packets that the speaker sent", spoken as f64);
    row.at_most("foreign packets that the listener was sent", heard as f64 - spoken.min(heard) as f64, 0.0);
    row.expect(heard * 10 >= spoken * 8, "the listener hears the speaker");
    Ok(row)
}

/// A right check from where strangers are is answered, so silence towards them is not for want of a way.
pub(super) async fn control(bench: &mut Bench<'_>) -> anyhow::Result<Row> {
    let mut row = Row::default();
    let check = bench.hand.check(1, &bench.calls.speaker.access, u64::MAX, false)?;
    let before = bench.net.strangers.arrived(Net::STRANGERS_END)?;
    let forger = Arc::clone(&bench.forger);
    bench.attack(move || Ok(forger.send(stranger(STRANGER, 0), &check)?)).await?;
    bench.calls.hold(SETTLE).await?;
    let answers = bench.net.strangers.arrived(Net::STRANGERS_END)?.0 - before.0;
    row.figure("answers", answers as f64);
    row.expect(answers == 1, "one answer");
    Ok(row)
}

/// ClientHellos without a usable cipher, ten thousand a second, while people set up media.
pub(super) async fn race(bench: &mut Bench<'_>) -> anyhow::Result<Row> {
    let mut row = Row::default();
    let count = bench.dose.set_ups;
    let calm = set_ups(bench, count).await?;
    row.figure("p95 of set-up without it, ms", p95(calm)?);

    let over = Arc::new(AtomicBool::new(false));
    let (forger, told) = (Arc::clone(&bench.forger), Arc::clone(&over));
    let before = bench.before().await?;
    let flood = tokio::task::spawn_blocking(move || hellos(&forger, &told));
    let times = set_ups(bench, count).await;
    over.store(true, Ordering::Relaxed);
    let sent = flood.await??;
    let times = times?;
    bench.after(&before, sent, &mut row).await?;
    row.figure("set up under the flood", times.len() as f64);
    row.figure("p95 of set-up under it, ms", p95(times)?);
    Ok(row)
}

fn hellos(forger: &Forger, over: &AtomicBool) -> anyhow::Result<u64> {
    let hello = null_hello();
    paced(u64::MAX, HELLOS, over, |number| Ok(forger.send(stranger(STRANGER, number), &hello)?))
}

/// All of them must connect; an error is one that did not.
async fn set_ups(bench: &mut Bench<'_>, count: usize) -> anyhow::Result<Vec<Duration>> {
    let door = bench.calls.door.clone();
    let all = async {
        let mut times = vec![];
        let mut running = tokio::task::JoinSet::new();
        for _ in 0..count {
            let door = door.clone();
            running.spawn(async move { door.set_up().await });
            if running.len() == AT_ONCE
                && let Some(done) = running.join_next().await
            {
                times.push(done??);
            }
        }
        while let Some(done) = running.join_next().await {
            times.push(done??);
        }
        Ok(times)
    };
    bench.calls.during(all).await
}

/// Nobody tells this one to stop.
fn never() -> AtomicBool {
    AtomicBool::new(false)
}
