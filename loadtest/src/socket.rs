//! The socket of one client: requests out, messages in, nothing lost between them.
use std::{
    collections::VecDeque,
    fmt,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail, ensure};
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::{
    net::TcpStream,
    time::{interval, timeout},
};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, client_async_tls_with_config, tungstenite};
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
/// Requests without an answer that are remembered, as many as the server remembers.
const UNANSWERED: usize = 256;
/// Longest message taken; twice what the server may say in one.
const MAX_MESSAGE: usize = 4 * 1024 * 1024;

/// The server refused a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Why, for programs.
    pub code: ErrorCode,
    /// Why, for people.
    pub message: String,
    /// When to come back, where the server says so.
    pub retry_after: Option<Duration>,
}

impl Refused {
    fn new(code: ErrorCode, message: &str, retry_after: Option<u32>) -> Self {
        let retry_after = retry_after.map(|seconds| Duration::from_secs(seconds.into()));
        Self { code, message: message.to_owned(), retry_after }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "refused: {} ({})", self.code.as_str(), self.message)
    }
}

impl std::error::Error for Refused {}

/// One connected client.
pub struct Socket {
    /// `None` after it was cut.
    stream: Option<Stream>,
    pings: tokio::time::Interval,
    /// Messages that came while something else was waited for, in order.
    backlog: VecDeque<ServerMessage>,
    /// Requests without an answer, in order: what is said again after a return.
    unanswered: VecDeque<(RequestId, String)>,
    last_seq: u64,
    resume_token: Token,
    epoch: u64,
}

/// The wire.
type Stream = WebSocketStream<MaybeTlsStream<TcpStream>>;

impl Socket {
    /// Connects and says `hello`.
    ///
    /// # Errors
    ///
    /// When the server cannot be reached or does not welcome the client.
    pub async fn connect(server: &Server, ticket: Token) -> anyhow::Result<(Self, Welcome)> {
        let mut socket = Self {
            stream: Some(dial(server).await?),
            pings: interval(PING),
            backlog: VecDeque::new(),
            unanswered: VecDeque::new(),
            last_seq: 0,
            resume_token: Token::new(""),
            epoch: 0,
        };
        let welcome = socket.hello(ticket).await?;
        Ok((socket, welcome))
    }

    /// Says `hello` on the wire that is there: what was before it is forgotten.
    async fn hello(&mut self, ticket: Token) -> anyhow::Result<Welcome> {
        let hello = ClientMessage::Hello { version: PROTOCOL_VERSION, ticket, device: DeviceClass::Web };
        self.backlog.clear();
        self.unanswered.clear();
        (self.last_seq, self.epoch) = (0, 0);
        let greeted = self.greet(hello, |message| match message {
            ServerMessage::Welcome(welcome) => Some(welcome.clone()),
            _ => None,
        });
        let welcome = greeted.await?;
        self.resume_token = welcome.resume_token.clone();
        Ok(welcome)
    }

    async fn greet<T>(
        &mut self,
        greeting: ClientMessage,
        answer: impl Fn(&ServerMessage) -> Option<T>,
    ) -> anyhow::Result<T> {
        let id = self.put(&greeting).await?.0;
        let answered = self.wait_for(ANSWER, "the answer to the greeting", |message| match message {
            ServerMessage::Error { reply_to, code, message, retry_after } if reply_to.is_none_or(|to| to == id) => {
                Some(Err(Refused::new(*code, message, *retry_after)))
            }
            message => answer(message).map(Ok),
        });
        Ok(answered.await??)
    }

    /// Lets go of the wire without a word, as a tunnel does.
    pub fn cut(&mut self) {
        self.stream = None;
    }

    /// Tries once to go on where the wire was lost: resumes and says again what was not answered, or says `hello` where there is
    /// nothing to resume, on the same socket. `None` when it was resumed.
    ///
    /// # Errors
    ///
    /// [`Refused`] or [`Problem`](crate::api::Problem) when the server says when to come back; others when it is not there.
    pub async fn try_again(&mut self, server: &Server, token: &Token) -> anyhow::Result<Option<Welcome>> {
        // As pages do, the old wire is let go of when the new one is taken: its end would be seen as an interruption.
        let _old = self.stream.replace(dial(server).await?);
        self.epoch += 1;
        let (version, resume_token) = (PROTOCOL_VERSION, self.resume_token.clone());
        let resume = ClientMessage::Resume { version, resume_token, last_seq: self.last_seq, epoch: self.epoch };
        let resumed = self.greet(resume, |message| matches!(message, ServerMessage::Resumed { .. }).then_some(()));
        match resumed.await {
            Ok(()) => {
                for (_, text) in self.unanswered.clone() {
                    self.wire()?.send(tungstenite::Message::text(text)).await?;
                }
                Ok(None)
            }
            Err(error) => match error.downcast_ref::<Refused>().map(|refused| refused.code) {
                Some(ErrorCode::ResumeLost) => {
                    let ticket = server.socket_ticket(token).await?;
                    self.hello(ticket).await.map(Some)
                }
                _ => Err(error),
            },
        }
    }

    /// Says something and does not wait for what comes of it. When the socket breaks before the answer, it is said again on the
    /// next one.
    ///
    /// # Errors
    ///
    /// When the socket is broken.
    pub async fn send(&mut self, message: ClientMessage) -> anyhow::Result<RequestId> {
        let (id, text) = self.put(&message).await?;
        if self.unanswered.len() == UNANSWERED {
            self.unanswered.pop_front();
        }
        self.unanswered.push_back((id, text));
        Ok(id)
    }

    /// Says something for this socket only.
    async fn put(&mut self, message: &ClientMessage) -> anyhow::Result<(RequestId, String)> {
        let id = RequestId::new(Uuid::new_v4());
        let text = serde_json::to_string(&ClientFrame { id, message: message.clone() })?;
        self.wire()?.send(tungstenite::Message::text(text.clone())).await?;
        Ok((id, text))
    }

    fn wire(&mut self) -> anyhow::Result<&mut Stream> {
        self.stream.as_mut().context("the socket is cut")
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
            ServerMessage::Error { reply_to: Some(reply_to), code, message, retry_after } if *reply_to == id => {
                Some(Err(Refused::new(*code, message, *retry_after)))
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
        Ok(self.wire()?.close(None).await?)
    }

    /// The next message from the wire; `None` when the time is over. Says `ping` now and then.
    async fn read(&mut self, within: Duration) -> anyhow::Result<Option<ServerMessage>> {
        let end = tokio::time::sleep(within);
        tokio::pin!(end);
        loop {
            let frame = tokio::select! {
                biased;
                frame = self.stream.as_mut().context("the socket is cut")?.next() => frame.context("the server closed the socket")??,
                _ = self.pings.tick() => {
                    self.put(&ClientMessage::Ping {}).await?;
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
            if frame.seq > 0 {
                // Nothing is lost and nothing comes twice, over breaks and returns.
                ensure!(frame.seq == self.last_seq + 1, "message {} after {}", frame.seq, self.last_seq);
                self.last_seq = frame.seq;
            }
            if self.is_news(&frame.message) {
                return Ok(Some(frame.message));
            }
        }
    }

    /// Whether anybody waits for this: not for a `pong`, nor for the second answer to what was said twice.
    fn is_news(&mut self, message: &ServerMessage) -> bool {
        match message {
            ServerMessage::Pong {} => false,
            ServerMessage::Done { reply_to } => self.answered(*reply_to),
            ServerMessage::Error { reply_to: Some(reply_to), .. } => {
                self.answered(*reply_to);
                true
            }
            _ => true,
        }
    }

    /// Notes the answer to a request; `false` when it was answered before.
    fn answered(&mut self, id: RequestId) -> bool {
        let before = self.unanswered.len();
        self.unanswered.retain(|(waiting, _)| *waiting != id);
        self.unanswered.len() < before
    }
}

/// A wire to the server's socket.
async fn dial(server: &Server) -> anyhow::Result<Stream> {
    let url = server.socket_url()?;
    let limits = WebSocketConfig::default().max_message_size(Some(MAX_MESSAGE)).max_frame_size(Some(MAX_MESSAGE));
    let dialling = async {
        let stream = server.connect().await?;
        Ok::<_, anyhow::Error>(client_async_tls_with_config(url.as_str(), stream, Some(limits), None).await?.0)
    };
    timeout(CONNECT, dialling).await.context("the socket did not connect in time")?
}

/// What was looked for, or a sentence about the waiting.
pub(crate) fn insist<T>(found: anyhow::Result<Option<T>>, within: Duration, what: &str) -> anyhow::Result<T> {
    let found = found.with_context(|| format!("while waiting for `{what}`"))?;
    found.with_context(|| format!("waited {within:?} in vain for `{what}`"))
}
