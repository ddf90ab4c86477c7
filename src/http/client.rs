//! Who is at the other end of a request: address, encryption, origin of the page.
use std::net::IpAddr;

use axum::{
    extract::{Request, State},
    http::{HeaderMap, Method, StatusCode, Version, header},
    middleware::Next,
    response::{IntoResponse as _, Response},
};

use super::{
    accept::{HEADER_BYTES, Via},
    problem::{Code, Problem},
};
use crate::{app::Shared, config::Config};

/// The other end, behind proxies that are believed; an extension of every request.
#[derive(Clone, Copy, Debug)]
pub struct Client {
    /// Its address.
    pub address: IpAddr,
    /// Whether it speaks HTTPS, to us or to a proxy.
    pub tls: bool,
}

/// Finds out who calls, and refuses what changes something for a page of another origin.
pub(super) async fn know(State(app): State<Shared>, mut request: Request, next: Next) -> Response {
    let via = request.extensions().get::<Via>();
    if via.is_some() && names_no_single_host(&request) {
        return Problem::from(Code::BadMessage).because("a request names one Host").into_response();
    }
    // The connection's buffer may have taken more than was asked of it; it answers with the same status.
    if header_bytes(&request) > HEADER_BYTES {
        return StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE.into_response();
    }
    let client = client(via, request.headers(), &app.config);
    let changes = !matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    if changes && !origin_is_allowed(request.headers(), client.tls, &app.config.http.allowed_origins) {
        return Problem::from(Code::ForeignOrigin).into_response();
    }
    request.extensions_mut().insert(client);
    next.run(request).await
}

/// Whether a request lacks `Host` or has several (RFC 9112 section 3.2).
fn names_no_single_host(request: &Request) -> bool {
    let hosts = request.headers().get_all(header::HOST).iter().count();
    hosts > 1 || (hosts == 0 && request.version() >= Version::HTTP_11)
}

/// The request line and every header line, as they came in.
fn header_bytes(request: &Request) -> usize {
    // Between name and value, and at the end of a line.
    const AROUND: usize = ": \r\n".len();
    let path = request.uri().path_and_query().map_or(0, |path| path.as_str().len());
    request.headers().iter().map(|(name, value)| name.as_str().len() + value.len() + AROUND).sum::<usize>() + path
}

fn client(via: Option<&Via>, headers: &HeaderMap, config: &Config) -> Client {
    let Some(via) = via else { return Client { address: IpAddr::from([127, 0, 0, 1]), tls: false } };
    let peer = via.peer.ip().to_canonical();
    if !config.http.trusted_proxies.contains(&peer) {
        return Client { address: peer, tls: via.tls };
    }
    // The last entry is the one that our own proxy wrote; those before it are the client's own claims.
    let last = |name| headers.get_all(name).iter().next_back().and_then(|value| value.to_str().ok());
    let address = last("x-forwarded-for").and_then(|list| list.rsplit(',').next()?.trim().parse::<IpAddr>().ok());
    let tls = last("x-forwarded-proto").is_some_and(|proto| proto.eq_ignore_ascii_case("https"));
    Client { address: address.map_or(peer, |address| address.to_canonical()), tls: tls || via.tls }
}

/// Whether a page of this `Origin` (RFC 6454) may call: the server's own, an allowed one, or no page at all. A page that
/// came over HTTP is another one than that of the same host over HTTPS: anybody on the way can have written it.
pub fn origin_is_allowed(headers: &HeaderMap, tls: bool, allowed: &[String]) -> bool {
    let Some(origin) = headers.get(header::ORIGIN) else { return true };
    let Ok(origin) = origin.to_str().map(str::to_ascii_lowercase) else { return false };
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).map(str::to_ascii_lowercase);
    let scheme = if tls { "https" } else { "http" };
    let own = host.is_some_and(|host| origin.split_once("://") == Some((scheme, host.as_str())));
    own || allowed.contains(&origin)
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;
    use crate::config::Sources;

    fn headers(list: &[(&'static str, &str)]) -> HeaderMap {
        list.iter().map(|(name, value)| ((*name).parse().expect("a name"), value.parse().expect("a value"))).collect()
    }

    #[test]
    fn only_the_own_origin_allowed_ones_and_programs_may_call() {
        let allowed = ["https://bureau.example".to_owned()];
        for (origin, over_http, over_https) in [
            (None, true, true),
            (Some("http://localhost:8080"), true, false),
            (Some("https://localhost:8080"), false, true),
            (Some("HTTP://LocalHost:8080"), true, false),
            (Some("https://bureau.example"), true, true),
            (Some("http://localhost:8081"), false, false),
            (Some("https://evil.example"), false, false),
            (Some("http://localhost:8080.evil.example"), false, false),
            (Some("localhost:8080"), false, false),
            (Some("null"), false, false),
        ] {
            let mut list = vec![("host", "localhost:8080")];
            list.extend(origin.map(|origin| ("origin", origin)));
            let headers = headers(&list);
            let found = (origin_is_allowed(&headers, false, &allowed), origin_is_allowed(&headers, true, &allowed));
            assert_eq!(found, (over_http, over_https), "{origin:?}");
        }
    }

    #[test]
    fn only_a_trusted_proxy_may_say_whom_it_speaks_for() {
        let flags = vec![("http.trusted_proxies".to_owned(), "10.0.0.1".to_owned())];
        let config = Config::load(Sources { flags, ..Sources::default() }).expect("settings");
        let headers = headers(&[("x-forwarded-for", "1.2.3.4, 192.0.2.9"), ("x-forwarded-proto", "https")]);
        let via = |peer: &str| Via { peer: SocketAddr::new(peer.parse().expect("an address"), 1), tls: false };

        let honest = client(Some(&via("::ffff:10.0.0.1")), &headers, &config);
        let liar = client(Some(&via("192.0.2.1")), &headers, &config);

        assert_eq!((honest.address.to_string(), honest.tls), ("192.0.2.9".to_owned(), true));
        assert_eq!((liar.address.to_string(), liar.tls), ("192.0.2.1".to_owned(), false));
    }
}
