//! What was tried, what was measured, and which promises were not kept.
use std::{collections::BTreeMap, fmt};

use serde::Serialize;

/// What came of it.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Outcome {
    /// One row for each thing that was tried.
    pub rows: Vec<Row>,
}

/// What came of one thing that was tried.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    /// What was tried.
    pub what: &'static str,
    /// What was measured.
    pub figures: BTreeMap<&'static str, f64>,
    /// Promises that were not kept, in words.
    pub broken: Vec<String>,
}

impl Row {
    /// What was measured.
    pub(crate) fn figure(&mut self, name: &'static str, value: f64) {
        self.figures.insert(name, value);
    }

    /// A promise, in words.
    pub(crate) fn expect(&mut self, kept: bool, promise: &str) {
        if !kept {
            self.broken.push(promise.to_owned());
        }
    }

    /// A figure that may not be larger.
    pub(crate) fn at_most(&mut self, name: &'static str, value: f64, limit: f64) {
        self.figure(name, value);
        self.expect(value <= limit, &format!("{name}: {value:.2} is more than {limit}"));
    }
}

impl Outcome {
    /// Whether everything was tried and every promise kept.
    pub fn is_good(&self) -> bool {
        !self.rows.is_empty() && self.rows.iter().all(|row| row.broken.is_empty())
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for row in &self.rows {
            writeln!(f, "{} {}", if row.broken.is_empty() { "kept  " } else { "BROKEN" }, row.what)?;
            for (name, value) in &row.figures {
                let decimals = if value.fract() == 0.0 { 0 } else { 2 };
                writeln!(f, "       {value:>12.decimals$}  {name}")?;
            }
            for promise in &row.broken {
                writeln!(f, "       broken: {promise}")?;
            }
        }
        write!(f, "{}", if self.is_good() { "every promise was kept" } else { "A PROMISE WAS BROKEN" })
    }
}

/// What could not be tried has shown nothing.
pub(crate) fn told(what: &'static str, row: anyhow::Result<Row>) -> Row {
    let mut row = row.unwrap_or_else(|error| Row { broken: vec![format!("{error:#}")], ..Row::default() });
    row.what = what;
    row
}
