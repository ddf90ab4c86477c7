//! The pages, out of the binary: `/` for citizens, `/lawyer/`, `/office/`, and the files they load.
use std::fmt::Write as _;

use axum::{
    body::{Body, Bytes},
    extract::Request,
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use rust_embed::{EmbeddedFile, RustEmbed};

use super::problem::{Code, Problem};

/// What `make web` has built. A release build holds it, a debug build reads it from the tree.
#[derive(RustEmbed)]
#[folder = "web/dist/"]
#[allow_missing = true]
struct Pages;

/// The entries of the three pages, and the file of each.
const ENTRIES: &[(&str, &str)] =
    &[("/", "index.html"), ("/lawyer/", "lawyer/index.html"), ("/office/", "office/index.html")];
/// Vite puts a hash of the content into every name below this folder, so a file there never changes.
const HASHED: &str = "assets/";
const FOREVER: &str = "public, max-age=31536000, immutable";
const ASK_AGAIN: &str = "no-cache";
/// Compressed forms that the build may have laid beside a file, the better one first.
const PRECOMPRESSED: &[(&str, &str)] = &[("br", ".br"), ("gzip", ".gz")];

const NOT_BUILT: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Yunfa</title>\
<h1>The pages are not built</h1><p>This server was built without its pages: run <code>make web</code>, then build it again. \
The API works.</p></html>\n";

/// Everything that is no route of the API.
pub(super) async fn page(method: Method, uri: Uri, headers: HeaderMap) -> Response {
    let path = uri.path();
    if let Some((entry, _)) =
        ENTRIES.iter().find(|(entry, _)| entry.strip_suffix('/') == Some(path) && !path.is_empty())
    {
        return (StatusCode::PERMANENT_REDIRECT, [(header::LOCATION, *entry)]).into_response();
    }
    let entry = ENTRIES.iter().find(|(entry, _)| *entry == path).map(|(_, file)| *file);
    let file = entry.unwrap_or_else(|| path.trim_start_matches('/'));
    let found = Pages::get(file);
    if found.is_none() && entry.is_none() {
        return Problem::from(Code::NotFound).into_response();
    }
    if !matches!(method, Method::GET | Method::HEAD) {
        return ([(header::ALLOW, "GET,HEAD")], Problem::from(Code::WrongMethod)).into_response();
    }
    found.map_or_else(not_built, |found| serve(file, found, &headers))
}

fn serve(name: &str, plain: EmbeddedFile, headers: &HeaderMap) -> Response {
    let caching = if name.starts_with(HASHED) { FOREVER } else { ASK_AGAIN };
    let kind = content_type(name, &plain);
    let etag = format!("\"{}\"", hex(&plain.metadata.sha256_hash()[..16]));
    let packed = PRECOMPRESSED
        .iter()
        .filter(|(coding, _)| accepts(headers, coding))
        .find_map(|(coding, suffix)| Some((*coding, Pages::get(&format!("{name}{suffix}"))?)));
    let (coding, file) = packed.map_or((None, plain), |(coding, file)| (Some(coding), file));
    let unchanged = headers
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .filter_map(|list| list.to_str().ok())
        .flat_map(|list| list.split(','))
        .any(|known| of_same_content(known.trim(), &etag));
    let mut response = if unchanged {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        Body::from(Bytes::from(file.data.into_owned())).into_response()
    };
    let answer = response.headers_mut();
    answer.insert(header::CACHE_CONTROL, HeaderValue::from_static(caching));
    answer.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    let etag = coding.map_or_else(|| etag.clone(), |coding| with_coding(&etag, coding));
    for (header, value) in [(header::ETAG, etag), (header::CONTENT_TYPE, kind)] {
        if let Ok(value) = HeaderValue::from_str(&value) {
            answer.insert(header, value);
        }
    }
    if let Some(coding) = coding.filter(|_| !unchanged) {
        answer.insert(header::CONTENT_ENCODING, HeaderValue::from_static(coding));
    }
    response
}

/// Gives a body that was compressed on its way out an ETag of its own: a strong one names bytes (RFC 9110 section 8.8.1).
pub(super) async fn name_encoded(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let text = |name: HeaderName| response.headers().get(name).and_then(|value| value.to_str().ok());
    if let (Some(etag), Some(coding)) = (text(header::ETAG), text(header::CONTENT_ENCODING)) {
        let named = etag.ends_with(&format!("-{coding}\""));
        if let (false, Ok(etag)) = (named, HeaderValue::from_str(&with_coding(etag, coding))) {
            response.headers_mut().insert(header::ETAG, etag);
        }
    }
    response
}

fn with_coding(etag: &str, coding: &str) -> String {
    format!("{}-{coding}\"", etag.trim_end_matches('"'))
}

/// Whether `known` names this content in any coding; weak comparison, as `If-None-Match` wants it.
fn of_same_content(known: &str, etag: &str) -> bool {
    let known = known.strip_prefix("W/").unwrap_or(known);
    known == "*" || known == etag || ["br", "gzip"].iter().any(|coding| known == with_coding(etag, coding))
}

/// Whether the client takes this coding: it is named, and not with a weight of 0.
fn accepts(headers: &HeaderMap, coding: &str) -> bool {
    headers
        .get_all(header::ACCEPT_ENCODING)
        .iter()
        .filter_map(|list| list.to_str().ok())
        .flat_map(|list| list.split(','))
        .any(|item| {
            let (name, weight) = item.split_once(';').unwrap_or((item, ""));
            let refused = weight.trim().strip_prefix("q=").is_some_and(|q| q.parse::<f32>().is_ok_and(|q| q <= 0.0));
            name.trim().eq_ignore_ascii_case(coding) && !refused
        })
}

fn content_type(name: &str, file: &EmbeddedFile) -> String {
    let kind = if name.ends_with(".webmanifest") { "application/manifest+json" } else { file.metadata.mimetype() };
    let is_text = kind.starts_with("text/") || kind == "application/javascript" || kind.ends_with("json");
    if is_text { format!("{kind}; charset=utf-8") } else { kind.to_owned() }
}

fn not_built() -> Response {
    let headers = [(header::CONTENT_TYPE, "text/html; charset=utf-8"), (header::CACHE_CONTROL, "no-store")];
    (StatusCode::SERVICE_UNAVAILABLE, headers, NOT_BUILT).into_response()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_str(value).expect("a value"))])
    }

    #[test]
    fn a_coding_with_weight_zero_is_refused() {
        let headers = headers(header::ACCEPT_ENCODING, "gzip;q=0, BR;q=0.5, deflate");

        assert!(accepts(&headers, "br") && accepts(&headers, "deflate"));
        assert!(!accepts(&headers, "gzip") && !accepts(&headers, "zstd"));
    }

    #[test]
    fn an_unchanged_file_is_known_in_every_coding() {
        for known in ["\"abc\"", "W/\"abc\"", "\"abc-br\"", "\"abc-gzip\"", "*"] {
            assert!(of_same_content(known, "\"abc\""), "{known}");
        }
        assert!(!of_same_content("\"abd\"", "\"abc\""));
    }

    #[tokio::test]
    async fn a_page_that_is_no_entry_is_not_found_and_a_folder_gets_its_slash() {
        let get = |path: &'static str| page(Method::GET, Uri::from_static(path), HeaderMap::new());

        assert_eq!(get("/../Cargo.toml").await.status(), StatusCode::NOT_FOUND);
        assert_eq!(get("/lawyer").await.headers()[header::LOCATION], "/lawyer/");
    }
}
