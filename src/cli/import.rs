//! `yunfa admin import-firm`, `import-roster` and `import-calendar`: tables from standard input, with a report line by line.
use std::io::{self, Read as _};

use super::{Failure, Settings, say, with_causes};
use crate::{
    app,
    clock::Clock,
    domain::import::{Report, sheet::MAX_BYTES},
    storage::{StorageError, Store, firms::FirmAdded, imports::Import},
    telemetry,
};

/// Whose name stands in the audit log.
const ACTOR: &str = "command line";

/// Brings in a firm's people. A running server hears of changes when the lawyer's page says hello again: what must count at
/// once is done on the office's page.
pub(super) async fn people(settings: Settings, firm: &str, apply: bool) -> Result<(), Failure> {
    let (clock, store, bytes) = open(settings).await?;
    let done = bring_people(&store, &clock, firm, Import { bytes: &bytes, actor: ACTOR, apply }).await;
    store.close().await;
    tell(&done.map_err(Failure::NotImported)?)
}

/// Brings in a duty roster.
pub(super) async fn roster(settings: Settings, apply: bool) -> Result<(), Failure> {
    let (clock, store, bytes) = open(settings).await?;
    let import = Import { bytes: &bytes, actor: ACTOR, apply };
    let done = store.import_roster(import, || clock.mint(), clock.wall()).await;
    store.close().await;
    let report = done.map_err(|error| failed(&error))?.map_err(|refused| Failure::NotImported(refused.to_string()))?;
    tell(&report)
}

/// Brings in a year's holidays and make-up workdays; a running server goes by them from its next start on.
pub(super) async fn calendar(settings: Settings, apply: bool) -> Result<(), Failure> {
    let (clock, store, bytes) = open(settings).await?;
    let done = store.import_calendar(Import { bytes: &bytes, actor: ACTOR, apply }, clock.wall()).await;
    store.close().await;
    let report = done.map_err(|error| failed(&error))?.map_err(|refused| Failure::NotImported(refused.to_string()))?;
    tell(&report)
}

async fn bring_people(store: &Store, clock: &Clock, firm: &str, import: Import<'_>) -> Result<Report, String> {
    let why = |error: StorageError| with_causes(&error);
    let id = match store.firm_named(firm).await.map_err(why)? {
        Some(id) => id,
        // A preview changes nothing, so the firm has no people yet.
        None if !import.apply => String::new(),
        None => {
            let id = clock.mint::<uuid::Uuid>().to_string();
            match store.firm_applies(&id, firm, ACTOR, clock.wall()).await.map_err(why)? {
                FirmAdded::Done => id,
                FirmAdded::NameTaken | FirmAdded::TooMany => return Err(format!("`{firm}` cannot be written down")),
            }
        }
    };
    let done = store.import_people(&id, import, || clock.mint(), clock.wall()).await.map_err(why)?;
    done.map(|imported| imported.report).map_err(|refused| refused.to_string())
}

async fn open(settings: Settings) -> Result<(Clock, Store, Vec<u8>), Failure> {
    let config = settings.load()?;
    telemetry::start(&config.log);
    let mut bytes = vec![];
    let most = u64::try_from(MAX_BYTES).unwrap_or(u64::MAX);
    let read = io::stdin().lock().take(most + 1).read_to_end(&mut bytes);
    read.map_err(|error| Failure::NotImported(format!("the table cannot be read: {error}")))?;
    if bytes.len() > MAX_BYTES {
        return Err(Failure::NotImported(format!("a table has at most {MAX_BYTES} bytes")));
    }
    let clock = Clock::machine();
    let store = app::open_store(&config, &clock).await.map_err(Failure::Store)?;
    Ok((clock, store, bytes))
}

fn failed(error: &StorageError) -> Failure {
    Failure::NotImported(with_causes(error))
}

/// The report, and exit code 1 where a line was refused.
fn tell(report: &Report) -> Result<(), Failure> {
    for finding in &report.findings {
        let column = if finding.field.is_empty() { String::new() } else { format!(" `{}`", finding.field) };
        say(&format!("line {}{column}: {} {}", finding.line, finding.zh, finding.en));
    }
    if report.more_findings > 0 {
        say(&format!("… and {} more", report.more_findings));
    }
    let Report { applied, lines, added, changed, same, refused, .. } = report;
    let what = if *applied { "done" } else { "a preview, nothing was changed (--apply does it)" };
    let summary = format!("{lines} lines: {added} new, {changed} changed, {same} as before, {refused} refused; {what}");
    if *refused > 0 {
        return Err(Failure::NotImported(summary));
    }
    say(&summary);
    Ok(())
}
