//! The file of a matter (一事一档) as one archive: the same matter gives the same bytes to the same reader.
use std::io::{Cursor, Write as _};

use sha2::{Digest, Sha256};
use yunfa_signaling::time::Timestamp;
use zip::{CompressionMethod, DateTime, ZipWriter, result::ZipError, write::SimpleFileOptions};

/// One file of an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its path inside.
    pub name: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

impl Entry {
    /// A file of JSON, for people too.
    pub fn json(name: impl Into<String>, value: &impl serde::Serialize) -> Self {
        let bytes = serde_json::to_vec_pretty(value).expect("text and integers are always JSON");
        Self { name: name.into(), bytes }
    }

    /// SHA-256 of its bytes, as hexadecimal.
    pub fn hash(&self) -> String {
        Sha256::digest(&self.bytes).iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// Packs the files in their order, uncompressed and without a clock, so that the bytes follow from the files alone.
///
/// # Errors
/// When a name is there twice or is too long.
pub fn pack(entries: &[Entry]) -> Result<Vec<u8>, ZipError> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Stored)
        .last_modified_time(DateTime::default())
        .unix_permissions(0o600);
    for entry in entries {
        archive.start_file(entry.name.as_str(), options)?;
        archive.write_all(&entry.bytes)?;
    }
    Ok(archive.finish()?.into_inner())
}

/// A table for spreadsheets: UTF-8 with its mark, CRLF (RFC 4180), and no cell that a spreadsheet would run.
pub fn table(head: &[&str], rows: &[Vec<String>]) -> Vec<u8> {
    let line = |cells: Vec<String>| format!("{}\r\n", cells.join(","));
    let mut text = String::from("\u{feff}");
    text += &line(head.iter().map(|cell| quoted(cell)).collect());
    for row in rows {
        text += &line(row.iter().map(|cell| quoted(cell)).collect());
    }
    text.into_bytes()
}

/// A cell in quotes; one that begins like a formula begins with an apostrophe instead, which spreadsheets take for text.
fn quoted(cell: &str) -> String {
    let runs = cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠']);
    format!("\"{}{}\"", if runs { "'" } else { "" }, cell.replace('"', "\"\""))
}

/// A time as people write it, in business time.
pub fn local_time(at: Timestamp) -> String {
    super::roster::in_local(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries() -> Vec<Entry> {
        vec![Entry::json("manifest.json", &["一"]), Entry { name: "records/01.json".to_owned(), bytes: b"{}".to_vec() }]
    }

    #[test]
    fn the_same_files_give_the_same_bytes_and_read_back() {
        let packed = pack(&entries()).expect("packed");

        assert_eq!(packed, pack(&entries()).expect("packed"));
        let mut archive = zip::ZipArchive::new(Cursor::new(packed)).expect("an archive");
        let names: Vec<_> = (0..archive.len())
            .map(|n| archive.by_index(n).expect("a file").name().expect("a name").into_owned())
            .collect();
        assert_eq!(names, ["manifest.json", "records/01.json"]);
        let mut text = String::new();
        std::io::Read::read_to_string(&mut archive.by_index(1).expect("a file"), &mut text).expect("text");
        assert_eq!(text, "{}");
    }

    #[test]
    fn a_name_that_is_there_twice_is_refused() {
        let twice = [entries(), entries()].concat();

        assert!(pack(&twice).is_err());
    }

    #[test]
    fn no_cell_is_a_formula() {
        let rows: Vec<_> = ["=1+1", "+1", "-1", "@x", "\tx", "＝1", "ok", "a\"b"]
            .iter()
            .map(|cell| vec![(*cell).to_owned()])
            .collect();
        let text = String::from_utf8(table(&["名"], &rows)).expect("text");

        let cells: Vec<_> = text.trim_start_matches('\u{feff}').lines().skip(1).collect();
        assert_eq!(
            cells,
            ["\"'=1+1\"", "\"'+1\"", "\"'-1\"", "\"'@x\"", "\"'\tx\"", "\"'＝1\"", "\"ok\"", "\"a\"\"b\""]
        );
    }
}
