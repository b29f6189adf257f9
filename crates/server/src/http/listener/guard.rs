use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::framing::{BodyViolation, Broken, Framer, Head, Piece, Violation};
use super::gate::Permit;
use super::held::Held;
use super::ledger::{Awaited, Ledger};
use super::patience::Expiry;

/// The socket, with the framer between it and hyper.
///
/// Octets are read into hyper's own buffer and judged there. Bodies and heads that came whole stay where they are; only
/// the beginning of a head is taken back out and kept until the rest of it is there, so hyper never has a head in which
/// something could still be wrong. For one that is wrong, hyper gets a plain one that stands for it, and then nothing
/// more: it answers what came before, and the door knows with what to answer this.
pub(super) struct Guard<I> {
    io: I,
    stage: Stage,
    framer: Framer,
    held: Held,
    upgrade_offered: bool,
    ledger: Arc<Ledger>,
    shut: bool,
    _permit: Option<Permit>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// The octets are HTTP/1.1.
    Framed,
    /// A head was refused; nothing is read any more.
    Refused,
    /// A body was given up; nothing is read any more.
    Broken(BodyViolation),
    /// The last head offered an upgrade and is not yet answered, so nobody knows what the next octets are.
    Undecided,
    /// The connection was upgraded, or speaks something else from the beginning.
    Tunnel,
    /// The peer has closed its side.
    Ended,
}

const STANDS_FOR_REFUSED: &[u8] = b"GET / HTTP/1.1\r\nhost: refused\r\nconnection: close\r\n\r\n";
const STANDS_FOR_REFUSED_HEAD: &[u8] = b"HEAD / HTTP/1.1\r\nhost: refused\r\nconnection: close\r\n\r\n";

impl<I> Guard<I> {
    /// Guards a connection on which `received` was read already; the permit is given back with the socket.
    pub(super) fn new(io: I, received: &[u8], ledger: Arc<Ledger>, permit: Option<Permit>) -> Self {
        let (stage, framer, mut held) = (Stage::Framed, Framer::default(), Held::default());
        held.extend(received);
        let mut guard = Self { io, stage, framer, held, upgrade_offered: false, ledger, shut: false, _permit: permit };
        guard.judge_held();
        guard
    }

    /// Watches over a connection whose octets are not HTTP/1.1 and whose writing is all that has to be watched.
    pub(super) fn standing_aside(io: I, ledger: Arc<Ledger>, permit: Option<Permit>) -> Self {
        Self { stage: Stage::Tunnel, ..Self::new(io, &[], ledger, permit) }
    }

    /// Judges octets that begin with the first one not yet judged, and says how many of them may go to hyper.
    fn judge(&mut self, input: &[u8]) -> usize {
        let mut good = 0;
        while self.stage == Stage::Framed {
            let Some(rest) = input.get(good..).filter(|rest| !rest.is_empty()) else { break };
            match self.framer.next(rest) {
                Ok(Piece::Incomplete) => break,
                Ok(Piece::Head(head)) => good += self.hand_over(&head),
                Ok(Piece::Body { length, last }) => {
                    good += length;
                    self.ledger.receive_body(length as u64, last);
                    self.settle_message();
                }
                Err(Broken::Head(violation)) => self.refuse(violation),
                Err(Broken::Body(rule)) => self.give_up_body(BodyViolation::Malformed(rule)),
            }
        }
        good
    }

    fn hand_over(&mut self, head: &Head) -> usize {
        if !self.ledger.hand_over(head) {
            self.stage = Stage::Ended;
            return 0;
        }
        self.upgrade_offered = head.offers_upgrade;
        self.settle_message();
        head.length
    }

    /// At the end of a message: whether the next octets are the next message can depend on the answer to this one.
    fn settle_message(&mut self) {
        if self.upgrade_offered && !self.framer.is_in_body() {
            self.stage = Stage::Undecided;
        }
    }

    fn judge_held(&mut self) {
        let held = std::mem::take(&mut self.held);
        let good = self.judge(held.octets());
        self.keep(held, good);
    }

    /// Keeps what was judged: the good octets for hyper, the others for the next judgement if there can be one.
    fn keep(&mut self, mut held: Held, good: usize) {
        held.release(good);
        match self.stage {
            Stage::Framed | Stage::Undecided | Stage::Tunnel => {}
            Stage::Refused => held.replace_unreleased(self.stand_in()),
            Stage::Broken(_) | Stage::Ended => held.replace_unreleased(b""),
        }
        self.held = held;
    }

    fn stand_in(&self) -> &'static [u8] {
        if self.framer.is_head_request() { STANDS_FOR_REFUSED_HEAD } else { STANDS_FOR_REFUSED }
    }

    fn refuse(&mut self, violation: Violation) {
        self.stage = Stage::Refused;
        self.ledger.refuse(violation);
    }

    fn give_up_body(&mut self, violation: BodyViolation) {
        self.stage = Stage::Broken(violation);
        self.ledger.break_body(violation);
    }

    /// Acts on a wait that took too long, if that is still what is waited for.
    fn expire(&mut self, expiry: Expiry) {
        match expiry {
            Expiry::Head if !self.held.is_empty() && !self.framer.is_in_body() => {
                self.refuse(Violation::HeadTooSlow);
                let held = std::mem::take(&mut self.held);
                self.keep(held, 0);
            }
            Expiry::Body if self.framer.is_in_body() => self.give_up_body(BodyViolation::TooSlow),
            Expiry::Head | Expiry::Body | Expiry::Close => {}
        }
    }

    fn awaited(&self) -> Awaited {
        if self.framer.is_in_body() {
            Awaited::Body
        } else if self.held.is_empty() {
            Awaited::Head
        } else {
            Awaited::RestOfHead
        }
    }
}

impl<I: AsyncRead + Unpin> Guard<I> {
    /// Reads into hyper's buffer, judges there and takes back what may not go on yet.
    fn read_in_place(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.io).poll_read(cx, buf))?;
        let received = buf.filled().get(before..).unwrap_or_default();
        if received.is_empty() {
            self.stage = Stage::Ended;
            return Poll::Ready(Ok(()));
        }
        let good = self.judge(received);
        let mut rest = Held::default();
        rest.extend(received.get(good..).unwrap_or_default());
        self.keep(rest, 0);
        buf.set_filled(before + good);
        Poll::Ready(Ok(()))
    }

    /// Reads more of a head whose beginning is held.
    fn read_to_held(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut space = [0; 4096];
        let mut buf = ReadBuf::new(&mut space);
        ready!(Pin::new(&mut self.io).poll_read(cx, &mut buf))?;
        if buf.filled().is_empty() {
            self.stage = Stage::Ended;
        }
        self.held.extend(buf.filled());
        self.judge_held();
        Poll::Ready(Ok(()))
    }

    fn read_framed(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let outcome = if self.held.is_empty() { self.read_in_place(cx, buf) } else { self.read_to_held(cx) };
        if outcome.is_pending() {
            self.ledger.wait_for(self.awaited());
        }
        outcome
    }

    /// Waits for the answer to a head that offered an upgrade. The driver takes another step when it is there.
    fn decide_upgrade(&mut self) -> Poll<()> {
        match self.ledger.upgrade() {
            None => return Poll::Pending,
            Some(true) => {
                self.stage = Stage::Tunnel;
                self.held.release_all();
            }
            Some(false) => {
                self.stage = Stage::Framed;
                self.judge_held();
            }
        }
        Poll::Ready(())
    }
}

impl<I: AsyncRead + Unpin> AsyncRead for Guard<I> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let guard = self.get_mut();
        if let Some(expiry) = guard.ledger.begin_read() {
            guard.expire(expiry);
        }
        let before = buf.filled().len();
        loop {
            guard.held.give(buf);
            if buf.filled().len() > before || buf.remaining() == 0 {
                return Poll::Ready(Ok(()));
            }
            match guard.stage {
                Stage::Framed => ready!(guard.read_framed(cx, buf))?,
                Stage::Refused => return Poll::Pending,
                Stage::Broken(violation) => return Poll::Ready(Err(io::Error::other(violation))),
                Stage::Undecided => ready!(guard.decide_upgrade()),
                Stage::Tunnel => return Pin::new(&mut guard.io).poll_read(cx, buf),
                Stage::Ended => return Poll::Ready(Ok(())),
            }
        }
    }
}

impl<I: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Guard<I> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, octets: &[u8]) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.io).poll_write(cx, octets);
        self.ledger.note_write(&outcome);
        outcome
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.io).poll_write_vectored(cx, pieces);
        self.ledger.note_write(&outcome);
        outcome
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    /// Closes our side, then reads and throws away until the peer closes its own. The driver bounds that.
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.shut {
            ready!(Pin::new(&mut self.io).poll_shutdown(cx))?;
            self.shut = true;
            if self.stage != Stage::Tunnel {
                self.ledger.linger();
            }
        }
        let mut space = [0; 4096];
        while !matches!(self.stage, Stage::Ended | Stage::Tunnel) {
            let mut buf = ReadBuf::new(&mut space);
            if ready!(Pin::new(&mut self.io).poll_read(cx, &mut buf)).is_err() || buf.filled().is_empty() {
                self.stage = Stage::Ended;
            }
        }
        Poll::Ready(Ok(()))
    }
}
