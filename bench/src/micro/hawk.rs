//! Crate `hawk`: a MAC over method, target, time and nonce, and a hash of the payload.

use std::collections::HashMap;
use std::time::{Duration, UNIX_EPOCH};

use anyhow::{Context as _, ensure};
use hawk::crypto::{CryptoError, Cryptographer, Hasher, HmacKey, set_cryptographer};
use hawk::{Credentials, DigestAlgorithm, Header, Key, PayloadHasher, RequestBuilder, SHA256};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};

use super::contender::Contender;
use super::crowd::{KEYS, octets};
use super::traffic::Batch;
use crate::stopwatch::nanoseconds_each;

/// Hawk, with a look-up among as many keys. It leaves replays to its caller, so none are looked for here.
pub(crate) struct Hawk {
    keys: HashMap<String, Key>,
}

const SKEW: Duration = Duration::from_secs(60);
const TYPE: &str = "application/json";

impl Hawk {
    /// With keys of its own.
    pub(crate) fn new() -> anyhow::Result<Self> {
        static OURS: RustCrypto = RustCrypto;
        // Another contender may have set it before.
        let _ = set_cryptographer(&OURS);
        let key = |number| Ok((format!("user{number}"), Key::new(octets(number), SHA256)?));
        Ok(Self { keys: (0..KEYS).map(key).collect::<anyhow::Result<_>>()? })
    }

    fn sign(&self, number: usize, batch: &Batch) -> anyhow::Result<String> {
        let number = number.wrapping_mul(7_919) % KEYS;
        let credentials = Credentials { id: format!("user{number}"), key: Key::new(octets(number), SHA256)? };
        let hash = PayloadHasher::hash(TYPE, SHA256, &batch.body)?;
        let time = UNIX_EPOCH + Duration::from_millis(batch.now.as_millis());
        let nonce = number.to_string();
        Ok(request(&hash).request().make_header_full(&credentials, time, nonce)?.to_string())
    }

    fn admits(&self, header: &str, body: &[u8]) -> bool {
        let Ok(header) = header.parse::<Header>() else { return false };
        let Some(key) = header.id.as_ref().and_then(|id| self.keys.get(id)) else { return false };
        let Ok(hash) = PayloadHasher::hash(TYPE, SHA256, body) else { return false };
        request(&hash).request().validate_header(&header, key, SKEW)
    }
}

fn request(hash: &[u8]) -> RequestBuilder<'_> {
    RequestBuilder::new("POST", "api.example.com", 443, "/v1/transfers?dry=0").hash(hash)
}

impl Contender for Hawk {
    fn name(&self) -> &'static str {
        "crate hawk, without replay guard"
    }

    fn round(&mut self, batch: &Batch) -> anyhow::Result<f64> {
        let headers = batch.calls.iter().map(|call| self.sign(call.member, batch));
        let headers = headers.collect::<anyhow::Result<Vec<_>>>().context("hawk cannot sign")?;
        let mut admitted = 0;
        let time = nanoseconds_each(headers.len(), || {
            for header in &headers {
                admitted += usize::from(self.admits(header, &batch.body));
            }
        });
        ensure!(admitted == headers.len(), "hawk refused a good request");
        Ok(time)
    }
}

/// The same primitives as ours, so that what differs is not the hash.
struct RustCrypto;

struct Keyed(Hmac<Sha256>);
struct Hash(Sha256);

impl Cryptographer for RustCrypto {
    fn rand_bytes(&self, _: &mut [u8]) -> Result<(), CryptoError> {
        Err(CryptoError::Other(anyhow::anyhow!("no random octets are needed here")))
    }

    fn new_key(&self, algorithm: DigestAlgorithm, key: &[u8]) -> Result<Box<dyn HmacKey>, CryptoError> {
        match algorithm {
            DigestAlgorithm::Sha256 => {
                let keyed = Hmac::new_from_slice(key).map_err(|error| CryptoError::Other(error.into()))?;
                Ok(Box::new(Keyed(keyed)))
            }
            other => Err(CryptoError::UnsupportedDigest(other)),
        }
    }

    fn new_hasher(&self, algorithm: DigestAlgorithm) -> Result<Box<dyn Hasher>, CryptoError> {
        match algorithm {
            DigestAlgorithm::Sha256 => Ok(Box::new(Hash(Sha256::new()))),
            other => Err(CryptoError::UnsupportedDigest(other)),
        }
    }

    fn constant_time_compare(&self, a: &[u8], b: &[u8]) -> bool {
        a.len() == b.len() && a.iter().zip(b).fold(0, |differ, (a, b)| differ | (a ^ b)) == 0
    }
}

impl HmacKey for Keyed {
    fn sign(&self, data: &[u8]) -> Result<Vec<u8>, CryptoError> {
        Ok(self.0.clone().chain_update(data).finalize().into_bytes().to_vec())
    }
}

impl Hasher for Hash {
    fn update(&mut self, data: &[u8]) -> Result<(), CryptoError> {
        sha2::Digest::update(&mut self.0, data);
        Ok(())
    }

    fn finish(&mut self) -> Result<Vec<u8>, CryptoError> {
        Ok(self.0.finalize_reset().to_vec())
    }
}
