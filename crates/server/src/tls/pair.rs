use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;

use super::certificate::Certificate;
use super::error::TlsError;
use crate::config::TlsFiles;
use crate::data::read_private;

/// Longer than any chain of certificates.
const LONGEST_CHAIN: u64 = 256 * 1024;

/// A certificate with its chain, and the private key that belongs to it.
#[derive(Debug)]
pub struct Pair {
    certified: CertifiedKey,
}

impl Pair {
    /// Reads both files, and makes sure that nobody else can read the key and that it is the certificate's.
    pub fn read(files: &TlsFiles, provider: &CryptoProvider) -> Result<Self, TlsError> {
        let chain = chain(&files.cert)?;
        let pem = read_private(&files.key)?;
        let key = PrivateKeyDer::from_pem_slice(&pem).map_err(|_| TlsError::NoKey(files.key.clone()))?;
        let certified = CertifiedKey::from_der(chain, key, provider).map_err(|source| TlsError::NoPair {
            cert: files.cert.clone(),
            key: files.key.clone(),
            source,
        })?;
        Ok(Self { certified })
    }

    /// What the certificate of this server itself says.
    pub fn certificate(&self) -> Certificate<'_> {
        Certificate::of_chain(&self.certified.cert)
    }

    pub(super) fn certified(&self) -> CertifiedKey {
        self.certified.clone()
    }
}

/// The certificates in a file of PEM, the server's own first.
fn chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let pem = read(path).map_err(|source| TlsError::CertUnreadable { path: path.to_owned(), source })?;
    match CertificateDer::pem_slice_iter(&pem).collect::<Result<Vec<_>, _>>() {
        Ok(chain) if !chain.is_empty() => Ok(chain),
        Ok(_) | Err(_) => Err(TlsError::NoCertificate(path.to_owned())),
    }
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    File::open(path)?.take(LONGEST_CHAIN).read_to_end(&mut content)?;
    Ok(content)
}
