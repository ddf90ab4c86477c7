//! The accept loop: every connection has a seat, a deadline for its first bytes, and one for bytes it will not take.
use std::{
    future::Future as _,
    io,
    net::SocketAddr,
    pin::Pin,
    sync::{Arc, LazyLock},
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::{Router, body::Body, http::Request};
use hyper::{body::Incoming, server::conn::http1};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
    time::{Sleep, timeout},
};
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt as _;

use super::{
    crowd::{Crowd, Seat},
    problem::{Code, Problem},
};
use crate::shutdown::Shutdown;

/// A client says its first byte and its whole header within this time; also how long it may keep a connection idle.
/// A phone on a bad link needs two round trips of a second; who needs longer holds the seat for somebody else.
const HEADER_TIMEOUT: Duration = Duration::from_secs(5);
/// The TLS handshake is done within this time.
const TLS_TIMEOUT: Duration = Duration::from_secs(5);
/// A client that takes no byte for this long is gone or hostile; sockets keep their own, shorter account of slow readers.
const WRITE_TIMEOUT: Duration = Duration::from_secs(15);
/// Longest header block, and the buffer a connection reads into.
pub(super) const HEADER_BYTES: usize = 32 * 1024;
/// Pause after the system refused to accept (out of file handles): the next try at once would only burn the processor.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// What a client hears that found no seat, before anything of it was understood.
static NO_SEAT: LazyLock<String> = LazyLock::new(|| {
    let body = Problem::from(Code::Overloaded).body().to_string();
    let length = body.len();
    format!(
        "HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/problem+json\r\nretry-after: 5\r\n\
         connection: close\r\ncontent-length: {length}\r\n\r\n{body}"
    )
});

/// By which way a request came in; an extension of every request.
#[derive(Clone, Copy, Debug)]
pub struct Via {
    /// The other end of the connection: the client, or a proxy.
    pub peer: SocketAddr,
    /// Whether it is encrypted.
    pub tls: bool,
}

/// One listening address.
pub struct Entrance {
    /// Where connections come in.
    pub listener: TcpListener,
    /// How they are encrypted, if they are.
    pub tls: Option<Arc<rustls::ServerConfig>>,
}

impl Entrance {
    /// Lets clients in until [`Shutdown::stop`]; then idle connections end at once and the others with their request.
    pub async fn open(self, router: Router, crowd: Crowd, shutdown: Shutdown) {
        let tls = self.tls.map(TlsAcceptor::from);
        loop {
            let accepted = tokio::select! {
                accepted = self.listener.accept() => accepted,
                () = shutdown.stopping() => return,
            };
            match accepted {
                Ok((stream, peer)) => match crowd.enter(peer.ip()) {
                    Some(seat) => {
                        let (router, tls, stop) = (router.clone(), tls.clone(), shutdown.clone());
                        shutdown.spawn(async move { connection(stream, peer, seat, tls, router, stop).await });
                    }
                    None if tls.is_none() => refuse(stream),
                    None => {}
                },
                Err(error) => {
                    tracing::warn!("no connection could be accepted: {error}");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }
}

/// Says 503 as far as the socket's own buffers go, and waits for nothing.
fn refuse(stream: TcpStream) {
    let Ok(mut stream) = stream.into_std() else { return };
    // What has arrived is taken first: closing over unread bytes resets the connection, and the answer would be lost.
    let _ = io::Read::read(&mut stream, &mut [0; 4096]);
    let _ = io::Write::write(&mut stream, NO_SEAT.as_bytes());
}

async fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    seat: Seat,
    tls: Option<TlsAcceptor>,
    router: Router,
    shutdown: Shutdown,
) {
    // Answers and socket frames are small and urgent.
    let _ = stream.set_nodelay(true);
    let via = Via { peer, tls: tls.is_some() };
    match tls {
        None => requests(Seated::new(stream, seat), via, router, &shutdown).await,
        Some(tls) => {
            if let Ok(Ok(stream)) = timeout(TLS_TIMEOUT, tls.accept(stream)).await {
                requests(Seated::new(stream, seat), via, router, &shutdown).await;
            }
        }
    }
}

async fn requests<S>(stream: Seated<S>, via: Via, router: Router, shutdown: &Shutdown)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = router.map_request(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(via);
        request.map(Body::new)
    });
    // The header timer runs from the first poll, so it covers silent sockets and idle keep-alive too.
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .max_buf_size(HEADER_BYTES)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service))
        .with_upgrades();
    tokio::pin!(connection);
    let mut told = false;
    let ended = loop {
        tokio::select! {
            ended = connection.as_mut() => break ended,
            () = shutdown.stopping(), if !told => {
                told = true;
                connection.as_mut().graceful_shutdown();
            }
        }
    };
    if let Err(error) = ended {
        tracing::trace!("a connection ended early: {error}");
    }
}

/// A stream that keeps its seat for as long as it lives, upgrades included, and fails when nobody takes its bytes.
struct Seated<S> {
    stream: S,
    stuck: Option<Pin<Box<Sleep>>>,
    _seat: Seat,
}

impl<S> Seated<S> {
    fn new(stream: S, seat: Seat) -> Self {
        Self { stream, stuck: None, _seat: seat }
    }

    /// Passes on what became of a write; a pending one has until the deadline that began with the first pending one.
    fn watch<T>(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.stuck = None;
            return written;
        }
        let stuck = self.stuck.get_or_insert_with(|| Box::pin(tokio::time::sleep(WRITE_TIMEOUT)));
        ready!(stuck.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Seated<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Seated<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.watch(cx, written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        self.watch(cx, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let closed = Pin::new(&mut self.stream).poll_shutdown(cx);
        self.watch(cx, closed)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt as _;

    use super::*;

    async fn entrance(crowd: Crowd, tls: Option<Arc<rustls::ServerConfig>>) -> (SocketAddr, Shutdown) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let (address, shutdown) = (listener.local_addr().expect("an address"), Shutdown::new());
        let router = Router::new().route("/", axum::routing::get(|| async { "hello" }));
        shutdown.spawn(Entrance { listener, tls }.open(router, crowd, shutdown.clone()));
        (address, shutdown)
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_connection_is_closed_when_its_time_is_over() {
        let crowd = Crowd::new(10, 10, vec![]);
        let (address, _shutdown) = entrance(crowd.clone(), None).await;
        let mut silent = TcpStream::connect(address).await.expect("connected");

        let read = silent.read(&mut [0; 64]).await.expect("closed without a reset");

        assert_eq!(read, 0);
        while !crowd.is_empty() {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_never_begins_its_handshake_is_closed() {
        let key = rcgen::KeyPair::generate().expect("a key");
        let made = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).expect("a name").self_signed(&key);
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(
                vec![made.expect("a certificate").der().clone()],
                rustls::pki_types::PrivateKeyDer::try_from(key.serialize_der()).expect("a key"),
            )
            .expect("a pair");
        let (address, _shutdown) = entrance(Crowd::new(10, 10, vec![]), Some(Arc::new(tls))).await;
        let mut silent = TcpStream::connect(address).await.expect("connected");

        assert_eq!(silent.read(&mut [0; 64]).await.expect("closed without a reset"), 0);
    }

    #[tokio::test]
    async fn who_finds_no_seat_hears_503_at_once() {
        let (address, _shutdown) = entrance(Crowd::new(10, 1, vec![]), None).await;
        let _first = TcpStream::connect(address).await.expect("connected");
        let mut second = TcpStream::connect(address).await.expect("connected");

        let mut heard = String::new();
        second.read_to_string(&mut heard).await.expect("an answer and the end");

        let (head, body) = heard.split_once("\r\n\r\n").expect("head and body");
        assert!(
            head.starts_with("HTTP/1.1 503 ") && head.contains(&format!("content-length: {}", body.len())),
            "{head}"
        );
        assert_eq!(serde_json::from_str::<serde_json::Value>(body).expect("json")["code"], "overloaded");
    }

    #[tokio::test]
    async fn stopping_ends_idle_connections_and_the_loop() {
        let (address, shutdown) = entrance(Crowd::new(10, 10, vec![]), None).await;
        let mut idle = TcpStream::connect(address).await.expect("connected");
        tokio::io::AsyncWriteExt::write_all(&mut idle, b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").await.expect("written");
        let mut first = [0; 12];
        idle.read_exact(&mut first).await.expect("an answer");

        shutdown.stop();
        shutdown.wait().await;

        assert_eq!(&first, b"HTTP/1.1 200");
        assert!(TcpStream::connect(address).await.is_err());
    }
}
