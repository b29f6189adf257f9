//! What a message turned out to be.

use countersign_core::problem::Problem;
use countersign_core::signature::Interference;
use countersign_core::time::Timestamp;
use http::StatusCode;

use super::EnvelopeReceipt;
use crate::conversation::{self, ClockChange};

/// A message that came back, judged.
#[derive(Debug)]
pub struct EnvelopeReceived {
    /// What it answers; `None` when it answers nothing that waits, and then it is never verified.
    pub receipt: Option<EnvelopeReceipt>,
    /// The server's own answer, or why it is not believed. What became of the envelope is then unknown.
    pub judged: Result<VerifiedEnvelope, Interference>,
}

/// The server's own answer to one envelope.
#[derive(Clone, Debug)]
pub struct VerifiedEnvelope {
    /// The status, one of HTTP.
    pub status: u16,
    /// What it carries, as signed.
    pub packet: Vec<u8>,
    /// The server's clock when it signed.
    pub server_time: Timestamp,
    /// The problem, when the answer is one of the guard's own refusals.
    pub problem: Option<&'static Problem>,
    /// That this answer showed our idea of the server's clock to be wrong; it has been corrected.
    pub clock_change: Option<ClockChange>,
    pub(super) rejected_for_its_time: bool,
}

impl VerifiedEnvelope {
    /// Whether the server refused it for its time alone, so that it may be signed anew and sent once more.
    pub fn was_rejected_for_its_time(&self) -> bool {
        self.rejected_for_its_time
    }

    /// Whether what was asked for may have been done although the answer is an error.
    pub fn outcome_is_unknown(&self) -> bool {
        matches!(self.status, 429 | 502 | 503 | 504)
    }
}

/// The problem in the packet of an answer of the guard itself. Its status has to agree.
pub(super) fn problem_in(status: u16, packet: &[u8]) -> Option<&'static Problem> {
    let status = StatusCode::from_u16(status).ok().filter(|status| status.as_u16() >= 400)?;
    conversation::problem_in(status, packet)
}
