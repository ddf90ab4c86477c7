//! What the `network` scenario tells: somebody is away, somebody is gone, somebody changes to another network.
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::Context as _;
use tokio::{
    task::block_in_place,
    time::{sleep, sleep_until},
};
use yunfa_signaling::{
    message::{ServerMessage, SessionView},
    words::{EndReason, LegState, Role, SessionState},
};

use super::{
    Dose, Row,
    call::{Call, Door, Record, Voice},
    ways::{Cut, Ways, address},
};
use crate::{client::Client, handmade::Hand, participant::Participant, received::Received};

/// How long both talk in peace before and after.
const PEACE: Duration = Duration::from_secs(2);
/// Time between two lines of who is still there.
const LINE: Duration = Duration::from_millis(700);
/// How long a change of the network is looked at: longer than whatever may come of it, shorter than an interruption.
const CHANGE: Duration = Duration::from_millis(2_500);
/// How long somebody who comes back may take at most.
const BACK: Duration = Duration::from_secs(15);
/// Silence of media after which a leg is missing.
const MISSED: f64 = 3.0;
/// Silence after which a socket is dead.
const DEAD: f64 = 12.0;
/// Silence after which a transport is dropped.
const DROPPED: f64 = 15.0;
/// How long the seat of a leg that is missing is kept.
const SEAT: f64 = 60.0;

/// What a story needs.
pub(super) struct Stage<'a> {
    pub(super) door: &'a Door,
    pub(super) ways: &'a Ways,
    pub(super) hand: &'a Arc<Hand>,
    /// Of the story; its lawyer and its ways have it too.
    pub(super) number: u8,
    pub(super) dose: Dose,
}

impl Stage<'_> {
    /// The ways of the citizen, of the lawyer, and a third one.
    const fn ways_of(&self) -> [u8; 3] {
        [2 * self.number + 1, 2 * self.number + 2, 2 * self.number + 3]
    }
}

/// Who is away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Citizen,
    Lawyer,
}

impl Side {
    const fn role(self) -> Role {
        match self {
            Self::Citizen => Role::Citizen,
            Self::Lawyer => Role::Lawyer,
        }
    }
}

/// How.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The socket ends, and the server sees that; media go on.
    Dropped,
    /// Nothing of the socket arrives any more; media go on.
    Silent,
    /// Nothing at all arrives any more.
    Link,
}

/// Somebody is away for so long.
#[derive(Clone, Copy, Debug)]
pub(super) struct Away {
    pub(super) kind: Kind,
    pub(super) side: Side,
    pub(super) time: Duration,
}

impl Away {
    /// For how long the server knows that the leg is missing, if it comes to know it at all.
    fn missed_for(self) -> Option<f64> {
        let time = self.time.as_secs_f64();
        let after = match self.kind {
            Kind::Dropped => 0.0,
            Kind::Silent => DEAD,
            Kind::Link => MISSED,
        };
        (time > after).then_some(time - after)
    }
}

/// One side is away in the middle of a call while the other one talks on; then it is back.
pub(super) async fn away(stage: Stage<'_>, away: Away) -> anyhow::Result<Row> {
    let mut row = Row::default();
    let [citizen, lawyer, _] = stage.ways_of();
    let mut call = stage.door.call(stage.number, address(citizen), address(lawyer)).await?;
    let way = if away.side == Side::Citizen { citizen } else { lawyer };
    let begun = Instant::now();
    talk(&mut call, PEACE).await?;

    let (mut gone, mut other) = call.sides(away.side.role());
    gone.say().await?;
    // Whether the server has heard these, nobody here knows.
    gone.blurt().await?;
    gone.blurt().await?;
    let gap = match away.kind {
        Kind::Dropped => {
            gone.client.cut_socket();
            None
        }
        Kind::Silent => Some(cut(stage.ways, way, Cut::Sockets)?),
        Kind::Link => Some(cut(stage.ways, way, Cut::Link)?),
    };
    let cut_at = Instant::now();
    if gap.is_some() {
        // Into a socket that is dead already.
        gone.blurt().await?;
    }
    let coming_back = async {
        sleep(away.time).await;
        if let Some(gap) = gap {
            block_in_place(|| gap.mend())?;
        }
        let free = Instant::now();
        let before = gone.client.take_received();
        let resumed = gone.client.try_again().await?;
        let back = free.elapsed();
        gone.listen(PEACE).await?;
        anyhow::Ok((free, back, resumed, before))
    };
    let until = cut_at + away.time + PEACE;
    let talking_on = async {
        while Instant::now() < until {
            other.say().await?;
            other.listen(LINE).await?;
        }
        anyhow::Ok(())
    };
    let ((free, back, resumed, before), ()) = tokio::try_join!(coming_back, talking_on)?;
    row.figure("away for, s", away.time.as_secs_f64());
    row.at_most("socket back, ms", milliseconds(back), stage.dose.limit(500.0, 5_000.0));
    row.expect(resumed, "the stream goes on");

    let mut received = [gone.client.take_received(), other.client.take_received()];
    if away.kind == Kind::Link {
        let first = received[0].first().context("no media came again")?;
        let silent = milliseconds(first.saturating_duration_since(free));
        row.at_most("media back, ms", silent, stage.dose.limit(1_500.0, 5_000.0));
    }
    received[0].add(before);
    if away.kind != Kind::Link {
        let silence = received.iter().map(|of| of.timeline.longest_silence()).max().unwrap_or_default();
        // No second is lost while something comes in each.
        row.at_most(
            "longest silence of media meanwhile, ms",
            milliseconds(silence),
            stage.dose.limit(1_000.0, 2_500.0),
        );
    }
    let told = seen(gone.client, other.client).await?;
    gone.say().await?;
    other.say().await?;
    call.compare_lines(&mut row).await?;
    let talked = begun.elapsed().as_secs_f64();
    end(&mut call, &mut received).await?;
    let record = stage.door.seal(&mut call, &mut row).await?;

    let attempts = [call.citizen.client.attempts(), call.lawyer.client.attempts()];
    row.expect(attempts == [1, 1], &format!("nobody was asked to set media up again: {attempts:?}"));
    let lost = if away.kind == Kind::Link { away.time.as_secs_f64() } else { 0.0 };
    seconds(&record, &received, talked - lost, stage.dose, &mut row);
    interruptions(&record, away, stage.dose, &mut row)?;
    row.expect(
        told.len() == 2 * record.interruptions.len(),
        &format!("the other side is told of each interruption and of its end: {told:?}"),
    );
    call.leave().await?;
    Ok(row)
}

/// Both say a line now and then.
async fn talk(call: &mut Call, time: Duration) -> anyhow::Result<()> {
    let (mut one, mut other) = call.sides(Role::Citizen);
    let chat = async |voice: &mut Voice<'_>| {
        voice.say().await?;
        voice.listen(time).await
    };
    tokio::try_join!(chat(&mut one), chat(&mut other))?;
    Ok(())
}

/// The states of the session that the other side was told of since the call began; the side that was away hears of them when
/// it is back, and forgets them here.
async fn seen(gone: &mut Client, other: &mut Client) -> anyhow::Result<Vec<SessionState>> {
    let mut states: Vec<SessionState> = vec![];
    while session(gone).await?.is_some() {}
    while let Some(view) = session(other).await? {
        if states.last() != Some(&view.state) {
            states.push(view.state);
        }
    }
    // The first news may be a repetition of how it was.
    let quiet = states.first() == Some(&SessionState::Active);
    Ok(states.split_off(usize::from(quiet)))
}

async fn session(client: &mut Client) -> anyhow::Result<Option<SessionView>> {
    let is_session = |message: &ServerMessage| match message {
        ServerMessage::Session(view) => Some(view.clone()),
        _ => None,
    };
    client.look_for(Duration::ZERO, is_session).await
}

/// Both hang up; what they had received is all that they will.
async fn end(call: &mut Call, received: &mut [Received; 2]) -> anyhow::Result<()> {
    call.end().await?;
    received[0].add(call.citizen.client.take_received());
    received[1].add(call.lawyer.client.take_received());
    Ok(())
}

/// The record counts the seconds that both saw, and these are those that there were.
fn seconds(record: &Record, received: &[Received; 2], there_were: f64, dose: Dose, row: &mut Row) {
    let seen = received[0].timeline.two_way_seconds(&received[1].timeline);
    row.figure("seconds of media both ways, as seen", seen);
    row.figure("seconds of media both ways, as recorded", record.two_way_s);
    let off = (seen - record.two_way_s).abs();
    row.expect(off <= dose.limit(1.0, 2.0), &format!("the record says what both saw, but for {off:.1} s"));
    row.expect(seen > there_were - 2.0, &format!("both saw media all the time, {there_were:.1} s"));
}

/// Nobody had to set media up again.
fn one_transport_each(record: &Record, row: &mut Row) {
    let transports: Vec<u32> = record.legs.iter().map(|leg| leg.transports).collect();
    row.expect(transports == [1, 1], &format!("one transport each, not {transports:?}"));
}

/// The record has the interruption that there was, and no other.
fn interruptions(record: &Record, away: Away, dose: Dose, row: &mut Row) -> anyhow::Result<()> {
    let leg = record.leg(away.side.role())?;
    row.figure("interruptions recorded", record.interruption_count.into());
    one_transport_each(record, row);
    let silences = u32::from(away.kind == Kind::Link);
    row.expect(leg.silences == silences, &format!("{} silences of its media", leg.silences));
    let Some(missed_for) = away.missed_for() else {
        // A busy machine may take a socket for dead a little before its time.
        let at_most = if dose.strict { 0 } else { 1 };
        row.expect(record.interruption_count <= at_most, "nobody noticed");
        return Ok(());
    };
    let [interruption] = record.interruptions.as_slice() else {
        row.expect(false, &format!("one interruption, not {}", record.interruptions.len()));
        return Ok(());
    };
    row.expect(interruption.role == away.side.role(), "it is the side that was away");
    let to = interruption.to.context("the interruption has no end")?;
    let lasted = to.ms_since(interruption.from) as f64 / 1_000.0;
    row.figure("the interruption lasted, s", lasted);
    let off = (lasted - missed_for).abs();
    row.expect(off <= dose.limit(1.0, 4.0), &format!("the interruption lasted {missed_for} s"));
    Ok(())
}

/// A citizen is gone without a word: nothing comes from there any more, neither media nor of the socket.
pub(super) async fn ghost(stage: Stage<'_>) -> anyhow::Result<Row> {
    let mut row = Row::default();
    let dose = stage.dose;
    let [citizen, lawyer, _] = stage.ways_of();
    let calling = stage.door.call_by_hand(stage.hand, stage.number, address(citizen), address(lawyer));
    let (mut call, ghost) = calling.await?;
    ghost.speak(Arc::new(AtomicBool::new(false)));
    call.lawyer.client.stay(call.session, PEACE).await?;

    let _gap = cut(stage.ways, citizen, Cut::Words)?;
    let gone = Instant::now();
    let (session, lawyers) = (call.session, &mut call.lawyer.client);
    let is_missed = |message: &ServerMessage| match message {
        ServerMessage::Session(view) if view.state == SessionState::Reconnecting => Some(view.clone()),
        _ => None,
    };
    let view = lawyers.wait_for(BACK, "the citizen's leg missing", is_missed).await?;
    let missed = gone.elapsed();
    row.at_most("the other side is told after, s", missed.as_secs_f64(), dose.limit(MISSED + 0.5, MISSED + 5.0));
    row.expect(view.seat_until.is_some(), "and until when the seat is kept");
    let is_missing = |view: &SessionView| {
        view.legs.iter().any(|leg| leg.role == Role::Citizen && leg.state == LegState::Interrupted)
    };
    row.expect(is_missing(&view), "and who is missing");

    // For as long as there is a transport, what the lawyer says is sent to it.
    lawyers.stay(session, (gone + Duration::from_secs(20)).saturating_duration_since(Instant::now())).await?;
    let last = ghost.last_heard().context("the ghost never heard anything")?;
    let dropped = last.saturating_duration_since(gone).as_secs_f64();
    row.at_most("transport gone, s after its last packet", dropped, dose.limit(DROPPED + 0.25, DROPPED + 3.0));
    row.expect(dropped > DROPPED - 0.5, "and not before");

    let left = if dose.seat {
        let ended = |message: &ServerMessage| match message {
            ServerMessage::SessionEnded { session: of, reason, .. } if *of == session => Some(*reason),
            _ => None,
        };
        let reason = lawyers.wait_for(Duration::from_secs(60), "the end", ended).await?;
        let seat = (gone.elapsed() - missed).as_secs_f64();
        row.at_most("seat given up, s after the leg was missed", seat, SEAT + 1.0);
        row.expect(seat >= SEAT - 0.5, "and not before");
        row.expect(reason == EndReason::ConnectionLost, &format!("it ended by {reason}"));
        LegState::TimedOut
    } else {
        lawyers.hang_up(session).await?;
        lawyers.wait_until_ended(session, BACK).await?;
        LegState::Left
    };
    let record = stage.door.seal(&mut call, &mut row).await?;
    let leg = record.leg(Role::Citizen)?;
    row.expect(leg.leave_reason == Some(left), &format!("its leg is {left}"));
    row.expect(leg.transports == 1 && leg.silences == 1, "one transport, one silence");
    let open = record.interruptions.iter().filter(|one| one.role == Role::Citizen && one.to.is_none()).count();
    row.expect(record.interruption_count == 1 && open == 1, "one interruption that never ended");
    let seconds = record.two_way_s;
    row.figure("seconds of media both ways, as recorded", seconds);
    row.expect((1.0..=PEACE.as_secs_f64() + 3.0).contains(&seconds), "the seconds until it was gone");
    Ok(row)
}

/// How a client goes about it when its network has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Manner {
    /// Its checks nominate the new path.
    Nominates,
    /// They do not, but its media come that way.
    Speaks,
    /// They do not, and it is muted altogether.
    Listens,
}

/// The longest silence of media towards whoever changed, and of the way back to the socket; of all rounds.
const MANNERS: [(Manner, &str); 3] = [
    (Manner::Nominates, "nominates the new path: silent for, ms at most"),
    (Manner::Speaks, "speaks by the new path: silent for, ms at most"),
    (Manner::Listens, "only checks the new path: silent for, ms at most"),
];

/// A citizen changes from one network to another, again and again, and acts at once.
pub(super) async fn change(stage: Stage<'_>) -> anyhow::Result<Row> {
    let mut row = Row::default();
    let dose = stage.dose;
    let [mut here, lawyer, mut there] = stage.ways_of();
    let calling = stage.door.call_by_hand(stage.hand, stage.number, address(here), address(lawyer));
    let (mut call, mover) = calling.await?;
    let mute = Arc::new(AtomicBool::new(false));
    mover.speak(Arc::clone(&mute));
    talk(&mut call, PEACE).await?;

    let (mut sockets, mut unheard) = (vec![], Duration::ZERO);
    let mut silences = [Duration::ZERO; MANNERS.len()];
    for _ in 0..dose.rounds {
        for ((manner, _), longest) in MANNERS.iter().zip(&mut silences) {
            let found = step(&stage, &mut call, &mover, &mute, (*manner, here, there)).await?;
            *longest = found.silence.max(*longest);
            sockets.push(found.socket);
            if *manner != Manner::Listens {
                unheard = unheard.max(found.unheard);
            }
            row.expect(found.resumed, "the stream goes on");
            (here, there) = (there, here);
        }
    }
    // Less than is looked at, so that whoever is not back by then has failed.
    let media = dose.limit(1_500.0, 2_300.0);
    for ((_, figure), silence) in MANNERS.iter().zip(silences) {
        row.at_most(figure, milliseconds(silence), media);
    }
    row.at_most("the other side hears nothing for, ms at most", milliseconds(unheard), media);
    sockets.sort();
    row.figure("socket back, ms in the middle", milliseconds(sockets[sockets.len() / 2]));
    let slowest = sockets.last().copied().unwrap_or_default();
    row.at_most("socket back, ms at most", milliseconds(slowest), dose.limit(3_000.0, 8_000.0));
    row.figure("changes", sockets.len() as f64);
    talk(&mut call, PEACE).await?;
    call.compare_lines(&mut row).await?;
    call.end().await?;
    let record = stage.door.seal(&mut call, &mut row).await?;
    one_transport_each(&record, &mut row);
    row.figure("interruptions recorded", record.interruption_count.into());
    row.expect(!dose.strict || record.interruption_count == 0, "nobody was missed");
    row.figure("seconds of media both ways, as recorded", record.two_way_s);
    row.expect(record.two_way_s > PEACE.as_secs_f64(), "the seconds of the call");
    Ok(row)
}

/// What came of one change.
struct Found {
    /// The longest time in which nothing came to who changed.
    silence: Duration,
    /// The same to the other side, in tenths of a second.
    unheard: Duration,
    /// From the change to the answer of the greeting.
    socket: Duration,
    resumed: bool,
}

async fn step(
    stage: &Stage<'_>,
    call: &mut Call,
    mover: &Participant,
    mute: &AtomicBool,
    (manner, here, there): (Manner, u8, u8),
) -> anyhow::Result<Found> {
    let (mut citizen, mut lawyer) = call.sides(Role::Citizen);
    mover.take_heard();
    lawyer.client.take_received();
    let gap = cut(stage.ways, here, Cut::Link)?;
    let at = Instant::now();
    mute.store(manner == Manner::Listens, Ordering::Relaxed);
    block_in_place(|| mover.move_to(address(there), manner == Manner::Nominates))?;
    citizen.client.move_to(address(there).into())?;
    let coming_back = async {
        let back = citizen.client.come_back(BACK).await?;
        let took = at.elapsed();
        citizen.say().await?;
        sleep_until((at + CHANGE).into()).await;
        anyhow::Ok((took, back.resumed))
    };
    let listening = async { lawyer.listen(CHANGE).await };
    let ((socket, resumed), ()) = tokio::try_join!(coming_back, listening)?;
    // Somebody to whom nothing comes at all is silent to the end.
    let heard = mover.take_heard();
    let since = heard.last.map_or(CHANGE, |last| last.elapsed());
    let silence = heard.longest_silence.max(since);
    let unheard = lawyer.client.take_received().timeline.longest_silence();
    block_in_place(|| gap.mend())?;
    mute.store(false, Ordering::Relaxed);
    lawyer.say().await?;
    tokio::try_join!(citizen.listen(PEACE / 2), lawyer.listen(PEACE / 2))?;
    Ok(Found { silence, unheard, socket, resumed })
}

/// Cuts a way. Whoever waits here meanwhile waits for a few milliseconds.
fn cut(ways: &Ways, way: u8, cut: Cut) -> anyhow::Result<super::ways::Gap<'_>> {
    block_in_place(|| ways.cut(way, cut))
}

fn milliseconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 10_000.0).round() / 10.0
}
