//! Octets held in memory, within one budget for bodies and answers together.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use countersign_core::problem::Problem;
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::{BodyExt as _, Full};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Octets that one permit of the budget stands for.
const UNIT: usize = 1_024;

/// The memory that bodies and answers may take up together.
#[derive(Clone, Debug)]
pub struct Budget(Arc<Semaphore>);

impl Budget {
    /// A budget of so many octets.
    pub fn new(octets: u64) -> Self {
        let units = usize::try_from(octets).unwrap_or(usize::MAX) / UNIT;
        Self(Arc::new(Semaphore::new(units.min(Semaphore::MAX_PERMITS))))
    }

    /// Holds nothing yet.
    pub fn hold(&self) -> Hold {
        Hold { budget: Arc::clone(&self.0), octets: 0, permit: None }
    }
}

/// The part of the budget that one body has taken; given back when dropped.
#[derive(Debug)]
pub struct Hold {
    budget: Arc<Semaphore>,
    octets: usize,
    permit: Option<OwnedSemaphorePermit>,
}

impl Hold {
    /// Makes room for so many octets more; false when the budget is spent.
    pub fn grow(&mut self, more: usize) -> bool {
        let before = self.octets.div_ceil(UNIT);
        let after = (self.octets + more).div_ceil(UNIT);
        let Ok(units) = u32::try_from(after - before) else { return false };
        let Ok(permit) = Arc::clone(&self.budget).try_acquire_many_owned(units) else { return false };
        self.octets += more;
        match &mut self.permit {
            Some(held) => held.merge(permit),
            None => self.permit = Some(permit),
        }
        true
    }
}

/// A body that is all in memory.
#[derive(Debug)]
pub struct Buffered {
    octets: Bytes,
    hold: Hold,
}

/// The answer of an API broke off, and this is what its client is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the answer broke off: {}", .0.code)]
pub(super) struct BrokeOff(pub(super) Problem);

/// What a client is told of an answer that broke off.
fn problem_of(error: &axum::Error) -> Problem {
    let mut layer: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = layer {
        if let Some(BrokeOff(problem)) = error.downcast_ref() {
            return *problem;
        }
        layer = error.source();
    }
    Problem::BAD_GATEWAY
}

/// Takes a body in, up to `limit` octets.
pub async fn buffer(mut body: Body, limit: u64, budget: &Budget) -> Result<Buffered, Problem> {
    let mut hold = budget.hold();
    let mut gathered = Gathered::default();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| {
            tracing::warn!(%error, "an answer broke off");
            problem_of(&error)
        })?;
        let Ok(data) = frame.into_data() else { continue };
        if (gathered.len() + data.len()) as u64 > limit {
            return Err(Problem::ANSWER_TOO_LARGE);
        }
        if !hold.grow(data.len()) {
            return Err(Problem::UNAVAILABLE);
        }
        gathered.add(data);
    }
    Ok(Buffered { octets: gathered.whole(), hold })
}

/// What has come of a body. Most come in one piece, and that is kept as it is.
#[derive(Default)]
struct Gathered {
    first: Bytes,
    all: BytesMut,
}

impl Gathered {
    fn len(&self) -> usize {
        self.first.len().max(self.all.len())
    }

    fn add(&mut self, data: Bytes) {
        if self.len() == 0 {
            self.first = data;
            return;
        }
        if self.all.is_empty() {
            self.all.extend_from_slice(&self.first);
        }
        self.all.extend_from_slice(&data);
    }

    fn whole(self) -> Bytes {
        if self.all.is_empty() { self.first } else { self.all.freeze() }
    }
}

impl Buffered {
    /// Octets that are in memory already, with the part of the budget that they take.
    pub fn new(octets: Bytes, hold: Hold) -> Self {
        Self { octets, hold }
    }

    /// What it holds.
    pub fn octets(&self) -> &[u8] {
        &self.octets
    }

    /// The body to be sent; its part of the budget is given back when it has gone out.
    pub fn into_body(self) -> Body {
        if self.octets.is_empty() {
            return Body::empty();
        }
        Body::new(Sending { octets: Full::new(self.octets), _until_sent: self.hold })
    }
}

/// Octets on their way out. They say how many they are, so that an answer has a `Content-Length` and needs no chunks.
struct Sending {
    octets: Full<Bytes>,
    _until_sent: Hold,
}

impl HttpBody for Sending {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Pin::new(&mut self.get_mut().octets).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.octets.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.octets.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_body_over_the_limit_or_the_budget_is_refused_and_gives_back_what_it_took() {
        let budget = Budget::new(4 * UNIT as u64);
        let within = buffer(Body::from(vec![0; 2_048]), 2_048, &budget).await.unwrap();
        assert_eq!(budget.0.available_permits(), 2);
        assert_eq!(buffer(Body::from(vec![0; 2_049]), 2_048, &budget).await.unwrap_err(), Problem::ANSWER_TOO_LARGE);
        assert_eq!(buffer(Body::from(vec![0; 2_049]), 9_999, &budget).await.unwrap_err(), Problem::UNAVAILABLE);
        drop(within.into_body());
        assert_eq!(budget.0.available_permits(), 4);
    }

    #[tokio::test]
    async fn a_body_that_is_sent_says_how_long_it_is_and_holds_its_part_of_the_budget_until_it_is_gone() {
        let budget = Budget::new(4 * UNIT as u64);
        let mut body = buffer(Body::from(vec![7; 1_500]), 2_048, &budget).await.unwrap().into_body();
        assert_eq!(body.size_hint().exact(), Some(1_500));
        assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), vec![7; 1_500]);
        assert_eq!(budget.0.available_permits(), 2);
        assert!(body.is_end_stream());
        drop(body);
        assert_eq!(budget.0.available_permits(), 4);
    }

    #[test]
    fn a_hold_takes_whole_units_once() {
        let budget = Budget::new(2 * UNIT as u64);
        let mut hold = budget.hold();
        assert!(hold.grow(1) && hold.grow(UNIT - 1));
        assert_eq!(budget.0.available_permits(), 1);
        assert!(hold.grow(1));
        assert!(!hold.grow(UNIT));
        drop(hold);
        assert_eq!(budget.0.available_permits(), 2);
    }
}
