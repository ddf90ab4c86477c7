//! Scenario `pairs`: citizens call lawyers, talk, hang up and rate; what both saw is compared with the sealed records.
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
    time::timeout,
};
use yunfa_signaling::{
    ids::{AreaCode, SessionId},
    message::ServerMessage,
    words::{Channel, Outcome, PracticeArea},
};

use crate::{
    api::{Directory, Login, RecordView, Server},
    client::{Citizen, Lawyer},
    floor::Floor,
    peer::Shape,
    received::Received,
    report::Report,
};

/// Time between the first calls, so that a run does not begin with one burst of handshakes.
const RAMP: Duration = Duration::from_millis(150);
/// How long a citizen waits for an acceptance once a lawyer should be free.
const ACCEPTANCE: Duration = Duration::from_secs(60);
/// How long a lawyer looks at an offer before accepting it. In this time the asker's transport comes up, as it does while
/// people wait, so that what is measured is the connecting of two warm transports.
const LOOK: Duration = Duration::from_millis(1500);
/// How long a session may take from its acceptance to both sides being there.
const ACTIVE: Duration = Duration::from_secs(20);
/// How long the end of a session may take to be told.
const END: Duration = Duration::from_secs(20);
/// Time between the chat lines of a text call.
const CHAT_PAUSE: Duration = Duration::from_secs(1);
/// How long a lawyer waits for the next offer: longer than any run, which has its own end.
const SHIFT: Duration = Duration::from_secs(7 * 24 * 3600);
/// What one wave of calls may take on top of the time for which they are held.
const SLACK: Duration = Duration::from_secs(120);

/// What to do.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Calls in all.
    pub calls: usize,
    /// How long each is held.
    pub hold: Duration,
    /// How the two talk.
    pub channel: Channel,
    /// Who answers; more calls than lawyers are queued here, so that nobody waits longer than the server rings.
    pub lawyers: Vec<Login>,
}

impl Plan {
    /// What a side offers; `None` where there is no media.
    fn shape(&self) -> Option<Shape> {
        match self.channel {
            Channel::Text => None,
            Channel::Voice => Some(Shape::VOICE),
            Channel::Video => Some(Shape::CALL),
        }
    }

    /// What those who sit at a desk answer.
    fn fields(&self) -> Vec<Vec<PracticeArea>> {
        let fields =
            |login: &Login| if login.areas.is_empty() { vec![PracticeArea::Labour] } else { login.areas.clone() };
        self.lawyers.iter().take(self.calls).map(fields).collect()
    }
}

/// What one side of a call saw.
#[derive(Debug)]
pub(crate) enum Side {
    /// The asker's.
    Citizen(CitizenSide),
    /// The lawyer's.
    Lawyer(LawyerSide),
    /// A side that came to nothing, and why.
    Failed(String),
}

/// What the citizen's side of one call saw.
#[derive(Debug)]
pub(crate) struct CitizenSide {
    pub(crate) session: SessionId,
    /// From the offer to the end of the DTLS handshake.
    pub(crate) transport: Option<Duration>,
    pub(crate) asked: Instant,
    pub(crate) received: Received,
    pub(crate) chat_lines: u32,
}

/// What the lawyer's side of one call saw.
#[derive(Debug)]
pub(crate) struct LawyerSide {
    pub(crate) session: SessionId,
    pub(crate) user: String,
    pub(crate) accepted: Instant,
    pub(crate) received: Received,
    pub(crate) chat_lines: u32,
    /// `twoWayS` of the sealed record.
    pub(crate) recorded: f64,
}

/// Runs the plan.
///
/// # Errors
///
/// When the server has no directory or not even one lawyer can go on duty; a call that fails is told in the report.
pub async fn run(server: &Server, plan: &Plan) -> anyhow::Result<Report> {
    ensure!(!plan.lawyers.is_empty(), "there is no lawyer to answer: give --demo-file or --lawyers");
    let directory = Arc::new(server.directory().await?);
    let plan = Arc::new(plan.clone());
    let mut report = Report::new(&plan);
    let floor = Arc::new(Floor::new(plan.fields()));
    let (stop, stopped) = watch::channel(false);
    let (sides, mut told) = mpsc::channel(64);

    let mut desks = JoinSet::new();
    for (number, login) in plan.lawyers.iter().take(plan.calls).enumerate() {
        match open_desk(server, login, &plan).await.with_context(|| format!("lawyer {}", login.user)) {
            Ok((lawyer, transport)) => {
                transport.iter().for_each(|transport| report.transport(*transport));
                floor.free(number);
                let (plan, floor) = (Arc::clone(&plan), Arc::clone(&floor));
                let desk = Desk { lawyer, number, user: login.user.clone(), plan, floor };
                desks.spawn(desk.sit(stopped.clone(), sides.clone()));
            }
            Err(error) => report.add(Side::Failed(format!("{error:#}"))),
        }
    }
    report.desks = desks.len();
    ensure!(!desks.is_empty(), "no lawyer could go on duty: {}", report.failures.join("; "));

    let mut callers = JoinSet::new();
    for number in 0..plan.calls {
        let (server, directory, floor) = (server.clone(), Arc::clone(&directory), Arc::clone(&floor));
        let (plan, sides) = (Arc::clone(&plan), sides.clone());
        callers.spawn(async move {
            tokio::time::sleep(RAMP * u32::try_from(number).unwrap_or(u32::MAX)).await;
            let side = match queue_and_call(&server, &directory, &plan, number, &floor).await {
                Ok(side) => Side::Citizen(side),
                Err(error) => Side::Failed(format!("call {number}: {error:#}")),
            };
            // Whoever reads is there until the last sender is gone.
            let _ = sides.send(side).await;
        });
    }
    drop(sides);

    let waves = u32::try_from(plan.calls.div_ceil(report.desks)).unwrap_or(u32::MAX);
    let all = async {
        let mut calling = plan.calls;
        while let Some(side) = told.recv().await {
            report.add(side);
            while callers.try_join_next().is_some() {
                calling -= 1;
            }
            if calling == 0 {
                stop.send_replace(true);
            }
        }
    };
    if timeout((plan.hold + SLACK) * waves, all).await.is_err() {
        report.add(Side::Failed("the run took too long and was given up".to_owned()));
    }
    report.complete();
    Ok(report)
}

async fn open_desk(server: &Server, login: &Login, plan: &Plan) -> anyhow::Result<(Lawyer, Option<Duration>)> {
    let mut lawyer = Lawyer::sign_in(server, login).await?;
    lawyer.set_duty(true).await?;
    let transport = match plan.shape() {
        Some(shape) => Some(lawyer.client.join_media(shape).await?),
        None => None,
    };
    Ok((lawyer, transport))
}

/// One lawyer for a whole run.
struct Desk {
    lawyer: Lawyer,
    number: usize,
    user: String,
    plan: Arc<Plan>,
    floor: Arc<Floor>,
}

impl Desk {
    /// Takes calls until told to stop.
    async fn sit(mut self, mut stopped: watch::Receiver<bool>, sides: mpsc::Sender<Side>) {
        loop {
            let offer = tokio::select! {
                offer = self.lawyer.wait_for_offer(SHIFT) => offer,
                _ = stopped.wait_for(|stopped| *stopped) => break,
            };
            let told = match offer {
                Ok(offer) => self.answer(offer).await,
                Err(error) => {
                    let _ = sides.send(Side::Failed(format!("lawyer {}: {error:#}", self.user))).await;
                    return;
                }
            };
            let side = match told {
                Ok(None) => continue,
                Ok(Some(side)) => Side::Lawyer(side),
                Err(error) => Side::Failed(format!("lawyer {}: {error:#}", self.user)),
            };
            let _ = sides.send(side).await;
            self.floor.free(self.number);
        }
        if let Err(error) = self.lawyer.set_duty(false).await {
            let _ = sides.send(Side::Failed(format!("lawyer {}: {error:#}", self.user))).await;
        }
        // The run is over; a socket that is already broken is closed too.
        let _ = self.lawyer.client.leave().await;
    }

    /// One call; `None` when another lawyer was first.
    async fn answer(&mut self, offer: yunfa_signaling::ids::OfferId) -> anyhow::Result<Option<LawyerSide>> {
        let lawyer = &mut self.lawyer;
        let is_over = |message: &ServerMessage| match message {
            ServerMessage::OfferClosed { offer: over, .. } if *over == offer => Some(()),
            _ => None,
        };
        if lawyer.client.socket().look_for(LOOK, is_over).await?.is_some() {
            return Ok(None);
        }
        lawyer.client.take_received();
        let accepted = Instant::now();
        self.floor.take(self.number);
        if !lawyer.accept(offer).await? {
            self.floor.free(self.number);
            return Ok(None);
        }
        let session = lawyer.client.wait_until_active(ACTIVE).await?;
        let mut chat_lines = 0;
        if self.plan.channel == Channel::Text {
            while chat_lines < lines(&self.plan) {
                lawyer.client.read_chat(&session, CHAT_PAUSE + END).await?;
                lawyer.client.chat(session.id, "收到。").await?;
                chat_lines += 1;
            }
        }
        lawyer.client.wait_until_ended(session.id, self.plan.hold + END).await?;
        let received = lawyer.client.take_received();
        let record = lawyer.write_outcome(session.id, Outcome::AdviceGiven).await?;
        let recorded = lawyer.record::<RecordView>(record).await?.two_way_s;
        let (session, user) = (session.id, self.user.clone());
        Ok(Some(LawyerSide { session, user, accepted, received, chat_lines, recorded }))
    }
}

/// Lines that a citizen writes in a text call.
fn lines(plan: &Plan) -> u32 {
    u32::try_from(plan.hold.as_secs() / CHAT_PAUSE.as_secs()).unwrap_or(u32::MAX).max(1)
}

async fn queue_and_call(
    server: &Server,
    directory: &Directory,
    plan: &Plan,
    number: usize,
    floor: &Floor,
) -> anyhow::Result<CitizenSide> {
    let village = directory.areas.iter().find(|area| area.level == "village").or(directory.areas.first());
    let village = village.context("the directory has no area")?.code.clone();
    let area = floor.ask(number).await;
    let mut asked = Some(area);
    let mut answered = || asked.take().into_iter().for_each(|area| floor.answered(area));
    let called = async {
        let mut citizen = Citizen::arrive(server, directory).await?;
        let side = call(&mut citizen, plan, area, village, &mut answered).await?;
        citizen.client.leave().await?;
        Ok(side)
    };
    let side = called.await;
    // One that came to nothing is no longer asked either.
    answered();
    side
}

/// One call from the citizen's side; `answered` is called when a lawyer took it.
async fn call(
    citizen: &mut Citizen,
    plan: &Plan,
    practice_area: PracticeArea,
    village: AreaCode,
    answered: impl FnOnce(),
) -> anyhow::Result<CitizenSide> {
    let asked = Instant::now();
    let consultation = citizen.ask(practice_area, village, plan.channel).await?;
    let transport = match plan.shape() {
        Some(shape) => Some(citizen.client.join_media(shape).await?),
        None => None,
    };
    let session = citizen.client.wait_until_active(ACCEPTANCE).await?;
    answered();
    let mut chat_lines = 0;
    if plan.channel == Channel::Text {
        for line in 1..=lines(plan) {
            citizen.client.stay(session.id, CHAT_PAUSE).await?;
            citizen.client.chat(session.id, &format!("第{line}句：工资没有发。")).await?;
            citizen.client.read_chat(&session, END).await?;
            chat_lines += 1;
        }
    } else {
        citizen.client.stay(session.id, plan.hold).await?;
    }
    citizen.client.hang_up(session.id).await?;
    citizen.client.wait_until_ended(session.id, END).await?;
    let received = citizen.client.take_received();
    citizen.rate(consultation, 5).await?;
    Ok(CitizenSide { session: session.id, transport, asked, received, chat_lines })
}
