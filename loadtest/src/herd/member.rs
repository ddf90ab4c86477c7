//! The people of the `herd` scenario: who they are, where they come from, and how each comes back.
use std::{
    net::{IpAddr, Ipv4Addr},
    time::{Duration, Instant},
};

use anyhow::Context as _;
use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
    time::{sleep, timeout},
};
use yunfa_signaling::{
    ids::{AreaCode, SessionId},
    message::ClientMessage,
    words::{Channel, PracticeArea},
};

use super::Plan;
use crate::{
    api::{Directory, Login, Server},
    client::{Citizen, Client, Lawyer},
    comeback::{self, Back},
    peer::Shape,
};

/// How long each step towards a running session may take.
const STEP: Duration = Duration::from_secs(30);
/// How long somebody tries to come back before it counts as lost.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long somebody may be left in peace.
const SHIFT: Duration = Duration::from_secs(24 * 3600);
/// Of so many clients one is a lawyer in a session and one a lawyer on a break.
const PER_LAWYER: u32 = 25;
/// Voice sessions at most: each is two WebRTC clients in this process.
const VOICES: u32 = 5;

/// What one client has to say after a loss.
pub(super) struct Told {
    pub(super) kind: &'static str,
    pub(super) back: anyhow::Result<Back>,
    pub(super) at: Instant,
}

/// Everybody, each in a task of its own; they end when this is dropped.
pub(super) struct Gathering(JoinSet<()>);

/// Where one client comes from.
struct Houses<'a> {
    url: &'a str,
    count: u32,
    next: u32,
}

impl Houses<'_> {
    /// The server, as seen from the next address.
    fn next(&mut self) -> anyhow::Result<Server> {
        self.next += 1;
        let house = u8::try_from(self.next % self.count)?;
        // 127.0.0.0/8 is this machine; the server itself sits at 127.0.0.1.
        Server::from(self.url, IpAddr::V4(Ipv4Addr::new(127, 9, house, 9)))
    }
}

impl Gathering {
    /// How many lawyers a plan for so many clients needs.
    pub(super) fn lawyers(clients: u32) -> u32 {
        2 * Self::sessions(clients)
    }

    fn sessions(clients: u32) -> u32 {
        (clients / PER_LAWYER).max(2)
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Lets everybody arrive: first those who talk, then lawyers on a break, then those who wait because nobody is free.
    pub(super) async fn of(
        url: &str,
        plan: &Plan,
        logins: &[Login],
        cut: &watch::Receiver<()>,
        tell: &mpsc::Sender<Told>,
    ) -> anyhow::Result<Self> {
        let mut houses = Houses { url, count: plan.addresses.into(), next: 0 };
        let mut all = JoinSet::new();
        let mut join = |client, kind, session| all.spawn(live(client, kind, session, cut.clone(), tell.clone()));
        let directory = houses.next()?.directory().await?;
        let village = directory.areas.iter().find(|area| area.level == "village").context("no village")?.code.clone();
        let sessions = Self::sessions(plan.clients);
        let voices = VOICES.min(sessions / 2);
        let (serving, pausing) = logins.split_at(usize::try_from(sessions)?.min(logins.len()));
        for (number, login) in (0..).zip(serving) {
            let (channel, kind) =
                if number < voices { (Channel::Voice, "by voice") } else { (Channel::Text, "by text") };
            let pair = talk(&mut houses, &directory, login, village.clone(), channel);
            let (asker, desk, session) = timeout(STEP * 2, pair).await.context("a session did not begin")??;
            join(asker, kind, Some(session));
            join(desk, kind, Some(session));
        }
        for login in pausing {
            let server = houses.next()?;
            let mut desk = patiently(async || Lawyer::sign_in(&server, login).await).await?;
            let pause = ClientMessage::SetPresence { on_duty: true, on_break: true, on_site: false };
            desk.client.socket().request(pause).await?;
            join(desk.client, "at a desk", None);
        }
        for _ in 2 * sessions + u32::try_from(pausing.len())?..plan.clients {
            let mut citizen = arrive(&houses.next()?, &directory).await?;
            citizen.ask(PracticeArea::Other, village.clone(), Channel::Text).await?;
            join(citizen.client, "waiting", None);
        }
        Ok(Self(all))
    }
}

/// One session, begun; nobody else is free, so nobody else is rung.
async fn talk(
    houses: &mut Houses<'_>,
    directory: &Directory,
    login: &Login,
    village: AreaCode,
    channel: Channel,
) -> anyhow::Result<(Client, Client, SessionId)> {
    let server = houses.next()?;
    let mut lawyer = patiently(async || Lawyer::sign_in(&server, login).await).await?;
    lawyer.set_duty(true).await?;
    let mut citizen = arrive(&houses.next()?, directory).await?;
    if channel == Channel::Voice {
        lawyer.client.join_media(Shape::VOICE).await?;
    }
    citizen.ask(PracticeArea::Other, village, channel).await?;
    if channel == Channel::Voice {
        citizen.client.join_media(Shape::VOICE).await?;
    }
    let offer = lawyer.wait_for_offer(STEP).await?;
    anyhow::ensure!(lawyer.accept(offer).await?, "the offer was over");
    let (asker, desk) = tokio::join!(citizen.client.wait_until_active(STEP), lawyer.client.wait_until_active(STEP));
    asker?;
    Ok((citizen.client, lawyer.client, desk?.id))
}

async fn arrive(server: &Server, directory: &Directory) -> anyhow::Result<Citizen> {
    patiently(async || Citizen::arrive(server, directory).await).await
}

/// Tries again whenever the server says when.
async fn patiently<T>(mut step: impl AsyncFnMut() -> anyhow::Result<T>) -> anyhow::Result<T> {
    let trying = async {
        loop {
            match step().await {
                Err(error) => sleep(comeback::told(&error).ok_or(error)?).await,
                Ok(done) => return Ok(done),
            }
        }
    };
    timeout(STEP, trying).await.context("not let in")?
}

/// One client's life: whenever its socket is gone it comes back, and says how.
async fn live(
    mut client: Client,
    kind: &'static str,
    session: Option<SessionId>,
    mut cut: watch::Receiver<()>,
    tell: mpsc::Sender<Told>,
) {
    loop {
        tokio::select! {
            ordered = cut.changed() => if ordered.is_err() { return },
            () = until_broken(&mut client) => {}
        }
        let back = come_back(&mut client, session).await;
        let is_lost = back.is_err();
        let told = tell.send(Told { kind, back, at: Instant::now() }).await;
        if told.is_err() || is_lost {
            return;
        }
    }
}

async fn until_broken(client: &mut Client) {
    while let Ok(Some(_)) = client.socket().next(SHIFT).await {}
}

/// Back is who may talk again: where the stream went on, so does the session.
async fn come_back(client: &mut Client, session: Option<SessionId>) -> anyhow::Result<Back> {
    let back = client.come_back(PATIENCE).await?;
    if let Some(session) = session.filter(|_| back.resumed) {
        client.chat(session, "我回来了。").await.context("the session does not go on")?;
    }
    Ok(back)
}
