use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use countersign_core::problem::Problem;

/// How a streamed body is doing, for whoever waits for the answer; among the extensions of its request.
#[derive(Clone, Debug, Default)]
pub(in crate::http) struct Watch(Arc<Watched>);

#[derive(Debug, Default)]
struct Watched {
    moves: AtomicU64,
    waits_for_client: AtomicBool,
    failure: OnceLock<Problem>,
}

impl Watch {
    /// How often the API has taken something or asked for more.
    #[cfg(feature = "standalone")]
    pub(in crate::http) fn moves(&self) -> u64 {
        self.0.moves.load(Ordering::Relaxed)
    }

    /// Whether the API would take more, and the client has not sent it. How long that may last is for the listener to say.
    #[cfg(feature = "standalone")]
    pub(in crate::http) fn waits_for_client(&self) -> bool {
        self.0.waits_for_client.load(Ordering::Relaxed)
    }

    /// Why the body has no end, once that is known.
    pub(in crate::http) fn failure(&self) -> Option<Problem> {
        self.0.failure.get().copied()
    }

    pub(super) fn moved(&self) {
        self.0.moves.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn wait_for_client(&self, waits: bool) {
        self.0.waits_for_client.store(waits, Ordering::Relaxed);
    }

    pub(super) fn fail(&self, problem: Problem) {
        let _ = self.0.failure.set(problem);
    }
}
