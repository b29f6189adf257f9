//! What an answer turned out to be.

use core::fmt;
use std::borrow::Cow;

use bytes::Bytes;
use countersign_core::problem::Problem;
use countersign_core::signature::Interference;
use countersign_core::time::Timestamp;
use http::{HeaderMap, StatusCode};

use super::ClockChange;

/// The three things that an answer can be.
#[derive(Debug)]
pub enum Outcome {
    /// It is the server's own answer to this very request. It may still be an error.
    Verified(Verified),
    /// Somebody stands between. Whether the request was carried out is unknown.
    Interference(Interference),
    /// An unsigned error of a kind that comes from where no key is known.
    Unverified(Unverified),
}

/// The server's own answer to one request.
#[derive(Clone, Debug)]
pub struct Verified {
    /// The status.
    pub status: StatusCode,
    /// The fields that the signature covers; all others were dropped.
    pub headers: HeaderMap,
    /// The whole body, as signed.
    pub body: Bytes,
    /// The server's clock when it signed.
    pub server_time: Timestamp,
    /// The problem, when the answer is one of the guard's own refusals.
    pub problem: Option<&'static Problem>,
    /// That this answer showed our idea of the server's clock to be wrong; it has been corrected.
    pub clock_change: Option<ClockChange>,
    pub(crate) rejected_for_its_time: bool,
}

impl Verified {
    /// Whether the request was refused because our idea of the server's clock was wrong. It did not run; the clock has been
    /// corrected, so that the same request signed anew has the right time.
    pub const fn was_rejected_for_its_time(&self) -> bool {
        self.rejected_for_its_time
    }

    /// Whether the request may have been carried out although the answer is an error: somebody at or behind the guard
    /// was out of breath or out of reach, and says nothing about what came before; or an earlier attempt under the same
    /// idempotency key has no known outcome.
    pub fn outcome_is_unknown(&self) -> bool {
        let earlier_attempt = matches!(self.problem, Some(&(Problem::IN_FLIGHT | Problem::OUTCOME_UNKNOWN)));
        earlier_attempt || matches!(self.status.as_u16(), 429 | 502 | 503 | 504)
    }
}

/// The problem in the body of an answer of the guard itself (RFC 9457). Its status has to agree.
pub(crate) fn problem_in(status: StatusCode, body: &[u8]) -> Option<&'static Problem> {
    #[derive(serde::Deserialize)]
    struct Body<'b> {
        #[serde(borrow, rename = "type")]
        urn: Cow<'b, str>,
    }
    let body: Body<'_> = serde_json::from_slice(body).ok()?;
    Problem::of_type(&body.urn).filter(|problem| problem.status == status.as_u16())
}

/// An error that nobody signed: from the server before it could tell whose key it is, or from anything between.
///
/// It proves nothing. Its body is somebody's text on the way to a person's eyes, so it has to be asked for.
#[derive(Clone)]
pub struct Unverified {
    /// The status that was claimed.
    pub status: StatusCode,
    pub(crate) body: Bytes,
}

impl Unverified {
    /// The body that came with it. Whoever shows it says that anybody may have written it.
    pub const fn unproven_body(&self) -> &Bytes {
        &self.body
    }

    /// The problem that it claims to be. Its texts are ours, but that it is the case is not proven.
    pub fn claimed_problem(&self) -> Option<&'static Problem> {
        problem_in(self.status, &self.body)
    }
}

impl fmt::Debug for Unverified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Unverified({}, body withheld)", self.status.as_u16())
    }
}

impl fmt::Display for Unverified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an unsigned error {}: from the server or from the network, not proven", self.status.as_u16())
    }
}
