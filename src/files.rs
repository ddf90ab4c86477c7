//! Files that only this user may read, written whole or not at all.
use std::{
    fs,
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::Path,
};

/// Makes a folder, and those above it, that only this user can enter.
///
/// # Errors
/// When the system refuses.
pub fn make_private_folder(path: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Writes a file of mode 0600 with its folder. A crash in between leaves the old file or the new one, never half of one.
///
/// # Errors
/// When the system refuses.
pub fn write_private(path: &Path, text: &str) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    make_private_folder(folder)?;
    let beside = path.with_extension("new");
    match fs::remove_file(&beside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&beside, path)
}

/// Locks a file, made when it is missing (mode 0600), until what is returned is dropped or the process ends; `None` when
/// somebody holds it.
///
/// # Errors
/// When the system refuses.
pub fn take(path: &Path) -> io::Result<Option<fs::File>> {
    let file = fs::OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(fs::TryLockError::WouldBlock) => Ok(None),
        Err(fs::TryLockError::Error(error)) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn what_is_taken_is_free_again_when_it_is_dropped() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("in-use");

        let taken = take(&path).expect("possible");

        assert!(taken.is_some());
        assert!(take(&path).expect("possible").is_none());
        drop(taken);
        assert!(take(&path).expect("possible").is_some());
    }

    #[test]
    fn a_private_file_replaces_an_open_one() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("inside/secret.json");
        fs::create_dir(folder.path().join("inside")).expect("a folder");
        fs::write(&path, "old").expect("written");

        write_private(&path, "new").expect("written");

        assert_eq!(fs::read_to_string(&path).expect("readable"), "new");
        assert_eq!(fs::metadata(&path).expect("a file").permissions().mode() & 0o777, 0o600);
    }
}
