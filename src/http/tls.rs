//! Certificates: PEM files where set, else one that is made here and kept in the data folder.
use std::{
    collections::BTreeSet,
    fs, io,
    net::IpAddr,
    path::{Path, PathBuf},
    sync::Arc,
};

use rustls::{
    ServerConfig,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};
use yunfa_signaling::time::Timestamp;

use crate::{
    config::{Config, machine},
    files,
};

/// How long a self-made certificate lasts, in days: iOS refuses one of more than 825.
const VALID_DAYS: i64 = 800;
/// It is made anew when fewer days than these are left.
const RENEW_DAYS: i64 = 30;
const DAY_MS: i64 = 24 * 3600 * 1000;

/// Why there is no HTTPS.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file could not be read or written.
    #[error("{path}: {cause}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// A file is no PEM, or not of the right kind.
    #[error("{path}: {cause}")]
    Pem {
        /// Which.
        path: PathBuf,
        /// Why.
        cause: rustls::pki_types::pem::Error,
    },
    /// Certificate and key do not fit, or rustls refuses them.
    #[error("the certificate cannot be used: {0}")]
    Refused(#[from] rustls::Error),
    /// No certificate could be made.
    #[error("no certificate could be made: {0}")]
    Making(#[from] rcgen::Error),
}

/// Makes aws-lc-rs the crypto provider of every library in this process that asks for one.
pub fn install_provider() {
    // An error says that it is installed already.
    let _ = aws_lc_rs::default_provider().install_default();
}

/// What HTTPS is spoken with.
///
/// # Errors
/// When a file is missing or wrong; its path is in the text.
pub fn server_config(config: &Config, now: Timestamp) -> Result<Arc<ServerConfig>, TlsError> {
    let (certificate, key) = match &config.tls.files {
        Some(files) => files.clone(),
        None => self_made(&config.data.folder, &names(config), now)?,
    };
    let pem = |path: &Path| {
        let path = path.to_owned();
        move |cause| TlsError::Pem { path, cause }
    };
    let chain: Vec<_> = CertificateDer::pem_file_iter(&certificate)
        .map_err(pem(&certificate))?
        .collect::<Result<_, _>>()
        .map_err(pem(&certificate))?;
    let key = PrivateKeyDer::from_pem_file(&key).map_err(pem(&key))?;
    let mut tls = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    tls.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(tls))
}

/// All names and addresses by which somebody may call this server.
fn names(config: &Config) -> BTreeSet<String> {
    let loopback = ["localhost", "127.0.0.1", "::1"].map(str::to_owned);
    let machine = machine::addresses().into_iter().chain(config.media.public_addresses.iter().copied());
    loopback
        .into_iter()
        .chain(machine.map(|address: IpAddr| address.to_string()))
        .chain(config.tls.names.clone())
        .collect()
}

/// The kept certificate and key; made anew when names are missing or its time is nearly over.
fn self_made(data: &Path, names: &BTreeSet<String>, now: Timestamp) -> Result<(PathBuf, PathBuf), TlsError> {
    let folder = data.join("tls");
    let [certificate, key, note] = ["certificate.pem", "key.pem", "made.txt"].map(|name| folder.join(name));
    let kept = fs::read_to_string(&note).ok().and_then(|note| {
        let (until, kept) = note.split_once('\n')?;
        let kept: BTreeSet<String> = kept.lines().map(str::to_owned).collect();
        let days_left = (until.parse::<i64>().ok()? - now.0) / DAY_MS;
        (names.is_subset(&kept) && days_left >= RENEW_DAYS && certificate.exists() && key.exists()).then_some(())
    });
    if kept.is_some() {
        return Ok((certificate, key));
    }
    let key_pair = rcgen::KeyPair::generate()?;
    let mut params = rcgen::CertificateParams::new(names.iter().cloned().collect::<Vec<_>>())?;
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(rcgen::DnType::CommonName, "Yunfa, self-made");
    params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth];
    let until = Timestamp(now.0 + VALID_DAYS * DAY_MS);
    let (from, to) = (day(Timestamp(now.0 - DAY_MS)), day(until));
    params.not_before = rcgen::date_time_ymd(from.0, from.1, from.2);
    params.not_after = rcgen::date_time_ymd(to.0, to.1, to.2);
    let made = params.self_signed(&key_pair)?;
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let write = |path: &Path, text: &str| {
        files::write_private(path, text).map_err(|cause| TlsError::File { path: path.to_owned(), cause })
    };
    // The note comes last: without it the pair is made anew.
    let _ = fs::remove_file(&note);
    write(&key, &key_pair.serialize_pem())?;
    write(&certificate, &made.pem())?;
    write(&note, &format!("{}\n{}", until.0, names.join("\n")))?;
    Ok((certificate, key))
}

fn day(at: Timestamp) -> (i32, u8, u8) {
    let date = jiff::Timestamp::from_millisecond(at.0).unwrap_or_default().to_zoned(jiff::tz::TimeZone::UTC).date();
    (i32::from(date.year()), date.month().unsigned_abs(), date.day().unsigned_abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_795_000_000_000);

    fn names(list: &[&str]) -> BTreeSet<String> {
        list.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn the_certificate_is_kept_until_a_name_is_missing_or_its_time_is_nearly_over() {
        let folder = tempfile::tempdir().expect("a folder");
        let made = |names: &BTreeSet<String>, now| {
            let (certificate, _) = self_made(folder.path(), names, now).expect("a certificate");
            fs::read_to_string(certificate).expect("readable")
        };
        let first = made(&names(&["localhost", "192.0.2.7"]), NOW);

        assert_eq!(made(&names(&["localhost"]), NOW), first);
        let more = made(&names(&["localhost", "192.0.2.8"]), NOW);
        assert_ne!(more, first);
        let later = Timestamp(NOW.0 + (VALID_DAYS - RENEW_DAYS + 1) * DAY_MS);
        assert_ne!(made(&names(&["localhost"]), later), more);
    }

    #[test]
    fn the_key_is_for_this_user_only() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().expect("a folder");

        let (_, key) = self_made(folder.path(), &names(&["localhost"]), NOW).expect("a certificate");

        assert_eq!(fs::metadata(key).expect("a file").permissions().mode() & 0o777, 0o600);
    }
}
