use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

use super::framing::{BodyFraming, BodyViolation, Head, Violation};
use super::patience::{Expiry, Moving, Pause, Waits};

/// What the parts of one connection tell each other: the guard that reads and writes the socket, the door that answers
/// requests, the driver with its clock, and the gate that may want the connection gone.
///
/// hyper stands between guard and door and numbers nothing, so messages are counted on both sides of it: head n that
/// the guard hands over is request n that reaches the door.
#[derive(Debug, Default)]
pub(super) struct Ledger(Mutex<Entries>);

#[derive(Debug, Default)]
struct Entries {
    /// Heads that the guard has handed over. The last one stands for a refused head when `refused` is set.
    heads: u64,
    /// Requests that hyper has brought to the door.
    requests: u64,
    /// Answers that are over.
    answers: u64,
    refused: Option<Violation>,
    broken: Option<BodyViolation>,
    awaited: Awaited,
    /// Whether the body of the last head is still to come or coming, and how much of it is there.
    in_body: bool,
    body_octets: u64,
    upgrade: Option<bool>,
    unread_decision: bool,
    /// Octets written since the last answer was over.
    written: u64,
    write_blocked: bool,
    lingering: bool,
    /// Requests come on streams of their own, and nothing of one is awaited here.
    on_streams: bool,
    /// Requests that the peer gave up, less those that it waited for.
    given_up: u32,
    expired: Option<Expiry>,
    evicted: bool,
    stopping: bool,
    waker: Option<Waker>,
}

/// What the guard found missing when it last read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Awaited {
    /// Nothing: it has not been asked for more.
    #[default]
    Nothing,
    /// The first octet of a head.
    Head,
    /// The rest of a head.
    RestOfHead,
    /// The rest of a body.
    Body,
}

/// What the driver has to know after each step.
#[derive(Debug)]
pub(super) struct Standing {
    pub(super) waits: Waits,
    pub(super) evicted: bool,
    pub(super) stopping: bool,
    /// Nothing is being answered or about to be.
    pub(super) at_rest: bool,
    /// Something was decided for which the guard waits, and hyper does not know that it should let it read.
    pub(super) go_on: bool,
}

impl Ledger {
    fn entries(&self) -> MutexGuard<'_, Entries> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// For the guard.
impl Ledger {
    /// A read begins: what ran out while it waited, if anything did.
    pub(super) fn begin_read(&self) -> Option<Expiry> {
        let mut entries = self.entries();
        entries.awaited = Awaited::Nothing;
        entries.expired.take()
    }

    /// The read has to wait.
    pub(super) fn wait_for(&self, awaited: Awaited) {
        self.entries().awaited = awaited;
    }

    /// A whole head goes to hyper. `false`: the connection was given up a moment ago, and must not do another thing.
    pub(super) fn hand_over(&self, head: &Head) -> bool {
        let mut entries = self.entries();
        if entries.evicted {
            return false;
        }
        entries.heads += 1;
        entries.in_body = head.body != BodyFraming::Length(0);
        entries.body_octets = 0;
        entries.upgrade = None;
        true
    }

    /// So much of the body came, `last` when that is the end of it.
    pub(super) fn receive_body(&self, octets: u64, last: bool) {
        let mut entries = self.entries();
        entries.body_octets += octets;
        entries.in_body = !last;
    }

    /// A head is refused; one that stands for it goes to hyper.
    pub(super) fn refuse(&self, violation: Violation) {
        let mut entries = self.entries();
        entries.heads += 1;
        entries.refused = Some(violation);
    }

    /// The body of the last head will have no end.
    pub(super) fn break_body(&self, violation: BodyViolation) {
        self.entries().broken.get_or_insert(violation);
    }

    /// Whether the answer to the last head, which offered it, is an upgrade; `None` before it is known.
    pub(super) fn upgrade(&self) -> Option<bool> {
        self.entries().upgrade
    }

    /// What became of a write.
    pub(super) fn note_write(&self, outcome: &Poll<io::Result<usize>>) {
        let mut entries = self.entries();
        entries.write_blocked = outcome.is_pending();
        if let Poll::Ready(Ok(octets)) = outcome {
            entries.written += *octets as u64;
        }
    }

    /// Everything is answered and the peer has been told so; only its own end is waited for.
    pub(super) fn linger(&self) {
        self.entries().lingering = true;
    }
}

/// For the door.
impl Ledger {
    /// Another request has come out of hyper: the violation that it has to be answered with, if it has one.
    ///
    /// If hyper finds more requests than the guard has read, it frames the octets in another way. That is what
    /// smuggling is, so such a request is refused.
    pub(super) fn begin_request(&self) -> Option<Violation> {
        let mut entries = self.entries();
        entries.requests += 1;
        match entries.requests.cmp(&entries.heads) {
            std::cmp::Ordering::Less => None,
            std::cmp::Ordering::Equal => entries.refused,
            std::cmp::Ordering::Greater => Some(Violation::Malformed("one reading of where a message begins")),
        }
    }

    /// The last request's answer is an upgrade, or it is none. The driver takes another step, so that the guard can act.
    pub(super) fn decide_upgrade(&self, upgrade: bool) {
        let mut entries = self.entries();
        entries.upgrade = Some(upgrade);
        entries.unread_decision = true;
    }

    /// Whether some of the body of the last request that came out of hyper has not arrived.
    pub(super) fn is_body_missing(&self) -> bool {
        let entries = self.entries();
        entries.requests == entries.heads && entries.in_body
    }

    /// Why the body of the last request has no end.
    pub(super) fn broken_body(&self) -> Option<BodyViolation> {
        self.entries().broken
    }

    /// An answer has been handed to hyper to its last octet, or given up.
    pub(super) fn end_answer(&self) {
        let mut entries = self.entries();
        entries.answers += 1;
        entries.written = 0;
    }
}

/// For the door of HTTP/2.
impl Ledger {
    /// Requests come on streams.
    pub(super) fn begin_streams(&self) {
        self.entries().on_streams = true;
    }

    /// Another request has come. `false`: the connection was given up a moment ago, and must not do another thing.
    pub(super) fn begin_stream(&self) -> bool {
        let mut entries = self.entries();
        entries.heads += 1;
        entries.requests += 1;
        !entries.evicted
    }

    /// A request is over, and either its answer was handed over to the end or the peer did not wait for it.
    ///
    /// A peer that opens streams only to reset them has more work done than it could ask for within the number of streams
    /// that it may have open (CVE-2023-44487), so with too many more of those than others the connection is given up.
    pub(super) fn end_stream(&self, whole: bool) {
        self.end_answer();
        let too_many = {
            let mut entries = self.entries();
            entries.given_up = if whole { entries.given_up.saturating_sub(1) } else { entries.given_up + 1 };
            entries.given_up > MOST_GIVEN_UP
        };
        if too_many && self.evict_if(|_| true) {
            tracing::debug!("a client opens streams only to reset them; its connection is closed");
        }
    }
}

/// So many more requests than it waits for may a peer give up on one connection.
const MOST_GIVEN_UP: u32 = 100;

/// For the driver.
impl Ledger {
    /// How the connection stands, and who is to be woken when somebody else changes that.
    pub(super) fn standing(&self, waker: &Waker) -> Standing {
        let mut entries = self.entries();
        match &mut entries.waker {
            Some(known) => known.clone_from(waker),
            unknown => *unknown = Some(waker.clone()),
        }
        Standing {
            waits: entries.waits(),
            evicted: entries.evicted,
            stopping: entries.stopping,
            at_rest: entries.is_at_rest(),
            go_on: std::mem::take(&mut entries.unread_decision),
        }
    }

    /// Whether only the peer's own end is waited for.
    pub(super) fn is_lingering(&self) -> bool {
        self.entries().lingering
    }

    /// A wait has taken too long; the guard acts on it when it reads next.
    pub(super) fn expire(&self, expiry: Expiry) {
        self.entries().expired = Some(expiry);
    }
}

/// For the gate.
impl Ledger {
    /// Gives the connection up if it has not brought a single head.
    pub(super) fn evict_headless(&self) -> bool {
        self.evict_if(|entries| entries.heads == 0)
    }

    /// Whether the connection could still be given up for having brought no head.
    pub(super) fn is_headless(&self) -> bool {
        let entries = self.entries();
        entries.heads == 0 && !entries.evicted
    }

    /// Gives the connection up if there is nothing more to do on it at present.
    pub(super) fn evict_idle(&self) -> bool {
        self.evict_if(|entries| entries.lingering || (entries.is_at_rest() && entries.awaits_head()))
    }

    fn evict_if(&self, condition: impl FnOnce(&Entries) -> bool) -> bool {
        let waker = {
            let mut entries = self.entries();
            if entries.evicted || !condition(&entries) {
                return false;
            }
            entries.evicted = true;
            entries.waker.clone()
        };
        waker.inspect(Waker::wake_by_ref);
        true
    }

    /// The server stops: what is in flight is finished, nothing else begun.
    pub(super) fn stop(&self) {
        let waker = {
            let mut entries = self.entries();
            entries.stopping = true;
            entries.waker.clone()
        };
        waker.inspect(Waker::wake_by_ref);
    }
}

impl Entries {
    fn is_at_rest(&self) -> bool {
        self.heads == self.answers && !self.write_blocked && !self.lingering
    }

    /// The next octet would be the first of a head.
    fn awaits_head(&self) -> bool {
        self.on_streams || self.awaited == Awaited::Head
    }

    fn waits(&self) -> Waits {
        let pause = match self.awaited {
            _ if self.lingering => Some(Pause::Linger),
            _ if self.expired.is_some() => None,
            Awaited::RestOfHead => Some(Pause::Head(self.heads)),
            Awaited::Head | Awaited::Nothing if self.heads == 0 => Some(Pause::Start),
            Awaited::Head | Awaited::Nothing if self.is_at_rest() => Some(Pause::Idle(self.answers)),
            Awaited::Head | Awaited::Nothing | Awaited::Body => None,
        };
        let body = (self.awaited == Awaited::Body && self.expired.is_none() && !self.lingering)
            .then_some(Moving { message: self.heads, octets: self.body_octets });
        let answer = self.write_blocked.then_some(Moving { message: self.answers, octets: self.written });
        Waits { pause, body, answer }
    }
}
