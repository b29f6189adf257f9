//! When a call is made once more (protocol §7): after a rejection for its time, and after its answer got lost.

use core::time::Duration;

use countersign_core::enrolment::Answers;
use countersign_core::idempotency::IdempotencyKey;
use countersign_core::problem::Problem;
use countersign_core::signature::Interference;
use http::header::RETRY_AFTER;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version};

use crate::conversation::PATIENCE;
use crate::transport::{Clock, random};
use crate::{Answer, CallError, Conversation, Network, Verified};

/// The field that carries the key.
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// The longest wait before a request that is under way is asked for again, whatever the server says.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// A request that can be signed anew and sent again.
pub(crate) trait Attempts: Send {
    /// Why an attempt has no verified answer.
    type Error: Send;

    /// Signs, sends, verifies: once.
    fn attempt(&mut self) -> impl Future<Output = Result<Attempted, Self::Error>> + Send;

    /// Whether the request may have been carried out and its answer been lost on the way.
    fn lost_the_answer(error: &Self::Error) -> bool;
}

/// What came of an attempt, and the version of HTTP in which it came.
pub(crate) struct Attempted {
    pub(crate) verified: Verified,
    pub(crate) version: Version,
}

impl From<Attempted> for Answer {
    fn from(Attempted { verified, version }: Attempted) -> Self {
        let clock_change = verified.clock_change;
        Self { verified, version, retried: false, answer_was_lost: false, clock_change }
    }
}

/// Attempts a request, and what is due after that. `acts_once` says that the guard lets it act once however often it comes.
pub(crate) async fn persist<A: Attempts>(mut call: A, clock: Clock, acts_once: bool) -> Result<Answer, A::Error> {
    match in_time(&mut call).await {
        Err(lost) if acts_once && A::lost_the_answer(&lost) => {
            let answer = until_settled(&mut call, clock).await?;
            Ok(Answer { answer_was_lost: true, ..answer })
        }
        answered => answered,
    }
}

/// One attempt, and a second when the first was rejected for its time.
async fn in_time<A: Attempts>(call: &mut A) -> Result<Answer, A::Error> {
    let first = call.attempt().await?;
    if !first.verified.rejected_for_its_time {
        return Ok(first.into());
    }
    let second = Answer::from(call.attempt().await?);
    let clock_change = first.verified.clock_change.or(second.clock_change);
    Ok(Answer { retried: true, clock_change, ..second })
}

/// The first attempt may still be under way; then its outcome is asked for until it is there.
async fn until_settled<A: Attempts>(call: &mut A, clock: Clock) -> Result<Answer, A::Error> {
    let end = clock.read().monotonic.saturating_add(PATIENCE);
    loop {
        let answer = in_time(call).await?;
        let is_under_way = answer.verified.problem == Some(&Problem::IN_FLIGHT);
        if !is_under_way || clock.read().monotonic >= end {
            return Ok(answer);
        }
        tokio::time::sleep(pause(&answer.verified.headers)).await;
    }
}

/// How long the server asks us to wait.
fn pause(headers: &HeaderMap) -> Duration {
    let seconds = headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
    Duration::from_secs(seconds.unwrap_or(1)).min(LONGEST_PAUSE)
}

impl CallError {
    /// Whether the answer got lost on the way: the line was cut, or something between us gave the server up. The request
    /// may have been carried out. Any other interference is not of this kind: somebody stands between, and is for a
    /// person to judge.
    pub fn lost_the_answer(&self) -> bool {
        match self {
            Self::Network(Network::NoAnswer(_)) | Self::Interference(Interference::Truncated) => true,
            Self::Unverified(error) => {
                matches!(error.status, StatusCode::BAD_GATEWAY | StatusCode::GATEWAY_TIMEOUT)
            }
            Self::BadUrl(_)
            | Self::CannotSign(_)
            | Self::NoKey
            | Self::Interference(_)
            | Self::NotAWebSocket
            | Self::Upload(_)
            | Self::Network(_) => false,
        }
    }
}

/// Gives a request that changes something a key, unless it has one or `fresh` is not wanted. Says whether it acts once
/// however often it comes.
pub(crate) fn name(
    method: &Method,
    headers: &mut HeaderMap,
    fresh: bool,
    conversation: &Conversation,
) -> Result<bool, Network> {
    // A guard that does not sign all answers does not see them, and keeps none.
    if method.is_safe() || conversation.credentials().answers != Answers::AllSigned {
        return Ok(false);
    }
    if fresh
        && !headers.contains_key(IDEMPOTENCY_KEY)
        && let Ok(key) = HeaderValue::try_from(fresh_idempotency_key()?.to_string())
    {
        headers.insert(IDEMPOTENCY_KEY, key);
    }
    Ok(headers.contains_key(IDEMPOTENCY_KEY))
}

/// A new key of 128 random bits.
pub fn fresh_idempotency_key() -> Result<IdempotencyKey, Network> {
    Ok(IdempotencyKey::from_random(random()?))
}
