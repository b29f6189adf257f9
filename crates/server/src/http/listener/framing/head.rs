use super::fields::Fields;
use super::octets::is_tchar;
use super::request_line::{self, RequestLine};
use super::violation::Violation::{self, HeadTooLarge, Malformed, TargetTooLong};
use super::{BodyFraming, MAX_HEAD};

/// The head of one message while it arrives.
///
/// It is judged line by line, each line once and as soon as it has ended, so the verdict depends on the octets alone
/// and never on how the network cut them up.
#[derive(Debug, Default)]
pub(super) struct HeadScan {
    /// Where the first line that is not yet judged begins.
    line: usize,
    /// Up to where no line feed was found.
    searched: usize,
    empty_line_passed: bool,
    request_line: Option<RequestLine>,
    fields: Fields,
}

/// A head that may be handed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http::listener) struct Head {
    /// Its length in octets, with the empty line at its end.
    pub(in crate::http::listener) length: usize,
    /// How its body is framed.
    pub(in crate::http::listener) body: BodyFraming,
    /// Whether it could be answered with 101, after which the connection no longer speaks HTTP.
    pub(in crate::http::listener) offers_upgrade: bool,
}

impl HeadScan {
    /// Reads on. `head` is the message's head from its first octet, with more at its end than the last time, and may
    /// hold what follows it. `None`: its end is not there yet.
    pub(super) fn read(&mut self, head: &[u8]) -> Result<Option<Head>, Violation> {
        let window = head.get(..MAX_HEAD).unwrap_or(head);
        loop {
            self.check_first_octet(window)?;
            let Some(end) = window.get(self.searched..).and_then(|rest| memchr::memchr(b'\n', rest)) else { break };
            let end = self.searched + end;
            let line = window.get(self.line..end).unwrap_or_default();
            (self.line, self.searched) = (end + 1, end + 1);
            if let Some(head) = self.judge(line)? {
                return Ok(Some(head));
            }
        }
        self.searched = window.len();
        self.check_open_line(window.get(self.line..).unwrap_or_default())?;
        if head.len() > MAX_HEAD { Err(HeadTooLarge) } else { Ok(None) }
    }

    /// Whether the request line was that of a HEAD request, to whose answer no content belongs.
    pub(super) fn is_head_request(&self) -> bool {
        self.request_line.is_some_and(|line| line.is_head)
    }

    /// A TLS handshake on this port and other binary protocols need not wait for a line feed that never comes.
    fn check_first_octet(&self, window: &[u8]) -> Result<(), Violation> {
        match window.get(self.line) {
            Some(first) if self.request_line.is_none() && *first != b'\r' && !is_tchar(*first) => {
                Err(Malformed("a method first"))
            }
            _ => Ok(()),
        }
    }

    fn check_open_line(&self, line: &[u8]) -> Result<(), Violation> {
        if self.request_line.is_none() && request_line::target_is_too_long(line) { Err(TargetTooLong) } else { Ok(()) }
    }

    /// Judges one line that has ended; the head, if that was its last.
    fn judge(&mut self, line: &[u8]) -> Result<Option<Head>, Violation> {
        self.check_open_line(line)?;
        let Some(line) = line.strip_suffix(b"\r") else { return Err(Malformed("CRLF at the end of every line")) };
        match self.request_line {
            None if line.is_empty() && !self.empty_line_passed => self.empty_line_passed = true,
            None => self.request_line = Some(RequestLine::read(line)?),
            Some(request) if line.is_empty() => {
                let body = self.fields.framing(request.version)?;
                let offers_upgrade = self.fields.offers_upgrade(request.version);
                return Ok(Some(Head { length: self.line, body, offers_upgrade }));
            }
            Some(_) => self.fields.read(line)?,
        }
        Ok(None)
    }
}
