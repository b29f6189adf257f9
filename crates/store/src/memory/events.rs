use std::sync::PoisonError;

use async_trait::async_trait;
use countersign_core::event::Event;
use tokio::sync::watch;

use super::{Kept, Memory};
use crate::port::{Events, Recorded, Selection, StoreError};

#[async_trait]
impl Events for Memory {
    async fn record(&self, event: &Event) -> Result<(), StoreError> {
        self.kept()?.record(event);
        Ok(())
    }

    async fn select(&self, selection: &Selection) -> Result<Vec<Recorded>, StoreError> {
        let kept = self.kept()?;
        let chosen = kept.log.rows().filter(|recorded| is_selected(recorded, selection));
        let limit = selection.limit as usize;
        if selection.after.is_some() {
            return Ok(chosen.take(limit).cloned().collect());
        }
        let chosen: Vec<_> = chosen.collect();
        Ok(chosen.iter().skip(chosen.len().saturating_sub(limit)).map(|recorded| (*recorded).clone()).collect())
    }

    fn last(&self) -> watch::Receiver<u64> {
        // Whoever waits for events is harmed by no panic; whoever then reads them is refused.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).log.last()
    }
}

fn is_selected(recorded: &Recorded, selection: &Selection) -> bool {
    let Recorded { sequence, event } = recorded;
    *sequence > selection.after.unwrap_or_default()
        && (selection.kinds.is_empty() || selection.kinds.contains(&event.kind))
        && selection.user.is_none_or(|user| event.user == Some(user))
        && selection.session.is_none_or(|session| event.session == Some(session))
        && selection.since.is_none_or(|since| event.at >= since)
}

impl Kept {
    pub(super) fn record(&mut self, event: &Event) {
        self.log.append(event);
    }
}
