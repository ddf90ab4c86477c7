//! The two calls that go on while strangers try: one between honest clients, one between clients made by hand.
use std::{future::Future, sync::Arc, time::Duration};

use anyhow::{Context as _, anyhow};
use yunfa_signaling::{
    ids::{AreaCode, SessionId},
    words::{Channel, PracticeArea},
};

use super::AT;
use crate::{
    api::{Directory, Server},
    client::{Citizen, Lawyer},
    handmade::Hand,
    host::Host,
    participant::{Participant, Validated},
    peer::Shape,
    received::Sums,
};

/// How long each step towards a running session may take.
const STEP: Duration = Duration::from_secs(20);
/// Longer than any attack.
const ALWAYS: Duration = Duration::from_secs(7_200);
/// The names of the two who are made by hand.
const NAMES: (u16, u16) = (1, 2);

/// Whom one can ask, and for what.
#[derive(Clone)]
pub(super) struct Door {
    server: Server,
    directory: Arc<Directory>,
    village: AreaCode,
}

impl Door {
    async fn of(server: &Server) -> anyhow::Result<Self> {
        let directory = server.directory().await?;
        let village = directory.areas.iter().find(|area| area.level == "village").context("no village")?.code.clone();
        Ok(Self { server: server.clone(), directory: Arc::new(directory), village })
    }

    /// A guest who has asked for a lawyer.
    pub(super) async fn guest(&self, practice_area: PracticeArea) -> anyhow::Result<Citizen> {
        let mut citizen = Citizen::arrive(&self.server, &self.directory).await?;
        citizen.ask(practice_area, self.village.clone(), Channel::Video).await?;
        Ok(citizen)
    }

    /// How long a guest's media take from the offer to the end of the handshake.
    pub(super) async fn set_up(&self) -> anyhow::Result<Duration> {
        let mut citizen = Citizen::arrive(&self.server, &self.directory).await?;
        let consultation = citizen.ask(PracticeArea::Other, self.village.clone(), Channel::Voice).await?;
        let took = citizen.client.join_media(Shape::VOICE).await?;
        citizen.cancel(consultation).await?;
        citizen.client.leave().await?;
        Ok(took)
    }
}

struct Call {
    citizen: Citizen,
    lawyer: Lawyer,
    session: SessionId,
}

impl Call {
    /// Both ends of it until one is over; says what happened.
    async fn watch(&mut self) -> anyhow::Error {
        let ended = tokio::select! {
            ended = self.citizen.client.stay(self.session, ALWAYS) => ended,
            ended = self.lawyer.client.stay(self.session, ALWAYS) => ended,
        };
        ended.err().unwrap_or_else(|| anyhow!("it was held for too long"))
    }
}

/// Both calls.
pub(super) struct Calls {
    pub(super) door: Door,
    honest: Call,
    by_hand: Call,
    /// Who speaks in the call made by hand.
    pub(super) speaker: Arc<Participant>,
    /// Who listens there.
    pub(super) listener: Arc<Participant>,
}

impl Calls {
    /// Lets both begin.
    pub(super) async fn begin(host: &Host, hand: &Arc<Hand>) -> anyhow::Result<Self> {
        let door = Door::of(&host.server).await?;
        let mut desks = host.demo.lawyers.iter();
        let (first, second) = desks.next().zip(desks.next()).context("fewer than two lawyers")?;
        let area = |login: &crate::api::Login| login.areas.first().copied().unwrap_or(PracticeArea::Labour);

        let mut lawyer = Lawyer::sign_in(&host.server, first).await?;
        lawyer.set_duty(true).await?;
        lawyer.client.join_media(Shape::CALL).await?;
        let mut citizen = door.guest(area(first)).await?;
        citizen.client.join_media(Shape::CALL).await?;
        let honest = accepted(citizen, lawyer).await.context("the honest call")?;

        let mut lawyer = Lawyer::sign_in(&host.server, second).await?;
        lawyer.set_duty(true).await?;
        let listener = Validated::join(hand, NAMES.1, lawyer.client.socket(), AT).await?.connect(Arc::clone(hand))?;
        let mut citizen = door.guest(area(second)).await?;
        let speaker = Validated::join(hand, NAMES.0, citizen.client.socket(), AT).await?.connect(Arc::clone(hand))?;
        let by_hand = accepted(citizen, lawyer).await.context("the call made by hand")?;
        Ok(Self { door, honest, by_hand, speaker: Arc::new(speaker), listener: Arc::new(listener) })
    }

    /// Does something while both calls are held; an error when one of them ends.
    pub(super) async fn during<T>(&mut self, work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
        let (honest, by_hand) = (&mut self.honest, &mut self.by_hand);
        tokio::select! {
            done = work => done,
            ended = honest.watch() => Err(ended.context("the honest call ended")),
            ended = by_hand.watch() => Err(ended.context("the call made by hand ended")),
        }
    }

    /// Lets both go on for that long.
    pub(super) async fn hold(&mut self, time: Duration) -> anyhow::Result<()> {
        let pass = async {
            tokio::time::sleep(time).await;
            Ok(())
        };
        self.during(pass).await
    }

    /// What the two honest clients heard of each other since the last call of this.
    pub(super) fn take_voices(&mut self) -> [Sums; 2] {
        [self.honest.citizen.client.take_received().audio, self.honest.lawyer.client.take_received().audio]
    }

    /// Whether an honest client had to set its media up again.
    pub(super) fn lost_media(&self) -> bool {
        self.honest.citizen.client.attempts() + self.honest.lawyer.client.attempts() > 2
    }

    /// Where the honest citizen's packets come from, and the SSRC of its microphone.
    pub(super) async fn victim(&self) -> anyhow::Result<(std::net::SocketAddr, u32)> {
        let peer = self.honest.citizen.client.peer().context("no media")?;
        peer.sends_from().await.context("no address")
    }
}

async fn accepted(mut citizen: Citizen, mut lawyer: Lawyer) -> anyhow::Result<Call> {
    let offer = lawyer.wait_for_offer(STEP).await?;
    anyhow::ensure!(lawyer.accept(offer).await?, "the offer was over");
    let (asker, desk) = tokio::join!(citizen.client.wait_until_active(STEP), lawyer.client.wait_until_active(STEP));
    asker?;
    let session = desk?.id;
    Ok(Call { citizen, lawyer, session })
}
