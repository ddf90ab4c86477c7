//! The socket of one client: requests out, messages in, nothing lost between them.
use std::{
    collections::VecDeque,
    fmt,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::{
    net::TcpStream,
    time::{interval, timeout},
};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async_with_config, tungstenite};
use tungstenite::protocol::WebSocketConfig;
use uuid::Uuid;
use yunfa_signaling::{
    ids::RequestId,
    message::{ClientFrame, ClientMessage, ErrorCode, PROTOCOL_VERSION, ServerFrame, ServerMessage, Welcome},
    words::DeviceClass,
};

use crate::api::Server;
use yunfa_signaling::private::Token;

/// How long a request may wait for `done` or `error`.
pub const ANSWER: Duration = Duration::from_secs(15);
/// How long connecting may take.
const CONNECT: Duration = Duration::from_secs(15);
/// How often a `ping` is said, as pages do.
const PING: Duration = Duration::from_secs(5);
/// Messages that may wait for somebody to look at them.
const BACKLOG: usize = 4096;
/// Longest message taken; twice what the server may say in one.
const MAX_MESSAGE: usize = 4 * 1024 * 1024;

/// The server refused a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Why, for programs.
    pub code: ErrorCode,
    /// Why, for people.
    pub message: String,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "refused: {} ({})", self.code.as_str(), self.message)
    }
}

impl std::error::Error for Refused {}

/// One connected client.
pub struct Socket {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
    pings: tokio::time::Interval,
    /// Messages that came while something else was waited for, in order.
    backlog: VecDeque<ServerMessage>,
    last_seq: u64,
}

impl Socket {
    /// Connects and says `hello`.
    ///
    /// # Errors
    ///
    /// When the server cannot be reached or does not welcome the client.
    pub async fn connect(server: &Server, ticket: Token) -> anyhow::Result<(Self, Welcome)> {
        let url = server.socket_url()?;
        let limits = WebSocketConfig::default().max_message_size(Some(MAX_MESSAGE)).max_frame_size(Some(MAX_MESSAGE));
        let connecting = connect_async_with_config(url.as_str(), Some(limits), true);
        let (stream, _) = timeout(CONNECT, connecting).await.context("the socket did not connect in time")??;
        let mut socket = Self { stream, pings: interval(PING), backlog: VecDeque::new(), last_seq: 0 };
        let hello = ClientMessage::Hello { version: PROTOCOL_VERSION, ticket, device: DeviceClass::Web };
        let id = socket.send(hello).await?;
        let welcome = socket
            .wait_for(ANSWER, "welcome", |message| match message {
                ServerMessage::Welcome(welcome) => Some(Ok(welcome.clone())),
                ServerMessage::Error { reply_to, code, message, .. } if reply_to.is_none_or(|to| to == id) => {
                    Some(Err(Refused { code: *code, message: message.clone() }))
                }
                _ => None,
            })
            .await??;
        Ok((socket, welcome))
    }

    /// Says something and does not wait for what comes of it.
    ///
    /// # Errors
    ///
    /// When the socket is broken.
    pub async fn send(&mut self, message: ClientMessage) -> anyhow::Result<RequestId> {
        let id = RequestId::new(Uuid::new_v4());
        let text = serde_json::to_string(&ClientFrame { id, message })?;
        self.stream.send(tungstenite::Message::text(text)).await?;
        Ok(id)
    }

    /// Says something and waits until it is done; what else comes meanwhile is kept for later.
    ///
    /// # Errors
    ///
    /// [`Refused`] when the server refuses it; others when the socket is broken or the server silent.
    pub async fn request(&mut self, message: ClientMessage) -> anyhow::Result<()> {
        let what = message.name();
        let id = self.send(message).await?;
        self.wait_for(ANSWER, what, |message| match message {
            ServerMessage::Done { reply_to } if *reply_to == id => Some(Ok(())),
            ServerMessage::Error { reply_to: Some(reply_to), code, message, .. } if *reply_to == id => {
                Some(Err(Refused { code: *code, message: message.clone() }))
            }
            _ => None,
        })
        .await?
        .with_context(|| format!("`{what}`"))
    }

    /// Waits for the first message, among those kept and those to come, that `pick` takes; the others are kept, in order.
    ///
    /// # Errors
    ///
    /// When the time is over, the socket is broken, or too many messages are kept.
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
    /// When the socket is broken or too many messages are kept.
    pub async fn look_for<T>(
        &mut self,
        within: Duration,
        mut pick: impl FnMut(&ServerMessage) -> Option<T>,
    ) -> anyhow::Result<Option<T>> {
        for at in 0..self.backlog.len() {
            if let Some(found) = self.backlog.get(at).and_then(&mut pick) {
                self.backlog.remove(at);
                return Ok(Some(found));
            }
        }
        let deadline = Instant::now() + within;
        while let Some(message) = self.read(deadline.saturating_duration_since(Instant::now())).await? {
            if let Some(found) = pick(&message) {
                return Ok(Some(found));
            }
            if self.backlog.len() == BACKLOG {
                bail!("{BACKLOG} messages wait to be looked at");
            }
            self.backlog.push_back(message);
        }
        Ok(None)
    }

    /// The next message, kept or new; `None` when the time is over.
    ///
    /// # Errors
    ///
    /// When the socket is broken.
    pub async fn next(&mut self, within: Duration) -> anyhow::Result<Option<ServerMessage>> {
        match self.backlog.pop_front() {
            Some(message) => Ok(Some(message)),
            None => self.read(within).await,
        }
    }

    /// The number of the last message, for `resume`.
    pub fn last_seq(&self) -> u64 {
        self.last_seq
    }

    /// Says farewell.
    ///
    /// # Errors
    ///
    /// When the socket is broken.
    pub async fn close(mut self) -> anyhow::Result<()> {
        Ok(self.stream.close(None).await?)
    }

    /// The next message from the wire; `None` when the time is over. Says `ping` now and then.
    async fn read(&mut self, within: Duration) -> anyhow::Result<Option<ServerMessage>> {
        let end = tokio::time::sleep(within);
        tokio::pin!(end);
        loop {
            let frame = tokio::select! {
                biased;
                frame = self.stream.next() => frame.context("the server closed the socket")??,
                _ = self.pings.tick() => {
                    self.send(ClientMessage::Ping {}).await?;
                    continue;
                }
                () = &mut end => return Ok(None),
            };
            let text = match frame {
                tungstenite::Message::Text(text) => text,
                tungstenite::Message::Close(reason) => bail!("the server closed the socket: {reason:?}"),
                _ => continue,
            };
            let frame: ServerFrame = serde_json::from_str(&text).context("a message of the server cannot be read")?;
            self.last_seq = self.last_seq.max(frame.seq);
            if frame.message != (ServerMessage::Pong {}) {
                return Ok(Some(frame.message));
            }
        }
    }
}

/// What was looked for, or a sentence about the waiting.
pub(crate) fn insist<T>(found: anyhow::Result<Option<T>>, within: Duration, what: &str) -> anyhow::Result<T> {
    let found = found.with_context(|| format!("while waiting for `{what}`"))?;
    found.with_context(|| format!("waited {within:?} in vain for `{what}`"))
}
