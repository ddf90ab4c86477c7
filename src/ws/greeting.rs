//! A new socket until it is somebody's: its first message within 5 s, a ticket or a resume token.
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket, close_code};
use sha2::{Digest as _, Sha256};
use tokio::sync::oneshot;
use tracing::debug;
use yunfa_signaling::{
    ids::RequestId,
    message::{ClientFrame, ClientMessage, ErrorCode, ServerFrame, ServerMessage, Unreadable},
    private::Token,
    words::DeviceClass,
};

use super::{
    Door,
    connection::{Return, Stream, StreamId},
    fault::{self, Fault},
    outbox::encode,
};
use crate::http::crowd::Seat;

/// From the upgrade to a greeting that is accepted. A page says it at once; who is silent is no client of ours.
const GREETING: Duration = Duration::from_secs(5);
/// Longest time a farewell may take to leave: a socket that does not read is not waited for.
const FAREWELL: Duration = Duration::from_secs(1);

/// A socket without a stream, in its seat.
pub(super) struct Visitor {
    pub(super) socket: WebSocket,
    pub(super) seat: Seat,
}

/// Why a first message did not open a stream.
struct Refused {
    reply_to: Option<RequestId>,
    code: ErrorCode,
    why: &'static str,
    /// When to come back, where that is the server's to say.
    retry_after: Option<u32>,
    /// Given back, to be told.
    visitor: Option<Box<Visitor>>,
}

impl Refused {
    fn new(reply_to: Option<RequestId>, code: ErrorCode, why: &'static str, visitor: Option<Box<Visitor>>) -> Self {
        Self { reply_to, code, why, retry_after: None, visitor }
    }
}

/// Turns a fresh socket into a stream, or closes it.
pub(super) async fn greet(door: Door, visitor: Visitor) {
    let deadline = door.0.clock.now().mono + GREETING;
    let mut visitor = Box::new(visitor);
    let mut admitted = false;
    // A lost stream may be followed by `hello` on the same socket; anything else that is refused ends it.
    for _ in 0..2 {
        let first = tokio::select! {
            text = first_text(&mut visitor.socket) => text,
            () = door.0.clock.sleep_until(deadline) => {
                return close(&door, visitor.socket, close_code::POLICY, "say hello within 5 s").await;
            }
        };
        let text = match first {
            First::Text(text) => text,
            First::Faulty(Fault { code, why }) => return close(&door, visitor.socket, code, why).await,
            First::Closed => return drain(&door, visitor.socket).await,
            First::Gone => return,
        };
        let Err(refused) = accept(&door, &text, visitor, &mut admitted).await else { return };
        let Refused { reply_to, code, why, retry_after, visitor: Some(back) } = refused else { return };
        visitor = back;
        let message = ServerMessage::Error { reply_to, code, message: why.to_owned(), retry_after };
        if !say(&door, &mut visitor.socket, message).await {
            return;
        }
        match code {
            ErrorCode::ResumeLost => {}
            ErrorCode::Overloaded => return close(&door, visitor.socket, close_code::AGAIN, why).await,
            _ => return close(&door, visitor.socket, close_code::POLICY, why).await,
        }
    }
    close(&door, visitor.socket, close_code::POLICY, "say hello").await;
}

enum First {
    Text(axum::extract::ws::Utf8Bytes),
    Faulty(Fault),
    Closed,
    Gone,
}

async fn first_text(socket: &mut WebSocket) -> First {
    loop {
        match socket.recv().await {
            Some(Ok(Message::Text(text))) => return First::Text(text),
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
            Some(Ok(Message::Binary(_))) => return First::Text(axum::extract::ws::Utf8Bytes::from_static("")),
            Some(Ok(Message::Close(_))) => return First::Closed,
            Some(Err(error)) => return fault::of(&error).map_or(First::Gone, First::Faulty),
            None => return First::Gone,
        }
    }
}

async fn accept(door: &Door, text: &str, visitor: Box<Visitor>, admitted: &mut bool) -> Result<(), Refused> {
    let frame = match ClientFrame::read(text) {
        Ok(frame) => frame,
        Err(Unreadable { reply_to, code, why }) => {
            return Err(Refused::new(reply_to, code, why, Some(visitor)));
        }
    };
    let id = frame.id;
    let refuse = |code, why, visitor| Err(Refused::new(Some(id), code, why, visitor));
    if let Err(refused) = frame.check() {
        let why = "a field of the greeting is wrong; this server speaks version 1";
        return refuse(refused.code(), why, Some(visitor));
    }
    let greets = matches!(frame.message, ClientMessage::Hello { .. } | ClientMessage::Resume { .. });
    // Before anything is looked up: a crowd must not cost what it waits for. A socket is counted once.
    if greets && !*admitted {
        if let Err(wait) = door.0.admission.enter(door.0.clock.now().mono) {
            let refused = Refused::new(Some(id), ErrorCode::Overloaded, "too many come at once: wait", Some(visitor));
            return Err(Refused { retry_after: Some(wait), ..refused });
        }
        *admitted = true;
    }
    match frame.message {
        ClientMessage::Hello { ticket, device, .. } => hello(door, id, &ticket, device, visitor).await,
        ClientMessage::Resume { resume_token, last_seq, epoch, .. } => {
            resume(door, id, &resume_token, Resume { last_seq, epoch }, visitor).await
        }
        _ => refuse(ErrorCode::Unauthenticated, "say hello or resume first", Some(visitor)),
    }
}

async fn hello(
    door: &Door,
    request: RequestId,
    ticket: &Token,
    device: DeviceClass,
    visitor: Box<Visitor>,
) -> Result<(), Refused> {
    let refuse = |code, why, visitor| Err(Refused::new(Some(request), code, why, Some(visitor)));
    let Some((holder, restraint)) = door.0.tickets.consume(ticket).await else {
        return refuse(ErrorCode::Unauthenticated, "the ticket is unknown, used or too old", visitor);
    };
    let (id, secret) = (StreamId(door.0.clock.dice()), door.0.clock.dice::<32>());
    let token = Token::new(format!("{}{}", hex(&id.0), hex(&secret)));
    let person = holder.person();
    match door.0.live.attach(holder, device, token).await {
        Ok(attached) => {
            // Before anything that the page says.
            if let Some(person) = person {
                door.0.live.restrain(person, restraint);
            }
            Stream::open(door.clone(), id, Sha256::digest(secret).into(), attached, *visitor);
            Ok(())
        }
        Err(refused) => refuse(refused.code(), refused.why(), visitor),
    }
}

/// What a client says of the stream it wants back.
#[derive(Clone, Copy)]
pub(super) struct Resume {
    pub(super) last_seq: u64,
    pub(super) epoch: u64,
}

async fn resume(
    door: &Door,
    request: RequestId,
    token: &Token,
    resume: Resume,
    visitor: Box<Visitor>,
) -> Result<(), Refused> {
    let lost = |visitor| {
        let why = "this stream cannot be resumed: say hello";
        Err(Refused::new(Some(request), ErrorCode::ResumeLost, why, visitor))
    };
    let Some((id, secret)) = parse_token(token.expose()) else { return lost(Some(visitor)) };
    let Some(stream) = door.0.streams.get(&id).map(|stream| stream.value().clone()) else {
        return lost(Some(visitor));
    };
    let (back, given_back) = oneshot::channel();
    let coming = Return { secret: Sha256::digest(secret).into(), resume, visitor, back };
    if let Err(unsent) = stream.try_send(coming) {
        // The stream just ended, or several sockets want it at once: this one comes too late.
        return lost(Some(unsent.into_inner().visitor));
    }
    match given_back.await {
        Ok(None) => Ok(()),
        Ok(Some((ErrorCode::StaleEpoch, visitor))) => {
            let why = "a newer attempt of this client was accepted";
            Err(Refused::new(Some(request), ErrorCode::StaleEpoch, why, Some(visitor)))
        }
        Ok(Some((_, visitor))) => lost(Some(visitor)),
        // The stream ended with our socket in its hands.
        Err(_) => lost(None),
    }
}

/// Says one message outside of any stream; false when the socket is gone.
async fn say(door: &Door, socket: &mut WebSocket, message: ServerMessage) -> bool {
    let text = encode(&ServerFrame { seq: 0, message });
    tokio::select! {
        sent = socket.send(Message::Text(text)) => sent.is_ok(),
        () = door.0.clock.sleep(FAREWELL) => false,
    }
}

async fn close(door: &Door, mut socket: WebSocket, code: u16, reason: &'static str) {
    debug!(close.code = code, "socket refused: {reason}");
    let farewell = async {
        socket.send(Message::Close(Some(CloseFrame { code, reason: reason.into() }))).await?;
        // Unread bytes would turn the close into a reset, which overtakes the farewell.
        while let Some(Ok(_)) = socket.recv().await {}
        Ok::<_, axum::Error>(())
    };
    tokio::select! {
        _ = farewell => {}
        () = door.0.clock.sleep(FAREWELL) => {}
    }
}

/// Lets the answer to the client's own close leave (RFC 6455 section 5.5.1).
async fn drain(door: &Door, mut socket: WebSocket) {
    tokio::select! {
        _ = async { while let Some(Ok(_)) = socket.recv().await {} } => {}
        () = door.0.clock.sleep(FAREWELL) => {}
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The stream's public name and its secret, out of a resume token.
fn parse_token(token: &str) -> Option<(StreamId, [u8; 32])> {
    if token.len() != 96 || !token.is_ascii() {
        return None;
    }
    let mut bytes = [0; 48];
    for (byte, digits) in bytes.iter_mut().zip(token.as_bytes().chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    }
    let (id, secret) = bytes.split_first_chunk::<16>()?;
    Some((StreamId(*id), secret.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resume_token_names_its_stream_and_holds_its_secret() {
        let token = format!("{}{}", hex(&[7; 16]), hex(&[9; 32]));

        assert_eq!(parse_token(&token), Some((StreamId([7; 16]), [9; 32])));
        for wrong in ["", &token[1..], &format!("{token}0"), &"zz".repeat(48), &"律".repeat(32)] {
            assert_eq!(parse_token(wrong), None);
        }
    }
}
