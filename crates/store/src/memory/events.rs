use async_trait::async_trait;
use countersign_core::event::Event;

use super::{Kept, Memory};
use crate::meaning::bounded;
use crate::port::{Events, Recorded, StoreError};

#[async_trait]
impl Events for Memory {
    async fn record(&self, event: &Event) -> Result<(), StoreError> {
        self.kept()?.record(event);
        Ok(())
    }

    async fn list(&self, after: u64, limit: u32) -> Result<Vec<Recorded>, StoreError> {
        Ok(self.kept()?.recorded().filter(|recorded| recorded.sequence > after).take(limit as usize).collect())
    }

    async fn latest(&self, limit: u32) -> Result<Vec<Recorded>, StoreError> {
        let kept = self.kept()?;
        let earlier = kept.events.len().saturating_sub(limit as usize);
        Ok(kept.recorded().skip(earlier).collect())
    }
}

impl Kept {
    pub(super) fn record(&mut self, event: &Event) {
        self.events.push(bounded(event));
    }

    fn recorded(&self) -> impl Iterator<Item = Recorded> {
        (1..).zip(&self.events).map(|(sequence, event)| Recorded { sequence, event: event.clone() })
    }
}
