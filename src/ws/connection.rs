//! One client stream: the socket of a page, its breaks and returns, frames in and frames out.
use std::{collections::VecDeque, future::poll_fn, time::Duration};

use axum::extract::ws::{CloseFrame, Message, WebSocket, close_code};
use bytes::Bytes;
use futures_util::{
    SinkExt as _, StreamExt as _,
    stream::{SplitSink, SplitStream},
};
use subtle::ConstantTimeEq as _;
use tokio::sync::{mpsc, oneshot};
use tracing::debug;
use yunfa_signaling::{
    message::{ClientFrame, ClientMessage, ErrorCode, RESUME_SECONDS, ServerMessage, Unreadable},
    time::Instant,
};

use super::{
    Door,
    answers::{Answers, Asked},
    fault::{self, Fault},
    greeting::{Resume, Visitor},
    outbox::Outbox,
    rate::Bucket,
};
use crate::{
    http::crowd::Seat,
    live::{Attached, FromTab, Tab, ToTab},
};

/// How often the server asks a socket for a sign of life.
const PING_EVERY: Duration = Duration::from_secs(5);
/// A socket that was silent for two pings and a slow link is dead; its client may come back and resume.
const DEAD_AFTER: Duration = Duration::from_secs(12);
/// How long a stream without a socket waits for its client.
const RESUME_WITHIN: Duration = Duration::from_secs(RESUME_SECONDS);
/// Unreadable messages before a socket is closed: a client with a bug learns what is wrong, a fuzzer is not fed.
const BAD_MESSAGES: u32 = 8;
/// Messages over the rate, in a row, before a socket is closed.
const OVER_RATE: u32 = 100;
/// Returning sockets that may wait for their stream to look at them.
const RETURNS: usize = 4;
/// Longest time a farewell may take to leave.
const FAREWELL: Duration = Duration::from_secs(1);

/// The public half of a resume token.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct StreamId(pub(super) [u8; 16]);

impl std::fmt::Debug for StreamId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "stream-{:02x}{:02x}", self.0[14], self.0[15])
    }
}

/// A socket that wants its stream back.
pub(super) struct Return {
    /// The hash of the secret it showed.
    pub(super) secret: [u8; 32],
    pub(super) resume: Resume,
    pub(super) visitor: Box<Visitor>,
    /// `None` when the stream took the socket, else the socket and why not.
    pub(super) back: oneshot::Sender<Option<(ErrorCode, Box<Visitor>)>>,
}

/// One page's stream; it outlives its sockets.
pub(super) struct Stream {
    door: Door,
    id: StreamId,
    /// Hash of the secret half of the resume token.
    secret: [u8; 32],
    /// The newest attempt that was accepted; `hello` is attempt 0.
    epoch: u64,
    tab: Tab,
    inbox: mpsc::Receiver<ToTab>,
    returns: mpsc::Receiver<Return>,
    link: Option<Link>,
    /// When the socket broke.
    broken: Instant,
    outbox: Outbox,
    answers: Answers,
    bucket: Bucket,
    bad: u32,
    over_rate: u32,
    /// What waits for the person's mailbox; while anything does, the socket is not read.
    up: VecDeque<FromTab>,
}

/// An open socket.
struct Link {
    sink: SplitSink<WebSocket, Message>,
    source: SplitStream<WebSocket>,
    heard: Instant,
    pinged: Instant,
    ping: bool,
    unflushed: bool,
    _seat: Seat,
}

enum Event {
    Returned(Return),
    Told(Option<ToTab>),
    Heard(Option<Result<Message, axum::Error>>),
    Wrote(Result<(), axum::Error>),
    Passed(bool),
    Tick,
}

/// Whether the stream goes on.
enum Flow {
    On,
    End,
}

impl Stream {
    /// Starts the stream of a client that was let in; it lives in a task of its own.
    pub(super) fn open(door: Door, id: StreamId, secret: [u8; 32], attached: Attached, visitor: Visitor) {
        let now = door.0.clock.now().mono;
        let (returns_in, returns) = mpsc::channel(RETURNS);
        door.0.streams.insert(id, returns_in);
        let Attached { tab, inbox } = attached;
        let stream = Self {
            id,
            secret,
            epoch: 0,
            tab,
            inbox,
            returns,
            link: Some(Link::new(visitor, now)),
            broken: now,
            outbox: Outbox::default(),
            answers: Answers::default(),
            bucket: Bucket::new(now),
            bad: 0,
            over_rate: 0,
            up: VecDeque::new(),
            door,
        };
        tokio::spawn(stream.run());
    }

    async fn run(mut self) {
        loop {
            let event = self.next().await;
            let flow = match event {
                Event::Returned(coming) => self.take_back(coming),
                Event::Told(told) => self.told(told).await,
                Event::Heard(heard) => self.heard(heard).await,
                Event::Wrote(Ok(())) => Flow::On,
                Event::Wrote(Err(_)) => self.broke(),
                Event::Passed(true) => Flow::On,
                Event::Passed(false) => self.part(close_code::ERROR, "this person's task is gone: say hello").await,
                Event::Tick => self.tick(),
            };
            if matches!(flow, Flow::End) {
                break;
            }
        }
        self.turn_away();
        let gone = self.tab.gone();
        for item in std::mem::take(&mut self.up).into_iter().chain([gone]) {
            let Some(permit) = self.tab.reserve().await else { return };
            permit.send(item);
        }
    }

    /// Waits for the next thing to do. Writing comes first, so that what waits is bounded by the socket, not by chance.
    async fn next(&mut self) -> Event {
        let deadline = self.deadline();
        let now = self.door.0.clock.now().mono;
        let reading = self.up.is_empty();
        let Self { door, tab, inbox, returns, link, outbox, up, .. } = self;
        let (sink, source) = match link {
            Some(Link { sink, source, ping, pinged, unflushed, .. }) => {
                (Some((sink, ping, pinged, unflushed)), Some(source))
            }
            None => (None, None),
        };
        tokio::select! {
            biased;
            wrote = async {
                match sink {
                    Some((sink, ping, pinged, unflushed)) => write(sink, ping, pinged, unflushed, outbox, now).await,
                    None => std::future::pending().await,
                }
            } => Event::Wrote(wrote),
            Some(coming) = returns.recv() => Event::Returned(coming),
            passed = tab.reserve(), if !reading => Event::Passed(match (passed, up.pop_front()) {
                (Some(permit), Some(item)) => { permit.send(item); true }
                (None, _) => false,
                (Some(_), None) => true,
            }),
            told = inbox.recv() => Event::Told(told),
            heard = async {
                match source {
                    Some(source) => source.next().await,
                    None => std::future::pending().await,
                }
            }, if reading => Event::Heard(heard),
            () = door.0.clock.sleep_until(deadline) => Event::Tick,
        }
    }

    fn deadline(&self) -> Instant {
        match &self.link {
            Some(link) if link.ping => link.heard + DEAD_AFTER,
            Some(link) => (link.heard + DEAD_AFTER).min(link.pinged + PING_EVERY),
            None => self.broken + RESUME_WITHIN,
        }
    }

    fn tick(&mut self) -> Flow {
        let now = self.door.0.clock.now().mono;
        match &mut self.link {
            Some(link) if now >= link.heard + DEAD_AFTER => self.broke(),
            Some(link) => {
                link.ping |= now >= link.pinged + PING_EVERY;
                Flow::On
            }
            None if now >= self.broken + RESUME_WITHIN => Flow::End,
            None => Flow::On,
        }
    }

    /// The socket is gone; its client has a minute to come back.
    fn broke(&mut self) -> Flow {
        if self.link.take().is_some() {
            self.broken = self.door.0.clock.now().mono;
            self.up.push_back(self.tab.socket_lost());
            debug!(stream = ?self.id, "socket broke");
        }
        Flow::On
    }

    /// A socket wants to go on with this stream.
    fn take_back(&mut self, coming: Return) -> Flow {
        let now = self.door.0.clock.now().mono;
        let Return { secret, resume, visitor, back } = coming;
        // Without the secret nothing is told, not even that the stream exists.
        let refused = if !bool::from(self.secret.ct_eq(&secret)) {
            Some(ErrorCode::ResumeLost)
        } else if resume.epoch <= self.epoch {
            // An older attempt that arrives late must not throw out the newer one.
            Some(ErrorCode::StaleEpoch)
        } else {
            // Checked last: it moves the outbox, and the old socket must not be disturbed by a refused attempt.
            self.outbox.resume(resume.last_seq, now).err().map(|_| ErrorCode::ResumeLost)
        };
        // A greeting that has gone away in the meantime loses its socket here, which is what it did itself.
        if let Some(code) = refused {
            let _ = back.send(Some((code, visitor)));
            return Flow::On;
        }
        let _ = back.send(None);
        self.epoch = resume.epoch;
        self.outbox.push_aside(ServerMessage::Resumed { epoch: resume.epoch });
        if self.link.replace(Link::new(*visitor, now)).is_none() {
            self.up.push_back(self.tab.socket_back());
        }
        debug!(stream = ?self.id, epoch = self.epoch, "socket resumed");
        Flow::On
    }

    /// There is nothing to come back to any more; who stands at the door gets the socket back and may say hello.
    fn turn_away(&mut self) {
        self.door.0.streams.remove(&self.id);
        self.returns.close();
        while let Ok(Return { visitor, back, .. }) = self.returns.try_recv() {
            let _ = back.send(Some((ErrorCode::ResumeLost, visitor)));
        }
    }

    /// Something is to be told to the client.
    async fn told(&mut self, told: Option<ToTab>) -> Flow {
        match told {
            Some(ToTab::Say(message)) => {
                self.say(*message);
                Flow::On
            }
            Some(ToTab::Replaced) => {
                self.say(ServerMessage::refusal(None, ErrorCode::StaleEpoch, "another page of this person took over"));
                self.part(close_code::POLICY, "another page took over").await
            }
            Some(ToTab::Revoked) => {
                self.say(ServerMessage::refusal(None, ErrorCode::Unauthenticated, "this account was signed out"));
                self.part(close_code::POLICY, "signed out").await
            }
            // The person's task dropped us: it could not be reached in time, or it is gone.
            None => self.part(close_code::AGAIN, "say hello").await,
        }
    }

    fn say(&mut self, message: ServerMessage) {
        self.answers.answered(&message);
        let now = self.door.0.clock.now().mono;
        if self.outbox.push(message, now).is_err() && self.link.is_some() {
            debug!(stream = ?self.id, "socket reads too slowly and is closed");
            self.broke();
        }
    }

    async fn heard(&mut self, heard: Option<Result<Message, axum::Error>>) -> Flow {
        let now = self.door.0.clock.now().mono;
        if let Some(link) = &mut self.link {
            link.heard = now;
        }
        match heard {
            Some(Ok(Message::Text(text))) => self.text(&text, now).await,
            Some(Ok(Message::Binary(_))) => {
                self.bad(Unreadable { reply_to: None, code: ErrorCode::BadMessage, why: "messages are text" }).await
            }
            // A flood of control frames is a flood.
            Some(Ok(Message::Ping(_) | Message::Pong(_))) if self.bucket.take(now) => Flow::On,
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => self.too_fast(None).await,
            Some(Ok(Message::Close(close))) => {
                self.answer_close().await;
                let is_good_bye = close.is_some_and(|close| close.code == close_code::NORMAL);
                if is_good_bye { self.gone() } else { self.broke() }
            }
            Some(Err(error)) => match fault::of(&error) {
                Some(Fault { code, why }) => self.part(code, why).await,
                None => self.broke(),
            },
            None => self.broke(),
        }
    }

    async fn text(&mut self, text: &str, now: Instant) -> Flow {
        if !self.bucket.take(now) {
            return self.too_fast(Some(text)).await;
        }
        self.over_rate = 0;
        let frame = match ClientFrame::read(text) {
            Ok(frame) => frame,
            Err(unreadable) => return self.bad(unreadable).await,
        };
        match frame.message {
            // Asked many times a minute and changing nothing: neither numbered nor remembered.
            ClientMessage::Ping {} => self.outbox.push_aside(ServerMessage::Pong {}),
            ClientMessage::Hello { .. } | ClientMessage::Resume { .. } => {
                self.say(ServerMessage::refusal(
                    Some(frame.id),
                    ErrorCode::Unexpected,
                    "this socket has greeted already",
                ));
            }
            _ => self.request(frame),
        }
        Flow::On
    }

    fn request(&mut self, frame: ClientFrame) {
        match self.answers.ask(frame.id) {
            Asked::Fresh => self.up.push_back(self.tab.said(frame)),
            Asked::Underway => {}
            Asked::Answered(answer) => self.say(*answer),
        }
    }

    async fn bad(&mut self, unreadable: Unreadable) -> Flow {
        let Unreadable { reply_to, code, why } = unreadable;
        self.bad += 1;
        self.say(ServerMessage::refusal(reply_to, code, why));
        if self.bad >= BAD_MESSAGES {
            return self.part(close_code::POLICY, "too many unreadable messages").await;
        }
        Flow::On
    }

    async fn too_fast(&mut self, text: Option<&str>) -> Flow {
        self.over_rate += 1;
        if self.over_rate >= OVER_RATE {
            return self.part(close_code::POLICY, "far too many messages").await;
        }
        if let Some(text) = text {
            let reply_to =
                ClientFrame::read(text).map_or_else(|unreadable| unreadable.reply_to, |frame| Some(frame.id));
            let why = "at most 20 messages a second: wait and try again";
            self.say(ServerMessage::refusal(reply_to, ErrorCode::RateLimited, why));
        }
        Flow::On
    }

    /// Lets the answer to the client's own close leave (RFC 6455 section 5.5.1); the library makes it when it is read on.
    async fn answer_close(&mut self) {
        let Some(Link { source, .. }) = &mut self.link else { return };
        tokio::select! {
            _ = async { while let Some(Ok(_)) = source.next().await {} } => {}
            () = self.door.0.clock.sleep(FAREWELL) => {}
        }
    }

    /// The client said good-bye: there will be no resume.
    fn gone(&mut self) -> Flow {
        self.link = None;
        Flow::End
    }

    /// Says what is still to be said, closes with a code, and ends the stream.
    async fn part(&mut self, code: u16, reason: &'static str) -> Flow {
        self.turn_away();
        let Some(mut link) = self.link.take() else { return Flow::End };
        let Link { sink, source, .. } = &mut link;
        let farewell = async {
            while let Some(text) = self.outbox.next() {
                sink.feed(Message::Text(text)).await?;
            }
            sink.send(Message::Close(Some(CloseFrame { code, reason: reason.into() }))).await?;
            // What the client still sends is taken and dropped: a socket closed over unread bytes is reset, and a reset
            // overtakes the farewell (RFC 1122 section 4.2.2.13).
            while let Some(Ok(_)) = source.next().await {}
            Ok::<_, axum::Error>(())
        };
        // Who does not read a farewell has it all the same.
        tokio::select! {
            _ = farewell => {}
            () = self.door.0.clock.sleep(FAREWELL) => {}
        }
        debug!(stream = ?self.id, close.code = code, "stream ended: {reason}");
        Flow::End
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.door.0.streams.remove(&self.id);
    }
}

impl Link {
    fn new(Visitor { socket, seat }: Visitor, now: Instant) -> Self {
        let (sink, source) = socket.split();
        Self { sink, source, heard: now, pinged: now, ping: false, unflushed: false, _seat: seat }
    }
}

/// Hands one frame to the socket when it takes one, or flushes; never ends while there is nothing to write. Nothing is
/// lost when this is dropped half-way: a frame leaves the outbox only in the moment in which the socket takes it.
async fn write(
    sink: &mut SplitSink<WebSocket, Message>,
    ping: &mut bool,
    pinged: &mut Instant,
    unflushed: &mut bool,
    outbox: &mut Outbox,
    now: Instant,
) -> Result<(), axum::Error> {
    if *ping || outbox.has_next() {
        poll_fn(|cx| sink.poll_ready_unpin(cx)).await?;
        if *ping {
            sink.start_send_unpin(Message::Ping(Bytes::new()))?;
            (*ping, *pinged) = (false, now);
        } else if let Some(text) = outbox.next() {
            sink.start_send_unpin(Message::Text(text))?;
        }
        *unflushed = true;
        return Ok(());
    }
    if *unflushed {
        poll_fn(|cx| sink.poll_flush_unpin(cx)).await?;
        *unflushed = false;
        return Ok(());
    }
    std::future::pending().await
}
