//! Every second the accept mark is made durable a second ahead, which lets the accept clock run on (protocol §6, I6).
//! When the store does not answer, the clock soon stands at the mark and requests are refused.

use std::time::Duration;

use countersign_core::event::{Event, EventKind};
use countersign_core::replay::Judgement;
use tokio_util::sync::CancellationToken;

use crate::app::SharedApp;
use crate::edge;

/// Half of how far a mark is ahead, so that one late write does not stop the clock.
const PERIOD: Duration = Duration::from_millis(500);

/// Keeps the mark until `stop`.
pub async fn run(app: SharedApp, stop: CancellationToken) {
    let mut ticks = tokio::time::interval(PERIOD);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut alarmed = false;
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = ticks.tick() => {}
        }
        match app.replay.keep_mark(edge::now()).await {
            Ok(Judgement::Now(_) | Judgement::BeyondMark) => alarmed = false,
            Ok(doubt @ (Judgement::Behind | Judgement::Jumped)) if !alarmed => {
                alarmed = true;
                alarm(&app, doubt).await;
            }
            Ok(Judgement::Behind | Judgement::Jumped) => {}
            Err(error) => tracing::error!(%error, "the accept mark was not kept; requests will be refused"),
        }
    }
}

async fn alarm(app: &SharedApp, doubt: Judgement) {
    let detail = match doubt {
        Judgement::Behind => {
            "the clock went back by more than the window; requests are refused until it is right again"
        }
        Judgement::Jumped => {
            "the clock jumped ahead and is not followed; requests are refused until it is right again, or the server is \
             restarted"
        }
        Judgement::Now(_) | Judgement::BeyondMark => return,
    };
    tracing::error!(detail, "clock in doubt");
    let event = Event {
        at: edge::now().wall,
        kind: EventKind::ClockAlarm,
        user: None,
        key: None,
        actor: "clock".to_owned(),
        detail: detail.to_owned(),
    };
    if let Err(error) = app.accounts.stores.events.record(&event).await {
        tracing::error!(%error, "the clock alarm was not recorded");
    }
}
