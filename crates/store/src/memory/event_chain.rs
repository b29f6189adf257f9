use async_trait::async_trait;
use countersign_core::event::{ChainValue, Event, EventKey, SealedHead, Sealing};
use countersign_core::secret::Secret32;
use countersign_core::time::Timestamp;
use tokio::sync::watch;

use super::Memory;
use crate::event_row::{EventRow, Tip, Walk};
use crate::meaning::bounded;
use crate::port::{Begun, End, EventChain, Pruned, Recorded, StoreError, Verification};

/// The event log of a store in memory.
#[derive(Debug)]
pub(super) struct Log {
    key: EventKey,
    rows: Vec<(Recorded, ChainValue)>,
    tip: Tip,
    heads: Vec<SealedHead>,
    pruning: Option<SealedHead>,
    last: watch::Sender<u64>,
}

impl Default for Log {
    /// An empty log. What is gone with the process needs no secret key.
    fn default() -> Self {
        let key = EventKey::new(&Secret32::new([0; 32]));
        let last = watch::Sender::default();
        Self { key, rows: Vec::new(), tip: Tip::BEGINNING, heads: Vec::new(), pruning: None, last }
    }
}

impl Log {
    pub(super) fn last(&self) -> watch::Receiver<u64> {
        self.last.subscribe()
    }

    pub(super) fn append(&mut self, event: &Event) {
        let recorded = Recorded { sequence: self.tip.sequence + 1, event: bounded(event) };
        let chain = EventRow::of(&recorded).value(&self.key, &self.tip.chain);
        self.tip = Tip { sequence: recorded.sequence, chain };
        self.rows.push((recorded, chain));
        self.last.send_replace(self.tip.sequence);
    }

    pub(super) fn rows(&self) -> impl Iterator<Item = &Recorded> {
        self.rows.iter().map(|(recorded, _)| recorded)
    }

    fn seal(&mut self, now: Timestamp) -> End {
        match self.heads.last() {
            Some(head) if head.sequence == self.tip.sequence => End::Already(*head),
            _ => {
                let head = self.key.seal(Sealing::Head, self.tip.sequence, self.tip.chain, now);
                self.heads.push(head);
                End::New(head)
            }
        }
    }

    fn verify(&self, given: &[SealedHead]) -> Verification {
        let mut walk = Walk::new(&self.key, self.pruning.as_ref(), &self.heads, given);
        for (recorded, chain) in &self.rows {
            walk.step(recorded.sequence, Some((&EventRow::of(recorded), *chain)));
        }
        walk.end(self.tip.sequence)
    }

    fn prune(&mut self, before: Timestamp, limit: u32, now: Timestamp) -> Pruned {
        let sealed = self.heads.last().map_or(0, |head| head.sequence);
        let old = |(recorded, _): &&(Recorded, ChainValue)| recorded.event.at < before && recorded.sequence <= sealed;
        let rows = self.rows.iter().take(limit as usize).take_while(old).count();
        let through = self.pruning.map_or(0, |pruning| pruning.sequence);
        let removed: Vec<_> = self.rows.drain(..rows).collect();
        let Some((last, chain)) = removed.last() else { return Pruned::Done { rows: 0, through } };
        self.pruning = Some(self.key.seal(Sealing::Pruned, last.sequence, *chain, now));
        Pruned::Done { rows: rows as u64, through: last.sequence }
    }
}

#[async_trait]
impl EventChain for Memory {
    async fn begin(&self, now: Timestamp) -> Result<Option<Begun>, StoreError> {
        let mut kept = self.kept()?;
        match kept.log.heads.is_empty().then(|| kept.log.seal(now)) {
            Some(End::New(first) | End::Already(first)) => Ok(Some(Begun { taken: 0, first })),
            None => Ok(None),
        }
    }

    async fn seal(&self, now: Timestamp) -> Result<End, StoreError> {
        Ok(self.kept()?.log.seal(now))
    }

    async fn heads(&self, after: Option<u64>, limit: u32) -> Result<Vec<SealedHead>, StoreError> {
        let kept = self.kept()?;
        let heads = kept.log.heads.iter().filter(|head| after.is_none_or(|after| head.sequence > after));
        Ok(heads.take(limit as usize).copied().collect())
    }

    async fn verify(&self, given: &[SealedHead]) -> Result<Verification, StoreError> {
        Ok(self.kept()?.log.verify(given))
    }

    async fn prune(&self, before: Timestamp, limit: u32, now: Timestamp) -> Result<Pruned, StoreError> {
        Ok(self.kept()?.log.prune(before, limit, now))
    }
}
