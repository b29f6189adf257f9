//! Envelopes: the same conversation without HTTP, over a WebSocket or through a queue (protocol §8).
//!
//! [`EnvelopeConversation`] signs messages and judges answers without any I/O, so a queue needs nothing more (see the
//! example `queue`). [`EnvelopeClient`] puts it on a WebSocket.

mod outcome;
mod socket;

pub use outcome::{EnvelopeReceived, VerifiedEnvelope};
pub use socket::{EnvelopeAnswer, EnvelopeClient};

use core::time::Duration;
use std::sync::Mutex;

use countersign_core::authority::Authority;
use countersign_core::envelope::{
    Action, AnswerEnvelope, EnvelopeParams, SignedEnvelope, VerifiedPacket, sign_envelope,
};
use countersign_core::problem::Problem;
use countersign_core::secret::{KeyPair, Root};
use countersign_core::signature::Interference;
use countersign_core::time::{Freshness, Timestamp};

use crate::Signer;
use crate::conversation::{CannotSign, PATIENCE, Pending, Reading, ServerClock, Taken, lock};

/// Who we are to one server, in envelopes.
#[derive(Clone, Debug)]
pub struct EnvelopeCredentials {
    /// The name of the server for which envelopes are signed: the one on the card.
    pub authority: Authority,
    /// The public name of whoever signs.
    pub keyid: Signer,
    /// The user whose key or session it is, as the server spells it.
    pub username: String,
    /// One key per direction, those of envelopes.
    pub keys: KeyPair,
}

impl EnvelopeCredentials {
    /// The credentials of a key or a session, by its root.
    pub fn new(authority: Authority, keyid: Signer, username: &str, root: &Root) -> Self {
        let keys = root.envelope_pair(keyid.as_str());
        Self { authority, keyid, username: username.to_owned(), keys }
    }
}

/// A message that was signed: what to send, and the receipt by which its answer is known.
#[derive(Clone, Debug)]
pub struct EnvelopeMessage {
    /// The message, one JSON object.
    pub json: String,
    /// Stands for the message until its answer comes.
    pub receipt: EnvelopeReceipt,
}

/// Stands for one envelope that was signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EnvelopeReceipt([u8; 32]);

/// One key's conversation with one server, in envelopes. It may be shared between threads; answers may come in any order.
#[derive(Debug)]
pub struct EnvelopeConversation {
    credentials: EnvelopeCredentials,
    freshness: Freshness,
    patience: Duration,
    clock: Mutex<ServerClock>,
    pending: Mutex<Pending<Waiting>>,
}

/// What is kept of an envelope until its answer comes.
#[derive(Debug)]
struct Waiting {
    signed: SignedEnvelope,
    timestamp: Timestamp,
}

impl EnvelopeConversation {
    /// A conversation with a server whose clock is `offset_ms` ahead of ours as far as we know; zero when we don't.
    pub fn new(credentials: EnvelopeCredentials, offset_ms: i64) -> Self {
        let freshness = Freshness::DEFAULT;
        let clock = Mutex::new(ServerClock::new(freshness, offset_ms));
        Self { credentials, freshness, patience: PATIENCE, clock, pending: Mutex::new(Pending::new()) }
    }

    /// The same with another limit to how long an answer may take.
    #[must_use]
    pub fn with_patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// Whose conversation it is.
    pub const fn credentials(&self) -> &EnvelopeCredentials {
        &self.credentials
    }

    /// How long an answer may take.
    pub const fn patience(&self) -> Duration {
        self.patience
    }

    /// Server time minus the time of this machine, in milliseconds, as far as it is known.
    pub fn offset_ms(&self) -> i64 {
        lock(&self.clock).offset_ms()
    }

    /// Signs an envelope and lets it wait for its answer. `nonce` is 32 random octets, new for every message, and never
    /// used in a request of this key either.
    pub fn sign(
        &self,
        action: &Action,
        packet: &[u8],
        nonce: [u8; 32],
        now: Reading,
    ) -> Result<EnvelopeMessage, CannotSign> {
        let EnvelopeCredentials { authority, keyid, username, keys } = &self.credentials;
        let timestamp = lock(&self.clock).time(now);
        let (audience, keyid) = (authority.as_str(), keyid.as_str());
        let params = EnvelopeParams { audience, keyid, nonce, timestamp, action, username, packet };
        let mut signed = sign_envelope(&keys.c2s, &params)?;
        let json = signed.take_json();
        let deadline = now.monotonic.saturating_add(self.patience);
        let waiting = Waiting { signed, timestamp };
        lock(&self.pending).insert(nonce, waiting, now, deadline).map_err(|_| CannotSign::TooManyPending)?;
        Ok(EnvelopeMessage { json, receipt: EnvelopeReceipt(nonce) })
    }

    /// Judges a message that came back. It spends the receipt that it names, whatever it finds: where a forged answer
    /// stood, the genuine one is not looked for.
    pub fn receive(&self, message: &[u8], now: Reading) -> EnvelopeReceived {
        let Ok(answer) = AnswerEnvelope::read(message) else {
            return EnvelopeReceived { receipt: None, judged: Err(Interference::BadMac) };
        };
        let Ok(nonce) = <[u8; 32]>::try_from(answer.nonce()) else {
            return EnvelopeReceived { receipt: None, judged: Err(Interference::WrongRequest) };
        };
        let taken = lock(&self.pending).take(&nonce, now);
        let (receipt, judged) = match taken {
            Taken::Waiting(sent, waiting) => (Some(EnvelopeReceipt(nonce)), self.judge(&waiting, sent, answer, now)),
            Taken::Answered => (None, Err(Interference::Replayed)),
            Taken::Gone => (None, Err(Interference::Stale)),
        };
        EnvelopeReceived { receipt, judged }
    }

    fn judge(
        &self,
        waiting: &Waiting,
        sent: Reading,
        answer: AnswerEnvelope,
        now: Reading,
    ) -> Result<VerifiedEnvelope, Interference> {
        let proof = waiting.signed.verify_answer(&self.credentials.keys.s2c, answer)?;
        let round_trip = now.monotonic.saturating_sub(sent.monotonic);
        let received = lock(&self.clock).time(sent).saturating_add(round_trip);
        let is_timely = proof.is_timely(waiting.timestamp, received, self.freshness);
        let clock_change = lock(&self.clock).measure(sent, now, proof.server_time);
        let VerifiedPacket { status, packet, server_time } = proof;
        let problem = outcome::problem_in(status, &packet);
        let rejected_for_its_time = match problem {
            // We never repeat a nonce, so somebody else sent this message, and the answer to it went elsewhere.
            Some(&Problem::REPLAYED) => return Err(Interference::Replayed),
            // The first is said before the guard has compared the clocks, the second when it doubts its own.
            Some(&(Problem::UNAUTHORIZED | Problem::UNAVAILABLE)) => false,
            Some(&Problem::CLOCK_SKEW) => !is_timely,
            _ if !is_timely => return Err(Interference::Stale),
            _ => false,
        };
        Ok(VerifiedEnvelope { status, packet, server_time, problem, clock_change, rejected_for_its_time })
    }
}
