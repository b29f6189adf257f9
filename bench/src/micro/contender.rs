//! What takes part in a comparison, and how the comparison is made.

use super::traffic::Batch;
use crate::spread::Spread;

/// Something that does a job for each request of a batch.
pub(crate) trait Contender {
    /// What the table calls it.
    fn name(&self) -> &'static str;

    /// Does the job for each request; gives the nanoseconds for one.
    fn round(&mut self, batch: &Batch) -> anyhow::Result<f64>;
}

/// Contenders that are compared with the first of them.
pub(crate) struct Race {
    lanes: Vec<Lane>,
    rounds: usize,
}

struct Lane {
    contender: Box<dyn Contender>,
    /// Nanoseconds for one request, round by round.
    times: Vec<f64>,
}

/// What came out for one contender.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outcome {
    /// Its name.
    pub(crate) name: &'static str,
    /// Nanoseconds for one request.
    pub(crate) nanoseconds: Spread,
    /// The same as a ratio to the first contender in the same round.
    pub(crate) ratio: Spread,
}

impl Race {
    /// Between these; the first is the measure of the others.
    pub(crate) fn between(contenders: Vec<Box<dyn Contender>>) -> Self {
        let lanes = contenders.into_iter().map(|contender| Lane { contender, times: Vec::new() }).collect();
        Self { lanes, rounds: 0 }
    }

    /// Lets each of them do the batch, so close together that whatever disturbs one disturbs all. Each round another one
    /// begins. What they do `before` is not counted, and brings into the caches what the batch will need.
    pub(crate) fn round(&mut self, before: Option<&Batch>, batch: &Batch) -> anyhow::Result<()> {
        let first = self.rounds % self.lanes.len().max(1);
        let (earlier, from) = self.lanes.split_at_mut(first);
        for lane in from.iter_mut().chain(earlier) {
            if let Some(before) = before {
                lane.contender.round(before)?;
            }
            lane.times.push(lane.contender.round(batch)?);
        }
        self.rounds += 1;
        Ok(())
    }

    /// What came out.
    pub(crate) fn outcomes(&self) -> Vec<Outcome> {
        let measure = self.lanes.first().map_or(&[][..], |lane| &lane.times);
        let outcome = |lane: &Lane| Outcome {
            name: lane.contender.name(),
            nanoseconds: Spread::of(lane.times.iter().copied()),
            ratio: Spread::of(lane.times.iter().zip(measure).map(|(own, first)| own / first)),
        };
        self.lanes.iter().map(outcome).collect()
    }
}
