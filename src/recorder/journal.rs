//! The local file that keeps facts, in order, while the database is away.
//!
//! Frames follow each other: a length of four bytes, big-endian, then that many bytes, sealed by the key file for their
//! place in the row, so that chat lines lie here as they do in the database and no frame can be moved or changed unseen.
//! A frame is on disk when [`Journal::append`] returns. The file is emptied when all of it is in the database.
use std::{
    fs::{File, OpenOptions, rename},
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use yunfa_signaling::time::Timestamp;

use crate::storage::{
    Entry, Keys, Lease,
    keys::{KeyError, Place, Sealed},
};

/// Bytes of the file at most: hours of a county's calls. A larger file would take the disk from the database.
const MOST_BYTES: u64 = 64 * 1024 * 1024;
/// Bytes of a frame's length.
const LENGTH: u64 = 4;

/// What the journal cannot do.
#[derive(Debug, thiserror::Error)]
pub(super) enum JournalError {
    /// The file would grow past its bound.
    #[error("the journal is full")]
    Full,
    /// The disk says no; most often it is full.
    #[error("the journal cannot be used")]
    Io(#[from] io::Error),
    /// A frame was changed, moved, or sealed by another key file.
    #[error("a frame of the journal does not open")]
    Broken,
}

impl From<KeyError> for JournalError {
    fn from(_: KeyError) -> Self {
        Self::Broken
    }
}

/// Entries that belong into one transaction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Frame {
    /// Whose they are: after a crash the reaper must see that their owner is gone.
    pub(super) owner: Lease,
    /// When they were kept.
    pub(super) at: Timestamp,
    /// What is to be written.
    pub(super) entries: Vec<Entry>,
}

/// The file, and how much of it is in the database already.
#[derive(Debug)]
pub(super) struct Journal {
    path: PathBuf,
    file: File,
    /// Where the first frame begins that is not in the database, and its number.
    front: Position,
    /// Where the next frame will begin, and its number.
    end: Position,
    bound: u64,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Position {
    byte: u64,
    frame: u64,
}

impl Position {
    const fn after(self, sealed: u64) -> Self {
        Self { byte: self.byte + LENGTH + sealed, frame: self.frame + 1 }
    }
}

impl Journal {
    /// Opens the file with what the last run could not write, or makes an empty one (mode 0600). Half a frame at the end
    /// was never said to be kept, and is cut off.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        let mut file = options.read(true).write(true).create(true).truncate(false).mode(0o600).open(path)?;
        let length = file.metadata()?.len();
        let mut end = Position::default();
        while let Some(sealed) = length_at(&mut file, end.byte)? {
            let next = end.after(sealed);
            if next.byte > length {
                break;
            }
            end = next;
        }
        if end.byte < length {
            file.set_len(end.byte)?;
        }
        Ok(Self { path: path.to_owned(), file, front: Position::default(), end, bound: MOST_BYTES })
    }

    /// Whether all of it is in the database.
    pub(super) fn is_empty(&self) -> bool {
        self.front == self.end
    }

    /// Keeps a frame; it is on disk when this returns. After a failure the file is as it was.
    pub(super) fn append(&mut self, keys: &Keys, frame: &Frame) -> Result<(), JournalError> {
        let plain = serde_json::to_vec(frame).expect("frames are always JSON");
        let sealed = keys.seal(place(&self.end.frame.to_string()), &plain)?.into_bytes();
        let length = u32::try_from(sealed.len()).map_err(|_| JournalError::Full)?;
        let next = self.end.after(u64::from(length));
        if next.byte > self.bound {
            return Err(JournalError::Full);
        }
        let bytes = [&length.to_be_bytes()[..], &sealed].concat();
        let written = self
            .file
            .seek(SeekFrom::Start(self.end.byte))
            .and_then(|_| self.file.write_all(&bytes))
            .and_then(|()| self.file.sync_data());
        if let Err(error) = written {
            // Half a frame would hide those behind it; when even this fails, the next one is written over it.
            let _ = self.file.set_len(self.end.byte);
            return Err(error.into());
        }
        self.end = next;
        Ok(())
    }

    /// The first frame that is not in the database.
    pub(super) fn front(&mut self, keys: &Keys) -> Result<Option<Frame>, JournalError> {
        if self.is_empty() {
            return Ok(None);
        }
        let length = length_at(&mut self.file, self.front.byte)?.ok_or(JournalError::Broken)?;
        let mut sealed = vec![0; usize::try_from(length).map_err(|_| JournalError::Broken)?];
        self.file.read_exact(&mut sealed)?;
        let plain = keys.open(place(&self.front.frame.to_string()), &Sealed::from_bytes(sealed))?;
        serde_json::from_slice(&plain).map(Some).map_err(|_| JournalError::Broken)
    }

    /// The first frame is in the database. When it was the last one the file is emptied.
    pub(super) fn pass(&mut self) -> Result<(), JournalError> {
        let Some(length) = length_at(&mut self.file, self.front.byte)? else { return Ok(()) };
        let next = self.front.after(length);
        if next == self.end {
            // Until this is on disk a crash finds the frames again, and the database passes over what it has.
            self.file.set_len(0)?;
            self.file.sync_data()?;
            (self.front, self.end) = (Position::default(), Position::default());
        } else {
            self.front = next;
        }
        Ok(())
    }

    /// Lays a file that cannot be read aside, for somebody to look at, and begins an empty one.
    pub(super) fn lay_aside(&mut self) -> Result<PathBuf, JournalError> {
        let aside = self.path.with_extension("broken");
        rename(&self.path, &aside)?;
        *self = Self { bound: self.bound, ..Self::open(&self.path)? };
        Ok(aside)
    }
}

/// The length of the frame that begins at a byte; `None` at the end of the file.
fn length_at(file: &mut File, byte: u64) -> io::Result<Option<u64>> {
    file.seek(SeekFrom::Start(byte))?;
    let mut length = [0; LENGTH as usize];
    match file.read_exact(&mut length) {
        Ok(()) => Ok(Some(u64::from(u32::from_be_bytes(length)))),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
        Err(error) => Err(error),
    }
}

const fn place(number: &str) -> Place<'_> {
    Place { table: "journal", row: number, column: "frame" }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use yunfa_signaling::{
        ids::{LegId, MessageId, SessionId},
        private::ChatText,
        words::Role,
    };

    use super::*;
    use crate::storage::{ChatLine, keys::FRESH_BYTES};

    fn keys() -> Keys {
        Keys::from_bytes(&[5; FRESH_BYTES])
    }

    fn frame(number: u32) -> Frame {
        let line = ChatLine {
            session: SessionId::new(uuid::Uuid::nil()),
            message: MessageId::new(uuid::Uuid::from_u128(number.into())),
            number,
            from: LegId::new(uuid::Uuid::nil()),
            role: Role::Citizen,
            at: Timestamp(7),
            text: ChatText::new("两个月没发工资"),
        };
        let owner = Lease { node: "node-1".to_owned(), epoch: 3 };
        Frame { owner, at: Timestamp(i64::from(number)), entries: vec![Entry::Chat(Box::new(line))] }
    }

    fn drain(journal: &mut Journal, keys: &Keys) -> Vec<Frame> {
        let mut frames = vec![];
        while let Some(frame) = journal.front(keys).expect("readable") {
            frames.push(frame);
            journal.pass().expect("passed");
        }
        frames
    }

    #[test]
    fn frames_come_back_in_order_after_a_restart_and_the_file_is_emptied() {
        let (folder, keys) = (tempfile::tempdir().expect("a folder"), keys());
        let path = folder.path().join("facts.journal");
        let mut journal = Journal::open(&path).expect("opened");
        for number in 1..=3 {
            journal.append(&keys, &frame(number)).expect("kept");
        }
        assert_eq!(journal.front(&keys).expect("readable"), Some(frame(1)));
        journal.pass().expect("passed");
        drop(journal);

        let mut again = Journal::open(&path).expect("opened");

        // What was passed is found again after a crash: the database takes nothing twice.
        assert_eq!(again.end.frame, 3);
        assert_eq!(drain(&mut again, &keys), [frame(1), frame(2), frame(3)]);
        assert!(again.is_empty());
        let file = std::fs::metadata(&path).expect("there");
        assert_eq!((file.len(), file.permissions().mode() & 0o777), (0, 0o600));
        again.append(&keys, &frame(4)).expect("kept");
        assert_eq!(drain(&mut again, &keys), [frame(4)]);
    }

    #[test]
    fn nothing_of_a_line_can_be_read_in_the_file() {
        let (folder, keys) = (tempfile::tempdir().expect("a folder"), keys());
        let path = folder.path().join("facts.journal");
        Journal::open(&path).expect("opened").append(&keys, &frame(1)).expect("kept");

        let bytes = std::fs::read(&path).expect("read");

        assert!(!bytes.windows(6).any(|window| window == "工资".as_bytes()));
    }

    #[test]
    fn half_a_frame_at_the_end_is_cut_off() {
        let (folder, keys) = (tempfile::tempdir().expect("a folder"), keys());
        let path = folder.path().join("facts.journal");
        let mut journal = Journal::open(&path).expect("opened");
        journal.append(&keys, &frame(1)).expect("kept");
        journal.append(&keys, &frame(2)).expect("kept");
        let whole = std::fs::read(&path).expect("read");
        let first = (whole.len() / 2) as u64;
        for cut in [1, 3, 5, first - 1] {
            std::fs::write(&path, &whole[..(first + cut) as usize]).expect("cut");

            let mut torn = Journal::open(&path).expect("opened");

            assert_eq!(torn.end.frame, 1, "{cut} bytes of the second frame");
            torn.append(&keys, &frame(3)).expect("kept");
            assert_eq!(drain(&mut torn, &keys), [frame(1), frame(3)]);
        }
    }

    #[test]
    fn a_changed_or_moved_frame_is_refused_and_laid_aside() {
        let (folder, keys) = (tempfile::tempdir().expect("a folder"), keys());
        let path = folder.path().join("facts.journal");
        let mut journal = Journal::open(&path).expect("opened");
        journal.append(&keys, &frame(1)).expect("kept");
        journal.append(&keys, &frame(2)).expect("kept");
        let whole = std::fs::read(&path).expect("read");
        let (one, two) = whole.split_at(whole.len() / 2);
        let mut changed = whole.clone();
        changed[20] ^= 1;
        for wrong in [changed, [two, one].concat()] {
            std::fs::write(&path, &wrong).expect("written");
            let mut journal = Journal::open(&path).expect("opened");

            assert!(matches!(journal.front(&keys), Err(JournalError::Broken)));

            let aside = journal.lay_aside().expect("laid aside");
            assert_eq!(std::fs::read(aside).expect("kept"), wrong);
            assert!(journal.is_empty());
        }
    }

    #[test]
    fn a_full_journal_refuses_and_stays_whole() {
        let (folder, keys) = (tempfile::tempdir().expect("a folder"), keys());
        let path = folder.path().join("facts.journal");
        let mut journal = Journal::open(&path).expect("opened");
        journal.append(&keys, &frame(1)).expect("kept");
        journal.bound = journal.end.byte * 2 - 1;

        assert!(matches!(journal.append(&keys, &frame(2)), Err(JournalError::Full)));

        assert_eq!(drain(&mut journal, &keys), [frame(1)]);
        journal.append(&keys, &frame(3)).expect("there is room again");
    }
}
