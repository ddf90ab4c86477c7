//! Tables that an office brings in: a firm's people, the duty roster. Read whole and judged line by line before anything is kept.
pub mod calendar;
pub mod finding;
pub mod people;
pub mod roster;
pub mod sheet;

use std::collections::BTreeMap;

use yunfa_signaling::ids::AreaCode;

use super::people::{Area, AreaLevel};
pub use finding::{Fault, Finding, Outcome, Report, ReportRow};

/// The area tree, to be asked by code or by name.
#[derive(Debug, Default)]
pub struct Places {
    levels: BTreeMap<AreaCode, AreaLevel>,
    /// By name; `None` where several have the same.
    names: BTreeMap<String, Option<AreaCode>>,
}

impl Places {
    /// The tree of the bureau.
    pub fn new(areas: &[Area]) -> Self {
        let mut places = Self::default();
        for area in areas {
            places.levels.insert(area.code.clone(), area.level);
            let known = places.names.entry(area.name.clone()).or_insert_with(|| Some(area.code.clone()));
            if known.as_ref() != Some(&area.code) {
                *known = None;
            }
        }
        places
    }

    /// The area with this code or, where only one has it, this name.
    pub fn find(&self, text: &str) -> Option<AreaCode> {
        let by_code = text.parse().ok().filter(|code| self.levels.contains_key(code));
        by_code.or_else(|| self.names.get(text).cloned().flatten())
    }

    /// Whether this is a village.
    pub fn is_village(&self, code: &AreaCode) -> bool {
        self.levels.get(code) == Some(&AreaLevel::Village)
    }
}
