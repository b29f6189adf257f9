use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use tokio::time::{Instant, Sleep};

use super::ledger::Ledger;
use super::limits::Limits;
use super::patience::{Expiry, Patience};

/// One connection of hyper's, told to end after the answer that it is giving.
pub(super) trait Conversation: Future {
    /// No further request is taken.
    fn end_after_this(self: Pin<&mut Self>);

    /// Tells the peer that the connection ends, where the protocol has words for it: then the peer is given a moment.
    fn take_leave(self: Pin<&mut Self>) -> bool {
        false
    }

    /// When an answer that the peer does not take will have waited too long, as far as the ledger does not know.
    fn answers_end(&self) -> Option<Instant> {
        None
    }
}

/// Drives a connection to its end, with the one clock and the one alarm that it has.
///
/// After each step it asks the ledger what is waited for. Nothing in hyper, guard or door needs a timer, and the alarm
/// is moved only when it has to ring earlier, so a request on a busy connection sets none.
pub(super) async fn drive(conversation: impl Conversation, ledger: &Ledger, limits: Limits) {
    let mut conversation = pin!(conversation);
    let mut alarm = pin!(tokio::time::sleep(limits.first_byte));
    let mut patience = Patience::new(limits);
    let mut told_to_end = false;
    poll_fn(|cx| {
        loop {
            if conversation.as_mut().poll(cx).is_ready() {
                return Poll::Ready(());
            }
            let standing = ledger.standing(cx.waker());
            if standing.evicted {
                return Poll::Ready(());
            }
            if standing.stopping && standing.at_rest {
                if conversation.as_mut().take_leave() {
                    ledger.linger();
                    continue;
                }
                return Poll::Ready(());
            }
            if standing.stopping && !told_to_end {
                told_to_end = true;
                conversation.as_mut().end_after_this();
                continue;
            }
            if standing.go_on {
                continue;
            }
            let answers_end = conversation.answers_end().map(|end| (end, Expiry::Close));
            let ends = [patience.observe(standing.waits, now()), answers_end];
            let Some((end, expiry)) = ends.into_iter().flatten().min_by_key(|(end, _)| *end) else {
                return Poll::Pending;
            };
            match (rings(alarm.as_mut(), end, cx), expiry) {
                (Poll::Pending, _) => return Poll::Pending,
                (Poll::Ready(()), Expiry::Close) if !ledger.is_lingering() && conversation.as_mut().take_leave() => {
                    ledger.linger();
                }
                (Poll::Ready(()), Expiry::Close) => return Poll::Ready(()),
                (Poll::Ready(()), Expiry::Head | Expiry::Body) => ledger.expire(expiry),
            }
        }
    })
    .await;
}

/// Whether `end` has come. The alarm may be set to an earlier time that does not matter any more.
fn rings(mut alarm: Pin<&mut Sleep>, end: Instant, cx: &mut Context<'_>) -> Poll<()> {
    if alarm.deadline() > end {
        alarm.as_mut().reset(end);
    }
    while alarm.as_mut().poll(cx).is_ready() {
        if now() >= end {
            return Poll::Ready(());
        }
        alarm.as_mut().reset(end);
    }
    Poll::Pending
}

/// The monotonic clock of the runtime. It bounds waits and decides nothing else.
#[expect(clippy::disallowed_methods, reason = "the clock of time-outs, which tests of this module pause")]
pub(super) fn now() -> Instant {
    Instant::now()
}
