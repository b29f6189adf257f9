//! What no guard with messages of this kind can do without: the least of each step, and no rule checked.

use std::hint::black_box;

use anyhow::{Context as _, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};

use super::contender::Contender;
use super::traffic::{Batch, Call};
use crate::stopwatch::nanoseconds_each;

/// Looks at each octet of the fields once, copies what is signed, decodes nonce, MAC and digest, computes the MAC under one
/// key that is at hand, hashes the body, and marks the one place of a table that the nonce names.
pub(crate) struct Floor {
    keyed: Hmac<Sha256>,
    places: Vec<u128>,
}

/// As many places as the guard needs for the nonces of one series that are under way.
const PLACES: usize = 1 << 18;

/// The text of nonce, MAC and digest as each request brings it.
struct Texts {
    nonce: String,
    mac: String,
    digest: String,
}

impl Floor {
    /// With an empty table.
    pub(crate) fn new() -> Self {
        Self { keyed: Hmac::new(&[7; 64].into()), places: vec![0; PLACES] }
    }

    fn takes(&mut self, call: &Call, texts: &Texts, body: &[u8]) -> Option<bool> {
        let visible = |octets: &[u8]| octets.iter().fold(true, |all, octet| all & matches!(octet, b'\t' | b' '..=b'~'));
        let plain = call.message.fields_seen(visible);
        let (mut nonce, mut mac, mut digest) = ([0; 64], [0; 64], [0; 64]);
        URL_SAFE_NO_PAD.decode_slice(&texts.nonce, &mut nonce).ok()?;
        STANDARD.decode_slice(&texts.mac, &mut mac).ok()?;
        STANDARD.decode_slice(&texts.digest, &mut digest).ok()?;
        let base = black_box(call.base.clone());
        let mut state = self.keyed.clone();
        state.update(base.as_bytes());
        let holds = state.finalize().into_bytes().as_slice() == mac.get(..32)?;
        let matches = Sha256::digest(black_box(body)).as_slice() == digest.get(..32)?;
        let name = u128::from_be_bytes(*nonce.first_chunk()?);
        let place = self.places.get_mut(usize::try_from(name % PLACES as u128).ok()?)?;
        let seen = std::mem::replace(place, name) == name;
        Some(black_box(plain & !seen & (holds | matches)))
    }
}

impl Contender for Floor {
    fn name(&self) -> &'static str {
        "the least that a guard can do"
    }

    fn round(&mut self, batch: &Batch) -> anyhow::Result<f64> {
        let digest = STANDARD.encode(Sha256::digest(&batch.body));
        let text = |call: &Call| Texts {
            nonce: URL_SAFE_NO_PAD.encode(call.nonce),
            mac: STANDARD.encode(call.nonce),
            digest: digest.clone(),
        };
        let texts: Vec<_> = batch.calls.iter().map(text).collect();
        let mut taken = Some(0);
        let time = nanoseconds_each(batch.calls.len(), || {
            for (call, texts) in batch.calls.iter().zip(&texts) {
                let takes = self.takes(call, texts, &batch.body);
                taken = taken.zip(takes).map(|(sum, takes)| sum + usize::from(takes));
            }
        });
        ensure!(
            taken.context("a text of our own cannot be decoded")? == batch.calls.len(),
            "a new nonce was there before"
        );
        Ok(time)
    }
}
