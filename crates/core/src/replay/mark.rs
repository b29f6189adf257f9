use core::time::Duration;

use super::{Fence, Span};
use crate::encoding::Reader;
use crate::time::{Freshness, Timestamp};

/// What is durable of the accept clock: enough to know, after a crash, which requests may have been accepted.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AcceptMark {
    /// No request has been accepted with the accept clock beyond this (invariant I6).
    pub mark: Timestamp,
    /// Counts starts and resets, so that no two runs keep the same mark and a saved ring fits one start only.
    pub(super) run: u64,
    /// W when this was kept.
    pub(super) window: Duration,
    /// Nothing created at or before this is accepted any more.
    pub(super) low_water: Timestamp,
    /// The `created` values that this run, and those that it continues, may have accepted; those up to `mark + window`
    /// are not counted in yet.
    pub(super) accepted: Span,
    /// The same of runs before a pause or a [`reset`](Self::reset), by time. Needed only when the clock is set back.
    pub(super) earlier: Vec<Span>,
}

/// How many earlier spans are told apart. Beyond that the two oldest become one, which refuses more, never less.
const SPANS: usize = 8;

/// A run that begins within this time of the last one continues it.
const PAUSE: Duration = Duration::from_secs(60);

const VERSION: u8 = 1;

impl AcceptMark {
    /// The mark of a run that begins at `now`, after the one that kept `previous`.
    ///
    /// `resumed` means that the nonces of the previous run are all at hand. Where they are not, nothing that it may have
    /// accepted is accepted again; where W was raised, what it forgot under the narrower window isn't either.
    pub(super) fn of_run(previous: Option<&Self>, resumed: bool, now: Timestamp, freshness: Freshness) -> Self {
        let window = freshness.window();
        let accepted = Span { from: now.saturating_sub(window), to: now };
        let Some(previous) = previous else {
            let low_water = Timestamp::default();
            return Self { mark: now, run: 1, window, low_water, accepted, earlier: Vec::new() };
        };
        let before = previous.accepted();
        let lost = if resumed { Timestamp::default() } else { before.to };
        let forgotten = if window > previous.window { now } else { Timestamp::default() };
        let low_water = previous.low_water.max(lost).max(forgotten);
        let earlier = previous.earlier.clone();
        let mut run = Self { mark: now, run: previous.run.saturating_add(1), window, low_water, accepted, earlier };
        if accepted.from <= before.to.saturating_add(PAUSE) && before.from <= accepted.to.saturating_add(PAUSE) {
            run.accepted = accepted.with(before);
        } else {
            run.set_aside(before);
        }
        run
    }

    /// The fence of the run that this mark was made for: `previous` is what was kept before it.
    pub(super) fn fence(&self, previous: Option<&Self>) -> Fence {
        let earlier = previous.into_iter().flat_map(|previous| &previous.earlier);
        let ahead = earlier.copied().filter(|span| span.to > self.low_water).collect();
        Fence { low_water: self.low_water, ahead }
    }

    /// Undoes a wrong clock: the accept clock goes back to `wall`, which an administrator has checked.
    ///
    /// What was accepted before the clock went wrong ends at or before the new low-water mark; what was accepted under the
    /// wrong clock lies ahead and stays refused when its time comes. Only for a guard that does not run.
    #[must_use]
    pub fn reset(&self, wall: Timestamp) -> Self {
        let mut reset = Self { mark: wall, run: self.run.saturating_add(1), low_water: wall, ..self.clone() };
        reset.set_aside(self.accepted());
        let past = reset.earlier.iter().filter(|span| span.from <= wall).map(|span| span.to).max();
        reset.low_water = past.map_or(wall, |past| past.max(wall));
        reset.accepted = Span { from: wall, to: wall };
        reset
    }

    /// The window that was in force when this was kept.
    pub fn freshness(&self) -> Freshness {
        Freshness::from_window(self.window)
    }

    /// Whether this mark may replace `kept`: it is of a later run, or of the same one and not earlier. A store that asks
    /// this is safe from a write that was given up and arrives late.
    pub fn supersedes(&self, kept: &Self) -> bool {
        (self.run, self.mark) >= (kept.run, kept.mark)
    }

    /// Nothing created at or before this is accepted any more; after a [`reset`](Self::reset), for people to see.
    pub fn low_water(&self) -> Timestamp {
        self.low_water
    }

    /// All `created` values that this run, and those that it continues, may have accepted.
    fn accepted(&self) -> Span {
        let last = self.mark.saturating_add(self.window);
        self.accepted.with(Span { from: self.accepted.from, to: last })
    }

    fn set_aside(&mut self, span: Span) {
        self.earlier.push(span);
        self.earlier.sort_unstable();
        if self.earlier.len() > SPANS {
            let oldest = self.earlier.remove(0);
            if let Some(next) = self.earlier.first_mut() {
                *next = next.with(oldest);
            }
        }
    }

    /// The octets that a store keeps.
    pub fn to_octets(&self) -> Vec<u8> {
        let window = u64::try_from(self.window.as_millis()).unwrap_or(u64::MAX);
        let fixed = [self.mark.as_millis(), self.run, window, self.low_water.as_millis()];
        let spans = [self.accepted].into_iter().chain(self.earlier.iter().copied());
        let spans = spans.flat_map(|span| [span.from.as_millis(), span.to.as_millis()]);
        let mut octets = vec![VERSION, u8::try_from(self.earlier.len()).unwrap_or(u8::MAX)];
        octets.extend(fixed.into_iter().chain(spans).flat_map(u64::to_be_bytes));
        octets
    }

    /// Reads what [`to_octets`](Self::to_octets) wrote; `None` for anything else.
    pub fn from_octets(octets: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(octets);
        if reader.u8()? != VERSION {
            return None;
        }
        let count = usize::from(reader.u8()?);
        let mark = Timestamp::from_millis(reader.u64()?);
        let run = reader.u64()?;
        let window = Duration::from_millis(reader.u64()?);
        let low_water = Timestamp::from_millis(reader.u64()?);
        let accepted = span(&mut reader)?;
        let earlier = (0..count).map(|_| span(&mut reader)).collect::<Option<Vec<_>>>()?;
        (reader.is_done() && count <= SPANS).then_some(Self { mark, run, window, low_water, accepted, earlier })
    }
}

fn span(reader: &mut Reader<'_>) -> Option<Span> {
    let from = Timestamp::from_millis(reader.u64()?);
    let to = Timestamp::from_millis(reader.u64()?);
    (from <= to).then_some(Span { from, to })
}
