use std::path::PathBuf;

/// Where the certificate and the key stand with which we speak TLS; both are read anew when they change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate in PEM, with its chain after it.
    pub cert: PathBuf,
    /// Its private key in PEM, in a file that only its owner can read.
    pub key: PathBuf,
}
