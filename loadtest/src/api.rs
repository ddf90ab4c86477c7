//! The server's HTTP API as a program uses it: JSON, bearer tokens, problems with codes.
use std::{
    fmt,
    net::{IpAddr, UdpSocket},
    time::Duration,
};

use anyhow::{Context as _, bail};
use reqwest::{Client, Method, Url};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};
use tokio::net::{TcpSocket, TcpStream};
use yunfa_signaling::{
    ids::{AreaCode, RecordId},
    private::Token,
    words::{IdentityMode, PracticeArea},
};

/// How long one request may take.
const REQUEST: Duration = Duration::from_secs(20);
/// How long a connection may wait for the next request: less than the server lets it, whose farewell may be lost on a cut line.
const IDLE: Duration = Duration::from_secs(4);

/// A server and the way to talk to it. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Server {
    base: Url,
    http: Client,
    /// Where connections come from; the system chooses when it is not said.
    local: Option<IpAddr>,
}

/// What the server said instead of doing it: `application/problem+json`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The HTTP status.
    pub status: u16,
    /// The stable code; empty when the body was no problem.
    pub code: String,
    /// What a developer can act on.
    pub detail: String,
    /// When to try again, where the server says so.
    pub retry_after: Option<Duration>,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.status, self.code, self.detail)
    }
}

impl std::error::Error for Problem {}

/// `GET /api/directory`, as far as it is used here.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Directory {
    /// Counties, towns and villages.
    pub areas: Vec<Area>,
    /// The consent text a guest agrees to.
    pub consent_version: String,
}

/// One division.
#[derive(Clone, Debug, Deserialize)]
pub struct Area {
    /// Twelve digits.
    pub code: AreaCode,
    /// `county`, `town` or `village`.
    pub level: String,
}

/// Who signs in.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Login {
    /// The account.
    pub user: String,
    /// Its password.
    pub password: String,
    /// The practice areas the lawyer is rung for; empty when unknown.
    #[serde(default)]
    pub areas: Vec<PracticeArea>,
}

/// What `yunfa serve --demo` writes, as far as it is used here.
#[derive(Clone, Debug, Deserialize)]
pub struct Demo {
    /// The address of the server.
    pub citizen: String,
    /// The lawyers' logins.
    pub lawyers: Vec<Login>,
}

/// What a sealed record says about the call, as far as it is compared here.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RecordView {
    /// Seconds in which both legs' media arrived, by the server.
    pub two_way_s: f64,
}

impl Server {
    /// A server at this address, for example `http://127.0.0.1:8080`.
    ///
    /// # Errors
    ///
    /// When the address is no URL.
    pub fn new(address: &str) -> anyhow::Result<Self> {
        Self::reach(address, None)
    }

    /// The same, reached from this address of ours: a person in another house.
    ///
    /// # Errors
    ///
    /// When the address is no URL.
    pub fn from(address: &str, local: IpAddr) -> anyhow::Result<Self> {
        Self::reach(address, Some(local))
    }

    fn reach(address: &str, local: Option<IpAddr>) -> anyhow::Result<Self> {
        // reqwest is built without a provider of its own; a second installation says so and changes nothing.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let base = Url::parse(address).with_context(|| format!("`{address}` is not a URL"))?;
        let http = Client::builder().timeout(REQUEST).pool_idle_timeout(IDLE).local_address(local).build()?;
        Ok(Self { base, http, local })
    }

    /// A fresh connection to the server.
    pub(crate) async fn connect(&self) -> anyhow::Result<TcpStream> {
        let to = self.base.socket_addrs(|| None)?;
        let to = *to.first().context("the server's name has no address")?;
        let socket = if to.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        if let Some(local) = self.local {
            socket.bind((local, 0).into())?;
        }
        let stream = socket.connect(to).await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    /// Its address.
    pub fn url(&self) -> &Url {
        &self.base
    }

    /// The address of the socket.
    ///
    /// # Errors
    ///
    /// When the server's address is neither http nor https.
    pub fn socket_url(&self) -> anyhow::Result<Url> {
        let mut url = self.base.join("/ws")?;
        let scheme = if self.base.scheme() == "https" { "wss" } else { "ws" };
        if url.set_scheme(scheme).is_err() {
            bail!("{} is neither http nor https", self.base);
        }
        Ok(url)
    }

    /// Our own address as seen on the way to the server: where media sockets are bound.
    ///
    /// # Errors
    ///
    /// When there is no way to the server.
    pub fn local_address(&self) -> anyhow::Result<IpAddr> {
        if let Some(local) = self.local {
            return Ok(local);
        }
        let to = self.base.socket_addrs(|| None)?;
        let to = *to.first().context("the server's name has no address")?;
        let from: IpAddr = if to.is_ipv4() { [0, 0, 0, 0].into() } else { [0u16; 8].into() };
        let socket = UdpSocket::bind((from, 0))?;
        socket.connect(to)?;
        Ok(socket.local_addr()?.ip())
    }

    async fn call(
        &self,
        method: Method,
        path: &str,
        token: Option<&Token>,
        body: Option<Value>,
    ) -> anyhow::Result<Value> {
        let mut request = self.http.request(method, self.base.join(path)?);
        if let Some(token) = token {
            request = request.bearer_auth(token.expose());
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = request.send().await?;
        let status = response.status();
        let seconds = response.headers().get("retry-after").and_then(|value| value.to_str().ok()?.parse().ok());
        let text = response.text().await?;
        let body: Value = serde_json::from_str(&text).unwrap_or(Value::Null);
        if status.is_success() {
            return Ok(body);
        }
        let word = |key: &str| body.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let detail = if body.get("detail").is_some() { word("detail") } else { word("title") };
        let retry_after = seconds.map(Duration::from_secs);
        Err(Problem { status: status.as_u16(), code: word("code"), detail, retry_after }.into())
    }

    pub(crate) async fn get<T: DeserializeOwned>(&self, path: &str, token: Option<&Token>) -> anyhow::Result<T> {
        let body = self.call(Method::GET, path, token, None).await.with_context(|| format!("GET {path}"))?;
        serde_json::from_value(body).with_context(|| format!("the answer to GET {path}"))
    }

    async fn post(&self, path: &str, token: Option<&Token>, body: Value) -> anyhow::Result<Value> {
        self.call(Method::POST, path, token, Some(body)).await.with_context(|| format!("POST {path}"))
    }

    /// Whether it takes new work.
    pub async fn is_ready(&self) -> bool {
        self.call(Method::GET, "/readyz", None, None).await.is_ok()
    }

    /// What there is to choose from.
    ///
    /// # Errors
    ///
    /// When the server does not answer as it should.
    pub async fn directory(&self) -> anyhow::Result<Directory> {
        self.get("/api/directory", None).await
    }

    /// Becomes a guest; the answer is the guest's token.
    ///
    /// # Errors
    ///
    /// When the server refuses.
    pub async fn become_guest(&self, directory: &Directory) -> anyhow::Result<Token> {
        let body = json!({
            "consentVersion": directory.consent_version,
            "identityMode": IdentityMode::Guest,
            "entrySource": "loadtest",
            "bearer": true,
        });
        token(&self.post("/api/citizen/guest", None, body).await?, "token")
    }

    /// Signs in; the answer is the token.
    ///
    /// # Errors
    ///
    /// When the server refuses.
    pub async fn log_in(&self, login: &Login) -> anyhow::Result<Token> {
        let body = json!({ "user": login.user, "password": login.password, "bearer": true });
        token(&self.post("/api/login", None, body).await?, "token")
    }

    /// A ticket for one socket.
    ///
    /// # Errors
    ///
    /// When the server refuses.
    pub async fn socket_ticket(&self, of: &Token) -> anyhow::Result<Token> {
        token(&self.post("/api/ws-ticket", Some(of), json!({})).await?, "ticket")
    }

    /// One record, whole; its lawyer and supervisors may read it.
    ///
    /// # Errors
    ///
    /// When the server refuses.
    pub async fn record<T: DeserializeOwned>(&self, of: &Token, id: RecordId) -> anyhow::Result<T> {
        self.get(&format!("/api/records/{id}"), Some(of)).await
    }
}

fn token(body: &Value, key: &str) -> anyhow::Result<Token> {
    body.get(key).and_then(Value::as_str).map(Token::new).with_context(|| format!("the answer has no `{key}`"))
}
