//! Seals the end of the event log every hour, looks the log over at the start and once a day, and removes what is old.

use std::time::Duration;

use countersign_core::replay::Reading;
use countersign_store::port::{StoreError, Verification};
use tokio_util::sync::CancellationToken;

use super::every;
use crate::app::SharedApp;
use crate::edge;
use crate::service::event_log::{look_over, remove_old, seal};

const HOUR: Duration = Duration::from_secs(3_600);

/// After so many hours the log is looked over again.
const DAY: u64 = 24;

/// Works until `stop`.
pub async fn run(app: SharedApp, stop: CancellationToken) {
    let mut ticks = every(HOUR);
    let mut found = None;
    for hour in 0_u64.. {
        let work = async {
            ticks.tick().await;
            tend(&app, edge::now(), hour % DAY == 0, &mut found).await
        };
        match stop.run_until_cancelled(work).await {
            Some(Ok(())) => {}
            Some(Err(error)) => tracing::warn!(%error, "the event log was not tended; it will be tried again"),
            None => return,
        }
    }
}

/// What is due: all of it, where the day is over.
pub async fn tend(
    app: &SharedApp,
    reading: Reading,
    whole: bool,
    found: &mut Option<Verification>,
) -> Result<(), StoreError> {
    let (accounts, now) = (&app.accounts, reading.wall);
    if whole {
        *found = Some(look_over(accounts, found.as_ref(), now).await?);
        // By the accept clock: a wall clock that was set forward must not remove anything before its time.
        if let Ok(now) = app.replay.now(reading) {
            remove_old(accounts, now).await?;
        }
    }
    seal(accounts, now).await.map(drop)
}
