use async_trait::async_trait;
use countersign_core::event::Event;
use countersign_core::session::{Epoch, Revocation, Revoked};
use countersign_core::time::Timestamp;

use super::{Kept, Memory};
use crate::port::{Head, Revocations, StoreError};

#[async_trait]
impl Revocations for Memory {
    async fn after(&self, sequence: u64, limit: u32) -> Result<Vec<Revocation>, StoreError> {
        let kept = self.kept()?;
        let later = kept.revocations.iter().filter(|revocation| revocation.sequence > sequence);
        Ok(later.take(limit as usize).cloned().collect())
    }

    async fn head(&self) -> Result<Head, StoreError> {
        let kept = self.kept()?;
        Ok(Head { epoch: kept.epoch, sequence: kept.revoked })
    }

    async fn raise_epoch(&self, event: &Event) -> Result<Epoch, StoreError> {
        let mut kept = self.kept()?;
        kept.epoch = Epoch { number: kept.epoch.number.saturating_add(1), since: event.at };
        kept.append(Revoked::Everybody, event.at);
        kept.record(event);
        Ok(kept.epoch)
    }

    async fn forget(&self, now: Timestamp) -> Result<(), StoreError> {
        self.kept()?.revocations.retain(|revocation| revocation.keep_until() >= now);
        Ok(())
    }
}

impl Kept {
    /// Appends to the log.
    pub(super) fn append(&mut self, what: Revoked, at: Timestamp) {
        self.revoked += 1;
        self.revocations.push(Revocation { sequence: self.revoked, epoch: self.epoch.number, at, what });
    }
}
