//! Scenario `crash`: the server is killed in the middle of calls, again and again; what both sides saw is compared with the
//! records that are found afterwards.
mod call;
mod found;
pub(crate) mod process;

use std::{collections::BTreeMap, fmt, sync::Arc, time::Duration};

use anyhow::{Context as _, ensure};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use serde::Serialize;
use tokio::{
    sync::watch,
    task::JoinSet,
    time::{sleep, timeout},
};
use yunfa_signaling::{
    ids::{AreaCode, RecordId},
    words::Channel,
};

use crate::{
    api::{Login, Server},
    client::{Citizen, Lawyer},
    peer::Shape,
};
use call::Script;
pub use call::Seen;
use found::Found;
pub use process::{Binary, Process};

/// How long all calls of a round may take to be talking.
const ALL_TALK: Duration = Duration::from_secs(60);
/// How long clients may take to notice that the server is gone.
const NOTICED: Duration = Duration::from_secs(20);
/// How long calls may take to hang up, and their records to be sealed.
const ALL_END: Duration = Duration::from_secs(60);
/// Points of this name are passed while the server starts, after a kill.
const AT_START: &str = "start-";
/// The server is killed between these two after all calls talk.
const KILL_BETWEEN_MS: (u64, u64) = (500, 15_000);
/// A record in whole seconds is rounded to the nearest one.
const ROUNDING_S: f64 = 0.5;
/// What was seen is known to a tenth of a second.
const TENTH_S: f64 = 0.1;
/// Evidence is durable at the latest after this.
const UNDER_S: f64 = 5.0;

/// What to do.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The server, and where it keeps what it is given.
    pub binary: Binary,
    /// How often it is killed.
    pub kills: u32,
    /// Calls at one time.
    pub calls: u32,
    /// How the two talk.
    pub channel: Channel,
    /// Named points of the server (built with `crash-points`) at which it ends itself, in turn with kills at random.
    pub points: Vec<String>,
    /// The same number makes the same choices.
    pub seed: u64,
}

/// What came of it.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Outcome {
    /// Times the server ended without warning.
    pub kills: u32,
    /// Of these, at a named point.
    pub at_points: BTreeMap<String, u32>,
    /// Sessions in which both sides were there.
    pub sessions: u32,
    /// Records sealed by their owner before the kill.
    pub by_owner: u32,
    /// Records sealed by the reaper after it.
    pub by_reaper: u32,
    /// Sessions that had ended and wait for their lawyer's outcome.
    pub waiting: u32,
    /// Sessions without record and without reason.
    pub lost: u32,
    /// Records beyond one of a session.
    pub doubled: u32,
    /// Sealed records that were gone or changed afterwards.
    pub changed: u32,
    /// The most that a record counts beyond what was seen, in seconds, rounding included: half a second is its bound.
    pub beyond_s: f64,
    /// The same, apart from rounding, the tenth of a second to which it is seen, and how late the callers were.
    pub over_s: f64,
    /// How late the timers of the callers were at most: on a machine that is too busy they see less than there was.
    pub late_s: f64,
    /// The most that a record lacks, in seconds, rounding apart.
    pub under_s: f64,
    /// Verifications of the whole audit log that failed.
    pub audit_faults: u32,
    /// What went wrong, in words.
    pub failures: Vec<String>,
}

impl Outcome {
    /// Nothing lost, doubled, changed or over-counted, and at most five seconds under-counted.
    pub fn is_good(&self) -> bool {
        self.sessions > 0
            && self.lost + self.doubled + self.changed + self.audit_faults == 0
            && self.over_s <= 0.0
            && self.under_s <= UNDER_S
            && self.failures.is_empty()
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kills, sessions, by_owner, by_reaper, waiting, .. } = self;
        writeln!(f, "{kills} kills under {sessions} calls")?;
        for (point, count) in &self.at_points {
            writeln!(f, "  {count:>4} at {point}")?;
        }
        writeln!(
            f,
            "records: {by_owner} by their owner, {by_reaper} by the reaper; {waiting} calls wait for their outcome"
        )?;
        writeln!(f, "lost {}, doubled {}, changed {}", self.lost, self.doubled, self.changed)?;
        writeln!(
            f,
            "over-count {:.1} s (with rounding to the nearest second {:.2} s), under-count {:.1} s at most",
            self.over_s, self.beyond_s, self.under_s
        )?;
        writeln!(f, "the callers' own timers were up to {:.2} s late", self.late_s)?;
        writeln!(f, "audit log: {} faults", self.audit_faults)?;
        for failure in &self.failures {
            writeln!(f, "failed: {failure}")?;
        }
        write!(f, "{}", if self.is_good() { "every promise was kept" } else { "A PROMISE WAS BROKEN" })
    }
}

/// Runs the plan.
///
/// # Errors
///
/// When the server cannot be started or does not do its work between two kills.
pub async fn run(plan: &Plan) -> anyhow::Result<Outcome> {
    ensure!(plan.calls > 0, "at least one call");
    let mut dice = StdRng::seed_from_u64(plan.seed);
    let mut outcome = Outcome::default();
    let mut sealed = BTreeMap::new();
    let logins = plan.binary.prepare(plan.calls).await?;
    for round in 0..plan.kills {
        let point = Some(round % 2).filter(|odd| *odd == 1).and_then(|_| pick(&plan.points, &mut dice));
        let (at_start, in_calls) = match point {
            Some(point) if point.starts_with(AT_START) => (Some(point), None),
            point => (None, point),
        };
        let seen = one_round(plan, &logins, in_calls, &mut dice, &mut outcome)
            .await
            .with_context(|| format!("round {round}"))?;
        if let Some(point) = at_start
            && plan.binary.start(Some((point, dice.random_range(1..=3)))).await.is_err()
        {
            outcome.kills += 1;
            note_point(&mut outcome, at_start, true);
        }
        let mut process = plan.binary.start(None).await?;
        let found = Found::read(&process.server, &plan.binary.supervisor()).await?;
        outcome.audit_faults += u32::from(!plan.binary.audit_is_intact().await?);
        compare(&seen, &found, &mut sealed, &mut outcome);
        process.kill().await?;
    }
    Ok(outcome)
}

fn pick<'a>(points: &'a [String], dice: &mut StdRng) -> Option<&'a str> {
    if points.is_empty() { None } else { points.get(dice.random_range(0..points.len())).map(String::as_str) }
}

/// Calls until the server is gone; what was seen of each.
async fn one_round(
    plan: &Plan,
    logins: &[Login],
    point: Option<&str>,
    dice: &mut StdRng,
    outcome: &mut Outcome,
) -> anyhow::Result<Vec<Seen>> {
    let mut process = plan.binary.start(point.map(|point| (point, dice.random_range(1..=20)))).await?;
    let scripts: Vec<Script> = (0..plan.calls).map(|_| Script::roll(dice)).collect();
    let kill_after = Duration::from_millis(dice.random_range(KILL_BETWEEN_MS.0..KILL_BETWEEN_MS.1));
    let begun = begin(plan.channel, &process.server, logins, scripts).await;
    match begun {
        Ok(calls) => {
            calls.go.send_replace(true);
            let Calls { running: mut calls, timers: _timers, .. } = calls;
            tokio::select! {
                () = sleep(kill_after) => process.kill().await?,
                ended = process.ended() => note_point(outcome, point, ended?),
            }
            outcome.kills += 1;
            let mut seen = vec![];
            let all = async {
                while let Some(call) = calls.join_next().await {
                    seen.push(call?);
                }
                anyhow::Ok(())
            };
            timeout(NOTICED, all).await.context("clients did not notice that the server is gone")??;
            Ok(seen)
        }
        // A named point may come before anybody talks.
        Err(error) if point.is_some() => {
            let ended = timeout(NOTICED, process.ended()).await.with_context(|| format!("{error:#}"))??;
            note_point(outcome, point, ended);
            outcome.kills += 1;
            Ok(vec![])
        }
        Err(error) => Err(error),
    }
}

fn note_point(outcome: &mut Outcome, point: Option<&str>, ended_itself: bool) {
    match point {
        Some(point) if ended_itself => *outcome.at_points.entry(point.to_owned()).or_default() += 1,
        _ => outcome.failures.push("the server ended, and not at a point".to_owned()),
    }
}

/// Calls in which both sides talk; each goes on until it is told otherwise.
#[derive(Debug)]
pub struct Calls {
    running: JoinSet<Seen>,
    go: watch::Sender<bool>,
    /// Ends with the calls.
    timers: JoinSet<()>,
}

impl Calls {
    /// Begins a call for each login.
    ///
    /// # Errors
    ///
    /// When one of them does not begin.
    pub async fn begin(server: &Server, logins: &[Login], channel: Channel) -> anyhow::Result<Self> {
        begin(channel, server, logins, vec![Script::AT_ONCE; logins.len()]).await
    }

    /// Everybody hangs up and every lawyer writes the outcome; what was seen of each call.
    ///
    /// # Errors
    ///
    /// When they do not come to an end in time.
    pub async fn hang_up(self) -> anyhow::Result<Vec<Seen>> {
        self.go.send_replace(true);
        self.ended(ALL_END).await
    }

    /// Waits until the server ends them all; what was seen of each.
    ///
    /// # Errors
    ///
    /// When they do not come to an end in time.
    pub async fn ended(mut self, within: Duration) -> anyhow::Result<Vec<Seen>> {
        let all = async {
            let mut seen = vec![];
            while let Some(call) = self.running.join_next().await {
                seen.push(call?);
            }
            anyhow::Ok(seen)
        };
        timeout(within, all).await.context("the calls did not end")?
    }
}

/// Compares what was seen of calls with what a supervisor finds.
///
/// # Errors
///
/// When the server does not answer.
pub async fn check(binary: &Binary, server: &Server, seen: &[Seen]) -> anyhow::Result<Outcome> {
    let mut outcome = Outcome::default();
    let found = Found::read(server, &binary.supervisor()).await?;
    outcome.audit_faults += u32::from(!binary.audit_is_intact().await?);
    compare(seen, &found, &mut BTreeMap::new(), &mut outcome);
    Ok(outcome)
}

/// Brings all calls to where both sides talk.
async fn begin(channel: Channel, server: &Server, logins: &[Login], scripts: Vec<Script>) -> anyhow::Result<Calls> {
    let directory = Arc::new(server.directory().await?);
    let village = directory.areas.iter().find(|area| area.level == "village").context("no village")?.code.clone();
    let shape = match channel {
        Channel::Text => None,
        Channel::Voice => Some(Shape::VOICE),
        Channel::Video => Some(Shape::CALL),
    };
    let (mut running, mut timers, late) = (JoinSet::new(), JoinSet::new(), call::Lateness::default());
    timers.spawn(call::watch_timers(Arc::clone(&late)));
    let (go, all_talk) = watch::channel(false);
    // One after the other: a lawyer who is alone on duty is the one who is rung.
    for (login, script) in logins.iter().zip(scripts) {
        let mut lawyer = Lawyer::sign_in(server, login).await?;
        lawyer.set_duty(true).await?;
        let mut citizen = Citizen::arrive(server, &directory).await?;
        if let Some(shape) = shape {
            lawyer.client.join_media(shape).await?;
        }
        let area: AreaCode = village.clone();
        let talking = call::connect(&mut citizen, &mut lawyer, area, channel, shape);
        let session = timeout(ALL_TALK, talking).await.context("a call did not begin")??;
        running.spawn(call::talk(citizen, lawyer, session, script, all_talk.clone(), Arc::clone(&late)));
    }
    Ok(Calls { running, go, timers })
}

fn compare(seen: &[Seen], found: &Found, sealed: &mut BTreeMap<RecordId, f64>, outcome: &mut Outcome) {
    outcome.doubled = found.doubled();
    for (record, two_way_s) in sealed.iter() {
        if found.two_way_s(*record) != Some(*two_way_s) {
            outcome.changed += 1;
            outcome.failures.push(format!("{record:?} was {two_way_s} s and is {:?}", found.two_way_s(*record)));
        }
    }
    for call in seen {
        outcome.sessions += 1;
        let Some(session) = found.session(call.session) else {
            outcome.lost += 1;
            outcome.failures.push(format!("{:?} is not there", call.session));
            continue;
        };
        let Some(record) = session.record else {
            if session.state == "ENDED" && call.ended && call.sealed.is_none() {
                outcome.waiting += 1;
            } else {
                outcome.lost += 1;
                outcome.failures.push(format!("{:?} ({}) has no record", call.session, session.state));
            }
            continue;
        };
        let Some(two_way_s) = found.two_way_s(record) else { continue };
        sealed.insert(record, two_way_s);
        if let Some(before) = call.sealed
            && before != record
        {
            outcome.changed += 1;
            outcome.failures.push(format!("{:?} was {before:?} and is {record:?}", call.session));
        }
        match found.is_by_reaper(record) {
            true => outcome.by_reaper += 1,
            false => outcome.by_owner += 1,
        }
        let beyond_s = two_way_s - call.two_way_s;
        outcome.beyond_s = outcome.beyond_s.max(beyond_s);
        outcome.late_s = outcome.late_s.max(call.late_s);
        outcome.over_s = outcome.over_s.max(beyond_s - ROUNDING_S - TENTH_S - call.late_s);
        outcome.under_s = outcome.under_s.max(-beyond_s - ROUNDING_S);
    }
}
