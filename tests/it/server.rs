//! The real server in this process, on free ports and its own folder, and a client to talk to it.
use std::sync::{Mutex, OnceLock, PoisonError};

use reqwest::{Method, StatusCode, header::HeaderMap};
use serde_json::{Value, json};
use tempfile::TempDir;
use tracing::{Event, Level, Subscriber, field::Field, span};
use tracing_subscriber::{
    Layer,
    layer::{Context, SubscriberExt as _},
    registry::LookupSpan,
    util::SubscriberInitExt as _,
};
use yunfa::{
    app::Server,
    clock::Clock,
    config::{Config, Sources},
    shutdown::Shutdown,
    storage::demo::DemoCounty,
    telemetry,
};

use crate::canary;

/// A running server with the demo county; it stops when the test calls [`TestServer::stop`] or ends.
pub(crate) struct TestServer {
    pub(crate) server: Server,
    /// `http://127.0.0.1:port`
    pub(crate) url: String,
    pub(crate) data: TempDir,
    pub(crate) shutdown: Shutdown,
    errors: ErrorWatch,
}

impl TestServer {
    /// With the demo county and default settings.
    pub(crate) async fn start() -> Self {
        Self::with(&[], Clock::machine()).await
    }

    /// With further settings and any clock.
    pub(crate) async fn with(settings: &[(&str, &str)], clock: Clock) -> Self {
        Self::on(tempfile::tempdir().expect("a folder"), settings, clock).await
    }

    /// The next process on the data of this one, which stops as at a second signal.
    pub(crate) async fn restart(self, settings: &[(&str, &str)], clock: Clock) -> Self {
        self.shutdown.stop();
        self.server.run().await;
        self.errors.assert_none();
        Self::on(self.data, settings, clock).await
    }

    async fn on(data: TempDir, settings: &[(&str, &str)], clock: Clock) -> Self {
        let errors = ErrorWatch::start();
        let folder = data.path().to_str().expect("a path");
        let flags = [
            ("http.listen", "127.0.0.1:0"),
            ("tls.listen", "off"),
            ("media.udp_port", "0"),
            ("media.workers", "1"),
            ("media.public_addresses", "127.0.0.1"),
            ("data.folder", folder),
            ("demo.load", "true"),
        ];
        let flags = flags.iter().chain(settings).map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let config = Config::load(Sources { flags, ..Sources::default() }).expect("settings");
        let shutdown = Shutdown::new();
        let server = Server::start(config, clock, shutdown.clone()).await.expect("the server starts");
        let url = format!("http://{}", server.http.expect("plain HTTP"));
        Self { server, url, data, shutdown, errors }
    }

    /// The logins of the demonstration.
    pub(crate) fn demo(&self) -> &DemoCounty {
        self.server.demo.as_ref().expect("the demo county")
    }

    /// Somebody who has shown nothing yet.
    pub(crate) fn nobody(&self) -> Client {
        Client { http: reqwest::Client::new(), url: self.url.clone(), headers: vec![] }
    }

    /// A new guest with a bearer token.
    pub(crate) async fn guest(&self) -> Client {
        let said = self.nobody().post("/api/citizen/guest", &guest(json!({ "bearer": true }))).await;
        assert_eq!(said.status, StatusCode::CREATED, "{:?}", said.body);
        self.nobody().bearer(said.body["token"].as_str().expect("a token"))
    }

    /// Somebody of the demonstration, signed in with a bearer token.
    pub(crate) async fn login(&self, user: &str) -> Client {
        let said = self
            .nobody()
            .post("/api/login", &json!({ "user": user, "password": self.password(user), "bearer": true }))
            .await;
        assert_eq!(said.status, StatusCode::OK, "{:?}", said.body);
        self.nobody().bearer(said.body["token"].as_str().expect("a token"))
    }

    /// The password of a user of the demonstration.
    pub(crate) fn password(&self, user: &str) -> String {
        let county = self.demo();
        let lawyers = county.lawyers.iter().map(|login| (login.user, &login.password));
        let staff = county.staff.iter().map(|login| (login.user, &login.password));
        let found = lawyers.chain(staff).find(|(name, _)| *name == user);
        found.unwrap_or_else(|| panic!("no {user} in the demonstration")).1.clone()
    }

    /// Lets errors with these words pass.
    pub(crate) fn expect_error(&self, words: &'static str) {
        self.errors.expect(words);
    }

    /// Runs until it is told to stop, as the program does.
    pub(crate) async fn run(self) {
        self.server.run().await;
        self.errors.assert_none();
    }

    /// Stops the server as a second signal would and waits until nothing of it runs.
    pub(crate) async fn stop(self) {
        self.stop_and_keep().await;
    }

    /// The same; the data folder is kept for a while.
    pub(crate) async fn stop_and_keep(self) -> TempDir {
        self.shutdown.stop();
        self.server.run().await;
        self.errors.assert_none();
        self.data
    }
}

/// What a page sends to become a guest, with `more` over it.
pub(crate) fn guest(more: Value) -> Value {
    let mut body = json!({ "consentVersion": "2026-11", "identityMode": "GUEST" });
    for (key, value) in more.as_object().expect("an object") {
        body[key] = value.clone();
    }
    body
}

/// Talks to the server.
#[derive(Clone)]
pub(crate) struct Client {
    http: reqwest::Client,
    pub url: String,
    pub(crate) headers: Vec<(&'static str, String)>,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    /// The body as JSON; text where it is none.
    pub(crate) body: Value,
}

impl Answer {
    /// The code of a problem.
    pub(crate) fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }

    /// The cookie that was set, without its attributes.
    pub(crate) fn cookie(&self) -> String {
        let set = self.headers["set-cookie"].to_str().expect("text");
        set.split(';').next().expect("a cookie").to_owned()
    }
}

impl Client {
    /// The same with one more header.
    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// The same with a bearer token.
    pub(crate) fn bearer(self, token: &str) -> Self {
        self.with("authorization", format!("Bearer {token}"))
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, None).await
    }

    /// A file as it is.
    pub(crate) async fn bytes(&self, path: &str) -> Vec<u8> {
        let mut request = self.http.get(format!("{}{path}", self.url));
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        let answer = request.send().await.expect("an answer");
        assert_eq!(answer.status(), StatusCode::OK);
        answer.bytes().await.expect("bytes").to_vec()
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(Method::POST, path, Some(body.to_string())).await
    }

    /// Posts a table.
    pub(crate) async fn send_table(&self, path: &str, table: Vec<u8>) -> Answer {
        self.send_as(Method::POST, path, Some(("text/csv; charset=utf-8", table))).await
    }

    /// Posts a file under whatever name for its kind.
    pub(crate) async fn send_file(&self, path: &str, kind: &str, bytes: Vec<u8>) -> Answer {
        self.send_as(Method::POST, path, Some((kind, bytes))).await
    }

    /// Reads a file as it is.
    pub(crate) async fn file(&self, path: &str) -> (StatusCode, HeaderMap, Vec<u8>) {
        let mut request = self.http.get(format!("{}{path}", self.url));
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        let response = request.send().await.expect("an answer");
        let (status, headers) = (response.status(), response.headers().clone());
        (status, headers, response.bytes().await.expect("a body").to_vec())
    }

    pub(crate) async fn send(&self, method: Method, path: &str, body: Option<String>) -> Answer {
        if let Some(body) = &body {
            canary::learn(&serde_json::from_str(body).unwrap_or_default());
        }
        self.send_as(method, path, body.map(|body| ("application/json", body.into_bytes()))).await
    }

    async fn send_as(&self, method: Method, path: &str, body: Option<(&str, Vec<u8>)>) -> Answer {
        let mut request = self.http.request(method, format!("{}{path}", self.url));
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        if let Some((kind, body)) = body {
            request = request.header("content-type", kind).body(body);
        }
        let response = request.send().await.expect("an answer");
        let (status, headers) = (response.status(), response.headers().clone());
        let text = response.text().await.expect("a body");
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        // Villages have names that everybody may know.
        if path != "/api/directory" {
            canary::learn(&body);
        }
        Answer { status, headers, body }
    }
}

/// Fails a test when anything in this process was logged at `error` that no test has asked for, or when anything was
/// logged at any level that is nobody's business.
#[derive(Clone, Copy)]
pub(crate) struct ErrorWatch;

#[derive(Default)]
struct Seen {
    errors: Vec<String>,
    expected: Vec<&'static str>,
    leaks: Vec<String>,
}

static SEEN: Mutex<Seen> = Mutex::new(Seen { errors: vec![], expected: vec![], leaks: vec![] });
/// All that an operator can see without naming a library; what is not in the server but in its clients here is not.
const LEVEL: &str = "trace,webrtc=error,yunfa_loadtest=error";

impl ErrorWatch {
    /// Watches from now on.
    pub(crate) fn start() -> Self {
        static STARTED: OnceLock<()> = OnceLock::new();
        STARTED.get_or_init(|| {
            // By `init`, so that what libraries say through `log` is heard too.
            tracing_subscriber::registry().with(WatchLayer.with_filter(telemetry::filter(LEVEL))).init();
        });
        Self
    }

    /// Lets errors with these words pass.
    pub(crate) fn expect(self, words: &'static str) {
        SEEN.lock().unwrap_or_else(PoisonError::into_inner).expected.push(words);
    }

    /// Panics when there was an error.
    pub(crate) fn assert_none(self) {
        let seen = SEEN.lock().unwrap_or_else(PoisonError::into_inner);
        let unasked: Vec<_> =
            seen.errors.iter().filter(|error| !seen.expected.iter().any(|words| error.contains(words))).collect();
        assert!(unasked.is_empty(), "logged at error: {unasked:#?}");
        assert!(seen.leaks.is_empty(), "logged what is private: {:#?}", seen.leaks);
    }
}

struct WatchLayer;

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for WatchLayer {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut text = event.metadata().target().to_owned();
        event.record(&mut |field: &Field, value: &dyn std::fmt::Debug| write_field(&mut text, field, value));
        watch(&text);
        if *event.metadata().level() == Level::ERROR {
            SEEN.lock().unwrap_or_else(PoisonError::into_inner).errors.push(text);
        }
    }

    fn on_new_span(&self, span: &span::Attributes<'_>, _: &span::Id, _: Context<'_, S>) {
        let mut text = span.metadata().name().to_owned();
        span.record(&mut |field: &Field, value: &dyn std::fmt::Debug| write_field(&mut text, field, value));
        watch(&text);
    }

    fn on_record(&self, _: &span::Id, values: &span::Record<'_>, _: Context<'_, S>) {
        let mut text = String::new();
        values.record(&mut |field: &Field, value: &dyn std::fmt::Debug| write_field(&mut text, field, value));
        watch(&text);
    }
}

fn write_field(text: &mut String, field: &Field, value: &dyn std::fmt::Debug) {
    text.push_str(&format!(" {}={value:?}", field.name()));
}

fn watch(text: &str) {
    if let Some(leak) = canary::in_log(text) {
        SEEN.lock().unwrap_or_else(PoisonError::into_inner).leaks.push(format!("{leak} in {text}"));
    }
}
