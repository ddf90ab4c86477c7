//! A call of the `network` scenario: how it begins, what is said in it, and what is kept of it.
use std::{net::Ipv4Addr, sync::Arc, time::Duration};

use anyhow::{Context as _, ensure};
use serde::Deserialize;
use tokio::sync::Mutex;
use yunfa_signaling::{
    ids::{AreaCode, LegId, RecordId, SessionId},
    message::{ClientMessage, ServerMessage},
    private::{ChatText, Token},
    time::Timestamp,
    words::{Channel, LegState, Outcome, PracticeArea, Role},
};

use crate::{
    api::{Directory, Login, Server},
    client::{Citizen, Client, Lawyer},
    handmade::Hand,
    host::Host,
    participant::{Participant, Validated},
    peer::Shape,
    promises::Row,
};

/// How long each step towards a running session may take, and to its end.
const STEP: Duration = Duration::from_secs(20);
/// How long the last lines may take.
const LAST_LINES: Duration = Duration::from_secs(5);

/// Whom one can ask, and for what. One at a time: so that the lawyer who is rung is the one who was meant.
pub(super) struct Door {
    host: Server,
    directory: Directory,
    village: AreaCode,
    lawyers: Vec<Login>,
    supervisor: Token,
    turn: Mutex<()>,
}

/// A call that runs.
pub(super) struct Call {
    pub(super) citizen: Citizen,
    pub(super) lawyer: Lawyer,
    pub(super) session: SessionId,
    legs: Legs,
    said: [Vec<String>; 2],
}

/// Who is who.
#[derive(Clone, Copy, Debug)]
struct Legs {
    citizen: LegId,
    lawyer: LegId,
}

/// A sealed record, as far as it is compared here.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Record {
    pub(super) two_way_s: f64,
    pub(super) interruptions: Vec<Interruption>,
    pub(super) interruption_count: u32,
    pub(super) legs: Vec<Leg>,
}

/// A time in which a leg was missing.
#[derive(Debug, Deserialize)]
pub(super) struct Interruption {
    pub(super) role: Role,
    pub(super) from: Timestamp,
    pub(super) to: Option<Timestamp>,
}

/// One leg's part.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Leg {
    pub(super) role: Role,
    /// Transports it had, one after the other.
    pub(super) transports: u32,
    /// Times of 3 s or more without a packet of it.
    pub(super) silences: u32,
    pub(super) leave_reason: Option<LegState>,
}

impl Record {
    pub(super) fn leg(&self, role: Role) -> anyhow::Result<&Leg> {
        self.legs.iter().find(|leg| leg.role == role).context("a leg is missing in the record")
    }
}

/// A row of `/api/records`.
#[derive(Debug, Deserialize)]
struct Listed {
    session: SessionId,
}

#[derive(Debug, Deserialize)]
struct List {
    items: Vec<Listed>,
}

impl Door {
    pub(super) async fn of(host: &Host) -> anyhow::Result<Self> {
        let directory = host.server.directory().await?;
        let village = directory.areas.iter().find(|area| area.level == "village").context("no village")?.code.clone();
        let login = Login { user: "supervisor1".to_owned(), password: "demo-supervisor1".to_owned(), areas: vec![] };
        let supervisor = host.server.log_in(&login).await?;
        let (lawyers, turn) = (host.demo.lawyers.clone(), Mutex::new(()));
        Ok(Self { host: host.server.clone(), directory, village, lawyers, supervisor, turn })
    }

    /// A voice call of a fresh citizen and the lawyer of this number, each reached where they are; the citizen's media
    /// are those of a full client.
    pub(super) async fn call(&self, number: u8, citizen: Ipv4Addr, lawyer: Ipv4Addr) -> anyhow::Result<Call> {
        let _turn = self.turn.lock().await;
        let (mut citizen, lawyer) = self.ask(number, citizen, lawyer).await?;
        citizen.client.join_media(Shape::VOICE).await?;
        Call::accepted(citizen, lawyer).await
    }

    /// The same with a citizen whose media are made by hand.
    pub(super) async fn call_by_hand(
        &self,
        hand: &Arc<Hand>,
        number: u8,
        from: Ipv4Addr,
        lawyer: Ipv4Addr,
    ) -> anyhow::Result<(Call, Arc<Participant>)> {
        let _turn = self.turn.lock().await;
        let (mut citizen, lawyer) = self.ask(number, from, lawyer).await?;
        let url = self.host.url();
        let std::net::SocketAddr::V4(to) = *url.socket_addrs(|| None)?.first().context("no address")? else {
            anyhow::bail!("an IPv6 address here");
        };
        let at = (from, Host::media(*to.ip()));
        let validated = Validated::join(hand, number.into(), citizen.client.socket(), at).await?;
        let participant = Arc::new(validated.connect(Arc::clone(hand))?);
        Ok((Call::accepted(citizen, lawyer).await?, participant))
    }

    async fn ask(&self, number: u8, citizen: Ipv4Addr, lawyer: Ipv4Addr) -> anyhow::Result<(Citizen, Lawyer)> {
        let login = self.lawyers.get(usize::from(number)).context("too few lawyers")?;
        let from = |address: Ipv4Addr| Server::from(self.host.url().as_str(), address.into());
        let mut lawyer = Lawyer::sign_in(&from(lawyer)?, login).await?;
        lawyer.set_duty(true).await?;
        lawyer.client.join_media(Shape::VOICE).await?;
        let mut citizen = Citizen::arrive(&from(citizen)?, &self.directory).await?;
        citizen.ask(PracticeArea::Other, self.village.clone(), Channel::Voice).await?;
        Ok((citizen, lawyer))
    }

    /// Records of a session, as a supervisor finds them.
    async fn records_of(&self, session: SessionId) -> anyhow::Result<usize> {
        let list: List = self.host.get("/api/records?limit=200", Some(&self.supervisor)).await?;
        Ok(list.items.iter().filter(|row| row.session == session).count())
    }

    /// Writes the outcome of a session that is over, and reads its record; that there is one is expected of the row.
    pub(super) async fn seal(&self, call: &mut Call, row: &mut Row) -> anyhow::Result<Record> {
        let record: RecordId = call.lawyer.write_outcome(call.session, Outcome::AdviceGiven).await?;
        row.expect(self.records_of(call.session).await? == 1, "one record");
        call.lawyer.record(record).await
    }
}

impl Call {
    async fn accepted(mut citizen: Citizen, mut lawyer: Lawyer) -> anyhow::Result<Self> {
        let offer = lawyer.wait_for_offer(STEP).await?;
        ensure!(lawyer.accept(offer).await?, "the offer was over");
        let (asker, desk) = tokio::join!(citizen.client.wait_until_active(STEP), lawyer.client.wait_until_active(STEP));
        let (asker, desk) = (asker?, desk?);
        // Nobody else's matter rings here afterwards.
        lawyer.set_duty(false).await?;
        for client in [&mut citizen.client, &mut lawyer.client] {
            // What came before is no part of the story.
            while client.socket().next(Duration::ZERO).await?.is_some() {}
            client.take_received();
        }
        let legs = Legs { citizen: asker.you, lawyer: desk.you };
        Ok(Self { citizen, lawyer, session: desk.id, legs, said: [vec![], vec![]] })
    }

    /// A side, and the other.
    pub(super) fn sides(&mut self, role: Role) -> (Voice<'_>, Voice<'_>) {
        let [asked, answered] = &mut self.said;
        let citizen = Voice { client: &mut self.citizen.client, session: self.session, name: "citizen", said: asked };
        let lawyer = Voice { client: &mut self.lawyer.client, session: self.session, name: "lawyer", said: answered };
        if role == Role::Citizen { (citizen, lawyer) } else { (lawyer, citizen) }
    }

    /// The citizen hangs up, and both hear of the end.
    pub(super) async fn end(&mut self) -> anyhow::Result<()> {
        self.citizen.client.hang_up(self.session).await?;
        let (asker, desk) = tokio::join!(
            self.citizen.client.wait_until_ended(self.session, STEP),
            self.lawyer.client.wait_until_ended(self.session, STEP)
        );
        asker.and(desk)
    }

    /// Every line has come to both sides, once, numbered without a gap, and in the order in which its side said it.
    pub(super) async fn compare_lines(&mut self, row: &mut Row) -> anyhow::Result<()> {
        let count = self.said.iter().map(Vec::len).sum();
        let (asker, desk) = tokio::join!(
            lines(&mut self.citizen.client, self.session, count),
            lines(&mut self.lawyer.client, self.session, count)
        );
        let (asker, desk) = (asker?, desk?);
        row.figure("lines of chat, both ways", count as f64);
        row.expect(asker == desk, "both sides have the same lines");
        let numbers: Vec<u32> = asker.iter().map(|line| line.number).collect();
        row.expect(numbers == (1..=numbers.len() as u32).collect::<Vec<_>>(), "lines are numbered without a gap");
        for (leg, said) in [self.legs.citizen, self.legs.lawyer].into_iter().zip(&self.said) {
            let heard: Vec<_> = asker.iter().filter(|line| line.from == leg).map(|line| line.text.clone()).collect();
            let (missing, more) = (said.len().saturating_sub(heard.len()), heard.len().saturating_sub(said.len()));
            row.expect(heard == *said, &format!("each line once and in order: {missing} missing, {more} too many"));
        }
        Ok(())
    }

    /// Goes away in order.
    pub(super) async fn leave(self) -> anyhow::Result<()> {
        self.citizen.client.leave().await.and(self.lawyer.client.leave().await)
    }
}

/// One side of a call, which remembers what it said.
pub(super) struct Voice<'a> {
    pub(super) client: &'a mut Client,
    session: SessionId,
    name: &'static str,
    said: &'a mut Vec<String>,
}

impl Voice<'_> {
    /// Says the next line and waits until it is taken.
    pub(super) async fn say(&mut self) -> anyhow::Result<()> {
        let text = self.next();
        self.client.chat(self.session, &text).await
    }

    /// Says the next line and waits for nothing.
    pub(super) async fn blurt(&mut self) -> anyhow::Result<()> {
        let text = ChatText::new(self.next());
        let message = yunfa_signaling::ids::MessageId::new(uuid::Uuid::new_v4());
        self.client.socket().send(ClientMessage::SendChat { session: self.session, message, text }).await?;
        Ok(())
    }

    /// Listens for so long.
    pub(super) async fn listen(&mut self, time: Duration) -> anyhow::Result<()> {
        self.client.stay(self.session, time).await
    }

    fn next(&mut self) -> String {
        let text = format!("{} {}", self.name, self.said.len() + 1);
        self.said.push(text.clone());
        text
    }
}

/// A line as it came.
#[derive(Debug, PartialEq, Eq)]
struct Line {
    number: u32,
    from: LegId,
    text: String,
}

/// The lines that came, as many as were said and those that came too often.
async fn lines(client: &mut Client, of: SessionId, count: usize) -> anyhow::Result<Vec<Line>> {
    let mut lines = vec![];
    loop {
        let patience = if lines.len() < count { LAST_LINES } else { Duration::from_millis(300) };
        let line = client.look_for(patience, |message| match message {
            ServerMessage::Chat { session, number, from, text, .. } if *session == of => {
                Some(Line { number: *number, from: *from, text: text.expose().to_owned() })
            }
            _ => None,
        });
        match line.await? {
            Some(line) => lines.push(line),
            None => return Ok(lines),
        }
    }
}
