use std::io;
use std::path::PathBuf;

use crate::data::SecretFileError;

/// Why TLS cannot be spoken with these files. Each sentence names the key of the configuration and the remedy.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The certificate cannot be read.
    #[error("tls_cert: cannot read {}; check the path, and whether this user may read it", path.display())]
    CertUnreadable {
        /// Where.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// There is no certificate in the file.
    #[error(
        "tls_cert: {} holds no certificate in PEM; name the file with the certificate of this server and its chain after \
         it, which certbot calls fullchain.pem", .0.display()
    )]
    NoCertificate(PathBuf),
    /// The key cannot be read, or others can.
    #[error("tls_key")]
    KeyFile(#[from] SecretFileError),
    /// There is no key in the file, or one that is locked.
    #[error(
        "tls_key: {} holds no private key in PEM that can be used; name the file with the unencrypted key of the \
         certificate, which certbot calls privkey.pem", .0.display()
    )]
    NoKey(PathBuf),
    /// They are not one pair.
    #[error(
        "tls_key: the key in {} is not that of the certificate in {} (tls_cert), or the certificate cannot be read; \
         name the two files of one certificate, its own certificate first and the chain after it",
        key.display(), cert.display()
    )]
    NoPair {
        /// The file of the certificate.
        cert: PathBuf,
        /// The file of the key.
        key: PathBuf,
        /// What the library said.
        source: rustls::Error,
    },
    /// The library could not be set up.
    #[error("TLS cannot be set up on this machine")]
    Setup(#[source] rustls::Error),
}
