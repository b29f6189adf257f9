use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use countersign_core::time::Timestamp;
use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use rustls::crypto::aws_lc_rs::default_provider;
use tempfile::TempDir;

use super::*;
use crate::config::TlsFiles;

/// A certificate and its key, in PEM.
struct Made {
    cert: String,
    key: String,
}

/// One for these names, valid through the year 2025.
fn made(names: &[&str]) -> Made {
    let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names).unwrap();
    (params.not_before, params.not_after) = (date_time_ymd(2025, 1, 1), date_time_ymd(2026, 1, 1));
    let key = KeyPair::generate().unwrap();
    Made { cert: params.self_signed(&key).unwrap().pem(), key: key.serialize_pem() }
}

fn private(path: &Path, content: &str) {
    // Not in place: what is replaced by a rename is another file.
    let draft = path.with_extension("draft");
    fs::write(&draft, content).unwrap();
    fs::set_permissions(&draft, Permissions::from_mode(0o600)).unwrap();
    fs::rename(draft, path).unwrap();
}

fn files(home: &TempDir, made: &Made) -> TlsFiles {
    let files = TlsFiles { cert: home.path().join("cert.pem"), key: home.path().join("key.pem") };
    fs::write(&files.cert, &made.cert).unwrap();
    private(&files.key, &made.key);
    files
}

fn read(files: &TlsFiles) -> Result<Pair, TlsError> {
    Pair::read(files, &default_provider())
}

fn said(files: &TlsFiles) -> String {
    crate::telemetry::chain(&read(files).unwrap_err())
}

fn shown(terminal: &Terminal, name: &str) -> bool {
    terminal.offer().pair.certificate().is_for(name)
}

#[test]
fn a_key_that_others_can_read_is_refused_also_through_a_link() {
    let home = tempfile::tempdir().unwrap();
    let mut files = files(&home, &made(&["a.example"]));
    assert!(read(&files).is_ok());
    let link = home.path().join("live.pem");
    symlink(&files.key, &link).unwrap();
    let target = std::mem::replace(&mut files.key, link);
    assert!(read(&files).is_ok(), "as certbot lays it");
    for mode in [0o640, 0o604, 0o660] {
        fs::set_permissions(&target, Permissions::from_mode(mode)).unwrap();
        let said = said(&files);
        assert!(said.starts_with("tls_key: ") && said.contains("chmod 600"), "{said}");
    }
}

#[test]
fn what_is_no_pair_is_refused_with_the_key_of_the_configuration_and_a_remedy() {
    let home = tempfile::tempdir().unwrap();
    let (one, other) = (made(&["a.example"]), made(&["a.example"]));
    for (cert, key, key_name, words) in [
        (&*one.cert, &*other.key, "tls_key: ", "is not that of the certificate"),
        ("", &*one.key, "tls_cert: ", "holds no certificate"),
        (&*one.key, &*one.key, "tls_cert: ", "holds no certificate"),
        (&one.cert[..one.cert.len() / 2], &*one.key, "tls_cert: ", "holds no certificate"),
        (&*one.cert, "", "tls_key: ", "holds no private key"),
        (&*one.cert, &*one.cert, "tls_key: ", "holds no private key"),
    ] {
        let files = files(&home, &Made { cert: cert.to_owned(), key: key.to_owned() });
        let said = said(&files);
        assert!(said.starts_with(key_name) && said.contains(words), "{said}");
        assert!(!said.contains("BEGIN"), "{said}");
    }
    let nowhere = TlsFiles { cert: home.path().join("none"), key: home.path().join("none") };
    assert!(said(&nowhere).starts_with("tls_cert: cannot read"), "{}", said(&nowhere));
}

#[test]
fn a_certificate_says_for_whom_it_is_and_for_how_long() {
    let home = tempfile::tempdir().unwrap();
    let pair = read(&files(&home, &made(&["api.example", "*.wild.example", "127.0.0.1", "::1"]))).unwrap();
    let certificate = pair.certificate();
    for name in ["api.example", "API.example", "a.wild.example", "127.0.0.1", "[::1]", "::1"] {
        assert!(certificate.is_for(name), "{name}");
    }
    for name in ["example", "b.api.example", "wild.example", "127.0.0.2", "[::2]", "", "a b"] {
        assert!(!certificate.is_for(name), "{name}");
    }
    assert_eq!(certificate.begins(), Some(Timestamp::from_secs(1_735_689_600)));
    assert_eq!(certificate.expires(), Some(Timestamp::from_secs(1_767_225_600)));
}

#[test]
fn a_renewed_pair_is_offered_when_it_is_whole_and_has_settled() {
    let home = tempfile::tempdir().unwrap();
    let (old, new) = (made(&["old.example"]), made(&["new.example"]));
    let files = files(&home, &old);
    let terminal = Terminal::open(files.clone()).unwrap();
    assert!(matches!(terminal.look(), Look::Unchanged));
    fs::write(&files.cert, &new.cert).unwrap();
    assert!(matches!(terminal.look(), Look::Unchanged), "perhaps the key is just being replaced, too");
    private(&files.key, &new.key);
    assert!(matches!(terminal.look(), Look::Unchanged));
    let before = terminal.offer();
    assert!(shown(&terminal, "old.example"));
    assert!(matches!(terminal.look(), Look::Renewed));
    assert!(shown(&terminal, "new.example") && before.pair.certificate().is_for("old.example"));
    assert!(matches!(terminal.look(), Look::Unchanged));
}

#[test]
fn a_bad_or_half_written_pair_leaves_the_earlier_one_and_is_told_once() {
    let home = tempfile::tempdir().unwrap();
    let (old, new) = (made(&["old.example"]), made(&["new.example"]));
    let files = files(&home, &old);
    let terminal = Terminal::open(files.clone()).unwrap();
    for content in [&new.cert, &new.cert[..100], ""] {
        fs::write(&files.cert, content).unwrap();
        assert!(matches!(terminal.look(), Look::Unchanged));
        assert!(matches!(terminal.look(), Look::Unusable(_)));
        assert!(matches!(terminal.look(), Look::Unchanged));
    }
    fs::remove_file(&files.cert).unwrap();
    assert!(matches!(terminal.look(), Look::Unchanged));
    assert!(matches!(terminal.look(), Look::Unusable(TlsError::CertUnreadable { .. })));
    assert!(shown(&terminal, "old.example"));
    fs::write(&files.cert, &new.cert).unwrap();
    private(&files.key, &new.key);
    assert!(matches!((terminal.look(), terminal.look()), (Look::Unchanged, Look::Renewed)));
    assert!(shown(&terminal, "new.example"));
}

#[test]
fn no_early_data_is_taken_and_http_2_is_preferred() {
    let home = tempfile::tempdir().unwrap();
    let offer = Terminal::open(files(&home, &made(&["a.example"]))).unwrap().offer();
    assert_eq!(offer.config.max_early_data_size, 0);
    assert_eq!(offer.config.alpn_protocols, [b"h2".to_vec(), b"http/1.1".to_vec()]);
}
