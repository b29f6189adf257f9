//! Keeps the accept mark ahead of the clock, and raises the alarm when the clock is not to be believed.

use std::sync::Arc;
use std::time::Duration;

use countersign_core::event::{Event, EventKind};
use countersign_core::replay::{Judgement, Reading};
use countersign_core::time::Timestamp;
use countersign_store::port::{Events, StoreError};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use crate::replay::ReplayState;

/// How often the mark is kept. It is made one second ahead, so the store has the other half of that second for it.
const PERIOD: Duration = Duration::from_millis(500);

/// After this time of the store's silence the log says so. The write goes on: a second one beside it could overtake it.
const PATIENCE: Duration = Duration::from_secs(1);

/// How many periods lie between two looks at what is burnt and past.
const PERIODS_PER_FORGETTING: u32 = 120;

/// The task that keeps the mark.
pub struct AcceptMarkKeeper {
    replay: Arc<ReplayState>,
    events: Arc<dyn Events>,
    last: Option<Judgement>,
    periods: u32,
}

impl AcceptMarkKeeper {
    /// A keeper that has not run yet.
    pub fn new(replay: Arc<ReplayState>, events: Arc<dyn Events>) -> Self {
        Self { replay, events, last: None, periods: 0 }
    }

    /// Runs until `stop`. While the store does not answer, the accept clock soon passes the mark and requests are refused.
    pub async fn run(mut self, read: impl Fn() -> Reading, stop: CancellationToken) {
        let mut period = tokio::time::interval(PERIOD);
        period.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while stop.run_until_cancelled(period.tick()).await.is_some() {
            self.tick(read()).await;
        }
    }

    /// One period.
    pub async fn tick(&mut self, reading: Reading) {
        let judged = self.keep(reading).await.unwrap_or_else(|error| {
            tracing::error!(%error, "the accept mark was not kept");
            Judgement::BeyondMark
        });
        if alarm(judged) != self.last.map_or("", alarm) {
            self.tell(judged, reading.wall).await;
        }
        self.last = Some(judged);
        self.periods = self.periods.wrapping_add(1);
        if let Judgement::Now(now) = judged {
            self.forget(now).await;
        }
    }

    async fn keep(&self, reading: Reading) -> Result<Judgement, StoreError> {
        let keeping = self.replay.keep_mark(reading);
        tokio::pin!(keeping);
        if let Ok(kept) = tokio::time::timeout(PATIENCE, &mut keeping).await {
            return kept;
        }
        tracing::error!("the store does not answer; signed requests are refused until it does");
        keeping.await
    }

    async fn forget(&self, now: Timestamp) {
        let burnt = self.periods.is_multiple_of(PERIODS_PER_FORGETTING);
        if let Err(error) = self.replay.forget(now, burnt).await {
            tracing::warn!(%error, "what may be forgotten was not");
        }
    }

    async fn tell(&self, judged: Judgement, at: Timestamp) {
        let detail = alarm(judged);
        if detail.is_empty() {
            tracing::info!("the clock is believed again; signed requests are accepted");
            return;
        }
        tracing::error!("{detail}");
        let kind = EventKind::ClockAlarm;
        let event =
            Event { at, kind, user: None, key: None, session: None, actor: "guard".into(), detail: detail.into() };
        if let Err(error) = self.events.record(&event).await {
            tracing::error!(%error, "the alarm was not recorded");
        }
    }
}

/// What people are told; nothing while all is well.
const fn alarm(judged: Judgement) -> &'static str {
    match judged {
        Judgement::Now(_) => "",
        Judgement::Behind => {
            "The clock is behind what has been accepted already; signed requests are refused. Set the clock right. If it is right, stop the guard and run doctor --reset-clock."
        }
        Judgement::Jumped => {
            "The clock jumped forward and is not followed; signed requests are refused. Set the clock right. If it is right, restart the guard."
        }
        Judgement::BeyondMark => {
            "The store did not keep the accept mark in time; signed requests are refused until it does. Look at the disk."
        }
    }
}
