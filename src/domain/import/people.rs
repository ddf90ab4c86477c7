//! A firm's people as a table: read line by line, judged against who is known, one licence one person.
use std::collections::BTreeMap;

use yunfa_signaling::{
    ids::{AreaCode, LawyerId},
    private::PersonName,
    words::{Pool, PracticeArea},
};

use super::{
    Places,
    finding::{Fault, Finding, Outcome, Report, ReportRow},
    sheet::{self, Column, Row, SheetError},
};
use crate::domain::{
    names,
    people::{Language, LicenceNo, ProviderType},
};

/// Longest name of a person.
pub const MAX_NAME_CHARS: usize = 40;
/// Villages one adviser may have.
pub const MAX_VILLAGES: usize = 40;

/// The columns, in the order in which [`NAME`] and its neighbours number them.
pub const COLUMNS: &[Column] = &[
    Column { key: "name", zh: "姓名", required: true },
    Column { key: "licence", zh: "执业证号", required: true },
    Column { key: "type", zh: "人员类别", required: true },
    Column { key: "areas", zh: "业务板块", required: true },
    Column { key: "languages", zh: "语言", required: false },
    Column { key: "pool", zh: "库", required: false },
    Column { key: "publicOffice", zh: "公职", required: false },
    Column { key: "home", zh: "所在区划", required: false },
    Column { key: "villages", zh: "顾问村", required: false },
];
const NAME: usize = 0;
const LICENCE: usize = 1;
const TYPE: usize = 2;
const AREAS: usize = 3;
const LANGUAGES: usize = 4;
const POOL: usize = 5;
const PUBLIC_OFFICE: usize = 6;
const HOME: usize = 7;
const VILLAGES: usize = 8;

/// What the bureau writes down of a person; the same for one by hand and ten thousand by table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The name citizens see.
    pub name: PersonName,
    /// The licence; mediators and volunteers may have none, though not in a table.
    pub licence: Option<LicenceNo>,
    /// What kind of provider.
    pub provider_type: ProviderType,
    /// What is answered, in the order of the list, each once.
    pub areas: Vec<PracticeArea>,
    /// What is spoken, in the order of the list, each once.
    pub languages: Vec<Language>,
    /// Local or national.
    pub pool: Pool,
    /// Holds public office.
    pub public_office: bool,
    /// At home where.
    pub home: Option<AreaCode>,
    /// Whose adviser, in order of code, each once.
    pub villages: Vec<AreaCode>,
}

impl Entry {
    /// Sorts what has no order of its own and says everything once.
    #[must_use]
    pub fn in_order(mut self) -> Self {
        self.areas.sort_unstable();
        self.areas.dedup();
        self.languages.sort_unstable();
        self.languages.dedup();
        self.villages.sort_unstable();
        self.villages.dedup();
        self
    }
}

/// Somebody who has one of the table's licences already.
#[derive(Clone, Debug)]
pub struct Known {
    /// Who.
    pub id: LawyerId,
    /// The firm they are of.
    pub firm: Option<String>,
    /// What is written down.
    pub entry: Entry,
}

/// A table that was read; nothing is decided yet.
#[derive(Debug)]
pub struct PeopleTable {
    lines: Vec<(u64, String, Result<Entry, ()>)>,
    findings: Vec<Finding>,
}

/// What is to be done for a table, and how it is reported.
#[derive(Debug, Default)]
pub struct Plan {
    /// People to be taken on.
    pub add: Vec<Entry>,
    /// People whose entry changes.
    pub change: Vec<(LawyerId, Entry)>,
    /// As a preview.
    pub report: Report,
}

/// Reads a firm's people.
///
/// # Errors
/// When the file as a whole is no such table.
pub fn read(bytes: &[u8], places: &Places) -> Result<PeopleTable, SheetError> {
    let mut table = PeopleTable { lines: vec![], findings: vec![] };
    let mut first: BTreeMap<LicenceNo, u64> = BTreeMap::new();
    for row in sheet::read(bytes, COLUMNS)? {
        let mut reading = Reading { row: &row, findings: row.findings.clone() };
        let entry = reading.entry(places);
        let mut findings = reading.findings;
        if let Some(licence) = entry.licence.clone() {
            match first.get(&licence) {
                Some(line) => {
                    findings.push(Finding::new(row.line, "licence", Fault::Duplicate, &line.to_string()));
                }
                None => {
                    first.insert(licence, row.line);
                }
            }
        }
        let shown = row.cell(NAME).to_owned();
        table.lines.push((row.line, shown, if findings.is_empty() { Ok(entry) } else { Err(()) }));
        table.findings.append(&mut findings);
    }
    Ok(table)
}

impl PeopleTable {
    /// What this table comes to for a firm, given everybody who has a licence. Whatever stands in a good line counts; a line
    /// with a fault counts for nothing.
    pub fn plan(self, firm: &str, known: &BTreeMap<LicenceNo, Known>) -> Plan {
        let mut plan = Plan::default();
        let mut findings = self.findings;
        for (line, name, entry) in self.lines {
            let mut what = String::new();
            let outcome = match entry {
                Err(()) => Outcome::Refused,
                Ok(entry) => {
                    what = describe(&entry);
                    match entry.licence.as_ref().and_then(|licence| known.get(licence)) {
                        None => {
                            plan.add.push(entry);
                            Outcome::Added
                        }
                        Some(known) if known.firm.as_deref() != Some(firm) => {
                            findings.push(Finding::new(line, "licence", Fault::OtherFirm, ""));
                            Outcome::Refused
                        }
                        Some(known) if known.entry == entry => Outcome::Same,
                        Some(known) => {
                            plan.change.push((known.id, entry));
                            Outcome::Changed
                        }
                    }
                }
            };
            plan.report.count(ReportRow { line, name, what, outcome });
        }
        plan.report.say(findings);
        plan
    }
}

fn describe(entry: &Entry) -> String {
    let areas: Vec<_> = entry.areas.iter().map(|area| names::of_area(*area).0).collect();
    format!("{} · {}", names::of_type(entry.provider_type).0, areas.join("、"))
}

/// One line while it is read.
struct Reading<'a> {
    row: &'a Row,
    findings: Vec<Finding>,
}

impl Reading<'_> {
    fn fault(&mut self, column: usize, fault: Fault, text: &str) {
        let field = COLUMNS[column].key;
        if !self.findings.iter().any(|finding| finding.field == field) {
            self.findings.push(Finding::new(self.row.line, field, fault, text));
        }
    }

    fn entry(&mut self, places: &Places) -> Entry {
        let row = self.row;
        if row.cell(NAME).chars().count() > MAX_NAME_CHARS {
            self.fault(NAME, Fault::TooLong, "");
        }
        let licence = row.cell(LICENCE).parse::<LicenceNo>();
        if licence.is_err() {
            self.fault(LICENCE, Fault::BadLicence, row.cell(LICENCE));
        }
        let languages = self.words(LANGUAGES, names::read_language, Fault::UnknownWord);
        let home = Some(row.cell(HOME)).filter(|cell| !cell.is_empty());
        let home = home.and_then(|text| {
            let found = places.find(text);
            if found.is_none() {
                self.fault(HOME, Fault::NoSuchArea, text);
            }
            found
        });
        let villages = self.words(VILLAGES, |text| places.find(text), Fault::NoSuchArea);
        if let Some(other) = villages.iter().find(|code| !places.is_village(code)) {
            self.fault(VILLAGES, Fault::NotAVillage, other.as_str());
        }
        if villages.len() > MAX_VILLAGES {
            self.fault(VILLAGES, Fault::TooLong, "");
        }
        Entry {
            name: PersonName::new(row.cell(NAME)),
            licence: licence.ok(),
            provider_type: self.word(TYPE, names::read_type, ProviderType::Lawyer),
            areas: self.words(AREAS, names::read_area, Fault::UnknownWord),
            languages: if languages.is_empty() { vec![Language::Mandarin] } else { languages },
            pool: self.word(POOL, names::read_pool, Pool::Local),
            public_office: self.word(PUBLIC_OFFICE, yes_or_no, false),
            home,
            villages,
        }
        .in_order()
    }

    /// A word of a list; `otherwise` where the cell is empty.
    fn word<T>(&mut self, column: usize, read: impl Fn(&str) -> Option<T>, otherwise: T) -> T {
        let cell = self.row.cell(column);
        if cell.is_empty() {
            return otherwise;
        }
        read(cell).unwrap_or_else(|| {
            self.fault(column, Fault::UnknownWord, cell);
            otherwise
        })
    }

    fn words<T>(&mut self, column: usize, read: impl Fn(&str) -> Option<T>, fault: Fault) -> Vec<T> {
        sheet::list(self.row.cell(column), read).unwrap_or_else(|unknown| {
            self.fault(column, fault, &unknown);
            vec![]
        })
    }
}

fn yes_or_no(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "是" | "yes" | "true" | "1" => Some(true),
        "否" | "no" | "false" | "0" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        people::{Area, AreaLevel},
        testing::id,
    };

    const HEAD: &str = "姓名,执业证号,人员类别,业务板块,语言,库,公职,所在区划,顾问村\n";

    fn places() -> Places {
        let area = |code: &str, parent: Option<&str>, level, name: &str| Area {
            code: code.parse().expect("a code"),
            parent: parent.map(|code| code.parse().expect("a code")),
            level,
            name: name.to_owned(),
        };
        Places::new(&[
            area("990121000000", None, AreaLevel::County, "云川县"),
            area("990121101000", Some("990121000000"), AreaLevel::Town, "青石镇"),
            area("990121101201", Some("990121101000"), AreaLevel::Village, "青石村"),
            area("990121101202", Some("990121101000"), AreaLevel::Village, "石桥村"),
            area("990121102201", Some("990121101000"), AreaLevel::Village, "石桥村"),
        ])
    }

    fn plan(lines: &str, known: &BTreeMap<LicenceNo, Known>) -> Plan {
        read(format!("{HEAD}{lines}").as_bytes(), &places()).expect("a table").plan("firm-1", known)
    }

    fn faults(plan: &Plan) -> Vec<(u64, &'static str, Fault)> {
        plan.report.findings.iter().map(|found| (found.line, found.field, found.code)).collect()
    }

    #[test]
    fn a_line_is_read_by_names_and_by_codes_alike() {
        let by_names =
            "林致远,A-12345,律师,劳动社保；土地建设、征地拆迁,普通话;吴语,本地,否,青石镇,青石村;990121101202\n";
        let by_codes =
            "林致远,a-12345,LAWYER,LAND|LABOUR|LAND,wuu zh-CN,LOCAL,no,990121101000,990121101202|990121101201\n";

        let (names, codes) = (plan(by_names, &BTreeMap::new()), plan(by_codes, &BTreeMap::new()));

        assert_eq!((faults(&names), faults(&codes)), (vec![], vec![]));
        assert_eq!(names.add, codes.add);
        assert_eq!(names.add[0].areas, [PracticeArea::Labour, PracticeArea::Land]);
        assert_eq!(names.add[0].villages.len(), 2);
    }

    #[test]
    fn every_wrong_cell_of_a_line_is_named_and_good_lines_are_taken() {
        let lines = "林致远,A-1,律师,算命,普通话,本地,也许,青山镇,石桥村\n\
            周明澜,B-12345,公证员,合同纠纷,,,,,青石镇\n\
            陈安宁,C-12345,调解员,家庭,火星话,省级,,,\n\
            吴清和,D-12345,志愿者,其他,,,,,\n";

        let plan = plan(lines, &BTreeMap::new());

        assert_eq!(
            faults(&plan),
            [
                (2, "licence", Fault::BadLicence),
                (2, "home", Fault::NoSuchArea),
                (2, "villages", Fault::NoSuchArea),
                (2, "areas", Fault::UnknownWord),
                (2, "publicOffice", Fault::UnknownWord),
                (3, "villages", Fault::NotAVillage),
                (4, "languages", Fault::UnknownWord),
                (4, "areas", Fault::UnknownWord),
                (4, "pool", Fault::UnknownWord),
            ]
        );
        assert_eq!((plan.report.added, plan.report.refused, plan.report.lines), (1, 3, 4));
        assert_eq!(plan.add[0].languages, [Language::Mandarin], "who says nothing speaks Mandarin");
        assert!(plan.report.findings[3].zh.contains("算命") && plan.report.findings[3].en.contains("算命"));
    }

    #[test]
    fn a_licence_twice_is_taken_once_and_one_of_another_firm_not_at_all() {
        let lines = "林致远,A-12345,律师,其他,,,,,\n林致远,a-12345,律师,其他,,,,,\n周明澜,B-12345,律师,其他,,,,,\n";
        let first = plan(lines, &BTreeMap::new());
        let known: BTreeMap<_, _> = first
            .add
            .iter()
            .zip([Some("firm-1"), Some("firm-2")])
            .map(|(entry, firm)| {
                let licence = entry.licence.clone().expect("a licence");
                let known = Known { id: LawyerId::new(id(1, 3)), firm: firm.map(str::to_owned), entry: entry.clone() };
                (licence, known)
            })
            .collect();

        let again = plan(lines, &known);
        let changed = plan("林致远,A-12345,律师,刑事,,,,,\n", &known);

        assert_eq!(faults(&first), [(3, "licence", Fault::Duplicate)]);
        assert!(first.report.findings[0].zh.contains('2'), "it names the first line");
        assert_eq!(first.add.len(), 2);
        assert_eq!(faults(&again), [(3, "licence", Fault::Duplicate), (4, "licence", Fault::OtherFirm)]);
        assert_eq!((again.report.same, again.report.refused, again.add.len()), (1, 2, 0), "again, it changes nothing");
        assert_eq!((changed.report.changed, changed.change[0].1.areas[0]), (1, PracticeArea::Criminal));
    }

    #[test]
    fn ten_thousand_lines_are_reported_within_bounds() {
        let lines: String = (0..10_000).map(|n| format!("林{n},A-{n:05},律师,算命,,,,,\n")).collect();

        let plan = plan(&lines, &BTreeMap::new());

        assert_eq!((plan.report.lines, plan.report.refused), (10_000, 10_000));
        assert_eq!((plan.report.findings.len(), plan.report.more_findings, plan.report.rows.len()), (1000, 9000, 200));
    }
}
