//! The guard, without its doors: what every use case on a request needs, put together once at start.

use std::sync::Arc;

use countersign_core::replay::Reading;
use countersign_core::time::Freshness;
use countersign_core::verdict::Prover;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::accounts::Accounts;
use crate::http::buffer::Budget;
#[cfg(feature = "standalone")]
use crate::http::proxy::Upstream;
use crate::replay::ReplayState;
use crate::service::folding::Folding;
use crate::service::guessing::Guessing;
use crate::service::idempotency::Idempotency;
use crate::service::password::Passwords;
use crate::service::pool::Pool;
use crate::service::revocation_feed::Polls;
use crate::service::throttle::Throttle;

/// The guard.
#[derive(Debug)]
pub struct App {
    /// Who there is.
    pub accounts: Accounts,
    /// Which requests have been seen.
    pub replay: Arc<ReplayState>,
    /// How far `created` may lie from our clock.
    pub freshness: Freshness,
    /// Repeated events, folded into one a minute.
    pub folding: Folding,
    /// The requests with idempotency keys that are under way.
    pub idempotency: Idempotency,
    /// The pool for the curve operations of enrolments.
    pub handshakes: Pool,
    /// Checks and hashes passwords.
    pub passwords: Passwords,
    /// How often somebody may guess a password.
    pub guessing: Guessing,
    /// How often a source may try to enrol.
    pub throttle: Throttle,
    /// The polls for what was taken back that are waiting.
    pub polls: Polls,
    /// When the guard was opened.
    pub opened: Reading,
    /// The memory for bodies and answers.
    pub budget: Budget,
    /// The room on the disk for long bodies.
    pub spool_budget: Budget,
    /// The API behind; without one the built-in echo answers.
    #[cfg(feature = "standalone")]
    pub upstream: Option<Upstream>,
    /// Cancelled when the guard begins to stop: what would go on for long ends then.
    pub stopping: CancellationToken,
    /// What goes on after its request was answered; waited for at the stop.
    pub lasting: TaskTracker,
}

impl App {
    /// Completes once what this key or session has begun must not go on: it was taken back, or the guard stops.
    pub async fn ends(&self, prover: &Prover) {
        tokio::select! {
            () = self.accounts.ended(prover) => {}
            () = self.stopping.cancelled() => {}
        }
    }
}

/// The guard, as its doors hold it.
pub type SharedApp = Arc<App>;
