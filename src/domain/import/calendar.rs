//! The calendar as a table: one day a line, a day off or a weekend day on which people work.
use std::collections::BTreeMap;

use jiff::civil::Date;

use super::{
    finding::{Fault, Finding, Outcome, Report, ReportRow},
    sheet::{self, Column, Row, SheetError},
};
use crate::domain::calendar::{Day, DayKind, MAX_NAME_CHARS};

/// The columns, in the order in which [`DATE`] and its neighbours number them.
pub const COLUMNS: &[Column] = &[
    Column { key: "date", zh: "日期", required: true },
    Column { key: "kind", zh: "类别", required: true },
    Column { key: "name", zh: "名称", required: false },
];
const DATE: usize = 0;
const KIND: usize = 1;
const NAME: usize = 2;

/// What is to be done for a table, and how it is reported.
#[derive(Debug, Default)]
pub struct Plan {
    /// Days to be set.
    pub set: Vec<Day>,
    /// As a preview.
    pub report: Report,
}

/// Reads a calendar and judges it against the days that are known.
///
/// # Errors
/// When the file as a whole is no such table.
pub fn plan(bytes: &[u8], known: &BTreeMap<Date, Day>) -> Result<Plan, SheetError> {
    let rows = sheet::read(bytes, COLUMNS)?;
    let mut plan = Plan::default();
    let mut findings = vec![];
    let mut lines: BTreeMap<Date, u64> = BTreeMap::new();
    for row in rows {
        let mut wrong = row.findings.clone();
        let day = day(&row, &mut wrong);
        let mut outcome = Outcome::Refused;
        if let Some(day) = day.filter(|_| wrong.is_empty()) {
            if let Some(line) = lines.get(&day.date) {
                wrong.push(Finding::new(row.line, COLUMNS[DATE].key, Fault::Duplicate, &line.to_string()));
            } else {
                lines.insert(day.date, row.line);
                outcome = match known.get(&day.date) {
                    Some(before) if *before == day => Outcome::Same,
                    Some(_) => Outcome::Changed,
                    None => Outcome::Added,
                };
                if outcome != Outcome::Same {
                    plan.set.push(day);
                }
            }
        }
        findings.append(&mut wrong);
        let (name, what) = (row.cell(DATE).to_owned(), format!("{} {}", row.cell(KIND), row.cell(NAME)));
        plan.report.count(ReportRow { line: row.line, name, what, outcome });
    }
    plan.report.say(findings);
    Ok(plan)
}

fn day(row: &Row, wrong: &mut Vec<Finding>) -> Option<Day> {
    let mut fault = |column: usize, fault, text: &str| {
        wrong.push(Finding::new(row.line, COLUMNS[column].key, fault, text));
    };
    let (date, kind, name) = (row.cell(DATE), row.cell(KIND), row.cell(NAME));
    let read_date = date.replace('/', "-").parse::<Date>().ok();
    if read_date.is_none() {
        fault(DATE, if date.is_empty() { Fault::Missing } else { Fault::BadDate }, date);
    }
    let read_kind = match kind {
        "放假" | "休" | "HOLIDAY" => Some(DayKind::Holiday),
        "上班" | "班" | "WORKDAY" => Some(DayKind::Workday),
        _ => None,
    };
    if read_kind.is_none() {
        fault(KIND, if kind.is_empty() { Fault::Missing } else { Fault::UnknownWord }, kind);
    }
    if name.chars().count() > MAX_NAME_CHARS {
        fault(NAME, Fault::TooLong, name);
    }
    let day = Day { date: read_date?, kind: read_kind?, name: name.to_owned() };
    if !day.makes_sense() {
        fault(KIND, Fault::NoWeekend, date);
    }
    Some(day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_new_changed_the_same_or_refused_line_by_line() {
        let known = Day { date: Date::constant(2026, 10, 1), kind: DayKind::Holiday, name: "国庆节".to_owned() };
        let known = BTreeMap::from([(known.date, known)]);
        let table = "日期,类别,名称\n2026-10-01,放假,国庆节\n2026/10/02,放假,国庆节\n2026-10-10,上班,\n2026-10-02,放假,\n\
            2026-13-01,放假,\n2026-10-12,上班,\n2026-10-13,加班,\n";

        let plan = plan(table.as_bytes(), &known).expect("a table");

        let Report { added, changed, same, refused, findings, .. } = &plan.report;
        assert_eq!((*added, *changed, *same, *refused), (2, 0, 1, 4));
        let found: Vec<_> = findings.iter().map(|finding| (finding.line, finding.code)).collect();
        let expected = [(5, Fault::Duplicate), (6, Fault::BadDate), (7, Fault::NoWeekend), (8, Fault::UnknownWord)];
        assert_eq!(found, expected, "a Monday is worked anyway");
        assert_eq!(plan.set.len(), 2);
    }
}
