//! Personal columns sealed with AES-GCM-SIV (RFC 8452) and keyed references, by a key file that lies outside the database.
use std::{
    fmt,
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

use aes_gcm_siv::{
    Aes256GcmSiv, Nonce,
    aead::{Aead, KeyInit, Payload},
};
use hmac::{Hmac, Mac};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use zeroize::{Zeroize, Zeroizing};

/// Bytes of fresh randomness that a new key file takes: one sealing key and one reference key.
pub const FRESH_BYTES: usize = 64;
/// A key file is far smaller; a larger file is not one.
const MAX_FILE_BYTES: u64 = 64 * 1024;
const NONCE_BYTES: usize = 12;

/// The key file or a sealed column does not fit.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file cannot be read or written.
    #[error("the key file {path} cannot be used: {source}")]
    Io {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Others may read the file.
    #[error("the key file {0} can be read by others: chmod 600 it")]
    Exposed(PathBuf),
    /// The file is not a key file.
    #[error("{0} is not a key file of Yunfa")]
    NotAKeyFile(PathBuf),
    /// The database was sealed with another key file.
    #[error("the database was sealed with another key file: put that one back, or start with an empty database")]
    OtherFile,
    /// The column was sealed with a key that the file does not hold.
    #[error("a column was sealed with key {0}, which the key file does not hold")]
    UnknownKey(u32),
    /// The column was changed, or belongs to another row.
    #[error("a sealed column was changed or belongs elsewhere")]
    Broken,
}

/// Where a sealed value lies. It cannot be opened anywhere else.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// The table.
    pub table: &'static str,
    /// The row's key.
    pub row: &'a str,
    /// The column.
    pub column: &'static str,
}

impl Place<'_> {
    /// The additional data of the seal.
    fn bytes(self) -> Vec<u8> {
        format!("{}/{}/{}", self.table, self.row, self.column).into_bytes()
    }
}

/// A sealed value: key id, nonce, ciphertext with tag.
#[derive(Clone, PartialEq, Eq)]
pub struct Sealed(Vec<u8>);

impl Sealed {
    /// Wraps what the store holds.
    pub const fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// As the store holds it.
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealed({} bytes)", self.0.len())
    }
}

/// What a keyed reference stands for; the same text has another reference in each realm.
#[derive(Clone, Copy, Debug)]
pub enum Realm {
    /// A citizen.
    Citizen,
    /// A telephone number.
    Phone,
    /// A device.
    Device,
    /// An account name.
    Account,
    /// A network address.
    Address,
    /// A code sent by SMS.
    Code,
    /// Where a browser takes pushes.
    Endpoint,
}

impl Realm {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Citizen => "citizen",
            Self::Phone => "phone",
            Self::Device => "device",
            Self::Account => "account",
            Self::Address => "address",
            Self::Code => "code",
            Self::Endpoint => "endpoint",
        }
    }
}

/// The keys of one deployment.
pub struct Keys {
    /// Sealing keys by id; the last one seals, all of them open.
    sealing: Vec<(u32, Aes256GcmSiv)>,
    reference: Zeroizing<[u8; 32]>,
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keys({} sealing)", self.sealing.len())
    }
}

/// The file: hexadecimal, so that it can be written down and kept in a safe.
#[derive(Serialize, Deserialize, Zeroize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct File {
    sealing: Vec<FileKey>,
    reference: String,
}

#[derive(Serialize, Deserialize, Zeroize)]
#[serde(deny_unknown_fields)]
struct FileKey {
    id: u32,
    key: String,
}

impl Keys {
    /// Reads the key file, or makes one of `fresh` random bytes when there is none (mode 0600, on disk before this returns).
    pub fn load_or_create(path: &Path, fresh: [u8; FRESH_BYTES]) -> Result<Self, KeyError> {
        let fresh = Zeroizing::new(fresh);
        let at = |source| KeyError::Io { path: path.to_owned(), source };
        match std::fs::File::open(path) {
            Ok(file) => Self::read(path, file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let keys = Self::from_bytes(&fresh);
                create(path, &fresh).map_err(at)?;
                Ok(keys)
            }
            Err(error) => Err(at(error)),
        }
    }

    /// Keys of these bytes, for a test or a tool that keeps no file.
    pub fn from_bytes(fresh: &[u8; FRESH_BYTES]) -> Self {
        let (sealing, reference) = halves(fresh);
        Self { sealing: vec![(1, Aes256GcmSiv::new((&*sealing).into()))], reference }
    }

    fn read(path: &Path, file: std::fs::File) -> Result<Self, KeyError> {
        let at = |source| KeyError::Io { path: path.to_owned(), source };
        if is_exposed(&file).map_err(at)? {
            return Err(KeyError::Exposed(path.to_owned()));
        }
        let mut text = Zeroizing::new(String::new());
        file.take(MAX_FILE_BYTES).read_to_string(&mut text).map_err(at)?;
        let file: Zeroizing<File> =
            serde_json::from_str(&text).map(Zeroizing::new).map_err(|_| KeyError::NotAKeyFile(path.to_owned()))?;
        let wrong = || KeyError::NotAKeyFile(path.to_owned());
        let sealing = file.sealing.iter().map(|key| {
            let bytes = Zeroizing::new(unhex(&key.key).ok_or_else(wrong)?);
            Ok((key.id, Aes256GcmSiv::new((&*bytes).into())))
        });
        let sealing = sealing.collect::<Result<Vec<_>, KeyError>>()?;
        if sealing.is_empty() {
            return Err(wrong());
        }
        Ok(Self { sealing, reference: Zeroizing::new(unhex(&file.reference).ok_or_else(wrong)?) })
    }

    /// Seals a value for its place. The nonce is derived of place and value by the reference key, so that no dice are
    /// needed: with a misuse-resistant cipher (RFC 8452 section 1) all that can be learnt is that the same value was
    /// written to the same place again.
    pub fn seal(&self, place: Place<'_>, value: &[u8]) -> Result<Sealed, KeyError> {
        let (id, cipher) = self.sealing.last().ok_or(KeyError::Broken)?;
        let aad = place.bytes();
        let derived = self.mac(&[b"nonce", &aad, value]);
        let nonce = Nonce::try_from(&derived[..NONCE_BYTES]).map_err(|_| KeyError::Broken)?;
        let sealed = cipher.encrypt(&nonce, Payload { msg: value, aad: &aad }).map_err(|_| KeyError::Broken)?;
        Ok(Sealed([&id.to_be_bytes()[..], &nonce[..], &sealed].concat()))
    }

    /// Opens a value at its place.
    pub fn open(&self, place: Place<'_>, sealed: &Sealed) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let (id, rest) = sealed.0.split_first_chunk::<4>().ok_or(KeyError::Broken)?;
        let (nonce, sealed) = rest.split_first_chunk::<NONCE_BYTES>().ok_or(KeyError::Broken)?;
        let id = u32::from_be_bytes(*id);
        let (_, cipher) = self.sealing.iter().find(|(known, _)| *known == id).ok_or(KeyError::UnknownKey(id))?;
        let payload = Payload { msg: sealed, aad: &place.bytes() };
        cipher.decrypt(&(*nonce).into(), payload).map(Zeroizing::new).map_err(|_| KeyError::Broken)
    }

    /// Seals text.
    pub fn seal_text(&self, place: Place<'_>, text: &str) -> Result<Sealed, KeyError> {
        self.seal(place, text.as_bytes())
    }

    /// Opens text.
    pub fn open_text(&self, place: Place<'_>, sealed: &Sealed) -> Result<String, KeyError> {
        let bytes = self.open(place, sealed)?;
        std::str::from_utf8(&bytes).map(str::to_owned).map_err(|_| KeyError::Broken)
    }

    /// A reference by which the same text is recognised, and from which nobody without the key learns the text.
    pub fn reference(&self, realm: Realm, text: &str) -> String {
        hex(&self.mac(&[b"reference", realm.as_str().as_bytes(), text.as_bytes()]))
    }

    /// A secret of its own for one purpose, the same wherever the key file is.
    pub fn derived(&self, purpose: &str) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.mac(&[b"derived", purpose.as_bytes()]))
    }

    /// By which the database knows its key file; tells nothing about the keys.
    pub fn fingerprint(&self) -> String {
        hex(&self.mac(&[b"fingerprint"])[..16])
    }

    /// HMAC-SHA-256 over parts whose borders cannot be shifted.
    fn mac(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut mac =
            <Hmac<Sha256> as KeyInit>::new_from_slice(&*self.reference).expect("HMAC takes keys of any length");
        for part in parts {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }
}

/// SHA-256 of a token, under which the store keeps it.
pub fn token_hash(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * at..2 * at + 2], 16).ok()?;
    }
    Some(bytes)
}

fn halves(fresh: &[u8; FRESH_BYTES]) -> (Zeroizing<[u8; 32]>, Zeroizing<[u8; 32]>) {
    let (mut one, mut two) = (Zeroizing::new([0; 32]), Zeroizing::new([0; 32]));
    one.copy_from_slice(&fresh[..32]);
    two.copy_from_slice(&fresh[32..]);
    (one, two)
}

/// Writes a new file beside its name and links it into place, so that a crash leaves a whole file or none.
fn create(path: &Path, fresh: &[u8; FRESH_BYTES]) -> io::Result<()> {
    let (sealing, reference) = halves(fresh);
    let file =
        Zeroizing::new(File { sealing: vec![FileKey { id: 1, key: hex(&*sealing) }], reference: hex(&*reference) });
    let text = Zeroizing::new(serde_json::to_string_pretty(&*file)?);
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    let beside = path.with_extension("new");
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut new = options.open(&beside)?;
    new.write_all(text.as_bytes())?;
    new.write_all(b"\n")?;
    new.sync_all()?;
    // A second process that starts at the same moment must not replace the first one's keys.
    let linked = std::fs::hard_link(&beside, path);
    std::fs::remove_file(&beside)?;
    linked?;
    std::fs::File::open(folder)?.sync_all()
}

#[cfg(unix)]
fn is_exposed(file: &std::fs::File) -> io::Result<bool> {
    use std::os::unix::fs::PermissionsExt;
    Ok(file.metadata()?.permissions().mode() & 0o077 != 0)
}

#[cfg(not(unix))]
fn is_exposed(_: &std::fs::File) -> io::Result<bool> {
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACE: Place<'_> = Place { table: "citizens", row: "c1", column: "phone" };

    fn keys() -> Keys {
        Keys::from_bytes(&[7; FRESH_BYTES])
    }

    #[test]
    fn a_sealed_value_opens_only_at_its_place() {
        let keys = keys();
        let sealed = keys.seal_text(PLACE, "13800138000").expect("sealed");

        assert_eq!(keys.open_text(PLACE, &sealed).expect("opened"), "13800138000");
        for elsewhere in
            [Place { row: "c2", ..PLACE }, Place { column: "alias", ..PLACE }, Place { table: "staff", ..PLACE }]
        {
            assert!(matches!(keys.open_text(elsewhere, &sealed), Err(KeyError::Broken)));
        }
    }

    #[test]
    fn a_changed_or_cut_value_does_not_open() {
        let keys = keys();
        let sealed = keys.seal_text(PLACE, "13800138000").expect("sealed").into_bytes();

        for at in 4..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(matches!(keys.open(PLACE, &Sealed(changed)), Err(KeyError::Broken)), "byte {at}");
            assert!(keys.open(PLACE, &Sealed(sealed[..at].to_vec())).is_err());
        }
    }

    #[test]
    fn the_same_value_looks_different_in_every_row() {
        let keys = keys();

        let one = keys.seal_text(PLACE, "13800138000").expect("sealed");
        let two = keys.seal_text(Place { row: "c2", ..PLACE }, "13800138000").expect("sealed");

        assert_ne!(one.0[4..], two.0[4..]);
    }

    #[test]
    fn references_differ_by_realm_and_by_key() {
        let text = "13800138000";

        assert_eq!(keys().reference(Realm::Phone, text), keys().reference(Realm::Phone, text));
        assert_ne!(keys().reference(Realm::Phone, text), keys().reference(Realm::Citizen, text));
        assert_ne!(
            keys().reference(Realm::Phone, text),
            Keys::from_bytes(&[8; FRESH_BYTES]).reference(Realm::Phone, text)
        );
    }

    #[test]
    fn a_key_file_is_made_once_and_only_its_owner_may_read_it() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("secret/keys.json");

        let first = Keys::load_or_create(&path, [1; FRESH_BYTES]).expect("made");
        let again = Keys::load_or_create(&path, [2; FRESH_BYTES]).expect("read");

        assert_eq!(first.fingerprint(), again.fingerprint());
        assert_eq!(std::fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o600);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).expect("changed");
        assert!(matches!(Keys::load_or_create(&path, [3; FRESH_BYTES]), Err(KeyError::Exposed(_))));
    }

    #[test]
    fn a_damaged_key_file_is_named_and_not_replaced() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("keys.json");
        Keys::load_or_create(&path, [1; FRESH_BYTES]).expect("made");
        std::fs::write(&path, "{}").expect("damaged");

        assert!(matches!(Keys::load_or_create(&path, [2; FRESH_BYTES]), Err(KeyError::NotAKeyFile(_))));
        assert_eq!(std::fs::read_to_string(&path).expect("there"), "{}");
    }
}
