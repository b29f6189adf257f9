//! The reference: the MAC and the hash alone, over the same octets.

use std::hint::black_box;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};

use super::contender::Contender;
use super::traffic::Batch;
use crate::stopwatch::nanoseconds_each;

/// HMAC-SHA-256 over the signature base under one state that is keyed beforehand, and SHA-256 over the body.
pub(crate) struct Bare {
    keyed: Hmac<Sha256>,
}

impl Bare {
    /// Under a key of no meaning.
    pub(crate) fn new() -> Self {
        Self { keyed: Hmac::new(&[7; 64].into()) }
    }
}

impl Contender for Bare {
    fn name(&self) -> &'static str {
        "the bare HMAC-SHA-256 and SHA-256"
    }

    fn round(&mut self, batch: &Batch) -> anyhow::Result<f64> {
        Ok(nanoseconds_each(batch.calls.len(), || {
            for call in &batch.calls {
                let mut mac = self.keyed.clone();
                mac.update(black_box(call.base.as_bytes()));
                black_box(mac.finalize());
                black_box(Sha256::digest(black_box(&batch.body)));
            }
        }))
    }
}
