//! Request bodies and queries: read within their bounds, refused as problems.
use axum::{
    body::Bytes,
    extract::{
        FromRequest, FromRequestParts, Query, Request,
        rejection::{BytesRejection, FailedToBufferBody},
    },
    http::{HeaderMap, header, request::Parts},
};
use serde::de::DeserializeOwned;

use super::problem::{Code, Problem};

/// Longest body: the same as the longest message of a socket.
pub(super) const BODY_BYTES: usize = yunfa_signaling::message::MAX_MESSAGE_BYTES;

/// Longest table.
pub(super) const TABLE_BYTES: usize = crate::domain::import::sheet::MAX_BYTES;

/// A table as `text/csv` (RFC 4180, RFC 7111), not looked at yet.
#[derive(Debug)]
pub(super) struct Table(pub Bytes);

impl<S: Send + Sync> FromRequest<S> for Table {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        if kind(request.headers()) != "text/csv" {
            return Err(Code::NotATable.into());
        }
        bytes(request, state).await.map(Self)
    }
}

async fn bytes<S: Send + Sync>(request: Request, state: &S) -> Result<Bytes, Problem> {
    Bytes::from_request(request, state).await.map_err(|refused| match refused {
        BytesRejection::FailedToBufferBody(FailedToBufferBody::LengthLimitError(_)) => Problem::from(Code::TooLarge),
        // A connection that broke: nobody will read this.
        _ => Code::BadMessage.into(),
    })
}

/// A JSON body.
#[derive(Debug)]
pub(super) struct Said<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Said<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        if kind(request.headers()) != "application/json" {
            return Err(Code::NotJson.into());
        }
        let bytes = bytes(request, state).await?;
        serde_json::from_slice(&bytes).map(Said).map_err(|error| {
            // serde names fields and types; values it would repeat only for wrong enum words, so the place is enough.
            Problem::from(Code::BadMessage).because(format!("line {} column {}", error.line(), error.column()))
        })
    }
}

/// A query string.
#[derive(Debug)]
pub(super) struct Asked<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Asked<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Query::try_from_uri(&parts.uri).map(|Query(asked)| Self(asked)).map_err(|_| Code::BadMessage.into())
    }
}

fn kind(headers: &HeaderMap) -> String {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}
