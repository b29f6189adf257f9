use core::time::Duration;

use countersign_core::time::Timestamp;
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, Error, RootCertStore};

/// What the certificate of this server says of itself. Who has signed it is for clients to judge.
#[derive(Clone, Copy, Debug)]
pub struct Certificate<'a> {
    chain: &'a [CertificateDer<'a>],
}

impl<'a> Certificate<'a> {
    /// That of a chain's first certificate.
    pub(super) const fn of_chain(chain: &'a [CertificateDer<'a>]) -> Self {
        Self { chain }
    }

    /// Whether it is for this host: a name, or an address, one of IPv6 with or without its brackets.
    pub fn is_for(&self, host: &str) -> bool {
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let Ok(name) = ServerName::try_from(host) else { return false };
        self.parsed().is_some_and(|parsed| verify_server_name(&parsed, &name).is_ok())
    }

    /// Until when it is valid; `None` when that cannot be made out.
    ///
    /// Nothing here reads certificates but the verifier, so it is asked whether this one is valid at the end of time, and
    /// says since when it is not.
    pub fn expires(&self) -> Option<Timestamp> {
        match self.verify_at(END_OF_TIME)? {
            CertificateError::ExpiredContext { not_after, .. } => Some(Timestamp::from_secs(not_after.as_secs())),
            _ => None,
        }
    }

    /// From when on it is valid; `None` when that cannot be made out.
    pub fn begins(&self) -> Option<Timestamp> {
        match self.verify_at(Duration::ZERO)? {
            CertificateError::NotValidYetContext { not_before, .. } => Some(Timestamp::from_secs(not_before.as_secs())),
            _ => None,
        }
    }

    fn verify_at(&self, time: Duration) -> Option<CertificateError> {
        let (own, rest) = self.chain.split_first()?;
        let parsed = ParsedCertificate::try_from(own).ok()?;
        let (nobody, now) = (RootCertStore::empty(), UnixTime::since_unix_epoch(time));
        let algorithms = default_provider().signature_verification_algorithms.all;
        match verify_server_cert_signed_by_trust_anchor(&parsed, &nobody, rest, now, algorithms) {
            Err(Error::InvalidCertificate(error)) => Some(error),
            Ok(()) | Err(_) => None,
        }
    }

    fn parsed(&self) -> Option<ParsedCertificate<'_>> {
        ParsedCertificate::try_from(self.chain.first()?).ok()
    }
}

/// 9999-12-31T23:59:59Z, after which no certificate can be valid (RFC 5280 §4.1.2.5), and a second.
const END_OF_TIME: Duration = Duration::from_secs(253_402_300_800);
