//! What is done for sessions beside the requests. Nothing here is needed for a decision: it tells the store when and where
//! sessions were used, and keeps memory and store small.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::every;
use crate::app::SharedApp;
use crate::edge;
use crate::service::Undecided;

/// What goes on under a session has to end within a moment of its end.
const PERIOD: Duration = Duration::from_secs(1);

/// The store is told of uses once in so many periods.
const USES: u64 = 10;

/// It forgets what is past once in so many.
const PAST: u64 = 60;

/// So many sessions are forgotten at once.
const AT_ONCE: u32 = 1_000;

/// The store is told of so many uses in one transaction, which every other change has to wait for.
const TOLD_AT_ONCE: usize = 256;

/// Works until `stop`, and tells the store of the last uses then.
pub async fn run(app: SharedApp, stop: CancellationToken) {
    let mut ticks = every(PERIOD);
    let mut periods = 0_u64;
    while stop.run_until_cancelled(ticks.tick()).await.is_some() {
        if let Err(error) = work(&app, periods).await {
            tracing::warn!(%error, "sessions were not looked after; it will be tried again");
        }
        periods += 1;
    }
    if let Err(error) = tell_of_uses(&app).await {
        tracing::warn!(%error, "the last uses of sessions were not kept");
    }
}

async fn work(app: &SharedApp, periods: u64) -> Result<(), Undecided> {
    // By the accept clock: a wall clock that was set forward must not free anything before its time.
    let Ok(now) = app.replay.now(edge::now()) else { return Ok(()) };
    app.accounts.sessions.sweep(now)?;
    if periods.is_multiple_of(USES) {
        tell_of_uses(app).await?;
    }
    if periods.is_multiple_of(PAST) {
        app.accounts.stores.revocations.forget(now).await?;
        while app.accounts.stores.sessions.forget_expired(now, AT_ONCE).await? == AT_ONCE {}
    }
    Ok(())
}

/// Tells the store of the uses since the last time, the oldest first. What it could not be told of waits for the next time.
pub async fn tell_of_uses(app: &SharedApp) -> Result<(), Undecided> {
    let sessions = &app.accounts.sessions;
    let mut uses = sessions.take_uses()?;
    uses.sort_unstable_by_key(|touched| touched.last_used);
    for (number, some) in uses.chunks(TOLD_AT_ONCE).enumerate() {
        if let Err(error) = app.accounts.stores.sessions.touch(some).await {
            uses.drain(..number * TOLD_AT_ONCE);
            sessions.put_uses_back(uses)?;
            return Err(error.into());
        }
    }
    Ok(())
}
