//! The server's side of an enrolment.

use core::time::Duration;

use sha2::{Digest as _, Sha256};

use super::card::CardKind;
use super::noise::{Handshake, HandshakeFailed, Purpose};
use super::payload::{Answers, BadIntroduction, EnrolRefusal, FromClient, FromServer};
use crate::encoding::{Reader, put_lp};
use crate::id::KeyId;
use crate::secret::{Root, Secret32};
use crate::time::Timestamp;
use crate::username::Username;

/// The longest body of an enrolment, in either direction.
pub const MAX_BODY: usize = 4_096;
/// How far the client's clock may be off, and so how long the hashes of messages must be remembered.
pub const TIME_TOLERANCE: Duration = Duration::from_secs(24 * 60 * 60);
/// An ephemeral key and a tag: no message of the handshake is shorter.
const SHORTEST_MESSAGE: usize = 32 + 16;

/// A request to enrol as it arrived: nothing is decrypted yet, and no curve operation was spent.
#[derive(Clone, Debug)]
pub struct Knock {
    kind: CardKind,
    message: Message,
}

impl Knock {
    /// Reads the body: `u8 type ‖ ticket id[8] ‖ message 1`, at most [`MAX_BODY`] octets.
    pub fn read(body: &[u8]) -> Result<Self, Malformed> {
        if body.len() > MAX_BODY {
            return Err(Malformed);
        }
        let mut reader = Reader::new(body);
        let kind = reader.u8().ok_or(Malformed)?;
        let id = reader.array().ok_or(Malformed)?;
        let kind = CardKind::from_octets(kind, id).ok_or(Malformed)?;
        let message = Message::read(Purpose::Enrol(kind), reader.rest(), Sha256::digest(body).into())?;
        Ok(Self { kind, message })
    }

    /// Which card it claims.
    pub const fn kind(&self) -> CardKind {
        self.kind
    }

    /// The message itself.
    pub const fn message(&self) -> &Message {
        &self.message
    }

    /// The SHA-256 of the body. Whoever sends the same body again within the life of its pending enrolment is given
    /// the same answer, without another handshake; only the one who wrote it can read that answer.
    pub const fn message_hash(&self) -> [u8; 32] {
        self.message.hash
    }

    /// Opens message 1 under the psk of the card that it claims, or under a [decoy](super::decoy_psk).
    pub fn open(&self, server_static: &Secret32, psk: &Secret32, authority: &str) -> Result<Introduced, DoesNotOpen> {
        self.message.open(server_static, psk, authority)
    }
}

/// A first message of a handshake that nobody has opened yet, and what it is about.
#[derive(Clone, Debug)]
pub struct Message {
    purpose: Purpose,
    octets: Vec<u8>,
    hash: [u8; 32],
}

impl Message {
    /// A request of this key for its successor; the body is message 1 alone.
    pub fn of_key(keyid: &KeyId, body: &[u8]) -> Result<Self, Malformed> {
        if body.len() > MAX_BODY {
            return Err(Malformed);
        }
        // The key stands in the hash, so that no other key is given the answer to this one.
        let mut hashed = b"countersign/1 rotation\0".to_vec();
        put_lp(&mut hashed, keyid.as_str().as_bytes());
        let hash = Sha256::new().chain_update(hashed).chain_update(body).finalize().into();
        Self::read(Purpose::Rotate(keyid.clone()), body, hash)
    }

    fn read(purpose: Purpose, octets: &[u8], hash: [u8; 32]) -> Result<Self, Malformed> {
        if octets.len() < SHORTEST_MESSAGE {
            return Err(Malformed);
        }
        Ok(Self { purpose, octets: octets.to_vec(), hash })
    }

    /// What names this message among all; see [`Knock::message_hash`].
    pub const fn hash(&self) -> [u8; 32] {
        self.hash
    }

    /// Opens it under this psk, with the static key of the server that the client knows.
    pub fn open(&self, server_static: &Secret32, psk: &Secret32, authority: &str) -> Result<Introduced, DoesNotOpen> {
        let prologue = self.purpose.prologue(authority);
        let mut handshake = Handshake::responder(server_static, psk, &prologue).map_err(|_| DoesNotOpen)?;
        let payload = handshake.read(&self.octets).map_err(|_| DoesNotOpen)?;
        let introduction = FromClient::read(&payload);
        Ok(Introduced { handshake, introduction, hash: self.hash })
    }
}

/// A body that is no request to enrol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the body is not a type octet, a ticket id and a handshake message of at most 4 KiB in all")]
pub struct Malformed;

/// What does not decrypt: a wrong psk, an unknown ticket, another server, a changed octet. One answer for all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the handshake message does not open")]
pub struct DoesNotOpen;

/// The proof that the sender holds the card; what it says of itself is still to be judged.
#[derive(Debug)]
pub struct Introduced {
    handshake: Handshake,
    introduction: Result<FromClient, BadIntroduction>,
    hash: [u8; 32],
}

impl Introduced {
    /// The SHA-256 of the body; see [`Knock::message_hash`].
    pub const fn message_hash(&self) -> [u8; 32] {
        self.hash
    }

    /// What the card holder claims, if it can be taken: well laid out, a name and a label that are allowed, a clock
    /// that is [within a day](within_a_day) of ours. What cannot is refused inside the handshake as `unprocessable`.
    pub fn claim(&self, now: Timestamp) -> Result<Claim, EnrolRefusal> {
        let said = self.said(now)?;
        let username = said.username.parse().map_err(|_| EnrolRefusal::Unprocessable)?;
        Ok(Claim { username, device: said.device.clone(), client_time: said.client_time })
    }

    /// The same of somebody who is a user already: they name nobody, and claim to be who they are.
    pub fn claim_as(&self, username: &Username, now: Timestamp) -> Result<Claim, EnrolRefusal> {
        let said = self.said(now)?;
        if !said.username.is_empty() {
            return Err(EnrolRefusal::Unprocessable);
        }
        Ok(Claim { username: username.clone(), device: said.device.clone(), client_time: said.client_time })
    }

    fn said(&self, now: Timestamp) -> Result<&FromClient, EnrolRefusal> {
        let said = self.introduction.as_ref().map_err(|_| EnrolRefusal::Unprocessable)?;
        if within_a_day(said.client_time, now) { Ok(said) } else { Err(EnrolRefusal::Unprocessable) }
    }

    /// Lets the card holder in. `ephemeral` is 32 random octets, for this call alone.
    pub fn accept(mut self, grant: &Grant<'_>, ephemeral: &Secret32) -> Result<Accepted, HandshakeFailed> {
        let c_rand = self.introduction.as_ref().map_err(|_| HandshakeFailed)?.c_rand.clone();
        let payload = FromServer::Granted {
            keyid: grant.keyid.clone(),
            s_rand: grant.s_rand.clone(),
            server_time: grant.now,
            answers: grant.answers,
        };
        let response = self.handshake.write(&payload.write(), ephemeral)?;
        let root = Root::agreed(&self.handshake.hash()?, &c_rand, &grant.s_rand, grant.keyid.as_str());
        Ok(Accepted { response, root })
    }

    /// Refuses the card holder, in words that only they can read. The answer goes out with HTTP status 200.
    pub fn refuse(mut self, refusal: EnrolRefusal, ephemeral: &Secret32) -> Result<Vec<u8>, HandshakeFailed> {
        self.handshake.write(&FromServer::Refused(refusal).write(), ephemeral)
    }
}

/// What a card holder claims, judged by itself; whether the name is free is the store's to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The wished-for name in its canonical form.
    pub username: Username,
    /// What the user calls the device.
    pub device: String,
    /// The client's clock.
    pub client_time: Timestamp,
}

impl Claim {
    /// Until when the hash of the message must be remembered: as long as the message could be taken.
    ///
    /// That is a day from the *client's* time, not from its arrival: a message from a clock that is a day ahead can be
    /// taken for two days, and would come back as new on the second.
    pub const fn remember_until(&self) -> Timestamp {
        self.client_time.saturating_add(TIME_TOLERANCE)
    }
}

/// What the server grants.
#[derive(Debug)]
pub struct Grant<'a> {
    /// The name of the new key, random.
    pub keyid: &'a KeyId,
    /// 32 random octets, the server's half of the root.
    pub s_rand: Secret32,
    /// The server's clock.
    pub now: Timestamp,
    /// Which answers will be signed.
    pub answers: Answers,
}

/// An enrolment that was answered.
#[derive(Clone, Debug)]
pub struct Accepted {
    /// The body of the answer.
    pub response: Vec<u8>,
    /// The secret that server and client now share.
    pub root: Root,
}

/// Whether the client's clock is at most 24 h off, either way. That bounds for how long a recorded message can be taken,
/// and so for how long its hash must be remembered.
pub fn within_a_day(client: Timestamp, now: Timestamp) -> bool {
    client.since(now) <= TIME_TOLERANCE && now.since(client) <= TIME_TOLERANCE
}

#[cfg(test)]
mod tests;
