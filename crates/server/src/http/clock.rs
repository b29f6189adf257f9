//! The time for whoever handles a request.

use countersign_core::replay::Reading;
use countersign_core::time::Timestamp;

use super::problem::Refused;
use crate::app::App;
use crate::edge;

/// The time by which requests are accepted; where there is none, nothing can be decided. Nothing is good again because a
/// clock was set back, and nothing is over because one jumped.
pub(super) fn now(app: &App) -> Result<Timestamp, Refused> {
    at(app, edge::now())
}

/// The same for clocks that were read before.
pub(super) fn at(app: &App, reading: Reading) -> Result<Timestamp, Refused> {
    app.replay.now(reading).map_err(|refusal| Refused::of(refusal, app.replay.retry_after(reading.wall)))
}
