//! A table that an office program saved as CSV (RFC 4180): decoded, bounded, every cell with its line and column.
use super::finding::{Fault, Finding};

/// Longest file.
pub const MAX_BYTES: usize = 4 * 1024 * 1024;
/// Most lines below the head.
pub const MAX_LINES: usize = 10_000;
/// Longest cell: the villages of an adviser fit.
const MAX_CELL_CHARS: usize = 600;
/// What parts a list within one cell.
const BETWEEN: &[char] = &[';', '；', '|', ',', '，', '\u{3000}', ' '];

/// One column a table may have.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// As reports name it, and as an English head does.
    pub key: &'static str,
    /// As a Chinese head names it.
    pub zh: &'static str,
    /// The head must have it.
    pub required: bool,
}

/// Why a file is no table of this kind; nothing of it was looked at.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SheetError {
    /// Neither UTF-8 nor GB 18030.
    #[error("the file is no CSV text in UTF-8 or GBK")]
    NotText,
    /// There is nothing in it.
    #[error("the file is empty")]
    Empty,
    /// The head has a column that is unknown, or one twice.
    #[error("the head has a column `{0}` that is unknown or there twice")]
    Head(String),
    /// The head lacks a column.
    #[error("the head lacks the column `{0}`")]
    Lacks(&'static str),
    /// Too many lines.
    #[error("a file has at most {MAX_LINES} lines")]
    TooManyLines,
}

/// One line below the head.
#[derive(Clone, Debug)]
pub struct Row {
    /// The line of the file, from 1.
    pub line: u64,
    /// One cell per column of the kind, trimmed; empty where there is none.
    cells: Vec<String>,
    /// What is wrong with the cells as such.
    pub findings: Vec<Finding>,
}

impl Row {
    /// The cell of the `n`th column of the kind.
    pub fn cell(&self, n: usize) -> &str {
        self.cells.get(n).map_or("", String::as_str)
    }
}

/// Reads a file as a table with these columns.
///
/// # Errors
/// When it is no such table as a whole. What is wrong with single lines is said with them.
pub fn read(bytes: &[u8], columns: &[Column]) -> Result<Vec<Row>, SheetError> {
    // One kind of line end, so that lines are counted alike in every file.
    let text = decode(bytes)?.replace("\r\n", "\n").replace('\r', "\n");
    let delimiter = delimiter(&text);
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(delimiter)
        .trim(csv::Trim::All)
        .from_reader(text.as_bytes());
    let mut records = reader.records();
    // Text that was decoded is UTF-8, and lines of any number of cells are taken, so reading cannot fail.
    let head = records.next().and_then(Result::ok).ok_or(SheetError::Empty)?;
    let order = order(&head, columns)?;
    let mut rows = vec![];
    for record in records.filter_map(Result::ok) {
        if record.iter().all(str::is_empty) {
            continue;
        }
        if rows.len() == MAX_LINES {
            return Err(SheetError::TooManyLines);
        }
        rows.push(row(&text, &record, &order, columns));
    }
    Ok(rows)
}

/// Excel in China saves "CSV UTF-8" with a byte order mark, and plain "CSV" in GBK, of which GB 18030 is the whole.
fn decode(bytes: &[u8]) -> Result<String, SheetError> {
    let plain = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let text = match std::str::from_utf8(plain) {
        Ok(text) => text.to_owned(),
        Err(_) => {
            let decoded = encoding_rs::GB18030.decode_without_bom_handling_and_without_replacement(plain);
            decoded.ok_or(SheetError::NotText)?.into_owned()
        }
    };
    // A workbook or a picture is no text, whatever it decodes to.
    if text.contains('\0') { Err(SheetError::NotText) } else { Ok(text) }
}

/// Some countries' office programs write semicolons or tabs between cells.
fn delimiter(text: &str) -> u8 {
    let head = text.lines().next().unwrap_or_default();
    let count = |byte: u8| head.bytes().filter(|found| *found == byte).count();
    [b',', b';', b'\t'].into_iter().rev().max_by_key(|byte| count(*byte)).unwrap_or(b',')
}

/// For each cell of the head the column it is.
fn order(head: &csv::StringRecord, columns: &[Column]) -> Result<Vec<usize>, SheetError> {
    let mut order = vec![];
    for name in head {
        let is = |column: &Column| column.zh == name || column.key.eq_ignore_ascii_case(name);
        match columns.iter().position(is).filter(|found| !order.contains(found)) {
            Some(found) => order.push(found),
            None => return Err(SheetError::Head(name.chars().take(40).collect())),
        }
    }
    match columns.iter().enumerate().find(|(n, column)| column.required && !order.contains(n)) {
        Some((_, column)) => Err(SheetError::Lacks(column.zh)),
        None => Ok(order),
    }
}

fn row(text: &str, record: &csv::StringRecord, order: &[usize], columns: &[Column]) -> Row {
    let line = record.position().map_or(0, |at| {
        // The reader places a record before the empty lines that it skipped.
        let rest = usize::try_from(at.byte()).ok().and_then(|byte| text.as_bytes().get(byte..)).unwrap_or_default();
        at.line() + rest.iter().take_while(|byte| **byte == b'\n').count() as u64
    });
    let mut cells = vec![String::new(); columns.len()];
    let mut findings = vec![];
    if record.iter().skip(order.len()).any(|cell| !cell.is_empty()) {
        findings.push(Finding::new(line, "", Fault::Cells, ""));
    }
    for (cell, column) in record.iter().zip(order) {
        let key = columns[*column].key;
        // An office program would run such a cell when the list is opened again; nothing that is right begins so.
        let fault = if cell.starts_with(['=', '+', '-', '@']) {
            Some(Fault::Formula)
        } else if cell.contains(['\n', '\r']) {
            Some(Fault::LineBreak)
        } else if cell.chars().count() > MAX_CELL_CHARS || cell.contains(char::is_control) {
            Some(Fault::TooLong)
        } else {
            None
        };
        match fault {
            Some(fault) => findings.push(Finding::new(line, key, fault, cell)),
            None => cells[*column] = cell.to_owned(),
        }
    }
    for (n, column) in columns.iter().enumerate() {
        let named = findings.iter().any(|finding| finding.field == column.key);
        if column.required && cells[n].is_empty() && !named {
            findings.push(Finding::new(line, column.key, Fault::Missing, ""));
        }
    }
    Row { line, cells, findings }
}

/// The words of a list within one cell, each read by `read`; the first that cannot be is the error. Names may hold `、`, which
/// many write between names as well.
pub fn list<T>(cell: &str, read: impl Fn(&str) -> Option<T>) -> Result<Vec<T>, String> {
    let mut found = vec![];
    for part in cell.split(BETWEEN).map(str::trim).filter(|part| !part.is_empty()) {
        match read(part) {
            Some(word) => found.push(word),
            None => {
                for part in part.split('、').map(str::trim).filter(|part| !part.is_empty()) {
                    found.push(read(part).ok_or_else(|| part.to_owned())?);
                }
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: &[Column] = &[
        Column { key: "name", zh: "姓名", required: true },
        Column { key: "licence", zh: "执业证号", required: true },
        Column { key: "note", zh: "备注", required: false },
    ];

    fn cells(bytes: &[u8]) -> Vec<(u64, String, String)> {
        let rows = read(bytes, COLUMNS).expect("a table");
        rows.iter().map(|row| (row.line, row.cell(0).to_owned(), row.cell(1).to_owned())).collect()
    }

    fn faults(bytes: &[u8]) -> Vec<(u64, &'static str, Fault)> {
        let rows = read(bytes, COLUMNS).expect("a table");
        rows.iter().flat_map(|row| &row.findings).map(|found| (found.line, found.field, found.code)).collect()
    }

    #[test]
    fn a_table_is_read_in_every_way_in_which_offices_save_it() {
        let wanted =
            vec![(2, "林致远".to_owned(), "A-12345".to_owned()), (4, "周, 明".to_owned(), "B-12345".to_owned())];
        let text = "姓名,执业证号,备注\r\n林致远,A-12345,\r\n,,\r\n\" 周, 明 \",B-12345\r\n";

        assert_eq!(cells(text.as_bytes()), wanted);
        assert_eq!(cells(format!("\u{feff}{text}").as_bytes()), wanted, "with a byte order mark");
        assert_eq!(cells(text.replace("\r\n", "\n").as_bytes()), wanted, "with line feeds");
        assert_eq!(cells(text.replace(",,\r\n", "\r\n").as_bytes()), wanted, "with an empty line");
        assert_eq!(cells(&encoding_rs::GBK.encode(text).0), wanted, "in GBK");
        let semicolons = "licence;NAME\nA-12345;林致远\n";
        assert_eq!(cells(semicolons.as_bytes()), wanted[..1], "with an English head in another order");
    }

    #[test]
    fn a_file_that_is_no_such_table_is_refused_as_a_whole() {
        let refused = |bytes: &[u8]| read(bytes, COLUMNS).expect_err("refused");

        assert_eq!(refused(b""), SheetError::Empty);
        assert_eq!(refused(b"PK\x03\x04\0\0"), SheetError::NotText);
        assert_eq!(refused(b"\xff\xfe\xff"), SheetError::NotText);
        assert_eq!(refused("姓名,执业证好\n".as_bytes()), SheetError::Head("执业证好".to_owned()));
        assert_eq!(refused("姓名,姓名,执业证号\n".as_bytes()), SheetError::Head("姓名".to_owned()));
        assert_eq!(refused("姓名\n林致远\n".as_bytes()), SheetError::Lacks("执业证号"));
        let long = format!("姓名,执业证号\n{}", "林,A-12345\n".repeat(MAX_LINES + 1));
        assert_eq!(refused(long.as_bytes()), SheetError::TooManyLines);
        let full = format!("姓名,执业证号\n{}", "林,A-12345\n".repeat(MAX_LINES));
        assert_eq!(read(full.as_bytes(), COLUMNS).map(|rows| rows.len()), Ok(MAX_LINES));
    }

    #[test]
    fn a_cell_that_would_run_that_breaks_or_that_is_missing_is_named_with_its_line() {
        let text = "姓名,执业证号,备注\n=cmd|'/c calc'!A1,A-12345,\n林,A-12345,x,y\n林,,@SUM(1)\n\"林\n远\",A-12345\n";

        assert_eq!(
            faults(text.as_bytes()),
            [
                (2, "name", Fault::Formula),
                (3, "", Fault::Cells),
                (4, "note", Fault::Formula),
                (4, "licence", Fault::Missing),
                (5, "name", Fault::LineBreak),
            ]
        );
        let open = "姓名,执业证号\n\"林,A-12345\n周,B-12345\n";
        assert_eq!(faults(open.as_bytes())[0], (2, "name", Fault::LineBreak), "a quotation mark that is not closed");
        let long = format!("姓名,执业证号\n{},A-12345\n", "长".repeat(601));
        assert_eq!(faults(long.as_bytes()), [(2, "name", Fault::TooLong)]);
    }

    #[test]
    fn a_list_in_a_cell_is_parted_as_people_part_it() {
        let known = |text: &str| ["甲", "乙、丙", "丁"].into_iter().find(|word| *word == text);

        assert_eq!(list("甲；乙、丙|丁", known), Ok(vec!["甲", "乙、丙", "丁"]));
        assert_eq!(list("甲、丁", known), Ok(vec!["甲", "丁"]));
        assert_eq!(list(" 甲, 戊 ", known), Err("戊".to_owned()));
        assert_eq!(list("", known), Ok(vec![]));
    }
}
