//! The steps of one verification, each by itself: where the time goes.

use std::hint::black_box;

use anyhow::ensure;
use countersign_core::secret::Secret32;
use countersign_core::signature::{Authentication, Received};
use countersign_core::time::Freshness;
use countersign_server::app::SharedApp;
use countersign_store::memory::{Limits, MemoryReplayGuard};
use countersign_store::port::Seen;

use super::contender::Contender;
use super::library::body_matches;
use super::traffic::{Batch, Call, read};
use crate::stopwatch::nanoseconds_each;

/// A step that is taken for each request of a batch; the steps before it are taken beforehand and not timed.
pub(crate) struct Step {
    name: &'static str,
    app: SharedApp,
    replays: MemoryReplayGuard,
    take: fn(&Step, &Batch, &Call, &Received) -> bool,
}

impl Step {
    /// All steps, [`Parse`] first.
    pub(crate) fn all(app: &SharedApp) -> Vec<Box<dyn Contender>> {
        let step = |name, take| -> Box<dyn Contender> {
            let replays = MemoryReplayGuard::new(&Secret32::new([6; 32]), Freshness::DEFAULT, Limits::default());
            Box::new(Step { name, app: app.clone(), replays, take })
        };
        vec![
            Box::new(Parse),
            step("  key look-up and MAC", Step::authenticate),
            step("  replay insert", Step::remember),
            step("  digest of the body", |_, batch, _, received| body_matches(received, &batch.body)),
        ]
    }

    fn authenticate(&self, batch: &Batch, _: &Call, received: &Received) -> bool {
        let Ok(Some(holder)) = self.app.accounts.keyring.find(received.keyid()) else { return false };
        let Ok(keys) = holder.keys(&self.app.accounts.secrets.kek) else { return false };
        let authentication = received.authenticate(&keys.c2s, Freshness::DEFAULT, batch.now);
        matches!(authentication, Authentication::Authentic(_))
    }

    fn remember(&self, batch: &Batch, call: &Call, _: &Received) -> bool {
        let seen = self.replays.remember_at(call.key.as_str(), &call.nonce, batch.now, batch.now);
        matches!(seen, Ok(Seen::Never))
    }
}

impl Contender for Step {
    fn name(&self) -> &'static str {
        self.name
    }

    fn round(&mut self, batch: &Batch) -> anyhow::Result<f64> {
        let read = |call: &Call| read(&call.message.head(&call.message.fields()));
        let received = batch.calls.iter().map(read).collect::<anyhow::Result<Vec<_>>>()?;
        let mut good = 0;
        let time = nanoseconds_each(received.len(), || {
            for (call, received) in batch.calls.iter().zip(&received) {
                good += usize::from((self.take)(self, batch, call, received));
            }
        });
        ensure!(good == received.len(), "{} failed", self.name);
        Ok(time)
    }
}

/// The strict parse, which writes the signature base.
pub(crate) struct Parse;

impl Contender for Parse {
    fn name(&self) -> &'static str {
        "  strict parse and signature base"
    }

    fn round(&mut self, batch: &Batch) -> anyhow::Result<f64> {
        let fields = batch.received();
        let mut received = Vec::with_capacity(batch.calls.len());
        let time = nanoseconds_each(batch.calls.len(), || {
            for (call, fields) in batch.calls.iter().zip(&fields) {
                received.push(read(&call.message.head(fields)).ok());
            }
        });
        ensure!(black_box(received).iter().all(Option::is_some), "a good request cannot be read");
        Ok(time)
    }
}
