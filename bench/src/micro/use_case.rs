//! The guard as the server runs it: the use case behind every door, in a whole server that nobody connects to.

use std::net::{IpAddr, Ipv4Addr};

use anyhow::ensure;
use countersign_core::replay::Reading;
use countersign_core::signature::{Field, PathForm, Received};
use countersign_core::verdict::Verdict;
use countersign_server::app::SharedApp;
use countersign_server::edge;
use countersign_server::service::claim::Claim;
use countersign_server::service::verify_request::verify_request;
use futures_util::FutureExt as _;

use super::contender::Contender;
use super::library::body_matches;
use super::traffic::{Batch, Call};
use crate::stopwatch::nanoseconds_each;

/// Parse, [`Claim::of`], [`verify_request`], and the digest of the body.
pub(crate) struct UseCase {
    app: SharedApp,
}

impl UseCase {
    /// In this guard.
    pub(crate) fn new(app: SharedApp) -> Self {
        Self { app }
    }

    fn admits(&self, fields: &[Field<'_>], call: &Call, reading: Reading, body: &[u8]) -> bool {
        const FROM: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let Ok(received) = Received::read(&call.message.head(fields), PathForm::Canonical) else { return false };
        let Ok(claim) = Claim::of(&self.app, received.keyid(), reading.wall) else { return false };
        // It waits for nothing but a store that refuses; a good request never gets there.
        let verdict = verify_request(&self.app, &claim, &received, FROM, reading).now_or_never();
        matches!(verdict, Some(Ok(Verdict::Admit(_)))) && body_matches(&received, body)
    }
}

impl Contender for UseCase {
    fn name(&self) -> &'static str {
        "countersign, as the server runs it"
    }

    fn round(&mut self, batch: &Batch) -> anyhow::Result<f64> {
        let fields = batch.received();
        let reading = edge::now();
        let mut admitted = 0;
        let time = nanoseconds_each(batch.calls.len(), || {
            for (call, fields) in batch.calls.iter().zip(&fields) {
                admitted += usize::from(self.admits(fields, call, reading, &batch.body));
            }
        });
        ensure!(admitted == batch.calls.len(), "the server refused a good request");
        Ok(time)
    }
}
