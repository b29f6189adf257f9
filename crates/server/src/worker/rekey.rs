//! Goes on with an exchange of the key-encryption key that was cut off.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::every;
use crate::app::SharedApp;
use crate::service::rekey;

/// After a failure it is tried again.
const PERIOD: Duration = Duration::from_secs(60);

/// Runs until `stop`. Requests are served meanwhile.
pub async fn run(app: SharedApp, stop: CancellationToken) {
    let mut ticks = every(PERIOD);
    while stop.run_until_cancelled(ticks.tick()).await.is_some() {
        go_on(&app).await;
    }
}

/// To the end, or to the stop of the guard: a step that is under way is not dropped.
async fn go_on(app: &SharedApp) {
    let accounts = &app.accounts;
    let gone_on = match rekey::resume(accounts, "guard").await {
        Ok(Some(mut exchange)) => exchange.to_its_end().await,
        Ok(None) => return,
        Err(error) => Err(error),
    };
    match gone_on {
        Ok(outcome) if outcome.finished => {
            let (place, _) = accounts.kek_keeper.place();
            let former = format!("{:?}", outcome.former);
            let (version, resealed, left_alone) = (outcome.version, outcome.resealed, outcome.distrusted);
            let advice = if outcome.removed { "is gone from" } else { "can be removed from" };
            tracing::info!(version, former, resealed, left_alone, "the former key-encryption key {advice} {place}");
        }
        Ok(_) => tracing::info!("the exchange of the key-encryption key goes on at the next start"),
        Err(error) => {
            let error = &error as &dyn std::error::Error;
            tracing::error!(error, "the exchange of the key-encryption key broke off; it is tried again in a minute");
        }
    }
}
