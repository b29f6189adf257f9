//! Rotates the key of access tokens when it is old enough, and forgets former ones in their time.

use std::time::Duration;

use countersign_core::replay::Reading;
use tokio_util::sync::CancellationToken;

use super::every;
use crate::app::SharedApp;
use crate::edge;
use crate::service::Undecided;
use crate::service::rotate_token_key::look_after;

const PERIOD: Duration = Duration::from_secs(60);

/// Looks until `stop`.
pub async fn run(app: SharedApp, stop: CancellationToken) {
    let mut ticks = every(PERIOD);
    while stop.run_until_cancelled(ticks.tick()).await.is_some() {
        if let Err(error) = tend(&app, edge::now()).await {
            tracing::warn!(%error, "the key of access tokens was not looked after; it will be tried again");
        }
    }
}

/// One look. By the accept clock: a wall clock that was set forward must not void what is good.
pub async fn tend(app: &SharedApp, reading: Reading) -> Result<(), Undecided> {
    match app.replay.now(reading) {
        Ok(now) => look_after(&app.accounts, now).await,
        Err(_) => Ok(()),
    }
}
