//! What is swept a few times a minute: nothing here is needed for a decision, it only keeps memory and store small.

use std::sync::PoisonError;
use std::time::Duration;

use countersign_core::replay::Reading;
use countersign_store::port::StoreError;
use tokio_util::sync::CancellationToken;

use super::every;
use crate::app::SharedApp;
use crate::edge;

const PERIOD: Duration = Duration::from_secs(10);

/// Sweeps until `stop`.
pub async fn run(app: SharedApp, stop: CancellationToken) {
    let mut ticks = every(PERIOD);
    while stop.run_until_cancelled(ticks.tick()).await.is_some() {
        if let Err(error) = sweep(&app, edge::now()).await {
            tracing::warn!(%error, "housekeeping failed; it will be tried again");
        }
    }
}

/// One sweep, at the time that the clocks show.
pub async fn sweep(app: &SharedApp, reading: Reading) -> Result<(), StoreError> {
    let now = reading.wall;
    app.throttle.forget_quiet();
    app.accounts.secrets.kek.forget_lingering(now);
    app.accounts.pending.lock().unwrap_or_else(PoisonError::into_inner).expire(now);
    for event in app.folding.close(now) {
        app.accounts.stores.events.record(&app.accounts.of_its_user(event)).await?;
    }
    app.accounts.stores.enrolments.forget_notes(now).await?;
    // By the accept clock: a wall clock that was set forward must not free keys before their time.
    match app.replay.now(reading) {
        Ok(now) => app.accounts.stores.outcomes.forget(now, app.idempotency.run()).await,
        Err(_) => Ok(()),
    }
}
