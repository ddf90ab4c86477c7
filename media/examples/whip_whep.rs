//! A broadcast server around the SFU: WHIP (RFC 9725) in, WHEP out, on loopback only.
//!
//! `cargo run --release -p yunfa-media --example whip_whep -- --http 127.0.0.1:8090 --udp 127.0.0.1:7790 --workers 1`
use std::{
    collections::HashMap,
    hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher},
    net::SocketAddr,
    sync::atomic::{AtomicU64, Ordering},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use anyhow::{Context as _, ensure};
use axum::{
    Router,
    body::Bytes,
    extract::{DefaultBodyLimit, Path, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    middleware::map_response,
    response::{IntoResponse, Response},
    routing::{delete, post},
};
use clap::Parser;
use tokio::{net::TcpListener, signal, sync::oneshot};
use yunfa_media::command::{Command, Sdp};
use yunfa_media::driver::{Driver, DriverConfig, FactReceiver, Handle};
use yunfa_media::{config::Config, error::MediaError, fact::Fact, ids::PeerId, ids::RoomId};

#[derive(Parser)]
struct Options {
    /// Where WHIP and WHEP are served.
    #[arg(long, default_value = "127.0.0.1:8090")]
    http: SocketAddr,
    /// Where media is served: worker `i` on this port + `i`.
    #[arg(long, default_value = "127.0.0.1:7790")]
    udp: SocketAddr,
    /// Threads that forward media; a room lives on one of them.
    #[arg(long, default_value_t = 1)]
    workers: usize,
}

/// One WHIP or WHEP session, named by its `Location`.
struct Session {
    peer: PeerId,
    room: RoomId,
    worker: usize,
    publishes: bool,
}

struct Server {
    media: Handle,
    next_peer: AtomicU64,
    sessions: Mutex<HashMap<String, Session>>,
    waiting: Mutex<HashMap<PeerId, oneshot::Sender<Result<Sdp, MediaError>>>>,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    // rtc-dtls says one line per unknown extension of every ClientHello.
    tracing_subscriber::fmt().with_env_filter("info,rtc_dtls=error").init();
    let Options { http, udp, workers } = Options::parse();
    for address in [http, udp] {
        ensure!(address.ip().is_loopback(), "{address} is not on loopback, and this example has no access control");
    }
    // No ceiling on viewers, and room for what a load generator publishes.
    let sfu = Config { max_peers: usize::MAX, ingress_bytes: 25_000_000, ingress_packets: 50_000, ..Config::default() };
    let config = DriverConfig { bind: udp.ip(), workers, sfu, ..DriverConfig::new(udp.port(), vec![udp.ip()]) };
    let (media, facts) = Driver::start(config).with_context(|| format!("cannot serve media on {udp}"))?;
    let listener = TcpListener::bind(http).await.with_context(|| format!("cannot serve HTTP on {http}"))?;
    let server = Server { media, next_peer: AtomicU64::new(1), sessions: Mutex::default(), waiting: Mutex::default() };
    let server = Arc::new(server);
    tokio::spawn(listen_to_facts(Arc::clone(&server), facts));
    let preflight = || async { (StatusCode::NO_CONTENT, [("accept-post", "application/sdp")]) };
    let router = Router::new()
        .route("/whip/{room}", post(publish).options(preflight))
        .route("/whep/{room}", post(watch).options(preflight))
        // PATCH is 405: neither trickle ICE nor ICE restart (RFC 9725 4.3.1). An ICE-lite server needs no candidates of its
        // clients, it answers their checks wherever they come from.
        .route("/session/{id}", delete(end).options(preflight))
        .layer(DefaultBodyLimit::max(64 * 1024))
        .layer(map_response(allow_other_origins))
        .with_state(Arc::clone(&server));
    tracing::info!("WHIP at http://{http}/whip/ROOM, WHEP at http://{http}/whep/ROOM, {workers} worker(s) from {udp}");
    axum::serve(listener, router).with_graceful_shutdown(async { drop(signal::ctrl_c().await) }).await?;
    server.media.stop();
    Ok(())
}

/// Hands answers to those who wait for them and forgets sessions whose transport is gone.
async fn listen_to_facts(server: Arc<Server>, mut facts: FactReceiver) {
    while let Some((_, stamped)) = facts.recv().await {
        let (peer, reply) = match stamped.fact {
            Fact::Answered { peer, answer } => (peer, Ok(answer)),
            Fact::Refused { peer, error } => (peer, Err(error)),
            Fact::Lost { peer, reason } => {
                tracing::info!(?peer, ?reason, "transport lost");
                lock(&server.sessions).retain(|_, session| session.peer != peer);
                continue;
            }
            _ => continue,
        };
        let Some(waiting) = lock(&server.waiting).remove(&peer) else { continue };
        let _ = waiting.send(reply); // A client that hung up meanwhile has no use for its answer.
    }
}

/// WHIP: who publishes sends and does not receive (RFC 9725 4.2). A second publisher takes its room over.
async fn publish(server: State<Arc<Server>>, room: Path<String>, headers: HeaderMap, offer: Bytes) -> Response {
    join(&server, &room, true, &headers, &offer).await
}

/// WHEP: who watches receives and does not send.
async fn watch(server: State<Arc<Server>>, room: Path<String>, headers: HeaderMap, offer: Bytes) -> Response {
    join(&server, &room, false, &headers, &offer).await
}

async fn join(server: &Server, room: &str, publishes: bool, headers: &HeaderMap, offer: &[u8]) -> Response {
    let media_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()?.split(';').next());
    if !media_type.is_some_and(|media_type| media_type.trim().eq_ignore_ascii_case("application/sdp")) {
        return (StatusCode::UNSUPPORTED_MEDIA_TYPE, "an offer is application/sdp\n").into_response();
    }
    let Ok(offer) = str::from_utf8(offer) else { return refusal(&MediaError::Unreadable("it is not UTF-8")) };
    let direct = |line| match (line, publishes) {
        ("a=sendrecv", true) => "a=sendonly",
        ("a=sendrecv", false) => "a=recvonly",
        ("a=recvonly", true) | ("a=sendonly", false) => "a=inactive",
        _ => line,
    };
    let offer = Sdp(offer.lines().flat_map(|line| [direct(line), "\r\n"]).collect());

    let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one(room);
    let (room, worker) = (RoomId(hash), usize::try_from(hash % server.media.workers() as u64).unwrap_or_default());
    let peer = PeerId(server.next_peer.fetch_add(1, Ordering::Relaxed));
    let (sender, reply) = oneshot::channel();
    lock(&server.waiting).insert(peer, sender);
    if let Err(error) = server.media.send(worker, Command::Join { room, peer, offer }).await {
        lock(&server.waiting).remove(&peer);
        return refusal(&error);
    }
    let Sdp(answer) = match reply.await.unwrap_or(Err(MediaError::Stopped)) {
        Ok(answer) => answer,
        Err(error) => return refusal(&error),
    };
    let id = random_id();
    let headers = [(header::LOCATION, format!("/session/{id}")), (header::CONTENT_TYPE, "application/sdp".to_owned())];
    let former: Vec<_> = {
        let mut sessions = lock(&server.sessions);
        let former = sessions.extract_if(|_, other| publishes && other.publishes && other.room == room).collect();
        sessions.insert(id, Session { peer, room, worker, publishes });
        former
    };
    for (_, Session { worker, peer, .. }) in former {
        let _ = server.media.send(worker, Command::Leave { peer }).await;
    }
    (StatusCode::CREATED, headers, answer).into_response()
}

fn refusal(error: &MediaError) -> Response {
    let status = match error {
        MediaError::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
        MediaError::NothingInCommon => StatusCode::UNPROCESSABLE_ENTITY,
        MediaError::Full | MediaError::Failed | MediaError::Stopped => StatusCode::SERVICE_UNAVAILABLE,
        MediaError::Unreadable(_) | MediaError::Lacks(_) | MediaError::UnknownPeer => StatusCode::BAD_REQUEST,
    };
    (status, format!("{error}\n")).into_response()
}

async fn end(server: State<Arc<Server>>, id: Path<String>) -> StatusCode {
    if leave(&server, &id).await { StatusCode::OK } else { StatusCode::NOT_FOUND }
}

async fn leave(server: &Server, id: &str) -> bool {
    let Some(session) = lock(&server.sessions).remove(id) else { return false };
    // A worker that has stopped has ended this peer already.
    let _ = server.media.send(session.worker, Command::Leave { peer: session.peer }).await;
    true
}

/// Pages of other origins on this machine may use the server (RFC 9725 4.1: OPTIONS and CORS).
async fn allow_other_origins(mut response: Response) -> Response {
    for (name, value) in [
        ("access-control-allow-origin", "*"),
        ("access-control-allow-methods", "POST, PATCH, DELETE, OPTIONS"),
        ("access-control-allow-headers", "content-type, authorization, if-match"),
        ("access-control-expose-headers", "location"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

/// 128 random bits: who does not know a session's `Location` cannot end it.
fn random_id() -> String {
    let mut bytes = [0; 16];
    aws_lc_rs::rand::fill(&mut bytes).expect("the system's generator worked when the driver started");
    format!("{:032x}", u128::from_ne_bytes(bytes))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
