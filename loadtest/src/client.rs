//! Citizens and lawyers as programs: what the pages do, step by step.
use std::{
    net::IpAddr,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use uuid::Uuid;
use yunfa_signaling::{
    ids::{AreaCode, ConsultationId, MessageId, OfferId, RecordId, SessionId},
    message::{ClientMessage, ErrorCode, ServerMessage, SessionView, Welcome},
    private::{ChatText, Sdp, Token},
    words::{Channel, Outcome, PracticeArea, SessionState},
};

use crate::{
    api::{Directory, Login, Server},
    comeback::{self, Back},
    peer::{MediaPeer, Shape},
    received::Received,
    socket::{Refused, Socket, insist},
};

/// How long the server may take to answer an offer, and ICE with DTLS to come up.
const TRANSPORT: Duration = Duration::from_secs(15);
/// How long sealing a record may take after its outcome was written.
const SEAL: Duration = Duration::from_secs(30);

/// What citizens and lawyers have in common: an account, a socket, one media connection.
pub struct Client {
    server: Server,
    token: Token,
    local: IpAddr,
    socket: Socket,
    shape: Shape,
    attempt: u32,
    peer: Option<MediaPeer>,
    /// What connections received that had to be replaced.
    earlier: Received,
}

impl Client {
    async fn connect(server: &Server, token: Token) -> anyhow::Result<(Self, Welcome)> {
        let ticket = server.socket_ticket(&token).await?;
        let (socket, welcome) = Socket::connect(server, ticket).await?;
        let local = server.local_address()?;
        let server = server.clone();
        let (shape, attempt, peer, earlier) = (Shape::CALL, 0, None, Received::default());
        Ok((Self { server, token, local, socket, shape, attempt, peer, earlier }, welcome))
    }

    /// The socket, for what has no method here.
    pub fn socket(&mut self) -> &mut Socket {
        &mut self.socket
    }

    /// Comes back after the socket was lost, as pages do.
    ///
    /// # Errors
    ///
    /// When it is not back in time.
    pub async fn come_back(&mut self, within: Duration) -> anyhow::Result<Back> {
        comeback::come_back(&mut self.socket, &self.server, &self.token, within).await
    }

    /// Loses the socket without a word, as in a tunnel; media go on.
    pub fn cut_socket(&mut self) {
        self.socket.cut();
    }

    /// Tries once to come back, at once; whether the stream goes on, for else it began anew.
    ///
    /// # Errors
    ///
    /// When the server is not there, or says when to come back.
    pub async fn try_again(&mut self) -> anyhow::Result<bool> {
        Ok(self.socket.try_again(&self.server, &self.token).await?.is_none())
    }

    /// Reaches the server from another address of ours from now on; what is connected stays as it is.
    ///
    /// # Errors
    ///
    /// When the address cannot be used.
    pub fn move_to(&mut self, local: IpAddr) -> anyhow::Result<()> {
        self.server = Server::from(self.server.url().as_str(), local)?;
        self.local = local;
        Ok(())
    }

    /// The bearer token, for the HTTP API.
    pub fn token(&self) -> &Token {
        &self.token
    }

    /// The media connection, if there is one.
    pub fn peer(&self) -> Option<&MediaPeer> {
        self.peer.as_ref()
    }

    /// How often it set up media; more than once means that they were lost.
    pub fn attempts(&self) -> u32 {
        self.attempt
    }

    /// Sets up the one media connection; the answer is how long it took from the offer to the end of the DTLS handshake.
    ///
    /// # Errors
    ///
    /// When the server refuses the offer or media does not connect in time.
    pub async fn join_media(&mut self, shape: Shape) -> anyhow::Result<Duration> {
        self.shape = shape;
        let begun = Instant::now();
        let mut peer = MediaPeer::new(shape, self.local).await?;
        self.attempt += 1;
        let attempt = self.attempt;
        let offer = Sdp::new(peer.offer().await?);
        self.socket.request(ClientMessage::JoinMedia { attempt, offer }).await?;
        let answer = self
            .socket
            .wait_for(TRANSPORT, "mediaAnswer", |message| match message {
                ServerMessage::MediaAnswer { attempt: of, answer } if *of == attempt => Some(answer.clone()),
                _ => None,
            })
            .await?;
        peer.answer(answer.into_inner()).await?;
        peer.connected(TRANSPORT).await?;
        if let Some(former) = self.peer.replace(peer) {
            self.earlier.add(former.take_received());
        }
        Ok(begun.elapsed())
    }

    /// Waits for a message like [`Socket::wait_for`], and sets media up again whenever the server says it is lost.
    ///
    /// # Errors
    ///
    /// When the time is over, or the socket or media are broken.
    pub async fn wait_for<T>(
        &mut self,
        within: Duration,
        what: &str,
        pick: impl FnMut(&ServerMessage) -> Option<T>,
    ) -> anyhow::Result<T> {
        insist(self.look_for(within, pick).await, within, what)
    }

    /// The same, but that nothing came in time is an answer: `None`.
    ///
    /// # Errors
    ///
    /// When the socket or media are broken.
    pub async fn look_for<T>(
        &mut self,
        within: Duration,
        mut pick: impl FnMut(&ServerMessage) -> Option<T>,
    ) -> anyhow::Result<Option<T>> {
        let deadline = Instant::now() + within;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let found = self.socket.look_for(left, |message| match message {
                ServerMessage::MediaLost {} => Some(None),
                message => pick(message).map(Some),
            });
            match found.await? {
                Some(Some(found)) => return Ok(Some(found)),
                Some(None) => self.join_media(self.shape).await.map(|_| ())?,
                None => return Ok(None),
            }
        }
    }

    /// Stays in the session for that long.
    ///
    /// # Errors
    ///
    /// When it ends before.
    pub async fn stay(&mut self, session: SessionId, time: Duration) -> anyhow::Result<()> {
        let ended = self.look_for(time, |message| match message {
            ServerMessage::SessionEnded { session: of, reason, .. } if *of == session => Some(*reason),
            _ => None,
        });
        match ended.await? {
            None => Ok(()),
            Some(reason) => bail!("the session ended by itself: {reason}"),
        }
    }

    /// What media brought since the last call of this.
    pub fn take_received(&mut self) -> Received {
        let mut received = std::mem::take(&mut self.earlier);
        if let Some(peer) = &self.peer {
            received.add(peer.take_received());
        }
        received
    }

    /// Waits until the session stands where both can talk.
    ///
    /// # Errors
    ///
    /// When it does not in time.
    pub async fn wait_until_active(&mut self, within: Duration) -> anyhow::Result<SessionView> {
        self.wait_for(within, "session ACTIVE", |message| match message {
            ServerMessage::Session(session) if session.state == SessionState::Active => Some(session.clone()),
            _ => None,
        })
        .await
    }

    /// Waits until the session is over.
    ///
    /// # Errors
    ///
    /// When it is not in time.
    pub async fn wait_until_ended(&mut self, session: SessionId, within: Duration) -> anyhow::Result<()> {
        self.wait_for(within, "sessionEnded", |message| match message {
            ServerMessage::SessionEnded { session: of, .. } if *of == session => Some(()),
            _ => None,
        })
        .await
    }

    /// Writes a chat line.
    ///
    /// # Errors
    ///
    /// When it is refused.
    pub async fn chat(&mut self, session: SessionId, text: &str) -> anyhow::Result<()> {
        let message = MessageId::new(Uuid::new_v4());
        self.socket.request(ClientMessage::SendChat { session, message, text: ChatText::new(text) }).await
    }

    /// Waits for a chat line that somebody else wrote.
    ///
    /// # Errors
    ///
    /// When none comes in time.
    pub async fn read_chat(&mut self, session: &SessionView, within: Duration) -> anyhow::Result<ChatText> {
        let (id, you) = (session.id, session.you);
        self.wait_for(within, "chat", |message| match message {
            ServerMessage::Chat { session, from, text, .. } if *session == id && *from != you => Some(text.clone()),
            _ => None,
        })
        .await
    }

    /// Ends the session.
    ///
    /// # Errors
    ///
    /// When that is refused.
    pub async fn hang_up(&mut self, session: SessionId) -> anyhow::Result<()> {
        self.socket.request(ClientMessage::HangUp { session }).await
    }

    /// Goes away in order: media first, then the socket.
    ///
    /// # Errors
    ///
    /// When one of them is broken.
    pub async fn leave(self) -> anyhow::Result<()> {
        if let Some(peer) = &self.peer {
            peer.close().await?;
        }
        self.socket.close().await
    }
}

/// An asker, a guest.
pub struct Citizen {
    /// Socket and media.
    pub client: Client,
}

impl Citizen {
    /// Becomes a guest and connects.
    ///
    /// # Errors
    ///
    /// When the server refuses.
    pub async fn arrive(server: &Server, directory: &Directory) -> anyhow::Result<Self> {
        let token = server.become_guest(directory).await?;
        Ok(Self { client: Client::connect(server, token).await?.0 })
    }

    /// Asks for a lawyer.
    ///
    /// # Errors
    ///
    /// When that is refused.
    pub async fn ask(
        &mut self,
        practice_area: PracticeArea,
        area: AreaCode,
        channel: Channel,
    ) -> anyhow::Result<ConsultationId> {
        let consultation = ConsultationId::new(Uuid::new_v4());
        let request = ClientMessage::RequestConsultation { consultation, practice_area, area, channel, lawyer: None };
        self.client.socket.request(request).await?;
        Ok(consultation)
    }

    /// Stops waiting.
    ///
    /// # Errors
    ///
    /// When that is refused.
    pub async fn cancel(&mut self, consultation: ConsultationId) -> anyhow::Result<()> {
        self.client.socket.request(ClientMessage::CancelConsultation { consultation }).await
    }

    /// Gives stars.
    ///
    /// # Errors
    ///
    /// When they are refused.
    pub async fn rate(&mut self, consultation: ConsultationId, stars: u8) -> anyhow::Result<()> {
        self.client.socket.request(ClientMessage::Rate { consultation, stars }).await
    }
}

/// A lawyer at a desk.
pub struct Lawyer {
    /// Socket and media.
    pub client: Client,
}

impl Lawyer {
    /// Signs in and connects.
    ///
    /// # Errors
    ///
    /// When the server refuses.
    pub async fn sign_in(server: &Server, login: &Login) -> anyhow::Result<Self> {
        let token = server.log_in(login).await?;
        Ok(Self { client: Client::connect(server, token).await?.0 })
    }

    /// Goes on duty, or off.
    ///
    /// # Errors
    ///
    /// When that is refused.
    pub async fn set_duty(&mut self, on_duty: bool) -> anyhow::Result<()> {
        self.client.socket.request(ClientMessage::SetPresence { on_duty, on_break: false, on_site: false }).await
    }

    /// Waits to be rung.
    ///
    /// # Errors
    ///
    /// When nobody rings in time.
    pub async fn wait_for_offer(&mut self, within: Duration) -> anyhow::Result<OfferId> {
        self.client
            .wait_for(within, "offered", |message| match message {
                ServerMessage::Offered(offer) => Some(offer.id),
                _ => None,
            })
            .await
    }

    /// Shows an offer and takes it; `false` when another was first or the asker has left.
    ///
    /// # Errors
    ///
    /// When it is refused for another reason.
    pub async fn accept(&mut self, offer: OfferId) -> anyhow::Result<bool> {
        // That the offer is over already is told by the acceptance; telling that it was shown is a courtesy.
        self.client.socket.send(ClientMessage::OfferDelivered { offer }).await?;
        let Err(error) = self.client.socket.request(ClientMessage::AcceptOffer { offer }).await else {
            return Ok(true);
        };
        match error.downcast_ref::<Refused>().map(|refused| refused.code) {
            Some(
                ErrorCode::Taken
                | ErrorCode::OfferOver
                | ErrorCode::Over
                | ErrorCode::NotFound
                | ErrorCode::Unexpected
                | ErrorCode::NotAllowed,
            ) => Ok(false),
            _ => Err(error),
        }
    }

    /// Writes the outcome and waits for the sealed record.
    ///
    /// # Errors
    ///
    /// When the outcome is refused or the record is not sealed in time.
    pub async fn write_outcome(&mut self, session: SessionId, outcome: Outcome) -> anyhow::Result<RecordId> {
        if !outcome.can_be_said() {
            bail!("{outcome} is the server's own word");
        }
        let request = ClientMessage::RecordOutcome { session, outcome, legal_aid_prompted: true, referral_type: None };
        self.client.socket.request(request).await?;
        self.client
            .wait_for(SEAL, "recordSealed", |message| match message {
                ServerMessage::RecordSealed { session: of, record } if *of == session => Some(*record),
                _ => None,
            })
            .await
    }

    /// Reads one record of this lawyer.
    ///
    /// # Errors
    ///
    /// When the server refuses.
    pub async fn record<T: serde::de::DeserializeOwned>(&self, id: RecordId) -> anyhow::Result<T> {
        self.client.server.record(&self.client.token, id).await.context("the lawyer's own record")
    }
}
