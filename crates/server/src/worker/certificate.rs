//! Takes a renewed certificate into use without a restart, and says when one should be renewed.

use std::sync::Arc;
use std::time::Duration;

use countersign_core::time::Timestamp;
use tokio_util::sync::CancellationToken;

use super::every;
use crate::app::SharedApp;
use crate::doctor::{self, Severity};
use crate::edge;
use crate::telemetry::chain;
use crate::tls::{Look, Terminal};

/// How often the files are looked at. A change is read when it has not moved for as long.
const PERIOD: Duration = Duration::from_secs(5);

/// How often the same is said of a certificate.
const REMINDER: Duration = Duration::from_secs(86_400);

/// Looks at the files until `stop`.
pub async fn run(app: SharedApp, terminal: Arc<Terminal>, stop: CancellationToken) {
    let mut ticks = every(PERIOD);
    let mut told: Option<Timestamp> = None;
    while stop.run_until_cancelled(ticks.tick()).await.is_some() {
        let now = edge::now().wall;
        let looked = Arc::clone(&terminal);
        match tokio::task::spawn_blocking(move || looked.look()).await {
            Ok(Look::Unchanged) | Err(_) => {}
            Ok(Look::Renewed) => {
                tracing::info!("the certificate was renewed; new connections are shown the new one");
                told = None;
            }
            Ok(Look::Unusable(error)) => {
                tracing::error!(
                    error = chain(&error),
                    "the files of the certificate have changed and cannot be used; the earlier one goes on"
                );
            }
        }
        if told.is_none_or(|told| now >= told.saturating_add(REMINDER)) {
            tell(&app, &terminal, now);
            told = Some(now);
        }
    }
}

/// Says what is not as it should be.
fn tell(app: &SharedApp, terminal: &Terminal, now: Timestamp) {
    let offer = terminal.offer();
    for finding in doctor::certificate(offer.pair.certificate(), app.accounts.config.names.public_url(), now) {
        let doctor::Finding { severity, what, remedy } = finding;
        match severity {
            Severity::Good => {}
            Severity::Warning => tracing::warn!(remedy, "{what}"),
            Severity::Fault => tracing::error!(remedy, "{what}"),
        }
    }
}
