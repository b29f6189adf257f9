use core::fmt;
use std::sync::Arc;

/// Certificate authorities that are trusted to vouch for a server, in the place of those that the system trusts.
///
/// It takes no part in the protocol: an answer is believed for its signature, whoever the connection is with. TLS keeps
/// what is said from being read on the way.
#[derive(Clone, PartialEq, Eq)]
pub struct CertificateAuthorities {
    pem: Arc<str>,
}

/// Text that names no certificate authority.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this holds no certificates in PEM (-----BEGIN CERTIFICATE-----)")]
pub struct NoCertificates;

impl CertificateAuthorities {
    /// Reads one or more certificates in PEM.
    pub fn from_pem(text: &str) -> Result<Self, NoCertificates> {
        let read = Self { pem: text.into() };
        if read.certificates().is_empty() { Err(NoCertificates) } else { Ok(read) }
    }

    /// The text that it was read from.
    pub fn as_pem(&self) -> &str {
        &self.pem
    }

    pub(crate) fn certificates(&self) -> Vec<reqwest::Certificate> {
        reqwest::Certificate::from_pem_bundle(self.pem.as_bytes()).unwrap_or_default()
    }
}

impl fmt::Debug for CertificateAuthorities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CertificateAuthorities({})", self.certificates().len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_holds_no_certificate_is_refused() {
        for text in
            ["", "x", "-----BEGIN CERTIFICATE-----\n", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"]
        {
            assert_eq!(CertificateAuthorities::from_pem(text), Err(NoCertificates), "{text}");
        }
    }
}
