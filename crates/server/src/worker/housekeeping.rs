//! What is swept a few times a minute: nothing here is needed for a decision, it only keeps memory and store small.

use std::sync::PoisonError;
use std::time::Duration;

use countersign_core::time::Timestamp;
use countersign_store::port::StoreError;
use tokio_util::sync::CancellationToken;

use crate::app::SharedApp;
use crate::edge;

const PERIOD: Duration = Duration::from_secs(10);

/// Sweeps until `stop`.
pub async fn run(app: SharedApp, stop: CancellationToken) {
    let mut ticks = tokio::time::interval(PERIOD);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = ticks.tick() => {}
        }
        if let Err(error) = sweep(&app, edge::now().wall).await {
            tracing::warn!(%error, "housekeeping failed; it will be tried again");
        }
    }
}

async fn sweep(app: &SharedApp, now: Timestamp) -> Result<(), StoreError> {
    app.throttle.forget_quiet();
    app.accounts.secrets.kek.forget_lingering(now);
    app.accounts.pending.lock().unwrap_or_else(PoisonError::into_inner).expire(now);
    for event in app.folding.close(now) {
        app.accounts.stores.events.record(&event).await?;
    }
    app.accounts.stores.enrolments.forget_notes(now).await
}
