//! What came of each line of a table, said so that whoever made the table can mend it.
use serde::Serialize;

use crate::domain::people::words;

/// Findings that are said; of the others only how many they are.
pub const MAX_FINDINGS: usize = 1000;
/// Lines that are shown.
pub const MAX_ROWS: usize = 200;
/// Characters of a cell that are repeated.
const MAX_QUOTED: usize = 30;

words! {
    /// What is wrong with a line.
    Fault {
        /// A cell that must not be empty is.
        Missing = "missing",
        /// The word is on no list.
        UnknownWord = "unknown-word",
        /// More characters, or more words, than allowed.
        TooLong = "too-long",
        /// The cell begins like a formula.
        Formula = "formula",
        /// The cell holds a line break: a quotation mark is not closed.
        LineBreak = "line-break",
        /// The line has more cells than the head.
        Cells = "cells",
        /// This is no licence number.
        BadLicence = "bad-licence",
        /// An earlier line says the same person, or the same shift.
        Duplicate = "duplicate",
        /// The licence belongs to somebody of another firm.
        OtherFirm = "other-firm",
        /// There is no such area, or several of that name.
        NoSuchArea = "no-such-area",
        /// The area is no village.
        NotAVillage = "not-a-village",
        /// This is no date.
        BadDate = "bad-date",
        /// It is a workday anyway.
        NoWeekend = "no-weekend",
        /// This is no date and time.
        BadTime = "bad-time",
        /// The end is not after the beginning, or more than a day later.
        BadLength = "bad-length",
        /// It is over, or more than a year ahead.
        OutOfReach = "out-of-reach",
        /// The lawyer has another shift at that time.
        Overlap = "overlap",
        /// No lawyer has this licence.
        NoSuchLawyer = "no-such-lawyer",
        /// Either a lawyer or a pool, not both and not neither.
        WhoOrPool = "who-or-pool",
    }

    /// What a line comes to.
    Outcome {
        /// Something new.
        Added = "ADDED",
        /// Something known is changed.
        Changed = "CHANGED",
        /// All of it is known.
        Same = "SAME",
        /// Nothing: the findings say why.
        Refused = "REFUSED",
    }
}

/// What is wrong in one place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// The line of the file, from 1; the head is one too.
    pub line: u64,
    /// The column's key; empty where it is the line as a whole.
    pub field: &'static str,
    /// The stable word.
    pub code: Fault,
    /// One sentence in Chinese.
    pub zh: String,
    /// One sentence in English.
    pub en: String,
}

impl Finding {
    /// A finding about this text.
    pub fn new(line: u64, field: &'static str, code: Fault, text: &str) -> Self {
        let mut quoted: String = text.chars().filter(|char| !char.is_control()).take(MAX_QUOTED).collect();
        if quoted.chars().count() < text.chars().count() {
            quoted.push('…');
        }
        let (zh, en) = sentences(code, &quoted);
        Self { line, field, code, zh, en }
    }
}

fn sentences(code: Fault, text: &str) -> (String, String) {
    let (zh, en) = match code {
        Fault::Missing => ("此格不能为空。", "This cell must not be empty."),
        Fault::UnknownWord => ("“{}”不在可选范围内。", "“{}” is not one of the words allowed here."),
        Fault::TooLong => ("内容过长。", "This is longer than allowed."),
        Fault::Formula => ("内容像公式（以 = + - @ 开头），不予导入。", "This begins like a formula (= + - @)."),
        Fault::LineBreak => {
            ("格内有换行，可能缺少右引号。", "The cell holds a line break; a quotation mark may be missing.")
        }
        Fault::Cells => ("此行的格数多于表头。", "This line has more cells than the head."),
        Fault::BadLicence => (
            "“{}”不是有效的证号（6 至 32 位字母、数字或短横）。",
            "“{}” is no licence number (6 to 32 letters, digits, hyphens).",
        ),
        Fault::Duplicate => ("与第 {} 行重复。", "Line {} says the same."),
        Fault::OtherFirm => ("该证号已登记在别的机构名下。", "This licence is registered with another firm."),
        Fault::NoSuchArea => (
            "没有叫“{}”的区划，或有几处同名，请填 12 位代码。",
            "There is no area “{}”, or several; write the code of 12 digits.",
        ),
        Fault::NotAVillage => ("“{}”不是村（社区）。", "“{}” is not a village."),
        Fault::BadDate => ("“{}”不是日期，请写成 2026-10-01。", "“{}” is no date; write 2026-10-01."),
        Fault::NoWeekend => ("“{}”不是周末，本来就上班。", "“{}” is no weekend: people work anyway."),
        Fault::BadTime => ("“{}”不是时间，请写成 2026-11-23 09:00。", "“{}” is no time; write 2026-11-23 09:00."),
        Fault::BadLength => {
            ("结束须晚于开始，且不超过 24 小时。", "The end comes after the beginning, at most 24 hours later.")
        }
        Fault::OutOfReach => ("该班次已过去，或在一年以后。", "This shift is over, or more than a year ahead."),
        Fault::Overlap => ("与本人另一班次时间重叠。", "This overlaps another shift of the same person."),
        Fault::NoSuchLawyer => ("没有证号为“{}”的服务人员。", "Nobody has the licence “{}”."),
        Fault::WhoOrPool => ("证号与库只填一项。", "Name either a licence or a pool."),
    };
    (zh.replace("{}", text), en.replace("{}", text))
}

/// One line as it is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReportRow {
    /// The line of the file, from 1.
    pub line: u64,
    /// Who, as the table says.
    pub name: String,
    /// What about them, in a few words.
    pub what: String,
    /// What it comes to.
    pub outcome: Outcome,
}

/// What came, or would come, of a table.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Whether it was done; a preview changes nothing.
    pub applied: bool,
    /// Lines with anything in them, without the head.
    pub lines: usize,
    /// Lines that are new.
    pub added: usize,
    /// Lines that change something.
    pub changed: usize,
    /// Lines that change nothing.
    pub same: usize,
    /// Lines that are not taken.
    pub refused: usize,
    /// What is wrong, in order of lines; at most [`MAX_FINDINGS`].
    pub findings: Vec<Finding>,
    /// How many more findings there are.
    pub more_findings: usize,
    /// The first lines.
    pub rows: Vec<ReportRow>,
}

impl Report {
    /// Counts one line and shows it if there is room.
    pub fn count(&mut self, row: ReportRow) {
        self.lines += 1;
        *match row.outcome {
            Outcome::Added => &mut self.added,
            Outcome::Changed => &mut self.changed,
            Outcome::Same => &mut self.same,
            Outcome::Refused => &mut self.refused,
        } += 1;
        if self.rows.len() < MAX_ROWS {
            self.rows.push(row);
        }
    }

    /// Says what is wrong, as much of it as there is room for.
    pub fn say(&mut self, mut findings: Vec<Finding>) {
        findings.sort_by_key(|finding| finding.line);
        self.more_findings = findings.len().saturating_sub(MAX_FINDINGS);
        findings.truncate(MAX_FINDINGS);
        self.findings = findings;
    }
}
