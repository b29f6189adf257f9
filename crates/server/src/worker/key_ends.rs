//! Revokes replaced keys when their time is over. They sign nothing from that moment on, whether this runs or not; it ends
//! what goes on under them, and lets the event log tell of it.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::every;
use crate::app::SharedApp;
use crate::edge;
use crate::service::rotate::end_keys;

/// What goes on under a key has to end within a second of its end.
const PERIOD: Duration = Duration::from_millis(500);

/// Looks until `stop`.
pub async fn run(app: SharedApp, stop: CancellationToken) {
    let mut ticks = every(PERIOD);
    while stop.run_until_cancelled(ticks.tick()).await.is_some() {
        if let Err(error) = end_keys(&app, edge::now().wall).await {
            tracing::warn!(%error, "a replaced key was not revoked; it signs nothing, and it will be tried again");
        }
    }
}
