//! What is found after a crash, as a supervisor sees it.
use std::collections::BTreeMap;

use serde::{Deserialize, de::DeserializeOwned};
use yunfa_signaling::{
    ids::{RecordId, SessionId},
    private::Token,
};

use crate::api::{Login, Server};

/// All sessions and records.
#[derive(Debug)]
pub(super) struct Found {
    sessions: BTreeMap<SessionId, Session>,
    records: BTreeMap<RecordId, Record>,
    doubled: u32,
}

/// A row of `/api/sessions`.
#[derive(Debug, Deserialize)]
pub(super) struct Session {
    session: SessionId,
    pub(super) state: String,
    pub(super) record: Option<RecordId>,
}

/// A row of `/api/records`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Record {
    record: RecordId,
    session: SessionId,
    two_way_s: f64,
    closed_by: String,
}

#[derive(Debug, Deserialize)]
struct Page<T> {
    items: Vec<T>,
    next: Option<String>,
}

impl Found {
    /// Reads everything there is.
    pub(super) async fn read(server: &Server, supervisor: &Login) -> anyhow::Result<Self> {
        let token = server.log_in(supervisor).await?;
        let sessions: Vec<Session> = all(server, &token, "/api/sessions").await?;
        let records: Vec<Record> = all(server, &token, "/api/records").await?;
        let mut of_session = BTreeMap::<SessionId, u32>::new();
        for row in &records {
            *of_session.entry(row.session).or_default() += 1;
        }
        Ok(Self {
            sessions: sessions.into_iter().map(|row| (row.session, row)).collect(),
            records: records.into_iter().map(|row| (row.record, row)).collect(),
            doubled: of_session.values().map(|count| count - 1).sum(),
        })
    }

    pub(super) fn session(&self, session: SessionId) -> Option<&Session> {
        self.sessions.get(&session)
    }

    pub(super) fn two_way_s(&self, record: RecordId) -> Option<f64> {
        self.records.get(&record).map(|record| record.two_way_s)
    }

    pub(super) fn is_by_reaper(&self, record: RecordId) -> bool {
        self.records.get(&record).is_some_and(|record| record.closed_by == "REAPER")
    }

    /// Records beyond one of a session.
    pub(super) const fn doubled(&self) -> u32 {
        self.doubled
    }
}

async fn all<T: DeserializeOwned>(server: &Server, token: &Token, path: &str) -> anyhow::Result<Vec<T>> {
    let mut items = vec![];
    let mut next = None;
    loop {
        let cursor = next.map(|cursor: String| format!("&cursor={cursor}")).unwrap_or_default();
        let page: Page<T> = server.get(&format!("{path}?limit=200{cursor}"), Some(token)).await?;
        items.extend(page.items);
        next = page.next;
        if next.is_none() {
            return Ok(items);
        }
    }
}
