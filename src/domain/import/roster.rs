//! A duty roster as a table: one shift a line, of a lawyer by licence or of a pool.
use std::collections::BTreeMap;

use yunfa_signaling::{ids::LawyerId, time::Timestamp};

use super::{
    Places,
    finding::{Fault, Finding, Outcome, Report, ReportRow},
    sheet::{self, Column, Row, SheetError},
};
use crate::domain::{
    names,
    people::LicenceNo,
    roster::{self, OnShift, Shift, ShiftFault},
};

/// The columns, in the order in which [`LICENCE`] and its neighbours number them.
pub const COLUMNS: &[Column] = &[
    Column { key: "licence", zh: "执业证号", required: false },
    Column { key: "pool", zh: "库", required: false },
    Column { key: "from", zh: "开始", required: true },
    Column { key: "to", zh: "结束", required: true },
    Column { key: "area", zh: "区划", required: false },
];
const LICENCE: usize = 0;
const POOL: usize = 1;
const FROM: usize = 2;
const TO: usize = 3;
const AREA: usize = 4;

/// What is to be done for a table, and how it is reported.
#[derive(Debug, Default)]
pub struct Plan {
    /// Shifts to be planned.
    pub add: Vec<Shift>,
    /// As a preview.
    pub report: Report,
}

/// Reads a roster and judges it against the bureau's people and the shifts that are planned.
///
/// # Errors
/// When the file as a whole is no such table.
pub fn plan(
    bytes: &[u8],
    places: &Places,
    people: &BTreeMap<LicenceNo, (LawyerId, String)>,
    planned: &[Shift],
    now: Timestamp,
) -> Result<Plan, SheetError> {
    let rows = sheet::read(bytes, COLUMNS)?;
    let mut plan = Plan::default();
    let mut findings = vec![];
    // By whose they are, so that a long roster is compared with a person's own shifts only.
    let mut taken: BTreeMap<OnShift, Vec<(u64, Shift)>> = BTreeMap::new();
    for shift in planned {
        taken.entry(shift.who).or_default().push((0, shift.clone()));
    }
    for row in rows {
        let mut reading = Reading { row: &row, findings: row.findings.clone() };
        let (name, shift) = reading.shift(places, people, now);
        let mut outcome = Outcome::Refused;
        if let Some(shift) = shift.filter(|_| reading.findings.is_empty()) {
            let own = taken.entry(shift.who).or_default();
            let same = own.iter().find(|(_, other)| *other == shift).map(|(line, _)| *line);
            let overlap = own.iter().any(|(_, other)| other.overlaps(&shift));
            match (same, overlap) {
                (Some(0), _) => outcome = Outcome::Same,
                (Some(line), _) => reading.fault("", Fault::Duplicate, &line.to_string()),
                (None, true) => reading.fault("", Fault::Overlap, ""),
                (None, false) => {
                    outcome = Outcome::Added;
                    own.push((row.line, shift.clone()));
                    plan.add.push(shift);
                }
            }
        }
        findings.append(&mut reading.findings);
        let what = format!("{} – {}", row.cell(FROM), row.cell(TO));
        plan.report.count(ReportRow { line: row.line, name, what, outcome });
    }
    plan.report.say(findings);
    Ok(plan)
}

/// One line while it is read.
struct Reading<'a> {
    row: &'a Row,
    findings: Vec<Finding>,
}

impl Reading<'_> {
    fn fault(&mut self, field: &'static str, fault: Fault, text: &str) {
        if field.is_empty() || !self.findings.iter().any(|finding| finding.field == field) {
            self.findings.push(Finding::new(self.row.line, field, fault, text));
        }
    }

    /// Whose shift it is, for people; and the shift, where all of it can be read.
    fn shift(
        &mut self,
        places: &Places,
        people: &BTreeMap<LicenceNo, (LawyerId, String)>,
        now: Timestamp,
    ) -> (String, Option<Shift>) {
        let (name, who) = self.who(people);
        let (from, to) = (self.time(FROM), self.time(TO));
        let cell = self.row.cell(AREA);
        let area = places.find(cell);
        if area.is_none() && !cell.is_empty() {
            self.fault(COLUMNS[AREA].key, Fault::NoSuchArea, cell);
        }
        let (Some(who), Some(from), Some(to)) = (who, from, to) else { return (name, None) };
        let shift = Shift { who, area, from, to };
        match shift.check(now) {
            Ok(()) => {}
            Err(ShiftFault::Length) => self.fault(COLUMNS[TO].key, Fault::BadLength, ""),
            Err(ShiftFault::OutOfReach) => self.fault(COLUMNS[FROM].key, Fault::OutOfReach, ""),
        }
        (name, Some(shift))
    }

    fn who(&mut self, people: &BTreeMap<LicenceNo, (LawyerId, String)>) -> (String, Option<OnShift>) {
        let (licence, pool) = (self.row.cell(LICENCE), self.row.cell(POOL));
        if licence.is_empty() == pool.is_empty() {
            self.fault(COLUMNS[LICENCE].key, Fault::WhoOrPool, "");
            return (licence.to_owned(), None);
        }
        if licence.is_empty() {
            let found = names::read_pool(pool);
            if found.is_none() {
                self.fault(COLUMNS[POOL].key, Fault::UnknownWord, pool);
            }
            return (pool.to_owned(), found.map(OnShift::Pool));
        }
        match licence.parse::<LicenceNo>().ok().and_then(|licence| people.get(&licence)) {
            Some((id, name)) => (name.clone(), Some(OnShift::Lawyer(*id))),
            None => {
                self.fault(COLUMNS[LICENCE].key, Fault::NoSuchLawyer, licence);
                (licence.to_owned(), None)
            }
        }
    }

    fn time(&mut self, column: usize) -> Option<Timestamp> {
        let cell = self.row.cell(column);
        let time = roster::local(cell);
        if time.is_none() {
            self.fault(COLUMNS[column].key, Fault::BadTime, cell);
        }
        time
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::testing::id;

    const HEAD: &str = "执业证号,库,开始,结束,区划\n";

    fn judged(lines: &str, planned: &[Shift]) -> Plan {
        let people = [("A-12345", 1), ("B-12345", 2)]
            .map(|(licence, n)| (licence.parse().expect("a licence"), (LawyerId::new(id(n, 3)), format!("律师{n}"))));
        let now = roster::local("2026-11-22 12:00").expect("a time");
        plan(format!("{HEAD}{lines}").as_bytes(), &Places::default(), &people.into(), planned, now).expect("a table")
    }

    fn faults(plan: &Plan) -> Vec<(u64, &'static str, Fault)> {
        plan.report.findings.iter().map(|found| (found.line, found.field, found.code)).collect()
    }

    #[test]
    fn a_roster_is_planned_once_however_often_it_is_brought_in() {
        let lines = "A-12345,,2026-11-23 09:00,2026-11-23 12:00,\n,全国,2026/11/23 09:00,2026/11/23 21:00,\n";

        let first = judged(lines, &[]);
        let again = judged(lines, &first.add);

        assert_eq!((first.report.added, faults(&first)), (2, vec![]));
        assert_eq!(first.report.rows[0].name, "律师1");
        assert_eq!((again.report.same, again.add.len()), (2, 0));
    }

    #[test]
    fn what_is_wrong_with_a_shift_is_named() {
        let lines = "A-12345,,2026-11-23 09:00,2026-11-23 12:00,\n\
            A-12345,,2026-11-23 09:00,2026-11-23 12:00,\n\
            A-12345,,2026-11-23 11:00,2026-11-23 13:00,\n\
            A-12345,全国,2026-11-24 09:00,2026-11-24 12:00,\n\
            Z-99999,,2026-11-24 09:00,2026-11-24 12:00,\n\
            B-12345,,morning,2026-11-24 12:00,火星\n\
            B-12345,,2026-11-24 12:00,2026-11-24 09:00,\n\
            B-12345,,2026-11-20 09:00,2026-11-20 12:00,\n\
            ,省级,2026-11-24 09:00,2026-11-24 12:00,\n";

        let plan = judged(lines, &[]);

        assert_eq!(
            faults(&plan),
            [
                (3, "", Fault::Duplicate),
                (4, "", Fault::Overlap),
                (5, "licence", Fault::WhoOrPool),
                (6, "licence", Fault::NoSuchLawyer),
                (7, "from", Fault::BadTime),
                (7, "area", Fault::NoSuchArea),
                (8, "to", Fault::BadLength),
                (9, "from", Fault::OutOfReach),
                (10, "pool", Fault::UnknownWord),
            ]
        );
        assert_eq!((plan.report.added, plan.report.refused), (1, 8));
    }
}
