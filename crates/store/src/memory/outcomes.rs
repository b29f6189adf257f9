use async_trait::async_trait;
use countersign_core::idempotency::{Attempt, Begun, Outcome, OutcomeId, Record, RunId, Start, State, begin};
use countersign_core::time::Timestamp;

use super::Memory;
use crate::port::{Outcomes, StoreError};

#[async_trait]
impl Outcomes for Memory {
    async fn begin(&self, start: &Start, quota: u64) -> Result<Begun, StoreError> {
        let outcomes = &mut self.kept()?.outcomes;
        if outcomes.get(&start.id).is_some_and(|record| record.is_past(start.at, start.attempt.run)) {
            outcomes.remove(&start.id);
        }
        let of_user = outcomes.iter().filter(|(id, _)| id.user == start.id.user);
        let used = of_user.map(|(_, record)| record.octets()).sum();
        let begun = begin(outcomes.get(&start.id), start, used, quota);
        if begun == Begun::First {
            outcomes.insert(start.id, Record::started(start));
        }
        Ok(begun)
    }

    async fn settle(&self, id: &OutcomeId, attempt: Attempt, outcome: &Outcome) -> Result<(), StoreError> {
        let outcomes = &mut self.kept()?.outcomes;
        let Some(record) = outcomes.get_mut(id).filter(|record| record.state == State::Started { attempt }) else {
            return Ok(());
        };
        match outcome {
            Outcome::Answered(sealed) => record.state = State::Answered(sealed.clone()),
            Outcome::Unknown => record.state = State::Unknown,
            Outcome::NotCarriedOut => drop(outcomes.remove(id)),
        }
        Ok(())
    }

    async fn unsettled(&self, run: RunId) -> Result<u64, StoreError> {
        let kept = self.kept()?;
        let by_others = |record: &&Record| match record.state {
            State::Started { attempt } => attempt.run != run,
            State::Answered(_) | State::Unknown => false,
        };
        Ok(kept.outcomes.values().filter(by_others).count() as u64)
    }

    async fn forget(&self, now: Timestamp, run: RunId) -> Result<(), StoreError> {
        self.kept()?.outcomes.retain(|_, record| !record.is_past(now, run));
        Ok(())
    }
}
