//! A page as the server sees one: a socket, a ticket, messages said and heard.
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::json;
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Message, protocol::frame::coding::CloseCode},
};
use uuid::Uuid;
use yunfa::clock::Clock;
use yunfa_signaling::{
    ids::RequestId,
    message::{ClientFrame, ClientMessage, ErrorCode, PROTOCOL_VERSION, ServerFrame, ServerMessage, Welcome},
    private::Token,
    words::DeviceClass,
};

use crate::{canary, server::Client};

/// Longest wait for a message. Nothing here takes a second; a machine that builds beside us may.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// One page: its socket and what it has heard and not yet looked at.
pub(crate) struct Page {
    pub(crate) socket: Socket,
    url: String,
    clock: Clock,
    heard: Vec<ServerMessage>,
    pub(crate) last_seq: u64,
    pub(crate) epoch: u64,
    resume_token: Option<Token>,
}

/// How a socket ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// With a close frame of this code.
    Closed(u16),
    /// Without one.
    Broken,
}

impl Page {
    /// Opens a socket and says hello with a fresh ticket.
    pub(crate) async fn open(client: &Client) -> Self {
        Self::open_with_welcome(client).await.0
    }

    /// The same, with what the server says of everything that runs.
    pub(crate) async fn open_with_welcome(client: &Client) -> (Self, Welcome) {
        let mut page = Self::connect(&client.url).await;
        page.say(page.hello(ticket(client).await)).await;
        let welcome = page.welcome().await;
        (page, welcome)
    }

    /// Opens a socket and says nothing.
    pub(crate) async fn connect(url: &str) -> Self {
        let socket = socket(url).await;
        let (url, clock) = (url.to_owned(), Clock::machine());
        Self { socket, url, clock, heard: vec![], last_seq: 0, epoch: 0, resume_token: None }
    }

    /// The greeting for a ticket.
    pub(crate) fn hello(&self, ticket: Token) -> ClientMessage {
        ClientMessage::Hello { version: PROTOCOL_VERSION, ticket, device: DeviceClass::Desktop }
    }

    async fn welcome(&mut self) -> Welcome {
        let welcome = self
            .hear(|message| match message {
                ServerMessage::Welcome(welcome) => Some(welcome.clone()),
                _ => None,
            })
            .await;
        self.resume_token = Some(welcome.resume_token.clone());
        welcome
    }

    /// Drops the socket without a word and comes back on a new one.
    pub(crate) async fn come_back(&mut self) {
        let fresh = socket(&self.url).await;
        self.come_back_through(fresh).await;
    }

    /// Drops the socket without a word and comes back on this one.
    pub(crate) async fn come_back_through(&mut self, fresh: Socket) {
        self.epoch += 1;
        self.socket = fresh;
        let (last_seq, epoch) = (self.last_seq, self.epoch);
        self.say(self.resume(last_seq, epoch)).await;
        self.hear(|message| matches!(message, ServerMessage::Resumed { .. }).then_some(())).await;
    }

    /// The greeting that resumes this page.
    pub(crate) fn resume(&self, last_seq: u64, epoch: u64) -> ClientMessage {
        let resume_token = self.resume_token.clone().expect("a page that was welcomed");
        ClientMessage::Resume { version: PROTOCOL_VERSION, resume_token, last_seq, epoch }
    }

    /// Says something; the answer may be looked for later.
    pub(crate) async fn say(&mut self, message: ClientMessage) -> RequestId {
        let id = self.clock.mint();
        self.say_as(id, message).await;
        id
    }

    /// Says something under this id.
    pub(crate) async fn say_as(&mut self, id: RequestId, message: ClientMessage) {
        let text = serde_json::to_string(&ClientFrame { id, message }).expect("json");
        self.say_raw(Message::text(text)).await;
    }

    /// Puts anything on the socket.
    pub(crate) async fn say_raw(&mut self, message: Message) {
        if let Message::Text(text) = &message {
            canary::learn(&serde_json::from_str(text).unwrap_or_default());
        }
        self.socket.send(message).await.expect("an open socket");
    }

    /// Says something and waits for its answer.
    pub(crate) async fn ask(&mut self, message: ClientMessage) -> Result<(), ErrorCode> {
        let id = self.say(message).await;
        self.answer(id).await
    }

    /// Waits for the answer to a request.
    pub(crate) async fn answer(&mut self, id: RequestId) -> Result<(), ErrorCode> {
        self.hear(|message| match message {
            ServerMessage::Done { reply_to } if *reply_to == id => Some(Ok(())),
            ServerMessage::Error { reply_to: Some(reply_to), code, .. } if *reply_to == id => Some(Err(*code)),
            _ => None,
        })
        .await
    }

    /// Waits for the first message, heard before or to come, that `is` takes; the others stay.
    pub(crate) async fn hear<T>(&mut self, is: impl Fn(&ServerMessage) -> Option<T>) -> T {
        let mut looked_at = 0;
        loop {
            while looked_at < self.heard.len() {
                if let Some(found) = is(&self.heard[looked_at]) {
                    self.heard.remove(looked_at);
                    return found;
                }
                looked_at += 1;
            }
            match self.next().await {
                Ok(message) => self.heard.push(message),
                Err(ended) => panic!("the socket ended ({ended:?}) after {:#?}", self.names()),
            }
        }
    }

    /// The names of what was heard and not looked at.
    pub(crate) fn names(&self) -> Vec<&'static str> {
        self.heard.iter().map(ServerMessage::name).collect()
    }

    /// Forgets what was heard and not looked at.
    pub(crate) fn forget(&mut self) {
        self.heard.clear();
    }

    /// Whether something of the kind was heard and not looked at.
    pub(crate) fn has_heard(&self, is: impl Fn(&ServerMessage) -> bool) -> bool {
        self.heard.iter().any(is)
    }

    /// Waits for the end of the socket, and says what was heard before.
    pub(crate) async fn end(&mut self) -> Ended {
        loop {
            match self.next().await {
                Ok(message) => self.heard.push(message),
                Err(ended) => return ended,
            }
        }
    }

    /// The next message; numbered ones come in order and without gaps.
    pub(crate) async fn next(&mut self) -> Result<ServerMessage, Ended> {
        loop {
            let next = timeout(PATIENCE, self.socket.next()).await;
            let next = next.unwrap_or_else(|_| panic!("nothing within {PATIENCE:?}; heard {:#?}", self.names()));
            match next {
                Some(Ok(Message::Text(text))) => {
                    canary::learn(&serde_json::from_str(&text).unwrap_or_default());
                    let ServerFrame { seq, message } = serde_json::from_str(&text).expect("a message of the protocol");
                    if seq > 0 {
                        assert_eq!(seq, self.last_seq + 1, "numbered without gaps");
                        self.last_seq = seq;
                    }
                    return Ok(message);
                }
                Some(Ok(Message::Close(frame))) => {
                    return Err(frame.map_or(Ended::Broken, |frame| Ended::Closed(code(frame.code))));
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Err(Ended::Broken),
            }
        }
    }
}

fn code(code: CloseCode) -> u16 {
    code.into()
}

/// A ticket for a socket.
pub(crate) async fn ticket(client: &Client) -> Token {
    let said = client.post("/api/ws-ticket", &json!({})).await;
    Token::new(said.body["ticket"].as_str().unwrap_or_else(|| panic!("a ticket, not {:?}", said.body)))
}

/// A fresh socket.
pub(crate) async fn socket(url: &str) -> Socket {
    connect_async(address(url)).await.expect("a socket").0
}

fn address(url: &str) -> String {
    format!("{}/ws", url.replacen("http", "ws", 1))
}

/// A fresh id of any kind.
pub(crate) fn mint<I: yunfa::clock::Minted>() -> I {
    Clock::machine().mint()
}

/// A request id that is the same each time.
pub(crate) fn request(number: u128) -> RequestId {
    RequestId::new(Uuid::from_u128(number))
}
