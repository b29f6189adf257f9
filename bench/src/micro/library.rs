//! The guard as a library: core, keyring and replay guard, without the server around them.

use std::hint::black_box;

use anyhow::ensure;
use countersign_core::secret::Secret32;
use countersign_core::signature::{Authentication, Field, PathForm, Received};
use countersign_core::time::Freshness;
use countersign_server::app::SharedApp;
use countersign_store::memory::{Limits, MemoryReplayGuard};
use countersign_store::port::Seen;

use super::contender::Contender;
use super::traffic::{Batch, Call};
use crate::stopwatch::nanoseconds_each;

/// Parse, key look-up, MAC, freshness, replay insert, and the digest of the body.
pub(crate) struct Library {
    app: SharedApp,
    replays: MemoryReplayGuard,
}

impl Library {
    /// With the keys of this guard, and a replay guard of its own.
    pub(crate) fn new(app: SharedApp) -> Self {
        let replays = MemoryReplayGuard::new(&Secret32::new([5; 32]), Freshness::DEFAULT, Limits::default());
        Self { app, replays }
    }

    fn admits(&self, fields: &[Field<'_>], call: &Call, batch: &Batch) -> bool {
        let Ok(received) = Received::read(&call.message.head(fields), PathForm::Canonical) else { return false };
        let Ok(Some(holder)) = self.app.accounts.keyring.find(received.keyid()) else { return false };
        let Ok(keys) = holder.keys(&self.app.accounts.secrets.kek) else { return false };
        let Authentication::Authentic(request) = received.authenticate(&keys.c2s, Freshness::DEFAULT, batch.now) else {
            return false;
        };
        let seen = self.replays.remember_at(request.keyid(), request.nonce(), request.created(), batch.now);
        matches!(seen, Ok(Seen::Never)) && body_matches(&received, &batch.body)
    }
}

/// Whether the body is the one that was signed.
pub(crate) fn body_matches(received: &Received, body: &[u8]) -> bool {
    let mut check = received.content_digest().check();
    check.update(black_box(body));
    check.matches()
}

impl Contender for Library {
    fn name(&self) -> &'static str {
        "countersign, the library"
    }

    fn round(&mut self, batch: &Batch) -> anyhow::Result<f64> {
        let fields = batch.received();
        let mut admitted = 0;
        let time = nanoseconds_each(batch.calls.len(), || {
            for (call, fields) in batch.calls.iter().zip(&fields) {
                admitted += usize::from(self.admits(fields, call, batch));
            }
        });
        ensure!(admitted == batch.calls.len(), "the library refused a good request");
        Ok(time)
    }
}
